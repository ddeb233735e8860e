-- plot.figure: its words, what they refuse, thinning, and that every one of them draws something.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

local function need_gnuplot()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
end

local function svg_of(f)
  local file = os.tmpname()
  lu.assertEquals(f:save(file, { terminal = "svg" }), file)
  local handle = assert(io.open(file, "rb"))
  local text = handle:read "a"
  handle:close()
  os.remove(file)
  return text
end

-- What a word adds to the SVG of an empty figure: a figure where it drew nothing fails.
local function drawn(draw)
  local f = plot.figure { width = 300, height = 200 }
  f:set { xrange = { 0, 4 }, yrange = { 0, 4 } }
  local empty = #svg_of(f)
  draw(f)
  return svg_of(f), empty
end

local ramp = { { 0, 1, 2 }, { 1, 2, 3 }, { 2, 3, 4 } }

TestPlotFigure = {}

function TestPlotFigure:setUp() need_gnuplot() end

local words = {
  line = function(f) f:line({ 1, 2, 3 }, { 1, 3, 2 }, { label = "a word", point = "square" }) end,
  scatter = function(f) f:scatter({ 1, 2, 3 }, array.new { 1, 3, 2 }, { label = "a word" }) end,
  steps = function(f) f:steps({ 1, 2, 3 }, { 1, 3, 2 }, { label = "a word", dash = "dotted" }) end,
  bars = function(f) f:bars({ 1, 2, 3 }, { 1, 3, 2 }, { label = "a word" }) end,
  errorbars = function(f) f:errorbars({ 1, 2 }, { 1, 3 }, { 0.5, 1 }, { label = "a word" }) end,
  band = function(f) f:band({ 1, 2, 3 }, { 1, 1, 1 }, { 2, 0 / 0, 3 }, { label = "a word" }) end,
  histogram = function(f) f:histogram({ 1, 1, 2, 3 }, { bins = 3, label = "a word" }) end,
  contour = function(f) f:contour(ramp, { levels = { 1.5, 2.5 }, label = "a word" }) end,
  text = function(f) f:text(2, 2, "a word") end,
  hline = function(f) f:hline(2, { label = "a word" }) end,
  vline = function(f) f:vline(2, { label = "a word", color = "red" }) end,
}

