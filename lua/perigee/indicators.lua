-- The indicators of evaluate.diagnose: what can be wrong with an attack that found little. Adding one is
-- adding an entry to the list:
--
--   name, title     in d.indicators, and where it is printed
--   needs           what the case must have besides the result: nothing, "model", or the name of a further
--                   run (perigee/diagnose.lua)
--   measures        what is counted
--   least           the share of the measured samples above which it is an alarm; 0 where it is left out
--   meaning, next   what an alarm means, what to run next
--   measure(case)   { count =, of =, samples = positions } (of an alarm), with detail = where a number says
--                   more, or nil and why it cannot be told
--
-- The thresholds follow Pintor et al., "Indicators of attack failure: debugging and improving optimization
-- of adversarial examples", NeurIPS 2022, where there are such: incomplete optimisation, silent success. Its
-- test for gradients that are exactly 0 does not see those that are next to it.

local gradient_check = require "perigee.gradient_check"
local kinds = require "perigee.kinds"

local LEAST = 0.05 -- one failed run of a hundred proves nothing
local ALIVE = 0.1 -- the largest kernel at the end: on the plateau of a DNR it is below 0.01
local STILL = 1e-3 -- of the start's loss: a loss that falls by no more stands still
local WINDOW, UNFINISHED = 10, 0.05 -- of the loss's fall, within the last steps
local SATURATED = 10 -- box diameters that the decision is away, were the model linear
local UNSTEADY = 1e-6 -- of the scores' or the gradient's size
local UNSTEADY_ANSWER = 1e-3 -- the same where batches of another size may round otherwise
local STEP, MOVED = 1e-5, 0.03 -- of the features' range: less than a stair, more than one
local SHARE, FEW = 0.05, 20 -- features that a tiny step moves: this share, of small samples about so many
local SEEN = 1e-3 -- of the scores' size: they do change

-- ---- What several measure -----------------------------------------------------------------------

