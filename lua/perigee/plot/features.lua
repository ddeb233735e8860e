-- plot.filters and plot.activations: what a CNN looks for, and what it sees: a small image for each, on
-- one sheet.

local figures = require "perigee.plot.figure"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local GAP = 1

local function check_net(where, net)
  if type(net) ~= "userdata" or not pcall(function() assert(net.kind == "net") end) then
    values.expected(where, "net", "a net", net)
  end
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

-- Images (each rows × cols, a flat list) on a sheet of `columns`; between them there is nothing (NaN).
local function sheet_of(images, rows, cols, columns)
  local lines = math.ceil(#images / columns)
  local width, height = columns * (cols + GAP) + GAP, lines * (rows + GAP) + GAP
  local sheet = {}
  for i = 1, width * height do sheet[i] = 0 / 0 end
  for k, image in ipairs(images) do
    local top = GAP + (k - 1) // columns * (rows + GAP)
    local left = GAP + (k - 1) % columns * (cols + GAP)
    for i = 0, rows - 1 do
      table.move(image, i * cols + 1, (i + 1) * cols, (top + i) * width + left + 1, sheet)
    end
  end
  return sheet, height, width
end

local function draw(panel, images, rows, cols, columns, look)
  local sheet, height, width = sheet_of(images, rows, cols, columns)
  panel:image(sheet, { height = height, width = width, map = look.map, low = look.low, high = look.high })
  return height, width
end

local function figure_of(options, title, height, width)
  local unit = math.max(2, math.min(24, 560 / width))
  local fig = figures.new { title = options.title, width = options.width or width * unit + 24,
    height = options.height or height * unit + 66 + (options.title and style.figure_title or 0) }
  fig[1].title, fig[1].bare, fig[1].margin = title, true, style.image_margin
  return fig
end

local function columns_for(where, options, count)
  return values.integer(where, options, "columns", 1, 1000, math.max(1, math.ceil(math.sqrt(count * 1.6))))
end

-- Rows × cols of the sheet before anything is drawn on it.
local function size_of(count, rows, cols, columns)
  return math.ceil(count / columns) * (rows + GAP) + GAP, columns * (cols + GAP) + GAP
end

local function extent(lists)
  local low, high = values.range(lists)
  return low or 0, high or 0
end

-- The kernels of a convolution, one per filter: the mean over input channels if there are several.
local function filters(where, net, options)
  check_net(where, net)
  local layer = layer_of(where, net, options, function(l) return l.kind == "conv2d" end)
  local weight = net:weights()[layer.name .. ".weight"]
  local out, channels, k = weight.shape[1], weight.shape[2], weight.shape[3]
  local kernels = weight:mean(2):reshape(out, k * k):totable()
  local low, high = extent(kernels)
  local reach = math.max(math.abs(low), math.abs(high), 1e-12)
  local columns = columns_for(where, options, out)
  local title = string.format("%s: %d filters of %d × %d", layer.name, out, k, k)
  if channels > 1 then title = title .. string.format(", mean of %d channels", channels) end
  local fig = figure_of(options, title, size_of(out, k, k, columns))
  draw(fig[1], kernels, k, k, columns, { map = "diverging", low = -reach, high = reach })
  fig[1].caption = string.format("blue −%.3g, white 0, red %.3g", reach, reach)
  return fig
end

local function one_sample(where, x)
  local ok, pixels = pcall(function() return x.x end)
  if ok and pixels then x = pixels end
  if type(x) ~= "userdata" then
    if type(x) ~= "table" then values.expected(where, "data", "a sample", x) end
    x = array.new(x, { dtype = "f32" })
  end
  if x.ndim == 1 then return x:reshape(1, x.size) end
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
  local out = net:forward(one_sample(where, options.data), { layer.name })
  local images = out:reshape(channels, h * w):totable()
  local low, high = extent(images)
  low = math.min(low, 0)
  local columns = columns_for(where, options, channels)
  local fig = figure_of(options, string.format("%s: %d channels of %d × %d", layer.name, channels, h, w),
    size_of(channels, h, w, columns))
  draw(fig[1], images, h, w, columns, { map = "heat", low = low, high = math.max(high, low + 1e-12) })
  fig[1].caption = string.format("dark %.3g, bright %.3g", low, high)
  return fig
end

return {
  filters = { options = { "layer", "columns" }, figure = filters },
  activations = { options = { "layer", "data", "columns" }, figure = activations },
}
