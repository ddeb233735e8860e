-- Shards of an evaluation, and what evaluate.merge makes of them and of their folders.

local lu = require "luaunit"
local checkpoint = require "perigee.evaluate.checkpoint"

local inputs = array.rand(40, 4, { seed = 1 })
local points = data.new { x = inputs, y = array.where(inputs:sum(2):gt(2), 1, 0):astype "i32" }
local held_out = array.rand(30, 4, { seed = 2 })
local net = nn.new { input = { 4 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }

local function evaluated(options)
  local all = {
    models = { net = net, nr = reject.new { model = net, threshold = 0 } },
    attacks = { attack.pgd { norm = "l2", max_iter = 3 }, attack.fgsm { norm = "l2" } },
    data = points, samples = 21, repeats = { 2, 3 }, block = 4, dmax = { 0, 0.1, 0.3 }, seed = 5,
    validation = data.new { x = held_out, y = array.zeros(30, { dtype = "i32" }) },
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return evaluate.security(all)
end

local function new_folder()
  local folder = os.tmpname()
  os.remove(folder)
  return folder
end

local function remove(folder)
  for _, name in ipairs(perigee.files(folder)) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
end

-- All files of an evaluation, but for the seconds, which no two runs share.
local function bytes(security)
  for _, cell in ipairs(security.cells) do cell.rows.seconds = 0 end
  local all = { tostring(security) }
  for i, ending in ipairs { ".safetensors", ".csv", ".json", ".npz", ".tex" } do
    local path = new_folder() .. ending
    security:save(path)
    local file <close> = assert(io.open(path, "rb"))
    all[i + 1] = file:read "a"
    os.remove(path)
  end
  return all
end

-- Without the differences themselves, which luaunit would look for in some hundred kilobytes.
local function assert_same(came, wanted, what)
  for i, text in ipairs(wanted) do
    lu.assertTrue(came[i] == text, ("%s: file %d is another one"):format(what or "", i))
  end
end

local function shards_of(n, options)
  local list = {}
  for i = 1, n do
    local own = { shard = { i, n } }
    for name, value in pairs(options or {}) do own[name] = value end
    list[i] = evaluated(own)
  end
  return list
end

local function raises(text, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok, text)
  lu.assertStrContains(message, text)
end

TestShards = {}

function TestShards:test_any_number_gives_the_bytes_of_one_process()
  local whole = bytes(evaluated())
  assert_same(bytes(evaluated()), whole)
  for _, n in ipairs { 1, 2, 3, 7, 80 } do
    assert_same(bytes(evaluate.merge(shards_of(n))), whole, n)
  end
end

-- What the shards have taken, each of their pieces once.
function TestShards:test_seconds_add_up()
  local function seconds(list)
    local sum = 0
    for _, one in ipairs(list) do
      for _, cell in ipairs(one.cells) do sum = sum + cell.rows.seconds end
    end
    return sum
  end
  local shards = shards_of(2)
  for _, one in ipairs(shards) do
    for _, cell in ipairs(one.cells) do cell.rows.seconds = 3 end
  end
  local given = seconds(shards)
  lu.assertTrue(given >= 6)
  lu.assertEquals(seconds { evaluate.merge(shards) }, given)
end

-- 72 pieces: 2 repeats of 6 blocks, 2 models, 2 attacks and noise.
function TestShards:test_pieces_are_dealt_evenly()
  local seen, most, least = {}, 0, math.huge
  for i, one in ipairs(shards_of(5)) do
    lu.assertEquals({ one.shard[1], one.shard[2] }, { i, 5 })
    lu.assertStrContains(tostring(one), ("shard %d of 5"):format(i))
    most, least = math.max(most, #one.shard.done), math.min(least, #one.shard.done)
    for _, number in ipairs(one.shard.done) do
      lu.assertNil(seen[number])
      seen[number] = true
    end
    local samples = {}
    for _, cell in ipairs(one.cells) do
      local key = cell.model .. cell.attack
      samples[key] = (samples[key] or 0) + #cell.rows.at
    end
    for _, count in pairs(samples) do lu.assertTrue(count >= 5 and count <= 12) end
  end
  lu.assertEquals({ #seen, most, least }, { 72, 15, 14 })
end

function TestShards:test_through_files()
  local loaded = {}
  for i, one in ipairs(shards_of(2)) do
    local path = os.tmpname()
    loaded[i] = evaluate.load(one:save(path))
    os.remove(path)
  end
  lu.assertEquals(loaded[2].shard[1], 2)
  assert_same(bytes(evaluate.merge { loaded[2], loaded[1] }), bytes(evaluated()))
end

function TestShards:test_through_folders()
  local whole, one, others = bytes(evaluated()), new_folder(), { new_folder(), new_folder() }
  evaluated { shard = { 1, 2 }, checkpoint = one }
  raises("36 of 72 pieces are not there: repeat 2, model 1, attack 1, samples from 5; repeat 2, ",
    evaluate.merge, one)
  evaluated { shard = { 2, 2 }, checkpoint = one }
  assert_same(bytes(evaluate.merge(one)), whole)
  assert_same(bytes(evaluated { checkpoint = one }), whole)
  for i, folder in ipairs(others) do evaluated { shard = { i, 2 }, checkpoint = folder } end
  assert_same(bytes(evaluate.merge(others)), whole)
  assert_same(bytes(evaluate.merge { others[2], evaluated { shard = { 1, 2 } } }), whole)
  raises("36 of 72 pieces are not there (of shard 2 of 2): ", evaluate.merge,
    { others[1], evaluated { shard = { 1, 2 } } })
  for _, folder in ipairs { one, table.unpack(others) } do remove(folder) end
end

function TestShards:test_shards_and_other_repeats()
  local list = shards_of(2)
  list[3] = evaluated { repeats = { 7 } }
  lu.assertEquals(evaluate.merge(list).counts, evaluated { repeats = { 2, 3, 7 } }.counts)
end

function TestShards:test_what_is_missing_is_named()
  local list = shards_of(3)
  raises("24 of 72 pieces are not there (of shard 2 of 3): repeat 2, model 1, attack 1, samples from 5; "
    .. "repeat 2, model 1, attack 2, samples from 5; repeat 2, model 1, noise, samples from 5; and 21 more",
    evaluate.merge, { list[1], list[3] })
  raises("48 of 72 pieces are not there (of shards 1, 2 of 3)", evaluate.merge, { list[3] })
  raises("48 of 72 pieces are not there (of shards 1, 2 of 3)", evaluate.merge, list[3])
end

function TestShards:test_other_evaluations_are_refused()
  local list, folder, empty = shards_of(2), new_folder(), new_folder()
  for what, options in pairs { seed = { seed = 6 }, block = { block = 5 }, dmax = { dmax = { 0, 0.1 } },
    repeats = { repeats = { 2 } }, models = { models = net } } do
    options.shard = { 2, 2 }
    raises("evaluate.merge: number 2 is of another evaluation than those before it: its " .. what,
      evaluate.merge, { list[1], evaluated(options) })
  end
  evaluated { seed = 6, shard = { 2, 2 }, checkpoint = folder }
  raises("number 2 is of another evaluation than those before it: its seed is 6, not 5", evaluate.merge,
    { list[1], folder })
  raises("checkpoint: " .. folder .. " is another evaluation's: its seed is 6", evaluated,
    { shard = { 1, 2 }, checkpoint = folder })
  raises("number 1: " .. empty .. ": there is no evaluation in it", evaluate.merge, { empty })
  remove(folder)
end

function TestShards:test_what_is_no_shard()
  for _, shard in ipairs { 3, "1/2", { 1 }, { 0, 2 }, { 3, 2 }, { 1.5, 2 }, { 1, 2, 3 } } do
    raises("evaluate.security: shard: expected { i, n } with i from 1 to n, as { 3, 40 }", evaluated,
      { shard = shard })
  end
  raises("got { 3, 2 }", evaluated, { shard = { 3, 2 } })
end

function TestShards:test_damaged_ones_are_refused()
  for _, damage in ipairs { function(shard) shard.done = { 1000 } end, function(shard) shard.done = 3 end,
    function(shard) shard.samples = 2 ^ 52 | 0 end, function(shard) shard.block = 0 end,
    function(shard) shard.done[#shard.done + 1] = shard.done[1] end, function(shard) shard[2] = "2" end } do
    local one = evaluated { shard = { 1, 2 } }
    damage(one.shard)
    raises("number 1: what it says of the shard is damaged", evaluate.merge, { one })
  end
end

-- Many pieces are in folders inside, a thousand each; those of earlier versions are found where they were.
function TestShards:test_folders_of_many_pieces()
  local folder = new_folder()
  evaluated { checkpoint = folder, noise = false, repeats = { 2 } }
  local few, many = checkpoint.of(folder, {}, 1000), checkpoint.of(folder, {}, 1001)
  few:write({ number = 7, name = "seven" }, { 7 })
  many:write({ number = 1001, name = "last" }, { 8 })
  local function any() return true end
  lu.assertEquals(many:read({ number = 7, name = "seven" }, any), { 7 })
  lu.assertEquals(many:read({ number = 1001, name = "last" }, any), { 8 })
  lu.assertNil(many:read({ number = 8, name = "eight" }, any))
  lu.assertEquals(perigee.files(folder .. "/pieces from 1001"), { "last.safetensors" })
  remove(folder .. "/pieces from 1001")
  remove(folder)
end
