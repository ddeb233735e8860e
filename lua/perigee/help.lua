-- The help: one table of documentation per module (perigee/help/NAME.lua), and what is made of it —
-- answers at the prompt, completion of option keys, and through help/generate.lua the manual, the
-- man page and the editors' definitions. help/layout.lua turns it into text for a terminal.
--
-- A module's table:
--   { name = "array", title = "Arrays", summary = "…", entries = { entry, … } }
-- An entry:
--   name     "array.mean" (a function), "net:forward" (a method), "dataset.x" (a field)
--   kind     "field", or "value" where a kind of value (or the rule of numbers) is described as a
--            whole; functions have none
--   group    a heading that begins before this entry in the list of its module
--   text     what it does: shapes, units, failure; the first sentence alone stands in lists
--   params   { { "x", "array|dataset", "what it is" }, { "axis", "integer?", "…" }, … }; a "?" ends
--            the type of what may be left out, "…" that of what may come several times; a default
--            is said in the text. The table of options is not among them: it is the last argument
--            of whatever has options
--   options  { { "eta", "number", "0.1", "step of the search" }, … }: key, type, default, meaning;
--            a type of quoted words ('"l1"|"l2"') is what completion offers as values. Where the
--            program has a table of the options (core/fields.h) the entry has none: they come from
--            there, and a constructor that only such a table knows gets its whole entry so
--   returns  { "array", "what comes back" }
--   method   true where array.mean(x) is also x:mean()
--   example  runnable code, alone; every example is run by the tests
--   see      { "array.sum", … }
--   words    other names by which it is looked for ("vstack hstack"); those of help/words.lua
-- Methods and fields are named by the kind of their owner (array, dataset, net, svm, nr, layer, dnr,
-- attack, result, figure); what every model has is named model:scores.

local helpers = require "perigee.helpers"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local help = {}

local modules = { "prompt", table.unpack(require "perigee.libraries") }

--- Kinds that have everything that another one has.
help.parents = {
  net = "model", svm = "model", nr = "model", layer = "model", dnr = "model", preprocess = "model",
  confidence = "model", energy = "model", density = "model", mahalanobis = "model", squeeze = "model",
  knn = "model", logistic = "model", pipeline = "model",
  panel = "figure",
  ensemble = "attack", history = "record", report = "record", confusion = "record", roc = "record",
  optimality = "record", interval = "record", rerr = "record", half_radius = "record", diagnosis = "record",
  tuning = "record", search = "record", check = "record", security = "record", validation = "record",
}

-- Filled at first use: starting the prompt does not pay for it.
local index -- name → entry
local every -- all entries in the manual's order: of two that fit equally the first one is taken

-- The rows of a table of fields. What a number may be stands behind what it means.
local function rows_of(described)
  local rows = {}
  for i, row in ipairs(described.options) do
    local key, kind, default, meaning, range = table.unpack(row)
    rows[i] = { key, kind, default, range ~= "" and ("%s (%s)"):format(meaning, range) or meaning }
  end
  return #rows > 0 and rows or nil
end

local function entry_of_description(name, described)
  return {
    name = name, group = described.group, text = described.summary, options = rows_of(described),
    returns = { described.result, described.gives },
    example = described.example, see = described.see and { described.see },
  }
end

