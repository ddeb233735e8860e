-- evaluate.report: what stands on the page, that it is whole, well-formed and alone. How a browser takes it
-- is cli/test_report.sh.
local lu = require "luaunit"

local ds = data.digits(300, { seed = 1, classes = { 1, 4, 7 } })
local clean = data.digits(30, { seed = 2, classes = { 1, 4, 7 } })
local machine = svm.new({ kernel = svm.rbf(0.02), C = 10 }):fit(ds)
local sharp = svm.new({ kernel = svm.rbf(1), C = 10 }):fit(ds) -- whose gradient dies out
local blind = reject.new { model = sharp, threshold = 0 }
blind.threshold = blind:threshold_for(0.1, clean)
local pgd = attack.pgd { norm = "l2", max_iter = 10 }

local NAME = "<b>&\"קו\" ü"
local security = evaluate.security {
  models = { { NAME, machine }, { "blind", blind } }, attacks = { pgd, attack.fgsm { norm = "l2" } },
  data = clean, samples = 12, repeats = 2, dmax = { 0, 1, 4 }, seed = 1, noise = false,
}
local plain = attack.pgd({ model = machine, dmax = 1.5, max_iter = 40 }):run(clean)
local masked = attack.pgd({ model = blind, dmax = 4, max_iter = 20 }):run(clean)

local made = {}

