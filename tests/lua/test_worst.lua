-- Each sample's worst answer over several results.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

-- Score c of a sample is its feature c; rejects where none is above the threshold.
local function identity(threshold)
  local model = { classes = { 0, 1, 2 }, rejects = true }
  function model:scores(x)
    return array.concatenate({ x, array.ones(#x, 1) * threshold }, 2)
  end
  return model
end

local model = identity(0.3)
local x = array.new { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 1, 0, 0 } }
local y = { 0, 1, 2, 1 } -- the last one is wrong before
local samples = data.new { x = x, y = y }

local function judge(points, more)
  local options = { model = model, x0 = samples, x_adv = points }
  for key, value in pairs(more or {}) do options[key] = value end
  return attack.judge(options)
end

TestWorst = {}

function TestWorst:test_the_rule()
  -- evaded far; rejected; correct, hardly; wrong as before
  local a = judge({ { 0, 1, 0 }, { 0, 0.2, 0.1 }, { 0, 0.5, 0.6 }, { 1, 0, 0 } }, { name = "a" })
  -- evaded, nearer; correct; rejected, farther from evading than a's; correct
  local b = judge({ { 0.5, 0.6, 0 }, { 0, 0.9, 0.1 }, { 0, 0.1, 0.2 }, { 0, 1, 0 } }, { name = "b" })
  lu.assertEquals(a.verdict, { "evaded", "rejected", "correct", "wrong" })
  lu.assertEquals(b.verdict, { "evaded", "correct", "rejected", "correct" })
  for _, order in ipairs { { a, b }, { b, a } } do
    local w = attack.worst(order)
    lu.assertEquals(w.verdict, { "evaded", "rejected", "correct", "wrong" })
    local names = {}
    for i, k in ipairs(w.source:totable()) do names[i] = w.parts[k].name end
    lu.assertEquals(names, { "b", "a", "a", "a" })
    for i, name in ipairs(names) do
      local from = name == "a" and a or b
      for _, field in ipairs { "x_adv", "scores", "distance", "label", "loss", "trace" } do
        local got, expected = w[field][i], from[field][i]
        if type(got) == "userdata" then got, expected = got:totable(), expected:totable() end
        lu.assertEquals(got, expected, field)
      end
    end
    lu.assertEquals(model:scores(w.x_adv):totable(), w.scores:totable()) -- of the saved points
    lu.assertEquals(w.evaluations.scores:totable(), { 4, 4, 4, 4 })
  end
  lu.assertEquals(attack.worst({ a, a }).source:totable(), { 1, 1, 1, 1 }) -- of equals the first
end

-- A point without scores is worse for the attacker than any other.
function TestWorst:test_failed_comes_last()
  local nan = 0 / 0
  local failed = judge({ { nan, 0, 0 }, { nan, 0, 0 }, { nan, 0, 0 }, { nan, 0, 0 } }, { check = false })
  lu.assertEquals(failed:counts().failed, 4)
  lu.assertEquals(attack.worst({ failed, judge(x) }).source:totable(), { 2, 2, 2, 2 })
end

function TestWorst:test_targets()
  local far, near = judge({ { 0, 1, 0 }, { 0, 1, 0 }, { 1, 0, 0 }, { 0, 1, 0 } }, { target = 1 }),
    judge({ { 0.4, 0, 0.5 }, { 0, 0.9, 0 }, { 0, 0.5, 0.4 }, { 1, 0, 0 } }, { target = 1 })
  local w = attack.worst { far, near }
  lu.assertEquals(w.target:totable(), { 1, 1, 1, 1 })
  -- the target before any other class, the nearer one of two that hit
  lu.assertEquals(w.source:totable(), { 1, 1, 2, 1 })
  lu.assertEquals(w.hit, { true, true, true, true })
  local other = judge({ { 0, 0, 0.4 }, { 0, 1, 0 }, { 0, 0.5, 0.4 }, { 0, 1, 0 } }, { target = 2 })
  local mixed = attack.worst { far, other }
  lu.assertNil(mixed.target)
  lu.assertEquals(mixed.verdict[1], "evaded")
  lu.assertEquals(mixed.source:totable(), { 2, 1, 2, 1 })
end

function TestWorst:test_says_what_it_is_of()
  local a, b = judge(x, { name = "a", dmax = 1 }), judge(x * 0.5, { name = "b", dmax = 1, upper = 2 })
  local w = attack.worst { a, b, name = "both" }
  lu.assertEquals({ w.attack, w.params.attack, w.params.dmax, w.params.upper }, { "both", "both", 1 })
  lu.assertEquals(#w.parts, 2)
  local part = w.parts[2]
  lu.assertEquals({ part.name, part.samples, part.evaded, part.scores }, { "b", 4, 0, 8 })
  lu.assertEquals(w.parts[2].params.upper, 2)
  local lines = {}
  for line in tostring(w):gmatch "[^\n]+" do lines[#lines + 1] = line end
  lu.assertStrContains(lines[1], "both on lua: 4 samples: ")
  lu.assertEquals({ #lines, lines[3] }, { 4, "1 a         4       0       8          0" })
  lu.assertStrMatches(tostring(w[1]), "both on lua: class 0 → .*, by b")
  local nested = attack.worst { w, a }
  lu.assertEquals(nested.parts[1].params.parts[2].name, "b")
  lu.assertStrContains(tostring(nested), "\n  2 b ")
end

function TestWorst:test_files_and_judges()
  local shaken = attack.noise { model = model, dmax = 0.1, seed = 9007199254740993 }:run(samples)
  local w = attack.worst { judge(x * 0.9), shaken }
  local path = os.tmpname()
  local again = perigee.load(w:save(path))
  lu.assertEquals(again.source:totable(), w.source:totable())
  lu.assertEquals(again.params, w.params)
  lu.assertEquals(again.parts[2].params.seed, 9007199254740993) -- no double
  lu.assertEquals(again.parts[1].params.dmax, math.huge)
  lu.assertEquals(tostring(again), tostring(w))
  w:csv(path)
  os.remove(path)
  lu.assertEquals(w[2].source[1], w.source[2])
  local strict = w:rescore(identity(2))
  lu.assertEquals(strict:counts().rejected, 4)
  lu.assertEquals(strict.source:totable(), w.source:totable())
  lu.assertStrContains(plot.script("attack", w[1]), "plot")
end

function TestWorst:test_errors()
  local a = judge(x)
  local function of(...) return attack.worst { ... } end
  raises("attack.worst: results: expected a list of results, { r1, r2 }, got a table", of)
  raises("attack.worst: results: expected a list", attack.worst, a)
  raises("attack.worst: number 2: expected an attack's result, got 7", of, a, 7)
  raises("unknown option 'nam'; did you mean 'name'?", attack.worst, { a, nam = "n" })
  raises("name: expected a string", attack.worst, { a, name = 7 })
  raises("result 2 is of 1 samples of 3 features, result 1 of 4 of 3", of, a, a[1])
  raises("sample 1 of result 2 is another than that of result 1", of, a[1], a[2])
  raises("sample 4 has the label 0 in result 2, 1 in result 1", of, a, judge(x, { y = { 0, 1, 2, 0 } }))
  raises("result 2 has the norm linf, result 1 l2", of, a, judge(x, { norm = "linf" }))
  raises("result 2 is of the model nr, result 1 of lua", of, a,
    a:rescore(reject.new { model = svm.from { sv = x, alpha = x:transpose(), b = { 0, 0, 0 },
      classes = { 0, 1, 2 }, kernel = svm.linear() }, threshold = 0 }))
  local other = identity(0.3)
  other.classes = { 0, 1, 3 }
  raises("result 2 is of a model with other classes", of, a, attack.judge { model = other, x0 = x, x_adv = x,
    y = { 0, 1, 3, 1 } })
end
