-- Models written in Lua: what bind_lua_model.c asks of their tables besides scores, gradients and fits.
-- Errors are raised without a position: C hands them on under the user's function.

local blame = require "perigee.blame"
local describe = require("perigee.native").describe

local half = {}

local MOST_AXES, MOST_FEATURES = 8, 1 << 31 -- of an array, of a sample

local function fail(format, ...) error(format:format(...), 0) end

-- The labels in a list of its own; nil if they are not integers in rising order.
local function labels_of(classes)
  local labels = {}
  for i = 1, type(classes) == "table" and rawlen(classes) or 0 do
    local label = math.tointeger(classes[i])
    if not label or label < -2 ^ 31 or label >= 2 ^ 31 or i > 1 and label <= labels[i - 1] then return nil end
    labels[i] = label
  end
  return #labels > 0 and labels or nil
end

local function has(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

-- The shape of a sample as a list of sizes of its own, or nil, and how many features it has.
local function sizes_of(input)
  local given, sizes, product = type(input) == "number" and { input } or input, {}, 1
  local count = type(given) == "table" and rawlen(given) or 0
  if count < 1 or count > MOST_AXES then return nil end
  for i = 1, count do
    local size = rawget(given, i)
    if math.type(size) ~= "integer" or size < 1 or size > MOST_FEATURES // product then return nil end
    sizes[i], product = size, product * size
  end
  return sizes, product
end

-- What is wrong with the input and the gradient that it speaks of, or nil.
local function fault_of(model, sizes, product)
  if model.input ~= nil and not sizes then
    return ("input: expected the shape of a sample, { 3, 32, 32 }, got %s"):format(describe(model.input))
  elseif sizes and model.features and model.features ~= product then
    return ("its input has %d features, its features are %s"):format(product, describe(model.features))
  elseif model.gradient_is ~= nil and model.gradient_is ~= "surrogate" then
    return ('gradient_is: expected "surrogate" or nothing, got %s'):format(describe(model.gradient_is))
  end
end

--- What a model says of itself: rejects, features, the list of its labels, the shape of its samples. Without
-- labels they are the samples' if it has been fitted, and not known yet if it can be. Fifth: what is wrong
-- with it.
function half.read(model, fitted)
  local sizes, product = sizes_of(model.input)
  local rejects, features, labels = model.rejects, model.features or product, nil
  local wrong = fault_of(model, sizes, product)
  if model.classes ~= nil then
    labels = labels_of(model.classes)
    if not labels then
      wrong = "a Lua model's classes are a list of labels in rising order"
    elseif rejects and has(labels, -1) then
      wrong = "the class -1 of a model that rejects: -1 means rejected"
    end
  elseif not fitted and model.fit == nil then
    wrong = "a Lua model needs classes, the list of its labels"
  end
  return rejects, features, labels, sizes, wrong
end

--- The model's method of that name.
function half.method(model, name)
  local f = model[name]
  if type(f) ~= "function" then fail("%s: this model written in Lua has no %s method", name, name) end
  return f
end

function half.set(model, name, value)
  blame.users(half.method(model, "set"), model, { [name] = value })
end

function half.get(model, name)
  local value = blame.users(half.method(model, "get"), model, name)
  if type(value) ~= "number" then fail('get: the Lua model has no number named "%s"', name) end
  return value
end

--- Another model that has learnt the same: what its own method says, or a copy of the table.
function half.clone(model)
  if type(model.clone) == "function" then return blame.users(model.clone, model) end
  local copy = {}
  for key, value in next, model do copy[key] = value end
  return debug.setmetatable(copy, debug.getmetatable(model))
end

debug.getregistry()["perigee.lua_models"] = half

return half
