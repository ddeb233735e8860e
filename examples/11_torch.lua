-- 11_torch.lua — a ResNet-20 that PyTorch trained: loaded by its names, trained further, attacked.
--
--   perigee examples/11_torch.lua [--quick]
--
-- Its layers have 8, 16 and 32 channels, half of what He et al. (2016) have, and its weights a state dict in
-- float16 (its module: tests/reference/torch_resnet20/make.py). The logits are PyTorch's to within 1e-5.
-- PyTorch's net, and the one trained further, are right on 98 % of fresh images, and within linf 8/255
-- attack.auto turns all of them; the one trained on PGD's images is right on 85 %, and on 11 of 100 there.
-- Two and a half minutes on two cores, --quick some seconds. That is for the digits, without CIFAR-10.

local usage = "usage: 11_torch.lua [--quick] [--images FOLDER]"
local quick, images = false, nil
do
  local at = 1
  while arg[at] do
    if arg[at] == "--quick" then quick = true
    elseif arg[at] == "--images" and arg[at + 1] then at, images = at + 1, arg[at + 1]
    else error(usage, 0) end
    at = at + 1
  end
end

---------------------------------------------------------------------------------------------------
-- Images in CIFAR-10's shape: the built-in digits, enlarged from 28 × 28 to 32 × 32 by repeating some of the
-- rows and columns, each in a colour of its own on another.

local function coloured(count, seed)
  local digits = data.digits(count, { seed = seed })
  local nearest = (array.arange(32) * (28 / 32)):floor() + 1 -- 1, 1, 2, 3, …: of 32, the one of 28
  local pixels = (nearest:reshape(-1, 1) * 28 - 28 + nearest:reshape(1, -1)):reshape(-1)
  local ink = digits.x:take(pixels:astype "i32", 2):reshape(count, 1, 32 * 32)
  local colours = array.rand(2, count, 3, 1, { seed = seed })
  local x = colours[1] + (colours[2] - colours[1]) * ink
  return data.new { x = x:reshape(count, 3 * 32 * 32):astype "f32", y = digits.y, shape = { 3, 32, 32 } }
end

if images then -- what tests/reference/torch_resnet20/make.py trains PyTorch's module on
  coloured(5000, 1):save(images .. "/train.npz")
  coloured(500, 2):save(images .. "/test.npz")
  return
end

---------------------------------------------------------------------------------------------------
-- The net, with the names of the module's parts: layer1.0.conv1, layer2.0.shortcut.0, … A block is two
-- convolutions beside the input itself, or beside a 1 × 1 convolution where the shape changes.

local function conv(name, out, stride)
  return nn.conv2d { name = name, out = out, kernel = 3, stride = stride, padding = 1, bias = false }
end

local function block(name, out, stride, changes)
  local shortcut = changes and nn.sequence { name = "shortcut",
    nn.conv2d { name = "0", out = out, kernel = 1, stride = stride, bias = false },
    nn.batchnorm { name = "1" } }
  return nn.sequence { name = name,
    nn.residual { name = "add", prefix = false, shortcut = shortcut or nil,
      conv("conv1", out, stride), nn.batchnorm { name = "bn1" }, nn.relu { name = "relu1" },
      conv("conv2", out, 1), nn.batchnorm { name = "bn2" } },
    nn.relu { name = "relu2" } }
end

local function stage(name, out, stride)
  return nn.sequence { name = name,
    block("0", out, stride, stride > 1), block("1", out, 1), block("2", out, 1) }
end

local models = (debug.getinfo(1, "S").source:match "^@(.*/)" or "") .. "models/"

local function resnet20()
  local net = nn.new {
    input = { 3, 32, 32 },
    conv("conv1", 8, 1), nn.batchnorm { name = "bn1" }, nn.relu { name = "relu1" },
    stage("layer1", 8, 1), stage("layer2", 16, 2), stage("layer3", 32, 2),
    nn.global_avgpool { name = "pool" },
    nn.linear { name = "linear", out = 10 },
  }
  return net:load_weights(models .. "resnet20.safetensors", { strict = true }) -- refused if any are left over
end

local net = resnet20()
local fresh = coloured(500, 2)
local theirs = data.safetensors(models .. "resnet20-logits.safetensors").logits
local off = (net:forward(fresh:slice(1, #theirs).x) - theirs):abs():max()
print(("%d parameters; logits of %d images as by PyTorch, within %.1e"):format(net.parameters, #theirs,
  off))

---------------------------------------------------------------------------------------------------
-- Trained further: on images as they are, and with half of each batch as PGD leaves it (Madry et al. 2018);
-- with all of it at once the net forgets what it knows. Where CIFAR-10 is there it takes the digits' place
-- from here on, for more epochs: the net knew nothing of it.

local train, test = coloured(quick and 200 or 3000, 3), fresh
local cifar = not quick and pcall(data.cifar10, "train")
if cifar then
  train = data.cifar10("train"):sample(5000, { seed = 1 })
  test = data.cifar10("test"):sample(500, { seed = 2 })
end
print(("%d of %s to learn from"):format(#train, cifar and "the images of CIFAR-10" or "the coloured digits"))

local function further(options)
  local copy = resnet20()
  options.epochs = quick and 1 or cifar and 4 or 2
  options.batch, options.lr, options.schedule, options.momentum, options.seed = 50, 0.01, "cosine", 0.9, 1
  print(nn.train(copy, train, options))
  return copy
end

local plain = further {}
local hardened = further {
  adversarial_share = 0.5,
  adversary = attack.pgd { norm = "linf", dmax = 8 / 255, eta = 2 / 255, max_iter = 5,
    objective = "cross_entropy" },
}

---------------------------------------------------------------------------------------------------
-- And attacked: of how many images the class is still right after attack.auto, in per cent.

local attacked = quick and 20 or 100
local security = evaluate.security {
  models = { { "as PyTorch left it", net }, { "trained further", plain }, { "hardened", hardened } },
  attack = attack.auto { norm = "linf", quick = quick }, data = test, samples = attacked, seed = 0,
  dmax = { 0, 4 / 255, 8 / 255 }, noise = false,
}
local line = "%-20s %10s %10s %10s %10s"
print(("\nRight, in %%, of %d images; under attack.auto, linf, of %d.\n"):format(#test, attacked))
print(line:format("", "clean", "dmax 0", "4/255", "8/255"))
local right = {}
for _, row in ipairs(security:rows()) do
  right[row.model] = right[row.model] or {}
  table.insert(right[row.model], ("%.0f"):format(100 * row.accuracy))
end
for at, model in ipairs { net, plain, hardened } do
  local name = security.models[at]
  print(line:format(name, ("%.1f"):format(100 * metrics.accuracy(model, test)), table.unpack(right[name])))
end
print "\nWhat is right at the end, these attacks did not turn: no proof that none does."
