-- jobs.lua — work of every kind, for the parts that repeat it (interrupts, threads, soak): jobs.list is the
-- names in order, jobs.run(name) does one and answers with a text of its bits, the same each time, on any
-- number of threads. jobs.endless(name) does it over and over; jobs.long(name), where jobs.has_long(name), in
-- one call that takes minutes.
--
-- Files go to PERIGEE_JOBS, a folder; without one there are no jobs that write.
local fingerprint = require "perigee.fingerprint"
local native = require "perigee.native"

local jobs = { list = {} }
local work, long = {}, {} -- name → function
local folder = os.getenv "PERIGEE_JOBS"

-- f(scale): answers with what is compared; with a scale of 1 the short form.
local function job(name, f, scale)
  jobs.list[#jobs.list + 1] = name
  work[name] = f
  long[name] = scale and function() return f(scale) end or nil
end

local readers = "tests/reference/readers/"
local digits, test = data.digits(150, { seed = 1 }), data.digits(30, { seed = 2 })

local function fresh()
  return nn.new { input = { 1, 28, 28 }, seed = 1,
    nn.conv2d { out = 6, kernel = 5, stride = 3 }, nn.relu { name = "r1" },
    nn.flatten {}, nn.linear { out = 20 }, nn.relu { name = "r2" }, nn.linear { out = 10 } }
end

local net = fresh()
nn.train(net, digits, { epochs = 4, lr = 0.1, batch = 10, seed = 1 })
local machine = svm.new { kernel = svm.rbf(0.02), C = 10 }:fit(digits)
local function new_defence()
  return dnr.new { net = net, layers = { "r1", "r2" },
    layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },
    combiner = svm.new { kernel = svm.rbf(1), C = 1 } }
end
local defence = new_defence():fit(digits, { seed = 1 })
defence.threshold = defence:threshold_for(0.1, digits)

-- ---- Arrays, Lua ---------------------------------------------------------------------------------

job("arrays", function()
  local a = array.randn({ 300, 200 }, { seed = 1 })
  return { a:matmul(a.T), a.T:matmul(a), a:exp():sum(1), a:sort(2), a:softmax(), a:median(1), a:cumsum(2),
    a:gt(0):sum(), array.concatenate({ a, a }, 1):std(1) }
end)
job("products", function(scale)
  local n = scale and 500 or 200
  local a, sum = array.randn({ n, n }, { seed = 2 }), 0
  for _ = 1, scale or 5 do sum = sum + a:matmul(a):sum() end
  return sum
end, 1e6)
job("sorts", function(scale)
  local a = array.randn({ scale or 60000 }, { seed = 3 })
  return { a:sort(), a:argsort() }
end, 3e6)
job("strings", function()
  local words = {}
  for i = 1, 3000 do words[i] = ("%05d"):format(i * 7919 % 10007):reverse():gsub("1", "one") end
  table.sort(words)
  return table.concat(words, " "):len() .. words[17]
end)
job("callbacks", function()
  local calls = 0
  local function f(v)
    calls = calls + 1
    return (v * v):sum() + v:tanh():sum()
  end
  local g
  for _ = 1, 20 do g = select(2, grad.value(f, array.ones(50))) end
  return { calls, g }
end)
job("coroutines", function()
  local sum = 0
  for v in coroutine.wrap(function() for i = 1, 2000 do coroutine.yield(i) end end) do sum = sum + v end
  return sum
end)

-- ---- Models --------------------------------------------------------------------------------------

job("training", function(scale)
  local n = fresh()
  local h = nn.train(n, digits, { epochs = scale or 2, lr = 0.05, batch = 20, shift = 1, seed = 1,
    validation = test })
  return { n:scores(test), h.loss }
end, 1e6)
job("training against an adversary", function(scale)
  local n = fresh()
  nn.train(n, digits, { epochs = scale or 1, batch = 50, seed = 1, optimizer = "adam",
    adversary = attack.pgd { norm = "l2", dmax = 1, max_iter = 2 } })
  return n:scores(test)
end, 1e6)
for _, solver in ipairs { "libsvm", "smo" } do
  job("svm by " .. solver, function(scale)
    local ds = scale and data.digits(4000, { seed = 1 }) or digits
    local m = svm.new { kernel = svm.rbf(scale and 10 or 0.02), C = scale and 1e6 or 5, solver = solver,
      tolerance = scale and 1e-9 or 1e-3 }:fit(ds)
    return m:scores(test)
  end, 2)
