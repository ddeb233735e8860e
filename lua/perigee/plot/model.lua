-- plot.model: a diagram: the layers of a net from top to bottom; of a DNR beside it the classifier on
-- each tapped layer, the combiner, and the decision to reject.

local figures = require "perigee.plot.figure"
local kinds = require "perigee.kinds"
local panels = require "perigee.plot.panel"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

local f = string.format

-- Units of a figure as it is by itself: a box's height, the room below it, above all, at the left; the widths
-- of a layer's and of another part's box, and the room between them.
local BOX, GAP, TOP, LEFT = 38, 16, 14, 16
local LAYER, PART, SIDE = 250, 230, 56
-- A box lower than this has its name alone.
local TWO_LINES = 34

-- Fill and border by what a layer does.
local fills = {
  conv2d = "#D6E8F5", linear = "#D6E8F5", maxpool = "#E4E4E4", relu = "#F4F4F4", flatten = "#F4F4F4",
  dropout = "#F4F4F4", input = "#FFFFFF", svm = "#FBE3D4", combiner = "#F6D3E4", reject = "#FFF3C9",
}

-- ---- Places ----------------------------------------------------------------------------------------

-- Where the parts of a diagram stand, across in shares of its width: columns side by side; on narrow paper
-- what is not a layer is one column beside the layers, and what follows the classifiers stands below them.
local function columns_of(has_parts, narrow)
  local natural = LEFT + LAYER + LEFT
  if not has_parts then return { width = natural, layer = { LEFT, LAYER } } end
  if narrow then
    return { width = 480, layer = { 10, 190 }, part = { 240, 206 }, last = { 240, 206 }, bus = 464 }
  end
  return { width = natural + 2 * SIDE + 2 * PART, layer = { LEFT, LAYER },
    part = { LEFT + LAYER + SIDE, PART }, last = { LEFT + LAYER + 2 * SIDE + PART, PART } }
end

-- The heights: of the layers' boxes, of the classifiers' (each beside its layer, below the one before), of
-- what follows; `bottom` is below everything.
local function heights_of(boxes, defence, narrow)
  local step, places, at = BOX + GAP, { layers = {}, parts = {} }, {}
  for i, box in ipairs(boxes) do
    places.layers[i] = TOP + (i - 1) * step
    at[box.name] = places.layers[i]
  end
  places.bottom = TOP + #boxes * step
  if not defence then return places end
  local first, last
  for i, name in ipairs(defence.layers) do
    last = math.max(at[name], last and last + step or 0)
    places.parts[i], first = last, first or last
  end
  places.combiner = narrow and last + BOX + 2 * GAP or (first + last) / 2
  places.reject = places.combiner + BOX + 2 * GAP
  places.answers = places.reject + BOX + 2 * GAP
  places.bottom = math.max(places.bottom, places.answers + 24)
  return places
end

-- ---- Drawing ---------------------------------------------------------------------------------------

-- A pencil on a panel whose axes are the units above, y downwards. two_lines: whether boxes have room for
-- them.
local function pencil(panel, two_lines)
  local count = 0
  local draw = {}
  function draw.rectangle(x, y, w, h, fill)
    count = count + 1
    panels.command(panel, f("set object %d rectangle from first %g, first %g to first %g, first %g "
      .. "back fc rgb '%s' fs solid 1 border lc rgb '%s' lw 1", count, x, y, x + w, y + h, fill, style.frame))
  end
  function draw.line(x1, y1, x2, y2, head)
    panels.command(panel, f("set arrow from first %g, first %g to first %g, first %g %s lw 1.2 lc rgb '%s'",
      x1, y1, x2, y2, head or "nohead", style.frame))
  end
  function draw.arrow(x1, y1, x2, y2) draw.line(x1, y1, x2, y2, "head filled size screen 0.012, 18, 60") end
  function draw.words(x, y, text, options) panel:text(x, y, text, options) end
  -- A part: its box, its name, and what there is to say of it.
  function draw.part(column, y, kind, name, note)
    local x, w = column[1], column[2]
    draw.rectangle(x, y, w, BOX, fills[kind] or "#FFFFFF")
    note = two_lines and note
    draw.words(x + w / 2, y + (note and 11.5 or BOX / 2), name, { bold = true, room = w - 8 })
    if note then draw.words(x + w / 2, y + 27.5, note, { size = 8.5, color = "grey", room = w - 8 }) end
  end
  return draw
end

local function joined(list)
  local texts = {}
  for i, n in ipairs(values.list("plot.model", "shape", list)) do texts[i] = f("%d", n) end
  return table.concat(texts, " × ")
end

