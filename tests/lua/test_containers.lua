-- Sequences and residuals: names, shapes and sums of nets with blocks, their gradients beside differences,
-- files, training, and what may be wrong with them.

local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local function conv(out, options)
  options = options or {}
  options.out, options.kernel, options.padding = out, options.kernel or 3, options.padding or 1
  return nn.conv2d(options)
end

-- Polynomials of the weights and of the input, so that differences are exact but for rounding. `middle`
-- makes the layer that stands between convolutions.
local function blocks(middle)
  return nn.new { input = { 1, 8, 8 }, classes = { 0, 1, 2 }, seed = 1,
    conv(4, { name = "stem" }), middle(),
    nn.sequence { name = "layer1",
      nn.residual { conv(4), conv(4) },
      nn.residual { conv(6, { stride = 2 }), middle(), conv(6),
        shortcut = { name = "downsample", conv(6, { kernel = 1, padding = 0, stride = 2 }) } },
    },
    nn.residual { -- one that begins where another does, and one in a shortcut
      nn.residual { nn.residual { nn.dropout(), middle() }, conv(6) },
      shortcut = nn.residual { conv(6), shortcut = conv(6) },
    },
    nn.flatten(), nn.linear { out = 3 } }
end

-- The sum of all taps' outputs, each weighted; and the gradients of it.
local taps = { "fc1", "layer1.1.downsample", "residual1.shortcut", "stem", "layer1" }

local function weights(net, n)
  local w = {}
  for i, name in ipairs(taps) do
    for _, layer in ipairs(net.layers) do
      if layer.name == name then w[name] = array.randn({ n, layer.size }, { seed = i }) end
    end
  end
  return w
end

local function weighted(net, x, w)
  local sum = 0
  for i, output in ipairs { net:forward(x, taps) } do
    sum = sum + (output:astype("f64") * w[taps[i]]):sum()
  end
  return sum
end

local function compare_inputs(net, x, w, dx)
  for _, i in ipairs { 1, 9, 35 } do
    for _, j in ipairs { 1, 18, 64 } do
      local up, down = x:copy(), x:copy()
      up:set(x:at(i, j) + 0.01, i, j)
      down:set(x:at(i, j) - 0.01, i, j)
      local slope = (weighted(net, up, w) - weighted(net, down, w)) / 0.02
      lu.assertAlmostEquals(dx:at(i, j), slope, 5e-4 * dx:abs():max())
    end
  end
end

