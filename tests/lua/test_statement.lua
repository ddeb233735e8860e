-- Where statements end (lua/perigee/statement.lua): what lets an interrupted assignment complete.
local lu = require "luaunit"
local continues = require "perigee.statement"

TestStatement = {}

local function check(text, line, expected, first)
  lu.assertEquals(continues("=test", text, first or 0, line), expected)
end

function TestStatement:test_a_new_statement_does_not_continue()
  check("a = 1\nb = 2", 2, false)
  check("local a = f(x)\nreturn a", 2, false)
  check("f()\n::top::", 2, false)
end

function TestStatement:test_open_brackets_continue()
  check("a = f {\n  x = 1,\n}\nb = 2", 2, true)
  check("a = f {\n  x = 1,\n}\nb = 2", 3, true)
  check("a = f {\n  x = 1,\n}\nb = 2", 4, false)
  check("t[\n1\n] = 2", 2, true)
end

function TestStatement:test_operators_continue()
  check("a = b\n  + c", 2, true)
  check("a = b +\n  c", 2, true)
  check("a, b =\n  f(),\n  g()\nh()", 2, true)
  check("a, b =\n  f(),\n  g()\nh()", 3, true)
  check("a, b =\n  f(),\n  g()\nh()", 4, false)
  check("x = net\n  :run(y)", 2, true)
  check("s = 'a'\n  .. 'b'", 2, true)
end

function TestStatement:test_blocks_inside_brackets_start_anew()
  check("map(xs, function(x)\n  y = x\n  z = y\nend)\nlast()", 3, false)
  check("map(xs, function(x)\n  y = x\n  z = y\nend)\nlast()", 5, false)
  check("map(xs, function(x)\n  y = x\n  z = y\nend)\nlast()", 4, true)
  check("map(xs, function(x)\n  y = x\nend\n)\nlast()", 3, true)
  check("local function f(x)\n  y = x\nend\nlast()", 3, false)
  check("local function f(x)\n  y = x\nend last()", 3, false)
  -- the function itself is asked about from its own first line
  check("map(xs, function(x)\n  y = x\n  z = y\nend)", 3, false, 1)
end

function TestStatement:test_strings_and_comments_hide_brackets()
  check("a = '{(['\nb = 2", 2, false)
  check("a = \"\\\"{\"\nb = 2", 2, false)
  check("-- {\nb = 2", 2, false)
  check("--[==[ { \n ( ]==]\nb = 2", 3, false)
  check("a = [[ {\n ]]\nb = 2", 3, false)
  check("a = [[ {\n ]]\nb = 2", 2, true)
end

function TestStatement:test_text_comes_from_the_file_or_the_chunk()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write("a = {\n1,\n}\n")
  file:close()
  lu.assertTrue(continues("@" .. path, nil, 0, 2))
  os.remove(path)
  lu.assertFalse(continues("@" .. path, nil, 0, 2))
  lu.assertTrue(continues("a = {\n1 }", nil, 0, 2))
  lu.assertFalse(continues("=unknown", nil, 0, 2))
end
