-- The Lua half of nn.train and net:fit (src/bind/bind_train.c): what is policy in how a training calls what
-- Lua knows.

local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local training = {}
debug.getregistry()["perigee.training"] = training

-- How far from a sample TRADES' adversary sets out, in units of a normal number for each feature: where it is
-- the divergence has no slope.
local NUDGE = 1e-3

local function takes(adversary, name)
  local names = debug.getmetatable(adversary)["perigee.option_names"]
  for _, other in ipairs(names(adversary)) do
    if other == name then return true end
  end
  return false
end

-- Can it do what TRADES wants: set out beside the samples, and maximise the divergence in its own objective's
-- place?
local function check_divergent(where, adversary)
  if not (kinds.is(adversary, "attack") and takes(adversary, "objective") and takes(adversary, "start")) then
    blame.fail("%s: trades: its adversary sets out beside each sample and maximises the divergence: "
      .. "expected an attack that takes start and objective, such as attack.pgd, got attack.%s", where,
      native.printable(tostring(adversary.name)))
  elseif type(adversary.objective) == "function" then
    blame.fail("%s: trades: its adversary maximises the divergence and has no use for an objective of its "
      .. "own, expected one without a function", where)
  end
end

--- Is it an attack, on no other model than this net? Its own words, for the net's record.
function training.check_adversary(where, adversary, net, trades)
  local ensemble = require "perigee.ensemble"
  if not ensemble.is_attack(adversary) then
    blame.fail('%s: adversary: expected an attack, such as attack.pgd{ norm = "l2", dmax = 1 }, got %s',
      where, native.describe(adversary))
  end
  local model = adversary.model
  if model and not rawequal(model, net) then
    blame.fail("%s: adversary: its model is another one, expected none, or the net that is trained", where)
  end
  if not trades then return tostring(adversary) end
  check_divergent(where, adversary)
  return tostring(adversary) .. ", maximising the divergence from the clean scores"
end

--- What tells the functions of a training from others, and the adversary's, and the layers written in Lua: a
--- text of each, or nil. on_epoch looks on.
function training.code(loss, lr, augment, adversary, net)
  local fingerprint = require "perigee.fingerprint"
  local function text(value) return value ~= nil and fingerprint.of(value) or nil end
  local attacker = adversary ~= nil and require("perigee.evaluate.settings").attack(adversary) or nil
  return text(loss), text(lr), text(augment), attacker and tostring(adversary) .. "; " .. attacker,
    fingerprint.code(net)
end

--- The objective of TRADES' adversary: less the divergence KL(p | q) of each row's softmax q from that of its
-- clean scores, p; and its gradient with respect to the scores, p - q.
function training.divergence(clean)
  local log_p = clean - clean:logsumexp(2, { keepdims = true })
  local p = log_p:exp()
  return function(scores, _, info)
    local own, own_log = p:take(info.rows, 1), log_p:take(info.rows, 1)
    local log_q = scores - scores:logsumexp(2, { keepdims = true })
    return (own * (log_q - own_log)):sum(2), own - log_q:exp()
  end
end

-- What TRADES asks of an attack: no label counts, but what the net says of the clean samples.
local function diverge(adversary, net, x, options)
  local clean = net:scores(x)
  options.y = array.new(net.classes, { dtype = "i32" }):take(clean:argmax(2), 1)
  options.start = x + NUDGE * array.randn(x.shape[1], x.shape[2], { seed = options.seed })
  return adversary:with { objective = training.divergence(clean) }
end

-- Of noise's samples outside its bounds the attack would blame the data.
local NOISY = ", of samples with augment's noise, which goes beyond the bounds too"

--- Samples as the attack leaves them.
function training.perturb(adversary, net, x, y, seed, trades, noisy)
  local options = { model = net, y = y, seed = seed }
  if trades then adversary = diverge(adversary, net, x, options) end
  local ok, result = pcall(adversary.run, adversary, x, options) -- not at a line of ours
  local whose = "nn.train: adversary" .. (noisy and NOISY or "") .. ": "
  if not ok then error(type(result) == "string" and whose .. result or result, 0) end
  return result.x_adv
end

