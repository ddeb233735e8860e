-- plot.reject: what a threshold costs and buys: the share rejected and the accuracy of the accepted, over
-- the threshold, the model's own one marked; with attacked samples also how many of those are rejected.

local figures = require "perigee.plot.figure"
local judged = require "perigee.plot.judged"
local kinds = require "perigee.kinds"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

-- Best scores in rising order, each with whether its sample is right: { scores =, right = }.
local function sorted_of(where, model, samples, labels)
  local scores = judged.scores(where, model, samples)
  local best, column = judged.best(scores, #model.classes)
  local order = best:argsort():totable()
  best, column = best:totable(), column:totable()
  local list = { scores = {}, right = {} }
  for k, i in ipairs(order) do
    list.scores[k] = best[i]
    list.right[k] = labels and model.classes[column[i]] == labels[i] or false
  end
  return list
end

-- At the threshold of each position everything up to it is rejected. Steps: the share rejected, and the
-- accuracy of the others.
local function curves(list)
  local n = #list.scores
  local rejected, accuracy, right = {}, {}, 0
  for k = n, 1, -1 do
    accuracy[k] = k < n and right / (n - k) or 0 / 0
    rejected[k] = k / n
    if list.right[k] then right = right + 1 end
  end
  return rejected, accuracy
end

local function labels_of(where, data)
  if not kinds.is(data, "dataset") then values.expected(where, "data", "a dataset with labels", data) end
  if #data == 0 then values.fail("%s: data: there are no samples in this dataset", where) end
  return data.y:totable()
end

local function figure(where, model, options)
  judged.check_model(where, model)
  local labels = labels_of(where, options.data)
  local clean = sorted_of(where, model, options.data, labels)
  local rejected, accuracy = curves(clean)
  local fig = figures.new { title = options.title, width = options.width or 520,
    height = options.height or 340 }
  local panel = fig[1]
  panel:line(clean.scores, rejected, { label = "rejected", color = "vermillion" })
  panel:line(clean.scores, accuracy, { label = "accuracy of the accepted", color = "blue",
    dash = "dashdot" })
  if options.adversarial then
    local attacked = sorted_of(where, model, judged.attacked(where, options.adversarial))
    panel:line(attacked.scores, (curves(attacked)), { label = "attacked, rejected", color = "vermillion",
      dash = "dashed" })
  end
  local threshold = judged.threshold(model)
  if threshold then
    panel:vline(threshold, { label = string.format("threshold %.4g", threshold), width = 1.5,
      color = "black" })
  end
  panel.legend, panel.yrange = true, { -0.03, 1.03 }
  panel.xlabel, panel.ylabel = "threshold", "share of the samples"
  panel.margin = { left = style.margin.left, right = 24, top = style.margin.top,
    bottom = style.margin.bottom, legend = style.margin.legend, untitled = style.margin.untitled }
  return fig
end

return { options = { "data", "adversarial" }, figure = figure }
