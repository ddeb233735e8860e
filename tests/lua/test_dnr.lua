-- DNR in Lua: the reference, parts of any kind, hyperparameters, files, messages, the tutorial's DNR.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local reference = dofile "tests/lua/reference.lua"

TestDnr = {}

function TestDnr.test_reference_from_coefficients()
  local defence, test = reference.dnr(), reference.test()
  local expected = reference.array("dnr", "scores")
  local scores = defence:scores(test)
  lu.assertTrue(reference.gap(scores, expected) < 1e-4 * expected:abs():max())
  local labels = reference.array("dnr", "y_pred")
  lu.assertEquals(reference.differing(scores, defence:predict(test), labels, 1e-4), 0)
  local layer_scores = reference.array("dnr", "layer_scores")
  lu.assertTrue(reference.gap(defence:layer_scores(test), layer_scores) < 1e-4 * layer_scores:abs():max())
  local gradient = reference.array("dnr", "gradient")
  local mine = defence:gradient(test.x:slice({ 1, #gradient }), reference.array("dnr", "grad_w"))
  lu.assertTrue(reference.gap(mine, gradient) < 1e-4 * gradient:abs():max())
end

function TestDnr.test_reference_trained_by_us()
  local defence, test = reference.untrained_dnr(), reference.test()
  lu.assertIs(defence:fit(reference.train(), { folds = reference.array("dnr", "fold") }), defence)
  defence.threshold = defence:threshold_for(0.1, test)
  lu.assertAlmostEquals(defence.threshold, reference.threshold, 1e-3)
  local scores = defence:scores(test)
  lu.assertTrue(reference.gap(scores, reference.array("dnr", "scores")) < 3e-3)
  local labels = reference.array("dnr", "y_pred")
  lu.assertEquals(reference.differing(scores, defence:predict(test), labels, 3e-3), 0)
  lu.assertEquals(metrics.counts(defence, test).rejected, 12)
end

function TestDnr.test_folds()
  local train, test = reference.train(), reference.test()
  local a, b = reference.untrained_dnr(), reference.untrained_dnr()
  a:fit(train, { folds = 3, seed = 5 })
  b:fit(train, { folds = 3, seed = 5 })
  lu.assertEquals(reference.gap(a:scores(test), b:scores(test)), 0)
  b:fit(train, { folds = 3, seed = 6 })
  lu.assertTrue(reference.gap(a:scores(test), b:scores(test)) > 0)
  -- folds may be numbered from 1, and come as a list
  local fold = reference.array("dnr", "fold")
  a:fit(train, { folds = fold })
  b:fit(train, { folds = (fold + 1):totable() })
  lu.assertEquals(reference.gap(a:scores(test), b:scores(test)), 0)
  raises("folds is (3,), expected one fold for each of 300 samples", a.fit, a, train, { folds = { 1, 2, 3 } })
  raises("folds: expected an integer from 2 to 300, got 1", a.fit, a, train, { folds = 1 })
  raises("unknown option 'fold'; did you mean 'folds'?", a.fit, a, train, { fold = 5 })
  raises("fit: ds: expected a dataset", a.fit, a, train.x)
end

-- Each part's scores stand behind those of the layers before it, however many classes these know.
function TestDnr.test_layers_of_other_classes()
  local x = array.rand(30, 2, { seed = 1 })
  local net = nn.new { input = 2, classes = { 1, 7 }, seed = 1,
    nn.linear { out = 3, name = "first" }, nn.linear { out = 2, name = "second" } }
  local function of(layer, classes)
    return data.new { x = net:forward(x, layer), y = array.arange(30) % classes }
  end
  local first = svm.new({ kernel = svm.rbf(1) }):fit(of("first", 2))
  local second = svm.new({ kernel = svm.rbf(1) }):fit(of("second", 3))
  local expected = array.concatenate({ first:scores(of("first", 2)), second:scores(of("second", 3)) }, 2)
  local combiner = svm.new({ kernel = svm.rbf(1) })
    :fit(data.new { x = expected, y = array.arange(30) % 2 * 6 + 1 })
  local defence = dnr.new { net = net, layers = { "first", "second" }, combiner = combiner,
    layer_classifiers = { first = first, second = second } }
  lu.assertTrue(reference.gap(defence:layer_scores(x), expected) < 1e-6)
end

function TestDnr.test_parts_by_name()
  local defence = reference.dnr()
  lu.assertEquals(defence.layers, { "relu1", "relu2", "relu3" })
  lu.assertEquals(defence.relu2.kind, "svm")
  lu.assertEquals(defence.combiner.features, 15)
  lu.assertEquals(defence.net.kind, "net")
  lu.assertEquals(defence.kind, "dnr")
  lu.assertTrue(defence.relu2 == defence.relu2)
  lu.assertFalse(defence.relu2 == defence.relu1)
  lu.assertErrorMsgContains("did you mean relu1", function() return defence.relu9 end)
  lu.assertEquals(defence.classes, { 0, 1, 2, 3, 4 })
  lu.assertTrue(defence.rejects)
  lu.assertEquals(defence.features, 144)
  lu.assertEquals(tostring(defence), "dnr on relu1, relu2, relu3 (5 classes, threshold 0.944973)")
  raises("dnr: unknown option 'relu2'", function() defence.relu2 = svm.new {} end)
end

function TestDnr.test_hyperparameters()
  local defence = reference.untrained_dnr()
  defence:set { ["relu2.C"] = 3, ["combiner.kernel.gamma"] = 2 }
  lu.assertEquals(defence:get "relu2.C", 3)
  lu.assertEquals(defence.relu2:get "C", 3)
  lu.assertEquals(defence:get "combiner.kernel.gamma", 2)
  lu.assertEquals(defence:get "relu1.kernel.gamma", 0.01)
  lu.assertEquals(defence:get "threshold", -math.huge)
  raises("dnr:set: unknown option 'relu9.C'; did you mean 'relu1.C'? (valid: threshold, relu1.C, ",
    defence.set, defence, { ["relu9.C"] = 1 })
  raises("dnr:set: unknown option 'relu1.gamma'", defence.set, defence, { ["relu1.gamma"] = 1 })
  -- a name that is wrong leaves the others as they were
  raises("dnr:set: unknown option 'C'", defence.set, defence, { ["relu2.C"] = 99, C = 1 })
  lu.assertEquals(defence:get "relu2.C", 3)
end

function TestDnr.test_hyperparameters_count_from_the_next_fit()
  local defence, test = reference.dnr(), reference.test()
  local before = defence:scores(test)
  defence:set { ["relu2.C"] = 0.01 }
  lu.assertEquals(reference.gap(defence:scores(test), before), 0)
end

-- A nearest-mean classifier written in Lua, as layer classifier or combiner.
local NearestMean = {}
NearestMean.__index = NearestMean

local function nearest_mean(calls) return setmetatable({ calls = calls }, NearestMean) end

function NearestMean:fit(ds)
  self.classes = ds.classes
  self.mean = {}
  for k, label in ipairs(ds.classes) do
    self.mean[k] = ds:where(function(y) return y == label end).x:mean(1)
  end
end

function NearestMean:scores(x)
  self.calls.scores = (self.calls.scores or 0) + 1
  local columns = {}
  for k, mean in ipairs(self.mean) do columns[k] = -((x - mean) * (x - mean)):sum(2) / 2 end
  return array.stack(columns, 2)
end

function NearestMean:gradient(x, w)
  local gradient = array.zeros(x.shape[1], x.shape[2])
  for k, mean in ipairs(self.mean) do
    gradient = gradient - w:slice(nil, { k, k }) * (x - mean)
  end
  return gradient
end

-- (w · scores(x + h u) − w · scores(x − h u)) / 2h against gradient · u, in one random direction each
local function slope_error(model, x, w)
  local u = array.randn(x.shape[1], x.shape[2], { seed = 3 })
  local h = 1e-3
  local change = ((model:scores(x + u * h) - model:scores(x - u * h)) * array.new(w)):sum(2) / (2 * h)
  local slope = (model:gradient(x, w) * u):sum(2)
  return (change - slope):abs():max() / slope:abs():max()
end

function TestDnr.test_parts_written_in_lua()
  local calls = {}
  local train, test = reference.train(), reference.test()
  local defence = dnr.new {
    net = reference.net(), layers = { "relu1", "relu3" },
    layer_classifiers = { relu1 = nearest_mean(calls) },
    layer_classifier = svm.new { kernel = svm.rbf(0.05), C = 10 },
    combiner = svm.new { kernel = svm.rbf(1e-2), C = 10 },
  }
  defence:fit(train, { seed = 1 })
  lu.assertEquals(calls.scores, 5) -- a call a fold
  lu.assertTrue(metrics.accuracy(defence, test) > 0.8)
  calls.scores = 0
  defence:scores(test)
  lu.assertEquals(calls.scores, 1)
  lu.assertEquals(getmetatable(defence.relu1), NearestMean)
  defence.threshold = 0
  lu.assertTrue(slope_error(defence, test.x:slice({ 1, 10 }), { 1, -0.5, 0.25, 2, -1, 3 }) < 0.05)
  raises("a lua model is not made of numbers alone", defence.save, defence, os.tmpname())
end

function TestDnr.test_combiner_written_in_lua()
  local calls = {}
  local test = reference.test()
  local defence = dnr.new {
    net = reference.net(), layers = { "relu2", "relu3" },
    layer_classifier = svm.new { kernel = svm.rbf(0.05), C = 10 }, combiner = nearest_mean(calls),
  }
  defence:fit(reference.train(), { seed = 1 })
  lu.assertTrue(metrics.accuracy(defence, test) > 0.8)
  defence.threshold = defence:threshold_for(0.1, test)
  lu.assertEquals(metrics.counts(defence, test).rejected, 12)
  collectgarbage()
  calls.scores = 0
  defence:predict(test)
  lu.assertEquals(calls.scores, 1)
end

function TestDnr.test_a_part_that_raises()
  local broken = nearest_mean {}
  local defence = dnr.new { net = reference.net(), layers = { "relu3" }, layer_classifier = broken,
                            combiner = svm.new { kernel = svm.rbf(1) } }
  local train = reference.train()
  defence:fit(train, { seed = 1 })
  local before = defence:scores(train)
  local fit = NearestMean.fit
  NearestMean.fit = function() error "no more of this" end
  raises("relu3: ", defence.fit, defence, train)
  raises("no more of this", defence.fit, defence, train)
  NearestMean.fit = fit
  lu.assertEquals(reference.gap(defence:scores(train), before), 0)
end

-- From inside a part's call: fitting the whole is refused, closing it waits for the call's end.
function TestDnr.test_a_part_that_meddles()
  local defence = dnr.new { net = reference.net(), layers = { "relu3" }, layer_classifier = nearest_mean {},
                            combiner = svm.new { kernel = svm.rbf(1e-2), C = 10 } }
  local train = reference.train()
  defence:fit(train, { seed = 1 })
  local before = defence:scores(train)
  local part, done = defence.relu3, false
  function part.scores(me, x)
    if not done then
      done = true
      raises("this dnr is being used", defence.fit, defence, train)
      do local _ <close> = defence end
    end
    collectgarbage()
    return NearestMean.scores(me, x)
  end
  lu.assertEquals(reference.gap(defence:scores(train), before), 0)
  raises("a dnr that was closed", function() return defence:scores(train) end)
end

function TestDnr.test_files()
  local defence, test = reference.dnr(), reference.test()
  local path = os.tmpname()
  defence:save(path)
  local again = perigee.load(path)
  os.remove(path)
  lu.assertEquals(again.layers, defence.layers)
  lu.assertEquals(again.threshold, defence.threshold)
  lu.assertEquals(reference.gap(again:scores(test), defence:scores(test)), 0)
  local w = { 1, 0, -1, 0, 0, 0 }
  lu.assertEquals(reference.gap(again:gradient(test, w), defence:gradient(test, w)), 0)
  lu.assertEquals(again:get "relu2.kernel.gamma", 0.05)
  local fresh = reference.untrained_dnr()
  fresh:save(path)
  again = perigee.load(path)
  os.remove(path)
  lu.assertEquals(again.threshold, -math.huge)
  raises("not fitted", again.scores, again, test)
  lu.assertTrue(metrics.accuracy(again:fit(reference.train(), { seed = 1 }), test) > 0.8)
  raises("no-such-file", perigee.load, "no-such-file.safetensors")
end

-- What the parts learnt of a net's layers says nothing of other features.
function TestDnr.test_a_net_that_was_trained_again()
  local train, test = reference.train(), reference.test()
  local net, w = perigee.load(reference.net():save(os.tmpname())), { 1, 0, -1, 0, 0, 0 }
  local one = svm.new { kernel = svm.rbf(0.05), C = 10 }
  local defence = dnr.new { net = net, layers = { "relu2", "relu3" }, layer_classifier = one,
    combiner = one }:fit(train, { seed = 1, folds = 2 })
  local unfitted = defence:clone()
  net.lr = 0.5 -- changes no answer
  local copy = defence:with { threshold = 0 }
  lu.assertEquals(#copy:scores(test), #defence:scores(test))
  net:fit(train, { epochs = 1, seed = 1 })
  local why = "this dnr was fitted before the net was trained or changed: fit it again"
  for _, model in ipairs { defence, copy, defence:with { threshold = 0 } } do
    raises(why, model.scores, model, test)
    raises(why, model.layer_scores, model, test)
    raises(why, model.gradient, model, test, w)
    raises(why, model.save, model, os.tmpname()) -- a file would look fresh
  end
  unfitted:save(os.tmpname())
  lu.assertEquals(#unfitted:fit(train, { seed = 1, folds = 2 }):scores(test), #test)
  lu.assertEquals(#defence:fit(train, { seed = 1, folds = 2 }):scores(test), #test)
  raises(why, copy.scores, copy, test)
end

function TestDnr.test_clone()
  local copy = reference.dnr():clone()
  lu.assertEquals(copy.classes, {})
  lu.assertEquals(copy.layers, { "relu1", "relu2", "relu3" })
  lu.assertEquals(copy:get "relu1.kernel.gamma", 0.01)
end

function TestDnr.test_refuses()
  local net, one = reference.net(), svm.new {}
  local function with(options)
    local all = { net = net, layers = { "relu1" }, layer_classifier = one, combiner = one }
    for key, value in pairs(options) do all[key] = value end
    return all
  end
  raises("no layer \"relu9\" (it has: conv1, relu1", dnr.new, with { layers = { "relu1", "relu9" } })
  raises("\"relu1\" comes twice", dnr.new, with { layers = { "relu1", "relu1" } })
  raises("layers: expected a list of the net's layers", dnr.new, with { layers = {} })
  raises("layers: expected a list of the net's layers, got the string", dnr.new, with { layers = "relu1" })
  raises("layers: expected a string, got 3", dnr.new, with { layers = { 3 } })
  raises("layers: expected a string, got nothing", dnr.new, with { layers = { nil, "relu1" } })
  raises("net: expected a net", dnr.new, with { net = one })
  raises("combiner: expected a model", dnr.new, with { combiner = false })
  raises("\"relu2\" is not one of layers", dnr.new, with { layer_classifiers = { relu2 = one } })
  raises("no classifier for layer relu1", dnr.new, { net = net, layers = { "relu1" }, combiner = one })
  raises("unknown option 'layer'; did you mean 'layers'?", dnr.new, with { layer = {} })
  raises("relu1: the svm takes 12 features", dnr.new,
    with { layer_classifiers = { relu1 = reference.svm("dnr", "layer_relu3_", 0.05) } })
  raises("rejects by itself", dnr.new, with { combiner = reject.new { model = one } })
  local defence = reference.dnr()
  local narrow = array.zeros(2, 3)
  raises("layer_scores: samples have 3 features, the net takes 144", defence.layer_scores, defence, narrow)
  raises("scores: samples have 3 features, the dnr takes 144", defence.scores, defence, narrow)
end
