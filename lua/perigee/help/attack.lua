-- Documentation of the library attack and of results; see perigee/help.lua for the form.

local common = {
  model = { "model", "model", "none",
    "what is attacked: a net, an svm, an nr, a dnr, or a model written in Lua" },
  dmax = { "dmax", "number", "none", "how far a sample may move, in the norm; must be given" },
  lower = { "lower", "number|array", "0", "the least value of every feature, or one for each" },
  upper = { "upper", "number|array", "1", "the greatest value of every feature, or one for each" },
  target = { "target", "integer|array", "none",
    "the label that the samples shall get, or one for each; without it any wrong one" },
  iterates = { "iterates", "boolean", "false", "keep the pixels of every iterate in the result" },
  seed = { "seed", "integer", "the session's", "of the random points" },
  restarts = { "restarts", "integer", "0", "further runs from random points of the ball; the best counts" },
  start_from = { "start_from", "dataset|array", "none",
    "double start: the point here with the least loss is tried as a second start" },
  eps = function(default)
    return { "eps", "number", default, "stop when the loss changes by less" }
  end,
  norm = function(default)
    return { "norm", '"l1"|"l2"|"linf"', default, "the norm of the ball and of distances" }
  end,
}

local example_net = [[
local net = nn.new {
  input = { 1, 8, 8 }, classes = { 0, 1, 2 }, seed = 1,
  nn.flatten {}, nn.linear { out = 3, name = "fc" },
}
local digits = data.new { x = array.rand(4, 8, 8, { seed = 2 }), y = { 0, 1, 2, 0 } }
]]

