-- Security evaluation: counts of every model at every dmax, noise, printing, errors.
local lu = require "luaunit"

local centres = array.new { { 0.2, 0.2 }, { 0.8, 0.8 } }

local function nearest()
  local model = { classes = { 0, 1 } }
  function model:scores(x)
    local columns = {}
    for c = 1, 2 do
      local away = x - centres[c]
      columns[c] = -(away * away):sum(2)
    end
    return array.stack(columns, 2)
  end
  function model:gradient(x, w)
    local total = array.zeros(x.shape)
    for c = 1, 2 do total = total + (x - centres[c]) * w:slice(nil, { c, c }) * -2 end
    return total
  end
  return model
end

-- 0.42 and 0.14 away from the middle line; the third carries the wrong label.
local ds = data.new { x = { { 0.2, 0.2 }, { 0.6, 0.6 }, { 0.3, 0.3 } }, y = { 0, 1, 1 } }

local function evaluated(more)
  local options = {
    models = { near = nearest(), also = nearest() }, attack = attack.pgd { norm = "l2" }, data = ds,
    dmax = { 0, 0.2, 0.5 }, seed = 1,
  }
  for key, value in pairs(more or {}) do options[key] = value end
  local security = evaluate.security(options)
  return security
end

local function raises(words, more)
  local ok, message = pcall(evaluated, more)
  lu.assertFalse(ok)
  lu.assertStrContains(tostring(message), words)
end

TestSecurity = {}

-- Kernels die out within the ball: the attack fails blind, and says so.
function TestSecurity:test_masked_gradients()
  local machine = svm.from {
    sv = { { 0, 0 }, { 3, 0 } }, alpha = { { 1, -1 }, { -1, 1 } },
    b = { -0.5, -0.5 }, kernel = svm.rbf(4), classes = { 0, 1 },
  }
  local more = {
    models = { nr = reject.new { model = machine, threshold = 0 } }, dmax = { 0, 0.1, 4 },
    data = data.new { x = { { 0.1, 0.2 }, { 0.2, -0.3 } }, y = { 0, 0 } },
    attack = attack.pgd { norm = "l2", lower = -9, upper = 9, eps = 1e-12 },
  }
  local security = evaluated(more)
  lu.assertEquals(security.flat, { nr = { 0, 0, 2 } })
  lu.assertStrContains(tostring(security), "\nmasked gradients: nr at dmax 4; try attack.auto")
  lu.assertStrContains(plot.script("security", security, { file = "s.svg" }), "masked")
  local other = evaluated()
  lu.assertEquals(other.flat, { near = { 0, 0, 0 }, also = { 0, 0, 0 } })
  lu.assertNotStrContains(tostring(other), "masked")
  lu.assertNotStrContains(plot.script("security", other, { file = "s.svg" }), "masked")
  local earlier = { models = security.models, dmax = security.dmax, counts = security.counts, n = security.n }
  lu.assertNotStrContains(plot.script("security", earlier, { file = "s.svg" }), "masked")
  more.attack.model, more.attack.dmax = more.models.nr, 4
  local result = more.attack:run(more.data)
  lu.assertStrContains(plot.script("attack", result[1], { file = "a.svg" }), "masked: the gradient vanished")
end

