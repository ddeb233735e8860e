-- Large parts of datasets, whose rows are copied when somebody asks for them: whatever is asked first, they
-- are the rows that they stand for, also when nobody has the whole any more.
local lu = require "luaunit"
local checksum = require("perigee.native").checksum
local session = require "perigee.session"
local resident = dofile "tests/lua/resident.lua"

TestLargeParts = {}

local ROWS, WIDTH = 9000, 1000 -- 36 MB of floats, 9 MB of bytes

local bytes = array.randint(0, 255, ROWS, WIDTH, { seed = 1 }):astype "u8"
local labels = array.randint(0, 9, ROWS, { seed = 2 })

local function whole(store)
  return data.new { x = store == "u8" and bytes or bytes / 255, y = labels, store = store, source = "drawn" }
end

local function assert_rows(part, places, what)
  local x = bytes[array.new(places, { dtype = "i32" })]
  if part.dtype == "f32" then x = x / 255 end
  lu.assertTrue(array.equal(part.x, x:astype(part.dtype)), what)
  lu.assertTrue(array.equal(part.y, labels[array.new(places, { dtype = "i32" })]), what)
end

-- The places 1, 1 + step, … of as many as there are.
local function every(step, first)
  local places = {}
  for i = first or 1, ROWS, step do places[#places + 1] = i end
  return places
end

-- What somebody may ask of a part before its rows are there; each gets one that nobody has read.
local asks = {
  x = function(part) return checksum(part.x) end,
  images = function(part) return checksum(part.images:reshape { #part, WIDTH }) end,
  floats = function(part) return checksum(part:floats()) end,
  checksum = checksum,
  sample = function(part) return checksum(part[-1].x) end,
  slice = function(part) return checksum(part:slice(5, 4000)) end,
  take = function(part) return checksum(part:take { 4000, 1, 1 }) end,
  range = function(part) return checksum(part[{ 1, 3500 }]) end,
  where = function(part) return checksum(part:where { 1, 3, 5, 7, 8, 9 }) end,
  mask = function(part) return checksum(part[part.y:lt(7)]) end,
  split = function(part)
    local a, b = part:split(0.5, { seed = 3 })
    return checksum(b) .. checksum(a)
  end,
  sampled = function(part) return checksum(part:sample(3000, { seed = 4 })) end,
  shuffled = function(part) return checksum(part:shuffle { seed = 5 }) end,
  per_class = function(part) return checksum(part:per_class(300)) end,
  concat = function(part) return checksum(part:slice(1, 10):concat(part, part:take { 2 })) end,
  labelled = function(part) return checksum(part:with { y = part.y + 1 }) end,
  stored = function(part) return checksum(part:with { store = "f32" }) end,
  batches = function(part)
    local sums = {}
    for batch in part:batches(2000) do sums[#sums + 1] = checksum(batch) end
    return table.concat(sums)
  end,
  file = function(part)
    local path = os.tmpname() .. ".npz"
    part:save(path)
    local back = checksum(data.npz(path).x)
    os.remove(path)
    return back
  end,
  session = function(part)
    local path = os.tmpname()
    rawset(_G, "kept", part)
    session.save(path, "kept")
    rawset(_G, "kept", nil)
    session.restore(path)
    local back = checksum(rawget(_G, "kept"))
    rawset(_G, "kept", nil)
    os.remove(path)
    return back
  end,
}

function TestLargeParts.test_whoever_asks_first()
  for _, store in ipairs { "f32", "u8" } do
    local set, places = whole(store), every(2)
    local read = set:take(places)
    assert_rows(read, places, store)
    for name, ask in pairs(asks) do
      lu.assertEquals(ask(set:take(places)), ask(read), store .. " " .. name)
    end
  end
end

-- Parts of parts, read from the last to the first and the other way round.
function TestLargeParts.test_parts_of_parts()
  for _, store in ipairs { "f32", "u8" } do
    for order = 1, 2 do
      local half = whole(store):take(every(2))
      local places, back, last = every(2), {}, {}
      for i, place in ipairs(places) do back[#places + 1 - i], last[i] = place, #places + 1 - i end
      local turned = half:take(last)
      collectgarbage()
      if order == 1 then assert_rows(half, places, store) end
      assert_rows(turned, back, store)
      assert_rows(half, places, store)
    end
  end
end

-- What only looks does not copy: text, sizes, labels, and who().
function TestLargeParts.test_looking()
  local set = whole "f32"
  local before = resident()
  local parts = {}
  for i = 1, 10 do
    local part = set:take(every(2, i))
    parts[i] = { part, tostring(part), part.features, part.dtype, part:counts(), part.classes, #part, part.y,
      part:with { x = set.x, y = set.y } }
  end
  lu.assertTrue(resident() < before + 58, "ten halves of 18 MB")
  lu.assertEquals(parts[3][4], "f32")
  for i = 1, 10 do assert_rows(parts[i][1], every(2, i)) end
end

-- Whoever writes into an array that a dataset was made of, through whatever door, changes none of its parts.
function TestLargeParts.test_nobody_writes_meanwhile()
  local x = array.ones(4000, 400, { dtype = "f32" })
  local set
  grad.value(function(a)
    set = data.new { x = grad.stop(a), y = array.zeros(4000, { dtype = "i32" }) }
    return a:sum()
  end, x)
  local large, small = set:sample(3000, { seed = 1 }), set:take { 1, 2 }
  x:fill(7)
  lu.assertEquals({ set.x:max(), large.x:max(), small.x:max() }, { 1, 1, 1 })
end
