-- What an evaluation is of, as texts: two evaluations with the same texts give the same numbers. A
-- checkpoint folder is refused by the first that differs.

local ensemble = require "perigee.ensemble"
local export = require "perigee.export"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local settings = {}

local shown

local function shown_table(value)
  local keys, words = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do words[i] = ("%s=%s"):format(tostring(key), shown(value[key])) end
  return "{" .. table.concat(words, ", ") .. "}"
end

-- A value of an option: numbers whole, arrays and the like by their checksums.
function shown(value)
  if math.type(value) == "float" then return export.number(value) end
  if type(value) == "table" and not debug.getmetatable(value) then return shown_table(value) end
  if type(value) == "userdata" then
    local sum = native.checksum(value)
    return sum and ("%s %s"):format(kinds.of(value), sum) or ("a " .. (kinds.of(value) or "value"))
  end
  return type(value) == "function" and "a function" or tostring(value)
end

-- Every byte of a text, by a checksum.
local function sum_of(bytes)
  local list = {}
  for i = 1, #bytes do list[i] = bytes:byte(i) end
  return native.checksum(array.new(list, { dtype = "i32" }))
end

local part_words

-- What a user's function refers to: its own variables, but for those that it is within.
local function upvalues_of(f, seen)
  local words, i, name, value = {}, 1, debug.getupvalue(f, 1)
  while name do
    local inner = type(value) == "function" and part_words(value, seen)
      or type(value) == "table" and seen[value] and "itself" or nil
    if type(value) == "table" then seen[value] = true end
    if name ~= "_ENV" then words[#words + 1] = name .. "=" .. (inner or shown(value)) end
    i = i + 1
    name, value = debug.getupvalue(f, i)
  end
  return #words > 0 and " with " .. table.concat(words, ", ") or ""
end

-- A part of an attack that users have written: by its code, and by the variables that it uses where these
-- tell (`seen`).
function part_words(f, seen)
  local ok, code = pcall(string.dump, f, true)
  if not ok then return "a built-in function" end
  if seen and seen[f] then return "itself" end
  if seen then seen[f] = true end
  return ("a function %s%s"):format(sum_of(code), seen and upvalues_of(f, seen) or "")
end

--- The names of the options that an attack of ours takes, as a set.
function settings.takes(attacker)
  local names, meta = {}, debug.getmetatable(attacker)
  for _, name in ipairs(ensemble.is_attack(attacker) and meta["perigee.option_names"](attacker) or {}) do
    names[name] = true
  end
  return names
end

-- All that an attack is made of, but for what the evaluation sets itself.
local function attack_words(attacker)
  if not ensemble.is_attack(attacker) then return "the user's " .. shown_table(attacker) end
  local words, takes = { tostring(attacker.name) }, settings.takes(attacker)
  takes.model, takes.dmax = nil, nil
  if type(attacker) == "table" then takes.all, takes.max_queries = true, true end -- the ensemble's own
  local names = {}
  for name in pairs(takes) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = attacker:get(name)
    if type(value) == "function" then
      -- what only looks on may count: its variables are not the evaluation's
      words[#words + 1] = ("%s=%s"):format(name, part_words(value, name ~= "on_step" and {} or nil))
    elseif value ~= nil then
      words[#words + 1] = ("%s=%s"):format(name, shown(value))
    end
  end
  for _, part in ipairs(type(attacker) == "table" and attacker or {}) do
    words[#words + 1] = "[" .. attack_words(part) .. "]"
  end
  return table.concat(words, " ")
end

--- Can a model be told from another by a checksum? Not where it is written in Lua, or is yet to be built.
function settings.has_checksum(model)
  return type(model) == "userdata" and native.checksum(model) ~= nil
end

local function model_words(model)
  if type(model) == "function" then return "built for each repeat" end
  if type(model) == "table" then return "lua, known by its scores" end
  return ("%s %s"):format(model.kind, native.checksum(model) or "around one in Lua, known by its scores")
end

-- What an attack is; where its parts follow from the model, for each model that is there.
local function add_attack(list, entry, models)
  local suite, known = ensemble.is_suite(entry.attack), 0
  for _, other in ipairs(suite and models or {}) do
    if type(other.model) ~= "function" then
      known = known + 1
      list[#list + 1] = { ("attack %s on %s"):format(entry.name, other.name),
        attack_words(entry.attack:with { model = other.model }) }
    end
  end
  if known == 0 then list[#list + 1] = { "attack " .. entry.name, attack_words(entry.attack) } end
end

local function names_of(list)
  local names = {}
  for i, entry in ipairs(list) do names[i] = entry.name end
  return table.concat(names, ", ")
end

local function numbers(list)
  local words = {}
  for i, value in ipairs(list) do words[i] = shown(value) end
  return table.concat(words, ", ")
end

--- The list of { what, text } of a plan (evaluate.lua).
function settings.of(plan)
  local list = {
    { "data", native.checksum(plan.data) }, { "dmax", numbers(plan.dmax) }, { "norm", plan.norm },
    { "seed", tostring(plan.seed) }, { "repeats", numbers(plan.repeats) },
    { "samples", tostring(plan.samples or "all") }, { "block", tostring(plan.block) },
    { "warm", plan.warm == nil and "by the attack" or tostring(plan.warm) },
    { "noise", tostring(plan.noise) },
    { "validation", plan.validation and native.checksum(plan.validation) or "none" },
    { "rejection_rate", plan.validation and shown(plan.rejection_rate) or "the models' own thresholds" },
    { "models", names_of(plan.models) }, { "attacks", names_of(plan.attacks) },
  }
  for _, entry in ipairs(plan.models) do
    list[#list + 1] = { "model " .. entry.name, model_words(entry.model) }
  end
  for _, entry in ipairs(plan.attacks) do add_attack(list, entry, plan.models) end
  return list
end

return settings
