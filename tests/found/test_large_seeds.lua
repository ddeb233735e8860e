-- A seed beyond 2^53 was rounded in the headers of saved files: they named another run.

local lu = require "luaunit"

TestLargeSeeds = {}

local function bytes_of(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

function TestLargeSeeds:tearDown() perigee.seed(0) end

function TestLargeSeeds:test_headers_keep_all_digits()
  local path = os.tmpname()
  for _, number in ipairs { 0, 11, 2 ^ 53 | 0, (1 << 53) + 1, math.maxinteger - 1, math.maxinteger } do
    perigee.seed(number)
    lu.assertEquals(perigee.facts().seed, number)
    local words = ('\\"seed\\":%d,\\"threads\\"'):format(number)
    svm.new({ C = 2 }):save(path)
    lu.assertStrContains(bytes_of(path), words)
    lu.assertEquals(perigee.load(path).C, 2.0)
    local net = nn.new { input = 2, nn.linear { out = 2 }, classes = { 0, 1 }, seed = number }
    net:save(path)
    lu.assertStrContains(bytes_of(path), words)
    lu.assertTrue(array.equal(perigee.load(path):weights()["fc1.weight"], net:weights()["fc1.weight"]))
  end
  os.remove(path)
end
