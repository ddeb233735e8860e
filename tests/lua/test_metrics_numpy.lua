-- Measures beside the figures of an independent computation with NumPy, reference/measures_numpy/make.py.
local lu = require "luaunit"

local here = debug.getinfo(1, "S").source:match "^@(.*)lua/test_metrics_numpy%.lua$" or "tests/"
local folder = here .. "reference/measures_numpy/"

local function npy(name) return data.npy(folder .. name .. ".npy") end

local expected = dofile(folder .. "expected.lua")
local truth = npy "y"
local n = #truth

local function near(ours, theirs, words)
  if type(theirs) == "table" then
    lu.assertEquals(#ours, #theirs, words)
    for i, number in ipairs(theirs) do near(ours[i], number, ("%s, %d"):format(words, i)) end
    return
  end
  lu.assertTrue(ours == theirs or math.abs(ours - theirs) <= 1e-12 * math.max(1, math.abs(theirs)),
    ("%s: %.17g, NumPy has %.17g"):format(words, ours, theirs))
end

-- A model of the points i, 1 … #before, and i + 0.5: it gives the rows of the tables.
local function table_model(before, after)
  local model = { classes = { 0, 4, 9 }, rejects = true }
  function model.scores(_, x)
    local positions = x:reshape(#x):floor()
    local moved = x:reshape(#x):ne(positions):reshape(#x, 1)
    positions = positions:astype "i32"
    return array.where(moved, after:take(positions), before:take(positions))
  end
  return model
end

local function points(count)
  return (array.arange(count) + 1):astype("f32"):reshape(count, 1)
end

local clean, attacked = npy "clean", npy "attacked"
local model = table_model(clean, attacked)
local ds = data.new { x = points(n), y = truth }
local result = attack.judge {
  model = model, x0 = ds, x_adv = ds.x + 0.5, norm = "linf", lower = -math.huge, upper = math.huge,
}
local held = npy "held"
local held_ds = data.new { x = points(#held), y = npy "held_y" }
local held_model = table_model(held, held)

local function confidence(rows) return rows:slice(nil, { 1, 3 }):max(2) - rows:slice(nil, 4) end

local function right(rows, labels)
  return array.new({ 0, 4, 9 }):take(rows:slice(nil, { 1, 3 }):argmax(2)):eq(labels)
end

TestMetricsNumpy = {}

function TestMetricsNumpy:test_roc_and_auc()
  for words, roc in pairs {
    ["of the result"] = metrics.roc(result), ["of the model"] = metrics.roc(model, ds, result),
  } do
    near(roc.auc, expected.auc, "auc " .. words)
    near(roc.fpr, expected.fpr, "fpr " .. words)
    near(roc.tpr, expected.tpr, "tpr " .. words)
    near(roc.thresholds, expected.thresholds, "thresholds " .. words)
  end
  near(metrics.auc(result), expected.auc, "auc")
end

function TestMetricsNumpy:test_aurc()
  near(metrics.aurc(model, ds), expected.aurc, "of the model")
  near(metrics.aurc(confidence(clean), right(clean, truth)), expected.aurc, "of confidences")
end

function TestMetricsNumpy:test_rerr()
  local sure = confidence(held):compress(right(held, held_ds.y))
  local found = {
    metrics.rerr { result = result, model = held_model, validation = held_ds },
    metrics.rerr { result = result, validation = sure },
    metrics.rerr { clean = { confidence(clean), right(clean, truth) },
      attacked = { confidence(attacked), right(attacked, truth) }, validation = sure:totable() },
  }
  for k, e in ipairs(found) do
    for i, row in ipairs(expected.rerr) do
      near({ e.threshold[i], e.rerr[i], e.fpr[i], e.accepted[i] }, row, ("form %d, rate %d"):format(k, i))
    end
  end
end

function TestMetricsNumpy:test_class_by_class()
  for name, places in pairs(expected.clean) do
    local other = expected.attacked[name]
    for k, average in ipairs { 0, 4, 9, "macro", "micro" } do
      local options = { average = average }
      near(metrics[name](model, ds, options), places[k], name .. " of the model")
      near(metrics[name](result, nil, options), other[k], name .. " of the result")
      near(metrics[name](result.label, truth, options), other[k], name .. " of predictions")
    end
    near(metrics[name](model, ds), places[4], name)
  end
end

function TestMetricsNumpy:test_wilson()
  for _, row in ipairs(expected.wilson) do
    local interval = metrics.wilson(row[1], row[2], { level = row[3] })
    near({ interval.low, interval.high }, { row[4], row[5] },
      ("%g of %g at %.13g"):format(row[1], row[2], row[3]))
  end
end

function TestMetricsNumpy:test_bootstrap()
  local c, correct, indices = confidence(clean), right(clean, truth), npy "indices"
  local mean = metrics.bootstrap(function(a) return a:mean() end, c, { indices = indices })
  near({ mean.low, mean.high }, expected.bootstrap_mean, "mean")
  local auc = metrics.bootstrap(metrics.auc, { c, correct }, { indices = indices, level = 0.9 })
  near({ auc.low, auc.high }, expected.bootstrap_auc, "auc")
  local by_position = metrics.bootstrap(function(p) return metrics.auc(c:take(p), correct:take(p)) end, n,
    { indices = indices:totable(), level = 0.9 })
  lu.assertEquals({ by_position.low, by_position.high }, { auc.low, auc.high })
end

function TestMetricsNumpy:test_distances()
  local wrong_before = npy "wrong_before"
  -- 0 is the label of all; where a sample has moved it is taken for 4
  local one = array.new({ { 1, 0, 0, -9 } }, { dtype = "f64" })
  local other = array.new({ { 0, 1, 0, -9 } }, { dtype = "f64" })
  local before = array.where(wrong_before:reshape(n, 1), other, one)
  local judge = table_model(before, other:broadcast_to(n, 4))
  local attacks = {}
  for k, name in ipairs { "near", "far", "blind" } do
    attacks[k] = attack.judge {
      model = judge, x0 = points(n), y = array.zeros(n, { dtype = "i32" }), x_adv = npy(name):reshape(n, 1),
      norm = "linf", lower = -math.huge, upper = math.huge, name = name,
    }
    near(metrics.median_distance(attacks[k]), expected.median[k], name)
  end
  local o = metrics.optimality(attacks)
  lu.assertEquals(o.attacks, { "near", "far", "blind" })
  for k, name in ipairs(o.attacks) do near(o.optimality[name], expected.optimality[k], name) end
end
