-- The rule of numbers (help "numbers"): tables, numbers and arrays of each type through every function
-- of the library, which are found by walking its table. What is expected is written out here, not
-- asked of the program.
local lu = require "luaunit"
local A = array
local nan, inf = 0 / 0, math.huge

local function f32(x) return string.unpack("f", string.pack("f", x)) end

local function map(f, ...)
  local lists, result = { ... }, {}
  for i = 1, 3 do
    local numbers = {}
    for k, list in ipairs(lists) do numbers[k] = type(list) == "table" and list[i] or list end
    result[i] = f(table.unpack(numbers))
  end
  return result
end

-- What is sent: first as x, second as y (no zero among them: it divides).
local function mask(list) return A.eq(list, 1) end
local function typed(dtype) return function(list) return A.new(list, { dtype = dtype }) end end
local function plain(x) return x end
local kinds = {
  integer = { make = plain, first = 3, second = 2 },
  float = { make = plain, first = 0.1, second = 2.5 },
  integers = { make = plain, first = { 3, 1, 2 }, second = { 2, 5, 1 } },
  floats = { make = plain, first = { 0.1, 2.5, 1 }, second = { 1.5, 0.4, 2 } },
  f32 = { make = typed "f32", first = map(f32, { 0.1, 2.5, 1 }), second = map(f32, { 1.5, 0.7, 2 }) },
  f64 = { make = typed "f64", first = { 0.1, 2.5, 1 }, second = { 1.5, 0.7, 2 } },
  i32 = { make = typed "i32", first = { 3, 1, 2 }, second = { 2, 5, 1 } },
  u8 = { make = typed "u8", first = { 3, 1, 20 }, second = { 2, 5, 10 } },
  mask = { make = mask, first = { 1, 0, 1 }, second = { 1, 1, 1 } },
}

-- The type of two; a row for x, a column for y. A number is as a table of such numbers.
local order = { "integers", "floats", "f32", "f64", "i32", "mask", "u8" }
local together = {
  integers = { "f64", "f64", "f32", "f64", "i32", "f32", "f32" },
  floats = { "f64", "f64", "f32", "f64", "f64", "f32", "f32" },
  f32 = { "f32", "f32", "f32", "f64", "f32", "f32", "f32" },
  f64 = { "f64", "f64", "f64", "f64", "f64", "f64", "f64" },
  i32 = { "i32", "f64", "f32", "f64", "i32", "i32", "f32" },
  mask = { "f32", "f32", "f32", "f64", "i32", "i32", "f32" },
  u8 = { "f32", "f32", "f32", "f64", "f32", "f32", "f32" },
}
local place = { integer = 1, float = 2 }
for i, name in ipairs(order) do place[name] = i end

local function type_of(x, y)
  local alone = { integers = "f64", floats = "f64", mask = "i32", u8 = "f32" }
  local name = order[place[x]]
  if not y then return alone[name] or name end
  return together[name][place[y]]
end

-- Where elements are only chosen or joined, bytes stay bytes.
local function chosen_type(x, y)
  return x == "u8" and (not y or y == "u8") and "u8" or type_of(x, y)
end

local function is_whole(dtype) return dtype == "i32" or dtype == "u8" end

local function is_mask(a) return a.dtype == "i32" and (a * 1).dtype == "f32" end

-- Result kinds: "same" as computed; "float" leaves the integers; "mask"; "count": int32.
local function result_type(result, computed)
  if result == "mask" or result == "count" then return "i32" end
  return result == "float" and computed == "i32" and "f64" or computed
end

-- The same numbers to the last digits that the type has.
local function check(name, got, want, dtype, masked)
  lu.assertEquals(got.dtype, dtype, name .. ": type")
  lu.assertEquals(is_mask(got), masked or false, name .. ": a mask")
  local relative = dtype == "f32" and 1e-6 or 1e-14
  local numbers = got.ndim == 0 and { got:item() } or got:flatten():totable()
  for i, x in ipairs(type(want) == "table" and want or { want }) do
    local near = x == numbers[i] or (x ~= x and numbers[i] ~= numbers[i])
      or math.abs(numbers[i] - x) <= relative * math.max(math.abs(x), 1)
    lu.assertTrue(near, ("%s: element %d is %.17g, not %.17g"):format(name, i, numbers[i], x))
  end
end

local function each_kind(f, without_numbers)
  for kind, k in pairs(kinds) do
    if not (without_numbers and type(k.first) == "number") then f(kind, k.make(k.first), k.first) end
  end
end

local function each_pair(f, without_numbers)
  each_kind(function(first, x, xs)
    for second, k in pairs(kinds) do
      if not (without_numbers and type(k.second) == "number") then
        f(first .. " and " .. second, { first, second }, x, k.make(k.second), xs, k.second)
      end
    end
  end, without_numbers)
end

local function raises(part, f, ...) lu.assertErrorMsgContains(part, f, ...) end

---------------------------------------------------------------------------------------------------
-- Families: each makes the test of a function

local takes_one = {}

local function unary(result, f)
  local function test(name)
    each_kind(function(kind, x, xs)
      local want = type(xs) == "table" and map(f, xs) or f(xs)
      check(name .. " of " .. kind, A[name](x), want, result_type(result, type_of(kind)),
        result == "mask")
    end)
  end
  takes_one[test] = true
  return test
end

