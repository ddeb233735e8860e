-- One member of text hid every array of an npz, one tensor of an unknown type those of a safetensors file;
-- U16, U32, U64 were "unknown"; texts were cut at NUL.

local lu = require "luaunit"
local crc32 = dofile "tests/lua/crc32.lua"

TestNpzMembers = {}

local function with_path(f)
  local path = os.tmpname()
  f(path)
  os.remove(path)
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

-- A stored zip archive.
local function zip(members)
  local parts, directory, at = {}, {}, 0
  for _, member in ipairs(members) do
    local name, text = table.unpack(member)
    local common = string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, 0, 0, 0, 33, crc32(text), #text, #text, #name, 0)
    parts[#parts + 1] = "PK\3\4" .. common .. name .. text
    directory[#directory + 1] = "PK\1\2" .. string.pack("<I2", 20) .. common
      .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, at) .. name
    at = at + #parts[#parts]
  end
  local all = table.concat(directory)
  return table.concat(parts) .. all .. "PK\5\6"
    .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #members, #members, #all, at, 0)
end

local function npy(code, text)
  local header = ("{'descr': '%s', 'fortran_order': False, 'shape': (), }"):format(code)
  return "\x93NUMPY\1\0" .. string.pack("<s2", header) .. text
end

function TestNpzMembers:test_text_is_left_out()
  with_path(function(path)
    write(path, zip { { "format.npy", npy("|S3", "csr") } })
    lu.assertErrorMsgContains("element type '|S3'", data.read_npz, path)
    write(path, zip { { "format.npy", npy("|S3", "csr") }, { "a.npy", npy("|u1", "\7") },
      { "o.npy", npy("|O", "pickled") } })
    local arrays, out = data.read_npz(path)
    lu.assertEquals(arrays.a:item(), 7)
    lu.assertStrContains(out["format.npy"], "element type '|S3'")
    lu.assertStrContains(out["o.npy"], "never executed")
    data.save_npz(path, { a = array.zeros(2) })
    arrays, out = data.read_npz(path)
    lu.assertEquals({ arrays.a.size, out }, { 2, {} })
  end)
end

local function safetensors(dtype, bytes, metadata)
  local header = ('{%s"a":{"dtype":"%s","shape":[1],"data_offsets":[0,%d]}}'):format(
    metadata or "", dtype, #bytes)
  return string.pack("<s8", header) .. bytes
end

function TestNpzMembers:test_unsigned_safetensors()
  with_path(function(path)
    for dtype, format in pairs { U8 = "<I1", U16 = "<I2", U32 = "<I4", U64 = "<I8" } do
      write(path, safetensors(dtype, string.pack(format, 200)))
      lu.assertEquals(data.safetensors(path).a[1], 200)
    end
    write(path, safetensors("U32", string.pack("<I4", 1 << 31)))
    lu.assertErrorMsgContains("2147483648, which does not fit", data.safetensors, path)
  end)
end

-- Further tensors behind those that save_safetensors wrote: { name, type, shape, bytes }.
local function with_more(path, more)
  local file <close> = assert(io.open(path, "rb"))
  local text = file:read "a"
  local header, at = string.unpack("<s8", text)
  local bytes = text:sub(at)
  for _, one in ipairs(more) do
    local name, dtype, shape, added = table.unpack(one)
    header = header:gsub("}%s*$", (',"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}}'):format(name,
      dtype, shape, #bytes, #bytes + #added))
    bytes = bytes .. added
  end
  write(path, string.pack("<s8", header) .. bytes)
end

function TestNpzMembers:test_what_cannot_be_read_is_left_out()
  local unreadable = {
    { "f8", "F8_E4M3", "[4]", "abcd" }, { "i64", "I64", "[1]", string.pack("<i8", 1 << 31) },
    { "deep", "F32", "[1,1,1,1,1,1,1,1,1]", "1234" }, { "none", "\\u001b", "[0]", "" },
  }
  local net = nn.new { input = 2, classes = { 1, 7 }, seed = 1, nn.linear { out = 2, name = "f" } }
  local x = array.rand(3, 2, { seed = 1 })
  with_path(function(path)
    local arrays, texts, left = data.safetensors(net:save(path))
    lu.assertNil(left)
    with_more(path, unreadable)
    local some, same
    some, same, left = data.safetensors(path)
    lu.assertEquals({ some["f.weight"]:totable(), same }, { arrays["f.weight"]:totable(), texts })
    lu.assertNil(some.f8 or some.i64 or some.deep or some.none)
    lu.assertEquals(left, { f8 = "tensor 'f8' is of an unknown type 'F8_E4M3'",
      i64 = "tensor 'i64': element 1 is 2147483648, which does not fit a 32-bit integer",
      deep = "tensor 'deep' has more than 8 dimensions",
      none = "tensor 'none' is of an unknown type '\\x1b'" })
    lu.assertEquals(perigee.load(path):scores(x):totable(), net:scores(x):totable())
    lu.assertEquals(net:load_weights(path):scores(x):totable(), net:scores(x):totable())
    -- what is wanted is missed, and what is out of place is still found
    data.save_safetensors(path, { ["f.bias"] = array.zeros(2) }, texts)
    with_more(path, { { "f.weight", "F8_E5M2", "[2,2]", "abcd" } })
    local words = "tensor 'f.weight' is of an unknown type 'F8_E5M2'"
    lu.assertErrorMsgContains(words, net.load_weights, net, path)
    lu.assertErrorMsgContains(words, perigee.load, path)
    write(path, safetensors("F8_E4M3", "ab") .. "more")
    lu.assertErrorMsgContains("4 bytes too many", data.safetensors, path)
  end)
end

function TestNpzMembers:test_what_cannot_be_written_is_refused()
  with_path(function(path)
    local a = array.zeros(1)
    lu.assertErrorMsgContains("contains NUL", data.save_npz, path, { ["a\0b"] = a })
    lu.assertErrorMsgContains("not UTF-8", data.save_npz, path, { ["a\xff"] = a })
    lu.assertErrorMsgContains("contains NUL", data.save_safetensors, path, { a = a }, { k = "x\0y" })
    lu.assertErrorMsgContains("not UTF-8", data.save_safetensors, path, { a = a }, { k = "\xc3" })
  end)
end

-- The file's bytes with one name in place of another, wherever it stands.
local function rename(path, from, to)
  local file <close> = assert(io.open(path, "rb"))
  local text = file:read "a"
  write(path, (text:gsub(from, to)))
end

function TestNpzMembers:test_said_twice()
  with_path(function(path)
    data.save_npz(path, { a = array.ones(2), b = array.zeros(3), ["c.npy"] = array.ones(1) })
    rename(path, "c%.npy%.npy", "c.npy.txt")
    local arrays, left = data.read_npz(path)
    lu.assertEquals(arrays.a.shape, { 2 })
    lu.assertEquals(left, { ["c.npy.txt"] = "it is not an .npy file" })
    rename(path, "b%.npy", "a.npy")
    lu.assertErrorMsgContains("'a' is there twice", data.read_npz, path)
    write(path, safetensors("U8", "\1", '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'))
    lu.assertErrorMsgContains("'a' is there twice", data.safetensors, path)
    write(path, safetensors("U8", "\1", '"__metadata__":{"k":"a\\u0000b"},'))
    lu.assertErrorMsgContains("contains NUL", data.safetensors, path)
    write(path, "\x93NUMPY\1\0" .. string.pack("<s2",
      "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (), }") .. "\1")
    lu.assertErrorMsgContains("says 'descr' twice", data.npy, path)
  end)
end

-- Names out of files reached the terminal as they were.
function TestNpzMembers:test_escapes_become_visible()
  local nasty = { ["\\u001b[2J"] = "\\x1b[2J", ["\\u0007"] = "\\x07", ["\\u009b1m"] = "\\x9b1m",
    ["\\u202e"] = "\\u{202e}", ["\xff"] = "\\xff", ["\\u001b]0;x"] = "\\x1b]0;x" }
  with_path(function(path)
    for raw, shown in pairs(nasty) do
      write(path, (safetensors("X" .. raw, "\1")))
      lu.assertErrorMsgContains("unknown type 'X" .. shown, data.safetensors, path)
      write(path, string.pack("<s8", ('{"n%s":{"dtype":"U8"}}'):format(raw)))
      lu.assertErrorMsgContains("tensor 'n" .. shown, data.safetensors, path)
      write(path, safetensors("U8", "\1", ('"__metadata__":{"perigee":"{\\"kind\\":\\"%s\\"}"},'):format(
        raw:gsub("\\", "\\\\"))))
      lu.assertErrorMsgContains(shown, perigee.load, path)
    end
  end)
end

-- 65535 names that collide in libzip's table took 12.7 s, and nothing could stop it.
local function name_of(i)
  local parts = {}
  for bit = 0, 15 do parts[#parts + 1] = i >> bit & 1 == 1 and "ab" or "bA" end
  return table.concat(parts)
end

local function directory_of(count)
  local entries = {}
  for i = 1, count do
    entries[i] = "PK\1\2" .. string.pack("<I2I2I2I2I2I2I4I4I4I2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 32)
      .. ("\0"):rep(16) .. name_of(i)
  end
  return table.concat(entries)
end

local function ending(entries, size, at)
  return "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, entries, entries, size, at, 0)
end

function TestNpzMembers:test_too_many_members()
  local all = directory_of(65535)
  local large = "PK\6\6" .. string.pack("<I8I2I2I4I4I8I8I8I8", 44, 45, 45, 0, 0, 65535, 65535, #all, 0)
    .. "PK\6\7" .. string.pack("<I4I8I4", 0, #all, 1) .. ending(0xffff, 0xffffffff, 0xffffffff)
  for name, bytes in pairs {
    ["said"] = all .. ending(65535, #all, 0), ["said modulo 65536"] = all .. ending(1, #all, 0),
    ["said in 64 bits"] = all .. large, ["said, and not there"] = ending(20000, 0, 0),
    ["behind another end"] = all .. ending(65535, #all, 0) .. ending(0, 0, 0),
    ["in a comment"] = all .. ending(65535, #all, 0) .. ("x"):rep(65000),
  } do
    with_path(function(path)
      write(path, bytes)
      local started = os.clock()
      lu.assertErrorMsgContains("more than 16384 entries", data.read_npz, path)
      lu.assertTrue(os.clock() - started < 2, name)
    end)
  end
end

function TestNpzMembers:test_ends_that_are_cut()
  local locator = string.pack("<I4I8I4", 0, 2 ^ 62 | 0, 1)
  local all = "PK\6\7" .. locator .. ending(0xffff, 0xffffffff, 0xffffffff)
  for length = 0, #all do
    with_path(function(path)
      write(path, all:sub(-length - 1))
      lu.assertErrorMsgContains(path, data.read_npz, path)
    end)
  end
end
