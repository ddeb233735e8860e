-- Functions of arrays beside NumPy's figures, reference/arrays_numpy/make.py; and what their edges give.
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"
local A = array
local nan, inf = 0 / 0, math.huge

local here = debug.getinfo(1, "S").source:match "^@(.*)lua/test_array_numpy%.lua$" or "tests/"
local cases = {}
for name, numbers in pairs(data.read_npz(here .. "reference/arrays_numpy/expected.npz")) do
  local case, letter = name:match "^(%w+)%.(%w+)$"
  cases[case] = cases[case] or {}
  cases[case][letter] = numbers
end

local function near(name, got, want, dtype)
  got = type(got) == "number" and A.new({ got }, { dtype = "f64" }) or got
  want = want.ndim == 0 and want:reshape(1) or want
  lu.assertEquals(got.shape, want.shape, name)
  local bound = (dtype == "f32" and 2e-5 or 1e-12) * math.max(1, want:abs():max())
  local off = (got:astype "f64" - want):abs():max()
  lu.assertTrue(off <= bound, ("%s, %s: off by %g"):format(name, dtype or "f64", off))
end

-- What a case's letters are to the function, behind x.
local function number(name) return tonumber(name:match "%d+$") end
local calls = {
  softmax = function(c, name) return c.x:softmax(number(name)) end,
  logsumexp = function(c, name) return c.x:logsumexp(number(name)) end,
  percentile = function(c, name) return c.x:percentile(c.p, number(name)) end,
  median = function(c, name) return c.x:median(number(name)) end,
  gather = function(c, name) return c.x:gather(c.k, number(name)) end,
  conv2d = function(c)
    return c.x:conv2d(c.w, c.b, { stride = c.s:totable(), padding = c.p:totable() })
  end,
  maxpool = function(c) return c.x:maxpool { kernel = c.k:totable(), stride = c.s:totable() } end,
  linear = function(c) return c.x:linear(c.w, c.b) end,
  solve = function(c) return c.a:solve(c.b) end,
  inv = function(c) return c.a:inv() end,
  eigh = function(c) return (c.x:eigh()) end,
  svd = function(c) return (select(2, c.x:svd())) end,
}

local function assert_nan(x) lu.assertTrue(x ~= x) end

TestArrayNumpy = {}

for name, case in pairs(cases) do
  TestArrayNumpy["test_" .. name] = function()
    local call = calls[name:match "^%D+2d" or name:match "^%D+"]
    near(name, call(case, name), case.y)
    local halves = {}
    for letter, numbers in pairs(case) do
      halves[letter] = numbers.dtype == "f64" and letter ~= "p" and numbers:astype "f32" or numbers
    end
    local y = call(halves, name)
    near(name, y, case.y, "f32")
    if type(y) ~= "number" then lu.assertEquals(y.dtype, "f32", name) end
  end
end

function TestArrayNumpy:test_there_are_cases_of_all()
  local seen = {}
  for name in pairs(cases) do seen[name:match "^%D+2d" or name:match "^%D+"] = true end
  for name in pairs(calls) do lu.assertTrue(seen[name], name) end
end

-- Views and the layouts that a transpose leaves are read as they are.
function TestArrayNumpy:test_views()
  local c = cases.conv2d2
  local turned = c.x:transpose(4, 2, 3, 1):copy():transpose(4, 2, 3, 1)
  near("conv2d", turned:conv2d(c.w, c.b, { stride = { 1, 2 }, padding = { 1, 0 } }), c.y)
  near("conv2d of one image", c.x[2]:conv2d(c.w, c.b, { stride = { 1, 2 }, padding = { 1, 0 } }), c.y[2])
  -- a bias alone, of maps that are large: one number a map, in every sample
  local maps = A.zeros(3, 2, 12, 12):conv2d(A.zeros(5, 2, 3, 3), A.arange(5))
  local numbers = A.arange(5):reshape(5, 1, 1)
  lu.assertTrue(maps:equal(numbers:broadcast_to(3, 5, 10, 10):astype "f32"))
  lu.assertTrue(c.x:conv2d(c.w):equal(c.x:conv2d(c.w, A.zeros(5, { dtype = "f64" }))))
  local s = cases.solve1
  near("solve", s.a.T:copy().T:solve(s.b.T:copy().T), s.y)
  near("median", cases.median2.x.T:median(2), cases.median2.y.T)
  near("percentile of two axes", cases.percentile1.x:percentile(40, { 1, 3 }),
    cases.percentile1.x:transpose(2, 1, 3):reshape(5, 24):percentile(40, 2))
