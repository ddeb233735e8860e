-- reject.confidence, energy, density, mahalanobis and squeeze: their statistics beside scikit-learn's and
-- SciPy's (reference/rejectors/make.py), their verdicts, gradients, copies and files.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local reference = dofile "tests/lua/reference.lua"
local expected = dofile "tests/reference/rejectors/expected.lua"

TestDetectors = {}

local net, train, test = reference.net(), reference.train(), reference.test()
local n = #test

local function from_python(name) return reference.array("rejectors", name) end

-- All of them, those that learn having learnt.
local function all()
  return {
    reject.confidence { model = net, temperature = expected.temperature },
    reject.energy { model = net, temperature = expected.temperature },
    reject.density { net = net, layer = "relu3", bandwidth = expected.bandwidth }:fit(train),
    reject.mahalanobis { net = net, layers = { "relu1", "relu3" }, weights = expected.weights }:fit(train),
    reject.squeeze { model = net, squeezers = { "median 2", "mean 3" } },
    reject.squeeze { model = net, squeezers = { "bits 1", "median 3" } },
  }
end

local function best(model, x) return model:scores(x or test):slice(nil, { 1, #model.classes }):max(2) end

local function relative(a, b) return reference.gap(a, b) / b:abs():max() end

-- ---- Statistics -----------------------------------------------------------------------------------

function TestDetectors.test_confidence()
  local odds = best(all()[1])
  lu.assertTrue(reference.gap(((odds * -1.0):exp() + 1):pow(-1), from_python "probability") < 1e-5)
  -- All log-odds, of all classes, are those of one softmax.
  local sums = ((all()[1]:scores(test):slice(nil, { 1, 5 }) * -1.0):exp() + 1):pow(-1):sum(2)
  lu.assertTrue(reference.gap(sums, array.ones(n)) < 1e-12)
end

-- Where a softmax is 1 in double, log-odds still differ.
function TestDetectors.test_confidence_where_it_is_sure()
  local sure = { classes = { 0, 1, 2 } }
  function sure.scores(_, x) return array.concatenate({ x * 50, x * 0, x * -7 }, 2) end
  function sure.gradient(_, x, w)
    return (w:slice(nil, { 1, 1 }) * 50 - w:slice(nil, { 3, 3 }) * 7):reshape(#x, 1)
  end
  local model = reject.confidence { model = sure }
  local scores = model:scores(array.new { { 1 }, { 2 }, { 3 } })
  for i = 1, 3 do
    lu.assertAlmostEquals(scores:at(i, 1), 50 * i - math.log(1 + math.exp(-7 * i)), 1e-9)
  end
  lu.assertAlmostEquals(model:gradient(array.new { { 3 } }, { 1, 0, 0, 0 }):at(1, 1), 50, 1e-4)
end

function TestDetectors.test_energy()
  lu.assertTrue(relative(best(all()[2]), from_python "energy") < 1e-6)
end

function TestDetectors.test_density()
  local model, per_class = all()[3], from_python "density"
  local labels, statistic = net:predict(test), best(model)
  for i = 1, n do
    lu.assertAlmostEquals(statistic[i], per_class:at(i, labels[i] + 1), 1e-4)
  end
  lu.assertEquals({ model.points, model.fitted_bandwidth }, { #train, expected.bandwidth })
  -- The other classes' scores: the lesser density, less the margin between the net's scores.
  local scores, z = model:scores(test), net:scores(test)
  for i = 1, n do
    local m = labels[i] + 1
    for c = 1, 5 do
      local own = math.min(per_class:at(i, c), per_class:at(i, m)) - (z:at(i, m) - z:at(i, c))
      lu.assertAlmostEquals(scores:at(i, c), own, 2e-3)
    end
  end
end

-- The bandwidth by the likelihood of samples that are left out, each in turn.
function TestDetectors.test_bandwidth()
  local model = reject.density { net = net, layer = "relu3" }:fit(train)
  lu.assertAlmostEquals(model.fitted_bandwidth, expected.left_out, 2e-5)
  lu.assertEquals(model.bandwidth, nil)
  raises("needs 2 samples of every class", model.fit, model, train:slice(1, 4))
end

function TestDetectors.test_mahalanobis()
  lu.assertTrue(relative(best(all()[4]), from_python "mahalanobis") < 1e-4)
  local model = reject.mahalanobis { net = net, layers = { "relu3" }, shrinkage = expected.shrinkage }
  model:fit(train)
  lu.assertTrue(relative(best(model), from_python "mahalanobis_shrunk") < 1e-4)
  lu.assertEquals(all()[4].weights, expected.weights)
end

-- Units that never fire, and ones that say the same, are left out as by the pseudo-inverse.
function TestDetectors.test_mahalanobis_of_lower_rank()
  local function net_of(copies)
    local wide = nn.new {
      input = { 12 }, classes = { 0, 1, 2, 3, 4 }, seed = 1,
      nn.linear { out = 12 * copies, name = "spread" }, nn.linear { out = 5, name = "out" },
    }
    local rows = {}
    for k = 1, 12 * copies do
      rows[k] = {}
      for j = 1, 12 do rows[k][j] = k <= 48 and (k - 1) % 12 + 1 == j and 1 or 0 end
    end
    local path = os.tmpname()
    data.save_safetensors(path, {
      ["spread.weight"] = array.new(rows), ["spread.bias"] = array.zeros(12 * copies),
      ["out.weight"] = array.ones(5, 12 * copies), ["out.bias"] = array.zeros(5),
    })
    wide:load_weights(path)
    os.remove(path)
    return wide
  end
  local x = data.new { x = array.randn(200, 12, { seed = 1 }), y = array.arange(200) % 5 }
  local function distances(copies)
    local model = reject.mahalanobis { net = net_of(copies), layers = { "spread" } }:fit(x)
    lu.assertEquals(model.ranks, { 12 })
    return best(model, x)
  end
  lu.assertTrue(relative(distances(5), distances(1)) < 1e-4)
end

function TestDetectors.test_squeeze()
  for _, name in ipairs { "bits 1", "bits 3", "median 2", "median 3", "mean 2", "mean 3" } do
    local model = reject.squeeze { model = net, squeezers = { name } }
    local distance = (best(model):exp() + 1):pow(-1) * 2
    lu.assertTrue(reference.gap(distance, from_python("squeeze_" .. name:gsub(" ", "_"))) < 2e-5)
    lu.assertEquals(model.squeezers, { name })
  end
  local both = reject.squeeze { model = net, squeezers = { "median 2", "mean 3" } }
  local farthest = array.stack({ from_python "squeeze_median_2", from_python "squeeze_mean_3" }, 2):max(2)
  lu.assertTrue(reference.gap((best(both):exp() + 1):pow(-1) * 2, farthest) < 2e-5)
  lu.assertEquals(reject.squeeze({ model = net }).squeezers, { "bits 1", "median 2" })
end

-- A linear model of the samples as images of so many channels: its rounded cosines are also Python's.
local function linear(channels)
  local made = nn.new {
    input = channels == 3 and { 3, 6, 8 } or { 1, 12, 12 }, classes = { 0, 1, 2, 3, 4 }, seed = 1,
    nn.flatten {}, nn.linear { out = 5, name = "out" },
  }
  local rows = {}
  for k = 1, 5 do
    rows[k] = {}
    for j = 1, 144 do rows[k][j] = math.cos((k - 1) * 144 + j - 1) end
  end
  local path = os.tmpname()
  data.save_safetensors(path, { ["out.weight"] = array.new(rows), ["out.bias"] = array.zeros(5) })
  made:load_weights(path)
  os.remove(path)
  return made
end

local function by_means(channels, sizes)
  return reject.squeeze { model = linear(channels), squeezers = { "nlm " .. sizes } }
end

function TestDetectors.test_nonlocal_means()
  local x = test.x:slice { 1, 30 }
  local function check(channels, sizes)
    local model = by_means(channels, sizes)
    local distance = (best(model, x):exp() + 1):pow(-1) * 2
    local theirs = from_python(("nlm_%s_of_%d"):format(sizes:gsub(" ", "_"), channels))
    lu.assertTrue(reference.gap(distance, theirs) < 1e-5, sizes)
    lu.assertEquals(model.squeezers, { "nlm " .. sizes })
  end
  check(1, "5 3 60")
  check(1, "4 2 90")
  check(1, "11 3 4")
  check(3, "5 3 60")
  check(3, "4 2 90")
end

-- Its sizes go where the model goes, and no indicator says that an attack on it was blind.
function TestDetectors.test_copies_of_nonlocal_means()
  local model = by_means(3, "7 3 40")
  model.threshold = model:threshold_for(0.1, test)
  local path = os.tmpname()
  model:save(path)
  lu.assertEquals(model:clone().squeezers, { "nlm 7 3 40" })
  for _, other in ipairs { perigee.load(path), model:with { threshold = model.threshold } } do
    lu.assertEquals(other.squeezers, { "nlm 7 3 40" })
    lu.assertEquals(reference.gap(other:scores(test), model:scores(test)), 0)
  end
  os.remove(path)
  local found = evaluate.diagnose { model = model, data = test:slice(1, 10), budget = 2000, seed = 1,
    attack = attack.auto { model = model, norm = "l2", dmax = 1, quick = true } }
  lu.assertEquals(#found.alarms, 0, tostring(found))
end

-- ---- Verdicts -------------------------------------------------------------------------------------

function TestDetectors.test_verdicts()
  for _, model in ipairs(all()) do
    local statistic, labels = best(model), net:predict(test)
    lu.assertTrue(model.rejects and model:predict(test):eq(labels):all())
    for _, p in ipairs { 0, 0.1, 0.35, 1 } do
      model.threshold = model:threshold_for(p, test)
      local threshold = model.threshold
      lu.assertEquals(model:scores(test):slice(nil, { 6, 6 }):max(), threshold)
      lu.assertEquals(metrics.rejection_rate(model, test), (p * n + 1e-9) // 1 / n)
      lu.assertTrue(model:predict(test):eq(array.where(statistic:gt(threshold), labels, -1)):all())
    end
  end
end

-- ---- Gradients ------------------------------------------------------------------------------------

-- Along directions of its own at each sample, by differences that are central.
local function off(model, x, w, step)
  local u = array.randn(x.shape, { seed = 4 })
  local there, back = (x + u * step):astype "f32", (x - u * step):astype "f32"
  local change = (model:scores(there) - model:scores(back)):slice(nil, { 1, 5 })
  local rise = (change * w:slice(nil, { 1, 5 })):sum(2)
  local slope = (model:gradient(x, w) * (there - back)):sum(2)
  return (rise - slope):abs(), slope:abs():max()
end

function TestDetectors.test_gradients()
  -- No two pixels are the same: a median has two slopes where they are.
  local x = (test.x * 0.8 + array.rand(test.x.shape, { seed = 5 }) * 0.1 + 0.05):slice { 1, 30 }
  for k, model in ipairs(all()) do
    if k < 6 then
      for c = 1, 6 do
        local w = array.randn(30, 6, { seed = 2, dtype = "f64" })
        if c < 6 then w = w * 0 + array.eye(6)[c] end
        local gaps, most = off(model, x, w, 2e-4)
        -- A few steps cross an edge of a ReLU, a median or a least one.
        local sorted = gaps:sort()
        lu.assertTrue(sorted[24] < 4e-3 * most, ("%s, column %d"):format(model, c))
      end
      lu.assertTrue(reject.check(model, test).ok, tostring(model))
    end
  end
end

-- Where the view of bits is the least sure of a class, the gradient is taken there, and goes on by the slope
-- of a step's mean over noise, a normal density around the edge.
function TestDetectors.test_slopes_of_bits()
  local model = reject.squeeze { model = net, squeezers = { "bits 1" } }
  local sure, x = reject.confidence { model = net }, test.x
  local rounded = x:round()
  local here, there = sure:scores(x), sure:scores(rounded)
  local slope = x * 0
  for edge = -2.5, 3.5 do
    slope = slope + (((x - edge) / 0.15):square() * -0.5):exp() / math.sqrt(2 * math.pi) / 0.15
  end
  local labels, seen = net:predict(x), 0
  for i = 1, n do
    for c = 1, 5 do
      local m = labels[i] + 1
      if c ~= m and there:at(i, c) < here:at(i, c) then
        local w, margin = array.zeros(6), array.zeros(5)
        w[c], margin[c], margin[m] = 1, 1, -1
        local own = sure:gradient(rounded:slice { i, i }, w) * slope:slice { i, i }
        own = own + net:gradient(x:slice { i, i }, margin)
        lu.assertTrue(relative(model:gradient(x:slice { i, i }, w), own) < 1e-5)
        seen = seen + 1
      end
    end
  end
  lu.assertTrue(seen > 50)
  lu.assertEquals(model.gradient_is, "surrogate")
  lu.assertEquals(reject.squeeze({ model = net, squeezers = { "median 2" } }).gradient_is, nil)
end

-- The weights' own slopes count; what windows reach outside goes back to the pixel it mirrors.
function TestDetectors.test_slopes_of_nonlocal_means()
  local x, w = test.x:slice { 1, 30 }, array.randn(30, 6, { seed = 2, dtype = "f64" })
  for channels, sizes in pairs { [1] = "4 2 90", [3] = "5 3 60" } do
    local model = by_means(channels, sizes)
    local gaps, most = off(model, x, w, 1e-3)
    lu.assertTrue(gaps:sort()[27] < 2e-3 * most, sizes)
    lu.assertEquals(model.gradient_is, nil)
  end
end

-- Far from all points every kernel is 0 in double, but not its logarithm or the gradient of that.
function TestDetectors.test_a_density_does_not_die()
  local model = reject.density { net = net, layer = "relu3", bandwidth = 0.02 }:fit(train)
  local scores, slopes = best(model), model:gradient(test, { 1, 0, 0, 0, 0, 0 })
  lu.assertTrue(scores:min() < -5000 and scores:isfinite():all())
  lu.assertTrue(slopes:isfinite():all() and slopes:square():sum(2):min() > 1)
end

-- One sample alone and within a batch; scores with a gradient and without.
function TestDetectors.test_batches()
  local w = array.randn(n, 6, { seed = 1, dtype = "f64" })
  for _, model in ipairs(all()) do
    local scores, slopes = model:scores(test), model:gradient(test, w)
    local sample = test.x:slice { 7, 7 }
    local one, slope = model:scores(sample), model:gradient(sample, w:slice { 7, 7 })
    lu.assertTrue(reference.gap(one:slice(nil, { 1, 5 }), scores:slice({ 7, 7 }, { 1, 5 })) < 1e-3)
    lu.assertTrue(relative(slope, slopes:slice { 7, 7 }) < 1e-3)
    lu.assertEquals(model:scores(array.zeros(0, 144)).shape, { 0, 6 })
  end
end

-- ---- Attacks --------------------------------------------------------------------------------------

-- An attack that sees a defence finds more than one on the bare net whose points it judges.
function TestDetectors.test_attacks_see_them()
  local some = test:slice(1, 20)
  local function evaded(model, dmax)
    local direct = attack.auto({ model = model, norm = "l2", dmax = dmax }):run(some, { seed = 1 })
    local transfer = attack.auto({ model = net, norm = "l2", dmax = dmax }):run(some, { seed = 1 })
    return direct:counts().evaded, transfer:rescore(model):counts().evaded
  end
  for _, model in ipairs(all()) do
    model.threshold = model:threshold_for(0.1, train)
    local found, carried = evaded(model, model.kind == "density" and 1.5 or 1)
    lu.assertTrue(found >= carried + 5, ("%s: %d, %d"):format(model, found, carried))
  end
  -- Narrow kernels have many tops, and starts at random find more of them.
  local narrow = reject.density { net = net, layer = "relu3" }:fit(train)
  narrow.threshold = narrow:threshold_for(0.1, train)
  local parts = attack.auto { model = narrow, norm = "l2", dmax = 1.5 }
  lu.assertEquals(parts[#parts].name, "pgd")
  local result = parts:run(some, { seed = 1 })
  lu.assertTrue(result.source:eq(#parts):sum() >= 2)
  -- The slope of a blurred step sees bits that straight through it are hardly seen.
  local bits = reject.squeeze { model = net, squeezers = { "bits 1" } }
  lu.assertEquals(attack.auto({ model = bits, norm = "l2", dmax = 1 })[2].name, "stairs")
end

-- No indicator says that an attack on them was blind.
function TestDetectors.test_diagnoses()
  for _, model in ipairs(all()) do
    model.threshold = model:threshold_for(0.1, train)
    local found = evaluate.diagnose { model = model, data = test:slice(1, 10), budget = 4000, seed = 1,
      attack = attack.auto { model = model, norm = "l2", dmax = 1, quick = true } }
    lu.assertEquals(#found.alarms, 0, tostring(found))
  end
end

-- ---- As other models ------------------------------------------------------------------------------

function TestDetectors.test_copies_and_files()
  for _, model in ipairs(all()) do
    model.threshold = model:threshold_for(0.2, test)
    local path = os.tmpname()
    model:save(path)
    local loaded = perigee.load(path)
    os.remove(path)
    lu.assertEquals(tostring(loaded), tostring(model))
    lu.assertEquals(reference.gap(loaded:scores(test), model:scores(test)), 0)
    local other = model:with { threshold = 1.5 }
    lu.assertEquals({ other.threshold, other:scores(test):at(1, 6) }, { 1.5, 1.5 })
    lu.assertEquals(reference.gap(best(other), best(model)), 0)
    local clone = model:clone()
    lu.assertEquals({ clone.threshold, clone.kind }, { model.threshold, model.kind })
    model:set { threshold = 0.25 }
    lu.assertEquals(model:get "threshold", 0.25)
  end
end

function TestDetectors.test_files_of_what_is_not_fitted()
  for _, model in ipairs { reject.density { net = net, layer = "relu3" },
    reject.mahalanobis { net = net, layers = { "relu3" }, shrinkage = 0.5 } } do
    local path = os.tmpname()
    model:save(path)
    local loaded = perigee.load(path)
    os.remove(path)
    lu.assertEquals(tostring(loaded), tostring(model))
    raises("is not fitted yet", loaded.scores, loaded, test)
    lu.assertEquals(#loaded:fit(train).classes, 5)
  end
end

function TestDetectors.test_options()
  local energy = reject.energy { model = net }
  local once = best(energy)
  energy.temperature = expected.temperature
  lu.assertTrue(relative(best(energy), from_python "energy") < 1e-6)
  lu.assertTrue(reference.gap(once, best(energy)) > 0.1)
  local density = reject.density { net = net, layer = "relu3" }:fit(train)
  local wider = density:with { bandwidth = expected.bandwidth }
  lu.assertTrue(reference.gap(best(wider), best(all()[3])) < 1e-9)
  lu.assertEquals(density:set({ bandwidth = 2 }).bandwidth, 2)
  lu.assertAlmostEquals(density.fitted_bandwidth, expected.left_out, 2e-5) -- until the next fit
  lu.assertEquals(density:fit(train).fitted_bandwidth, 2)
  density.bandwidth = nil
  lu.assertEquals(density.bandwidth, nil)
  lu.assertAlmostEquals(density:fit(train).fitted_bandwidth, expected.left_out, 2e-5)
  local gaussian = reject.mahalanobis { net = net, layers = { "relu3" } }:fit(train)
  raises("only training uses it", gaussian.with, gaussian, { shrinkage = 0.5 })
end

-- A threshold as users know it.
function TestDetectors.test_a_probability()
  local probability = from_python "probability" -- at the temperature of all()
  local model = reject.confidence { model = net, temperature = expected.temperature, probability = 0.9 }
  lu.assertAlmostEquals(model.threshold, math.log(9), 1e-12)
  lu.assertAlmostEquals(model.probability, 0.9, 1e-12)
  local labels = array.where(probability:gt(0.9), net:predict(test), -1)
  lu.assertTrue(model:predict(test):eq(labels):all() and (labels:eq(-1)):any())
  model.threshold = 0
  lu.assertEquals(model.probability, 0.5)
  lu.assertEquals(reject.confidence({ model = net, probability = 0 }).threshold, -math.huge)
  lu.assertEquals(reject.confidence({ model = net }).probability, 0)
  raises("probability: expected", reject.confidence, { model = net, probability = 1 })
  raises("give one of them", reject.confidence, { model = net, probability = 0.5, threshold = 1 })
  raises("unknown option 'probability'", reject.energy, { model = net, probability = 0.5 })
end

-- What was learnt is of the net as it was then.
function TestDetectors.test_a_net_that_has_changed()
  local other = reference.net()
  local density = reject.density { net = other, layer = "relu3" }:fit(train)
  local gaussian = reject.mahalanobis { net = other, layers = { "relu3" } }:fit(train)
  nn.train(other, train, { epochs = 1, seed = 1 })
  local path = os.tmpname()
  for _, model in ipairs { density, gaussian } do
    for _, one in ipairs { model, model:with { threshold = 1 } } do
      raises("was fitted before the net was trained or changed: fit it again", one.scores, one, test)
      raises("fit it again", one.gradient, one, test, { 1, 0, 0, 0, 0, 0 })
      raises("fit it again", one.save, one, path)
    end
    lu.assertEquals(#model:fit(train):scores(test), n)
    model:save(path)
    lu.assertEquals(#perigee.load(path):scores(test), n)
  end
  os.remove(path)
  lu.assertEquals(#reject.confidence({ model = other }):scores(test), n)
end

-- A class without a point, the others with all of them.
function TestDetectors.test_a_density_without_points_of_a_class()
  local path = os.tmpname()
  local arrays, texts = data.safetensors(reject.density({ net = net, layer = "relu3" }):fit(train):save(path))
  lu.assertEquals(arrays.count:sum(), #train)
  arrays.count[2], arrays.count[1] = arrays.count[1] + arrays.count[2], 0
  data.save_safetensors(path, arrays, texts)
  raises("a density's counts do not agree with its points", perigee.load, path)
  os.remove(path)
end

-- Their parts can be others: an svm, an nr's model, a model written in Lua.
function TestDetectors.test_around_other_models()
  local machine = svm.new({ kernel = svm.rbf(0.05), C = 10 })
  local model = reject.confidence { model = machine }
  raises("is not fitted yet", model.scores, model, test)
  lu.assertIs(model:fit(train), model)
  lu.assertTrue(model:predict(test):eq(machine:predict(test)):all())
  model:set { C = 2 }
  lu.assertEquals(machine.C, 2)
  local lua_model = { classes = net.classes, features = 144 }
  function lua_model.scores(_, x) return net:scores(x) end
  function lua_model.gradient(_, x, w) return net:gradient(x, w) end
  local w = array.randn(n, 6, { seed = 1, dtype = "f64" })
  for _, kind in ipairs { "confidence", "energy", "squeeze" } do
    local squeezers = kind == "squeeze" and { "bits 2" } or nil
    local bare = reject[kind] { model = net, squeezers = squeezers }
    local around = reject[kind] { model = lua_model, squeezers = squeezers }
    lu.assertEquals(reference.gap(around:scores(test), bare:scores(test)), 0)
    lu.assertTrue(relative(around:gradient(test, w), bare:gradient(test, w)) < 1e-5)
    raises("cannot be saved", around.save, around, "/dev/null")
  end
end

-- What was learnt of a net's features says nothing of other features; what learns nothing goes on.
function TestDetectors.test_a_net_that_was_trained_again()
  local own = perigee.load(net:save(os.tmpname()))
  local density = reject.density { net = own, layer = "relu3" }:fit(train)
  local far = reject.mahalanobis { net = own, layers = { "relu3" } }:fit(train)
  local energy, narrow = reject.energy { model = own }, density:with { bandwidth = 0.1 }
  own.lr = 0.5 -- changes no answer
  lu.assertEquals(#density:scores(test), #narrow:scores(test))
  own:fit(train, { epochs = 1, seed = 1 })
  lu.assertEquals(#energy:scores(test), n)
  local function refused(kind, model)
    raises("this " .. kind .. " was fitted before the net was trained or changed: fit it again", model.scores,
      model, test)
  end
  refused("density", density)
  refused("density", narrow)
  refused("density", density:with { threshold = 0 })
  refused("mahalanobis", far)
  raises("this mahalanobis was fitted before the net", far.gradient, far, test, { 1, 0, 0, 0, 0, 0 })
  raises("this density was fitted before the net", density.save, density, os.tmpname()) -- nor as it was then
  raises("this density was fitted before the net", evaluate.security, { models = density,
    attack = attack.fgsm { dmax = 1 }, dmax = 1, data = test:slice(1, 2), noise = false, validation = test })
  lu.assertEquals(#density:fit(train):scores(test), n)
  refused("density", narrow)
end

-- An evaluation sets the threshold of whatever rejects, in a copy, by samples that are held out.
function TestDetectors.test_thresholds_of_an_evaluation()
  local own = { classes = net.classes, scores = function(_, x) return net:scores(x) end,
    gradient = function(_, x, w) return net:gradient(x, w) end }
  local machine = svm.new { kernel = svm.rbf(0.1) }
  local models = {
    { "net", reject.new { model = net } }, { "lua", reject.new { model = own } },
    { "preprocess", reject.preprocess(reject.new { model = net }, function(x) return x:minimum(0.9) end) },
    { "pipeline", classic.pipeline { classic.unit_norm {}, reject.new { model = machine } }:fit(train) },
    { "two", classic.pipeline { classic.unit_norm {}, classic.pipeline { classic.standard {},
      reject.new { model = machine } } }:fit(train) },
  }
  local s = evaluate.security { models = models, attack = attack.fgsm { norm = "l2" }, dmax = 1,
    data = test:slice(1, 2), validation = test, rejection_rate = 0.25, noise = false, seed = 1 }
  for _, cell in ipairs(s.cells) do
    local model
    for _, entry in ipairs(models) do model = entry[1] == cell.model and entry[2] or model end
    lu.assertEquals(cell.rows.threshold, model:threshold_for(0.25, test))
    lu.assertEquals(metrics.rejection_rate(model, test), 0) -- it is as it was
  end
  local copy = models[1][2]:with { threshold = 1e9 }
  lu.assertEquals(metrics.rejection_rate(copy, test), 1)
end

function TestDetectors.test_refusals()
  raises("reject.energy: the nr already rejects", reject.energy, { model = reject.new { model = net } })
  raises("temperature: expected a number above 0", reject.confidence, { model = net, temperature = 0 })
  raises("no layer \"relu9\"", reject.density, { net = net, layer = "relu9" })
  raises("\"relu3\" comes twice", reject.mahalanobis, { net = net, layers = { "relu3", "relu3" } })
  raises("a number for each of layers", reject.mahalanobis,
    { net = net, layers = { "relu3" }, weights = { 1, 2 } })
  raises("expected \"bits b\"", reject.squeeze, { model = net, squeezers = { "jpeg 3" } })
  for _, name in ipairs { "nlm 5", "nlm 5 3", "nlm 36 3 4", "nlm 5 16 4", "nlm 5 3 0", "nlm 5 3 4 4",
    "bits 1 2" } do
    raises("got \"" .. name .. "\"", reject.squeeze, { model = net, squeezers = { name } })
  end
  raises("\"nlm 5 3 4\" is for images", reject.squeeze, { squeezers = { "nlm 5 3 4" },
    model = svm.new({ kernel = svm.linear() }):fit(data.new { x = train.x, y = train.y }) })
  raises("\"median 2\" is for images", reject.squeeze, {
    model = svm.new({ kernel = svm.linear() }):fit(data.new { x = train.x, y = train.y }) })
  local density = reject.density { net = net, layer = "relu3", bandwidth = 1 }
  raises("which is none of the net's classes", density.fit, density,
    data.new { x = train.x:slice { 1, 2 }, y = { 0, 7 } })
  raises("of class 1 there are 0", density.fit, density, data.new { x = train.x:slice { 1, 1 }, y = { 0 } })
  raises("samples have 3 features", density.fit, density, data.new { x = array.zeros(2, 3), y = { 0, 1 } })
end
