-- models.py:lived(Normalised()), by describe-torch-model.py:
-- dofile this file for the net with its weights.
local net = nn.new { input = { 3, 6, 6 },
  nn.normalise { name = "truediv", mean = { 0.5, 0.25, 0.125 }, std = { 0.25, 0.5, 0.375 } },
  nn.sequence { name = "block",
    nn.residual { name = "add", prefix = false,
      nn.conv2d { name = "conv1", out = 4, kernel = 1, bias = false },
      nn.batchnorm { name = "bn1" },
      nn.relu { name = "relu" },
      nn.conv2d { name = "conv2", out = 4, kernel = 3, stride = 2, padding = 1, groups = 2, bias = false },
      nn.batchnorm { name = "bn2" },
      nn.relu { name = "relu_1" },
      nn.conv2d { name = "conv3", out = 8, kernel = 1, bias = false },
      nn.batchnorm { name = "bn3" },
      shortcut = nn.sequence { name = "downsample",
        nn.conv2d { name = "0", out = 8, kernel = 1, stride = 2, bias = false },
        nn.batchnorm { name = "1" },
      },
    },
  },
  nn.relu { name = "relu_2" },
  nn.global_avgpool { name = "mean_1" },
  nn.linear { name = "fc", out = 5 },
}
local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""
net:load_weights(here .. "bottleneck.safetensors")
return net
