-- How much a share says: samples that several repeats have drawn are not more evidence than drawn once.

local evidence = {}

--- Wilson's interval at 95 % of k of n samples, `different` of which are different ones.
function evidence.interval(k, n, different)
  return metrics.wilson(math.floor(k * different / n + 0.5), different)
end

return evidence
