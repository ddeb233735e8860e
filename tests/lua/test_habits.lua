-- What is said of habits of other languages: each row of lua/perigee/habits.lua, by its wrong text; and
-- nothing of Lua that is right, or wrong otherwise.
local lu = require "luaunit"
local habits = require "perigee.habits"

-- The words of a row without what its pattern captures.
local function fixed_words(says)
  return (says:gsub("%%%d.*", ""))
end

local function said_of(text, name)
  local f, message = load(text, name or "=wrong")
  if f then return nil end
  local whole = habits.of_text(message, text)
  lu.assertEquals(whole:sub(1, #message), message) -- Lua's own message is never hidden
  return whole:sub(#message + 1)
end

TestSyntax = {}

function TestSyntax:test_each_row()
  for _, row in ipairs(habits.syntax) do
    local words = "; " .. fixed_words(row.says)
    lu.assertNotNil(said_of(row.wrong), row.wrong .. " is Lua")
    lu.assertEquals(said_of(row.wrong):sub(1, #words), words, row.wrong)
    local rest = row.anywhere and "" or "\nlocal b = 2\n"
    local within = "local a = 1\n-- a comment's [1, 2]\n" .. row.wrong .. rest
    if row.wrong:sub(1, 1) ~= "%" then -- behind something it is an operator
      lu.assertStrContains(said_of(within) or "", words, false, within)
    end
    if not row.wrong:find("\n") and not row.wrong:find("[#/]") then
      -- in a string or a comment it is nobody's habit
      for _, text in ipairs { ("local s = %q x = = 1"):format(row.wrong), "x = = 1 -- " .. row.wrong,
        "--[[ " .. row.wrong .. " ]] x = = 1", row.wrong:find("'") and "x = = 1"
        or "local t = [==[" .. row.wrong .. "]==] x = = 1" } do
        lu.assertEquals(said_of(text), "", text)
      end
    end
  end
end

function TestSyntax:test_what_it_captures()
  lu.assertStrContains(said_of "loss -= 0.1", "write loss = loss - …")
  lu.assertStrContains(said_of "y = net:scores(x, keep=true)", "f { keep = … }")
  lu.assertStrContains(said_of "y = x[i, 2]", "x:at(1, 2)")
  lu.assertStrContains(said_of "y = x.data[:, 1]", "x.data:slice(")
  lu.assertStrContains(said_of "y = x[::2]", "x:slice(")
  lu.assertStrContains(said_of "y = x[i:j]", "x:slice(")
  lu.assertStrContains(said_of "print result", "print(…)")
  lu.assertStrContains(said_of "y = x[1:2]", "of a string x:sub(1, 5)")
  lu.assertStrContains(said_of "if x then y() elif z then y() end", "elseif for elif")
  lu.assertStrContains(said_of "quit", "; os.exit() ends the program")
  lu.assertStrContains(said_of "None\nprint(1)", "; Lua writes nil")
  lu.assertStrContains(said_of "accuracy", "; a name alone says nothing here; print(accuracy) shows it")
  lu.assertStrContains(said_of "array.mean?", "help \"name\"")
end

-- Mistakes that are no such habit, and right Lua on the same lines.
function TestSyntax:test_no_false_alarms()
  for _, text in ipairs {
    "x = = 1", "local x y = 1 =", "f(1, 2", "t = { 1, 2", "t = { a = 1 b = 2 }", "x:mean( = 3",
    "for i = 1 do end",
    "if x ~= y then = end", "x = a // b c = = 2", "y = #t c = = 2", "s = '#' x = = 2",
    "goto continue x = = 1",
    "f{ a = 1 } = 3", "local function f(a, b) = end", "y = x ~= 1 or = 2", "return return", "end",
    "x = 3 y = 'a", "t = { 1; 2 ] }",
    "t['a'] = [[b]] c = = 1", "a.b:c(1) = 2", "print(x) y", "local t <const> = 1 t = 2", "x = 1e",
    "s = '\\q'",
    "while x do = end", "repeat = until x", "::a:: ::a::", "break", "x = a.b.c:d",
    "if x then elseif y = 1 then end x",
  } do
    local said = said_of(text)
    lu.assertNotNil(said, text .. " is Lua")
    if not text:find("elseif y = 1") then lu.assertEquals(said, "", text) end
  end
end

function TestSyntax:test_no_chunk_without_a_place()
  lu.assertEquals(habits.of_text("not enough memory", "x != y"), "not enough memory")
  lu.assertEquals(habits.of_text("t:9: syntax error near '!'", "x"), "t:9: syntax error near '!'")
end

---------------------------------------------------------------------------------------------------

-- What the handler of errors makes of what the text raises.
local function raised(text)
  local whole
  local f = assert(load(text, "=wrong"))
  debug.getregistry()["perigee.texts"]["=wrong"] = text
  xpcall(f, function(message) whole = habits.of_error(message) return message end)
  return whole
end

TestErrors = {}

function TestErrors:test_each_row()
  debug.getregistry()["perigee.texts"] = debug.getregistry()["perigee.texts"] or {}
  for _, row in ipairs(habits.errors) do
    local message = raised(row.wrong)
    lu.assertNotNil(message, row.wrong .. " raises nothing")
    lu.assertStrContains(message, "; " .. fixed_words(row.says), false, row.wrong)
    lu.assertStrContains(raised("local other = 1\n\n" .. row.wrong), "; " .. fixed_words(row.says))
  end
end

function TestErrors:test_what_it_names()
  lu.assertStrContains(raised "net = nn.new { input = { 1 }, nn.flatten {} } net(2)", "net:predict(x)")
  lu.assertStrContains(raised "local v = array.zeros(2) v.mean()", "v:mean(…)")
  lu.assertStrContains(raised "local v = 'a' local f = function() return v.upper() end f()", "v:upper(…)")
  lu.assertStrContains(raised "local v = array.zeros(2) v:ndim()", "write .ndim")
end

function TestErrors:test_no_false_alarms()
  for _, text in ipairs {
    "error 'mean: wrong'", "local t = { sum = function() error 'sum: wrong' end } t.sum()", "array.mean()",
    "local x = nil x()", "local t = {} t.f()", "local x = array.zeros(2) x:nothing()", "error({})",
    "local t = {} for x in t.f do end", "string.upper()", "local x = 1 + nil", "array.zeros(3):reshape(2)",
    "local s = 'x[0]' local t = nil t = t + 1 -- [0]", "return array.zeros(2) < 3",
    "local t = {} local y = t.foo[0]", "error('module numpy')",
  } do
    lu.assertNil((tostring(raised(text)):match("; (.*)$")), text)
  end
end

---------------------------------------------------------------------------------------------------

TestNotes = {}

function TestNotes:test_each_row()
  for _, row in ipairs(habits.notes) do
    lu.assertEquals(habits.of_line(row.wrong), row.says)
    lu.assertNil(habits.of_line(("s = %q"):format(row.wrong)) or nil, row.wrong)
    lu.assertNil(habits.of_line("x = 1 -- " .. row.wrong:gsub("%[%[.*", "")))
  end
end

function TestNotes:test_methods_with_a_dot()
  rawset(_G, "noted", array.zeros(3))
  lu.assertStrContains(habits.of_line "y = noted.mean(1)", "call it with a colon: noted:mean(…)")
  for _, text in ipairs { "noted:mean(1)", "noted.mean(noted, 1)", "array.mean(1)", "noted.size",
    "x.noted.mean(1)",
    "y = cached or noted", "not (x == y)", "not x", "s = [[1, 2]]", "s = [[a], [b]]",
    "x:gt(0):logical_and(y)", "f.title = \"$\\\\theta$\"", "s = 'costs $5\\nnext'", "f.title = [[$\\theta$]]",
    "if x:eq(1) then end", "(not x) == y" } do
    lu.assertNil(habits.of_line(text), text)
  end
  rawset(_G, "noted", nil)
end

---------------------------------------------------------------------------------------------------

TestNames = {}

function TestNames:test_globals()
  for name, says in pairs(habits.globals) do
    local ok, message = pcall(function() return _G[name] end)
    lu.assertFalse(ok, name)
    lu.assertStrContains(message, ("global '%s' is not set; %s"):format(name, says))
  end
end

function TestNames:test_equality_of_arrays()
  local a, b = array.zeros(2), array.zeros(2)
  lu.assertErrorMsgContains("array: two arrays are not compared by ==: x:eq(y) gives a mask",
  function() return a == b end)
  lu.assertErrorMsgContains("array.equal(x, y)", function() return a ~= b end)
  lu.assertTrue(a == a) -- luacheck: ignore
  lu.assertFalse(a == data.digits(1, { seed = 1 }))
  lu.assertFalse(rawequal(a, b))
  lu.assertNil(({ [a] = 1 })[b])
end
