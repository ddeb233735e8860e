-- attack.auto: which parts a model gets, and that the whole finds what its parts find.
local lu = require "luaunit"

local reference = dofile "tests/lua/reference.lua"

TestAuto = {}

local dnr_, net = reference.dnr(), reference.net()
local samples = reference.test():slice(1, 40)

local function names(e)
  local list = {}
  for i, part in ipairs(e) do list[i] = part.name end
  return table.concat(list, " ")
end

local function auto(model, options)
  local all = { model = model, norm = "l2", dmax = 0.6 }
  for key, value in pairs(options or {}) do all[key] = value end
  return attack.auto(all)
end

function TestAuto:test_parts()
  lu.assertEquals(names(auto(dnr_)), "halving halving halving halving")
  lu.assertEquals(names(auto(dnr_, { quick = true })), "halving")
  lu.assertEquals(names(auto(net)), "halving apgd apgd fmn")
  lu.assertEquals(auto(net)[2].objective, "cross_entropy")
  lu.assertEquals(auto(net)[3].objective, "dlr")
  local rejector = reject.new { model = net, threshold = 0 }
  lu.assertEquals(auto(rejector)[2].objective, "continuous")
  local machine = reference.svm("dnr", "layer_relu3_", 0.05)
  lu.assertEquals(names(auto(reject.new { model = machine, threshold = 0.5 })), "halving halving fmn")
  local on_layer = reject.layer { net = net, layer = "relu3", classifier = machine }
  lu.assertEquals(names(auto(reject.new { model = on_layer, threshold = 0.5 })), "halving halving fmn")
  lu.assertEquals(auto(dnr_, { norm = "linf", dmax = 0.1 })[4].norm, "linf")
  local two = svm.from { sv = { { 0, 0 }, { 1, 0 } }, alpha = { { 1, -1 } }, b = { 0 }, kernel = svm.linear(),
    classes = { 0, 1 } }
  lu.assertEquals(auto(two)[3].objective, "margin")
end

-- The whole finds at least what each part finds alone, on any kind of model, and everything is as stored.
function TestAuto:test_at_least_its_parts()
  local rejector = reject.new { model = net, threshold = 1 }
  local classifier = reference.svm("dnr", "layer_relu3_", 0.05)
  local machine = reject.layer { net = net, layer = "relu3", classifier = classifier }
  for _, model in ipairs { dnr_, net, rejector, machine } do
    for norm, dmax in pairs { l2 = 0.6, linf = 0.1, l1 = 3 } do
      local whole = auto(model, { norm = norm, dmax = dmax })
      local result = whole:run(samples)
      local found = result:counts().evaded
      for _, part in ipairs(whole) do
        local words = ("%s %s %s"):format(model.kind, norm, part.name)
        lu.assertTrue(found >= part:run(samples):counts().evaded, words)
      end
      local pgd = attack.pgd { model = model, norm = norm, dmax = dmax }
      lu.assertTrue(found >= pgd:run(samples):counts().evaded)
      lu.assertTrue(result.distance:max() <= dmax * (1 + 1e-12))
      lu.assertTrue(result.x_adv:min() >= 0 and result.x_adv:max() <= 1)
      local labels = reject.predict(model, result.x_adv)
      for i = 1, #samples do
        local evades = labels[i] ~= -1 and labels[i] ~= samples.y[i] and result.start_verdict[i] ~= "wrong"
        lu.assertEquals(result.verdict[i] == "evaded", evades)
      end
    end
  end
end

function TestAuto:test_targets()
  local result = auto(net, { dmax = 2, target = 3 }):run(samples)
  lu.assertTrue(result:counts().hit > #samples / 2)
end

function TestAuto:test_prints_its_parts()
  local text = tostring(auto(dnr_):run(samples))
  lu.assertStrContains(text, "auto on dnr")
  lu.assertStrContains(text, "4 halving")
end

-- What it does follows from the model: from the one that is set later, or given to a run.
function TestAuto:test_another_model()
  local suite = attack.auto { norm = "l2", dmax = 0.6, target = 3, upper = 2 }
  local expected = tostring(auto(dnr_, { target = 3, upper = 2 }))
  lu.assertEquals(tostring(suite:with { model = dnr_ }), expected)
  lu.assertEquals(tostring(auto(net, { target = 3, upper = 2 }):with { model = dnr_ }), expected)
  suite.model = dnr_
  lu.assertEquals(tostring(suite), expected)
  suite.model = net
  lu.assertEquals(tostring(suite), tostring(auto(net, { target = 3, upper = 2 })))
  local quick = attack.auto { model = net, quick = true, dmax = 1 }
  lu.assertEquals(#quick:with { model = dnr_ }, 1)
  local result, same = attack.auto({ dmax = 0.6 }):run(samples, { model = dnr_, seed = 1 }), auto(dnr_)
  lu.assertEquals(#result.parts, 4)
  lu.assertEquals(result.verdict, same:run(samples, { seed = 1 }).verdict)
end

-- Neighbours' votes are searched along their edges too, last of all.
function TestAuto:test_neighbours()
  local knn = classic.knn({ k = 5 }):fit(samples)
  for _, model in ipairs { knn, reject.new { model = classic.pipeline { knn } } } do
    local parts = attack.auto { model = model, norm = "l2", dmax = 1 }
    lu.assertEquals({ parts[2].name, parts[#parts - 1].name, parts[#parts].name, #parts },
      { "stairs", "square", "hopskipjump", 7 })
  end
end

function TestAuto:test_a_seed_of_its_own()
  local flat = { classes = { 0, 1 }, features = 784 }
  function flat.scores(_, x) return array.stack({ x:sum(2) * 0, x:slice(nil, { 1, 3 }):mean(2) }, 2) end
  local some = data.new { x = array.rand(3, 784, { seed = 1 }), y = { 0, 1, 1 } }
  local suite = attack.auto { model = flat, norm = "l2", dmax = 0.5, max_queries = 30, seed = 4 }
  lu.assertEquals(suite.seed, 4)
  local a, b = suite:run(some), attack.auto({ norm = "l2", dmax = 0.5, max_queries = 30 }):run(some,
    { model = flat, seed = 4 })
  lu.assertEquals({ a.x_adv:totable(), a.seed, a.parts[1].name }, { b.x_adv:totable(), 4, "square" })
  lu.assertNotEquals(a.x_adv:totable(), suite:run(some, { seed = 5 }).x_adv:totable())
end

function TestAuto:test_errors()
  local nothing = attack.auto { dmax = 1 }
  lu.assertErrorMsgContains("attack.auto: no model: give one as model = …", nothing.run, nothing, samples)
  local no_length = attack.auto { model = net }
  lu.assertErrorMsgContains("dmax is not given", no_length.run, no_length, samples)
  lu.assertErrorMsgContains("attack.auto: quick: expected true or false, got 3", attack.auto,
    { model = net, dmax = 1, quick = 3 })
  lu.assertErrorMsgContains("unknown option 'fast'", attack.auto, { model = net, dmax = 1, fast = true })
  lu.assertErrorMsgContains("model: expected a model", attack.auto, { model = 3, dmax = 1 })
end
