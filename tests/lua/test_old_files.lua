-- Files that the program wrote before (tests/old, made by make.lua and make_nested.lua there) go on: they
-- load, answer as they did then, are saved again and load again.
--
-- What is only read must be the same to the bit. What is computed from it need not be: the sums of a
-- product of matrices are cut differently on processors of different kinds (OpenBLAS's kernels, our own
-- for AVX-512, AVX2 and neither), and may be recut by a later version. They agree within 1e-6 of the
-- largest, and labels and verdicts, all of which stand farther from a tie than that, are the same.
local lu = require "luaunit"
local reference = require "tests.lua.reference"
local session = require "perigee.session"

local function path(name) return "tests/old/" .. name end

local expected = data.read_npz(path "expected.npz")
for name, values in pairs(data.read_npz(path "expected-nested.npz")) do expected[name] = values end
local inputs = data.npz(path "inputs.npz")

local function same(got, wanted, what)
  lu.assertTrue(got.dtype == wanted.dtype and array.equal(got, wanted), what)
end

-- Within 1e-6 of the largest finite number.
local function near(got, wanted, what)
  lu.assertEquals(got.shape, wanted.shape, what)
  local largest = array.where(wanted:abs():lt(math.huge), wanted:abs(), 0):max()
  lu.assertTrue(reference.gap(got, wanted) <= 1e-6 * largest, what)
end

-- f(path) on a file that is there while f runs.
local function with_file(f)
  local name = os.tmpname()
  local ok, message = pcall(f, name)
  os.remove(name)
  if not ok then error(message, 0) end
end

-- What perigee.load reads after value:save.
local function saved_again(value)
  local again
  with_file(function(name) again = perigee.load(value:save(name)) end)
  return again
end

