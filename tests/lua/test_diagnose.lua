-- evaluate.diagnose: each indicator on what is broken on purpose, and none on the same set-up mended.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local net = nn.load("mnist-cnn-shifted")
local digits = data.digits(10, { seed = 1 })
local DMAX = 1

-- The net as a model written in Lua, with other functions in place of its own.
local function around(functions)
  local model = { classes = net.classes }
  function model:scores(x) return net:scores(x) end
  function model:gradient(x, w) return net:gradient(x, w) end
  for name, f in pairs(functions or {}) do model[name] = f end
  return model
end

local function diagnosed(options)
  options.data, options.norm, options.dmax = digits, "l2", options.dmax or DMAX
  options.budget, options.seed = options.budget or 2500, 1
  return evaluate.diagnose(options)
end

local function alarms(diagnosis)
  local names = {}
  for k, alarm in ipairs(diagnosis.alarms) do names[k] = alarm.name end
  return names
end

TestMended = {}

function TestMended:test_nothing_is_wrong_with_the_net()
  for _, model in ipairs { net, around() } do
    local diagnosis = diagnosed { model = model }
    lu.assertEquals(alarms(diagnosis), {})
    lu.assertTrue(diagnosis.ok)
    lu.assertStrContains(tostring(diagnosis), "10 samples, 3 evaded: no alarm")
  end
end

function TestMended:test_other_norms_and_attacks()
  lu.assertEquals(alarms(diagnosed { model = net, attack = attack.pgd_exp {} }), {})
  lu.assertEquals(alarms(diagnosed { model = net, attack = attack.pgd { early_stop = true } }), {})
  lu.assertEquals(alarms(diagnosed { model = net, attack = attack.fmn { max_iter = 100 }, dmax = 3 }), {})
  local parts = attack.ensemble { attack.pgd {}, attack.pgd_exp {} }
  lu.assertEquals(alarms(diagnosed { model = net, attack = parts }), {})
end

-- A surrogate's gradient is meant to be another.
function TestMended:test_a_declared_surrogate()
  local model = around {
    scores = function(_, x) return net:scores((x * 8):round() / 8) end,
    gradient = function(_, x, w) return net:gradient((x * 8):round() / 8, w) end,
    gradient_is = "surrogate",
  }
  lu.assertEquals(alarms(diagnosed { model = model }), {})
end

-- Of scores that are only small.
function TestMended:test_small_scores()
  local model = around {
    scores = function(_, x) return net:scores(x) * 1e-3 end,
    gradient = function(_, x, w) return net:gradient(x, w * 1e-3) end,
  }
  lu.assertEquals(alarms(diagnosed { model = model }), {})
end

-- fmn's way may lead beyond dmax: what evades there is no answer that was kept back.
function TestMended:test_a_way_beyond_dmax()
  local plain = nn.load("mnist-cnn")
  local fmn = attack.fmn { model = plain, dmax = DMAX, reach = 1.5, target = "each" }
  local result = fmn:run(data.digits(20, { seed = 1 }))
  local beyond = 0
  for i = 1, #result do
    if result.verdict[i] == "correct" then beyond = math.max(beyond, result.trace_distance[i]:max()) end
  end
  lu.assertTrue(beyond > DMAX)
  lu.assertNil(evaluate.diagnose(result).alarms.silent_success)
  lu.assertEquals(evaluate.diagnose(result).indicators.silent_success.count, 0)
end

TestBroken = {}

function TestBroken:test_quantised_input()
  local function scores(_, x) return net:scores((x * 8):round() / 8) end
  for _, gradient in ipairs {
    function(_, x) return array.zeros(x.shape) end,
    function(_, x, w) return net:gradient((x * 8):round() / 8, w) end,
  } do
    local found = diagnosed({ model = around { scores = scores, gradient = gradient } }).alarms
    lu.assertEquals({ found.quantised_input.count, found.quantised_input.of }, { 10, 10 })
  end
end

