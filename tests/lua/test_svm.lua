local lu = require "luaunit"

local function case(name, array_name)
  return data.npy("tests/reference/" .. name .. "/" .. array_name .. ".npy")
end

local function largest(a)
  return a:abs():max()
end

local function assert_close(a, b, within)
  lu.assertTrue((a - b):abs():max() <= within * largest(b))
end

-- two noisy clouds, labels 3 and 8
local function clouds(n, seed)
  local x = array.randn({ n, 4 }, { seed = seed })
  local y = {}
  for i = 1, n do
    y[i] = i % 2 == 0 and 3 or 8
    x:set(x:at(i, 1) + (i % 2 == 0 and 2 or -2), i, 1)
  end
  return data.new { x = x, y = array.new(y, { dtype = "i32" }), shape = { 4 } }
end

TestSvm = {}

function TestSvm:test_trained_like_the_reference()
  local name = "svm_rbf_4class_first3"
  local ds = data.new { x = case(name, "train_x"), y = case(name, "train_y"), shape = { 6 } }
  local m = svm.new { kernel = svm.rbf(0.5), C = 2 }
  lu.assertIs(m:fit(ds), m)
  assert_close(m:scores(case(name, "test_x")), case(name, "scores"), 3e-3)
  lu.assertEquals(m:predict(case(name, "test_x")):totable(), case(name, "test_y_pred"):totable())
  local w = case(name, "grad_w")
  local x = case(name, "test_x"):slice({ 1, w.shape[1] })
  assert_close(m:gradient(x, w), case(name, "gradient"), 5e-3)
end

-- what no machine has is refused at once, with the arithmetic
function TestSvm:test_too_many_samples()
  local n = 400000
  local ds = data.new { x = array.zeros { n, 2 }, y = array.arange(n, { dtype = "i32" }):lt(100) }
  local function refused(words, f)
    local ok, message = pcall(f)
    lu.assertFalse(ok)
    lu.assertStrContains(message, words)
  end
  local matrix = "kernel matrix 400000 x 400000 x 4 bytes"
  refused("fit: needs 19", function() svm.new { kernel = svm.rbf(1) }:fit(ds) end)
  refused(matrix .. " and libsvm's x 8 bytes = 1920.0 GB", function()
    svm.new { kernel = svm.rbf(1) }:fit(ds)
  end)
  refused('solver = "smo" needs 2.6 GB', function() svm.new { kernel = svm.rbf(1) }:fit(ds) end)
  refused("svm.search: needs", function()
    svm.search { kernel = "rbf", data = ds, C = { 1 }, gamma = { 1 } }
  end)
end

