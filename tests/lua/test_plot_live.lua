-- plot.live: the run is what it would be alone; its curve is drawn; what fails is told of.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

local perigee_program = os.getenv "PERIGEE"

local x = array.rand(200, 4, 4, { seed = 2 })
local ds = data.new { x = x, y = x:reshape(200, 16):mean(2):gt(0.5) }

local function new_net()
  return nn.new { input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1, nn.flatten {},
    nn.linear { out = 8, name = "fc1" }, nn.relu {}, nn.linear { out = 2, name = "fc2" } }
end

local function train()
  return nn.train(new_net(), ds, { epochs = 4, batch = 20, lr = 0.1, seed = 1 })
end

local function read(file)
  local handle = assert(io.open(file, "rb"))
  local text = handle:read "a"
  handle:close()
  return text
end

TestPlotLive = {}

function TestPlotLive:setUp()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
  self.file = os.tmpname()
end

function TestPlotLive:tearDown()
  os.remove(self.file)
end

function TestPlotLive:test_training()
  local alone = train()
  local history, more = plot.live(function() return train(), "more" end,
    { file = self.file, terminal = "svg" })
  lu.assertEquals(history.loss, alone.loss)
  lu.assertEquals(more, "more")
  local svg = read(self.file)
  for _, words in ipairs { "training", "loss", "accuracy", "epoch" } do
    lu.assertStrContains(svg, ">" .. words .. "<")
  end
end

function TestPlotLive:test_attack()
  local net = new_net()
  nn.train(net, ds, { epochs = 2, lr = 0.1, seed = 1 })
  local pgd = attack.pgd { model = net, norm = "l2", dmax = 1, max_iter = 20 }
  local result = plot.live(function() return pgd:run(ds) end, { file = self.file, terminal = "svg" })
  lu.assertEquals(#result, 200)
  local svg = read(self.file)
  lu.assertStrContains(svg, ">attack.pgd<")
  lu.assertStrContains(svg, ">iteration<")
end

-- The curves of what has been counted, in the end those of the whole.
function TestPlotLive:test_evaluation()
  local net = new_net()
  nn.train(net, ds, { epochs = 2, lr = 0.1, seed = 1 })
  local function run()
    local security = evaluate.security { models = { cnn = net }, attack = attack.fgsm { norm = "l2" },
      data = ds, samples = 40, dmax = { 0, 0.5, 1 }, seed = 1, noise = false }
    return security
  end
  local alone = run()
  local security = plot.live(run, { file = self.file, terminal = "svg" })
  lu.assertEquals(security.counts, alone.counts)
  local live = read(self.file)
  lu.assertStrContains(live, "fgsm, l2, 40 samples")
  plot.security(alone, { file = self.file, terminal = "svg" })
  lu.assertEquals(live, read(self.file))
end

function TestPlotLive:test_errors_pass_through()
  lu.assertErrorMsgEquals({ "mine" }, function() plot.live(function() error { "mine" } end) end)
  -- and the next one can listen
  plot.live(train, { file = self.file, terminal = "svg" })
  lu.assertErrorMsgContains("another one is running", function()
    plot.live(function() plot.live(train) end)
  end)
  lu.assertErrorMsgContains("run: expected a function", plot.live, 3)
  lu.assertErrorMsgContains("unknown option 'fiel'", plot.live, train, { fiel = 1 })
end

-- In a coroutine the loops run on another stack than the callback.
function TestPlotLive:test_coroutine()
  local run = coroutine.wrap(function()
    return plot.live(function()
      coroutine.yield "a yield inside"
      return train()
    end, { file = self.file, terminal = "svg" })
  end)
  lu.assertEquals(run(), "a yield inside")
  lu.assertEquals(#run().loss, 4)
  lu.assertStrContains(read(self.file), "</svg>")
end

-- A callback that fails is called no more, and its words come back in the end.
function TestPlotLive:test_listener()
  local heard = 0
  gnuplot.listen(function()
    heard = heard + 1
    error("broken", 0)
  end)
  train()
  train()
  lu.assertEquals(gnuplot.listen(nil), "broken")
  lu.assertEquals(heard, 1)
  local last
  gnuplot.listen(function(what, fraction, detail) last = { what, fraction, detail } end)
  train()
  lu.assertNil(gnuplot.listen(nil))
  lu.assertEquals(last[1], "training")
  lu.assertEquals(last[2], 1)
  lu.assertStrContains(last[3], "epoch 4/4  loss ")
end

function TestPlotLive:test_no_gnuplot()
  lu.skipIf(not perigee_program, "PERIGEE is not set")
  local script = os.tmpname()
  local handle = assert(io.open(script, "w"))
  handle:write([[
local ds = data.digits(500, { seed = 1 })
local net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten {}, nn.linear { out = 10 } }
print(#plot.live(function() return nn.train(net, ds, { epochs = 3 }) end, { terminal = "text" }).loss)]])
  handle:close()
  local pipe = io.popen(('PERIGEE_GNUPLOT=/nonexistent "$PERIGEE" --quiet %s 2>&1'):format(script))
  local text = pipe:read "a"
  lu.assertTrue(pipe:close())
  os.remove(script)
  lu.assertStrContains(text, "gnuplot was not found")
  lu.assertStrContains(text, "3\n")
end
