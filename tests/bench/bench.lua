-- bench.lua — what people wait for, measured: one row a figure. Run by `make bench`, inside
-- build/perigee; BENCHMARKS.md explains every row.
--
--   perigee tests/bench/bench.lua [--json] [--peers] [--list] [name …]
--
-- A name picks the groups whose name begins with it. The folder with the helper programs (machine,
-- prompt, svms) is BENCH_BIN, build/bench if unset. --peers runs tests/bench/peers.py on the same
-- work under $PYTHON (/usr/bin/python3) and shows both.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local binaries = os.getenv("BENCH_BIN") or "build/bench"
local reference = dofile(here .. "/../lua/reference_mnist.lua")
local program = os.getenv("PERIGEE") or "build/perigee"
local python = os.getenv("PYTHON") or "/usr/bin/python3"

local wanted, json, with_peers, list_only = {}, false, false, false
for _, word in ipairs(arg) do
  if word == "--json" then json = true
  elseif word == "--peers" then with_peers = true
  elseif word == "--list" then list_only = true
  elseif word:find("^%-") then
    io.stderr:write(("bench: unknown option \"%s\" (--json, --peers, --list)\n"):format(word))
    os.exit(2)
  else wanted[#wanted + 1] = word end
end

---------------------------------------------------------------------------------------------------
-- Rows

local rows = {}  -- in the order measured
local value_of, cpu_of = {}, {} -- by name

local function say(...)
  if not json then
    print(string.format(...))
    io.stdout:flush()
  end
end

local function number_text(x)
  return ("%.4g"):format(x)
end

--- One figure. `more`: cpu (seconds of all threads), share (of the FMA peak, per wall second),
--- share_cpu (per second of processor time), note.
local function row(name, value, unit, more)
  local r = { name = name, value = value, unit = unit }
  for key, v in pairs(more or {}) do r[key] = v end
  rows[#rows + 1], value_of[name], cpu_of[name] = r, value, r.cpu
  local text = {}
  if r.cpu then text[#text + 1] = ("cpu %s s"):format(number_text(r.cpu)) end
  if r.share then text[#text + 1] = ("%.0f %% of peak"):format(100 * r.share) end
  if r.share_cpu then text[#text + 1] = ("%.0f %% per cpu second"):format(100 * r.share_cpu) end
  if r.note then text[#text + 1] = r.note end
  say("%-28s %10s %-8s %s", name, number_text(value), unit, table.concat(text, ", "))
end

local function median(values)
  table.sort(values)
  local n = #values
  return n % 2 == 1 and values[(n + 1) // 2] or (values[n // 2] + values[n // 2 + 1]) / 2
end

local threads = perigee.facts().threads

-- Multiply-adds of a piece of work as shares of what the machine can do.
local function shares(gigaflop, wall, cpu)
  local peak = value_of["peak.fma"]
  if not gigaflop or not peak then return {} end
  return { share = gigaflop / wall / peak, share_cpu = gigaflop / cpu / (peak / threads) }
end

--- Median wall and processor seconds of `runs` calls after one that warms up. opts: unit ("s" or
--- "ms"), gigaflop, note, cold (no warming up), per (what to divide by), than (the row that it is
--- compared with).
local function measure(name, runs, f, opts)
  opts = opts or {}
  local wall, cpu = {}, {}
  if not opts.cold then f() end
  collectgarbage()
  for i = 1, runs do
    local w, c = perigee.clock(), os.clock()
    f()
    wall[i], cpu[i] = perigee.clock() - w, os.clock() - c
  end
  local w, c = median(wall), median(cpu)
  local more = shares(opts.gigaflop, w, c)
  more.cpu, more.note = c / (opts.per or 1), opts.note
  local value = w * (opts.unit == "ms" and 1e3 or 1) / (opts.per or 1)
  if opts.than then
    more.ratio, more.ratio_cpu = value / value_of[opts.than], more.cpu / cpu_of[opts.than]
    more.note = ("%.2f of %s, %.2f of its cpu"):format(more.ratio, opts.than, more.ratio_cpu)
  end
  row(name, value, opts.unit or "s", more)
  return w
end

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Lines "name value unit [cpu]" of another program.
local function lines_of(command)
  local pipe = assert(io.popen(command))
  local found = {}
  for line in pipe:lines() do
    local name, value, unit, cpu = line:match("^(%S+) (%S+) (%S+) ?(%S*)$")
    found[#found + 1] = name and { name = name, value = tonumber(value), unit = unit, cpu = tonumber(cpu) }
  end
  local ok = pipe:close()
  return ok and #found > 0 and found or nil
end

local function helper(name, ...)
  local command = { quoted(binaries .. "/" .. name) }
  for _, word in ipairs { ... } do command[#command + 1] = quoted(word) end
  local found = lines_of(table.concat(command, " "))
  if not found then say("%-28s not measured: %s/%s failed", name, binaries, name) end
  return found or {}
end

--- Run Lua code in a program of its own and read its rows.
local function child(code, options)
  return lines_of(("%s --quiet %s -e %s"):format(quoted(program), options or "", quoted(code))) or {}
end

---------------------------------------------------------------------------------------------------
-- The work: made when it is first asked for

local have_mnist = data.has_mnist()
local files = {} -- to remove at the end

local function lazy(make)
  local made
  return function()
    if not made then made = { make() } end
    return table.unpack(made)
  end
end

-- Halves for the net and the defence, and a test set.
local sets = lazy(function()
  if have_mnist then
    local first, second = data.mnist("train"):split(0.5, { seed = 1 })
    return first, second, data.mnist("test")
  end
  return data.digits(30000, { seed = 1 }), data.digits(30000, { seed = 2 }), data.digits(10000, { seed = 3 })
end)

local function new_net(seed)
  return nn.new {
    input = { 1, 28, 28 }, classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, seed = seed,
    nn.conv2d { name = "conv1", out = 64, kernel = 5, stride = 2 }, nn.relu { name = "relu1" },
    nn.conv2d { name = "conv2", out = 64, kernel = 3, stride = 2 }, nn.relu { name = "relu2" },
    nn.conv2d { name = "conv3", out = 64, kernel = 3 }, nn.relu { name = "relu3" },
    nn.flatten { name = "flatten" },
    nn.linear { name = "fc1", out = 32 }, nn.relu { name = "relu4" },
    nn.dropout { name = "dropout", p = 0.5 },
    nn.linear { name = "classifier", out = 10 },
  }
end

-- Gigaflop a sample: multiply-adds count two. Training adds the gradients of weights and of inputs,
-- but for the first layer's input; the input gradient needs no gradients of weights.
local CONV1, REST = 2e-9 * 144 * 25 * 64, 2e-9 * (25 * 576 * 64 + 9 * 576 * 64 + 576 * 32 + 32 * 10)
local FORWARD, TRAIN, BACK = CONV1 + REST, 2 * CONV1 + 3 * REST, 2 * (CONV1 + REST)

local net = lazy(function()
  if have_mnist then return nn.load("mnist-cnn") end
  local made, first = new_net(1), sets()
  nn.train(made, first:slice(1, 10000), { epochs = 2, batch = 50, lr = 0.05, momentum = 0.9, seed = 1 })
  return made
end)

local known = lazy(function()
  local _, second = sets()
  return second:sample(5000, { seed = 0 })
end)

local test_digits = lazy(function()
  local _, _, test = sets()
  return test:per_class(100)
end)

local function new_defence(solver)
  local defence = dnr.new {
    net = net(), layers = { "relu2", "relu3", "relu4" },
    layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10, solver = solver },
    combiner         = svm.new { kernel = svm.rbf(1), C = 0.1, solver = solver },
  }
  defence:set { ["relu4.C"] = 1, ["relu2.kernel.gamma"] = 1e-3 }
  return defence
end

local defence = lazy(function()
  local made = new_defence("smo")
  made:fit(known(), { seed = 0 })
  made.threshold = made:threshold_for(0.10, test_digits())
  return made
end)

-- Gigaflop of scoring one sample: the net and one product a layer with its support vectors.
local function scoring_work(model)
  local widths, sum = { relu2 = 1600, relu3 = 576, relu4 = 32 }, FORWARD
  for _, layer in ipairs(model.layers) do sum = sum + 2e-9 * widths[layer] * model[layer].support end
  return sum
end

local function new_attack(model, start)
  return attack.pgd_exp { model = model, norm = "l2", dmax = 2, start_from = start, eta = 0.1, eta_min = 0.1,
    max_iter = 30, eps = 1e-8 }
end

-- The features that the SVM rows train on, as files: for the helper and for the peers.
local feature_files = lazy(function()
  local x, y = os.tmpname(), os.tmpname()
  files[#files + 1], files[#files + 2] = x, y
  data.save_npy(x, (net():forward(known(), { "relu2" })))
  data.save_npy(y, known().y)
  return x, y
end)

---------------------------------------------------------------------------------------------------
-- The groups

local groups = {}
local function group(name, text, run)
  groups[#groups + 1] = { name = name, text = text, run = run }
end

group("machine", "the limits of this machine", function() end) -- measured first, always

group("epoch", "one epoch of the CNN, 30000 samples, batch 128", function()
  local first = sets()
  local trained = new_net(1)
  measure("epoch", 3, function()
    nn.train(trained, first, { epochs = 1, batch = 128, lr = 0.01, momentum = 0.9, seed = 1 })
  end, { gigaflop = TRAIN * #first })
end)

group("inference", "scores of 10000 digits", function()
  local _, _, test = sets()
  local x = test.x
  measure("inference", 5, function() net():scores(x) end, { unit = "ms", gigaflop = FORWARD * #test })
end)

group("gradient", "gradients to the input, batch 100 and 1", function()
  local _, _, test = sets()
  for _, batch in ipairs { 100, 1 } do
    local x, w, repeats = test.x:slice({ 1, batch }), array.randn(batch, 10, { seed = 1 }), 2000 // batch
    measure("gradient." .. batch, 7, function()
      for _ = 1, repeats do net():gradient(x, w) end
    end, { unit = "ms", per = repeats, gigaflop = BACK * batch * repeats })
  end
end)

-- The scores of the same net, by array functions: w are its weights.
local function array_scores(x, w)
  local h = x:reshape(-1, 1, 28, 28)
  h = h:conv2d(w["conv1.weight"], w["conv1.bias"], { stride = 2 }):relu()
  h = h:conv2d(w["conv2.weight"], w["conv2.bias"], { stride = 2 }):relu()
  h = h:conv2d(w["conv3.weight"], w["conv3.bias"]):relu():reshape(#x, -1)
  h = h:linear(w["fc1.weight"], w["fc1.bias"]):relu()
  return h:linear(w["classifier.weight"], w["classifier.bias"])
end

local function chain(x)
  return ((x * 0.5 + 0.1):tanh():square() + 1):sqrt():neg():exp():log1p():sin():sum()
end

group("grad", "grad.value of the CNN by array functions, of a chain of ten", function()
  local _, _, test = sets()
  local x, c, w = test.x:slice { 1, 100 }, array.randn(100, 10, { seed = 1 }), net():weights()
  measure("grad.net", 11, function() net():gradient(x, c) end, { unit = "ms" })
  measure("grad.cnn", 11, function()
    grad.value(function(v) return (array_scores(v, w) * c):sum() end, x)
  end, { unit = "ms", than = "grad.net" })
  measure("grad.cnn.weights", 11, function()
    grad.value(function(v) return (array_scores(x, v) * c):sum() end, w)
  end, { unit = "ms", than = "grad.net" })
  local long = array.randn(1000, 1000, { seed = 2 })
  measure("grad.chain.forward", 11, function() chain(long) end, { unit = "ms" })
  measure("grad.chain", 11, function() grad.value(chain, long) end,
    { unit = "ms", than = "grad.chain.forward" })
end)

-- 3 x 3 convolutions in pairs, 32-32-64-64-128-128, halved by maxpool.
local function new_vgg()
  local made = { input = { 3, 32, 32 }, classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, seed = 1 }
  local function add(layer) made[#made + 1] = layer end
  for _, width in ipairs { 32, 64, 128 } do
    for _ = 1, 2 do
      add(nn.conv2d { out = width, kernel = 3, padding = 1 })
      add(nn.relu())
    end
    add(nn.maxpool { kernel = 2 })
  end
  add(nn.flatten())
  add(nn.linear { out = 10 })
  return nn.new(made)
end

-- ResNet-20 of the CIFAR kind, with 1 x 1 convolutions where a shortcut changes the shape.
local function new_resnet()
  local function conv(out, stride, kernel)
    local padding = kernel and 0 or 1
    return nn.conv2d { out = out, kernel = kernel or 3, stride = stride, padding = padding, bias = false }
  end
  local function block(width, stride)
    local path = { conv(width, stride), nn.batchnorm(), nn.relu(), conv(width, 1), nn.batchnorm() }
    if stride > 1 then path.shortcut = { conv(width, stride, 1), nn.batchnorm() } end
    return nn.residual(path)
  end
  local made = { input = { 3, 32, 32 }, classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, seed = 1 }
  local function add(layer) made[#made + 1] = layer end
  add(conv(16, 1))
  add(nn.batchnorm())
  add(nn.relu())
  for _, width in ipairs { 16, 32, 64 } do
    for i = 1, 3 do
      add(block(width, i == 1 and width > 16 and 2 or 1))
      add(nn.relu())
    end
  end
  add(nn.global_avgpool())
  add(nn.linear { out = 10 })
  return nn.new(made)
end

--- Forward and input gradient of 128 pictures of 3 x 32 x 32, and an epoch of 512 in batches of 128.
local function measure_colour(name, made)
  local x = array.rand(512, 3072, { seed = 1 })
  local some, w = x:slice { 1, 128 }, array.randn(128, 10, { seed = 2 })
  local pictures = data.new { x = x, y = array.arange(512) % 10 }
  measure(name .. ".forward", 7, function() made:scores(some) end, { unit = "ms" })
  measure(name .. ".gradient", 7, function() made:gradient(some, w) end, { unit = "ms" })
  measure(name .. ".epoch", 5, function()
    nn.train(made, pictures, { epochs = 1, batch = 128, lr = 0.001, momentum = 0.9, seed = 1 })
  end, { unit = "ms" })
end

group("vgg", "a net of 3 x 3 convolutions on 3 x 32 x 32 pictures", function()
  measure_colour("vgg", new_vgg())
end)

group("resnet", "ResNet-20 on 3 x 32 x 32 pictures", function()
  measure_colour("resnet", new_resnet())
end)

group("svms", "a Gram matrix of 5000 x 1600 and ten SVMs on it", function()
  local x, y = feature_files()
  for _, found in ipairs(helper("svms", x, y, "0.01", "10")) do
    -- Half of the matrix is computed, the rest is its mirror image.
    local more = found.name == "gram" and shares(5000 * 5001 * 1600 * 1e-9, found.value, found.cpu) or {}
    more.cpu = found.cpu
    row(found.name, found.value, found.unit, more)
  end
end)

group("dnr_fit", "the tutorial's defence on 5000 samples, by both solvers", function()
  for _, solver in ipairs { "libsvm", "smo" } do
    local made = new_defence(solver)
    known()
    measure("dnr_fit." .. solver, solver == "smo" and 3 or 1, function() made:fit(known(), { seed = 0 }) end,
      { cold = true })
  end
end)

-- The pattern's memory is every layer's; the combiner has its own.
local function within(memory)
  local made = new_defence("smo")
  for _, part in ipairs { "combiner", table.unpack(made.layers) } do
    made:set { [part .. ".memory"] = memory }
  end
  return made
end

group("dnr_many", "the defence on 10000 and 30000 samples and on all of MNIST's, by smo", function()
  local _, second = sets()
  local whole, tiled = new_defence("smo"), within("2GB")
  local function fit(name, made, set, more)
    measure("dnr_many." .. name, 1, function() made:fit(set, { seed = 0 }) end, more)
  end
  local ten = second:sample(10000, { seed = 0 })
  fit("10000", whole, ten)
  fit("30000", whole, second) -- after one that gets memory from the system
  fit("30000.2GB", tiled, second, { than = "dnr_many.30000", cold = true })
  if data.has_mnist() then
    fit("60000", whole, data.mnist("train"), { cold = true })
    row("dnr_many.exponent", math.log(cpu_of["dnr_many.60000"] / cpu_of["dnr_many.10000"]) / math.log(6), "-",
      { note = "of processor time, from 10000 to 60000" })
  end
end)

-- One layer's features of many samples, for the peers as well.
local many_files = lazy(function()
  local _, second = sets()
  local x, y = os.tmpname(), os.tmpname()
  files[#files + 1], files[#files + 2] = x, y
  data.save_npy(x, (net():forward(second, { "relu3" })))
  data.save_npy(y, second.y)
  return x, y
end)

group("svm_many", "an SVM on relu3's 576 features of 30000 samples, by smo", function()
  local x, y = many_files()
  local set = data.new { x = data.npy(x), y = data.npy(y) }
  local made = svm.new { kernel = svm.rbf(1e-2), C = 10, solver = "smo" }
  measure("svm_many", 1, function() made:fit(set) end)
end)

group("dnr_scores", "the defence's scores of 1000 digits", function()
  local model, test = defence(), test_digits()
  measure("dnr_scores", 7, function() model:scores(test) end, { gigaflop = scoring_work(model) * #test })
end)

group("pgd_exp", "PGD-Exp on one digit and on 100 at once, double start", function()
  local pgd, test = new_attack(defence(), known()), test_digits()
  local place, labels = 11, defence():predict(test)
  while labels[place] ~= test.y[place] do place = place + 1 end
  measure("pgd_exp.1", 5, function() pgd:run(test[place]) end)
  local hundred = test:sample(100, { seed = 1 })
  measure("pgd_exp.100", 2, function() pgd:run(hundred) end,
    { unit = "ms", per = 100, cold = true, note = "a digit" })
end)

group("attacks", "APGD and FMN on 100 digits at once: the net, and the defence", function()
  local hundred = test_digits():sample(100, { seed = 1 })
  for _, on in ipairs { { "net", net() }, { "dnr", defence() } } do
    for _, made in ipairs { attack.apgd { model = on[2], dmax = 2 }, attack.fmn { model = on[2] } } do
      measure(made.name .. "." .. on[1], 1, function() made:run(hundred) end,
        { unit = "ms", per = 100, cold = true, note = "a digit, " .. made.max_iter .. " steps" })
    end
  end
end)

-- The reference's models where it is, as what attacks find there is known; else those of the shipped net.
local attacked = lazy(function()
  if not reference.is_here() then return net(), defence(), "the shipped net's" end
  local own = reference.net()
  return own, reference.defence(own, reference.train()), "the reference's"
end)

group("direction", "PGD along the gradient and along the logarithm, in gradients of 900 digits", function()
  local _, model, whose = attacked()
  local digits = test_digits():slice(1, 900)
  local w = array.zeros(900, #model.classes + 1)
  for i = 1, 900 do w:set(1, i, i % 10 + 1) end
  measure("direction.unit", 5, function() model:gradient(digits, w) end,
    { unit = "ms", per = 900, note = "a row's share of d:gradient, " .. whose })
  local unit = cpu_of["direction.unit"]
  for _, direction in ipairs { "gradient", "log" } do
    local pgd = attack.pgd { model = model, dmax = 1e-3, max_iter = 10, direction = direction }
    local start = os.clock()
    local asked = pgd:run(digits).evaluations.gradients:sum()
    local cpu = (os.clock() - start) / asked
    row("direction." .. direction, cpu / unit, "units", { cpu = cpu, note = "an iteration of a row" })
  end
end)

group("auto", "attack.auto on 100 digits at once: the defence at l2 1 and 2, the bare net at 1", function()
  local bare, model, whose = attacked()
  local hundred = test_digits():slice(11, 110)
  for _, on in ipairs { { "dnr", model, 1 }, { "dnr", model, 2 }, { "net", bare, 1 } } do
    local auto, more = attack.auto { model = on[2], norm = "l2", dmax = on[3] },
      { unit = "ms", per = 100, cold = true }
    measure(("auto.%s.%d"):format(on[1], on[3]), 1, function()
      local counts = auto:run(hundred):counts()
      more.note = ("a digit, %d evaded, %d wrong before, %s"):format(counts.evaded, counts.wrong, whose)
    end, more)
  end
end)

group("mnist_load", "60000 images from gzip to float32", function()
  if not have_mnist then return say("%-28s not measured: MNIST is not here", "mnist_load") end
  measure("mnist_load", 5, function() data.mnist("train") end)
end)

group("data", "the tutorial's data: MNIST in bytes, half of it, 5000 samples; test digits", function()
  if not have_mnist then return say("%-28s not measured: MNIST is not here", "data") end
  measure("data", 3, function()
    local _, half = data.mnist("train", { store = "u8" }):split(0.5, { seed = 1 })
    half:sample(5000, { seed = 0 })
    data.mnist("test"):per_class(100)
    collectgarbage()
  end)
end)

-- examples/dnr.lua in a process and a folder of its own, with `code` around it, which finds its path as %q.
local function run_tutorial(code, options)
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. quoted(folder))
  local top = io.popen("pwd"):read("l")
  local function absolute(path) return path:match("^/") and path or top .. "/" .. path end
  local mnist = os.getenv("PERIGEE_DATA")
  local found = lines_of(("cd %s && %s %s --quiet %s -e %s"):format(quoted(folder),
    mnist and "PERIGEE_DATA=" .. quoted(absolute(mnist)) or "", quoted(absolute(program)), options or "",
    quoted(code:format(absolute(here) .. "/../../examples/dnr.lua"))))
  for _, f in ipairs(found or {}) do row(f.name, f.value, f.unit, { cpu = f.cpu }) end
  os.execute("rm -r " .. quoted(folder))
end

group("tutorial", "the whole of examples/dnr.lua after the start, and the most memory it held", function()
  run_tutorial [[
    local print_to, start, cpu = print, perigee.clock(), os.clock()
    print = function() end
    dofile(%q)
    print_to(("tutorial %%.6g s %%.6g"):format(perigee.clock() - start, os.clock() - cpu))
    for line in io.lines("/proc/self/status") do
      local kilobytes = line:match("^VmHWM:%%s*(%%d+)")
      if kilobytes then print_to(("tutorial.memory %%.6g GB"):format(kilobytes / 1e6)) end
    end]]
end)

group("figure", "examples/dnr.lua up to a figure of PGD-Exp's attack, by either solver", function()
  for _, solver in ipairs { "libsvm", "smo" } do
    run_tutorial(([[
      local print_to, start, cpu = print, perigee.clock(), os.clock()
      print = function() end
      evaluate.diagnose = function(result)
        plot.attack(result, { file = "dnr.png" })
        print_to(("figure.SOLVER %%.6g s %%.6g"):format(perigee.clock() - start, os.clock() - cpu))
        os.exit(0)
      end
      dofile(%q)]]):gsub("SOLVER", solver), "--solver " .. solver)
  end
end)

group("start", "from the start to the prompt; memory while idle", function()
  for _, found in ipairs(helper("prompt", program)) do row(found.name, found.value, found.unit) end
end)

---------------------------------------------------------------------------------------------------
-- Growth

-- The exponent p of t ~ nᵖ by least squares in logarithms.
local function exponent(sizes, times)
  local n, sx, sy, sxx, sxy = #sizes, 0, 0, 0, 0
  for i = 1, n do
    local x, y = math.log(sizes[i]), math.log(times[i])
    sx, sy, sxx, sxy = sx + x, sy + y, sxx + x * x, sxy + x * y
  end
  return (n * sxy - sx * sy) / (n * sxx - sx * sx)
end

local function growth(name, sizes, run)
  local times = {}
  for i, size in ipairs(sizes) do
    local cpu = os.clock()
    measure(("%s.%d"):format(name, size), 1, function() run(size) end, { cold = true })
    times[i] = os.clock() - cpu
  end
  row(name .. ".exponent", exponent(sizes, times), "-", { note = "of processor time" })
end

group("scaling_fit", "the defence on 1000 to 10000 samples", function()
  local _, second = sets()
  for _, solver in ipairs { "smo", "libsvm" } do
    local samples = {}
    local sizes = solver == "smo" and { 1000, 2000, 5000, 10000 } or { 1000, 2000, 5000 }
    for _, n in ipairs(sizes) do samples[n] = second:sample(n, { seed = 0 }) end
    growth("scaling_fit." .. solver, sizes, function(n) new_defence(solver):fit(samples[n], { seed = 0 }) end)
  end
end)

group("scaling_attack", "PGD-Exp on 1 to 1000 digits at once", function()
  local test, pgd = test_digits():shuffle { seed = 1 }, new_attack(defence())
  pgd:run(test[1])
  growth("scaling_attack", { 1, 10, 100, 1000 }, function(n) pgd:run(test:slice(1, n)) end)
end)

group("scaling_threads", "the same work with one thread and with two", function()
  local folder = os.tmpname()
  files[#files + 1] = folder
  defence():save(folder)
  local code = ([[
    local model = perigee.load(%q)
    local x = array.rand(1000, 784, { seed = 1 })
    model:scores(x)
    local start, cpu = perigee.clock(), os.clock()
    for _ = 1, 3 do model:scores(x) end
    print(("t %%.6g s %%.6g"):format((perigee.clock() - start) / 3, (os.clock() - cpu) / 3))]]):format(folder)
  local times = {}
  for _, count in ipairs { 1, 2 } do
    local found = child(code, "--threads " .. count)[1]
    if not found then return end
    row("scaling_threads." .. count, found.value, "s", { cpu = found.cpu, note = "dnr_scores" })
    times[count] = found.value
  end
  row("scaling_threads.exponent", exponent({ 1, 2 }, times), "-", { note = "-1 is perfect" })
end)

-- A sweep and an epoch, each by the median of three, after one that warms up; in a process of its own, or in
-- ranks of it.
local RANKED = [[
  local net, d = nn.load "mnist-cnn", data.digits(4000, { seed = 1 })
  local test = data.digits(256, { seed = 2 })
  local work = {
    sweep = function()
      evaluate.security { models = { cnn = net }, attack = attack.pgd { norm = "l2", max_iter = 40, eps = 0 },
        data = test, dmax = { 1, 2 }, block = 16, noise = false, seed = 1 }
    end,
    train = function() nn.train(net:clone(), d, { epochs = 1, batch = 128, seed = 1 }) end,
  }
  for _, name in ipairs { "sweep", "train" } do
    local wall = {}
    for i = 0, 3 do
      local start = perigee.clock()
      work[name]()
      wall[i] = perigee.clock() - start
    end
    table.sort(wall)
    print(("%s %.6g s"):format(name, wall[2]))
  end]]

-- The launcher of the first MPI that the program has been built for, as the tests find it; or nil.
local function launcher()
  local find = "perigee=%s; . %s/../cli/mpi.sh; use_mpi $(all_mpi | head -1); echo $launch"
  local pipe = assert(io.popen(find:format(quoted(program), quoted(here)) .. " 2> /dev/null"))
  local found = pipe:read("l")
  pipe:close()
  return found ~= "" and found or nil
end

-- Its rows, and the processor time of the whole job with its start, by the command that begins it.
local function ranked(command, count)
  local found = {}
  local text = "%s %s --quiet --threads %d -e %s; times"
  local pipe = assert(io.popen(text:format(command, quoted(program), count, quoted(RANKED))))
  for line in pipe:lines() do
    local name, value = line:match("^(%l+) (%S+) s$")
    local minutes, user, more, system = line:match("^(%d+)m([%d.]+)s (%d+)m([%d.]+)s$")
    if name then found[name] = tonumber(value) end
    if user then found.cpu = 60 * minutes + user + 60 * more + system end -- the last one is the children's
  end
  pipe:close()
  return found
end

group("mpi", "a sweep and an epoch: ranks of one thread beside threads of one process", function()
  local launch = launcher()
  if not launch then return say("%-28s not measured: no MPI, or the program was built without", "mpi") end
  local than = { one_rank = "one_thread", two_ranks = "two_threads" }
  local cases = { { "one_thread", "", 1 }, { "one_rank", launch .. " -np 1", 1 }, { "two_threads", "", 2 },
    { "two_ranks", launch .. " -np 2", 1 } }
  for _, case in ipairs(cases) do
    local name, found = case[1], ranked(case[2], case[3])
    for _, work in ipairs { "sweep", "train" } do
      local base = than[name] and value_of["mpi." .. work .. "." .. than[name]]
      if not found[work] then return say("%-28s not measured: %s failed", "mpi", launch) end
      row(("mpi.%s.%s"):format(work, name), found[work], "s", {
        note = base and ("%.2f of %s"):format(found[work] / base, than[name]),
        ratio = base and found[work] / base,
      })
    end
    row("mpi.job." .. name, found.cpu, "s", { note = "processor time of all ranks, with the start" })
  end
end)

---------------------------------------------------------------------------------------------------
-- Peers

-- Groups whose work peers.py can do, with the arguments it needs.
local peer_groups = {
  epoch = true, inference = true, gradient = true, grad = true, vgg = true, resnet = true,
  svms = function() return feature_files() end,
  svm_many = function() return many_files() end,
}

local function missing_peers()
  local pipe = io.popen(quoted(python) .. " " .. quoted(here .. "/peers.py") .. " --missing 2>&1")
  local text = pipe:read("a"):match("^%s*(.-)%s*$")
  pipe:close()
  return text ~= "" and text or nil
end

local function run_peers(name)
  local arguments = peer_groups[name]
  if not arguments then return end
  local command = { quoted(python), quoted(here .. "/peers.py"), name }
  if type(arguments) == "function" then
    for _, word in ipairs { arguments() } do command[#command + 1] = quoted(word) end
  end
  local prefix = ("OMP_NUM_THREADS=%d OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=%s "):format(threads,
    perigee.facts().blas_core)
  for _, found in ipairs(lines_of(prefix .. table.concat(command, " ")) or {}) do
    local ours = found.name:match("^[%w_]+%.(.+)$")
    local more = { cpu = found.cpu }
    if value_of[ours] then
      more.ratio, more.ratio_cpu = value_of[ours] / found.value, cpu_of[ours] / found.cpu
      more.note = ("%s takes %.3f of it, %.3f of its cpu"):format(ours, more.ratio, more.ratio_cpu)
    end
    row(found.name, found.value, found.unit, more)
  end
end

---------------------------------------------------------------------------------------------------
-- All

local function is_wanted(name)
  for _, word in ipairs(wanted) do
    if name:sub(1, #word) == word then return true end
  end
  return #wanted == 0
end

if list_only then
  for _, g in ipairs(groups) do print(("%-18s %s"):format(g.name, g.text)) end
  os.exit(0)
end

for _, word in ipairs(wanted) do
  local found = false
  for _, g in ipairs(groups) do found = found or g.name:sub(1, #word) == word end
  if not found then
    io.stderr:write(("bench: no group \"%s\"; --list shows them\n"):format(word))
    os.exit(2)
  end
end

local facts = perigee.facts()
local function first_line(path, pattern)
  local file = io.open(path)
  local found = file and file:read("a"):match(pattern) or nil
  if file then file:close() end
  return found
end
local cpu_name = first_line("/proc/cpuinfo", "model name%s*:%s*([^\n]*)") or "unknown processor"
local load = first_line("/proc/loadavg", "^(%S+)")

say("OpenBLAS core %s (%s), %d threads, %s, data: %s", facts.blas_core, facts.blas, threads, cpu_name,
  have_mnist and "MNIST" or "built-in digits, MNIST is not here")
if load and tonumber(load) > 0.5 then
  say("The machine is busy (load %s): cpu seconds and shares per cpu second tell more than wall times.", load)
end
for _, found in ipairs(helper("machine")) do row(found.name, found.value, found.unit) end

if with_peers then
  local missing = missing_peers()
  if missing then say("peers: %s", missing) end
end
for _, g in ipairs(groups) do
  if is_wanted(g.name) and (not with_peers or peer_groups[g.name]) then
    g.run()
    if with_peers then run_peers(g.name) end
  end
end
for _, path in ipairs(files) do os.remove(path) end

if json then
  local function json_text(v)
    if type(v) == "number" then return v == v and math.abs(v) < math.huge and ("%.6g"):format(v) or "null" end
    return '"' .. tostring(v):gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
  end
  local function object(fields, keys)
    local parts = {}
    for _, key in ipairs(keys) do
      if fields[key] ~= nil then parts[#parts + 1] = json_text(key) .. ": " .. json_text(fields[key]) end
    end
    return "{" .. table.concat(parts, ", ") .. "}"
  end
  local head = { blas_core = facts.blas_core, threads = threads, processor = cpu_name, load = tonumber(load),
    data = have_mnist and "mnist" or "digits", version = facts.version, revision = facts.revision }
  local lines = {}
  for i, r in ipairs(rows) do
    lines[i] = "  " .. object(r, { "name", "value", "unit", "cpu", "share", "share_cpu", "ratio", "ratio_cpu",
      "note" })
  end
  print('{"machine": ' .. object(head, { "blas_core", "threads", "processor", "load", "data", "version",
    "revision" }) .. ',\n "rows": [\n' .. table.concat(lines, ",\n") .. "\n]}")
end
