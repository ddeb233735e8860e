-- A model written in Lua whose gradient is wrong read as a robust one: nobody said that the attack was blind.

local lu = require "luaunit"

TestWrongGradients = {}

local digits = data.digits(300, { seed = 1 })
local net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten(), nn.linear { out = 20 }, nn.relu(),
  nn.linear { out = 10 } }
net:fit(digits, { epochs = 3 })
local test = digits:slice(1, 20)

-- The net, with something done to its gradient.
local function model_with(change, more)
  local model = { classes = net.classes, features = 784 }
  function model.scores(_, x) return net:scores(x) end
  function model.gradient(_, x, w) return change(net:gradient(x, w)) end
  for key, value in pairs(more or {}) do model[key] = value end
  return model
end

-- What a run on the model says on stderr.
local function said(model, options)
  local path = os.tmpname()
  local before = io.stderr
  local own = require "perigee.own"
  own.io.stderr = assert(io.open(path, "w"))
  local ok, message = pcall(function() return attack.pgd({ dmax = 0.5, max_iter = 3 }):run(test, options or
    { model = model }) end)
  own.io.stderr:close()
  own.io.stderr = before
  lu.assertTrue(ok, message)
  local file <close> = assert(io.open(path))
  os.remove(path)
  return file:read "a"
end

function TestWrongGradients:test_right_ones()
  lu.assertEquals(said(model_with(function(g) return g end)), "")
  for _, model in ipairs { net, svm.new { kernel = svm.rbf(0.01) }:fit(digits), reject.new { model = net },
    model_with(function(g) return g end) } do
    local found = reject.check(model, test)
    lu.assertTrue(found.ok and not found.flat and found.error < 0.05, tostring(found))
    lu.assertStrContains(tostring(found), "agrees")
  end
end

-- The net behind a function of the pixels, and that function's slope.
local function net_of(f, slope)
  return model_with(nil, {
    scores = function(_, x) return net:scores(f(x)) end,
    gradient = function(_, x, w) return net:gradient(f(x), w) * slope(x) end,
  })
end

-- Right ones that were taken for wrong or flat: bounds, logarithms, large and hardly moving numbers.
function TestWrongGradients:test_right_ones_that_are_hard_to_see()
  local function clip(x) return x:clip(0, 1) end
  local large = data.new { x = digits.x * 1e6, y = digits.y }
  for name, case in pairs {
    closed = { net_of(clip, function(x) return x:ge(0) * x:le(1) end) },
    open = { net_of(clip, function(x) return x:gt(0) * x:lt(1) end) },
    log = { net_of(function(x) return array.log(x + 1e-4) end, function(x) return 1 / (x + 1e-4) end) },
    large = { net_of(function(x) return x * 1e-6 end, function() return 1e-6 end), large },
    narrow = { svm.new({ kernel = svm.rbf(10) }):fit(digits) },
    constant = { net, array.ones(2, 784) / 2 },
    one = { net, digits.x[1] },
  } do
    local found = reject.check(case[1], case[2] or test)
    lu.assertTrue(found.ok and not found.flat and found.error < 0.1, name .. ": " .. tostring(found))
  end
  local hardly = model_with(function(g) return g * 1e-9 end, {
    scores = function(_, x) return net:scores(x) * 1e-9 + 1 end,
  })
  lu.assertTrue(reject.check(hardly, test).unchecked)
  lu.assertStrContains(said(hardly), "could not be checked")
end

function TestWrongGradients:test_a_second_mistake_is_told()
  local model = model_with(function(g) return -g end)
  lu.assertStrContains(said(model), "off by 2")
  function model.gradient(_, x, w) return net:gradient(x, w) * 0 end
  lu.assertStrContains(said(model), "off by 1")
  lu.assertEquals(said(model), "")
end

function TestWrongGradients:test_wrong_ones()
  for name, change in pairs {
    negated = function(g) return -g end, zero = function(g) return g * 0 end,
    shuffled = function(g) return g:reshape(-1, 28, 28):transpose(1, 3, 2):reshape(-1, 784) end,
    doubled = function(g) return g * 2 end,
  } do
    local model = model_with(change)
    local found = reject.check(model, test)
    lu.assertFalse(found.ok, name)
    lu.assertTrue(found.error > 0.3, name)
    lu.assertStrContains(said(model), "the gradient is not that of the scores")
    lu.assertEquals(said(model), "", "once: " .. name)
  end
  local surrogate = model_with(function(g) return -g end, { gradient_is = "surrogate" })
  lu.assertEquals(said(surrogate), "")
