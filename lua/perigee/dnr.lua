-- The Lua half of the library dnr: how a defence prints; which values dnr.tune tries, and its answers.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local native = require "perigee.native"
local records = require "perigee.records"
local text = require "perigee.text"

local printable = native.printable
local types = debug.getregistry()

local WHERE = "dnr.tune"

-- "dnr on relu2, relu3 (10 classes, threshold 0.5)"
types["perigee.dnr"].__tostring = function(defence)
  local state = "not fitted"
  if #defence.classes > 0 then
    state = ("%d classes, threshold %.6g"):format(#defence.classes, defence:get "threshold")
  end
  return ("dnr on %s (%s)"):format(printable(table.concat(defence.layers, ", ")), state)
end

-- ---- What dnr.tune tries ------------------------------------------------------------------------

local values = { "C", "gamma" }

-- A table of options, every key of which is in one of the lists.
local function checked(name, options, ...)
  if options ~= nil and type(options) ~= "table" then
    arguments.expected(WHERE, name, "a table, { C = {…}, gamma = {…} }", options)
  end
  return arguments.only(("%s: %s"):format(WHERE, name), options, ...)
end

-- Put into the part what is tried of it: its own values, else those for all layers, else what it has.
local function set_values(part, own, shared)
  local is_svm = part.kind == "svm"
  for _, key in ipairs(values) do
    local tried = own[key]
    if tried ~= nil and not is_svm then
      blame.fail("%s: %s: expected an svm to tune, got a %s", WHERE, part.name, part.kind)
    elseif tried ~= nil and part[key] == nil then
      blame.fail("%s: %s: %s: the %s kernel has none", WHERE, part.name, key, part.kernel)
    elseif tried == nil and part[key] ~= nil then
      tried = shared[key]
    end
    if tried == nil then tried = part[key] end
    part[key] = type(tried) == "number" and { tried } or tried
  end
end

-- The parts, { name =, kind =, kernel =, C =, gamma = } as they are, the combiner last, with the values
-- to try.
local function grids(parts, layers, combiner)
  local names = {}
  for i = 1, #parts - 1 do names[i] = parts[i].name end
  layers, combiner = checked("layers", layers, values, names), checked("combiner", combiner, values)
  if not next(layers) and not next(combiner) then
    blame.fail("%s: expected values to try, layers = { C = {…}, gamma = {…} } or combiner = {…}", WHERE)
  end
  for i, part in ipairs(parts) do
    if i < #parts then
      set_values(part, checked(part.name, layers[part.name], values), layers)
    else
      set_values(part, combiner, {})
    end
  end
  return parts
end

-- ---- Its answers --------------------------------------------------------------------------------

local Tuning = types["perigee.tuning"]

-- Plain lists for the arrays of values; the best by its values; what was chosen as defence:set takes it.
local function answer(parts, whole)
  whole.parts, whole.chosen = parts, not whole.interrupted and {} or nil
  for _, part in ipairs(parts) do
    part.C, part.gamma = part.C and part.C:totable(), part.gamma and part.gamma:totable()
    local row, column = part.row, part.column
    part.row, part.column = nil, nil
    if row then
      part.best = {
        C = part.C and part.C[row], gamma = part.gamma and part.gamma[column],
        accuracy = part.accuracy:at(row, column), spread = part.spread:at(row, column),
        row = row, column = column,
      }
    end
    if whole.chosen then
      whole.chosen[part.name .. ".C"] = part.best.C
      whole.chosen[part.name .. ".kernel.gamma"] = part.best.gamma
    end
  end
  return setmetatable(whole, Tuning)
end

-- "C 10, gamma 0.01: 97.40 ± 0.35 %"
local function best_words(part)
  local best, words = part.best, {}
  if not best then return "not reached" end
  words[1] = best.C and ("C %g"):format(best.C)
  words[#words + 1] = best.gamma and ("gamma %g"):format(best.gamma)
  return ("%s: %.2f ± %.2f %%"):format(#words > 0 and table.concat(words, ", ") or "as it is",
    100 * best.accuracy, 100 * best.spread)
end

-- A call f(row, column, candidate) for every candidate of a part, in the order of the grid.
local function each_candidate(part, f)
  local best = part.best or {}
  for row = 1, part.accuracy.shape[1] do
    for column = 1, part.accuracy.shape[2] do
      f(row, column, {
        C = part.C and part.C[row], gamma = part.gamma and part.gamma[column],
        accuracy = part.accuracy:at(row, column), spread = part.spread:at(row, column),
        best = row == best.row and column == best.column,
      })
    end
  end
end

-- A row a C and a column a gamma; the best has a star.
local function grid_lines(part)
  local rows = { { "C" } }
  each_candidate(part, function(row, column, one)
    rows[1][column + 1] = one.gamma and ("gamma %g "):format(one.gamma) or "accuracy "
    rows[row + 1] = rows[row + 1] or { ("%g"):format(one.C) }
    rows[row + 1][column + 1] = one.accuracy ~= one.accuracy and "- "
      or ("%.2f ± %.2f%s"):format(100 * one.accuracy, 100 * one.spread, one.best and "*" or " ")
  end)
  return "  " .. text.aligned(rows, 0):gsub("\n", "\n  ")
end

--- One line for the whole, one for each part's best, and under it the accuracies of all its candidates in per
--- cent, with the standard deviation of the folds' own.
function Tuning.__tostring(self)
  local state = self.fitted and "set and fitted" or "set"
  if self.interrupted then state = "interrupted, nothing is set" end
  local lines = { ("dnr.tune: %d samples in %d folds, %.3g s; %s"):format(self.n, self.folds, self.seconds,
    state) }
  for _, part in ipairs(self.parts) do
    lines[#lines + 1] = ("%s: %s, %.3g s"):format(printable(part.name), best_words(part), part.seconds)
    if part.C then lines[#lines + 1] = grid_lines(part) end
  end
  return table.concat(lines, "\n")
end

-- A row a candidate.
local function rows_of(self)
  local rows = {}
  for _, part in ipairs(self.parts) do
    each_candidate(part, function(_, _, one)
      rows[#rows + 1] = { part = part.name, C = one.C, gamma = one.gamma, best = one.best,
        accuracy = one.accuracy == one.accuracy and one.accuracy or nil,
        spread = one.spread == one.spread and one.spread or nil }
    end)
  end
  return records.columns("part C gamma accuracy spread best", "%.4f", "accuracy spread"), rows
end

records.define(Tuning, {
  kind = "tuning", what = "what dnr.tune gave", rows = rows_of,
})

Tuning.grids, Tuning.answer = grids, answer

return dnr
