-- The Lua half of nn.train and net:fit (src/bind/bind_train.c): what is policy in how a training calls what
-- Lua knows.

local blame = require "perigee.blame"
local native = require "perigee.native"

local training = {}
debug.getregistry()["perigee.training"] = training

-- How far from a sample TRADES' adversary sets out, in units of a normal number for each feature: where it is
-- the divergence has no slope.
local NUDGE = 1e-3

--- Is it an attack, on no other model than this net? Its own words, for the net's record.
function training.check_adversary(where, adversary, net)
  local ensemble = require "perigee.ensemble"
  if not ensemble.is_attack(adversary) then
    blame.fail('%s: adversary: expected an attack, such as attack.pgd{ norm = "l2", dmax = 1 }, got %s',
      where, native.describe(adversary))
  end
  local model = adversary.model
  if model and not rawequal(model, net) then
    blame.fail("%s: adversary: its model is another one, expected none, or the net that is trained", where)
  end
  return tostring(adversary)
end

local function takes(adversary, name)
  local names = debug.getmetatable(adversary)["perigee.option_names"]
  for _, other in ipairs(names(adversary)) do
    if other == name then return true end
  end
  return false
end

--- Samples as the attack leaves them.
function training.perturb(adversary, net, x, y, seed, trades)
  local options = { model = net, y = y, seed = seed }
  if trades and takes(adversary, "start") then
    options.start = x + NUDGE * array.randn(x.shape[1], x.shape[2], { seed = seed })
  end
  return adversary:run(x, options).x_adv
end

return training
