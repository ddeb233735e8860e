-- decision.lua — plot.decision: three clouds of points, where an SVM rejects, and an attack on its way.

local n = 240
local centres, noise = { { 0.3, 0.35 }, { 0.7, 0.35 }, { 0.5, 0.7 } }, array.randn(n, 2, { seed = 1 })
local x, y = {}, {}
for i = 1, n do
  local centre = centres[(i - 1) % 3 + 1]
  x[i] = { centre[1] + 0.08 * noise:at(i, 1), centre[2] + 0.08 * noise:at(i, 2) }
  y[i] = (i - 1) % 3
end
local points = data.new { x = array.new(x, { dtype = "f32" }), y = y }

local defence = reject.new { model = svm.new { kernel = svm.rbf(12), C = 10 }:fit(points) }
defence.threshold = defence:threshold_for(0.05, points)

local pgd = attack.pgd {
  model = defence, norm = "l2", dmax = 0.5, eta = 0.02, max_iter = 60, step = "unit", iterates = true,
}
-- Of all attacks the one that got through on the longest way.
local all, longest = pgd:run(points), 1
for i = 1, #all do
  local better = all.verdict[i] == "evaded" and all.start_verdict[i] == "correct"
  if better and #all.loss[i] > #all.loss[longest] then longest = i end
end
local result = all[longest]
print(result)
print(plot.decision(defence, { data = points, result = result, file = "decision.png" }))
