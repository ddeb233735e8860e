-- Parts of a model: a DNR's layers' scores pulled back, and fitted copies with other hyperparameters.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local reference = dofile "tests/lua/reference.lua"

TestModelParts = {}

local function relative(a, b) return reference.gap(a, b) / b:abs():max() end

-- ---- defence:backward -----------------------------------------------------------------------------

-- dz is what the combiner's own gradient says of its inputs: then backward ends in the whole's gradient, the
-- reference's.
function TestModelParts.test_backward_of_the_combiners_gradient_is_the_references()
  local defence, expected = reference.dnr(), reference.array("dnr", "gradient")
  local x = reference.test().x:slice { 1, #expected }
  local z, w = defence:layer_scores(x), reference.array("dnr", "grad_w")
  local dz = defence.combiner:gradient(z, w:slice(nil, { 1, 5 }))
  local mine = defence:backward(x, dz)
  lu.assertTrue(relative(mine, expected) < 1e-4)
  lu.assertEquals(reference.gap(mine, defence:gradient(x, w)), 0)
end

function TestModelParts.test_backward_against_differences()
  local defence = reference.dnr()
  local x = reference.test().x:slice { 1, 3 }
  local dz = array.randn(3, 15, { seed = 2, dtype = "f32" })
  local slope = defence:backward(x, dz)
  local step = 1e-2
  for seed = 1, 3 do
    local along = array.randn(x.shape, { seed = seed })
    along = along / (along * along):sum(2):sqrt():reshape(3, 1)
    local function value(points)
      return (defence:layer_scores(points:astype "f32"):astype "f64" * dz):sum(2)
    end
    local wanted = (value(x + along * step) - value(x - along * step)) / (2 * step)
    local got = (slope:astype "f64" * along):sum(2)
    lu.assertTrue(reference.gap(got, wanted) < 4e-3 * (1 + wanted:abs():max()))
  end
end

-- More rows than go through at once, one row of dz for all, and f64. Some of OpenBLAS (SkylakeX) sums a
-- row of a product of two rows in another order than one of 120: each is within 1.3e-5 of what float64
-- says, so that two are within 2.6e-5 of each other. Rows that are mixed up are apart by more than 0.1.
function TestModelParts.test_backward_of_a_batch_is_that_of_its_rows()
  local defence, x = reference.dnr(), reference.test().x
  local row = array.randn(15, { seed = 3 })
  local all = defence:backward(x, row)
  lu.assertEquals(all.shape, { #x, 144 })
  local some = defence:backward(x:slice { 11, 12 }, { row:totable(), row:totable() })
  lu.assertTrue(relative(all:slice { 11, 12 }, some) < 2.6e-5)
  lu.assertTrue(relative(all:slice { 12, 13 }, some) > 0.1)
end

function TestModelParts.test_layer_scores_go_back_by_it()
  local defence, x = reference.dnr(), reference.test().x:slice { 1, 4 }
  local dz = array.randn(4, 15, { seed = 4, dtype = "f32" })
  local function scores(v) return defence:layer_scores(v) end
  local z, pull = grad.vjp(scores, x)
  lu.assertEquals(reference.gap(z, defence:layer_scores(x)), 0)
  lu.assertEquals(reference.gap(pull(dz), defence:backward(x, dz)), 0)
  lu.assertEquals(reference.gap(pull(dz * 2), defence:backward(x, dz * 2)), 0)
  -- within more, of another type and shape
  local value, g = grad.value(function(v)
    return (scores(v:reshape(4, 144):square() * 0.5) * dz):sum()
  end, x:astype("f64"):reshape(4, 12, 12))
  local half = x:square() * 0.5
  lu.assertAlmostEquals(value, (defence:layer_scores(half) * dz):sum(), 1e-4 * math.abs(value))
  lu.assertEquals(g.shape, { 4, 12, 12 })
  lu.assertTrue(relative(g:reshape(4, 144), defence:backward(half, dz) * x) < 1e-6)
  local first = x:copy()
  local _, again = grad.vjp(scores, first)
  first:add_(1)
  raises("written", again, dz)
end

function TestModelParts.test_backward_complains()
  local defence, x = reference.dnr(), reference.test().x
  raises("dnr:backward: dz is (3, 15), expected (2, 15) or (15,)", defence.backward, defence,
    x:slice { 1, 2 }, array.zeros(3, 15))
  raises("samples have 3 features, the net takes 144", defence.backward, defence, array.zeros(2, 3),
    array.zeros(2, 15))
  raises("this dnr is not fitted yet", function()
    local fresh = reference.untrained_dnr()
    fresh:backward(x, array.zeros(#x, 15))
  end)
end

-- ---- model:with -----------------------------------------------------------------------------------

function TestModelParts.test_with_is_the_dnr_built_anew()
  local defence, test = reference.dnr(), reference.test()
  local before = defence:scores(test)
  local changed = defence:with {
    ["combiner.kernel.gamma"] = 0.25, ["relu2.kernel.gamma"] = 0.02, threshold = 0.5,
  }
  local anew = dnr.new {
    net = defence.net, layers = defence.layers, threshold = 0.5,
    layer_classifiers = {
      relu1 = defence.relu1, relu2 = reference.svm("dnr", "layer_relu2_", 0.02), relu3 = defence.relu3,
    },
    combiner = reference.svm("dnr", "combiner_", 0.25),
  }
  lu.assertEquals(reference.gap(changed:scores(test), anew:scores(test)), 0)
  local w = reference.array("dnr", "grad_w")
  local x = test.x:slice { 1, #w }
  lu.assertEquals(reference.gap(changed:gradient(x, w), anew:gradient(x, w)), 0)
  lu.assertTrue(reference.gap(changed:scores(test), before) > 0)
  -- the one it was made of is as it was, and neither knows of what is set of the other
  lu.assertEquals(reference.gap(defence:scores(test), before), 0)
  lu.assertEquals(defence:get "combiner.kernel.gamma", 1)
  changed:set { ["relu1.C"] = 7 }
  lu.assertNotEquals(defence:get "relu1.C", 7)
  lu.assertTrue(changed.net == defence.net)
end

function TestModelParts.test_with_of_an_svm_shares_and_counts_at_once()
  local ds = reference.train()
  local rbf = svm.new({ kernel = svm.rbf(0.05), C = 10 }):fit(ds)
  local x = ds.x:slice { 1, 20 }
  local wider = rbf:with { ["kernel.gamma"] = 0.01 }
  local anew = svm.from { sv = rbf.sv, alpha = rbf.alpha, b = rbf.b, classes = rbf.classes,
    kernel = svm.rbf(0.01) }
  lu.assertEquals(reference.gap(wider:scores(x), anew:scores(x)), 0)
  lu.assertEquals(wider.kernel.gamma, 0.01)
  local poly = svm.new({ kernel = svm.poly { degree = 2, coef0 = 1 } }):fit(ds)
  local other = poly:with { ["kernel.degree"] = 3, ["kernel.coef0"] = 0.5 }
  local by_hand = svm.from { sv = poly.sv, alpha = poly.alpha, b = poly.b, classes = poly.classes,
    kernel = svm.poly { degree = 3, coef0 = 0.5 } }
  lu.assertEquals(reference.gap(other:scores(x), by_hand:scores(x)), 0)
  -- what was set before and not named still waits for the next fit
  rbf:set { ["kernel.gamma"] = 9 }
  lu.assertEquals(reference.gap(rbf:with({}):scores(x), rbf:scores(x)), 0)
  local whole = rbf:with { kernel = svm.poly { degree = 2 }, ["kernel.coef0"] = 1 }
  local made = svm.from { sv = rbf.sv, alpha = rbf.alpha, b = rbf.b, classes = rbf.classes,
    kernel = svm.poly { degree = 2, coef0 = 1 } }
  lu.assertEquals(reference.gap(whole:scores(x), made:scores(x)), 0)
end

function TestModelParts.test_with_of_rejectors()
  local ds = reference.train()
  local classifier = svm.new({ kernel = svm.rbf(0.05) }):fit(ds)
  local nr = reject.new { model = classifier, threshold = 0.1 }
  local other = nr:with { threshold = 0.7, ["kernel.gamma"] = 0.02 }
  lu.assertEquals({ nr.threshold, other.threshold }, { 0.1, 0.7 })
  lu.assertEquals(reference.gap(other:scores(ds):slice(nil, { 1, 5 }),
    classifier:with({ ["kernel.gamma"] = 0.02 }):scores(ds)), 0)
  local on_layer = reject.layer { net = reference.net(), layer = "relu3",
    classifier = reference.svm("dnr", "layer_relu3_", 0.05) }
  local narrow = on_layer:with { ["kernel.gamma"] = 0.5 }
  lu.assertEquals(narrow:get "kernel.gamma", 0.5)
  lu.assertTrue(reference.gap(narrow:scores(ds), on_layer:scores(ds)) > 0)
end

function TestModelParts.test_with_a_part_written_in_lua()
  local lua = { classes = { 0, 1 }, scale = 1 }
  function lua:scores(x) return array.stack({ x:sum(2) * self.scale, x:sum(2) * -1.0 }, 2) end
  function lua:set(values) self.scale = values.scale or self.scale end
  function lua:get() return self.scale end
  local nr = reject.new { model = lua, threshold = 0 }
  local other = nr:with { scale = 3 }
  lu.assertEquals({ nr:get "scale", other:get "scale" }, { 1, 3 })
end

function TestModelParts.test_with_complains()
  local defence = reference.dnr()
  raises("dnr:with: unknown option 'relu9.C'; did you mean 'relu1.C'?", defence.with, defence,
    { ["relu9.C"] = 1 })
  raises("dnr:with: combiner.C: only training uses it", defence.with, defence, { ["combiner.C"] = 1 })
  raises("dnr:with: combiner.kernel.gamma: expected a number above 0", defence.with, defence,
    { ["combiner.kernel.gamma"] = -1 })
  raises("expected a table, name = value, got nothing", defence.with, defence)
  raises("svm:with: tolerance: only training uses it", defence.relu1.with, defence.relu1,
    { tolerance = 0.1 })
  raises("net:with: only training uses the options of a net", defence.net.with, defence.net, { lr = 1 })
  -- not fitted: all of them count for the fit that comes
  lu.assertEquals(svm.new({ C = 3 }):with({ C = 4 }).C, 4)
  lu.assertEquals(reference.untrained_dnr():with({ ["relu2.C"] = 3 }):get "relu2.C", 3)
end
