-- Evaluations over several models, attacks and repeats: what is counted, from what, and what files keep.
-- How they go on after a kill is cli/test_killed_evaluations.sh.
local lu = require "luaunit"
local bumps = dofile "tests/lua/bumps.lua"
local cells = require "perigee.evaluate.cells"
local counting = require "perigee.evaluate.counts"
local piece = require "perigee.evaluate.piece"

local ds = data.digits(400, { seed = 1, classes = { 1, 4, 7 } })
local clean = data.digits(60, { seed = 2, classes = { 1, 4, 7 } })
local machine = svm.new({ kernel = svm.rbf(0.02), C = 10 }):fit(ds)
local rejector = reject.new { model = machine, threshold = 0 }
rejector.threshold = rejector:threshold_for(0.1, clean)

local pgd = attack.pgd { norm = "l2", max_iter = 10 }

local function evaluated(more)
  local options = { models = { nr = rejector, svm = machine }, attacks = { pgd, attack.fgsm { norm = "l2" } },
    data = clean, samples = 20, dmax = { 0, 0.5, 1, 2 }, seed = 1, noise = false }
  for name, value in pairs(more or {}) do options[name] = value end
  for name, value in pairs(options) do
    if value == "none" then options[name] = nil end
  end
  local security = evaluate.security(options)
  return security
end

local whole = evaluated()

local function raises(words, more)
  local ok, message = pcall(evaluated, more)
  lu.assertFalse(ok)
  lu.assertStrContains(tostring(message), words)
  lu.assertStrContains(tostring(message), "test_security.lua:")
end

TestSecurityCells = {}

