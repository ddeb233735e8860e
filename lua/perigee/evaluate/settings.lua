-- What an evaluation is of, as texts: two evaluations with the same texts give the same numbers. A
-- checkpoint folder is refused by the first that differs.

local ensemble = require "perigee.ensemble"
local fingerprint = require "perigee.fingerprint"
local native = require "perigee.native"

local settings = {}

--- The names of the options that an attack of ours takes, as a set.
function settings.takes(attacker)
  local names, meta = {}, debug.getmetatable(attacker)
  for _, name in ipairs(ensemble.is_attack(attacker) and meta["perigee.option_names"](attacker) or {}) do
    names[name] = true
  end
  return names
end

--- All that an attack is made of, as a text, but for its model and dmax, which others say.
function settings.attack(attacker)
  if not ensemble.is_attack(attacker) then return "the user's " .. fingerprint.of(attacker) end
  local words, takes = { tostring(attacker.name) }, settings.takes(attacker)
  takes.model, takes.dmax = nil, nil
  if type(attacker) == "table" then takes.all, takes.max_queries = true, true end -- the ensemble's own
  local names = {}
  for name in pairs(takes) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = attacker:get(name)
    if name == "on_step" and type(value) == "function" then -- it may count what it sees
      words[#words + 1] = "on_step=" .. fingerprint.bare(value)
    elseif value ~= nil then
      words[#words + 1] = ("%s=%s"):format(name, fingerprint.of(value))
    end
  end
  words[#words + 1] = fingerprint.code(attacker)
  for _, part in ipairs(type(attacker) == "table" and attacker or {}) do
    words[#words + 1] = "[" .. settings.attack(part) .. "]"
  end
  return table.concat(words, " ")
end

--- Can a model be told from another by a checksum? Not where it, or a part of it, is written in Lua, or is
--- yet to be built.
function settings.has_checksum(model)
  return type(model) == "userdata" and native.checksum(model) ~= nil and not fingerprint.code(model)
end

local function model_words(model)
  if type(model) == "function" then return "built for each repeat" end
  if type(model) == "table" then return "lua, known by its scores" end
  local code = fingerprint.code(model)
  return ("%s %s%s"):format(model.kind, native.checksum(model) or "around one in Lua, known by its scores",
    code and " of " .. code or "")
end

-- What an attack is; where its parts follow from the model, for each model that is there.
local function add_attack(list, entry, models)
  local suite, known = ensemble.is_suite(entry.attack), 0
  for _, other in ipairs(suite and models or {}) do
    if type(other.model) ~= "function" then
      known = known + 1
      list[#list + 1] = { ("attack %s on %s"):format(entry.name, other.name),
        settings.attack(entry.attack:with { model = other.model }) }
    end
  end
  if known == 0 then list[#list + 1] = { "attack " .. entry.name, settings.attack(entry.attack) } end
end

local function names_of(list)
  local names = {}
  for i, entry in ipairs(list) do names[i] = entry.name end
  return table.concat(names, ", ")
end

local function numbers(list)
  local words = {}
  for i, value in ipairs(list) do words[i] = fingerprint.of(value) end
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
    { "rejection_rate",
      plan.validation and fingerprint.of(plan.rejection_rate) or "the models' own thresholds" },
    { "models", names_of(plan.models) }, { "attacks", names_of(plan.attacks) },
  }
  for _, entry in ipairs(plan.models) do
    list[#list + 1] = { "model " .. entry.name, model_words(entry.model) }
  end
  for _, entry in ipairs(plan.attacks) do add_attack(list, entry, plan.models) end
  return list
end

return settings
