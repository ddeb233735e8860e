-- Of whatever the program's own Lua code complains, however deep inside: the message names the user's line.
local lu = require "luaunit"

TestBlame = {}

local function complaint(line)
  local ok, message = pcall(load("\n\n" .. line, "@user.lua"))
  lu.assertFalse(ok, line)
  return message
end

function TestBlame:testNamesTheUsersLine()
  for line, words in pairs {
    ["metrics.accuracy({ 1 }, { 1, 0 })"] = "metrics.accuracy: 1 predictions for 2 samples",
    ["metrics.report({}, {})"] = "metrics.report: the dataset is empty",
    ["evaluate.security { models = {} }"] = "evaluate.security: ",
    ["plot.images('x')"] = "plot.images: ",
    ["plot.figure():line('x')"] = "figure:line: ",
    ["plot.figure { rows = 0 }"] = "plot.figure: rows: ",
    ["require('perigee.show')({ {} })"] = "show: ",
    ["require('perigee.show')(1, { wide = true })"] = "show: unknown option 'wide'",
    ["local a = array.zeross"] = "array has no 'zeross'; did you mean zeros?",
    ["local a = array.zeros(2).shap"] = "an array has no 'shap'; did you mean shape?",
  } do
    lu.assertStrContains(complaint(line), "user.lua:3: " .. words)
  end
end

function TestBlame:testThroughPcallAndCallbacks()
  lu.assertStrContains(complaint("local ok, m = pcall(metrics.accuracy, { 1 }, {}) error(m, 0)"),
    "user.lua:3: metrics.accuracy: ")
  lu.assertStrContains(complaint("plot.live(function()\n return array.zeross\n end)"),
    "user.lua:4: array has no")
end

-- A file that is not there; a coroutine with no line of the user's left on its stack.
function TestBlame:testNoFileOfTheProgramsIsNamed()
  lu.assertStrContains(complaint("restore 'nofile'"), "user.lua:3: restore: nofile: ")
  local said = complaint("coroutine.wrap(function() return grad.value(3) end)()")
  lu.assertEquals(said, "user.lua:3: grad.value: f: expected a function, got 3")
end

-- What C says of functions written in Lua: each line once, and none of the program's own files.
function TestBlame:testFunctionsThatAreCalledFromC()
  local said = complaint("nn.new({ input = { 2 }, nn.layer { name = 'blame9', forward = function(_, x) "
    .. "return x:matmul(array.zeros(3, 3)) end } {} }):forward({ { 1, 2 } })")
  lu.assertEquals(said, "user.lua:3: net:forward: array.matmul: (1, 2) and (3, 3): inner sizes differ")
  said = complaint("nn.new({ input = { 2 }, nn.layer { name = 'blame9', forward = function(_, x)\n"
    .. "return x:matmul(array.zeros(3, 3)) end } {} }):forward({ { 1, 2 } })")
  -- a call over two lines is at the first of them or at the second, by Lua's version
  lu.assertEquals(said:gsub("user.lua:%d: ", ""),
    "net:forward: array.matmul: (1, 2) and (3, 3): inner sizes differ")
  said = complaint("grad.value(function(x) coroutine.yield() return x:sum() end, array.ones(2))")
  lu.assertStrContains(said, "user.lua:3: grad.value: the function called coroutine.yield")
end
