-- Toy sets of two features, in the manner of scikit-learn's make_moons, make_circles and make_blobs:
-- data.NAME(n, {…}).

local arguments = require "perigee.arguments"

local toys = {}

local PI = math.pi

-- Along an arc: n numbers from `low` on, up to `high` or short of it.
local function along(n, low, high, closed)
  return array.arange(n, { dtype = "f64" }) * ((high - low) / math.max(closed and n - 1 or n, 1)) + low
end

local function columns(a, b) return array.stack({ a, b }, 2) end

-- How many of n samples class c of k has: the first ones get what is left over.
local function share(n, k, c) return n // k + (c <= n % k and 1 or 0) end

local function two() return 2 end
local function as_many_as_centers(options) return #options.centers end
local function as_said(options) return options.classes end

local function moons(n, c)
  local t = along(n, 0, PI, true)
  return c == 1 and columns(t:cos(), t:sin()) or columns(1 - t:cos(), 0.5 - t:sin())
end

local function circles(n, c, options)
  local t, radius = along(n, 0, 2 * PI), c == 1 and 1 or options.factor
  return columns(t:cos() * radius, t:sin() * radius)
end

local function blobs(n, c, options)
  local center = options.centers[c]
  local zeros = array.zeros(n, { dtype = "f64" })
  return columns(zeros + center[1], zeros + center[2])
end

local function xor(n, c)
  local side = array.arange(n, { dtype = "f64" }) % 2 * 2 - 1
  return columns(side, c == 1 and side or -side)
end

local function spirals(n, c, options)
  local radius = (array.arange(n, { dtype = "f64" }) + 0.5) / n
  local angle = radius * (2 * PI * options.turns) + 2 * PI * (c - 1) / options.classes
  return columns(angle:cos() * radius, angle:sin() * radius)
end

-- One a line: options with their defaults, how many classes, and the points of class c without noise.
local table_of_toys = {
  moons = { options = { noise = 0.1 }, classes = two, points = moons },
  circles = { options = { noise = 0.05, factor = 0.5 }, classes = two, points = circles },
  blobs = { options = { noise = 1, centers = 3 }, classes = as_many_as_centers, points = blobs },
  xor = { options = { noise = 0.3 }, classes = two, points = xor },
  spirals = { options = { noise = 0.03, classes = 2, turns = 1.5 }, classes = as_said, points = spirals },
}

--- The names, in the order of the help.
toys.names = { "moons", "circles", "blobs", "xor", "spirals" }

local function number(where, name, value, least, most, whole)
  local fits = math.type(value) and value >= least and value <= most and (not whole or math.tointeger(value))
  if fits then return whole and math.tointeger(value) or value end
  local kind = whole and "an integer" or "a number"
  arguments.expected(where, name, ("%s from %.14g to %.14g"):format(kind, least, most), value)
end

-- The middles of the blobs: as many as are wanted, uniform in [-10, 10]², or those that are given.
local function centers_of(where, centers, seed)
  if type(centers) == "table" and #centers > 0 then
    for i = 1, #centers do
      local center = centers[i]
      if type(center) ~= "table" or #center ~= 2 or not (math.type(center[1]) and math.type(center[2])) then
        arguments.expected(where, ("centers[%d]"):format(i), "a pair of numbers", center)
      end
    end
    return centers
  end
  local count = number(where, "centers", centers, 1, 1000, true)
  return (array.rand(count, 2, { seed = seed, dtype = "f64" }) * 20 - 10):totable()
end

local function options_of(where, toy, given)
  local names = { "seed" }
  for name in pairs(toy.options) do names[#names + 1] = name end
  table.sort(names)
  given = arguments.only(where, given, names)
  local options = { seed = given.seed }
  for name, default in pairs(toy.options) do
    options[name] = given[name]
    if options[name] == nil then options[name] = default end
  end
  if options.seed ~= nil then number(where, "seed", options.seed, math.mininteger, math.maxinteger, true) end
  number(where, "noise", options.noise, 0, 1e30)
  if toy.options.factor then number(where, "factor", options.factor, 0, 1) end
  if toy.options.turns then number(where, "turns", options.turns, 0, 100) end
  if toy.options.classes then options.classes = number(where, "classes", options.classes, 2, 1000, true) end
  if toy.options.centers then options.centers = centers_of(where, options.centers, options.seed) end
  return options
end

-- A seed for the k-th thing that is drawn; nil: the session's generator.
local function part(seed, k) return seed and seed + k end

local function make(name, n, given)
  local where, toy = "data." .. name, table_of_toys[name]
  n = number(where, "n", n, 1, 1 << 26, true)
  local options = options_of(where, toy, given)
  local classes, points, labels = toy.classes(options), {}, {}
  for c = 1, math.min(classes, n) do
    local count = share(n, classes, c)
    points[c], labels[c] = toy.points(count, c, options), array.full({ count }, c - 1, { dtype = "i32" })
  end
  local x = array.concatenate(points, 1)
  x = x + array.randn(n, 2, { seed = part(options.seed, 1), dtype = "f64" }) * options.noise
  local ds = data.new { x = x:astype "f32", y = array.concatenate(labels, 1), source = name }
  return ds:shuffle { seed = part(options.seed, 2) }
end

for _, name in ipairs(toys.names) do
  toys[name] = function(n, options) return make(name, n, options) end
end

return toys
