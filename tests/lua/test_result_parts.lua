-- Some samples of a result are a result like any other: printed, saved, judged, drawn.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local models = dofile "tests/lua/bumps.lua"

local x = array.new { { 0.1, 0.2, 0.8 }, { 0.8, 0.1, 0.2 }, { 0.2, 0.8, 0.1 }, { 0.4, 0.4, 0.3 },
  { 0.3, 0.2, 0.7 } }
local samples = data.new { x = x, y = { 0, 1, 2, 0, 0 } }
local model = models.new(-0.6, { gradient_is = "surrogate" })
local dmax = array.new({ 0.1, 0.5, 0.9, 0.4, 0.7 }, { dtype = "f64" })
local pgd = attack.pgd { model = model, dmax = dmax, iterates = true }
local whole = pgd:run(samples, { target = { 1, 2, 0, 1, 2 } })
local joined = attack.ensemble { attack.pgd { dmax = 0.1 }, attack.pgd { dmax = 0.5 } }:run(samples,
  { model = model })

local arrays = "x0 x_adv y label start_label target scores start_scores distance dmax source kernel_end"
local lists = "verdict start_verdict stop hit flat loss trace trace_distance gradient_norm iterates"

local function plain(value)
  return type(value) == "userdata" and value:totable() or value
end

-- Everything that hangs on a sample is that of the sample at the position.
local function check(part, of, positions)
  lu.assertEquals(#part, #positions)
  for name in arrays:gmatch "%S+" do
    lu.assertEquals(part[name] == nil, of[name] == nil, name)
    if of[name] then lu.assertEquals(part[name]:totable(), of[name]:take(positions):totable(), name) end
  end
  for name in lists:gmatch "%S+" do -- a list is there where all samples have something in it
    for i, at in ipairs(of[name] and positions or {}) do
      lu.assertEquals(plain(part[name][i]), plain(of[name][at]), name)
    end
  end
  for name, counts in pairs(of.evaluations) do
    lu.assertEquals(part.evaluations[name]:totable(), counts:take(positions):totable(), name)
  end
  local whole_again = table.concat(positions, " ") == "1 2 3 4 5"
  lu.assertEquals(part.params.taken_from, not whole_again and #of or nil)
end

TestResultParts = {}

function TestResultParts:test_ranges_and_positions()
  for _, of in ipairs { whole, joined } do
    check(of[{ 2, 4 }], of, { 2, 3, 4 })
    check(of[{ -2 }], of, { 4, 5 })
    check(of[{ 5, 1, -2 }], of, { 5, 3, 1 })
    check(of[{ 4, 100 }], of, { 4, 5 }) -- as slices of arrays
    check(of[{}], of, { 1, 2, 3, 4, 5 })
    check(of:take { 3, -1, 3 }, of, { 3, 5, 3 })
    check(of:take { 3, 1, 3, 5, 5 }, of, { 3, 1, 3, 5, 5 })
    check(of[array.new({ 5, 4, 3, 2, 1 }, { dtype = "i32" })], of, { 5, 4, 3, 2, 1 })
    check(of[of.distance:ge(0)], of, { 1, 2, 3, 4, 5 })
    check(of:take(array.new({ 2 }, { dtype = "i32" })), of, { 2 })
    check(of[{ 2, 4 }][{ 2, 3 }]:take { 1, 2 }, of, { 3, 4 }) -- of a part, which knows how many there were
  end
  lu.assertEquals(samples[{ 5, 1, -2 }].y:totable(), { 0, 2, 0 })
  raises("expected {first, last [, step]}", function() return whole[{ 1, 2, 3, 4 }] end)
  raises("a step of 0", function() return whole[{ 1, 2, 0 }] end)
  raises("position 6 of 5 samples", whole.take, whole, { 6 })
  raises("a range {first, last}", function() return whole[true] end)
end

function TestResultParts:test_where()
  local native = require "perigee.native"
  lu.assertEquals(native.verdicts, { "correct", "rejected", "wrong", "evaded", "failed" })
  for _, word in ipairs(native.verdicts) do
    lu.assertEquals(#whole:where(word), whole:counts()[word], word)
    for _, verdict in ipairs(whole:where(word).verdict) do lu.assertEquals(verdict, word) end
  end
  lu.assertEquals(#whole:where "robust", whole:counts().robust)
  lu.assertEquals(#whole:where "hit", whole:counts().hit)
  local stopped = 0 -- every word that a sample's stop may be is a condition
  for _, word in ipairs(native.stops) do stopped = stopped + #whole:where(word) end
  lu.assertEquals(stopped, #whole)
  lu.assertEquals(#whole:where "still" + #whole:where "max_iter" + #whole:where "reached", 5)
  check(joined:where(joined.distance:gt(0.2)), joined, joined.distance:gt(0.2):nonzero():totable())
  check(whole:where { true, false, false, true, false }, whole, { 1, 4 })
  check(whole:where { 0, 1, 0, 0, 1 }, whole, { 2, 5 })
  check(whole:where(function(one, i) return #one == 1 and (i > 3 or one.y[1] == 1) end), whole, { 2, 4, 5 })
  raises("result:where: condition: unknown word 'evade'; did you mean 'evaded'? (valid: correct, rejected,",
    whole.where, whole, "evade")
  raises("of this result 'hit' is not known: it has no targets", joined.where, joined, "hit")
  raises("expected one for each of 5 samples, got 2", whole.where, whole, { true, true })
  raises("number 3: expected true or false, or 1 or 0, got 2", whole.where, whole, { 1, 0, 2, 1, 1 })
  raises("a function of a result of one sample, or a mask, got", whole.where, whole)
end

-- Files, other judges, measures and pages take a part, and one of no samples, as they take the whole.
function TestResultParts:test_are_results()
  local path = os.tmpname()
  for _, of in ipairs { whole, joined } do
    for _, positions in ipairs { { 4, 2 }, {}, { 1 } } do
      local part = of:take(positions)
      check(perigee.load(part:save(path)), of, positions)
      lu.assertStrContains(tostring(part), #positions == 1 and "class 0" or #positions .. " samples")
      check(part:rescore(model), of:rescore(model), positions)
      lu.assertEquals(part:rescore(model).verdict, part.verdict)
    end
  end
  lu.assertStrContains(tostring(joined[{ 2, 4 }]), "part (on all 5 samples)")
  lu.assertNotStrContains(tostring(joined), "on all")
  local worst = attack.worst { joined[{ 1, 3 }], joined[{ 1, 3 }] }
  lu.assertNil(worst.params.taken_from)
  lu.assertEquals(worst.verdict, joined[{ 1, 3 }].verdict)
  local held = whole[{ 2, 5 }]
  lu.assertAlmostEquals(metrics.robust_accuracy(held), held:counts().robust / 4, 1e-15)
  evaluate.report(joined[{ 1, 3 }], path)
  lu.assertStrContains(io.open(path):read "a", "Parts, on all 5 samples of the run")
  raises("there are no samples in this result", evaluate.report, joined:take {}, path)
  for _, recipe in ipairs { "attack", "attacks" } do
    raises("plot." .. recipe .. ": there are no samples in this result", plot[recipe], joined:take {},
      { file = path .. ".svg" })
  end
  lu.assertStrContains(plot.script("attack", joined[{ 1, 1 }], { file = "x.svg" }), "plot")
  os.remove(path)
end
