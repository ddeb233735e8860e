-- What a reject threshold leaves of an attack: the threshold is set on held-out samples so that a given share
-- of the right ones is accepted, and the attacker's points are judged by it (D. Stutz, M. Hein, B. Schiele,
-- "Confidence-calibrated adversarial training", ICML 2020). Confidences are those of ranking.lua.

local arguments = require "perigee.arguments"
local given = require "perigee.metrics.given"
local kinds = require "perigee.kinds"
local records = require "perigee.records"
local text = require "perigee.text"

local rejection = {}

local TPRS = { 0.90, 0.95, 0.99 }

local Rerr = { __name = "rerr" }

function Rerr:__tostring()
  local lines = { { "TPR", "threshold", "RErr", "FPR", "clean accepted" } }
  for k, tpr in ipairs(self.tpr) do
    lines[k + 1] = { ("%g %%"):format(100 * tpr), ("%.6g"):format(self.threshold[k]),
      given.percent(self.rerr[k]), given.percent(self.fpr[k]), given.percent(self.accepted[k]) }
  end
  return ("robust error with a threshold, %d samples, %d held out\n%s"):format(self.samples, self.validation,
    text.aligned(lines, 0)) .. (self.stricter and given.early_note(self.stopped_early, self.attacked) or "")
end

-- A row a true positive rate.
records.define(Rerr, {
  kind = "rerr", what = "what metrics.rerr gave",
  rows = function(self)
    local rows = {}
    for k, tpr in ipairs(self.tpr) do
      rows[k] = { tpr = tpr, threshold = self.threshold[k], rerr = self.rerr[k], fpr = self.fpr[k],
        accepted = self.accepted[k] }
    end
    return records.columns("tpr threshold rerr fpr accepted", "%.4f", "threshold rerr fpr accepted"), rows
  end,
})

-- At a threshold: RErr, FPR and the share of the clean samples that are accepted.
local function errors_at(threshold, clean, attacked)
  local before, after = clean.confidence:ge(threshold), attacked.confidence:ge(threshold)
  local errors = before:logical_and(clean.wrong):logical_or(after:logical_and(attacked.wrong))
  local adversarial = attacked.wrong:logical_and(clean.wrong:eq(0))
  return given.share(errors:count_nonzero(), before:logical_or(after):count_nonzero()),
    given.share(after:logical_and(adversarial):count_nonzero(), adversarial:count_nonzero()),
    given.share(before:count_nonzero(), #before)
end

-- { confidences, correct } of one's own.
local function own_pair(name, pair)
  if type(pair) ~= "table" or #pair ~= 2 then
    given.expected("rerr", name, "two lists, { confidences, correct }", pair)
  end
  local confidence = given.numbers("rerr", name, pair[1])
  return { confidence = confidence, wrong = 1 - given.mask("rerr", name, pair[2], #confidence) }
end

local function attacked_samples(options)
  if options.result ~= nil then
    if options.clean ~= nil or options.attacked ~= nil then
      given.fail("rerr", "give either a result or clean and attacked, not both")
    end
    return given.judged_in("rerr", given.check_result("rerr", "result", options.result))
  end
  local clean, attacked = own_pair("clean", options.clean), own_pair("attacked", options.attacked)
  if #clean.confidence ~= #attacked.confidence then
    given.fail("rerr", "clean has %d samples, attacked %d", #clean.confidence, #attacked.confidence)
  end
  return clean, attacked
end

-- Confidences of held-out samples that are right, in rising order.
local function held_out(options)
  local validation = options.validation
  if kinds.is(validation, "dataset") then
    if not kinds.is_model(options.model) then
      given.expected("rerr", "model", "the model that judges the validation samples", options.model)
    end
    local result = options.result
    if kinds.is(result, "result") and result.rejects ~= (options.model.rejects or false) then
      given.expected("rerr", "model", "the model that was attacked, or one that rejects as it does",
        options.model)
    end
    local seen = given.judged_by("rerr", options.model, validation)
    local confidence = seen.confidence:compress(seen.wrong:eq(0))
    if #confidence == 0 then given.fail("rerr", "validation: none of its samples is classified right") end
    return confidence:sort()
  end
  if options.model ~= nil then
    given.expected("rerr", "validation", "a dataset, beside a model", validation)
  end
  return given.numbers("rerr", "validation", validation):sort()
end

local function rates_of(options)
  local list = options.tpr == nil and TPRS or type(options.tpr) == "table" and options.tpr or { options.tpr }
  for _, tpr in ipairs(list) do
    if type(tpr) ~= "number" or not (tpr > 0 and tpr <= 1) then
      given.expected("rerr", "tpr", "a share above 0 and up to 1, or a list of such", tpr)
    end
  end
  if #list == 0 then given.expected("rerr", "tpr", "a share above 0 and up to 1, or a list of such", list) end
  return table.move(list, 1, #list, 1, {})
end

-- Confidences are counted from the threshold of a model that rejects; one that does not has accepted all.
local function about_attack(answer, result)
  if result == nil then return end
  answer.stopped_early, answer.attacked, answer.stricter = given.stopped_early(result), #result, false
  for _, threshold in ipairs(answer.threshold) do
    answer.stricter = answer.stricter or not result.rejects or threshold > 0
  end
end

--- The robust error where what has too little confidence is rejected, for each true positive rate: a table of
--- lists tpr, threshold, rerr, fpr, accepted. It prints as a table.
function rejection.rerr(options)
  arguments.only("metrics.rerr", options, { "result", "validation", "model", "tpr", "clean", "attacked" })
  options = options or {}
  local sorted = held_out(options)
  local clean, attacked = attacked_samples(options)
  local answer = { tpr = rates_of(options), threshold = {}, rerr = {}, fpr = {}, accepted = {},
    samples = #clean.confidence, validation = #sorted }
  for k, tpr in ipairs(answer.tpr) do
    local threshold = sorted[math.floor(#sorted * (1 - tpr) + 1e-9) + 1]
    answer.threshold[k] = threshold
    answer.rerr[k], answer.fpr[k], answer.accepted[k] = errors_at(threshold, clean, attacked)
  end
  about_attack(answer, options.result)
  return setmetatable(answer, Rerr)
end

return rejection
