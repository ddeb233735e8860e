-- Sizes, letters, colours, lines, tics, formulas and LaTeX: what a figure looks like on paper.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot
local axes = require "perigee.plot.axes"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local tics = require "perigee.plot.tics"
local words = require "perigee.plot.words"

local function saved(figure, ending, options)
  local path = os.tmpname()
  os.remove(path)
  path = path .. ending
  figure:save(path, options)
  local file <close> = assert(io.open(path, "rb"))
  os.remove(path)
  return file:read "a"
end

local function two_lines(options)
  local figure = plot.figure(options)
  figure:line({ 1, 2, 3 }, { 3, 2, 1 }, { label = "falling" }):line({ 1, 2, 3 }, { 1, 2, 3 })
  return figure:set { xlabel = "step", title = "lines" } and figure
end

TestPlotLooks = {}

function TestPlotLooks:setUp() lu.skipIf(not gnuplot.find(), "gnuplot is not installed") end

-- 3.5 inches are 252 points of a PDF and 1050 pixels at 300 an inch, which the PNG says.
function TestPlotLooks:test_sizes_are_true()
  local figure = two_lines { size = "column" }
  local png = saved(figure, ".png")
  lu.assertEquals(string.unpack(">I4", png, 17), 1050)
  lu.assertEquals(string.unpack(">I4", png, png:find("pHYs", 1, true) + 4), 11811)
  lu.assertEquals(string.unpack(">I4", saved(figure, ".png", { scale = 1 }), 17), 336)
  lu.assertStrContains(saved(figure, ".svg"), 'width="336"')
  lu.assertStrContains(saved(figure, ".svg", { size = "slide" }), 'width="960" height="538"')
  if gnuplot.terminals():find(" pdfcairo ", 1, true) then
    local box = saved(figure, ".pdf"):match "/MediaBox%s*%[[^%]]*%]" -- cairo 1.18 packs it away
    if box then lu.assertStrMatches(box, ".*%f[%d]252%f[%D].*") end
  end
  local file = os.tmpname()
  plot.loss({ 3, 2, 1 }, { file = file, terminal = "svg", size = "page" })
  local handle <close> = assert(io.open(file))
  os.remove(file)
  lu.assertStrContains(handle:read "a", 'width="672"')
end

-- 8 points are 10.67 units of 1/96 inch.
function TestPlotLooks:test_letters_are_true()
  local svg = saved(two_lines { size = "column", font = "Times New Roman" }, ".svg")
  lu.assertStrContains(svg, 'font-size="10.67"')
  lu.assertStrContains(svg, 'font-family="Times New Roman"')
  lu.assertStrContains(saved(two_lines { font_size = 18 }, ".svg"), 'font-size="24.00"')
  local script = two_lines { size = "column" }:script { file = "a.pdf" }
  lu.assertStrContains(script, "font 'Arial,10.6667' fontscale 0.5625")
  lu.assertStrContains(script, "size 3.5000in,")
end

function TestPlotLooks:test_themes()
  local dark = two_lines { theme = "dark" }
  local svg = saved(dark, ".svg")
  lu.assertStrContains(svg, "#16191e")
  for _, ink in ipairs { "#222222", "#555555", "#e6e6e6", " 34,  34,  34" } do
    lu.assertNotStrContains(svg:lower(), ink)
  end
  lu.assertStrContains(saved(dark, ".html"), "background: #16191e")
  for red, green, blue in two_lines { theme = "grey" }:script():gmatch "rgb '#(%x%x)(%x%x)(%x%x)'" do
    lu.assertEquals({ red, green }, { green, blue })
  end
  -- areas keep to their series, images and maps to greys
  lu.assertEquals(theme.area({ theme = "grey" }, theme.tint(style.blue)), theme.tint "#000000")
  lu.assertEquals(theme.area({ theme = "dark" }, "#FFFFFF"), "#16191e")
  lu.assertEquals(theme.palette({ theme = "grey" }, "heat"), { "#000000", "#ffffff" })
end

function TestPlotLooks:test_refusals()
  local function refused(message, options)
    lu.assertErrorMsgContains("plot.figure: " .. message, plot.figure, options)
    lu.assertErrorMsgContains("plot.loss: " .. message, plot.loss, { 2, 1 }, options)
    lu.assertErrorMsgContains("figure:save: " .. message, function()
      plot.figure():save("a.png", options)
    end)
  end
  refused('size: expected "column", "page" or "slide", got the string "a4"', { size = "a4" })
  refused('theme: expected "dark", "grey", "print" or "slide", got 3', { theme = 3 })
  refused("font_size: expected a number from 3 to 100, got 200", { font_size = 200 })
  refused("font: expected the name of a family", { font = "Arial'; system 'id" })
end

