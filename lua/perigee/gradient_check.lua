-- Does a model's gradient belong to its scores? At some samples the change of a weighted sum of scores along
-- a few directions is compared with what the gradient says of it. A model whose gradient is wrong looks as
-- if nothing could attack it.

local kinds = require "perigee.kinds"

local check = {}

local MOST_SAMPLES, DIRECTIONS = 3, 3
local RANGED = 256 -- samples that say how far the features reach
local STEPS = { 1e-2, 1e-3 } -- of that; the better one counts: kinks spoil long steps, rounding short ones
local SEEN = 1e-5 -- of the scores' size: a smaller change may be rounding, and tells nothing
local WRONG = 0.3 -- the median relative error from which a gradient is not one of these scores
local UNSTEADY = 1e-6 -- of the scores' size: how far two calls on the same points may be apart

-- The first samples as n × features in float32.
local function rows_of(x, most)
  local rows = kinds.is(x, "dataset") and x:floats(1, math.min(#x, most)) or array.new(x)
  if rows.ndim == 1 then rows = rows:reshape(1, -1) end
  if rows.ndim > 2 then rows = rows:reshape(rows.shape[1], -1) end
  return rows:slice { 1, math.min(rows.shape[1], most) }:copy()
end

-- The least value of each feature and how far it reaches; of one that does not vary, those of all. The
-- second is above 0.
local function reach_of(rows)
  local low, span = rows:min(1), rows:max(1) - rows:min(1)
  local all = rows:max() - rows:min()
  if all <= 0 or all ~= all then return low, array.where(low:eq(0), 1, low:abs()), false end
  local varies = span:gt(0)
  return array.where(varies, low, rows:min()), array.where(varies, span, all), true
end

-- Away from the ends, so that a step leads to where samples can be: a model that clips to the box has
-- another slope there.
local function inside(rows, low, span)
  local margin = span * STEPS[1]
  return array.minimum(array.maximum(rows, low + margin), low + span - margin)
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

-- Unit rows: the slope's own direction, where it has one, and random ones.
local function directions(slope, k)
  local u = k == 1 and slope or array.randn(slope.shape, { seed = k, dtype = "f64" })
  local length = u:norm(2, { keepdims = true })
  return u / array.where(length:gt(0), length, 1)
end

-- The errors of one gradient, relative to the larger of the changes that the scores and it speak of, in the
-- directions where there is enough of a change. `moves`: is any of them not 0?
local function errors_of(model, rows, w, gradient, span)
  local errors, moves = {}, false
  for k = 1, DIRECTIONS do
    local u = directions(gradient * span, k) * span
    local best = {}
    for _, step in ipairs(STEPS) do
      local above, below = (rows + u * step):astype "f32", (rows - u * step):astype "f32"
      local high, low = scores_of(model, above), scores_of(model, below)
      local change = ((high - low) * w):sum(2)
      local claimed = (gradient * (above:astype "f64" - below)):sum(2)
      local size = array.maximum(change:abs(), claimed:abs())
      local least = ((high:abs() + low:abs()) * w:abs()):sum(2) * SEEN
      for i = 1, #rows do
        moves = moves or size[i] > 0
        if size[i] > least[i] then
          best[i] = math.min(best[i] or math.huge, math.abs(change[i] - claimed[i]) / size[i])
        end
      end
    end
    for _, one in pairs(best) do errors[#errors + 1] = one end
  end
  return errors, moves
end

local function judge(found, errors, moves)
  table.sort(errors)
  found.error = errors[(#errors + 1) // 2] or 0
  if not moves then
    found.flat = true
    found.message = "scores do not change here, and the gradient is 0: the model is flat at these samples"
  elseif #errors == 0 then
    found.unchecked = true
    found.message = "the gradient could not be checked: scores hardly change at these samples"
  elseif found.error > WRONG then
    found.ok = false
    found.message = ("the gradient is not that of the scores: along a few directions it is off by %.2g of "
      .. "the change (the median; up to %g may be rounding)"):format(found.error, WRONG)
  else
    found.message = ("the gradient agrees with the scores to %.2g of the change"):format(found.error)
  end
  return found
end

local function fault(found, message, ...)
  found.ok, found.error, found.message = false, math.huge, message:format(...)
  return found
end

--- What is found: { error = the median relative error, random =, flat =, unchecked =, ok =, message = }.
function check.run(model, x)
  local found = { error = 0, random = false, flat = false, unchecked = false, ok = true }
  local low, span, varies = reach_of(rows_of(x, RANGED))
  local all = rows_of(x, MOST_SAMPLES)
  local rows = rows_with_scores(all, scores_of(model, all))
  if not rows then return fault(found, "the scores are not finite: no run that starts here can succeed") end
  if varies then rows = inside(rows, low, span):astype "f32" end
  local first, second = scores_of(model, rows), scores_of(model, rows)
  local apart, size = (first - second):abs():max(), first:abs()
  size = array.where(size:lt(math.huge), size, 0):max()
  if apart > UNSTEADY * math.max(size, 1e-300) then
    found.random = true
    return fault(found, "two calls of scores on the same points differ by %.2g: the model is random, and so "
      .. "is what an attack finds", apart)
  end
  local w = array.randn(first.shape, { seed = 1, dtype = "f64" })
  local weights = model.rejects and array.concatenate({ w, array.zeros { #w, 1, dtype = "f64" } }, 2) or w
  local gradient = array.new(reject.gradient(model, rows, weights), { dtype = "f64" })
  if gradient:isfinite():min() == 0 then
    return fault(found, "the gradient is not finite at these samples")
  end
  return judge(found, errors_of(model, rows, w, gradient, span))
end

return check
