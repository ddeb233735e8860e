-- The tutorial in a tenth of a second: digits, a small CNN, a defence, an attack; files of all kinds
-- written into the folder arg[1], and read back. arg[2] makes others of the same names; arg[3] is
-- how many samples the defence learns from; the solver is the session's.

local folder, variant = arg[1], tonumber(arg[2] or 1)
local session = require "perigee.session"
local function path(name) return folder .. "/" .. name end
perigee.seed(variant)
local samples = tonumber(arg[3] or 100)
local digits = data.digits(samples + 10, { seed = variant })
local known, test = digits:slice(1, samples), digits:slice(samples + 1, samples + 10)
local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { name = "conv1", out = 4, kernel = 5, stride = 3 }, nn.relu { name = "relu1" },
  nn.flatten {}, nn.linear { name = "fc", out = 16 }, nn.relu { name = "relu2" }, nn.linear { out = 10 },
}
nn.train(net, known, { epochs = 1, batch = 20, lr = 0.05, momentum = 0.9 })
net:save(path "net.safetensors")
local function machine(gamma, C) return svm.new { kernel = svm.rbf(gamma), C = C } end
local defence = dnr.new {
  net = net, layers = { "relu1", "relu2" }, layer_classifier = machine(1e-2, 10), combiner = machine(1, 0.1),
}
defence:set { ["relu1.kernel.gamma"] = 1e-3 }
defence:fit(known)
defence.threshold = defence:threshold_for(0.10, test)
defence:save(path "dnr.safetensors")
print(metrics.accuracy(defence, test))
local guard = reject.new { model = net, threshold = 0.1 }
guard:save(path "nr.safetensors")
local pgd = attack.pgd_exp {
  model = defence, norm = "l2", dmax = 2, start_from = known, eta = 0.1, eta_min = 0.1, max_iter = 5,
  eps = 1e-8,
}
local result = pgd:run(test:slice(1, 3))
print(result)
result:save(path "result.safetensors")
result:csv(path "result.csv")
data.save_npz(path "digits.npz", { x = test.x, y = test.y }, { compress = true })
data.save_npy(path "x.npy", test.x)
data.save_safetensors(path "x.safetensors", { x = test.x }, { note = "text" })
rawset(_G, "kept", { net, defence, result, { 1, "two", 1 / 3 }, test, test.x })
session.save(path "session.pgz", "kept")
print(perigee.load(path "dnr.safetensors"))
local back = {}
session.restore(path "session.pgz", { into = back })
print(back.kept[3])
print(perigee.load(path "result.safetensors"):rescore(guard))
