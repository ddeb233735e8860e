-- What recipes do with the values they are given: arrays or lists, options, complaints.

local arguments = require "perigee.arguments"
local kinds = require "perigee.kinds"
local gnuplot = require("perigee.native").gnuplot

local values = {}

values.fail = require("perigee.blame").fail
values.expected = arguments.expected
values.only = arguments.only

-- Numbers of an array or a (nested) list as a float64 array, which is not the user's own: figures are drawn
-- later.
function values.numbers(where, name, value)
  if type(value) ~= "table" and type(value) ~= "userdata" then
    values.expected(where, name, "an array or a list of numbers", value)
  end
  local ok, numbers = pcall(gnuplot.numbers, value, where, name)
  if not ok then values.fail("%s", (tostring(numbers):gsub("^%S*:%d+: ", ""))) end
  return rawequal(numbers, value) and numbers:copy() or numbers
end

-- What is white, where nothing else is said.
function values.white(pixels)
  return kinds.is(pixels, "array") and pixels.dtype == "u8" and 255 or 1
end

function values.table(where, name, value)
  if type(value) ~= "table" then values.expected(where, name, "a table", value) end
  return value
end

-- To gnuplot numbers below this are 0.
local NOTHING = 1e-290

-- low … high with `pad` of its length on either side, and never an empty range.
function values.padded(low, high, pad)
  if not low then return 0, 1 end
  if math.abs(low) < NOTHING and math.abs(high) < NOTHING then return low - 1, high + 1 end
  local room = (high - low) * (pad or 0)
  if high - low <= 1e-12 * math.max(math.abs(low), math.abs(high), 1e-300) then
    room = low == 0 and 1 or math.abs(low) * 0.5
  end
  return low - room, high + room
end

-- A list of numbers (or of lists) from an array or a list.
function values.list(where, name, value)
  if type(value) == "table" then return value end
  if type(value) == "userdata" then
    local ok, list = pcall(function() return value:totable() end)
    if ok and type(list) == "table" then return list end
  end
  return values.expected(where, name, "an array or a list", value)
end

-- Call a function of the program's; what it complains of is the argument's fault.
function values.call(where, name, f, ...)
  local answer = table.pack(pcall(f, ...))
  if answer[1] then return table.unpack(answer, 2, answer.n) end
  local words = answer[2]
  if type(words) ~= "string" or perigee.interrupted() then error(words, 0) end
  return values.fail("%s: %s: %s", where, name, (words:gsub("^[^\n]-:%d+: ", "")))
end

-- A value of one of the program's types, "a dataset" say.
function values.of_kind(where, name, kind, value)
  if not kinds.is(value, kind) then values.expected(where, name, "a " .. kind, value) end
  return value
end

-- Words of the classes: a function from a label to its name, by the option `names`, { [0] = "shirt", … }, or
-- else those that come with what is shown, or to the label itself.
function values.names(where, options, own)
  local names = options.names
  if kinds.is(names, "dataset") then names = names.names end
  if names == nil then names = own end
  if names ~= nil and type(names) ~= "table" then
    values.expected(where, "names", "a table of words by label, { [0] = \"shirt\", \"trousers\", … }", names)
  end
  for label, name in pairs(names or {}) do
    if type(name) ~= "string" then
      values.expected(where, ("names: that of %s"):format(tostring(label)), "a string", name)
    end
  end
  return function(label)
    local name = names and names[label]
    return type(name) == "string" and name or tostring(label)
  end
end

function values.finite(x)
  return type(x) == "number" and x == x and x ~= math.huge and x ~= -math.huge
end

-- Lowest and highest finite number of several lists; nil if there is none.
function values.range(lists)
  local low, high
  for _, list in ipairs(lists) do
    for i = 1, #list do
      local x = list[i]
      if values.finite(x) then
        if not low or x < low then low = x end
        if not high or x > high then high = x end
      end
    end
  end
  return low, high
end

-- The largest size of a finite number in several lists, and never 0: the ends of a scale around it.
function values.reach(lists)
  local low, high = values.range(lists)
  return math.max(math.abs(low or 0), math.abs(high or 0), 1e-12)
end

-- How an image of numbers around 0 is drawn: of one channel on the diverging map, of three each around the
-- middle grey.
function values.signed(h, w, channels, reach)
  return { height = h, width = w, channels = channels, map = channels == 1 and "diverging" or nil,
    low = -reach, high = reach }
end

-- Softmax of one row of scores, its maximum subtracted. A score of −inf has confidence 0.
function values.softmax(scores)
  local highest = -math.huge
  for _, s in ipairs(scores) do highest = math.max(highest, s) end
  local out, sum = {}, 0
  for j, s in ipairs(scores) do
    out[j] = s == highest and 1 or math.exp(s - highest)
    sum = sum + out[j]
  end
  for j in ipairs(out) do out[j] = out[j] / sum end
  return out
end

-- What says how a figure looks.
values.look_options = { "size", "font", "font_size", "theme" }

--- Those that all pictures take.
values.common = { "file", "terminal", "title", "timeout", "width", "height", "scale",
  table.unpack(values.look_options) }

-- The table of options of a picture: its own, and those that all take.
function values.options(where, options, valid)
  return values.only(where, options, valid, values.common)
end

-- One option of a Lua type, or its default.
function values.option(where, options, key, kind, fallback)
  local value = options[key]
  if value == nil then return fallback end
  if type(value) ~= kind then values.expected(where, key, "a " .. kind, value) end
  return value
end

-- A number within bounds, or its default.
function values.number(where, options, key, low, high, fallback)
  local value = values.option(where, options, key, "number", fallback)
  if value and not (value >= low and value <= high) then
    values.fail("%s: %s: expected a number from %.14g to %.14g, got %.14g", where, key, low, high, value)
  end
  return value
end

-- A whole number within bounds, or its default.
function values.integer(where, options, key, low, high, fallback)
  local value = values.number(where, options, key, low, high, fallback)
  if value == nil then return nil end
  return math.tointeger(value) or values.expected(where, key, "a whole number", value)
end

-- How a sample of this shape is drawn: height, width, channels (1 or 3), or nil if it is not an image.
-- A flat sample of a square number of features is taken for a square image.
function values.image_shape(shape, features)
  local h, w, channels
  if shape and #shape == 2 then
    h, w, channels = shape[1], shape[2], 1
  elseif shape and #shape == 3 then
    channels, h, w = shape[1], shape[2], shape[3]
  else
    local side = math.floor(math.sqrt(features) + 0.5)
    if side < 4 or side * side ~= features then return nil end
    h, w, channels = side, side, 1
  end
  if (channels == 1 or channels == 3) and h * w * channels == features then return h, w, channels end
  return nil
end

return values
