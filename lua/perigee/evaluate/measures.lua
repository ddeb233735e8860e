-- Measures of an evaluation: a number of the samples of one model under one attack in one repeat at one
-- radius, by a function of the user's, or by one of metrics that takes labels. They are worked out of the
-- cells, so that an evaluation which was loaded can be given more of them, and a checkpoint folder knows of
-- none.
--
-- An evaluation has their names in order in `measures`, and in `measured` a list of { measure =, model =,
-- attack = (of several together "all", of noise "noise"), seed =, values = (one a radius) }. What could not
-- be worked out is NaN.

local blame = require "perigee.blame"
local cells = require "perigee.evaluate.cells"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local own = require "perigee.own"
local piece = require "perigee.evaluate.piece"
local text = require "perigee.text"

local measures = {}

--- Columns that rows and the table have: no measure is called so.
measures.columns = {
  { name = "model" }, { name = "attack" }, { name = "dmax" }, { name = "samples" }, { name = "correct" },
  { name = "rejected" }, { name = "wrong" }, { name = "evaded" }, { name = "failed" }, { name = "robust" },
  { name = "hit" },
  { name = "accuracy", of = "%.3f" }, { name = "low", of = "%.3f" }, { name = "high", of = "%.3f" },
  { name = "queries", of = "%.1f" }, { name = "seconds", of = "%.2f" },
}

local taken = { different = true }
for _, column in ipairs(measures.columns) do taken[column.name] = true end

-- ---- What users ask for --------------------------------------------------------------------------

local FORM = "functions by name, { hits = function(s) … end }, or names of measures in metrics"

