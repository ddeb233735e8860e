-- The reference's tutorial on MNIST for tests and the bench: its CNN, the DNR from its own SVMs, and NR.
local mnist = {}

local folder = (os.getenv "PERIGEE_REFERENCE" or "../shared/reference") .. "/mnist/"

--- Are the case and MNIST at hand?
function mnist.is_here()
  local file = io.open(folder .. "case.json")
  if file then file:close() end
  return file ~= nil and data.find_mnist() ~= nil
end

--- An array of the case; positions from 1 where it holds indices.
function mnist.array(name) return data.npy(folder .. name .. ".npy") end

function mnist.positions(name) return array.new(mnist.array(name) + 1, { dtype = "i32" }) end

function mnist.net()
  local net = nn.new {
    input = { 1, 28, 28 }, seed = 1,
    nn.conv2d { out = 64, kernel = 5, stride = 2, name = "conv1" }, nn.relu { name = "relu1" },
    nn.conv2d { out = 64, kernel = 3, stride = 2, name = "conv2" }, nn.relu { name = "relu2" },
    nn.conv2d { out = 64, kernel = 3, name = "conv3" }, nn.relu { name = "relu3" },
    nn.flatten { name = "flatten" }, nn.linear { out = 32, name = "fc1" }, nn.relu { name = "relu4" },
    nn.dropout { p = 0.5, name = "dropout" },
    nn.linear { out = 10, name = "classifier" },
  }
  return net:load_weights(folder .. "mnist-cnn.safetensors")
end

--- The 5000 samples that the defence learns from, in their order.
function mnist.train() return data.mnist("train"):take(mnist.positions "train_index") end

local classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }

--- The SVMs of layers on the net's outputs for the samples that they learnt from, by the layers' names.
function mnist.layer_classifiers(net, train)
  local layers, made = { "relu2", "relu3", "relu4" }, {}
  local gamma = { relu2 = 1e-3, relu3 = 1e-2, relu4 = 1e-2 }
  for k, output in ipairs { net:forward(train.x, layers) } do
    local prefix = "layer_" .. layers[k] .. "_"
    made[layers[k]] = svm.from {
      sv = output:reshape(#train, -1):take(mnist.positions(prefix .. "sv_index"), 1),
      alpha = mnist.array(prefix .. "alpha"), b = mnist.array(prefix .. "b"),
      kernel = svm.rbf(gamma[layers[k]]), classes = classes,
    }
  end
  return made
end

function mnist.defence(net, train)
  return dnr.new {
    net = net, layers = { "relu2", "relu3", "relu4" },
    layer_classifiers = mnist.layer_classifiers(net, train),
    combiner = svm.from {
      sv = mnist.array "combiner_sv", alpha = mnist.array "combiner_alpha", b = mnist.array "combiner_b",
      kernel = svm.rbf(1), classes = classes,
    },
    threshold = -0.965087466318049,
  }
end

--- NR by the defence's own SVM on relu4; it rejects a tenth of 1000 test digits.
function mnist.rejector(defence)
  local classifier = reject.layer { net = defence.net, layer = "relu4", classifier = defence.relu4 }
  local rejector = reject.new { model = classifier }
  rejector.threshold = rejector:threshold_for(0.1, data.mnist("test"):per_class(100))
  return rejector
end

return mnist
