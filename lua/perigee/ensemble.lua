-- attack.ensemble: several attacks as one. Each runs on the samples that the earlier ones left, and what all
-- of them found is one result, by the rule of attack.worst.
--
-- An ensemble is a table: its parts are e[1], e[2], …, attacks or ensembles; its own options are e.name and
-- e.all, e.seed, which their random numbers follow from where a run gives none, and e.max_queries, which is
-- what a sample may take in all of them together. Options that all parts take are read and set of all of them
-- (e.dmax = 2). attack.auto makes its own by ensemble.suite, whose parts follow from the model.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"
local missing = require "perigee.missing"
local native = require "perigee.native"
local spread = require "perigee.spread"
local worst = require "perigee.worst"

local ensemble = {}

local attack_type = debug.getregistry()["perigee.attack"]
local own_options = { "name", "all", "seed" } -- and max_queries, a name that every part has too

local methods = {}
local Ensemble = { __name = "perigee.ensemble", methods = methods }
debug.getregistry()["perigee.ensemble"] = Ensemble

local function is_ensemble(value)
  return type(value) == "table" and debug.getmetatable(value) == Ensemble
end

--- Is it what :run, :with and :set can be called of?
function ensemble.is_attack(value)
  return kinds.is(value, "attack") or is_ensemble(value)
end

-- What messages begin with.
local function where_of(self)
  return "attack." .. native.printable(tostring(self.name))
end

-- Call a method of a part. One written in C complains at the user's line.
local function call(part, name, ...)
  if is_ensemble(part) then return methods[name](part, ...) end
  return blame.call(part[name], part, ...)
end

-- ---- Options ------------------------------------------------------------------------------------

local function names_of(part)
  return Ensemble["perigee.option_names"](part)
end

-- The options that every part takes.
Ensemble["perigee.option_names"] = function(value)
  if not is_ensemble(value) then return attack_type["perigee.option_names"](value) end
  local counts, names = {}, {}
  for _, part in ipairs(value) do
    for _, name in ipairs(names_of(part)) do counts[name] = (counts[name] or 0) + 1 end
  end
  for name, count in pairs(counts) do
    if count == #value then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function takes(part, name)
  for _, other in ipairs(names_of(part)) do
    if other == name then return true end
  end
  return false
end

local own_names = { "name", "all", "seed", "max_queries" }

local function is_own(name)
  return name == "name" or name == "all" or name == "seed" or name == "max_queries"
end

-- The seed of part k: the first one has the run's, the others some that follow from it (by the finalizer of
-- splitmix64), whole in a double.
local function derived(seed, k)
  if k == 1 or math.type(seed) ~= "integer" then return seed end
  local z = seed + k * -0x61c8864680b583eb
  z = (z ~ (z >> 30)) * -0x40a7b892e31b1a47
  z = (z ~ (z >> 27)) * -0x6b2fb644ecceee15
  return (z ~ (z >> 31)) >> 11
end

-- A part's share of options that are given to all.
local function share(options, k)
  local own = {}
  for name, value in pairs(options) do own[name] = name == "seed" and derived(value, k) or value end
  return own
end

local function same(a, b)
  if not (kinds.is(a, "array") and kinds.is(b, "array")) then return rawequal(a, b) or a == b end
  return table.concat(a.shape, " ") == table.concat(b.shape, " ") and a:eq(b):all()
end

-- The value that an option has in all parts, or nil.
local function common(self, name)
  local value = call(self[1], "get", name)
  for k = 2, #self do
    if not same(call(self[k], "get", name), value) then return nil end
  end
  return value
end

-- Options for all parts in one table, those of the ensemble itself in another.
local function sorted_out(self, options, where)
  options = arguments.only(where, options, own_options, names_of(self))
  local own, passed = {}, {}
  for _, name in ipairs(own_names) do own[name] = rawget(self, name) end
  for name, value in pairs(options) do (is_own(name) and own or passed)[name] = value end
  return own, passed
end

-- ---- Making them --------------------------------------------------------------------------------

local function part_words(k, part)
  return ("part %d (%s)"):format(k, tostring(part.name))
end

-- What a sample may spend: nil, an integer, or an array of one for each.
local function checked_queries(most, where)
  if type(most) == "table" or kinds.is(most, "array") then
    local ok, each = pcall(array.new, most, { dtype = "i32" })
    if ok and each.size > 0 and each:min() >= 1 then return each end
  elseif most == nil or (type(most) == "number" and most % 1 == 0 and most >= 1) then
    return most
  end
  arguments.expected(where, "max_queries", "an integer of 1 or more, or one for each sample", most)
