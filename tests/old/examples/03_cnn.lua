-- 03_cnn.lua — a small convolutional network, trained in seconds.

local train = data.digits(3000, { seed = 1 })
local test = data.digits(500, { seed = 2 })

local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 16, kernel = 5, stride = 2, name = "conv1" }, nn.relu { name = "relu1" },
  nn.conv2d { out = 32, kernel = 3, stride = 2, name = "conv2" }, nn.relu { name = "relu2" },
  nn.flatten {},
  nn.linear { out = 10, name = "classifier" },
}
print(net) -- layers, output shapes, parameters

nn.train(net, train, { epochs = 3, batch = 50, lr = 0.05, momentum = 0.9, seed = 1 })
print(("accuracy on fresh digits: %.1f %%"):format(100 * metrics.accuracy(net, test)))
print(metrics.confusion(net, test))

-- Any layers' outputs in one pass, and the way back to the pixels.
local features, logits = net:forward(test[1], { "relu2", "classifier" })
print(features.shape[#features.shape], logits)
local towards_3 = array.zeros(1, 10)
towards_3:set(1, 1, 4) -- the column of class 3
print("largest pixel of the gradient of class 3's score:", net:gradient(test[1], towards_3):abs():max())
