-- Documentation of metrics/intervals.lua; see perigee/help.lua for the form.

local field = require("perigee.help.metrics.parts").field

local level = { "level", "number", "0.95", "how often such intervals hold the true value" }

return {
  {
    name = "metrics.wilson",
    text = [[
Wilson's interval of a share (E. B. Wilson, 1927), which keeps its level also for few samples and near 0 and
1. With p = k / n and z the normal quantile of (1 + level) / 2
  ends  (p + z²/2n ∓ z √(p (1 - p)/n + z²/4n²)) / (1 + z²/n)]],
    params = {
      { "k", "integer", "how many are so" }, { "n", "integer", "of how many" },
    },
    options = { level },
    returns = { "interval", "{ estimate, low, high, level }" },
    example = [[
print(metrics.wilson(63, 100))
local i = metrics.wilson(0, 100, { level = 0.99 })
print(i.low, i.high)]],
    see = { "metrics.bootstrap", "result:counts" },
  },
  {
    name = "metrics.bootstrap",
    text = [[
The percentile bootstrap (B. Efron, 1979): the statistic of n samples drawn with replacement, again and
again; the interval is from the (1 - level) / 2 to the (1 + level) / 2 quantile of the draws' values (between
two of them by a straight line). The statistic is a function: it is given what is drawn, and gives a number.

Every draw takes the same samples of all data, { scores, labels } say, as arguments in that order; a list of
numbers becomes a float64 array. Of a number n of samples it is given their positions instead, from 1. With
a seed the same draws come again; indices takes them from outside. Ctrl-C ends it with the draws so far.]],
    params = {
      { "statistic", "function", "of what is drawn; a number" },
      { "data", "array|dataset|table|integer", "the samples, a list of such, or how many there are" },
    },
    options = {
      { "draws", "integer", "1000", "how many" }, level,
      { "seed", "integer", "drawn", "of the draws" },
      { "indices", "array|table", "none", "positions from 1, draws × n: nothing is drawn" },
    },
    returns = { "interval", "{ estimate, low, high, level, values, seed }" },
    example = [[
local scores, positive = { 0.1, 0.4, 0.35, 0.8, 0.9 }, { 0, 0, 1, 1, 1 }
local function mean_of(s) return s:mean() end
print(metrics.bootstrap(mean_of, scores, { draws = 200, seed = 1 }))
local i = metrics.bootstrap(metrics.auc, { scores, positive }, {
  indices = { { 1, 2, 3, 4, 5 }, { 1, 1, 3, 3, 5 } },
})
print(i.values)]],
    see = { "metrics.wilson" },
  },
  {
    name = "interval", kind = "value",
    text = "What metrics.wilson and metrics.bootstrap give. It prints as the estimate with its interval.",
    example = "print(metrics.wilson(63, 100).low)",
    see = { "metrics.wilson", "metrics.bootstrap" },
  },
  field("interval.estimate", "number", "The share, or the statistic of the samples as they are."),
  field("interval.low", "number", "Its lower end."),
  field("interval.high", "number", "Its upper end."),
  field("interval.level", "number", "How often such intervals hold the true value."),
  field("interval.values", "array?", "The statistic of each draw, float64; nil of Wilson's interval."),
  field("interval.seed", "integer?", "The seed of the draws; nil where nothing was drawn."),
  field("interval.interrupted", "boolean?", "Whether Ctrl-C ended the draws; nil of Wilson's interval."),
}
