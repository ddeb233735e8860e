-- reject.preprocess: models behind functions written in Lua.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local reference = dofile "tests/lua/reference.lua"

TestPreprocess = {}

local ds = data.digits(120, { seed = 1 })
local test = data.digits(20, { seed = 2 })
local machine = svm.new({ kernel = svm.rbf(0.01), C = 10 }):fit(ds)
local net = nn.load "mnist-cnn"

local function relative(a, b) return reference.gap(a, b) / b:abs():max() end

local function smooth(x) return (x * 2):tanh() * 0.5 + x * x end
-- its derivative by hand
local function smooth_slope(x) return (((x * 2):tanh():square() * -1.0) + 1) + x * 2 end

local function quantise(x) return (x * 7):round() / 7 end

-- ---- Scores and gradients -------------------------------------------------------------------------

function TestPreprocess.test_scores_and_gradient()
  local model = reject.preprocess(machine, smooth)
  local y, w = smooth(test.x), array.randn(#test, 10, { seed = 1 })
  lu.assertEquals(reference.gap(model:scores(test), machine:scores(y)), 0)
  lu.assertTrue(model:predict(test):eq(machine:predict(y)):all())
  lu.assertTrue(relative(model:gradient(test, w), machine:gradient(y, w) * smooth_slope(test.x)) < 1e-5)
  lu.assertTrue(reject.check(model, test).ok)
  lu.assertEquals(model.gradient_is, nil)
  lu.assertEquals({ model.kind, model.classes, model.rejects, model.features },
    { "preprocess", machine.classes, false, 784 })
  lu.assertTrue(model.model == machine and model.f == smooth)
  lu.assertStrContains(tostring(model), "preprocess of svm rbf(gamma 0.01)")
end

-- Another number of features; rows in the shape of images; one sample.
function TestPreprocess.test_shapes()
  local W = array.randn(784, 30, { seed = 1 }) / 28
  local inner = svm.new({ kernel = svm.rbf(0.1), C = 10 })
  local model = reject.preprocess(inner, function(x) return x:matmul(W):tanh() end)
  lu.assertEquals(#model.classes, 0)
  raises("is not fitted yet", model.scores, model, test)
  lu.assertIs(model:fit(ds), model)
  lu.assertEquals(inner.features, 30)
  lu.assertTrue(reject.check(model, test).ok)
  local flipped = reject.preprocess(net, function(x) return x:reshape(#x, 1, 28, 28) * 1.0 end)
  lu.assertEquals(reference.gap(flipped:scores(test), net:scores(test)), 0)
  local w = array.randn(10, { seed = 1 })
  lu.assertTrue(relative(flipped:gradient(test, w), net:gradient(test, w)) < 1e-6)
  lu.assertEquals(reference.gap(flipped:scores(test.x[1]), net:scores(test.x[1])), 0)
  lu.assertEquals(flipped:scores(array.zeros(0, 784)).shape, { 0, 10 })
end

function TestPreprocess.test_straight_through()
  local model = reject.preprocess(net, grad.straight_through(quantise))
  local w = array.randn(#test, 10, { seed = 1 })
  lu.assertEquals(model.gradient_is, "surrogate")
  lu.assertEquals(reference.gap(model:gradient(test, w), net:gradient(quantise(test.x), w)), 0)
  -- inside a function of one's own as well, and by hand
  local through = grad.straight_through(quantise)
  local inside = reject.preprocess(net, function(x) return through(x):clip(0, 1) end)
  lu.assertEquals(inside.gradient_is, "surrogate")
  local by_hand = reject.preprocess(net, quantise, {
    gradient = function(_, dy) return dy end, gradient_is = "surrogate",
  })
  lu.assertEquals(by_hand.gradient_is, "surrogate")
  lu.assertEquals(reference.gap(by_hand:gradient(test, w), model:gradient(test, w)), 0)
end

-- A kernel-made ascent, a threshold and options go through; so does the way in two calls.
function TestPreprocess.test_around_a_dnr_and_inside_one()
  local defence, x = reference.dnr(), reference.test().x:slice { 1, 8 }
  local function half(points) return points * 0.5 end
  local model = reject.preprocess(defence, half)
  local w = array.randn(8, 6, { seed = 1 })
  lu.assertTrue(relative(model:gradient(x, w), defence:gradient(x * 0.5, w) * 0.5) < 1e-6)
  lu.assertTrue(model.rejects)
  model.threshold = 0.3
  lu.assertEquals(defence.threshold, 0.3)
  lu.assertAlmostEquals(model:threshold_for(0.5, x), defence:threshold_for(0.5, x * 0.5), 1e-6)
  lu.assertEquals(model:with({ ["combiner.kernel.gamma"] = 0.5 }):get "combiner.kernel.gamma", 0.5)
  lu.assertEquals(defence:get "combiner.kernel.gamma", 1)
  -- as a layer's classifier: the same as the whole of one whose kernel is wider
  local scaled = svm.from { sv = defence.relu2.sv * 2, alpha = defence.relu2.alpha, b = defence.relu2.b,
    classes = { 0, 1, 2, 3, 4 }, kernel = svm.rbf(0.05 / 4) }
  local around = dnr.new {
    net = defence.net, layers = defence.layers, combiner = defence.combiner, threshold = 0.3,
    layer_classifiers = { relu1 = defence.relu1, relu3 = defence.relu3,
      relu2 = reject.preprocess(scaled, function(z) return z * 2 end) },
  }
  lu.assertTrue(relative(around:scores(x), defence:scores(x)) < 1e-5)
  lu.assertTrue(relative(around:gradient(x, w), defence:gradient(x, w)) < 1e-4)
end

-- attack.auto takes its parts by the machine that decides, and the log direction is the inner one's.
function TestPreprocess.test_attacks()
  local defence, some = reference.dnr(), reference.test():slice(1, 6)
  local same = reject.preprocess(defence, function(x) return x * 1.0 end)
  for _, attacker in ipairs {
    attack.pgd { norm = "l2", dmax = 0.6, max_iter = 5, direction = "log" },
    attack.auto { norm = "l2", dmax = 0.6, quick = true },
  } do
    local expected, found = attacker:run(some, { model = defence }), attacker:run(some, { model = same })
    lu.assertTrue(reference.gap(found.x_adv, expected.x_adv) < 1e-5)
    lu.assertEquals(found.verdict, expected.verdict)
  end
  lu.assertEquals(#attack.auto({ model = same, norm = "l2" }), #attack.auto { model = defence, norm = "l2" })
end

-- The quantiser hides nothing from who takes the gradient straight through it; without that there is none.
function TestPreprocess.test_a_quantiser_falls()
  local pgd = attack.pgd { norm = "l2", dmax = 1.5, max_iter = 20, eta = 0.2 }
  local function evaded(model) return pgd:run(test, { model = model }):counts().evaded end
  local bare = evaded(net)
  lu.assertTrue(bare >= 15)
  lu.assertTrue(evaded(reject.preprocess(net, grad.straight_through(quantise))) >= bare - 2)
  local by_steps = reject.preprocess(net, quantise, { gradient_is = "surrogate" })
  lu.assertEquals(evaded(by_steps), 0)
  local diagnosis = evaluate.diagnose { model = reject.preprocess(net, grad.straight_through(quantise)),
    data = test:slice(1, 6), norm = "l2", dmax = 1, budget = 2000 }
  lu.assertEquals(diagnosis.indicators.wrong_gradient.reason, "its gradient is said to be a surrogate")
end

-- Four grey values: a move of less than a sixth changes nothing, and what descents spread over all features
-- is less. Equal moves of few features cross the edges; attack.auto has them where gradients are surrogates.
function TestPreprocess.test_coarse_stairs()
  local function coarse(x) return (x * 3):round() / 3 end
  local model = reject.preprocess(net, grad.straight_through(coarse))
  local options = { model = model, norm = "l2", dmax = 1 }
  local stairs, pgd = attack.stairs(options):run(test), attack.pgd(options):run(test)
  lu.assertTrue(stairs:counts().evaded >= pgd:counts().evaded + 4)
  lu.assertTrue(stairs.distance:max() <= 1)
  lu.assertTrue(stairs:counts().evaded >= attack.auto({ model = net, norm = "l2", dmax = 1 }):run(test)
    :counts().evaded - 1)
  local names = {}
  for i, part in ipairs(attack.auto(options)) do names[i] = part.name end
  lu.assertEquals(names, { "halving", "stairs", "apgd", "apgd", "fmn", "square" })
end

-- ---- As other models ------------------------------------------------------------------------------

function TestPreprocess.test_copies_and_files()
  local model = reject.preprocess(machine, smooth)
  local copy = model:clone()
  lu.assertEquals(#copy.classes, 0)
  copy:fit(ds)
  lu.assertEquals(copy.model.features, 784)
  lu.assertFalse(copy.model == machine)
  lu.assertTrue(copy.f == smooth)
  local path = os.tmpname()
  raises("preprocess:save: a preprocess has a function written in Lua, which no file holds", model.save,
    model, path)
  raises("written in Lua", function() reject.new({ model = model }):save(path) end)
  os.remove(path)
  local inner = { classes = { 0, 1 }, features = 2 }
  function inner.scores(_, x) return array.stack({ x:sum(2), x:sum(2) * -1.0 }, 2) end
  function inner.gradient(_, _, w)
    local slope = w:slice(nil, { 1, 1 }) - w:slice(nil, { 2, 2 })
    return array.concatenate({ slope, slope }, 2)
  end
  local around = reject.preprocess(inner, function(x) return x * x end)
  lu.assertTrue(around.model == inner)
  lu.assertEquals(around:gradient({ { 1, 3 } }, { 1, 0 }):totable(), { { 2, 6 } })
  -- one behind another
  local twice = reject.preprocess(around, function(x) return x + 1 end)
  lu.assertEquals(twice:gradient({ { 1, 3 } }, { 1, 0 }):totable(), { { 4, 8 } })
end

function TestPreprocess.test_hostile_functions()
  local function asked(f)
    local model = reject.preprocess(machine, f)
    return function() return model:scores(test) end
  end
  raises("preprocess:scores: the function of a preprocess answered (3, 784), expected (20, …)",
    asked(function(x) return x:slice { 1, 3 } end))
  raises("answered (), expected (20, …)", asked(function() return 1 end))
  raises("got nothing", asked(function() end))
  raises("expected floats: f32 or f64", asked(function(x) return x:gt(0) end))
  raises("samples have 3 features, the svm takes 784", asked(function(x) return x:slice(nil, { 1, 3 }) end))
  raises("test_preprocess.lua:", asked(function() error "mine" end))
  raises("raised the table", asked(function() error {} end))
  raises("called coroutine.yield", asked(function() coroutine.yield() end))
  raises("read-only", asked(function(x) return x:fill(0) end))
  local model
  model = reject.preprocess(svm.new({ kernel = svm.rbf(0.1) }):fit(ds), function(x)
    model.model:fit(data.digits(30, { seed = 1, classes = { 1, 2 } }))
    return x * 1.0
  end)
  raises("svm:fit: this svm is being used: what it calls cannot train it", model.scores, model, test)
  local within = reject.preprocess(machine, function(x) return model:scores(x) end)
  model = reject.preprocess(svm.new(), function(x) return model:fit(ds) and within:scores(x) end)
  local ok, message = pcall(model.fit, model, ds)
  lu.assertFalse(ok)
  local says = "the function of a preprocess called the preprocess that it stands in"
  lu.assertEquals(select(2, message:gsub(says, "")), 1, message)
  lu.assertTrue(#message < 200, message)
  raises(says, model.fit, model, ds) -- and it is no more taken to run
  local unclear = reject.preprocess(machine, smooth, { gradient = function() return array.zeros(1, 2) end })
  raises("the gradient of a preprocess answered (1, 2), expected (20, 784)", unclear.gradient, unclear, test,
    array.ones(10))
  local nan = reject.preprocess(machine, function(x) return x / 0 * 0 end)
  raises("are not all numbers", nan.predict, nan, test)
end

function TestPreprocess.test_arguments()
  raises("reject.preprocess: model: expected a model, got 3", reject.preprocess, 3, smooth)
  raises("reject.preprocess: f: expected a function of x, got nothing", reject.preprocess, machine)
  raises("unknown option 'gradients'", reject.preprocess, machine, smooth, { gradients = 1 })
  raises('gradient_is: expected "surrogate" or nothing', reject.preprocess, machine, smooth,
    { gradient_is = "true" })
  raises("gradient: expected a function of x and dy", reject.preprocess, machine, smooth, { gradient = 1 })
  raises("features: expected an integer of 1 or more", reject.preprocess, machine, smooth, { features = 0 })
end
