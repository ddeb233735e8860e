-- The shipped mnist-cnn was trained with shifts and took several times the perturbations of the paper's
-- net, so that no figure of an attack on it could be put beside one of the original library.

local lu = require "luaunit"

TestNetOfThePaper = {}

local reference = (os.getenv "PERIGEE_REFERENCE" or "../shared/reference") .. "/mnist/mnist-cnn.safetensors"

local function thousand()
  if not data.find_mnist() then lu.skip "MNIST is not here" end
  return data.mnist("test"):per_class(100)
end

local function load(name)
  if name ~= "original" then return nn.load(name) end
  return nn.load("mnist-cnn"):load_weights(reference)
end

-- How many of the hundred digits are wrong after the attack; each attack is run once.
local known = {}
local function wrong(name, digits, dmax)
  local key = name .. dmax
  if not known[key] then
    local pgd = attack.pgd { model = load(name), norm = "l2", max_iter = 200, eps = 0, dmax = dmax }
    local counts = pgd:run(digits:slice(11, 110)):counts()
    known[key] = counts.wrong + counts.evaded
  end
  return known[key]
end

-- Neither moved about nor held back by a decay of the weights.
function TestNetOfThePaper:test_trained_plainly()
  local trained = nn.load("mnist-cnn").trained
  lu.assertEquals({ trained.shift, trained.weight_decay, trained.samples }, { 0, 0, 30000 })
  lu.assertTrue(nn.load("mnist-cnn-shifted").trained.shift > 0)
end

function TestNetOfThePaper:test_clean_accuracy()
  local digits = thousand()
  lu.assertTrue(metrics.accuracy(nn.load("mnist-cnn"), digits) >= 0.978)
  lu.assertTrue(metrics.accuracy(nn.load("mnist-cnn-shifted"), digits) >= 0.99)
end

function TestNetOfThePaper:test_as_robust_as_the_original()
  local digits = thousand()
  local file <close> = io.open(reference)
  if not file then lu.skip "the original's net is not here" end
  for _, dmax in ipairs { 1, 2 } do
    local ours, theirs = wrong("mnist-cnn", digits, dmax), wrong("original", digits, dmax)
    lu.assertTrue(math.abs(ours - theirs) <= 5, ("dmax %g: %d, the original's %d"):format(dmax, ours, theirs))
  end
end

function TestNetOfThePaper:test_shifts_make_robust()
  local digits = thousand()
  local plain, shifted = wrong("mnist-cnn", digits, 1), wrong("mnist-cnn-shifted", digits, 1)
  lu.assertTrue(plain > 3 * shifted, ("%d, with shifts %d"):format(plain, shifted))
end
