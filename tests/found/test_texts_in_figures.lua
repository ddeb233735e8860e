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
  for text in file:read("a"):gmatch "<text>(.-)</text>" do
    texts[#texts + 1] = text:gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&amp;", "&")
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
