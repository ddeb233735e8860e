-- What measures are given: labels, samples and scores, from models, predictions, results, arrays and lists.
-- `where` is always the measure's name without its library.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local given = {}

local REJECTED = -1
local NONE = -2 ^ 31 | 0 -- of a run that failed (src/core/labels.h)

function given.expected(where, name, expected, value)
  arguments.expected("metrics." .. where, name, expected, value)
end

function given.fail(where, format, ...)
  blame.fail("metrics." .. where .. ": " .. format, ...)
end

function given.check_result(where, name, value)
  if not kinds.is(value, "result") then given.expected(where, name, "an attack's result", value) end
  return value
end

-- ---- Labels ---------------------------------------------------------------------------------------

-- A list of integer labels from an array or a list; nil for anything else.
local function to_labels(value)
  local list, labels = value, {}
  if kinds.is(value, "array") then
    if value.ndim ~= 1 then return nil end
    list = value:totable()
  elseif type(value) ~= "table" then
    return nil
  end
  for i = 1, #list do
    local label = math.type(list[i]) and math.tointeger(list[i])
    if not label then return nil end
    labels[i] = label
  end
  return labels
end

local function truth_of(where, ds)
  local y = kinds.is(ds, "dataset") and ds.y or ds
  local list = to_labels(y)
  if not list then given.expected(where, "ds", "a dataset or its labels", ds) end
  if #list == 0 then given.fail(where, "the dataset is empty") end
  return list
end

local function has(list, label)
  for _, one in ipairs(list) do
    if one == label then return true end
  end
  return false
end

-- What a model is asked through a function of `reject`. What goes wrong is the measure's to tell; of a model
-- written in Lua it is the model's own words.
local function ask(where, question, model, samples)
  if type(model) == "table" then return reject[question](model, samples) end
  local ok, answer = pcall(reject[question], model, samples)
  if ok then return answer end
  local words = tostring(answer):match "^reject%.%w+: (.*)"
  if not words then error(answer, 0) end
  given.fail(where, "%s", words)
end

-- What failed has no label: it is neither right nor wrong.
local function check_labels(where, labels, what)
  for i, label in ipairs(labels) do
    if label == NONE then
      given.fail(where, "%s %d is that of a run that failed, which has no label; leave such samples out, by "
        .. "their verdict", what, i)
    end
  end
end

-- Labels, truth and whether -1 means rejected, of whatever was given.
local function labels_of(where, subject, ds)
  local truth = truth_of(where, ds)
  if kinds.is_model(subject) then
    if not kinds.is(ds, "dataset") then given.expected(where, "ds", "a dataset to judge", ds) end
    return to_labels(ask(where, "predict", subject, ds)), truth, subject.rejects
  end
  local labels = to_labels(subject)
  if not labels then given.expected(where, "model", "a model or its predictions", subject) end
  check_labels(where, labels, "prediction")
  if not kinds.is(ds, "dataset") then check_labels(where, truth, "label") end
  return labels, truth, not has(truth, REJECTED)
end

--- The two lists of labels, of one length; `false` stands for a rejection among the predictions.
function given.labels(where, subject, ds)
  local labels, truth, rejects = labels_of(where, subject, ds)
  if #labels ~= #truth then given.fail(where, "%d predictions for %d samples", #labels, #truth) end
  for i, label in ipairs(labels) do
    if rejects and label == REJECTED then labels[i] = false end
  end
  return labels, truth
end

--- The classes that a model knows; those of predictions are not known.
function given.classes(subject)
  return kinds.is_model(subject) and reject.classes(subject) or {}
end

--- The labels of several lists, each once, sorted.
function given.sorted_union(...)
  local seen, list = {}, {}
  for _, labels in ipairs { ... } do
    for _, label in ipairs(labels) do
      if label and not seen[label] then
        seen[label] = true
        list[#list + 1] = label
      end
    end
  end
  table.sort(list)
  return list
end

return given
