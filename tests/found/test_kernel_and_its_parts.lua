-- m:set { kernel = svm.poly {…}, ["kernel.degree"] = 3 } checked the degree against the kernel that stood
-- there, and set them in whatever order the table had.

local lu = require "luaunit"

TestKernelAndItsParts = {}

function TestKernelAndItsParts:test_the_kernel_is_set_first()
  for i = 1, 20 do
    local m = svm.new { kernel = svm.rbf(0.1) }
    -- keys of other lengths give other orders
    local options = { kernel = svm.poly { degree = 2, gamma = 5 }, ["kernel.degree"] = 3, C = i }
    for k = 1, i do options["kernel.gamma"], options[k % 2 == 0 and "tolerance" or "solver"] = 0.5, nil end
    m:set(options)
    lu.assertEquals({ m.kernel.name, m.kernel.degree, m.kernel.gamma, m.C }, { "poly", 3, 0.5, i })
  end
  local nr = reject.new { model = svm.new {}, threshold = 1 }
  nr:set { ["kernel.coef0"] = 2, kernel = "poly", threshold = 3 }
  lu.assertEquals({ nr.model.kernel.coef0, nr.threshold }, { 2.0, 3.0 })
  local net = nn.new { input = 2, classes = { 1, 7 }, seed = 1, nn.linear { out = 2, name = "out" } }
  local parts = { net = net, layers = { "out" }, layer_classifier = svm.new {}, combiner = svm.new {} }
  local defence = dnr.new(parts)
  defence:set { ["out.kernel"] = "poly", ["out.kernel.degree"] = 5, ["combiner.C"] = 7 }
  lu.assertEquals({ defence["out.kernel.degree"], defence["combiner.C"] }, { 5, 7.0 })
end

function TestKernelAndItsParts:test_all_or_nothing()
  local m = svm.new { kernel = svm.rbf(0.1), C = 2 }
  for message, options in pairs {
    ["svm:set: C: expected a number above 0, got -1"] = { ["kernel.degree"] = 3, C = -1 },
    ["svm:set: kernel.degree: expected an integer from 1 to 32, got 0.5"] =
      { ["kernel.degree"] = 0.5, C = 3 },
    ["svm:set: unknown option 'kernel.degre'; did you mean 'kernel.degree'?"] =
      { ["kernel.degre"] = 3, C = 3 },
    ["svm:set: options go by name, got 1 for a name"] = { ["kernel.degree"] = 3, C = 3, 1 },
  } do
    options.kernel = svm.poly { degree = 2 }
    local ok, told = pcall(function() m:set(options) end)
    lu.assertFalse(ok)
    lu.assertStrMatches(told, ".*test_kernel_and_its_parts.lua:%d+: svm:set: .*")
    lu.assertStrContains(told, message)
    lu.assertEquals({ m.kernel.name, m.kernel.gamma, m.C }, { "rbf", 0.1, 2.0 })
  end
  lu.assertErrorMsgContains("svm:set: kernel: expected svm.linear()", m.set, m,
    { kernel = 3, ["kernel.gamma"] = 1 })
  lu.assertErrorMsgContains("svm:set: unknown option 'kernel.degree'", m.set, m, { ["kernel.degree"] = 3 })
end

-- A model written in Lua may name its options as it likes: "kernel" and "kernel.gamma" need not be a whole
-- and its part. The first was dropped without a word.
function TestKernelAndItsParts:test_names_of_a_model_written_in_lua()
  local has = { kernel = 1, ["kernel.gamma"] = 2 }
  local r = { classes = { 1, 7 }, scores = function(_, x) return array.zeros(#x, 2) end }
  function r.get(_, name) return has[name] or error("no " .. name, 0) end
  function r.set(_, options)
    for name, value in pairs(options) do has[name] = value end
  end
  local net = nn.new { input = 2, classes = { 1, 7 }, seed = 1, nn.linear { out = 2, name = "r" } }
  local d = dnr.new { net = net, layers = { "r" }, layer_classifiers = { r = r }, combiner = svm.new {} }
  d:set { ["r.kernel"] = 7, ["r.kernel.gamma"] = 3 }
  lu.assertEquals(has, { kernel = 7, ["kernel.gamma"] = 3 })
  d:set { ["r.kernel"] = 8, ["r.kernel.gamma"] = 4, ["combiner.kernel"] = "poly",
    ["combiner.kernel.degree"] = 5 }
  lu.assertEquals({ has.kernel, has["kernel.gamma"], d["combiner.kernel.degree"] }, { 8, 4, 5 })
  lu.assertErrorMsgContains("no kernel.beta", d.set, d,
    { ["r.kernel"] = 9, ["r.kernel.beta"] = 3, ["combiner.C"] = 7 })
  lu.assertEquals({ has.kernel, d["combiner.C"] }, { 8, 1.0 })
end

-- m.kernel is a copy: what was written there was lost.
function TestKernelAndItsParts:test_writing_into_the_copy()
  local m = svm.new { kernel = svm.rbf(0.1) }
  local k = m.kernel
  for _, key in ipairs { "gamma", "name" } do
    lu.assertErrorMsgContains(('m:set{ ["kernel.%s"] = 7 } sets it'):format(key),
      function() m.kernel[key] = 7 end)
    lu.assertErrorMsgContains("svm: kernel cannot be written in parts; ", function() k[key] = 7 end)
  end
  lu.assertEquals(m.kernel.gamma, 0.1)
  -- it is a kernel everywhere else
  local seen = {}
  for key, value in pairs(k) do seen[key] = value end
  lu.assertEquals(seen, { name = "rbf", gamma = 0.1 })
  lu.assertEquals({ tostring(k), m:get("kernel").gamma }, { "rbf(gamma 0.1)", 0.1 })
  lu.assertEquals(svm.new({ kernel = k }).kernel.gamma, 0.1)
  lu.assertEquals(svm.new({}):set({ kernel = k }).kernel.gamma, 0.1)
  m = svm.new {}
  m.kernel = k
  lu.assertEquals(m.kernel.gamma, 0.1)
  local path = os.tmpname()
  rawset(_G, "kept_kernel", k)
  require("perigee.session").save(path, "kept_kernel")
  rawset(_G, "kept_kernel", nil)
  local into = {}
  require("perigee.session").restore(path, { into = into })
  os.remove(path)
  lu.assertEquals(into.kept_kernel, { name = "rbf", gamma = 0.1 })
end
