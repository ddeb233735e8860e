-- An untrained net without classes came back from its file as one that was fitted, with the classes 0, 1, ….

local archive = require "perigee.archive"
local lu = require "luaunit"

TestUntrainedSaves = {}

local function untrained() return nn.new { input = { 4 }, nn.linear { out = 3, name = "out" } } end

local function is_not_fitted(model)
  lu.assertEquals(model.classes, {})
  lu.assertErrorMsgContains("not fitted yet", model.predict, model, array.zeros(2, 4))
end

function TestUntrainedSaves:setUp() self.path = os.tmpname() end
function TestUntrainedSaves:tearDown() os.remove(self.path) end

function TestUntrainedSaves:test_models()
  local classifier = nn.new { input = { 3 }, nn.linear { out = 2 } }
  for _, model in ipairs {
    untrained(), reject.new { model = untrained(), threshold = 0 },
    reject.layer { net = untrained(), layer = "out", classifier = classifier },
  } do
    is_not_fitted(model)
    is_not_fitted(perigee.load(model:save(self.path)))
    archive.write(self.path, { m = model })
    is_not_fitted(archive.read(self.path).m)
  end
end

-- What has no words of its own about classes has them numbered still.
function TestUntrainedSaves:test_foreign_weights()
  data.save_safetensors(self.path, untrained():weights())
  local net = untrained()
  net:load_weights(self.path)
  lu.assertEquals(net.classes, { 0, 1, 2 })
  lu.assertEquals(perigee.load(net:save(self.path)).classes, { 0, 1, 2 })
end
