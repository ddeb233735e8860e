-- plot.decision: a model of two features: which class it gives each place, and where it rejects; with data
-- the samples, with attacks' results the paths, the ball around their starts and the bounds; where all of
-- them are of one class also over the surface of the loss.
--
-- The loss of a place is the attack's: s_k − s_c, where k is the true class (or reject, where the place is
-- rejected) and c the best other class; below 0 the place is accepted and wrong.

local figures = require "perigee.plot.figure"
local panels = require "perigee.plot.panel"
local judged = require "perigee.plot.judged"
local kinds = require "perigee.kinds"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot

local REJECT_COLOUR = "#D4D4D4"
-- Entries of balls in the legend.
local MOST_BALLS = 4

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

-- The legend names the regions that no samples of the class name, and that where the model rejects.
local function draw_regions(panel, view)
  local palette, seen = {}, {}
  for _, j in ipairs(view.winners) do seen[j] = true end
  for j in ipairs(view.classes) do palette[j] = theme.tint(class_colour(j)) end
  palette[#palette + 1] = REJECT_COLOUR
  panels.regions(panel, array.new(view.winners):reshape(view.n, view.n), palette, view.range)
  for j, colour in ipairs(palette) do
    local label = j > #view.classes and "rejected" or not view.data and view.name(view.classes[j])
    if seen[j] and label then
      table.insert(panel.entries, { label = label, color = colour, width = 8, dash = 1, area = true })
    end
  end
end


-- Samples, one colour per class; the legend lists the classes that occur.
local function draw_samples(panel, view)
  local labels, points = view.data.y:totable(), view.data:floats():totable()
  for j, class in ipairs(view.classes) do
    local x, y = {}, {}
    for i, label in ipairs(labels) do
      if label == class then x[#x + 1], y[#y + 1] = points[i][1], points[i][2] end
    end
    if #x > 0 then
      panel:scatter(x, y, { color = class_colour(j), size = 0.6,
        point = style.points[(j - 1) % #style.points + 1], label = view.name(class) })
    end
  end
end

-- ---- Attacks --------------------------------------------------------------------------------------

-- The results by colour and dash, their answers by what became of them.
local LOOKS = { { "black", "solid" }, { "purple", "dashed" }, { "sky", "dotted" }, { "orange", "dashdot" } }
local ENDS = { evaded = "vermillion", rejected = "blue", correct = "black", wrong = "orange",
  failed = "grey" }

local function results_of(where, given)
  if given == nil then return {} end
  local list = type(given) == "table" and kinds.of(given) == nil and given or { given }
  for k, result in ipairs(list) do
    local name = #list > 1 and ("result, number %d"):format(k) or "result"
    judged.check_result(where, name, result)
    if result.x0.shape[2] ~= 2 then
      values.fail("%s: %s: expected samples of two features, got %d", where, name, result.x0.shape[2])
    end
  end
  if #list == 0 then values.expected(where, "result", "an attack's result, or a list of such", given) end
  return list
end

local function path_of(where, result, i)
  local iterates = result.iterates and result.iterates[i]
  if iterates then return values.list(where, "iterates", iterates) end
  return { values.list(where, "x0", result.x0[i]), values.list(where, "x_adv", result.x_adv[i]) }
end

-- What the legend calls the k-th of several results: its attack, with the norm where another of that attack
-- has another.
local function label_of(results, k)
  local own = results[k]
  if #results == 1 then return "attack" end
  for _, other in ipairs(results) do
    if other.attack == own.attack and other.params.norm ~= own.params.norm then
      return ("%s, %s"):format(own.attack, own.params.norm)
    end
  end
  return own.attack
end

-- The samples to draw of each result: one, or the first few.
local function paths_of(where, options)
  local paths, most = {}, values.integer(where, options, "count", 1, 1000, 20)
  local results = results_of(where, options.result)
  for k, result in ipairs(results) do
    local index = values.integer(where, options, "index", 1, #result)
    for i = index or 1, index or math.min(#result, most) do
      paths[#paths + 1] = { points = path_of(where, result, i), y = result.y[i], verdict = result.verdict[i],
        look = LOOKS[(k - 1) % #LOOKS + 1], label = label_of(results, k), result = k,
        norm = result.params.norm, dmax = result.dmax and result.dmax[i] or result.params.dmax }
    end
  end
  return paths
end

-- Every result has one entry of the legend, and every verdict.
-- Black stays black on shades, which are the same in every theme.
local function on(panel, color)
  return color == "black" and rawget(panel, "shading") and "#000000" or color
end

local function draw_paths(panel, paths)
  local told = {}
  local function once(key, words)
    if told[key] then return nil end
    told[key] = true
    return words
  end
  for _, path in ipairs(paths) do
    local x, y = {}, {}
    for i, point in ipairs(path.points) do x[i], y[i] = point[1], point[2] end
    local color = on(panel, path.look[1])
    panel:line(x, y, { color = color, dash = path.look[2], point = #x <= 60 and "circle" or nil,
      size = 0.5, label = once(path.result, path.label) })
    panel:scatter({ x[1] }, { y[1] }, { color = color, point = "box", size = 1.4 })
    panel:scatter({ x[#x] }, { y[#y] }, { color = ENDS[path.verdict] or "grey", point = "ring", size = 1.6,
      label = once(path.verdict, "answer: " .. path.verdict) })
  end
end

-- ---- What bounds them -----------------------------------------------------------------------------

local function pair_of(where, name, value)
  if values.finite(value) then return { value, value } end
  local list = type(value) == "table" and kinds.of(value) == nil and value
    or kinds.is(value, "array") and value:totable()
  if not list or #list ~= 2 or not values.finite(list[1]) or not values.finite(list[2]) then
    values.expected(where, name, "a number, or one for each of the two features", value)
  end
  return list
end

-- A ball's outline around a place.
local outlines = {
  l1 = { { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 }, { 1, 0 } },
  linf = { { 1, 1 }, { -1, 1 }, { -1, -1 }, { 1, -1 }, { 1, 1 } }, l2 = {},
}
for k = 0, 96 do outlines.l2[k + 1] = { math.cos(k * math.pi / 48), math.sin(k * math.pi / 48) } end

local function around(ball)
  local points = {}
  for k, at in ipairs(outlines[ball.norm]) do
    points[k] = { ball.at[1] + ball.dmax * at[1], ball.at[2] + ball.dmax * at[2] }
  end
  return { points = points, norm = ball.norm, label = ("dmax %g (%s)"):format(ball.dmax, ball.norm) }
end

local BALL = "true (that of the results), or { norm =, dmax =, at = { x, y } }"

-- The balls around the paths' starts, or one that is given.
local function balls_of(where, options, paths)
  local given = options.ball
  if not given then return {} end
  if given == true then
    local balls = {}
    for k, path in ipairs(paths) do
      if not outlines[path.norm] or not values.finite(path.dmax) then
        values.fail("%s: ball: the result has no finite dmax; give { norm =, dmax =, at = { x, y } }", where)
      end
      balls[k] = around { norm = path.norm, dmax = path.dmax, at = path.points[1] }
    end
    if #balls == 0 then values.fail("%s: ball: there is no result that has one; give %s", where, BALL) end
    return balls
  end
  if type(given) ~= "table" then values.expected(where, "ball", BALL, given) end
  if not outlines[given.norm] then
    values.expected(where, "ball: norm", '"l1", "l2" or "linf"', given.norm)
  elseif not values.finite(given.dmax) or given.dmax < 0 then
    values.expected(where, "ball: dmax", "a finite number of 0 or more", given.dmax)
  end
  return { around { norm = given.norm, dmax = given.dmax, at = pair_of(where, "ball: at", given.at) } }
end

-- The box between lower and upper, of which one may be open; nil if there is none.
local function box_of(where, options)
  if options.lower == nil and options.upper == nil then return nil end
  local low = options.lower ~= nil and pair_of(where, "lower", options.lower)
  local high = options.upper ~= nil and pair_of(where, "upper", options.upper)
  if low and high and not (low[1] < high[1] and low[2] < high[2]) then
    values.fail("%s: lower: expected numbers below those of upper", where)
  end
  return { low = low, high = high }
end

-- A rectangle, or the two lines of the side that there is.
local function draw_box(panel, box)
  local look = { color = "grey", width = 1.5, dash = "dashdot", label = "bounds" }
  local low, high = box.low, box.high
  if low and high then
    panel:line({ low[1], high[1], high[1], low[1], low[1] }, { low[2], low[2], high[2], high[2], low[2] },
      look)
    return
  end
  local side = low or high
  panel:vline(side[1], look)
  look.label = nil
  panel:hline(side[2], look)
end

-- Each norm has its dash. Where every sample has a radius of its own the legend names the first few.
local function draw_balls(panel, balls)
  local dashes, norms, told, count = { "dotted", "dashed", "dashdot" }, {}, {}, 0
  for _, ball in ipairs(balls) do
    local x, y = {}, {}
    for i, point in ipairs(ball.points) do x[i], y[i] = point[1], point[2] end
    if not norms[ball.norm] then norms[ball.norm] = table.remove(dashes, 1) end
    local label = not told[ball.label] and count < MOST_BALLS and ball.label or nil
    if label then told[label], count = true, count + 1 end
    panel:line(x, y, { color = on(panel, "black"), width = 1.2, dash = norms[ball.norm], label = label })
  end
end

-- ---- The figure -----------------------------------------------------------------------------------

-- What the range has to hold.
local function points_of(view)
  local points = {}
  if view.data and #view.data > 0 then points[1] = view.data:floats() end
  for _, list in ipairs { view.paths, view.balls } do
    for _, one in ipairs(list) do points[#points + 1] = array.new(one.points) end
  end
  local box = view.box
  if box and box.low and box.high then points[#points + 1] = array.new { box.low, box.high } end
  return points
end

local function checked_data(where, data)
  if data == nil then return nil end
  if not kinds.is(data, "dataset") then values.expected(where, "data", "a dataset", data) end
  if data.x.shape[2] ~= 2 then
    values.fail("%s: data: expected samples of two features, got %d", where, data.x.shape[2])
  end
  return data
end

-- The column of the class that all paths are of, or nil.
local function class_of(view)
  local y = view.paths[1] and view.paths[1].y
  for _, path in ipairs(view.paths) do
    if path.y ~= y then return nil end
  end
  for j, class in ipairs(view.classes) do
    if class == y then return j end
  end
end

local function view_of(where, model, options)
  judged.check_model(where, model)
  local view = { n = values.integer(where, options, "grid", 10, 1000, 200),
    data = checked_data(where, options.data),
    paths = paths_of(where, options), box = box_of(where, options) }
  local own = view.data and view.data.names
  view.name = values.names(where, options, own)
  if not options.names and not own then view.name = function(label) return "class " .. tostring(label) end end
  view.classes = values.list(where, "classes", model.classes)
  view.balls = balls_of(where, options, view.paths)
  view.equal = values.option(where, options, "equal", "boolean", #view.balls > 0)
  view.range = range_of(where, options, points_of(view))
  view.own = class_of(view)
  local rows = judged.scores(where, model, places(view.range, view.n)):totable()
  view.winners, view.losses = judge(rows, #view.classes, view.own)
  return view
end

local function draw_loss(panel, view)
  local surface = array.new(view.losses):reshape(view.n, view.n)
  panel:heatmap(surface, view.range)
  panel:contour(surface, { x = view.range.x, y = view.range.y, levels = { 0 }, width = 1.5, dash = "dashed" })
  panel.title = ("loss of the attack on %s"):format(view.name(view.classes[view.own]))
end

-- Two panels side by side, or on narrow paper one below the other.
local function empty_figure(paper, options, count)
  local rows = theme.is_narrow(paper, count, 280) and count or 1
  return figures.new { rows = rows, columns = count // rows, title = options.title,
    widths = count // rows > 1 and { 380, 380 + style.colorbar } or nil,
    width = options.width or rows > 1 and paper.width or (count > 1 and 860 or 440),
    height = options.height or rows > 1 and 300 * rows * paper.scale
      or 400 + (options.title and style.figure_title or 0) }
end

local function figure(where, model, options)
  local view = view_of(where, model, options)
  local fig = empty_figure(theme.paper(where, options), options, view.own and 2 or 1)
  draw_regions(fig[1], view)
  if view.data then draw_samples(fig[1], view) end
  fig[1].title, fig[1].legend = "regions", true
  if view.own then draw_loss(fig[2], view) end
  for i = 1, #fig do
    local panel = fig[i]
    if view.box then draw_box(panel, view.box) end
    draw_balls(panel, view.balls)
    draw_paths(panel, view.paths)
    panel.xrange, panel.xlabel = view.range.x, "feature 1"
    panel.yrange, panel.ylabel = view.range.y, "feature 2"
    panel.equal = view.equal
  end
  if view.own then fig[2].legend = false end
  return fig
end

return { options = { "data", "result", "index", "count", "range", "grid", "ball", "lower", "upper",
  "equal", "names" }, figure = figure }
