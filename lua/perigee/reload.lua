-- reload "mine": a changed file of the user's, taken into the session that runs.
--
-- The file runs once more, as require would run it. A table of functions that was there before (the module, a
-- class in it or in a local of its file, a global) stays the same table and gets the new functions: whoever
-- holds it, and objects whose metatable it is, see the new code. Everything else that the file sets takes the
-- place of what had its name; what it does not set stays, but for functions that are gone from it. A file
-- with an error changes no module and no global.

local blame = require "perigee.blame"
local arguments = require "perigee.arguments"
local kinds = require "perigee.kinds"
local libraries = require "perigee.libraries"
local load_text = require("perigee.loaders").load_text
local own = require "perigee.own"
local printable = require("perigee.native").printable

-- ---- The file ------------------------------------------------------------------------------------

local function plain(path)
  return (path:gsub("^%./", ""))
end

-- The module that is loaded of this file, and the file as it was found then; or nil.
local function module_of(path)
  for name in next, package.loaded do
    local found = type(name) == "string" and package.searchpath(name, package.path)
    if found and plain(found) == plain(path) then return name, found end
  end
end

local results = {} -- what files that are no modules gave the last time, by their paths

local function check_name(name)
  if type(name) ~= "string" or name == "" then
    arguments.expected("reload", "module", 'the name of a module or a file, as "mine" or "mine.lua"', name)
  end
  local ours = name == "perigee" or name:find "^perigee%." or type(own.rawget(own, name)) == "table"
  for _, library in ipairs(libraries) do ours = ours or name == library end
  if ours then
    blame.fail("reload: %s is the program's own: only files of yours can be taken in again", name)
  end
end

-- { name = (of a module), path =, old = (what it gave before) }.
local function target_of(name)
  if name:find "%.lua$" then
    local file = io.open(name)
    if not file then blame.fail("reload: there is no file %s", name) end
    file:close()
    local module, path = module_of(name)
    return { name = module, path = path or name, old = module and package.loaded[module] or results[name] }
  end
  local path = package.searchpath(name, package.path)
  if not path then
    blame.fail("reload: package.path has no file of a module %s; a file has its ending, as in \"%s.lua\"",
      name, name)
  end
  return { name = name, path = path, old = package.loaded[name] }
end

-- ---- What is new ---------------------------------------------------------------------------------

local function is_of_file(state, value)
  return type(value) == "function" and plain(own.debug.getinfo(value, "S").source:sub(2)) == state.path
end

-- Is it one of the program's, an ensemble say?
local function is_ours(value)
  local meta = own.debug.getmetatable(value)
  return meta ~= nil and meta == own.debug.getregistry()["perigee." .. tostring(kinds.of(value))]
end

-- A table of functions: one that holds a function of the file, itself or in a table of such.
local function is_code(state, value, depth)
  if type(value) ~= "table" or is_ours(value) then return false end
  for _, member in next, value do
    if is_of_file(state, member) then return true end
    if (depth or 0) < 3 and member ~= value and is_code(state, member, (depth or 0) + 1) then return true end
  end
  return false
end

local function same(a, b, depth)
  if own.rawequal(a, b) then return true end
  if type(a) ~= "table" or type(b) ~= "table" or depth > 6 then return false end
  for key, value in next, a do
    if not same(value, own.rawget(b, key), depth + 1) then return false end
  end
  for key in next, b do
    if own.rawget(a, key) == nil then return false end
  end
  return true
end

local function same_code(f, g)
  local ok, equal = pcall(function() return string.dump(f, true) == string.dump(g, true) end)
  return ok and equal
end

local function note(state, what, label)
  table.insert(state[what], label)
end

local merged

-- What the functions' upvalues hold under the same name: classes in locals of the file.
local function join(state, old, new)
  if state.joined[new] then return end
  state.joined[new] = true
  local held = {}
  for i = 1, 255 do
    local name, value = own.debug.getupvalue(old, i)
    if not name then break end
    held[name] = value
  end
  for i = 1, 255 do
    local name, value = own.debug.getupvalue(new, i)
    if not name then break end
    local was = name ~= "_ENV" and held[name] or nil
    local both = is_code(state, was) and is_code(state, value)
    if both or is_of_file(state, was) and is_of_file(state, value) then
      merged(state, was, value, name)
    end
  end
end

