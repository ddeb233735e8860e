-- A number in a text that no int holds was taken for what its low bits say: "bits 4294967299" was "bits 3".

local lu = require "luaunit"

TestNumbersTooGreat = {}

local net = nn.new { input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1, nn.flatten {}, nn.linear { out = 2 } }

local function squeezed(text) return reject.squeeze { model = net, squeezers = { text } } end

function TestNumbersTooGreat:test_squeezers()
  for _, size in ipairs { 1 << 32, 1 << 33, 1 << 62 } do
    lu.assertErrorMsgContains("squeezers: expected", squeezed, ("bits %d"):format(size + 3))
    lu.assertErrorMsgContains("squeezers: expected", squeezed, ("median %d"):format(3 - size))
    lu.assertErrorMsgContains("squeezers: expected", squeezed, ("nlm 3 3 %d"):format(size + 4))
  end
  lu.assertErrorMsgContains("squeezers: expected", squeezed, "bits 3" .. ("0"):rep(40))
end

function TestNumbersTooGreat:test_what_is_taken()
  for _, text in ipairs { "bits 1", "bits 16", "mean 15", "nlm 35 15 255" } do
    lu.assertEquals(squeezed(text).squeezers, { text })
  end
  for _, text in ipairs { "bits", "bits x", "bits 3x", "bits 3 ", "bits 3 3", "nlm 3 3", "nlm 3 3 4 5" } do
    lu.assertErrorMsgContains("squeezers: expected", squeezed, text)
  end
end
