-- A model that was trained to other classes while it was attacked, by on_step or another function of the
-- user's, was asked on with memory for the old ones: written past with more, read past with fewer, and "10
-- evaded". A whole that was trained by a model written in Lua inside it went on with what that had freed.

local lu = require "luaunit"

TestRefittedModels = {}

local all = data.digits(60, { seed = 1 })
local three = data.digits(30, { seed = 1, classes = { 1, 2, 3 } })
local two = data.digits(20, { seed = 1, classes = { 1, 2 } })
local others = data.new { x = three.x, y = three.y + 4 }
local few = three:slice(1, 4)

local function machine() return svm.new { kernel = svm.rbf(0.01) } end

local kinds = {
  svm = machine,
  knn = function() return classic.knn { k = 3, softness = 5 } end,
  logistic = function() return classic.logistic {} end,
  pipeline = function() return classic.pipeline { classic.pca { components = 5 }, machine() } end,
  nr = function() return reject.new { model = machine(), threshold = 0 } end,
  confidence = function() return reject.confidence { model = machine() } end,
  preprocess = function()
    return reject.preprocess(machine(), function(x) return x end)
  end,
  dnr = function()
    local net = nn.new { input = { 1, 28, 28 }, classes = all.classes, seed = 1, nn.flatten {},
      nn.linear { out = 8, name = "fc" }, nn.relu {}, nn.linear { out = 10 } }
    return dnr.new { net = net, layers = { "fc" }, layer_classifier = machine(), combiner = machine() }
  end,
}

-- An attack whose function of that name trains the model at its second call.
local function attacked(name, part, model, samples)
  local calls = 0
  local function refit()
    calls = calls + 1
    if calls == 2 then model:fit(samples) end
  end
  local parts = {
    on_step = refit,
    objective = function(scores)
      refit()
      return scores:sum(2)
    end,
    direction = function(x)
      refit()
      return x * 0 + 1
    end,
  }
  return attack[name] { model = model, norm = "l2", dmax = 1, max_iter = 4, [part] = parts[part] }
end

local function refused(name, part, model, samples)
  model:fit(three)
  local sentence = "attack.%s: the %s was fitted to other classes while it was attacked"
  local message = sentence:format(name, model.kind)
  lu.assertErrorMsgContains(message, function() attacked(name, part, model, samples):run(few) end)
end

function TestRefittedModels:test_every_kind()
  for _, make in pairs(kinds) do
    local model = make()
    for _, samples in ipairs { all, two, others } do refused("pgd", "on_step", model, samples) end
  end
end

function TestRefittedModels:test_every_way_of_asking()
  local model = machine()
  for _, name in ipairs { "square", "pgd_exp", "apgd", "fmn", "hopskipjump" } do
    for _, samples in ipairs { all, two } do refused(name, "on_step", model, samples) end
  end
  for _, part in ipairs { "objective", "direction" } do
    for _, samples in ipairs { all, two } do refused("pgd", part, model, samples) end
  end
end

