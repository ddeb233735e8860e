-- ds[mask] read the mask as a table that it is not and ended the program: what takes several elements by an
-- index was given any object.

local lu = require "luaunit"

TestForeignIndexes = {}

local ds = data.new { x = array.rand(6, 2, { seed = 1 }), y = { 0, 1, 0, 1, 0, 1 } }
local model = svm.new():fit(ds)
local result = attack.fgsm { model = model, norm = "l2", dmax = 0.1 }:run(ds)

function TestForeignIndexes:test_masks_and_positions()
  local three = array.new({ 5, -1, 1 }, { dtype = "i32" })
  for _, of in ipairs { ds, result } do
    lu.assertEquals(of[ds.y:eq(1)].y:totable(), { 1, 1, 1 })
    lu.assertEquals(#of[ds.y:gt(5)], 0)
    lu.assertEquals(of[three].y:totable(), { 0, 1, 0 })
    for index, words in pairs { [ds.x:gt(0)] = "a mask of shape (6, 2) for 6 samples",
      [array.ones(2):gt(0)] = "a mask of shape (2,) for 6 samples",
      [array.new { 7 }] = "position 7 of 6 samples",
      [array.new { 1.5 }] = "1.5", [array.ones(2, 2)] = "expected one dimension, got 2" } do
      lu.assertErrorMsgContains(words, function() return of[index] end)
    end
  end
end

-- An object is no index: an answer, or a sentence in which no word is Lua's own.
function TestForeignIndexes:test_objects()
  local pgd = attack.pgd { model = model, norm = "l2", dmax = 0.1 }
  local net = nn.new { input = 2, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }
  local objects = { ds, ds.x, array.new(3), ds.x:gt(0.5), result, model, net, pgd, svm.rbf(1), io.stdout,
    {}, { {} }, { ds }, { 1, 2, 3, 4 }, true, 0.5, print, coroutine.create(print) }
  for i, of in ipairs { ds, ds.x, array.new(3), result, model, net, pgd, svm.rbf(1) } do
    for k, index in ipairs(objects) do
      local ok, message = pcall(function() return of[index] end)
      lu.assertTrue(ok or type(message) == "string" and not message:find "attempt to", i .. " by " .. k)
    end
  end
end
