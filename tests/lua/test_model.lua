-- What all models have in common, and models written in Lua.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

-- Score c of sample x is −‖x − centre c‖² / 2; calls are counted.
local function centres(list, more)
  local model = { classes = {}, calls = 0 }
  for i, c in ipairs(list) do
    model.classes[i] = c.label
  end
  function model:scores(x)
    self.calls = self.calls + 1
    local rows = {}
    for i = 1, #x do
      rows[i] = {}
      for k, c in ipairs(list) do
        local sum = 0
        for j, v in ipairs(c) do sum = sum + (x:at(i, j) - v) ^ 2 end
        rows[i][k] = -sum / 2
      end
    end
    return rows
  end
  function model:gradient(x, w)
    self.calls = self.calls + 1
    local rows = {}
    for i = 1, #x do
      rows[i] = {}
      for j = 1, x.shape[2] do
        local sum = 0
        for k, c in ipairs(list) do sum = sum - w:at(i, k) * (x:at(i, j) - c[j]) end
        rows[i][j] = sum
      end
    end
    return array.new(rows)
  end
  for key, value in pairs(more or {}) do model[key] = value end
  return model
end

local function two() return centres { { 0, 0, label = 3 }, { 4, 0, label = 7 } } end

local points = array.new { { 0, 1 }, { 4, 1 }, { 1, 0 } }

TestLuaModel = {}

function TestLuaModel:test_wrapped_scores_are_one_call_a_batch()
  local model = two()
  local nr = reject.new { model = model }
  local scores = nr:scores(points)
  lu.assertEquals(model.calls, 1)
  lu.assertEquals(scores.shape, { 3, 3 })
  lu.assertEquals(scores.dtype, "f64")
  lu.assertAlmostEquals(scores:at(1, 1), -0.5, 1e-12)
  lu.assertAlmostEquals(scores:at(1, 2), -8.5, 1e-12)
  lu.assertEquals(scores:at(1, 3), -math.huge)
  lu.assertEquals(nr:predict(points):totable(), { 3, 7, 3 })
  lu.assertEquals(nr.classes, { 3, 7 })
  lu.assertTrue(nr.rejects)
  lu.assertEquals(nr.features, 2)
  lu.assertEquals(nr.kind, "nr")
  lu.assertIs(nr.model, model)
end

function TestLuaModel:test_gradient()
  local nr = reject.new { model = two(), threshold = -1 }
  local gradient = nr:gradient(points, { { 1, 0, 9 }, { 0, 1, 9 }, { 1, -1, 9 } })
  lu.assertEquals(gradient:totable(), { { 0, -1 }, { 0, -1 }, { -4, 0 } })
  -- one row of weights serves all samples; one sample may be 1-d
  lu.assertEquals(nr:gradient(points, { 1, 0, 0 }):totable()[2], { -4, -1 })
  lu.assertEquals(nr:gradient(points[1], { 1, 0, 0 }):totable(), { { 0, -1 } })
  raises("w is (2, 3), expected (3, 3) or (3,)", nr.gradient, nr, points, { { 1, 0, 0 }, { 0, 1, 0 } })
  raises("w is a number, expected (3, 3) or (3,)", nr.gradient, nr, points, 7)
end

function TestLuaModel:test_errors_keep_their_words()
  local model = two()
  function model.scores() error("the oracle is tired") end
  local nr = reject.new { model = model }
  raises("the oracle is tired", nr.scores, nr, points)
  function model.scores() error { code = 7 } end
  raises("raised the table { code = 7 }", nr.scores, nr, points)
  function model.scores() return { { 1, 2 }, { 3, 4 } } end
  raises("the Lua model answered (2, 2), expected (3, 2)", nr.scores, nr, points)
  function model.scores() return "high" end
  raises("the Lua model's answer", nr.scores, nr, points)
  function model.scores() return { { 1, 2 }, { 3, 0 / 0 }, { 5, 6 } } end
  raises("the scores of sample 2 are not all numbers", nr.predict, nr, points)
  model.gradient = nil
  raises("no gradient method", nr.gradient, nr, points, { 1, 0, 0 })
