-- The arrays of a result or an SVM could be written, while verdicts, counts and norms stayed those of the old
-- numbers.

local lu = require "luaunit"

TestWrittenResults = {}

-- What is written for other programs is not loaded again; it was "not a safetensors file".
function TestWrittenResults:test_for_others()
  local path = os.tmpname()
  os.rename(path, path .. ".csv")
  lu.assertErrorMsgContains("perigee.load: " .. path .. ".csv was saved for other programs", perigee.load,
    path .. ".csv")
  os.remove(path .. ".csv")
  lu.assertErrorMsgContains("No such file", perigee.load, path .. ".csv")
end

local d = data.digits(30, { seed = 1, classes = { 1, 7 } })

local function refused(a, words)
  local before = a:sum()
  for _, write in ipairs {
    function() a[1] = 0 end, function() a:fill(0) end, function() a:slice({ 1 }):fill(0) end,
    function() a:add_(1) end, function() a:flatten():put({ 1 }, { 9 }) end,
  } do
    lu.assertErrorMsgContains("this array is read-only", write)
  end
  lu.assertEquals(a:sum(), before, words)
end

function TestWrittenResults:test_results()
  local model = svm.new({ kernel = svm.rbf(0.05) }):fit(d)
  local pgd = attack.pgd { model = model, norm = "l2", dmax = 2, max_iter = 3, iterates = true, target = 1 }
  local r = pgd:run(d)
  for _, each in ipairs { r, r[2], r:rescore(model) } do
    for _, name in ipairs {
      "x0", "x_adv", "y", "label", "start_label", "target", "scores", "start_scores", "distance",
    } do
      refused(each[name], name)
    end
    for _, name in ipairs { "loss", "trace", "trace_distance", "iterates" } do
      refused(each[name][1], name)
    end
    for name, a in pairs(each.evaluations) do refused(a, name) end
  end
  for _, name in ipairs { "x_adv", "y", "nonsense" } do
    lu.assertErrorMsgMatches(".*:%d+: result: " .. name .. " cannot be set; r:rescore%(model%) judges the "
      .. "same points by another model, and r.x_adv:copy%(%) can be written", function() r[name] = 1 end)
  end
  lu.assertErrorMsgContains("result: [1] cannot be set", function() r[1] = r[2] end)
  local own = r.x_adv:copy()
  own:fill(0)
  lu.assertTrue(r.x_adv:max() > 0)
end

-- Lists are copies.
function TestWrittenResults:test_lists_are_copies()
  local r = attack.noise({ model = svm.new({}):fit(d), dmax = 0.1, seed = 1 }):run(d)
  local counts, text = r:counts(), tostring(r)
  for i = 1, #r do r.verdict[i], r.start_verdict[i], r.stop[i], r.loss[i] = "evaded", "wrong", "still", {} end
  r.classes[1], r.shape[1], r.params.dmax, r.evaluations.scores = 99, 99, 99, 99
  r.evaluations.gradients, r.params.norm = nil, "l1"
  lu.assertEquals(r:counts(), counts)
  lu.assertEquals(tostring(r), text)
  lu.assertEquals({ r.classes, r.shape, r.params.dmax, r.params.norm }, { { 1, 7 }, { 28, 28 }, 0.1, "l2" })
  lu.assertEquals(r.evaluations.gradients:sum(), 0)
  local path <close> = setmetatable({ os.tmpname() }, { __close = function(p) os.remove(p[1]) end })
  local again = perigee.load(r:save(path[1]))
  lu.assertEquals(again:counts(), counts)
  lu.assertEquals(again.params.dmax, 0.1)
  lu.assertEquals(again.classes, { 1, 7 })
  d.classes[1], d.shape[1] = 99, 99
  lu.assertEquals({ d.classes, d.shape }, { { 1, 7 }, { 28, 28 } })
end

