-- Attacks that ask for scores or labels alone, and the models that answer no more.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local net = nn.load "mnist-cnn"
local digits = data.digits(30, { seed = 3 })

-- The net's scores without its gradient; its labels alone, −1 where the best score is below a threshold.
local function scores_alone()
  return { classes = net.classes, scores = function(_, x) return net:scores(x) end }
end

local function labels_alone(threshold)
  local judge = threshold and reject.new { model = net, threshold = threshold } or net
  return { classes = net.classes, rejects = threshold ~= nil,
    predict = function(_, x) return judge:predict(x) end }
end

local function evaded(result) return result:counts().evaded end

-- Median distance of those that evade; the others are far away.
local function median(result)
  local list, verdict, distance = {}, result.verdict, result.distance
  for i = 1, #result do list[i] = verdict[i] == "evaded" and distance[i] or math.huge end
  table.sort(list)
  return list[(#list + 1) // 2]
end

TestAnswers = {}

function TestAnswers:test_labels_are_scores_of_one_column()
  local model, judge = labels_alone(20), reject.new { model = net, threshold = 20 }
  lu.assertTrue(reject.predict(model, digits):equal(judge:predict(digits)))
  local scores, labels, seen = reject.scores(model, digits), judge:predict(digits), {}
  for i = 1, #digits do
    seen[labels[i]] = true
    for c = 1, 10 do lu.assertEquals(scores:at(i, c), labels[i] == c - 1 and 1 or 0) end
    lu.assertEquals(scores:at(i, 11), 0.5)
  end
  lu.assertTrue(seen[-1])
  lu.assertEquals(metrics.accuracy(labels_alone(), digits), metrics.accuracy(net, digits))
end

function TestAnswers:test_wrong_labels()
  local model = labels_alone()
  function model.predict() return array.ones(30) * 17 end
  raises("predict: the Lua model's label of row 1 is 17, none of its classes", reject.predict, model, digits)
  function model.predict() return { 1, 2 } end
  raises("predict: the Lua model answered 2 labels for 30 rows", reject.predict, model, digits)
  function model.predict() return { -1 } end
  raises("label of row 1 is -1", reject.predict, model, digits:slice(1, 1))
end

-- A gradient that is not there is no robustness.
function TestAnswers:test_what_follows_a_gradient_refuses()
  for name, make in pairs(attack) do
    local ok, made = pcall(function() return make { dmax = 0.1, max_iter = 2 } end)
    local follows = ok and type(made) == "userdata" and pcall(made.get, made, "direction")
    if follows then
      raises(("attack.%s: this lua model has no gradient; attack.square needs its scores alone, "
        .. "attack.hopskipjump its labels"):format(name), made.run, made, digits, { model = scores_alone() })
      raises(("attack.%s: this lua model answers labels alone; attack.hopskipjump needs no more")
        :format(name), made.run, made, digits, { model = labels_alone() })
    end
  end
  local pgd = attack.pgd { dmax = 0.1 }
  raises("this nr model has no gradient", pgd.run, pgd, digits,
    { model = reject.new { model = scores_alone(), threshold = 0 } })
  raises("this nr model answers labels alone", pgd.run, pgd, digits,
    { model = reject.new { model = labels_alone(), threshold = 0 } })
  raises("attack.square: this lua model answers labels alone", function()
    attack.square({ model = labels_alone(), dmax = 0.1 }):run(digits)
  end)
  -- A direction of one's own is another thing.
  local led = attack.pgd { model = scores_alone(), dmax = 2, max_iter = 20,
    direction = function(x, w) return net:gradient(x, w) end }
  lu.assertTrue(led:run(digits).x_adv:equal(attack.pgd({ model = net, dmax = 2, max_iter = 20 })
    :run(digits).x_adv))
end

function TestAnswers:test_norms()
  raises('attack.ddn: norm: expected "l2", got the string "l1"', attack.ddn, { norm = "l1" })
  raises('attack.hopskipjump: norm: expected "l2" or "linf", got the string "l1"', attack.hopskipjump,
    { norm = "l1" })
  raises('attack.mifgsm: norm: expected "l2" or "linf", got the string "l1"', attack.mifgsm, { norm = "l1" })
end

TestSquare = {}

-- At radii where APGD turns most digits Square turns nearly as many, without a gradient.
function TestSquare:test_beside_apgd()
  for norm, dmax in pairs { linf = 0.12, l2 = 2, l1 = 20 } do
    local options = { norm = norm, dmax = dmax, early_stop = true }
    local apgd = attack.apgd(options):run(digits, { model = net })
    local square = attack.square(options):with { max_iter = 1500, seed = 1 }
    local result = square:run(digits, { model = scores_alone() })
    lu.assertTrue(evaded(apgd) >= 20, norm .. " " .. evaded(apgd))
    lu.assertTrue(evaded(result) >= 0.75 * evaded(apgd), norm .. " " .. evaded(result) .. " " .. evaded(apgd))
    lu.assertTrue(result.distance:max() <= dmax)
    lu.assertEquals(result.evaluations.gradients:max(), 0)
  end
end

-- Stripes that go down the whole image at first; later no more than the features of a window move.
function TestSquare:test_its_points()
  local square = attack.square { model = net, norm = "linf", dmax = 0.1, max_iter = 30, seed = 4,
    iterates = true, early_stop = false, lower = -1, upper = 2 }
  local r = square:run(digits:slice(1, 3))
  local points = square:with({ max_iter = 1 }):run(digits:slice(1, 3))
  local seen = 0
  for i = 1, 3 do
    if #points.loss[i] == 2 then
      seen = seen + 1
      local delta = (points.iterates[i][2] - points.x0[i]):reshape(28, 28)
      lu.assertTrue((delta:abs() - 0.1):abs():max() < 1e-6)
      lu.assertTrue((delta - delta[1]):abs():max() < 1e-6)
    end
    local loss = r.loss[i]:totable()
    for t = 3, #loss do lu.assertTrue(loss[t] <= loss[t - 1]) end
  end
  lu.assertTrue(seen > 0)
end

function TestSquare:test_of_flat_features_and_targeted()
  local ds = data.new { x = array.rand(20, 30, { seed = 1 }), y = array.zeros(20) }
  local w = array.randn(30, 3, { seed = 2 })
  local model = { classes = { 0, 1, 2 }, scores = function(_, x) return x:dot(w) end }
  ds = data.new { x = ds.x, y = reject.predict(model, ds) }
  for norm, dmax in pairs { l1 = 6, l2 = 1.2, linf = 0.3 } do
    local square = attack.square { model = model, norm = norm, dmax = dmax, max_iter = 400, seed = 2 }
    local result = square:run(ds)
    lu.assertTrue(evaded(result) >= 15, norm .. " " .. evaded(result))
    lu.assertTrue(square:run(ds, { target = 1 }):counts().hit >= 12)
    lu.assertTrue(result.distance:max() <= dmax * (1 + 1e-9))
  end
end

TestHopSkipJump = {}

function TestHopSkipJump:test_beside_fmn()
  local few = digits:slice(1, 12)
  for _, norm in ipairs { "l2", "linf" } do
    local nearest = attack.fmn({ model = net, norm = norm, max_iter = 100 }):run(few)
    local last = math.huge
    for steps, most in pairs { [2] = 6, [12] = 1.6 } do
      local hop = attack.hopskipjump { norm = norm, max_iter = steps, seed = 1, evaluations = 60 }
      local result = hop:run(few, { model = labels_alone() })
      lu.assertTrue(evaded(result) >= 11 and evaded(nearest) == 12)
      lu.assertTrue(median(result) < most * median(nearest), ("%s: %d steps, %.3f and %.3f")
        :format(norm, steps, median(result), median(nearest)))
      if steps == 12 then last = median(result) end
    end
    lu.assertTrue(last >= 0.97 * median(nearest))
  end
end

-- The decisions of a model that rejects: accepted and wrong.
function TestHopSkipJump:test_accepted_and_wrong()
  local defence = reject.new { model = net, threshold = 25 }
  local hop = attack.hopskipjump { model = labels_alone(25), max_iter = 4, seed = 1,
    start_from = data.digits(60, { seed = 9 }) }
  local result = hop:run(digits:slice(1, 10))
  lu.assertTrue(evaded(result) >= 8, evaded(result))
  for i, verdict in ipairs(result:rescore(defence).verdict) do lu.assertEquals(verdict, result.verdict[i]) end
  local without = attack.hopskipjump { model = labels_alone(25), max_iter = 4, seed = 1 }
  lu.assertTrue(evaded(without:run(digits:slice(1, 10))) < evaded(result), evaded(result))
  lu.assertTrue(evaded(hop:with({ model = defence }):run(digits:slice(1, 10))) >= 8)
end

function TestHopSkipJump:test_targeted_from_points()
  local pool = data.digits(60, { seed = 9 })
  local others = pool:where(pool.y:eq(3))
  local few = digits:where(digits.y:ne(3)):slice(1, 8)
  local hop = attack.hopskipjump { model = net, target = 3, max_iter = 3, seed = 2 }
  local start = others.x:take { 2, 2, 2, 2, 2, 2, 2, 2 }
  local result = hop:run(few, { start = start })
  lu.assertEquals(result:counts().hit, 8)
  lu.assertTrue((result.distance - (start - few.x):reshape(8, 784):norm(2)):max() < 0)
  lu.assertEquals(hop:run(few, { start_from = others }):counts().hit, 8)
  -- The trace tells of distances that shrink: the start is beside, then the steps.
  for i = 1, 8 do
    local way = result.trace_distance[i]
    lu.assertEquals(way[-1], way:slice({ 2, -1 }):min())
  end
end

function TestHopSkipJump:test_no_start()
  local model = { classes = { 0, 1 }, predict = function(_, x) return array.zeros(#x) end }
  local result = attack.hopskipjump({ model = model, seed = 1, tries = 7 }):run(digits.x, { y = 0 })
  lu.assertEquals({ result.stop[1], result.verdict[1] }, { "ended", "correct" })
  lu.assertEquals(result.evaluations.scores[1], 8)
end

-- What is spent is never more than what may be, and all of it is where there is more to do.
function TestHopSkipJump:test_budgets()
  for _, most in ipairs { 5, 60, 300 } do
    local hop = attack.hopskipjump { model = labels_alone(), seed = 1, max_queries = most, max_iter = 9 }
    local result = hop:run(digits:slice(1, 6))
    lu.assertEquals(result.evaluations.scores:totable(), { most, most, most, most, most, most })
    lu.assertEquals(result.stop[1], "max_queries")
  end
end

function TestHopSkipJump:test_results_are_kept()
  local hop = attack.hopskipjump { model = net, max_iter = 2, seed = 3, norm = "linf" }
  local result, path = hop:run(digits:slice(1, 3)), os.tmpname()
  local again = perigee.load(result:save(path))
  os.remove(path)
  lu.assertTrue(again.x_adv:equal(result.x_adv))
  lu.assertTrue(attack.from(again, { model = net }):run(digits:slice(1, 3)).x_adv:equal(result.x_adv))
end

TestTransfer = {}

local function other_net()
  local made = nn.new { input = { 1, 28, 28 }, classes = net.classes, seed = 5, nn.flatten {},
    nn.linear { out = 32 }, nn.relu {}, nn.linear { out = 10 } }
  made:fit(data.digits(300, { seed = 7 }))
  return made
end

-- On its own surrogate it is attack.pgd; on another model the best of that way, as that one judges it.
function TestTransfer:test_best_of_the_surrogates_way()
  local few, other = digits:slice(1, 10), other_net()
  local options = { dmax = 3, max_iter = 12, objective = "continuous" }
  for _, norm in ipairs { "l2", "linf", "l1" } do
    options.norm, options.dmax = norm, ({ l1 = 30, l2 = 3, linf = 0.2 })[norm]
    local way, pgd = { few.x:reshape(10, 784) }, attack.pgd(options)
    local function note(state) way[#way + 1] = state.x:copy() end
    local on_net = pgd:run(few, { model = net, on_step = note })
    local transfer = attack.transfer(options):with { surrogate = net }
    lu.assertTrue(transfer:run(few, { model = net }).x_adv:equal(on_net.x_adv))
    local result = transfer:run(few, { model = other })
    lu.assertEquals(#way, 13)
    local y = few.y:reshape(10, 1)
    local least = array.full({ 10 }, 1e9, { dtype = "f64" })
    for _, points in ipairs(way) do
      local scores = other:scores(points)
      local own = scores:gather(y + 1, 2):reshape(10)
      local best = (scores - array.onehot(few.y, 10) * 1e9):max(2)
      least = array.minimum(least, own - best)
    end
    lu.assertTrue(least:min() < 0 and least:max() > 0)
    for i = 1, 10 do lu.assertAlmostEquals(result.loss[i][-1], least[i], 1e-3) end
    lu.assertEquals(result.evaluations.gradients:max(), 0)
    lu.assertEquals(result.evaluations.scores:totable(), array.full({ 10 }, 13):totable())
  end
end

function TestTransfer:test_ways_in()
  local few = digits:slice(1, 10)
  for _, model in ipairs { scores_alone(), labels_alone(), labels_alone(20) } do
    local result = attack.transfer({ model = model, surrogate = net, dmax = 4 }):run(few)
    lu.assertTrue(evaded(result) + result:counts().wrong >= 8, evaded(result))
  end
  raises("attack.transfer: surrogate: expected the model whose gradients are followed, got nothing",
    function() attack.transfer({ model = net, dmax = 1 }):run(few) end)
  raises("surrogate: this lua model has no gradient", function()
    attack.transfer({ model = net, surrogate = scores_alone(), dmax = 1 }):run(few)
  end)
  raises("surrogate: this net has other classes than the attacked net", function()
    local two = nn.new { input = { 784 }, classes = { 0, 1 }, nn.linear { out = 2 } }
    attack.transfer({ model = net, surrogate = two, dmax = 1 }):run(few)
  end)
end

TestSuite = {}

function TestSuite:test_auto_takes_what_there_is()
  local few = digits:slice(1, 6)
  local by_scores = attack.auto { model = scores_alone(), norm = "linf", dmax = 0.15 }
  lu.assertEquals({ #by_scores, by_scores[1].name }, { 1, "square" })
  lu.assertTrue(evaded(by_scores:run(few)) >= 5)
  local by_labels = attack.auto { model = labels_alone(), norm = "l2", dmax = 4 }
  lu.assertEquals({ #by_labels, by_labels[1].name }, { 1, "hopskipjump" })
  lu.assertTrue(evaded(by_labels:run(few)) >= 5)
  raises('norm: expected "l2" or "linf"', function() by_labels:with({ norm = "l1" }):run(few) end)
end

-- A gradient of zeros but for chance: PGD finds little, the search does, and the diagnosis says so.
function TestSuite:test_diagnose_sees_lying_gradients()
  local lying = scores_alone()
  lying.gradient_is = "surrogate"
  function lying.gradient(_, x) return array.randn(x.shape, { seed = 1 }) end
  local case = { model = lying, data = digits:slice(1, 12), norm = "linf", dmax = 0.15, seed = 1 }
  local found = evaluate.diagnose(case)
  lu.assertTrue(found.alarms.black_box ~= nil, tostring(found))
  case.model = net
  lu.assertNil(evaluate.diagnose(case).alarms.black_box)
end

function TestSuite:test_diagnose_without_gradients()
  for _, model in ipairs { scores_alone(), labels_alone() } do
    local case = { model = model, data = digits:slice(1, 4), norm = "l2", dmax = 3, seed = 1 }
    local found = evaluate.diagnose(case)
    lu.assertFalse(found.indicators.black_box.measured)
    lu.assertNil(found.alarms.softmax_scores)
    lu.assertNil(found.alarms.quantised_input)
    lu.assertEquals(found.result.attack, model.scores and "square" or "hopskipjump")
  end
end

-- Labels have no slope, and decisions are no loss: nothing there stands still that should move.
function TestSuite:test_diagnose_of_decisions()
  local function still_of(made, model)
    return evaluate.diagnose(made:run(digits:slice(1, 6), { model = model, seed = 1 })).indicators.still_loss
  end
  local hop = attack.hopskipjump { norm = "l2", dmax = 0.1, max_iter = 1, evaluations = 10 }
  local noise = attack.noise { norm = "l2", dmax = 0.1 }
  lu.assertEquals(still_of(hop, labels_alone()).reason, "labels alone have no slope")
  lu.assertEquals(still_of(noise, labels_alone()).reason, "labels alone have no slope")
  lu.assertEquals(still_of(hop, net).reason, "its attack follows decisions alone, and no loss")
  local parts = attack.ensemble { hop }
  lu.assertEquals(still_of(parts, net).reason, "its attack follows decisions alone, and no loss")
  lu.assertTrue(still_of(attack.pgd { norm = "l2", dmax = 1e-9, eta = 1e-9, max_iter = 2 }, net).alarm)
end
