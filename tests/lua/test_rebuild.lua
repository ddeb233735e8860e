-- Attacks made again: from the results they found, and from files of variables.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local ensemble = require "perigee.ensemble"
local session = require "perigee.session"

local models = dofile "tests/lua/bumps.lua"

local x = array.new { { 0.1, 0.2, 0.8 }, { 0.8, 0.1, 0.2 }, { 0.2, 0.8, 0.1 } }
local samples = data.new { x = x, y = { 0, 1, 2 } }
local model = models.new(-1, { gradient_is = "surrogate" })

-- What no result keeps.
local function given(name)
  return { model = model, surrogate = name == "transfer" and model or nil,
    guides = name == "matching" and samples or nil }
end

-- What it was, and finds the same again, also from a file.
local function check(made, options)
  local path = os.tmpname()
  local result = made:run(samples, options)
  for _, from in ipairs { result, perigee.load(result:save(path)) } do
    local again = attack.from(from, given(made.name))
    lu.assertTrue(again:run(samples).x_adv:equal(result.x_adv), tostring(made))
    lu.assertEquals(again:run(samples).verdict, result.verdict)
  end
  os.remove(path)
  return attack.from(result, given(made.name))
end

TestFrom = {}

function TestFrom:test_every_attack()
  for name in pairs(attack) do
    local about = require("perigee.native").described("attack." .. name)
    if about and about.result == "attack" then
      local made = attack[name](given(name)):with { dmax = 0.9 }
      lu.assertEquals(tostring(check(made, { seed = 2 ^ 62 | 0 })), tostring(made))
      if made:run(samples).params.seed and name == "noise" then
        lu.assertEquals(attack.from(made:run(samples, { seed = 5 })).seed, 5)
      end
    end
  end
end

function TestFrom:test_options_that_are_no_numbers()
  local made = attack.pgd { model = model, norm = "linf", dmax = { 0.4, 0.3, 0.5 }, target = { 1, 2, 0 },
    lower = -math.huge, upper = { 1, 0.9, math.huge }, restarts = 1, early_stop = true, max_queries = 300 }
  local again = check(made, { seed = 9 })
  for _, name in ipairs { "norm", "restarts", "early_stop", "eta", "max_queries" } do
    lu.assertEquals(again[name], made[name], name)
  end
  for _, name in ipairs { "dmax", "target", "upper" } do
    lu.assertTrue(again[name]:equal(made[name]), name)
  end
  lu.assertEquals({ again.lower, again.seed }, { -math.huge, 9 })
  local stages = { { classes = 0, steps = 3, eta = 0.5, eta_end = 0.1, layer_smoothing = 3 } }
  lu.assertEquals(check(attack.halving { model = model, dmax = 1, stages = stages }).stages[1].steps, 3)
  lu.assertEquals(check(attack.pgd { model = model, dmax = 1, target = "each" }).target, "each")
  lu.assertEquals(check(attack.pgd { model = model, dmax = 1 }, { target = "nearest" }).target, "nearest")
  lu.assertEquals(check(attack.pgd { model = model, dmax = 1 }, { target = 2 }).target, 2)
end

