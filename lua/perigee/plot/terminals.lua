-- gnuplot's terminals: how each is set up for a figure, and the manner in which its commands are written.

local figures = require "perigee.plot.figure"
local glyphs = require "perigee.plot.glyphs"

local f = string.format

local terminals = {}

local function whole(x) return math.floor(x + 0.5) end

local WHITE = "#ffffff"

-- What a unit of letters is in those that count in points; a unit is 1/96 inch.
local points = { window = 72 / 96, tex = 72.27 / 96 }
-- What is drawn with the fonts of this machine.
local by_fonts = { png = true, pdf = true, window = true }

-- How the commands for a format are written: { form =, shown = (words.lua), letters = (the size of letters
-- for each unit), pixels = (images square by square), paper = (a colour, where the terminal has none) }.
function terminals.manner(figure, format, pixels)
  local form = format == "tex" and "latex" or figures.has_formulas(figure) and "enhanced" or "plain"
  local background = figure.look.background
  return { form = form, pixels = pixels, letters = points[format] or 1,
    shown = by_fonts[format] and glyphs.shown,
    paper = format == "window" and background ~= WHITE and background or nil }
end

-- The size of a font is pixels to svg; to cairo it is points of 1/72 inch on paper of 96 dots an inch, and
-- pdfcairo makes a dot a point.
local setups = {}

function setups.png(figure, common, scale)
  local look = figure.look
  local weight = scale * look.weight * 0.75
  local own = f("size %d,%d %s fontscale %g linewidth %g dashlength 0.5", whole(figure.width * scale),
    whole(figure.height * scale), common, scale * 0.75, weight)
  return f("if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n  set terminal pngcairo %s pointscale %g\n} else {\n"
    .. "  set terminal png truecolor %s\n}\n", own, weight, own)
end

function setups.svg(figure, common)
  return f("set terminal svg size %d,%d %s fontscale 1 linewidth %g dashlength 0.5\n", whole(figure.width),
    whole(figure.height), common, figure.look.weight * 0.75)
end

setups.html = setups.svg

function setups.pdf(figure, common)
  local look = figure.look
  return f("set terminal pdfcairo size %.4fin,%.4fin %s fontscale 0.5625 linewidth %g pointscale %g "
    .. "dashlength 0.5\n", figure.width / 96, figure.height / 96, common, look.weight * 0.75,
    look.weight * 0.6)
end

function setups.tex(figure)
  local background = figure.look.background
  return f("set terminal tikz size %.4fin,%.4fin nobitmap clip%s\n", figure.width / 96, figure.height / 96,
    background ~= WHITE and f(" background '%s'", background) or "")
end

-- "set terminal …" for target = { format =, terminal = (of a window) }. scale: a PNG's pixels for each unit.
function terminals.setup(figure, target, scale)
  local look = figure.look
  local enhanced = figures.has_formulas(figure) and "enhanced" or "noenhanced"
  if target.format == "window" then
    return f("set terminal %s size %d,%d %s font '%s,%g'%s\n", target.terminal, whole(figure.width),
      whole(figure.height), enhanced, look.font, look.points, perigee.interactive and "" or " persist")
  end
  local common = f("background '%s' %s font '%s,%g'", look.background, enhanced, look.font, look.letter)
  return setups[target.format](figure, common, scale)
end

return terminals
