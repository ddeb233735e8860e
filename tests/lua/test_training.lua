-- What nn.train can do beside plain SGD: an adversary, other optimizers and schedules, augmentation,
-- checkpoints, functions of one's own.

local lu = require "luaunit"
local raises = require "tests.lua.raises"

TestTraining = {}

-- Three classes of noisy points around three corners.
local function blobs(n)
  local y = array.arange(n) % 3
  local corners = array.new { { 0.5, 0.5, 0, 0, 0, 0 }, { 0, 0, 0.5, 0.5, 0, 0 }, { 0, 0, 0, 0, 0.5, 0.5 } }
  local noise = array.randn(n, 6, { seed = 3 }) * 0.08
  return data.new { x = (corners:take(y + 1, 1) + noise + 0.25):clip(0, 1), y = y }
end

local function blob_net(classes)
  return nn.new { input = { 6 }, seed = 7, classes = classes,
    nn.linear { out = 16 }, nn.relu(), nn.linear { out = 3 } }
end

local function step_of(net, ds, options)
  local plain = { epochs = 1, batch = #ds, lr = 0.1, momentum = 0, shuffle = false, seed = 1 }
  for name, value in pairs(options) do plain[name] = value end
  nn.train(net, ds, plain)
  return net:weights()
end

local function assert_same(a, b)
  for name, values in pairs(a) do lu.assertTrue(values:eq(b[name]):all(), name) end
end

local function assert_close(a, b, tolerance)
  for name, values in pairs(a) do lu.assertTrue((values - b[name]):abs():max() < tolerance, name) end
end

-- ---- A step --------------------------------------------------------------------------------------

TestSteps = {}

-- A batch of images that go through the net some at a time: its step is the mean of its samples' own.
function TestSteps:test_the_mean_of_the_samples()
  local function fresh()
    return nn.new { input = { 1, 48, 48 }, classes = { 0, 1 }, seed = 3,
      nn.conv2d { out = 8, kernel = 5, stride = 1 }, nn.relu(), nn.flatten(), nn.linear { out = 2 } }
  end
  local x, y = array.randn(12, 48 * 48, { seed = 4 }), array.arange(12):mod(2):astype "i32"
  local ds = data.new { x = x, y = y, shape = { 1, 48, 48 } }
  local before, whole = fresh():weights(), step_of(fresh(), ds, { lr = 0.01 })
  local sums = {}
  for i = 1, 12 do
    for name, values in pairs(step_of(fresh(), ds:slice(i, i), { lr = 0.01 })) do
      sums[name] = (sums[name] or 0) + (values - before[name]):astype "f64"
    end
  end
  for name, values in pairs(whole) do
    local step = (values - before[name]):astype "f64"
    lu.assertTrue((step - sums[name] / 12):abs():max() < 1e-3 * step:abs():max(), name)
  end
end

-- Statistics are no weights: decay leaves them alone.
function TestSteps:test_decay_of_statistics()
  local net = nn.new { input = { 3 }, classes = { 0, 1 }, seed = 1, nn.batchnorm(), nn.linear { out = 2 } }
  local x = array.randn(8, 3, { seed = 2 }) + 2
  local ds = data.new { x = x, y = array.arange(8):mod(2):astype "i32" }
  local weights = step_of(net, ds, { weight_decay = 0.5 })
  local name = weights["bn1.running_mean"] and "bn1." or error "no statistics"
  lu.assertTrue((weights[name .. "running_mean"] - 0.1 * x:mean(1)):abs():max() < 1e-5)
  lu.assertTrue((weights[name .. "running_var"] - (0.9 + 0.1 * x:var(1, { ddof = 1 }))):abs():max() < 1e-5)
end

-- ---- An adversary -------------------------------------------------------------------------------

local function pgd(options)
  local all = { norm = "l2", dmax = 0.4, max_iter = 4 }
  for name, value in pairs(options or {}) do all[name] = value end
  return attack.pgd(all)
end

-- A step with an adversary is the step on what the same attack makes of the samples.
function TestTraining.test_a_step_against_an_adversary()
  local ds, net = blobs(48), blob_net { 0, 1, 2 }
  local x_adv = pgd { model = net }:run(ds, { y = ds.y }).x_adv
  local expected = step_of(net:clone(), data.new { x = x_adv, y = ds.y }, {})
  assert_same(step_of(net:clone(), ds, { adversary = pgd() }), expected)
  local half = array.concatenate({ x_adv:slice({ 1, 24 }), ds.x:slice({ 25, 48 }) }, 1)
  expected = step_of(net:clone(), data.new { x = half, y = ds.y }, {})
  assert_same(step_of(net:clone(), ds, { adversary = pgd(), adversarial_share = 0.5 }), expected)
end

local function kl_slopes(clean, attacked)
  local p, q = nn.softmax(clean), nn.softmax(attacked)
  local difference = p:log() - q:log()
  local divergence = (p * difference):sum(2):reshape(-1, 1)
  return p * (difference - divergence), q - p, divergence:sum()
end

-- What training.perturb has made, and of what, while f is called.
local function perturbed(f)
  local training, x_adv, seed = require "perigee.training", nil, nil
  local perturb = training.perturb
  function training.perturb(...)
    x_adv, seed = perturb(...), select(5, ...)
    return x_adv
  end
  local ok, message = pcall(f)
  training.perturb = perturb
  if not ok then error(message, 0) end
  return x_adv, seed
end

-- TRADES' step by the formula and the net's own gradients of its weights.
function TestTraining.test_a_step_of_trades()
  local ds, net, beta = blobs(48), blob_net { 0, 1, 2 }, 2.5
  local twin, stepped = net:clone(), nil
  local x_adv, seed = perturbed(function()
    stepped = step_of(twin, ds, { adversary = pgd(), trades = beta })
  end)
  local clean, attacked = net:scores(ds), net:scores(x_adv)
  local toward, away, divergence = kl_slopes(clean, attacked)
  local p = nn.softmax(clean)
  local onehot = ds.y:reshape(-1, 1):eq(array.arange(3):reshape(1, 3))
  local entropy = -(p:log() * onehot):sum() / 48
  local _, one = net:backward(ds, { fc2 = (p - onehot + beta * toward) / 48 }, { weights = true })
  local _, other = net:backward(x_adv, { fc2 = beta * away / 48 }, { weights = true })
  local expected = net:weights()
  for name, values in pairs(expected) do expected[name] = values - 0.1 * (one[name] + other[name]) end
  assert_close(stepped, expected, 1e-5)
  lu.assertAlmostEquals(twin.trained.loss, entropy + beta * divergence / 48, 1e-6)
  lu.assertStrContains(twin.trained.adversary, "maximising the divergence from the clean scores")
  -- What the adversary made is what the same attack makes of that divergence, by the tape.
  local function negative_kl(s, _, info)
    local own, q = p:take(info.rows, 1), nn.softmax(s)
    return (own * (q:log() - own:log())):sum(2)
  end
  local start = ds.x + 1e-3 * array.randn(48, 6, { seed = seed })
  local same = pgd { model = net, objective = negative_kl }:run(ds, { y = net:predict(ds), start = start })
  lu.assertTrue((same.x_adv - x_adv):abs():max() < 1e-5)
end

-- The loss that TRADES' adversary minimises: its gradient by central differences, and rows by their places.
function TestTraining.test_the_divergence()
  local clean = array.randn(5, 4, { seed = 1, dtype = "f64" }) * 2
  local loss = require("perigee.training").divergence(clean)
  local info = { rows = array.new({ 4, 2, 4 }, { dtype = "i32" }) }
  local scores = array.randn(3, 4, { seed = 2, dtype = "f64" }) * 2
  local value, gradient = loss(scores, nil, info)
  local p, q = nn.softmax(clean:take(info.rows, 1)), nn.softmax(scores)
  lu.assertTrue((value + (p * (p:log() - q:log())):sum(2)):abs():max() < 1e-12)
  lu.assertAlmostEquals(loss(clean:take(info.rows, 1), nil, info):abs():max(), 0, 1e-15)
  for c = 1, 4 do
    local step = array.onehot({ c - 1 }, 4):astype "f64" * 1e-5
    local slope = (loss(scores + step, nil, info) - loss(scores - step, nil, info)) / 2e-5
    lu.assertTrue((slope - gradient:slice(nil, { c, c }):reshape(3)):abs():max() < 1e-9)
  end
end

-- It diverges farther than what the same attack finds by its own objectives, from the same starts.
function TestTraining.test_the_adversary_of_trades_diverges()
  local ds, net = blobs(60), blob_net { 0, 1, 2 }
  nn.train(net, ds, { epochs = 3, batch = 20, lr = 0.1, seed = 1 })
  local function divergence(x_adv)
    local p, q = nn.softmax(net:scores(ds)), nn.softmax(net:scores(x_adv))
    return (p * (p:log() - q:log())):sum(2):mean()
  end
  local options = { dmax = 0.2, max_iter = 20 }
  local found = require("perigee.training").perturb(pgd(options), net, ds.x, ds.y, 3, true)
  local start = ds.x + 1e-3 * array.randn(60, 6, { seed = 3 })
  for _, objective in ipairs { "margin", "cross_entropy" } do
    options.objective = objective
    local other = pgd(options):run(ds, { model = net, y = ds.y, start = start }).x_adv
    lu.assertTrue(divergence(found) > divergence(other), divergence(found) .. " " .. divergence(other))
  end
end

-- Learned against an attack, a net stands it better; the same seed gives the same bits.
function TestTraining.test_an_adversary_makes_robust()
  local ds = data.digits(240, { seed = 1, classes = { 0, 1, 2 } })
  local function digit_net()
    local net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten(), nn.linear { out = 8 }, nn.relu(),
      nn.linear { out = 3 } }
    nn.train(net, ds, { epochs = 4, batch = 24, seed = 2 })
    return net
  end
  local function robust(net)
    local counts = pgd { model = net, dmax = 2.5, max_iter = 20 }:run(ds):counts()
    return 1 - (counts.evaded + counts.wrong) / #ds
  end
  local plain, hardened, twin, trades = digit_net(), digit_net(), digit_net(), digit_net()
  local options = { epochs = 6, batch = 24, lr = 0.02, seed = 2 }
  nn.train(plain, ds, options)
  options.adversary = pgd { dmax = 2.5, restarts = 1, objective = "cross_entropy" }
  nn.train(hardened, ds, options)
  nn.train(twin, ds, options)
  assert_same(hardened:weights(), twin:weights())
  lu.assertTrue(robust(hardened) > robust(plain) + 0.05, robust(hardened) .. " " .. robust(plain))
  lu.assertStrContains(hardened.trained.adversary, "attack.pgd: l2, dmax 2.5")
  options.trades = 3
  nn.train(trades, ds, options)
  lu.assertTrue(robust(trades) > robust(plain) + 0.05, robust(trades) .. " " .. robust(plain))
  lu.assertEquals(trades.trained.trades, 3)
