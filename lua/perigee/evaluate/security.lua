-- What evaluate.security gives: counts by verdict of every model under every attack at every radius, and
-- what they are made of, sample by sample.
--
-- Its parts are cells: the samples of one model, one attack (or noise) and one repeat, as joined pieces (see
-- piece.lua). Everything else is counted from them, so that what is saved, loaded or merged is these.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local cells = require "perigee.evaluate.cells"
local counting = require "perigee.evaluate.counts"
local evidence = require "perigee.evaluate.evidence"
local kinds = require "perigee.kinds"
local masked = require "perigee.masked"
local measures = require "perigee.evaluate.measures"
local piece = require "perigee.evaluate.piece"
local records = require "perigee.records"
local text = require "perigee.text"

local methods = {}
local Security = { __name = "perigee.security", methods = methods }
debug.getregistry()["perigee.security"] = Security

-- ---- Counting ------------------------------------------------------------------------------------

local FAILED = piece.FAILED

local function counted(self, groups)
  return counting.of(groups, #self.dmax)
end

-- The values by radius of a model's measures, by their names.
local function measured(self, model, attack, seed)
  local found = {}
  for _, name in ipairs(self.measures or {}) do
    found[name] = measures.values(self, name, model, attack, seed)
  end
  return found
end

-- What is counted of everything, or under one attack, or of one seed. What is said of all attacks is of the
-- samples that all of them have attacked.
local function view(self, attack, seed)
  local made = { models = self.models, dmax = self.dmax, norm = self.norm, attack = attack or self.attack,
    counts = {}, flat = {}, noise = {}, measured = {}, measured_noise = {}, n = 0 }
  for _, name in ipairs(self.models) do
    made.counts[name], made.flat[name] = counted(self, cells.groups(self, name, attack, seed))
    if self.has_noise then made.noise[name] = counted(self, cells.groups(self, name, cells.NOISE, seed)) end
    made.measured[name] = measured(self, name, attack, seed)
    made.measured_noise[name] = measured(self, name, cells.NOISE, seed)
    local first = made.counts[name][1]
    if first then made.n = math.max(made.n, evidence.samples(first)) end
  end
  return made
end

-- Everything that follows from the cells.
local function derive(self)
  local whole = view(self)
  self.counts, self.flat, self.noise, self.n = whole.counts, whole.flat, whole.noise, whole.n
  self.by_attack = {}
  for _, attack in ipairs(self.attacks) do
    local one = #self.attacks == 1 and whole or view(self, attack)
    self.by_attack[attack], self.n = one, math.max(self.n, one.n)
  end
  return self
end

--- The evaluation of each repeat alone, as plot.security takes it; models under several attacks are lines of
--- their own, "dnr, auto".
function methods.views(self)
  local views = {}
  for _, seed in ipairs(self.seeds) do
    local joined
    for a, attack in ipairs(self.attacks) do
      local one = view(self, attack, seed)
      if #self.attacks == 1 then joined = one break end
      joined = joined or { models = {}, lines = {}, dmax = self.dmax, norm = self.norm, n = one.n,
        counts = {}, flat = {}, noise = {}, measured = {} }
      for m, name in ipairs(one.models) do
        local line = ("%s, %s"):format(name, attack)
        joined.models[#joined.models + 1] = line
        joined.lines[#joined.lines + 1] = { model = m, attack = a }
        joined.counts[line], joined.flat[line] = one.counts[name], one.flat[name]
        joined.measured[line] = one.measured[name]
      end
    end
    views[#views + 1] = joined
  end
  return views
end

-- ---- As rows -------------------------------------------------------------------------------------

-- How many different samples these cells have; a cell has each of its own once.
local function different_in(list)
  if #list <= 1 then return list[1] and #list[1].rows.at or 0 end
  local at = {}
  for i, cell in ipairs(list) do at[i] = cell.rows.at end
  return #array.concatenate(at, 1):unique()
end

-- More than an int32 has room for.
local function total(columns, k)
  return columns:slice(nil, { 1, k }):astype("f64"):sum()
end

-- Queries of a sample on average under one attack, up to the k-th radius, the seconds of all radii, and how
-- many different samples there are.
local function cost_of(self, model, attack, k)
  local queries, samples, seconds, list = 0, 0, 0, {}
  for _, cell in ipairs(self.cells) do
    if cell.model == model and cell.attack == attack then
      local rows = cell.rows
      queries = queries + total(rows.scores, k) + total(rows.gradients, k)
      samples, seconds = samples + #rows.at, seconds + rows.seconds
      list[#list + 1] = cell
    end
  end
  return samples > 0 and queries / samples or 0.0, seconds, different_in(list)
end

-- Of all attacks together: each has its queries.
local function cost(self, model, attack, k)
  local queries, seconds, different = 0.0, 0.0, math.huge
  for _, name in ipairs(attack and { attack } or self.attacks) do
    local more, time, count = cost_of(self, model, name, k)
    queries, seconds, different = queries + more, seconds + time, math.min(different, count)
  end
  return queries, seconds, different
end

local function row_of(self, model, attack, k, counts)
  local n = evidence.samples(counts)
  local queries, seconds, different = cost(self, model, attack, k)
  local interval = evidence.interval(counts.robust, n, math.min(n, different))
  local row = { model = model, attack = attack or "all", dmax = self.dmax[k], samples = n,
    correct = counts.correct, rejected = counts.rejected, wrong = counts.wrong, evaded = counts.evaded,
    failed = counts.failed, robust = counts.robust, hit = counts.hit, different = math.min(n, different),
    accuracy = counts.robust / n, low = interval.low, high = interval.high, queries = queries,
    seconds = seconds }
  for _, name in ipairs(self.measures or {}) do
    local found = measures.values(self, name, model, attack)
    row[name] = found and found[k]
  end
  return row
end

-- The columns of these rows: hit where one has it, and the measures.
local function columns_of(self, rows)
  local columns = {}
  for _, one in ipairs(measures.columns) do
    local wanted = one.name ~= "hit"
    for _, row in ipairs(rows) do wanted = wanted or row.hit ~= nil end
    if wanted then columns[#columns + 1] = one end
  end
  for _, name in ipairs(self.measures or {}) do columns[#columns + 1] = { name = name, of = "%.4g" } end
  return columns
end

--- A row for each model, attack and radius; with several attacks also of all of them, the worst counting, and
--- of noise. accuracy is the share of robust samples, low and high Wilson's interval at 95 % for as many
--- samples as are different ones; queries are those of a sample up to this radius, seconds those of all of
--- them; hit, of targeted attacks, is how many are taken for the target; measures are by their names.
function methods.rows(self)
  local rows = {}
  local function add(model, attack, by_radius)
    for k, counts in ipairs(by_radius or {}) do
      if evidence.samples(counts) > 0 then rows[#rows + 1] = row_of(self, model, attack, k, counts) end
    end
  end
  for _, model in ipairs(self.models) do
    for _, attack in ipairs(self.attacks) do
      add(model, attack, self.by_attack[attack].counts[model])
    end
    if #self.attacks > 1 then add(model, nil, self.counts[model]) end
    add(model, "noise", self.noise[model])
  end
  return rows
end

--- More measures of what was kept, by functions or by names in metrics: see measures.lua.
function methods.measure(self, asked)
  local where = "security:measure"
  if asked == nil then arguments.expected(where, "measures", "a function, or functions by name", asked) end
  measures.add(where, self, measures.read(where, asked))
  return self
end

-- ---- Printing ------------------------------------------------------------------------------------

-- Did any run start from scores that are no numbers?
local function has_failures(self)
  for _, by_model in ipairs { self.counts, self.noise } do
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
local function masked_text(self)
  local places = {}
  for _, attack in ipairs(self.attacks) do
    for _, name in ipairs(self.models) do
      local radii = {}
      for k, d in ipairs(self.dmax) do
        if masked(self.by_attack[attack], name, k) then radii[#radii + 1] = ("%g"):format(d) end
      end
      if #radii > 0 then
        local words = #self.attacks > 1 and ("%s under %s"):format(name, attack) or name
        places[#places + 1] = ("%s at dmax %s"):format(text.name(words), table.concat(radii, ", "))
      end
    end
  end
  return #places == 0 and ""
    or ("\nmasked gradients: %s; try attack.auto, or evaluate.diagnose"):format(table.concat(places, "; "))
end

-- Of an array, which has no labels, nothing is "wrong before".
local function unlabelled_text(self)
  return self.unlabelled and "\nno labels: what each model answers before the attack is taken for the truth"
    or ""
end

-- Are there fewer samples of some models than of others, as after an interrupt or a merge?
local function is_uneven(self)
  for _, attack in ipairs(self.attacks) do
    for _, name in ipairs(self.models) do
      local first = self.by_attack[attack].counts[name][1]
      if first and evidence.samples(first) ~= self.n then return true end
    end
  end
  return false
end

local function head_of(self, verdicts)
  local names = { table.unpack(verdicts) }
  names[3] = "wrong before"
  local head = { "model" }
  if #self.attacks > 1 then head[2] = "attack" end
  head[#head + 1] = "dmax"
  if is_uneven(self) then head[#head + 1] = "samples" end
  table.move(names, 1, #names, #head + 1, head)
  if self.has_noise then
    names[1] = "noise: correct"
    table.move(names, 1, #names, #head + 1, head)
  end
  for _, name in ipairs(self.measures or {}) do head[#head + 1] = text.name(name) end
  return head
end

-- One cell a measure at the end of the line; what was not worked out is a dash.
local function add_measures(line, self, name, attack, k)
  for _, measure in ipairs(self.measures or {}) do
    local found = measures.values(self, measure, name, attack)
    local value = found and found[k]
    line[#line + 1] = value and value == value and ("%.4g"):format(value) or "–"
  end
end

-- The lines of one model under one attack, or under all (nil); how many they are.
local function add_lines(lines, self, verdicts, name, attack, named)
  local counts, before = attack and self.by_attack[attack].counts[name] or self.counts[name], #lines
  for k, d in ipairs(self.dmax) do
    if counts[k] then
      local line = { k == 1 and named and text.name(name) or "" }
      if #self.attacks > 1 then line[2] = k == 1 and text.name(attack or "all") or "" end
      line[#line + 1] = ("%g"):format(d)
      if is_uneven(self) then line[#line + 1] = tostring(evidence.samples(counts[k])) end
      add_cells(line, verdicts, counts[k])
      if self.has_noise then add_cells(line, verdicts, named and (self.noise[name] or {})[k] or nil) end
      add_measures(line, self, name, attack, k)
      lines[#lines + 1] = line
    end
  end
  return #lines - before
end

local function about(self)
  local words = { ("security: %s, %s, %d samples"):format(text.name(self.attack), self.norm, self.n) }
  if #self.seeds > 1 then words[#words + 1] = ("%d repeats"):format(#self.seeds) end
  if self.rejection_rate then
    words[#words + 1] = ("thresholds for %g %% rejected"):format(100 * self.rejection_rate)
  end
  if self.shard then words[#words + 1] = ("shard %d of %d"):format(self.shard[1], self.shard[2]) end
  if self.interrupted then words[#words + 1] = "interrupted" end
  return table.concat(words, ", ")
end

function Security.__tostring(self)
  local verdicts = table.move(piece.verdicts, 1, has_failures(self) and FAILED or FAILED - 1, 1, {})
  local lines = { head_of(self, verdicts) }
  for _, name in ipairs(self.models) do
    local printed = 0
    for _, attack in ipairs(self.attacks) do
      printed = printed + add_lines(lines, self, verdicts, name, attack, printed == 0)
    end
    if #self.attacks > 1 then add_lines(lines, self, verdicts, name, nil, false) end
  end
  return about(self) .. "\n" .. text.aligned(lines, #self.attacks > 1 and 2 or 1) .. masked_text(self)
    .. unlabelled_text(self)
end

function Security:__len()
  return #self.models
end

Security.__index = methods

-- ---- Files ---------------------------------------------------------------------------------------

-- What a file holds: all that is not counted from the cells.
local kept = { "models", "attacks", "dmax", "seeds", "repeats", "norm", "attack", "seed", "has_noise",
  "interrupted", "rejection_rate", "thresholds", "settings", "written_by", "measures",
  "measured", "shard", "unlabelled" }

-- A cell without the lists that were made of its arrays.
local function bare(cell)
  return { model = cell.model, attack = cell.attack, noise = cell.noise, seed = cell.seed, rows = cell.rows }
end

local function plain(self)
  local copy = { cells = {} }
  for _, name in ipairs(kept) do copy[name] = self[name] end
  for i, cell in ipairs(self.cells) do
    copy.cells[i] = bare(cell)
  end
  return copy
end

-- Settings as one object.
local function settings_of(self)
  local list = {}
  for i, setting in ipairs(self.settings) do list[i] = { what = setting[1], is = setting[2] } end
  return list
end

-- Of a name with "/" in it, which parts the others.
local function member_name(name)
  return (name:gsub("[%%/]", { ["%"] = "%25", ["/"] = "%2F" }))
end

-- The arrays of every sample: their names are "model/attack/seed/array".
local function arrays_of(self)
  local members = { dmax = array.new(self.dmax, { dtype = "f64" }) }
  for _, cell in ipairs(self.cells) do
    local prefix = ("%s/%s/%d/"):format(member_name(cell.model), member_name(cell.attack), cell.seed)
    for name, value in pairs(cell.rows) do
      if kinds.is(value, "array") then members[prefix .. name] = value end
    end
  end
  return members
end

-- ---- Making them ---------------------------------------------------------------------------------

local security = {}

--- From its parts: models, attacks, dmax, seeds, repeats, norm, seed, has_noise, interrupted, settings, … and
--- cells. It raises where they are damaged.
function security.new(parts)
  if not measures.are_sound(parts) then error "the measures in it are damaged" end
  parts.attack = parts.attack or table.concat(parts.attacks, " + ")
  return derive(setmetatable(parts, Security))
end

function security.is(value)
  return type(value) == "table" and debug.getmetatable(value) == Security
end

arguments.guard("security:", methods, { is = security.is, what = "what evaluate.security gave" })

records.define(Security, {
  kind = "security", what = "what evaluate.security gave",
  plain = plain, make = security.new, arrays = arrays_of,
  rows = function(self)
    local rows = methods.rows(self)
    return columns_of(self, rows), rows
  end,
  json = function(self)
    return { models = self.models, attacks = self.attacks, dmax = self.dmax, norm = self.norm,
      seeds = self.seeds, interrupted = self.interrupted, settings = settings_of(self),
      written_by = self.written_by, rows = methods.rows(self) }
  end,
})

--- The one in a file of security:save.
function security.load(path)
  local where = "evaluate.load"
  if type(path) ~= "string" then arguments.expected(where, "path", "a string", path) end
  local found, reason = records.load(path)
  if reason then blame.fail("%s: %s", where, reason) end
  if not security.is(found) then blame.fail("%s: %s holds no evaluation", where, path) end
  return found
end

--- A new table of what it holds; and one of its cells, without the lists that were made of its arrays.
security.plain, security.bare = plain, bare

return security