end

-- Are they attacks, all of one norm? Users can assign to the list, the name, `all` and max_queries.
local function check(self, where)
  rawset(self, "max_queries", checked_queries(rawget(self, "max_queries"), where))
  if type(self.name) ~= "string" then arguments.expected(where, "name", "a string", self.name) end
  if type(self.all) ~= "boolean" then arguments.expected(where, "all", "true or false", self.all) end
  local seed = rawget(self, "seed")
  if seed ~= nil and not (math.type(seed) and math.tointeger(seed)) then
    arguments.expected(where, "seed", "an integer", seed)
  end
  rawset(self, "seed", math.tointeger(seed))
  if #self == 0 then blame.fail("%s: expected a list of attacks, { a, b }, got none", where) end
  for k, part in ipairs(self) do
    if not ensemble.is_attack(part) then
      arguments.expected(where, ("number %d"):format(k), "an attack", part)
    end
    local norm, first = call(part, "get", "norm"), call(self[1], "get", "norm")
    if norm ~= first then
      blame.fail("%s: %s has the norm %s, %s %s", where, part_words(k, part), norm,
        part_words(1, self[1]), first)
    end
  end
  return self
end

local function made(parts, own, where)
  for _, name in ipairs(own_names) do rawset(parts, name, own[name]) end
  return check(setmetatable(parts, Ensemble), where)
end

-- What suites are made by: the kind of suite, and what was set of them since.
local suites = setmetatable({}, { __mode = "k" })

--- By the kinds of suites, the functions that list a model's parts.
ensemble.suites = {}

