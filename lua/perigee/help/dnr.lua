-- Documentation of the library dnr; see perigee/help.lua for the form.

local example_defence = [[
local net = nn.new {
  input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1,
  nn.flatten {}, nn.linear { out = 8, name = "fc1" }, nn.relu { name = "relu1" },
  nn.linear { out = 2, name = "fc2" },
}
local x = array.rand(40, 4, 4, { seed = 2 })
local known = data.new { x = x, y = x:reshape(40, 16):mean(2):gt(0.5) }
local defence = dnr.new {
  net = net, layers = { "relu1", "fc2" },
  layer_classifier = svm.new { kernel = svm.rbf(0.1), C = 10 },
  combiner = svm.new { kernel = svm.rbf(1), C = 1 },
}
]]

local entries = {
  {
    name = "dnr.new",
    text = [[
Deep neural rejection (A. Sotgiu et al., "Deep neural rejection against adversarial examples", EURASIP J.
on Information Security 2020:5): a classifier on each of several layers of a net, a combiner on their scores
side by side, and a threshold on the combiner's scores, below which a sample is rejected.

Parts that are fitted are taken as they are: with all of them the defence is ready. fit trains all of them
anew. Any model that does not reject by itself can be a part, one written in Lua too.]],
    options = {
      { "net", "net", "none", "the net; it stays as it is" },
      { "layers", "table", "none", "the names of the tapped layers, in the order of the combiner's inputs" },
      { "layer_classifier", "model", "none", "the pattern: every layer gets a clone of it" },
      { "layer_classifiers", "table", "none", "layer = model, where a layer has one of its own" },
      { "combiner", "model", "none", "the classifier of the layers' scores" },
      { "threshold", "number", "-inf", "the reject class's score; -inf rejects nothing" },
    },
    returns = { "dnr", "a model; fitted if all its parts are" },
    example = example_defence .. [[
defence:fit(known, { seed = 1 })
defence.threshold = defence:threshold_for(0.1, known)
print(defence)
print(metrics.report(defence, known))]],
    see = { "dnr:fit", "dnr:set", "dnr:threshold_for", "attack.pgd_exp", "reject.new" },
  },
  {
    name = "dnr:fit",
    text = [[
Train all classifiers. The combiner learns from out-of-fold scores: in each fold the layers' classifiers
are trained on the other folds; afterwards every one of them is trained once more on everything. The
threshold stays what it is: choose it anew.

Training works on clones that take the parts' places when all is done. After Ctrl-C, or an error in a part,
the defence is what it was before.]],
    params = { { "ds", "dataset", "samples with labels, of the net's inputs" } },
    options = {
      { "folds", "integer|array", "5", "how many folds, or each sample's own (any integers)" },
      { "seed", "integer", "the session's", "of the folds, drawn so that every class is spread evenly" },
    },
    returns = { "dnr", "the defence itself" },
    example = example_defence .. [[
print(defence:fit(known, { folds = 3, seed = 1 }))]],
    see = { "dnr.new", "dnr:set" },
  },
  {
    name = "dnr:set",
    text = [[
Set hyperparameters: "LAYER.NAME" of a layer's classifier, "combiner.NAME", and "threshold". NAME is one of
that part's own, such as C or kernel.gamma. A wrong name is an error that lists the valid ones, and then none
is set. All but the threshold count from the next fit on. dnr:get reads one.]],
    params = { { "values", "table", '{ ["relu4.C"] = 1, ["combiner.kernel.gamma"] = 0.5 }' } },
    returns = { "dnr", "the defence itself" },
    example = example_defence .. [[
defence:set { ["relu1.C"] = 1, ["combiner.kernel.gamma"] = 0.5 }
print(defence:get("relu1.C"), defence.relu1)]],
    see = { "model:get" },
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
    see = { "metrics.rejection_rate" },
  },
  {
    name = "dnr:layer_scores",
    text = "The layers' scores side by side, in the order of the layers: what the combiner is given.",
    params = { { "x", "dataset|array", "samples of the net's inputs" } },
    returns = { "array", "n × (layers · classes), float32" },
    example = example_defence .. [[
defence:fit(known, { seed = 1 })
print(defence:layer_scores(known:slice(1, 3)))]],
  },
  { name = "dnr.threshold", kind = "field", text = "The reject class's score; it can be set." },
  {
    name = "dnr.layers", kind = "field",
    text = "The list of the layers' names; defence.NAME is that layer's classifier.",
  },
  { name = "dnr.combiner", kind = "field", text = "The classifier of the layers' scores." },
  { name = "dnr.net", kind = "field", text = "The net." },
}

return {
  name = "dnr", title = "Deep neural rejection",
  summary = [[
A defence that looks at several layers of a net and rejects what none of its classes claims. Its other methods
are those of every model: scores, predict, gradient, get, clone, save.]],
  entries = entries,
}
