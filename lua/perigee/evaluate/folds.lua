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

local function measured(name, measure, model, held)
  local value = blame.users(measure, model, held)
  if math.type(value) then return value end
  blame.fail("%s: metrics: %s: expected a number, got %s", WHERE, name, native.describe(value))
end

local function values_of(run, k)
  local clone = run.model:clone()
  clone:fit(run.ds:where(run.fold:ne(k)))
  if perigee.interrupted() then error("interrupted", 0) end
  local held, values = run.ds:where(run.fold:eq(k)), {}
  for _, name in ipairs(run.names) do
    values[name] = measured(name, run.measures[name] or folds.named(name), clone, held)
  end
  return values
end

--- The measures on the fold task.k of a clone that is fitted to the others. run: { model, ds, fold (of each
--- sample), names, measures (the user's own, by name) }. What draws from the session draws from task.seed, so
--- that it does not matter where a fold is done; the session goes on as if nothing had been drawn.
function folds.judge(run, task)
  local before = native.session_state(task.seed)
  local ok, values = pcall(values_of, run, task.k)
  native.session_state(before)
  if not ok then error(values, 0) end
  return values
end

folds.farm = { open = function(shared) return shared end, run = folds.judge }

return folds
