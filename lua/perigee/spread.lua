-- A run of an attack on a large set: its samples in groups (src/attack/attack.h), each of them a piece for
-- any rank of the job (farm.lua), and one result of theirs. What a sample's answer depends on is in its
-- group, so the bits are those of one process.
--
-- One attack in a process alone goes through its groups by itself. An ensemble's groups go through all of its
-- parts, here as elsewhere.

local farm = require "perigee.farm"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local worst = require "perigee.worst"

local spread = {}

local attack_type = debug.getregistry()["perigee.attack"]

local function ensembles() return require "perigee.ensemble" end -- which requires this file

local function range(first, last)
  local at = {}
  for i = first, last do at[#at + 1] = i end
  return at
end

-- The samples from first to last, with the options for them.
local function task_of(run, first, last)
  local samples = run.samples
  return {
    first = first, last = last,
    samples = kinds.is(samples, "dataset") and samples:slice(first, last) or samples:slice { first, last },
    options = ensembles().options_for(run.attack, run.options, run.n, range(first, last)),
    session = native.session_part(run.session, (first - 1) // attack_type.group),
  }
end

-- The attack for a task's samples, and the run's seeds. shared: { attack =, n = how many samples there are,
-- seeds = of an ensemble's parts }.
local function narrowed(shared, task)
  local at = range(task.first, task.last)
  return ensembles().narrowed(shared.attack, task.options, shared.n, at)
end

local function result_of(shared, task)
  local attacker = narrowed(shared, task)
  if kinds.is(attacker, "attack") then return attacker:run(task.samples, task.options) end
  return ensembles().run(attacker, task.samples, task.options, shared.seeds)
end

-- The result, and where the session's generator is then; here it stays where it is.
local function run_task(shared, task)
  local before = native.session_state(task.session)
  local ok, result = pcall(result_of, shared, task)
  local after = native.session_state(before)
  if not ok then error(result, 0) end
  return { result = result, session = after }
end

spread.farm = { open = function(shared) return shared end, run = run_task }

-- ---- The whole ------------------------------------------------------------------------------------

local function first_of(i) return (i - 1) * attack_type.group + 1 end

local function last_of(run, i) return math.min(i * attack_type.group, run.n) end

-- By its number, made where it is asked for.
local function tasks_of(run)
  return setmetatable({}, { __index = function(_, i) return task_of(run, first_of(i), last_of(run, i)) end })
end

-- Groups that an interrupt has left out are in the result as they were.
local function fill(run, results)
  local filled, i = {}, 1
  while i <= run.count do
    local from = i
    while i <= run.count and not results[i] do i = i + 1 end
    if i > from then
      filled[#filled + 1] = run.look(first_of(from), last_of(run, i - 1))
    else
      filled[#filled + 1], i = results[i], i + 1
    end
  end
  return filled
end

-- Do the groups: a list of results, with gaps where it was interrupted.
local function run_groups(run)
  local progress <close> = native.progress(run.count, "attack")
  local answers, done, tasks = {}, 0, tasks_of(run)
  farm.each("attack." .. run.attack.name, {
    module = "perigee.spread", shared = run.shared, tasks = tasks, order = range(1, run.count),
    own = function(i)
      local ok, answer = pcall(run_task, run.shared, tasks[i])
      if not ok and not perigee.interrupted() then error(answer, 0) end
      if not ok then return nil end
      answers[i] = answer -- also where it was interrupted
      return answer
    end,
    done = function(i, answer)
      answers[i], done = answer, done + 1
      native.progress_at(progress, done / run.count, ("%d of %d samples"):format(last_of(run, done), run.n))
    end,
  })
  local results = {}
  for i, answer in pairs(answers) do results[i] = answer.result end
  if answers[1] then native.session_state(answers[1].session) end
  return results
end

-- The result of a run that has been checked; nil where it is to be made at once, as where it fails, so that
-- what is said of a sample names it by its number in the set.
local function run_all(run)
  run.n, run.session = #run.samples, native.session_state()
  run.count = math.ceil(run.n / attack_type.group)
  run.shared = { attack = run.attack, n = run.n, seeds = run.seeds }
  local ok, results = pcall(run_groups, run)
  local interrupted = perigee.interrupted "stopped; the result keeps what was found so far"
  if not ok and interrupted then error(results, 0) end
  return ok and worst.joined(interrupted and fill(run, results) or results) or nil
end

--- An ensemble's. more: { seeds = those of its parts, where the options have none, look = function(positions)
--- → the result of samples that were left out }.
function spread.run(ensemble, samples, options, more)
  if not kinds.is(samples, "dataset") then samples = array.new(samples) end
  return run_all { attack = ensemble, samples = samples, options = options, seeds = more.seeds,
    look = function(first, last) return more.look(range(first, last)) end }
end

--- Say that the other ranks do not help, where a function looks on.
function spread.tell_watched(attacker)
  farm.tell_alone("attack." .. native.printable(attacker.name), "on_step is to see all samples at once")
end

-- One attack's (src/bind/bind_attack.c).
local function run_attack(attacker, samples, options, seed, watched)
  if watched then spread.tell_watched(attacker) end
  if watched or farm.ranks() == 1 then return nil end
  local run = { attack = attacker, samples = kinds.is(samples, "dataset") and samples or array.new(samples),
    options = { seed = seed } }
  for name, value in pairs(options or {}) do
    if name ~= "seed" then run.options[name] = value end
  end
  function run.look(first, last)
    local task = task_of(run, first, last)
    return attack_type.look(narrowed(run.shared, task), task.samples, task.options)
  end
  return run_all(run)
end

debug.getregistry()["perigee.spread"] = { run = run_attack }

return spread
