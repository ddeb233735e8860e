-- Memory stays flat in loops that drop what they make, whatever its type: Lua sees only small boxes, so
-- the collector has to be told of what is behind them.
local lu = require "luaunit"

local resident = dofile "tests/lua/resident.lua"

-- The least growth in megabytes over `times` calls: at first the allocator fills what it keeps (an
-- instrumented one 256 MB), a leak goes on.
local function growth(times, f)
  local least = math.huge
  for _ = 1, 8 do
    collectgarbage()
    local before = resident()
    for _ = 1, times do f() end
    least = math.min(least, resident() - before)
    if least < 20 then break end
  end
  return least
end

local ds = data.digits(100, { seed = 1 })
local net = nn.load("mnist-cnn")
local classifier = svm.new { kernel = svm.rbf(0.01), C = 10 }
classifier:fit(ds)
local pgd = attack.pgd { model = net, dmax = 1, max_iter = 2 }
local result = pgd:run(ds:slice(1, 20))

TestMemory = {}

local function flat(times, f)
  return function()
    lu.skipIf(not resident(), "no /proc here")
    local grown = growth(times, f)
    lu.assertTrue(grown < 20, ("grew by %.0f MB"):format(grown))
  end
end

-- Each of these would leave 60 MB and more behind if its garbage were not collected.
TestMemory.test_views = flat(150000, function() return ds.x[5].T end)
TestMemory.test_samples = flat(60000, function() return ds[5] end)
TestMemory.test_samples_of_rows = flat(300, function() return ds:sample(90) end)
TestMemory.test_nets_loaded = flat(200, function() return nn.load("mnist-cnn") end)
TestMemory.test_nets_cloned = flat(200, function() return net:clone() end)
TestMemory.test_fits = flat(200, function() return classifier:clone():fit(ds) end)
TestMemory.test_results = flat(6000, function() return result[3].x_adv end)
