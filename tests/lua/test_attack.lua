-- Attacks in Lua: objects, runs on models of any kind, results, files, errors.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local models = dofile "tests/lua/bumps.lua"
local bumps, centres = models.new, models.centres

local x = array.new { { 0.1, 0.2, 0.8 }, { 0.8, 0.1, 0.2 }, { 0.2, 0.8, 0.1 } }
local samples = data.new { x = x, y = { 0, 1, 2 } }

TestAttackObject = {}

function TestAttackObject:test_fields_and_defaults()
  local pgd = attack.pgd_exp { dmax = 2 }
  lu.assertEquals(pgd.name, "pgd_exp")
  lu.assertEquals(pgd.norm, "l2")
  lu.assertEquals(pgd.dmax, 2)
  lu.assertEquals(pgd.max_iter, 30)
  lu.assertNil(pgd.eta) -- follows from the rest
  lu.assertEquals(pgd.lower, 0)
  pgd.dmax = 3
  lu.assertEquals(pgd.dmax, 3)
  pgd.dmax = nil
  lu.assertNil(pgd.dmax)
  pgd.iterates = true
  lu.assertTrue(pgd.iterates)
end

function TestAttackObject:test_with_leaves_the_original()
  local one = attack.pgd { dmax = 1, norm = "linf" }
  local two = one:with { dmax = 2, lower = { 0, 0, 0 } }
  lu.assertEquals(one.dmax, 1)
  lu.assertEquals(one.lower, 0)
  lu.assertEquals(two.dmax, 2)
  lu.assertEquals(two.norm, "linf")
  lu.assertEquals(two.lower:totable(), { 0, 0, 0 })
end

function TestAttackObject:test_prints_as_itself()
  local text = tostring(attack.pgd_exp { dmax = 2, model = bumps(-1), target = 1 })
  lu.assertEquals(text, "attack.pgd_exp: l2, dmax 2, eta 0.1, eta_min 0.1, max_iter 30, "
    .. "bounds 0 … 1, model lua, target 1")
  lu.assertStrContains(tostring(attack.pgd { dmax = 2, norm = "linf" }),
    "linf, dmax 2, eta 1, sign steps, cosine schedule")
  lu.assertStrContains(tostring(attack.fgsm {}), "attack.fgsm: linf, bounds")
end

function TestAttackObject:test_errors()
  raises("unknown option 'dmx'; did you mean 'dmax'?", attack.pgd, { dmx = 1 })
  raises("attack.pgd: dmax: expected a number of 0 or more, got -1", attack.pgd, { dmax = -1 })
  raises('norm: expected "l1", "l2" or "linf"', attack.pgd, { norm = "l3" })
  raises("max_iter: expected an integer", attack.pgd, { max_iter = 0 })
  raises("eta: expected a number", attack.pgd, { eta = 0 })
  raises("model: expected a model", attack.pgd, { model = 3 })
  raises("unknown option 'restarts'", attack.fgsm, { restarts = 3 })
  local pgd = attack.pgd { dmax = 1 }
  raises("unknown option 'step_size'", function() pgd.step_size = 1 end)
  raises("dmax: expected", function() pgd.dmax = "far" end)
  lu.assertEquals(pgd.dmax, 1)
end

-- ---- Every option of every attack, as its table tells them ------------------------------------------

TestAttackOptions = {}

local native = require "perigee.native"

-- Those of the library's functions that make an attack: name → constructor.
local constructors = {}
for name, f in pairs(attack) do
  local described = native.described("attack." .. name)
  if described and described.result == "attack" then constructors[name] = f end
end

local starts = data.new({ x = x, y = { 1, 2, 3 } }).x -- of an array that can be written a copy would be kept

local guides = data.new { x = x, y = { 1, 2, 3 } }

-- Something that the option takes and that is not its default; it reads as the same.
local function fit(option, default)
  local objects = { model = bumps(-1), surrogate = bumps(-1),
    guides = guides, layers = "relu1", start = starts, start_from = starts, target = 1, dmax = 0.25,
    lower = -0.5, upper = 1.5, seed = 5, reach = 2, max_queries = 7,
    smoothing = data.new({ x = { { 10, 2 } }, y = { 1 } }).x,
    stages = { { steps = 3, classes = 2 } } }
  if objects[option.name] then return objects[option.name] end
  for word in option.type:gmatch '"([%w_]+)"' do
    if word ~= default then return word end
  end
  return ({ boolean = not default, integer = 3, number = 0.25, ["function"] = type })[option.type]
end

-- f(name of the attack, its constructor, option)
local function each_option(f)
  local count = 0
  for name, construct in pairs(constructors) do
    for _, row in ipairs(native.described("attack." .. name).options) do
      f(name, construct, { name = row[1], type = row[2], default = row[3] })
      count = count + 1
    end
  end
  lu.assertTrue(count > 35)
