-- How much an attack may ask of its model: max_queries.
local lu = require "luaunit"

local bumps = dofile "tests/lua/bumps.lua"

local N = 6
local rows, labels = {}, {}
for i = 1, N do
  rows[i], labels[i] = { 0.15, 0.1, 0.85 - 0.02 * i }, 0
end
local samples = data.new { x = rows, y = labels }
local names = { "fgsm", "pgd", "pgd_exp", "apgd", "fmn", "halving", "noise" }

local function model_of() return bumps.new(-1, { gradient_is = "surrogate" }) end

local function spent(result)
  return result.evaluations.scores + result.evaluations.gradients
end

-- Steps so small that it still moves after a hundred of them.
local function slow(options)
  return attack.pgd({ dmax = 0.3, eta = 0.001 }):with(options)
end

local function count(list, value)
  local n = 0
  for _, one in ipairs(list) do n = n + (one == value and 1 or 0) end
  return n
end

TestQueries = {}

-- What the model itself has counted: besides there is the last look at every sample.
function TestQueries:test_nobody_asks_more()
  for _, name in ipairs(names) do
    for _, most in ipairs { 1, 2, 7, 50 } do
      local model = model_of()
      local a = attack[name] { model = model, dmax = 0.05, max_queries = most }
      local r, words = a:run(samples), name .. " " .. most
      lu.assertTrue(spent(r):max() <= most, words)
      if r.stop[1] == "max_queries" then
        lu.assertEquals(model.score_rows + model.gradient_rows, spent(r):sum() + N, words)
      end
      lu.assertEquals({ r.params.max_queries, a.max_queries }, { most, most })
      lu.assertTrue(r.stop[1] == "max_queries" or spent(r)[1] < most or name == "noise", words)
      if name:find "^p" then
        r = a:with({ restarts = 20, start_from = samples, target = "each" }):run(samples)
        lu.assertTrue(spent(r):max() <= most and spent(r):min() > most - 20, words)
        lu.assertEquals(count(r.stop, "max_queries"), N)
      end
    end
  end
end

function TestQueries:test_one_for_each_sample()
  local most = { 1, 2, 3, 10, 30, 1000 }
  local a = slow { model = model_of(), max_iter = 20, max_queries = most }
  local r = a:run(samples)
  lu.assertEquals(spent(r):totable(), { 1, 1, 3, 9, 29, 41 })
  lu.assertEquals(r.stop, { "max_queries", "max_queries", "max_queries", "max_queries", "max_queries",
    "max_iter" })
  lu.assertEquals(a.max_queries:totable(), most)
  lu.assertStrContains(tostring(a), "max_queries of each sample")
  lu.assertStrContains(tostring(a:with { max_queries = 5 }), ", max_queries 5,")
  lu.assertStrContains(tostring(r), "stopped early: 5 max_queries")
  lu.assertErrorMsgContains("max_queries: expected one number, or one for each of 1 samples, got 6", a.run, a,
    samples[1])
  a.max_queries = nil
  lu.assertNil(a.max_queries)
  lu.assertEquals(count(a:run(samples).stop, "max_iter"), N)
end

function TestQueries:test_what_is_no_number_of_queries()
  for _, value in ipairs { 0, 1.5, -3, "many", { 1, 0 }, { 2, 1.5 }, true } do
    lu.assertErrorMsgContains("max_queries", attack.pgd, { max_queries = value })
    local auto = { model = model_of(), dmax = 1, max_queries = value }
    lu.assertErrorMsgContains("max_queries", attack.auto, auto)
    lu.assertErrorMsgContains("max_queries", attack.ensemble, { attack.pgd {}, max_queries = value })
  end
end

-- As many classes go on as can be paid for: those of least loss.
function TestQueries:test_classes_share_it()
  local near = array.new { { 0.45, 0.1, 0.55 }, { 0.1, 0.45, 0.55 } } -- next to the classes 1 and 2
  local a = attack.pgd { model = model_of(), dmax = 0.2, target = "each", max_queries = 4, iterates = true,
    eta = 0.1 }
  local r = a:run(near, { y = { 0, 0 } })
  lu.assertEquals(r.label:totable(), { 1, 2 })
  lu.assertEquals(r.evaluations.gradients:totable(), { 1, 1 })
  lu.assertEquals(a:with({ max_queries = 5 }):run(near, { y = 0 }).evaluations.gradients:totable(), { 2, 2 })
