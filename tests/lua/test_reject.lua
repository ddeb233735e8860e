-- NR in Lua: the reference, threshold and fields, training, files, messages.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local reference = dofile "tests/lua/reference.lua"

local function on_last_layer(classifier)
  return reject.layer { net = reference.net(), layer = "fc2", classifier = classifier }
end

local function make()
  return reject.new { model = on_last_layer(reference.svm("nr", "", 0.05)), threshold = 0.5383314338430705 }
end

TestReject = {}

function TestReject.test_reference()
  local nr, test = make(), reference.test()
  local expected = reference.array("nr", "scores")
  local scores = nr:scores(test)
  lu.assertEquals(scores.shape, expected.shape)
  lu.assertTrue(reference.gap(scores, expected) < 1e-4 * expected:abs():max())
  local labels = reference.array("nr", "y_pred")
  lu.assertEquals(reference.differing(scores, nr:predict(test), labels, 1e-4), 0)
end

function TestReject.test_trained_by_us()
  local nr = reject.new { model = on_last_layer(svm.new { kernel = svm.rbf(0.05), C = 10 }) }
  lu.assertEquals(nr.threshold, -math.huge)
  lu.assertEquals(nr.classes, {})
  raises("not fitted", nr.predict, nr, reference.test())
  lu.assertIs(nr:fit(reference.train()), nr)
  local test = reference.test()
  nr.threshold = nr:threshold_for(0.1, test)
  lu.assertAlmostEquals(nr.threshold, 0.5383314338430705, 1e-3)
  lu.assertEquals(metrics.counts(nr, test).rejected, 12)
  lu.assertTrue(reference.gap(nr:scores(test), reference.array("nr", "scores")) < 3e-3)
end

-- What a classifier learnt of a layer's outputs says nothing of others.
function TestReject.test_a_net_that_was_trained_again()
  local train, test = reference.train(), reference.test()
  local net = perigee.load(reference.net():save(os.tmpname()))
  local layer = reject.layer { net = net, layer = "fc2", classifier = svm.new {} }
  net:fit(train, { epochs = 1, seed = 1 }) -- before the fit
  lu.assertEquals(#layer:fit(train):scores(test), #test)
  local nr, copy = reject.new { model = layer, threshold = 0 }, layer:with {}
  net:fit(train, { epochs = 1, seed = 1 })
  local why = "this layer was fitted before the net was trained or changed: fit it again"
  for _, model in ipairs { layer, nr, copy, layer:with {} } do
    raises(why, model.scores, model, test)
    raises(why, model.save, model, os.tmpname()) -- a file would look fresh
  end
  raises(why, nr.threshold_for, nr, 0.1, test)
  lu.assertEquals(#nr:fit(train):scores(test), #test)
  raises(why, copy.scores, copy, test)
end

function TestReject.test_threshold()
  local nr, test = make(), reference.test()
  lu.assertEquals(nr:threshold_for(0, test), -math.huge)
  lu.assertEquals(nr:threshold_for(0.008, test), -math.huge) -- floor(0.96)
  nr.threshold = nr:threshold_for(1 / 120, test)
  lu.assertEquals(metrics.counts(nr, test).rejected, 1)
  nr.threshold = nr:threshold_for(1, test)
  lu.assertEquals(metrics.counts(nr, test).rejected, 120)
  nr.threshold = -math.huge
  lu.assertEquals(metrics.counts(nr, test).rejected, 0)
  lu.assertEquals(nr:scores(test):at(1, 6), -math.huge)
  nr:set { threshold = 0.25 }
  lu.assertEquals(nr.threshold, 0.25)
  lu.assertEquals(nr:get "threshold", 0.25)
  raises("from 0 to 1, got 10", nr.threshold_for, nr, 10, test)
  raises("the dataset is empty", nr.threshold_for, nr, 0.1, array.zeros(0, 144))
  raises("threshold_for: p: expected a number", nr.threshold_for, nr, test)
end

function TestReject.test_fields()
  local nr = make()
  lu.assertEquals(nr.kind, "nr")
  lu.assertEquals(nr.model.kind, "layer")
  lu.assertEquals(nr.model.layer, "fc2")
  lu.assertEquals(nr.model.classifier.kind, "svm")
  lu.assertEquals(nr.model.net.kind, "net")
  lu.assertEquals(nr.features, 144)
  lu.assertStrContains(tostring(nr), "threshold 0.538")
  raises("nr: model cannot be set", function() nr.model = 3 end)
  raises("threshold: expected a number", function() nr.threshold = "high" end)
  raises("threshold: expected a number below inf, got nan", function() nr.threshold = 0 / 0 end)
end

function TestReject.test_gradient_has_no_part_from_the_reject_column()
  local nr, x = make(), reference.test().x:slice({ 1, 5 })
  local gradient = nr:gradient(x, { 1, -1, 0.5, 0, 0, 0 })
  lu.assertEquals(gradient.shape, { 5, 144 })
  lu.assertEquals(reference.gap(gradient, nr:gradient(x, { 1, -1, 0.5, 0, 0, 7 })), 0)
  lu.assertTrue(gradient:abs():max() > 0)
end

function TestReject.test_files()
  local nr, test = make(), reference.test()
  local path = os.tmpname()
  lu.assertEquals(nr:save(path), path)
  local again = perigee.load(path)
  os.remove(path)
  lu.assertEquals(again.kind, "nr")
  lu.assertEquals(again.threshold, nr.threshold)
  lu.assertEquals(reference.gap(nr:scores(test), again:scores(test)), 0)
  raises("/nowhere", nr.save, nr, "/nowhere/nr.safetensors")
end

function TestReject.test_refuses()
  local net = reference.net()
  raises("unknown option 'treshold'; did you mean 'threshold'?", reject.new, { model = net, treshold = 1 })
  local one = svm.new {}
  raises("no layer \"fc9\" (it has: conv1", reject.layer, { net = net, layer = "fc9", classifier = one })
  raises("net: expected a net", reject.layer, { net = one, layer = "fc2", classifier = one })
  raises("takes 5 features, the output of fc1 has 12",
    reject.layer, { net = net, layer = "fc1", classifier = reference.svm("nr", "", 0.05) })
end

-- Every function of the libraries svm, reject and dnr, and every method of their models.
function TestReject.test_surplus_arguments()
  local types = debug.getregistry()
  local all = { svm, reject, dnr }
  for _, kind in ipairs { "svm", "nr", "layer", "dnr" } do
    all[#all + 1] = types["perigee." .. kind].methods
  end
  lu.assertEquals(#all, 7)
  for _, functions in ipairs(all) do
    lu.assertNotNil(next(functions))
    for name, f in pairs(functions) do
      lu.assertErrorMsgContains(name .. ": expected ", f, nil, nil, nil, nil, "surplus")
      lu.assertErrorMsgContains('got the string "surplus"', f, nil, nil, nil, nil, "surplus")
    end
  end
end
