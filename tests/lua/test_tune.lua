-- dnr.tune: every candidate against SVMs fitted fold by fold, ties, what is set, what is refused.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local reference = dofile "tests/lua/reference.lua"

local LAYERS = { "relu1", "relu2", "relu3" }
local FOLDS = 3

-- Solved so well that no sample's class hangs on how a sum was rounded.
local function classifier(C, gamma)
  return svm.new { kernel = svm.rbf(gamma), C = C, solver = "smo", tolerance = 1e-7 }
end

local function untuned(parts)
  local options = {
    net = reference.net(), layers = LAYERS, layer_classifier = classifier(1, 0.05),
    combiner = classifier(1, 1),
  }
  for name, part in pairs(parts or {}) do options[name] = part end
  return dnr.new(options)
end

-- Harder to tell apart: no two candidates are as good.
local function noisy(ds)
  return ds:with { x = ds.x + array.randn(ds.x.shape, { seed = 3 }) * 0.5 }
end

-- Folds of 1, 2, 3, uneven in size and class.
local function folds_of(ds)
  local fold = {}
  for i = 1, #ds do fold[i] = (i * i // 3 + i // 7) % FOLDS + 1 end
  return fold
end

local function positions(fold, k, inside)
  local list = {}
  for i, f in ipairs(fold) do
    if (f == k) == inside then list[#list + 1] = i end
  end
  return list
end

-- The share of right answers over all samples, the deviation of the folds' shares, and every sample's scores,
-- of models that `make` makes, fitted to all folds but one.
local function by_hand(ds, fold, make)
  local right, shares, scores = 0, {}, {}
  for k = 1, FOLDS do
    local inner, outer = positions(fold, k, false), positions(fold, k, true)
    local model, held = make():fit(ds:take(inner)), ds:take(outer)
    local predicted, here, rows = model:predict(held), 0, model:scores(held)
    for j, i in ipairs(outer) do
      here = here + (predicted:at(j) == held.y:at(j) and 1 or 0)
      scores[i] = rows[j]:totable()
    end
    right, shares[k] = right + here, here / #outer
  end
  local mean, squares = 0, 0
  for k = 1, FOLDS do mean = mean + shares[k] / FOLDS end
  for k = 1, FOLDS do squares = squares + (shares[k] - mean) ^ 2 end
  return right / #ds, math.sqrt(squares / FOLDS), scores
end

local function assert_part(part, ds, fold, make)
  local best, best_scores
  for r, C in ipairs(part.C) do
    for c, gamma in ipairs(part.gamma) do
      local accuracy, spread, scores = by_hand(ds, fold, function() return make(classifier(C, gamma)) end)
      local name = ("%s C %g gamma %g"):format(part.name, C, gamma)
      lu.assertEquals(part.accuracy:at(r, c), accuracy, name)
      lu.assertAlmostEquals(part.spread:at(r, c), spread, 1e-12, name)
      if not best or accuracy > best.accuracy then
        best, best_scores = { C = C, gamma = gamma, accuracy = accuracy, spread = part.spread:at(r, c),
          row = r, column = c }, scores
      end
    end
  end
  lu.assertEquals(part.best, best)
  return best_scores
end

TestTune = {}

function TestTune.test_every_candidate_fold_by_fold()
  local train, defence = noisy(reference.train()), untuned()
  local fold = folds_of(train)
  local found = dnr.tune(defence, train, {
    layers = {
      C = { 0.1, 1, 10 }, gamma = { 0.1, 0.01 }, relu2 = { C = { 3, 0.3 } }, relu3 = { gamma = 0.2 },
    },
    combiner = { C = { 0.05, 5 }, gamma = { 0.02, 1, 30 } }, folds = fold, fit = false,
  })
  lu.assertEquals(found.parts[1].C, { 0.1, 1, 10 })
  lu.assertEquals(found.parts[2].C, { 3, 0.3 })
  lu.assertEquals(found.parts[2].gamma, { 0.1, 0.01 })
  lu.assertEquals(found.parts[3].gamma, { 0.2 })
  local inputs = {}
  for i = 1, #train do inputs[i] = {} end
  for l, name in ipairs(LAYERS) do
    local net = defence.net
    local scores = assert_part(found.parts[l], train, fold, function(svc)
      return reject.layer { net = net, layer = name, classifier = svc }
    end)
    for i, row in ipairs(scores) do table.move(row, 1, #row, #inputs[i] + 1, inputs[i]) end
  end
  local stacked = data.new { x = array.new(inputs, { dtype = "f32" }), y = train.y }
  assert_part(found.parts[4], stacked, fold, function(svc) return svc end)
  lu.assertEquals(found.parts[4].name, "combiner")
  lu.assertEquals({ found.n, found.folds, found.solver, found.seed, found.interrupted, found.fitted },
    { #train, FOLDS, "smo", nil, false, false })
  lu.assertTrue(found.bytes > 2 * 4 * 300 ^ 2 and found.seconds > found.parts[1].seconds)
end

local grid = {
  layers = { C = { 1, 10 }, gamma = { 0.1, 0.01 } }, combiner = { C = { 0.1, 1 }, gamma = { 20, 1 } },
  folds = 4, seed = 7,
}

local function with(changes)
  local options = {}
  for name, value in pairs(grid) do options[name] = value end
  for name, value in pairs(changes) do options[name] = value end
  return options
end

function TestTune.test_what_is_set()
  local train, test = noisy(reference.train()), reference.test()
  local a, b = untuned(), untuned()
  local found = dnr.tune(a, train, grid)
  lu.assertTrue(found.fitted)
  for _, part in ipairs(found.parts) do lu.assertEquals(part.best.column, 2, part.name) end
  lu.assertEquals(found.seed, 7)
  for _, part in ipairs(found.parts) do
    lu.assertEquals(a:get(part.name .. ".C"), part.best.C)
    lu.assertEquals(a:get(part.name .. ".kernel.gamma"), part.best.gamma)
  end
  b:set(found.chosen):fit(train, { folds = 4, seed = 7 })
  lu.assertEquals(reference.gap(a:scores(test), b:scores(test)), 0)
  -- set alone: it takes effect with the next fit, as after :set
  local again = dnr.tune(b, train, with { fit = false, layers = { gamma = { 0.03 } } })
  lu.assertFalse(again.fitted)
  lu.assertEquals(b:get "relu1.kernel.gamma", 0.03)
  lu.assertEquals(b:get "relu1.C", found.chosen["relu1.C"])
  lu.assertEquals(reference.gap(a:scores(test), b:scores(test)), 0)
end

-- With so much tolerance the solvers part: it shows which one has trained.
function TestTune.test_the_solver_is_the_search_s_alone()
  local train = noisy(reference.train())
  local function searched(own, solver)
    local loose = svm.new { tolerance = 1.9, solver = own, kernel = svm.rbf(0.01) }
    local defence = untuned { layer_classifier = loose, combiner = loose:clone() }
    local found = dnr.tune(defence, train, with { solver = solver, layers = { C = { 1, 10 } }, fit = false })
    lu.assertEquals({ found.solver, defence.relu1.solver, defence.combiner.solver },
      { solver or "smo", own, own })
    return found.parts[1].accuracy:totable()
  end
  local smo, libsvm = searched("libsvm"), searched("smo", "libsvm")
  lu.assertNotEquals(smo, libsvm)
  lu.assertEquals(searched("smo"), smo)
  lu.assertEquals(searched("libsvm", "libsvm"), libsvm)
end

-- All equally good: the first in the order given, which need not be the least.
function TestTune.test_ties()
  local train = reference.train()
  local found = dnr.tune(untuned(), train, with {
    layers = { C = { 10, 10, 10 }, gamma = { 0.02, 0.02 } }, combiner = { C = { 7, 7 } },
  })
  for _, part in ipairs(found.parts) do
    lu.assertEquals(part.accuracy:min(), part.accuracy:max())
    lu.assertEquals({ part.best.row, part.best.column }, { 1, 1 })
  end
end

function TestTune.test_own_values_are_tried_where_none_are_given()
  local defence = untuned { combiner = svm.new { kernel = svm.linear(), C = 0.3 } }
  local found = dnr.tune(defence, reference.train(), {
    layers = { relu2 = { C = { 1, 2 } } }, combiner = { C = { 0.1, 1 } }, folds = 3,
  })
  lu.assertEquals(found.parts[1].C, { 1 })
  lu.assertEquals(found.parts[1].gamma, { 0.05 })
  lu.assertEquals(found.parts[2].accuracy.shape, { 2, 1 })
  lu.assertEquals(found.parts[4].C, { 0.1, 1 })
  lu.assertNil(found.parts[4].gamma)
  lu.assertNil(found.chosen["combiner.kernel.gamma"])
end

-- A classifier written in Lua is judged as it is, and the combiner tuned on its scores.
function TestTune.test_part_that_is_no_svm()
  local Means = {}
  Means.__index = Means
  function Means:clone() return setmetatable({}, getmetatable(self)) end
  function Means:fit(ds)
    self.classes, self.mean = ds.classes, {}
    for k, label in ipairs(ds.classes) do
      self.mean[k] = ds:where(function(y) return y == label end).x:mean(1)
    end
  end
  function Means:scores(x)
    local columns = {}
    for k, mean in ipairs(self.mean) do columns[k] = -((x - mean) * (x - mean)):sum(2) / 2 end
    return array.stack(columns, 2)
  end
  local train, net = reference.train(), reference.net()
  local fold = folds_of(train)
  local defence = untuned { layer_classifiers = { relu3 = setmetatable({}, Means) } }
  local found = dnr.tune(defence, train, with { folds = fold })
  local part = found.parts[3]
  local accuracy, spread = by_hand(train, fold, function()
    return reject.layer { net = net, layer = "relu3", classifier = setmetatable({}, Means) }
  end)
  lu.assertEquals({ part.kind, part.C, part.best.accuracy }, { "lua", nil, accuracy })
  lu.assertAlmostEquals(part.best.spread, spread, 1e-12)
  lu.assertStrContains(tostring(found), ("relu3: as it is: %.2f ± "):format(100 * accuracy))
  lu.assertTrue(found.fitted and #defence.classes == 5)
  raises("dnr.tune: relu3: expected an svm to tune, got a lua", dnr.tune, defence, train,
    { layers = { relu3 = { C = { 1 } } } })
end

function TestTune.test_table_and_csv()
  local found = dnr.tune(untuned(), reference.train(), grid)
  local words, part = tostring(found), found.parts[1]
  lu.assertStrMatches(words, "dnr.tune: 300 samples in 4 folds, [%d.]+ s; set and fitted\n.*")
  lu.assertStrContains(words, ("\nrelu1: C %g, gamma %g: %.2f ± %.2f %%, "):format(part.best.C,
    part.best.gamma, 100 * part.best.accuracy, 100 * part.best.spread))
  local _, stars = words:gsub("%*", "")
  lu.assertEquals(stars, 4)
  local path = os.tmpname()
  lu.assertEquals(found:csv(path), path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  os.remove(path)
  lu.assertEquals(#lines, 1 + 4 * 4)
  lu.assertEquals(lines[1], "part,C,gamma,accuracy,spread,best")
  lu.assertEquals(lines[3], ('relu1,1,0.01,%.15g,%.15g,%s'):format(part.accuracy:at(1, 2),
    part.spread:at(1, 2), part.best.row == 1 and part.best.column == 2))
  raises("csv: path: expected a string, got nothing", found.csv, found)
  raises("csv: ", found.csv, found, "/nowhere/at/all.csv")
end

function TestTune.test_refused()
  local train, defence = reference.train(), untuned()
  local function refused(words, options, ds) raises(words, dnr.tune, defence, ds or train, options) end
  raises("dnr.tune: defence: expected a dnr, got ", dnr.tune, reference.net(), train, grid)
  refused("dnr.tune: ds: expected a dataset", grid, train.x)
  refused("dnr.tune: expected values to try, layers = {", {})
  refused("dnr.tune: expected values to try, layers = {", { layers = {}, combiner = {} })
  refused("dnr.tune: unknown option 'layer'; did you mean 'layers'?", { layer = {} })
  refused("dnr.tune: layers: unknown option 'relu9'; did you mean 'relu1'? (valid: C, gamma, relu1, ",
    { layers = { relu9 = { C = 1 } } })
  refused("dnr.tune: relu2: unknown option 'c'", { layers = { relu2 = { c = 1 } } })
  refused("dnr.tune: relu2: expected a table, { C = {…}, gamma = {…} }, got ", { layers = { relu2 = 3 } })
  refused("dnr.tune: layers: expected a table, ", { layers = 3 })
  refused("dnr.tune: combiner: unknown option 'relu1'", { combiner = { relu1 = {} } })
  refused("dnr.tune: relu1: C: expected a value to try", { layers = { C = {} } })
  refused("dnr.tune: relu1: gamma: expected a value to try", { layers = { gamma = {} } })
  refused("dnr.tune: relu3: C: expected numbers above 0, got -1", { layers = { relu3 = { C = { 1, -1 } } } })
  refused("dnr.tune: combiner: the rbf kernel: gamma: expected a number above 0, got -2",
    { combiner = { gamma = { 1, -2 } } })
  refused('dnr.tune: relu1: C[2]: expected a number, got the string "b"', { layers = { C = { 1, "b" } } })
  refused("dnr.tune: relu1: C: expected a list of numbers, got ", { layers = { C = { { 1, 2 } } } })
  refused("dnr.tune: folds: expected an integer from 2 to 300, got 1", with { folds = 1 })
  refused("dnr.tune: folds: expected from 2 to the 3 samples, got 5", { layers = { C = 1 } },
    train:slice(1, 3))
  refused("dnr.tune: seed: expected an integer, got ", with { seed = "x" })
  refused("dnr.tune: folds is (3,), expected one fold for each of 300 samples", with { folds = { 1, 2, 3 } })
  refused("dnr.tune: solver: expected", with { solver = "sgd" })
  refused("dnr.tune: relu1: data: expected samples of two classes or more", grid, train:take(
    positions(train.y:totable(), 2, true)))
  refused("features", grid, data.new { x = train.x:slice(nil, { 1, 7 }), y = train.y })
  -- nothing was trained, nothing is set
  lu.assertEquals({ #defence.classes, defence:get "relu3.C", defence:get "combiner.kernel.gamma" },
    { 0, 1, 1 })
  raises("dnr.tune: combiner: gamma: the linear kernel has none", dnr.tune,
    untuned { combiner = svm.new { kernel = svm.linear() } }, train, grid)
end

-- Fold 2 holds all samples of one of two classes.
function TestTune.test_one_class_in_a_fold()
  local train = reference.train()
  local two = train:where(function(y) return y < 2 end)
  local fold = {}
  for i = 1, #two do fold[i] = two.y:at(i) == 1 and 2 or i % 2 * 2 + 1 end
  local defence = untuned()
  raises("dnr.tune: relu1: without fold 2 all samples are of one class", dnr.tune, defence, two,
    with { folds = fold })
  lu.assertEquals(defence:get "relu1.C", 1)
end

function TestTune.test_one_svm_in_two_places()
  local shared = classifier(1, 0.05)
  raises("dnr.tune: relu1 and relu2 are one and the same svm", dnr.tune,
    untuned { layer_classifiers = { relu1 = shared, relu2 = shared } }, reference.train(), grid)
end

-- What no machine has is refused at once, with the arithmetic.
function TestTune.test_too_many_samples()
  local n = 300000
  local net = nn.new { input = { 2 }, seed = 1, nn.linear { out = 2 }, nn.relu { name = "relu" } }
  local defence = dnr.new {
    net = net, layers = { "relu" }, layer_classifier = svm.new {}, combiner = svm.new {},
  }
  local ds = data.new { x = array.zeros { n, 2 }, y = array.arange(n, { dtype = "i32" }):lt(100) }
  -- smo, which looks for the values, would do; libsvm, which fits in the end, would not. It has a cache for
  -- each of the fits that run at the same time.
  for _, words in ipairs { "dnr.tune: needs 108", " GB (layer outputs 2 MB, one part's kernel matrix "
    .. "300000 x 300000 x 4 bytes and libsvm's x 8 bytes = 1080.0 GB" } do
    raises(words, dnr.tune, defence, ds, { layers = { C = { 1 } } })
  end
end
