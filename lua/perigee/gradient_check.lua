-- Does a model's gradient belong to its scores? At some samples the change of a weighted sum of scores along
-- a few directions is compared with what the gradient says of it. A model whose gradient is wrong looks as
-- if nothing could attack it.

local kinds = require "perigee.kinds"

local check = {}

local MOST_SAMPLES, DIRECTIONS = 3, 3
local STEPS = { 1e-2, 1e-3 } -- the better one counts: kinks spoil long steps, rounding short ones
local WRONG = 0.3 -- the median relative error from which a gradient is not one of these scores
local UNSTEADY = 1e-6 -- of the scores' size: how far two calls on the same points may be apart

-- The first samples as n × features in float32.
local function rows_of(x)
  local rows = kinds.is(x, "dataset") and x.x or array.new(x)
  if rows.ndim == 1 then rows = rows:reshape(1, -1) end
  if rows.ndim > 2 then rows = rows:reshape(rows.shape[1], -1) end
  return rows:slice { 1, math.min(rows.shape[1], MOST_SAMPLES) }:copy()
end

-- Those of the classes: the reject score does not depend on the sample, and may be -inf.
local function scores_of(model, rows)
  local scores = array.new(reject.scores(model, rows), { dtype = "f64" })
  return model.rejects and scores:slice(nil, { 1, -2 }) or scores
end

-- Those rows whose scores are all numbers; nil if there are none.
local function rows_with_scores(rows, scores)
  local sound = scores:isfinite():min(2)
  return sound:max() > 0 and rows:take(sound:nonzero()) or nil
end

-- Unit rows: the gradient's own direction, where it has one, and random ones.
local function directions(gradient, k)
  local u = k == 1 and gradient:astype "f64" or array.randn(gradient.shape, { seed = k, dtype = "f64" })
  local length = u:norm(2, { keepdims = true })
  return u / array.where(length:gt(0), length, 1)
end

-- Along one direction: the errors relative to the larger of the two slopes, and whether any is not 0.
local function errors_along(model, rows, w, claimed, u)
  local best, moves
  for _, step in ipairs(STEPS) do
    local h = u * step
    local above = scores_of(model, (rows + h):astype "f32")
    local below = scores_of(model, (rows - h):astype "f32")
    local slope = ((above - below) * w):sum(2) / (2 * step)
    local size = array.maximum(slope:abs(), claimed:abs())
    local errors = (slope - claimed):abs() / array.where(size:gt(0), size, 1)
    best = best and array.minimum(best, errors) or errors
    moves = moves or size:max() > 0
  end
  return best, moves
end

--- What is found: { error = the median relative error, random =, flat =, ok =, message = }.
function check.run(model, x)
  local found = { error = 0, random = false, flat = false, ok = true }
  local all = rows_of(x)
  local rows = rows_with_scores(all, scores_of(model, all))
  if not rows then
    found.ok, found.error = false, math.huge
    found.message = "the scores are not finite: no run that starts here can succeed"
    return found
  end
  local first, second = scores_of(model, rows), scores_of(model, rows)
  local apart, size = (first - second):abs():max(), first:abs()
  size = array.where(size:lt(math.huge), size, 0):max()
  if apart > UNSTEADY * math.max(size, 1e-300) then
    found.random, found.ok = true, false
    found.message = ("two calls of scores on the same points differ by %.2g: the model is random, and so is "
      .. "what an attack finds"):format(apart)
    return found
  end
  local w = array.randn(first.shape, { seed = 1, dtype = "f64" })
  local weights = model.rejects and array.concatenate({ w, array.zeros { #w, 1, dtype = "f64" } }, 2) or w
  local gradient = array.new(model.gradient(model, rows, weights), { dtype = "f64" }):reshape(rows.shape)
  if gradient:isfinite():min() == 0 then
    found.ok, found.error = false, math.huge
    found.message = "the gradient is not finite at these samples"
    return found
  end
  local errors, any = {}, false
  for k = 1, DIRECTIONS do
    local u = directions(gradient, k)
    local along, moves = errors_along(model, rows, w, (gradient * u):sum(2), u)
    any = any or moves
    for i = 1, #along do errors[#errors + 1] = along[i] end
  end
  table.sort(errors)
  found.error = errors[(#errors + 1) // 2]
  if not any then
    found.flat = true
    found.message = "scores do not change here, and the gradient is 0: the model is flat at these samples"
  elseif found.error ~= found.error or found.error > WRONG then
    found.ok = false
    found.message = ("the gradient is not that of the scores: along %d directions at %d samples it is off "
      .. "by %.2g of the change (the median; up to %g may be rounding)"):format(DIRECTIONS, rows.shape[1],
      found.error, WRONG)
  else
    found.message = ("the gradient agrees with the scores to %.2g of the change"):format(found.error)
  end
  return found
end

return check
