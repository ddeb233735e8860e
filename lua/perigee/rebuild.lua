-- Attacks made again: from what a result says of the one that found it, and from files of variables.

local archive = require "perigee.archive"
local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local define = require "perigee.define"
local ensemble = require "perigee.ensemble"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local rebuild = {}

local WHERE = "attack.from"
local NOT_DEFINED = "attack.%s is not defined in this session: run the file with its attack.define first"

local types = debug.getregistry()

-- The options of the library's attack of that name, by their names; nil if there is none.
local function options_of(name)
  local described = type(name) == "string" and native.described("attack." .. name)
  if not described or described.result ~= "attack" then return nil end
  local options = {}
  for _, option in ipairs(described.options) do options[option[1]] = true end
  return options
end

-- ---- From a result -------------------------------------------------------------------------------

-- Infinite bounds are null in JSON, whichever they are.
local function bound(value, infinity)
  if type(value) ~= "table" then return value == math.huge and infinity or value end
  local list = {}
  for i, one in ipairs(value) do list[i] = type(one) == "number" and one or infinity end
  return list
end

-- Functions that a result's parameters tell of have to be given again; what looked on need not be.
local function without_functions(options, name, known)
  for _, part in ipairs { "objective", "direction" } do
    if options[part] == "function" and known.given[part] == nil then
      blame.fail("%s: result: the %s of %s was a function, which no result keeps: give it again, attack.from("
        .. "result, { %s = … })", WHERE, part, name, part)
    elseif options[part] == "function" then
      options[part] = nil
    end
  end
  if options.on_step == "function" then options.on_step = nil end
  return options
end

-- An attack of one's own may have been defined anew since: its options are to be those that a result tells
-- of, for a default would make another attack. An infinite number may be missing.
local function check_same_options(said, name, takes)
  local common, bare = define.common(), attack[said.attack] {}
  for option in pairs(said) do
    if not takes[option] and not common[option] and option ~= "attack" and option ~= "left" then
      blame.fail("%s: result: its attack had the option %s, which attack.%s of this session has not", WHERE,
        native.printable(tostring(option)), name)
    end
  end
  for option in pairs(takes) do
    local default = bare:get(option)
    if not common[option] and said[option] == nil and default ~= nil and default ~= math.huge
      and default ~= -math.huge then
      blame.fail("%s: result: attack.%s of this session has the option %s, which the result's had not", WHERE,
        name, option)
    end
  end
end

local made_of

-- The attack of these parameters. known: { dmax = of each sample, whole = the parameters of the result,
-- given = the user's options }.
local function one_of(said, name, known)
  local takes, options = options_of(said.attack), {}
  if said.check ~= nil then
    blame.fail("%s: result: the points of %s were given (attack.judge): there is no attack to make", WHERE,
      name)
  elseif not takes then
    blame.fail("%s: result: %s", WHERE, NOT_DEFINED:format(name))
  end
  if said.attack == "matching" and known.given.guides == nil then
    blame.fail("%s: result: no result keeps the guides of %s: give them again, attack.from(result, "
      .. "{ guides = … })", WHERE, name)
  end
  if define.has(said.attack) then check_same_options(said, name, takes) end
  for option in pairs(takes) do options[option] = said[option] end
  if options.dmax == nil then options.dmax = known.whole.dmax end
  if options.dmax == "per sample" then options.dmax = known.dmax end
  options.lower, options.upper = bound(options.lower, -math.huge), bound(options.upper, math.huge)
  return blame.call(attack[said.attack], without_functions(options, name, known))
end

-- One of several: in attack.worst all have had all samples.
local function several_of(said, name, known)
  local parts, all = {}, said.all
  for k, part in ipairs(said.parts) do
    local own = part.params or part.options
      or blame.fail("%s: result: its part %d (%s) has not run, and an earlier program did not keep its "
        .. "options", WHERE, k, part.name)
    local copy = {}
    for option, value in pairs(own) do copy[option] = value end
    if part.options then copy.max_queries = part.options.max_queries end -- in the run it was what was left
    parts[k] = made_of(copy, part.name, known)
  end
  if all == nil then all = said.parts[1] ~= nil and said.parts[1].left == nil end
  parts.name, parts.all, parts.seed, parts.max_queries = name, all, said.seed, said.max_queries
  return blame.call(ensemble.new, parts, WHERE)
end

function made_of(said, name, known)
  return (said.parts and several_of or one_of)(said, native.printable(tostring(name)), known)
end

-- The label that was wanted of all, or those of each; nil without a target.
local function target_of(result)
  local target = result.target
  if not target or #target == 0 then return nil end
  return target:eq(target[1]):all() and target[1] or target
end

--- The attack that found a result, with what its parameters say (the seed too) and these options besides.
function rebuild.from(result, options)
  if not kinds.is(result, "result") then
    arguments.expected(WHERE, "result", "an attack's result", result)
  end
  local params = result.params
  local given = type(options) == "table" and options or {}
  local made = made_of(params, result.attack, { dmax = result.dmax, whole = params, given = given })
  local target = target_of(result)
  if target ~= nil then made = blame.call(made.with, made, { target = target }) end
  return options == nil and made or ensemble.part_with(made, options, WHERE)
end

-- ---- In files of variables -----------------------------------------------------------------------

archive.keep("attack", types["perigee.attack"], function(value)
  local kept = { attack = value.name }
  for name in pairs(options_of(value.name)) do kept[name] = value:get(name) end
  return kept
end, function(kept)
  local name = kept.attack
  assert(type(name) == "string" and (options_of(name) or rawget(attack, name) == nil), "it names no attack")
  if not options_of(name) then error { missing = NOT_DEFINED:format(native.printable(name)) } end
  kept.attack = nil
  return attack[name](kept)
end)

archive.keep("ensemble", types["perigee.ensemble"], function(value)
  local kept = table.move(value, 1, #value, 1, {})
  kept.name, kept.all, kept.seed, kept.max_queries = value.name, value.all, value.seed, value.max_queries
  kept.suite = ensemble.suite_of(value)
  return kept
end, function(kept)
  local suite = kept.suite
  assert(suite == nil or type(suite.set) == "table" and ensemble.suites[suite.kind], "it is no known suite")
  return ensemble.remade(kept, kept)
end)

return rebuild
