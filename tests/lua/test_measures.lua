-- Measures of confidences, attacks and intervals: what they must have in common with any data, small cases by
-- hand, and what they refuse. Figures beside NumPy's are in test_metrics_numpy.lua.
local lu = require "luaunit"

local bumps = dofile "tests/lua/bumps.lua"

local function raises(words, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok, words)
  lu.assertStrContains(tostring(message), words)
  lu.assertNotStrContains(message, "\n")
end

-- Scores that tie often, and which are positive.
local function some(seed, n)
  return (array.randn(n, { seed = seed }) * 2):round(), array.rand(n, { seed = seed + 1 }):gt(0.4)
end

TestRanking = {}

function TestRanking:test_auc_by_hand()
  lu.assertEquals(metrics.auc({ 0.1, 0.4, 0.35, 0.8 }, { 0, 0, 1, 1 }), 0.75)
  lu.assertEquals(metrics.auc({ 1, 2, 3 }, { false, false, true }), 1)
  lu.assertEquals(metrics.auc({ 7, 7, 7 }, { 0, 1, 0 }), 0.5)
  lu.assertEquals(metrics.auc({ 1, 1, 2 }, { 0, 1, 1 }), 0.75) -- a pair that ties, and one that does not
  lu.assertEquals(metrics.auc({ -math.huge, math.huge }, { 0, 1 }), 1)
end

function TestRanking:test_auc_of_reversed_scores()
  for seed = 1, 20 do
    local scores, positive = some(seed, 60)
    local auc = metrics.auc(scores, positive)
    lu.assertAlmostEquals(metrics.auc(-scores, positive), 1 - auc, 1e-15)
    lu.assertAlmostEquals(metrics.auc(scores, positive:logical_not()), 1 - auc, 1e-15)
    lu.assertEquals(metrics.auc(scores * 3 + 1, positive), auc)
    local order = array.randperm(60, { seed = seed })
    lu.assertEquals(metrics.auc(scores:take(order), positive:take(order)), auc)
  end
end

function TestRanking:test_roc()
  local roc = metrics.roc({ 0.1, 0.4, 0.35, 0.8, 0.8 }, { 0, 0, 1, 1, 0 })
  lu.assertEquals(roc.thresholds:totable(), { math.huge, 0.8, 0.4, 0.35, 0.1 })
  lu.assertEquals(roc.tpr:totable(), { 0, 0.5, 0.5, 1, 1 })
  lu.assertEquals(roc.fpr:totable(), { 0, 1 / 3, 2 / 3, 2 / 3, 1 })
  lu.assertEquals({ roc.positives, roc.negatives }, { 2, 3 })
  lu.assertEquals(roc.fpr.dtype, "f64")
  lu.assertEquals(tostring(roc), "ROC: AUC 0.5833, FPR 66.67 % at 95 % TPR, 2 positives, 3 negatives")
end

function TestRanking:test_aurc_by_hand()
  lu.assertAlmostEquals(metrics.aurc({ 4, 3, 2, 1 }, { 1, 0, 1, 0 }), (0 + 1 / 2 + 1 / 3 + 2 / 4) / 4, 1e-15)
  lu.assertEquals(metrics.aurc({ 1, 2 }, { true, true }), 0)
  lu.assertEquals(metrics.aurc({ 1, 2 }, { 0, 0 }), 1)
  -- all tied: every share is that of all
  lu.assertAlmostEquals(metrics.aurc({ 5, 5, 5, 5 }, { 1, 0, 0, 1 }), 0.5, 1e-15)
end

-- Of tied samples the mean over their orders.
function TestRanking:test_aurc_of_ties_is_the_mean_over_orders()
  local sum = 0
  for _, correct in ipairs { { 0, 1, 1 }, { 1, 0, 1 }, { 1, 1, 0 } } do
    sum = sum + metrics.aurc({ 9, 3, 2, 1 }, { 1, table.unpack(correct) })
  end
  lu.assertAlmostEquals(metrics.aurc({ 9, 1, 1, 1 }, { 1, 1, 0, 1 }), sum / 3, 1e-15)
