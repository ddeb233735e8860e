-- The recipes about attacks, rejection and models: words in the SVG, sizes of the PNG, refusals.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

local function svg_of(recipe, subject, options)
  local file = os.tmpname()
  options = options or {}
  options.file, options.terminal = file, "svg"
  lu.assertEquals(plot[recipe](subject, options), file)
  local handle = assert(io.open(file, "rb"))
  local text = handle:read "a"
  handle:close()
  os.remove(file)
  return text
end

local function has(svg, ...)
  for _, words in ipairs { ... } do lu.assertStrContains(svg, ">" .. words .. "<") end
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

-- A net, a DNR and an attack of 4 × 4 pixels, made once.
local made

local function small()
  if made then return made end
  local net = nn.new {
    input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1,
    nn.conv2d { out = 3, kernel = 3, name = "conv1" }, nn.relu { name = "relu1" }, nn.flatten {},
    nn.linear { out = 8, name = "fc1" }, nn.relu { name = "relu2" }, nn.linear { out = 2, name = "fc2" },
  }
  local x = array.rand(60, 4, 4, { seed = 2 })
  local ds = data.new { x = x, y = x:reshape(60, 16):mean(2):gt(0.5) }
  nn.train(net, ds, { epochs = 2, batch = 10, lr = 0.1, seed = 1 })
  local defence = dnr.new {
    net = net, layers = { "relu1", "relu2" },
    layer_classifier = svm.new { kernel = svm.rbf(0.1), C = 10 },
    combiner = svm.new { kernel = svm.rbf(1), C = 1 },
  }
  defence:fit(ds, { seed = 1 })
  defence.threshold = defence:threshold_for(0.1, ds)
  local pgd = attack.pgd_exp { model = defence, norm = "l2", dmax = 1,
    eta = 0.1, eta_min = 0.1, max_iter = 5 }
  made = { net = net, ds = ds, defence = defence, result = pgd:run(ds:slice(1, 4)) }
  return made
end

TestPlotRecipes = {}

function TestPlotRecipes:setUp()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
end

function TestPlotRecipes:test_attack_extras()
  local m = small()
  local svg = svg_of("attack", m.result, { index = 2, perturbation = true })
  has(svg, "attack loss", "distance", "perturbation", "dmax")
  svg = svg_of("attack", m.result, { index = 2, layers = m.defence })
  has(svg, "perturbation", "scores by layer (′: attacked)", "relu1", "relu1′", "relu2′", "combiner′")
  lu.assertErrorMsgContains("layers: expected the DNR", plot.attack, m.result,
    { index = 1, layers = true })
  lu.assertErrorMsgContains("plot.attack: layers:", plot.attack, m.result, { index = 1, layers = m.net })
end

function TestPlotRecipes:test_attack_rows()
  local m = small()
  local svg = svg_of("attack", m.result)
  lu.assertEquals(count(svg, ">attack loss<"), 4)
  svg = svg_of("attack", m.result, { count = 2, perturbation = true, layers = m.defence })
  lu.assertEquals(count(svg, ">attack loss<"), 2)
  lu.assertEquals(count(svg, ">perturbation<"), 2)
  lu.assertEquals(count(svg, ">combiner<"), 2)
end

function TestPlotRecipes:test_attacks()
  local m = small()
  local svg = svg_of("attacks", m.result, { columns = 3 })
  lu.assertEquals(count(svg, ">difference<"), 2)
  has(svg, "clean", "adversarial", ("%.2f"):format(m.result.distance[4]))
  -- three images of 16 pixels a sample
  lu.assertEquals(count(svg, "<polygon fill = "), 4 * 3 * 16)
  lu.assertErrorMsgContains("plot.attacks: result: expected an attack's result, got a table", plot.attacks,
    {})
end

function TestPlotRecipes:test_confusion()
  local c = metrics.confusion({ 0, 1, 1, -1, 1 }, { 0, 1, 0, 1, 1 })
  local ds = data.new { x = { { 0 }, { 1 } }, y = { 0, 1 }, names = { [0] = "shirt", "boot" } }
  has(svg_of("confusion", metrics.confusion(classic.knn({ k = 1 }):fit(ds), ds)), "shirt", "boot")
  has(svg_of("confusion", c), "reject", "2", "predicted class", "true class")
  lu.assertNotStrContains(svg_of("confusion", metrics.confusion({ 0, 1 }, { 0, 1 })), ">reject<")
  lu.assertErrorMsgContains("confusion: expected what metrics.confusion returns", plot.confusion, { 1 })
