-- The product of integers is taken in double, whose infinity times a 0 among them was NaN: "nan does not fit
-- into an int32 array" in the place of 0.

local lu = require "luaunit"

TestOverflowTimesZero = {}

function TestOverflowTimesZero:test_products()
  for dtype, great in pairs { i32 = 2147483647, u8 = 255 } do
    local x = array.full({ 2, 300 }, great, { dtype = dtype })
    x:slice(nil, -1):fill(0)
    lu.assertEquals(x:prod(), 0)
    lu.assertEquals(x:prod(2):totable(), { 0, 0 })
    lu.assertEquals(x.T:prod(1, { keepdims = true }):totable(), { { 0, 0 } })
  end
  lu.assertErrorMsgContains("does not fit into an int32 array", array.prod,
    array.full({ 300 }, 2147483647, { dtype = "i32" }))
  lu.assertEquals(array.full({ 300 }, 255, { dtype = "u8" }):prod(), math.huge)
  lu.assertTrue(array.isnan(array.new({ math.huge, 0 }):prod()):item() == 1) -- of floats it stays
end