end

-- The data are right; it is the noise that leaves the adversary's bounds.
function TestTraining.test_an_adversary_of_noisy_samples()
  local ds = data.new { x = array.rand(12, 4, { seed = 1 }), y = array.arange(12) % 2 }
  local net = nn.new { input = { 1, 2, 2 }, classes = { 0, 1 }, nn.flatten(), nn.linear { out = 2 } }
  local noise = { noise = 0.5 }
  raises("adversary, of samples with augment's noise, which goes beyond the bounds too: attack.pgd: sample ",
    nn.train, net, ds, { epochs = 1, augment = noise, adversary = pgd { lower = 0, upper = 1 } })
  nn.train(net, ds, { epochs = 1, augment = noise, adversary = pgd { lower = -9, upper = 9 } })
  raises("nn.train: adversary: attack.pgd: sample ", nn.train, net, ds,
    { epochs = 1, adversary = pgd { lower = 2, upper = 3 } })
end

function TestTraining.test_adversaries_that_are_none()
  local ds, net = blobs(12), blob_net()
  raises("nn.train: adversary: expected an attack, such as attack.pgd{", nn.train, net, ds, { adversary = 3 })
  raises("nn.train: adversary: its model is another one", nn.train, net, ds,
    { adversary = pgd { model = blob_net():fit(ds, { epochs = 1 }) } })
  raises("nn.train: trades needs an adversary", nn.train, net, ds, { trades = 1 })
  raises("nn.train: adversarial_share needs an adversary", nn.train, net, ds, { adversarial_share = 0.5 })
  raises("nn.train: trades: expected a number from 0", nn.train, net, ds, { trades = -1, adversary = pgd() })
  for _, none in ipairs { attack.fmn { norm = "l2" }, attack.ensemble { pgd(), pgd() } } do
    raises("trades: its adversary sets out beside each sample and maximises the divergence: expected",
      nn.train, net, ds, { trades = 1, adversary = none })
  end
  raises("no use for an objective of its own", nn.train, net, ds,
    { trades = 1, adversary = pgd { objective = function(s) return s:sum(2) end } })
  raises("net:fit: adversary: expected an attack", net.fit, net, ds, { adversary = "pgd" })
  raises("dmax", nn.train, net, ds, { adversary = attack.pgd {} })
  raises("nn.train: adversary: attack.pgd: sample 1: feature ", nn.train, net,
    data.new { x = ds.x + 2, y = ds.y }, { adversary = pgd() })
  lu.assertEquals(net.classes, {}) -- and it is as it was
