-- Parts of attacks that users have written: what bind_attack_parts.c does with their functions. What is
-- complained of here has no position: C hands it on under the attack's name.

local blame = require "perigee.blame"
local describe = require("perigee.native").describe
local grad = require "perigee.grad"
local kinds = require "perigee.kinds"
local tape = require("perigee.native").grad

local half = {}

local function fail(format, ...) error(format:format(...), 0) end

-- ---- objective = function(scores, y, info) … return losses [, gradient] end -----------------------

-- Are they n losses, one for each row?
local function check_losses(where, losses, n)
  local wanted = ("%s: expected an array of %d loss%s, one for each row of scores"):format(where, n,
    n == 1 and "" or "es")
  if type(losses) == "number" then
    fail("%s, got %s; is it a mean over the rows? sum(2), not sum()", wanted, describe(losses))
  elseif type(losses) ~= "table" and not kinds.is(losses, "array") then
    fail("%s, got %s", wanted, losses == nil and "nothing" or describe(losses))
  elseif kinds.is(losses, "array") then
    local shape = losses.shape
    local fits = shape[1] == n and (#shape == 1 or #shape == 2 and shape[2] == 1)
    if not fits then fail("%s, got %s", wanted, describe(losses)) end
    if losses.dtype == "i32" then fail("%s, in floats, got %s", wanted, describe(losses)) end
  elseif #losses ~= n then
    fail("%s, got a table of %d", wanted, #losses)
  end
  return losses
end

-- Functions that do not answer the gradient of their losses themselves.
local taped = setmetatable({}, { __mode = "k" })

-- The losses, and their gradient with respect to the scores as a tape has it.
local function by_tape(f, where, scores, info)
  local n, losses, given = scores.shape[1], nil, nil
  local answer, pull <close> = grad.vjp(function(traced)
    losses, given = blame.users(f, traced, info.y, info)
    check_losses(where, losses, n)
    if given ~= nil then return array.zeros(n) end
    if not tape.traced(losses) then
      fail("%s: how the losses follow from the scores is not known: make them by array functions, or answer "
        .. "their gradient (%d, %d) as a second result", where, n, scores.shape[2])
    end
    return losses
  end, scores)
  if given ~= nil then return losses, given end
  return answer, pull(array.ones(answer.shape, { dtype = answer.dtype }))
end

--- The losses of rows of scores, and where it is wanted their gradient: the function's own or the tape's.
-- A function that has its own may do what no tape follows: it is asked without one first.
function half.losses(f, where, scores, info, wanted)
  local losses, gradient
  if not wanted or not taped[f] then
    losses, gradient = blame.users(f, scores, info.y, info)
    check_losses(where, losses, scores.shape[1])
  end
  if not wanted or gradient ~= nil then return losses, gradient end
  taped[f] = true
  return by_tape(f, where, scores, info)
end

-- ---- direction = function(x, w, t, info) … return g end -------------------------------------------

function half.direction(f, _, x, w, t, info)
  return blame.users(f, x, w, t, info)
end

-- ---- on_step = function(state) … end --------------------------------------------------------------

--- Shall the run end?
function half.step(f, where, state)
  local answer = blame.users(f, state)
  if answer == nil or answer == "stop" then return answer == "stop" end
  fail('%s: expected nothing or "stop", which ends the run, got %s', where, describe(answer))
end

debug.getregistry()["perigee.attack_parts"] = half

return half