end

function TestRanking:test_refuses()
  raises("metrics.roc: scores: number 2 is NaN", metrics.roc, { 1, 0 / 0 }, { 1, 0 })
  raises("metrics.auc: scores: expected at least one number, got none", metrics.auc, {}, {})
  raises("there are no negatives, nothing to tell apart", metrics.auc, { 1, 2 }, { 1, 1 })
  raises("there are no positives", metrics.auc, { 1, 2 }, { 0, 0 })
  raises("positive: expected 0 or 1, or false or true", metrics.auc, { 1, 2 }, { 1, 2 })
  raises("positive: expected 2, one for each, got 1", metrics.auc, { 1, 2 }, { 1 })
  raises("scores: expected numbers in a line", metrics.auc, array.zeros(2, 2), { 1, 0 })
  raises("negatives: expected nothing beside scores", metrics.auc, { 1, 2 }, { 1, 0 }, { 1 })
  raises("metrics.aurc: confidences: number 1 is NaN", metrics.aurc, { 0 / 0 }, { 1 })
  raises("metrics.aurc: confidences: expected at least one number", metrics.aurc, {}, {})
  raises("correct: expected 0 or 1", metrics.aurc, { 1 }, { 0.5 })
  local model = bumps.new(-1)
  raises("positive: expected a dataset of clean samples, beside a model", metrics.roc, model, { 1 })
  raises("ds: expected a dataset to judge", metrics.aurc, model, { 1 })
end

---------------------------------------------------------------------------------------------------

-- Six samples: x0 is a centre each, twice; x_adv what the test says.
local x0 = array.concatenate { bumps.centres, bumps.centres }
local y = { 0, 1, 2, 0, 1, 2 }

local function judge(model, x_adv, options)
  local arguments = { model = model, x0 = x0, y = y, x_adv = x_adv, norm = "l2" }
  for key, value in pairs(options or {}) do arguments[key] = value end
  return attack.judge(arguments)
end

-- The first `count` samples on the next class's centre, the others where they were.
local function moved(count)
  local next_one = array.concatenate { bumps.centres:take { 2, 3, 1 }, bumps.centres:take { 2, 3, 1 } }
  return array.where((array.arange(6):lt(count)):reshape(6, 1), next_one, x0)
end

TestUnderAttack = {}

function TestUnderAttack:test_confusion_under_attack()
  local result = judge(bumps.new(-1), moved(2))
  local confusion = metrics.confusion(result)
  lu.assertEquals(confusion.classes, { 0, 1, 2 })
  lu.assertEquals(confusion.counts:totable(), { { 1, 1, 0, 0 }, { 0, 1, 1, 0 }, { 0, 0, 2, 0 } })
  lu.assertEquals(metrics.accuracy(result), 4 / 6)
  lu.assertEquals(metrics.counts(result), { samples = 6, correct = 4, rejected = 0, wrong = 2 })
  lu.assertEquals(metrics.recall(result, nil, { average = 2 }), 1)
  raises("metrics.confusion: ds: expected nothing beside a result", metrics.confusion, result, y)
  -- everything far from the centres is rejected
  local rejected = judge(bumps.new(-0.01), x0 * 0.5)
  lu.assertEquals(metrics.confusion(rejected).counts:slice(nil, 4):totable(), { 2, 2, 2 })
end

function TestUnderAttack:test_robust_risk()
  local result = judge(bumps.new(-1), moved(2))
  lu.assertAlmostEquals(metrics.robust_risk(result), 2 / 6, 1e-15)
  lu.assertAlmostEquals(metrics.robust_risk(result) + metrics.robust_accuracy(result), 1, 1e-15)
  -- rejected under attack: no risk
  lu.assertEquals(metrics.robust_risk(judge(bumps.new(-0.01), x0 * 0.5)), 0)
  raises("metrics.robust_risk: result: expected an attack's result, got 3", metrics.robust_risk, 3)
end

