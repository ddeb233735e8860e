-- metrics: each measure by hand on eight samples, from predictions and from models.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

-- 5 right (two of them 0), 2 rejected, 1 wrong
local truth = { 0, 0, 0, 4, 4, 4, 9, 9 }
local predicted = { 0, 0, -1, 4, 4, 9, -1, 9 }

-- Answers what it is told: sample i's label is predicted[x(i)].
local function oracle(answers)
  local model = { classes = { 0, 4, 9 }, rejects = true }
  function model.scores(_, x)
    local rows = {}
    for i = 1, #x do
      local label = answers[math.tointeger(x:at(i, 1))]
      rows[i] = { label == 0 and 1 or 0, label == 4 and 1 or 0, label == 9 and 1 or 0,
                  label == -1 and 2 or -2 }
    end
    return rows
  end
  return model
end

local x = array.arange(8):reshape(8, 1) + 1
local ds = data.new { x = x, y = truth }

TestMetrics = {}

function TestMetrics:test_by_hand()
  for _, from in ipairs { predicted, array.new(predicted, { dtype = "i32" }), oracle(predicted) } do
    lu.assertEquals(metrics.counts(from, ds), { samples = 8, correct = 5, rejected = 2, wrong = 1 })
    lu.assertAlmostEquals(metrics.accuracy(from, ds), 5 / 8, 1e-15)
    lu.assertAlmostEquals(metrics.accuracy_rejection_correct(from, ds), 7 / 8, 1e-15)
    lu.assertAlmostEquals(metrics.accuracy_accepted(from, ds), 5 / 6, 1e-15)
    lu.assertAlmostEquals(metrics.rejection_rate(from, ds), 2 / 8, 1e-15)
  end
end

function TestMetrics:test_labels_in_place_of_a_dataset()
  lu.assertEquals(metrics.accuracy(predicted, truth), 5 / 8)
  lu.assertEquals(metrics.accuracy(predicted, array.new(truth, { dtype = "i32" })), 5 / 8)
  lu.assertEquals(metrics.accuracy({ 1.0, 2.0 }, { 1, 3 }), 0.5)
end

function TestMetrics:test_a_model_in_c()
  local model = oracle(predicted)
  model.rejects = false
  local scores = model.scores
  function model.scores(me, batch)
    local rows = scores(me, batch)
    for _, row in ipairs(rows) do row[4] = nil end
    return rows
  end
  lu.assertEquals(metrics.counts(reject.new { model = model, threshold = 0.5 }, ds),
    { samples = 8, correct = 5, rejected = 2, wrong = 1 })
end

function TestMetrics:test_nothing_accepted()
  local rate = metrics.accuracy_accepted({ -1, -1 }, { 0, 1 })
  lu.assertTrue(rate ~= rate)
  lu.assertEquals(metrics.rejection_rate({ -1, -1 }, { 0, 1 }), 1)
  lu.assertStrContains(tostring(metrics.report({ -1, -1 }, { 0, 1 })), "–")
end

function TestMetrics:test_confusion()
  local confusion = metrics.confusion(oracle(predicted), ds)
  lu.assertEquals(confusion.classes, { 0, 4, 9 })
  lu.assertEquals(confusion.counts.dtype, "i32")
  lu.assertEquals(confusion.counts:totable(), { { 2, 0, 0, 1 }, { 0, 2, 1, 0 }, { 0, 0, 1, 1 } })
  lu.assertEquals(tostring(confusion), table.concat({
    "true     0     4     9  rejected",
    "   0     2     ·     ·         1",
    "   4     ·     2     1         ·",
    "   9     ·     ·     1         1" }, "\n"))
end

function TestMetrics:test_confusion_with_names()
  local named = ds:with { names = { [0] = "cat", [4] = "a, dog" } }
  local confusion = metrics.confusion(oracle(predicted), named)
  lu.assertEquals(tostring(confusion), table.concat({
    "    true  0  4  9  rejected",
    "   0 cat  2  ·  ·         1",
    "4 a, dog  ·  2  1         ·",
    "       9  ·  ·  1         1" }, "\n"))
  -- predictions and their labels alone, results of attacks, and a report's
  for _, names in ipairs { named, named.names } do
    lu.assertEquals(metrics.confusion(predicted, truth, { names = names }).names, named.names)
  end
  local machine = svm.new({ C = 1 }):fit(named)
  local result = attack.fgsm({ model = machine, dmax = 0.1, norm = "l2", lower = 0, upper = 8 }):run(named)
  lu.assertStrContains(tostring(metrics.confusion(result, nil, { names = named })), "\n4 a, dog ")
  lu.assertEquals(metrics.report(oracle(predicted), named).confusion.names, named.names)
  raises("metrics.confusion: names: expected a table of words by label", metrics.confusion, predicted, truth,
    { names = 3 })
  local broken = tostring(metrics.confusion(oracle(predicted), ds:with { names = { [0] = "c\na\tt" } }))
  lu.assertStrContains(broken, "0 c\\na\\tt  2")
  lu.assertStrContains(tostring(ds:with { names = { [0] = "c\na\tt" } }), "  0  c\\na\\tt  ")
  local path = os.tmpname()
  local file <close> = assert(io.open(confusion:csv(path)))
  lu.assertEquals(file:read "a", 'true,name,0,4,9,rejected\n0,cat,2,0,0,1\n4,"a, dog",0,2,1,0\n9,,0,0,1,1\n')
  os.remove(path)