-- Training to the same classes goes on, as it always did; so does the model afterwards.
function TestRefittedModels:test_the_same_classes()
  local model = machine():fit(three)
  lu.assertEquals(#attacked("pgd", "on_step", model, three):run(few), 4)
  refused("pgd", "on_step", model, all)
  lu.assertEquals(#attack.pgd({ model = model, norm = "l2", dmax = 1, max_iter = 2 }):run(few), 4)
end

function TestRefittedModels:test_means_and_surrogates()
  local model, other = machine():fit(three), classic.logistic {}:fit(three)
  lu.assertErrorMsgContains("the svm was fitted to other classes while it was attacked", function()
    attack.pgd({ model = model, norm = "l2", dmax = 1, max_iter = 4, samples = 2,
      on_step = function() model:fit(all) end }):run(few)
  end)
  model:fit(three)
  lu.assertErrorMsgContains("the surrogate, a logistic, was fitted to other classes", function()
    attack.transfer({ model = model, surrogate = other, norm = "l2", dmax = 1, max_iter = 4,
      on_step = function() other:fit(two) end }):run(few)
  end)
end

-- The scores of a double start belong to the attack: a second run of it from on_step, or closing it there,
-- freed what the first run was to read.
function TestRefittedModels:test_the_same_attack_inside()
  local model = machine():fit(three)
  local options = { model = model, norm = "l2", dmax = 6, max_iter = 3, eta = 0.1 }
  local straight = attack.pgd(options):run(few)
  options.start_from = three
  local alone = attack.pgd(options):run(few)
  lu.assertTrue((straight.x_adv - alone.x_adv):abs():max() > 0.1)
  local a, inside
  for name, act in pairs {
    run = function() return #a:run(few, { model = machine():fit(all), start_from = all }) end,
    close = function()
      do local _ <close> = a end
      return 4
    end,
  } do
    inside = nil
    local over = {}
    function options.on_step()
      if inside then return end
      inside = true
      inside = act()
      for i = 1, 200 do over[i] = array.ones(80 + i % 20) end
    end
    a = attack.pgd(options)
    local outer = a:run(few)
    lu.assertEquals({ inside, #over }, { 4, 200 })
    lu.assertEquals((outer.x_adv - alone.x_adv):abs():max(), 0, name)
  end
end

-- Samples that were written over meanwhile: answers 7 from them, of a dmax of 1.
function TestRefittedModels:test_samples_written_over()
  local x = few.x:copy()
  local model = machine():fit(three)
  local pgd = attack.pgd { model = model, norm = "l2", dmax = 1, max_iter = 3, restarts = 1, seed = 1 }
  local alone = pgd:run(x)
  local again = pgd:run(x, { on_step = function() x:fill(0) end })
  lu.assertEquals((again.x_adv - alone.x_adv):abs():max(), 0)
  lu.assertTrue(again.distance:max() < 1.001)
end

local USED = "is being used: what it calls cannot train it"

-- A model whose answers come by way of `act`.
local function meddler(classes)
  local m = { classes = classes, act = function() end }
  function m.fit() end
  function m:scores(x)
    self.act()
    return array.zeros(#x, #classes)
  end
  function m:gradient(x)
    self.act()
    return x * 0 + 1
  end
  return m
end

local function meddles(inner, act)
  inner.act = function()
    inner.act = function() end
    act()
  end
end

function TestRefittedModels:test_wholes_around_a_model_in_lua()
  local made = {
    pipeline = function(inner) return classic.pipeline { classic.pca { components = 5 }, inner } end,
    nr = function(inner) return reject.new { model = inner, threshold = 0 } end,
    confidence = function(inner) return reject.confidence { model = inner } end,
    preprocess = function(inner)
      return reject.preprocess(inner, function(x) return x end)
    end,
  }
  for kind, make in pairs(made) do
    local inner = meddler(three.classes)
    local whole = make(inner):fit(three)
    local w = array.ones(#few, #three.classes + (whole.rejects and 1 or 0))
    local arguments = { scores = { few.x }, gradient = { few.x, w } }
    local function refit()
      if kind == "pipeline" then whole:set { ["pca.components"] = 9 } end
      whole:fit(three)
    end
    for _, method in ipairs { "scores", "gradient" } do
      meddles(inner, refit)
      lu.assertErrorMsgContains(("this %s %s"):format(kind, USED), whole[method], whole,
        table.unpack(arguments[method]))
    end
    refit() -- afterwards it may
    lu.assertEquals(whole:scores(few).shape[1], 4)
  end
end

function TestRefittedModels:test_wholes_around_wholes()
  local inner = meddler(three.classes)
  local pipeline = classic.pipeline { classic.pca { components = 5 }, inner }
  local whole = reject.new { model = pipeline, threshold = 0 }
  whole:fit(three)
  meddles(inner, function() pipeline:fit(three) end) -- a part of what is being used
  lu.assertErrorMsgContains("this pipeline " .. USED, whole.scores, whole, few)
  meddles(inner, function() whole:fit(three) end) -- what holds the one that is
  lu.assertErrorMsgContains(USED, pipeline.scores, pipeline, few)
  meddles(inner, function() pipeline:fit_steps(three) end)
  lu.assertErrorMsgContains("fit_steps: this pipeline " .. USED, pipeline.scores, pipeline, few)
end

-- A layer's classifier that trains its neighbour, whose columns the dnr has counted.
function TestRefittedModels:test_parts_of_a_dnr()
  local net = nn.new { input = { 1, 28, 28 }, classes = all.classes, seed = 1, nn.flatten {},
    nn.linear { out = 8, name = "a" }, nn.relu {}, nn.linear { out = 8, name = "b" }, nn.linear { out = 10 } }
  local inner, neighbour = meddler(three.classes), machine()
  function inner.clone() return inner end
  local defence = dnr.new { net = net, layers = { "a", "b" }, combiner = machine(),
    layer_classifiers = { a = inner, b = neighbour } }
  defence:fit(three, { seed = 1 })
  local wide = data.new { x = array.rand(60, 8), y = all.y }
  for _, ask in ipairs { function() return defence:scores(few) end,
    function() return defence:layer_scores(few) end } do
    meddles(inner, function() defence.b:fit(wide) end)
    lu.assertErrorMsgContains("this svm " .. USED, ask)
  end
  lu.assertEquals(defence:scores(few).shape[1], 4)
end

-- Whoever hears of the progress hears of it between two pieces of a long batch.
function TestRefittedModels:test_between_pieces()
  local gnuplot = require("perigee.native").gnuplot
  local model = machine()
  local long = few
  while #long < 1100 do long = long:concat(long) end
  for _, method in ipairs { "scores", "predict", "gradient" } do
    for _, samples in ipairs { all, two } do
      model:fit(three)
      gnuplot.listen(function(what)
        if what ~= "fitting" and #model.classes == 3 then model:fit(samples) end
      end)
      local ok, message = pcall(model[method], model, long, method == "gradient" and array.ones(3) or nil)
      gnuplot.listen(nil)
      lu.assertFalse(ok)
      lu.assertStrContains(message, "the svm was fitted to other classes while it was asked")
    end
  end
end
