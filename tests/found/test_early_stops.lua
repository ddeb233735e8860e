-- An attack that had stopped at the model's own threshold was judged at a stricter one, which it had never
-- tried, without a word: a robust error of 0 where there was one of more than a half.
local lu = require "luaunit"

TestEarlyStops = {}

local digits = data.digits(150, { seed = 3 })
local machine = svm.new { kernel = svm.rbf(0.05), C = 10 }
machine:fit(digits:slice(1, 100))
local held_out, test = digits:slice(101, 130), digits:slice(131, 150)
local open = reject.new { model = machine, threshold = -10 } -- rejects nothing yet

local WORDS = "answers stopped at the model's own threshold"

local function apgd(model, early)
  local options = { norm = "l2", dmax = 3, max_iter = 10, early_stop = early, seed = 1, model = model }
  return attack.apgd(options):run(test)
end

local early, late = apgd(open, true), apgd(open, false)

local function reached(result)
  local count = 0
  for _, stop in ipairs(result.stop) do count = count + (stop == "reached" and 1 or 0) end
  return count
end

function TestEarlyStops:test_rerr()
  local function of(result) return metrics.rerr { result = result, model = open, validation = held_out } end
  local bound, told = of(early), of(late)
  lu.assertTrue(bound.stopped_early > 0)
  lu.assertEquals(bound.stopped_early, reached(early))
  lu.assertTrue(bound.stricter)
  lu.assertStrContains(tostring(bound), ("%d of 20 %s"):format(bound.stopped_early, WORDS))
  lu.assertEquals(told.stopped_early, 0)
  lu.assertNotStrContains(tostring(told), WORDS)
  lu.assertTrue(bound.rerr[2] < told.rerr[2])
end

-- At its own threshold, or below, the attack has done all that it could.
function TestEarlyStops:test_rerr_at_laxer_thresholds()
  local strict = reject.new { model = machine, threshold = 10 }
  local e = metrics.rerr { result = early:rescore(strict), model = strict, validation = held_out }
  lu.assertFalse(e.stricter)
  lu.assertNotStrContains(tostring(e), WORDS)
end

function TestEarlyStops:test_roc()
  local noted = metrics.roc(early)
  lu.assertEquals(noted.stopped_early, reached(early))
  lu.assertStrContains(tostring(noted), WORDS)
  lu.assertStrContains(tostring(metrics.roc(open, held_out, early)), WORDS)
  lu.assertNotStrContains(tostring(metrics.roc(late)), WORDS)
  lu.assertNil(metrics.roc({ 1, 2 }, { 0, 1 }).stopped_early)
  lu.assertNotStrContains(tostring(metrics.roc({ 1, 2 }, { 0, 1 })), WORDS)
end

function TestEarlyStops:test_plots()
  local file = os.tmpname()
  local function svg(result)
    plot.roc(result, { file = file .. ".svg" })
    local handle <close> = io.open(file .. ".svg")
    return handle:read "a"
  end
  lu.assertStrContains(svg(early), "(stopped early)")
  lu.assertNotStrContains(svg(late), "(stopped early)")
  os.remove(file)
  os.remove(file .. ".svg")
end

-- What an answer's own part did is what counts; attack.fmn stays at the threshold whatever ends it.
function TestEarlyStops:test_parts()
  lu.assertEquals(metrics.roc(attack.worst { early, early }).stopped_early, reached(early))
  local fmn = attack.fmn({ model = open, norm = "l2", max_iter = 20 }):run(test)
  local evaded = fmn:counts().evaded
  lu.assertTrue(evaded > 0)
  lu.assertTrue(metrics.roc(fmn).stopped_early >= evaded)
  lu.assertTrue(metrics.roc(attack.worst { fmn }).stopped_early >= evaded)
end
