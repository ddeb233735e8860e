-- What a figure looks like: its size on paper, its letters, its colours.
--
-- A look is { font =, bold =, points = (the size of the letters), letter = (the same in 1/96 inch), scale =
-- (of all that goes with them), point = (how many 1/96 inch are one of style.lua's points), weight = (of
-- lines and marks), theme =, background =, width =, height =, dots = (of a PNG for each 1/96 inch) }.

local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot

local theme = {}

-- ---- Sizes -----------------------------------------------------------------------------------------

local INCH, POINT = 96, 96 / 72

-- In inches; the letters in points, the PNG in dots an inch.
local sizes = {
  column = { width = 3.5, font_size = 8, dpi = 300 },
  page = { width = 7, font_size = 9, dpi = 300 },
  slide = { width = 10, height = 5.6, font_size = 14, dpi = 192, theme = "slide" },
}

-- ---- Colours ---------------------------------------------------------------------------------------

-- Colours of the table by what stands for them; `lift` is added to the pale ones of areas.
local themes = {
  print = { weight = 1, background = "#ffffff" },
  slide = { weight = 1.6, background = "#ffffff", font_size = 15 },
  dark = { weight = 1, background = "#16191e", lift = -148, colours = {
    [style.text] = "#e8eaed", [style.frame] = "#a3a9b2", [style.grid] = "#343a43", [style.grey] = "#9aa1ab",
    [style.blue] = "#4fa8e8", [style.vermillion] = "#ff8750", [style.green] = "#2fc99b",
    [style.orange] = "#ffc044", [style.purple] = "#e6a3cb", [style.sky] = "#8bd0f7" } },
  grey = { weight = 1, background = "#ffffff", greys = true, colours = {
    [style.blue] = "#000000", [style.vermillion] = "#757575", [style.green] = "#444444",
    [style.purple] = "#979797", [style.orange] = "#b4b4b4", [style.sky] = "#c8c8c8" } },
}

-- How much of a colour is left in an area.
local TINT = 0.35

local function bytes_of(colour)
  local r, g, b = colour:match "^#(%x%x)(%x%x)(%x%x)$"
  return tonumber(r, 16), tonumber(g, 16), tonumber(b, 16)
end

local function hex(r, g, b)
  local function byte(v) return math.floor(math.max(0, math.min(255, v)) + 0.5) end
  return ("#%02x%02x%02x"):format(byte(r), byte(g), byte(b))
end

local function grey_of(colour)
  local r, g, b = bytes_of(colour)
  local light = 0.2126 * r + 0.7152 * g + 0.0722 * b
  return hex(light, light, light)
end

-- A colour of a line, a mark or words ("#rrggbb") as this look has it.
function theme.colour(look, colour)
  local own = themes[look.theme]
  return own.colours and own.colours[colour] or own.greys and grey_of(colour) or colour
end

-- A colour lightened towards white, as areas have them.
function theme.tint(colour)
  local r, g, b = bytes_of(colour)
  local function pale(byte) return 255 - (255 - byte) * TINT end
  return hex(pale(r), pale(g), pale(b))
end

-- The same of an area behind them, which is pale in print.
function theme.area(look, colour)
  local own = themes[look.theme]
  for series, grey in pairs(own.greys and own.colours or {}) do
    if theme.tint(series) == colour then return theme.tint(grey) end
  end
  if own.greys then return grey_of(colour) end
  if not own.lift then return colour end
  local r, g, b = bytes_of(colour)
  return math.min(r, g, b) >= 250 and own.background
    or hex(r + own.lift, g + own.lift, b + own.lift)
end

-- The colours of an image's or a shade's map, from its low end on.
function theme.palette(look, map)
  if map == "grey" or not themes[look.theme].greys then return gnuplot.palette(map) end
  return { map == "diverging" and "#5a5a5a" or "#000000", "#ffffff" }
end

-- What the colours of an image mean.
function theme.explain(look, image)
  local signed = image.map == "diverging" or image.channels == 3 and image.low < 0
  if not signed then return ("dark %.3g, bright %.3g"):format(image.low, image.high) end
  local plain = themes[look.theme].greys or image.channels == 3
  local names = plain and { "dark", "grey", "bright" } or { "blue", "white", "red" }
  return ("%s −%.3g, %s 0, %s %.3g"):format(names[1], -image.low, names[2], names[3], image.high)
end

-- Commands with the colours of this look: those of words, lines and marks, and of areas (fc).
function theme.paint(look, commands)
  local own = themes[look.theme]
  if not own.colours then return commands end
  return (commands:gsub("(.)c rgb '#(%x*)(%x%x%x%x%x%x)'", function(kind, opacity, code)
    local change = kind == "f" and theme.area or theme.colour
    return ("%sc rgb '#%s%s'"):format(kind, opacity, change(look, "#" .. code):sub(2))
  end))
end

-- ---- Looks -----------------------------------------------------------------------------------------

local function word(where, options, key, known)
  local value = options[key]
  if value == nil or known[value] then return value end
  local names = {}
  for name in pairs(known) do names[#names + 1] = ('"%s"'):format(name) end
  table.sort(names)
  values.expected(where, key, table.concat(names, ", ", 1, #names - 1) .. " or " .. names[#names], value)
end

-- The name of a family, which stands within gnuplot's quotes, before a comma or a colon.
local function family(where, options)
  local font = values.option(where, options, "font", "string")
  if font and (not font:find "^[%w\x80-\xff][%w\x80-\xff ._-]*$" or #font > 100 or not utf8.len(font)) then
    values.expected(where, "font", 'the name of a family, as "Times New Roman"', font)
  end
  return font or style.family
end

-- The look that the options say; `before` is the one that it changes.
function theme.look(where, options, before)
  local size = word(where, options, "size", sizes)
  local chosen = sizes[size] or {}
  local name = word(where, options, "theme", themes) or chosen.theme or before and before.theme or "print"
  local points = values.number(where, options, "font_size", 3, 100, chosen.font_size
    or before and before.points or themes[name].font_size or style.font_size)
  local font = options.font == nil and before and before.font or family(where, options)
  return { theme = name, font = font, bold = font .. ":Bold", points = points, letter = points * POINT,
    scale = points / style.font_size, point = POINT * points / style.font_size, weight = themes[name].weight,
    background = themes[name].background,
    width = chosen.width and chosen.width * INCH or before and not size and before.width or nil,
    height = chosen.height and chosen.height * INCH or before and not size and before.height or nil,
    dots = chosen.dpi and chosen.dpi / INCH or before and before.dots or style.scale }
end

-- What options say of the paper: its width and height in units, where they are known, and the scale of all
-- that goes with the letters.
function theme.paper(where, options)
  local look = theme.look(where, options)
  return { width = options.width or look.width, height = options.height or look.height, scale = look.scale }
end

-- Whether panels of this width, side by side, have no room on that paper.
function theme.is_narrow(paper, count, width)
  return paper.width ~= nil and paper.width < count * width * paper.scale
end

return theme
