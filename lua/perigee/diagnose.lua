-- evaluate.diagnose: does an evaluation prove anything? Every indicator (perigee/indicators.lua) of an attack
-- that fails for another reason than the model's robustness is measured, on a result alone or with the model
-- at hand, which is then attacked in other ways too.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local ensemble = require "perigee.ensemble"
local indicators = require "perigee.indicators"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local records = require "perigee.records"
local text = require "perigee.text"

local printable = native.printable

local WHERE = "evaluate.diagnose"
local BUDGET = 20000 -- gradients
local USUAL = 100 -- gradients a sample of an attack that does not say how many it takes
local SEARCHED = 300 -- points a sample that a search without a gradient tries
local ROWS = 32 -- samples that are looked at closely
local NOTE = "stopped; the diagnosis keeps what was measured so far"

-- ---- The model ----------------------------------------------------------------------------------

-- The model that this one is built on, or nil.
local function inside(model)
  for _, name in ipairs { "net", "model" } do
    local ok, value = pcall(function() return model[name] end)
    if ok and kinds.is_fitted(value) then return value end
  end
end

local function innermost(model)
  local found, deeper = nil, inside(model)
  while deeper do found, deeper = deeper, inside(deeper) end
  return found
end

-- ---- The case that the indicators measure ---------------------------------------------------------

local Case = {}
Case.__index = Case

-- Was anything tried on the sample? Not at dmax 0, nor where it was wrong before and no target is wanted.
local function was_open(result, before, i)
  local dmax = result.dmax and result.dmax[i] or result.params.dmax
  return dmax ~= 0 and before ~= "failed" and (result.hit ~= nil or before ~= "wrong")
end

