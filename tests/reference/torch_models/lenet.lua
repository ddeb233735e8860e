-- models.py:lived(LeNet()), by describe-torch-model.py:
-- dofile this file for the net with its weights.
local net = nn.new { input = { 1, 14, 14 },
  nn.conv2d { name = "conv1", out = 4, kernel = 5 },
  nn.relu { name = "relu" },
  nn.maxpool { name = "max_pool2d", kernel = 2, ceil_mode = true },
  nn.conv2d { name = "conv2", out = 8, kernel = 3 },
  nn.tanh { name = "tanh" },
  nn.flatten { name = "view" },
  nn.dropout { name = "dropout", p = 0.3 },
  nn.linear { name = "fc1", out = 24 },
  nn.relu { name = "relu_1" },
  nn.linear { name = "fc2", out = 5 },
}
local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""
net:load_weights(here .. "lenet.safetensors")
return net
