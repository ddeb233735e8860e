-- grad: gradients of functions of arrays. A tape in C records what a function does with the arrays that it
-- is given (src/grad/, src/bind/bind_grad.c); here stands what that is used for.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local text = require "perigee.text"
local native = require("perigee.native").grad

local grad = {}

local function is_array(value) return kinds.is(value, "array") end

---------------------------------------------------------------------------------------------------
-- Inputs: arrays, and tables that hold some; without any, numbers

local MOST_DEPTH = 100 -- of tables in tables, as in a file that `save` writes

local function check_depth(where, depth)
  if depth > MOST_DEPTH then
    blame.fail("%s: the inputs' tables are nested more than %d deep", where, MOST_DEPTH)
  end
end

-- Is there an array in it?
local function holds_array(where, value, seen, depth)
  if type(value) ~= "table" or seen[value] then return is_array(value) end
  check_depth(where, depth)
  seen[value] = true
  for _, item in next, value do
    if holds_array(where, item, seen, depth + 1) then return true end
  end
  return false
end

-- The value with its arrays as inputs of the tape, and the same with their numbers (nil where there are
-- none); and whether it leads back to one of `seen`, the tables on the way here, `depth` of them. Numbers
-- count outside of any. A table without arrays is looked through once, however often it is met.
local function traced(run, name, value, seen, depth)
  if is_array(value) or run.scalars and type(value) == "number" and depth == 0 then
    run.count = run.count + 1
    return blame.call(native.input, run.tape, run.where, name, value), run.count
  elseif type(value) ~= "table" or seen[value] or run.constant[value] then
    return value, nil, seen[value]
  end
  check_depth(run.where, depth + 1)
  local copy, numbers, back = {}, nil, nil
  seen[value] = true
  for key, item in next, value do
    local number, leads_back
    copy[key], number, leads_back =
      traced(run, ("%s.%s"):format(name, tostring(key)), item, seen, depth + 1)
    back = back or leads_back
    if number then
      numbers = numbers or {}
      numbers[key] = number
    end
  end
  seen[value] = nil
  if not numbers then
    run.constant[value] = not back -- without the way here there may be more to it
    return value, nil, back
  end
  return setmetatable(copy, getmetatable(value)), numbers
end

-- A list of gradients in the form of the inputs.
local function in_form(numbers, gradients)
  if type(numbers) ~= "table" then return gradients[numbers] end
  local made = {}
  for key, number in next, numbers do made[key] = in_form(number, gradients) end
  return made
end

-- The gradients of Σ w · y as the caller gets them. A backward written in Lua may come here again.
local function go_back(run, w, keep)
  if run.busy then blame.fail("pull: it is on its way back: what runs on that way cannot call it again") end
  run.busy = true
  local ok, gradients = pcall(native.backward, run.tape, run.y, w, keep)
  run.busy = false
  if not ok then blame.raise(gradients) end
  local list = {}
  for i = 1, run.given do
    local g = run.numbers[i] and in_form(run.numbers[i], gradients)
    list[i] = run.scalars and g and g:item() or g
  end
  return table.unpack(list, 1, run.given)
end

local function expect_inputs(where, ...)
  local got = ...
  if type(got) == "table" and type(got[1]) == "number" then
    arguments.expected(where, "x", "an array of floats, a table of such, or a number (array.new { 1, 2 } "
      .. "makes an array of a list)", got)
  end
  arguments.expected(where, "x", "an array of floats, a table of such, or a number", got)
end

-- What f makes of the inputs, recorded.
local function record(where, f, ...)
  if type(f) ~= "function" and not (getmetatable(f) or {}).__call then
    arguments.expected(where, "f", "a function", f)
  end
  local run = { where = where, tape = native.tape(), count = 0, given = select("#", ...), numbers = {},
    constant = {} }
  local inputs = { ... }
  run.scalars = not holds_array(where, inputs, {}, 0)
  for i = 1, run.given do
    inputs[i], run.numbers[i] = traced(run, run.given > 1 and "x" .. i or "x", inputs[i], {}, 0)
  end
  if run.count == 0 then expect_inputs(where, ...) end
  run.more = table.pack(native.call(run.tape, where, f, table.unpack(inputs, 1, run.given)))
  run.y = run.more[1]
  return run
end

local function is_scalar(y) return is_array(y) and y.ndim == 0 end

-- What the caller gets of an answer of f's: its numbers, which no tape knows.
local function shown(y)
  local plain = native.stop(y)
  return is_scalar(y) and plain:item() or plain
end

-- The results, and behind them f's own beyond the first.
local function with_more(run, ...)
  local list, more = table.pack(...), run.more
  run.more = nil
  for i = 2, more.n do list[list.n + i - 1] = shown(more[i]) end
  return table.unpack(list, 1, list.n + math.max(more.n - 1, 0))
