-- plot.model: a diagram: the layers of a net from top to bottom; of a DNR beside it the classifier on
-- each tapped layer, the combiner, and the decision to reject.

local figures = require "perigee.plot.figure"
local kinds = require "perigee.kinds"
local panels = require "perigee.plot.panel"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local f = string.format

-- Units of the figure: a box's height, the room below it, widths.
local BOX, GAP, TOP, LEFT = 34, 16, 14, 16
local LAYER, PART, SIDE = 250, 190, 60

-- Fill and border by what a layer does.
local fills = {
  conv2d = "#D6E8F5", linear = "#D6E8F5", maxpool = "#E4E4E4", relu = "#F4F4F4", flatten = "#F4F4F4",
  dropout = "#F4F4F4", input = "#FFFFFF", svm = "#FBE3D4", combiner = "#F6D3E4", reject = "#FFF3C9",
}

-- A pencil on a panel whose axes are the figure's units, y downwards.
local function pencil(panel)
  local count = 0
  local draw = {}
  function draw.box(x, y, w, h, fill)
    count = count + 1
    panels.command(panel, f("set object %d rectangle from first %g, first %g to first %g, first %g "
      .. "back fc rgb '%s' fs solid 1 border lc rgb '%s' lw 1", count, x, y, x + w, y + h, fill, style.frame))
  end
  function draw.arrow(x1, y1, x2, y2)
    panels.command(panel, f("set arrow from first %g, first %g to first %g, first %g head filled "
      .. "size screen 0.012, 18, 60 lw 1.2 lc rgb '%s'", x1, y1, x2, y2, style.frame))
  end
  function draw.words(x, y, text, options) panel:text(x, y, text, options) end
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
  local boxes = {}
  for _, layer in ipairs(net.layers) do
    local note = joined(layer.shape)
    if layer.parameters > 0 then note = note .. f("    %d parameters", layer.parameters) end
    boxes[#boxes + 1] = { name = layer.name, kind = layer.kind, note = note }
  end
  return boxes
end

local function draw_box(draw, x, y, w, kind, name, note)
  draw.box(x, y, w, BOX, fills[kind] or "#FFFFFF")
  if note then
    draw.words(x + w / 2, y + 11, name, { bold = true })
    draw.words(x + w / 2, y + 24.5, note, { size = 8.5, color = "grey" })
  else
    draw.words(x + w / 2, y + BOX / 2, name, { bold = true })
  end
end

local function draw_net(draw, boxes)
  for i, box in ipairs(boxes) do
    box.y = TOP + (i - 1) * (BOX + GAP)
    local name = box.name
    if not name:find(box.kind, 1, true) then name = f("%s (%s)", name, box.kind) end
    draw_box(draw, LEFT, box.y, LAYER, box.kind, name, box.note)
    if i > 1 then draw.arrow(LEFT + LAYER / 2, box.y - GAP, LEFT + LAYER / 2, box.y) end
  end
end

-- "svm rbf(gamma 0.01), C 10" from a model's own words: the part of the line before what it has learnt.
local function short(model)
  local text = tostring(model):match "^[^:\n]*"
  return utf8.len(text) and utf8.len(text) <= 34 and text or (text:match "^[^,]*" or text):sub(1, 34)
end

local function draw_dnr(draw, defence, boxes)
  local x, places, by_name = LEFT + LAYER + SIDE, {}, {}
  for _, box in ipairs(boxes) do by_name[box.name] = box end
  for i, name in ipairs(defence.layers) do
    local box = by_name[name]
    -- two taps next to each other would overlap
    places[i] = math.max(box.y, i > 1 and places[i - 1] + BOX + GAP or 0)
    draw.arrow(LEFT + LAYER, box.y + BOX / 2, x, places[i] + BOX / 2)
    draw_box(draw, x, places[i], PART, "svm", "classifier of " .. name, short(defence[name]))
  end
  local middle = (places[1] + places[#places]) / 2
  local right = x + PART + SIDE
  for i = 1, #places do draw.arrow(x + PART, places[i] + BOX / 2, right, middle + BOX / 2) end
  draw_box(draw, right, middle, PART, "combiner", "combiner", short(defence.combiner))
  local below = middle + BOX + 2 * GAP
  draw.arrow(right + PART / 2, middle + BOX, right + PART / 2, below)
  local threshold = defence.threshold
  draw_box(draw, right, below, PART, "reject", "best score > threshold?",
    threshold == -math.huge and "threshold −∞: rejects nothing" or f("threshold %.5g", threshold))
  local last = below + BOX + 2 * GAP
  for k, word in ipairs { "the best class", "rejected" } do
    local at = right + PART * (k == 1 and 0.22 or 0.78)
    draw.arrow(at, below + BOX, at, last)
    draw.words(at, last + 9, word, { bold = true })
    draw.words(at + (k == 1 and -6 or 6), below + BOX + GAP, k == 1 and "yes" or "no",
      { align = k == 1 and "right" or "left", color = "grey" })
  end
  return right + PART, last + 24
end

local function figure(where, model, options)
  if kinds.is(model, "nr") then model = model.model end
  local kind = kinds.of(model)
  if kind ~= "net" and kind ~= "dnr" then values.expected(where, "model", "a net or a DNR", model) end
  local net = kind == "dnr" and model.net or model
  local boxes = boxes_of(net)
  table.insert(boxes, 1, { name = "input", kind = "input", note = f("%d numbers", net.features) })
  local width = kind == "dnr" and LEFT + LAYER + 2 * SIDE + 2 * PART or LEFT + LAYER
  local height = TOP + #boxes * (BOX + GAP)
  local fig = figures.new { title = options.title, width = options.width or width + LEFT,
    height = options.height or height + (options.title and style.figure_title or 0) }
  fig.words = tostring(model)
  local panel = fig[1]
  panel.axes, panel.margin = false, { left = 0, right = 0, top = 0, bottom = 0, untitled = 0 }
  local draw = pencil(panel)
  draw_net(draw, boxes)
  if kind == "dnr" then
    local _, bottom = draw_dnr(draw, model, boxes)
    if bottom > height then
      height = bottom
      if not options.height then
        fig.height = height + (options.title and style.figure_title or 0)
      end
    end
  end
  panel.xrange, panel.yrange = { 0, width + LEFT }, { height, 0 }
  return fig
end

return { options = {}, figure = figure }
