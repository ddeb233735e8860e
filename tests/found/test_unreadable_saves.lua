-- Saves that no reader would take: they reported success, and the good file was gone.

local lu = require "luaunit"

TestUnreadableSaves = {}

local function kept(save, load, words, large)
  local path = os.tmpname()
  save(path, { a = array.new { 1, 2 } })
  local ok, message = pcall(save, path, large)
  lu.assertFalse(ok)
  lu.assertStrContains(message, words)
  lu.assertEquals(load(path).a:totable(), { 1, 2 })
  os.remove(path)
end

local function many(count)
  local t, one = {}, array.ones(1)
  for i = 1, count do t["n" .. i] = one end
  return t
end

function TestUnreadableSaves:test_too_many()
  kept(data.save_npz, data.read_npz, "16385 arrays; at most 16384", many(16385))
  kept(data.save_safetensors, data.safetensors, "16385 arrays and 0 texts; at most 16384 of each",
    many(16385))
  local path = os.tmpname()
  data.save_safetensors(path, many(16384))
  lu.assertEquals(data.safetensors(path).n16384.shape, { 1 })
  data.save_npz(path, many(16384))
  lu.assertEquals(data.read_npz(path).n16384.shape, { 1 })
  os.remove(path)
end

function TestUnreadableSaves:test_too_long()
  kept(data.save_safetensors, data.safetensors, "has more than 1024 bytes",
    { [("x"):rep(1025)] = array.ones(1) })
  local path = os.tmpname()
  lu.assertErrorMsgContains("MB of texts and names", data.save_safetensors, path, { a = array.ones(1) },
    { text = ("x"):rep(100 * 1000 * 1000) })
  os.remove(path)
end

function TestUnreadableSaves:test_names_of_files_with_nul()
  for _, call in ipairs {
    function(path) data.save_npy(path, { 1 }) end,
    function(path) data.save_npz(path, { a = array.ones(1) }) end,
    function(path) nn.new({ input = { 2 }, nn.linear { out = 2 } }):save(path) end, data.npy, perigee.load,
  } do
    lu.assertErrorMsgContains("without NUL", call, "a\0.bc")
  end
end