-- What the program reads of a result is the result's own, whatever was written into its tables.
function TestWrittenResults:test_written_parameters_are_not_believed()
  local model = svm.new({ kernel = svm.rbf(0.05) }):fit(d)
  local rejecting = reject.new { model = model, threshold = 100 }
  local r = attack.noise({ model = rejecting, norm = "linf", dmax = 0.1, seed = 1 }):run(d)
  local held = metrics.robust_accuracy(r, { rejection = "paper" })
  r.params.dmax, r.params.norm = 0, "l2"
  lu.assertEquals(metrics.robust_accuracy(r, { rejection = "paper" }), held)
  local w = attack.worst { r, r }
  lu.assertEquals({ w.params.dmax, w.params.norm, w.parts[1].params.dmax }, { 0.1, "linf", 0.1 })
  w.parts[1].name, w.parts[2] = "nobody", nil
  lu.assertEquals({ w.parts[1].name, #w.parts, w.params.parts[1].name }, { "noise", 2, "noise" })
  lu.assertNotStrContains(tostring(w), "nobody")
end

function TestWrittenResults:test_svms()
  local model = svm.new({ kernel = svm.rbf(0.05) }):fit(d)
  local net = nn.new {
    input = { 1, 28, 28 }, nn.flatten(), nn.linear { out = 3 }, nn.relu(), nn.linear { out = 2 },
    classes = { 1, 7 }, seed = 1,
  }
  local layers = { net = net, layers = { "relu1" }, layer_classifier = svm.new {}, combiner = svm.new {} }
  local defence = dnr.new(layers):fit(d)
  for _, m in ipairs { model, defence.combiner, reject.new({ model = model, threshold = 0 }).model } do
    for _, name in ipairs { "sv", "alpha", "b" } do refused(m[name], name) end
  end
end

-- A classifier kept the user's arrays, and the norms of what had stood in them.
function TestWrittenResults:test_an_svm_from_numbers_copies_them()
  local n = {
    sv = array.new { { 0, 0 }, { 1, 1 } }, alpha = array.new({ { -1, 1 } }, { dtype = "f64" }),
    b = array.new({ 0.5 }, { dtype = "f64" }),
  }
  local m = svm.from { sv = n.sv, alpha = n.alpha, b = n.b, classes = { 3, 8 }, kernel = svm.rbf(1) }
  local before = m:scores { 0.9, 0.9 }:totable()
  for _, a in pairs(n) do a:fill(7) end
  lu.assertEquals(m:scores { 0.9, 0.9 }:totable(), before)
end

-- The scores of a double start's points were kept, and used after the points had been written.
function TestWrittenResults:test_attacks_copy_their_arrays()
  local start, lower, target = d.x:copy(), array.zeros(784), array.new({ 1 }, { dtype = "i32" })
  local a = attack.pgd_exp { dmax = 1, start_from = start, lower = lower, target = target }
  start:fill(7)
  lower:fill(7)
  target:fill(7)
  lu.assertEquals(a.start_from:sum(), d.x:sum())
  lu.assertEquals(a.lower:sum(), 0.0)
  lu.assertEquals(a.target:totable(), { 1 })
  refused(a.start_from, "start_from")
  refused(a.lower, "lower")
  a.start_from = d
  refused(a.start_from.x, "a dataset's")
end

-- Weights are copies.
function TestWrittenResults:test_weights_are_copies()
  local net = nn.new { input = 4, nn.linear { out = 2 }, classes = { 1, 2 }, seed = 1 }
  local before = net:scores({ 1, 2, 3, 4 }):totable()
  for _, w in pairs(net:weights()) do w:fill(0) end
  lu.assertEquals(net:scores({ 1, 2, 3, 4 }):totable(), before)
end

-- What a model written in Lua is given is its own: writing over it changes neither samples nor points.
function TestWrittenResults:test_models_in_lua_get_copies()
  local before = d.x:sum()
  local m = { classes = { 1, 7 } }
  function m:scores(x) -- luacheck: ignore self
    local s = array.zeros(#x, 2)
    x:fill(0)
    return s
  end
  pcall(reject.new({ model = m, threshold = 0 }).scores, reject.new { model = m, threshold = 0 }, d)
  lu.assertEquals(d.x:sum(), before)
end
