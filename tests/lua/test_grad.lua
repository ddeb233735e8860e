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

-- Models are float32: TestModels compares them with their own gradients.
local elsewhere = { scores = true, forward = true, layer_scores = true }

samples.relu, samples.logsumexp = one "relu", reduction "logsumexp"

samples.sigmoid, samples.softplus = one "sigmoid", one "softplus"

for _, name in ipairs { "softmax", "log_softmax" } do
  samples[name] = view(function(r, shape)
    local axis = r:axis(shape)
    return function(x) return x[name](x, axis) end
  end)
end

function samples.gather(r)
  local shape = r:shape(1, 3)
  local axis, sizes = r:axis(shape), table.move(shape, 1, #shape, 1, {})
  if r:upto(2) == 1 then table.remove(sizes, axis) else sizes[axis] = r:upto(5) end
  local places = #sizes == 0 and 1 or array.randint(1, shape[axis], sizes, { seed = r:upto(1000) })
  return { r:any(shape) }, function(x) return x:gather(places, axis) end
end

function samples.diag(r)
  local shape, k = r:shape(1, 2), r:upto(5) - 3
  return { r:any(shape) }, function(x) return x:diag { k = k } end
end

samples.median = reduction "median"
samples.percentile = view(function(r, shape)
  local axis, form = r:axis(shape), r:upto(3)
  return function(x)
    if form == 1 then return x:percentile(30) end
    return x:percentile(form == 2 and 75 or { 0, 10, 62.5 }, axis, { keepdims = form == 3 })
  end
end)

function samples.linear(r)
  local n, m, k, form = r:upto(3), r:upto(4), r:upto(4), r:upto(3)
  local x = form == 1 and { k } or form == 2 and { n, k } or { 2, n, k }
  if r:upto(3) == 1 then return { r:any(x), r:any { m, k } }, array.linear end
  return { r:any(x), r:any { m, k }, r:any { m } }, array.linear
end

-- Strides and paddings of every kind; now and then one image, and no bias.
function samples.conv2d(r)
  local n, c, o, kernel = r:upto(3), r:upto(3), r:upto(3), { r:upto(3), r:upto(3) }
  local options = { stride = { r:upto(2), r:upto(3) }, padding = { r:upto(3) - 1, r:upto(2) - 1 } }
  local image = { c, kernel[1] + r:upto(3) - 1, kernel[2] + r:upto(3) - 1 }
  if r:upto(3) > 1 then table.insert(image, 1, n) end
  local inputs = { r:any(image), r:any { o, c, kernel[1], kernel[2] }, r:any { o } }
  if r:upto(3) == 1 then
    inputs[3] = nil
    return inputs, function(x, w) return x:conv2d(w, options) end
  end
  return inputs, function(x, w, b) return x:conv2d(w, b, options) end
end

function samples.maxpool(r)
  local options = { kernel = { r:upto(3), r:upto(3) } }
  if r:upto(2) == 1 then options.stride = { r:upto(2), r:upto(2) } end
  local shape = { r:upto(3), options.kernel[1] + r:upto(3) - 1, options.kernel[2] + r:upto(3) - 1 }
  if r:upto(2) == 1 then table.insert(shape, 1, 2) end
  return { r:any(shape) }, function(x) return x:maxpool(options) end
end

-- Matrices far from singular ones.
local function regular(r, n) return r:small { n, n } + array.eye(n) * 5 end

function samples.solve(r)
  local n, form = r:upto(4), r:upto(2)
  return { regular(r, n), r:any(form == 1 and { n } or { n, 2 }) }, function(a, b) return a:solve(b) end
end

function samples.inv(r) return { regular(r, r:upto(4)) }, function(a) return a:inv() end end

-- With values that are far from one another; signs of vectors are anybody's, their products are not.
local function spread(n) return (array.arange(n):astype "f64" + 1):square():diag() * 3 end

function samples.eigh(r)
  local n, form = r:upto(4), r:upto(2)
  return { r:small { n, n } + spread(n) }, function(x)
    local w, v = x:eigh()
    if form == 1 then return w:square() end
    return v:matmul((w:tanh() + w):diag()):matmul(v.T) + v[1]:square() * w
  end
end

function samples.svd(r)
  local m, n, form = r:upto(4), r:upto(4), r:upto(4)
  local k = math.min(m, n)
  local x = r:small { m, n }
  x:slice({ 1, k }, { 1, k }):add_(spread(k))
  return { x }, function(a)
    local u, s, vt = a:svd { full_matrices = form == 1 }
    if form == 1 then return s:square() end
    if form == 2 then return u:matmul(s:log():diag()):matmul(vt) end
    return array.concatenate { u:square():flatten(), s, vt:square():flatten() }
  end
end

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
    lu.assertTrue(sample ~= nil or elsewhere[name] == true, "an operation without a sample here: " .. name)
    for seed = 1, sample and SHAPES or 0 do
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

---------------------------------------------------------------------------------------------------
-- Values, types and forms

TestValues = {}

local function raises(words, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok, "it was not refused: " .. words)
  lu.assertStrContains(message, words)
  return message
end

local function numbers(a) return a:totable() end

local x123 = array.new { 1, 2, 3 }

function TestValues:test_value_and_gradient()
  local value, g = grad.value(function(x) return (x * x):sum() end, x123)
  lu.assertEquals(value, 14.0)
  lu.assertEquals(math.type(value), "float")
  lu.assertEquals(numbers(g), { 2, 4, 6 })
  lu.assertEquals(g.dtype, "f32")
  g:fill(0) -- an array like any other
  lu.assertEquals(numbers(x123), { 1, 2, 3 })
end

function TestValues:test_several_inputs_and_tables_of_them()
  local w = { a = array.new { { 1, 2 } }, deep = { array.new({ 3 }, { dtype = "f64" }), "word" }, n = 2 }
  local value, g, none, h = grad.value(function(p, n, y)
    return (p.a:sum() * p.deep[1]:sum() + y:sum()) * n * p.n
  end, w, 5, x123)
  lu.assertEquals(value, (3 * 3 + 6) * 10.0)
  lu.assertEquals(numbers(g.a), { { 30, 30 } })
  lu.assertEquals(numbers(g.deep[1]), { 30 })
  lu.assertEquals({ g.deep[1].dtype, g.deep[2], g.n }, { "f64" })
  lu.assertNil(none)
  lu.assertEquals(numbers(h), { 10, 10, 10 })
end

function TestValues:test_tables_that_are_met_again_and_again()
  local constants = {}
  for _ = 1, 60 do constants = { constants, constants } end -- 2^60 ways lead to the innermost
  debug.sethook(function() error "looks at them each time" end, "", 10 ^ 7)
  local ok, value, g = pcall(grad.value, function(x, t) return x:sum() + #t end, x123, constants)
  debug.sethook()
  lu.assertTrue(ok, value)
  lu.assertEquals({ value, numbers(g) }, { 8, { 1, 1, 1 } })
  local ring = { a = x123 }
  ring.part = { back = ring } -- constant within the ring, not by itself
  local of_part
  value, g, of_part = grad.value(function(r, part)
    return r.a:sum() + 2 * part.back.a:sum()
  end, ring, ring.part)
  lu.assertEquals({ value, numbers(g.a), numbers(of_part.back.a) }, { 18, { 1, 1, 1 }, { 2, 2, 2 } })
end

function TestValues:test_what_does_not_depend_has_a_gradient_of_zero()
  local value, g, h = grad.value(function(x, y) return grad.stop(x):sum() + y:item() end, x123,
    array.new({ 4 }, { dtype = "f64" }))
  lu.assertEquals({ value, numbers(g), numbers(h) }, { 10.0, { 0, 0, 0 }, { 0 } })
  lu.assertEquals(numbers(select(2, grad.value(function() return 3 end, x123))), { 0, 0, 0 })
end

function TestValues:test_traced_scalars_count_as_numbers()
  local seen
  local _, g = grad.value(function(x)
    local s = x:sum()
    seen = { s.ndim, (x * s).dtype, (s * 2).dtype, (x + s * s:exp()).dtype, x[2].ndim, x:dot(x).ndim }
    lu.assertTrue(s > 5 and s >= 6 and s < 7 and 5 < s and s <= s * 1 and s + 1 > s)
    lu.assertFalse(s == 6)
    lu.assertEquals(s:item(), 6.0)
    lu.assertEquals(grad.stop(array.stack({ s, x[1], 2 })):totable(), { 6, 1, 2 })
    return (x * s):sum() / s
  end, x123)
  lu.assertEquals(seen, { 0, "f32", "f64", "f32", 0, 0 })
  lu.assertEquals(numbers(g), { 1, 1, 1 })
end

-- Numbers alone are what is differentiated; beside arrays they are constants.
function TestValues:test_numbers_as_inputs()
  lu.assertEquals({ grad.value(function(t) return t ^ 3 end, 2) }, { 8.0, 12.0 })
  lu.assertEquals({ grad.value(function(t, word, u) return word == "w" and t * u:exp() end, 3, "w", 0.0) },
    { 3.0, 1.0, nil, 3.0 })
  local seen
  local y, pull = grad.vjp(function(t)
    seen = { t.ndim, (x123 * t).dtype, math.type(t:item()), t > 1, math.max(t, 5) }
    return x123 * t
  end, 2.0)
  lu.assertEquals(seen, { 0, "f32", "float", true, 5 })
  lu.assertEquals({ numbers(y), pull { 1, 0, 1 } }, { { 2, 4, 6 }, 4.0 })
  lu.assertTrue(grad.check(function(t, u) return (t ^ 3 * u):sin() end, 1.5, 2) < 1e-6)
  lu.assertTrue(grad.check(function(t) return x123:astype "f64" * t:tanh() end, 0.5) < 1e-6)
end

-- As JAX's has_aux: what f answers beside stands behind the gradients, as plain numbers and arrays.
function TestValues:test_further_results_of_the_function()
  local function f(x, other)
    local s = x:square():sum()
    return s, x * 2, s:sqrt(), nil, other
  end
  local function check(...)
    lu.assertEquals(select("#", ...), 6)
    local double, root, _, other = select(3, ...)
    lu.assertEquals({ numbers(double), root, other }, { { 2, 4, 6 }, math.sqrt(14), "other" })
    lu.assertEquals(numbers(double + 1), { 3, 5, 7 })
  end
  local value, g, none = grad.value(f, x123, "other")
  lu.assertEquals({ value, numbers(g), none }, { 14, { 2, 4, 6 } })
  local y, pull, double, root, _, other = grad.vjp(f, x123, "other")
  check(y, pull, double, root, nil, other)
  check((function(first, gradient, _, ...) return first, gradient, ... end)(grad.value(f, x123, "other")))
  lu.assertEquals(select("#", grad.value(function(x) return x:sum() end, x123)), 2)
  lu.assertTrue(grad.check(f, x123) < 1e-6)
end

function TestValues:test_a_vjp_can_be_used_again()
  local y, pull = grad.vjp(function(x) return x:square() end, x123)
  lu.assertEquals(numbers(y), { 1, 4, 9 })
  for _ = 1, 2 do
    lu.assertEquals(numbers(pull(array.new { 1, 0, 2 })), { 2, 0, 12 })
    lu.assertEquals(numbers(pull { 1, 1, 1 }), { 2, 4, 6 })
  end
  raises("pull: w: expected", pull, array.zeros(2))
  raises("pull: w: expected", pull)
  local s, pull_number = grad.vjp(function(x) return x:sum() * 3 end, x123)
  lu.assertEquals(s, 18.0)
  lu.assertEquals(numbers(pull_number()), { 3, 3, 3 })
  lu.assertEquals(numbers(pull_number(2)), { 6, 6, 6 })
  do local closing <close> = pull; lu.assertEquals(closing, pull) end
  raises("it was closed", pull, array.ones(3))
end

function TestValues:test_ties()
  local x = array.new { 2, 5, 5, 1 }
  local function g_of(f) return numbers(select(2, grad.value(f, x))) end
  lu.assertEquals(g_of(function(v) return v:max() end), { 0, 0.5, 0.5, 0 })
  lu.assertEquals(g_of(function(v) return v:norm(nil, { ord = math.huge }) end), { 0, 0.5, 0.5, 0 })
  lu.assertEquals(g_of(function(v) return v:maximum(2):sum() end), { 0.5, 1, 1, 0 })
  lu.assertEquals(g_of(function(v) return v:clip(2, 5):sum() end), { 1, 1, 1, 0 })
  lu.assertEquals(g_of(function(v) return v:sort():dot(array.new { 1, 2, 3, 4 }) end), { 2, 3, 4, 1 })
  lu.assertEquals(g_of(function(v) return (v * 0):norm() end), { 0, 0, 0, 0 })
  lu.assertEquals(g_of(function(v) return (v * 0):abs():sum() end), { 0, 0, 0, 0 })
  lu.assertEquals(g_of(function(v) return (v * 0):std() end), { 0, 0, 0, 0 })
  -- the mean of equal numbers is rounded
  local even = array.full({ 2, 7 }, 0.3, { dtype = "f64" })
  even:set(0.4, 2, 1)
  local _, g = grad.value(function(v) return v:std(2):sum() end, even)
  lu.assertEquals(numbers(g[1]), { 0, 0, 0, 0, 0, 0, 0 })
  lu.assertAlmostEquals(g:at(2, 1), math.sqrt(6) / 7, 1e-9)
end

-- exp of what is far away overflowed, and the gradient was NaN.
function TestValues:test_activations_far_away()
  for _, dtype in ipairs { "f32", "f64" } do
    local x = array.new({ -800, -100, 0, 100, 800 }, { dtype = dtype })
    local _, g = grad.value(function(v) return v:sigmoid():sum() end, x)
    lu.assertTrue(g[1] == 0 and g[2] >= 0 and g[2] < 1e-40 and g[3] == 0.25 and g[5] == 0, tostring(g))
    _, g = grad.value(function(v) return v:softplus():sum() end, x)
    lu.assertTrue(g[1] == 0 and g[2] >= 0 and g[2] < 1e-40 and g[3] == 0.5 and g[5] == 1, tostring(g))
    _, g = grad.value(function(v) return (v * v:sigmoid()):sum() end, x)
    lu.assertTrue(g:isfinite():all() and g[5] == 1, tostring(g))
    _, g = grad.value(function(v) return v:log_softmax()[1] end, x)
    lu.assertTrue(g:allclose({ 1, 0, 0, 0, -1 }, { atol = 1e-40 }), tostring(g))
  end
end

-- As PyTorch has them: d(x^y)/dy at x = 0, and where the greatest is NaN.
function TestValues:test_powers_of_zero_and_extremes_of_nan()
  local base, exponent = array.new { 0, 0, 2, -1 }, array.new { 0, 2, 0, 2 }
  local _, by_base, by_exponent = grad.value(function(x, y) return (x ^ y):sum() end, base, exponent)
  lu.assertEquals(numbers(by_base), { 0, 0, 0, -2 })
  lu.assertEquals(numbers(by_exponent[{ 1, 2 }]), { 0, 0 })
  lu.assertAlmostEquals(by_exponent[3], math.log(2), 1e-6)
  lu.assertTrue(by_exponent[4] ~= by_exponent[4])
  local _, g = grad.value(function(x) return x:max() end, array.new { 1, 0 / 0, 3, 0 / 0 })
  lu.assertEquals(numbers(g), { 0, 0.5, 0, 0.5 })
  _, g = grad.value(function(x) return x:max(2):sum() end, array.new { { 1, 0 / 0 }, { 2, 1 } })
  lu.assertEquals(numbers(g), { { 0, 1 }, { 1, 0 } })
end

function TestValues:test_products_with_zeros()
  local _, g = grad.value(function(x) return x:prod() end, array.new { 2, 0, 3 })
  lu.assertEquals(numbers(g), { 0, 6, 0 })
  -- along the first of three axes: each is the other one of its pair
  local x = array.arange(24):astype("f64"):reshape(2, 3, 4)
  _, g = grad.value(function(a) return a:prod(1):sum() end, x)
  lu.assertEquals(numbers(g), numbers(array.concatenate { x[2], x[1] }:reshape(2, 3, 4)))
end

-- A model written in Lua computes on its own; what follows its call is recorded again.
function TestValues:test_on_both_sides_of_a_model_in_lua()
  local own = { classes = { 0, 1 } }
  function own.scores(_, x) return array.concatenate({ x, x * 0 }, 2) end
  local model = reject.new { model = own, threshold = 0 }
  local _, g = grad.value(function(x)
    local y = x:square()
    model:scores(array.ones(3, 1))
    return (y * 2):sum()
  end, x123)
  lu.assertEquals(numbers(g), { 4, 8, 12 })
end

function TestValues:test_gradients_are_not_shared()
  local _, g, h = grad.value(function(x, y) return (x + y):sum() end, x123, x123)
  g:fill(7)
  lu.assertEquals(numbers(h), { 1, 1, 1 })
  local _, both = grad.value(function(x) return (x + x + x:reshape(3, 1):flatten()):sum() end, x123)
  lu.assertEquals(numbers(both), { 3, 3, 3 })
end

function TestValues:test_straight_through()
  local round = grad.straight_through(function(x) return x:round() end)
  lu.assertEquals(numbers(round(array.new { 0.6 })), { 1 })
  local _, g = grad.value(function(x) return (round(x) * x):sum() end, array.new { 0.6, 1.2 })
  lu.assertAlmostEquals(g[1], 1.6, 1e-6)
  local seen
  local mine = grad.straight_through(function(x) return x:gt(0) end, function(dy, x, y)
    seen = { pcall(dy.fill, dy, 1), x, y }
    return dy * x * y
  end)
  _, g = grad.value(function(x) return mine(x):sum() * 2 end, array.new { -3, 5 })
  lu.assertEquals(numbers(g), { 0, 10 })
  lu.assertEquals(numbers(seen[3]), { 0, 1 })
  raises("forward made", grad.value, function(x)
    return grad.straight_through(function(v) return v[{ 1, 1 }] end)(x):sum()
  end, x123)
  raises("oh dear", grad.value, function(x)
    return grad.straight_through(function(v) return v end, function() error "oh dear" end)(x):sum()
  end, x123)
  raises("backward returned", grad.value, function(x)
    return grad.straight_through(function(v) return v end, function() return array.zeros(2) end)(x):sum()
  end, x123)
end

-- What else forward uses would get no gradient, and nobody would say so.
function TestValues:test_straight_through_has_one_input()
  local y = array.ones(3)
  local function value(forward, ...)
    local st, more = grad.straight_through(forward), { ... }
    return grad.value(function(x, w)
      return st(x, table.unpack(more)):sum() + w:sum()
    end, x123, y)
  end
  raises("grad.straight_through: argument 3 is traced as well", grad.value, function(x, w)
    return grad.straight_through(function(a, _, b) return a * b end)(x, nil, w):sum()
  end, x123, y)
  for _, forward in ipairs { function(a, w) return a * w[1] end, function(_, w) return w[1] end } do
    raises("is traced", grad.value, function(x, w)
      return grad.straight_through(forward)(x, { w }):sum()
    end, x123, y)
  end
  local _, g, h = value(function(a, b) return a:round() * b end, array.ones(3) * 2)
  lu.assertEquals({ numbers(g), numbers(h) }, { { 1, 1, 1 }, { 1, 1, 1 } })
  _, g, h = grad.value(function(x, w)
    local st = grad.straight_through(function(a)
      local _, inner = grad.value(function(b) return b:square():sum() end, a)
      return inner * grad.stop(w) * w:argmax()
    end)
    return st(x):sum()
  end, x123, y)
  lu.assertEquals({ numbers(g), numbers(h) }, { { 1, 1, 1 }, { 0, 0, 0 } })
end

---------------------------------------------------------------------------------------------------
-- What is refused, and that nothing is left

TestRefusals = {}

function TestRefusals:tearDown()
  lu.assertEquals(math.type(x123:sum()), "float", "a tape was left")
end

function TestRefusals:test_functions_without_a_gradient()
  local message = raises("array.unique: it has no gradient", grad.value, function(x)
    return x:unique():sum()
  end, x123)
  lu.assertStrContains(message, "test_grad.lua:")
  raises("grad.stop(x):totable()", grad.value, function(x) return x:totable()[1] end, x123)
  raises("svm.from: it has no gradient", grad.value, function(x) return svm.from { sv = x } end, x123)
  raises("data.new: it has no gradient", grad.value, function(x) return data.new { x = x } end, x123)
  raises("array.stack", grad.value, function(x) return array.new { x:sum(), 1 }:sum() end, x123)
  raises("array.stack", grad.value, function(x) return (x + { x:sum(), 1, 2 }):sum() end, x123)
  raises("number expected", grad.value, function(x) return math.exp(x:sum()) end, x123)
  raises("arrays are compared by methods", grad.value, function(x) return x < 1 end, x123)
end

function TestRefusals:test_writing()
  raises("cannot be written into", grad.value, function(x) return x:add_(1):sum() end, x123)
  raises("cannot be written into", grad.value, function(x) x[1] = 3 return x:sum() end, x123)
  raises("cannot be written into", grad.value, function(x) return (x * 2):fill(3):sum() end, x123)
  raises("forgets where its numbers came from", grad.value, function(x)
    return array.zeros(3):add_(x):sum()
  end, x123)
  raises("forgets where its numbers came from", grad.value, function(x)
    local y = array.zeros(3)
    y[1] = x[1]
    return y:sum()
  end, x123)
  local own = x123:copy()
  raises("still needs this array's numbers", grad.value, function(x)
    local y = x:exp()
    own:add_(1)
    return y:sum()
  end, own)
  local constant = array.ones(3)
  raises("still needs this array's numbers", grad.value, function(x)
    local y = x * constant
    constant:set(5, 1)
    return y:sum()
  end, x123)
  lu.assertEquals(numbers(select(2, grad.value(function(x)
    local own_one = array.zeros(3)
    own_one:fill(2)
    return (x * own_one):sum()
  end, x123))), { 2, 2, 2 })
end

function TestRefusals:test_inputs_and_answers()
  raises("grad.value: x: expected an array of floats", grad.value, function() end, array.arange(3))
  raises("grad.value: x.a: expected an array of floats", grad.value, function() end, { a = array.arange(3) })
  raises("grad.value: x: expected an array of floats, a table of such, or a number, got the string",
    grad.value, math.sin, "word")
  raises("array.new { 1, 2 } makes an array of a list", grad.value, function() end, { 1, 2, 3 })
  local function nested(depth)
    local t = { x123 }
    for _ = 2, depth do t = { t } end
    return t
  end
  for _, name in ipairs { "value", "vjp", "check" } do
    raises("grad." .. name .. ": the inputs' tables are nested more than 100 deep", grad[name],
      function() return 1 end, nested(10000))
    raises("more than 100 deep", grad[name], function() return 1 end, x123, nested(101))
  end
  lu.assertEquals((grad.value(function(t)
    while type(t) == "table" do t = t[1] end
    return t:sum()
  end, nested(100))), 6)
  raises("grad.value: f: expected a function", grad.value, x123, x123)
  raises("expected one number", grad.value, function(x) return x end, x123)
  raises("expected one number, as x:sum() is, got nothing", grad.value, function() end, x123)
  raises("expected an array or a number", grad.vjp, function() return "word" end, x123)
end

function TestRefusals:test_gradients_of_gradients()
  raises("gradients of gradients", grad.value, function(x)
    return select(2, grad.value(function(y) return y:square():sum() end, x)):sum()
  end, x123)
  raises("gradients of gradients", grad.value, function(x)
    return (grad.value(function(y) return (y * x):sum() end, x123))
  end, x123)
  local inner
  local _, g = grad.value(function(x)
    local _, other = grad.value(function(y) return y:square():sum() end, grad.stop(x))
    inner = other
    return (x * other):sum()
  end, x123)
  lu.assertEquals({ numbers(inner), numbers(g) }, { { 2, 4, 6 }, { 2, 4, 6 } })
  _, g = grad.value(function(x) -- what has no gradient anyway is a constant there too
    local s = x:sum()
    local _, other = grad.value(function(y) return (y * s:item() + x:gt(1)):sum() end, x123)
    return (x * other):sum()
  end, x123)
  lu.assertEquals(numbers(g), { 6, 6, 6 })
end

function TestRefusals:test_errors_keep_their_line_and_leave_nothing()
  raises("test_grad.lua:", grad.value, function(x) error "mine" return x end, x123)
  raises("inner sizes differ", grad.value, function(x) return x:matmul(array.zeros(2, 2)):sum() end, x123)
  local _, g = grad.value(function(x)
    pcall(function() return x:matmul(array.zeros(2, 2)) end)
    pcall(function() return x:sum(9) end)
    return x.T:sum()
  end, x123)
  lu.assertEquals(numbers(g), { 1, 1, 1 })
  local token = {}
  local ok, message = pcall(grad.value, function() error(token) end, x123)
  lu.assertEquals({ ok, rawequal(message, token) }, { false, true })
end

function TestRefusals:test_coroutines()
  local thread = coroutine.wrap(function()
    raises("coroutine.yield", grad.value, function(x) return coroutine.yield(x) end, x123)
    return grad.value(function(x)
      local squares = coroutine.wrap(function() coroutine.yield(x:square()) end)
      return squares():sum()
    end, x123)
  end)
  local value, g = thread()
  lu.assertEquals({ value, numbers(g) }, { 14.0, { 2, 4, 6 } })
end

function TestRefusals:test_arrays_that_escape_are_ordinary_ones()
  local kept
  grad.value(function(x)
    kept = { x, x:sum(), x * 2 }
    return x:sum()
  end, x123)
  collectgarbage()
  lu.assertEquals((kept[1] + kept[3]):sum(), 18.0)
  lu.assertEquals((kept[3] + kept[2]):totable(), { 8, 10, 12 })
  local _, g = grad.value(function(x) return (x * kept[3]):sum() end, x123)
  lu.assertEquals(numbers(g), { 2, 4, 6 })
end

function TestRefusals:test_the_way_back_names_its_line()
  local message = raises("the gradient of straight_through (", grad.value, function(x)
    local y = grad.straight_through(function(v) return v end, function() return 3 end)(x)
    return y:sum()
  end, x123)
  lu.assertStrContains(message, "expected an array, got 3")
end

function TestRefusals:test_finalizers_that_use_arrays_do_no_harm()
  warn "@off"
  local function drop(fails)
    setmetatable({}, { __gc = function()
      local y = array.randn(4, 3):transpose(2, 1)[2]:sum()
      if fails then error(y) end
    end })
  end
  for round = 1, 60 do
    local ok, value, g = pcall(grad.value, function(x)
      local s = 0
      for _ = 1, 10 do
        drop(round % 2 == 0)
        s = s + x:slice({ 1, 2 }):sum() + x[{ 2, 3 }]:sum() + x.T[1] + x:take({ 1, 3 }):sum()
        collectgarbage "step"
      end
      return s
    end, x123)
    if ok then lu.assertEquals({ value, numbers(g) }, { 130.0, { 30, 20, 20 } }) end
    if not ok then lu.assertStrContains(value, "a finalizer") end
  end
  warn "@on"
end

function TestRefusals:test_a_way_back_cannot_be_closed_on_the_way()
  local y, pull
  y, pull = grad.vjp(grad.straight_through(function(x) return x end, function(dy)
    raises("pull: it is on its way back", pull, dy)
    getmetatable(pull).__close(pull)
    return dy
  end), x123)
  lu.assertEquals(numbers(pull(y)), { 1, 2, 3 })
  raises("it was closed", pull, y)
end

function TestRefusals:test_check()
  local half = grad.straight_through(function(x) return x end, function(dy) return dy / 2 end)
  local p = { a = array.randn(2, 3), b = { array.randn(3, 1) } }
  lu.assertTrue(grad.check(function(v) return v.a:matmul(v.b[1]):tanh() end, p) < 1e-6)
  lu.assertTrue(grad.check(function(v) return half(v.a):sum() end, p) > 0.4)
end

---------------------------------------------------------------------------------------------------
-- Models

TestModels = {}

local function largest_gap(a, b) return (a - b):abs():max() / b:abs():max() end

-- A model's scores inside a function against its own gradient.
local function check_model(model, x, name)
  local scores = model:scores(x)
  local w = array.randn(scores.shape, { seed = 4, dtype = "f64" })
  local y, pull = grad.vjp(function(v) return model:scores(v) end, x)
  lu.assertTrue(array.equal(y, scores), name)
  local own = model:gradient(x, w)
  lu.assertTrue(largest_gap(pull(w), own) < 1e-6, name)
  lu.assertTrue(largest_gap(pull(w), own) < 1e-6, name .. " again")
  local value, g = grad.value(function(v) return (model:scores(v * 1) * w):sum() end, x:astype "f64")
  lu.assertEquals(g.dtype, "f64")
  lu.assertTrue(largest_gap(g, own) < 1e-6, name .. " in a chain")
  lu.assertAlmostEquals(value, (scores * w):sum(), 1e-6)
end

local function two_spots(more)
  local a, b = array.new { 0.2, 0.2 }, array.new { 0.8, 0.7 }
  local model = {
    classes = { 0, 1 }, features = 2,
    scores = function(_, x)
      return array.stack({ -(x - a):square():sum(2), -(x - b):square():sum(2) }, 2)
    end,
  }
  for key, value in pairs(more or {}) do model[key] = value end
  return grad.model(model)
end

local points = data.new {
  x = array.rand(40, 2, { seed = 1 }),
  y = array.rand(40, 2, { seed = 1 }):sum(2):gt(1):astype "i32",
}

local function small_net()
  return nn.new { input = { 2 }, classes = { 0, 1 }, seed = 3,
    nn.linear { out = 8, name = "a" }, nn.relu {}, nn.linear { out = 2, name = "b" } }
end

function TestModels:test_scores_are_operations()
  local net, machine = small_net(), svm.new { kernel = svm.rbf(2), C = 10 }:fit(points)
  local x = points.x[{ 1, 7 }]
  check_model(net, x, "net")
  check_model(machine, x, "svm")
  check_model(reject.new { model = machine, threshold = 0.1 }, x, "nr")
  check_model(reject.new { model = two_spots(), threshold = -0.4 }, x, "nr of a Lua model")
  local defence = dnr.new { net = net, layers = { "a", "relu1" },
    layer_classifier = svm.new { kernel = svm.rbf(1) },
    combiner = svm.new { kernel = svm.rbf(1) } }:fit(points)
  defence.threshold = -0.5
  check_model(defence, x, "dnr")
  lu.assertTrue(pcall(grad.value, function(v) return net:predict(v):sum() + v:sum() end, x))
  raises("net:gradient: it has no gradient", grad.value, function(v)
    return net:gradient(v, { 1, 0 }):sum()
  end, x)
end

function TestModels:test_outputs_of_layers()
  local net, x = small_net(), points.x[{ 1, 7 }]
  local a, b = net:forward(x, { "a", "b" })
  local wa, wb = array.randn(a.shape, { seed = 1 }), array.randn(b.shape, { seed = 2 })
  local _, g = grad.value(function(v)
    local first, last = net:forward(v, { "a", "b" })
    return (first * wa):sum() + (last * wb):sum()
  end, x)
  lu.assertTrue(largest_gap(g, net:backward(x, { a = wa, b = wb })) < 1e-6)
  _, g = grad.value(function(v) return (net:forward(v, "a") * wa):sum() end, x)
  lu.assertTrue(largest_gap(g, net:backward(x, { a = wa })) < 1e-6)
end

function TestModels:test_grad_model()
  local model = two_spots()
  local x, w = points.x[{ 1, 5 }], array.randn(5, 2, { seed = 1, dtype = "f64" })
  local by_hand = (x - array.new { 0.2, 0.2 }) * -2 * w:slice(nil, { 1, 1 })
    + (x - array.new { 0.8, 0.7 }) * -2 * w:slice(nil, { 2, 2 })
  local g = model:gradient(x, w)
  lu.assertEquals(g.dtype, "f32")
  lu.assertTrue(largest_gap(g, by_hand) < 1e-6)
  lu.assertEquals(tostring(model), "grad.model: classes 0, 1, 2 features")
  local pgd = attack.pgd { model = model, norm = "l2", dmax = 0.5 }
  local found = evaluate.diagnose(pgd:run(points[{ 1, 4 }]))
  lu.assertEquals(#found.alarms or 0, 0)
  -- as a layer's classifier, where C calls it
  local defence = dnr.new { net = small_net(), layers = { "b" }, layer_classifier = two_spots {
    fit = function() end, clone = function(model_itself) return model_itself end }, combiner = svm.new {} }
  defence:fit(points)
  defence.threshold = -0.5
  check_model(defence, x, "dnr on a grad.model")
end

function TestModels:test_what_c_calls_is_not_recorded()
  raises("is traced by grad outside", grad.value, function(v)
    local inner = two_spots { scores = function(_, x) return x * v:sum() end }
    return reject.new({ model = inner, threshold = 0 }):scores(points.x):sum()
  end, x123)
end

function TestModels:test_surrogates_say_so()
  local quantise = grad.straight_through(function(x) return (x * 8):round() / 8 end)
  local bare = two_spots()
  local model = two_spots { scores = function(_, x) return bare:scores(quantise(x)) end }
  lu.assertEquals(model.gradient_is, "surrogate")
  lu.assertNil(bare.gradient_is)
  local x = array.new { { 0.26, 0.31 } }
  lu.assertTrue(largest_gap(model:gradient(x, { 1, -1 }), bare:gradient(quantise(x), { 1, -1 })) < 1e-6)
end

-- Shares that cancel leave what is left of them, in whichever order they come.
function TestModels:test_sums_of_shares_keep_their_digits()
  local x = array.new({ { 60, 0, 1 }, { 0, 80, 0 }, { 3, 3, 3 }, { 0, 0, 50 } }, { dtype = "f64" })
  local columns = { 1, 2, 1, 1 }
  local function own(v) return v:gather(columns, 2) end
  local a, b = math.exp(-60), math.exp(-59)
  local expected = array.new({ { a + b, -a, -b }, { -math.exp(-80), 2 * math.exp(-80), -math.exp(-80) },
    { 2 / 3, -1 / 3, -1 / 3 }, { 1 - math.exp(-50), -math.exp(-50), -1 } }, { dtype = "f64" })
  for _, f in ipairs {
    function(v) return (own(v) - v:logsumexp(2)):sum() end,
    function(v) return (-v:logsumexp(2) + own(v)):sum() end,
  } do
    local _, g = grad.value(f, x)
    lu.assertTrue(((g - expected) / expected):abs():max() < 1e-12)
  end
end

function TestModels:test_random_models_are_averaged()
  local bare = two_spots()
  local model = two_spots { scores = function(_, x)
    return bare:scores(x + array.randn(x.shape) * 0.05)
  end }
  local result = attack.pgd { model = model, norm = "l2", dmax = 0.6, samples = 4, seed = 1 }
    :run(array.new { { 0.3, 0.3 } }, { y = { 0 } })
  lu.assertEquals(result.verdict[1], "evaded")
end
