-- How every figure looks: one place for fonts, colours, line widths and the room around a panel.

local width_of = require("perigee.text").width

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

style.text, style.frame, style.grid = "#222222", "#555555", "#E6E6E6"

-- Named in full: without the family gnuplot takes bold letters from another font.
style.bold = "Arial:Bold"

-- In units of a figure, which are 1/96 inch.
style.font_size, style.title_size, style.small_size = 11, 13, 10.5

-- Units between a panel's edge and its plot. `legend` is added at the top of a panel that has one.
style.margin = { left = 72, right = 16, top = 36, bottom = 50, legend = 20, untitled = 14 }
style.image_margin = { left = 12, right = 12, top = 34, bottom = 30 }
-- A legend's entry: its piece of line, the gap to its words, the room to the next, a letter's width
-- (DejaVu Sans, the widest that stands in for Arial), the height of a line.
style.legend = { sample = 20, gap = 5, space = 10, letter = 7.4, line = 18 }

function style.legend_width(text)
  local legend = style.legend
  return legend.sample + legend.gap + legend.letter * width_of(text) + legend.space
end

-- Room at the right of a panel for its colour bar and the numbers on it.
style.colorbar = 62
style.bare_margin = { left = 8, right = 8, top = 8, bottom = 8 }
style.figure_title = 34

-- Pixels of a PNG for each unit: fit for print at the width of a column.
style.scale = 2

return style