end

-- ---- Steps and rates ----------------------------------------------------------------------------

-- Softmax cross-entropy's gradient of a linear net, written once more.
local function gradient_of(w, ds)
  local x, y = ds.x:astype "f64", ds.y:reshape(-1, 1):eq(array.arange(3):reshape(1, 3))
  local p = nn.softmax(x:matmul(w.weight:transpose()) + w.bias)
  local slopes = (p - y) / #ds
  return { weight = slopes:transpose():matmul(x), bias = slopes:sum(1) }
end

local function for_each(f, first, ...)
  local made = {}
  for name in pairs(first) do
    local values = {}
    for i, table_of in ipairs { first, ... } do values[i] = table_of[name] end
    made[name] = f(table.unpack(values))
  end
  return made
end

-- PyTorch's formulas (torch.optim), a step of each kind from a state.
local formulas = {}
function formulas.sgd(o, s, w, g)
  if o.clip then
    local length = math.sqrt((g.weight:square():sum() + g.bias:square():sum()))
    g = for_each(function(a) return a * math.min(1, o.clip / (length + 1e-6)) end, g)
  end
  g = for_each(function(a, b) return a + o.weight_decay * b end, g, w)
  s.v = s.v and for_each(function(a, b) return o.momentum * a + b end, s.v, g) or g
  local d = o.nesterov and for_each(function(a, b) return a + o.momentum * b end, g, s.v) or s.v
  return for_each(function(a, b) return a - o.lr * b end, w, d)
