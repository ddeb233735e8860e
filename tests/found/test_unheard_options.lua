-- Options that an attack did not take were ignored without a word: start_from in a run, smoothing along a
-- gradient. What was wrong with an ensemble's own options was told of one of its parts.

local lu = require "luaunit"

TestUnheardOptions = {}

local model, ds

function TestUnheardOptions:setUp()
  ds = ds or data.new { x = array.rand(12, 2, { seed = 1 }), y = array.rand(12, { seed = 2 }):gt(0.5) }
  model = model or svm.new { kernel = svm.rbf(5), C = 1 }:fit(ds)
end

local function fails(words, f, ...)
  lu.assertErrorMsgContains(words, f, ...)
end

function TestUnheardOptions:test_start_from()
  local options = { model = model, start_from = ds, dmax = 0.1 }
  for _, name in ipairs { "fgsm", "halving" } do
    local one = attack[name] { norm = "l2" }
    fails(("attack.%s: start_from: this attack has no double start"):format(name), one.run, one, ds, options)
  end
  local auto = attack.auto { norm = "l2" }
  fails("attack.auto: start_from: none of the parts has a double start", auto.run, auto, ds, options)
  -- a part that has one takes it, and the others go without
  local mixed = attack.ensemble { attack.pgd { max_iter = 2 }, attack.fgsm { norm = "l2" } }
  lu.assertEquals(#mixed:run(ds, options), 12)
end

function TestUnheardOptions:test_smoothing()
  local pgd = attack.pgd { smoothing = { 3, 1 }, model = model, dmax = 0.1 }
  fails("attack.pgd: smoothing: the direction \"gradient\" takes no wider kernels", pgd.run, pgd, ds)
  lu.assertEquals(#pgd:with({ direction = "log" }):run(ds), 12)
  pgd.smoothing = { 1 }
  lu.assertEquals(#pgd:run(ds), 12)
end

function TestUnheardOptions:test_whose_option()
  fails("attack.auto: dmax: expected a number of 0 or more, got -1", attack.auto, { dmax = -1 })
  local auto = attack.auto { model = model }
  fails("attack.auto: dmax:", auto.set, auto, { dmax = "x" })
  fails("attack.auto: dmax:", auto.run, auto, ds, { dmax = -1 })
  fails("attack.auto: target:", auto.run, auto, ds, { dmax = 1, target = "x" })
  local own = attack.ensemble { name = "100%", attack.pgd {}, attack.fgsm { norm = "l2" } }
  fails("attack.100%: dmax:", own.with, own, { dmax = -1 })
end

function TestUnheardOptions:test_words_of_a_target()
  lu.assertStrContains(tostring(attack.fmn { target = "each" }), ", target each")
end

-- Files are read by what wrote them, and the others say so.
function TestUnheardOptions:test_files_of_others()
  local path = os.tmpname()
  evaluate.security { models = { a = model }, attack = attack.fgsm { norm = "l2" }, data = ds,
    dmax = { 0 }, noise = false, seed = 1 }:save(path)
  lu.assertEquals(perigee.load(path).models, { "a" }) -- a record, which both read
  lu.assertEquals(evaluate.load(path).models, { "a" })
  model:save(path)
  fails("perigee.load(path) reads the model or result in it", evaluate.load, path)
  os.remove(path)
end

-- What only a metatable has was passed over: ten epochs where three were asked for, an empty array.
function TestUnheardOptions.test_inherited_ones()
  local function inherits(t, from) return setmetatable(t, { __index = from }) end
  local two = data.new { x = { { 0, 1 }, { 1, 0 } }, y = { 0, 1 } }
  local net = nn.new { input = { 2 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }
  for where, call in pairs {
    ["nn.train"] = function() nn.train(net, two, inherits({ seed = 1 }, { epochs = 3 })) end,
    ["attack.pgd"] = function() return attack.pgd(inherits({ model = net }, { dmax = 1 })) end,
    ["svm.new"] = function() return svm.new(inherits({}, { C = 2 })) end,
    ["svm:set"] = function() model:set(inherits({}, { C = 2 })) end,
    ["nn.conv2d"] = function() return nn.conv2d(inherits({}, { out = 2 })) end,
    ["data.new"] = function() return data.new(inherits({ x = { { 1 } } }, { y = { 1 } })) end,
    ["attack.auto"] = function() return attack.auto(inherits({ model = net }, { dmax = 1 })) end,
    ["attack.ensemble"] = function() return attack.ensemble(inherits({ attack.pgd() }, { all = true })) end,
    ["grad.model"] = function() return grad.model(inherits({}, { classes = { 0, 1 } })) end,
    ["figure:set"] = function() return plot.figure():set(inherits({}, { xlabel = "x" })) end,
  } do
    fails(where .. ": the table of options has a metatable with __index", call)
  end
  fails("array.new: values: expected numbers in the table", array.new, inherits({}, { 1, 2 }))
  lu.assertEquals(svm.new(setmetatable({ C = 2 }, {})).C, 2)
end

-- A machine of two classes saw no wider kernels where another model stood around it.
function TestUnheardOptions.test_smoothing_in_a_pipeline()
  local some = data.digits(4, { seed = 2, classes = { 3, 7 } })
  local line = classic.pipeline { classic.unit_norm(), svm.new { kernel = svm.rbf(3) } }
  line:fit(data.digits(90, { seed = 1, classes = { 3, 7 } }))
  local function moved(victim, smoothing)
    return attack.halving({ model = victim, norm = "l2", dmax = 0.4, direction = "gradient",
      stages = { { steps = 1, eta = 0.2, smoothing = smoothing } } }):run(some).x_adv
  end
  lu.assertTrue((moved(line, 50) - moved(line, 1)):abs():max() > 1e-3)
  lu.assertTrue(array.equal(moved(line, 50), moved(line:with { ["model.kernel.gamma"] = 3 / 50 }, 1)))
end
