-- Results whose labels or distances did not belong to their scores and points were taken from files without a
-- word; then a DNR was refused whose layer classifiers know other classes than its combiner, as they may.

local lu = require "luaunit"

TestDisagreeingFiles = {}

local d = data.digits(60, { seed = 1, classes = { 1, 7 } })

local function raises(message, f, ...)
  lu.assertErrorMsgContains(message, f, ...)
end

-- The message with which the saved object is refused after `from` in its file has become `to`, which is as
-- long; `after`: where to look.
local function refusal(object, from, to, after)
  local path = os.tmpname()
  object:save(path)
  local file <close> = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  local first, last = bytes:find(from, after and select(2, bytes:find(after, 1, true)) or 1, true)
  lu.assertNotNil(first, from)
  lu.assertEquals(#to, #from)
  local out <close> = assert(io.open(path, "wb"))
  out:write(bytes:sub(1, first - 1), to, bytes:sub(last + 1))
  out:flush()
  local ok, message = pcall(perigee.load, path)
  os.remove(path)
  lu.assertFalse(ok, ("%q loads"):format(to))
  return message
end

local function fitted(kernel, samples) return svm.new({ kernel = kernel }):fit(samples) end

local function defence_of(classifier, combiner)
  local net = nn.new { input = 2, classes = { 1, 7 }, seed = 1,
    nn.linear { out = 2, name = "out" } }
  return dnr.new { net = net, layers = { "out" }, layer_classifiers = { out = classifier },
    combiner = combiner }
end

-- A classifier of three classes under a combiner of two.
function TestDisagreeingFiles:test_dnr()
  local small = data.new { x = array.rand(30, 2, { seed = 1 }), y = array.arange(30) % 2 * 6 + 1 }
  local thirds = small:with { y = array.arange(30) % 3 }
  local classifier = fitted(svm.rbf(1), thirds)
  local scores = classifier:scores(nn.new { input = 2, classes = { 1, 7 }, seed = 1,
    nn.linear { out = 2, name = "out" } }:scores(small))
  local good = defence_of(classifier, fitted(svm.rbf(2), data.new { x = scores, y = small.y }))
  local path = os.tmpname()
  local loaded = perigee.load(good:save(path))
  lu.assertEquals({ loaded.classes, loaded.out.classes }, { { 1, 7 }, { 0, 1, 2 } })
  lu.assertEquals(loaded:scores(small):totable(), good:scores(small):totable())
  lu.assertEquals(good:layer_scores(small):totable(), scores:astype("f32"):totable())
  lu.assertTrue(reject.check(good, small).ok)
  -- what the combiner does not take
  raises("combiner: the svm takes 2 features, its input here has 3", defence_of, classifier,
    fitted(svm.rbf(2), small))
  local arrays, texts = data.safetensors(path)
  for _, name in ipairs { "combiner.sv", "out.sv" } do
    local of, was = name:match "^%a+", arrays[name]
    arrays[name] = array.zeros(was.shape[1], 4)
    data.save_safetensors(path, arrays, texts)
    arrays[name] = was
    raises(("dnr: %s: the svm takes 4 features, its input here has %d"):format(of, was.shape[2]),
      perigee.load, path)
  end
  -- a part that was fitted by itself afterwards
  good.out:fit(small)
  for _, call in ipairs { good.save, good.scores } do
    raises("dnr:", call, good, call == good.save and path or small)
  end
  os.remove(path)
end

local model = fitted(svm.rbf(0.05), d)
local result = attack.pgd({ model = model, norm = "l2", dmax = 1, max_iter = 5 }):run(d:slice(1, 4))

function TestDisagreeingFiles:test_scores_and_labels()
  for _, of in ipairs { { "scores", "label" }, { "start_scores", "start_label" } } do
    local scores, label = result[of[1]], result[of[2]]
    local whole = string.pack("<dd", scores:at(1, 1), scores:at(1, 2))
    for _, value in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
      lu.assertStrContains(refusal(result, whole, string.pack("<dd", value, scores:at(1, 2))),
        ("attack result: %s of sample 1 is %d, but its scores are not finite"):format(of[2], label[1]))
    end
    lu.assertStrContains(refusal(result, whole, string.pack("<dd", scores:at(1, 2), scores:at(1, 1))),
      ("attack result: %s of sample 1 is not that of its scores, %d"):format(of[2], 8 - label[1]))
  end
end

function TestDisagreeingFiles:test_distances()
  local first = string.pack("<dd", result.distance[1], result.distance[2])
  for _, value in ipairs { 0 / 0, 1 / 0, -1, 0, result.distance[1] * 2 } do
    lu.assertStrContains(refusal(result, first, string.pack("<dd", value, result.distance[2])),
      "attack result: distance of sample 1 is ")
  end
  local way = result[1].trace_distance[1]
  local second = string.pack("<dd", way[1], way[2])
  for _, value in ipairs { 0 / 0, -1 } do
    lu.assertStrContains(refusal(result, second, string.pack("<dd", way[1], value)),
      "attack result: trace.distance of sample 1, iterate 2, is ")
  end
end

-- The message with which the result is refused after arrays or texts of its file have been changed.
local function changed(of, change)
  local path = os.tmpname()
  local arrays, texts = data.safetensors(of:save(path))
  change(arrays, texts)
  data.save_safetensors(path, arrays, texts)
  local ok, message = pcall(perigee.load, path)
  os.remove(path)
  return ok and "it loads" or message
end

local function spoil(points, value) points:slice({ 2, 2 }, { 3, 3 }):fill(value) end

function TestDisagreeingFiles:test_points()
  for _, name in ipairs { "x0", "x_adv" } do
    for _, value in ipairs { 0 / 0, 1 / 0 } do
      lu.assertStrContains(changed(result, function(arrays) spoil(arrays[name], value) end),
        ("attack result: %s of sample 2: feature 3 is not a finite number"):format(name))
    end
  end
  -- those of attack.judge with check = false are kept, by themselves and as a part
  local x_adv = result.x_adv:copy()
  spoil(x_adv, 0 / 0)
  local judged = attack.judge { model = model, x0 = d:slice(1, 4), x_adv = x_adv, norm = "linf",
    check = false }
  lu.assertNotEquals(judged.distance[2], judged.distance[2])
  for _, of in ipairs { judged, attack.worst { judged, judged } } do
    lu.assertEquals(changed(of, function() end), "it loads")
    lu.assertStrContains(changed(of, function(arrays) arrays.distance[2] = 0 end),
      "distance of sample 2 is 0")
  end
end

function TestDisagreeingFiles:test_iterates()
  lu.assertStrContains(changed(result, function(arrays) arrays["trace.distance"]:fill(0.5) end),
    "attack result: distance of sample 1 is ")
  lu.assertStrContains(changed(result, function(arrays) arrays["trace.distance"][2] = 77 end),
    "attack result: trace.distance of sample 1, iterate 2, is 77")
  local options = { model = model, norm = "l2", dmax = 1, max_iter = 5, iterates = true }
  local pixels = attack.pgd(options):run(d:slice(1, 4))
  lu.assertStrContains(changed(pixels, function(arrays) arrays["trace.distance"][2] = 0.9 end),
    "attack result: trace.distance of sample 1, iterate 2, is 0.9, but the iterate is ")
end

function TestDisagreeingFiles:test_numbers_and_parameters()
  for name, value in pairs { stop = 99, score_count = -1, gradient_count = -5, gradient_start = -1 } do
    lu.assertStrContains(changed(result, function(arrays) arrays[name][2] = value end),
      ("attack result: %s of sample 2 is %d"):format(name, value))
  end
  lu.assertStrContains(changed(result, function(arrays) arrays["trace.gradient_norm"][2] = -1 end),
    "attack result: trace.gradient_norm of sample 1 is -1")
  local machine = svm.new { kernel = svm.rbf(0.1) }
  machine:fit(d)
  local kernels = attack.pgd({ model = machine, dmax = 1, max_iter = 3 }):run(d:slice(1, 4))
  lu.assertStrContains(changed(kernels, function(arrays) arrays.kernel_end[3] = 1.5 end),
    "attack result: kernel_end of sample 3 is 1.5")
  lu.assertStrContains(changed(kernels, function(arrays) arrays["trace.largest_kernel"][1] = -0.5 end),
    "attack result: trace.largest_kernel of sample 1 is -0.5")
  local function said(from, to)
    return changed(result, function(_, texts)
      local count
      texts.perigee, count = texts.perigee:gsub(from, to)
      lu.assertEquals(count, 1)
    end)
  end
  lu.assertStrContains(said('"norm":"l2"', '"norm":"l1"'),
    'attack result: its norm is l2, in its params it is "l1"')
  lu.assertStrContains(said('"dmax":1', '"dmax":0.25'), "more than its dmax")
end

function TestDisagreeingFiles:test_infinite_weights()
  local net = nn.new { input = { 2 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2, name = "f" } }
  for _, value in ipairs { 1 / 0, -1 / 0 } do
    lu.assertStrContains(refusal(net, string.pack("<f", net:weights()["f.weight"]:at(2, 1)),
      string.pack("<f", value)), "f.weight: number 3 is infinite")
    lu.assertStrContains(refusal(model, string.pack("<d", model.b[1]), string.pack("<d", value)),
      "b: number 1 is infinite")
    raises("svm.from: sv: number 2 is infinite", svm.from,
      { sv = { { 1, value } }, alpha = { { 1 } }, b = { 0 }, classes = { 0, 1 } })
  end
end
