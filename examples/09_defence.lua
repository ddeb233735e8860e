-- 09_defence.lua — a defence of one's own, and whether it is one: a quantiser in front of a net, and a
-- detector of what lies far from the data. Both are written here, in array operations, and attacked.

local net = nn.load("mnist-cnn")
local digits = data.digits(60, { seed = 2 })

-- The quantiser: few grey values, so that small moves change nothing. It has no slope but 0, and an attack
-- that asks for one stands still: that looks like robustness. grad.straight_through takes the net's gradient
-- through it as if it were not there (BPDA); reject.preprocess puts it in front of the net. The first one
-- says of itself that its gradient is not its scores'; if it did not, the program would warn of it.
local function steps(x) return (x * 3):round() / 3 end
local blind = reject.preprocess(net, steps, { gradient_is = "surrogate" })
local seen = reject.preprocess(net, grad.straight_through(steps))

-- The detector: a kernel density of each class over the net's last layer but one. A sample is rejected where
-- none is high enough. Its gradient follows from the array operations, and the net's own.
local known = data.digits(400, { seed = 1 })
local places = net:forward(known.x, "relu4")
local width = 0.02
local densities = {}
for class = 0, 9 do densities[class + 1] = places:compress(known.y:eq(class), 1) end

local detector = grad.model {
  classes = net.classes, features = 784, rejects = true, threshold = -math.huge,
  scores = function(self, x)
    local z, columns = net:forward(x, "relu4"), {}
    for k, s in ipairs(densities) do
      local distance = (z * z):sum(2):reshape(-1, 1) + (s * s):sum(2):reshape(1, -1) - z:matmul(s.T) * 2
      columns[k] = (distance * -width):logsumexp(2) - math.log(#s) -- the logarithm does not die out
    end
    columns[11] = array.full(#x, self.threshold)
    return array.stack(columns, 2)
  end,
}
local calibration = reject.scores(detector, data.digits(200, { seed = 3 })):slice(nil, { 1, 10 }):max(2)
detector.threshold = calibration:percentile(5) -- 5 % of fresh digits are rejected

print(("%-22s %6s %8s %8s"):format("of 60 digits, l2 1.5", "right", "PGD", "auto"))
for _, case in ipairs {
  { "net", net }, { "quantiser, no slope", blind }, { "quantiser, BPDA", seen },
  { "density detector", detector },
} do
  local name, model = table.unpack(case)
  local pgd = attack.pgd({ model = model, norm = "l2", dmax = 1.5, seed = 1 }):run(digits)
  local auto = attack.auto({ model = model, norm = "l2", dmax = 1.5 }):run(digits)
  print(("%-22s %6d %8d %8d"):format(name, metrics.counts(model, digits).correct, pgd:counts().evaded,
    auto:counts().evaded))
end

-- The quantiser holds off nobody who goes straight through it, and the detector is a model as any other. What
-- gives the first one away without another attack: runs that found nothing because they saw nothing.
local found = evaluate.diagnose { model = blind, data = digits:slice(1, 20),
  attack = attack.pgd { norm = "l2", dmax = 1.5 } }
print("alarms on the quantiser without a slope:")
for _, alarm in ipairs(found.alarms) do print("  " .. alarm.title .. ": " .. alarm.meaning) end