function TestUnderAttack:test_confidence_is_above_zero_where_accepted()
  local result = judge(bumps.new(-0.01), moved(2) * 0.98)
  local roc = metrics.roc(result)
  lu.assertEquals({ roc.positives, roc.negatives }, { 6, 2 })
  -- no reject score, or that of a model that rejects nothing, is none: the order is that of best scores
  local plain = metrics.roc(judge(bumps.new(-math.huge), moved(2) * 0.98))
  lu.assertEquals(plain.auc, roc.auc)
  lu.assertTrue(plain.thresholds[2] <= 0)
end

function TestUnderAttack:test_roc_of_a_model()
  local model = bumps.new(-0.01)
  local clean = data.new { x = x0, y = y }
  local outliers = x0 * 0.5
  local far = metrics.roc(model, clean, outliers)
  lu.assertEquals({ far.positives, far.negatives, far.auc }, { 6, 6, 1 })
  lu.assertEquals(metrics.auc(model, clean, data.new { x = outliers, y = y }), 1)
  -- an attack's answers: only those that are adversarial, by this model
  lu.assertEquals(metrics.roc(model, clean, judge(bumps.new(-1), moved(2))).negatives, 2)
  raises("metrics.roc: there are no negatives", metrics.roc, model, clean, judge(model, x0))
  raises("metrics.roc: negatives: expected an attack's result, a dataset or an array", metrics.roc, model,
    clean)
  raises("metrics.auc: positive: expected nothing beside a result", metrics.auc, judge(model, x0), y)
end

function TestUnderAttack:test_rerr()
  local pair = { { 3, 2, 1, 1 }, { 1, 1, 1, 0 } }
  local attacked = { { 3, 2, 1, 1 }, { 0, 1, 0, 0 } }
  local e = metrics.rerr {
    clean = pair, attacked = attacked, validation = { 1, 2, 3, 4 }, tpr = { 1, 0.75, 0.5 },
  }
  lu.assertEquals(e.threshold, { 1, 2, 3 })
  lu.assertEquals(e.rerr, { 3 / 4, 1 / 2, 1 })
  lu.assertEquals(e.fpr, { 1, 1 / 2, 1 / 2 })
  lu.assertEquals(e.accepted, { 1, 1 / 2, 1 / 4 })
  lu.assertStrContains(tostring(e), "75 %")
  -- all rejected: of nothing
  e = metrics.rerr { clean = pair, attacked = attacked, validation = { 9 } }
  lu.assertEquals(e.tpr, { 0.90, 0.95, 0.99 })
  lu.assertTrue(e.rerr[1] ~= e.rerr[1])
  lu.assertEquals(e.fpr[1], 0)
  lu.assertStrContains(tostring(e), "–")
end

-- floor(n (1 - TPR)) is that of the numbers as they are written: 100 * (1 - 0.9) is less than 10 in double.
function TestUnderAttack:test_rerr_counts_what_is_written()
  local validation = array.arange(1, 101)
  local pair = { { 0 }, { 1 } }
  local e = metrics.rerr { clean = pair, attacked = pair, validation = validation }
  lu.assertEquals(e.threshold, { 11, 6, 2 })
end

function TestUnderAttack:test_rerr_refuses()
  local pair = { { 1 }, { 1 } }
  local function with(changes)
    local options = { clean = pair, attacked = pair, validation = { 1 } }
    for key, value in pairs(changes) do options[key] = value end
    return metrics.rerr, options
  end
  raises("metrics.rerr: tpr: expected a share above 0 and up to 1", with { tpr = 95 })
  raises("metrics.rerr: tpr: expected a share above 0 and up to 1", with { tpr = {} })
  raises("metrics.rerr: validation: number 1 is NaN", with { validation = { 0 / 0 } })
  raises("metrics.rerr: validation: expected at least one number", with { validation = {} })
  raises("metrics.rerr: clean has 1 samples, attacked 2", with { attacked = { { 1, 2 }, { 1, 1 } } })
  raises("metrics.rerr: clean: number 1 is NaN", with { clean = { { 0 / 0 }, { 1 } } })
  raises("metrics.rerr: attacked: expected two lists", with { attacked = 3 })
  raises("metrics.rerr: model: expected the model that judges",
    with { validation = data.new { x = x0, y = y } })
  local result = judge(bumps.new(-1), moved(2))
  raises("metrics.rerr: give either a result or clean and attacked", with { result = result })
  raises("metrics.rerr: validation: expected a dataset, beside a model", with { model = bumps.new(-1) })
  local plain = bumps.new(-1)
  plain.rejects = false
  raises("metrics.rerr: model: expected the model that was attacked, or one that rejects as it does",
    metrics.rerr,
    { result = result, model = plain, validation = data.new { x = x0, y = y } })
  local wrong = data.new { x = x0, y = { 1, 2, 0, 1, 2, 0 } }
  raises("validation: none of its samples is classified right", metrics.rerr,
    { result = result, model = bumps.new(-1), validation = wrong })
