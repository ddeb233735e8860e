-- attack.define: attacks written in Lua. FGSM and PGD rewritten find what those in C find, to the bit and at
-- the same price; they are attacks wherever attacks are taken; and no step breaks anything.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local models = dofile "tests/lua/bumps.lua"
local help = require "perigee.help"
local native = require "perigee.native"
local session = require "perigee.session"

local net = nn.load("mnist-cnn")
local digits = data.digits(12, { seed = 3 })
local few = data.digits(3, { seed = 4 })

-- Steps of attack.pgd with a fixed length, of attack.fgsm.
local function along_unit(state)
  return state.x - state:unit(state:gradient()) * state.options.eta
end

local function fast(state)
  return state.x - state:unit(state:gradient()) * state.dmax
end

attack.define { name = "unit_steps", options = { eta = 0.2 }, step = along_unit }
attack.define { name = "fast", options = { max_iter = 1, norm = "linf" }, answer = "last", step = fast }

-- An attack of that step alone, made anew.
local function of(step, more)
  local definition = { name = "tried", step = step }
  for key, value in pairs(more or {}) do definition[key] = value end
  return attack.define(definition)
end

-- Are these the same way to the same answer, at the same price?
local function check_same(a, b, words)
  for _, name in ipairs { "x_adv", "scores", "distance", "label" } do
    lu.assertTrue(a[name]:equal(b[name]), words .. ": " .. name)
  end
  lu.assertEquals(a.stop, b.stop, words)
  for _, name in ipairs { "scores", "gradients" } do
    lu.assertEquals(a.evaluations[name]:totable(), b.evaluations[name]:totable(), words)
  end
  for i = 1, #a do
    lu.assertTrue(a.loss[i]:equal(b.loss[i]), words)
    lu.assertEquals(tostring(a.gradient_norm[i]), tostring(b.gradient_norm[i]), words)
  end
end

TestSame = {}

function TestSame:test_fgsm()
  for _, norm in ipairs { "l2", "linf" } do
    local options = { model = net, norm = norm, dmax = 0.4 }
    check_same(attack.fast(options):run(digits), attack.fgsm(options):run(digits), norm)
  end
end

-- Under options that every attack has.
function TestSame:test_pgd()
  local each = {}
  for i = 1, #digits do each[i] = 0.2 * i end
  for words, more in pairs {
    l2 = { dmax = 1 }, l1 = { norm = "l1", dmax = 9, eta = 2 },
    linf = { norm = "linf", dmax = 0.2, eta = 0.03 },
    stops = { dmax = 2, early_stop = true }, targeted = { dmax = 2, target = 3 },
    each = { dmax = 1, target = "each", max_iter = 4 }, radii = { dmax = each },
    ["cross-entropy"] = { dmax = 1, objective = "cross_entropy" },
    restarts = { dmax = 1, restarts = 1, start_from = few }, bounds = { dmax = 1, lower = -0.1, upper = 0.9 },
    eps = { dmax = 1, eps = 1 }, means = { dmax = 1, samples = 2, max_queries = 11 },
  } do
    local options = { model = net, eta = 0.2, max_iter = 7, seed = 1 }
    for name, value in pairs(more) do options[name] = value end
    local samples = words == "bounds" and data.new { x = digits.x:clip(0, 0.9), y = digits.y } or digits
    check_same(attack.unit_steps(options):run(samples), attack.pgd(options):run(samples), words)
  end
end

-- Rows leave a pass later, so that their neighbours' products have another shape.
function TestSame:test_paid_for()
  local options = { model = net, dmax = 1, eta = 0.2, max_iter = 7, max_queries = array.arange(12) + 1 }
  local a, b = attack.unit_steps(options):run(digits), attack.pgd(options):run(digits)
  lu.assertTrue((a.x_adv - b.x_adv):abs():max() < 1e-6)
  lu.assertEquals(a.stop, b.stop)
  lu.assertEquals(a.evaluations.scores:totable(), b.evaluations.scores:totable())
  lu.assertEquals(a.evaluations.gradients:totable(), b.evaluations.gradients:totable())
end

