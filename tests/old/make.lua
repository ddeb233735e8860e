-- make.lua — wrote the files of this folder, once, by the program as it was before its foundations
-- were laid anew (0.1.0, revision 6270030):
--
--     perigee --quiet --threads 1 tests/old/make.lua FOLDER
--
-- The files are never written again: they are what users of that program have on their disks. Every
-- later program reads them, and tests/lua/test_old_files.lua says that it does. Beside them,
-- expected.npz has what the program of that day answered on the samples of inputs.npz.

local folder = arg[1] or error("make.lua: name the folder to write to", 0)

local function path(name) return folder .. "/" .. name end

local expected = {}

-- 14 × 14 digits: the built-in ones, every four pixels averaged.
local function small_digits(n, options)
  local digits = data.digits(n, options)
  local x = digits.x:reshape(n, 14, 2, 14, 2):mean(5):mean(3)
  return data.new { x = x:reshape(n, 196), y = digits.y, shape = { 14, 14 }, source = "small digits" }
end

local few = { seed = 1, classes = { 2, 3, 5 } }
local train = small_digits(60, few)
local inputs = small_digits(12, { seed = 2, classes = { 2, 3, 5 } })
inputs:save(path "inputs.npz")

-- One model: its file, and what it answers.
local function keep(name, model)
  model:save(path(name .. ".safetensors"))
  local scores = model:scores(inputs)
  local w = array.ones(#inputs, scores.shape[2])
  for i = 1, #inputs do w:set(-1, i, (i - 1) % #model.classes + 1) end
  expected[name .. ".scores"] = scores
  expected[name .. ".label"] = model:predict(inputs)
  expected[name .. ".gradient"] = model:gradient(inputs, w)
end

---------------------------------------------------------------------------------------------------
-- Models

local rbf = svm.new { kernel = svm.rbf(0.02), C = 1, weights = { [3] = 2, [5] = 0.5 } }:fit(train)
keep("svm-rbf", rbf)
keep("svm-linear", svm.new { kernel = svm.linear(), C = 0.01, weights = "balanced" }:fit(train))
keep("svm-poly", svm.new {
  kernel = svm.poly { gamma = 0.01, coef0 = 1, degree = 2 }, C = 2, tolerance = 1e-4, solver = "smo",
}:fit(train))
keep("svm-two", svm.new { kernel = svm.rbf(0.1) }:fit(train:where { 2, 5 }))
svm.new({ kernel = svm.rbf(0.25), C = 3, solver = "smo" }):save(path "svm-unfitted.safetensors")

local net = nn.new {
  input = { 1, 14, 14 }, seed = 1,
  nn.conv2d { out = 6, kernel = { 3, 2 }, stride = { 2, 1 }, padding = { 1, 0 }, name = "conv" },
  nn.relu {}, nn.maxpool { kernel = { 1, 2 }, stride = { 1, 2 } },
  nn.conv2d { out = 4, kernel = 3 }, nn.relu { name = "seen" },
  nn.flatten {}, nn.linear { out = 8 }, nn.relu {}, nn.dropout { p = 0.25 },
  nn.linear { out = 3, name = "out" },
}
local history = nn.train(net, train, {
  epochs = 30, batch = 8, lr = 0.05, momentum = 0.9, weight_decay = 1e-4, lr_decay = 0.5, lr_step = 10,
  shift = 1, seed = 3, validation = inputs,
})
keep("net", net)

local flat = nn.new { input = { 196 }, classes = { 2, 3, 5 }, seed = 4, nn.linear { out = 3 } }
flat:set { epochs = 3, batch = 10, lr = 0.25, seed = 9 }
keep("net-untrained", flat)
local weights = net:weights()
data.save_safetensors(path "weights.safetensors", weights, { note = "weights alone" })

local on_layer = reject.layer { net = net, layer = "seen", classifier = svm.new { kernel = svm.rbf(0.02) } }
on_layer:fit(train)
keep("layer", on_layer)

local nr = reject.new { model = rbf }
nr.threshold = nr:threshold_for(0.25, inputs) + 0.01 -- on no sample
keep("nr", nr)
local nr_on_layer = reject.new { model = on_layer } -- its threshold stays at -inf
keep("nr-layer", nr_on_layer)

local defence = dnr.new {
  net = net, layers = { "seen", "relu3" },
  layer_classifier = svm.new { kernel = svm.rbf(0.02), C = 1 },
  combiner = svm.new { kernel = svm.rbf(0.25), C = 1 },
}
defence:set { ["relu3.kernel.gamma"] = 0.1 }
defence:fit(train, { folds = 3, seed = 5 })
defence.threshold = defence:threshold_for(0.25, inputs) + 0.01
keep("dnr", defence)
expected["dnr.layer_scores"] = defence:layer_scores(inputs)

---------------------------------------------------------------------------------------------------
-- Results of attacks

local victims = inputs:slice(1, 6)

local function keep_result(name, result)
  result:save(path("result-" .. name .. ".safetensors"))
  result:csv(path("result-" .. name .. ".csv"))
  local where = "result-" .. name .. "."
  expected[where .. "label"], expected[where .. "scores"] = result.label, result.scores
  expected[where .. "distance"] = result.distance
  expected[where .. "loss"] = array.concatenate(result.loss)
  return result
end

local pgd = keep_result("pgd", attack.pgd {
  model = net, norm = "l2", dmax = 1, eta = 0.25, max_iter = 6, restarts = 1, iterates = true, seed = 6,
}:run(victims))
keep_result("pgd_exp", attack.pgd_exp {
  model = defence, norm = "l2", dmax = 1.5, max_iter = 8, start_from = train, target = 3, seed = 7,
}:run(inputs:where { 2, 5 }:slice(1, 6)))
keep_result("fgsm", attack.fgsm { model = rbf, norm = "linf", dmax = 0.1 }:run(victims))
keep_result("noise", attack.noise { model = nr, norm = "l1", dmax = 5, seed = 8 }:run(victims))

---------------------------------------------------------------------------------------------------
-- Arrays

local arrays = {
  f32 = array.linspace(-1, 1, 12):reshape(3, 4), f64 = array.new({ 1 / 3, 1e300, -0.0 }, { dtype = "f64" }),
  i32 = array.new({ { 1, -2 }, { 2147483647, -2147483648 } }, { dtype = "i32" }),
  mask = array.arange(4):gt(1),
}
for name, value in pairs(arrays) do data.save_npy(path("array-" .. name .. ".npy"), value) end
data.save_npz(path "arrays.npz", arrays)
data.save_npz(path "arrays-compressed.npz", arrays, { compress = true })

---------------------------------------------------------------------------------------------------
-- A session: every kind of value that save takes

local shared = { "shared" }
local kept = {
  integer = math.maxinteger, number = 0.1, huge = math.huge, negative = -math.huge, nan = 0 / 0,
  text = "é\n", bytes = "\0\255", yes = true, no = false, list = { 1, 2.5, "three" },
  [4] = "four", [2.5] = "a float key", [true] = "a boolean key", shared = shared, again = shared,
  arrays = arrays, view = arrays.f32.T, dataset = inputs, net = net, svm = rbf, layer = on_layer, nr = nr,
  dnr = defence, result = pgd, weights = weights, kernel = svm.rbf(0.5),
}
kept.within = kept
local searched = svm.search {
  data = train, kernel = "rbf", C = { 1, 10 }, gamma = { 0.05, 0.5 }, folds = 3, seed = 1,
}
local security = evaluate.security {
  models = { net = net, dnr = defence }, attack = attack.fgsm { norm = "l2" }, data = victims,
  dmax = { 0, 1 }, seed = 1,
}
local variables = {
  kept = kept, searched = searched, security = security, trained = history,
  report = metrics.report(defence, inputs),
}
local names = {}
for name, value in pairs(variables) do
  rawset(_G, name, value)
  names[#names + 1] = name
end
require("perigee.session").save(path "session.pgz", table.unpack(names))

expected["history.loss"] = array.new(history.loss, { dtype = "f64" })
expected["search.table"] = searched.table
data.save_npz(path "expected.npz", expected)
