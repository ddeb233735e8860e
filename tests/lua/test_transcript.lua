-- Conversations with the prompt that are pasted back into it.
local lu = require "luaunit"

-- A fresh one: it remembers what has begun, and whether a pipe had marks.
local function statements_of()
  package.loaded["perigee.transcript"] = nil
  return assert(loadfile(perigee.lua_dir .. "/perigee/transcript.lua"))().statements
end

local function taken(text, begun)
  local list, continues = statements_of()(text, begun or "", true)
  return list, continues
end

TestTranscript = {}

function TestTranscript:test_text_without_marks_is_as_it_was()
  for _, text in ipairs { "x = 1", "x = (1\n  > 2)", "s = [[\n> quoted\n]]", "-- a\n-- > b", "",
    "x = 8 >\n3", "?pgd", "y = {\n  1 >> 2\n}" } do
    lu.assertNil(taken(text), text)
  end
  -- a line that goes on may begin with an operator
  lu.assertNil(taken("> 2)", "x = (1"))
  lu.assertNil(taken(">> 1)", "x = (4"))
  lu.assertNil(taken("> quoted", "s = [["))
end

function TestTranscript:test_one_line()
  lu.assertEquals({ taken "> x = 1" }, { { "x = 1" }, false })
  lu.assertEquals({ taken "  > x" }, { { "x" }, false })
  lu.assertEquals({ taken "> ?pgd" }, { { "?pgd" }, false })
  lu.assertEquals({ taken ">" }, { {}, false })
  lu.assertEquals({ taken(">>   2 }", "x = { 1,") }, { { "  2 }" }, true })
  lu.assertEquals({ taken("> print(i)", "for i = 1, 2 do") }, { { "print(i)" }, true })
end

function TestTranscript:test_a_conversation()
  lu.assertEquals({ taken [[
Perigee 0.1.0 — ? for help, Tab completes, Ctrl-D leaves
> net = nn.new { input = { 1 },
>>   nn.flatten {} }
> metrics.accuracy(net, test)
0.92
> attack.pdg {}
perigee: prompt:1: attack has no 'pdg'; did you mean pgd?
>
> for i = 1, 2 do
  print(i)
>> end
1
2
> who()]] }, { { "net = nn.new { input = { 1 },\n  nn.flatten {} }", "metrics.accuracy(net, test)",
    "attack.pdg {}", "for i = 1, 2 do\n  print(i)\nend", "who()" }, false })
  -- from the middle of a line on, as a mouse selects it
  lu.assertEquals({ taken "net = {\n>> 1 }\n> net\n{ 1 }" }, { { "net = {\n1 }", "net" }, false })
  lu.assertEquals({ taken("2 }\n> x\nnot a table", "x = { 1,") }, { { "2 }", "x" }, true })
  lu.assertEquals({ taken "> a\r\n> b\r\n2" }, { { "a", "b" }, false })
end

function TestTranscript:test_line_by_line()
  local statements = statements_of()
  local function piped(text, begun)
    return (statements(text, begun or "", false))
  end
  lu.assertNil(piped "x = 1")
  lu.assertEquals(piped "Perigee 0.1.0 — ? for help, Tab completes, Ctrl-D leaves", {})
  lu.assertEquals(piped "> x = (1", { "x = (1" })
  lu.assertEquals(piped(">> - 2)", "x = (1"), { "- 2)" }) -- 1 >> -2 would be Lua, too
  lu.assertEquals(piped "-1", {})
  lu.assertEquals(piped "> y = {", { "y = {" })
  lu.assertNil(piped("}", "y = {"))
  -- one that was interrupted is over
  lu.assertEquals({ statements("> z", "y = {", false) }, { { "z" }, false })
end
