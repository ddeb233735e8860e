-- Long answers, a screen at a time: what does not fit on the terminal goes through a pager. perigee.pager
-- names the command, false turns it off; else it is that of PERIGEE_PAGER (empty: none), of PAGER, or less.

local arguments = require "perigee.arguments"
local native = require "perigee.native"
local columns = require "perigee.text"

local pager = {}

local LESS = "less" -- with the options that a pager is started with (plot/pager.c)

local chosen -- by the user: a command or false

--- The setting perigee.pager: reads it, or assigns what is given (nil: as at the start).
function pager.setting(...)
  local value = ...
  if select("#", ...) > 0 then
    if value ~= nil and value ~= false and type(value) ~= "string" then
      arguments.expected("perigee", "pager", "a command or false", value)
    end
    chosen = value ~= "" and value
    if value == nil then chosen = nil end
    return
  end
  if chosen ~= nil then return chosen end
  local own, common = os.getenv "PERIGEE_PAGER", os.getenv "PAGER"
  if own then return own ~= "" and own end
  return common and common ~= "" and common or LESS
end

-- Lines that the text takes on a terminal of that width.
local function lines_of(text, width)
  local n = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    n = n + math.max((columns.width(line) + width - 1) // width, 1)
  end
  return n
end

--- Is what exceeds the screen paged?
function pager.is_on(terminal)
  local term = os.getenv "TERM"
  return terminal.output and term ~= nil and term ~= "dumb" and pager.setting() ~= false
end

--- Print the text, through the pager if the screen has no room for it.
function pager.print(text)
  local terminal = perigee.terminal()
  if pager.is_on(terminal) and lines_of(text, terminal.columns) > terminal.rows - 2 then
    local command = pager.setting()
    -- what is not installed is not complained of if nobody asked for it
    if command == LESS then command = "command -v less > /dev/null || exit 127; exec " .. LESS end
    if native.page(command, text .. "\n") then return end
  end
  print(text)
end

return pager
