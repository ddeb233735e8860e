-- The run of an evaluation: its plan cut into pieces, done one after the other, kept in a checkpoint folder
-- where there is one, and put together again.
--
-- The order is repeat, block, model, attack: after the first block of a repeat every kind of piece has been
-- timed, and the time that is left is known as well as it can be.

local blame = require "perigee.blame"
local ensemble = require "perigee.ensemble"
local checkpoint = require "perigee.evaluate.checkpoint"
local native = require "perigee.native"
local piece = require "perigee.evaluate.piece"
local settings = require "perigee.evaluate.settings"
local kinds = require "perigee.kinds"
local measures = require "perigee.evaluate.measures"
local pieces = require "perigee.evaluate.pieces"
local whole = require "perigee.evaluate.whole"

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

-- The positions of a repeat's samples, where it does not have all of them; kept until the next repeat.
local function order_of(run, r)
  if run.ordered ~= r then
    local order = array.randperm(#run.plan.data, { seed = run.plan.seed + r })
    run.ordered, run.order = r, order:slice({ 1, run.plan.samples }):totable()
  end
  return run.order
end

-- Those of a piece.
local function places_of(run, one)
  if run.plan.samples then return table.move(order_of(run, one.r), one.first, one.last, 1, {}) end
  local at = {}
  for i = one.first, one.last do at[#at + 1] = i end
  return at
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
    model = model, samples = run.plan.data:take(places_of(run, finished)), norm = run.plan.norm, takes = {},
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
  local key = whole.kind_of(one)
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
  local plan, model, at = run.plan, model_of(run, one), places_of(run, one)
  local attacker = attacker_of(run, one, model)
  local takes = settings.takes(attacker)
  return {
    model = model, attacker = attacker, name = whole.attack_name(one), takes = takes, norm = plan.norm,
    samples = plan.data:take(at), at = at, dmax = plan.dmax, seed = plan.seed + one.r,
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
  local kind = whole.kind_of(one)
  local cost = run.cost[kind] or { seconds = 0, count = 0 }
  cost.seconds, cost.count = cost.seconds + seconds, cost.count + 1
  run.cost[kind], run.left[kind], run.done = cost, run.left[kind] - 1, run.done + 1
  local left, spent = seconds_left(run)
  native.progress_at(run.progress, left + spent > 0 and spent / (spent + left) or 1,
    ("%d of %d pieces: %s, %s"):format(run.done, run.total, one.model.name, whole.attack_name(one)))
end

-- Was it Ctrl-C? The request is answered by asking.
local function stopped()
  return perigee.interrupted("stopped; the evaluation keeps the pieces that were finished")
end

-- Do a piece; nil if it was interrupted: half a piece says nothing.
local function done(run, one)
  local before = perigee.clock()
  local there = run.folder and run.folder:read(one) -- another program may have been here
  if there then
    note(run, one, perigee.clock() - before)
    return there
  end
  local ok, rows = pcall(function() return piece.run(job_of(run, one)) end)
  if stopped() then return nil end
  if not ok then error(rows, 0) end
  if run.folder then
    local written, reason = pcall(run.folder.write, run.folder, one, rows)
    if stopped() then return nil end
    if not written then error(reason, 0) end
  end
  note(run, one, perigee.clock() - before)
  return rows
end

local function put_together(run, interrupted)
  return whole.of(run.plan, run.pieces, run.settings, interrupted)
end

-- ---- The whole -----------------------------------------------------------------------------------

-- Take what the folder has; what is left to do. The first repeat's models are looked at even if nothing is.
local function resume(run)
  local left = {}
  for _, one in ipairs(run.pieces) do
    one.rows = run.folder and run.folder:read(one)
    if one.rows then
      run.done = run.done + 1
    else
      left[#left + 1] = one
      local kind = whole.kind_of(one)
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
  local run = sweep.running
  for _, one in ipairs(run and run.pieces or {}) do
    if one.rows then return put_together(run, false) end
  end
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
--- of { name =, attack = }), data, dmax, norm, seed, repeats (a list of numbers), samples, per_repeat (the
--- number of a repeat's samples), block, warm, noise, validation, rejection_rate, checkpoint, shard (the i-th
--- of n shares of the pieces: { i, n }), measures (see measures.lua) }.
function sweep.run(plan)
  local all = pieces.of(plan)
  local run = { plan = plan, settings = settings.of(plan), pieces = pieces.share(plan, all, plan.shard),
    cost = {}, left = {}, done = 0, has_checksum = {} }
  for _, entry in ipairs(plan.models) do run.has_checksum[entry] = settings.has_checksum(entry.model) end
  run.total = #run.pieces
  run.folder = plan.checkpoint and checkpoint.open(plan, run.settings, #all)
  local left = resume(run)
  local before = sweep.running
  sweep.running = run
  local ok, finished = pcall(run_left, run, left)
  sweep.running = before
  if not ok then error(finished, 0) end
  return measures.add_safely(WHERE, put_together(run, not finished), plan.measures)
end

return sweep
