-- How much a share says: samples that several repeats have drawn are not more evidence than drawn once.

local evidence = {}

--- How many samples counts are of; those of earlier programs have no wrong and no failed.
function evidence.samples(counts)
  return counts.correct + counts.rejected + (counts.wrong or 0) + counts.evaded + (counts.failed or 0)
end

--- Wilson's interval at 95 % of k of n samples, `different` of which are different ones.
function evidence.interval(k, n, different)
  return metrics.wilson(math.floor(k * different / n + 0.5), different)
end

return evidence
