-- Values as bytes and back, for ranks of one job that run the same program: what archive.lua can keep in
-- files, and functions as well, with the variables and the globals of the user's that they refer to. It is
-- not a form for files: whoever reads it believes it.
--
-- Arrays, datasets, models and results stand in it as native.pack gives them, or by a name that `put` has
-- given them: what several parcels need travels once.

local archive = require "perigee.archive"
local definitions = require "perigee.definitions"
local native = require "perigee.native"
local own = require "perigee.own"

local parcel = {}

local pack, unpack = string.pack, string.unpack

-- ---- Writing -------------------------------------------------------------------------------------

local encode

local function put(walk, bytes) walk[#walk + 1] = bytes end

local function refuse(walk, reason)
  error({ refused = reason, within = walk.path }, 0)
end

-- A table, function or object that was written before is the same one again.
local function is_seen(walk, value)
  local number = walk.numbers[value]
  if number then
    put(walk, pack("<c1I4", "S", number))
    return true
  end
  walk.count = walk.count + 1
  walk.numbers[value] = walk.count
end

local write = {}

write["nil"] = function(walk) put(walk, "N") end

function write.boolean(walk, value) put(walk, value and "T" or "F") end

function write.number(walk, value)
  if math.type(value) == "integer" then put(walk, pack("<c1i8", "I", value))
  else put(walk, pack("<c1d", "D", value)) end
end

function write.string(walk, value) put(walk, pack("<c1s4", "s", value)) end

-- Modules of the program's, the environment of its files, and the libraries as the user sees them.
local roots = { modules = package.loaded, own = own, globals = _G }

local function add_table(known, way, t)
  if known[t] then return end
  known[t] = way
  for name, member in next, t do
    local further = table.move(way, 1, #way, 1, {})
    further[#further + 1] = name
    if type(name) == "string" and type(member) == "function" and not known[member] then
      known[member] = further
    elseif type(name) == "string" and type(member) == "table" and #way < 3 and way[1] == "modules" then
      add_table(known, further, member)
    end
  end
end

-- What is there already on every rank, by the way to it from one of the roots: the program's own tables and
-- functions.
local known

local function make_known()
  known = { [_G] = { "globals" } }
  for name, module in next, package.loaded do
    if type(module) == "table" and name:find "^perigee%." and module ~= own then
      add_table(known, { "modules", name }, module)
    end
  end
  for name, value in next, own do
    if type(value) == "table" then add_table(known, { "own", name }, value) end
    if type(value) == "function" then known[value] = { "own", name } end
    local library = rawget(_G, name)
    if type(library) == "table" then known[library] = known[library] or { "globals", name } end
  end
  known[own] = { "own" }
end

local function write_known(walk, value)
  if not known then make_known() end
  local number = definitions.number(value)
  local way = number and { "defined", tostring(number) } or known[value]
  if not way then return false end
  put(walk, pack("<c1I1", "K", #way))
  for _, name in ipairs(way) do put(walk, pack("<s4", name)) end
  return true
end

local function put_entries(walk, t)
  for key, member in next, t do
    encode(walk, key)
    local before = walk.path
    if type(key) == "string" then walk.path = before == "" and key or before .. "." .. key end
    encode(walk, member)
    walk.path = before
  end
  put(walk, "E")
end

function write.table(walk, value)
  local meta = debug.getmetatable(value)
  local kind, parts = archive.parts_of(value)
  if write_known(walk, value) or is_seen(walk, value) then return end
  if kind then
    put(walk, pack("<c1s4", "O", kind))
    return encode(walk, parts)
  end
  local kept = type(meta) == "table" and rawget(meta, "__kept")
  if type(kept) == "table" then value, meta = kept, nil end
  put(walk, meta and "M" or "t")
  if meta then encode(walk, meta) end
  put_entries(walk, value)
end

function write.userdata(walk, value)
  if is_seen(walk, value) then return end
  local kind, parts = archive.parts_of(value)
  if kind then
    put(walk, pack("<c1s4", "O", kind))
    return encode(walk, parts)
  end
  local name = walk.name_of and walk.name_of(value)
  if name then return put(walk, pack("<c1s4", "B", name)) end
  local packed, bytes = native.pack(value)
  if not packed then refuse(walk, bytes) end
  put(walk, pack("<c1s4s8", "U", packed, bytes))
end

-- The user's globals whose names stand in the code, whatever they are there for.
local function globals_in(walk, bytes)
  local list = {}
  for name, value in next, _G do
    if type(name) == "string" and not own.is_reserved(name) and not walk.globals[name]
      and bytes:find(name, 1, true) then
      walk.globals[name] = true
      list[name] = value
    end
  end
  return list
end

local function copied(t)
  local copy = {}
  for key, value in next, t do copy[key] = value end
  return copy
end

-- Encode the value under a tag, or nothing of it where something in it cannot travel.
local function try_to_put(walk, tag, value)
  local pieces, before = #walk, {}
  for _, name in ipairs { "count", "depth", "path", "numbers", "upvalues", "globals" } do
    before[name] = type(walk[name]) == "table" and copied(walk[name]) or walk[name]
  end
  put(walk, tag)
  local ok, problem = pcall(encode, walk, value)
  if ok then return end
  if type(problem) ~= "table" or not problem.refused then error(problem, 0) end
  for i = #walk, pieces + 1, -1 do walk[i] = nil end
  for name, value_before in next, before do walk[name] = value_before end
end

-- What cannot travel of them is left out: whoever reads it there is told that it is not set.
local function put_globals(walk, list)
  for name, value in next, list do try_to_put(walk, pack("<c1s4", "G", name), value) end
  put(walk, "E")
end

-- Variables that functions share are one again.
local function put_upvalues(walk, f)
  local i = 1
  local name, value = debug.getupvalue(f, 1)
  while name do
    local id = debug.upvalueid(f, i)
    if rawequal(value, _G) then
      put(walk, "g")
    elseif walk.upvalues[id] then
      put(walk, pack("<c1I4I4", "j", walk.upvalues[id][1], walk.upvalues[id][2]))
    else
      walk.upvalues[id] = { walk.numbers[f], i }
      put(walk, "v")
      encode(walk, value)
    end
    i = i + 1
    name, value = debug.getupvalue(f, i)
  end
  put(walk, "E")
end

write["function"] = function(walk, value)
  if write_known(walk, value) or is_seen(walk, value) then return end
  local ok, bytes = pcall(string.dump, value)
  if not ok then refuse(walk, "is a function written in C, which cannot travel to other ranks") end
  put(walk, pack("<c1s4", "f", bytes))
  put_upvalues(walk, value)
  put_globals(walk, globals_in(walk, bytes))
end

function write.thread(walk) refuse(walk, "is a coroutine") end

function encode(walk, value)
  walk.depth = walk.depth + 1
  if walk.depth > 180 then refuse(walk, "is nested too deeply") end
  write[type(value)](walk, value)
  walk.depth = walk.depth - 1
end

--- The value as a string, or nil and why not, a sentence's end that begins with what is meant.
--- name_of(object) (may be nil) is a name by which the reader has an object, or nil.
function parcel.bytes(value, name_of)
  local walk = { numbers = {}, upvalues = {}, globals = {}, count = 0, depth = 0, path = "",
    name_of = name_of }
  local ok, problem = pcall(encode, walk, value)
  if ok then return table.concat(walk) end
  if type(problem) == "table" and problem.refused then
    return nil, (problem.within ~= "" and problem.within or "a value") .. " " .. problem.refused
  end
  error(problem, 0)
end

-- ---- Reading -------------------------------------------------------------------------------------

local decode

-- One or two values.
local function take(walk, format)
  local one, two, at = unpack(format, walk.bytes, walk.at)
  walk.at = at or two
  return one, at and two
end

local function tag_of(walk)
  walk.at = walk.at + 1
  return walk.bytes:sub(walk.at - 1, walk.at - 1)
end

local function note(walk, value)
  walk.count = walk.count + 1
  walk.seen[walk.count] = value
  return value
end

local read = {
  N = function() return nil end,
  T = function() return true end,
  F = function() return false end,
  I = function(walk) return take(walk, "<i8") end,
  D = function(walk) return take(walk, "<d") end,
  s = function(walk) return take(walk, "<s4") end,
  S = function(walk) return walk.seen[take(walk, "<I4")] end,
}

function read.K(walk)
  local count = take(walk, "<I1")
  local root = take(walk, "<s4")
  local value = roots[root]
  for _ = 2, count do
    local name = take(walk, "<s4")
    if root == "defined" then return walk.defined[tonumber(name)] end
    value = rawget(value, name)
  end
  return value
end

local function read_entries(walk, t)
  while walk.bytes:sub(walk.at, walk.at) ~= "E" do
    local key = decode(walk)
    rawset(t, key, (decode(walk)))
  end
  walk.at = walk.at + 1
  return t
end

function read.t(walk) return read_entries(walk, note(walk, {})) end

function read.M(walk)
  local t = note(walk, {})
  local meta = decode(walk)
  return debug.setmetatable(read_entries(walk, t), meta)
end

function read.O(walk)
  local kind = take(walk, "<s4")
  note(walk, false)
  local number = walk.count
  local made = archive.make(kind, (decode(walk)))
  walk.seen[number] = made
  return made
end

function read.B(walk)
  note(walk, false)
  local number = walk.count
  walk.seen[number] = walk.object_of(take(walk, "<s4"))
  return walk.seen[number]
end

function read.U(walk)
  note(walk, false)
  local number = walk.count
  walk.seen[number] = native.unpack(take(walk, "<s4s8"))
  return walk.seen[number]
end

local function read_upvalues(walk, f)
  local i, tag = 1, tag_of(walk)
  while tag ~= "E" do
    if tag == "g" then
      debug.setupvalue(f, i, _G)
    elseif tag == "j" then
      local number, at = take(walk, "<I4I4")
      debug.upvaluejoin(f, i, walk.seen[number], at)
    else
      debug.setupvalue(f, i, (decode(walk)))
    end
    i, tag = i + 1, tag_of(walk)
  end
  return f
end

-- The globals that it refers to follow it.
function read.f(walk)
  local f = note(walk, (assert(load(take(walk, "<s4"), "=a function", "b"))))
  read_upvalues(walk, f)
  while tag_of(walk) == "G" do
    local name = take(walk, "<s4")
    rawset(_G, name, (decode(walk)))
  end
  return f
end

function decode(walk)
  local tag = tag_of(walk)
  return read[tag](walk)
end

--- The value in bytes of parcel.bytes; object_of(name) gives the objects that have names, `defined` what
--- the writer's definitions have made, by their numbers.
function parcel.value(bytes, object_of, defined)
  return decode { bytes = bytes, at = 1, seen = {}, count = 0, object_of = object_of, defined = defined }
end

return parcel
