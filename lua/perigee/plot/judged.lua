-- What the recipes about rejection share: best class scores of samples, and the classes they belong to.

local kinds = require "perigee.kinds"
local values = require "perigee.plot.values"

local judged = {}

-- The best class score of every row (the reject column left out), and its column, from 0.
function judged.best(scores, classes)
  local own = scores:slice(nil, { 1, classes })
  return own:max(2), own:argmax(2)
end

-- The scores of samples by a model of any kind, n × columns. What a function of the user's has raised is the
-- user's, at its line.
function judged.scores(where, model, samples)
  local ok, scores = pcall(reject.scores, model, samples)
  if ok then return scores end
  local words = scores
  if type(words) ~= "string" or perigee.interrupted() or words:find "^[^\n]-:%d+: " then error(words, 0) end
  return values.fail("%s: %s", where, (words:gsub("^reject%.%w+: ", "")))
end

function judged.check_model(where, model)
  if not kinds.is_fitted(model) or not model.classes then
    values.expected(where, "model", "a fitted model", model)
  end
end

-- A model's threshold, or nil if it has none or never rejects.
function judged.threshold(model)
  local ok, threshold = pcall(kinds.threshold, model)
  return ok and values.finite(threshold) and threshold or nil
end

-- Samples to judge: a dataset or an array.
function judged.samples(where, name, samples)
  if not kinds.is(samples, "dataset") and not kinds.is(samples, "array") then
    values.expected(where, name, "a dataset or an array of samples", samples)
  end
  return samples
end

-- The attacked points of a result, or samples as they are.
function judged.attacked(where, samples)
  if kinds.is(samples, "result") then return samples.x_adv end
  return judged.samples(where, "adversarial", samples)
end

-- A result that has samples.
function judged.check_result(where, name, result)
  if not kinds.is(result, "result") then values.expected(where, name, "an attack's result", result) end
  if #result == 0 then values.fail("%s: %s: there are no samples in this result", where, name) end
  return result
end

return judged
