-- plot.filters and plot.activations: what a CNN looks for, and what it sees: a small image for each, on
-- one sheet.

local figures = require "perigee.plot.figure"
local kinds = require "perigee.kinds"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"
local words = require "perigee.plot.words"

local GAP = 1

local function check_net(where, net)
  if not kinds.is(net, "net") then values.expected(where, "net", "a net", net) end
end

-- The names of the layers that `fits` takes, for messages and defaults.
local function layer_of(where, net, options, fits)
  local wanted, names = values.option(where, options, "layer", "string"), {}
  for _, layer in ipairs(net.layers) do
    if fits(layer) then
      if wanted == layer.name or not wanted then return layer end
      names[#names + 1] = layer.name
    end
  end
  if #names == 0 then values.fail("%s: this net has no layer of images", where) end
  return values.expected(where, "layer", "one of " .. table.concat(names, ", "), wanted)
end

-- Images (each rows × cols, a flat list of one plane or three) on a sheet of `columns`; between them there is
-- nothing (NaN), of colours white.
local function sheet_of(images, look)
  local rows, cols, columns = look.rows, look.cols, look.columns
  local width, height = columns * (cols + GAP) + GAP, math.ceil(#images / columns) * (rows + GAP) + GAP
  local sheet, plane = {}, width * height
  for i = 1, plane * look.channels do sheet[i] = look.channels == 3 and look.high or 0 / 0 end
  for k, image in ipairs(images) do
    local top = GAP + (k - 1) // columns * (rows + GAP)
    local left = GAP + (k - 1) % columns * (cols + GAP)
    for line = 0, look.channels * rows - 1 do
      local to = line // rows * plane + (top + line % rows) * width + left
      table.move(image, line * cols + 1, (line + 1) * cols, to + 1, sheet)
    end
  end
  return sheet, height, width
end

-- look: rows, cols, channels (of an image), columns (of the sheet), map, low, high.
local function draw(panel, images, look)
  local sheet, height, width = sheet_of(images, look)
  panel:image(sheet, { height = height, width = width, channels = look.channels, map = look.map,
    low = look.low, high = look.high })
end

local function figure_of(options, title, height, width)
  local unit = math.max(2, math.min(24, 560 / width))
  local room = math.max(width * unit, words.width(title, style.title_size * 96 / 72))
  local fig = figures.new { title = options.title, width = options.width or room + 24,
    height = options.height or height * unit + 66 + (options.title and style.figure_title or 0) }
  fig[1].title, fig[1].bare, fig[1].margin = title, true, style.image_margin
  return fig
end

-- Columns of a sheet that is wider than high: a number near that which leaves no gap in the last line.
local function columns_for(where, options, count)
  local pleasant = math.max(1, math.ceil(math.sqrt(count * 1.6)))
  for _, columns in ipairs { pleasant, pleasant + 1, pleasant - 1 } do
    if columns > 0 and count % columns == 0 then
      pleasant = columns
      break
    end
  end
  return values.integer(where, options, "columns", 1, 1000, pleasant)
end

-- Rows × cols of the sheet before anything is drawn on it.
local function size_of(count, rows, cols, columns)
  return math.ceil(count / columns) * (rows + GAP) + GAP, columns * (cols + GAP) + GAP
end

-- The kernels of a convolution, one per filter: in colour if there are three input channels, else the mean
-- over them if there are several.
local function filters(where, net, options)
  check_net(where, net)
  local layer = layer_of(where, net, options, function(l) return l.kind == "conv2d" end)
  local weight = net:weights()[layer.name .. ".weight"]
  local out, channels, k = weight.shape[1], weight.shape[2], weight.shape[3]
  local shown = channels == 3 and 3 or 1
  if shown == 1 then weight = weight:mean(2) end
  local kernels = weight:reshape(out, shown * k * k):totable()
  local reach, columns = values.reach(kernels), columns_for(where, options, out)
  local title = string.format("%s: %d filters of %d × %d", layer.name, out, k, k)
  if channels > 1 then
    title = title .. (shown == 3 and ", in colour" or string.format(", mean of %d channels", channels))
  end
  local fig = figure_of(options, title, size_of(out, k, k, columns))
  local look = values.signed(nil, nil, shown, reach)
  look.rows, look.cols, look.columns = k, k, columns
  draw(fig[1], kernels, look)
  fig[1].explained = true
  return fig
end

local function one_sample(where, x)
  if kinds.is(x, "dataset") then x = x:floats() end
  if type(x) == "table" and kinds.of(x) == nil then
    x = values.call(where, "data", array.new, x, { dtype = "f32" })
  elseif not kinds.is(x, "array") then
    values.expected(where, "data", "a sample", x)
  end
  if x.ndim == 1 then return x:reshape(1, x.size) end
  if #x == 0 then values.fail("%s: data: there are no samples in it", where) end
  return x:slice { 1, 1 }
end

-- A layer's channels for one sample (the first, of several).
local function activations(where, net, options)
  check_net(where, net)
  if options.data == nil then
    values.fail("%s: data: expected a sample, { data = test[1], layer = \"relu1\" }", where)
  end
  local layer = layer_of(where, net, options, function(l) return #l.shape == 3 end)
  local channels, h, w = layer.shape[1], layer.shape[2], layer.shape[3]
  local out = values.call(where, "data", net.forward, net, one_sample(where, options.data), { layer.name })
  local images = out:reshape(channels, h * w):totable()
  local low, high = values.range(images)
  low, high = math.min(low or 0, 0), high or 0
  local columns = columns_for(where, options, channels)
  local fig = figure_of(options, string.format("%s: %d channels of %d × %d", layer.name, channels, h, w),
    size_of(channels, h, w, columns))
  draw(fig[1], images, { rows = h, cols = w, channels = 1, columns = columns, map = "heat", low = low,
    high = math.max(high, low + 1e-12) })
  fig[1].explained = true
  return fig
end

return {
  filters = { options = { "layer", "columns" }, figure = filters },
  activations = { options = { "layer", "data", "columns" }, figure = activations },
}
