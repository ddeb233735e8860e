-- Datasets stored as bytes beside the same samples as floats: whatever is asked of them, the same bits.
local lu = require "luaunit"
local checksum = require("perigee.native").checksum
local session = require "perigee.session"

TestStoredBytes = {}

local here = debug.getinfo(1, "S").source:match "^@(.*)lua/test_stored_bytes%.lua$" or "tests/"

-- Digits whose pixels are some byte's, both ways; more of them than a piece has rows.
local function both(n, seed)
  local drawn = data.digits(n, { seed = seed or 3 })
  local bytes = (drawn.x * 255):round():astype "u8"
  local stored = data.new { x = bytes, y = drawn.y, shape = { 28, 28 }, store = "u8", source = "digits" }
  return stored, data.new { x = bytes / 255, y = drawn.y, shape = { 28, 28 }, source = "digits" }
end

local function same(a, b, what)
  lu.assertEquals(a.dtype, b.dtype, what)
  lu.assertEquals(a:tobytes() == b:tobytes(), true, what)
end

function TestStoredBytes.test_what_it_is()
  local stored, floats = both(30)
  lu.assertEquals({ stored.x.dtype, floats.x.dtype, stored.images.dtype }, { "u8", "f32", "u8" })
  lu.assertStrContains(tostring(stored), "30 samples of 28x28, stored as u8 in")
  lu.assertNotStrContains(tostring(floats), "stored")
  same(stored:floats(), floats.x)
  same(stored:floats(-3), floats:slice(-3).x)
  lu.assertErrorMsgContains("floats: from 3 to 1 of 30", stored.floats, stored, 3, 1)
  lu.assertErrorMsgContains("read-only", function() stored:floats()[1][1] = 5 end)
end

