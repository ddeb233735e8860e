-- Which class is taken for which, and measures class by class.

local given = require "perigee.metrics.given"
local arguments = require "perigee.arguments"
local matrix = require "perigee.metrics.matrix"
local text = require "perigee.text"

local classes = {}

--- How often each class was taken for each: `counts` is an int32 array, true class × predicted class
--- in the order of `classes`, the rejected in its last column. It prints as a table.
function classes.confusion(model, ds, options)
  options = arguments.only("metrics.confusion", options, { "names" })
  local names = given.names("confusion", ds, options)
  local labels, truth = given.labels("confusion", model, ds)
  local confusion = matrix(labels, truth, given.classes(model))
  confusion.names = names
  return confusion
end

-- By class: hits, predictions and samples.
local function tally(labels, truth)
  local hits, predicted, samples = {}, {}, {}
  for i, label in ipairs(labels) do
    samples[truth[i]] = (samples[truth[i]] or 0) + 1
    if label then predicted[label] = (predicted[label] or 0) + 1 end
    if label == truth[i] then hits[label] = (hits[label] or 0) + 1 end
  end
  return function(class) return hits[class] or 0, predicted[class] or 0, samples[class] or 0 end
end

local function no_average(where, value, judged)
  local known = {}
  for i, class in ipairs(judged.known) do
    local name = judged.names[class]
    known[i] = name and ("%d (%s)"):format(class, text.name(name)) or ("%d"):format(class)
  end
  given.expected(where, "average", ("\"macro\", \"micro\" or one of the classes %s"):format(
    table.concat(known, ", ")), value)
end

-- The class of that label or name, which has to be the only one of that name.
local function class_of(where, average, judged)
  local found
  for _, class in ipairs(judged.known) do
    if class == average then return class end
    if judged.names[class] == average then
      if found then
        given.fail(where, "average: %d and %d are both called %s; give the label", found, class, average)
      end
      found = class
    end
  end
  return found or no_average(where, average, judged)
end

-- What share(hits, predicted, samples) says of one class, of all classes' mean, or of their sums.
local function averaged(where, share, average, judged)
  local of, all = tally(judged.labels, judged.truth), judged.classes
  if average == "macro" then
    local sum = 0
    for _, class in ipairs(all) do sum = sum + share(of(class)) end
    return given.share(sum, #all)
  elseif average == "micro" then
    local sums = { 0, 0, 0 }
    for _, class in ipairs(all) do
      for k, n in ipairs { of(class) } do sums[k] = sums[k] + n end
    end
    return share(table.unpack(sums))
  end
  return share(of(class_of(where, average, judged)))
end

local function measure(where, share)
  return function(model, ds, options)
    options = arguments.only("metrics." .. where, options, { "average", "names" })
    local average, names = options.average, given.names(where, ds, options)
    local labels, truth = given.labels(where, model, ds)
    local seen = given.sorted_union(truth, labels)
    return averaged(where, share, average == nil and "macro" or average, { labels = labels, truth = truth,
      classes = seen, names = names or {}, known = given.sorted_union(seen, given.classes(model)) })
  end
end

-- 0 of 0 is 0, as in scikit-learn: a class that is never found does not leave a mean.
local function ratio(part, whole)
  return whole == 0 and 0.0 or part / whole
end

--- The share of correct ones among what was taken for the class.
classes.precision = measure("precision", function(hits, predicted) return ratio(hits, predicted) end)

--- The share of the class that was found.
classes.recall = measure("recall", function(hits, _, samples) return ratio(hits, samples) end)

--- The harmonic mean of both.
classes.f1 = measure("f1", function(hits, predicted, samples) return ratio(2 * hits, predicted + samples) end)

return classes
