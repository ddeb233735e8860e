-- Layers written in Lua: the built-in ones once more, which they have to agree with; what they are given,
-- what becomes of them in files, copies and defences; and what may be wrong with them.

local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

-- What a kernel of 2 x 2 sees at its four places, and where that came from.
local function places(shape)
  local list = {}
  for i = 1, 2 do
    for j = 1, 2 do list[#list + 1] = { { i, shape[3] - 2 + i }, { j, shape[4] - 2 + j }, i, j } end
  end
  return list
end

-- (n, c, h, w) times (out, c) as (n, out, h, w)
local function mix(x, weight)
  local s = x.shape
  local flat = x:transpose { 1, 3, 4, 2 }:reshape(-1, s[2]):matmul(weight.T)
  return flat:reshape(s[1], s[3], s[4], weight.shape[1]):transpose { 1, 4, 2, 3 }
end

local out = { type = "integer", low = 1, meaning = "numbers or maps that come out" }

local definitions = {
  relu = {
    forward = function(_, x) return array.maximum(x, 0) end,
    backward = function(_, _, dy, y) return dy * y:gt(0) end,
  },
  linear = {
    options = { out = out },
    parameters = function(self, input) return { weight = { self.out, input[1] }, bias = { self.out } } end,
    shape = function(self) return { self.out } end,
    forward = function(self, x) return x:matmul(self.weight.T) + self.bias end,
    backward = function(self, x, dy)
      return dy:matmul(self.weight), { weight = dy.T:matmul(x), bias = dy:sum(1) }
    end,
  },
  conv = {
    options = { out = out },
    parameters = function(self, input)
      return { weight = { self.out, input[1], 2, 2 }, bias = { self.out } }
    end,
    shape = function(self, input) return { self.out, input[2] - 1, input[3] - 1 } end,
    forward = function(self, x)
      local y = self.bias:reshape(1, self.out, 1, 1)
      for _, p in ipairs(places(x.shape)) do
        y = y + mix(x:slice(nil, nil, p[1], p[2]), self.weight:slice(nil, nil, p[3], p[4]))
      end
      return y
    end,
    backward = function(self, x, dy)
      local dx, dw = array.zeros(x.shape), array.zeros(self.weight.shape)
      local columns = dy:transpose { 2, 1, 3, 4 }:reshape(self.out, -1)
      for _, p in ipairs(places(x.shape)) do
        local seen = x:slice(nil, nil, p[1], p[2])
        local kernel = self.weight:slice(nil, nil, p[3], p[4])
        local to = dx:slice(nil, nil, p[1], p[2])
        to:assign(to + mix(dy, kernel.T))
        local rows = seen:transpose { 1, 3, 4, 2 }:reshape(-1, x.shape[2])
        dw:slice(nil, nil, p[3], p[4]):assign(columns:matmul(rows))
      end
      return dx, { weight = dw, bias = columns:sum(2) }
    end,
  },
}

-- Each with the gradients that it says, and with those that follow from forward.
local said, followed = {}, {}
for name, definition in pairs(definitions) do
  definition.name = "own_" .. name
  said[name] = nn.layer(definition)
  definition.name, definition.backward = "traced_" .. name, nil
  followed[name] = nn.layer(definition)
end
local relu, linear, conv = said.relu, said.linear, said.conv

local function off(a, b) return (a - b):abs():max() / b:abs():max() end

-- A net of built-in layers, or of one's own in their places.
local function net_of(made)
  return nn.new {
    input = { 2, 6, 5 }, classes = { 0, 1, 2 }, seed = 1,
    made and made.conv { name = "conv1", out = 4 } or nn.conv2d { name = "conv1", out = 4, kernel = 2 },
    (made and made.relu or nn.relu) { name = "relu1" }, nn.maxpool { kernel = 2 }, nn.flatten(),
    (made and made.linear or nn.linear) { name = "fc1", out = 6 },
    (made and made.relu or nn.relu) { name = "relu2" }, nn.dropout { p = 0.2, name = "drop" },
    (made and made.linear or nn.linear) { name = "fc2", out = 3 },
  }
end

-- The first with the second's weights.
local function with_weights(net, other)
  local path = os.tmpname()
  other:save(path)
  net:load_weights(path)
  os.remove(path)
  return net
end

local function nets(made)
  local built = net_of()
  return built, with_weights(net_of(made), built)
end

local function digits(n)
  local x = array.rand(n, 60, { seed = 3 })
  return data.new { x = x, y = array.arange(n) % 3, shape = { 2, 6, 5 } }
end

TestOwnLayers = {}

function TestOwnLayers.test_agreement_with_built_in_layers()
  local x, w = digits(11).x - 0.3, array.randn(11, 3, { seed = 4 })
  for _, made in ipairs { said, followed } do
    local built, own = nets(made)
    lu.assertTrue(off(own:scores(x), built:scores(x)) < 1e-5)
    lu.assertTrue(off(own:gradient(x, w), built:gradient(x, w)) < 1e-5)
    for _, tap in ipairs { "conv1", "relu1", "fc1", "relu2" } do
      lu.assertTrue(off(own:forward(x, tap), built:forward(x, tap)) < 1e-5)
    end
    local entering = {
      conv1 = array.randn(11, 80, { seed = 5 }), relu2 = array.randn(11, 6, { seed = 6 }), fc2 = w,
    }
    local dx, dw = own:backward(x, entering, { weights = true })
    local expected, weights = built:backward(x, entering, { weights = true })
    lu.assertTrue(off(dx, expected) < 1e-5)
    for name, gradient in pairs(weights) do lu.assertTrue(off(dw[name], gradient) < 1e-5) end
  end
end

function TestOwnLayers.test_what_a_layer_is_given()
  local seen = {}
  local look = nn.layer {
    name = "look",
    options = {
      factor = 2, mode = { "b", words = { "a", "b" } }, flag = false,
      size = { default = 3, type = "integer" },
    },
    parameters = {
      drawn = { 400 }, zero = { 2, initial = "zeros" }, one = { 2, 2, initial = "ones" },
      seven = { 1, initial = 7 }, given = array.new { 1.5, 2.5 }, listed = { 2, initial = { 3, 4 } },
      late = function(self, input) return { input[1], initial = self.size } end,
    },
    forward = function(self, x)
      for key, value in pairs(self) do seen[key] = value end
      seen.x = x
      return x * 1
    end,
  }
  local net = nn.new {
    input = { 2, 3, 4 }, seed = 1, nn.relu(), look { name = "l", factor = 0.5 }, nn.relu(),
  }
  local y = net:forward(array.arange(48):reshape(2, 24), "l")
  lu.assertEquals(y:totable()[2][24], 47)
  lu.assertEquals(seen.x.shape, { 2, 2, 3, 4 })
  lu.assertEquals(seen.x:at(2, 1, 2, 3), 30)
  lu.assertEquals({ seen.name, seen.kind, seen.training, seen.input, seen.output },
    { "l", "look", false, { 2, 3, 4 }, { 2, 3, 4 } })
  lu.assertEquals({ seen.factor, seen.mode, seen.flag, seen.size }, { 0.5, "b", false, 3 })
  lu.assertEquals(math.type(seen.size), "integer")
  local function numbers(...)
    local list = {}
    for i, name in ipairs { ... } do list[i] = seen[name]:totable() end
    return list
  end
  lu.assertEquals(numbers("zero", "one", "seven", "given", "listed", "late"),
    { { 0, 0 }, { { 1, 1 }, { 1, 1 } }, { 7 }, { 1.5, 2.5 }, { 3, 4 }, { 3, 3 } })
  local bound = seen.drawn:abs():max() * math.sqrt(2) -- products of the only parameter with two axes
  lu.assertTrue(bound <= 1 and bound > 0.9)
  lu.assertEquals(net.layers[2],
    { name = "l", kind = "look", shape = { 2, 3, 4 }, size = 24, parameters = 413 })
  lu.assertStrContains(tostring(net), "l              look")
  nn.layer { name = "look2", forward = function(_, x) return x end }
  lu.assertEquals(nn.new { input = { 2 }, { kind = "look2" }, { kind = "look2" } }.layers[2].name, "look2_2")
  nn.layer { name = "writes", forward = function(_, x) return x:fill(1) end }
  raises("read-only", function() nn.new { input = { 2 }, { kind = "writes" } }:forward { { 1, 2 } } end)
end

function TestOwnLayers.test_files_and_copies()
  local _, own = nets(followed)
  local path, x = os.tmpname(), digits(5).x
  own:save(path)
  local loaded = nn.load(path)
  lu.assertEquals(loaded.layers, own.layers)
  lu.assertTrue(array.equal(loaded:scores(x), own:scores(x)))
  local same = nn.new { input = { 2, 6, 5 }, seed = 1, conv { out = 4 } }
  lu.assertTrue(array.equal(same:clone():forward(x), same:forward(x)))
  -- nets go on with the code that they were made of; files and new nets take the latest
  local twice = nn.layer { name = "defined_twice", forward = function(_, y) return y * 2 end }
  local net = nn.new { input = { 1 }, twice() }
  net:save(path)
  nn.layer { name = "defined_twice", forward = function(_, y) return y * 3 end }
  lu.assertEquals(net:forward({ { 1 } }):item(), 2)
  lu.assertEquals(net:clone():forward({ { 1 } }):item(), 2)
  lu.assertEquals(nn.load(path):forward({ { 1 } }):item(), 3)
  -- whose options are those of the file
  local function twofold(_, y) return y * 2 end
  nn.layer { name = "defined_twice", forward = twofold, options = { by = 2 } }
  raises("layer 1 (defined_twice1): this session's has by, the file's has not", nn.load, path)
  nn.layer { name = "defined_twice", forward = twofold, parameters = { w = { 1 } } }
  nn.new({ input = { 1 }, { kind = "defined_twice", name = "mine" } }):save(path)
  nn.layer { name = "defined_twice", forward = twofold }
  raises("the file has mine.w, which no layer of this session's takes", nn.load, path)
  net:save(path)
  -- and a kind that nobody has defined is named
  local file = io.open(path, "rb")
  local text = file:read "a"
  file:close()
  file = io.open(path, "wb")
  file:write((text:gsub("defined_twice", "defined_never")))
  file:close()
  raises('layer 1 (defined_never1): kind: expected one of conv2d, relu, maxpool, linear, ', nn.load, path)
  raises('got "defined_never"; if it is a layer of your own, run the file first that defines it by '
    .. 'nn.layer { name = "defined_never", … }', nn.load, path)
  os.remove(path)
end

function TestOwnLayers.test_defences_tap_before_at_and_behind()
  local built, own = nets(followed)
  local ds = digits(60)
  local function defence(net)
    local d = dnr.new {
      net = net, layers = { "conv1", "relu1", "relu2" },
      layer_classifier = svm.new { kernel = svm.rbf(0.1), C = 1 },
      combiner = svm.new { kernel = svm.rbf(1), C = 1 },
    }
    return d:fit(ds, { seed = 1 })
  end
  local ours, theirs = defence(own), defence(built)
  local w = array.ones(60, 4)
  local function scores(d) return d:scores(ds.x):slice(nil, { 1, 3 }) end
  lu.assertTrue((scores(ours) - scores(theirs)):abs():max() < 5e-3)
  lu.assertTrue(off(ours:gradient(ds.x, w), theirs:gradient(ds.x, w)) < 5e-3)
  local attacked = attack.pgd { model = own, norm = "l2", dmax = 0.5, eta = 0.1, max_iter = 5 }:run(ds)
  lu.assertEquals(#attacked, 60)
end

function TestOwnLayers.test_random_numbers_follow_the_call()
  local noisy = nn.layer {
    name = "noisy",
    forward = function(self, x) return x + self:random() + self:random "uniform" * self:random "sign" end,
  }
  local function net(name) return nn.new { input = { 3 }, noisy { name = name } } end
  local x = array.zeros(400, 3)
  local one = net "a":forward(x)
  lu.assertTrue(array.equal(net "a":forward(x), one))
  lu.assertFalse(array.equal(net "b":forward(x), one))
  lu.assertAlmostEquals(one:mean(), 0, 0.1)
  lu.assertAlmostEquals(one:std(), math.sqrt(1 + 1 / 3), 0.1)
  -- rows beyond the first thousand are drawn apart
  local long = net "a":forward(array.zeros(1100, 3))
  lu.assertFalse(array.equal(long:slice { 1025, 1100 }, long:slice { 1, 76 }))
end

-- Two epochs of SGD: the losses and weights of the built-in layers.
function TestOwnLayers.test_training()
  local ds = digits(60)
  local options = { epochs = 2, batch = 16, lr = 0.1, seed = 3, shift = 1, validation = ds }
  for _, made in ipairs { said, followed } do
    local built, own = nets(made)
    local expected, history = nn.train(built, ds, options), nn.train(own, ds, options)
    for e = 1, 2 do
      lu.assertAlmostEquals(history.loss[e], expected.loss[e], 1e-5)
      lu.assertAlmostEquals(history.validation_loss[e], expected.validation_loss[e], 1e-5)
    end
    local weights = own:weights()
    for name, weight in pairs(built:weights()) do lu.assertTrue(off(weights[name], weight) < 1e-4) end
  end
end

-- A layer knows that it is trained, and draws by the batch's seed; what fails in it leaves the net as it was.
function TestOwnLayers.test_training_draws_and_fails()
  local drawn, fails = {}, false
  local noise = nn.layer {
    name = "noise", parameters = { weight = { 6, initial = "ones" } },
    forward = function(self, x)
      if fails and self.training then error "no more" end
      if not self.training then return x * self.weight end
      drawn[#drawn + 1] = self:random():sum()
      return (x + self:random()) * self.weight
    end,
  }
  local function net()
    return nn.new { input = { 60 }, seed = 1, nn.linear { out = 6 }, noise(), nn.linear { out = 3 } }
  end
  local ds = data.new { x = digits(60).x, y = digits(60).y }
  local options = { epochs = 2, batch = 30, lr = 0.1, seed = 3 }
  local one, other = net(), net()
  nn.train(one, ds, options)
  lu.assertEquals(#drawn, 4) -- once a batch
  for i = 2, 4 do lu.assertNotEquals(drawn[i], drawn[1]) end
  nn.train(other, ds, options)
  lu.assertEquals({ table.unpack(drawn, 5) }, { table.unpack(drawn, 1, 4) })
  lu.assertTrue(array.equal(other:scores(ds.x), one:scores(ds.x)))
  lu.assertFalse(array.equal(one:weights()["noise1.weight"], array.ones(6)))
  fails = true
  raises("test_own_layers.lua:", nn.train, one, ds, options)
  lu.assertTrue(array.equal(other:scores(ds.x), one:scores(ds.x)))
end

-- Smooth layers, their gradients by differences.
function TestOwnLayers.test_differences()
  local swish = nn.layer { name = "swish", forward = function(_, x) return x / (1 + (-x):exp()) end }
  local prototypes = nn.layer {
    name = "prototypes", options = { out = out },
    parameters = function(self, input) return { weight = { self.out, input[1] } } end,
    shape = function(self) return { self.out } end,
    forward = function(self, x)
      local w = self.weight
      return 2 * x:matmul(w.T) - x:square():sum(2):reshape(-1, 1) - w:square():sum(2)
    end,
  }
  local net = nn.new {
    input = { 6 }, classes = { 0, 1, 2 }, seed = 1,
    swish(), nn.linear { out = 5 }, swish(), prototypes { out = 3 },
  }
  local x, w, step = array.randn(4, 6, { seed = 1 }), array.randn(4, 3, { seed = 2 }), 0.02
  local gradient = net:gradient(x, w)
  for j = 1, 6 do
    local along = array.onehot(array.full({ 4 }, j):astype "i32", { 1, 2, 3, 4, 5, 6 }) * step
    local difference = ((net:scores(x + along) - net:scores(x - along)) * w):sum(2) / (2 * step)
    lu.assertTrue((difference - gradient:slice(nil, j)):abs():max() < 5e-3)
  end
end

-- A net with a layer that does this, asked for scores, or for gradients where there is a backward.
local function asked(functions)
  functions.name = "odd"
  functions.forward = functions.forward or function(_, x) return x end
  local odd = nn.layer(functions)
  local net = nn.new { input = { 4 }, classes = { 0, 1, 2 }, nn.linear { out = 5 }, odd { name = "o" },
    nn.linear { out = 3 } }
  local x = array.rand(7, 4, { seed = 1 })
  return functions.backward and net:gradient(x, array.ones(7, 3)) or net:scores(x)
end

function TestOwnLayers.test_what_may_be_wrong_with_answers()
  local function forward(f) return { forward = f } end
  local function backward(f) return { backward = f } end
  local cases = {
    { "scores: o: forward answered nothing, expected floats: f32 or f64, (7, 5)", forward(function() end) },
    { "forward answered an array f32[3x5]", forward(function(_, x) return x:slice { 1, 3 } end) },
    { "forward answered an array i32[7x5]", forward(function(_, x) return x:gt(0) end) },
    { "forward answered 3, expected floats: f32 or f64, (7, 5); the function is at tests/lua/test_own",
      forward(function() return 3 end) },
    { "forward answered an array f32[5x7]", forward(function(_, x) return x.T end) },
    { "test_own_layers.lua:", forward(function(_, x) return x + nil end) },
    { "o: the layer written in Lua called coroutine.yield", forward(function() coroutine.yield() end) },
    { "o: the layer written in Lua raised the table", forward(function() error {} end) },
    { "self:random: kind: expected \"normal\"", forward(function(self) return self:random "cauchy" end) },
    { "gradient: o: backward answered nothing for x", backward(function() end) },
    { "o: backward answered for x 3, expected floats: f32 or f64, (7, 5); the function is at tests",
      backward(function() return 3 end) },
    { "test_own_layers.lua:", backward(function(_, x) return x + nil end) },
    { "shape: expected { channels, height, width } or { features }, whole numbers from 1 to 1048576, got "
      .. "{1, 2}", { shape = function() return { 1, 2 } end } },
    { "layer 2 (o): shape: expected", { shape = function() return 0 end } },
    { "parameters: expected a table, name = sizes, got 3", { parameters = function() return 3 end } },
    { "parameters: w: expected a list of 1 to 4 sizes", { parameters = { w = {} } } },
    { "parameters: w: initial: expected (3), got (2)", { parameters = { w = { 3, initial = { 1, 2 } } } } },
    { "parameters: w: initial: expected \"zeros\"", { parameters = { w = { 3, initial = "one" } } } },
    { "parameters: w: an initial value is NaN or infinite", { parameters = { w = { 3, initial = 0 / 0 } } } },
    { "parameters: expected a name as Lua's variables have them", { parameters = { input = { 3 } } } },
  }
  for _, case in ipairs(cases) do raises(case[1], asked, case[2]) end
  lu.assertEquals(asked { forward = function(_, x) return x:astype "f64" end }.shape, { 7, 3 })
end

function TestOwnLayers.test_what_may_be_wrong_with_definitions()
  local function defined(more)
    local definition = { name = "wrong", forward = print }
    for key, value in pairs(more) do definition[key] = value end
    return nn.layer(definition)
  end
  local cases = {
    { "nn.layer: name: expected a name as Lua's variables have them", { name = "a b" } },
    { "nn.layer: name: \"conv2d\" is a built-in layer's", { name = "conv2d" } },
    { "nn.layer: forward: expected a function(self, x)", { forward = 3 } },
    { "nn.layer: backward: expected a function(self, x, dy, y)", { backward = 3 } },
    { "nn.layer: shape: expected a function", { shape = { 3 } } },
    { "nn.layer: parameters: expected a table", { parameters = 3 } },
    { "nn.layer: unknown option 'parameter'; did you mean 'parameters'?", { parameter = {} } },
    { "nn.layer: options: p: expected a number of 4 or more, got 3", { options = { p = { 3, low = 4 } } } },
    { "nn.layer: options: p: words: a word is one of some", { options = { p = "x" } } },
    { "nn.layer: options: p: type: expected", { options = { p = { type = "cow" } } } },
    { "nn.layer: options: expected a name as Lua's variables have them", { options = { name = 3 } } },
  }
  for _, case in ipairs(cases) do raises(case[1], defined, case[2]) end
  raises("nn.layer: definition: expected a table", nn.layer, 3)
  raises("own_linear: out: expected an integer of 1 or more, got nothing", linear)
  raises("own_linear: unknown option 'ou'; did you mean 'out'?", linear, { ou = 3 })
  raises("nn.new: layers 1 and 2 are both named \"r\"", nn.new,
    { input = { 3 }, relu { name = "r" }, relu { name = "r" } })
  raises("parameters: out is an option of the layer", nn.new, { input = { 3 }, defined {
    options = { out = 3 }, parameters = { out = { 3 } } }() })
end

function TestOwnLayers.test_nets_within_layers()
  local inner = nn.new { input = { 3 }, seed = 1, linear { out = 2 }, relu() }
  local net
  local calls = nn.layer {
    name = "calls", shape = function() return 2 end,
    forward = function(_, x) return inner:forward(x) end,
    backward = function(_, x, dy) return inner:backward(x, { own_relu1 = dy }) end,
  }
  local itself = nn.layer { name = "itself", forward = function(_, x) return net:forward(x) end }
  local x, w = array.randn(4, 3, { seed = 2 }), array.ones(4, 2)
  local outer = nn.new { input = { 3 }, classes = { 0, 1 }, calls() }
  lu.assertTrue(array.equal(outer:forward(x), inner:forward(x)))
  lu.assertTrue(array.equal(outer:gradient(x, w), inner:backward(x, { own_relu1 = w })))
  local follows = nn.layer {
    name = "follows", shape = function() return 2 end,
    forward = function(_, z) return inner:forward(z) * 2 end,
  }
  local followed_one = nn.new { input = { 3 }, classes = { 0, 1 }, follows() }
  lu.assertTrue(off(followed_one:gradient(x, w), outer:gradient(x, w) * 2) < 1e-6)
  net = nn.new { input = { 3 }, itself() }
  raises("a layer's function called the net that the layer stands in", net.forward, net, x)
  local shared = coroutine.wrap(function() return outer:forward(x) end)
  lu.assertTrue(array.equal(shared(), inner:forward(x)))
end

function TestOwnLayers.test_help_of_constructors()
  local help = require "perigee.help"
  local entry = help.of(nn.layer {
    name = "told", summary = "What it is.", forward = function(_, x) return x end,
    options = { p = { 0.5, meaning = "how much" }, out = out, mode = { "a", words = { "a", "b" } } },
  })
  local text = help.text(entry, 1000)
  local parts = { "told { … }", "What it is.", "how much", "numbers or maps", '"a"|"b"', "nn.layer" }
  for _, part in ipairs(parts) do lu.assertStrContains(text, part) end
end

-- What a definition holds goes with the last net and constructor of it, once its name is another's.
function TestOwnLayers.test_definitions_are_collected()
  local held = setmetatable({}, { __mode = "k" })
  do
    local token = {}
    held[token] = true
    local kind = nn.layer { name = "passing", forward = function(_, x) return token and x end }
    local net = nn.new { input = { 2 }, kind() }
    net:forward { { 1, 2 } }
  end
  nn.layer { name = "passing", forward = function(_, x) return x end }
  for _ = 1, 4 do collectgarbage() end
  lu.assertNil(next(held))
end
