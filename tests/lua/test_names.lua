-- Whoever is called wrongly says which function it was: every message of a library's function or of a method
-- begins with the name that users call it by, as the help has it.
local lu = require "luaunit"

local help = require "perigee.help"
local libraries = require "perigee.libraries"

local x = array.randn(12, 4, { seed = 1 }) * 0.1 + 0.5
local ds = data.new { x = x, y = { 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2 } }

-- A state whose step has ended.
local function state_of(net)
  local kept
  local function step(state)
    kept = state
    return state.x
  end
  attack.define({ name = "probe", step = step }) { model = net, dmax = 1, max_iter = 1 }:run(ds)
  return kept
end

-- An object of each type.
local function objects()
  local net = nn.new { input = { 4 }, classes = { 0, 1, 2 }, seed = 1, nn.linear { out = 3, name = "fc" } }
  local machine = svm.new():fit(ds)
  local result = attack.fgsm({ model = net, dmax = 0.1 }):run(ds)
  local report = metrics.report(net, ds)
  return {
    array = array.zeros(2, 2), dataset = ds, net = net, svm = machine, nr = reject.new { model = net },
    layer = reject.layer { net = net, layer = "fc", classifier = svm.new() },
    preprocess = reject.preprocess(machine, function(points) return points * 1.0 end),
    dnr = dnr.new { net = net, layers = { "fc" }, layer_classifier = svm.new(), combiner = svm.new() },
    attack = attack.pgd { model = net, dmax = 1 }, ensemble = attack.ensemble { attack.pgd {} },
    state = state_of(net), result = result,
    report = report, confusion = report.confusion, interval = metrics.wilson(1, 2),
    roc = metrics.roc({ 1, 2 }, { 0, 1 }), diagnosis = evaluate.diagnose(result),
    security = evaluate.security { models = { net = net }, attack = attack.fgsm {}, data = ds,
      dmax = { 0, 1 } },
    history = nn.train(net, ds, { epochs = 1, seed = 1 }), figure = plot.figure(), panel = plot.figure()[1],
  }
end

-- The names that its message may begin with: the help's, and of a method the type's own.
local function names_of(full)
  local names, entry = { full }, help.find(full)
  if entry then names[2] = entry.name end
  return names
end

-- The message of a call without its place in a file; nil if it went well.
local function message_of(f, ...)
  local ok, message = pcall(f, ...)
  if ok then return nil end
  return (tostring(message):gsub("^[^\n:]+:%d+: ", ""))
end

-- Of an attack's methods the attack's own name says more: attack.pgd.
local function is_named(message, full)
  for _, name in ipairs(names_of(full)) do
    if message:sub(1, #name) == name and message:find("^:", #name + 1) then return true end
  end
  return full:find "^attack:" ~= nil and message:find "^attack%.pgd: " ~= nil
    or full:find "^ensemble:" ~= nil and message:find "^attack%.ensemble: " ~= nil
end

-- What no function takes.
local strange = coroutine.create(function() end)

-- Call everything without arguments and with what it cannot take, first or behind what it may take; what
-- accepts that is not heard of again.
local function nameless(full, f, object, list)
  local calls = { {}, { strange } }
  local draws = full:find "^plot%." -- and would write a file here
  for _, first in pairs(object and { object } or draws and {} or { "word", 2, x, ds, {}, print }) do
    calls[#calls + 1] = { first }
    calls[#calls + 1] = { first, strange }
    calls[#calls + 1] = { first, first, strange }
  end
  if object then
    for _, second in ipairs { "word", 2, x, ds, {} } do calls[#calls + 1] = { object, second, strange } end
  end
  for _, arguments in pairs(calls) do
    local message = message_of(f, table.unpack(arguments))
    if message and not is_named(message, full) then
      list[#list + 1] = ("%s said: %s"):format(full, message)
    end
  end
end

local function told(list)
  table.sort(list)
  lu.assertEquals(table.concat(list, "\n"), "")
end

TestNames = {}

for _, library in ipairs(libraries) do
  TestNames["test_" .. library] = function()
    local list = {}
    for name, f in pairs(_G[library]) do
      if type(f) == "function" then nameless(library .. "." .. name, f, nil, list) end
    end
    told(list)
  end
end

function TestNames.test_methods()
  local list, seen = {}, 0
  for kind, object in pairs(objects()) do
    local meta = debug.getmetatable(object)
    local methods = rawget(meta, "methods") or meta
    for name, f in pairs(methods) do
      if type(f) == "function" and not name:find "^__" then
        local shown = name ~= "show" and object or nil -- which would write a file here
        nameless((rawget(array, name) == f and "array." or kind .. ":") .. name, f, shown, list)
        seen = seen + 1
      end
    end
  end
  lu.assertTrue(seen > 200, seen)
  told(list)
end

-- One word for what is not there, and no raw words of Lua's.
function TestNames.test_what_came()
  local describe = require("perigee.native").describe
  for value, words in pairs { [3] = "3", [0.5] = "0.5", [true] = "true", ["a\nb"] = 'the string "a\\nb"' } do
    lu.assertEquals(describe(value), words)
  end
  lu.assertEquals(describe(nil), "nothing")
  lu.assertEquals(describe(), "nothing")
  lu.assertEquals(describe(print), "a function")
  lu.assertEquals(describe {}, "a table")
  lu.assertEquals(describe(array.zeros(2, 3)), "an array f32[2x3]")
  lu.assertEquals(describe(attack.ensemble { attack.pgd {} }), "an ensemble")
  lu.assertEquals(describe(metrics.wilson(1, 2)), "an interval")
  for _, call in ipairs {
    function() save() end, function() time() end, function() bench() end, -- luacheck: ignore
    function() array.zeros() end, function() perigee.load() end, function() metrics.accuracy() end,
    function() plot.attack() end, function() evaluate.security { data = ds, models = {}, attack = nil } end,
    function() attack.halving { stages = nil }:run() end, function() data.save_npz("x.npz") end,
  } do
    local ok, message = pcall(call)
    lu.assertFalse(ok)
    lu.assertNotStrContains(message, "got nil")
    lu.assertNotStrContains(message, "got a nil")
  end
end
