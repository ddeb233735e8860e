-- Options that users declare for what they add to the program, a picture of their own (plot.recipe): read
-- once, then checked, completed and told of in the help like those of the built-in ones.
--
-- A declaration is a table of defaults by their names, as attack.define has it: a value, or { default,
-- type =, low =, high =, words =, meaning = }; a type alone leaves the option nil until it is given. What
-- stands at a position is the name of an option that takes anything:
--
--   { "label", bins = 20, eta = { 0.1, low = 0, meaning = "…" }, norm = { "l2", words = { "l1", "l2" } } }
--
-- A type is number, integer, boolean, string, table, function, the name of a kind (array, dataset, result,
-- model), or several of them between bars; without one it is that of the default: 1 is an integer, 1.0 a
-- number.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local options = {}

local plain = {
  number = true, integer = true, boolean = true, string = true, table = true, ["function"] = true, any = true,
  model = true,
}

local function is_one(value, one)
  if one == "any" then return true end
  if one == "integer" then return type(value) == "number" and math.tointeger(value) ~= nil end
  if one == "model" then return kinds.is_model(value) end
  return type(value) == one or kinds.of(value) == one
end

local function is(value, of)
  for one in of:gmatch "[^|]+" do
    if is_one(value, one) then return true end
  end
  return false
end

-- "a, b or c"
local function any_of(list)
  return #list == 1 and list[1] or table.concat(list, ", ", 1, #list - 1) .. " or " .. list[#list]
end

local function quoted(words)
  local list = {}
  for i, word in ipairs(words) do list[i] = ('"%s"'):format(word) end
  return list
end

-- "from 0 to 1", "of 0 or more"; nil where there are no bounds.
local function bounds(row)
  if row.low and row.high then return ("from %.14g to %.14g"):format(row.low, row.high) end
  if row.low then return ("of %.14g or more"):format(row.low) end
  return row.high and ("of %.14g or less"):format(row.high)
end

-- What a row takes, in words: "a number from 0 to 1", "an array or a dataset", '"l1" or "l2"'.
local function words_of(row)
  if row.words then return any_of(quoted(row.words)) end
  local list = {}
  for one in row.type:gmatch "[^|]+" do
    list[#list + 1] = (one:find "^[aeiou]" and "an " or "a ") .. one
  end
  return any_of(list) .. (bounds(row) and " " .. bounds(row) or "")
end

-- Is the value what the row takes?
local function fits(row, value)
  for _, word in ipairs(row.words or {}) do
    if value == word then return true end
  end
  if row.words or not is(value, row.type) then return false end
  return type(value) ~= "number" or value >= (row.low or -math.huge) and value <= (row.high or math.huge)
end

-- ---- Declarations --------------------------------------------------------------------------------

local function check_type(where, of)
  if type(of) ~= "string" or of == "" then
    arguments.expected(where, "type", 'a string such as "number" or "array|table"', of)
  end
  for one in of:gmatch "[^|]+" do
    if not plain[one] and not debug.getregistry()["perigee." .. one] then
      blame.fail("%s: type: expected number, integer, boolean, string, table, function or the name of a "
        .. "kind, got %s", where, one)
    end
  end
end

local function check_words(where, words)
  local fine = type(words) == "table" and #words > 0
  for _, word in ipairs(fine and words or {}) do
    fine = fine and type(word) == "string" and not word:find '"'
  end
  if not fine then arguments.expected(where, "words", "a list of words", words) end
end

local function type_of(value)
  if value == nil then return "any" end
  if type(value) == "userdata" then return kinds.of(value) or "any" end
  return math.type(value) == "integer" and "integer" or type(value)
end

local parts = { type = "string", low = "number", high = "number", words = "table", meaning = "string" }

-- The row of one option; `said`: { default, type =, … }.
local function row_of(where, name, said)
  if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" then
    arguments.expected(where, "a name", 'a word such as "bins"', name)
  end
  where = ("%s: %s"):format(where, name)
  local row = { name = name, default = arguments.kept(said[1]) }
  for key, value in pairs(said) do
    if key ~= 1 and not parts[key] then
      blame.fail("%s: expected a default, or { default, type =, low =, high =, words =, meaning = }, got a "
        .. "table with %s (a default that is a table is { { … } })", where, tostring(key))
    elseif key ~= 1 and type(value) ~= parts[key] then
      arguments.expected(where, key, "a " .. parts[key], value)
    end
    if key ~= 1 then row[key] = arguments.kept(value) end
  end
  if row.type then check_type(where, row.type) end
  if row.words then check_words(where, row.words) end
  row.type = row.type or row.words and "string" or type_of(row.default)
  if row.default ~= nil and not fits(row, row.default) then
    arguments.expected(where, "default", words_of(row), row.default)
  end
  return row
end

--- The rows { name =, type =, default =, low =, high =, words =, meaning = } of a declaration (nil is none),
--- those with a position first, the others by the alphabet. `taken` are names that it cannot have.
function options.declared(where, declared, taken)
  if declared == nil then return {} end
  if type(declared) ~= "table" then
    arguments.expected(where, "options", "a table, name = default", declared)
  end
  where = where .. ": options"
  local rows, seen, names = {}, {}, {}
  for _, name in ipairs(taken or {}) do seen[name] = "one that every picture takes" end
  local function add(name, said)
    local row = row_of(where, name, said)
    if seen[name] then blame.fail("%s: '%s' is %s", where, name, seen[name]) end
    seen[name] = "there twice"
    rows[#rows + 1] = row
  end
  for _, name in ipairs(declared) do add(name, {}) end
  for key in pairs(declared) do
    if not math.type(key) then names[#names + 1] = key end
  end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local said = declared[name]
    add(name, type(said) == "table" and said or { said })
  end
  return rows
end

-- ---- Use -----------------------------------------------------------------------------------------

--- What was given, a table whose keys are known to be right, with the defaults; what does not fit is
--- refused.
function options.taken(where, rows, given)
  local made = {}
  for key, value in pairs(given) do made[key] = value end
  for _, row in ipairs(rows) do
    local value = made[row.name]
    if value == nil then
      made[row.name] = arguments.kept(row.default)
    elseif not fits(row, value) then
      arguments.expected(where, row.name, words_of(row), value)
    elseif row.type == "integer" then
      made[row.name] = math.tointeger(value)
    end
  end
  return made
end

--- The names of the rows.
function options.names(rows)
  local names = {}
  for i, row in ipairs(rows) do names[i] = row.name end
  return names
end

local function shown(value)
  if value == nil then return "none" end
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "number" or type(value) == "boolean" then return tostring(value) end
  return require("perigee.printer").text(value, { width = 40, lines = 1 })
end

--- The rows as the help has them: name, type, default, meaning.
function options.help(rows)
  local list = {}
  for i, row in ipairs(rows) do
    local kind = row.words and table.concat(quoted(row.words), "|") or row.type
    local meaning = table.concat({ row.meaning or "", bounds(row) and ("(%s)"):format(bounds(row)) }, " ")
    list[i] = { row.name, kind, shown(row.default), meaning:gsub("^ ", "") .. "" }
  end
  return list
end

return options