-- Give entries their options, and constructors without an entry one at the end of their library's.
local function add_descriptions()
  for _, name in ipairs(native.described()) do
    local described, entry = native.described(name), index[name]
    if entry then
      entry.options = entry.options or rows_of(described)
    elseif described.summary then
      entry = entry_of_description(name, described)
      index[name] = entry
      every[#every + 1] = entry
      for _, module in ipairs(help.modules) do
        if module.name == name:match("^[%w_]+") then table.insert(module.entries, entry) end
      end
    end
  end
end

local added = {} -- entries of what users define, in that order

-- Put an entry where another one was, else at the end.
local function put(list, before, entry)
  for i, one in ipairs(list) do
    if one == before then
      list[i] = entry
      return
    end
  end
  list[#list + 1] = entry
end

local function insert(entry)
  local before = index[entry.name]
  index[entry.name] = entry
  put(every, before, entry)
  for _, module in ipairs(help.modules) do
    if module.name == entry.name:match "^[%w_]+" then put(module.entries, before, entry) end
  end
end

local function load_all()
  if index then return end
  index, every = {}, {}
  help.modules = {}
  for _, name in ipairs(modules) do
    local module = require("perigee.help." .. name)
    help.modules[#help.modules + 1] = module
    for _, entry in ipairs(module.entries) do
      index[entry.name] = entry
      every[#every + 1] = entry
    end
  end
  add_descriptions()
  for name, words in pairs(require("perigee.help.words").of) do
    if index[name] then index[name].words = index[name].words or words end
  end
  for _, entry in ipairs(added) do insert(entry) end
end

--- How often an entry was added: who keeps something made of all of them makes it anew.
help.additions = 0

--- Add the entry of something that the user defined; it takes the place of one of the same name.
function help.add(entry)
  local before
  for _, one in ipairs(added) do
    if one.name == entry.name then before = one end
  end
  put(added, before, entry)
  if index then insert(entry) end
  help.additions = help.additions + 1
end

--- Add that of what has been described since (bind_describe_options), or described anew.
function help.describe(name)
  help.add(entry_of_description(name, native.described(name)))
end

--- Every module's table, in the manual's order.
function help.all()
  load_all()
  return help.modules
end

---------------------------------------------------------------------------------------------------
-- Entries in a few words

-- "x [, axis [, step]]", and the options where there are any.
local function arguments(params, options)
  local text, open = {}, 0
  for i, param in ipairs(params) do
    local optional = param[2]:sub(-1) == "?"
    local comma = i > 1 and ", " or ""
    local name = param[1] .. (param[2]:find("…", 1, true) and "…" or "")
    text[#text + 1] = (optional and (i > 1 and " [" or "[") or "") .. comma .. name
    if optional then open = open + 1 end
  end
  local list = table.concat(text) .. ("]"):rep(open)
  if not options then return list end
  return list .. (#params > 0 and " [, { … }]" or "[{ … }]")
end

--- "array.mean(x [, axis] [, { … }])", or "dnr.new { … }" where options are all there is.
function help.signature(entry)
  if entry.kind then
    return entry.returns and ("%s: %s"):format(entry.name, entry.returns[1]) or entry.name
  end
  local params = entry.params or {}
  if #params == 0 and entry.options and not entry.name:find(":", 1, true) then
    return entry.name .. " { … }"
  end
  return ("%s(%s)"):format(entry.name, arguments(params, entry.options))
end

--- "x:mean([axis] [, { … }])": the same as a method.
function help.method_signature(entry)
  local rest = table.move(entry.params, 2, #entry.params, 1, {})
  return ("x:%s(%s)"):format(entry.name:match("[%w_]+$"), arguments(rest, entry.options))
end

--- The first sentence of an entry's text, for lists.
function help.brief(entry)
  local text = entry.text:gsub("%s+", " "):gsub("^ ", "")
  local at = 1
  while true do
    local stop = text:find("%. ", at)
    if not stop then return text end
    -- an initial ("J. ") ends no sentence
    if not text:sub(1, stop):find("%f[%w]%u%.$") then return text:sub(1, stop) end
    at = stop + 1
  end
end

---------------------------------------------------------------------------------------------------
-- Finding

--- The entry of a kind's method or field; of what all models have, too.
function help.member(kind, name)
  load_all()
  local base = name:match("^(.-)_$") -- x:exp_() stands with exp
  for _, owner in ipairs { kind, help.parents[kind] } do
    local found = index[owner .. ":" .. name] or index[owner .. "." .. name]
    if not found and base then found = index[owner .. ":" .. base] or index[owner .. "." .. base] end
    if found then return found end
  end
end

--- The entries of a kind's methods, or of its fields, in the manual's order.
function help.entries_of(kind, methods)
  load_all()
  local list = {}
  for _, entry in ipairs(every) do
    local owner, mark = entry.name:match("^([%w_]+)([.:])[%w_]+$")
    local fits = mark == ":" or entry.method
    if not methods then fits = entry.kind == "field" end
    if fits and owner == kind then list[#list + 1] = entry end
  end
  return list
end

--- The names of a kind's methods, or of its fields, as a set; its parent's are among them.
function help.members(kind, methods)
  local names = {}
  for _, owner in ipairs { kind, help.parents[kind] } do
    for _, entry in ipairs(help.entries_of(owner, methods)) do
      names[entry.name:match("[%w_]+$")] = true
    end
  end
  return names
end

--- The entry of a name: "array.mean", "array:mean" (also where mean is a function and a method),
--- "svm:scores" (which is model:scores), or the last part of one, "pgd"; nil if there is none.
function help.find(name)
  load_all()
  if index[name] then return index[name] end
  local owner, member = name:match("^([%w_]+)[.:]([%w_]+)$")
  if owner then return help.member(owner, member) end
  local field
  for _, entry in ipairs(every) do
    if entry.name:match("[.:]([%w_]+)$") == name then
      if not entry.kind then return entry end
      field = field or entry
    end
  end
  if field then return field end
  local base = name:match("^([%w_]+)_$")
  return base and help.find(base)
end

--- The module's table by its name, or nil.
function help.module(name)
  load_all()
  for _, module in ipairs(help.modules) do
    if module.name == name then return module end
  end
end

--- Entries that have every word of the query, best first, by stems and meaning; where there are none, those
--- that come near, and what was mended in the query ("matrx → matrix").
function help.search(query)
  return require("perigee.help.search").find(query)
end

--- The entries of an owner ("array", "net") that are known by this word elsewhere: vstack is concatenate.
function help.known_as(owner, word)
  load_all()
  local list = {}
  for _, entry in ipairs(every) do
    local of, member = entry.name:match("^([%w_]+)[.:]([%w_]+)$")
    if of and (of == owner or of == help.parents[owner]) then
      for one in (entry.words or ""):gmatch("%S+") do
        if one == word then list[#list + 1] = member end
      end
    end
  end
  return list
end

--- The documented name that somebody who asked for `name` ("svm:scors", "pdg") probably meant, or nil.
function help.nearest(name)
  load_all()
  local owner, member = name:match("^([%w_]+)[.:]([%w_]+)$")
  local near, full, last, whole = {}, {}, {}, {}
  for _, module in ipairs(help.modules) do last[#last + 1] = module.name end
  for _, entry in ipairs(every) do
    local of, short = entry.name:match("^([%w_]-)[.:]?([%w_]+)$")
    if owner and (of == owner or of == help.parents[owner]) then near[#near + 1] = short end
    full[#full + 1] = entry.name:gsub(":", ".")
    last[#last + 1] = short
    whole[short] = whole[short] or entry.name
  end
  local meant
  if owner then
    meant = perigee.nearest(member, near)
    meant = meant and owner .. "." .. meant or perigee.nearest(owner .. "." .. member, full)
    return meant and help.find(meant).name
  end
  meant = perigee.nearest(name, last)
  return meant and (help.module(meant) and meant or whole[meant])
end

local own = setmetatable({}, { __mode = "k" }) -- entries of functions that stand in no library

--- Give a function an entry that is found by the function alone, whatever its user calls it.
function help.describe_function(f, entry) own[f] = entry end

-- A function's entry: looked for among the libraries, then among the methods of the types.
local function entry_of_function(f)
  if own[f] then return own[f] end
  for _, entry in ipairs(every) do
    local library, key = entry.name:match("^([%w_]+)%.([%w_]+)$")
    local t = library and rawget(_G, library)
    local value
    if library then
      value = type(t) == "table" and rawget(t, key)
    else
      value = helpers.global(entry.name)
    end
    if value == f and not entry.kind then return entry end
  end
  local found
  for name, meta in next, debug.getregistry() do
    local kind = type(name) == "string" and name:match("^perigee%.([%w_]+)$")
    local methods = kind and type(meta) == "table" and rawget(meta, "methods")
    for key, value in next, type(methods) == "table" and methods or {} do
      local entry = value == f and help.member(kind, key)
      -- models share functions: whatever order the registry has, the answer is one
      if entry and (not found or entry.name < found.name) then found = entry end
    end
  end
  return found
end

--- The entry or the module of any value: a function, a library, a name.
function help.of(value)
  if type(value) == "string" then return help.module(value) or help.find(value) end
  load_all()
  if type(value) == "function" then return entry_of_function(value) end
  for _, module in ipairs(help.modules) do
    if rawequal(rawget(_G, module.name), value) then return module end
  end
  local kind = kinds.of(value)
  return kind and (index[kind] or help.module(kind) or index[help.parents[kind]]) or nil
end

---------------------------------------------------------------------------------------------------
-- Showing

--- The text of an entry or a module, no line wider than `width` columns (80); in colour if asked for.
function help.text(found, width, colour)
  return require("perigee.help.layout").text(found, width or 80, colour)
end

--- The overview: what there is, a line per module.
function help.overview(width, colour)
  return require("perigee.help.layout").overview(width or 80, colour)
end

return help