end

function TestPlotRecipes:test_scores()
  local m = small()
  local threshold = ("threshold %.4g"):format(m.defence.threshold)
  has(svg_of("scores", m.result), "clean", "attacked", "best class score")
  has(svg_of("scores", m.defence, { data = m.ds, adversarial = m.result, bins = 10 }), "clean", "attacked",
    threshold)
  lu.assertNotStrContains(svg_of("scores", m.net, { data = m.ds }), ">attacked<")
  lu.assertErrorMsgContains("data: expected the clean samples", plot.scores, m.defence)
  lu.assertErrorMsgContains("model: expected a fitted model, got 3", plot.scores, 3)
end

-- Best scores 1, 2, 3, 4 with the second one wrong: at the threshold 1 a quarter is rejected and two of
-- the other three are right.
function TestPlotRecipes:test_reject_curves()
  local model = { classes = { 0, 1 }, rejects = false,
    scores = function(_, x) return array.new(x:totable(), { dtype = "f64" }) end }
  local ds = data.new { x = array.new({ { 3, 0 }, { 2, 0 }, { 0, 4 }, { 1, 0 } }, { dtype = "f32" }),
    y = { 0, 1, 1, 0 } }
  local script = plot.script("reject", model, { data = ds, file = "r.svg" })
  lu.assertStrContains(script, "$p1_1 << EOD\n1 0.25\n2 0.5\n3 0.75\n4 1\nEOD")
  lu.assertStrContains(script, "$p1_2 << EOD\n1 0.6666667\n2 1\n3 1\n4 NaN\nEOD")
end

function TestPlotRecipes:test_reject()
  local m = small()
  has(svg_of("reject", m.defence, { data = m.ds, adversarial = m.result }), "rejected",
    "accuracy of the accepted", "attacked, rejected", ("threshold %.4g"):format(m.defence.threshold))
  lu.assertErrorMsgContains("data: expected a dataset with labels, got nothing", plot.reject, m.defence)
end

local function evaluation(correct)
  local counts = {}
  for k = 1, 3 do
    counts[k] = { correct = correct - k, rejected = k, evaded = 10 - correct, robust = correct - k }
  end
  return { models = { "cnn" }, dmax = { 0, 1, 2 }, n = 10, counts = { cnn = counts } }
end

function TestPlotRecipes:test_security_band()
  local three = { evaluation(7), evaluation(8), evaluation(9) }
  local script = plot.script("security", three, { file = "s.svg", rejection = "error", band = "range" })
  lu.assertStrContains(script, "0 0.6 0.8\n1 0.5 0.7\n2 0.4 0.6")
  lu.assertStrContains(script, "0 0.7\n1 0.6\n2 0.5")
  -- the mean of 0.6, 0.7, 0.8 with Student's t of two degrees: 0.7 ± 4.303 · 0.1 / √3
  script = plot.script("security", three, { file = "s.svg", rejection = "error" })
  lu.assertStrContains(script, "0 0.4515662 0.9484338")
  has(svg_of("security", three), "cnn", "rejection rate")
  three[2].dmax = { 0, 1, 3 }
  lu.assertErrorMsgContains("repetition 2 has other radii", plot.security, three)
  lu.assertErrorMsgContains("band: expected", plot.security, evaluation(7), { band = "x" })
end

function TestPlotRecipes:test_roc()
  local good = metrics.roc({ 1, 2, 3, 4 }, { 0, 0, 1, 1 })
  local poor = metrics.roc({ 1, 2, 3, 4 }, { 1, 0, 1, 0 })
  has(svg_of("roc", { dnr = good, nr = poor }), "dnr, AUC 1.0000", "nr, AUC 0.2500")
  has(svg_of("roc", good), "AUC 1.0000", "false positive rate (adversarial, accepted)")
  local script = plot.script("roc", good, { file = "r.svg" })
  lu.assertStrContains(script, "<< EOD\n0 0\n0 0.5\n0 1\n0.5 1\n1 1\nEOD")
  lu.assertErrorMsgContains("roc: expected what metrics.roc gives", plot.roc, { 1, 2 })
  lu.assertErrorMsgContains("roc: expected what metrics.roc gives", plot.roc, {})
  lu.assertErrorMsgContains("roc: expected what metrics.roc gives", plot.roc, 3)
