-- An absolute threshold on the loss said "converged" after a step or two wherever scores are flat or small,
-- and constant steps made 200 of them find less than 60.

local lu = require "luaunit"

TestPgdStops = {}

local digits = data.digits(500, { seed = 3 })
local train, test = digits:slice(1, 400), digits:slice(401, 460)
local net = nn.new { input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 6, kernel = 5, stride = 2 }, nn.relu(),
  nn.flatten(), nn.linear { out = 10 } }
nn.train(net, train, { epochs = 6, seed = 1 })

-- The net's softmax at a temperature: flat where it is sure of itself.
local saturated = {
  classes = net.classes, features = 784,
  scores = function(_, x) return nn.softmax(net:scores(x) * 30) end,
  gradient = function(_, x, w)
    local p = nn.softmax(net:scores(x) * 30)
    return net:gradient(x, (p * (w - (p * w):sum(2, { keepdims = true }))) * 30)
  end,
}

-- Eight grey levels; the gradient is that of the net.
local quantised = {
  classes = net.classes, features = 784,
  scores = function(_, x) return net:scores((x * 7 + 0.5):floor() / 7) end,
  gradient = function(_, x, w) return net:gradient((x * 7 + 0.5):floor() / 7, w) end,
}

local function evaded(name, options)
  local result = attack[name](options):run(test)
  local count = 0
  for i, verdict in ipairs(result.verdict) do
    count = count + (verdict == "evaded" and result.start_verdict[i] == "correct" and 1 or 0)
  end
  return count, result
end

local function compare(options)
  local fgsm = evaded("fgsm", { model = options.model, norm = options.norm, dmax = options.dmax })
  local pgd, result = evaded("pgd", options)
  options.eps = 1e-6
  local stopped, early = evaded("pgd", options)
  lu.assertTrue(pgd >= fgsm and pgd > stopped, ("pgd %d, with eps %d, fgsm %d"):format(pgd, stopped, fgsm))
  lu.assertNotStrContains(tostring(result), "converged")
  lu.assertStrMatches(tostring(early), ".*; stopped early: %d+ converged.*")
end

function TestPgdStops:test_flat_scores()
  compare { model = saturated, norm = "linf", dmax = 0.06 }
end

function TestPgdStops:test_scores_in_steps()
  compare { model = quantised, norm = "linf", dmax = 0.1, eta = 0.004, max_iter = 60 }
end

function TestPgdStops:test_a_tiny_gradient_points_somewhere()
  -- s = 1e-30 (x - 1/2) against 0: for float32 alone its square would be nothing
  local model = {
    classes = { 0, 1 },
    scores = function(_, x) return array.concatenate({ (x - 0.5) * 1e-30, x * 0 }, 2) end,
    gradient = function(_, x, w) return x * 0 + (w:slice(nil, { 1, 1 }) * 1e-30):astype "f32" end,
  }
  for _, step in ipairs { "unit", "sign", "largest" } do
    local result = attack.pgd { model = model, dmax = 0.3, step = step, max_iter = 8 }:run({ { 0.6 } },
      { y = 0 })
    lu.assertEquals(result.verdict[1], "evaded", step)
    local exact = attack.pgd { model = model, dmax = 0.3, step = step, max_iter = 8, eps = 0 }
    lu.assertEquals(exact:run({ { 0.6 } }, { y = 0 }).stop[1], "zero_gradient")
  end
  local exp = attack.pgd_exp { model = model, dmax = 0.3 }:run({ { 0.6 } }, { y = 0 })
  lu.assertEquals(exp.stop[1], "zero_gradient") -- as the paper's, whose least length is 1e-20
end

function TestPgdStops:test_cosine()
  local model = {
    classes = { 0, 1 },
    scores = function(_, x) return array.concatenate({ x, -x }, 2) end,
    gradient = function(_, _, w) return w:slice(nil, { 1, 1 }) - w:slice(nil, { 2, 2 }) end,
  }
  local steps = 9
  local result = attack.pgd { model = model, norm = "linf", dmax = 100, lower = -100, upper = 100, eta = 0.5,
    step_schedule = "cosine", max_iter = steps }:run({ { 3 } }, { y = 0 })
  local way = 0
  for t = 1, steps do
    local share = 0.004 + 0.996 * (1 + math.cos(math.pi * (t - 1) / (steps - 1))) / 2
    way = way + 0.5 * share
    lu.assertAlmostEquals(result.trace_distance[1][t + 1], way, 1e-5)
  end
  lu.assertEquals(attack.pgd { dmax = 2, model = model }:run({ { 0.9 } }, { y = 0 }).params.eta, 1)
end

function TestPgdStops:test_early_stop()
  local options = { model = net, norm = "linf", dmax = 0.2, restarts = 3, seed = 1 }
  local all, whole = evaded("pgd", options)
  options.early_stop = true
  local early, result = evaded("pgd", options)
  lu.assertTrue(all > 20 and early == all, ("%d, early %d"):format(all, early))
  lu.assertTrue(result.evaluations.gradients:sum() < whole.evaluations.gradients:sum() / 2)
  for i, verdict in ipairs(result.verdict) do
    lu.assertEquals(result.stop[i] == "reached", verdict == "evaded" or verdict == "wrong", i)
  end
  lu.assertStrContains(tostring(result), "stopped early: ")
end
