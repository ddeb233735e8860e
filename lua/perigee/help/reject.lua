-- Documentation of models in general and of the library reject; see perigee/help.lua for the form.

local example_model = [[
-- the negated squared distance from 0 and from 1, of samples with two features
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

local samples = { "x", "dataset|array",
  "samples: a dataset, an array of n × features (or n × the sample's shape), or one sample in 1-d" }

local entries = {
  {
    name = "reject.new",
    text = [[
Neural rejection: a threshold on any model. The new model's scores are the model's class scores and,
last, the threshold; a sample whose best class score is not higher than the threshold is rejected, its
label is -1. The threshold's gradient is zero. The method of M. Melis et al. ("Is deep learning safe for
robot vision?", 2017) puts it on an SVM over a net's last layer: see reject.layer.

A model written in Lua is a table with scores(self, x), which answers n × columns numbers, and the list
classes of its labels; gradient(self, x, w), rejects, features, fit(self, ds), set(self, values),
get(self, name) and clone(self) are optional. Its functions are called once a batch.]],
    options = {
      { "model", "model", "none", "what is thresholded; it must not reject by itself" },
      { "threshold", "number", "-inf", "the reject class's score; -inf rejects nothing" },
    },
    returns = { "nr", "a model; fitted if the model is" },
    example = example_model .. [[
local nr = reject.new { model = model, threshold = -0.1 }
print(nr:predict(x))]],
    see = { "nr:threshold_for", "reject.layer", "dnr.new", "metrics.report" },
  },
  {
    name = "reject.layer",
    text = [[
A classifier on one layer of a net, as a model of the net's own inputs: its scores are the classifier's
of the layer's flattened output, its gradient goes back through both. Fitting it fits the classifier; the
net stays as it is.]],
    options = {
      { "net", "net", "none", "the net" },
      { "layer", "string", "none", "the name of one of its layers" },
      { "classifier", "model", "none", "any model, fitted or not" },
    },
    returns = { "layer", "a model with the fields net, layer and classifier" },
    example = [[
local net = nn.new {
  input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1,
  nn.flatten {}, nn.linear { out = 2, name = "fc" },
}
local nr = reject.new {
  model = reject.layer { net = net, layer = "fc", classifier = svm.new { kernel = svm.rbf(1) } },
}
nr:fit(data.new { x = array.rand(20, 4, 4, { seed = 2 }), y = array.arange(20, { dtype = "i32" }):lt(10) })
print(nr)]],
    see = { "reject.new" },
  },
  {
    name = "nr:threshold_for",
    text = [[
The threshold that rejects the share p of these samples: the floor(p n)-th smallest of their best class
scores, so that exactly so many are rejected when the scores are distinct; -inf where that is none. It is
not set: assign it to model.threshold. A dnr has the same method.]],
    params = { { "p", "number", "the share to reject, 0 to 1" }, { "ds", "dataset|array", "the samples" } },
    returns = { "number", "the threshold" },
    example = example_model .. [[
local nr = reject.new { model = model }
nr.threshold = nr:threshold_for(1 / 3, x)
print(nr:predict(x))]],
    see = { "reject.new", "dnr:threshold_for" },
  },
  { name = "nr.threshold", kind = "field", text = "The reject class's score; it can be set." },
  { name = "nr.model", kind = "field", text = "The model that is thresholded." },
  {
    name = "reject.scores",
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
    name = "reject.classes",
    text = "The list of any model's labels, one written in Lua included.",
    params = { { "model", "model", "any model" } },
    returns = { "table", "the labels, in the order of the scores' columns" },
    example = example_model .. [[print(#reject.classes(model))]],
  },
  {
    name = "model:scores",
    text = [[
The scores of a batch: a column a class, in the order of model.classes; if the model rejects, the reject
class's in the last. After Ctrl-C in a large batch: the rows done so far.]],
    params = { samples },
    returns = { "array", "n × columns, float64" },
    example = example_model .. [[print(reject.new { model = model, threshold = -0.1 }:scores(x))]],
    see = { "model:predict", "model:gradient" },
  },
  {
    name = "model:predict",
    text = "The label of each sample: the class with the best score; -1 where the sample is rejected.",
    params = { samples },
    returns = { "array", "n labels, int32" },
    example = example_model .. [[print(reject.new { model = model, threshold = -0.1 }:predict(x))]],
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
    example = [[
local net = nn.new {
  input = { 1, 2, 2 }, classes = { 0, 1 }, seed = 1,
  nn.flatten {}, nn.linear { out = 2, name = "fc" },
}
print(net:gradient(array.ones(1, 4), { 1, -1 }))]],
    see = { "model:scores", "attack.pgd" },
  },
  {
    name = "model:fit",
    text = [[
Train anew on a dataset. What an interrupt leaves: a net keeps the weights it has, an svm, an nr and a dnr
stay as they were.]],
    params = { { "ds", "dataset", "samples with labels" } },
    returns = { "model", "the model itself" },
    example = [[
local classifier = svm.new { kernel = svm.linear() }
classifier:fit(data.new { x = { { 0, 0 }, { 1, 1 }, { 0, 0.2 }, { 1, 0.8 } }, y = { 3, 8, 3, 8 } })
print(classifier:predict(array.new { 0.9, 0.9 }))]],
    see = { "dnr:fit", "nn.train" },
  },
  {
    name = "model:set",
    text = [[
Set hyperparameters by their names. An unknown name is an error that lists the valid ones, and then none is
set. They count from the next fit on.]],
    params = { { "values", "table", "name = number" } },
    returns = { "model", "the model itself" },
    example = [[
local classifier = svm.new { kernel = svm.rbf(1) }
classifier:set { C = 10, ["kernel.gamma"] = 0.5 }
print(classifier:get("kernel.gamma"))]],
    see = { "model:get", "dnr:set" },
  },
  {
    name = "model:get",
    text = "A hyperparameter by its name.",
    params = { { "name", "string", 'such as "C" or "kernel.gamma"' } },
    returns = { "number", "its value" },
    example = [[print(svm.new { C = 3 }:get("C"))]],
    see = { "model:set" },
  },
  {
    name = "model:clone",
    text = "A new model with the same hyperparameters, not fitted.",
    returns = { "model", "the new one" },
    example = [[print(svm.new { C = 3 }:clone():get("C"))]],
  },
  {
    name = "model:save",
    text = [[
Write the model to a safetensors file, its architecture and hyperparameters as JSON metadata;
perigee.load(path) reads it. Raises if the file cannot be written, or if a part is written in Lua.]],
    params = { { "path", "string", "the file; it is written beside and renamed" } },
    returns = { "string", "the path" },
    example = [[
local path = os.tmpname()
svm.new { C = 3 }:save(path)
print(perigee.load(path):get("C"))
os.remove(path)]],
    see = { "perigee.load" },
  },
  { name = "model.classes", kind = "field", text = "The list of labels, sorted; empty while not fitted." },
  { name = "model.rejects", kind = "field", text = "True if the last column is the reject class's." },
  { name = "model.features", kind = "field", text = "How many numbers a sample has; 0 while unknown." },
  { name = "model.kind", kind = "field", text = 'What it is: "net", "svm", "layer", "nr" or "dnr".' },
}

return {
  name = "reject", title = "Models and rejection",
  summary = [[
What all models have in common — nets, SVMs, NR, DNR, and tables written in Lua — and neural rejection, a
threshold on any of them.]],
  entries = entries,
}
