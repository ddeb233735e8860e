-- Errors at the user's line: whatever the program's own Lua code complains of, the line that called it is
-- the one the user can change.

local native = require "perigee.native"

local printable = native.printable

local blame = {}

local own = "@" .. perigee.lua_dir .. "/"

-- NaN without the sign that "%g" would show.
local function unsigned(...)
  local list = table.pack(...)
  for i = 1, list.n do
    if list[i] ~= list[i] and type(list[i]) == "number" then list[i] = math.abs(list[i]) end
  end
  return table.unpack(list, 1, list.n)
end

local MOST = 1000 -- bytes of a message: it may have a text of the user's in it

local function cut(message)
  if #message <= MOST then return message end
  return message:sub(1, utf8.offset(message, 0, MOST) - 1) .. "…"
end

-- The message without the place where it is raised, which it may have already.
local function unplaced(message, frame)
  local place = frame and ("%s:%d: "):format(frame.short_src, frame.currentline)
  return place and message:sub(1, #place) == place and message:sub(#place + 1) or message
end

--- Raise the message at the nearest line that is not the program's own, however deep inside it we are. A
--- coroutine whose function has called us in tail position has none: then without a line.
function blame.fail(format, ...)
  local level = 1
  local frame
  repeat
    level = level + 1
    frame = debug.getinfo(level, "Sl")
  until not frame or (frame.currentline > 0 and frame.source:sub(1, #own) ~= own)
  error(cut(printable(unplaced(format:format(unsigned(...)), frame))), frame and level or 0)
end

--- Raise again what was raised by a function of ours written in C, at the user's line.
function blame.raise(raised)
  if type(raised) ~= "string" or perigee.interrupted() then error(raised, 0) end
  blame.fail("%s", raised)
end

--- Call a function of ours written in C: what it complains of is raised at the user's line.
function blame.call(f, ...)
  local answer = table.pack(pcall(f, ...))
  if answer[1] then return table.unpack(answer, 2, answer.n) end
  blame.raise(answer[2])
end

--- The same, under another name: what the function complains of as `theirs` is told as `name`.
function blame.as(name, theirs, f, ...)
  local answer = table.pack(pcall(f, ...))
  if answer[1] then return table.unpack(answer, 2, answer.n) end
  local raised = answer[2]
  if type(raised) ~= "string" then blame.raise(raised) end
  local words = raised:gsub("^[^\n]-:%d+: ", "", 1)
  if words:sub(1, #theirs + 2) ~= theirs .. ": " then blame.raise(raised) end
  blame.raise(name .. words:sub(#theirs + 1))
end

--- A function of the user's, to be called by us. One written in C says from where it was called, which is a
--- file of ours: its words alone remain.
function blame.guest(f)
  if type(f) ~= "function" or debug.getinfo(f, "S").what ~= "C" then return f end
  return function(...) return blame.call(f, ...) end
end

--- Call it once.
function blame.users(f, ...) return blame.guest(f)(...) end

--- What something raised says, without its place, for the end of another message; nil where it is no sentence
--- of ours but Lua's own about a line of this program.
function blame.reason(raised)
  if type(raised) ~= "string" then return nil end
  local inside, words = raised:sub(1, #own - 1) == own:sub(2), raised:gsub("^[^\n]-:%d+: ", "")
  if inside and native.metatables.is_raw(words) then return nil end
  return words
end

return blame