end
function formulas.adam(o, s, w, g)
  s.t = (s.t or 0) + 1
  if o.optimizer == "adamw" then
    w = for_each(function(a) return a * (1 - o.lr * o.weight_decay) end, w)
  else
    g = for_each(function(a, b) return a + o.weight_decay * b end, g, w)
  end
  local rest = for_each(function(a) return a * 0 end, g)
  s.m = for_each(function(a, m) return (1 - o.beta1) * a + o.beta1 * m end, g, s.m or rest)
  s.v = for_each(function(a, v) return (1 - o.beta2) * a * a + o.beta2 * v end, g, s.v or rest)
  return for_each(function(a, m, v)
    return a - o.lr / (1 - o.beta1 ^ s.t) * m / ((v / (1 - o.beta2 ^ s.t)):sqrt() + o.epsilon)
  end, w, s.m, s.v)
end
formulas.adamw = formulas.adam

function TestTraining.test_optimizers_by_their_formulas()
  local ds = blobs(36)
  for _, own in ipairs {
    { optimizer = "sgd", momentum = 0.8 }, { optimizer = "sgd", momentum = 0.8, nesterov = true },
    { optimizer = "sgd", momentum = 0.5, clip = 0.05 }, { optimizer = "adam" }, { optimizer = "adamw" },
  } do
    local o = { weight_decay = 0.1, lr = 0.05, epochs = 4, batch = 36, seed = 1 }
    if own.optimizer ~= "sgd" then o.beta1, o.beta2, o.epsilon = 0.8, 0.95, 1e-6 end
    for name, value in pairs(own) do o[name] = value end
    local net = nn.new { input = { 6 }, seed = 3, nn.linear { name = "fc", out = 3 } }
    local first = net:weights()
    local w = { weight = first["fc.weight"]:astype "f64", bias = first["fc.bias"]:astype "f64" }
    local state = {}
    for _ = 1, 4 do w = formulas[o.optimizer](o, state, w, gradient_of(w, ds)) end
    nn.train(net, ds, o)
    assert_close(net:weights(), { ["fc.weight"] = w.weight, ["fc.bias"] = w.bias }, 2e-6)
    lu.assertEquals(net.trained.optimizer, o.optimizer)
  end
end

