-- 07_security.lua — how models stand up as the attacker may go farther: a security evaluation.
--
-- Two attacks, so that it shows what the weaker one hides: PGD along the gradient, and attack.auto, which is
-- made for each model. A sample that has evaded within some distance counts at every larger one.

local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 16, kernel = 5, stride = 2, name = "conv1" }, nn.relu { name = "relu1" },
  nn.flatten {},
  nn.linear { out = 10, name = "classifier" },
}
local train = data.digits(3000, { seed = 1 })
nn.train(net, train, { epochs = 3, batch = 50, lr = 0.05, momentum = 0.9, seed = 1 })
local machine = svm.new { kernel = svm.rbf(0.02), C = 10 }
machine:fit(train:sample(1000, { seed = 1 }))

local test = data.digits(300, { seed = 2 })

local security = evaluate.security {
  models = { cnn = net, nr = reject.new { model = machine, threshold = 0 } },
  attacks = { attack.pgd { norm = "l2" }, attack.auto { norm = "l2", quick = true } },
  validation = data.digits(200, { seed = 3 }), -- thresholds are set on these, to reject 10 %
  data = test, samples = 50, seed = 1,         -- 50 of the 300, the same for all
  dmax = { 0, 0.5, 1, 2 },
  -- checkpoint = "evaluation",                -- a folder: ended and started again, it goes on where it was
}
print(security) -- correct, rejected and evaded for every model, attack and dmax; random noise beside them
