-- A figure: panels in a grid, and the gnuplot commands that draw them.
--
-- A figure knows nothing of files and terminals: figure:commands() is everything between
-- `set output` and `unset output`. All data goes into named datablocks, which unlike inline data
-- may be used inside a multiplot, and all text is quoted by gnuplot.quote. Places are in units of
-- 1/96 inch from the top left; panels get exact places, so that nothing depends on what a terminal
-- thinks the size of a letter is.

local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local quote = plot.gnuplot.quote
local f = string.format

local Panel, Figure = {}, {}
Panel.__index = Panel

-- figure[i] is the i-th panel, row by row.
function Figure.__index(figure, key)
  return Figure[key] or rawget(figure, "panels") and rawget(figure, "panels")[key]
end

-- ---- Panels ------------------------------------------------------------------------------------

local function new_panel(index)
  return setmetatable({ index = index, series = {}, blocks = {}, marks = {}, notes = {} }, Panel)
end

local function number(x)
  return values.finite(x) and f("%.7g", x) or "NaN"
end

-- Columns of numbers as a datablock; returns its name.
local function add_block(panel, lines)
  local name = f("$p%d_%d", panel.index, #panel.blocks + 1)
  panel.blocks[#panel.blocks + 1] = { name = name, text = table.concat(lines, "\n") }
  return name
end

local function columns(x, y)
  local lines = {}
  for i = 1, #y do lines[i] = number(x[i]) .. " " .. number(y[i]) end
  return lines
end

-- A line through the points (x[i], y[i]); what is not finite leaves a gap.
-- options: label, color, width, dash (gnuplot's number), point (gnuplot's number; none if nil), size.
function Panel:line(x, y, options)
  options = options or {}
  local block = add_block(self, columns(x, y))
  local how = options.point and f("linespoints pt %d ps %g", options.point, options.size or 0.6)
    or "lines"
  self.series[#self.series + 1] = {
    x = x, y = y, label = options.label, color = options.color or style.blue,
    dash = options.dash or 1, width = options.width or 2, point = options.point,
    size = options.size or 0.6,
    text = f("%s using 1:2 with %s lc rgb '%s' lw %g dt %d", block, how,
      options.color or style.blue, options.width or 2, options.dash or 1),
  }
  return self
end

-- Points alone. options: label, color, point, size.
function Panel:scatter(x, y, options)
  options = options or {}
  local block = add_block(self, columns(x, y))
  self.series[#self.series + 1] = {
    x = x, y = y, label = options.label, color = options.color or style.blue, width = 0,
    point = options.point or 7, size = options.size or 1,
    text = f("%s using 1:2 with points pt %d ps %g lw 2 lc rgb '%s'", block, options.point or 7,
      options.size or 1, options.color or style.blue),
  }
  return self
end

-- A bar from 0 to y[i] at x[i].
function Panel:bars(x, y, options)
  options = options or {}
  local block = add_block(self, columns(x, y))
  self.series[#self.series + 1] = {
    x = x, y = y, label = options.label, color = options.color or style.blue, width = 8, dash = 1,
    from_zero = true,
    text = f("%s using 1:2 with boxes fs solid 1 noborder lc rgb '%s'", block,
      options.color or style.blue),
  }
  return self
end

-- A line across the panel at this height, behind the data.
function Panel:hline(y)
  self.marks[#self.marks + 1] = f(
    "set arrow from graph 0, first %.7g to graph 1, first %.7g nohead back lw 1 dt 2 lc rgb '%s'",
    y, y, style.grey)
  return self
end

-- Words at a point of the data, centred unless `options.align` says "left" or "right"; or, with
-- options.inside, at a share of the panel's width and height from its lower left corner.
function Panel:text(x, y, text, options)
  options = options or {}
  local system = options.inside and "graph" or "first"
  self.notes[#self.notes + 1] = f(
    "set label %s at %s %.7g, %s %.7g %s front tc rgb '%s' font ',%g'", quote(text), system, x,
    system, y, options.align or "center", options.color or style.text,
    options.size or style.small_size)
  return self
end

-- An image of height × width numbers between low and high, row by row from the top, in grey; or of
-- three such planes (channels = 3) in colour. It fills the panel with square pixels.
-- options: height, width, channels, low, high.
function Panel:image(pixels, options)
  self.picture = { height = options.height, width = options.width,
    channels = options.channels or 1, low = options.low or 0, high = options.high or 1 }
  local lines, h, w = {}, options.height, options.width
  for i = 1, h do
    local row = {}
    for j = 1, w do
      local at = (i - 1) * w + j
      if self.picture.channels == 1 then
        row[j] = number(pixels[at])
      else
        row[j] = f("%d %d %s %s %s", j - 1, i - 1, number(pixels[at]), number(pixels[h * w + at]),
          number(pixels[2 * h * w + at]))
      end
    end
    lines[i] = table.concat(row, self.picture.channels == 1 and " " or "\n")
  end
  self.picture.block = add_block(self, lines)
  return self
end

-- ---- Layout ------------------------------------------------------------------------------------

local function has_legend(panel)
  if panel.legend == false then return false end
  local labels = 0
  for _, series in ipairs(panel.series) do
    if series.label then labels = labels + 1 end
  end
  return labels > 1
end

-- The share of each row or column: `weights` where given, else equal.
local function edges(count, weights, first, length)
  local sum, at = 0, { first }
  for i = 1, count do sum = sum + (weights and weights[i] or 1) end
  for i = 1, count do at[i + 1] = at[i] + length * (weights and weights[i] or 1) / sum end
  return at
end

-- The plot's place inside its cell; an image's is centred, with square pixels.
local function place(panel, left, top, right, bottom)
  local margin = panel.margin or panel.bare and style.bare_margin or panel.picture and style.image_margin
    or style.margin
  local above = panel.title and margin.top or margin.untitled or margin.top
  local box = { left = left + margin.left, right = right - margin.right,
    top = top + above + (has_legend(panel) and panel.legend ~= "right" and margin.legend or 0),
    bottom = bottom - margin.bottom }
  if panel.picture then
    local width, height = box.right - box.left, box.bottom - box.top
    local pixel = math.min(width / panel.picture.width, height / panel.picture.height)
    local middle = (box.left + box.right) / 2
    box.left = middle - pixel * panel.picture.width / 2
    box.right = middle + pixel * panel.picture.width / 2
    box.bottom = box.top + pixel * panel.picture.height
  end
  panel.box = box
end

local function layout(figure)
  local top = figure.title and style.figure_title or 0
  local xs = edges(figure.columns, figure.widths, 0, figure.width - (figure.right or 0))
  local ys = edges(figure.rows, figure.heights, top, figure.height - top)
  for i, panel in ipairs(figure.panels) do
    local row, column = (i - 1) // figure.columns + 1, (i - 1) % figure.columns + 1
    place(panel, xs[column], ys[row], xs[column + 1], ys[row + 1])
  end
end

-- ---- Commands ----------------------------------------------------------------------------------

local function screen(figure, x, y)
  return f("screen %.5f, screen %.5f", x / figure.width, 1 - y / figure.height)
end

-- A range that holds low … high with `pad` of its length on either side, and is never empty.
local function padded(low, high, pad)
  if not low then return 0, 1 end
  local room = (high - low) * pad
  if high - low <= 1e-12 * math.max(math.abs(low), math.abs(high), 1e-300) then
    room = low == 0 and 1 or math.abs(low) * 0.5
  end
  return low - room, high + room
end

local function data_range(panel, axis)
  if panel[axis .. "range"] then return panel[axis .. "range"][1], panel[axis .. "range"][2] end
  local lists = {}
  for _, series in ipairs(panel.series) do
    lists[#lists + 1] = series[axis]
    if axis == "y" and series.from_zero then lists[#lists + 1] = { 0 } end
  end
  local low, high = values.range(lists)
  return padded(low, high, axis == "x" and 0.02 or 0.08)
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

-- The legend is drawn piece by piece: gnuplot's own key breaks its lines and widens its columns by
-- what each terminal believes of its letters.
local function legend_commands(figure, panel, out)
  if not has_legend(panel) then return end
  local entries, widths, total = {}, {}, 0
  for _, series in ipairs(panel.series) do
    if series.label then
      entries[#entries + 1] = series
      widths[#entries] = style.legend_width(series.label)
      total = total + widths[#entries]
    end
  end
  local x = (panel.box.left + panel.box.right - total) / 2
  for i, series in ipairs(entries) do
    if panel.legend == "right" then
      legend_entry(figure, series, figure.width - figure.right,
        panel.box.top + 8 + (i - 1) * style.legend.line, out)
    else
      legend_entry(figure, series, x, panel.box.top - 12, out)
      x = x + widths[i]
    end
  end
end

local function title_commands(figure, panel, out)
  if panel.title then
    local middle = (panel.box.left + panel.box.right) / 2
    local up = has_legend(panel) and panel.legend ~= "right" and style.margin.legend or 0
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
    out[#out + 1] = "set palette gray gamma 1"
    out[#out + 1] = f("set cbrange [%.7g:%.7g]", p.low, p.high)
    out[#out + 1] = f("plot %s matrix with image%s", p.block, pixels and " pixels" or "")
  end
end

local function axis_commands(panel, axis, out)
  local low, high = data_range(panel, axis)
  if panel["log" .. axis] then out[#out + 1] = f("set logscale %s", axis) end
  out[#out + 1] = f("set %srange [%.9g:%.9g]", axis, low, high)
  out[#out + 1] = f("set %stics nomirror out scale 0.5 tc rgb '%s'", axis, style.text)
  out[#out + 1] = f("set format %s '%%g'", axis)
  if panel["integer_" .. axis] and high - low <= 12 then out[#out + 1] = f("set %stics 1", axis) end
  if panel[axis .. "label"] then
    out[#out + 1] = f("set %slabel %s tc rgb '%s'%s", axis, quote(panel[axis .. "label"]),
      style.text, axis == "x" and " offset 0, 0.4" or "")
  end
end

local function curve_commands(figure, panel, out)
  out[#out + 1] = f("set border 3 front lw 1 lc rgb '%s'", style.frame)
  out[#out + 1] = f("set grid back lt 1 lw 1 lc rgb '%s'", style.grid)
  out[#out + 1] = "set boxwidth 0.8 relative"
  axis_commands(panel, "x", out)
  axis_commands(panel, "y", out)
  out[#out + 1] = "set nokey"
  legend_commands(figure, panel, out)
  for _, list in ipairs { panel.marks, panel.notes } do
    for _, command in ipairs(list) do out[#out + 1] = command end
  end
  local drawn, seen = {}, false
  for i, series in ipairs(panel.series) do
    seen = seen or values.range { series.y } ~= nil
    drawn[i] = series.text
  end
  if not seen then
    -- gnuplot refuses to plot data of which nothing is finite; the axes are still to be seen.
    out[#out + 1] = "set label 'no finite values' at graph 0.5, graph 0.5 center"
    drawn = { "NaN" }
  end
  out[#out + 1] = "plot " .. table.concat(drawn, ", \\\n     ")
end

local function panel_commands(figure, panel, pixels, out)
  out[#out + 1] = "reset"
  margin_commands(figure, panel, out)
  title_commands(figure, panel, out)
  if panel.index == 1 and figure.title then
    out[#out + 1] = f("set label %s at %s center front tc rgb '%s' font ':Bold,%g'",
      quote(figure.title), screen(figure, figure.width / 2, 18), style.text, style.title_size + 1)
  end
  if panel.picture then image_commands(panel, pixels, out) else curve_commands(figure, panel, out) end
end

-- All commands of the figure, as text that also runs in a gnuplot of the user's own. With `pixels`
-- every pixel of an image is drawn as a square: what shows a picture inside the picture may blur it.
function Figure:commands(pixels)
  layout(self)
  local out, names = { "set encoding utf8" }, {}
  for _, panel in ipairs(self.panels) do
    for _, block in ipairs(panel.blocks) do
      out[#out + 1] = f("%s << EOD\n%s\nEOD", block.name, block.text)
      names[#names + 1] = block.name
    end
  end
  out[#out + 1] = "set multiplot"
  for _, panel in ipairs(self.panels) do panel_commands(self, panel, pixels, out) end
  out[#out + 1] = "unset multiplot"
  out[#out + 1] = "undefine " .. table.concat(names, " ")
  return table.concat(out, "\n") .. "\n"
end

-- options: rows, columns, width, height, title, widths and heights (weights of columns and rows),
-- right (room kept free at the right edge, for a legend).
local function new(options)
  local figure = { rows = options.rows or 1, columns = options.columns or 1, panels = {},
    width = options.width, height = options.height, title = options.title,
    widths = options.widths, heights = options.heights, right = options.right }
  for i = 1, figure.rows * figure.columns do figure.panels[i] = new_panel(i) end
  return setmetatable(figure, Figure)
end

return { new = new }
