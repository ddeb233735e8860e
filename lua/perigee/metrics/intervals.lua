-- Intervals: how sure a share or another statistic of n samples is.

local arguments = require "perigee.arguments"
local given = require "perigee.metrics.given"
local kinds = require "perigee.kinds"
local records = require "perigee.records"

local intervals = {}

local Interval = { __name = "interval" }

function Interval:__tostring()
  local stopped = self.interrupted and (", interrupted after %d draws"):format(#self.values) or ""
  return ("%.4g [%.4g, %.4g], %g %%%s"):format(self.estimate, self.low, self.high, 100 * self.level, stopped)
end

records.define(Interval, {
  kind = "interval", what = "an interval of metrics",
  rows = function(self)
    return records.columns("estimate low high level", "%.4f", "estimate low high"), { self }
  end,
  arrays = function(self)
    return { estimate = records.array { self.estimate }, low = records.array { self.low },
      high = records.array { self.high }, level = records.array { self.level }, values = self.values }
  end,
})

local function level_of(where, options)
  local level = options.level == nil and 0.95 or options.level
  if type(level) ~= "number" or not (level > 0 and level < 1) then
    given.expected(where, "level", "a share between 0 and 1", level)
  end
  return level
end

-- ---- Wilson ---------------------------------------------------------------------------------------

-- M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988: numerator and
-- denominator of rational functions, the highest power first. Its third one is for tails below 1e-11, which
-- the second knows to 6e-13 down to 1e-16, and no level is nearer to 1 than that.
local CENTRE = {
  { 2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608 },
  { 5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
    5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1 },
}
local SIDE = {
  { 7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
    3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734 },
  { 1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
    0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1 },
}
local function rational(coefficients, x)
  local sums = {}
  for k, list in ipairs(coefficients) do
    sums[k] = 0
    for _, c in ipairs(list) do sums[k] = sums[k] * x + c end
  end
  return sums[1] / sums[2]
end

-- Below what a standard normal variable is with probability p, from 0.5 on.
local function normal_quantile(p)
  local q = p - 0.5
  if q <= 0.425 then return q * rational(CENTRE, 0.180625 - q * q) end
  return rational(SIDE, math.sqrt(-math.log(1 - p)) - 1.6)
end

--- Wilson's interval of a share, k of n.
function intervals.wilson(k, n, options)
  local level = level_of("wilson", arguments.only("metrics.wilson", options, { "level" }))
  local whole, part = math.type(n) and math.tointeger(n), math.type(k) and math.tointeger(k)
  if not whole or whole < 1 then given.expected("wilson", "n", "a whole number, 1 or more", n) end
  if not part or part < 0 or part > whole then
    given.expected("wilson", "k", ("a whole number from 0 to n = %d"):format(whole), k)
  end
  local share, quantile_at = part / whole, (1 + level) / 2
  if quantile_at == 1 then -- a level next to 1 leaves everything open
    return setmetatable({ estimate = share, level = level, low = 0.0, high = 1.0 }, Interval)
  end
  local z = normal_quantile(quantile_at)
  local shrink = 1 + z * z / whole
  local middle = (share + z * z / (2 * whole)) / shrink
  local reach = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole)) / shrink
  return setmetatable({ estimate = share, level = level, low = part == 0 and 0.0 or middle - reach,
    high = part == whole and 1.0 or middle + reach }, Interval)
end

-- ---- Bootstrap ------------------------------------------------------------------------------------

local NOTE = "stopped; the interval is of the draws so far"
local LARGEST_SEED = 2 ^ 31 - 1 | 0
local MOST = 10000000 -- draws, and samples

-- What take(positions) takes rows of, and how many it has.
local function rows_of(value)
  if kinds.is(value, "dataset") or kinds.is(value, "array") then return value, #value end
  return given.numbers("bootstrap", "data", value), #value
end

local function members_of(data)
  local kind = type(data) == "table" and type(data[1])
  return (kind == "table" or kind == "userdata") and data or { data }
end

