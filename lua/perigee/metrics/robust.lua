-- What holds under an attack.

local arguments = require "perigee.arguments"
local convention_of = require "perigee.conventions"
local given = require "perigee.metrics.given"
local records = require "perigee.records"
local text = require "perigee.text"
local wilson = require("perigee.metrics.intervals").wilson

local robust = {}

--- The share of an attack's samples that held. By default one minus the robust risk with detection; the
--- option rejection names another convention (see conventions.lua). At dmax 0 nothing was moved.
function robust.robust_accuracy(result, options)
  local rejection = arguments.only("metrics.robust_accuracy", options, { "rejection" }).rejection
  local convention = convention_of("metrics.robust_accuracy", rejection)
  given.check_result("robust_accuracy", "result", result)
  return given.share(convention.held(result:counts(), result.params.dmax ~= 0), #result)
end

--- The robust risk with detection, P[f(x) ≠ y or f(x + δ) ∉ {y, ⊥}].
function robust.robust_risk(result)
  given.check_result("robust_risk", "result", result)
  return 1 - given.share(result:counts().robust, #result)
end

-- ---- A detector beside a classifier at half the distance --------------------------------------------

local Half = { __name = "half_radius" }

function Half:__tostring()
  local lines = {}
  for k, side in ipairs { { "with rejection", self.detector, self.dmax },
    { "without, at half of it", self.classifier, self.dmax / 2 } } do
    local interval = side[2]
    lines[k] = { side[1], ("dmax %g"):format(side[3]), ("%6.2f %%"):format(100 * interval.estimate),
      ("%.1f to %.1f"):format(100 * interval.low, 100 * interval.high) }
  end
  return ("robust accuracy, %s, %d samples; 95 %% intervals\n%s"):format(self.norm, self.samples,
    text.aligned(lines, 2))
end

records.define(Half, {
  kind = "half_radius", what = "what metrics.half_radius gave",
  rows = function(self)
    local rows = {}
    for k, side in ipairs { "detector", "classifier" } do
      local interval = self[side]
      rows[k] = { side = side, dmax = self.dmax / k, estimate = interval.estimate, low = interval.low,
        high = interval.high }
    end
    return records.columns("side dmax estimate low high", "%.4f", "estimate low high"), rows
  end,
})

local function dmax_of(name, result)
  local dmax = result.params.dmax
  if type(dmax) ~= "number" or dmax <= 0 or dmax == math.huge then
    given.expected("half_radius", name, "a result with one finite dmax above 0 for all its samples", result)
  end
  return dmax
end

--- The robust accuracy of a model that rejects, and that of one that does not at half the dmax.
function robust.half_radius(detector, classifier)
  given.check_result("half_radius", "detector", detector)
  given.check_result("half_radius", "classifier", classifier)
  local dmax, half = dmax_of("detector", detector), dmax_of("classifier", classifier)
  if not detector.rejects then
    given.expected("half_radius", "detector", "a model's that rejects", detector)
  end
  if classifier.rejects then
    given.expected("half_radius", "classifier", "a model's that does not reject", classifier)
  end
  if math.abs(2 * half - dmax) > 1e-6 * dmax then
    given.fail("half_radius", "classifier: expected dmax %g, half of the detector's, got %g", dmax / 2, half)
  end
  given.check_same("half_radius", { detector, classifier })
  if #detector == 0 then given.fail("half_radius", "the results have no samples") end
  return setmetatable({ dmax = dmax, norm = detector.params.norm, samples = #detector,
    detector = wilson(detector:counts().robust, #detector),
    classifier = wilson(classifier:counts().robust, #classifier) }, Half)
end

return robust
