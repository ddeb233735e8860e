-- A panel: what is drawn on one pair of axes, collected word by word.
--
--   panel:line(x, y, { label = "a" }):hline(0)
--
-- Every word returns the panel. Numbers are kept as arrays and become text only when the figure is
-- drawn, because only then is it known how many of a million points can be seen. The
-- fields (title, xlabel, …) are plain assignments; an unknown one is an error.

local arguments = require "perigee.arguments"
local kinds = require "perigee.kinds"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local native = require "perigee.native"
local gnuplot = native.gnuplot
local f = string.format

local Panel = {}

local panels = { class = Panel } -- and what only recipes may do

-- ---- Fields --------------------------------------------------------------------------------------

local function field_expected(key, expected, value) values.expected("plot.figure", key, expected, value) end

local function text_field(key, value)
  if type(value) ~= "string" and type(value) ~= "number" then field_expected(key, "words", value) end
  return tostring(value)
end

local function switch_field(key, value)
  if type(value) ~= "boolean" then field_expected(key, "true or false", value) end
  return value
end

local function legend_field(key, value)
  if type(value) ~= "boolean" and value ~= "right" then
    field_expected(key, "true, false or \"right\"", value)
  end
  return value
end

local function range_field(key, value)
  local list = kinds.is(value, "array") and value.ndim == 1 and value:totable() or value
  local low, high
  if type(list) == "table" then low, high = list[1], list[2] end
  if not (values.finite(low) and values.finite(high)) or low == high or not values.finite(high - low) then
    field_expected(key, "{ low, high }, two different numbers", value)
  end
  return { low, high }
end

-- Words at places, which are 1, 2, … unless said: { at =, words = }.
local function tics_field(key, value)
  local named = type(value) == "table" and value
  if not named or type(named.words) ~= "table" or type(named.at or {}) ~= "table" then
    field_expected(key, "{ at = places, words = texts }", value)
  end
  for i, word in ipairs(named.words) do
    if type(word) ~= "string" and type(word) ~= "number" then
      field_expected(("%s: words: number %d"):format(key, i), "a text", word)
    end
  end
  for i, place in ipairs(named.at or {}) do
    if not values.finite(place) then
      field_expected(("%s: at: number %d"):format(key, i), "a finite number", place)
    end
  end
  return { at = arguments.kept(named.at), words = arguments.kept(named.words) }
end

-- What the users of plot.figure may set: a function of the field's name and a value, which gives what is
-- kept, or complains.
local public = { title = text_field, caption = text_field, xlabel = text_field, ylabel = text_field,
  xrange = range_field, yrange = range_field, logx = switch_field, logy = switch_field,
  legend = legend_field, xtics = tics_field, ytics = tics_field, grid = switch_field }

-- What only recipes set.
local inner = { integer_x = true, integer_y = true, margin = true, bare = true, axes = true, centred = true,
  explained = true, cell = true, box = true, drawn = true, equal = true, least = true, caption_look = true }

Panel.__name = "panel"

function Panel.__index(panel, key)
  local word = rawget(Panel, key)
  if word ~= nil then return word end
  return rawget(panel, "fields")[key]
end

