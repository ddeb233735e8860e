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
  local first = pgd:run(test)
  lu.assertEquals(first.evaluations.scores:totable(), pgd:run(test).evaluations.scores:totable())
end

function TestWrongGradients:test_errors()
  lu.assertErrorMsgContains("reject.check: model: expected a model with scores and gradient, got 3",
    reject.check, 3, test)
  lu.assertErrorMsgContains("reject.check: x: expected samples", reject.check, net)
  lu.assertErrorMsgContains("test_wrong_gradients.lua:", function() attack.pgd({ dmax = 1 }):run(test) end)
end
