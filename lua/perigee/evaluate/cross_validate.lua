-- evaluate.cross_validate: a model's measures on each fold, fitted to the others.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local metrics = require "perigee.metrics"
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

local function named(name)
  if name == "error" then return function(model, ds) return 1 - metrics.accuracy(model, ds) end end
  return rawget(metrics, name)
end

-- Names in order, and the functions by name: { "accuracy", mine = function(model, ds) … }.
local function measures_of(list)
  if list == nil then list = { "accuracy" } end
  if type(list) ~= "table" then list = { list } end
  local names, measures = {}, {}
  for i, name in ipairs(list) do
    measures[name] = type(name) == "string" and named(name) or nil
    if type(measures[name]) ~= "function" then
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
    given = blame.call(ds.folds, ds, given, { seed = options.seed, stratified = options.stratified })
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

local function measured(name, measure, model, held)
  local value = measure(model, held)
  if math.type(value) then return value end
  blame.fail("%s: metrics: %s: expected a number, got %s", WHERE, name, native.describe(value))
end

-- The measures on one fold of a clone that is fitted to the others.
local function judge(run, k)
  local fold = run.fold
  local clone = run.model:clone()
  clone:fit(run.ds:where(fold:ne(k)))
  if perigee.interrupted() then error("interrupted", 0) end
  local held, values = run.ds:where(fold:eq(k)), {}
  for _, name in ipairs(run.names) do values[name] = measured(name, run.measures[name], clone, held) end
  return values
end

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
  local progress <close> = native.progress(#run.numbers, true)
  local rows = {}
  for i, k in ipairs(run.numbers) do
    local ok, row = pcall(judge, run, k)
    if perigee.interrupted(note) then break end
    if not ok then error(row, 0) end
    rows[i] = row
    native.progress_at(progress, i / #run.numbers, ("%d of %d folds"):format(i, #run.numbers))
  end
  return put_together(run, rows)
end
