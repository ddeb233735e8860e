-- attacks.lua — the pictures of a defence and of attacks on it: plot.model, plot.attack, plot.attacks,
-- plot.scores, plot.reject, plot.roc, plot.confusion, plot.compare, plot.security, plot.loss, plot.filters,
-- plot.activations, plot.images, plot.live. Small models on the built-in digits, some seconds.

local first, second = data.digits(2000, { seed = 1 }), data.digits(800, { seed = 2 })
local test = data.digits(300, { seed = 3 })

local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { name = "conv1", out = 16, kernel = 5, stride = 2 }, nn.relu { name = "relu1" },
  nn.conv2d { name = "conv2", out = 16, kernel = 3, stride = 2 }, nn.relu { name = "relu2" },
  nn.flatten {},
  nn.linear { name = "fc1", out = 32 }, nn.relu { name = "relu3" },
  nn.linear { name = "classifier", out = 10 },
}
-- live.png is drawn again and again while the net is trained.
local history = plot.live(function()
  return nn.train(net, first,
    { epochs = 5, batch = 50, lr = 0.05, momentum = 0.9, seed = 1, validation = test })
end, { file = "live.png" })

local defence = dnr.new {
  net = net, layers = { "relu1", "relu2", "relu3" },
  layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },
  combiner         = svm.new { kernel = svm.rbf(0.3), C = 1 },
}
defence:fit(second, { seed = 1 })
defence.threshold = defence:threshold_for(0.10, test)

-- By PGD-Exp, which loses its gradient here, and by attack.auto (its first part), which turns half as many
-- digits again: what is drawn is for each digit the worse of the two.
local pgd = attack.pgd_exp { model = defence, norm = "l2", dmax = 2, eta = 0.1, eta_min = 0.1, max_iter = 20 }
local auto = attack.auto { norm = "l2", quick = true }
local hundred = test:slice(1, 100)
local first_try, second_try = pgd:run(hundred), auto:run(hundred, { model = defence, dmax = 2 })
print(first_try)
print(second_try)
local result = attack.worst { first_try, second_try }

print(plot.images(test, { count = 40, columns = 10, file = "images.png" }))
print(plot.loss(history, { file = "loss.png" }))
print(plot.model(defence, { file = "model.png" }))
print(plot.filters(net, { file = "filters.png" }))
print(plot.activations(net, { data = test[1], layer = "relu1", file = "activations.png" }))

local turned = 1 -- one that only the second attack turns
while first_try.verdict[turned] == "evaded" or second_try.verdict[turned] ~= "evaded" do
  turned = turned + 1
end
print(plot.attack({ first_try, second_try }, { index = turned, file = "attack-twice.png" }))
print(plot.attack(result, { index = 3, layers = defence, file = "attack.png" }))
print(plot.attack(result, { count = 3, perturbation = true, file = "attack-rows.png" }))
print(plot.attacks(result, { count = 10, file = "attacks.png" }))

print(plot.scores(result, { file = "scores.png" }))
print(plot.reject(defence, { data = test, adversarial = result, file = "reject.png" }))
print(plot.confusion(metrics.confusion(defence, test), { file = "confusion.png" }))

-- Three attacks on three models: what each of them leaves. (attack.auto without quick turns one more of the
-- 60 on the CNN and on the NR.)
local nr = reject.new { model = net }
nr.threshold = nr:threshold_for(0.10, test)
local some, results = test:slice(1, 60), {}
for name, model in pairs { CNN = net, NR = nr, DNR = defence } do
  results[name] = {}
  for kind, options in pairs { fgsm = {}, pgd = {}, auto = { quick = true } } do
    options.model, options.norm, options.dmax = model, "l2", 1
    results[name][kind] = attack[kind](options):run(some)
  end
end
print(plot.compare(results, { models = { "CNN", "NR", "DNR" }, attacks = { "fgsm", "pgd", "auto" },
  file = "compare.png" }))
print(plot.roc({ CNN = results.CNN.auto, NR = results.NR.auto, DNR = results.DNR.auto },
  { title = "attack.auto, l2, dmax 1", file = "roc.png" }))

-- An evaluation by two attacks, a panel each, on other digits in every repeat: the band is what that does to
-- the curves. Thresholds are set on digits that are not attacked. quick is the first part of attack.auto.
local security = evaluate.security {
  models = { { "CNN", net }, { "NR", nr }, { "DNR", defence } },
  attacks = { pgd, auto },
  data = test, samples = 20, repeats = 3, seed = 1, validation = data.digits(300, { seed = 4 }),
  dmax = { 0, 1, 2, 3 }, noise = false,
}
print(plot.security(security, { panels = "attack", file = "security.png" }))
