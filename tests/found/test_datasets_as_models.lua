-- Datasets, results and other things with classes passed for models, and the complaint came from inside: "a
-- dataset has no 'kind'". A classifier without kernels on a layer passed for one with, and was attacked twice
-- more in vain.
local lu = require "luaunit"

local kinds = require "perigee.kinds"

local x, y = { { 0.1, 0.2 }, { 0.9, 0.8 } }, { 0, 1 }
local samples = data.new { x = x, y = y }
local function machine(kernel)
  return svm.from { sv = x, alpha = { { 1, -1 } }, b = { 0 }, kernel = kernel, classes = y }
end

TestDatasetsAsModels = {}

function TestDatasetsAsModels:test_what_is_a_model()
  local model = machine(svm.rbf(1))
  local result = attack.fgsm { model = model, dmax = 0.1 }:run(samples)
  for _, value in ipairs { samples, result, attack.fgsm {}, array.zeros(2), {}, { scores = 3 }, "svm", 7 } do
    lu.assertFalse(kinds.is_model(value))
    lu.assertFalse(kinds.is_fitted(value))
  end
  local unfitted = svm.new { C = 1 }
  lu.assertTrue(kinds.is_model(unfitted))
  lu.assertFalse(kinds.is_fitted(unfitted))
  for _, value in ipairs { model, reject.new { model = model }, { scores = print } } do
    lu.assertTrue(kinds.is_model(value) and kinds.is_fitted(value))
  end
end

function TestDatasetsAsModels:test_complaints()
  local fgsm = attack.fgsm { norm = "linf" }
  local result = attack.fgsm { model = machine(svm.rbf(1)), dmax = 0.1 }:run(samples)
  for _, value in ipairs { samples, result } do
    lu.assertErrorMsgContains("evaluate.security: models: a is not a fitted model", evaluate.security,
      { models = { a = value }, attack = fgsm, data = samples, dmax = 0.1 })
    lu.assertErrorMsgContains("evaluate.diagnose: model: expected a fitted model", evaluate.diagnose,
      { model = value, data = samples, dmax = 0.1 })
    lu.assertErrorMsgContains("plot.decision: model: expected a fitted model", plot.decision, value,
      { data = samples })
  end
  lu.assertErrorMsgContains("metrics.accuracy: model: expected a model or its predictions", metrics.accuracy,
    samples, samples)
end

function TestDatasetsAsModels:test_kernels()
  local net = nn.new { input = { 2 }, classes = y, seed = 1, nn.linear { out = 2, name = "fc" } }
  local function on_layer(kernel)
    local classifier = reject.layer { net = net, layer = "fc", classifier = machine(kernel) }
    return reject.new { model = classifier, threshold = 0 }
  end
  lu.assertTrue(kinds.has_kernels(on_layer(svm.rbf(1))))
  lu.assertFalse(kinds.has_kernels(on_layer(svm.linear())))
  lu.assertFalse(kinds.has_kernels(net))
  lu.assertFalse(kinds.has_kernels { scores = print })
  local diagnosis = evaluate.diagnose { model = on_layer(svm.linear()), data = samples, dmax = 0.1 }
  lu.assertFalse(diagnosis.indicators.log_direction.measured)
  lu.assertStrContains(diagnosis.indicators.log_direction.reason, "no kernels that die out")
end
