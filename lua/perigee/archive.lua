-- Variables to a file and back: one safetensors file whose metadata says, as JSON under the key
-- "perigee.session", its format and what stands where.
--
--     true, "text", 1.5           themselves; a string that is not text is {"bytes": hex digits}
--     {"int": "42"}               integers, whole
--     {"float": "nan"}            what JSON has no number for
--     {"table": [[key, value] …]} entries in any order
--     {"list": [value …]}         a table with the keys 1, 2, …
--     {"floats": "3ff8…"}         a list of floats, of each its 64 bits in hex digits; so "integers"
--     {"seen": 3}                 the third table again: shared or within itself
--     {"array": "1"}              the part "1" of the file; likewise "dataset", "model" and "result". What
--                                 several values hold is one part, and one object again
--     {"object": ["attack", …]}   what is made of a table of others, by its kind (archive.keep)
--
-- Nothing in it can run, and nothing is believed: whatever does not fit is an error, and the values are
-- handed over only when all have been read.

local blame = require "perigee.blame"
local native = require "perigee.native"
local text = require "perigee.text"

local archive = {}

local most_depth = 100

local function is_name(key) return type(key) == "string" and key:find "^[%a_][%w_]*$" end

---------------------------------------------------------------------------------------------------
-- What is made of other values

local by_meta, by_name = {}, {}

--- The members of a table in a new one.
function archive.members(value)
  local copy = {}
  for key, member in next, value do copy[key] = member end
  return copy
end

