-- Documents made from the tables of the help: the reference manual (Markdown), the man page, and the
-- definitions (LuaCATS) that editors complete and check with.

local help = require "perigee.help"
local columns = require "perigee.text"

local generate = {}

-- "integer…?" is any number of integers, or none: the bare type, whether it repeats, whether it may
-- be left out.
local function type_of(text)
  local required = text:gsub("%?$", "")
  local bare = required:gsub("…$", "")
  return bare, bare ~= required, required ~= text
end

---------------------------------------------------------------------------------------------------
-- Markdown

-- As GitHub names a heading: lower case, without punctuation, blanks as hyphens.
local function anchor(name)
  return (name:lower():gsub("[^%w_ -]", ""):gsub(" ", "-"))
end

local function cell(text)
  return (tostring(text or ""):gsub("|", "\\|"):gsub("%s+", " "))
end

local function markdown_table(out, heads, rows)
  out[#out + 1] = "| " .. table.concat(heads, " | ") .. " |"
  out[#out + 1] = "|" .. (" --- |"):rep(#heads)
  for _, row in ipairs(rows) do
    local cells = {}
    for i = 1, #heads do
      local text = cell(row[i])
      cells[i] = i == 1 and "`" .. text .. "`" or text
    end
    out[#out + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  out[#out + 1] = ""
end

local function lua_block(out, text)
  out[#out + 1] = ("```lua\n%s\n```\n"):format((text:gsub("%s+$", "")))
end

-- Paragraphs as they are, lists with their marks.
local function markdown_text(out, text)
  local lines, in_list = {}, false
  for _, block in ipairs(columns.blocks(text)) do
    if #lines > 0 and not (in_list and block.item) then lines[#lines + 1] = "" end
    local words = block.words:gsub("%s+", " ")
    lines[#lines + 1] = block.item and ("- `%s`: %s"):format(block.item, words) or words
    in_list = block.item ~= nil
  end
  out[#out + 1] = table.concat(lines, "\n") .. "\n"
end

local function markdown_entry(out, entry)
  out[#out + 1] = ("### %s\n"):format(entry.name)
  local signature = help.signature(entry)
  if entry.method then signature = signature .. "   -- or " .. help.method_signature(entry) end
  lua_block(out, signature)
  markdown_text(out, entry.text)
  if entry.params and #entry.params > 0 then
    markdown_table(out, { "argument", "type", "meaning" }, entry.params)
  end
  if entry.options then
    markdown_table(out, { "option", "type", "default", "meaning" }, entry.options)
  end
  if entry.returns and not entry.kind then
    out[#out + 1] = ("Returns %s: %s.\n"):format(entry.returns[1], (entry.returns[2]:gsub("%.$", "")))
  end
  if entry.example then lua_block(out, entry.example) end
  if entry.see then
    local links = {}
    for i, name in ipairs(entry.see) do links[i] = ("[%s](#%s)"):format(name, anchor(name)) end
    out[#out + 1] = "See also " .. table.concat(links, ", ") .. ".\n"
  end
end

local function markdown_index(out, module)
  local links = {}
  local function flush()
    if #links > 0 then out[#out + 1] = table.concat(links, " · ") .. "\n" end
    links = {}
  end
  for _, entry in ipairs(module.entries) do
    if entry.group then
      flush()
      links[1] = ("**%s**"):format(entry.group)
    end
    links[#links + 1] = ("[%s](#%s)"):format(entry.name:match("[%w_]+$"), anchor(entry.name))
  end
  flush()
end

--- The reference manual.
function generate.markdown(version)
  local out = { ("# Perigee %s: reference\n"):format(version) }
  local function heading(module) return module.name .. ": " .. module.title end
  for _, module in ipairs(help.all()) do
    out[#out + 1] = ("- [%s](#%s): %s"):format(module.name, anchor(heading(module)), module.title)
  end
  out[#out + 1] = ""
  for _, module in ipairs(help.all()) do
    out[#out + 1] = ("## %s\n"):format(heading(module))
    out[#out + 1] = (module.summary:gsub("%s+$", "")) .. "\n"
    markdown_index(out, module)
    for _, entry in ipairs(module.entries) do markdown_entry(out, entry) end
  end
  return table.concat(out, "\n")
end

---------------------------------------------------------------------------------------------------
-- man

-- Text for roff: backslashes and hyphens, and a dot or quote that would begin a request.
local function roff(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("%s+$", "")
  return (("\n" .. text):gsub("\n([.'])", "\n\\&%1"):sub(2))
end

-- What options_help prints: "  --seed N       seed of …" with further lines below the text, and at
-- the end "Environment: …".
local function roff_usage(out, usage)
  local in_options
  for line in (usage .. "\n"):gmatch("(.-)\n") do
    local flag, text = line:match("^  (%S.-)  +(%S.*)$")
    local more = line:match("^   +(%S.*)$")
    local section, words = line:match("^(%u%l[%l ]*): (.*)$")
    if flag and not in_options then
      if out[#out] == ".PP" then out[#out] = nil end
      out[#out + 1] = ".SH OPTIONS"
      in_options = true
    end
    if section then
      if out[#out] == ".PP" then out[#out] = nil end
      out[#out + 1] = (".SH %s\n%s"):format(section:upper(), roff(words))
    elseif flag then
      out[#out + 1] = ".TP\n.B " .. roff(flag) .. "\n" .. roff(text)
    elseif more then
      out[#out + 1] = roff(more)
    elseif line == "" then
      out[#out + 1] = ".PP"
    else
      out[#out + 1] = roff(line)
    end
  end
  -- groff remarks upon an empty paragraph at the end
  while out[#out] == ".PP" do out[#out] = nil end
end

local files = [[
.SH FILES
.TP
.I ~/.config/perigee/init.lua
is run before the first prompt ($XDG_CONFIG_HOME is obeyed).
.TP
.I ~/.local/state/perigee/history
what was typed ($XDG_STATE_HOME is obeyed).
.TP
.I share/doc/perigee
the reference manual (reference.md), and definitions for editors with a Lua language server (perigee.lua).
.SH SEE ALSO
.BR gnuplot (1),
.BR lua (1)]]

--- The man page of the program: its options come from `usage`, the text of --help.
function generate.man(version, usage)
  local synopsis, rest = usage:match("^usage: ([^\n]*)\n%s*(.*)$")
  local out = {
    (".TH PERIGEE 1 \"\" \"perigee %s\" \"User Commands\""):format(version),
    ".SH NAME", "perigee \\- an interactive lab for adversarial machine learning",
    ".SH SYNOPSIS", roff(synopsis or "perigee [options] [script.lua [arguments]]"),
    ".SH DESCRIPTION",
  }
  roff_usage(out, rest or usage)
  out[#out + 1] = ".SH LIBRARIES"
  out[#out + 1] = roff("At the prompt ?name explains each of these in full, with an example.")
  for _, module in ipairs(help.all()) do
    out[#out + 1] = (".SS \"%s: %s\""):format(roff(module.name), roff(module.title))
    out[#out + 1] = roff(module.summary)
    for _, entry in ipairs(module.entries) do
      if entry.kind ~= "field" then
        out[#out + 1] = ".TP"
        out[#out + 1] = ".B " .. roff((help.signature(entry)))
        out[#out + 1] = roff(help.brief(entry))
      end
    end
  end
  out[#out + 1] = files
  return table.concat(out, "\n") .. "\n"
end

---------------------------------------------------------------------------------------------------
-- LuaCATS

-- Kinds of values that types name but no entry describes member by member.
local aliases = {
  { "step", "{ name: string }" },
  { "kernel", "{ name: string, gamma: number?, coef0: number?, degree: integer? }" },
}

-- What entries do not describe: operators and indices.
local extras = {
  array = {
    "---@operator add(array|number): array", "---@operator sub(array|number): array",
    "---@operator mul(array|number): array", "---@operator div(array|number): array",
    "---@operator mod(array|number): array", "---@operator idiv(array|number): array",
    "---@operator pow(array|number): array", "---@operator unm: array", "---@operator len: integer",
    "---@field [integer] any",
  },
  dataset = { "---@operator len: integer", "---@field [integer] dataset" },
  result = { "---@operator len: integer", "---@field [integer] result" },
  figure = { "---@operator len: integer", "---@field [integer] figure" },
}

local function comment(out, text)
  for line in (text:gsub("%s+$", "") .. "\n"):gmatch("(.-)\n") do out[#out + 1] = "---" .. line end
end

local function one_line(text)
  return ((text or ""):gsub("%s+", " "))
end

-- "array, array" as the types of two values.
local function cats_returns(out, returns)
  local kinds = {}
  for kind in (returns[1] .. ","):gmatch("%s*(.-),") do kinds[#kinds + 1] = kind end
  for i, kind in ipairs(kinds) do
    out[#out + 1] = "---@return " .. kind .. (i == 1 and " # " .. one_line(returns[2]) or "")
  end
end

-- { ["layer.name"]: number } is not an identifier: such options are left out.
local function cats_options(options)
  local fields = {}
  for _, option in ipairs(options) do
    fields[#fields + 1] = ("%s?: %s"):format(option[1], (option[2]:gsub("math%.huge", "number")))
  end
  return ("{ %s }"):format(table.concat(fields, ", "))
end

-- The names of the parameters, each with its line of comment.
local function cats_params(out, entry)
  local names, open = {}, false
  for _, param in ipairs(entry.params or {}) do
    local kind, repeats, optional = type_of(param[2])
    local name = repeats and "..." or param[1]
    open = open or repeats
    names[#names + 1] = name
    out[#out + 1] = ("---@param %s%s %s # %s"):format(name, optional and not repeats and "?" or "", kind,
      one_line(param[3]))
    if repeats then break end -- nothing stands behind "..."
  end
  if entry.options and not open then
    names[#names + 1] = "options"
    local optional = #names > 1 or entry.name:find(":", 1, true)
    out[#out + 1] = ("---@param options%s %s"):format(optional and "?" or "", cats_options(entry.options))
    for _, option in ipairs(entry.options) do
      out[#out + 1] = ("--- - `%s`: %s"):format(option[1], one_line(option[4]))
    end
  end
  return table.concat(names, ", ")
end

local function cats_function(out, entry)
  comment(out, entry.text)
  local names = cats_params(out, entry)
  if entry.returns then cats_returns(out, entry.returns) end
  out[#out + 1] = ("function %s(%s) end\n"):format(entry.name, names)
end

-- The owners of entries in the manual's order, each with its fields.
local function owners()
  local list, fields = {}, {}
  local function owner_of(name)
    if not fields[name] then
      list[#list + 1] = name
      fields[name] = {}
    end
    return fields[name]
  end
  for _, module in ipairs(help.all()) do
    for _, entry in ipairs(module.entries) do
      local owner, name = entry.name:match("^([%w_]+)[.:]([%w_]+)$")
      local of_owner = owner and owner_of(owner)
      if owner and entry.kind == "field" then of_owner[#of_owner + 1] = { name, entry } end
    end
  end
  return list, fields
end

-- What is not a global table is described through a local of its name.
local function cats_class(out, name, fields)
  local parent = help.parents[name]
  out[#out + 1] = ("---@class %s%s"):format(name, parent and ": " .. parent or "")
  for _, field in ipairs(fields) do
    local kind = field[2].returns and field[2].returns[1] or "any"
    out[#out + 1] = ("---@field %s %s # %s"):format(field[1], kind, one_line(field[2].text))
  end
  table.move(extras[name] or {}, 1, #(extras[name] or {}), #out + 1, out)
  local library = type(rawget(_G, name)) == "table"
  out[#out + 1] = ("%s%s = {}\n"):format(library and "" or "local ", name)
end

--- Definitions for editors with a Lua language server.
function generate.luacats(version)
  local out = { "---@meta", ("-- Perigee %s; generated, not to be edited."):format(version), "" }
  for _, alias in ipairs(aliases) do out[#out + 1] = ("---@alias %s %s\n"):format(alias[1], alias[2]) end
  local list, fields = owners()
  for _, name in ipairs(list) do cats_class(out, name, fields[name]) end
  for _, module in ipairs(help.all()) do
    for _, entry in ipairs(module.entries) do
      if not entry.kind then cats_function(out, entry) end
    end
  end
  return table.concat(out, "\n")
end

return generate
