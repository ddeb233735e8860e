-- evaluate: how models fare under an attack of growing strength.
--
--   evaluate.security{ models = { cnn = net, dnr = defence }, attack = attack.pgd_exp{ … },
--                      data = test, dmax = { 0, 0.5, 1, 2 }, noise = true, seed = 1 }
--
-- Every model is attacked itself (the attack's own model does not matter), at every dmax. At dmax 0
-- nothing is attacked: the counts are the clean ones. An attack that seeks the least distance
-- (attack.fmn) runs once for all of them. What comes back is a table of plain data that prints as a
-- table and that plot.security draws.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local diagnose = require "perigee.diagnose"
local ensemble = require "perigee.ensemble"
local kinds = require "perigee.kinds"
local masked = require "perigee.masked"
local printable = require("perigee.native").printable
local text = require "perigee.text"

local evaluate = { diagnose = diagnose }

local WHERE = "evaluate.security"

local function fail(message, ...)
  blame.fail(WHERE .. ": " .. message, ...)
end

local function kind_of(model)
  return type(model) == "userdata" and model.kind or "lua"
end

-- A list of { name, model }: in the order of a list, sorted by name otherwise. A list's models are
-- called by their kind ("dnr", "dnr 2"), or are themselves { name, model }.
local function named_models(models)
  if kinds.is_fitted(models) then models = { models } end
  if type(models) ~= "table" or next(models) == nil then
    fail("models: expected models by name, { cnn = net, dnr = defence }")
  end
  local named, seen = {}, {}
  local function add(name, model)
    if not kinds.is_fitted(model) then fail("models: %s is not a fitted model", tostring(name)) end
    seen[name] = (seen[name] or 0) + 1
    if seen[name] > 1 then name = name .. " " .. seen[name] end
    named[#named + 1] = { name = name, model = model }
  end
  if #models > 0 then
    for i, entry in ipairs(models) do
      if kinds.is_fitted(entry) then
        add(kind_of(entry), entry)
      elseif type(entry) == "table" and type(entry[1]) == "string" then
        add(entry[1], entry[2])
      else
        fail("models: number %d is neither a fitted model nor { name, model }", i)
      end
    end
  else
    local names = {}
    for name in pairs(models) do names[#names + 1] = name end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do add(tostring(name), models[name]) end
  end
  return named
end

local function check_dmax(dmax, noise)
  if type(dmax) == "number" then dmax = { dmax } end
  if type(dmax) ~= "table" or #dmax == 0 then
    fail("dmax: expected a list of radii, { 0, 0.5, 1 }")
  end
  for k, d in ipairs(dmax) do
    if type(d) ~= "number" or d < 0 or d ~= d then
      fail("dmax: number %d is %s, expected 0 or more", k, tostring(d))
    end
    if noise and d == math.huge then
      fail("dmax: number %d is infinite: no noise has that norm; give noise = false", k)
    end
    if k > 1 and d <= dmax[k - 1] then
      fail("dmax: the radii must grow, got %g after %g", d, dmax[k - 1])
    end
  end
  return dmax
end

local valid = { "models", "attack", "data", "dmax", "noise", "seed" }

local function check_options(options)
  arguments.only("evaluate.security", options, valid)
  if not ensemble.is_attack(options.attack) then
    fail("attack: expected an attack, attack.pgd{ norm = \"l2\" }, got a %s", type(options.attack))
  end
  if options.data == nil then fail("data: expected a dataset to attack") end
end

-- ---- The table that comes back ------------------------------------------------------------------

local Security = {}
Security.__index = Security
Security.__name = "security"

function Security:__len()
  return #self.models
end

-- Did any run start from scores that are no numbers?
local function has_failures(security)
  for _, by_model in ipairs { security.counts, security.noise } do
    for _, by_dmax in pairs(by_model) do
      for _, counts in pairs(by_dmax) do
        if (counts.failed or 0) > 0 then return true end
      end
    end
  end
  return false
end

-- One cell a verdict at the end of the line; of what was not counted they are empty.
local function add_cells(line, verdicts, counts)
  for _, verdict in ipairs(verdicts) do
    line[#line + 1] = counts and tostring(counts[verdict] or "") or ""
  end
end

-- "\nmasked gradients: dnr at dmax 1, 2 …", or nothing.
local function masked_text(security)
  local places = {}
  for _, name in ipairs(security.models) do
    local radii = {}
    for k, d in ipairs(security.dmax) do
      if masked(security, name, k) then radii[#radii + 1] = ("%g"):format(d) end
    end
    if #radii > 0 then
      places[#places + 1] = ("%s at dmax %s"):format(printable(name), table.concat(radii, ", "))
    end
  end
  return #places == 0 and ""
    or ("\nmasked gradients: %s; try attack.auto, or evaluate.diagnose"):format(table.concat(places, "; "))
end

function Security:__tostring()
  local verdicts = { "correct", "rejected", "wrong", "evaded" }
  if has_failures(self) then verdicts[5] = "failed" end
  local names = { table.unpack(verdicts) }
  names[3] = "wrong before"
  local head = { "model", "dmax", table.unpack(names) }
  local with_noise = next(self.noise) ~= nil
  if with_noise then
    names[1] = "noise: correct"
    table.move(names, 1, #names, #head + 1, head)
  end
  local lines = { head }
  for _, name in ipairs(self.models) do
    for k, d in ipairs(self.dmax) do
      local counts = self.counts[name][k]
      if counts then
        local line = { k == 1 and printable(name) or "", ("%g"):format(d) }
        add_cells(line, verdicts, counts)
        if with_noise then
          add_cells(line, verdicts, self.noise[name] and self.noise[name][k])
        end
        lines[#lines + 1] = line
      end
    end
  end
  return ("security: %s, %s, %d samples%s\n%s%s"):format(printable(self.attack), self.norm, self.n,
    self.interrupted and ", interrupted" or "", text.aligned(lines, 1), masked_text(self))
end

-- The result of a run. What goes wrong in it is told of as ours: users did not call attack.noise.
local function run(attacker, data, seed)
  local ok, result = pcall(attacker.run, attacker, data, { seed = seed })
  if ok then return result end
  if type(result) ~= "string" then error(result, 0) end
  fail("%s", (result:gsub("^[^\n:]+:%d+: (attack%.)", "%1"):gsub("^attack%.[%w_]+: ", "")))
end

-- How many of the runs that failed had lost their gradient.
local function flat_of(result)
  local count = 0
  for _, flat in ipairs(result.flat or {}) do count = count + (flat and 1 or 0) end
  return count
end

-- ---- The evaluation ------------------------------------------------------------------------------

-- The counts at a radius from a run that found each sample's least distance: what has not evaded within the
-- radius is what it was before.
local function counts_within(result, d)
  local counts = { correct = 0, rejected = 0, wrong = 0, evaded = 0, failed = 0, robust = 0 }
  local verdict, before, hit, distance = result.verdict, result.start_verdict, result.hit, result.distance
  counts.hit = hit and 0
  for i = 1, #result do
    local near, now = distance[i] <= d, verdict[i]
    if now ~= "failed" and not (now == "evaded" and near) then now = before[i] end
    counts[now] = counts[now] + 1
    if hit and hit[i] and near then counts.hit = counts.hit + 1 end
    if before[i] == "correct" and now == "correct" then counts.robust = counts.robust + 1 end
  end
  return counts
end

--- Counts of samples by verdict for every model and every dmax: correct, rejected, wrong before the attack,
--- evaded, failed (from scores that are no numbers); and robust, those that were correct and are not evaded.
function evaluate.security(options)
  options = options or {}
  check_options(options)
  local noise = options.noise ~= false
  local named, dmax = named_models(options.models), check_dmax(options.dmax, noise)
  local base, data = options.attack, options.data
  local security = setmetatable({
    models = {}, dmax = dmax, counts = {}, noise = {}, flat = {}, n = 0, attack = base.name, norm = base.norm,
    seed = options.seed, interrupted = false,
  }, Security)

  -- One run, or nil if it was interrupted: half a run says nothing about its dmax.
  local function result_of(attacker, d)
    attacker.dmax = d
    local result = run(attacker, data, options.seed)
    if perigee.interrupted("stopped; the evaluation keeps what was counted so far") then
      security.interrupted = true
      return nil
    end
    security.n = #result
    return result
  end

  local function counts_of(attacker, d)
    local result = result_of(attacker, d)
    if result then return result:counts(), flat_of(result) end
  end

  for _, entry in ipairs(named) do
    local name = entry.name
    -- One attack object per model, so that a double start's points are scored once.
    local attacker = base:with { model = entry.model }
    local shaker = attack.noise {
      model = entry.model, norm = base.norm, lower = base.lower, upper = base.upper,
    }
    security.models[#security.models + 1] = name
    security.counts[name], security.noise[name], security.flat[name] = {}, noise and {} or nil, {}
    if attacker.minimal then attacker.early_stop = false end -- the first point need not be the nearest
    local nearest = attacker.minimal and result_of(attacker, math.huge)
    if attacker.minimal and not nearest then return security end
    for k, d in ipairs(dmax) do
      local counts, flat
      if nearest then
        counts, flat = counts_within(nearest, d), flat_of(nearest)
      else
        counts, flat = counts_of(d == 0 and shaker or attacker, d)
      end
      if not counts then return security end
      security.counts[name][k], security.flat[name][k] = counts, flat
      if noise then
        local shaken = d == 0 and counts or counts_of(shaker, d)
        if not shaken then return security end
        security.noise[name][k] = shaken
      end
    end
  end
  return security
end

return evaluate
