-- The Lua half of the library classic: how its models and steps print.

local native = require "perigee.native"

local types = debug.getregistry()

local function size(model)
  if #model.classes == 0 then return "not fitted" end
  return ("%d classes, %d features"):format(#model.classes, model.features)
end

-- "knn of 5, by distance: 10 classes, 784 features, 500 samples"
types["perigee.knn"].__tostring = function(knn)
  local words = ("knn of %d%s"):format(knn.k, knn.weights == "distance" and ", by distance" or "")
  if not knn.samples then return words .. " (not fitted)" end
  return ("%s: %s, %d samples"):format(words, size(knn), #knn.samples)
end

-- "logistic, C 1: 10 classes, 784 features"
types["perigee.logistic"].__tostring = function(model)
  local words = ("logistic, C %g"):format(model.C)
  if not model.left then return words .. " (not fitted)" end
  return ("%s: %s%s"):format(words, size(model),
    model.left > model.tolerance and (", not converged (gradient %.2g)"):format(model.left) or "")
end

-- "pca(components 20, whiten true)"
local function step_words(step)
  local parts = {}
  for i, option in ipairs(native.described("classic." .. step.name).options) do
    parts[i] = ("%s %s"):format(option[1], step[option[1]])
  end
  return ("%s(%s)"):format(step.name, table.concat(parts, ", "))
end

-- What was set of a step since it learnt: " [from the next fit on: components 5]"
local function pending_words(step, learnt)
  local parts = {}
  for _, option in ipairs(native.described("classic." .. step.name).options) do
    local name = option[1]
    if learnt.options[name] ~= step[name] then parts[#parts + 1] = ("%s %s"):format(name, step[name]) end
  end
  return #parts > 0 and (" [from the next fit on: %s]"):format(table.concat(parts, ", ")) or ""
end

-- As it learnt, if it has.
local function counting_words(step, learnt)
  if not learnt then return step_words(step) end
  local counts = setmetatable({ name = step.name }, { __index = learnt.options })
  return step_words(counts) .. pending_words(step, learnt)
end

types["perigee.step"].__name = "step"
types["perigee.step"].__tostring = step_words

-- "pipeline standard(mean true, std true), pca(components 20, whiten false), logistic, C 1: …"
types["perigee.pipeline"].__tostring = function(pipeline)
  local words, learnt = {}, pipeline.learnt or {}
  for i, step in ipairs(pipeline.steps) do words[i] = counting_words(step, learnt[i]) end
  local model = pipeline.model
  local last = type(model) == "table" and "a model written in Lua" or tostring(model):match "^[^\n]*"
  words[#words + 1] = last
  return "pipeline " .. table.concat(words, ", ")
end