end

-- What failed is neither positive nor negative, and has no distance.
function TestUnderAttack:test_failed_samples_are_left_out()
  local model = bumps.new(-1)
  local scores = model.scores
  function model:scores(x)
    return array.where(x:slice(nil, 1):gt(0.95):reshape(#x, 1), 0 / 0, scores(self, x))
  end
  local start = x0:copy()
  start:set(0.99, 4, 1)
  local result = judge(model, moved(2), { x0 = start, dmax = 9 })
  lu.assertEquals(result.verdict[4], "failed")
  local roc = metrics.roc(result)
  lu.assertEquals({ roc.positives, roc.negatives }, { 5, 2 })
  lu.assertEquals(metrics.median_distance(result), math.huge)
  local o = metrics.optimality { judged = result, all = judge(model, moved(3), { x0 = start }) }
  lu.assertEquals(o.samples, 5)
  lu.assertEquals(o.evaded.judged, 2 / 5)
end

function TestUnderAttack:test_half_radius()
  local plain = bumps.new(-1)
  plain.rejects = false
  local scores = plain.scores
  function plain:scores(x) return scores(self, x):slice(nil, { 1, 3 }) end
  local function run(model, dmax, norm)
    return judge(model, x0, { dmax = dmax, norm = norm })
  end
  local detector, classifier = run(bumps.new(-1), 2), run(plain, 1)
  local half = metrics.half_radius(detector, classifier)
  lu.assertEquals({ half.dmax, half.samples, half.norm }, { 2, 6, "l2" })
  lu.assertEquals({ half.detector.estimate, half.classifier.estimate }, { 1, 1 })
  lu.assertStrContains(tostring(half), "without, at half of it  dmax 1")
  raises("classifier: expected dmax 1, half of the detector's, got 2", metrics.half_radius, detector,
    run(plain, 2))
  raises("detector: expected a model's that rejects", metrics.half_radius, classifier, classifier)
  raises("classifier: expected a model's that does not reject", metrics.half_radius, detector, detector)
  raises("the results are of different norms (linf and l2)", metrics.half_radius, detector,
    run(plain, 1, "linf"))
  raises("detector: expected a result with one finite dmax above 0", metrics.half_radius,
    judge(bumps.new(-1), x0), classifier)
  raises("the results are of different samples (number 2 and the first)", metrics.half_radius, detector,
    judge(plain, x0, { x0 = x0 * 0.9, dmax = 1 }))
  local three = bumps.centres
  raises("the results are of different samples", metrics.half_radius, detector,
    attack.judge { model = plain, x0 = three, y = { 0, 1, 2 }, x_adv = three, norm = "l2", dmax = 1 })
end

---------------------------------------------------------------------------------------------------

TestDistances = {}

-- Sample k evades at distances[k] along the first feature, or not at all (false).
local line = { classes = { 0, 1 }, rejects = false }
function line.scores(_, x)
  local side = x:slice(nil, 1):gt(0) * 2 - 1
  return array.stack({ -side, side }, 2)
end

local function evading(distances, labels)
  local adversarial, none = {}, {}
  for k, d in ipairs(distances) do
    none[k] = labels and labels[k] or 0
    adversarial[k] = { d or 0 }
  end
  return attack.judge {
    model = line, x0 = array.zeros(#distances, 1), y = none, x_adv = adversarial, norm = "l2", lower = -9,
    upper = 9,
  }
end

function TestDistances:test_median()
  lu.assertEquals(metrics.median_distance(evading { 1, 2, 4 }), 2)
  lu.assertEquals(metrics.median_distance(evading { 1, 2, 4, 3 }), 2.5)
  lu.assertEquals(metrics.median_distance(evading { 1, false, false }), math.huge)
  lu.assertEquals(metrics.median_distance(evading { 1, false }), math.huge)
  lu.assertEquals(metrics.median_distance(evading { 1, 2, false }), 2)
  -- wrong before: 0
  lu.assertEquals(metrics.median_distance(evading({ 1, 2, 2 }, { 1, 1, 0 })), 0)
  -- the least of several results
  lu.assertEquals(metrics.median_distance { evading { 1, false, false }, evading { 2, 3, false } }, 3)
  raises("result: expected an attack's result, or a list of such", metrics.median_distance, {})
  raises("the results are of different samples (number 2 and the first)", metrics.median_distance,
    { evading { 1 }, evading { 1, 2 } })
end

function TestDistances:test_median_towards_a_target()
  local samples = { { -1 }, { -2 }, { -3 } }
  local pgd = attack.pgd { model = svm.from { sv = { { 1 } }, alpha = { { -1 }, { 1 } }, b = { 0, 0 },
    kernel = svm.linear(), classes = { 0, 1 } }, lower = -9, upper = 9, dmax = 9 }
  local r = pgd:run(samples, { y = { 0, 0, 0 }, target = 0 })
  lu.assertEquals(r.hit, { true, true, true })
  lu.assertEquals(metrics.median_distance(r), r.distance:sort()[2])
end

function TestDistances:test_optimality()
  local best, worse, blind = evading { 1, 2, 3, 4 }, evading { 2, 4, 3, false }, evading { 4, 4, 4, 4 }
  lu.assertEquals(metrics.optimality({ a = best, b = best }).optimality, { a = 1, b = 1 })
  local o = metrics.optimality { best = best, worse = worse, blind = blind }
  lu.assertEquals(o.attacks, { "best", "blind", "worse" })
  -- area* = 10/4, room = 16/4 - 10/4
  lu.assertEquals(o.optimality, { best = 1, worse = 1 - (13 - 10) / 6, blind = 0 })
  lu.assertEquals(o.evaded, { best = 1, worse = 3 / 4, blind = 1 })
  lu.assertEquals(o.median, { best = 2.5, worse = 3.5, blind = 4 })
  lu.assertEquals(o.queries.best, best.evaluations.scores:sum())
  lu.assertStrContains(tostring(o), "best of 3, l2, 4 samples")
  -- results at several distances are one attack
  local several = metrics.optimality { best = best, parts = { worse, evading { 1, false, false, 4 } } }
  lu.assertEquals(several.optimality.parts, 1 - (1 + 4 + 3 + 4 - 10) / 6)
  -- a list's attacks have their own names
  lu.assertEquals(metrics.optimality({ best, worse }).attacks, { "judge", "judge 2" })
end

function TestDistances:test_optimality_without_room()
  local o = metrics.optimality { a = evading { 2, 2 }, b = evading { 2, 3 } }
  lu.assertTrue(o.optimality.a ~= o.optimality.a)
  o = metrics.optimality { a = evading { 0.1, 0.1, 0.1 }, b = evading { 0.1, 0.1, 3 } }
  lu.assertTrue(o.optimality.b ~= o.optimality.b)
  lu.assertStrContains(tostring(o), "–")
  raises("metrics.optimality: no attack has evaded with any sample", metrics.optimality,
    { evading { false, false } })
  raises("attacks: expected results by name", metrics.optimality, {})
  raises("metrics.optimality: a: expected an attack's result, got 3", metrics.optimality, { a = { 3 } })
  raises("the results are of different samples", metrics.optimality, { evading { 1 }, evading { 1, 2 } })
end

---------------------------------------------------------------------------------------------------

TestIntervals = {}

function TestIntervals:test_wilson_at_the_ends()
  local none, all = metrics.wilson(0, 20), metrics.wilson(20, 20)
  lu.assertEquals({ none.estimate, none.low, all.high }, { 0, 0, 1 })
  lu.assertAlmostEquals(none.high, 1 - all.low, 1e-15)
  lu.assertEquals(tostring(metrics.wilson(63, 100)), "0.63 [0.5322, 0.7182], 95 %")
  raises("metrics.wilson: n: expected a whole number, 1 or more, got 0", metrics.wilson, 0, 0)
  raises("metrics.wilson: k: expected a whole number from 0 to n = 2, got 3", metrics.wilson, 3, 2)
  raises("metrics.wilson: k: expected a whole number", metrics.wilson, 0.5, 2)
  raises("metrics.wilson: level: expected a share between 0 and 1, got 95", metrics.wilson, 1, 2,
    { level = 95 })
end

local function mean(a) return a:mean() end

function TestIntervals:test_bootstrap_repeats()
  local numbers = array.randn(40, { seed = 1, dtype = "f64" })
  local a = metrics.bootstrap(mean, numbers, { seed = 7, draws = 100 })
  local function same(seed)
    return metrics.bootstrap(mean, numbers, { seed = seed, draws = 100 }).values:equal(a.values)
  end
  lu.assertTrue(same(7))
  lu.assertFalse(same(8))
  lu.assertEquals({ a.estimate, a.seed, a.level, #a.values }, { numbers:mean(), 7, 0.95, 100 })
  lu.assertTrue(a.low < a.estimate and a.estimate < a.high)
  -- without one a seed is drawn, which makes the same again
  local drawn = metrics.bootstrap(mean, numbers, { draws = 5 })
  lu.assertEquals(metrics.bootstrap(mean, numbers, { draws = 5, seed = drawn.seed }).low, drawn.low)
  -- another seed's draws are others, all of them
  local values = {}
  for seed = 1, 20 do
    for _, v in ipairs(metrics.bootstrap(mean, numbers, { seed = seed, draws = 20 }).values:totable()) do
      lu.assertNil(values[v])
      values[v] = true
    end
  end
end

function TestIntervals:test_bootstrap_is_as_wide_as_the_normal_one()
  local numbers = array.randn(400, { seed = 3, dtype = "f64" })
  local interval = metrics.bootstrap(mean, numbers, { seed = 1, draws = 2000 })
  local half = 1.96 * numbers:std() / math.sqrt(400)
  lu.assertAlmostEquals((interval.high - interval.low) / 2, half, 0.1 * half)
end

function TestIntervals:test_bootstrap_of_any_data()
  local ds = data.new { x = { { 1 }, { 2 }, { 3 } }, y = { 0, 1, 1 } }
  local indices = { { 1, 1, 1 }, { 3, 3, 3 } }
  local function values(f, given)
    return metrics.bootstrap(f, given, { indices = indices }).values:totable()
  end
  lu.assertEquals(values(mean, { 1, 2, 4 }), { 1, 4 })
  lu.assertEquals(values(mean, { true, false, false }), { 1, 0 })
  lu.assertEquals(values(function(d) return d.x:sum() + #d end, ds), { 6, 12 })
  lu.assertEquals(values(function(p) return p[1] end, 3), { 1, 3 })
  lu.assertEquals(values(function(a, b) return a:sum() + b[1] end, { array.new { 1, 2, 4 }, { 10, 20, 30 } }),
    { 13, 42 })
  local only = metrics.bootstrap(mean, { 5 }, { seed = 1, draws = 1 })
  lu.assertEquals({ only.low, only.high }, { 5, 5 })
end

function TestIntervals:test_bootstrap_refuses()
  local function one() return 1 end
  raises("statistic: expected a function that gives a number, got nothing", metrics.bootstrap)
  raises("statistic: expected a number of the samples, got nothing", metrics.bootstrap, function() end, 3)
  raises("statistic: expected a number of draw 1, got", metrics.bootstrap,
    function(a) return a:min() == a:max() and 0 / 0 or 1 end, { 1, 2 }, { indices = { { 1, 1 } } })
  raises("data: expected from 1 to 10000000 samples, got 0", metrics.bootstrap, one, 0)
  raises("data: expected at least one number, got none", metrics.bootstrap, one, {})
  raises("data: number 2 is NaN", metrics.bootstrap, one, { 1, 0 / 0 })
  raises("data: number 2 has 1 samples, the first 2", metrics.bootstrap, one, { { 1, 2 }, { 1 } })
  raises("data: expected how many samples there are", metrics.bootstrap, one, "a")
  raises("draws: expected a whole number from 1 to 10000000, got 0", metrics.bootstrap, one, 3, { draws = 0 })
  raises("draws: expected a whole number from 1 to 10000000", metrics.bootstrap, one, 3, { draws = 1e12 })
  raises("data: expected from 1 to 10000000 samples", metrics.bootstrap, one, 1e12)
  raises("statistic, of draw ", metrics.bootstrap, metrics.auc, { { 1, 2 }, { 0, 1 } },
    { draws = 20, seed = 1 })
  local whole = metrics.wilson(1, 3, { level = 0.9999999999999999 })
  lu.assertEquals({ whole.low, whole.high }, { 0, 1 })
  raises("seed: expected an integer, got 0.5", metrics.bootstrap, one, 3, { seed = 0.5 })
  raises("indices: expected positions from 1 to 3, got some from 1 to 4", metrics.bootstrap, one, 3,
    { indices = { { 1, 2, 4 } } })
  raises("indices: expected an int32 array, draws × 3", metrics.bootstrap, one, 3,
    { indices = { { 1, 2 } } })
  raises("seed: indices are given, nothing is drawn", metrics.bootstrap, one, 1,
    { indices = { { 1 } }, seed = 1 })
  raises("draws: indices are given", metrics.bootstrap, one, 1, { indices = { { 1 } }, draws = 1 })
end

---------------------------------------------------------------------------------------------------

TestClassByClass = {}

function TestClassByClass:test_by_hand()
  local truth, predicted = { 0, 0, 0, 4, 4, 4, 9, 9 }, { 0, 0, -1, 4, 4, 9, -1, 9 }
  local function all(name)
    local list = {}
    for k, average in ipairs { 0, 4, 9, "macro", "micro" } do
      list[k] = metrics[name](predicted, truth, { average = average })
    end
    return list
  end
  lu.assertEquals(all "precision", { 1, 1, 1 / 2, 2.5 / 3, 5 / 6 })
  lu.assertEquals(all "recall", { 2 / 3, 2 / 3, 1 / 2, (2 / 3 + 2 / 3 + 1 / 2) / 3, 5 / 8 })
  lu.assertEquals(all "f1", { 4 / 5, 4 / 5, 1 / 2, (4 / 5 + 4 / 5 + 1 / 2) / 3, 10 / 14 })
end

function TestClassByClass:test_nothing_of_a_class()
  lu.assertEquals(metrics.precision({ 0, 0 }, { 0, 1 }), 1 / 4)
  lu.assertEquals(metrics.recall({ 0, 1 }, { 0, 0 }), 1 / 4)
  lu.assertEquals(metrics.precision({ -1, -1 }, { 0, 1 }, { average = "micro" }), 0)
  -- a class that the model knows and nothing has
  local model = bumps.new(-1)
  local ds = data.new { x = bumps.centres:slice { 1, 2 }, y = { 0, 1 } }
  lu.assertEquals(metrics.f1(model, ds, { average = 2 }), 0)
  lu.assertEquals(metrics.f1(model, ds), 1)
end

function TestClassByClass:test_refuses()
  raises('metrics.f1: average: expected "macro", "micro" or one of the classes 1, 2, got 3', metrics.f1,
    { 1, 2 }, { 1, 2 }, { average = 3 })
  raises("metrics.recall: unknown option 'avg'", metrics.recall, { 1 }, { 1 }, { avg = 3 })
  raises("metrics.precision: the dataset is empty", metrics.precision, {}, {})
  raises("metrics.precision: 1 predictions for 2 samples", metrics.precision, { 1 }, { 1, 2 })
end
