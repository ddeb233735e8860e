-- A figure: panels in a grid, and the gnuplot commands that draw them.
--
-- A figure knows nothing of files and terminals: figures.commands(figure) is everything between
-- `set output` and `unset output`. All data goes into named datablocks, which unlike inline data
-- may be used inside a multiplot, and all text is quoted by gnuplot.quote. Places are in units of
-- 1/96 inch from the top left; panels get exact places, so that nothing depends on what a terminal
-- thinks the size of a letter is.

local style = require "perigee.plot.style"
local panels = require "perigee.plot.panel"
local values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot
local quote = gnuplot.quote
local f = string.format

local Figure = {}

local figures = { class = Figure }

-- Points of a line for each unit of a panel's width: a unit is a pixel or two, or a point of print.
local CELLS = 4

local own = { rows = true, columns = true, width = true, height = true, title = true, widths = true,
  heights = true, right = true, left = true, words = true,
  pictures = true }

-- figure[i] is the i-th panel, row by row; a panel's words and fields used on the figure itself are those
-- of the first one.
function Figure.__index(figure, key)
  if Figure[key] ~= nil then return Figure[key] end
  local list = rawget(figure, "panels")
  if own[key] or not list then return nil end
  if math.type(key) == "integer" then return list[key] end
  local value = list[1][key]
  if type(value) ~= "function" then return value end
  return function(self, ...)
    if self ~= figure then values.fail("plot.figure: %s: call it with a colon, f:%s(…)", key, key) end
    value(list[1], ...)
    return figure
  end
end

function Figure.__newindex(figure, key, value)
  if own[key] then rawset(figure, key, value) else rawget(figure, "panels")[1][key] = value end
end

function Figure.__len(figure)
  return #figure.panels
end

Figure.__name = "figure"

function Figure.__tostring(figure)
  local drawn = 0
  for _, panel in ipairs(figure.panels) do
    drawn = drawn + #panel.series + (rawget(panel, "picture") and 1 or 0)
  end
  return f("figure %gx%g: %dx%d panels, %d drawn", figure.width, figure.height, figure.rows, figure.columns,
    drawn)
end

-- ---- Layout ------------------------------------------------------------------------------------

