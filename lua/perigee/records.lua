-- Records: the tables that measures, trainings and evaluations give. They print, are kept by save, and have
-- the methods save, csv, json, latex and npz, which attacks' results have too.
--
-- A kind of record says of itself { kind =, what =, rows =, … }:
--
--   kind      what messages, the help and files know it by: "history"; what: "the history of a training"
--   rows      rows(self) → columns and rows, as perigee/export.lua has them; latex: others for LaTeX
--   arrays    arrays(self) → the members of its npz; by default the columns of numbers
--   plain     plain(self) → a new table of what it holds, for files and JSON; by default its members
--   json      json(self) → a table for JSON, where that is another one
--   make      make(plain) → the record again, by default with its metatable; it may raise
--   save, csv methods in C that write those

local archive = require "perigee.archive"
local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local export = require "perigee.export"
local text = require "perigee.text"

local records = {}

local SAVED = "perigee.saved" -- the only variable in a record's own file

-- Without the place and the function that a message begins with.
local function bare(message, ours)
  return (tostring(message):gsub("^[^\n]-" .. ours .. ": ", "", 1))
end

-- ---- Files ---------------------------------------------------------------------------------------

local function check_path(where, path)
  if type(path) ~= "string" then arguments.expected(where, "path", "a string", path) end
end

-- A file of variables with this one alone.
local function write_archive(where, path, value)
  archive.write(path, { [SAVED] = value }, function(_, reason) blame.fail("%s: %s", where, reason) end, where)
end

--- The record in a file that its :save has written; nil in other files of variables, nil and why not where
--- it is none of those.
function records.load(path)
  local ok, values = pcall(archive.read, path)
  if not ok then
    if type(values) ~= "string" or perigee.interrupted() then error(values, 0) end
    return nil, bare(values, "restore")
  end
  local old = values.security -- as an evaluation was saved before there were records
  if old == nil then return values[SAVED] end
  local whole, made = pcall(archive.make, "security", old)
  if not whole then return nil, path .. ": the evaluation in it is damaged" end
  return made
end

-- ---- Arrays --------------------------------------------------------------------------------------

local function is_whole(list)
  for _, value in ipairs(list) do
    if math.type(value) ~= "integer" or value < -2 ^ 31 or value >= 2 ^ 31 then return false end
  end
  return true
end

-- A list as an array: int32 where all are such, else float64.
function records.array(list)
  return array.new(list, { dtype = is_whole(list) and "i32" or "f64" })
end

-- The columns of numbers; NaN where a row has none.
local function columns_of(self, about)
  local columns, rows = about.rows(self)
  local made = {}
  for _, column in ipairs(columns) do
    local list, numbers = {}, #rows > 0
    for i, row in ipairs(rows) do
      local value = row[column.name]
      if type(value) == "boolean" then value = value and 1 or 0 end
      numbers = numbers and (value == nil or type(value) == "number")
      list[i] = value == nil and 0 / 0 or value
    end
    if numbers then made[column.name] = records.array(list) end
  end
  return made
end

--- Write arrays by their names into a compressed npz.
function records.write_npz(where, path, members)
  check_path(where, path)
  local fine, message = pcall(data.save_npz, path, members, { compress = true })
  if not fine then
    if type(message) ~= "string" or perigee.interrupted() then error(message, 0) end
    blame.fail("%s: %s", where, bare(message, "data%.save_npz"))
  end
  return path
end

-- ---- The methods ---------------------------------------------------------------------------------

local forms = { csv = "csv", json = "json", tex = "latex", npz = "npz", pgz = "save", safetensors = "save" }

-- The method that a file's name asks of :save by its ending; "-0.5" is none.
local function form_of(where, path)
  local ending = path:match "%.(%a%w*)$"
  local form = forms[ending and ending:lower() or "safetensors"]
  if form then return form end
  arguments.expected(where, "path",
    "a name that ends in .csv, .json, .tex or .npz, or in .safetensors or nothing to be loaded again", path)
end

local function methods_of(about)
  local methods, kind = {}, about.kind
  function methods.csv(self, path)
    if about.csv then return blame.call(about.csv, self, path) end
    return export.write(kind .. ":csv", path, export.csv(about.rows(self)))
  end
  function methods.latex(self, path)
    return export.write(kind .. ":latex", path, export.latex((about.latex or about.rows)(self)))
  end
  function methods.json(self, path)
    check_path(kind .. ":json", path)
    local plain = (about.json or about.plain or archive.members)(self)
    return export.write(kind .. ":json", path, export.json(plain))
  end
  function methods.npz(self, path)
    return records.write_npz(kind .. ":npz", path, (about.arrays or columns_of)(self, about))
  end
  function methods.save(self, path)
    check_path(kind .. ":save", path)
    local form = form_of(kind .. ":save", path)
    if form ~= "save" then return methods[form](self, path) end
    if about.save then blame.call(about.save, self, path) else write_archive(kind .. ":save", path, self) end
    return path
  end
  return methods
end

--- Give the methods to a table of such; self: { is =, what = } of arguments.guard.
function records.add_methods(methods, about, self)
  for key, method in pairs(arguments.guard(about.kind .. ":", methods_of(about), self)) do
    methods[key] = method
  end
end

--- Make the tables of that metatable records; its __index becomes a table of methods where it is none yet.
function records.define(meta, about)
  local methods = type(rawget(meta, "__index")) == "table" and meta.__index or {}
  meta.__index, meta.__name = methods, rawget(meta, "__name") or "perigee." .. about.kind
  if methods ~= meta then meta.methods = methods end
  records.add_methods(methods, about, {
    what = about.what,
    is = function(value) return type(value) == "table" and debug.getmetatable(value) == meta end,
  })
  debug.getregistry()["perigee." .. about.kind] = meta
  archive.keep(about.kind, meta, about.plain, about.make)
  if rawget(meta, "__tostring") then meta.__tostring = text.shown(about.kind, meta.__tostring) end
end

--- Columns of those names, in LaTeX by the format for those in `shown`.
function records.columns(names, format, shown)
  local columns = {}
  for name in names:gmatch "%S+" do
    local has_format = shown and (" " .. shown .. " "):find(" " .. name .. " ", 1, true)
    columns[#columns + 1] = { name = name, of = has_format and format or nil }
  end
  return columns
end

return records
