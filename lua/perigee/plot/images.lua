-- plot.images: samples on a sheet, row by row, each with a caption if there are any.
--
-- x is a dataset (whose labels are the captions unless captions = false), an n × features or
-- n × image array, or a list of samples. All are laid into one image, so that a sheet of hundreds
-- costs one plot.

local figures = require "perigee.plot.figure"
local kinds = require "perigee.kinds"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

-- Empty pixels around every sample; the least size of a pixel on paper, and of a caption; the room at the
-- edges.
local GAP, LEAST_PIXEL, CAPTION, EDGE = 1, 2, 18, 16

-- The rows of pixels (of a dataset only so many), the shape of one, and the labels if there are any.
local function samples_of(where, x, most)
  if type(x) == "table" then
    local first = x[1]
    if first == nil then values.fail("%s: expected samples, got an empty list", where) end
    return x, nil, nil
  end
  if kinds.is(x, "dataset") then return x:floats(1, math.min(#x, most)), x.shape, x.y end
  if not kinds.is(x, "array") then values.expected(where, "x", "a dataset, an array or a list", x) end
  local shape = values.list(where, "x", x.shape)
  if #shape == 1 then return { x }, nil, nil end
  local sample = table.move(shape, 2, #shape, 1, {})
  return x, #sample > 1 and sample or nil, nil
end

-- A sample as one flat list, whatever its own shape.
local function flatten(where, value, out)
  for _, v in ipairs(values.list(where, "x", value)) do
    if type(v) == "number" then out[#out + 1] = v else flatten(where, v, out) end
  end
  return out
end

local function captions_of(where, options, labels, count, own)
  if options.captions == false then return nil end
  local name, list = values.names(where, options, own), labels
  if options.captions ~= nil then list, name = values.list(where, "captions", options.captions), tostring end
  if not list then return nil end
  local texts = {}
  for i = 1, count do texts[i] = list[i] ~= nil and name(list[i]) or "" end
  return texts
end

-- A pixel of a sheet as wide as is pleasant: if there are captions so large that they fit.
local function pleasant_unit(columns, w, captions)
  local unit = math.max(LEAST_PIXEL, math.min(3, 760 / (columns * (w + GAP))))
  if not captions then return unit end
  local room = style.widest(captions, 760 / math.min(columns, 6)) + 6
  return math.max(unit, math.min(12, room / (w + GAP)))
end

-- A pixel of a sheet that fills a paper of known width.
local function fitting_unit(paper, g, above, captions)
  local unit = (paper.width - EDGE * paper.scale) / (g.columns * (g.w + GAP) + GAP)
  if not paper.height then return unit end
  local words = captions and g.rows * CAPTION or 0
  local height = paper.height - (above + EDGE + words) * paper.scale
  return math.max(0.1, math.min(unit, height / (g.rows * (g.h + GAP) + GAP)))
end

-- The sheet's sizes in its own pixels, each of which is `unit` on paper.
local function grid(paper, g, above, captions)
  g.columns = g.columns or math.min(g.count, math.max(1, math.ceil(math.sqrt(g.count))))
  g.rows = math.ceil(g.count / g.columns)
  g.unit = paper.width and fitting_unit(paper, g, above, captions) or pleasant_unit(g.columns, g.w, captions)
  g.caption = captions and math.ceil(CAPTION * paper.scale / g.unit) or 0
  g.step_x, g.step_y = g.w + GAP, g.h + GAP + g.caption
  return g
end

-- Copy the samples onto planes where there is nothing (NaN) between them.
local function mosaic(samples, g, channels)
  local width, height = g.columns * g.step_x + GAP, g.rows * g.step_y + GAP
  local plane = width * height
  local out = {}
  for i = 1, plane * channels do out[i] = 0 / 0 end
  for k, pixels in ipairs(samples) do
    local top = GAP + (k - 1) // g.columns * g.step_y
    local left = GAP + (k - 1) % g.columns * g.step_x
    for c = 0, channels - 1 do
      for i = 0, g.h - 1 do
        local from, to = c * g.h * g.w + i * g.w, c * plane + (top + i) * width + left
        for j = 1, g.w do out[to + j] = pixels[from + j] end
      end
    end
  end
  return out, height, width
end

-- The samples one by one, for a terminal, which would shrink the sheet beyond recognition.
local function pictures_of(samples, captions, look)
  local list = {}
  for k, pixels in ipairs(samples) do
    local image = array.new(pixels)
    image = look.channels == 3 and image:reshape(3, look.h, look.w) or image:reshape(look.h, look.w)
    list[k] = { value = image, low = look.low, high = look.high,
      caption = captions and captions[k] or nil }
  end
  return list
end

local function figure(where, x, options)
  local most = values.integer(where, options, "count", 1, 10000, 100)
  local rows, shape, labels = samples_of(where, x, most)
  values.integer(where, options, "columns", 1, 1000)
  local count = math.min(#rows, most)
  if count == 0 then values.fail("%s: expected samples, got none", where) end
  local samples = {}
  for i = 1, count do samples[i] = flatten(where, rows[i], {}) end
  for i = 2, count do
    if #samples[i] ~= #samples[1] then
      values.fail("%s: x: sample %d has %d features, the first %d", where, i, #samples[i], #samples[1])
    end
  end
  local h, w, channels = values.image_shape(shape, #samples[1])
  if not h then
    values.fail("%s: samples of %d features are not images (a shape of height × width or "
      .. "channels × height × width is needed)", where, #samples[1])
  end
  local low, high = values.range(samples)
  low, high = math.min(low or 0, 0), math.max(high or 1, values.white(x))
  local captions = captions_of(where, options, labels, count, kinds.is(x, "dataset") and x.names or nil)
  local paper, above = theme.paper(where, options), options.title and style.figure_title or 0
  local g = grid(paper, { columns = options.columns, count = count, h = h, w = w }, above, captions)
  local sheet, height, width = mosaic(samples, g, channels)
  local fig = figures.new { title = options.title, width = paper.width or width * g.unit + EDGE,
    height = paper.height or height * g.unit + (EDGE + above) * paper.scale }
  fig.pictures = function()
    return pictures_of(samples, captions, { h = h, w = w, channels = channels, low = low, high = high })
  end
  fig[1].bare = true
  fig[1]:image(sheet, { height = height, width = width, channels = channels, low = low,
    high = high })
  for i, text in ipairs(captions or {}) do
    fig[1]:text(GAP + (i - 1) % g.columns * g.step_x + g.w / 2 - 0.5,
      GAP + (i - 1) // g.columns * g.step_y + g.h + g.caption / 2 - 0.5, text,
      { size = 10, room = math.max(0.1, g.step_x - 4 * paper.scale / g.unit) })
  end
  return fig
end

return { options = { "columns", "captions", "count", "names" }, figure = figure }