--- An ensemble whose parts are those of the kind's list for the model, also when another model is set or
--- given to a run.
function ensemble.suite(name, kind, model)
  local list = blame.call(ensemble.suites[kind], model)
  list.name = name
  local suite = ensemble.new(list, "attack." .. name)
  suites[suite] = { kind = kind, set = {}, made = table.move(suite, 1, #suite, 1, {}) }
  return suite
end

--- Do its parts follow from the model? Not any more where users have put others in their place.
function ensemble.is_suite(value)
  local suite = suites[value]
  if not suite or #suite.made ~= #value then return false end
  for k, part in ipairs(suite.made) do
    if not rawequal(part, rawget(value, k)) then return false end
  end
  return true
end

-- The suite after these options were set; it makes its parts anew where they name another model.
local function suite_after(suite, options)
  local set = {}
  for name, value in pairs(suite.set) do set[name] = value end
  for name, value in pairs(options) do set[name] = arguments.kept(value) end
  return { kind = suite.kind, set = set }
end

--- An ensemble of copies of the attacks in the list `options`, which may have name = (of the results, in
--- tables), all = true (every part attacks all samples), seed and max_queries.
function ensemble.new(options, where)
  where = where or "attack.ensemble"
  if type(options) ~= "table" then
    arguments.expected(where, "attacks", "a list of attacks, { a, b }", options)
  end
  local named = arguments.only(where, arguments.beside(where, options), own_options, { "max_queries" })
  local parts = {}
  for k, part in ipairs(options) do
    parts[k] = ensemble.is_attack(part) and call(part, "with", {}) or part
  end
  named.name, named.all = named.name or "ensemble", named.all or false
  return made(parts, named, where)
end

--- What a suite is remade by, { kind =, set = }: both are copies; nil of other ensembles.
function ensemble.suite_of(value)
  return ensemble.is_suite(value) and suite_after(suites[value], {}) or nil
end

--- An ensemble of these parts themselves; own: { name =, all =, seed =, max_queries =, suite = (suite_of) }.
function ensemble.remade(parts, own)
  local remade = made(table.move(parts, 1, #parts, 1, {}), own, "attack.ensemble")
  if own.suite then
    local suite = suite_after(own.suite, {})
    suite.made = table.move(parts, 1, #parts, 1, {})
    suites[remade] = suite
  end
  return remade
end

-- ---- As an attack -------------------------------------------------------------------------------

local with

--- A copy of an attack with options that were given to `where`, which complains of them: to all parts of an
--- ensemble at once, say.
function ensemble.part_with(part, options, where)
  if is_ensemble(part) then return with(part, options, where) end
  local ok, copy = pcall(part.with, part, options)
  if ok then return copy end
  if type(copy) ~= "string" then error(copy, 0) end
  blame.fail("%s", (copy:gsub("^attack%.[%w_]+", (where:gsub("%%", "%%%%")), 1)))
end

function with(self, options, where)
  where = where or where_of(self)
  local own, passed = sorted_out(self, options, where)
  local suite = ensemble.is_suite(self) and suite_after(suites[self], passed)
  local anew = suite and passed.model ~= nil
  local parts = {}
  for k, part in ipairs(anew and ensemble.suites[suite.kind](passed.model) or self) do
    parts[k] = ensemble.part_with(part, share(anew and suite.set or passed, k), where)
  end
  local other = made(parts, own, where)
  if suite then
    suite.made = table.move(parts, 1, #parts, 1, {})
    suites[other] = suite
  end
  return other
end

--- Another one, the same but for these options, of itself or of all parts.
function methods.with(self, options) return with(self, options) end

--- Sets these options; a mistake in one leaves all as they were.
function methods.set(self, options)
  local changed = methods.with(self, options)
  for k = 1, math.max(#self, #changed) do rawset(self, k, rawget(changed, k)) end
  for _, name in ipairs(own_names) do rawset(self, name, rawget(changed, name)) end
  suites[self] = suites[changed]
  return self
end

function methods.get(self, name)
  if is_own(name) then return rawget(self, name) end
  if type(name) ~= "string" then arguments.expected("ensemble:get", "name", "a string", name) end
  arguments.only(where_of(self), { [name] = true }, own_options, names_of(self))
  return common(self, name)
end

-- Does it seek the least distance, as all of its parts do?
local function is_minimal(self)
  for _, part in ipairs(self) do
    if not (ensemble.is_attack(part) and part.minimal) then return false end
  end
  return true
end

function Ensemble.__index(self, key)
  if type(key) ~= "string" then return nil end
  if methods[key] then return methods[key] end
  if is_own(key) then return nil end
  if key == "minimal" then return is_minimal(self) end
  if takes(self, key) then return common(self, key) end
  local names = names_of(self)
  return missing.of_value(self, key, table.move(own_options, 1, #own_options, #names + 1, names))
end

function Ensemble.__newindex(self, key, value)
  if type(key) ~= "string" then
    arguments.expected(where_of(self), "options", "the name of an option", key)
  end
  if value ~= nil then
    methods.set(self, { [key] = value })
  else
    arguments.only(where_of(self), { [key] = true }, own_options, names_of(self))
    for _, part in ipairs(is_own(key) and {} or self) do part[key] = nil end
    if suites[self] then suites[self].set[key] = nil end
  end
end

function Ensemble.__tostring(self)
  local most = self.max_queries
  local lines = { ("%s: %d part%s, each on %s%s"):format(where_of(self), #self, #self == 1 and "" or "s",
    self.all and "all samples" or "what the earlier ones left",
    most and ", max_queries " .. (kinds.is(most, "array") and "of each sample" or tostring(most)) or "") }
  for k, part in ipairs(self) do lines[#lines + 1] = ("%d %s"):format(k, tostring(part)) end
  return (table.concat(lines, "\n"):gsub("\n", "\n  "))
end

-- ---- Running ------------------------------------------------------------------------------------

-- The one model that the parts attack.
local function model_of(self, where, model)
  for _, part in ipairs(self) do
    local own
    if is_ensemble(part) then own = model_of(part, where, model) else own = part:get "model" end
    if own ~= nil and model ~= nil and not rawequal(own, model) then
      blame.fail("%s: the parts attack different models: give one as model = … here", where)
    end
    model = model == nil and own or model
  end
  return model
end

-- One label, or one for each sample; not a word that stands for some.
local function labels(value)
  return type(value) ~= "string" and value or nil
end

-- Has it a row a sample, or a number?
local function has_rows(value)
  return kinds.is(value, "array") or kinds.is(value, "dataset")
    or type(value) == "table" and not debug.getmetatable(value)
end

-- The option's value in a run: its own, or what all parts have.
local function in_run(self, options, name)
  if options[name] == nil and takes(self, name) then return common(self, name) end
  return options[name]
end

-- The most calls that an answer takes in the part, or in one within it.
local function samples_of(part)
  if not is_ensemble(part) then return part.samples end
  local most = 1
  for _, inner in ipairs(part) do most = math.max(most, samples_of(inner)) end
  return most
end

-- Judge the samples as they are.
local function start_of(self, samples, options)
  local where = where_of(self)
  local model = options.model
  if model == nil then model = model_of(self, where) end
  if model == nil then
    blame.fail("%s: no model: give one as model = … here or in a part", where)
  end
  local dmax = in_run(self, options, "dmax")
  return blame.call(attack_type.start, {
    model = model, x0 = samples, y = options.y, norm = common(self, "norm"), check = false,
    target = labels(in_run(self, options, "target")), dmax = has_rows(dmax) and dmax or nil,
    samples = samples_of(self),
  }, where), model
end

-- Where it starts: what was wrong already, or has no scores, is not attacked; with a target only what is
-- accepted as that or has no scores.
local function open_in(start)
  local open, hit = {}, start.hit
  for i, verdict in ipairs(start.start_verdict) do
    local goes = verdict == "correct" or verdict == "rejected"
    if hit then goes = verdict ~= "failed" and not hit[i] end
    if goes then open[#open + 1] = i end
  end
  return open
end

-- Options that may have a row a sample.
local each = { "target", "dmax", "start", "max_queries" }

-- What the value of that option is for the samples at these positions. One that has no rows holds for all.
local function rows_of(run, name, value, at)
  local n = run.n
  if kinds.is(value, "result") then value = value.x_adv end
  if #at == n or not has_rows(value) or (name == "max_queries" and #value == 1) then return value end
  if #value ~= n then
    blame.fail("%s: %s: expected one for each of %d samples, got %d", where_of(run.parts), name, n, #value)
  end
  return kinds.is(value, "dataset") and value:take(at) or array.take(value, at)
end

-- What the samples at these positions may spend on a part, of what it allows itself and what is left.
local function budget_of(run, part, at)
  local own, rows = part:get "max_queries", {}
  for i, place in ipairs(at) do
    local most = kinds.is(own, "array") and own[#own == 1 and 1 or place] or own or math.huge
    rows[i] = math.min(most, run.queries[place])
  end
  return rows
end

-- The part as it is for the samples at these positions, where the run does not say otherwise.
local function narrowed(run, part, at)
  if is_ensemble(part) then
    local parts = {}
    for k, inner in ipairs(part) do parts[k] = narrowed(run, inner, at) end
    return made(parts, {
      name = part.name, all = part.all, max_queries = rows_of(run, "max_queries", part.max_queries, at),
    }, where_of(part))
  end
  local changes = {}
  for _, name in ipairs(each) do
    if run.options[name] == nil and takes(part, name) then
      local value = call(part, "get", name)
      local rows = rows_of(run, name, value, at)
      if not rawequal(rows, value) then changes[name] = rows end
    end
  end
  return next(changes) and call(part, "with", changes) or part
end

-- Does the part, or one within it, take the option?
local function can_take(part, name)
  if not is_ensemble(part) then return takes(part, name) end
  for _, inner in ipairs(part) do
    if can_take(inner, name) then return true end
  end
  return false
end

-- Users' functions in a part that gets some of the samples are told of rows by their positions in all.
local function of_whole_batch(f, at)
  return function(...)
    local told = select(select("#", ...), ...) -- of the rows: the last, info or state
    told.rows = array.take(at, told.rows)
    return f(...)
  end
end

-- The part with functions of such.
local function renumbered(part, at)
  local changes = {}
  for _, name in ipairs { "objective", "direction", "on_step" } do
    local f = takes(part, name) and call(part, "get", name)
    if type(f) == "function" then changes[name] = of_whole_batch(f, at) end
  end
  return next(changes) and call(part, "with", changes) or part
end

-- Run part k on the samples at these positions.
local function run_part(run, k, at)
  local start, part, options = run.start, run.parts[k], share(run.options, k)
  local samples = run.samples
  options.model, options.y = run.model, nil
  for _, name in ipairs(each) do options[name] = rows_of(run, name, options[name], at) end
  for _, name in ipairs { "start", "start_from" } do
    if not can_take(part, name) then options[name] = nil end
  end
  local seeds = run.seeds and run.seeds[k]
  if math.type(seeds) then options.seed = seeds end -- else they are those of the parts of an ensemble
  if #at < #start then
    samples = data.new { x = start.x0:take(at), y = start.y:take(at), shape = start.shape }
    local positions = array.new(at, { dtype = "i32" })
    part = renumbered(narrowed(run, part, at), positions)
    if options.on_step then options.on_step = of_whole_batch(options.on_step, positions) end
  else
    options.y = start.y
  end
  if run.queries then part = call(part, "with", { max_queries = budget_of(run, run.parts[k], at) }) end
  if is_ensemble(part) then return ensemble.run(part, samples, options, seeds) end
  return call(part, "run", samples, options)
end

-- Take over what a part's run has reached; how many of its samples that are.
local function note_reached(run, result, at)
  local count, verdict, hit = 0, result.verdict, run.start.target and result.hit
  for i, place in ipairs(at) do
    local reached = verdict[i] == "evaded"
    if hit then reached = hit[i] end
    if reached then
      run.done[place] = true
      count = count + 1
    end
  end
  return count
end

local function left_of(run)
  local left = {}
  for _, place in ipairs(run.open) do
    if not run.done[place] then left[#left + 1] = place end
  end
  return left
end

-- Where each sample's queries are counted: what is left of them behind the start's score.
local function start_budget(self, start)
  local most, n, queries = rawget(self, "max_queries"), #start, {}
  if not most then return nil end
  local is_array = kinds.is(most, "array")
  if is_array and #most ~= 1 and #most ~= n then
    blame.fail("%s: max_queries: expected one number, or one for each of %d samples, got %d", where_of(self),
      n, #most)
  end
  local spent = start.evaluations.scores
  for i = 1, n do
    local own = is_array and most[#most == 1 and 1 or i] or most
    if own < spent[i] then
      blame.fail("%s: max_queries: %d do not pay for one answer, a mean of samples = %d of them",
        where_of(self), own, spent[i])
    end
    queries[i] = own - spent[i]
  end
  return queries
end

-- Those of the samples that can pay for part k: for its look at the start and one answer more.
local function can_pay(run, k, at)
  if not run.queries then return at end
  local can, price = {}, 2 * samples_of(run.parts[k])
  for _, place in ipairs(at) do
    if run.queries[place] >= price then can[#can + 1] = place else run.unpaid[place] = 1 end
  end
  return can
end

-- Take off what a part has spent. What it stopped for the lack of was its own or the ensemble's.
local function pay(run, result, at)
  if not run.queries then return end
  local scores, gradients, stop = result.evaluations.scores, result.evaluations.gradients, result.stop
  for i, place in ipairs(at) do
    run.queries[place] = run.queries[place] - scores[i] - gradients[i]
    if stop[i] == "max_queries" then run.unpaid[place] = 1 end
  end
end

-- The part's options as parameters, so that it can be made again where it has not run.
local function options_of(part)
  local options = { attack = part.name }
  if is_ensemble(part) then
    options.all, options.parts = part.all, {}
    for k, inner in ipairs(part) do options.parts[k] = { name = inner.name, options = options_of(inner) } end
  end
  for _, name in ipairs(is_ensemble(part) and {} or names_of(part)) do
    local value = part:get(name)
    local is_bound = (name == "lower" or name == "upper" or name == "smoothing") and kinds.is(value, "array")
    if is_bound then value = value:totable() end
    if type(value) == "function" then value = "function" end
    if type(value) ~= "userdata" and name ~= "model" then options[name] = value end
  end
  local most = part.max_queries
  if kinds.is(most, "array") then most = #most == 1 and most[1] or nil end
  options.max_queries = most
  return options
end

-- One part's turn; what is kept of it.
local function turn(run, k)
  local part, at = run.parts[k], can_pay(run, k, run.parts.all and run.open or left_of(run))
  local kept = {
    name = part.name, text = tostring(part), options = options_of(part), samples = #at, evaded = 0,
    left = #left_of(run), scores = 0, gradients = 0, seconds = 0,
  }
  if #at == 0 then return kept end
  local before = perigee.clock()
  local result = run_part(run, k, at)
  kept.seconds = perigee.clock() - before
  run.results[#run.results + 1] = { result, at }
  for _, stop in ipairs(result.stop) do run.ended = run.ended or stop == "on_step" end
  pay(run, result, at)
  kept.evaded = note_reached(run, result, at)
  kept.left = #left_of(run)
  kept.scores, kept.gradients = nil, nil -- those of the result
  return worst.part(result, kept)
end

-- What holds for all parts, whether or not any has run.
local function params_of(self, options)
  local params, most = { seed = options.seed, all = self.all }, rawget(self, "max_queries")
  if type(most) == "number" then params.max_queries = most end
  for _, name in ipairs { "norm", "dmax", "lower", "upper" } do
    local value = in_run(self, options, name)
    if type(value) == "number" or type(value) == "string" then params[name] = value end
  end
  return params
end

local function run_names()
  local names = {}
  for i, option in ipairs(native.described("attack:run").options) do names[i] = option[1] end
  return names
end

-- What is wrong in options is told of the whole before a part runs.
local function check_run(self, options, where)
  if options.start ~= nil and not can_take(self, "start") then
    blame.fail("%s: start: none of the parts can set out from elsewhere than the samples", where)
  elseif options.start_from ~= nil and not can_take(self, "start_from") then
    blame.fail("%s: start_from: none of the parts has a double start", where)
  end
  for _, name in ipairs { "dmax", "target" } do
    if options[name] ~= nil and takes(self, name) then with(self, { [name] = options[name] }) end
  end
end

-- Part after part, or none of them.
local function run_parts(self, run, parts_to_run)
  local parts, interrupted = {}, parts_to_run == 0
  for k = 1, parts_to_run do
    parts[k] = turn(run, k)
    local note = ("stopped in part %d of %d; the result keeps what was found so far"):format(k, #self)
    interrupted = perigee.interrupted(note)
    if interrupted or run.ended then break end
  end
  return worst.merge(run.results, {
    name = native.printable(self.name), where = where_of(self), from_start = true, interrupted = interrupted,
    ended = run.ended,
    unpaid = run.unpaid, parts = parts, params = params_of(self, run.options),
  })
end

-- What is run, once it is known that it can be: the parts are those for the model.
local function prepared(self, samples, options)
  local where = where_of(self)
  options = arguments.only(where, options, run_names())
  if options.seed == nil then options.seed = rawget(self, "seed") end
  if ensemble.is_suite(self) and options.model ~= nil then
    self = methods.with(self, { model = options.model })
  end
  check(self, where)
  check_run(self, options, where)
  local start, model = start_of(self, samples, options)
  return self, {
    parts = self, samples = samples, options = options, model = model, start = start, n = #start,
    open = open_in(start), done = {}, results = { { start } }, queries = start_budget(self, start),
    unpaid = array.zeros(#start):astype("i32"):totable(),
  }
end

-- ---- Large sets, in groups (spread.lua) -----------------------------------------------------------

-- Does a function look on, of the run's or of a part's? It is to see all samples.
local function is_watched(self, options)
  if options.on_step then return true end
  for _, part in ipairs(self) do
    if is_ensemble(part) and is_watched(part, {}) then return true end
    if not is_ensemble(part) and takes(part, "on_step") and part:get "on_step" then return true end
  end
  return false
end

-- The seed of each part's run, which is the same in all groups.
local function seeds_of(self)
  local seeds = {}
  for k, part in ipairs(self) do
    seeds[k] = is_ensemble(part) and seeds_of(part) or attack_type.seed(part)
  end
  return seeds
end

--- An attack as it is for the samples at these positions, of n, in a run with these options.
function ensemble.narrowed(attacker, options, n, at)
  local run = { parts = attacker, options = options, n = n }
  return renumbered(narrowed(run, attacker, at), array.new(at, { dtype = "i32" }))
end

--- The options of a run for these.
function ensemble.options_for(attacker, options, n, at)
  local rows = {}
  for name, value in pairs(options) do rows[name] = value end
  for _, name in ipairs { "y", "target", "dmax", "start" } do
    rows[name] = rows_of({ parts = attacker, n = n }, name, options[name], at)
  end
  return rows
end

-- The result of a large set; nil where it is to be done at once.
local function in_groups(self, run)
  local options = {}
  for name, value in pairs(run.options) do options[name] = value end
  options.model = run.model
  return spread.run(self, run.samples, options, {
    seeds = options.seed == nil and seeds_of(self) or nil,
    look = function(at) -- what a run of these would give that was interrupted before its first part
      local start = run.start:take(at)
      return run_parts(self, { options = options, start = start, results = { { start } } }, 0)
    end,
  })
end

--- Run it; `seeds` are the parts' own, where they are known.
function ensemble.run(self, samples, options, seeds)
  local parts, run = prepared(self, samples, options)
  run.seeds = seeds
  local large = run.n > attack_type.group
  if large and is_watched(parts, run.options) then
    spread.tell_watched(parts)
    large = false
  end
  return large and in_groups(parts, run) or run_parts(parts, run, #parts)
end

--- Attack the samples, part after part: one result, whose `parts` say what each of them did.
function methods.run(self, samples, options) return ensemble.run(self, samples, options) end

arguments.guard("ensemble:", methods, { is = is_ensemble, what = "an ensemble of attacks" })

return ensemble
