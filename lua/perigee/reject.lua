-- The Lua half of the library reject: how thresholded models and classifiers on a layer print.

local types = debug.getregistry()

-- The first line of what a model prints as.
local function summary(model)
  return type(model) == "table" and "a model written in Lua" or tostring(model):match("^[^\n]*")
end

types["perigee.nr"].__tostring = function(nr)
  return ("nr (threshold %.6g) of %s"):format(nr.threshold, summary(nr.model))
end

types["perigee.layer"].__tostring = function(model)
  return ("%s on layer %s"):format(summary(model.classifier), model.layer)
end

return reject