-- One sample, and batches, are floats; what is chosen stays as it is stored.
function TestStoredBytes.test_parts()
  local stored, floats = both(30)
  same(stored[7].x, floats[7].x)
  local seen = 0
  for batch, at in stored:batches(8) do
    same(batch.x, floats:slice(at, at + #batch - 1).x)
    seen = seen + #batch
  end
  lu.assertEquals(seen, 30)
  local ways = {
    slice = function(d) return d:slice(4, 9) end, range = function(d) return d[{ 4, 9 }] end,
    take = function(d) return d:take { 9, 1, 9 } end, mask = function(d) return d[d.y:eq(3)] end,
    where = function(d) return d:where { 1, 2 } end,
    shuffle = function(d) return d:shuffle { seed = 1 } end,
    split = function(d) return d:split(0.3, { seed = 1 }) end,
    strata = function(d) return d:split(0.5, { seed = 1, stratified = true }) end,
    sample = function(d) return d:sample(5, { seed = 1 }) end,
    per_class = function(d) return d:per_class(2) end,
    concat = function(d) return d:concat(d) end,
    relabel = function(d) return d:relabel { [3] = 4 } end,
    with = function(d) return d:with { source = "s" } end,
    row = function(d) return d:where(function(_, row) return row:max() > 0.99 and row[400] > 0.5 end) end,
  }
  for name, way in pairs(ways) do
    lu.assertEquals(way(stored).x.dtype, "u8", name)
    same(way(stored):floats(), way(floats).x, name)
    lu.assertEquals(way(stored).y:totable(), way(floats).y:totable(), name)
  end
  same(stored:concat(floats).x, floats:concat(floats).x)
  same(floats:concat(stored).x, floats:concat(floats).x)
end

-- They are the same samples to whoever compares them: an evaluation that goes on, a validation set.
function TestStoredBytes.test_checksum()
  local stored, floats = both(30)
  lu.assertEquals(checksum(stored), checksum(floats))
  lu.assertNotEquals(checksum(stored.x), checksum(floats.x))
  lu.assertNotEquals(checksum(stored:slice(2)), checksum(stored:slice(1, 29)))
end

function TestStoredBytes.test_stored_as()
  local stored, floats = both(30)
  same(floats:with { store = "u8" }.x, stored.x)
  same(stored:with { store = "f32" }.x, floats.x)
  local off = floats:with { x = floats.x + 1e-3 }
  lu.assertErrorMsgContains("store: feature 1 of sample 1 is 0.00100000005, not one of the k / 255",
    off.with, off, { store = "u8" })
  lu.assertErrorMsgContains('store: expected "f32" or "u8"', off.with, off, { store = "i32" })
end

-- Bytes are not pictures because they are bytes: what they stand for is said, or known.
function TestStoredBytes.test_what_bytes_stand_for()
  local stored, floats = both(4)
  local counts = array.new({ { 0, 1 }, { 2, 3 } }, { dtype = "u8" })
  local plain = data.new { x = counts:astype "f32", y = { 0, 1 } }
  lu.assertErrorMsgContains('data.new: x: bytes: give store = "u8"', data.new, { x = counts, y = { 0, 1 } })
  lu.assertErrorMsgContains("with: x: bytes: give store", plain.with, plain, { x = counts })
  lu.assertEquals(plain.x:max(), 3)
  same(data.new { x = stored.x, y = stored.y, store = "f32" }.x, floats.x)
  same(data.new { x = floats.x, y = stored.y, store = "u8" }.x, stored.x)
  same(floats:with { x = stored.x, store = "u8" }.x, stored.x)
  same(stored:with { x = stored.x:take { 4, 3, 2, 1 } }:floats(), floats:take({ 4, 3, 2, 1 }).x)
  lu.assertErrorMsgContains("store: feature 1 of sample 1 is 2, not one of the k / 255", data.new,
    { x = { { 2 } }, y = { 1 }, store = "u8" })
end

function TestStoredBytes.test_files()
  local stored, floats = both(30)
  local path = os.tmpname() .. ".npz"
  stored:save(path)
  same(data.npz(path).x, stored.x)
  same(data.npz(path, { store = "f32" }).x, floats.x) -- the file says what its bytes stand for
  same(data.npz(path, { store = "f32", scale = 1 / 255 }).x, floats.x)
  lu.assertErrorMsgContains("take no scale of their own", data.npz, path, { store = "u8", scale = 0.5 })
  data.save_npz(path, { images = stored.images, labels = stored.y }) -- another program's
  same(data.npz(path).x, stored.x:astype "f32")
  same(data.npz(path, { store = "f32" }).x, stored.x:astype "f32")
  same(data.npz(path, { store = "u8" }).x, stored.x)
  floats:save(path)
  lu.assertErrorMsgContains("'x.npy' is float32, not the uint8", data.npz, path, { store = "u8" })
  data.save_npz(path, { x = stored.images, y = stored.y }, { compress = false })
  for code, name in pairs { i1 = "int8", b1 = "bool" } do -- as they are in the file, not as arrays have them
    local other = path .. "." .. code
    do
      local from <close> = assert(io.open(path, "rb"))
      local to <close> = assert(io.open(other, "wb"))
      to:write((from:read "a":gsub("|u1", "|" .. code)))
    end
    local words = ("'x.npy' is %s, not the uint8"):format(name)
    lu.assertErrorMsgContains(words, data.npz, other, { store = "u8" })
    os.remove(other)
  end
  for _, ending in ipairs { "csv", "svm" } do
    local both_paths = { path .. "." .. ending, path .. ".f." .. ending }
    stored:save(both_paths[1])
    floats:save(both_paths[2])
    local written = {}
    for i, p in ipairs(both_paths) do
      local file <close> = assert(io.open(p, "rb"))
      written[i] = file:read "a"
      os.remove(p)
    end
    lu.assertEquals(written[1] == written[2], true, ending)
  end
  rawset(_G, "kept", stored)
  session.save(path, "kept")
  rawset(_G, "kept", nil)
  session.restore(path)
  same(rawget(_G, "kept").x, stored.x)
  rawset(_G, "kept", nil)
  os.remove(path)
end

-- Sets of pictures, and MNIST's form.
function TestStoredBytes.test_readers()
  local images, labels = os.tmpname(), os.tmpname()
  local function write(path, bytes)
    local file <close> = io.open(path, "wb")
    file:write(bytes)
  end
  write(images, string.pack(">I4I4I4I4", 0x803, 2, 2, 3) .. "\0\64\128\255\1\2\3\4\5\6\7\8")
  write(labels, string.pack(">I4I4", 0x801, 2) .. "\7\1")
  for _, transpose in ipairs { false, true } do
    local stored = data.idx(images, labels, { store = "u8", transpose = transpose })
    local floats = data.idx(images, labels, { transpose = transpose })
    lu.assertEquals({ stored.x.dtype, floats.x.dtype }, { "u8", "f32" })
    lu.assertEquals(stored.shape, floats.shape)
    same(stored:floats(), floats.x)
  end
  write(images, string.pack(">I4I4I4", 0xd02, 2, 1) .. string.pack(">ff", 1, 2))
  lu.assertErrorMsgContains("no unsigned bytes", data.idx, images, labels, { store = "u8" })
  os.remove(images)
  os.remove(labels)
  local cifar = here .. "reference/readers/cifar-10-batches-bin"
  local stored = data.cifar10("test", { path = cifar })
  lu.assertEquals(stored.x.dtype, "u8")
  same(stored:floats(), data.cifar10("test", { path = cifar, store = "f32" }).x)
  local folder = here .. "reference/readers/colours"
  stored = data.images(folder)
  lu.assertEquals(stored.x.dtype, "u8")
  same(stored:floats(), data.images(folder, { store = "f32" }).x)
end

local function small_net(seed)
  return nn.new { input = { 1, 28, 28 }, nn.conv2d { out = 4, kernel = 5, stride = 3 }, nn.relu(),
    nn.flatten(), nn.linear { out = 10 }, seed = seed }
end

-- Trained, with and without what makes batches first; validated, checkpointed; the same bits.
function TestStoredBytes.test_training()
  local stored, floats = both(400)
  local held, held_floats = both(60, 9)
  for name, options in pairs {
    plain = {}, shifts = { shift = 2 }, augmented = { augment = { shift = 1, noise = 0.1 } },
    function_ = { augment = function(x) return x * 0.5 end },
    attacked = { adversary = attack.pgd { norm = "linf", dmax = 0.1, max_iter = 2 } },
  } do
    local function train(set, validation)
      local net = small_net(5)
      options.epochs, options.batch, options.seed, options.validation = 2, 64, 11, validation
      local history = nn.train(net, set, options)
      return net, history
    end
    local net, history = train(stored, held)
    local other, other_history = train(floats, held_floats)
    lu.assertEquals(checksum(net), checksum(other), name)
    lu.assertEquals(history.validation_loss, other_history.validation_loss, name)
  end
  local path = os.tmpname()
  os.remove(path)
  local net = small_net(5)
  nn.train(net, stored, { epochs = 1, seed = 3, checkpoint = path })
  nn.train(net, floats, { epochs = 2, seed = 3, checkpoint = path }) -- goes on: they are the same samples
  local straight = small_net(5)
  nn.train(straight, floats, { epochs = 2, seed = 3 })
  lu.assertEquals(checksum(net), checksum(straight))
  os.remove(path)
end

function TestStoredBytes.test_models()
  local stored, floats = both(1300)
  local net = small_net(2)
  nn.train(net, stored, { epochs = 1, seed = 1 })
  same(net:scores(stored), net:scores(floats))
  same(net:predict(stored), net:predict(floats))
  local hidden, outputs = net:forward(stored, { "conv1", "fc1" })
  local other_hidden, other_outputs = net:forward(floats, { "conv1", "fc1" })
  same(hidden, other_hidden)
  same(outputs, other_outputs)
  local w = { 1, 0, 0, 0, 0, 0, 0, 0, 0, -1 }
  same(net:gradient(stored, w), net:gradient(floats, w))
  lu.assertEquals(metrics.accuracy(net, stored), metrics.accuracy(net, floats))
  local few, few_floats = stored:slice(1, 200), floats:slice(1, 200)
  local machine, other = svm.new { C = 1 }, svm.new { C = 1 }
  machine:fit(few)
  other:fit(few_floats)
  same(machine:scores(stored), other:scores(floats))
  local nr = reject.new { model = net, threshold = 0 }
  lu.assertEquals(nr:threshold_for(0.1, stored), nr:threshold_for(0.1, floats))
  local row = { classes = net.classes,
    scores = function(_, x) return x:slice(nil, { 301, 310 }):astype "f64" end }
  same(reject.new { model = row, threshold = 0 }:scores(stored),
    reject.new { model = row, threshold = 0 }:scores(floats))
end

function TestStoredBytes.test_attacks()
  local stored, floats = both(300)
  local net = small_net(2)
  nn.train(net, stored, { epochs = 2, seed = 1 })
  local attacker = attack.pgd { model = net, norm = "l2", dmax = 1, seed = 1 }
  local some, some_floats = stored:slice(1, 20), floats:slice(1, 20)
  same(attacker:run(some).x_adv, attacker:run(some_floats).x_adv)
  same(attacker:run(some).x0, some_floats.x)
  local function swept(set)
    return evaluate.security { models = { net = net }, attack = attacker, data = set, dmax = { 0.5, 1 } }
  end
  lu.assertEquals(swept(some).counts, swept(some_floats).counts)
end

-- Bytes without their dataset are not samples.
function TestStoredBytes.test_bare_bytes()
  local stored = both(12)
  local net = small_net(1)
  nn.train(net, stored, { epochs = 1 })
  for name, call in pairs {
    scores = function() net:scores(stored.x) end, predict = function() net:predict(stored.x[1]) end,
    run = function() attack.fgsm { model = net, norm = "l2", dmax = 1 }:run(stored.x, { y = stored.y }) end,
  } do
    lu.assertErrorMsgContains("samples in floats (the dataset itself", call, name)
  end
  for _, name in ipairs { "lower", "upper" } do
    lu.assertErrorMsgContains(("fgsm: %s: expected floats (of pixels in bytes x / 255), got an array u8")
      :format(name), attack.fgsm, { model = net, norm = "l2", dmax = 1, [name] = stored.x[1] })
  end
  attack.fgsm { model = net, norm = "l2", dmax = 1, upper = stored.x[1] / 255, target = stored.y:astype "u8" }
end

-- A picture in bytes is as light as the same in floats, whatever its lightest pixel is.
function TestStoredBytes.test_pictures()
  local dark = (data.digits(4, { seed = 3 }).x * 120):round():astype "u8"
  local stored = data.new { x = dark, y = { 1, 2, 3, 4 }, shape = { 28, 28 }, store = "u8" }
  local floats = stored:with { store = "f32" }
  local path = os.tmpname() .. ".png"
  local function drawn(draw, set)
    draw(set)
    local file <close> = assert(io.open(path, "rb"))
    return file:read "a"
  end
  for name, draw in pairs {
    image = function(set) plot.figure():image(set.images[1]):save(path) end,
    images = function(set) plot.images(set.images, { file = path }) end,
  } do
    lu.assertEquals(drawn(draw, stored) == drawn(draw, floats), true, name)
  end
  os.remove(path)
end
