-- Several elements by index, as NumPy has it: x[mask], x[positions], x[{first, last}], read and written.
local lu = require "luaunit"

local function same(a, expected)
  lu.assertEquals(a:totable(), expected)
end

local function positions(...)
  return array.new({ ... }, { dtype = "i32" })
end

local x

TestChosen = {}

function TestChosen:setUp()
  x = array.arange(12):reshape(3, 4)
end

function TestChosen:test_reading()
  same(x[x:gt(8)], { 9, 10, 11 })
  same(x[array.new({ 1, 0, 1 }):eq(1)], { { 0, 1, 2, 3 }, { 8, 9, 10, 11 } })
  same(x[positions(3, 1, -1)], { { 8, 9, 10, 11 }, { 0, 1, 2, 3 }, { 8, 9, 10, 11 } })
  same(x[{ 2, 3 }], { { 4, 5, 6, 7 }, { 8, 9, 10, 11 } })
  same(x[{ -1, 1, -2 }], { { 8, 9, 10, 11 }, { 0, 1, 2, 3 } })
  same(x[{}], x:totable())
  local v = array.new { 3, 1, 2 }
  same(v[v:argsort()], { 1, 2, 3 })
  same(v[v:lt(0)], {})
  x[{ 1, 1 }]:fill(7) -- a range is a view
  same(x[1], { 7, 7, 7, 7 })
end

function TestChosen:test_writing()
  x[x:gt(8)] = 0
  same(x[3], { 8, 0, 0, 0 })
  x[x:eq(0)] = { 1, 2, 3, 4 } -- in row-major order
  same(x, { { 1, 1, 2, 3 }, { 4, 5, 6, 7 }, { 8, 2, 3, 4 } })
  x[array.new({ 0, 1, 0 }):eq(1)] = { 9, 8, 7, 6 }
  x[positions(1, -1)] = 5
  same(x, { { 5, 5, 5, 5 }, { 9, 8, 7, 6 }, { 5, 5, 5, 5 } })
  x[{ 1, 2 }] = -1
  same(x, { { -1, -1, -1, -1 }, { -1, -1, -1, -1 }, { 5, 5, 5, 5 } })
  local v = array.arange(5)
  v[v:ge(3)] = v[{ 1, 2 }]
  same(v, { 0, 1, 2, 0, 1 })
  local t = x.T -- a view with other strides
  t[t:eq(5)] = 2
  same(x[3], { 2, 2, 2, 2 })
end

function TestChosen:test_complaints()
  local function raises(words, f)
    lu.assertErrorMsgContains(words, f)
    lu.assertErrorMsgContains("test_array_chosen.lua:", f) -- the user's line
  end
  raises("array: index 0 is out of range for axis 1 of size 3", function() return x[positions(0, 1)] end)
  raises("array: {1, 2, 5} is a range from 1 to 2 in steps of 5", function() return x[{ 1, 2, 5 }] end)
  lu.assertErrorMsgContains("show: x: expected an array, a dataset or a list of them, got nothing", show)
  raises("array: index 5 is out of range", function() return x[5] end)
  raises("mask of shape (2,)", function() return x[array.new({ 1, 0 }):eq(1)] end)
  raises("array: a mask of shape (2,) for an array of shape (3, 4)", function()
    x[array.new({ 1, 0 }):eq(1)] = 1
  end)
  raises("does not broadcast", function() x[x:gt(8)] = { 1, 2 } end)
  raises("got the key the string", function() return x[{ a = 1 }] end)
  raises("expected an integer, a range {first, last}, a mask, positions or a name, got true", function()
    return x[true]
  end)
  raises("a 1-d array", function() return x[array.zeros({ 2, 2 }, { dtype = "i32" })] end)
  raises("read-only", function()
    local d = data.digits(3, { seed = 1 })
    d.x[d.x:gt(0.5)] = 0
  end)
  same(x, array.arange(12):reshape(3, 4):totable())
end
