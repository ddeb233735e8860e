local lu = require "luaunit"
local A = array
local nan, inf = 0 / 0, math.huge

-- The same shape, type and numbers (NaN equals NaN).
local function same(got, want, dtype)
  want = A.new(want, { dtype = dtype or got.dtype })
  lu.assertEquals(got.shape, want.shape)
  if dtype then lu.assertEquals(got.dtype, dtype) end
  if not A.allclose(got, want, { rtol = 1e-6, atol = 1e-7, equal_nan = true }) then
    lu.fail("expected " .. tostring(want) .. "\ngot " .. tostring(got))
  end
end

local function raises(part, f, ...)
  lu.assertErrorMsgContains(part, f, ...)
end

local function grid(dtype)
  return A.new({ { 1, 2, 3 }, { 4, 5, 6 } }, { dtype = dtype })
end

TestArrayCreate = {}

function TestArrayCreate:test_new()
  local a = grid()
  lu.assertEquals(a.shape, { 2, 3 })
  lu.assertEquals({ a.ndim, a.size, #a, a.dtype }, { 2, 6, 2, "f32" })
  lu.assertEquals(A.new({ 1, 2 }, { dtype = "float64" }).dtype, "f64")
  lu.assertEquals(A.new({ true, false }, { dtype = "i32" }):totable(), { 1, 0 })
  lu.assertEquals(A.new(3):item(), 3)
  lu.assertEquals(A.new({}).shape, { 0 })
  same(A.new { a[1], { 7, 8, 9 } }, { { 1, 2, 3 }, { 7, 8, 9 } })
end

function TestArrayCreate:test_new_copies_an_array()
  local a = grid()
  local b = A.new(a)
  b:set(9, 1, 1)
  lu.assertEquals(a:at(1, 1), 1)
  lu.assertEquals(A.new(a, { dtype = "f64" }).dtype, "f64")
end

function TestArrayCreate:test_new_errors()
  raises("values[2]: expected 2 elements as in the first row (ragged table), got a table of 1",
    A.new, { { 1, 2 }, { 3 } })
  raises("values[2][1]: expected a number, got the string \"x\"", A.new, { { 1 }, { "x" } })
  raises("values[2]: expected 1 elements", A.new, { { 1 }, 2 })
  raises("values[2]: expected a number, got a table of 1", A.new, { 1, { 2 } })
  raises("expected an integer that fits int32, got 1.5", A.new, { 1.5 }, { dtype = "i32" })
  raises("int32", A.new, { 1e10 }, { dtype = "i32" })
  raises("dtype: expected \"f32\"", A.new, { 1 }, { dtype = "f16" })
  raises("unknown option 'dtyp'; did you mean 'dtype'?", A.new, { 1 }, { dtyp = "f32" })
  raises("nested deeper", A.new, { { { { { { { { { 1 } } } } } } } } })
  raises("got nothing", A.new)
end

function TestArrayCreate:test_constants()
  same(A.zeros(2, 2), { { 0, 0 }, { 0, 0 } }, "f32")
  same(A.zeros { 2, dtype = "i32" }, { 0, 0 }, "i32")
  same(A.ones({ 1, 2 }, { dtype = "f64" }), { { 1, 1 } }, "f64")
  same(A.full({ 2 }, 1.5), { 1.5, 1.5 })
  same(A.full(2, 7, { dtype = "i32" }), { 7, 7 }, "i32")
  same(A.eye(2), { { 1, 0 }, { 0, 1 } })
  same(A.eye(2, 3, { k = 1 }), { { 0, 1, 0 }, { 0, 0, 1 } })
  same(A.zeros_like(grid("i32")), { { 0, 0, 0 }, { 0, 0, 0 } }, "i32")
  same(A.ones_like({ 1, 2 }, { dtype = "f64" }), { 1, 1 }, "f64")
  same(A.full_like(grid(), 2), { { 2, 2, 2 }, { 2, 2, 2 } })
  raises("sizes, as in (2, 3)", A.zeros)
  raises("size: expected an integer of 0 or more, got -1", A.zeros, -1)
  raises("larger than any memory", A.zeros, 1 << 40, 1 << 40)
  raises("out of memory", A.zeros, 1 << 44)
  raises("larger than any memory", A.zeros, 0, 1 << 62, 1 << 62)
end

function TestArrayCreate:test_ranges()
  same(A.arange(4), { 0, 1, 2, 3 }, "i32")
  same(A.arange(1, 4), { 1, 2, 3 }, "i32")
  same(A.arange(5, 0, -2), { 5, 3, 1 }, "i32")
  same(A.arange(0, 1, 0.25), { 0, 0.25, 0.5, 0.75 }, "f32")
  same(A.arange(3, { dtype = "f64" }), { 0, 1, 2 }, "f64")
  lu.assertEquals(#A.arange(0), 0)
  same(A.linspace(0, 1, 5), { 0, 0.25, 0.5, 0.75, 1 }, "f32")
  lu.assertEquals(#A.linspace(0, 1), 50)
  same(A.linspace(2, 3, 1), { 2 })
  raises("step of 0", A.arange, 1, 2, 0)
  raises("finite range", A.arange, inf)
end

TestArrayRandom = {}

function TestArrayRandom:test_seeded()
  lu.assertTrue(A.rand(3, 4, { seed = 5 }):equal(A.rand(3, 4, { seed = 5 })))
  lu.assertFalse(A.rand(3, 4, { seed = 5 }):equal(A.rand(3, 4, { seed = 6 })))
  lu.assertFalse(A.rand(5):equal(A.rand(5)))
  same(A.randperm(100, { seed = 1 }):sort(), A.arange(1, 101), "i32")
end

function TestArrayRandom:test_distributions()
  local u = A.rand(20000, { seed = 1, low = -1, high = 3 })
  lu.assertTrue(u:min() >= -1 and u:max() < 3)
  lu.assertAlmostEquals(u:mean(), 1, 0.05)
  local n = A.randn(20000, { seed = 1, mean = 2, std = 3, dtype = "f64" })
  lu.assertAlmostEquals(n:mean(), 2, 0.1)
  lu.assertAlmostEquals(n:std(), 3, 0.1)
  local dice, times = A.randint(1, 6, 6000, { seed = 2 }):unique()
  same(dice, { 1, 2, 3, 4, 5, 6 }, "i32")
  lu.assertTrue(times:min() > 800)
  raises("randint gives i32", A.rand, 3, { dtype = "i32" })
  raises("high", A.randint, 3, 2, 1)
  for _, dtype in ipairs { "f32", "f64" } do -- where the step of the type is wide
    local low = dtype == "f32" and 1e6 or 2 ^ 50
    local x = A.rand(1000, { low = low, high = low + 1, seed = 1, dtype = dtype })
    lu.assertTrue(x:min() >= low and x:max() < low + 1)
  end
end

TestArrayElements = {}

function TestArrayElements:test_at_and_set()
  local a = grid()
  lu.assertEquals(a:at(2, 3), 6)
  lu.assertEquals(a:at(-1, -3), 4)
  lu.assertIs(a:set(9, 1, -1), a)
  lu.assertEquals(a:at(1, 3), 9)
  raises("index 3 is out of range for axis 1 of size 2", a.at, a, 3, 1)
  raises("index 0 is out of range for axis 2 of size 3", a.at, a, 1, 0)
  raises("expected 2 indices, one an axis, got 1", a.at, a, 1)
  raises("index: expected an integer", a.at, a, 1, 1.5)
  raises("nan does not fit", A.set, A.zeros({ 2 }, { dtype = "i32" }), nan, 1)
  lu.assertEquals(math.type(grid("i32"):at(1, 1)), "integer")
end

function TestArrayElements:test_rows_are_views()
  local a = grid()
  local row = a[2]
  row:set(50, 2)
  lu.assertEquals(a:at(2, 2), 50)
  lu.assertEquals(a[2][2], 50)
  lu.assertEquals(a[-1][-1], 6)
  lu.assertNil(a[3])
  raises("out of range", function() return a[4] end)
  raises("out of range", function() return a[0] end)
  raises("a mask, positions or a name", function() return a[true] end)
  lu.assertErrorMsgContains("an array has no 'no_such_field'", function() return a.no_such_field end)
  local seen = {}
  for i, r in ipairs(a) do seen[i] = r:sum() end
  lu.assertEquals(seen, { 6, 60 })
end

function TestArrayElements:test_row_assignment()
  local a = grid()
  a[1] = 0
  a[2] = { 7, 8, 9 }
  same(a, { { 0, 0, 0 }, { 7, 8, 9 } })
  a[1] = a[2]
  same(a, { { 7, 8, 9 }, { 7, 8, 9 } })
  local v = A.zeros(3)
  v[2] = 5
  same(v, { 0, 5, 0 })
  raises("values of shape (2,) do not fit into (3,)", function() a[1] = { 1, 2 } end)
  raises("fields cannot be set", function() a.shape = { 3, 2 } end)
  raises("out of range", function() a[3] = 1 end)
end

function TestArrayElements:test_view_outlives_its_parent()
  local row = grid()[2]
  collectgarbage()
  collectgarbage()
  same(row, { 4, 5, 6 })
end

function TestArrayElements:test_closed()
  local kept
  do
    local a <close> = grid()
    kept = a
  end
  raises("table of numbers, got an array that was closed", A.sum, kept)
  lu.assertStrContains(tostring(kept), "closed")
end

function TestArrayElements:test_slice()
  local a = A.arange(12):reshape(3, 4)
  same(a:slice({ 2, 3 }, { 1, 2 }), { { 4, 5 }, { 8, 9 } })
  same(a:slice(nil, { 2, nil, 2 }), { { 1, 3 }, { 5, 7 }, { 9, 11 } })
  same(a:slice({ 2 }), { { 4, 5, 6, 7 }, { 8, 9, 10, 11 } })
  same(a:slice(2), { 4, 5, 6, 7 })
  same(a:slice(nil, -1), { 3, 7, 11 })
  same(a:slice({ -1, 1, -1 }, 1), { 8, 4, 0 })
  same(a:slice({ nil, nil, -2 }, 1), { 8, 0 })
  same(a:slice({ -2, -1 }, 1), { 4, 8 })
  same(a:slice({ 2, 100 }, 1), { 4, 8 })
  lu.assertEquals(a:slice({ 3, 2 }).shape, { 0, 4 })
  lu.assertEquals(a:slice({ 1, 0 }).shape, { 0, 4 })
  lu.assertEquals(a:slice({ 10, 20 }).shape, { 0, 4 })
  lu.assertEquals(a:slice({ -100, 1 }, 1):totable(), { 0 })
  a:slice({ 1, 2 }, { 1, 2 }):assign(-1)
  same(a, { { -1, -1, 2, 3 }, { -1, -1, 6, 7 }, { 8, 9, 10, 11 } })
  a:slice(nil, 1):assign { 7, 8, 9 }
  same(a:slice(nil, 1), { 7, 8, 9 })
  raises("step of 0", a.slice, a, { 1, 2, 0 })
  raises("got 0", a.slice, a, { 0, 2 })
  raises("index 4 is out of range for axis 1 of size 3", a.slice, a, 4)
  raises("3 ranges for an array of 2 dimensions", a.slice, a, 1, 1, 1)
  raises("{first, last [, step]}", a.slice, a, "all")
  same(A.arange(10):slice { math.mininteger, nil, 3 }, { 2, 5, 8 })
  same(A.arange(10):slice { math.maxinteger, 1, -4 }, { 6, 2 })
  lu.assertEquals(A.zeros(0):slice({ math.mininteger, 1 }).shape, { 0 })
end

function TestArrayElements:test_assign_overlapping()
  local a = A.arange(5)
  a:slice({ 2, 5 }):assign(a:slice({ 1, 4 }))
  same(a, { 0, 0, 1, 2, 3 })
  raises("does not fit into an int32", a.assign, a, A.new { nan })
  same(a, { 0, 0, 1, 2, 3 })
end

function TestArrayElements:test_totable_and_item()
  lu.assertEquals(grid("i32"):totable(), { { 1, 2, 3 }, { 4, 5, 6 } })
  lu.assertEquals(grid().T:totable(), { { 1, 4 }, { 2, 5 }, { 3, 6 } })
  lu.assertEquals(A.new({ { 7 } }):item(), 7)
  raises("one element, got shape (2, 3)", A.item, grid())
end

TestArrayShape = {}

function TestArrayShape:test_reshape()
  local a = grid()
  local b = a:reshape(3, -1)
  same(b, { { 1, 2 }, { 3, 4 }, { 5, 6 } })
  b:set(10, 1, 1)
  lu.assertEquals(a:at(1, 1), 10) -- a view
  same(a.T:reshape { 6 }, { 10, 4, 2, 5, 3, 6 })
  same(a:slice(nil, { 1, 2 }):reshape(2, 2, 1), { { { 10 }, { 2 } }, { { 4 }, { 5 } } })
  lu.assertEquals(A.zeros(2, 0, 3):reshape(0, 7).shape, { 0, 7 })
  raises("(2, 3) with 6 elements cannot become (4, 2)", a.reshape, a, 4, 2)
  raises("cannot become (-1, 4)", a.reshape, a, -1, 4)
  raises("cannot become (-1, -1)", a.reshape, a, -1, -1)
  raises("cannot become", A.zeros(0).reshape, A.zeros(0), 0, 1 << 62, 1 << 62)
end

function TestArrayShape:test_reshape_keeps_views_of_strided_rows()
  local a = A.arange(24):reshape(4, 6)
  local b = a:slice(nil, { 1, 4 }):reshape(2, 2, 2, 2)
  b:set(-5, 2, 1, 2, 2)
  lu.assertEquals(a:at(3, 4), -5)
  same(a:slice(nil, { 1, 4 }):reshape(-1),
    { 0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, -5, 18, 19, 20, 21 })
  same(A.arange(9):reshape(3, 3):slice(nil, { 1, 2 }):reshape(-1), { 0, 1, 3, 4, 6, 7 })
end

function TestArrayShape:test_transpose()
  same(grid().T, { { 1, 4 }, { 2, 5 }, { 3, 6 } })
  local a = A.arange(24):reshape(2, 3, 4)
  lu.assertEquals(a:transpose().shape, { 4, 3, 2 })
  local b = a:transpose(2, 1, 3)
  lu.assertEquals(b.shape, { 3, 2, 4 })
  lu.assertEquals(b:at(3, 2, 1), a:at(2, 3, 1))
  lu.assertTrue(a:transpose { -1, 1, 2 }:equal(a:transpose(3, 1, 2)))
  raises("each of the 3 axes once", a.transpose, a, 1, 1, 2)
  raises("expected 3 axes, got 2", a.transpose, a, 1, 2)
end

function TestArrayShape:test_large_transposed_copies()
  for _, dtype in ipairs { "f32", "f64" } do
    local a = A.arange(300 * 411):reshape(300, 411):astype(dtype)
    local t = a.T:copy()
    lu.assertEquals(t:at(411, 300), a:at(300, 411))
    lu.assertTrue(t.T:equal(a))
    local cube = a:reshape(3, 100, 411):transpose(3, 1, 2)
    local copy = cube:copy()
    lu.assertTrue(copy:equal(cube))
    lu.assertEquals(copy:at(7, 2, 5), a:at(105, 7))
  end
end

function TestArrayShape:test_dims()
  local a = A.zeros(1, 3, 1)
  lu.assertEquals(a:squeeze().shape, { 3 })
  lu.assertEquals(a:squeeze(1).shape, { 3, 1 })
  lu.assertEquals(a:squeeze(-1).shape, { 1, 3 })
  raises("axis 2 of (1, 3, 1) has size 3, not 1", a.squeeze, a, 2)
  lu.assertEquals(grid():expand_dims(1).shape, { 1, 2, 3 })
  lu.assertEquals(grid():expand_dims(-1).shape, { 2, 3, 1 })
  lu.assertEquals(grid():flatten().shape, { 6 })
  same(A.broadcast_to({ 1, 2 }, 2, 2), { { 1, 2 }, { 1, 2 } })
  raises("(3,) does not broadcast to (2, 2)", A.broadcast_to, { 1, 2, 3 }, 2, 2)
end

function TestArrayShape:test_astype()
  same(A.new({ 1.9, -1.9 }):trunc():astype("i32"), { 1, -1 }, "i32")
  same(grid("i32"):astype("f64"), { { 1, 2, 3 }, { 4, 5, 6 } }, "f64")
  local a = grid()
  local b = a:astype("f32")
  b:fill(0)
  lu.assertEquals(a:sum(), 21)
  raises("inf does not fit into an int32", A.astype, A.new { inf }, "i32")
  raises("dtype", a.astype, a, "int")
end

TestArrayMath = {}

function TestArrayMath:test_operators()
  local a, b = A.new { 1, -2, 4 }, A.new { 2, 2, 3 }
  same(a + b, { 3, 0, 7 })
  same(a - b, { -1, -4, 1 })
  same(a * b, { 2, -4, 12 })
  same(a / b, { 0.5, -1, 4 / 3 })
  same(a ^ b, { 1, 4, 64 })
  same(a ^ 2, { 1, 4, 16 })
  same(a % b, { 1, 0, 1 })
  same(A.new { -3, 3 } % 2, { 1, 1 })
  same(A.new { -3, 3 } // 2, { -2, 1 })
  same(-a, { -1, 2, -4 })
  same(2 + a, { 3, 0, 6 })
  same(2 - a, { 1, 4, -2 })
  same(12 / a, { 12, -6, 3 })
  same(2 ^ a, { 2, 0.25, 16 })
  same(a + { 1, 1, 1 }, { 2, -1, 5 })
  raises("operand", function() return a + "1" end)
  raises("operand", function() return a + nil end)
  lu.assertEquals((A.new({ -1e-200 }, { dtype = "f64" }) % 3e-200):item(), -1e-200 % 3e-200)
end

function TestArrayMath:test_types()
  local i, f = A.new({ 1, 2 }, { dtype = "i32" }), A.new { 1, 2 }
  local d = A.new({ 1, 2 }, { dtype = "f64" })
  local function types(...)
    local names = { ... }
    for k, x in ipairs(names) do names[k] = x.dtype end
    return table.concat(names, " ")
  end
  lu.assertEquals(types(i + i, i + f, f + d, i + d), "i32 f32 f64 f64")
  lu.assertEquals(types(i + 1, i + 1.5, f + 0.1, d + 1), "i32 f64 f32 f64")
  lu.assertEquals(types(i / i, i ^ 2, i:exp(), d:exp()), "f64 f64 f64 f64")
  lu.assertEquals(types(i // 2, i % 2, i:abs(), f:eq(1)), "i32 i32 i32 i32")
  same(A.new({ 0.1 }, { dtype = "f64" }) + A.new({ 1 }, { dtype = "i32" }), { 1.1 }, "f64")
  lu.assertTrue(A.new({ 0.1 }):eq(0.1):all()) -- the number is rounded as the array was
end

function TestArrayMath:test_int32()
  local i = A.new({ -7, 7, 2147483647 }, { dtype = "i32" })
  same(i // 2, { -4, 3, 1073741823 }, "i32")
  same(i % 4, { 1, 3, 3 }, "i32")
  same(i % -4, { -3, -1, -1 }, "i32")
  same(-i, { 7, -7, -2147483647 }, "i32")
  same(i:sign(), { -1, 1, 1 }, "i32")
  raises("int32 division by zero", function() return i % 0 end)
  raises("int32 division by zero", function() return i // A.new({ 1, 0, 1 }, { dtype = "i32" }) end)
end

function TestArrayMath:test_broadcasting()
  local a = grid()
  same(a + A.new { 10, 20, 30 }, { { 11, 22, 33 }, { 14, 25, 36 } })
  same(a + A.new { { 10 }, { 20 } }, { { 11, 12, 13 }, { 24, 25, 26 } })
  same(A.new { { 1 }, { 2 } } * A.new { 1, 10 }, { { 1, 10 }, { 2, 20 } })
  same(a.T - a.T:slice({ 1, 1 }), { { 0, 0 }, { 1, 1 }, { 2, 2 } })
  lu.assertEquals((A.zeros(0, 3) + A.zeros(3)).shape, { 0, 3 })
  lu.assertEquals((A.zeros(4, 1, 3) + A.zeros(5, 1)).shape, { 4, 5, 3 })
  raises("add: shapes (2, 3) and (2,) do not broadcast", function() return a + A.new { 1, 2 } end)
end

-- Larger than one run and than the limit above which threads share the work.
function TestArrayMath:test_large_and_strided()
  local a = A.arange(90000):reshape(300, 300):astype("f32")
  local sum = a + a.T
  lu.assertEquals(sum:at(3, 7), a:at(3, 7) + a:at(7, 3))
  lu.assertTrue(sum:equal(sum.T))
  local mixed = a:astype("f64"):slice({ 300, 1, -1 }) * A.arange(300)
  lu.assertEquals(mixed:at(1, 11), a:at(300, 11) * 10)
  lu.assertEquals(mixed:at(300, 300), a:at(1, 300) * 299)
  local column = a - a:slice(nil, { 5, 5 })
  lu.assertEquals(column:at(200, 9), 4)
end

function TestArrayMath:test_functions()
  same(A.abs { -1, 2 }, { 1, 2 })
  same(A.new({ 0, 1, -1 }):exp(), { 1, math.exp(1), math.exp(-1) })
  same(A.new({ 1, 2, 0 }):log(), { 0, math.log(2), -inf })
  same(A.sqrt { 4, 2, -1 }, { 2, math.sqrt(2), nan })
  same(A.sign { -3, 0, 5, nan }, { -1, 0, 1, nan })
  same(A.floor { 1.5, -1.5 }, { 1, -2 })
  same(A.ceil { 1.5, -1.5 }, { 2, -1 })
  same(A.round { 0.5, 1.5, -2.5 }, { 0, 2, -2 })
  same(A.trunc { 1.5, -1.5 }, { 1, -1 })
  same(A.square { 3 }, { 9 })
  same(A.tanh { 0, 1, 100, -100 }, { 0, 0.7615941559557649, 1, -1 })
  same(A.sigmoid { 0, 1, -1, -50, 800, -800, nan, inf, -inf },
    { 0.5, 0.7310585786300049, 0.2689414213699951, 1.928749847963918e-22, 1, 0, nan, 1, 0 })
  same(A.softplus { 0, 1, -50, 800, -800, nan, inf, -inf },
    { 0.6931471805599453, 1.3132616875182228, 1.928749847963918e-22, 800, 0, nan, inf, 0 })
  lu.assertAlmostEquals(A.sigmoid(-50.0):item() * math.exp(50), 1, 1e-14)
  lu.assertAlmostEquals(A.softplus(-50.0):item() * math.exp(50), 1, 1e-14)
  same(A.log1p { 1e-10 }, { 1e-10 })
  same(A.expm1 { 1e-10 }, { 1e-10 })
  same(A.log2 { 8 }, { 3 })
  same(A.log10 { 1000 }, { 3 })
  same(A.sin { 1 }, { math.sin(1) })
  same(A.cos { 1 }, { math.cos(1) })
  same(A.tan { 1 }, { math.tan(1) })
  same(A.isnan { nan, 1, inf }, { 1, 0, 0 }, "i32")
  same(A.isinf { nan, -inf, inf }, { 0, 1, 1 }, "i32")
  same(A.isfinite { nan, 1, inf }, { 0, 1, 0 }, "i32")
end

function TestArrayMath:test_choices()
  same(A.maximum({ 1, 5, nan }, { 2, 3, 1 }), { 2, 5, nan })
  same(A.minimum({ 1, 5, 1 }, { 2, 3, nan }), { 1, 3, nan })
  same(A.maximum({ -1, 1 }, 0), { 0, 1 })
  same(A.where({ 1, 0 }, { 5, 6 }, { 7, 8 }), { 5, 8 })
  same(A.where({ 0.5, nan }, 1, 0), { 1, 1 }) -- whatever is not 0 is true
  same(A.where(grid():gt(3), grid(), 0), { { 0, 0, 0 }, { 4, 5, 6 } }, "f32")
  same(A.where({ { 1 }, { 0 } }, { 1, 2 }, -1), { { 1, 2 }, { -1, -1 } })
  same(A.clip({ -1, 0.5, 2, nan }, 0, 1), { 0, 0.5, 1, nan })
  same(A.clip({ -1, 2 }, nil, 1), { -1, 1 })
  same(A.clip({ -1, 2 }, 0), { 0, 2 })
  same(A.clip({ 5, 5 }, { 0, 6 }, { 1, 7 }), { 1, 6 })
  raises("test_array.lua", function() A.clip({ 1 }, {}, "x") end) -- errors have a position
  raises("a lower or an upper bound", A.clip, { 1 })
end

function TestArrayMath:test_comparisons()
  local a = A.new { 1, 2, 3 }
  same(a:eq(2), { 0, 1, 0 }, "i32")
  same(a:ne(2), { 1, 0, 1 }, "i32")
  same(a:lt(2), { 1, 0, 0 })
  same(a:le(2), { 1, 1, 0 })
  same(a:gt { 0, 2, 4 }, { 1, 0, 0 })
  same(a:ge(2), { 0, 1, 1 })
  same(A.eq({ nan }, { nan }), { 0 })
  same(A.logical_and({ 1, 0, nan }, { 1, 1, 1 }), { 1, 0, 1 }, "i32")
  same(A.logical_or({ 1, 0, 0 }, { 0, 0, 0.5 }), { 1, 0, 1 })
  same(A.logical_xor({ 1, 0, 1 }, { 1, 1, 0 }), { 0, 1, 1 })
  same(A.logical_not { 2, 0 }, { 0, 1 })
  raises("compared by methods", function() return a < a end)
  raises("compared by methods", function() return a <= a end)
  lu.assertTrue(a == a)
  raises("not compared by ==", function() return a == a:copy() end)
end

function TestArrayMath:test_in_place()
  local a = grid()
  lu.assertIs(a:add_(1), a)
  same(a:mul_(2):sub_ { 1, 1, 1 }, { { 3, 5, 7 }, { 9, 11, 13 } })
  same(a:div_(2):floor_(), { { 1, 2, 3 }, { 4, 5, 6 } })
  same(a:clip_(2, 5), { { 2, 2, 3 }, { 4, 5, 5 } })
  same(a:slice(nil, { 1, 2 }):fill(0).T:add_(1), { { 1, 1 }, { 1, 1 } })
  same(a, { { 1, 1, 3 }, { 1, 1, 5 } })
  local s = A.new { { 1, 2 }, { 3, 4 } }
  s:add_(s.T) -- reads what it writes, in another order
  same(s, { { 2, 5 }, { 5, 8 } })
  local d = A.new({ 1 }, { dtype = "f64" })
  same(A.new({ 1.5 }):add_(d), { 2.5 }, "f32")
  for _, dtype in ipairs { "f32", "f64", "i32" } do -- a view of what is written, one place further on
    local x = A.arange(10, { dtype = dtype })
    x:slice({ 2, 6 }):add_(x:slice { 1, 5 })
    same(x, { 0, 1, 3, 5, 7, 9, 6, 7, 8, 9 }, dtype)
  end
  raises("does not fit into (2, 3)", a.add_, a, A.zeros(4, 2, 3))
  raises("does not broadcast", function() A.broadcast_to(a, 5) end)
  raises("use astype", A.zeros({ 1 }, { dtype = "i32" }).add_, A.zeros({ 1 }, { dtype = "i32" }), 0.5)
  raises("div_: a result of type f64", grid("i32").div_, grid("i32"), 2)
end

function TestArrayMath:test_close()
  lu.assertTrue(A.allclose({ 1, 2 }, { 1, 2 + 1e-6 }))
  lu.assertFalse(A.allclose({ 1, 2 }, { 1, 2.1 }))
  lu.assertTrue(A.allclose({ 1, 2 }, { 1, 2.1 }, { rtol = 0, atol = 0.2 }))
  lu.assertTrue(A.new({ inf, 1 }):allclose { inf, 1 })
  lu.assertFalse(A.new({ inf }):allclose { -inf })
  lu.assertFalse(A.new({ nan }):allclose { nan })
  lu.assertTrue(A.new({ nan }):allclose({ nan }, { equal_nan = true }))
  lu.assertTrue(A.ones(3, 2):allclose(1))
  lu.assertTrue(grid():equal(grid("f64")))
  lu.assertFalse(grid():equal(grid().T))
  raises("do not broadcast", A.allclose, { 1, 2 }, { 1, 2, 3 })
  raises("did you mean 'rtol'", A.allclose, { 1 }, { 1 }, { rtoll = 1 })
end

TestArrayReduce = {}

function TestArrayReduce:test_whole()
  local a = grid()
  lu.assertEquals({ a:sum(), a:mean(), a:min(), a:max(), a:prod() }, { 21, 3.5, 1, 6, 720 })
  lu.assertAlmostEquals(a:var(), 35 / 12, 1e-12)
  lu.assertAlmostEquals(a:std { ddof = 1 }, math.sqrt(3.5), 1e-12)
  lu.assertEquals({ a:argmin(), a:argmax() }, { 1, 6 })
  lu.assertEquals(math.type(grid("i32"):sum()), "integer")
  lu.assertTrue(a:all())
  lu.assertTrue(a:gt(5):any())
  lu.assertFalse(a:gt(6):any())
  lu.assertEquals(a:gt(4):count_nonzero(), 2)
  lu.assertEquals(A.mean { 1, 2, 3 }, 2)
  lu.assertAlmostEquals(a:norm(), math.sqrt(91), 1e-12)
  lu.assertEquals(A.norm({ -3, 4 }, nil, { ord = 1 }), 7)
  lu.assertEquals(A.norm({ -3, 4 }, { ord = inf }), 4)
  raises("1, 2 or math.huge", A.norm, { 1 }, { ord = 3 })
end

function TestArrayReduce:test_axes()
  local a = A.arange(24):reshape(2, 3, 4):astype("f32")
  same(a:sum(1), { { 12, 14, 16, 18 }, { 20, 22, 24, 26 }, { 28, 30, 32, 34 } }, "f32")
  same(a:sum(2), { { 12, 15, 18, 21 }, { 48, 51, 54, 57 } })
  same(a:sum(-1), { { 6, 22, 38 }, { 54, 70, 86 } })
  same(a:sum { 1, 3 }, { 60, 92, 124 })
  same(a:mean { 2, 3 }, { 5.5, 17.5 })
  lu.assertEquals(a:sum(2, { keepdims = true }).shape, { 2, 1, 4 })
  lu.assertEquals(a:sum({ 1, 3 }, { keepdims = true }).shape, { 1, 3, 1 })
  lu.assertEquals(a:sum({ keepdims = true }).shape, { 1, 1, 1 })
  same(a:max(3), { { 3, 7, 11 }, { 15, 19, 23 } })
  same(a:min(1), { { 0, 1, 2, 3 }, { 4, 5, 6, 7 }, { 8, 9, 10, 11 } })
  same(a.T:sum(1), { { 6, 54 }, { 22, 70 }, { 38, 86 } })
  same(a:slice(nil, { 1, 3, 2 }):prod(2), { { 0, 9, 20, 33 }, { 240, 273, 308, 345 } })
  same(a:argmax(1), { { 2, 2, 2, 2 }, { 2, 2, 2, 2 }, { 2, 2, 2, 2 } }, "i32")
  same(A.new({ { 3, 1 }, { 0, 9 } }):argmin(2), { 2, 1 })
  same(A.new({ { 3, 1 }, { 0, 9 } }):argmin(1), { 2, 1 })
  lu.assertEquals(a:argmax(2, { keepdims = true }).shape, { 2, 1, 4 })
  same(a:gt(11):any(1), { { 1, 1, 1, 1 }, { 1, 1, 1, 1 }, { 1, 1, 1, 1 } }, "i32")
  same(a:gt(0):all(3), { { 0, 1, 1 }, { 1, 1, 1 } }, "i32")
  same(A.new({ { 3, 4 }, { 6, 8 } }):norm(2), { 5, 10 })
  same(A.new({ { 3, -4 }, { 6, 8 } }):norm(2, { ord = inf }), { 4, 8 })
  same(A.new({ { 1, 3 }, { 2, 6 } }):std(2), { 1, 2 })
  same(A.new({ { 1, 3 }, { 2, 6 } }):var(1, { ddof = 1 }), { 0.5, 4.5 })
  raises("axis 4 is out of range for an array of shape (2, 3, 4)", a.sum, a, 4)
  raises("axis 0", a.sum, a, 0)
end

function TestArrayReduce:test_types()
  local i = grid("i32")
  lu.assertEquals({ i:sum(1).dtype, i:mean(1).dtype, i:max(1).dtype }, { "i32", "f64", "i32" })
  lu.assertEquals(i:sum({ keepdims = true }).dtype, "i32")
end

function TestArrayReduce:test_nan_and_empty()
  local a = A.new { 1, nan, 3 }
  lu.assertNaN(a:sum())
  lu.assertNaN(a:max())
  lu.assertNaN(a:min())
  lu.assertEquals(a:argmax(), 2)
  lu.assertEquals(a:argmin(), 2)
  lu.assertEquals(A.new({ { 1, nan }, { nan, 0 } }):argmax(1):totable(), { 2, 1 })
  lu.assertEquals(A.zeros(0):sum(), 0)
  lu.assertEquals(A.zeros(0):prod(), 1)
  lu.assertNaN(A.zeros(0):mean())
  lu.assertTrue(A.zeros(0):all())
  lu.assertFalse(A.zeros(0):any())
  same(A.zeros(0, 2):sum(1), { 0, 0 })
  raises("no elements to choose from in shape (0, 2)", A.max, A.zeros(0, 2), 1)
  raises("no elements to choose from", A.argmin, A.zeros(0))
end

function TestArrayReduce:test_sums_are_in_double()
  lu.assertEquals(A.full(1 << 20, 1 + 2 ^ -20):sum(), (1 << 20) + 1)
  lu.assertEquals(A.new({ 1e8, 1, -1e8 }):sum(), 1)
  local many = A.ones(100, 3000)
  lu.assertEquals(many:sum(), 300000)
  lu.assertEquals(many:sum(1):sum(), 300000)
  lu.assertEquals(many:sum(2):max(), 3000)
  lu.assertEquals(A.ones(50000, 3):sum(1):totable(), { 50000, 50000, 50000 })
  lu.assertEquals(A.arange(300000):reshape(300, 1000):argmax(), 300000)
  lu.assertEquals(A.arange(3000000):reshape(1000, 3000):argmax(1):min(), 1000)
  lu.assertEquals(A.arange(300000):reshape(300, 1000):argmax(2):min(), 1000)
end

function TestArrayReduce:test_cumsum()
  same(grid():cumsum(), { 1, 3, 6, 10, 15, 21 }, "f32")
  same(grid():cumsum(1), { { 1, 2, 3 }, { 5, 7, 9 } })
  same(grid("i32"):cumsum(2), { { 1, 3, 6 }, { 4, 9, 15 } }, "i32")
  same(grid().T:cumsum(1), { { 1, 4 }, { 3, 9 }, { 6, 15 } })
end

TestArrayLinalg = {}

function TestArrayLinalg:test_matmul()
  local a, b = grid(), A.new { { 1, 0 }, { 2, 1 }, { 0, 3 } }
  same(A.matmul(a, b), { { 5, 11 }, { 14, 23 } }, "f32")
  same(a:matmul(a.T), { { 14, 32 }, { 32, 77 } })
  same(a.T:matmul(a), { { 17, 22, 27 }, { 22, 29, 36 }, { 27, 36, 45 } })
  same(a:matmul { 1, 0, 1 }, { 4, 10 })
  same(A.matmul({ 1, 1 }, a), { 5, 7, 9 })
  same(A.matmul({ 1, 2 }, { 3, 4 }), 11)
  same(grid("i32"):matmul(b), { { 5, 11 }, { 14, 23 } }, "f32")
  same(grid("i32"):matmul(b:astype("i32")), { { 5, 11 }, { 14, 23 } }, "i32")
  same(grid("f64"):matmul(b), { { 5, 11 }, { 14, 23 } }, "f64")
  same(a:slice(nil, { 3, 1, -1 }):matmul(b), { { 7, 5 }, { 16, 17 } })
  same(a:slice(nil, { 1, 3, 2 }):matmul(A.eye(2)), { { 1, 3 }, { 4, 6 } })
  raises("matmul: (2, 3) and (2, 3): inner sizes differ", A.matmul, a, a)
  raises("inner sizes differ", A.matmul, a, { 1, 2 })
end

function TestArrayLinalg:test_matmul_batches()
  local a = A.arange(12):reshape(2, 2, 3):astype("f32")
  local p = a:matmul(A.eye(3))
  lu.assertTrue(p:equal(a))
  same(a:matmul(a:transpose(1, 3, 2)), { { { 5, 14 }, { 14, 50 } }, { { 149, 212 }, { 212, 302 } } })
  lu.assertEquals(A.matmul(A.zeros(4, 1, 2, 3), A.zeros(5, 3, 6)).shape, { 4, 5, 2, 6 })
  local rows, columns = A.arange(12):reshape(2, 2, 3), A.arange(6):reshape(1, 3, 2)
  local products = { { { 10, 13 }, { 28, 40 } }, { { 46, 67 }, { 64, 94 } } }
  same(rows:matmul(columns), products) -- a leading axis of size 1 is repeated
  same(columns:transpose(1, 3, 2):matmul(rows:transpose(1, 3, 2)):transpose(1, 3, 2), products)
  raises("do not broadcast", A.matmul, A.zeros(4, 2, 3), A.zeros(5, 3, 6))
  same(A.matmul(A.zeros(2, 0), A.zeros(0, 2)), { { 0, 0 }, { 0, 0 } })
end

function TestArrayLinalg:test_large_matmul()
  local a, b = A.randn(130, 170, { seed = 1 }), A.randn(170, 90, { seed = 2 })
  local p = a:matmul(b)
  lu.assertAlmostEquals(p:at(57, 33), (a[57] * b.T[33]):sum(), 1e-4)
  lu.assertTrue(p:allclose(b.T:matmul(a.T).T, { rtol = 1e-4, atol = 1e-4 }))
end

function TestArrayLinalg:test_dot_and_outer()
  lu.assertEquals(A.dot({ 1, 2, 3 }, { 4, 5, 6 }), 32)
  lu.assertEquals(math.type(A.dot(A.arange(3), A.arange(3))), "integer")
  same(A.dot(grid(), { 1, 1, 1 }), { 6, 15 })
  same(A.outer({ 1, 2 }, { 3, 4, 5 }), { { 3, 4, 5 }, { 6, 8, 10 } })
  raises("two 1-d arrays of one size", A.dot, { 1 }, { 1, 2 })
end

TestArraySort = {}

function TestArraySort:test_sort()
  same(A.sort { 3, -1, 2, nan, -inf, inf, -0.5 }, { -inf, -1, -0.5, 2, 3, inf, nan })
  same(A.sort({ 3, 1, nan, 2 }, { descending = true }), { 3, 2, 1, nan })
  same(A.new({ { 3, 1, 2 }, { 9, 7, 8 } }):sort(), { { 1, 2, 3 }, { 7, 8, 9 } })
  same(A.new({ { 3, 1 }, { 2, 9 } }):sort(1), { { 2, 1 }, { 3, 9 } })
  same(A.new({ 5, -5, 0, 2147483647, -2147483648 }, { dtype = "i32" }):sort(),
    { -2147483648, -5, 0, 5, 2147483647 }, "i32")
  same(A.new({ 1e300, -1e300, 1e-300 }, { dtype = "f64" }):sort(), { -1e300, 1e-300, 1e300 }, "f64")
  lu.assertEquals(A.sort({}).shape, { 0 })
  lu.assertEquals(A.sort(A.zeros(0, 4)).shape, { 0, 4 })
end

function TestArraySort:test_argsort_is_stable()
  same(A.argsort { 3, 1, 2 }, { 2, 3, 1 }, "i32")
  same(A.argsort { 1, 0, 1, 0, -0.0 }, { 2, 4, 5, 1, 3 })
  same(A.argsort({ 1, 2, 1, 2 }, nil, { descending = true }), { 2, 4, 1, 3 })
  same(A.argsort({ { 2, 1 }, { 1, 2 } }, 1), { { 2, 1 }, { 1, 2 } })
end

function TestArraySort:test_large()
  for _, dtype in ipairs { "f32", "f64" } do
    for _, n in ipairs { 49, 1000, 70001 } do
      local x = A.randn(n, { seed = n, dtype = dtype })
      local sorted, order = x:sort(), x:argsort()
      lu.assertTrue(sorted:slice({ 1, -2 }):le(sorted:slice { 2, -1 }):all())
      lu.assertTrue(x:take(order):equal(sorted))
      same(order:sort(), A.arange(1, n + 1), "i32")
    end
  end
  local rows = A.randn(100, 300, { seed = 3 })
  lu.assertTrue(rows:sort(1):equal(rows.T:sort(2).T))
end

function TestArraySort:test_unique()
  local values, counts = A.unique { 2, 1, 2, nan, 3, nan }
  same(values, { 1, 2, 3, nan })
  same(counts, { 1, 2, 1, 2 }, "i32")
  same((A.new({ { 4, 4 }, { 0, 4 } }, { dtype = "i32" }):unique()), { 0, 4 }, "i32")
  lu.assertEquals(#A.unique {}, 0)
end

TestArrayIndex = {}

function TestArrayIndex:test_take()
  local a = grid()
  same(a:take { 2, 1, 2 }, { { 4, 5, 6 }, { 1, 2, 3 }, { 4, 5, 6 } })
  same(a:take({ -1, 1 }, 2), { { 3, 1 }, { 6, 4 } })
  same(A.take({ 10, 20, 30 }, A.new({ 3, 1 }, { dtype = "i32" })), { 30, 10 })
  same(a.T:take { 1 }, { { 1, 4 } })
  lu.assertEquals(a:take({}).shape, { 0, 3 })
  local column = a:slice(nil, 2)
  same(column:take(column:gt(3):nonzero()), { 5 })
  raises("index 3 is out of range for axis 1 of size 2", a.take, a, { 1, 3 })
  raises("expected a 1-d array, got shape (1, 1)", a.take, a, { { 1 } })
  raises("integer", a.take, a, { 1.5 })
end

-- Along the last axis, unless another is named.
function TestArrayIndex:test_gather()
  local x, at = A.new { { 1, 2, 3 }, { 4, 5, 6 } }, A.new({ { 3, 1 }, { 1, 2 } }, { dtype = "i32" })
  lu.assertEquals(x:gather(at):totable(), { { 3, 1 }, { 4, 5 } })
  lu.assertEquals(x:gather(A.new({ { 2, 1, 2 } }, { dtype = "i32" }), 1):totable(), { { 4, 2, 6 } })
end

function TestArrayIndex:test_put()
  local a = A.zeros(3, 2)
  lu.assertIs(a:put({ 1, 3 }, { { 1, 2 }, { 3, 4 } }), a)
  same(a, { { 1, 2 }, { 0, 0 }, { 3, 4 } })
  a:put({ 2 }, 9, 2)
  same(a, { { 1, 9 }, { 0, 9 }, { 3, 9 } })
  raises("does not broadcast to (2, 2)", a.put, a, { 1, 2 }, { 1, 2, 3 })
  raises("out of range", a.put, a, { 4 }, 1)
  local own = A.new { 1, 2, 3, 4 } -- from itself: what is written first is still to be read
  same(own:put({ 2, 1 }, own:slice { 1, 2 }), { 2, 1, 3, 4 })
end

function TestArrayIndex:test_masks()
  local a = grid()
  same(a:compress(a:gt(2)), { 3, 4, 5, 6 })
  same(a:compress { 0, 1 }, { { 4, 5, 6 } })
  same(a:compress({ 1, 0, 1 }, 2), { { 1, 3 }, { 4, 6 } })
  same(A.nonzero { 0, 5, 0, nan }, { 2, 4 }, "i32")
  same(a:gt(4):nonzero(), { { 2, 2 }, { 2, 3 } }, "i32")
  raises("a mask of shape (3,) does not fit", a.compress, a, { 1, 0, 1 })
end

function TestArrayIndex:test_joining()
  local a, b = grid(), A.new { { 7, 8, 9 } }
  same(A.concatenate { a, b }, { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } })
  same(A.concatenate({ a, a:slice(nil, { 1, 1 }) }, 2), { { 1, 2, 3, 1 }, { 4, 5, 6, 4 } })
  same(A.concatenate { { 1 }, { 2, 3 } }, { 1, 2, 3 })
  lu.assertEquals(A.concatenate({ A.arange(2), A.new { 0.5 } }).dtype, "f32")
  same(A.stack { { 1, 2 }, { 3, 4 } }, { { 1, 2 }, { 3, 4 } })
  same(A.stack({ { 1, 2 }, { 3, 4 } }, 2), { { 1, 3 }, { 2, 4 } })
  same(A.stack({ { 1, 2 }, { 3, 4 } }, -1), { { 1, 3 }, { 2, 4 } })
  raises("shapes (2, 3) and (1, 3) do not join along axis 2", A.concatenate, { a, b }, 2)
  raises("shapes (2,) and (1,) differ", A.stack, { { 1, 2 }, { 3 } })
  raises("a list of arrays", A.concatenate, {})
  raises("concatenate: array: expected an array", A.concatenate, { a, "b" })
end

TestArrayArguments = {}

function TestArrayArguments:test_surplus_ones_are_refused()
  local a = A.zeros(3, 2)
  raises("take: expected at most 3 arguments, got a table as well", A.take, a, { 1 }, 2, { 1 })
  raises("take: expected at most 2 arguments, got a table as well", function()
    return a:take({ 1 }, 2, { 1 })
  end)
  raises("flatten: expected no arguments, got 3", function() return a:flatten(3) end)
  raises("add_: expected at most 2 arguments", a.add_, a, 1, 2)
  raises("clip: expected at most 3 arguments", A.clip, a, 0, 1, 2)
  raises("sum: expected at most 3 arguments", A.sum, a, 1, {}, 5)
  lu.assertEquals(A.sum(a, nil, nil, nil), 0) -- nil is none
  -- where the last argument has no fixed place
  raises("zeros: expected at most 2 arguments, got 5 as well", A.zeros, 3, { dtype = "f32" }, 5)
  raises("zeros: expected at most 2 arguments", A.zeros, { 3 }, { dtype = "f32" }, 5)
  raises("rand: expected at most 3 arguments", A.rand, 3, 4, {}, 5)
  raises("randint: expected at most 4 arguments", A.randint, 1, 6, { 3 }, {}, 5)
  raises("eye: expected at most 2 arguments", A.eye, 3, {}, 5)
  raises("arange: expected at most 2 arguments", A.arange, 3, {}, 5)
  raises("linspace: expected at most 3 arguments", A.linspace, 0, 1, {}, 5)
  raises("reshape: expected at most 2 arguments", A.reshape, a, { 2, 3 }, 5)
  raises("broadcast_to: expected at most 2 arguments", A.broadcast_to, a, { 4, 3, 2 }, 5)
  raises("broadcast_to: expected at most 4 arguments", A.broadcast_to, a, 4, 3, 2, {})
  raises("transpose: expected at most 2 arguments", A.transpose, a, { 2, 1 }, 5)
end

function TestArrayArguments:test_tables_say_nothing_else()
  raises('new: values: expected a list of numbers, got the key the string "dtype" as well',
    A.new, { 1, 2, dtype = "f64" })
  raises("new: values[2]: expected a list of numbers, got the key 7 as well",
    A.new, { { 1 }, { 2, [7] = 3 } })
  raises("expected a list of numbers", A.mean, { keepdims = true })
  lu.assertEquals(A.new(table.pack(1, 2)):totable(), { 1, 2 })
  local a = A.zeros(3, 2)
  raises("sum: unknown option 'keepdims'", a.sum, a, { 1, keepdims = true })
  raises("reshape: unknown option 'dtype'", a.reshape, a, { 6, dtype = "f32" })
  raises("zeros: unknown option 'dtyp'", A.zeros, { 6, dtyp = "f32" })
  raises("full: unknown option 'dtype'", A.full, { 6, dtype = "f32" }, 1)
  raises("concatenate: unknown option 'axis'", A.concatenate, { a, a, axis = 2 })
  raises("slice: expected {first, last [, step]}", a.slice, a, { 1, 2, step = 2 })
  raises("sum: options go by name", a.sum, a, 1, { 5 })
end

TestArrayPrint = {}

function TestArrayPrint:test_small()
  lu.assertEquals(tostring(grid()), "Array<f32>[2x3]\n[[1  2  3]\n [4  5  6]]")
  lu.assertEquals(tostring(A.new({ -1, 10 }, { dtype = "i32" })), "Array<i32>[2]\n[-1  10]")
  lu.assertEquals(tostring(A.new { 0.5, -1.25 }), "Array<f32>[2]\n[ 0.5000  -1.2500]")
  lu.assertEquals(tostring(A.new { 1e-6, 1 }), "Array<f32>[2]\n[1.0000e-06  1.0000e+00]")
  lu.assertEquals(tostring(A.new(2)), "Array<f32>[] 2")
  lu.assertEquals(tostring(A.zeros(0, 3)), "Array<f32>[0x3] []")
  lu.assertEquals(tostring(A.new { nan, inf, -inf }), "Array<f32>[3], 1 NaN, 2 Inf\n[ nan   inf  -inf]")
end

function TestArrayPrint:test_large_ones_are_capped()
  local text = tostring(A.zeros(600, 784))
  lu.assertStrContains(text, "Array<f32>[600x784]")
  lu.assertStrContains(text, "...")
  lu.assertTrue(#text < 400)
  lu.assertTrue(#tostring(A.zeros(10, 10, 10, 10, 10, 2)) < 4000)
  for line in tostring(A.randn(900, { seed = 1 })):gmatch("[^\n]+") do lu.assertTrue(#line <= 100) end
end

TestArrayMemory = {}

local resident = dofile "tests/lua/resident.lua"

-- After a start that fills what the allocator keeps (an instrumented one keeps 256 MB).
local function growth(step, warm, count)
  lu.skipIf(not resident(), "no /proc here")
  for _ = 1, warm do step() end
  collectgarbage()
  local before = resident()
  for _ = 1, count do step() end
  return resident() - before
end

function TestArrayMemory:test_a_loop_that_drops_arrays_stays_flat()
  local grown = growth(function()
    local a = A.zeros(1000, 1000)
    lu.assertEquals((a + 1):at(1, 1), 1)
  end, 50, 300)
  lu.assertTrue(grown < 80, "grew by " .. grown .. " MB")
end

function TestArrayMemory:test_small_ones_too()
  local grown = growth(function() A.zeros(100) end, 1000, 50000)
  lu.assertTrue(grown < 60, "grew by " .. grown .. " MB")
end