end
job("a grid", function(scale)
  return svm.search({ data = digits, kernel = "rbf", C = { 0.1, 10 }, folds = 3, seed = 1,
    gamma = scale and array.linspace(1e-4, 1, scale) or { 0.001, 0.1 } }).table
end, 1e5)
job("dnr", function()
  local d = new_defence():fit(digits, { seed = 1 })
  return { d:scores(test), d:gradient(test.x, array.ones(30, 11)) }
end)
job("dnr.tune", function(scale)
  local d = new_defence()
  dnr.tune(d, digits, { layers = { C = scale and array.linspace(2, 100, scale) or { 0.1, 10 },
    gamma = { 0.001, 0.01 } }, combiner = { C = { 0.1, 1 } }, folds = 3, seed = 1 })
  return d:scores(test)
end, 2000)
job("neighbours and regression", function()
  local knn, regression = classic.knn({ k = 3 }):fit(digits), classic.logistic({ C = 0.01 }):fit(digits)
  local pipe = classic.pipeline { classic.standard(), classic.pca { components = 10 },
    svm.new { kernel = svm.rbf(0.05), C = 1 } }:fit(digits)
  return { knn:scores(test), regression:scores(test), pipe:scores(test) }
end)
job("scores", function(scale)
  local rows = scale and array.zeros(scale, 784) or test.x
  return { machine:scores(rows), defence:scores(rows), net:gradient(rows, array.ones(#rows, 10)) }
end, 60000)
job("cross-validation", function()
  local candidate = svm.new { kernel = svm.rbf(0.02), C = 1 }
  return tostring(evaluate.cross_validate(candidate, digits, { folds = 3, seed = 1 }))
end)

-- ---- Attacks, evaluations ------------------------------------------------------------------------

-- What the attacks of the table are given of it, as far as they have it.
local shared = { norm = "l2", dmax = 1, max_iter = 4, max_queries = 200, seed = 1, surrogate = machine,
  guides = digits }
local few = test:slice(1, 6)
for name in pairs(attack) do
  local described = native.described("attack." .. name)
  if described and described.result == "attack" then
    job("attack." .. name, function(scale)
      local options = {}
      for _, row in ipairs(described.options) do options[row[1]] = shared[row[1]] end
      for _, key in ipairs { "max_iter", "max_queries" } do
        options[key] = options[key] and (scale or options[key])
      end
      options.model = options.guides and net or defence
      local r = attack[name](options):run(few, { seed = 1 })
      return { r.x_adv, r.scores }
    end, 1e6)
  end
end
job("attack.auto", function()
  local auto = attack.auto { model = net, norm = "linf", dmax = 0.05, quick = true }
  return auto:run(few, { seed = 1 }).x_adv
end)
job("attack.ensemble", function(scale)
  return attack.ensemble({ attack.fgsm { model = machine, norm = "l2", dmax = 1 },
    attack.pgd { dmax = 1, norm = "l2", max_iter = scale or 3, eps = 0 } }):run(few, { seed = 1 }).x_adv
end, 1e6)

-- The rows of a table of evaluations, without the time they took.
local function counted(security)
  local rows = security:rows()
  for _, row in ipairs(rows) do row.seconds = nil end
  return rows
end

local plane = { classes = { 0, 1 }, features = 2 }
function plane.scores(_, x) return array.stack({ x:sum(2), -x:sum(2) }, 2) end
function plane.gradient(_, x, w)
  return array.ones(#x, 2) * (w:slice(nil, { 1, 1 }) - w:slice(nil, { 2, 2 }))
end
job("a model in Lua", function(scale)
  return attack.pgd({ model = plane, norm = "l2", dmax = 0.2, eta = 1e-3, max_iter = scale or 20, eps = 0 })
    :run(data.new { x = { { 0.5, 0.5 }, { 0.1, 0.7 } }, y = { 0, 0 } }).x_adv
end, 1e6)
job("evaluate.security", function(scale)
  local s = evaluate.security { models = { net = net, dnr = defence }, data = test, samples = 6, seed = 1,
    attack = attack.pgd { norm = "l2", max_iter = scale or 3 }, dmax = { 0, 1 } }
  return counted(s)
end, 1000)
job("evaluate.diagnose", function()
  local result = attack.pgd({ model = net, norm = "l2", dmax = 0.5, max_iter = 3 }):run(test:slice(1, 4))
  return #evaluate.diagnose(result).alarms
end)

-- ---- Errors on purpose ---------------------------------------------------------------------------

local failing = { classes = { 0, 1 }, features = 784 }
function failing.scores() error "mine" end
failing.gradient = failing.scores

job("errors", function()
  local words = {}
  for i, f in ipairs {
    function() return array.ones(2, 3):matmul(array.ones(2, 3)) end,
    function() return nn.train(net, digits, { epoch = 1 }) end,
    function() return data.npz(readers .. "no-such-file") end,
    function() return data.idx(readers .. "numpy.csv", readers .. "one.svm") end,
    function() return svm.new { kernel = svm.rbf(0.1) }:scores(test) end,
    function() return attack.pgd({ model = failing, dmax = 1 }):run(test) end,
    function() return perigee.load(readers .. "keras.npz") end,
    function() return grad.value(function() error({}) end, array.ones(2)) end,
  } do
    local ok, said = pcall(f)
    assert(not ok, i)
    words[i] = type(said) == "string" and said or type(said)
  end
  return table.concat(words, "\n")
end)

-- ---- Files ---------------------------------------------------------------------------------------

job("readers", function()
  local cifar = readers .. "cifar-10-batches-bin"
  return { data.csv(readers .. "numpy.csv").x, data.svmlight(readers .. "one.svm").x,
    data.npz(readers .. "keras.npz").x, data.images(readers .. "colours").x,
    data.cifar10("test", { path = cifar }).x,
    data.idx(readers .. "turned-images", readers .. "turned-labels").x }
end)
if folder then
  local function path(name) return folder .. "/" .. name end
  job("large files", function()
    local a = array.randn({ 400, 500 }, { seed = 5 })
    data.save_npy(path "a.npy", a)
    data.save_npz(path "a.npz", { a = a })
    digits:save(path "d.csv")
    return { data.npy(path "a.npy"), data.read_npz(path "a.npz").a, data.csv(path "d.csv").x }
  end)
  job("models in files", function()
    local answers = {}
    for i, model in ipairs { net, machine, defence } do
      model:save(path "m.safetensors")
      answers[i] = perigee.load(path "m.safetensors"):scores(test)
    end
    local r = attack.fgsm({ model = net, dmax = 0.1 }):run(test:slice(1, 4))
    r:save(path "r.safetensors")
    answers[4] = perigee.load(path "r.safetensors").x_adv
    return answers
  end)
  job("a session", function()
    rawset(_G, "jobs_kept", { test, net, { "words", 3 } })
    save(path "s.pgz", "jobs_kept")
    local into = {}
    restore(path "s.pgz", { into = into })
    rawset(_G, "jobs_kept", nil)
    return { into.jobs_kept[1].x, into.jobs_kept[2]:scores(test) }
  end)
  job("checkpoints", function(scale)
    local n = fresh()
    os.execute("rm -rf '" .. path "c" .. "'")
    local s = evaluate.security { models = { net = net }, data = test, samples = 8, seed = 1, dmax = { 0, 1 },
      block = 2, noise = false, attack = attack.fgsm { norm = "l2" }, checkpoint = path "c" }
    os.remove(path "t")
    nn.train(n, digits, { epochs = scale or 2, batch = 50, seed = 1, checkpoint = path "t" })
    return { counted(s), n:scores(test) }
  end, 1e6)
  job("other programs", function()
    local pipe = io.popen "echo one; echo two"
    local said = pipe:read "a"
    pipe:close()
    return said .. tostring(os.execute "true")
  end)
  if native.gnuplot.find() then
    job("plots", function()
      local r = attack.pgd({ model = net, norm = "l2", dmax = 1, max_iter = 3 }):run(test:slice(1, 2))
      plot.attack(r, { file = path "p.png", timeout = 300 }) -- the machine may be busy
      plot.images(test:slice(1, 9), { file = path "i.png", timeout = 300 })
      local file <close> = assert(io.open(path "p.png", "rb"))
      return file:read(8)
    end)
    plot.loss({ 3, 2, 1 }, { file = path "p.png", timeout = 300 }) -- gnuplot runs from now on
  end
end

table.sort(jobs.list) -- the attacks come in any order

-- ---- What others do with them --------------------------------------------------------------------

function jobs.run(name)
  return fingerprint.of(work[name]())
end

function jobs.endless(name)
  while true do work[name]() end
end

-- Has a form that takes minutes; run it.
function jobs.has_long(name)
  return long[name] ~= nil
end
function jobs.long(name)
  return long[name]()
end

return jobs
