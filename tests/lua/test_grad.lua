-- grad: every operation of the table against central differences; what is recorded, what is refused, and
-- that nothing is left behind.

local lu = require "luaunit"
local native = require("perigee.native").grad

---------------------------------------------------------------------------------------------------
-- The table: a sample of each operation, of random shapes

local draw = {} -- random numbers of a generator of its own
draw.__index = draw

function draw.new(seed) return setmetatable({ state = seed }, draw) end

--- 1 … n
function draw:upto(n)
  self.state = (self.state * 1103515245 + 12345) % 2147483648
  return self.state // 65536 % n + 1
end

function draw:shape(least, most)
  local shape = {}
  for i = 1, least + self:upto(most - least + 1) - 1 do shape[i] = self:upto(4) end
  return shape
end

--- Of two times the same shape one that broadcasts to it.
function draw:narrower(shape)
  local made, drop = {}, self:upto(#shape + 1) - 1
  for i = drop + 1, #shape do made[#made + 1] = self:upto(3) == 1 and 1 or shape[i] end
  return made
end

function draw:any(shape) return array.randn(shape, { seed = self:upto(30000), dtype = "f64" }) end

function draw:positive(shape)
  return array.rand(shape, { seed = self:upto(30000), low = 0.5, high = 2, dtype = "f64" })
end

function draw:small(shape)
  return array.rand(shape, { seed = self:upto(30000), low = -1, high = 1, dtype = "f64" })
end

function draw:axis(shape) return self:upto(#shape) end

local function one(name, kind)
  return function(r) return { r[kind or "any"](r, r:shape(0, 3)) }, function(x) return x[name](x) end end
end

local function two(name, first, second)
  return function(r)
    local shape = r:shape(1, 3)
    local pair = { r[first or "any"](r, shape), r[second or "any"](r, r:narrower(shape)) }
    if r:upto(2) == 1 then
      return pair, function(x, y) return x[name](x, y) end
    end
    return { r[second or "any"](r, r:narrower(shape)), r[first or "any"](r, shape) },
      function(y, x) return x[name](x, y) end
  end
end

local function reduction(name, options)
  return function(r)
    local shape = r:shape(1, 3)
    local x, axis, keep = r:any(shape), r:axis(shape), r:upto(2) == 1
    local given = { keepdims = keep }
    if options then
      for key, list in pairs(options) do given[key] = list[r:upto(#list)] end
    end
    if given.ddof and x.shape[axis] == 1 then given.ddof = 0 end
    local form = r:upto(3)
    if form == 1 and not keep and not options then return { x }, function(v) return v[name](v) end end
    local axes = form == 2 and #shape > 1 and { 1, #shape } or axis
    return { x }, function(v) return v[name](v, axes, given) end
  end
end

local function view(make)
  return function(r)
    local shape = r:shape(1, 3)
    return { r:any(shape) }, make(r, shape)
  end
end

local function joined(name)
  return function(r)
    local shape = r:shape(1, 3)
    local axis = r:axis(shape)
    local second = table.move(shape, 1, #shape, 1, {})
    if name == "concatenate" then second[axis] = r:upto(3) end
    return { r:any(shape), r:any(second) }, function(x, y) return array[name]({ x, y, x }, axis) end
  end
end

local samples = {
  add = two "add", sub = two "sub", mul = two "mul", div = two("div", "any", "positive"),
  pow = two("pow", "positive"), mod = two("mod", "positive", "positive"), maximum = two "maximum",
  minimum = two "minimum",
  where = function(r)
    local shape = r:shape(1, 3)
    local mask = r:any(shape):gt(0)
    return { r:any(shape), r:any(r:narrower(shape)) }, function(x, y) return array.where(mask, x, y) end
  end,
  clip = function(r)
    local shape = r:shape(1, 3)
    local form = r:upto(3)
    return { r:any(shape), r:any(r:narrower(shape)) }, function(x, low)
      if form == 1 then return x:clip(nil, low) elseif form == 2 then return x:clip(-0.5, 0.5) + low end
      return x:clip(low, low + 1)
    end
  end,
  neg = one "neg", abs = one "abs", square = one "square", sqrt = one("sqrt", "positive"), exp = one "exp",
  expm1 = one "expm1", log = one("log", "positive"), log1p = one("log1p", "positive"),
  log2 = one("log2", "positive"), log10 = one("log10", "positive"), sin = one "sin", cos = one "cos",
  tan = one("tan", "small"), tanh = one "tanh",
  sum = reduction "sum", mean = reduction "mean", prod = reduction "prod",
  var = reduction("var", { ddof = { 0, 1 } }), min = reduction "min", max = reduction "max",
  std = function(r)
    local shape = r:shape(1, 3)
    shape[#shape] = shape[#shape] + 1
    local keep = r:upto(2) == 1
    return { r:any(shape) }, function(x) return x:std(-1, { keepdims = keep, ddof = 1 }) end
  end,
  norm = reduction("norm", { ord = { 1, 2, math.huge } }),
  cumsum = function(r)
    local shape = r:shape(1, 3)
    local axis = r:upto(2) == 1 and r:axis(shape) or nil
    return { r:any(shape) }, function(x) return x:cumsum(axis) end
  end,
  reshape = view(function() return function(x) return x:reshape(-1, 1) end end),
  flatten = view(function() return function(x) return x.T:flatten() end end),
  squeeze = view(function() return function(x) return x:expand_dims(1):squeeze(1) end end),
  expand_dims = view(function(r, shape)
    local axis = r:upto(#shape + 1)
    return function(x) return x:expand_dims(axis) end
  end),
  transpose = view(function(r, shape)
    local axes = array.randperm(#shape, { seed = r:upto(1000) }):totable()
    local form = r:upto(3)
    return function(x)
      if form == 1 then return x.T elseif form == 2 then return x:transpose() end
      return x:transpose(axes)
    end
  end),
  broadcast_to = view(function(_, shape)
    local wide = table.move(shape, 1, #shape, 2, { 2 })
    return function(x) return x:broadcast_to(wide) end
  end),
  copy = view(function() return function(x) return x:copy() end end),
  astype = view(function() return function(x) return x:astype "f64" end end),
  new = view(function() return function(x) return array.new(x) end end),
  slice = view(function(r, shape)
    local first, form = r:upto(shape[1]), r:upto(5)
    return function(x)
      if form == 1 then return x:slice({ first, -1 }) elseif form == 2 then return x[first] end
      if form == 3 then return x[{ first, shape[1] }] end
      if form == 4 then return x:slice({ -1, 1, -1 }) end
      return x.T:slice(1)
    end
  end),
  at = view(function(r, shape)
    local index = {}
    for i, n in ipairs(shape) do index[i] = r:upto(n) end
    return function(x) return x:at(table.unpack(index)) * x:at(table.unpack(index)) end
  end),
  take = view(function(r, shape)
    local axis = r:axis(shape)
    local positions = { r:upto(shape[axis]), r:upto(shape[axis]), r:upto(shape[axis]) }
    local form = r:upto(2)
    if form == 1 then
      local rows = array.new({ r:upto(shape[1]), r:upto(shape[1]) }, { dtype = "i32" })
      return function(x) return x[rows] end
    end
    return function(x) return x:take(positions, axis) end
  end),
  compress = view(function(r, shape)
    local mask, form = r:any(shape):gt(0), r:upto(3)
    local rows = r:any { shape[1] }:gt(0)
    return function(x)
      if form == 1 then return x[mask] elseif form == 2 then return x[rows] end
      return x:compress(mask)
    end
  end),
  concatenate = joined "concatenate", stack = joined "stack",
  sort = view(function(r, shape)
    local axis, descending = r:axis(shape), r:upto(2) == 1
    return function(x) return x:sort(axis, { descending = descending }) end
  end),
  matmul = function(r)
    local m, k, n, form = r:upto(4), r:upto(4), r:upto(4), r:upto(5)
    local batch = r:upto(3)
    local left = form == 1 and { k } or (form == 2 or form == 3) and { batch, m, k } or { m, k }
    local right = form == 4 and { k } or (form == 2 or form == 5) and { batch, k, n } or { k, n }
    return { r:any(left), r:any(right) }, function(x, y) return x:matmul(y) end
  end,
  dot = function(r)
    local k, form = r:upto(4), r:upto(2)
    return { r:any { k }, r:any(form == 1 and { k } or { k, 3 }) }, function(x, y) return x:dot(y) end
  end,
  outer = function(r)
    return { r:any { r:upto(4) }, r:any { r:upto(4), 2 } }, function(x, y) return x:outer(y) end
  end,
}

local SHAPES, STEP = 20, 1e-5

-- Σ w · f(…), a Lua number.
local function weighed(f, inputs, w)
  local y = f(table.unpack(inputs))
  return type(y) == "number" and y * w or array.sum(y * w)
end

-- The gradient with respect to input k, element by element.
local function differences(f, inputs, k, w)
  local x = inputs[k]:copy()
  local flat, at = x:reshape(-1), table.move(inputs, 1, #inputs, 1, {})
  local made = array.zeros({ x.size }, { dtype = "f64" })
  at[k] = x
  for i = 1, x.size do
    local value = flat[i]
    flat:set(value + STEP, i)
    local high = weighed(f, at, w)
    flat:set(value - STEP, i)
    local low = weighed(f, at, w)
    flat:set(value, i)
    made:set((high - low) / (2 * STEP), i)
  end
  return made:reshape(x.shape)
end

local function gap(a, b) return a.size == 0 and 0 or (a - b):abs():max() / math.max(b:abs():max(), 1) end

local function check_sample(name, inputs, f, seed)
  local y, pull = grad.vjp(f, table.unpack(inputs))
  local w = type(y) == "number" and 0.7 or array.randn(y.shape, { seed = seed, dtype = "f64" })
  local gradients = { pull(w) }
  for k, x in ipairs(inputs) do
    local g = gradients[k]
    lu.assertEquals({ g.dtype, g.shape }, { x.dtype, x.shape }, name)
    local off = gap(g, differences(f, inputs, k, w))
    lu.assertTrue(off < 1e-6, ("%s, input %d, seed %d: off by %g"):format(name, k, seed, off))
  end
  -- float32 is the same, roughly
  local single = {}
  for k, x in ipairs(inputs) do single[k] = x:astype "f32" end
  local _, pull32 = grad.vjp(f, table.unpack(single))
  for k, g in ipairs { pull32(type(w) == "number" and w or w:astype "f32") } do
    lu.assertEquals(g.dtype, "f32", name)
    local off = gap(g, gradients[k])
    lu.assertTrue(off < 1e-3, ("%s in float32, input %d, seed %d: off by %g"):format(name, k, seed, off))
  end
end

TestOperations = {}

function TestOperations:test_every_operation_agrees_with_central_differences()
  for _, name in ipairs((native.operations())) do
    local sample = samples[name]
    lu.assertNotNil(sample, "an operation without a sample here: " .. name)
    for seed = 1, SHAPES do
      local inputs, f = sample(draw.new(seed * 77 + #name))
      check_sample(name, inputs, f, seed)
    end
  end
end

function TestOperations:test_every_sample_is_of_an_operation()
  local known = {}
  for _, name in ipairs((native.operations())) do known[name] = true end
  for name in pairs(samples) do lu.assertTrue(known[name], name) end
end
