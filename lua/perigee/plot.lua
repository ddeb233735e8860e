-- plot: a picture of a result in one call.
--
--   plot.attack(result, { file = "dnr.png" })       loss, confidence, both digits
--   plot.security(curves, { file = "curves.pdf" })  accuracy and rejection against dmax
--   plot.images(dataset, { columns = 10 })          a sheet
--   plot.loss(history)                              the course of a training
--   plot.script("attack", result, options)          the gnuplot script that draws the same
--   plot.figure{ rows =, cols =, … }                a figure of one's own: f:line(x, y), f:save(path)
--   plot.recipe("spread", { figure = f, … })        a picture of one's own: plot.spread(value, options)
--
-- Every picture takes `file` (.png, .svg, .pdf, .tex, .html; .gp writes the script), `terminal` ("window",
-- "qt", "wxt", "x11"; "text" for the terminal; "png", "svg", "pdf", "tex", "html"), `title`, `size`
-- ("column", "page", "slide") or `width` and `height` (units of 1/96 inch), `font`, `font_size` (points),
-- `theme` ("print", "slide", "dark", "grey"), `scale` (PNG pixels per unit) and `timeout` (seconds), and
-- returns the path it wrote. A part of a text between dollar signs is a formula: "$\epsilon_2$". Wrong
-- arguments, and a gnuplot that fails, are errors. Without gnuplot, images are drawn without words; for other
-- figures a message goes to stderr, and the path is that of the script, written with its data where the
-- picture would have been.

local library = {}

local arguments = require "perigee.arguments"
local figures = require "perigee.plot.figure"
local kinds = require "perigee.kinds"
local output = require "perigee.plot.output"
local own = require "perigee.own"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

-- A recipe is a file that returns { options = names, figure = function(where, subject, options) }.
local features = require "perigee.plot.features"

local recipes = {
  activations = features.activations,
  attack = require "perigee.plot.attack",
  attacks = require "perigee.plot.attacks",
  compare = require "perigee.plot.compare",
  confusion = require "perigee.plot.confusion",
  decision = require "perigee.plot.decision",
  filters = features.filters,
  images = require "perigee.plot.images",
  loss = require "perigee.plot.loss",
  model = require "perigee.plot.model",
  reject = require "perigee.plot.reject",
  roc = require "perigee.plot.roc",
  scores = require "perigee.plot.scores",
  security = require "perigee.plot.security",
}

local function build(where, recipe, subject, options)
  if kinds.is(subject, "result") and #subject == 0 then
    values.fail("%s: there are no samples in this result", where)
  end
  options = values.options(where, options, recipe.options)
  values.option(where, options, "title", "string")
  for _, key in ipairs { "width", "height" } do
    values.number(where, options, key, 100, 10000)
  end
  theme.look(where, options)
  return recipe.figure(where, subject, options), options
end

-- plot.NAME, the picture of a recipe.
local function picture(name, recipe)
  return function(subject, options)
    local where = "plot." .. name
    local figure
    figure, options = build(where, recipe, subject, options)
    return output.deliver(where, name, figure, options)
  end
end

for name, recipe in pairs(recipes) do library[name] = picture(name, recipe) end

-- plot.live(run, options): a curve of what is running, while it runs (see live.lua).
library.live = require "perigee.plot.live"

-- ---- Figures of one's own ------------------------------------------------------------------------

local figure_options = { "rows", "columns", "cols", "width", "height", "title",
  table.unpack(values.look_options) }

-- plot.figure{ rows =, cols =, size =, theme =, title =, … }: a figure to draw on (see panel.lua).
function library.figure(options)
  local where = "plot.figure"
  options = values.only(where, options, figure_options)
  values.option(where, options, "title", "string")
  local rows = values.integer(where, options, "rows", 1, 50, 1)
  local columns = values.integer(where, options, options.cols and "cols" or "columns", 1, 50, 1)
  local alone = rows * columns == 1
  local look, width = theme.look(where, options), alone and 560 or 380 * columns
  local height = (alone and 380 or 300 * rows) + (options.title and style.figure_title or 0)
  if look.width then width, height = look.width, look.height or look.width * height / width end
  local figure = figures.new { rows = rows, columns = columns, title = options.title, look = look,
    width = values.number(where, options, "width", 100, 10000) or width,
    height = values.number(where, options, "height", 100, 10000) or height,
    fit = look.width and not look.height and not options.height and not options.width }
  for i = 1, #figure do figure[i].legend = true end
  return figure
end

-- What saving and showing takes.
local saving = { "terminal", "scale", "timeout", table.unpack(values.look_options) }

-- f:save(path, { terminal =, scale =, timeout =, size =, theme =, … }) → the path
function figures.class:save(file, options)
  local where = "figure:save"
  options = values.only(where, options, saving)
  if type(file) ~= "string" then values.expected(where, "path", "a file's name", file) end
  local asked = { file = file }
  for key, value in pairs(options) do asked[key] = value end
  return output.deliver(where, "figure", self, asked)
end

-- f:show{ terminal =, scale =, timeout = }: where one looks at it (see output.lua)
function figures.class:show(options)
  local where = "figure:show"
  options = values.only(where, options, saving)
  return output.deliver(where, "figure", self, options)
end

-- f:script{ file =, terminal = } → the gnuplot script, its data inside
function figures.class:script(options)
  local where = "figure:script"
  options = values.only(where, options, { "file", "terminal", "scale" }, values.look_options)
  return output.script(where, "figure", self, options)
end

arguments.guard("figure:", figures.class, {
  what = "a figure", is = function(value) return debug.getmetatable(value) == figures.class end,
})

-- ---- Pictures of one's own -------------------------------------------------------------------------

local theirs = {} -- names that users gave

-- plot.recipe(name, { options =, figure =, text =, example = }) → plot.NAME, new (see recipe.lua).
function library.recipe(name, declared)
  local where = "plot.recipe"
  if type(name) ~= "string" or not load(("local t = {} t.%s = 1"):format(name)) or name:find "[^%w_]" then
    values.expected(where, "name", 'a word such as "spread"', name)
  end
  if not theirs[name] and rawget(library, name) ~= nil then
    values.fail("%s: name: plot.%s is there already, and not by plot.recipe: take another one", where, name)
  end
  local recipe, entry = require("perigee.plot.recipe").made(name, declared)
  recipes[name], theirs[name] = recipe, true
  local made = arguments.guard("plot.", { [name] = picture(name, recipe) })[name]
  own.set("plot", name, made)
  require("perigee.help").add(entry)
  return made
end

function library.script(name, subject, options)
  if getmetatable(name) == figures.class then return name:script(subject) end
  local recipe = recipes[name]
  if not recipe then
    local names = {}
    for known in pairs(recipes) do names[#names + 1] = known end
    table.sort(names)
    values.expected("plot.script", "name", "a figure or one of " .. table.concat(names, ", "), name)
  end
  local figure
  figure, options = build("plot." .. name, recipe, subject, options)
  return output.script("plot." .. name, name, figure, options)
end

return library
