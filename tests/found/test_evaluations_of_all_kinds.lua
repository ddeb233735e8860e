-- Evaluations counted what was not there: two models of one name, samples that only one of several attacks
-- had seen, repeats of the same samples as more evidence, targets of other samples, another model's pieces.

local lu = require "luaunit"
local bumps = dofile "tests/lua/bumps.lua"

TestEvaluations = {}

local ds = data.digits(300, { seed = 1, classes = { 1, 7 } })
local few = data.digits(24, { seed = 2, classes = { 1, 7 } })
local machine = svm.new({ kernel = svm.rbf(0.02), C = 10 }):fit(ds)
local other = svm.new({ kernel = svm.linear(), C = 10 }):fit(ds)
local pgd = attack.pgd { norm = "l2", max_iter = 5 }

local function evaluated(more)
  local options = { models = machine, attacks = { pgd }, data = few, dmax = { 0, 0.5, 1 }, seed = 1,
    noise = false }
  for name, value in pairs(more) do options[name] = value end
  local security = evaluate.security(options)
  return security
end

local function raises(words, more)
  local ok, message = pcall(evaluated, more)
  lu.assertFalse(ok)
  lu.assertStrContains(tostring(message), words)
  lu.assertStrContains(tostring(message), "test_evaluations_of_all_kinds.lua:")
end

