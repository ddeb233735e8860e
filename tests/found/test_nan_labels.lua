-- Never a confident label for a NaN: every layer, step, kernel and model hands a NaN in a sample on to its
-- scores, so that predict refuses the sample; measures and attacks say so too. What stands beside it has the
-- answers it has alone. (Max pooling passed over a NaN: the net knew the digit.)

local lu = require "luaunit"
local native = require "perigee.native"

TestNanLabels = {}

local y = array.rand(40, { seed = 1 }):gt(0.5)
local ds = data.new { x = array.rand(40, 16, { seed = 1 }), y = y, shape = { 1, 4, 4 } }
local BAD = 2 -- the sample with the NaN

-- The names of what the program knows of such: described(of) of constructors.
local function every(is)
  local names = {}
  for _, name in ipairs(native.described()) do
    local said = native.described(name)
    if is(said) then names[#names + 1] = name end
  end
  return names
end

-- Four samples; the second has a NaN at this feature, or at all.
local function samples(at)
  local x = ds.x:slice { 1, 4 }:copy()
  if at then x:set(0 / 0, BAD, at) else x[BAD]:fill(0 / 0) end
  return x
end

local function check(name, model)
  local plain = model:scores(ds.x:slice { 1, 4 })
  for _, at in ipairs { 1, 7, 16, false } do
    local x = samples(at)
    local scores = model:scores(x)
    local columns = #model.classes
    lu.assertTrue(scores[BAD]:slice { 1, columns }:isnan():all(), name .. ": scores")
    for _, i in ipairs { 1, 3, 4 } do
      local alone = plain[i]:slice { 1, columns }
      lu.assertTrue(scores[i]:slice({ 1, columns }):equal(alone), name .. ": beside it")
    end
    local ok, message = pcall(model.predict, model, x)
    lu.assertFalse(ok, name .. ": predict")
    lu.assertStrContains(message, "the scores of sample 2 are not all numbers, so it has no label")
    local bad = data.new { x = x, y = ds.y:slice { 1, 4 }, shape = ds.shape }
    lu.assertFalse(pcall(metrics.accuracy, model, bad), name)
  end
end

local function net_with(layers)
  table.move({ nn.flatten(), nn.linear { out = 2 } }, 1, 2, #layers + 1, layers)
  return nn.new { input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1, table.unpack(layers) }
end

-- How a layer is made where its name alone does not say it.
local made = {
  conv2d = function() return nn.conv2d { out = 2, kernel = 3, padding = 1 } end,
  linear = function() return nn.sequence { nn.flatten(), nn.linear { out = 3 } } end,
  maxpool = function() return nn.maxpool { kernel = 2 } end,
  avgpool = function() return nn.avgpool { kernel = 2 } end,
  normalise = function() return nn.normalise { mean = { 0.5 }, std = { 0.5 } } end,
  sequence = function() return nn.sequence { nn.relu(), nn.maxpool { kernel = 2 } } end,
  residual = function() return nn.residual { nn.relu(), nn.tanh() } end,
}

function TestNanLabels:test_every_layer()
  local names = every(function(said) return (said.gives or ""):find "layer's description" end)
  lu.assertTrue(#names > 15)
  for _, full in ipairs(names) do
    local name = full:match "[%w_]+$"
    check(name, net_with { (made[name] or nn[name])() })
  end
  check("layer", net_with { nn.layer { name = "half_of", forward = function(_, x) return x * 0.5 end }() })
end

-- The slope goes to the NaN, the largest of its window, as in PyTorch.
function TestNanLabels:test_slopes_under_a_window()
  local net = net_with { nn.maxpool { kernel = 2 } }
  local slopes = net:gradient(samples(7), array.ones(4, 2))[BAD]:reshape(4, 4):slice({ 1, 2 }, { 3, 4 })
  lu.assertEquals(slopes:ne(0):totable(), { { 0, 0 }, { 1, 0 } })
end

-- Kernels with parameters that keep the distances' slopes from vanishing.
function TestNanLabels:test_every_kernel_and_step()
  local kernels = every(function(said) return said.result == "kernel" end)
  local steps = every(function(said) return said.result == "step" end)
  lu.assertTrue(#kernels >= 3 and #steps >= 4)
  for _, name in ipairs(kernels) do
    check(name, svm.new { kernel = svm[name:match "[%w_]+$"]() }:fit(ds))
  end
  for _, name in ipairs(steps) do
    local step = classic[name:match "[%w_]+$"]()
    for _, model in ipairs { classic.knn(), classic.logistic(), svm.new { kernel = svm.rbf(1) } } do
      check(name, classic.pipeline { step, model }:fit(ds))
    end
  end
end

local function trained()
  local net = net_with { nn.conv2d { out = 2, kernel = 3, name = "c" }, nn.relu { name = "f" } }
  nn.train(net, ds, { epochs = 1, seed = 1 })
  return net
end

function TestNanLabels:test_every_model()
  local net, rbf = trained(), svm.new { kernel = svm.rbf(1) }
  local models = {
    net = net, knn = classic.knn():fit(ds), distance = classic.knn { weights = "distance" }:fit(ds),
    logistic = classic.logistic():fit(ds), svm = svm.new():fit(ds),
    nr = reject.new { model = net, threshold = 0 },
    dnr = dnr.new { net = net, layers = { "c", "f" }, layer_classifier = rbf, combiner = rbf }:fit(ds),
    layer = reject.layer { net = net, layer = "f", classifier = classic.knn() }:fit(ds),
    preprocess = reject.preprocess(net, function(x) return x:clip(0, 1) end),
    confidence = reject.confidence { model = net, threshold = -9 }, energy = reject.energy { model = net },
    density = reject.density { net = net, layer = "f" }:fit(ds),
    mahalanobis = reject.mahalanobis { net = net, layers = { "f" } }:fit(ds),
    squeeze = reject.squeeze { model = net, threshold = -9 },
    lua = { classes = { 0, 1 }, scores = function(_, x) return net:scores(x) end },
  }
  for name, model in pairs(models) do
    check(name, name == "lua" and reject.new { model = model } or model)
  end
end

-- Attacks refuse the sample by its bounds. One whose scores alone are NaN has failed, unlike its neighbours.
function TestNanLabels:test_attacks()
  local net = trained()
  local bad = data.new { x = samples(7), y = y:slice { 1, 4 }, shape = ds.shape }
  local fine = ds:slice(1, 4)
  local marked = fine.x:at(BAD, 1)
  local unsure = { classes = { 0, 1 }, scores = function(_, x)
    return array.where(x:slice(nil, { 1, 1 }):eq(marked), 0 / 0, net:scores(x))
  end }
  for _, name in ipairs { "pgd", "pgd_exp", "fmn", "square", "apgd" } do
    local one = attack[name] { model = net, norm = "l2", dmax = 0.5, max_iter = 4 }
    local ok, message = pcall(one.run, one, bad)
    lu.assertFalse(ok, name)
    lu.assertStrContains(message, "sample 2: feature 7 is nan, outside the bounds 0 … 1")
  end
  local result = attack.square { model = unsure, norm = "l2", dmax = 0.5, max_iter = 4, seed = 1 }:run(fine)
  lu.assertEquals(result.verdict[BAD], "failed")
  lu.assertTrue(result.label[BAD] < -1)
  for _, i in ipairs { 1, 3, 4 } do lu.assertNotEquals(result.verdict[i], "failed") end
end

-- Nothing learns from one.
function TestNanLabels:test_fits()
  local x = ds.x:copy()
  x:set(0 / 0, BAD, 7)
  local bad = data.new { x = x, y = y, shape = ds.shape }
  local net, rbf = trained(), svm.new { kernel = svm.rbf(1) }
  for name, model in pairs {
    svm = rbf, linear = svm.new { kernel = svm.linear() },
    knn = classic.knn { k = 1 }, logistic = classic.logistic(),
    pipeline = classic.pipeline { classic.minmax(), classic.knn { k = 1 } },
    dnr = dnr.new { net = net, layers = { "f" }, layer_classifier = rbf, combiner = rbf },
    layer = reject.layer { net = net, layer = "f", classifier = classic.knn { k = 1 } },
    density = reject.density { net = net, layer = "f", bandwidth = 1 },
    mahalanobis = reject.mahalanobis { net = net, layers = { "f" } },
  } do
    local ok, message = pcall(model.fit, model, bad)
    lu.assertFalse(ok, name)
    lu.assertNotNil(message:find "[Nn]a[Nn]" or message:find "no finite number", name .. ": " .. message)
  end
end
