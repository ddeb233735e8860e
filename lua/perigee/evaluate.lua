-- evaluate: how models fare under attacks of growing strength.
--
--   evaluate.security{ models = { cnn = net, dnr = defence }, attacks = { attack.pgd_exp{ … }, ours },
--                      data = test, dmax = { 0, 0.5, 1, 2 }, samples = 100, repeats = 3,
--                      checkpoint = "night", seed = 1 }
--
-- Every model is attacked itself (the attacks' own models do not matter), at every dmax. What comes back
-- prints as a table, and plot.security draws it. The room evaluate/ has the parts: options become a plan
-- (here), which is run piece by piece (sweep.lua, piece.lua), kept in a folder (checkpoint.lua) and counted
-- (security.lua).

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local diagnose = require "perigee.diagnose"
local ensemble = require "perigee.ensemble"
local kinds = require "perigee.kinds"
local measures = require "perigee.evaluate.measures"
local merge = require "perigee.evaluate.merge"
local native = require "perigee.native"
local printer = require "perigee.printer"
local report = require "perigee.evaluate.report"
local security = require "perigee.evaluate.security"
local settings = require "perigee.evaluate.settings"
local sweep = require "perigee.evaluate.sweep"
local text = require "perigee.text"

local evaluate = { diagnose = diagnose, load = security.load, merge = merge, report = report }

local WHERE = "evaluate.security"

local function fail(message, ...)
  blame.fail(WHERE .. ": " .. message, ...)
end

local function expected(name, what, value)
  arguments.expected(WHERE, name, what, value)
end

-- ---- Models and attacks by name ------------------------------------------------------------------

-- What named lists are made of: `is` tells one of them, `kind` names one in a list.
local model_list = {
  option = "models", field = "model", example = "{ cnn = net, dnr = defence }", what = "a fitted model",
  reserved = {},
  is = function(value) return kinds.is_fitted(value) or type(value) == "function" end,
  kind = function(value)
    return type(value) == "userdata" and value.kind or type(value) == "table" and "lua" or "model"
  end,
}

-- One of ours, or anything that runs and makes others of itself.
local function is_attack(value)
  if ensemble.is_attack(value) then return true end
  return type(value) == "table" and type(value.run) == "function" and type(value.with) == "function"
end

local attack_list = {
  option = "attacks", field = "attack", example = "{ attack.pgd { norm = \"l2\" } }",
  what = "an attack", reserved = { noise = "the baseline", all = "the worst of all attacks" }, is = is_attack,
  kind = function(value) return tostring(value.name or "attack") end,
}

local function check_entry(list, name, value)
  if not list.is(value) then fail("%s: %s is not %s", list.option, tostring(name), list.what) end
end

-- A list of { name =, model = } or { name =, attack = }: in the order of a list, sorted by name otherwise.
-- What is in a list is called by its kind ("dnr", "dnr 2"), or is itself { name, model }.
local function named(list, values)
  if list.is(values) then values = { values } end
  if type(values) ~= "table" or next(values) == nil then
    local empty = type(values) == "table" and not kinds.of(values)
    local got = empty and "an empty table" or native.describe(values)
    fail("%s: expected %s by name, %s, got %s%s", list.option, list.option, list.example, got,
      kinds.is_model(values) and ", which is not fitted" or "")
  end
  local entries, seen = {}, {}
  local function add(name, value)
    check_entry(list, name, value)
    if list.reserved[name] then
      fail("%s: %s is the name of %s; call it something else, { name, %s }", list.option, name,
        list.reserved[name], list.field)
    end
    local wanted, count = name, 1
    while seen[name] do
      count = count + 1
      name = wanted .. " " .. count
    end
    seen[name] = true
    entries[#entries + 1] = { name = name, [list.field] = value }
  end
  if #values == 0 then
    local names = {}
    for name in pairs(values) do names[#names + 1] = name end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do add(tostring(name), values[name]) end
  end
  for key in pairs(#values > 0 and values or {}) do
    if math.type(key) ~= "integer" then
      fail("%s: give a list or names, not both; %s has no place in a list", list.option, tostring(key))
    end
  end
  for i = 1, arguments.count(values) do
    local entry = values[i]
    if list.is(entry) then
      add(list.kind(entry), entry)
    elseif type(entry) == "table" and type(entry[1]) == "string" then
      add(entry[1], entry[2])
    else
      fail("%s: number %d is neither %s nor { name, %s }", list.option, i, list.what, list.field)
    end
  end
  return entries
end

-- ---- The other options ---------------------------------------------------------------------------

local function check_dmax(dmax, noise)
  if type(dmax) == "number" then dmax = { dmax } end
  if kinds.is(dmax, "array") and dmax.ndim == 1 then dmax = dmax:totable() end
  local radii = {}
  if type(dmax) ~= "table" or #dmax == 0 then
    fail("dmax: expected a list of radii, { 0, 0.5, 1 }, got %s", native.describe(dmax))
  end
  for k = 1, arguments.count(dmax) do
    local d = dmax[k]
    if type(d) ~= "number" or d < 0 or d ~= d then
      fail("dmax: number %d is %s, expected 0 or more", k, tostring(d))
    end
    if noise and d == math.huge then
      fail("dmax: number %d is infinite: no noise has that norm; give noise = false", k)
    end
    if k > 1 and d <= radii[k - 1] then
      fail("dmax: the radii must grow, got %g after %g", d, radii[k - 1])
    end
    radii[k] = d
  end
  return radii
end

local valid = { "models", "attack", "attacks", "data", "dmax", "noise", "seed", "samples", "repeats",
  "validation", "rejection_rate", "warm", "block", "checkpoint", "shard", "measures" }

local function whole(options, name, least, most)
  local value = options[name]
  local number = value ~= nil and math.type(value) and math.tointeger(value)
  if value ~= nil and not (number and number >= least and number <= most) then
    expected(name, most < math.huge and ("a whole number from %d to %d"):format(least, most)
      or ("a whole number, %d or more"):format(least), value)
  end
  return number or nil
end

local function truth(options, name)
  local value = options[name]
  if value ~= nil and type(value) ~= "boolean" then expected(name, "true or false", value) end
  return value
end

-- The numbers of the repeats: 1 to a number of them, or a list.
local function repeats_of(options)
  local value, list = options.repeats, {}
  if type(value) ~= "table" then
    for r = 1, whole(options, "repeats", 1, 1000000) or 1 do list[r] = r end
    return list
  end
  for i, r in ipairs(value) do
    local number = math.type(r) and math.tointeger(r)
    if not number or number < 1 or (i > 1 and number <= list[i - 1]) then
      expected("repeats", "how many, or a growing list of their numbers from 1", value)
    end
    list[i] = number
  end
  if #list == 0 then expected("repeats", "how many, or a growing list of their numbers from 1", value) end
  return list
end

-- Repeats are of other samples, or at least of other models.
local function check_repeats(plan)
  local differ = plan.samples ~= nil
  for _, entry in ipairs(plan.models) do differ = differ or type(entry.model) == "function" end
  if #plan.repeats > 1 and not differ then
    fail("repeats: all of them would have the same samples: give samples, how many each is to draw")
  end
end

-- Options that may have a row a sample: which one that is, nobody knows of samples that are drawn and cut.
local by_sample = { "target", "start", "max_queries" }

local function check_rows(entry)
  local attacker = entry.attack
  for _, name in ipairs(settings.takes(attacker).model and by_sample or {}) do
    local value = settings.takes(attacker)[name] and attacker:get(name)
    if type(value) == "table" or type(value) == "userdata" then
      fail("attacks: %s: %s: expected one for all samples, got %s; one for each goes with attack:run alone",
        entry.name, name, native.describe(value))
    end
  end
end

local norms = { l1 = true, l2 = true, linf = true }

-- Of one of ours it has been checked.
local function check_norm(entry)
  local norm = entry.attack.norm
  if not norms[norm] then
    fail("attacks: %s: norm: expected \"l1\", \"l2\" or \"linf\", in which dmax is, got %s", entry.name,
      native.describe(norm))
  end
end

local function attacks_of(options)
  local given = options.attacks
  if given == nil then
    given = options.attack
    if not is_attack(given) then
      expected("attack", "an attack, attack.pgd{ norm = \"l2\" }", given)
    end
  elseif options.attack ~= nil then
    fail("attacks: give attack or attacks, not both")
  end
  local list = named(attack_list, given)
  for _, entry in ipairs(list) do
    check_rows(entry)
    -- the user may set their own on the way
    if ensemble.is_attack(entry.attack) then entry.attack = entry.attack:with {} end
    check_norm(entry)
    if entry.attack.norm ~= list[1].attack.norm then
      fail("attacks: all need one norm, in which dmax is; %s has %s, %s %s", list[1].name,
        tostring(list[1].attack.norm), entry.name, tostring(entry.attack.norm))
    end
  end
  return list
end

local function samples_of(options, name, what)
  local value = options[name]
  if not (kinds.is(value, "dataset") or name == "data" and kinds.is(value, "array")) then
    fail("%s: expected a dataset %s%s", name, what, value ~= nil and ", got " .. native.describe(value) or "")
  end
  if #value == 0 then fail("%s: there are no samples in it", name) end
  return value
end

local function rate(options)
  local value = options.rejection_rate
  if value == nil then return options.validation ~= nil and 0.10 or nil end
  if type(value) ~= "number" or not (value >= 0 and value <= 1) then
    expected("rejection_rate", "a share from 0 to 1", value)
  end
  if options.validation == nil then
    fail("rejection_rate: thresholds are set on samples that are not attacked: give validation as well")
  end
  return value
end

-- { i, n }: which of how many shares of the pieces; nil where all are this process's. --shard says it for all
-- evaluations of a script.
local function shard_of(options)
  local shard = options.shard
  if shard == nil then return perigee.facts().shard end
  local i, n = type(shard) == "table" and #shard == 2 and shard[1], type(shard) == "table" and shard[2]
  if math.type(i) ~= "integer" or math.type(n) ~= "integer" or i < 1 or i > n then
    local words = "{ i, n } with i from 1 to n, as { 3, 40 }"
    if type(shard) ~= "table" then expected("shard", words, shard) end
    fail("shard: expected %s, got %s", words, text.name(printer.text(shard, { width = 60, lines = 1 })))
  end
  return { i, n }
end

local function plan_of(options)
  arguments.only(WHERE, options, valid)
  local noise = truth(options, "noise") ~= false
  local plan = {
    attacks = attacks_of(options), data = samples_of(options, "data", "to attack"),
    models = named(model_list, options.models), dmax = check_dmax(options.dmax, noise), noise = noise,
    seed = whole(options, "seed", 0, 2 ^ 52) or perigee.facts().seed, repeats = repeats_of(options),
    warm = truth(options, "warm"), block = whole(options, "block", 1, math.huge) or 8,
    rejection_rate = rate(options), checkpoint = options.checkpoint,
    shard = shard_of(options), measures = measures.read(WHERE, options.measures),
  }
  plan.unlabelled = kinds.is(plan.data, "array") or nil
  plan.norm = plan.attacks[1].attack.norm
  plan.samples = whole(options, "samples", 1, #plan.data)
  plan.per_repeat = plan.samples or #plan.data
  check_repeats(plan)
  local held_out = options.validation
  plan.validation = held_out ~= nil and samples_of(options, "validation", "to set thresholds on") or nil
  local as_many = held_out ~= nil and #held_out == #plan.data
  if as_many and native.checksum(held_out) == native.checksum(plan.data) then
    fail("validation: these are the samples that are attacked; give others, which are not")
  end
  if plan.checkpoint ~= nil and type(plan.checkpoint) ~= "string" then
    expected("checkpoint", "a folder's name", plan.checkpoint)
  end
  return plan
end

--- How models fare under attacks at growing radii, counted by verdict, and by sample.
function evaluate.security(options)
  return sweep.run(plan_of(options or {}))
end

evaluate.cross_validate = require "perigee.evaluate.cross_validate"

return evaluate
