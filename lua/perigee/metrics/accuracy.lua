-- Shares of samples that are right, rejected or neither.

local given = require "perigee.metrics.given"
local matrix = require "perigee.metrics.matrix"
local records = require "perigee.records"

local accuracy = {}

local function count(labels, truth)
  local counts = { samples = #truth, correct = 0, rejected = 0, wrong = 0 }
  for i, label in ipairs(labels) do
    local what = not label and "rejected" or label == truth[i] and "correct" or "wrong"
    counts[what] = counts[what] + 1
  end
  return counts
end

--- { samples, correct, rejected, wrong }: how many of each.
function accuracy.counts(model, ds)
  return count(given.labels("counts", model, ds))
end

--- The share of correct predictions; a rejected sample is an error.
function accuracy.accuracy(model, ds)
  local c = count(given.labels("accuracy", model, ds))
  return given.share(c.correct, c.samples)
end

--- The share of correct or rejected ones: on adversarial samples a rejection is what one hopes for.
function accuracy.accuracy_rejection_correct(model, ds)
  local c = count(given.labels("accuracy_rejection_correct", model, ds))
  return given.share(c.correct + c.rejected, c.samples)
end

--- The share of correct ones among the accepted; NaN where nothing was accepted.
function accuracy.accuracy_accepted(model, ds)
  local c = count(given.labels("accuracy_accepted", model, ds))
  return given.share(c.correct, c.samples - c.rejected)
end

--- The share of rejected samples.
function accuracy.rejection_rate(model, ds)
  local c = count(given.labels("rejection_rate", model, ds))
  return given.share(c.rejected, c.samples)
end

-- ---- Report ---------------------------------------------------------------------------------------

local Report = { __name = "report" }

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

records.define(Report, {
  kind = "report", what = "what metrics.report gave",
  rows = function(self)
    return records.columns("samples correct rejected wrong accuracy accuracy_rejection_correct "
      .. "accuracy_accepted rejection_rate", "%.4f", "accuracy accuracy_rejection_correct accuracy_accepted "
      .. "rejection_rate"), { self }
  end,
})

--- All of the above from one pass over the data: a table with the counts and the measures by their
--- names, and `confusion`. It prints as a table.
function accuracy.report(model, ds)
  local labels, truth = given.labels("report", model, ds)
  local report = count(labels, truth)
  local n = report.samples
  report.accuracy = given.share(report.correct, n)
  report.accuracy_rejection_correct = given.share(report.correct + report.rejected, n)
  report.accuracy_accepted = given.share(report.correct, n - report.rejected)
  report.rejection_rate = given.share(report.rejected, n)
  report.confusion = matrix(labels, truth, {})
  report.confusion.names = given.names("report", ds, {})
  return setmetatable(report, Report)
end

return accuracy
