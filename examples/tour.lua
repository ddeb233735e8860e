-- A guided tour, to be pasted line by line into the prompt (start it with: perigee), or run whole:
-- perigee examples/tour.lua. Without `local`, so that each line sees the lines before it.
-- luacheck: ignore 111 112 113

-- 1. Arrays. At the prompt `print( )` can be left out: a value shows itself, and `ans` keeps the last.
x = array.linspace(0, 1, 5)
print(x * 2 + 1)
print(x:mean(), x:max())

-- 2. Data: digits drawn on the spot, no download. Try `show(digits)` at the prompt to see them.
digits = data.digits(2000, { seed = 1 })
test = data.digits(200, { seed = 2 })
print(digits)
print(#test .. " digits to test; the first is a " .. test.y[1])

-- 3. A small convolutional network, trained in a second or two. Ctrl-C would stop it and keep it.
layers = { nn.conv2d { out = 8, kernel = 5, stride = 2 }, nn.relu {}, nn.flatten {}, nn.linear { out = 10 } }
net = nn.new { input = { 1, 28, 28 }, seed = 1, table.unpack(layers) }
history = nn.train(net, digits, { epochs = 3, lr = 0.05, momentum = 0.9, seed = 1 })
print(net)
print("right of 100:", 100 * metrics.accuracy(net, test))

-- 4. An attack: a change of length 1.5 at most that makes the net say something else. PGD goes on to where
-- the net errs the most, mostly at that very distance; how small a change is enough attack.fmn asks.
pgd = attack.pgd { model = net, norm = "l2", dmax = 1.5, eta = 0.1, max_iter = 50 }
result = pgd:run(test)
print(result)
print(result[1])
nearest = attack.fmn { model = net, norm = "l2", target = "each" }:run(test[1])
print(nearest)

-- 5. One attacked digit: before, after, the difference. At the prompt: show { x0, x_adv, x_adv - x0 }
x0 = result.x0[1]
x_adv = result.x_adv[1]
print("moved by", (x_adv - x0):norm(), "loss", result.loss[1][1], "to", result.loss[1][-1])

-- 6. A defence: answers of too little confidence are rejected; the threshold costs 10 % of clean digits.
guard = reject.new { model = net }
guard.threshold = guard:threshold_for(0.10, digits)
print("the same points, judged by the defence:", result:rescore(guard))
print("the defence attacked itself:", pgd:with { model = guard }:run(test))

-- 7. Deep neural rejection: SVMs on the layers' outputs, an SVM over them, a threshold. That fewer evade
-- does not say that it holds: 8 has an attack that finds more.
kernel = svm.rbf(1e-2)
defence = dnr.new {
  net = net, layers = { "relu1" },
  layer_classifier = svm.new { kernel = kernel, C = 10 },
  combiner = svm.new { kernel = svm.rbf(1), C = 1 },
}
defence:fit(digits:sample(500, { seed = 1 }))
defence.threshold = defence:threshold_for(0.10, digits:sample(500, { seed = 2 }))
print(defence)
print("attacked itself:", pgd:with { model = defence }:run(test:slice(1, 50)))

-- 8. Do they hold? Attacked farther and farther, by the attack above and by one that is made for each of
-- them; thresholds are set on other digits. plot.security(security, { panels = "attack" }) draws it.
security = evaluate.security {
  models = { { "CNN", net }, { "NR", guard }, { "DNR", defence } },
  attacks = { pgd, attack.auto { norm = "l2", quick = true } },
  data = test, samples = 20, seed = 1, validation = data.digits(300, { seed = 3 }),
  dmax = { 0, 1, 2 }, noise = false,
}
print(security)

-- 9. Kept for tomorrow: a model in a file, and back. At the prompt, save "work.pgz" keeps all variables.
path = defence:save(os.tmpname())
print(perigee.load(path))
os.remove(path)

-- 10. Where to go on: ?attack.pgd explains, ??threshold searches, Tab completes, who() lists your variables.
print(perigee.header())
