-- The data of a figure as gnuplot's named datablocks, which unlike inline data may be used in a multiplot.

local axes = require "perigee.plot.axes"
local theme = require "perigee.plot.theme"

local gnuplot = require("perigee.native").gnuplot
local f = string.format

local blocks = {}

-- Points of a line for each unit of a panel's width: a unit is a pixel or two, or a point of print.
local CELLS = 4
-- About so many marks stand on a line for which nobody asked for any.
local MARKS = 12

-- How many cells of an axis can be told apart.
local function axis_cells(panel, axis, length)
  local low, high = axes.range(panel, axis)
  return { low = math.min(low, high), high = math.max(low, high),
    log = panel["log" .. axis] and true or false, cells = math.max(1, math.floor(length * CELLS)) }
end

-- Lines with something not finite become empty ones: they divide a filled area in two.
local function part_at_gaps(text)
  return (("\n" .. text .. "\n"):gsub("\n[^\n]*NaN[^\n]*", "\n"):sub(2, -2))
end

-- Areas of one colour each: a line for each place, with the bytes of its colour.
local function region_text(figure, series)
  local planes, columns = { {}, {}, {} }, { series.columns[1], series.columns[2] }
  for i, colour in ipairs(series.palette) do
    local own = theme.area(figure.look, colour)
    for k = 1, 3 do planes[k][i] = tonumber(own:sub(2 * k, 2 * k + 1), 16) end
  end
  for k = 1, 3 do
    columns[2 + k] = gnuplot.numbers(array.new(planes[k]):take(series.codes), "plot", "codes")
  end
  return (gnuplot.columns(columns))
end

local function series_text(figure, panel, series)
  if series.palette then return region_text(figure, series) end
  if series.matrix then return gnuplot.matrix(series.matrix) end
  local thin
  if series.thin and #series.columns[1] > 2000 then
    local box = panel.box
    thin = { line = series.thin == "line", x = axis_cells(panel, "x", box.right - box.left),
      y = axis_cells(panel, "y", box.bottom - box.top) }
  end
  local text = gnuplot.columns(series.columns, thin)
  if series.sparse then series.every = math.max(1, select(2, text:gsub("\n", "")) // MARKS) end
  return series.gaps and part_at_gaps(text) or text
end

-- The lines of an image; a colour image has one line per pixel.
local function picture_text(picture)
  if picture.channels == 1 then
    return gnuplot.matrix(picture.numbers:reshape(picture.height, picture.width))
  end
  local w, n = picture.width, picture.height * picture.width
  local at = array.arange(n)
  local row = array.floor(at / w)
  local planes = picture.numbers:reshape(3, n)
  local columns = { at - row * w, row, planes[1], planes[2], planes[3] }
  for i, column in ipairs(columns) do columns[i] = gnuplot.numbers(column, "plot", "image") end
  return (gnuplot.columns(columns))
end

-- Whether a series has anything to draw: what is not finite is left out by gnuplot.
local function is_seen(series)
  for _, numbers in ipairs(series.matrix and { series.matrix } or series.y) do
    if not gnuplot.range(numbers) then return false end
  end
  return not series.columns or gnuplot.range(series.columns[1]) ~= nil
end

-- The datablocks of a panel; contour lines are gnuplot's own, made from the heights.
local function data_commands(figure, panel, out, names)
  local function block(text)
    local name = f("$p%d_%d", panel.index, #names[panel.index] + 1)
    table.insert(names[panel.index], name)
    out[#out + 1] = f("%s << EOD\n%s\nEOD", name, text)
    return name
  end
  local picture = rawget(panel, "picture")
  if picture then picture.block = block(picture_text(picture)) end
  for _, series in ipairs(panel.series) do
    series.seen = is_seen(series)
    if series.seen or series.kind ~= "contour" then
      series.block = block(series_text(figure, panel, series))
    end
    if series.kind == "contour" and series.seen then
      local lines = f("$p%d_%d", panel.index, #names[panel.index] + 1)
      table.insert(names[panel.index], lines)
      out[#out + 1] = f("set contour base; unset surface; set cntrparam levels discrete %s\n"
        .. "set table %s\nsplot %s %s with lines\nunset table\nreset", series.levels, lines,
        series.block, series.using)
      series.block = lines
    end
  end
end

-- The datablocks of all panels; returns their names.
function blocks.commands(figure, out)
  local names, all = {}, {}
  for i, panel in ipairs(figure.panels) do
    names[i] = {}
    data_commands(figure, panel, out, names)
    table.move(names[i], 1, #names[i], #all + 1, all)
  end
  return all
end

return blocks
