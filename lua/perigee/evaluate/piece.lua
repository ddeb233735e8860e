-- A piece of an evaluation: a block of samples of one model under one attack, with all radii in order.
--
-- Samples that have evaded within a radius have evaded within every larger one; they, and those that were
-- wrong before, are not attacked any more. What is left is attacked from where it is, and then (`warm`) once
-- more from the point that the radius before ended at. Nothing depends on the other pieces.
--
-- A piece is a table of arrays, a row a sample: at (its position in the data, from 1), y, start (its
-- verdict's number, see piece.verdicts), start_label, start_scores (columns of the model); and with a column
-- a radius verdict, label, distance, hit (of targeted attacks), flat (a run that failed had lost its
-- gradient), scores and gradients (how many were asked for); answer (n × radii × columns: the answer's
-- scores); and seconds.

local blame = require "perigee.blame"
local ensemble = require "perigee.ensemble"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local same_model = require "perigee.same_model"

local piece = {}

local attack_type = debug.getregistry()["perigee.attack"]

--- By their numbers.
piece.verdicts = native.verdicts
local number_of = {}
for i, name in ipairs(piece.verdicts) do number_of[name] = i end

local EVADED = number_of.evaded
piece.EVADED, piece.FAILED = EVADED, number_of.failed

--- The columns that a piece has for each radius, with the types of their arrays.
piece.per_radius = {
  verdict = "i32", label = "i32", distance = "f64", hit = "i32", flat = "i32", scores = "i32",
  gradients = "i32",
}

local WHERE = "evaluate.security"

-- What goes wrong in a run is told of as ours: users did not call attack.noise.
local function told(message)
  if type(message) ~= "string" or perigee.interrupted() then error(message, 0) end
  local words = message:gsub("^[^\n:]+:%d+: (attack[.:])", "%1"):gsub("^attack[.:][%w_]+: ", "")
  words = words:gsub("^" .. WHERE .. ": ", "")
  blame.fail("%s: %s", WHERE, words)
end

local function try(f, ...)
  local ok, answer = pcall(f, ...)
  if not ok then told(answer) end
  return answer
end

local function same_samples(x0, samples)
  local x = kinds.is(samples, "dataset") and samples:floats() or samples
  return x0.size == x.size and x0:eq(x:reshape(#x0, x0.shape[2])):all()
end

-- Are the answers of an attack of the user's of these samples, in the norm and within the radius?
local function check_own(job, result, samples, d)
  local norm = tostring(result.params.norm)
  local what = norm ~= job.norm and ("in the norm %s, not %s"):format(norm, job.norm)
    or not same_samples(result.x0, samples) and "of other samples than it was given"
    or d < math.huge and result.distance:max() > d * (1 + 1e-6) + 1e-6
      and ("as far as %g away, beyond dmax %g"):format(result.distance:max(), d)
  if what then blame.fail("%s: attacks: %s: run gave answers %s", WHERE, job.name, what) end
end

-- One run; the attack is one of ours or the user's. After Ctrl-C it ends the piece.
local function run(job, samples, d, start)
  local attacker = job.attacker
  local own = not ensemble.is_attack(attacker)
  if own then
    attacker = try(attacker.with, attacker, { model = job.model, dmax = d })
    if type(attacker) ~= "table" or type(attacker.run) ~= "function" then
      blame.fail("%s: attacks: %s: expected with to give an attack, got %s", WHERE, job.name,
        native.describe(attacker))
    end
  else
    attacker.dmax = d
  end
  local result = try(attacker.run, attacker, samples, { seed = job.seed, start = start })
  if perigee.interrupted() then error("interrupted", 0) end
  if not kinds.is(result, "result") or #result ~= #samples then
    blame.fail("%s: attacks: %s: run gave no result of %d samples; attack.judge makes one", WHERE, job.name,
      #samples)
  end
  if own then check_own(job, result, samples, d) end
  return result
end

-- The samples as they are, within the attack's bounds: for the parts that are not attacked.
local function judged(job)
  local options = { model = job.model, x0 = job.samples, norm = job.norm, check = job.takes.lower or false }
  for _, name in ipairs { "target", "lower", "upper" } do
    local value = job.takes[name] and job.attacker[name] or nil
    if type(value) ~= "string" then options[name] = value end
  end
  return try(attack_type.start, options, WHERE)
end

local function totable(array)
  return array and array:totable()
end

-- ---- What is known of a result's samples, as lists -------------------------------------------------

local function read(result)
  local evaluations = result.evaluations
  return {
    verdict = result.verdict, label = totable(result.label), distance = totable(result.distance),
    hit = result.hit, flat = result.flat or {}, answer = totable(result.scores),
    scores = totable(evaluations.scores), gradients = totable(evaluations.gradients),
  }
end

local function some(array, at)
  return at and array:take(at) or array
end

-- Has the result of an attack of the user's been judged by the job's model and labels? They are known of the
-- samples as they are. A model whose answers change from call to call cannot be told from another.
local function is_judged(job, result, at)
  local scores = some(job.start.start_scores, at)
  if not result.y:eq(some(job.start.y, at)):all() then return false end
  return same_model.agree(result.start_scores, scores)
    or not same_model.agree(some(judged(job).start_scores, at), scores)
end

-- Of a result of the samples at these places, or of all. What counts is what the job's model says of the
-- points: an attack of the user's may have found them on another one.
local function known_of(job, result, at)
  local known = read(result)
  if ensemble.is_attack(job.attacker) or is_judged(job, result, at) then return known end
  local again = read(try(attack.judge, { model = job.model, x0 = result.x0, x_adv = result.x_adv,
    y = some(job.start.y, at), norm = job.norm, check = false }))
  for _, name in ipairs { "verdict", "label", "distance", "answer" } do known[name] = again[name] end
  known.flat, known.hit = {}, nil
  return known
end

-- ---- The rows ------------------------------------------------------------------------------------

local function new_rows(job, start)
  local n, known = #start, read(start)
  local rows = { y = totable(start.y), start_label = known.label, start = {}, start_scores = known.answer,
    answer = {}, at = job.at }
  for i = 1, n do rows.start[i] = number_of[start.start_verdict[i]] end
  for name in pairs(piece.per_radius) do
    rows[name] = {}
    for i = 1, n do rows[name][i] = {} end
  end
  for i = 1, n do rows.answer[i] = {} end
  if not start.hit then rows.hit = nil end
  return rows, known
end

-- Sample i at the k-th radius is as it is without an attack.
local function keep_start(rows, known, i, k)
  rows.verdict[i][k], rows.label[i][k], rows.distance[i][k] = rows.start[i], rows.start_label[i], 0.0
  rows.answer[i][k] = rows.start_scores[i]
  if rows.hit then rows.hit[i][k] = known.hit[i] and 1 or 0 end
  rows.flat[i][k], rows.scores[i][k], rows.gradients[i][k] = 0, 0, 0
end

-- Sample i at the k-th radius is as at the one before.
local function repeat_row(rows, i, k)
  for _, name in ipairs { "verdict", "label", "distance", "hit" } do
    if rows[name] then rows[name][i][k] = rows[name][i][k - 1] end
  end
  rows.answer[i][k], rows.flat[i][k] = rows.answer[i][k - 1], 0
end

-- The same at no cost.
local function carry(rows, i, k)
  repeat_row(rows, i, k)
  rows.scores[i][k], rows.gradients[i][k] = 0, 0
end

local function spend(rows, i, k, known, j)
  rows.scores[i][k] = (rows.scores[i][k] or 0) + known.scores[j]
  rows.gradients[i][k] = (rows.gradients[i][k] or 0) + known.gradients[j]
end

-- Sample i at the k-th radius is as sample j of a result.
local function take_over(rows, i, k, known, j)
  rows.verdict[i][k], rows.label[i][k] = number_of[known.verdict[j]], known.label[j]
  rows.distance[i][k], rows.answer[i][k] = known.distance[j], known.answer[j]
  if rows.hit then rows.hit[i][k] = known.hit[j] and 1 or 0 end
  rows.flat[i][k] = known.flat[j] and 1 or 0
end

-- Has it reached what was wanted, or is it not to be attacked at all?
local function is_done(rows, i, k)
  if rows.hit then return rows.hit[i][k] == 1 end
  return rows.verdict[i][k] == EVADED
end

local function goes_in(rows, known, i)
  local verdict = piece.verdicts[rows.start[i]]
  if rows.hit then return verdict ~= "failed" and not known.hit[i] end
  return verdict == "correct" or verdict == "rejected"
end

-- ---- The radii -----------------------------------------------------------------------------------

local function places(n, goes)
  local at = {}
  for i = 1, n do
    if goes(i) then at[#at + 1] = i end
  end
  return at
end

-- Attack those samples within the k-th radius; what comes of it.
local function attack_some(job, rows, k, at, start)
  local result = run(job, #at < #job.samples and job.samples:take(at) or job.samples, job.dmax[k], start)
  local known = known_of(job, result, at)
  for j, i in ipairs(at) do
    spend(rows, i, k, known, j)
    local first, reached = rows.verdict[i][k] == nil, known.hit and known.hit[j]
    if first or reached or number_of[known.verdict[j]] == EVADED then take_over(rows, i, k, known, j) end
    -- a targeted attack goes on where a sample has evaded, and may end elsewhere
    local evaded_before = k > 1 and rows.verdict[i][k - 1] == EVADED
    if evaded_before and not reached and rows.verdict[i][k] ~= EVADED then repeat_row(rows, i, k) end
  end
  return result
end

-- Remember where the samples at these places have got to.
local function note_points(points, at, result)
  local x = result.x_adv
  for j, i in ipairs(at) do points[i] = { x, j } end
end

-- The remembered points of these samples, a row each; all are of one of two results, or of few.
local function starts_of(points, at)
  local rows = {}
  for j, i in ipairs(at) do rows[j] = points[i][1]:take { points[i][2] } end
  return array.concatenate(rows, 1)
end

local function run_radii(job, rows, known)
  local n, points = #job.samples, {}
  for k, d in ipairs(job.dmax) do
    local at = places(n, function(i)
      return d > 0 and goes_in(rows, known, i) and not (k > 1 and is_done(rows, i, k - 1))
    end)
    local goes = {}
    for _, i in ipairs(at) do goes[i] = true end
    for i = 1, n do
      if not goes[i] and k > 1 then carry(rows, i, k)
      elseif not goes[i] then keep_start(rows, known, i, k) end
    end
    local cold = #at > 0 and attack_some(job, rows, k, at)
    local left = places(n, function(i) return goes[i] and points[i] and not is_done(rows, i, k) end)
    local warm = job.warm and #left > 0 and attack_some(job, rows, k, left, starts_of(points, left))
    if cold then note_points(points, at, cold) end
    if warm then note_points(points, left, warm) end
  end
end

-- One run that finds each sample's least distance is enough for all radii.
local function run_minimal(job, rows, known)
  local first = job.dmax[1] == 0 and #job.dmax > 1 and 2 or 1 -- where its cost is booked
  local found = known_of(job, run(job, job.samples, math.huge))
  for i = 1, #job.samples do
    for k, d in ipairs(job.dmax) do
      local near = found.distance[i] <= d and goes_in(rows, known, i)
      local reached = number_of[found.verdict[i]] == EVADED
      if rows.hit then reached = found.hit[i] end
      keep_start(rows, known, i, k)
      if near and reached then take_over(rows, i, k, found, i)
      elseif found.verdict[i] == "failed" then rows.verdict[i][k] = number_of.failed
      elseif d > 0 then rows.flat[i][k] = found.flat[i] and 1 or 0 end
    end
    spend(rows, i, first, found, i)
  end
end

-- Noise is no attack: every radius has its own.
local function run_noise(job, rows, known)
  for k, d in ipairs(job.dmax) do
    local now = d > 0 and read(run(job, job.samples, d))
    for i = 1, #job.samples do
      keep_start(rows, known, i, k)
      if now then
        take_over(rows, i, k, now, i)
        spend(rows, i, k, now, i)
      end
    end
  end
end

-- ---- As arrays -----------------------------------------------------------------------------------

local function packed(rows, seconds)
  local made = { seconds = seconds, written_by = perigee.header() }
  for _, name in ipairs { "at", "y", "start", "start_label" } do
    made[name] = array.new(rows[name], { dtype = "i32" })
  end
  made.start_scores = array.new(rows.start_scores, { dtype = "f64" })
  made.answer = array.new(rows.answer, { dtype = "f64" })
  for name, dtype in pairs(piece.per_radius) do
    if rows[name] then made[name] = array.new(rows[name], { dtype = dtype }) end
  end
  return made
end

--- The scores of a job's samples as they are.
function piece.start_scores(job)
  return judged(job).start_scores
end

--- Run it. job: { model, attacker (with that model), name (the attack's), takes (its options by name), norm,
--- samples (a dataset), at (their positions), dmax, seed, warm, noise, minimal }.
function piece.run(job)
  local before = perigee.clock()
  job.start = judged(job)
  local rows, known = new_rows(job, job.start)
  local way = job.noise and run_noise or job.minimal and run_minimal or run_radii
  way(job, rows, known)
  local made = packed(rows, perigee.clock() - before)
  local model = job.model
  made.threshold = type(model) == "userdata" and model.rejects and kinds.threshold(model) or nil
  return made
end

local always = { "at", "y", "start", "start_label", "start_scores", "answer" }
for name in pairs(piece.per_radius) do always[#always + 1] = name ~= "hit" and name or nil end

--- Can it be a piece of that many samples, of those at these positions where they are known? Files may be
--- damaged, or another's.
function piece.fits(rows, count, at)
  if type(rows) ~= "table" or not math.type(rows.seconds) then return false end
  for _, name in ipairs(always) do
    if not kinds.is(rows[name], "array") then return false end
  end
  for _, value in pairs(rows) do
    if kinds.is(value, "array") and value.shape[1] ~= count then return false end
  end
  return rows.at.ndim == 1 and (at == nil or rows.at:eq(array.new(at, { dtype = "i32" })):all())
end

-- One below the other.
local function stacked(pieces, name)
  local list = {}
  for i, one in ipairs(pieces) do list[i] = one[name] end
  return #list == #pieces and #list > 0 and array.concatenate(list, 1) or nil
end

--- Pieces of the same model and attack as one.
function piece.join(pieces)
  local joined = { seconds = 0, threshold = pieces[1].threshold, written_by = pieces[1].written_by }
  for name, value in pairs(pieces[1]) do
    if kinds.is(value, "array") then joined[name] = stacked(pieces, name) end
  end
  for _, one in ipairs(pieces) do joined.seconds = joined.seconds + one.seconds end
  return joined
end

return piece