function TestEvaluations:test_names()
  raises("models: give a list or names, not both; b has no place in a list", {
    models = { machine, b = other } })
  raises("attacks: noise is the name of the baseline", { attacks = { attack.noise { norm = "l2" } } })
  raises("attacks: all is the name of the worst", { attacks = { all = pgd } })
  local s = evaluated { models = { { "svm 2", machine }, { "svm", machine }, { "svm", other } } }
  lu.assertEquals(s.models, { "svm 2", "svm", "svm 3" })
  lu.assertEquals(#s.cells, 3)
  s = evaluated { models = { ["a/b"] = machine, a = other }, attacks = { c = pgd, ["b/c"] = pgd } }
  local path = os.tmpname()
  s:npz(path)
  local count = 0
  for name in pairs(data.read_npz(path)) do count = count + (name:find "verdict" and 1 or 0) end
  os.remove(path)
  lu.assertEquals(count, 4)
end

function TestEvaluations:test_what_is_of_single_samples()
  local labels = {}
  for i = 1, 24 do labels[i] = 1 end
  raises("attacks: pgd: target: expected one for all samples", {
    attacks = { attack.pgd { norm = "l2", target = labels } } })
  raises("attacks: pgd: start: expected one for all samples", {
    attacks = { attack.pgd { norm = "l2", start = few } } })
  raises("attacks: pgd: max_queries: expected one for all samples", {
    attacks = { attack.pgd { norm = "l2", max_queries = labels } } })
end

function TestEvaluations:test_the_same_samples_twice()
  raises("repeats: all of them would have the same samples", { repeats = 2 })
  raises("validation: these are the samples that are attacked", { validation = few })
  local function built() return machine end
  local once, often = evaluated { models = { m = built } }, evaluated { models = { m = built }, repeats = 4 }
  for i, row in ipairs(often:rows()) do
    local alone = once:rows()[i]
    lu.assertEquals(row.samples, 4 * alone.samples)
    lu.assertEquals({ row.accuracy, row.low, row.high }, { alone.accuracy, alone.low, alone.high })
  end
end

-- What is said of all attacks is of what all have attacked, and has cost what all have cost.
function TestEvaluations:test_all_attacks()
  local weak = attack.fgsm { norm = "l2" }
  local function part(attacks, repeats)
    return evaluated { attacks = attacks, samples = 8, repeats = repeats }
  end
  local merged = evaluate.merge { part({ weak }, { 1, 2, 3 }), part({ pgd }, { 2 }) }
  local both = part({ weak, pgd }, { 2 })
  lu.assertEquals(merged.by_attack.fgsm.n, 24)
  lu.assertEquals(merged.counts, both.counts)
  local rows = both:rows()
  for k = 1, 3 do
    lu.assertEquals(rows[6 + k].attack, "all")
    lu.assertAlmostEquals(rows[6 + k].queries, rows[k].queries + rows[3 + k].queries, 1e-9)
    lu.assertAlmostEquals(rows[6 + k].seconds, rows[k].seconds + rows[3 + k].seconds, 1e-9)
  end
  local text = tostring(merged)
  lu.assertStrContains(text, "samples")
  lu.assertStrContains(tostring(evaluate.merge { evaluated { models = { a = machine } },
    evaluated { models = { b = other }, attacks = { weak } } }), "\nb ")
end

function TestEvaluations:test_merging_what_differs()
  local a = evaluated { attacks = { x = pgd } }
  local b = evaluated { attacks = { y = pgd } }
  local c = evaluated { attacks = { y = attack.pgd { norm = "l2", max_iter = 50 } }, models = { z = other } }
  lu.assertErrorMsgContains("number 3: attack y is ", evaluate.merge, { a, b, c })
  local merged = evaluate.merge { a, b }
  local known = {}
  for _, setting in ipairs(merged.settings) do known[setting[1]] = setting[2] end
  lu.assertEquals(known.attacks, "x, y")
  lu.assertNotNil(known["attack y"])
  lu.assertErrorMsgContains("expected a list of what evaluate.security gave", evaluate.merge, a)
end

-- An ensemble of attacks that seek least distances finds at each radius what it finds there alone.
function TestEvaluations:test_ensembles_of_minimal_attacks()
  local weak, strong = attack.fmn { norm = "l2", max_iter = 3 }, attack.fmn { norm = "l2", max_iter = 60 }
  local e = attack.ensemble { weak, strong }
  local s = evaluated { attacks = { e } }
  for k = 2, 3 do
    local alone = e:with({ model = machine, dmax = s.dmax[k] }):run(few, { seed = 2 })
    lu.assertTrue(s.counts.svm[k].evaded >= alone:counts().evaded)
  end
  s = evaluated { attacks = { strong } }
  lu.assertEquals(s:rows()[1].queries, 0)
  lu.assertTrue(s:rows()[2].queries > 0)
end

function TestEvaluations:test_targeted_curves_never_rise()
  local s = evaluated { attacks = { attack.pgd { norm = "l2", max_iter = 10, target = 7 } },
    dmax = { 0, 0.3, 0.6, 0.9, 1.2, 1.5 } }
  for k = 2, #s.dmax do lu.assertTrue(s.counts.svm[k].robust <= s.counts.svm[k - 1].robust) end
  lu.assertEquals(s:rows()[1].hit, s.counts.svm[1].hit)
end

function TestEvaluations:test_answers_of_ones_own_attack()
  local own = { norm = "l2" }
  function own:with(changes) return setmetatable(changes, { __index = self }) end
  function own:run(samples)
    return attack.judge { model = self.model, x0 = samples, x_adv = -samples.x + 1, norm = "l2" }
  end
  raises("attacks: attack: run gave answers as far as ", { attacks = { own } })
  function own:run(samples)
    return attack.fgsm({ model = self.model, norm = "linf", dmax = 0.1 }):run(samples)
  end
  raises("attacks: attack: run gave answers in the norm linf, not l2", { attacks = { own } })
  function own:run(samples)
    return attack.fgsm({ model = self.model, norm = "l2", dmax = 0.1 }):run(few:slice(9, 8 + #samples))
  end
  raises("attacks: attack: run gave answers of other samples than it was given", { attacks = { own } })
  function own.run() end
  raises("attacks: attack: run gave no result", { attacks = { own } })
  function own.with() end
  raises("attacks: attack: expected with to give an attack, got nothing", { attacks = { own } })
end

-- ---- Folders -------------------------------------------------------------------------------------

local function with_folder(use)
  local folder = os.tmpname()
  os.remove(folder)
  local ok, message = pcall(use, folder)
  os.execute("rm -r '" .. folder .. "'")
  if not ok then error(message, 0) end
end

-- Models that have no checksum are known by their scores, built ones too; thresholds are in the folder.
function TestEvaluations:test_folders_of_models_without_checksums()
  local points = data.new { x = bumps.centres, y = { 0, 1, 2 } }
  local pairs_of = {
    { function() return machine end, function() return other end, few },
    { bumps.new(-0.3), bumps.new(-0.4), points },
  }
  for _, pair in ipairs(pairs_of) do
    with_folder(function(folder)
      local more = { models = { m = pair[1] }, data = pair[3], checkpoint = folder }
      local s = evaluated(more)
      lu.assertEquals(evaluated(more).counts, s.counts)
      more.models = { m = pair[2] }
      raises("the scores of m are not those of the finished pieces", more)
    end)
  end
  with_folder(function(folder)
    local more = { models = { nr = reject.new { model = machine, threshold = 0.25 } }, checkpoint = folder }
    lu.assertEquals(evaluated(more).thresholds, { nr = { [2] = 0.25 } })
    local again = evaluated(more)
    lu.assertEquals(again.thresholds, { nr = { [2] = 0.25 } })
    lu.assertEquals(again.written_by, perigee.header())
  end)
end

function TestEvaluations:test_what_a_suite_was()
  local s = evaluated { attacks = { attack.auto { norm = "l2", quick = true } } }
  local known = {}
  for _, setting in ipairs(s.settings) do known[setting[1]] = setting[2] end
  lu.assertStrContains(known["attack auto on svm"], "direction=log")
  local edited = attack.auto { norm = "l2", quick = true }
  edited[1] = attack.fgsm { norm = "l2" }
  lu.assertEquals(tostring(edited:with { model = machine }[1]),
    tostring(attack.fgsm { norm = "l2", model = machine }))
end