-- What the legend lists. A single line has none by default; panel.legend = true gives it one.
local function labelled(panel)
  local entries = {}
  for _, entry in ipairs(panel.entries) do
    if entry.label then entries[#entries + 1] = entry end
  end
  if panel.legend == false or #entries < (panel.legend == nil and 2 or 1) then return {} end
  return entries
end

-- The entries in lines of at most `room` units: { entries =, width = } each.
local function pack_legend(panel, room)
  local lines = {}
  for _, entry in ipairs(labelled(panel)) do
    local width, line = style.legend_width(entry.label), lines[#lines]
    if not line or line.width + width > room then
      line = { width = 0 }
      lines[#lines + 1] = line
    end
    line[#line + 1] = entry
    line.width = line.width + width
  end
  return lines
end

local function widest_label(panel)
  local widest = 0
  for _, entry in ipairs(labelled(panel)) do widest = math.max(widest, style.legend_width(entry.label)) end
  return widest
end

-- The share of each row or column: `weights` where given, else equal.
local function edges(count, weights, first, length)
  local sum, at = 0, { first }
  for i = 1, count do sum = sum + (weights and weights[i] or 1) end
  for i = 1, count do at[i + 1] = at[i] + length * (weights and weights[i] or 1) / sum end
  return at
end

-- The plot's place inside its cell; an image's is centred, with square pixels.
local function place(figure, panel, left, top, right, bottom)
  local picture, shading = rawget(panel, "picture"), rawget(panel, "shading")
  local margin = panel.margin or panel.bare and style.bare_margin or picture and style.image_margin
    or style.margin
  local above = panel.title and margin.top or margin.untitled or margin.top
  if panel.legend == "right" then
    panel.rows_of_legend = 0
    if not figure.right then right = right - widest_label(panel) end
  else
    panel.rows_of_legend = #pack_legend(panel, right - left - 8)
  end
  if shading and shading.colorbar then right = right - style.colorbar end
  local box = { left = left + margin.left, right = right - margin.right,
    top = top + above + panel.rows_of_legend * (margin.legend or style.margin.legend),
    bottom = bottom - margin.bottom, cell = right - left - 8 }
  if picture then
    local width, height = box.right - box.left, box.bottom - box.top
    local pixel = math.min(width / picture.width, height / picture.height)
    local middle = (box.left + box.right) / 2
    box.left = middle - pixel * picture.width / 2
    box.right = middle + pixel * picture.width / 2
    box.bottom = box.top + pixel * picture.height
  end
  panel.box = box
end

-- Gives every panel its place.
function figures.layout(figure)
  local top = figure.title and style.figure_title or 0
  local xs = edges(figure.columns, figure.widths, figure.left or 0,
    figure.width - (figure.left or 0) - (figure.right or 0))
  local ys = edges(figure.rows, figure.heights, top, figure.height - top)
  for i, panel in ipairs(figure.panels) do
    local row, column = (i - 1) // figure.columns + 1, (i - 1) % figure.columns + 1
    place(figure, panel, xs[column], ys[row], xs[column + 1], ys[row + 1])
  end
end

-- ---- Commands ----------------------------------------------------------------------------------

local function screen(figure, x, y)
  return f("screen %.5f, screen %.5f", x / figure.width, 1 - y / figure.height)
end

local function checked_range(axis, range)
  local low, high = range[1], range[2]
  if not (values.finite(low) and values.finite(high)) or low == high then
    values.fail("plot.figure: %srange: expected { low, high }, two different numbers", axis)
  end
  return low, high
end

-- The ends of the axis: as set, else what holds all data with some room.
local function data_range(panel, axis)
  local range, log = panel[axis .. "range"], panel["log" .. axis]
  if range then return checked_range(axis, range) end
  local low, high, tight
  local grounded = axis == "y" and #panel.series > 0
  for _, series in ipairs(panel.series) do
    tight, grounded = tight or series.tight, grounded and series.from_zero
    for _, numbers in ipairs(series[axis]) do
      local a, b = gnuplot.range(numbers, log and true or false)
      if a then low, high = math.min(low or a, a), math.max(high or b, b) end
    end
  end
  if log then
    if not low then return 0.1, 1 end
    local a, b = values.padded(math.log(low), math.log(high), tight and 0 or axis == "x" and 0.02 or 0.06)
    return math.exp(a), math.exp(b)
  end
  local a, b = values.padded(low, high, tight and 0 or axis == "x" and 0.02 or 0.08)
  return grounded and low == 0 and 0 or a, b
end

-- One entry of a legend: a piece of its line, its point, its words, from x on at height y.
local function legend_entry(figure, series, x, y, out)
  local sample = style.legend.sample
  if series.width > 0 then
    out[#out + 1] = f("set arrow from %s to %s nohead front lc rgb '%s' lw %g dt %d",
      screen(figure, x, y), screen(figure, x + sample, y), series.color, series.width, series.dash)
  end
  out[#out + 1] = f("set label %s at %s left front tc rgb '%s' font ',%g'", quote(series.label),
    screen(figure, x + sample + style.legend.gap, y), style.text, style.small_size)
  if series.point then
    out[#out + 1] = f("set label '' at %s front point pt %d ps %g lw 2 lc rgb '%s'",
      screen(figure, x + sample / 2, y), series.point, series.size, series.color)
  end
end

-- The legend is drawn piece by piece: gnuplot's own key breaks its lines and widens its columns by what
-- each terminal believes about the size of its letters.
local function legend_commands(figure, panel, out)
  local box = panel.box
  if panel.legend == "right" then
    local shading = rawget(panel, "shading")
    local x = figure.right and figure.width - figure.right
      or box.right + 10 + (shading and shading.colorbar and style.colorbar or 0)
    for i, entry in ipairs(labelled(panel)) do
      legend_entry(figure, entry, x, box.top + 8 + (i - 1) * style.legend.line, out)
    end
    return
  end
  local lines = pack_legend(panel, box.cell)
  for k, line in ipairs(lines) do
    local x = (box.left + box.right - line.width) / 2
    for _, entry in ipairs(line) do
      legend_entry(figure, entry, x, box.top - 12 - (#lines - k) * style.margin.legend, out)
      x = x + style.legend_width(entry.label)
    end
  end
end

local function title_commands(figure, panel, out)
  if panel.title then
    local middle = (panel.box.left + panel.box.right) / 2
    local up = panel.rows_of_legend * style.margin.legend
    out[#out + 1] = f("set label %s at %s center front tc rgb '%s' font ',%g'", quote(panel.title),
      screen(figure, middle, panel.box.top - 14 - up), style.text, style.title_size)
  end
  if panel.caption then
    out[#out + 1] = f("set label %s at %s center front tc rgb '%s' font ',%g'",
      quote(panel.caption), screen(figure, (panel.box.left + panel.box.right) / 2,
        panel.box.bottom + 14), style.frame, style.small_size)
  end
end

local function margin_commands(figure, panel, out)
  local box = panel.box
  out[#out + 1] = f("set lmargin at screen %.5f; set rmargin at screen %.5f",
    box.left / figure.width, box.right / figure.width)
  out[#out + 1] = f("set tmargin at screen %.5f; set bmargin at screen %.5f",
    1 - box.top / figure.height, 1 - box.bottom / figure.height)
end

-- The palette of a map, with the anchors that terminal pictures have.
local function palette_commands(map, low, high, out)
  local stops = gnuplot.palette(map)
  for i, colour in ipairs(stops) do stops[i] = f("%.6g '%s'", (i - 1) / (#stops - 1), colour) end
  out[#out + 1] = "set palette model RGB defined (" .. table.concat(stops, ", ") .. ")"
  out[#out + 1] = f("set cbrange [%.7g:%.7g]", low, high)
end

local function image_commands(panel, pixels, out)
  local p = panel.picture
  out[#out + 1] = panel.bare and "unset border"
    or f("set border 15 back lw 1 lc rgb '%s'", style.frame)
  out[#out + 1] = "unset tics; unset colorbox; set nokey"
  out[#out + 1] = f("set xrange [-0.5:%g]; set yrange [%g:-0.5]", p.width - 0.5, p.height - 0.5)
  for _, note in ipairs(panel.notes) do out[#out + 1] = note end
  if p.channels == 3 then
    local scale = 255 / (p.high - p.low)
    local function byte(k)
      return f("(%.9g*($%d-(%.9g)))", scale, k, p.low)
    end
    out[#out + 1] = f("plot %s using 1:2:%s:%s:%s with rgbimage", p.block, byte(3), byte(4), byte(5))
  else
    palette_commands(p.map, p.low, p.high, out)
    out[#out + 1] = f("plot %s matrix with image%s", p.block, pixels and " pixels" or "")
  end
end

-- The colour bar stands beside the panel and is as high.
local function colorbar_commands(figure, panel, out)
  local g, box = panel.shading, panel.box
  palette_commands(g.map, g.low, g.high, out)
  if not g.colorbar then
    out[#out + 1] = "unset colorbox"
    return
  end
  out[#out + 1] = f("set colorbox vertical user origin %s size screen %.5f, screen %.5f",
    screen(figure, box.right + 12, box.bottom), 12 / figure.width, (box.bottom - box.top) / figure.height)
  out[#out + 1] = f("set cbtics nomirror scale 0.5 tc rgb '%s'; set format cb '%%g'", style.text)
  if g.label then out[#out + 1] = f("set cblabel %s tc rgb '%s'", quote(g.label), style.text) end
end

-- Ticks with words: { at = places, words = texts }. gnuplot takes those for formats of the place.
local function named_tics(axis, tics, out)
  local list = {}
  for i, word in ipairs(tics.words) do
    list[i] = f("%s %.9g", quote((tostring(word):gsub("%%", "%%%%"))), tics.at[i] or i)
  end
  out[#out + 1] = f("set %stics (%s)", axis, table.concat(list, ", "))
end

local function axis_commands(panel, axis, out)
  local low, high = data_range(panel, axis)
  if panel["log" .. axis] then out[#out + 1] = f("set logscale %s", axis) end
  out[#out + 1] = f("set %srange [%.9g:%.9g]", axis, low, high)
  out[#out + 1] = f("set %stics nomirror out scale 0.5 tc rgb '%s'", axis, style.text)
  out[#out + 1] = f("set format %s '%%g'", axis)
  local tics = panel[axis .. "tics"]
  if type(tics) == "table" and tics.words then
    named_tics(axis, tics, out)
  elseif panel["integer_" .. axis] and high - low <= 12 then
    out[#out + 1] = f("set %stics 1", axis)
  end
  if panel[axis .. "label"] then
    out[#out + 1] = f("set %slabel %s tc rgb '%s'%s", axis, quote(panel[axis .. "label"]),
      style.text, axis == "x" and " offset 0, 0.4" or "")
  end
end

local function curve_commands(figure, panel, pixels, out)
  local shading = rawget(panel, "shading")
  if panel.axes == false then
    out[#out + 1] = "unset border; unset tics"
  else
    out[#out + 1] = f("set border %d front lw 1 lc rgb '%s'", shading and 15 or 3, style.frame)
    if panel.grid ~= false and not shading then
      out[#out + 1] = f("set grid back lt 1 lw 1 lc rgb '%s'", style.grid)
    end
  end
  axis_commands(panel, "x", out)
  axis_commands(panel, "y", out)
  if panel.axes == false then out[#out + 1] = "unset xtics; unset ytics" end
  if shading then colorbar_commands(figure, panel, out) end
  out[#out + 1] = "set nokey"
  legend_commands(figure, panel, out)
  for _, list in ipairs { panel.marks, panel.notes } do
    for _, command in ipairs(list) do out[#out + 1] = command end
  end
  local drawn = {}
  for _, series in ipairs(panel.series) do
    if series.seen then
      drawn[#drawn + 1] = f("%s %s%s", series.block, series.how,
        series.kind == "heatmap" and pixels and " pixels" or "")
    end
  end
  if #drawn == 0 then
    -- gnuplot refuses to plot data of which nothing is finite; the axes should still be seen.
    if #panel.series > 0 then
      out[#out + 1] = "set label 'no finite values' at graph 0.5, graph 0.5 center"
    end
    drawn = { "NaN" }
  end
  out[#out + 1] = "plot " .. table.concat(drawn, ", \\\n     ")
end

local function panel_commands(figure, panel, pixels, out)
  out[#out + 1] = "reset"
  margin_commands(figure, panel, out)
  title_commands(figure, panel, out)
  if panel.index == 1 and figure.title then
    out[#out + 1] = f("set label %s at %s center front tc rgb '%s' font '%s,%g'",
      quote(figure.title), screen(figure, figure.width / 2, 18), style.text, style.bold, style.title_size + 1)
  end
  if panel.bare and not rawget(panel, "picture") then return end
  if rawget(panel, "picture") then
    image_commands(panel, pixels, out)
  else
    curve_commands(figure, panel, pixels, out)
  end
end

-- ---- Data ----------------------------------------------------------------------------------------

-- How many cells of an axis can be told apart.
local function axis_cells(panel, axis, length)
  local low, high = data_range(panel, axis)
  return { low = math.min(low, high), high = math.max(low, high),
    log = panel["log" .. axis] and true or false, cells = math.max(1, math.floor(length * CELLS)) }
end

-- Lines with something not finite become empty ones: they divide a filled area in two.
local function part_at_gaps(text)
  return (("\n" .. text .. "\n"):gsub("\n[^\n]*NaN[^\n]*", "\n"):sub(2, -2))
end

local function series_text(panel, series)
  if series.matrix then return gnuplot.matrix(series.matrix) end
  local thin
  if series.thin and #series.columns[1] > 2000 then
    local box = panel.box
    thin = { line = series.thin == "line", x = axis_cells(panel, "x", box.right - box.left),
      y = axis_cells(panel, "y", box.bottom - box.top) }
  end
  local text = gnuplot.columns(series.columns, thin)
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
local function data_commands(panel, out, names)
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
    if series.seen or series.kind ~= "contour" then series.block = block(series_text(panel, series)) end
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
local function all_data(figure, out)
  local names, all = {}, {}
  for i, panel in ipairs(figure.panels) do
    names[i] = {}
    data_commands(panel, out, names)
    table.move(names[i], 1, #names[i], #all + 1, all)
  end
  return all
end

-- One panel in letters. Shades and filled areas cannot be drawn; lines take a letter each if there are no
-- colours; the key is gnuplot's own, which counts in letters here.
local function letters_commands(panel, ansi, out)
  local drawn = {}
  for i, series in ipairs(panel.series) do
    if series.seen and series.kind ~= "band" and series.kind ~= "heatmap"
      and series.kind ~= "regions" then
      local how = series.how:gsub(" dt %d+", "")
      how = ansi and how:gsub(" lc rgb", f(" lt %d lc rgb", i)) or how:gsub(" lc rgb '[^']*'", f(" lt %d", i))
      drawn[#drawn + 1] = f("%s %s %s", series.block, how,
        series.label and "title " .. quote(series.label) or "notitle")
    end
  end
  if #drawn == 0 then return end
  out[#out + 1] = "reset\nset border 3\nset key outside top center horizontal samplen 2"
  if panel.title then out[#out + 1] = "set title " .. quote(panel.title) end
  axis_commands(panel, "x", out)
  axis_commands(panel, "y", out)
  for _, list in ipairs { panel.marks, panel.notes } do
    for _, command in ipairs(list) do out[#out + 1] = command end
  end
  out[#out + 1] = "plot " .. table.concat(drawn, ", ")
end

-- Commands for a terminal of letters, a page for each panel that has lines; nil if none has.
function figures.letters(figure, ansi)
  figures.layout(figure)
  local out = { "set encoding utf8" }
  local names = all_data(figure, out)
  local before = #out
  for _, panel in ipairs(figure.panels) do letters_commands(panel, ansi, out) end
  if #out == before then return nil end
  if #names > 0 then out[#out + 1] = "undefine " .. table.concat(names, " ") end
  return table.concat(out, "\n") .. "\n"
end

-- All commands of the figure, as text that also runs in a gnuplot of the user's own. With `pixels`
-- every pixel of an image is drawn as a square: what shows a picture inside the picture may blur it.
function figures.commands(figure, pixels)
  figures.layout(figure)
  local out = { "set encoding utf8" }
  local all = all_data(figure, out)
  out[#out + 1] = "set multiplot"
  for _, panel in ipairs(figure.panels) do panel_commands(figure, panel, pixels, out) end
  out[#out + 1] = "unset multiplot"
  if #all > 0 then out[#out + 1] = "undefine " .. table.concat(all, " ") end
  return table.concat(out, "\n") .. "\n"
end

-- options: rows, columns, width, height, title, widths and heights (weights of columns and rows),
-- left and right (room kept free at that edge, for words).
function figures.new(options)
  local figure = { rows = options.rows or 1, columns = options.columns or 1, panels = {},
    width = options.width, height = options.height, title = options.title,
    widths = options.widths, heights = options.heights, left = options.left,
    right = options.right }
  for i = 1, figure.rows * figure.columns do figure.panels[i] = panels.new(i) end
  return setmetatable(figure, Figure)
end

return figures