function Panel:__newindex(key, value)
  if public[key] then
    self.fields[key] = value ~= nil and public[key](key, value) or value
  elseif inner[key] then
    rawset(self, key, value)
  else
    local names = {}
    for name in pairs(public) do names[#names + 1] = name end
    table.sort(names)
    values.fail("plot.figure: unknown field '%s' of a panel; the fields are %s",
      type(key) == "string" and key or native.describe(key), table.concat(names, ", "))
  end
end

-- panel:set{ xlabel = "t", logy = true }
function Panel:set(fields)
  values.table("figure:set", "fields", fields)
  arguments.refuse_inherited("figure:set", fields)
  for key, value in pairs(fields) do self[key] = value end
  return self
end

-- ---- Checking what users give --------------------------------------------------------------------

local colours = { blue = style.blue, vermillion = style.vermillion, red = style.vermillion,
  green = style.green, orange = style.orange, purple = style.purple, sky = style.sky,
  black = style.black, grey = style.grey, white = "#ffffff" }
local dashes = { solid = 1, dashed = 2, dotted = 3, dashdot = 4 }
local points = { circle = 7, square = 5, triangle = 9, diamond = 13, cross = 2, plus = 1, ring = 6,
  box = 4, none = false }

local function one_of(where, name, value, words)
  local names = {}
  for word in pairs(words) do names[#names + 1] = word end
  table.sort(names)
  values.expected(where, name, table.concat(names, ", "), value)
end

-- A colour's name or "#rrggbb" as gnuplot takes it; opacity below 1 as its leading byte.
local function colour_of(where, value, alpha)
  local code = colours[value] or type(value) == "string" and value:match "^#%x%x%x%x%x%x$"
  if not code then values.expected(where, "color", "\"#rrggbb\" or a name such as \"blue\"", value) end
  if alpha and alpha < 1 then code = f("#%02x%s", math.floor((1 - alpha) * 255 + 0.5), code:sub(2)) end
  return code
end

local function dash_of(where, value)
  if value == nil then return 1 end
  return dashes[value] or math.type(value) == "integer" and value
    or one_of(where, "dash", value, dashes)
end

local function point_of(where, value)
  if value == nil or value == false then return nil end
  local point = points[value]
  if point ~= nil then return point or nil end
  return math.type(value) == "integer" and value or one_of(where, "point", value, points)
end

local looks = { "label", "color", "width", "dash", "point", "size", "alpha" }

local function check(where, options, extra)
  options = values.only(where, options, looks, extra)
  values.option(where, options, "label", "string")
  values.number(where, options, "width", 0, 100)
  values.number(where, options, "size", 0, 100)
  values.number(where, options, "alpha", 0, 1)
  return options
end

-- A list or an array as one line of numbers.
local function vector(where, name, value)
  local numbers = values.numbers(where, name, value)
  if numbers.ndim ~= 1 then
    values.fail("%s: %s: expected numbers in a line, got an array of %d dimensions", where, name,
      numbers.ndim)
  end
  return numbers
end

local function same_length(where, x, name, y)
  if #x ~= #y then
    values.fail("%s: x and %s: expected as many of each, got %d and %d", where, name, #x, #y)
  end
end

-- Whether a second argument is the options already: f:line(y, { label = "a" }).
local function is_options(value)
  return value == nil or type(value) == "table" and value[1] == nil and next(value) ~= nil
end

-- x and y as arrays; with y alone x counts from 1.
local function pair(where, x, y, options)
  if is_options(y) and options == nil then
    y, options = vector(where, "y", x), y
    return gnuplot.numbers(array.arange(1, #y + 1), where, "x"), y, options
  end
  x, y = vector(where, "x", x), vector(where, "y", y)
  same_length(where, x, "y", y)
  return x, y, options
end

-- The next colour, dash and point of the table, where no colour was asked for.
local function next_look(panel, options)
  if options.color then return { color = options.color } end
  local own = rawget(panel, "counter") + 1
  rawset(panel, "counter", own)
  return style.line(own)
end

local function next_colour(panel) return next_look(panel, {}).color end

-- ---- Series: x and y of the data, columns of a datablock, a "using … with …" -----------------------

-- series: x, y (lists of arrays for the axes' ranges), columns, thin, how (gnuplot's words), label,
-- from_zero (it stands on the axis), and for the legend color, width, dash, point, size.
local function add(panel, series)
  panel.series[#panel.series + 1] = series
  panel.entries[#panel.entries + 1] = series
  return panel
end

-- A line through the points (x[i], y[i]); what is not finite leaves a gap.
function Panel:line(x, y, options)
  local where = "figure:line"
  x, y, options = pair(where, x, y, options)
  options = check(where, options)
  local own = next_look(self, options)
  local color, point = colour_of(where, own.color, options.alpha), point_of(where, options.point)
  local dash, width, size = dash_of(where, options.dash or own.dash), options.width or 2, options.size or 0.6
  local sparse = options.point == nil and own.point ~= nil
  if sparse then point, size = own.point, options.size or 0.9 end
  return add(self, { kind = "line", x = { x }, y = { y }, columns = { x, y }, thin = "line",
    how = f("using 1:2 with %s lc rgb '%s' lw %g dt %d",
      point and f("linespoints pt %d ps %g", point, size) or "lines", color, width, dash),
    label = options.label, color = color, width = width, dash = dash, point = point, size = size,
    sparse = sparse })
end

-- A line that keeps its value until the next point.
function Panel:steps(x, y, options)
  local where = "figure:steps"
  x, y, options = pair(where, x, y, options)
  options = check(where, options)
  local own = next_look(self, options)
  local color = colour_of(where, own.color, options.alpha)
  local dash, width = dash_of(where, options.dash or own.dash), options.width or 2
  return add(self, { kind = "steps", x = { x }, y = { y }, columns = { x, y }, thin = "line",
    how = f("using 1:2 with steps lc rgb '%s' lw %g dt %d", color, width, dash),
    label = options.label, color = color, width = width, dash = dash })
end

-- Points alone.
function Panel:scatter(x, y, options)
  local where = "figure:scatter"
  x, y, options = pair(where, x, y, options)
  options = check(where, options)
  local color = colour_of(where, options.color or next_colour(self), options.alpha)
  local point, size = point_of(where, options.point) or 7, options.size or 1
  return add(self, { kind = "scatter", x = { x }, y = { y }, columns = { x, y }, thin = "points",
    how = f("using 1:2 with points pt %d ps %g lw 2 lc rgb '%s'", point, size, color),
    label = options.label, color = color, width = 0, dash = 1, point = point, size = size })
end

-- Bars from 0 to y[i] at x[i], which may be words. `width` is a share of the room.
function Panel:bars(x, y, options)
  local where = "figure:bars"
  if type(x) == "table" and type(x[1]) == "string" then
    local places = {}
    for i, word in ipairs(x) do
      if type(word) ~= "string" and type(word) ~= "number" then
        values.expected(where, ("x: number %d"):format(i), "a text, as the first one", word)
      end
      places[i] = i
    end
    self.xtics, x = { at = places, words = x }, places
  end
  x, y, options = pair(where, x, y, options)
  options = check(where, options)
  local color = colour_of(where, options.color or next_colour(self), options.alpha)
  local low, high = gnuplot.range(x)
  local step = low and #x > 1 and (high - low) / (#x - 1) or 1
  local half = 0.5 * step
  return add(self, { kind = "bars", from_zero = true, columns = { x, y },
    y = { y, gnuplot.numbers({ 0 }, where, "y") },
    x = { low and gnuplot.numbers({ low - half, high + half }, where, "x") or x },
    how = f("using 1:2:(%.15g) with boxes fs solid 1 noborder lc rgb '%s'",
      step * math.min(options.width or 0.8, 1), color),
    label = options.label, color = color, width = 8, dash = 1 })
end

-- Points with a line from y − error to y + error; error is an array, or { low, high } of two arrays
-- with the ends.
function Panel:errorbars(x, y, err, options)
  local where = "figure:errorbars"
  x, y = vector(where, "x", x), vector(where, "y", y)
  same_length(where, x, "y", y)
  options = check(where, options)
  local low, high
  if type(err) == "table" and type(err[1]) ~= "number" then
    low, high = vector(where, "low", err[1]), vector(where, "high", err[2])
  else
    err = vector(where, "error", err)
    same_length(where, x, "error", err)
    low, high = y - err, y + err
  end
  same_length(where, x, "low", low)
  same_length(where, x, "high", high)
  local color = colour_of(where, options.color or next_colour(self), options.alpha)
  local point, size = point_of(where, options.point) or 7, options.size or 0.8
  local width = options.width or 1.5
  return add(self, { kind = "errorbars", x = { x }, y = { low, high, y }, columns = { x, y, low, high },
    how = f("using 1:2:3:4 with yerrorbars pt %d ps %g lw %g lc rgb '%s'", point, size, width, color),
    label = options.label, color = color, width = width, dash = 1, point = point, size = size })
end

-- The area between two lines.
function Panel:band(x, low, high, options)
  local where = "figure:band"
  x, low, high = vector(where, "x", x), vector(where, "low", low), vector(where, "high", high)
  same_length(where, x, "low", low)
  same_length(where, x, "high", high)
  options = check(where, options)
  local color = colour_of(where, options.color or next_colour(self))
  local alpha = options.alpha or 0.2
  return add(self, { kind = "band", x = { x }, y = { low, high }, columns = { x, low, high }, gaps = true,
    how = f("using 1:2:3 with filledcurves fs transparent solid %g noborder lc rgb '%s'", alpha, color),
    label = options.label, color = colour_of(where, options.color or color, alpha), width = 8, dash = 1 })
end

-- ---- Histograms ----------------------------------------------------------------------------------

local function edges_of(where, numbers, options)
  local bins = options.bins
  if type(bins) == "table" or type(bins) == "userdata" then
    local edges = vector(where, "bins", bins):totable()
    for k = 2, #edges do
      if edges[k] <= edges[k - 1] then values.fail("%s: bins: the edges must rise", where) end
    end
    if #edges < 2 then values.fail("%s: bins: expected two edges or more", where) end
    return edges
  end
  local count = values.integer(where, options, "bins", 1, 10000, 30)
  local low, high = gnuplot.range(numbers)
  if options.range ~= nil then
    low, high = table.unpack(vector(where, "range", options.range):totable())
    if not (values.finite(low) and values.finite(high) and low < high) then
      values.expected(where, "range", "{ low, high }, two rising numbers", options.range)
    end
  end
  low, high = values.padded(low, high, 0)
  local edges = {}
  for k = 0, count do edges[k + 1] = low + (high - low) * k / count end
  return edges
end

-- How many values fall between one edge and the next; the last bin has its upper edge too.
local function counts_of(numbers, edges)
  local sorted = numbers:sort()
  local counts, from = {}, nil
  for k = 1, #edges do
    -- the first place that belongs beyond this edge
    local low, high = 1, #sorted + 1
    while low < high do
      local middle = (low + high) // 2
      local v = sorted[middle]
      if v < edges[k] or (k == #edges and v == edges[k]) then low = middle + 1 else high = middle end
    end
    if from then counts[k - 1] = low - from end
    from = low
  end
  return counts
end

-- How often values fall into each of `bins` equal bins (or between given edges), as filled steps.
-- options: bins, range = { low, high }, density (the area is 1), share (the heights add up to 1).
function Panel:histogram(numbers, options)
  local where = "figure:histogram"
  options = check(where, options, { "bins", "range", "density", "share" })
  numbers = values.numbers(where, "values", numbers)
  if numbers.ndim ~= 1 then numbers = numbers:reshape(numbers.size) end
  local edges = edges_of(where, numbers, options)
  local counts = counts_of(numbers, edges)
  local x, y = {}, {}
  for k, count in ipairs(counts) do
    local width = edges[k + 1] - edges[k]
    local height = options.density and count / (#numbers * width)
      or options.share and count / #numbers or count
    -- the outline: up at the left edge, along, and down after the last
    x[2 * k - 1], x[2 * k] = edges[k], edges[k + 1]
    y[2 * k - 1], y[2 * k] = height, height
  end
  local color = colour_of(where, options.color or next_colour(self))
  local alpha = options.alpha or 0.35
  local outline = { table.move(x, 1, #x, 2, { x[1] }), table.move(y, 1, #y, 2, { 0 }) }
  table.insert(outline[1], x[#x])
  table.insert(outline[2], 0)
  x, y = gnuplot.numbers(x, where, "x"), gnuplot.numbers(y, where, "y")
  add(self, { kind = "band", from_zero = true, columns = { x, y },
    x = { x }, y = { y, gnuplot.numbers({ 0 }, where, "y") },
    how = f("using 1:2 with filledcurves y=0 fs transparent solid %g noborder lc rgb '%s'", alpha, color),
    label = options.label, color = colour_of(where, color, alpha), width = 8, dash = 1 })
  local dash = dash_of(where, options.dash)
  x, y = gnuplot.numbers(outline[1], where, "x"), gnuplot.numbers(outline[2], where, "y")
  return add(self, { kind = "line", from_zero = true, x = { x }, y = { y }, columns = { x, y },
    how = f("using 1:2 with lines lc rgb '%s' lw %g dt %d", color, options.width or 1.5, dash),
    color = color, width = 1, dash = dash })
end

-- ---- Lines across, and words ---------------------------------------------------------------------

local function across(panel, where, from, to, options)
  options = check(where, options)
  local color = colour_of(where, options.color or style.grey, options.alpha)
  local width, dash = options.width or 1, dash_of(where, options.dash or 2)
  panel.marks[#panel.marks + 1] = f("set arrow from %s to %s nohead %s lw %g dt %d lc rgb '%s'", from, to,
    options.width and "front" or "back", width, dash, color)
  if options.label then
    panel.entries[#panel.entries + 1] = { label = options.label, color = color, width = width, dash = dash }
  end
  return panel
end

local function place(where, name, value)
  if not values.finite(value) then values.expected(where, name, "a finite number", value) end
  return value
end

-- A line across the panel at this height, or at this place.
function Panel:hline(y, options)
  place("figure:hline", "y", y)
  return across(self, "figure:hline", f("graph 0, first %.15g", y), f("graph 1, first %.15g", y), options)
end

function Panel:vline(x, options)
  place("figure:vline", "x", x)
  return across(self, "figure:vline", f("first %.15g, graph 0", x), f("first %.15g, graph 1", x), options)
end

-- Words at a point of the data, centred unless options.align says "left" or "right"; or, with
-- options.inside, at a share of the panel's width and height from its lower left corner. options.room is
-- how wide they may be, in units of x (with options.inside a share of the panel): what is wider is broken,
-- and cut after options.lines lines (1).
function Panel:text(x, y, text, options)
  local where = "figure:text"
  options = values.only(where, options, { "align", "inside", "color", "size", "bold", "room", "lines" })
  place(where, "x", x)
  place(where, "y", y)
  if type(text) ~= "string" and type(text) ~= "number" then values.expected(where, "text", "words", text) end
  local align = options.align or "center"
  if align ~= "center" and align ~= "left" and align ~= "right" then
    values.expected(where, "align", "center, left or right", align)
  end
  self.notes[#self.notes + 1] = { text = text, x = x, y = y, inside = options.inside, align = align,
    color = colour_of(where, options.color or style.text), bold = options.bold,
    room = values.number(where, options, "room", 0, 1e300),
    lines = values.integer(where, options, "lines", 1, 100, 1),
    size = values.number(where, options, "size", 1, 200, style.small_size) }
  return self
end

-- ---- Pictures ------------------------------------------------------------------------------------

local maps = { grey = true, heat = true, diverging = true }

-- The two ends and the map: negative numbers ask for the diverging one, centred at zero.
local function shades(where, numbers, options, fallback)
  local low, high = gnuplot.range(numbers)
  low, high = low or 0, high or 1
  local map = options.map or (low < 0 and high > 0 and "diverging") or fallback
  if not maps[map] then one_of(where, "map", map, maps) end
  if map == "diverging" then
    local reach = math.max(math.abs(low), math.abs(high))
    low, high = -reach, reach
  end
  low = values.number(where, options, "low", -1e300, 1e300, low)
  high = values.number(where, options, "high", -1e300, 1e300, high)
  if high - low <= 1e-12 * math.max(math.abs(low), math.abs(high)) then
    low, high = values.padded(low, high, 0)
  end
  return low, high, map
end

-- An image, row by row from the top, in square pixels without axes: a 2-d array, a 3-d one of three
-- planes (colour), or as many numbers in a line as height × width × channels say.
-- options: height, width, channels, low, high (default 0 and 1, of bytes 255), map.
function Panel:image(pixels, options)
  local where = "figure:image"
  options = values.only(where, options, { "height", "width", "channels", "low", "high", "map" })
  local numbers = values.numbers(where, "pixels", pixels)
  local shape = numbers.shape
  local channels = values.integer(where, options, "channels", 1, 3, #shape == 3 and shape[1] or 1)
  local h = values.integer(where, options, "height", 1, 1e9, shape[#shape - 1])
  local w = values.integer(where, options, "width", 1, 1e9, shape[#shape])
  if not h or h * w * channels ~= numbers.size or (channels ~= 1 and channels ~= 3) then
    values.fail("%s: pixels: expected height × width or 3 × height × width numbers, got %s", where,
      tostring(numbers):match "^[^\n ]*")
  end
  local low, high, map = 0, values.white(pixels), options.map or "grey"
  if options.map and options.map ~= "grey" then
    low, high, map = shades(where, numbers, options, map)
  else
    if map ~= "grey" then one_of(where, "map", map, maps) end
    low = values.number(where, options, "low", -1e300, 1e300, low)
    high = values.number(where, options, "high", -1e300, 1e300, high)
  end
  rawset(self, "picture", { numbers = numbers, height = h, width = w, channels = channels, low = low,
    high = high, map = map })
  return self
end

-- The places of the columns (or rows): first and step, from { first, last } or evenly spaced ones.
local function spacing(where, name, value, count)
  if value == nil then return 1, 1 end
  local at = vector(where, name, value)
  if #at ~= count and #at ~= 2 then
    values.fail("%s: %s: expected 2 or %d numbers, got %d", where, name, count, #at)
  end
  local first, last = at[1], at[#at]
  local step = count > 1 and (last - first) / (count - 1) or 1
  if step == 0 then step = 1 end
  for i = 2, #at - 1 do
    if math.abs(at[i] - (first + step * (i - 1))) > 1e-3 * math.abs(step) then
      values.fail("%s: %s: expected evenly spaced places, number %d is not", where, name, i)
    end
  end
  return first, step
end

local function grid_of(where, z, options)
  local numbers = values.numbers(where, "z", z)
  if numbers.ndim ~= 2 or numbers.size == 0 then
    values.fail("%s: z: expected a 2-d array, got %s", where, tostring(numbers):match "^[^\n ]*")
  end
  local rows, columns = numbers.shape[1], numbers.shape[2]
  local x, dx = spacing(where, "x", options.x, columns)
  local y, dy = spacing(where, "y", options.y, rows)
  return { numbers = numbers, rows = rows, columns = columns, x = x, dx = dx, y = y, dy = dy }
end

local function ends(where, first, step, count, half)
  local room, last = half * math.abs(step), first + step * (count - 1)
  return gnuplot.numbers({ math.min(first, last) - room, math.max(first, last) + room }, where, "ends")
end

-- z (rows × columns) as colours on the axes: z[i][j] at x[j], y[i], so that the first row is lowest;
-- set yrange = { high, low } for the other way. options: x, y (2 ends or all places, the centres),
-- low, high, map, colorbar (true), label (of the colour bar), alpha.
function Panel:heatmap(z, options)
  local where = "figure:heatmap"
  options = values.only(where, options, { "x", "y", "low", "high", "map", "colorbar", "label" })
  local g = grid_of(where, z, options)
  g.low, g.high, g.map = shades(where, g.numbers, options, "heat")
  g.colorbar, g.label = options.colorbar ~= false, options.label
  rawset(self, "shading", g)
  table.insert(self.series, 1, { kind = "heatmap", matrix = g.numbers, tight = true,
    x = { ends(where, g.x, g.dx, g.columns, 0.5) }, y = { ends(where, g.y, g.dy, g.rows, 0.5) },
    how = f("matrix using (%.15g+%.15g*$1):(%.15g+%.15g*$2):3 with image", g.x, g.dx, g.y, g.dy) })
  return self
end

-- Areas of one colour each: `codes` (rows × columns, placed as heatmap's) are positions in `palette`, a
-- list of "#rrggbb".
function panels.regions(panel, codes, palette, options)
  local where = "figure:regions"
  local g = grid_of(where, codes, options)
  local at, code = array.arange(g.numbers.size), g.numbers:reshape(g.numbers.size):astype "i32"
  local row = array.floor(at / g.columns)
  local columns = { (at - row * g.columns) * g.dx + g.x, row * g.dy + g.y }
  for k, column in ipairs(columns) do columns[k] = gnuplot.numbers(column, where, "codes") end
  table.insert(panel.series, 1, { kind = "regions", tight = true, columns = columns, codes = code,
    palette = palette,
    x = { ends(where, g.x, g.dx, g.columns, 0.5) }, y = { ends(where, g.y, g.dy, g.rows, 0.5) },
    how = "using 1:2:3:4:5 with rgbimage" })
end

-- Lines of equal height of z, placed as heatmap's. options: x, y, levels (a list, or how many: 8),
-- label, color, width, dash.
function Panel:contour(z, options)
  local where = "figure:contour"
  options = check(where, options, { "x", "y", "levels" })
  local g = grid_of(where, z, options)
  local levels = options.levels or 8
  if type(levels) == "number" then
    local low, high = values.padded(gnuplot.range(g.numbers))
    local count = values.integer(where, { levels = levels }, "levels", 1, 200)
    levels = {}
    for k = 1, count do levels[k] = low + (high - low) * k / (count + 1) end
  else
    levels = vector(where, "levels", levels):totable()
  end
  local words = {}
  for k, level in ipairs(levels) do words[k] = f("%.15g", level) end
  -- on shades, which are the same in every theme, black
  local color = colour_of(where, options.color or rawget(self, "shading") and "#000000" or style.text,
    options.alpha)
  local width, dash = options.width or 1, dash_of(where, options.dash)
  return add(self, { kind = "contour", matrix = g.numbers, tight = true, levels = table.concat(words, ","),
    x = { ends(where, g.x, g.dx, g.columns, 0) }, y = { ends(where, g.y, g.dy, g.rows, 0) },
    using = f("matrix using (%.15g+%.15g*$1):(%.15g+%.15g*$2):3", g.x, g.dx, g.y, g.dy),
    how = f("using 1:2 with lines lc rgb '%s' lw %g dt %d", color, width, dash),
    label = options.label, color = color, width = width, dash = dash })
end

arguments.guard("figure:", Panel, {
  what = "a panel", is = function(value) return debug.getmetatable(value) == Panel end,
})

-- A gnuplot command before the panel is drawn: for boxes and arrows.
function panels.command(panel, text)
  panel.notes[#panel.notes + 1] = text
end

-- An empty one, the index-th of its figure.
function panels.new(index)
  local panel = { index = index, fields = {}, series = {}, entries = {}, marks = {}, notes = {}, counter = 0 }
  return setmetatable(panel, Panel)
end

return panels
