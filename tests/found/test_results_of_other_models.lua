-- Results of two models were pooled without a word, as long as both were SVMs, into one that is true of
-- neither. And measures of results took an evaluation for a list of them.
local lu = require "luaunit"

TestResultsOfOtherModels = {}

local digits = data.digits(60, { seed = 3 })
local train, test = digits:slice(1, 40), digits:slice(41, 60)
local first = svm.new { kernel = svm.rbf(0.05), C = 10 }
local second = svm.new { kernel = svm.linear(), C = 10 }
first:fit(train)
second:fit(train)

local function run(model, dmax)
  return attack.pgd({ model = model, norm = "l2", dmax = dmax, max_iter = 5 }):run(test)
end

local a, b, c = run(first, 1), run(second, 1), run(first, 2)

function TestResultsOfOtherModels:test_refused()
  local words = "are of different models: their scores before the attack differ"
  lu.assertErrorMsgContains("attack.worst: results 3 and 1 " .. words, attack.worst, { a, c, b })
  lu.assertErrorMsgContains("metrics.optimality: results (number 2 and the first) " .. words,
    metrics.optimality, { a, b })
  lu.assertErrorMsgContains("metrics.median_distance: results (number 2 and the first) " .. words,
    metrics.median_distance, { a, b })
  local strict = reject.new { model = first, threshold = 0 }
  local lax = reject.new { model = first, threshold = -1 }
  lu.assertErrorMsgContains(words, attack.worst, { run(strict, 1), run(lax, 1) })
end

function TestResultsOfOtherModels:test_of_one_model()
  lu.assertEquals(#attack.worst { a, c }, 20)
  lu.assertTrue(metrics.median_distance { a, c } > 0)
  lu.assertEquals(metrics.optimality { a, c }.samples, 20)
end

-- A model that answers anew at each call.
function TestResultsOfOtherModels:test_same_model()
  lu.assertEquals(#attack.worst { a, b, same_model = true }, 20)
  lu.assertEquals(#attack.worst({ a, b, same_model = true }).parts, 2)
  lu.assertTrue(metrics.median_distance({ a, b }, { same_model = true }) > 0)
  lu.assertEquals(metrics.optimality({ a, b }, { same_model = true }).samples, 20)
  lu.assertErrorMsgContains("same_model: expected true or false, got", attack.worst, { a, b, same_model = 1 })
  lu.assertErrorMsgContains("same_model: expected true or false, got", metrics.optimality, { a, b },
    { same_model = 1 })
end

function TestResultsOfOtherModels:test_an_evaluation_is_no_list()
  local s = evaluate.security { models = { m = first }, attack = attack.fgsm { norm = "l2" }, data = test,
    dmax = { 0, 1 }, noise = false, seed = 1 }
  lu.assertErrorMsgContains("metrics.median_distance: result: expected an attack's result, or a list of such",
    metrics.median_distance, s)
  lu.assertErrorMsgContains("metrics.optimality: attacks: expected results by name", metrics.optimality, s)
end
