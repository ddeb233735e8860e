-- auto.lua — what attack.auto and attack.fmn must find on the reference's models of MNIST, and at what price.
-- Run by `make suite`, in ten minutes of one core; figures.md has the last ones.
--
--   perigee --threads 1 tests/suite/auto.lua [dnr | nr | shifted | net | others | quantised | fmn …]
--
-- Counts are errors: what is accepted and wrong afterwards, what was so before included. A price is processor
-- time a digit, in units of one row's share of the model's gradient at 900. The status is 1 if a count is
-- missed; a price that is missed on a machine with other work is only said.

local here = arg[0]:match "^(.*)/[^/]*$" or "."
local mnist = dofile(here .. "/../lua/reference_mnist.lua")

if not mnist.is_here() then
  io.stderr:write "suite: the MNIST reference case or MNIST is not here\n"
  os.exit(1)
end

local test = data.mnist("test"):per_class(100)
local digits = test:slice(11, 110)

---------------------------------------------------------------------------------------------------
-- Models, made when they are first asked for

-- The tutorial's defence on the net that was trained with shifts.
local function shifted()
  local _, second = data.mnist("train"):split(0.5, { seed = 1 })
  local defence = dnr.new {
    net = nn.load "mnist-cnn-shifted", layers = { "relu2", "relu3", "relu4" },
    layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },
    combiner         = svm.new { kernel = svm.rbf(1), C = 0.1 },
  }
  defence:set { ["relu4.C"] = 1, ["relu2.kernel.gamma"] = 1e-3 }
  defence:fit(second:sample(5000, { seed = 0 }), { seed = 0 })
  defence.threshold = defence:threshold_for(0.10, test)
  return defence
end

local makers, models = { net = mnist.net, shifted = shifted }, {}
function makers.shipped() return nn.load "mnist-cnn" end

local function model_of(name)
  models[name] = models[name] or makers[name]()
  return models[name]
end

function makers.dnr() return mnist.defence(model_of "net", mnist.train()) end
function makers.nr() return mnist.rejector(model_of "dnr") end

---------------------------------------------------------------------------------------------------
-- Rows

local missed, slow = 0, 0
local units = {} -- seconds of one row's share of a gradient, by model

