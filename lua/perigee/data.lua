-- The Lua half of the library data: how datasets print, loops over their samples.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local printable = require("perigee.native").printable

local types = debug.getregistry()
local methods = types["perigee.dataset"].methods

local BAR, BARS = 30, 20 -- the longest bar; how many classes have one

-- "  7  ██████████ 1028", a line for each class.
local function add_histogram(lines, classes, counts)
  local largest = 1
  for _, label in ipairs(classes) do largest = math.max(largest, counts[label]) end
  for i = 1, math.min(#classes, BARS) do
    local n = counts[classes[i]]
    lines[#lines + 1] = ("  %4d  %s %d"):format(classes[i], ("█"):rep((n * BAR + largest - 1) // largest), n)
  end
  if #classes > BARS then lines[#lines + 1] = ("  … and %d more classes"):format(#classes - BARS) end
end

types["perigee.dataset"].__tostring = function(ds)
  local n, classes = #ds, ds.classes
  local head = ("Dataset (%s): %d sample%s of %s"):format(printable(ds.source), n, n == 1 and "" or "s",
    table.concat(ds.shape, "x"))
  if n == 1 then return ("%s, label %d"):format(head, classes[1]) end
  local lines = { ("%s in %d class%s"):format(head, #classes, #classes == 1 and "" or "es") }
  if n > 1 then add_histogram(lines, classes, ds:counts()) end
  return table.concat(lines, "\n")
end

local looped = {}

--- for batch, position in ds:batches(100): ranges in order, the last one perhaps shorter.
function looped.batches(ds, n)
  local size, position = math.type(n) and math.tointeger(n), 1
  if not size or size < 1 or size > 1 << 30 then
    arguments.expected("dataset:batches", "n", "an integer from 1 to 1073741824", n)
  end
  return function()
    local first, count = position, #ds
    if first > count then return nil end
    position = math.min(first + size, count + 1)
    return ds:slice(first, position - 1), first
  end
end

local where = methods.where

--- The samples of a condition: what C knows, or those for which a function says yes to (label, row,
--- position).
function looped.where(ds, condition, ...)
  if type(condition) ~= "function" or (...) ~= nil or not kinds.is(ds, "dataset") then
    return blame.call(where, ds, condition, ...)
  end
  local positions, labels, rows = {}, ds.y, ds.x
  for i = 1, #ds do
    if condition(labels[i], rows[i], i) then positions[#positions + 1] = i end
  end
  return methods.take(ds, positions)
end

local self = { what = "a dataset", is = function(value) return kinds.is(value, "dataset") end }
for name, method in pairs(arguments.guard("dataset:", looped, self)) do methods[name] = method end

local splits = arguments.guard("dataset:", require "perigee.splits", self)
for name, method in pairs(splits) do methods[name] = method end

local toys = require "perigee.toys"
for _, name in ipairs(toys.names) do data[name] = toys[name] end

--- Whether data.mnist would find both parts.
function data.has_mnist()
  return (data.find_mnist("train") and data.find_mnist("test")) ~= nil
end

return data
