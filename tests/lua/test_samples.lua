-- Models whose answers change from call to call: samples = k takes means over k calls.
local lu = require "luaunit"

local bumps = dofile "tests/lua/bumps.lua"

local N = 12
local rows, labels = {}, {}
for i = 1, N do
  rows[i], labels[i] = { 0.3 - 0.01 * i, 0.1, 0.7 + 0.005 * i }, 0
end
local samples = data.new { x = rows, y = labels }

-- The bumps with noise of that size on scores and gradients.
local function noisy(size)
  local model = bumps.new(-1, { gradient_is = "surrogate" })
  local scores, gradient, seed = model.scores, model.gradient, 0
  local function add(values)
    seed = seed + 1
    return values + array.randn(values.shape, { seed = seed }) * size
  end
  function model:scores(x)
    local s = scores(self, x)
    return array.concatenate({ add(s:slice(nil, { 1, 3 })), s:slice(nil, { 4, 4 }) }, 2)
  end
  function model:gradient(x, w) return add(gradient(self, x, w)) end
  return model
end

local function calm() return bumps.new(-1, { gradient_is = "surrogate" }) end

TestSamples = {}

-- How far the attack's points come from where they should, by the model without noise.
local function error_of(k)
  local pgd = attack.pgd { dmax = 0.2, eta = 0.2, max_iter = 1, samples = k }
  local r, exact = pgd:run(samples, { model = noisy(1) }), pgd:run(samples, { model = calm() })
  return (r.trace[1] - exact.trace[1]):slice(nil, { 1, 3 }):abs():max(), (r.x_adv - exact.x_adv):norm()
end

function TestSamples:test_means_have_less_noise()
  local scores, points = error_of(1)
  local scores_of_means, points_of_means = error_of(400)
  lu.assertTrue(scores > 0.5 and scores_of_means < 0.25)
  lu.assertTrue(points_of_means < points / 3)
end

-- One draw of scores that is low by chance ends an attack too soon, and its answer does not last.
function TestSamples:test_verdicts_are_by_means()
  local function lasting(k)
    local pgd = attack.pgd { dmax = 0.5, max_iter = 20, early_stop = true, samples = k }
    local r = pgd:run(samples, { model = noisy(1) })
    return r:rescore(calm()):counts().evaded
  end
  lu.assertTrue(lasting(1) <= N / 3)
  lu.assertTrue(lasting(30) >= 2 * N / 3)
end

-- Every call of the model is counted, but the last look at each sample.
function TestSamples:test_calls_are_counted()
  for _, name in ipairs { "fgsm", "pgd", "pgd_exp", "apgd", "fmn", "halving", "noise" } do
    local model = calm()
    local one = attack[name] { model = model, dmax = 0.05 }
    if name ~= "fgsm" and name ~= "noise" and name ~= "halving" then one.max_iter = 3 end
    if name == "noise" then one.seed = 1 end
    local r, asked = one:run(samples), model.score_rows + model.gradient_rows
    local three = one:with { samples = 3 }
    model.score_rows, model.gradient_rows = 0, 0
    local r3 = three:run(samples)
    lu.assertEquals(model.score_rows + model.gradient_rows, 3 * asked, name)
    lu.assertEquals(r3.evaluations.scores:totable(), (r.evaluations.scores * 3):totable(), name)
    lu.assertEquals(r3.evaluations.gradients:totable(), (r.evaluations.gradients * 3):totable(), name)
    lu.assertEquals(r3.x_adv:totable(), r.x_adv:totable()) -- where nothing changes from call to call
    lu.assertEquals(r3.scores:totable(), r.scores:totable())
    lu.assertEquals({ r3.params.samples, three.samples, r3.model }, { 3, 3, "lua" })
    lu.assertStrContains(tostring(three), ", samples 3")
    lu.assertNotStrContains(tostring(one), "samples")
  end
end

-- Nets, machines and defences too, along every direction.
function TestSamples:test_of_models_that_do_not_change()
  local net, digits = nn.load "mnist-cnn", data.digits(40, { seed = 1 })
  local machine = svm.new { kernel = svm.rbf(0.02) }
  machine:fit(digits)
  local defence = dnr.new { net = net, layers = { "relu4" }, threshold = -0.5,
    layer_classifier = svm.new { kernel = svm.rbf(1e-3) }, combiner = svm.new { kernel = svm.rbf(1) } }
  defence:fit(digits)
  local few = digits:take { 1, 2, 3 }
  for _, model in ipairs { net, machine, reject.new { model = machine, threshold = -0.5 }, defence } do
    for _, a in ipairs { attack.pgd { max_iter = 3 }, attack.pgd { max_iter = 3, direction = "log" },
      attack.halving {}, attack.pgd_exp { max_iter = 3, start_from = digits } } do
      a = a:with { model = model, dmax = 1 }
      local r, r3 = a:run(few), a:with({ samples = 3 }):run(few)
      lu.assertTrue((r3.x_adv - r.x_adv):abs():max() < 1e-5)
      lu.assertTrue((r3.scores - r.scores):abs():max() < 1e-4)
      lu.assertEquals(r3.evaluations.gradients:totable(), (r.evaluations.gradients * 3):totable())
      lu.assertEquals(r3.largest_kernel == nil, r.largest_kernel == nil)
    end
  end
end

function TestSamples:test_what_is_no_number_of_calls()
  for _, value in ipairs { 0, 1.5, -1, "many" } do
    lu.assertErrorMsgContains("samples: expected an integer from 1", attack.pgd, { samples = value })
    lu.assertErrorMsgContains("samples", attack.auto, { model = calm(), dmax = 1, samples = value })
  end
end

function TestSamples:test_within_a_budget()
  local function spent(r) return (r.evaluations.scores + r.evaluations.gradients):max() end
  for _, most in ipairs { 10, 50, 120 } do
    local a = attack.pgd { model = noisy(0.1), dmax = 0.1, samples = 10, restarts = 5, max_queries = most }
    lu.assertTrue(spent(a:run(samples)) <= most)
    lu.assertTrue(spent(attack.auto({ model = calm(), dmax = 0.1, samples = 10, max_queries = most })
      :run(samples)) <= most)
  end
  local pgd = attack.pgd { model = calm(), dmax = 0.1, samples = 10, max_queries = 9 }
  lu.assertErrorMsgContains("max_queries: 9 do not pay for one answer", pgd.run, pgd, samples)
  local fgsm = attack.fgsm { norm = "l2", dmax = 0.1 }
  local e = attack.ensemble { attack.pgd { dmax = 0.1, samples = 10 }, fgsm, max_queries = 9 }
  lu.assertErrorMsgContains("max_queries: 9 do not pay for one answer", e.run, e, samples, { model = calm() })
  e.max_queries = 45
  lu.assertTrue(spent(e:run(samples, { model = calm() })) <= 45)
end

function TestSamples:test_judge()
  local model = noisy(0.3)
  local judged = attack.judge { model = model, x0 = samples, x_adv = samples.x:copy(), samples = 50 }
  lu.assertEquals({ judged.evaluations.scores:min(), judged.evaluations.scores:max() }, { 100, 100 })
  lu.assertTrue((judged.start_scores - calm():scores(samples.x)):slice(nil, { 1, 3 }):abs():max() < 0.3)
end

function TestSamples:test_the_diagnosis_recommends_it()
  local found = evaluate.diagnose { model = noisy(0.3), data = samples, dmax = 0.1, budget = 500, seed = 1 }
  lu.assertStrContains(found.alarms.unsteady.next, "samples = 20")
end