end

function TestWrongGradients:test_random_and_flat()
  local calls = 0
  local random = model_with(function(g) return g end)
  function random.scores(_, x)
    calls = calls + 1
    return net:scores(x) + calls * 1e-3
  end
  lu.assertTrue(reject.check(random, test).random)
  lu.assertStrContains(said(random), "the model is random")
  local flat = model_with(function(g) return g * 0 end)
  function flat.scores(_, x) return net:scores(x) * 0 + 1 end
  local found = reject.check(flat, test)
  lu.assertTrue(found.flat and found.ok)
  lu.assertStrContains(said(flat), "flat")
end

function TestWrongGradients:test_is_not_counted()
  local rows = 0
  local model = model_with(function(g) return g end)
  local scores = model.scores
  function model.scores(own, x)
    rows = rows + #x
    return scores(own, x)
  end
  local pgd = attack.pgd { model = model, dmax = 0.5, max_iter = 3 }
  local first, asked = pgd:run(test), rows
  local second = pgd:run(test)
  lu.assertEquals(first.evaluations.scores:totable(), second.evaluations.scores:totable())
  lu.assertTrue(asked > rows - asked, "the first run looks")
  lu.assertTrue(rows - asked >= second.evaluations.scores:sum())
end

-- Those of parts: nobody looked at a box that held such a model.
function TestWrongGradients:test_parts()
  local few = data.digits(60, { seed = 2 })
  local part = model_with(function(g) return g end)
  local ones = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten(), nn.linear { out = 10, name = "a" },
    nn.linear { out = 10 } }
  ones:fit(few, { epochs = 1 })
  local W = array.randn(10, 10, { seed = 1 })
  local top = { classes = few.classes, scores = function(_, x) return x:matmul(W) end }
  local right = function(_, _, w) return w:matmul(W.T) end
  local wrong = function(_, _, w) return -w:matmul(W.T) end
  local onto = svm.from {
    sv = array.eye(10), alpha = array.eye(10), b = array.zeros(10), classes = few.classes,
    kernel = svm.linear(),
  }
  top.gradient = wrong
  local function layer() return reject.layer { net = ones, layer = "a", classifier = top } end
  for kind, model in pairs {
    nr = reject.new { model = part, threshold = -100 }, layer = layer(),
    dnr = dnr.new { net = ones, layers = { "a" }, layer_classifiers = { a = top }, combiner = onto },
  } do
    part.gradient = function(_, x, w) return -net:gradient(x, w) end
    top.gradient = wrong
    lu.assertStrContains(said(model), ("this %s, with a part written in Lua: the gradient is"):format(kind))
    lu.assertEquals(said(model), "", "once: " .. kind)
    part.gradient = function(_, x, w) return net:gradient(x, w) end
    top.gradient = right
    lu.assertEquals(said(model), "", "a right one: " .. kind)
  end
  top.gradient = wrong
  lu.assertStrContains(said(reject.new { model = layer(), threshold = -100 }), "this nr, with a part")
  local combined = dnr.new { net = ones, layers = { "a" }, layer_classifiers = { a = onto }, combiner = top }
  lu.assertStrContains(said(combined), "this dnr, with a part")
  top.gradient_is = "surrogate"
  lu.assertEquals(said(layer()), "")
end

function TestWrongGradients:test_errors()
  lu.assertErrorMsgContains("reject.check: model: expected a model with scores and gradient, got 3",
    reject.check, 3, test)
  for _, x in ipairs { "foo", 3, {}, array.zeros(0, 784) } do
    lu.assertErrorMsgContains("reject.check: x: expected samples", reject.check, net, x)
  end
  lu.assertErrorMsgContains("reject.check: x: expected samples", reject.check, net)
  lu.assertErrorMsgContains("test_wrong_gradients.lua:", function() attack.pgd({ dmax = 1 }):run(test) end)
end
