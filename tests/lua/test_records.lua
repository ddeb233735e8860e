-- Records (what measures, trainings and evaluations give) and results: files of every form, and back.
local lu = require "luaunit"
local session = require "perigee.session"

local models = dofile "tests/lua/bumps.lua"

local x = array.new { { 0.1, 0.2, 0.8 }, { 0.8, 0.1, 0.2 }, { 0.2, 0.8, 0.1 } }
local samples = data.new { x = x, y = { 0, 1, 2 } }
local model = models.new(-0.6, { gradient_is = "surrogate" })
local pgd = attack.pgd { model = model, dmax = 0.4 }
local result = pgd:run(samples)
local labels = {}
for i = 1, 60 do labels[i] = i % 3 end
local blobs = data.new { x = array.randn(60, 4, { seed = 1 }) * 0.1 + 0.5, y = labels }
local net = nn.new { input = { 4 }, classes = { 0, 1, 2 }, seed = 1, nn.linear { out = 3, name = "fc" } }
local plain = attack.judge { model = net, x0 = blobs:slice(1, 3), x_adv = blobs.x:slice { 1, 3 }, dmax = 0.2 }
local rejecting = attack.judge { model = reject.new { model = net }, x0 = blobs:slice(1, 3), dmax = 0.4,
  x_adv = blobs.x:slice { 1, 3 } }

-- By their kinds, one of each.
local function made()
  local defence = dnr.new { net = net, layers = { "fc" }, layer_classifier = svm.new(), combiner = svm.new() }
  return {
    history = nn.train(net, blobs, { epochs = 3, seed = 1, validation = blobs }),
    report = metrics.report(net, blobs), confusion = metrics.confusion(result),
    roc = metrics.roc({ 3, 2, 1, 0.1 }, { 1, 0, 1, 0 }),
    interval = metrics.bootstrap(function(v) return v:mean() end, { 0.1, 2, 3 }, { draws = 9, seed = 1 }),
    half_radius = metrics.half_radius(rejecting, plain),
    optimality = metrics.optimality { ["a_b%"] = result, pgd = pgd:with({ dmax = 0.9 }):run(samples) },
    rerr = metrics.rerr { clean = { { 1, 2 }, { 1, 1 } }, attacked = { { 1, 2 }, { 0, 1 } },
      validation = { 0.1, 3 } },
    security = evaluate.security { models = { ["m_1"] = net }, attack = attack.fgsm { norm = "l2" },
      data = blobs:slice(1, 4), dmax = { 0, 0.1 }, seed = 1 },
    validation = evaluate.cross_validate(svm.new(), blobs,
      { folds = 3, metrics = { "accuracy", "error" }, seed = 1 }),
    diagnosis = evaluate.diagnose(result), check = reject.check(model, x),
    search = svm.search { data = blobs, kernel = "rbf", C = { 1, 10 }, gamma = { 0.1, 0.01 }, folds = 2 },
    tuning = dnr.tune(defence, blobs, { layers = { C = { 1, 2 } }, folds = 2, seed = 1 }),
  }
end

local records = made()

