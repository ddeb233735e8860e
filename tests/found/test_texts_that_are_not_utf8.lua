-- A text that is not UTF-8, a file's name say, kept whatever had come near it from being saved.

local archive = require "perigee.archive"
local lu = require "luaunit"

TestTextsThatAreNotUtf8 = {}

local named = "caf\xe9.csv"

local function digits(source)
  return data.new { x = array.rand(20, 4, { seed = 1 }), y = array.arange(20) % 2, source = source }
end

local function small_net() return nn.new { input = { 4 }, seed = 1, nn.linear { out = 2 } } end

function TestTextsThatAreNotUtf8:setUp() self.path = os.tmpname() end
function TestTextsThatAreNotUtf8:tearDown() os.remove(self.path) end

function TestTextsThatAreNotUtf8:test_sources()
  local d = digits(named)
  lu.assertEquals(d.source, "caf\\xe9.csv")
  lu.assertEquals(digits("café.csv").source, "café.csv")
  archive.write(self.path, { d = d })
  lu.assertEquals(archive.read(self.path).d.source, "caf\\xe9.csv")
  local net = small_net()
  nn.train(net, d, { epochs = 1 })
  lu.assertEquals(perigee.load(net:save(self.path)).trained.source, "caf\\xe9.csv")
end

function TestTextsThatAreNotUtf8:test_names_of_files()
  local path = self.path .. "\xe9.npz"
  data.save_npz(path, { x = array.rand(20, 4, { seed = 1 }), y = array.arange(20) % 2 })
  local d = data.npz(path)
  os.remove(path)
  lu.assertStrContains(d.source, "\\xe9.npz")
  archive.write(self.path, { d = d })
  lu.assertStrContains(archive.read(self.path).d.source, "\\xe9.npz")
end

function TestTextsThatAreNotUtf8:test_names_of_layers()
  lu.assertErrorMsgContains("nn.linear: name: expected a word of at most 63 letters in UTF-8", nn.linear,
    { out = 2, name = "caf\xe9" })
end

function TestTextsThatAreNotUtf8:test_names_of_attacks()
  local net, d = small_net(), digits("made up")
  nn.train(net, d, { epochs = 1 })
  local judged = attack.judge { model = net, x0 = d, x_adv = d.x, name = named }
  for _, result in ipairs {
    judged, attack.worst { judged, judged, name = named },
    attack.ensemble({ attack.fgsm { model = net, dmax = 0.1 }, name = named }):run(d),
  } do
    lu.assertEquals(result.attack, "caf\\xe9.csv")
    lu.assertEquals(perigee.load(result:save(self.path)).attack, "caf\\xe9.csv")
    archive.write(self.path, { r = result })
    lu.assertEquals(archive.read(self.path).r.params.attack, "caf\\xe9.csv")
  end
end

-- What came out of a file goes into another.
function TestTextsThatAreNotUtf8:test_records()
  local net = small_net()
  nn.train(net, digits "xxxx", { epochs = 1 })
  net:save(self.path)
  local file = assert(io.open(self.path, "rb"))
  local bytes = file:read "a"
  file:close()
  file = assert(io.open(self.path, "wb"))
  file:write((bytes:gsub("xxxx", "caf\xe9")))
  file:close()
  local loaded = perigee.load(self.path)
  lu.assertEquals(perigee.load(loaded:save(self.path)).trained.source, "caf\\xe9")
end
