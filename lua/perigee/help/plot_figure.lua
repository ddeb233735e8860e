-- Documentation of figures of one's own, a part of that of the library plot; see perigee/help.lua for the
-- form.

local appearance = require "perigee.help.looks"

local look = {
  { "label", "string", "none", "its words in the legend" },
  { "color", "string", "the next of the table",
    '"#rrggbb", or blue, vermillion (red), green, purple, orange, sky, black, grey, white' },
  { "width", "number", "2", "of the line" },
  { "dash", '"solid"|"dashed"|"dotted"|"dashdot"', "solid", "of the line" },
  { "point", '"circle"|"square"|"triangle"|"diamond"|"ring"|"box"|"cross"|"plus"|"none"', "by the word",
    "a mark at every point" },
  { "size", "number", "by the word", "of the mark" },
  { "alpha", "number", "1", "opacity, 0 to 1" },
}

local function looks(own)
  return table.move(look, 1, #look, #(own or {}) + 1, own or {})
end

local x, y = { "x", "array|table", "places; left out they count from 1" }, { "y", "array|table", "heights" }
local panel = { "figure", "the panel (or the figure) itself, for the next word" }

-- What an example draws, on a figure that is made for it.
local function drawn(words)
  return "local f = plot.figure()\n" .. words .. "\nprint(#f:script())"
end

local function field(name, kind, text)
  return { name = "figure." .. name, kind = "field", text = text, returns = { kind } }
end

local function looking(own)
  return table.move(appearance, 1, #appearance, #own + 1, own)
end

local places = {
  { "x", "array|table", "1 … columns", "the columns' places: { first, last }, or all, evenly spaced" },
  { "y", "array|table", "1 … rows", "the rows' places; the first row is the lowest" },
}

return {
  {
    name = "plot.figure",
    group = "Figures of one's own",
    text = "A figure of panels in a grid, to draw on. f[i] is the i-th panel, row by row; words and "
      .. "fields of the figure itself are those of its first panel. A line of a million points is thinned "
      .. "to what can be seen, its extremes kept. In any text of any figure what stands between dollar signs "
      .. "is a formula, [[$\\epsilon_2$]] (or \"$\\\\epsilon_2$\"), \"$x_{adv}$\", \"$10^{-3}$\"; "
      .. "all else stands as it is. What has no room is broken into two lines or ends in \"…\". The "
      .. "first twenty lines of a panel differ by colour, dash and mark, in greys too. A .tex "
      .. "file is for \\input in a document that has \\usepackage{tikz}; its letters are the document's.",
    options = {
      { "rows", "integer", "1", "of panels" }, { "columns", "integer", "1", "of panels" },
      { "cols", "integer", "1", "the same as columns" },
      { "width", "number", "by the panels", "in 1/96 inch" },
      { "height", "number", "by the panels", "in 1/96 inch" }, { "title", "string", "none", "above all" },
      appearance[1], appearance[2], appearance[3], appearance[4],
    },
    returns = { "figure", "empty" },
    example = [[
local f = plot.figure { cols = 2, title = "two panels" }
f[1]:line({ 1, 2, 3 }, { 3, 1, 2 }, { label = "a" }):hline(2)
f[2]:histogram(array.randn(500, { seed = 1 }), { bins = 20 })
f[2].xlabel = "value"
print(f, #f:script())]],
    see = { "figure", "figure:line", "figure:heatmap", "figure:save", "figure:show" },
  },
  {
    name = "figure", kind = "value",
    text = "What plot.figure makes, and each of its panels. #f is the number of panels, f[i] the i-th one, "
      .. "row by row. The words draw and return the panel, so that they can be strung together; y alone is "
      .. "drawn over 1, 2, 3 …. The fields, assigned or given to f[i]:set{…}, are the panel's own.",
    example = drawn "f:line({ 3, 1, 2 }):hline(2)\nf.xlabel, f.logy = \"step\", true",
    see = { "plot.figure", "figure:set", "figure:save" },
  },
  { name = "figure:line", text = "A line; what is not finite leaves a gap.",
    params = { x, y }, options = looks(), returns = panel,
    example = drawn 'f:line({ 0, 1, 2 }, { 1, 4, 9 }, { label = "squares" })',
    see = { "figure:scatter", "figure:steps", "figure:band" } },
  { name = "figure:scatter", text = "Points alone.", params = { x, y }, options = looks(),
    returns = panel,
    example = drawn 'f:scatter(array.rand(50, { seed = 1 }), array.rand(50, { seed = 2 }))',
    see = { "figure:line" } },
  { name = "figure:steps", text = "A line that keeps its value until the next point.",
    params = { x, y }, options = looks(), returns = panel,
    example = drawn 'f:steps({ 3, 1, 2 }, { dash = "dashed" })',
    see = { "figure:line" } },
  { name = "figure:bars", text = "Bars from 0 to y. x may be words; `width` is a share of the room, 0.8.",
    params = { x, y }, options = looks(), returns = panel,
    example = drawn 'f:bars({ "cnn", "nr", "dnr" }, { 0.1, 0.6, 0.9 }, { color = "green" })',
    see = { "figure:histogram" } },
  { name = "figure:errorbars", text = "Points with a line from y − error to y + error.",
    params = { x, y, { "error", "array|table", "the errors, or { low, high }: two arrays of ends" } },
    options = looks(), returns = panel,
    example = drawn 'f:errorbars({ 1, 2, 3 }, { 5, 4, 6 }, { 0.5, 0.2, 0.8 })',
    see = { "figure:band" } },
  { name = "figure:band", text = "The area between two lines.",
    params = { x, { "low", "array|table", "its lower edge" }, { "high", "array|table", "its upper edge" } },
    options = looks(), returns = panel,
    example = drawn 'f:band({ 1, 2, 3 }, { 4, 3, 5 }, { 6, 5, 7 }, { alpha = 0.3 })',
    see = { "figure:errorbars" } },
  { name = "figure:histogram", text = "How often values fall into each of a number of bins.",
    params = { { "values", "array|table", "any number of them" } },
    options = looks {
      { "bins", "integer|array", "30", "how many equal ones, or all their edges" },
      { "range", "table", "of the values", "{ low, high }" },
      { "density", "boolean", "false", "scaled so that the area is 1" },
      { "share", "boolean", "false", "scaled so that the heights add up to 1" },
    },
    returns = panel,
    example = drawn 'f:histogram(array.randn(500, { seed = 1 }), { bins = 20, density = true })',
    see = { "figure:bars" } },
  { name = "figure:hline", text = "A line across the panel at a height.",
    params = { { "y", "number", "where" } }, options = looks(), returns = panel,
    example = drawn 'f:line({ 3, 1, 2 }):hline(2, { dash = "dotted" })',
    see = { "figure:vline" } },
  { name = "figure:vline", text = "A line up the panel at a place.",
    params = { { "x", "number", "where" } }, options = looks(), returns = panel,
    example = drawn 'f:line({ 3, 1, 2 }):vline(2, { label = "here" })',
    see = { "figure:hline" } },
  { name = "figure:text", text = "Words at a point of the data.",
    params = { { "x", "number", "where" }, { "y", "number", "where" }, { "text", "string", "the words" } },
    options = {
      { "align", '"left"|"center"|"right"', "center", "which end of the words is at x" },
      { "inside", "boolean", "false", "x and y are shares of the panel, from its lower left corner" },
      { "color", "string", "black", "as of lines" },
      { "size", "number", "10.5", "of the letters, in points where font_size is 11" },
      { "bold", "boolean", "false", "heavier letters" },
      { "room", "number", "to the edge", "how wide they may be, in units of x (with inside a share of the "
        .. "panel): what is wider is broken, and cut after the last line" },
      { "lines", "integer", "1", "the most lines of room" },
    },
    returns = panel,
    example = drawn 'f:line({ 3, 1, 2 }):text(2, 1, "the least", { align = "center" })',
    see = { "figure:line" } },
  { name = "figure:image",
    text = "An image from the top row down, in square pixels and without axes: grey, or colour of 3 planes.",
    params = { { "pixels", "array|table", "height × width, or 3 × height × width" } },
    options = {
      { "height", "integer", "of the array", "rows, where the numbers are in one line" },
      { "width", "integer", "of the array", "columns" }, { "channels", "integer", "of the array", "1 or 3" },
      { "low", "number", "0", "black" }, { "high", "number", "1, of bytes 255", "white" },
      { "map", '"grey"|"heat"|"diverging"', "grey", "the others reach from the least to the greatest" },
    },
    returns = panel,
    example = drawn 'f:image(data.digits(1, { seed = 1 }).images[1])',
    see = { "plot.images", "figure:heatmap" } },
  { name = "figure:heatmap",
    text = "Numbers of a grid as colours on the axes: z[i][j] at x[j], y[i]. Those of both signs get a map "
      .. "whose white is zero, others one of evenly rising lightness.",
    params = { { "z", "array|table", "rows × columns" } },
    options = {
      places[1], places[2],
      { "low", "number", "the least", "at the map's one end" },
      { "high", "number", "the greatest", "at its other" },
      { "map", '"heat"|"diverging"|"grey"', "by the signs", "of colours" },
      { "colorbar", "boolean", "true", "drawn beside the panel" },
      { "label", "string", "none", "of the colour bar" },
    },
    returns = panel,
    example = drawn 'f:heatmap(array.randn(8, 8, { seed = 1 }))',
    see = { "figure:contour", "figure:image" } },
  { name = "figure:contour", text = "Lines of equal height of a grid.",
    params = { { "z", "array|table", "rows × columns, placed as heatmap's" } },
    options = looks { places[1], places[2],
      { "levels", "integer|table", "8", "how many, or which heights" } },
    returns = panel,
    example = drawn 'f:contour({ { 0, 1, 0 }, { 1, 2, 1 }, { 0, 1, 0 } }, { levels = 4 })',
    see = { "figure:heatmap" } },
  { name = "figure:set", text = "Several fields of a panel at once.",
    params = { { "fields", "table", '{ xlabel = "t", logy = true }' } }, returns = panel,
    example = drawn 'f:line({ 3, 1, 2 }):set { xlabel = "step", ylabel = "loss", grid = true }',
    see = { "plot.figure" } },
  { name = "figure:save", text = "Writes the figure to a file, whole or not at all.",
    params = { { "path", "string", "ends in .png, .svg, .pdf, .tex (TikZ), .html, or .gp for the script" } },
    options = looking {
      { "terminal", '"png"|"svg"|"pdf"|"tex"|"html"', "by the ending", "the format" },
      { "scale", "number", "2", "pixels of a PNG for each 1/96 inch" },
      { "timeout", "number", "60", "seconds after which gnuplot is stopped" },
    },
    returns = { "string", "the path" },
    example = [[
local file = os.tmpname()
local f = plot.figure():line({ 3, 1, 2 })
f:save(file, { terminal = "svg" })
os.remove(file)]],
    see = { "figure:show", "figure:script" } },
  { name = "figure:show", text = "Shows the figure where a recipe without `file` would.",
    options = looking {
      { "terminal", '"window"|"text"|"qt"|"wxt"|"x11"', "by the surroundings", "as of the recipes" },
      { "scale", "number", "2", "pixels of a PNG for each 1/96 inch" },
      { "timeout", "number", "60", "seconds after which gnuplot is stopped" },
    },
    returns = { "string", "the path, if a file was written" },
    example = [[
local f = plot.figure():line { 3, 1, 2 }
f:show { terminal = "text" }]],
    see = { "figure:save" } },
  { name = "figure:script", text = "The gnuplot script that draws the figure, its data inside.",
    options = looking { { "file", "string", "figure.png", "what it shall write" },
      { "terminal", "string", "by the ending", "the format" },
      { "scale", "number", "2", "pixels of a PNG for each 1/96 inch" } },
    returns = { "string", "the script" },
    example = 'print(plot.figure():line({ 3, 1, 2 }):script():match("[^\\n]*"))',
    see = { "plot.script" } },
  field("title", "string", "A line above the figure; of a panel, f[i].title, above it."),
  field("caption", "string", "Words under the panel."),
  field("xlabel", "string", "What the horizontal axis is of."),
  field("ylabel", "string", "What the vertical axis is of."),
  field("xrange", "number[]", "{ low, high }; of the data if not set."),
  field("yrange", "number[]", "{ low, high }; of the data if not set."),
  field("logx", "boolean", "A logarithmic horizontal axis."),
  field("logy", "boolean", "A logarithmic vertical axis."),
  field("grid", "boolean", "Lines behind the data."),
  field("xtics", "table", "{ at = places, words = texts }: what stands along the horizontal axis."),
  field("ytics", "table", "The same along the vertical axis."),
  field("legend", 'boolean|"right"', "Whether labels are listed in the panel, or beside it."),
}
