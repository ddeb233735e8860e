-- A legend at the right that had no room mirrored the plot: its margins crossed, and a falling line rose (70
-- letters at the default size, 35 at 336 units). Whatever the texts, every plot keeps a part of its cell and
-- everything stays in the figure.

local lu = require "luaunit"

TestMarginsThatCross = {}

local LENGTHS, SIZES = { 3, 35, 70, 300 }, { { 100, 100 }, { 336, 200 }, { 560, 380 }, { 960, 540 } }

-- A figure in which every text has that many letters.
local function figure_of(size, text, font_size)
  local figure = plot.figure { width = size[1], height = size[2], cols = 2, title = text,
    font_size = font_size }
  for i = 1, 2 do
    local panel = figure[i]
    panel:line({ 1, 2 }, { 2e5, 1e-5 }, { label = text }):hline(1, { label = text .. "2" })
    panel:set { title = text, xlabel = text, ylabel = text, caption = text }
    panel.legend = i == 2 and "right" or true
  end
  figure[1].xtics = { at = { 1, 2 }, words = { text, text } }
  figure[2].ytics = { at = { 1, 2 }, words = { text, text } }
  return figure
end

local function check(figure, what)
  figure:script() -- gives everything its place
  for i = 1, #figure do
    local box, cell = figure[i].box, figure[i].cell
    lu.assertTrue(box.right - box.left >= 0.1 * cell.width, what)
    lu.assertTrue(box.bottom - box.top >= 0.1 * cell.height, what)
    lu.assertTrue(box.left >= 0 and box.right <= figure.width, what)
    lu.assertTrue(box.top >= 0 and box.bottom <= figure.height, what)
  end
end

function TestMarginsThatCross:test_any_text()
  for _, size in ipairs(SIZES) do
    for _, length in ipairs(LENGTHS) do
      for letters, font_size in pairs { x = 11, ["wide words "] = 20, ["漢"] = 8 } do
        check(figure_of(size, letters:rep(length), font_size),
          ("%d letters at %d × %d, %d points"):format(length, size[1], size[2], font_size))
      end
    end
  end
end

function TestMarginsThatCross:test_heatmaps()
  for _, size in ipairs(SIZES) do
    local figure = plot.figure { width = size[1], height = size[2], cols = 2 }
    for i = 1, 2 do
      figure[i]:heatmap({ { 1e-5, 2e5 } }, { label = ("y"):rep(80) }):set { ylabel = ("z"):rep(80) }
    end
    check(figure, size[1])
  end
end

-- What is cut ends in an ellipsis.
function TestMarginsThatCross:test_cut_texts_say_so()
  local figure = plot.figure { width = 336 }
  figure:line({ 1, 2 }, { 2, 1 }, { label = ("a"):rep(100) })
  local script = figure:script()
  lu.assertStrContains(script, "aaa…'")
  lu.assertNotStrContains(script, ("a"):rep(100))
end

-- Ends without a distance, places that are none: a sentence, or a figure; never an error from within.
function TestMarginsThatCross:test_odd_axes()
  local nan, inf = 0 / 0, math.huge
  local figure = plot.figure():line({ 1e308, -1e308 }, { 1e-300, 1e300 })
  for _, range in ipairs { true, 3, {}, { 1, 1 }, { nan, 1 }, { "a", "b" } } do
    lu.assertErrorMsgContains("plot.figure: xrange: expected { low, high }, two different numbers",
      function() figure.xrange = range end)
  end
  for _, place in ipairs { nan, inf, "x" } do
    lu.assertErrorMsgContains("plot.figure: xtics: at: number 1: expected a finite number",
      function() figure.xtics = { at = { place }, words = { "a" } } end)
  end
  lu.assertNotStrContains(figure:script(), "screen inf")
  lu.assertNotStrContains(figure:script(), "nan")
end