-- Those of the positions for which `is` holds.
local function counted(positions, is)
  local samples = {}
  for _, i in ipairs(positions) do
    if is(i) then samples[#samples + 1] = i end
  end
  return { count = #samples, of = #positions, samples = samples }
end

-- Another run that finds more than the direct attack does on the same samples: by how many, and which.
local function beaten(direct, other)
  local samples, net = {}, 0
  for k, position in ipairs(direct.positions) do
    local had, has = direct.found[k], other.found[k]
    if has and not had then samples[#samples + 1] = position end
    net = net + (has and 1 or 0) - (had and 1 or 0)
  end
  return { count = math.max(net, 0), of = #direct.positions, samples = samples }
end

local function beaten_by(name)
  return function(case) return beaten(case:direct(), case:run(name)) end
end

-- Have rows of two arrays been the same? Positions of those that have not.
local function apart(first, second, unsteady)
  local size = array.where(first:isfinite(), first:abs(), 0):max()
  local most = (first - second):abs():max(2)
  local samples = {}
  for i = 1, #first do
    if most[i] > unsteady * size then samples[#samples + 1] = i end
  end
  return samples
end

local function merged(a, b)
  local seen, list = {}, {}
  for _, samples in ipairs { a, b } do
    for _, i in ipairs(samples) do
      if not seen[i] then list[#list + 1] = i end
      seen[i] = true
    end
  end
  table.sort(list)
  return list
end

local function f64(values) return array.new(values, { dtype = "f64" }) end

-- Are the norms that such a run keeps those of its loss's own gradient? Other directions take another one.
local function is_plain(params)
  local stage = params.stages and params.stages[1]
  return (params.direction or "gradient") == "gradient"
    and not (stage and math.max(stage.smoothing or 1, stage.layer_smoothing or 1) > 1)
end

local function has_plain_part(params)
  for _, part in ipairs(params.parts or {}) do
    if part.params and has_plain_part(part.params) then return true end
  end
  return not params.parts and is_plain(params)
end

local function is_all_plain(params)
  for _, part in ipairs(params.parts or {}) do
    if part.params and not is_all_plain(part.params) then return false end
  end
  return params.parts ~= nil or is_plain(params)
end

-- Those of the positions whose run went along its loss's own gradient; nil and why there are none. Within a
-- part that is made of several itself, which of them a sample's run is from is not kept.
local function followed_loss(result, positions)
  local params, source, list = result.params, result.source, {}
  if not has_plain_part(params) then return nil, "its runs follow another gradient than the loss's" end
  for _, i in ipairs(positions) do
    local part = params.parts and source and params.parts[source[i]]
    if not params.parts or part and part.params and is_all_plain(part.params) then list[#list + 1] = i end
  end
  if #list == 0 and #positions > 0 then
    return nil, "no such run followed its loss's own gradient"
  end
  return list
end

-- Those of the classes: the reject score does not depend on the sample, and may be -inf.
local function scores_of(model, rows)
  local scores = f64(reject.scores(model, rows))
  return model.rejects and scores:slice(nil, { 1, -2 }) or scores
end

-- ---- Single ones --------------------------------------------------------------------------------

-- Where kernels have not died out it is an optimum of theirs, not a plateau.
local function vanished(case)
  local flat, ends = case.result.flat, case.result.kernel_end
  if not flat then return nil, "its result does not have norms of gradients" end
  local found = counted(case.failed, function(i) return flat[i] and not (ends and ends[i] > ALIVE) end)
  if ends and found.count > 0 then
    local kernels = ends:take(found.samples):sort()
    found.detail = ("the largest kernel there is %.2g (median)"):format(kernels[(#kernels + 1) // 2])
  end
  return found
end

local function saturated(case)
  local result, reach = case.result, case:diameter()
  if not result.gradient_norm then return nil, "its result does not have norms of gradients" end
  if reach == math.huge then return nil, "the bounds are infinite" end
  if #case.attacked == 0 then return nil, case:why_none "no sample was right before" end
  local plain, why = followed_loss(result, case.attacked)
  if not plain then return nil, why end
  local losses, norms = result.loss, result.gradient_norm
  return counted(plain, function(i)
    local loss, norm = losses[i][1], norms[i][1]
    return loss > 0 and loss < math.huge and loss > SATURATED * reach * norm
  end)
end

-- Of a model that answers labels alone, every score is 0 or 1.
local function are_labels(scores) return (scores * (1 - scores)):eq(0):all() end

-- Which attack a sample's run is of.
local function attack_of(result, i)
  local part = result.params.parts and result.source and result.params.parts[result.source[i]]
  return part and part.name or result.attack
end

-- Labels have no slope; and of an attack by decisions alone the points within dmax, which its trace has, are
-- no way along a loss.
local function still(case)
  local losses = case.result.loss
  local plain, why = followed_loss(case.result, case.failed)
  if not plain then return nil, why end
  if are_labels(case.result.start_scores:slice(nil, { 1, #case.result.classes })) then
    return nil, "labels alone have no slope"
  end
  local runs = {}
  for _, i in ipairs(plain) do
    if attack_of(case.result, i) ~= "hopskipjump" then runs[#runs + 1] = i end
  end
  if #runs == 0 and #plain > 0 then return nil, "its attack follows decisions alone, and no loss" end
  plain = runs
  return counted(plain, function(i)
    local loss = losses[i]
    return loss[1] - loss[-1] <= STILL * math.abs(loss[1])
  end)
end

-- Is an iterate accepted as what was wanted? One beyond dmax (fmn with reach) is no answer.
local function passed_by(case, i)
  local result = case.result
  local away = result.trace_distance[i]
  local dmax = result.dmax and result.dmax[i] or result.params.dmax or math.huge
  local scores, classes = result.trace[i], result.classes
  local best, most = scores:argmax(2), scores:max(2)
  local clear = (scores:eq(most:reshape(-1, 1))):sum(2)
  for t = 2, #scores do
    local label = classes[best[t]] -- nil: the reject column
    local wanted = result.target and label == result.target[i] or not result.target and label ~= result.y[i]
    if label and wanted and clear[t] == 1 and away[t] <= dmax then return true end
  end
  return false
end

local function silent(case)
  return counted(case.failed, function(i) return passed_by(case, i) end)
end

-- By how much of its whole fall the least loss has still fallen within the last steps of them all. The trace
-- ends at the least one.
local function late_fall(loss, steps, window)
  local values = loss:totable()
  local first, last, before = values[1], values[#values], math.huge
  for t = 1, math.max(1, steps + 1 - window) do before = math.min(before, values[t] or math.huge) end
  if not (first - last > 0 and first < math.huge) then return 0 end
  return (before - last) / (first - last)
end

local function incomplete(case)
  local result, steps = case.result, case.result.params.max_iter
  local losses, stops = result.loss, result.stop
  local unpaid = counted(case.failed, function(i) return stops[i] == "max_queries" end)
  if not steps then
    if unpaid.count == 0 then return nil, "this attack takes no such steps" end
    return unpaid
  end
  return counted(case.failed, function(i)
    local loss = losses[i]
    if stops[i] == "max_queries" then return true end
    local last, window = steps, stops[i] == "max_iter" and WINDOW
    if stops[i] == "converged" then last, window = #loss - 1, 1 end -- its eps may be too large
    return window and loss[1] - loss[-1] > STILL * math.abs(loss[1])
      and late_fall(loss, last, window) > UNFINISHED
  end)
end

local function fewer(case)
  local direct, more = case:direct(), case:run "more"
  local lost = beaten(more, direct)
  return { count = lost.count, of = lost.of, samples = lost.samples }
end

local function unbounded(case)
  local direct = case:run "unbounded"
  local samples = {}
  for k, position in ipairs(direct.positions) do
    if not direct.found[k] then samples[#samples + 1] = position end
  end
  return { count = #samples, of = #direct.positions, samples = samples }
end

local function probabilities(case)
  local scores = case.result.start_scores:slice(nil, { 1, #case.result.classes })
  if are_labels(scores) then return nil, "its scores are labels" end
  local low, high, sums = scores:min(2), scores:max(2), scores:sum(2)
  return counted(case.all, function(i)
    return low[i] >= 0 and high[i] <= 1 + 1e-6 and math.abs(sums[i] - 1) < 1e-4
  end)
end

local function unsteady(case)
  local result = case.result
  if #result == 0 then return { count = 0, of = 0, samples = {} } end
  if not case.model then
    local last, all, columns = {}, result.trace, { 1, #result.classes }
    for i = 1, #result do last[i] = all[i][-1] end
    local samples = apart(result.scores:slice(nil, columns), array.stack(last, 1):slice(nil, columns),
      UNSTEADY_ANSWER)
    return { count = #samples, of = #result, samples = samples }
  end
  local rows, positions = case:rows()
  local first, second = scores_of(case.model, rows), scores_of(case.model, rows)
  local samples = apart(first, second, UNSTEADY)
  local w = array.randn(first.shape, { seed = 1, dtype = "f64" })
  if case.model.rejects then w = array.concatenate({ w, array.zeros(#w, 1, { dtype = "f64" }) }, 2) end
  local ok, slope = pcall(reject.gradient, case.model, rows, w)
  if ok then
    samples = merged(samples, apart(f64(slope), f64(reject.gradient(case.model, rows, w)), UNSTEADY))
  end
  for k, i in ipairs(samples) do samples[k] = positions[i] end
  return { count = #samples, of = #rows, samples = samples }
end

local function wrong_gradient(case)
  local part = case:lua_part()
  if not part then return nil, "no part of the model is written in Lua" end
  if part.gradient_is == "surrogate" then return nil, "its gradient is said to be a surrogate" end
  if kinds.answers(case.model) ~= "gradients" then return nil, "it has no gradient" end
  local rows, positions = case:rows()
  local found = gradient_check.run(case.model, rows)
  local few = math.min(#rows, 3)
  local wrong = not found.ok and not found.random
  return { count = wrong and few or 0, of = few, note = found.message,
    samples = wrong and table.move(positions, 1, few, 1, {}) or {} }
end

-- Scores that change over a long step but not over a short one stand on stairs. Of the short steps some
-- change few features, so that no stair's edge is crossed; but some in every sample.
local function stairs(case)
  local part = case:lua_part()
  if part and part.gradient_is == "surrogate" then return nil, "its gradient is said to be a surrogate" end
  if kinds.answers(case.model) == "labels" then return nil, "labels always stand on stairs" end
  local rows, positions = case:rows()
  local range = case:range()
  local away = array.rand(rows.shape, { seed = 1, dtype = "f64" }) * (2 * MOVED * range) - MOVED * range
  local base = (rows + away):astype "f32"
  local here, there = scores_of(case.model, base), scores_of(case.model, rows)
  local share, flat = math.max(SHARE, FEW / rows.shape[2]), array.ones(#rows)
  for seed = 2, 4 do
    local few = array.rand(rows.shape, { seed = seed }):lt(share):astype "f64"
    local near = (base + few * (STEP * range)):astype "f32"
    flat = flat * scores_of(case.model, near):eq(here):astype("f64"):min(2)
  end
  local moved, size = (here - there):abs():max(2), array.where(here:isfinite(), here:abs(), 0):max()
  local samples = {}
  for i = 1, #rows do
    if flat[i] == 1 and moved[i] > SEEN * size then samples[#samples + 1] = positions[i] end
  end
  return { count = #samples, of = #rows, samples = samples }
end

-- ---- The list -----------------------------------------------------------------------------------

return {
  {
    name = "vanished_gradient", title = "vanished gradient", least = LEAST, measure = vanished,
    measures = "failed runs that ended with the gradient below a hundredth of the start's",
    meaning = "the attack ran onto a plateau and saw nothing any more: a masked gradient, not robustness",
    next = 'attack.auto, attack.halving, or direction = "log"',
  },
  {
    name = "saturated_scores", title = "saturated scores", least = LEAST, measure = saturated,
    measures = "samples whose loss's own gradient puts the decision beyond ten diameters of the box",
    meaning = "the scores are squashed (softmax, sigmoid, tanh), and the gradient with them: rounding leads",
    next = "attack the scores before they are squashed",
  },
  {
    name = "still_loss", title = "loss that stands still", least = LEAST, measure = still,
    measures = "failed runs along the loss's gradient whose loss never fell by a thousandth of it",
    meaning = "the attack did nothing: its steps, its gradient or its objective are wrong",
    next = "reject.check(model, x), larger steps (eta), another objective, no eps",
  },
  {
    name = "silent_success", title = "silent success", least = 0, measure = silent,
    measures = "failed runs that passed a point which evades",
    meaning = "the attack found an answer and gave another one",
    next = "attack.pgd, which answers with the best point of its way",
  },
  {
    name = "incomplete", title = "incomplete optimisation", least = LEAST, measure = incomplete,
    measures = "failed runs with over 5 % of their loss's fall within the last 10 steps (with eps, the last),"
      .. " or out of queries",
    meaning = "the attack was stopped before it was done",
    next = "a larger max_iter or max_queries, larger steps (eta), no eps",
  },
  {
    name = "more_steps_fewer", title = "more steps find fewer", needs = "more", least = LEAST,
    measure = fewer,
    measures = "evasions fewer with three times the steps",
    meaning = "the attack's way is chance: its steps do not lead where the loss falls",
    next = "steps that fall (leave eta out), restarts, attack.auto",
  },
  {
    name = "transfer", title = "transfer", needs = "transfer", least = 0.03, measure = beaten_by "transfer",
    measures = "evasions more by attacking the bare model inside and judging by the whole",
    meaning = "the defence hides the way from the gradient, not from the attacker",
    next = "attack.auto; adapt the attack to the defence",
  },
  {
    name = "log_direction", title = "log direction", needs = "log", least = 0.03,
    measure = beaten_by "log",
    measures = 'evasions more with direction = "log"',
    meaning = "the plain gradient is masked by kernels that have died out",
    next = "attack.auto or attack.halving",
  },
  {
    name = "smoothed_gradient", title = "smoothed gradient", needs = "smooth", least = 0.03,
    measure = beaten_by "smooth",
    measures = 'evasions more with direction = "smooth"',
    meaning = "the plain gradient is masked: one of wider kernels sees more",
    next = "attack.auto or attack.halving",
  },
  {
    name = "black_box", title = "black box", needs = "black_box", least = 0.03,
    measure = beaten_by "black_box",
    measures = "evasions more by a random search of the same size that asks for scores alone",
    meaning = "gradients lie: a search that follows none finds what the attack along them does not",
    next = "attack.square with all its 5000 points, attack.auto; mend the gradient",
  },
  {
    name = "noise", title = "noise", needs = "noise", least = 0.03, measure = beaten_by "noise",
    measures = "evasions more by random noise of size dmax",
    meaning = "the gradient leads away from what evades",
    next = "reject.check(model, x); attack.auto",
  },
  {
    name = "unbounded", title = "unbounded attack", needs = "unbounded", least = 0, measure = unbounded,
    measures = "samples that do not evade though dmax covers the whole box",
    meaning = "where everything is allowed an attack must succeed: it fails for another reason than dmax",
    next = "attack.auto; the indicators above",
  },
  {
    name = "softmax_scores", title = "softmax scores", least = 0.5, measure = probabilities,
    measures = "samples whose scores are probabilities: between 0 and 1, of sum 1",
    meaning = "the attack works on the output of a softmax, whose gradient dies where it is certain",
    next = "give the model's logits",
  },
  {
    name = "unsteady", title = "unsteady answers", least = 0, measure = unsteady,
    measures = "samples whose scores or gradient differ from call to call",
    meaning = "the model is random, and so are an attack's steps and verdicts",
    next = "samples = 20 in the attack, means over so many calls; or fix the model's random numbers",
  },
  {
    name = "wrong_gradient", title = "wrong gradient", needs = "model", least = 0, measure = wrong_gradient,
    measures = "samples at which a Lua model's gradient is not that of its scores",
    meaning = "an attack that follows it goes astray",
    next = "reject.check(model, x), and mend the model's gradient",
  },
  {
    name = "quantised_input", title = "quantised input", needs = "model", least = LEAST, measure = stairs,
    measures = "samples whose scores do not change over a tiny step and do over a long one",
    meaning = "scores stand on stairs: their true gradient is 0, and that of the model is a guess or nothing",
    next = "attack the model without the quantisation and judge by the whole (result:rescore)",
  },
}
