-- How far an attack had to go: the least distance at which each sample evades. A sample that was wrong
-- before has 0, one that never evades infinity. One that failed (its scores were no numbers) proves nothing
-- and is left out. Of a targeted attack what counts is that the target is hit.

local given = require "perigee.metrics.given"
local kinds = require "perigee.kinds"
local records = require "perigee.records"
local text = require "perigee.text"

local distance = {}

-- A result, or a list of results of one attack (at several dmax, say), as a list.
local function results_of(where, name, value)
  local list = kinds.is(value, "result") and { value } or value
  if type(list) ~= "table" or kinds.of(list) or rawlen(list) == 0 then
    given.expected(where, name, "an attack's result, or a list of such", value)
  end
  local count, results = rawlen(list), {}
  for k = 1, count do
    given.check_result(where, count > 1 and ("%s, number %d"):format(name, k) or name, list[k])
    results[k] = list[k]
  end
  return results
end

-- The distance at which each sample of a result evades; false where it has failed.
local function distances_of(result)
  local found, hit = result.distance:totable(), result.hit
  local verdict, before = result.verdict, result.start_verdict
  for i = 1, #found do
    if verdict[i] == "failed" then
      found[i] = false
    elseif hit then
      found[i] = hit[i] and found[i] or math.huge
    elseif before[i] == "wrong" then
      found[i] = 0.0
    elseif verdict[i] ~= "evaded" then
      found[i] = math.huge
    end
  end
  return found
end

-- The least of several, sample by sample; false where it is so in all.
local function least(lists)
  local best = {}
  for i = 1, #lists[1] do
    best[i] = false
    for _, list in ipairs(lists) do
      if list[i] and (not best[i] or list[i] < best[i]) then best[i] = list[i] end
    end
  end
  return best
end

local function least_of(results)
  local lists = {}
  for k, result in ipairs(results) do lists[k] = distances_of(result) end
  return least(lists)
end

-- Those that are known, sorted.
local function known(list)
  local sorted = {}
  for _, d in ipairs(list) do
    if d then sorted[#sorted + 1] = d end
  end
  table.sort(sorted)
  return sorted
end

local function median(sorted)
  local n = #sorted
  if n == 0 then return given.nan end
  return (sorted[(n + 1) // 2] + sorted[n // 2 + 1]) / 2
end

--- The median of the least evading distances of a result, or of several of one attack; NaN where all failed.
function distance.median_distance(result, options)
  local results = results_of("median_distance", "result", result)
  given.check_same_model("median_distance", results, options)
  return median(known(least_of(results)))
end

-- ---- Optimality -----------------------------------------------------------------------------------

local Optimality = { __name = "optimality" }

function Optimality:__tostring()
  local lines = { { "attack", "optimality", "evaded", "median distance", "queries" } }
  for _, name in ipairs(self.attacks) do
    lines[#lines + 1] = { text.name(name), given.percent(self.optimality[name]),
      given.percent(self.evaded[name]), ("%.4g"):format(self.median[name]),
      ("%d"):format(self.queries[name]) }
  end
  return ("optimality against the best of %d, %s, %d samples\n%s"):format(#self.attacks, self.norm,
    self.samples, text.aligned(lines, 1))
end

records.define(Optimality, {
  kind = "optimality", what = "what metrics.optimality gave",
  rows = function(self)
    local rows = {}
    for i, name in ipairs(self.attacks) do
      rows[i] = { attack = name, optimality = self.optimality[name], evaded = self.evaded[name],
        median_distance = self.median[name], queries = self.queries[name] }
    end
    return records.columns("attack optimality evaded median_distance queries", "%.4f",
      "optimality evaded median_distance"), rows
  end,
})

-- { name =, results = } of each attack, in the order of a list, else by name.
local function named_attacks(attacks)
  if type(attacks) ~= "table" or kinds.of(attacks) or next(attacks) == nil then
    given.expected("optimality", "attacks", "results by name, { fmn = r, pgd = { r1, r2 } }", attacks)
  end
  local named, seen = {}, {}
  for key, value in pairs(attacks) do
    local results = results_of("optimality", tostring(key), value)
    named[#named + 1] = { key = key, results = results }
  end
  table.sort(named, function(a, b)
    local x, y = math.type(a.key), math.type(b.key)
    if x and y then return a.key < b.key end
    return x ~= nil and y == nil or x == y and tostring(a.key) < tostring(b.key)
  end)
  for _, one in ipairs(named) do
    local name = math.type(one.key) and one.results[1].attack or tostring(one.key)
    seen[name] = (seen[name] or 0) + 1
    one.name = seen[name] > 1 and name .. " " .. seen[name] or name
  end
  return named
end

-- What the formula needs of the best distances: the largest that is finite, the area under their curve up to
-- it, and how many samples were not wrong before.
local function frame_of(best)
  local frame = { best = best, reach = 0, count = 0, clean = 0 }
  for _, d in ipairs(best) do
    if d and d < math.huge then frame.reach = math.max(frame.reach, d) end
    if d then frame.count, frame.clean = frame.count + 1, frame.clean + (d > 0 and 1 or 0) end
  end
  return frame
end

-- Of the samples that have not failed in all results: what failed here was not found here.
local function within(frame, list)
  local kept = {}
  for i, best in ipairs(frame.best) do
    if best then kept[#kept + 1] = list[i] or math.huge end
  end
  table.sort(kept)
  return kept
end

-- The integral of the share not evaded from 0 to `reach`, times the samples: it is a step function.
local function area_of(distances, reach)
  local area = 0
  for _, d in ipairs(distances) do area = area + math.min(d, reach) end
  return area
end

local function optimality_of(distances, frame)
  local least_area = area_of(within(frame, frame.best), frame.reach)
  local room = frame.clean * frame.reach - least_area
  if room <= 1e-12 * frame.clean * frame.reach then return given.nan end -- but for rounding there is none
  return math.max(0.0, 1 - (area_of(distances, frame.reach) - least_area) / room)
end

local function evaded_share(distances)
  local count = 0
  for _, d in ipairs(distances) do
    if d > 0 and d < math.huge then count = count + 1 end
  end
  return given.share(count, #distances)
end

local function queries_of(results)
  local sum = 0
  for _, result in ipairs(results) do
    local spent = result.evaluations
    sum = sum + spent.scores:sum() + spent.gradients:sum()
  end
  return sum
end

--- How near each attack comes to the best of all, sample by sample: a table with attacks (their names) and by
--- name optimality, evaded, median and queries. It prints as a table.
function distance.optimality(attacks, options)
  local named, all, lists = named_attacks(attacks), {}, {}
  for k, one in ipairs(named) do
    table.move(one.results, 1, #one.results, #all + 1, all)
    lists[k] = least_of(one.results)
  end
  given.check_same_model("optimality", all, options)
  local frame = frame_of(least(lists))
  if frame.reach == 0 then given.fail("optimality", "no attack has evaded with any sample") end
  local answer = { attacks = {}, optimality = {}, evaded = {}, median = {}, queries = {},
    samples = frame.count, norm = all[1].params.norm }
  for k, one in ipairs(named) do
    local name, distances = one.name, within(frame, lists[k])
    answer.attacks[k], answer.optimality[name] = name, optimality_of(distances, frame)
    answer.evaded[name], answer.median[name] = evaded_share(distances), median(distances)
    answer.queries[name] = queries_of(one.results)
  end
  return setmetatable(answer, Optimality)
end

return distance
