-- What numbers can do: a full reduction is a number outside of grad and an array inside, and the code that
-- follows it, s:exp() or s:clip(0, 1), is to run in both. So numbers have the array functions that go
-- element by element, and the reductions; the answer is a number again. All else that is asked of a number
-- is Lua's own error, which its virtual machine does not make where there is a metamethod: it is told here.

local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

-- Of integers these make an integer, as they do of an array of such.
local exact = "abs neg square sign floor ceil round trunc relu add sub mul mod idiv maximum minimum clip "
  .. "where sum prod min max"
local others = "sqrt exp expm1 log log1p log2 log10 sin cos tan tanh sigmoid softplus div pow "
  .. "isnan isinf isfinite eq ne lt le gt ge logical_and logical_or logical_xor logical_not mean norm"

local MOST = 2 ^ 53 -- beyond it a float may stand for another integer

-- Are the operands numbers alone, or what stands for them; and integers?
local function are_numbers(...)
  local integers = true
  for i = 1, select("#", ...) do
    local x = select(i, ...)
    if type(x) ~= "number" and type(x) ~= "boolean" and x ~= nil then return false, false end
    integers = integers and math.type(x) ~= "float"
  end
  return true, integers
end

local function method(name, keeps_integers)
  local f = array[name]
  return function(x, ...)
    local y = blame.call(f, x, ...)
    local numbers, integers = are_numbers(x, ...)
    if not numbers then return y end
    if kinds.is(y, "array") then y = y:item() end
    if keeps_integers and integers and math.abs(y) <= MOST then return math.tointeger(y) or y end
    return y
  end
end

local methods = { item = function(x) return x end }
for name in exact:gmatch "%S+" do methods[name] = method(name, true) end
for name in others:gmatch "%S+" do methods[name] = method(name, false) end

---------------------------------------------------------------------------------------------------
-- Lua's own error

local function is_same(value, x)
  return rawequal(value, x) or type(value) == "number" and value ~= value and x ~= x
end

-- What the running function at this level knows by that name, if it is x: "local", "upvalue" or "global".
local function sort_of(level, name, x)
  local sort, value, i = nil, nil, 1
  repeat -- of two locals of one name the later counts
    local found, current = debug.getlocal(level, i)
    if found == name then sort, value = "local", current end
    i = i + 1
  until not found
  local f = debug.getinfo(level, "f").func
  i = 1
  while not sort and debug.getupvalue(f, i) do
    local found, current = debug.getupvalue(f, i)
    if found == name then sort, value = "upvalue", current end
    i = i + 1
  end
  if not sort then sort, value = "global", rawget(_G, name) end
  return is_same(value, x) and sort or nil
end

-- Of the text before a key: what was indexed, as Lua tells it.
local function variable(level, before, x)
  local place = before:match "%[%s*([^%[%]]-)%s*%]%s*$"
  if place then return ("field '%s'"):format(place:find "^%d+$" and "integer index" or "?") end
  local mark, name = before:match "([.:]?)%s*([%a_][%w_]*)%s*$"
  local sort = name and (mark == "" and sort_of(level + 1, name, x) or mark == "." and "field")
  return sort and ("%s '%s'"):format(sort, name)
end

-- " (local 's')": what x, which the function at this level indexes by the key, is called there.
local function called(level, key, x)
  local about = debug.getinfo(level, "Sl")
  if not about or about.currentline < 1 then return "" end
  local line = require("perigee.habits").line_of(about)
  local marks = { "()%s*%[()" }
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then
    table.insert(marks, 1, "()%s*[.:]%s*" .. key .. "()%f[^%w_]")
  end
  for _, mark in ipairs(marks) do
    for from in line:gmatch(mark) do
      local found = variable(level + 1, line:sub(1, from - 1), x)
      if found then return (" (%s)"):format(found) end
    end
  end
  return ""
end

local function index(x, key)
  local found = methods[key]
  if found then return found end
  error(("attempt to index a number value%s"):format(called(3, key, x)), 2)
end

--- The metatable of numbers; 0 / 0 has a sign, which print, tostring and "%s" would show.
return {
  methods = methods, -- for completion
  __index = index,
  __tostring = function(x) return x ~= x and "nan" or x .. "" end,
}
