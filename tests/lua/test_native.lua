-- What the program's own Lua files get from C by require "perigee.native".
local lu = require "luaunit"
local json = require "perigee.json"
local native = require "perigee.native"

TestJson = {}

function TestJson:testValues()
  for text, value in pairs {
    ['"a\\"\\\\\\n\\u0001é<"'] = 'a"\\\n\1é<', ["3"] = 3, ["0.1"] = 0.1,
    ["0.76936948384969006"] = 0.76936948384969006,
    ["true"] = true, ["null"] = 1 / 0, ["[]"] = {}, ['[1,[2],"x"]'] = { 1, { 2 }, "x" },
    ['{"a":{"b":[]},"c":false}'] = { c = false, a = { b = {} } },
  } do
    lu.assertEquals(json.text(value), text)
  end
end

function TestJson:testArraysAreRowsOfNumbers()
  local x = array.new { { 1, 2.5 }, { 0 / 0, 1 / 3 } }
  lu.assertEquals(json.text { x, x.T, array.zeros(0) },
    "[[1,2.5,null,0.3333333],[1,null,2.5,0.3333333],[]]")
end

function TestJson:testKeysAreSorted()
  local t = {}
  for c = ("z"):byte(), ("a"):byte(), -1 do t[string.char(c)] = 0 end
  local keys = {}
  for key in json.text(t):gmatch '"(%a)"' do keys[#keys + 1] = key end
  lu.assertEquals(table.concat(keys), "abcdefghijklmnopqrstuvwxyz")
end

function TestJson:testWhatIsNone()
  local t = {}
  t.t = t
  lu.assertErrorMsgContains("nested too deeply", json.text, t)
  lu.assertErrorMsgContains("json: ", json.text, print)
  lu.assertErrorMsgContains("names for keys", json.text, { [print] = 1 })
end

TestSurplus = {}

function TestSurplus:testIsRefusedByEveryFunction()
  for _, library in ipairs { native, native.gnuplot, perigee } do
    for name, f in pairs(library) do
      if type(f) == "function" then
        local fine, message = pcall(f, table.unpack({ [21] = "surplus" }, 1, 21))
        lu.assertFalse(fine, name)
        lu.assertStrMatches(message, ".*: expected [anot ms%d]+ arguments?, got the string \"surplus\".*")
      end
    end
  end
end

-- What arguments.lua and blame.lua ask of C, which asks the same of its own arguments.
TestMetatables = {}

function TestMetatables:testAny()
  local any, odd, many = native.metatables.any, setmetatable({}, {}), {}
  for i = 1, 40 do many[i] = i == 40 and odd or i end
  for _, with in ipairs { { odd }, { 1, odd }, { { { odd } } }, { { a = 1, b = odd } } } do
    lu.assertTrue(any(table.unpack(with)))
  end
  for _, without in ipairs { {}, { 1, "text", {}, nil, print }, { { { { odd } } } }, { array.ones(1) },
    { many } } do
    lu.assertFalse(any(table.unpack(without)))
  end
end

function TestMetatables:testLuasOwnWords()
  local is_raw = native.metatables.is_raw
  for _, broken in ipairs {
    function(t) return t + 1 end, function(t) return t < 1 end, function() return 1 << 0.5 end,
    function(t) return table.concat(t, {}) end,
    function(t) return tostring(setmetatable(t, { __tostring = function() return {} end })) end,
    function(t) return table.unpack(setmetatable(t, { __len = function() return {} end })) end,
  } do
    local _, raised = pcall(broken, {})
    lu.assertTrue(is_raw((raised:gsub("^[^:]*:%d+: ", ""))), raised)
  end
  for _, words in ipairs { "", "svm.new: C: expected a number", "an attempt to fit",
    "attempt to yield across a C-call boundary" } do
    lu.assertFalse(is_raw(words), words)
  end
end

-- FNV-1a of its name in files, type, shape and numbers: it stands in files and must stay what it is.
TestChecksum = {}

function TestChecksum:testOfAnArray()
  local hash = 0xcbf29ce484222325
  for byte in string.pack("<zI4I8fff", "value", 0, 3, 1, 2, 3):gmatch "." do
    hash = (hash ~ byte:byte()) * 0x100000001b3
  end
  lu.assertEquals(native.checksum(array.new { 1, 2, 3 }), ("%016x"):format(hash))
end

-- What was dropped takes no room: 96 MB of 100 are taken by a text whose bytes need six in JSON.
TestArchive = {}

function TestArchive:testDroppedParts()
  local archive = native.archive()
  lu.assertNil(native.archive_keep(archive, ("\1"):rep(16000000)))
  local large = data.new { x = array.zeros(1, 1), y = { 1 }, source = ("x"):rep(3000000) }
  lu.assertEquals(native.archive_put(archive, large), "dataset")
  local kind, reason = native.archive_put(archive, large)
  lu.assertNil(kind)
  lu.assertStrContains(reason, "102 MB of texts and names; the format has room for 100")
  lu.assertEquals(native.archive_drop(archive), 0)
  lu.assertEquals(native.archive_put(archive, large), "dataset")
end

TestWriteFile = {}

function TestWriteFile:testWholeOrNotAtAll()
  local path = os.tmpname()
  lu.assertTrue(native.write_file(path, "one\0two"))
  local file <close> = assert(io.open(path, "rb"))
  lu.assertEquals(file:read "a", "one\0two")
  os.remove(path)
  local fine, message = native.write_file("/nonexistent/a", "")
  lu.assertNil(fine)
  lu.assertEquals(message, "/nonexistent/a: No such file or directory")
end
