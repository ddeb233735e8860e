-- The run of an evaluation: its plan cut into pieces, done one after the other, kept in a checkpoint folder
-- where there is one, and put together again.
--
-- The order is repeat, block, model, attack: after the first block of a repeat every kind of piece has been
-- timed, and the time that is left is known as well as it can be.

local blame = require "perigee.blame"
local cells = require "perigee.evaluate.cells"
local ensemble = require "perigee.ensemble"
local checkpoint = require "perigee.evaluate.checkpoint"
local native = require "perigee.native"
local piece = require "perigee.evaluate.piece"
local security = require "perigee.evaluate.security"
local settings = require "perigee.evaluate.settings"
local kinds = require "perigee.kinds"
local measures = require "perigee.evaluate.measures"

local sweep = {}

local WHERE = "evaluate.security"

-- ---- Models and samples of a repeat --------------------------------------------------------------

-- A copy that rejects as wanted on samples that are not attacked.
local function with_threshold(plan, name, model)
  if not plan.validation or not model.rejects then return model end
  if type(model) == "table" then
    blame.fail("%s: validation: %s is written in Lua and has no threshold to set; reject.new around it has",
      WHERE, name)
  end
  local copy = native.fitted_copy(model)
  copy.threshold = copy:threshold_for(plan.rejection_rate, plan.validation)
  return copy
end

local function built(plan, entry, r)
  local model = entry.model
  if type(model) == "function" then
    model = model(r)
    if not kinds.is_fitted(model) then
      blame.fail("%s: models: %s: expected its function to give a fitted model for repeat %d, got %s", WHERE,
        entry.name, r, native.describe(model))
    end
  end
  return with_threshold(plan, entry.name, model)
end

-- The positions of a repeat's samples.
local function drawn(plan, seed)
  local n = #plan.data
  if not plan.samples then
    local all = {}
    for i = 1, n do all[i] = i end
    return all
  end
  local order = array.randperm(n, { seed = seed }):totable()
  return table.move(order, 1, plan.samples, 1, {})
end

-- ---- The pieces ----------------------------------------------------------------------------------

