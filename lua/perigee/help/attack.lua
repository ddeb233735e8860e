-- Documentation of the library attack and of results; see perigee/help.lua for the form.

local example_net = [[
local net = nn.load("mnist-cnn")
local digits = data.digits(4, { seed = 1 })
]]

-- A method of results that writes a file.
local function writer(name, words)
  return {
    name = "result:" .. name, text = words .. " Raises on failure.",
    params = { { "path", "string", "the file" } },
    returns = { "string", "the path" },
    example = example_net .. ([[
local path = os.tmpname()
attack.fgsm({ model = net, dmax = 0.2 }):run(digits):%s(path)
os.remove(path)]]):format(name),
    see = { "result:save", "record" },
  }
end

local function field(name, kind, text, group)
  return { name = name, kind = "field", group = group, text = text, returns = { kind } }
end

local entries = {
  {
    name = "attack.pgd_exp",
    text = [[
PGD with an exponential line search, the attack of "Deep neural rejection against adversarial
examples". The loss falls along the projected gradient; every iteration tries steps of eta_min, 2
eta_min, … 1024 eta_min and keeps the best. All samples of a run advance in lockstep.

The usual loss, objective = "margin", is the score of the true class (or of the reject class, where
the sample is rejected) less that of the best other class; with a target it is the best other score
less the target's. Below 0 the attack has succeeded. Others are told under attack.pgd.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local pgd = attack.pgd_exp { model = net, norm = "l2", dmax = 2 }
print(pgd)
print(pgd:run(digits))]],
    see = { "attack:run", "attack.pgd", "evaluate.security", "plot.attack" },
  },
  {
    name = "attack.pgd",
    text = [[
Projected gradient descent. The step is the gradient at unit length for l2, its sign for linf, its
largest components for l1, times eta; step = "raw" takes the gradient as it is. Without eta the steps
fall from dmax / 2 by a cosine to a 250th of it; a given eta is kept unless step_schedule = "cosine".
The answer is the best point of the way.

A run ends after max_iter steps, or before where the gradient is 0 or five steps have not moved the
point. Nothing else ends it unless asked: early_stop = true at the first point that evades, eps = 1e-6
where the loss (or after iteration 10 the mean of its last five against the five before) changes by
less. Beware of eps where scores are flat or small: the attack then gives up before it has begun.

What falls is the objective, of the true class y and the reject score (if the model has one):
  margin         the usual one, see attack.pgd_exp
  continuous     the higher of y's and the reject score, less the best other class's: below 0 where
                 margin is, without its jump where a sample begins to be rejected
  cross_entropy  the logarithm of y's softmax over all columns, the reject score's included; with a
                 target, minus the target's
  dlr            continuous (with a target: margin), divided by the highest score less the third
                 (less the mean of third and fourth); undivided where there are no such scores
Whether a point has evaded is always judged by the model's decision.

Where every gradient is next to nothing another direction sees more: ?directions. A loss, a direction and
an eye of one's own on every iteration: ?objectives. Where searches begin, and a dmax for each sample:
?starts.

For l1 a step has the signs of its largest components: 20, or a twentieth of the features if that is less.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local pgd = attack.pgd {
  model = net, norm = "linf", dmax = 0.2, restarts = 2, seed = 1,
}
print(pgd:run(digits))]],
    see = { "attack.pgd_exp", "directions", "objectives", "attack:run" },
  },
  {
    name = "directions", kind = "value",
    text = [[
Along what an attack moves a sample, beside the gradient of its objective.

Where scores are sums of kernels that have all died out, every gradient is next to nothing, and an attack
along it is blind. direction = "log" goes along the gradient of log P_c - log(N_c + max(t, s_y) - b_c)
instead: s_c = P_c - N_c + b_c is the score of the best other class (or the target) by its positive and
negative coefficients, t the reject score. That is above 0 for the same points as s_c - max(t, s_y), and
does not vanish. It is answered by svms of an rbf kernel and by nr, dnr and reject.layer models over such;
others go along the gradient of s_c - max(t, s_y). direction = "smooth" is that gradient with the kernels'
gamma divided by smoothing, { 30, 10, 3, 1 } in equal parts of the run; with "log" smoothing may be given
too. Verdicts, losses and the choice of the best point are always the true model's.]],
    example = [[
local machine = svm.from {
  sv = { { 0, 0 }, { 3, 0 } }, alpha = { { 1, -1 }, { -1, 1 } },
  b = { -0.5, -0.5 }, kernel = svm.rbf(16), classes = { 0, 1 },
}
local defence = reject.new { model = machine, threshold = 0 }
for _, direction in ipairs { "gradient", "log" } do
  local pgd = attack.pgd {
    model = defence, dmax = 5, lower = -9, upper = 9, direction = direction,
  }
  print(direction, pgd:run({ { 1, 3 } }, { y = 0 }).verdict[1])
end]],
    see = { "attack.pgd", "attack.halving", "objectives" },
  },
  {
    name = "objectives", kind = "value",
    text = [[
Parts of any attack may be functions of one's own. They are called with whole batches, and what they are given
is read-only. What counts as a success stays as it is.

objective = function(scores, y, info) answers an array of a loss for each row, which is minimised: a row's
own, of its scores alone. Where array functions make it the gradient follows (?grad); or the function answers
the gradient with respect to the scores as a second result. scores is m x columns, f64, as the model gives
them (-inf where a reject score has no threshold), y the m true labels. info has y, columns (the positions of
y among the scores' columns, from 1: scores:gather(info.columns, 2) are the scores of y whatever the labels
are), target and target_columns where rows have one, rows (the positions of the m rows in the batch), classes
and rejects. With target = "each" a row goes towards one class: info.target.

direction = function(x, w, t, info) answers m x d numbers that take the place of the gradient of the loss: the
attack goes AGAINST them. x is where the m rows stand, w (m x columns) the gradient of the loss with respect
to their scores, t the iteration, from 1, and info as above, with scores. model:gradient(x, w) is the usual
one, and -model:gradient(x, w) climbs. It counts as one gradient, whatever it asks the model.

on_step = function(state) looks on after every iteration; "stop" for an answer ends the run with what there
is: what was under way says "on_step". state has t, iterations, x, scores, loss, distance, evaded (a mask: a
point that reaches the goal has been found), active (how many rows still move), name, run (1, 2, …: further
starts are runs of their own), and y, rows and so on as above: of all rows of the run, stopped ones too.

Results keep no functions, they say that there was one; attack.from wants it again. evaluate.security tells
functions apart by their code and what it refers to: ?evaluate.security.]],
    example = example_net .. [[
-- the cross-entropy of y, by hand: log y's share
local function entropy(scores, _, info)
  return scores:gather(info.columns, 2) - scores:logsumexp(2)
end
local losses = {}
local pgd = attack.pgd { model = net, dmax = 1, objective = entropy,
  on_step = function(state) losses[state.t] = state.loss:mean() end }
print(pgd, pgd:run(digits), losses[1], losses[#losses])
-- only the upper half of a digit moves
local upper = array.arange(784):lt(392)
pgd.direction = function(x, w) return net:gradient(x, w) * upper end
print(pgd:run(digits))]],
    see = { "attack.pgd", "directions", "grad.vjp", "attack.define", "attack:run", "plot.live" },
  },
  {
    name = "queries", kind = "value",
    text = [[
What an attack asks of the model, and how much it may ask: max_queries = 500 in any attack is how many
scores and gradients of points each sample takes at most, over all its classes, restarts and the double
start. A sample stops with "max_queries" before an iteration that could cost more than is left of that: where
several of its classes are tried, as many go on as can be paid for, those of least loss. So the number may
not be reached, and is never passed; what was found so far is the answer. A list or an array has a number for
each sample. attack.ensemble and attack.auto take it for all parts together: each part may spend what the
earlier ones have left.

One score is the sample's, which all classes share, and one that of its point where start is given (?starts);
a step takes a gradient and the score of where it leads (attack.pgd_exp eleven, and one more for each time
that eta_min is halved); along another direction a path that sets out takes one score more. Every part of an
ensemble scores the start anew. Not counted are the last look at the answer, which only scores that point
once more; a gradient that has come with a point's scores and that nobody follows; and the points of
start_from, which are scored once for all samples (the one that is chosen counts). result.evaluations says
what each sample took.

samples = 20 is for a model whose answers change from call to call (one written in Lua that draws random
numbers): every score and every gradient is the mean of so many calls at the same points (expectation over
transformation: Athalye, Engstrom, Ilyas and Kwok, "Synthesizing robust adversarial examples", ICML 2018), and
each call counts. Verdicts too are by means of so many calls, at the start and at the end, also in
attack.judge; result:rescore asks once. Where answers do not change the means are these answers, at so many
times the price.]],
    example = example_net .. [[
local pgd = attack.pgd { model = net, dmax = 1, max_queries = 60 }
local r = pgd:run(digits)
print(r, (r.evaluations.scores + r.evaluations.gradients):max(), r.stop[1])]],
    see = { "attack:run", "result.evaluations", "attack.ensemble", "evaluate.diagnose" },
  },
  {
    name = "starts", kind = "value",
    text = [[
Where an attack's searches begin, and how far each sample may go.

start = points has a row for each sample: its first search begins there, moved into the bounds and then into
the ball around the sample, instead of at the sample. That may be an array or a dataset, or a result, whose
x_adv are taken: attack.pgd { start = r } goes on where r ended. What comes out is never worse than the
sample itself (but of attack.fgsm, whose answer is where its step leads); where nothing better was found the
answer is the sample, and its trace that one point. Further searches (restarts, start_from) are as without
it. attack.fmn, ddn, square and noise measure their way from the sample: they take no start. An
attack.ensemble hands it to those of its parts that do.

start_from = points is another thing, a pool of any number of points for all samples: after the first search
each sample tries the one of least loss there, if that is better than what it has. Points that belong to the
samples, such as r.x_adv, are for start: as a pool, every sample could take another's.

dmax = { 0.5, 1, 2 } or an array is a radius for each sample, in their order. Each is then attacked as it
would be alone with its own: lengths that follow from dmax do. r.dmax holds them, r.params.dmax is "per
sample". All attacks, attack.judge, attack.ensemble and attack.auto take it, and a run in its options;
evaluate.security has its own radii, and evaluate.diagnose wants one for all.]],
    example = example_net .. [[
local r = attack.fgsm({ model = net, norm = "l2", dmax = 1 }):run(digits)
local pgd = attack.pgd { model = net, start = r, dmax = { 0.5, 1, 1, 2 } }
local further = pgd:run(digits)
print(further, further.dmax, further.trace_distance[1][1])]],
    see = { "attack.pgd", "attack:run", "attack.judge", "result.dmax" },
  },
  {
    name = "attack.halving",
    text = [[
Successive halving over the wrong classes. From each sample one path sets out towards every class but the
true one; after a stage the paths go on whose classes are nearest to being accepted, from where they are.
A sample is done at the first step at which it is accepted as any wrong class. It finds what attacks that
choose one class at the start do not, at a fraction of the price of trying all to the end.

A stage of T steps is { classes =, steps = T, eta =, eta_end =, momentum =, smoothing =, layer_smoothing
=, layer_smoothing_later = }: how many of a sample's paths take part (0: all), step t of length
(eta / 2 (1 + cos(pi t / T)) + eta_end) dmax, along the direction at unit length (l2), its sign (linf) or
the signs of its largest components (l1). The direction sees the kernels' gamma divided by smoothing
(that of the machine that decides) and layer_smoothing (those of a dnr's layers; layer_smoothing_later in
the stage's second half). It is the logarithm's unless direction says another: ?directions.
attack.halving{}.stages reads the three that are taken if none are given; the attack prints them as their
paths by their steps: "stages all x 8, 3 x 12, 1 x 40".]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local halving = attack.halving { model = net, norm = "l2", dmax = 1 }
print(halving:run(digits))
print(#halving.stages, halving.stages[1].steps)]],
    see = { "attack.pgd", "attack:run" },
  },
  {
    name = "attack.apgd",
    text = [[
Auto-PGD (Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks", ICML 2020): projected gradient descent with momentum, whose steps become shorter
where they no longer help. With P the projection to ball and bounds and s the unit step along the gradient
(its sign for linf, its direction for l2), eta is 2 dmax at first, and
  z     = P(x − eta s)
  x_new = P(x + 0.75 (z − x) + 0.25 (x − x_old))
Checkpoints come after 22 % of max_iter steps, then after 19 % more, 16 % … but at least 6 %. There eta is
halved and the best point taken up again, if fewer than 75 % of the steps since the last checkpoint made
the loss fall, or if eta was not halved there and nothing better has been found since; and at once where a
step ends on a plateau without a gradient.

For l1 s has the signs of the `largest` components (10) of those that do not push out of the bounds, all of
one size: of one component at a time 100 steps change too few pixels, of many each too little. (On 100
digits at l1 distance 4, 49 evaded with 1 component, 62 with 10, 43 with 39.) It is not the adaptive
sparsity of APGD's authors for l1.

The objective is continuous, not the paper's: it does as well as cross_entropy on models that do not reject,
and alone knows the reject score. Say objective = "cross_entropy" for AutoAttack's APGD-CE, "dlr" for its
APGD-DLR, and "dlr" with a target for its APGD-T; there the ratio is the margin alone where the model has
fewer than 3 (with a target: 4) scores (see attack.pgd). With a target the best other score stands for the
true class's: what counts is that the target is hit. With direction = "log" the schedule follows what is
left to rise, as long as smoothing does not change it. The first run starts at the sample, further ones
(restarts) at random points.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local apgd = attack.apgd { model = net, norm = "linf", dmax = 0.2 }
print(apgd:run(digits))
print(apgd:with({ objective = "dlr", target = 2 }):run(digits))]],
    see = { "attack.pgd", "attack.fmn", "directions", "attack:run" },
  },
  {
    name = "attack.fmn",
    text = [[
The fast minimum-norm attack (Pintor et al., "Fast minimum-norm adversarial attacks through adaptive norm
constraints", NeurIPS 2021): it seeks the nearest point that evades (hits the target), for l1, l2 and linf.
r.distance holds the least distances, of those that evaded; where none was found the answer is the point
of least loss. One run gives a whole security curve: evaluate.security.

Step i of max_iter, T: with share = (1 + cos(π (i − 1) / T)) / 2 alpha falls to alpha_final and gamma to
gamma_final, g is the gradient of the objective without the components that push out of the bounds, and
  epsilon = min(epsilon (1 − gamma), least distance so far)    where the point evades
            epsilon (1 + gamma)                                where an earlier one did
            (1 + gamma) (distance + |loss| / ‖g‖ dual)         where none has yet
  x       = x − alpha g / ‖g‖2, projected to the ball of radius epsilon and to the bounds
alpha is a length in l2 whatever the norm, for features from 0 to 1. Without dmax epsilon grows as it must;
with it never beyond, or with reach = 1.5 half as far again on the way: what is only just in reach is found
more often from outside, and answers are within dmax all the same. The objective should be 0 where the
decision turns, as all but cross_entropy are
(see attack.pgd): continuous knows the reject score. A sample that evades as it is stays ("reached").

Towards the best other class alone the nearest is often missed. target = "each" sets out towards every
class; the five that look nearest go on after an eighth of the steps, three after a quarter, two after
half. direction = "log" sees where kernels have died out (?directions): the ascent's height stands for
the loss then. On 100 digits and the DNR of the paper's size the median distance is 1.9 without both,
1.2 with the direction, 0.95 with both. early_stop ends a sample at its first point that evades, which
need not be the nearest.

There is no FAB: that attack seeks the same distances by projecting to every class's linearised boundary
in turn, and FMN with target = "each" does its work.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local r = attack.fmn({ model = net, norm = "l2", max_iter = 60 }):run(digits)
print(r, r.distance)
print(evaluate.security {
  models = { cnn = net }, attack = attack.fmn { max_iter = 60 },
  data = digits, dmax = { 0, 0.5, 1, 1.5, 2 }, noise = false,
})]],
    see = { "attack.pgd", "directions", "evaluate.security", "attack:run" },
  },
  {
    name = "attack.ddn",
    text = [[
Decoupled direction and norm (Rony et al., "Decoupling direction and norm for efficient gradient-based l2
adversarial attacks and defenses", CVPR 2019): it seeks the nearest point in l2 that evades, as attack.fmn
does, and no other norm. Step i of T = max_iter:
  epsilon = epsilon (1 − gamma) where the point evades, else epsilon (1 + gamma), from radius on
  delta   = x − x0 − alpha g / ‖g‖2, alpha falling to alpha_final by a cosine
  x       = x0 + epsilon delta / ‖delta‖2, moved into the bounds
levels = 256 rounds every x to the values that pixels of 8 bits have, as the paper's experiments do. The
objective is continuous, not the paper's cross_entropy: it does as well where nothing is rejected, and alone
knows the reject score.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local r = attack.ddn({ model = net, max_iter = 60 }):run(digits)
print(r, r.distance)]],
    see = { "attack.fmn", "attack.hopskipjump", "attack:run" },
  },
  {
    name = "attack.mifgsm",
    text = [[
The momentum iterative fast gradient sign method (Dong et al., "Boosting adversarial attacks with momentum",
CVPR 2018), for linf and l2: v = momentum v + g / ‖g‖1, and a step of eta along the sign of v (linf) or v at
length 1 (l2). Its ten steps of dmax / 10 are few; what it finds was made to be carried over to other models
(attack.transfer). The answer is the best point of the way, where the paper takes the last; and the objective
is continuous, which knows the reject score, where the paper's is cross_entropy.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
print(attack.mifgsm({ model = net, dmax = 0.2 }):run(digits))]],
    see = { "attack.fgsm", "attack.pgd", "attack:run" },
  },
  {
    name = "attack.square",
    text = [[
The Square Attack (Andriushchenko et al., "Square Attack: a query-efficient black-box adversarial attack via
random search", ECCV 2020), for linf, l2 and l1 (there as Croce and Hein, "Mind the box", ICML 2021, have it).
It asks for scores alone, so that it attacks a model without a gradient, and one whose gradient lies: a random
change within a window is kept where the loss falls. max_iter points are tried, 5000 as in the paper, one
score each; a sample is done where it evades (early_stop).

The first windows cover the share p of the image; they shrink by the paper's schedule. Windows are of the
samples as the model takes them (net's input, a Lua model's), or else of the dataset's shape: channels, rows,
columns. Rows of features have no shape: windows are features that lie side by side.

A model that answers labels alone tells it nothing: attack.hopskipjump.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local square = attack.square {
  model = net, norm = "linf", dmax = 0.2, max_iter = 200, seed = 1,
}
local r = square:run(digits)
print(r, r.evaluations.scores)]],
    see = { "attack.hopskipjump", "queries", "model", "attack:run" },
  },
  {
    name = "attack.hopskipjump",
    text = [[
HopSkipJump (Chen, Jordan and Wainwright, "HopSkipJumpAttack: a query-efficient decision-based attack", IEEE
S&P 2020), for l2 and linf: it seeks the nearest point that evades (is accepted as the target) by decisions
alone, of any model. In each of max_iter steps a sample looks at `evaluations` times √t points around where it
stands on the boundary (no more than evaluations_most), goes along the mean of those that evade, and comes
back to the boundary by bisection. The first 64 steps take about 35000 scores a sample; max_queries ends it
before that with what there is.

A search begins at a random point of the bounds that evades, the first of `tries`; where none does the sample
stops with "ended". Random points hardly ever hit a target or pass a reject option: start (a point for each
sample) or start_from (a pool of samples, the nearest that evades) give it others, samples of other classes
for example. Points beyond dmax are on the way, and no answers; r.trace_distance has the distances within.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local hop = attack.hopskipjump { model = net, max_iter = 2, seed = 1 }
local r = hop:run(digits)
print(r, r.distance, r.evaluations.scores)
local labels = { -- what answers labels alone
  classes = net.classes, predict = function(_, x) return net:predict(x) end,
}
print(hop:run(digits, { model = labels }))]],
    see = { "attack.square", "attack.fmn", "starts", "queries", "model" },
  },
  {
    name = "attack.transfer",
    text = [[
Gradients of another model, the surrogate, and points that the attacked one judges: attack.pgd's steps along
the surrogate's objective, of which the best by the attacked model's own loss is the answer. A surrogate may
be what a defence is built on (an oblivious attacker), a net that was trained elsewhere, or a smooth copy of a
model whose gradient lies; it has the same classes, and may reject or not. The model is asked for scores
alone, or labels (?model): where it has no gradient this is a way in. Only its answers are counted, and
r.gradient_norm is not known. Results do not keep the surrogate: attack.from(r, { surrogate = … }).]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local defence = reject.new { model = net, threshold = 30 }
local t = attack.transfer { model = defence, surrogate = net, dmax = 3 }
print(t, t:run(digits))]],
    see = { "attack.pgd", "result:rescore", "attack.square", "model" },
  },
  {
    name = "attack.matching",
    text = [[
Feature matching (Sabour, Cao, Faghri and Fleet, "Adversarial manipulation of deep representations", ICLR
2016): each sample is moved until what the model makes of it within is near to what it makes of a guide, the
nearest there of the samples of another class (with a target, of that class). The steps are attack.pgd's,
along the gradient of that distance; the answer is the best point of the way by the objective, and the model
judges it: a classifier on a layer's output has to take it for the guide's class, whatever its gradient is.

What is matched are the outputs of a net's layers (without layers the last but one), the layers' scores of a
dnr, the layers that a classifier on a layer, reject.density or reject.mahalanobis stands on; of an nr and
reject.confidence, energy and squeeze what their model has; of a reject.preprocess and a classic.pipeline what
the model behind them has of what they make; and of any other model the scores of its classes.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local guides = data.digits(40, { seed = 2 })
local matching = attack.matching {
  model = net, guides = guides, layers = "relu4", dmax = 3,
}
print(matching:run(digits))]],
    see = { "attack.pgd", "attack.transfer", "objectives", "attack:run" },
    words = "feature adversary representation sabour guide layer",
  },
  {
    name = "attack.fgsm",
    text = [[
The fast gradient sign method: one step of length dmax along the gradient's sign (linf), its direction
(l2) or its largest component (l1). The answer is where the step leads, better or worse.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
print(attack.fgsm({ model = net, dmax = 0.2 }):run(digits))]],
    see = { "attack.pgd", "attack:run" },
  },
  {
    name = "attack.noise",
    text = [[
No attack: every sample is moved by dmax in a random direction, and back into the bounds. The baseline
that an attack of the same size has to beat.]],
    returns = { "attack", "an object whose options can be read and set; :run(samples) moves them" },
    example = example_net .. [[
print(attack.noise({ model = net, dmax = 2, seed = 1 }):run(digits))]],
    see = { "evaluate.security", "attack:run" },
  },
  {
    name = "attack.auto",
    text = [[
The attacks that we stand behind: an ensemble chosen by what the model is, to be run before a defence is
called one. It knows the reject class, goes towards every wrong class, and sees where kernels have died out.

Where a kernel machine decides over classified layers (a dnr) it is attack.halving along the logarithm four
times: with gamma divided by 10 at first, with that of the layers divided by 10, as it is, and by 30 and 10.
Where one decides alone (an svm, a nr or a layer's over it) it is the first and third of these, and
attack.fmn over the classes, whose search may go half beyond dmax. Elsewhere it is halving along the
gradient, attack.apgd on cross-entropy (continuous where the model rejects), attack.apgd over the classes on
DLR (margin below four classes), and attack.fmn over the classes. Where a gradient is said to be a surrogate
attack.stairs is the second part and attack.square, which follows none, comes behind them; and last, where
neighbours vote (a classic.knn), attack.hopskipjump. A model that answers scores
alone (?model) is attacked by attack.square, one of labels alone by attack.hopskipjump. Against a
reject.density PGD from points at random follows. quick = true is the first part alone.

The stages were chosen on DNRs of MNIST. On the original library's DNR it turns 67 and 100 of 100 digits
at l2 distance 1 and 2, where PGD-Exp turns 13 and 43. The printed result says what each part added, at what
cost.]],
    options = {
      { "model", "model", "none", "what is attacked; must be given" },
      { "norm", '"l1"|"l2"|"linf"', '"l2"', "the norm of the ball and of distances" },
      { "dmax", "number|number[]|array", "none", "how far samples may move, or each; must be given" },
      { "quick", "boolean", "false", "the first part alone" },
      { "target", "integer|array", "none", "the label that the samples shall get, or one for each" },
      { "lower", "number|array", "0", "the least value of every feature, or one for each" },
      { "upper", "number|array", "1", "the greatest value of every feature, or one for each" },
      { "max_queries", "integer|array", "none", "what a sample may take in all parts together: see queries" },
      { "seed", "integer", "the session's", "of the parts' random numbers, where a run gives none" },
      { "samples", "integer", "1", "the calls whose mean is an answer, of a random model: see queries" },
      { "objective", "function", "each part's", "what all parts minimise: see objectives" },
      { "direction", "function", "each part's", "what all parts go against: see objectives" },
      { "on_step", "function", "none", "called after every iteration of every part: see objectives" },
    },
    returns = { "ensemble", "an object as an attack; :run(samples) attacks" },
    example = example_net .. [[
print(attack.auto({ model = net, norm = "l2", dmax = 1 }):run(digits))
print(#attack.auto { model = net, norm = "l2", dmax = 1, quick = true })]],
    see = { "attack.ensemble", "attack.halving", "attack.fmn", "attack.stairs", "attack:run",
      "evaluate.security" },
  },
  {
    name = "attack.ensemble",
    text = [[
Several attacks as one. Each runs on the samples that the earlier ones left: what has evaded (hit its
target), was wrong before or has no scores is not attacked again. What all found is one result, by the rule
of attack.worst, and it says what each part was given, added, cost and left: result.parts, also in files
and wherever the result is printed. A start that no part has attacked has the source 0.

An ensemble is used as an attack is: it runs, and its :with, :set and options (e.dmax = 2) are those of all
parts, as far as every part takes them. Its parts are e[1], e[2], …, copies of the attacks that it was
given; a part may be an ensemble. They have one norm, and attack one model, which one of them, or the run,
says. With a seed the first part has that one, and the others some that follow from it. Of what has a row or
a number for each sample (target, dmax, start) a part gets those of the samples that it attacks.]],
    options = {
      { "name", "string", '"ensemble"', "the result's name, in the table beside the list" },
      { "all", "boolean", "false", "every part attacks all samples: for the least distances" },
      { "seed", "integer", "each part's own", "of the parts' random numbers, where a run gives none" },
      { "max_queries", "integer|array", "none", "what a sample may take in all parts together: see queries" },
    },
    returns = { "ensemble", "an object as an attack; :run(samples) attacks" },
    example = example_net .. [[
local first = attack.pgd { norm = "l2", dmax = 1, max_iter = 5 }
local rest = attack.pgd_exp { dmax = 1 }
local both = attack.ensemble { first, rest, name = "both" }
print(both:run(digits, { model = net }))]],
    see = { "attack:run", "attack.worst", "result.parts", "evaluate.security" },
  },
  {
    name = "attack.define",
    text = [[
An attack of one's own, whose step is written in Lua. attack.NAME is then an attack as any other: it runs,
in attack.ensemble, evaluate.security and evaluate.diagnose too, is drawn, kept in results' files, and made
again from them (attack.from) where it is defined.

  name      as Lua's variables have them, at most 24 characters; one of the program's own cannot be taken, one
            of yours is replaced: attacks that were made before stay as they are.
  step      function(state), called once an iteration for all samples that still move: it answers the next
            points (?state), an array like state.x, or sets state.x.
  options   its own, name = default: a number, an integer, true or false; or { default, low =, high =,
            meaning = }, { "a", words = { "a", "b" } }, { type = "number", initial = "none" }: a type alone
            leaves the option nil until it is given ("integer", "word", "array", "dataset", "model",
            "function"). At most 16, sorted by name. The name of an option that every attack has (norm,
            max_iter, objective …) is given its default here. 1 is an integer, 1.0 a number.
  answer    which point is a sample's: "best", of least loss, of those that evade if any do; "last", where
            it ends; or "nearest", of those that evade, as of attack.fmn.
  patience  iterations without a move after which a sample stops, 5; math.huge where the step tries points
            at random and may stand still for long.
  summary   a few words for the help.

Model, norm, dmax, objective, direction, max_iter, early_stop, restarts, start, target, max_queries and so on
come by themselves. What the step answers is moved into ball and bounds, scored and judged by the attack, and
the answer is scored once more at the end: a step that is wrong finds less, but nothing that is not there.]],
    options = {
      { "name", "string", "none", "of the attack; must be given" },
      { "step", "function", "none", "from the state to the next points; must be given" },
      { "options", "table", "none of its own", "their defaults by their names" },
      { "answer", '"best"|"last"|"nearest"', '"best"', "which point is a sample's" },
      { "patience", "integer", "5", "iterations without a move after which a sample stops" },
      { "summary", "string", "an attack of one's own", "for the help" },
    },
    returns = { "function", "its constructor, attack.NAME" },
    example = example_net .. [[
attack.define {
  name = "momentum", summary = "steps along a mean of gradients",
  options = { eta = { 0.2, low = 0, meaning = "length of a step" } },
  step = function(state)
    local g = state:unit(state:gradient())
    state.memory.g = (state.memory.g or 0) * 0.75 + g
    return state.x - state:unit(state.memory.g) * state.options.eta
  end,
}
local momentum = attack.momentum { model = net, dmax = 1, eta = 0.3 }
print(momentum, momentum:run(digits))]],
    see = { "state", "attack.pgd", "attack:run" },
    words = "custom own plugin register",
  },
  {
    name = "state", kind = "value",
    text = [[
What the step of an attack of one's own is given (attack.define): m samples of d features that still move, in
the order of their rows, and what may be asked of the model. Arrays of it cannot be written; what is computed
from them can. It can be asked only while the step runs.

Samples leave as they stop. An array in state.memory with a row for each of them loses the rows of those that
do, so that it goes with state.x: state.memory.g = 0.9 * (state.memory.g or 0) + g. state.keep is a table that
nobody touches. Both are empty again where restarts, start_from or another group of a big set begin.

A row depends on its own sample alone as long as the step takes no sums or choices over rows: then a sample
gets the same answer alone and in a batch. state:random draws each row's numbers from a generator of its own.

All that is asked counts (?queries): a gradient of where samples stand one gradient, the second time in a
step nothing; points one score; gradients elsewhere both; and the next point one score, but nothing where
the sample stays, or goes where state:score has just been asked about. A sample whose max_queries do not pay
for that and for the score of its next point is told nothing (gradients of 0, scores nan) and stops where it
is. What a step asks of a model by itself, net:scores(x) or grad.value(f, state.x), is not counted.]],
    example = example_net .. [[
attack.define {
  name = "greedy",
  step = function(state)
    local tried = state:project(state.x + 0.3 * state:random())
    local _, loss = state:score(tried)
    local better = loss:lt(state.loss)
    return array.where(better:reshape(#loss, 1), tried, state.x)
  end,
  patience = math.huge,
}
local greedy = attack.greedy { model = net, dmax = 2, max_iter = 9 }
print(greedy:run(digits))]],
    see = { "attack.define", "queries" },
  },
  field("state.x", "array", [[
Where the samples stand, m × d, float32. Points that are assigned are the next ones, of a step that answers
nil.]]),
  field("state.x0", "array", "The samples as they were, m × d, float32."),
  field("state.y", "array", "Their labels, m, int32."),
  field("state.columns", "array", "The positions of y among the scores' columns, m, int32, from 1: "
    .. "scores:gather(state.columns, 2) are the scores of y."),
  field("state.target_columns", "array?", "Those of the targets; nil without."),
  field("state.target", "array?", "The labels that they are moved towards, m, int32; nil where any will do."),
  field("state.scores", "array", "The model's scores where they stand, m × columns, float64."),
  field("state.loss", "array", "The objective's value there, m, float64: what is to fall."),
  field("state.dmax", "number|array", [[
How far the samples may go; a column m × 1, float64, where they have not all the same.]]),
  field("state.norm", "string", 'In which norm: "l1", "l2", "linf".'),
  field("state.t", "integer", "The iteration, from 1."),
  field("state.steps", "integer", "How many there are at most."),
  field("state.options", "table", "The attack's own options."),
  field("state.rows", "array", "Which of the samples that are attacked these are, m, int32, from 1."),
  field("state.memory", "table", "Arrays in it with a row a sample go with the samples."),
  field("state.keep", "table", "What is to last from step to step."),
  field("state.stop", "array?", [[
A mask, m: samples that shall stop after this step ("ended"). It is assigned, and nil before.]]),
  field("state.classes", "integer[]", "The labels of the scores' columns."),
  field("state.rejects", "boolean", "Is there another column behind them, of the reject class?"),
  {
    name = "state:gradient",
    text = [[
Gradients, m × d, float32. Without arguments that of the objective, or along what the option direction says;
"gradient", "log" or "smooth" in its place: ?directions. All lead up: a step goes against them. With weights,
m × columns, the gradient of each row's sum of scores. With points, m × d, that of these, and then also their
scores and losses (not with weights).]],
    params = {
      { "what", "string|array?", 'a direction, or weights of the scores; the option\'s' },
      { "points", "array?", "where; the samples as they stand" },
    },
    returns = { "array, array, array", "gradients; of other points their scores and losses" },
    example = example_net .. [[
attack.define {
  name = "ahead",
  step = function(state)
    local last = state.memory.last or 0
    local g = state:gradient(nil, state:project(state.x + last))
    state.memory.last = last * 0.5 - state:unit(g) * 0.2
    return state.x + state.memory.last
  end,
}
print(attack.ahead({ model = net, dmax = 1, max_iter = 9 }):run(digits))]],
    see = { "state", "directions" },
  },
  {
    name = "state:score",
    text = "Scores of any points, one for each row, and their losses. They need not be in ball and bounds.",
    params = { { "points", "array", "m × d" } },
    returns = { "array, array", "scores, m × columns, and losses, m, float64" },
    example = example_net .. [[
attack.define {
  name = "once",
  step = function(state)
    local scores, loss = state:score(state.x * 0.5)
    print(scores.shape[2], loss)
    return state.x * 0.5
  end,
}
print(attack.once({ model = net, dmax = 5, max_iter = 1 }):run(digits))]],
    see = { "state", "state:gradient" },
  },
  {
    name = "state:project",
    text = [[
Points moved into each sample's ball and into the bounds, as it is done to what a step answers; float32.]],
    params = { { "points", "array", "m × d" } },
    returns = { "array", "the nearest points there" },
    example = example_net .. [[
attack.define {
  name = "corner",
  step = function(state)
    return state:project(state.x0 + 9 * state:random "sign")
  end,
}
local corner = attack.corner { model = net, norm = "linf", dmax = 0.2 }
print(corner:run(digits))]],
    see = { "state", "state:score" },
  },
  {
    name = "state:unit",
    text = [[
Gradients at length 1 in the norm, along which a linear function changes most, row by row: the sign for linf,
divided by the l2 norm for l2, and for l1 the signs of the largest components, as attack.pgd has them.
float64. A row of zeros stays so.]],
    params = { { "g", "array", "m × d" } },
    returns = { "array", "m × d" },
    example = example_net .. [[
attack.define {
  name = "fast", options = { max_iter = 1, norm = "linf" },
  step = function(state)
    return state.x - state:unit(state:gradient()) * state.dmax
  end,
}
print(attack.fast({ model = net, dmax = 0.1 }):run(digits))]],
    see = { "state", "state:gradient" },
  },
  {
    name = "state:random",
    text = [[
Random numbers, each row from a generator of its own, which follows from the seed and the sample: "normal",
"uniform" from 0 to 1, "sign" (1 or -1); "ball", a point of the norm's ball of radius 1, or "direction",
of its surface, as restarts and attack.noise have them. float32.]],
    params = {
      { "kind", "string?", 'one of these; "normal"' },
      { "width", "integer?", "numbers a row; d" },
    },
    returns = { "array", "m × width" },
    example = example_net .. [[
attack.define {
  name = "scatter",
  step = function(state)
    return state.x0 + state.dmax * state:random "ball"
  end,
}
print(attack.scatter({ model = net, dmax = 2, max_iter = 5 }):run(digits))]],
    see = { "state", "state:unit" },
  },
  {
    name = "attack.judge",
    text = [[
A result of points from anywhere: of another program, of one's own search, made by hand. It is what an
attack's is: the model's verdicts of exactly these points and their distances can be counted, judged
again by another model, drawn, saved. Its traces hold start and answer, "stop" is "given", and two scores
were spent on each sample.

A point that is farther away than dmax (its own, where dmax has one for each), or outside the bounds, by more
than 1e-6 (a millionth of dmax, where that is above 1) is an error, which names the sample and says by how
much; with check = false it is kept. y may be left out only where x0 is a dataset: what the model takes a
sample for is no truth.]],
    returns = { "result", "what the points are to the model" },
    example = example_net .. [[
local noise = 0.05 * array.randn(4, 784, { seed = 1 })
local shaken = (digits.x + noise):clip(0, 1)
print(attack.judge {
  model = net, x0 = digits, x_adv = shaken, norm = "linf", name = "shaken",
})]],
    see = { "result", "attack:run", "attack.worst", "result:rescore" },
  },
  {
    name = "attack.worst",
    text = [[
Each sample's worst answer over a list of results: the one that serves the attacker best. All must be of
the same samples, labels, norm and model: a result of several models would be true of none, so that they
are refused where the scores before the attack differ by more than rounding. The scores of a model whose
answers change from call to call do; say same_model = true of it.

An answer that has evaded comes before one that was wrong before the attack, then those that are correct
or rejected, then those that failed. Of two that have evaded the nearer one is taken; of two that have
not, the one with less between it and evading: the higher of y's and the reject score, less the best other
class's. Where all results have the same target, one that hits it comes before all others. Of equals the
earlier result's is taken. The evaluations are those of all.

result.source says which result each answer is from, and result.parts what is known of each, such as its
params.dmax where they differ; printing shows that as a table.]],
    options = {
      { "name", "string", '"worst"', "the new result's name, in the table beside the list" },
      { "same_model", "boolean", "false", "take them for results of one model, whatever their scores" },
    },
    returns = { "result", "each sample's worst answer" },
    example = example_net .. [[
local pgd = attack.pgd({ model = net, dmax = 1 }):run(digits)
local exp = attack.pgd_exp({ model = net, dmax = 1 }):run(digits)
print(attack.worst { pgd, exp, name = "both" })]],
    see = { "attack.judge", "attack.ensemble", "result.source", "result.parts" },
  },
  {
    name = "attack.from",
    text = [[
The attack that found a result, as the result's parameters say: the same options, target, dmax and seed, so
that on the same samples and model it finds the same again. A result has no model in it, nor points that the
attack set out from (start, start_from), no functions (objective, direction, on_step) and no max_queries of
each sample: give them, and whatever else shall differ, as options; of attack.matching its
guides and layers. Of attack.ensemble, attack.auto and
attack.worst it is an ensemble of the parts that they had. There is none of points that were given to
attack.judge.]],
    params = {
      { "result", "result", "of an attack, or a part of one, or one from a file" },
      { "options", "table?", "{ model =, dmax =, … }: what attack:with takes" },
    },
    returns = { "attack", "an attack, or an ensemble of attacks" },
    example = example_net .. [[
local r = attack.pgd({ model = net, dmax = 2, target = 3 }):run(digits)
local again = attack.from(r, { model = net })
print(again, again:run(digits).x_adv:equal(r.x_adv))
print(attack.from(r, { model = net, dmax = 1 }):run(digits))]],
    see = { "attack:with", "result.params", "result:where", "perigee.load" },
  },
  {
    name = "attack:run",
    text = [[
Attacks all samples, 128 of them at a time; under mpirun the ranks share these groups, with the bits of one
process. (An on_step sees all samples at once, in one process.) A target is a label that all shall get, or
one for each; target = "nearest" goes towards the class whose score is best after the true one's at the
start, "each" towards every other class in turn, and the best answer counts: with both any wrong class is a
success. The true classes are the dataset's, or y's, or else the model's own best ones. Ctrl-C ends it with
what there is: a sample that was not finished says "interrupted". Where scores or a gradient are not finite a
run stops with "not_finite" and keeps the answer that it had; where scores are so at its start its verdict is
"failed", and it has no label (−2147483648). What start and start_from are, and a dmax for each: ?starts.]],
    params = {
      { "samples", "dataset|array", "a dataset, rows of features, or one sample" },
    },
    returns = { "result", "what was found, for every sample" },
    example = example_net .. [[
local pgd = attack.pgd { norm = "l2", dmax = 2 }
print(pgd:run(digits, { model = net, target = 2 }))]],
    see = { "attack:with", "starts", "queries", "result", "result:counts" },
  },
  {
    name = "attack:with",
    text = [[
Another attack, the same but for these options, which are those of its constructor. Options can also
be read and set one by one: a.dmax = 3, or nil for the default; and several at once by a:set { … }.]],
    params = { { "options", "table", "those of the attack's constructor" } },
    returns = { "attack", "a new object" },
    example = example_net .. [[
local pgd = attack.pgd_exp { model = net, dmax = 2 }
print(pgd:with { dmax = 0.2, norm = "linf" })]],
    see = { "attack:run" },
  },
  {
    name = "attack:set",
    text = [[
Sets options of this attack, those of its constructor. A mistake in one leaves all as they were.]],
    params = { { "options", "table", "names with values" } },
    returns = { "attack", "the attack itself" },
    example = example_net .. [[
print(attack.pgd({ model = net, dmax = 1 }):set { dmax = 2, max_iter = 100 })]],
    see = { "attack:get", "attack:with" },
  },
  {
    name = "attack:get",
    text = "The value of an option; nil where it is left to the attack, as eta may be.",
    params = { { "name", "string", "an option of the attack's constructor" } },
    returns = { "any", "what a.NAME gives" },
    example = 'print(attack.pgd({ dmax = 1 }):get("dmax"))',
    see = { "attack:set" },
  },
  field("ensemble.name", "string", "The name that its results have."),
  field("ensemble.all", "boolean", "Whether every part attacks all samples."),
  field("ensemble.max_queries", "integer|array?", [[
How many scores and gradients a sample may take in all parts together (?queries); parts may have a number of
their own besides.]]),
  field("attack.name", "string",
    'Which attack it is: "pgd_exp", "pgd", "square" …'),
  field("attack.minimal", "boolean",
    "Whether it seeks the least distance (attack.fmn, ddn, hopskipjump): its answers hold for every dmax."),
  {
    name = "result", group = "Results",
    kind = "value",
    text = [[
What an attack found. Always a batch of n samples: #r is n and r[i] the result of one; print(r) is a line,
and a second one where searches that failed had lost their gradient (result.flat). r[{1, 20}] is the result of
these samples, r[{-20}] of the last twenty, r[{1, 20, 2}] of every second one, as slices of arrays are;
a mask (r[r.y:eq(3)]) or an array of positions, r:take(positions) and r:where(condition) choose others.
Such a part is a result like any other; its params say of how many samples it was chosen: taken_from.

Arrays have a row a sample: x0 and x_adv (the samples and the answers), y, label, start_label, target,
scores, start_scores, distance, dmax, kernel_end. Lists have an item a sample: verdict, start_verdict, hit,
stop, flat; loss, trace, trace_distance, gradient_norm, largest_kernel and iterates hold an array each, from
the start to the answer.

A result never changes: its arrays are read-only views (r.x_adv:copy() can be written), its lists copies,
in which you may write without changing what it counts, prints or saves. r:rescore(model) judges the same
points by another model.]],
    example = example_net .. [[
local r = attack.pgd({ model = net, dmax = 2 }):run(digits)
print(r, r.verdict[1], r.distance)
show { r.x0[1], r.x_adv[1], r.x_adv[1] - r.x0[1] }]],
    see = { "attack:run", "result:where", "result:counts", "result:rescore", "result:save", "plot.attack" },
  },
  {
    name = "result:where",
    text = [[
The samples that a condition holds for, as a result of them. A word says what became of a sample: a verdict
("correct", "rejected", "wrong", "evaded", "failed"), "robust" (correct before, correct or rejected now),
"hit", "flat", or why its run ended (result.stop). A function is called with the result of each sample, a
result of one (one.distance[1] > 0.5), and its position; a mask has a 0 or 1, or a boolean, for each.]],
    params = { { "condition", "string|function|array|table", "what is to hold" } },
    returns = { "result", "of these samples, in their order" },
    example = example_net .. [[
local r = attack.pgd({ model = net, dmax = 2 }):run(digits)
print(r:where("evaded"), r:where(r.distance:gt(1)))
print(#r:where(function(one) return one.y[1] == 3 end))]],
    see = { "result:take", "result", "result.verdict" },
  },
  {
    name = "result:take",
    text = "The samples at some positions, as a result of them; in that order, repeats allowed.",
    params = { { "positions", "array|integer[]", "from 1, or from −1 at the end" } },
    returns = { "result", "of these samples" },
    example = example_net .. [[
local r = attack.fgsm({ model = net, dmax = 0.2 }):run(digits)
print(r:take(r.distance:argsort()).distance)]],
    see = { "result:where", "result" },
  },
  {
    name = "result:counts",
    text = [[
How many of the answers are correct, rejected, wrong (and were so before the attack) and evaded (and were
not); and failed, whose scores were not finite before the attack: that proves nothing. robust are those
that were correct before and are correct or rejected now.]],
    returns = { "table", "{ correct, rejected, wrong, evaded, failed, robust }, and hit where targeted" },
    example = example_net .. [[
local counts = attack.fgsm({ model = net, dmax = 0.2 }):run(digits):counts()
print(counts.correct, counts.rejected, counts.evaded)]],
    see = { "result" },
  },
  {
    name = "result:rescore",
    text = [[
The same points judged by another model with the same classes: what an attack on the bare CNN does to
the defence. Traces follow every iterate if their pixels were kept, else start and answer alone. Where the
objective was a function the losses are the margin's.]],
    params = { { "model", "model", "the judge" } },
    returns = { "result", "with the other model's scores, labels, verdicts and losses" },
    example = example_net .. [[
local r = attack.fgsm({ model = net, dmax = 0.2 }):run(digits)
print(r:rescore(reject.new { model = net, threshold = 5 }))]],
    see = { "result", "attack:run" },
  },
  {
    name = "result:save",
    text = [[
Writes the result, traces and seed included, as safetensors, which perigee.load reads; to a name that ends in
.csv, .json, .tex or .npz what the methods of those names do. Of other endings all
but .safetensors and none are refused. Raises on failure. In memory every sample takes about 800 bytes beside
its numbers, so that a result of very many small samples is larger there than its file.]],
    params = { { "path", "string", "the file" } },
    returns = { "string", "the path" },
    example = example_net .. [[
local path = os.tmpname()
attack.fgsm({ model = net, dmax = 0.2 }):run(digits):save(path)
print(perigee.load(path))
os.remove(path)]],
    see = { "perigee.load", "result:csv", "result:json", "result:latex", "result:npz" },
  },
  writer("json", [[
Writes names, parameters, counts and, for every sample, its labels, verdicts, scores, distance, last loss and
queries as JSON. Numbers are exact; what JSON has no number for is null.]]),
  writer("latex", [[
Writes how many samples had each verdict before the attack and have it now, as a tabular between the rules of
the LaTeX package booktabs.]]),
  writer("npz", [[
Writes its arrays into a compressed npz that numpy.load and data.read_npz read: those of the samples by their
names (verdict and start_verdict as numbers: correct is 1, rejected 2, wrong 3, evaded 4, failed 5), and the
traces of all samples one after the other as trace.loss and so on, with their lengths in trace.length.]]),
  {
    name = "result:csv",
    text = [[
Writes the traces as CSV, a line an iterate: sample, iterate, loss, score_LABEL for every class, reject
where the model rejects, distance, gradient_norm and largest_kernel where the result has any (nan where none
was taken, as at the last point), and dmax where each sample has its own. Raises on failure.]],
    params = { { "path", "string", "the file" } },
    returns = { "string", "the path" },
    example = example_net .. [[
local path = os.tmpname()
attack.fgsm({ model = net, dmax = 0.2 }):run(digits):csv(path)
for line in io.lines(path) do print(line) end
os.remove(path)]],
    see = { "result:save" },
  },
  field("result.x0", "array", "The samples, n × features, float32."),
  field("result.x_adv", "array", "The answers, n × features, float32."),
  field("result.y", "array", "The true labels, int32."),
  field("result.label", "array", "The answers' labels, int32; −1 where rejected."),
  field("result.start_label", "array", "The samples' labels before the attack, int32; −1 where rejected."),
  field("result.target", "array?", "The labels that were wanted, int32; nil without a target."),
  field("result.hit", "boolean[]?", "Whether the wanted label was got; nil without a target."),
  field("result.scores", "array", [[
The answers' scores, n × columns, float64: a column a class, the reject column last. They are taken once
more from the stored points.]]),
  field("result.start_scores", "array", "The samples' scores before the attack, n × columns, float64."),
  field("result.distance", "array", "How far the answers are from the samples, in the norm; float64."),
  field("result.dmax", "array?", [[
How far each sample was allowed to go, float64, where that was not the same for all; else nil:
result.params.dmax.]]),
  field("result.verdict", "string[]",
    '"correct", "rejected", "evaded", "wrong" where it was so before, or "failed" where its scores were not '
      .. "finite: what became of each."),
  field("result.start_verdict", "string[]",
    '"correct", "rejected", "wrong" or "failed": what each was before.'),
  field("result.stop", "string[]",
    'Why each ended: "max_iter"; "still" (five steps have not moved it); "zero_gradient"; "reached" (with '
      .. 'early_stop, or of attack.fmn where the sample itself does it); "outrun" (another of its classes '
      .. 'was nearer, or there); "converged" (with eps); "max_queries" (the next step could not be paid for: '
      .. '?queries); "ended" (state.stop, or attack.hopskipjump found no start); "on_step" (?objectives); '
      .. '"interrupted"; "not_finite" (scores or gradient); '
      .. '"given" (nothing was searched: attack.judge, or left alone by attack.ensemble).'),
  field("result.loss", "array[]", "The loss of every iterate, from the start to the answer; float64."),
  field("result.trace", "array[]", "The scores of every iterate, iterates × columns, float64."),
  field("result.trace_distance", "array[]", "The distance of every iterate; float64."),
  field("result.gradient_norm", "array[]?", [[
The l2 norm, float64, of the gradient at each of the iterates: of the model's plain loss, or, where the
attack ascends (?directions, attack.halving), of what it ascends along. NaN where none was taken, as at the
last point. nil where nothing was searched for (attack.judge) or another
model has judged since (result:rescore).]]),
  field("result.largest_kernel", "array[]?", [[
Where a machine of rbf kernels decides (an svm, or that in a nr or layer model, a dnr's combiner): the largest
of its kernels exp(-gamma d^2) at each of the iterates, float64, as they are, whatever the direction sees.
Next to 0 there is nothing near for a gradient to follow: ?directions. NaN where result.gradient_norm is, nil
where no such machine decides.]]),
  field("result.kernel_end", "array?", [[
The same where each search ended, n numbers: at the last gradient, which may be behind the answer.]]),
  field("result.flat", "boolean[]?", [[
Whether each search failed because there was nothing to follow any more: it has not evaded (not hit its
target), and where it ended, which may be behind the answer, the gradient's norm was below a hundredth of that
at the start. That is a masked gradient, not robustness. It ends no run: `stop` says what did. nil where
result.gradient_norm is.]]),
  field("result.iterates", "array[]?",
    "The pixels of every iterate, iterates × features; nil unless the attack's option iterates is set."),
  field("result.evaluations", "table",
    "How often each sample asked the model (?queries): { scores = array, gradients = array }, int32."),
  field("result.classes", "integer[]", "The model's labels, in the order of the scores' columns."),
  field("result.rejects", "boolean", "Whether the last column is the reject class's."),
  field("result.shape", "integer[]", "The shape of one sample."),
  field("result.params", "table", [[
The attack's options, with its choices where they were left open. dmax is "per sample" where each had its
own: result.dmax; target is there where it was a word. attack.from makes the attack again.]]),
  field("result.seed", "integer", "The seed of its random points."),
  field("result.source", "array?", [[
Which part each answer is from, an index of result.parts, int32, where the result is made of several
(attack.worst, attack.ensemble); 0 where none has attacked the sample. Else nil.]]),
  field("result.parts", "table[]?", [[
What the parts of a result that is made of several did in their runs: name, samples, evaded, scores,
gradients, params; those of attack.ensemble also text, options, left and seconds. Else nil. result.evaluations
has one score a sample more than an ensemble's parts: it looks at the samples before the first.]]),
  field("result.attack", "string", "The attack's name."),
  field("result.model", "string", 'The kind of the model: "net", "dnr" … or "lua".'),
}

return {
  name = "attack",
  title = "Attacks",
  summary = "FGSM, PGD, PGD-Exp, APGD, FMN and halving on any model, and what they find.",
  entries = entries,
}
