-- metrics: how good a model is on labelled data, with and without rejection.
--
-- Every measure takes a model (one written in Lua too) or its predictions (an array or list of labels,
-- -1 where rejected), and the truth: a dataset, or an array or list of labels. Where the model does not
-- reject, or the truth of a list of predictions has it, -1 is a class like any other.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local convention_of = require "perigee.conventions"
local kinds = require "perigee.kinds"
local text = require "perigee.text"

local metrics = {}

local REJECTED = -1
local NONE = -2 ^ 31 | 0 -- of a run that failed (src/core/labels.h)

local function fail(where, name, expected, value)
  arguments.expected("metrics." .. where, name, expected, value)
end

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
  if not list then fail(where, "ds", "a dataset or its labels", ds) end
  if #list == 0 then blame.fail("metrics.%s: the dataset is empty", where) end
  return list
end

local function has(list, label)
  for _, one in ipairs(list) do
    if one == label then return true end
  end
  return false
end

-- What goes wrong is this measure's to tell; of a model written in Lua it is the model's own words.
local function predict(where, model, ds)
  if type(model) == "table" then return reject.predict(model, ds) end
  local ok, labels = pcall(reject.predict, model, ds)
  if ok then return labels end
  local words = tostring(labels):match "^reject%.predict: (.*)"
  if not words then error(labels, 0) end
  blame.fail("metrics.%s: %s", where, words)
end

-- What failed has no label: it is neither right nor wrong.
local function check_labels(where, labels, what)
  for i, label in ipairs(labels) do
    if label == NONE then
      blame.fail("metrics.%s: %s %d is that of a run that failed, which has no label; leave such samples "
        .. "out, by their verdict", where, what, i)
    end
  end
end