-- What every indicator needs of a result: positions of all samples, of those where something was tried, of
-- those of them that were right before, and of those where it failed.
local function new_case(result)
  local case = { result = result, all = {}, open = {}, failed = {}, attacked = {}, runs = {} }
  local verdict, before, hit = result.verdict, result.start_verdict, result.hit
  for i = 1, #result do
    local open, held = was_open(result, before[i], i), verdict[i] == "correct" or verdict[i] == "rejected"
    if hit then held = not hit[i] and verdict[i] ~= "failed" end
    case.all[i] = i
    if open then case.open[#case.open + 1] = i end
    if open and before[i] == "correct" then case.attacked[#case.attacked + 1] = i end
    if open and held then case.failed[#case.failed + 1] = i end
  end
  return setmetatable(case, Case)
end

--- Why there is nothing to count: `otherwise`, unless nothing was tried on any sample.
function Case:why_none(otherwise)
  if #self.open > 0 then return otherwise end
  if #self.all == 0 then return "nothing was attacked: there are no samples" end
  return "nothing was attacked: samples were wrong before, or dmax is 0"
end

-- How far a feature reaches: one number, or an array of them.
local function width(low, high)
  if type(low) == "number" and type(high) == "number" then return high - low end
  return array.new(high, { dtype = "f64" }) - array.new(low, { dtype = "f64" })
end

local function number(value, fallback) return value == nil and fallback or value end

--- The norm's diameter of the bounds (l2 if none is given); infinite where they are.
function Case:diameter(norm)
  local params, d = self.result.params, self.result.x0.shape[2]
  local span = width(number(params.lower, -math.huge), number(params.upper, math.huge)) * array.ones(d)
  if not span:isfinite():all() then return math.huge end
  if norm == "l1" then return span:sum() end
  return norm == "linf" and span:max() or math.sqrt((span * span):sum())
end

--- How far features reach: between the bounds, or within the samples where those are infinite.
function Case:range()
  local x, reach = self.result.x0, self:diameter "linf"
  return reach < math.huge and reach or x:max() - x:min()
end

--- A few of the samples, and their positions.
function Case:rows()
  local positions = table.move(self.positions, 1, math.min(#self.positions, ROWS), 1, {})
  return self.result.x0:take(positions), positions
end

--- The model, or a part of it, that is written in Lua: of several one whose gradient is a surrogate; or nil.
function Case:lua_part()
  if type(self.model) == "table" then return self.model end
  local parts = self.model and native.lua_models(self.model) or {}
  for _, part in ipairs(parts) do
    if part.gradient_is == "surrogate" then return part end
  end
  return parts[1]
end

-- Which of the samples were found, of a run on those at these positions.
local function outcome(result, positions)
  local found, verdict, hit = {}, result.verdict, result.hit
  for k = 1, #result do
    found[k] = hit and hit[k] or not hit and (verdict[k] == "evaded" or verdict[k] == "wrong")
  end
  return { found = found, positions = positions }
end

--- The direct attack on the samples that further runs have.
function Case:direct()
  local all, found = outcome(self.result, self.all).found, {}
  for k, i in ipairs(self.positions) do found[k] = all[i] end
  return { found = found, positions = self.positions }
end

--- The further run of that name.
function Case:run(name) return self.runs[name] end

-- ---- Further runs -------------------------------------------------------------------------------

-- The option's value; nil where the attack has none of that name.
local function option(attacker, name)
  local ok, value = pcall(function() return attacker[name] end)
  return ok and value or nil
end

-- The attack in another direction; where it knows but one, attack.pgd instead.
local function towards(case, direction)
  local base = case.attack
  if option(base, "direction") then return base:with { direction = direction } end
  return attack.pgd {
    model = case.model, norm = base.norm, dmax = base.dmax, lower = base.lower, upper = base.upper,
    max_iter = option(base, "max_iter"), direction = direction,
  }
end

-- Steps of the same share of a ball that is the whole box.
local function without_bound(case)
  local base, reach = case.attack, case:diameter(case.attack.norm)
  if base.minimal then return base:with { dmax = math.huge } end
  if reach == math.huge then return nil, "the bounds are infinite" end
  local changes = { dmax = math.max(reach, base.dmax) }
  for _, name in ipairs { "eta", "eta_min" } do
    local value = name == "eta" and option(base, name)
    if value and base.dmax > 0 then changes[name] = value * changes.dmax / base.dmax end
  end
  return base:with(changes)
end

-- The runs: how many times the direct one's gradients they take, and their attack, or nil and why there is
-- none. Those that are judged by another model say so.
local further = {
  { name = "noise", price = 0, make = function(case)
    local base = case.attack
    if not base.dmax or base.dmax == math.huge then return nil, "no dmax is given" end
    return attack.noise { model = case.model, norm = base.norm, dmax = base.dmax, lower = base.lower,
      upper = base.upper }
  end },
  { name = "more", price = 3, make = function(case)
    local steps = option(case.attack, "max_iter")
    if not steps then return nil, "this attack takes no such steps" end
    local most = option(case.attack, "max_queries")
    return case.attack:with { max_iter = 3 * steps, max_queries = most and 3 * most }
  end },
  { name = "log", price = 1, make = function(case)
    if not kinds.has_kernels(case.model) then return nil, "the model has no kernels that die out" end
    return towards(case, "log")
  end },
  { name = "smooth", price = 1, make = function(case)
    if not kinds.has_kernels(case.model) then return nil, "the model has no kernels that die out" end
    return towards(case, "smooth")
  end },
  { name = "transfer", price = 1, judge = true, make = function(case)
    local inner = innermost(case.model)
    if not inner then return nil, "there is no model inside" end
    if (inner.features or 0) > 0 and inner.features ~= case.result.x0.shape[2] then
      return nil, "the model inside takes other samples"
    end
    return case.attack:with { model = inner }
  end },
  { name = "black_box", price = 0, make = function(case)
    local base = case.attack
    if kinds.answers(case.model) ~= "gradients" then return nil, "the model has no gradient" end
    if not base.dmax or base.dmax == math.huge then return nil, "no dmax is given" end
    return attack.square { model = case.model, norm = base.norm, dmax = base.dmax, lower = base.lower,
      upper = base.upper, max_iter = SEARCHED }
  end },
  { name = "unbounded", price = 1, make = without_bound },
}

-- Evenly over the samples, for sets are often sorted by class.
local function spread(n, m)
  local positions = {}
  for k = 1, m do positions[k] = (2 * k - 1) * n // (2 * m) + 1 end
  return positions
end

local function gradients_of(result) return result.evaluations.gradients:sum() end

-- What an attack spends on a sample at most; nil where that does not follow from its options.
local function price_of(case, attacker)
  local steps = kinds.is(attacker, "attack") and option(attacker, "max_iter")
  local runs = 1 + (option(attacker, "restarts") or 0) + (option(attacker, "start_from") and 1 or 0)
  local classes = option(attacker, "target") == "each" and #reject.classes(case.model) - 1 or 1
  return steps and steps * runs * classes * (option(attacker, "samples") or 1)
end

-- Which samples further runs have, of those that the direct attack had.
local function share_budget(case, budget, price)
  local spent, n = gradients_of(case.result), #case.result
  local each = price_of(case, case.attack) or 1.5 * spent / n
  each = math.max(each, spent / n, 1)
  case.positions = spread(n, math.max(0, math.min(n, (budget - spent) // (each * price) | 0)))
  case.gradients = spent
end

-- Those runs that there are, as { run =, attack = }; the reasons why there are not go to case.reasons.
local function planned(case)
  local list, price = {}, 0
  case.reasons = {}
  for _, one in ipairs(further) do
    local made, reason = one.make(case)
    case.reasons[one.name] = reason
    if made then
      list[#list + 1] = { run = one, attack = made }
      price = price + one.price
    end
  end
  return list, price
end

local function run_one(case, one, data, seed)
  local ok, result = pcall(function()
    local found = one.attack:run(data, { seed = seed })
    case.gradients = case.gradients + gradients_of(found)
    return one.run.judge and found:rescore(case.model) or found
  end)
  if ok then
    case.runs[one.run.name] = outcome(result, case.positions)
  else
    case.reasons[one.run.name] = tostring(result):gsub("^[^\n]-:%d+: ", "")
  end
end

local function run_further(case, data, options)
  local list, price = planned(case)
  share_budget(case, options.budget or BUDGET, math.max(price, 1))
  local some = #case.positions > 0 and data:take(case.positions)
  for _, one in ipairs(list) do
    case.interrupted = case.interrupted or perigee.interrupted(NOTE)
    if case.interrupted then
      case.reasons[one.run.name] = "interrupted"
    elseif not some then
      case.reasons[one.run.name] = "the budget is spent"
    else
      run_one(case, one, some, options.seed)
    end
  end
  if not some then case.positions = spread(#data, math.min(#data, ROWS)) end
end

-- ---- The answer ---------------------------------------------------------------------------------

local Diagnosis = { __name = "perigee.diagnosis" }
debug.getregistry()["perigee.diagnosis"] = Diagnosis

local function state(one)
  if not one.measured then return "–" end
  return one.alarm and "ALARM" or "fine"
end

function Diagnosis.__tostring(self)
  local n = #self.alarms
  local lines = { { "indicator", "", "count", "of" } }
  for _, one in ipairs(self.indicators) do
    local measured = one.measured
    lines[#lines + 1] = { one.title, state(one), measured and ("%d"):format(one.count) or "",
      measured and ("%d"):format(one.of) or "" }
  end
  local all = { ("diagnosis of %s: %s%s"):format(printable(self.subject),
    not self.attacked and "nothing was attacked" or n == 0 and "no alarm" or n == 1 and "1 alarm"
      or ("%d alarms"):format(n),
    self.interrupted and ", interrupted" or ""), text.aligned(lines, 2) }
  for _, one in ipairs(self.alarms) do
    local samples = #one.samples > 0 and (" (samples %s)"):format(text.positions(one.samples)) or ""
    local detail = one.detail and "; " .. one.detail or ""
    all[#all + 1] = ("%s: %d of %d %s%s%s.\n  It means: %s.\n  Next: %s."):format(one.title, one.count,
      one.of, one.measures, samples, detail, one.meaning, one.next)
  end
  return table.concat(all, "\n")
end

-- A row an indicator; samples and the sentences are words.
local function rows_of(self)
  local rows = {}
  for i, one in ipairs(self.indicators) do
    rows[i] = { indicator = one.name, alarm = one.alarm, count = one.count, of = one.of,
      samples = table.concat(one.samples or {}, " "), measures = one.measures, meaning = one.meaning,
      next = one.next, reason = one.reason }
  end
  return records.columns "indicator alarm count of samples measures meaning next reason", rows
end

-- What everything else follows from: its alarms are of its indicators.
local function plain(self)
  local kept = { indicators = table.move(self.indicators, 1, #self.indicators, 1, {}) }
  for _, name in ipairs { "result", "gradients", "interrupted", "attacked", "subject" } do
    kept[name] = self[name]
  end
  return kept
end

-- Its indicators and alarms by number and by name, and whether all is well.
local function complete(self)
  self.alarms = {}
  for k, one in ipairs(self.indicators) do
    self.indicators[k], self.indicators[one.name] = one, one
    if one.alarm then
      self.alarms[#self.alarms + 1] = one
      self.alarms[one.name] = one
    end
  end
  self.ok = self.attacked and #self.alarms == 0
  return setmetatable(self, Diagnosis)
end

records.define(Diagnosis, {
  kind = "diagnosis", what = "what evaluate.diagnose gave", rows = rows_of, plain = plain,
  latex = function(self)
    local _, rows = rows_of(self)
    for i, one in ipairs(self.indicators) do rows[i].indicator, rows[i].alarm = one.title, state(one) end
    return records.columns "indicator alarm count of", rows
  end,
  json = function(self)
    local _, rows = rows_of(self)
    for i, row in ipairs(rows) do row.samples = self.indicators[i].samples end
    return { subject = self.subject, ok = self.ok, attacked = self.attacked, interrupted = self.interrupted,
      gradients = self.gradients, indicators = rows }
  end,
  make = function(kept)
    local made = complete(kept)
    tostring(made) -- raises where something is missing
    return made
  end,
})

-- What an indicator finds of the case.
local function measured(case, indicator)
  local needs, found, reason = indicator.needs, nil, "only a result was given"
  if not needs or case.model then
    local further_run = needs and needs ~= "model"
    if further_run and not case.runs[needs] then
      reason = case.reasons[needs]
    elseif further_run and #case.open == 0 then
      reason = case:why_none()
    else
      found, reason = indicator.measure(case)
    end
  end
  if found and found.of == 0 then found, reason = nil, case:why_none "no run failed" end
  local one = found or {}
  for _, key in ipairs { "name", "title", "measures", "meaning", "next" } do one[key] = indicator[key] end
  one.measured, one.reason = found ~= nil, reason
  for k, i in ipairs(case.origin and one.samples or {}) do one.samples[k] = case.origin[i] end
  one.alarm = found ~= nil and one.count > (indicator.least or 0) * one.of
  return one
end

local function dmax_text(dmax)
  if type(dmax) == "number" then return (", dmax %g"):format(dmax) end
  return type(dmax) == "string" and ", dmax " .. printable(dmax) or ""
end

local function diagnosis_of(case)
  local result = case.result
  local params = result.params
  local self = {
    indicators = {}, result = result, gradients = case.gradients or 0,
    interrupted = case.interrupted or false, attacked = #case.open > 0,
    subject = ("%s on %s, %s%s, %d samples, %d evaded"):format(result.attack, result.model,
      tostring(params.norm), dmax_text(params.dmax),
      #result, result:counts().evaded),
  }
  for k, indicator in ipairs(indicators) do self.indicators[k] = measured(case, indicator) end
  return complete(self)
end

-- ---- The function -------------------------------------------------------------------------------

local valid = { "model", "data", "attack", "norm", "dmax", "budget", "seed" }

local function check(options)
  arguments.only(WHERE, options, valid)
  if not kinds.is_fitted(options.model) then
    arguments.expected(WHERE, "model", "a fitted model", options.model)
  end
  if not kinds.is(options.data, "dataset") or #options.data == 0 then
    arguments.expected(WHERE, "data", "a dataset to attack", options.data)
  end
  if options.attack ~= nil and not ensemble.is_attack(options.attack) then
    arguments.expected(WHERE, "attack", 'an attack, attack.pgd { norm = "l2" }', options.attack)
  end
  local budget = options.budget
  if budget ~= nil and not (math.type(budget) and budget >= 1 and budget <= 1e15) then
    arguments.expected(WHERE, "budget", "a number of gradients, 1 or more, at most 1e15", budget)
  end
end

-- Further runs are on some of the samples, and go farther.
local function check_rows(attacker)
  for _, name in ipairs { "dmax", "start", "target", "max_queries" } do
    local value = option(attacker, name)
    local one = name == "max_queries" and type(value) == "userdata" and #value == 1
    if type(value) == "userdata" and not one then
      blame.fail("%s: %s: the attack has one for each sample; give one attack for all", WHERE, name)
    end
  end
  for _, part in ipairs(kinds.is(attacker, "attack") and {} or attacker) do check_rows(part) end
end

-- One that asks for no more than the model answers.
local function usual_attack(model)
  local answers = kinds.answers(model)
  if answers == "labels" then return attack.hopskipjump { max_iter = 10 } end
  return answers == "scores" and attack.square { norm = "l2", max_iter = 1000 } or attack.pgd {}
end

-- The attack to judge, on this model; a usual one if none was given.
local function attack_of(options)
  local changes = { model = options.model, norm = options.norm, dmax = options.dmax }
  local given = options.attack or usual_attack(options.model)
  local attacker = blame.call(given.with, given, changes)
  check_rows(attacker)
  if option(attacker, "dmax") == 0 then
    blame.fail("%s: dmax: expected a number above 0, so that there is something to attack, got 0", WHERE)
  end
  return attacker
end

local function diagnose_model(options)
  check(options)
  local attacker, data = attack_of(options), options.data
  local most = (options.budget or BUDGET) / 2 // (price_of(options, attacker) or USUAL) | 0
  local origin = #data > most and spread(#data, math.max(1, most)) or nil
  if origin then data = data:take(origin) end
  local case = new_case(blame.call(attacker.run, attacker, data, { seed = options.seed }))
  case.model, case.attack, case.origin = options.model, attacker, origin
  run_further(case, data, options)
  return diagnosis_of(case)
end

--- What an attack's result says of itself, or, of { model =, data =, norm =, dmax =, attack =, budget =,
--- seed = }, what further runs say of the attack. A table of plain data that prints as a table.
return function(options)
  if kinds.is(options, "result") then return diagnosis_of(new_case(options)) end
  if type(options) ~= "table" then
    arguments.expected(WHERE, "result", "an attack's result, or { model =, data =, … }", options)
  end
  return diagnose_model(options)
end
