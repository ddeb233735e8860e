-- Parts of attacks written in Lua: objective, direction, on_step.

local lu = require "luaunit"
local reference = dofile "tests/lua/reference.lua"

local inf = math.huge

-- f(…) fails with a message of that pattern.
local function raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok, pattern)
  lu.assertStrMatches(tostring(message), ".*" .. pattern .. ".*")
end

-- Three classes by squared distances to three points, in Lua; a reject column where it has a threshold.
local centers = { { 0.2, 0.2 }, { 0.8, 0.3 }, { 0.4, 0.9 } }
local function model_with(threshold)
  return grad.model {
    classes = { 3, 5, 8 }, features = 2, rejects = threshold ~= nil,
    scores = function(_, x)
      local list = {}
      for i, c in ipairs(centers) do list[i] = -(x - array.new(c)):square():sum(2) * 4 end
      if threshold then list[4] = x:sum(2) * 0 + threshold end
      return array.stack(list, 2)
    end,
  }
end
local model, rejecting = model_with(), model_with(-0.6)
local points = data.new {
  x = { { 0.25, 0.3 }, { 0.7, 0.35 }, { 0.45, 0.8 }, { 0.3, 0.25 }, { 0.75, 0.2 } }, y = { 3, 5, 8, 3, 5 },
}

-- ---- The built-in objectives, once more -------------------------------------------------------------

-- A mask of those columns (from 1), one for each row.
local function mask(scores, columns)
  return array.arange(1, scores.shape[2] + 1):eq(columns:reshape(-1, 1))
end

-- A column of each row; the best of the columns but those in the mask.
local function column(scores, columns) return array.where(mask(scores, columns), scores, 0):sum(2) end
local function best_but(scores, masked) return array.where(masked, -inf, scores):max(2) end

local function reject_mask(scores, info)
  return array.full(scores.shape[1], info.rejects and scores.shape[2] or 0):astype "i32"
end

local function continuous(scores, _, info)
  if info.target then
    return best_but(scores, mask(scores, info.target_columns)) - column(scores, info.target_columns)
  end
  local rejected, own = reject_mask(scores, info), column(scores, info.columns)
  local other = best_but(scores, mask(scores, info.columns):logical_or(mask(scores, rejected)))
  return (info.rejects and own:maximum(column(scores, rejected)) or own) - other
end

local function cross_entropy(scores, _, info)
  local own = mask(scores, info.target_columns or info.columns)
  local rest = array.where(own, -inf, scores)
  local most = grad.stop(rest:max(2))
  local rest_sum = (rest - most:reshape(-1, 1)):exp():sum(2):log() + most
  local d = rest_sum - array.where(own, scores, 0):sum(2)
  local entropy = array.where(d:gt(0), d, 0) + (-d:abs()):exp():log1p()
  return info.target and entropy or -entropy
end

local function dlr(scores, _, info)
  local sorted = scores:sort(2)
  local columns = scores.shape[2]
  local function rank(k) return sorted:slice(nil, { columns + 1 - k, columns + 1 - k }):reshape(-1) end
  return continuous(scores, nil, info) / (rank(1) - rank(3))
end

local own = { margin = continuous, continuous = continuous, cross_entropy = cross_entropy, dlr = dlr }