--- Strengths of ready-made augmentations: of those that are named the `usual` ones, or as they are given.
function training.strengths(where, augment, usual)
  local strengths = {}
  if type(augment) == "string" then augment = { augment } end
  if type(augment) ~= "table" then
    blame.fail('%s: augment: expected a function, or some of "shift", "flip", "crop", "noise", got %s', where,
      native.describe(augment))
  end
  for key, value in pairs(augment) do
    local name, strength = key, value
    if math.type(key) == "integer" then
      name, strength = value, usual[value]
      if not strength then
        blame.fail('%s: augment: expected "shift", "flip", "crop" or "noise", got %s', where,
          native.describe(value))
      end
    end
    strengths[name] = strength
  end
  return strengths
end

-- ---- Over ranks (src/mpi/crew.h) -------------------------------------------------------------------

-- The other ranks' part: the net itself is shared with later pieces. Of how many batches they were.
training.farm = {
  open = function(shared) return shared end,
  run = function(shared)
    return native.assist_training(shared.net:clone(), shared.data, shared.options)
  end,
}

--- Have the other ranks assist a training: is there one for each? `keeps` says what of it they cannot do.
function training.summon(where, net, ds, options, keeps)
  local farm = require "perigee.farm"
  if keeps then
    farm.tell_alone(where, keeps)
    return false
  end
  return farm.summon(where, {
    module = "perigee.training", shared = { net = net, data = ds, options = options },
  })
end

--- They are done with it.
function training.after_summons(where) require("perigee.farm").release(where) end

-- ---- Functions of the user's -----------------------------------------------------------------------

-- What a call from C complains of: it knows the user's line.
local function fail(format, ...) error(format:format(...), 0) end

-- A generator of seeds, as splitmix64 makes them, whole in a double.
local function seeds(state)
  return function()
    state = state - 0x61c8864680b583eb
    local z = state
    z = (z ~ (z >> 30)) * -0x40a7b892e31b1a47
    z = (z ~ (z >> 27)) * -0x6b2fb644ecceee15
    return (z ~ (z >> 31)) >> 11
  end
end

--- A batch as the user's function changes it.
function training.augment(augment, x, seed)
  return blame.users(augment, x, seeds(seed))
end

local gives_gradient = setmetatable({}, { __mode = "k" }) -- of losses that were called: does it?

-- By the tape: its answer, and a function to the gradient.
local function differentiate(loss, logits, y)
  return require("perigee.grad").vjp(function(traced)
    local value = blame.users(loss, traced, y)
    if (type(value) == "number" or kinds.is(value, "array")) and not native.grad.traced(value) then
      fail("nn.train: loss: how the loss follows from the logits is not known: make it by array functions, "
        .. "or answer its gradient (%d, %d) as a second result", logits.shape[1], logits.shape[2])
    end
    return value
  end, logits)
end

--- The mean loss of a batch by the user's function, and its slopes by the logits: by the tape, unless the
-- function says them itself, which the first call shows. Of losses row by row the mean counts.
function training.loss(loss, logits, y)
  local rows = logits.shape[1]
  local value, own, pull
  if gives_gradient[loss] == nil then gives_gradient[loss] = select("#", blame.users(loss, logits, y)) > 1 end
  if gives_gradient[loss] then
    value, own = blame.users(loss, logits, y)
  else
    value, pull = differentiate(loss, logits, y)
  end
  local each = kinds.is(value, "array") and value.ndim == 1 and value.shape[1] == rows
  if not each and type(value) ~= "number" then
    fail("nn.train: loss: the function answered %s, expected one number, or one for each of %d samples",
      native.describe(value), rows)
  end
  if pull then
    if not each then return value, pull(1) end
    return value:mean(), pull(array.full({ rows }, 1 / rows, { dtype = value.dtype }))
  end
  if not kinds.is(own, "array") then
    fail("nn.train: loss: the function's second answer is %s, expected an array, the gradient by the logits",
      native.describe(own))
  end
  return each and value:mean() or value, each and own / rows or own
end

--- The rate that the user's function says.
function training.rate(rate, epoch)
  local lr = blame.users(rate, epoch)
  if type(lr) ~= "number" or not (lr >= 0 and lr <= 1e6) then
    fail("nn.train: lr: the function answered %s for epoch %d, expected a number from 0 to 1000000",
      native.describe(lr), epoch)
  end
  return lr
end

--- Does the user's function want to stop?
function training.on_epoch(on_epoch, state)
  local answer = blame.users(on_epoch, state)
  if answer ~= nil and answer ~= "stop" then
    fail('nn.train: on_epoch answered %s, expected nothing or "stop"', native.describe(answer))
  end
  return answer == "stop"
end

return training