function TestTraining.test_schedules()
  local ds = blobs(12)
  local function rates(options)
    options.epochs = 4
    return nn.train(blob_net(), ds, options).lr
  end
  lu.assertEquals(rates { lr = 0.5, lr_decay = 0.5, lr_step = 2 }, { 0.5, 0.5, 0.25, 0.25 })
  lu.assertEquals(rates { lr = function(epoch) return epoch / 10 end }, { 0.1, 0.2, 0.3, 0.4 })
  lu.assertEquals(rates { optimizer = "adam" }, { 1e-3, 1e-3, 1e-3, 1e-3 })
  lu.assertEquals(rates { optimizer = "adam", lr = 0.02 }, { 0.02, 0.02, 0.02, 0.02 })
  for e, rate in ipairs(rates { lr = 0.4, schedule = "cosine" }) do
    lu.assertAlmostEquals(rate, 0.2 * (1 + math.cos(math.pi * (e - 1) / 4)), 1e-15)
  end
  lu.assertAlmostEquals(rates({ lr = "cosine" })[3], 0.01, 1e-15)
  raises('lr: expected a number, a function of the epoch, "cosine" or "step", got the string "linear"',
    rates, { lr = "linear" })
  raises('lr: the function answered the string "x" for epoch 1', rates, { lr = function() return "x" end })
  raises("lr: the function answered -1 for epoch 2", rates,
    { lr = function(e) return e == 1 and 1 or -1.0 end })
  lu.assertEquals(rates { lr = 0.5, schedule = "step", lr_step = 2 }, { 0.5, 0.5, 0.05, 0.05 })
  raises('lr_step needs lr_decay, or schedule = "step", which decays by 0.1', rates, { lr_step = 3 })
  lu.assertAlmostEquals(rates({ lr = "step" })[2], 0.002, 1e-15)
  lu.assertEquals(rates { lr = "step", lr_decay = 0.5, lr_step = 2 }, { 0.02, 0.02, 0.01, 0.01 })
  lu.assertEquals(rates { lr = "step", lr_decay = 1 }, { 0.02, 0.02, 0.02, 0.02 })
  local function constant() return 0.1 end
  for _, case in ipairs {
    { 'lr_decay belongs to the schedule "step", here it is "cosine"', schedule = "cosine", lr_decay = 0.5 },
    { 'lr_step belongs to the schedule "step", here it is "constant"', schedule = "constant", lr_step = 2 },
    { 'lr_step belongs to the schedule "step", here lr is a function', lr = constant, lr_step = 2 },
    { 'schedule belongs to a number as lr, here lr is a function', lr = constant, schedule = "cosine" },
    { 'lr and schedule: both say how the rate goes', lr = "cosine", schedule = "step" },
    { 'momentum belongs to the optimizer "sgd", here it is "adam"', optimizer = "adam", momentum = 0.5 },
    { 'beta1 belongs to the optimizers "adam" and "adamw", here it is "sgd"', beta1 = 0.5 },
    { 'beta2 belongs to the optimizers "adam" and "adamw", here it is "sgd"', beta2 = 0.5 },
    { 'epsilon belongs to the optimizers "adam" and "adamw", here it is "sgd"', epsilon = 1e-3 },
  } do
    local message = table.remove(case, 1)
    raises("nn.train: " .. message, rates, case)
  end
  raises("nesterov needs the optimizer", rates, { nesterov = true, optimizer = "adam" })
  raises("nesterov needs the optimizer", rates, { nesterov = true, momentum = 0 })
  for name, wrong in pairs {
    optimizer = "rmsprop", schedule = 3, momentum = 2, beta1 = 1, epsilon = -1, clip = -1, patience = -1,
    label_smoothing = 1,
  } do
    raises("nn.train: " .. name .. ": expected ", rates, { [name] = wrong })
  end
end

-- The net is the one that the best epoch alone would have left.
function TestTraining.test_patience()
  local ds, other = blobs(60), data.new { x = array.rand(30, 6, { seed = 1 }), y = array.arange(30) % 3 }
  local options = { epochs = 40, batch = 20, lr = 0.3, seed = 1, validation = other, patience = 3 }
  local net = blob_net()
  local history = nn.train(net, ds, options)
  lu.assertEquals(history.ended, "patience")
  lu.assertEquals(history.epochs, history.best + 3)
  lu.assertEquals(history.validation_loss[history.best], math.min(table.unpack(history.validation_loss)))
  lu.assertStrContains(tostring(history), ("epoch %d was best"):format(history.best))
  lu.assertEquals(net.trained.best_epoch, history.best)
  local twin = blob_net()
  options.patience, options.epochs = nil, history.best
  nn.train(twin, ds, options)
  assert_same(net:weights(), twin:weights())
  raises("patience needs validation", nn.train, net, ds, { patience = 3 })
end

-- ---- Images changed at random -------------------------------------------------------------------

local function digit_net()
  return nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten(), nn.linear { name = "fc", out = 3 } }
