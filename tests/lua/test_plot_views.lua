-- Where pictures go without a file: the terminal, a page, a PNG without gnuplot; and which one is taken.

local lu = require "luaunit"

local perigee_program = os.getenv "PERIGEE"
local made = {}

local function scratch(ending)
  local name = os.tmpname()
  made[#made + 1] = name
  made[#made + 1] = name .. ending
  return name .. ending
end

local function read(file)
  local handle = assert(io.open(file, "rb"))
  local text = handle:read "a"
  handle:close()
  return text
end

local function write(file, text)
  local handle = assert(io.open(file, "wb"))
  handle:write(text)
  handle:close()
end

-- Run code in a perigee of its own, under `environment`; returns all it printed.
local function run(environment, code)
  local script = scratch ".lua"
  write(script, code)
  local pipe = io.popen(("env %s '%s' '%s' 2>&1"):format(environment, perigee_program, script))
  local text = pipe:read "a"
  return text, select(3, pipe:close())
end

local FIGURE = [[
local f = plot.figure { cols = 2, title = "a <figure> & \"more\"" }
f[1]:line({ 1, 2, 0/0, 3 }, { label = "up_1" }):line({ 3, 2, 1, 0 }, { label = "down" })
f[1]:set { title = "curves", xlabel = "epoch" }
f[2]:image(array.zeros(8, 8))
f[2].title = "pixels"
]]

TestPlotViews = {}

function TestPlotViews:setUp()
  lu.skipIf(not perigee_program, "PERIGEE is not set")
  lu.skipIf(not plot.gnuplot.find(), "gnuplot is not installed")
end

function TestPlotViews:tearDown()
  for _, name in ipairs(made) do os.remove(name) end
  made = {}
end

function TestPlotViews:test_letters()
  local text, status = run("PERIGEE_PICTURE=plain COLUMNS=70",
    FIGURE .. 'print(f:show { terminal = "text" })')
  lu.assertEquals(status, 0)
  for _, words in ipairs { 'a <figure> & "more"', "curves", "up_1", "down", "epoch", "pixels", "nil" } do
    lu.assertStrContains(text, words)
  end
  lu.assertStrContains(text, "***")
  lu.assertNotStrContains(text, "\27")
  for line in text:gmatch "[^\n]+" do lu.assertTrue(utf8.len(line) < 70, line) end
end

function TestPlotViews:test_colours()
  local text = run("PERIGEE_PICTURE=256", FIGURE .. 'f:show { terminal = "text" }')
  lu.assertStrContains(text, "\27[38;5;")
  lu.assertStrContains(text, "▀")
end

function TestPlotViews:test_sixel()
  lu.skipIf(not plot.gnuplot.terminals():find(" sixelgd ", 1, true), "this gnuplot has no sixelgd")
  local text, status = run("PERIGEE_PICTURE=sixel",
    FIGURE .. 'f[2]:heatmap { { 1, 2 } }\nf:show { terminal = "text" }')
  lu.assertEquals(status, 0)
  lu.assertEquals(text:sub(1, 2), "\27P")
  lu.assertStrContains(text:sub(-4), "\27\\")
  lu.assertTrue(#text > 5000)
end

-- Shades stand in the terminal as the figure has them: the first row is the lowest.
function TestPlotViews:test_shades()
  local text = run("PERIGEE_PICTURE=plain",
    'plot.figure():heatmap({ { 0, 0 }, { 0, 0 }, { 9, 9 }, { 9, 9 } }):show { terminal = "text" }')
  lu.assertStrContains(text, "@@\n  ")
end

function TestPlotViews:test_page()
  local file = scratch ".html"
  local text = run("A=b", FIGURE .. ("print(f:save(%q))"):format(file))
  lu.assertEquals(text, file .. "\n")
  local page = read(file)
  lu.assertStrContains(page, "<title>a &lt;figure&gt; &amp; &quot;more&quot;</title>")
  lu.assertStrContains(page, ">curves</text>")
  lu.assertStrContains(page, "</svg>")
  lu.assertStrContains(page, '"title":"a \\u003cfigure\\u003e \\u0026 \\u0022more\\u0022"')
  lu.assertStrContains(page, '"label":"up_1","names":["x","y"],"columns":[[1,2,3,4],[1,2,null,3]]')
  lu.assertStrContains(page, '"kind":"image","names":["1","2","3"')
  lu.assertNotStrContains(page, "src=")
  lu.assertStrContains(page:sub(-10), "</html>")
  text = run("A=b", FIGURE .. 'print(pcall(f.save, f, "/nonexistent/a.html"))')
  lu.assertStrContains(text, "cannot write /nonexistent/a.html")
end

-- A script gets a PNG named after the recipe in the working folder, and reads its path.
function TestPlotViews:test_unasked()
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. folder)
  local script = scratch ".lua"
  write(script, "plot.loss { 3, 2, 1 }")
  local pipe = io.popen(("cd %s && DISPLAY=:9 '%s' %s 2>&1; ls"):format(folder, perigee_program, script))
  local text = pipe:read "a"
  pipe:close()
  os.execute("rm -r " .. folder)
  lu.assertEquals(text, "loss.png\nloss.png\n")
end

function TestPlotViews:test_refusals()
  lu.assertErrorMsgContains("exclude each other",
    function() plot.loss({ 1, 2 }, { file = "a.png", terminal = "text" }) end)
end

function TestPlotViews:test_images_without_gnuplot()
  local file = scratch ".png"
  local text, status = run("PERIGEE_GNUPLOT=/nonexistent",
    ("print(plot.images(data.digits(6, { seed = 1 }), { columns = 3, file = %q }))"):format(file))
  lu.assertEquals(status, 0)
  lu.assertStrContains(text, file .. "\n")
  lu.assertStrContains(text, "install the package gnuplot-nox")
  local png = read(file)
  lu.assertEquals({ string.unpack(">I4I4", png, 17) }, { (3 * 88 + 16) * 2, (3 * 71 + 16) * 2, 25 })
  lu.assertStrContains(png:sub(-8), "IEND")
end

function TestPlotViews:test_terminal_without_gnuplot()
  local text, status = run("PERIGEE_GNUPLOT=/nonexistent PERIGEE_PICTURE=plain",
    'plot.images(data.digits(2, { seed = 1 }), { terminal = "text" })')
  lu.assertEquals(status, 0)
  lu.assertStrContains(text, "@@@")
  text = run("PERIGEE_GNUPLOT=/nonexistent",
    ("print(plot.loss({ 3, 2 }, { file = %q }))"):format(scratch ".html"))
  lu.assertStrContains(text, "install the package gnuplot-nox (or gnuplot) and run: gnuplot ")
  made[#made + 1] = text:match "gnuplot (/%S+%.gp)"
  lu.assertStrContains(read(made[#made]), ".svg'")
end
