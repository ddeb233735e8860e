-- Between grad.vjp and pull something was written into that the way back reads, or a model was trained: the
-- gradient was another's, and nobody said so.

local lu = require "luaunit"

TestStaleGradients = {}

local w = array.ones(3)

local function stale(words, pull, weights)
  local ok, message = pcall(pull, weights)
  lu.assertFalse(ok, "it was not refused: " .. words)
  lu.assertStrContains(message, words)
end

-- What happens to x, a constant and y after it was recorded.
local function written(f, change)
  local x, constant = array.new { 1, 2, 3 }, array.new { 4, 5, 6 }
  local y, pull = grad.vjp(function(v) return f(v, constant) end, x)
  change(x, constant, y)
  return pull
end

function TestStaleGradients:test_what_is_needed_was_written_into()
  local function square(v) return v:square() end
  for name, write in pairs {
    add_ = function(x) x:add_(1) end, set = function(x) x:set(9, 1) end, fill = function(x) x:fill(2) end,
    element = function(x) x[1] = 5 end, rows = function(x) x[{ 1, 2 }] = 5 end,
    put = function(x) x:put({ 1 }, { 7 }) end, clip_ = function(x) x:clip_(0, 1) end,
    view = function(x) x:slice { 1, 2 }:mul_(2) end, assign = function(x) x:assign { 1, 1, 1 } end,
  } do
    local ok, message = pcall(written(square, write), w)
    lu.assertFalse(ok, name)
    lu.assertStrContains(message, "the gradient of square (")
    lu.assertStrContains(message, "an array whose numbers it needs was written into")
  end
  local function product(v, constant) return v * constant end
  stale("the gradient of mul (", written(product, function(_, constant) constant[1] = 0 end), w)
  stale("the gradient of exp (", written(function(v) return v:exp() end, function(_, _, y) y:fill(0) end), w)
  stale("the gradient of straight_through", written(grad.straight_through(function(v) return v:round() end,
    function(dy, x) return dy * x end), function(x) x:fill(0) end), w)
end

function TestStaleGradients:test_what_is_not_needed_may_be_written_into()
  local function everywhere(x, constant, y)
    x:add_(1)
    constant:fill(0)
    y:fill(0)
  end
  local function sum(v, constant) return v + constant end
  lu.assertEquals(written(sum, everywhere)(w):totable(), { 1, 1, 1 })
  local pull = written(function(v, constant) return v * constant end, function(x, constant, y)
    x:add_(1) -- no constant was traced: the product needs these alone
    y:fill(0)
    lu.assertEquals(constant:sum() + constant[1] + constant:slice({ 1, 2 }):max() + #constant:totable(), 27.0)
  end)
  lu.assertEquals(pull(w):totable(), { 4, 5, 6 })
  lu.assertEquals(written(grad.straight_through(function(v) return v:round() end), everywhere)(w):totable(),
    { 1, 1, 1 })
end

local few = data.new { x = array.rand(40, 2, { seed = 1 }), y = array.rand(40, 2, { seed = 1 }):sum(2):gt(1) }

local function new_net()
  return nn.new { input = { 2 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 4, name = "a" }, nn.relu {},
    nn.linear { out = 2 } }
end

local function new_svm() return svm.new { kernel = svm.rbf(1) }:fit(few) end

local function scored(model)
  return select(2, grad.vjp(function(v) return model:scores(v) end, few.x[{ 1, 3 }]))
end

-- Each: a model, what changes it, and its name in the complaint.
local function changes()
  local net, machine, other = new_net(), new_svm(), new_net()
  local defence = dnr.new { net = other, layers = { "a" }, layer_classifier = svm.new {},
    combiner = svm.new {} }:fit(few)
  local path = os.tmpname()
  net:save(path)
  local function train(which) return function() which:fit(few, { epochs = 1 }) end end
  local linear = svm.kernel { function(a, s) return a:matmul(s.T) end }
  local own = svm.new { kernel = linear }:fit(few)
  return {
    { "net", net, train(net) }, { "net", net, function()
      net:load_weights(path)
      os.remove(path)
    end },
    { "svm", machine, function() machine:fit(few) end },
    { "svm", own, function()
      own:set { kernel = svm.rbf(1) }
      own:fit(few)
    end },
    { "nr", reject.new { model = machine, threshold = 0 }, function() machine:fit(few) end },
    { "dnr", defence, function() defence:fit(few) end }, { "dnr", defence, function()
      defence.combiner:fit(data.new { x = array.rand(8, 2), y = few.y[{ 1, 8 }] })
    end },
    { "dnr", defence, train(other) }, -- and answers no more
  }
end

function TestStaleGradients:test_a_model_was_trained()
  for _, change in ipairs(changes()) do
    local name, model, train = table.unpack(change)
    local weights = array.ones(3, #model.classes + (model.rejects and 1 or 0))
    local pull <close> = scored(model)
    lu.assertEquals(pull(weights).shape, { 3, 2 })
    train()
    stale("this " .. name .. " was trained or changed", pull, weights)
  end
  local net = new_net()
  local _, pull = grad.vjp(function(v) return net:forward(v, "a") end, few.x[{ 1, 3 }])
  net:fit(few, { epochs = 1 })
  stale("the gradient of forward (", pull, array.ones(3, 4))
  stale("this net was trained", function()
    grad.value(function(v)
      local y = net:scores(v):sum()
      net:fit(few, { epochs = 1 })
      return y
    end, few.x)
  end)
end

-- What its gradient does not depend on: a threshold, options of the next fit.
function TestStaleGradients:test_what_does_not_count()
  local machine = new_svm()
  local model = reject.new { model = machine, threshold = 0 }
  local pull = scored(model)
  local g = pull(array.ones(3, 3))
  model.threshold = 0.3
  machine:set { ["kernel.gamma"] = 30, C = 5 }
  lu.assertTrue(array.equal(pull(array.ones(3, 3)), g))
end

-- The samples themselves are shared as well.
function TestStaleGradients:test_the_samples_of_a_model_were_written_into()
  local net, x = new_net(), few.x[{ 1, 3 }]:copy()
  local y, pull = grad.vjp(function(v) return net:scores(v) end, x)
  x:fill(0)
  stale("the gradient of scores (", pull, y)
  y, pull = grad.vjp(function(v) return net:forward(v, "a") end, x)
  x:fill(1)
  stale("the gradient of forward (", pull, y)
end
