-- attack.auto: attacks that together find what any that we know finds, each on what the earlier ones left.
--
-- Which they are follows from the model. A path's stages (attack.halving) were chosen on DNRs of MNIST; the
-- help says with what figures.

local arguments = require "perigee.arguments"
local ensemble = require "perigee.ensemble"
local kinds = require "perigee.kinds"

local auto = {}

-- ---- The parts ----------------------------------------------------------------------------------

-- A stage: how many of a sample's classes take part, steps, their first length over the last and the last one
-- in units of dmax; then momentum, and what the direction takes gamma divided by.
local function stage(classes, steps, eta, eta_end, rest)
  rest = rest or {}
  local layers = rest.layers or 1
  return {
    classes = classes, steps = steps, eta = eta, eta_end = eta_end, momentum = rest.momentum or 0,
    smoothing = rest.smoothing or 1, layer_smoothing = layers, layer_smoothing_later = rest.later or layers,
  }
end

local first = {
  stage(0, 8, 0.5, 0.1, { smoothing = 10, layers = 3 }),
  stage(3, 12, 0.4, 0.1),
  stage(1, 40, 0.4, 0.002, { momentum = 0.5 }),
}
local through_layers = {
  stage(0, 8, 0.5, 0.1, { layers = 10 }),
  stage(3, 12, 0.4, 0.1, { layers = 3 }),
  stage(2, 40, 0.4, 0.002, { momentum = 0.5, layers = 3, later = 1 }),
}
local plain = {
  stage(0, 8, 0.5, 0.1),
  stage(3, 12, 0.4, 0.1),
  stage(2, 40, 0.4, 0.002),
}
local wide = {
  stage(0, 8, 0.5, 0.1, { smoothing = 30, layers = 10 }),
  stage(4, 20, 0.4, 0.1, { smoothing = 3, layers = 3 }),
  stage(2, 60, 0.4, 0.002, { momentum = 0.5 }),
}

local function halving(stages, direction)
  return attack.halving { stages = stages, direction = direction }
end

local function nearest(direction)
  return attack.fmn { direction = direction, target = "each", early_stop = true, reach = 1.5 }
end

-- What a surrogate's gradient leads to may stand on stairs, short of whose edges a descent's moves change
-- nothing.
local function with_stairs(parts, model)
  if model ~= nil and kinds.has_surrogate(model) then
    table.insert(parts, 2, attack.stairs {
      direction = kinds.has_kernels(model) and "log" or "gradient", target = "each", early_stop = true,
    })
  end
  return parts
end

-- Where kernels decide, all along the logarithm; elsewhere, and where no model is known yet, the field's
-- standard follows. The ratio of targeted DLR wants four columns.
local function descents_for(model)
  if kinds.has_kernels(model) then
    local _, has_layers = kinds.deciding(model)
    if has_layers then return { halving(first), halving(through_layers), halving(plain), halving(wide) } end
    return { halving(first), halving(plain), nearest "log" }
  end
  local targeted = model ~= nil and #reject.classes(model) >= 4 and "dlr" or "margin"
  local untargeted = model ~= nil and model.rejects and "continuous" or "cross_entropy"
  local parts = {
    halving(plain, "gradient"),
    attack.apgd { objective = untargeted, early_stop = true },
    attack.apgd { objective = targeted, target = "each", early_stop = true },
    nearest "gradient",
  }
  -- A density of narrow kernels has a top at every point.
  if kinds.is(kinds.deciding(model), "density") then
    parts[#parts + 1] = attack.pgd { target = "each", restarts = 3, max_iter = 100, early_stop = true }
  end
  return parts
end

-- By scores, or by labels alone.
local function black_box(answers)
  if answers == "labels" then return { attack.hopskipjump { early_stop = true } } end
  return { attack.square { norm = "l2" } }
end

-- Where a surrogate's gradient says little, a search that follows none comes last.
local function parts_for(model)
  local answers = model ~= nil and kinds.answers(model) or "gradients"
  if answers ~= "gradients" then return black_box(answers) end
  local parts = with_stairs(descents_for(model), model)
  if model ~= nil and kinds.has_surrogate(model) then
    parts[#parts + 1] = attack.square { norm = "l2", max_iter = 2000 }
    -- Votes are stairs to scores too: where a search by losses stands still, one along the edge goes on.
    if kinds.is(kinds.deciding(model), "knn") then
      parts[#parts + 1] = attack.hopskipjump { early_stop = true }
    end
  end
  return parts
end

-- ---- The attack ---------------------------------------------------------------------------------

local own_options = { "model", "norm", "dmax", "quick", "target", "lower", "upper", "max_queries",
  "seed", "samples", "objective", "direction", "on_step" }

local function first_part(model)
  return { parts_for(model)[1] }
end

ensemble.suites.auto, ensemble.suites["auto, quick"] = parts_for, first_part

--- An ensemble for this model, or for the one that a run or an evaluation will give.
function auto.new(options)
  options = arguments.only("attack.auto", options, own_options)
  local model, quick = options.model, options.quick
  if model ~= nil and not kinds.is_model(model) then
    arguments.expected("attack.auto", "model", "a model", model)
  end
  if quick ~= nil and type(quick) ~= "boolean" then
    arguments.expected("attack.auto", "quick", "true or false", quick)
  end
  options.quick = nil
  return ensemble.suite("auto", quick and "auto, quick" or "auto", model):with(options)
end

return auto
