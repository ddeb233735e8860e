-- paper_mnist.lua — the MNIST experiment of "Deep neural rejection against adversarial examples" (Sotgiu et
-- al., 2020) once more, and what a second attack makes of it.
--
--   perigee examples/paper_mnist.lua [--quick | --full] [--digits] [--checkpoint FOLDER] [--csv FILE]
--                                    [--latex FILE]
--
-- A CNN, neural rejection on its last hidden layer (NR) and deep neural rejection (DNR) reject a tenth of
-- held-out digits and are attacked within l2 distances of 0 to 5: by the paper's attack, PGD with an
-- exponential line search and a double start, and by attack.auto. The figure has a panel for each attack.
--
-- 100 digits and 3 repeats take some minutes; --quick has 20 digits and one repeat, --full 1000 and 5. With
-- --checkpoint the experiment can be ended in any way and goes on where it was, and several processes share
-- it: perigee --shard 1/2 examples/paper_mnist.lua --checkpoint pieces, likewise 2/2, then without --shard
-- (docs/cluster.md). --digits takes the built-in digits, as happens where MNIST is not there: the same
-- experiment, smaller.

local forms = {
  quick = { known = 2000, samples = 20, repeats = 1, dmax = { 0, 1, 2 } },
  default = { known = 10000, samples = 100, repeats = 3, dmax = { 0, 0.5, 1, 1.5, 2, 3, 4, 5 } },
  full = { known = 10000, samples = 1000, repeats = 5, dmax = { 0, 0.5, 1, 1.5, 2, 3, 4, 5 } },
}

local usage = "usage: paper_mnist.lua [--quick | --full] [--digits] [--checkpoint FOLDER] [--csv FILE] "
  .. "[--latex FILE]"

local options, form, i = {}, forms.default, 1
while arg[i] do
  local name = arg[i]:match "^%-%-(%l+)$"
  if name == "quick" or name == "full" then
    form = forms[name]
  elseif name == "digits" then
    options.digits = true
  elseif name == "checkpoint" or name == "csv" or name == "latex" then
    i = i + 1
    options[name] = arg[i] or error(usage, 0)
  else
    error(usage, 0)
  end
  i = i + 1
end

local started = perigee.clock()
local function say(words, ...)
  print((words:format(...):gsub(" +$", "")))
  io.stdout:flush()
end

---------------------------------------------------------------------------------------------------
-- Data and the CNN: `known` is what the defences learn from, which the CNN was not trained on. Thresholds
-- are set on `held_out`, which nobody has seen; the test digits are only attacked.

local net, known, held_out, test

