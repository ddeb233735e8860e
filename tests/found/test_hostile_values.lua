-- Calls with hostile values ended the program (a method of pipelines on another model, gradients that enter
-- at no layer), took minutes (a list whose metatable makes it endless, a question of a thousand letters), or
-- ended in Lua's own words at a line of the program's: metatables that answer what they should not, options
-- that are no numbers.

local lu = require "luaunit"

TestHostileValues = {}

local x = array.rand(20, 3, { seed = 1 })
local ds = data.new { x = x, y = x:mean(2):gt(0.5) }

local function refuses(words, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok, words)
  lu.assertIsString(message)
  lu.assertStrContains(message, words)
  lu.assertNotStrContains(message, perigee.lua_dir .. "/perigee")
end

function TestHostileValues:test_methods_of_pipelines_on_other_models()
  local line = classic.pipeline { classic.minmax(), svm.new() }
  local other = svm.new():fit(ds)
  refuses("fit_steps: self: expected a pipeline", line.fit_steps, other, ds)
  refuses("transform: self: expected a pipeline", line.transform, reject.new { model = other }, x)
  lu.assertEquals(line:fit_steps(ds):transform(ds).shape, { 20, 3 })
end

function TestHostileValues:test_gradients_that_enter_nowhere()
  local net = nn.new { input = { 3 }, classes = { 0, 1 }, nn.linear { out = 2, name = "f" } }
  refuses("net:backward: w: expected a table, layer = array, got an empty one", net.backward, net, x, {})
  lu.assertEquals(net:backward(x, { f = array.ones(20, 2) }).shape, { 20, 3 })
end

-- A dataset where numbers are wanted.
function TestHostileValues:test_samples_as_smoothing()
  refuses("attack.fmn: smoothing: expected ", attack.fmn, { smoothing = ds })
end

-- Metatables that answer garbage: the function's name, and the cause.
function TestHostileValues:test_odd_metatables()
  local words = "metatable answers what it should not"
  refuses("show: an argument's " .. words, show, setmetatable({}, { __index = 5 }))
  refuses("data.xor: an argument's " .. words, data.xor, 5, setmetatable({}, { __pairs = 5 }))
  refuses("an argument's " .. words, data.xor, 5, setmetatable({}, { __pairs = function() return 5 end }))
  local loop = {}
  setmetatable(loop, { __index = loop })
  refuses("reject.scores: an argument's " .. words, reject.scores, loop, x)
  -- in a member of the options as well; and what is fine stays fine
  refuses("svm.new: an argument's " .. words, svm.new, { kernel = loop })
  lu.assertEquals(#data.xor(5, setmetatable({ seed = 1 }, {})), 5)
  lu.assertErrorMsgContains("mine", show, setmetatable({}, { __index = function() error "mine" end }))
end

-- What it raises stands at the user's line, with a metatable as without.
function TestHostileValues:test_the_line_is_the_users()
  for _, options in ipairs { {}, setmetatable({}, {}) } do
    options.C = -1
    local _, message = pcall(function()
      local made = svm.new(options)
      return made
    end)
    lu.assertStrMatches(message, ".*test_hostile_values%.lua:%d+: svm%.new: .*")
  end
end

function TestHostileValues:test_endless_lists()
  local endless = setmetatable({}, { __index = function(_, i) return math.type(i) and x or nil end })
  refuses("its __index makes", show, endless)
  local itself = {}
  itself[1] = itself
  refuses("show: x: more than 8 lists in one another", show, itself)
end

function TestHostileValues:test_questions_of_a_thousand_letters()
  local start = os.clock()
  local own = require "perigee.own" -- the prompt prints by its own print
  local print_before = own.print
  own.print = function() end
  pcall(help, ("x"):rep(1200)) -- took a minute
  own.print = print_before
  lu.assertTrue(os.clock() - start < 5)
end

function TestHostileValues:test_options_without_a_check()
  for _, seconds in ipairs { true, {}, 0 / 0, math.huge, -1 } do
    refuses("bench: seconds: expected a number of 0 or more, got ", bench, function() end, seconds)
  end
  refuses("data.spirals: classes: expected ", data.spirals, 10, { classes = false })
  refuses("show: width: expected ", show, x, { width = {} })
  lu.assertNotStrContains(select(2, pcall(show, x, { width = {} })), "picture")
end

function TestHostileValues:test_names_of_bytes()
  refuses("data.xor: unknown option 'a", data.xor, 10, { ["a\0b"] = 1 })
  lu.assertEquals(perigee.nearest("zeross\0b", { "ones", "zeros" }), "zeros")
  refuses("report:csv: path: expected a string without NUL", function()
    metrics.report(svm.new():fit(ds), ds):csv "a\0b"
  end)
  refuses("save: name: expected the name of a variable, got an array", save, "x.session", x)
end

function TestHostileValues:test_long_messages()
  local _, message = pcall(save, "x.session", ("é"):rep(40000))
  lu.assertTrue(#message < 1500 and utf8.len(message) ~= nil)
end

-- A function in C that is timed complains of where it was called: no file of the program's.
function TestHostileValues:test_functions_in_c_that_are_timed()
  refuses("number expected", time, math.floor, x)
  refuses("number expected", bench, math.floor)
end