end

---------------------------------------------------------------------------------------------------

--- f's one number, and its gradient with respect to each input.
function grad.value(f, ...)
  local run = record("grad.value", f, ...)
  local y = run.y
  if type(y) ~= "number" and not (is_array(y) and y.size == 1) then
    arguments.expected("grad.value", "what the function returns", "one number, as x:sum() is", y)
  end
  local value = is_array(y) and native.stop(y):item() or y
  return with_more(run, value, go_back(run, nil, false))
end

local pull_meta = { __name = "perigee.pull" }

function pull_meta.__call(pull, w)
  local run = pull.run
  if not run then blame.fail("pull: it was closed") end
  local y = run.y
  if type(w) == "number" or w == nil and is_scalar(y) then
    if is_array(y) then w = array.full(y.shape, w or 1, { dtype = y.dtype }) end
  elseif type(w) == "table" and not is_array(w) then
    w = blame.call(array.new, w, { dtype = "f64" })
  end
  if is_array(y) and not (is_array(w) and w.ndim == y.ndim and blame.call(array.equal,
    array.new(w.shape), array.new(y.shape))) then
    arguments.expected("pull", "w", "numbers of the shape of what the function returned, "
      .. require("perigee.native").describe(y), w)
  end
  return go_back(run, w, true)
end

function pull_meta.__close(pull)
  local run = pull.run
  pull.run = nil
  if run then debug.getmetatable(run.tape).__close(run.tape) end
end

function pull_meta.__tostring(pull)
  if not pull.run then return "pull (closed)" end
  local y = pull.run.y
  return ("pull: from %s back to %d input%s"):format(is_array(y) and require("perigee.native").describe(y)
    or "a number", pull.run.given, pull.run.given == 1 and "" or "s")
end

--- f's answer, and a function from weights like it to the gradients of Σ w · answer.
function grad.vjp(f, ...)
  local run = record("grad.vjp", f, ...)
  local y = run.y
  if type(y) ~= "number" and not is_array(y) then
    arguments.expected("grad.vjp", "what the function returns", "an array or a number", y)
  end
  return with_more(run, shown(y), setmetatable({ run = run }, pull_meta))
end

--- A constant with x's numbers.
function grad.stop(x)
  if type(x) ~= "number" and not is_array(x) then arguments.expected("grad.stop", "x", "an array", x) end
  return native.stop(x)
end

--- The names of the operations that are recorded, and of the functions that pass as constants.
function grad.operations()
  local recorded, constant = native.operations()
  table.sort(recorded)
  table.sort(constant)
  return recorded, constant
end

---------------------------------------------------------------------------------------------------
-- Gradients against differences

local DIRECTIONS, STEPS = 8, { 1e-4, 1e-5, 1e-6 }

-- The inputs in double: those in `moved` (by their numbers) go there by `step`.
local function in_double(value, numbers, moved, step)
  if type(value) == "number" then
    return moved and numbers and value + moved[numbers] * step or value
  elseif is_array(value) then
    local x = value:astype "f64"
    return moved and x + moved[numbers] * step or x
  elseif type(numbers) ~= "table" then
    return value
  end
  local copy = {}
  for key, item in next, value do copy[key] = in_double(item, numbers[key], moved, step) end
  return setmetatable(copy, getmetatable(value))
end

-- The gradients of all inputs, in the order of their numbers.
local function flat(numbers, gradients, list)
  if type(numbers) == "number" then list[numbers] = gradients end
  for key, number in next, type(numbers) == "table" and numbers or {} do
    flat(number, gradients[key], list)
  end
  return list
end

--- The largest relative error of the gradients of f among some directions, in double.
function grad.check(f, ...)
  local run, given, n = record("grad.check", f, ...), { ... }, select("#", ...)
  local function inputs(moved, step)
    local list = {}
    for i = 1, n do list[i] = in_double(given[i], run.numbers[i], moved, step) end
    return table.unpack(list, 1, n)
  end
  local y, pull = grad.vjp(f, inputs())
  local w = type(y) == "number" and 1 or array.randn(y.shape, { seed = 1, dtype = "f64" })
  local gradients, worst = flat(run.numbers, { pull(w) }, {}), 0
  local function value(moved, step)
    local z = blame.users(f, inputs(moved, step))
    return type(z) == "number" and z * w or array.sum(z * w)
  end
  for k = 1, DIRECTIONS do
    local moved, claimed, best = {}, 0, math.huge
    for i, g in ipairs(gradients) do
      local of_number = type(g) == "number"
      moved[i] = array.randn(of_number and 1 or g.shape, { seed = 100 * k + i, dtype = "f64" })
      if of_number then moved[i] = moved[i]:item() end
      claimed = claimed + (of_number and g * moved[i] or array.sum(g * moved[i]))
    end
    for _, step in ipairs(STEPS) do
      local change = (value(moved, step) - value(moved, -step)) / (2 * step)
      local size = math.max(math.abs(change), math.abs(claimed), 1e-12)
      best = math.min(best, math.abs(change - claimed) / size)
    end
    worst = math.max(worst, best)
  end
  return worst
