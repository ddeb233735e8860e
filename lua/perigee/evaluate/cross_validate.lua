-- evaluate.cross_validate: a model's measures on each fold, fitted to the others.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local farm = require "perigee.farm"
local folds = require "perigee.evaluate.folds"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local records = require "perigee.records"

local WHERE = "evaluate.cross_validate"

local Validation = { __name = "validation" }

-- NaN is as far from a number as nothing is.
local function statistics(values)
  local sum, squares, n = 0, 0, #values
  for _, value in ipairs(values) do sum = sum + value end
  local mean = sum / n
  for _, value in ipairs(values) do squares = squares + (value - mean) ^ 2 end
  return mean, math.sqrt(squares / n)
end

-- "-nan" is not for anybody's eyes.
local function shown_number(value) return value ~= value and "nan" or ("%.4f"):format(value) end

--- "3 folds of knn of 5" and a line for each measure.
function Validation:__tostring()
  local lines = { ("%d of %d folds of %s%s"):format(self.done, self.folds, self.model,
    self.done < self.folds and " (interrupted)" or "") }
  for _, name in ipairs(self.metrics) do
    local cells = {}
    for i, value in ipairs(self.values[name]) do cells[i] = shown_number(value) end
    lines[#lines + 1] = ("  %-16s %s ± %s   (%s)"):format(name, shown_number(self.mean[name]),
      shown_number(self.std[name]), table.concat(cells, " "))
  end
  return table.concat(lines, "\n")
end

records.define(Validation, {
  kind = "validation", what = "what evaluate.cross_validate gave",
  rows = function(self)
    local rows = {}
    for k = 1, self.done do
      rows[k] = { fold = k }
      for _, name in ipairs(self.metrics) do rows[k][name] = self.values[name][k] end
    end
    local names = table.concat(self.metrics, " ")
    return records.columns("fold " .. names, "%.4f", names), rows
  end,
})

-- ---- What is asked -------------------------------------------------------------------------------

local shown = 'a name from metrics, such as "accuracy", "error", or a function of a model and a dataset'

-- Names in order, and the user's functions by name: { "accuracy", mine = function(model, ds) … }.
local function measures_of(list)
  if list == nil then list = { "accuracy" } end
  if type(list) ~= "table" then list = { list } end
  local names, measures = {}, {}
  for i, name in ipairs(list) do
    if type(name) ~= "string" or type(folds.named(name)) ~= "function" then
      arguments.expected(WHERE, ("metrics[%d]"):format(i), shown, name)
    end
    names[i] = name
  end
  local own = {}
  for name, measure in pairs(list) do
    if not math.type(name) then
      if type(name) ~= "string" or type(measure) ~= "function" then
        arguments.expected(WHERE, ("metrics.%s"):format(name), "a function of a model and a dataset", measure)
      end
      own[#own + 1], measures[name] = name, measure
    end
  end
  table.sort(own)
  table.move(own, 1, #own, #names + 1, names)
  if #names == 0 then blame.fail("%s: metrics: expected at least one", WHERE) end
  return names, measures
end

-- The fold of each sample, and the folds' numbers in rising order.
local function folds_of(ds, options)
  local given = options.folds
  if given == nil then given = 5 end
  if math.type(given) then
    if not (math.type(given) == "integer" and given >= 2 and given <= #ds) then
      local most = ("an integer from 2 to %d, one fold a sample at most"):format(#ds)
      arguments.expected(WHERE, "folds", most, given)
    end
    given = blame.as(WHERE, "dataset:folds", ds.folds, ds, given,
      { seed = options.seed, stratified = options.stratified })
  else
    given = blame.call(array.new, given):astype "i32"
    if given.ndim ~= 1 or #given ~= #ds then
      local shape = ("how many, or the fold of each of the %d samples"):format(#ds)
      arguments.expected(WHERE, "folds", shape, options.folds)
    end
  end
  local numbers, seen = {}, {}
  for _, k in ipairs(given:totable()) do
    if not seen[k] then numbers[#numbers + 1], seen[k] = k, true end
  end
  table.sort(numbers)
  if #numbers < 2 then blame.fail("%s: folds: expected two folds or more", WHERE) end
  return given, numbers
end

local function check(model, ds)
  if not kinds.is_model(model) then arguments.expected(WHERE, "model", "a model", model) end
  if not kinds.is(ds, "dataset") then arguments.expected(WHERE, "data", "a dataset", ds) end
  if #ds < 2 then blame.fail("%s: data: expected two samples or more, got %d", WHERE, #ds) end
  if type(model) == "table" and not (model.clone and model.fit) then
    blame.fail("%s: the model written in Lua needs the methods clone and fit", WHERE)
  end
end

-- ---- The run -------------------------------------------------------------------------------------

local function put_together(run, rows)
  local made = setmetatable({ model = tostring(run.model):match "^[^\n]*", folds = #run.numbers, done = #rows,
    metrics = run.names, values = {}, mean = {}, std = {} }, Validation)
  for _, name in ipairs(run.names) do
    local values = {}
    for i, row in ipairs(rows) do values[i] = row[name] end
    made.values[name] = values
    made.mean[name], made.std[name] = statistics(values)
  end
  return made
end

local note = "stopped; evaluate.cross_validate answers from the folds that were finished"

return function(model, ds, options)
  options = arguments.only(WHERE, options, { "folds", "metrics", "seed", "stratified" })
  check(model, ds)
  local run = { model = model, ds = ds }
  run.names, run.measures = measures_of(options.metrics)
  run.fold, run.numbers = folds_of(ds, options)
  local progress <close> = native.progress(#run.numbers, "cross-validation")
  local tasks, rows, done = {}, {}, 0
  for i, k in ipairs(run.numbers) do tasks[i] = { k = k, seed = native.draw_seed() } end
  farm.each(WHERE, {
    module = "perigee.evaluate.folds", tasks = tasks,
    shared = { model = model, ds = ds, fold = run.fold, names = run.names, measures = run.measures },
    own = function(i)
      local ok, row = pcall(folds.judge, run, tasks[i])
      if perigee.interrupted(note) then return nil end
      if not ok then error(row, 0) end
      return row
    end,
    done = function(i, row)
      rows[i], done = row, done + 1
      native.progress_at(progress, done / #run.numbers, ("%d of %d folds"):format(done, #run.numbers))
    end,
  })
  local finished = {}
  for i in ipairs(tasks) do finished[#finished + 1] = rows[i] end
  return put_together(run, finished)
end
