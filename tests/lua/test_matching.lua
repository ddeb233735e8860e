-- Feature matching: along the gradient of the distance to a guide's features, judged by the model.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local net = nn.load "mnist-cnn"
local digits, guides = data.digits(8, { seed = 3 }), data.digits(60, { seed = 2 })
local known = data.digits(200, { seed = 11 })

local function fitted_dnr()
  local made = dnr.new {
    net = net, layers = { "relu3", "relu4" }, layer_classifier = svm.new { kernel = svm.rbf(0.01), C = 10 },
    combiner = svm.new { kernel = svm.rbf(1), C = 1 },
  }
  made:fit(known, { seed = 1 })
  made.threshold = made:threshold_for(0.1, known)
  return made
end

TestMatching = {}

-- The nearest guide of another class, and the distance to its features, f(rows) of one row.
local function nearest(f, x, y)
  local z, own, best = f(guides.x), f(x), nil
  for g = 1, #guides do
    local away = (z[g] - own[1]):norm()
    if guides.y[g] ~= y and (not best or away < best) then best = away end
  end
  return best
end

-- A short step goes down, further than any of a hundred random ones of the same length; and the run ends much
-- nearer to a guide.
local function check(model, f, options, step)
  step = step or 0.02
  local one = digits:slice(1, 1)
  local x, y = one.x:reshape(1, 784), one.y[1]
  local before = nearest(f, x, y)
  local a = attack.matching(options):with { model = model, lower = -9, upper = 9, eta = step, max_iter = 1,
    dmax = 5 }
  local after
  a.on_step = function(state) after = state.x:copy() end
  a:run(one)
  lu.assertAlmostEquals((after - x):norm(), step, step / 200)
  local fall = before - nearest(f, after, y)
  lu.assertTrue(fall > 0, tostring(fall))
  for seed = 1, 100 do
    local u = array.randn(x.shape, { seed = seed })
    local tried = before - nearest(f, x + u * (step / u:norm()), y)
    lu.assertTrue(tried < fall)
  end
  local last
  attack.matching(options):with({ on_step = function(state) last = state.x:copy() end }):run(one)
  local left = nearest(f, last:reshape(1, 784), y) / before
  lu.assertTrue(left < (step < 0.01 and 0.97 or 0.6), tostring(left))
end

function TestMatching:test_a_nets_layer()
  local function features(x) return net:forward(x, "relu4") end
  check(net, features, { model = net, guides = guides, layers = "relu4", dmax = 4 })
end

function TestMatching:test_guides_of_another_width()
  for kind, model in pairs { net = net, dnr = fitted_dnr() } do
    local a = attack.matching { model = model, guides = data.moons(10, { seed = 1 }), dmax = 1 }
    raises(("attack.matching: guides: its samples have 2 features, the %s takes 784"):format(kind), a.run, a,
      digits)
  end
end

function TestMatching:test_several_layers()
  local layers = { "fc1", "relu3", "relu4" }
  local function features(x) return array.concatenate({ net:forward(x, layers) }, 2) end
  check(net, features, { model = net, guides = guides, layers = layers, dmax = 4 })
  -- The direction is the gradient of half the squared distance, by central differences along random ones.
  local x, y = digits.x:slice({ 1, 2 }, nil):reshape(2, 784), digits.y:slice { 1, 2 }
  local direction = debug.getregistry()["perigee.matching"].direction(net, layers, guides)
  local slope = direction(x, nil, 1, { rows = array.new({ 1, 2 }, { dtype = "i32" }), y = y })
  local z, from = features(guides.x), features(x)
  for i = 1, 2 do
    local goal
    for g = 1, #guides do
      local away = (z[g] - from[i]):norm()
      if guides.y[g] ~= y[i] and (not goal or away < (goal - from[i]):norm()) then goal = z[g] end
    end
    local function half(row) return (features(row) - goal):astype("f64"):square():sum() / 2 end
    for seed = 1, 3 do
      local u = array.randn(1, 784, { seed = seed })
      u = u / u:norm() * 1e-2
      local fall = half(x:slice { i, i } + u) - half(x:slice { i, i } - u)
      lu.assertAlmostEquals((slope[i] * u:reshape(784)):sum() * 2, fall, 0.03 * math.abs(fall) + 1e-3)
    end
  end
end

-- It turns what the model's own decision takes for the guide's class.
function TestMatching:test_a_dnr()
  local model = fitted_dnr()
  check(model, function(x) return model:layer_scores(x) end, { model = model, guides = known, dmax = 4 })
  local result = attack.matching({ model = model, guides = known, dmax = 4 }):run(digits)
  lu.assertTrue(result:counts().evaded >= 3, result:counts().evaded)
  lu.assertTrue(result.distance:max() <= 4)
  lu.assertEquals({ result.attack, result.params.attack }, { "matching", "matching" })
  lu.assertStrContains(tostring(result), "matching on dnr")
end

