-- Numbers have the array functions, so that what follows a full reduction runs with and without grad; all
-- else that is asked of a number is Lua's own error.
local lu = require "luaunit"
local numbers = require "perigee.numbers"

local operands = { -- where one is not enough
  add = { 3 }, sub = { 3 }, mul = { 3 }, div = { 3 }, pow = { 3 }, mod = { 3 }, idiv = { 3 }, maximum = { 3 },
  minimum = { 3 }, clip = { 0.25, 0.75 }, where = { 3, 4 }, eq = { 3 }, ne = { 3 }, lt = { 3 }, le = { 3 },
  gt = { 3 }, ge = { 3 }, logical_and = { 3 }, logical_or = { 3 }, logical_xor = { 3 },
}

TestNumbers = {}

function TestNumbers:test_each_method_is_that_of_a_traced_scalar()
  local x = array.new({ 0.125, 0.5 }, { dtype = "f64" })
  for name in pairs(numbers.methods) do
    local function f(v) -- a constant has no gradient, and is none of the answer's
      local s = v:sum()
      return s * 0 + s[name](s, table.unpack(operands[name] or {}))
    end
    local plain = f(x)
    lu.assertEquals(math.type(plain), "float", name)
    lu.assertAlmostEquals(grad.value(f, x), plain, 1e-12, name)
  end
end

function TestNumbers:test_values_are_those_of_lua()
  local s = 0.625
  lu.assertEquals({ s:exp(), s:log(), s:sqrt(), s:sin(), (-s):abs(), s:pow(2) },
    { math.exp(s), math.log(s), math.sqrt(s), math.sin(s), s, s ^ 2 })
  lu.assertEquals({ s:item(), s:clip(0, 0.5), s:clip(1), s:maximum(2), s:minimum(-1), s:floor() },
    { s, 0.5, 1.0, 2.0, -1.0, 0.0 })
  lu.assertNaN((-1):sqrt())
end

function TestNumbers:test_integers_stay_integers_where_those_of_an_array_do()
  for _, pair in ipairs { { (-3):abs(), 3 }, { (3):maximum(4), 4 }, { (3):clip(0, 2), 2 },
    { (3):square(), 9 }, { (3):item(), 3 }, { (3):sum(), 3 }, { (3):gt(2), 1 } } do
    lu.assertEquals({ math.type(pair[1]), pair[1] }, { "integer", pair[2] })
  end
  for _, value in ipairs { (4):sqrt(), (3):maximum(4.0), (3.0):abs(), (2):pow(2), (4):mean(),
    (1 << 60):abs() } do
    lu.assertEquals(math.type(value), "float")
  end
end

function TestNumbers:test_operands_that_are_arrays_make_arrays()
  lu.assertEquals((2):maximum(array.new { 1, 3 }):totable(), { 2, 3 })
  lu.assertEquals((2):maximum({ 1, 3 }):totable(), { 2, 3 })
  local value, g = grad.value(function(v) return (2):maximum(v:sum()):square() end, array.new { 1, 2 })
  lu.assertEquals({ value, g:totable() }, { 9, { 6, 6 } })
end

function TestNumbers:test_functions_of_a_reduction_run_untraced()
  local x = array.randn(4, 3, { seed = 1, dtype = "f64" })
  local function f(v)
    local s = v:square():sum()
    return s > 1 and s:log1p():clip(0, 100) or s:exp()
  end
  lu.assertTrue(grad.check(f, x) < 1e-6)
  local w = array.randn(3, 2, { seed = 2, dtype = "f64" })
  local model = grad.model { classes = { 0, 1 }, features = 3, scores = function(_, z)
    return z:matmul(w) * (z:square():mean() * -1):exp()
  end }
  local scores = model:scores(x)
  lu.assertAlmostEquals((scores - x:matmul(w) * math.exp(-x:square():mean())):abs():max(), 0, 1e-12)
end

-- The same error in a state whose numbers have no metatable.
local function with_metatable(meta, f)
  local own = debug.getmetatable(0)
  debug.setmetatable(0, meta)
  local ok, message = pcall(f)
  debug.setmetatable(0, own)
  return ok, message
end

function TestNumbers:test_all_else_is_luas_own_error()
  for _, text in ipairs { "local s = 2 s:foo()", "local s = 2 return s.foo", "local s = 2 return s[1]",
    "local s, k = 2, 'x' return s[k]", "local s = 2 return (function() return s:foo() end)()",
    "number_of_test = 2 return number_of_test:foo()", "local t = { s = 2 } return t.s:foo()",
    "local t = { 2 } return t[1]:foo()", "local t, i = { 2 }, 1 return t[i]:foo()", "return (2).foo",
    "return math.max(1, 2):foo()", "local a, s = {}, 2 return a.foo or s.foo", "local s = 0 / 0 return s.foo",
    "local s = 1 do local s = 2 return s.foo end", "local s = 2\n\nreturn 'a' ..\n s.foo",
    "local s = 2 s.foo = 1" } do
    local f = load(text)
    local _, expected = with_metatable(nil, f)
    local _, message = pcall(f)
    lu.assertEquals(message, expected)
    lu.assertStrContains(message, "attempt to index a number value")
  end
  rawset(_G, "number_of_test", nil)
end

function TestNumbers:test_a_metatable_of_the_users_takes_its_place()
  local ok, message = with_metatable({ __index = function(x, key) return key .. x end }, function()
    local s = 2
    assert(s.foo == "foo2" and s.exp == "exp2")
    -- the program's own files do without
    assert(grad.check(function(v) return v:square():sum() end, array.new { 1, 2 }) < 1e-6)
  end)
  lu.assertTrue(ok, message)
end

function TestNumbers:test_completion_knows_them()
  rawset(_G, "number_of_test", 2)
  local found = require("perigee.complete").candidates("number_of_test:cl")
  rawset(_G, "number_of_test", nil)
  lu.assertEquals(found, { "clip" })
end
