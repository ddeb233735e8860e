-- Documentation of the library plot; see perigee/help.lua for the form.

local looks = require "perigee.help.looks"

-- What every picture takes.
local common = {
  { "file", "string", "none",
    "where to: .png, .svg, .pdf, .tex (TikZ), .html (a page that holds its numbers), .gp (the script)" },
  { "terminal", '"window"|"text"|"qt"|"wxt"|"x11"|"png"|"svg"|"pdf"|"tex"|"html"', "by the ending",
    "a window, the terminal (text), or the format of a file whose name does not tell" },
  { "title", "string", "none", "a line above the figure" },
  looks[1],
  { "width", "number", "by the recipe", "in 1/96 inch" },
  { "height", "number", "by the recipe", "in 1/96 inch" },
  looks[2], looks[3], looks[4],
  { "scale", "number", "2", "pixels of a PNG for each 1/96 inch; of a column or a page 3.125 (300 an inch)" },
  { "timeout", "number", "60", "seconds after which gnuplot is stopped" },
}

local function options(own)
  return table.move(common, 1, #common, #own + 1, own)
end

local names = { "names", "table|dataset", "the dataset's, else the labels",
  "words for the classes by their labels, { [0] = \"shirt\", \"trousers\" }, or a dataset that has them" }

local written = { "string",
  "the path written (nil for a window); without gnuplot the script's path, and a message" }

-- A net of 4 × 4 pixels, a defence on it and an attack, for the examples.
local small_net = [[
local net = nn.new {
  input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1,
  nn.conv2d { out = 3, kernel = 3, name = "conv1" },
  nn.relu { name = "relu1" }, nn.flatten {},
  nn.linear { out = 2, name = "fc1" },
}
local x = array.rand(40, 4, 4, { seed = 2 })
local ds = data.new { x = x, y = x:reshape(40, 16):mean(2):gt(0.5) }
]]
local small_defence = small_net .. [[
local defence = reject.new { model = net }
defence.threshold = defence:threshold_for(0.1, ds)
local pgd = attack.pgd { model = defence, norm = "l2", dmax = 1 }
local result = pgd:run(ds:slice(1, 4))
]]

-- An example that draws into a file and removes it again.
local function drawn(before, call)
  return before .. "local file = os.tmpname()\n" .. call:gsub(" TO ", '\n  file = file, terminal = "svg",\n')
    .. "\nos.remove(file)"
end

local entries = {
  {
    name = "plot.attack",
    text = "One attack in four panels: the loss of every iterate with the answer marked, the softmax "
      .. "confidence (over all columns, reject included) of the true class and of the class that won "
      .. "or came nearest, the sample before and after. A sample that is not an image is drawn as bars. Of a "
      .. "batch the first samples are a row each; so are those of several results, { r1, r2 }. A run that "
      .. "failed because its gradient had vanished (result.flat) is marked \"masked\".",
    params = {
      { "result", "result|result[]", "what an attack's run gave" },
    },
    options = options {
      { "index", "integer", "none", "this sample of the batch alone" },
      { "count", "integer", "5", "samples at most, where there is no index" },
      { "perturbation", "boolean", "false", "the difference as well, and the distance by iterate" },
      { "layers", "dnr", "none", "the defence: what its layers' classifiers say before and after as well" },
      names,
    },
    returns = written,
    example = [[
local pgd = attack.pgd { model = nn.load("mnist-cnn"), norm = "l2", dmax = 3 }
local result = pgd:run(data.digits(1, { seed = 1 }))
local file = os.tmpname()
plot.attack(result, { file = file, terminal = "svg" })
os.remove(file)]],
    see = { "plot.attacks", "plot.scores", "plot.script", "plot.security", "attack.pgd_exp" },
  },
  {
    name = "plot.attacks",
    text = "A grid of attacked samples, a column each: clean, adversarial, and the difference (blue is "
      .. "darker, red is brighter; of colours each channel around the middle grey; one scale for all, "
      .. "whose ends "
      .. "stand beside them), with the true class, the class given (red where the attack got through, "
      .. "blue where "
      .. "it was rejected, amber where it was wrong before the attack, black where the attack failed, grey "
      .. "where the model has no scores) and the distance.",
    params = { { "result", "result", "of an attack" } },
    options = options {
      { "count", "integer", "10", "samples at most" }, { "columns", "integer", "10", "samples side by side" },
      names,
    },
    returns = written,
    example = drawn(small_defence, "plot.attacks(result, { TO })"),
    see = { "plot.attack", "plot.images" },
  },
  {
    name = "plot.confusion",
    text = "How often each class was taken for each, rejected ones in the last column: counts, shaded by "
      .. "their share of the true class.",
    params = {
      { "confusion", "confusion", "what metrics.confusion returns" },
    },
    options = options { names },
    returns = written,
    example = drawn(small_defence, "plot.confusion(metrics.confusion(defence, ds), { TO })"),
    see = { "metrics.confusion" },
  },
  {
    name = "plot.scores",
    text = "Histograms of the best class score, clean samples against attacked ones, and the threshold below "
      .. "which a sample is rejected.",
    params = {
      { "subject", "result|model", "an attack's result; or a model, with the samples as options" },
    },
    options = options {
      { "data", "dataset|array", "none", "the clean samples, for a model" },
      { "adversarial", "result|dataset|array", "none", "the attacked ones" },
      { "bins", "integer", "40", "of the histograms" },
    },
    returns = written,
    example = drawn(small_defence, "plot.scores(defence, { data = ds, adversarial = result, TO })"),
    see = { "plot.reject", "plot.attack" },
  },
  {
    name = "plot.roc",
    text = "The ROC of reject scores: the share of clean samples that are accepted over that of adversarial "
      .. "ones, for every threshold (see metrics.roc), with the area under each curve. The dashed line is "
      .. "that of scores that say nothing.",
    params = {
      { "roc", "roc|result|table",
        "what metrics.roc gives, or an attack's result; or several by name, { dnr = r1, nr = r2 }" },
    },
    options = options {},
    returns = written,
    example = drawn(small_defence, "plot.roc({ nr = metrics.roc(defence, ds, 5 * ds.x) }, { TO })"),
    see = { "metrics.roc", "plot.scores", "plot.reject" },
  },
  {
    name = "plot.reject",
    text = "What a threshold costs and buys: the share of samples rejected and the accuracy of the accepted, "
      .. "for every threshold, the model's own marked.",
    params = {
      { "model", "model", "an NR or DNR, or any model with scores" },
    },
    options = options {
      { "data", "dataset", "none", "clean samples with labels" },
      { "adversarial", "result|dataset|array", "none", "attacked ones: the share of them rejected as well" },
    },
    returns = written,
    example = drawn(small_defence, "plot.reject(defence, { data = ds, adversarial = result, TO })"),
    see = { "plot.scores", "plot.roc", "dnr:threshold_for" },
  },
  {
    name = "plot.decision",
    text = "A model of two features: which class it gives each place and where it rejects (grey), with the "
      .. "samples; and the paths of attacks, from a square to a ring in the colour of their verdict. "
      .. "Where all of "
      .. "them are of one true class a second panel has the surface of the loss, whose zero is dashed.",
    params = { { "model", "model", "of two features" } },
    options = options {
      { "data", "dataset", "none", "samples to show" },
      { "result", "result|result[]", "none", "an attack, best run with iterates = true; or several" },
      { "index", "integer", "all", "this sample of each result alone" },
      { "count", "integer", "20", "samples of each result at most" },
      { "ball", "boolean|table", "false",
        "the dmax around each start; or without a result { norm =, dmax =, at = { x, y } }" },
      { "lower", "number|table", "none", "the bounds: a number, or one for each feature" },
      { "upper", "number|table", "none", "the same" },
      { "equal", "boolean", "true with a ball", "units as long across as up: a circle is a circle" },
      names,
      { "range", "table", "around the samples", "{ x low, x high, y low, y high }" },
      { "grid", "integer", "200", "places each way at which the model is asked" },
    },
    returns = written,
    see = { "plot.reject", "svm.new" },
    example = [[
local x = array.rand(40, 2, { seed = 1 })
local ds = data.new { x = x, y = x:sum(2):gt(1) }
local model = svm.new { kernel = svm.rbf(5), C = 1 }:fit(ds)
local file = os.tmpname()
plot.decision(model, { data = ds, grid = 30, file = file, terminal = "png" })
os.remove(file)]],
  },
  {
    name = "plot.model",
    text = "A diagram: the layers of a net with their shapes and parameters; of a DNR also the classifier on "
      .. "each tapped layer, the combiner and the decision to reject. In a terminal the model's own words.",
    params = { { "model", "net|dnr|nr", "an NR is drawn as its net" } },
    options = options {},
    returns = written,
    example = drawn(small_net, "plot.model(net, { TO })"),
    see = { "dnr.new", "nn.new" },
  },
  {
    name = "plot.filters",
    text = "The kernels of a convolution, a small image a filter: of three input channels in colour "
      .. "around the "
      .. "middle grey, of any other number their mean.",
    params = { { "net", "net", "with a convolution" } },
    options = options {
      { "layer", "string", "the first convolution", "its name" },
      { "columns", "integer", "by their number", "filters side by side" },
    },
    returns = written,
    example = drawn(small_net, 'plot.filters(net, { layer = "conv1", TO })'),
    see = { "plot.activations" },
  },
  {
    name = "plot.activations",
    text = "What a layer makes of one sample, an image a channel.",
    params = { { "net", "net", "of images" } },
    options = options {
      { "data", "dataset|array", "none", "the sample; of several the first" },
      { "layer", "string", "the first", "the name of a layer with channels" },
      { "columns", "integer", "by their number", "channels side by side" },
    },
    returns = written,
    example = drawn(small_net, 'plot.activations(net, { data = ds[1], layer = "relu1", TO })'),
    see = { "plot.filters", "net:forward" },
  },
  {
    name = "plot.images",
    text = "A sheet of samples, row by row, with captions: a dataset's labels unless others are given.",
    params = {
      { "x", "dataset|array|table", "n × features, n × the image's shape, or a list of samples" },
    },
    options = options {
      { "columns", "integer", "square", "samples in a row" },
      { "captions", "table|array|boolean", "labels", "one for each sample, or none" }, names,
      { "count", "integer", "100", "draw the first so many" },
    },
    returns = written,
    example = [[
local file = os.tmpname()
local digits = data.digits(6, { seed = 1 })
plot.images(digits, { columns = 3, file = file, terminal = "svg" })
os.remove(file)]],
    see = { "show" },
  },
  {
    name = "plot.loss",
    text = "The course of a training: loss and accuracy by epoch, those of a validation set dashed.",
    params = {
      { "history", "table", "what nn.train returns; or a list of epochs, or of losses" },
    },
    options = options {},
    returns = written,
    example = [[
local file = os.tmpname()
plot.loss({ 2.3, 0.9, 0.4 }, { file = file, terminal = "svg" })
os.remove(file)]],
    see = { "nn.train" },
  },
  {
    name = "plot.security",
    text = "Security evaluation curves: accuracy and, where anything is rejected, the rejection rate against "
      .. "dmax, a line a model, dashed for noise of the same size. What counts as held is a convention "
      .. "(rejection, see "
      .. "metrics.robust_accuracy), which the axis names. Repetitions are drawn as means with a band. A "
      .. "circle, \"masked\", marks counts that prove nothing: runs that failed had lost their gradient. "
      .. "Of several attacks each has its dash, or its panel.",
    params = {
      { "security", "security|table", "what evaluate.security returns, or a list of such: repetitions" },
    },
    options = options {
      { "noise", "boolean", "true", "draw the baseline" },
      { "rejection", '"detection"|"paper"|"error"', '"detection"', "what a rejected sample counts as" },
      { "band", '"confidence"|"range"', '"confidence"',
        "of repetitions: the mean's 95 % interval (Student's t), or from the least to the greatest" },
      { "panels", '"rates"|"attack"', '"rates"',
        "accuracy and rejection rate side by side, or the accuracy under each attack" },
      { "measure", "string", "none",
        "one of the evaluation's measures instead: its name (?evaluate.security, measures)" },
    },
    returns = written,
    example = [[
local curves = evaluate.security {
  models = { cnn = nn.load("mnist-cnn") },
  attack = attack.fgsm { norm = "l2" },
  data = data.digits(10, { seed = 1 }), dmax = { 0, 1, 2 }, seed = 1,
}
local file = os.tmpname()
plot.security(curves, { file = file, terminal = "svg" })
os.remove(file)]],
    see = { "evaluate.security" },
  },
  {
    name = "plot.compare",
    text = "Attacks on models: how much of each model every attack leaves, with Wilson's 95 % intervals, as "
      .. "bars or as a map. The title says norm, distance and samples, if all have the same. What counts as "
      .. "held is a convention (rejection, see metrics.robust_accuracy), which the figure names. A circle, "
      .. "\"masked\", or in a map a star, marks counts that prove nothing: runs that failed had lost their "
      .. "gradient.",
    params = {
      { "results", "table", "results by model and attack, { dnr = { pgd = r1, fmn = r2 }, nr = { … } }" },
    },
    options = options {
      { "kind", '"bars"|"map"', '"bars"', "how they are drawn" },
      { "show", '"robust"|"evaded"', '"robust"', "the share that held, or the share that evaded" },
      { "rejection", '"detection"|"paper"|"error"', '"detection"', "what a rejected sample counts as" },
      { "models", "table", "all, sorted", "the names of those to show, in this order" },
      { "attacks", "table", "all, sorted", "the names of those to show, in this order" },
    },
    returns = written,
    example = drawn(small_defence, [[
local fgsm = attack.fgsm { model = defence, norm = "l2", dmax = 1 }
local weak = fgsm:run(ds:slice(1, 4))
plot.compare({ nr = { pgd = result, fgsm = weak } }, { kind = "map", TO })]]),
    see = { "plot.security", "metrics.wilson", "metrics.optimality" },
  },
  {
    name = "plot.live",
    text = "Runs a function and draws meanwhile the course of what trains or attacks in it: the loss (of "
      .. "an attack the samples' mean) and the accuracy, as the words beside the progress bar tell them. "
      .. "Drawn in a window, in the terminal over and over in place, or into a file; a script that names "
      .. "none gets live.png at the end. Drawing meanwhile takes a fortieth of the time at most. A picture "
      .. "that fails is told of and does not end the run.",
    params = { { "run", "function", "what to run" } },
    options = options {},
    returns = { "any", "what the function returns" },
    example = drawn(small_net, [[
local function run() return nn.train(net, ds, { epochs = 2 }) end
local history = plot.live(run, { TO })
print(history.loss[2])]]),
    see = { "plot.loss", "nn.train", "attack:run" },
  },
  {
    name = "plot.script",
    text = "The gnuplot script of a picture with its data inside, as it is sent: it repeats the figure "
      .. "in any gnuplot from 5.4 on. Options are those of the picture, its own too.",
    params = {
      { "name", "string|figure", "the picture's name, as in \"attack\"; or a figure" },
      { "subject", "any", "what that picture is of" },
    },
    options = options {},
    returns = { "string", "the script" },
    example = 'print(#plot.script("loss", { 2.3, 0.9, 0.4 }, { file = "loss.png" }))',
    see = { "plot.loss" },
  },
}

-- What one adds to the pictures stands with the figures that it is made of.
local recipe = {
  name = "plot.recipe",
  text = "A picture of one's own: plot.NAME(value, options) from then on, with files, terminals, scripts and "
    .. "pages, options that are checked and completed, and an entry of the help, as the built-in ones have. "
    .. "`figure` is a function(value, options) that makes a figure, by plot.figure as a rule; its options "
    .. "are those that were given and the defaults of the others. Title, size and looks are applied to what "
    .. "it returns: it need not care for them. `options` has the others by their names, as attack.define: "
    .. "{ name = default }, and what is given must be of the default's type (1 is an integer, 1.0 a number); "
    .. "or { default, low =, high =, meaning = }, { \"a\", words = { \"a\", \"b\" } }, "
    .. "{ type = \"array|table\" }, which is nil until it "
    .. "is given; a name alone, { \"label\" }, takes anything. "
    .. "The same name again replaces the picture; those that are built in stay as they are.",
  params = { { "name", "string", "of the picture: plot.NAME" } },
  options = {
    { "figure", "function", "none", "figure(value, options) gives the figure" },
    { "options", "table", "none", "the options of its own" },
    { "text", "string", "none", "for the help: what it draws" },
    { "example", "string", "none", "for the help: how it is called" },
  },
  returns = { "function", "plot.NAME" },
  example = [[
plot.recipe("spread", {
  text = "Several runs: their mean and range",
  options = {
    color = { "blue", meaning = "of the line" },
  },
  figure = function(runs, options)
    local epochs = array.arange(runs.shape[2]) + 1
    local f = plot.figure()
    local look = { color = options.color }
    f:band(epochs, runs:min(1), runs:max(1), look)
    f:line(epochs, runs:mean(1), look)
    return f:set { xlabel = "epoch", ylabel = "loss" }
  end,
})
local file = os.tmpname()
local runs = array.rand(5, 20)
plot.spread(runs, { file = file, terminal = "svg" })
os.remove(file)]],
  see = { "plot.figure", "plot.script" },
}

for _, entry in ipairs(require "perigee.help.plot_figure") do entries[#entries + 1] = entry end
entries[#entries + 1] = recipe

return {
  name = "plot",
  title = "Pictures",
  summary = "A picture of a result in one call, drawn by gnuplot to a PNG, SVG, PDF or HTML file, a window "
    .. "or the terminal. The call returns when the file is complete, or is an error with its own words. "
    .. "Without `file` and `terminal` a prompt with a display gets a window, any other prompt the terminal, "
    .. "and everything else a PNG named after the recipe, whose path is printed. In the terminal curves are "
    .. "letters and images half blocks; one that knows sixel gets the figure itself. Without gnuplot images "
    .. "are drawn all the same, though without words; of anything else the script is written with its data, "
    .. "and stderr names the package to install.",
  entries = entries,
  picture_options = options, -- those of a picture, with those that all take behind them
}
