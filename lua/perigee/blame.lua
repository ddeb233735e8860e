-- Errors at the user's line: whatever the program's own Lua code complains of, the line that called it is
-- the one the user can change.

local printable = require("perigee.native").printable

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

--- Raise the message at the nearest line that is not the program's own, however deep inside it we are.
function blame.fail(format, ...)
  local level = 1
  local frame
  repeat
    level = level + 1
    frame = debug.getinfo(level, "Sl")
  until not frame or (frame.currentline > 0 and frame.source:sub(1, #own) ~= own)
  error(printable(format:format(unsigned(...))), frame and level or 2)
end

--- Call a function of ours written in C: what it complains of is raised at the user's line.
function blame.call(f, ...)
  local answer = table.pack(pcall(f, ...))
  if answer[1] then return table.unpack(answer, 2, answer.n) end
  if type(answer[2]) ~= "string" or perigee.interrupted() then error(answer[2], 0) end
  blame.fail("%s", answer[2])
end

return blame