-- How many samples there are, and a function that gives the statistic what it has of those at positions.
local function sampler(data)
  local count = math.type(data) and math.tointeger(data)
  if count then return count, function(positions) return positions end end
  if type(data) ~= "table" and not kinds.is(data, "array") and not kinds.is(data, "dataset") then
    given.expected("bootstrap", "data",
      "how many samples there are, an array, a list of numbers, a dataset, or a list of such", data)
  end
  local parts, n = {}, nil
  for k, member in ipairs(members_of(data)) do
    local rows, length = rows_of(member)
    if n and n ~= length then
      given.fail("bootstrap", "data: number %d has %d samples, the first %d", k, length, n)
    end
    parts[k], n = rows, length
  end
  return n, function(positions)
    local taken = {}
    for k, part in ipairs(parts) do taken[k] = part:take(positions) end
    return table.unpack(taken)
  end
end

-- Draws from outside: a row each.
local function given_draws(options, n)
  for _, other in ipairs { "draws", "seed" } do
    if options[other] ~= nil then
      given.fail("bootstrap", "%s: indices are given, nothing is drawn", other)
    end
  end
  local indices = options.indices
  if type(indices) == "table" then
    local ok, made = pcall(array.new, indices, { dtype = "i32" })
    indices = ok and made or indices
  end
  if not kinds.is(indices, "array") or indices.ndim ~= 2 or indices.dtype ~= "i32" or #indices == 0
    or indices.shape[2] ~= n then
    given.expected("bootstrap", "indices", ("an int32 array, draws × %d"):format(n), options.indices)
  end
  if indices:min() < 1 or indices:max() > n then
    given.fail("bootstrap", "indices: expected positions from 1 to %d, got some from %d to %d", n,
      indices:min(), indices:max())
  end
  return #indices, function(k) return indices[k] end
end

-- Every draw has a seed of its own, all drawn from the one that was given.
local function own_draws(options, n)
  local draws = options.draws == nil and 1000 or math.type(options.draws) and math.tointeger(options.draws)
  if not draws or draws < 1 or draws > MOST then
    given.expected("bootstrap", "draws", ("a whole number from 1 to %d"):format(MOST), options.draws)
  end
  local seed = options.seed
  if seed == nil then seed = array.randint(0, LARGEST_SEED, 1)[1] end
  if math.type(seed) ~= "integer" then given.expected("bootstrap", "seed", "an integer", seed) end
  local seeds = array.randint(0, LARGEST_SEED, draws, { seed = seed })
  return draws, function(k) return array.randint(1, n, n, { seed = seeds[k] }) end, seed
end

-- The value below which a share of the sorted numbers lies, between two of them by a straight line.
local function quantile(sorted, share)
  if #sorted == 0 then return given.nan end
  local place = share * (#sorted - 1)
  local before = math.floor(place)
  local a, b = sorted[before + 1], sorted[math.min(before + 2, #sorted)]
  local part = place - before
  return (part == 0 or a == b) and a or a * (1 - part) + b * part
end

local function value_of(statistic, what, ...)
  local ok, value = pcall(statistic, ...)
  if not ok then
    if type(value) ~= "string" or perigee.interrupted() then error(value, 0) end
    given.fail("bootstrap", "statistic, of %s: %s", what, value)
  end
  if type(value) ~= "number" or value ~= value then
    given.expected("bootstrap", "statistic", "a number of " .. what, value)
  end
  return value
end

--- The percentile bootstrap: the statistic of samples drawn again and again from those there are.
function intervals.bootstrap(statistic, data, options)
  options = arguments.only("metrics.bootstrap", options, { "draws", "level", "seed", "indices" })
  if type(statistic) ~= "function" then
    given.expected("bootstrap", "statistic", "a function that gives a number", statistic)
  end
  local level = level_of("bootstrap", options)
  local n, at = sampler(data)
  if n < 1 or n > MOST then
    given.fail("bootstrap", "data: expected from 1 to %d samples, got %d", MOST, n)
  end
  local draws, positions, seed = (options.indices ~= nil and given_draws or own_draws)(options, n)
  local values, interrupted = {}, false
  local estimate = value_of(statistic, "the samples", at(array.arange(1, n + 1)))
  for k = 1, draws do
    interrupted = perigee.interrupted(NOTE)
    if interrupted then break end
    values[k] = value_of(statistic, ("draw %d"):format(k), at(positions(k)))
  end
  values = array.new(values, { dtype = "f64" })
  local sorted = values:sort():totable()
  return setmetatable({ estimate = estimate, level = level, values = values, seed = seed,
    interrupted = interrupted, low = quantile(sorted, (1 - level) / 2),
    high = quantile(sorted, (1 + level) / 2) }, Interval)
end

return intervals
