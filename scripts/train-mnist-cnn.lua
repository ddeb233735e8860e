-- Trains the CNN that is shipped as lua/perigee/models/mnist-cnn.safetensors, on the first half of
-- MNIST's training set. The other half is for the defences, which must not meet samples the net knows.

local path = arg[1] or "mnist-cnn.safetensors"

local first = data.mnist("train"):split(0.5, { seed = 1 })
local test = data.mnist("test")

local net = nn.new {
  input = { 1, 28, 28 }, classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, seed = 1,
  nn.conv2d { name = "conv1", out = 64, kernel = 5, stride = 2 },
  nn.relu { name = "relu1" },
  nn.conv2d { name = "conv2", out = 64, kernel = 3, stride = 2 },
  nn.relu { name = "relu2" },
  nn.conv2d { name = "conv3", out = 64, kernel = 3 },
  nn.relu { name = "relu3" },
  nn.flatten { name = "flatten" },
  nn.linear { name = "fc1", out = 32 },
  nn.relu { name = "relu4" },
  nn.dropout { name = "dropout", p = 0.5 },
  nn.linear { name = "classifier", out = 10 },
}
print(net)

local history = nn.train(net, first, {
  epochs = 15, batch = 64, lr = 0.05, lr_decay = 0.8, momentum = 0.9, weight_decay = 5e-4,
  shift = 1, seed = 1,
})
if history.interrupted then os.exit(130) end

print(("%5s %9s %9s %10s"):format("epoch", "loss", "accuracy", "rate"))
for e = 1, history.epochs do
  print(("%5d %9.4f %9.4f %10.2g"):format(e, history.loss[e], history.accuracy[e], history.lr[e]))
end

local predicted, right = net:predict(test), 0
for i = 1, #test do
  if predicted[i] == test.y[i] then right = right + 1 end
end
print(("%.2f %% of %d test digits recognised"):format(100 * right / #test, #test))

net:save(path)
print("wrote " .. path)
