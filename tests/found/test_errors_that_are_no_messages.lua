-- What a model or a function of the user's raises need not be a string, and a model's method may try to
-- yield: the message shows the value and names the method.
local lu = require "luaunit"

local x = array.randn(6, 3, { seed = 1 }) * 0.1 + 0.5
local ds = data.new { x = x, y = { 0, 1, 0, 1, 0, 1 } }
local pgd = attack.pgd { dmax = 0.1 }

local spoken = setmetatable({}, { __tostring = function() return "a failure of code 5" end })
local mute = setmetatable({}, { __tostring = function() error "no words" end })

-- A model whose method does that.
local function model(method, act)
  local made = { classes = { 0, 1 }, gradient_is = "surrogate" }
  function made:scores(rows) return rows:slice(nil, { 1, 2 }) end
  function made:gradient(rows) return array.ones(rows.shape) end
  function made:fit() end
  made[method] = act
  return made
end

local function message_of(f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok)
  lu.assertEquals(type(message), "string")
  return message
end

local function check(words, method, act)
  local one = model(method, act)
  local calls = { function() pgd:run(ds, { model = one }) end }
  if method == "scores" then
    calls[2] = function() metrics.accuracy(one, ds) end
    calls[3] = function() reject.scores(reject.new { model = one }, ds) end
    calls[4] = function() attack.auto { model = one, dmax = 0.1 }:run(ds) end
    calls[5] = function()
      evaluate.security { models = { m = one }, attack = pgd, data = ds, dmax = { 0.1 }, noise = false }
    end
  end
  for _, call in ipairs(calls) do lu.assertStrContains(message_of(call), words) end
end

TestErrorsThatAreNoMessages = {}

function TestErrorsThatAreNoMessages:test_values()
  for _, method in ipairs { "scores", "gradient" } do
    check(method .. ": the model written in Lua raised the table { code = 5 }", method,
      function() error { code = 5 } end)
    check(method .. ": the model written in Lua raised the table { code = 5, deep = { 1, { 2 } } }", method,
      function() error { code = 5, deep = { 1, { 2 } } } end)
    check("raised a failure of code 5", method, function() error(spoken) end)
    check("whose __tostring failed", method, function() error(mute) end)
    check("raised nil", method, function() error() end)
    check("raised true", method, function() error(true) end)
    check("test_errors_that_are_no_messages.lua", method, function() error "in words" end)
  end
end

function TestErrorsThatAreNoMessages:test_yields()
  for _, method in ipairs { "scores", "gradient" } do
    local act = function() coroutine.yield(1) end
    check(method .. ": the model written in Lua called coroutine.yield", method, act)
    local thread = coroutine.create(function() pgd:run(ds, { model = model(method, act) }) end)
    local ok, message = coroutine.resume(thread)
    lu.assertFalse(ok)
    lu.assertStrContains(message, method .. ": the model written in Lua called coroutine.yield")
  end
end

-- What is called by the program's own Lua hands the value on as it is: pcall gets the user's own table.
function TestErrorsThatAreNoMessages:test_functions_hand_it_on()
  local own = { code = 7 }
  local result = attack.fgsm({ model = model("fit"), dmax = 0.1 }):run(ds)
  for _, call in ipairs {
    function() ds:where(function() error(own) end) end,
    function() result:where(function() error(own) end) end,
    function() metrics.bootstrap(function() error(own) end, { 1, 2, 3 }) end,
  } do
    local ok, raised = pcall(call)
    lu.assertFalse(ok)
    lu.assertTrue(rawequal(raised, own))
  end
end

-- At the end of a script it is shown.
function TestErrorsThatAreNoMessages:test_the_program_shows_it()
  local program = os.getenv "PERIGEE" or "build/perigee"
  local pipe <close> = io.popen(("'%s' -e 'error { code = 5, why = \"lost\" }' 2>&1"):format(program))
  lu.assertStrContains(pipe:read "a",
    'perigee: the error is a table, not a message: { code = 5, why = "lost" }')
end
