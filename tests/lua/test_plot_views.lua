-- Where pictures go without a file: the terminal, a page, a PNG without gnuplot; and which one is taken.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

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
  local pipe = io.popen(('env %s "$PERIGEE" \'%s\' 2>&1'):format(environment, script))
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
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
end

function TestPlotViews:tearDown()
  for _, name in ipairs(made) do os.remove(name) end
  made = {}
end

-- Three planes, or a dataset's samples of that shape, in the colours that they have.
function TestPlotViews:test_colours()
  local text, status = run("PERIGEE_PICTURE=rgb", [[
local show, red = require "perigee.show", array.zeros { 3, 2, 2 }
red[1]:fill(1)
show(red)
show(data.new { x = red:reshape(1, 3, 2, 2), y = { 1 } }, { names = { "one" } })
show(data.new { x = red:transpose(2, 3, 1):reshape(1, 2, 2, 3), y = { 1 } })
plot.images(data.new { x = red:reshape(1, 3, 2, 2), y = { 1 } }, { terminal = "text" })
show(-red) -- of negative values 0 is the middle grey
show(red, { channels = 1 })]])
  lu.assertEquals(status, 0, text)
  local picture = "\27[38;2;255;0;0m\27[48;2;255;0;0m▀▀\27[0m\n"
  local words, rest = text:match("^(.*)" .. "(\27%[38;2;0;128;128m.*)$")
  lu.assertEquals(words, picture .. "on\n" .. picture .. "la\n" .. picture .. "1\n" .. picture)
  lu.assertStrContains(rest, "38;2;255;255;255m") -- three grey ones, the first white
end

-- What has two features is no picture.
function TestPlotViews:test_points()
  local text, status = run("PERIGEE_PICTURE=plain", [[
local ds = data.new { x = { { 0.25, 1 }, { 0.5, -2 } }, y = { 0, 1 } }
show(ds, { names = { "on\nit" }, limit = 2 })
show(ds[1])]])
  lu.assertEquals(status, 0)
  lu.assertEquals(text, "label 0  0.25   1\non\\nit    0.5  -2\nlabel 0  0.25  1\n")
end

function TestPlotViews:test_letters()
  local text, status = run("PERIGEE_PICTURE=plain COLUMNS=70",
    FIGURE .. 'print(f:show { terminal = "text" })')
  lu.assertEquals(status, 0)
  for _, words in ipairs { 'a <figure> & "more"', "curves", "up_1", "down", "epoch", "pixels" } do
    lu.assertStrContains(text, words)
  end
  lu.assertStrContains(text, "***")
  lu.assertNotStrContains(text, "\27")
  lu.assertNotStrContains(text, "nil")
  for line in text:gmatch "[^\n]+" do lu.assertTrue(utf8.len(line) < 70, line) end
end

function TestPlotViews:test_colours()
  local text = run("PERIGEE_PICTURE=256", FIGURE .. 'f:show { terminal = "text" }')
  lu.assertStrContains(text, "\27[38;5;")
  lu.assertStrContains(text, "▀")
end

function TestPlotViews:test_sixel()
  lu.skipIf(not gnuplot.terminals():find(" sixelgd ", 1, true), "this gnuplot has no sixelgd")
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
  lu.assertStrContains(page, '"title":"a \\u003cfigure\\u003e \\u0026 \\"more\\""')
  lu.assertStrContains(page,
    '{"columns":[[1,2,3,4],[1,2,null,3]],"kind":"line","label":"up_1","names":["x","y"]}')
  lu.assertStrContains(page, '"kind":"image","names":["1","2","3"')
  lu.assertNotStrContains(page, "src=")
  lu.assertStrContains(page:sub(-10), "</html>")
  text = run("A=b", FIGURE .. 'print(pcall(f.save, f, "/nonexistent/a.html"))')
  lu.assertStrContains(text, "cannot write /nonexistent/a.html")
end