-- A measure of labels by its name in metrics, one that the user has put there too.
local function of_metrics(where, name)
  local theirs = rawget(_G, "metrics")
  local f = own.rawget(own.metrics, name) or type(theirs) == "table" and rawget(theirs, name)
  if type(f) ~= "function" then
    local names = {}
    for key in pairs(own.metrics) do names[#names + 1] = key end
    table.sort(names)
    local meant = perigee.nearest(name, names)
    blame.fail("%s: measures: metrics has no '%s'%s", where, name,
      meant and ("; did you mean %s?"):format(meant) or "")
  end
  return function(samples) return f(samples.label, samples.y) end
end

local function measure_of(where, name, value)
  if type(name) ~= "string" or name == "" or name:find "%c" then
    blame.fail("%s: measures: expected %s, got %s as a name", where, FORM, native.describe(name))
  elseif taken[name] then
    blame.fail("%s: measures: the evaluation has %s already; call it something else", where, name)
  end
  if type(value) == "string" then value = of_metrics(where, value) end
  if type(value) ~= "function" then
    blame.fail("%s: measures: %s: expected a function(samples) that gives a number, got %s", where, name,
      native.describe(value))
  end
  return { name = name, of = value }
end

-- Names and what they stand for, in order: those of a list, else by the alphabet.
local function entries_of(where, value)
  if type(value) == "function" then return { { "measure", value } } end
  if type(value) == "string" then return { { value, value } } end
  if type(value) ~= "table" then
    blame.fail("%s: measures: expected %s, got %s", where, FORM, native.describe(value))
  end
  local list, names = {}, {}
  for i, entry in ipairs(value) do
    list[i] = type(entry) == "table" and { entry[1], entry[2] } or { entry, entry }
  end
  for key in pairs(value) do
    if math.type(key) == nil then names[#names + 1] = key end
  end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do list[#list + 1] = { name, value[name] } end
  return list
end

--- The list of { name =, of = a function of samples } that is asked for (nil: none): a function, a name in
-- metrics,
--- a table of functions and names in metrics by name, a list of names in metrics and of { name, function }.
function measures.read(where, value)
  local list, seen = {}, {}
  for i, entry in ipairs(value ~= nil and entries_of(where, value) or {}) do
    list[i] = measure_of(where, entry[1], entry[2])
    if seen[entry[1]] then blame.fail("%s: measures: %s is there twice", where, entry[1]) end
    seen[entry[1]] = true
  end
  return list
end

-- ---- What their functions get --------------------------------------------------------------------

local once = { y = "i32", at = "i32", start_label = "i32", start_scores = "f64" } -- rows without radii
local by_radius = { label = "i32", distance = "f64", answer = "f64", flat = "i32", hit = "i32" }
local called = { answer = "scores" }

local function queries_of(cell, i, k)
  local scores, gradients, sum = cells.lists(cell, "scores")[i], cells.lists(cell, "gradients")[i], 0
  for j = 1, k do sum = sum + scores[j] + gradients[j] end
  return sum
end

-- Of each sample that all have the cell and the row in it: of several attacks those of the worst.
local function choose(group, all, k)
  local chosen = {}
  for s, places in ipairs(all) do
    local _, c = cells.worst(cells.column(group, places, "verdict", k))
    chosen[s] = { cell = group[c], i = places[c] }
  end
  return chosen
end

-- The samples of a group of cells at the k-th radius, as the user's functions get them.
local function samples_of(self, group, k, attack)
  local chosen = choose(group, cells.shared(group), k)
  local made = { model = group[1].model, attack = attack, seed = group[1].seed, norm = self.norm,
    dmax = self.dmax[k], verdict = {}, start_verdict = {} }
  local function gather(name, dtype, pick)
    local list = {}
    for s, one in ipairs(chosen) do list[s] = pick(cells.lists(one.cell, name)[one.i]) end
    made[called[name] or name] = array.new(list, { dtype = dtype })
  end
  if #chosen == 0 then return nil end
  for name, dtype in pairs(once) do gather(name, dtype, function(row) return row end) end
  for name, dtype in pairs(by_radius) do
    if group[1].rows[name] then gather(name, dtype, function(row) return row[k] end) end
  end
  local queries = {}
  for s, one in ipairs(chosen) do
    made.verdict[s] = piece.verdicts[cells.lists(one.cell, "verdict")[one.i][k]]
    made.start_verdict[s] = piece.verdicts[cells.lists(one.cell, "start")[one.i]]
    queries[s] = queries_of(one.cell, one.i, k)
  end
  made.queries = array.new(queries, { dtype = "i32" })
  return made
end

-- ---- Working them out ----------------------------------------------------------------------------

local function number_of(where, measure, samples)
  local value = blame.users(measure.of, samples)
  if kinds.is(value, "array") and value.size == 1 then value = value:item() end
  if type(value) ~= "number" then
    blame.fail("%s: measures: %s: expected its function to give a number, got %s", where, measure.name,
      native.describe(value))
  end
  return value + 0.0
end

-- Calls visit(group, model, attack) for the cells of each model, attack and repeat that is whole.
local function each_group(self, visit)
  local attacks = table.move(self.attacks, 1, #self.attacks, 1, {})
  if #attacks > 1 then attacks[#attacks + 1] = "all" end
  if self.has_noise then attacks[#attacks + 1] = cells.NOISE end
  for _, model in ipairs(self.models) do
    for _, attack in ipairs(attacks) do
      local of = attack ~= "all" and attack or nil
      for _, group in ipairs(cells.groups(self, model, of, nil)) do visit(group, model, attack) end
    end
  end
end

-- value(measure, samples) of every group and radius: the list of entries.
local function entries(self, list, value)
  local found = {}
  each_group(self, function(group, model, attack)
    local rows = {}
    for m, measure in ipairs(list) do
      rows[m] = { measure = measure.name, model = model, attack = attack, seed = group[1].seed, values = {} }
      found[#found + 1] = rows[m]
    end
    for k = 1, #self.dmax do
      local samples = samples_of(self, group, k, attack)
      for m, measure in ipairs(list) do
        rows[m].values[k] = samples and value(measure, samples) or math.abs(0 / 0)
      end
    end
  end)
  return found
end

-- What is new takes the place of what has the same name.
local function put(self, list, found)
  local now, names = {}, {}
  for _, measure in ipairs(list) do now[measure.name] = true end
  for _, name in ipairs(self.measures or {}) do
    if not now[name] then names[#names + 1] = name end
  end
  for _, measure in ipairs(list) do names[#names + 1] = measure.name end
  for _, entry in ipairs(self.measured or {}) do
    if not now[entry.measure] then table.insert(found, entry) end
  end
  self.measures, self.measured = names, found
end

--- Work the measures out; what one of them raises is raised, and nothing is changed.
function measures.add(where, self, list)
  put(self, list, entries(self, list, function(measure, samples)
    return number_of(where, measure, samples)
  end))
end

--- The same at the end of a run, of which an error in a measure takes nothing: it is told of on stderr, and
-- its
--- value is NaN.
function measures.add_safely(where, self, list)
  if #list == 0 then return self end
  local told, stopped = {}, false
  put(self, list, entries(self, list, function(measure, samples)
    local ok, value = pcall(number_of, where, measure, samples)
    stopped = stopped or perigee.interrupted("stopped; measures that were not worked out are nan")
    if ok and not stopped then return value end
    if not stopped and not told[measure.name] then
      told[measure.name] = true
      io.stderr:write(("perigee: %s: measures: %s: %s\n"):format(where, native.printable(measure.name),
        text.of(value)))
    end
    return math.abs(0 / 0)
  end))
  self.interrupted = self.interrupted or stopped
  return self
end

--- Try each once on what there is, so that one that cannot work fails before an hour's run and not behind
-- it.
function measures.try(where, self, list)
  local done = #list == 0
  each_group(self, function(group, _, attack)
    local samples = not done and samples_of(self, group, #self.dmax, attack)
    if not samples then return end
    for _, measure in ipairs(list) do number_of(where, measure, samples) end
    done = true
  end)
end

-- ---- Reading them --------------------------------------------------------------------------------

--- The values by radius of a model under an attack (nil: all), of a repeat or their mean (nil); nil where
-- there
--- are none.
function measures.values(self, name, model, attack, seed)
  attack = attack or (#self.attacks > 1 and "all" or self.attacks[1])
  local sums, counts, there = {}, {}, false
  for _, entry in ipairs(self.measured or {}) do
    if entry.measure == name and entry.model == model and entry.attack == attack
      and (seed == nil or entry.seed == seed) then
      there = true
      for k, value in ipairs(entry.values) do
        local is = value == value
        sums[k], counts[k] = (sums[k] or 0) + (is and value or 0), (counts[k] or 0) + (is and 1 or 0)
      end
    end
  end
  for k, count in ipairs(counts) do sums[k] = count > 0 and sums[k] / count or math.abs(0 / 0) end
  return there and sums or nil
end

local function is_sound(entry, radii)
  if type(entry) ~= "table" or type(entry.values) ~= "table" or #entry.values ~= radii then return false end
  for _, value in ipairs(entry.values) do
    if type(value) ~= "number" then return false end
  end
  return type(entry.measure) == "string" and type(entry.model) == "string" and type(entry.attack) == "string"
    and math.type(entry.seed) == "integer"
end

--- Are these what this file has made, in an evaluation that may come out of a damaged file?
function measures.are_sound(self)
  local names, list = self.measures or {}, self.measured or {}
  if type(names) ~= "table" or type(list) ~= "table" then return false end
  for _, name in ipairs(names) do
    if type(name) ~= "string" or taken[name] then return false end
  end
  for _, entry in ipairs(list) do
    if not is_sound(entry, #self.dmax) then return false end
  end
  return true
end

local function key_of(entry)
  return ("%s\0%s\0%s\0%d"):format(entry.measure, entry.model, entry.attack, entry.seed)
end

--- Those of the parts of a merged evaluation, but for those of samples, or of attacks, that came together.
function measures.merge(merged, parts)
  local found, count, names, seen = {}, {}, {}, {}
  for _, part in ipairs(parts) do
    for _, name in ipairs(part.measures or {}) do
      if not seen[name] then names[#names + 1] = name end
      seen[name] = true
    end
    for _, entry in ipairs(part.measured or {}) do
      local key = key_of(entry)
      count[key] = (count[key] or 0) + 1
      if entry.attack ~= "all" or #part.attacks == #merged.attacks then found[#found + 1] = entry end
    end
  end
  merged.measures, merged.measured = names, {}
  for _, entry in ipairs(found) do
    if count[key_of(entry)] == 1 then table.insert(merged.measured, entry) end
  end
end

return measures
