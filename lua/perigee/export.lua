-- Tables of results to files, for other programs and for papers: CSV, LaTeX, JSON. A column is { name =, of
-- = (how a row's value is written in LaTeX, a format; else as it is) }; a row is a table of values by those
-- names.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local json = require "perigee.json"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

local export = {}

--- Write the text to the file, whole or not at all; answers the path. `where` names the method.
function export.write(where, path, words)
  if type(path) ~= "string" then arguments.expected(where, "path", "a string", path) end
  if path:find "\0" then blame.fail("%s: path: expected a string without NUL", where) end
  local fine, message = native.write_file(path, words)
  if not fine then blame.fail("%s: %s", where, message) end
  return path
end

--- A number as short as it can be and still the same.
function export.number(value)
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value then return "nan" end
  if value == math.huge or value == -math.huge then return value > 0 and "inf" or "-inf" end
  local short = ("%.15g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

local function csv_cell(value)
  if value == nil then return "" end
  if type(value) == "number" then return export.number(value) end
  local words = tostring(value)
  return words:find '[",\n\r]' and '"' .. words:gsub('"', '""') .. '"' or words
end

--- Lines of cells, the columns' names first.
function export.csv(columns, rows)
  local names = {}
  for i, column in ipairs(columns) do names[i] = column.name end
  local lines = { table.concat(names, ",") }
  for _, row in ipairs(rows) do
    local cells = {}
    for i, column in ipairs(columns) do cells[i] = csv_cell(row[column.name]) end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

local special = {
  ["\\"] = "\\textbackslash{}", ["~"] = "\\textasciitilde{}", ["^"] = "\\textasciicircum{}", ["&"] = "\\&",
  ["%"] = "\\%", ["$"] = "\\$", ["#"] = "\\#", ["_"] = "\\_", ["{"] = "\\{", ["}"] = "\\}",
  ["<"] = "\\textless{}", [">"] = "\\textgreater{}", ["|"] = "\\textbar{}",
}

local function latex_text(value)
  return (tostring(value):gsub("%c", " "):gsub("[\\~^&%%$#_{}<>|]", special))
end

local function latex_cell(column, value)
  if value == nil then return "" end
  if type(value) ~= "number" then return latex_text(value) end
  if value ~= value then return "--" end
  if value == math.huge or value == -math.huge then return value > 0 and "$\\infty$" or "$-\\infty$" end
  return latex_text(column.of and column.of:format(value) or export.number(value))
end

--- A tabular between the rules of the package booktabs; numbers stand to the right.
function export.latex(columns, rows)
  local places, head, lines = {}, {}, {}
  for i, column in ipairs(columns) do
    places[i] = rows[1] and type(rows[1][column.name]) == "number" and "r" or "l"
    head[i] = latex_text(column.name)
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, column in ipairs(columns) do cells[i] = latex_cell(column, row[column.name]) end
    lines[#lines + 1] = "  " .. table.concat(cells, " & ") .. " \\\\"
  end
  return ("\\begin{tabular}{%s}\n  \\toprule\n  %s \\\\\n  \\midrule\n%s\n  \\bottomrule\n\\end{tabular}\n")
    :format(table.concat(places), table.concat(head, " & "), table.concat(lines, "\n"))
end

-- The value with arrays as lists of their rows: those hold every number to the last bit.
local function with_lists(value)
  if kinds.is(value, "array") then return value:totable() end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, member in next, value do copy[key] = with_lists(member) end
  return copy
end

--- Tables, lists, numbers (null where they are not finite), texts and arrays, row by row.
function export.json(value)
  return json.text(with_lists(value)) .. "\n"
end

return export
