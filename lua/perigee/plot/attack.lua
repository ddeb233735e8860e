-- plot.attack: one attack in four panels: the loss of every iterate, the softmax confidence of the
-- classes that matter, the digit before and after.
--
-- Confidence is the softmax of all columns, reject included. Shown are the true class, the class
-- that won (or, where the attack failed, the best of the others) and, for a model with one, the
-- reject class.

local figures = require "perigee.plot.figure"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local REJECTED = -1

-- The column of a label, or nil.
local function column_of(classes, label)
  for j = 1, #classes do
    if classes[j] == label then return j end
  end
  return nil
end

-- The best class but one at the last iterate: what the attack was closest to.
local function runner_up(classes, scores, true_column)
  local best
  for j = 1, #classes do
    if j ~= true_column and (not best or scores[j] > scores[best]) then best = j end
  end
  return best
end

-- What the recipe needs of the sample, as plain Lua values.
local function sample_of(where, result, options)
  local function field(name)
    local value = result[name]
    if value == nil then
      values.fail("%s: result: expected an attack's result, got a table without '%s'", where, name)
    end
    return value
  end
  local index = values.integer(where, options, "index", 1, #field("y"), 1)
  local function numbers(name)
    return values.list(where, name, field(name)[index])
  end
  return {
    y = field("y")[index], label = field("label")[index], start_label = field("start_label")[index],
    distance = field("distance")[index], verdict = field("verdict")[index],
    loss = numbers("loss"), trace = numbers("trace"), x0 = numbers("x0"), x_adv = numbers("x_adv"),
    classes = values.list(where, "classes", field("classes")),
  }
end

-- The lines of the confidence panel: { column =, label =, color =, … } in drawing order.
local function confidence_lines(result, sample)
  local rows = {}
  for i, scores in ipairs(sample.trace) do
    rows[i] = values.softmax(values.list("plot.attack", "trace", scores))
  end
  local true_column = column_of(sample.classes, sample.y)
  local won = sample.label ~= REJECTED and sample.label ~= sample.y
  local other = won and column_of(sample.classes, sample.label)
    or rows[1] and runner_up(sample.classes, rows[#rows], true_column)
  local lines = {}
  local function add(column, label, color, point, dash)
    if not column then return end
    local y = {}
    for i, row in ipairs(rows) do y[i] = row[column] end
    lines[#lines + 1] = { y = y, label = label, color = color, point = point, dash = dash }
  end
  add(true_column, "true " .. tostring(sample.y), style.blue, 7, 1)
  add(other, (won and "predicted " or "runner-up ") .. tostring(sample.classes[other]),
    style.vermillion, 5, 1)
  -- A threshold of −inf never rejects; its confidence is 0 throughout and says nothing.
  local reject_column = #sample.classes + 1
  for _, row in ipairs(rows) do
    if result.rejects and row[reject_column] ~= 0 then
      add(reject_column, "reject", style.grey, 9, 2)
      break
    end
  end
  return lines
end

-- Points would run into each other on a long trace.
local function point_if_short(point, count)
  return count <= 60 and point or nil
end

local function draw_loss(panel, loss)
  local x = {}
  for i = 1, #loss do x[i] = i - 1 end
  panel.title, panel.xlabel, panel.integer_x = "attack loss", "iteration", true
  panel:line(x, loss, { color = style.black, point = point_if_short(7, #loss), size = 0.5 })
  local low, high = values.range { loss }
  if low and low <= 0 and high >= 0 then panel:hline(0) end
  local last = loss[#loss]
  if values.finite(last) then
    panel:scatter({ x[#x] }, { last }, { color = style.vermillion, point = 6, size = 1.6 })
    -- Loss falls from left to right: the upper right corner is free.
    panel:text(0.97, 0.94, string.format("answer %.4g", last),
      { inside = true, align = "right", color = style.vermillion })
  end
end

local function draw_confidence(panel, lines, count)
  local x = {}
  for i = 1, count do x[i] = i - 1 end
  panel.title, panel.xlabel, panel.integer_x = "softmax confidence", "iteration", true
  -- An SVM's scores span little, and so does their softmax: the axis is as high as it need be.
  local low, high = math.huge, 0
  for _, line in ipairs(lines) do
    local lowest, highest = values.range { line.y }
    low, high = math.min(low, lowest or 0), math.max(high, highest or 0)
  end
  local span = high - low
  if high <= 0.6 and span > 0 and span < 0.2 * high then -- lines that would lie on one another
    panel.yrange = { low - 0.08 * span, high + 0.08 * span }
  else
    high = high > 0.6 and 1 or high > 0 and high or 1
    panel.yrange = { -0.04 * high, 1.08 * high }
  end
  for _, line in ipairs(lines) do
    panel:line(x, line.y, { label = line.label, color = line.color, dash = line.dash,
      point = point_if_short(line.point, count), size = 0.5 })
  end
end

-- A sample as an image where it is one, else as a bar for each feature.
local function draw_sample(panel, pixels, shape)
  local h, w, channels = values.image_shape(shape, #pixels)
  if h then
    panel:image(pixels, { height = h, width = w, channels = channels })
    return
  end
  local x = {}
  for i = 1, #pixels do x[i] = i end
  panel.xlabel, panel.ylabel, panel.integer_x = "feature", "value", true
  panel:bars(x, pixels)
end

local function label_text(label)
  return label == REJECTED and "rejected" or tostring(label)
end

local function original_title(sample)
  if sample.start_label == sample.y then return string.format("original: true %s", sample.y) end
  if sample.start_label == REJECTED then
    return string.format("original: true %s (rejected)", sample.y)
  end
  return string.format("original: true %s (predicted %s)", sample.y, sample.start_label)
end

local adversarial_titles = {
  evaded = "adversarial: %s (accepted)", rejected = "adversarial: rejected",
  correct = "adversarial: still %s (accepted)",
}

-- "l2 distance 1.95 (dmax 2)", as far as the result says.
local function distance_text(result, sample)
  if not values.finite(sample.distance) then return nil end
  local params = type(result.params) == "table" and result.params or {}
  local text = string.format("%s%.3f", params.norm and params.norm .. " distance " or "distance ",
    sample.distance)
  if values.finite(params.dmax) then text = text .. string.format("  (dmax %g)", params.dmax) end
  return text
end

local function figure(where, result, options)
  if type(result) ~= "userdata" and type(result) ~= "table" then
    values.expected(where, "result", "an attack's result", result)
  end
  local sample = sample_of(where, result, options)
  local shape = result.shape and values.list(where, "shape", result.shape)
  local fig = figures.new { rows = 2, columns = 2, title = options.title,
    width = options.width or 760, height = options.height or (options.title and 664 or 630) }
  draw_loss(fig[1], sample.loss)
  draw_confidence(fig[2], confidence_lines(result, sample), #sample.trace)
  -- The digits stand in the middle below the curves.
  local margin = { left = style.margin.left, right = style.margin.right,
    top = style.image_margin.top, bottom = style.image_margin.bottom }
  if values.image_shape(shape, #sample.x0) then fig[3].margin, fig[4].margin = margin, margin end
  draw_sample(fig[3], sample.x0, shape)
  draw_sample(fig[4], sample.x_adv, shape)
  fig[3].title = original_title(sample)
  fig[4].title = string.format(adversarial_titles[sample.verdict] or "adversarial: %s",
    label_text(sample.label))
  fig[4].caption = distance_text(result, sample)
  return fig
end

return { options = { "index" }, figure = figure }
