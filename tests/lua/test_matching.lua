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
local function check(model, f, options)
  local one = digits:slice(1, 1)
  local x, y = one.x:reshape(1, 784), one.y[1]
  local before = nearest(f, x, y)
  local a = attack.matching(options):with { model = model, lower = -9, upper = 9, eta = 0.02, max_iter = 1,
    dmax = 5 }
  local after
  a.on_step = function(state) after = state.x:copy() end
  a:run(one)
  lu.assertAlmostEquals((after - x):norm(), 0.02, 1e-4)
  local fall = before - nearest(f, after, y)
  lu.assertTrue(fall > 0, fall)
  for seed = 1, 100 do
    local u = array.randn(x.shape, { seed = seed })
    local tried = before - nearest(f, x + u * (0.02 / u:norm()), y)
    lu.assertTrue(tried < fall)
  end
  local last
  attack.matching(options):with({ on_step = function(state) last = state.x:copy() end }):run(one)
  lu.assertTrue(nearest(f, last:reshape(1, 784), y) < 0.6 * before, nearest(f, last, y) / before)
end

function TestMatching:test_a_nets_layer()
  local function features(x) return net:forward(x, "relu4") end
  check(net, features, { model = net, guides = guides, layers = "relu4", dmax = 4 })
end

function TestMatching:test_guides_of_another_width()
  raises("attack.matching: guides: its samples have 2 features, the net takes 784", attack.matching,
    { model = net, guides = data.moons(10, { seed = 1 }), dmax = 1 })
  raises("attack.matching: guides: its samples have 2 features, the dnr takes 784", attack.matching,
    { model = fitted_dnr(), guides = data.moons(10, { seed = 1 }), dmax = 1 })
end

function TestMatching:test_several_layers()
  local function features(x) return array.concatenate({ net:forward(x, { "fc1", "relu3" }) }, 2) end
  check(net, features, { model = net, guides = guides, layers = { "fc1", "relu3" }, dmax = 4 })
end

-- It turns what the model's own decision takes for the guide's class.
function TestMatching:test_a_dnr()
  local model = fitted_dnr()
  check(model, function(x) return model:layer_scores(x) end, { model = model, guides = known, dmax = 4 })
  local result = attack.matching({ model = model, guides = known, dmax = 4 }):run(digits)
  lu.assertTrue(result:counts().evaded >= 3, result:counts().evaded)
  lu.assertTrue(result.distance:max() <= 4)
  lu.assertEquals(result.params.direction, "function")
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
  raises("attack.matching: guides: expected a dataset", attack.from, found, { model = net, guides = 3 })
end

function TestMatching:test_errors()
  raises("attack.matching: model: expected a fitted model, got nothing", attack.matching, { guides = guides })
  raises("attack.matching: guides: expected a dataset", attack.matching, { model = net })
  raises("guides: expected samples of two classes at least", attack.matching,
    { model = net, guides = guides:where(guides.y:eq(guides.y[1])) })
  raises("unknown option 'layer'", attack.matching, { model = net, guides = guides, layer = "relu4" })
  raises("attack.matching: model: expected a net, a dnr", attack.matching,
    { model = svm.new():fit(known), guides = guides })
  raises("layers: they are chosen of a net alone, not of the dnr", attack.matching,
    { model = fitted_dnr(), guides = guides, layers = "relu4" })
end
