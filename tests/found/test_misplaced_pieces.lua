-- A piece of a checkpoint folder that was copied under another's name was believed: samples were counted
-- twice, and noise for an attack.

local archive = require "perigee.archive"
local lu = require "luaunit"
local raises = dofile "tests/lua/raises.lua"

TestMisplacedPieces = {}

local inputs = array.rand(20, 3, { seed = 1 })
local points = data.new { x = inputs, y = array.where(inputs:sum(2):gt(1.5), 1, 0):astype "i32" }
local net = nn.new { input = { 3 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }

local function evaluated(folder)
  return evaluate.security { models = { net = net }, attacks = { attack.pgd { norm = "l2", max_iter = 3 },
    attack.fgsm { norm = "l2" } }, data = points, samples = 12, block = 4, dmax = { 0, 0.3 }, seed = 1,
    checkpoint = folder }
end

local function name_of(what, first) return ("repeat 1, model 1, %s, samples from %d"):format(what, first) end

function TestMisplacedPieces:setUp()
  self.folder = os.tmpname()
  os.remove(self.folder)
  self.whole = tostring(evaluated(self.folder))
end

function TestMisplacedPieces:tearDown()
  for _, name in ipairs(perigee.files(self.folder)) do os.remove(self.folder .. "/" .. name) end
  os.remove(self.folder)
end

function TestMisplacedPieces:path(name) return ("%s/%s.safetensors"):format(self.folder, name) end

-- What `change` makes of one piece's file is the other's.
function TestMisplacedPieces:move(from, to, change)
  local values = archive.read(self:path(from))
  if change then change(values) end
  archive.write(self:path(to), values)
end

local function nameless(values) values.name = nil end

function TestMisplacedPieces:test_other_samples()
  for _, change in ipairs { false, nameless } do
    self:move(name_of("attack 1", 1), name_of("attack 1", 5), change)
    lu.assertEquals(tostring(evaluated(self.folder)), self.whole)
  end
  self:move(name_of("attack 1", 1), name_of("attack 1", 5))
  raises("1 of 9 pieces is not there: repeat 1, model 1, attack 1, samples from 5", evaluate.merge,
    self.folder)
end

function TestMisplacedPieces:test_another_attack()
  for _, what in ipairs { "noise", "attack 2" } do
    self:move(name_of(what, 9), name_of("attack 1", 9))
    raises("1 of 9 pieces is not there", evaluate.merge, self.folder)
    lu.assertEquals(tostring(evaluated(self.folder)), self.whole)
  end
end

-- Files of earlier versions have no name of theirs.
function TestMisplacedPieces:test_files_without_a_name()
  for _, what in ipairs { "attack 1", "attack 2", "noise" } do
    for first = 1, 9, 4 do self:move(name_of(what, first), name_of(what, first), nameless) end
  end
  lu.assertEquals(tostring(evaluate.merge(self.folder)), self.whole)
  lu.assertEquals(tostring(evaluated(self.folder)), self.whole)
  for _, what in ipairs { "attack 1", "attack 2", "noise" } do
    lu.assertNil(archive.read(self:path(name_of(what, 1))).name) -- nothing was done anew
  end
  self:move(name_of("attack 2", 1), name_of("attack 2", 5), nameless)
  raises("attack 2, samples from 5 has other samples than the pieces of the same block before it",
    evaluate.merge, self.folder)
  for _, what in ipairs { "attack 1", "noise" } do
    self:move(name_of(what, 1), name_of(what, 5), nameless)
  end
  raises("the pieces of repeat 1, samples from 5 have sample ", evaluate.merge, self.folder)
end

function TestMisplacedPieces:test_damaged_ones()
  for _, change in ipairs {
    function(values) values.piece = 3 end, function(values) values.piece.at = nil end,
    function(values) values.piece.seconds = "long" end,
    function(values) values.piece.y = values.piece.y:slice { 1, 3 } end,
    function(values) values.piece.verdict = { 1, 2 } end,
  } do
    self:move(name_of("attack 1", 1), name_of("attack 1", 1), change)
    raises("1 of 9 pieces is not there", evaluate.merge, self.folder)
    lu.assertEquals(tostring(evaluated(self.folder)), self.whole)
  end
end