local function binary(result, f)
  return function(name)
    each_pair(function(what, pair, x, y, xs, ys)
      local both_numbers = type(xs) == "number" and type(ys) == "number"
      local want = both_numbers and f(xs, ys) or map(f, xs, ys)
      local dtype = result_type(result, type_of(pair[1], pair[2]))
      check(name .. " of " .. what, A[name](x, y), want, dtype, result == "mask")
    end)
  end
end

local function fold(list, f, start)
  local numbers = type(list) == "table" and list or { list }
  local result = start == nil and numbers[1] or start
  for i = start == nil and 2 or 1, #numbers do result = f(result, numbers[i]) end
  return result
end

local function size(list) return type(list) == "table" and 3 or 1 end

local function mean(list) return fold(list, function(s, x) return s + x end) / size(list) end

local function variance(list)
  local m = mean(list)
  return fold(list, function(s, x) return s + (x - m) ^ 2 end, 0) / size(list)
end

-- Whole, to a Lua value, and along an axis.
local function reduction(result, f)
  return function(name)
    each_kind(function(kind, x, xs)
      local want, what = f(xs), name .. " of " .. kind
      local dtype = result_type(result, type_of(kind))
      local got = A[name](x)
      if type(want) == "boolean" then
        lu.assertIs(got, want, what)
        want = want and 1 or 0
      else
        lu.assertEquals(math.type(got), dtype == "i32" and "integer" or "float", what)
        lu.assertAlmostEquals(got, want, 1e-14 * math.max(1, math.abs(want)), what)
      end
      check(what, A[name](x, nil, { keepdims = true }), want, dtype, result == "mask")
      if type(xs) == "table" then check(what, A[name](x, 1), want, dtype, result == "mask") end
    end)
  end
end

-- Elements are only chosen or arranged: the type stays, and so does a mask.
local function chooses(call, arrange)
  return function(name)
    each_kind(function(kind, x, xs)
      local got, want = call(A[name], x, type(xs) == "table"), arrange and arrange(xs) or xs
      check(name .. " of " .. kind, got, want, chosen_type(kind), kind == "mask")
    end, arrange ~= nil)
  end
end

-- A joined mask is one among masks alone.
local function joins(name)
  each_pair(function(what, pair, x, y, xs, ys)
    local want = { xs[1], xs[2], xs[3], ys[1], ys[2], ys[3] }
    local masks = pair[1] == "mask" and pair[2] == "mask"
    check(name .. " of " .. what, A[name] { x, y }, want, chosen_type(pair[1], pair[2]), masks)
  end, true)
end

local function counts(call, want)
  return function(name)
    each_kind(function(kind, x, xs)
      local got = call(A[name], x)
      lu.assertEquals(got.dtype, "i32", name .. " of " .. kind)
      lu.assertFalse(is_mask(got))
      lu.assertEquals(got:totable(), want(xs), name .. " of " .. kind)
    end, true)
  end
end

local function truth(x) return x ~= 0 end
local function as_mask(f) return function(...) return f(...) and 1 or 0 end end
local function sorted(list)
  local copy = table.move(list, 1, 3, 1, {})
  table.sort(copy)
  return copy
end
local function position_of(f) return function(list)
  local best = 1
  for i = 2, 3 do if f(list[i], list[best]) then best = i end end
  return best
end end

-- A constructor makes float32, and what it is told; it refuses what that does not hold.
local function constructs(call, want, value)
  return function(name)
    local f = A[name]
    check(name, call(f), want, "f32")
    for _, dtype in ipairs { "f32", "f64", "i32", "u8" } do
      check(name, call(f, { dtype = dtype }), want, dtype)
    end
    if not value then return end
    raises(name .. ": 1e+300 does not fit into a float32 array", call, f, nil, 1e300)
    raises("does not fit into an int32 array, which holds integers", call, f, { dtype = "i32" }, 0.5)
    raises("does not fit into an int32 array", call, f, { dtype = "i32" }, 2 ^ 31)
    raises("does not fit into a uint8 array, which holds 0 to 255", call, f, { dtype = "u8" }, 256)
    raises("does not fit into a uint8 array, which holds 0 to 255", call, f, { dtype = "u8" }, -1)
    raises("does not fit into a uint8 array, which holds integers", call, f, { dtype = "u8" }, 0.5)
    if name == "full" then lu.assertEquals(call(f, nil, inf)[1], inf) end
  end
end

local function like(value)
  return function(name)
    each_kind(function(kind, x)
      local array = type(x) == "userdata"
      local got = value and A[name](x, value) or A[name](x)
      check(name, got, value or (name == "ones_like" and 1 or 0), array and chosen_type(kind) or "f32")
    end)
  end
end

-- What writes into x: the type is x's, and what that does not hold is refused.
local function writes(call)
  return function(name)
    each_kind(function(kind, y, ys)
      for _, dtype in ipairs { "f32", "f64", "i32", "u8" } do
        local x = A.zeros(3, { dtype = dtype })
        local whole = map(function(v) return v == math.floor(v) end, ys)
        if is_whole(dtype) and not (whole[1] and whole[2] and whole[3]) then
          raises("which holds integers: round it first", call, A[name], x, y)
          lu.assertEquals(x:totable(), { 0, 0, 0 })
        else
          lu.assertIs(call(A[name], x, y), x)
          check(name .. " of " .. kind, x, map(plain, ys), dtype)
        end
      end
    end)
    for _, huge in ipairs { 1e300, A.full(3, 1e300, { dtype = "f64" }) } do
      raises("1e+300 does not fit into a float32 array", call, A[name], A.zeros(3), huge)
    end
    raises(name .. ": array: expected an array, got a table", call, A[name], { 1, 2, 3 }, 1)
  end
