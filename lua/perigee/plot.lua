-- plot: a picture of a result in one call.
--
--   plot.attack(result, { file = "dnr.png" })       loss, confidence, both digits
--   plot.security(curves, { file = "curves.pdf" })  accuracy and rejection against dmax
--   plot.images(dataset, { columns = 10 })          a sheet
--   plot.loss(history)                              the course of a training
--   plot.script("attack", result, options)          the gnuplot script that draws the same
--
-- Every picture takes `file` (.png, .svg, .pdf; .gp writes the script), `terminal` ("window", "qt",
-- "wxt", "x11"; "png", "svg", "pdf"), `title`, `width` and `height` (units of 1/96 inch), `scale`
-- (PNG pixels a unit) and `timeout` (seconds), and returns the path it wrote. Wrong arguments, and a
-- gnuplot that fails, are errors; a missing gnuplot is a message on stderr, and the path is that of
-- the script, written with its data where the picture would have been.

local library = plot

local output = require "perigee.plot.output"
local values = require "perigee.plot.values"

-- A recipe is a file that returns { options = names, figure = function(where, subject, options) }.
local recipes = {
  attack = require "perigee.plot.attack",
  images = require "perigee.plot.images",
  loss = require "perigee.plot.loss",
  security = require "perigee.plot.security",
}

local function build(where, recipe, subject, options)
  options = values.options(where, options, recipe.options)
  values.option(where, options, "title", "string")
  for _, key in ipairs { "width", "height" } do
    values.number(where, options, key, 100, 10000)
  end
  return recipe.figure(where, subject, options), options
end

for name, recipe in pairs(recipes) do
  library[name] = function(subject, options)
    local where = "plot." .. name
    local figure
    figure, options = build(where, recipe, subject, options)
    return output.deliver(where, name, figure, options)
  end
end

function library.script(name, subject, options)
  local recipe = recipes[name]
  if not recipe then
    values.expected("plot.script", "name", "attack, images, loss or security", name)
  end
  local figure
  figure, options = build("plot." .. name, recipe, subject, options)
  return output.script("plot." .. name, name, figure, options)
end

return library
