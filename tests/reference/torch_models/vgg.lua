-- models.py:lived(VGG()), by describe-torch-model.py:
-- dofile this file for the net with its weights.
local net = nn.new { input = { 3, 16, 16 },
  nn.sequence { name = "features",
    nn.conv2d { name = "0", out = 6, kernel = 3, padding = 1 },
    nn.batchnorm { name = "1" },
    nn.relu { name = "2" },
    nn.maxpool { name = "3", kernel = 2 },
    nn.conv2d { name = "4", out = 8, kernel = 3, padding = 1 },
    nn.batchnorm { name = "5" },
    nn.relu { name = "6" },
    nn.maxpool { name = "7", kernel = 2 },
  },
  nn.avgpool { name = "avgpool", kernel = 2 },
  nn.flatten { name = "flatten" },
  nn.sequence { name = "classifier",
    nn.linear { name = "0", out = 16 },
    nn.relu { name = "1" },
    nn.dropout { name = "2" },
    nn.linear { name = "3", out = 5 },
  },
}
local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""
net:load_weights(here .. "vgg.safetensors")
return net