-- The same verdicts, and losses on the way.
local function check_same(builtin, ours, words)
  lu.assertEquals(ours.verdict, builtin.verdict, words)
  for i = 1, #builtin do
    local a, b = builtin.loss[i], ours.loss[i]
    local n = math.min(#a, #b)
    lu.assertTrue((a:slice { 1, n } - b:slice { 1, n }):abs():max() < 1e-6, words)
    lu.assertAlmostEquals(a[#a], b[#b], 1e-6, words)
  end
end

TestObjectives = {}

function TestObjectives:test_builtin_ones_in_lua()
  for _, name in ipairs { "pgd", "pgd_exp", "apgd", "fmn", "fgsm" } do
    for word, f in pairs(own) do
      local attacked = word == "continuous" and rejecting or model
      local like = attack[name] { model = attacked, norm = "l2", dmax = 0.2, objective = word }
      if name ~= "fgsm" then like.max_iter = 12 end
      local words = name .. ", " .. word
      check_same(like:run(points), like:with({ objective = f }):run(points), words)
    end
  end
end

-- Where a net is so sure that p_y is 1 in double: what is left of the weights is the others' shares.
function TestObjectives:test_a_saturated_cross_entropy()
  local net, digits = nn.load "mnist-cnn", data.digits(10, { seed = 1 })
  local sorted = net:scores(digits.x):sort(2)
  lu.assertTrue((sorted:slice(nil, { 10, 10 }) - sorted:slice(nil, { 9, 9 })):max() > 40)
  local function entropy(scores, _, info) return scores:gather(info.columns, 2) - scores:logsumexp(2) end
  for name, more in pairs { pgd = { dmax = 1, max_iter = 20 }, apgd = { dmax = 1, max_iter = 20 },
    fmn = { max_iter = 60 } } do
    more.model, more.norm, more.objective = net, "l2", "cross_entropy"
    local like = attack[name](more)
    lu.assertEquals(like:with({ objective = entropy }):run(digits).verdict, like:run(digits).verdict, name)
  end
end

function TestObjectives:test_targets()
  for _, target in ipairs { "each", "nearest", 8 } do
    for _, name in ipairs { "margin", "cross_entropy" } do
      local like = attack.pgd { model = model, norm = "l2", dmax = 0.3, target = target, objective = name,
        max_iter = 8, restarts = 1, seed = 1, start_from = points }
      check_same(like:run(points), like:with({ objective = own[name] }):run(points), name .. target)
    end
  end
end

-- What an objective is told of its rows.
function TestObjectives:test_what_it_is_told()
  local told
  local function objective(scores, y, info)
    told = info
    lu.assertEquals(y:totable(), info.y:totable())
    lu.assertEquals(scores.shape, { 2, 4 })
    raises("array.fill: ", scores.fill, scores, 0)
    return column(scores, info.columns)
  end
  attack.fgsm({ model = rejecting, norm = "l2", dmax = 0.1, objective = objective, target = 8 })
    :run(points:take { 4, 2 })
  lu.assertEquals(told.y:totable(), { 3, 5 })
  lu.assertEquals(told.columns:totable(), { 1, 2 })
  lu.assertEquals(told.target:totable(), { 8, 8 })
  lu.assertEquals(told.target_columns:totable(), { 3, 3 })
  lu.assertEquals(told.rows:totable(), { 1, 2 })
  lu.assertEquals(told.classes, { 3, 5, 8 })
  lu.assertTrue(told.rejects)
end

-- A gradient of one's own, the tape's and central differences are one.
function TestObjectives:test_gradients()
  local function softly(scores) return (scores:square() * 0.5 + scores:sin()):sum(2) end
  local function by_hand(scores) return grad.stop(softly(scores)), scores + scores:cos() end
  local function by_differences(scores)
    local h, slopes = 1e-5, {}
    for c = 1, scores.shape[2] do
      local step = array.zeros(scores.shape[2], { dtype = "f64" })
      step:set(h, c)
      slopes[c] = (softly(scores + step) - softly(scores - step)) / (2 * h)
    end
    return softly(scores), array.stack(slopes, 2)
  end
  local pgd = attack.pgd { model = model, norm = "l2", dmax = 0.2, step = "raw", eta = 0.01, max_iter = 5 }
  local taped = pgd:with({ objective = softly }):run(points)
  for _, f in ipairs { by_hand, by_differences } do
    lu.assertTrue((pgd:with({ objective = f }):run(points).x_adv - taped.x_adv):abs():max() < 1e-6)
  end
  lu.assertTrue((taped.x_adv - points.x):abs():max() > 0.01)
end

-- Alone, in a batch, and by a model that is a mean of several calls.
function TestObjectives:test_alone_and_together()
  local pgd = attack.pgd { model = model, norm = "l2", dmax = 0.2, objective = cross_entropy }
  local all = pgd:run(points)
  for i = 1, #points do
    lu.assertTrue(pgd:run(points[i]).x_adv:equal(all[i].x_adv))
  end
  local mean = pgd:with({ samples = 2 }):run(points)
  lu.assertTrue((mean.x_adv - all.x_adv):abs():max() < 1e-6)
  lu.assertEquals(mean.evaluations.scores[1], 2 * all.evaluations.scores[1])
end

function TestObjectives:test_not_finite_scores_are_left_out()
  local broken = { classes = { 0, 1 }, features = 2, gradient_is = "surrogate",
    scores = function(_, x)
      local first = array.where(x:slice(nil, { 1, 1 }):reshape(-1):gt(0.5), 0 / 0, 1)
      return array.stack({ first, first * 0.5 }, 2):astype "f64"
    end,
    gradient = function(_, x) return x * 0 + 1 end }
  local rows = {}
  local result = attack.pgd({ model = broken, dmax = 0.1, objective = function(scores, _, info)
    rows[#rows + 1] = info.rows:totable()
    lu.assertTrue(scores:isfinite():all())
    return scores:sum(2)
  end }):run({ { 0.9, 0 }, { 0.1, 0 } }, { y = 0 })
  lu.assertEquals(rows[1], { 2 })
  lu.assertEquals(result.verdict[1], "failed")
  lu.assertEquals(result.loss[1][1], inf)
end

-- ---- The direction -------------------------------------------------------------------------------

TestDirections = {}

function TestDirections:test_the_gradient_itself()
  for _, name in ipairs { "pgd", "pgd_exp", "apgd", "fmn", "fgsm" } do
    local like = attack[name] { model = model, norm = "l2", dmax = 0.2 }
    local ours = like:with { direction = function(x, w) return model:gradient(x, w) end }
    lu.assertTrue(ours:run(points).x_adv:equal(like:run(points).x_adv), name)
  end
end

-- The reject score does not depend on the sample: it has no weight.
function TestDirections:test_weights_that_they_are_given()
  local given
  attack.fgsm({ model = rejecting, norm = "l2", dmax = 0.1,
    objective = function(scores) return scores:sum(2) end,
    direction = function(x, w) given = w return rejecting:gradient(x, w) end }):run(points)
  lu.assertEquals(given:totable()[5], { 1, 1, 1, 0 })
end

-- The direction "log" (see ?directions) of a DNR, by the tape: its combiner's kernels at the layers' scores.
local function log_direction(defence)
  local machine, gamma = defence.combiner, defence.combiner.kernel.gamma
  local s, alpha, b = machine.sv, machine.alpha, machine.b
  local rising, falling = alpha:maximum(0), -alpha:minimum(0)
  local function log_sum(exponents)
    local most = grad.stop(exponents:max(2))
    return (exponents - most:reshape(-1, 1)):exp():sum(2):log() + most
  end
  return function(x, _, _, info)
    local y, classes = info.columns, info.scores:slice(nil, { 1, #info.classes })
    local c = info.target_columns or array.where(mask(classes, y), -inf, classes):argmax(2)
    local _, dz = grad.value(function(z)
      local far = z:square():sum(2):reshape(-1, 1) + s:square():sum(2) - z:matmul(s.T) * 2
      local kernels = (far * -gamma):exp()
      local of_y = (kernels * alpha:take(y)):sum(2) + b:take(y)
      local under = (kernels * falling:take(c)):sum(2) + of_y:maximum(defence.threshold) - b:take(c)
      return (log_sum(rising:take(c):log() - far * gamma) - under:maximum(1e-6):log()):sum()
    end, defence:layer_scores(x):astype "f64")
    return -defence:backward(x, dz)
  end
end

function TestDirections:test_log_direction_of_a_dnr()
  local defence, test = reference.dnr(), reference.test():slice(1, 40)
  local steps = {}
  for i, direction in ipairs { "log", log_direction(defence) } do
    attack.pgd({ model = defence, dmax = 1e9, lower = -inf, upper = inf, step = "raw", eta = 1e4,
      max_iter = 1, direction = direction,
      on_step = function(state) steps[i] = state.x - test.x end }):run(test)
  end
  lu.assertTrue(steps[1]:abs():max() > 1)
  lu.assertTrue((steps[1] - steps[2]):abs():max() < 1e-4 * steps[1]:abs():max())
end

-- ---- Every attack --------------------------------------------------------------------------------

TestEveryAttack = {}

-- All of the library that have an objective and a direction: what has none takes no gradient either.
local function attacks()
  local list = {}
  for name in pairs(attack) do
    local ok, made = pcall(function() return attack[name] { model = model, dmax = 0.2, norm = "l2" } end)
    local takes = ok and type(made) == "userdata" and pcall(made.get, made, "direction")
    if takes and pcall(made.get, made, "objective") then list[name] = made end
  end
  return list
end

function TestEveryAttack:test_takes_all_three()
  local count = 0
  attack.define { name = "walker", step = function(state) return state.x - state:gradient() * 0.02 end }
  for name, made in pairs(attacks()) do
    local asked, led, steps = 0, 0, 0
    local ours = made:with {
      objective = function(scores, _, info) asked = asked + 1 return column(scores, info.columns) end,
      direction = function(x, w) led = led + 1 return model:gradient(x, w) end,
      on_step = function(state)
        steps = steps + 1
        lu.assertEquals({ state.name, state.t, #state.rows }, { name, steps, #state.loss })
      end,
    }
    lu.assertStrContains(tostring(ours), "objective a function, direction a function")
    local result = ours:run(points)
    lu.assertTrue(asked > 0 and led > 0 and steps > 0, name)
    lu.assertEquals({ result.params.objective, result.params.direction, result.params.on_step },
      { "function", "function", "function" })
    count = count + 1
  end
  lu.assertTrue(count >= 7)
end

-- Halving ascends along the log direction, unless there is a loss to go along.
function TestEveryAttack:test_halving_goes_along_the_loss()
  local halving = attack.halving { model = model, norm = "l2", dmax = 0.2 }
  lu.assertTrue(halving:run(points).distance:max() > 0)
  halving.objective = function(scores) return scores:sum(2) * 0 end
  local result = halving:run(points)
  lu.assertEquals(result.distance:max(), 0)
  lu.assertEquals(result.stop[1], "zero_gradient")
end

function TestEveryAttack:test_ensembles()
  local rows, parts = {}, {}
  local suite = attack.auto { model = model, norm = "l2", dmax = 0.12, objective = continuous,
    on_step = function(state)
      parts[state.name] = true
      for _, row in ipairs(state.rows:totable()) do rows[row] = true end
    end }
  suite:run(points)
  lu.assertTrue(parts.halving)
  lu.assertEquals(#rows, #points)
  lu.assertStrContains(tostring(suite), "objective a function")
end

-- Of what the first part has left the second knows the places in all.
function TestEveryAttack:test_ensembles_know_places()
  local seen, left = nil, {}
  local pair = attack.ensemble {
    attack.pgd { norm = "l2", dmax = 0.2, max_iter = 20 },
    attack.apgd { norm = "l2", dmax = 0.2, max_iter = 1,
      on_step = function(state) seen = state.rows:totable() end },
  }
  local verdicts = pair[1]:run(points, { model = model }).verdict
  for i, verdict in ipairs(verdicts) do
    if verdict ~= "evaded" then left[#left + 1] = i end
  end
  lu.assertTrue(#left > 0 and #left < #points)
  pair:run(points, { model = model })
  lu.assertEquals(seen, left)
end

-- ---- Options -------------------------------------------------------------------------------------

TestOptions = {}

function TestOptions:test_words_and_functions_change_places()
  local pgd = attack.pgd { model = model, dmax = 1, objective = continuous }
  lu.assertIs(pgd.objective, continuous)
  lu.assertIs(pgd:with({ dmax = 2 }).objective, continuous)
  lu.assertEquals(pgd:with({ objective = "dlr" }).objective, "dlr")
  pgd:set { objective = "cross_entropy", direction = log_direction }
  lu.assertEquals(pgd:get "objective", "cross_entropy")
  lu.assertIs(pgd.direction, log_direction)
  pgd.direction = nil
  lu.assertEquals(pgd.direction, "gradient")
  raises('objective: expected "margin", .* or a function, got the string "hinge"', pgd.set, pgd,
    { objective = "hinge" })
  raises("on_step: expected a function, got 3", attack.pgd, { on_step = 3 })
  raises("smoothing: a direction of one's own takes no wider kernels", function()
    attack.pgd({ model = model, dmax = 1, smoothing = { 2 }, direction = log_direction }):run(points)
  end)
  lu.assertEquals(pgd.objective, "cross_entropy")
end

function TestOptions:test_results_say_that_there_was_a_function()
  local pgd = attack.pgd { model = model, dmax = 0.2, max_iter = 3, objective = continuous,
    on_step = function() end }
  local path = os.tmpname()
  pgd:run(points):save(path)
  local loaded = perigee.load(path)
  os.remove(path)
  lu.assertEquals(loaded.params.objective, "function")
  raises("attack.from: result: the objective of pgd was a function, .* give it again", attack.from, loaded)
  local again = attack.from(loaded, { model = model, objective = continuous })
  lu.assertTrue(again:run(points).x_adv:equal(loaded.x_adv))
end

function TestOptions:test_checkpoints_tell_functions_apart()
  local folder = os.tmpname()
  os.remove(folder)
  local function scaled(k) return function(scores, _, info) return column(scores, info.columns) * k end end
  local function security(objective)
    return evaluate.security { models = { m = model }, data = points, dmax = { 0.1 }, checkpoint = folder,
      noise = false, attack = attack.pgd { norm = "l2", max_iter = 2, objective = objective } }
  end
  local first = security(scaled(1))
  lu.assertEquals(tostring(security(scaled(1))), tostring(first))
  raises("checkpoint: .* is another evaluation's", security, scaled(2))
  raises("checkpoint: .* is another evaluation's", security, continuous)
end

function TestOptions:test_judge()
  local judged = attack.judge { model = model, x0 = points, x_adv = points, objective = function(scores)
    return scores:sum(2)
  end }
  lu.assertAlmostEquals(judged.loss[2][1], model:scores(points.x):sum(2)[2], 1e-6)
end

-- ---- Looking on ----------------------------------------------------------------------------------

TestOnStep = {}

function TestOnStep:test_what_it_sees()
  local states = {}
  local result = attack.pgd({ model = model, norm = "l2", dmax = 0.2, max_iter = 4, restarts = 1, seed = 1,
    on_step = function(state) states[#states + 1] = state end }):run(points)
  lu.assertEquals(#states, 8)
  lu.assertEquals({ states[5].t, states[5].run, states[5].iterations }, { 1, 2, 4 })
  local last = states[8]
  lu.assertTrue((last.scores - model:scores(last.x)):abs():max() < 1e-6)
  lu.assertTrue(((last.x - points.x):square():sum(2):sqrt() - last.distance):abs():max() < 1e-6)
  lu.assertEquals(last.y:totable(), points.y:totable())
  lu.assertEquals(last.active, #points)
  for i, verdict in ipairs(result.verdict) do
    local seen = states[4].evaded[i] == 1 or last.evaded[i] == 1
    lu.assertEquals(seen, verdict == "evaded")
  end
end

function TestOnStep:test_stop()
  local function stopper(at)
    local calls = 0
    return function(state)
      calls = calls + 1
      return state.t == at and "stop" or nil
    end, function() return calls end
  end
  for _, options in ipairs { {}, { restarts = 3, seed = 1 }, { target = "each" }, { start_from = points } } do
    local stop, calls = stopper(3)
    options.model, options.dmax, options.on_step = model, 0.05, stop
    local result = attack.pgd(options):run(points)
    lu.assertEquals(calls(), 3)
    for i, reason in ipairs(result.stop) do
      lu.assertEquals(reason, "on_step")
      lu.assertTrue(result.loss[i][#result.loss[i]] <= result.loss[i][1])
    end
    lu.assertStrContains(tostring(result), "5 on_step")
    -- no further start is scored
    if not options.target then lu.assertEquals(result.evaluations.scores:max(), 4) end
  end
  local stop = stopper(1)
  local both = attack.ensemble { attack.pgd {}, attack.apgd {} }
  local result = both:run(points, { model = model, dmax = 0.05, on_step = stop })
  lu.assertEquals(#result.params.parts, 1)
  lu.assertEquals(result.stop[1], "on_step")
end

function TestOnStep:test_drives_a_live_plot()
  lu.skipIf(not require("perigee.native").gnuplot.find(), "gnuplot is not installed")
  local path = os.tmpname() .. ".svg"
  local seen = 0
  plot.live(function()
    return attack.pgd({ model = model, dmax = 0.2, max_iter = 5, on_step = function() seen = seen + 1 end })
      :run(points)
  end, { file = path })
  os.remove(path)
  lu.assertEquals(seen, 5)
end

-- ---- Hostile functions ---------------------------------------------------------------------------

TestHostile = {}

local function run_with(options)
  options.model, options.dmax, options.norm = model, 0.2, "l2"
  return attack.pgd(options):run(points)
end

function TestHostile:test_wrong_answers()
  local hot = array.zeros { 5, 2 }
  for message, f in pairs {
    ["expected an array of 5 losses, one for each row of scores, got nothing"] = function() end,
    ["expected an array of 5 losses.* is it a mean over the rows"] = function(s) return s:mean() end,
    ["got an array f64%[5x3%]"] = function(s) return s end,
    ["in floats, got an array i32%[5%]"] = function(s) return s:argmax(2) end,
    ["in floats, got .*i32%[5%]"] = function(s) return s:sum(2):gt(0) end,
    ["the loss of sample 1 is not a number"] = function(s) return s:sum(2) * (0 / 0) end,
    ["how the losses follow from the scores is not known"] = function(s) return grad.stop(s:sum(2)) end,
    ["as the gradient, answered %(5, 2%), expected %(5, 3%)"] = function(s) return s:sum(2), hot end,
    ["the gradient of the loss of sample 1 is not a number"] = function(s) return s:sum(2), s * (0 / 0) end,
    ["got a table of 1"] = function() return { 1 } end,
    ["got true"] = function() return true end,
  } do
    raises("attack.pgd: objective: .*" .. message, run_with, { objective = f })
  end
  raises("attack.pgd: direction: the function answered %(5,%), expected %(5, 2%)", run_with,
    { direction = function(x) return x:sum(2) end })
  raises("attack.pgd: direction: the direction of sample 1 is not a number", run_with,
    { direction = function(x) return x * (0 / 0) end })
  raises('attack.pgd: on_step: expected nothing or "stop", which ends the run, got true', run_with,
    { on_step = function() return true end })
end

function TestHostile:test_errors_and_yields()
  for _, part in ipairs { "objective", "direction", "on_step" } do
    raises("test_attack_parts.lua:%d+: oops", run_with, { [part] = function() error "oops" end })
    raises("attack.pgd: " .. part .. ": the %w+ raised ", run_with, { [part] = function() error {} end })
    raises("called coroutine.yield", run_with, { [part] = function() coroutine.yield() end })
    raises("called coroutine.yield", coroutine.wrap(function()
      return run_with { [part] = function() coroutine.yield() end }
    end))
  end
  -- in a coroutine, and with what collects and runs attacks inside
  local result = coroutine.wrap(function()
    return run_with { max_iter = 2, objective = function(scores, _, info)
      collectgarbage()
      attack.fgsm({ model = model, dmax = 0.1 }):run(points)
      return column(scores, info.columns)
    end }
  end)()
  lu.assertEquals(#result, 5)
end
