-- Measures of one's own in evaluations: what their functions get, what becomes of their numbers, and of what
-- goes wrong in them.

local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local ds = data.digits(200, { seed = 1, classes = { 1, 4, 7 } })
local clean = data.digits(40, { seed = 2, classes = { 1, 4, 7 } })
local machine = svm.new({ kernel = svm.rbf(0.02), C = 10 }):fit(ds)
local rejector = reject.new { model = machine, threshold = 0 }
rejector.threshold = rejector:threshold_for(0.1, clean)

local seen = {} -- what the functions got, by model, attack, seed, dmax

local function look(s)
  seen[("%s %s %d %g"):format(s.model, s.attack, s.seed, s.dmax)] = s
  return s.distance:max()
end

local function evaluated(measures, more)
  local options = {
    models = { nr = rejector, svm = machine }, data = clean, samples = 12, dmax = { 0, 1, 2 }, seed = 1,
    attacks = { attack.fgsm { norm = "l2" }, attack.pgd { norm = "l2", max_iter = 10 } }, measures = measures,
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return evaluate.security(options)
end

local function with_path(ending, use)
  local path = os.tmpname()
  os.remove(path)
  path = path .. ending
  local ok, message = pcall(use, path)
  os.remove(path)
  if not ok then error(message, 0) end
end

local whole = evaluated({ farthest = look, recall = "accuracy_rejection_correct",
  queries_each = function(s) return s.queries:mean() end }, { repeats = 2 })

TestOwnMeasures = {}

-- From the cells, once more.
function TestOwnMeasures:test_what_they_get()
  for _, cell in ipairs(whole.cells) do
    for k, d in ipairs(whole.dmax) do
      local s, rows = seen[("%s %s %d %g"):format(cell.model, cell.attack, cell.seed, d)], cell.rows
      for _, name in ipairs { "y", "at", "start_label", "start_scores" } do
        lu.assertTrue(array.equal(s[name], rows[name]), name)
      end
      lu.assertEquals(s.label:totable(), rows.label:slice(nil, { k, k }):reshape(12):totable())
      lu.assertEquals(s.scores:totable(), rows.answer:slice(nil, { k, k }):reshape(12, -1):totable())
      local asked = (rows.scores + rows.gradients):slice(nil, { 1, k }):sum(2)
      lu.assertEquals(s.queries:totable(), asked:totable())
      lu.assertEquals({ s.norm, s.attack }, { "l2", cell.attack })
      for i = 1, 12 do
        lu.assertEquals(s.verdict[i] == "rejected", s.label[i] == -1)
        lu.assertEquals(s.verdict[i] == "correct", s.label[i] == s.y[i])
        lu.assertEquals(s.start_verdict[i] == "correct", s.start_label[i] == s.y[i])
      end
    end
  end
end

-- Of several attacks each sample is that of the one that evaded.
function TestOwnMeasures:test_the_worst_of_all_attacks()
  local parted = 0
  for _, model in ipairs(whole.models) do
    for _, seed in ipairs(whole.seeds) do
      local function of(name) return seen[("%s %s %d 2"):format(model, name, seed)] end
      local all, pgd, fgsm = of "all", of "pgd", of "fgsm"
      for i = 1, 12 do
        local from = fgsm.verdict[i] ~= "evaded" and pgd.verdict[i] == "evaded" and pgd or fgsm
        lu.assertEquals({ all.verdict[i], all.distance[i] }, { from.verdict[i], from.distance[i] })
        parted = parted + (from == pgd and 1 or 0)
      end
    end
  end
  lu.assertTrue(parted > 0)
end

function TestOwnMeasures:test_rows_and_table()
  local asked = 0
  for _, row in ipairs(whole:rows()) do
    local values = {}
    for _, seed in ipairs(whole.seeds) do
      local s = seen[("%s %s %d %g"):format(row.model, row.attack, seed, row.dmax)]
      values[#values + 1] = s.distance:max()
      asked = asked + 1
    end
    lu.assertAlmostEquals(row.farthest, (values[1] + values[2]) / 2, 1e-12)
    lu.assertAlmostEquals(row.recall, (row.correct + row.rejected) / row.samples, 1e-12)
    if row.attack ~= "all" then lu.assertAlmostEquals(row.queries_each, row.queries, 1e-9) end
  end
  lu.assertEquals(asked, 2 * 4 * 3 * 2) -- models, attacks with all and noise, radii, seeds
  lu.assertStrMatches(tostring(whole), ".*evaded +farthest +queries_each +recall\n.*")
  lu.assertEquals(whole.measures, { "farthest", "queries_each", "recall" })
end

function TestOwnMeasures:test_files()
  with_path("", function(path)
    whole:save(path)
    local loaded = evaluate.load(path)
    lu.assertEquals(tostring(loaded), tostring(whole))
    lu.assertEquals(loaded:measure({ distance = function(s) return s.distance:sum() end }), loaded)
    lu.assertEquals(loaded.measures, { "farthest", "queries_each", "recall", "distance" })
    lu.assertEquals(loaded:measure({ farthest = function() return 3 end }):rows()[1].farthest, 3)
  end)
  with_path(".csv", function(path)
    whole:csv(path)
    lu.assertStrMatches(io.lines(path)(), "model,.*,seconds,farthest,queries_each,recall")
  end)
  lu.assertErrorMsgContains("damaged", require("perigee.evaluate.security").new,
    { measures = {}, measured = { { measure = "x" } }, dmax = { 1 } })
end

function TestOwnMeasures:test_pictures_and_reports()
  local script = plot.script("security", whole, { measure = "farthest", file = "s.svg" })
  lu.assertStrContains(script, "farthest")
  lu.assertNotStrContains(script, "accuracy")
  raises("plot.security: measure: expected one of the evaluation's measures, farthest, queries_each, recall, "
    .. 'got the string "nearest"', plot.script, "security", whole, { measure = "nearest" })
  raises("measure: expected an evaluation with measures (option measures), got", plot.script, "security",
    evaluated(nil, { noise = false }), { measure = "farthest" })
  with_path(".html", function(path)
    evaluate.report(whole, path)
    local page = assert(io.open(path)):read "a"
    lu.assertStrContains(page, "farthest against dmax")
    lu.assertStrContains(page, ">queries_each<")
  end)
end

-- What merging brings together cannot be a mean of what there was.
function TestOwnMeasures:test_merging()
  local function values(s)
    local found = {}
    for _, row in ipairs(s:rows()) do found[#found + 1] = row.farthest or "none" end
    return found
  end
  local measures = { farthest = look }
  local merged = evaluate.merge { evaluated(measures), evaluated(measures, { repeats = { 2 } }) }
  lu.assertEquals(values(merged), values(whole))
  local third = attack.pgd { norm = "l2", max_iter = 2 }
  local several = evaluate.merge { evaluated(measures, { noise = false }),
    evaluated(measures, { attacks = { third = third }, noise = false }) }
  for _, row in ipairs(several:rows()) do lu.assertEquals(row.farthest == nil, row.attack == "all") end
  lu.assertStrContains(tostring(several), "–")
  lu.assertEquals(several:measure(measures).measures, { "farthest" })
  for _, row in ipairs(several:rows()) do lu.assertIsNumber(row.farthest) end
  -- halves of the same samples
  local halves = {}
  for h, rows in ipairs { { 1, 6 }, { 7, 12 } } do
    halves[h] = evaluated(measures, { noise = false })
    for _, cell in ipairs(halves[h].cells) do
      for name, value in pairs(cell.rows) do
        if type(value) == "userdata" then cell.rows[name] = value:slice(rows):copy() end
      end
      cell.lists = nil
    end
  end
  local joined = evaluate.merge(halves)
  lu.assertEquals({ joined.n, #joined.measured, joined.measures }, { 12, 0, { "farthest" } })
end

function TestOwnMeasures:test_a_folder_knows_of_none()
  with_path("", function(folder)
    local more = { checkpoint = folder, noise = false }
    evaluated(nil, more)
    local s = evaluated({ farthest = look }, more)
    lu.assertIsNumber(s:rows()[1].farthest)
    for _, file in ipairs(perigee.files(folder)) do os.remove(folder .. "/" .. file) end
  end)
end

-- A place so many lines from the caller's.
local function here(lines)
  return ("test_own_measures.lua:%d: "):format(debug.getinfo(2, "l").currentline + lines)
end

function TestOwnMeasures:test_what_goes_wrong()
  local calls = 0
  local function fails(message, measures)
    raises(message, evaluated, measures, { noise = false })
  end
  fails(here(1) .. "my own", { odd = function()
    error "my own"
  end })
  fails("evaluate.security: measures: odd: expected its function to give a number, got a table", {
    odd = function()
      calls = calls + 1
      return {}
    end })
  lu.assertEquals(calls, 1) -- on the first piece
  fails("evaluate.security: measures: metrics has no 'acuracy'; did you mean accuracy?", { x = "acuracy" })
  fails("measures: the evaluation has robust already; call it something else", { robust = look })
  fails("measures: x: expected a function(samples) that gives a number, got 3", { x = 3 })
  fails("measures: expected functions by name", 3)
  fails("measures: f1 is there twice", { "f1", f1 = look })
  raises("security:measure: measures: expected a function", whole.measure, whole)
  local before = tostring(whole)
  raises("security:measure: measures: half: expected its function to give a number, got nothing",
    whole.measure, whole, { half = function(s) return s.dmax == 0 and 1 or nil end })
  lu.assertEquals(tostring(whole), before)
end

-- What users put into metrics goes by its name as well; it gets labels and the truth.
function TestOwnMeasures:test_own_metrics()
  rawset(metrics, "ones_found", function(labels, truth)
    return (labels:eq(1) * truth:eq(1)):sum() / math.max(1, truth:eq(1):sum())
  end)
  local s = evaluated({ "ones_found", recall = "accuracy" }, { noise = false, attacks = { attack.fgsm {
    norm = "l2" } } })
  rawset(metrics, "ones_found", nil)
  local rows, cell = s:rows()[1], s.cells[1].rows
  local ones = cell.y:eq(1)
  lu.assertAlmostEquals(rows.ones_found, (cell.start_label:eq(1) * ones):sum() / ones:sum(), 1e-12)
  lu.assertAlmostEquals(rows.recall, rows.correct / 12, 1e-12)
end

-- Behind the first piece an error takes nothing of the run.
function TestOwnMeasures:test_a_late_failure()
  local script = os.tmpname()
  local file <close> = assert(io.open(script, "w"))
  file:write [[
    local ds = data.digits(6, { seed = 1 })
    local count = 0
    local s = evaluate.security { models = nn.load "mnist-cnn", attack = attack.fgsm { norm = "l2" },
      data = ds, dmax = { 0, 1 }, noise = false, measures = { late = function()
        count = count + 1
        return count == 1 and 1 or error("own words " .. count)
      end } }
    print(s:rows()[2].late, s.n, (tostring(s):match "–"))
  ]]
  file:close()
  local command = io.popen(("%s --quiet %s 2>&1"):format(os.getenv "PERIGEE", script))
  local out = command:read "a"
  command:close()
  os.remove(script)
  lu.assertStrContains(out, ("perigee: evaluate.security: measures: late: %s:6: own words 2\nnan\t6\t–\n")
    :format(script))
end