-- The boxes of a net: { name, note, kind } from the input on. Layers without weights or taps of their
-- own stay in: they are what the taps are named after.
local function boxes_of(net)
  local shape = values.list("plot.model", "input", net.input)
  local boxes = { { name = "input", kind = "input",
    note = #shape > 1 and joined(shape) or f("%d numbers", net.features) } }
  for _, layer in ipairs(net.layers) do
    local note = joined(layer.shape)
    if layer.parameters > 0 then note = note .. f("    %d parameters", layer.parameters) end
    boxes[#boxes + 1] = { name = layer.name, kind = layer.kind, note = note }
  end
  return boxes
end

local function draw_net(draw, boxes, columns, places)
  local middle = columns.layer[1] + columns.layer[2] / 2
  for i, box in ipairs(boxes) do
    local name, y = box.name, places.layers[i]
    if not name:find(box.kind, 1, true) then name = f("%s (%s)", name, box.kind) end
    draw.part(columns.layer, y, box.kind, name, box.note)
    if i > 1 then draw.arrow(middle, y - GAP, middle, y) end
  end
end

-- "svm rbf(gamma 0.01), C 10" from a model's own words: the part of the line before what it has learnt.
local function short(model)
  local text = tostring(model):match "^[^:\n]*"
  return utf8.len(text) and utf8.len(text) <= 34 and text or (text:match "^[^,]*" or text):sub(1, 34)
end

-- The classifiers, each with an arrow from its layer's box, and the arrows to the combiner: straight, or
-- where it stands below them along a line beside them.
local function draw_classifiers(draw, defence, boxes, columns, places)
  local at = {}
  for i, box in ipairs(boxes) do at[box.name] = places.layers[i] + BOX / 2 end
  local left, right = columns.part[1], columns.part[1] + columns.part[2]
  local goal = places.combiner + BOX / 2
  for i, name in ipairs(defence.layers) do
    local y = places.parts[i]
    draw.arrow(columns.layer[1] + columns.layer[2], at[name], left, y + BOX / 2)
    draw.part(columns.part, y, "svm", "classifier of " .. name, short(defence[name]))
    if columns.bus then
      draw.line(right, y + BOX / 2, columns.bus, y + BOX / 2)
    else
      draw.arrow(right, y + BOX / 2, columns.last[1], goal)
    end
  end
  if columns.bus then
    draw.line(columns.bus, places.parts[1] + BOX / 2, columns.bus, goal)
    draw.arrow(columns.bus, goal, right, goal)
  end
end

local function draw_decision(draw, defence, columns, places)
  local x, w = columns.last[1], columns.last[2]
  draw.part(columns.last, places.combiner, "combiner", "combiner", short(defence.combiner))
  draw.arrow(x + w / 2, places.combiner + BOX, x + w / 2, places.reject)
  local threshold = defence.threshold
  draw.part(columns.last, places.reject, "reject", "best score > threshold?",
    threshold == -math.huge and "threshold −∞: rejects nothing" or f("threshold %.5g", threshold))
  for k, word in ipairs { "the best class", "rejected" } do
    local at = x + w * (k == 1 and 0.22 or 0.78)
    draw.arrow(at, places.reject + BOX, at, places.answers)
    draw.words(at, places.answers + 9, word, { bold = true, room = 0.6 * w })
    draw.words(at + (k == 1 and -6 or 6), places.reject + BOX + GAP, k == 1 and "yes" or "no",
      { align = k == 1 and "right" or "left", color = "grey" })
  end
end

-- ---- The figure ------------------------------------------------------------------------------------

-- A figure as wide as the paper, where that is given, and as high as its boxes with letters of this size; the
-- scale of its heights.
local function empty_figure(paper, title, width, bottom)
  local above = title and style.figure_title * paper.scale or 0
  local height = paper.height or bottom * paper.scale + above
  local fig = figures.new { title = title, width = paper.width or width * paper.scale, height = height }
  return fig, (height - above) / bottom / paper.scale
end

local function figure(where, model, options)
  if kinds.is(model, "nr") then model = model.model end
  local defence = kinds.is(model, "dnr") and model or nil
  if not (defence or kinds.is(model, "net")) then
    values.expected(where, "model", "a net or a DNR", model)
  end
  local boxes, paper = boxes_of(defence and model.net or model), theme.paper(where, options)
  local narrow = theme.is_narrow(paper, 1, 620)
  local columns, places = columns_of(defence, narrow), heights_of(boxes, defence, narrow)
  local fig, scale = empty_figure(paper, options.title, columns.width, places.bottom)
  fig.words = tostring(model)
  local panel = fig[1]
  panel.axes, panel.margin = false, { left = 0, right = 0, top = 0, bottom = 0, untitled = 0 }
  local draw = pencil(panel, BOX * scale >= TWO_LINES)
  draw_net(draw, boxes, columns, places)
  if defence then
    draw_classifiers(draw, defence, boxes, columns, places)
    draw_decision(draw, defence, columns, places)
  end
  panel.least = places.bottom
  panel.xrange, panel.yrange = { 0, columns.width }, { places.bottom, 0 }
  return fig
end

return { options = {}, figure = figure }
