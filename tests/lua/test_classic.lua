-- The library classic: beside scikit-learn's answers (reference/sklearn/make.py), by finite differences, in
-- files, and as parts of what takes models.
local lu = require "luaunit"

local here = debug.getinfo(1, "S").source:match "^@(.*)lua/test_classic%.lua$" or "tests/"
local raises = dofile(here .. "lua/raises.lua")
local folder = here .. "reference/sklearn/"
local known, expected = data.read_npz(folder .. "known.npz"), data.read_npz(folder .. "expected.npz")
local ds, test = data.new { x = known.x, y = known.y }, known.test
local two = ds:where((ds.y:eq(3)):logical_or(ds.y:eq(8)))

local function near(got, want, bound, what)
  if type(want) == "string" then want = expected[want] end
  got, want = got:astype "f64", want:astype "f64"
  lu.assertEquals(got.shape, want.shape, what)
  local off = (got - want):abs():max()
  lu.assertTrue(off <= bound, ("%s: off by %g"):format(what or "", off))
end

-- Directional differences of the scores, in double of float32 samples.
local function check_gradient(model, x, what, bound)
  local w = array.randn(#x, #model.classes, { seed = 3 })
  local along = array.randn(x.shape, { seed = 4 })
  local step = 1e-2
  local up, down = model:scores(x + along * step), model:scores(x - along * step)
  local want = ((up - down) * w):sum(2) / (2 * step)
  local got = (model:gradient(x, w):astype "f64" * along):sum(2)
  local off = (got - want):abs():max() / want:abs():max()
  lu.assertTrue(off <= (bound or 2e-3), ("%s: gradient off by %g"):format(what, off))
end

local function reloaded(model)
  local path = os.tmpname()
  model:save(path)
  local back = perigee.load(path)
  os.remove(path)
  return back
end

local function same_after_all(model, samples)
  local scores = model:scores(test)
  local back = reloaded(model)
  lu.assertEquals(back:scores(test):totable(), scores:totable())
  lu.assertEquals(tostring(back), tostring(model))
  local copy = model:clone()
  lu.assertEquals(#copy.classes, 0)
  lu.assertEquals(tostring(reloaded(copy)), tostring(copy))
  lu.assertEquals(copy:fit(samples):scores(test):totable(), scores:totable())
end

TestKnn = {}

function TestKnn.test_scikit_learn()
  for _, k in ipairs { 1, 4 } do
    for _, weights in ipairs { "uniform", "distance" } do
      local knn, name = classic.knn({ k = k, weights = weights }):fit(ds), ("knn_%s_%d"):format(weights, k)
      near(knn:scores(test), name, 1e-12, name)
      near(knn:scores(ds.x:slice { 1, 10 }), name .. "_self", 1e-12, name .. " at samples")
    end
  end
end

function TestKnn.test_many_points_far_from_the_origin()
  -- float32 products alone cannot tell these apart
  local x = array.arange(200, { dtype = "f32" }):reshape(200, 1) * 0.01 + 300
  local knn = classic.knn({ k = 1 }):fit(data.new { x = x, y = array.arange(200):astype "i32" })
  lu.assertEquals(knn:predict(x):totable(), array.arange(200):astype("i32"):totable())
end

-- The soft form itself, in double.
local function soft(knn, x)
  local columns, T = {}, knn.fitted_softness
  for i = 1, #x do
    local square = ((knn.samples - x[i]):astype "f64"):square():sum(2)
    local weight = (-(square - square:min()) / T):exp()
    local row = {}
    for c, label in ipairs(knn.classes) do
      row[c] = math.log((weight * ds.y:eq(label)):sum() / weight:sum())
    end
    columns[i] = row
  end
  return array.new(columns, { dtype = "f64" })
end

function TestKnn.test_gradient_is_the_soft_forms()
  local knn = classic.knn({ k = 3, softness = 0.7 }):fit(ds)
  local x, step = test:slice { 1, 4 }, 1e-3
  local w, along = array.randn(4, 10, { seed = 3 }), array.randn(4, 64, { seed = 4 })
  local want = ((soft(knn, x + along * step) - soft(knn, x - along * step)) * w):sum(2) / (2 * step)
  local got = (knn:gradient(x, w):astype "f64" * along):sum(2)
  lu.assertTrue((got - want):abs():max() < 2e-3 * want:abs():max())
  lu.assertEquals(knn.gradient_is, "surrogate")
end

function TestKnn.test_no_softness_no_gradient()
  local knn = classic.knn({ softness = 0 }):fit(ds)
  raises("softness is 0", knn.gradient, knn, test, array.ones(10))
  local held = data.new { x = test:slice { 1, 3 }, y = knn:predict(test:slice { 1, 3 }) }
  local auto = attack.auto { model = knn, norm = "l2", dmax = 2 }
  lu.assertTrue(metrics.accuracy(knn, data.new { x = auto:run(held).x_adv, y = held.y }) < 1)
  lu.assertEquals(knn:with({ softness = 1 }):gradient(test, array.ones(10)).shape, { 20, 64 })
end

function TestKnn.test_softness_of_itself()
  local knn = classic.knn({ k = 2 }):fit(ds)
  local sum = 0
  for i = 1, #ds do
    local square = (ds.x - ds.x[i]):astype("f64"):square():sum(2):sort()
    sum = sum + square:at(3) / 8
  end
  lu.assertAlmostEquals(knn.fitted_softness, sum / #ds, 1e-9)
end

function TestKnn.test_options_count_at_once_in_a_copy()
  local knn = classic.knn({ k = 4 }):fit(ds)
  near(knn:with({ k = 1 }):scores(test), "knn_uniform_1", 1e-12)
  knn.k = 1
  near(knn:scores(test), "knn_uniform_4", 1e-12, "set for the next fit")
  raises("k: expected at most the 150 samples", function() classic.knn({ k = 151 }):fit(ds) end)
end

function TestKnn.test_saved() same_after_all(classic.knn({ k = 3, weights = "distance" }):fit(ds), ds) end

function TestKnn.test_attacks_find_what_they_find_of_its_neighbours()
  local knn = classic.knn({ k = 1 }):fit(ds)
  local held = data.new { x = test, y = knn:predict(test) }
  local result = attack.auto({ model = knn, norm = "l2", dmax = 1.5 }):run(held)
  lu.assertTrue(metrics.accuracy(knn, data.new { x = result.x_adv, y = held.y }) < 0.2)
end

TestLogistic = {}

function TestLogistic.test_scikit_learn()
  for _, C in ipairs { 0.1, 10 } do
    local name = ("logistic_%g"):format(C)
    local model = classic.logistic({ C = C, tolerance = 1e-10 }):fit(ds)
    near(model.weight, name .. "_coef", 1e-4, name)
    near(model.b, name .. "_b", 1e-4, name)
    near(model:scores(test), name, 1e-4, name)
    lu.assertTrue(model.left <= 1e-10)
  end
end

function TestLogistic.test_two_classes()
  local model = classic.logistic({ C = 2, tolerance = 1e-10 }):fit(two)
  near(model.weight, "logistic_two_coef", 1e-4)
  near(model.b, "logistic_two_b", 1e-4)
  local scores = model:scores(test)
  near(scores:slice(nil, 2) - scores:slice(nil, 1), "logistic_two", 1e-4)
  near(scores:softmax(2), "logistic_two_probability", 1e-5)
  check_gradient(model, test, "two classes")
end

function TestLogistic.test_gradient() check_gradient(classic.logistic():fit(ds), test, "ten classes") end

function TestLogistic.test_saved()
  same_after_all(classic.logistic({ C = 3 }):fit(ds), ds)
  same_after_all(classic.logistic({ C = 3 }):fit(two), two)
end

function TestLogistic.test_not_converged_is_told()
  local model = classic.logistic({ C = 1000, max_iter = 1 }):fit(ds)
  lu.assertTrue(model.left > model.tolerance)
  lu.assertStrContains(tostring(model), "not converged")
  raises("two classes or more", function() classic.logistic():fit(ds:where(ds.y:eq(3))) end)
end

TestSteps = {}

local function transformed(step, samples)
  return classic.pipeline({ step, classic.knn { k = 1 } }):fit(samples or ds):transform(test)
end

function TestSteps.test_scikit_learn()
  near(transformed(classic.minmax { low = -1, high = 2 }), "minmax", 1e-6)
  near(transformed(classic.standard()), "standard", 1e-5)
  near(transformed(classic.standard { std = false }), "centred", 1e-6)
  near(transformed(classic.unit_norm { norm = "l1" }), "l1", 1e-7)
  near(transformed "unit_norm", "l2", 1e-6)
  near(transformed(classic.unit_norm { norm = "max" }), "max", 1e-7)
end

function TestSteps.test_pca()
  for name, case in pairs { pca = { ds }, few = { ds:slice(1, 40) }, whitened = { ds, true } } do
    local step = classic.pca { components = 12, whiten = case[2] }
    local pipeline = classic.pipeline({ step, classic.knn { k = 1 } }):fit(case[1])
    near(pipeline:transform(test), name, 2e-5, name)
    near(pipeline.learnt[1].variance, name .. "_variance", 1e-9, name)
    local rows = pipeline.learnt[1].matrix
    if case[2] then rows = rows * pipeline.learnt[1].variance:sqrt():reshape(12, 1) end
    near(rows, name .. "_components", 1e-8, name)
  end
end

function TestSteps.test_a_row_of_zeros_and_a_constant_feature()
  local x = array.new { { 0, 0, 5 }, { 3, 4, 5 }, { 1, 0, 5 } }
  local flat = data.new { x = x, y = { 0, 1, 1 } }
  local unit = classic.pipeline({ "unit_norm", classic.knn { k = 1 } }):fit(flat)
  lu.assertEquals(unit:transform(array.zeros(1, 3)):totable(), { { 0, 0, 0 } })
  for _, name in ipairs { "minmax", "standard" } do
    local made = classic.pipeline({ name, classic.knn { k = 1 } }):fit(flat):transform(x)
    lu.assertEquals(made:slice(nil, 3):totable(), { 0, 0, 0 })
  end
end

TestPipeline = {}

local function chain()
  return classic.pipeline { classic.standard(), classic.pca { components = 10 }, classic.unit_norm(),
    classic.logistic { C = 5, tolerance = 1e-10 } }
end

function TestPipeline.test_scikit_learn()
  near(chain():fit(ds):scores(test), "chain", 1e-4)
  near(classic.pipeline({ "minmax", classic.knn { k = 3 } }):fit(ds):scores(test), "chain_knn", 1e-12)
end

function TestPipeline.test_gradients_of_every_step()
  local x = test + array.rand(test.shape, { seed = 2 })
  x = x + array.onehot(array.full({ 20 }, 10, { dtype = "i32" }), 64) * 2 -- one stays the largest
  for _, step in ipairs { classic.minmax { low = -1 }, classic.standard(),
    classic.pca { components = 9, whiten = true },
    classic.unit_norm { norm = "l1" }, classic.unit_norm(), classic.unit_norm { norm = "max" } } do
    check_gradient(classic.pipeline({ step, classic.logistic() }):fit(ds), x, tostring(step), 5e-3)
    local curved = classic.pipeline { step, classic.unit_norm(), svm.new { kernel = svm.rbf(1) } }
    check_gradient(curved:fit(ds), x, tostring(step) .. ", svm", 2e-2)
  end
end

function TestPipeline.test_options_by_paths()
  local pipeline = chain()
  pipeline:set { ["model.C"] = 2, ["pca.components"] = 4, ["unit_norm.norm"] = "l1" }
  lu.assertEquals({ pipeline:get "model.C", pipeline["pca.components"], pipeline.steps[3].norm },
    { 2, 4, "l1" })
  lu.assertEquals(pipeline.model.C, 2)
  raises("components: expected", pipeline.set, pipeline, { ["pca.components"] = -1 })
  pipeline:fit(ds)
  local before = pipeline:scores(test)
  pipeline:set { ["unit_norm.norm"] = "l2", ["standard.mean"] = false }
  lu.assertEquals(pipeline:scores(test):totable(), before:totable())
  local twice = classic.pipeline { "pca", "pca", classic.knn() }
  twice["pca2.components"] = 3
  lu.assertEquals({ twice.steps[1].components, twice.steps[2].components }, { 0, 3 })
end

-- What a fitted one prints is what it learnt by; what was set since stands behind it, in files too.
function TestPipeline.test_prints_what_counts()
  local pipeline = chain():fit(ds)
  local learnt = "standard(mean true, std true), pca(components 10, whiten false)"
  lu.assertStrContains(tostring(pipeline), learnt .. ", unit_norm(norm l2), logistic")
  pipeline["pca.components"] = 4
  for _, one in ipairs { pipeline, reloaded(pipeline), pipeline:with {} } do
    lu.assertStrContains(tostring(one), learnt .. " [from the next fit on: components 4], unit_norm(norm l2)")
    lu.assertEquals({ one.learnt[2].options.components, one["pca.components"] }, { 10, 4 })
  end
  lu.assertStrContains(tostring(pipeline:fit(ds)), "pca(components 4, whiten false), unit_norm")
end

-- Whatever a surrogate is in says so.
function TestPipeline.test_a_surrogate_inside()
  local inside = classic.pipeline({ "minmax", classic.knn() }):fit(ds)
  local nr = reject.new { model = inside }
  lu.assertEquals({ inside.gradient_is, nr.gradient_is, reject.confidence({ model = nr.model }).gradient_is },
    { "surrogate", "surrogate", "surrogate" })
  local net = nn.new { input = { 64 }, nn.linear { out = 8, name = "a" }, nn.linear { out = 10 } }
  local layer = reject.layer { net = net, layer = "a", classifier = classic.knn() }
  lu.assertEquals({ layer.gradient_is, layer:fit(ds).gradient_is }, { "surrogate", "surrogate" })
  lu.assertEquals(chain():fit(ds).gradient_is, nil)
  lu.assertEquals(classic.knn({ softness = 0 }):fit(ds).gradient_is, nil)
end

-- Options that follow from elsewhere when they are left open can be opened again.
function TestPipeline.test_nil_is_a_default()
  local knn = classic.knn({ softness = 3 }):fit(ds)
  knn.softness = nil
  lu.assertEquals(knn.softness, nil)
  lu.assertEquals(knn:fit(ds).fitted_softness, classic.knn():fit(ds).fitted_softness)
  raises("k: expected an integer from 1", function() knn.k = nil end)
end

function TestPipeline.test_saved()
  same_after_all(chain():fit(ds), ds)
  same_after_all(classic.pipeline({ "minmax", svm.new { kernel = svm.rbf(0.1) } }):fit(ds), ds)
end

function TestPipeline.test_what_does_not_fit()
  raises("step 1: expected classic.minmax", classic.pipeline, { svm.new(), svm.new() })
  raises("the last: expected a model", classic.pipeline, { "minmax" })
  raises("a list of steps and a model", classic.pipeline, {})
  raises("call :fit first, or :fit_steps", function() chain():scores(test) end)
  raises("components: expected at most 40", function()
    classic.pipeline({ classic.pca { components = 50 }, classic.knn() }):fit(ds:slice(1, 40))
  end)
  raises("low: expected a number below high", function()
    classic.pipeline({ classic.minmax { low = 2 }, classic.knn() }):fit(ds)
  end)
  raises("no finite number", function()
    classic.pipeline({ "standard", classic.knn() }):fit(data.new { x = { { 0 / 0 }, { 1 } }, y = { 0, 1 } })
  end)
end

-- The steps before a model that was fitted to what they make.
function TestPipeline.test_steps_alone()
  local whole = chain():fit(ds)
  local model = whole.model
  local again = classic.pipeline { "standard", classic.pca { components = 10 }, "unit_norm", model }
  lu.assertEquals(#again.classes, 0)
  lu.assertEquals(again:fit_steps(ds):scores(test):totable(), whole:scores(test):totable())
  local other = classic.pipeline { classic.pca { components = 9 }, model }
  raises("the steps make 9 features", other.fit_steps, other, ds)
end

-- In the logarithm, from where every kernel has died out, the way still leads to the target's samples.
function TestPipeline.test_the_direction_in_the_logarithm()
  local machine = classic.pipeline({ "minmax", svm.new { kernel = svm.rbf(20), C = 10 } }):fit(two)
  local far = data.new { x = array.full({ 1, 64 }, 1), y = { 3 } }
  lu.assertEquals(machine:gradient(far.x, { -1, 1 }):abs():max(), 0)
  local function reached(direction)
    local run = attack.pgd { model = machine, norm = "l2", dmax = 8, max_iter = 50, direction = direction }
    return (run:run(far, { target = 8 }).x_adv - far.x):abs():max()
  end
  lu.assertEquals(reached "gradient", 0)
  lu.assertTrue(reached "log" > 0.1)
end

function TestPipeline.test_in_others()
  local net = nn.load "mnist-cnn"
  local digits, held = data.digits(120, { seed = 1 }), data.digits(30, { seed = 2 })
  local defence = dnr.new { net = net, layers = { "relu3", "relu4" },
    layer_classifier = classic.pipeline { "standard", classic.logistic { C = 0.1 } },
    combiner = classic.pipeline { "minmax", svm.new { kernel = svm.rbf(1) } } }
  defence:fit(digits, { seed = 1 })
  local x = held.x:slice { 1, 3 }
  lu.assertTrue(metrics.accuracy(defence, held) > 0.6)
  lu.assertEquals(reloaded(defence):scores(x):totable(), defence:scores(x):totable())
  defence:set { ["combiner.model.C"] = 3, ["relu4.model.C"] = 0.2 }
  local attacker = attack.pgd_exp { model = defence, norm = "l2", dmax = 2, max_iter = 10 }
  local result = attacker:run(held:slice(1, 4))
  lu.assertTrue((result.x_adv - held.x:slice { 1, 4 }):abs():max() > 0)
  local nr = reject.new { model = chain():fit(ds), threshold = 1 }
  lu.assertEquals(nr:scores(test).shape, { 20, 11 })
  local inside = classic.pipeline({ "minmax", nr }):fit(ds)
  inside["model.threshold"] = inside:threshold_for(0.25, test)
  lu.assertEquals((inside:predict(test):eq(-1)):sum(), 5)
end

-- scikit-learn's machines by their arrays, as ?svm.from tells.
TestArrays = {}

function TestArrays.test_scikit_learn()
  local e = expected
  local ovr = svm.from { sv = e.ovr_sv, alpha = e.ovr_alpha, b = e.ovr_b, classes = ds.classes,
    kernel = svm.rbf(0.5) }
  near(ovr:scores(test), "ovr", 1e-5)
  local pair = svm.from { sv = e.two_sv, alpha = e.two_alpha, b = e.two_b, classes = { 3, 8 },
    kernel = svm.poly { gamma = e.two_gamma:at(1), degree = 2, coef0 = 1 } }
  near(pair:scores(test):slice(nil, 2), "two", 1e-5)
  local linear = svm.from { sv = array.eye(64), alpha = e.linear_alpha, b = e.linear_b, classes = ds.classes,
    kernel = svm.linear() }
  near(linear:scores(test), "linear", 1e-5)
end