function TestBroken:test_softmax_scores()
  local model = around()
  function model:scores(x)
    local scores = net:scores(x)
    local e = (scores - scores:max(2, { keepdims = true })):exp()
    return e / e:sum(2, { keepdims = true })
  end
  function model:gradient(x, w)
    local p = self:scores(x)
    return net:gradient(x, p * (w - (p * w):sum(2, { keepdims = true })))
  end
  local diagnosis = diagnosed { model = model }
  lu.assertEquals(diagnosis.alarms.softmax_scores.count, 10)
  lu.assertNotNil(diagnosis.alarms.saturated_scores)
  lu.assertNotNil(evaluate.diagnose(diagnosis.result).alarms.softmax_scores)
end

function TestBroken:test_gradient_times_minus_one()
  local model = around { gradient = function(_, x, w) return -net:gradient(x, w) end }
  local diagnosis = diagnosed { model = model }
  lu.assertNotNil(diagnosis.alarms.wrong_gradient)
  lu.assertNotNil(diagnosis.alarms.still_loss)
  lu.assertNotNil(diagnosis.alarms.unbounded)
  lu.assertFalse(diagnosis.ok)
  lu.assertEquals(alarms(evaluate.diagnose(diagnosis.result)), { "still_loss" })
  local hidden = diagnosed { model = reject.new { model = model, threshold = 0 } }
  lu.assertNotNil(hidden.alarms.wrong_gradient)
end

-- By itself: reject.check looks at no attack.
function TestBroken:test_a_gradient_of_other_scores()
  lu.assertStrContains(reject.check(around(), digits).message, "the gradient agrees with the scores")
  for _, factor in ipairs { -1, 0.25, 4 } do
    local found = reject.check(around {
      gradient = function(_, x, w) return net:gradient(x, w) * factor end,
    }, digits)
    lu.assertFalse(found.ok)
    lu.assertStrContains(found.message, "the gradient is not that of the scores")
  end
end

