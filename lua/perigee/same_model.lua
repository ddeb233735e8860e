-- Are results of one model? They do not keep it, but its scores of the samples before the attack, which are
-- the same but for rounding: a float32 network's depend on how many samples it is given at once.

local blame = require "perigee.blame"

local ROUNDING = 1e-5 -- of the largest score

local same_model = {}

--- Can these be one model's scores of the same samples? Infinite ones of one sign differ by NaN; of what is
--- NaN nothing is known.
function same_model.agree(scores, other)
  if scores.shape[2] ~= other.shape[2] then return false end
  local size = array.where(scores:isfinite(), scores:abs(), 0.0):max()
  local difference = (scores - other):abs()
  return difference:le(ROUNDING * size):logical_or(difference:isnan()):all()
end

--- Results of the same samples, one or more; how(k) names the k-th and the first in the error message.
function same_model.check(where, results, how)
  for k = 2, #results do
    if #results[1] > 0 and not same_model.agree(results[1].start_scores, results[k].start_scores) then
      blame.fail("%s: %s are of different models: their scores before the attack differ; same_model = true "
        .. "takes them for one whose answers change from call to call", where, how(k))
    end
  end
end

return same_model
