-- Documentation of the library metrics; see perigee/help.lua for the form.

local params = {
  { "model", "model|array|table", "any model, or its predictions: labels, -1 where rejected" },
  { "ds", "dataset|array|table", "the samples with their labels; for predictions the labels will do" },
}

local example = [[
local truth     = { 0, 0, 0, 4, 4 }
local predicted = { 0, 0, -1, 4, 0 }
]]

local function measure(name, text, see)
  return {
    name = "metrics." .. name, text = text, params = params, returns = { "number", "a share, 0 to 1" },
    example = example .. ("print(metrics.%s(predicted, truth))"):format(name), see = see,
  }
end

return {
  name = "metrics", title = "Measures",
  summary = "How good a model is on labelled data, with and without rejection.",
  entries = {
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
      name = "metrics.counts", text = "How many samples are correct, rejected and wrong.", params = params,
      returns = { "table", "{ samples, correct, rejected, wrong }" },
      example = example .. "print(metrics.counts(predicted, truth).rejected)",
    },
    {
      name = "metrics.confusion",
      text = [[
How often each class was taken for each. The answer's counts is an int32 array, true class × predicted
class in the order of its classes, with the rejected in the last column; it prints as a table.]],
      params = params, returns = { "confusion", "{ classes, counts }" },
      example = example .. "print(metrics.confusion(predicted, truth))",
      see = { "metrics.report" },
    },
    {
      name = "metrics.report",
      text = "All measures by their names, the counts and the confusion; it prints as a table.",
      params = params,
      returns = { "report", "{ samples, correct, rejected, wrong, accuracy, …, confusion }" },
      example = example .. "print(metrics.report(predicted, truth))",
      see = { "evaluate.security" },
    },
  },
}
