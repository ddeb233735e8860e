-- 10_layer.lua — layers and a loss of one's own: a small network whose classes are prototypes.

-- A layer without parameters is one function. It gets whole batches as users see them, here n × channels ×
-- height × width, and what it does is recorded: gradients follow from that.
local swish = nn.layer {
  name = "swish",
  forward = function(_, x) return x * x:sigmoid() end,
}

-- One with parameters finds them in self. A class's score is minus the squared distance from its prototype.
local prototypes = nn.layer {
  name = "prototypes", summary = "minus the squared distances from prototypes",
  options = { out = { type = "integer", low = 1, meaning = "how many" } },
  parameters = function(self, input) return { weight = { self.out, input[1] } } end,
  shape = function(self) return { self.out } end,
  forward = function(self, x)
    local w = self.weight
    return 2 * x:matmul(w.T) - x:square():sum(2):reshape(-1, 1) - w:square():sum(2)
  end,
}

local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 16, kernel = 5, stride = 2, name = "conv1" }, swish { name = "swish1" },
  nn.conv2d { out = 32, kernel = 3, stride = 2, name = "conv2" }, swish { name = "swish2" },
  nn.flatten {}, nn.linear { out = 32, name = "features" },
  prototypes { out = 10, name = "classes" },
}
print(net)

-- A loss of one's own sees the scores of a batch and its labels: every other class has to be farther away
-- than the true one, by 1 at least.
local function margins(scores, y)
  local truth = array.onehot(y, 10)
  local own = (scores * truth):sum(2):reshape(-1, 1)
  return array.maximum(scores - own + 1 - truth, 0):sum(2):mean()
end

local train, test = data.digits(2000, { seed = 1 }), data.digits(200, { seed = 2 })
print(nn.train(net, train, { epochs = 3, batch = 50, lr = 0.02, momentum = 0.9, seed = 1, loss = margins }))

-- Its file has names and numbers; the code is in this one, which runs before nn.load.
local path = os.tmpname()
net:save(path)
local loaded = nn.load(path)
os.remove(path)
print(("accuracy on fresh digits: %.1f %%"):format(100 * metrics.accuracy(loaded, test)))

-- It is attacked as any model is, through those layers.
local result = attack.apgd { model = loaded, norm = "linf", dmax = 0.1 }:run(test:slice(1, 100))
print(("APGD turns %d of %d"):format(result:counts().evaded, #result))
