-- Every recipe at four sizes with names of 3 to 80 letters, as a browser shows it: no text touches another,
-- leaves the picture, lies on what is drawn or is too small to read; a falling line falls.

local lu = require "luaunit"
local boxes = dofile "tests/lua/boxes.lua"
local gnuplot = require("perigee.native").gnuplot

local LETTERS = { 3, 12, 35, 80 }
local SIZES = { "column", "page", "slide", "default" }
-- Letters of a printed page are not smaller.
local LEAST_POINTS = 6
-- Words on one line are so many units apart at least.
local GAP = 2

-- The i-th name of so many letters; names differ at their beginning.
local function name(i, letters)
  local text = ("%d Wide-ResNet-28-10, adversarially trained (AugMix); WIDE "):format(i):rep(3)
  return (text:sub(1, letters):gsub("%s$", "."))
end

local function names(count, letters)
  local list = {}
  for i = 1, count do list[i] = name(i, letters) end
  return list
end

-- ---- What is drawn ---------------------------------------------------------------------------------

-- A net whose layers have such names, a DNR on it and an attack; of 4 × 4 pixels.
local function models_of(letters)
  local n = names(6, math.min(letters, 63)) -- the most that a layer's name has
  for i, word in ipairs(n) do n[i] = "L" .. word:gsub("%W", "_"):sub(1, -2) end
  local net = nn.new {
    input = { 1, 4, 4 }, classes = { 0, 1 }, seed = 1,
    nn.conv2d { out = 12, kernel = 3, name = n[1] }, nn.relu { name = n[2] }, nn.flatten { name = n[3] },
    nn.linear { out = 8, name = n[4] }, nn.relu { name = n[5] }, nn.linear { out = 2, name = n[6] },
  }
  local x = array.rand(40, 4, 4, { seed = 2 })
  local ds = data.new { x = x, y = x:reshape(40, 16):mean(2):gt(0.5) }
  nn.train(net, ds, { epochs = 2, batch = 10, lr = 0.1, seed = 1 })
  local defence = dnr.new {
    net = net, layers = { n[2], n[5] },
    layer_classifier = svm.new { kernel = svm.rbf(0.1), C = 10 },
    combiner = svm.new { kernel = svm.rbf(1) },
  }
  defence:fit(ds, { seed = 1 })
  defence.threshold = defence:threshold_for(0.1, ds)
  local pgd = attack.pgd_exp { model = defence, norm = "l2", dmax = 1, max_iter = 8 }
  return { net = net, ds = ds, defence = defence, result = pgd:run(ds:slice(1, 3)) }
end

-- Curves of four models; of the third a point is masked.
local function security_of(letters)
  local models, counts, noise, flat = names(4, letters), {}, {}, {}
  for i, model in ipairs(models) do
    counts[model], noise[model], flat[model] = {}, {}, {}
    for k = 1, 5 do
      local held = math.max(0, 90 - 10 * i * (k - 1))
      counts[model][k] = { correct = held // 2, rejected = held - held // 2, evaded = 100 - held,
        robust = held, wrong = 0, failed = 0 }
      noise[model][k] = { correct = 95, rejected = 0, evaded = 5, robust = 95, wrong = 0, failed = 0 }
      flat[model][k] = i == 3 and k == 3 and 80 or 0
    end
  end
  return { models = models, counts = counts, noise = noise, flat = flat, dmax = { 0, 0.5, 1, 1.5, 2 },
    n = 100, norm = "l2", attack = name(9, letters) }
end

-- An attack that makes so many of ten samples evade.
local function judged(evaded)
  local model = { classes = { 0, 1 }, rejects = false }
  function model.scores(_, x) return array.stack({ -x:slice(nil, 1), x:slice(nil, 1) }, 2) end
  return attack.judge { model = model, x0 = array.zeros(10, 1) - 1, y = array.zeros(10, { dtype = "i32" }),
    x_adv = (array.arange(10):lt(evaded) * 2 - 1):reshape(10, 1), norm = "l2", dmax = 2, lower = -1,
    upper = 1 }
end

local function comparison_of(letters)
  local results = {}
  for i = 1, 3 do
    results[name(i, letters)] = {}
    for k = 4, 6 do results[name(i, letters)][name(k, letters)] = judged(2 * i + k - 5) end
  end
  return results
end

