-- What a value is: the names that the program's types and tables carry in their metatables, and what models
-- are made of.

local native = require "perigee.native"

local kinds = {}

-- What messages call the tables that names are looked up in: no kinds of values.
local LOOKED_UP = { library = true, globals = true }

--- The kind of a value ("array", "dataset", "svm", "security", …), or nil if it has none.
function kinds.of(value)
  local meta = debug.getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  local kind = type(name) == "string" and name:match("([%w_]+)$") or nil
  return not LOOKED_UP[kind] and kind or nil
end

--- Was it closed: a file, or one of our objects that has nothing in it any more?
function kinds.is_closed(value)
  return io.type(value) == "closed file"
    or type(value) == "userdata" and native.describe(value):find "closed$" ~= nil
end

--- Is it one of ours, made in C, of this kind, and not closed? A table of the user's can call itself whatever
--- it likes.
function kinds.is(value, kind)
  return type(value) == "userdata" and kinds.of(value) == kind and not kinds.is_closed(value)
end

--- Is it a model, fitted or not but not closed, or a table that is one written in Lua?
function kinds.is_model(value)
  return native.is_model(value) and not kinds.is_closed(value)
end

--- Is it a fitted model, or one written in Lua?
function kinds.is_fitted(value)
  return kinds.is_model(value) and (type(value) == "table" or #value.classes > 0)
end

--- The model that decides within rejectors and classifiers on a layer, and whether what it decides on are the
--- scores of layers' own classifiers.
function kinds.deciding(model)
  if kinds.is(model, "dnr") then return model.combiner, true end
  if kinds.is(model, "nr") or kinds.is(model, "preprocess") or kinds.is(model, "pipeline") then
    return kinds.deciding(model.model)
  end
  if kinds.is(model, "layer") then return kinds.deciding(model.classifier) end
  return model, false
end

--- A rejecting model's threshold; a pipeline's is that of the model in it.
function kinds.threshold(model)
  if kinds.is(model, "pipeline") then return kinds.threshold(model.model) end
  return model.threshold
end

--- Its name among the model's options.
function kinds.threshold_option(model)
  return kinds.is(model, "pipeline") and "model." .. kinds.threshold_option(model.model) or "threshold"
end

--- Are its scores sums of kernels that die out?
function kinds.has_kernels(model)
  local machine = kinds.deciding(model)
  return kinds.is(machine, "svm") and machine.kernel.name == "rbf"
end

--- What it answers: "gradients" as well, "scores" alone, or "labels" alone.
function kinds.answers(model) return native.answers(model) end

-- By kind the field with the model that decides.
local holders = { nr = "model", preprocess = "model", pipeline = "model", confidence = "model",
  energy = "model", squeeze = "model", layer = "classifier" }

-- The models that one is made of, nets aside.
local function inside(model)
  if type(model) ~= "userdata" or kinds.is_closed(model) then return {} end
  local kind = kinds.of(model)
  if holders[kind] then return { model[holders[kind]] } end
  if kind ~= "dnr" then return {} end
  local parts = { model.combiner }
  for _, layer in ipairs(model.layers) do parts[#parts + 1] = model[layer] end
  return parts
end

-- Is there a squeezer of grey values? Its steps have no slope.
local function rounds(squeeze)
  for _, name in ipairs(squeeze.squeezers) do
    if name:find "^bits " then return true end
  end
  return false
end

--- Does it, or a part of it that is written in Lua, say that its gradient is not that of its scores?
function kinds.has_surrogate(model)
  if kinds.is(model, "knn") then return model.fitted_softness ~= 0 end
  if kinds.is(model, "squeeze") and rounds(model) then return true end
  for _, part in ipairs(inside(model)) do
    if kinds.has_surrogate(part) then return true end
  end
  for _, part in ipairs(type(model) == "table" and { model } or native.lua_models(model)) do
    if part.gradient_is == "surrogate" then return true end
  end
  return false
end

-- What models have by that name.
debug.getregistry()["perigee.kinds"] = {
  gradient_is = function(model) return kinds.has_surrogate(model) and "surrogate" or nil end,
}

return kinds
