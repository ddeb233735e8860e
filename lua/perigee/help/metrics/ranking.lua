-- Documentation of metrics/ranking.lua; see perigee/help.lua for the form.

local parts = require "perigee.help.metrics.parts"

local field = parts.field

local params = {
  { "scores", "array|table|result|model", "a score each; an attack's result; or a model" },
  { "positive", "array|table|dataset?",
    "for scores 1 or 0 (true or false) each; for a model the clean samples; none for a result" },
  { "negatives", "result|dataset|array?",
    "for a model what it should reject: an attack's result, or outliers" },
}

return {
  {
    name = "metrics.roc",
    text = [[
The receiver operating characteristic: for every threshold t that a score makes, the share of the positives
(TPR) and of the negatives (FPR) whose score is t or more. The first threshold is infinite, where nothing
is accepted.

A model's score is its confidence: its best class score less its reject score, above 0 for what it accepts;
the best class score alone where it has no reject score or that is -inf. Positives are clean samples whose
best class is right (whether they are accepted is what the threshold decides), negatives an attack's
answers whose best class is wrong and was right before (Stutz et al., "Confidence-calibrated adversarial
training", ICML 2020), or all of a set of outliers. A result alone has both: its samples before the attack,
and its answers. Runs that failed are left out.

Of a result this judges an attack at thresholds that it may not have tried: it has to maximise confidence. Of
one that stops at the model's own threshold (early_stop = true; attack.auto; attack.fmn, which stays near it)
the FPR and the error are lower bounds: stopped_early counts such answers, and printing says so. Either
attack with early_stop = false, or attack the model at the threshold in question (see reject.new).]],
    params = params,
    returns = { "roc", "{ fpr, tpr, thresholds, auc, positives, negatives, stopped_early }" },
    example = parts.attacked .. [[
print(metrics.roc(result))
local noise = array.rand(50, 784, { seed = 3 })
print(metrics.roc(nr, digits, noise))
print(metrics.roc({ 0.1, 0.4, 0.35, 0.8 }, { 0, 0, 1, 1 }).tpr)]],
    see = { "plot.roc", "metrics.auc", "metrics.rerr" },
  },
  {
    name = "metrics.auc",
    text = [[
The area under metrics.roc, exact, which is Mann and Whitney's statistic:
  AUC  (pairs in which the positive scores higher + half of those that tie) / all pairs of a positive and
       a negative
1 where a threshold tells them apart, 0.5 for scores that say nothing. A number cannot say that a result's
attack stopped early, and that the AUC is then only a bound from above: metrics.roc does. The attack has to
maximise confidence.]],
    params = params, returns = { "number", "0 to 1" },
    example = "print(metrics.auc({ 0.1, 0.4, 0.35, 0.8 }, { 0, 0, 1, 1 }))",
    see = { "metrics.roc", "metrics.bootstrap" },
  },
  {
    name = "metrics.aurc",
    text = [[
The area under the risk-coverage curve (Geifman, Uziel and El-Yaniv, "Bias-reduced uncertainty estimation
for deep neural classifiers", ICLR 2019): the mean over k = 1 … n of the share of errors among the k most
confident samples. Small where errors have little confidence. An error is a best class that is wrong,
rejected or not; confidence is as told under metrics.roc. Samples of one confidence have no order: what is
taken is the mean over all their orders.]],
    params = {
      { "model", "model|array|table", "any model, or the confidences of its samples" },
      { "ds", "dataset|array|table", "the samples; for confidences 1 where the sample is correct, else 0" },
    },
    returns = { "number", "0 to 1" },
    example = [[
print(metrics.aurc({ 0.9, 0.8, 0.7, 0.6 }, { 1, 1, 0, 1 }))
print(metrics.aurc(nn.load("mnist-cnn"), data.digits(50, { seed = 1 })))]],
    see = { "metrics.roc", "metrics.accuracy_accepted" },
  },
  {
    name = "roc", kind = "value",
    text = "What metrics.roc gives: a point of the curve for each threshold, from none accepted to all. "
      .. "It prints as a line.",
    example = "print(metrics.roc({ 0.1, 0.4, 0.35, 0.8 }, { 0, 0, 1, 1 }))",
    see = { "metrics.roc", "plot.roc" },
  },
  field("roc.fpr", "array", "The share of the negatives that are accepted, rising; float64."),
  field("roc.tpr", "array", "The share of the positives that are accepted, rising; float64."),
  field("roc.thresholds", "array", "What a score must reach to be accepted, falling from inf; float64."),
  field("roc.auc", "number", "As metrics.auc."),
  field("roc.positives", "integer", "How many there are."),
  field("roc.negatives", "integer", "How many there are."),
  field("roc.stopped_early", "integer",
    "Of an attack's result how many answers stopped at the model's own threshold; else nil."),
  field("roc.attacked", "integer", "Of an attack's result how many samples it has; else nil."),
}
