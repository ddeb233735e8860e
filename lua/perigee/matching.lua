-- attack.matching: feature matching. A sample is moved until what a layer makes of it is near to what it
-- makes of a guide, a sample of another class (Sabour, Cao, Faghri and Fleet, "Adversarial manipulation of
-- deep representations", ICLR 2016). It is attack.pgd in another direction: verdicts and budgets are its own.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local matching = {}

local WHERE = "attack.matching"

-- ---- What is matched ----------------------------------------------------------------------------

local function of_net(net, layers)
  local names = type(layers) == "string" and { layers } or layers
  if not names then names = { net.layers[math.max(1, #net.layers - 1)].name } end
  local function features(x) return array.concatenate({ net:forward(x, names) }, 2) end
  local function pull(x, dz)
    local slopes, at = {}, 0
    for k, part in ipairs { net:forward(x:slice { 1, 1 }, names) } do
      local width = part.shape[2]
      slopes[names[k]], at = dz:slice(nil, { at + 1, at + width }):copy(), at + width
    end
    return net:backward(x, slopes)
  end
  return features, pull
end

-- Features of rows, and what pulls a gradient of them back to the rows.
local function view_of(model, layers)
  if kinds.is(model, "nr") or kinds.is(model, "confidence") or kinds.is(model, "energy") then
    return view_of(model.model, layers)
  end
  if kinds.is(model, "net") then return of_net(model, layers) end
  if layers ~= nil then
    blame.fail("%s: layers: they are chosen of a net alone, not of the %s", WHERE, kinds.of(model))
  elseif kinds.is(model, "layer") or kinds.is(model, "density") then
    return of_net(model.net, model.layer)
  elseif kinds.is(model, "mahalanobis") then
    return of_net(model.net, model.layers)
  elseif kinds.is(model, "dnr") then
    return function(x) return model:layer_scores(x) end, function(x, dz) return model:backward(x, dz) end
  end
  arguments.expected(WHERE, "model", "a net, a dnr, a model of a net's layers, a rejector of these", model)
end

-- ---- The direction ------------------------------------------------------------------------------

-- By rows of `from`, the nearest row of the guides whose label is another than y's.
local function nearest(from, y, guides)
  local chosen = {}
  for i = 1, #from do
    local away = ((guides.z - from[i]):square()):sum(2)
    chosen[i] = array.where(guides.y:eq(y[i]), math.huge, away):argmin()
  end
  return chosen
end

local function direction_to(model, layers, pool)
  local features, pull = view_of(model, layers)
  local guides = { z = features(pool:floats()), y = pool.y }
  local guide_of = {}
  return function(x, _, t, info)
    local z = features(x)
    if t == 1 then
      local chosen = nearest(z, info.y, guides)
      for k, row in ipairs(info.rows:totable()) do guide_of[row] = chosen[k] end
    end
    local chosen = {}
    for k, row in ipairs(info.rows:totable()) do chosen[k] = guide_of[row] end
    return pull(x, z - guides.z:take(chosen))
  end
end

-- ---- The attack ---------------------------------------------------------------------------------

local function check(options)
  local pool = options.guides
  if not kinds.is_fitted(options.model) then
    arguments.expected(WHERE, "model", "a fitted model", options.model)
  elseif not kinds.is(pool, "dataset") or #pool == 0 then
    arguments.expected(WHERE, "guides", "a dataset of samples of several classes", pool)
  elseif pool.y:min() == pool.y:max() then
    blame.fail("%s: guides: expected samples of two classes at least, so that each sample has one of another",
      WHERE)
  end
  local model = options.model
  if pool.features ~= model.features then
    blame.fail("%s: guides: its samples have %d features, the %s takes %d", WHERE, pool.features,
      kinds.of(model), model.features)
  end
end

local own = { "guides", "layers" }
local valid = { "model", "guides", "layers", "norm", "dmax", "eta", "step_schedule", "objective", "max_iter",
  "early_stop", "start", "lower", "upper", "iterates", "max_queries", "on_step" }

--- An attack.pgd whose direction leads to the guides' features.
function matching.new(options)
  local passed = {}
  options = arguments.only(WHERE, options, valid)
  check(options)
  for name, value in pairs(options) do passed[name] = value end
  for _, name in ipairs(own) do passed[name] = nil end
  passed.objective, passed.max_iter = passed.objective or "continuous", passed.max_iter or 100
  passed.direction = direction_to(options.model, options.layers, options.guides)
  return blame.call(attack.pgd, passed)
end

return matching
