-- A title that began with an apostrophe failed in gnuplot 5.4, which took it for the end of the string; a
-- bar named "50% of …" showed a number in place of the percent sign.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

TestTextsInFigures = {}

function TestTextsInFigures:setUp()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
end

local function temporary(ending)
  local path = os.tmpname()
  os.remove(path)
  return path .. ending
end

-- The texts of the figure as it is drawn.
local function drawn(figure)
  local path = temporary ".svg"
  figure:save(path)
  local file <close> = assert(io.open(path))
  os.remove(path)
  local texts = {}
  for text in file:read("a"):gmatch "<text[^>]*>(.-)</text>" do
    texts[#texts + 1] = text:gsub("<[^>]*>", ""):gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&amp;", "&")
  end
  return texts
end

local function count(texts, wanted)
  local n = 0
  for _, text in ipairs(texts) do n = n + (text == wanted and 1 or 0) end
  return n
end

function TestTextsInFigures:test_come_out_as_they_are()
  for _, text in ipairs {
    "'tis", "tis'", "''", "'", "a 'b' c", "5\" @d '@d' #", [[\n {x} %d% a_b^c@d & `ls` ~ $x <b> -- ;]],
    "'%\"\\'", "50% of %g", "%%", "'); print 'x",
  } do
    local figure = plot.figure { title = text, width = 1400, height = 900 } -- each in one line
    local panel = figure[1]
    panel.title, panel.xlabel, panel.ylabel = text, text, text
    panel:bars({ text, "two" }, { 1, 2 }, { label = text })
    panel:line({ 1, 2 }, { 1, 2 }, { label = "two" })
    panel:text(1, 1, text)
    local texts = drawn(figure)
    lu.assertEquals(count(texts, text), 7, ("%s in %s"):format(text, table.concat(texts, " | ")))
  end
end

-- A panel whose every text is this one; answers how many there are.
local function fill(panel, text, is_map)
  panel.title, panel.xlabel, panel.ylabel, panel.caption = text, text, text, text
  panel:text(1, 1, text)
  if is_map then
    panel:heatmap({ { 1, 2 } }, { label = text }):hline(1, { label = text })
    panel.legend = "right"
    return 7
  end
  panel:bars({ text, "two" }, { 1, 2 }, { label = text })
  panel.ytics = { at = { 1 }, words = { text } }
  return 8
end

-- Every printable character first, last and doubled, in every place that a text has; in a figure that has a
-- formula too, for which gnuplot is told to look for its own marks.
function TestTextsInFigures:test_every_character_everywhere()
  for _, title in ipairs { "none", "$x_2$" } do
    local figure = plot.figure { rows = 10, cols = 10, width = 5000, height = 5000, title = title }
    local wanted = {}
    for code = 32, 126 do
      local c = string.char(code)
      local text = c .. "b" .. c .. c .. "d" .. c
      wanted[text] = fill(figure[code - 31], text, code % 2 == 0)
    end
    local found = {}
    for _, text in ipairs(drawn(figure)) do found[text] = (found[text] or 0) + 1 end
    for text, count_ in pairs(wanted) do lu.assertEquals(found[text], count_, text) end
  end
end

-- Names that others gave: no letter of theirs can spoil the figure, in whatever format.
function TestTextsInFigures:test_foreign_names()
  local name = "a\nb \27[31m \u{202e}c 漢字 🙂 \xff \0 `id`"
  local figure = plot.figure { title = name, width = 900 }
  figure:line({ 1, 2 }, { 2, 1 }, { label = name }):set { legend = true, xlabel = name,
    xtics = { words = { name, "50 %" } } }
  local texts = table.concat(drawn(figure), "\n")
  lu.assertStrContains(texts, "a b \\x1b[31m \\u{202e}c 漢字 🙂 \\xff \\x00 `id`")
  lu.assertStrContains(texts, "50 %")
  for _, ending in ipairs { ".png", ".pdf", ".tex", ".html" } do
    local path = temporary(ending)
    lu.assertEquals(figure:save(path), path)
    os.remove(path)
  end
end

function TestTextsInFigures:test_in_recipes()
  local d = data.digits(4, { seed = 1 })
  local file = temporary ".png"
  local captions = { "'", "''", "'a'", "%'" }
  lu.assertEquals(plot.images(d, { title = "'tis", captions = captions, file = file }), file)
  os.remove(file)
end

-- A file's name may hold one as well.
function TestTextsInFigures:test_names_of_files()
  local file = temporary "'''s'.png"
  local figure = plot.figure()
  figure[1]:line({ 1, 2 }, { 1, 2 })
  lu.assertEquals(figure:save(file), file)
  lu.assertTrue(os.remove(file))
end
