-- The help tells of everything there is and of nothing else: every function, method, field and
-- option has an entry, every example runs, nothing is wider than the terminal, and the documents
-- made of it can be read by what they are for.

local lu = require "luaunit"

local help = require "perigee.help"
local helpers = require "perigee.helpers"
local generate = require "perigee.help.generate"
local native = require "perigee.native"
local own = require "perigee.own" -- the prompt prints by its own print
local prompt = require "perigee.prompt"

local libraries = require "perigee.libraries"

local function entries()
  local list = {}
  for _, module in ipairs(help.all()) do
    for _, entry in ipairs(module.entries) do list[#list + 1] = entry end
  end
  return list
end

-- Kind → the tables of its methods, of every type that the program registers and of figures, which
-- are written in Lua.
local function types()
  local figure = plot.figure()
  local found = { figure = getmetatable(figure), panel = getmetatable(figure[1]) }
  for name, meta in pairs(debug.getregistry()) do
    local kind = type(name) == "string" and name:match("^perigee%.([%w_]+)$")
    local methods = kind and type(meta) == "table" and rawget(meta, "methods")
    if type(methods) == "table" and next(methods) then found[kind] = methods end
  end
  return found
end

local function sorted(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = key end
  table.sort(list)
  return list
end

local function words(list)
  return table.concat(list, ", ")
end

---------------------------------------------------------------------------------------------------

-- What the libraries and types show is for users: the program's own is in perigee.native and in modules.
TestCoverage = {}

function TestCoverage.test_every_function_has_an_entry()
  local missing = {}
  for _, name in ipairs(libraries) do
    for key, value in pairs(_G[name]) do
      local full = name .. "." .. key
      local entry = help.find(full)
      if not entry or entry.name ~= full then missing[full] = value end
    end
  end
  lu.assertEquals(words(sorted(missing)), "")
end

function TestCoverage.test_every_method_has_an_entry()
  local missing = {}
  for kind, methods in pairs(types()) do
    for key in pairs(methods) do
      if not key:find("^__") and not help.member(kind, key) then missing[kind .. ":" .. key] = true end
    end
  end
  lu.assertEquals(words(sorted(missing)), "")
end

function TestCoverage.test_methods_in_place_are_told_of()
  for key in pairs(types().array) do
    local base = key:match("^(.*)_$")
    if base then
      lu.assertStrContains(help.member("array", base).text, ("x:%s("):format(key))
    end
  end
end

function TestCoverage.test_every_word_of_the_prompt_has_an_entry()
  for _, name in ipairs { "help", "show", "who", "info", "seed", "time", "bench", "save", "restore",
    "reload" } do
    lu.assertEquals((help.find(name) or {}).name, name)
  end
end

-- What a step's state shows while the step runs.
local function shown_by_state(net, ds)
  local shown = {}
  local probe = attack.define {
    name = "probe",
    step = function(state)
      state.stop = state.y:gt(5)
      for name in ("x x0 y target scores loss dmax norm t steps options rows memory keep stop classes "
        .. "rejects"):gmatch "%S+" do shown[name] = state[name] end
      return state.x
    end,
  }
  probe({ model = net, dmax = 1, target = 1 }):run(ds)
  return shown
end

-- Objects to look for documented fields in.
local function samples_of_kinds()
  local net = nn.new { input = { 1, 2, 2 }, classes = { 0, 1 }, seed = 1, nn.flatten(),
    nn.linear { out = 2, name = "fc" } }
  local ds = data.new { x = array.rand(8, 2, 2, { seed = 1 }), y = { 0, 1, 0, 1, 0, 1, 0, 1 } }
  local model = svm.new { weights = "balanced" }:fit(ds)
  local result = attack.pgd { model = net, dmax = 0.1, max_iter = 2, iterates = true }:run(ds,
    { target = 1 })
  local history = nn.train(net, ds, { epochs = 1, seed = 1 })
  local report = metrics.report(net, ds)
  local rejecting = attack.fgsm { model = reject.new { model = net }, dmax = 0.2 }
  local defence = dnr.new { net = net, layers = { "fc" }, layer_classifier = svm.new(), combiner = svm.new() }
  return {
    roc = metrics.roc({ 1, 2 }, { 0, 1 }), interval = metrics.wilson(1, 2),
    rerr = metrics.rerr { clean = { { 1 }, { 1 } }, attacked = { { 1 }, { 1 } }, validation = { 1 } },
    half_radius = metrics.half_radius(rejecting:run(ds), attack.fgsm({ model = net, dmax = 0.1 }):run(ds)),
    optimality = metrics.optimality { attack.fgsm({ model = net, dmax = 9, upper = 9, lower = -9 }):run(ds) },
    array = array.zeros(2), dataset = ds, svm = model, net = net, model = model, result = result,
    nr = reject.new { model = model }, attack = attack.pgd { model = net, dmax = 1 },
    ensemble = attack.ensemble { attack.pgd {} },
    layer = reject.layer { net = net, layer = "fc", classifier = svm.new() },
    preprocess = reject.preprocess(model, function(x) return x * 1.0 end),
    confidence = reject.confidence { model = net }, energy = reject.energy { model = net },
    density = reject.density { net = net, layer = "fc" },
    mahalanobis = reject.mahalanobis { net = net, layers = { "fc" } },
    squeeze = reject.squeeze { model = net },
    validation = evaluate.cross_validate(classic.knn { k = 1 }, ds, { folds = 2, seed = 1 }),
    knn = classic.knn(), logistic = classic.logistic(),
    pipeline = classic.pipeline { "minmax", classic.knn() },
    dnr = defence, tuning = dnr.tune(defence, ds, { layers = { C = 1 }, folds = 2 }),
    diagnosis = evaluate.diagnose(result), indicators = 1, state = shown_by_state(net, ds),
    figure = plot.figure { title = "title" }, report = report, confusion = report.confusion,
    perigee = perigee, numbers = 1, directions = 1, objectives = 1, queries = 1, starts = 1, record = 1,
    traced = 1, history = history,
    security = evaluate.security { models = { net = net }, attack = attack.fgsm {}, data = ds,
      dmax = { 0, 0.1 } },
  }
end

function TestCoverage.test_every_entry_names_something()
  local methods, objects, unknown = types(), samples_of_kinds(), {}
  methods.model, methods.record = methods.svm, methods.history
  for _, entry in ipairs(entries()) do
    local owner, mark, key = entry.name:match("^([%w_]+)([.:])([%w_]+)$")
    local value
    if not owner then
      value = objects[entry.name] or helpers.global(entry.name)
    elseif entry.kind == "field" then
      -- a field may be nil; one that is not there is an error
      local object = objects[owner]
      value = object ~= nil and pcall(function() return object[key] end) or nil
    elseif mark == ":" then
      value = methods[owner] and rawget(methods[owner], key)
      if owner == "figure" then value = value or methods.panel[key] end
    else
      value = type(rawget(_G, owner)) == "table" and rawget(_G[owner], key)
    end
    if value == nil then unknown[entry.name] = true end
    if entry.method then lu.assertNotNil(methods[owner][key], entry.name .. " is no method") end
  end
  lu.assertEquals(words(sorted(unknown)), "")
end

function TestCoverage.test_functions_are_methods_where_they_can_be()
  for key in pairs(types().array) do
    local entry = help.find("array." .. key)
    if entry and entry.name == "array." .. key then lu.assertTrue(entry.method, entry.name) end
  end
end

function TestCoverage.test_names_are_told_once()
  local seen = {}
  for _, entry in ipairs(entries()) do
    lu.assertNil(seen[entry.name], entry.name)
    seen[entry.name] = true
  end
end


-- What an option's default is as a value, where the help states one: a number, a word, a boolean.
local function stated_value(text)
  if text == "true" or text == "false" then return text == "true" end
  if text == "-inf" then return -math.huge end
  return tonumber(text) or text:match '^"(.*)"$'
end

-- What the help states of an option of that name, and where.
local function each_stated(visit)
  for _, name in ipairs(native.described()) do
    for _, option in ipairs(native.described(name).options) do
      local value = stated_value(option[3])
      if value ~= nil then visit(name, option[1], value) end
    end
  end
end

-- The defaults themselves, so that none changes unseen. Those of attacks are in test_attack.lua.
function TestCoverage.test_defaults()
  local function training()
    return {
      epochs = 10, batch = 128, lr = 0.02, momentum = 0.9, weight_decay = 0, lr_decay = 1, lr_step = 1,
      shift = 0, shuffle = true, adversarial_share = 1, trades = 0, optimizer = "sgd",
      nesterov = false, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, clip = 0, label_smoothing = 0,
      patience = 0,
    }
  end
  local expected = {
    ["nn.conv2d"] = { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true },
    ["nn.dropout"] = { p = 0.5 },
    ["nn.train"] = training(), ["net:fit"] = training(),
    ["svm.rbf"] = { gamma = 1 }, ["svm.poly"] = { gamma = 1, coef0 = 0, degree = 3 },
    ["svm.new"] = { C = 1, tolerance = 1e-3, solver = "libsvm" },
    ["svm.from"] = { C = 1, tolerance = 1e-3, solver = "libsvm" },
    ["svm.search"] = { C = 1, folds = 5, tolerance = 1e-3, solver = "libsvm", fit = true },
    ["reject.new"] = { threshold = -math.huge }, ["dnr.new"] = { threshold = -math.huge },
    ["dnr:fit"] = { folds = 5 },
  }
  each_stated(function(name, option, value)
    if not expected[name] then return end -- one that was added since
    lu.assertEquals(value, expected[name][option], ("%s: %s"):format(name, option))
    expected[name][option] = nil
  end)
  for name, left in pairs(expected) do
    lu.assertEquals(left, {}, name .. " does not state it")
  end
end

-- The bytes of a model's file, and what else came of it.
local function bytes_of(model, text)
  local path = os.tmpname()
  model:save(path)
  local file <close> = assert(io.open(path, "rb"))
  os.remove(path)
  return file:read "a" .. (text or "")
end

-- For each constructor whose defaults no object tells: what came of these options.
local function makers()
  local some = data.digits(60, { seed = 1, classes = { 0, 1, 2 } })
  local net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten(), nn.linear { out = 3 } }
  net:fit(some, { epochs = 1 })
  local function with_layer(make, needed)
    return function(o)
      for key, value in pairs(needed) do o[key] = value end
      local made = nn.new { input = { 2, 9, 9 }, seed = 1, make(o), nn.flatten(), nn.linear { out = 3 } }
      local points = data.new { x = array.rand(20, 162, { seed = 1 }), y = array.arange(20) % 3 }
      return made:fit(points, { epochs = 1 })
    end
  end
  local function train(o)
    local made = net:clone()
    o.seed = 2
    nn.train(made, some, o)
    return made
  end
  return {
    ["nn.conv2d"] = with_layer(nn.conv2d, { out = 2, kernel = 3 }),
    ["nn.dropout"] = with_layer(nn.dropout, {}),
    ["nn.train"] = train, ["net:fit"] = function(o) return net:clone():fit(some, o) end,
    ["svm.rbf"] = function(o) return svm.new { kernel = svm.rbf(o) }:fit(some) end,
    ["svm.poly"] = function(o) return svm.new { kernel = svm.poly(o) }:fit(some) end,
    ["svm.new"] = function(o) return svm.new(o):fit(some) end,
    ["svm.from"] = function(o)
      o.sv, o.alpha, o.b, o.classes = { { 1, 2 } }, { { 1 }, { -1 }, { 1 } }, { 0, 0, 0 }, { 1, 2, 3 }
      return svm.from(o)
    end,
    ["svm.search"] = function(o)
      o.data, o.seed = some, 3
      local found = svm.search(o)
      return found.model, tostring(found)
    end,
    ["reject.new"] = function(o)
      o.model = net
      return reject.new(o)
    end,
    ["dnr.new"] = function(o)
      o.net, o.layers, o.layer_classifier, o.combiner = net, { "fc1" }, svm.new(), svm.new()
      return dnr.new(o):fit(some, { seed = 4 })
    end,
    ["dnr:fit"] = function(o)
      local parts = { net = net, layers = { "fc1" }, layer_classifier = svm.new(), combiner = svm.new() }
      o.seed = 4
      return dnr.new(parts):fit(some, o)
    end,
  }
end

-- What the help states is what the program does: who is given the stated value and who is given
-- none are the same, byte for byte in their files.
function TestCoverage.test_stated_defaults_are_taken()
  local made, without, compared = makers(), {}, 0
  each_stated(function(name, option, value)
    local make = made[name]
    if not make then return end
    without[name] = without[name] or bytes_of(make {})
    local given = bytes_of(make { [option] = value })
    lu.assertTrue(given == without[name], ("%s: %s"):format(name, option))
    compared = compared + 1
  end)
  lu.assertTrue(compared >= 39, "only " .. compared)
end

-- Thirty arguments that are not there and one that is: whoever counts refuses it before it looks at any.
local function refuses_surplus(f)
  local ok, message = pcall(f, table.unpack({ [31] = 7 }, 1, 31))
  return not ok and tostring(message):find("expected .*, got 7") ~= nil
end

function TestCoverage.test_surplus_arguments_are_refused()
  -- Lists of any length: sizes, indices, datasets, names of variables, inputs.
  local any = {}
  for name in ("zeros ones eye arange linspace rand randn randint at set slice reshape broadcast_to"
    .. " permute transpose concat stack save random bench time script"
    .. " value vjp check"):gmatch "%S+" do any[name] = true end
  local swallowing = {}
  local function look(where, functions)
    for name, f in pairs(functions) do
      if type(f) == "function" and not name:find "^__" and not any[name] and not refuses_surplus(f) then
        swallowing[#swallowing + 1] = where .. name
      end
    end
  end
  for _, name in ipairs(libraries) do look(name .. ".", _G[name]) end
  for kind, methods in pairs(types()) do look(kind .. ":", methods) end
  for _, name in ipairs { "who", "info", "seed", "restore", "show" } do look("", { [name] = _G[name] }) end
  table.sort(swallowing)
  lu.assertEquals(swallowing, {})
end

function TestCoverage.test_see_also_leads_somewhere()
  for _, entry in ipairs(entries()) do
    for _, name in ipairs(entry.see or {}) do
      local found = help.find(name)
      lu.assertTrue(found ~= nil and found.name == name, ("%s: see %s"):format(entry.name, name))
      lu.assertNotEquals(name, entry.name)
    end
  end
end

function TestCoverage.test_form()
  for _, entry in ipairs(entries()) do
    local name = entry.name
    lu.assertEquals(type(entry.text), "string", name)
    for _, param in ipairs(entry.params or {}) do
      lu.assertTrue(#param == 3 and not param[1]:find("%s"), name .. ": " .. tostring(param[1]))
    end
    for _, option in ipairs(entry.options or {}) do
      lu.assertEquals(#option, 4, ("%s: %s"):format(name, option[1]))
    end
    if entry.kind == "field" then
      lu.assertEquals(type((entry.returns or {})[1]), "string", name .. " has no type")
    else
      lu.assertTrue(entry.example ~= nil, name .. " has no example")
      lu.assertTrue(entry.see ~= nil, name .. " leads nowhere")
    end
    if entry.returns and not entry.kind then lu.assertEquals(#entry.returns, 2, name) end
  end
end

---------------------------------------------------------------------------------------------------
-- Examples, and in passing the options: while an example runs, the function that it is about is
-- called once more with an option that nobody knows, and answers with those that it does.

TestExamples = {}

local UNKNOWN = "no such option"

local function accepted(f, args)
  local tries = {}
  for i = 1, 6 do
    local with = table.move(args, 1, args.n, 1, {})
    local given = with[i]
    if i > args.n or type(given) == "table" and getmetatable(given) == nil then
      with[i] = type(given) == "table" and table.move(given, 1, #given, 1, {}) or {}
      for key, value in pairs(type(given) == "table" and given or {}) do with[i][key] = value end
      with[i][UNKNOWN] = 1
      tries[#tries + 1] = with
    end
  end
  for _, with in ipairs(tries) do
    local ok, message = pcall(f, table.unpack(with, 1, 6))
    local list = not ok and tostring(message):match("unknown option '" .. UNKNOWN .. "'.*%(valid: (.-)%)")
    if list then
      local set = {}
      for word in list:gmatch("[^,%s]+") do set[word] = true end
      return set
    end
  end
end

-- Where an entry's function is kept: tables (those of all models share a method), and the key.
local function places_of(entry, methods)
  local owner, mark, key = entry.name:match("^([%w_]+)([.:])([%w_]+)$")
  if entry.kind then return {} end
  if not owner then return type(_G[entry.name]) == "function" and { _G } or {}, entry.name end
  if mark == "." then return { _G[owner], entry.method and methods[owner] or nil }, key end
  if owner == "figure" and not rawget(methods.figure, key) then owner = "panel" end
  if owner ~= "model" then return { methods[owner] }, key end
  local homes = {}
  for _, kind in ipairs { "svm", "net", "nr", "layer", "dnr" } do
    if methods[kind][key] == methods.svm[key] then homes[#homes + 1] = methods[kind] end
  end
  return homes, key
end

local function swallow(f)
  local print_before, write_before = print, io.write
  local function quiet(...)
    for i = 1, select("#", ...) do tostring((select(i, ...))) end
  end
  rawset(_G, "print", quiet)
  rawset(io, "write", quiet)
  local ok, message = xpcall(f, debug.traceback)
  rawset(_G, "print", print_before)
  rawset(io, "write", write_before)
  return ok, message
end

-- Run the example; the options that the entry's function accepts, false if it takes none.
local function run_example(entry, methods)
  local chunk = assert(load(entry.example, "=" .. entry.name))
  local homes, key = places_of(entry, methods)
  local original, options = homes[1] and homes[1][key], nil
  for _, home in ipairs(homes) do
    rawset(home, key, function(...)
      if not options then options = accepted(original, table.pack(...)) or false end
      return original(...)
    end)
  end
  local before = {}
  for name in pairs(_G) do before[name] = true end
  local ok, message = swallow(chunk)
  for _, home in ipairs(homes) do rawset(home, key, original) end
  for name in pairs(_G) do
    if not before[name] then rawset(_G, name, nil) end
  end
  lu.assertTrue(ok, ("%s: %s"):format(entry.name, message))
  local absent = entry.name == "data.mnist" and not data.has_mnist()
  lu.assertTrue(original == nil or options ~= nil or absent, entry.name .. ": the example does not call it")
  return options, absent
end

local function check_options(entry, options)
  -- what :set, :with and attack.from take are the object's own options, told where it is made
  local of_object = { ["attack:with"] = true, ["model:with"] = true, ["attack.from"] = true }
  if entry.name:find(":set$") or of_object[entry.name] then return end
  local documented = {}
  for _, option in ipairs(entry.options or {}) do documented[option[1]] = true end
  lu.assertEquals(words(sorted(documented)), words(sorted(options or {})), entry.name .. ": options")
end

for _, module in ipairs(help.all()) do
  TestExamples["test_" .. module.name] = function()
    local methods = types()
    for _, entry in ipairs(module.entries) do
      if entry.example then
        local options, absent = run_example(entry, methods)
        if not entry.kind and not absent then check_options(entry, options) end
      end
    end
  end
end

---------------------------------------------------------------------------------------------------

TestText = {}

local function widest(text)
  local most, line = 0, ""
  for l in (text .. "\n"):gmatch("(.-)\n") do
    local n = assert(utf8.len(l), "not UTF-8: " .. l)
    if n > most then most, line = n, l end
  end
  return most, line
end

function TestText.test_nothing_is_wider_than_the_terminal()
  local wide = {}
  for _, width in ipairs { 50, 60, 80, 100 } do
    for _, module in ipairs(help.all()) do
      for _, thing in ipairs { module, table.unpack(module.entries) } do
        local n, line = widest(help.text(thing, width))
        if n > width then wide[("%s at %d columns: %s"):format(thing.name, width, line)] = true end
      end
    end
    lu.assertTrue(widest(help.overview(width)) <= width)
  end
  lu.assertEquals(table.concat(sorted(wide), "\n"), "")
end

function TestText.test_examples_need_no_wrapping_at_80()
  local wide = {}
  for _, entry in ipairs(entries()) do
    local n, line = widest(entry.example or "")
    if n > 78 then wide[("%s: %s"):format(entry.name, line)] = true end
  end
  lu.assertEquals(table.concat(sorted(wide), "\n"), "")
end

-- What a narrow terminal shows of an example is still Lua.
function TestText.test_wrapped_examples_can_be_loaded()
  for _, entry in ipairs(entries()) do
    if entry.example then
      local text = help.text(entry, 40)
      local code = text:match("\nExample\n(.-)\n\nSee also") or text:match("\nExample\n(.*)$")
      lu.assertNotNil(load(code), ("%s:\n%s"):format(entry.name, code))
    end
  end
end

function TestText.test_signatures()
  local function signature(name) return help.signature(help.find(name)) end
  lu.assertEquals(signature "array.mean", "array.mean(x [, axis] [, { … }])")
  lu.assertEquals(help.method_signature(help.find "array.mean"), "x:mean([axis] [, { … }])")
  lu.assertEquals(signature "dnr.new", "dnr.new { … }")
  lu.assertEquals(signature "dataset.x", "dataset.x: array")
  lu.assertEquals(signature "dataset:shuffle", "dataset:shuffle([{ … }])")
  lu.assertEquals(signature "who", "who()")
  for _, entry in ipairs(entries()) do lu.assertStrContains(help.signature(entry), entry.name, false) end
end

function TestText.test_brief_is_a_sentence()
  lu.assertEquals(help.brief { text = "By J. Doe and others.\nMore." }, "By J. Doe and others.")
  lu.assertEquals(help.brief { text = "No end" }, "No end")
end

function TestText.test_colour_only_adds()
  local entry = help.find "attack.pgd"
  lu.assertEquals((help.text(entry, 70, true):gsub("\27%[%d*m", "")), help.text(entry, 70))
end

---------------------------------------------------------------------------------------------------

TestFinding = {}

local function name_of(entry)
  return entry and entry.name
end

function TestFinding.test_names()
  lu.assertEquals(name_of(help.find "array.mean"), "array.mean")
  lu.assertEquals(name_of(help.find "array:mean"), "array.mean")
  lu.assertEquals(name_of(help.find "array:exp_"), "array.exp")
  lu.assertEquals(name_of(help.find "pgd"), "attack.pgd")
  lu.assertEquals(name_of(help.find "svm:scores"), "model:scores")
  lu.assertEquals(name_of(help.find "dnr:fit"), "dnr:fit")
  lu.assertNil(help.find "nothing.of_the_kind")
end

function TestFinding.test_values()
  local x = array.zeros(2)
  lu.assertEquals(name_of(help.of(x.mean)), "array.mean")
  lu.assertEquals(name_of(help.of(array.mean)), "array.mean")
  lu.assertEquals(name_of(help.of(x.exp_)), "array.exp")
  lu.assertEquals(name_of(help.of(svm.new().scores)), "model:scores")
  lu.assertEquals(name_of(help.of(data.new { x = { { 1 } }, y = { 1 } }.split)), "dataset:split")
  lu.assertEquals(name_of(help.of(seed)), "seed")
  lu.assertEquals(name_of(help.of(dnr)), "dnr")
  lu.assertEquals(help.of(x).title, "Arrays")
  lu.assertEquals(name_of(help.of "svm"), "svm")
  lu.assertNil(help.of(function() end))
  lu.assertNil(help.of(42))
end

function TestFinding.test_search()
  local found = help.search "reject"
  lu.assertTrue(#found > 5)
  lu.assertStrContains(found[1].name, "reject")
  lu.assertEquals(#help.search "words that nobody wrote xyzzy", 0)
end

function TestFinding.test_nearest()
  lu.assertEquals(help.nearest "array.meen", "array.mean")
  lu.assertEquals(help.nearest "pdg", "attack.pgd")
  lu.assertEquals(help.nearest "reshap", "array.reshape")
  lu.assertEquals(help.nearest "metrcs", "metrics")
  lu.assertEquals(help.nearest "dataset.splitt", "dataset:split")
  lu.assertEquals(help.nearest "svm:scors", "model:scores")
  lu.assertEquals(help.nearest "aray.mean", "array.mean")
  lu.assertNil(help.nearest "quite something else")
end

-- What a question at the prompt prints.
local function answer(question)
  local out = {}
  own.print = function(text) out[#out + 1] = tostring(text) end
  local ok, was_query = pcall(prompt.query, question)
  own.print = print
  lu.assertTrue(ok, was_query)
  return table.concat(out, "\n"), was_query
end

function TestFinding.test_questions()
  rawset(_G, "x", array.zeros(2, 2))
  rawset(_G, "ds", data.new { x = { { 1 } }, y = { 1 } })
  rawset(_G, "word", "dnr.new")
  local expected = {
    ["?array.mean"] = "array.mean(x [, axis] [, { … }])", ["array.mean?"] = "array.mean(",
    ["?pgd"] = "attack.pgd { … }", ["x:mean?"] = "array.mean(", ["?x.shape"] = "array.shape: table",
    ["?x"] = "array — Arrays", ["?ds"] = "Samples with their labels", ["?ds.y:sum"] = "array.sum(",
    ['?"pgd"'] = "attack.pgd { … }", ["?'dnr'"] = "dnr — Deep", ["?word"] = 'word is "dnr.new"',
    ["?"] = "array", ["??reject"] = "reject.new", ["??random seed"] = "array.rand",
    ["??"] = "?name", ["?array.meen"] = "did you mean array.mean?",
    ["? data "] = "data — Data", ["?xyzzy"] = "no help for xyzzy", ["?? xyzzy"] = "nothing found",
    ["??rejecting xyzzy"] = "nothing has all of rejecting xyzzy; nearest:",
    ["??confuson matrx"] = "metrics.confusion",
    ["?string.format"] = "#pdf-string.format", ["?assert"] = "#pdf-assert",
    ["?math"] = "math is Lua's own",
    ["?seed"] = "seed(n)", ["?dnr"] = "dnr — Deep",
  }
  for question, text in pairs(expected) do
    local got, was_query = answer(question)
    lu.assertTrue(was_query, question)
    lu.assertStrContains(got, text)
  end
  for _, line in ipairs { "x = 1", "print('?')", "a ? b", "f(x)?" } do
    lu.assertFalse(select(2, answer(line)), line)
  end
  for _, name in ipairs { "x", "ds", "word" } do rawset(_G, name, nil) end
end

---------------------------------------------------------------------------------------------------

TestDocuments = {}

function TestDocuments.test_luacats_is_lua()
  local text = generate.luacats("1.2.3")
  lu.assertNotNil(load(text, "=perigee.lua", "t", {}))
  lu.assertStrContains(text, "---@meta")
  lu.assertStrContains(text, "function array.mean(x, axis, options) end")
  lu.assertStrContains(text, "function dataset:split(share, options) end")
  lu.assertStrContains(text, "---@class svm: model")
  local known = { any = true, array = true }
  for name in text:gmatch("%-%-%-@class ([%w_]+)") do known[name] = true end
  for name in text:gmatch("%-%-%-@alias ([%w_]+)") do known[name] = true end
  for _, name in ipairs { "string", "number", "integer", "boolean", "table", "function", "nil" } do
    known[name] = true
  end
  for kinds in text:gmatch("%-%-%-@return ([^#\n]*) #") do
    for name in kinds:gsub('"[^"]*"', ""):gmatch("%a[%w_]*") do lu.assertTrue(known[name], name) end
  end
end

-- A definition run as Lua makes the tables that it tells of.
function TestDocuments.test_luacats_defines_what_there_is()
  local environment = {}
  load(generate.luacats("1.2.3"), "=perigee.lua", "t", environment)()
  for _, name in ipairs(libraries) do
    for key, value in pairs(_G[name]) do
      if type(value) == "function" then
        lu.assertEquals(type((environment[name] or {})[key]), "function", name .. "." .. key)
      end
    end
  end
  lu.assertEquals(type(environment.show), "function")
end

function TestDocuments.test_manual()
  local text = generate.markdown("1.2.3")
  for _, entry in ipairs(entries()) do lu.assertStrContains(text, "### " .. entry.name .. "\n") end
  local anchors = {}
  for heading in text:gmatch("\n##+ ([^\n]+)") do
    local anchor = heading:lower():gsub("[^%w_ -]", ""):gsub(" ", "-")
    lu.assertNil(anchors[anchor], heading)
    anchors[anchor] = true
  end
  for link in text:gmatch("%]%(#([^)]+)%)") do lu.assertTrue(anchors[link], link) end
end

function TestDocuments.test_man_page()
  local text = generate.man("1.2.3", "usage: perigee [options]\n\n.dot 'quote' \\back\n")
  lu.assertStrContains(text, '.TH PERIGEE 1')
  lu.assertStrContains(text, "\\&.dot 'quote' \\eback")
  -- no line begins a request by accident
  for line in text:gmatch("[^\n]+") do
    if line:find("^['.]") then lu.assertStrMatches(line, "%.%u%u?%f[%A].*") end
  end
end
