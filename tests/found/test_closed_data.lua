-- A callback of the training closed the dataset, whose words the net's record then read from freed memory.
local lu = require "luaunit"
local checksum = require("perigee.native").checksum

TestClosedData = {}

local function trained(on_epoch)
  local d = data.digits(100, { seed = 1 }):with { source = "my precious data" }
  local net = nn.new { seed = 1, input = { 1, 28, 28 }, nn.flatten {}, nn.linear { out = 10 } }
  nn.train(net, d, { epochs = 1, batch = 50, seed = 1, on_epoch = on_epoch and function() on_epoch(d) end })
  return net
end

function TestClosedData.test_the_record_names_it()
  local net = trained(function(d)
    getmetatable(d).__close(d)
    for i = 1, 100 do local _ = ("x"):rep(i) end
  end)
  lu.assertEquals(checksum(net), checksum(trained()))
  local path = os.tmpname()
  net:save(path)
  local file <close> = assert(io.open(path, "rb"))
  lu.assertStrContains(file:read "a", "my precious data")
  os.remove(path)
end
