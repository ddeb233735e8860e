-- Options that users declare for what they add to the program, a picture of their own (plot.recipe): read
-- once, then checked, completed and told of in the help like those of the built-in ones.
--
-- A declaration is a table. By its position stands a name alone, or { name, type, default, meaning } as the
-- help has it; by its name stands a default, or { type =, default =, meaning = }:
--
--   { "label", { "norm", '"l1"|"l2"', "l2", "of the distance" }, bins = 20, eta = { default = 0.1 } }
--
-- A type is number, integer, boolean, string, table, function, the name of a kind (array, dataset, result,
-- model), quoted words, or several of them between bars. Without one it is that of the default; without
-- both any value does.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local options = {}

local plain = {
  number = true, integer = true, boolean = true, string = true, table = true, ["function"] = true, any = true,
  model = true,
}

local function is_one(value, one)
  local word = one:match '^"(.*)"$'
  if word then return value == word end
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

-- "a number or an array"
local function words(of)
  local list = {}
  for one in of:gmatch "[^|]+" do
    list[#list + 1] = one:find '^"' and one or (one:find "^[aeiou]" and "an " or "a ") .. one
  end
  return #list == 1 and list[1] or table.concat(list, ", ", 1, #list - 1) .. " or " .. list[#list]
end

local function check_type(where, name, of)
  if type(of) ~= "string" or of == "" then
    arguments.expected(where, name .. ": type", 'a string such as "number" or "array|table"', of)
  end
  for one in of:gmatch "[^|]+" do
    if not plain[one] and not one:find '^"[^"]*"$' and not debug.getregistry()["perigee." .. one] then
      blame.fail("%s: %s: type: expected number, integer, boolean, string, table, function, the name of a "
        .. "kind, or quoted words, got %s", where, name, one)
    end
  end
end

local function type_of(value)
  if value == nil then return "any" end
  if type(value) == "userdata" then return kinds.of(value) or "any" end
  return type(value)
end

-- The row of one option; `said` is what the declaration has of it.
local function row_of(where, name, said)
  if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" then
    arguments.expected(where, "a name", 'a word such as "bins"', name)
  end
  local row = { name = name, default = said.default, meaning = said.meaning or "" }
  if type(row.meaning) ~= "string" then
    arguments.expected(where, name .. ": meaning", "a string", row.meaning)
  end
  if said.type ~= nil then check_type(where, name, said.type) end
  row.type = said.type or type_of(row.default)
  if row.default ~= nil and not is(row.default, row.type) then
    arguments.expected(where, name .. ": default", words(row.type), row.default)
  end
  return row
end

local parts = { type = true, default = true, meaning = true }

-- What stands by a name: a default, or a table with the parts.
local function said_of(where, name, value)
  if type(value) ~= "table" then return { default = value } end
  if next(value) == nil then return value end
  for key in pairs(value) do
    if not parts[key] then
      blame.fail("%s: %s: expected a default, or { type =, default =, meaning = }, got a table with '%s' "
        .. "(a default that is a table is { default = { … } })", where, tostring(name), tostring(key))
    end
  end
  return value
end

--- The rows { name =, type =, default =, meaning = } of a declaration (nil is none), those with a position
-- first, the
--- others by the alphabet. `taken` are names that it cannot have.
function options.declared(where, declared, taken)
  if declared == nil then return {} end
  if type(declared) ~= "table" then arguments.expected(where, "options", "a table of options", declared) end
  where = where .. ": options"
  local rows, seen, names = {}, {}, {}
  for _, name in ipairs(taken or {}) do seen[name] = "one that every picture takes" end
  local function add(row)
    if seen[row.name] then blame.fail("%s: '%s' is %s", where, row.name, seen[row.name]) end
    seen[row.name] = "there twice"
    rows[#rows + 1] = row
  end
  for _, value in ipairs(declared) do
    if type(value) == "table" then
      add(row_of(where, value[1], { type = value[2], default = value[3], meaning = value[4] }))
    else
      add(row_of(where, value, {}))
    end
  end
  for key in pairs(declared) do
    if not math.type(key) then names[#names + 1] = key end
  end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do add(row_of(where, name, said_of(where, name, declared[name]))) end
  return rows
end

--- What was given, a table whose keys are known to be right, with the defaults; what is of the wrong type
-- is refused.
function options.taken(where, rows, given)
  local made = {}
  for key, value in pairs(given) do made[key] = value end
  for _, row in ipairs(rows) do
    local value = made[row.name]
    if value == nil then
      made[row.name] = row.default
    elseif not is(value, row.type) then
      arguments.expected(where, row.name, words(row.type), value)
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
  for i, row in ipairs(rows) do list[i] = { row.name, row.type, shown(row.default), row.meaning } end
  return list
end

return options