function TestSvm:test_from_numbers()
  for name, classes in pairs { svm_rbf_4class = { 0, 1, 2, 3 }, svm_rbf_binary = { 0, 1 } } do
    local m = svm.from {
      sv = case(name, "sv"), alpha = case(name, "alpha"), b = case(name, "b"), classes = classes,
      kernel = svm.rbf(#classes == 2 and 1 or 0.5),
    }
    assert_close(m:scores(case(name, "test_x")), case(name, "scores"), 1e-6)
    lu.assertEquals(m.classes, classes)
  end
end

function TestSvm:test_fields()
  local m = svm.new { kernel = "poly", C = 3, weights = { [3] = 2 } }
  lu.assertEquals(m.kernel, { name = "poly", gamma = 1, coef0 = 0, degree = 3 })
  lu.assertEquals({ m.C, m.tolerance, m.weights, m.support, m.kind }, { 3, 1e-3, { [3] = 2 }, 0, "svm" })
  lu.assertNil(m.sv)
  lu.assertEquals(tostring(m), "svm poly(gamma 1, coef0 0, degree 3), C 3 (not fitted)")
  m:fit(clouds(60, 1))
  lu.assertEquals(m.classes, { 3, 8 })
  lu.assertEquals(m.sv.shape, { m.support, 4 })
  lu.assertEquals(m.alpha.shape, { 1, m.support })
  lu.assertEquals(m.b.shape, { 1 })
  lu.assertEquals(m.support_per_class[1] + m.support_per_class[2], m.support)
  lu.assertStrContains(tostring(m), ("2 classes, 4 features, %d support vectors"):format(m.support))
end

function TestSvm:test_solvers_agree()
  local ds = clouds(80, 8)
  local scores = {}
  for _, solver in ipairs { "libsvm", "smo" } do
    local m = svm.new { solver = solver, tolerance = 1e-5 }:fit(ds)
    lu.assertEquals(m.solver, solver)
    scores[#scores + 1] = m:scores(ds)
  end
  assert_close(scores[1], scores[2], 1e-4)
end

-- Clouds that overlap, in features that nobody has scaled: no solver comes to an end.
function TestSvm:test_what_the_solver_gives_up_is_told()
  local ds = data.blobs(30, { centers = { { 0, 0 }, { 1, 1 } }, seed = 3 })
  local unscaled, path = data.new { x = ds.x * 1000, y = ds.y }, os.tmpname()
  for _, solver in ipairs { "libsvm", "smo" } do
    local m = svm.new { kernel = svm.linear(), C = 1e4, solver = solver }:fit(unscaled)
    lu.assertEquals(m.unsolved, 1)
    lu.assertStrContains(tostring(m), "1 problem not solved to the tolerance")
    m:save(path)
    lu.assertEquals(perigee.load(path).unsolved, 1)
    lu.assertEquals(m:with({}).unsolved, 1)
    lu.assertEquals(m:clone().unsolved, 0)
    m:set { C = 1 }
    lu.assertEquals(m:fit(ds).unsolved, 0)
    lu.assertNotStrContains(tostring(m), "not solved")
  end
  os.remove(path)
end

function TestSvm:test_two_classes_mirror_each_other()
  local ds = clouds(60, 2)
  local scores = svm.new {}:fit(ds):scores(ds)
  for i = 1, 60 do lu.assertEquals(scores:at(i, 1), -scores:at(i, 2)) end
end

function TestSvm:test_built_again_from_its_own_numbers()
  local ds = clouds(60, 3)
  local m = svm.new { kernel = svm.linear() }:fit(ds)
  local again = svm.from { sv = m.sv, alpha = m.alpha, b = m.b, kernel = m.kernel, classes = m.classes }
  lu.assertEquals(again:scores(ds):totable(), m:scores(ds):totable())
  -- another kernel, under the same numbers
  for _, kernel in ipairs { svm.rbf(0.3), svm.rbf(0.7), svm.poly { degree = 2 } } do
    again = svm.from { sv = m.sv, alpha = m.alpha, b = m.b, kernel = kernel, classes = m.classes }
    lu.assertEquals(m:with({ kernel = kernel }):scores(ds):totable(), again:scores(ds):totable())
  end
end

function TestSvm:test_saved_and_loaded()
  local ds, path = clouds(60, 4), os.tmpname()
  local m = svm.new { kernel = svm.rbf { gamma = 0.2 }, weights = "balanced" }:fit(ds)
  m:save(path)
  local back = perigee.load(path)
  os.remove(path)
  lu.assertEquals(back:scores(ds):totable(), m:scores(ds):totable())
  lu.assertEquals(back.weights, "balanced")
  lu.assertEquals(tostring(back), tostring(m))
end

TestSvmSearch = {}

function TestSvmSearch:test_grid()
  local ds = clouds(120, 5)
  local grid = { data = ds, kernel = "rbf", C = { 0.1, 1 }, gamma = { 0.01, 0.1, 1 }, folds = 4, seed = 1 }
  local found = svm.search(grid)
  lu.assertEquals(found.table.shape, { 2, 3 })
  lu.assertEquals(found.accuracy, found.table:max())
  lu.assertEquals(found.model.C, found.best.C)
  lu.assertEquals(found.model.kernel.gamma, found.best.gamma)
  lu.assertTrue(found.accuracy > 0.9)
  lu.assertStrContains(tostring(found), "svm.search: best C ")
  grid.fit = false
  local again = svm.search(grid)
  lu.assertEquals(again.table:totable(), found.table:totable())
  lu.assertNil(again.model)
end

function TestSvmSearch:test_kernel_without_gamma()
  local found = svm.search { data = clouds(60, 6), kernel = svm.linear(), C = { 0.1, 1 } }
  lu.assertEquals(found.table.shape, { 2, 1 })
  lu.assertNil(found.best.gamma)
  lu.assertStrContains(tostring(found), "accuracy")
end

TestSvmErrors = {}

local function fails(message, f, ...)
  lu.assertErrorMsgContains(message, f, ...)
end

-- what gives no numbers to reckon with, or nothing to learn, is no model
function TestSvmErrors:test_no_answer()
  local x = array.randn(300, 2, { seed = 1 })
  local ds = data.new { x = x, y = x:sum(2):gt(0) }
  for _, solver in ipairs { "libsvm", "smo" } do
    local function refused(message, options, samples)
      options.solver = solver
      local m = svm.new(options)
      fails("svm:fit: " .. message, m.fit, m, samples or ds)
    end
    local steep = svm.poly { degree = 16, gamma = 30, coef0 = 1 }
    refused("the kernel poly answers 6.58079e+35 for samples 3 and 3; expected numbers up to 1e+30: "
      .. "scale the features", { kernel = steep })
    refused("the kernel linear answers inf for samples ", { kernel = svm.linear() }, ds:with { x = x * 1e25 })
    refused("no sample becomes a support vector with C 1 and tolerance 3: expected a larger C, or a "
      .. "smaller tolerance", { tolerance = 3 })
    refused("no sample becomes a support vector with C ", { C = 1e-310 })
    local many = data.new { x = array.randn(3000, 2, { seed = 1 }), y = array.arange(3000):mod(2) }
    refused("the kernel poly answers ", { kernel = steep, memory = "20MB" }, many)
  end
  fails("svm.search: the kernel poly answers inf for samples ", svm.search,
    { kernel = "poly", data = ds, C = { 1 }, gamma = { 1, 1e20 } })
end

function TestSvmErrors:test_options()
  fails("svm.new: unknown option 'gamma'", svm.new, { gamma = 1 })
  fails('svm.new: kernel: expected svm.linear(), svm.rbf(gamma), svm.poly{', svm.new, { kernel = "rbv" })
  fails("svm.new: unknown option 'degree'", svm.new, { kernel = { name = "rbf", degree = 2 } })
  for _, C in ipairs { -1, 0, 1 / 0, "1", true } do
    fails("svm.new: C: expected a number above 0, got", svm.new, { C = C })
  end
  fails("svm.new: options go by name", svm.new, { svm.linear(), C = 1 })
  fails("svm.rbf: gamma: expected a number above 0, got true", svm.rbf, true)
  fails("weights", svm.new, { weights = 3 })
  fails("solver", svm.new, { solver = "sgd" })
  fails("svm.rbf: gamma: expected a number above 0, got 0", svm.rbf, 0)
  fails("degree", svm.poly, { degree = 0 })
  fails("svm.poly: options: expected a table, got 3", svm.poly, 3) -- gamma, or the degree?
end

function TestSvmErrors:test_numbers_that_do_not_agree()
  local sv, alpha, b = array.zeros { 5, 2 }, array.zeros { 3, 5 }, array.zeros { 3 }
  fails("svm.from: alpha has 3 rows for 2 classes", svm.from,
    { sv = sv, alpha = alpha, b = b, classes = { 1, 2 } })
  fails("(5, 2), alpha (3, 5) and b (2,) do not agree", svm.from,
    { sv = sv, alpha = alpha, b = array.zeros { 2 }, classes = { 1, 2, 3 } })
  fails("none of them empty", svm.from,
    { sv = array.zeros { 0, 2 }, alpha = array.zeros { 3, 0 }, b = b, classes = { 1, 2, 3 } })
  fails("classes: expected rising labels, got 2 before 1", svm.from,
    { sv = sv, alpha = alpha, b = b, classes = { 2, 1, 3 } })
end

function TestSvmErrors:test_use_before_fit()
  local m = svm.new {}
  fails("this svm is not fitted yet", m.scores, m, array.zeros { 2, 4 })
  fails("svm: support cannot be set: it is not an option", function() m.support = 3 end)
  fails("svm:set: unknown option 'kernel.degree' (valid: C, ", m.set, m, { ["kernel.degree"] = 2 })
  fails("svm:set: kernel: expected", m.set, m, { C = 7, kernel = "nonsense", tolerance = 0.5 })
  fails("svm:set: weights: expected", m.set, m, { C = 7, weights = 3, tolerance = 0.5 })
end

-- Reading, assigning, :set and :get are one thing, for objects among the options too.
function TestSvm:test_options_by_every_way()
  local m = svm.new { C = 2 }
  m.C = 3
  lu.assertEquals({ m.C, m:get("C"), m.solver, m["kernel.gamma"] }, { 3, 3, "libsvm", 1 })
  m:set { C = 4, solver = "smo", ["kernel.gamma"] = 0.5 }
  lu.assertEquals({ m.C, m.solver, m.kernel.gamma }, { 4, "smo", 0.5 })
  m.kernel = svm.poly { degree = 2 }
  lu.assertEquals(m:get("kernel"), { name = "poly", gamma = 1, coef0 = 0, degree = 2 })
  m.weights = { [3] = 2, [5] = 0.5 }
  lu.assertEquals(m.weights, { [3] = 2, [5] = 0.5 })
  m:set { weights = "balanced" }
  lu.assertEquals(m.weights, "balanced")
  m.weights = nil
  lu.assertNil(m.weights)
  -- a mistake in one leaves all as they were
  fails("svm:set: C: expected a number above 0, got 0", m.set, m, { solver = "libsvm", C = 0 })
  lu.assertEquals({ m.C, m.solver }, { 4, "smo" })
  fails("weights: expected a number above 0", function() m.weights = { [3] = -1 } end)
end

-- svm.solver is what svm.new and svm.search take where none is said.
function TestSvm:test_solver_of_the_session()
  lu.assertEquals(svm.solver, "libsvm")
  local before = svm.new {}
  fails("svm has no setting 'sovler'; did you mean solver?", function() svm.sovler = "smo" end) -- luacheck: ignore
  svm.solver = "smo" -- luacheck: ignore
  local ds = clouds(20, 7)
  lu.assertEquals({ svm.solver, svm.new {}.solver, svm.new { solver = "libsvm" }.solver, before.solver },
    { "smo", "smo", "libsvm", "libsvm" })
  lu.assertEquals(svm.search { data = ds, C = 1, folds = 2, seed = 1 }.model.solver, "smo")
  fails('svm: solver: expected "libsvm" or "smo", got', function() svm.solver = "sgd" end) -- luacheck: ignore
  lu.assertEquals(svm.solver, "smo")
  svm.solver = nil -- luacheck: ignore
  lu.assertEquals(svm.new {}.solver, "libsvm")
end

-- Folds of the samples, in which svm.search and a plain fit have to agree with the whole matrix.
function TestSvmErrors:test_memory()
  local ds = clouds(1600, 3)
  local function new(memory)
    return svm.new { kernel = svm.rbf(0.5), C = 1, solver = "smo", memory = memory }
  end
  local whole, tiled = new(nil):fit(ds), new("16777216"):fit(ds)
  assert_close(tiled:scores(ds), whole:scores(ds), 5e-3)
  lu.assertEquals({ whole.memory, tiled.memory, new(2e9).memory, new("2 GB").memory },
    { nil, 16777216, 2e9, 2e9 })
  local function search(memory)
    return svm.search { data = ds, kernel = svm.rbf(0.5), C = { 0.1, 1 }, solver = "smo", memory = memory,
                        folds = 2, seed = 1 }
  end
  assert_close(search("17MB").accuracy, search(nil).accuracy, 1 / #ds)
  local path = os.tmpname()
  tiled:save(path)
  lu.assertEquals(perigee.load(path).memory, 16777216)
  os.remove(path)
  lu.assertEquals(tiled:set { memory = "3GB" }.memory, 3e9)
  fails("svm.new: memory: expected 17 MB at least, got 1 MB", svm.new, { memory = "1MB" })
  local wrong = { ['the string "much"'] = "much", ['the string "-1"'] = "-1",
    ['the string "2 gigs"'] = "2 gigs", ["-1"] = -1, ["true"] = true }
  for got, memory in pairs(wrong) do
    local words = 'svm.new: memory: expected bytes, or a text such as "2GB", got ' .. got
    fails(words, svm.new, { memory = memory })
  end
end

function TestSvmErrors:test_search()
  local ds = clouds(20, 7)
  fails("svm.search: C", svm.search, { data = ds, C = { 1, 0 } })
  fails("svm.search: data", svm.search, { C = { 1 } })
  fails("svm.search: folds", svm.search, { data = ds, folds = 30 })
end