end

function TestLuaModel:test_shape_of_a_model()
  raises("a model (or a table with scores and classes)", reject.new, { model = {} })
  raises("a model (or a table with scores and classes), got nothing", reject.new, {})
  raises("needs classes", reject.new, { model = { scores = print } })
  raises("in rising order", reject.new, { model = { scores = print, classes = { 7, 3 } } })
  raises("in rising order", reject.new, { model = { scores = print, classes = { "a" } } })
  raises("in rising order", reject.new, { model = { scores = print, classes = 10 } })
  raises("already rejects", reject.new, { model = { scores = print, classes = { 0 }, rejects = true } })
end

function TestLuaModel:test_width_is_checked()
  local nr = reject.new { model = centres({ { 0, 0, label = 0 } }, { features = 2 }) }
  raises("samples have 3 features, the nr takes 2", nr.scores, nr, array.zeros(1, 3))
  -- unknown until the first batch
  nr = reject.new { model = two() }
  nr:scores(points)
  raises("samples have 3 features", nr.scores, nr, array.zeros(1, 3))
end

function TestLuaModel:test_fit_set_get_clone()
  local model = { C = 1 }
  function model.fit(me, ds)
    me.seen = #ds
    me.mean = ds.x:mean()
  end
  function model.scores(me, x)
    local rows = {}
    for i = 1, #x do rows[i] = { me.mean, me.C } end
    return rows
  end
  function model.set(me, values) for key, value in pairs(values) do me[key] = value end end
  function model.get(me, name) return me[name] end
  local nr = reject.new { model = model }
  raises("not fitted", nr.scores, nr, points)
  nr:fit(data.new { x = points, y = { 2, 5, 5 } })
  lu.assertEquals(model.seen, 3)
  lu.assertEquals(nr.classes, { 2, 5 })
  for _, list in ipairs { { 0.5, 0.25 }, { 3, 2 }, { 1, 2.5, -3 } } do -- its set takes what it likes
    nr:set { C = list }
    lu.assertEquals(model.C, list)
    model.C = 1
  end
  nr:set { C = 4 }
  lu.assertEquals(model.C, 4)
  lu.assertEquals(nr:get "C", 4)
  raises("no number named \"gamma\"", nr.get, nr, "gamma")
  local copy = nr:clone()
  lu.assertEquals(copy.model.C, 4)
  lu.assertNotIs(copy.model, model)
  copy:set { C = 5 }
  lu.assertEquals(model.C, 4)
end

function TestLuaModel:test_a_set_with_a_typo_sets_nothing()
  local nr = reject.new { model = two(), threshold = 1 }
  raises("no get method", nr.set, nr, { threshold = 2, c = 3 })
  lu.assertEquals(nr.threshold, 1)
  raises('nr:set: threshold: expected a number below inf, got the string "high"', nr.set, nr,
    { threshold = "high" })
  raises("expected a table, name = value", nr.set, nr, 3)
end

function TestLuaModel:test_inside_a_coroutine()
  local model = two()
  local nr = reject.new { model = model }
  local run = coroutine.wrap(function()
    for _ = 1, 3 do
      collectgarbage()
      coroutine.yield(nr:predict(points):totable())
    end
    model.scores = function() error "not today" end
    return pcall(nr.scores, nr, points)
  end)
  for _ = 1, 3 do lu.assertEquals(run(), { 3, 7, 3 }) end
  local ok, message = run()
  lu.assertFalse(ok)
  lu.assertStrContains(message, "not today")
end

function TestLuaModel:test_a_callback_cannot_yield()
  local model = two()
  model.scores = function() coroutine.yield() end
  local nr = reject.new { model = model }
  local co = coroutine.create(function() return nr:scores(points) end)
  local ok, message = coroutine.resume(co)
  lu.assertFalse(ok)
  lu.assertStrContains(message, "yield")
