-- A dmax for each sample, and points row by row where each sample's search begins.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local native = require "perigee.native"

local models = dofile "tests/lua/bumps.lua"

local function bumps(threshold)
  return models.new(threshold, { gradient_is = "surrogate" })
end

-- Between the centres of 0 and 1, farther and farther from the middle.
local n = 6
local rows = {}
for i = 1, n do
  local t = 0.05 * (i - 1)
  rows[i] = { 0.45 - t, 0.1 + t / 9, 0.55 + t }
end
local samples = data.new { x = rows, y = { 0, 0, 0, 0, 0, 0 } }
local x = samples.x
local radii = { 0.05, 0.3, 0, 0.21, 0.6, 1.1 }
local norms = { "l1", "l2", "linf" }

-- The table's attacks that take the option, in order.
local function attacks_with(option)
  local names = {}
  for name in pairs(attack) do
    local described = native.described("attack." .. name)
    for _, row in ipairs(described and described.result == "attack" and described.options or {}) do
      if row[1] == option then names[#names + 1] = name end
    end
  end
  table.sort(names)
  return names
end

local function takes(name, option)
  for _, other in ipairs(attacks_with(option)) do
    if other == name then return true end
  end
  return false
end

-- Everything that a result has of its sample i.
local function all_of(r, i)
  local loss, steep = r.loss[i]:totable(), {}
  for t, norm in ipairs(r.gradient_norm[i]:totable()) do steep[t] = ("%a"):format(norm) end -- or NaN
  return {
    r.x_adv[i]:totable(), r.scores[i]:totable(), r.distance[i], r.label[i], r.stop[i], r.verdict[i],
    loss, r.trace_distance[i]:totable(), steep, r.evaluations.scores[i], r.evaluations.gradients[i],
  }
end

-- Several ways of using the attack, of those options that it takes.
local function ways(name)
  local list = { {}, { target = "each" }, { target = 1 }, { iterates = true } }
  if takes(name, "restarts") then list[#list + 1] = { restarts = 2 } end
  if takes(name, "start_from") then list[#list + 1] = { start_from = models.centres } end
  if takes(name, "early_stop") then
    list[#list + 1] = { early_stop = true, objective = takes(name, "objective") and "continuous" or nil }
  end
  if takes(name, "direction") then list[#list + 1] = { direction = "log" } end
  return list
end

local function surrogate_of(name, model) return takes(name, "surrogate") and model or nil end

local guides = data.new { x = array.rand(9, 3, { seed = 3 }), y = array.arange(9) % 3 }
local function guides_of(name) return takes(name, "guides") and guides or nil end

-- Is the attack made for the norm?
local function takes_norm(name, norm) return (pcall(attack[name], { norm = norm })) end

-- Runs of all samples together and of each alone, given `together` and `alone(i)`, are the same to the bit.
local function as_if_alone(name, options, together, alone)
  local model = bumps(-0.5)
  for _, norm in ipairs(norms) do
    for k, way in ipairs(takes_norm(name, norm) and ways(name) or {}) do
      local few = takes(name, "evaluations") and 5 or nil
      local surrogate = surrogate_of(name, model)
      local a = attack[name] { model = model, norm = norm, evaluations = few, surrogate = surrogate,
        guides = guides_of(name) }
        :with(options):with(way)
      local words = ("%s %s %d"):format(name, norm, k)
      local all = a:with(together):run(samples, { seed = 5 })
      for i = 1, n do
        local one = a:with(alone(i)):run(samples:take { i }, { seed = 5 })
        lu.assertEquals(all_of(all, i), all_of(one, 1), words .. " sample " .. i)
      end
    end
  end
end

TestDmaxPerSample = {}

function TestDmaxPerSample:test_as_if_each_were_alone()
  local names = attacks_with "dmax"
  lu.assertTrue(#names >= 7)
  for _, name in ipairs(names) do
    local max_iter = takes(name, "max_iter") and 12 or nil
    as_if_alone(name, { max_iter = max_iter }, { dmax = radii }, function(i) return { dmax = radii[i] } end)
  end
end

-- Of a linear machine of two classes: where the boundary is, is known.
function TestDmaxPerSample:test_each_at_its_own_radius()
  local w = array.new { 0.9, -0.4, 0.2, 0.1, -0.6 }
  local machine = svm.from {
    sv = array.eye(5), alpha = { w:totable(), (-w):totable() }, b = { 0.1, -0.1 }, kernel = svm.linear(),
    classes = { 0, 1 },
  }
  local points = array.rand(40, 5, { seed = 3 })
  local y = machine:predict(points)
  local dual = { l1 = w:abs():max(), l2 = w:norm(), linf = w:abs():sum() }
  local scores = machine:scores(points)
  local gap = (scores:slice(nil, { 1, 1 }) - scores:slice(nil, { 2, 2 })):abs():reshape(40):astype "f64"
  for _, norm in ipairs(norms) do
    local least, share = gap / (2 * dual[norm]), array.where(array.arange(40):lt(20), 0.99, 1.02)
    local dmax = least * share
    for _, name in ipairs { "fgsm", "pgd", "pgd_exp", "apgd", "fmn", "halving" } do
      local r = attack[name]({ model = machine, norm = norm, dmax = dmax, lower = -9, upper = 9 })
        :run(points, { y = y })
      lu.assertEquals(r.dmax:totable(), dmax:totable())
      for i = 1, 40 do
        lu.assertEquals(r.verdict[i], i <= 20 and "correct" or "evaded", name .. " " .. norm .. " " .. i)
        lu.assertTrue(r.distance[i] <= dmax[i] + 1e-9)
      end
    end
    local noise = attack.noise { model = machine, norm = norm, dmax = dmax, lower = -9, upper = 9 }
    lu.assertTrue((noise:run(points).distance - dmax):abs():max() < 1e-5)
  end
end

-- eta follows from each sample's own; where one is given it is that of all.
function TestDmaxPerSample:test_what_it_says()
  local a = attack.pgd { model = bumps(-1), dmax = radii }
  lu.assertEquals(a.dmax:totable(), radii)
  lu.assertEquals(a.dmax.dtype, "f64")
  lu.assertEquals(a:with({ dmax = 2.0 }).dmax, 2)
  lu.assertStrContains(tostring(a), "attack.pgd: l2, dmax per sample, unit steps")
  local r = a:run(samples)
  lu.assertEquals({ r.params.dmax, r.params.eta }, { "per sample", nil })
  lu.assertEquals(a:with({ eta = 0.1 }):run(samples).params.eta, 0.1)
  lu.assertEquals(r.dmax:totable(), radii)
  lu.assertEquals(r[4].dmax:totable(), { radii[4] })
  lu.assertNil(a:run(samples, { dmax = 0.5 }).dmax)
  lu.assertEquals(a:run(samples, { dmax = 0.5 }).params.dmax, 0.5)
  local more = array.new(radii) * 2
  lu.assertEquals(a:run(samples, { dmax = more }).dmax:totable(), more:totable())
  local all = attack.fmn({ model = bumps(-1), dmax = { 0.1, math.huge, 1, 1, 1, 1 } }):run(samples)
  lu.assertEquals(all.dmax[2], math.huge)
  lu.assertEquals({ all.verdict[1], all.verdict[2] }, { "evaded", "evaded" })
end

function TestDmaxPerSample:test_what_becomes_of_the_result()
  local model = bumps(-1)
  local r = attack.pgd({ model = model, dmax = radii, iterates = true }):run(samples)
  local path = os.tmpname()
  r:save(path)
  local again = perigee.load(path)
  lu.assertEquals(again.dmax:totable(), radii)
  lu.assertEquals(again.params.dmax, "per sample")
  lu.assertEquals(r:rescore(bumps(-2)).dmax:totable(), radii)
  r:csv(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  os.remove(path)
  lu.assertStrMatches(lines[1], ".*,distance,gradient_norm,dmax")
  lu.assertEquals(tonumber(lines[#lines]:match ",([^,]*)$"), radii[n])
  local one = attack.pgd({ model = model, dmax = 0.4 }):run(samples)
  local both = attack.worst { r, one }
  for i = 1, n do lu.assertEquals(both.dmax[i], both.source[i] == 1 and radii[i] or 0.4) end
  lu.assertEquals(both.params.dmax, "per sample")
  lu.assertStrContains(tostring(evaluate.diagnose(r)), "l2, dmax per sample")
end

-- A file whose points are farther away than their own dmax is refused, whatever that of the others.
function TestDmaxPerSample:test_files_that_contradict_themselves()
  local r = attack.pgd({ model = bumps(-1), dmax = radii }):run(samples)
  local path = os.tmpname()
  r:save(path)
  local file = io.open(path, "rb")
  local bytes = file:read "a"
  file:close()
  local function damaged(i, value)
    local at = bytes:find(string.pack("<d", radii[1]) .. string.pack("<d", radii[2]), 1, true)
    local out = io.open(path, "wb")
    out:write(bytes:sub(1, at - 1 + 8 * (i - 1)), string.pack("<d", value), bytes:sub(at + 8 * i))
    out:close()
    local ok, message = pcall(perigee.load, path)
    lu.assertFalse(ok)
    return message
  end
  lu.assertStrContains(damaged(5, radii[5] / 2), "distance of sample 5 is ")
  lu.assertStrContains(damaged(2, -1), "dmax of sample 2 is -1")
  lu.assertStrContains(damaged(2, 0 / 0), "dmax of sample 2 is ")
  os.remove(path)
end

function TestDmaxPerSample:test_judge()
  local model = bumps(-1)
  local step = array.zeros(n, 3)
  step:set(0.05, 1, 1)
  step:set(0.1, 2, 1)
  step:set(0.5, 5, 2)
  local function judge(dmax, check)
    return attack.judge {
      model = model, x0 = samples, x_adv = x + step, norm = "linf", dmax = dmax, check = check,
    }
  end
  lu.assertEquals(judge({ 0.05, 0.1, 0, 0, 0.5, 0 }).dmax:totable(), { 0.05, 0.1, 0, 0, 0.5, 0 })
  lu.assertEquals(judge({ 0.05, 0.1, 0, 0, 0.5, 0 }).params.dmax, "per sample")
  raises("sample 2: its linf distance is 0.1, by 0.05 more than dmax 0.05", judge,
    { 0.05, 0.05, 0, 0, 0.5, 0 })
  lu.assertEquals(judge({ 0, 0, 0, 0, 0, 0 }, false).dmax:max(), 0)
  raises("attack.judge: dmax: expected one number, or one for each of 6 samples, got 2", judge, { 1, 1 })
end

function TestDmaxPerSample:test_errors()
  local a = attack.pgd { model = bumps(-1), dmax = { 1, 2 } }
  raises("attack.pgd: dmax: expected one number, or one for each of 6 samples, got 2", a.run, a, samples)
  raises("attack.pgd: dmax: expected numbers of 0 or more, got -1 for sample 2", attack.pgd,
    { dmax = { 1, -1 } })
  raises("dmax: expected numbers of 0 or more, got nan for sample 1", a.run, a, samples, { dmax = { 0 / 0 } })
  raises("dmax: expected a number of 0 or more, got nan", function() a.dmax = 0 / 0 end)
  raises("dmax: expected a number of 0 or more, got true", function() a.dmax = true end)
  raises("dmax must be finite", function() attack.apgd({ dmax = { 1, math.huge } }):run(x:slice { 1, 2 }, {
    model = bumps(-1),
  }) end)
  raises("random restarts need a finite dmax", function()
    attack.pgd({ dmax = { 1, math.huge }, eta = 1, restarts = 1, model = bumps(-1) }):run(x:slice { 1, 2 })
  end)
  raises("evaluate.diagnose: dmax: the attack has one for each sample", evaluate.diagnose,
    { model = nn.load "mnist-cnn", data = data.digits(2, { seed = 1 }), dmax = { 1, 2 } })
  raises("evaluate.diagnose: start: the attack has one for each sample", evaluate.diagnose, {
    model = nn.load "mnist-cnn", data = data.digits(2, { seed = 1 }), dmax = 1,
    attack = attack.pgd { start = array.zeros(2, 784) },
  })
end

TestStart = {}

-- Some beyond ball and box.
local starts = array.randn(n, 3, { seed = 8 }) * 0.3 + x

function TestStart:test_as_if_each_were_alone()
  local names = attacks_with "start"
  lu.assertEquals(names, { "apgd", "fgsm", "halving", "hopskipjump", "matching", "mifgsm", "pgd", "pgd_exp",
    "transfer" })
  for _, name in ipairs(names) do
    local max_iter = takes(name, "max_iter") and 12 or nil
    as_if_alone(name, { dmax = 0.4, max_iter = max_iter }, { start = starts },
      function(i) return { start = starts[i] } end)
    as_if_alone(name, { max_iter = max_iter }, { start = starts, dmax = radii },
      function(i) return { start = starts:slice { i, i }, dmax = radii[i] } end)
  end
end

-- The first iterate is the point itself, in box and ball; from there on it is the attack as it always is.
function TestStart:test_where_it_begins()
  local model = bumps(-1)
  for _, norm in ipairs(norms) do
    local a = attack.pgd { model = model, norm = norm, dmax = 0.3, iterates = true, max_iter = 5 }
    local r = a:run(samples, { start = starts })
    local moved = false
    for i = 1, n do
      local first = r.iterates[i][1]
      if #r.loss[i] > 1 then
        moved = true
        lu.assertTrue(first:min() >= 0 and first:max() <= 1)
        lu.assertTrue(r.trace_distance[i][1] <= 0.3)
      end
      lu.assertTrue(r.trace_distance[i]:max() <= 0.3)
    end
    lu.assertTrue(moved)
  end
  local near = (x + 0.01):clip(0, 1)
  local r = attack.pgd({ model = model, dmax = 0.3, iterates = true }):run(samples, { start = near })
  for i = 1, n do lu.assertEquals(r.iterates[i][1]:totable(), near[i]:totable()) end
end

-- What the sample itself is counts, where the search is for the best: its scores are known.
function TestStart:test_never_worse_than_the_sample()
  local model = bumps(-3)
  local bad = array.zeros(n, 3) + models.centres[1] -- where class 0 is surest
  local function margin(scores)
    return scores:slice(nil, { 1, 1 }):reshape(n) - scores:slice(nil, { 2, 3 }):max(2)
  end
  for _, name in ipairs { "pgd", "pgd_exp", "apgd", "halving" } do
    local a = attack[name] { model = model, dmax = 0.5 }
    local stages = { { steps = 1, eta = 0, eta_end = 1e-3 } }
    a = name == "halving" and a:with { stages = stages } or a:with { max_iter = name == "pgd_exp" and 1 or 2 }
    if name == "pgd" then a.eta = 1e-3 end
    local r = a:run(samples, { start = bad })
    for i = 1, n do
      lu.assertTrue(r.loss[i][-1] <= r.loss[i][1], name)
    end
    lu.assertTrue((margin(r.scores) - margin(r.start_scores)):max() <= 0, name)
  end
  local r = attack.pgd({ model = model, dmax = 0.5, eta = 1e-3, max_iter = 2 }):run(samples, { start = bad })
  lu.assertEquals(r.distance:max(), 0)
  lu.assertEquals(#r.loss[1], 1)
  lu.assertEquals({ r.stop[1], r.flat[1], r.verdict[1] }, { "max_iter", false, "correct" })
  lu.assertEquals({ r.evaluations.scores[1], r.evaluations.gradients[1] }, { 4, 2 })
  -- fgsm answers with where it leads, better or worse
  lu.assertEquals(#attack.fgsm({ model = model, dmax = 0.1 }):run(samples, { start = bad }).loss[1], 2)
end

function TestStart:test_a_result()
  local model = bumps(-1)
  local found = attack.pgd({ model = model, dmax = 0.6 }):run(samples)
  local a = attack.pgd { model = model, dmax = 0.6, early_stop = true, start = found }
  lu.assertEquals(a.start:totable(), found.x_adv:totable())
  lu.assertStrContains(tostring(a), ", start an array f32[6x3]")
  local r = a:run(samples)
  for i = 1, n do
    if found.verdict[i] == "evaded" then
      lu.assertEquals(r.x_adv[i]:totable(), found.x_adv[i]:totable())
      lu.assertEquals(r.stop[i], "reached")
      lu.assertEquals({ r.evaluations.scores[i], r.evaluations.gradients[i] }, { 2, 0 })
    end
  end
  lu.assertEquals(a:run(samples, { start = samples }).x_adv:totable(),
    a:with({}):set({}):run(samples, { start = x }).x_adv:totable())
  a.start = nil
  lu.assertNil(a.start)
end

-- The look at the point where it begins is one score, of all classes too; who cannot pay for it stays.
function TestStart:test_queries()
  local model = bumps(-1)
  for _, name in ipairs(attacks_with "start") do
    for _, target in ipairs { false, "each" } do
      local most = { 1, 2, 3, 5, 9, 40 }
      local a = attack[name] { model = model, dmax = 0.5, start = starts, max_queries = most,
        surrogate = surrogate_of(name, model), guides = guides_of(name) }
      if target then a.target = target end
      local r = a:run(samples)
      local spent = r.evaluations.scores + r.evaluations.gradients
      for i = 1, n do lu.assertTrue(spent[i] <= most[i], name) end
      lu.assertEquals({ spent[1], r.stop[1], r.distance[1] }, { 1, "max_queries", 0 })
      lu.assertEquals({ spent[2], r.stop[2] }, { 2, "max_queries" })
      lu.assertTrue(spent[6] > 2)
    end
  end
end

function TestStart:test_errors()
  local a = attack.pgd { model = bumps(-1), dmax = 1 }
  local function run(start) return a:run(samples, { start = start }) end
  raises("attack.pgd: start: expected a point for each of 6 samples of 3 features, got 2 of 3", run,
    x:slice { 1, 2 })
  raises("got 6 of 4", run, array.zeros(6, 4))
  raises("start: sample 2: feature 1 is not a finite number", run, array.new {
    { 0, 0, 0 }, { 0 / 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } })
  raises("attack.pgd: start: expected samples", run, 3)
  for _, name in ipairs { "noise", "fmn" } do
    raises(("attack.%s: start: this attack sets out from the samples themselves"):format(name), function()
      attack[name]({ model = bumps(-1), dmax = 1 }):run(samples, { start = x })
    end)
    raises("unknown option 'start'", attack[name], { start = x })
  end
end

TestEnsembleRows = {}

-- What the second part gets is its samples' own rows: it does to them what it does to them alone.
function TestEnsembleRows:test_each_part_has_its_samples_rows()
  local model = bumps(-1)
  local weak = attack.pgd { model = model, dmax = 0.5, eta = 0.02, max_iter = 4 }
  local strong = attack.pgd { model = model, max_iter = 10, dmax = radii, start = starts }
  local e = attack.ensemble { weak, attack.ensemble { strong, attack.noise { dmax = radii, seed = 3 } } }
  local r, alone = e:run(samples), strong:run(samples)
  local left = 0
  for i = 1, n do
    if r.source[i] == 2 and alone.verdict[i] == "evaded" then
      lu.assertEquals(r.x_adv[i]:totable(), alone.x_adv[i]:totable())
      lu.assertEquals(r.dmax[i], radii[i])
      left = left + 1
    elseif r.source[i] == 1 then
      lu.assertEquals(r.dmax[i], 0.5)
    end
  end
  lu.assertTrue(left > 0 and left < n)
  lu.assertEquals(r.params.dmax, "per sample")
  lu.assertStrContains(r.parts[2].text, "dmax per sample")
end

function TestEnsembleRows:test_rows_that_a_run_is_given()
  local model = bumps(-1)
  local weak = attack.pgd { model = model, dmax = 1, eta = 0.02, max_iter = 4 }
  local strong = attack.pgd { model = model, dmax = 2, max_iter = 10 }
  local e = attack.ensemble { weak, strong, attack.fmn { model = model, max_iter = 20 } }
  local found = strong:run(samples)
  for _, start in ipairs { starts, found, data.new { x = starts, y = samples.y } } do
    local rows_of_start = start == found and found.x_adv or start
    local r = e:run(samples, { dmax = radii, start = start })
    local first = weak:run(samples, { dmax = radii, start = rows_of_start })
    local second = strong:run(samples, { dmax = radii, start = rows_of_start })
    lu.assertEquals(r.dmax:totable(), radii)
    for i = 1, n do
      local from = r.source[i] == 1 and first or r.source[i] == 2 and second
      if from and r.verdict[i] == "evaded" then
        lu.assertEquals(r.x_adv[i]:totable(), from.x_adv[i]:totable())
      end
      lu.assertTrue(r.distance[i] <= radii[i] + 1e-9)
    end
  end
  local path = os.tmpname()
  e:run(samples, { dmax = radii }):save(path)
  lu.assertEquals(perigee.load(path).dmax:totable(), radii)
  os.remove(path)
end

function TestEnsembleRows:test_auto()
  local model = bumps(-1)
  local auto = attack.auto { model = model, dmax = radii }
  local r = auto:run(samples)
  lu.assertEquals(r.dmax:totable(), radii)
  lu.assertTrue((r.distance - array.new(radii)):max() <= 1e-6)
  lu.assertEquals(auto:run(samples, { start = starts }).dmax:totable(), radii)
  lu.assertEquals(auto:run(samples, { dmax = 0.3 }).params.dmax, 0.3)
end

function TestEnsembleRows:test_errors()
  local model = bumps(-1)
  local a = attack.pgd { model = model, dmax = 0.5, eta = 0.02, max_iter = 4 }
  local e = attack.ensemble { a, a:with { start = starts:slice { 1, 2 } } }
  raises("attack.ensemble: start: expected one for each of 6 samples, got 2", e.run, e, samples)
  e = attack.ensemble { a, a }
  raises("dmax: expected one number, or one for each of 6 samples, got 5", e.run, e, samples,
    { dmax = { 1, 1, 1, 1, 1 } })
  raises("start: expected a point for each of 6 samples", e.run, e, samples,
    { start = starts:slice { 1, 5 } })
  e = attack.ensemble { attack.noise { model = model, dmax = 1 } }
  raises("attack.ensemble: start: none of the parts can set out from elsewhere than the samples",
    e.run, e, samples, { start = starts })
end

