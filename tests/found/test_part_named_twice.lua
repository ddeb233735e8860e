-- A session that named one of its models a thousand times became a thousand models. It is one, a thousand
-- times.

local lu = require "luaunit"
local archive = require "perigee.archive"

TestPartNamedTwice = {}

function TestPartNamedTwice:test_session()
  local path = os.tmpname()
  local net = nn.new { input = { 1 }, classes = { 1 }, nn.linear { out = 1 } }
  archive.write(path, { values = { array.zeros(2), net, net } })
  lu.assertEquals(#archive.read(path).values, 3)
  local arrays, texts = data.safetensors(path)
  local text = texts["perigee.session"]
  for kind, place in pairs { array = 2, model = 3 } do
    local tag = text:match('{"' .. kind .. '":"%d+"}')
    texts["perigee.session"] = text:gsub('{"list":%[', function(opening)
      return opening .. tag .. ","
    end, 1)
    data.save_safetensors(path, arrays, texts)
    local values = archive.read(path).values
    lu.assertEquals(#values, 4)
    lu.assertTrue(rawequal(values[1], values[place]))
  end
  os.remove(path)
end
