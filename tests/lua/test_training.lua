-- What nn.train can do beside plain SGD: training against an adversary.

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

-- TRADES' step by the formula and the net's own gradients of its weights.
function TestTraining.test_a_step_of_trades()
  local ds, net, beta = blobs(48), blob_net { 0, 1, 2 }, 2.5
  local adversary = attack.fmn { norm = "l2", dmax = 0.4, max_iter = 5 }
  local x_adv = adversary:run(ds, { model = net }).x_adv
  local clean, attacked = net:scores(ds), net:scores(x_adv)
  local toward, away, divergence = kl_slopes(clean, attacked)
  local p = nn.softmax(clean)
  local onehot = ds.y:reshape(-1, 1):eq(array.arange(3):reshape(1, 3))
  local entropy = -(p:log() * onehot):sum() / 48
  local _, one = net:backward(ds, { fc2 = (p - onehot + beta * toward) / 48 }, { weights = true })
  local _, other = net:backward(x_adv, { fc2 = beta * away / 48 }, { weights = true })
  local expected = net:weights()
  for name, values in pairs(expected) do expected[name] = values - 0.1 * (one[name] + other[name]) end
  local twin = net:clone()
  assert_close(step_of(twin, ds, { adversary = adversary, trades = beta }), expected, 1e-5)
  lu.assertAlmostEquals(twin.trained.loss, entropy + beta * divergence / 48, 1e-6)
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

function TestTraining.test_adversaries_that_are_none()
  local ds, net = blobs(12), blob_net()
  raises("nn.train: adversary: expected an attack, such as attack.pgd{", nn.train, net, ds, { adversary = 3 })
  raises("nn.train: adversary: its model is another one", nn.train, net, ds,
    { adversary = pgd { model = blob_net():fit(ds, { epochs = 1 }) } })
  raises("nn.train: trades needs an adversary", nn.train, net, ds, { trades = 1 })
  raises("nn.train: adversarial_share needs an adversary", nn.train, net, ds, { adversarial_share = 0.5 })
  raises("nn.train: trades: expected a number from 0", nn.train, net, ds, { trades = -1, adversary = pgd() })
  raises("net:fit: adversary: expected an attack", net.fit, net, ds, { adversary = "pgd" })
  raises("dmax", nn.train, net, ds, { adversary = attack.pgd {} })
  lu.assertEquals(net.classes, {}) -- and it is as it was
end
