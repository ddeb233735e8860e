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

local function field(name, kind, text)
  return { name = name, kind = "field", text = text, returns = { kind } }
end

return {
  name = "metrics", title = "Measures",
  summary = "How good a model is on labelled data, with and without rejection. A model (one written in Lua "
    .. "too) is asked once for all samples; its predictions will do in its place.",
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
      see = { "metrics.report", "result:counts" },
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
    {
      name = "metrics.robust_accuracy",
      text = [[
The share of an attack's samples that held. What that means is a convention, rejection =
  detection  correct without the attack, and correct or rejected under it: one minus the robust risk with
             detection. A clean sample that is rejected is an error
  paper      correct or rejected under the attack, whatever it was before, as in the DNR paper. At dmax 0,
             where nothing is moved, correct alone: the paper counts a clean sample that is rejected as an
             error, and so does plot.security
  error      correct under the attack: a rejected sample is an error]],
      params = { { "result", "result", "of an attack" } },
      options = {
        { "rejection", '"detection"|"paper"|"error"', '"detection"', "what a rejected sample counts as" },
      },
      returns = { "number", "from 0 to 1" },
      example = [[
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
local result = attack.fgsm({ model = net, dmax = 0.1 }):run(digits)
print(metrics.robust_accuracy(result))
print(metrics.robust_accuracy(result, { rejection = "paper" }))]],
      see = { "result:counts", "plot.security" },
    },
    {
      name = "report", kind = "value", group = "Answers",
      text = "What metrics.report gives: the counts, the measures by their names, and the confusion.",
      example = example .. "print(metrics.report(predicted, truth).accuracy_accepted)",
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
    {
      name = "confusion", kind = "value",
      text = "What metrics.confusion gives: how often each class was taken for each.",
      example = example .. "print(metrics.confusion(predicted, truth).counts)",
      see = { "metrics.confusion" },
    },
    field("confusion.classes", "integer[]", "The labels that stand for rows and columns."),
    field("confusion.counts", "array", "True × predicted class, the rejected in the last column; int32."),
  },
}
