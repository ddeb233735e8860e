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

-- The label of a run that failed, -2147483648, was a wrong prediction, and a class.
function TestNanLabels:test_labels_of_failed_runs()
  local judge = { classes = { 0, 1, 2 }, gradient_is = "surrogate" }
  function judge.scores(_, rows)
    return net:scores(rows) + array.where(rows:slice(nil, { 1, 1 }):lt(-0.5), nan, 0)
  end
  function judge.gradient(_, rows, w) return net:gradient(rows, w) end
  local start = ds.x:slice({ 1, 3 }):copy()
  start:set(-1, 2, 1)
  local r = attack.fgsm({ model = judge, dmax = 0.01, lower = -2 }):run(start, { y = ds.y:slice { 1, 3 } })
  lu.assertEquals({ r.verdict[2], r.label[2] }, { "failed", -2147483648 })
  for _, name in ipairs { "counts", "accuracy", "rejection_rate", "confusion", "report" } do
    lu.assertErrorMsgContains(("metrics.%s: prediction 2 is that of a run that failed"):format(name),
      metrics[name], r.label, r.y)
    lu.assertErrorMsgContains(("metrics.%s: label 2 is that of a run that failed"):format(name),
      metrics[name], { 0, 0, 0 }, r.label)
  end
end
