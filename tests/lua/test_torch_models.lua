-- Nets that scripts/describe-torch-model.py made of PyTorch's, beside what PyTorch says of them in float64:
-- reference/torch_models/make.py.
local lu = require "luaunit"

local here = debug.getinfo(1, "S").source:match "^@(.*)lua/test_torch_models%.lua$" or "tests/"
local folder = here .. "reference/torch_models/"
local answers = data.safetensors(folder .. "answers.safetensors")
local N = 6
local nets = { "lenet", "vgg", "resnet", "wide", "bottleneck" }

-- ((37 i² + 11 i + 101 salt) mod 1021) / 1024 for i = 0, 1, …
local function numbers(salt, rows, columns)
  local list = {}
  for i = 0, rows * columns - 1 do list[i + 1] = ((37 * i + 11) * i + 101 * salt) % 1021 / 1024 end
  return array.new(list):reshape(rows, columns):astype "f32"
end

local function near(what, got, want, bound)
  local off = (got:astype "f64":reshape(-1) - want:astype "f64":reshape(-1)):abs():max() / want:abs():max()
  lu.assertTrue(off <= bound, ("%s: off by %g of the largest"):format(what, off))
end

local function logits_of(name, net, x)
  local y = net:forward(x)
  return name == "lenet" and y:log_softmax() or y
end

TestTorchModels = {}

function TestTorchModels.test_logits()
  for _, name in ipairs(nets) do
    local net = dofile(folder .. name .. ".lua")
    local y = answers[name .. "/y"]
    local got = logits_of(name, net, numbers(1, N, net.features))
    lu.assertTrue((got:astype "f64" - y:astype "f64"):abs():max() <= 1e-4, name)
    near(name, got, y, 1e-5)
  end
end

function TestTorchModels.test_input_gradients()
  for _, name in ipairs(nets) do
    local net = dofile(folder .. name .. ".lua")
    local x = numbers(1, N, net.features)
    local w = numbers(4, N, answers[name .. "/y"].shape[2]) - 0.5
    if name == "lenet" then w = w - net:forward(x):softmax() * w:sum(2):reshape(N, 1) end -- of log_softmax
    local dx = net:backward(x, { [net.layers[#net.layers].name] = w })
    near(name .. ": dx", dx, answers[name .. "/dx"], 1e-5)
  end
end

-- A step of training: every small parameter, and the running statistics, as PyTorch's step leaves them.
function TestTorchModels.test_a_step_of_training()
  for _, name in ipairs { "resnet", "bottleneck" } do
    local net = dofile(folder .. name .. ".lua")
    local classes = answers[name .. "/y"].shape[2]
    local samples = data.new { x = numbers(1, N, net.features), y = array.arange(N) % classes }
    nn.train(net, samples, { epochs = 1, batch = N, lr = 0.1, momentum = 0, weight_decay = 0, seed = 1 })
    local weights, compared = net:weights(), 0
    for key, want in pairs(answers) do
      local own = key:match("^" .. name .. "/after/(.*)$")
      if own then
        near(key, weights[own], want, 1e-5)
        compared = compared + 1
      end
    end
    lu.assertTrue(compared > 20, name)
  end
end

-- What is made of them is a net as any other, in files too.
function TestTorchModels.test_files()
  for _, name in ipairs(nets) do
    local net, path = dofile(folder .. name .. ".lua"), os.tmpname()
    local x = numbers(1, N, net.features)
    local y = net:forward(x)
    net:save(path)
    lu.assertTrue(array.equal(nn.load(path):forward(x), y), name)
    os.remove(path)
  end
end

-- The net of examples/11_torch.lua, by the example's own first half: each tensor of its file has a place, and
-- the logits are those of reference/torch_resnet20/make.py.
function TestTorchModels.test_the_example()
  local name = here .. "../examples/11_torch.lua"
  local file <close> = assert(io.open(name))
  local half = file:read "a":match "^(.*)%-%- Trained further:"
  local environment = setmetatable({ arg = {}, print = function() end }, { __index = _G })
  local first = assert(load(half .. "return net, fresh, theirs", "@" .. name, "t", environment))
  local net, fresh, theirs = first()
  lu.assertEquals(theirs.shape, { 20, 10 })
  local got = net:forward(fresh:slice(1, 20).x)
  lu.assertTrue((got:astype "f64" - theirs:astype "f64"):abs():max() <= 1e-4)
  lu.assertTrue(metrics.accuracy(net, fresh) > 0.95)

  -- Without one of its tensors, and with one too many, the file is refused.
  local tensors, path = data.safetensors(here .. "../examples/models/resnet20.safetensors"), os.tmpname()
  local shortcut = "layer2.0.shortcut.0.weight"
  tensors["layer2.0.shortcut.2.weight"] = tensors[shortcut]
  data.save_safetensors(path, tensors)
  net:load_weights(path, { strict = false })
  lu.assertErrorMsgContains("layer2.0.shortcut.2.weight", net.load_weights, net, path, { strict = true })
  tensors[shortcut], tensors["layer2.0.shortcut.2.weight"] = nil, nil
  data.save_safetensors(path, tensors)
  lu.assertErrorMsgContains("layer2.0.shortcut.0", net.load_weights, net, path)
  os.remove(path)
end

-- PyTorch's own files and ONNX are not read: the message says what to do.
function TestTorchModels.test_other_formats()
  local function refused(ending, bytes, message)
    local path = os.tmpname() .. ending
    local file <close> = assert(io.open(path, "wb"))
    file:write(bytes, ("x"):rep(40)):flush()
    local net = nn.new { input = { 3 }, nn.linear { out = 2 } }
    lu.assertErrorMsgContains(message, net.load_weights, net, path)
    os.remove(path)
  end
  refused(".pt", "PK\3\4", "scripts/describe-torch-model.py FILE.py:MODEL --state /tmp/")
  refused(".pt", "PK\3\4", "--input SHAPE, where SHAPE is a sample's, as in 3,32,32 (the installed")
  refused(".pt", "\x80\2", "if it is PyTorch's .pt, which is not read since reading it can run code")
  refused(".onnx", "\8\7\18", "ONNX is not read: make one of the PyTorch module by")
end