-- Along the logarithm of kernels' sums, whose paths ascend.
function TestSame:test_along_the_logarithm()
  local machine = svm.new { kernel = svm.rbf(20), C = 10 }:fit(data.digits(60, { seed = 5 }))
  local defence = reject.new { model = machine, threshold = -0.5 }
  for _, queries in pairs { 99, 9 } do
    local options = { model = defence, dmax = 3, eta = 0.4, max_iter = 6, direction = "log",
      max_queries = queries }
    check_same(attack.unit_steps(options):run(few), attack.pgd(options):run(few), "log")
  end
  -- asked for by the step itself, it is the same way at the price of a score more for each step
  local own = of(function(state) return state.x - state:unit(state:gradient "log") * 0.4 end)
  local options = { model = defence, dmax = 3, max_iter = 6 }
  local r = own(options):run(few)
  options.eta, options.direction = 0.4, "log"
  local built_in = attack.pgd(options):run(few)
  lu.assertTrue(r.x_adv:equal(built_in.x_adv))
  lu.assertEquals((r.evaluations.scores - built_in.evaluations.scores):totable(), { 5, 5, 5 })
end

-- The nearest of the points that evade, within dmax or without one.
function TestSame:test_answers()
  local least = {}
  local nearest = of(function(state)
    local evades, distance = net:predict(state.x):ne(state.y), (state.x - state.x0):norm(2)
    for k = 1, #evades do
      local row = state.rows[k]
      if evades[k] == 1 then least[row] = math.min(least[row] or math.huge, distance[k]) end
    end
    -- on until it evades, then back and forth
    local sign = array.where(evades, -1, 1):reshape(#evades, 1) * (state.t % 3 + 1)
    return state.x - state:unit(state:gradient()) * sign * 0.1
  end, { answer = "nearest", options = { max_iter = 15 } })
  local r = nearest({ model = net, dmax = 9 }):run(digits)
  lu.assertTrue(nearest {}.minimal)
  lu.assertFalse(attack.fast {}.minimal)
  for i = 1, #r do
    lu.assertTrue(r.verdict[i] == "evaded" or least[i] == nil)
    lu.assertTrue(r.distance[i] <= (least[i] or math.huge) + 1e-6)
  end
  lu.assertTrue(nearest({ model = net, dmax = math.huge }):run(digits).x_adv:equal(r.x_adv))
  raises("unknown option 'start_from'", nearest, { start_from = few })
  local last = of(function(state) return state.x0 end, { answer = "last" })
  local back = last { model = net, dmax = 1, start = digits.x:clip(0.1, 1) }
  lu.assertTrue(back:run(digits).x_adv:equal(digits.x))
end

---------------------------------------------------------------------------------------------------
-- What a step is given

TestState = {}

-- By a model whose gradient is written by hand.
function TestState:test_what_it_shows_and_answers()
  local model = models.new(-1, { gradient_is = "surrogate" })
  local x = array.new { { 0.1, 0.2, 0.8 }, { 0.8, 0.1, 0.2 }, { 0.2, 0.8, 0.1 } }
  local samples = data.new { x = x, y = { 0, 1, 2 } }
  local calls = 0
  local probe = of(function(state)
    calls = calls + 1
    local scores, loss = state:score(state.x * 0.5)
    lu.assertTrue(state.x0:equal(x))
    lu.assertTrue(state.scores:eq(model:scores(state.x)):all())
    lu.assertTrue(scores:eq(model:scores(state.x * 0.5)):all())
    lu.assertEquals({ loss.dtype, loss.shape }, { "f64", { 3 } })
    local w = array.randn(3, 4, { seed = calls }):astype "f64"
    lu.assertTrue(state:gradient(w):sub(model:gradient(state.x, w)):abs():max() < 1e-6)
    lu.assertTrue(state:gradient(w, state.x * 0.5):sub(model:gradient(state.x * 0.5, w)):abs():max() < 1e-6)
    local there, found, losses = state:gradient(nil, state.x * 0.5)
    lu.assertTrue(found:equal(scores) and losses:equal(loss))
    lu.assertTrue(state:gradient(nil, state.x):equal(state:gradient()))
    lu.assertEquals(there.shape, { 3, 3 })
    lu.assertEquals(state.dmax:totable(), { { 0.1 }, { 0.2 }, { 0.3 } })
    lu.assertEquals({ state.t, state.steps, state.norm, state.rejects }, { calls, 2, "l2", true })
    lu.assertEquals({ state.y:totable(), state.target:totable() }, { { 0, 1, 2 }, { 1, 2, 0 } })
    lu.assertEquals({ state.columns:totable(), state.target_columns:totable() }, { { 1, 2, 3 }, { 2, 3, 1 } })
    lu.assertEquals({ state.classes, state.rows:totable() }, { { 0, 1, 2 }, { 1, 2, 3 } })
    lu.assertEquals(state.options, { depth = 3, way = "b", of = 4, on = true, f = math.abs })
    local moved = state:project(state.x + 1)
    lu.assertTrue((moved - x):norm(2):le(state.dmax:reshape(3)):all())
    lu.assertTrue(moved:equal(state:project(moved:astype "f64")))
    state.x = state.x + 0.01
    lu.assertTrue(state.x:sum() > state.x0:sum())
  end, { options = { depth = 3, way = { "a", words = { "a", "b" } }, of = { type = "number" }, on = false,
    f = { type = "function" } } })
  local made = probe { model = model, dmax = { 0.1, 0.2, 0.3 }, target = { 1, 2, 0 }, max_iter = 2, way = "b",
    of = 4, on = true, f = math.abs }
  local r = made:run(samples)
  -- the start, two steps, and in each: two scores, one by three gradients that need one, their points
  lu.assertEquals(r.evaluations.scores:totable(), { 9, 9, 9 })
  lu.assertEquals(r.evaluations.gradients:totable(), { 10, 10, 10 })
  lu.assertEquals(calls, 2)
end

-- The margin's gradient, differentiated in the step itself.
function TestState:test_a_gradient_of_the_steps_own()
  local own = of(function(state)
    local value, g = grad.value(function(x)
      local scores = net:scores(x)
      local others = scores - array.onehot(state.y, 10) * 1e6
      return (scores:gather(state.y:reshape(#state.y, 1) + 1, 2) - others:max(2, { keepdims = true })):sum()
    end, state.x)
    lu.assertAlmostEquals(value, state.loss:sum(), 1e-4)
    lu.assertTrue((g - state:gradient()):abs():max() < 1e-5)
    return state.x - 0.3 * state:unit(g)
  end)
  lu.assertTrue(own({ model = net, dmax = 2, max_iter = 5 }):run(digits):counts().evaded > 6)
end

-- What rows keep goes with them, and begins anew with every search.
function TestState:test_memory_follows_the_rows()
  local begun = 0
  local leaving = of(function(state)
    local m = state.memory
    if state.t == 1 then
      lu.assertNil(m.rows)
      lu.assertNil(state.keep.steps)
      begun = begun + 1
    end
    m.rows, m.word = m.rows or state.rows:copy(), "word"
    m.wide = m.wide or state.x0 * 2
    lu.assertTrue(m.rows:equal(state.rows))
    lu.assertTrue(m.wide:equal(state.x0 * 2))
    lu.assertEquals(m.word, "word")
    state.keep.steps = (state.keep.steps or 0) + 1
    lu.assertEquals(state.keep.steps, state.t)
    state.stop = (state.rows % 4):eq(state.t % 4)
    return state.x + 0.01
  end)
  local r = leaving({ model = net, dmax = 2, restarts = 1, max_iter = 4, seed = 1 }):run(digits)
  lu.assertEquals(begun, 2)
  lu.assertEquals(r.stop[1], "ended")
end

-- Each row's numbers are its own: alone, in a batch, again.
function TestState:test_random_numbers()
  local seen = {}
  local scatter = of(function(state)
    local last = state:random("normal", 2)
    seen[#seen + 1] = last
    for kind, bound in pairs { uniform = 1, sign = 1, ball = 1, direction = 1 } do
      local norm = kind == "ball" or kind == "direction"
      local numbers = state:random(kind)
      local size = norm and numbers:norm(2) or numbers:abs()
      lu.assertTrue(size:max() <= bound + 1e-6 and size:max() > 0.5, kind)
    end
    return state.x0 + state:random() * 0.1
  end, { answer = "last", options = { max_iter = 2 } })
  local options = { model = net, dmax = 9, seed = 7 }
  local all = scatter(options):run(digits)
  lu.assertTrue(all.x_adv:equal(scatter(options):run(digits).x_adv))
  lu.assertTrue(all[5].x_adv:equal(scatter(options):run(digits[5]).x_adv))
  lu.assertFalse(all.x_adv:equal(scatter({ model = net, dmax = 9, seed = 8 }):run(digits).x_adv))
  lu.assertFalse(seen[1]:equal(seen[2]))
  lu.assertNotEquals(seen[1][1][1], seen[1][2][1])
  seen = {}
  scatter({ model = net, dmax = 1, seed = 7, restarts = 1 }):run(digits)
  lu.assertFalse(seen[1]:equal(seen[3]))
  lu.assertAlmostEquals(array.concatenate({ seen[1], seen[2], seen[3], seen[4] }):mean(), 0, 0.4)
end

-- What has just been scored, or stands where it stood, is not scored again; what counts is the same.
function TestState:test_known_points_cost_nothing()
  local function greedy(again)
    return of(function(state)
      local tried = state:project(state.x + 0.2 * state:random())
      local _, loss = state:score(tried)
      if again then state:score(state.x * 0.5) end
      return array.where(loss:lt(state.loss):reshape(#loss, 1), tried, state.x)
    end, { patience = math.huge, options = { max_iter = 10 } })({ model = net, dmax = 3, seed = 2 })
  end
  local r = greedy():run(digits)
  lu.assertEquals(r.evaluations.scores:totable(), (array.zeros(12) + 11):astype("i32"):totable())
  local more = greedy(true):run(digits)
  lu.assertTrue((r.x_adv - more.x_adv):abs():max() < 1e-6)
  lu.assertTrue((r.scores - more.scores):abs():max() < 1e-3)
  lu.assertTrue((more.evaluations.scores - r.evaluations.scores):min() > 10)
  for i = 1, #r do
    lu.assertTrue((r.trace[i] - net:scores(r[i].x_adv)):slice({ -1, -1 }):abs():max() < 1e-3)
    lu.assertTrue(r.loss[i][-1] < r.loss[i][1])
  end
end

-- A sample whose queries are spent is told nothing, and its point counts for nothing.
function TestState:test_queries_that_cannot_be_paid_for()
  local greedy = of(function(state)
    local _, loss = state:score(state.x * 0.9)
    state:score(state.x * 0.8)
    local g = state:gradient()
    return array.where(loss:lt(math.huge):reshape(#loss, 1), state.x - state:unit(g), 0 / 0)
  end)
  local r = greedy({ model = net, dmax = 9, max_iter = 3, max_queries = array.arange(12) + 1 }):run(digits)
  local spent = r.evaluations.scores + r.evaluations.gradients
  -- the start; a step takes two scores, a gradient and the score of its end, which it must keep in hand
  lu.assertEquals(spent:totable(), { 1, 1, 2, 3, 5, 5, 6, 7, 9, 9, 10, 11 }, tostring(spent))
end

---------------------------------------------------------------------------------------------------
-- As an attack

TestAsAttack = {}

function TestAsAttack:test_it_is_one()
  local made = attack.unit_steps { model = net, dmax = 1, eta = 0.3, max_iter = 5 }
  lu.assertEquals(tostring(made),
    "attack.unit_steps: l2, dmax 1, max_iter 5, eta 0.3, bounds 0 … 1, model net")
  lu.assertEquals({ made.name, made.eta, made:with({ eta = 1 }).eta, made:get "eta" },
    { "unit_steps", 0.3, 1, 0.3 })
  made.eta = nil
  lu.assertEquals(made.eta, 0.2)
  raises("attack.unit_steps: unknown option 'etta'; did you mean 'eta'?", attack.unit_steps, { etta = 1 })
  raises("attack.unit_steps: eta: expected a number, got the string \"x\"", attack.unit_steps, { eta = "x" })
  lu.assertStrContains(tostring(made:run(digits)), "unit_steps on net: 12 samples")
end

-- Every option that attacks have in common: those of attack.pgd but the ones of its steps.
function TestAsAttack:test_common_options()
  local has, own = {}, { eta = true, step = true, step_schedule = true, largest = true }
  for _, option in ipairs(native.described("attack.fast").options) do has[option[1]] = true end
  for _, option in ipairs(native.described("attack.pgd").options) do
    lu.assertTrue(has[option[1]] or own[option[1]], option[1])
  end
end

function TestAsAttack:test_among_others()
  local mine = attack.unit_steps { eta = 0.3, max_iter = 8 }
  local both = attack.ensemble { attack.fgsm { norm = "l2" }, mine }
  local r = both:run(digits, { model = net, dmax = 1 })
  lu.assertEquals(r.parts[2].name, "unit_steps")
  lu.assertEquals(r.parts[2].params.eta, 0.3)
  local alone = mine:run(digits, { model = net, dmax = 1 })
  lu.assertEquals(r:counts().evaded, alone:counts().evaded)
  lu.assertEquals(#attack.worst { alone, r }, 12)
  local s = evaluate.security { models = { net = net }, attack = mine, data = few, dmax = { 0, 1 } }
  lu.assertStrContains(tostring(s), "unit_steps")
  local found = evaluate.diagnose { model = net, attack = mine:with { dmax = 1 }, data = few }
  lu.assertStrContains(tostring(found), "unit_steps")
  local path = os.tmpname()
  for _, from in ipairs { alone, perigee.load(alone:save(path)), r } do
    local again = attack.from(from, { model = net })
    lu.assertTrue(again:run(digits).x_adv:equal(from.x_adv))
  end
  local back = {}
  rawset(_G, "mine", mine)
  session.save(path, "mine")
  session.restore(path, { into = back })
  lu.assertEquals(back.mine.eta, 0.3)
  rawset(_G, "mine", nil)
  os.remove(path)
end

-- A session that lacks the definition says so.
function TestAsAttack:test_read_where_it_is_not_defined()
  local path, kept, script = os.tmpname(), os.tmpname(), os.tmpname()
  attack.fast({ model = net, dmax = 1 }):run(few):save(path)
  rawset(_G, "mine", attack.fast {})
  session.save(kept, "mine")
  rawset(_G, "mine", nil)
  local file <close> = assert(io.open(script, "w"))
  file:write(([[
    local r = perigee.load(%q)
    print(r.attack, r, pcall(attack.from, r))
    print(pcall(restore, %q))
  ]]):format(path, kept))
  file:close()
  local pipe <close> = assert(io.popen(('"$PERIGEE" --quiet \'%s\' 2>&1'):format(script)))
  local said = pipe:read "a"
  lu.assertStrContains(said, "fast on net: 3 samples")
  lu.assertStrContains(said, "attack.from: result: attack.fast is not defined in this session: run the file")
  lu.assertStrContains(said, "restore: attack.fast is not defined in this session")
  for _, name in ipairs { path, kept, script } do os.remove(name) end
end

-- Nor is another attack made of that name.
function TestAsAttack:test_read_where_it_is_defined_otherwise()
  local function step(state) return state.x end
  local made = attack.define { name = "anew", step = step, options = { eta = 0.2 } }
  local r = made({ model = net, dmax = 1, eta = 0.3 }):run(few)
  lu.assertEquals(attack.from(r).eta, 0.3)
  attack.define { name = "anew", step = step, options = { other = 3 } }
  raises("its attack had the option eta, which attack.anew of this session has not", attack.from, r)
  attack.define { name = "anew", step = step, options = { eta = 0.2, other = 3 } }
  raises("attack.anew of this session has the option other, which the result's had not", attack.from, r)
end

function TestAsAttack:test_help_and_completion()
  local entry = help.find "attack.unit_steps"
  local names = {}
  for _, option in ipairs(entry.options) do names[option[1]] = option[2] end
  lu.assertEquals({ names.eta, names.norm }, { "number", '"l1"|"l2"|"linf"' })
  local candidates = require("perigee.complete").candidates
  lu.assertEquals(candidates("attack.unit_s"), { "unit_steps" })
  lu.assertStrContains(table.concat(candidates "attack.unit_steps { et", " "), "eta")
end

-- Those that were made before stay what they were.
function TestAsAttack:test_defined_anew()
  local first = of(along_unit, { summary = "the first", options = { eta = 0.2 } })
  local before = first { model = net, dmax = 1, max_iter = 2 }
  local r = before:run(few)
  lu.assertStrContains(help.find("attack.tried").text, "the first")
  local second = of(fast, { summary = "the second", options = { length = 1.0, max_iter = 1 } })
  collectgarbage()
  collectgarbage()
  lu.assertTrue(rawequal(attack.tried, second))
  lu.assertTrue(before:run(few).x_adv:equal(r.x_adv))
  lu.assertEquals({ before.eta, first({}).eta, second({}).length }, { 0.2, 0.2, 1.0 })
  raises("unknown option 'eta'", second, { eta = 1 })
  local entry, count = help.find "attack.tried", 0
  lu.assertStrContains(entry.text, "the second")
  for _, name in ipairs(native.described()) do count = count + (name == "attack.tried" and 1 or 0) end
  lu.assertEquals(count, 1)
end

---------------------------------------------------------------------------------------------------
-- Definitions and steps that are wrong

TestWrong = {}

function TestWrong:test_definitions()
  local function wrong(words, definition)
    if type(definition) == "table" then
      definition.name = definition.name or "wrong"
      definition.step = definition.step or fast
    end
    raises(words, attack.define, definition)
  end
  wrong("attack.define: definition: expected a table", 3)
  wrong("attack.define: unknown option 'stp'; did you mean 'step'?", { stp = fast })
  wrong("attack.define: name: pgd is one of the program's own", { name = "pgd" })
  wrong("attack.define: name: define is one of the program's own", { name = "define" })
  for _, name in ipairs { "two words", "end", "a.b", "1st", ("x"):rep(25), 3, "é" } do
    wrong("attack.define: name: expected a name", { name = name })
  end
  wrong("attack.define: step: expected a function(state)", { step = 3 })
  wrong('answer: expected "best", "last" or "nearest", got the string "first"', { answer = "first" })
  wrong("attack.define: patience: expected an integer of 1 or more", { patience = 0 })
  wrong("attack.define: options: name: an attack has something else by that name", { options = { name = 1 } })
  wrong("attack.define: options: dmax has no default", { options = { dmax = 1 } })
  wrong("attack.define: options: norm: expected", { options = { norm = "l3" } })
  wrong("attack.define: options: expected names", { options = { ["a b"] = 1 } })
  wrong("attack.define: options: a: unknown option 'lo'", { options = { a = { 1, lo = 0 } } })
  wrong("attack.define: options: a: type: expected", { options = { a = {} } })
  wrong("attack.define: options: a: of the type function there is no default", { options = { a = print } })
  wrong("attack.define: options: a: words: a word is one of some", { options = { a = "b" } })
  wrong("options: a: default: expected one of the words", { options = { a = { "c", words = { "b" } } } })
  wrong("attack.define: options: a: expected a number from 2 to 3, got 1",
    { options = { a = { 1.0, low = 2, high = 3 } } })
  local many = {}
  for i = 1, 17 do many["a" .. i] = i end
  wrong("attack.define: options: expected at most 16 of its own, got 17", { options = many })
  lu.assertNil(rawget(attack, "wrong"))
end

-- Raised at the user's line, and nothing is left behind.
function TestWrong:test_steps()
  local function wrong(words, step)
    raises(words, function() return of(step) { model = net, dmax = 1, max_iter = 3 }:run(few) end)
  end
  local points = "attack.tried: step: the next points: expected an array f32 or f64 [3x784], got "
  wrong(points .. "nothing", function() end)
  wrong(points .. "3; the function is at tests/lua/test_define.lua:", function() return 3 end)
  wrong(points .. "an array f32[1x784]", function(state) return state.x:slice({ 1, 1 }) end)
  wrong(points .. "an array i32[3x784]", function(state) return state.x:gt(0) end)
  wrong("attack.tried: step: the point of sample 2: feature 7 is nan", function(state)
    local x = state.x:copy()
    x:set(0 / 0, 2, 7)
    return x
  end)
  wrong("feature 1 is infinite", function(state) return state.x:astype "f64" + 1e39 end)
  wrong("test_define.lua:", function() error "boom" end)
  wrong("attack.tried: the step raised the table", function() error {} end)
  wrong("a state has no 'gradeint'; did you mean gradient?", function(state) state:gradeint() end)
  wrong("attack.tried: the step called coroutine.yield", function() coroutine.yield() end)
  wrong("stack overflow", function() local function f() return f() + 1 end return f() end)
  wrong("read-only", function(state) state.x:set(1, 1, 1) end)
  wrong("state: y cannot be set", function(state) state.y = 1 end)
  wrong("state.x: expected an array", function(state) state.x = 1 end)
  wrong("state.stop: expected a mask [3], got true", function(state) state.stop = true end)
  wrong("state:gradient: weights: expected [3x10]", function(state) state:gradient { 1 } end)
  wrong('state:gradient: direction: expected "gradient", "log"', function(state) state:gradient "up" end)
  wrong("state:score: points: expected an array", function(state) state:score(3) end)
  wrong("state:project: the point of sample 1: feature 1 is nan", function(state)
    state:project(state.x * (0 / 0))
  end)
  wrong('state:random: kind: expected "normal"', function(state) state:random "cauchy" end)
  wrong("state:random: width: expected an integer", function(state) state:random("sign", 0) end)
  wrong("closed", function(state)
    do local _ <close> = state end
    return state.x
  end)
end

-- A model that is flat: what is divided by the gradient's length tells why it is not a number.
function TestWrong:test_a_gradient_of_0()
  local flat = { classes = { 0, 1 }, features = 784, gradient_is = "surrogate" }
  function flat.scores(_, x) return array.ones(#x, 2) * array.new { 1, 0 } end
  function flat.gradient(_, x) return array.zeros(x.shape) end
  local divides = of(function(state)
    local g = state:gradient()
    return state.x - g / g:norm(2, { keepdims = true })
  end)
  raises("the point of sample 1: feature 1 is nan (its gradient is 0", function()
    divides({ model = flat, dmax = 1 }):run(few.x, { y = 0 })
  end)
  local r = of(along_unit, { options = { eta = 1.0 } })({ model = flat, dmax = 1 }):run(few.x, { y = 0 })
  lu.assertEquals(r.stop, { "still", "still", "still" })
end

-- A state outlives its step as a value alone; a run that failed is collected.
function TestWrong:test_what_is_left()
  local kept
  local keeps = of(function(state)
    kept = state
    return along_unit(setmetatable({ options = { eta = 0.1 } }, { __index = function(_, key)
      if type(state[key]) ~= "function" then return state[key] end
      return function(_, ...) return state[key](state, ...) end
    end }))
  end)
  keeps({ model = net, dmax = 1, max_iter = 2 }):run(few)
  raises("state:gradient: the step has ended", kept.gradient, kept)
  raises("state: the step has ended", function() return kept.t end)
  raises("the step has ended", function() kept.x = 1 end)
  lu.assertStrContains(tostring(kept), "attack.tried")
  local weak = setmetatable({}, { __mode = "k" })
  local failing = of(function(state)
    weak[state] = true
    weak[state.memory] = true
    error "boom"
  end)
  lu.assertFalse(pcall(failing({ model = net, dmax = 1 }).run, failing { model = net, dmax = 1 }, few))
  kept, keeps, failing = nil, nil, nil -- luacheck: ignore
  of(fast)
  collectgarbage()
  collectgarbage()
  lu.assertNil(next(weak))
end

-- In a coroutine, in the step of another, in its own.
function TestWrong:test_nested()
  local depth, model = 0, net
  local nested = of(function(state)
    depth = depth + 1
    if depth == 1 then
      attack.tried({ model = model, dmax = 0.1, max_iter = 2 }):run(few)
      attack.pgd({ model = model, dmax = 0.1, max_iter = 2 }):run(digits)
    end
    return coroutine.wrap(function() return state.x - state:unit(state:gradient()) * 0.2 end)()
  end) { model = net, dmax = 1, max_iter = 5 }
  local r = coroutine.wrap(function() return nested:run(few) end)()
  check_same(r, attack.pgd({ model = net, dmax = 1, eta = 0.2, max_iter = 5 }):run(few), "nested")
end
