-- How robust are the CNNs for MNIST? The shipped ones, the original library's where its figures are
-- ($PERIGEE_REFERENCE, or ../shared/reference), and the nets in the files given, side by side:
--
--     build/perigee scripts/attack-mnist-cnn.lua [FILE …]
--
-- All by the same attacks on the same digits: the 100 of MNIST's test set that are the 11th to 110th of
-- the tutorial's 1000, and all of these. What was wrong before the attack counts as wrong. PGD is what the
-- nets were chosen by; attack.auto, which takes longer, turns more.

local reference = (os.getenv "PERIGEE_REFERENCE" or "../shared/reference") .. "/mnist/mnist-cnn.safetensors"

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local nets = {
  { "mnist-cnn", nn.load("mnist-cnn") },
  { "mnist-cnn-shifted", nn.load("mnist-cnn-shifted") },
  { "mnist-cnn-robust", nn.load("mnist-cnn-robust") },
}
if exists(reference) then
  nets[#nets + 1] = { "the original's", nn.load("mnist-cnn"):load_weights(reference) }
end
for _, path in ipairs(arg) do nets[#nets + 1] = { path:match "[^/]*$", nn.load(path) } end

local thousand = data.mnist("test"):per_class(100)
local hundred = thousand:slice(11, 110)

local pgd = attack.pgd { norm = "l2", max_iter = 200, eps = 0 }

local function wrong(tool, net, digits, dmax)
  local counts = tool:with({ model = net, dmax = dmax }):run(digits):counts()
  return counts.wrong + counts.evaded
end

print "attack.pgd { norm = \"l2\", max_iter = 200, eps = 0 }, attack.auto: digits that are wrong afterwards"
local line = "%-18s %9s  %11s %11s %12s  %11s %11s"
print(line:format("", "", "pgd", "", "", "auto", ""))
print(line:format("net", "accuracy", "dmax 1, 100", "dmax 2, 100", "dmax 1, 1000", "dmax 1, 100",
  "dmax 2, 100"))
for _, row in ipairs(nets) do
  local name, net = row[1], row[2]
  local auto = attack.auto { model = net, norm = "l2" }
  print(line:format(name, ("%.2f %%"):format(100 * metrics.accuracy(net, thousand)),
    wrong(pgd, net, hundred, 1), wrong(pgd, net, hundred, 2), wrong(pgd, net, thousand, 1),
    wrong(auto, net, hundred, 1), wrong(auto, net, hundred, 2)))
  io.stdout:flush()
end
