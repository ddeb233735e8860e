-- nn.layer: layers of one's own, written in Lua. What a definition says is checked here, and its functions
-- are called from here; src/bind/bind_layer.c makes a kind of layer of it.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local declared = require "perigee.declared"
local definitions = require "perigee.definitions"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local half = debug.getregistry()["perigee.layers"] -- what C calls, beside its `define`

local WHERE = "nn.layer"
-- bind_layer.c, layer.h
local most = { name = 40, options = 16, words = 16, parameters = 16, axes = 4, size = 1 << 20 }
local keys = { "name", "summary", "options", "parameters", "shape", "forward", "backward" }
local option_keys = { "default", "type", "low", "high", "words", "meaning" }
local types = { number = true, integer = true, boolean = true, word = true }

-- What self has by these names is something else.
local taken = {}
for _, name in ipairs { "name", "kind", "input", "output", "training", "random" } do taken[name] = true end

-- Raised without a position: C puts the user's function in front.
local function fail(format, ...) error(native.printable(format:format(...)), 0) end

-- ---- The definition -----------------------------------------------------------------------------

local function kind_of(value)
  local kind = math.type(value) or type(value)
  return (kind == "float" or kind == "integer") and "number" or kind == "string" and "word" or kind
end

local any_word = { expected = "a string", fits = function() return true end }

-- default, or { default, low =, … }, as bind_layer.c reads it.
local function described_option(name, said)
  local where = ("%s: options: %s"):format(WHERE, name)
  said = declared.parts(where, said, option_keys)
  local default = said[1]
  if default == nil then default = said.default end
  local kind = said.type or said.words and "word" or kind_of(default)
  if said.type ~= nil and not types[said.type] then
    arguments.expected(where, "type", "\"number\", \"integer\", \"boolean\" or \"word\"", said.type)
  elseif not types[kind] then
    arguments.expected(where, "default", "a number, true or false, or a word with words = { … }", default)
  end
  local meaning = said.meaning or "an option of its own"
  if type(meaning) ~= "string" then arguments.expected(where, "meaning", "a string", meaning) end
  return {
    name = name, kind = kind, default = default, meaning = native.printable(meaning),
    low = declared.bound(where, "low", said.low), high = declared.bound(where, "high", said.high),
    words = kind == "word" and declared.words(where, said.words, most.words, any_word) or nil,
  }
end

-- Names in their order, so that the same definition gives the same layer.
local function sorted_names(t, what)
  return declared.names(t, function(name)
    if not declared.is_name(name, most.name) or taken[name] then
      fail("%s: expected a name as Lua's variables have them, none of name, kind, input, output, training "
        .. "and random, got %s", what, native.describe(name))
    end
  end)
end

