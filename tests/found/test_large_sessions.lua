-- A session of 12 MB took 650 MB to be refused, one of 3.5 MB whose keys collide 24 s to be read: values are
-- counted before anything is made of them. What save writes stays within that.

local lu = require "luaunit"
local archive = require "perigee.archive"
local session = require "perigee.session"

TestLargeSessions = {}

local path = os.tmpname()

function TestLargeSessions.tearDown()
  os.remove(path)
  rawset(_G, "kept", nil)
  rawset(_G, "small", nil)
end

local function write(values)
  data.save_safetensors(path, {}, { ["perigee.session"] = ('{"format":1,"values":[%s]}'):format(values) })
end

local function round_trip(value)
  archive.write(path, { a = value })
  return archive.read(path).a
end

function TestLargeSessions:test_too_many_values()
  for name, values in pairs {
    numbers = ("1,"):rep(200000) .. "1", lists = ("[],"):rep(200000) .. "1",
    entries = '{"table":[' .. ("[1,1],"):rep(60000) .. "[1,1]]}",
  } do
    write(values)
    local before = collectgarbage "count"
    local words = ("restore: %s: the variables: more than 100000 values"):format(path)
    lu.assertErrorMsgContains(words, archive.read, path)
    lu.assertTrue(collectgarbage "count" - before < 1000, name)
  end
end

function TestLargeSessions:test_keys_that_collide()
  local keys = {}
  for i = 1, 120000 do keys[i] = ('[{\\"int\\":\\"%d\\"},1]'):format(i * 131071):gsub("\\", "") end
  write('{"table":[["a",{"table":[' .. table.concat(keys, ",") .. "]}]]}")
  local started = os.clock()
  lu.assertErrorMsgContains("more than 100000 values", archive.read, path)
  lu.assertTrue(os.clock() - started < 2)
end

function TestLargeSessions:test_long_lists_of_numbers()
  local floats, integers = {}, {}
  for i = 1, 300000 do floats[i], integers[i] = i / 7, i * 0x12345678912345 end
  floats[2], floats[3], floats[4], floats[5], floats[6] = -0.0, 1 / 0, -1 / 0, 0 / 0, 5e-324
  integers[1], integers[2] = math.mininteger, -1
  local back = round_trip { floats = floats, integers = integers, again = floats }
  for i = 1, #floats do
    if string.pack("<d", back.floats[i]) ~= string.pack("<d", floats[i]) or back.integers[i] ~= integers[i]
      or math.type(back.floats[i]) ~= "float" or math.type(back.integers[i]) ~= "integer" then
      lu.fail(("number %d: %s, %s"):format(i, back.floats[i], back.integers[i]))
    end
  end
  lu.assertEquals({ #back.floats, #back.integers }, { 300000, 300000 })
  lu.assertTrue(rawequal(back.floats, back.again))
end

-- Which tables are lists, and which only look like ones.
function TestLargeSessions:test_lists()
  local rows = {}
  for i = 1, 20000 do rows[i] = { i, 2 * i, 3 * i } end
  local back = round_trip(rows)
  lu.assertEquals({ #back, back[777], back[20000] }, { 20000, { 777, 1554, 2331 }, { 20000, 40000, 60000 } })
  local holes = { 1, 2, nil, 4, x = 1 }
  for _, value in ipairs {
    { 1, 2.5 }, { 1, "two", { 3.5 }, {} }, { [-1] = 1.5 }, { [2] = 2 }, { [1.5] = 1 },
    holes, { [0] = 1, 2, 3 }, {}, { { { 1 } } }, { true }, { [1] = 1, [3] = 3, [2] = 2 }, { 1, nil, 3, nil },
  } do
    lu.assertEquals(round_trip(value), value)
  end
  local cycle = { 1 }
  cycle[2], cycle[3] = cycle, { 2.5 }
  cycle[4] = cycle[3]
  back = round_trip(cycle)
  lu.assertTrue(rawequal(back[2], back) and rawequal(back[4], back[3]) and back[3][1] == 2.5)
end

function TestLargeSessions:test_what_could_not_be_restored_is_not_saved()
  local many = {}
  for i = 1, 40000 do many["name" .. i] = true end
  rawset(_G, "kept", many)
  rawset(_G, "small", 3)
  session.save(path, "small")
  local words = "its tables have more than 100000 values; arrays and lists of numbers count as one each"
  lu.assertErrorMsgContains("save: kept cannot be kept in a file: " .. words, session.save, path, "kept")
  lu.assertErrorMsgContains("save: kept cannot be kept in a file: its tables, with", archive.write, path,
    { kept = many })
  lu.assertEquals(archive.read(path), { small = 3 })
end

function TestLargeSessions:test_damaged_lists()
  for text, words in pairs {
    ['{"floats":"12"}'] = "not hex digits", ['{"integers":""}'] = "not hex digits",
    ['{"floats":"0x00000000000000"}'] = "not hex digits", ['{"floats":[1]}'] = "a value without its text",
    ['{"list":[]}'] = "a value without its text", ['{"list":{"a":1}}'] = "a value without its text",
    ['{"list":"1"}'] = "a kind that is not known", ['{"list":[null]}'] = "no known form",
  } do
    write('{"table":[["a",' .. text .. "]]}")
    lu.assertErrorMsgContains(words, archive.read, path)
  end
end

-- Variables that each have room, but not together: what comes too late is left out by name, and the rest is
-- written.
function TestLargeSessions:test_too_many_values_together()
  local values = {}
  for v = 1, 6 do
    local t = {}
    for i = 1, 9000 do t[i] = { "text" } end
    values["v" .. v] = t
  end
  local left = {}
  archive.write(path, values, function(name, reason) left[#left + 1] = name .. ": " .. reason end)
  lu.assertEquals(#left, 3)
  local words = "v4: its tables, with those of the variables before it, have more than 100000 values"
  lu.assertStrContains(left[1], words)
  local back = archive.read(path)
  lu.assertEquals(#back.v1, 9000)
  lu.assertEquals(back.v3[9000], { "text" })
  lu.assertNil(back.v4)
end
