-- What functions of the user's are, as texts: what is kept of one (a checkpoint) shall not answer for
-- another.
--
-- A function is its code, wherever it stands in its file, and what the code refers to: local variables from
-- outside it, and globals that are numbers, strings, truths, functions, or tables of these. Functions count
-- by theirs, arrays and models by their numbers. What it sets itself (a counter) changes while it is used,
-- and does not count. What it reads through the program, or by names that are made while it runs, is not
-- seen.

local ensemble = require "perigee.ensemble"
local export = require "perigee.export"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local own = require "perigee.own"

local fingerprint = {}

local MOST_DEPTH = 4 -- of tables within tables

-- Every byte of a text, by a checksum.
local function sum_of(bytes)
  local list = {}
  for i = 1, #bytes do list[i] = bytes:byte(i) end
  return native.checksum(array.new(list, { dtype = "i32" }))
end

-- ---- Code ----------------------------------------------------------------------------------------
--
-- What string.dump(f, true) of Lua 5.4 gives: a header, then the function and those within it.

local HEADER = 32
-- Set an upvalue; get and set a member of one by a constant name: a global, where that is _ENV.
local SETUPVAL, GETTABUP, SETTABUP = 10, 11, 15

local function skip(walk, count)
  walk.at = walk.at + count
  return walk.bytes:sub(walk.at - count, walk.at - 1)
end

local function size(walk)
  local value = 0
  repeat
    local digit = skip(walk, 1):byte()
    value = value << 7 | digit & 0x7f
  until digit & 0x80 ~= 0
  return value
end

local function text_in(walk)
  local length = size(walk)
  return length > 0 and skip(walk, length - 1) or nil
end

-- Constants' tags.
local is_number, is_string = { [0x03] = true, [0x13] = true }, { [0x04] = true, [0x14] = true }

-- Strings by their places.
local function constants_in(walk)
  local names = {}
  for i = 0, size(walk) - 1 do
    local tag = skip(walk, 1):byte()
    if is_string[tag] then
      names[i] = text_in(walk)
    elseif is_number[tag] then
      skip(walk, 8)
    end
  end
  return names
end

-- Which of the outermost function's upvalues those of this one are, by those of the function around it.
local function upvalues_in(walk, outer)
  local inner = {}
  for i = 0, size(walk) - 1 do
    local in_stack, index = skip(walk, 3):byte(1, 2)
    if not outer then
      inner[i] = i + 1
    elseif in_stack == 0 then
      inner[i] = outer[index]
    end
  end
  return inner
end

local function note_uses(walk, code, names, upvalues)
  for at = 1, #code, 4 do
    local instruction = string.unpack("<I4", code, at)
    local operation, a = instruction & 0x7f, instruction >> 7 & 0xff
    local b, c = instruction >> 16 & 0xff, instruction >> 24
    if operation == SETUPVAL and upvalues[b] then
      walk.set[upvalues[b]] = true
    elseif operation == GETTABUP and walk.environments[upvalues[b]] and names[c] then
      walk.globals[names[c]] = true
    elseif operation == SETTABUP and walk.environments[upvalues[a]] and names[b] then
      walk.set[names[b]] = true
    end
  end
end

