-- svm.kernel: kernels whose values a function written in Lua gives, against the built-in ones of the same
-- coefficients and against differences.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local reference = dofile "tests/lua/reference.lua"

TestKernelsInLua = {}

local function products(x, s) return x:astype("f64"):matmul(s:astype("f64"):transpose()) end

local function distances(x, s)
  x, s = x:astype "f64", s:astype "f64"
  return ((x * x):sum(2):reshape(#x, 1) + (s * s):sum(2):reshape(1, #s) - products(x, s) * 2):clip(0, 1e30)
end

-- d/dx of Σ slope · k where k's slope by its base is `slopes`.
local function pulled_distances(x, s, slopes)
  return (slopes:sum(2):reshape(#x, 1) * x - slopes:matmul(s:astype "f64")) * 2
end

local function rbf(gamma, name)
  return svm.kernel {
    function(x, s, p) return (distances(x, s) * -p.gamma):exp() end,
    gradient = function(x, s, slope, p)
      return pulled_distances(x, s, (distances(x, s) * -p.gamma):exp() * slope * -p.gamma)
    end,
    name = name, gamma = gamma,
  }
end

local function poly(gamma, coef0, degree)
  return svm.kernel {
    function(x, s, p) return (products(x, s) * p.gamma + p.coef0) ^ p.degree end,
    gradient = function(x, s, slope, p)
      local base = (products(x, s) * p.gamma + p.coef0) ^ (p.degree - 1)
      return (base * slope * (p.degree * p.gamma)):matmul(s:astype "f64")
    end,
    gamma = gamma, coef0 = coef0, degree = degree,
  }
end

local function linear()
  return svm.kernel {
    function(x, s) return products(x, s) end,
    gradient = function(_, s, slope) return slope:matmul(s:astype "f64") end,
  }
end

local function with_kernel(machine, kernel)
  return svm.from { sv = machine.sv, alpha = machine.alpha, b = machine.b, classes = machine.classes,
    kernel = kernel }
end

-- A DNR of the reference's coefficients; relu1's own kernel is the built-in one, the others' are in Lua.
local function dnr_in_lua()
  local r = reference.dnr()
  return dnr.new {
    net = r.net, layers = r.layers, threshold = r.threshold, combiner = with_kernel(r.combiner, rbf(1)),
    layer_classifiers = { relu1 = r.relu1, relu2 = with_kernel(r.relu2, rbf(0.05)),
      relu3 = with_kernel(r.relu3, rbf(0.05)) },
  }
end

local function near(a, b, tolerance)
  lu.assertEquals(a.shape, b.shape)
  local gap, size = reference.gap(a, b), b:abs():max()
  lu.assertTrue(gap <= tolerance * size, ("%g of %g"):format(gap, size))
end

-- ---- The built-in kernels written once more -------------------------------------------------------

function TestKernelsInLua.test_against_the_built_in_ones()
  local ds, test = reference.train(), reference.test()
  for _, pair in ipairs {
    { svm.rbf(0.05), rbf(0.05) }, { svm.linear(), linear() },
    { svm.poly { gamma = 0.1, coef0 = 1, degree = 2 }, poly(0.1, 1, 2) },
  } do
    local built_in = svm.new({ kernel = pair[1], C = 10 }):fit(ds)
    local mine = with_kernel(built_in, pair[2])
    near(mine:scores(test), built_in:scores(test), 1e-5)
    lu.assertTrue(mine:predict(test):eq(built_in:predict(test)):all())
    local w = array.randn(#test, 5, { seed = 1 })
    near(mine:gradient(test, w), built_in:gradient(test, w), 1e-4)
    -- trained with it, by both solvers
    for _, solver in ipairs { "libsvm", "smo" } do
      local trained = svm.new({ kernel = pair[2], C = 10, solver = solver }):fit(ds)
      near(trained:scores(test), built_in:scores(test), 5e-3)
    end
  end
end

function TestKernelsInLua.test_two_classes()
  local ds = data.digits(80, { seed = 1, classes = { 3, 7 } })
  local built_in = svm.new({ kernel = svm.rbf(0.02) }):fit(ds)
  local mine = with_kernel(built_in, rbf(0.02))
  near(mine:scores(ds), built_in:scores(ds), 1e-5)
  near(mine:gradient(ds, { 1, -0.5 }), built_in:gradient(ds, { 1, -0.5 }), 1e-4)
  near(reject.new({ model = mine, threshold = 0.2 }):scores(ds),
    reject.new({ model = built_in, threshold = 0.2 }):scores(ds), 1e-5)
end

-- More support vectors and rows than one call takes.
function TestKernelsInLua.test_in_blocks()
  local calls, largest = 0, 0
  local kernel = svm.kernel(function(x, s)
    calls, largest = calls + 1, math.max(largest, #x * #s)
    return products(x, s)
  end)
  local m, n = 1500, 1030
  local numbers = { sv = array.randn(m, 3, { seed = 1 }), alpha = array.randn(2, m, { seed = 2 }),
    b = { 0.5, -1 }, classes = { 0, 1 } }
  numbers.kernel = kernel
  local mine = svm.from(numbers)
  numbers.kernel = svm.linear()
  local x = array.randn(n, 3, { seed = 3 })
  near(mine:scores(x), svm.from(numbers):scores(x), 1e-5)
  lu.assertTrue(calls >= 2 and largest <= 2 ^ 20)
end

-- ---- In NR and DNR, under attack ------------------------------------------------------------------

function TestKernelsInLua.test_in_a_dnr()
  local mine, built_in, test = dnr_in_lua(), reference.dnr(), reference.test()
  near(mine:scores(test):slice(nil, { 1, 5 }), built_in:scores(test):slice(nil, { 1, 5 }), 1e-4)
  local w = reference.array("dnr", "grad_w")
  local x = test.x:slice { 1, #w }
  near(mine:gradient(x, w), built_in:gradient(x, w), 1e-4)
  local dz = array.randn(#x, 15, { seed = 1 })
  near(mine:backward(x, dz), built_in:backward(x, dz), 1e-4)
  local options = { norm = "l2", dmax = 0.6, eta = 0.1, max_iter = 5 }
  local some = test:slice(1, 6)
  for _, more in ipairs { {}, { direction = "smooth", smoothing = 10 } } do
    for key, value in pairs(more) do options[key] = value end
    options.model = mine
    local result = attack.pgd(options):run(some)
    options.model = built_in
    local expected = attack.pgd(options):run(some)
    near(result.x_adv, expected.x_adv, 1e-3)
    lu.assertEquals(result.verdict, expected.verdict)
  end
end

function TestKernelsInLua.test_dnr_is_fitted_and_tuned_with_it()
  local function defence(kernel)
    local d = dnr.new { net = reference.net(), layers = { "relu3" }, layer_classifier = svm.new { C = 10,
      kernel = kernel }, combiner = svm.new { kernel = svm.rbf(1), C = 0.5 } }
    return d:fit(reference.train(), { seed = 1 })
  end
  near(defence(rbf(0.05)):scores(reference.test()):slice(nil, { 1, 5 }),
    defence(svm.rbf(0.05)):scores(reference.test()):slice(nil, { 1, 5 }), 5e-3)
  local options = { layers = { gamma = { 0.01, 0.1 } }, folds = 3, seed = 1, fit = false }
  local mine = dnr.tune(defence(rbf(0.05)), reference.train(), options)
  local built_in = dnr.tune(defence(svm.rbf(0.05)), reference.train(), options)
  near(mine.parts[1].accuracy, built_in.parts[1].accuracy, 1e-2)
end

function TestKernelsInLua.test_search()
  local ds = reference.train()
  local options = { data = ds, C = { 1, 10 }, gamma = { 0.01, 0.1 }, folds = 3, seed = 1 }
  options.kernel = rbf(1)
  local mine = svm.search(options)
  options.kernel = svm.rbf(1)
  near(mine.table, svm.search(options).table, 1e-2)
  lu.assertEquals(mine.model.kernel.gamma, mine.best.gamma)
end

-- ---- One of one's own -----------------------------------------------------------------------------

-- (1 + gamma d)^−power, the rational quadratic kernel.
local function rational(name)
  return svm.kernel {
    function(x, s, p) return (distances(x, s) * p.gamma + 1) ^ -p.power end,
    gradient = function(x, s, slope, p)
      local slopes = (distances(x, s) * p.gamma + 1) ^ (-p.power - 1)
      return pulled_distances(x, s, slopes * slope * (-p.power * p.gamma))
    end,
    name = name, gamma = 0.1, power = 2,
  }
end

function TestKernelsInLua.test_differences()
  local ds = reference.train()
  local machine = svm.new({ kernel = rational(), C = 10 }):fit(ds)
  local x = reference.test().x:slice { 1, 4 }
  local w = array.randn(4, 5, { seed = 1 })
  local slope, step = machine:gradient(x, w):astype "f64", 1e-2
  for seed = 1, 3 do
    local along = array.randn(x.shape, { seed = seed, dtype = "f64" })
    along = along / (along * along):sum(2):sqrt():reshape(4, 1)
    local function value(t) return (machine:scores((x + along * t):astype "f32") * w):sum(2) end
    local wanted = (value(step) - value(-step)) / (2 * step)
    near((slope * along):sum(2), wanted, 1e-3)
  end
  lu.assertTrue(reject.check(machine, ds).ok)
end

-- Without one by hand the gradient follows from what the function does.
function TestKernelsInLua.test_gradient_by_the_tape()
  local ds, test = reference.train(), reference.test()
  local function base(x, s)
    return (x * x):sum(2):reshape(#x, 1) + (s * s):sum(2):reshape(1, #s) - x:matmul(s:transpose()) * 2
  end
  local w = array.randn(#test, 5, { seed = 1 })
  for _, pair in ipairs {
    { svm.rbf(0.05), function(x, s) return (base(x, s) * -0.05):exp() end },
    { svm.linear(), function(x, s) return x:matmul(s:transpose()) end },
    { svm.poly { gamma = 0.1, coef0 = 1, degree = 2 },
      function(x, s) return (x:matmul(s:transpose()) * 0.1 + 1):square() end },
  } do
    local built_in = svm.new({ kernel = pair[1], C = 10 }):fit(ds)
    local mine = with_kernel(built_in, svm.kernel(pair[2]))
    near(mine:scores(test), built_in:scores(test), 1e-5)
    near(mine:gradient(test, w), built_in:gradient(test, w), 1e-4)
  end
end

function TestKernelsInLua.test_parameters_are_options()
  local kernel = rational()
  lu.assertEquals({ kernel.gamma, kernel.power }, { 0.1, 2 })
  lu.assertEquals(tostring(kernel), "lua(gamma 0.1, power 2)")
  local machine = svm.new { kernel = kernel, C = 10 }
  machine:set { ["kernel.power"] = 3 }
  lu.assertEquals(machine:get "kernel.power", 3)
  lu.assertEquals({ machine.kernel.power, machine["kernel.gamma"] }, { 3, 0.1 })
  raises("unknown option 'kernel.degree'", machine.set, machine, { ["kernel.degree"] = 3 })
  raises("kernel.power: expected a number", machine.set, machine, { ["kernel.power"] = math.huge })
  machine:fit(reference.train())
  local x = reference.test().x
  local before = machine:scores(x)
  local other = machine:with { ["kernel.power"] = 1 }
  kernel.power = 1 -- a table as of any kernel
  near(other:scores(x), with_kernel(machine, kernel):scores(x), 1e-9)
  lu.assertEquals(reference.gap(machine:scores(x), before), 0)
  lu.assertEquals(machine:clone():get "kernel.power", 3)
  lu.assertStrContains(tostring(machine), "svm lua(gamma 0.1, power 3), C 10: 5 classes")
  -- another kernel in its place, and back
  machine:set { kernel = svm.rbf(2) }
  lu.assertEquals(machine["kernel.gamma"], 2)
  machine:set { kernel = kernel, ["kernel.gamma"] = 0.5 }
  lu.assertEquals({ machine["kernel.gamma"], machine["kernel.power"] }, { 0.5, 1 })
end

function TestKernelsInLua.test_files()
  local path = os.tmpname()
  local machine = svm.new({ kernel = rational "test_files_kernel", C = 10 }):set { ["kernel.power"] = 3 }
  machine:fit(reference.train()):save(path)
  local loaded, x = perigee.load(path), reference.test().x
  lu.assertEquals(reference.gap(loaded:scores(x), machine:scores(x)), 0)
  lu.assertEquals(loaded:get "kernel.power", 3)
  lu.assertEquals(svm.new({ kernel = "test_files_kernel" }):get "kernel.power", 2) -- by its name
  -- one that has changed, one that is not there, and one without a name
  svm.kernel { linear, name = "test_files_kernel", depth = 1 }
  raises('the kernel "test_files_kernel" of this session has other parameters (depth) than the one that the '
    .. 'svm was saved with (gamma, power)', perigee.load, path)
  svm.kernel { linear, name = "test_files_kernel", gamma = 1, degree = 1 } -- as many
  raises("(degree, gamma) than the one that the svm was saved with (gamma, power)", perigee.load, path)
  lu.assertEquals(reference.gap(loaded:scores(x), machine:scores(x)), 0)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("a"):gsub("test_files_kernel", "never_seen_kernel")
  file:close()
  file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  raises('kernel "never_seen_kernel" is written in Lua: run the file that defines it', perigee.load, path)
  raises("written in Lua and has no name", machine.save, svm.new { kernel = rational() }, path)
  os.remove(path)
end

-- ---- What is no kernel ----------------------------------------------------------------------------

local few = data.new { x = array.randn(20, 3, { seed = 1 }), y = array.arange(20):astype "i32" % 2 }

local function fitted(f)
  return function() return svm.new({ kernel = svm.kernel(f) }):fit(few) end
end

function TestKernelsInLua.test_hostile_functions()
  raises("svm:fit: the kernel written in Lua answered (2, 2), expected (4, 16); the function is at tests",
    fitted(function() return array.zeros(2, 2) end))
  raises("got nothing", fitted(function() end))
  raises("answered a mask", fitted(function(x, s) return products(x, s):gt(0) end))
  raises("svm:fit: the kernel written in Lua answers nan for samples 1 and 5",
    fitted(function(x, s) return products(x, s) * 0 / 0 end))
  raises("svm:fit: the kernel written in Lua is not symmetric: samples 1 and 5 give",
    fitted(function(x, s) return x:slice(nil, { 1, 1 }):matmul(s:slice(nil, { 2, 2 }):transpose()) end))
  raises("test_kernels_in_lua.lua:", fitted(function() error "mine" end))
  raises("raised the table", fitted(function() error {} end))
  raises("called coroutine.yield", fitted(function() coroutine.yield() end))
  raises("read-only", fitted(function(x, s)
    x:fill(0)
    return products(x, s)
  end))
end

function TestKernelsInLua.test_a_gradient_that_is_none()
  local function machine(gradient)
    return with_kernel(svm.new({ kernel = svm.linear() }):fit(few),
      svm.kernel { products, gradient = gradient })
  end
  local function asked(gradient)
    local m = machine(gradient)
    return function() return m:gradient(few, { 1, 0 }) end
  end
  raises("svm:gradient: the kernel's gradient answered (3, 3), expected (20, 3)",
    asked(function() return array.zeros(3, 3) end))
  raises("got nothing", asked(function() end))
  raises("test_kernels_in_lua.lua:", asked(function() error "mine" end))
end

-- A kernel that trains, changes or lets go of the machine that is asking it.
function TestKernelsInLua.test_a_kernel_that_reaches_for_its_machine()
  local machine, act
  local kernel = svm.kernel {
    function(x, s)
      if act then act() end
      return products(x, s)
    end,
    gradient = function(_, s, slope)
      if act then act() end
      return slope:matmul(s:astype "f64")
    end,
  }
  machine = svm.new({ kernel = kernel }):fit(few)
  local expected = machine:scores(few)
  act = function() machine:fit(few) end
  raises("this svm is being used: what it calls cannot train it", machine.scores, machine, few)
  raises("this svm is being used", machine.gradient, machine, few, { 1, 0 })
  act = function()
    machine:set { kernel = svm.rbf(1) }
    collectgarbage()
  end
  lu.assertEquals(reference.gap(machine:scores(few), expected), 0)
  machine:set { kernel = kernel }
  kernel = nil -- luacheck: ignore
  machine:fit(few)
  act = nil
  lu.assertEquals(reference.gap(machine:scores(few), expected), 0)
  lu.assertEquals(machine.kernel.name, "rbf")
end

function TestKernelsInLua.test_arguments()
  raises("svm.kernel: kernel: expected a function of x and s", svm.kernel, 3)
  raises('svm.kernel: name: "rbf" is a built-in kernel', svm.kernel, { products, name = "rbf" })
  raises("svm.kernel: name: expected a word", svm.kernel, { products, name = "a b" })
  raises("svm.kernel: depth: expected a finite number", svm.kernel, { products, depth = "deep" })
  raises("svm.kernel: number 1: expected a function of x and s, got nothing", svm.kernel, { gamma = 1 })
  raises("svm.kernel: gradient: expected a function", svm.kernel, { products, gradient = 1 })
  raises("svm.kernel: expected a name for the parameter 5", svm.kernel, { products, 5 })
  local many = { products }
  for i = 1, 9 do many["p" .. i] = i end
  raises("expected at most 8 parameters, got 9", svm.kernel, many)
end

-- Each holds its function until nobody needs it any more.
function TestKernelsInLua.test_are_collected()
  local held = setmetatable({}, { __mode = "v" })
  for i = 1, 3 do
    local function f(x, s) return products(x, s) * i end
    held[i] = f
    svm.new({ kernel = svm.kernel(f) }):fit(few)
  end
  collectgarbage()
  collectgarbage()
  lu.assertEquals(next(held), nil)
end
