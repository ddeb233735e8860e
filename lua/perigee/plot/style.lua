-- How every figure looks: one place for fonts, colours, line widths and the room around a panel.

local words = require "perigee.plot.words"

local style = {}

-- Okabe and Ito's colours, which colour-blind readers tell apart; the yellow is too pale for lines.
style.blue, style.vermillion, style.green = "#0072B2", "#D55E00", "#009E73"
style.orange, style.purple, style.sky = "#E69F00", "#CC79A7", "#56B4E9"
style.black, style.grey = "#222222", "#777777"

-- Series take a colour, a point and a dash each, so that they differ in a black and white print too.
style.colours = {
  style.blue, style.vermillion, style.green, style.purple, style.orange, style.sky, style.black,
}
style.points = { 7, 5, 9, 13, 11, 6, 4 }

-- The look of the k-th line: colour and dash change with every one, the mark with every fourth, so that
-- colour, dash and mark come back together after 140, dash and mark after 20.
local dashes, marks = { 1, 2, 4, 3 }, { false, 7, 5, 9, 13 }
function style.line(k)
  return { color = style.colours[(k - 1) % #style.colours + 1], dash = dashes[(k - 1) % #dashes + 1],
    point = marks[(k - 1) // #dashes % #marks + 1] or nil }
end

style.text, style.frame, style.grid = "#222222", "#555555", "#E6E6E6"

style.family = "Arial"

-- In points. Everything else is in units of a figure, which are 1/96 inch, at letters of this size, and goes
-- with them (theme.lua).
style.font_size, style.title_size, style.small_size = 11, 13, 10.5

-- Units between a panel's edge and its plot. `legend` is added at the top of a panel that has one.
style.margin = { left = 72, right = 16, top = 36, bottom = 50, legend = 20, untitled = 14 }
style.image_margin = { left = 12, right = 12, top = 34, bottom = 30 }
-- A legend's entry: its piece of line, the gap to its words, the room to the next, the height of a line.
style.legend = { sample = 22, gap = 5, space = 11, line = 18 }

function style.legend_width(text)
  local legend = style.legend
  return legend.sample + legend.gap + words.width(text, style.small_size * 96 / 72) + legend.space
end

-- The room that the widest of several words takes, for the natural width of a figure; no more than `most`.
function style.widest(list, most)
  local widest = 0
  for _, text in ipairs(list) do widest = math.max(widest, words.width(text, style.small_size * 96 / 72)) end
  return math.min(widest, most)
end

-- From one line of words to the next.
style.line_height, style.title_height = 18, 21

-- About the room that a colour bar and its numbers take, for the natural width of a figure.
style.colorbar = 62
style.bare_margin = { left = 8, right = 8, top = 8, bottom = 8 }
style.figure_title = 34

-- Pixels of a PNG for each unit: fit for print at the width of a column.
style.scale = 2

return style
