-- metrics: how good a model is on labelled data, with and without rejection, and under attack.
--
-- Measures of labels take a model (one written in Lua too), its predictions (an array or list of labels,
-- -1 where rejected) or an attack's result, and the truth: a dataset, or an array or list of labels; a result
-- has its own. Where the model does not reject, or the truth of a list of predictions has it, -1 is a class
-- like any other. What they and the others are is told by the families' files.

local metrics = {}

for _, family in ipairs(require "perigee.metrics.families") do
  for name, measure in pairs(require("perigee.metrics." .. family[1])) do metrics[name] = measure end
end

return metrics
