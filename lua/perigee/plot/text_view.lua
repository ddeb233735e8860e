-- A figure in the terminal: in sixel as it is; elsewhere its curves in letters and its images in half
-- blocks, because a picture of eighty columns of pixels would have no legible word.

local figures = require "perigee.plot.figure"
local words = require "perigee.plot.words"

local gnuplot = require("perigee.native").gnuplot

local text_view = {}

-- Letters of a panel: no wider than is pleasant to read, and a screen high.
local WIDEST, HIGHEST = 100, 24
-- Pixels per letter if the terminal does not say.
local LETTER = 9

-- The images and shades of a figure as perigee.picture takes them.
local function pictures(figure)
  if figure.pictures then return figure.pictures() end
  local list = {}
  for _, panel in ipairs(figure.panels) do
    local picture, shading = rawget(panel, "picture"), rawget(panel, "shading")
    if picture then
      local numbers, shape = picture.numbers, { picture.height, picture.width }
      if picture.channels == 3 then table.insert(shape, 1, 3) end
      -- what is not there is as dark as the darkest
      numbers = array.where(numbers:isnan(), picture.low, numbers)
      list[#list + 1] = { value = numbers:reshape(shape), low = picture.low,
        high = picture.high, map = picture.map, caption = panel.title and words.plain(panel.title) }
    elseif shading then
      local rows = array.arange(shading.rows, 0, -1, { dtype = "i32" })
      list[#list + 1] = { value = shading.numbers:take(rows), low = shading.low, high = shading.high,
        map = shading.map, caption = panel.title and words.plain(panel.title) }
    end
  end
  return list
end

-- The images alone, or nil if the figure has something else.
function text_view.images(figure)
  local list = pictures(figure)
  if #list < #figure.panels then return nil end
  return perigee.picture(list)
end

-- Version 6 puts a picture at the screen's top unless it is told not to; 5.4 does not know the word.
local function placed()
  local version = gnuplot.version()
  return version and tonumber(version:match "^%d+") >= 6 and "scroll " or ""
end

local function sixel(figure, terminal, draw)
  local scale = math.min(1.5, math.max(0.5, terminal.columns * LETTER / figure.width))
  local look, enhanced = figure.look, figures.has_formulas(figure)
  local setup = ("set terminal sixelgd %ssize %d,%d truecolor %s background '%s' "
    .. "font '%s,%g' fontscale %g linewidth %g\n"):format(placed(), figure.width * scale // 1,
    figure.height * scale // 1, enhanced and "enhanced" or "noenhanced", look.background, look.font,
    look.letter, scale * 0.75, scale * look.weight)
  return draw("sixels", setup, figures.commands(figure, { form = enhanced and "enhanced" or "plain",
    letters = 1 })) .. "\n"
end

-- The figure as text, or the figure's own words for it (a diagram).
-- draw(format, terminal, body) has gnuplot draw and returns the picture.
function text_view.text(figure, terminals, draw)
  local terminal = perigee.terminal()
  if terminal.picture == "sixel" and terminals and terminals:find(" sixelgd ", 1, true) then
    return sixel(figure, terminal, draw)
  end
  if figure.words then return figure.words .. "\n" end
  local ansi = terminal.picture ~= "plain"
  local parts, letters = {}, figures.letters(figure, ansi)
  if figure.title then parts[1] = words.plain(figure.title) .. "\n" end
  if letters then
    local setup = ("set terminal dumb size %d,%d noenhanced %s\n"):format(
      math.min(terminal.columns - 1, WIDEST), math.max(12, math.min(terminal.rows - 2, HIGHEST)),
      ansi and "ansi256" or "mono")
    local text = draw("letters", setup, letters)
    parts[#parts + 1] = text:gsub("\f", ""):gsub("[ \t]+\n", "\n"):gsub("\n+$", "\n")
  end
  local list = pictures(figure)
  if #list > 0 then parts[#parts + 1] = perigee.picture(list) end
  return table.concat(parts)
end

return text_view
