-- plot.attacks: a grid of attacked samples, one column each: clean, adversarial, and the difference, with
-- labels, verdicts and distances; the scale of the differences stands beside them. Red words are attacks
-- that got through.

local figures = require "perigee.plot.figure"
local judged = require "perigee.plot.judged"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

local gnuplot = require("perigee.native").gnuplot

local REJECTED = -1
local CELL, WORDS, LEFT, BAND_GAP = 84, 20, 88, 12
local LEAST = 60 -- of a column, where the paper is given

local verdict_colours = {
  evaded = "vermillion", rejected = "blue", correct = "black", wrong = "orange", failed = "grey",
}

-- As many as have room for their words.
local function columns_on(paper)
  if not paper.width then return 10 end
  return math.max(1, math.min(10, (paper.width / paper.scale - LEFT) // LEAST))
end

-- What the columns share: the result, the images' sizes, how large a difference is at most.
local function sheet_of(where, result, options)
  judged.check_result(where, "result", result)
  local sheet = { result = result, name = values.names(where, options), reach = 1e-12 }
  sheet.count = math.min(#result, values.integer(where, options, "count", 1, 200, 10))
  sheet.columns = math.min(sheet.count, values.integer(where, options, "columns", 1, 50,
    columns_on(theme.paper(where, options))))
  local features = #result.x0[1]
  sheet.h, sheet.w, sheet.channels = values.image_shape(values.list(where, "shape", result.shape), features)
  if not sheet.h then
    values.fail("%s: result: samples of %d features are not images, grey or of three colours", where,
      features)
  end
  -- one scale for all differences: their colours can be compared
  for i = 1, sheet.count do
    local difference = values.numbers(where, "difference", result.x_adv[i] - result.x0[i])
    local low, high = gnuplot.range(difference)
    if low then sheet.reach = math.max(sheet.reach, -low, high) end
  end
  return sheet
end

-- A figure has panels of one size; the words under each go into the panel's margin.
local function draw_column(fig, sheet, i)
  local band, column = (i - 1) // sheet.columns + 1, (i - 1) % sheet.columns + 1
  local function panel_at(row)
    local panel = fig[((band - 1) * 3 + row - 1) * sheet.columns + column]
    panel.margin = { left = 3, right = 3, top = 2, bottom = row == 3 and WORDS + BAND_GAP or WORDS }
    return panel
  end
  local result, h, w, channels = sheet.result, sheet.h, sheet.w, sheet.channels
  local x0, x_adv, label = result.x0[i], result.x_adv[i], result.label[i]
  local clean, adversarial, difference = panel_at(1), panel_at(2), panel_at(3)
  clean:image(x0, { height = h, width = w, channels = channels })
  clean.caption, clean.caption_look = sheet.name(result.y[i]), { color = style.text }
  adversarial:image(x_adv, { height = h, width = w, channels = channels })
  adversarial.caption = label == REJECTED and "rejected" or sheet.name(label)
  adversarial.caption_look = { color = style[verdict_colours[result.verdict[i]]] }
  difference:image(x_adv - x0, values.signed(h, w, channels, sheet.reach))
  difference.caption = string.format("%.2f", result.distance[i])
  difference.caption_look = { color = style.grey }
  if column == 1 then
    for k, word in ipairs { "clean", "adversarial", "difference" } do
      if k == 3 then word = string.format("%s\n±%.2g", word, sheet.reach) end
      panel_at(k):text(-0.1, 0.5, word, { inside = true, align = "right" })
    end
  end
end

-- The side of an image, no narrower than the words under it if they are not too long.
local function side_of(sheet)
  local words = {}
  for i = 1, sheet.count do
    words[2 * i - 1], words[2 * i] = sheet.name(sheet.result.y[i]), sheet.name(sheet.result.label[i])
  end
  return math.max(CELL, style.widest(words, 1.6 * CELL) + 6)
end

local function figure(where, result, options)
  local sheet = sheet_of(where, result, options)
  local columns, side = sheet.columns, side_of(sheet)
  local bands, heights = math.ceil(sheet.count / columns), {}
  for k = 1, 3 * bands do heights[k] = side + WORDS + (k % 3 == 0 and BAND_GAP or 0) end
  local fig = figures.new { rows = 3 * bands, columns = columns, title = options.title, left = LEFT,
    width = options.width or LEFT + columns * side + 8,
    height = options.height or bands * (3 * (side + WORDS) + BAND_GAP)
      + (options.title and style.figure_title or 0), heights = heights }
  for i = 1, #fig do fig[i].bare = true end
  for i = 1, sheet.count do draw_column(fig, sheet, i) end
  return fig
end

return { options = { "count", "columns", "names" }, figure = figure }
