-- Arguments of functions written in Lua: the checks and words of those written in C.

local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local describe, metatables = native.describe, native.metatables

local arguments = {}

--- Raise "where: name: expected …, got …" at the user's line.
function arguments.expected(where, name, expected, value)
  blame.fail("%s: %s: expected %s, got %s", where, name, expected, describe(value))
end

--- Options are the table's own, as in C (bind_refuse_inherited): a copy of it has no others.
function arguments.refuse_inherited(where, options)
  local meta = debug.getmetatable(options)
  if type(meta) == "table" and rawget(meta, "__index") ~= nil then
    blame.fail("%s: the table of options has a metatable with __index, by which none is found: copy them "
      .. "into the table", where)
  end
end

--- The table of options (nil is an empty one), every key of which is in one of the lists of names.
function arguments.only(where, options, ...)
  if options == nil then return {} end
  if type(options) ~= "table" then arguments.expected(where, "options", "a table", options) end
  arguments.refuse_inherited(where, options)
  local known, names = {}, {}
  for _, list in pairs { ... } do
    for _, name in ipairs(list) do
      if not known[name] then names[#names + 1] = name end
      known[name] = true
    end
  end
  for key in pairs(options) do
    if math.type(key) then
      blame.fail("%s: options go by name, as in %s = …; got %s without one", where, names[1],
        describe(options[key]))
    end
    if not known[key] then
      local meant = type(key) == "string" and perigee.nearest(key, names)
      blame.fail("%s: unknown option '%s'%s (valid: %s)", where, tostring(key),
        meant and ("; did you mean '%s'?"):format(meant) or "", table.concat(names, ", "))
    end
  end
  return options
end

--- The options that stand in a list beside its members.
function arguments.beside(where, list)
  arguments.refuse_inherited(where, list)
  local options = {}
  for key, value in pairs(list) do
    if not (math.type(key) == "integer" and key >= 1 and key <= #list) then options[key] = value end
  end
  return options
end

local DEEP = 8 -- tables in tables

--- A copy of what users give that is looked at again later, as they may change theirs: of a table, and of
--- arrays and tables in it. One with a metatable, which answers what it likes, stays as it is.
function arguments.kept(value, depth)
  depth = depth or 0
  if kinds.is(value, "array") then return value:copy() end
  if type(value) ~= "table" or debug.getmetatable(value) or depth == DEEP then return value end
  local copy = {}
  for key, member in next, value do copy[key] = arguments.kept(member, depth + 1) end
  return copy
end

-- ---- Metatables ------------------------------------------------------------------------------------
--
-- A user's table may have a metatable that answers what no table would. Where one comes in, what Lua says of
-- it at a line of the program's files names the function, and the table as the cause.

local CAUSE = "an argument's metatable answers what it should not"

local ours = "^" .. perigee.lua_dir:gsub("%p", "%%%0") .. "/[^:]*:%d+: (.*)$"
local cut_ours = "^%.%.%.[^:\n]*perigee/[%w_/]+%.lua:%d+: (.*)$" -- of a long path Lua shows the end

local function settle(name, ok, ...)
  if ok then return ... end
  local raised = ...
  local words = type(raised) == "string" and (raised:match(ours) or raised:match(cut_ours)
    or metatables.is_raw(raised) and raised)
  if not words or words:find "^attempt to yield" then error(raised, 0) end
  blame.fail("%s: %s: %s", name, CAUSE, words)
end

-- f(…), which was called by that name.
local function call(name, f, ...)
  if metatables.any(...) then return settle(name, pcall(f, ...)) end
  return f(...)
end

local MOST_LAZY = 4096 -- members of a list that only its metatable knows

--- How many members a list of the user's has.
function arguments.count(list)
  local n = #list
  if n > MOST_LAZY and n > rawlen(list) then
    error(("a list of more than %d members that its __len makes"):format(MOST_LAZY), 0)
  end
  return n
end

local DOT = "%s (is this a call with a dot instead of a colon?)"

-- The function, which refuses arguments beyond the `taken` that it names; nil is none. A method's object is
-- not counted; it has to be one.
local function guarded(name, f, taken, self)
  local most = self and taken - 1 or taken
  local words = most == 0 and "no arguments" or ("at most %d argument%s"):format(most,
    most == 1 and "" or "s")
  return function(...)
    for i = taken + 1, select("#", ...) do
      local extra = select(i, ...)
      if extra ~= nil then
        blame.fail("%s: expected %s, got %s%s", name, words, describe(extra), most == 0 and "" or " as well")
      end
    end
    if self and not self.is((...)) then
      arguments.expected(name, "self", DOT:format(self.what), (...))
    end
    return call(name, f, ...)
  end
end

--- Guard those functions of a library that are written in Lua, or methods: self is then { is = a function
--- that knows their objects, what = "an attack's result" }.
function arguments.guard(prefix, functions, self)
  for name, f in pairs(functions) do
    local made = type(f) == "function" and debug.getinfo(f, "Su")
    if made and made.what == "Lua" and not made.isvararg and not name:find "^__" then
      functions[name] = guarded(prefix .. name, f, made.nparams, self)
    elseif made and made.what == "Lua" and not name:find "^__" then
      functions[name] = function(...) return call(prefix .. name, f, ...) end
    end
  end
  return functions
end

return arguments
