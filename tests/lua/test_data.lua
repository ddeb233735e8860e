-- The data library: datasets made, cut, chosen from, saved and read again; files in and out.
local lu = require "luaunit"
local session = require "perigee.session"

-- A name for a file of this test, and a function that removes all of them.
local made = {}
local function file(ending)
  made[#made + 1] = os.tmpname()
  os.remove(made[#made])
  made[#made] = made[#made] .. ending
  return made[#made]
end

local function write(path, bytes)
  local handle = assert(io.open(path, "wb"))
  handle:write(bytes)
  handle:close()
  return path
end

-- Twelve samples of 2x2, labels 5 3 9 5 3 9 …; the first pixel of sample i is i.
local function small()
  local x, y = {}, {}
  for i = 1, 12 do
    x[i] = { i, 0, 0.5, -i }
    y[i] = ({ 5, 3, 9 })[(i - 1) % 3 + 1]
  end
  return data.new { x = x, y = y, shape = { 2, 2 }, source = "made up" }
end

-- The first pixels, which tell the samples apart.
local function numbers(ds)
  local list = {}
  for i = 1, #ds do list[i] = math.tointeger(ds.x:at(i, 1)) end
  return list
end

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok)
  if not tostring(message):find(pattern, 1, true) then
    lu.fail("expected '" .. pattern .. "' in: " .. tostring(message))
  end
end

TestNames = {}

local words = { [3] = "three", [5] = "fünf", [9] = "nine" }

-- Parts know all names, also of classes that they lack.
function TestNames.test_kept()
  local ds = small():with { names = words }
  lu.assertEquals(ds.names, words)
  lu.assertNil(small().names)
  local first, second = ds:split(0.5, { seed = 1 })
  local level, rest = ds:split(0.5, { stratified = true, seed = 1 })
  for _, part in ipairs { first, second, level, rest, ds[1], ds[{ 2, 3 }], ds:slice(1, 2), ds:take { 3 },
    ds:sample(2), ds:per_class(1), ds:shuffle(), ds:where(3), ds:with { x = ds.x + 1 }, ds:concat(ds) } do
    lu.assertEquals(part.names, words)
  end
  lu.assertNil(ds:with { names = {} }.names)
  local own = data.new { x = { { 1 }, { 2 } }, y = { -7, 0 }, names = { [-7] = "minus", [0] = "none" } }
  lu.assertEquals(own.names, { [-7] = "minus", [0] = "none" })
end

function TestNames.test_printed()
  local ds = small():with { names = words }
  lu.assertStrContains(tostring(ds), "   3  three  █")
  lu.assertStrContains(tostring(ds), "   5  fünf   █")
  lu.assertStrContains(tostring(ds[1]), "label 5 (fünf)")
  lu.assertStrContains(tostring(small()), "   3  █")
end

function TestNames.test_saved()
  local ds = small():with { names = words }
  lu.assertEquals(data.npz(ds:save(file ".npz")).names, words)
  lu.assertNil(data.npz(small():save(file ".npz")).names)
  for _, each in ipairs { ds, small() } do
    local path = file ".safetensors"
    _G.named_set = each
    session.save(path, "named_set")
    _G.named_set = nil
    session.restore(path)
    lu.assertEquals(_G.named_set.names, each.names)
  end
  local path = data.save_npz(file ".npz", { x = ds.x, y = ds.y,
    perigee_names = array.new({ { 3, 300 } }, { dtype = "i32" }) })
  fails("the names of classes are damaged", data.npz, path)
end

-- Names that only one has are added.
function TestNames.test_joined()
  local a, b = small():with { names = { [3] = "three" } }, small():with { names = { [9] = "nine" } }
  lu.assertEquals(a:concat(b, small()).names, { [3] = "three", [9] = "nine" })
  -- However the labels of one lie among those of the other.
  local few, all = {}, {}
  for label = -300, 300 do
    all[label] = "class " .. label
    if label % 3 == 0 then few[-label] = all[-label] end
  end
  local some, every = small():with { names = few }, small():with { names = all }
  lu.assertEquals(some:concat(every).names, all)
  lu.assertEquals(every:concat(some).names, all)
  few[-297] = "another"
  fails('class -297 is called "class -297" and "another"', every.concat, every, small():with { names = few })
  local c = small():with { names = { [3] = "drei" } }
  fails('concat: class 3 is called "three" and "drei"', data.concat, a, b, c)
end

function TestNames.test_refused()
  fails("with: names: that of 3 is no string", function() small():with { names = { [3] = 4 } } end)
  fails("with: names: that of 3 is empty", function() small():with { names = { [3] = "" } } end)
  fails("with: names: expected labels, whole numbers, as keys", function()
    small():with { names = { a = "b" } }
  end)
  fails("with: names: expected a table", function() small():with { names = "a" } end)
end

function TestNames.test_relabel()
  local ds = small():with { names = words }
  local other = ds:relabel { [3] = 0, [9] = 0 }
  lu.assertEquals(other.y:totable(), { 5, 0, 0, 5, 0, 0, 5, 0, 0, 5, 0, 0 })
  lu.assertEquals(other.names, { [5] = "fünf" }) -- two names became one label
  lu.assertEquals(ds:relabel({ [3] = 1 }).names, { "three", [5] = "fünf", [9] = "nine" })
  local parts = ds:relabel(function(label) return label // 5 end, { names = { [0] = "small", "large" } })
  lu.assertEquals(parts.classes, { 0, 1 })
  lu.assertEquals(parts.names, { [0] = "small", "large" })
  lu.assertEquals(parts.shape, { 2, 2 })
  lu.assertEquals(parts.source, "made up")
  fails("dataset:relabel: the label of class 3: expected a whole number", ds.relabel, ds, { [3] = 1.5 })
  fails("dataset:relabel: the label of class 3: expected a whole number", ds.relabel, ds, function() end)
  fails("dataset:relabel: map: expected a table", ds.relabel, ds, 3)
  fails("dataset:relabel: map: expected labels as keys, got the string \"three\"", ds.relabel, ds,
    { three = 1 })
  fails("dataset:relabel: map: expected labels as keys, got 3.5", ds.relabel, ds, { [3.5] = 1 })
  lu.assertEquals(ds:relabel({ [3] = 1, [77] = 2 }).classes, { 1, 5, 9 }) -- a map for several sets
end

TestDataset = {}

function TestDataset:tearDown()
  for _, name in ipairs(made) do os.remove(name) end
  made = {}
end

function TestDataset:testFields()
  local ds = small()
  lu.assertEquals(#ds, 12)
  lu.assertEquals(ds.x.shape, { 12, 4 })
  lu.assertEquals(ds.images.shape, { 12, 2, 2 })
  lu.assertEquals(ds.y:totable(), { 5, 3, 9, 5, 3, 9, 5, 3, 9, 5, 3, 9 })
  lu.assertEquals(ds.shape, { 2, 2 })
  lu.assertEquals(ds.classes, { 3, 5, 9 })
  lu.assertEquals(ds.source, "made up")
  lu.assertEquals(ds.features, 4)
  lu.assertEquals(ds:counts(), { [3] = 4, [5] = 4, [9] = 4 })
  lu.assertErrorMsgContains("did you mean", function() return ds.clases end)
end

function TestDataset:testLabelsStayTheDatasets()
  local y = array.new({ 1, 2 }, { dtype = "i32" })
  local ds = data.new { x = { { 1 }, { 2 } }, y = y }
  y:set(7, 1)
  fails("read-only", ds.y.set, ds.y, 8, 2)
  lu.assertEquals(#ds:per_class(1), 2)
  lu.assertEquals(ds.classes, { 1, 2 })
end

function TestDataset:testOneSample()
  local ds = small()
  lu.assertEquals(#ds[2], 1)
  lu.assertEquals(ds[2].y:totable(), { 3 })
  lu.assertEquals(numbers(ds[-1]), { 12 })
  lu.assertNil(ds[13])
  fails("position 14 of 12 samples", function() return ds[14] end)
  fails("position 0 of 12 samples", function() return ds[0] end)
  local seen = 0
  for i, sample in ipairs(ds) do
    seen = seen + 1
    lu.assertEquals(numbers(sample), { i })
  end
  lu.assertEquals(seen, 12)
end

function TestDataset:testSlice()
  local ds = small()
  lu.assertEquals(numbers(ds:slice(2, 4)), { 2, 3, 4 })
  lu.assertEquals(numbers(ds:slice(-2)), { 11, 12 })
  lu.assertEquals(numbers(ds:slice(nil, 2)), { 1, 2 })
  lu.assertEquals(numbers(ds:slice(5, -8)), { 5 })
  lu.assertEquals(#ds:slice(3, 2), 0)
  fails("slice: last: expected an integer from -12 to 12, got 13", ds.slice, ds, 1, 13)
  fails("slice: from 5 to 3 of 12 samples", ds.slice, ds, 5, 3)
end

function TestDataset:testTake()
  local ds = small()
  lu.assertEquals(numbers(ds:take { 12, 1, 12, -2 }), { 12, 1, 12, 11 })
  lu.assertEquals(numbers(ds:take(array.new({ 3, 4 }))), { 3, 4 })
  fails("take: position 13 of 12 samples", ds.take, ds, { 13 })
end

function TestDataset:testSplit()
  local ds = small()
  local a, b = ds:split(0.25, { seed = 1 })
  lu.assertEquals(#a, 3)
  lu.assertEquals(#b, 9)
  local both = numbers(a:concat(b))
  table.sort(both)
  lu.assertEquals(both, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
  lu.assertEquals(numbers((ds:split(0.25, { seed = 1 }))), numbers(a))
  lu.assertNotEquals(numbers((ds:split(0.25, { seed = 2 }))), numbers(a))
  fails("split: share: expected a number between 0 and 1, got 2", ds.split, ds, 2)
  fails("did you mean 'seed'", ds.split, ds, 0.5, { sede = 1 })
end

function TestDataset:testSessionGenerator()
  local ds = small()
  lu.assertNotEquals(numbers(ds:shuffle()), numbers(ds:shuffle()))
end

function TestDataset:testSample()
  local ds = small()
  local some = numbers(ds:sample(12, { seed = 4 }))
  lu.assertNotEquals(some, numbers(ds))
  table.sort(some)
  lu.assertEquals(some, numbers(ds))
  fails("sample: n: expected an integer from 0 to 12, got 13", ds.sample, ds, 13)
end

function TestDataset:testPerClass()
  local ds = small()
  lu.assertEquals(numbers(ds:per_class(2)), { 1, 2, 3, 4, 5, 6 })
  lu.assertEquals(ds:per_class(3, { seed = 5 }):counts(), { [3] = 3, [5] = 3, [9] = 3 })
  fails("per_class: class 3 has 4 samples, 5 are asked for", ds.per_class, ds, 5)
end

function TestDataset:testWhere()
  local ds = small()
  lu.assertEquals(numbers(ds:where(9)), { 3, 6, 9, 12 })
  lu.assertEquals(numbers(ds:where { 9, 5 }), { 1, 3, 4, 6, 7, 9, 10, 12 })
  lu.assertEquals(numbers(ds:where { y = 3 }), { 2, 5, 8, 11 })
  lu.assertEquals(#ds:where { y = { 3, 5 } }, 8)
  lu.assertEquals(#ds:where(4), 0)
  lu.assertEquals(numbers(ds:where(function(y, x, i) return y == 5 and x[1] == i and i > 4 end)), { 7, 10 })
  lu.assertEquals(numbers(ds:where(array.new { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 })), { 1, 12 })
  fails("where: a mask of shape (2,) for 12 samples", ds.where, ds, array.new { 1, 0 })
  fails("where: unknown option 'label'", ds.where, ds, { label = 3 })
  fails("where: condition: expected", ds.where, ds, "nine")
  fails("mine", ds.where, ds, function() error("mine") end)
end

function TestDataset:testConcat()
  local ds = small()
  lu.assertEquals(#data.concat(ds, ds[1], ds[2]), 14)
  lu.assertEquals(numbers(ds[4]:concat(ds[2])), { 4, 2 })
  local flat = data.new { x = { { 1, 2, 3, 4 } }, y = { 1 } }
  fails("concat: samples of shape (2, 2) and (4,)", data.concat, ds, flat)
  fails("concat: dataset: expected a dataset, got 7", data.concat, ds, 7)
  fails("concat: no datasets", data.concat)
end

function TestDataset:testBatches()
  local sizes, starts = {}, {}
  for batch, start in small():batches(5) do
    sizes[#sizes + 1], starts[#starts + 1] = #batch, start
  end
  lu.assertEquals(sizes, { 5, 5, 2 })
  lu.assertEquals(starts, { 1, 6, 11 })
end

function TestDataset:testPrinting()
  local text = tostring(small())
  lu.assertStrContains(text, "Dataset (made up): 12 samples of 2x2 in 3 classes")
  lu.assertStrMatches(text, ".*\n     9  [^ ]+ 4")
  lu.assertEquals(tostring(small()[3]), "Dataset (made up): 1 sample of 2x2, label 9")
end

-- Of the library and of datasets, whatever they are written in; concat takes any number.
function TestDataset:testSurplusArgumentsAreRefused()
  for _, functions in ipairs { data, debug.getregistry()["perigee.dataset"].methods } do
    for name, f in pairs(functions) do
      if name ~= "concat" then
        local ok, message = pcall(f, table.unpack({ [21] = "surplus" }, 1, 21))
        lu.assertFalse(ok, name)
        lu.assertStrMatches(message, ".*: expected [anot ms%d]+ arguments?, got the string \"surplus\".*")
      end
    end
  end
end

function TestDataset:testNewRefuses()
  fails("data.new: x is missing", data.new, { y = { 1 } })
  fails("expected one label per sample", data.new, { x = { { 1 } }, y = { 1, 2 } })
  fails("label 1 is 1.5, not a whole number", data.new, { x = { { 1 } }, y = array.new { 1.5 } })
  fails("data.new: shape: expected a table of sizes", data.new, { x = { { 1 } }, y = { 1 }, shape = 1 })
  fails("a sample of shape (2,) has 2 values, a row has 1", data.new,
    { x = { { 1 } }, y = { 1 }, shape = { 2 } })
  fails("has 18446744073709551615 values, a row has 0", data.new,
    { x = array.zeros(1, 0), y = { 0 }, shape = { 1 << 30, 1 << 30, 16 } })
  fails("a call with a dot", small().slice, 1, 2)
end

function TestDataset:testSaveAndReadAgain()
  local ds = small()
  local path = ds:save(file(".npz"))
  local again = data.npz(path)
  lu.assertEquals(again.shape, { 2, 2 })
  lu.assertEquals(again.x:totable(), ds.x:totable())
  lu.assertEquals(again.y:totable(), ds.y:totable())
  fails("holds no array 'images' (it holds: x, y)", data.npz, path, { x = "images" })
  fails("did you mean 'shape'", data.npz, path, { shap = { 4 } })
  lu.assertEquals(data.npz(path, { shape = { 4 }, scale = 2, source = "mine" }).x:at(3, 1), 6)
end

TestFiles = { tearDown = TestDataset.tearDown }

function TestFiles:testNpy()
  local path = file(".npy")
  for _, dtype in ipairs { "f32", "f64", "i32" } do
    local a = array.new({ { 1, 2, 3 }, { 4, 5, 6 } }, { dtype = dtype })
    lu.assertEquals(data.save_npy(path, a), path)
    local b = data.npy(path)
    lu.assertEquals(b.dtype, dtype)
    lu.assertEquals(b:totable(), a:totable())
  end
  write(path, "PX\3\4 no numbers here")
  fails("data.npy: " .. path .. ": not an npy file", data.npy, path)
  write(path, "\x1f\x8b" .. ("\0"):rep(20))
  fails("data.npy: " .. path .. ": gzipped; gunzip makes an npy file of it", data.npy, path)
  fails("data.npy: /nonexistent.npy: No such file or directory", data.npy, "/nonexistent.npy")
  fails("data.save_npy: /nonexistent/x.npy: ", data.save_npy, "/nonexistent/x.npy", array.new { 1 })
  fails("data.npy: path: expected a string", data.npy, 7)
end

function TestFiles:testNpz()
  local path = file(".npz")
  for _, compress in ipairs { false, true } do
    data.save_npz(path, { w = array.new { { 1, 2 } }, n = { 3 } }, { compress = compress })
    local t = data.read_npz(path)
    lu.assertEquals(t.w:totable(), { { 1, 2 } })
    lu.assertEquals(t.n:totable(), { 3 })
  end
  fails("no arrays to save", data.save_npz, path, {})
  fails("names that are strings", data.save_npz, path, { { 1, 2 } })
end

function TestFiles:testSafetensors()
  local path = file(".safetensors")
  data.save_safetensors(path, { w = array.new { { 1, 2 } } }, { note = "by hand", version = 3 })
  local tensors, notes = data.safetensors(path)
  lu.assertEquals(tensors.w:totable(), { { 1, 2 } })
  lu.assertEquals(notes, { note = "by hand", version = "3" })
  write(path, "{}")
  fails("not a safetensors file", data.safetensors, path)
  fails("metadata", data.save_safetensors, path, {}, { {} })
  fails("keeps the name '__metadata__'", data.save_safetensors, path, { __metadata__ = { 1 } })
end

function TestFiles:testIdx()
  local images = write(file("-images"), "\0\0\8\3\0\0\0\2\0\0\0\1\0\0\0\2" .. "\0\255\51\0")
  local labels = write(file("-labels"), "\0\0\8\1\0\0\0\2" .. "\3\7")
  local ds = data.idx(images, labels)
  lu.assertEquals(ds.shape, { 1, 2 })
  lu.assertEquals(ds.classes, { 3, 7 })
  lu.assertEquals(ds.x:at(1, 2), 1)
  lu.assertAlmostEquals(ds.x:at(2, 1), 0.2, 1e-7)
  write(labels, "\0\0\8\1\0\0\0\3\1\2\3")
  fails("data.idx: " .. images .. " holds 2 samples, " .. labels .. " 3 labels", data.idx, images, labels)
  fails("an IDX file of labels", data.idx, labels, labels)
end

TestDigits = {}

function TestDigits:testSeeded()
  local a, b = data.digits(50, { seed = 3 }), data.digits(50, { seed = 3 })
  lu.assertEquals(a.x:totable(), b.x:totable())
  lu.assertEquals(a.shape, { 28, 28 })
  lu.assertEquals(a.source, "built-in digits, seed 3")
  lu.assertEquals(a:counts()[0], 5)
  lu.assertNotEquals(data.digits(5).x:totable(), data.digits(5).x:totable())
end

function TestDigits:testClasses()
  lu.assertEquals(data.digits(4, { classes = { 7, 1 } }):counts(), { [1] = 2, [7] = 2 })
  fails("class 1 is there twice", data.digits, 4, { classes = { 1, 1 } })
  fails("classes: expected an integer from 0 to 9, got 10", data.digits, 4, { classes = { 10 } })
  fails("data.digits: n: expected an integer", data.digits, -1)
end

-- About as easy as MNIST: neither trivial nor illegible.
function TestDigits.testANetLearnsThem()
  local net = nn.new {
    input = { 1, 28, 28 }, seed = 1,
    nn.conv2d { out = 16, kernel = 5, stride = 2 }, nn.relu {},
    nn.conv2d { out = 32, kernel = 3, stride = 2 }, nn.relu {},
    nn.flatten {}, nn.linear { out = 10 },
  }
  nn.train(net, data.digits(10000, { seed = 1 }),
    { epochs = 3, batch = 50, lr = 0.05, momentum = 0.9, seed = 1 })
  local accuracy = metrics.accuracy(net, data.digits(3000, { seed = 99 }))
  lu.assertTrue(accuracy >= 0.95 and accuracy <= 0.995, accuracy)
end

TestMnist = {}

function TestMnist:testParts()
  lu.skipIf(not data.has_mnist(), "MNIST is not at hand")
  local test = data.mnist("test")
  lu.assertEquals(#test, 10000)
  lu.assertEquals(test[1].y:totable(), { 7 })
  lu.assertEquals(test:per_class(100)[11].y:totable(), { 0 })
  lu.assertStrMatches(data.find_mnist("test"), ".*/?mnist")
  fails("data.mnist: part: expected \"train\" or \"test\"", data.mnist, "validation")
end