function TestSecurity:test_counts()
  local security = evaluated()
  lu.assertEquals(security.models, { "also", "near" })
  lu.assertEquals(security.dmax, { 0, 0.2, 0.5 })
  lu.assertEquals(security.n, 3)
  lu.assertEquals(#security, 2)
  for _, name in ipairs(security.models) do
    lu.assertEquals(security.counts[name][1],
      { correct = 2, rejected = 0, wrong = 1, evaded = 0, failed = 0, robust = 2 })
    lu.assertEquals(security.counts[name][2].correct, 1)
    lu.assertEquals(security.counts[name][3].correct, 0)
    lu.assertEquals(security.noise[name][1], security.counts[name][1])
    for k = 1, 3 do
      local c = security.noise[name][k]
      lu.assertEquals(c.correct + c.rejected + c.wrong + c.evaded, 3)
    end
  end
end

function TestSecurity:test_same_seed_same_counts()
  lu.assertEquals(evaluated().noise, evaluated().noise)
end

function TestSecurity:test_ways_to_name_models()
  lu.assertEquals(evaluated { models = { nearest(), nearest() } }.models, { "lua", "lua 2" })
  lu.assertEquals(evaluated { models = { { "b", nearest() }, { "a", nearest() } } }.models, { "b", "a" })
  lu.assertEquals(evaluated { models = nearest() }.models, { "lua" })
  lu.assertEquals(evaluated { dmax = 0.2 }.dmax, { 0.2 })
end

function TestSecurity:test_prints_as_a_table()
  local lines = {}
  for line in tostring(evaluated { models = nearest(), noise = false }):gmatch "[^\n]+" do
    lines[#lines + 1] = line
  end
  lu.assertEquals(lines, {
    "security: pgd, l2, 3 samples",
    "model  dmax  correct  rejected  wrong before  evaded",
    "lua       0        2         0             1       0",
    "        0.2        1         0             1       1",
    "        0.5        0         0             1       2",
  })
  lu.assertStrContains(tostring(evaluated()), "noise: correct")
end

-- One run of a minimum-norm attack gives every radius: 0.42 and 0.14 are the distances.
function TestSecurity:test_a_minimal_attack_runs_once()
  local model, gradients = nearest(), 0
  local gradient = model.gradient
  function model:gradient(x, w)
    gradients = gradients + 1
    return gradient(self, x, w)
  end
  local steps = 40
  local security = evaluated {
    models = model, attack = attack.fmn { max_iter = steps, dmax = 0.01, early_stop = true },
    dmax = { 0, 0.13, 0.15, 0.42, 0.44 },
  }
  local robust, evaded = {}, {}
  for k, counts in ipairs(security.counts.lua) do
    lu.assertEquals(counts.correct + counts.wrong + counts.evaded, 3)
    lu.assertEquals(counts.wrong, 1)
    robust[k], evaded[k] = counts.robust, counts.evaded
  end
  lu.assertEquals(robust, { 2, 2, 1, 1, 0 })
  lu.assertEquals(evaded, { 0, 0, 1, 1, 2 })
  lu.assertTrue(gradients <= steps + 2, gradients) -- the check of a model in Lua asks as well
end

-- Where it is targeted, what was hit within the radius; where the model rejects, what was rejected stays so.
function TestSecurity:test_a_minimal_attack_on_a_rejector()
  local rejector = reject.new { model = nearest(), threshold = -0.05 }
  local security = evaluated {
    models = rejector, attack = attack.fmn { norm = "l2", target = 1 }, noise = false,
    data = data.new { x = { { 0.2, 0.2 }, { 0.45, 0.45 }, { 0.7, 0.7 } }, y = { 0, 0, 1 } },
    dmax = { 0, 0.3, 0.9 },
  }
  local found = {}
  for k, c in ipairs(security.counts.nr) do
    found[k] = ("%d %d %d, robust %d, hit %d"):format(c.correct, c.rejected, c.evaded, c.robust, c.hit)
  end
  lu.assertEquals(found, { "2 1 0, robust 2, hit 1", "2 0 1, robust 2, hit 2", "1 0 2, robust 1, hit 3" })
end

-- The attack handed in is as it was.
function TestSecurity:test_leaves_the_attack_alone()
  local pgd = attack.pgd { norm = "l2", dmax = 7 }
  evaluated { attack = pgd }
  lu.assertEquals(pgd.dmax, 7)
  lu.assertNil(pgd.model)
end

-- A name with a newline in it has its line all the same.
function TestSecurity:test_a_name_stays_in_its_line()
  local words = tostring(evaluated { models = { ["a\nb\tc"] = nearest() } })
  lu.assertStrContains(words, "a\\nb\\tc ")
  local _, plain = tostring(evaluated { models = { abc = nearest() } }):gsub("\n", "")
  local _, lines = words:gsub("\n", "")
  lu.assertEquals(lines, plain)
end

function TestSecurity:test_errors()
  raises("unknown option 'model'", { model = 3 })
  raises("attack: expected an attack", { attack = 3 })
  raises("dmax: number 2 is -1", { dmax = { 0, -1 } })
  raises("the radii must grow", { dmax = { 1, 0 } })
  raises("dmax: number 2 is infinite: no noise", { dmax = { 1, math.huge } })
  for _, wrong in ipairs { { dmax = { -1 } }, { models = { 3 } }, { attack = 3 } } do
    raises("test_evaluate.lua:", wrong) -- the caller's line
  end
  raises("{ cnn = net, dnr = defence }, got an empty table", { models = {} })
  raises("neither a fitted model nor", { models = { 3 } })
  raises("models: bad is not a fitted model", { models = { bad = svm.new { C = 1 } } })
  lu.assertErrorMsgContains("data: expected a dataset", function()
    evaluate.security { models = nearest(), attack = attack.pgd {}, dmax = 1 }
  end)
  lu.assertErrorMsgContains("attack.pgd { norm = \"l2\" } }, got an empty table", function()
    evaluate.security { models = nearest(), attacks = {}, dmax = 1 }
  end)
end
