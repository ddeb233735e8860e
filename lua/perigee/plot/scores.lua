-- plot.scores: histograms of the best class score, clean samples against attacked ones, with the
-- threshold below which a sample is rejected.
--
-- The subject is an attack's result, or a model with data = clean samples and adversarial = a result,
-- a dataset or an array.

local figures = require "perigee.plot.figure"
local judged = require "perigee.plot.judged"
local kinds = require "perigee.kinds"
local values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot

-- { name =, best = } of each group, and the threshold.
local function groups_of(where, subject, options)
  if kinds.is(subject, "result") then
    judged.check_result(where, "subject", subject)
    local classes = #subject.classes
    local groups = { { name = "clean", best = judged.best(subject.start_scores, classes) },
      { name = "attacked", best = judged.best(subject.scores, classes) } }
    local threshold = subject.rejects and subject.scores:at(1, classes + 1) or nil
    return groups, values.finite(threshold) and threshold or nil
  end
  judged.check_model(where, subject)
  if options.data == nil then
    values.fail("%s: data: expected the clean samples, { data = test, adversarial = result }", where)
  end
  local classes, groups = #subject.classes, {}
  judged.samples(where, "data", options.data)
  groups[1] = { name = "clean", best = judged.best(judged.scores(where, subject, options.data), classes) }
  if options.adversarial then
    groups[2] = { name = "attacked", best = judged.best(judged.scores(where, subject,
      judged.attacked(where, options.adversarial)), classes) }
  end
  return groups, judged.threshold(subject)
end

local function figure(where, subject, options)
  local bins = values.integer(where, options, "bins", 2, 1000, 40)
  local groups, threshold = groups_of(where, subject, options)
  local low, high = math.huge, -math.huge
  for _, group in ipairs(groups) do
    group.numbers = values.numbers(where, group.name, group.best)
    local a, b = gnuplot.range(group.numbers)
    if a then low, high = math.min(low, a), math.max(high, b) end
  end
  if low > high then values.fail("%s: no finite scores", where) end
  low, high = values.padded(low, high, 0)
  local edges = {}
  for k = 0, bins do edges[k + 1] = low + (high - low) * k / bins end
  local fig = figures.new { title = options.title, width = options.width or 480,
    height = options.height or 320 }
  local panel = fig[1]
  for i, group in ipairs(groups) do
    panel:histogram(group.numbers, { bins = edges, share = true, label = group.name,
      color = i == 1 and "blue" or "vermillion", dash = i == 1 and "solid" or "dashed",
      alpha = i == 1 and 0.5 or 0.2 })
  end
  if threshold and threshold >= low and threshold <= high then
    panel:vline(threshold, { label = string.format("threshold %.4g", threshold), width = 1.5,
      color = "black" })
  end
  panel.legend = true
  panel.xlabel, panel.ylabel = "best class score", "share of the samples"
  return fig
end

return { options = { "data", "adversarial", "bins" }, figure = figure }