end

function TestArrayNumpy:test_logsumexp_at_the_edges()
  lu.assertEquals(A.logsumexp { -inf, -inf }, -inf)
  lu.assertEquals(A.logsumexp { inf, 1, -inf }, inf)
  lu.assertEquals(A.logsumexp { inf, inf }, inf)
  assert_nan(A.logsumexp { 1, nan, inf })
  lu.assertEquals(A.logsumexp(A.zeros(0)), -inf)
  lu.assertAlmostEquals(A.logsumexp { 1000, 1000 }, 1000 + math.log(2), 1e-12)
  lu.assertAlmostEquals(A.logsumexp { -1000, -inf }, -1000, 1e-12)
  lu.assertEquals(A.logsumexp({ { -inf, -inf }, { 0, -inf } }, 2):totable(), { -inf, 0 })
  lu.assertEquals(A.zeros(2, 0):logsumexp(2, { keepdims = true }):totable(), { { -inf }, { -inf } })
end

function TestArrayNumpy:test_softmax_at_the_edges()
  lu.assertEquals(A.softmax({ 1000, 1000, -inf }):totable(), { 0.5, 0.5, 0 })
  lu.assertTrue(A.softmax({ -inf, -inf }):isnan():all())
  lu.assertEquals(A.zeros(0, 3):softmax().shape, { 0, 3 })
  lu.assertEquals(A.zeros(3, 0):softmax().shape, { 3, 0 })
  lu.assertTrue(nn.softmax(cases.softmax3.x):equal(cases.softmax3.x:softmax()))
  raises("softmax: x: expected an array of one axis at least, got an array f64[]", A.softmax, 1)
end

function TestArrayNumpy:test_log_softmax_at_the_edges()
  lu.assertEquals(A.log_softmax({ 1000, 0, -inf }):totable(), { 0, -1000, -inf })
  lu.assertEquals(A.new({ -1e5, -1e5 - 200 }):log_softmax():totable(), { 0, -200 })
  lu.assertTrue(A.log_softmax({ -inf, -inf }):isnan():all())
  lu.assertTrue(A.log_softmax({ 0, nan }):isnan():all())
  lu.assertEquals(A.zeros(3, 0):log_softmax().shape, { 3, 0 })
  -- where one leads by far: what the others leave it, and how it follows
  local sure = A.new({ 60, 0, -3 }, { dtype = "f64" })
  local left, slopes = grad.value(function(x) return x:log_softmax():at(1) end, sure)
  lu.assertAlmostEquals(left / (math.exp(-60) + math.exp(-63)), -1, 1e-12)
  lu.assertAlmostEquals(slopes:at(1) / (math.exp(-60) + math.exp(-63)), 1, 1e-12)
  local long = A.randn(2, 600, 3, { seed = 1, dtype = "f64" }) * 10 -- longer than what exp takes at once
  for axis = 1, 3 do
    local want = long - long:logsumexp(axis, { keepdims = true })
    lu.assertTrue(long:log_softmax(axis):allclose(want, { atol = 1e-12 }))
  end
  raises("log_softmax: x: expected an array of one axis at least", A.log_softmax, 1)
end