function TestMatching:test_what_stands_on_a_net()
  local layer = reject.layer { net = net, layer = "relu4", classifier = svm.new() }
  layer:fit(known)
  local nr = reject.new { model = layer, threshold = 0 }
  local options = { guides = known, dmax = 3, max_iter = 20 }
  options.model = nr
  local on_nr = attack.matching(options):run(digits)
  options.model, options.layers = net, "relu4"
  local points = attack.matching(options):with { objective = "margin" }
  lu.assertEquals(#points:run(digits), 8)
  lu.assertTrue(on_nr.distance:max() > 0)
end

function TestMatching:test_detectors()
  local density = reject.density { net = net, layer = "relu4" }
  density:fit(known)
  check(density, function(x) return net:forward(x, "relu4") end,
    { model = density, guides = guides, dmax = 4 })
  local far = reject.mahalanobis { net = net, layers = { "relu3", "relu4" } }
  far:fit(known)
  check(far, function(x) return array.concatenate({ net:forward(x, { "relu3", "relu4" }) }, 2) end,
    { model = far, guides = guides, dmax = 4 })
end

-- A result keeps no guides; with them, and the layers, its attack is there again.
function TestMatching:test_from_a_result()
  local model = reject.energy { model = net }
  local options = { model = model, guides = guides, layers = "relu4", dmax = 2, max_iter = 5 }
  local found = attack.matching(options):run(digits)
  local again = attack.from(found, { model = model, guides = guides, layers = "relu4" })
  lu.assertTrue(again:run(digits).x_adv:equal(found.x_adv))
  local other = attack.from(found, { model = model, guides = guides, layers = "relu3" })
  lu.assertFalse(other:run(digits).x_adv:equal(found.x_adv))
  options.model = net
  lu.assertTrue(attack.matching(options):run(digits).loss[1][1] ~= nil)
  raises("guides: expected a dataset", attack.from, found, { model = net, guides = 3 })
  raises("no result keeps the guides of matching: give them again", attack.from, found, { model = model })
end

-- Behind steps or a function it goes back through them to the pixels.
function TestMatching:test_behind_others()
  local function features(x) return net:forward(x, "relu4") end
  local front = reject.preprocess(net, function(x) return x:square() * 0.5 + x * 0.3 end)
  check(front, function(x) return features(x:square() * 0.5 + x * 0.3) end,
    { model = front, guides = guides, layers = "relu4", dmax = 4 })
  for _, steps in ipairs { { classic.minmax { low = -0.5 } }, { classic.standard(), classic.minmax() },
    { classic.pca { components = 40 } }, { classic.unit_norm { norm = "l1" } }, { "unit_norm" },
    { classic.unit_norm { norm = "max" } } } do
    local wide = nn.new { input = { steps[1].name == "pca" and 40 or 784 }, classes = net.classes, seed = 2,
      nn.linear { out = 30, name = "a" }, nn.tanh { name = "b" }, nn.linear { out = 10 } }
    steps[#steps + 1] = wide
    local pipeline = classic.pipeline(steps):fit_steps(known)
    check(reject.confidence { model = pipeline },
      function(x) return wide:forward(pipeline:transform(x), "b") end,
      { model = pipeline, guides = guides, layers = "b", dmax = 4 }, 1e-3)
  end
end

-- A model without layers has its scores; squeezed samples are matched as they are.
function TestMatching:test_scores()
  local machine = svm.new({ kernel = svm.rbf(0.02), C = 10 }):fit(known)
  check(machine, function(x) return machine:scores(x) end, { model = machine, guides = guides, dmax = 4 })
  local squeeze = reject.squeeze { model = net }
  check(squeeze, function(x) return net:forward(x, "relu4") end,
    { model = squeeze, guides = guides, layers = "relu4", dmax = 4 })
end

-- With a target its guides are of that class.
function TestMatching:test_a_target()
  local a = attack.matching { model = net, guides = known, layers = "relu4", dmax = 5, target = 7 }
  local result = a:run(digits)
  local untold = a:with({ target = array.full({ 8 }, 7, { dtype = "i32" }) }):run(digits)
  lu.assertTrue(result:counts().hit >= 4, result:counts().hit)
  lu.assertTrue(result.x_adv:equal(untold.x_adv))
  raises("guides: none of them has the target's label, 7", a.run,
    a:with { guides = guides:where(guides.y:ne(7)) }, digits)
end

function TestMatching:test_errors()
  local function run(options) return attack.matching(options):run(digits) end
  raises("attack.matching: no model", run, { guides = guides, dmax = 1 })
  raises("attack.matching: guides: expected a dataset of samples of several classes, got nothing", run,
    { model = net, dmax = 1 })
  raises("attack.matching: guides: expected a dataset", attack.matching, { model = net, guides = { 3 } })
  raises("guides: expected samples of two classes at least", run,
    { model = net, guides = guides:where(guides.y:eq(guides.y[1])), dmax = 1 })
  raises("unknown option 'layer'", attack.matching, { model = net, guides = guides, layer = "relu4" })
  for _, layers in ipairs { 3, {}, { "relu4", 3 } } do
    raises("layers: expected a layer's name, or a list of some", attack.matching, { layers = layers })
    raises("layers: expected a layer's name", function() attack.matching({}).layers = layers end)
  end
  raises("layers: they are chosen of a net alone, not of the dnr", run,
    { model = fitted_dnr(), guides = guides, layers = "relu4", dmax = 1 })
  raises("layers: they are chosen of a net alone, not of the svm", run,
    { model = svm.new():fit(known), guides = guides, layers = "relu4", dmax = 1 })
end
