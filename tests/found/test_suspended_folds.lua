-- A metric of evaluate.cross_validate that yields left what ran meanwhile with the fold's random numbers, and
-- for good where nobody went on with it.

local lu = require "luaunit"

TestSuspendedFolds = {}

local ds = data.digits(30, { seed = 1, classes = { 3, 7 } })

local function draw() return array.rand(1)[1] end

-- A metric that draws; between its draws it may wait.
local function drawing(wait)
  return function()
    local first = draw()
    wait()
    return first + draw()
  end
end

local function validate(wait, model)
  return evaluate.cross_validate(model or classic.knn { k = 1 }, ds,
    { folds = 3, seed = 1, metrics = { mine = drawing(wait) } }).values.mine
end

local function nothing() end

-- What a session that was begun with this seed draws by itself, after the folds' seeds.
local function session_alone(draws)
  perigee.seed(5)
  validate(nothing)
  local list = {}
  for i = 1, draws do list[i] = draw() end
  return list
end

function TestSuspendedFolds:test_what_runs_meanwhile()
  local alone = session_alone(4)
  perigee.seed(5)
  local values = validate(nothing)
  perigee.seed(5)
  local seen, list = nil, {}
  local co = coroutine.create(function() seen = validate(coroutine.yield) end)
  repeat
    assert(coroutine.resume(co))
    list[#list + 1] = draw()
  until coroutine.status(co) == "dead"
  lu.assertEquals(list, alone)
  lu.assertEquals(seen, values)
end

function TestSuspendedFolds:test_one_that_is_left()
  local alone = session_alone(2)
  for _, close in ipairs { false, true } do
    perigee.seed(5)
    local co = coroutine.create(validate)
    local closed = false
    assert(coroutine.resume(co, function()
      local _ <close> = setmetatable({}, { __close = function() closed = true end })
      coroutine.yield()
    end))
    lu.assertEquals(draw(), alone[1])
    if close then
      lu.assertTrue(coroutine.close(co))
      lu.assertTrue(closed)
    end
    lu.assertEquals(draw(), alone[2])
  end
end

-- A model written in Lua may yield as well: where it is copied, fitted and asked.
function TestSuspendedFolds:test_models_in_lua()
  local function model(wait)
    local made = { classes = { 3, 7 } }
    function made.clone()
      wait()
      return model(wait)
    end
    function made:fit()
      self.drawn = draw()
      wait()
    end
    function made:scores(x) return array.zeros(#x, 2) end
    return made
  end
  local alone = session_alone(7)
  perigee.seed(5)
  local values, list, seen = validate(nothing, model(nothing)), {}, nil
  perigee.seed(5)
  local co = coroutine.create(function() seen = validate(coroutine.yield, model(coroutine.yield)) end)
  repeat
    assert(coroutine.resume(co))
    list[#list + 1] = draw()
  until coroutine.status(co) == "dead"
  lu.assertEquals(seen, values)
  lu.assertEquals({ table.unpack(list, 1, 7) }, alone)
end

function TestSuspendedFolds:test_words_of_what_fails()
  local co = coroutine.create(function()
    local function mine()
      coroutine.yield(1, nil, 3)
      error("mine failed", 0)
    end
    return pcall(evaluate.cross_validate, classic.knn { k = 1 }, ds, { folds = 2, metrics = { mine = mine } })
  end)
  lu.assertEquals({ coroutine.resume(co) }, { true, 1, nil, 3 })
  lu.assertEquals({ coroutine.resume(co) }, { true, false, "mine failed" })
end