function TestArrayNumpy:test_percentiles_at_the_edges()
  lu.assertEquals(A.percentile({ inf, inf }, 30), inf)
  lu.assertEquals(A.percentile({ 7 }, 99), 7)
  assert_nan(A.median { 1, nan, 2 })
  lu.assertEquals(A.median({ 1, 2, 3, 10 }, nil, { keepdims = true }):totable(), { 2.5 })
  lu.assertEquals(A.zeros(3, 2):percentile({}, 1).shape, { 0, 2 })
  raises("percentile: p: expected a number from 0 to 100, got 101", A.percentile, { 1 }, 101)
  raises("percentile: p: expected a number from 0 to 100, got nan", A.percentile, { 1 }, nan)
  raises("median: no elements to choose from in shape (0,)", A.median, A.zeros(0))
  raises("percentile: p: expected a number or a list of numbers", A.percentile, { 1 }, { { 1 } })
end

function TestArrayNumpy:test_onehot()
  lu.assertEquals(A.onehot({ 9, 4, 9 }, { 9, 4 }):totable(), { { 1, 0 }, { 0, 1 }, { 1, 0 } })
  lu.assertEquals(A.onehot({ { 0 }, { 2 } }, 3):totable(), { { { 1, 0, 0 } }, { { 0, 0, 1 } } })
  local d = data.digits(20, { seed = 1 })
  lu.assertTrue(A.onehot(d.y, d.classes):argmax(2):eq(d.y + 1):all())
  lu.assertEquals(A.onehot({}, 3).shape, { 0, 3 })
  raises("onehot: labels: 3 at position 2 is none of the 3 classes (a number of classes n stands for the "
    .. "labels 0 to n - 1)", A.onehot, { 0, 3 }, 3)
  raises("onehot: labels: -1 at position 1 is none of the 2 classes", A.onehot, { -1 }, { 4, 9 })
  raises("onehot: classes: expected labels that differ, got 3 with only 2 of them",
    A.onehot, { 4 }, { 4, 9, 4 })
  raises("onehot: classes: expected a list of labels (a dataset's or model's classes)", A.onehot, { 4 })
  raises("onehot: classes: expected an integer from 1", A.onehot, { 0 }, 0)
end

function TestArrayNumpy:test_gather()
  local x = A.arange(12):reshape(3, 4)
  lu.assertEquals(x:gather({ 1, 2, -1 }, 2):totable(), { 0, 5, 11 })
  lu.assertEquals(x:gather({ 3, 1, 2, 3 }, 1):totable(), { 8, 1, 6, 11 })
  lu.assertEquals(x:gather(x:argsort(2, { descending = true }), 2):totable(),
    x:sort(2, { descending = true }):totable())
  lu.assertEquals(A.gather({ 5, 6 }, 2):item(), 6)
  lu.assertEquals(x:gather(A.zeros(3, 0), 2).shape, { 3, 0 })
  lu.assertEquals(A.zeros(0, 4):gather({}, 2).shape, { 0 })
  raises("gather: positions of shape (2,) for an array of shape (3, 4): expected its sizes",
    A.gather, x, { 1, 2 }, 2)
  raises("gather: index 5 is out of range for axis 2 of size 4", A.gather, x, { 1, 2, 5 }, 2)
  raises("gather: index 0 is out of range", A.gather, x, { 1, 2, 0 }, 2)
  raises("gather: a scalar array has no positions", A.gather, 1, 1)
end

function TestArrayNumpy:test_diag()
  lu.assertEquals(A.diag({ 1, 2 }, { k = 1 }):totable(), { { 0, 1, 0 }, { 0, 0, 2 }, { 0, 0, 0 } })
  lu.assertEquals(A.diag({ 1 }, { k = -1 }):totable(), { { 0, 0 }, { 1, 0 } })
  local x = A.arange(6):reshape(2, 3)
  lu.assertEquals({ x:diag():totable(), x:diag({ k = 2 }):totable(), x.T:diag({ k = -2 }):totable() },
    { { 0, 4 }, { 2 }, { 2 } })
  lu.assertEquals(x:diag({ k = -2 }).shape, { 0 })
  lu.assertEquals(A.diag({}).shape, { 0, 0 })
  raises("diag: expected a vector or a matrix, got shape (1, 1, 1)", A.diag, A.zeros(1, 1, 1))
  raises("diag: expected a vector or a matrix, got shape ()", A.diag, 3)
end

