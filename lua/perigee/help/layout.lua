-- The help as text for a terminal: nothing is wider than the columns asked for, and what is cut or
-- wrapped still reads, and runs.

local columns = require "perigee.text"
local help = require "perigee.help"

local layout = {}

local NAMES = 24 -- the widest column of names; longer names get a line of their own

local width_of = columns.width

local function bold(text, colour)
  return colour and ("\27[1m%s\27[0m"):format(text) or text
end

---------------------------------------------------------------------------------------------------
-- Paragraphs, lists, code

-- The words of a text; what is too long for a line is broken after its bars ('"l1"|"l2"|"linf"').
local function words_of(text, width)
  local words = {}
  for word in text:gmatch("%S+") do
    if width_of(word) <= width then
      words[#words + 1] = word
    else
      for part in word:gmatch("[^|]+|?") do words[#words + 1] = part end
    end
  end
  return words
end

-- The lines of one paragraph.
local function fill(text, width)
  local lines, line = {}, ""
  for _, word in ipairs(words_of(text, width)) do
    if line ~= "" and width_of(line) + 1 + width_of(word) > width then
      lines[#lines + 1] = line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  if line ~= "" then lines[#lines + 1] = line end
  return lines
end

-- How wide the names of the list are that begins with block i.
local function name_width(blocks, i)
  local widest = 0
  while blocks[i] and blocks[i].item do
    widest = math.max(widest, width_of(blocks[i].item))
    i = i + 1
  end
  return widest
end

-- The words of a text in lines of at most `width`; paragraphs are separated by an empty one, and the items of
-- a list have their names in a column.
local function wrap(text, width)
  local lines, names = {}, 0
  local blocks = columns.blocks(text)
  for i, block in ipairs(blocks) do
    if block.apart then lines[#lines + 1] = "" end
    if not block.item then
      for _, line in ipairs(fill(block.words, width)) do lines[#lines + 1] = line end
    else
      if i == 1 or not blocks[i - 1].item then names = name_width(blocks, i) end
      local margin = "  " .. block.item .. (" "):rep(names - width_of(block.item) + 2)
      for _, line in ipairs(fill(block.words, math.max(width - names - 4, 20))) do
        lines[#lines + 1] = margin .. line
        margin = (" "):rep(names + 4)
      end
    end
  end
  return lines
end

local function indent(lines, by)
  local pad = (" "):rep(by)
  for i, line in ipairs(lines) do lines[i] = line == "" and "" or pad .. line end
  return table.concat(lines, "\n")
end

local function column_of(rows, width)
  local widest = 0
  for _, row in ipairs(rows) do
    local n = width_of(row[1])
    if n > widest and n <= math.min(NAMES, width // 3) then widest = n end
  end
  return math.max(widest, 6) + 4
end

-- Names on the left, their texts in a column on the right: wrapped, or cut to a line.
local function rows_text(rows, width, colour, one_line)
  local column, out = rows.column or column_of(rows, width), {}
  for _, row in ipairs(rows) do
    local room = width - column
    local texts = one_line and { columns.cut(row[2], room) } or wrap(row[2], room)
    local name, used = "  " .. bold(row[1], colour), 2 + width_of(row[1])
    if used + 2 > column then
      out[#out + 1] = name
    else
      texts[1] = name .. (" "):rep(column - used) .. (texts[1] or "")
    end
    for i, text in ipairs(texts) do
      local first = i == 1 and used + 2 <= column
      out[#out + 1] = first and text or (" "):rep(column) .. text
    end
  end
  return table.concat(out, "\n")
end

local function rows_of(entries)
  local rows = {}
  for i, entry in ipairs(entries) do rows[i] = { entry.name, help.brief(entry) } end
  return rows
end

--- Entries, one line each: the name and the first sentence.
function layout.list(entries, width, colour)
  return rows_text(rows_of(entries), width, colour, true)
end

-- Does code that ends like this go on?
local function is_open(code)
  return code:find("[,{(=+*/.<>-]$") or code:find("%f[%w]and$") or code:find("%f[%w]or$")
end

-- Places in a line of code before which it may be cut: Lua reads on, so that the rest may stand on the
-- next line. Calls are cut after their parenthesis only if there is nothing better.
local function breaks(line, in_calls)
  local places, quote = {}, nil
  for i = 1, #line do
    local c = line:sub(i, i)
    if quote then
      if c == quote then quote = nil end
    elseif line:find("^%-%-", i) then
      return places
    elseif c == '"' or c == "'" then
      quote = c
    elseif c == " " and is_open(line:sub(1, i - 1)) then
      places[#places + 1] = i
    elseif c == "(" and in_calls then
      places[#places + 1] = i + 1
    end
  end
  return places
end

-- A line of code as lines of at most `width` that mean the same.
local function wrap_code(line, width)
  local margin = line:match("^%s*")
  local note = line:match("^%s*%-%-%s+(.*)$")
  if note then
    local lines = wrap(note, width - #margin - 3)
    for i, text in ipairs(lines) do lines[i] = margin .. "-- " .. text end
    return lines
  end
  local lines = {}
  local function last_place(in_calls)
    local at
    for _, place in ipairs(breaks(line, in_calls)) do
      if place > #margin + 4 and width_of(line:sub(1, place - 1)) <= width then at = place end
    end
    return at
  end
  while width_of(line) > width do
    local at = last_place(false) or last_place(true)
    if not at then break end
    lines[#lines + 1] = line:sub(1, at - 1):gsub("%s+$", "")
    line = margin .. "    " .. line:sub(at):gsub("^%s+", "")
  end
  lines[#lines + 1] = line
  return lines
end

local function code(text, width)
  local lines = {}
  for line in (text:gsub("%s+$", "") .. "\n"):gmatch("(.-)\n") do
    for _, part in ipairs(wrap_code(line, width - 2)) do lines[#lines + 1] = part end
  end
  return indent(lines, 2)
end

---------------------------------------------------------------------------------------------------
-- Entries, modules, all

-- "number, default 0.1: the meaning" in the right column.
local function described(kind, default, text)
  local required = kind:gsub("%?$", "")
  local what = required:gsub("…$", ", any number") .. (required ~= kind and ", optional" or "")
  if default and default ~= "none" then what = ("%s, default %s"):format(what, default) end
  return text == "" and what or ("%s: %s"):format(what, text)
end

-- Lines of names separated by commas, with a word in front.
local function name_list(title, names, width)
  local lines = wrap(table.concat(names, ", "), width - #title)
  for i = 2, #lines do lines[i] = (" "):rep(#title) .. lines[i] end
  return title .. table.concat(lines, "\n")
end

local function entry_text(entry, width, colour)
  local out = { bold(table.concat(wrap_code(help.signature(entry), width), "\n"), colour), "",
    indent(wrap(entry.text, width - 2), 2) }
  local function section(title, rows)
    if #rows == 0 then return end
    out[#out + 1] = "\n" .. bold(title, colour)
    out[#out + 1] = rows_text(rows, width)
  end
  local params, options = {}, {}
  for i, p in ipairs(entry.params or {}) do params[i] = { p[1], described(p[2], nil, p[3]) } end
  for i, o in ipairs(entry.options or {}) do options[i] = { o[1], described(o[2], o[3], o[4]) } end
  section("Arguments", params)
  section("Options", options)
  if entry.returns and not entry.kind then
    section("Returns", { { entry.returns[1], entry.returns[2] or "" } })
  end
  if entry.method then
    out[#out + 1] = ("\nAlso a method: %s"):format(help.method_signature(entry))
  end
  if entry.kind == "value" then
    for _, title in ipairs { "Methods", "Fields" } do
      local members = help.entries_of(entry.name, title == "Methods")
      if #members > 0 then
        out[#out + 1] = "\n" .. bold(title, colour)
        out[#out + 1] = layout.list(members, width)
      end
    end
  end
  if entry.example then
    out[#out + 1] = "\n" .. bold("Example", colour)
    out[#out + 1] = code(entry.example, width)
  end
  if entry.see then out[#out + 1] = "\n" .. name_list("See also  ", entry.see, width) end
  return table.concat(out, "\n")
end

local function module_text(module, width, colour)
  local head = ("%s — %s"):format(module.name, module.title)
  local out = { bold(head, colour), "", indent(wrap(module.summary, width - 2), 2) }
  local list, column = {}, column_of(rows_of(module.entries), width) -- one for all groups
  local function close_group()
    local rows = rows_of(list)
    rows.column = column
    if #list > 0 then out[#out + 1] = rows_text(rows, width, nil, true) end
    list = {}
  end
  for i, entry in ipairs(module.entries) do
    if entry.group or i == 1 then
      close_group()
      out[#out + 1] = entry.group and "\n" .. bold(entry.group, colour) or ""
    end
    list[#list + 1] = entry
  end
  close_group()
  out[#out + 1] = ("\n?%s explains one of them."):format(module.entries[1].name)
  return table.concat(out, "\n")
end

--- The text of an entry or a module.
function layout.text(found, width, colour)
  width = math.max(width, 30)
  return (found.entries and module_text or entry_text)(found, width, colour)
end

--- What there is, a line per module, and how to ask.
function layout.overview(width, colour)
  local rows = {}
  for i, module in ipairs(help.all()) do
    rows[i] = { module.name, ("%s. %s"):format(module.title, help.brief { text = module.summary }) }
  end
  local how = {
    { "?name", "a function, a library or a value: ?array.mean, ?pgd, ?data, ?ans, x:mean?" },
    { "??words", "what the words are about, by other names too: ??vstack, ??random seed" },
    { "help(f)", "the same for a function, a library or a value" },
  }
  return rows_text(rows, width, colour) .. "\n\n" .. rows_text(how, width, colour)
end

return layout
