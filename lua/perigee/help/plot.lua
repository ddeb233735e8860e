-- Documentation of the library plot; see perigee/help.lua for the form.

-- What every picture takes.
local common = {
  { "file", "string", "none",
    "where to: .png, .svg, .pdf, .html (a page that holds its numbers); .gp writes the script instead" },
  { "terminal", '"window"|"text"|"qt"|"wxt"|"x11"|"png"|"svg"|"pdf"|"html"', "by the file's ending",
    "a window, the terminal (text), or the format of a file whose name does not tell" },
  { "title", "string", "none", "a line above the figure" },
  { "width", "number", "by the recipe", "in 1/96 inch" },
  { "height", "number", "by the recipe", "in 1/96 inch" },
  { "scale", "number", "2", "pixels of a PNG for each 1/96 inch" },
  { "timeout", "number", "60", "seconds after which gnuplot is stopped" },
}

local function options(own)
  return table.move(common, 1, #common, #own + 1, own)
end

local written = { "string",
  "the path written (nil for a window); without gnuplot the script's path, and a message" }

local entries = {
  {
    name = "plot.attack",
    text = "One attack in four panels: the loss of every iterate with the answer marked, the softmax "
      .. "confidence (over all columns, reject included) of the true class and of the class that won "
      .. "or came nearest, the sample before and after. A sample that is no image is drawn as bars.",
    params = {
      { "result", "result", "what an attack's run gave" },
    },
    options = options { { "index", "integer", "1", "which sample of the batch" } },
    returns = written,
    example = [[
local pgd = attack.pgd { model = nn.load("mnist-cnn"), norm = "l2", dmax = 3 }
local result = pgd:run(data.digits(1, { seed = 1 }))
local file = os.tmpname()
plot.attack(result, { file = file, terminal = "svg" })
os.remove(file)]],
    see = { "plot.script", "plot.security", "attack.pgd_exp" },
  },
  {
    name = "plot.images",
    text = "A sheet of samples, row by row, with captions: a dataset's labels unless others are given.",
    params = {
      { "x", "dataset|array|table", "n × features, n × the image's shape, or a list of samples" },
    },
    options = options {
      { "columns", "integer", "square", "samples in a row" },
      { "captions", "table|array|boolean", "labels", "one for each sample, or none" },
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
    text = "Security evaluation curves: accuracy and rejection rate against dmax, a line a model, dashed "
      .. "for noise of the same size. A clean sample that is rejected counts as an error; a perturbed "
      .. "one that is rejected counts for the defence.",
    params = {
      { "security", "security", "what evaluate.security returns" },
    },
    options = options {
      { "noise", "boolean", "true", "draw the baseline" },
      { "rejected", '"correct"|"error"', '"correct"', "what a rejected perturbed sample counts as" },
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
    name = "plot.script",
    text = "The gnuplot script of a picture with its data inside, as it is sent: it repeats the figure "
      .. "in any gnuplot from 5.4 on. Options are those of the picture, its own too.",
    params = {
      { "name", "string", '"attack", "images", "loss" or "security"' },
      { "subject", "any", "what that picture is of" },
    },
    options = options {},
    returns = { "string", "the script" },
    example = 'print(#plot.script("loss", { 2.3, 0.9, 0.4 }, { file = "loss.png" }))',
    see = { "plot.loss" },
  },
}

for _, entry in ipairs(require "perigee.help.plot_figure") do entries[#entries + 1] = entry end

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
}
