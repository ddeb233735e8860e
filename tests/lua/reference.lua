-- The small reference cases for tests: arrays, the CNN, its DNR from coefficients or to be fitted.
local reference = {}

function reference.array(case, name)
  return data.npy(("tests/reference/%s/%s.npy"):format(case, name))
end

local small = reference.array

--- The CNN of the small cases with the weights of small/dnr.
function reference.net()
  local net = nn.new {
    input = { 1, 12, 12 }, classes = { 0, 1, 2, 3, 4 }, seed = 1,
    nn.conv2d { out = 6, kernel = 3, stride = 2, name = "conv1" }, nn.relu { name = "relu1" },
    nn.conv2d { out = 8, kernel = 3, padding = 1, name = "conv2" }, nn.relu { name = "relu2" },
    nn.maxpool { kernel = 2, stride = 2, name = "pool" }, nn.flatten { name = "flatten" },
    nn.linear { out = 12, name = "fc1" }, nn.relu { name = "relu3" }, nn.linear { out = 5, name = "fc2" },
  }
  local weights = {}
  for _, layer in ipairs { "conv1", "conv2", "fc1", "fc2" } do
    for _, part in ipairs { "weight", "bias" } do
      weights[layer .. "." .. part] = small("dnr", ("p_%s_%s"):format(layer, part))
    end
  end
  local path = os.tmpname()
  data.save_safetensors(path, weights)
  net:load_weights(path)
  os.remove(path)
  return net
end

--- An RBF SVM of a case from PREFIXsv, PREFIXalpha, PREFIXb.
function reference.svm(case, prefix, gamma)
  return svm.from {
    sv = small(case, prefix .. "sv"), alpha = small(case, prefix .. "alpha"), b = small(case, prefix .. "b"),
    kernel = svm.rbf(gamma), classes = { 0, 1, 2, 3, 4 },
  }
end

reference.threshold = 0.9449734381349606

--- The DNR of small/dnr from its coefficients.
function reference.dnr()
  return dnr.new {
    net = reference.net(), layers = { "relu1", "relu2", "relu3" },
    layer_classifiers = {
      relu1 = reference.svm("dnr", "layer_relu1_", 0.01), relu2 = reference.svm("dnr", "layer_relu2_", 0.05),
      relu3 = reference.svm("dnr", "layer_relu3_", 0.05),
    },
    combiner = reference.svm("dnr", "combiner_", 1), threshold = reference.threshold,
  }
end

--- The same with its hyperparameters, not fitted.
function reference.untrained_dnr()
  local defence = dnr.new {
    net = reference.net(), layers = { "relu1", "relu2", "relu3" },
    layer_classifier = svm.new { kernel = svm.rbf(0.05), C = 10 },
    combiner = svm.new { kernel = svm.rbf(1), C = 0.5 },
  }
  return defence:set { ["relu1.kernel.gamma"] = 0.01, ["relu3.C"] = 1 }
end

function reference.train()
  return data.new { x = small("dnr", "train_x"), y = small("dnr", "train_y"), shape = { 12, 12 } }
end

function reference.test()
  return data.new { x = small("dnr", "test_x"), y = small("dnr", "test_y"), shape = { 12, 12 } }
end

--- The largest |a − b| of two arrays of one shape; infinities of one sign are equal.
function reference.gap(a, b)
  return array.where(a:eq(b), 0, (a - b):abs()):max()
end

--- The labels that differ although the best score is farther than `margin` from the threshold and the
-- next best.
function reference.differing(scores, labels, expected, margin)
  local n, columns, count = #scores, scores.shape[2], 0
  for i = 1, n do
    local row = scores[i]:totable()
    local threshold = table.remove(row, columns)
    table.sort(row, function(a, b) return a > b end)
    local clear = math.min(math.abs(row[1] - threshold), row[1] - row[2]) > margin
    if clear and labels:at(i) ~= expected:at(i) then count = count + 1 end
  end
  return count
end

return reference