end

local function floor_mod(x, y) return x - math.floor(x / y) * y end
local function half_even(x)
  local low = math.floor(x)
  if x - low ~= 0.5 then return math.floor(x + 0.5) end
  return low % 2 == 0 and low or low + 1
end

local expected = {
  neg = unary("same", function(x) return -x end), abs = unary("same", math.abs),
  sign = unary("same", function(x) return x > 0 and 1 or x < 0 and -1 or 0 end),
  square = unary("same", function(x) return x * x end),
  floor = unary("same", math.floor), ceil = unary("same", math.ceil), round = unary("same", half_even),
  trunc = unary("same", function(x) return x < 0 and math.ceil(x) or math.floor(x) end),
  relu = unary("same", function(x) return x > 0 and x or 0 end),
  sqrt = unary("float", math.sqrt), exp = unary("float", math.exp),
  expm1 = unary("float", function(x) return math.exp(x) - 1 end),
  log = unary("float", math.log), log1p = unary("float", function(x) return math.log(1 + x) end),
  log2 = unary("float", function(x) return math.log(x, 2) end),
  log10 = unary("float", function(x) return math.log(x, 10) end),
  sin = unary("float", math.sin), cos = unary("float", math.cos), tan = unary("float", math.tan),
  tanh = unary("float", function(x) return (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1) end),
  sigmoid = unary("float", function(x) return 1 / (1 + math.exp(-x)) end),
  softplus = unary("float", function(x) return math.log(1 + math.exp(x)) end),
  isnan = unary("mask", function() return 0 end), isinf = unary("mask", function() return 0 end),
  isfinite = unary("mask", function() return 1 end),
  logical_not = unary("mask", as_mask(function(x) return x == 0 end)), truth = unary("mask", as_mask(truth)),

  add = binary("same", function(x, y) return x + y end),
  sub = binary("same", function(x, y) return x - y end),
  mul = binary("same", function(x, y) return x * y end), mod = binary("same", floor_mod),
  idiv = binary("same", function(x, y) return math.floor(x / y) end),
  div = binary("float", function(x, y) return x / y end),
  pow = binary("float", function(x, y) return x ^ y end),
  maximum = binary("same", math.max), minimum = binary("same", math.min),
  eq = binary("mask", as_mask(function(x, y) return x == y end)),
  ne = binary("mask", as_mask(function(x, y) return x ~= y end)),
  lt = binary("mask", as_mask(function(x, y) return x < y end)),
  le = binary("mask", as_mask(function(x, y) return x <= y end)),
  gt = binary("mask", as_mask(function(x, y) return x > y end)),
  ge = binary("mask", as_mask(function(x, y) return x >= y end)),
  logical_and = binary("mask", as_mask(function(x, y) return truth(x) and truth(y) end)),
  logical_or = binary("mask", as_mask(function(x, y) return truth(x) or truth(y) end)),
  logical_xor = binary("mask", as_mask(function(x, y) return truth(x) ~= truth(y) end)),

  sum = reduction("same", function(list) return fold(list, function(s, x) return s + x end) end),
  prod = reduction("same", function(list) return fold(list, function(s, x) return s * x end) end),
  min = reduction("same", function(list) return fold(list, math.min) end),
  max = reduction("same", function(list) return fold(list, math.max) end),
  logsumexp = reduction("float", function(list)
    return math.log(fold(list, function(s, x) return s + math.exp(x) end, 0))
  end),
  median = reduction("float", function(list) return type(list) == "table" and sorted(list)[2] or list end),
  mean = reduction("float", mean), var = reduction("float", variance),
  std = reduction("float", function(list) return math.sqrt(variance(list)) end),
  norm = reduction("float", function(list)
    return math.sqrt(fold(list, function(s, x) return s + x * x end, 0))
  end),
  any = reduction("mask", function(list)
    return fold(list, function(s, x) return s or truth(x) end, false)
  end),
  all = reduction("mask", function(list)
    return fold(list, function(s, x) return s and truth(x) end, true)
  end),
  count_nonzero = reduction("count", function(list)
    return fold(list, function(s, x) return s + (truth(x) and 1 or 0) end, 0)
  end),

  reshape = chooses(function(f, x, list) return f(x, list and 3 or 1, 1) end),
  flatten = chooses(function(f, x) return f(x) end), copy = chooses(function(f, x) return f(x) end),
  transpose = chooses(function(f, x) return f(x) end), squeeze = chooses(function(f, x) return f(x) end),
  expand_dims = chooses(function(f, x) return f(x, 1) end),
  broadcast_to = chooses(function(f, x) return f(x, 2, 3):slice(1) end, plain),
  slice = chooses(function(f, x) return f(x, { 3, 1, -1 }) end, function(l) return { l[3], l[2], l[1] } end),
  take = chooses(function(f, x) return f(x, { 2, 3, 1 }) end, function(l) return { l[2], l[3], l[1] } end),
  gather = chooses(function(f, x) return f(x, { 2, 3, 1 }) end, function(l) return { l[2], l[3], l[1] } end),
  compress = chooses(function(f, x) return f(x, { 1, 0, 0.5 }) end, function(l) return { l[1], l[3] } end),
  sort = chooses(function(f, x) return f(x) end, sorted),
  unique = chooses(function(f, x) return (f(x)) end, function(list)
    local values = sorted(list)
    return values[1] == values[2] and { values[1], values[3] } or values[2] == values[3]
      and { values[1], values[2] } or values
  end),
  concatenate = joins, stack = joins,

  argsort = counts(function(f, x) return f(x, { descending = true }) end, function(list)
    local places = { 1, 2, 3 }
    table.sort(places, function(i, j) return list[i] > list[j] or (list[i] == list[j] and i < j) end)
    return places
  end),
  argmin = counts(function(f, x) return f(x, 1, { keepdims = true }) end, function(list)
    return { position_of(function(x, y) return x < y end)(list) }
  end),
  argmax = counts(function(f, x) return f(x, 1, { keepdims = true }) end, function(list)
    return { position_of(function(x, y) return x > y end)(list) }
  end),
  nonzero = counts(function(f, x) return f(x) end, function(list)
    local places = {}
    for i = 1, 3 do if list[i] ~= 0 then places[#places + 1] = i end end
    return places
  end),

  zeros = constructs(function(f, o) return f(2, o) end, { 0, 0 }),
  ones = constructs(function(f, o) return f(2, o) end, { 1, 1 }),
  eye = constructs(function(f, o) return f(2, o) end, { 1, 0, 0, 1 }),
  full = constructs(function(f, o, v) return f(2, v or 7, o) end, { 7, 7 }, true),
  linspace = constructs(function(f, o, v) return f(v or 0, v or 4, 3, o) end, { 0, 2, 4 }, true),
  zeros_like = like(), ones_like = like(), full_like = like(3),

  set = writes(function(f, x, y)
    y = (type(y) == "number" or type(y) == "table") and y or y:totable()
    for i = 1, 3 do f(x, type(y) == "table" and y[i] or y, i) end
    return x
  end),
  assign = writes(function(f, x, y) return f(x, y) end),
  put = writes(function(f, x, y) return f(x, { 1, 2, 3 }, y) end),
  fill = writes(function(f, x, y)
    if type(y) == "number" then return f(x, y) end
    raises("fill: value: expected a number", f, x, y)
    return A.assign(x, y) -- what it would have done
  end),

  at = function()
    each_kind(function(kind, x, xs)
      lu.assertEquals(math.type(A.at(x, 2)), is_whole(chosen_type(kind)) and "integer" or "float", kind)
      lu.assertEquals(A.at(x, 2), xs[2], kind)
    end, true)
    lu.assertEquals(A.at(0.1), 0.1)
  end,
  item = function()
    each_kind(function(kind, x, xs)
      if type(xs) == "number" then return lu.assertEquals(A.item(x), xs) end
      raises("one element, got shape (3,)", A.item, x)
      lu.assertEquals(A.item(A.slice(x, { 2, 2 })), xs[2], kind)
    end)
  end,
  totable = function()
    each_kind(function(kind, x, xs)
      local got = A.totable(x)
      lu.assertEquals(got, xs, kind)
      local element = type(got) == "table" and got[1] or got
      lu.assertEquals(math.type(element), is_whole(chosen_type(kind)) and "integer" or "float", kind)
    end)
  end,

  new = function()
    each_kind(function(kind, x, xs)
      local array = type(x) == "userdata"
      check(kind, A.new(x), xs, array and chosen_type(kind) or "f32", kind == "mask")
      check(kind, A.new(x, { dtype = "f64" }), xs, "f64")
    end)
    for _, dtype in ipairs { "f32", "i32" } do
      for _, values in ipairs { 1e300, { 0, 1e300 }, A.new({ 1e300 }, { dtype = "f64" }) } do
        raises("1e+300", A.new, values, { dtype = dtype })
      end
    end
    lu.assertEquals(A.new({ 1e-300, inf }):totable(), { 0, inf }) -- digits are lost, infinity stays
    raises("values[2]: expected a number that fits float32, got 1e+39", A.new, { 0, 1e39 })
    raises("values[1]: expected an integer that fits int32, got 1.5", A.new, { 1.5 }, { dtype = "i32" })
    raises("values[2]: expected an integer from 0 to 255, got 256", A.new, { 1, 256 }, { dtype = "u8" })
  end,
  astype = function()
    each_kind(function(kind, x, xs)
      check(kind, A.astype(x, "f32"), xs, "f32")
      check(kind, A.astype(x, "f64"), xs, "f64")
      for _, dtype in ipairs { "i32", "u8" } do
        if is_whole(chosen_type(kind)) or kind == "integer" or kind == "integers" then
          check(kind, A.astype(x, dtype), xs, dtype)
        else
          raises("which holds integers: round it first", A.astype, x, dtype)
        end
      end
    end)
    raises("astype: 1e+300 does not fit into a float32 array", A.astype, 1e300, "f32")
    raises("astype: nan does not fit into an int32 array", A.astype, nan, "i32")
    raises("astype: nan does not fit into a uint8 array", A.astype, nan, "u8")
    raises("astype: -1 does not fit into a uint8 array", A.astype, A.new({ 0, -1 }, { dtype = "i32" }), "u8")
    lu.assertEquals(A.astype({ 0.1, nan, -inf }, "f32"):isnan():totable(), { 0, 1, 0 })
  end,
  arange = function(name)
    check(name, A.arange(3), { 0, 1, 2 }, "i32") -- integers say what they are
    check(name, A.arange(3.0), { 0, 1, 2 }, "f32")
    check(name, A.arange(3, { dtype = "f64" }), { 0, 1, 2 }, "f64")
    raises("arange: 2147483648 does not fit into an int32 array", A.arange, 2147483646, 2147483650)
    raises("arange: 1e+300 does not fit into a float32 array", A.arange, 1e300, 2e300, 5e299)
  end,
  rand = function()
    lu.assertEquals({ A.rand(2).dtype, A.rand(2, { dtype = "f64" }).dtype }, { "f32", "f64" })
    raises("rand: 1e+300 does not fit into a float32 array", A.rand, 2, { high = 1e300 })
  end,
  randn = function()
    lu.assertEquals({ A.randn(2).dtype, A.randn(2, { dtype = "f64" }).dtype }, { "f32", "f64" })
    raises("randn: 1e+300 does not fit into a float32 array", A.randn, 2, { std = 1e300 })
  end,
  randint = function() lu.assertEquals(A.randint(1, 6, 2).dtype, "i32") end,
  randperm = function() lu.assertEquals(A.randperm(4).dtype, "i32") end,

  percentile = function(name)
    each_kind(function(kind, x, xs)
      local list = type(xs) == "table" and sorted(xs) or { xs, xs, xs }
      local want = { list[1] * 0.5 + list[2] * 0.5, list[3] }
      check(name .. " of " .. kind, A.percentile(x, { 25, 100 }), want, result_type("float", type_of(kind)))
    end)
  end,
  softmax = function(name)
    each_kind(function(kind, x, xs)
      local sum = fold(xs, function(s, v) return s + math.exp(v) end, 0)
      check(name .. " of " .. kind, A.softmax(x), map(function(v) return math.exp(v) / sum end, xs),
        result_type("float", type_of(kind)))
    end, true)
  end,
  log_softmax = function(name)
    each_kind(function(kind, x, xs)
      local whole = math.log(fold(xs, function(s, v) return s + math.exp(v) end, 0))
      check(name .. " of " .. kind, A.log_softmax(x), map(function(v) return v - whole end, xs),
        result_type("float", type_of(kind)))
    end, true)
  end,
  onehot = function(name)
    check(name, A.onehot({ 2, 0 }, 3), { 0, 0, 1, 1, 0, 0 }, "f32")
    for _, dtype in ipairs { "f32", "f64", "i32", "u8" } do
      check(name, A.onehot(7, { 7, 4 }, { dtype = dtype }), { 1, 0 }, dtype)
    end
  end,
  diag = function(name)
    each_kind(function(kind, x, xs)
      local want = { xs[1], 0, 0, 0, xs[2], 0, 0, 0, xs[3] }
      check(name .. " of " .. kind, A.diag(x), want, chosen_type(kind))
    end, true)
    check(name, A.diag(A.eq({ { 1, 2 }, { 3, 4 } }, 1)), { 1, 0 }, "i32", true)
  end,
  frombytes = function(name)
    for dtype, format in pairs { f32 = "<ff", f64 = "<dd", i32 = "<i4i4" } do
      check(name, A.frombytes(format:pack(3, -4), dtype), { 3, -4 }, dtype)
    end
    check(name, A.frombytes("\255\1", "u8"), { 255, 1 }, "u8")
    check(name, A.frombytes("\255\1", "i8"), { -1, 1 }, "i32")
  end,
  tobytes = function()
    lu.assertEquals(A.tobytes(A.new { 0.5, 2 }), ("<ff"):pack(0.5, 2))
    lu.assertEquals(A.tobytes { 1, 2 }, ("<dd"):pack(1, 2))
    lu.assertEquals(A.tobytes(A.eye(2, { dtype = "i32" }).T[2]), ("<i4i4"):pack(0, 1))
  end,
  linear = function(name)
    each_pair(function(what, pair, x, y, xs, ys)
      local want = xs[1] * ys[1] + xs[2] * ys[2] + xs[3] * ys[3]
      check(name .. " of " .. what, A.linear(x, A.reshape(y, 1, 3)), { want },
        result_type("float", type_of(pair[1], kinds[pair[2]].make == plain and "f64" or pair[2])))
    end, true)
  end,
  conv2d = function(name)
    local function of(x, y) return A.conv2d(A.reshape(x, 1, 1, 3), A.reshape(y, 1, 1, 1, 3)) end
    for dtype, result in pairs { f32 = "f32", f64 = "f64", i32 = "f64", u8 = "f32" } do
      local x = A.new({ 1, 2, 3 }, { dtype = dtype })
      check(name, of(x, A.new({ 4, 5, 6 }, { dtype = dtype })), { 32 }, result)
    end
  end,
  maxpool = chooses(function(f, x)
    return A.flatten(f(A.reshape(x, 1, 1, 3), { kernel = { 1, 2 }, stride = 1 }))
  end,
    function(l) return { math.max(l[1], l[2]), math.max(l[2], l[3]) } end),
  solve = function(name)
    each_pair(function(what, pair, x, y, xs, ys)
      local want = map(function(a, b) return a / b end, xs, ys)
      local matrix = A.diag(y) -- of what may be a mask it is none
      local dtype = result_type("float", type_of(pair[1], matrix.dtype))
      check(name .. " of " .. what, A.solve(matrix, x), want, dtype)
    end, true)
  end,
  inv = function(name)
    for dtype, result in pairs { f32 = "f32", f64 = "f64", i32 = "f64", u8 = "f32" } do
      check(name, A.inv(A.new({ { 2, 0 }, { 0, 4 } }, { dtype = dtype })), { 0.5, 0, 0, 0.25 }, result)
    end
  end,
  svd = function(name)
    for dtype, result in pairs { f32 = "f32", f64 = "f64", i32 = "f64", u8 = "f32" } do
      local _, s = A.svd(A.new({ { 0, 3 }, { 4, 0 } }, { dtype = dtype }))
      check(name, s, { 4, 3 }, result)
    end
  end,
  eigh = function(name)
    for dtype, result in pairs { f32 = "f32", f64 = "f64", i32 = "f64", u8 = "f32" } do
      local w, v = A.eigh(A.new({ { 2, 1 }, { 1, 2 } }, { dtype = dtype }))
      check(name, w, { 1, 3 }, result)
      check(name, v:abs(), { 0.5 ^ 0.5, 0.5 ^ 0.5, 0.5 ^ 0.5, 0.5 ^ 0.5 }, w.dtype)
    end
  end,

  cumsum = function(name)
    each_kind(function(kind, x, xs)
      local sums = type(xs) == "table" and { xs[1], xs[1] + xs[2], xs[1] + xs[2] + xs[3] } or xs
      check(name .. " of " .. kind, A.cumsum(x), sums, type_of(kind))
    end)
  end,
  -- The mask chooses and has no say in the type.
  where = function(name)
    each_pair(function(what, pair, x, y, xs, ys)
      local masks = pair[1] == "mask" and pair[2] == "mask"
      for _, choice in ipairs { { 0.5, 0, nan }, A.new { 1, 0, 2 }, A.new({ 1, 0, 2 }, { dtype = "i32" }) } do
        check(name .. " of " .. what, A.where(choice, x, y), { xs[1], ys[2], xs[3] },
          chosen_type(pair[1], pair[2]), masks)
      end
    end, true)
    check(name, A.where(A.eq(1, 1), 0.1, 2), 0.1, "f64")
    check(name, A.where({ 0, 1 }, A.new { 1, 2 }, 0.5), { 0.5, 2 }, "f32")
  end,
  clip = function(name)
    each_pair(function(what, pair, x, y, xs, ys)
      local dtype = type_of(pair[1], pair[2])
      local function want(f)
        return type(xs) == "number" and type(ys) == "number" and f(xs, ys) or map(f, xs, ys)
      end
      check(name .. " of " .. what, A.clip(x, y), want(math.max), dtype)
      check(name .. " of " .. what, A.clip(x, nil, y), want(math.min), dtype)
      check(name .. " of " .. what, A.clip(x, y, y), want(function(_, v) return v end), dtype)
    end)
    check(name, A.clip(A.new({ 1, 5 }, { dtype = "i32" }), 2, 3.5), { 2, 3.5 }, "f64")
  end,
  outer = function(name)
    each_pair(function(what, pair, x, y, xs, ys)
      local products = {}
      for i = 1, 3 do for j = 1, 3 do products[#products + 1] = xs[i] * ys[j] end end
      check(name .. " of " .. what, A.outer(x, y), products, type_of(pair[1], pair[2]))
    end, true)
    check(name, A.outer(0.1, 2), 0.2, "f64")
  end,
  matmul = function(name)
    each_pair(function(what, pair, x, y, xs, ys)
      local product = xs[1] * ys[1] + xs[2] * ys[2] + xs[3] * ys[3]
      check(name .. " of " .. what, A.matmul(x, y), product, type_of(pair[1], pair[2]))
      local rows = A.stack { x, x } -- float64 of tables
      local first = type(x) == "table" and "f64" or pair[1]
      check(name .. " of " .. what, A.matmul(rows, y), { product, product }, type_of(first, pair[2]))
    end, true)
    raises("inner sizes differ", A.matmul, 1, 2)
  end,
  -- To a Lua number, of the digits that the type has.
  dot = function(name)
    each_pair(function(what, pair, x, y, xs, ys)
      local dtype = type_of(pair[1], pair[2])
      local got, product = A.dot(x, y), xs[1] * ys[1] + xs[2] * ys[2] + xs[3] * ys[3]
      lu.assertEquals(math.type(got), dtype == "i32" and "integer" or "float", name .. " of " .. what)
      lu.assertAlmostEquals(got, product, dtype == "f32" and 1e-6 or 1e-14, name .. " of " .. what)
    end, true)
    lu.assertEquals(A.dot(A.new { 1 }, { 0.1 }), f32(0.1))
  end,

  equal = function()
    each_kind(function(kind, x, xs)
      lu.assertTrue(A.equal(x, xs), kind)
      lu.assertTrue(A.equal(xs, x), kind)
      lu.assertFalse(A.equal(x, type(xs) == "number" and xs + 1 or { xs[1], xs[2], xs[3] + 1 }), kind)
    end)
    lu.assertFalse(A.equal({ 16777217 }, { 16777216 }))
    lu.assertTrue(A.equal(A.new { 0.1 }, { 0.1 })) -- rounded as the array was
    lu.assertFalse(A.equal(A.new { 0.1 }, A.new({ 0.1 }, { dtype = "f64" })))
    lu.assertFalse(A.equal(A.new { inf }, { 1e300 })) -- which float32 does not hold
    lu.assertFalse(A.equal(A.new({ 1 }, { dtype = "i32" }), { 1.5 }))
  end,
  allclose = function()
    local strict = { rtol = 0, atol = 0 }
    each_kind(function(kind, x, xs)
      lu.assertTrue(A.allclose(x, xs, strict), kind)
      lu.assertFalse(A.allclose(x, type(xs) == "number" and xs + 1 or { xs[1], xs[2], xs[3] + 1 }), kind)
    end)
    lu.assertFalse(A.allclose({ 16777217 }, { 16777216 }, strict))
    lu.assertTrue(A.allclose(A.new { 0.1 }, 0.1, strict))
  end,
}

---------------------------------------------------------------------------------------------------

TestArrayNumbers = {}

for name, f in pairs(array) do
  if type(f) == "function" then
    TestArrayNumbers["test_" .. name] = function()
      lu.assertNotNil(expected[name], "array." .. name .. ": say here what it makes of each type")
      expected[name](name)
    end
  end
end

function TestArrayNumbers:test_nothing_else_is_expected()
  for name in pairs(expected) do lu.assertIsFunction(rawget(array, name), name) end
end

-- x:f_(y) has the type of x: double results are cast, float ones do not go into int32.
function TestArrayNumbers:test_methods_in_place()
  local methods = debug.getmetatable(A.zeros(1)).methods
  for method in pairs(methods) do
    local name = method:match("^(.*)_$")
    if name then
      lu.assertNotNil(expected[name], method)
      for _, dtype in ipairs { "f32", "f64", "i32" } do
        for _, second in ipairs { "integer", "floats", "f32", "f64", "i32", "mask" } do
          local k = kinds[second]
          local x, y = A.new({ 3, 1, 2 }, { dtype = dtype }), k.make(k.second)
          if takes_one[expected[name]] then y = nil end
          local want = A[name](x, y)
          if dtype == "i32" and want.dtype ~= "i32" then
            raises("does not go into an i32 array; use astype", methods[method], x, y)
            lu.assertEquals(x:totable(), { 3, 1, 2 })
          else
            lu.assertIs(methods[method](x, y), x)
            lu.assertTrue(x:allclose(want, { rtol = 1e-6 }), method .. " of " .. dtype .. " and " .. second)
            lu.assertEquals(x.dtype, dtype)
          end
        end
      end
    end
  end
  local x = A.ones(2)
  raises("mul: 1e+300 does not fit into a float32 array", x.mul_, x, A.new({ 2, 1e300 }, { dtype = "f64" }))
  lu.assertEquals(x:totable(), { 1, 1 })
end

function TestArrayNumbers:test_int32_does_not_overflow()
  local function i32(...) return A.new({ ... }, { dtype = "i32" }) end
  local most, least = 2147483647, -2147483648
  local i = i32(1, most)
  raises("add: 2147483648 does not fit into an int32 array", function() return i + 1 end)
  raises("add: 4294967294 does not fit", function() return i + i32(0, most) end)
  raises("sub: -2147483649 does not fit", function() return i32(least) - 1 end)
  raises("sub: 2147483648 does not fit", function() return 0 - i32(least) end)
  raises("mul: -4294967294 does not fit", function() return i * -2 end)
  raises("square: 2147488281 does not fit", A.square, i32(46341))
  -- products: what the operands' magnitudes settle, what they leave open, and the very bounds
  local side = A.full(1000, 46340, { dtype = "i32" })
  lu.assertEquals((side * side):max(), 46340 * 46340)
  lu.assertEquals((i32(-65536, 1) * i32(32768, 7)):totable(), { least, 7 })
  lu.assertEquals((i32(most, least, 0) * i32(1, 1, least)):totable(), { most, least, 0 })
  raises("mul: 2147483648 does not fit", A.mul, i32(65536), i32(32768))
  raises("mul: 2147483648 does not fit", A.mul, i32(1, least), i32(1, -1))
  raises("mul: 4.61169e+18 does not fit", A.mul, i32(least), i32(least))
  raises("neg: 2147483648 does not fit", function() return -i32(least) end)
  raises("abs: 2147483648 does not fit", A.abs, i32(least))
  raises("idiv: 2147483648 does not fit", function() return i32(least) // -1 end)
  raises("add: 3000000000 does not fit", function() return i + 3000000000 end)
  raises("sum: 2147483648 does not fit", A.sum, i)
  raises("sum: 2147483648 does not fit", A.sum, i, 1)
  raises("cumsum: 2147483648 does not fit", A.cumsum, i)
  raises("prod: -4294967294 does not fit", A.prod, i32(2, -1, most))
  raises("dot: 4294967294 does not fit", A.dot, i, i32(0, 2))
  raises("matmul: 4294967294 does not fit", A.matmul, i, i32(0, 2))
  raises("outer: mul: 4294967294 does not fit", A.outer, i, i32(2))
  lu.assertEquals((i32(46340, -46340):square()):totable(), { 46340 ^ 2, 46340 ^ 2 })
  lu.assertEquals((i32(most, least) + i32(-1, 1)):totable(), { most - 1, least + 1 })
  lu.assertEquals((i32(least, most) % -1):totable(), { 0, 0 })
  lu.assertEquals((i32(1 << 15) * -(1 << 16)):item(), least)
  -- where threads share the work, and in place, with nothing written
  local many = A.full(300000, 5, { dtype = "i32" }):set(most, 299999)
  raises("add: 2147483648 does not fit", function() return many + 1 end)
  raises("add: 2147483648 does not fit", many.add_, many, 1)
  lu.assertEquals({ many[1], many[-2] }, { 5, most })
  lu.assertTrue(i32(most):lt(3000000000):all()) -- a comparison knows without holding it
end

-- A number or table beside float32 is float32; where it does not fit it is refused, not infinite.
function TestArrayNumbers:test_numbers_beside_float32()
  local x = A.new { 0.1, 1 }
  raises("mul: 1e+300 does not fit into a float32 array", function() return x * 1e300 end)
  raises("clip: -1e+300 does not fit", x.clip, x, -1e300, 1)
  raises("concatenate: 1e+300 does not fit", A.concatenate, { x, { 1e300 } })
  raises("matmul: 1e+300 does not fit", A.matmul, x, { 1, 1e300 })
  lu.assertEquals(x:lt(1e300):totable(), { 1, 1 })
  lu.assertEquals(x:gt { 0, 1e300 }:totable(), { 1, 0 })
  lu.assertTrue(x[1] ~= 0.1 and x:eq(0.1):any()) -- rounded as the array was
  lu.assertEquals((x * inf):totable(), { inf, inf })
  lu.assertEquals((A.new { 3e38 } * 2):item(), inf) -- what arithmetic makes may be infinite
  lu.assertEquals(A.new({ 3e38, 3e38 }):sum(1):item(), inf)
end

function TestArrayNumbers:test_masks()
  local m = A.gt({ 1, 2, 3 }, 1)
  lu.assertTrue(is_mask(m))
  for _, kept in ipairs { m:slice { 1, 2 }, m:reshape(3, 1)[2], m.T, m:take { 1, 3 }, m:copy(), m:compress(m),
    A.where(m, m, m), m:logical_and(m), m:logical_or(m), m:logical_not(), m:logical_xor(m), A.isnan(m),
    A.concatenate { m, m }, m:sort(), m:expand_dims(1), A.new(m), A.stack { m, m }:any(1) } do
    lu.assertTrue(is_mask(kept))
  end
  for _, dropped in ipairs { m + m, m * m, -m, m:abs(), m:maximum(m), m:max(1), m:cumsum(), m:astype("i32"),
    A.new(m, { dtype = "i32" }), A.zeros_like(m), A.where(m, m, m + m), m:nonzero(),
    A.matmul({ m, m }, m) } do
    lu.assertEquals(dropped.dtype, "i32")
    lu.assertFalse(is_mask(dropped))
  end
  for _, made in ipairs { m + 1, 1 - m, m * 2, m / 2, m // 2, m % 2, m ^ 2, m * 0.5, m + { 1, 2, 3 } } do
    lu.assertEquals(made.dtype, "f32")
  end
  lu.assertEquals((m * A.ones(3)).dtype, "f32")
  lu.assertEquals({ m:sum(), math.type(m:sum()), m:mean() }, { 2, "integer", 2 / 3 })
  lu.assertEquals((m / m).dtype, "f64")
  local sum = m:copy():add_(m)
  lu.assertEquals(sum:totable(), { 0, 2, 2 })
  lu.assertFalse(is_mask(sum))
  local ds = data.new { x = A.ones(3, 1), y = m }
  lu.assertFalse(is_mask(ds.y))
end

function TestArrayNumbers:test_a_part_of_a_table_is_an_array()
  for _, part in ipairs { A.reshape({ 1, 2 }, 2, 1), A.slice({ 1, 2 }, 1), A.copy { 1, 2 },
    A.take({ 1, 2 }, { 1 }) } do
    lu.assertEquals((part * A.ones(1)).dtype, "f64")
  end
end

function TestArrayNumbers:test_tables_that_hold_arrays()
  lu.assertEquals(A.sum({ A.new { 0.1 }, { 0.1 } }, 1).dtype, "f32")
  lu.assertEquals(A.sum({ A.arange(1), { 1 } }, 1).dtype, "i32")
  lu.assertEquals(A.sum({ A.arange(1), { 0.5 } }, 1).dtype, "f64")
  lu.assertEquals(A.sum({ A.new({ 1 }, { dtype = "f64" }), A.new { 1 } }, 1).dtype, "f64")
  raises("sum: array: 3000000000 does not fit into an int32 array", A.sum, { A.arange(1), { 3000000000 } })
end

function TestArrayNumbers:test_datasets_cast_too()
  local wide = A.new({ { 1e300 } }, { dtype = "f64" })
  raises("data.new: x[1][1]: expected a number that fits float32, got 1e+300", data.new,
    { x = { { 1e300 } }, y = { 1 } })
  raises("data.new: x: 1e+300 does not fit into a float32 array", data.new, { x = wide, y = { 1 } })
  local path = os.tmpname()
  data.save_npz(path, { x = wide, y = A.ones(1) })
  raises("'x.npy': 1e+300 does not fit into a float32 array", data.npz, path)
  data.save_npz(path, { x = A.full({ 1, 1 }, 1e30), y = A.ones(1) })
  raises("data.npz: 1e+60 does not fit into a float32 array", data.npz, path, { scale = 1e30 })
  os.remove(path)
end
