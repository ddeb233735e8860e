local lu = require "luaunit"
local session = require "perigee.session"

TestSession = {}

-- The tests' own globals are a user's, too.
local tests = {}

local function mine()
  local list = {}
  for _, v in ipairs(session.who()) do
    if not tests[v.name] then list[#list + 1] = v end
  end
  return list
end

function TestSession:setUp()
  if not next(tests) then
    for _, v in ipairs(session.who()) do tests[v.name] = true end
  end
  self.path = os.tmpname()
end

function TestSession:tearDown()
  os.remove(self.path)
  for _, v in ipairs(mine()) do rawset(_G, v.name, nil) end
end

local function round_trip(self, value)
  rawset(_G, "kept", value)
  session.save(self.path, "kept")
  rawset(_G, "kept", nil)
  lu.assertEquals(session.restore(self.path), { "kept" })
  return rawget(_G, "kept")
end

function TestSession:testWhoListsOnlyTheUsersVariables()
  lu.assertEquals(#mine(), 0)
  rawset(_G, "weights", array.zeros(2, 3))
  local list = mine()
  lu.assertEquals(#list, 1)
  local one = list[1]
  lu.assertEquals({ one.name, one.kind, one.shape, one.bytes }, { "weights", "array", "f32[2x3]", 24 })
  lu.assertStrMatches(tostring(session.who()), ".*weights +array +f32%[2x3%] +24 B.*")
end

function TestSession:testPlainValuesComeBackAsTheyWere()
  local value = { 1, 2.5, -0.1, "text", "é\n", "\0\255", true, false, math.maxinteger, 1 / 0, -1 / 0,
    inner = { [3] = "three", [2.5] = "key" } }
  local back = round_trip(self, value)
  lu.assertEquals(back, value)
  lu.assertEquals(math.type(back[1]), "integer")
  lu.assertEquals(math.type(back[2]), "float")
  local nan = round_trip(self, 0 / 0)
  lu.assertTrue(nan ~= nan)
end

function TestSession:testSharedTablesAndCyclesStayShared()
  local shared = { 1 }
  local value = { a = shared, b = shared }
  value.self = value
  local back = round_trip(self, value)
  lu.assertTrue(rawequal(back.a, back.b))
  lu.assertTrue(rawequal(back.self, back))
end

function TestSession:testArraysOfEveryTypeAndViews()
  for _, dtype in ipairs { "f32", "f64", "i32" } do
    local x = array.arange(12, { dtype = dtype }):reshape(3, 4)
    local back = round_trip(self, x.T)
    lu.assertEquals(back.dtype, dtype)
    lu.assertTrue(array.equal(back, x.T))
  end
end

function TestSession:testDatasetsModelsAndResults()
  local digits = data.digits(40, { seed = 3 })
  local back = round_trip(self, digits)
  lu.assertEquals(back.shape, digits.shape)
  lu.assertEquals(back.source, digits.source)
  lu.assertTrue(array.equal(back.x, digits.x) and array.equal(back.y, digits.y))

  local model = svm.new { kernel = svm.rbf(0.05) }:fit(digits)
  local same = round_trip(self, { nested = model }).nested
  lu.assertTrue(array.equal(same:scores(digits), model:scores(digits)))

  local result = attack.fgsm { model = model, dmax = 0.1 }:run(digits:slice(1, 3))
  local again = round_trip(self, result)
  lu.assertTrue(array.equal(again.x_adv, result.x_adv))
  lu.assertEquals(again.verdict, result.verdict)
end

function TestSession:testWhatCannotBeKeptIsNamed()
  rawset(_G, "bad", { deep = { f = print } })
  lu.assertErrorMsgContains("bad.deep.f is a function", session.save, self.path, "bad")
  lu.assertErrorMsgContains("there is no variable nothing", session.save, self.path, "nothing")
end

function TestSession:testADamagedFileChangesNothing()
  rawset(_G, "x", array.arange(1000))
  session.save(self.path, "x")
  local file = assert(io.open(self.path, "rb"))
  local bytes = file:read("a")
  file:close()
  rawset(_G, "x", "before")
  local changes = {
    bytes:sub(1, #bytes - 8), bytes:sub(9), bytes:gsub('{\\"array\\":\\"1\\"}', '{\\"array\\":\\"7\\"}'),
    (bytes:gsub('{\\"array\\"', '{\\"arroy\\"')), "",
  }
  for i = 1, #changes do
    file = assert(io.open(self.path, "wb"))
    file:write(changes[i])
    file:close()
    lu.assertError(session.restore, self.path)
    lu.assertEquals(rawget(_G, "x"), "before")
  end
end

function TestSession:testFilesThatLackAPart()
  for kind, message in pairs { array = "tensor 'value' is missing",
    dataset = "tensor 'shape' is missing", model = "no model's description" } do
    local session_text = ('{"values":[{"table":[["a",{"%s":"1"}]]}]}'):format(kind)
    data.save_safetensors(self.path, {}, { ["perigee.session"] = session_text })
    lu.assertErrorMsgContains(("restore: %s: %s"):format(self.path, message), session.restore, self.path)
  end
  lu.assertErrorMsgContains("restore: /no/such/file: ", session.restore, "/no/such/file")
end

function TestSession:testADamagedDescriptionGivesASentence()
  local deep = ('{"table":[[true,'):rep(101) .. "1" .. ("]]}"):rep(101)
  for text, message in pairs {
    ["3"] = "no values", ['{"values":{}}'] = "no values", ['{"values":[1,2]}'] = "no values",
    ['{"values":[1]}'] = "no named values", ["[null]"] = "no known form", ["[[1]]"] = "no known form",
    ["[{}]"] = "an empty value", ['[{"int":"1","float":"inf"}]'] = "no known form",
    ['[{"table":[1]}]'] = "not a key and a value", ['[{"table":[["a"]]}]'] = "not a key and a value",
    ['[{"table":[[null,1]]}]'] = "no known form", ['[{"table":[["a",null]]}]'] = "no known form",
    ['[{"table":[[{"float":"nan"},1]]}]'] = "a table's key is not one",
    ['[{"table":{"a":1}}]'] = "without its text", ['[{"int":1}]'] = "without its text",
    ['[{"seen":2}]'] = "a table that is not there", ['[{"seen":"1"}]'] = "a table that is not there",
    ['[{"int":"1.5"}]'] = "an integer that is none", ['[{"int":"9223372036854775808"}]'] = "an integer",
    ['[{"float":"1"}]'] = "a number that is none", ['[{"bytes":"abc"}]'] = "not hex digits",
    ['[{"bytes":"zz"}]'] = "not hex digits", ['[{"thing":"1"}]'] = "a kind that is not known",
    ["[" .. deep .. "]"] = "nested too deeply",
  } do
    if text:sub(1, 1) == "[" then text = ('{"values":%s}'):format(text) end
    data.save_safetensors(self.path, {}, { ["perigee.session"] = text })
    lu.assertErrorMsgContains("restore: the file's description is damaged: ", session.restore, self.path)
    lu.assertErrorMsgContains(message, session.restore, self.path)
  end
end

function TestSession:testNestingHasALimit()
  local function nested(depth)
    local t = {}
    for _ = 2, depth do t = { t } end
    return t
  end
  lu.assertEquals(#round_trip(self, nested(99)), 1)
  rawset(_G, "kept", nested(102))
  lu.assertErrorMsgContains("save: kept cannot be kept in a file: tables are nested more than 100 deep",
    session.save, self.path, "kept")
end

function TestSession:testWhatPrintsStillPrints()
  rawset(_G, "mine", 1)
  for _, made in ipairs { session.who(), session.bench(function() end, 0.01), session.info() } do
    local words = tostring(made)
    lu.assertEquals(tostring(round_trip(self, made)), words)
  end
end

function TestSession:testBenchTimesACall()
  local result = session.bench(function() return 1 end, 0.02)
  lu.assertTrue(result.median > 0 and result.least <= result.median and result.median <= result.most)
  lu.assertStrContains(tostring(result), "a call")
  lu.assertErrorMsgContains("bench: f: expected a function, got 3", session.bench, 3)
end

function TestSession:testSeedRepeatsTheSessionsNumbers()
  local function numbers()
    return { math.random(1e6), array.rand(3):totable(), array.randperm(20):totable(),
      data.digits(5).x:sum() }
  end
  seed(7)
  local first = numbers()
  lu.assertNotEquals(numbers(), first)
  seed(7)
  lu.assertEquals(numbers(), first)
  lu.assertEquals(info().seed, 7)
  lu.assertErrorMsgContains("seed", seed, -1)
end

-- The bytes of a file, which for a safetensors file start with its metadata.
local function bytes_of(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

function TestSession:testEverySavedFileSaysWhoWroteIt()
  seed(11)
  local net = nn.new { input = { 1, 28, 28 }, nn.flatten {}, nn.linear { out = 10 } }
  local digits = data.digits(10, { seed = 1 })
  nn.train(net, digits, { epochs = 1 })
  local result = attack.fgsm { model = net, norm = "linf", dmax = 0.1 }:run(digits)
  rawset(_G, "kept", { net = net, result = result })
  local writers = {
    function() net:save(self.path) end,
    function() result:save(self.path) end,
    function() session.save(self.path, "kept") end,
  }
  local facts = perigee.facts()
  for _, write in ipairs(writers) do
    write()
    local header = bytes_of(self.path):gsub("\\", ""):match('"written_by":(%b{})')
    lu.assertNotNil(header)
    for _, name in ipairs { "version", "revision", "blas", "blas_core", "libsvm", "lua" } do
      lu.assertStrContains(header, ('"%s":"%s"'):format(name, facts[name]))
    end
    lu.assertStrContains(header, '"seed":11')
    lu.assertStrContains(header, ('"threads":%d'):format(facts.threads))
  end
end

function TestSession:testInfoNamesEverything()
  local text = tostring(info())
  for _, word in ipairs { "perigee", "seed", "threads", "OpenBLAS", "libsvm", "Lua", "gnuplot" } do
    lu.assertStrContains(text, word)
  end
  lu.assertStrContains(perigee.header(), "perigee " .. perigee.version)
end

function TestSession:testATrainingsHistoryIsOneLine()
  local net = nn.new { input = { 1, 28, 28 }, nn.flatten {}, nn.linear { out = 10 } }
  local history = nn.train(net, data.digits(20, { seed = 1 }), { epochs = 2, seed = 1 })
  lu.assertStrMatches(tostring(history), "2 epochs: loss [%d.]+ %-> [%d.]+, accuracy [%d.]+ %-> [%d.]+ %%")
  rawset(_G, "kept", history)
  lu.assertEquals(mine()[1].kind, "history")
  lu.assertEquals(round_trip(self, { history })[1].loss, history.loss)
end
