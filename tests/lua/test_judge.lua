-- Points from anywhere, judged as an attack's answers are.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local models = dofile "tests/lua/bumps.lua"

local function bumps(threshold)
  return models.new(threshold, { gradient_is = "surrogate" })
end

local x = array.new { { 0.1, 0.2, 0.8 }, { 0.8, 0.1, 0.2 }, { 0.2, 0.8, 0.1 } }
local samples = data.new { x = x, y = { 0, 1, 2 } }

TestJudge = {}

-- An attack's answers come out as the attack said.
function TestJudge:test_an_attacks_own_answers()
  for _, norm in ipairs { "l1", "l2", "linf" } do
    local dmax = ({ l1 = 1.4, l2 = 0.9, linf = 0.6 })[norm]
    local model = bumps(-1)
    local found = attack.pgd { model = model, norm = norm, dmax = dmax }:run(samples)
    model.score_rows = 0
    local judged = attack.judge {
      model = model, x0 = samples, x_adv = found.x_adv, norm = norm, dmax = dmax,
    }
    lu.assertEquals(model.score_rows, 6)
    for name in ("x0 x_adv y label start_label scores start_scores distance"):gmatch "%S+" do
      lu.assertEquals(judged[name]:totable(), found[name]:totable(), name)
    end
    lu.assertEquals(judged.verdict, found.verdict)
    lu.assertEquals(judged:counts(), found:counts())
    for i = 1, 3 do
      local loss = found.loss[i]
      lu.assertEquals(judged.loss[i]:totable(), { loss[1], loss[#loss] })
      lu.assertEquals(judged.trace[i].shape, { 2, 4 })
      lu.assertEquals(judged.trace[i][2]:totable(), found.scores[i]:totable())
      lu.assertEquals(judged.trace_distance[i]:totable(), { 0, found.distance[i] })
      lu.assertEquals(judged.stop[i], "given")
    end
    lu.assertEquals(judged.evaluations.scores:totable(), { 2, 2, 2 })
    lu.assertEquals(judged.evaluations.gradients:totable(), { 0, 0, 0 })
  end
end

function TestJudge:test_is_a_result_like_others()
  local judged = attack.judge {
    model = bumps(-1), x0 = x, y = { 0, 1, 2 }, x_adv = x + 0.1, dmax = 0.2, objective = "continuous",
    name = "by hand",
  }
  lu.assertEquals(judged.attack, "by hand")
  lu.assertEquals({ judged.params.attack, judged.params.dmax, judged.params.norm }, { "by hand", 0.2, "l2" })
  lu.assertEquals(judged.params.objective, "continuous")
  lu.assertStrContains(tostring(judged), "by hand on lua: 3 samples: 3 correct")
  lu.assertNotStrContains(tostring(judged), "stopped early")
  lu.assertEquals(judged:rescore(bumps(10)).start_verdict, { "rejected", "rejected", "rejected" })
  local path = os.tmpname()
  local again = perigee.load(judged:save(path))
  lu.assertEquals(tostring(again), tostring(judged))
  lu.assertEquals(again.stop, judged.stop)
  lu.assertEquals(again.loss[2]:totable(), judged.loss[2]:totable())
  judged:csv(path)
  os.remove(path)
  lu.assertStrContains(plot.script("attack", judged[1]), "plot")
  lu.assertNotStrContains(tostring(attack.judge { model = bumps(-1), x0 = samples, x_adv = x,
    name = "\27[31m" }), "\27")
end

function TestJudge:test_targets_and_labels()
  local moved = array.new { { 0.9, 0.1, 0.1 }, { 0.9, 0.1, 0.1 }, { 0.1, 0.9, 0.1 } }
  local judged = attack.judge { model = bumps(-1), x0 = x, y = 2, x_adv = moved, target = { 1, 0, 2 } }
  lu.assertEquals(judged.hit, { true, false, true })
  lu.assertEquals(judged.y:totable(), { 2, 2, 2 })
  lu.assertEquals(judged.start_verdict, { "wrong", "wrong", "correct" })
  lu.assertEquals(judged.verdict, { "wrong", "wrong", "correct" })
  local one = attack.judge { model = bumps(-1), x0 = x[1], y = 0, x_adv = moved[1] }
  lu.assertEquals(#one, 1)
  lu.assertEquals(one.verdict[1], "evaded")
end

-- As far out as float32 rounds is inside; more is not.
function TestJudge:test_ball_and_box()
  local function judge(options)
    options.model, options.x0 = bumps(-1), samples
    return attack.judge(options)
  end
  local step = array.new { { 0.1, 0, 0 }, { 0.1, 0, 0 }, { 0.1, 0.1, 0 } }
  lu.assertEquals(#judge { x_adv = x + step, norm = "linf", dmax = 0.1 - 2e-7 }, 3)
  lu.assertEquals(#judge { x_adv = x + step }, 3) -- no dmax: any distance
  raises("attack.judge: x_adv: sample 1: its linf distance is 0.1, by 0.05 more than dmax 0.05; check",
    judge, { x_adv = x + step, norm = "linf", dmax = 0.05 })
  raises("sample 3: its l1 distance is 0.2, by 0.05 more than dmax 0.15", judge,
    { x_adv = x + step, norm = "l1", dmax = 0.15 })
  raises("sample 3: its l2 distance is 0.141421, by 0.0214 more than dmax 0.12", judge,
    { x_adv = x + step, dmax = 0.12 })
  raises("sample 2: feature 1 is 0.9, by 0.05 outside the bounds 0 … 0.85", judge,
    { x_adv = x + step, upper = 0.85 })
  raises("sample 2: feature 2 is 0, by 0.1 outside the bounds 0.1 … 1", judge,
    { x_adv = x - array.new { 0, 0.1, 0 }, lower = { 0, 0.1, 0 } })
  raises("attack.judge: sample 1: feature 2 is 0.2, outside the bounds 0.3 … 1; scale", judge,
    { x_adv = x, lower = { 0, 0.3, 0 } })
  raises("lower: expected one number or 3, got 2", judge, { x_adv = x, lower = { 0, 0 } })
  raises("sample 1: feature 1 is not a finite number", judge, { x_adv = x / 0 })
  local kept = judge { x_adv = x + step, norm = "linf", dmax = 0.05, upper = 0.85, check = false }
  lu.assertAlmostEquals(kept.distance:max(), 0.1, 1e-6)
  lu.assertEquals(kept.params.check, false)
  lu.assertEquals(judge({ x_adv = x * (0 / 0), check = false }):counts().failed, 3)
end

function TestJudge:test_errors()
  local model = bumps(-1)
  raises("attack.judge: model: expected a model", attack.judge, { x0 = samples, x_adv = x })
  raises("attack.judge: x0: expected samples", attack.judge, { model = model, x_adv = x })
  raises("attack.judge: x_adv: expected samples", attack.judge, { model = model, x0 = samples })
  raises("attack.judge: y: expected the true labels, for x0 is no dataset", attack.judge,
    { model = model, x0 = x, x_adv = x })
  raises("x_adv: expected a point for each of 3 samples of 3 features, got 2 of 3", attack.judge,
    { model = model, x0 = samples, x_adv = { { 0, 0, 0 }, { 0, 0, 0 } } })
  raises("sample 2: label 9 is not a class", attack.judge,
    { model = model, x0 = x, y = { 1, 9, 1 }, x_adv = x })
  raises("target 9 is not a class", attack.judge, { model = model, x0 = samples, x_adv = x, target = 9 })
  raises("did you mean 'x_adv'?", attack.judge, { model = model, x0 = samples, x_av = x })
  raises("dmax: expected a number of 0 or more", attack.judge, { dmax = -1 })
  raises("name: expected a string", attack.judge, { name = 3 })
  raises("not fitted", attack.judge, { model = svm.new(), x0 = samples, x_adv = x })
end
