-- Several attacks as one.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local models = dofile "tests/lua/bumps.lua"

local function bumps(threshold)
  return models.new(threshold, { gradient_is = "surrogate" })
end

-- Between the centres of 0 and 1, farther and farther from the middle; the last one is wrong before.
local n = 8
local rows, labels = {}, {}
for i = 1, n do
  local t = 0.05 * (i - 1)
  rows[i] = { 0.45 - t, 0.1, 0.55 + t }
  labels[i] = 0
end
rows[n], labels[n] = { 0.5, 0.2, 0.5 }, 2
local x = array.new(rows)
local samples = data.new { x = x, y = labels }

-- Three attacks, each of which goes farther.
local function parts_of(model)
  return attack.pgd { model = model, dmax = 0.5, eta = 0.02, max_iter = 4 },
    attack.pgd { model = model, dmax = 0.5, eta = 0.05, max_iter = 4 },
    attack.pgd_exp { model = model, dmax = 0.5 }
end

local function three(model)
  return attack.ensemble { parts_of(model) }
end

TestEnsemble = {}

function TestEnsemble:test_each_on_what_is_left()
  local model = bumps(-1)
  local r = three(model):run(samples)
  local left, evaded, scores, gradients = n - 1, 0, n, 0
  lu.assertEquals(#r.parts, 3)
  for k, part in ipairs(r.parts) do
    lu.assertEquals(part.samples, left, k)
    left = left - part.evaded
    lu.assertEquals(part.left, left, k)
    lu.assertTrue(part.evaded > 0, k)
    lu.assertTrue(part.seconds >= 0)
    evaded, scores, gradients = evaded + part.evaded, scores + part.scores, gradients + part.gradients
  end
  lu.assertEquals(r:counts().evaded, evaded)
  lu.assertEquals({ r.evaluations.scores:sum(), r.evaluations.gradients:sum() }, { scores, gradients })
  lu.assertEquals(model.gradient_rows, gradients)
  lu.assertEquals(bumps(-1):scores(r.x_adv):totable(), r.scores:totable()) -- of the saved points
  lu.assertEquals(r.attack, "ensemble")
  for i = 1, n do lu.assertNotEquals(r.stop[i], "interrupted") end
end

-- A seed of its own counts where a run gives none; and in what is made of it.
function TestEnsemble:test_its_own_seed()
  local model = bumps(-1)
  local e = attack.ensemble { attack.noise { model = model, dmax = 0.4 },
    attack.pgd { model = model, dmax = 0.4, restarts = 2 }, seed = 5 }
  local by_run = e:with({ seed = 9 }):run(samples, { seed = 5 })
  for _, other in ipairs { e, e:with { dmax = 0.4 }, attack.ensemble { e[1], e[2], seed = 5.0 },
    attack.from(by_run, { model = model }) } do
    local r = other:run(samples)
    lu.assertEquals({ other.seed, r.seed }, { 5, 5 })
    lu.assertEquals(r.x_adv:totable(), by_run.x_adv:totable())
  end
  lu.assertNotEquals(e:run(samples, { seed = 6 }).x_adv:totable(), by_run.x_adv:totable())
  e.seed = nil
  lu.assertEquals(e.seed, nil)
  raises("attack.ensemble: seed: expected an integer, got 1.5", e.set, e, { seed = 1.5 })
end

-- What each says of itself is what it does alone.
function TestEnsemble:test_parts_are_their_own_attacks()
  local model = bumps(-1)
  local first, second = parts_of(model)
  local r = attack.ensemble { first, second }:run(samples)
  local a, b = first:run(samples), second:run(samples)
  for i = 1, n do
    local from = a.verdict[i] == "evaded" and a or b
    if i < n and from.verdict[i] == "evaded" then
      lu.assertEquals(r.x_adv[i]:totable(), from.x_adv[i]:totable(), i)
      lu.assertEquals(r.loss[i]:totable(), from.loss[i]:totable())
      lu.assertEquals(r.source[i], from == a and 1 or 2)
    end
  end
  lu.assertEquals(r.parts[1].text, tostring(first))
  lu.assertEquals(r.parts[2].params.eta, 0.05)
  lu.assertEquals({ r.params.dmax, r.params.norm, r.params.eta }, { 0.5, "l2" })
end

function TestEnsemble:test_wrong_before_and_failed_are_left_alone()
  local model = bumps(-1)
  local scores = model.scores
  function model:scores(points)
    local s = scores(self, points)
    for i = 1, #points do
      if points:at(i, 2) == 0 then s[i] = s[i] * (0 / 0) end
    end
    return s
  end
  local odd = array.new { rows[1], { 0.3, 0, 0.7 }, rows[n], rows[7] }
  local r = three(model):run(odd, { y = { 0, 0, 2, 0 } })
  lu.assertEquals(r.parts[1].samples, 2)
  lu.assertEquals(r.source[2], 0)
  lu.assertEquals(r.source[3], 0)
  lu.assertEquals(r.verdict[2], "failed")
  lu.assertEquals(r.verdict[3], "wrong")
  lu.assertEquals(r.evaluations.scores[3], 1)
  lu.assertEquals(r.evaluations.gradients[3], 0)
  lu.assertEquals(r.x_adv[3]:totable(), odd[3]:totable())
  lu.assertEquals(#r.loss[3], 2)
  -- nothing to do at all
  local none = three(bumps(-1)):run(x[n], { y = 2 })
  lu.assertEquals({ none.verdict[1], none.source[1], none.params.dmax }, { "wrong", 0, 0.5 })
  lu.assertEquals({ none.parts[3].samples, none.parts[3].scores, none.parts[3].name }, { 0, 0, "pgd_exp" })
  lu.assertStrMatches(tostring(none), ".*1 scores, 0 gradients%)")
end

function TestEnsemble:test_all_attack_all()
  local e = three(bumps(-1))
  e.all = true
  local r = e:run(samples)
  for _, part in ipairs(r.parts) do lu.assertEquals(part.samples, n - 1) end
  local each = {}
  for k, part in ipairs { parts_of(bumps(-1)) } do each[k] = part:run(samples) end
  for i = 1, n - 1 do
    local least = math.huge
    for _, alone in ipairs(each) do
      if alone.verdict[i] == "evaded" then least = math.min(least, alone.distance[i]) end
    end
    if least < math.huge then lu.assertEquals(r.distance[i], least, i) end
  end
  lu.assertStrContains(tostring(e), "3 parts, each on all samples")
end

function TestEnsemble:test_seeds()
  local model = bumps(-1)
  local e = attack.ensemble {
    attack.noise { model = model, dmax = 0.1 }, attack.noise { dmax = 0.1 },
    attack.ensemble { attack.noise { dmax = 0.1 }, attack.noise { dmax = 0.1 } },
  }
  local a, b, c = e:run(samples, { seed = 7 }), e:run(samples, { seed = 7 }), e:run(samples, { seed = 8 })
  lu.assertEquals(a.x_adv:totable(), b.x_adv:totable())
  lu.assertNotEquals(a.x_adv:totable(), c.x_adv:totable())
  lu.assertEquals(a.seed, 7)
  local seeds, seen = {}, {}
  for _, parts in ipairs { a.parts, a.parts[3].params.parts } do
    for _, part in ipairs(parts) do
      if part.params.seed then seeds[#seeds + 1] = part.params.seed end
    end
  end
  for _, seed in ipairs(seeds) do seen[seed] = true end
  local count = 0
  for _ in pairs(seen) do count = count + 1 end
  lu.assertEquals({ #seeds, count, seeds[1] }, { 5, 4, 7 }) -- the third's first part has the third's
  local again = e:with({ seed = 7 })
  lu.assertEquals(again.seed, 7)
  lu.assertEquals(again:run(samples).x_adv:totable(), a.x_adv:totable())
  lu.assertEquals(a.parts[1].params.seed, attack.noise({ model = model, dmax = 0.1 }):run(samples,
    { seed = 7 }).seed)
end

function TestEnsemble:test_labels_targets_and_models()
  local first, second = parts_of(nil)
  local e = attack.ensemble { first, second }
  raises("attack.ensemble: no model: give one as model", e.run, e, samples)
  local model = bumps(-1)
  local untold = e:run(x, { model = model })
  lu.assertEquals(untold.y:totable(), first:run(x, { model = model }).y:totable())
  local told = e:run(x, { model = model, y = labels })
  lu.assertEquals(told.y:totable(), labels)
  -- one target a sample goes with its sample
  local wanted = { 1, 1, 2, 1, 1, 2, 1, 1 }
  local exp = attack.pgd_exp { dmax = 1.2 }
  local hits = attack.ensemble { first, second, exp }:run(samples, { model = model, target = wanted })
  lu.assertEquals(hits.target:totable(), wanted)
  lu.assertEquals(hits:counts().hit, exp:run(samples, { model = model, target = wanted }):counts().hit)
  lu.assertTrue(hits.parts[3].samples < n)
  lu.assertEquals(hits.parts[3].left, n - hits:counts().hit)
  local own = attack.ensemble { exp:with { target = wanted, eta = 0.01, max_iter = 2 },
    exp:with { target = wanted } }
  lu.assertEquals(own:run(samples, { model = model }).hit, hits.hit)
  local other = attack.ensemble { first:with { model = model }, second:with { model = bumps(-1) } }
  raises("the parts attack different models: give one as model = … here", other.run, other, samples)
  lu.assertEquals(#other:run(samples, { model = model }), n)
end

function TestEnsemble:test_images_keep_their_shape()
  local net = nn.new { input = { 1, 28, 28 }, classes = { 0, 1 }, seed = 1, nn.flatten {},
    nn.linear { out = 2, name = "fc" } }
  local digits = data.new { x = array.rand(4, 28, 28, { seed = 1 }), y = { 0, 1, 0, 1 } }
  local e = attack.ensemble { attack.fgsm { model = net, dmax = 0.001 }, attack.fgsm { dmax = 0.3 } }
  local r = e:run(digits)
  lu.assertEquals(r.shape, { 28, 28 })
  lu.assertEquals(r.params.dmax, nil) -- they have different ones
  lu.assertTrue(r.parts[2].samples < 4)
end

function TestEnsemble:test_nested()
  local model = bumps(-1)
  local first, second, third = parts_of(model)
  local flat = attack.ensemble { first, second, third }:run(samples)
  local deep = attack.ensemble { attack.ensemble { first, second, name = "short" }, third, name = "deep" }
  local r = deep:run(samples)
  lu.assertEquals(r.verdict, flat.verdict)
  lu.assertEquals(r.x_adv:totable(), flat.x_adv:totable())
  lu.assertEquals(#r.parts, 2)
  lu.assertEquals(r.parts[1].name, "short")
  lu.assertEquals(r.parts[1].params.parts[2].evaded, flat.parts[2].evaded)
  lu.assertEquals(tostring(deep), ("attack.deep: 2 parts, each on what the earlier ones left\n"
    .. "  1 attack.short: 2 parts, each on what the earlier ones left\n    1 %s\n    2 %s\n  2 %s")
    :format(first, second, third))
  deep.dmax = 0.01
  lu.assertEquals(deep[1][2].dmax, 0.01)
  lu.assertEquals(first.dmax, 0.5) -- parts are copies
  third.dmax = 9
  lu.assertEquals(attack.ensemble({ third }):with({})[1].dmax, 9)
  lu.assertEquals(deep[2].dmax, 0.01)
  local alone = attack.ensemble { third }
  third.dmax = 7
  lu.assertEquals(alone[1].dmax, 9)
end

function TestEnsemble:test_prints_and_keeps_what_each_did()
  local r = three(bumps(-1)):run(samples)
  local lines = {}
  for line in tostring(r):gmatch "[^\n]+" do lines[#lines + 1] = line end
  lu.assertStrContains(lines[1], "ensemble on lua: 8 samples: ")
  lu.assertStrMatches(lines[2], "part +samples +evaded +left +scores +gradients +seconds")
  local part = r.parts[3]
  lu.assertStrMatches(lines[5], ("3 pgd_exp +%d +%d +%d +%d +%d +%%d.%%d%%d"):format(part.samples,
    part.evaded, part.left, part.scores, part.gradients))
  lu.assertEquals(#lines, 5)
  local path = os.tmpname()
  local again = perigee.load(r:save(path))
  os.remove(path)
  lu.assertEquals(tostring(again), tostring(r))
  lu.assertEquals(again.parts, r.parts)
  lu.assertEquals(again.source:totable(), r.source:totable())
  lu.assertStrContains(tostring(r[1]), "ensemble on lua: class 0 → ")
  lu.assertStrContains(plot.script("attack", r[1]), "plot")
end

function TestEnsemble:test_options()
  local e = three(bumps(-1))
  lu.assertEquals({ #e, e.name, e.all, e.norm, e.dmax }, { 3, "ensemble", false, "l2", 0.5 })
  lu.assertEquals(e:get "dmax", 0.5)
  lu.assertNil(e.eta) -- they have different ones
  local wide = e:with { dmax = 2, name = "wide" }
  lu.assertEquals({ wide.dmax, wide[3].dmax, wide.name, e.dmax, e.name }, { 2, 2, "wide", 0.5, "ensemble" })
  e.dmax = nil
  lu.assertNil(e[2].dmax)
  lu.assertEquals(e:set { dmax = 1, all = true }, e)
  lu.assertEquals({ e.dmax, e.all }, { 1, true })
  e.lower = { 0, 0, 0 }
  lu.assertEquals(e.lower:totable(), { 0, 0, 0 })
  lu.assertFalse(pcall(e.set, e, { dmax = 2, max_iter = 0 }))
  lu.assertEquals(e.dmax, 1)
  raises("attack.ensemble: unknown option 'dmx'; did you mean 'dmax'?", function() e.dmx = 1 end)
  raises("unknown option 'step'", function() return e:with { step = "raw" } end) -- of the first two alone
  raises("unknown option 'step'", function() return e:get "step" end)
  raises("dmax: expected a number of 0 or more, got -1", function() e.dmax = -1 end)
  raises("an ensemble has no 'dmxa'; did you mean dmax?", function() return e.dmxa end)
  raises("with: expected at most 1 argument", function() e:with({}, {}) end)
end

function TestEnsemble:test_errors()
  local pgd = attack.pgd { dmax = 1, model = bumps(-1) }
  raises("attacks: expected a list of attacks, { a, b }, got an attack", attack.ensemble, pgd)
  raises("attack.ensemble: expected a list of attacks, { a, b }, got none", attack.ensemble, {})
  raises("attack.ensemble: number 2: expected an attack, got 7", attack.ensemble, { pgd, 7 })
  raises("part 2 (fgsm) has the norm linf, part 1 (pgd) l2", attack.ensemble, { pgd, attack.fgsm {} })
  raises("unknown option 'nam'; did you mean 'name'?", attack.ensemble, { pgd, nam = "x" })
  raises("attack.ensemble: name: expected a string, got 7", attack.ensemble, { pgd, name = 7 })
  raises("attack.ensemble: all: expected true or false, got 7", attack.ensemble, { pgd, all = 7 })
  local e = attack.ensemble { pgd }
  raises("attack.ensemble: unknown option 'labels'", e.run, e, samples, { labels = 1 })
  raises("attack.ensemble: x0: expected samples", e.run, e, 7)
  raises("attack.ensemble: sample 1: label 9 is not a class", e.run, e, x, { y = 9 })
  raises("outside the bounds", e.run, e, x * 3)
  e.dmax = nil
  raises("attack.pgd: dmax is not given", e.run, e, x)
  e.dmax = 1
  -- what is assigned is looked at where it is used
  e.name = 7
  raises("name: expected a string, got 7", e.run, e, x)
  e.name = "e"
  e.all = 7
  raises("attack.e: all: expected true or false, got 7", e.run, e, x)
  e.all = true
  e[1] = 7
  raises("attack.e: number 1: expected an attack, got 7", e.run, e, x)
  e[1] = pgd
  -- at the user's line
  local _, message = pcall(load("local e = ...\n\ne:with { max_iter = 0 }", "@user.lua"), e)
  lu.assertStrContains(message, "user.lua:3: attack.e: max_iter: expected")
end

function TestEnsemble:test_where_attacks_are_taken()
  local model = bumps(-1)
  local e = three(nil)
  local security = evaluate.security {
    models = { m = model }, attack = e, data = samples, dmax = { 0, 0.2, 0.5 }, noise = false,
  }
  lu.assertEquals(security.attack, "ensemble")
  lu.assertEquals(security.counts.m[3].evaded, e:run(samples, { model = model }):counts().evaded)
  local ok, message = pcall(load("evaluate.security(...)", "@user.lua"),
    { models = model, attack = e, data = x * 3, dmax = 1, noise = false })
  lu.assertFalse(ok)
  lu.assertStrMatches(message, "user.lua:1: evaluate.security: sample 1: .*")
  lu.assertFalse(e.minimal)
  lu.assertTrue(attack.ensemble({ attack.fmn {}, attack.fmn { max_iter = 3 } }).minimal)
  lu.assertNil(require("perigee.archive").refusal("e", e))
end

function TestEnsemble:test_completion()
  local candidates = require("perigee.complete").candidates
  _G.ensemble_here = three(nil)
  lu.assertEquals(candidates "ensemble_here:r", { "run" })
  lu.assertEquals(candidates "ensemble_here.dm", { "dmax" })
  lu.assertEquals(candidates "ensemble_here:set { dm", { "dmax = " })
  lu.assertEquals(candidates "ensemble_here:run(x, { mo", { "model = " })
  _G.ensemble_here = nil
  lu.assertEquals(candidates "attack.ensemble { a, na", { "name = " })
end
