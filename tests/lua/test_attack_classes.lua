-- Attacks that go towards more than one class: halving, target = "each" and "nearest"; directions that see.
local lu = require "luaunit"

local D, N = 12, 40

-- Scores W x + b as a machine of a linear kernel, whose nearest wrong class is known exactly.
local W = array.randn(5, D, { seed = 3 }):astype "f64"
local b = array.randn(5, { seed = 4 }):astype "f64" / 10
local linear = svm.from {
  sv = array.eye(D), alpha = W, b = b, kernel = svm.linear(), classes = { 0, 1, 2, 3, 4 },
}
local x = array.randn(N, D, { seed = 5 })
local samples = data.new { x = x, y = linear:predict(x) }

local dual = {
  l1 = function(w) return w:abs():max() end,
  l2 = function(w) return math.sqrt(w:square():sum()) end,
  linf = function(w) return w:abs():sum() end,
}

-- How far each sample is from being taken for another class.
local function exact(norm)
  local scores, far = linear:scores(x), {}
  for i = 1, N do
    local y = samples.y[i]
    far[i] = math.huge
    for c = 0, 4 do
      if c ~= y then
        local gap = scores:at(i, y + 1) - scores:at(i, c + 1)
        far[i] = math.min(far[i], gap / dual[norm](W[c + 1] - W[y + 1]))
      end
    end
  end
  return far
end

local free = { model = linear, lower = -100, upper = 100 }

local function with(options)
  for key, value in pairs(free) do options[key] = value end
  return options
end

local function evades(construct, options, i, dmax)
  options.dmax = dmax
  return construct(with(options)):run(x:slice { i, i }, { y = samples.y[i] }).verdict[1] == "evaded"
end

TestAttackClasses = {}

function TestAttackClasses:test_the_distance_of_a_linear_model()
  for _, norm in ipairs { "l1", "l2", "linf" } do
    local far = exact(norm)
    for i = 1, N, 3 do
      for _, case in ipairs {
        { attack.halving, {} }, { attack.halving, { direction = "gradient" } },
        { attack.pgd, { target = "each", max_iter = 200 } },
      } do
        local options = { norm = norm }
        for key, value in pairs(case[2]) do options[key] = value end
        lu.assertFalse(evades(case[1], options, i, far[i] * 0.999), norm .. " " .. i)
        lu.assertTrue(evades(case[1], options, i, far[i] * 1.05), norm .. " " .. i)
      end
    end
  end
end

-- "nearest" goes where a target would, and a success is any wrong class.
function TestAttackClasses:test_nearest()
  local scores, labels = linear:scores(x), {}
  for i = 1, N do
    local row = scores[i]:totable()
    row[samples.y[i] + 1] = -math.huge
    local best = 1
    for c = 2, 5 do if row[c] > row[best] then best = c end end
    labels[i] = best - 1
  end
  local step = attack.pgd(with { dmax = 0.1, max_iter = 1 })
  local nearest, target = step:run(samples, { target = "nearest" }), step:run(samples, { target = labels })
  lu.assertEquals((nearest.x_adv - target.x_adv):abs():max(), 0)
  lu.assertNil(nearest.target)
  lu.assertEquals(target.target:totable(), labels)
  local far = array.new(exact "l2")
  local result = attack.pgd(with { dmax = 1.5 * far:max(), target = "nearest" }):run(samples)
  lu.assertEquals(result:counts().evaded, N)
  lu.assertErrorMsgContains("target: expected", attack.pgd, { target = "farthest" })
end

-- Each class is asked as often as it takes part, and those that fall behind cost nothing more.
function TestAttackClasses:test_evaluations()
  local stages = { { steps = 3 }, { classes = 2, steps = 2 }, { classes = 1, steps = 2 } }
  local near = array.new(exact "l2"):min()
  local halving = attack.halving(with { dmax = near / 2, stages = stages })
  local result = halving:run(samples)
  for i = 1, N do
    lu.assertEquals(result.verdict[i], "correct")
    lu.assertEquals(result.evaluations.gradients[i], 3 * 4 + 2 * 2 + 2)
    -- the start; where each stage sets out once more; every step
    lu.assertEquals(result.evaluations.scores[i], 1 + (4 + 2 + 1) + 3 * 4 + 2 * 2 + 2)
  end
  lu.assertEquals(result.params.stages[2].classes, 2)
  lu.assertEquals(halving.stages[3].steps, 2)
  local pgd = attack.pgd(with { dmax = near / 2, max_iter = 4 })
  local plain = pgd:run(samples).evaluations.gradients
  local each = pgd:run(samples, { target = "each" }).evaluations.gradients
  for i = 1, N do lu.assertEquals(each[i], 4 * plain[i]) end