-- The old table with what the new one has.
local function renew(state, old, new, label)
  state.kept[new] = old
  local before = label == "" and "" or label .. "."
  for key, value in next, new do
    own.rawset(old, key, merged(state, own.rawget(old, key), value, before .. tostring(key)))
  end
  for key, was in next, old do
    if own.rawget(new, key) == nil and is_of_file(state, was) then
      note(state, "gone", before .. tostring(key))
      own.rawset(old, key, nil)
    end
  end
  local meta, now = own.debug.getmetatable(old), own.debug.getmetatable(new)
  if now ~= nil and meta ~= now then
    own.debug.setmetatable(old, merged(state, meta, now, before .. "metatable"))
  end
end

-- What stands for a value that was there before: the same table renewed, or the new value.
function merged(state, was, value, label)
  if own.rawequal(was, value) or state.kept[value] then return state.kept[value] or value end
  if is_code(state, was) and is_code(state, value) then
    renew(state, was, value, label)
    return was
  end
  if type(was) == "function" and type(value) == "function" then
    if not state.joined[value] and not same_code(was, value) then note(state, "changed", label) end
    join(state, was, value)
  elseif was == nil then
    note(state, type(value) == "function" and "new" or "set", label)
  elseif not same(was, value, 0) then
    note(state, "set", label)
  end
  return value
end

-- New functions, and those in their upvalues, shall mean the tables that stayed.
local function redirect(state, value)
  local code = is_of_file(state, value) or is_code(state, value)
  if not code or state.visited[value] then return end
  state.visited[value] = true
  if type(value) == "table" then
    for _, member in next, value do redirect(state, member) end
    return redirect(state, own.debug.getmetatable(value))
  end
  for i = 1, 255 do
    local name, held = own.debug.getupvalue(value, i)
    if not name then break end
    if type(held) == "table" and state.kept[held] then own.debug.setupvalue(value, i, state.kept[held]) end
    if name ~= "_ENV" then redirect(state, held) end
  end
end

-- ---- Running it ----------------------------------------------------------------------------------

local function raw_copy(t)
  local copy = {}
  for key, value in next, t do copy[key] = value end
  return copy
end

local function put_back(t, before)
  for key in next, t do
    if before[key] == nil then own.rawset(t, key, nil) end
  end
  for key, value in next, before do own.rawset(t, key, value) end
end

-- Run the chunk; after an error globals and modules are what they were.
local function run(target, chunk)
  local globals, modules = raw_copy(_G), raw_copy(package.loaded)
  local ok, answer = pcall(chunk, target.name or target.path, target.path)
  if ok then return answer, globals end
  put_back(_G, globals)
  put_back(package.loaded, modules)
  if type(answer) == "string" and not perigee.interrupted() then
    answer = ("%s; %s stays as it was"):format(answer, target.name or target.path)
  end
  error(answer, 0)
end

-- Globals that the file has set.
local function renew_globals(state, before)
  for key, value in next, raw_copy(_G) do
    if not own.rawequal(before[key], value) then
      own.rawset(_G, key, merged(state, before[key], value, tostring(key)))
    end
  end
end

local MOST = 8 -- names told of

local function list_of(names)
  table.sort(names)
  local shown, last = {}, nil
  for _, name in ipairs(names) do
    if name ~= last and #shown < MOST then shown[#shown + 1] = name end
    last = name
  end
  return table.concat(shown, ", ") .. (#names > MOST and (", … %d in all"):format(#names) or "")
end

local function tell(state, target)
  local words = {}
  for _, what in ipairs { "changed", "new", "gone", "set" } do
    if #state[what] > 0 then words[#words + 1] = what .. " " .. list_of(state[what]) end
  end
  local said = target.old == nil and #words == 0 and "loaded" or #words == 0 and "nothing has changed"
    or table.concat(words, "; ")
  local where = target.name and ("%s (%s)"):format(target.name, target.path) or target.path
  print(printable(("%s: %s"):format(where, said)))
end

--- The helper `reload`.
return function(module)
  check_name(module)
  local target = target_of(module)
  local chunk, message = load_text("reload", target.path, "t")
  if not chunk then
    blame.fail("reload: %s; %s stays as it was", (message:gsub("^reload: ", "")), module)
  end
  local answer, globals = run(target, chunk)
  local state = { path = plain(target.path), kept = {}, joined = {}, visited = {},
    changed = {}, new = {}, gone = {}, set = {} }
  if answer == nil then answer = target.name and package.loaded[target.name] end
  renew_globals(state, globals)
  local now = target.old ~= nil and merged(state, target.old, answer, "") or answer
  for _, value in next, raw_copy(_G) do redirect(state, value) end
  redirect(state, now)
  if target.name then
    package.loaded[target.name] = now == nil and true or now
  else
    results[module] = now
  end
  if perigee.interactive then tell(state, target) end
end