-- A gnuplot that answers as the given version with the given terminals and notes what it is told. What
-- it is told to write it makes a whole PNG.
local function stand_in(version, terminals)
  local fake, log = scratch ".sh", scratch ".log"
  write(fake, ([=[#!/bin/sh
while IFS= read -r line; do
  printf '%%s\n' "$line" >> '%s'
  case "$line" in
  print*GPVAL_TERMINALS*) answer='%s';;
  print*GPVAL_VERSION*) answer=%s;;
  *) answer='0|';;
  esac
  case "$line" in
  "set output '"*) out=${line#*\'}; out=${out%%%%\'*}
    printf '\211PNG\r\n\032\n\0\0\0\0IEND\256\102\140\202' > "$out";;
  print*) n=${line#*perigee }; n=${n%%%%>*}; echo "<perigee $n>$answer</perigee $n>";;
  esac
done
]=]):format(log, terminals, version))
  os.execute("chmod +x " .. fake)
  return fake, log
end

-- One set of commands serves all versions: no inline data, which 6.0 refuses in a multiplot, and no
-- terminal that is not offered.
function TestPlotViews:test_versions()
  for _, version in ipairs { "5.2.8", "5.4.4", "6.0.1" } do
    local fake, log = stand_in(version, "dumb png svg")
    local file = scratch ".png"
    local text = run("PERIGEE_GNUPLOT=" .. fake, FIGURE .. ("print(f:save(%q))"):format(file))
    lu.assertEquals(text, file .. "\n", version)
    local told = read(log)
    lu.assertStrContains(told, "set terminal png truecolor size")
    lu.assertNotStrContains(told, "plot '-'")
    lu.assertStrContains(told, "plot $p1_1 using 1:2")
  end
  local fake = stand_in("4.6.7", "png")
  local text = run("PERIGEE_GNUPLOT=" .. fake, FIGURE .. ("f:save(%q)"):format(scratch ".png"))
  lu.assertStrContains(text, "figure:save: this gnuplot is version 4.6.7: 5.2 or later is needed")
end

function TestPlotViews:test_terminals_that_are_not_offered()
  local fake = stand_in("5.4.4", "dumb png svg")
  local text = run("PERIGEE_GNUPLOT=" .. fake, FIGURE .. ("f:save(%q)"):format(scratch ".pdf"))
  lu.assertStrContains(text, "this gnuplot has no terminal for PDF (pdfcairo): write .svg or .png")
  text = run("DISPLAY=:9 PERIGEE_GNUPLOT=" .. fake, FIGURE .. 'f:show { terminal = "qt" }')
  lu.assertStrContains(text, "this gnuplot has no terminal for a window (qt): install the package gnuplot-qt")
end

-- A script gets a PNG named after the recipe in the working folder, and reads its path.
function TestPlotViews:test_unasked()
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. folder)
  local script = scratch ".lua"
  write(script, "plot.loss { 3, 2, 1 }")
  local pipe = io.popen(('cd %s && DISPLAY=:9 "$PERIGEE" %s 2>&1; ls'):format(folder, script))
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

-- 255 is white, not what is lightest; a colour picture too.
function TestPlotViews:test_show_of_bytes()
  local text = run("", [[
local dark = (data.digits(1, { seed = 3 }).x * 120):round():astype("u8"):reshape(28, 28)
local colours = array.stack { dark, dark, dark }
for _, x in ipairs { dark, dark / 255, colours, colours / 255 } do
  show(x, { mode = "plain" })
  print "|"
end]])
  local pictures = {}
  for picture in text:gmatch "([^|]+)|\n" do pictures[#pictures + 1] = picture end
  lu.assertEquals(#pictures, 4)
  lu.assertEquals({ pictures[1], pictures[3] }, { pictures[2], pictures[4] })
end

function TestPlotViews:test_terminal_without_gnuplot()
  local text, status = run("PERIGEE_GNUPLOT=/nonexistent PERIGEE_PICTURE=plain",
    'plot.images(data.digits(2, { seed = 1 }), { terminal = "text" })')
  lu.assertEquals(status, 0)
  lu.assertStrContains(text, "@@")
  -- one by one, with their labels, not the shrunk sheet
  lu.assertEquals(select(2, text:gsub("\n", "")), 15)
  text = run("PERIGEE_GNUPLOT=/nonexistent",
    ("print(plot.loss({ 3, 2 }, { file = %q }))"):format(scratch ".html"))
  lu.assertStrContains(text, "install the package gnuplot-nox (or gnuplot) and run: gnuplot ")
  made[#made + 1] = text:match "gnuplot (/%S+%.gp)"
  lu.assertStrContains(read(made[#made]), ".svg'")
end