-- The two lists of labels, of one length; `false` stands for a rejection among the predictions.
local function both(where, predicted, ds)
  local truth = truth_of(where, ds)
  local labels, rejects
  if kinds.is_model(predicted) then
    if not kinds.is(ds, "dataset") then fail(where, "ds", "a dataset to judge", ds) end
    labels, rejects = to_labels(predict(where, predicted, ds)), predicted.rejects
  else
    labels = to_labels(predicted)
    if not labels then fail(where, "model", "a model or its predictions", predicted) end
    rejects = not has(truth, REJECTED)
    check_labels(where, labels, "prediction")
    if not kinds.is(ds, "dataset") then check_labels(where, truth, "label") end
  end
  if #labels ~= #truth then
    blame.fail("metrics.%s: %d predictions for %d samples", where, #labels, #truth)
  end
  for i, label in ipairs(labels) do
    if rejects and label == REJECTED then labels[i] = false end
  end
  return labels, truth
end

local function count(labels, truth)
  local counts = { samples = #truth, correct = 0, rejected = 0, wrong = 0 }
  for i, label in ipairs(labels) do
    local what = not label and "rejected" or label == truth[i] and "correct" or "wrong"
    counts[what] = counts[what] + 1
  end
  return counts
end

local function ratio(part, whole)
  return whole == 0 and 0 / 0 or part / whole
end

--- { samples, correct, rejected, wrong }: how many of each.
function metrics.counts(model, ds)
  return count(both("counts", model, ds))
end

--- The share of correct predictions; a rejected sample is an error.
function metrics.accuracy(model, ds)
  local c = count(both("accuracy", model, ds))
  return c.correct / c.samples
end

--- The share of correct or rejected ones: on adversarial samples a rejection is what one hopes for.
function metrics.accuracy_rejection_correct(model, ds)
  local c = count(both("accuracy_rejection_correct", model, ds))
  return (c.correct + c.rejected) / c.samples
end

--- The share of correct ones among the accepted; NaN where nothing was accepted.
function metrics.accuracy_accepted(model, ds)
  local c = count(both("accuracy_accepted", model, ds))
  return ratio(c.correct, c.samples - c.rejected)
end

--- The share of rejected samples.
function metrics.rejection_rate(model, ds)
  local c = count(both("rejection_rate", model, ds))
  return c.rejected / c.samples
end

---------------------------------------------------------------------------------------------------
-- Confusion

local Confusion = { __name = "confusion" }
Confusion.__index = Confusion

local function pad(cell, width)
  return (" "):rep(width - text.width(cell)) .. cell
end

function Confusion:__tostring()
  local rows, width = { { "true" } }, 0
  for _, label in ipairs(self.classes) do rows[1][#rows[1] + 1] = tostring(label) end
  rows[1][#rows[1] + 1] = "rejected"
  for i, label in ipairs(self.classes) do
    local row = { tostring(label) }
    for j = 1, #self.classes + 1 do
      local n = self.counts:at(i, j)
      row[#row + 1] = n == 0 and "·" or ("%d"):format(n)
    end
    rows[#rows + 1] = row
  end
  for _, row in ipairs(rows) do
    for j = 1, #row - 1 do width = math.max(width, text.width(row[j])) end
  end
  local lines = {}
  for i, row in ipairs(rows) do
    for j, cell in ipairs(row) do row[j] = pad(cell, j == #row and 8 or width) end
    lines[i] = table.concat(row, "  ")
  end
  return table.concat(lines, "\n")
end

local function sorted_union(...)
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

local function confusion_of(labels, truth, known)
  local classes = sorted_union(truth, labels, known)
  local place, rows = { [false] = #classes + 1 }, {}
  for i, label in ipairs(classes) do
    place[label] = i
    rows[i] = {}
    for j = 1, #classes + 1 do rows[i][j] = 0 end
  end
  for i, label in ipairs(labels) do
    local row = rows[place[truth[i]]]
    row[place[label]] = row[place[label]] + 1
  end
  return setmetatable({ classes = classes, counts = array.new(rows, { dtype = "i32" }) }, Confusion)
end

--- How often each class was taken for each: `counts` is an int32 array, true class × predicted class
-- in the order of `classes`, the rejected in its last column. It prints as a table.
function metrics.confusion(model, ds)
  local labels, truth = both("confusion", model, ds)
  return confusion_of(labels, truth, kinds.is_model(model) and reject.classes(model) or {})
end

---------------------------------------------------------------------------------------------------
-- Report

local Report = { __name = "report" }
Report.__index = Report

function Report:__tostring()
  local lines = { ("%d samples"):format(self.samples) }
  local function add(name, value, n)
    local share = value == value and ("%6.2f %%"):format(100 * value) or "   –"
    lines[#lines + 1] = ("  %-32s%s%s"):format(name, share, n and ("  (%d)"):format(n) or "")
  end
  if self.rejected == 0 then
    add("accuracy", self.accuracy, self.correct)
  else
    add("accuracy, rejection an error", self.accuracy, self.correct)
    add("accuracy, rejection correct", self.accuracy_rejection_correct, self.correct + self.rejected)
    add("accuracy of the accepted", self.accuracy_accepted)
    add("rejected", self.rejection_rate, self.rejected)
  end
  return table.concat(lines, "\n")
end

--- All of the above from one pass over the data: a table with the counts and the measures by their
-- names, and `confusion`. It prints as a table.
function metrics.report(model, ds)
  local labels, truth = both("report", model, ds)
  local report = count(labels, truth)
  local n = report.samples
  report.accuracy = report.correct / n
  report.accuracy_rejection_correct = (report.correct + report.rejected) / n
  report.accuracy_accepted = ratio(report.correct, n - report.rejected)
  report.rejection_rate = report.rejected / n
  report.confusion = confusion_of(labels, truth, {})
  return setmetatable(report, Report)
end

--- The share of an attack's samples that held. By default one minus the robust risk with detection; the
-- option rejection names another convention (see conventions.lua). At dmax 0 nothing was moved.
function metrics.robust_accuracy(result, options)
  local rejection = arguments.only("metrics.robust_accuracy", options, { "rejection" }).rejection
  local convention = convention_of("metrics.robust_accuracy", rejection)
  if not kinds.is(result, "result") then fail("robust_accuracy", "result", "an attack's result", result) end
  return convention.held(result:counts(), result.params.dmax ~= 0) / #result
end

return metrics
