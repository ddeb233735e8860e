-- Documentation of metrics/classes.lua; see perigee/help.lua for the form.

local parts = require "perigee.help.metrics.parts"

local field = parts.field

local function measure(name, text, formula)
  return {
    name = "metrics." .. name,
    text = text .. "\n  " .. formula .. [[


"macro" is the mean over the classes that come among labels or predictions, "micro" the formula of their
sums. 0 of 0 is 0, as in scikit-learn. A rejected sample is a prediction of no class: it lowers recall,
not precision.]],
    params = parts.subject,
    options = {
      { "average", '"macro"|"micro"|integer|string', '"macro"',
        "over the classes, or of this one alone, by its label or its name" },
      parts.names,
    },
    returns = { "number", "0 to 1" },
    example = parts.labels .. ([[
print(metrics.%s(predicted, truth))
print(metrics.%s(predicted, truth, { average = 4 }))]]):format(name, name),
    see = { "metrics.confusion", "metrics.accuracy" },
  }
end

return {
  {
    name = "metrics.confusion",
    text = [[
How often each class was taken for each: under attack, if it is given a result. The answer's counts is an
int32 array, true class × predicted class in the order of its classes, with the rejected in the last
column; it prints as a table.]],
    params = parts.subject, options = { parts.names },
    returns = { "confusion", "{ classes, counts, names }" },
    example = parts.labels .. [[
print(metrics.confusion(predicted, truth))
local net, digits = nn.load("mnist-cnn"), data.digits(10, { seed = 1 })
print(metrics.confusion(attack.fgsm({ model = net, dmax = 0.1 }):run(digits)))]],
    see = { "metrics.report", "plot.confusion" },
  },
  measure("precision", "How much of what was taken for a class belongs to it.",
    "precision  hits / predictions of the class"),
  measure("recall", "How much of a class was found.", "recall  hits / samples of the class"),
  measure("f1", "The harmonic mean of precision and recall (C. J. van Rijsbergen, 1979).",
    "F1  2 hits / (predictions + samples of the class)"),
  {
    name = "confusion", kind = "value",
    text = "What metrics.confusion gives: how often each class was taken for each.",
    example = parts.labels .. "print(metrics.confusion(predicted, truth).counts)",
    see = { "metrics.confusion" },
  },
  field("confusion.classes", "integer[]", "The labels that stand for rows and columns."),
  field("confusion.counts", "array", "True × predicted class, the rejected in the last column; int32."),
  field("confusion.names", "table?",
    "What the classes are called, { [label] = name }, where the dataset or the option names says it."),
}
