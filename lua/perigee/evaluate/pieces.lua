-- The pieces of an evaluation: which there are, what they are called, and how they are dealt out to processes
-- that share the work.
--
-- A plan says it: { models, attacks (lists of entries with a name), repeats, noise, per_repeat (how many
-- samples each has), block }; whether its entries can be run does not matter here, so that merge.lua lists
-- those of a folder by the same rule.

local pieces = {}

--- All of them in order: repeat, block, model, attack; noise is one more attack. Each is { number, r, model,
--- attack or noise = true, first and last (places among the repeat's samples), name }.
function pieces.of(plan)
  local list = {}
  local function add(one, name, ...)
    one.number, one.name = #list + 1, name:format(...)
    list[one.number] = one
  end
  for _, r in ipairs(plan.repeats) do
    for first = 1, plan.per_repeat, plan.block do
      local last = math.min(first + plan.block - 1, plan.per_repeat)
      for m, model in ipairs(plan.models) do
        for a, attack in ipairs(plan.attacks) do
          add({ r = r, model = model, attack = attack, first = first, last = last },
            "repeat %d, model %d, attack %d, samples from %d", r, m, a, first)
        end
        if plan.noise then
          add({ r = r, model = model, noise = true, first = first, last = last },
            "repeat %d, model %d, noise, samples from %d", r, m, first)
        end
      end
    end
  end
  return list
end

-- Those of one model and attack take about as long, so each shard gets as many of them as the others, give or
-- take one; and as many in all: they are dealt as cards are, kind after kind.
local function shard_of(plan, one, count, shards)
  local kinds = #plan.models * (#plan.attacks + (plan.noise and 1 or 0))
  local block, kind = (one.number - 1) // kinds, (one.number - 1) % kinds
  return (kind * (count // kinds) + block) % shards + 1
end

--- Those of shard i of n; shard: { i, n }, or nil for all.
function pieces.share(plan, list, shard)
  if not shard then return list end
  local mine = {}
  for _, one in ipairs(list) do
    if shard_of(plan, one, #list, shard[2]) == shard[1] then mine[#mine + 1] = one end
  end
  return mine
end

local function names_of(list, most)
  local names = {}
  for i = 1, math.min(#list, most) do names[i] = list[i].name end
  return table.concat(names, "; ") .. (#list > most and ("; and %d more"):format(#list - most) or "")
end

-- "; shard 2 of 3 has it", where all that is missing is of few shards.
local function owners(plan, list, missing, shards)
  local seen, numbers = {}, {}
  for _, one in ipairs(shards and missing or {}) do
    local number = shard_of(plan, one, #list, shards)
    if not seen[number] then numbers[#numbers + 1] = number end
    seen[number] = true
  end
  table.sort(numbers)
  if #numbers == 0 or #numbers > 8 then return "" end
  return (" (of shard%s %s of %d)"):format(#numbers > 1 and "s" or "", table.concat(numbers, ", "), shards)
end

--- "3 of 40 pieces are not there: repeat 1, model 2, …", or nil where each has rows. shards: into how many
--- they were dealt, where that is known.
function pieces.missing(plan, list, shards)
  local missing = {}
  for _, one in ipairs(list) do
    if not one.rows then missing[#missing + 1] = one end
  end
  if #missing == 0 then return nil end
  return ("%d of %d pieces %s not there%s: %s"):format(#missing, #list, #missing == 1 and "is" or "are",
    owners(plan, list, missing, shards), names_of(missing, 3))
end

return pieces