end

-- An attack that makes so many of ten samples evade.
local function judged(evaded, rest)
  local model = { classes = { 0, 1 }, rejects = false }
  function model.scores(_, x) return array.stack({ -x:slice(nil, 1), x:slice(nil, 1) }, 2) end
  local options = {
    model = model, x0 = array.zeros(10, 1) - 1, y = array.zeros(10, { dtype = "i32" }), norm = "l2", dmax = 2,
    x_adv = (array.arange(10):lt(evaded) * 2 - 1):reshape(10, 1), lower = -1, upper = 1,
  }
  for key, value in pairs(rest or {}) do options[key] = value end
  return attack.judge(options)
end

function TestPlotRecipes:test_compare()
  local results = { cnn = { pgd = judged(4), fgsm = judged(1) }, dnr = { pgd = judged(3) } }
  has(svg_of("compare", results), "cnn", "dnr", "pgd", "fgsm", "robust accuracy with detection",
    "l2, dmax 2, 10 samples, 95 % intervals")
  local script = plot.script("compare", results, { file = "c.svg" })
  lu.assertStrContains(script, "0.8 0.9\n1.8 NaN\n")
  lu.assertStrContains(script, "1.2 0.6\n2.2 0.7\n")
  -- Wilson's interval of 6 of 10
  lu.assertStrContains(script, "1.2 0.3126738\n1.2 0.8318197\n1.2 NaN\n")
  script = plot.script("compare", results, { file = "c.svg", show = "evaded", attacks = { "pgd" } })
  lu.assertStrContains(script, "1 0.4\n2 0.3\n")
  lu.assertNotStrContains(script, "fgsm")
  has(svg_of("compare", results, { kind = "map", title = "A map" }), "A map", "90.0 %", "60 to 98")
  -- what they do not have in common
  results.dnr.pgd = judged(3, { dmax = 3 })
  has(svg_of("compare", results), "l2, several distances, 10 samples, 95 % intervals")
  has(svg_of("compare", { m = { a = judged(3, { dmax = math.huge }) } }),
    "l2, any distance, 10 samples, 95 % intervals")
end

function TestPlotRecipes:test_compare_refuses()
  local one = { cnn = { pgd = judged(4) } }
  lu.assertErrorMsgContains("results: expected results by model and attack", plot.compare, {})
  lu.assertErrorMsgContains("cnn: expected results by model and attack", plot.compare, { cnn = judged(4) })
  lu.assertErrorMsgContains("cnn, pgd: expected an attack's result, got 3", plot.compare,
    { cnn = { pgd = 3 } })
  lu.assertErrorMsgContains('kind: expected "bars" or "map"', plot.compare, one, { kind = "pie" })
  lu.assertErrorMsgContains('show: expected "robust" or "evaded"', plot.compare, one, { show = "all" })
  lu.assertErrorMsgContains("models: expected names of those that were given", plot.compare, one,
    { models = { "dnr" } })
  lu.assertErrorMsgContains("rejection: what evades is accepted", plot.compare, one,
    { show = "evaded", rejection = "paper" })
end

function TestPlotRecipes:test_decision()
  local x = array.rand(60, 2, { seed = 1 })
  local ds = data.new { x = x, y = x:slice(nil, { 1, 1 }):reshape(60):gt(0.5) }
  local nr = reject.new { model = svm.new { kernel = svm.rbf(5), C = 1 }:fit(ds) }
  nr.threshold = nr:threshold_for(0.2, ds)
  local result = attack.pgd { model = nr, norm = "l2", dmax = 0.3, max_iter = 5, iterates = true }:run(ds[1])
  local svg = svg_of("decision", nr, { data = ds, result = result, grid = 20 })
  has(svg, "regions", "rejected", "class 0", "class 1", "attack",
    ("loss of the attack on class %d"):format(ds.y[1]))
  svg = svg_of("decision", nr, { data = ds:with { names = { [0] = "left", "right" } }, result = result,
    grid = 20 })
  has(svg, "left", "right", ("loss of the attack on %s"):format(ds.y[1] == 0 and "left" or "right"))
  lu.assertNotStrContains(svg, "class 0")
  local script = plot.script("decision", nr, { data = ds, grid = 20, file = "d.svg" })
  lu.assertStrContains(script, " 212 212 212\n") -- somewhere it rejects
  lu.assertStrContains(script, "with rgbimage")
  lu.assertErrorMsgContains("range: expected { x low", plot.decision, nr)
  -- regions are named where no samples name them
  has(svg_of("decision", nr, { range = { 0, 1, 0, 1 }, grid = 20, names = { [0] = "left" } }), "left", "1",
    "rejected")
  lu.assertErrorMsgContains("plot.decision: ", plot.decision, small().net, { range = { 0, 1, 0, 1 } })