end

function TestAttackOptions:test_read_as_they_are_set()
  each_option(function(_, construct, option)
    local name, words = option.name, option.type .. " " .. option.name
    local a = construct {}
    local default = a[name]
    local value = fit(option, default)
    if option.type == ('"%s"'):format(default) then return end -- there is but one word
    lu.assertNotEquals(default, value, words)
    lu.assertEquals(construct({ [name] = value })[name], value, words)
    lu.assertEquals(a:with({ [name] = value }):get(name), value, words)
    lu.assertEquals(a[name], default, words) -- the first one is as it was
    a[name] = value
    lu.assertEquals(a[name], value, words)
    a[name] = nil
    lu.assertEquals(a[name], default, words)
    lu.assertEquals(a:set { [name] = value }, a)
    lu.assertEquals(a:get(name), value, words)
    lu.assertEquals(a:with({})[name], value, words)
  end)
end

function TestAttackOptions:test_defaults_are_those_of_the_help()
  each_option(function(name, construct, option)
    local value = construct({})[option.name]
    local said = tonumber(option.default) or option.default:match '^"(%w+)"$'
    if option.type == "boolean" then said = option.default == "true" end
    if option.type ~= "table[]" then lu.assertEquals(value, said, name .. " " .. option.name) end
  end)
end

-- The numbers themselves, so that none changes unseen.
function TestAttackOptions:test_defaults()
  local common = { objective = "margin", lower = 0, upper = 1, iterates = false, samples = 1 }
  local own = {
    fgsm = { norm = "linf", direction = "gradient" },
    pgd = { norm = "l2", max_iter = 50, restarts = 0, early_stop = false, largest = 20,
      direction = "gradient" },
    pgd_exp = { norm = "l2", max_iter = 30, restarts = 0, early_stop = false, direction = "gradient" },
    apgd = { norm = "l2", max_iter = 100, restarts = 0, early_stop = false, largest = 10,
      objective = "continuous", direction = "gradient" },
    fmn = { norm = "l2", max_iter = 200, reach = 1, alpha = 1, alpha_final = 0.01, gamma = 0.05,
      gamma_final = 0.001, objective = "continuous", direction = "gradient", early_stop = false },
    noise = { norm = "l2" },
  }
  each_option(function(name, construct, option)
    if not own[name] then return end -- one that was added since
    local expected = own[name][option.name]
    if expected == nil then expected = common[option.name] end
    lu.assertEquals(construct({})[option.name], expected, name .. " " .. option.name)
  end)
  lu.assertStrContains(tostring(attack.pgd { dmax = 2 }), "eta 1, unit steps, cosine schedule")
  local constant = attack.pgd { dmax = 2, step_schedule = "constant" }
  lu.assertStrContains(tostring(constant), "eta 0.1, unit steps, max_iter")
  lu.assertStrContains(tostring(attack.pgd { dmax = 2, eta = 0.3 }), "eta 0.3, unit steps, max_iter")
  lu.assertStrContains(tostring(attack.pgd { dmax = 2, norm = "linf", max_iter = 10 }), "eta 1, sign steps")
  lu.assertStrContains(tostring(attack.pgd { dmax = 2, norm = "l1" }), "largest steps")
  lu.assertStrContains(tostring(attack.pgd_exp { dmax = 2, norm = "l1" }), "eta 0.1, eta_min 0.1")
  lu.assertStrContains(tostring(attack.pgd_exp { dmax = 2, norm = "linf" }), "eta 0.01, eta_min 0.01")
  lu.assertStrContains(tostring(attack.pgd_exp { dmax = 2, eta = 0.2 }), "eta 0.2, eta_min 0.2")
end