function TestFrom:test_several()
  local pgd = attack.pgd { model = model, dmax = 0.3 }
  local auto = attack.auto { model = model, dmax = 0.9 } -- whose first part leaves nothing to the others
  lu.assertEquals(auto:run(samples).parts[4].samples, 0)
  lu.assertEquals(tostring(check(auto)), tostring(auto))
  local mine = attack.ensemble { pgd, attack.ensemble { attack.fmn {}, attack.pgd { target = "each" } },
    name = "mine", max_queries = 900 }
  local again = check(mine, { dmax = 0.5, seed = 4 })
  lu.assertEquals({ again.name, again.all, again.max_queries, #again[2] }, { "mine", false, 900, 2 })
  lu.assertEquals({ again[1].dmax, again[2][2].dmax, again[2][2].target }, { 0.5, 0.5, "each" })
  local alone = attack.from(mine:run(samples[1], { model = model, dmax = 0.5 }))
  lu.assertNil(alone[1].max_queries) -- in the run it was what was left
  local worst = attack.from(attack.worst { pgd:run(samples), pgd:with({ dmax = 0.4 }):run(samples) })
  lu.assertEquals({ worst.name, worst.all, worst[1].dmax, worst[2].dmax }, { "worst", true, 0.3, 0.4 })
end

function TestFrom:test_what_cannot_be_made()
  local judged = attack.judge { model = model, x0 = samples, x_adv = x, name = "by hand" }
  raises("attack.from: result: the points of by hand were given (attack.judge)", attack.from, judged)
  raises("attack.from: result: expected an attack's result, got 3", attack.from, 3)
  local one = attack.pgd { model = model, dmax = 1 }
  local both = attack.ensemble { one, attack.apgd { model = model, dmax = 1 }, name = "both" }
  for _, found in ipairs { one:run(samples), both:run(samples) } do
    raises("attack.from: unknown option 'eta_'", attack.from, found, { eta_ = 1 })
    raises("attack.from: dmax: expected a number", attack.from, found, { dmax = "far" })
    raises("attack.from: options: expected a table, got 1", attack.from, found, 1)
  end
end

-- ---- Files of variables -------------------------------------------------------------------------

TestKeptAttacks = {}

local function round_trip(values)
  local path, names = os.tmpname(), {}
  for name, value in pairs(values) do
    rawset(_G, name, value)
    names[#names + 1] = name
  end
  local back = {}
  local ok, message = pcall(session.save, path, table.unpack(names))
  if ok then session.restore(path, { into = back }) end
  for _, name in ipairs(names) do rawset(_G, name, nil) end
  os.remove(path)
  if not ok then error(message, 0) end
  return back
end

function TestKeptAttacks:test_they_come_back_sharing_their_model()
  local digits = data.digits(40, { seed = 3 })
  local net = svm.new { kernel = svm.rbf(0.05) }:fit(digits)
  local pgd = attack.pgd { model = net, dmax = { 0.1, 0.2 }, target = 3, start_from = digits, seed = 8 }
  local joined = attack.ensemble { pgd, attack.ensemble { attack.fmn { model = net } }, name = "mine" }
  local auto = attack.auto { model = net, dmax = 2, target = "each" }
  local back = round_trip { net = net, pgd = pgd, joined = joined, auto = auto, list = { pgd, digits, pgd } }
  for name, value in pairs { pgd = pgd, joined = joined, auto = auto } do
    lu.assertEquals(tostring(back[name]), tostring(value))
  end
  for _, other in ipairs { back.pgd.model, back.joined[2][1].model, back.auto.model } do
    lu.assertTrue(rawequal(other, back.net))
  end
  lu.assertTrue(rawequal(back.list[1], back.pgd) and rawequal(back.list[3], back.pgd))
  lu.assertTrue(rawequal(back.pgd.start_from, back.list[2]))
  lu.assertEquals({ back.pgd.seed, back.pgd.dmax:totable() }, { 8, { 0.1, 0.2 } })
  lu.assertTrue(back.pgd:run(digits:slice(1, 2)).x_adv:equal(pgd:run(digits:slice(1, 2)).x_adv))
  -- the parts of attack.auto still follow from the model, and from what was set since
  lu.assertTrue(ensemble.is_suite(back.auto))
  local other = back.auto:with { model = model }
  lu.assertEquals({ other[2].name, other[3].name, other[1].target }, { "stairs", "apgd", "each" })
end

function TestKeptAttacks:test_a_model_written_in_lua_is_named()
  raises("save: own cannot be kept in a file: own.model.", round_trip, { own = attack.pgd { model = model } })
  raises("save: both cannot be kept in a file: both[1].model.", round_trip,
    { both = attack.ensemble { attack.pgd { model = model } } })
end

function TestKeptAttacks:test_a_damaged_one_is_refused()
  local path = os.tmpname()
  for text, words in pairs {
    ['{"object":["attack",{"table":[["attack","judge"]]}]}'] = "it names no attack",
    ['{"object":["attack",{"table":[["attack","pgd"],["eta",-1]]}]}'] = "attack.pgd: eta: expected",
    ['{"object":["attack",3]}'] = "what should be a kind of attack is not",
    ['{"object":["ensemble",{"table":[]}]}'] = "what should be a kind of ensemble is not",
    ['{"object":["nothing",{"table":[]}]}'] = "an object of a kind that is not known",
    ['{"object":"attack"}'] = "damaged",
  } do
    data.save_safetensors(path, {}, {
      ["perigee.session"] = ('{"format":3,"values":[{"table":[["a",%s]]}]}'):format(text),
    })
    raises(words, session.restore, path)
  end
  os.remove(path)
end
