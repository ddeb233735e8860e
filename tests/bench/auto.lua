-- auto.lua — attack.auto on all test digits, l2, dmax 1, against the tutorial's defence: a whole set, in
-- pieces that are kept. A quarter of an hour on two cores, thus no row of `make bench`.
--
--   build/perigee --quiet tests/bench/auto.lua FOLDER [DIGITS]
--
-- Ended in any way and started again with the same FOLDER it does what is missing. It says the counts, the
-- times of this run and the most memory that it held.

local folder, digits = arg[1], math.tointeger(tonumber(arg[2] or 10000))
assert(folder and digits, "usage: auto.lua FOLDER [DIGITS]")

local _, second = data.mnist("train", { store = "u8" }):split(0.5, { seed = 1 })
local test = data.mnist("test")
local defence = dnr.new {
  net = nn.load("mnist-cnn"), layers = { "relu2", "relu3", "relu4" },
  layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },
  combiner         = svm.new { kernel = svm.rbf(1),    C = 0.1 },
}
defence:set { ["relu4.C"] = 1, ["relu2.kernel.gamma"] = 1e-3 }
defence:fit(second:sample(5000, { seed = 0 }), { seed = 0 })
defence.threshold = defence:threshold_for(0.10, test:per_class(100))

local wall, cpu = perigee.clock(), os.clock()
local s = evaluate.security {
  models = { dnr = defence }, attack = attack.auto { norm = "l2" }, dmax = 1, data = test:slice(1, digits),
  noise = false, seed = 0, block = 100, checkpoint = folder,
}
wall, cpu = perigee.clock() - wall, os.clock() - cpu
print(s)
for line in io.lines("/proc/self/status") do
  local kilobytes = line:match("^VmHWM:%s*(%d+)")
  if kilobytes then print(("memory %.2f GB"):format(kilobytes / 1e6)) end
end
print(("wall %.1f s, processor time %.1f s, %.3f s a digit of this run"):format(wall, cpu, cpu / digits))
