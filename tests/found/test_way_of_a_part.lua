-- A part of an ensemble that looks beyond dmax on its way (attack.fmn with reach, as in attack.auto): its
-- trace was "farther than dmax", and the file of the result could not be read again.
local lu = require "luaunit"

local models = dofile "tests/lua/bumps.lua"

TestFound = {}

function TestFound:test_file_of_a_result_whose_part_had_reach()
  local model = models.new(-1, { gradient_is = "surrogate" })
  local rows = {}
  for i = 1, 12 do rows[i] = { 0.48 - 0.03 * i, 0.1, 0.52 + 0.03 * i } end
  local samples = data.new { x = rows, y = array.zeros(12):astype "i32" }
  local weak = attack.pgd { model = model, dmax = 0.2, eta = 0.01, max_iter = 3 }
  local path = os.tmpname()
  local function kept(e)
    local r = e:run(samples)
    local farthest = 0
    for i = 1, 12 do farthest = math.max(farthest, r.trace_distance[i]:max()) end
    lu.assertTrue(farthest > 0.201) -- the case
    r:save(path)
    lu.assertEquals(perigee.load(path).distance:totable(), r.distance:totable())
  end
  local far = attack.fmn { model = model, dmax = 0.2, reach = 1.5 }
  kept(attack.ensemble { weak, far })
  kept(attack.ensemble { weak, attack.ensemble { far } })
  os.remove(path)
end