local function ranking_of(letters)
  local curves = {}
  for i = 1, 4 do curves[name(i, letters)] = metrics.roc({ 1, 2, 3, 4 }, { i // 2 % 2, 0, 1, 1 }) end
  return curves
end

-- Two features, an SVM that rejects, an attack on its way.
local function plane()
  local x = array.rand(40, 2, { seed = 1 })
  local ds = data.new { x = x, y = x:slice(nil, { 1, 1 }):reshape(40):gt(0.5) }
  local nr = reject.new { model = svm.new { kernel = svm.rbf(5), C = 1 }:fit(ds) }
  nr.threshold = nr:threshold_for(0.2, ds)
  local pgd = attack.pgd { model = nr, norm = "l2", dmax = 0.3, max_iter = 5, iterates = true }
  return { model = nr, data = ds, result = pgd:run(ds[1]) }
end

local function history()
  local list = {}
  for k = 1, 12 do
    list[k] = { loss = 2 / k, accuracy = 1 - 0.9 / k, val_loss = 2.2 / k, val_accuracy = 1 - 1 / k }
  end
  return list
end

-- A falling line and what stands around it.
local function falling(letters, options, legend)
  local f = plot.figure(options)
  local x = array.linspace(0, 1, 20)
  for i = 1, 3 do f[1]:line(x, 1 - x / i, { label = name(i, letters), point = "circle" }) end
  f[1]:set { title = name(4, letters), xlabel = name(5, letters), ylabel = name(6, letters), legend = legend }
  return f
end

-- Four panels of the other words of plot.figure.
local function words(letters, options)
  options.rows, options.columns = 2, 2
  local f = plot.figure(options)
  for i = 1, 4 do
    f[i]:set { title = name(i, letters), xlabel = name(5, letters), ylabel = name(6, letters) }
  end
  f[1]:bars(names(5, letters), { 1, 2, 3, 2, 1 })
  local z = array.rand(5, 5, { seed = 1 })
  f[2]:heatmap(z, { label = name(7, letters) }):contour(z, { levels = 2 })
  f[3]:histogram(z, { bins = 5, label = name(8, letters) })
  f[3]:errorbars({ 0.2, 0.6 }, { 2, 3 }, { 1, 1 }, { label = name(9, letters) })
  f[4]:line({ 1, 2, 3 }, { 1e5, 1e-5, 1 }, { label = name(1, letters) })
  f[4]:band({ 1, 2, 3 }, { 1e4, 1e-6, 1e-1 }, { 1e6, 1e-4, 1e1 })
  f[4].logy, f[4].legend = true, "right"
  return f
end

-- What does not depend on the letters, built once.
local shared

-- { recipe, subject, options, notes = patterns of texts that stand on what is drawn }. A recipe that is a
-- function makes a figure.
local function cases_of(letters)
  shared = shared or { plane = plane(), history = history(),
    confusion = metrics.confusion({ 0, 1, 1, -1, 2, 3, 0 }, { 0, 1, 0, 1, 2, 3, 3 }) }
  local m, p = models_of(letters), shared.plane
  local classes = { [0] = name(1, letters), name(2, letters), name(3, letters), name(4, letters) }
  return {
    { "attack", m.result, { index = 1, names = classes } },
    { "attack", m.result, { index = 1, layers = m.defence } },
    { "attack", m.result, { count = 2, perturbation = true } },
    { "attacks", m.result, { names = classes } },
    { "security", security_of(letters), {} },
    { "roc", ranking_of(letters), {} },
    { "compare", comparison_of(letters), {} },
    { "compare", comparison_of(letters), { kind = "map" } },
    { "confusion", shared.confusion, { names = classes } },
    { "decision", p.model, { data = p.data, result = p.result, grid = 12, ball = true, names = classes } },
    { "filters", m.net, {} },
    { "activations", m.net, { data = m.ds[1] } },
    { "images", m.ds, { count = 6, captions = names(6, letters) }, notes = { "" } },
    { "loss", shared.history, {} },
    { "model", m.net, {} },
    { "model", m.defence, {} },
    { "reject", m.defence, { data = m.ds, adversarial = m.result } },
    { "scores", m.result, {} },
    { function(options) return falling(letters, options) end, falls = true },
    { function(options) return falling(letters, options, "right") end, falls = true },
    { function(options) return words(letters, options) end },
  }
end

-- The script that draws a case at a size into the file.
local function script_of(case, letters, size, file)
  local options = { title = name(8, letters), size = size ~= "default" and size or nil }
  if type(case[1]) == "function" then return case[1](options):script { file = file } end
  for key, value in pairs(case[3]) do options[key] = value end
  options.file = file
  return plot.script(case[1], case[2], options)
end

-- ---- What is wrong with it ---------------------------------------------------------------------------

local function is_note(case, words_)
  for _, pattern in ipairs(case.notes or {}) do
    if words_:find(pattern) then return true end
  end
  return false
end

local function faults_of(picture)
  local faults = {}
  local function fault(...) faults[#faults + 1] = picture.name .. ": " .. string.format(...) end
  for i, text in ipairs(picture.texts) do
    if text.x1 < 0 or text.y1 < 0 or text.x2 > picture.width or text.y2 > picture.height then
      fault("%q leaves the picture", text.words)
    end
    if text.on and not is_note(picture.case, text.words) then fault("%q is on what is drawn", text.words) end
    local points = 0.75 * text.size
    if points < LEAST_POINTS then fault("%q has letters of %.3g points", text.words, points) end
    for k = 1, i - 1 do
      local other = picture.texts[k]
      if boxes.touch(text, other, GAP) then fault("%q touches %q", text.words, other.words) end
    end
  end
  if picture.case.falls then
    local x1, y1, x2, y2 = boxes.curve(picture.svg)
    if x2 < x1 + 60 or y2 < y1 + 40 then fault("the line goes from %g, %g to %g, %g", x1, y1, x2, y2) end
  end
  return faults
end

-- ---- Drawing -----------------------------------------------------------------------------------------

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- What is to be drawn, of every size, and the scripts that do it.
local function list_of(folder)
  local list, scripts = {}, {}
  local function add(case, letters, file)
    for _, size in ipairs(SIZES) do
      local picture = { case = case, file = ("%s/%s-%d-%s.svg"):format(folder, file, letters, size),
        name = ("%s, %s, names of %d letters"):format(
          type(case[1]) == "string" and "plot." .. case[1] or "plot.figure", size, letters) }
      list[#list + 1] = picture
      scripts[#scripts + 1] = script_of(case, letters, size, picture.file)
    end
  end
  for _, letters in ipairs(LETTERS) do
    for k, case in ipairs(cases_of(letters)) do add(case, letters, k) end
  end
  for _, legend in ipairs { true, "right" } do
    add({ function(options) return falling(120, options, legend) end, falls = true }, 120, tostring(legend))
  end
  return list, scripts
end

-- A picture in which everything is wrong: what is said of it tells that the test can see.
local BAD = [[
<svg width="100" height="50" xmlns="http://www.w3.org/2000/svg">
<path stroke='black' d='M0.00,20.00 L100.00,20.00 '/>
<g transform="translate(10.00,24.00)" font-family="Arial" font-size="12.00"><text>struck</text></g>
<g transform="translate(40.00,26.00)" font-family="Arial" font-size="12.00"><text>touched</text></g>
<g transform="translate(95.00,45.00)" font-family="Arial" font-size="7.00"><text>outside</text></g>
</svg>]]

local BAD_FAULTS = {
  'bad: "struck" is on what is drawn', 'bad: "touched" is on what is drawn',
  'bad: "touched" touches "struck"',
  'bad: "outside" leaves the picture', 'bad: "outside" has letters of 5.25 points',
}

-- All pictures, drawn once by one gnuplot, in a folder that goes with the program; or in the one that
-- PERIGEE_TEST_PICTURES names, where they can be looked at, with the faults.
local drawn
local kept = os.getenv "PERIGEE_TEST_PICTURES"

local function pictures()
  if drawn then return drawn end
  local folder = kept or os.tmpname()
  os.remove(folder)
  assert(os.execute(("mkdir -p '%s'"):format(folder)))
  local list, scripts = list_of(folder)
  write(folder .. "/all.gp", table.concat(scripts))
  lu.assertTrue(os.execute(("gnuplot '%s/all.gp' 2> '%s/gnuplot.err'"):format(folder, folder)))
  for _, picture in ipairs(list) do
    picture.svg = read(picture.file):gsub(':Bold"', '" font-weight="bold"') -- as a file has it (output.lua)
  end
  list[#list + 1] = { case = {}, name = "bad", svg = BAD }
  drawn = setmetatable({ list = list, folder = folder }, {
    __gc = function() return kept or os.execute(("rm -rf '%s'"):format(folder)) end,
  })
  return drawn
end

-- What is wrong with them, in a browser that is started with these words before it.
local function faults(environment)
  local all, svgs, found = pictures(), {}, {}
  for i, picture in ipairs(all.list) do svgs[i] = picture.svg end
  for i, measured in ipairs(boxes.measure(svgs, all.folder, environment)) do
    local picture = all.list[i]
    picture.width, picture.height, picture.texts = measured.width, measured.height, measured.texts
    table.move(faults_of(picture), 1, 10000, #found + 1, found)
  end
  return found
end

local function check(environment)
  local found, expected = faults(environment), #BAD_FAULTS
  if kept then write(kept .. "/faults", table.concat(found, "\n") .. "\n") end
  lu.assertEquals(table.move(found, #found - expected + 1, #found, 1, {}), BAD_FAULTS)
  local first = table.concat(found, "\n", 1, math.min(20, #found - expected))
  lu.assertEquals(#found - expected, 0, first)
end

TestPlotBoxes = {}

function TestPlotBoxes:setUp()
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
  lu.skipIf(not boxes.browser(), "no Chromium is installed")
end

function TestPlotBoxes:test_as_installed()
  check()
end

-- DejaVu's letters are wider than those of Arial: what fits in one of them may not in the other.
function TestPlotBoxes:test_with_dejavu_alone()
  local fonts = "/usr/share/fonts/truetype/dejavu"
  lu.skipIf(not os.execute(("test -f %s/DejaVuSans.ttf"):format(fonts)), "these fonts are not installed")
  lu.skipIf(boxes.font():find "^DejaVu", "no others are installed")
  local all = pictures()
  write(all.folder .. "/fonts.conf", ([[
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>%s</dir><cachedir>%s/cache</cachedir>
<alias binding="same"><family>Arial</family><prefer><family>DejaVu Sans</family></prefer></alias>
<match target="pattern"><edit name="hintstyle" mode="append"><const>hintslight</const></edit></match>
</fontconfig>]]):format(fonts, all.folder))
  check(("FONTCONFIG_FILE='%s/fonts.conf'"):format(all.folder))
end
