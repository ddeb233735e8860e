-- The ends of a panel's axes, and where a value stands between them.

local values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot

local axes = {}

-- Beyond it the distance of two ends has no number.
local FARTHEST = 4e307

-- As set, which a logarithm may not allow.
local function asked_range(axis, range, log)
  if log and math.min(range[1], range[2]) <= 0 then
    values.fail("plot.figure: %srange: expected two numbers above 0, for log%s is set, got { %g, %g }", axis,
      axis, range[1], range[2])
  end
  return range[1], range[2]
end

-- Ends between which there is a distance.
local function measurable(low, high)
  return math.max(low, -FARTHEST), math.min(high, FARTHEST)
end

-- As set, else what holds all data with some room.
local function ends_of(panel, axis)
  local range, log = panel[axis .. "range"], panel["log" .. axis]
  if range then return asked_range(axis, range, log) end
  local low, high, tight
  local grounded = axis == "y" and #panel.series > 0
  for _, series in ipairs(panel.series) do
    tight, grounded = tight or series.tight, grounded and series.from_zero
    for _, numbers in ipairs(series[axis]) do
      local a, b = gnuplot.range(numbers, log and true or false)
      if a then low, high = math.min(low or a, a), math.max(high or b, b) end
    end
  end
  if log then
    if not low then return 0.1, 1 end
    local a, b = values.padded(math.log(low), math.log(high), tight and 0 or axis == "x" and 0.02 or 0.06)
    return math.exp(a), math.exp(b)
  end
  local a, b = values.padded(low, high, tight and 0 or axis == "x" and 0.02 or 0.08)
  return grounded and low == 0 and 0 or a, b
end

-- The ends of the axis "x" or "y", the second lower where it is turned around.
function axes.range(panel, axis)
  local low, high = ends_of(panel, axis)
  if low < high then return measurable(low, high) end
  high, low = measurable(high, low)
  return low, high
end

-- A function of a value: its distance from the axis' low end, of a length in all.
function axes.scale(range, length)
  local low, high = range[1], range[2]
  if range.log and low > 0 and high > 0 then
    local first, span = math.log(low), math.log(high) - math.log(low)
    return function(v) return v > 0 and (math.log(v) - first) / span * length or 0 end
  end
  return function(v) return (v - low) / (high - low) * length end
end

return axes
