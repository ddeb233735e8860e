-- The places of everything in a figure, in units of 1/96 inch from its top left corner: of the plots, of the
-- words around them, of legends. Every word is measured; what has no room is broken into two lines or cut,
-- and the margins of a plot leave it a part of its cell whatever stands in them.
--
-- panel.box is the plot. panel.drawn has its words: title, caption, xlabel, ylabel and bar_label (lines of
-- words.lua), xtics, ytics, bar_tics (tics.lua), turned = the angle of the words at the x axis, legend =
-- { lines = } or { columns = } (legend.lua), range = { x =, y = }, and the rooms that they take.

local axes = require "perigee.plot.axes"
local legend = require "perigee.plot.legend"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local tics = require "perigee.plot.tics"
local words = require "perigee.plot.words"

local layout = {}

-- The least share of a cell that its plot keeps, across and up.
local LEAST_WIDTH, LEAST_HEIGHT = 0.25, 0.3
-- The share that is left to it in the end, where words that are as few as can be need more.
local LAST = 0.12
-- The most letters' heights of a plot whose figure is as high as its panels need.
local HIGHEST = 22
-- The same of a row that has room for everything, to see how much it needs.
local AMPLE = 36
-- The height of such a plot for each unit of its width: of one, and of one of several below each other.
local ALONE, STACKED = 0.62, 0.5
-- Units: from an axis to its numbers, around what stands at the edge of a cell, a colour bar with the gap
-- before it.
local TIC, PAD, BAR = 9, 6, 24
layout.tic = TIC
-- What may stand around a plot, tried one after the other until there is room for it: lines of a title or a
-- label; the share of a cell that turned names take, and the lines of a legend; that of names beside it.
local STACKS = { { most = 2, share = 0.36, names = 0.34 }, { most = 1, share = 0.3, names = 0.3 },
  { most = 1, share = 0.2, names = 0.2 }, { most = 1, share = 0.12, names = 0.14 } }
-- The most letters' heights of turned names.
local LONGEST = 13
-- The angle of names that do not fit below an axis.
local TURNED = 40

local function has_axes(panel)
  return not rawget(panel, "picture") and panel.axes ~= false and not panel.bare
end

local function clamp(value, low, high)
  return high < low and (low + high) / 2 or math.max(low, math.min(high, value))
end

-- Two margins that leave a part of the total, whatever they hold.
local function shrunk(first, second, total)
  local room = total * (1 - LAST)
  if first + second <= room then return first, second end
  return first * room / (first + second), second * room / (first + second)
end

-- The share of each row or column: `weights` where given, else equal.
local function edges(count, weights, first, length)
  local sum, at = 0, { first }
  for i = 1, count do sum = sum + (weights and weights[i] or 1) end
  for i = 1, count do at[i + 1] = at[i] + length * (weights and weights[i] or 1) / sum end
  return at
end

local function lines_of(text, look, room, size)
  return text and words.lines(text, { size = size or look.letter, room = math.max(room, look.letter),
    most = look.most }) or {}
end

-- The look of words that stand above or below each other, of which a low cell has fewer.
local function stacked(panel, look)
  return { letter = look.letter, most = panel.cell.most }
end

-- ---- Tics ------------------------------------------------------------------------------------------

local function numbers_on(panel, axis, length, look)
  local range = panel.drawn.range[axis]
  local place = axes.scale(range, length)
  local gap = 0.7 * look.letter
  return tics.of_numbers(range[1], range[2], { size = look.letter, log = range.log,
    whole = panel["integer_" .. axis], fits = function(list)
      if axis == "x" then return tics.apart(list, place, gap) end
      return tics.spacing(list, place) >= 1.6 * look.letter
    end })
end

