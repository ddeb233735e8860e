-- paper.lua — twelve figures as they go into a paper: as wide as a column, letters of 8 points at that size.
--
--   perigee paper.lua [ENDING [THEME]]     png, svg, pdf or tex; print, slide, dark or grey
--
-- A small net, small defences and few digits: the figures are what is to be seen here.

local ending, theme = arg[1] or "png", arg[2]

local function look(name, more)
  local options = { file = name .. "." .. ending, size = "column", theme = theme }
  for key, value in pairs(more or {}) do options[key] = value end
  return options
end

local train, test = data.digits(1000, { seed = 1 }), data.digits(200, { seed = 2 })
local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { name = "conv1", out = 12, kernel = 5, stride = 2 }, nn.relu { name = "relu1" },
  nn.conv2d { name = "conv2", out = 12, kernel = 3, stride = 2 }, nn.relu { name = "relu2" },
  nn.flatten {}, nn.linear { name = "fc1", out = 10 },
}
local history = nn.train(net, train, { epochs = 6, batch = 50, lr = 0.05, momentum = 0.9, seed = 1,
  validation = test })

local nr = reject.new { model = net }
nr.threshold = nr:threshold_for(0.10, train)
local dnr_ = dnr.new {
  net = net, layers = { "relu1", "relu2" },
  layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },
  combiner = svm.new { kernel = svm.rbf(0.3), C = 1 },
}
dnr_:fit(train:slice(1, 300), { seed = 1 })
dnr_.threshold = dnr_:threshold_for(0.10, test)

-- 1, 2: an attack from its start to its end; a sheet of attacked samples.
local pgd = attack.pgd_exp { model = dnr_, norm = "l2", dmax = 2, max_iter = 30 }
local result = pgd:run(test:slice(1, 40))
print(plot.attack(result, look("trace", { index = 3 })))
print(plot.attacks(result, look("samples", { count = 6 })))

-- 3: security curves, their bands over repeated draws.
local security = evaluate.security {
  models = { { "CNN", net }, { "NR", nr }, { "DNR", dnr_ } },
  attack = attack.pgd_exp { norm = "l2", max_iter = 30 }, data = test, samples = 15, repeats = 3, seed = 1,
  dmax = { 0, 0.5, 1, 2, 3 }, noise = false,
}
print(plot.security(security, look "security"))

-- 4, 5: several attacks on several models, and how well the reject scores tell what was attacked.
local results, some = {}, test:slice(1, 40)
for name, model in pairs { CNN = net, NR = nr, DNR = dnr_ } do
  results[name] = {
    FGSM = attack.fgsm({ model = model, norm = "l2", dmax = 1 }):run(some),
    ["PGD-Exp"] = attack.pgd_exp({ model = model, norm = "l2", dmax = 1, max_iter = 30 }):run(some),
  }
end
print(plot.compare(results, look("compare", { models = { "CNN", "NR", "DNR" } })))
print(plot.roc({ NR = results.NR["PGD-Exp"], DNR = results.DNR["PGD-Exp"] }, look "roc"))

-- 6: which class is taken for which.
print(plot.confusion(metrics.confusion(nr, test), look "confusion"))

-- 7: two features: where a defence rejects, and an attack's way within its ball.
local centres, x, y = { { 0.3, 0.35 }, { 0.7, 0.35 }, { 0.5, 0.7 } }, {}, {}
local noise = array.randn(180, 2, { seed = 1 })
for i = 1, 180 do
  local centre = centres[(i - 1) % 3 + 1]
  x[i] = { centre[1] + 0.08 * noise:at(i, 1), centre[2] + 0.08 * noise:at(i, 2) }
  y[i] = (i - 1) % 3
end
local points = data.new { x = array.new(x, { dtype = "f32" }), y = y }
local guard = reject.new { model = svm.new { kernel = svm.rbf(12), C = 10 }:fit(points) }
guard.threshold = guard:threshold_for(0.05, points)
local walk = attack.pgd { model = guard, norm = "l2", dmax = 0.3, eta = 0.02, max_iter = 40, step = "unit",
  iterates = true }
print(plot.decision(guard, look("decision", { data = points, result = walk:run(points[1]) })))

-- 8, 9: what the first layer looks for; the course of the training.
print(plot.filters(net, look "filters"))
print(plot.loss(history, look "loss"))

-- 10, 11: scores of clean and attacked samples; what a threshold costs and buys.
print(plot.scores(result, look "scores"))
print(plot.reject(dnr_, look("reject", { data = test, adversarial = result })))

-- 12: twenty lines of one's own.
local f = plot.figure { size = "column", theme = theme }
local t = array.linspace(0, 1, 60)
for k = 1, 20 do f:line(t, array.exp(t * (-0.25 * k)), { label = ("$\\gamma = %.2f$"):format(0.25 * k) }) end
f:set { xlabel = "perturbation $\\epsilon$", ylabel = "accuracy" }
print(f:save("lines." .. ending))
