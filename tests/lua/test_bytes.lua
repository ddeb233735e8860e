-- Arrays of bytes (u8) beside the same numbers as int32: every way they lie in memory, and files. What
-- each function makes of them by type is in test_array_numbers.
local lu = require "luaunit"
local A = array

TestBytes = {}

local function both(...)
  local wide = A.randint(0, 255, ..., { seed = 5 })
  return wide:astype "u8", wide
end

local function same(bytes, wide)
  lu.assertEquals(bytes.dtype, "u8")
  lu.assertTrue(A.equal(bytes, wide))
end

-- Copies of every layout: long enough for tiles, runs and threads, and with odd sizes.
function TestBytes.test_layouts()
  for _, shape in ipairs { { 3, 5 }, { 70, 1030 }, { 33, 70, 35 } } do
    local bytes, wide = both(shape)
    same(bytes:copy(), wide)
    same(bytes.T:copy(), wide.T)
    same(bytes:slice({ -1, 1, -2 }, { 2, -1, 3 }):copy(), wide:slice({ -1, 1, -2 }, { 2, -1, 3 }))
    same(A.concatenate({ bytes.T, bytes.T }, 1), A.concatenate({ wide.T, wide.T }, 1))
    lu.assertTrue(A.equal(bytes.T:astype "f32", wide.T))
    lu.assertTrue(A.equal(wide.T:astype "u8", wide.T))
    lu.assertTrue(A.equal(bytes + bytes.T.T, wide + wide))
  end
end

function TestBytes.test_orders()
  for _, n in ipairs { 1, 40, 1000, 70000 } do
    local bytes, wide = both(n)
    same(bytes:sort(), wide:sort())
    same(bytes:sort(1, { descending = true }), wide:sort(1, { descending = true }))
    lu.assertTrue(A.equal(bytes:argsort(), wide:argsort()))
    lu.assertTrue(A.equal(bytes:argsort(1, { descending = true }), wide:argsort(1, { descending = true })))
    lu.assertEquals(bytes:argmax(), wide:argmax())
    local values, times = bytes:unique()
    local wide_values, wide_times = wide:unique()
    same(values, wide_values)
    lu.assertTrue(A.equal(times, wide_times))
  end
end

-- Sums do not stop at 255, nor where float32 has no more digits for a term.
function TestBytes.test_reductions()
  local bytes, wide = both { 300, 1000 }
  lu.assertEquals(bytes:sum(), wide:sum())
  lu.assertEquals(bytes:mean(), wide:mean())
  for axis = 1, 2 do
    lu.assertEquals(bytes:sum(axis).dtype, "f32")
    lu.assertTrue(A.equal(bytes:sum(axis), wide:sum(axis)))
    lu.assertTrue(A.equal(bytes:max(axis), wide:max(axis)))
    lu.assertTrue(A.allclose(bytes:std(axis), wide:std(axis)))
  end
  lu.assertEquals(A.full(100000, 255, { dtype = "u8" }):sum(), 25500000)
end

function TestBytes.test_writing()
  local bytes = A.zeros(4, { dtype = "u8" })
  bytes[2] = 255
  bytes:put({ 3, 4 }, A.new({ 7, 8 }, { dtype = "i32" }))
  lu.assertEquals(bytes:totable(), { 0, 255, 7, 8 })
  for _, refused in ipairs { -1, 256, 0.5, 0 / 0, 1 / 0 } do
    lu.assertErrorMsgContains("does not fit into a uint8 array", function() bytes[1] = refused end)
    lu.assertErrorMsgContains("does not fit into a uint8 array", A.assign, bytes, { 1, 2, 3, refused })
  end
  lu.assertErrorMsgContains("does not fit into a uint8 array", A.assign, bytes,
    A.new({ 1, 2, 3, 300 }, { dtype = "i32" }))
  lu.assertErrorMsgContains("add_: a result of type f32 does not go into a u8 array; use astype",
    function() bytes:add_(1) end)
  lu.assertEquals(bytes:totable(), { 0, 255, 7, 8 })
  lu.assertErrorMsgContains("random numbers are f32 or f64", A.rand, 3, { dtype = "u8" })
  lu.assertStrContains(tostring(bytes), "Array<u8>[4]\n[  0  255    7    8]")
end

function TestBytes.test_files()
  local bytes = both { 5, 300 }
  local path = os.tmpname()
  data.save_npy(path, bytes)
  same(data.npy(path), bytes)
  local file <close> = assert(io.open(path, "rb"))
  lu.assertEquals(file:seek "end", 1500 + 128)
  data.save_npz(path, { a = bytes.T, b = { 1, 2 } })
  same(data.read_npz(path).a, bytes.T)
  os.remove(path)
end

-- Nothing is differentiated by bytes.
function TestBytes.test_gradients()
  local bytes = both { 2, 3 }
  lu.assertErrorMsgContains("an array of floats", grad.value, function(x) return x:sum() end, bytes)
  local _, slope = grad.value(function(x) return (x * bytes):sum() end, A.ones(2, 3))
  lu.assertTrue(A.equal(slope, bytes))
end