-- The pens of the lines in a script: { colour, dash, mark }.
local function pens(figure)
  local list = {}
  for how in figure:script():gmatch "using 1:2 with ([^\n]*)" do
    list[#list + 1] = { how:match "lc rgb '([^']*)'", how:match " dt (%d+)", how:match " pt (%d+)" or "none" }
  end
  return list
end

local function distinct(list, first, last)
  local seen, count = {}, 0
  for _, pen in ipairs(list) do
    local key = table.concat(pen, " ", first, last)
    count, seen[key] = count + (seen[key] and 0 or 1), true
  end
  return count
end

function TestPlotLooks:test_twenty_lines()
  for _, name in ipairs { "print", "grey" } do
    local figure = plot.figure { theme = name }
    for k = 1, 20 do figure:line({ k, k + 1 }) end
    local list = pens(figure)
    lu.assertEquals(#list, 20)
    lu.assertEquals(distinct(list, 1, 3), 20)
    lu.assertEquals(distinct(list, 2, 3), 20) -- without the colour
    for k = 2, 20 do
      lu.assertNotEquals(list[k][1], list[k - 1][1])
      lu.assertNotEquals(list[k][2], list[k - 1][2])
    end
  end
end

-- What is too small for its letters is refused with what it takes, which is taken.
function TestPlotLooks:test_no_room()
  for key, options in pairs { width = { width = 100, font_size = 20 },
    height = { height = 100, size = "slide" } } do
    local figure = two_lines(options)
    local ok, message = pcall(saved, figure, ".svg")
    lu.assertFalse(ok)
    lu.assertStrContains(message, ("figure:save: %s: 100 is too little for what is drawn: take "):format(key))
    options[key] = tonumber(message:match "take (%d+) or more")
    saved(two_lines(options), ".svg")
  end
end

-- Numbers that gnuplot takes for 0 are seen, as a line there.
function TestPlotLooks:test_denormals()
  lu.assertStrContains(plot.figure():line({ 1e-310, 2e-310 }):script(), "set yrange [-1:1]")
end

-- A figure whose height is free has room for its whole legend.
function TestPlotLooks:test_long_legend()
  local figure = plot.figure { size = "column" }
  for k = 1, 20 do figure:line({ k, k + 1 }, { label = "Wide-ResNet number " .. k }) end
  local script = figure:script()
  lu.assertStrContains(script, "'Wide-ResNet number 20'")
  lu.assertNotStrContains(script, " more'")
end

-- Names that would be cut to the same words show what tells them apart.
function TestPlotLooks:test_names_that_begin_alike()
  local figure, named = plot.figure { size = "column" }, { at = { 1, 2, 3 }, words = {} }
  for i, last in ipairs { "one", "two", "three" } do named.words[i] = "A very long class name, " .. last end
  figure:bars({ 1, 2, 3 }).xtics, figure[1].ytics = named, named
  local script = figure:script()
  for _, last in ipairs { "one", "two", "three" } do
    lu.assertEquals(select(2, script:gsub("'…" .. last .. "'", "")), 2)
  end
end

-- The curves of twenty models differ.
function TestPlotLooks:test_twenty_models()
  local models, counts = {}, {}
  for k = 1, 20 do
    models[k] = "m" .. k
    counts[models[k]] = { { robust = k, rejected = 0, correct = k, evaded = 0, wrong = 0, failed = 0 } }
  end
  local security = { models = models, dmax = { 0 }, counts = counts, n = 20 }
  local drawn = { script = function() return plot.script("security", security) end }
  lu.assertEquals(distinct(pens(drawn), 1, 3), 20)
end

TestPlotTics = {}

-- What stands at the tics from low to high of an axis of so many units.
local function labels(low, high, length, options)
  local look = options or {}
  local place = axes.scale({ low, high, log = look.log }, length)
  look.size, look.fits = 14.67, function(list) return tics.apart(list, place, 14.67) end
  local texts = {}
  for i, lines in ipairs(tics.of_numbers(low, high, look).texts) do
    local text = {}
    for k, atom in ipairs(lines[1]) do text[k] = atom.text end
    texts[i] = table.concat(text)
  end
  return table.concat(texts, " ")
end

function TestPlotTics:test_as_many_as_have_room()
  lu.assertEquals(labels(0, 1, 400), "0 0.2 0.4 0.6 0.8 1")
  lu.assertEquals(labels(0, 1, 100), "0 0.5 1")
  lu.assertEquals(labels(0, 100000, 300), "0 50000 100000")
  lu.assertEquals(labels(0, 3e-5, 300), "0 1e-05 2e-05 3e-05")
  lu.assertEquals(labels(0, 4, 500, { whole = true }), "0 1 2 3 4")
  lu.assertEquals(labels(0, 2, 1000, { whole = true }), "0 1 2")
  -- numbers that differ late are told apart
  lu.assertEquals(labels(1000000, 1000000.4, 300), "1000000 1000000.2 1000000.4")
  lu.assertEquals(labels(1, 1e6, 600, { log = true }), "1 10 100 1000 10000 100000 1e+06")
  lu.assertEquals(labels(5, 4, 400), labels(4, 5, 400))
end

-- Ten names below a narrow axis touch each other neither as they are nor turned.
function TestPlotTics:test_names()
  local figure = plot.figure { width = 336, height = 300 }
  local names = {}
  for k = 1, 30 do names[k] = "class " .. k end
  figure:bars(names, names.y or array.ones(30))
  figure:script()
  local drawn = figure[1].drawn
  local width = figure[1].box.right - figure[1].box.left
  lu.assertNotEquals(drawn.turned, 0)
  lu.assertTrue(tics.spacing(drawn.xtics, function(v) return width * v / 30 end) >= 14)
end

TestPlotFormulas = {}

function TestPlotFormulas:test_plain_and_enhanced()
  for text, expected in pairs {
    ["$\\epsilon_2$"] = { "ε₂", "'ε_{2}'", "'$\\epsilon_{2}$'" },
    ["$x_{adv}$"] = { "x_adv", "'{/:Italic x}_{{/:Italic adv}}'", "'$x_{adv}$'" },
    ["at $10^{-3}$, 50 %"] = { "at 10⁻³, 50 %", "'at 10^{−3}, 50 %'", "'at $10^{-3}$, 50 \\%'" },
    ["$\\ell_\\infty$ norm"] = { "ℓ_∞ norm", "'ℓ_{∞} norm'", "'$\\ell_{\\infty}$ norm'" },
    ["$a_i^2$"] = { "aᵢ²", "'{/:Italic a}@_{{/:Italic i}}^{2}'", "'$a_{i}^{2}$'" },
    ["$\\mathrm{adv}$"] = { "adv", "'adv'", "'$\\mathrm{adv}$'" },
    -- cairo would show both backslashes of a text that has nothing else
    ["a\\b"] = { "a\\b", "'a{\\\\}b'", "'a\\textbackslash{}b'" },
  } do
    lu.assertEquals(words.plain(text), expected[1])
    lu.assertEquals(words.quote(text, "enhanced"), expected[2])
    lu.assertEquals(words.quote(text, "latex"), expected[3])
  end
end

-- What is no formula stays as it is: names, prices, what is not known or not closed.
function TestPlotFormulas:test_others_are_literal()
  for _, text in ipairs { "pgd_exp", "relu_4^2", "$", "$$", "$5 and $6", "a $b", "$\\nonesuch$", "$a_$",
    "${$", "$$a$$", "$x$5" } do
    lu.assertEquals(words.plain(text), text)
    lu.assertFalse(words.has_formula(text))
  end
end

function TestPlotFormulas:test_widths()
  lu.assertAlmostEquals(words.width("runner-up 8", 14), 83, 1)
  lu.assertEquals(words.width("漢漢", 10), 2 * words.width("漢", 10))
  lu.assertTrue(words.width("漢", 10) >= 10)
  lu.assertEquals(words.width("e\u{301}", 10), words.width("e", 10))
  lu.assertAlmostEquals(words.width("$x_x$", 10), 1.8 * words.width("x", 10), 1e-9)
  lu.assertTrue(words.width("MW", 10, true) > words.width("MW", 10))
end

TestPlotLatex = {}

function TestPlotLatex:setUp()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
  lu.skipIf(not gnuplot.terminals():find(" tikz ", 1, true), "this gnuplot has no tikz")
end

local HOSTILE = [[a_b & 50 % #1 {x} ~ ^ \input{c} $]]

-- A file for \input; where there is a pdflatex it compiles.
function TestPlotLatex:test_tikz()
  local figure = two_lines { size = "column", title = HOSTILE }
  figure[1].ylabel = "$\\epsilon_2$ 漢"
  figure[1].xlabel = [[$50%$ of $x#y&z~é_1_2'^2$, $\mathrm{max}\sqrt\alpha x$]]
  local tex = saved(figure, ".tex")
  lu.assertStrContains(tex, [[{a\_b \& 50 \% \#1 \{x\} \textasciitilde{} \textasciicircum{}]])
  lu.assertStrContains(tex, [[$\epsilon_{2}$ ]])
  -- every sign that LaTeX would take for its own
  lu.assertStrContains(tex, [[$50\mbox{\%}$ of $x\mbox{\#}y\mbox{\&}z\mbox{\textasciitilde{}}]]
    .. [[\mbox{é}_{1}{}_{2}{}^{\prime}^{2}$, $\max\surd\alpha x$]])
  lu.assertStrContains(tex, "\\begin{tikzpicture}")
  lu.assertNotStrContains(tex, "\\input{c}")
  if not os.execute "command -v pdflatex >/dev/null" then return end
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. folder)
  figure:save(folder .. "/figure.tex")
  local file = assert(io.open(folder .. "/all.tex", "w"))
  file:write "\\documentclass{article}\n\\usepackage{tikz}\n\\begin{document}\\input{figure}\\end{document}\n"
  file:close()
  local made = os.execute(("cd %s && pdflatex -interaction=nonstopmode all.tex >/dev/null"):format(folder))
  os.execute("rm -r " .. folder)
  lu.assertTrue(made)
end

function TestPlotLatex:test_images()
  local tex = saved(plot.figure():image { { 0, 1 }, { 1, 0 } }, ".tex")
  lu.assertEquals(select(2, tex:gsub("\n\\gpfill{rgb color", "")), 4)
  lu.assertErrorMsgContains("more than the 20000 that LaTeX takes: write .pdf", function()
    saved(plot.figure():image(array.zeros(200, 200)), ".tex")
  end)
end
