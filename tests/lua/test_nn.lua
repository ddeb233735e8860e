local lu = require "luaunit"

local shared = os.getenv("PERIGEE_REFERENCE") or "../shared/reference"
local small = "tests/reference/cnn_forward_backward/"

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- the largest |a − b| as a share of b's largest magnitude; both as flat lists of the same length
local function flat(a)
  local list = {}
  local function add(t)
    if type(t) ~= "table" then list[#list + 1] = t return end
    for _, v in ipairs(t) do add(v) end
  end
  add(a:totable())
  return list
end

local function off(a, b)
  local x, y = flat(a), flat(b)
  lu.assertEquals(#x, #y)
  local worst, largest = 0, 0
  for i = 1, #x do
    worst = math.max(worst, math.abs(x[i] - y[i]))
    largest = math.max(largest, math.abs(y[i]))
  end
  return worst / largest
end

local function small_net(options)
  local description = {
    input = { 1, 12, 12 },
    nn.conv2d { out = 6, kernel = 3, stride = 2 }, nn.relu(),
    nn.conv2d { out = 8, kernel = 3, padding = 1 }, nn.relu(),
    nn.maxpool { kernel = 2, name = "pool" }, nn.flatten { name = "flatten" },
    nn.linear { out = 12 }, nn.relu {}, nn.linear { out = 5 },
  }
  for key, value in pairs(options or {}) do description[key] = value end
  return nn.new(description)
end

-- corners of a cube with noise, labelled 2, 5, 7
local function blobs(n)
  local x, y, state = {}, {}, 1
  local function noise()
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648 - 0.5
  end
  for i = 1, n do
    local c = i % 3
    x[i] = {}
    for j = 1, 6 do x[i][j] = 0.6 * noise() + ((j % 3 == c) and 1 or 0) end
    y[i] = ({ [0] = 2, 5, 7 })[c]
  end
  return data.new { x = array.new(x), y = array.new(y, { dtype = "i32" }) }
end

local function blob_net(options)
  local description = { input = { 6 }, seed = 1, nn.linear { out = 12 }, nn.relu(), nn.linear { out = 3 } }
  for key, value in pairs(options or {}) do description[key] = value end
  return nn.new(description)
end

TestNnReference = {}

function TestNnReference:setUp()
  self.net = small_net()
  local tensors = {}
  for name in pairs(self.net:weights()) do
    tensors[name] = data.npy(small .. name:gsub("%.", "_") .. ".npy")
  end
  self.weights = tensors
  self.path = os.tmpname()
  data.save_safetensors(self.path .. ".safetensors", tensors)
  self.net:load_weights(self.path .. ".safetensors")
  self.x = data.npy(small .. "x.npy")
end

function TestNnReference:tearDown()
  os.remove(self.path)
  os.remove(self.path .. ".safetensors")
end

function TestNnReference:test_activations()
  local names = { "conv1", "relu1", "conv2", "relu2", "pool", "flatten", "fc1", "relu3", "fc2" }
  local outputs = { self.net:forward(self.x, names) }
  for i, name in ipairs(names) do
    lu.assertTrue(off(outputs[i], data.npy(small .. "act_" .. name .. ".npy")) < 1e-4, name)
  end
  lu.assertTrue(off(self.net:forward(self.x), outputs[9]) == 0)
  lu.assertTrue(off(self.net:forward(self.x, "features:relu2"), outputs[4]) == 0)
end

function TestNnReference:test_gradients()
  for _, name in ipairs { "relu1", "relu2", "pool", "relu3", "fc2" } do
    local dx = self.net:backward(self.x, { [name] = data.npy(small .. "w_" .. name .. ".npy") })
    lu.assertTrue(off(dx, data.npy(small .. "dx_" .. name .. ".npy")) < 1e-4, name)
  end
end

function TestNnReference:test_weights_come_back()
  local weights = self.net:weights()
  for name, expected in pairs(self.weights) do
    lu.assertEquals(weights[name].shape, expected.shape)
    lu.assertTrue(off(weights[name], expected) < 1e-6, name)
  end
end

-- the tutorial's CNN on the first 100 of each digit
function TestNnReference:test_mnist()
  local path = shared .. "/mnist/mnist-cnn.safetensors"
  local ok, test = pcall(data.mnist, "test")
  if not (ok and exists(path)) then lu.skip("MNIST or its reference case is not at hand") end
  local net = nn.load("mnist-cnn"):load_weights(path)
  local scores = net:scores(test:per_class(100))
  lu.assertTrue(off(scores, data.npy(shared .. "/mnist/dnn_scores.npy")) < 1e-4)
end

TestNn = {}

function TestNn:test_layers_and_printing()
  local net = small_net()
  lu.assertEquals(#net.layers, 9)
  lu.assertEquals(net.layers[3], { name = "conv2", kind = "conv2d", shape = { 8, 5, 5 }, size = 200,
                                   parameters = 440 })
  lu.assertEquals(net.input, { 1, 12, 12 })
  lu.assertEquals(net.kind, "net")
  lu.assertEquals(net.features, 144)
  lu.assertEquals(net.parameters, 60 + 440 + 396 + 65)
  lu.assertStrContains(tostring(net), "conv2          conv2d   8 x 5 x 5               440")
end

function TestNn:test_arguments_are_checked()
  lu.assertErrorMsgContains("unknown option", nn.conv2d, { output = 3 })
  lu.assertErrorMsgContains("options go by name", nn.linear, { 10 })
  lu.assertErrorMsgContains("nn.new: layer 1 (conv1): a kernel of 9 x 9 is larger than the input (1, 8, 8)",
    nn.new, { input = { 1, 8, 8 }, nn.conv2d { out = 2, kernel = 9, name = "conv1" } })
  lu.assertErrorMsgContains("layer 2: expected a layer", nn.new, { input = { 4 }, nn.relu(), 7 })
  lu.assertErrorMsgContains("input: expected", nn.new, { nn.relu() })
  lu.assertErrorMsgContains("input: expected", nn.new, { input = { 1, 2, 3, 4 }, nn.flatten() })
  lu.assertEquals(nn.new({ input = { 5, 7 }, nn.flatten() }).input, { 1, 5, 7 })
  lu.assertErrorMsgContains("unknown option", nn.new, { input = { 4 }, sead = 1, nn.relu() })
  lu.assertErrorMsgContains("expected a table", nn.new, 3)
  local net = small_net()
  lu.assertErrorMsgContains('forward: the net has no layer "relu7" (it has: conv1, relu1', net.forward, net,
    array.zeros(2, 144), "relu7")
  lu.assertErrorMsgContains("samples have 100 features, the net takes 144", net.forward, net,
    array.zeros(2, 100))
  lu.assertErrorMsgContains("w of fc2 is (2, 4), expected (2, 5)", net.backward, net, array.zeros(2, 144),
    { fc2 = array.zeros(2, 4) })
  lu.assertErrorMsgContains("not fitted", net.scores, net, array.zeros(1, 144))
  lu.assertErrorMsgContains("no such file", nn.load, "mnist-cmm")
  lu.assertErrorMsgContains("classes: expected a list of 5 labels", small_net, { classes = { 1, 2 } })
end

function TestNn:test_a_kernel_of_two_sizes()
  local net = nn.new { input = { 1, 5, 7 }, nn.conv2d { out = 2, kernel = { 2, 3 }, stride = { 1, 2 } } }
  lu.assertEquals(net.layers[1].shape, { 2, 4, 3 })
end

function TestNn:test_seeds()
  local function first(net) return flat(net:weights()["conv1.weight"]) end
  lu.assertEquals(first(small_net { seed = 4 }), first(small_net { seed = 4 }))
  lu.assertNotEquals(first(small_net { seed = 4 }), first(small_net { seed = 5 }))
end

function TestNn:test_gradient_of_weights()
  local net = nn.new { input = { 2 }, seed = 1, nn.linear { out = 1, name = "fc" } }
  local x = array.new { { 1, 2 }, { 3, 4 } }
  local dx, dw = net:backward(x, { fc = array.new { { 1 }, { 10 } } }, { weights = true })
  lu.assertEquals(dx.shape, { 2, 2 })
  lu.assertEquals(dw["fc.weight"]:totable(), { { 31, 42 } })
  lu.assertEquals(dw["fc.bias"]:totable(), { 11 })
end

function TestNn:test_softmax()
  local p = nn.softmax(array.new { { 1000, 1000 }, { 0, -1000 } })
  lu.assertEquals(p:totable(), { { 0.5, 0.5 }, { 1, 0 } })
  lu.assertEquals(nn.softmax(array.new { 3, 3, 3, 3 }):totable(), { 0.25, 0.25, 0.25, 0.25 })
  local scores = data.npy("tests/reference/softmax/scores.npy")
  lu.assertTrue(off(nn.softmax(scores), data.npy("tests/reference/softmax/softmax.npy")) < 1e-6)
end

function TestNn:test_training()
  local ds, net = blobs(300), blob_net()
  local history = nn.train(net, ds, { epochs = 6, batch = 20, lr = 0.1, seed = 2, validation = ds })
  lu.assertEquals(history.epochs, 6)
  lu.assertFalse(history.interrupted)
  lu.assertTrue(history.loss[6] < history.loss[1])
  lu.assertTrue(history.validation_accuracy[6] > 0.95)
  lu.assertEquals(net.classes, { 2, 5, 7 })
  lu.assertEquals(net.trained.samples, 300)
  local twin = blob_net()
  nn.train(twin, ds, { epochs = 6, batch = 20, lr = 0.1, seed = 2 })
  lu.assertEquals(net:scores(ds):totable(), twin:scores(ds):totable())
  lu.assertErrorMsgContains("unknown option", nn.train, net, ds, { epoch = 1 })
  lu.assertErrorMsgContains("nn.train: batch: expected an integer from 1 to 1000000, got 0", nn.train, net,
    ds, { batch = 0 })
  for name in ("lr momentum batch weight_decay lr_decay lr_step shift seed epochs"):gmatch("%S+") do
    lu.assertErrorMsgContains(("nn.train: %s: expected "):format(name), nn.train, net, ds, { [name] = true })
  end
  lu.assertErrorMsgContains("nn.train: shuffle: expected true or false, got 1", nn.train, net, ds,
    { shuffle = 1 })
  lu.assertErrorMsgContains("options go by name", nn.train, net, ds, { 3 })
  lu.assertErrorMsgContains("samples have 6 features, the net takes 144", nn.train, small_net(), ds)
end

function TestNn:test_fit_set_clone()
  local ds, net = blobs(300), blob_net()
  net:set { epochs = 4, lr = 0.1, batch = 16 }
  lu.assertEquals(net:get("epochs"), 4)
  lu.assertIs(net:fit(ds), net)
  local scores = net:scores(ds):totable()
  lu.assertEquals(net:fit(ds):scores(ds):totable(), scores)
  lu.assertNotEquals(net:fit(ds, { seed = 5 }):scores(ds):totable(), scores)
  local clone = net:clone()
  lu.assertEquals(clone:get("lr"), 0.1)
  clone.lr = 0.2
  lu.assertEquals(clone.lr, 0.2)
  lu.assertEquals(clone.shuffle, true)
  lu.assertErrorMsgContains("net: lr: expected a number from 0 to 1000000, got -1",
    function() clone.lr = -1 end)
  lu.assertErrorMsgContains("a net has no 'epoch'; did you mean epochs?", function() return clone.epoch end)
  lu.assertEquals(clone.classes, {})
  lu.assertErrorMsgContains("net:set: unknown option 'eta' (valid: epochs, ", net.set, net, { eta = 1 })
end

function TestNn:test_files()
  local ds, net, path = blobs(60), blob_net(), os.tmpname()
  net:fit(ds, { epochs = 2 })
  lu.assertEquals(net:save(path), path)
  local again = nn.load(path)
  lu.assertEquals(again:scores(ds):totable(), net:scores(ds):totable())
  lu.assertEquals(again.classes, { 2, 5, 7 })
  lu.assertEquals(tostring(again), tostring(net))
  lu.assertEquals(again.trained.epochs, 2)
  data.save_safetensors(path .. ".safetensors", { a = array.zeros(2) })
  lu.assertErrorMsgContains("load_weights(path)", nn.load, path .. ".safetensors")
  lu.assertErrorMsgContains("fc1.weight, fc1.bias, fc2.weight and fc2.bias are missing", net.load_weights,
    net, path .. ".safetensors")
  os.remove(path)
  os.remove(path .. ".safetensors")
end

function TestNn:test_strict_loading()
  local path = os.tmpname()
  local function described(bias)
    return nn.new { input = { 4 }, nn.linear { name = "fc", out = 3, bias = bias } }
  end
  local from, plain = described(true), described(false)
  local saved = from:weights()
  saved["bn.num_batches_tracked"] = array.zeros(1)
  data.save_safetensors(path, saved)
  local to = described(true):load_weights(path, { strict = true }) -- PyTorch's count is no one's
  lu.assertEquals((to:weights()["fc.weight"] - saved["fc.weight"]):abs():max(), 0)
  local before, strict = plain:weights()["fc.weight"], { strict = true }
  lu.assertErrorMsgContains("no layer takes fc.bias", plain.load_weights, plain, path, strict)
  lu.assertEquals((plain:weights()["fc.weight"] - before):abs():max(), 0) -- it stays as it was
  saved["head.weight"] = array.zeros(2)
  data.save_safetensors(path, saved)
  lu.assertErrorMsgContains("takes fc.bias and head.weight", plain.load_weights, plain, path, strict)
  lu.assertErrorMsgContains("fc.bias, which the layer does not take", plain.load_weights, plain, path)
  os.remove(path)
end

-- One number a channel has no variance: it is normalised by the running statistics, and changes none.
function TestNn:test_batchnorm_of_a_batch_of_one()
  local net = nn.new { input = { 3 }, classes = { 0, 1 }, seed = 1, nn.batchnorm(), nn.linear { out = 2 } }
  local y = array.new({ 0, 1, 0, 1 }, { dtype = "i32" })
  local ds = data.new { x = array.randn(4, 3, { seed = 2 }), y = y }
  nn.train(net, ds, { epochs = 1, batch = 1, lr = 0.1, seed = 1 })
  local weights, seen = net:weights(), 0
  for name, value in pairs(weights) do
    local wanted = name:find "running_mean" and 0 or name:find "running_var" and 1
    if wanted then
      seen = seen + 1
      lu.assertTrue(value:eq(wanted):all(), name)
    end
  end
  lu.assertEquals(seen, 2)
end

-- What is missing and what is left are named, five of each at most.
function TestNn:test_all_names_that_do_not_fit_are_told()
  local path, tensors = os.tmpname(), {}
  for i = 1, 7 do tensors["block" .. i .. ".weight"] = array.zeros(2) end
  data.save_safetensors(path, tensors)
  local net = nn.new { input = { 3 }, nn.batchnorm(), nn.linear { out = 2 } }
  local function refused(message)
    lu.assertErrorMsgContains(("net:load_weights: %s: %s"):format(path, message), net.load_weights, net, path)
  end
  refused("bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var, fc1.weight and 1 more are missing; no "
    .. "layer takes block1.weight, block2.weight, block3.weight, block4.weight, block5.weight and 2 more")
  net = nn.new { input = { 2 }, nn.linear { out = 1, name = "block1" } }
  local long = ("long"):rep(200)
  data.save_safetensors(path, { ["block2.bias"] = array.zeros(2), [long] = array.zeros(1) })
  refused "block1.weight and block1.bias are missing; no layer takes block2.bias and 1 more"
  data.save_safetensors(path, { [long] = array.zeros(1), ["block1.weight"] = array.zeros(1, 2) })
  refused "block1.bias is missing; no layer takes 1 with long names"
  os.remove(path)
end

-- Arrays of other layers are left out: a sentence says so, unless strict was given.
function TestNn:test_what_is_left_is_told_once()
  local path, words = os.tmpname(), os.tmpname()
  local net = nn.new { input = { 4 }, nn.linear { name = "fc", out = 3 } }
  local tensors = net:weights()
  tensors["head.weight"], tensors["head.num_batches_tracked"] = array.zeros(2), array.zeros(1)
  data.save_safetensors(path, tensors)
  local function said(options)
    local code = "nn.new { input = { 4 }, nn.linear { name = 'fc', out = 3 } }:load_weights('%s'%s)"
    local command = ("\"$PERIGEE\" -e \"%s\" 2> %s"):format(code:format(path, options), words)
    local status = os.execute(command)
    local file <close> = assert(io.open(words))
    return status, file:read "a"
  end
  local status, text = said ""
  lu.assertTrue(status)
  lu.assertEquals(text, ("perigee: load_weights: %s: no layer takes head.weight; strict = true refuses such "
    .. "a file, and strict = false says nothing\n"):format(path))
  lu.assertEquals({ said ", { strict = false }" }, { true, "" })
  lu.assertNil((said ", { strict = true }"))
  tensors["head.weight"] = nil
  data.save_safetensors(path, tensors)
  lu.assertEquals({ said "" }, { true, "" })
  os.remove(path)
  os.remove(words)
end

function TestNn:test_foreign_names()
  local path = os.tmpname()
  local from = nn.new { input = { 4 }, nn.sequence { name = "features", nn.linear { out = 3 }, nn.relu() },
    nn.sequence { name = "classifier", nn.linear { out = 2 } } }
  local to = nn.new { input = { 4 }, nn.linear { out = 3 }, nn.relu(), nn.linear { out = 2 } }
  from:save(path)
  local names = { fc1 = "features.0", fc2 = "classifier.0" }
  to:load_weights(path, { names = names, strict = true })
  lu.assertTrue(array.equal(to:weights()["fc2.weight"], from:weights()["classifier.0.weight"]))
  lu.assertErrorMsgContains("features.1.weight and features.1.bias are missing", to.load_weights, to, path,
    { names = { fc1 = "features.1", fc2 = "classifier.0" } })
  local function load(wrong) to:load_weights(path, { names = wrong }) end
  lu.assertErrorMsgContains("the net has no layer \"fc3\"", load, { fc3 = "a" })
  lu.assertErrorMsgContains("expected a table, layer = the file's name for it, got 3", load, { fc1 = 3 })
  lu.assertErrorMsgContains("names: expected a table", load, "fc1")
  os.remove(path)
end

function TestNn:test_sizes_and_statistics_of_other_programs()
  local function output(options, size)
    return nn.new { input = { 1, size, size }, nn.maxpool(options) }.layers[1].shape[2]
  end
  -- PyTorch's, one window that hangs over the edge
  lu.assertEquals(output({ kernel = 5, ceil_mode = true }, 4), 1)
  lu.assertEquals(output({ kernel = 3, stride = 2, ceil_mode = true }, 2), 1)
  local far = { kernel = 6, stride = 2, ceil_mode = true }
  lu.assertErrorMsgContains("a kernel of 6 x 6 is larger", output, far, 4)
  local path, net = os.tmpname(), nn.new { input = { 3 }, nn.batchnorm(), nn.linear { out = 2 } }
  local tensors = net:weights()
  tensors["bn1.running_var"] = array.new { 1, -1, 1 }
  data.save_safetensors(path, tensors)
  lu.assertErrorMsgContains("bn1.running_var: number 2 is negative", net.load_weights, net, path)
  os.remove(path)
  local many = { mean = array.zeros(40):totable(), std = 1 }
  lu.assertErrorMsgContains("mean: expected a number below inf or a list of at most 32", nn.normalise, many)
end

function TestNn:test_without_classes()
  local net = nn.new { input = { 4 }, nn.linear { out = 3 } }
  lu.assertErrorMsgContains("give nn.new its classes", net.scores, net, array.zeros(2, 4))
  local two = data.new { x = array.zeros(2, 4), y = { 0, 1 } }
  lu.assertErrorMsgContains("2 classes, the net 3 outputs; nn.new{ classes", nn.train, net, two)
  lu.assertErrorMsgContains("net:set: unknown option 'lrr'; did you mean 'lr'?", net.set, net, { lrr = 1 })
end

function TestNn:test_the_shipped_nets()
  for name, least in pairs {
    ["mnist-cnn"] = 0.98, ["mnist-cnn-shifted"] = 0.99, ["mnist-cnn-robust"] = 0.975,
  } do
    local net = nn.load(name)
    lu.assertEquals(net.input, { 1, 28, 28 })
    lu.assertEquals(net.classes, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 })
    lu.assertEquals(net.trained.samples, 30000)
    local ok, test = pcall(data.mnist, "test")
    if not ok then lu.skip("MNIST is not at hand") end
    lu.assertTrue(metrics.accuracy(net, test) >= least, name)
  end
end

-- What the robust one was trained for; attack.auto takes longer and finds a few more.
function TestNn:test_the_robust_net_is_robust()
  local ok, test = pcall(data.mnist, "test")
  if not ok then lu.skip("MNIST is not at hand") end
  local net, digits = nn.load "mnist-cnn-robust", test:per_class(100):slice(11, 110)
  local counts = attack.pgd { model = net, norm = "l2", dmax = 1.5, max_iter = 30 }:run(digits):counts()
  lu.assertTrue(counts.wrong + counts.evaded <= 35, counts.wrong + counts.evaded)
  lu.assertStrContains(net.trained.adversary, "attack.pgd: l2, dmax 1.5")
end

-- A linear layer beside the product that it is; large ones go another way than small ones.
function TestNn:test_linear_layers_of_all_sizes()
  for _, size in ipairs { { 1088, 64 }, { 1000, 70 }, { 96, 32 }, { 96, 21 }, { 21, 96 } } do
    local inputs, outputs = table.unpack(size)
    local net = nn.new { input = { inputs }, seed = 1, nn.linear { name = "fc", out = outputs } }
    local x, slope = array.randn(53, inputs, { seed = 1 }), array.randn(53, outputs, { seed = 2 })
    local weight, bias = net:weights()["fc.weight"], net:weights()["fc.bias"]
    local dx, dweights = net:backward(x, { fc = slope }, { weights = true })
    local function near(what, got, want)
      local apart = (got - want):abs():max() / want:abs():max()
      lu.assertTrue(apart <= 1e-5, ("%s of %d to %d"):format(what, inputs, outputs))
    end
    near("y", net:forward(x), x:matmul(weight.T) + bias)
    near("dx", dx, slope:matmul(weight))
    near("dweight", dweights["fc.weight"], slope.T:matmul(x))
    near("dbias", dweights["fc.bias"], slope:sum(1))
  end
end

function TestNn:test_surplus_arguments()
  for _, functions in ipairs { nn, debug.getregistry()["perigee.net"].methods } do
    for name, f in pairs(functions) do
      lu.assertErrorMsgContains(name .. ": expected ", f, nil, nil, nil, nil, nil, nil, "surplus")
      lu.assertErrorMsgContains('got the string "surplus"', f, nil, nil, nil, nil, nil, nil, "surplus")
    end
  end
end
