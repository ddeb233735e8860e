-- luacheck: no max line length (tables of values, a line each)
-- What a call may say when it fails, and what it must leave.

local help = require "perigee.help"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local values = require "values"

local judge = {}

-- Lua's own words, which a user of the program could do nothing with.
local RAW = { "attempt to ", "bad argument", "stack overflow", "C stack", "invalid value %(", "number has no integer",
  "'for' ", "not enough memory$", "perigee/[%w_/]+%.lua:", "table index is", "object length is not",
  "must return a string", "invalid order function", "invalid option" }

local OURS = perigee.lua_dir:gsub("%p", "%%%0") .. "[%w_/]*%.lua:%d"

local MOST = 1500 -- bytes of a message

-- The functions of libraries: one may speak for another, attack.pgd for attack.from.
local function names_another(words)
  local name = words:match "^([%l_]+%.[%w_]+):"
  return name and name ~= "perigee.nearest" and help.find(name) ~= nil
end

local function begins_with(words, names)
  if names_another(words) or words:find "^%l+:fit: " then return true end -- a model of the arguments' that is fitted
  for _, name in ipairs(names) do
    if words:sub(1, #name + 1) == name .. ":" then return true end
  end
end

--- What is wrong with what was raised, or nil. `odd`: there is a metatable with an object of ours in it, maybe. `free`: Lua's
--- own words are about a line of the user's.
function judge.message(raised, names, odd, free)
  if type(raised) == "table" and values.raised[raised] then return end
  if raised == nil and values.calls > 0 then return end
  if type(raised) ~= "string" then return "raises a " .. type(raised) end
  if raised:find(OURS) then return "names the program's files" end
  if raised:find(values.MARK, 1, true) or raised:find "metatable answers what it should not" then return end
  if values.calls > 0 and raised:find "attempt to yield" then return end -- ours did
  local place = raised:match "^[^\n]-%.lua:%d+: " or ""
  local words = raised:sub(#place + 1)
  for _, raw in ipairs(RAW) do
    local users = not names and (raw:find "^bad" or raw:find "^invalid v") -- of the user's function in C
    if words:find(raw) and not users and not free then return "says Lua's own words" end
  end
  if odd and (words:find "^[%w ]+ has no '" or words:find "^array: " or words:find "that was closed$") then return end -- one as an __index
  if names and not begins_with(words, names) then return "does not begin with the function's name" end
  if words:find "[%z\1-\8\11-\31\127]" then return "has control characters" end
  if not utf8.len(words) then return "is not UTF-8" end
  if #raised > MOST then return "is too long" end
end

-- ---- What must stay -------------------------------------------------------------------------------------

local function sum_of(value)
  if type(value) ~= "userdata" then return end
  local ok, sum = pcall(native.quick_sum, value)
  return ok and sum or nil
end

local CHEAP = { array = true, dataset = true }

local function note(list, value, depth)
  if type(value) == "userdata" then
    local sum = (list.all or CHEAP[kinds.of(value)]) and sum_of(value)
    if sum then list[#list + 1] = { value, sum } end
  elseif type(value) == "table" and not getmetatable(value) and depth < 3 then
    local count = 0
    for _, member in next, value do
      count = count + 1
      if count > 12 then return end
      note(list, member, depth + 1)
    end
  end
end

--- What the objects among the arguments have in them; models as well, which takes its time, if all are asked for.
function judge.before(arguments, all)
  local list = { all = all }
  for i = 1, arguments.n do note(list, arguments[i], 1) end
  return list
end

--- Which of them has changed: its kind, or nil.
function judge.changed(list)
  for _, one in ipairs(list) do
    if sum_of(one[1]) ~= one[2] then return kinds.of(one[1]) or "object" end
  end
end

-- ---- What comes back ----------------------------------------------------------------------------------

--- Show a value and ask it for all of its fields: what is wrong with that, or nil.
function judge.touch(value, names)
  if type(value) ~= "userdata" then return end
  local ok, raised = pcall(tostring, value)
  if not ok then return "tostring: " .. tostring(raised) end
  for _, name in ipairs(names) do
    ok, raised = pcall(function() return value[name] end)
    local wrong = not ok and judge.message(raised)
    if wrong then return ("field %s: %s: %s"):format(name, wrong, tostring(raised)) end
  end
end

return judge
