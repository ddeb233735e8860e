-- evaluate.diagnose alarmed where nothing was wrong: "quantised input" on plain models of few features, of
-- which the tiny step moved none, and "saturated scores" and "loss that stands still" on runs along the
-- logarithm, whose gradient is not the loss's.
local lu = require "luaunit"

local function three_classes(d)
  local x, y = array.rand(90, d, { seed = 5 }):totable(), {}
  for i, row in ipairs(x) do
    y[i] = i % 3
    for j = 1, d do row[j] = 0.35 + 0.3 * row[j] end
    row[1] = row[1] + 0.25 * math.cos(2 * math.pi * y[i] / 3)
    row[2] = row[2] + 0.25 * math.sin(2 * math.pi * y[i] / 3)
  end
  return data.new { x = array.new(x, { dtype = "f32" }), y = array.new(y, { dtype = "i32" }), shape = { d } }
end

local function machine_on(samples, kernel)
  local machine = svm.new { kernel = kernel, C = 1 }
  machine:fit(samples)
  return machine
end

TestFalseAlarms = {}

function TestFalseAlarms:test_plain_models_of_few_features()
  for _, d in ipairs { 2, 5, 20 } do
    local samples = three_classes(d)
    local machine = machine_on(samples, svm.linear())
    local plain = evaluate.diagnose { model = machine, data = samples, norm = "l2", dmax = 0.05, seed = 1 }
    lu.assertEquals(plain.indicators.quantised_input.count, 0)
    local stairs = { classes = machine.classes }
    function stairs.gradient(_, x, w) return machine:gradient(x, w) end
    function stairs.scores(_, x) return machine:scores((x * 32):round() / 32) end
    local broken = evaluate.diagnose { model = stairs, data = samples, norm = "l2", dmax = 0.05, seed = 1 }
    lu.assertTrue(broken.alarms.quantised_input.count > 10)
  end
end

function TestFalseAlarms:test_runs_along_another_gradient()
  local samples = three_classes(2)
  local machine = machine_on(samples, svm.rbf(0.5))
  local function of(attacker)
    local indicators = evaluate.diagnose(attacker:run(samples, { model = machine })).indicators
    return indicators.saturated_scores, indicators.still_loss
  end
  for _, attacker in ipairs {
    attack.auto { model = machine, norm = "l2", dmax = 0.1 },
    attack.halving { norm = "l2", dmax = 0.1 },
    attack.pgd { norm = "l2", dmax = 0.1, direction = "smooth" },
    attack.ensemble { attack.ensemble { attack.halving { norm = "l2", dmax = 0.1 } } },
  } do
    for _, one in ipairs { of(attacker) } do
      lu.assertFalse(one.measured)
      lu.assertEquals(one.reason, "its runs follow another gradient than the loss's")
    end
  end
  local own = attack.pgd { norm = "l2", dmax = 0.1 }
  for _, attacker in ipairs { own, attack.ensemble { own }, attack.ensemble { attack.ensemble { own } } } do
    lu.assertTrue(of(attacker).measured)
    lu.assertEquals(of(attacker).count, 0)
  end
end