end

function TestTraining.test_augmentation()
  local ds = data.digits(30, { seed = 1, classes = { 0, 1, 2 } })
  local function trained(augment, options)
    local o = { epochs = 2, batch = 12, seed = 5, augment = augment }
    for name, value in pairs(options or {}) do o[name] = value end
    local net = digit_net()
    nn.train(net, ds, o)
    return net:weights(), net
  end
  assert_same(trained("shift"), trained(nil, { shift = 1 }))
  local images = ds.x:reshape(30, 28, 28):take(array.arange(28, 0, -1), 3)
  local mirrored = data.new { x = images:reshape(30, 784), y = ds.y, shape = ds.shape }
  local twin = digit_net()
  nn.train(twin, mirrored, { epochs = 2, batch = 12, seed = 5 })
  assert_same(trained { flip = 1 }, twin:weights())
  assert_same(trained { "crop", noise = 0.2 }, (trained { crop = 2, noise = 0.2 }))
  lu.assertFalse(trained("crop")["fc.weight"]:eq(trained(nil)["fc.weight"]):all())
  local function noisy(x, random)
    return x + 0.1 * array.randn(x.shape[1], x.shape[2], { seed = random() })
  end
  assert_same(trained(noisy), (trained(noisy)))
  lu.assertFalse(trained(noisy)["fc.weight"]:eq(trained(function(x) return x end)["fc.weight"]):all())
  assert_same(trained(function(x) return x end, { epochs = 1 }), (trained(nil, { epochs = 1 })))
  local _, net = trained { "shift", "flip" }
  lu.assertEquals(net.trained.augment, "shift 1, flip 0.5")
  raises('augment: expected "shift", "flip", "crop" or "noise", got the string "rotate"', trained,
    { "rotate" })
  raises("augment: unknown option 'rotate'", trained, { rotate = 1 })
  raises("augment: flip: expected a number from 0 to 1, got 2", trained, { flip = 2 })
  raises("augment: expected a function, or some of", trained, 3)
  raises("augment: the function answered (2, 784), expected (12, 784)", trained,
    function(x) return x:slice { 1, 2 } end)
  assert_same(trained("shift", { shift = 1 }), (trained "shift")) -- the same said twice
  raises("shift: augment has another, 1, got 2", trained, "shift", { shift = 2 })
  raises("augment: shift, crop and flip need images", nn.train, blob_net(), blobs(12), { augment = "flip" })
end

-- A ramp stays a ramp where a part of it is enlarged, from corner to corner of that part.
function TestTraining.test_a_crop_of_a_ramp()
  local rows, columns = array.arange(5):reshape(5, 1) * 10, array.arange(6):reshape(1, 6)
  local ramp, labels, seen = (rows + columns):reshape(1, 30), {}, nil
  for i = 1, 30 do labels[i] = i - 1 end
  local net = nn.new { input = { 1, 5, 6 }, classes = labels, nn.flatten(),
    nn.linear { name = "fc", out = 30 } }
  local path = os.tmpname()
  data.save_safetensors(path, { ["fc.weight"] = array.eye(30), ["fc.bias"] = array.zeros(30) })
  net:load_weights(path)
  os.remove(path)
  local function look(s)
    seen = s:reshape(s.shape[1], 5, 6):astype "f64"
    return s:sum(2) * 0, s * 0
  end
  nn.train(net, data.new { x = array.concatenate({ ramp, ramp, ramp, ramp, ramp, ramp, ramp, ramp }, 1),
    y = array.zeros { 8, dtype = "i32" }, shape = { 1, 5, 6 } },
    { epochs = 1, batch = 8, seed = 2, augment = { crop = 3 }, loss = look })
  local heights = {}
  for i = 1, 8 do
    local image = seen[i]
    local down, right = (image:at(5, 1) - image:at(1, 1)) / 4, (image:at(1, 6) - image:at(1, 1)) / 5
    local expected = image:at(1, 1) + rows * (down / 10) + columns * right
    lu.assertTrue((image - expected):abs():max() < 1e-4)
    lu.assertAlmostEquals(down * 4 / 10, math.floor(down * 4 / 10 + 0.5), 1e-5) -- the part's, whole pixels
    heights[down] = true
  end
  lu.assertTrue(next(heights, next(heights)) ~= nil) -- several were drawn
end

-- ---- Functions of one's own ---------------------------------------------------------------------

local function onehot(y) return y:reshape(-1, 1):eq(array.arange(3):reshape(1, 3)) end

