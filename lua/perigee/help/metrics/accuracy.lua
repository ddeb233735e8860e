-- Documentation of metrics/accuracy.lua; see perigee/help.lua for the form.

local parts = require "perigee.help.metrics.parts"

local field = parts.field

local function measure(name, text, see)
  return {
    name = "metrics." .. name, text = text, params = parts.subject, returns = { "number", "a share, 0 to 1" },
    example = parts.labels .. ("print(metrics.%s(predicted, truth))"):format(name), see = see,
  }
end

return {
  measure("accuracy", "The share of correct predictions; a rejected sample counts as an error.",
    { "metrics.accuracy_rejection_correct", "metrics.accuracy_accepted", "metrics.report" }),
  measure("accuracy_rejection_correct",
    "The share of samples that are correct or rejected: on adversarial samples a rejection is right.",
    { "metrics.accuracy" }),
  measure("accuracy_accepted",
    "The share of correct predictions among the accepted samples; NaN where none was accepted.",
    { "metrics.accuracy" }),
  measure("rejection_rate", "The share of rejected samples.", { "dnr:threshold_for" }),
  {
    name = "metrics.counts", text = "How many samples are correct, rejected and wrong.",
    params = parts.subject, returns = { "table", "{ samples, correct, rejected, wrong }" },
    example = parts.labels .. "print(metrics.counts(predicted, truth).rejected)",
    see = { "metrics.report", "result:counts" },
  },
  {
    name = "metrics.report",
    text = "All of these by their names, the counts and the confusion; it prints as a table.",
    params = parts.subject,
    returns = { "report", "{ samples, correct, rejected, wrong, accuracy, …, confusion }" },
    example = parts.labels .. "print(metrics.report(predicted, truth))",
    see = { "evaluate.security" },
  },
  {
    name = "report", kind = "value",
    text = "What metrics.report gives: the counts, the measures by their names, and the confusion.",
    example = parts.labels .. "print(metrics.report(predicted, truth).accuracy_accepted)",
    see = { "metrics.report" },
  },
  field("report.samples", "integer", "How many samples there are."),
  field("report.correct", "integer", "How many are accepted and right."),
  field("report.rejected", "integer", "How many are rejected."),
  field("report.wrong", "integer", "How many are accepted and wrong."),
  field("report.accuracy", "number", "As metrics.accuracy."),
  field("report.accuracy_rejection_correct", "number", "As metrics.accuracy_rejection_correct."),
  field("report.accuracy_accepted", "number", "As metrics.accuracy_accepted."),
  field("report.rejection_rate", "number", "As metrics.rejection_rate."),
  field("report.confusion", "confusion", "As metrics.confusion."),
}