end

-- Several samples, several results, their balls and the bounds.
function TestPlotRecipes:test_decision_with_attacks()
  local ds = data.new { x = { { 0.2, 0.3 }, { 0.8, 0.6 }, { 0.3, 0.7 } }, y = { 0, 1, 0 } }
  local model = svm.new { kernel = svm.rbf(5), C = 1 }:fit(ds)
  local function run(norm) return attack.fgsm { model = model, norm = norm, dmax = 0.1 }:run(ds) end
  local options = { result = run "l2", ball = true, lower = 0, upper = { 1, 0.9 }, grid = 10 }
  local svg = svg_of("decision", model, options)
  has(svg, "bounds", "dmax 0.1 (l2)", "attack", "answer: correct")
  lu.assertNotStrContains(svg, "loss of the attack") -- samples of two classes have no surface in common
  options.index, options.result = 3, { run "l2", attack.pgd { model = model, dmax = 0.1,
    max_iter = 3 }:run(ds) }
  has(svg_of("decision", model, options), "fgsm", "pgd", "loss of the attack on class 0")
  options.result = { run "l1", run "linf" } -- each norm has its entries and its dash
  svg = svg_of("decision", model, options)
  has(svg, "fgsm, l1", "fgsm, linf", "dmax 0.1 (l1)", "dmax 0.1 (linf)")
  -- a square, at its sample
  local script = plot.script("decision", model, { grid = 10, range = { 0, 1, 0, 1 }, file = "d.svg",
    ball = { norm = "linf", dmax = 0.25, at = { 0.5, 0.25 } } })
  lu.assertStrContains(script, "0.75 0.5\n0.25 0.5\n0.25 0\n0.75 0\n0.75 0.5\n")
  for words, wrong in pairs {
    ["ball: the result has no finite dmax"] = { ball = true,
      result = attack.fmn { model = model, max_iter = 3 }:run(ds) },
    ["ball: there is no result"] = { ball = true, range = { 0, 1, 0, 1 } },
    ["ball: expected true"] = { ball = 5 },
    ['ball: norm: expected "l1", "l2" or "linf", got the string "l3"'] = { ball = { norm = "l3", dmax = 1 } },
    ["ball: dmax: expected a finite number"] = { ball = { norm = "l1", dmax = 1 / 0 } },
    ["ball: at: expected a number"] = { ball = { norm = "l2", dmax = 1, at = "here" } },
    ["lower: expected numbers below"] = { lower = 1, upper = 0 },
    ["result, number 2: expected an attack's result"] = { result = { run "l2", 5 } },
    ["data: expected samples of two features, got 3"] = { data = data.new { x = { { 1, 2, 3 } },
    y = { 0 } } },
  } do
    lu.assertErrorMsgContains("plot.decision: " .. words, plot.decision, model, wrong)
  end
end

