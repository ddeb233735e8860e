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

-- More values than a description may have.
function TestUnreadableSaves:test_descriptions()
  local path, classes, bound = os.tmpname(), {}, array.zeros(100000)
  for k = 1, 99980 do classes[k] = k end
  local good = nn.new { input = { 1 }, nn.linear { out = 2 } }
  local function searched(d, options)
    options.model, options.dmax, options.max_iter = svm.new({ kernel = svm.linear() }):fit(d), 0.1, 1
    return attack.pgd(options):run(d)
  end
  local wide = data.new { x = array.rand(2, 100000, { seed = 1 }), y = { 0, 1 } }
  local bounded = searched(wide, { lower = bound })
  local one, list = searched(data.new { x = { { 0.1 }, { 0.9 } }, y = { 0, 1 } }, {}), {}
  for k = 1, 5000 do list[k] = one end
  for _, object in ipairs {
    nn.new { input = { 1 }, classes = classes, nn.linear { out = #classes } }, bounded, attack.worst(list),
  } do
    good:save(path)
    lu.assertErrorMsgContains("description: more than 100000 values", object.save, object, path)
    lu.assertEquals(perigee.load(path).parameters, good.parameters)
  end
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
