-- Values as bytes between ranks (lua/perigee/parcel.lua): what comes out is what went in, functions too.

-- luacheck: globals parcel_factor parcel_handle parcel_times
local lu = require "luaunit"
local native = require "perigee.native"
local parcel = require "perigee.parcel"

TestParcel = {}

local function again(value, ...)
  local bytes, reason = parcel.bytes(value, ...)
  lu.assertNotNil(bytes, reason)
  return parcel.value(bytes)
end

function TestParcel.test_plain_values()
  local values = { true, false, 0, -1, math.mininteger, math.maxinteger, 0.1, -0.0, 1 / 0, "", "a\0\255",
    ("x"):rep(70000) }
  for _, value in ipairs(values) do
    local came = again(value)
    lu.assertEquals(math.type(came), math.type(value))
    lu.assertTrue(rawequal(came, value) or came == value)
  end
  lu.assertEquals(1 / again(-0.0), -math.huge)
  local nan = again(0 / 0)
  lu.assertTrue(nan ~= nan)
  lu.assertNil(again(nil))
  local t = { 1, "b", { c = { 2.5, false } }, [3.5] = 4 }
  lu.assertEquals(again(t), t)
end

function TestParcel.test_tables_stay_the_same_ones()
  local inner = {}
  local t = { inner, inner }
  t.own = t
  local came = again(t)
  lu.assertTrue(rawequal(came[1], came[2]))
  lu.assertTrue(rawequal(came.own, came))
  lu.assertFalse(rawequal(came[1], inner))
  local class = { __index = { f = function() return 7 end } }
  lu.assertEquals(again(setmetatable({}, class)).f(), 7)
end

function TestParcel.test_objects()
  local d = data.digits(20, { seed = 1 })
  local net = nn.new { input = { 1, 28, 28 }, seed = 3, nn.flatten {}, nn.linear { out = 10 } }
  nn.train(net, d, { epochs = 1, seed = 1 })
  local a = array.rand { 3, 4 }
  local kept = { a = a, view = a.T, d = d, net = net, again = net,
    attack = attack.pgd { norm = "l2", dmax = 2, model = net, lower = 0 } }
  local came = again(kept)
  for _, name in ipairs { "a", "view", "d", "net" } do
    lu.assertEquals(native.checksum(came[name]), native.checksum(kept[name]), name)
  end
  lu.assertTrue(rawequal(came.net, came.again))
  lu.assertTrue(rawequal(came.attack.model, came.net))
  lu.assertEquals(tostring(came.attack), tostring(kept.attack))
  local ensemble = again(attack.ensemble { attack.fgsm { norm = "l2" }, attack.pgd { norm = "l2" } })
  lu.assertEquals(#ensemble, 2)
  lu.assertEquals(ensemble[2].name, "pgd")
end

function TestParcel.test_objects_by_name()
  local a = array.rand { 3 }
  local bytes = parcel.bytes({ a, a }, function(object) return rawequal(object, a) and "the array" or nil end)
  lu.assertTrue(#bytes < 60)
  local came = parcel.value(bytes, function(name) return name == "the array" and a end)
  lu.assertTrue(rawequal(came[1], a) and rawequal(came[2], a))
end

function TestParcel.test_functions()
  local count = 0
  local function up() count = count + 1; return count end
  local function now() return count, math.floor(2.5), perigee.version end
  local came = again { up = up, now = now }
  lu.assertEquals(came.up(), 1)
  lu.assertEquals(came.up(), 2)
  lu.assertEquals({ came.now() }, { 2, 2, perigee.version }) -- they share what they shared
  lu.assertEquals(count, 0)
  local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
  lu.assertEquals(again(fib)(10), 55)
  lu.assertTrue(rawequal(again(print), print))
  lu.assertTrue(rawequal(again(attack.pgd), attack.pgd))
end

function TestParcel.test_globals_come_with_functions()
  parcel_factor, parcel_handle = 3, io.stdout
  function parcel_times(x) return x * parcel_factor end
  local bytes = parcel.bytes(function(x) return parcel_times(x), parcel_handle end)
  parcel_factor, parcel_times, parcel_handle = nil, nil, nil
  local came = parcel.value(bytes)
  lu.assertEquals(parcel_factor, 3)
  local ok, message = pcall(came, 4) -- what could not travel is not set
  lu.assertFalse(ok)
  lu.assertStrContains(message, "parcel_handle")
  lu.assertEquals(parcel_times(4), 12)
  parcel_factor, parcel_times = nil, nil
end

function TestParcel.test_refusals()
  local bytes, reason = parcel.bytes { models = { m = { f = coroutine.create(print) } } }
  lu.assertNil(bytes)
  lu.assertEquals(reason, "models.m.f is a coroutine")
  bytes, reason = parcel.bytes { file = io.stdout }
  lu.assertNil(bytes)
  lu.assertStrContains(reason, "file is ")
  bytes, reason = parcel.bytes { g = string.gmatch("a", "a") }
  lu.assertNil(bytes)
  lu.assertStrContains(reason, "g is a function written in C")
  local deep = {}
  for _ = 1, 300 do deep = { deep } end
  lu.assertNil((parcel.bytes(deep)))
end
