-- Which class is taken for which.

local given = require "perigee.metrics.given"
local matrix = require "perigee.metrics.matrix"

local classes = {}

--- How often each class was taken for each: `counts` is an int32 array, true class × predicted class
--- in the order of `classes`, the rejected in its last column. It prints as a table.
function classes.confusion(model, ds)
  local labels, truth = given.labels("confusion", model, ds)
  return matrix(labels, truth, given.classes(model))
end

return classes
