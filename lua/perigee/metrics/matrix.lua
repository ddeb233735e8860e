-- The confusion of two lists of labels, with the classes that are known besides: a table
-- { classes, counts } that prints.

local given = require "perigee.metrics.given"
local records = require "perigee.records"
local text = require "perigee.text"

local WIDTH = 24 -- the longest name

local Confusion = { __name = "confusion" }

local function pad(cell, width)
  return (" "):rep(width - text.width(cell)) .. cell
end

-- "3 cat", where classes have names.
local function called(self, label)
  local name = self.names and self.names[label]
  return name and ("%d %s"):format(label, text.cut(text.name(name), WIDTH)) or tostring(label)
end

function Confusion:__tostring()
  local rows, width = { { "true" } }, 0
  for _, label in ipairs(self.classes) do rows[1][#rows[1] + 1] = tostring(label) end
  rows[1][#rows[1] + 1] = "rejected"
  for i, label in ipairs(self.classes) do
    local row = { called(self, label) }
    for j = 1, #self.classes + 1 do
      local n = self.counts:at(i, j)
      row[#row + 1] = n == 0 and "·" or ("%d"):format(n)
    end
    rows[#rows + 1] = row
  end
  local first = 0
  for _, row in ipairs(rows) do
    first = math.max(first, text.width(row[1]))
    for j = 2, #row - 1 do width = math.max(width, text.width(row[j])) end
  end
  if not self.names then
    width = math.max(first, width)
    first = width
  end
  local lines = {}
  for i, row in ipairs(rows) do
    for j, cell in ipairs(row) do row[j] = pad(cell, j == 1 and first or j == #row and 8 or width) end
    lines[i] = table.concat(row, "  ")
  end
  return table.concat(lines, "\n")
end

-- A row a class, a column what it was taken for; the arrays of its npz are classes and counts.
records.define(Confusion, {
  kind = "confusion", what = "what metrics.confusion gave",
  rows = function(self)
    local columns, rows = { { name = "true" } }, {}
    if self.names then columns[2] = { name = "name" } end
    local before = #columns
    for j, label in ipairs(self.classes) do columns[before + j] = { name = tostring(label) } end
    columns[#columns + 1] = { name = "rejected" }
    for i, label in ipairs(self.classes) do
      rows[i] = { ["true"] = label, name = self.names and self.names[label] or nil }
      for j = 1, #self.classes + 1 do rows[i][columns[before + j].name] = self.counts:at(i, j) end
    end
    return columns, rows
  end,
  arrays = function(self) return { classes = records.array(self.classes), counts = self.counts } end,
})

return function(labels, truth, known)
  local classes = given.sorted_union(truth, labels, known)
  local place, rows = { [false] = #classes + 1 }, {}
  for i, label in ipairs(classes) do
    place[label] = i
    rows[i] = {}
    for j = 1, #classes + 1 do rows[i][j] = 0 end
  end
  for i, label in ipairs(labels) do
    local row = rows[place[truth[i]]]
    row[place[label]] = row[place[label]] + 1
  end
  return setmetatable({ classes = classes, counts = array.new(rows, { dtype = "i32" }) }, Confusion)
end
