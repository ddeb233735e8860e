-- Documentation of the library dnr; see perigee/help.lua for the form.

local example_defence = [[
local known = data.digits(200, { seed = 1 })
local defence = dnr.new {
  net = nn.load("mnist-cnn"), layers = { "relu3", "relu4" },
  layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 1 },
  combiner = svm.new { kernel = svm.rbf(1), C = 0.1 },
}
]]

local function field(name, kind, text)
  return { name = "dnr." .. name, kind = "field", text = text, returns = { kind } }
end

local function member(name, kind, text)
  return { name = "tuning." .. name, kind = "field", text = text, returns = { kind } }
end

local example_tuning = example_defence .. [[
local found = dnr.tune(defence, known, {
  layers = { C = { 1, 10 }, gamma = { 1e-3, 1e-2 }, relu4 = { C = 5 } },
  combiner = { C = { 0.1, 1 }, gamma = { 0.1, 1 } },
  folds = 3, seed = 1,
})
]]

local entries = {
  {
    name = "dnr.new",
    text = [[
Deep neural rejection. A classifier looks at each of several layers of a net, a combiner at their scores
side by side, and a sample is rejected whose best score is not above a threshold. The method is that of
A. Sotgiu et al., "Deep neural rejection against adversarial examples", EURASIP J. on Information Security
2020:5.

Parts that are fitted are taken as they are: with all of them the defence is ready. Its classes are the
combiner's, for which the scores of the layers' classifiers are features: those may know other classes, even
and odd under a combiner of ten digits. fit trains all of them anew, to the same. A net that is trained
afterwards has other features, of which the parts know nothing: fit has to be called again. Any model that
does not reject by itself can be a part, one written in Lua too.]],
    returns = { "dnr", "a model; fitted if all its parts are" },
    example = example_defence .. [[
defence:fit(known, { seed = 1 })
defence.threshold = defence:threshold_for(0.1, known)
print(defence)
print(metrics.report(defence, known))]],
    see = { "dnr:fit", "dnr.tune", "dnr:set", "dnr:threshold_for", "attack.pgd_exp", "reject.new" },
  },
  {
    name = "dnr.tune",
    text = [[
Chooses C and gamma of a defence's SVMs by cross-validation, sets them, and fits the defence. `layers` are
the values to try for all layers, or by a layer's name for that one, which go before; what is not given stays
as the part has it. First each layer's classifier: every pair of values is trained on all folds but one and
judged on that one, by the accuracy over all samples. Then the combiner, by the same folds, on the scores that
the chosen classifiers gave the samples they had not seen. The first of equally good pairs wins, in the order
given: C by C, and for each the values of gamma.

The net runs once. Of each part the distances between samples are computed once and the kernel matrix once for
each gamma, whatever C, fold or class is trained on it. What the candidates are trained with is the built-in
solver, unless `solver` says libsvm. A kernel without gamma has values of C alone; a part that is no SVM is
judged as it is.

In the end the defence is as after defence:set(found.chosen):fit(ds, { folds =, seed = }), trained with its
parts' own solvers; its threshold stays what it was: choose it anew. With fit = false the values are set and
count from the next fit on. The progress says how much memory it will take, 8 to 10 bytes for each pair of
samples with the built-in solver or what the fit needs if that is more; more than there is left is refused
before anything is done. After Ctrl-C the defence is what it was, and the answer has what was tried.]],
    params = {
      { "defence", "dnr", "the defence, fitted or not" },
      { "ds", "dataset", "samples with labels, of the net's inputs" },
    },
    returns = { "tuning", "what was tried and chosen; it prints as tables" },
    example = example_tuning .. [[
print(found)
print(found.chosen["relu4.C"], defence.relu4)]],
    see = { "tuning", "dnr:set", "dnr:fit", "svm.search" },
  },
  {
    name = "dnr:fit",
    text = [[
Trains all classifiers. The combiner learns from out-of-fold scores: in each fold the layers' classifiers
are trained on the other folds; afterwards every one of them is trained once more on everything. The
threshold stays what it is: choose it anew.

The progress says how much memory it will take, most of it kernel matrices: 12 bytes for each pair of
samples with libsvm, 4 or 5 with svm.new{ solver = "smo" }, less where there are many samples (?svm.new).
Under mpirun the ranks share the problems of classes and folds. More than there is left is refused before
anything is done, with the arithmetic.

Training works on clones that take the parts' places when all is done. After Ctrl-C, or an error in a part,
the defence is what it was before.]],
    params = { { "ds", "dataset", "samples with labels, of the net's inputs" } },
    returns = { "dnr", "the defence itself" },
    example = example_defence .. [[
print(defence:fit(known, { folds = 3, seed = 1 }))]],
    see = { "dnr.new", "dnr:set" },
  },
  {
    name = "dnr:set",
    text = [[
Sets hyperparameters: "LAYER.NAME" of a layer's classifier, "combiner.NAME", and "threshold". NAME is one of
that part's own, such as C or kernel.gamma. A wrong name is an error that lists the valid ones, and then none
is set. All but the threshold count from the next fit on. dnr:get reads one.]],
    params = { { "values", "table", '{ ["relu4.C"] = 1, ["combiner.kernel.gamma"] = 0.5 }' } },
    returns = { "dnr", "the defence itself" },
    example = example_defence .. [[
defence:set { ["relu3.C"] = 10, ["combiner.kernel.gamma"] = 0.5 }
print(defence:get("relu3.C"), defence.relu3)]],
    see = { "model:get", "dnr.layers" },
  },
  {
    name = "dnr:threshold_for",
    text = [[
The threshold that rejects the share p of these samples: the floor(p n)-th smallest of their best class
scores; -inf where that is none. It is not set: assign it to defence.threshold.]],
    params = { { "p", "number", "the share to reject, 0 to 1" }, { "ds", "dataset|array", "the samples" } },
    returns = { "number", "the threshold" },
    example = example_defence .. [[
defence:fit(known, { seed = 1 })
defence.threshold = defence:threshold_for(0.1, known)
print(metrics.counts(defence, known).rejected)]],
    see = { "metrics.rejection_rate", "nr:threshold_for" },
  },
  {
    name = "dnr:layer_scores",
    text = [[
The layers' scores side by side, in the order of the layers: what the combiner is given. Within grad.value
and grad.vjp it is an operation that goes back by dnr:backward.]],
    params = { { "x", "dataset|array", "samples of the net's inputs" } },
    returns = { "array", "n × (layers · classes), float32" },
    example = example_defence .. [[
defence:fit(known, { seed = 1 })
print(defence:layer_scores(known:slice(1, 3)))]],
    see = { "dnr:backward", "dnr:fit", "dnr.combiner" },
  },
  {
    name = "dnr:backward",
    text = [[
The gradient with respect to the samples of dz · layer_scores(x): back through the layers' classifiers, and
through the net in one reverse pass. With the gradient of a loss on the layers' scores for dz it is the
chain rule, so that a combiner of one's own, or another loss than the combiner's, needs nothing else.]],
    params = { { "x", "dataset|array", "samples of the net's inputs" },
      { "dz", "array|table", "n × (layers · classes), in the order of the layers, or one row for all" } },
    returns = { "array", "n × features, float32" },
    example = example_defence .. [[
defence:fit(known, { seed = 1 })
local x = known.x:slice { 1, 3 }
local z = defence:layer_scores(x)
-- of the sum of the scores' squares
local slope = defence:backward(x, z * 2)
print(slope.shape[1], slope.shape[2])]],
    see = { "dnr:layer_scores", "model:gradient", "model:with" },
  },
  {
    name = "tuning", kind = "value",
    text = [[
What dnr.tune gives. It prints as one table for each part, a row a C and a column a gamma: accuracies in per
cent, behind them the standard deviation of the folds' own, a star at the best. A part is { name =, kind =,
kernel =, C =, gamma =, accuracy =, spread =, best =, seconds = }: the lists of values, two arrays (C × gamma)
of shares, NaN where an interrupt came before, and the best { C =, gamma =, accuracy =, spread =, row =,
column = }. One that is no SVM has neither C nor gamma.]],
    example = example_tuning .. [[
for _, part in ipairs(found.parts) do
  print(part.name, part.best.C, part.best.gamma, part.best.accuracy)
end]],
    see = { "dnr.tune", "tuning:csv" },
  },
  {
    name = "tuning:csv",
    text = "Writes a line for each candidate: part, C, gamma, accuracy, spread, best. Raises on failure.",
    params = { { "path", "string", "the file" } },
    returns = { "string", "the path" },
    example = example_tuning .. [[
local path = os.tmpname()
found:csv(path)
for line in io.lines(path) do print(line) end
os.remove(path)]],
    see = { "dnr.tune" },
  },
  member("parts", "table[]", "What was tried of each part: the layers in their order, then the combiner."),
  member("chosen", "table?", "What was set, as defence:set takes it; nil after an interrupt."),
  member("n", "integer", "How many samples there were."),
  member("folds", "integer", "How many folds."),
  member("seed", "integer?", "The folds' seed; nil where they were given."),
  member("solver", "string", "What the candidates were trained with."),
  member("bytes", "integer", "The memory that was reckoned with."),
  member("seconds", "number", "How long it took, with the fit."),
  member("fitted", "boolean", "Whether the defence was fitted in the end."),
  member("interrupted", "boolean", "Whether it was stopped: then nothing is set."),
  field("threshold", "number", "The reject class's score; it can be set."),
  field("layers", "string[]", "The list of the layers' names; defence.NAME is that layer's classifier."),
  field("combiner", "model", "The classifier of the layers' scores."),
  field("net", "net", "The net."),
}

return {
  name = "dnr", title = "Deep neural rejection",
  summary = [[
A defence that looks at several layers of a net and rejects what none of its classes claims. Its other
methods are those of every model: scores, predict, gradient, get, clone, save (see ?model).]],
  entries = entries,
}
