-- Curves of an evaluation that was interrupted, with fewer samples of one model than of another, stood too
-- low.
local lu = require "luaunit"
local figure = require("perigee.plot.security").figure

TestUnfinishedCurves = {}

function TestUnfinishedCurves:test_shares_are_of_a_model_s_own_samples()
  local function counts(n)
    return { correct = n, rejected = n, wrong = 0, evaded = 0, failed = 0, robust = n }
  end
  local drawn = figure("test", { models = { "first", "second" }, dmax = { 1 }, n = 8, norm = "l2",
    counts = { first = { counts(4) }, second = { counts(2) } } }, {})
  for panel = 1, 2 do
    for line = 1, 2 do lu.assertEquals(drawn[panel].series[line].columns[2]:totable(), { 0.5 }) end
  end
end
