-- What the prompt does with a line besides running it: questions, pasted conversations, printing values,
-- pointing out locals that are gone, completing. src/repl.c reads, loads and runs; it calls these.

local explain = require "perigee.explain"
local habits = require "perigee.habits"
local kinds = require "perigee.kinds"
local native = require "perigee.native"
local pager = require "perigee.pager"
local own = require "perigee.own"
local printer = require "perigee.printer"
local transcript = require "perigee.transcript"

local printable = native.printable

local prompt = {}

local SLOW = 0.5 -- seconds after which a call's time is shown

local function dim(terminal, text)
  return terminal.colour and ("\27[2m%s\27[0m"):format(text) or text
end

--- True if the line is a question (?name, name?, ??words), which is then answered.
prompt.query = explain.query

--- True if the line says that the user wants to leave; a global of that name is theirs.
function prompt.leaves(line)
  local name = line:match("^%s*(%a+)%s*;?%s*$") or line:match("^%s*(%a+)%s*%(%s*%)%s*;?%s*$")
  return (name == "exit" or name == "quit") and rawget(_G, name) == nil
end

prompt.statements = transcript.statements

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

-- A list that is paged rather than cut, where there is a pager.
local function is_paged(values, terminal)
  local meta = values.n == 1 and debug.getmetatable(values[1])
  return type(meta) == "table" and rawget(meta, "__paged") and pager.is_on(terminal)
end

--- Print what it returned, and how long it took if that was long. The first value becomes `ans`.
function prompt.done(muted, seconds, ...)
  local terminal = perigee.terminal()
  local values = table.pack(...)
  if values[1] ~= nil then rawset(_G, "ans", values[1]) end
  if not muted and is_paged(values, terminal) then
    pager.print(tostring(values[1]))
  elseif not muted and values.n > 0 then
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

-- Point out locals that end with the chunk.
local function note_locals(text)
  local names = outer_locals(text)
  if #names == 0 then return end
  local note = ("(local %s ended with this line; without `local` the next line sees %s)"):format(
    table.concat(names, ", "), #names == 1 and "it" or "them")
  print(dim(perigee.terminal(), note))
end

--- Point out what a line that has run may not have done as it was meant.
function prompt.note(text)
  note_locals(text)
  local note = habits.of_line(text)
  if note then print(dim(perigee.terminal(), ("(%s)"):format(note))) end
end

--- For the Tab key: words, bytes replaced, and whether a file's name is wanted.
function prompt.complete(before)
  return require("perigee.complete").candidates(before)
end

local MOST = 30 -- names that are said

local function listed(names)
  local words = table.concat(names, ", ", 1, math.min(#names, MOST))
  return #names > MOST and ("%s and %d more"):format(words, #names - MOST) or words
end

--- Make the locals that a script left (names and values in turn, from where) globals, unless there are such.
function prompt.hand_over(locals, from)
  local names, last = {}, {}
  for i = 1, #locals, 2 do
    if last[locals[i]] == nil then names[#names + 1] = locals[i] end
    last[locals[i]] = locals[i + 1]
  end
  local came, left = {}, {}
  for _, name in ipairs(names) do
    local taken = rawget(_G, name)
    if taken == nil and not kinds.is_closed(last[name]) then
      rawset(_G, name, last[name])
      came[#came + 1] = name
    elseif taken ~= nil and not rawequal(taken, last[name]) then
      left[#left + 1] = name
    end
  end
  if #came + #left == 0 then return end
  local terminal = perigee.terminal()
  if not terminal.output then return end
  local words = #left > 0 and ("%s %s, which %s global as well"):format(
    #came > 0 and "; not" or "nothing; not", listed(left), #left == 1 and "is" or "are") or ""
  print(dim(terminal, printable(("(from %s: %s%s)"):format(from:match("[^/]*$"), listed(came), words))))
end

--- Before the first line.
function prompt.start()
  own.set("perigee", "interactive", true)
end

return prompt
