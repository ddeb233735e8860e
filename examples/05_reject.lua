-- 05_reject.lua — saying "I do not know": a threshold on a model's best score (NR).

local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 16, kernel = 5, stride = 2, name = "conv1" }, nn.relu { name = "relu1" },
  nn.flatten {},
  nn.linear { out = 10, name = "classifier" },
}
local train = data.digits(3000, { seed = 1 })
nn.train(net, train, { epochs = 3, batch = 50, lr = 0.05, momentum = 0.9, seed = 1 })
local test = data.digits(500, { seed = 2 })

local nr = reject.new { model = net }
nr.threshold = nr:threshold_for(0.05, test) -- the threshold that rejects 5 % of these
print(nr)
print(metrics.report(nr, test))

-- Noise is no digit: how much of it is rejected?
local noise = data.new {
  x = array.rand({ 200, 784 }, { seed = 3 }), y = array.zeros({ 200 }, { dtype = "i32" }),
  shape = { 1, 28, 28 },
}
print(("rejected of pure noise: %.0f %%"):format(100 * metrics.rejection_rate(nr, noise)))

-- That holds for noise as it comes. An attacker who may change it a little has most of it taken for digits,
-- and digits for others.
local function rejected_of(samples, target)
  local pgd = attack.pgd { model = nr, norm = "l2", dmax = 1, target = target }
  return 100 * metrics.rejection_rate(pgd:run(samples))
end
print(("moved by 1, of a length of %.1f: %.0f %%"):format(noise.x[1]:norm(), rejected_of(noise, "each")))
print(attack.auto { model = nr, norm = "l2", dmax = 1, quick = true }:run(test:slice(1, 100)))