--- Keep the values of that metatable under that name: parts(value) is a new table of what it is made of, and
--- make(parts) one that is the same again; it may raise, since files may be damaged, or { missing = "what
--- this session lacks for it" }. By default they are
--- tables that print, made of their members.
function archive.keep(name, meta, parts, make)
  local show = rawget(meta, "__tostring") or tostring -- before it is wrapped in text.shown
  local function remade(members)
    local value = setmetatable(members, meta)
    show(value) -- raises where something is missing
    return value
  end
  local kind = { name = name, parts = parts or archive.members, make = make or remade }
  by_meta[meta], by_name[name] = kind, kind
end

--- One of that kind, of its parts.
function archive.make(name, parts) return by_name[name].make(parts) end

local function kind_of(value)
  local meta = debug.getmetatable(value)
  return meta ~= nil and by_meta[meta] or nil
end

--- The name of a value's kind and a new table of what it is made of; nil of one that is of none.
function archive.parts_of(value)
  local kind = kind_of(value)
  if kind then return kind.name, kind.parts(value) end
end

---------------------------------------------------------------------------------------------------
-- What can be kept

-- What a table shows that is none itself (svm.lua's kernels).
local function behind(t)
  local meta = debug.getmetatable(t)
  local kept = type(meta) == "table" and rawget(meta, "__kept")
  return type(kept) == "table" and kept or t
end

-- How a table is written: "floats", "integers", "list" or "table".
local function form_of(t)
  local count, last, kind = 0, 0, nil
  for key, member in next, t do
    if math.type(key) ~= "integer" or key < 1 then return "table" end
    local of = math.type(member) or "neither"
    count, last, kind = count + 1, math.max(last, key), (kind == nil or kind == of) and of or "neither"
  end
  if count == 0 or last ~= count then return "table" end
  return kind == "neither" and "list" or kind .. "s"
end

local refusal

-- At least as many values as json_check_text (src/core/json.c) will find.
local function count_in(seen, values) seen.values = (seen.values or 0) + values end

local function refusal_in(t, name, depth, seen)
  count_in(seen, 2)
  if seen[t] then return nil end
  seen[t] = true
  local form = form_of(behind(t))
  if form == "floats" or form == "integers" then return nil end
  for key, member in next, behind(t) do
    count_in(seen, form == "list" and 1 or 3)
    local inner = is_name(key) and name .. "." .. key or ("%s[%s]"):format(name, text.of(key))
    local reason = form ~= "list" and refusal(key, "a key of " .. name, depth + 1, seen)
      or refusal(member, inner, depth + 1, seen)
    if reason then return reason end
  end
end

function refusal(value, name, depth, seen)
  local kind = type(value)
  count_in(seen, 1)
  if depth > most_depth then
    return ("tables are nested more than %d deep"):format(most_depth)
  elseif seen.values > native.archive_values then
    return ("its tables have more than %d values; arrays and lists of numbers count as one each")
      :format(native.archive_values)
  elseif kind_of(value) then
    if seen[value] then return nil end
    seen[value] = true
    count_in(seen, 2)
    return refusal_in(kind_of(value).parts(value), name, depth, seen)
  elseif kind == "table" then
    return refusal_in(value, name, depth, seen)
  elseif kind == "userdata" then
    local reason = native.archive_refusal(value)
    return reason and ("%s %s"):format(name, reason)
  end
  return (kind == "function" or kind == "thread") and ("%s is a %s"):format(name, kind) or nil
end

--- Why the variable of that name and value cannot be kept in a file ("work.f is a function"), or nil.
function archive.refusal(name, value)
  return refusal(value, name, 1, {})
end

---------------------------------------------------------------------------------------------------
-- Writing

local write = {} -- by the type of a value

local most_bytes = 100 * 1000 * 1000 -- of texts: no file has room for more

-- A walk carries the file, the texts so far and their length, the tables' numbers, how many tables there
-- are, the parts by what is in them, the depth, the variable and why it cannot be kept.
local function put(walk, format, ...)
  local piece = format:format(...)
  walk.bytes = walk.bytes + #piece
  walk[#walk + 1] = piece
end

local function encode(walk, value)
  local writer = kind_of(value) and write.object or write[type(value)]
  if walk.depth > most_depth then
    walk.reason = ("tables are nested more than %d deep"):format(most_depth)
  elseif not writer then
    walk.reason = ("a %s cannot be kept"):format(type(value))
  elseif walk.bytes > most_bytes then
    walk.reason = "more than 100 MB of texts; a file has no room for them"
  end
  if not walk.reason then writer(walk, value) end
end

function write.boolean(walk, value) put(walk, "%s", value) end

function write.number(walk, value)
  if math.type(value) == "integer" then
    put(walk, '{"int":"%d"}', value)
  elseif value - value == 0 then
    put(walk, "%s", native.json(value))
  else
    put(walk, '{"float":"%s"}', value ~= value and "nan" or value > 0 and "inf" or "-inf")
  end
end

local hex_digits = {}
for byte = 0, 255 do hex_digits[string.char(byte)] = ("%02x"):format(byte) end

function write.string(walk, value)
  local is_text = utf8.len(value) and not value:find("\0", 1, true)
  local bytes = is_text and #value or 2 * #value
  if walk.bytes + bytes > most_bytes then
    walk.reason = ("a string of %.0f MB, which takes %.0f in a file; that has room for 100 of texts"):format(
      #value / 1e6, bytes / 1e6)
  elseif is_text then
    put(walk, "%s", native.json(value))
  else
    put(walk, '{"bytes":"%s"}', value:gsub(".", hex_digits))
  end
end

function write.userdata(walk, value)
  local known = walk.parts[value]
  if known then return put(walk, '{"%s":"%s"}', known.kind, known.name) end
  local kind, part = native.archive_put(walk.file, value)
  if kind then
    walk.parts[value] = { kind = kind, name = part }
    put(walk, '{"%s":"%s"}', kind, part)
  else
    walk.reason = ("%s %s"):format(walk.depth > 1 and "something in it" or walk.name, part)
  end
end

-- The 64 bits of each number: as short in the file as in memory, about, and the same ones when read.
local function put_numbers(walk, form, list)
  local code, bits = form == "floats" and "<d" or "<i8", {}
  for i = 1, rawlen(list) do
    bits[i] = ("%016x"):format(string.unpack("<i8", string.pack(code, rawget(list, i))))
  end
  put(walk, '{"%s":"%s"}', form, table.concat(bits))
end

local function put_list(walk, list)
  local opening = '{"list":['
  for i = 1, rawlen(list) do
    put(walk, opening)
    encode(walk, rawget(list, i))
    opening = ","
  end
  put(walk, "]}")
end

-- Numbers first, then texts, each in their order, so that the same table is the same bytes; then the rest.
local function keys_of(t)
  local of, rest = { number = {}, string = {} }, {}
  for key in next, t do
    local list = of[type(key)] or rest
    list[#list + 1] = key
  end
  table.sort(of.number)
  table.sort(of.string)
  table.move(of.string, 1, #of.string, #of.number + 1, of.number)
  return table.move(rest, 1, #rest, #of.number + 1, of.number)
end

local function put_entries(walk, t)
  local opening = '{"table":[['
  for _, key in ipairs(keys_of(t)) do
    local member = rawget(t, key)
    put(walk, opening)
    encode(walk, key)
    put(walk, ",")
    encode(walk, member)
    opening = "],["
    if walk.reason then break end
  end
  put(walk, next(t) == nil and '{"table":[]}' or "]]}")
end

-- Has it been written? Else it gets the next number.
local function is_seen(walk, value)
  local number = walk.numbers[value]
  if number then
    put(walk, '{"seen":%d}', number)
    return true
  end
  walk.tables = walk.tables + 1
  walk.numbers[value] = walk.tables
end

function write.object(walk, value)
  if is_seen(walk, value) then return end
  local kind = kind_of(value)
  put(walk, '{"object":["%s",', kind.name)
  encode(walk, kind.parts(value))
  put(walk, "]}")
end

function write.table(walk, value)
  if is_seen(walk, value) then return end
  walk.depth = walk.depth + 1
  local t = behind(value)
  local form = form_of(t)
  if form == "table" then
    put_entries(walk, t)
  elseif form == "list" then
    put_list(walk, t)
  else
    put_numbers(walk, form, t)
  end
  walk.depth = walk.depth - 1
end

-- The walk as it was when it had that many pieces, bytes and tables.
local function take_back(walk, pieces, bytes, tables)
  for i = #walk, pieces + 1, -1 do walk[i] = nil end
  for t, number in pairs(walk.numbers) do
    if number > tables then walk.numbers[t] = nil end
  end
  walk.bytes, walk.tables, walk.depth = bytes, tables, 1
  local left = native.archive_drop(walk.file)
  for value, part in pairs(walk.parts) do
    if tonumber(part.name) > left then walk.parts[value] = nil end
  end
end

-- Add a variable, or nothing of it and return why it cannot be there.
local function add(walk, name, value)
  local pieces, bytes, tables = #walk, walk.bytes, walk.tables
  walk.name, walk.reason = name, nil
  put(walk, pieces == 0 and "" or "],[")
  encode(walk, name)
  put(walk, ",")
  encode(walk, value)
  local reason = walk.reason or native.archive_keep(walk.file, table.concat(walk, "", pieces + 1))
  if reason then take_back(walk, pieces, bytes, tables) end
  return reason
end

local function fail(name, reason)
  blame.fail("save: %s cannot be kept in a file: %s", tostring(name), reason)
end

--- Write { name = value, … } to the file at `path`. What there is no room for is left out, of which
--- refused(name, reason) is told; it may raise, as it does where none is given.
function archive.write(path, values, refused, where)
  refused = refused or fail
  local walk = { file = native.archive(), numbers = {}, parts = {}, tables = 1, depth = 1, bytes = 0 }
  local names = {}
  for name in next, values do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local reason = add(walk, name, values[name])
    if reason then refused(name, reason) end
  end
  local list = #walk == 0 and "[]" or "[[" .. table.concat(walk) .. "]]"
  local written, message = pcall(native.archive_write, walk.file, path, '{"table":' .. list .. "}")
  if written then return end
  if type(message) ~= "string" or perigee.interrupted() then error(message, 0) end
  blame.fail("%s: %s", where or "save", (message:gsub("^save: ", "")))
end

---------------------------------------------------------------------------------------------------
-- Reading

local function damaged(what)
  blame.fail("restore: the file's description is damaged: %s", what)
end

local read = {} -- by what a tagged value says it is, from its text

function read.int(digits)
  local number = digits:find("^%-?%d+$") and math.tointeger(tonumber(digits))
  return number or damaged("an integer that is none")
end

local floats = { nan = math.abs(0 / 0), inf = math.huge, ["-inf"] = -math.huge }

function read.float(word) return floats[word] or damaged("a number that is none") end

function read.bytes(hex)
  if #hex % 2 ~= 0 or hex:find("%X") then damaged("bytes that are not hex digits") end
  return (hex:gsub("..", function(digits) return string.char(tonumber(digits, 16)) end))
end

local decode

local lists = {} -- those of numbers, by their forms, from their bits

-- Later {"seen": …} mean it.
local function note_table(walk, value)
  walk.tables[#walk.tables + 1] = value
  return value
end

local function numbers_of(hex, code)
  local list = {}
  if #hex == 0 or #hex % 16 ~= 0 or hex:find("%X") then damaged("numbers that are not hex digits") end
  for i = 1, #hex, 16 do
    list[#list + 1] = string.unpack(code, string.pack("<i8", tonumber("0x" .. hex:sub(i, i + 15))))
  end
  return list
end

function lists.floats(walk, hex) return note_table(walk, numbers_of(hex, "<d")) end

function lists.integers(walk, hex) return note_table(walk, numbers_of(hex, "<i8")) end

-- What stands here cannot be made in this session. It goes on being read, since later tables are numbered:
-- the whole variable is refused when it has been.
local function lack(walk, reason)
  if not walk.refused then blame.fail("restore: %s", reason) end
  walk.lacks = walk.lacks or reason
  return false
end

-- What decode_it makes of the content as the next table; what it lacks is noted for whoever refers to it.
local function within(walk, decode_it, content)
  local before, number = walk.lacks, #walk.tables + 1
  walk.lacks = nil
  local value = decode_it(walk, content, number)
  walk.lost[number] = walk.lacks
  walk.lacks = before or walk.lacks
  return value
end

local function decode_list(walk, list)
  local value = note_table(walk, {})
  walk.depth = walk.depth + 1
  for i = 1, #list do value[i] = decode(walk, list[i]) end
  walk.depth = walk.depth - 1
  return value
end

local function decode_entry(walk, entry)
  if type(entry) ~= "table" or #entry ~= 2 then damaged("a table's entry is not a key and a value") end
  local key = decode(walk, entry[1])
  if key ~= key then damaged("a table's key is not one") end
  return key, decode(walk, entry[2])
end

-- The outermost table is that of the variables.
local function decode_table(walk, list)
  local value, outermost = note_table(walk, {}), walk.depth == 0
  walk.depth = walk.depth + 1
  for i = 1, #list do
    local key, member = decode_entry(walk, list[i])
    if outermost and walk.lacks then
      walk.refused(key, walk.lacks)
      walk.lacks = nil
    else
      value[key] = member
    end
  end
  walk.depth = walk.depth - 1
  return value
end

-- [kind, what it is made of]
local function decode_object(walk, list, number)
  local kind = #list == 2 and type(list[1]) == "string" and by_name[list[1]]
  if not kind then damaged("an object of a kind that is not known") end
  note_table(walk, false)
  local parts = decode(walk, list[2])
  if walk.lacks then return false end
  local ok, made = pcall(kind.make, parts)
  if not ok then
    if perigee.interrupted() then error(made, 0) end
    if type(made) == "table" then return lack(walk, made.missing) end
    local reason = blame.reason(made)
    damaged(("what should be a kind of %s is not%s"):format(kind.name, reason and ": " .. reason or ""))
  end
  walk.tables[number] = made
  return made
end

-- A table that was read before.
local function decode_seen(walk, number)
  if walk.lost[number] then return lack(walk, walk.lost[number]) end
  return walk.tables[number] or damaged("it refers to a table that is not there")
end

-- A part of the file, made once.
local function take_part(walk, kind, name)
  local key = kind .. " " .. name
  if walk.parts[key] == nil then
    local part, lacks = blame.call(native.archive_take, walk.file, kind, name, walk.path)
    if lacks and not walk.refused then blame.fail("restore: %s: %s", walk.path, lacks) end
    walk.parts[key] = part or lacks and { lacks = lacks } or damaged("a value of a kind that is not known")
  end
  local part = walk.parts[key]
  if type(part) == "table" then return lack(walk, part.lacks) end
  return part
end

-- A table's only member says what it is.
local function decode_tagged(walk, node)
  local kind, content = next(node)
  if kind == nil then damaged("an empty value") end
  if type(kind) ~= "string" or next(node, kind) ~= nil then damaged("a value of no known form") end
  if kind == "table" and type(content) == "table" and (#content > 0 or next(content) == nil) then
    return within(walk, decode_table, content)
  elseif kind == "list" and type(content) == "table" and #content > 0 then
    return within(walk, decode_list, content)
  elseif kind == "object" and type(content) == "table" then
    return within(walk, decode_object, content)
  elseif kind == "seen" then
    return decode_seen(walk, content)
  elseif type(content) ~= "string" then
    damaged("a value without its text")
  elseif read[kind] then
    return read[kind](content)
  elseif lists[kind] then
    return lists[kind](walk, content)
  end
  return take_part(walk, kind, content)
end

function decode(walk, node)
  local kind = type(node)
  if walk.depth > most_depth then damaged("tables are nested too deeply") end
  if kind == "table" then return decode_tagged(walk, node) end
  if kind == "userdata" or kind == "nil" then damaged("a value of no known form") end
  return node
end

--- The values in the file at `path`, { name = value, … }; raises on a file that is not whole. Of what cannot
--- be made in this session refused(name, why) is told; where none is given that raises.
function archive.read(path, refused)
  local file <close>, list = blame.call(native.archive_read, path)
  if type(list) ~= "table" or #list ~= 1 then damaged("there are no values in it") end
  local walk = { file = file, path = path, tables = {}, parts = {}, lost = {}, depth = 0, refused = refused }
  local values = decode(walk, list[1])
  if type(values) ~= "table" then damaged("there are no named values in it") end
  return values
end

return archive