end

function TestAttackClasses:test_stages_are_printed()
  lu.assertEquals(tostring(attack.halving { norm = "l2", dmax = 1 }),
    "attack.halving: l2, dmax 1, direction log, stages all x 8, 3 x 12, 1 x 40, bounds 0 … 1")
  local most = {}
  for k = 1, 8 do most[k] = { classes = 1e6, steps = 1e6 } end
  lu.assertStrContains(tostring(attack.halving { norm = "l1", dmax = 1.2345678e-200, stages = most }),
    ("1000000 x 1000000, "):rep(7) .. "1000000 x 1000000, bounds 0 … 1")
end

-- A sample leaves with the step at which one of its classes is reached.
function TestAttackClasses:test_a_sample_leaves_when_one_class_is_reached()
  local result = attack.halving(with { dmax = 50 }):run(samples)
  for i = 1, N do
    lu.assertEquals(result.stop[i], "reached")
    lu.assertTrue(result.evaluations.gradients[i] <= 8)
  end
end

function TestAttackClasses:test_stages_are_checked()
  local function raises(words, stages)
    lu.assertErrorMsgContains(words, attack.halving, { stages = stages })
  end
  raises("attack.halving: stages: expected a list of tables, got 3", 3)
  raises("attack.halving: stages: expected 1 to 8 of them, got 0", {})
  raises("attack.halving: stages: number 1: expected a table, got 3", { 3 })
  raises("attack.halving: stages: number 1: unknown option 'step'; did you mean 'steps'?", { { step = 3 } })
  raises("number 2: steps: expected an integer", { { steps = 3 }, { steps = 0.5 } })
  raises("number 1: smoothing: expected a number from 1", { { steps = 3, smoothing = 0.5 } })
end

-- The nearest of all classes, and few of them to the end.
function TestAttackClasses:test_least_distances()
  for _, norm in ipairs { "l1", "l2", "linf" } do
    local far = exact(norm)
    local r = attack.fmn(with { norm = norm, target = "each" }):run(samples)
    for i = 1, N do
      lu.assertEquals(r.verdict[i], "evaded")
      lu.assertTrue(r.distance[i] > far[i] * 0.999 and r.distance[i] < far[i] * 1.03, norm .. " " .. i)
      lu.assertTrue(r.evaluations.gradients[i] <= 4 * 100 + 2 * 100)
    end
  end
end

-- ---- Directions -------------------------------------------------------------------------------------

-- Two classes around two points of the plane, accepted near them alone.
local function island()
  local machine = svm.from {
    sv = { { 0, 0 }, { 3, 0 } }, alpha = { { 1, -1 }, { -1, 1 } }, b = { -0.5, -0.5 }, kernel = svm.rbf(16),
    classes = { 0, 1 },
  }
  return reject.new { model = machine, threshold = 0 }
end

function TestAttackClasses:test_a_plateau()
  local defence = island()
  local sea = array.new { { 1, 3 } } -- every kernel is below 1e-69: the gradient is nothing in float32
  local function run(options)
    for key, value in pairs { model = defence, norm = "l2", dmax = 5, lower = -9, upper = 9 } do
      options[key] = value
    end
    return attack.pgd(options):run(sea, { y = 0 })
  end
  local blind = run {}
  lu.assertEquals(blind.verdict[1], "rejected")
  lu.assertEquals(blind.stop[1], "zero_gradient")
  local sees = run { direction = "log" }
  lu.assertEquals(sees.verdict[1], "evaded")
  lu.assertEquals(sees.label[1], 1)
  lu.assertEquals(run({ direction = "smooth", smoothing = { 200, 50, 10, 1 } }).verdict[1], "evaded")
  lu.assertErrorMsgContains("smoothing: expected numbers from 1 to 1e6, got 0.5", run,
    { smoothing = { 3, 0.5 } })
  lu.assertEquals(sees.params.direction, "log")
end
