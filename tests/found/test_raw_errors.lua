-- Wrong arguments of plot and metrics ended in Lua's own words ("attempt to index a nil value") at a line of
-- the program's, or in those of another function. Each function gets hostile values at each argument and
-- option: what it says is one sentence that begins with its name.

local lu = require "luaunit"

TestRawErrors = {}

local made -- what is hostile, and what is right

local function models()
  local x = array.rand(30, 4, 4, { seed = 2 })
  local ds = data.new { x = x, y = x:reshape(30, 16):mean(2):gt(0.5) }
  local net = nn.new { input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1,
    nn.conv2d { out = 2, kernel = 3 }, nn.relu {}, nn.flatten {}, nn.linear { out = 2 } }
  local nr = reject.new { model = net }
  nr.threshold = nr:threshold_for(0.1, ds)
  local plane = data.new { x = array.rand(20, 2, { seed = 1 }), y = array.rand(20, { seed = 1 }):gt(0.5) }
  local machine = svm.new { kernel = svm.rbf(5), C = 1 }:fit(plane)
  local pgd = attack.pgd { model = nr, norm = "l2", dmax = 1, max_iter = 2, iterates = true }
  return { ds = ds, net = net, nr = nr, plane = plane, machine = machine, pgd = pgd,
    result = pgd:run(ds:slice(1, 4)),
    empty = pgd:run(ds:where(array.zeros({ 30 }, { dtype = "i32" }))),
    flat = pgd:with({ model = machine }):run(plane:slice(1, 3)),
    security = evaluate.security { models = { a = net }, attack = attack.fgsm { norm = "l2" },
      data = ds:slice(1, 4), dmax = { 0, 1 }, seed = 1, noise = false } }
end

