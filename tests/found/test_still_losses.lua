-- The loss of an attack that got nowhere was drawn along an axis whose numbers were cut off, or not at all.
local lu = require "luaunit"

local net = nn.load "mnist-cnn"
local digit = data.digits(1, { seed = 1 })

-- The loss's own axis in the figure of a run that takes such steps.
local function range_of(eta)
  local result = attack.pgd({ model = net, dmax = 1, eta = eta, max_iter = 3 }):run(digit)
  return require("perigee.plot.attack").figure("test", result, {})[1].yrange, result.loss[1]:totable()
end

TestStillLosses = {}

function TestStillLosses:test_a_still_loss_is_level()
  local range, loss = range_of(1e-7)
  lu.assertAlmostEquals((range[1] + range[2]) / 2, loss[1], 1e-2 * loss[1])
  lu.assertAlmostEquals(range[2] - range[1], 0.2 * loss[1], 1e-2 * loss[1])
  lu.assertNil((range_of(0.5)))
end
