-- Documentation of the library nn and of nets; see perigee/help.lua for the form.

local small = [[
local net = nn.new {
  input = { 1, 8, 8 }, classes = { 0, 1, 2 }, seed = 1,
  nn.conv2d { out = 4, kernel = 3 }, nn.relu(),
  nn.flatten(), nn.linear { out = 3 },
}
local x = array.rand(5, 64, { seed = 2 })
]]

local learn = [[
local x = array.rand(60, 4, { seed = 1 })
local ds = data.new { x = x, y = x:mean(2):gt(0.5) }
local net = nn.new {
  input = { 4 }, seed = 1,
  nn.linear { out = 8 }, nn.relu(), nn.linear { out = 2 },
}
]]

local function field(name, kind, text)
  return { name = "net." .. name, kind = "field", text = text, returns = { kind } }
end

local function of_history(name, kind, text)
  return { name = "history." .. name, kind = "field", text = text, returns = { kind } }
end

return {
  name = "nn",
  title = "Neural networks",
  summary = "Nets of named layers: passes forward and back, training, weights in files.",
  entries = {
    {
      name = "nn.new",
      text = [[
A net: the layers in their order, one after the other, between an input and as many scores as there are
classes. Sizes of inputs follow from the layer before. Layers without a name get their kind and number:
conv1, relu1, pool1, flatten1, fc1, dropout1. Weights are drawn as PyTorch draws them, uniform in plus or
minus 1/sqrt(products summed for one output). Samples whose axes lie in another order than the input's
(height × width × channels) are refused, with the transpose that mends them.

Classes are the sorted labels of the scores; a net without them takes those of its first training data.]],
      returns = { "net", "a model; it prints as a table of its layers" },
      example = small .. "print(net)\nprint(net:predict(x))",
      see = { "nn.train", "nn.load", "nn.conv2d", "nn.linear" },
    },
    {
      name = "nn.load", group = "Files and training",
      text = [[
A net from a file that net:save wrote, or a shipped one by its name. Three know handwritten digits of 28 x
28 pixels: "mnist-cnn" is the net of the paper on DNR, trained on MNIST as its authors do it and about as
easily misled as theirs; "mnist-cnn-shifted" was trained on digits moved about by a pixel, is more accurate,
and takes much larger perturbations; "mnist-cnn-robust" was trained against PGD within l2 1.5. A file of
weights alone has no layers in it: make the net with nn.new and fill it with net:load_weights.]],
      params = { { "name", "string", "a path, or a shipped net's name" } },
      returns = { "net", "as it was saved" },
      example = 'print(nn.load("mnist-cnn"))',
      see = { "net:load_weights", "perigee.load" },
    },
    {
      name = "nn.layer", group = "Layers of one's own",
      text = [[
A kind of layer written in Lua. The answer makes layers for nn.new as nn.relu does; training, taps, files, DNR
and attacks take a net with such layers as any other. Where no backward is given, the gradients follow from
forward (?grad.vjp).

forward gets x as users see it, float32 and read-only: n × channels × height × width, or n × features. It
answers as many rows of the output's shape. In self it finds its options and its parameters by their names;
name, kind, input and output (the shapes); training (true in nn.train, where dropout drops); and
self:random([kind]), numbers of x's shape by the seed of the call, "normal", "uniform" or "sign". It is called
with a whole batch of training, otherwise with some of the rows at a time, always on the main thread.

parameters is a table of sizes, { weight = { 3, 4 } }, or a function(self, input) that answers one. They start
uniform in plus or minus 1/sqrt(products summed for one output), or as { 3, initial = "zeros" }, "ones", a
number or an array says; an array instead of the sizes is both. options are the layer's own, with their
defaults: a number, true or false, or { default, type =, low =, high =, words =, meaning = }, the type being
"number", "integer", "boolean" or "word"; one without a default has to be given.

A file has the layer's name, options and numbers, not its code: run what defines it before nn.load. A name
that is defined anew is another kind; nets that are there stay what they were made of.]],
      options = {
        { "name", "string", "none", "of the kind, in nets and files: a name as of a variable" },
        { "forward", "function", "none", "function(self, x): what comes out" },
        { "backward", "function", "by forward", "function(self, x, dy, y): dx and { weight = … }, the "
          .. "gradients by x and by the parameters, y being what came out" },
        { "parameters", "table|function", "none", "their sizes by name, or function(self, input)" },
        { "shape", "function", "as the input", "function(self, input): { channels, height, width } or "
          .. "{ features }" },
        { "options", "table", "none", "its own options by name, and their defaults" },
        { "summary", "string", "none", "what it does" },
      },
      returns = { "function", "makes such layers, from a table of options" },
      example = [[
local scale = nn.layer {
  name = "scale",
  parameters = function(_, input)
    return { weight = { input[1], initial = "ones" } }
  end,
  forward = function(self, x) return x * self.weight end,
  backward = function(self, x, dy)
    return dy * self.weight, { weight = (dy * x):sum(1) }
  end,
}
local net = nn.new {
  input = { 4 }, classes = { 0, 1 }, seed = 1,
  scale { name = "s" }, nn.linear { out = 2 },
}
print(net)
print(net:gradient(array.rand(3, 4, { seed = 1 }), array.ones(3, 2)))]],
      see = { "nn.new", "nn.train", "net:forward" },
    },
    {
      name = "nn.train",
      text = [[
Trains on from the present weights, by SGD with momentum on softmax cross-entropy unless options say
otherwise, and reports loss, accuracy, rate and time left. The same seed gives the same weights to the bit.
After Ctrl-C the net has the weights of the last step. Where the loss is no longer finite the net is as it
was and an error says so.

Steps: optimizer = "adam" or "adamw" (with neither lr nor a rate of the net's own they take 0.001) and
nesterov follow PyTorch's formulas; clip bounds the gradient's length. The rate: lr is a number, and
schedule says how it goes on; lr = "cosine" is short for schedule = "cosine" with the net's own rate, and so
is "step", which multiplies by lr_decay, 0.1 unless it is given, after every lr_step epochs. lr =
function(epoch) gives the rate of each epoch, which count from 1. What another optimizer or schedule would
use is refused.

With adversary = attack.pgd { … } every batch is attacked first, against the weights as they are and with
its true labels, and the net learns what comes of it (Madry et al. 2018); any attack will do, a model in it
is not wanted. The attack draws from the training's seed. adversarial_share = 0.5 has half of each batch
attacked. A strong attack from the first step on may leave fresh weights learning nothing: train an epoch
without it before. With trades = β the loss is Zhang et al.'s of 2019: cross-entropy of the clean samples,
and β times the divergence KL(softmax of clean ‖ softmax of attacked), averaged. The attack then sets out
from a point beside each sample and maximises that divergence in its objective's place, whatever the labels:
any single attack that takes start and objective, as attack.pgd does. Accuracies on the way are those of the
attacked samples, with TRADES those of the clean ones.

augment = "flip", { "shift", "crop" } or { shift = 2, noise = 0.1 } changes each image anew whenever it is
learned: shift (up to 1 pixel; shift = 2 outside of augment is short for it), crop (a part up to 2 pixels
smaller, enlarged), flip (half of them mirrored), noise (of standard deviation 0.1, beyond the bounds too).
Or it is function(x, random), which
answers a batch x (n x features) as changed; random() is a new seed, as in array.randn(2, 3, { seed =
random() }). No function that a training calls can train its net.

loss = function(logits, y) takes a batch's logits (n x classes) and its labels y, as the dataset has them,
and answers one number or one for each sample, of which the mean counts. Its gradient follows by grad.vjp;
or it is the second answer: of one number that number's, of one for each sample each row's own. on_epoch =
function(state) is told epoch, epochs, net, and that row of the history; "stop" as its answer ends the
training.

checkpoint = "run.safetensors" writes weights, the optimizer's state, generator, history and best weights
there after every epoch, and a call that finds the file goes on from there: to the same bits as without a
break, also after Ctrl-C or a kill. A file of another net, other samples or options is refused, and of other
functions (loss, lr, augment, the adversary's, those of layers): they count by their code and what it refers
to, as evaluate.security says; on_epoch does not. More epochs than before go on, but for a cosine, whose
rates follow from their number; so does what on_epoch has stopped. A training that had all its epochs, or
that patience ended, answers at once: remove the file to train again. Without a seed the file's is taken.

Options that are left out are the net's own, see net:fit. The history has one number an epoch in the lists
loss, accuracy, lr, seconds, and validation_loss and validation_accuracy; and epochs, interrupted, ended
(why it ended early: "patience" or "on_epoch"), best (with patience the epoch whose weights the net has).
Its methods save, csv, json, latex and npz write files (?record).]],
      params = {
        { "net", "net", "what is trained" },
        { "ds", "dataset", "samples with labels" },
      },
      returns = { "history", "a record; plot.loss draws it" },
      example = learn .. [[
local history = nn.train(net, ds, {
  epochs = 3, batch = 10, lr = 0.1, seed = 1, validation = ds,
})
print(history.loss[3], history.validation_accuracy[3])

local pgd = attack.pgd { norm = "l2", dmax = 0.1, max_iter = 3 }
nn.train(net, ds, { epochs = 2, adversary = pgd })

local function brier(logits, y)
  return (logits:softmax() - y:onehot(2)):square():sum(2)
end
nn.train(net, ds, {
  epochs = 2, optimizer = "adam", loss = brier,
  on_epoch = function(state) print(state.epoch, state.loss) end,
})]],
      see = { "net:fit", "nn.new", "plot.loss" },
    },
    {
      name = "history", kind = "value",
      text = [[
What nn.train gives, a record (?record): lists with a number an epoch. plot.loss draws it.]],
      example = learn .. [[
local history = nn.train(net, ds, { epochs = 2, seed = 1 })
local path = os.tmpname()
history:csv(path)
for line in io.lines(path) do print(line) end
os.remove(path)]],
      see = { "nn.train", "plot.loss", "record:csv" },
    },
    of_history("loss", "number[]", "The mean loss of each epoch."),
    of_history("accuracy", "number[]", "The share of right answers on the way."),
    of_history("validation_loss", "number[]?", "The loss on other samples; nil without any."),
    of_history("validation_accuracy", "number[]?", "The share of right answers on these."),
    of_history("lr", "number[]", "The rate of each epoch."),
    of_history("seconds", "number[]", "How long each took."),
    of_history("epochs", "integer", "How many were finished."),
    of_history("interrupted", "boolean", "Whether Ctrl-C ended it."),
    of_history("ended", "string?", 'Why it ended early: "patience" or "on_epoch"; nil if it did not.'),
    of_history("best", "integer?", "With patience the epoch of the least validation loss; nil without."),
    {
      name = "net", kind = "value", group = "Nets",
      text = [[
A model made of layers. Beside its own methods it has those of every model: scores, predict, gradient, set,
get, clone, save (see ?model). net:set and net:get reach the parameters of its training, those that nn.train
takes as options. The names of its layers, which taps and weights go by, are in net.layers.]],
      example = small .. "print(net.layers[1].name, net.parameters, net.features)",
      see = { "nn.new", "nn.load", "net:forward", "model" },
    },
    {
      name = "net:fit",
      text = [[
Trains anew, from weights drawn by the net's seed, with the net's own parameters: net:set changes them
(net:set { epochs = 5, lr = 0.1 }), options hold for this call.]],
      params = { { "ds", "dataset", "samples with labels" } },
      returns = { "net", "itself" },
      example = learn .. "net:set { epochs = 3, batch = 10 }\nprint(net:fit(ds):predict(ds:slice(1, 5)))",
      see = { "nn.train", "model:set" },
    },
    {
      name = "net:forward",
      text = [[
The outputs of any layers in one pass: n x the layer's size for each, images flattened map by map (see
net.layers for their shape). A name may have a prefix, as in "features:relu2".]],
      params = {
        { "x", "dataset|array", "samples" },
        { "layers", "string|string[]?", "a name or a list of them; the last layer if left out" },
      },
      returns = { "array", "one for each name" },
      example = small .. [[
local maps, scores = net:forward(x, { "relu1", "fc1" })
print(#maps, scores)]],
      see = { "net:backward" },
    },
    {
      name = "net:backward",
      text = [[
The gradient with respect to the samples of the sum of w · output over all given layers, in one reverse pass;
and with { weights = true } a table of the gradients of the weights, by their names.]],
      params = {
        { "x", "dataset|array", "samples" },
        { "w", "table", "layer = array, n x the layer's size" },
      },
      returns = { "array", "n x features, and the table if asked for" },
      example = small .. 'local dx = net:backward(x, { fc1 = array.ones(5, 3) })\nprint(dx:norm())',
      see = { "net:forward", "model:gradient" },
    },
    {
      name = "net:weights",
      text = 'Copies of all weights by their names, "conv1.weight", in PyTorch\'s layout.',
      returns = { "table", "name = array" },
      example = small .. 'print(net:weights()["conv1.weight"])',
      see = { "net:load_weights" },
    },
    {
      name = "net:load_weights",
      text = [[
Fills the net from a safetensors file in PyTorch's names and layout, prefixes such as "features." ignored.
Every weight must be there in its shape; else the net stays as it is, and the message names what is missing
and what is left. It is refused too where the file has an array of a layer that this one does not take, as its
bias. Arrays of other layers are left out, and a sentence says so; strict = true refuses them, as PyTorch
does, and strict = false says nothing. A net without classes gets 0, 1, 2, …
PyTorch's .pt files and ONNX are not read. scripts/describe-torch-model.py, for a Python with torch, makes a
safetensors file of a module and the net's description in Lua, and checks that both give the same logits.]],
      params = { { "path", "string", "the file" } },
      returns = { "net", "itself" },
      example = small .. [[
local path = os.tmpname()
data.save_safetensors(path, net:weights())
net:load_weights(path)
os.remove(path)]],
      see = { "nn.load", "model:save" },
    },
    field("layers", "table", "A list of tables: name, kind, shape (a list), size, parameters."),
    field("input", "integer[]", "The shape of a sample: { channels, height, width } or { features }."),
    field("parameters", "integer", "How many numbers training changes: running statistics do not count."),
    field("trained", "table?",
      "How it was trained last: source, samples, the options, loss, accuracy; nil if it was not."),
  },
}
