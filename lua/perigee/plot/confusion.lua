-- plot.confusion: how often each class was taken for each other, one row per true class; shades are shares
-- of the row, numbers are counts.

local figures = require "perigee.plot.figure"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

-- Letters of a printed page are not smaller.
local LEAST_POINTS = 6

-- A row of counts for each class, a column more than classes.
local function checked(where, confusion)
  local function wrong() values.expected(where, "confusion", "what metrics.confusion returns", confusion) end
  if type(confusion) ~= "table" or not confusion.counts or not confusion.classes then wrong() end
  local counts = values.list(where, "counts", confusion.counts)
  local classes = values.list(where, "classes", confusion.classes)
  if #classes == 0 or #counts ~= #classes then wrong() end
  for _, row in ipairs(counts) do
    if type(row) ~= "table" or #row ~= #classes + 1 then wrong() end
    for _, count in ipairs(row) do
      if not math.tointeger(count) or count < 0 then wrong() end
    end
  end
  return counts, classes
end

local function figure(where, confusion, options)
  local counts, classes = checked(where, confusion)
  local name = values.names(where, options, confusion.names)
  local rejected = false
  for _, row in ipairs(counts) do rejected = rejected or row[#classes + 1] ~= 0 end
  local columns = #classes + (rejected and 1 or 0)
  local shares, names = {}, {}
  for i, row in ipairs(counts) do
    local sum = 0
    for j = 1, #classes + 1 do sum = sum + row[j] end
    shares[i] = {}
    for j = 1, columns do shares[i][j] = sum > 0 and row[j] / sum or 0 end
  end
  for j = 1, #classes do names[j] = name(classes[j]) end
  local paper, cell = theme.paper(where, options), math.max(24, math.min(44, 480 / columns))
  local room = math.max(0, style.widest(names, 160) - cell / 2) -- that names take more than numbers
  if paper.width then
    cell = math.max(10, math.min(44, (paper.width / paper.scale - 170 - room) / columns))
  end
  local size = math.max(LEAST_POINTS / paper.scale, math.min(10.5, cell / 2.4))
  local fig = figures.new { title = options.title, width = options.width or cell * columns + 170 + room,
    height = options.height or math.max(170, cell * #classes) + 96 + 0.7 * room
      + (options.title and style.figure_title or 0) }
  local panel = fig[1]
  panel:heatmap(shares, { low = 0, high = 1, map = "heat", label = "share of the true class" })
  for i = 1, #classes do
    for j = 1, columns do
      if counts[i][j] ~= 0 then
        panel:text(j, i, string.format("%d", counts[i][j]), { size = size,
          color = shares[i][j] > 0.6 and "#000000" or "white" })
      end
    end
  end
  panel.xlabel, panel.ylabel, panel.least = "predicted class", "true class", 14 * #classes
  panel.ytics = { at = {}, words = names }
  local under = table.move(names, 1, #names, 1, {})
  if rejected then under[columns] = style.widest({ "reject" }, 100) > cell - 2 and "rej." or "reject" end
  panel.xtics = { at = {}, words = under }
  panel.yrange, panel.xrange = { #classes + 0.5, 0.5 }, { 0.5, columns + 0.5 }
  return fig
end

return { options = { "names" }, figure = figure }