end

function TestMetrics:test_a_class_by_its_name()
  local named = ds:with { names = { [0] = "cat", [4] = "dog", [9] = "dog" } }
  for _, name in ipairs { "precision", "recall", "f1" } do
    lu.assertEquals(metrics[name](predicted, named, { average = "cat" }),
      metrics[name](predicted, ds, { average = 0 }))
  end
  lu.assertEquals(metrics.recall(predicted, truth, { average = "cat", names = named }), 2 / 3)
  raises("classes 0 (cat), 4 (dog), 9 (dog), got the string \"owl\"", metrics.recall, predicted, named,
    { average = "owl" })
  raises("average: 4 and 9 are both called dog; give the label", metrics.f1, predicted, named,
    { average = "dog" })
end

function TestMetrics:test_confusion_has_columns_for_classes_that_never_came()
  local zeros = { 0, 0, 0, 0, 0, 0, 0, 0 }
  local confusion = metrics.confusion(oracle(zeros), data.new { x = x, y = zeros })
  lu.assertEquals(confusion.classes, { 0, 4, 9 })
  lu.assertEquals(confusion.counts:totable(), { { 8, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 } })
  -- predicted labels that the data lacks have theirs too
  lu.assertEquals(metrics.confusion({ 5, 1 }, { 1, 1 }).counts:totable(), { { 1, 1, 0 }, { 0, 0, 0 } })
end

function TestMetrics:test_report()
  local report = metrics.report(oracle(predicted), ds)
  lu.assertEquals(report.correct, 5)
  lu.assertEquals(report.accuracy, 5 / 8)
  lu.assertEquals(report.accuracy_accepted, 5 / 6)
  lu.assertEquals(report.confusion.counts:at(1, 1), 2)
  local text = tostring(report)
  for _, words in ipairs { "8 samples", "rejection an error", "62.50 %", "87.50 %", "83.33 %", "25.00 %" } do
    lu.assertStrContains(text, words)
  end
  lu.assertStrContains(tostring(metrics.report(truth, truth)), "100.00 %")
end

-- Files of binary problems say -1 and 1.
function TestMetrics:test_minus_one_as_a_class()
  local plain = data.new { x = { { 0 }, { 0.2 }, { 0.8 }, { 1 } }, y = { -1, -1, 1, 1 } }
  local model = svm.new { kernel = svm.linear(), C = 10 }:fit(plain)
  local counts = { samples = 4, correct = 4, rejected = 0, wrong = 0 }
  lu.assertEquals(metrics.counts(model, plain), counts)
  lu.assertEquals(metrics.counts({ -1, -1, 1, 1 }, plain), counts)
  local confusion = metrics.report(model, plain).confusion
  lu.assertEquals(confusion.classes, { -1, 1 })
  lu.assertEquals(confusion.counts:totable(), { { 2, 0, 0 }, { 0, 2, 0 } })
  -- a rejecting model means rejection by it, whatever the data says
  local rejecting = oracle { -1, 0 }
  local odd = data.new { x = { { 1 }, { 2 } }, y = { -1, 0 } }
  lu.assertEquals(metrics.counts(rejecting, odd), { samples = 2, correct = 1, rejected = 1, wrong = 0 })
  lu.assertEquals(metrics.confusion(rejecting, odd).classes, { -1, 0, 4, 9 })
  raises("a class has the label -1", reject.new, { model = model })
  raises("sample 1 has the label -1", reject.new { model = svm.new { kernel = svm.linear() } }.fit,
    reject.new { model = svm.new { kernel = svm.linear() } }, plain)
  rejecting.classes = { -1, 0, 4 }
  raises("-1 means rejected", metrics.counts, rejecting, odd)
end

function TestMetrics:test_refuses()
  raises("metrics.accuracy: ds: expected a dataset to judge", metrics.accuracy, oracle(predicted), truth)
  raises("metrics.accuracy: ds: expected a dataset or its labels, got nothing", metrics.accuracy, predicted)
  local _, message = pcall(metrics.accuracy, predicted, array.zeros(2, 2))
  lu.assertStrMatches(message, ".*got an array f32%[2x2%]") -- one line
  raises("rejection_rate: model: expected a model or its predictions, got 3", metrics.rejection_rate, 3, ds)
  raises("metrics.confusion: 2 predictions for 8 samples", metrics.confusion, { 0, 4 }, ds)
  raises("metrics.report: the dataset is empty", metrics.report, {}, {})
  raises("model: expected a model or its predictions", metrics.counts, { "a" }, { 1 })
  raises("model: expected a model or its predictions", metrics.counts, array.zeros(2, 2), { 1, 2 })
end

function TestMetrics:test_leaves_lists_as_they_were()
  local list = { 1.0, 2.0 }
  metrics.accuracy(list, { 1, 2 })
  lu.assertEquals(math.type(list[1]), "float")
end