local function check_model(name, model)
  near(model:scores(inputs), expected[name .. ".scores"], name .. ": scores")
  same(model:predict(inputs), expected[name .. ".label"], name .. ": labels")
  local w = array.ones(#inputs, expected[name .. ".scores"].shape[2])
  for i = 1, #inputs do w:set(-1, i, (i - 1) % #model.classes + 1) end
  near(model:gradient(inputs, w), expected[name .. ".gradient"], name .. ": gradient")
  local again = saved_again(model)
  same(again:scores(inputs), model:scores(inputs), name .. ": scores after it was saved again")
  lu.assertEquals(tostring(again), tostring(model))
  return model
end

local function load_model(name) return check_model(name, perigee.load(path(name .. ".safetensors"))) end

-- model:get of every name; numbers that have no name of their own are fields
local function has(model, values)
  for name, value in pairs(values) do lu.assertEquals(model:get(name), value, name) end
end

TestOldModels = {}

function TestOldModels:testSvms()
  local rbf = load_model "svm-rbf"
  lu.assertEquals(rbf.kernel.name, "rbf")
  has(rbf, { C = 1, ["kernel.gamma"] = 0.02, tolerance = 1e-3 })
  lu.assertEquals(rbf.weights, { [3] = 2, [5] = 0.5 })
  lu.assertEquals(rbf.solver, "libsvm")
  lu.assertEquals(rbf.classes, { 2, 3, 5 })
  local linear = load_model "svm-linear"
  lu.assertEquals(linear.kernel.name, "linear")
  lu.assertEquals({ linear.C, linear.weights }, { 0.01, "balanced" })
  local poly = load_model "svm-poly"
  lu.assertEquals({ poly.kernel.name, poly.kernel.degree, poly.solver }, { "poly", 2, "smo" })
  has(poly, { C = 2, tolerance = 1e-4, ["kernel.gamma"] = 0.01, ["kernel.coef0"] = 1 })
  lu.assertEquals(load_model("svm-two").alpha.shape[1], 1)
end

function TestOldModels:testAnSvmThatWasNotFitted()
  local model = saved_again(perigee.load(path "svm-unfitted.safetensors"))
  has(model, { C = 3, ["kernel.gamma"] = 0.25 })
  lu.assertEquals({ model.solver, model.support, #model.classes }, { "smo", 0, 0 })
end

function TestOldModels:testNets()
  local net = load_model "net"
  local kinds = {}
  for i, layer in ipairs(net.layers) do kinds[i] = layer.kind end
  lu.assertEquals(table.concat(kinds, " "),
    "conv2d relu maxpool conv2d relu flatten linear relu dropout linear")
  lu.assertEquals(net.layers[1].shape, { 6, 7, 13 })
  lu.assertEquals(net.layers[3].shape, { 6, 7, 6 })
  local trained, then_ = saved_again(net).trained, expected["history.loss"]
  lu.assertEquals({ trained.source, trained.samples, trained.epochs, trained.shift, trained.seed },
    { "small digits", 60, 30, 1, 3 })
  lu.assertEquals({ trained.lr, trained.momentum, trained.weight_decay, trained.lr_decay, trained.lr_step },
    { 0.05, 0.9, 1e-4, 0.5, 10 })
  lu.assertEquals(trained.loss, then_:at(-1))
  local untrained = saved_again(load_model "net-untrained")
  lu.assertNil(untrained.trained)
  has(untrained, { epochs = 3, batch = 10, lr = 0.25, seed = 9, momentum = 0.9, lr_decay = 1 })
  lu.assertEquals(nn.load(path "net.safetensors").parameters, net.parameters)
end

-- A description of blocks in blocks, with batch norms, groups, dilation, "same" (make_nested.lua).
function TestOldModels:testANetOfBlocks()
  local net = load_model "net-nested"
  local names = {}
  for i, layer in ipairs(net.layers) do names[i] = layer.name end
  lu.assertEquals(table.concat(names, " "), "normalise1 stem bn1 relu1 layer1.0.conv1 layer1.0.leaky_relu1 "
    .. "layer1.0 layer1.1.conv1 layer1.1.bn1 layer1.1.elu1 layer1.1.conv2 layer1.1.dropout1 "
    .. "layer1.1.downsample.c layer1.1.downsample.1 layer1.1.downsample layer1.1 layer1.2 layer1 0.conv1 "
    .. "0.silu1 0.shortcut.tanh1 0.shortcut.sigmoid1 0.shortcut 0 sequence2 pool1 avgpool1 flatten1 "
    .. "layernorm1 head gelu1 fc2")
  local block, shortcut = net:forward(inputs.x:slice { 1, 4 }, { "layer1.1", "layer1.1.downsample" })
  near(block, expected.block, "a block's output")
  near(shortcut, expected.shortcut, "its shortcut's")
  lu.assertEquals({ net.trained.epochs, net.trained.batch, net.trained.seed }, { 80, 12, 3 })
end

function TestOldModels:testWeightsAlone()
  local net, weights = perigee.load(path "net.safetensors"), data.safetensors(path "weights.safetensors")
  for name, weight in pairs(net:weights()) do same(weight, weights[name], name) end
  net:fit(inputs, { epochs = 1 })
  net:load_weights(path "weights.safetensors")
  near(net:scores(inputs), expected["net.scores"], "weights")
end

function TestOldModels:testNrAndLayers()
  local layer = load_model "layer"
  lu.assertEquals({ layer.layer, layer.classifier.kind, layer.net.kind }, { "seen", "svm", "net" })
  local nr = load_model "nr"
  lu.assertTrue(nr.rejects)
  lu.assertEquals(nr.threshold, expected["nr.scores"]:at(1, -1))
  lu.assertEquals(nr:get "C", 1)
  local on_layer = load_model "nr-layer"
  lu.assertEquals({ on_layer.threshold, on_layer.model.kind }, { -math.huge, "layer" })
end

function TestOldModels:testDnr()
  local defence = load_model "dnr"
  lu.assertEquals(defence.layers, { "seen", "relu3" })
  has(defence, { ["seen.kernel.gamma"] = 0.02, ["relu3.kernel.gamma"] = 0.1, ["seen.C"] = 1,
    ["combiner.kernel.gamma"] = 0.25, threshold = expected["dnr.scores"]:at(1, -1) })
  near(defence:layer_scores(inputs), expected["dnr.layer_scores"], "layer scores")
end

-- A threshold is some sample's score: one bit less, and that sample is no longer rejected.
function TestOldModels:testNumbersAreKeptToTheBit()
  local nr = reject.new { model = perigee.load(path "svm-rbf.safetensors") }
  for i, score in ipairs(expected["svm-rbf.scores"]:max(2):totable()) do
    nr.threshold = score
    local C = math.abs(score)
    nr:set { C = C, ["kernel.gamma"] = C / 3 }
    local again = saved_again(nr)
    lu.assertEquals({ i, again.threshold, again:get "C", again:get "kernel.gamma" }, { i, score, C, C / 3 })
  end
end

---------------------------------------------------------------------------------------------------

TestOldResults = {}

-- What was wrong before the attack was called evaded when these were written: since then it is told apart.
local verdicts = {
  pgd = "evaded evaded evaded evaded correct evaded", pgd_exp = "evaded evaded evaded rejected evaded wrong",
  fgsm = "correct evaded evaded wrong correct correct",
  noise = "correct correct correct rejected correct correct",
}

local models = { pgd = "net", pgd_exp = "dnr", fgsm = "svm-rbf", noise = "nr" }

local function text_of(name)
  local file <close> = assert(io.open(name, "rb"))
  return file:read "a"
end

local function check_result(name, result)
  local where = "result-" .. name
  for _, field in ipairs { "label", "scores", "distance" } do
    same(result[field], expected[("%s.%s"):format(where, field)], field)
  end
  same(array.concatenate(result.loss), expected[where .. ".loss"], "loss")
  lu.assertEquals(table.concat(result.verdict, " "), verdicts[name])
  lu.assertEquals(result.attack, name)
  with_file(function(csv)
    result:csv(csv)
    lu.assertEquals(text_of(csv), text_of(path(where .. ".csv")))
  end)
end

local function load_result(name)
  local result = perigee.load(path("result-" .. name .. ".safetensors"))
  check_result(name, result)
  check_result(name, saved_again(result))
  local judge = perigee.load(path(models[name] .. ".safetensors"))
  near(result:rescore(judge).scores, result.scores, name .. ": scores by the model of its file")
  return result
end

function TestOldResults:testPgd()
  local result = load_result "pgd"
  lu.assertEquals({ result.model, result.seed, result.params.restarts, result.params.eta },
    { "net", 6, 1, 0.25 })
  lu.assertEquals(#result.iterates[1], #result.loss[1])
  same(result.iterates[1][-1], result.x_adv[1], "the last iterate")
  lu.assertEquals(result.stop[1], "max_iter")
  lu.assertNil(result.target)
  lu.assertNil(result.flat)
  lu.assertNil(result.gradient_norm)
end

function TestOldResults:testPgdExp()
  local result = load_result "pgd_exp"
  lu.assertEquals({ result.model, result.seed, result.rejects, #result.hit }, { "dnr", 7, true, 6 })
  lu.assertEquals(result.target:totable(), { 3, 3, 3, 3, 3, 3 })
  lu.assertEquals(result.shape, { 14, 14 })
  lu.assertEquals(table.concat(result.stop, " "), "max_iter max_iter converged converged max_iter max_iter")
end

function TestOldResults:testFgsmAndNoise()
  local fgsm = load_result "fgsm"
  lu.assertEquals({ fgsm.params.norm, fgsm.params.dmax }, { "linf", 0.1 })
  local noise = load_result "noise"
  lu.assertEquals({ noise.params.norm, noise.seed }, { "l1", 8 })
end

---------------------------------------------------------------------------------------------------

TestOldArrays = {}

local function check_arrays(arrays)
  same(arrays.f32, array.linspace(-1, 1, 12):reshape(3, 4), "f32")
  same(arrays.f64, array.new({ 1 / 3, 1e300, -0.0 }, { dtype = "f64" }), "f64")
  lu.assertEquals(1 / arrays.f64:at(3), -math.huge)
  local i32 = { { 1, -2 }, { 2147483647, -2147483648 } }
  same(arrays.i32, array.new(i32, { dtype = "i32" }), "i32")
  lu.assertEquals(arrays.mask:totable(), { 0, 0, 1, 1 })
end

function TestOldArrays:testNpyAndNpz()
  local npy = {}
  for _, name in ipairs { "f32", "f64", "i32", "mask" } do
    npy[name] = data.npy(path("array-" .. name .. ".npy"))
  end
  check_arrays(npy)
  check_arrays(data.read_npz(path "arrays.npz"))
  check_arrays(data.read_npz(path "arrays-compressed.npz"))
  with_file(function(name)
    data.save_npz(name, npy)
    check_arrays(data.read_npz(name))
  end)
end

function TestOldArrays:testADataset()
  lu.assertEquals(inputs.shape, { 14, 14 })
  lu.assertEquals(inputs:counts(), { [2] = 4, [3] = 4, [5] = 4 })
end

---------------------------------------------------------------------------------------------------

TestOldSession = {}

local names = { "kept", "report", "searched", "security", "trained" }

function TestOldSession:tearDown()
  for _, name in ipairs(names) do rawset(_G, name, nil) end
end

local function check_plain(kept)
  lu.assertEquals(kept.integer, math.maxinteger)
  lu.assertEquals(math.type(kept.integer), "integer")
  lu.assertEquals({ kept.number, kept.huge, kept.negative, kept.yes, kept.no },
    { 0.1, math.huge, -math.huge, true, false })
  lu.assertTrue(kept.nan ~= kept.nan)
  lu.assertEquals({ kept.text, kept.bytes }, { "é\n", "\0\255" })
  lu.assertEquals(kept.list, { 1, 2.5, "three" })
  lu.assertEquals({ kept[4], kept[2.5], kept[true] }, { "four", "a float key", "a boolean key" })
  lu.assertTrue(rawequal(kept.shared, kept.again) and rawequal(kept.within, kept))
  lu.assertEquals({ kept.kernel.name, kept.kernel.gamma }, { "rbf", 0.5 })
end

local function check_session()
  local kept = rawget(_G, "kept")
  check_plain(kept)
  check_arrays(kept.arrays)
  same(kept.view, kept.arrays.f32.T, "a view")
  same(kept.dataset.x, inputs.x, "a dataset's x")
  same(kept.dataset.y, inputs.y, "a dataset's y")
  lu.assertEquals({ kept.dataset.shape, kept.dataset.source }, { { 14, 14 }, "small digits" })
  for key, name in pairs { svm = "svm-rbf", net = "net", layer = "layer", nr = "nr", dnr = "dnr" } do
    check_model(name, kept[key])
  end
  check_result("pgd", kept.result)
  lu.assertEquals(kept.weights["conv.weight"].shape, { 6, 1, 3, 2 })
  -- numbers had 15 digits where that was nearly right
  near(array.new(rawget(_G, "trained").loss, { dtype = "f64" }), expected["history.loss"], "a history")
  same(rawget(_G, "searched").table, expected["search.table"], "a search's table")
  lu.assertEquals(rawget(_G, "searched").best.C, 1)
  lu.assertEquals(rawget(_G, "security").models, { "dnr", "net" })
  lu.assertEquals(rawget(_G, "security").counts.net[1].correct, 6)
  lu.assertEquals(rawget(_G, "report").rejection_rate, 0.25)
end

function TestOldSession:testEverythingComesBack()
  lu.assertEquals(session.restore(path "session.pgz"), names)
  check_session()
  with_file(function(name)
    session.save(name, table.unpack(names))
    self:tearDown()
    session.restore(name)
  end)
  check_session()
end

function TestOldSession:testNumbersAreKeptToTheBit()
  local list = expected["history.loss"]:totable()
  rawset(_G, "kept", list)
  with_file(function(name)
    session.save(name, "kept")
    session.restore(name)
  end)
  for i, value in ipairs(list) do lu.assertTrue(rawget(_G, "kept")[i] == value, i) end
end

---------------------------------------------------------------------------------------------------

-- What a program to come may write.
TestNewerFiles = {}

local function check_refused(file, key, kind, load, newest)
  local arrays, texts = data.safetensors(path(file))
  local function with_format(format)
    -- the first brace is that of the whole; what 0.1.0 wrote has no format there, or 1
    local text = texts[key]:gsub('"format":1,', "", 1):gsub("{", ('{"format":%s,'):format(format), 1)
    with_file(function(name)
      data.save_safetensors(name, arrays, { [key] = text })
      load(name)
    end)
  end
  local words = ("this %s is of format %d, and perigee %s reads formats up to %d: a newer perigee wrote it")
    :format(kind, newest + 1, perigee.version, newest)
  lu.assertErrorMsgContains(words, with_format, newest + 1)
  lu.assertErrorMsgContains(("the format of this %s is not a number from 1"):format(kind), with_format, "0")
end

function TestNewerFiles:testAreRefusedByTheirFormat()
  check_refused("svm-two.safetensors", "perigee", "model", perigee.load, 1)
  check_refused("result-fgsm.safetensors", "perigee", "result", perigee.load, 1)
  check_refused("session.pgz", "perigee.session", "session", session.restore, 3)
end

function TestNewerFiles:testEveryFileSaysItsFormat()
  with_file(function(name)
    local function format_of(key)
      local _, texts = data.safetensors(name)
      return texts[key]:match '"format":(%d+)'
    end
    perigee.load(path "net.safetensors"):save(name)
    lu.assertEquals(format_of "perigee", "1")
    perigee.load(path "result-fgsm.safetensors"):save(name)
    lu.assertEquals(format_of "perigee", "1")
    rawset(_G, "kept", 1)
    session.save(name, "kept")
    rawset(_G, "kept", nil)
    lu.assertEquals(format_of "perigee.session", "3")
  end)
end
