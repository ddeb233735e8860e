-- Members that are not there: libraries and every type say so and suggest what was meant.
local lu = require "luaunit"

local function raises(words, f)
  local ok, message = pcall(f)
  lu.assertFalse(ok)
  lu.assertStrContains(message, words)
  lu.assertStrContains(message, "test_missing.lua:") -- the user's own line
end

local ds = data.digits(20, { seed = 1 })
local net = nn.new {
  input = { 1, 28, 28 }, classes = ds.classes, seed = 1,
  nn.flatten { name = "flat" }, nn.linear { out = 10 },
}
local classifier = svm.new { kernel = svm.linear() }
local defence = dnr.new {
  net = net, layers = { "flat" }, layer_classifier = classifier, combiner = classifier,
}
local pgd = attack.pgd { model = net, dmax = 1, max_iter = 2 }
local result = pgd:run(ds)

TestMissing = {}

function TestMissing:test_libraries()
  raises("array has no 'zeross'; did you mean zeros?", function() return array.zeross end)
  raises("svm has no 'rfb'; did you mean rbf?", function() return svm.rfb(1) end)
  raises("perigee has no 'verson'; did you mean version?", function() return perigee.verson end)
  raises("metrics has no 'kappa' (it has accuracy, ", function() return metrics.kappa end)
end

function TestMissing:test_types()
  raises("an array has no 'reshap'; did you mean reshape?", function() return array.zeros(2):reshap(2) end)
  raises("a dataset has no 'clases'; did you mean classes?", function() return ds.clases end)
  raises("a net has no 'foward'; did you mean forward?", function() return net:foward(ds) end)
  raises("an svm has no 'kernal'; did you mean kernel?", function() return classifier.kernal end)
  raises("an nr has no 'treshold'; did you mean threshold?", function()
    return reject.new({ model = net }).treshold
  end)
  raises("a dnr has no 'flatt'; did you mean flat?", function() return defence.flatt end)
  raises("an attack has no 'dmx'; did you mean dmax?", function() return pgd.dmx end)
  raises("a result has no 'verdicts'; did you mean verdict?", function() return result.verdicts end)
end

function TestMissing:test_fields_without_a_value_are_nil()
  lu.assertNil(result.iterates)
  lu.assertNil(result.hit)
  lu.assertNil(pgd.seed)
  lu.assertNil(net.trained)
  lu.assertNil(classifier.sv)
  lu.assertNil(classifier.weights)
end

-- One past the end is nil, as in Lua's own sequences, so that ipairs ends; further out is an error.
function TestMissing:test_ipairs_ends()
  local function count(values)
    local n = 0
    for i in ipairs(values) do n = i end
    return n
  end
  lu.assertEquals(count(array.zeros(3, 2)), 3)
  lu.assertEquals(count(array.zeros(4)), 4)
  lu.assertEquals(count(ds), 20)
  lu.assertEquals(count(result), 20)
  for _, values in ipairs { array.zeros(20, 2), ds, result } do
    lu.assertNil(values[21])
    lu.assertNotNil(values[-20])
    raises("22 ", function() return values[22] end)
    raises("0 ", function() return values[0] end)
    raises("-21 ", function() return values[-21] end)
  end
end
