-- Seeds: repeatable, and equal ones give different functions streams of their own.
local lu = require "luaunit"

local function correlation(a, b)
  a, b = a:astype("f64"), b:astype("f64")
  a, b = a - a:mean(), b - b:mean()
  return a:dot(b) / (a:norm() * b:norm())
end

TestRandom = {}

function TestRandom:test_equal_seeds_of_different_functions()
  local n = 7840
  local net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten {}, nn.linear { out = 10 } }
  local streams = {
    array.rand(n, { seed = 1 }), array.randn(n, { seed = 1 }), array.randint(1, 1000, n, { seed = 1 }),
    array.randperm(n, { seed = 1 }), net:weights()["fc1.weight"]:reshape(n),
  }
  for i = 1, #streams do
    for j = 1, i - 1 do
      local c = math.abs(correlation(streams[i], streams[j]))
      lu.assertTrue(c < 0.06, ("streams %d and %d: correlation %.3f"):format(i, j, c))
    end
  end
end

function TestRandom:test_a_sample_is_not_the_half_of_a_split()
  local ds = data.digits(1000, { seed = 5 })
  local half = ds:split(0.5, { seed = 5 })
  local counts, known = {}, {}
  for i, digit in ipairs(half) do
    counts[half.y[i]] = (counts[half.y[i]] or 0) + 1
    known[digit.x:sum()] = true
  end
  local even = true -- as if the labels had been dealt in the same order
  for c = 0, 9 do even = even and counts[c] == 50 end
  lu.assertFalse(even)
  local shared = 0
  for _, digit in ipairs(ds:sample(200, { seed = 5 })) do
    shared = shared + (known[digit.x:sum()] and 1 or 0)
  end
  lu.assertTrue(shared > 60 and shared < 140, shared)
end

function TestRandom:test_calls_repeat()
  lu.assertTrue(array.rand(5, { seed = 3 }):equal(array.rand(5, { seed = 3 })))
  lu.assertFalse(array.rand(5, { seed = 3 }):equal(array.rand(5, { seed = 4 })))
  lu.assertFalse(array.rand(5):equal(array.rand(5)))
end