end

function TestQueries:test_a_file_keeps_the_reason()
  local path = os.tmpname()
  local r = attack.pgd({ model = model_of(), dmax = 0.05, max_queries = 9 }):run(samples)
  r:save(path)
  lu.assertEquals(perigee.load(path).stop, r.stop)
  os.remove(path)
end

function TestQueries:test_an_ensemble_shares_it()
  local parts = { attack.pgd { max_iter = 5 }, attack.ensemble { attack.pgd_exp {}, attack.fmn {} },
    attack.halving { max_queries = 12 } }
  for _, all in ipairs { false, true } do
    for _, most in ipairs { 1, 2, 7, 50 } do
      local model = model_of()
      local e = attack.ensemble { parts[1], parts[2], parts[3], max_queries = most, all = all }
      e.dmax = 0.05
      local r = e:run(samples, { model = model })
      lu.assertTrue(spent(r):max() <= most, most)
      lu.assertEquals(r.evaluations.gradients:sum(), model.gradient_rows)
      lu.assertEquals(count(r.stop, "max_queries"), N, most)
      lu.assertEquals(r.params.max_queries, most)
      lu.assertEquals(r.parts[1].samples, most > 2 and N or 0)
      if r.parts[3].samples > 0 then
        lu.assertTrue(r.parts[3].scores + r.parts[3].gradients <= 12 * N)
      end
    end
  end
end

function TestQueries:test_a_part_gets_what_is_left()
  local first = slow { max_iter = 3 } -- 1 + 3 · 2
  local e = attack.ensemble { first, slow { max_iter = 100 }, max_queries = { 8, 9, 10, 11, 12, 500 } }
  local r = e:run(samples, { model = model_of() })
  lu.assertEquals(spent(r):totable(), { 8, 8, 9, 11, 11, 1 + 7 + 201 })
  lu.assertEquals(r.stop[1], "max_queries")
  lu.assertEquals(r.stop[6], "max_iter")
  lu.assertEquals({ r.parts[1].samples, r.parts[2].samples }, { 6, 4 })
  lu.assertNil(r.params.max_queries)
  e.max_queries = nil
  lu.assertNil(e.max_queries)
  lu.assertEquals(spent(e:run(samples, { model = model_of() }))[1], 1 + 7 + 201)
  e:set { max_queries = 7 }
  lu.assertEquals({ e.max_queries, e:get "max_queries", e:with({}).max_queries }, { 7, 7, 7 })
  lu.assertNil(e[1].max_queries)
  lu.assertStrContains(tostring(e), "what the earlier ones left, max_queries 7\n")
  e.max_queries = array.new({ 1, 2 }, { dtype = "i32" })
  lu.assertErrorMsgContains("one for each of 6 samples, got 2", e.run, e, samples, { model = model_of() })
end

function TestQueries:test_auto()
  for _, most in ipairs { 1, 2, 7, 50 } do
    local r = attack.auto({ model = model_of(), dmax = 0.05, max_queries = most }):run(samples)
    lu.assertTrue(spent(r):max() <= most)
    lu.assertEquals(count(r.stop, "max_queries"), N)
  end
  local won = attack.auto({ model = model_of(), dmax = 2, max_queries = 100 }):run(samples)
  lu.assertEquals(won:counts().evaded, N)
  lu.assertEquals(count(won.stop, "reached"), N)
end

-- What the budget has ended was not done.
function TestQueries:test_the_diagnosis_knows()
  local pgd = attack.pgd { model = model_of(), dmax = 0.05, max_queries = 9 }
  local found = evaluate.diagnose(pgd:run(samples)).alarms.incomplete
  lu.assertEquals({ found.count, found.of }, { N, N })
  pgd.max_queries = 101
  lu.assertNil(evaluate.diagnose(pgd:run(samples)).alarms.incomplete)
  local halving = attack.halving { model = model_of(), dmax = 0.05 }
  lu.assertFalse(evaluate.diagnose(halving:run(samples)).indicators.incomplete.measured)
  lu.assertNotNil(evaluate.diagnose(halving:with({ max_queries = 9 }):run(samples)).alarms.incomplete)
end
