-- A row with NaN in it was counted as class 0, or as rejected.

local lu = require "luaunit"

TestNanLabels = {}

local nan = 0 / 0
local x = array.rand(30, 4, { seed = 1 })
local ds = data.new { x = x, y = array.arange(30) % 3 }
local broken = x:copy()
broken:set(nan, 7, 2)
local odd = data.new { x = broken, y = ds.y }

local net = nn.new { input = { 4 }, seed = 1,
  nn.linear { out = 6 }, nn.relu { name = "r" }, nn.linear { out = 3 } }
net:fit(ds, { epochs = 2 })
local machine = svm.new():fit(ds)
local models = {
  net = net, svm = machine, nr = reject.new { model = machine },
  layer = reject.layer { net = net, layer = "r", classifier = svm.new() }:fit(ds),
  dnr = dnr.new { net = net, layers = { "r" }, layer_classifier = svm.new(), combiner = svm.new() }:fit(ds),
  lua = { classes = { 0, 1, 2 }, scores = function(_, rows) return machine:scores(rows) end },
}

for name, model in pairs(models) do
  TestNanLabels["test_" .. name] = function()
    local ok, scores = pcall(reject.scores, model, odd)
    if name ~= "lua" then -- scores are as they are
      lu.assertTrue(ok, scores)
      lu.assertTrue(scores:at(7, 1) ~= scores:at(7, 1) and scores:at(6, 1) == scores:at(6, 1))
    end
    for _, call in ipairs {
      function() return reject.predict(model, odd) end,
      function() return metrics.accuracy(model, odd) end,
      function() return metrics.report(model, odd) end,
      function() return metrics.rejection_rate(model, odd) end,
    } do
      lu.assertErrorMsgContains("sample 7", call)
    end
    if name ~= "lua" then
      lu.assertErrorMsgContains("metrics.accuracy: the scores of sample 7", metrics.accuracy, model, odd)
    end
    if name == "nr" or name == "dnr" then
      lu.assertErrorMsgContains("threshold_for: the scores of sample 7 are not all numbers",
        model.threshold_for, model, 0.1, odd)
    end
    lu.assertErrorMsgContains("7", function() attack.pgd({ model = model, dmax = 1 }):run(odd) end)
  end
end

function TestNanLabels:test_rescore()
  local result = attack.fgsm({ model = net, dmax = 0.01 }):run(ds)
  local judge = { classes = { 0, 1, 2 }, scores = function(_, rows)
    local s = net:scores(rows)
    s:set(nan, 3, 1)
    return s
  end }
  lu.assertErrorMsgContains("sample 3", result.rescore, result, judge)
end
