-- What is kept of users' code does not answer for other code: checkpoints.

local lu = require "luaunit"
local fingerprint = require "perigee.fingerprint"

-- f(…) fails with a message of that pattern.
local function raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok, pattern)
  lu.assertStrMatches(tostring(message), ".*" .. pattern .. ".*")
end

local inputs = array.rand(12, 4, { seed = 1 })
local points = data.new { x = inputs, y = array.where(inputs:sum(2):gt(2), 1, 0):astype "i32" }
local plain = nn.new { input = { 4 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }

local function new_folder()
  local folder = os.tmpname()
  os.remove(folder)
  return folder
end

-- An evaluation of the model with the attack, kept in the folder.
local function evaluated(folder, model, attacker)
  attacker = attacker or attack.pgd { norm = "l2", max_iter = 2 }
  return tostring(evaluate.security { models = model, attack = attacker,
    data = points, dmax = { 0, 0.5 }, noise = false, checkpoint = folder })
end

-- ---- Fingerprints --------------------------------------------------------------------------------

TestFingerprint = {}

local function code(text, env)
  return assert(load(text, "=code", "t", env or _G))()
end

function TestFingerprint:test_code_but_not_its_lines()
  local one = code "return function(x) return x + 1 end"
  local same = code "\n\n return function(x)\nreturn x + 1 end"
  lu.assertEquals(fingerprint.of(one), fingerprint.of(same))
  lu.assertNotEquals(fingerprint.of(one), fingerprint.of(code "return function(x) return x + 2 end"))
  lu.assertNotEquals(fingerprint.of(code "return function() return function() return 1 end end"),
    fingerprint.of(code "return function() return function() return 2 end end"))
  lu.assertEquals(fingerprint.of(print), "a built-in function")
  lu.assertStrContains(fingerprint.of(evaluate.security), "a function ")
end

-- What differs in what they refer to.
function TestFingerprint:test_variables_and_helpers()
  local function of(k)
    local function helper(x) return x * k end
    local settings = { step = { k = k }, other = 1 }
    settings.self = settings
    return { function() return k end, function(x) return helper(x) end, function() return settings.step.k end,
      function() return function() return settings end end, function(x) return array.new { k } + x end }
  end
  local first, again, other = of(1), of(1), of(2)
  for i in ipairs(first) do
    lu.assertEquals(fingerprint.of(first[i]), fingerprint.of(again[i]))
    lu.assertNotEquals(fingerprint.of(first[i]), fingerprint.of(other[i]))
  end
  local weights = array.new { 1, 2 }
  local f = function() return weights end
  local before = fingerprint.of(f)
  weights = array.new { 1, 3 }
  lu.assertNotEquals(fingerprint.of(f), before)
end

-- A counter of its own is no part of a function.
function TestFingerprint:test_what_it_sets()
  local calls, left = 0, 3
  local f = function() return function() calls, left = calls + 1, 2 end end
  local before = fingerprint.of(f)
  f()()
  lu.assertEquals({ calls, left, fingerprint.of(f) }, { 1, 2, before })
  local g = code "return function() kept_count = kept_count + 1 end"
  rawset(_G, "kept_count", 1)
  before = fingerprint.of(g)
  g()
  lu.assertEquals({ rawget(_G, "kept_count"), fingerprint.of(g) }, { 2, before })
  rawset(_G, "kept_count", nil)
end

function TestFingerprint:test_globals()
  local f = code [[return function(s)
    return function() return s.kept_other + kept_k * kept_t.k + kept_f() end
  end]]
  rawset(_G, "kept_k", 1)
  rawset(_G, "kept_t", { k = 1 })
  rawset(_G, "kept_f", code "return function() return 1 end")
  local before = fingerprint.of(f)
  rawset(_G, "kept_other", 7) -- the name of a field
  lu.assertEquals(fingerprint.of(f), before)
  for _, change in ipairs { { "kept_k", 2 }, { "kept_f", code "return function() return 2 end" } } do
    local was = rawget(_G, change[1])
    rawset(_G, change[1], change[2])
    lu.assertNotEquals(fingerprint.of(f), before)
    rawset(_G, change[1], was)
  end
  rawget(_G, "kept_t").k = 2
  lu.assertNotEquals(fingerprint.of(f), before)
  for _, name in ipairs { "kept_k", "kept_t", "kept_f", "kept_other" } do rawset(_G, name, nil) end
end

function TestFingerprint:test_what_the_program_makes_of_functions()
  local function of(k) return grad.straight_through(function(x) return x * k end) end
  lu.assertEquals(fingerprint.of(of(1)), fingerprint.of(of(1)))
  lu.assertNotEquals(fingerprint.of(of(1)), fingerprint.of(of(2)))
end

-- ---- Folders of evaluations ----------------------------------------------------------------------

TestFolders = {}

local function stepping(k)
  return attack.define { name = "kept_step", step = function(state)
    return state.x - state:unit(state:gradient()) * k
  end } { norm = "l2", max_iter = 2 }
end

function TestFolders:test_steps_of_attacks()
  local folder = new_folder()
  local first = evaluated(folder, plain, stepping(0.3))
  lu.assertEquals(evaluated(folder, plain, stepping(0.3)), first)
  raises("checkpoint: .* is another evaluation's: its attack", evaluated, folder, plain, stepping(0))
  raises("checkpoint: .* is another evaluation's: its attack", evaluated, folder, plain,
    attack.define { name = "kept_step", step = function(state) return state.x end } { max_iter = 2 })
end

local function with_layer(power)
  local layer = nn.layer { name = "kept_power", forward = function(_, x) return x * x:abs() * power end }
  return nn.new { input = { 4 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 }, layer {} }
end

function TestFolders:test_layers_of_nets()
  local folder = new_folder()
  local first = evaluated(folder, with_layer(1))
  lu.assertEquals(evaluated(folder, with_layer(1)), first)
  raises("checkpoint: .* is another evaluation's: its model", evaluated, folder, with_layer(-1))
  local inside = new_folder()
  local function dnr_of(net)
    return dnr.new { net = net, layers = { "fc1" }, layer_classifier = svm.new { kernel = svm.rbf(1) },
      combiner = svm.new { kernel = svm.rbf(1) } }:fit(points, { seed = 1 })
  end
  evaluated(inside, dnr_of(with_layer(1)))
  raises("checkpoint: .* is another evaluation's: its model", evaluated, inside, dnr_of(with_layer(-1)))
end

local function with_kernel(factor)
  svm.kernel { function(x, s) return x:matmul(s:transpose()) * factor end, name = "kept_product" }
  return svm.new { kernel = "kept_product" }:fit(points)
end

function TestFolders:test_kernels_of_svms()
  local folder = new_folder()
  local first = evaluated(folder, with_kernel(1))
  lu.assertEquals(evaluated(folder, with_kernel(1)), first)
  raises("checkpoint: .* is another evaluation's: its model", evaluated, folder, with_kernel(2))
end

-- The code is the same, and what it reads is not seen: the scores tell.
function TestFolders:test_known_by_their_scores()
  local folder, key = new_folder(), {}
  local hidden = { [key] = 1 }
  local layer = nn.layer { name = "kept_hidden", forward = function(_, x) return x * hidden[key] end }
  local net = nn.new { input = { 4 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 }, layer {} }
  evaluated(folder, net)
  hidden[key] = -1
  raises("the scores of .* are not those of the finished pieces", evaluated, folder, net)
end

-- ---- Trainings -----------------------------------------------------------------------------------

TestTrainings = {}

local function trained(path, options, net)
  local of = { epochs = 1, batch = 6, seed = 1, checkpoint = path }
  for name, value in pairs(options) do of[name] = value end
  net = net or nn.new { input = { 4 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }
  return nn.train(net, points, of)
end

function TestTrainings:test_functions()
  local function entropy(k)
    return function(logits, y)
      return (array.logsumexp(logits, 2) - logits:gather(y + 1, 2)):mean() * k
    end
  end
  local function shifting(k) return function(x) return x + k end end
  local function falling(k) return function(epoch) return k / epoch end end
  local function against(k)
    return attack.pgd { norm = "l2", dmax = 0.1, max_iter = 2, seed = 1,
      objective = function(scores) return scores:sum(2) * k end }
  end
  for name, make in pairs { loss = entropy, augment = shifting, lr = falling, adversary = against } do
    local path = new_folder()
    local first = trained(path, { [name] = make(0.5) })
    lu.assertEquals(trained(path, { [name] = make(0.5) }).loss, first.loss)
    raises(": not the same " .. name .. ";", trained, path, { [name] = make(0.25) })
    raises(": not the same " .. name .. ";", trained, path, {})
    os.remove(path)
  end
end

function TestTrainings:test_layers()
  local path = new_folder()
  local first = trained(path, {}, with_layer(1))
  lu.assertEquals(trained(path, { on_epoch = function() end }, with_layer(1)).loss, first.loss)
  raises(": not the same code of layers;", trained, path, {}, with_layer(2))
  os.remove(path)
end

-- ---- Files of variables --------------------------------------------------------------------------

TestRestored = {}

-- restore in this session: names, and what it printed.
local function restored(path)
  local lines, real = {}, print
  local own = require "perigee.own"
  own.print = function(line) lines[#lines + 1] = line end
  local ok, names = pcall(restore, path)
  own.print = real
  return ok and names or error(names, 0), lines
end

-- Variables of a session that had definitions by these names: in the file they get others, which this one
-- lacks.
local function file_of_another_session(path, names, ...)
  save(path, ...)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  for name, other in pairs(names) do
    assert(#name == #other)
    bytes = bytes:gsub(name, other)
  end
  file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function set(values)
  for name, value in pairs(values) do rawset(_G, name, value) end
end

function TestRestored:test_what_can_be()
  local path, shared = os.tmpname(), { 1, "two" }
  local stepper = stepping(1)
  set { kept_a = stepper, kept_b = { 1, { stepper }, shared }, kept_c = shared, kept_d = with_layer(1),
    kept_e = with_kernel(1), kept_f = array.new { 1, 2 }, kept_g = { "after", { "another" } } }
  rawset(_G, "kept_h", { rawget(_G, "kept_b")[2] })
  local all = { "kept_a", "kept_b", "kept_c", "kept_d", "kept_e", "kept_f", "kept_g", "kept_h" }
  local gone = { kept_step = "gone_step", kept_power = "gone_power", kept_product = "gone_product" }
  file_of_another_session(path, gone, table.unpack(all))
  for _, name in ipairs(all) do rawset(_G, name, nil) end
  local names, lines = restored(path)
  lu.assertEquals(names, { "kept_c", "kept_f", "kept_g" })
  lu.assertEquals(rawget(_G, "kept_c"), shared)
  lu.assertEquals(rawget(_G, "kept_g"), { "after", { "another" } })
  lu.assertNil(rawget(_G, "kept_b"))
  local told = table.concat(lines, "\n")
  lu.assertEquals(#lines, 5)
  for name, why in pairs { kept_a = "attack.gone_step is not defined in this session",
    kept_b = "attack.gone_step", kept_d = 'got "gone_power"',
    kept_e = 'kernel "gone_product" is written in Lua', kept_h = "attack.gone_step" } do
    lu.assertStrMatches(told, ".*not restored: " .. name .. " %([^\n]*" .. why .. ".*")
  end
  set { kept_a = stepper }
  file_of_another_session(path, { kept_step = "gone_step" }, "kept_a")
  raises("restore: attack.gone_step is not defined", restore, path)
  for _, name in ipairs(all) do rawset(_G, name, nil) end
  os.remove(path)
end
