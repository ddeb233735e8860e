-- The gnuplot commands that draw a figure whose parts have their places (layout.lua) and whose data is in
-- datablocks (blocks.lua). Every word is placed by itself: gnuplot would place it by what each terminal
-- believes about the size of its letters.

local axes = require "perigee.plot.axes"
local layout = require "perigee.plot.layout"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local words = require "perigee.plot.words"

local f = string.format

local commands = {}

-- ---- Words -----------------------------------------------------------------------------------------

local function screen(figure, x, y)
  return f("screen %.5f, screen %.5f", x / figure.width, 1 - y / figure.height)
end

-- One line of words. look: x, y, align ("center"), size, color, bold, turned.
local function put(figure, line, look, out)
  local manner = figure.manner
  local bold = look.bold and (manner.form == "latex" and "\\bfseries" or figure.look.bold) or ""
  out[#out + 1] = f("set label %s at %s %s%s front tc rgb '%s' font '%s,%g'",
    words.quote({ line }, manner.form, manner.shown), screen(figure, look.x, look.y), look.align or "center",
    look.turned and " rotate by " .. look.turned or "", look.color or style.text, bold,
    look.size * figure.look.point * manner.letters)
end

-- Lines one below the other, the last at look.y (with `down` the first), each within low and high.
local function put_lines(figure, lines, look, out)
  local step = (look.step or style.line_height) * figure.look.scale
  for i, line in ipairs(lines) do
    put(figure, line, { x = layout.within(look.x, line.width, look.low, look.high), size = look.size,
      color = look.color, bold = look.bold,
      y = look.down and look.y + (i - 1) * step or look.y - (#lines - i) * step }, out)
  end
end

-- Lines that are read from below, the last one at x.
local function put_turned(figure, lines, look, out)
  local step = style.line_height * figure.look.scale
  for i, line in ipairs(lines) do
    put(figure, line, { x = look.x - (#lines - i) * step, size = style.font_size, turned = 90,
      y = layout.within(look.y, line.width, look.low, look.high) }, out)
  end
end

local function title_commands(figure, panel, out)
  local box, cell, drawn, scale = panel.box, panel.cell, panel.drawn, figure.look.scale
  local look = { x = (box.left + box.right) / 2, low = cell.left + 3, high = cell.left + cell.width - 3 }
  look.y, look.size, look.step = box.top - 14 * scale - (drawn.up or 0), style.title_size, style.title_height
  put_lines(figure, drawn.title, look, out)
  local below = drawn.xlabel and drawn.caption_at or 14 * scale
  look.y, look.size, look.step = box.bottom + below, style.small_size, nil
  look.down, look.color = true, panel.caption_look and panel.caption_look.color or style.frame
  put_lines(figure, drawn.caption, look, out)
end

local function label_commands(figure, panel, out)
  local box, cell, drawn, scale = panel.box, panel.cell, panel.drawn, figure.look.scale
  local low, high = drawn.beside.low, drawn.beside.high
  put_lines(figure, drawn.xlabel, { x = (box.left + box.right) / 2, y = box.bottom + drawn.label_at,
    down = true, size = style.font_size, low = cell.left + 2, high = cell.left + cell.width - 2 }, out)
  local middle = (box.top + box.bottom) / 2
  put_turned(figure, drawn.ylabel, { x = box.left - drawn.ywords - 22 * scale, y = middle, low = low,
    high = high }, out)
  for i, line in ipairs(drawn.bar_title or {}) do
    put(figure, line, { x = cell.left + cell.width - 3, align = "right", size = style.font_size,
      y = box.top - 16 * scale - (#drawn.bar_title - i) * style.line_height * scale }, out)
  end
  if drawn.bar_label then
    put_turned(figure, drawn.bar_label, { x = box.right + drawn.bar - 7 * scale, y = middle, low = low,
      high = high }, out)
  end
end

-- Where a note stands, and what its words may take: what it says, and no more than there is to the figure's
-- edge.
local function note_place(figure, panel, note)
  local box, range = panel.box, panel.drawn.range
  local width, height = box.right - box.left, box.bottom - box.top
  local x, y, room = note.x * width, note.y * height, (note.room or math.huge) * width
  if not note.inside then
    local across = axes.scale(range.x, width)
    x, y = across(note.x), axes.scale(range.y, height)(note.y)
    room = note.room and math.abs(across(note.x + note.room) - x) or math.huge
  end
  x, y = box.left + x, box.bottom - y
  local left, right = x - 2, figure.width - x - 2
  return x, y, math.min(room, note.align == "left" and right or note.align == "right" and left
    or 2 * math.min(left, right))
end

-- Words at a point.
local function note_commands(figure, panel, note, out)
  local look = figure.look
  local x, y, room = note_place(figure, panel, note)
  local size = note.size * look.point
  local lines = words.lines(note.text, { size = size, bold = note.bold, room = math.max(size, room),
    most = note.room and note.lines or 1 + select(2, tostring(note.text):gsub("\n", "")) })
  local step = 1.25 * size
  for i, line in ipairs(lines) do
    put(figure, line, { x = x, y = y + (i - (#lines + 1) / 2) * step, align = note.align, size = note.size,
      color = note.color, bold = note.bold }, out)
  end
end

-- ---- Legends ---------------------------------------------------------------------------------------

-- One entry: a piece of its line, its point, its words, from x on at height y.
local function legend_entry(figure, item, at, out)
  local series, scale = item.entry, figure.look.scale
  local sample = style.legend.sample * scale
  if series.width > 0 then
    -- an area's colour is found here: theme.paint has those of lines
    local pen = series.area and f("linecolor rgb '%s'", theme.area(figure.look, series.color))
      or f("lc rgb '%s'", series.color)
    out[#out + 1] = f("set arrow from %s to %s nohead front %s lw %g dt %d", screen(figure, at.x, at.y),
      screen(figure, at.x + sample, at.y), pen, series.width, series.dash)
  end
  put(figure, item.lines[1], { x = at.x + sample + style.legend.gap * scale, y = at.y, align = "left",
    size = style.small_size }, out)
  if series.point then
    out[#out + 1] = f("set label '' at %s front point pt %d ps %g lw 2 lc rgb '%s'",
      screen(figure, at.x + sample / 2, at.y), series.point, series.size, series.color)
  end
end

local function legend_columns(figure, columns, at, out)
  local x = at.x
  for _, column in ipairs(columns) do
    for i, item in ipairs(column) do
      legend_entry(figure, item, { x = x, y = at.y + (i - 1) * style.legend.line * figure.look.scale }, out)
    end
    x = x + column.width
  end
end

-- Lines whose last one is at height y, each in the middle.
local function legend_lines(figure, lines, at, out)
  for k, line in ipairs(lines) do
    local x = layout.within(at.x, line.width, at.low, at.high) - line.width / 2
    for _, item in ipairs(line) do
      legend_entry(figure, item,
        { x = x, y = at.y - (#lines - k) * style.margin.legend * figure.look.scale }, out)
      x = x + item.width
    end
  end
end

local function legend_commands(figure, panel, out)
  local box, cell, drawn, scale = panel.box, panel.cell, panel.drawn, figure.look.scale
  if drawn.legend.columns then
    legend_columns(figure, drawn.legend.columns, { x = box.right + 10 * scale + drawn.bar,
      y = box.top + 8 * scale }, out)
  elseif drawn.legend.lines then
    legend_lines(figure, drawn.legend.lines, { x = (box.left + box.right) / 2, y = box.top - 14 * scale,
      low = cell.left + 2, high = cell.left + cell.width - 2 }, out)
  end
  local shared = panel.index == 1 and figure.shared
  if shared and shared.columns then
    legend_columns(figure, shared.columns, { x = shared.x, y = box.top + 8 * scale }, out)
  elseif shared then
    legend_lines(figure, shared.lines, { x = figure.width / 2, low = 2, high = figure.width - 2,
      y = shared.top + (#shared.lines - 0.5) * style.margin.legend * scale }, out)
  end
end

-- ---- Axes ------------------------------------------------------------------------------------------

local function margin_commands(figure, panel, out)
  local box = panel.box
  out[#out + 1] = f("set lmargin at screen %.5f; set rmargin at screen %.5f",
    box.left / figure.width, box.right / figure.width)
  out[#out + 1] = f("set tmargin at screen %.5f; set bmargin at screen %.5f",
    1 - box.top / figure.height, 1 - box.bottom / figure.height)
end

-- Places with nothing at them, for gnuplot's tics.
local function tic_list(tics)
  local list = {}
  for i, at in ipairs(tics.at) do list[i] = f("'' %.15g", at) end
  for _, at in ipairs(tics.minor or {}) do list[#list + 1] = f("'' %.15g 1", at) end
  return table.concat(list, ", ")
end

-- The words at the tics below or beside a plot.
local function tic_words(figure, panel, axis, out)
  local box, drawn, scale = panel.box, panel.drawn, figure.look.scale
  local tics, x_axis = drawn[axis .. "tics"], axis == "x"
  local place = axes.scale(drawn.range[axis], x_axis and box.right - box.left or box.bottom - box.top)
  for i, at in ipairs(tics.at) do
    for k, line in ipairs(tics.texts[i]) do
      local down = (k - 1) * style.line_height * scale
      local look = { size = style.font_size, align = not x_axis and "right" or nil }
      if x_axis then
        look.x = box.left + place(at)
        look.y = box.bottom + layout.tic * scale + down
          + figure.look.letter / 2 * math.cos(math.rad(drawn.turned))
        if drawn.turned ~= 0 then look.align, look.turned = "right", drawn.turned end
      else
        look.x, look.y = box.left - layout.tic * scale, box.bottom - place(at) + down
      end
      put(figure, line, look, out)
    end
  end
end

local function axis_commands(figure, panel, axis, out)
  local drawn = panel.drawn
  local range = drawn.range[axis]
  if range.log then out[#out + 1] = f("set logscale %s", axis) end
  out[#out + 1] = f("set %srange [%.15g:%.15g]", axis, range[1], range[2])
  out[#out + 1] = f("set %stics nomirror out scale 0.5 (%s)", axis, tic_list(drawn[axis .. "tics"]))
  tic_words(figure, panel, axis, out)
end

-- The palette of an image or of shades, with the anchors that terminal pictures have.
local function palette_commands(look, shades, out)
  local stops = theme.palette(look, shades.map)
  for i, colour in ipairs(stops) do stops[i] = f("%.6g '%s'", (i - 1) / (#stops - 1), colour) end
  out[#out + 1] = "set palette model RGB defined (" .. table.concat(stops, ", ") .. ")"
  out[#out + 1] = f("set cbrange [%.15g:%.15g]", shades.low, shades.high)
end

-- The colour bar stands beside the panel and is as high.
local function colorbar_commands(figure, panel, out)
  local shading, box, scale = rawget(panel, "shading"), panel.box, figure.look.scale
  palette_commands(figure.look, shading, out)
  if not shading.colorbar then
    out[#out + 1] = "unset colorbox"
    return
  end
  out[#out + 1] = f("set colorbox vertical user origin %s size screen %.5f, screen %.5f",
    screen(figure, box.right + 12 * scale, box.bottom), 12 * scale / figure.width,
    (box.bottom - box.top) / figure.height)
  out[#out + 1] = f("set style line 1 lt 1 lw 1 lc rgb '%s'; set colorbox border 1", style.frame)
  local tics = panel.drawn.bar_tics
  out[#out + 1] = f("set cbtics nomirror scale 0.5 (%s)", tic_list(tics))
  local place = axes.scale({ shading.low, shading.high }, box.bottom - box.top)
  for i, at in ipairs(tics.at) do
    put(figure, tics.texts[i][1], { x = box.right + (24 + layout.tic) * scale, y = box.bottom - place(at),
      align = "left", size = style.font_size }, out)
  end
end

-- ---- Panels ----------------------------------------------------------------------------------------

-- In LaTeX colours are drawn square by square too.
local function squares(figure)
  return figure.manner.pixels and figure.manner.form == "latex" and " pixels" or ""
end

local function image_commands(figure, panel, out)
  local p = panel.picture
  out[#out + 1] = panel.bare and "unset border" or f("set border 15 back lw 1 lc rgb '%s'", style.frame)
  out[#out + 1] = "unset tics; unset colorbox; set nokey"
  out[#out + 1] = f("set xrange [-0.5:%g]; set yrange [%g:-0.5]", p.width - 0.5, p.height - 0.5)
  if p.channels == 3 then
    local scale = 255 / (p.high - p.low)
    local function byte(k) return f("(%.15g*($%d-(%.15g)))", scale, k, p.low) end
    -- where there is nothing the background is seen
    local holes = p.numbers:isnan():sum() > 0
    out[#out + 1] = f("plot %s using 1:2:%s:%s:%s%s", p.block, byte(3), byte(4), byte(5),
      (holes and ":(valid(3) ? 255 : 0) with rgbalpha" or " with rgbimage") .. squares(figure))
  else
    palette_commands(figure.look, p, out)
    out[#out + 1] = f("plot %s matrix with image%s", p.block, figure.manner.pixels and " pixels" or "")
  end
end

-- What each series is drawn by.
local function drawn_series(figure, panel)
  local drawn = {}
  for _, series in ipairs(panel.series) do
    if series.seen then
      drawn[#drawn + 1] = f("%s %s%s%s", series.block, series.how,
        series.every and " pi " .. series.every or "",
        series.kind == "heatmap" and figure.manner.pixels and " pixels"
          or series.kind == "regions" and squares(figure) or "")
    end
  end
  return drawn
end

local function frame_commands(panel, out)
  local shading = rawget(panel, "shading")
  if panel.axes == false then
    out[#out + 1] = "unset border; unset tics"
    return
  end
  out[#out + 1] = f("set border %d front lw 1 lc rgb '%s'", shading and 15 or 3, style.frame)
  if panel.grid ~= false and not shading then
    out[#out + 1] = f("set grid back lt 1 lw 1 lc rgb '%s'", style.grid)
  end
end

local function curve_commands(figure, panel, out)
  frame_commands(panel, out)
  if panel.axes == false then
    local range = panel.drawn.range
    out[#out + 1] = f("set xrange [%.15g:%.15g]; set yrange [%.15g:%.15g]", range.x[1], range.x[2],
      range.y[1], range.y[2])
  else
    axis_commands(figure, panel, "x", out)
    axis_commands(figure, panel, "y", out)
    label_commands(figure, panel, out)
  end
  if rawget(panel, "shading") then colorbar_commands(figure, panel, out) end
  out[#out + 1] = "set nokey"
  local drawn = drawn_series(figure, panel)
  if #drawn == 0 then
    -- gnuplot refuses to plot data of which nothing is finite; the axes should still be seen.
    if #panel.series > 0 then
      note_commands(figure, panel, { text = "no finite values", x = 0.5, y = 0.5, inside = true,
        align = "center", color = style.frame, size = style.font_size }, out)
    end
    drawn = { "NaN" }
  end
  out[#out + 1] = "plot " .. table.concat(drawn, ", \\\n     ")
end

local function panel_commands(figure, panel, out)
  out[#out + 1] = "reset"
  margin_commands(figure, panel, out)
  title_commands(figure, panel, out)
  local scale = figure.look.scale
  if panel.index == 1 then
    if figure.manner.paper then
      out[#out + 1] = f("set object 10000 rectangle from screen 0,0 to screen 1,1 behind fillcolor rgb '%s' "
        .. "fillstyle solid noborder", figure.manner.paper)
    end
    put_lines(figure, figure.title_lines, { x = figure.width / 2, y = 18 * scale, low = 2, down = true,
      high = figure.width - 2, size = style.title_size + 1, bold = true, step = style.title_height }, out)
  end
  if panel.bare and not rawget(panel, "picture") then return end
  legend_commands(figure, panel, out)
  for _, mark in ipairs(panel.marks) do out[#out + 1] = mark end
  for _, note in ipairs(panel.notes) do
    if type(note) == "string" then out[#out + 1] = note else note_commands(figure, panel, note, out) end
  end
  if rawget(panel, "picture") then
    image_commands(figure, panel, out)
  else
    curve_commands(figure, panel, out)
  end
end

-- The commands of all panels.
function commands.of(figure)
  local out = { "set multiplot" }
  for _, panel in ipairs(figure.panels) do panel_commands(figure, panel, out) end
  out[#out + 1] = "unset multiplot"
  return theme.paint(figure.look, table.concat(out, "\n"))
end

-- ---- Letters ---------------------------------------------------------------------------------------

local function letters_axis(panel, axis, out)
  local low, high = axes.range(panel, axis)
  if panel["log" .. axis] then out[#out + 1] = f("set logscale %s", axis) end
  out[#out + 1] = f("set %srange [%.15g:%.15g]", axis, low, high)
  out[#out + 1] = f("set format %s '%%g'", axis)
  local tics = panel[axis .. "tics"]
  if type(tics) == "table" and tics.words then
    local list = {}
    for i, word in ipairs(tics.words) do
      list[i] = f("%s %.15g", (words.quote(tostring(word), "plain"):gsub("%%", "%%%%")),
        tics.at and tics.at[i] or i)
    end
    out[#out + 1] = f("set %stics nomirror (%s)", axis, table.concat(list, ", "))
  else
    out[#out + 1] = f("set %stics nomirror%s", axis,
      panel["integer_" .. axis] and high - low <= 12 and " 1" or "")
  end
  local label = panel[axis .. "label"]
  if label then out[#out + 1] = f("set %slabel %s", axis, words.quote(tostring(label), "plain")) end
end

-- Words at a point, where gnuplot finds it.
local function letters_note(note)
  local system = note.inside and "graph" or "first"
  return f("set label %s at %s %.15g, %s %.15g %s front", words.quote(note.text, "plain"), system, note.x,
    system, note.y, note.align)
end

-- One panel in letters. Shades and filled areas cannot be drawn; lines take a letter each if there are no
-- colours; the key is gnuplot's own, which counts in letters here.
function commands.letters(panel, ansi, out)
  local drawn = {}
  for i, series in ipairs(panel.series) do
    if series.seen and series.kind ~= "band" and series.kind ~= "heatmap" and series.kind ~= "regions" then
      local how = series.how:gsub(" dt %d+", "")
      how = ansi and how:gsub(" lc rgb", f(" lt %d lc rgb", i)) or how:gsub(" lc rgb '[^']*'", f(" lt %d", i))
      drawn[#drawn + 1] = f("%s %s %s", series.block, how,
        series.label and "title " .. words.quote(series.label, "plain") or "notitle")
    end
  end
  if #drawn == 0 then return end
  out[#out + 1] = "reset\nset border 3\nset key outside top center horizontal samplen 2"
  if panel.title then out[#out + 1] = "set title " .. words.quote(panel.title, "plain") end
  letters_axis(panel, "x", out)
  letters_axis(panel, "y", out)
  for _, mark in ipairs(panel.marks) do out[#out + 1] = mark end
  for _, note in ipairs(panel.notes) do
    out[#out + 1] = type(note) == "string" and note or letters_note(note)
  end
  out[#out + 1] = "plot " .. table.concat(drawn, ", ")
end

return commands
