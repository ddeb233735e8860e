-- svm.kernel: kernels whose values a function gives. What src/bind/bind_kernel.c calls is in the registry.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local definitions = require "perigee.definitions"
local native = require "perigee.native"

local WHERE = "svm.kernel"

-- The newest of each name, which is there for files that ask for it.
local named = {}

local half = { named = named }
debug.getregistry()["perigee.kernels"] = half

--- k(x, s) of a definition with these parameters.
function half.values(definition, x, s, parameters)
  return blame.users(definition.values, x, s, parameters)
end

--- The same, and what takes slopes of the values (n × m) to the gradient with respect to x.
function half.there_and_back(definition, x, s, parameters)
  local values, gradient = blame.guest(definition.values), blame.guest(definition.gradient)
  if gradient then
    return values(x, s, parameters), function(slope) return gradient(x, s, slope, parameters) end
  end
  return require("perigee.grad").vjp(function(points) return (values(points, s, parameters)) end, x)
end

--- "mine(gamma 0.5)"
function half.words(kernel)
  local names, parts = {}, {}
  for name in pairs(kernel) do names[#names + 1] = name ~= "name" and name or nil end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = ("%s %g"):format(name, kernel[name]) end
  return kernel.name .. (#parts > 0 and "(" .. table.concat(parts, ", ") .. ")" or "")
end

--- The metatable of a kernel's tables.
function half.meta(own)
  return { __name = "perigee.kernel", __own = own, __tostring = half.words, __metatable = false }
end

local NAME = "^[%a_][%w_]*$"
local EXPECTED = "a function of x and s, or a table { function, name =, … }"

local function checked_function(name, value)
  if type(value) ~= "function" then arguments.expected(WHERE, name, "a function of x and s", value) end
  return value
end

-- The names of the parameters in order, and their values.
local function parameters_of(options)
  local names, values = {}, {}
  for key, value in pairs(options) do
    if key ~= 1 and key ~= "name" and key ~= "gradient" then
      if type(key) ~= "string" or not key:find(NAME) then
        blame.fail("%s: expected a name for the parameter %s, got %s", WHERE, native.describe(value),
          native.describe(key))
      end
      if type(value) ~= "number" or value - value ~= 0 then
        arguments.expected(WHERE, key, "a finite number (a parameter of its own)", value)
      end
      names[#names + 1] = key
    end
  end
  table.sort(names)
  for i, name in ipairs(names) do values[i] = options[name] end
  return names, values
end

return function(kernel)
  local options = type(kernel) == "function" and { kernel } or kernel
  if type(options) ~= "table" or debug.getmetatable(options) then
    arguments.expected(WHERE, "kernel", EXPECTED, kernel)
  end
  local name, gradient = options.name, options.gradient
  if name ~= nil and (type(name) ~= "string" or not name:find(NAME)) then
    arguments.expected(WHERE, "name", "a word of letters, digits and _", name)
  end
  if gradient ~= nil then checked_function("gradient", gradient) end
  local definition = { values = checked_function("number 1", options[1]), gradient = gradient }
  local made = blame.call(native.own_kernel, definition, name, parameters_of(options))
  if name then
    named[name] = made
    definitions.note("svm", "kernel", kernel, made)
  end
  return made
end
