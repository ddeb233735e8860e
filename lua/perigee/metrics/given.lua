-- What measures are given: labels, samples and scores, from models, predictions, results, arrays and lists.
-- `where` is always the measure's name without its library.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local same_model = require "perigee.same_model"
local values = require "perigee.plot.values"

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

--- Not a number; 0 / 0 has a sign that printf shows.
given.nan = math.abs(0 / 0)

--- A share, which of nothing is NaN.
function given.share(part, whole)
  return whole == 0 and given.nan or part / whole
end

--- How a share is printed; NaN, one of nothing, as a dash.
function given.percent(share)
  return share == share and ("%.2f %%"):format(100 * share) or "–"
end

--- Results are of the same samples, and of one norm.
function given.check_same(where, results)
  local first = results[1]
  for k = 2, #results do
    local other = results[k]
    if #other ~= #first or not other.y:equal(first.y) or not other.x0:equal(first.x0) then
      given.fail(where, "the results are of different samples (number %d and the first)", k)
    elseif other.params.norm ~= first.params.norm then
      given.fail(where, "the results are of different norms (%s and %s)", other.params.norm,
        first.params.norm)
    end
  end
end

--- They are of one model too, unless options say that it answers anew at each call.
function given.check_same_model(where, results, options)
  local same = arguments.only("metrics." .. where, options, { "same_model" }).same_model
  if same ~= nil and type(same) ~= "boolean" then
    given.expected(where, "same_model", "true or false", same)
  end
  given.check_same(where, results)
  if not same then
    same_model.check("metrics." .. where, results, function(k)
      return ("results (number %d and the first)"):format(k)
    end)
  end
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

-- What a model is asked through a function of `reject`. What goes wrong is the measure's to tell; what a
-- function of the user's has raised, at a line of its own, is the user's.
local function ask(where, question, model, samples)
  local ok, answer = pcall(reject[question], model, samples)
  if ok then return answer end
  if type(answer) ~= "string" or perigee.interrupted() or answer:find "^[^\n]-:%d+: " then
    error(answer, 0)
  end
  given.fail(where, "%s", (answer:gsub("^reject%.%w+: ", "")))
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
  if kinds.is(subject, "result") then
    if ds ~= nil then given.expected(where, "ds", "nothing beside a result, which has its labels", ds) end
    local labels = to_labels(subject.label)
    check_labels(where, labels, "label")
    return labels, to_labels(subject.y), subject.rejects
  end
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

--- The classes that a model or a result knows; those of predictions are not known.
function given.classes(subject)
  if kinds.is(subject, "result") then return subject.classes end
  return kinds.is_model(subject) and reject.classes(subject) or {}
end

--- What the classes are called, { [label] = name }, by the option `names` (such a table, or a dataset that
-- has them), or else by the dataset; nil where nothing says it.
function given.names(where, ds, options)
  local names = options.names
  if names == nil then return kinds.is(ds, "dataset") and ds.names or nil end
  values.names("metrics." .. where, options)
  if kinds.is(names, "dataset") then return names.names end
  return names
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

-- ---- Numbers --------------------------------------------------------------------------------------

--- Numbers in a line, at least one and no NaN, as a float64 array.
function given.numbers(where, name, value)
  local ok, numbers = false, nil
  if kinds.is(value, "array") then
    ok, numbers = true, value:astype "f64"
  elseif type(value) == "table" then
    ok, numbers = pcall(array.new, value, { dtype = "f64" })
  end
  if not ok or numbers.ndim ~= 1 then
    given.expected(where, name, "numbers in a line, as an array or a list", value)
  end
  if #numbers == 0 then given.fail(where, "%s: expected at least one number, got none", name) end
  local nan = numbers:isnan()
  if nan:any() then given.fail(where, "%s: number %d is NaN", name, nan:argmax()) end
  return numbers
end

--- A yes or no for each of n: an array or a list of 0 and 1, or of booleans; as a float64 array.
function given.mask(where, name, value, n)
  local mask = given.numbers(where, name, value)
  if not mask:eq(0):logical_or(mask:eq(1)):all() then
    given.expected(where, name, "0 or 1, or false or true, for each", value)
  end
  if #mask ~= n then given.fail(where, "%s: expected %d, one for each, got %d", name, n, #mask) end
  return mask
end

-- ---- Confidences ----------------------------------------------------------------------------------

-- Rows of scores as { confidence =, wrong = }: how surely each is accepted, and whether its best class is
-- not its label (of samples without labels, nil).
local function judged(scores, about)
  local count = scores.shape[2] - (about.rejects and 1 or 0)
  local own = scores:slice(nil, { 1, count })
  local confidence = own:max(2)
  if about.rejects then
    local threshold = scores:slice(nil, count + 1)
    confidence = array.where(threshold:eq(-math.huge), confidence, confidence - threshold)
  end
  local best = array.new(about.classes, { dtype = "i32" }):take(own:argmax(2))
  return { confidence = confidence, wrong = about.y and best:ne(about.y):astype "f64" }
end

--- Samples as a model judges them: a dataset, or without labels an array.
function given.judged_by(where, model, samples)
  local seen = judged(ask(where, "scores", model, samples), { rejects = model.rejects,
    classes = reject.classes(model), y = kinds.is(samples, "dataset") and samples.y or nil })
  if #seen.confidence == 0 then given.fail(where, "the dataset is empty") end
  local nan = seen.confidence:isnan()
  if nan:any() then given.fail(where, "the scores of sample %d are not numbers", nan:argmax()) end
  return seen
end

--- The samples of a result before the attack and under it, without those that have failed.
function given.judged_in(where, result)
  local kept = {}
  for i, verdict in ipairs(result.verdict) do
    if verdict ~= "failed" then kept[#kept + 1] = i end
  end
  if #kept == 0 then given.fail(where, "the result has no sample that has not failed") end
  local about = { rejects = result.rejects, classes = result.classes, y = result.y:take(kept) }
  return judged(result.start_scores:take(kept), about), judged(result.scores:take(kept), about)
end

-- ---- Attacks that stopped early -------------------------------------------------------------------

-- These seek the nearest point past the threshold, and so stay at it. Of the answer's own part.
local minimal = { fmn = true, ddn = true, hopskipjump = true }

local function seeks_least(part)
  return part.params ~= nil and minimal[part.params.attack] == true
end

--- How many of a result's answers end at the model's own threshold: where a stricter one is asked for, such
--- an attack has not tried.
function given.stopped_early(result)
  local count, verdict, source = 0, result.verdict, result.source
  for i, stop in ipairs(result.stop) do
    local part = source and result.parts[source[i]] or result
    local least = verdict[i] == "evaded" and seeks_least(part)
    if verdict[i] ~= "failed" and (stop == "reached" or least) then count = count + 1 end
  end
  return count
end

--- What is to be said of so many; without any, nothing.
function given.early_note(count, samples)
  if not count or count == 0 then return "" end
  local words = "\n%d of %d answers stopped at the model's own threshold: an attack that goes on "
    .. "(early_stop = false;\nnot fmn), or one at a stricter threshold, may do better: the figures are lower "
    .. "bounds of the error"
  return words:format(count, samples)
end

return given