-- Cross-entropy in four spellings, and what is built in.
function TestTraining.test_a_loss()
  local ds = blobs(50)
  local function trained(loss, options)
    local o = { epochs = 2, batch = 20, lr = 0.1, seed = 5, loss = loss }
    for name, value in pairs(options or {}) do o[name] = value end
    local net = blob_net()
    local history = nn.train(net, ds, o)
    return net:weights(), history.loss[2]
  end
  local weights, value = trained "cross_entropy"
  local function each(s, y) return s:exp():sum(2):log() - (s * onehot(y)):sum(2) end
  for _, loss in ipairs {
    each, function(s, y) return each(s, y):mean() end,
    function(s, y) return each(s, y), nn.softmax(s) - onehot(y) end,
    function(s, y) return each(s, y):mean(), (nn.softmax(s) - onehot(y)) / #y end,
  } do
    local own, mean = trained(loss)
    assert_close(own, weights, 1e-6)
    lu.assertAlmostEquals(mean, value, 1e-6)
  end
  -- Smoothed labels are another target.
  local smoothed = trained(nil, { label_smoothing = 0.3 })
  assert_close(trained(function(s, y)
    return s:exp():sum(2):log() - (s * (onehot(y) * 0.7 + 0.1)):sum(2)
  end), smoothed, 1e-6)
  raises("the function answered an array f32[20x3], expected one number, or one for each of 20", trained,
    function(s) return s end)
  raises("loss: the function's second answer is 3", trained, function(s) return s:sum(2), 3 end)
  raises("test_training.lua:", trained, function() error "of my own" end)
  raises("called coroutine.yield", trained, function() coroutine.yield() end)
  raises('loss: expected a function of logits and labels, or "cross_entropy", got the string "mse"', trained,
    "mse")
  for _, constant in ipairs { function() return 3 end, function(_, y) return y * 0.5 end,
    function(s) return grad.stop(s):sum(2) end } do
    raises("loss: how the loss follows from the logits is not known: make it by array functions, or answer",
      trained, constant)
  end
  raises("both say what the loss is", trained, each, { trades = 1, adversary = pgd() })
  raises("label_smoothing and loss", trained, each, { label_smoothing = 0.1 })
end

