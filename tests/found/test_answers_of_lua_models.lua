-- A mask for scores, samples written over, a misspelt gradient_is: all of it ran, and attacks found nothing.

local lu = require "luaunit"

TestAnswersOfLuaModels = {}

local d = data.new { x = array.rand(3, 4, { seed = 1 }), y = { 1, 2, 1 } }

local function scores(x)
  local s = x:sum(2) - 2
  return array.stack({ s, -s }, 2)
end

local function gradient(x, w)
  return array.ones(x.shape) * (w:slice(nil, { 1, 1 }) - w:slice(nil, { 2, 2 }))
end

-- Each with x, and w or nothing.
local function model_of(own_scores, own_gradient, more)
  local model = { classes = { 1, 2 }, features = 4 }
  function model.scores(_, x) return (own_scores or scores)(x) end
  function model.gradient(_, x, w) return (own_gradient or gradient)(x, w) end
  for key, value in pairs(more or {}) do model[key] = value end
  return model
end

local function refused(message, model)
  local function run(attacked)
    attack.pgd({ model = attacked, norm = "l2", dmax = 0.1, max_iter = 3 }):run(d)
  end
  lu.assertErrorMsgContains(message, run, model)
  lu.assertErrorMsgContains(message, run, reject.new { model = model, threshold = 0 })
  lu.assertErrorMsgContains(message, reject.check, model, d)
end

local wrong = {
  { "answered a mask, an array i32[3x%d], expected floats: f32 or f64, (3, %d)",
    function(right) return right:gt(0) end },
  { "answered an array i32[3x%d], expected floats: f32 or f64, (3, %d)",
    function(right) return right:round():astype "i32" end },
  { "answered (3, 5), expected (3, %d)", function() return array.zeros(3, 5) end },
  { "answered (8,), expected (3, %d)", function() return array.zeros(8) end },
  { "answered (), expected (3, %d)", function() return 3 end },
  { 'expected an array, a number or a table of numbers, got the string "a"', function() return "a" end },
  { "expected an array, a number or a table of numbers, got nothing", function() end },
}

function TestAnswersOfLuaModels:test_types_and_shapes()
  for _, case in ipairs(wrong) do
    local message, make = table.unpack(case)
    refused(("scores: the Lua model%s"):format(message:find "^answered" and " " .. message:format(2, 2)
      or "'s answer: " .. message), model_of(function(x) return make(scores(x)) end))
    refused(("gradient: the Lua model%s"):format(message:find "^answered" and " " .. message:format(4, 4)
      or "'s answer: " .. message), model_of(nil, function(x, w) return make(gradient(x, w)) end))
  end
  -- nested tables of numbers, one row as a list, and either float type are answers
  for _, make in ipairs {
    function(a) return a:totable() end, function(a) return a:astype "f64" end,
    function(a) return a:astype "f32" end,
  } do
    local model = model_of(function(x) return make(scores(x)) end,
      function(x, w) return make(gradient(x, w)) end)
    lu.assertAlmostEquals(reject.scores(model, d):sum(), 0, 1e-5)
    lu.assertEquals(reject.gradient(model, d, { 1, 0 }):totable(), array.ones(3, 4):totable())
    lu.assertTrue(reject.check(model, d).ok)
  end
  lu.assertEquals(reject.scores(model_of(function() return { 1, 2 } end), d.x[1]):totable(), { { 1, 2 } })
end

function TestAnswersOfLuaModels:test_samples_are_not_written_over()
  for _, write in ipairs {
    function(x) x:fill(0) end, function(x) x:reshape(-1):fill(0) end, function(x) x[1] = x[2] end,
    function(x) x:slice({ 1, 1 }):add_(1) end,
  } do
    refused("this array is read-only, ", model_of(function(x) write(x) return scores(x) end))
    refused("this array is read-only, ", model_of(nil, function(x, w) write(x) return gradient(x, w) end))
    refused("this array is read-only, ", model_of(nil, function(x, w) write(w) return gradient(x, w) end))
  end
  local ok, message = pcall(reject.scores, model_of(function(x) x:fill(0) end), d)
  lu.assertFalse(ok)
  lu.assertStrContains(message, "test_answers_of_lua_models.lua:")
  lu.assertStrContains(message, "or is what a model is asked for: a:copy() can be written")
  local own = model_of(function(x)
    local copy = x:copy()
    copy:mul_(2)
    return scores(copy)
  end)
  lu.assertEquals(#reject.scores(own, d), 3)
end

function TestAnswersOfLuaModels:test_gradient_is()
  for got, words in pairs { surogate = 'the string "surogate"', [true] = "true", [3] = "3" } do
    local model = model_of(nil, nil, { gradient_is = got })
    for _, call in ipairs {
      function() attack.fgsm { model = model, dmax = 1 } end, function() reject.new { model = model } end,
      function() reject.scores(model, d) end,
      function() attack.fgsm({ dmax = 1 }):run(d, { model = model }) end,
    } do
      lu.assertErrorMsgContains('gradient_is: expected "surrogate" or nothing, got ' .. words, call)
    end
  end
  reject.scores(model_of(nil, nil, { gradient_is = "surrogate" }), d)
end

-- A list that says another length than it has was read to its end, over what came behind.
function TestAnswersOfLuaModels:test_input()
  local many, hole, huge = {}, { 2, nil, 2 }, {}
  for i = 1, 400 do many[i] = 1 end
  for i = 1, 8 do huge[i] = 1 << 31 end
  local function says(n) return { __len = function() return n end } end
  for _, input in ipairs {
    many, setmetatable(many, says(1)), setmetatable(many, says(0)), setmetatable({}, says(2)), hole, huge,
    { 1 << 31, 1 << 31, 1 << 31 }, { 1 << 16, 1 << 16 }, { 2.0, 2 }, { 0, 4 }, { -2, -2 }, { "4" }, 0,
  } do
    lu.assertErrorMsgContains("input: expected the shape of a sample, { 3, 32, 32 }, got ", reject.scores,
      model_of(nil, nil, { input = input }), d)
  end
  for _, input in ipairs {
    4, { 4 }, { 2, 2 }, setmetatable({ 1, 2, 2 }, says(400)), { 1, 1, 1, 1, 1, 1, 2, 2 },
  } do
    lu.assertEquals(#reject.scores(model_of(nil, nil, { input = input }), d), 3)
  end
end