-- One function: what tells it from others goes to walk.parts. The lines it stands at do not.
local function function_in(walk, outer)
  text_in(walk)
  size(walk)
  size(walk)
  local first = walk.at
  skip(walk, 3)
  local code = skip(walk, 4 * size(walk))
  local names = constants_in(walk)
  local upvalues = upvalues_in(walk, outer)
  walk.parts[#walk.parts + 1] = walk.bytes:sub(first, walk.at - 1)
  note_uses(walk, code, names, upvalues)
  for _ = 1, size(walk) do function_in(walk, upvalues) end
  for _ = 1, 4 do size(walk) end -- what is not there of it: lines and names
end

-- Which of its upvalues are the globals.
local function environments_of(f)
  local found, i = {}, 1
  local name, value = debug.getupvalue(f, 1)
  while name do
    found[i] = rawequal(value, _G)
    i = i + 1
    name, value = debug.getupvalue(f, i)
  end
  return found
end

-- Of a function the checksum of its code, the names of the globals it reads, in order, and which upvalues (by
-- number) and globals (by name) it sets itself; nil of one in C.
local function code_of(f)
  local ok, bytes = pcall(string.dump, f, true)
  if not ok then return nil end
  local walk = { bytes = bytes, at = HEADER + 1, parts = {}, globals = {}, set = {},
    environments = environments_of(f) }
  function_in(walk)
  local names = {}
  for name in pairs(walk.globals) do names[#names + 1] = not walk.set[name] and name or nil end
  table.sort(names)
  return sum_of(table.concat(walk.parts)), names, walk.set
end

-- ---- What code refers to -------------------------------------------------------------------------

local shown

local plain = { number = true, string = true, boolean = true }

-- The name of a library, Lua's or ours, or nil.
local function library_name(value)
  if rawequal(value, _G) then return "the globals" end
  for name, member in next, _G do
    if rawequal(member, value) and own.is_reserved(name) then return name end
  end
end

local function shown_table(value, seen, depth, only)
  local library = library_name(value)
  if library then return library end
  if seen[value] then return "itself" end
  if depth > MOST_DEPTH then return "a table" end
  seen[value] = true
  local keys, words = {}, {}
  for key, member in next, value do
    if plain[type(key)] and (not only or only[type(member)]) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return type(a) .. tostring(a) < type(b) .. tostring(b) end)
  for i, key in ipairs(keys) do
    words[i] = ("%s=%s"):format(tostring(key), shown(rawget(value, key), seen, depth + 1))
  end
  return "{" .. table.concat(words, ", ") .. "}"
end

local function shown_object(value)
  local kind, sum, code = kinds.of(value) or "value", native.checksum(value), fingerprint.code(value)
  local words = sum and ("%s %s"):format(kind, sum) or ensemble.is_attack(value) and tostring(value)
    or "a " .. kind
  return code and words .. " of " .. code or words
end

local folder = "@" .. perigee.lua_dir .. "/"

-- Of the program's functions the user's within them count.
local function is_ours(f)
  return debug.getinfo(f, "S").source:sub(1, #folder) == folder
end

local function upvalues_of(f, set, seen)
  local words, ours, i = {}, is_ours(f), 1
  local name, value = debug.getupvalue(f, 1)
  while name do
    local theirs = not ours or plain[type(value)] or type(value) == "function" and not is_ours(value)
    if name ~= "_ENV" and theirs and not set[i] then
      words[#words + 1] = name .. "=" .. shown(value, seen, 1)
    end
    i = i + 1
    name, value = debug.getupvalue(f, i)
  end
  return words
end

local in_globals = { number = true, string = true, boolean = true, ["function"] = true }

local function globals_of(names, seen)
  local words = {}
  for _, name in ipairs(names) do
    local value = rawget(_G, name)
    local word = not own.is_reserved(name) and (in_globals[type(value)] and shown(value, seen, 1)
      or type(value) == "table" and shown_table(value, seen, 1, in_globals))
    if word then words[#words + 1] = ("global %s=%s"):format(name, word) end
  end
  return words
end

local function shown_function(f, seen)
  if seen[f] then return "itself" end
  seen[f] = true
  local sum, names, set = code_of(f)
  if not sum then return "a built-in function" end
  local words = upvalues_of(f, set, seen)
  if not is_ours(f) then table.move(globals_of(names, seen), 1, #names, #words + 1, words) end
  return ("a function %s%s"):format(sum, #words > 0 and " with " .. table.concat(words, ", ") or "")
end

function shown(value, seen, depth)
  if math.type(value) == "float" then return export.number(value) end
  if type(value) == "function" then return shown_function(value, seen) end
  if type(value) == "table" then return shown_table(value, seen, depth) end
  if type(value) == "userdata" then return shown_object(value) end
  return plain[type(value)] and tostring(value) or type(value)
end

-- ---- What others ask for -------------------------------------------------------------------------

--- A value as a text: numbers whole, arrays and the like by their checksums, functions as above.
function fingerprint.of(value)
  return shown(value, {}, 1)
end

--- A function by its code alone: its variables may change while it is used.
function fingerprint.bare(f)
  local sum = code_of(f)
  return sum and "a function " .. sum or "a built-in function"
end

--- The code that an attack or a model of ours has in it, in Lua (its step; layers, kernels), as a text; nil
--- where it has none.
function fingerprint.code(object)
  local words = {}
  for i, definition in ipairs(native.code(object)) do
    local parts = {}
    for name, member in next, definition do
      if type(member) == "function" then
        parts[#parts + 1] = ("%s=%s"):format(name, fingerprint.of(member))
      end
    end
    for _, name in ipairs { "answer", "patience" } do
      parts[#parts + 1] = ("%s=%s"):format(name, tostring(definition[name]))
    end
    table.sort(parts)
    words[i] = table.concat(parts, ", ")
  end
  return #words > 0 and "[" .. table.concat(words, "] [") .. "]" or nil
end

return fingerprint