end

function TestLuaModel:test_kept_alive_and_let_go()
  local gone = 0
  local function make()
    local model = setmetatable(two(), { __gc = function() gone = gone + 1 end })
    return reject.new { model = model }
  end
  local nr = make()
  collectgarbage()
  lu.assertEquals(nr:predict(points):totable(), { 3, 7, 3 })
  lu.assertEquals(gone, 0)
  nr = nil -- luacheck: ignore
  collectgarbage()
  collectgarbage()
  lu.assertEquals(gone, 1)
end

function TestLuaModel:test_models_inside_models()
  local inner = two()
  local outer = { classes = { 3, 7 } }
  function outer.scores(_, x) return reject.scores(inner, x) end
  lu.assertEquals(reject.new { model = outer }:predict(points):totable(), { 3, 7, 3 })
end

TestModelMethods = {}

function TestModelMethods:test_any_model()
  lu.assertEquals(reject.predict(two(), points):totable(), { 3, 7, 3 })
  lu.assertEquals(reject.scores(two(), points).shape, { 3, 2 })
  lu.assertEquals(reject.classes(two()), { 3, 7 })
end

function TestModelMethods:test_wrong_self()
  local nr = reject.new { model = two() }
  raises("self: expected a model", nr.scores, points)
  raises("fit: ds", nr.fit, nr, points)
  raises("unknown option 'epochs'", nr.fit, nr, data.new { x = points, y = { 3, 7, 3 } }, { epochs = 3 })
end

function TestModelMethods:test_a_datasets_batch_and_no_rows()
  local nr = reject.new { model = two() }
  local ds = data.new { x = points, y = { 3, 7, 3 } }
  lu.assertEquals(nr:predict(ds):totable(), { 3, 7, 3 })
  lu.assertEquals(nr:scores(array.zeros(0, 2)).shape, { 0, 3 })
end

function TestModelMethods:test_same_object_is_equal()
  local nr = reject.new { model = reject.layer {
    net = nn.new { input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1,
                   nn.flatten { name = "flat" }, nn.linear { out = 2, name = "fc" } },
    layer = "flat", classifier = centres { { label = 0 }, { label = 1 } } } }
  lu.assertTrue(nr.model == nr.model)
  lu.assertFalse(nr.model == nr.model.net)
  lu.assertEquals(nr.model.layer, "flat")
  lu.assertStrContains(tostring(nr), "on layer flat")
  lu.assertErrorMsgContains("an nr has no 'colour'", function() return nr.colour end)
end

function TestModelMethods:test_saving_a_model_written_in_lua()
  local nr = reject.new { model = two() }
  raises("save: model: a lua model is not made of numbers alone", nr.save, nr, os.tmpname())
end

-- What a model written in Lua closes is the user's loss, not the program's.
function TestModelMethods:test_samples_closed_on_the_way()
  local victim
  local model = { classes = { 0, 1 } }
  local function close()
    if victim then getmetatable(victim).__close(victim) end
    victim = nil
  end
  function model:scores(x)
    close()
    return array.zeros(#x, 2)
  end
  function model:gradient(x)
    close()
    return array.zeros(#x, x.shape[2])
  end
  function model:fit()
    close()
  end
  local function samples()
    return data.new { x = array.rand(20, 3), y = array.zeros(20, { dtype = "i32" }) }
  end
  local nr = reject.new { model = model, threshold = 0 }
  victim = array.rand(10000, 3) -- more than is scored at once
  lu.assertEquals(#nr:scores(victim), 10000)
  victim = samples()
  lu.assertEquals(#attack.pgd { model = nr, dmax = 1, norm = "l2", max_iter = 4 }:run(victim), 20)
  model.classes = nil
  victim = samples()
  lu.assertEquals(nr:fit(victim).classes, { 0 })
  local ds = samples()
  victim = ds
  raises("got a dataset that was closed", ds.where, ds, function() close() return true end)
end