local function checked_options(options)
  local list = {}
  if options == nil then return list end
  if type(options) ~= "table" then
    arguments.expected(WHERE, "options", "a table, name = default", options)
  end
  for i, name in ipairs(blame.call(sorted_names, options, WHERE .. ": options")) do
    list[i] = described_option(name, options[name])
  end
  if #list > most.options then
    blame.fail("%s: options: expected at most %d, got %d", WHERE, most.options, #list)
  end
  return list
end

local function check_function(said, name, form)
  if said[name] ~= nil and type(said[name]) ~= "function" then
    arguments.expected(WHERE, name, form, said[name])
  end
end

-- What the help says of the constructor.
local function describe(made, said)
  local rows = {}
  for i, option in ipairs(said.options) do
    local words = option.words and ('"%s"'):format(table.concat(option.words, '"|"'))
    local default = option.default == nil and "none" or option.words and ("%q"):format(option.default)
      or tostring(option.default)
    rows[i] = { option.name, words or option.kind, default, option.meaning }
  end
  rows[#rows + 1] = { "name", "string", "its kind and number", "what taps and weights call the layer" }
  require("perigee.help").describe_function(made, {
    name = said.name, text = said.summary, options = rows, see = { "nn.layer", "nn.new" },
    returns = { "table", "the layer's description, for nn.new" },
  })
  return made
end

--- Define a kind of layer; the answer is its constructor, for nn.new as nn.relu is.
local function define(definition)
  if type(definition) ~= "table" then
    arguments.expected(WHERE, "definition", "a table, { name =, forward = … }", definition)
  end
  local said = arguments.only(WHERE, definition, keys)
  declared.check_name(WHERE, said.name, most.name)
  if type(said.forward) ~= "function" then
    arguments.expected(WHERE, "forward", "a function(self, x) that answers what comes out", said.forward)
  end
  check_function(said, "shape", "a function(self, input) that answers the output's shape")
  check_function(said, "backward", "a function(self, x, dy, y) that answers dx, { weight = … }")
  local parameters = said.parameters
  if parameters ~= nil and type(parameters) ~= "table" and type(parameters) ~= "function" then
    arguments.expected(WHERE, "parameters", "a table, name = sizes, or a function(self, input)", parameters)
  elseif said.summary ~= nil and type(said.summary) ~= "string" then
    arguments.expected(WHERE, "summary", "a string", said.summary)
  end
  local checked = {
    name = said.name, summary = native.printable(said.summary or "A layer of one's own."),
    options = checked_options(said.options), parameters = arguments.kept(parameters), shape = said.shape,
    forward = said.forward, backward = said.backward,
  }
  local made = describe(blame.call(half.define, checked), checked)
  definitions.note("nn", "layer", definition, made)
  return made
end

-- ---- Sizes and parameters -----------------------------------------------------------------------

-- A list of sizes of its own, `counts` of them at most; nil if it is none.
local function sizes_of(value, counts)
  local given, list = math.type(value) and { value } or value, {}
  if type(given) ~= "table" or not counts[#given] then return nil end
  for i = 1, #given do
    local size = math.tointeger(given[i])
    if not size or size < 1 or size > most.size then return nil end
    list[i] = size
  end
  return list
end

-- What was given for sizes, a list member by member.
local function described_sizes(value)
  if type(value) ~= "table" then return native.describe(value) end
  local list = {}
  for i = 1, #value do list[i] = native.describe(value[i]) end
  return "{" .. table.concat(list, ", ") .. "}"
end

local function checked_output(value)
  local sizes = sizes_of(value, { true, false, true })
  if sizes then return sizes end
  fail("shape: expected { channels, height, width } or { features }, whole numbers from 1 to %d, got %s",
    most.size, described_sizes(value))
end

local words = { zeros = 0, ones = 1 }

-- "(3, 4)"
local function shape_text(sizes) return "(" .. table.concat(sizes, ", ") .. ")" end

local function initial_of(name, sizes, initial)
  local value = words[initial] or initial
  if math.type(value) then return value end
  local ok, values = pcall(array.new, value)
  if type(value) == "string" or not ok then
    fail("parameters: %s: initial: expected \"zeros\", \"ones\", a number or an array, got %s", name,
      native.describe(initial))
  elseif shape_text(values.shape) ~= shape_text(sizes) then
    fail("parameters: %s: initial: expected %s, got %s", name, shape_text(sizes), shape_text(values.shape))
  end
  return values
end

-- What the definition says of a parameter: sizes, with their initial values, or an array that is both; or a
-- function that answers these.
local function described_parameter(self, name, said)
  if type(said) == "function" then said = blame.users(said, self, self.input) end
  if kinds.is(said, "array") then return { name = name, shape = said.shape, initial = said } end
  local sizes = sizes_of(said, { true, true, true, true })
  if not sizes then
    fail("parameters: %s: expected a list of 1 to %d sizes, whole numbers from 1 to %d, got %s", name,
      most.axes, most.size, described_sizes(said))
  end
  local initial = type(said) == "table" and said.initial
  if initial then initial = initial_of(name, sizes, initial) end
  return { name = name, shape = sizes, initial = initial or nil }
end

local function parameters_of(self, definition)
  local said, list = definition.parameters, {}
  if type(said) == "function" then said = blame.users(said, self, self.input) end
  if said ~= nil and type(said) ~= "table" then
    fail("parameters: expected a table, name = sizes, got %s", native.describe(said))
  end
  for i, name in ipairs(sorted_names(said or {}, "parameters")) do
    if self[name] ~= nil then fail("parameters: %s is an option of the layer", name) end
    list[i] = described_parameter(self, name, said[name])
  end
  if #list > most.parameters then fail("parameters: expected at most %d, got %d", most.parameters, #list) end
  return list
end

-- ---- What C calls -------------------------------------------------------------------------------

local drawings = {
  normal = array.randn,
  uniform = array.rand,
  sign = function(...) return array.where(array.rand(...):lt(0.5), -1.0, 1.0) end,
}

-- self:random([kind]): numbers of x's shape, by the seed of the call; forward and backward draw the same.
local function random_of(state)
  return function(_, kind)
    local draw, call = drawings[kind or "normal"], state.call
    if not draw then
      arguments.expected("self:random", "kind", "\"normal\", \"uniform\" or \"sign\"", kind)
    elseif not call then
      blame.fail("self:random: a layer draws while its forward or backward runs")
    end
    call.drawn = call.drawn + 1
    return draw(call.shape, { seed = call.seed ~ call.drawn << 32 })
  end
end

--- One layer of a net: what its calls need, the sizes that come out of it, its parameters.
function half.configure(definition, options, input)
  local self, output = options, input
  local state = { self = self, definition = definition }
  self.kind, self.input, self.random = definition.name, input, random_of(state)
  if definition.shape then output = blame.users(definition.shape, self, input) end
  self.output = checked_output(output)
  state.parameters = parameters_of(self, definition)
  return state, self.output, state.parameters
end

-- self as it is during a call.
local function begin(state, name, training, seed, x)
  local self = state.self
  self.name, self.training = name, training
  state.call = { seed = seed, drawn = 0, shape = x.shape }
  return self
end

local function give_weights(self, weights)
  for name, weight in next, weights do self[name] = weight end
end

local function finish(state, ...)
  for _, parameter in ipairs(state.parameters) do state.self[parameter.name] = nil end
  state.call = nil
  return ...
end

--- What comes out of the layer, and (where gradients may be asked for) what pulls them back.
function half.forward(state, name, training, seed, x, weights, keeps)
  local self, definition = begin(state, name, training, seed, x), state.definition
  if not keeps or definition.backward then
    give_weights(self, weights)
    return finish(state, (blame.users(definition.forward, self, x)))
  end
  return finish(state, require("perigee.grad").vjp(function(traced, traced_weights)
    give_weights(self, traced_weights or {})
    return (blame.users(definition.forward, self, traced))
  end, x, next(weights) and weights or nil))
end

--- The gradients by x and (a table) by the parameters, by what forward gave for it.
function half.pull(pull, dy) return pull(dy) end

function half.close(pull) getmetatable(pull).__close(pull) end

--- The same by the user's own function.
function half.backward(state, name, training, seed, x, dy, y, weights, wants_dx, wants_weights)
  local self = begin(state, name, training, seed, x)
  give_weights(self, weights)
  local dx, dweights = finish(state, blame.users(state.definition.backward, self, x, dy, y))
  if wants_dx and dx == nil then fail("%s: backward answered nothing for x", name) end
  for weight in next, wants_weights and weights or {} do
    if type(dweights) ~= "table" or dweights[weight] == nil then
      fail("%s: backward answered nothing for %s: its second answer is { %s = array }", name, weight, weight)
    end
  end
  return dx, dweights
end

return define
