-- Calls with hostile values ended the program (a method of pipelines on another model, gradients that enter
-- at no layer), took minutes (a list whose metatable makes it endless, a question of a thousand letters), or
-- ended in Lua's own words at a line of the program's: metatables that answer what they should not, options
-- that are no numbers.

local lu = require "luaunit"

TestHostileValues = {}

local x = array.rand(20, 3, { seed = 1 })
local ds = data.new { x = x, y = x:mean(2):gt(0.5) }

local function refuses(words, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok, words)
  lu.assertIsString(message)
  lu.assertStrContains(message, words)
  lu.assertNotStrContains(message, perigee.lua_dir .. "/perigee")
end

function TestHostileValues:test_methods_of_pipelines_on_other_models()
  local line = classic.pipeline { classic.minmax(), svm.new() }
  local other = svm.new():fit(ds)
  refuses("fit_steps: self: expected a pipeline", line.fit_steps, other, ds)
  refuses("transform: self: expected a pipeline", line.transform, reject.new { model = other }, x)
  lu.assertEquals(line:fit_steps(ds):transform(ds).shape, { 20, 3 })
end

function TestHostileValues:test_gradients_that_enter_nowhere()
  local net = nn.new { input = { 3 }, classes = { 0, 1 }, nn.linear { out = 2, name = "f" } }
  refuses("net:backward: w: expected a table, layer = array, got an empty one", net.backward, net, x, {})
  lu.assertEquals(net:backward(x, { f = array.ones(20, 2) }).shape, { 20, 3 })
end

-- A table of measures, which is as long as it has radii, where names are wanted: figures of nothing.
function TestHostileValues:test_measures_as_names()
  local machine = svm.new():fit(ds)
  local pgd = attack.pgd { model = machine, dmax = 1 }
  local measured = evaluate.security { models = { machine }, attacks = { pgd }, data = ds, dmax = { 1, 2 } }
  for _, name in ipairs { "attacks", "models" } do
    refuses(("plot.compare: %s: expected names of those that were given, got nothing"):format(name),
      plot.compare, { svm = { pgd = pgd:run(ds) } }, { [name] = measured })
  end
end

function TestHostileValues:test_lists_with_a_hole()
  refuses("data.blobs: centers[1]: expected a pair of numbers, got nothing", data.blobs, 10,
    { centers = { nil, { 1, 2 } } })
end

-- A dataset where numbers are wanted.
function TestHostileValues:test_samples_as_smoothing()
  refuses("attack.fmn: smoothing: expected ", attack.fmn, { smoothing = ds })
end