function TestBroken:test_five_steps_of_a_thousandth()
  local diagnosis = diagnosed { model = net, attack = attack.pgd { eta = 0.001, max_iter = 5 } }
  local found = diagnosis.alarms.incomplete
  lu.assertEquals({ found.count, found.of, #found.samples }, { 10, 10, 10 })
  lu.assertNotNil(diagnosis.alarms.unbounded)
  lu.assertEquals(alarms(evaluate.diagnose(diagnosis.result)), { "incomplete" })
end

function TestBroken:test_random_scores()
  local seed = 0
  local model = around {
    scores = function(_, x)
      seed = seed + 1
      return net:scores(x) + array.randn(#x, 10, { seed = seed })
    end,
  }
  local diagnosis = diagnosed { model = model }
  lu.assertEquals(diagnosis.alarms.unsteady.count, 10)
  lu.assertNil(diagnosis.alarms.wrong_gradient)
  lu.assertNotNil(evaluate.diagnose(diagnosis.result).alarms.unsteady)
end

function TestBroken:test_squashed_scores()
  local model = around {
    scores = function(_, x) return net:scores(x):tanh() * 1e-3 end,
    gradient = function(_, x, w)
      local t = net:scores(x):tanh()
      return net:gradient(x, (1 - t * t) * w * 1e-3)
    end,
  }
  local diagnosis = diagnosed { model = model }
  lu.assertNotNil(diagnosis.alarms.vanished_gradient)
  lu.assertNotNil(evaluate.diagnose(diagnosis.result).alarms.vanished_gradient)
end

-- Small scores, and an eps that takes every step for rest.
function TestBroken:test_stopped_too_early()
  local model = around {
    scores = function(_, x) return net:scores(x) * 1e-3 end,
    gradient = function(_, x, w) return net:gradient(x, w * 1e-3) end,
  }
  lu.assertNotNil(diagnosed({ model = model, attack = attack.pgd { eps = 0.01 } }).alarms.incomplete)
end

-- Kernels die out within the ball.
local function blind()
  local machine = svm.from {
    sv = { { 0, 0 }, { 3, 0 } }, alpha = { { 1, -1 }, { -1, 1 } },
    b = { -0.5, -0.5 }, kernel = svm.rbf(4), classes = { 0, 1 },
  }
  local x = { { 0.1, 0.2 }, { 0.2, -0.3 }, { -0.1, 0.3 } }
  return reject.new { model = machine, threshold = 0 }, data.new { x = x, y = { 0, 0, 0 } }
end

function TestBroken:test_kernels_that_die_out()
  local defence, samples = blind()
  local diagnosis = evaluate.diagnose {
    model = defence, data = samples, attack = attack.pgd { lower = -9, upper = 9, eps = 1e-12 }, dmax = 4,
  }
  lu.assertEquals(diagnosis.alarms.vanished_gradient.count, 3)
  lu.assertEquals(diagnosis.alarms.log_direction.samples, { 1, 2, 3 })
  lu.assertEquals(diagnosis.indicators.wrong_gradient.measured, false)
end

-- Runs passed what evades, but the answer is judged once more at the end: by chance.
function TestBroken:test_silent_success()
  local seed = 0
  local model = around {
    scores = function(_, x)
      seed = seed + 1
      return net:scores(x) + array.randn(#x, 10, { seed = seed }) * 3
    end,
  }
  local result = attack.pgd({ model = model, dmax = DMAX }):run(digits)
  local silent = evaluate.diagnose(result).alarms.silent_success
  lu.assertTrue(silent.count > 0)
  for _, i in ipairs(silent.samples) do lu.assertNotEquals(result.verdict[i], "evaded") end
end

TestAnswer = {}

function TestAnswer:test_from_a_result_alone()
  local result = attack.pgd({ model = net, dmax = DMAX }):run(digits)
  local diagnosis = evaluate.diagnose(result)
  lu.assertTrue(diagnosis.ok)
  lu.assertFalse(diagnosis.indicators.noise.measured)
  lu.assertEquals(diagnosis.indicators.noise.reason, "only a result was given")
  lu.assertTrue(diagnosis.indicators.vanished_gradient.measured)
  lu.assertEquals(diagnosis.gradients, 0)
  local judged = evaluate.diagnose(result:rescore(net))
  lu.assertEquals(judged.indicators.vanished_gradient.reason, "its result does not have norms of gradients")
end

function TestAnswer:test_prints_and_exports()
  local diagnosis = diagnosed { model = net, attack = attack.pgd { eta = 0.001, max_iter = 5 } }
  local words = tostring(diagnosis)
  lu.assertStrContains(words, "diagnosis of pgd on net, l2, dmax 1, 10 samples, 0 evaded: 3 alarms")
  lu.assertStrContains(words, "incomplete optimisation  ALARM     10  10")
  lu.assertStrContains(words, "(samples 1, 2, 3, 4, 5, 6, 7, 8, …).\n  It means: the attack was stopped")
  local path = os.tmpname()
  lu.assertEquals(diagnosis:csv(path), path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  os.remove(path)
  lu.assertEquals(#lines, 1 + #diagnosis.indicators)
  lu.assertStrContains(table.concat(lines, "\n"), "\nincomplete,true,10,10,1 2 3 4")
  raises("csv: ", function() diagnosis:csv "/nowhere/at/all.csv" end)
  raises("csv: path: expected a string", function() diagnosis:csv() end)
end

function TestAnswer:test_keeps_to_the_budget()
  local most = diagnosed { model = net, budget = 600 }
  lu.assertTrue(most.gradients <= 600)
  lu.assertEquals(#most.result, 6)
  local few = diagnosed { model = net, attack = attack.pgd_exp {}, budget = 1000 }
  lu.assertTrue(few.gradients <= 1000 and few.indicators.noise.of < 10)
  for _, one in ipairs(diagnosed({ model = net, budget = 1 }).indicators) do
    if one.name == "noise" then lu.assertEquals(one.reason, "the budget is spent") end
  end
end

function TestAnswer:test_same_seed_same_answer()
  local options = { model = net, attack = attack.pgd { restarts = 1 }, budget = 3000 }
  lu.assertEquals(tostring(diagnosed(options)), tostring(diagnosed(options)))
end

-- Where nothing was tried there is nothing to measure, and nothing is fine.
function TestAnswer:test_nothing_was_attacked()
  local wrong = data.new { x = digits.x, y = ((digits.y + 1) % 10):astype "i32", shape = digits.shape }
  local pgd = attack.pgd { model = net, dmax = DMAX, max_iter = 3 }
  local still = pgd:with { dmax = 0 }
  for _, diagnosis in ipairs {
    evaluate.diagnose(pgd:run(wrong)), evaluate.diagnose(still:run(digits)),
    evaluate.diagnose { model = net, data = wrong, attack = pgd, dmax = DMAX, seed = 1, budget = 2500 },
  } do
    lu.assertFalse(diagnosis.ok)
    lu.assertEquals(alarms(diagnosis), {})
    lu.assertStrContains(tostring(diagnosis), ": nothing was attacked\n")
    for _, name in ipairs { "vanished_gradient", "saturated_scores", "still_loss", "noise" } do
      lu.assertFalse(diagnosis.indicators[name].measured)
    end
    lu.assertStrContains(diagnosis.indicators.still_loss.reason, "nothing was attacked: samples were wrong")
  end
  local empty = evaluate.diagnose(still:run(digits):take {}) -- raised an error of its own
  lu.assertFalse(empty.ok)
  lu.assertStrContains(tostring(empty), ", 0 samples, 0 evaded: nothing was attacked\n")
  lu.assertEquals(empty.indicators.unsteady.reason, "nothing was attacked: there are no samples")
end

-- Of samples with radii of their own those at 0 do not count.
function TestAnswer:test_samples_at_dmax_0()
  local radii = {}
  for i = 1, #digits do radii[i] = i <= 8 and 0 or 0.1 end
  local diagnosis = evaluate.diagnose(attack.pgd({ model = net, dmax = radii }):run(digits))
  lu.assertEquals(diagnosis.indicators.still_loss.of, 2)
  lu.assertTrue(diagnosis.ok)
end

function TestAnswer:test_no_run_failed()
  local result = attack.pgd({ model = net, dmax = 20 }):run(digits)
  lu.assertEquals(result:counts().evaded, 10)
  local diagnosis = evaluate.diagnose(result)
  lu.assertTrue(diagnosis.ok)
  lu.assertEquals(diagnosis.indicators.silent_success.reason, "no run failed")
end

function TestAnswer:test_one_attack_for_all()
  local ones = array.new({ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, { dtype = "i32" })
  for name, value in pairs { target = ones, max_queries = ones * 30, start = digits.x } do
    local one = attack.pgd { norm = "l2", [name] = value }
    for _, attacker in ipairs { one, attack.ensemble { attack.pgd { norm = "l2" }, one } } do
      raises(("evaluate.diagnose: %s: the attack has one for each sample"):format(name), evaluate.diagnose,
        { model = net, data = digits, attack = attacker, dmax = DMAX })
    end
  end
  raises("evaluate.diagnose: dmax: expected a number above 0", evaluate.diagnose,
    { model = net, data = digits, norm = "l2", dmax = 0 })
end

function TestAnswer:test_errors()
  raises("evaluate.diagnose: result: expected an attack's result", evaluate.diagnose, 7)
  raises("evaluate.diagnose: model: expected a fitted model", evaluate.diagnose, { data = digits })
  raises("evaluate.diagnose: data: expected a dataset", evaluate.diagnose, { model = net, data = digits.x })
  raises("evaluate.diagnose: attack: expected an attack", evaluate.diagnose,
    { model = net, data = digits, attack = 7 })
  raises("evaluate.diagnose: budget: expected a number of gradients", evaluate.diagnose,
    { model = net, data = digits, budget = 0 })
  raises("did you mean 'budget'?", evaluate.diagnose, { model = net, data = digits, budgt = 5 })
  raises("dmax is not given", evaluate.diagnose, { model = net, data = digits })
end
