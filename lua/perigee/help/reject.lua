-- Documentation of models in general and of the library reject; see perigee/help.lua for the form.

local example_model = [[
-- scores: minus the squared distance from (0, 0) and from (1, 1)
local model = { classes = { 0, 1 } }
function model:scores(x)
  local rows = {}
  for i = 1, #x do
    local a, b = x:at(i, 1), x:at(i, 2)
    rows[i] = { -a * a - b * b, -(a - 1) ^ 2 - (b - 1) ^ 2 }
  end
  return rows
end
local x = array.new { { 0, 0.1 }, { 0.9, 1 }, { 0.5, 0.6 } }
]]

local example_svm = [[
local ds = data.digits(60, { seed = 1, classes = { 3, 7 } })
local model = svm.new({ kernel = svm.rbf(0.01) }):fit(ds)
]]

local function field(name, kind, text)
  return { name = name, kind = "field", text = text, returns = { kind } }
end

local samples = { "x", "dataset|array",
  "samples: a dataset, an array of n × features (or n × the sample's shape), or one sample in 1-d" }

local entries = {
  {
    name = "reject.new", group = "Rejection",
    text = [[
Neural rejection: a threshold on any model. The new model's scores are the model's class scores and,
last, the threshold; a sample whose best class score is not higher than the threshold is rejected, its
label is -1. The threshold's gradient is zero. The method of M. Melis et al. ("Is deep learning safe for
robot vision?", 2017) puts it on an SVM over a net's last layer: see reject.layer.

The model may be one written in Lua: see ?model.]],
    returns = { "nr", "a model; fitted if the model is" },
    example = example_svm .. [[
local nr = reject.new { model = model, threshold = 0.5 }
print(nr:predict(ds:slice(1, 5)), metrics.rejection_rate(nr, ds))]],
    see = { "nr:threshold_for", "reject.layer", "dnr.new", "metrics.report" },
  },
  {
    name = "reject.layer",
    text = [[
A classifier on one layer of a net, as a model of the net's own inputs: its scores are the classifier's
of the layer's flattened output, its gradient goes back through both. Fitting it fits the classifier; the
net stays as it is. A net that is trained afterwards has other features: the fit has to be made again.]],
    returns = { "layer", "a model with the fields net, layer and classifier" },
    example = [[
local nr = reject.new {
  model = reject.layer {
    net = nn.load("mnist-cnn"), layer = "relu4", classifier = svm.new(),
  },
}
print(nr:fit(data.digits(100, { seed = 1 })))]],
    see = { "reject.new", "layer.net" },
  },
  {
    name = "reject.preprocess",
    text = [[
A model behind a function of its samples: scores(x) = the model's scores of f(x). f takes n × features,
read-only and float32, and answers a row for each sample, of any number of features. It is called with whole
batches, never by a worker thread.

The gradient is the model's at f(x), pulled back through f as by grad.vjp, in one pass. What has steps (a
quantiser, JPEG, a median) has no gradient of use: as grad.straight_through(f) it passes the one behind it on
as if f were not there (BPDA), and the model says gradient_is = "surrogate", so that nothing complains that
gradient and scores differ. The option `gradient` says it by hand.

The new model has the options and the threshold of the model inside, whose ascent in the logarithm it has
too; it can stand in an nr, or as a layer's classifier in a dnr. Fitting it fits the model inside to f of the
samples. No file holds its function.]],
    params = {
      { "model", "model", "any model, one that rejects too; fitted or not" },
      { "f", "function", "function(x) … end" },
    },
    options = {
      { "gradient", "function", "by grad.vjp",
        "function(x, dy, y): dx, n × features, of dy, which is like y = f(x)" },
      { "gradient_is", '"surrogate"', "found out", "the gradient is not meant to be that of the scores" },
      { "features", "integer", "the first batch's", "how many numbers a sample has before f" },
    },
    returns = { "preprocess", "a model; fitted if the model is" },
    example = example_svm .. [[
local function steps(x) return (x * 3):round() / 3 end
local defended = reject.preprocess(model, grad.straight_through(steps))
print(metrics.accuracy(defended, ds), defended.gradient_is)
local pgd = attack.pgd { model = defended, norm = "l2", dmax = 1 }
print(pgd:run(ds:slice(1, 5)))]],
    see = { "grad.straight_through", "preprocess.model", "attack.auto", "evaluate.diagnose" },
  },
  field("preprocess.model", "model", "The model behind the function."),
  field("preprocess.f", "function", "The function."),
  {
    name = "preprocess:threshold_for",
    text = "The threshold that rejects the share p of these samples, for a model inside that rejects.",
    params = { { "p", "number", "the share to reject, 0 to 1" }, { "ds", "dataset|array", "the samples" } },
    returns = { "number", "the threshold" },
    example = example_svm .. [[
local inside = reject.new { model = model }
local function clip(x) return x:clip(0, 0.9) end
local defended = reject.preprocess(inside, clip)
defended.threshold = defended:threshold_for(0.1, ds)
print(metrics.rejection_rate(defended, ds))]],
    see = { "nr:threshold_for", "reject.preprocess" },
  },
  {
    name = "nr:threshold_for",
    text = [[
The threshold that rejects the share p of these samples: the floor(p n)-th smallest of their best class
scores, so that exactly so many are rejected when the scores are distinct; -inf where that is none. It is
not set: assign it to model.threshold. A dnr has the same method.]],
    params = { { "p", "number", "the share to reject, 0 to 1" }, { "ds", "dataset|array", "the samples" } },
    returns = { "number", "the threshold" },
    example = example_svm .. [[
local nr = reject.new { model = model }
nr.threshold = nr:threshold_for(0.1, ds)
print(nr, metrics.rejection_rate(nr, ds))]],
    see = { "reject.new", "dnr:threshold_for" },
  },
  field("nr.threshold", "number", "The reject class's score; it can be set."),
  field("nr.model", "model", "The model that is thresholded."),
  field("layer.net", "net", "The net under a classifier on a layer."),
  field("layer.layer", "string", "The name of the layer."),
  field("layer.classifier", "model", "The classifier."),
  {
    name = "reject.scores", group = "Any model, one written in Lua too",
    text = "The scores of any model, one written in Lua included; of the others it is model:scores(x).",
    params = { { "model", "model", "any model" }, samples },
    returns = { "array", "n × columns, float64" },
    example = example_model .. [[print(reject.scores(model, x))]],
    see = { "model:scores" },
  },
  {
    name = "reject.predict",
    text = "The labels of any model, one written in Lua included; of the others it is model:predict(x).",
    params = { { "model", "model", "any model" }, samples },
    returns = { "array", "n labels, int32; -1 where rejected" },
    example = example_model .. [[print(reject.predict(model, x))]],
    see = { "model:predict" },
  },
  {
    name = "reject.gradient",
    text = "The gradient of any model, one written in Lua included; of the others it is "
      .. "model:gradient(x, w).",
    params = { { "model", "model", "any model" }, samples,
      { "w", "array", "weights of the scores, n × columns, or one row for all" } },
    returns = { "array", "n × features, float32" },
    example = example_svm .. [[print(reject.gradient(model, ds:slice(1, 3), { 1, 0 }))]],
    see = { "model:gradient", "reject.check" },
  },
  {
    name = "reject.classes",
    text = "The list of any model's labels, one written in Lua included.",
    params = { { "model", "model", "any model" } },
    returns = { "integer[]", "the labels, in the order of the scores' columns" },
    example = example_model .. [[print(#reject.classes(model))]],
    see = { "model.classes" },
  },
  {
    name = "reject.check",
    text = [[
Compares a model's gradient with differences of its scores, along three directions at the first three
samples of x. A wrong gradient makes a model look as if nothing could attack it: every run of an attack on
a model written in Lua, or on an nr, a dnr or a classifier on a layer with one in it, looks first, and says
once on stderr what is wrong, unless the model written in Lua says of itself gradient_is = "surrogate" (one
that is meant to differ, of a model that quantises its input, say).

What comes back prints as a sentence: ok, error (the median relative error), random (two calls on the
same points differ), flat (neither scores nor gradient move), unchecked (they hardly do: nothing can be
said), message. The samples are moved a little away from the ends of their features' ranges.]],
    params = { { "model", "model", "any model with a gradient" }, { "x", "dataset|array", "samples" } },
    returns = { "table", "{ ok, error, random, flat, unchecked, message }" },
    example = example_svm .. [[print(reject.check(model, ds))]],
    see = { "model:gradient", "attack:run" },
  },
  {
    name = "model", kind = "value", group = "What all models have",
    text = [[
Whatever gives scores: a net, an svm, an nr, a dnr, a classifier on a layer, or a table written in Lua.
Attacks, metrics and rejection take any of them; so do the parts of a dnr.

A model written in Lua is a table with scores(self, x), which answers n × columns numbers (an array of
floats, or nested tables), and the list classes of its labels; gradient(self, x, w), rejects, features,
input, gradient_is (see reject.check), fit(self, ds), set(self, values), get(self, name) and clone(self) are
optional. With input, the shape of a sample ({ 3, 32, 32 }), data in another order of axes is refused. Its
functions are called once a batch; the arrays that they are given are read-only: x:copy() can be written.

Without gradient it can be attacked by its scores alone (attack.square), and a table with predict(self, x) in
the place of scores, which answers n labels (-1 where it rejects), by these alone (attack.hopskipjump): its
scores are then 1 for the label's class, 0 for others, 0.5 for rejection. What follows a gradient refuses
both: a gradient that is not there would look like one that leads nowhere.]],
    example = example_model .. [[
local nr = reject.new { model = model, threshold = -0.1 }
print(nr:scores(x))]],
    see = { "model:scores", "nn.new", "svm.new", "reject.new", "dnr.new" },
  },
  {
    name = "model:scores",
    text = [[
The scores of a batch: a column a class, in the order of model.classes; if the model rejects, the reject
class's in the last. After Ctrl-C in a large batch: the rows done so far.]],
    params = { samples },
    returns = { "array", "n × columns, float64" },
    example = example_svm .. "print(model:scores(ds:slice(1, 3)))",
    see = { "model:predict", "model:gradient" },
  },
  {
    name = "model:predict",
    text = "The label of each sample: the class with the best score; -1 where the sample is rejected.",
    params = { samples },
    returns = { "array", "n labels, int32" },
    example = example_svm .. "print(model:predict(ds:slice(1, 5)), ds.y:slice { 1, 5 })",
    see = { "model:scores", "metrics.confusion" },
  },
  {
    name = "model:gradient",
    text = [[
The gradient of w · scores(x) with respect to each sample. The weight of the reject column has no effect:
its score does not depend on the sample.]],
    params = {
      samples,
      { "w", "array|table", "weights: n × columns, or one row of columns for all samples" },
    },
    returns = { "array", "n × features, float32" },
    example = example_svm .. "print(model:gradient(ds:slice(1, 3), { 1, -1 }))",
    see = { "model:scores", "attack.pgd" },
  },
  {
    name = "model:fit",
    text = [[
Trains anew on a dataset. What an interrupt leaves: a net keeps the weights it has, an svm, an nr and a dnr
stay as they were.]],
    params = { { "ds", "dataset", "samples with labels" } },
    returns = { "model", "the model itself" },
    example = [[
local digits = data.digits(300, { seed = 1 })
local known, fresh = digits:split(0.7, { seed = 1 })
local classifier = svm.new { kernel = svm.linear() }
print(classifier:fit(known))
print(metrics.accuracy(classifier, fresh))]],
    see = { "net:fit", "dnr:fit", "nn.train" },
  },
  {
    name = "model:set",
    text = [[
Sets options by their names; one alone can be assigned: m.C = 2, net.lr = 0.1, defence["relu4.C"] = 1. A
name that is unknown or a value that does not fit is an error, and then none is set. What training goes by
(C, a kernel, lr) counts from the next fit on: until then scores are those of the last one. A threshold
counts at once.]],
    params = { { "values", "table", "name = value" } },
    returns = { "model", "the model itself" },
    example = [[
local classifier = svm.new { kernel = svm.rbf(1) }
classifier:set { C = 10, ["kernel.gamma"] = 0.5 }
print(classifier:get("kernel.gamma"))]],
    see = { "model:get", "dnr:set" },
  },
  {
    name = "model:get",
    text = "An option by its name, which can also be read as a field: m.C, net.lr, defence[\"relu4.C\"]. A "
      .. "wrong name is an error that lists the valid ones.",
    params = { { "name", "string", 'such as "C" or "kernel.gamma"' } },
    returns = { "any", "its value" },
    example = [[print(svm.new({ C = 3 }):get("C"))]],
    see = { "model:set" },
  },
  {
    name = "model:clone",
    text = "A new model with the same hyperparameters, not fitted.",
    returns = { "model", "the new one" },
    example = [[print(svm.new({ C = 3 }):clone():get("C"))]],
    see = { "model:with", "model:get", "perigee.load" },
  },
  {
    name = "model:with",
    text = [[
A fitted copy with other hyperparameters, which count at once: a kernel's gamma, degree or coef0, a
threshold, in a dnr those of its parts (["combiner.kernel.gamma"]). Nothing is fitted; support vectors and
nets are shared with the model, which stays as it was. What only training uses (C, weights) is refused of a
fitted model, since the copy would answer the same. A part written in Lua is copied as by :clone.]],
    params = { { "values", "table", "name = value, as :set takes them" } },
    returns = { "model", "the copy" },
    example = example_svm .. [[
local wider = model:with { ["kernel.gamma"] = 0.001 }
print(metrics.accuracy(model, ds), metrics.accuracy(wider, ds))]],
    see = { "model:set", "model:clone", "dnr:set" },
  },
  {
    name = "model:save",
    text = [[
Writes the model to a safetensors file, its architecture and hyperparameters as JSON metadata;
perigee.load(path) reads it. Raises if the file cannot be written, if a part is written in Lua, or if the
model itself refuses to answer, as a part was fitted by itself to other classes since or a net trained.]],
    params = { { "path", "string", "the file; it is written beside and renamed" } },
    returns = { "string", "the path" },
    example = [[
local path = os.tmpname()
svm.new({ C = 3 }):save(path)
print(perigee.load(path):get("C"))
os.remove(path)]],
    see = { "perigee.load" },
  },
  field("model.classes", "integer[]", "The list of labels, sorted; empty while not fitted."),
  field("model.rejects", "boolean", "True if the last column is the reject class's."),
  field("model.features", "integer", "How many numbers a sample has; 0 while unknown."),
  field("model.gradient_is", '"surrogate"?', [[
Whether its gradient, or that of a part of it (of a knn, of a squeeze with bits, of a preprocess or a model
written in Lua that says so), is not meant to be that of its scores; nil otherwise. attack.auto then has parts
for it.]]),
  field("model.kind", "string",
    'What it is: "net", "svm", "layer", "nr", "dnr", "preprocess", "confidence", "energy" …'),
}

-- Before what all models have.
local position = 1
while entries[position].name ~= "reject.scores" do position = position + 1 end
local detectors = require "perigee.help.detectors"
table.move(entries, position, #entries, position + #detectors)
table.move(detectors, 1, #detectors, position, entries)

return {
  name = "reject", title = "Models and rejection",
  summary = [[
What all models have in common — nets, SVMs, NR, DNR, and tables written in Lua — neural rejection, a
threshold on any of them, and the detectors that it is compared with.]],
  entries = entries,
}
