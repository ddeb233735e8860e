-- A figure: panels in a grid with a look (theme.lua), and the gnuplot commands that draw them.
--
-- A figure knows nothing of files and terminals: figures.commands(figure) is everything between
-- `set output` and `unset output`. Its words are measured and get their places from layout.lua, in units of
-- 1/96 inch from the top left, and become gnuplot's strings in words.lua, all of them.

local blocks = require "perigee.plot.blocks"
local commands = require "perigee.plot.commands"
local layout = require "perigee.plot.layout"
local panels = require "perigee.plot.panel"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"
local words = require "perigee.plot.words"

local f = string.format

local Figure = {}

local figures = { class = Figure }

local own = { rows = true, columns = true, width = true, height = true, title = true, widths = true,
  heights = true, right = true, left = true, words = true, pictures = true, look = true,
  shared = true, title_lines = true, fit = true, manner = true }

-- ipairs and # find the end; what else is not there was meant to be.
local function panel_missing(list, i)
  if i == #list + 1 then return nil end
  values.fail("plot.figure: there %s, got f[%d]",
    #list == 1 and "is 1 panel" or ("are %d panels"):format(#list), i)
end

-- figure[i] is the i-th panel, row by row; a panel's words and fields used on the figure itself are those
-- of the first one.
function Figure.__index(figure, key)
  if Figure[key] ~= nil then return Figure[key] end
  local list = rawget(figure, "panels")
  if own[key] or not list then return nil end
  if math.type(key) == "integer" then return list[key] or panel_missing(list, key) end
  local value = list[1][key]
  if type(value) ~= "function" then return value end
  return function(self, ...)
    if self ~= figure then values.fail("figure:%s: call it with a colon, f:%s(…)", key, key) end
    value(list[1], ...)
    return figure
  end
end

function Figure.__newindex(figure, key, value)
  if key == "title" and value ~= nil and type(value) ~= "string" then
    values.expected("plot.figure", "title", "a string", value)
  end
  if own[key] then rawset(figure, key, value) else rawget(figure, "panels")[1][key] = value end
end

function Figure.__len(figure)
  return #figure.panels
end

Figure.__name = "figure"

function Figure.__tostring(figure)
  local drawn = 0
  for _, panel in ipairs(figure.panels) do
    drawn = drawn + #panel.series + (rawget(panel, "picture") and 1 or 0)
  end
  return f("figure %gx%g: %dx%d panels, %d drawn", figure.width, figure.height, figure.rows, figure.columns,
    drawn)
end

-- ---- Words ---------------------------------------------------------------------------------------

-- Calls take(text) for every text of the figure, until it answers true.
local function any_text(figure, take)
  if figure.title and take(figure.title) then return true end
  for _, panel in ipairs(figure.panels) do
    for _, key in ipairs { "title", "caption", "xlabel", "ylabel" } do
      if panel[key] and take(panel[key]) then return true end
    end
    local shading = rawget(panel, "shading")
    if shading and shading.label and take(shading.label) then return true end
    for _, entry in ipairs(panel.entries) do
      if entry.label and take(entry.label) then return true end
    end
    for _, note in ipairs(panel.notes) do
      if type(note) == "table" and take(note.text) then return true end
    end
    for _, axis in ipairs { "xtics", "ytics" } do
      local tics = panel[axis]
      for _, word in ipairs(type(tics) == "table" and tics.words or {}) do
        if take(word) then return true end
      end
    end
  end
  return false
end

-- Whether any of its texts has a formula, for which a terminal must be told to look for one.
function figures.has_formulas(figure)
  return any_text(figure, words.has_formula)
end

-- ---- Looks ---------------------------------------------------------------------------------------

-- The figure with another look: its panels are the same ones. A size that the look has becomes the figure's,
-- whose height is as much as its panels need; a width or height that was said stays.
function figures.dressed(figure, look, said)
  local other = {}
  for key, value in pairs(figure) do other[key] = value end
  other.look = look
  setmetatable(other, Figure)
  if look.width then
    other.width, other.height = said.width or look.width, said.height or look.height
    if not other.height then
      other.height = layout.height(other, other.width * figure.height / figure.width)
    end
  end
  return other
end

-- Refuses a figure that is too small for its letters: what would be drawn has numbers without their signs, or
-- no plots at all.
function figures.check_room(where, figure)
  layout.place(figure)
  local key = layout.lacking(figure)
  if not key then return end
  local tried = setmetatable({}, Figure)
  for name, value in pairs(figure) do rawset(tried, name, value) end
  repeat
    tried[key] = math.ceil(tried[key] * 0.11) * 10
    layout.place(tried)
  until layout.lacking(tried) ~= key or tried[key] > 1e4
  values.fail("%s: %s: %.0f is too little for what is drawn: take %ssmaller letters (font_size is %g)", where,
    key, figure[key], tried[key] <= 1e4 and f("%d or more, or ", tried[key]) or "", figure.look.points)
end

-- ---- Commands ------------------------------------------------------------------------------------

-- Gives every panel its place.
figures.layout = layout.place

-- Commands for a terminal of letters, a page for each panel that has lines; nil if none has.
function figures.letters(figure, ansi)
  layout.place(figure)
  local out = { "set encoding utf8" }
  local names = blocks.commands(figure, out)
  local before = #out
  for _, panel in ipairs(figure.panels) do commands.letters(panel, ansi, out) end
  if #out == before then return nil end
  if #names > 0 then out[#out + 1] = "undefine " .. table.concat(names, " ") end
  return table.concat(out, "\n") .. "\n"
end

-- All commands of the figure, as text that also runs in a gnuplot of the user's own, in the manner of a
-- terminal (terminals.lua).
function figures.commands(figure, manner)
  figure.manner = manner
  layout.place(figure)
  local out = { "set encoding utf8" }
  local names = blocks.commands(figure, out)
  out[#out + 1] = commands.of(figure)
  if #names > 0 then out[#out + 1] = "undefine " .. table.concat(names, " ") end
  return table.concat(out, "\n") .. "\n"
end

-- options: rows, columns, width, height, title, widths and heights (weights of columns and rows), left (room
-- kept free at that edge, for words), right (true: the first panel's legend is that of all), look, fit (its
-- height is taken from its panels when it is drawn).
function figures.new(options)
  local figure = { rows = options.rows or 1, columns = options.columns or 1, panels = {},
    width = options.width, height = options.height, title = options.title,
    widths = options.widths, heights = options.heights, left = options.left,
    right = options.right, look = options.look or theme.look("plot.figure", {}), fit = options.fit }
  for i = 1, figure.rows * figure.columns do figure.panels[i] = panels.new(i) end
  return setmetatable(figure, Figure)
end

return figures
