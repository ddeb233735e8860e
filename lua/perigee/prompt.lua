-- What the prompt does with a line besides running it: help queries, printing values, pointing out
-- locals that are gone, completing. src/repl.c reads, loads and runs; it calls these.

local arguments = require "perigee.arguments"
local help = require "perigee.help"
local kinds = require "perigee.kinds"
local own = require "perigee.own"
local printable = require("perigee.native").printable
local printer = require "perigee.printer"
local session = require "perigee.session"

local gnuplot = require("perigee.native").gnuplot

local prompt = {}

local SLOW = 0.5 -- seconds after which a call's time is shown

-- Loaded at the first question.
local function layout()
  return require "perigee.help.layout"
end

local function dim(terminal, text)
  return terminal.colour and ("\27[2m%s\27[0m"):format(text) or text
end

---------------------------------------------------------------------------------------------------
-- Help

local MOST = 100 -- the widest text: longer lines are hard to read

local function show_text(found)
  local terminal = perigee.terminal()
  print(help.text(found, math.min(terminal.columns, MOST), terminal.colour))
end

-- Entries, one line each, as many as the screen holds.
local function show_list(entries)
  local terminal = perigee.terminal()
  local most = terminal.output and math.max(terminal.rows - 4, 8) or 60
  local shown = table.move(entries, 1, math.min(#entries, most), 1, {})
  print(layout().list(shown, math.min(terminal.columns, MOST), terminal.colour))
  if #entries > most then print(("… and %d more"):format(#entries - most)) end
end

local function search(words)
  local found = help.search(words)
  if #found == 0 then return print(printable(("nothing found for %s"):format(words))) end
  show_list(found)
end

local function explain(value)
  local found = help.of(value)
  if found then return show_text(found) end
  local what = type(value) == "string" and value or printer.text(value, { width = 60, lines = 1 })
  print(printable(("no help for %s; ? lists what there is"):format(what)))
end

-- Nothing has that name; `documented` is the name as the help would have it.
local function no_help(name, documented)
  local near = help.nearest(documented)
  print(("no help for %s%s"):format(printable(name), near and ("; did you mean %s?"):format(near) or ""))
  local mention = help.search((name:gsub("[.:_]", " ")))
  if #mention > 0 then
    print("these mention it:")
    show_list(table.move(mention, 1, math.min(#mention, 8), 1, {}))
  elseif not near then
    print("??words searches, ? lists what there is")
  end
end

-- What a chain of names stands for. Fields of our own objects are read, which runs none of the user's
-- code; anything else is looked at raw.
local function value_of(chain)
  local value = _G
  for name in chain:gmatch("[%a_][%w_]*") do
    if type(value) == "table" then
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
  if name == "" then return print(help.overview(math.min(terminal.columns, MOST), terminal.colour)) end
  local value = value_of(name)
  local has_help = value ~= nil and type(value) ~= "string" and help.of(value)
  local documented = documented_name(name)
  -- a variable of the user's takes precedence over a library's member of that name: ?x, ?net
  if has_help and not name:find("[.:]") then return explain(value) end
  if help.of(documented) then return explain(documented) end
  if has_help then return explain(value) end
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
function prompt.query(line)
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

---------------------------------------------------------------------------------------------------
-- After a chunk has run

local function screenful(terminal)
  return terminal.output and math.max(terminal.rows - 3, 8) or 60
end

--- Before a chunk runs: make what it prints fit the terminal as it is now.
function prompt.fit_terminal()
  local terminal = perigee.terminal()
  perigee.print_room(terminal.columns, screenful(terminal))
end

--- Print what it returned, and how long it took if that was long. The first value becomes `ans`.
function prompt.done(muted, seconds, ...)
  local terminal = perigee.terminal()
  local values = table.pack(...)
  if values[1] ~= nil then rawset(_G, "ans", values[1]) end
  if not muted and values.n > 0 then
    local options = { width = terminal.columns, lines = screenful(terminal), colour = terminal.colour }
    print(printer.results(values, options))
  end
  if seconds >= SLOW then print(dim(terminal, ("(%.3g s)"):format(seconds))) end
end

local block_words = {
  ["do"] = 1, ["then"] = 1, ["repeat"] = 1, ["function"] = 1, ["end"] = -1, ["until"] = -1, ["elseif"] = -1,
}

-- Comments and strings, long ones first.
local hidden_text = {
  "%-%-%[(=*)%[.-%]%1%]", "%-%-[^\n]*", "%[(=*)%[.-%]%1%]", "\\.", '"[^"\n]*"', "'[^'\n]*'",
}

-- Names that `local` declares outside any block of the chunk.
local function outer_locals(text)
  local plain = text
  for _, hidden in ipairs(hidden_text) do plain = plain:gsub(hidden, " ") end
  local names, depth, at = {}, 0, 1
  while true do
    local start, stop, word = plain:find("([%a_][%w_]*)", at)
    if not start then return names end
    at = stop + 1
    if word == "local" and depth == 0 then
      local list = plain:match("^%s*function%s+([%a_][%w_]*)", at)
      list = list or plain:match("^%s*([%w_%s,<>]+)", at) or ""
      for item in (list:gsub("<[^>]*>", "") .. ","):gmatch("%s*([%a_][%w_]*)[^,]*,") do
        names[#names + 1] = item
      end
    end
    depth = depth + (block_words[word] or 0)
  end
end

--- Point out locals that end with the chunk.
function prompt.note_locals(text)
  local names = outer_locals(text)
  if #names == 0 then return end
  local note = ("(local %s ended with this line; without `local` the next line sees %s)"):format(
    table.concat(names, ", "), #names == 1 and "it" or "them")
  print(dim(perigee.terminal(), note))
end

--- For the Tab key: words, bytes replaced, and whether a file's name is wanted.
function prompt.complete(before)
  return require("perigee.complete").candidates(before)
end

---------------------------------------------------------------------------------------------------
-- The prompt's own globals

local Info = {}

function Info:__tostring()
  local rows = {
    { "perigee", self.version .. (self.revision ~= "" and (" (%s)"):format(self.revision) or "") },
    { "seed", tostring(self.seed) }, { "threads", tostring(self.threads) },
    { "OpenBLAS", ("%s, kernels for %s"):format(self.blas, self.blas_core) },
    { "libsvm", self.libsvm }, { "Lua", self.lua }, { "gnuplot", self.gnuplot },
  }
  for i, row in ipairs(rows) do rows[i] = ("%-10s %s"):format(row[1], row[2]) end
  return table.concat(rows, "\n")
end

local function info()
  local facts = perigee.facts()
  facts.gnuplot = gnuplot.find() and gnuplot.version() or "not found"
  return setmetatable(facts, Info)
end

local help_command = setmetatable({}, {
  __call = function(_, value)
    if value == nil or value == "" then return explain_name("") end
    if type(value) == "string" then return explain_name(value) end
    explain(value)
  end,
  __tostring = function() return help.overview(math.min(perigee.terminal().columns, MOST)) end,
})

--- Before the first line: the globals that only the prompt has.
function prompt.start()
  own.set("perigee", "interactive", true)
  local words = {
    help = help_command, show = require "perigee.show", who = session.who, info = info, seed = perigee.seed,
    time = session.time, bench = session.bench, save = session.save, restore = session.restore,
  }
  for name, value in pairs(arguments.guard("", words)) do rawset(_G, name, value) end
  own.reserve(words)
  session.start()
end

return prompt
