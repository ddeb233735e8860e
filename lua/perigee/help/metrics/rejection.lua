-- Documentation of metrics/rejection.lua; see perigee/help.lua for the form.

local parts = require "perigee.help.metrics.parts"

local field = parts.field

return {
  {
    name = "metrics.rerr",
    text = [[
The robust error of a model that rejects what has too little confidence (D. Stutz, M. Hein, B. Schiele,
"Confidence-calibrated adversarial training", ICML 2020). With c the confidence (see metrics.roc), f the
best class and x' the attack's answer to x, at a threshold t
  RErr  Σ max(1[f(x) ≠ y, c(x) ≥ t], 1[f(x') ≠ y, c(x') ≥ t]) / Σ max(1[c(x) ≥ t], 1[c(x') ≥ t])
  FPR   the share with c(x') ≥ t of the samples with f(x) = y and f(x') ≠ y
NaN of nothing. t is set on n held-out samples that are classified right, for each true positive rate TPR:
the (floor(n (1 - TPR)) + 1)-th least of their confidences, so that at least that share is accepted. They
must not be among those attacked.

The attack has to maximise confidence, or be run against the model at that threshold (see reject.new). Of one
that stops at the model's own threshold (early_stop = true; attack.auto; attack.fmn, which stays near it) the
figures at a stricter one are lower bounds: stopped_early counts such answers, and printing says so.

Without a result, clean = { confidences, correct } and attacked = { confidences, correct } give what it
would; validation may then be confidences too.]],
    options = {
      { "result", "result", "none", "of an attack on the model" },
      { "validation", "dataset|array|table", "none",
        "held-out samples; or the confidences of those that are classified right" },
      { "model", "model", "none", "the model that was attacked, if validation is a dataset" },
      { "tpr", "number|number[]", "0.90, 0.95, 0.99", "the shares of right samples to accept" },
      { "clean", "table", "none", "without a result: the confidences, and 1 where the best class is right" },
      { "attacked", "table", "none", "the same under the attack" },
    },
    returns = { "rerr", "lists tpr, threshold, rerr, fpr, accepted; stopped_early" },
    example = parts.attacked .. [[
print(metrics.rerr { result = result, model = nr, validation = held_out })
print(metrics.rerr {
  clean    = { { 3, 2, 1 }, { 1, 1, 0 } },
  attacked = { { 2, 1, 1 }, { 0, 1, 0 } },
  validation = { 1.5, 2, 2.5, 3 }, tpr = 0.75,
}.rerr[1])]],
    see = { "metrics.roc", "metrics.robust_risk", "dnr:threshold_for" },
  },
  {
    name = "rerr", kind = "value",
    text = "What metrics.rerr gives: lists with an item for each true positive rate. It prints as a table.",
    example = parts.attacked .. [[
local e = metrics.rerr { result = result, model = nr, validation = held_out }
print(e.tpr[2], e.rerr[2])]],
    see = { "metrics.rerr" },
  },
  field("rerr.tpr", "number[]", "The true positive rates that were asked for."),
  field("rerr.threshold", "number[]",
    "The confidence that a sample must reach: beyond the model's own threshold, if it has one."),
  field("rerr.rerr", "number[]", "The robust error."),
  field("rerr.fpr", "number[]", "The share of adversarial samples that are accepted."),
  field("rerr.accepted", "number[]", "The share of all clean samples that are accepted."),
  field("rerr.samples", "integer", "How many samples were attacked, without those that failed."),
  field("rerr.validation", "integer", "How many held-out samples set the thresholds."),
  field("rerr.stopped_early", "integer",
    "Of a result how many answers stopped at the model's own threshold; else nil."),
  field("rerr.attacked", "integer", "Of a result how many samples it has; else nil."),
  field("rerr.stricter", "boolean",
    "Of a result whether any threshold is above the model's own, so that stopping early matters; else nil."),
}
