-- What holds under an attack.

local arguments = require "perigee.arguments"
local convention_of = require "perigee.conventions"
local given = require "perigee.metrics.given"

local robust = {}

--- The share of an attack's samples that held. By default one minus the robust risk with detection; the
--- option rejection names another convention (see conventions.lua). At dmax 0 nothing was moved.
function robust.robust_accuracy(result, options)
  local rejection = arguments.only("metrics.robust_accuracy", options, { "rejection" }).rejection
  local convention = convention_of("metrics.robust_accuracy", rejection)
  given.check_result("robust_accuracy", "result", result)
  return convention.held(result:counts(), result.params.dmax ~= 0) / #result
end

return robust