function TestArrayNumpy:test_bytes()
  local x = A.randn(3, 4, { seed = 1 })
  lu.assertTrue(A.frombytes(x:tobytes(), "f32", { 3, 4 }):equal(x))
  lu.assertTrue(A.frombytes(x.T:tobytes(), "float32", { 4, 3 }):equal(x.T))
  lu.assertEquals(A.frombytes(("<i8h"):pack(-5, 0):sub(1, 8), "i64"):totable(), { -5 })
  lu.assertEquals(A.frombytes("\0\x3c", "f16"):totable(), { 1 })
  lu.assertEquals(A.frombytes("", "f64").shape, { 0 })
  raises("frombytes: 3 bytes are no multiple of the 4 of an element", A.frombytes, "abc", "f32")
  raises("frombytes: 4 bytes are not the shape (3,) with 4 an element", A.frombytes, "abcd", "f32", 3)
  raises("frombytes: 4 bytes are not the shape (4294967296, 4294967296, 1) with 4 an element",
    A.frombytes, "abcd",
    "f32", { 1 << 32, 1 << 32, 1 })
  raises("frombytes: dtype: expected \"f32\"", A.frombytes, "abcd", "u64x")
  raises("frombytes: bytes: expected a string, got 1234", A.frombytes, 1234, "f32")
  raises("frombytes: element 1 is 9223372036854775807, which does not fit a 32-bit integer",
    A.frombytes, ("<i8"):pack(math.maxinteger), "i64")
end

function TestArrayNumpy:test_shapes_of_layers_that_do_not_fit()
  local x, w = A.zeros(2, 3, 5, 5), A.zeros(4, 3, 3, 3)
  raises("conv2d: x (2, 3, 5, 5) and weight (4, 2, 3, 3): expected (n, c, h, w) or (c, h, w), "
    .. "and (out, c, kh, kw)",
    A.conv2d, x, A.zeros(4, 2, 3, 3))
  raises("conv2d: x (5, 5) and weight", A.conv2d, A.zeros(5, 5), w)
  raises("conv2d: bias (3,) and weight (4, 3, 3, 3): expected (4,)", A.conv2d, x, w, { 1, 2, 3 })
  raises("conv2d: the kernel of weight (4, 3, 6, 3) does not fit into x (2, 3, 5, 5) with a padding "
    .. "of (0, 1)", A.conv2d, x, A.zeros(4, 3, 6, 3), { padding = { 0, 1 } })
  raises("conv2d: the kernel of weight (4, 3, 0, 3) does not fit", A.conv2d, x, A.zeros(4, 3, 0, 3))
  raises("conv2d: stride: expected an integer from 1", A.conv2d, x, w, nil, { stride = 0 })
  raises("conv2d: padding: expected an integer from 0", A.conv2d, x, w, nil, { padding = 1 << 40 })
  raises("conv2d: unknown option 'strides'", A.conv2d, x, w, nil, { strides = 2 })
  lu.assertEquals(A.conv2d(x, w, { stride = 1 << 20, padding = { 0, 1 } }).shape, { 2, 4, 1, 1 })
  lu.assertEquals(A.conv2d(A.zeros(0, 3, 5, 5), w).shape, { 0, 4, 3, 3 })
  lu.assertEquals(A.conv2d(x, A.zeros(0, 3, 3, 3)).shape, { 2, 0, 3, 3 })
  lu.assertEquals(A.conv2d(A.zeros(2, 0, 5, 5), A.zeros(1, 0, 3, 3), { 7 }):mean(), 7)
  lu.assertEquals(A.conv2d(A.zeros(1, 1, 0, 0), A.ones(1, 1, 2, 2), { 7 }, { padding = 1 }):totable(),
    { { { { 7 } } } })
  raises("maxpool: a kernel of (6, 1) does not fit into images of shape (2, 3, 5, 5)", A.maxpool, x,
    { kernel = { 6, 1 } })
  raises("maxpool: expected images (n, c, h, w) or (c, h, w), got shape (5, 5)", A.maxpool, A.zeros(5, 5), 2)
  raises("maxpool: kernel: expected an integer from 1 to 1048576 or {height, width}, got nothing",
    A.maxpool, x)
  raises("maxpool: kernel: expected an integer", A.maxpool, x, 0)
  lu.assertEquals(x:maxpool(2).shape, { 2, 3, 2, 2 })
  assert_nan(A.maxpool({ { { 1, nan }, { 3, 4 } } }, 2):item())
  raises("linear: x (2, 3) and weight (4, 2): expected (…, in) and (out, in)",
    A.linear, A.zeros(2, 3), A.zeros(4, 2))
  raises("linear: bias (2, 1) and weight (2, 3): expected (2,)",
    A.linear, A.zeros(3), A.zeros(2, 3), A.zeros(2, 1))
  lu.assertEquals(A.linear(A.zeros(2, 0), A.zeros(3, 0), { 1, 2, 3 }):totable(), { { 1, 2, 3 }, { 1, 2, 3 } })
  lu.assertEquals(A.linear({ 1, 2 }, { { 1, 1 } }):totable(), { 3 })
