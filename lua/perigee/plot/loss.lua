-- plot.loss: the course of a training: loss on the left, accuracy on the right, one point per epoch.
--
-- The history is a list of epochs, each a table of numbers by name, or a table of lists by name.
-- Names with "loss" go left, names with "accuracy" right; those of a validation set are dashed.

local arguments = require "perigee.arguments"
local figures = require "perigee.plot.figure"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

-- Numbers in a line.
local function course(where, name, value)
  local list = values.list(where, name, value)
  for _, x in ipairs(list) do
    if type(x) ~= "number" then values.expected(where, name, "a number an epoch", x) end
  end
  return list
end

-- { name = list }, from either form.
local function series_of(where, history)
  local series = {}
  if type(history) == "userdata" then history = { loss = course(where, "history", history) } end
  if type(history) ~= "table" then
    values.expected(where, "history", "a list of epochs or a table of lists", history)
  end
  if type(history[1]) == "number" then return { loss = course(where, "history", history) } end
  if history[1] == nil then
    for name, list in pairs(history) do
      if type(list) == "table" or type(list) == "userdata" then
        series[name] = course(where, tostring(name), list)
      end
    end
    return series
  end
  for i = 1, arguments.count(history) do
    local epoch = history[i]
    if type(epoch) ~= "table" then
      values.expected(where, ("history: number %d"):format(i), "a table of numbers by name", epoch)
    end
    for name, value in pairs(epoch) do
      if type(value) == "number" then
        series[name] = series[name] or {}
        series[name][i] = value
      end
    end
  end
  return series
end

-- The names with this word, those of training before those of validation.
local function names_with(series, word)
  local names = {}
  for name in pairs(series) do
    if type(name) == "string" and name:find(word, 1, true) then names[#names + 1] = name end
  end
  table.sort(names, function(a, b)
    local va, vb = a:find("val", 1, true) ~= nil, b:find("val", 1, true) ~= nil
    if va ~= vb then return vb end
    return a < b
  end)
  return names
end

-- Of one accuracy the axis would go beyond what shares can be.
local function range_of_one(series, names)
  local list = {}
  for _, name in ipairs(names) do list[#list + 1] = series[name][1] end
  local low, high = values.range { list }
  return low and low >= 0 and high <= 1 and { 0, 1.03 } or nil
end

local function draw(panel, series, names, count)
  panel.xlabel, panel.integer_x = "epoch", true
  for i, name in ipairs(names) do
    local x, y = {}, {}
    for k = 1, count do x[k], y[k] = k, series[name][k] or 0 / 0 end
    local held_out = name:find("val", 1, true)
    panel:line(x, y, { label = held_out and "validation" or "training",
      color = held_out and style.vermillion or style.line(i).color, dash = held_out and 2 or 1,
      point = count <= 60 and style.points[i] or nil, size = 0.6 })
  end
end

local function figure(where, history, options)
  local series = series_of(where, history)
  local panels, count = {}, 0
  for _, word in ipairs { "loss", "accuracy" } do
    local names = names_with(series, word)
    if #names > 0 then panels[#panels + 1] = { word = word, names = names } end
    for _, name in ipairs(names) do count = math.max(count, #series[name]) end
  end
  if count == 0 then values.fail("%s: history: no loss and no accuracy of any epoch", where) end
  local paper = theme.paper(where, options)
  local rows = theme.is_narrow(paper, #panels, 280) and #panels or 1 -- one below the other
  local fig = figures.new { rows = rows, columns = #panels // rows, title = options.title,
    width = options.width or 380 * #panels // rows,
    height = options.height or rows > 1 and 200 * rows * paper.scale or 300 }
  for i, panel in ipairs(panels) do
    fig[i].ylabel = panel.word
    draw(fig[i], series, panel.names, count)
    if count == 1 and panel.word == "accuracy" then fig[i].yrange = range_of_one(series, panel.names) end
  end
  return fig
end

return { options = {}, figure = figure }
