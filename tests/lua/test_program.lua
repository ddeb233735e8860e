-- The program as it is started: its options, scripts as files are, what it says of errors. More, in real
-- terminals, is in tests/cli.
local lu = require "luaunit"

-- The program's output, all of it, and how it ended.
local function run(arguments)
  local pipe = assert(io.popen(('"$PERIGEE" --quiet %s 2>&1'):format(arguments)))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return text, status
end

local function with_script(text, f)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  local ok, message = pcall(f, path)
  os.remove(path)
  if not ok then error(message, 0) end
end

TestProgram = {}

function TestProgram:testCodeAndArguments()
  with_script("print('script', #arg, ...)", function(path)
    lu.assertEquals(run("-e 'print(1)' -e 'print(2)' " .. path .. " one two"), "1\n2\nscript\t2\tone\ttwo\n")
  end)
end

function TestProgram:testFirstWordsOfAScript()
  with_script("\xEF\xBB\xBFprint('mark')", function(path) lu.assertEquals(run(path), "mark\n") end)
  with_script("#!/usr/bin/env perigee\nprint('first line')\n", function(path)
    lu.assertEquals(run(path), "first line\n")
  end)
end

function TestProgram:testShards()
  lu.assertEquals(run "--shard 2/3 -e 'print(1)'", "1\n")
  for _, shard in ipairs { "0/3", "4/3", "1", "x/3" } do
    local text, status = run(("--shard %s -e 'print(1)'"):format(shard))
    lu.assertStrContains(text, ('--shard: expected i/n with i from 1 to n, as 3/40, got "%s"'):format(shard))
    lu.assertEquals(status, 2)
  end
end

function TestProgram:testTracebacksOfDeepRecursion()
  local code = "local function f(n) if n == 0 then error 'deep' end return 1 + f(n - 1) end print(f(99))"
  with_script(code, function(path)
    local text, status = run(path)
    lu.assertEquals(status, 1)
    local _, frames = text:gsub("\n\t[^\n]*:1:", "")
    lu.assertEquals(frames, 10 + 11)
    lu.assertStrMatches(text, "perigee: [^\n]*:1: deep\n.*\n\t%.%.%.\n.*in main chunk\n")
  end)
end

-- The program's own lines are none of the user's.
function TestProgram:testTracebacksAreOfTheUsersLines()
  with_script("local ds = data.digits(20)\nds:split(2)\n", function(path)
    local text = run(path)
    lu.assertStrContains(text, path .. ":2: ")
    lu.assertStrContains(text, path .. ":2: in main chunk")
    lu.assertNotStrContains(text, "splits.lua")
  end)
  -- of the user's own function, with the program's lines between it and the call
  with_script("metrics.bootstrap(function()\n  error 'mine'\nend, { 1, 2 })\n", function(path)
    local text = run(path)
    lu.assertStrContains(text, path .. ":2: mine")
    lu.assertStrContains(text, path .. ":1: in main chunk")
    lu.assertNotStrContains(text, "intervals.lua")
  end)
end
