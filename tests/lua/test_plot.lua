-- plot: recipes to files of each kind, odd text, odd values, a missing gnuplot.

local lu = require "luaunit"
local gnuplot = require("perigee.native").gnuplot

local perigee_program = os.getenv("PERIGEE")
local made = {}

-- A name in the folder for temporary files, removed after the test.
local function scratch(ending)
  local name = os.tmpname()
  made[#made + 1] = name
  made[#made + 1] = name .. ending
  return name .. ending
end

local function remove_scratch()
  for _, name in ipairs(made) do os.remove(name) end
  made = {}
end

local function read(file)
  local f = assert(io.open(file, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

local function write(file, text)
  local f = assert(io.open(file, "wb"))
  f:write(text)
  f:close()
end

local function exists(file)
  local f = io.open(file, "rb")
  if f then f:close() end
  return f ~= nil
end

local function png_size(file)
  local head = read(file)
  lu.assertEquals(head:sub(1, 8), "\x89PNG\r\n\x1a\n")
  local w, h = string.unpack(">I4I4", head, 17)
  return w, h, #head
end

local function need_gnuplot()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

-- The result of an attack on one 0, as the attacks make it. `change` replaces fields.
local function result(change)
  local x0, x_adv, loss, trace = {}, {}, {}, {}
  for i = 1, 784 do
    x0[i] = i % 29 / 28
    x_adv[i] = i % 31 / 30
  end
  for i = 1, 12 do
    loss[i] = 1 / i - 0.2
    trace[i] = { 1 - 0.1 * i, -0.5, 0, 0.1 * i, -0.3 }
  end
  local r = {
    y = array.new({ 0 }, { dtype = "i32" }), label = array.new({ 3 }, { dtype = "i32" }),
    start_label = array.new({ 0 }, { dtype = "i32" }), distance = array.new({ 1.5 }),
    x0 = array.new { x0 }, x_adv = array.new { x_adv }, loss = { array.new(loss) },
    trace = { array.new(trace) }, classes = { 0, 1, 2, 3 }, rejects = true,
    verdict = { "evaded" }, start_verdict = { "correct" }, shape = { 1, 28, 28 },
    params = { norm = "l2", dmax = 2 },
  }
  for key, value in pairs(change or {}) do r[key] = value end
  return r
end

local function attack_svg(change, options)
  local file = scratch(".svg")
  options = options or {}
  options.file = file
  lu.assertEquals(plot.attack(result(change), options), file)
  return read(file)
end

TestPlotAttack = {}

function TestPlotAttack:setUp() need_gnuplot() end
function TestPlotAttack:tearDown() remove_scratch() end

function TestPlotAttack:test_png()
  local file = scratch(".png")
  lu.assertEquals(plot.attack(result(), { file = file }), file)
  local w, h, bytes = png_size(file)
  lu.assertEquals({ w, h }, { 1520, 1260 })
  lu.assertTrue(bytes > 20000)
  plot.attack(result(), { file = file, width = 400, height = 350, scale = 1 })
  lu.assertEquals({ png_size(file) }, { 400, 350, #read(file) })
end

function TestPlotAttack:test_pdf()
  local file = scratch(".pdf")
  plot.attack(result(), { file = file })
  local text = read(file)
  lu.assertEquals(text:sub(1, 5), "%PDF-")
  lu.assertTrue(text:find("%%EOF", 1, true) ~= nil)
end

function TestPlotAttack:test_panels()
  local svg = attack_svg()
  for _, words in ipairs { "attack loss", "answer -0.1167", "softmax confidence", "true 0",
    "predicted 3", "reject", "original: true 0", "adversarial: 3 (accepted)",
    "l2 distance 1.500  (dmax 2)", "iteration" } do
    lu.assertStrContains(svg, ">" .. words .. "<")
  end
  lu.assertStrContains(attack_svg { dmax = array.new { 3.5 }, params = { norm = "l2", dmax = "per sample" } },
    ">l2 distance 1.500  (dmax 3.5)<")
  -- Both digits, a square a pixel, and the curves.
  lu.assertEquals(count(svg, "<polygon fill = "), 2 * 784)
end

function TestPlotAttack:test_verdicts()
  local svg = attack_svg { label = { 0 }, verdict = { "correct" } }
  lu.assertStrContains(svg, "adversarial: still 0 (accepted)")
  lu.assertStrContains(svg, "runner-up 3")
  svg = attack_svg { label = { -1 }, verdict = { "rejected" }, start_label = { 2 } }
  lu.assertStrContains(svg, "adversarial: rejected")
  lu.assertStrContains(svg, "original: true 0 (predicted 2)")
  svg = attack_svg { start_label = { -1 } }
  lu.assertStrContains(svg, "original: true 0 (rejected)")
end

function TestPlotAttack:test_no_reject_class()
  local never = { { 1, 0, 0, 0, -math.huge }, { 0, 0, 0, 1, -math.huge } }
  lu.assertNotStrContains(attack_svg { trace = { never } }, ">reject<")
  lu.assertNotStrContains(attack_svg { trace = { { { 1, 0, 0, 0 } } }, rejects = false }, ">reject<")
end

function TestPlotAttack:test_one_iterate()
  local svg = attack_svg { loss = { { 0.25 } }, trace = { { { 1, 0, 0, 0, 0 } } } }
  lu.assertStrContains(svg, "answer 0.25")
end

function TestPlotAttack:test_not_finite()
  local nan = 0 / 0
  local svg = attack_svg { loss = { { nan, nan } }, distance = { nan },
    trace = { { { nan, nan, nan, nan, nan }, { nan, nan, nan, nan, nan } } } }
  lu.assertStrContains(svg, "no finite values")
  lu.assertNotStrContains(svg, ">answer")
  svg = attack_svg { loss = { { 1, nan, 0.5, math.huge, -math.huge, 0.125 } } }
  lu.assertStrContains(svg, "answer 0.125")
end

function TestPlotAttack:test_not_an_image()
  local svg = attack_svg { shape = { 3 }, x0 = { { 0.5, -1, 2 } }, x_adv = { { 0, 0, 1 } } }
  lu.assertStrContains(svg, ">feature<")
end

function TestPlotAttack:test_colour_image()
  local x = {}
  for i = 1, 3 * 64 do x[i] = i / 192 end
  local svg = attack_svg { shape = { 3, 8, 8 }, x0 = { x }, x_adv = { x } }
  lu.assertTrue(count(svg, "<image") + count(svg, "<polygon fill = ") > 0)
end

function TestPlotAttack:test_index()
  local two = result { y = { 0, 1 }, label = { 3, 2 }, start_label = { 0, 1 },
    distance = { 1, 2 }, verdict = { "evaded", "evaded" } }
  for _, name in ipairs { "x0", "x_adv", "loss", "trace" } do
    two[name] = { two[name][1], two[name][1] }
  end
  local file = scratch(".svg")
  plot.attack(two, { file = file, index = 2 })
  lu.assertStrContains(read(file), "adversarial: 2 (accepted)")
  lu.assertErrorMsgContains("plot.attack: index: expected a number from 1 to 2, got 3",
    plot.attack, two, { file = file, index = 3 })
end

function TestPlotAttack:test_text()
  local title = "a_b^c {x} \"q\" 's' @m $1 `touch /tmp/perigee-shell` é\nline <&> \xff\tend"
  local svg = attack_svg(nil, { title = title })
  lu.assertStrContains(svg, "a_b^c {x} \"q\" 's' @m $1 `touch /tmp/perigee-shell` é")
  lu.assertStrContains(svg, "line &lt;&amp;> \\xff end")
  lu.assertFalse(exists("/tmp/perigee-shell"))
end

TestPlotImages = {}

function TestPlotImages:setUp() need_gnuplot() end
function TestPlotImages:tearDown() remove_scratch() end

function TestPlotImages:test_array()
  local file = scratch(".png")
  lu.assertEquals(plot.images(array.zeros { 7, 784 }, { file = file, columns = 4 }), file)
  -- 4 columns and 2 rows of 28 pixels with a gap of one around, three units a pixel.
  lu.assertEquals({ png_size(file) },
    { (3 * (4 * 29 + 1) + 16) * 2, (3 * (2 * 29 + 1) + 16) * 2, #read(file) })
  lu.assertEquals(plot.images(array.zeros { 2, 3, 8, 8 }, { file = file }), file)
end

function TestPlotImages:test_captions()
  local file = scratch(".svg")
  local sample = {}
  for i = 1, 64 do sample[i] = i / 64 end
  plot.images({ sample, sample, sample }, { file = file, captions = { "one", 2, "a_b" } })
  local svg = read(file)
  for _, words in ipairs { "one", "2", "a_b" } do lu.assertStrContains(svg, ">" .. words .. "<") end
end

function TestPlotImages:test_dataset()
  lu.skipIf(not rawget(_G, "data") or not data.new, "no datasets yet")
  local ds = data.new { x = array.zeros { 3, 784 }, y = array.new({ 4, 5, 6 }, { dtype = "i32" }),
    shape = { 28, 28 } }
  local file = scratch(".svg")
  plot.images(ds, { file = file })
  local svg = read(file)
  for _, words in ipairs { "4", "5", "6" } do lu.assertStrContains(svg, ">" .. words .. "<") end
  plot.images(ds:with { names = { [5] = "boot" } }, { file = file })
  svg = read(file)
  for _, words in ipairs { "4", "boot", "6" } do lu.assertStrContains(svg, ">" .. words .. "<") end
  plot.images(ds, { file = file, captions = false })
  lu.assertNotStrContains(read(file), ">5<")
end

function TestPlotImages:test_refusals()
  lu.assertErrorMsgContains("plot.images: samples of 5 features are not images", plot.images,
    array.zeros { 2, 5 }, { file = scratch(".png") })
  lu.assertErrorMsgContains("plot.images: expected samples, got an empty list", plot.images, {})
  lu.assertErrorMsgContains("plot.images: x: expected a dataset, an array or a list, got 3",
    plot.images, 3)
end

TestPlotCurves = {}

function TestPlotCurves:setUp() need_gnuplot() end
function TestPlotCurves:tearDown() remove_scratch() end

function TestPlotCurves:test_loss_of_lists()
  local file = scratch(".svg")
  plot.loss({ epochs = 3, loss = { 3, 2, 1 }, accuracy = { 0.5, 0.7, 0.8 }, lr = { 1, 1, 1 },
    validation_loss = { 3, 2.5, 2 }, validation_accuracy = { 0.4, 0.5, 0.6 } }, { file = file })
  local svg = read(file)
  for _, words in ipairs { "loss", "accuracy", "epoch", "training", "validation" } do
    lu.assertStrContains(svg, ">" .. words .. "<")
  end
end

function TestPlotCurves:test_loss_of_epochs()
  local file = scratch(".svg")
  plot.loss({ { loss = 2, accuracy = 0.1 }, { loss = 1, accuracy = 0.9 } }, { file = file })
  lu.assertStrContains(read(file), ">accuracy<")
  plot.loss({ 3, 2, 1 }, { file = file, title = "only a loss" })
  local svg = read(file)
  lu.assertStrContains(svg, "only a loss")
  lu.assertNotStrContains(svg, ">accuracy<")
  lu.assertErrorMsgContains("plot.loss: history: no loss and no accuracy", plot.loss, {})
end

local function curves()
  local c = { models = { "cnn", "DNR_x" }, dmax = { 0, 1, 2 }, n = 10, counts = {}, noise = {} }
  for _, name in ipairs(c.models) do
    c.counts[name], c.noise[name] = {}, {}
    for k = 1, 3 do
      c.counts[name][k] = { correct = 9 - 2 * k, rejected = k, wrong = 1, evaded = k, robust = 8 - k }
      c.noise[name][k] = { correct = 8, rejected = 1, wrong = 1, evaded = 0, robust = 8 }
    end
  end
  return c
end

function TestPlotCurves:test_security()
  local file = scratch(".svg")
  plot.security(curves(), { file = file })
  local svg = read(file)
  for _, words in ipairs { "robust accuracy with detection", "rejection rate", "dmax", "cnn", "DNR_x",
    "cnn, noise", "DNR_x, noise" } do
    lu.assertStrContains(svg, ">" .. words .. "<")
  end
  plot.security(curves(), { file = file, noise = false })
  lu.assertNotStrContains(read(file), "noise")
end

-- What an interrupted evaluation did not reach is a gap.
function TestPlotCurves:test_security_gap()
  local c = curves()
  c.counts.cnn[3] = nil
  local text = plot.script("security", c, { file = "s.svg" })
  lu.assertStrContains(text, "$p1_1 << EOD\n0 0.7\n1 0.6\n2 NaN\nEOD")
  lu.assertStrContains(text, "$p2_1 << EOD\n0 0.1\n1 0.2\n2 NaN\nEOD")
end

-- What counts as held is a convention, which the axis names.
function TestPlotCurves:test_security_accuracy()
  local function drawn(rejection)
    return plot.script("security", curves(), { file = "s.svg", rejection = rejection })
  end
  lu.assertEquals(drawn(), drawn "detection")
  lu.assertStrContains(drawn(), "$p1_1 << EOD\n0 0.7\n1 0.6\n2 0.5\nEOD")
  lu.assertStrContains(drawn(), "robust accuracy with detection")
  lu.assertStrContains(drawn "paper", "$p1_1 << EOD\n0 0.7\n1 0.7\n2 0.6\nEOD")
  lu.assertStrContains(drawn "paper", "accuracy, as in the paper")
  lu.assertStrContains(drawn "error", "$p1_1 << EOD\n0 0.7\n1 0.5\n2 0.3\nEOD")
  lu.assertErrorMsgContains('rejection: expected "detection", "paper" or "error", got the string "x"',
    drawn, "x")
  local old = curves()
  old.counts.cnn[1].robust = nil
  lu.assertErrorMsgContains('give rejection = "paper"', plot.security, old)
  lu.assertErrorMsgContains("without 'models'", plot.security, {})
end

TestPlotOutput = {}

function TestPlotOutput:setUp() need_gnuplot() end
function TestPlotOutput:tearDown() remove_scratch() end

-- An SVG without the pens' colours: a group that draws nothing keeps the one of the picture before.
local function strokeless(file)
  return (read(file):gsub(' stroke="[^"]*"', ""):gsub("<!%-%- perigee.-%-%->\n", ""))
end

-- A gnuplot of its own runs the script. Where the locale has no UTF-8, gnuplot warns that it cannot
-- say the degree sign; that is between the two of them.
local function run_script(script)
  return io.popen(("LC_ALL=C.UTF-8 '%s' -d '%s' 2>&1"):format(gnuplot.find(), script))
end

-- Every file says what made it, and is as whole as before.
function TestPlotOutput:test_header()
  local header = perigee.header()
  for _, ending in ipairs { ".png", ".svg", ".pdf", ".gp", ".html" } do
    local file = scratch(ending)
    if ending ~= ".pdf" or gnuplot.terminals():find(" pdfcairo ", 1, true) then
      plot.loss({ 3, 2, 1 }, { file = file })
      lu.assertStrContains(read(file), header)
    end
  end
  local images = scratch(".png")
  plot.images(array.rand(2, 28, 28), { file = images })
  lu.assertStrContains(read(images), header)
  local w, h = png_size(images)
  lu.assertTrue(w > 0 and h > 0)
end

-- The script in a gnuplot of its own makes the same picture. (assertEquals would compare such long
-- texts letter by letter for its message.)
function TestPlotOutput:test_script()
  local drawn, again, script = scratch(".svg"), scratch(".svg"), scratch(".gp")
  plot.attack(result(), { file = drawn })
  write(script, plot.script("attack", result(), { file = again }))
  local pipe = run_script(script)
  lu.assertEquals(pipe:read("a"), "")
  pipe:close()
  lu.assertTrue(strokeless(again) == strokeless(drawn))
end

function TestPlotOutput:test_script_file()
  local script = scratch(".gp")
  lu.assertEquals(plot.attack(result(), { file = script }), script)
  lu.assertStrContains(read(script), "set output '" .. script:gsub("%.gp$", ".png") .. "'")
  lu.assertErrorMsgContains("plot.script: name: expected a figure or one of activations, attack, ",
    plot.script, "nonesuch", {})
end

function TestPlotOutput:test_terminal_decides()
  local file = scratch("")
  plot.attack(result(), { file = file, terminal = "svg" })
  lu.assertStrContains(read(file), "</svg>")
end

function TestPlotOutput:test_refusals()
  local function refused(words, options)
    lu.assertErrorMsgContains(words, plot.attack, result(), options)
  end
  refused("file: expected a name that ends in .png, .svg, .pdf, .tex, .html or .gp, got the string \"a.jpg\"",
    { file = "a.jpg" })
  refused("plot.attack: file: expected a string, got 3", { file = 3 })
  refused("terminal: expected window, qt, wxt, x11, text, png, svg, pdf, tex or html, got the string \"gif\"",
    { terminal = "gif" })
  refused("plot.attack: unknown option 'fiel'; did you mean 'file'? (valid: index, count, perturbation",
    { fiel = "a.png" })
  refused("plot.attack: timeout: expected a number from 0.01 to 86400, got -1",
    { file = "a.png", timeout = -1 })
  refused("plot.attack: cannot write /nonexistent/a.png: No such file or directory",
    { file = "/nonexistent/a.png" })
  refused("plot.attack: cannot write /dev/full: a device or pipe, not a file",
    { file = "/dev/full", terminal = "png" })
  refused("plot.attack: cannot write /nonexistent/a.gp", { file = "/nonexistent/a.gp" })
  refused("exclude each other", { file = "a.png", terminal = "window" })
  lu.assertErrorMsgContains("plot.attack: result: expected an attack's result, got nothing",
    plot.attack)
  lu.assertErrorMsgContains("without 'y'", plot.attack, {})
end

-- An error stands at the line of the caller, not inside the recipes.
function TestPlotOutput:test_position()
  local chunk = load("plot.attack({}, {})", "=user")
  local _, message = pcall(chunk)
  lu.assertStrContains(message, "user:1: plot.attack")
end

-- The programs below run in a perigee of their own, in its own environment.

TestPlotProgram = {}

function TestPlotProgram:setUp() lu.skipIf(not perigee_program, "PERIGEE is not set") end
function TestPlotProgram:tearDown() remove_scratch() end

local LOSS = "plot.loss({ 3, 2, 1 }, { %s })"

-- Run code under `environment`; returns all it printed.
local function run(environment, code)
  local script = scratch(".lua")
  write(script, code)
  local pipe = io.popen(('env %s "$PERIGEE" \'%s\' 2>&1'):format(environment, script))
  local text = pipe:read("a")
  return text, select(3, pipe:close())
end

function TestPlotProgram:test_missing_gnuplot()
  local file = scratch(".png")
  local script = file:gsub("%.png$", ".gp")
  made[#made + 1] = script
  local text, status = run("PERIGEE_GNUPLOT=/nonexistent",
    ("print('path', %s) print 'went on'"):format(LOSS:format(("file = %q"):format(file))))
  lu.assertEquals(status, 0)
  lu.assertStrContains(text, "install the package gnuplot-nox (or gnuplot)")
  lu.assertStrContains(text, "path\t" .. script)
  lu.assertStrContains(text, "went on")
  lu.assertFalse(exists(file))
  if not gnuplot.find() then return end
  local pipe = run_script(script)
  lu.assertEquals(pipe:read("a"), "")
  pipe:close()
  lu.assertEquals(png_size(file), 1520 // 2)
end

function TestPlotProgram:test_no_display()
  need_gnuplot()
  local text, status = run("-u DISPLAY -u WAYLAND_DISPLAY", LOSS:format 'terminal = "window"')
  lu.assertEquals(status, 1)
  lu.assertStrContains(text, "plot.loss: there is no display for a window")
end

-- A gnuplot that has a window terminal and notes what it is told.
function TestPlotProgram:test_window()
  local fake, log = scratch(".sh"), scratch(".log")
  write(fake, ([[#!/bin/sh
while IFS= read -r line; do
  echo "$line" >> '%s'
  case "$line" in
  print*GPVAL_TERMINALS*) answer='png qt svg x11';;
  print*GPVAL_VERSION*) answer=5.4.4;;
  *) answer='0|';;
  esac
  case "$line" in
  print*) n=${line#*perigee }; n=${n%%%%>*}; echo "<perigee $n>$answer</perigee $n>";;
  esac
done
]]):format(log))
  os.execute("chmod +x " .. fake)
  local text, status = run("DISPLAY=:99 PERIGEE_GNUPLOT=" .. fake,
    "print(" .. LOSS:format 'terminal = "window"' .. ")")
  lu.assertEquals({ text, status }, { "\n", 0 })
  local told = read(log)
  -- qt has neither, and counts letters in points
  lu.assertStrMatches(told, ".*set terminal qt size %d+,%d+ noenhanced font 'Arial,11' persist\n.*")
  lu.assertStrContains(told, "font ',11'")
  lu.assertStrContains(told, " persist")
  lu.assertNotStrContains(told, "set output '")
end

-- Without being asked a script gets a file, never a window.
function TestPlotProgram:test_script_gets_a_file()
  need_gnuplot()
  local text = run("DISPLAY=:99", "print(" .. LOSS:format 'terminal = "svg", width = 200' .. ")")
  made[#made + 1] = "loss.svg"
  lu.assertEquals(text, "loss.svg\n")
  lu.assertStrContains(read("loss.svg"), "</svg>")
end
