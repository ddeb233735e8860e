-- A fold of evaluate.cross_validate, on whichever rank (farm.lua).

local blame = require "perigee.blame"
local metrics = require "perigee.metrics"
local native = require "perigee.native"

local folds = {}

local WHERE = "evaluate.cross_validate"

--- The measure of that name, or nil.
function folds.named(name)
  if name == "error" then return function(model, ds) return 1 - metrics.accuracy(model, ds) end end
  return rawget(metrics, name)
end

-- f(…), of the user's, which draws from the fold's generator. While a coroutine.yield in it lets others run,
-- the session's is back, which goes on from where they leave it: swapped.session.
local function apart(swapped, f, ...)
  if not coroutine.isyieldable() then return f(...) end
  local inner = coroutine.create(function(...) return f(...) end) -- f may be a table that is called
  local _ <close> = setmetatable({}, { __close = function() coroutine.close(inner) end })
  local answer = table.pack(coroutine.resume(inner, ...))
  while coroutine.status(inner) == "suspended" do
    local own = native.session_state(swapped.session)
    answer = table.pack(coroutine.yield(table.unpack(answer, 2, answer.n)))
    swapped.session = native.session_state(own)
    answer = table.pack(coroutine.resume(inner, table.unpack(answer, 1, answer.n)))
  end
  if not answer[1] then error(answer[2], 0) end
  return table.unpack(answer, 2, answer.n)
end

-- A clone that is fitted to the samples; one written in Lua by functions of the user's.
local function fitted(run, samples)
  local model = run.model
  if type(model) ~= "table" then
    local clone = model:clone()
    clone:fit(samples)
    return clone
  end
  local clone = apart(run.swapped, model.clone, model)
  apart(run.swapped, clone.fit, clone, samples)
  return clone
end

local function measured(run, name, model, held)
  local own, value = run.measures[name]
  if own or type(model) == "table" then
    value = apart(run.swapped, blame.guest(own or folds.named(name)), model, held)
  else
    value = folds.named(name)(model, held)
  end
  if math.type(value) then return value end
  blame.fail("%s: metrics: %s: expected a number, got %s", WHERE, name, native.describe(value))
end

local function values_of(run, k)
  local clone = fitted(run, run.ds:where(run.fold:ne(k)))
  if perigee.interrupted() then error("interrupted", 0) end
  local held, values = run.ds:where(run.fold:eq(k)), {}
  for _, name in ipairs(run.names) do
    values[name] = measured(run, name, clone, held)
  end
  return values
end

--- The measures on the fold task.k of a clone that is fitted to the others. run: { model, ds, fold (of each
--- sample), names, measures (the user's own, by name) }. What draws from the session draws from task.seed, so
--- that it does not matter where a fold is done; the session goes on as if nothing had been drawn.
function folds.judge(run, task)
  run.swapped = { session = native.session_state(task.seed) }
  local ok, values = pcall(values_of, run, task.k)
  native.session_state(run.swapped.session)
  if not ok then error(values, 0) end
  return values
end

folds.farm = { open = function(shared) return shared end, run = folds.judge }

return folds
