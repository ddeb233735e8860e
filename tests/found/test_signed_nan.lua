-- Not-a-number was printed "-nan" where it came from 0 / 0, as of a measure of an empty result.

local lu = require "luaunit"

TestSignedNan = {}

local model, ds

function TestSignedNan:setUp()
  ds = ds or data.new { x = array.rand(12, 2, { seed = 1 }), y = array.rand(12, { seed = 2 }):gt(0.5) }
  model = model or svm.new { kernel = svm.rbf(5), C = 1 }:fit(ds)
end

local function same(value)
  lu.assertEquals({ tostring(value), ("%g"):format(value), ("%s"):format(value) }, { "nan", "nan", "nan" })
end

function TestSignedNan:test_printed()
  lu.assertEquals(tostring(0 / 0), "nan")
  lu.assertEquals(tostring(-(0 / 0)), "nan")
  lu.assertEquals({ tostring(1), tostring(1.0), tostring(math.huge) }, { "1", "1.0", "inf" })
  lu.assertEquals(tostring(-0.0), "-0.0")
  lu.assertEquals(tostring(math.mininteger), "-9223372036854775808")
end

function TestSignedNan:test_arrays()
  same(array.new({ -(0 / 0), 0 / 0 })[1])
  same(array.new({ -(0 / 0), 0 / 0 })[2])
  same(array.zeros(0):mean())
  same(array.new({ 0 / 0 }, { dtype = "f64" }):sum())
end

-- A share of nothing is NaN, as in NumPy.
function TestSignedNan:test_measures_of_nothing()
  local none = ds:where(array.zeros({ 12 }, { dtype = "i32" }))
  local result = attack.pgd { model = model, dmax = 0.1, max_iter = 2 }:run(none)
  for _, name in ipairs { "robust_accuracy", "robust_risk", "accuracy", "accuracy_accepted",
    "accuracy_rejection_correct", "rejection_rate", "median_distance", "precision", "recall", "f1" } do
    same(metrics[name](result))
  end
  local report = metrics.report(result)
  lu.assertNotStrContains(tostring(report), "nan")
  same(report.accuracy)
end

function TestSignedNan:test_messages()
  lu.assertErrorMsgContains("got nan", plot.images, ds, { width = 0 / 0 })
  lu.assertErrorMsgContains("label 1 is nan", data.new, { x = array.zeros(2, 2), y = array.new { 0 / 0, 1 } })
  lu.assertErrorMsgContains("from 0 to nan by 1", array.arange, 0, 0 / 0)
end