end

---------------------------------------------------------------------------------------------------
-- Gradients by the user's own word

local any_surrogates = false

local function refuse_traced(name)
  blame.fail("grad.straight_through: %s is traced as well, and backward has the gradient of the first "
    .. "argument alone: grad.stop(x) is a constant with its numbers", name)
end

--- forward's value with the gradient that backward says; without one it goes through as it is.
function grad.straight_through(forward, backward)
  if type(forward) ~= "function" then
    arguments.expected("grad.straight_through", "forward", "a function", forward)
  elseif backward ~= nil and type(backward) ~= "function" then
    arguments.expected("grad.straight_through", "backward", "a function or nil", backward)
  end
  any_surrogates, forward, backward = true, blame.guest(forward), blame.guest(backward)
  return function(x, ...)
    if not native.traced(x) then return forward(x, ...) end
    local plain = native.stop(x)
    for i = 1, select("#", ...) do
      if native.traced((select(i, ...))) then refuse_traced("argument " .. i + 1) end
    end
    local y = native.call(nil, "grad.straight_through", forward, plain, ...)
    if not is_array(y) then
      arguments.expected("grad.straight_through", "what forward returns", "an array", y)
    end
    if native.traced(y) then refuse_traced("what forward returns") end
    y = native.stop(y)
    if y.dtype == "i32" then y = y:astype(x.dtype) end
    if not backward and not array.equal(array.new(x.shape), array.new(y.shape)) then
      blame.fail("grad.straight_through: forward made %s of %s: without a backward both have one shape",
        require("perigee.native").describe(y), require("perigee.native").describe(x))
    end
    return native.custom(x, y, backward and function(dy) return backward(dy, plain, y) end)
  end
end

---------------------------------------------------------------------------------------------------
-- Models

local known = setmetatable({}, { __mode = "k" }) -- models, and what was found of their gradients

-- Does the gradient go through a straight_through? Found out by one call on a sample of zeros.
local function is_surrogate(model)
  local size = rawget(model, "features")
  local shape = rawget(model, "input")
  for _, n in ipairs(not size and type(shape) == "table" and shape or {}) do size = (size or 1) * n end
  if not (any_surrogates and size) then return nil end
  if known[model] == nil then
    known[model] = false
    local tape = native.tape()
    local ok, x = pcall(native.input, tape, "grad.model", "x", array.zeros(1, size))
    if ok then pcall(native.call, tape, "grad.model", model.scores, model, x) end
    known[model] = native.surrogate(tape)
  end
  return known[model] and "surrogate" or nil
end

local model_meta = { __name = "perigee.model" }

function model_meta.__index(model, key)
  if key == "gradient_is" then return is_surrogate(model) end
end

model_meta.__tostring = text.shown("grad.model", function(model)
  local classes = {}
  for i, label in ipairs(model.classes or {}) do classes[i] = tostring(label) end
  return ("grad.model: classes %s%s%s"):format(#classes > 0 and table.concat(classes, ", ") or "unknown",
    model.rejects and ", rejects" or "", model.features and (", %d features"):format(model.features) or "")
end)

-- The gradient of Σ w · scores, row by row; one row of weights is for all.
local function gradient(self, x, w)
  w = array.new(w, { dtype = "f64" })
  if w.ndim == 1 then w = w:broadcast_to(#x, #w) end
  local _, pull = grad.vjp(function(rows)
    local scores = self:scores(rows)
    if type(scores) == "table" and not is_array(scores) then scores = array.new(scores, { dtype = "f64" }) end
    return scores
  end, x)
  local dx = pull(w)
  pull_meta.__close(pull)
  return dx
end

--- A model written in Lua, whose gradient follows from its scores.
function grad.model(options)
  if type(options) ~= "table" then arguments.expected("grad.model", "options", "a table", options) end
  arguments.refuse_inherited("grad.model", options)
  if type(options.scores) ~= "function" then
    arguments.expected("grad.model", "scores", "a function(self, x)", options.scores)
  end
  local model = { gradient = gradient }
  for key, value in next, options do model[key] = value end
  return setmetatable(model, model_meta)
end

return grad