local function unit_of(name)
  if units[name] then return units[name] end
  local model, rows, times = model_of(name), test:slice(1, 900), {}
  local w = array.zeros(900, #model.classes + (model.rejects and 1 or 0))
  for i = 1, 900 do w:set(1, i, i % 10 + 1) end
  for k = 1, 5 do
    local start = os.clock()
    model:gradient(rows, w)
    times[k] = os.clock() - start
  end
  table.sort(times)
  units[name] = times[3] / 900
  print(("%-30s one gradient takes %.4f ms"):format(name, 1e3 * units[name]))
  return units[name]
end

local function errors(result)
  local counts = result:counts()
  return counts.evaded + counts.wrong, counts.evaded
end

-- The attack's result, and a digit's price.
local function run(name, attacker, samples)
  local unit, start = unit_of(name), os.clock()
  local result = attacker:run(samples)
  return result, (os.clock() - start) / #samples / unit
end

local function count_bar(found, least)
  if not least then return "" end
  if found < least then missed = missed + 1 end
  return (" (at least %d%s)"):format(least, found < least and ": MISSED" or "")
end

local function price_bar(price, most)
  if not most then return "" end
  if price > most then slow = slow + 1 end
  return (" (at most %d%s)"):format(most, price > most and ": slow" or "")
end

local function row(what, result, price, bar)
  local found, evaded = errors(result)
  print(("%-30s %3d errors%s, %3d evaded, %.0f gradients%s"):format(what, found,
    count_bar(found, bar.least), evaded, price, price_bar(price, bar.most)))
  io.stdout:flush()
  return found
end

-- One attack on its own: the whole must find as much, but for one digit that other batches' bits may cost.
local function alone(name, what, attacker, found)
  local result, price = run(name, attacker, digits)
  row("  " .. what .. " alone", result, price, {})
  if (errors(result)) > found + 1 then
    missed = missed + 1
    print("    MISSED: the whole finds less")
  end
end

-- case: norm, dmax, what auto and quick must find at least and cost at most.
local function auto(name, case)
  local ball = { model = model_of(name), norm = case.norm, dmax = case.dmax }
  local words = ("%s %s %g"):format(name, case.norm, case.dmax)
  local suite = attack.auto(ball)
  local result, price = run(name, suite, digits)
  local found = row(words .. " auto", result, price, case.whole)
  if case.quick then
    result, price = run(name, suite[1], digits)
    row(words .. " quick", result, price, case.quick)
  end
  for k = case.quick and 2 or 1, #suite do
    alone(name, ("%d %s"):format(k, suite[k].name), suite[k], found)
  end
  return found
end

---------------------------------------------------------------------------------------------------
-- The groups

local groups, order = {}, { "dnr", "nr", "shifted", "net", "others", "quantised", "fmn" }

function groups.dnr()
  auto("dnr", { norm = "l2", dmax = 1, whole = { least = 66, most = 420 },
    quick = { least = 63, most = 170 } })
  auto("dnr", { norm = "l2", dmax = 2, whole = { least = 100, most = 100 },
    quick = { least = 99, most = 100 } })
  auto("dnr", { norm = "linf", dmax = 0.1, whole = { least = 93, most = 220 } })
  auto("dnr", { norm = "l1", dmax = 10, whole = { least = 98, most = 220 } })
end

function groups.nr()
  auto("nr", { norm = "l2", dmax = 1, whole = { least = 60, most = 850 } })
  auto("nr", { norm = "l2", dmax = 2, whole = { least = 100, most = 850 } })
end

function groups.shifted()
  for dmax, least in ipairs { 6, 55, 95 } do
    auto("shifted", { norm = "l2", dmax = dmax, whole = { least = least } })
  end
end

-- Beside its parts the field's two, untargeted, and FMN over the classes.
function groups.net()
  for _, case in ipairs { { norm = "l2", dmax = 1, whole = { least = 95 } },
    { norm = "linf", dmax = 0.1, whole = { least = 99 } } } do
    local found = auto("net", case)
    local ball = { model = model_of "net", norm = case.norm, dmax = case.dmax, early_stop = true }
    alone("net", "apgd", attack.apgd(ball), found)
    alone("net", "fmn", attack.fmn(ball), found)
    alone("net", "fmn, each", attack.fmn(ball):with { target = "each" }, found)
  end
end

-- Digits that the stages were not chosen on: 4 fewer, and 10.
function groups.others()
  local suite = attack.auto { model = model_of "dnr", norm = "l2", dmax = 1 }
  for first = 111, 211, 100 do
    local samples = test:slice(first, first + 99)
    local words = ("dnr l2 1, digits %d-%d "):format(first, first + 99)
    local result, price = run("dnr", suite, samples)
    row(words .. "auto", result, price, { least = 62 })
    result, price = run("dnr", suite[1], samples)
    row(words .. "quick", result, price, { least = 53 })
  end
end

-- A quantiser in front of the shipped net, through which the gradient goes straight, hides no more than three
-- digits of a hundred; on two values few digits can be moved that far.
function groups.quantised()
  local net = model_of "shipped"
  for first = 11, 711, 350 do
    local samples = test:slice(first, first + 99)
    local bare = errors(attack.auto({ model = net, norm = "l2", dmax = 1 }):run(samples))
    print(("shipped CNN, digits %d-%d          %3d errors"):format(first, first + 99, bare))
    for _, values in ipairs(first == 11 and { 4, 8, 16, 2 } or { 4, 8, 16 }) do
      local model = reject.preprocess(net, grad.straight_through(function(x)
        return (x * (values - 1)):round() / (values - 1)
      end))
      local start = os.clock()
      local result = attack.auto({ model = model, norm = "l2", dmax = 1 }):run(samples)
      row(("  behind %d values"):format(values), result, (os.clock() - start) / #samples / unit_of "shipped",
        { least = values > 3 and bare - 3 or nil })
    end
  end
end

function groups.fmn()
  local fmn = attack.fmn { model = model_of "dnr", norm = "l2", direction = "log", target = "each" }
  local result, price = run("dnr", fmn, digits)
  local distances = result.distance:totable()
  for i, verdict in ipairs(result.verdict) do
    if verdict ~= "evaded" then distances[i] = verdict == "wrong" and 0 or math.huge end
  end
  table.sort(distances)
  local median, within = (distances[50] + distances[51]) / 2, { 0, 0 }
  for _, distance in ipairs(distances) do
    for dmax = 1, 2 do within[dmax] = within[dmax] + (distance <= dmax and 1 or 0) end
  end
  if median > 0.95 then missed = missed + 1 end
  print(("%-30s median distance %.3f (at most 0.95%s), %.0f gradients%s"):format("dnr l2 fmn, log, each",
    median, median > 0.95 and ": MISSED" or "", price, price_bar(price, 1000)))
  print(("%-30s %d%s, %d%s"):format("  within 1, within 2", within[1], count_bar(within[1], 59), within[2],
    count_bar(within[2], 99)))
end

local wanted = #arg > 0 and arg or order
for _, name in ipairs(wanted) do
  if not groups[name] then
    io.stderr:write(("suite: no group \"%s\" (%s)\n"):format(name, table.concat(order, ", ")))
    os.exit(2)
  end
end

local facts = perigee.facts()
print(("OpenBLAS core %s (%s), %d threads"):format(facts.blas_core, facts.blas, facts.threads))
local start = os.clock()
for _, name in ipairs(wanted) do groups[name]() end
print(("%d counts missed, %d prices; %.0f s of processor time"):format(missed, slow, os.clock() - start))
os.exit(missed == 0)