local entries = {
  {
    name = "attack.pgd_exp",
    text = [[
PGD with an exponential line search, the attack of "Deep neural rejection against adversarial
examples". The loss falls along the projected gradient; every iteration tries steps of eta_min, 2
eta_min, … 1024 eta_min and keeps the best. All samples of a run advance in lockstep.

The loss is the score of the true class (or of the reject class, where the sample is rejected) less
that of the best other class; with a target it is the best other score less the target's. Below 0
the attack has succeeded.]],
    options = {
      common.model, common.norm '"l2"', common.dmax,
      { "eta", "number", "0.1; 0.01 for linf", "the grid of the line search" },
      { "eta_min", "number", "eta", "where the line search starts: a multiple of eta" },
      common.eps "1e-8",
      { "max_iter", "integer", "30", "iterates at most, the start included" },
      common.start_from, common.restarts, common.target, common.lower, common.upper, common.iterates,
      common.seed,
    },
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
local pgd = attack.pgd_exp { model = net, norm = "l2", dmax = 1 }
print(pgd)
print(pgd:run(digits))]],
    see = { "attack:run", "attack.pgd", "evaluate.security", "plot.attack" },
  },
  {
    name = "attack.pgd",
    text = [[
Projected gradient descent with a fixed step. The step is the gradient at unit length for l2, its
sign for linf, its largest component for l1, times eta; step = "raw" takes the gradient as it is. The
answer is the best point of the way.]],
    options = {
      common.model, common.norm '"l2"', common.dmax,
      { "eta", "number", "2.5 dmax / max_iter", "the length of a step" },
      { "step", '"raw"|"unit"|"sign"|"largest"', "the norm's", "how the gradient becomes a step" },
      common.eps "1e-6",
      { "max_iter", "integer", "50", "steps at most" },
      common.restarts, common.start_from, common.target, common.lower, common.upper, common.iterates,
      common.seed,
    },
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
print(attack.pgd { model = net, norm = "linf", dmax = 0.1, restarts = 2, seed = 1 }:run(digits))]],
    see = { "attack.pgd_exp", "attack.fgsm", "attack:run" },
  },
  {
    name = "attack.fgsm",
    text = [[
The fast gradient sign method: one step of length dmax along the gradient's sign (linf), its direction
(l2) or its largest component (l1). The answer is where the step leads, better or worse.]],
    options = {
      common.model, common.norm '"linf"', common.dmax, common.target, common.lower, common.upper,
      common.iterates,
    },
    returns = { "attack", "an object whose options can be read and set; :run(samples) attacks" },
    example = example_net .. [[
print(attack.fgsm { model = net, dmax = 0.1 }:run(digits))]],
    see = { "attack.pgd", "attack:run" },
  },
  {
    name = "attack.noise",
    text = [[
No attack: every sample is moved by dmax in a random direction, and back into the bounds. The baseline
that an attack of the same size has to beat.]],
    options = {
      common.model, common.norm '"l2"', common.dmax, common.lower, common.upper, common.seed, common.target,
      common.iterates,
    },
    returns = { "attack", "an object whose options can be read and set; :run(samples) moves them" },
    example = example_net .. [[
print(attack.noise { model = net, dmax = 0.5, seed = 1 }:run(digits))]],
    see = { "evaluate.security", "attack:run" },
  },
  {
    name = "attack:run",
    text = [[
Attacks all samples as one batch. The true classes are the dataset's, or y's, or else the model's own
best ones. Ctrl-C ends it with what there is: a sample that was not finished says "interrupted". It
raises where the model gives scores or gradients that are not finite.]],
    params = {
      { "samples", "dataset|array", "a dataset, rows of features, or one sample" },
      { "options", "table?", "for this run alone" },
    },
    options = {
      { "y", "integer|array", "the dataset's", "true labels" },
      common.target, common.model, common.start_from, common.seed,
    },
    returns = { "result", "what was found, for every sample" },
    see = { "attack:with", "result", "result:counts" },
  },
  {
    name = "attack:with",
    text = "Another attack, the same but for these options.",
    params = { { "options", "table", "options of the attack" } },
    returns = { "attack", "a new object" },
    example = example_net .. [[
local pgd = attack.pgd { model = net, dmax = 1 }
print(pgd:with { dmax = 2, norm = "linf" })]],
    see = { "attack:run" },
  },
  {
    name = "result",
    kind = "field",
    text = [[
What an attack found, a batch of n samples: #r is n and r[i] the result of one.

Arrays of n rows: r.x0 and r.x_adv (the samples and the answers), r.y, r.label and r.start_label (−1 is
rejected), r.target, r.scores and r.start_scores (a column a class, the reject column last; those of
the answers are taken once more from the stored points), r.distance. r.evaluations.scores and
.gradients count the model's evaluations of each sample.

Lists of n: r.loss (the loss of every iterate, from the start to the answer), r.trace (its scores, a
row an iterate), r.trace_distance, r.iterates (its pixels, where they were asked for), r.verdict
("correct", "rejected" or "evaded"), r.start_verdict ("correct", "rejected" or "wrong"), r.hit, r.stop
("converged", "max_iter", "zero_gradient" or "interrupted").

And r.classes, r.rejects, r.shape, r.params, r.seed, r.attack and r.model (their names).]],
    see = { "attack:run", "result:counts", "result:rescore", "result:save", "plot.attack" },
  },
  {
    name = "result:counts",
    text = "How many of the answers are correct, rejected and evaded; for a targeted attack also hit.",
    returns = { "table", "{ correct =, rejected =, evaded = }" },
    example = example_net .. [[
local counts = attack.fgsm { model = net, dmax = 0.1 }:run(digits):counts()
print(counts.correct, counts.rejected, counts.evaded)]],
    see = { "result" },
  },
  {
    name = "result:rescore",
    text = [[
The same points judged by another model with the same classes: what an attack on the bare CNN does to
the defence. Traces follow every iterate if their pixels were kept, else start and answer alone.]],
    params = { { "model", "model", "the judge" } },
    returns = { "result", "with the other model's scores, labels, verdicts and losses" },
    example = example_net .. [[
local r = attack.fgsm { model = net, dmax = 0.1 }:run(digits)
print(r:rescore(reject.new { model = net, threshold = 0.5 }))]],
    see = { "result", "attack:run" },
  },
  {
    name = "result:save",
    text = [[
Writes the result, traces and seed included, as safetensors; perigee.load reads it. Raises on failure.]],
    params = { { "path", "string", "the file" } },
    returns = { "string", "the path" },
    see = { "perigee.load", "result:csv" },
  },
  {
    name = "result:csv",
    text = [[
Writes the traces as CSV, a line an iterate: sample, iterate, loss, score_LABEL for every class, reject
where the model rejects, distance. Raises on failure.]],
    params = { { "path", "string", "the file" } },
    returns = { "string", "the path" },
    see = { "result:save" },
  },
}

return {
  name = "attack",
  title = "Attacks",
  summary = "FGSM, PGD and PGD-Exp on any model, all samples in lockstep, and what they find.",
  entries = entries,
}
