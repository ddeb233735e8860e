-- An attack of the user's that found its points on another model and did not judge them again: the counts
-- were that model's, and what was wrong before the attack changed with the radius. Without a norm it was
-- refused with Lua's words, in a checkpoint folder that had been made.

local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

TestBorrowedVerdicts = {}

local inputs = array.rand(24, 3, { seed = 1 })
local points = data.new { x = inputs, y = array.where(inputs:sum(2):gt(1.5), 1, 0):astype "i32" }

local function trained(columns, seed)
  local net = nn.new { input = { 3 }, seed = seed, nn.linear { out = columns } }
  local labels = columns == 2 and points.y or (array.arange(24) % columns):astype "i32"
  nn.train(net, data.new { x = inputs, y = labels }, { epochs = 20, lr = 0.2, seed = seed })
  return net
end

local weak, judge = trained(2, 3), trained(2, 1)
judge = reject.new { model = judge, threshold = 0.2 }

-- One that attacks `surrogate`, and hands on what `after` makes of the result.
local function from(surrogate, after, options)
  local own = { norm = "l2" }
  function own.with(_, changes) return setmetatable({ changes = changes }, { __index = own }) end
  function own:run(samples)
    local asked = { model = surrogate, norm = "l2", dmax = self.changes.dmax, max_iter = 5 }
    local found = attack[self.minimal and "fmn" or "pgd"](asked):run(samples, { seed = 1 })
    return after(found, self.changes.model)
  end
  for name, value in pairs(options or {}) do own[name] = value end
  return own
end

local function as_found(result) return result end
local function rescored(result, model) return result:rescore(model) end

local function evaluated(own, options)
  local all = { models = { judge = judge }, attacks = { own = own }, data = points, dmax = { 0, 0.1, 0.3 },
    block = 5, noise = false, seed = 1 }
  for name, value in pairs(options or {}) do all[name] = value end
  return evaluate.security(all)
end

local function same(one, other)
  lu.assertEquals(tostring(one), tostring(other))
  for i, cell in ipairs(one.cells) do
    for _, name in ipairs { "label", "distance", "verdict", "answer" } do
      lu.assertTrue(cell.rows[name]:equal(other.cells[i].rows[name]), name)
    end
  end
end

function TestBorrowedVerdicts:test_of_another_model()
  local wanted = evaluated(from(weak, rescored))
  lu.assertTrue(wanted.counts.judge[3].evaded > 0)
  same(evaluated(from(weak, as_found)), wanted)
  same(evaluated(from(weak, as_found, { minimal = true })),
    evaluated(from(weak, rescored, { minimal = true })))
  for _, counts in ipairs(wanted.counts.judge) do
    lu.assertEquals(counts.wrong, wanted.counts.judge[1].wrong)
  end
end

-- One that knows other classes has no labels of its own for the samples: y is what it takes them for.
function TestBorrowedVerdicts:test_of_other_classes()
  local other = trained(3, 4)
  local function start_over(result, model)
    return attack.judge { model = model, x0 = result.x0, x_adv = result.x_adv, norm = "l2",
      y = result.y, check = false }
  end
  same(evaluated(from(other, as_found)), evaluated(from(other, start_over)))
end

-- Nobody knows the labels of an array: what the judged model takes the samples for is the truth, not what the
-- surrogate does.
function TestBorrowedVerdicts:test_without_labels()
  local against = { classes = { 0, 1 }, scores = function(_, x) return weak:scores(x) * -1 end,
    gradient = function(_, x, w) return weak:gradient(x, w) * -1 end }
  local s = evaluated(from(against, as_found), { data = inputs, models = { judge = weak } })
  same(s, evaluated(from(against, function(result)
    return attack.judge { model = weak, x0 = result.x0, x_adv = result.x_adv, y = weak:predict(result.x0),
      norm = "l2", check = false }
  end), { data = inputs, models = { judge = weak } }))
  for _, counts in ipairs(s.counts.judge) do lu.assertEquals(counts.wrong, 0) end
end

function TestBorrowedVerdicts:test_of_other_labels()
  local function relabelled(result, model)
    return attack.judge { model = model, x0 = result.x0, x_adv = result.x_adv, y = 1 - result.y, norm = "l2",
      check = false }
  end
  same(evaluated(from(weak, relabelled)), evaluated(from(weak, rescored)))
end

-- Its own scores are others at each call: what the attack says of it is all that is known.
function TestBorrowedVerdicts:test_of_answers_that_change()
  local factors, calls = { 1.1, 1.2, -1 }, 0
  local restless = { classes = { 0, 1 }, gradient = function(_, x, w) return weak:gradient(x, w) end }
  function restless:scores(x)
    calls = calls + 1
    return weak:scores(x) * (factors[calls] or -1)
  end
  local options = { dmax = 0.3, block = 24, models = { judge = restless } }
  local s = evaluated(from(weak, as_found), options)
  options.models = { judge = weak }
  lu.assertEquals(s.counts, evaluated(from(weak, as_found), options).counts)
  lu.assertEquals(calls, 2)
end

function TestBorrowedVerdicts:test_of_other_samples()
  for _, wrong in ipairs { array.zeros(5, 3), array.zeros(5, 2) } do
    local net = nn.new { input = { wrong.shape[2] }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }
    local own = from(weak, function()
      return attack.judge { model = net, x0 = wrong, x_adv = wrong, y = { 0, 0, 0, 0, 0 }, norm = "l2" }
    end)
    raises("attacks: own: run gave answers of other samples than it was given", evaluated, own)
  end
end

function TestBorrowedVerdicts:test_norms()
  local folder = os.tmpname()
  os.remove(folder)
  for _, norm in ipairs { false, "l3", 2, {} } do
    local own = from(weak, as_found)
    own.norm = norm or nil
    raises('attacks: own: norm: expected "l1", "l2" or "linf", in which dmax is, got ', evaluated, own,
      { checkpoint = folder })
    raises('own: norm: expected "l1"', evaluated, nil, { attacks = { own = own, pgd = attack.pgd {} } })
    raises("attacks: attack: norm: expected", evaluate.security,
      { models = judge, attack = own, data = points, dmax = 1 })
  end
  lu.assertNil(io.open(folder .. "/evaluation.safetensors"))
end
