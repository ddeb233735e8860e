-- Toy sets, stratified splits, folds, and cross-validation beside scikit-learn's (reference/sklearn/make.py).
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local known = data.read_npz "tests/reference/sklearn/known.npz"
local expected = data.read_npz "tests/reference/sklearn/expected.npz"
local ds = data.new { x = known.x, y = known.y }

TestToys = {}

function TestToys.test_places_without_noise()
  local still = { noise = 0, seed = 1 }
  local function radius(x) return x:astype("f64"):square():sum(2):sqrt() end
  local circles = data.circles(101, { noise = 0, factor = 0.3, seed = 1 })
  local want = array.where(circles.y:eq(0), 1, 0.3)
  lu.assertTrue((radius(circles.x) - want):abs():max() < 1e-6)
  local moons = data.moons(100, still)
  local outer, inner = moons:where(0).x, moons:where(1).x
  lu.assertTrue((radius(outer) - 1):abs():max() < 1e-6)
  lu.assertTrue((radius(inner - array.new { 1, 0.5 }) - 1):abs():max() < 1e-6)
  lu.assertTrue(outer:slice(nil, 2):min() > -1e-6 and inner:slice(nil, 2):max() < 0.5 + 1e-6)
  local xor = data.xor(40, still)
  lu.assertEquals((xor.x:prod(2):gt(0)):totable(), (xor.y:eq(0)):totable())
  lu.assertEquals(xor.x:abs():min(), 1)
  local blobs = data.blobs(9, { noise = 0, seed = 1, centers = { { 1, 2 }, { 3, 4 } } })
  lu.assertEquals({ #blobs:where(0), blobs:where(0).x[1]:totable(), blobs:where(1).x[1]:totable() },
    { 5, { 1, 2 }, { 3, 4 } })
  local spirals = data.spirals(90, { noise = 0, classes = 3, turns = 1, seed = 1 })
  lu.assertEquals(spirals:counts(), { [0] = 30, 30, 30 })
  lu.assertTrue(radius(spirals.x):max() < 1)
end

function TestToys.test_noise_and_seeds()
  for _, name in ipairs { "moons", "circles", "blobs", "xor", "spirals" } do
    local make = data[name]
    local one, still = make(2000, { seed = 3, noise = 0.2 }), make(2000, { seed = 3, noise = 0 })
    lu.assertEquals(one.shape, { 2 })
    lu.assertEquals(one.y:totable(), still.y:totable())
    local off = (one.x - still.x):astype "f64"
    lu.assertAlmostEquals(math.sqrt(off:square():mean()), 0.2, 0.01, name)
    lu.assertEquals(make(50, { seed = 3 }).x:totable(), make(50, { seed = 3 }).x:totable())
    lu.assertNotEquals(make(50, { seed = 3 }).x:totable(), make(50, { seed = 4 }).x:totable())
    raises("n: expected an integer from 1 to 67108864, got 0", make, 0)
    raises("noise: expected a number from 0", make, 5, { noise = -1 })
    raises("noise: expected a number from 0 to 1e+30, got inf", make, 5, { noise = math.huge })
    raises("unknown option", make, 5, { nosie = 1 })
  end
  raises("centers[2]: expected a pair", data.blobs, 5, { centers = { { 1, 2 }, 3 } })
end

TestSplits = {}

-- 60 of class 0, 30 of class 1, 11 of class 2.
local function uneven()
  local labels = {}
  for i = 1, 101 do labels[i] = i <= 60 and 0 or i <= 90 and 1 or 2 end
  return data.new { x = array.arange(101, { dtype = "f32" }):reshape(101, 1), y = labels }
end

function TestSplits.test_stratified_split()
  local whole = uneven()
  local first, second = whole:split(0.3, { stratified = true, seed = 1 })
  lu.assertEquals({ #first, #second }, { 30, 71 })
  lu.assertEquals(first:counts(), { [0] = 18, 9, 3 })
  lu.assertEquals(whole:split(0.25, { stratified = true, seed = 1 }):counts(), { [0] = 15, 7, 3 })
  local all = first.x:reshape(-1):totable()
  for _, value in ipairs(second.x:reshape(-1):totable()) do all[#all + 1] = value end
  table.sort(all)
  lu.assertEquals(all, whole.x:reshape(-1):totable())
  local again = whole:split(0.3, { stratified = true, seed = 1 })
  lu.assertEquals(again.x:totable(), first.x:totable())
  lu.assertNotEquals(whole:split(0.3, { stratified = true, seed = 2 }).x:totable(), first.x:totable())
  local plain = whole:split(0.3, { seed = 1 })
  lu.assertEquals(whole:split(0.3, { seed = 1, stratified = false }).x:totable(), plain.x:totable())
  raises("stratified: expected true or false", whole.split, whole, 0.3, { stratified = 1 })
  raises("share: expected a number between 0 and 1", whole.split, whole, 2, { stratified = true })
end

function TestSplits.test_folds()
  local whole = uneven()
  local fold = whole:folds(4, { seed = 1 })
  lu.assertEquals({ fold:min(), fold:max() }, { 1, 4 })
  for k = 1, 4 do
    local counts = whole:where(fold:eq(k)):counts()
    lu.assertEquals(counts[0], 15)
    lu.assertTrue(math.abs(counts[1] - 7.5) < 1 and math.abs(counts[2] - 2.75) < 1)
  end
  local plain, sizes = whole:folds(4, { seed = 1, stratified = false }), {}
  for k = 1, 4 do sizes[k] = #whole:where(plain:eq(k)) end
  table.sort(sizes)
  lu.assertEquals(sizes, { 25, 25, 25, 26 })
  lu.assertNotEquals(plain:totable(), fold:totable())
  raises("k: expected", whole.folds, whole, 1)
end

-- The folds that a dnr draws for a seed.
function TestSplits.test_folds_are_those_of_a_fit()
  local net = nn.new { input = { 64 }, classes = ds.classes, seed = 1, nn.linear { out = 10, name = "fc" } }
  local function fitted(options)
    local defence = dnr.new { net = net, layers = { "fc" }, layer_classifier = classic.knn { k = 3 },
      combiner = classic.logistic() }
    return defence:fit(ds, options):scores(known.test):totable()
  end
  lu.assertEquals(fitted { folds = ds:folds(3, { seed = 5 }) }, fitted { folds = 3, seed = 5 })
  lu.assertNotEquals(fitted { folds = ds:folds(3, { seed = 6 }) }, fitted { folds = 3, seed = 5 })
end

TestCrossValidation = {}

function TestCrossValidation.test_scikit_learn()
  for name, model in pairs { knn = classic.knn { k = 3 }, logistic = classic.logistic { C = 1 } } do
    local found = evaluate.cross_validate(model, ds, { folds = expected.fold })
    local want = expected["folds_" .. name]
    lu.assertTrue((array.new(found.values.accuracy, { dtype = "f64" }) - want):abs():max() < 1e-12)
    lu.assertAlmostEquals(found.mean.accuracy, want:mean(), 1e-12)
    lu.assertAlmostEquals(found.std.accuracy, want:std(), 1e-12)
    lu.assertEquals({ found.folds, found.done, #model.classes }, { 5, 5, 0 })
  end
end

function TestCrossValidation.test_measures_of_every_kind()
  local model = classic.knn { k = 1 }
  local options = { folds = 3, seed = 1,
    metrics = { "accuracy", "error", "rejection_rate", size = function(fitted, held)
      lu.assertEquals(#fitted.samples + #held, #ds)
      return #held
    end } }
  local found = evaluate.cross_validate(model, ds, options)
  lu.assertEquals(found.metrics, { "accuracy", "error", "rejection_rate", "size" })
  lu.assertAlmostEquals(found.mean.accuracy + found.mean.error, 1, 1e-12)
  lu.assertEquals({ found.mean.rejection_rate, found.mean.size, found.std.size }, { 0, 50, 0 })
  lu.assertStrContains(tostring(found), "3 of 3 folds of knn of 1")
  lu.assertEquals(evaluate.cross_validate(model, ds, options).values.accuracy, found.values.accuracy)
end

function TestCrossValidation.test_a_model_in_lua()
  local fits = 0
  local model = { classes = { 0, 1 } }
  function model:scores(x) return array.zeros(#x, #self.classes) end
  function model:fit(part)
    fits = fits + 1
    self.classes = part.classes
  end
  function model.clone() return { classes = { 0, 1 }, scores = model.scores, fit = model.fit } end
  local found = evaluate.cross_validate(model, ds, { folds = 3, seed = 1 })
  lu.assertEquals(fits, 3)
  lu.assertTrue(found.mean.accuracy < 0.2)
  model.clone = nil
  raises("needs the methods clone and fit", evaluate.cross_validate, model, ds)
end

function TestCrossValidation.test_what_does_not_fit()
  local model = classic.knn { k = 1 }
  raises("model: expected a model", evaluate.cross_validate, 1, ds)
  raises("data: expected a dataset", evaluate.cross_validate, model, known.x)
  local function with(words, options) raises(words, evaluate.cross_validate, model, ds, options) end
  with("metrics[1]: expected a name from metrics", { metrics = { "nothing" } })
  with("metrics: bad: expected a number, got", { metrics = { bad = function() return "x" end } })
  with("folds: expected how many, or the fold of each", { folds = { 1, 2 } })
  with("evaluate.cross_validate: folds: expected an integer from 2 to 150, one fold a sample at most, got 1",
    { folds = 1 })
  with("folds: expected an integer from 2 to 150", { folds = 151 })
  with("folds: expected an integer from 2 to 150", { folds = 2.5 })
  raises("data: expected two samples or more, got 0", evaluate.cross_validate, model, ds:take {})
  local nothing = evaluate.cross_validate(model, ds, { folds = 2,
    metrics = { none = function() return -(0 / 0) end, other = function() return 0 / 0 end } })
  lu.assertStrContains(tostring(nothing), "nan ± nan   (nan nan)")
  lu.assertNotStrContains(tostring(nothing), "-nan")
  with("two folds or more", { folds = array.ones(#ds, { dtype = "i32" }) })
end
