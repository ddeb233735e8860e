-- The weight of a class that is not there was ignored.

local lu = require "luaunit"

TestWeightOfNoClass = {}

local ds = data.new { x = array.rand(30, 4, { seed = 1 }), y = array.arange(30) % 3 }

function TestWeightOfNoClass:test_fit()
  local model = svm.new { weights = { [17] = 100 } }
  lu.assertErrorMsgContains("fit: weights: there is a weight for class 17, but no sample of it",
    model.fit, model, ds)
  model.weights = { [0] = 2, [2] = 3 }
  lu.assertEquals(model:fit(ds).weights, { [0] = 2, [2] = 3 })
end

function TestWeightOfNoClass:test_search_and_dnr()
  lu.assertErrorMsgContains("svm.search: weights: there is a weight for class -1", svm.search,
    { data = ds, weights = { [-1] = 2 } })
  local net = nn.new { input = { 4 }, seed = 1, nn.linear { out = 3, name = "out" } }
  net:fit(ds, { epochs = 1 })
  local defence = dnr.new { net = net, layers = { "out" }, combiner = svm.new(),
    layer_classifier = svm.new { weights = { [5] = 2 } } }
  lu.assertErrorMsgContains("there is a weight for class 5", defence.fit, defence, ds)
end
