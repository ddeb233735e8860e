-- nn.conv2d beside PyTorch's in float64, reference/torch_conv/make.py: output, gradients, weights in files.
local lu = require "luaunit"

local here = debug.getinfo(1, "S").source:match "^@(.*)lua/test_conv_torch%.lua$" or "tests/"
local folder = here .. "reference/torch_conv/"
local cases, answers = dofile(folder .. "cases.lua"), data.safetensors(folder .. "answers.safetensors")
local batch = 2

-- The formula of make.py.
local function numbers(salt, ...)
  local shape, count = { ... }, 1
  for _, size in ipairs(shape) do count = count * size end
  local i = array.arange(count, { dtype = "f64" })
  return ((((37 * i + 11) * i + 101 * salt) % 1021 - 510):astype "f32" / 512):reshape(...)
end

-- The case's net, filled from a file as PyTorch would have written it.
local function net_of(case)
  local options = { name = "conv" }
  for key, value in pairs(case) do
    if key ~= "input" and key ~= "name" then options[key] = value end
  end
  local net = nn.new { input = case.input, nn.conv2d(options) }
  local shape, path = net:weights()["conv.weight"].shape, os.tmpname()
  local weights = { ["conv.weight"] = numbers(2, table.unpack(shape)) }
  if case.bias ~= false then weights["conv.bias"] = numbers(3, case.out) end
  data.save_safetensors(path, weights)
  net:load_weights(path)
  os.remove(path)
  return net, weights
end

local function near(what, got, want, bound)
  local off = (got:astype "f64":reshape(-1) - want:astype "f64":reshape(-1)):abs():max() / want:abs():max()
  lu.assertTrue(off <= bound, ("%s: off by %g of the largest"):format(what, off))
end

TestConvTorch = {}

function TestConvTorch.test_cases()
  for _, case in ipairs(cases) do
    local net, weights = net_of(case)
    local function answer(key) return answers[case.name .. "/" .. key] end
    local c, h, w = table.unpack(case.input)
    local x, y = numbers(1, batch, c * h * w), answer "y"
    lu.assertEquals(net.layers[1].shape, { y.shape[2], y.shape[3], y.shape[4] }, case.name)
    near(case.name .. ", y", net:forward(x), y, 1e-5)
    local slope = numbers(4, batch, y.size // batch)
    local dx, dweights = net:backward(x, { conv = slope }, { weights = true })
    near(case.name .. ", dx", dx, answer "dx", 1e-5)
    near(case.name .. ", dweight", dweights["conv.weight"], answer "dweight", 1e-4)
    if case.bias ~= false then near(case.name .. ", dbias", dweights["conv.bias"], answer "dbias", 1e-4) end
    local own = net:weights()
    lu.assertEquals(own["conv.bias"] == nil, case.bias == false, case.name)
    for name, tensor in pairs(weights) do lu.assertTrue(own[name]:equal(tensor), case.name) end
  end
end

-- What the options must be, and that they come back from a file.
function TestConvTorch.test_options()
  local function new(options) return nn.new { input = { 6, 5, 5 }, nn.conv2d(options), nn.flatten() } end
  lu.assertErrorMsgContains("layer 1 (conv2d): groups: expected a number that divides the input's 6 "
    .. "channels and the output's 8 maps, got 3", new, { out = 8, kernel = 3, groups = 3 })
  lu.assertErrorMsgContains("a kernel of 3 x 3, with its dilation 7 x 7, is larger than the input (6, 5, 5) "
    .. "with a padding of 0, 0", new, { out = 8, kernel = 3, dilation = 3 })
  lu.assertErrorMsgContains("bias", new, { out = 8, kernel = 3, bias = 1 })
  lu.assertErrorMsgContains("layer 1 (conv2d): padding: \"same\" needs a stride of 1, but it is 2", new,
    { out = 8, kernel = 3, padding = "same", stride = { 1, 2 } })
  lu.assertErrorMsgContains("padding: expected an integer from 0 to 1048576 or {height, width} or \"same\", "
    .. "got the string \"valid\"", new, { out = 8, kernel = 3, padding = "valid" })
  lu.assertErrorMsgContains("kernel: expected", new, { out = 8, kernel = "same" })
  local x = array.rand(4, 150, { seed = 1 })
  local function comes_back(net)
    local path = os.tmpname()
    net:save(path)
    local back = nn.load(path)
    os.remove(path)
    lu.assertEquals(back.layers[1].parameters, 9 * 2 * 9)
    lu.assertEquals(back.layers[1].shape, net.layers[1].shape)
    lu.assertTrue(back:forward(x):equal(net:forward(x)))
    lu.assertTrue(net:clone():forward(x):equal(net:forward(x)))
  end
  comes_back(new { out = 9, kernel = 3, groups = 3, dilation = 2, bias = false })
  comes_back(new { out = 9, kernel = 3, groups = 3, padding = "same", bias = false })
  local wide = new { out = 2, kernel = 7, padding = "same" } -- larger than what it sees
  lu.assertEquals(wide.layers[1].shape, { 2, 5, 5 })
end
