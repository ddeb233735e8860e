-- What the recipes about rejection share: best class scores of samples, and the classes they belong to.

local kinds = require "perigee.kinds"
local values = require "perigee.plot.values"

local judged = {}

-- The best class score of every row (the reject column left out), and its column, from 0.
function judged.best(scores, classes)
  local own = scores:slice(nil, { 1, classes })
  return own:max(2), own:argmax(2)
end

-- The scores of samples by a model of any kind, n × columns. One written in Lua is given an array.
function judged.scores(where, model, samples)
  local is_dataset, pixels = pcall(function() return samples.x end)
  if type(model) == "table" and is_dataset and pixels then samples = pixels end
  local ok, scores = pcall(function() return model:scores(samples) end)
  if not ok then values.fail("%s: %s", where, (tostring(scores):gsub("^%S*:%d+: ", ""))) end
  return scores
end

function judged.check_model(where, model)
  if not kinds.is_fitted(model) or not model.classes then
    values.expected(where, "model", "a fitted model", model)
  end
end

-- A model's threshold, or nil if it has none or never rejects.
function judged.threshold(model)
  local ok, threshold = pcall(function() return model.threshold end)
  return ok and values.finite(threshold) and threshold or nil
end

-- The attacked points of a result, or samples as they are.
function judged.attacked(samples)
  local ok, points = pcall(function() return samples.x_adv end)
  return ok and points or samples
end

return judged
