-- evaluate.merge: one evaluation of several. Repeats, models or attacks that were evaluated apart are joined
-- by their cells. Shards, as results or as folders of checkpoints, are taken apart into their pieces, all of
-- which must be there, so that what comes of them is what one process would have made.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local cells = require "perigee.evaluate.cells"
local checkpoint = require "perigee.evaluate.checkpoint"
local kinds = require "perigee.kinds"
local measures = require "perigee.evaluate.measures"
local piece = require "perigee.evaluate.piece"
local pieces = require "perigee.evaluate.pieces"
local printable = require("perigee.native").printable
local security = require "perigee.evaluate.security"
local whole = require "perigee.evaluate.whole"

local WHERE = "evaluate.merge"

-- ---- Cells that are joined -----------------------------------------------------------------------

-- Cells that would be there twice; samples of one that are of others' positions come together.
local function add_cell(list, cell)
  for _, other in ipairs(list) do
    local same = other.model == cell.model and other.attack == cell.attack and other.seed == cell.seed
      and other.noise == cell.noise
    if same then
      local there = {}
      for _, at in ipairs(cells.lists(other, "at")) do there[at] = true end
      for _, at in ipairs(cells.lists(cell, "at")) do
        if there[at] then
          blame.fail("evaluate.merge: %s under %s with seed %d has sample %d in two of them",
            printable(cell.model), printable(cell.attack), cell.seed, at)
        end
      end
      other.rows, other.lists = piece.join { other.rows, cell.rows }, nil
      return
    end
  end
  list[#list + 1] = security.bare(cell)
end

local function add_names(list, names)
  local seen = {}
  for _, name in ipairs(list) do seen[name] = true end
  for _, name in ipairs(names) do
    if not seen[name] then list[#list + 1] = name end
  end
end

local joined = { seed = true, repeats = true, models = true, attacks = true }

-- Settings of what has been merged so far, by name; what all parts share must be the same.
local function add_settings(known, list, one, k)
  for _, setting in ipairs(one.settings) do
    local what, is = setting[1], setting[2]
    if known[what] and known[what] ~= is and not joined[what] then
      blame.fail("evaluate.merge: number %d: %s is %s there and %s in those before it", k, printable(what),
        printable(is), printable(known[what]))
    end
    if not known[what] then list[#list + 1] = { what, is } end
    known[what] = known[what] or is
  end
end

-- What joins the parts is that of them together.
local function settle(merged)
  local repeats, words = {}, {}
  add_names(repeats, merged.repeats)
  for i, r in ipairs(repeats) do words[i] = tostring(r) end
  merged.repeats = repeats
  local now = { models = table.concat(merged.models, ", "), attacks = table.concat(merged.attacks, ", "),
    repeats = table.concat(words, ", ") }
  for _, setting in ipairs(merged.settings) do setting[2] = now[setting[1]] or setting[2] end
end

local function add_part(merged, one)
  add_names(merged.models, one.models)
  add_names(merged.attacks, one.attacks)
  add_names(merged.seeds, one.seeds)
  table.move(one.repeats, 1, #one.repeats, #merged.repeats + 1, merged.repeats)
  for name, by_seed in pairs(one.thresholds) do
    merged.thresholds[name] = merged.thresholds[name] or {}
    for seed, threshold in pairs(by_seed) do merged.thresholds[name][seed] = threshold end
  end
  if not merged.written_by:find(one.written_by, 1, true) then
    merged.written_by = merged.written_by .. "\n" .. one.written_by
  end
  merged.interrupted = merged.interrupted or one.interrupted
  merged.has_noise = merged.has_noise or one.has_noise
  for _, cell in ipairs(one.cells) do add_cell(merged.cells, cell) end
end

-- Other repeats, models or attacks on the same data at the same radii.
local function join(list)
  local merged, known = security.plain(list[1]), {}
  for _, name in ipairs { "cells", "models", "attacks", "seeds", "repeats", "thresholds", "settings" } do
    merged[name] = {}
  end
  merged.attack, merged.dmax = nil, arguments.kept(merged.dmax)
  for k, one in ipairs(list) do
    add_settings(known, merged.settings, one, k)
    add_part(merged, one)
  end
  measures.merge(merged, list)
  settle(merged)
  return security.new(merged)
end

-- ---- Shards --------------------------------------------------------------------------------------

-- Rows first to last of a cell's. Seconds are known of all of them together only; `seconds` says them.
local function slice(rows, first, last, seconds)
  local part = { seconds = seconds, threshold = rows.threshold, written_by = rows.written_by }
  for name, value in pairs(rows) do
    if kinds.is(value, "array") then part[name] = value:slice { first, last } end
  end
  return part
end

-- What a folder would say of the evaluation that this is a shard of.
local function sketch_of(one)
  return { models = one.models, attacks = one.attacks, dmax = one.dmax, norm = one.norm, seed = one.seed,
    repeats = one.repeats, noise = one.has_noise, rejection_rate = one.rejection_rate,
    per_repeat = one.shard.samples, block = one.shard.block, unlabelled = one.unlabelled }
end

-- Its rows by repeat, model and attack.
local function rows_by_key(one)
  local by_key = {}
  for _, cell in ipairs(one.cells) do
    local key = whole.cell_key { r = cell.seed - one.seed, model = { name = cell.model },
      attack = { name = cell.attack }, noise = cell.noise or nil }
    by_key[key] = cell.rows
  end
  return by_key
end

-- Its rows by the numbers of its pieces, whose list is of all pieces; nil where there are fewer of them.
local function rows_of(one, list)
  local by_key, place, found = rows_by_key(one), {}, {}
  for _, number in ipairs(one.shard.done) do
    local asked = list[number]
    local key = asked and whole.cell_key(asked)
    local rows, first = by_key[key], place[key] or 1
    local last = asked and first + asked.last - asked.first
    if not rows or last > #rows.at then return nil end
    found[number], place[key] = slice(rows, first, last, first == 1 and rows.seconds or 0), last + 1
  end
  return found
end

-- What pieces are taken from: { settings, plan, rows_of(piece) }.
local function source_of_shard(one, k)
  local shard, sketch = one.shard, sketch_of(one)
  local sound = whole.is_sound(sketch) and type(shard.done) == "table" and math.type(shard[2]) == "integer"
    and shard[2] >= 1
  local plan = sound and whole.plan_of(sketch)
  local rows = plan and rows_of(one, pieces.of(plan))
  if not rows then blame.fail("%s: number %d: what it says of the shard is damaged", WHERE, k) end
  return { settings = one.settings, plan = plan, shards = shard[2],
    rows_of = function(asked) return rows[asked.number] end }
end

local function source_of_folder(folder, k)
  local found, reason = checkpoint.look(folder)
  if not found then blame.fail("%s: number %d: %s: %s", WHERE, k, printable(folder), reason) end
  local plan = whole.plan_of(found.plan)
  local kept = checkpoint.of(folder, found.settings, #pieces.of(plan))
  return { settings = found.settings, plan = plan, rows_of = function(asked)
    return kept:read(asked, function(rows) return piece.fits(rows, asked.last - asked.first + 1) end)
  end }
end

-- All of them must be of one evaluation.
local function check_same(first, source, k)
  local what, was, is = checkpoint.difference(first.settings, source.settings)
  if what then
    blame.fail("%s: number %d is of another evaluation than those before it: its %s is %s, not %s", WHERE, k,
      printable(what), printable(is), printable(was))
  end
  first.shards = first.shards or source.shards
end

-- Models and attacks of a repeat have the same samples in each of its blocks, and no sample is in two.
local function check_samples(all)
  local of_block, block_of = {}, {}
  for _, one in ipairs(all) do
    local block, at = ("repeat %d, samples from %d"):format(one.r, one.first), one.rows.at:totable()
    local words = table.concat(at, " ")
    for _, position in ipairs(of_block[block] and {} or at) do
      local key = one.r .. " " .. position
      if block_of[key] then
        blame.fail("%s: the pieces of %s have sample %d of those of %s", WHERE, block, position,
          block_of[key])
      end
      block_of[key] = block
    end
    of_block[block] = of_block[block] or words
    if of_block[block] ~= words then
      blame.fail("%s: %s has other samples than the pieces of the same block before it", WHERE, one.name)
    end
  end
end

-- One evaluation of shards and folders; list: { number in what was given, the folder or evaluation }.
local function gather(list)
  local sources = {}
  for i, entry in ipairs(list) do
    local k, one = entry[1], entry[2]
    sources[i] = type(one) == "string" and source_of_folder(one, k) or source_of_shard(one, k)
    check_same(sources[1], sources[i], k)
  end
  local plan = sources[1].plan
  local all = pieces.of(plan)
  for _, asked in ipairs(all) do
    for _, source in ipairs(sources) do
      asked.rows = asked.rows or source.rows_of(asked)
    end
  end
  local missing = pieces.missing(plan, all, sources[1].shards)
  if missing then blame.fail("%s: %s", WHERE, missing) end
  check_samples(all)
  return whole.of(plan, all, sources[1].settings, false)
end

-- ---- The whole -----------------------------------------------------------------------------------

--- Parts of one evaluation as one: other repeats, models or attacks on the same data at the same radii, and
--- shards, or the folders of checkpoints.
return function(list)
  if type(list) == "string" or security.is(list) and list.shard then list = { list } end
  if type(list) ~= "table" or security.is(list) or #list == 0 then
    arguments.expected(WHERE, "evaluations", "a list of what evaluate.security gave, or of folders", list)
  end
  local shards, others = {}, {}
  for k = 1, arguments.count(list) do
    local one = list[k]
    if type(one) ~= "string" and not security.is(one) then
      arguments.expected(WHERE, ("number %d"):format(k), "what evaluate.security gave", one)
    end
    if type(one) == "string" or one.shard then
      shards[#shards + 1] = { k, one }
    else
      others[#others + 1] = one
    end
  end
  if #shards == 0 then return join(others) end
  local gathered = gather(shards)
  return #others == 0 and gathered or join { gathered, table.unpack(others) }
end
