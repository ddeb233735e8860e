-- attack.auto on the reference's models of MNIST: a fifth of the digits of its figures in the help, the bare
-- CNN on all of them. `make suite` has the whole table, with what everything costs.
local lu = require "luaunit"

local mnist = dofile "tests/lua/reference_mnist.lua"

TestAutoReference = {}

local models, digits, hundred

function TestAutoReference:setUp()
  if not mnist.is_here() then lu.skip "the MNIST reference case or MNIST is not here" end
  if models then return end
  models = { net = mnist.net() }
  models.dnr = mnist.defence(models.net, mnist.train())
  models.nr = mnist.rejector(models.dnr)
  local set = data.mnist("test"):per_class(100)
  hundred, digits = set:slice(11, 110), set:slice(16, 35)
end

-- What is accepted and wrong afterwards, what was so before included.
local function errors(result)
  local counts = result:counts()
  return counts.evaded + counts.wrong
end

local function auto(name, norm, dmax)
  return attack.auto { model = models[name], norm = norm, dmax = dmax }
end

-- One fewer than there were, for the bits of other machines' products.
local function check(name, cases)
  for _, case in ipairs(cases) do
    local norm, dmax, least = table.unpack(case)
    local result = auto(name, norm, dmax):run(digits)
    lu.assertTrue(errors(result) >= least, ("%s %s %g: %d"):format(name, norm, dmax, errors(result)))
    lu.assertTrue(result.distance:max() <= dmax * (1 + 1e-12))
  end
end

function TestAutoReference:test_dnr()
  check("dnr", { { "l2", 1, 13 }, { "l2", 2, 20 }, { "linf", 0.1, 18 }, { "l1", 10, 19 } })
end

-- Its last part finds a quarter of what it finds at 1.
function TestAutoReference:test_nr()
  check("nr", { { "l2", 1, 15 }, { "l2", 2, 20 } })
end

function TestAutoReference:test_net()
  for norm, case in pairs { l2 = { dmax = 1, least = 95 }, linf = { dmax = 0.1, least = 99 } } do
    local found = errors(auto("net", norm, case.dmax):run(hundred))
    lu.assertTrue(found >= case.least, norm .. ": " .. found)
    for _, name in ipairs { "apgd", "fmn" } do
      local alone = attack[name] { model = models.net, norm = norm, dmax = case.dmax, early_stop = true }
      lu.assertTrue(found >= errors(alone:run(hundred)), norm .. " " .. name)
    end
  end
end

-- Half of the first ten lie within 0.84; by an untargeted FMN within 0.88.
function TestAutoReference:test_least_distances()
  local fmn = attack.fmn { model = models.dnr, norm = "l2", direction = "log", target = "each" }
  local distances = fmn:run(digits:slice(1, 10)).distance:totable()
  table.sort(distances)
  lu.assertTrue((distances[5] + distances[6]) / 2 <= 0.87, (distances[5] + distances[6]) / 2)
end
