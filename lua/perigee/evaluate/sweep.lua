-- The run of an evaluation: its plan cut into pieces, done one after the other, kept in a checkpoint folder
-- where there is one, and put together again.
--
-- The order is repeat, block, model, attack: after the first block of a repeat every kind of piece has been
-- timed, and the time that is left is known as well as it can be. Where there are other ranks (farm.lua),
-- they do pieces too, the longest first.

local blame = require "perigee.blame"
local ensemble = require "perigee.ensemble"
local checkpoint = require "perigee.evaluate.checkpoint"
local farm = require "perigee.farm"
local native = require "perigee.native"
local piece = require "perigee.evaluate.piece"
local settings = require "perigee.evaluate.settings"
local kinds = require "perigee.kinds"
local measures = require "perigee.evaluate.measures"
local pieces = require "perigee.evaluate.pieces"
local whole = require "perigee.evaluate.whole"

local sweep = {}

local WHERE = "evaluate.security"

local attack_type = debug.getregistry()["perigee.attack"]

-- ---- Models and samples of a repeat --------------------------------------------------------------

-- A copy that rejects as wanted on samples that are not attacked; by the threshold, if it is known already.
local function with_threshold(plan, name, model, threshold)
  if not plan.validation or not model.rejects then return model end
  if type(model) == "table" then
    blame.fail("%s: validation: %s is written in Lua and has no threshold to set; reject.new around it has",
      WHERE, name)
  end
  threshold = threshold or model:threshold_for(plan.rejection_rate, plan.validation)
  return model:with { [kinds.threshold_option(model)] = threshold }
end

local function built(plan, entry, r, threshold)
  local model = entry.model
  if type(model) == "function" then
    model = blame.users(model, r)
    if not kinds.is_fitted(model) then
      blame.fail("%s: models: %s: expected its function to give a fitted model for repeat %d, got %s", WHERE,
        entry.name, r, native.describe(model))
    end
  end
  return with_threshold(plan, entry.name, model, threshold)
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

-- One that a function gives: what it made elsewhere, if that was asked for. One that stays the same keeps its
-- threshold.
local function built_once(run, entry, r)
  local model = run.made[r .. "\0" .. entry.name] or built(run.plan, entry, r, run.thresholds[entry.name])
  if run.plan.validation and type(entry.model) ~= "function" and model.rejects then
    run.thresholds[entry.name] = kinds.threshold(model)
  end
  return model
end

-- The model of a repeat, built when the first of its pieces is run and kept until the next repeat.
local function model_of(run, one)
  if run.r ~= one.r then run.r, run.built, run.attackers = one.r, {}, {} end
  local name = one.model.name
  if not run.built[name] then
    local model = built_once(run, one.model, one.r)
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
    if run.starts[key] then attack_type.know_starts(attacker, run.starts[key]) end
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

-- Keep a piece that is done; false if that was interrupted.
local function kept(run, one, rows, seconds)
  if run.folder then
    local written, reason = pcall(run.folder.write, run.folder, one, rows)
    if stopped() then return false end
    if not written then error(reason, 0) end
  end
  note(run, one, seconds)
  return true
end

