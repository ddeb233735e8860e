-- A model whose part was fitted by itself to other classes refuses to answer. Its file answered: with the
-- part's new classes, and the threshold or the steps that were made for the old ones; so did a copy with
-- another threshold.

local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

TestRevivedSaves = {}

local function points(classes)
  local x, y = {}, {}
  for i = 1, 24 do
    local c = i % classes
    x[i], y[i] = { c + 0.01 * i, 2 - c - 0.02 * i, 0.1 * (i % 5) }, c
  end
  return data.new { x = x, y = y }
end

local function machine() return svm.new { kernel = svm.rbf(1) } end

local three, two = points(3), points(2)

local function net()
  local made = nn.new { input = { 3 }, seed = 1, nn.linear { out = 3, name = "out" } }
  nn.train(made, three, { epochs = 1, seed = 1 })
  return made
end

-- By their kinds, around a part that takes three features.
local makers = {
  nr = function(part) return reject.new { model = part, threshold = 0.5 } end,
  confidence = function(part) return reject.confidence { model = part } end,
  energy = function(part) return reject.energy { model = part } end,
  preprocess = function(part) return reject.preprocess(part, function(x) return x * 1.0 end) end,
  pipeline = function(part) return classic.pipeline { classic.standard(), part } end,
  layer = function(part) return reject.layer { net = net(), layer = "out", classifier = part } end,
  dnr = function(part)
    return dnr.new { net = net(), layers = { "out" }, layer_classifier = machine(), combiner = part }
  end,
}

function TestRevivedSaves:setUp() self.path = os.tmpname() end
function TestRevivedSaves:tearDown() os.remove(self.path) end

local function refused(path, kind, model, why)
  raises(why, model.scores, model, three)
  raises(why, model.with, model, {})
  raises(kind == "preprocess" and "function written in Lua" or why, model.save, model, path)
  _G.wrapped = model
  raises(kind == "preprocess" and "function" or why, save, path, "wrapped")
  _G.wrapped = nil
end

function TestRevivedSaves:test_parts_of_other_classes()
  for kind, make in pairs(makers) do
    local part = machine():fit(three)
    local model = make(part):fit(three)
    local why = kind == "dnr" and "fitted by itself to other classes"
      or "other classes than when it was taken in"
    lu.assertEquals(#model:with({}):predict(three), #three)
    local own = kind == "dnr" and model.combiner or part -- it has made a copy
    own:fit(two)
    refused(self.path, kind, model, why)
    model:fit(two)
    lu.assertEquals(model:with({}).classes, { 0, 1 }, kind)
    if kind ~= "preprocess" then
      lu.assertEquals(perigee.load(model:save(self.path)).classes, { 0, 1 }, kind)
    end
  end
end