-- Along a gradient that is the same everywhere each step is as long as the schedule has it: from all of eta
-- to 0.004 of it, by half a cosine.
function TestAttackOptions:test_cosine_schedule()
  local net = nn.new { input = { 2 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }
  local a = attack.pgd { model = net, dmax = 100, eta = 2, step_schedule = "cosine", max_iter = 5,
    lower = -1e3, upper = 1e3, early_stop = false }
  local r = a:run(array.new { { 0, 0 } }, { y = net:predict(array.zeros(1, 2)) })
  local away = r.trace_distance[1]
  lu.assertEquals(#away, 6)
  for k = 1, 5 do
    local share = 0.004 + 0.996 * (1 + math.cos(math.pi * (k - 1) / 4)) / 2
    lu.assertAlmostEquals(away[k + 1] - away[k], 2 * share, 1e-5)
  end
end

-- A stage's first step has no momentum from the stage before.
function TestAttackOptions:test_stages_begin_anew()
  local net = nn.new { input = { 6 }, classes = { 0, 1, 2 }, seed = 1, nn.linear { out = 20 }, nn.tanh(),
    nn.linear { out = 3 } }
  local rows = array.randn(5, 6, { seed = 2 })
  local function ends(momentum)
    local stages = { { steps = 3, momentum = 0.9 }, { steps = 1, momentum = momentum } }
    local a = attack.halving { model = net, dmax = 0.1, stages = stages, lower = -9, upper = 9,
      iterates = true, direction = "gradient" }
    local r = a:run(rows, { y = net:predict(rows) })
    local last = {}
    for i = 1, 5 do last[i] = r.iterates[i]:slice({ -1, -1 }, nil) end
    return array.concatenate(last)
  end
  lu.assertTrue(ends(0.9):equal(ends(0)))
end

function TestAttackOptions:test_what_does_not_fit_is_refused()
  each_option(function(name, construct, option)
    local key = option.name
    local a = construct {}
    local wrong = { io.stdout, {}, option.type:find "boolean" and 1 or true }
    if not option.type:find "function" then wrong[#wrong + 1] = print end
    if not option.type:find "number" and not option.type:find "integer" then wrong[#wrong + 1] = 3 end
    if option.type:find "^[ni]" and not option.type:find "|" then
      wrong[#wrong + 1] = "far"
      wrong[#wrong + 1] = 0 / 0
    end
    for _, value in ipairs(wrong) do
      if not (type(value) == "table" and option.type:find "array") then
        local words = "attack." .. name .. ": " .. key
        raises(words, construct, { [key] = value })
        raises(words, function() a[key] = value end)
        raises(words, function() a:set { [key] = value } end)
        raises(words, function() a:with { [key] = value } end)
      end
    end
  end)
end

function TestAttackOptions:test_unknown_names_and_positions()
  for name, construct in pairs(constructors) do
    local a = construct {}
    local words = "attack." .. name .. ": unknown option 'nothing'"
    raises(words, construct, { nothing = 1 })
    raises(words, function() a.nothing = 1 end)
    raises(words, function() a:set { nothing = 1 } end)
    raises(words, function() a:with { nothing = 1 } end)
    raises("attack." .. name, construct, { 3 })
    raises(name .. ": expected at most 1 argument", construct, {}, {})
    raises("run: expected at most 2 arguments", function() a:run(x, {}, {}) end)
    raises("set: expected at most 1 argument", function() a:set({}, {}) end)
    raises("with: expected at most 1 argument", function() a:with({}, {}) end)
    raises("get: expected at most 1 argument", function() a:get("norm", {}) end)
    lu.assertErrorMsgContains("has no 'nothing'", function() return a.nothing end)
  end
end

-- A mistake in one leaves all as they were.
function TestAttackOptions:test_set_is_whole_or_not_at_all()
  local pgd = attack.pgd { dmax = 1, lower = -1 }
  local mistakes = { { dmax = 2, eta = 0 }, { dmax = 2, lower = -2, model = 7 }, { seed = 1, y = 2 } }
  for _, wrong in ipairs(mistakes) do
    lu.assertFalse(pcall(pgd.set, pgd, wrong))
    lu.assertEquals({ pgd.dmax, pgd.lower, pgd.eta, pgd.seed }, { 1, -1 })
  end
end

TestAttackRun = {}

function TestAttackRun:test_a_model_in_lua()
  for _, norm in ipairs { "l1", "l2", "linf" } do
    for _, name in ipairs { "fgsm", "pgd", "pgd_exp", "apgd", "fmn" } do
      local dmax = ({ l1 = 1.4, l2 = 0.9, linf = 0.6 })[norm]
      local result = attack[name] { model = bumps(-1), norm = norm, dmax = dmax }:run(samples)
      lu.assertEquals(#result, 3)
      lu.assertTrue(result.distance:max() <= dmax * (1 + 1e-9))
      lu.assertTrue(result.x_adv:min() >= 0 and result.x_adv:max() <= 1)
      for i = 1, 3 do
        lu.assertEquals(result.start_verdict[i], "correct")
        local loss = result.loss[i]
        if name ~= "fgsm" then
          lu.assertTrue(loss[#loss] < loss[1])
          lu.assertEquals(result.verdict[i], "evaded", norm .. " " .. name)
        end
      end
    end
  end
end

function TestAttackRun:test_called_once_a_batch()
  local model = bumps(-1)
  model.gradient_is = "surrogate" -- the look at a new model's gradient would be counted here
  local result = attack.pgd_exp { model = model, dmax = 0.8 }:run(samples)
  local longest = result.evaluations.gradients:max()
  lu.assertEquals(model.gradient_calls, longest)
  lu.assertEquals(model.score_calls, longest + 2)
  lu.assertEquals(result.evaluations.scores[1], 1 + 11 * result.evaluations.gradients[1])
end

function TestAttackRun:test_alone_as_in_a_batch()
  local pgd = attack.pgd_exp { model = bumps(-1), dmax = 0.6 }
  local together = pgd:run(samples)
  for i = 1, 3 do
    local alone = pgd:run(x[i], { y = samples.y[i] })
    lu.assertEquals(#alone, 1)
    lu.assertAlmostEquals(alone.loss[1][#alone.loss[1]], together.loss[i][#together.loss[i]], 1e-6)
  end
end

function TestAttackRun:test_labels_and_targets()
  local pgd = attack.pgd_exp { model = bumps(-1), dmax = 1.1 }
  local untold = pgd:run(x) -- without labels the model's best class is the truth
  lu.assertEquals(untold.y:totable(), { 0, 1, 2 })
  local same = pgd:run(samples, { target = 2 })
  lu.assertEquals(same.label:totable(), { 2, 2, 2 })
  lu.assertEquals(same.hit, { true, true, true })
  local each = pgd:run(samples, { target = { 1, 2, 0 } })
  lu.assertEquals(each.label:totable(), { 1, 2, 0 })
  lu.assertEquals(each.target:totable(), { 1, 2, 0 })
  lu.assertEquals(each:counts().hit, 3)
  lu.assertNil(untold.hit)
end

-- No room to move, whatever the steps: the answer is the start.
function TestAttackRun:test_dmax_0()
  for _, options in ipairs { { "pgd", norm = "l1" }, { "pgd", step = "raw" }, { "pgd_exp", eta_min = 0.2 },
    { "fgsm" }, { "noise", norm = "l1" } } do
    local name = table.remove(options, 1)
    options.model, options.dmax = bumps(-1), 0
    local result = attack[name](options):run(samples)
    lu.assertEquals(result.x_adv:totable(), result.x0:totable())
    lu.assertEquals(result.distance:max(), 0)
  end
end

-- Far from all kernels the gradient is 0, and the logarithm's is not.
function TestAttackRun:test_out_of_a_plateau()
  local machine = svm.from {
    sv = { { 0, 0 }, { 3, 0 } }, alpha = { { 1, -1 }, { -1, 1 } }, b = { -0.5, -0.5 }, kernel = svm.rbf(16),
    classes = { 0, 1 },
  }
  local defence = reject.new { model = machine, threshold = 0 }
  for _, name in ipairs { "apgd", "fmn" } do
    local blind = attack[name] { model = defence, dmax = 5, lower = -9, upper = 9 }
    local sees = blind:with { direction = "log" }
    lu.assertEquals(blind:run({ { 1, 3 } }, { y = 0 }).verdict, { "rejected" })
    local result = sees:run({ { 1, 3 } }, { y = 0 })
    lu.assertEquals(result.verdict, { "evaded" })
    -- The kernel of (3, 0) is above a half within 0.208.
    if name == "fmn" then lu.assertAlmostEquals(result.distance[1], math.sqrt(13) - 0.208, 0.01) end
  end
end

-- Behind a narrow ridge the scores are flat. APGD's first steps end there: it comes back with shorter ones.
function TestAttackRun:test_back_from_a_plateau()
  local model = { classes = { 0, 1 } }
  function model:scores(points)
    return array.concatenate({ points * 0, array.where(points:lt(0.52), points - 0.5, -1) }, 2)
  end
  function model:gradient(points, w) return w:slice(nil, { 2, 2 }) * points:lt(0.52) end
  local apgd = attack.apgd { model = model, dmax = 0.4 }
  lu.assertEquals(apgd:run({ { 0.3 }, { 0.2 } }, { y = 0 }).verdict, { "evaded", "evaded" })
  -- Where it starts on the plateau there is nothing to do.
  lu.assertEquals(apgd:run({ { 0.9 } }, { y = 0 }).stop, { "zero_gradient" })
end

-- Behind the boundary at 0.5 the scores are flat: a minimum-norm attack comes back all the same.
function TestAttackRun:test_the_nearest_point_of_a_plateau()
  local model = { classes = { 0, 1 } }
  function model:scores(points)
    return array.concatenate({ points * 0, array.clip(points - 0.5, -1, 1e-3) }, 2)
  end
  function model:gradient(points, w)
    return w:slice(nil, { 2, 2 }) * points:lt(0.501)
  end
  local fmn = attack.fmn { model = model, max_iter = 100 }
  lu.assertTrue(fmn.minimal)
  lu.assertFalse(attack.pgd {}.minimal)
  local result = fmn:run(data.new { x = { { 0.2 }, { 0.4 } }, y = { 0, 0 } })
  lu.assertEquals(result.verdict, { "evaded", "evaded" })
  lu.assertAlmostEquals(result.distance[1], 0.3, 3e-3)
  lu.assertAlmostEquals(result.distance[2], 0.1, 1e-3)
  lu.assertEquals(result.params.attack, "fmn")
  lu.assertEquals(result.params.dmax, math.huge)
end

function TestAttackRun:test_bounds_of_each_feature()
  local pgd = attack.pgd { model = bumps(-1), dmax = 1, lower = { 0, 0, 0.7 }, upper = 1 }
  lu.assertTrue(pgd:run(x[1]).x_adv:at(1, 3) >= array.new({ 0.7 }):at(1))
  raises("lower: expected one number or 3, got 2", function() pgd:with { lower = { 0, 0 } }:run(x) end)
  raises("outside the bounds", function() pgd:run(x * 2) end)
end

function TestAttackRun:test_restarts_are_seeded()
  local pgd = attack.pgd { model = bumps(-1), norm = "l2", dmax = 0.4, restarts = 2, max_iter = 3, seed = 5 }
  local a, b = pgd:run(samples), pgd:run(samples)
  lu.assertEquals(a.x_adv:totable(), b.x_adv:totable())
  lu.assertEquals(a.seed, 5)
  local noise = attack.noise { model = bumps(-1), dmax = 0.3 }
  lu.assertEquals(noise:run(samples, { seed = 1 }).x_adv:totable(),
    noise:run(samples, { seed = 1 }).x_adv:totable())
  lu.assertNotEquals(noise:run(samples, { seed = 1 }).x_adv:totable(),
    noise:run(samples, { seed = 2 }).x_adv:totable())
end

function TestAttackRun:test_start_points_are_scored_once()
  local model = bumps(-1)
  model.gradient_is = "surrogate"
  local rows = 0
  local scores = model.scores
  function model:scores(points)
    rows = rows + #points
    return scores(self, points)
  end
  local many = array.concatenate({ x, x, x, x, x, x, x, x, x, x }, 1) -- 30 points
  local pgd = attack.pgd_exp { model = model, dmax = 0.5, start_from = many }
  local first = pgd:run(samples)
  local once = rows
  rows = 0
  local second = pgd:run(samples)
  lu.assertEquals(once - rows, 30 - 16) -- the second time a few are looked at
  lu.assertEquals(first.x_adv:totable(), second.x_adv:totable())
  -- Another threshold, or new scores, are noticed.
  scores = bumps(-0.2).scores
  rows = 0
  pgd:run(samples)
  lu.assertTrue(rows >= 16 + 30)
end

function TestAttackRun:test_errors()
  local pgd = attack.pgd { dmax = 1 }
  raises("attack.pgd: no model", function() pgd:run(samples) end)
  raises("dmax is not given", function() attack.pgd { model = bumps(-1) }:run(samples) end)
  pgd.model = bumps(-1)
  raises("y: expected one label for each of 3 samples, got 2", function() pgd:run(x, { y = { 0, 1 } }) end)
  raises("label 7 is not a class", function() pgd:run(x, { y = 7 }) end)
  raises("target 7 is not a class", function() pgd:run(x, { target = 7 }) end)
  raises("unknown option", function() pgd:run(x, { labels = 7 }) end)
  local wide = attack.pgd_exp { dmax = 1, model = bumps(-1), start_from = array.zeros(2, 4) }
  raises("start_from: its samples have 4 features, those attacked 3", function() wide:run(x) end)
  local broken = bumps(-1)
  function broken:gradient() error "no gradient today" end
  raises("no gradient today", function() pgd:run(x, { model = broken }) end)
  function broken:gradient(points) return array.zeros(points.shape) / 0 end
  lu.assertEquals(pgd:run(x, { model = broken }).stop[1], "not_finite")
  function broken:scores(points) return array.ones(#points, 4) * (1 / 0) end
  lu.assertEquals(pgd:run(data.new { x = x, y = array.zeros(#x) }, { model = broken }):counts().failed, #x)
end

TestAttackResult = {}

function TestAttackResult:setUp()
  self.model = bumps(-1)
  self.result = attack.pgd_exp { model = self.model, dmax = 0.5, iterates = true }:run(samples)
end

function TestAttackResult:test_fields()
  local r = self.result
  lu.assertEquals(r.x0:totable(), x:totable())
  lu.assertEquals(r.x_adv.shape, { 3, 3 })
  lu.assertEquals(r.scores.shape, { 3, 4 })
  lu.assertEquals(r.classes, { 0, 1, 2 })
  lu.assertTrue(r.rejects)
  lu.assertEquals(r.shape, { 3 })
  lu.assertEquals(r.params.dmax, 0.5)
  lu.assertEquals(r.params.attack, "pgd_exp")
  lu.assertEquals(r.attack, "pgd_exp")
  for i = 1, 3 do
    local n = #r.loss[i]
    lu.assertEquals(r.trace[i].shape, { n, 4 })
    lu.assertEquals(r.iterates[i].shape, { n, 3 })
    lu.assertEquals(r.iterates[i][1]:totable(), x[i]:totable())
    lu.assertEquals(r.iterates[i][n]:totable(), r.x_adv[i]:totable())
    lu.assertEquals(r.trace_distance[i][n], r.distance[i])
    lu.assertEquals(r.trace_distance[i][1], 0)
  end
  lu.assertErrorMsgContains("a result has no 'nothing'", function() return r.nothing end)
end

-- Of the loss: y's score (or the reject score) less that of the best other class, -‖x - centre‖².
function TestAttackResult:test_norms_of_gradients()
  local norms, start = self.result.gradient_norm, self.result.start_scores
  lu.assertEquals(self.result.flat, { false, false, false })
  for i = 1, 3 do
    local best, y = nil, samples.y[i] + 1
    for c = 1, 3 do
      if c ~= y and (not best or start[i][c] > start[i][best]) then best = c end
    end
    lu.assertAlmostEquals(norms[i][1], 2 * (centres[y] - centres[best]):norm(), 1e-5)
    lu.assertEquals(#norms[i], #self.result.loss[i])
  end
end

-- The largest kernel of the machine that decides, by the pixels of every iterate.
local function check_kernels(result, machine, input)
  for i = 1, #result do
    local kernels, z = result.largest_kernel[i], input(result.iterates[i]):astype "f64"
    lu.assertEquals(#kernels, #result.loss[i])
    for t = 1, #kernels do
      local asked = result.gradient_norm[i][t] == result.gradient_norm[i][t]
      lu.assertEquals(kernels[t] == kernels[t], asked) -- NaN beside NaN
      local least = (machine.sv:astype "f64" - z[t]):square():sum(2):min()
      if asked then lu.assertAlmostEquals(kernels[t], math.exp(-machine.kernel.gamma * least), 1e-5) end
    end
  end
end

function TestAttackResult:test_largest_kernels()
  local net, digits = nn.load "mnist-cnn", data.digits(60, { seed = 3 })
  local machine = svm.new { kernel = svm.rbf(0.02) }
  machine:fit(digits)
  local nr = reject.new { model = machine, threshold = -0.3 }
  local layer = reject.layer { net = net, layer = "relu4", classifier = svm.new { kernel = svm.rbf(1e-3) } }
  layer:fit(digits)
  local whole = dnr.new { net = net, layers = { "relu3", "relu4" }, threshold = -0.5,
    layer_classifier = svm.new { kernel = svm.rbf(1e-3) }, combiner = svm.new { kernel = svm.rbf(1) } }
  whole:fit(digits)
  local two = data.digits(60, { seed = 4 })
  two = two:with { y = array.where(two.y:lt(5), 0, 1):astype "i32" }
  local single = svm.new { kernel = svm.rbf(0.02) }
  single:fit(two)
  local function same(z) return z end
  local cases = {
    { machine, machine, same }, { nr, machine, same }, { single, single, same },
    { layer, layer.classifier, function(z) return net:forward(z, "relu4") end },
    { whole, whole.combiner, function(z) return whole:layer_scores(z) end },
  }
  local attacks = { attack.pgd { max_iter = 4 }, attack.pgd { max_iter = 4, direction = "log" },
    attack.pgd { max_iter = 4, direction = "smooth" }, attack.pgd_exp { max_iter = 3 },
    attack.fmn { max_iter = 4 }, attack.halving {} }
  for _, case in ipairs(cases) do
    for _, a in ipairs(attacks) do
      local few = case[1] == single and two:take { 1, 2 } or digits:take { 1, 2 }
      local r = a:with({ dmax = 1, iterates = true }):run(few, { model = case[1] })
      check_kernels(r, case[2], case[3])
      lu.assertTrue(r.kernel_end:gt(0):all())
    end
  end
  for _, model in ipairs { net, svm.new { kernel = svm.poly {} } } do
    if model ~= net then model:fit(digits) end
    local r = attack.pgd({ model = model, dmax = 1, max_iter = 2 }):run(digits:take { 1 })
    lu.assertNil(r.largest_kernel)
    lu.assertNil(r.kernel_end)
    lu.assertNotNil(r.gradient_norm)
  end
  lu.assertNil(attack.noise({ model = machine, dmax = 1 }):run(digits:take { 1 }).largest_kernel)
end

-- More rows than are multiplied at once, more vectors than a tile has, and a wide direction.
function TestAttackResult:test_largest_kernels_of_many_rows()
  local n, m = 1500, 600
  local points, sv = array.randn(n, 3, { seed = 1 }), array.randn(m, 3, { seed = 2 })
  local machine = svm.from {
    sv = sv, alpha = array.randn(3, m, { seed = 3, dtype = "f64" }), b = { 0, 0, 0 }, kernel = svm.rbf(2),
    classes = { 0, 1, 2 },
  }
  for _, direction in ipairs { "gradient", "log", "smooth" } do
    local pgd = attack.pgd { dmax = 1, lower = -9, upper = 9, max_iter = 1, direction = direction }
    local r = pgd:run(points, { model = machine })
    for i = 1, n, 7 do
      local least = (sv:astype "f64" - points[i]):square():sum(2):min()
      lu.assertAlmostEquals(r.kernel_end[i], math.exp(-2 * least), 1e-6)
    end
  end
end

-- Kernels die out within the ball, and with them every gradient.
local function blind_run()
  local machine = svm.from {
    sv = { { 0, 0 }, { 3, 0 } }, alpha = { { 1, -1 }, { -1, 1 } },
    b = { -0.5, -0.5 }, kernel = svm.rbf(4), classes = { 0, 1 },
  }
  local defence = reject.new { model = machine, threshold = 0 }
  local pgd = attack.pgd { model = defence, dmax = 4, lower = -9, upper = 9, eps = 1e-12 }
  return pgd:run({ { 0.1, 0.2 }, { 0.2, -0.3 }, { 3, 0.1 } }, { y = { 0, 0, 0 } }), defence
end

function TestAttackResult:test_flat_runs()
  local r, defence = blind_run()
  local line = "ended where the gradient had vanished: try attack.auto"
  lu.assertEquals(r.verdict, { "rejected", "rejected", "wrong" })
  lu.assertEquals(r.flat, { true, true, false })
  lu.assertStrContains(tostring(r), "\n2 of 2 rejected runs " .. line)
  lu.assertStrContains(tostring(r[1]), "\nit " .. line)
  lu.assertNotStrContains(tostring(r[3]), line)
  local judged = r:rescore(defence)
  lu.assertNil(judged.flat)
  lu.assertNil(judged.gradient_norm)
  lu.assertNil(attack.judge({ model = defence, x0 = r.x0, x_adv = r.x_adv, y = r.y, check = false }).flat)
  local worst = attack.worst { judged, r }
  lu.assertEquals(#worst.flat, 3)
  local path = os.tmpname()
  local again = perigee.load(r:save(path))
  lu.assertEquals(again.flat, r.flat)
  lu.assertEquals(again.gradient_norm[1][1], r.gradient_norm[1][1])
  lu.assertEquals(tostring(again), tostring(r))
  lu.assertEquals(again.largest_kernel[1][1], r.largest_kernel[1][1])
  lu.assertEquals(again.kernel_end:totable(), r.kernel_end:totable())
  lu.assertTrue(r.kernel_end[1] < 1e-3 and r.largest_kernel[1][1] > 0.8)
  local least = math.min(r.kernel_end[1], r.kernel_end[2])
  lu.assertStrContains(tostring(evaluate.diagnose(r)),
    ("(samples 1, 2); the largest kernel there is %.2g (median)."):format(least))
  r:csv(path)
  lu.assertStrContains(io.lines(path)(), ",distance,gradient_norm,largest_kernel")
  lu.assertNil(perigee.load(judged:save(path)).flat)
  lu.assertNil(judged.kernel_end)
  os.remove(path)
end

-- Scores, labels and distances are those of the stored points.
function TestAttackResult:test_is_judged_from_the_stored_points()
  local r = self.result
  lu.assertEquals(self.model:scores(r.x_adv):totable(), r.scores:totable())
  for i = 1, 3 do
    local away = r.x_adv[i]:totable()
    local sum = 0
    for j, v in ipairs(r.x0[i]:totable()) do sum = sum + (away[j] - v) ^ 2 end
    lu.assertAlmostEquals(r.distance[i], math.sqrt(sum), 1e-12)
  end
end

function TestAttackResult:test_one_sample_of_many()
  local one = self.result[2]
  lu.assertEquals(#one, 1)
  lu.assertEquals(one.y[1], 1)
  lu.assertEquals(one.x_adv[1]:totable(), self.result.x_adv[2]:totable())
  lu.assertEquals(one.loss[1]:totable(), self.result.loss[2]:totable())
  lu.assertNil(self.result[4])
  raises("position 9 of 3 samples", function() return self.result[9] end)
  local seen = 0
  for _ in ipairs(self.result) do seen = seen + 1 end
  lu.assertEquals(seen, 3)
end

function TestAttackResult:test_surplus_arguments()
  raises("counts: expected no arguments", function() self.result:counts {} end)
  raises("rescore: expected at most 1 argument", function() self.result:rescore(self.model, {}) end)
  local types = debug.getregistry()
  for _, functions in ipairs { attack, types["perigee.attack"].methods, types["perigee.result"].methods } do
    for name, f in pairs(functions) do
      raises(name .. ": expected at most ", f, nil, nil, nil, nil, nil, nil, "surplus")
      raises('got the string "surplus" as well', f, nil, nil, nil, nil, nil, nil, "surplus")
    end
  end
end

function TestAttackResult:test_prints_a_verdict()
  lu.assertStrContains(tostring(self.result), "pgd_exp on lua: 3 samples:")
  lu.assertStrContains(tostring(self.result[1]), "pgd_exp on lua: class 0 → ")
end

function TestAttackResult:test_rescore()
  local strict = self.result:rescore(bumps(10))
  lu.assertEquals(strict:counts(),
    { correct = 0, rejected = 3, wrong = 0, evaded = 0, failed = 0, robust = 0 })
  lu.assertEquals(strict.label:totable(), { -1, -1, -1 })
  lu.assertEquals(strict.start_verdict, { "rejected", "rejected", "rejected" })
  lu.assertEquals(#strict.loss[1], #self.result.loss[1]) -- every iterate was kept
  local short = attack.pgd_exp { model = self.model, dmax = 0.5 }:run(samples):rescore(self.model)
  lu.assertEquals(#short.loss[1], 2)
  lu.assertAlmostEquals(short.loss[1][2], self.result.loss[1][#self.result.loss[1]], 1e-9)
end

function TestAttackResult:test_save_and_load()
  local path = os.tmpname()
  lu.assertEquals(self.result:save(path), path)
  local again = perigee.load(path)
  os.remove(path)
  lu.assertEquals(tostring(again), tostring(self.result))
  lu.assertEquals(again.x_adv:totable(), self.result.x_adv:totable())
  lu.assertEquals(again.params, self.result.params)
  lu.assertEquals(again.verdict, self.result.verdict)
  lu.assertEquals(again.stop, self.result.stop)
  for i = 1, 3 do
    lu.assertEquals(again.loss[i]:totable(), self.result.loss[i]:totable())
    lu.assertEquals(again.trace[i]:totable(), self.result.trace[i]:totable())
    lu.assertEquals(again.iterates[i]:totable(), self.result.iterates[i]:totable())
  end
  raises("/nowhere/at/all", function() self.result:save "/nowhere/at/all" end)
end

function TestAttackResult:test_csv()
  local path = os.tmpname()
  self.result:csv(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  os.remove(path)
  lu.assertEquals(lines[1], "sample,iterate,loss,score_0,score_1,score_2,reject,distance,gradient_norm")
  lu.assertEquals(#lines, 1 + #self.result.loss[1] + #self.result.loss[2] + #self.result.loss[3])
  local sample, iterate, loss = lines[2]:match "^(%d+),(%d+),([^,]+),"
  lu.assertEquals({ sample, iterate, tonumber(loss) }, { "1", "1", self.result.loss[1][1] })
end

-- Each iterate's gradient, nan where there was none; no column where nothing was searched for.
function TestAttackResult:test_csv_has_the_gradient_where_there_was_one()
  local path = os.tmpname()
  self.result:csv(path)
  local row = 0
  local norms, distances = self.result.gradient_norm[1], self.result.trace_distance[1]
  for line in io.lines(path) do
    if line:match "^1," then
      row = row + 1
      local distance, norm = line:match ",([^,]+),([^,]+)$"
      lu.assertEquals(tonumber(distance), distances[row])
      if norms[row] == norms[row] then lu.assertEquals(tonumber(norm), norms[row])
      else lu.assertStrContains(norm, "nan") end
    end
  end
  lu.assertEquals(row, #norms)
  self.result:rescore(self.model):csv(path)
  lu.assertEquals(io.lines(path)():match "[^,]+$", "distance")
  os.remove(path)
end

-- A network as well, with images: the shape goes along.
function TestAttackResult:test_on_a_net()
  local net = nn.new {
    input = { 1, 28, 28 }, classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, seed = 1,
    nn.flatten {}, nn.linear { out = 10, name = "fc" },
  }
  local digits = data.new { x = array.rand(20, 28, 28, { seed = 1 }), y = array.zeros(20) }
  local result = attack.fgsm { model = net, dmax = 0.1 }:run(digits)
  lu.assertEquals(result.shape, { 28, 28 })
  lu.assertEquals(result.model, "net")
  lu.assertAlmostEquals(result.distance:max(), 0.1, 1e-6)
end
