-- What confidences are worth: how well they tell what should be accepted from what should not.
--
-- A model's confidence in a sample is its best class score less its reject score, so that what is accepted
-- has more than 0; the best class score alone where there is no reject score or that is -inf. Positives are
-- clean samples whose best class is right, negatives adversarial ones (their best class is wrong, and was
-- right before) or outliers: as in "Confidence-calibrated adversarial training" (Stutz et al., ICML 2020).

local given = require "perigee.metrics.given"
local kinds = require "perigee.kinds"
local records = require "perigee.records"

local ranking = {}

local function infinity(sign)
  return array.new({ sign * math.huge }, { dtype = "f64" })
end

-- Numbers from the greatest to the least, and what belongs to them.
local function descending(numbers, partner)
  local order = numbers:argsort():slice { -1, 1, -1 }
  return numbers:take(order), partner:take(order)
end

-- ---- ROC ------------------------------------------------------------------------------------------

local Roc = { __name = "roc" }

function Roc:__tostring()
  local at = self.fpr[self.tpr:ge(0.95):argmax()]
  return ("ROC: AUC %.4f, FPR %.2f %% at 95 %% TPR, %d positives, %d negatives"):format(self.auc, 100 * at,
    self.positives, self.negatives) .. given.early_note(self.stopped_early, self.attacked)
end

-- A row a threshold.
records.define(Roc, {
  kind = "roc", what = "what metrics.roc gave",
  rows = function(self)
    local rows = {}
    for i = 1, #self.thresholds do
      rows[i] = { threshold = self.thresholds[i], tpr = self.tpr[i], fpr = self.fpr[i] }
    end
    return records.columns("threshold tpr fpr", "%.4f", "threshold tpr fpr"), rows
  end,
  arrays = function(self)
    return { thresholds = self.thresholds, tpr = self.tpr, fpr = self.fpr, auc = records.array { self.auc } }
  end,
})

-- Twice the area under the curve of the counts, so that it is a whole number: trapezoids give tied pairs a
-- half, as Mann and Whitney do.
local function double_area(hits, alarms)
  local n = #hits
  local before, after = { 1, n - 1 }, { 2, n }
  return ((alarms:slice(after) - alarms:slice(before)) * (hits:slice(after) + hits:slice(before))):sum()
end

-- scores and positive: float64, positive 0 or 1.
local function curve_of(where, scores, positive)
  local n, positives = #scores, positive:count_nonzero()
  if positives == 0 or positives == n then
    given.fail(where, "there are no %s, nothing to tell apart", positives == 0 and "positives" or "negatives")
  end
  local sorted, hit = descending(scores, positive)
  local last = array.concatenate { sorted:slice({ 1, n - 1 }):ne(sorted:slice { 2, n }), { 1 } }
  local zero = array.zeros(1, { dtype = "f64" })
  local hits = array.concatenate { zero, hit:cumsum():compress(last) }
  local alarms = array.concatenate { zero, (1 - hit):cumsum():compress(last) }
  return setmetatable({
    tpr = hits / positives, fpr = alarms / (n - positives),
    thresholds = array.concatenate { infinity(1), sorted:compress(last) },
    positives = positives, negatives = n - positives,
    auc = double_area(hits, alarms) / (2 * positives * (n - positives)),
  }, Roc)
end

-- What is not to be accepted: of an attack's answers those that are adversarial, of anything else all.
local function negatives_of(where, model, samples)
  if kinds.is(samples, "result") then
    local ok, judged = pcall(samples.rescore, samples, model)
    if not ok then given.fail(where, "negatives: %s", tostring(judged)) end
    local before, after = given.judged_in(where, judged)
    return after.confidence:compress(after.wrong:logical_and(before.wrong:eq(0)))
  end
  if not (kinds.is(samples, "dataset") or kinds.is(samples, "array")) then
    given.expected(where, "negatives", "an attack's result, a dataset or an array of samples", samples)
  end
  return given.judged_by(where, model, samples).confidence
end

local function curve_between(where, clean, negatives)
  local positives = clean.confidence:compress(clean.wrong:eq(0))
  return curve_of(where, array.concatenate { positives, negatives },
    array.concatenate { array.ones_like(positives), array.zeros_like(negatives) })
end

-- The curve, with what its attack has left undone.
local function about_attack(result, made)
  made.stopped_early, made.attacked = given.stopped_early(result), #result
  return made
end

local function curve_of_result(where, result)
  local before, after = given.judged_in(where, result)
  local adversarial = after.wrong:logical_and(before.wrong:eq(0))
  return about_attack(result, curve_between(where, before, after.confidence:compress(adversarial)))
end

-- The curve of whatever was given: scores and mask, a result, or { model, clean samples, others }.
local function curve(where, first, second, third)
  if kinds.is(first, "result") then
    if second ~= nil then given.expected(where, "positive", "nothing beside a result", second) end
    return curve_of_result(where, first)
  elseif kinds.is_model(first) then
    if not kinds.is(second, "dataset") then
      given.expected(where, "positive", "a dataset of clean samples, beside a model", second)
    end
    local clean = given.judged_by(where, first, second)
    local made = curve_between(where, clean, negatives_of(where, first, third))
    return kinds.is(third, "result") and about_attack(third, made) or made
  end
  if third ~= nil then given.expected(where, "negatives", "nothing beside scores", third) end
  local scores = given.numbers(where, "scores", first)
  return curve_of(where, scores, given.mask(where, "positive", second, #scores))
end

--- How many of what should be accepted, and of what should not, have a score of each threshold or more: a
--- table of float64 arrays fpr, tpr, thresholds, with auc, positives and negatives. It prints as a line.
function ranking.roc(scores, positive, negatives)
  return curve("roc", scores, positive, negatives)
end

--- The area under that curve: how often a positive is scored above a negative; of ties the half.
function ranking.auc(scores, positive, negatives)
  return curve("auc", scores, positive, negatives).auc
end

-- ---- AURC -----------------------------------------------------------------------------------------

-- The mean over k of the error among the first k. Of tied ones as many are wrong, among the first few, as
-- their share: the mean over all their orders.
local function mean_error(confidence, wrong)
  local total, errors, first, n = 0, 0, 1, #confidence
  while first <= n do
    local last, new = first, wrong[first]
    while last < n and confidence[last + 1] == confidence[first] do
      last = last + 1
      new = new + wrong[last]
    end
    for k = first, last do
      total = total + (errors + (k - first + 1) * new / (last - first + 1)) / k
    end
    errors, first = errors + new, last + 1
  end
  return total / n
end

--- The area under the risk-coverage curve of a model on a dataset, or of confidences and what is correct.
function ranking.aurc(model, ds)
  local confidence, wrong
  if kinds.is_model(model) then
    if not kinds.is(ds, "dataset") then given.expected("aurc", "ds", "a dataset to judge", ds) end
    local seen = given.judged_by("aurc", model, ds)
    confidence, wrong = seen.confidence, seen.wrong
  else
    confidence = given.numbers("aurc", "confidences", model)
    wrong = 1 - given.mask("aurc", "correct", ds, #confidence)
  end
  confidence, wrong = descending(confidence, wrong)
  return mean_error(confidence:totable(), wrong:totable())
end

return ranking
