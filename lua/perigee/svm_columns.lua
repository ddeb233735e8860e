-- svm.search on all ranks (farm.lua): a gamma's column of the grid depends on nothing but its values of C and
-- the folds, so that each is a search of its own.

local blame = require "perigee.blame"
local farm = require "perigee.farm"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local columns = {}

local types = debug.getregistry()
local search_all = native.svm_search -- svm.search, as the library has it in a process alone

columns.farm = {
  open = function(shared) return shared end,
  run = function(options, gamma)
    options.gamma = { gamma }
    return search_all(options).table
  end,
}

-- The gammas as a list, where there are several for ranks to share.
local function gammas_of(options)
  if type(options) ~= "table" then return nil end
  local gamma = options.gamma
  if kinds.is(gamma, "array") and gamma.ndim == 1 then gamma = gamma:totable() end
  if type(gamma) ~= "table" or #gamma < 2 then return nil end
  for _, value in ipairs(gamma) do
    if type(value) ~= "number" then return nil end
  end
  return gamma
end

-- The place of the best: of equal ones the first in the order of reading.
local function best_of(accuracies)
  local best, row, column = -1, nil, nil
  for c = 1, accuracies.shape[1] do
    for g = 1, accuracies.shape[2] do
      if accuracies:at(c, g) > best then best, row, column = accuracies:at(c, g), c, g end
    end
  end
  return row, column
end

local own_options = { data = true, C = true, gamma = true, folds = true, seed = true, fit = true,
  stratified = true }

-- The best pair, trained on all of the data.
local function fitted(options, best)
  local params = {}
  for name, value in pairs(options) do
    if not own_options[name] then params[name] = value end
  end
  params.C = best.C
  return svm.new(params):set({ ["kernel.gamma"] = best.gamma }):fit(options.data)
end

local function shared_of(options)
  local shared = {}
  for name, value in pairs(options) do shared[name] = value end
  shared.gamma, shared.fit = nil, false
  if shared.seed == nil then shared.seed = native.draw_seed() end
  return shared
end

--- svm.search, by columns.
function columns.search(options)
  local gammas = gammas_of(options)
  if not gammas or farm.ranks() == 1 then return blame.call(search_all, options) end
  local shared = shared_of(options)
  local found = farm.map("svm.search", { module = "perigee.svm_columns", shared = shared, tasks = gammas })
  if not found then return blame.call(search_all, options) end -- interrupted: it says what there is
  local accuracies = array.concatenate(found, 2)
  local C = type(options.C) == "number" and { options.C } or options.C or { svm.new {}.C }
  local answer = types["perigee.search"].answer(accuracies, array.new(C, { dtype = "f64" }),
    array.new(gammas, { dtype = "f64" }), shared.seed, best_of(accuracies))
  if options.fit ~= false then answer.model = fitted(options, answer.best) end
  return answer
end

return columns
