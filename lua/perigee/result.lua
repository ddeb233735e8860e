-- The Lua half of attacks' results: those of their samples that a condition holds for, and files for other
-- programs.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local records = require "perigee.records"

local meta = debug.getregistry()["perigee.result"]

local WHERE = "result:where"
local about_self = {
  what = "an attack's result", is = function(value) return kinds.is(value, "result") end,
}

-- ---- Words ---------------------------------------------------------------------------------------

local verdicts, stops = native.verdicts, native.stops

local function held(result)
  local before, now, list = result.start_verdict, result.verdict, {}
  for i = 1, #result do
    list[i] = before[i] == "correct" and (now[i] == "correct" or now[i] == "rejected")
  end
  return list
end

-- What a word asks of every sample: a function of the result that answers a list of booleans, or nil of one
-- that does not know.
local words = {
  robust = held,
  hit = function(result) return result.hit end,
  flat = function(result) return result.flat end,
}

local function is_in(name, word)
  return function(result)
    local list = {}
    for i, said in ipairs(result[name]) do list[i] = said == word end
    return list
  end
end

local order = {}
for _, word in ipairs(verdicts) do words[word], order[#order + 1] = is_in("verdict", word), word end
for _, word in ipairs { "robust", "hit", "flat" } do order[#order + 1] = word end
for _, word in ipairs(stops) do words[word], order[#order + 1] = is_in("stop", word), word end

local unknown = { hit = "it has no targets", flat = "nothing was searched for" }

local function by_word(result, word)
  if not words[word] then
    local meant = perigee.nearest(word, order)
    blame.fail("%s: condition: unknown word '%s'%s (valid: %s)", WHERE, word,
      meant and ("; did you mean '%s'?"):format(meant) or "", table.concat(order, ", "))
  end
  return words[word](result)
    or #result == 0 and {}
    or blame.fail("%s: condition: of this result '%s' is not known: %s", WHERE, word, unknown[word])
end

-- ---- Other conditions ----------------------------------------------------------------------------

local CONDITION = 'a word ("evaded"), a function of a result of one sample, or a mask'

local function by_function(result, condition)
  local list, holds = {}, blame.guest(condition)
  for i, one in ipairs(result) do list[i] = holds(one, i) end
  return list
end

-- An array or a list of 0 and 1, or of booleans.
local function by_mask(result, mask)
  local given, list = kinds.is(mask, "array") and mask.ndim == 1 and mask:totable() or mask, {}
  if type(given) ~= "table" then arguments.expected(WHERE, "condition", CONDITION, mask) end
  if #given ~= #result then
    blame.fail("%s: condition: expected one for each of %d samples, got %d", WHERE, #result, #given)
  end
  for i, one in ipairs(given) do
    if type(one) ~= "boolean" and one ~= 0 and one ~= 1 then
      arguments.expected(WHERE, ("condition: number %d"):format(i), "true or false, or 1 or 0", one)
    end
    list[i] = one == true or one == 1
  end
  return list
end

--- The samples that a condition holds for, as a result of them: a word that says what became of them, a
--- function of (a result of one, its position), or a mask.
local function where(result, condition)
  local by = type(condition) == "string" and by_word or type(condition) == "function" and by_function
    or by_mask
  local positions = {}
  for i, holds in pairs(by(result, condition)) do
    if holds then positions[#positions + 1] = i end
  end
  table.sort(positions)
  return result:take(positions)
end

-- ---- Files ---------------------------------------------------------------------------------------

-- A row a verdict: how many samples had it before the attack, and have it now.
local function verdict_rows(result)
  local before, now, rows = {}, result:counts(), {}
  for _, verdict in ipairs(result.start_verdict) do before[verdict] = (before[verdict] or 0) + 1 end
  for _, verdict in ipairs(verdicts) do
    if verdict ~= "failed" or now.failed > 0 then
      rows[#rows + 1] = { verdict = verdict == "wrong" and "wrong before" or verdict,
        before = before[verdict] or 0, after = now[verdict], share = now[verdict] / #result }
    end
  end
  return records.columns("verdict before after share", "%.3f", "share"), rows
end

local per_sample = { "y", "target", "start_label", "label", "start_verdict", "verdict", "hit", "flat", "stop",
  "distance", "dmax", "source", "scores", "start_scores" }

local function json_of(result)
  local lists, samples, spent = {}, {}, result.evaluations
  for _, name in ipairs(per_sample) do
    local list = result[name]
    lists[name] = type(list) == "userdata" and list:totable() or list
  end
  local loss, scores, gradients = result.loss, spent.scores:totable(), spent.gradients:totable()
  for i = 1, #result do
    samples[i] = { loss = loss[i], queries = { scores = scores[i], gradients = gradients[i] } }
    for name, list in pairs(lists) do samples[i][name] = list[i] end
  end
  return { attack = result.attack, model = result.model, classes = result.classes, rejects = result.rejects,
    shape = result.shape, params = result.params, counts = result:counts(), samples = samples }
end

local arrays = { "x0", "x_adv", "y", "label", "start_label", "target", "scores", "start_scores", "distance",
  "dmax", "kernel_end", "source" }
local traces = { loss = "loss", trace = "scores", trace_distance = "distance",
  gradient_norm = "gradient_norm", largest_kernel = "largest_kernel", iterates = "iterates" }

local function numbers_of(list)
  local codes, found = {}, {}
  for k, verdict in ipairs(verdicts) do codes[verdict] = k end
  for i, verdict in ipairs(list) do found[i] = codes[verdict] end
  return array.new(found, { dtype = "i32" })
end

-- Its arrays, and the traces of all samples one after the other with their lengths.
local function arrays_of(result)
  local members, spent = {}, result.evaluations
  for _, name in ipairs(arrays) do members[name] = result[name] end
  members.classes = array.new(result.classes, { dtype = "i32" })
  members.verdict, members.start_verdict = numbers_of(result.verdict), numbers_of(result.start_verdict)
  members.score_count, members.gradient_count = spent.scores, spent.gradients
  local lengths = {}
  for i, loss in ipairs(result.loss) do lengths[i] = #loss end
  members["trace.length"] = array.new(lengths, { dtype = "i32" })
  for name, member in pairs(#result > 0 and traces or {}) do
    local list = result[name]
    if list then members["trace." .. member] = array.concatenate(list, 1) end
  end
  return members
end

local in_c = { save = meta.methods.save, csv = meta.methods.csv }

records.add_methods(meta.methods, {
  kind = "result", what = about_self.what, rows = verdict_rows, json = json_of, arrays = arrays_of,
  save = in_c.save, csv = in_c.csv,
}, about_self)

meta.methods.where = arguments.guard("result:", { where = where }, about_self).where
