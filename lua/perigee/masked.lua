-- Which counts of a security evaluation prove nothing: those of runs whose gradient had vanished
-- (result.flat).

local LEAST = 0.05 -- of the runs that failed, as evaluate.diagnose has it

--- Is that so of the model of that name at dmax[k]? Evaluations of earlier programs do not know.
return function(security, name, k)
  local by_dmax, counts = (security.flat or {})[name], (security.counts[name] or {})[k]
  local flat = by_dmax and by_dmax[k]
  return flat ~= nil and counts ~= nil and flat > LEAST * (counts.correct + counts.rejected)
end