-- Those names whose places are on the axis.
local function names_of(panel, axis)
  local named = panel[axis .. "tics"]
  if type(named) ~= "table" or not named.words then return nil end
  local range, seen = panel.drawn.range[axis], { at = {}, words = {} }
  local low, high = math.min(range[1], range[2]), math.max(range[1], range[2])
  for i, word in ipairs(named.words) do
    local at = named.at and named.at[i] or i
    if at >= low and at <= high then
      seen.at[#seen.at + 1], seen.words[#seen.words + 1] = at, word
    end
  end
  return seen
end

-- Thinned until `fits` is content.
local function thinned(list, fits)
  for k = 1, math.max(1, #list.at) do
    local few = tics.thinned(list, k)
    if fits(few) then return few end
  end
  return tics.thinned(list, math.max(1, #list.at))
end

local function y_tics(panel, height, cell, look)
  local named = names_of(panel, "y")
  if not named then return numbers_on(panel, "y", height, look) end
  local place = axes.scale(panel.drawn.range.y, height)
  local list = tics.of_names(named, { size = look.letter, room = cell.names * cell.width })
  return thinned(list, function(few) return tics.spacing(few, place) >= 1.15 * look.letter end)
end

local function longest(list)
  local most = 0
  for _, word in ipairs(list) do most = math.max(most, utf8.len(tostring(word)) or 5) end
  return most
end

-- Names below an axis: in a line, in two, some of them if they are short, or turned.
local function x_names(panel, named, width, look)
  local cell = panel.cell
  local place = axes.scale(panel.drawn.range.x, width)
  local size, gap = look.letter, 0.5 * look.letter
  local function apart(list) return tics.apart(list, place, gap) end
  local list = tics.of_names(named, { size = size, most = 1 })
  if apart(list) then return list, 0 end
  if longest(named.words) <= 4 then return thinned(list, apart), 0 end
  local spacing = tics.spacing(list, place)
  list = tics.of_names(named, { size = size, most = cell.most, room = spacing - gap })
  if not list.cut then return list, 0 end
  local angle = spacing >= 1.6 * size and TURNED or 90
  local turn = math.rad(angle)
  list = tics.of_names(named, { size = size, room = math.min(LONGEST * size,
    cell.share * cell.height / math.sin(turn), 0.5 * cell.width / math.cos(turn)) })
  return thinned(list, function(few) return tics.spacing(few, place) >= 1.15 * size end), angle
end

local function x_tics(panel, width, look)
  local named = names_of(panel, "x")
  if named then return x_names(panel, named, width, look) end
  return numbers_on(panel, "x", width, look), 0
end

-- ---- What a panel needs ----------------------------------------------------------------------------

-- The room below the plot for its tics alone.
local function tic_height(drawn, look)
  local widest, most = tics.extent(drawn.xtics)
  if drawn.turned == 0 then return TIC * look.scale + math.max(1, most) * 1.25 * look.letter end
  local angle = math.rad(drawn.turned)
  return TIC * look.scale + widest * math.sin(angle) + look.letter * math.max(0.6, math.cos(angle))
end

-- How far the turned words below an axis reach beyond its left end.
local function overhang(panel, width, look)
  local drawn, most = panel.drawn, 0
  if drawn.turned == 0 then return 0 end
  local angle, place = math.rad(drawn.turned), axes.scale(drawn.range.x, width)
  for i, at in ipairs(drawn.xtics.at) do
    local words_ = drawn.xtics.texts[i][1]
    most = math.max(most, words_.width * math.cos(angle) + look.letter * math.sin(angle) / 2 - place(at))
  end
  return most
end

-- Where the x label and the caption stand below the plot, and the room of all that is there.
local function heights_of(drawn, look)
  local line = style.line_height * look.scale
  drawn.label_at = tic_height(drawn, look) + 0.7 * line
  drawn.caption_at = drawn.label_at + #drawn.xlabel * line
  local below = #drawn.xlabel + #drawn.caption
  drawn.bottom = tic_height(drawn, look) + (below + (below > 0 and 0.2 or 0)) * line + PAD * look.scale
end

-- What a turned label beside a plot of this height may take: so much that it touches nothing above it, nor
-- what is below the numbers of the x axis.
local function label_room(drawn, height, look)
  return height + (drawn.turned == 0 and tic_height(drawn, look) or 0)
end

-- The numbers beside a colour bar of this height.
local function bar_tics(shading, height, look)
  local place = axes.scale({ shading.low, shading.high }, height)
  return tics.of_numbers(shading.low, shading.high, { size = look.letter, fits = function(list)
    return tics.spacing(list, place) >= 1.6 * look.letter
  end })
end

local function colorbar_of(panel, height, look)
  local drawn, shading = panel.drawn, rawget(panel, "shading")
  drawn.bar = 0
  if not (shading and shading.colorbar) then return end
  drawn.bar_tics = bar_tics(shading, height, look)
  drawn.bar_label = lines_of(shading.label, look, label_room(drawn, height, look))
  drawn.bar = (BAR + TIC) * look.scale + tics.extent(drawn.bar_tics)
  local beside = #drawn.bar_label * style.line_height * look.scale
  if drawn.left + drawn.bar + beside <= 0.6 * panel.cell.width then
    drawn.bar = drawn.bar + beside
  elseif beside > 0 then -- above the bar instead
    drawn.bar_label = {}
    drawn.bar_title = lines_of(shading.label, stacked(panel, look), panel.cell.width - 2 * PAD)
  end
end

-- The legend's place: beside the plot if that leaves it half of its cell, else above it.
local function legend_of(figure, panel, look)
  local drawn, cell = panel.drawn, panel.cell
  local entries = legend.entries(panel)
  drawn.legend = {}
  if #entries == 0 or figure.shared and panel == figure[1] then return end
  if panel.legend == "right" then
    local room = cell.width / 2 - drawn.left - drawn.bar
    drawn.legend.columns = legend.columns(entries, room, cell.height - drawn.bottom - drawn.head, look)
    if drawn.legend.columns then return end
  end
  local most = math.max(1, math.floor(cell.share * cell.height / (style.margin.legend * look.scale)))
  drawn.legend.lines = legend.lines(entries, cell.width - 8 * look.scale, most, look)
end

-- The lines between a panel's title and its plot.
local function rows_of_legend(panel)
  local drawn = panel.drawn
  return (drawn.legend.lines and #drawn.legend.lines or 0) + (drawn.bar_title and #drawn.bar_title or 0)
end

-- The lines of the y label and the room at the left of a plot of this height.
local function left_of(panel, height, look)
  local drawn = panel.drawn
  drawn.ylabel = lines_of(panel.ylabel, stacked(panel, look), label_room(drawn, height, look))
  drawn.left = (PAD + TIC + (#drawn.ylabel > 0 and 4 or 0)) * look.scale
    + #drawn.ylabel * style.line_height * look.scale + drawn.ywords
  drawn.left = math.max(drawn.left, overhang(panel, 0.6 * panel.cell.width, look) + PAD * look.scale)
end

-- The words of a panel with axes and the rooms they take, as far as the height is known.
local function measure_axes(figure, panel)
  local look, drawn, cell = figure.look, panel.drawn, panel.cell
  drawn.range = { x = table.pack(axes.range(panel, "x")), y = table.pack(axes.range(panel, "y")) }
  drawn.range.x.log, drawn.range.y.log = panel.logx or nil, panel.logy or nil
  drawn.xlabel = lines_of(panel.xlabel, stacked(panel, look), cell.width - 2 * PAD * look.scale)
  drawn.xtics, drawn.turned = x_tics(panel, 0.75 * cell.width, look)
  heights_of(drawn, look)
  local height = cell.height - drawn.bottom - drawn.head
  drawn.ytics = y_tics(panel, height, cell, look)
  drawn.ywords = tics.extent(drawn.ytics)
  left_of(panel, height, look)
  colorbar_of(panel, height, look)
  legend_of(figure, panel, look)
  left_of(panel, height - rows_of_legend(panel) * style.margin.legend * look.scale, look)
  local columns = drawn.legend.columns
  drawn.right = math.max(12 * look.scale, drawn.turned == 0 and tics.extent(drawn.xtics) / 2 + 2 or 0)
    + drawn.bar + (columns and columns.width or 0)
end

-- Its title and caption, and the margins of a panel that has no axes.
local function measure(figure, panel)
  local look, cell = figure.look, panel.cell
  local drawn = { turned = 0, bar = 0, legend = {}, left = 0 }
  panel.drawn = drawn
  local room, few = cell.width - 8 * look.scale, stacked(panel, look)
  drawn.title = lines_of(panel.title, few, room, style.title_size * look.point)
  if panel.caption_look then few.most, room = 1, cell.width - 2 * look.scale end
  local picture = rawget(panel, "picture")
  local caption = panel.caption or panel.explained and picture and theme.explain(look, picture)
  drawn.caption = lines_of(caption, few, room, style.small_size * look.point)
  local margin = has_axes(panel) and style.margin or panel.margin or panel.bare and style.bare_margin
    or picture and style.image_margin or style.margin
  drawn.head = ((panel.title and margin.top or margin.untitled or margin.top)
    + math.max(0, #drawn.title - 1) * style.title_height) * look.scale
  if has_axes(panel) then return measure_axes(figure, panel) end
  drawn.left, drawn.right = margin.left * look.scale, margin.right * look.scale
  drawn.bottom = (margin.bottom + math.max(0, #drawn.caption - 1) * style.line_height) * look.scale
  if picture then
    drawn.range = { x = { -0.5, picture.width - 0.5 }, y = { picture.height - 0.5, -0.5 } }
  else
    drawn.range = { x = table.pack(axes.range(panel, "x")), y = table.pack(axes.range(panel, "y")) }
    if panel.axes == false then legend_of(figure, panel, look) end
  end
end

-- ---- Placing ---------------------------------------------------------------------------------------

-- The rooms that the panels with axes of a row and of a column have in common.
local function aligned(figure)
  local rows, columns = {}, {}
  for i, panel in ipairs(figure.panels) do
    if has_axes(panel) then
      local drawn = panel.drawn
      local row, column = (i - 1) // figure.columns + 1, (i - 1) % figure.columns + 1
      local r = rows[row] or { head = 0, legend = 0, bottom = 0 }
      local c = columns[column] or { left = 0, right = 0 }
      r.head, r.bottom = math.max(r.head, drawn.head), math.max(r.bottom, drawn.bottom)
      r.legend = math.max(r.legend, rows_of_legend(panel))
      c.left, c.right = math.max(c.left, drawn.left), math.max(c.right, drawn.right)
      rows[row], columns[column] = r, c
    end
  end
  return rows, columns
end

-- The sides of what has a shape of its own: an image's in pixels, those of axes with equal units; else nil.
local function shape_of(panel)
  if rawget(panel, "picture") then return panel.picture end
  if not panel.equal then return nil end
  local x, y = panel.drawn.range.x, panel.drawn.range.y
  return { width = math.abs(x[2] - x[1]), height = math.abs(y[2] - y[1]) }
end

-- The box of such a one: in the middle of what it is given, its pixels squares.
local function square(box, picture)
  local width, height = box.right - box.left, box.bottom - box.top
  local pixel = math.min(width / picture.width, height / picture.height)
  local middle = (box.left + box.right) / 2
  box.left, box.right = middle - pixel * picture.width / 2, middle + pixel * picture.width / 2
  box.bottom = box.top + pixel * picture.height
end

-- A label in no more lines than there is room for, now that the height of its plot is known.
local function again(text, lines, beside, look)
  if not lines or #lines == 0 then return lines end
  return words.lines(text, { size = look.letter, most = #lines,
    room = math.max(beside.high - beside.low, look.letter) })
end

local function place(figure, panel, row, column)
  local look, drawn, cell = figure.look, panel.drawn, panel.cell
  local own = has_axes(panel)
  row = own and row or { head = drawn.head, legend = rows_of_legend(panel), bottom = drawn.bottom }
  column = (own or panel.centred) and column or drawn
  drawn.up = row.legend * style.margin.legend * look.scale
  local left, right = shrunk(column.left, column.right, cell.width)
  local top, bottom = shrunk(row.head + drawn.up, row.bottom, cell.height)
  drawn.squeezed = own and (left < column.left and "width" or bottom < row.bottom and "height") or nil
  local box = { left = cell.left + left, right = cell.left + cell.width - right, top = cell.top + top,
    bottom = cell.top + cell.height - bottom }
  drawn.across = box.right - box.left
  local shape = shape_of(panel)
  if shape then square(box, shape) end
  panel.box = box
  if own then
    if panel.equal then drawn.xtics = x_tics(panel, box.right - box.left, look) end
    local height = box.bottom - box.top
    drawn.ytics = y_tics(panel, height, cell, look)
    drawn.ywords = tics.extent(drawn.ytics)
    drawn.beside = { low = box.top, high = box.top + label_room(drawn, height, look) }
    drawn.ylabel = again(panel.ylabel, drawn.ylabel, drawn.beside, look)
    local shading = rawget(panel, "shading")
    if drawn.bar_tics then drawn.bar_tics = bar_tics(shading, height, look) end
    drawn.bar_label = again(shading and shading.label, drawn.bar_label, drawn.beside, look)
  end
end

-- The words at the x axes, now that the widths of the plots are known, and the rows' rooms for them.
local function settle_x(figure, rows, columns)
  for _, row in pairs(rows) do row.bottom = 0 end
  for i, panel in ipairs(figure.panels) do
    if has_axes(panel) then
      local row, column = rows[(i - 1) // figure.columns + 1], columns[(i - 1) % figure.columns + 1]
      local left, right = shrunk(column.left, column.right, panel.cell.width)
      panel.drawn.xtics, panel.drawn.turned = x_tics(panel, panel.cell.width - left - right,
        figure.look)
      heights_of(panel.drawn, figure.look)
      row.bottom = math.max(row.bottom, panel.drawn.bottom)
    end
  end
end

-- The legend that all panels share: at the right of the figure, or in lines below its title. Returns the
-- rooms that it takes there.
local function share_legend(figure, top)
  figure.shared = nil
  if not figure.right then return 0, 0 end
  local look, entries = figure.look, legend.entries(figure[1])
  if #entries == 0 then return 0, 0 end
  local left = (figure.left or 0) * look.scale
  local room = (figure.columns > 1 and 0.25 or 0.42) * (figure.width - left)
  local columns = legend.columns(entries, room, figure.height - top - 40 * look.scale, look)
  if columns then
    figure.shared = { columns = columns, x = figure.width - columns.width }
    return columns.width, 0
  end
  local line = style.margin.legend * look.scale
  local lines = legend.lines(entries, figure.width - 2 * PAD * look.scale,
    math.max(1, math.floor(0.42 * figure.height / line)), look)
  figure.shared = { lines = lines, top = top + (#figure.title_lines == 0 and 0.5 * line or 0) }
  return 0, #lines * line + (#figure.title_lines == 0 and 0.5 * line or 0)
end

local function title_of(figure)
  local look = figure.look
  local size = (style.title_size + 1) * look.point
  figure.title_lines = figure.title and words.lines(figure.title, { size = size, bold = true,
    room = figure.width - 20 * look.scale }) or {}
  if not figure.title then return 0 end
  return (style.figure_title + (#figure.title_lines - 1) * style.title_height) * look.scale
end

-- Whether what stands above and below the plots of a row leaves them too little.
local function too_low(figure, rows, ys)
  local line = style.margin.legend * figure.look.scale
  for i, row in pairs(rows) do
    local height = ys[i + 1] - ys[i]
    if row.head + row.legend * line + row.bottom > (1 - LEAST_HEIGHT) * height then return true end
  end
  return false
end

-- The same of what stands beside the plots of a column.
local function too_narrow(columns, xs)
  for i, column in pairs(columns) do
    if column.left + column.right > (1 - LEAST_WIDTH) * (xs[i + 1] - xs[i]) then return true end
  end
  return false
end

-- Images of one size in a row have pixels of one size, whatever stands around them.
local function even_images(figure)
  local least, sizes = {}, {}
  for i, panel in ipairs(figure.panels) do
    local picture = rawget(panel, "picture")
    if picture and panel.centred then
      local key = ("%d %dx%d"):format((i - 1) // figure.columns, picture.width, picture.height)
      least[key] = math.min(least[key] or math.huge, panel.box.right - panel.box.left)
      sizes[panel] = key
    end
  end
  for panel, key in pairs(sizes) do
    local box, width = panel.box, least[key]
    local middle = (box.left + box.right) / 2
    box.left, box.right = middle - width / 2, middle + width / 2
    box.bottom = box.top + width * panel.picture.height / panel.picture.width
  end
end

-- Gives every panel its place.
function layout.place(figure)
  local top, look = title_of(figure), figure.look
  local right, above = share_legend(figure, top)
  top = top + above
  local left = (figure.left or 0) * look.scale
  local xs = edges(figure.columns, figure.widths, left, figure.width - left - right)
  local ys = edges(figure.rows, figure.heights, top, figure.height - top)
  local rows, columns
  for _, words_ in ipairs(STACKS) do
    for i, panel in ipairs(figure.panels) do
      local row, column = (i - 1) // figure.columns + 1, (i - 1) % figure.columns + 1
      panel.cell = { left = xs[column], top = ys[row], width = xs[column + 1] - xs[column],
        height = ys[row + 1] - ys[row], most = words_.most, share = words_.share,
        names = words_.names }
      measure(figure, panel)
    end
    rows, columns = aligned(figure)
    settle_x(figure, rows, columns)
    if not too_low(figure, rows, ys) and not too_narrow(columns, xs) then break end
  end
  for i, panel in ipairs(figure.panels) do
    place(figure, panel, rows[(i - 1) // figure.columns + 1], columns[(i - 1) % figure.columns + 1])
  end
  even_images(figure)
end

-- Where the middle of words of this width stands that would like to be at x, between low and high.
function layout.within(x, width, low, high)
  return clamp(x, low + width / 2, high - width / 2)
end

-- "width" or "height", of which a panel has so little that its words leave their places or its plot cannot be
-- read; nil where there is enough. The figure's panels have their places.
function layout.lacking(figure)
  local letter = figure.look.letter
  for _, panel in ipairs(figure.panels) do
    local box, drawn, own = panel.box, panel.drawn, has_axes(panel)
    local across, up = box.right - box.left, box.bottom - box.top
    local least = own and 2 * letter or rawget(panel, "picture") and 0.75 * letter or 0
    if drawn.squeezed then return drawn.squeezed end
    if across < least then return across < drawn.across - 0.5 and "height" or "width" end
    if up < least then return "height" end
  end
end

-- The height of a cell whose legend has these lines, of which it takes a share.
local function under_legend(lines, share, look)
  return lines and (#lines + 0.5) * style.margin.legend * look.scale / share or 0
end

-- Enough height of a row for the legend that has most lines.
local function ample(figure)
  local most, look = 0, figure.look
  for _, panel in ipairs(figure.panels) do most = math.max(most, #legend.entries(panel)) end
  return math.max(AMPLE * look.letter, (most + 1) * style.margin.legend * look.scale / STACKS[1].share)
end

-- What each row of a figure needs, where there is room for everything.
local function rows_needed(figure)
  local look, needed = figure.look, {}
  local flatness = figure.rows > 1 and figure.columns == 1 and STACKED or ALONE
  for i, panel in ipairs(figure.panels) do
    local row, drawn, box = (i - 1) // figure.columns + 1, panel.drawn, panel.box
    local shape = shape_of(panel)
    local inner = shape and (box.right - box.left) * shape.height / shape.width
      or has_axes(panel) and drawn.across * flatness or 0
    inner = math.max(math.min(inner, HIGHEST * look.letter), (panel.least or 0) * look.scale)
    local around = drawn.head + (drawn.up or 0) + drawn.bottom
    local least = has_axes(panel) and around * LEAST_HEIGHT / (1 - LEAST_HEIGHT) + 1 or 0
    least = math.max(least, under_legend(drawn.legend.lines, STACKS[1].share, look) - around)
    needed[row] = math.max(needed[row] or 0, around + math.max(inner, least))
  end
  return needed
end

-- The height at which a figure of this width has plots that are not too flat, its rows as high as they need
-- to be; of one row, or of rows that have their shares, no less than `natural`.
function layout.height(figure, natural)
  figure.height = math.max(natural, figure.width, ample(figure) * figure.rows)
  layout.place(figure)
  local needed, above, total = rows_needed(figure), figure.panels[1].cell.top, 0
  if figure.rows > 1 and not figure.heights then
    for _, height in ipairs(needed) do total = total + height end
    figure.heights = needed
    return above + total
  end
  local weights = 0
  for row = 1, figure.rows do weights = weights + (figure.heights and figure.heights[row] or 1) end
  for row = 1, figure.rows do
    total = math.max(total, needed[row] * weights / (figure.heights and figure.heights[row] or 1))
  end
  return math.max(natural, above + total)
end

return layout