function TestTraining.test_on_epoch()
  local ds, seen, net = blobs(30), {}, blob_net()
  local history = nn.train(net, ds, { epochs = 5, lr = 0.1, validation = ds, on_epoch = function(state)
    seen[#seen + 1] = { state.epoch, state.epochs, state.lr, state.loss, state.validation_loss }
    lu.assertEquals(metrics.accuracy(state.net, ds), state.validation_accuracy)
    return state.epoch == 3 and "stop" or nil
  end })
  lu.assertEquals(history.ended, "on_epoch")
  lu.assertEquals(#seen, 3)
  lu.assertEquals(seen[3], { 3, 5, 0.1, history.loss[3], history.validation_loss[3] })
  raises('on_epoch answered 1, expected nothing or "stop"', nn.train, net, ds,
    { on_epoch = function() return 1 end })
  raises("nn.train: on_epoch: expected a function, got 3", nn.train, net, ds, { on_epoch = 3 })
end

-- A training's own functions cannot train its net, and leave it as it was.
function TestTraining.test_training_inside_a_training()
  local ds, net = blobs(30), blob_net { 0, 1, 2 }
  local before = net:weights()
  local function inside() nn.train(net, ds, { epochs = 1 }) end
  local function refused(options)
    options.epochs = 2
    raises("this net is being trained: a function that its training calls cannot train it", nn.train, net, ds,
      options)
    assert_same(net:weights(), before)
  end
  refused { on_epoch = function() net:fit(ds) end }
  refused { on_epoch = inside }
  refused { loss = function(s) inside() return s:square():sum(2) end }
  refused { lr = function() inside() return 0.1 end }
  refused { augment = function(x) inside() return x end }
  refused { adversary = pgd { on_step = inside } }
  local other = blob_net()
  nn.train(net, ds, { epochs = 1, on_epoch = function() nn.train(other, ds, { epochs = 1 }) end })
  lu.assertEquals(other.trained.epochs_finished, 1)
end

-- ---- Checkpoints --------------------------------------------------------------------------------

-- Cut off in the middle of an epoch and called again, a training comes to the same bits.
function TestTraining.test_a_checkpoint()
  local ds, path, calls, left = blobs(60), os.tmpname(), 0, math.huge
  os.remove(path)
  local function augment(x, random)
    calls, left = calls + 1, left - 1 -- what a function sets itself may differ from run to run
    if left < 0 then error "cut off" end
    return x + 0.01 * array.randn(x.shape[1], x.shape[2], { seed = random() })
  end
  local function train(options)
    local o = { epochs = 6, batch = 20, optimizer = "adam", lr = "cosine", seed = 9, validation = ds,
      patience = 5, augment = augment, adversary = pgd { restarts = 1 }, adversarial_share = 0.5 }
    for name, value in pairs(options or {}) do o[name] = value end
    if o.seed == "any" then o.seed = nil end
    local net = blob_net()
    return net, nn.train(net, ds, o)
  end
  local whole, expected = train()
  left = 3 * 3 + 1 -- in the second batch of the fourth epoch
  raises("cut off", train, { checkpoint = path })
  left = 3 * 3 - 1
  raises("cut off", train, { checkpoint = path })
  left = math.huge
  local resumed, history = train { checkpoint = path }
  assert_same(resumed:weights(), whole:weights())
  for _, name in ipairs { "loss", "accuracy", "validation_loss", "lr" } do
    lu.assertEquals(history[name], expected[name], name)
  end
  lu.assertEquals(history.best, expected.best)
  calls = 0
  assert_same(train({ checkpoint = path }):weights(), whole:weights()) -- it is done
  lu.assertEquals(calls, 0)
  lu.assertEquals(train({ checkpoint = path, seed = "any" }).trained.seed, 9)
  raises("not the same lr;", train, { checkpoint = path, lr = 0.5 })
  raises("not the same seed;", train, { checkpoint = path, seed = 1 })
  raises("not the same samples;", nn.train, blob_net(), blobs(59), { checkpoint = path })
  raises("not the same net;", nn.train, digit_net(), data.digits(9, { classes = { 0, 1, 2 } }),
    { checkpoint = path })
  blob_net():fit(ds, { epochs = 1 }):save(path)
  raises("is none of a training", train, { checkpoint = path })
  io.open(path, "w"):write("nonsense"):close()
  raises("nn.train: checkpoint: ", train, { checkpoint = path })
  raises("nn.train: checkpoint: expected a string, got 3", train, { checkpoint = 3 })
  calls = 0
  raises("nn.train: checkpoint: ", train, { checkpoint = "/nowhere/at/all" })
  lu.assertEquals(calls, 0) -- told before the first step
  os.remove(path)
end

-- More epochs than before go on, and so does what on_epoch has stopped, to an unbroken training's bits.
function TestTraining.test_a_checkpoint_with_more_epochs()
  local ds, path = blobs(40), os.tmpname()
  local function train(options)
    local o = { batch = 20, lr = 0.1, lr_decay = 0.9, seed = 9 }
    for name, value in pairs(options) do o[name] = value end
    local net = blob_net()
    return net, nn.train(net, ds, o)
  end
  local whole = train { epochs = 6 }
  os.remove(path)
  local _, history = train { epochs = 4, checkpoint = path, on_epoch = function(state)
    return state.epoch == 2 and "stop" or nil
  end }
  lu.assertEquals({ history.epochs, history.ended }, { 2, "on_epoch" })
  _, history = train { epochs = 4, checkpoint = path }
  lu.assertEquals({ history.epochs, history.ended }, { 4, nil })
  local net
  net, history = train { epochs = 6, checkpoint = path }
  lu.assertEquals(history.epochs, 6)
  assert_same(net:weights(), whole:weights())
  raises("has 6 epochs already, expected epochs of 6 or more, got 5", train,
    { epochs = 5, checkpoint = path })
  os.remove(path)
  local patient = { epochs = 20, checkpoint = path, patience = 1, lr = 1,
    validation = data.new { x = array.rand(30, 6, { seed = 1 }), y = array.arange(30) % 3 } }
  local _, first = train(patient)
  lu.assertEquals(first.ended, "patience")
  patient.epochs = 30
  _, history = train(patient)
  lu.assertEquals({ history.epochs, history.ended }, { first.epochs, "patience" }) -- that one is finished
  os.remove(path)
  local function cosine(epochs)
    nn.train(blob_net(), ds, { epochs = epochs, lr = "cosine", seed = 1, checkpoint = path })
  end
  cosine(2)
  raises("not the same epochs, which a cosine's rates follow from; give what it began with", cosine, 3)
  os.remove(path)
end
