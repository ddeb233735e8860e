-- 7 could be written into a mask, which then counted as 0 and 1 in every rule of numbers.

local lu = require "luaunit"

TestMaskOfSeven = {}

function TestMaskOfSeven:test_writes()
  local m = array.new { 1, 2, 3 }:gt(1)
  local words = 'a mask holds 0 and 1, got 7; x:astype("i32") makes integers of it'
  for _, write in ipairs {
    function() m[1] = 7 end, function() m:fill(7) end, function() m:set(7, 1) end,
    function() m:assign { 1, 7, 0 } end, function() m:put({ 1 }, { 7 }) end,
    function() m:slice { 1, 2 }:fill(7) end,
  } do
    lu.assertErrorMsgContains(words, write)
    lu.assertEquals(m:totable(), { 0, 1, 1 })
  end
  m[1] = 1
  m:set(0, 2)
  m:assign { 0, 1, 1 }
  m:put({ 1 }, array.new { 2 }:gt(1))
  lu.assertEquals(m:totable(), { 1, 1, 1 })
  lu.assertEquals((m * 1).dtype, "f32")
end

function TestMaskOfSeven:test_arithmetic_in_place_makes_integers()
  local m = array.new { 1, 2, 3 }:gt(1)
  m:add_(array.ones(3):gt(0))
  lu.assertEquals(m:totable(), { 1, 2, 2 })
  lu.assertEquals((m * 1).dtype, "i32")
  m[1] = 9
  local integers = array.new({ 1, 2 }):gt(1):astype "i32"
  integers[1] = 7
  lu.assertEquals(integers:totable(), { 7, 1 })
end