local function hostile_values(m)
  local function none() end
  local list = { true, false, 5, -1, 0, 0 / 0, math.huge, 2 ^ 53, math.mininteger, 1e-300, "x", "", "a\0b",
    "\xff", ("long"):rep(200), none, coroutine.create(none), io.stdout }
  local tables = { {}, { {} }, { 1, 2 }, { "a" }, { x = 1 }, { { 1 }, { 2, 3 } }, { { { 1 } } }, { [2] = 1 },
    { false }, { 0 / 0 }, { a = { b = m.result } }, { scores = function() return 1 end, classes = { 0, 1 } },
    { scores = none, gradient = none, classes = {} } }
  local closed = { data.digits(2, { seed = 1 }), nn.new { input = { 2 }, nn.linear { out = 2 } },
    svm.new(), array.zeros(2) }
  for i = 1, #closed do local _ <close> = closed[i] end
  local ours = { closed[1], closed[2], closed[3], closed[4], array.zeros(0), array.zeros(2, 3),
    array.zeros(1, 2, 2, 2), m.ds, m.plane, m.net, m.nr, svm.new(), m.result, m.empty, m.flat, m.pgd,
    m.security }
  local like_ours = {
    { y = { 1 }, label = { 1 }, x0 = { { 1 } } },
    { y = { 1, 2 }, label = 5, start_label = { 1 }, verdict = { 1 }, distance = { 1 }, x0 = { 1 },
      x_adv = { 1 }, loss = { 1 }, trace = { 1 }, classes = { 1 } },
    { models = { "a" }, dmax = { 1 }, counts = {}, n = 1 },
    { models = 5, dmax = { "a" }, counts = 5, n = "x" },
    { models = { "a" }, dmax = { "b" }, counts = { a = { { robust = 1 } } }, n = 1 },
    { counts = { { 1 } }, classes = { 0, 1 } }, { counts = 5, classes = "x" },
  }
  for _, more in ipairs { tables, ours, like_ours } do table.move(more, 1, #more, #list + 1, list) end
  return list
end

function TestRawErrors:setUp()
  if made then return end
  local m = models()
  m.hostile = hostile_values(m)
  made = m
end

local function judge(where, call, ok, message)
  if ok then return end
  lu.assertIsString(message, call)
  local place = message:match "^[^\n]-%.lua:%d+: " or ""
  local words = message:sub(#place + 1)
  local fine = words:sub(1, #where + 1) == where .. ":" and not words:find "\n"
    and not place:find(perigee.lua_dir, 1, true)
  for _, raw in ipairs { "attempt to ", "bad argument", "perigee/[%w_/]+%.lua:", "%.%.%." } do
    fine = fine and not words:find(raw)
  end
  if not fine then lu.fail(("%s: %s"):format(call, message)) end
end

-- f(…) with hostile values at one place after the other of a right call.
local function each_place(where, f, right, places)
  for place = 1, places do
    for k, value in ipairs(made.hostile) do
      local arguments = table.move(right, 1, places, 1, {})
      arguments[place] = value
      judge(where, ("%s, value %d at argument %d"):format(where, k, place),
        pcall(f, table.unpack(arguments, 1, places)))
    end
  end
  judge(where, where .. " of nothing", pcall(f))
end

local function with(options, key, value)
  local copy = { [key] = value }
  for name, other in pairs(options or {}) do copy[name] = copy[name] == nil and other or copy[name] end
  return copy
end

-- The same for every option in the table after the arguments in `right`.
local function each_option(where, f, right, options, names)
  for _, name in ipairs(names) do
    for k, value in ipairs(made.hostile) do
      local arguments = table.move(right, 1, #right, 1, {})
      arguments[#right + 1] = with(options, name, value)
      judge(where, ("%s, value %d as %s"):format(where, k, name), pcall(f, table.unpack(arguments)))
    end
  end
end

-- The options of an entry, without those that are in `others`.
local function names_of(entry, others)
  local names, left_out = {}, {}
  for _, name in ipairs(others or {}) do left_out[name] = true end
  for _, option in ipairs(entry.options or {}) do
    if not left_out[option[1]] then names[#names + 1] = option[1] end
  end
  return names
end

local function entries_of(library)
  local found = {}
  for _, entry in ipairs(require("perigee.help." .. library).entries) do
    local name = entry.name:match("^" .. library .. "%.([%w_]+)$")
    if name then found[name] = entry end
  end
  return found
end

function TestRawErrors:test_plot()
  local m = made
  local subjects = { activations = m.net, attack = m.result, attacks = m.result,
    confusion = metrics.confusion(m.nr, m.ds), compare = { nr = { pgd = m.result } }, decision = m.machine,
    filters = m.net, images = m.ds, loss = { 2, 1 }, model = m.net, reject = m.nr,
    roc = metrics.roc(m.nr, m.ds, 5 * m.ds.x), scores = m.result, security = m.security }
  local needed = { activations = { data = m.ds[1] }, decision = { data = m.plane, grid = 10 },
    reject = { data = m.ds } }
  local entries = entries_of "plot"
  local common = names_of(entries.loss) -- it has none of its own, and stands for all
  for name, entry in pairs(entries) do
    local where, subject = "plot." .. name, subjects[name]
    if subject then
      local function f(...) return plot.script(name, ...) end
      each_place(where, f, { subject, needed[name] }, 2)
      each_option(where, f, { subject }, needed[name], names_of(entry, name ~= "loss" and common or nil))
    else
      local below = name == "figure" or name == "live" or name == "recipe" or name == "script"
      lu.assertTrue(below, "nobody tests " .. where)
    end
  end
  each_place("plot.figure", plot.figure, {}, 1)
  each_option("plot.figure", plot.figure, {}, {}, { "rows", "columns", "cols", "width", "height", "title" })
  local own = { "own", { figure = plot.figure } }
  each_place("plot.recipe", plot.recipe, own, 2)
  each_option("plot.recipe", plot.recipe, { "own" }, own[2], names_of(entries.recipe))
  each_option("plot.live", plot.live, { function() end }, {}, { "file", "title", "width", "scale" })
end

-- What draws on a panel.
function TestRawErrors:test_words_of_figures()
  local grid, line = { { 1, 2 }, { 3, 4 } }, { { 1, 2 }, { 1, 2 } }
  local right = { line = line, steps = line, scatter = line, bars = line, histogram = { { 1, 2 } },
    hline = { 1 }, vline = { 1 }, text = { 1, 1, "a" }, image = { grid }, heatmap = { grid },
    contour = { grid },
    band = { { 1, 2 }, { 1, 2 }, { 2, 3 } }, errorbars = { { 1, 2 }, { 1, 2 }, { 1, 1 } } }
  local entries = {}
  for _, entry in ipairs(require "perigee.help.plot_figure") do
    entries[entry.name:match "^figure:(%w+)$" or ""] = entry
  end
  for name, arguments in pairs(right) do
    local where = "figure:" .. name
    local function f(...)
      local panel = plot.figure()[1]
      panel[name](panel, ...)
    end
    each_place(where, f, arguments, #arguments)
    each_option(where, f, arguments, {}, names_of(entries[name]))
  end
end

-- Fields of figures take anything that is assigned to them, and a figure is drawn much later.
function TestRawErrors:test_fields_of_figures()
  local more = { { 1, 1 }, { -1, 1 }, { -1e308, 1e308 }, { at = { "a" }, words = { "b" } },
    { words = { {} } }, { at = 5, words = 5 } }
  local hostile = table.move(made.hostile, 1, #made.hostile, #more + 1, more)
  for _, field in ipairs { "title", "caption", "xlabel", "ylabel", "xrange", "yrange", "logx", "logy",
    "legend", "xtics", "ytics", "grid" } do
    for k, value in ipairs(hostile) do
      judge("plot.figure", ("%s = value %d"):format(field, k), pcall(function()
        local figure = plot.figure { columns = 2 }
        figure:line { 1, 2, 3 }
        figure.logx = k % 2 == 0
        figure[field], figure[2][field] = value, value
        figure:script()
      end))
    end
  end
  judge("plot.figure", "the 4th of 1 panel", pcall(function() return plot.figure()[4] end))
  judge("figure:bars", "names that are none",
    pcall(function() plot.figure():bars({ "a", 5, {} }, { 1, 2, 3 }) end))
end

function TestRawErrors:test_metrics()
  local m = made
  local right = { { m.nr, m.ds }, { m.result }, { { 0.1, 0.2 }, { 0, 1 } }, { { a = m.result } },
    { { result = m.result, validation = m.ds, model = m.nr } }, { function() return 1 end, { 1, 2 },
    { draws = 3 } } }
  local entries = {}
  for _, family in ipairs(require "perigee.metrics.families") do
    for _, entry in ipairs(require("perigee.help.metrics." .. family[1])) do entries[entry.name] = entry end
  end
  for name, f in pairs(metrics) do
    local where = "metrics." .. name
    for _, arguments in ipairs(right) do
      each_place(where, f, arguments, 3)
      local names, before = names_of(entries[where] or {}), table.move(arguments, 1, 2, 1, {})
      each_option(where, f, before, arguments[3], names)
    end
  end
end

-- A result without samples is none of another kind: whatever takes one says so, or has nothing to say.
function TestRawErrors:test_empty_results()
  for library, functions in pairs { attack = attack, evaluate = evaluate } do
    for name, f in pairs(functions) do
      local where = library .. "." .. name
      for k, value in ipairs { made.empty, { made.empty }, { made.empty, made.empty } } do
        judge(where, ("%s of empty results, %d"):format(where, k), pcall(f, value))
      end
    end
  end
  judge("evaluate.report", "evaluate.report of an empty result", pcall(evaluate.report, made.empty, "none"))
end
