-- Legends: which entries they list, and how those stand beside a panel or in lines above it.

local style = require "perigee.plot.style"
local words = require "perigee.plot.words"

local legend = {}

-- What the legend of a panel lists. A single line has none by default; panel.legend = true gives it one.
function legend.entries(panel)
  local entries = {}
  for _, entry in ipairs(panel.entries) do
    if entry.label then entries[#entries + 1] = entry end
  end
  if panel.legend == false or #entries < (panel.legend == nil and 2 or 1) then return {} end
  return entries
end

-- The width of an entry without its words.
local function around(look)
  local own = style.legend
  return (own.sample + own.gap + own.space) * look.scale
end

-- { entry =, lines =, width = }: its words cut to what is left of `room`.
local function item(entry, room, look)
  local size = style.small_size * look.point
  local least = math.max(size, room - around(look))
  local lines = words.lines(words.flat(entry.label), { size = size, room = least, most = 1 })
  return { entry = entry, lines = lines, width = around(look) + lines[1].width }
end

local function widths_of(items, count)
  local widths, sum = {}, 0
  for k, one in ipairs(items) do
    local c = (k - 1) % count + 1
    local wider = math.max(widths[c] or 0, one.width)
    sum, widths[c] = sum + wider - (widths[c] or 0), wider
  end
  return widths, sum
end

-- Items in lines, under one another, of at most `room`; at most `most` lines: { items …, width = } each.
function legend.lines(entries, room, most, look)
  local items = {}
  for k, entry in ipairs(entries) do items[k] = item(entry, room, look) end
  local count, widths, width = #items
  repeat
    widths, width = widths_of(items, count)
    count = count - 1
  until width <= room or count == 0
  count = #widths
  if #items > most * count then
    local rest = #items - most * count + 1
    for k = most * count, #items do items[k] = nil end
    items[most * count] = item({ label = ("… and %d more"):format(rest), width = 0 }, room, look)
  end
  local lines = {}
  for k, one in ipairs(items) do
    local c = (k - 1) % count + 1
    if c == 1 then lines[#lines + 1] = { width = width } end
    one.width = c < count and widths[c] or one.width
    table.insert(lines[#lines], one)
  end
  return lines
end

-- Items in columns of at most `height` that take no more than `room` beside a panel: { columns, width = };
-- nil where they do not fit.
function legend.columns(entries, room, height, look)
  local line = style.legend.line * look.scale
  local rows = math.max(1, math.floor(height / line))
  local columns = { width = 0 }
  for k, entry in ipairs(entries) do
    if (k - 1) % rows == 0 then columns[#columns + 1] = { width = 0 } end
    local column, one = columns[#columns], item(entry, math.huge, look)
    column[#column + 1], column.width = one, math.max(column.width, one.width)
  end
  for _, column in ipairs(columns) do columns.width = columns.width + column.width end
  return columns.width <= room and columns or nil
end

return legend