local function compare_weights(middle, net, x, w, dweights)
  local path = os.tmpname()
  local other = blocks(middle)
  local tensors = net:weights()
  for name, values in pairs(tensors) do
    local sums = {}
    for _, step in ipairs { 0.01, -0.01 } do
      local changed = values:copy():reshape(-1)
      changed:set(changed:at(1) + step, 1)
      tensors[name] = changed:reshape(table.unpack(values.shape))
      data.save_safetensors(path, tensors)
      sums[#sums + 1] = weighted(other:load_weights(path), x, w)
    end
    tensors[name] = values
    local got = dweights[name]
    lu.assertAlmostEquals(got:reshape(-1):at(1), (sums[1] - sums[2]) / 0.02, 2e-3 * got:abs():max(), name)
  end
  os.remove(path)
end

local function check(middle)
  local net, x = blocks(middle), array.randn({ 35, 64 }, { seed = 2 })
  local w = weights(net, 35)
  local dx, dweights = net:backward(x, w, { weights = true })
  compare_inputs(net, x, w, dx)
  compare_weights(middle, net, x, w, dweights)
  local scores = array.randn({ 35, 3 }, { seed = 3 })
  lu.assertTrue(array.allclose(net:gradient(x, scores), net:backward(x, { fc1 = scores }), { rtol = 1e-6 }))
  return net, x
end

TestContainers = {}

function TestContainers.test_gradients()
  check(nn.dropout)
end

-- Layers in Lua take whole batches: slopes part and meet outside of tiles, too.
function TestContainers.test_gradients_between_layers_in_lua()
  local bend = nn.layer { name = "bend", forward = function(_, x) return x * x * 0.2 + x end }
  check(bend)
end

function TestContainers.test_names_are_those_of_pytorch()
  local names = {}
  for i, layer in ipairs(blocks(nn.dropout).layers) do names[i] = layer.name end
  lu.assertEquals(names, { "stem", "dropout1", "layer1.0.conv1", "layer1.0.conv2", "layer1.0",
    "layer1.1.conv1", "layer1.1.dropout1", "layer1.1.conv2", "layer1.1.downsample.0", "layer1.1.downsample",
    "layer1.1", "layer1", "residual1.residual1.residual1.dropout1", "residual1.residual1.residual1.dropout2",
    "residual1.residual1.residual1", "residual1.residual1.conv1", "residual1.residual1",
    "residual1.shortcut.conv1", "residual1.shortcut.shortcut", "residual1.shortcut", "residual1", "flatten1",
    "fc1" })
end

function TestContainers.test_without_a_prefix()
  local net = nn.new { input = { 4 }, nn.sequence { name = "outer",
    nn.residual { prefix = false, nn.linear { out = 4 }, shortcut = nn.linear { out = 4, name = "way" } } } }
  lu.assertEquals(net.layers[1].name, "outer.fc1")
  lu.assertEquals(net.layers[2].name, "outer.way")
  lu.assertEquals(net.layers[3].name, "outer.0")
end

function TestContainers.test_a_containers_output_is_its_last_layers()
  local net, x = blocks(nn.dropout), array.randn({ 20, 64 }, { seed = 4 })
  local whole, last, body, shortcut = net:forward(x, { "layer1", "layer1.1", "layer1.1.conv2",
    "layer1.1.downsample" })
  lu.assertTrue(array.equal(whole, last))
  lu.assertTrue(array.equal(whole, body + shortcut))
end

function TestContainers.test_files_and_clones()
  local path, x = os.tmpname(), array.randn({ 9, 64 }, { seed = 4 })
  for _, middle in ipairs { nn.relu, nn.dropout } do
    local net = blocks(middle)
    net:save(path)
    local back = perigee.load(path)
    lu.assertEquals(tostring(back), tostring(net))
    lu.assertTrue(array.equal(back:scores(x), net:scores(x)))
    lu.assertEquals(tostring(net:clone()), (tostring(net):gsub(" parameters", "%0, no classes yet", 1)))
  end
  os.remove(path)
end

-- Every net of blocks has a "conv1" in some block and often one at its top.
function TestContainers.test_one_block_is_not_taken_for_another()
  local function net(block)
    local inner = nn.sequence { name = block, nn.residual { conv(2, { name = "conv1" }) } }
    return nn.new { input = { 1, 4, 4 }, classes = { 0, 1 }, conv(2, { name = "conv1" }), inner, nn.flatten(),
      nn.linear { out = 2 } }
  end
  local path, one = os.tmpname(), net("layer1")
  local function save(front, left_out)
    local tensors = {}
    for name, values in pairs(one:weights()) do
      if name ~= left_out then tensors[front .. name] = values end
    end
    data.save_safetensors(path, tensors)
  end
  save("model.backbone.")
  local back = net("layer1"):load_weights(path)
  lu.assertTrue(array.equal(back:weights()["conv1.bias"], one:weights()["conv1.bias"]))
  raises("model.backbone.layer2.0.conv1.weight and model.backbone.layer2.0.conv1.bias are missing",
    function() net("layer2"):load_weights(path) end)
  save("model.", "conv1.weight")
  raises("conv1.weight", function() net("layer1"):load_weights(path) end)
  os.remove(path)
  local x = array.zeros(1, 16)
  raises("the net has no layer \"layer9.conv1\"", one.forward, one, x, "layer9.conv1")
  raises("the net has no layer \"layer1.1.conv1\"", one.forward, one, x, "layer1.1.conv1")
  lu.assertTrue(array.equal(one:forward(x, "net:layer1.0"), one:forward(x, "layer1.0")))
end

-- Relus, which work in place, next to where ways part and meet.
function TestContainers.test_nothing_is_overwritten_that_is_still_read()
  local x = array.randn({ 40, 64 }, { seed = 5 })
  local net = nn.new { input = { 1, 8, 8 }, classes = { 0, 1 }, seed = 3, conv(2), nn.relu(),
    nn.residual { nn.relu(), conv(2), nn.relu(), shortcut = nn.relu() }, nn.relu(),
    nn.residual { conv(2), nn.relu() }, nn.sequence { nn.relu(), nn.relu() }, nn.flatten(),
    nn.linear { out = 2 } }
  local w = net:weights()
  local function relu(v) return array.maximum(v, 0) end
  local function conv_of(v, name)
    return array.conv2d(v, w[name .. ".weight"], { padding = 1 }) + w[name .. ".bias"]:reshape(-1, 1, 1)
  end
  local function forward(v)
    local a = relu(conv_of(v:reshape(-1, 1, 8, 8), "conv1"))
    local b = relu(relu(conv_of(relu(a), "residual1.conv1")) + relu(a))
    local c = relu(relu(conv_of(b, "residual2.conv1")) + b)
    return c:reshape(-1, 128):matmul(w["fc1.weight"].T) + w["fc1.bias"]
  end
  local scores = net:scores(x)
  lu.assertTrue(array.allclose(forward(x), scores, { rtol = 1e-4, atol = 1e-5 }))
  lu.assertTrue(array.allclose(net:forward(x), scores, { rtol = 1e-6 }))
  local weigh = array.randn({ 40, 2 }, { seed = 6 })
  local _, slope = grad.value(function(v) return (forward(v) * weigh):sum() end, x)
  lu.assertTrue(array.allclose(net:gradient(x, weigh), slope, { rtol = 1e-3, atol = 1e-5 }))
end

-- What one way reads again on its way back, the other does not overwrite.
function TestContainers.test_a_shortcut_in_place_leaves_the_body_its_input()
  local x, weigh = array.randn({ 6, 64 }, { seed = 7 }), array.randn({ 6, 2 }, { seed = 8 })
  local function net(shortcut)
    return nn.new { input = { 1, 8, 8 }, classes = { 0, 1 }, seed = 2, conv(2),
      nn.residual { conv(2), shortcut = shortcut }, nn.flatten(), nn.linear { out = 2 } }
  end
  local same = nn.layer { name = "own_tanh", forward = function(_, v) return v:tanh() end }
  local path, one, other = os.tmpname(), net(nn.tanh()), net(same())
  data.save_safetensors(path, one:weights())
  other:load_weights(path)
  local dx, dw = one:backward(x, { fc1 = weigh }, { weights = true })
  local dx2, dw2 = other:backward(x, { fc1 = weigh }, { weights = true })
  lu.assertTrue(array.allclose(dx, dx2, { rtol = 1e-4, atol = 1e-6 }))
  for name, values in pairs(dw) do
    lu.assertTrue(array.allclose(values, dw2[name], { rtol = 1e-4, atol = 1e-5 }), name)
  end
  os.remove(path)
end

-- Shortcuts of shortcuts: all layers have room.
function TestContainers.test_residuals_as_shortcuts()
  local function deep(n)
    if n == 0 then return nn.tanh() end
    return nn.residual { prefix = false, name = "s" .. n, nn.relu { name = "r" .. n },
      nn.tanh { name = "t" .. n }, shortcut = deep(n - 1) }
  end
  local layers = nn.new { input = { 1, 6, 6 }, deep(15) }.layers
  lu.assertEquals(#layers, 46) -- a sum and two layers each, and the last shortcut
  raises("containers in containers: expected at most 32", nn.new, { input = { 1, 6, 6 }, deep(40) })
end

function TestContainers.test_training_and_dnr()
  local digits = data.digits(400, { seed = 1 })
  local net = nn.new { input = { 28, 28 }, seed = 1, nn.conv2d { out = 8, kernel = 5, stride = 2 }, nn.relu(),
    nn.residual { name = "block", conv(8), nn.relu(), conv(8) }, nn.relu(), nn.maxpool { kernel = 2 },
    nn.flatten(), nn.linear { out = 10 } }
  local history = nn.train(net, digits, { epochs = 20, lr = 0.05, batch = 20, seed = 1 })
  lu.assertTrue(history.accuracy[#history.accuracy] > 0.8)
  local defence = dnr.new { net = net, layers = { "block", "fc1" },
    layer_classifier = svm.new { kernel = svm.rbf(1e-3), C = 10 },
    combiner = svm.new { kernel = svm.rbf(1), C = 1 } }
  defence:fit(digits)
  lu.assertTrue(metrics.accuracy(defence, digits) > 0.9)
end

-- A convolution plus its own input is one convolution whose middle is 1 more: a net without containers that
-- is the same function is attacked in the same way.
function TestContainers.test_attacked_as_the_net_without_them()
  local digits = data.digits(300, { seed = 1 })
  local function net(middle, behind)
    return nn.new { input = { 28, 28 }, classes = digits.classes, seed = 1,
      nn.conv2d { out = 4, kernel = 5, stride = 2 }, nn.relu(), middle, nn.relu(), behind or nn.relu(),
      nn.maxpool { kernel = 2 }, nn.flatten(), nn.linear { out = 10, name = "last" } }
  end
  local with = net(nn.residual { name = "block", conv(4, { name = "conv" }) },
    nn.sequence { prefix = false, nn.relu(), nn.residual { nn.relu(), shortcut = nn.relu() } })
  nn.train(with, digits, { epochs = 12, lr = 0.05, batch = 20, seed = 1 })
  local tensors, path = with:weights(), os.tmpname()
  local middle = tensors["block.conv.weight"]
  for i = 1, 4 do middle:set(middle:at(i, i, 2, 2) + 1, i, i, 2, 2) end
  local without = net(conv(4, { name = "merged" }))
  tensors["last.weight"] = tensors["last.weight"] * 2 -- the last residual doubles what is not negative
  data.save_safetensors(path, tensors)
  without:load_weights(path, { names = { merged = "block.conv" } })
  os.remove(path)
  local victims = digits:slice(1, 20)
  local function run(model)
    return attack.pgd { model = model, norm = "l2", dmax = 2, eta = 0.2, max_iter = 8, early_stop = false,
      seed = 1 }:run(victims)
  end
  local one, other = run(with), run(without)
  lu.assertTrue(metrics.accuracy(with, victims) > 0.8)
  lu.assertEquals(one.label:totable(), other.label:totable())
  lu.assertTrue(one.label:eq(victims.y):mean() < 0.4) -- most of them are no longer taken for what they are
  lu.assertTrue(array.allclose(one.x_adv, other.x_adv, { rtol = 0, atol = 1e-3 }))
  lu.assertTrue(array.allclose(one.scores, with:scores(one.x_adv), { rtol = 1e-5, atol = 1e-5 }))
end

function TestContainers.test_what_is_wrong()
  local function new(...) return nn.new { input = { 1, 8, 8 }, ... } end
  raises("nn.new: layer 1 (r): its layers give (2, 6, 6), its input is (1, 8, 8): their sum needs one shape; "
    .. "give it a shortcut", new, nn.residual { name = "r", conv(2, { padding = 0 }) })
  raises("nn.new: layer 1 (r): its layers give (2, 8, 8), its shortcut (3, 8, 8): their sum needs one shape",
    new, nn.residual { name = "r", conv(2), shortcut = conv(3) })
  raises("nn.new: layer 1 (s.c): a kernel of 30 x 30 is larger than the input", new,
    nn.sequence { name = "s", conv(2, { name = "c", kernel = 30, padding = 0 }) })
  raises("nn.new: layer 1 (s): layer 2: expected a layer such as nn.relu(), got 3", new,
    nn.sequence { name = "s", conv(2), 3 })
  raises("nn.new: a sequence has no layers", new, nn.sequence { name = "s" })
  raises("nn.new: a residual has no layers", new, nn.residual { shortcut = nn.relu() })
  raises("shortcut", nn.sequence, { nn.relu(), shortcut = nn.relu() })
  raises("nn.new: layer 1 (residual): shortcut", new, nn.residual { nn.relu(), shortcut = 3 })
  raises("nn.new: layer 3 (b.c): a kernel of 30 x 30", new, nn.relu(), nn.sequence { conv(2), conv(2) },
    nn.residual { name = "b", conv(1), conv(2, { name = "c", kernel = 30, padding = 0 }) })
  raises("nn.new: layer 3 (linear): ", new, nn.relu(), nn.residual { conv(2), conv(1) },
    nn.linear { out = 2 })
  raises("nn.new: layers 2 and 3 are both named \"r\"", new, nn.sequence { nn.relu(), nn.relu() },
    nn.relu { name = "r" }, nn.relu { name = "r" })
  raises("nn.new: two layers of layer 1 are named \"s.a\"", new,
    nn.sequence { name = "s", nn.relu { name = "a" }, nn.relu { name = "a" } })
  local deep = nn.relu()
  for _ = 1, 40 do deep = nn.sequence { deep } end
  raises("containers in containers: expected at most 32", new, deep)
  local long = nn.relu()
  for _ = 1, 8 do long = nn.sequence { name = ("long"):rep(4), long } end
  raises("is too long: expected at most 63 bytes", new, long)
end
