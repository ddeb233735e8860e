-- Pieces of work for all ranks of a job that MPI has started (src/mpi/farm.h): rank 0 runs the script and
-- hands pieces out while it works on its own. In a process alone all of them are done here, in order.
--
-- A piece is done by a module of the program's that has a table `farm`:
--
--     farm = { open = function(shared) → state, run = function(state, task) → answer }
--
-- open is called once a rank with what all pieces have in common; run must depend on that and on the task
-- alone, so that it does not matter where a piece is done, nor when. Tasks, answers and what is shared
-- travel as parcel.lua says; arrays, datasets and models that are shared go to each rank once and are known
-- there by their checksums, also for later maps.

local blame = require "perigee.blame"
local definitions = require "perigee.definitions"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local own = require "perigee.own"
local parcel = require "perigee.parcel"
local text = require "perigee.text"

local farm = {}

local queue = native.farm
local own_rank, ranks = queue.ranks()

local MOST_KEPT = 4e9 -- bytes of shared objects that other ranks keep for later maps
local busy = own_rank > 0 -- pieces within pieces are done where they are

--- How many ranks there are for pieces: 1 in a process alone, and within a piece.
function farm.ranks() return busy and 1 or ranks end

--- Which of them this is, from 0.
function farm.rank() return own_rank end

-- ---- Sharing, on rank 0 --------------------------------------------------------------------------

local sent = { bytes = 0 } -- by checksum: { bytes =, used = the number of the map that used it last }
local maps, defined = 0, 0

local MOST_WORDS = 4096

-- Bytes that are few are sent with the words.
local function send(bytes, message, ...)
  local words = string.pack(message, ...)
  if #bytes <= MOST_WORDS then return queue.share(words .. bytes) end
  queue.share(words, bytes)
end

