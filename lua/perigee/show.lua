-- show(x): images in the terminal — a digit, a row of digits, an array as a heat map, or several
-- things side by side with captions.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local text = require "perigee.text"
local plot_values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot

local MOST_FEATURES = 8 -- that are shown as numbers
local MOST_DEPTH = 8 -- lists in lists

-- The sides of the square that n pixels fill, or nil.
local function square_side(n)
  local side = math.floor(math.sqrt(n) + 0.5)
  return side * side == n and side > 1 and side or nil
end

-- Is it the shape of three planes, red, green and blue?
local function is_colour(shape)
  return #shape == 3 and shape[1] == 3 and shape[2] > 1 and shape[3] > 1
end

-- One sample's values as a 2-d array: by the shape if it has two sides (or one channel), else square; or as
-- three planes, which may stand pixel by pixel, as in Python.
local function as_image(values, shape)
  if shape and is_colour(shape) then return values:reshape(table.unpack(shape)) end
  if shape and #shape == 3 and shape[3] == 3 and shape[1] > 1 and shape[2] > 1 then
    return values:reshape(table.unpack(shape)):transpose(3, 1, 2)
  end
  local sides = {}
  for _, n in ipairs(shape or {}) do
    if n ~= 1 then sides[#sides + 1] = n end
  end
  if #sides == 2 then return values:reshape(sides[1], sides[2]) end
  local side = square_side(values.size)
  if side then return values:reshape(side, side) end
  return values:reshape(1, values.size)
end

-- Values outside [0, 1] get their own range, negative ones a diverging map centred at zero; of colours 0 is
-- then the middle grey.
local function panel_of(image, caption)
  local low, high = gnuplot.range(gnuplot.numbers(image, "show", "x")) -- of the finite ones
  low, high = low or 0, high or 1
  if image.dtype == "u8" then
    return { value = image, low = 0, high = 255, map = "grey", caption = caption }
  end
  if image.ndim == 3 and low >= 0 then
    return { value = image, low = 0, high = high <= 1 and 1 or high, caption = caption }
  elseif low < 0 then
    local reach = math.max(-low, high)
    return { value = image, low = -reach, high = reach, map = "diverging", caption = caption }
  elseif low >= 0 and high <= 1 then
    return { value = image, low = 0, high = 1, map = "grey", caption = caption }
  end
  return { value = image, low = low, high = high, map = "heat", caption = caption }
end

-- Without a caption from the user a picture among others is named by its values.
local function range_of(item)
  if not kinds.is(item, "array") or item.size == 0 then return nil end
  return ("%.3g … %.3g"):format(item:min(), item:max())
end

local add_panels

local function add_array(panels, x, caption, limit)
  local n = x.ndim
  if is_colour(x.shape) and panels.channels ~= 1 then
    panels[#panels + 1] = panel_of(x, caption)
    return
  end
  if n == 1 then
    panels[#panels + 1] = panel_of(as_image(x), caption)
  elseif n == 2 and x.shape[1] == 1 then
    panels[#panels + 1] = panel_of(as_image(x[1]), caption)
  elseif n == 2 then
    -- Rows with as many pixels as a picture are pictures; anything else is one heat map.
    if x.shape[2] >= 64 and square_side(x.shape[2]) and x.shape[1] <= 64 then
      for i = 1, math.min(x.shape[1], limit) do
        panels[#panels + 1] = panel_of(as_image(x[i]), caption and ("%s %d"):format(caption, i))
      end
    else
      panels[#panels + 1] = panel_of(x, caption)
    end
  elseif n >= 3 then
    for i = 1, math.min(x.shape[1], limit) do add_panels(panels, x[i], caption, limit) end
  end
end

local function add_dataset(panels, ds, limit)
  for i = 1, math.min(#ds, limit) do
    local name = panels.names[ds.y[i]]
    panels[#panels + 1] = panel_of(as_image(ds:floats(i, i)[1], ds.shape),
      name and tostring(name) or ("label %d"):format(ds.y[i]))
  end
end

-- The lists in a list.
local function add_list(panels, list, limit)
  local captions = rawget(list, "captions")
  if captions == nil then captions = {} end
  if type(captions) ~= "table" then
    arguments.expected("show", "captions", "a list of words, one for each picture", captions)
  end
  panels.depth = panels.depth + 1
  if panels.depth > MOST_DEPTH then blame.fail("show: x: more than %d lists in one another", MOST_DEPTH) end
  for i, item in ipairs(list) do
    local words = captions[i] ~= nil and tostring(captions[i]) or range_of(item)
    add_panels(panels, item, words, limit)
  end
  panels.depth = panels.depth - 1
end

function add_panels(panels, x, caption, limit)
  if kinds.is(x, "array") then
    if x.size == 0 then blame.fail("show: the array is empty") end
    add_array(panels, x, caption, limit)
  elseif kinds.is(x, "dataset") then
    add_dataset(panels, x, limit)
  elseif type(x) == "table" and type(x[1]) == "number" then
    add_array(panels, array.new(x), caption, limit)
  elseif type(x) == "table" then
    add_list(panels, x, limit)
  else
    arguments.expected("show", "x", "an array, a dataset or a list of them", x)
  end
end

-- Are the samples points, whose few features are no picture?
local function are_points(x)
  return kinds.is(x, "dataset") and #x > 0 and #x.shape == 1 and x.shape[1] <= MOST_FEATURES
    and not square_side(x.shape[1])
end

-- Words of the classes by label: a table's, or those that a dataset has.
local function names_of(options)
  local names = options.names
  if kinds.is(names, "dataset") then names = names.names end
  return names or {}
end

-- A line a sample: its class and its features.
local function points_text(ds, options, limit)
  local rows, names = {}, names_of(options)
  for i = 1, math.min(#ds, limit) do
    local name = names[ds.y[i]]
    rows[i] = { name and text.name(tostring(name)) or ("label %d"):format(ds.y[i]) }
    for _, value in ipairs(ds:floats(i, i)[1]:totable()) do table.insert(rows[i], ("%.4g"):format(value)) end
  end
  return text.aligned(rows, 1) .. "\n"
end

-- The options, of which perigee.picture looks at mode and width itself.
local function checked(options)
  options = arguments.only("show", options, { "limit", "mode", "width", "names", "channels" })
  local limit, channels = options.limit or 12, options.channels
  if math.type(limit) ~= "integer" or limit < 1 then
    arguments.expected("show", "limit", "a whole number above 0", limit)
  elseif channels ~= nil and channels ~= 1 and channels ~= 3 then
    arguments.expected("show", "channels", "1 or 3", channels)
  end
  if options.names ~= nil then plot_values.names("show", options) end
  return options, limit
end

local function drawn(x, options, limit)
  local panels = { names = names_of(options), channels = options.channels, depth = 0 }
  add_panels(panels, x, nil, limit)
  if #panels == 0 then blame.fail("show: there is nothing in it to draw") end
  local mode = options.mode or perigee.terminal().picture
  return blame.as("show", "perigee.picture", perigee.picture, panels, { mode = mode, width = options.width })
end

--- show(x [, { limit =, mode =, width =, names =, channels = }])
local function show(x, options)
  local limit
  options, limit = checked(options)
  io.write(are_points(x) and points_text(x, options, limit) or drawn(x, options, limit))
  if kinds.is(x, "dataset") and #x > limit then
    io.write(("… and %d more (show(x, { limit = %d }))\n"):format(#x - limit, #x))
  end
end

return show
