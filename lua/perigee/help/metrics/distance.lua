-- Documentation of metrics/distance.lua; see perigee/help.lua for the form.

local parts = require "perigee.help.metrics.parts"

local field = parts.field

local attacks = [[
local net, digits = nn.load("mnist-cnn"), data.digits(20, { seed = 1 })
local fmn = attack.fmn({ model = net, max_iter = 40 }):run(digits)
local pgd = {}
for k, dmax in ipairs { 0.5, 1, 2 } do
  pgd[k] = attack.pgd({ model = net, dmax = dmax, max_iter = 10 }):run(digits)
end
]]

local same_model = { "same_model", "boolean", "false", "take the results for those of one model, though its "
  .. "scores before the attack differ: they change from call to call" }

return {
  {
    name = "metrics.median_distance",
    text = [[
The median of the distances at which samples evade: of a result of attack.fmn, or of several results of one
attack (at several dmax, say) the least of each sample. What does not evade counts as infinite, what was
wrong before the attack as 0, so that the median is that of all samples and infinite where half of them
hold. Of a targeted attack what counts is that the target is hit. Samples that failed are left out; NaN
where all did. An attack that does not seek the least distance gives a bound from above.]],
    params = { { "result", "result|result[]", "of an attack; several of the same samples, norm and model" } },
    options = { same_model },
    returns = { "number", "in the norm" },
    example = attacks .. "print(metrics.median_distance(fmn), metrics.median_distance(pgd))",
    see = { "attack.fmn", "metrics.optimality" },
  },
  {
    name = "metrics.optimality",
    text = [[
How near each attack comes to the best of all, from 0 (it finds nothing) to 1 (on every sample it is the
best): AttackBench's optimality (Cinà et al., "AttackBench: evaluating gradient-based attacks for
adversarial examples", 2024). With d a sample's least evading distance (as in metrics.median_distance), d*
the least by any of the attacks, ρ(ε) the share of samples with d > ε, and the area what is under ρ from 0
to the largest finite d*
  optimality  1 - (area of the attack - area of d*) / (share with d* > 0 · largest d* - area of d*)
The area is that of the steps, not of trapezoids between them. NaN where all d* above 0 are the same: then
there is nothing to lose. evaded is the share that evades at all, queries the evaluations of scores and
gradients on all samples.]],
    params = {
      { "attacks", "table", "by name a result (attack.fmn), or a list of results at several dmax; on the "
        .. "same samples, in one norm, of one model" },
    },
    options = { same_model },
    returns = { "optimality", "by attack: optimality, evaded, median, queries" },
    example = attacks .. [[
local o = metrics.optimality { fmn = fmn, pgd = pgd }
print(o, o.optimality.pgd)]],
    see = { "metrics.median_distance", "attack.worst", "plot.compare" },
  },
  {
    name = "optimality", kind = "value",
    text = "What metrics.optimality gives: tables by the attacks' names. It prints as a table.",
    example = attacks .. "print(metrics.optimality({ fmn = fmn, pgd = pgd }).evaded.fmn)",
    see = { "metrics.optimality" },
  },
  field("optimality.attacks", "string[]", "The names, in order; those of a list are the attacks' own."),
  field("optimality.optimality", "table", "By name how near it comes to the best, 0 to 1."),
  field("optimality.evaded", "table", "By name the share of the samples that it makes evade."),
  field("optimality.median", "table", "By name the median distance at which they do."),
  field("optimality.queries", "table", "By name the evaluations of scores and gradients."),
  field("optimality.samples", "integer", "How many, without those that failed in every result."),
  field("optimality.norm", "string", "The norm of the distances."),
}
