-- 07_security.lua — how a model stands up as the attacker may go farther: a security evaluation.

local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 16, kernel = 5, stride = 2, name = "conv1" }, nn.relu { name = "relu1" },
  nn.flatten {},
  nn.linear { out = 10, name = "classifier" },
}
local train = data.digits(3000, { seed = 1 })
nn.train(net, train, { epochs = 3, batch = 50, lr = 0.05, momentum = 0.9, seed = 1 })
local test = data.digits(100, { seed = 2 })

local nr = reject.new { model = net }
nr.threshold = nr:threshold_for(0.10, test)

local security = evaluate.security {
  models = { cnn = net, nr = nr },
  attack = attack.pgd { model = net, norm = "l2", eta = 0.1, max_iter = 30 },
  data = test,
  dmax = { 0, 0.5, 1, 2 },
}
print(security) -- correct, rejected and evaded for every model and dmax, with random noise beside them
