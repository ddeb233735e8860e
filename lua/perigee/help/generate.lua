-- Documents made of the help's tables: the reference manual (Markdown), the man page, and the
-- definitions (LuaCATS) that editors complete and check with.

local help = require "perigee.help"

local generate = {}

---------------------------------------------------------------------------------------------------
-- Markdown

local function anchor(name)
  return (name:lower():gsub("[^%w_ -]", ""):gsub(" ", "-"))
end

local function cell(text)
  return (tostring(text or ""):gsub("|", "\\|"):gsub("\n", " "))
end

local function markdown_table(out, heads, rows)
  out[#out + 1] = "| " .. table.concat(heads, " | ") .. " |"
  out[#out + 1] = "|" .. (" --- |"):rep(#heads)
  for _, row in ipairs(rows) do
    local cells = {}
    for i = 1, #heads do cells[i] = cell(row[i]) end
    out[#out + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  out[#out + 1] = ""
end

local function markdown_entry(out, entry)
  out[#out + 1] = ("### %s\n"):format(entry.name)
  out[#out + 1] = ("```lua\n%s\n```\n"):format(help.signature(entry))
  out[#out + 1] = entry.text .. "\n"
  if entry.params and #entry.params > 0 then
    markdown_table(out, { "argument", "type", "meaning" }, entry.params)
  end
  if entry.options then
    markdown_table(out, { "option", "type", "default", "meaning" }, entry.options)
  end
  if entry.returns then
    out[#out + 1] = ("Returns %s: %s\n"):format(entry.returns[1], entry.returns[2] or "")
  end
  if entry.example then
    out[#out + 1] = ("```lua\n%s\n```\n"):format((entry.example:gsub("%s+$", "")))
  end
  if entry.see then
    local links = {}
    for i, name in ipairs(entry.see) do links[i] = ("[%s](#%s)"):format(name, anchor(name)) end
    out[#out + 1] = "See also " .. table.concat(links, ", ") .. ".\n"
  end
end

--- The reference manual.
function generate.markdown(version)
  local out = { ("# Perigee %s: reference\n"):format(version) }
  for _, module in ipairs(help.all()) do
    local target = anchor(module.name .. ": " .. module.title)
    out[#out + 1] = ("- [%s](#%s): %s"):format(module.name, target, module.title)
  end
  out[#out + 1] = ""
  for _, module in ipairs(help.all()) do
    out[#out + 1] = ("## %s: %s\n"):format(module.name, module.title)
    out[#out + 1] = module.summary .. "\n"
    for _, entry in ipairs(module.entries) do markdown_entry(out, entry) end
  end
  return table.concat(out, "\n")
end

---------------------------------------------------------------------------------------------------
-- man

-- A line of text for roff: backslashes, and a dot or quote that would begin a request.
local function roff(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("\n([.'])", "\n\\&%1"):gsub("^([.'])", "\\&%1"))
end

--- The man page of the program: its options come from `usage` (the text of --help).
function generate.man(version, usage)
  local out = {
    (".TH PERIGEE 1 \"\" \"perigee %s\" \"User Commands\""):format(version),
    ".SH NAME",
    "perigee \\- an interactive lab for adversarial machine learning",
    ".SH SYNOPSIS",
    ".nf",
    roff(usage),
    ".fi",
    ".SH LIBRARIES",
  }
  for _, module in ipairs(help.all()) do
    out[#out + 1] = (".SS %s: %s"):format(roff(module.name), roff(module.title))
    out[#out + 1] = roff(module.summary)
    for _, entry in ipairs(module.entries) do
      out[#out + 1] = ".TP"
      out[#out + 1] = (".B %s"):format(roff(help.signature(entry)))
      out[#out + 1] = roff(help.brief(entry))
    end
  end
  return table.concat(out, "\n") .. "\n"
end

---------------------------------------------------------------------------------------------------
-- LuaCATS

local function comment(out, text)
  for line in (text .. "\n"):gmatch("(.-)\n") do out[#out + 1] = "---" .. line end
end

local function cats_type(name)
  return (name:gsub("%?$", ""))
end

local function cats_function(out, entry)
  comment(out, entry.text)
  local names = {}
  for i, param in ipairs(entry.params or {}) do
    local optional = param[2]:sub(-1) == "?" and "?" or ""
    local name = param[1]:gsub("[^%w_.]", "")
    names[i] = name == "..." and "..." or name
    out[#out + 1] = ("---@param %s%s %s %s"):format(names[i], names[i] == "..." and "" or optional,
      cats_type(param[2]), param[3] or "")
  end
  if entry.options and #names == 0 then
    names[1] = "options"
    local fields = {}
    for i, option in ipairs(entry.options) do
      fields[i] = ("%s?: %s"):format(option[1], cats_type(option[2]))
    end
    out[#out + 1] = ("---@param options {%s}"):format(table.concat(fields, ", "))
  end
  if entry.returns then
    out[#out + 1] = ("---@return %s # %s"):format(entry.returns[1], entry.returns[2] or "")
  end
  out[#out + 1] = ("function %s(%s) end\n"):format(entry.name, table.concat(names, ", "))
end

--- Definitions for editors with a Lua language server.
function generate.luacats(version)
  local out, classes = { "---@meta", ("-- Perigee %s; generated, not to be edited."):format(version), "" }, {}
  local function class(name)
    if not classes[name] then
      classes[name] = true
      out[#out + 1] = ("---@class %s\n%s = {}\n"):format(name, name)
    end
  end
  for _, module in ipairs(help.all()) do
    for _, entry in ipairs(module.entries) do
      local owner = entry.name:match("^([%w_]+)[.:]")
      if owner then class(owner) end
      if entry.kind == "field" then
        comment(out, entry.text)
        local kind = entry.returns and entry.returns[1] or "any"
        out[#out + 1] = ("---@type %s\n%s = nil\n"):format(kind, entry.name)
      else
        cats_function(out, entry)
      end
    end
  end
  return table.concat(out, "\n")
end

return generate
