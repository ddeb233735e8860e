-- attack.matching: feature matching. A sample is moved until what a layer makes of it is near to what it
-- makes of a guide, a sample of another class (Sabour, Cao, Faghri and Fleet, "Adversarial manipulation of
-- deep representations", ICLR 2016). src/attack/matching.c has the steps; here is their direction.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local grad = require "perigee.grad"
local kinds = require "perigee.kinds"
local native = require "perigee.native"

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

-- Where there are no layers: the scores of the classes.
local function of_scores(model)
  local count = #reject.classes(model)
  local function features(x) return reject.scores(model, x):slice(nil, { 1, count }) end
  return features, function(x, dz)
    local w = model.rejects and array.concatenate({ dz, array.zeros(#x, 1, { dtype = "f64" }) }, 2) or dz
    return reject.gradient(model, x, w)
  end
end

-- What a pipeline's steps make of rows, by functions of arrays, which a tape follows.
local steps = {}

function steps.minmax(x, learnt) return (x - learnt.shift) * learnt.scale end

steps.standard = steps.minmax

function steps.pca(x, learnt) return (x - learnt.mean):dot(learnt.matrix:transpose()) end

function steps.unit_norm(x, learnt)
  local norm, sizes = learnt.options.norm, x:abs()
  local length = norm == "l1" and sizes:sum(2) or norm == "max" and sizes:max(2)
    or sizes:square():sum(2):sqrt()
  return x / array.where(length:gt(0), length, 1):reshape(#x, 1)
end

local function by_steps(pipeline)
  local learnt = pipeline.learnt
  return function(x)
    for i, step in ipairs(pipeline.steps) do x = steps[step.name](x, learnt[i]) end
    return x
  end
end

-- A model's view behind f: there_and_back answers f(x) and what pulls slopes of it back.
local function behind(there_and_back, features, pull)
  local function of(x) return (features((there_and_back(x)))) end
  return of, function(x, dz)
    local y, back <close> = there_and_back(x)
    return back(pull(y, dz)):reshape(x.shape)
  end
end

local view_of

-- By kind: what is looked at of it.
local views = {
  net = of_net,
  layer = function(model) return of_net(model.net, model.layer) end,
  mahalanobis = function(model) return of_net(model.net, model.layers) end,
  dnr = function(model)
    return function(x) return model:layer_scores(x) end, function(x, dz) return model:backward(x, dz) end
  end,
  pipeline = function(model, layers)
    local f = by_steps(model)
    return behind(function(x) return grad.vjp(f, x:astype "f64") end, view_of(model.model, layers))
  end,
  preprocess = function(model, layers)
    local half = debug.getregistry()["perigee.preprocess_half"]
    local definition = native.lua_models(model)[1]
    return behind(function(x)
      local y, back = half.there_and_back(definition, x)
      return y:reshape(#x, -1), back
    end, view_of(model.model, layers))
  end,
}
views.density = views.layer

-- Those that are looked at in the model inside.
local leads_on = { nr = true, confidence = true, energy = true, squeeze = true }
for kind in pairs(leads_on) do
  views[kind] = function(model, layers) return view_of(model.model, layers) end
end

leads_on.pipeline, leads_on.preprocess = true, true

-- Features of rows, and what pulls a gradient of them back to the rows.
function view_of(model, layers)
  local kind = type(model) == "userdata" and kinds.of(model) or "model written in Lua"
  if layers ~= nil and kind ~= "net" and not leads_on[kind] then
    blame.fail("%s: layers: they are chosen of a net alone, not of the %s", WHERE, kind)
  end
  return (views[kind] or of_scores)(model, layers)
end

-- ---- The direction ------------------------------------------------------------------------------

-- By rows of `from`, the nearest row of the guides whose label is another than y's, or is the target's.
local function nearest(from, guides, info)
  local chosen = {}
  for i = 1, #from do
    local no = info.target and guides.y:ne(info.target[i]) or guides.y:eq(info.y[i])
    if no:all() then
      blame.fail("%s: guides: none of them %s", WHERE, info.target and ("has the target's label, %d"):format(
        info.target[i]) or ("is of another class than %d"):format(info.y[i]))
    end
    local away = ((guides.z - from[i]):square()):sum(2)
    chosen[i] = array.where(no, math.huge, away):argmin()
  end
  return chosen
end

local function check(model, pool)
  if not kinds.is(pool, "dataset") or #pool == 0 then
    arguments.expected(WHERE, "guides", "a dataset of samples of several classes", pool)
  elseif pool.y:min() == pool.y:max() then
    blame.fail("%s: guides: expected samples of two classes at least, so that each sample has one of another",
      WHERE)
  end
  if model.features and pool.features ~= model.features then
    blame.fail("%s: guides: its samples have %d features, the %s takes %d", WHERE, pool.features,
      kinds.of(model) or "model", model.features)
  end
end

--- The function that a run goes against.
local function direction_to(model, layers, pool)
  check(model, pool)
  local features, pull = view_of(model, layers)
  local guides = { z = features(pool:floats()), y = pool.y }
  local guide_of = {}
  return function(x, _, t, info)
    local z, rows, chosen = features(x), info.rows:totable(), {}
    if t == 1 then
      for k, near in ipairs(nearest(z, guides, info)) do guide_of[rows[k]] = near end
    end
    for k, row in ipairs(rows) do chosen[k] = guide_of[row] end
    return pull(x, z - guides.z:take(chosen))
  end
end

debug.getregistry()["perigee.matching"] = { direction = direction_to }