-- The name of an object that the others have now.
local function name_of(object)
  local sum = kinds.of(object) and native.quick_sum(object)
  if not sum then return nil end
  local known = sent[sum]
  if not known then
    local kind, bytes = native.pack(object)
    send(bytes, "<c1s4s4", "o", sum, kind)
    known = { bytes = #bytes }
    sent[sum], sent.bytes = known, sent.bytes + #bytes
  end
  known.used = maps
  return sum
end

-- The same of one that they have already: what only one of them needs goes to it alone.
local function known_name_of(object)
  local sum = kinds.of(object) and native.quick_sum(object)
  return sum and sent[sum] and sum or nil
end

-- Let the others forget what has not been used for longest, where they have too much.
local function drop_some()
  while sent.bytes > MOST_KEPT do
    local oldest
    for sum, known in pairs(sent) do
      if sum ~= "bytes" and known.used < maps and (not oldest or known.used < sent[oldest].used) then
        oldest = sum
      end
    end
    if not oldest then return end
    sent.bytes = sent.bytes - sent[oldest].bytes
    sent[oldest] = nil
    send("", "<c1s4", "x", oldest)
  end
end

-- What the user has defined since the last time.
local function send_definitions()
  for i = defined + 1, definitions.count do
    local _, said = definitions.get(i)
    if said then
      local bytes, reason = parcel.bytes(said)
      if not bytes then return nil, ("%s.%s: %s"):format(said.library, said.name, reason) end
      send(bytes, "<c1I4", "d", i)
    end
    defined = i
  end
  return true
end

-- Bytes that C has, which travel as they are: { name, pointer, size }.
local function send_raw(raw)
  local known = sent[raw.name]
  if not known then
    queue.share(string.pack("<c1s4s4", "o", raw.name, "raw"), raw.pointer, raw.size)
    known = { bytes = raw.size }
    sent[raw.name], sent.bytes = known, sent.bytes + raw.size
  end
  known.used = maps
end

-- To all ranks what they need for the map. Nil and why not, where something of it cannot travel.
local function share(module, shared, raw)
  maps = maps + 1
  local fine, why = send_definitions()
  if not fine then return nil, why end
  local said = { module = module, shared = shared, raw = raw and raw.name }
  local bytes, reason = parcel.bytes(said, name_of)
  if not bytes then return nil, (reason:gsub("^shared%.", "")) end
  if raw then send_raw(raw) end
  drop_some()
  send(bytes, "<c1", "m")
  return true
end

-- ---- The other ranks -----------------------------------------------------------------------------

local objects, map = {}, {}
local made = {} -- by rank 0's definitions, by their numbers

local receivers = {}

function receivers.o(words, rest, lender)
  local sum, kind, at = string.unpack("<s4s4", words, 2)
  objects[sum] = { kind = kind, packed = kind ~= "raw" and lender or rest(at) }
end

function receivers.x(words) objects[string.unpack("<s4", words, 2)] = nil end

function receivers.d(words, rest)
  local number, at = string.unpack("<I4", words, 2)
  local one = parcel.value(rest(at), nil, made)
  made[number] = own[one.library][one.name](one.definition)
end

function receivers.m(_, rest) map = { bytes = rest(2), problem = map.problem } end

-- Made where it is first needed, so that what fails there is an answer.
local function object_of(sum)
  local known = objects[sum]
  if known.object == nil then known.object, known.packed = native.unpack(known.kind, known.packed), nil end
  return known.object
end

local function open()
  local opened = parcel.value(map.bytes, object_of, made)
  map.work = require(opened.module).farm
  map.state = map.work.open(opened.shared, opened.raw and objects[opened.raw].packed)
  map.bytes = nil
end

-- What fails here is tried again, and answered, with the first task.
function receivers.w() pcall(open) end

local function work(bytes)
  if map.problem then error(map.problem, 0) end
  if map.bytes then open() end
  local answer, reason = parcel.bytes(map.work.run(map.state, parcel.value(bytes, object_of, made)))
  return answer or error("its answer cannot travel: " .. reason, 0)
end

debug.getregistry()["perigee.farm"] = {
  receive = function(words, place)
    local lender = place and native.take_lender(place)
    local function rest(at) return lender and native.lent(lender) or words:sub(at) end
    local ok, problem = pcall(receivers[words:sub(1, 1)], words, rest, lender)
    if not ok then map.problem = problem end
  end,
  work = function(bytes)
    local ok, answer = pcall(work, bytes)
    if ok then return answer end
    error(type(answer) == "string" and answer or text.of(answer), 0)
  end,
}

-- ---- Rank 0 --------------------------------------------------------------------------------------

local function in_order(job)
  if job.order then return job.order end
  local order = {}
  for i = 1, #job.tasks do order[i] = i end
  return order
end

-- Do all of them here.
local function in_place(job)
  local module = require(job.module).farm
  local state = not job.own and module.open(job.shared)
  for _, i in ipairs(job.order or in_order(job)) do
    local answer
    if job.own then answer = job.own(i) else answer = module.run(state, job.tasks[i]) end
    if answer == nil or perigee.interrupted() then return false end
    job.done(i, answer)
  end
  return true
end

-- Take what others have answered. Whatever failed is kept by the least of its tasks: the one that one
-- process alone would have failed at.
local function collect(run)
  local task, failed, bytes = queue.answer()
  while task do
    local i = run.order[task]
    if not failed then
      run.job.done(i, parcel.value(bytes))
    elseif not run.stopped and (not run.failed or i < run.failed) then
      run.failed, run.reason = i, bytes
    end
    task, failed, bytes = queue.answer()
  end
  if (run.failed or perigee.interrupted()) and not run.stopped then
    run.stopped = true
    queue.stop()
  end
end

local function work_on_own(run)
  local job = run.job
  local module = require(job.module).farm
  local state = not job.own and module.open(job.shared)
  local task = queue.take()
  while task do
    local i = run.order[task]
    local answer
    if job.own then answer = job.own(i) else answer = module.run(state, job.tasks[i]) end
    if answer == nil or perigee.interrupted() then break end
    job.done(i, answer)
    collect(run)
    task = queue.take()
  end
end

local function hand_out(run)
  local job = run.job
  queue.begin(#run.order, job.short and 2 or 1)
  for _, i in ipairs(run.order) do
    local bytes, reason = parcel.bytes(job.tasks[i], known_name_of)
    if not bytes then error("a task cannot travel: " .. reason, 0) end
    queue.lay(bytes)
  end
  queue.open()
  work_on_own(run)
  repeat
    collect(run)
    local left = queue.outstanding()
    if left > 0 then queue.wait() end
  until left == 0
  collect(run)
end

-- ---- In step ---------------------------------------------------------------------------------------

local told = {}

local function tell_once(where, reason)
  if told[where .. reason] then return end
  told[where .. reason] = true
  io.stderr:write(native.printable(("%s: the other ranks do not help: %s"):format(where, reason)), "\n")
end

--- Say once that there is no help, where there are others.
function farm.tell_alone(where, reason)
  if farm.ranks() > 1 then tell_once(where, reason) end
end

--- Each of the other ranks gets one task of that module, which waits there for what rank 0 does in step with
--- it (src/mpi/crew.h): { module =, shared = }. False: there are no others, or it cannot travel. Until they
--- are released all other pieces are done here.
function farm.summon(where, job)
  if farm.ranks() == 1 then return false end
  local shared, reason = share(job.module, job.shared)
  if not shared then
    tell_once(where, reason)
    return false
  end
  busy = true
  local ok, problem = pcall(function()
    queue.begin(ranks - 1)
    for _ = 1, ranks - 1 do queue.lay(parcel.bytes({})) end
    queue.open()
  end)
  if ok then return true end
  busy = false
  queue.close()
  error(problem, 0)
end

--- Wait until all of these have ended, and say why some have not done it.
function farm.release(where)
  while queue.outstanding() > 0 do queue.wait() end
  local task, failed, bytes = queue.answer()
  while task do
    if failed then tell_once(where, bytes) end
    task, failed, bytes = queue.answer()
  end
  queue.close()
  busy = false
end

--- Let the others open what the next map is of while rank 0 does something else: { module, shared, raw }. The
--- number of that map, for `ahead`; nil where there is no help.
function farm.prepare(job)
  if farm.ranks() == 1 or not share(job.module, job.shared, job.raw) then return nil end
  queue.share "w"
  return maps
end

--- Do pieces: { module = the name of the module whose `farm` does them, shared = what they have in common,
--- tasks = a list, order = numbers of tasks (all, in order) as they are to be begun, done = function(i,
--- answer), called here for each as it comes, own = function(i) → answer (farm.run), what rank 0 does for its
--- own pieces; nil is an interrupt; short = true where a piece takes milliseconds: each rank has a second one
--- waiting; raw = { name, pointer, size }, bytes of C's for farm.open on the others beside what is shared;
--- ahead = the number of the map that was prepared for this }. False: it was interrupted before all were
--- done.
function farm.each(where, job)
  local run = { job = job, order = in_order(job) }
  if farm.ranks() == 1 or #run.order < 2 then return in_place(job) end
  if job.ahead ~= maps then
    local shared, reason = share(job.module, job.shared, job.raw)
    if not shared then
      tell_once(where, reason)
      return in_place(job)
    end
  end
  busy = true
  local ok, problem = pcall(hand_out, run)
  busy = false
  queue.close()
  if not ok then error(problem, 0) end
  if run.failed then blame.fail("%s", run.reason) end
  return not perigee.interrupted()
end

--- The same with the answers in a list, in the order of tasks: farm.map(where, { module =, shared =, tasks =
--- }) → answers, or nil where it was interrupted.
function farm.map(where, job)
  local answers = {}
  local whole = farm.each(where, {
    module = job.module, shared = job.shared, tasks = job.tasks, order = job.order,
    done = function(i, answer) answers[i] = answer end,
  })
  return whole and answers or nil
end

return farm
