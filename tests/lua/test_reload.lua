-- reload: a changed file is taken in; what others hold of it sees the new code, and no data are lost.

local lu = require "luaunit"
local own = require "perigee.own"
local raises = dofile "tests/lua/raises.lua"

local folder = os.tmpname()
os.remove(folder)
package.path = folder .. "/?.lua;" .. package.path

local function write(text, name)
  local file <close> = assert(io.open(("%s/%s.lua"):format(folder, name or "mine_kept"), "w"))
  file:write(text)
end

local first = [[
local M = { limit = 3, list = { 1, 2, 3 } }
local Account = {}
Account.__index = Account
local function bonus() return 1 end
function Account:balance() return self.sum + bonus() end
function Account:closed() return false end
function M.open(sum) return setmetatable({ sum = sum }, Account) end
function M.step(x) return x + 1 end
function M.dropped() end
M.Shape = { sides = 4 }
M.Shape.__index = M.Shape
function M.Shape:name() return "square" end
return M
]]

TestReload = {}

function TestReload:setUp()
  assert(require("perigee.native").make_folder(folder))
  write(first)
  self.mine = require "mine_kept"
end

function TestReload:tearDown()
  for _, name in ipairs { "mine_kept", "mine_own", "mine_global" } do
    os.remove(("%s/%s.lua"):format(folder, name))
    package.loaded[name] = nil
  end
  os.remove(folder)
end

function TestReload:test_objects_and_holders_see_the_new_code()
  local mine = self.mine
  local account, shape = mine.open(10), setmetatable({}, mine.Shape)
  mine.cache = "found in the session"
  mine.Shape.sides = 6
  write((first:gsub("return 1 end", "return 5 end"):gsub('"square"', "'hexagon ' .. self.sides")
    :gsub("x %+ 1", "x + 2"):gsub("limit = 3", "limit = 4"):gsub("function Account:closed.-\n", "")
    :gsub("function M.dropped%(%) end", "function M.look() return M.cache, Account end")))
  lu.assertNil(reload "mine_kept")
  lu.assertIs(require "mine_kept", mine)
  lu.assertEquals({ account:balance(), account.closed }, { 15 })
  lu.assertEquals(shape:name(), "hexagon 4") -- the file sets how many sides there are
  lu.assertEquals({ mine.step(1), mine.limit, mine.dropped }, { 3, 4 })
  lu.assertEquals(mine.cache, "found in the session")
  -- new functions mean the tables that stayed
  local cache, Account = mine.look()
  lu.assertEquals(cache, "found in the session")
  lu.assertIs(Account, getmetatable(account))
  lu.assertIs(getmetatable(mine.open(1)), Account)
  -- and once more
  write(first)
  reload(folder .. "/mine_kept.lua")
  lu.assertEquals({ account:balance(), account:closed(), mine.step(1), mine.look }, { 11, false, 2 })
  lu.assertIs(getmetatable(mine.open(1)), Account)
end

function TestReload:test_a_file_with_an_error()
  local mine, step = self.mine, self.mine.step
  write "local x = = 1"
  raises("mine_kept.lua:1: unexpected symbol", reload, "mine_kept")
  write "mine_global_one = 3\nlocal M = nil + 1"
  raises("mine_kept.lua:2: attempt to perform arithmetic on a nil value; mine_kept stays as it was", reload,
    "mine_kept")
  lu.assertNil(rawget(_G, "mine_global_one"))
  lu.assertIs(require "mine_kept", mine)
  lu.assertIs(mine.step, step)
end

-- What the file defines in the program is defined anew; a module that is a function is there by require.
function TestReload:test_other_modules()
  write([[plot.recipe("reloaded", { figure = function() return plot.figure():line { 1, 2 } end })
    return print]], "mine_own")
  require "mine_own"
  write([[plot.recipe("reloaded", { figure = function() return plot.figure():line { 1, 77 } end })
    return math.sin]], "mine_own")
  reload "mine_own"
  lu.assertStrContains(plot.script("reloaded", 0), "77")
  lu.assertIs(require "mine_own", math.sin)
  write("return {}", "mine_global") -- one that was not there yet
  reload "mine_global"
  lu.assertIsTable(package.loaded.mine_global)
end

function TestReload:test_globals()
  local path = folder .. "/mine_global.lua"
  local text = [[
    MineCounter = { count = 0 }
    MineCounter.__index = MineCounter
    function MineCounter:add() self.count = self.count + 1 return self.count end
    function mine_make() return setmetatable({}, MineCounter) end
  ]]
  write(text, "mine_global")
  dofile(path)
  local counter, class = rawget(_G, "mine_make")(), rawget(_G, "MineCounter")
  lu.assertEquals(counter:add(), 1)
  write((text:gsub("%+ 1", "+ 10")), "mine_global")
  reload(path)
  lu.assertEquals(counter:add(), 11)
  lu.assertIs(rawget(_G, "MineCounter"), class)
  lu.assertIs(getmetatable(rawget(_G, "mine_make")()), class)
  rawset(_G, "MineCounter", nil)
  rawset(_G, "mine_make", nil)
end

function TestReload:test_what_it_tells()
  local said, before = {}, own.print
  rawset(own, "print", function(text) said[#said + 1] = text end)
  own.set("perigee", "interactive", true)
  reload "mine_kept"
  write((first:gsub("x %+ 1", "x + 2"):gsub("limit = 3", "limit = 4"):gsub("M.dropped", "M.added")))
  reload "mine_kept"
  reload "mine_kept"
  own.set("perigee", "interactive", nil)
  reload "mine_kept"
  rawset(own, "print", before)
  local head = ("mine_kept (%s/mine_kept.lua): "):format(folder)
  lu.assertEquals(said, { head .. "nothing has changed",
    head .. "changed step; new added; gone dropped; set limit", head .. "nothing has changed" })
end

function TestReload:test_completion()
  lu.assertEquals(require("perigee.complete").candidates 'reload "mine_ke', { "mine_kept" })
end

function TestReload:test_refusals()
  for _, name in ipairs { "perigee", "perigee.help", "string", "array", "grad" } do
    raises(("reload: %s is the program's own"):format(name), reload, name)
  end
  raises("reload: package.path has no file of a module nowhere", reload, "nowhere")
  raises("reload: there is no file nowhere.lua", reload, "nowhere.lua")
  raises("reload: module: expected the name of a module or a file", reload, 3)
  raises("reload: module: expected the name of a module or a file", reload)
  raises("reload: expected at most 1 argument", reload, "mine_kept", 2)
end

-- Big data beside the functions, and tables that hold themselves, take no time.
function TestReload:test_large_and_circular()
  local mine = self.mine
  mine.itself, mine.rows = mine, {}
  for i = 1, 300 do mine.rows[i] = array.zeros(300):totable() end
  local started = os.clock()
  reload "mine_kept"
  lu.assertTrue(os.clock() - started < 1)
  lu.assertIs(mine.itself, mine)
  lu.assertEquals(#mine.rows, 300)
end