-- All of them, in order; noise is one more attack.
local function pieces_of(plan)
  local list = {}
  for _, r in ipairs(plan.repeats) do
    local at = drawn(plan, plan.seed + r)
    for first = 1, #at, plan.block do
      local part = table.move(at, first, math.min(first + plan.block - 1, #at), 1, {})
      for m, model in ipairs(plan.models) do
        for a, attack in ipairs(plan.attacks) do
          list[#list + 1] = { r = r, model = model, attack = attack, at = part,
            name = ("repeat %d, model %d, attack %d, samples from %d"):format(r, m, a, first) }
        end
        if plan.noise then
          list[#list + 1] = { r = r, model = model, noise = true, at = part,
            name = ("repeat %d, model %d, noise, samples from %d"):format(r, m, first) }
        end
      end
    end
  end
  return list
end

local function attack_name(one)
  return one.noise and cells.NOISE or one.attack.name
end

-- Pieces of one kind take about as long.
local function kind_of(one)
  return ("%s\0%s\0%s"):format(one.model.name, one.noise, attack_name(one))
end

-- ---- Running them --------------------------------------------------------------------------------

-- A finished piece of the same repeat and model, or nil.
local function finished_like(run, one)
  for _, other in ipairs(run.pieces) do
    if other.rows and other.r == one.r and other.model == one.model then return other end
  end
end

-- What has no checksum (a model in Lua, one that is built) is known by its scores in a finished piece.
local function check_model(run, one, model)
  local finished = not run.has_checksum[one.model] and finished_like(run, one)
  if not finished then return end
  local scores = piece.start_scores {
    model = model, samples = run.plan.data:take(finished.at), norm = run.plan.norm, takes = {},
  }
  if native.checksum(scores) ~= native.checksum(finished.rows.start_scores) then
    blame.fail("%s: checkpoint: %s is another evaluation's: the scores of %s are not those of the finished "
      .. "pieces: it is another model, or one that answers otherwise at each call", WHERE,
      run.plan.checkpoint, one.model.name)
  end
end

-- The model of a repeat, built when the first of its pieces is run and kept until the next repeat.
local function model_of(run, one)
  if run.r ~= one.r then run.r, run.built, run.attackers = one.r, {}, {} end
  local name = one.model.name
  if not run.built[name] then
    local model = built(run.plan, one.model, one.r)
    check_model(run, one, model)
    run.built[name] = model
  end
  return run.built[name]
end

-- Is one run without a bound enough? In an ensemble the later attacks would have nothing left to look at.
local function is_minimal(attacker)
  return attacker.minimal == true and kinds.of(attacker) ~= "ensemble"
end

-- One attack object a model, so that the points of a double start are scored once.
local function attacker_of(run, one, model)
  local key = kind_of(one)
  if run.attackers[key] then return run.attackers[key] end
  local attacker
  if one.noise then
    local first = run.plan.attacks[1].attack
    attacker = attack.noise { model = model, norm = run.plan.norm, lower = first.lower, upper = first.upper }
  else
    attacker = one.attack.attack
    if ensemble.is_attack(attacker) then attacker = attacker:with { model = model } end
    -- the first point that evades need not be the nearest
    if is_minimal(attacker) and settings.takes(attacker).early_stop then attacker.early_stop = false end
  end
  run.attackers[key] = attacker
  return attacker
end

local function is_warm(plan, one, takes)
  if one.noise or not takes.start then return false end
  if plan.warm == nil then return one.attack.attack.name ~= "pgd_exp" end
  return plan.warm
end

local function job_of(run, one)
  local plan, model = run.plan, model_of(run, one)
  local attacker = attacker_of(run, one, model)
  local takes = settings.takes(attacker)
  return {
    model = model, attacker = attacker, name = attack_name(one), takes = takes, norm = plan.norm,
    samples = plan.data:take(one.at), at = one.at, dmax = plan.dmax, seed = plan.seed + one.r,
    warm = is_warm(plan, one, takes), noise = one.noise,
    minimal = not one.noise and is_minimal(attacker),
  }
end

-- The seconds that the pieces which are left will take, those of a kind that was not seen yet as the others.
local function seconds_left(run)
  local spent, done, left = 0, 0, 0
  for _, cost in pairs(run.cost) do spent, done = spent + cost.seconds, done + cost.count end
  for kind, count in pairs(run.left) do
    local cost = run.cost[kind]
    left = left + count * (cost and cost.seconds / cost.count or spent / math.max(done, 1))
  end
  return left, spent
end

local function note(run, one, seconds)
  local kind = kind_of(one)
  local cost = run.cost[kind] or { seconds = 0, count = 0 }
  cost.seconds, cost.count = cost.seconds + seconds, cost.count + 1
  run.cost[kind], run.left[kind], run.done = cost, run.left[kind] - 1, run.done + 1
  local left, spent = seconds_left(run)
  native.progress_at(run.progress, left + spent > 0 and spent / (spent + left) or 1,
    ("%d of %d pieces: %s, %s"):format(run.done, run.total, one.model.name, attack_name(one)))
end

-- Was it Ctrl-C? The request is answered by asking.
local function stopped()
  return perigee.interrupted("stopped; the evaluation keeps the pieces that were finished")
end

-- Do a piece; nil if it was interrupted: half a piece says nothing.
local function done(run, one)
  local before = perigee.clock()
  local there = run.folder and run.folder:read(one.name) -- another program may have been here
  if there then
    note(run, one, perigee.clock() - before)
    return there
  end
  local ok, rows = pcall(function() return piece.run(job_of(run, one)) end)
  if stopped() then return nil end
  if not ok then error(rows, 0) end
  if run.folder then
    local written, reason = pcall(run.folder.write, run.folder, one.name, rows)
    if stopped() then return nil end
    if not written then error(reason, 0) end
  end
  note(run, one, perigee.clock() - before)
  return rows
end

-- ---- Putting them together -----------------------------------------------------------------------

local function cell_key(one)
  return one.r .. "\0" .. kind_of(one)
end

-- The cells of what is finished: pieces by repeat, model and attack.
local function cells_of(plan, pieces)
  local list, by_key = {}, {}
  for _, one in ipairs(pieces) do
    if one.rows then
      local key = cell_key(one)
      if not by_key[key] then
        by_key[key] = { model = one.model.name, attack = attack_name(one), noise = one.noise or false,
          seed = plan.seed + one.r, parts = {} }
        list[#list + 1] = by_key[key]
      end
      table.insert(by_key[key].parts, one.rows)
    end
  end
  for _, cell in ipairs(list) do cell.rows, cell.parts = piece.join(cell.parts), nil end
  return list
end

local function names_of(list)
  local names = {}
  for i, entry in ipairs(list) do names[i] = entry.name end
  return names
end

-- thresholds[name][seed] of the models that reject, and which versions of the program have been at work.
local function record_of(run)
  local thresholds, seen, headers = {}, {}, {}
  for _, one in ipairs(run.pieces) do
    local rows, name = one.rows, one.model.name
    if rows and rows.threshold then
      thresholds[name] = thresholds[name] or {}
      thresholds[name][run.plan.seed + one.r] = rows.threshold
    end
    if rows and not seen[rows.written_by] then
      seen[rows.written_by] = true
      headers[#headers + 1] = rows.written_by
    end
  end
  return thresholds, table.concat(headers, "\n")
end

local function put_together(run, interrupted)
  local plan, seeds = run.plan, {}
  local thresholds, written_by = record_of(run)
  for i, r in ipairs(plan.repeats) do seeds[i] = plan.seed + r end
  return security.new {
    models = names_of(plan.models), attacks = names_of(plan.attacks), dmax = plan.dmax, norm = plan.norm,
    seed = plan.seed, seeds = seeds, repeats = plan.repeats, has_noise = plan.noise,
    interrupted = interrupted,
    settings = run.settings, thresholds = thresholds, written_by = written_by,
    rejection_rate = plan.validation and plan.rejection_rate or nil, cells = cells_of(plan, run.pieces),
  }
end

-- ---- The whole -----------------------------------------------------------------------------------

-- Take what the folder has; what is left to do. The first repeat's models are looked at even if nothing is.
local function resume(run)
  local left = {}
  for _, one in ipairs(run.pieces) do
    one.rows = run.folder and run.folder:read(one.name)
    if one.rows then
      run.done = run.done + 1
    else
      left[#left + 1] = one
      local kind = kind_of(one)
      run.left[kind] = (run.left[kind] or 0) + 1
    end
  end
  for _, one in ipairs(run.pieces) do
    local first = one.r == run.plan.repeats[1] and one.rows ~= nil
    if first and not run.has_checksum[one.model] then model_of(run, one) end
  end
  return left
end

--- What has been finished of the evaluation that is running, for plot.live; nil where none is.
function sweep.current()
  return sweep.running and #cells_of(sweep.running.plan, sweep.running.pieces) > 0
    and put_together(sweep.running, false) or nil
end

local function run_left(run, left)
  local progress <close> = native.progress(#left)
  run.progress = progress
  for i, one in ipairs(left) do
    one.rows = done(run, one)
    if not one.rows then return false end
    if i == 1 then measures.try(WHERE, put_together(run, false), run.plan.measures) end
  end
  return true
end

--- Run a plan: { models (a list of { name =, model = a model or a function of the repeat }), attacks (a list
--- of
--- { name =, attack = }), data, dmax, norm, seed, repeats (a list of numbers), samples, block, warm, noise,
--- validation, rejection_rate, checkpoint, measures (see measures.lua) }.
function sweep.run(plan)
  local run = { plan = plan, settings = settings.of(plan), pieces = pieces_of(plan), cost = {}, left = {},
    done = 0, has_checksum = {} }
  for _, entry in ipairs(plan.models) do run.has_checksum[entry] = settings.has_checksum(entry.model) end
  run.total = #run.pieces
  run.folder = plan.checkpoint and checkpoint.open(plan.checkpoint, run.settings)
  local left = resume(run)
  local before = sweep.running
  sweep.running = run
  local ok, whole = pcall(run_left, run, left)
  sweep.running = before
  if not ok then error(whole, 0) end
  return measures.add_safely(WHERE, put_together(run, not whole), plan.measures)
end

return sweep