-- Samples of three channels are colours: as they are, their differences and a first layer's kernels around
-- grey.
function TestPlotRecipes:test_colours()
  local net = nn.new { input = { 3, 4, 4 }, classes = { 0, 1 }, seed = 1,
    nn.conv2d { out = 2, kernel = 3, name = "conv1" }, nn.flatten {}, nn.linear { out = 2 } }
  local ds = data.new { x = array.rand(3, 3, 4, 4, { seed = 2 }), y = { 0, 1, 0 } }
  local result = attack.fgsm { model = net, norm = "linf", dmax = 0.1 }:run(ds)
  local names = { [0] = "cat", "a dog" }
  local svg = svg_of("attacks", result, { names = names })
  has(svg, "cat", "a dog", "difference", "±0.1")
  local script = plot.script("attacks", result, { file = "a.svg" })
  lu.assertEquals(count(script, "with rgbimage"), 9)
  svg = svg_of("attack", result, { index = 2, perturbation = true, names = names })
  has(svg, "dark −0.1, grey 0, bright 0.1")
  lu.assertStrContains(svg, ">original: true a dog")
  has(svg_of("filters", net), "conv1: 2 filters of 3 × 3, in colour")
  lu.assertStrContains(plot.script("filters", net, { file = "f.svg" }), "with rgbimage")
  has(svg_of("images", ds, { names = names }), "cat", "a dog")
  has(svg_of("confusion", metrics.confusion(result), { names = names }), "cat", "a dog")
  local named = ds:with { names = names }
  has(svg_of("attacks", result, { names = named }), "cat", "a dog")
  lu.assertStrContains(svg_of("attack", result, { index = 2, names = named }), ">original: true a dog")
  lu.assertErrorMsgContains("plot.images: names: expected a table of words by label", plot.images, ds,
    { names = "cat" })
end

-- What rejects nothing has no panel of rejections.
function TestPlotRecipes:test_security_without_rejections()
  local m = small()
  local function panels(model)
    local security = evaluate.security { models = { m = model }, attack = attack.fgsm { norm = "l2" },
      data = m.ds:slice(1, 10), dmax = { 0, 2 }, noise = false, seed = 1 }
    return count(plot.script("security", security, { file = "s.svg" }), "\nplot ")
  end
  lu.assertEquals(panels(m.net), 1)
  lu.assertEquals(panels(m.defence), 2)
end

-- Of one epoch the axis shows what shares can be.
function TestPlotRecipes:test_loss_of_one_epoch()
  local script = plot.script("loss", { { accuracy = 0.9 } })
  lu.assertStrContains(script, "set yrange [0:1.03]")
end

function TestPlotRecipes:test_model()
  local m = small()
  local svg = svg_of("model", m.defence)
  has(svg, "input", "conv1 (conv2d)", "relu1", "classifier of relu1", "classifier of relu2", "combiner",
    "best score > threshold?", "rejected", "3 × 2 × 2    30 parameters", "1 × 4 × 4")
  svg = svg_of("model", m.net)
  has(svg, "fc1 (linear)")
  lu.assertNotStrContains(svg, "combiner")
  has(svg_of("model", reject.new { model = m.net }), "fc1 (linear)")
  lu.assertErrorMsgContains("model: expected a net or a DNR", plot.model, 3)
end

function TestPlotRecipes:test_filters_and_activations()
  local m = small()
  local svg = svg_of("filters", m.net)
  has(svg, "conv1: 3 filters of 3 × 3")
  -- three kernels of nine; between them is nothing
  lu.assertEquals(count(svg, "<polygon fill = "), 27)
  svg = svg_of("activations", m.net, { data = m.ds[1] })
  has(svg, "conv1: 3 channels of 2 × 2")
  has(svg_of("activations", m.net, { data = m.ds.x[1], layer = "relu1" }), "relu1: 3 channels of 2 × 2")
  lu.assertErrorMsgContains("layer: expected one of conv1, got the string \"fc1\"", plot.filters, m.net,
    { layer = "fc1" })
  lu.assertErrorMsgContains("data: expected a sample", plot.activations, m.net)
  lu.assertErrorMsgContains("net: expected a net", plot.filters, m.defence)
end

-- Every recipe has its help, with every option that it takes.
function TestPlotRecipes:test_help()
  local documented = {}
  for _, entry in ipairs(require("perigee.help.plot").entries) do documented[entry.name] = entry end
  for name, recipe in pairs {
    attack = "attack", attacks = "attacks", compare = "compare", confusion = "confusion",
    decision = "decision", images = "images", loss = "loss", model = "model", reject = "reject", roc = "roc",
    scores = "scores", security = "security",
  } do
    local entry = documented["plot." .. name]
    lu.assertNotNil(entry, name)
    local keys = {}
    for _, option in ipairs(entry.options) do keys[option[1]] = true end
    for _, key in ipairs(require("perigee.plot." .. recipe).options) do
      lu.assertTrue(keys[key], name .. key)
    end
  end
end