-- Metatables that answer garbage: the function's name, and the cause.
function TestHostileValues:test_odd_metatables()
  local words = "metatable answers what it should not"
  refuses("show: an argument's " .. words, show, setmetatable({}, { __index = 5 }))
  refuses("plot.figure: unknown field 'a table' of a panel", function()
    plot.figure()[setmetatable({}, { __tostring = function() return 5 end })] = true
  end)
  require("perigee.help").of(setmetatable({}, { __eq = 5 }))
  refuses("data.xor: an argument's " .. words, data.xor, 5, setmetatable({}, { __pairs = 5 }))
  refuses("an argument's " .. words, data.xor, 5, setmetatable({}, { __pairs = function() return 5 end }))
  local loop = {}
  setmetatable(loop, { __index = loop })
  refuses("reject.scores: an argument's " .. words, reject.scores, loop, x)
  -- in a member of the options as well; and what is fine stays fine
  refuses("svm.new: an argument's " .. words, svm.new, { kernel = loop })
  lu.assertEquals(#data.xor(5, setmetatable({ seed = 1 }, {})), 5)
  lu.assertErrorMsgContains("mine", show, setmetatable({}, { __index = function() error "mine" end }))
end

-- What it raises stands at the user's line, with a metatable as without.
function TestHostileValues:test_the_line_is_the_users()
  for _, options in ipairs { {}, setmetatable({}, {}) } do
    options.C = -1
    local _, message = pcall(function()
      local made = svm.new(options)
      return made
    end)
    lu.assertStrMatches(message, ".*test_hostile_values%.lua:%d+: svm%.new: .*")
  end
end

function TestHostileValues:test_endless_lists()
  local itself = setmetatable({}, { __index = function(t) return t end })
  refuses("plot.loss: history: no loss and no accuracy of any epoch", plot.loss, itself)
  local endless = setmetatable({}, { __index = function(_, i) return math.type(i) and x or nil end })
  refuses("its __index makes", show, endless)
  local function again(state) return state, state end
  local pairing = setmetatable({}, { __pairs = function(t) return again, t, nil end })
  refuses("a table whose __pairs gives more than ", plot.script, "loss", pairing, {})
  local function half() return 0.5 end
  local counting = setmetatable({}, { __index = half, __len = function() return 1 << 40 end })
  local given = { models = svm.new():fit(ds), attack = attack.pgd(), data = ds, dmax = counting }
  refuses("a list of more than ", evaluate.security, given)
  local looped = {}
  looped[1] = looped
  refuses("show: x: more than 8 lists in one another", show, looped)
end

function TestHostileValues:test_questions_of_a_thousand_letters()
  local start = os.clock()
  local own = require "perigee.own" -- the prompt prints by its own print
  local print_before = own.print
  own.print = function() end
  pcall(help, ("x"):rep(1200)) -- took a minute
  own.print = print_before
  lu.assertTrue(os.clock() - start < 5)
end

function TestHostileValues:test_options_without_a_check()
  for _, seconds in ipairs { true, {}, 0 / 0, math.huge, -1 } do
    refuses("bench: seconds: expected a number of 0 or more, got ", bench, function() end, seconds)
  end
  refuses("data.spirals: classes: expected ", data.spirals, 10, { classes = false })
  refuses("show: width: expected ", show, x, { width = {} })
  lu.assertNotStrContains(select(2, pcall(show, x, { width = {} })), "picture")
end

function TestHostileValues:test_names_of_bytes()
  refuses("data.xor: unknown option 'a", data.xor, 10, { ["a\0b"] = 1 })
  lu.assertEquals(perigee.nearest("zeross\0b", { "ones", "zeros" }), "zeros")
  refuses("report:csv: path: expected a string without NUL", function()
    metrics.report(svm.new():fit(ds), ds):csv "a\0b"
  end)
  refuses("save: name: expected the name of a variable, got an array", save, "x.session", x)
end

function TestHostileValues:test_long_messages()
  local _, message = pcall(save, "x.session", ("é"):rep(40000))
  lu.assertTrue(#message < 1500 and utf8.len(message) ~= nil)
end

-- A function in C that is timed complains of where it was called: no file of the program's.
function TestHostileValues:test_functions_in_c_that_are_timed()
  refuses("number expected", time, math.floor, x)
  refuses("number expected", bench, math.floor)
end

-- The same of every place where a function of the user's is called by a line of ours.
function TestHostileValues:test_functions_in_c_wherever_a_function_is_wanted()
  local net = nn.new { input = { 3 }, classes = { 0, 1 }, nn.linear { out = 2 } }
  local machine = svm.new():fit(ds)
  local result = attack.pgd { model = machine, dmax = 0.1, max_iter = 2 }:run(ds:slice(1, 2))
  local half = nn.layer { name = "half", forward = math.floor, shape = math.floor }
  for name, f in pairs {
    on_epoch = function() nn.train(net, ds, { epochs = 1, on_epoch = math.floor }) end,
    lr = function() nn.train(net, ds, { epochs = 1, lr = string.rep }) end,
    loss = function() nn.train(net, ds, { epochs = 1, loss = math.floor }) end,
    augment = function() nn.train(net, ds, { epochs = 1, augment = math.floor }) end,
    objective = function() attack.pgd { model = machine, objective = math.floor }:run(ds) end,
    direction = function() attack.pgd { model = machine, direction = math.floor }:run(ds) end,
    on_step = function() attack.pgd { model = machine, on_step = math.floor }:run(ds) end,
    relabel = function() ds:relabel(table.concat) end,
    condition = function() result:where(math.floor) end,
    samples = function() ds:where(string.rep) end,
    preprocess = function() reject.preprocess(machine, math.floor):scores(x) end,
    layer = function() nn.new { input = { 3 }, classes = { 0, 1 }, half(), nn.linear { out = 2 } } end,
    kernel = function() svm.new { kernel = svm.kernel { math.floor, name = "floor" } }:fit(ds) end,
    check = function() grad.check(math.floor, x) end,
    metric = function() evaluate.cross_validate(machine, ds, { folds = 2, metrics = { m = math.floor } }) end,
    models = function()
      evaluate.security { models = { string.rep }, attack = attack.pgd(), data = ds, dmax = 0.1 }
    end,
  } do
    local ok, message = pcall(f)
    lu.assertFalse(ok, name)
    lu.assertNotStrContains(message, perigee.lua_dir, nil, name)
    lu.assertNotStrContains(message, "attempt to", nil, name)
  end
end

-- What complains of members that it has not is no model, no kernel and no step.
function TestHostileValues:test_libraries_in_the_place_of_models()
  for shown, value in pairs { ["a library"] = array, ["a table of globals"] = _G,
    ["an ensemble"] = attack.ensemble { attack.pgd() } } do
    refuses("attack.pgd: model: expected a model (or a table with scores and classes), got " .. shown,
      attack.pgd, { model = value })
    refuses("classic.pipeline: the last: expected a model", classic.pipeline, { value })
    refuses("reject.new: model: expected a model", reject.new, { model = value })
    refuses("evaluate.cross_validate: model: expected a model", evaluate.cross_validate, value, ds)
  end
  refuses("svm.new: kernel: expected ", svm.new, { kernel = array })
  refuses("classic.pipeline: step 1: expected ", classic.pipeline, { array, svm.new() })
  refuses("show: there is nothing in it to draw", show, array)
end

-- A function that calls another one complains in its own name, and says the place once.
function TestHostileValues:test_other_functions_complaints()
  local words = "evaluate.cross_validate: seed: expected an integer, got nan"
  refuses(words, evaluate.cross_validate, svm.new(), ds, { seed = 0 / 0 })
  local _, message = pcall(function()
    local made = evaluate.cross_validate(svm.new(), ds, { seed = 0 / 0 })
    return made
  end)
  lu.assertStrMatches(message, "[^:]*test_hostile_values%.lua:%d+: " .. words:gsub("%p", "%%%0"))
  refuses("dataset:relabel: -2147483648 cannot be a label", ds.relabel, ds, { [0] = -2 ^ 31 })
  words = "evaluate.cross_validate: stratified: expected true or false"
  refuses(words, evaluate.cross_validate, svm.new(), ds, { stratified = 1 })
end

-- What was got instead of bytes is named, not shown.
function TestHostileValues:test_objects_as_memory()
  local words = 'svm.new: memory: expected bytes, or a text such as "2GB", got an array f32[20x3]'
  refuses(words, svm.new, { memory = x })
  local gone = svm.new()
  do local _ <close> = gone end
  refuses("svm.new: memory: expected bytes", svm.new, { memory = gone })
  refuses("svm.new: memory: expected bytes", svm.new, { memory = 0 / 0 })
end

-- The largest of labels, whose successor is none (the sanitizers' finding).
function TestHostileValues:test_the_largest_label()
  refuses("onehot: labels: 1 at position 1 is none of the 1 classes", array.onehot, { 1 }, { 2147483647 })
  refuses("a number of classes n stands for the labels 0 to n - 1", array.onehot, { 2 }, 2)
  lu.assertEquals(array.onehot({ 2147483647 }, { 2147483647 }):totable(), { { 1 } })
end

-- Sizes whose products are beyond all numbers (the sanitizers' finding).
function TestHostileValues:test_sizes_without_end()
  local one, most = array.ones(1), math.maxinteger
  refuses("broadcast_to: (1,) does not broadcast to (9223372036854775807, 2)", one.broadcast_to, one, most, 2)
  refuses("broadcast_to: (1,) does not broadcast to (2, 9223372036854775807)", one.broadcast_to, one, 2, most)
  refuses("broadcast_to: (1,) does not broadcast to (9223372036854775807,)", one.broadcast_to, one, most)
  lu.assertEquals(one:broadcast_to(100, 2).shape, { 100, 2 })
end

-- A list with a hole.
function TestHostileValues:test_lists_with_holes()
  local one = attack.pgd { model = svm.new():fit(ds), dmax = 0.1, max_iter = 2 }:run(ds:slice(1, 2))
  refuses("metrics.optimality: a, number 2: expected ", metrics.optimality, { a = { one, nil, one } })
  local options = { models = svm.new():fit(ds), attacks = { nil, attack.pgd() }, data = ds, dmax = { 0 } }
  refuses("evaluate.security: attacks: number 1 is neither", evaluate.security, options)
  options.attacks, options.models = attack.pgd(), { nil, options.models }
  refuses("evaluate.security: models: number 1 is neither", evaluate.security, options)
  refuses("evaluate.merge: number 1: expected ", evaluate.merge, { nil, "folder" })
  refuses("evaluate.report: number 1: expected ", evaluate.report, { nil, one }, "x.html")
  refuses("attack.worst: number 2: expected an attack's result, got nothing", attack.worst, { one, nil, one })
  local hollow = setmetatable({}, { __len = function() return 2 end }) -- ended the program
  refuses("attack.worst: number 1: expected an attack's result, got nothing", attack.worst, hollow)
  refuses("metrics.median_distance: result, number 2: expected ", metrics.median_distance, { one, nil, one })
  refuses("evaluate.security: dmax: number 2 is nil", evaluate.security,
    { models = svm.new():fit(ds), attack = attack.pgd(), data = ds, dmax = { 0, nil, 1 } })
end

-- names = a dataset: the words of its classes, if it has any.
function TestHostileValues:test_names_of_a_dataset_in_pictures()
  local own, shown = require "perigee.own", {}
  local write = own.io.write
  own.io.write = function(...) shown[#shown + 1] = table.concat { ... } end
  local named = data.new { x = x, y = array.zeros(20, { dtype = "i32" }), names = { [0] = "shirt" } }
  local ok, message = pcall(function()
    show(ds, { names = ds, limit = 2 })
    show(named, { names = named, limit = 1 })
    show(data.digits(1), { names = ds })
  end)
  own.io.write = write
  lu.assertTrue(ok, message)
  lu.assertStrContains(shown[1], "label ")
  lu.assertStrContains(table.concat(shown), "shirt")
end

-- The first to the last of no samples are none.
function TestHostileValues:test_empty_datasets()
  local none = ds:slice(1, 0)
  lu.assertEquals(#none:slice(1, 0), 0)
  lu.assertEquals(none:floats(1, 0).shape, { 0, 3 })
  refuses("dataset:slice: first: expected ", none.slice, none, 2)
  refuses("plot.images: expected samples, got none", plot.images, none)
  refuses("evaluate.diagnose: ", evaluate.diagnose, svm.new():fit(ds), none)
end

-- A loop whose coroutine was left is collected while another one, opened since, reports to it.
function TestHostileValues:test_loops_that_were_left()
  local two = { folds = 2, seed = 1 }
  local left = { coroutine.create(function()
    two.metrics = { mine = function() return coroutine.yield() end }
    evaluate.cross_validate(svm.new(), ds, two)
  end) }
  lu.assertTrue(coroutine.resume(left[1]))
  lu.assertEquals(coroutine.status(left[1]), "suspended")
  two.metrics = { mine = function()
    left[1] = nil
    collectgarbage()
    collectgarbage()
    return svm.new():fit(ds):predict(x):sum()
  end }
  lu.assertEquals(#evaluate.cross_validate(svm.new(), ds, two).values.mine, 2)
end

-- A figure without height was laid out for ever, behind the training that it was to show.
function TestHostileValues:test_sizes_of_live_pictures()
  local called = false
  local function run() called = true end
  for _, value in ipairs { -1, 0, 0 / 0, math.huge } do
    refuses("plot.live: height: expected a number from 100 to 10000", plot.live, run, { height = value })
    refuses("plot.live: width: expected a number from 100 to 10000", plot.live, run, { width = value })
  end
  refuses("plot.live: title: expected a string, got true", plot.live, run, { title = true })
  lu.assertFalse(called)
end

function TestHostileValues:test_budgets_without_end()
  for _, budget in ipairs { math.huge, 1e300, 0 / 0, 0 } do
    refuses("evaluate.diagnose: budget: expected a number of gradients", evaluate.diagnose,
      { model = svm.new():fit(ds), data = ds, norm = "l2", dmax = 0.1, budget = budget })
  end
end

-- Fields: their names come from the user, and so may what is in them.
function TestHostileValues:test_names_of_fields()
  local function assign(object, name, value) object[name] = value end
  refuses("dataset: \\x1b[31m cannot be set", assign, ds, "\27[31m", 1)
  refuses("dataset: \\xff cannot be set", assign, ds, "\xff", 1)
  local _, message = pcall(assign, ds, ("é"):rep(4000), 1)
  lu.assertTrue(#message < 1100 and utf8.len(message) ~= nil)
  local several = attack.ensemble { attack.pgd() }
  refuses("attack.ensemble: options: expected the name of an option, got nan", assign, several, 0 / 0, 1)
  refuses("attack.ensemble: options: expected the name of an option, got 7", assign, several, 7, 1)
  several[1] = 5
  lu.assertFalse(several.minimal)
end

-- What prints as a table is one, whose fields somebody may have set.
function TestHostileValues:test_changed_records()
  local made = { roc = metrics.roc({ 0.1, 0.9 }, { 0, 1 }), bench = bench(function() end, 0), info = info(),
    confusion = metrics.confusion(svm.new():fit(ds), ds),
    ["grad.model"] = grad.model { classes = { 0 }, scores = function(_, rows) return rows end } }
  for name, record in pairs(made) do
    lu.assertNotStrContains(tostring(record), "changed")
    for field in pairs(record) do record[field] = { "x" } end
    record.features = {}
    lu.assertEquals(tostring(record), "<" .. name .. " with fields that were changed>")
  end
end

-- Every method of one kind of object on all the others: net.fit(machine, ds) took what it got for a net.
function TestHostileValues:test_methods_of_one_kind_on_another()
  local layers = { nn.linear { out = 3, name = "f" }, nn.linear { out = 2 } }
  local net = nn.new { input = { 3 }, classes = { 0, 1 }, table.unpack(layers) }
  local machine = svm.new():fit(ds)
  local pgd = attack.pgd { model = machine, dmax = 0.1, max_iter = 2 }
  local all = { net = net, svm = machine, dataset = ds, array = x, figure = plot.figure(),
    nr = reject.new { model = net },
    dnr = dnr.new { net = net, layers = { "f" }, layer_classifier = svm.new(), combiner = svm.new() },
    knn = classic.knn():fit(ds), logistic = classic.logistic():fit(ds), step = classic.minmax(), attack = pgd,
    pipeline = classic.pipeline { classic.minmax(), svm.new() }:fit(ds), ensemble = attack.ensemble { pgd },
    confidence = reject.confidence { model = net }, energy = reject.energy { model = net },
    density = reject.density { net = net, layer = "f", bandwidth = 1 }, result = pgd:run(ds:slice(1, 2)),
    mahalanobis = reject.mahalanobis { net = net, layers = { "f" } }, report = metrics.report(machine, ds),
    layer = reject.layer { net = net, layer = "f", classifier = classic.knn() },
    preprocess = reject.preprocess(net, function(rows) return rows * 1 end) }
  local function methods_of(object)
    local meta = debug.getmetatable(object)
    return rawget(meta, "methods") or type(meta.__index) == "table" and meta.__index or {}
  end
  local count = 0
  for kind, one in pairs(all) do
    for name, method in pairs(methods_of(one)) do
      for other, object in pairs(all) do
        if type(method) == "function" and not rawequal(rawget(methods_of(object), name), method) then
          local ok, message = pcall(method, object, ds)
          local what = kind .. ":" .. name .. " on " .. other
          if not ok then lu.assertNotStrContains(message, perigee.lua_dir, false, what) end
          count = count + 1
        end
      end
    end
  end
  lu.assertTrue(count > 2000)
  refuses("net:fit: self: expected a net, got an svm", net.fit, machine, ds)
end