function TestSecurityCells:test_what_there_is()
  lu.assertEquals(whole.attacks, { "pgd", "fgsm" })
  lu.assertEquals(whole.attack, "pgd + fgsm")
  lu.assertEquals({ whole.n, whole.norm, whole.seeds, whole.repeats }, { 20, "l2", { 2 }, { 1 } })
  lu.assertEquals(#whole.cells, 4)
  for _, cell in ipairs(whole.cells) do
    local columns = cell.model == "nr" and 4 or 3
    for name, dtype in pairs(piece.per_radius) do
      local rows = cell.rows[name]
      if name == "hit" then
        lu.assertNil(rows)
      else
        lu.assertEquals({ rows.shape, rows.dtype }, { { 20, 4 }, dtype }, name)
      end
    end
    lu.assertEquals(cell.rows.answer.shape, { 20, 4, columns })
    lu.assertEquals(cell.rows.start_scores.shape, { 20, columns })
  end
end

-- From the samples themselves, by rules that are written here once more.
function TestSecurityCells:test_counts_are_those_of_the_samples()
  for _, cell in ipairs(whole.cells) do
    local rows = cell.rows
    local verdict, start, label = rows.verdict:totable(), rows.start:totable(), rows.label:totable()
    local y, answer = rows.y:totable(), rows.answer:totable()
    local counts = whole.by_attack[cell.attack].counts[cell.model]
    local classes = machine.classes
    for k = 1, 4 do
      local by = { correct = 0, rejected = 0, wrong = 0, evaded = 0, failed = 0, robust = 0 }
      for i = 1, 20 do
        local scores = answer[i][k]
        local best = 1
        for c = 2, 3 do best = scores[c] > scores[best] and c or best end
        local rejected = scores[4] and scores[best] <= scores[4]
        local now = rejected and "rejected" or classes[best] == y[i] and "correct" or "evaded"
        if now == "evaded" and piece.verdicts[start[i]] == "wrong" then now = "wrong" end
        lu.assertEquals(piece.verdicts[verdict[i][k]], now)
        lu.assertEquals(label[i][k], rejected and -1 or classes[best])
        by[now] = by[now] + 1
        if start[i] == 1 and now ~= "evaded" then by.robust = by.robust + 1 end
      end
      lu.assertEquals(counts[k], by)
    end
  end
end

-- At least what a run at one radius finds; once evaded, evaded for ever; not farther away than allowed.
function TestSecurityCells:test_curves_never_rise()
  for _, cell in ipairs(whole.cells) do
    local verdict, distance = cell.rows.verdict:totable(), cell.rows.distance:totable()
    local samples = clean:take(cell.rows.at)
    local attacker = attack[cell.attack] { norm = "l2", max_iter = cell.attack == "pgd" and 10 or nil,
      model = cell.model == "nr" and rejector or machine }
    for k, d in ipairs(whole.dmax) do
      attacker.dmax = d
      local alone = d > 0 and attacker:run(samples, { seed = 2 }).verdict or {}
      for i = 1, 20 do
        if k > 1 and verdict[i][k - 1] == 4 then lu.assertEquals(verdict[i][k], 4) end
        if alone[i] == "evaded" then lu.assertEquals(verdict[i][k], 4) end
        lu.assertTrue(distance[i][k] <= d)
      end
    end
  end
end

function TestSecurityCells:test_the_worst_of_several_attacks()
  for _, name in ipairs(whole.models) do
    for k = 1, 4 do
      local all, most = whole.counts[name][k], 0
      for _, attack_name in ipairs(whole.attacks) do
        local counts = whole.by_attack[attack_name].counts[name][k]
        most = math.max(most, counts.evaded)
        lu.assertTrue(all.robust <= counts.robust)
      end
      lu.assertTrue(all.evaded >= most)
      lu.assertEquals(all.correct + all.rejected + all.wrong + all.evaded, 20)
    end
  end
end

-- What has evaded costs nothing any more; what has not is tried from the point before as well.
function TestSecurityCells:test_queries()
  local cold = evaluated { warm = false }
  for _, cell in ipairs(whole.cells) do
    local verdict, gradients = cell.rows.verdict:totable(), cell.rows.gradients:totable()
    for i = 1, 20 do
      lu.assertEquals(gradients[i][1], 0)
      for k = 2, 4 do
        if verdict[i][k - 1] == 4 then lu.assertEquals(gradients[i][k], 0) end
        if verdict[i][k] < 3 then lu.assertTrue(gradients[i][k] > 0) end
      end
    end
  end
  for k = 1, 4 do lu.assertTrue(whole.counts.nr[k].evaded >= cold.counts.nr[k].evaded) end
  local rows, cold_rows = whole.cells[1].rows, cold.cells[1].rows
  local spent, spent_cold = rows.gradients:totable(), cold_rows.gradients:totable()
  lu.assertNotEquals(spent, spent_cold)
  local asked, asked_cold = rows.scores:totable(), cold_rows.scores:totable()
  local verdict, more = rows.verdict:totable(), 0
  for i = 1, 20 do
    lu.assertEquals({ spent[i][1], spent[i][2] }, { spent_cold[i][1], spent_cold[i][2] })
    for k = 3, 4 do -- both runs count
      if verdict[i][k - 1] ~= 4 then
        lu.assertTrue(spent[i][k] >= spent_cold[i][k] and asked[i][k] >= asked_cold[i][k])
        local both = verdict[i][k] < 3
        lu.assertTrue(not both or spent[i][k] >= 2 * spent_cold[i][k] and asked[i][k] >= 2 * asked_cold[i][k])
        more = more + (both and 1 or 0)
      end
    end
  end
  lu.assertTrue(more > 0)
end

function TestSecurityCells:test_repeats()
  local twice = evaluated { repeats = 2 }
  lu.assertEquals(twice.seeds, { 2, 3 })
  lu.assertEquals(twice.n, 40)
  local at = {}
  for _, cell in ipairs(twice.cells) do at[cell.seed] = cell.rows.at:totable() end
  lu.assertEquals(at[2], whole.cells[1].rows.at:totable())
  lu.assertNotEquals(at[2], at[3])
  local seen = {}
  for _, position in ipairs(at[3]) do
    lu.assertNil(seen[position])
    seen[position] = true
  end
  -- the second one alone, and both merged
  local merged = evaluate.merge { evaluated(), evaluated { repeats = { 2 } } }
  lu.assertEquals(merged.counts, twice.counts)
  lu.assertEquals(merged.seeds, { 2, 3 })
  lu.assertErrorMsgContains("nr under pgd with seed 2 has sample", evaluate.merge, { whole, twice })
end

function TestSecurityCells:test_merging_attacks_and_models()
  local parts = {}
  for name, model in pairs { nr = rejector, svm = machine } do
    for _, one in ipairs { pgd, attack.fgsm { norm = "l2" } } do
      parts[#parts + 1] = evaluated { models = { [name] = model }, attacks = { one } }
    end
  end
  local merged = evaluate.merge(parts)
  lu.assertEquals(merged.counts, whole.counts)
  lu.assertEquals(merged.by_attack.fgsm.counts, whole.by_attack.fgsm.counts)
  lu.assertErrorMsgContains("number 2: dmax is 0, 1 there and 0, 0.5, 1, 2 in those before", evaluate.merge,
    { whole, evaluated { dmax = { 0, 1 } } })
  lu.assertErrorMsgContains("number 1: expected what evaluate.security gave, got 3", evaluate.merge, { 3 })
  lu.assertErrorMsgContains("expected a list of what evaluate.security gave", evaluate.merge, {})
end

-- Thresholds on copies; the models keep theirs.
function TestSecurityCells:test_validation()
  local validation = data.digits(50, { seed = 3, classes = { 1, 4, 7 } })
  local before = rejector.threshold
  local s = evaluated { validation = validation, rejection_rate = 0.3 }
  lu.assertEquals(rejector.threshold, before)
  local threshold = rejector:threshold_for(0.3, validation)
  lu.assertEquals(s.thresholds, { nr = { [2] = threshold } })
  local copy = reject.new { model = machine, threshold = threshold }
  lu.assertEquals(s.counts, evaluated({ models = { nr = copy, svm = machine } }).counts)
  lu.assertStrContains(tostring(s), "thresholds for 30 % rejected")
  lu.assertEquals(whole.thresholds, { nr = { [2] = before } })
  raises("rejection_rate: thresholds are set on samples that are not attacked: give validation", {
    rejection_rate = 0.3 })
  raises("validation: lua is written in Lua and has no threshold to set", {
    models = { lua = bumps.new(-0.3) }, validation = validation })
end

function TestSecurityCells:test_models_that_are_built()
  local asked = {}
  local s = evaluated {
    models = { built = function(r)
      asked[#asked + 1] = r
      return r == 1 and machine or rejector
    end }, repeats = 2, attacks = { pgd },
  }
  lu.assertEquals(asked, { 1, 2 })
  lu.assertEquals(s.cells[1].rows.start_scores.shape, { 20, 3 })
  lu.assertEquals(s.cells[2].rows.start_scores.shape, { 20, 4 })
  raises("models: built: expected its function to give a fitted model for repeat 1, got 3", {
    models = { built = function() return 3 end } })
end

-- Anything that runs and makes others of itself.
function TestSecurityCells:test_an_attack_of_ones_own()
  local own = { name = "own", norm = "l2" }
  function own:with(changes)
    local copy = setmetatable({}, { __index = self })
    for name, value in pairs(changes) do copy[name] = value end
    return copy
  end
  function own:run(samples, options)
    lu.assertEquals(options.seed, 2)
    return attack.pgd({ norm = "l2", max_iter = 10, model = self.model, dmax = self.dmax }):run(samples)
  end
  local s = evaluated { attacks = { own, pgd }, warm = false }
  for _, name in ipairs(s.models) do
    lu.assertEquals(s.by_attack.own.counts[name], s.by_attack.pgd.counts[name])
  end
  function own:run() return self.model end
  raises("attacks: own: run gave no result of 7 samples; attack.judge makes one", { attacks = { own } })
  own.norm = "linf"
  raises("attacks: all need one norm, in which dmax is; own has linf, pgd l2", { attacks = { own, pgd } })
end

function TestSecurityCells:test_targeted()
  local targeted = attack.pgd { norm = "l2", target = 7, max_iter = 20 }
  local s = evaluated { attacks = { targeted }, dmax = { 0, 1, 3 } }
  local before = -1
  for _, counts in ipairs(s.counts.svm) do
    lu.assertTrue(counts.hit >= before)
    before = counts.hit
  end
  local sevens = 0
  for _, label in ipairs(s.cells[#s.cells].rows.start_label:totable()) do
    sevens = sevens + (label == 7 and 1 or 0)
  end
  lu.assertEquals(s.counts.svm[1].hit, sevens)
  lu.assertTrue(before > sevens)
end

function TestSecurityCells:test_errors()
  raises("attacks: give attack or attacks, not both", { attack = pgd })
  raises("attacks: number 2 is neither an attack nor { name, attack }", { attacks = { pgd, 3 } })
  raises("attacks: expected attacks by name", { attacks = {} })
  raises("samples: expected a whole number from 1 to 60, got 61", { samples = 61 })
  raises("repeats: expected", { repeats = { 2, 1 } })
  raises("repeats: expected a whole number", { repeats = 0 })
  raises("block: expected a whole number, 1 or more, got 0", { block = 0 })
  raises('warm: expected true or false, got the string "no"', { warm = "no" })
  raises("seed: expected a whole number", { seed = 1.5 })
  raises("checkpoint: expected a folder's name, got 3", { checkpoint = 3 })
  raises("unknown option 'repeat'", { ["repeat"] = 3 })
  raises("data: expected a dataset to attack", { data = 3 })
end

-- ---- Files ---------------------------------------------------------------------------------------

TestSecurityFiles = {}

local function with_path(use)
  local path = os.tmpname()
  local answers = table.pack(pcall(use, path))
  os.remove(path)
  if not answers[1] then error(answers[2], 0) end
  return table.unpack(answers, 2, answers.n)
end

local function text_of(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

function TestSecurityFiles:test_save_and_load()
  with_path(function(path)
    lu.assertEquals(whole:save(path), path)
    local loaded = evaluate.load(path)
    lu.assertEquals(tostring(loaded), tostring(whole))
    lu.assertEquals(loaded.counts, whole.counts)
    lu.assertTrue(loaded.cells[1].rows.answer:eq(whole.cells[1].rows.answer):all())
    lu.assertEquals(plot.script("security", loaded, { file = "s.svg" }),
      plot.script("security", whole, { file = "s.svg" }))
  end)
  lu.assertErrorMsgContains("evaluate.load: path: expected a string", evaluate.load, 3)
  with_path(function(path) lu.assertErrorMsgContains("evaluate.load: ", evaluate.load, path) end)
  with_path(function(path)
    rejector:save(path)
    lu.assertErrorMsgContains("was not written by save", evaluate.load, path)
  end)
end

-- An array has no labels: models are held to their own answers, and what is printed, saved, merged says so.
function TestSecurityFiles:test_data_without_labels()
  local words = "no labels: what each model answers before the attack is taken for the truth"
  local options = { data = clean.x, models = { svm = machine }, attacks = { pgd }, dmax = 1, samples = 16 }
  local security, shards = evaluated(options), {}
  lu.assertEquals(security.counts.svm[1].wrong, 0)
  for i = 1, 2 do
    options.shard = { i, 2 }
    shards[i] = evaluated(options)
  end
  for _, one in ipairs { security, shards[1], evaluate.merge(shards), with_path(function(path)
    return evaluate.load(security:save(path))
  end) } do
    lu.assertTrue(one.unlabelled)
    lu.assertStrContains(tostring(one), words)
  end
  with_path(function(path)
    evaluate.report(security, path)
    lu.assertStrContains(text_of(path), "What each model answers before the attack is taken for the truth.")
  end)
  lu.assertNil(whole.unlabelled)
  lu.assertNotStrContains(tostring(whole), "no labels")
end

function TestSecurityFiles:test_rows()
  local rows = whole:rows()
  lu.assertEquals(#rows, 2 * 3 * 4)
  for _, row in ipairs(rows) do
    local counts = row.attack == "all" and whole.counts or whole.by_attack[row.attack].counts
    local k = ({ [0] = 1, [0.5] = 2, [1] = 3, [2] = 4 })[row.dmax]
    lu.assertEquals(row.evaded, counts[row.model][k].evaded)
    lu.assertAlmostEquals(row.accuracy, row.robust / 20, 1e-15)
    lu.assertTrue(row.low <= row.accuracy and row.accuracy <= row.high)
  end
  local last = rows[4]
  local cell = whole.cells[1]
  lu.assertEquals({ last.model, last.attack, last.dmax }, { "nr", "pgd", 2 })
  lu.assertAlmostEquals(last.queries, (cell.rows.scores:sum() + cell.rows.gradients:sum()) / 20, 1e-9)
end

function TestSecurityFiles:test_texts()
  with_path(function(path)
    whole:csv(path)
    local lines = {}
    for line in io.lines(path) do lines[#lines + 1] = line end
    lu.assertEquals(#lines, 25)
    lu.assertStrMatches(lines[1], "model,attack,dmax,samples,correct,rejected,wrong,evaded,failed,robust,.*")
    lu.assertStrMatches(lines[2], "nr,pgd,0.?0?,20,.*")
    whole:latex(path)
    local latex = text_of(path)
    lu.assertStrContains(latex, "\\begin{tabular}{llrrrrrrrrrrrrr}")
    lu.assertEquals(select(2, latex:gsub(" \\\\\n", "")), 25)
    whole:json(path)
    lu.assertStrContains(text_of(path), '"attacks":["pgd","fgsm"]')
    whole:npz(path)
    local arrays = data.read_npz(path)
    lu.assertTrue(arrays["nr/pgd/2/verdict"]:eq(whole.cells[1].rows.verdict):all())
    lu.assertEquals(arrays.dmax:totable(), whole.dmax)
  end)
  for _, name in ipairs { "csv", "latex", "json", "npz", "save" } do
    lu.assertErrorMsgContains(name .. ": path: expected a string, got 3", whole[name], whole, 3)
    lu.assertErrorMsgContains(name .. ": ", whole[name], whole, "/nowhere/at/all")
  end
end

-- Names that mean something to LaTeX and CSV stay names.
function TestSecurityFiles:test_names()
  local s = evaluated { models = { ['a_b,"c"&%'] = machine }, attacks = { pgd } }
  with_path(function(path)
    s:csv(path)
    lu.assertStrContains(text_of(path), '"a_b,""c""&%",pgd,')
    s:latex(path)
    lu.assertStrContains(text_of(path), 'a\\_b,"c"\\&\\% & pgd')
  end)
end

-- One line a model and attack; a band over repeats.
function TestSecurityFiles:test_figure()
  local figure = require("perigee.plot.security").figure
  local fig = figure("test", whole, {})
  lu.assertEquals(fig.title, "pgd + fgsm, l2, 20 samples")
  local labels = {}
  for _, series in ipairs(fig[1].series) do labels[#labels + 1] = series.label end
  lu.assertItemsEquals(labels, { "nr, pgd", "svm, pgd", "nr, fgsm", "svm, fgsm" })
  fig = figure("test", evaluated { repeats = 3, attacks = { pgd } }, {})
  lu.assertEquals(fig.title, "pgd, l2, 20 samples, 3 times")
end

local function labels_of(panel)
  local labels = {}
  for _, entry in ipairs(panel.entries) do labels[#labels + 1] = entry.label end
  return labels
end

-- What a line's points are.
local function heights(series)
  return series.y[1]:totable()
end

-- A panel an attack, with its models' accuracies in the colours that they have everywhere.
function TestSecurityFiles:test_a_panel_for_each_attack()
  local figure = require("perigee.plot.security").figure
  local fig = figure("test", whole, { panels = "attack" })
  lu.assertEquals({ fig.title, #fig }, { "l2, 20 samples", 2 })
  lu.assertEquals({ fig[1].title, fig[2].title }, whole.attacks)
  lu.assertEquals({ labels_of(fig[1]), labels_of(fig[2]) }, { { "nr", "svm" }, {} })
  for p, name in ipairs(whole.attacks) do
    lu.assertEquals(fig[p].ylabel, "robust accuracy with detection")
    lu.assertEquals(#fig[p].series, 2)
    for m, model in ipairs(whole.models) do
      local shares = {}
      for k, c in ipairs(whole.by_attack[name].counts[model]) do shares[k] = c.robust / 20 end
      lu.assertAlmostEquals(heights(fig[p].series[m]), shares, 1e-12)
      lu.assertEquals({ fig[p].series[m].color, fig[p].series[m].dash }, { fig[1].series[m].color, 1 })
    end
  end
  local repeated = evaluated { repeats = 3 }
  fig = figure("test", repeated, { panels = "attack" })
  lu.assertEquals({ fig.title, #fig[1].series, #fig[2].series }, { "l2, 20 samples, 3 times", 4, 4 })
end

-- Circles are in the panel of the attack that was masked, its word in the one legend.
function TestSecurityFiles:test_panels_that_prove_nothing()
  local figure = require("perigee.plot.security").figure
  local views = whole:views()
  views[1].flat["nr, fgsm"] = { 0, 0, 20, 20 }
  local s = { models = whole.models, attacks = whole.attacks, views = function() return views end }
  local fig = figure("test", s, { panels = "attack" })
  lu.assertEquals({ #fig[1].series, #fig[2].series }, { 2, 3 })
  lu.assertEquals(fig[2].series[3].x[1]:totable(), { 1, 2 })
  lu.assertEquals({ labels_of(fig[1]), labels_of(fig[2]) }, { { "nr", "svm", "masked" }, {} })
  s = { models = views[1].models, dmax = whole.dmax, counts = views[1].counts, n = 20 }
  lu.assertErrorMsgContains("panels: only what evaluate.security gives knows its attacks", figure, "test", s,
    { panels = "attack" })
  lu.assertErrorMsgContains('panels: expected "rates" or "attack", got the string "x"', figure, "test", whole,
    { panels = "x" })
end

-- ---- Counting ------------------------------------------------------------------------------------

TestCounts = {}

-- Cells of random rows, as counts.lua counts them by columns, are counted sample by sample here.
local function by_sample(group, radii)
  local found, flat = {}, {}
  for k = 1, radii do
    local sums = { correct = 0, rejected = 0, wrong = 0, evaded = 0, failed = 0, robust = 0, hit = 0 }
    flat[k] = 0
    for _, places in ipairs(cells.shared(group)) do
      local now = piece.verdicts[(cells.worst(cells.column(group, places, "verdict", k)))]
      local before = piece.verdicts[cells.lists(group[1], "start")[places[1]]]
      local any_hit, all_flat = false, true
      for c, cell in ipairs(group) do
        any_hit = any_hit or cells.lists(cell, "hit")[places[c]][k] == 1
        all_flat = all_flat and cells.lists(cell, "flat")[places[c]][k] == 1
      end
      sums[now] = sums[now] + 1
      local held = now == "correct" or now == "rejected"
      if before == "correct" and held then sums.robust = sums.robust + 1 end
      if any_hit then sums.hit = sums.hit + 1 end
      if all_flat then flat[k] = flat[k] + 1 end
    end
    found[k] = sums
  end
  return found, flat
end

local function random_cell(at, seed)
  local n = #at
  local function numbers(low, high, stream, columns)
    local drawn = array.rand(n, columns, { seed = 10 * seed + stream })
    return (drawn * (high - low + 1) + low):floor():astype "i32"
  end
  return { rows = { at = array.new(at, { dtype = "i32" }), start = numbers(1, 3, 1, 1):reshape(n),
    verdict = numbers(1, 5, 2, 2), flat = numbers(0, 1, 3, 2), hit = numbers(0, 1, 4, 2) } }
end

function TestCounts:test_columns_are_counted_as_samples_are()
  local all, some, later = {}, {}, {}
  for i = 1, 200 do all[i], some[i], later[i] = i, 201 - i, 150 + i end
  for _, orders in ipairs { { all }, { all, all, all }, { all, some }, { all, later, some } } do
    local group = {}
    for c, at in ipairs(orders) do group[c] = random_cell(at, c) end
    local found, flat = counting.of({ group }, 2)
    local wanted, wanted_flat = by_sample(group, 2)
    lu.assertEquals(found, wanted)
    lu.assertEquals(flat, wanted_flat)
    lu.assertTrue(found[1].evaded > 0 and found[1].robust > 0 and flat[2] > 0)
  end
  local apart = { random_cell({ 1, 2 }, 1), random_cell({ 3, 4 }, 2) }
  lu.assertEquals(counting.of({ apart }, 1)[1].evaded, 0)
end
