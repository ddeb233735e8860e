-- plot.decision: a model of two features: which class it gives each place, and where it rejects; with
-- data the samples, with an attack's result the path over the surface of its loss.
--
-- The loss of a place is the attack's: s_k − s_c, where k is the true class (or reject, where the place is
-- rejected) and c the best other class; below 0 the place is accepted and wrong.

local figures = require "perigee.plot.figure"
local panels = require "perigee.plot.panel"
local judged = require "perigee.plot.judged"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot

local REGION_TINT, REJECT_COLOUR = 0.35, "#E8E8E8"

-- A colour lightened towards white.
local function tint(colour)
  local bytes = {}
  for k = 1, 3 do
    local byte = tonumber(colour:sub(2 * k, 2 * k + 1), 16)
    bytes[k] = math.floor(255 - (255 - byte) * REGION_TINT + 0.5)
  end
  return string.format("#%02x%02x%02x", table.unpack(bytes))
end

local function class_colour(j)
  return style.colours[(j - 1) % (#style.colours - 1) + 1]
end

-- { x = { low, high }, y = … }: as asked, else around the points.
local function range_of(where, options, points)
  if options.range then
    local r = options.range
    for i = 1, 4 do
      if type(r) ~= "table" or not values.finite(r[i]) or (i % 2 == 0 and r[i] <= r[i - 1]) then
        values.expected(where, "range", "{ x low, x high, y low, y high }", r)
      end
    end
    return { x = { r[1], r[2] }, y = { r[3], r[4] } }
  end
  local range = {}
  for k, axis in ipairs { "x", "y" } do
    local low, high
    for _, list in ipairs(points) do
      local a, b = gnuplot.range(values.numbers(where, "points", list:slice(nil, { k, k }):copy()))
      if a then low, high = math.min(low or a, a), math.max(high or b, b) end
    end
    if not low then
      values.fail("%s: range: expected { x low, x high, y low, y high }, or data to take it from", where)
    end
    low, high = values.padded(low, high, 0.12)
    range[axis] = { low, high }
  end
  return range
end

-- The places of an n × n grid, the lowest row first: n² × 2.
local function places(range, n)
  local x = array.linspace(range.x[1], range.x[2], n)
  local y = array.linspace(range.y[1], range.y[2], n)
  local points, xs = {}, x:totable()
  for i = 1, n do
    local height = y:at(i)
    for j = 1, n do points[(i - 1) * n + j] = { xs[j], height } end
  end
  return array.new(points, { dtype = "f32" })
end

-- Position of the winning column in every row of scores, the last being reject; and the loss for the
-- class in column `own`, where that is given.
local function judge(rows, classes, own)
  local winners, losses = {}, own and {} or nil
  for i, row in ipairs(rows) do
    local best, other = 1, nil
    for j = 1, classes do
      if row[j] > row[best] then best = j end
      if j ~= own and (not other or row[j] > row[other]) then other = j end
    end
    local rejected = row[classes + 1] and row[best] <= row[classes + 1]
    winners[i] = rejected and classes + 1 or best
    if own then losses[i] = row[rejected and classes + 1 or own] - row[other] end
  end
  return winners, losses
end

local function draw_regions(panel, winners, n, range, model)
  local palette = {}
  for j = 1, #model.classes do palette[j] = tint(class_colour(j)) end
  palette[#palette + 1] = REJECT_COLOUR
  panels.regions(panel, array.new(winners):reshape(n, n), palette, { x = range.x, y = range.y })
end

-- Samples, one colour per class; the legend lists the classes that occur.
local function draw_samples(panel, data, classes)
  local labels, points = data.y:totable(), data.x:totable()
  for j, class in ipairs(classes) do
    local x, y = {}, {}
    for i, label in ipairs(labels) do
      if label == class then x[#x + 1], y[#y + 1] = points[i][1], points[i][2] end
    end
    if #x > 0 then
      panel:scatter(x, y, { color = class_colour(j), size = 0.6, label = "class " .. tostring(class) })
    end
  end
end

local function draw_path(panel, path)
  local x, y = {}, {}
  for i, point in ipairs(path) do x[i], y[i] = point[1], point[2] end
  panel:line(x, y, { color = "black", point = #x <= 60 and "circle" or nil, size = 0.5, label = "attack" })
  panel:scatter({ x[1] }, { y[1] }, { color = "black", point = "box", size = 1.4 })
  panel:scatter({ x[#x] }, { y[#y] }, { color = "vermillion", point = "ring", size = 1.6 })
end

local function path_of(where, result, index)
  local iterates = result.iterates and result.iterates[index]
  if iterates then return values.list(where, "iterates", iterates) end
  return { values.list(where, "x0", result.x0[index]), values.list(where, "x_adv", result.x_adv[index]) }
end

local function figure(where, model, options)
  judged.check_model(where, model)
  local n = values.integer(where, options, "grid", 10, 1000, 200)
  local result, points = options.result, {}
  local index = result and values.integer(where, options, "index", 1, #result.y, 1)
  if options.data then points[1] = options.data.x end
  local path = result and path_of(where, result, index)
  if path then points[#points + 1] = array.new(path) end
  local range, classes = range_of(where, options, points), values.list(where, "classes", model.classes)
  local rows = judged.scores(where, model, places(range, n)):totable()
  local own
  for j, class in ipairs(classes) do
    if result and class == result.y[index] then own = j end
  end
  local winners, losses = judge(rows, #classes, own)
  local fig = figures.new { columns = result and 2 or 1, title = options.title,
    widths = result and { 380, 380 + style.colorbar },
    width = options.width or (result and 860 or 440),
    height = options.height or 400 + (options.title and style.figure_title or 0) }
  draw_regions(fig[1], winners, n, range, model)
  if options.data then draw_samples(fig[1], options.data, classes) end
  fig[1].title = "regions" .. (model.rejects and " (grey: rejected)" or "")
  if result then
    draw_path(fig[1], path)
    local surface = array.new(losses):reshape(n, n)
    fig[2]:heatmap(surface, { x = range.x, y = range.y })
    fig[2]:contour(surface, { x = range.x, y = range.y, levels = { 0 }, width = 1.5, dash = "dashed" })
    draw_path(fig[2], path)
    fig[2].title = string.format("loss of the attack on class %s", result.y[index])
  end
  for i = 1, #fig do
    local panel = fig[i]
    panel.xrange, panel.yrange, panel.xlabel, panel.ylabel = range.x, range.y, "feature 1", "feature 2"
    panel.legend = i == 1 and (options.data or result) and true or false
    if i == 2 then
      panel.margin = { left = style.margin.left, right = style.margin.right, bottom = style.margin.bottom,
        top = style.margin.top + style.margin.legend }
    end
  end
  return fig
end

return { options = { "data", "result", "index", "range", "grid" }, figure = figure }