function TestPlotFigure:test_words_draw()
  for name, draw in pairs(words) do
    local svg, empty = drawn(draw)
    lu.assertTrue(#svg > empty + 100, name)
    lu.assertStrContains(svg, ">a word<")
  end
end

function TestPlotFigure:test_pictures_draw()
  local f = plot.figure { cols = 2 }
  f[1]:heatmap(ramp, { x = { 0, 2 }, label = "height" })
  f[2]:image(ramp, { map = "heat" })
  local svg = svg_of(f)
  lu.assertTrue(select(2, svg:gsub("<polygon fill = ", "")) >= 18)
  lu.assertStrContains(svg, ">height<")
  -- the ends of the map are the terminal picture's
  lu.assertStrContains(svg, "rgb( 68,   1,  84)")
  lu.assertStrContains(svg, "rgb(253, 231,  37)")
end

-- Numbers of both signs: white is zero.
function TestPlotFigure:test_diverging()
  local f = plot.figure()
  f:heatmap { { -1, 0, 4 } }
  local script = f:script()
  lu.assertStrContains(script, "set cbrange [-4:4]")
  lu.assertStrContains(script, "0.5 '#f7f7f7'")
end

function TestPlotFigure:test_a_million_points()
  local n = 1000000
  local y = array.rand(n, { seed = 1 }):copy()
  y:set(9, 777777)
  local f = plot.figure()
  local started = perigee.clock()
  f:line(array.arange(n), y):scatter(y, array.rand(n, { seed = 2 }))
  local script = f:script()
  lu.assertTrue(perigee.clock() - started < 5)
  lu.assertTrue(#script < 4e6)
  lu.assertStrContains(script, "777776 9")
end

function TestPlotFigure:test_panels()
  local f = plot.figure { rows = 2, cols = 2, title = "four" }
  lu.assertEquals(#f, 4)
  f.xlabel = "of the first"
  f:line { 1, 2, 3 }
  f[4]:set { title = "the fourth", ylabel = "y" }:line({ 3, 2, 1 }, { label = "alone" })
  lu.assertEquals(f[1].xlabel, "of the first")
  local svg = svg_of(f)
  for _, text in ipairs { "four", "of the first", "the fourth", "alone" } do
    lu.assertStrContains(svg, ">" .. text .. "<")
  end
  lu.assertNil(f[5])
  lu.assertStrContains(tostring(f), "2x2 panels, 2 drawn")
end

function TestPlotFigure:test_log_axes()
  local f = plot.figure()
  f:line({ 1, 10, 100 }, { 1e-3, 0, 10 }):set { logx = true, logy = true }
  local script = f:script()
  lu.assertStrContains(script, "set logscale y")
  lu.assertStrContains(script, "set logscale x")
  lu.assertStrContains(svg_of(f), ">100<")
end

function TestPlotFigure:test_legend()
  local f = plot.figure { width = 300 }
  for i = 1, 6 do f:line({ i, i + 1 }, { label = "a rather long label " .. i }) end
  f.legend = "right"
  lu.assertStrContains(svg_of(f), ">a rather long label 6<")
  f.legend = true
  lu.assertStrContains(svg_of(f), ">a rather long label 6<")
  f.legend = false
  lu.assertNotStrContains(svg_of(f), "rather long")
end

-- The words of plot.attack's legend, 83 units wide in DejaVu Sans, end before the next entry; and its three
-- entries have room in one line.
function TestPlotFigure:test_legend_has_room()
  local style = require "perigee.plot.style"
  local legend, second = style.legend, style.legend_width "runner-up 8"
  lu.assertTrue(second >= legend.sample + legend.gap + 83 + 8)
  lu.assertTrue(style.legend_width "true 1" + second + style.legend_width "reject" <= 1172 / 4 - 8)
end

function TestPlotFigure:test_histogram_counts()
  local f = plot.figure()
  f:histogram({ 0, 0.5, 1, 1, 2 }, { bins = { 0, 1, 2 } })
  lu.assertStrContains(f:script(), "0 2\n1 2\n1 3\n2 3")
  f = plot.figure()
  f:histogram({ 0, 0.5, 1, 1, 2 }, { bins = 2, share = true })
  lu.assertStrContains(f:script(), "0 0.4\n1 0.4\n1 0.6\n2 0.6")
end

function TestPlotFigure:test_script_repeats_it()
  local f = plot.figure()
  f:contour(ramp):band({ 1, 2, 3 }, { 1, 1, 1 }, { 2, 2, 2 }):text(2, 2, "it's `uname` \"$1\"")
  local file, script = os.tmpname(), os.tmpname()
  local handle = assert(io.open(script, "wb"))
  handle:write(plot.script(f, { file = file, terminal = "svg" }))
  handle:close()
  -- in a locale without UTF-8 gnuplot warns that it cannot say the degree sign
  local pipe = io.popen(("LC_ALL=C.UTF-8 '%s' -d '%s' 2>&1"):format(gnuplot.find(), script))
  lu.assertEquals(pipe:read "a", "")
  pipe:close()
  handle = assert(io.open(file, "rb"))
  lu.assertStrContains(handle:read "a", "it's `uname`")
  handle:close()
  os.remove(file)
  os.remove(script)
end

function TestPlotFigure:test_nothing_to_draw()
  local f = plot.figure()
  lu.assertStrContains(svg_of(f), "</svg>")
  f:line({ 0 / 0, 1 / 0 }):scatter({}, {})
  lu.assertStrContains(svg_of(f), "no finite values")
  f:line { 2, 2, 2 }
  lu.assertNotStrContains(svg_of(f), "no finite values")
end

-- Numbers that are told apart by their tenth digit, and those whose distance is no number any more.
function TestPlotFigure:test_close_and_large_numbers()
  for _, numbers in ipairs { { 10000.00001, 10000.00002, 10000.00003 }, { -1e308, 1e308, 0 },
    { 1e300, 2e300, 1e308 } } do
    local f = plot.figure():line(numbers):hline(numbers[2])
    lu.assertStrContains(svg_of(f), "<path")
    lu.assertStrContains(f:script(), ("2 %.10g"):format(numbers[2]))
    for shown in f:script():gmatch "screen ([%w.+-]+)" do
      lu.assertStrMatches(shown, "-?[0-9.]+")
    end
  end
end

-- gnuplot would leave them out by itself, but words are placed by us.
function TestPlotFigure:test_names_beyond_the_axis()
  local f = plot.figure { columns = 2 }
  f:bars({ "alpha", "beta", "gamma", "delta" }, { 1, 2, 3, 4 })
  f.xrange = { 0.5, 2.5 }
  lu.assertStrContains(f:script(), "'beta'")
  lu.assertNotStrContains(f:script(), "'gamma'")
end

function TestPlotFigure:test_refusals()
  local f = plot.figure()
  local function refused(message, draw)
    lu.assertErrorMsgContains(message, draw)
  end
  refused("plot.figure: unknown option 'row'; did you mean 'rows'? (valid: rows, columns, cols",
    function() plot.figure { row = 2 } end)
  refused("figure:line: x and y: expected as many of each, got 2 and 3",
    function() f:line({ 1, 2 }, { 1, 2, 3 }) end)
  refused("figure:line: y: expected an array or a list of numbers, got nothing",
    function() f:line() end)
  refused("figure:line: y[2]: expected a number, got", function() f:line({ 1, 2 }, { 1, "a" }) end)
  refused("figure:line: y: expected numbers in a line, got an array of 2 dimensions",
    function() f:line(array.zeros { 2, 2 }) end)
  refused("figure:line: unknown option 'colour'",
    function() f:line({ 1 }, { 1 }, { colour = "red" }) end)
  refused("figure:line: color: expected \"#rrggbb\" or a name",
    function() f:line({ 1 }, { 1 }, { color = "#ff'; system('id" }) end)
  refused("figure:line: dash: expected dashdot, dashed, dotted, solid, got the string \"wavy\"",
    function() f:line({ 1 }, { 1 }, { dash = "wavy" }) end)
  refused("figure:heatmap: z: expected a 2-d array", function() f:heatmap { 1, 2 } end)
  refused("figure:heatmap: x: expected evenly spaced places",
    function() f:heatmap({ { 1, 2, 3 } }, { x = { 1, 2, 4 } }) end)
  refused("figure:image: pixels: expected height × width",
    function() f:image(array.zeros { 2, 2, 2 }) end)
  refused("figure:hline: y: expected a finite number, got nothing", function() f:hline() end)
  refused("plot.figure: unknown field 'xlable' of a panel", function() f.xlable = "x" end)
  refused("plot.figure: unknown field 'xlable' of a panel", function() f[1]:set { xlable = "x" } end)
  refused("xrange: expected { low, high }", function()
    f.xrange = { 1, 1 }
    f:line { 1, 2 }
    f:script()
  end)
  refused("call it with a colon", function() f.line({ 1 }, { 1 }) end)
  refused("figure:save: path: expected a file's name", function() f:save() end)
end
