-- gzip files with zeros behind them, as tar and tapes leave them, were refused; so was an array of an empty
-- name, which NumPy writes and reads.

local lu = require "luaunit"
local crc32 = dofile "tests/lua/crc32.lua"

TestPaddedFiles = {}

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

-- A gzip member of one stored block.
local function gzip(text)
  return "\x1f\x8b\8\0\0\0\0\0\0\3\1" .. string.pack("<I2I2", #text, ~#text & 0xffff) .. text
    .. string.pack("<I4I4", crc32(text), #text)
end

local images = string.pack(">I4I4I4I4BBBB", 0x803, 2, 1, 2, 0, 51, 102, 255)
local labels = string.pack(">I4I4BB", 0x801, 2, 3, 7)
local zeros = ("\0"):rep(70000) -- more than is read at once

function TestPaddedFiles:setUp()
  self.x, self.y = os.tmpname(), os.tmpname()
end

function TestPaddedFiles:tearDown()
  os.remove(self.x)
  os.remove(self.y)
end

function TestPaddedFiles:test_zeros_behind_gzip()
  for _, packed in ipairs {
    gzip(images) .. "\0", gzip(images) .. zeros, gzip(images:sub(1, 9)) .. gzip(images:sub(10)),
    gzip(images:sub(1, 9)) .. zeros .. gzip(images:sub(10)) .. zeros, gzip "" .. gzip(images) .. gzip "",
  } do
    write(self.x, packed)
    write(self.y, gzip(labels) .. "\0\0\0")
    local ds = data.idx(self.x, self.y)
    lu.assertEquals(ds.y:totable(), { 3, 7 })
    lu.assertAlmostEquals(ds.x:flatten():totable()[2], 0.2, 1e-6)
  end
end

function TestPaddedFiles:test_anything_else_behind_gzip()
  write(self.y, gzip(labels))
  for _, behind in ipairs { "x", "\0x", zeros .. "x", "\0\x1f", "\x1f", "\0\0PK" } do
    write(self.x, gzip(images) .. behind)
    lu.assertErrorMsgContains("bytes too many after the elements", data.idx, self.x, self.y)
  end
  write(self.x, gzip(images) .. "\x1f\x8b\8")
  lu.assertErrorMsgContains("truncated gzip stream", data.idx, self.x, self.y)
  write(self.x, gzip(images .. "\0"))
  lu.assertErrorMsgContains("bytes too many after the elements", data.idx, self.x, self.y)
end

function TestPaddedFiles:test_empty_names()
  local arrays = { [""] = array.new { 1, 2 }, a = array.new { 3 } }
  for save, load in pairs { [data.save_npz] = data.read_npz, [data.save_safetensors] = data.safetensors } do
    local back = load(save(self.x, arrays))
    lu.assertEquals({ back[""]:totable(), back.a:totable() }, { { 1, 2 }, { 3 } })
  end
end
