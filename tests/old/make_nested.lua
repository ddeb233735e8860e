-- make_nested.lua — wrote net-nested.safetensors and expected-nested.npz, once, by the program as it was
-- when nets of blocks were new (0.1.0, revision e052301):
--
--     perigee --quiet --threads 1 tests/old/make_nested.lua FOLDER
--
-- As those of make.lua they are never written again, and every later program reads them.

local folder = arg[1] or error("make_nested.lua: name the folder to write to", 0)
local inputs = data.npz "tests/old/inputs.npz"

local function conv(out, options)
  options.out, options.kernel = out, options.kernel or 3
  return nn.conv2d(options)
end

local net = nn.new {
  input = { 1, 14, 14 }, seed = 1,
  nn.normalise { mean = 0.1, std = 0.3 },
  conv(6, { padding = "same", bias = false, name = "stem" }), nn.batchnorm { eps = 1e-4 }, nn.relu(),
  nn.sequence { name = "layer1",
    nn.residual {
      conv(6, { padding = "same", kernel = 2, groups = 6 }), nn.leaky_relu { negative_slope = 0.2 },
    },
    nn.residual {
      conv(8, { stride = 2, padding = 1 }), nn.batchnorm { affine = false }, nn.elu(),
      conv(8, { padding = { 1, 2 }, kernel = { 3, 5 } }), nn.dropout { p = 0.25 },
      shortcut = { name = "downsample", conv(8, { kernel = 1, stride = 2, name = "c" }), nn.batchnorm() },
    },
    nn.relu(),
  },
  nn.sequence { prefix = false, nn.residual { conv(8, { padding = 2, dilation = 2, groups = 2 }), nn.silu(),
    shortcut = nn.residual { nn.tanh(), nn.sigmoid() } } },
  nn.maxpool { kernel = 3, stride = 2, padding = 1, ceil_mode = true }, nn.avgpool { kernel = 2 },
  nn.flatten(), nn.layernorm(), nn.linear { out = 8, name = "head" }, nn.gelu(), nn.linear { out = 3 },
}
nn.train(net, inputs, { epochs = 80, batch = 12, lr = 0.02, momentum = 0.9, seed = 3 })
net:save(folder .. "/net-nested.safetensors")

local w = array.ones(#inputs, 3)
for i = 1, #inputs do w:set(-1, i, (i - 1) % 3 + 1) end
local taps = { "layer1.1", "layer1.1.downsample" }
local block, shortcut = net:forward(inputs.x:slice { 1, 4 }, taps)
data.save_npz(folder .. "/expected-nested.npz", {
  ["net-nested.scores"] = net:scores(inputs), ["net-nested.label"] = net:predict(inputs),
  ["net-nested.gradient"] = net:gradient(inputs, w), block = block, shortcut = shortcut,
})
