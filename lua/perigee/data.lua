-- The Lua half of the library data: how datasets print, loops over their samples.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local text = require "perigee.text"

local printable = require("perigee.native").printable

local types = debug.getregistry()
local methods = types["perigee.dataset"].methods

local BAR, BARS, WORD = 30, 20, 24 -- the longest bar; how many classes have one; the longest name

-- "  7  ██████████ 1028", a line for each class.
local function add_histogram(lines, classes, counts, names)
  local largest, words, width = 1, {}, 0
  for i = 1, math.min(#classes, BARS) do
    words[i] = names[classes[i]] and text.cut(text.name(names[classes[i]]), WORD) or ""
    width = math.max(width, text.width(words[i]))
  end
  for _, label in ipairs(classes) do largest = math.max(largest, counts[label]) end
  for i = 1, math.min(#classes, BARS) do
    local n = counts[classes[i]]
    local word = width > 0 and words[i] .. (" "):rep(width - text.width(words[i]) + 2) or ""
    local bar = ("█"):rep((n * BAR + largest - 1) // largest)
    lines[#lines + 1] = ("  %4d  %s%s %d"):format(classes[i], word, bar, n)
  end
  if #classes > BARS then lines[#lines + 1] = ("  … and %d more classes"):format(#classes - BARS) end
end

types["perigee.dataset"].__tostring = function(ds)
  local n, classes, names = #ds, ds.classes, ds.names or {}
  local head = ("Dataset (%s): %d sample%s of %s%s"):format(printable(ds.source), n, n == 1 and "" or "s",
    table.concat(ds.shape, "x"), ds.dtype == "u8" and ", stored as u8" or "")
  if n == 1 then
    local name = names[classes[1]]
    return ("%s, label %d%s"):format(head, classes[1], name and (" (%s)"):format(text.name(name)) or "")
  end
  local lines = { ("%s in %d class%s"):format(head, #classes, #classes == 1 and "" or "es") }
  if n > 1 then add_histogram(lines, classes, ds:counts(), names) end
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
    local batch = ds:slice(first, position - 1)
    return batch.dtype == "f32" and batch or batch:with { store = "f32" }, first
  end
end

local where = methods.where

--- The samples of a condition: what C knows, or those for which a function says yes to (label, row,
--- position).
function looped.where(ds, condition, ...)
  if type(condition) ~= "function" or (...) ~= nil or not kinds.is(ds, "dataset") then
    return blame.call(where, ds, condition, ...)
  end
  local positions, labels, holds = {}, ds.y, blame.guest(condition)
  for i = 1, #ds do
    if holds(labels[i], ds:floats(i, i)[1], i) then positions[#positions + 1] = i end
  end
  return methods.take(ds, positions)
end

-- A class's name for a key would leave its samples as they are, and nobody would notice.
local function check_labels(map)
  for label in pairs(map) do
    if not (math.type(label) and math.tointeger(label)) then
      arguments.expected("dataset:relabel", "map", "labels as keys", label)
    end
  end
end

-- The new label of each class, by a table, where what it does not hold stays, or by a function.
local function new_labels(ds, map)
  if type(map) == "table" then check_labels(map) end
  local new = {}
  for _, class in ipairs(ds.classes) do
    local label
    if type(map) == "function" then label = blame.users(map, class) else label = map[class] end
    if label == nil and type(map) == "table" then label = class end
    local whole = math.type(label) and math.tointeger(label)
    if not whole or whole < -0x80000000 or whole > 0x7fffffff then
      local name = ("the label of class %d"):format(class)
      arguments.expected("dataset:relabel", name, "a whole number of 32 bits", label)
    end
    new[class] = whole
  end
  return new
end

-- A label keeps the name where all that become it share it.
local function new_names(ds, new)
  local names, several = {}, {}
  for class, label in pairs(new) do
    local name = (ds.names or {})[class] or false
    if names[label] ~= nil and names[label] ~= name then several[label] = true end
    names[label] = name
  end
  for label, name in pairs(names) do
    if several[label] or not name then names[label] = nil end
  end
  return names
end

--- The same samples under other labels: { [label] = new label, … }, or a function from one to the other.
function looped.relabel(ds, map, options)
  if type(map) ~= "table" and type(map) ~= "function" then
    arguments.expected("dataset:relabel", "map", "a table { [label] = new label } or a function", map)
  end
  options = arguments.only("dataset:relabel", options, { "names" })
  local new = new_labels(ds, map)
  local labels = ds.y:totable()
  for i, label in ipairs(labels) do labels[i] = new[label] end
  local changes = { y = labels, names = options.names or new_names(ds, new) }
  return blame.as("dataset:relabel", "dataset:with", methods.with, ds, changes)
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