end

function TestArrayNumpy:test_matrices()
  local x = A.randn(6, 4, { seed = 3, dtype = "f64" })
  for _, full in ipairs { false, true } do
    for _, matrix in ipairs { x, x.T } do
      local u, s, vt = matrix:svd { full_matrices = full }
      local m, n = matrix.shape[1], matrix.shape[2]
      lu.assertEquals({ u.shape, vt.shape }, full and { { m, m }, { n, n } } or { { m, 4 }, { 4, n } })
      near("uᵀu", u.T:matmul(u), A.eye(u.shape[2], { dtype = "f64" }))
      near("vt·v", vt:matmul(vt.T), A.eye(vt.shape[1], { dtype = "f64" }))
      near("svd", u:slice(nil, { 1, 4 }):matmul(s:diag()):matmul(vt:slice { 1, 4 }), matrix)
    end
  end
  local w, v = x.T:matmul(x):eigh()
  near("eigh", v:matmul(w:diag()):matmul(v.T), x.T:matmul(x))
  near("the symmetric part", (A.eigh { { 1, 4 }, { 0, 1 } }), (A.eigh { { 1, 2 }, { 2, 1 } }))
  near("a view", (x.T:matmul(x)):slice({ 1, 4, 2 }, { 1, 4, 2 }):inv():inv(),
    x.T:matmul(x):slice({ 1, 4, 2 }, { 1, 4, 2 }))
end

function TestArrayNumpy:test_matrices_that_do_not_do()
  raises("solve: the matrix (2, 2) is singular", A.solve, { { 1, 2 }, { 2, 4 } }, { 1, 2 })
  raises("inv: the matrix (3, 3) is singular", A.inv, A.zeros(3, 3))
  raises("inv: expected a square matrix, got shape (2, 3)", A.inv, A.zeros(2, 3))
  raises("solve: expected a square matrix, got shape (2, 2, 2)", A.solve, A.zeros(2, 2, 2), { 1, 2 })
  raises("solve: (2, 2) and (3,): expected (n, n) and (n,) or (n, m)", A.solve, A.eye(2), { 1, 2, 3 })
  raises("solve: (2, 2) and (): expected (n, n) and (n,) or (n, m)", A.solve, A.eye(2), 3)
  raises("eigh: expected a square matrix, got shape (3,)", A.eigh, { 1, 2, 3 })
  raises("svd: expected a matrix, got shape (3,)", A.svd, { 1, 2, 3 })
  raises("svd: number 2 is NaN", A.svd, { { 1, nan } })
  raises("inv: number 1 is infinite", A.inv, { { inf } })
  lu.assertEquals(A.solve(A.zeros(0, 0), A.zeros(0, 3)).shape, { 0, 3 })
  lu.assertEquals(A.inv(A.zeros(0, 0)).shape, { 0, 0 })
  lu.assertEquals(A.eigh(A.zeros(0, 0)).shape, { 0 })
  local u, s, vt = A.svd(A.zeros(0, 3), { full_matrices = true })
  lu.assertEquals({ u.shape, s.shape, vt:totable() }, { { 0, 0 }, { 0 }, A.eye(3):totable() })
end
