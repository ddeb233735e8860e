-- The Lua half of the library svm: the answers of svm.search, how they and classifiers print.

local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local missing = require "perigee.missing"
local native = require "perigee.native"
local records = require "perigee.records"
local text = require "perigee.text"

local types = debug.getregistry()

local most_shown = 12 -- classes whose support vectors are listed one by one

-- "rbf(gamma 0.01)"
local function kernel_words(kernel)
  kernel = (debug.getmetatable(kernel) or {}).__kept or kernel
  if (debug.getmetatable(kernel) or {}).__own then return tostring(kernel) end
  local parts = {}
  for i, option in ipairs(native.described("svm." .. kernel.name).options) do
    parts[i] = ("%s %g"):format(option[1], kernel[option[1]])
  end
  return kernel.name .. (#parts > 0 and "(" .. table.concat(parts, ", ") .. ")" or "")
end

-- m.kernel, under the option's name: a copy of the parameters, so that writing there would change nothing.
-- Those who need a plain table find it as __kept.
types["perigee.shown_kernel"] = function(kernel, name)
  return setmetatable({}, {
    __name = "perigee.kernel", __kept = kernel, __index = kernel,
    __pairs = function() return next, kernel end,
    __tostring = function() return kernel_words(kernel) end,
    __newindex = function(_, key, value)
      blame.fail('svm: %s cannot be written in parts; m:set{ ["%s.%s"] = %s } sets it', name, name,
        text.of(key), text.of(value))
    end,
  })
end

-- "svm rbf(gamma 0.01), C 10: 10 classes, 1600 features, 1862 support vectors (213 180 …)"
types["perigee.svm"].__tostring = function(svc)
  local classes = #svc.classes
  local words = ("svm %s, C %g%s"):format(kernel_words(svc.kernel), svc.C,
    svc.weights == "balanced" and ", balanced" or "")
  if classes == 0 then return words .. " (not fitted)" end
  local each = classes <= most_shown and (" (%s)"):format(table.concat(svc.support_per_class, " ")) or ""
  local left = svc.unsolved
  return ("%s: %d classes, %d features, %d support vectors%s%s"):format(words, classes, svc.features,
    svc.support, each, left == 0 and "" or (", %d problem%s not solved to the tolerance"):format(left,
      left == 1 and "" or "s"))
end

-- What svm.search answers: the grid, the accuracies in it, and the place c, g of the best, if there is one.
types["perigee.search"].answer = function(accuracies, C, gamma, seed, c, g)
  local answer = { table = accuracies, C = C:totable(), gamma = gamma and gamma:totable(), seed = seed }
  if c then
    answer.accuracy = accuracies:at(c, g)
    answer.best = { C = answer.C[c], gamma = gamma and answer.gamma[g] }
  end
  return setmetatable(answer, types["perigee.search"])
end

local function best_words(answer)
  local best = answer.best
  if not best then return "svm.search: interrupted before the first column was done" end
  return ("svm.search: best C %g%s: accuracy %.2f %%"):format(best.C,
    best.gamma and (", gamma %g"):format(best.gamma) or "", 100 * answer.accuracy)
end

-- One line for the best, then the accuracies, a row a C and a column a gamma.
types["perigee.search"].__tostring = function(answer)
  local accuracies = answer.table
  if not kinds.is(accuracies, "array") or accuracies.ndim ~= 2 then
    blame.fail("svm.search: this is not its answer any more")
  end
  local rows, columns = table.unpack(accuracies.shape)
  local lines = { best_words(answer), "         C" }
  for g = 1, columns do
    local name = answer.gamma and ("gamma %.3g"):format(answer.gamma[g]) or "accuracy"
    lines[2] = lines[2] .. ("  %13s"):format(name)
  end
  for c = 1, rows do
    local cells = { ("%10.4g"):format(answer.C[c]) }
    for g = 1, columns do
      local accuracy = 100 * accuracies:at(c, g)
      cells[g + 1] = accuracy == accuracy and ("%11.2f %%"):format(accuracy) or ("%13s"):format("-")
    end
    lines[c + 2] = table.concat(cells, "  ")
  end
  return table.concat(lines, "\n")
end

-- A row a candidate.
records.define(types["perigee.search"], {
  kind = "search", what = "what svm.search gave",
  json = function(answer)
    return { C = answer.C, gamma = answer.gamma, table = answer.table, best = answer.best,
      accuracy = answer.accuracy, seed = answer.seed }
  end,
  rows = function(answer)
    local rows = {}
    for c = 1, answer.table.shape[1] do
      for g = 1, answer.table.shape[2] do
        local accuracy = answer.table:at(c, g)
        rows[#rows + 1] = { C = answer.C[c], gamma = answer.gamma and answer.gamma[g],
          accuracy = accuracy == accuracy and accuracy or nil }
      end
    end
    return records.columns("C gamma accuracy", "%.4f", "accuracy"), rows
  end,
})

-- svm.solver, the session's.
missing.settings.svm = {
  solver = function(...) return blame.call(native.solver, ...) end,
}

svm.kernel = require "perigee.kernel"

-- Where there are other ranks, they search and solve too.
if select(2, native.farm.ranks()) > 1 then
  native.svm_search = svm.search
  function svm.search(...) return require("perigee.svm_columns").search(...) end
  require("perigee.problems").ask()
end

return svm
