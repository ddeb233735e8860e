-- The Lua half of attacks' results: those of their samples that a condition holds for.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local meta = debug.getregistry()["perigee.result"]

local WHERE = "result:where"

-- ---- Words ---------------------------------------------------------------------------------------

local verdicts = { "correct", "rejected", "wrong", "evaded", "failed" }
local stops = { "converged", "max_iter", "zero_gradient", "interrupted", "still", "reached", "not_finite",
  "given", "outrun", "max_queries" }

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
  local list = {}
  for i, one in ipairs(result) do list[i] = condition(one, i) end
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
  if not kinds.is(result, "result") then
    arguments.expected(WHERE, "self", "a result (is this a call with a dot instead of a colon?)", result)
  end
  local by = type(condition) == "string" and by_word or type(condition) == "function" and by_function
    or by_mask
  local positions = {}
  for i, holds in pairs(by(result, condition)) do
    if holds then positions[#positions + 1] = i end
  end
  table.sort(positions)
  return result:take(positions)
end

meta.methods.where = arguments.guard("result:", { where = where }, true).where
