-- One sample or one step whose scores were NaN ended the whole run with an error; NaN among a model's weights
-- was taken from files without a word.

local lu = require "luaunit"

TestNanInAttacks = {}

local nan = 0 / 0

-- Accepts as 1 what sums up to more than 1, and knows nothing of what sums up to more than `edge`.
local function model_of(edge)
  local model = { classes = { 0, 1 }, features = 2 }
  function model.scores(_, x)
    local s = x:sum(2) - 1
    s = array.where(s:gt(edge - 1), nan, s)
    return array.stack({ -s, s }, 2)
  end
  function model.gradient(_, x, w)
    local slope = w:slice(nil, { 2, 2 }) - w:slice(nil, { 1, 1 })
    return array.ones { #x, 2 } * slope
  end
  return model
end

local x = array.new { { 0.2, 0.3 }, { 0.9, 0.9 }, { 0.4, 0.5 } }
local data3 = data.new { x = x, y = { 0, 1, 0 } }
local attacks = {
  fgsm = { dmax = 0.2 }, pgd = { dmax = 2, norm = "l2", eta = 0.03, max_iter = 40, seed = 1 },
  pgd_exp = { dmax = 2, norm = "l2", max_iter = 20, seed = 1 }, noise = { dmax = 0.1, norm = "l2", seed = 1 },
}

local function run(name, model, samples, more)
  local options = { model = model }
  for key, value in pairs(attacks[name]) do options[key] = value end
  for key, value in pairs(more or {}) do options[key] = value end
  return attack[name](options):run(samples)
end

function TestNanInAttacks:test_a_run_that_starts_there_failed()
  local model = model_of(1.5)
  for name in pairs(attacks) do
    local result, without = run(name, model, data3), run(name, model, data3:take { 1, 3 })
    lu.assertEquals(result.start_verdict, { "correct", "failed", "correct" }, name)
    lu.assertEquals(result.verdict[2], "failed", name)
    lu.assertEquals(result.stop[2], "not_finite", name)
    lu.assertTrue(array.equal(result.x_adv:take { 1, 3 }, without.x_adv), name)
    lu.assertTrue(array.equal(result.x_adv[2], x[2]), name)
    local counts = result:counts()
    lu.assertEquals(counts.failed, 1, name)
    lu.assertEquals(counts.correct + counts.evaded, 2, name)
    lu.assertTrue(counts.robust <= 2, name)
    lu.assertStrContains(tostring(result), "1 failed")
    lu.assertStrContains(tostring(result[2]), "no label")
  end
end

-- The way leads through points that evade and on to points without scores: those are not better.
function TestNanInAttacks:test_such_points_are_not_better()
  for _, name in ipairs { "pgd", "pgd_exp" } do
    for _, objective in ipairs { "margin", "cross_entropy" } do
      local result = run(name, model_of(1.3), data3:take { 1, 3 }, { objective = objective })
      lu.assertEquals(result.verdict, { "evaded", "evaded" }, name)
      lu.assertEquals(result.scores:isfinite():min(), 1, name)
      for i = 1, 2 do
        lu.assertTrue(result.x_adv[i]:sum() > 1 and result.x_adv[i]:sum() <= 1.3, name)
      end
    end
  end
  lu.assertEquals(run("pgd", model_of(1.3), data3:take { 1 }).stop, { "not_finite" })
end

function TestNanInAttacks:test_starts_without_scores_are_passed_over()
  local from = data.new { x = { { 0.95, 0.9 }, { 0.6, 0.6 } }, y = { 1, 1 } }
  local result = run("pgd_exp", model_of(1.5), data3:take { 1 }, { start_from = from })
  lu.assertEquals(result.verdict, { "evaded" })
  result = run("pgd_exp", model_of(1.5), data3:take { 1 }, { start_from = from:slice(1, 1) })
  lu.assertEquals(result.scores:isfinite():min(), 1)
end

function TestNanInAttacks:test_gradients()
  local model = model_of(9)
  function model.gradient(_, rows)
    return array.where(rows:sum(2, { keepdims = true }):gt(0.8), nan, rows * 0 + 1)
  end
  local result = run("pgd", model, data3)
  lu.assertEquals(result.stop, { "still", "not_finite", "not_finite" })
  lu.assertEquals(result.verdict, { "correct", "failed", "failed" })
  lu.assertEquals(result:counts().robust, 1)
end

function TestNanInAttacks:test_the_look_before_a_run()
  local model = model_of(1.5)
  lu.assertTrue(reject.check(model, x).ok)
  lu.assertStrContains(reject.check(model, x:slice { 2, 2 }).message, "the scores are not finite")
  function model.gradient(_, rows) return rows * nan end
  local found = reject.check(model, x)
  lu.assertFalse(found.ok or found.flat)
  lu.assertStrContains(found.message, "the gradient is not finite")
end

function TestNanInAttacks:test_failures_are_kept_and_shown()
  local result, path = run("pgd", model_of(1.5), data3), os.tmpname()
  result:save(path)
  local again = perigee.load(path)
  os.remove(path)
  lu.assertEquals(again.verdict, result.verdict)
  lu.assertEquals(again.stop, result.stop)
  lu.assertAlmostEquals(metrics.robust_accuracy(again), result:counts().robust / 3, 1e-12)
  local security = evaluate.security {
    models = { edge = model_of(1.5) }, attack = attack.pgd { norm = "l2", eta = 0.03 }, data = data3,
    dmax = { 0, 0.5 }, seed = 1,
  }
  lu.assertStrContains(tostring(security), "failed")
  lu.assertEquals(security.counts.edge[2].failed, 1)
end

function TestNanInAttacks:test_a_truth_that_nobody_gave()
  lu.assertErrorMsgContains("sample 2", run, "pgd", model_of(1.5), x)
end

-- Of a saved model with one number in it made NaN.
local function load_spoiled(model, number, format)
  local path = os.tmpname()
  model:save(path)
  local file <close> = assert(io.open(path, "rb"))
  local text = file:read "a"
  local first, last = text:find(string.pack(format, number), 1, true)
  lu.assertNotNil(first)
  local out <close> = assert(io.open(path, "wb"))
  out:write(text:sub(1, first - 1), string.pack(format, nan), text:sub(last + 1))
  out:flush()
  local ok, message = pcall(perigee.load, path)
  os.remove(path)
  lu.assertFalse(ok)
  return message
end

function TestNanInAttacks:test_weights_are_numbers()
  local net = nn.new { input = { 2 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2, name = "f" } }
  local path = os.tmpname()
  data.save_safetensors(path, {
    ["f.weight"] = array.new { { 1, 2 }, { nan, 4 } }, ["f.bias"] = array.zeros(2),
  })
  lu.assertErrorMsgContains(path .. ": f.weight: number 3 is NaN", net.load_weights, net, path)
  os.remove(path)
  local bias = data.new { x = array.rand(20, 2, { seed = 1 }), y = array.arange(20) % 2 }
  local machine = svm.new():fit(bias)
  lu.assertStrContains(load_spoiled(machine, machine.b[1], "<d"), "b: number 1 is NaN")
  lu.assertStrContains(load_spoiled(machine, machine.sv:at(2, 1), "<f"), "sv: number 3 is NaN")
  local weight = net:weights()["f.weight"]:at(1, 2)
  lu.assertStrContains(load_spoiled(net, weight, "<f"), "f.weight: number 2 is NaN")
  lu.assertErrorMsgContains("svm.from: alpha: number 2 is NaN", svm.from,
    { sv = { { 1, 2 }, { 3, 4 } }, alpha = { { 1, nan } }, b = { 0 }, classes = { 0, 1 } })
end

-- "mean l2 distance -nan", for one sample that failed; and fmn's took in what did not evade.
function TestNanInAttacks:test_mean_distances()
  local d = data.digits(30, { seed = 1, classes = { 1, 7 } })
  local model = svm.new({ kernel = svm.rbf(0.05) }):fit(d)
  local function mean(r, chosen)
    local sum, count = 0, 0
    for i = 1, #r do
      if chosen(r, i) then sum, count = sum + r.distance[i], count + 1 end
    end
    return count > 0 and ("%.4g"):format(sum / count)
  end
  local function says(r, words) lu.assertStrContains(tostring(r), words) end
  local r = run("pgd", model_of(1.5), data3)
  lu.assertEquals(r.verdict[2], "failed")
  says(r, "; mean l2 distance " .. mean(r, function(_, i) return i ~= 2 end))
  lu.assertNotStrContains(tostring(run("pgd", model_of(1.5), data3:take { 2, 2 })), "mean")
  -- points that are no numbers, in a file too
  local path, x_adv = os.tmpname(), r.x_adv:copy()
  x_adv[1] = 0 / 0
  for _, norm in ipairs { "l1", "l2", "linf" } do
    local judged = attack.judge { model = model_of(1.5), x0 = data3, x_adv = x_adv, norm = norm,
      check = false }
    local again = perigee.load(judged:save(path))
    lu.assertNotEquals(again.distance[1], again.distance[1])
    says(again, ("; mean %s distance %.4g)"):format(norm, judged.distance[3]))
    lu.assertEquals(tostring(again), tostring(judged))
  end
  os.remove(path)
  for dmax, evades in pairs { [0.01] = false, [3] = true, [2] = true } do
    r = attack.fmn({ model = model, norm = "l2", dmax = dmax, max_iter = 60 }):run(d)
    local wanted = mean(r, function(_, i) return r.verdict[i] == "evaded" end)
    lu.assertEquals(wanted and true or false, evades)
    if evades then
      says(r, "; mean l2 distance of the evaded " .. wanted)
    else
      lu.assertNotStrContains(tostring(r), "mean")
    end
  end
  r = attack.fmn({ model = model, norm = "l2", max_iter = 60, target = 1 }):run(d)
  says(r, "; mean l2 distance of the evaded " .. mean(r, function(_, i) return d.y[i] == 7 end))
end
