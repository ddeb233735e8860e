-- An evaluation (security.lua) put together from the pieces that have rows: of a run, or of folders and
-- shards that are merged. Its plan is that of pieces.lua, with dmax, norm, seed and, where thresholds were
-- set, rejection_rate.

local arguments = require "perigee.arguments"
local cells = require "perigee.evaluate.cells"
local piece = require "perigee.evaluate.piece"
local security = require "perigee.evaluate.security"

local whole = {}

--- The name of a piece's attack.
function whole.attack_name(one)
  return one.noise and cells.NOISE or one.attack.name
end

--- Pieces of one kind are of the same model and attack.
function whole.kind_of(one)
  return ("%s\0%s\0%s"):format(one.model.name, one.noise, whole.attack_name(one))
end

--- Those of one cell are of the same repeat, too.
function whole.cell_key(one)
  return one.r .. "\0" .. whole.kind_of(one)
end

-- The cells of what is finished.
local function cells_of(plan, list)
  local made, by_key = {}, {}
  for _, one in ipairs(list) do
    if one.rows then
      local key = whole.cell_key(one)
      if not by_key[key] then
        by_key[key] = { model = one.model.name, attack = whole.attack_name(one), noise = one.noise or false,
          seed = plan.seed + one.r, parts = {} }
        made[#made + 1] = by_key[key]
      end
      table.insert(by_key[key].parts, one.rows)
    end
  end
  for _, cell in ipairs(made) do cell.rows, cell.parts = piece.join(cell.parts), nil end
  return made
end

local function names_of(list)
  local names = {}
  for i, entry in ipairs(list) do names[i] = entry.name end
  return names
end

-- thresholds[name][seed] of the models that reject, and which versions of the program have been at work.
local function record_of(plan, list)
  local thresholds, seen, headers = {}, {}, {}
  for _, one in ipairs(list) do
    local rows, name = one.rows, one.model.name
    if rows and rows.threshold then
      thresholds[name] = thresholds[name] or {}
      thresholds[name][plan.seed + one.r] = rows.threshold
    end
    for header in (rows and rows.written_by or ""):gmatch "[^\n]+" do
      if not seen[header] then headers[#headers + 1] = header end
      seen[header] = true
    end
  end
  return thresholds, table.concat(headers, "\n")
end

-- What a shard's evaluation says of itself: which it is, and which of the pieces it has.
local function shard_of(plan, list)
  local shard = { plan.shard[1], plan.shard[2], samples = plan.per_repeat, block = plan.block, done = {} }
  for _, one in ipairs(list) do
    if one.rows then table.insert(shard.done, one.number) end
  end
  return shard
end

--- The evaluation of that plan and these settings, of those pieces of the list that are finished.
function whole.of(plan, list, settings, interrupted)
  local seeds = {}
  local thresholds, written_by = record_of(plan, list)
  for i, r in ipairs(plan.repeats) do seeds[i] = plan.seed + r end
  return security.new {
    models = names_of(plan.models), attacks = names_of(plan.attacks),
    dmax = arguments.kept(plan.dmax), norm = plan.norm,
    seed = plan.seed, seeds = seeds, repeats = arguments.kept(plan.repeats), has_noise = plan.noise,
    interrupted = interrupted, shard = plan.shard and shard_of(plan, list),
    settings = settings, thresholds = thresholds, written_by = written_by,
    rejection_rate = plan.rejection_rate, unlabelled = plan.unlabelled, cells = cells_of(plan, list),
  }
end

--- What a folder keeps of a plan, for merge.lua; and a plan again of that.
function whole.sketch(plan)
  return { models = names_of(plan.models), attacks = names_of(plan.attacks), dmax = plan.dmax,
    norm = plan.norm, seed = plan.seed, repeats = plan.repeats, noise = plan.noise,
    per_repeat = plan.per_repeat, block = plan.block, rejection_rate = plan.rejection_rate,
    unlabelled = plan.unlabelled }
end

local function is_list(value, is)
  if type(value) ~= "table" or #value == 0 then return false end
  for _, member in ipairs(value) do
    if not is(member) then return false end
  end
  return true
end

local function is_name(value) return type(value) == "string" end
local function is_number(value) return type(value) == "number" end
local function is_count(value) return math.type(value) == "integer" and value >= 1 and value <= 2 ^ 52 end

local MOST_PIECES = 1e7 -- a list of them takes some GB

--- Can it be what sketch has made? Files may be damaged.
function whole.is_sound(sketch)
  local sound = type(sketch) == "table"
    and is_list(sketch.models, is_name) and is_list(sketch.attacks, is_name)
    and is_list(sketch.dmax, is_number) and is_list(sketch.repeats, is_count) and is_name(sketch.norm)
    and math.type(sketch.seed) == "integer" and type(sketch.noise) == "boolean"
    and is_count(sketch.per_repeat) and is_count(sketch.block)
    and (sketch.rejection_rate == nil or is_number(sketch.rejection_rate))
    and (sketch.unlabelled == nil or sketch.unlabelled == true)
  return sound and math.ceil(sketch.per_repeat / sketch.block) * #sketch.repeats * #sketch.models
    * (#sketch.attacks + 1) <= MOST_PIECES
end

local function entries_of(names)
  local entries = {}
  for i, name in ipairs(names) do entries[i] = { name = name } end
  return entries
end

function whole.plan_of(sketch)
  local plan = {}
  for name, value in pairs(sketch) do plan[name] = value end
  plan.models, plan.attacks = entries_of(sketch.models), entries_of(sketch.attacks)
  return plan
end

return whole
