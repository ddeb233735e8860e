-- What was made of the user's tables and arrays looked at them again later: radii that were changed after an
-- evaluation relabelled its rows, and its file could not be read; changed while it ran they ended it with
-- another function's words; layers, attacks on other ranks and figures changed with what they were told.

local lu = require "luaunit"
local definitions = require "perigee.definitions"

TestTablesKept = {}

local net = nn.new { input = { 2 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }
local points = data.new { x = { { 0.2, 0.7 }, { 0.6, 0.3 }, { 0.9, 0.1 } }, y = { 0, 1, 1 } }

local function evaluated(options)
  local all = { models = { net = net }, attack = attack.pgd { norm = "l2", max_iter = 3 }, data = points,
    seed = 1, noise = false }
  for name, value in pairs(options) do all[name] = value end
  return evaluate.security(all)
end

function TestTablesKept:test_radii()
  local radii, path = { 0, 0.2, 0.5 }, os.tmpname() .. ".safetensors"
  local security = evaluated { dmax = radii }
  local before = tostring(security)
  radii[1], radii[2], radii[4] = 5, -1, "far"
  lu.assertEquals(tostring(security), before)
  lu.assertEquals(tostring(evaluate.load(security:save(path))), before)
  os.remove(path)
end

function TestTablesKept:test_radii_changed_on_the_way()
  local radii = { 0, 0.2, 0.5 }
  local fixed = tostring(evaluated { dmax = { 0, 0.2, 0.5 }, models = { net = function() return net end } })
  local security = evaluated { dmax = radii, models = { net = function()
    radii[2], radii[4] = 7, 9
    return net
  end } }
  lu.assertEquals(tostring(security), fixed)
end

-- The attack is as it was when the evaluation began, as its settings say.
function TestTablesKept:test_attacks_changed_on_the_way()
  local pgd = attack.pgd { norm = "l2", max_iter = 3 }
  local security = evaluated { attack = pgd, dmax = 0.5, models = { net = function()
    pgd.norm, pgd.max_iter = "linf", 50
    return net
  end } }
  local fixed = evaluated { dmax = 0.5, models = { net = function() return net end } }
  lu.assertEquals(security:rows()[1].queries, fixed:rows()[1].queries)
end

function TestTablesKept:test_merged()
  local one, other = evaluated { dmax = { 0, 1 } }, evaluated { dmax = { 0, 1 }, models = { also = net } }
  local merged = evaluate.merge { one, other }
  merged.dmax[2] = 9
  lu.assertEquals(one.dmax, { 0, 1 })
end

function TestTablesKept:test_layers()
  local sizes, initial = { 2 }, array.new { 3, 4 }
  local said = { w = sizes, v = { 2, initial = initial } }
  local scaled = nn.layer { name = "scaled_by_kept", parameters = said,
    forward = function(layer, x) return x * layer.w * layer.v end }
  sizes[1], said.w, said.u = 5, { 3 }, { 1 }
  initial:fill(9)
  local weights = nn.new { input = { 2 }, scaled {} }:weights()
  local v
  for name, value in pairs(weights) do v = name:find "v$" and value or v end
  lu.assertEquals(v:totable(), { 3, 4 })
  local noted = select(2, definitions.get(definitions.number(scaled))).definition
  lu.assertEquals({ noted.parameters.w, noted.parameters.u }, { { 2 } })
end

-- A suite's options are set again of the parts that another model asks for.
function TestTablesKept:test_suites()
  local within = { 0.1, 0.2, 0.3 }
  local auto = attack.auto { model = net, norm = "l2" }
  auto.dmax = within
  within[1] = 7
  local again = auto:with { model = reject.new { model = net, threshold = 0 } }
  lu.assertAlmostEquals(again.dmax:totable()[1], 0.1, 1e-6)
end

function TestTablesKept:test_figures()
  local figure, heights, words = plot.figure {}, array.new({ 1, 2, 3 }, { dtype = "f64" }), { "a", "b", "c" }
  figure:bars(words, heights)
  figure.ytics = { at = { 1, 2 }, words = words }
  local script = figure:script()
  heights:fill(7)
  words[1] = {}
  lu.assertEquals(figure:script(), script)
end

-- A default that is a table is the same at each call, whatever the last call did with it.
function TestTablesKept:test_recipes()
  local default, got = { 1, 2 }, {}
  plot.recipe("kept_default", { options = { at = { default } }, figure = function(_, options)
    got[#got + 1] = table.concat(options.at, " ")
    options.at[1] = 9
    return plot.figure {}
  end })
  default[2] = 8
  for _ = 1, 2 do plot.script("kept_default", 1) end
  lu.assertEquals(got, { "1 2", "1 2" })
end
