-- plot.attacks: a grid of attacked samples, one column each: clean, adversarial, and the difference, with
-- labels, verdicts and distances. Red words are attacks that got through.

local figures = require "perigee.plot.figure"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot

local REJECTED = -1
local CELL, WORDS, LEFT, BAND_GAP = 84, 20, 88, 12

local verdict_colours = {
  evaded = "vermillion", rejected = "blue", correct = "black", wrong = "orange", failed = "grey",
}

-- The fields of the result that the grid shows, as lists.
local function fields_of(where, result)
  local fields = {}
  for _, name in ipairs { "y", "label", "distance", "verdict", "x0", "x_adv" } do
    local ok, value = pcall(function() return result[name] end)
    if not ok or value == nil then
      values.fail("%s: result: expected an attack's result, got a value without '%s'", where, name)
    end
    fields[name] = value
  end
  return fields
end

local function words_of(label)
  return label == REJECTED and "rejected" or tostring(label)
end

-- A figure has panels of one size; the words under each go into the panel's margin.
local function draw_column(fig, band, column, columns, fields, i, h, w, reach)
  local function panel_at(row)
    local panel = fig[((band - 1) * 3 + row - 1) * columns + column]
    panel.margin = { left = 3, right = 3, top = 2, bottom = row == 3 and WORDS + BAND_GAP or WORDS }
    return panel
  end
  local x0, x_adv = fields.x0[i], fields.x_adv[i]
  local clean, adversarial, difference = panel_at(1), panel_at(2), panel_at(3)
  clean:image(x0, { height = h, width = w })
  clean:text(0.5, -0.1, tostring(fields.y[i]), { inside = true })
  adversarial:image(x_adv, { height = h, width = w })
  adversarial:text(0.5, -0.1, words_of(fields.label[i]), { inside = true,
    color = verdict_colours[fields.verdict[i]] })
  difference:image(x_adv - x0, { height = h, width = w, map = "diverging", low = -reach, high = reach })
  difference:text(0.5, -0.1, string.format("%.2f", fields.distance[i]), { inside = true, color = "grey" })
  if column == 1 then
    for k, word in ipairs { "clean", "adversarial", "difference" } do
      panel_at(k):text(-0.1, 0.5, word, { inside = true, align = "right" })
    end
  end
end

local function figure(where, result, options)
  local fields = fields_of(where, result)
  local count = math.min(#fields.y, values.integer(where, options, "count", 1, 200, 10))
  local columns = math.min(count, values.integer(where, options, "columns", 1, 50, 10))
  local shape = result.shape and values.list(where, "shape", result.shape)
  local h, w, channels = values.image_shape(shape, #fields.x0[1])
  if not h or channels ~= 1 then values.fail("%s: the samples are not grey images", where) end
  -- one scale for all differences: their colours can be compared
  local reach = 1e-12
  for i = 1, count do
    local low, high = gnuplot.range(values.numbers(where, "difference", fields.x_adv[i] - fields.x0[i]))
    if low then reach = math.max(reach, -low, high) end
  end
  local bands, heights = math.ceil(count / columns), {}
  for k = 1, 3 * bands do heights[k] = CELL + WORDS + (k % 3 == 0 and BAND_GAP or 0) end
  local fig = figures.new { rows = 3 * bands, columns = columns, title = options.title, left = LEFT,
    width = options.width or LEFT + columns * CELL + 8,
    height = options.height or bands * (3 * (CELL + WORDS) + BAND_GAP)
      + (options.title and style.figure_title or 0), heights = heights }
  for i = 1, #fig do fig[i].bare = true end
  for i = 1, count do
    draw_column(fig, (i - 1) // columns + 1, (i - 1) % columns + 1, columns, fields, i, h, w, reach)
  end
  return fig
end

return { options = { "count", "columns" }, figure = figure }
