-- The Lua half of the library reject: how thresholded models and classifiers on a layer print, and whether a
-- gradient belongs to its scores.

local arguments = require "perigee.arguments"
local gradient_check = require "perigee.gradient_check"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local records = require "perigee.records"

local printable = native.printable

local types = debug.getregistry()

-- The first line of what a model prints as.
local function summary(model)
  return type(model) == "table" and "a model written in Lua" or tostring(model):match("^[^\n]*")
end

types["perigee.nr"].__tostring = function(nr)
  return ("nr (threshold %.6g) of %s"):format(nr.threshold, summary(nr.model))
end

types["perigee.layer"].__tostring = function(model)
  return ("%s on layer %s"):format(summary(model.classifier), printable(model.layer))
end

types["perigee.confidence"].__tostring = function(model)
  return ("confidence (threshold %.6g, a probability of %.6g; temperature %.6g) of %s"):format(
    model.threshold, model.probability, model.temperature, summary(model.model))
end

types["perigee.energy"].__tostring = function(model)
  return ("energy (threshold %.6g, temperature %.6g) of %s"):format(model.threshold, model.temperature,
    summary(model.model))
end

types["perigee.density"].__tostring = function(model)
  local bandwidth = model.fitted_bandwidth
  return ("density on layer %s (threshold %.6g, %s) of %s"):format(printable(model.layer), model.threshold,
    bandwidth and ("%d points, bandwidth %.6g"):format(model.points, bandwidth) or "not fitted",
    summary(model.net))
end

types["perigee.mahalanobis"].__tostring = function(model)
  return ("mahalanobis on %s (threshold %.6g, %s) of %s"):format(
    printable(table.concat(model.layers, ", ")), model.threshold,
    #model.classes > 0 and "ranks " .. table.concat(model.ranks, ", ") or "not fitted", summary(model.net))
end

types["perigee.squeeze"].__tostring = function(model)
  return ("squeeze by %s (threshold %.6g) of %s"):format(table.concat(model.squeezers, ", "), model.threshold,
    summary(model.model))
end

local Check = { __name = "check" }

function Check:__tostring() return self.message or error "a check without its message" end

records.define(Check, {
  kind = "check", what = "what reject.check gave",
  rows = function(self)
    return records.columns("ok error random flat unchecked message", "%.3g", "error"), { self }
  end,
})

--- Compare the gradient of a model with differences of its scores at the first samples of x.
function reject.check(model, x)
  local has = kinds.is_model(model) and model.gradient
  if not has then arguments.expected("reject.check", "model", "a model with scores and gradient", model) end
  local samples = kinds.is(x, "dataset") or kinds.is(x, "array") or type(x) == "table"
  if not samples or #x == 0 then
    arguments.expected("reject.check", "x", "samples (a dataset or an array)", x)
  end
  native.check_layout("reject.check", model, x)
  return setmetatable(gradient_check.run(model, x), Check)
end

reject.preprocess = require "perigee.preprocess"

return reject
