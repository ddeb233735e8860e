-- Values as JSON: strings, booleans, numbers (null where they are not finite), arrays as rows of numbers,
-- tables as lists or, with names or labels for keys, as objects.

local blame = require "perigee.blame"
local native = require "perigee.native"

local json = {}

local most_depth = 100

-- The keys in order: the same value is the same text.
local function sorted_keys(value)
  local keys = {}
  for key in next, value do
    if type(key) ~= "string" then blame.fail("json: a table is a list or has names for keys") end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

-- Whether an integer for a key stands for itself, a class's label, and not for a place in a list.
local function has_labels(value, length)
  for key in next, value do
    if math.type(key) == "integer" and (key < 1 or key > length) then return true end
  end
end

-- The same with the labels in words, as an object's keys are.
local function in_words(value)
  local words = {}
  for key, element in next, value do
    words[math.type(key) == "integer" and ("%d"):format(key) or key] = element
  end
  return words
end

local function encode(value, depth)
  if type(value) == "boolean" then return tostring(value) end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if type(value) ~= "table" then return native.json(value) end
  if depth > most_depth then blame.fail("json: tables are nested too deeply") end
  local parts, length = {}, rawlen(value)
  if has_labels(value, length) then value, length = in_words(value), 0 end
  for i = 1, length do parts[i] = encode(value[i], depth + 1) end
  if length > 0 or next(value) == nil then return "[" .. table.concat(parts, ",") .. "]" end
  for i, key in ipairs(sorted_keys(value)) do
    parts[i] = native.json(key) .. ":" .. encode(value[key], depth + 1)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- The value's text.
function json.text(value) return encode(value, 0) end

return json
