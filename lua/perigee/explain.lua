-- Questions about names and values: ?name, ??words and help(…), answered on the screen.

local help = require "perigee.help"
local helpers = require "perigee.helpers"
local kinds = require "perigee.kinds"
local pager = require "perigee.pager"
local printable = require("perigee.native").printable
local printer = require "perigee.printer"

local explain = {}

-- Loaded at the first question.
local function layout()
  return require "perigee.help.layout"
end

local MOST = 100 -- the widest text: longer lines are hard to read

local function show_text(found)
  local terminal = perigee.terminal()
  pager.print(help.text(found, math.min(terminal.columns, MOST), terminal.colour))
end

-- Entries, one line each below a head: all of them where there is a pager, else as many as the screen holds.
local function show_list(entries, head)
  local terminal = perigee.terminal()
  local most = pager.is_on(terminal) and #entries or terminal.output and math.max(terminal.rows - 4, 8) or 60
  local shown = table.move(entries, 1, math.min(#entries, most), 1, {})
  local text = layout().list(shown, math.min(terminal.columns, MOST), terminal.colour)
  if head then text = head .. "\n" .. text end
  if #entries > most then text = ("%s\n… and %d more"):format(text, #entries - most) end
  pager.print(text)
end

local function first(entries, most)
  return table.move(entries, 1, math.min(#entries, most), 1, {})
end

local function search(words)
  local found, near, mended = help.search(words)
  local head = #mended > 0 and printable(("(%s)"):format(table.concat(mended, ", "))) or nil
  if #found > 0 then return show_list(found, head) end
  if head then print(head) end
  if #near == 0 then
    return print(printable(("nothing found for %s; ? lists what there is"):format(words)))
  end
  show_list(first(near, 8), printable(("nothing has all of %s; nearest:"):format(words)))
end

local function explain_value(value)
  local found = help.of(value)
  if found then return show_text(found) end
  local what = type(value) == "string" and value or printer.text(value, { width = 60, lines = 1 })
  print(printable(("no help for %s; ? lists what there is"):format(what)))
end

-- Nothing has that name; `documented` is the name as the help would have it.
local function no_help(name, documented)
  local near = help.nearest(documented)
  print(("no help for %s%s"):format(printable(name), near and ("; did you mean %s?"):format(near) or ""))
  local mention, others, mended = help.search((name:gsub("[.:_]", " ")))
  if #mention + #others > 0 then
    local list = #mention > 0 and mention or others
    show_list(first(list, 8), #mention > 0 and #mended == 0 and "these mention it:" or "nearest:")
  elseif not near then
    print("??words searches, ? lists what there is")
  end
end

-- What a chain of names stands for. Fields of our own objects are read, which runs none of the user's
-- code; anything else is looked at raw.
local function value_of(chain)
  local value = _G
  for name in chain:gmatch("[%a_][%w_]*") do
    if value == _G then
      value = helpers.global(name)
    elseif type(value) == "table" then
      value = rawget(value, name)
    elseif type(value) == "userdata" then
      local object = value
      local read, field = pcall(function() return object[name] end)
      value = read and field or nil
    else
      value = nil
    end
    if value == nil then return nil end
  end
  return value
end

-- A chain of names to the name that the help knows it by: "x:mean" of an array is array:mean.
local function documented_name(chain)
  local owner, member = chain:match("^(.*)[.:]([%w_]+)$")
  if not owner or help.find(chain) then return chain end
  local kind = kinds.of(value_of(owner))
  return kind and kind .. ":" .. member or chain
end

-- The full name of what Lua itself provides: "string.format", "print", "math"; or nil.
local function name_in_lua(value)
  local function named_in(t, prefix)
    for key, member in next, t do
      if member == value and type(key) == "string" then return prefix .. key end
    end
  end
  for library in ("string table math io os coroutine utf8 debug package"):gmatch("%w+") do
    local t = rawget(_G, library)
    local found = t == value and library or type(t) == "table" and named_in(t, library .. ".")
    if found then return found end
  end
  local source = type(value) == "function" and debug.getinfo(value, "S").what
  return source == "C" and named_in(_G, "") or nil
end

local function explain_name(name)
  local terminal = perigee.terminal()
  if name == "" then return pager.print(help.overview(math.min(terminal.columns, MOST), terminal.colour)) end
  local value = value_of(name)
  local has_help = value ~= nil and type(value) ~= "string" and help.of(value)
  local documented = documented_name(name)
  -- a variable of the user's takes precedence over a library's member of that name: ?x, ?net
  if has_help and not name:find("[.:]") then return explain_value(value) end
  if help.of(documented) then return explain_value(documented) end
  if has_help then return explain_value(value) end
  local of_lua = value ~= nil and name_in_lua(value)
  if of_lua then
    local place = type(value) == "function" and "pdf-" .. of_lua or "6"
    return print(("%s is Lua's own: www.lua.org/manual/5.4/manual.html#%s"):format(of_lua, place))
  end
  -- a string, a number, a plain table: the help has nothing about it, but it has a value
  if value ~= nil and value ~= false then
    print(("%s is %s"):format(name, printer.text(value, { width = MOST - #name - 4, lines = 8 })))
    return
  end
  no_help(name, documented)
end

--- True if the line is a question (?name, name?, ??words), which is then answered.
function explain.query(line)
  local words = line:match("^%s*%?%?%s*(.-)%s*$")
  if words then
    if words == "" then explain_name("") else search(words) end
    return true
  end
  local name = line:match("^%s*%?%s*([%w_.:]*)%s*$") or line:match("^%s*([%a_][%w_.:]*)%s*%?%s*$")
    or select(2, line:match("^%s*%?%s*([\"'])([^\"']*)%1%s*$"))
  if name then explain_name(name) end
  return name ~= nil
end

--- The helper `help`.
explain.help = setmetatable({}, {
  __call = function(_, value)
    if value == nil or value == "" then return explain_name("") end
    if type(value) == "string" and value:find "^%s*%?" and explain.query(value) then return end
    if type(value) == "string" then return explain_name(value) end
    explain_value(value)
  end,
  __tostring = function() return help.overview(math.min(perigee.terminal().columns, MOST)) end,
})

return explain
