-- plot.attack: one attack in four panels: the loss of every iterate, the softmax confidence of the
-- classes that matter, the digit before and after.
--
-- perturbation = true adds the difference and the distance by iterate; layers = defence (a DNR) the scores
-- of each layer's classifier before and after. Several samples of a batch get a row each, and so do those of
-- several results.
--
-- A run that failed because its gradient had vanished (result.flat) says so beside its loss.
--
-- Confidence is the softmax of all columns, reject included. Shown are the true class, the class
-- that won (or, where the attack failed, the best of the others) and, for a model with one, the
-- reject class.

local figures = require "perigee.plot.figure"
local kinds = require "perigee.kinds"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
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
local function sample_of(where, result, index)
  local function field(name)
    local value = result[name]
    if value == nil then
      values.fail("%s: result: expected an attack's result, got a table without '%s'", where, name)
    end
    return value
  end
  local function item(name, kind)
    local list = field(name)
    if type(list) ~= "table" and type(list) ~= "userdata" then
      values.expected(where, name, "a list", list)
    end
    local value = list[index]
    if kind and type(value) ~= kind then values.expected(where, name, "a " .. kind .. " a sample", value) end
    return value
  end
  local function numbers(name)
    local list = values.list(where, name, item(name))
    for _, x in ipairs(list) do
      if type(x) ~= "number" then values.expected(where, name, "numbers of each sample", x) end
    end
    return list
  end
  local params = type(result.params) == "table" and result.params or {}
  return {
    y = item("y", "number"), label = item("label", "number"), start_label = item("start_label", "number"),
    distance = item("distance"), dmax = result.dmax and result.dmax[index] or params.dmax,
    verdict = item("verdict", "string"),
    loss = numbers("loss"), trace = values.list(where, "trace", item("trace")), x0 = numbers("x0"),
    x_adv = numbers("x_adv"), classes = values.list(where, "classes", field("classes")),
    flat = type(result.flat) == "table" and result.flat[index],
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
  add(true_column, "true " .. sample.name(sample.y), style.blue, 7, 1)
  add(other, (won and "predicted " or "runner-up ") .. sample.name(sample.classes[other]),
    style.vermillion, 5, 1)
  -- A threshold of −inf never rejects; its confidence is always 0 and tells nothing.
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

-- Of a loss that hardly moves the axis shows that it does not, in numbers that can be read; nil otherwise.
local function range_of_still(low, high)
  local size = low and math.max(math.abs(low), math.abs(high)) or 0
  if size == 0 or high - low >= 1e-2 * size then return nil end
  local middle = (low + high) / 2
  return { middle - 0.1 * size, middle + 0.1 * size }
end

local function draw_loss(panel, loss, flat)
  local x = {}
  for i = 1, #loss do x[i] = i - 1 end
  panel.title, panel.xlabel, panel.integer_x = "attack loss", "iteration", true
  panel:line(x, loss, { color = style.black, point = point_if_short(7, #loss), size = 0.5 })
  local low, high = values.range { loss }
  panel.yrange = range_of_still(low, high)
  if low and low <= 0 and high >= 0 then panel:hline(0) end
  local last = loss[#loss]
  if values.finite(last) then
    panel:scatter({ x[#x] }, { last }, { color = style.vermillion, point = 6, size = 1.6,
      label = string.format("answer %.4g", last) })
    panel.legend = true
  end
  if flat then panel.caption = "masked: the gradient vanished" end
end

local function draw_confidence(panel, lines, count)
  local x = {}
  for i = 1, count do x[i] = i - 1 end
  panel.title, panel.xlabel, panel.integer_x = "softmax confidence", "iteration", true
  -- An SVM's scores span little, and so does their softmax: the axis is only as high as it has to be.
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

-- A sample as an image if it is one, else as a bar for each feature.
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

local function original_title(sample)
  local name, before = sample.name(sample.y), sample.start_label
  if before == sample.y then return string.format("original: true %s", name) end
  if before == REJECTED then return string.format("original: true %s (rejected)", name) end
  return string.format("original: true %s (predicted %s)", name, sample.name(before))
end

local adversarial_titles = {
  evaded = "adversarial: %s (accepted)", rejected = "adversarial: rejected",
  correct = "adversarial: still %s (accepted)", wrong = "moved: %s, wrong before",
  failed = "not attacked: no scores",
}

-- "l2 distance 1.95 (dmax 2)", as far as the result says.
local function distance_text(result, sample)
  if not values.finite(sample.distance) then return nil end
  local params = type(result.params) == "table" and result.params or {}
  local text = string.format("%s%.3f", params.norm and params.norm .. " distance " or "distance ",
    sample.distance)
  if values.finite(sample.dmax) then text = text .. string.format("  (dmax %g)", sample.dmax) end
  return text
end

-- ---- Beside them: the difference, the distance, the layers -----------------------------------------

-- Of colours every channel by itself around the middle grey.
local function draw_difference(panel, sample, shape)
  local difference = {}
  for i = 1, #sample.x0 do difference[i] = sample.x_adv[i] - sample.x0[i] end
  panel.title = "perturbation"
  local h, w, channels = values.image_shape(shape, #difference)
  if not h then
    draw_sample(panel, difference, nil)
    return
  end
  local reach = values.reach { difference }
  panel:image(difference, values.signed(h, w, channels, reach))
  panel.explained = true
end

local function draw_distance(panel, sample)
  panel.title, panel.xlabel, panel.integer_x = "distance", "iteration", true
  local x = {}
  for i = 1, #sample.distances do x[i] = i - 1 end
  panel:line(x, sample.distances, { color = style.black, point = point_if_short(7, #x), size = 0.5 })
  if values.finite(sample.dmax) then
    panel:hline(sample.dmax, { label = "dmax", color = "vermillion", width = 1.2 })
    panel.legend = true
    local _, high = values.range { sample.distances }
    local top = math.max(high or 0, sample.dmax)
    panel.yrange = { -0.04 * top, 1.08 * top }
  end
end

-- The classifiers' scores, a row for the sample before and one for it after, the combiner's last.
local function layer_rows(where, defence, sample)
  local classes, rows, words = #sample.classes, {}, {}
  local both = array.new({ sample.x0, sample.x_adv }, { dtype = "f32" })
  local scores = values.call(where, "layers", defence.layer_scores, defence, both):totable()
  local function add(name, before, after)
    rows[#rows + 1], rows[#rows + 2] = before, after
    words[#words + 1], words[#words + 2] = name, name .. "′"
  end
  for k, layer in ipairs(defence.layers) do
    local from = (k - 1) * classes
    add(layer, table.move(scores[1], from + 1, from + classes, 1, {}),
      table.move(scores[2], from + 1, from + classes, 1, {}))
  end
  local combined = values.list(where, "scores", defence:scores(both))
  add("combiner", table.move(combined[1], 1, classes, 1, {}), table.move(combined[2], 1, classes, 1, {}))
  return rows, words
end

local function draw_layers(where, panel, defence, sample)
  local rows, words = layer_rows(where, defence, sample)
  local names = {}
  for j, class in ipairs(sample.classes) do names[j] = sample.name(class) end
  panel:heatmap(rows)
  for k = 2, #rows - 2, 2 do panel:hline(k + 0.5, { color = "black", dash = "solid", width = 1 }) end
  panel.title, panel.xlabel = "scores by layer (′: attacked)", "class"
  panel.ytics, panel.xtics = { at = {}, words = words }, { at = {}, words = names }
  panel.yrange, panel.xrange = { #rows + 0.5, 0.5 }, { 0.5, #names + 0.5 }
  panel.margin = { left = 78, right = 8, top = style.margin.top, bottom = style.margin.bottom }
end

-- ---- The figure ----------------------------------------------------------------------------------

-- Draw one sample on the panels given by name.
local function draw_attack(where, panels, sample, defence)
  local result, shape = sample.result, sample.shape
  draw_loss(panels.loss, sample.loss, sample.flat)
  if sample.attack then panels.loss.title = sample.attack .. ": loss" end
  draw_confidence(panels.confidence, confidence_lines(result, sample), #sample.trace)
  if values.image_shape(shape, #sample.x0) and panels.centred then
    for _, panel in pairs { panels.before, panels.after, panels.difference } do panel.centred = true end
  end
  draw_sample(panels.before, sample.x0, shape)
  draw_sample(panels.after, sample.x_adv, shape)
  panels.before.title = original_title(sample)
  panels.after.title = string.format(adversarial_titles[sample.verdict] or "adversarial: %s",
    sample.label == REJECTED and "rejected" or sample.name(sample.label))
  panels.after.caption = distance_text(result, sample)
  if panels.difference then draw_difference(panels.difference, sample, shape) end
  if panels.layers then draw_layers(where, panels.layers, defence, sample) end
  if panels.distance then
    sample.distances = values.list(where, "trace_distance", result.trace_distance[sample.index])
    draw_distance(panels.distance, sample)
  end
end

-- A block for each sample: curves above, digits below, whatever else there is in a third column, or on
-- narrow paper below them.
local function blocks_of(where, samples, view)
  local options, extra = view.options, view.extra
  local columns = extra and not theme.is_narrow(view.paper, 3, 180) and 3 or 2
  local rows = extra and columns == 2 and 3 or 2
  local fig = figures.new { rows = rows * #samples, columns = columns, title = options.title,
    width = options.width or 380 * columns,
    height = options.height or 315 * rows * #samples + (options.title and style.figure_title or 0) }
  for i, sample in ipairs(samples) do
    local first = (i - 1) * rows * columns
    local panels = { centred = true, loss = fig[first + 1], confidence = fig[first + 2],
      before = fig[first + columns + 1], after = fig[first + columns + 2] }
    if extra then
      local third = columns == 3 and fig[first + 3] or fig[first + 6]
      panels.difference = columns == 3 and fig[first + 6] or fig[first + 5]
      panels[view.defence and "layers" or "distance"] = third
    end
    draw_attack(where, panels, sample, view.defence)
  end
  return fig
end

-- Several: a row each.
local function rows_of(where, samples, view)
  local options, extra, defence = view.options, view.extra, view.defence
  local columns = 4 + (extra and 1 or 0) + (defence and 1 or 0)
  if not view.paper.height and theme.is_narrow(view.paper, columns, 180) then
    return blocks_of(where, samples, view)
  end
  local widths, width = { 330, 330, 256, 256, extra and 256 or nil, defence and 380 or nil }, 0
  for k = 1, columns do width = width + widths[k] end
  local fig = figures.new { rows = #samples, columns = columns, title = options.title, widths = widths,
    width = options.width or width,
    height = options.height or 260 * #samples + (options.title and style.figure_title or 0) }
  for i, sample in ipairs(samples) do
    local first = (i - 1) * columns
    draw_attack(where, { loss = fig[first + 1], confidence = fig[first + 2], before = fig[first + 3],
      after = fig[first + 4], difference = extra and fig[first + 5] or nil,
      layers = defence and fig[first + columns] or nil }, sample, defence)
  end
  return fig
end

-- The positions asked for: one, or the first few of a batch.
local function wanted(where, result, options)
  local y = result.y
  if type(y) ~= "table" and type(y) ~= "userdata" then
    values.fail("%s: result: expected an attack's result, got a table without 'y'", where)
  end
  local count = #y
  if count == 0 then values.fail("%s: result: there are no samples in this result", where) end
  local index = values.integer(where, options, "index", 1, count)
  if index then return { index } end
  local list = {}
  for i = 1, math.min(count, values.integer(where, options, "count", 1, 50, 5)) do list[i] = i end
  return list
end

-- The samples to draw of one result.
local function samples_of(where, result, options)
  if type(result) ~= "table" and not kinds.is(result, "result") then
    values.expected(where, "result", "an attack's result", result)
  end
  local samples = {}
  local positions = wanted(where, result, options)
  local shape = result.shape and values.list(where, "shape", result.shape)
  local name = values.names(where, options)
  for k, index in ipairs(positions) do
    local sample = sample_of(where, result, index)
    sample.index, sample.result, sample.shape, sample.name = index, result, shape, name
    samples[k] = sample
  end
  return samples
end

-- Several results, by several attacks say: their samples side by side, the first of each result, then the
-- second, …
local function samples_of_all(where, results, options)
  local each, samples = {}, {}
  for k, result in ipairs(results) do each[k] = samples_of(where, result, options) end
  for i = 1, 50 do
    for k, result in ipairs(results) do
      local sample = each[k][i]
      if sample then
        sample.attack = result.attack
        samples[#samples + 1] = sample
      end
    end
  end
  return samples
end

local function figure(where, result, options)
  local defence = options.layers or nil
  if defence and not kinds.is(defence, "dnr") then
    values.expected(where, "layers", "the DNR whose layers' scores to draw, layers = defence", defence)
  end
  local several = type(result) == "table" and #result > 0 and rawget(result, "y") == nil
  local samples = (several and samples_of_all or samples_of)(where, result, options)
  local extra = values.option(where, options, "perturbation", "boolean", false) or defence ~= nil
  local view = { options = options, extra = extra, defence = defence, paper = theme.paper(where, options) }
  return (#samples == 1 and blocks_of or rows_of)(where, samples, view)
end

return { options = { "index", "count", "perturbation", "layers", "names" }, figure = figure }
