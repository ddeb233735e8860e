-- x[{1, 3, 5}], three positions in NumPy, was element 1 alone without a word: a range from 1 to 3 by steps
-- of 5.

local lu = require "luaunit"

TestPositionsAsRanges = {}

local x = array.arange(6)
local ds = data.new { x = x:reshape(6, 1) / 6, y = { 0, 1, 0, 1, 0, 1 } }
local result = attack.fgsm { norm = "l2", dmax = 0.1, model = svm.new():fit(ds) }:run(ds)

function TestPositionsAsRanges:test_are_refused()
  for name, of in pairs { array = x, dataset = ds, result = result } do
    for _, range in ipairs { { 1, 3, 5 }, { 1, 2, 3 }, { 2, 3, 6 } } do
      local text = table.concat(range, ", ")
      lu.assertErrorMsgContains(("%s: {%s} is a range from "):format(name, text),
        function() return of[range] end)
      lu.assertEquals(#of[array.new(range, { dtype = "i32" })], #range)
      lu.assertEquals(#of:take(range), #range)
    end
  end
  lu.assertErrorMsgContains("is a range", function() x:slice { 1, 3, 5 } end)
  lu.assertErrorMsgContains("is a range", function() x:copy()[{ 1, 3, 5 }] = 1 end)
end

-- Steps that a program computes may well be larger than what is left.
function TestPositionsAsRanges:test_ranges_remain()
  for _, range in ipairs { { 1, 5, 2 }, { 1, 3, 2 }, { 5, 6, 4 }, { 1, 1, 5 }, { 1, 0, 2 }, { 1, -1, 9 },
    { 6, 1, -9 }, { 3, nil, 4 } } do
    lu.assertTrue(pcall(function() return x[range] end), table.concat(range, ", ", 1, 1))
  end
  lu.assertEquals(x[{ 1, 5, 2 }]:totable(), { 0, 2, 4 })
end
