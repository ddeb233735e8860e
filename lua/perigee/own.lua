-- What the program's own Lua files see. Users may call a variable `type` or `table`, overwrite `print`
-- or math.floor, restore a file that does: nothing here may break of it. So the program's files have an
-- environment of their own, made before the user's first line, with copies of Lua's libraries and of ours;
-- _G in it is the user's globals, for those who look at them.

local own = {}

local loaded, lists = {}, package.loaded -- the program's modules; everybody's
local folder = perigee.lua_dir

local function copy(t)
  local made = {}
  for key, value in next, t do made[key] = value end
  return made
end

local ipairs, pairs = ipairs, pairs

for name, value in next, _G do own[name] = value end
for name in ("coroutine debug io math os string table utf8"):gmatch "%w+" do own[name] = copy(own[name]) end

-- A user's table may have a metatable that never ends a list, or answers pairs with what is no iterator.
local LAZY = 4096 -- members of a list that only its __index knows
local MOST = 65536 -- members that a __pairs gives

local function next_member(t, i)
  local value = t[i + 1]
  if value == nil then return nil end
  if i >= LAZY and own.rawget(t, i + 1) == nil then
    own.error(("a list of more than %d members that its __index makes"):format(LAZY), 0)
  end
  return i + 1, value
end

function own.ipairs(t)
  if own.type(t) ~= "table" or not own.debug.getmetatable(t) then return ipairs(t) end
  return next_member, t, 0
end

function own.pairs(t)
  local meta = own.type(t) == "table" and own.debug.getmetatable(t)
  if not meta or own.rawget(meta, "__pairs") == nil then return pairs(t) end
  local f, state, first = pairs(t)
  if own.type(f) ~= "function" then own.error("a table whose __pairs gives no iterator", 0) end
  local count = 0
  return function(...)
    count = count + 1
    if count > MOST then own.error(("a table whose __pairs gives more than %d members"):format(MOST), 0) end
    return f(...)
  end, state, first
end

local function path_of(name)
  return folder .. "/" .. name:gsub("%.", "/") .. ".lua"
end

--- Is there a file of the program's for this module?
function own.has(name)
  local file = own.io.open(path_of(name))
  if file then file:close() end
  return file ~= nil
end

--- require for the program's files: each is loaded once, in this environment, and found again whatever
--- becomes of package.loaded.
function own.require(name)
  if loaded[name] then return loaded[name] end
  local path = path_of(name)
  local chunk, message = own.loadfile(path, "t", own)
  if not chunk then
    if lists[name] then return lists[name] end -- one written in C
    own.error(message, 2)
  end
  local module = chunk(name, path)
  loaded[name] = module == nil or module
  lists[name] = loaded[name]
  return loaded[name]
end

-- The user's require finds the same ones.
own.table.insert(package.searchers, 2, function(name)
  if not name:find "^perigee%." or not own.has(name) then return nil end
  return own.require
end)

local reserved = {}

--- Globals of Lua's and ours: no file that is restored may set them.
function own.reserve(names)
  for name in own.next, names do reserved[name] = true end
end

function own.is_reserved(name)
  return reserved[name] == true
end

local libraries = {}

--- The libraries as they are once both halves are there: what the user then does to them is not seen.
function own.keep(names)
  for _, name in own.ipairs(names) do
    libraries[name] = own.rawget(_G, name)
    own[name] = copy(libraries[name])
  end
  own.reserve(_G)
end

--- Set a member of a library for everybody.
function own.set(library, key, value)
  libraries[library][key], own[library][key] = value, value
end

-- The metatable of strings is everybody's, and the program's files call methods: these are Lua's own,
-- whatever becomes of `string`. What users add there, and an __index of theirs (s[i], say), answers after
-- them.
local strings, functions, theirs = own.debug.getmetatable "", string, string
local methods = own.setmetatable(copy(own.string), {
  __index = function(_, key) return own.rawget(functions, key) end,
})
own.rawset(strings, "__index", methods)
own.setmetatable(string, { __index = own.string }) -- what is set to nil there is found again

local function index_string(s, key)
  local found = methods[key]
  if found ~= nil or theirs == nil then return found end
  if own.type(theirs) == "function" then return theirs(s, key) end
  return theirs[key]
end

own.rawset(strings, "__metatable", own.setmetatable({}, {
  __index = function(_, key)
    if key == "__index" then return theirs end
    return own.rawget(strings, key)
  end,
  __newindex = function(_, key, value)
    if key == "__index" then
      theirs, value = value, value == functions and methods or index_string
    end
    own.rawset(strings, key, value)
  end,
}))

own.setmetatable(own, {
  __index = function(_, name) own.error(("global '%s' is not set"):format(name), 2) end,
})
own.debug.getregistry()["perigee.require"] = own.require
loaded["perigee.own"], lists["perigee.own"] = own, own
lists["perigee.init"] = true -- which runs now
return own