local function scratch()
  made[#made + 1] = os.tmpname()
  return made[#made]
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function page_of(subject, options)
  local path = scratch()
  lu.assertEquals(evaluate.report(subject, path, options), path)
  return read(path)
end

-- A message with a whole page in it takes minutes.
local function has(page, words) lu.assertTrue(page:find(words, 1, true) ~= nil, words) end
local function has_not(page, words) lu.assertNil(page:find(words, 1, true), words) end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

-- Every element is closed by its own end, every attribute is quoted, every & begins an entity.
local function check_markup(page)
  local open, body = {}, page:gsub("<!DOCTYPE html>", "", 1):gsub("<style>.-</style>", "")
  for text, tag in body:gmatch "([^<]*)<([^>]*)>" do
    lu.assertNil(text:gsub("&%a+;", ""):find("&", 1, true), text)
    local ends, name, rest, alone = tag:match "^(/?)(%w+)(.-)(/?)$"
    lu.assertNotNil(name, tag)
    lu.assertEquals(rest:gsub("%s+[%w:-]+%s*=%s*\"[^\"]*\"", ""):gsub("%s+[%w:-]+%s*=%s*'[^']*'", "")
      :gsub("%s", ""), "", tag)
    if ends == "/" then
      lu.assertEquals(table.remove(open), name)
    elseif alone == "" then
      open[#open + 1] = name
    end
  end
  lu.assertEquals(open, {})
end

-- Ids are there once, and what refers to one finds it.
local function check_ids(page)
  local ids, seen = {}, 0
  for _, id in page:gmatch "%sid=(['\"])([^'\"]*)" do
    lu.assertNil(ids[id], id)
    ids[id] = true
  end
  for _, pattern in ipairs { "href=['\"]#([^'\"]*)", "url%(#([^)]*)", "labelledby=\"([^\"]*)" } do
    for id in page:gmatch(pattern) do
      seen = seen + 1
      lu.assertTrue(ids[id], id)
    end
  end
  lu.assertTrue(seen > 0)
end

TestReport = {}

function TestReport:tearDown()
  for _, path in ipairs(made) do os.remove(path) end
  made = {}
end

function TestReport:test_page_is_sound_and_alone()
  local page = page_of({ security, plain, masked, evaluate.diagnose(masked) },
    { title = "a & b", text = "<i>" })
  check_markup(page)
  check_ids(page)
  has(page:sub(1, 15), "<!DOCTYPE html>")
  has(page:sub(-8), "</html>")
  has_not(page, "<script")
  has_not(page, "src=")
  for address in page:gmatch "%a+://[^\"'%s<]*" do lu.assertStrContains(address, "http://www.w3.org/") end
  for address in page:gmatch "href=['\"]([^'\"]*)" do
    lu.assertTrue(address:sub(1, 1) == "#" or address:match "^data:image/png;base64," ~= nil, address)
  end
  has(page, "<title>a &amp; b</title>")
  has(page, "<p dir=\"auto\">&lt;i&gt;</p>")
  lu.assertEquals(count(page, "<h2 "), 4)
  has(page, "<a href=\"#section-4\">")
end

function TestReport:test_the_same_input_gives_the_same_bytes()
  local subjects = { security, masked, evaluate.diagnose(masked) }
  local page = page_of(subjects)
  lu.assertTrue(page_of(subjects) == page)
  local loaded = scratch()
  security:save(loaded)
  lu.assertTrue(page_of { evaluate.load(loaded), masked, evaluate.diagnose(masked) } == page)
  masked:save(loaded)
  lu.assertTrue(page_of { security, perigee.load(loaded), evaluate.diagnose(masked) } == page)
end

function TestReport:test_dates_where_asked()
  local today = os.date "%Y-%m-%d"
  has_not(page_of(plain), today)
  has(page_of(plain, { date = true }), " on <bdi>" .. today .. "</bdi>")
  has(page_of(plain, { date = "<today>" }), " on <bdi>&lt;today&gt;</bdi>")
end

-- The table's numbers are those of security:rows, the shares those of the convention.
function TestReport:test_evaluations()
  local page = page_of(security)
  has(page, "<th class=\"words\" dir=\"auto\" rowspan=\"3\" scope=\"rowgroup\">"
    .. "&lt;b&gt;&amp;&quot;קו&quot; ü</th>")
  has(page, "&lt;b&gt;&amp;&quot;קו&quot; ü, pgd</th>") -- by repeat
  for _, row in ipairs(security:rows()) do
    has(page, ("<td>%g</td><td>24</td><td>%d</td><td>%d</td><td>%d</td><td>%d</td><td>%.3f</td>"
      .. "<td>%.3f–%.3f</td><td>%.1f</td>"):format(row.dmax, row.correct, row.rejected, row.wrong, row.evaded,
      row.accuracy, row.low, row.high, row.queries))
  end
  has(page, ("<td>%.6g</td>"):format(blind.threshold))
  for _, setting in ipairs(security.settings) do
    if setting[1] == "data" then has(page, setting[2]) end
  end
  has(page, "seed 2</th><th scope=\"col\">seed 3</th>")
  local views = security:views()
  has(page, ("<td>4</td><td>%.3f</td><td>%.3f</td>"):format(
    views[1].counts["blind, pgd"][3].robust / 12, views[2].counts["blind, pgd"][3].robust / 12))
  has(page, "perigee 0.1")
  lu.assertEquals(count(page, "<svg "), 1)
end

function TestReport:test_conventions()
  local page = page_of({ security, plain }, { rejection = "error" })
  has(page, "accuracy, rejection an error</th>")
  local row = security:rows()[1]
  for _, one in ipairs(security:rows()) do
    if one.rejected > 0 and one.dmax > 0 then row = one end
  end
  has(page, ("<td>%d</td><td>%.3f</td>"):format(row.evaded, row.correct / 24))
end

function TestReport:test_what_proves_nothing_is_said()
  local page = page_of(security)
  lu.assertStrContains(tostring(security), "masked gradients: blind under pgd at dmax")
  has(page, "these counts prove nothing")
  has(page, "<bdi>blind</bdi> under <bdi>pgd</bdi> at dmax ")
  has(page, ">masked</td>")
  page = page_of(masked)
  local alarm = evaluate.diagnose(masked).alarms.vanished_gradient
  has(page, "Alarms: that samples held proves nothing")
  has(page, ("<b>vanished gradient</b>: %d of %d "):format(alarm.count, alarm.of))
  lu.assertTrue(page:find("Alarms: ", 1, true) < page:find("<figure>", 1, true))
  has(page_of(plain), "No indicator raises an alarm")
end

function TestReport:test_results()
  local counts, page = plain:counts(), page_of(plain)
  has(page, ("evaded</th><td>0</td><td>%d</td><td>%.3f</td>"):format(counts.evaded,
    counts.evaded / 30))
  has(page, "max_iter</th><td class=\"words\" dir=\"auto\">40</td>")
  lu.assertEquals(count(page, "<svg "), 2)
  has(page, "data:image/png;base64,")
  local suite = page_of(attack.ensemble({ attack.pgd { max_iter = 3 },
    attack.ensemble { attack.pgd_exp { max_iter = 3 } } }):with({ model = machine, dmax = 1 }):run(clean))
  has(suite, "1 pgd</th>")
  has(suite, "2.1 pgd_exp</th>")
end

-- Samples of three numbers, one class only, nothing found: figures that there cannot be are left out.
-- Figures call the classes what the option says.
function TestReport:test_names_of_classes()
  local names = { [1] = "sparrow", [4] = "finch", [7] = "owl" }
  local page = page_of(plain, { names = names })
  for _, name in pairs(names) do
    has(page, name)
    has_not(page_of(plain), name)
  end
  lu.assertEquals(page_of(plain, { names = clean:with { names = names } }), page)
end

function TestReport:test_results_that_are_no_images()
  local bumps = dofile "tests/lua/bumps.lua"
  local samples = data.new { x = bumps.centres:copy(), y = { 0, 1, 2 } }
  local page = page_of(attack.fgsm({ model = bumps.new(-9), norm = "l2", dmax = 0.01 }):run(samples))
  lu.assertEquals(count(page, "<svg "), 1)
  has_not(page, "Distances (")
  check_markup(page)
end

-- Runs that failed, bounds of every feature, a dmax of every sample.
function TestReport:test_results_of_other_kinds()
  local broken = { classes = machine.classes }
  function broken:scores(x) return machine:scores(x) * 0 / 0 end
  function broken:gradient(x, w) return machine:gradient(x, w) end
  local page = page_of(pgd:with({ model = broken, dmax = 1 }):run(clean:slice(1, 3)))
  has(page, "Failed runs prove nothing")
  has(page, "failed</th><td>3</td><td>3</td>")
  page = page_of(pgd:with({ model = machine, dmax = array.ones(30), upper = array.ones(784) }):run(clean))
  has(page, ", dmax per sample</h2>")
  has(page, "784 numbers from 1 to 1</td>")
  has_not(page, "Failed runs")
end

function TestReport:test_lists_with_titles()
  local page = page_of { { "one <", plain }, plain }
  has(page, "<h2 id=\"section-1\"><bdi>one &lt;</bdi></h2>")
  has(page, "<h2 id=\"section-2\">Attack: ")
end

function TestReport:test_an_interrupted_evaluation()
  local part = evaluate.merge { security }
  part.interrupted = true
  has(page_of(part), "only finished pieces are counted")
end

function TestReport:test_command()
  local script, page = scratch(), scratch()
  local file <close> = assert(io.open(script, "w"))
  file:write(("evaluate.report(perigee.load(arg[1]), %q)"):format(page))
  file:close()
  local saved = scratch()
  plain:save(saved)
  os.execute(([["$PERIGEE" --quiet %s %s "it's <a>"]]):format(script, saved))
  has(read(page), ("<code>perigee --quiet %s %s 'it'\\''s &lt;a&gt;'</code>"):format(script, saved))
end

function TestReport:test_without_gnuplot()
  local page, saved = scratch(), scratch()
  plain:save(saved)
  local code = ("evaluate.report(perigee.load(%q), %q)"):format(saved, page)
  local pipe = io.popen(([[PERIGEE_GNUPLOT=/nonexistent "$PERIGEE" -e '%s' 2>&1]]):format(code))
  lu.assertEquals(pipe:read "a", "")
  pipe:close()
  local text = read(page)
  has(text, "A figure is missing here")
  has_not(text, "<svg")
  check_markup(text)
end

function TestReport:test_refusals()
  local path = scratch()
  local file <close> = assert(io.open(path, "w"))
  file:write "as it was"
  file:close()
  local function refused(words, ...)
    local ok, message = pcall(evaluate.report, ...)
    lu.assertFalse(ok)
    lu.assertStrContains(message, words)
    lu.assertStrContains(message, "test_report.lua:")
    lu.assertEquals(read(path), "as it was")
  end
  local what = "expected what evaluate.security, an attack's run or evaluate.diagnose gave"
  refused("evaluate.report: subject: " .. what .. ", or a list of such, got nothing", nil, path)
  refused("evaluate.report: subject: " .. what, {}, path)
  refused("evaluate.report: number 2: " .. what .. ", got 3", { plain, 3 }, path)
  refused("evaluate.report: number 1: " .. what, { { "a title" } }, path)
  refused("evaluate.report: number 1: " .. what, { setmetatable({}, { __name = "perigee.security" }) }, path)
  refused("evaluate.report: path: expected a file's name, got a table", plain, { title = "x" })
  refused("evaluate.report: title: expected a string, got 1", plain, path, { title = 1 })
  refused("evaluate.report: date: expected true, or a text", plain, path, { date = 3 })
  refused("evaluate.report: names: expected a table of words by label", plain, path, { names = 3 })
  refused("evaluate.report: rejection: expected", plain, path, { rejection = "none" })
  refused("unknown option 'titel'; did you mean 'title'?", plain, path, { titel = "x" })
  refused("/nonexistent/a.html", plain, "/nonexistent/a.html")
end
