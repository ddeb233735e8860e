-- reject.preprocess: a model behind a function of its samples. What src/bind/bind_preprocess.c calls is in
-- the registry.
--
-- A definition has the fields by which attacks and diagnoses look at a model written in Lua: scores (the
-- function), gradient and gradient_is; `pulled` is the user's own gradient, `surrogate` what was found out.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local grad = require "perigee.grad"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local WHERE = "reject.preprocess"

local half = {}
debug.getregistry()["perigee.preprocess_half"] = half

--- f(x)
function half.rows(definition, x)
  return blame.users(definition.scores, x)
end

-- What goes back through a tape; closed as soon as it is not needed any more.
local Pull = {}

function Pull.__call(self, dy)
  local y = self.y
  return self.pull(dy:reshape(y.shape):astype(y.dtype))
end

function Pull.__close(self)
  local close = debug.getmetatable(self.pull).__close
  if close then close(self.pull) end
end

--- f(x), and what takes slopes of it to those of x.
function half.there_and_back(definition, x)
  local pulled = blame.guest(definition.pulled)
  if pulled then
    local y = blame.users(definition.scores, x)
    return y, function(dy) return pulled(x, dy, y) end
  end
  local y, pull = grad.vjp(definition.scores, x)
  definition.surrogate = definition.surrogate or native.grad.surrogate(pull.run.tape)
  return y, setmetatable({ y = y, pull = pull }, Pull)
end

-- ---- Whether its gradient is a surrogate ----------------------------------------------------------

-- Does f go through a grad.straight_through? Found out by a call on a sample of zeros, once.
local function look(definition)
  local tape = native.grad.tape()
  local ok, x = pcall(native.grad.input, tape, WHERE, "x", array.zeros(1, definition.features))
  if ok then pcall(native.grad.call, tape, WHERE, definition.scores, x) end
  return native.grad.surrogate(tape)
end

local Definition = {}

function Definition.__index(self, key)
  if key ~= "gradient_is" then return nil end
  local known = rawget(self, "surrogate")
  if known == nil and not rawget(self, "pulled") and rawget(self, "features") then
    known = look(self)
    self.surrogate = known
  end
  return known and "surrogate" or nil
end

local function back() error "gradients go through the model" end

-- ---- The constructor ------------------------------------------------------------------------------

local own_options = { "gradient", "gradient_is", "features" }

local function checked(options)
  options = arguments.only(WHERE, options, own_options)
  local gradient, said, features = options.gradient, options.gradient_is, options.features
  if gradient ~= nil and type(gradient) ~= "function" then
    arguments.expected(WHERE, "gradient", "a function of x and dy", gradient)
  elseif said ~= nil and said ~= "surrogate" then
    arguments.expected(WHERE, "gradient_is", '"surrogate" or nothing', said)
  elseif features ~= nil and (math.type(features) ~= "integer" or features < 1) then
    arguments.expected(WHERE, "features", "an integer of 1 or more", features)
  end
  return options
end

-- "preprocess of svm rbf(gamma 1), C 1 …"
debug.getregistry()["perigee.preprocess"].__tostring = function(model)
  local inner = model.model
  return "preprocess of " .. (type(inner) == "table" and "a model written in Lua"
    or tostring(inner):match "^[^\n]*")
end

--- The model of f(x), and with f a grad.straight_through the gradient that this says.
return function(model, f, options)
  if not kinds.is_model(model) then arguments.expected(WHERE, "model", "a model", model) end
  if type(f) ~= "function" then arguments.expected(WHERE, "f", "a function of x", f) end
  options = checked(options)
  local features = options.features or model.features or 0
  local definition = setmetatable({
    scores = f, gradient = options.gradient or back, pulled = options.gradient,
    surrogate = options.gradient_is and true or nil, features = features > 0 and features or nil,
  }, Definition)
  return blame.call(native.preprocess, model, definition, options.features or 0)
end
