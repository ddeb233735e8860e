-- Documentation of metrics/classes.lua; see perigee/help.lua for the form.

local parts = require "perigee.help.metrics.parts"

local field = parts.field

return {
  {
    name = "metrics.confusion",
    text = [[
How often each class was taken for each. The answer's counts is an int32 array, true class × predicted
class in the order of its classes, with the rejected in the last column; it prints as a table.]],
    params = parts.subject, returns = { "confusion", "{ classes, counts }" },
    example = parts.labels .. "print(metrics.confusion(predicted, truth))",
    see = { "metrics.report", "plot.confusion" },
  },
  {
    name = "confusion", kind = "value",
    text = "What metrics.confusion gives: how often each class was taken for each.",
    example = parts.labels .. "print(metrics.confusion(predicted, truth).counts)",
    see = { "metrics.confusion" },
  },
  field("confusion.classes", "integer[]", "The labels that stand for rows and columns."),
  field("confusion.counts", "array", "True × predicted class, the rejected in the last column; int32."),
}
