-- What was taken for another class before the attack was counted as evaded, and a clean sample that was
-- rejected as a success at the first dmax above 0.

local lu = require "luaunit"

TestWrongBefore = {}

-- Classes 0 and 1 by the side of 1/2; between 0.45 and 0.55 everything is rejected.
local model = {
  classes = { 0, 1 }, rejects = true,
  scores = function(_, x) return array.concatenate({ 0.5 - x, x - 0.5, x * 0 + 0.05 }, 2) end,
  gradient = function(_, _, w) return w:slice(nil, { 2, 2 }) - w:slice(nil, { 1, 1 }) end,
}
-- right, wrong, rejected, right far off
local samples = data.new { x = { { 0.3 }, { 0.8 }, { 0.48 }, { 0.0 } }, y = { 0, 0, 0, 0 } }

local function run(dmax)
  return attack.pgd({ model = model, norm = "linf", dmax = dmax }):run(samples)
end

function TestWrongBefore:test_nothing_moved_is_no_evasion()
  local result = run(0)
  lu.assertEquals(result.verdict, { "correct", "wrong", "rejected", "correct" })
  lu.assertEquals(result:counts(),
    { correct = 2, rejected = 1, wrong = 1, evaded = 0, failed = 0, robust = 2 })
end

function TestWrongBefore:test_what_was_wrong_stays_apart()
  local result = run(0.3)
  lu.assertEquals(result.verdict, { "evaded", "wrong", "evaded", "correct" })
  lu.assertEquals(result:counts(),
    { correct = 1, rejected = 0, wrong = 1, evaded = 2, failed = 0, robust = 1 })
  lu.assertStrContains(tostring(result), "4 samples: 1 correct, 0 rejected, 1 wrong before, 2 evaded")
  lu.assertStrContains(tostring(result[2]), ", wrong")
end

function TestWrongBefore:test_conventions()
  local result = run(0.2) -- the first one gets as far as the rejected band
  lu.assertEquals(result.verdict, { "rejected", "wrong", "evaded", "correct" })
  lu.assertEquals(metrics.robust_accuracy(result), 2 / 4)
  lu.assertEquals(metrics.robust_accuracy(result, { rejection = "paper" }), 2 / 4)
  lu.assertEquals(metrics.robust_accuracy(result, { rejection = "error" }), 1 / 4)
  result = run(0)
  lu.assertEquals(metrics.robust_accuracy(result), 2 / 4)
  lu.assertEquals(metrics.robust_accuracy(result, { rejection = "paper" }), 2 / 4)
  lu.assertErrorMsgContains('rejection: expected "detection", "paper" or "error", got the string "x"',
    metrics.robust_accuracy, result, { rejection = "x" })
end

function TestWrongBefore:test_curves()
  local security = evaluate.security { models = { m = model }, attack = attack.pgd { norm = "linf" },
    data = samples, dmax = { 0, 0.2, 0.3 }, noise = false }
  lu.assertStrContains(tostring(security), "wrong before")
  for k, robust in ipairs { 2, 2, 1 } do
    lu.assertEquals(security.counts.m[k].robust, robust)
    lu.assertEquals(security.counts.m[k].wrong, 1)
  end
  lu.assertStrContains(plot.script("security", security, { file = "s.svg" }), "0 0.5\n0.2 0.5\n0.3 0.25\n")
end