-- The rows of a piece that the folder has, or nil.
local function read(run, one)
  return run.folder and run.folder:read(one, function(rows)
    local at = places_of(run, one)
    return piece.fits(rows, #at, at)
  end)
end

-- Do a piece; nil if it was interrupted: half a piece says nothing. The second says whether another program
-- had done it.
local function done(run, one)
  local there = read(run, one)
  if there then return there, true end
  local ok, rows = pcall(function() return piece.run(job_of(run, one)) end)
  if stopped() then return nil end
  if not ok then error(rows, 0) end
  return rows
end

local function put_together(run, interrupted)
  return whole.of(run.plan, run.pieces, run.settings, interrupted)
end

-- ---- What is left --------------------------------------------------------------------------------

-- Take what the folder has; what is left to do. The first repeat's models are looked at even if nothing is.
local function resume(run)
  local left = {}
  for _, one in ipairs(run.pieces) do
    one.rows = read(run, one)
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

-- A piece's rows are there.
local function take_over(run, one, rows, seconds, was_there)
  if was_there then note(run, one, seconds) elseif not kept(run, one, rows, seconds) then return end
  local first = not run.has_first
  run.has_first, one.rows = true, rows
  if first then measures.try(WHERE, put_together(run, false), run.plan.measures) end
end

-- ---- On other ranks ------------------------------------------------------------------------------

-- What a piece takes by the look of it, to begin the longest first: about as a small net (1), SVMs on one of
-- its layers (6) and a DNR on three (20) compare; what is written or built in Lua may be any of these.
local function weight(one)
  local model = one.model.model
  local parts = not one.noise and kinds.of(one.attack.attack) == "ensemble" and 2 + #one.attack.attack or 1
  local heavy = type(model) ~= "userdata" and 8 or kinds.is(model, "dnr") and 20
    or kinds.has_kernels(model) and 6 or 1
  return (one.last - one.first + 1) * parts * heavy * (one.noise and 0.1 or 1)
end

-- The pieces that are left by their numbers: repeat by repeat, the longest first.
local function longest_first(left)
  local order, weights = {}, {}
  for i, one in ipairs(left) do order[i], weights[i] = i, weight(one) end
  table.sort(order, function(a, b)
    if left[a].r ~= left[b].r then return left[a].r < left[b].r end
    if weights[a] ~= weights[b] then return weights[a] > weights[b] end
    return a < b
  end)
  return order
end

-- What all ranks know of the evaluation.
local function shared_of(run)
  local plan = {}
  for name, value in pairs(run.plan) do plan[name] = value end
  plan.checkpoint, plan.measures, plan.shard = nil, nil, nil
  return { plan = plan, made = run.made, thresholds = run.thresholds, starts = run.starts }
end

-- The points of its attack's double start, if it has one.
local function start_points(one)
  local attacker = not one.noise and one.attack.attack
  return kinds.is(attacker, "attack") and settings.takes(attacker).start_from and attacker:get "start_from"
end

-- What each rank would ask of the models that stay the same, before all pieces: thresholds, and the scores of
-- double starts' points. Those of many samples are shared (scoring.lua), by the models as they were given: a
-- threshold is the last column. What is wrong with them is told by the pieces that come to it. False where it
-- was interrupted.
local function look_ahead(run, left)
  local seen = {}
  local function look(one)
    local model, given, points = model_of(run, one), one.model.model, start_points(one)
    if not points then return end
    local scores = given:scores(points)
    if model.rejects then scores:slice(nil, scores.shape[2]):fill(kinds.threshold(model)) end
    run.starts[whole.kind_of(one)] = scores
  end
  for _, one in ipairs(left) do
    local kind = whole.kind_of(one)
    if run.has_checksum[one.model] and not seen[kind] then pcall(look, one) end
    seen[kind] = true
    if stopped() then return false end
  end
  return true
end

-- The models that functions give for the repeats that are left, each built by some rank.
local function build_models(run, left)
  local tasks, seen = {}, {}
  for _, one in ipairs(left) do
    local key = one.r .. "\0" .. one.model.name
    if type(one.model.model) == "function" and not seen[key] then
      seen[key] = true
      tasks[#tasks + 1] = { build = one.model.name, r = one.r, one = one }
    end
  end
  if #tasks < 2 then return true end
  local plain = {}
  for i, task in ipairs(tasks) do plain[i] = { build = task.build, r = task.r } end
  return farm.each(WHERE, {
    module = "perigee.evaluate.sweep", shared = shared_of(run), tasks = plain,
    done = function(i, model)
      check_model(run, tasks[i].one, model)
      run.made[tasks[i].r .. "\0" .. tasks[i].build] = model
    end,
  })
end

local function entry_named(plan, name)
  for _, entry in ipairs(plan.models) do
    if entry.name == name then return entry end
  end
end

sweep.farm = {
  open = function(shared)
    local run = { plan = shared.plan, pieces = {}, by_name = {}, made = shared.made, has_checksum = {},
      thresholds = shared.thresholds, starts = shared.starts }
    for _, one in ipairs(pieces.of(run.plan)) do run.by_name[one.name] = one end
    for _, entry in ipairs(run.plan.models) do run.has_checksum[entry] = true end -- rank 0 has looked
    return run
  end,
  run = function(run, task)
    if type(task) == "table" then return built(run.plan, entry_named(run.plan, task.build), task.r) end
    return piece.run(job_of(run, run.by_name[task]))
  end,
}

-- ---- The whole -----------------------------------------------------------------------------------

local function run_left(run, left)
  local progress <close> = native.progress(#left)
  run.progress = progress
  local tasks = {}
  for i, one in ipairs(left) do tasks[i] = one.name end
  local others = farm.ranks() > 1
  if others and not (look_ahead(run, left) and build_models(run, left)) then return false end
  local before, was_there = perigee.clock(), false
  return farm.each(WHERE, {
    module = "perigee.evaluate.sweep", shared = others and shared_of(run), tasks = tasks,
    order = others and longest_first(left) or nil,
    own = function(i)
      local rows
      before = perigee.clock()
      rows, was_there = done(run, left[i])
      return rows and { own = rows }
    end,
    done = function(i, rows)
      if rows.own then return take_over(run, left[i], rows.own, perigee.clock() - before, was_there) end
      take_over(run, left[i], rows, rows.seconds, false)
    end,
  })
end

--- Run a plan: { models (a list of { name =, model = a model or a function of the repeat }), attacks (a list
--- of { name =, attack = }), data, dmax, norm, seed, repeats (a list of numbers), samples, per_repeat (the
--- number of a repeat's samples), block, warm, noise, validation, rejection_rate, checkpoint, shard (the i-th
--- of n shares of the pieces: { i, n }), measures (see measures.lua) }.
function sweep.run(plan)
  local all = pieces.of(plan)
  local run = { plan = plan, settings = settings.of(plan), pieces = pieces.share(plan, all, plan.shard),
    cost = {}, left = {}, done = 0, has_checksum = {}, made = {}, thresholds = {}, starts = {} }
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