local function text_of(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- JSON without odd strings, as Lua.
local function parsed(text)
  local lua = text:gsub("%[", "{"):gsub("%]", "}"):gsub('"([^"]*)":', '["%1"]='):gsub("null", "nil")
  return assert(load("return " .. lua))()
end

local function with_path(ending, f)
  local path = os.tmpname()
  os.remove(path)
  path = path .. ending
  local ok, message = pcall(f, path)
  os.remove(path)
  if not ok then error(message, 0) end
end

TestRecords = {}

function TestRecords:test_there_is_one_of_each()
  for kind, record in pairs(records) do lu.assertEquals(require("perigee.kinds").of(record), kind) end
end

function TestRecords:test_every_form_by_its_ending_and_by_its_method()
  local all = { result = result }
  for kind, record in pairs(records) do all[kind] = record end
  for kind, record in pairs(all) do
    for ending, method in pairs { csv = "csv", json = "json", tex = "latex", npz = "npz" } do
      with_path("." .. ending, function(path)
        lu.assertEquals(record:save(path), path)
        local saved = text_of(path)
        lu.assertTrue(#saved > 20, kind .. " " .. method)
        lu.assertEquals(record[method](record, path), path)
        lu.assertEquals(#text_of(path), #saved, kind .. " " .. method)
        if method == "npz" then lu.assertNotNil(next((data.read_npz(path)))) end
        if method == "latex" then lu.assertStrContains(saved, "\\begin{tabular}{") end
      end)
      for _, wrong in ipairs { ".txt", ".CSVS", ".png" } do
        with_path(wrong, function(path) -- an archive went there without a word
          lu.assertErrorMsgContains(kind .. ":save: path: expected a name that ends in .csv, .json, .tex",
            record.save, record, path)
          lu.assertNil(io.open(path))
        end)
      end
      for _, wrong in ipairs { 3, false } do
        local ok, message = pcall(record[method], record, wrong)
        lu.assertFalse(ok)
        lu.assertStrMatches(message, (".*%s:? ?path: expected a string, got .*"):format(method))
      end
    end
    lu.assertErrorMsgContains("no/such", record.csv, record, "/no/such/file")
  end
end

-- Loaded and restored they are what they were: they print, have their methods and are drawn.
function TestRecords:test_they_come_back()
  for _, ending in ipairs { "", ".safetensors", "-dmax-0.5" } do
    with_path(ending, function(path)
      lu.assertEquals(tostring(perigee.load(records.roc:save(path))), tostring(records.roc))
      lu.assertEquals(tostring(perigee.load(result:save(path))), tostring(result))
    end)
  end
  for kind, record in pairs(records) do
    with_path(".pgz", function(path)
      local loaded = perigee.load(record:save(path))
      rawset(_G, "kept", { record, record })
      session.save(path, "kept")
      rawset(_G, "kept", nil)
      local back = {}
      session.restore(path, { into = back })
      lu.assertTrue(rawequal(back.kept[1], back.kept[2]))
      for _, again in ipairs { loaded, back.kept[1] } do
        lu.assertEquals(tostring(again), tostring(record))
        lu.assertEquals(debug.getmetatable(again), debug.getmetatable(record), kind)
        with_path(".json", function(other)
          again:json(other)
          local saved = text_of(other)
          record:json(other)
          lu.assertEquals(saved, text_of(other))
        end)
      end
    end)
  end
  with_path(".pgz", function(path) -- as evaluations were saved before
    local parts = {}
    for key, value in next, records.security do parts[key] = value end
    require("perigee.archive").write(path, { security = parts })
    for _, load_it in ipairs { evaluate.load, perigee.load } do
      lu.assertEquals(tostring(load_it(path)), tostring(records.security))
    end
  end)
  with_path(".pgz", function(path)
    lu.assertErrorMsgContains("holds no evaluation", evaluate.load, records.roc:save(path))
    rawset(_G, "kept", 3)
    session.save(path, "kept")
    rawset(_G, "kept", nil)
    lu.assertErrorMsgContains("holds variables: restore(path) sets them", perigee.load, path)
  end)
end

function TestRecords:test_they_are_drawn_again()
  with_path(".pgz", function(path)
    local recipes = { history = "loss", roc = "roc", security = "security", confusion = "confusion" }
    for kind, recipe in pairs(recipes) do
      local again = perigee.load(records[kind]:save(path))
      lu.assertEquals(plot.script(recipe, again, { file = "x.svg" }),
        plot.script(recipe, records[kind], { file = "x.svg" }))
    end
  end)
end

-- Every number is there to the last bit.
function TestRecords:test_numbers_are_exact()
  local history = records.history
  with_path(".csv", function(path)
    history:csv(path)
    local row = 0
    for line in io.lines(path) do
      local cells = {}
      for cell in line:gmatch "[^,]+" do cells[#cells + 1] = cell end
      if row == 0 then lu.assertEquals(cells[2], "loss") end
      if row > 0 then
        lu.assertEquals({ tonumber(cells[1]), tonumber(cells[2]) }, { row, history.loss[row] })
      end
      row = row + 1
    end
    lu.assertEquals(row, 4)
  end)
  with_path(".json", function(path)
    history:json(path)
    for name, list in pairs(parsed(text_of(path))) do lu.assertEquals(list, history[name], name) end
    result:json(path)
    local read = parsed(text_of(path))
    lu.assertEquals(read.counts, result:counts())
    for i, sample in ipairs(read.samples) do
      lu.assertEquals(sample.distance, result.distance[i])
      lu.assertEquals({ sample.verdict, sample.stop, sample.y },
        { result.verdict[i], result.stop[i], result.y[i] })
      lu.assertEquals(sample.scores, result.scores[i]:totable())
    end
    records.confusion:json(path)
    lu.assertEquals(parsed(text_of(path)).counts, records.confusion.counts:totable())
    for label, words in pairs { [0] = { [0] = "zero", "one" }, [5] = { [5] = "five", [6] = "six" } } do
      local ds = data.new { x = { { 0 }, { 1 } }, y = { label, label + 1 }, names = words }
      metrics.confusion({ label, label }, ds):json(path)
      local names, wanted = parsed(text_of(path)).names, {}
      for class, word in pairs(words) do wanted[tostring(class)] = word end
      lu.assertEquals(names, wanted)
    end
  end)
  with_path(".npz", function(path)
    local arrays = data.read_npz(history:npz(path))
    lu.assertEquals(arrays.loss:totable(), history.loss)
    lu.assertEquals({ arrays.loss.dtype, arrays.epoch.dtype }, { "f64", "i32" })
    arrays = data.read_npz(result:npz(path))
    lu.assertTrue(arrays.x_adv:equal(result.x_adv) and arrays.scores:equal(result.scores))
    lu.assertEquals(arrays["trace.length"]:sum(), #arrays["trace.loss"])
    lu.assertEquals(arrays["trace.loss"][1], result.loss[1][1])
    result:take({}):npz(path) -- of no samples as well
    lu.assertEquals(data.read_npz(path).x0.shape, { 0, 3 })
  end)
end

function TestRecords:test_numpy_reads_them()
  lu.skipIf(not os.execute "python3 -c 'import numpy' 2>/dev/null", "there is no NumPy here")
  with_path(".npz", function(path)
    result:npz(path)
    local python <close> = io.popen(("python3 -c \"import numpy; d = numpy.load('%s'); "
      .. "print(repr(float(d['distance'][1])), d['x_adv'].dtype, d['trace.loss'].shape)\""):format(path))
    local distance, rest = python:read "a":match "^(%S+) (.*)$"
    lu.assertEquals(tonumber(distance), result.distance[2])
    lu.assertEquals(rest, ("float32 (%d,)\n"):format(#array.concatenate(result.loss, 1)))
  end)
end

function TestRecords:test_latex_escapes_names()
  with_path(".tex", function(path)
    records.optimality:latex(path)
    lu.assertStrContains(text_of(path), "a\\_b\\% & ")
    records.roc:latex(path)
    lu.assertStrContains(text_of(path), "$\\infty$ & 0.0000")
    result:latex(path)
    lu.assertStrContains(text_of(path), "wrong before & 0 & 0 & 0.000 \\\\")
  end)
end

function TestRecords:test_damaged_ones_are_refused()
  with_path("", function(path)
    for kind in pairs(records) do
      data.save_safetensors(path, {}, { ["perigee.session"] =
        ('{"format":3,"values":[{"table":[["a",{"object":["%s",{"table":[]}]}]]}]}'):format(kind) })
      lu.assertErrorMsgContains(("what should be a kind of %s is not"):format(kind), session.restore, path)
    end
  end)
end

-- Wrong by little: a distance beside its points', a ball that is a bit too small, a verdict that this model
-- does not give.
function TestRecords:test_results_that_lie_a_little()
  local path = os.tmpname()
  local function refused(words, change)
    local arrays, texts = data.safetensors(attack.fgsm({ model = net, norm = "l2", dmax = 0.4 })
      :run(blobs:slice(1, 3)):save(path))
    change(arrays, texts)
    data.save_safetensors(path, arrays, texts)
    lu.assertErrorMsgContains(words, perigee.load, path)
  end
  refused("distance of sample 2 is ", function(arrays) arrays.distance[2] = arrays.distance[2] - 1e-4 end)
  refused("more than its dmax", function(_, texts)
    local count
    texts.perigee, count = texts.perigee:gsub('"dmax":0%.4,', '"dmax":0.3,')
    lu.assertEquals(count, 1)
  end)
  refused("label of sample 1 is -1, not a class", function(arrays) arrays.label[1] = -1 end)
  os.remove(path)
end

function TestRecords:test_methods_want_their_objects_and_nothing_more()
  lu.assertErrorMsgContains("history:csv: self: expected the history of a training (is this a call with a "
    .. "dot instead of a colon?)", records.history.csv, "x.csv")
  lu.assertErrorMsgContains("roc:csv: expected at most 1 argument, got 2 as well", records.roc.csv,
    records.roc, "x.csv", 2)
  lu.assertErrorMsgContains("result:json: self: expected an attack's result", result.json, "x.json")
end