if data.has_mnist() and not options.digits then
  local bytes = { store = "u8" } -- a quarter of the memory, the same numbers
  local _, second = data.mnist("train", bytes):split(0.5, { seed = 1 })
  local rest
  known, rest = second:split(form.known / #second, { seed = 0 })
  held_out, test = rest:sample(2000, { seed = 0 }), data.mnist("test", bytes)
  net = nn.load("mnist-cnn") -- trained on the other half
else
  if not options.digits then print("MNIST is not here: the built-in digits take its place.") end
  local first = data.digits(5000, { seed = 1 })
  known, held_out = data.digits(form.known // 5, { seed = 2 }), data.digits(1000, { seed = 3 })
  test = data.digits(3000, { seed = 4 })
  net = nn.new {
    input = { 1, 28, 28 }, seed = 1,
    nn.conv2d { name = "conv1", out = 32, kernel = 5, stride = 2 }, nn.relu { name = "relu1" },
    nn.conv2d { name = "conv2", out = 32, kernel = 3, stride = 2 }, nn.relu { name = "relu2" },
    nn.conv2d { name = "conv3", out = 32, kernel = 3 }, nn.relu { name = "relu3" },
    nn.flatten {},
    nn.linear { name = "fc1", out = 32 }, nn.relu { name = "relu4" }, nn.dropout { p = 0.5 },
    nn.linear { name = "classifier", out = 10 },
  }
  nn.train(net, first, { epochs = 3, batch = 50, lr = 0.05, momentum = 0.9, seed = 1 })
end
say("data: %d digits for the defences, %d for thresholds, %d to be drawn from and attacked", #known,
  #held_out, #test)
say("CNN: accuracy %.2f %%", 100 * metrics.accuracy(net, test))

---------------------------------------------------------------------------------------------------
-- The defences: NR is an SVM on relu4, the one that DNR has there; DNR asks three layers.

local nr = reject.new {
  model = reject.layer {
    net = net, layer = "relu4", classifier = svm.new { kernel = svm.rbf(1e-2), C = 1 },
  },
}
nr:fit(known)
local defence = dnr.new {
  net = net, layers = { "relu2", "relu3", "relu4" },
  layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },
  combiner         = svm.new { kernel = svm.rbf(1),    C = 0.1 },
}
defence:set { ["relu4.C"] = 1, ["relu2.kernel.gamma"] = 1e-3 }
defence:fit(known, { seed = 0 })
say("NR, DNR: fitted, %.1f s so far", perigee.clock() - started)

---------------------------------------------------------------------------------------------------
-- The experiment. Both attacks start anew at every distance, from the digit itself, as the paper's does.

local PAPER, OURS = "PGD-Exp, as in the paper", "attack.auto"

local security = evaluate.security {
  models = { { "CNN", net }, { "NR", nr }, { "DNR", defence } },
  attacks = {
    { PAPER, attack.pgd_exp { norm = "l2", start_from = known, eta = 0.1, eta_min = 0.1, max_iter = 30,
                              eps = 1e-8 } },
    { OURS, attack.auto { norm = "l2" } },
  },
  data = test, samples = form.samples, repeats = form.repeats, seed = 0, dmax = form.dmax,
  validation = held_out, rejection_rate = 0.10, -- thresholds that reject a tenth of these
  noise = false, warm = false, checkpoint = options.checkpoint,
}

if security.shard then -- of --shard: without it, the same checkpoint folder gives the table and the figure
  say("shard %d of %d is done, %.1f s", security.shard[1], security.shard[2], perigee.clock() - started)
  return
end

---------------------------------------------------------------------------------------------------
-- The table. Robust: correct before, and correct or rejected under attack ("detection"; the share
-- that is not robust is the robust risk with detection).

local found = {} -- rows by model, attack and number of dmax; under "all" the worse of the two counts
for _, row in ipairs(security:rows()) do
  found[row.model] = found[row.model] or {}
  local list = found[row.model][row.attack] or {}
  found[row.model][row.attack], list[#list + 1] = list, row
end

say("\n%d digits, %s. Robust accuracy with detection, with Wilson's interval at 95 %%; queries of a digit "
  .. "(scores\nand gradients) up to this dmax, seconds of all of them together.\n", form.samples,
  form.repeats > 1 and form.repeats .. " times" or "once")
local line = "%-5s  %-24s  %4s  %9s  %14s  %8s  %6s  %7s  %7s"
say(line, "model", "attack", "dmax", "robust, %", "interval", "rejected", "evaded", "queries", "seconds")
for _, model in ipairs(security.models) do
  for _, attack_name in ipairs(security.attacks) do
    for k, row in ipairs(found[model][attack_name]) do
      say(line, k == 1 and model or "", k == 1 and attack_name or "", ("%g"):format(row.dmax),
        ("%.1f"):format(100 * row.accuracy), ("%5.1f to %5.1f"):format(100 * row.low, 100 * row.high),
        ("%.1f %%"):format(100 * row.rejected / row.samples), row.evaded, ("%.0f"):format(row.queries),
        k == 1 and ("%.1f"):format(row.seconds) or "")
    end
  end
end
if options.csv then security:csv(options.csv) end
if options.latex then security:latex(options.latex) end

---------------------------------------------------------------------------------------------------
-- What the second attack shows that the first does not: only what follows from these counts.

local function words_of(row)
  return ("%.1f %% (%.1f to %.1f)"):format(100 * row.accuracy, 100 * row.low, 100 * row.high)
end

-- The dmax at which the two differ most; nil if they never do.
local function widest(first, second)
  local most, at = 0, nil
  for k, row in ipairs(first) do
    if row.robust - second[k].robust > most then most, at = row.robust - second[k].robust, k end
  end
  return at
end

-- Where the straight lines between the points that were measured fall to a half; nil if they never do.
local function half(rows)
  for k, row in ipairs(rows) do
    if row.accuracy <= 0.5 then
      local before = rows[k - 1]
      return not before and row.dmax or before.dmax
        + (row.dmax - before.dmax) * (before.accuracy - 0.5) / (before.accuracy - row.accuracy)
    end
  end
end

print("\nWhat the second attack shows that the first does not:")
local fewer = {}
for _, model in ipairs(security.models) do
  local first, second = found[model][PAPER], found[model][OURS]
  local k = widest(first, second)
  if not k then
    say("- %s: nothing; at no dmax are fewer digits robust.", model)
  else
    local row, held = first[k], first[k].correct + first[k].rejected
    say("- %s: at dmax %g the first leaves %s robust, the second %s%s.", model, row.dmax, words_of(row),
      words_of(second[k]), row.low <= second[k].high and "; these intervals overlap" or "")
    say("  Of %d digits that the first does not turn the second turns %d.", held,
      found[model].all[k].evaded - row.evaded)
    local flat = security.by_attack[PAPER].flat[model][k]
    if flat > 0 then
      say("  On %d of those %d the first had lost its gradient: that it fails there proves nothing.", flat,
        held)
    end
    flat = security.by_attack[OURS].flat[model][k]
    if flat > 0 then
      say("  Of %d digits that the second does not turn it had lost its gradient on %d.",
        second[k].correct + second[k].rejected, flat)
    end
  end
  for j, row in ipairs(first) do
    if second[j].evaded < row.evaded then
      fewer[#fewer + 1] = ("%s at dmax %g (%d, %d)"):format(model, row.dmax, second[j].evaded, row.evaded)
    end
  end
end
say("- %s does the second turn fewer digits than the first.", #fewer == 0 and "Nowhere"
  or "Only here: " .. table.concat(fewer, ", ") .. ",")
print("- Half of the digits are robust at this dmax (straight lines between those measured), by")
for _, attack_name in ipairs { PAPER, OURS } do
  local words, bare = {}, half(found.CNN[attack_name])
  for m, model in ipairs(security.models) do
    local distance = half(found[model][attack_name])
    words[m] = ("%s %s"):format(model, distance and ("%.2f"):format(distance) or "beyond the last")
    if distance and bare and model ~= "CNN" then
      words[m] = ("%s (%.2f times the CNN's)"):format(words[m], distance / bare)
    end
  end
  say("  %s: %s", attack_name, table.concat(words, ", "))
end

print("\n" .. (plot.security(security, { panels = "attack", file = "paper_mnist.png" }) or ""))
say("%.1f s in all; %s", perigee.clock() - started, perigee.header())
