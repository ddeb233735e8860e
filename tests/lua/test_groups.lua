-- Large sets are attacked in groups: each gives what it gives as a set of its own, all of them one result.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

local native = require "perigee.native"
local types = debug.getregistry()
local join, GROUP = types["perigee.result"].join, types["perigee.attack"].group

local n = 2 * GROUP + 10
local digits = data.digits(n, { seed = 1 })
local net = nn.load "mnist-cnn"

-- From, to, …: the positions of each group.
local groups = { { 1, GROUP }, { GROUP + 1, 2 * GROUP }, { 2 * GROUP + 1, n } }

local function in_groups(run)
  local results = {}
  for g, at in ipairs(groups) do results[g] = run(at[1], at[2]) end
  return results
end

local arrays = { "x0", "x_adv", "y", "label", "start_label", "target", "scores", "start_scores", "distance",
  "dmax", "source", "flat", "stop", "verdict" }

local function assert_same(a, b)
  lu.assertEquals(#a, #b)
  for _, name in ipairs(arrays) do
    local one, other = a[name], b[name]
    if type(one) == "userdata" then lu.assertEquals(native.checksum(one), native.checksum(other), name)
    else lu.assertEquals(one, other, name) end
  end
  for _, name in ipairs { "scores", "gradients" } do
    lu.assertEquals(a.evaluations[name]:totable(), b.evaluations[name]:totable(), name)
  end
  local path = os.tmpname() .. ".safetensors"
  local bytes = {}
  for i, result in ipairs { a, b } do -- with all that files keep
    result:save(path)
    local file <close> = io.open(path, "rb")
    bytes[i] = file:read "a":gsub("seconds[^,}]*", "")
  end
  os.remove(path)
  if not a.parts then lu.assertTrue(bytes[1] == bytes[2]) end
end

TestGroups = {}

-- With rows of all kinds, and kernels that are known of no sample of the last group.
function TestGroups:test_one_attack()
  local machine = svm.new { kernel = svm.rbf(0.02), C = 10 }
  machine:fit(digits:slice(1, 60))
  local y, target, dmax = machine:predict(digits):totable(), {}, {}
  for i = 1, n do
    if i > 2 * GROUP then y[i] = (y[i] + 1) % 10 end -- evades before it is attacked
    target[i], dmax[i] = (digits.y[i] + 1 + i % 2) % 10, 1 + i % 3
  end
  local starts = digits:slice(1, 20)
  local function check(made, rows)
    local function run(first, last)
      local options = { seed = 5 }
      for name, value in pairs(rows or {}) do options[name] = table.move(value, first, last, 1, {}) end
      local samples = first == 1 and last == n and digits or digits:slice(first, last)
      return made:run(samples, options)
    end
    local whole, joined = run(1, n), join(in_groups(run))
    assert_same(whole, joined)
    return whole, joined
  end
  check(attack.pgd_exp { model = net, max_iter = 2, restarts = 1, start_from = starts, iterates = true },
    { target = target, dmax = dmax })
  check(attack.fmn { model = net, max_iter = 3 })
  for _, result in ipairs { check(attack.pgd {
    model = machine, dmax = 1, direction = "log", max_iter = 3, early_stop = true,
  }, { y = y }) } do
    lu.assertTrue(result.largest_kernel[1][1] > 0)
    local last = result.largest_kernel[n][1]
    lu.assertTrue(last ~= last)
  end
end

-- An ensemble's groups go through all of its parts; what these say is of the whole.
function TestGroups:test_ensembles()
  local function run(first, last)
    local e = attack.ensemble {
      attack.fgsm { model = net, norm = "l2", dmax = 0.5 },
      attack.ensemble {
        attack.noise { norm = "l2", dmax = 1 }, attack.pgd { dmax = 1, max_iter = 2 }, all = true,
      },
      attack.pgd { max_iter = 3, target = "each", early_stop = true, dmax = 1.5 }, max_queries = 40,
    }
    return e:run(first == 1 and last == n and digits or digits:slice(first, last), { seed = 3 })
  end
  local whole, parts = run(1, n), in_groups(run)
  assert_same(whole, join(parts))
  lu.assertEquals(#whole.parts, 3)
  local function check_sums(path)
    local function at(result)
      local part = { params = result.params }
      for _, k in ipairs(path) do part = part.params.parts[k] end
      return part
    end
    for _, name in ipairs { "samples", "evaded", "left", "scores", "gradients" } do
      local sum = 0
      for _, part in ipairs(parts) do sum = sum + (at(part)[name] or 0) end
      lu.assertEquals(at(whole)[name] or 0, sum, name)
    end
  end
  for _, path in ipairs { { 1 }, { 2 }, { 3 }, { 2, 1 }, { 2, 2 } } do check_sums(path) end
  lu.assertTrue(whole.parts[3].left > 0)
  lu.assertTrue(whole.parts[3].samples < n)
  lu.assertEquals(whole.params.seed, 3)
  lu.assertEquals(whole.params.max_queries, 40)
  lu.assertNil(whole.params.dmax)
end

-- Seeds that are drawn are one for all groups, so that the result tells which.
function TestGroups:test_seeds()
  local e = attack.ensemble {
    attack.noise { model = net, norm = "l2", dmax = 0.5 }, attack.noise { norm = "l2", dmax = 1 }, all = true,
  }
  local drawn = e:run(digits)
  local seeds = { drawn.parts[1].params.seed, drawn.parts[2].params.seed }
  lu.assertTrue(seeds[1] ~= seeds[2])
  e[1].seed, e[2].seed = seeds[1], seeds[2]
  lu.assertEquals(native.checksum(e:run(digits).x_adv), native.checksum(drawn.x_adv))
  lu.assertTrue(native.checksum(e:run(digits, { seed = 1 }).x_adv) ~= native.checksum(drawn.x_adv))
end

-- A model that draws from the session answers a group alike whatever the others draw; the session goes on
-- behind the first group.
function TestGroups:test_models_that_draw()
  local noisy = { classes = net.classes, gradient_is = "surrogate" }
  function noisy.scores(_, x) return net:scores(x + 0.05 * array.randn(x.shape)) end
  function noisy.gradient(_, x, w) return net:gradient(x, w) end
  local before = native.session_state()
  for _, made in ipairs { attack.pgd { model = noisy, dmax = 1, max_iter = 2 },
    attack.ensemble { attack.fgsm { model = noisy, dmax = 0.1 } } } do
    local afterwards
    native.session_state(before)
    local whole = made:run(digits, { seed = 1 })
    local after = native.session_state()
    local results = in_groups(function(first, last)
      -- An ensemble has looked at all samples before.
      native.session_state(before)
      if made.name == "ensemble" then noisy:scores(digits.x) end
      native.session_state(native.session_part(native.session_state(), (first - 1) // GROUP))
      local result = made:run(digits:slice(first, last), { seed = 1 })
      afterwards = afterwards or native.session_state()
      return result
    end)
    assert_same(whole, join(results))
    lu.assertTrue(afterwards == after)
  end
end

-- What is said of a sample names it by its number in the set.
function TestGroups:test_errors()
  local y = digits.y:totable()
  y[GROUP + 3] = 77
  local outside = digits.x:copy()
  outside:set(3, GROUP + 2, 1)
  local one = attack.fgsm { model = net, norm = "l2", dmax = 1 }
  for _, made in ipairs { one, attack.ensemble { one } } do
    raises(("sample %d"):format(GROUP + 3), made.run, made, digits, { y = y })
    raises(("sample %d"):format(GROUP + 2), made.run, made, outside)
    raises("start", made.run, made, digits, { start = digits.x:slice { 1, 5 } })
  end
end

-- Whoever looks on sees all samples in each step.
function TestGroups:test_who_looks_on()
  local pgd = attack.pgd { model = net, norm = "l2", dmax = 1, max_iter = 2 }
  for _, made in ipairs { pgd, attack.ensemble { pgd } } do
    local seen = {}
    made:run(digits, { on_step = function(state) seen[#seen + 1] = #state.x end })
    lu.assertEquals(#seen, 2)
    lu.assertTrue(seen[1] > 2 * GROUP)
  end
end
