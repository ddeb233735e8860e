-- luacheck: no max line length (tables of values, a line each)
-- Hostile values: each is { what it is, a function that makes one }, by the kind of thing it pretends to be. `pool`
-- are objects of the program's own by their kinds, for those that come in the wrong place.

local values = {}

--- What our own functions raise, so that it can be told from what the program says.
values.MARK = "hostile: raised"
--- Objects that were raised, by themselves.
values.raised = setmetatable({}, { __mode = "k" })
--- How often a function or a metamethod of ours was called: a call in which none was shall leave what it failed on.
values.calls = 0

local function raise(what)
  values.calls = values.calls + 1
  if type(what) == "table" then values.raised[what] = true end
  error(what, 0)
end

local function scalars()
  local list = { true, false, 0, 1, 2, -1, 3, 7, -0.0, 0.5, 1.5, -0.5, 1e-310, 1e300, -1e300, 1e9 + 0.5, 2 ^ 31,
    -2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, -2 ^ 63, 2147483647, 4294967296, math.maxinteger, math.mininteger, 0 / 0,
    -(0 / 0), math.huge, -math.huge, 1 << 40, 1003 }
  local made = {}
  for i, value in ipairs(list) do made[i] = { tostring(value), function() return value end } end
  made[#made + 1] = { "nil", function() end }
  return made
end

local function strings()
  local list = { "", "x", "a\0b", "\0", "\xff\xfe\xc0", "%s%n%d%99999s", "\27[31m\27]0;x\7", "nan", "0x10", "1e999",
    "-1", " 1 ", "l2", "f32", "i32", "auto", "none", "all", ".", "..", "/", "/nowhere/at/all", "~", "|cat", "'\n\"`id`$(id)",
    "\u{202e}\u{feff}é", "NaN", "x.png", "x.npy", "x.json", "-" }
  local made = {}
  for i, value in ipairs(list) do made[i] = { ("%q"):format(value), function() return value end } end
  made[#made + 1] = { "70000 bytes", function() return ("long"):rep(17500) end }
  made[#made + 1] = { "300 bytes", function() return ("x"):rep(300) end }
  return made
end

-- ---- Functions ----------------------------------------------------------------------------------------

local function functions(random, any)
  local function counted(f)
    return function(...)
      values.calls = values.calls + 1
      return f(...)
    end
  end
  return {
    { "a function of nothing", function() return counted(function() end) end },
    { "a function that raises", function() return function() raise(values.MARK) end end },
    { "a function that raises a table", function() return function() raise {} end end },
    { "a function that raises nil", function() return function() raise(nil) end end },
    { "a function that yields", function() return counted(function(...) return coroutine.yield(...) end) end },
    { "a function that gives its argument", function() return counted(function(...) return ... end) end },
    { "a function that gives garbage", function()
      local value = any(random)[2]()
      return counted(function() return value end)
    end },
    { "a function that gives NaN", function() return counted(function(x)
      if debug.getmetatable(x) == debug.getmetatable(array.ones(1)) then return x * (0 / 0) end
      return 0 / 0
    end) end },
    { "a function that closes its argument", function() return counted(function(x)
      pcall(function() local _ <close> = x end)
      return x
    end) end },
    { "a function that collects", function() return counted(function(...)
      collectgarbage()
      return ...
    end) end },
    { "a function in C", function() return random:pick { math.floor, string.rep, table.concat, select, array.zeros } end },
    { "a wrapped coroutine", function() return coroutine.wrap(function() while true do coroutine.yield(1) end end) end },
    { "a function that changes its argument", function() return counted(function(x)
      pcall(function() x:fill(0 / 0) end)
      return x
    end) end },
    { "a function that needs too many", function() return counted(function(...)
      return select("#", ...), table.unpack({}, 1, 200)
    end) end },
  }
end

-- ---- Tables -------------------------------------------------------------------------------------------

local function itself()
  local t = {}
  t[1], t.x, t[t] = t, t, t
  return setmetatable(t, { __index = t })
end

local function deep(levels)
  local t = { 1 }
  for _ = 1, levels do t = { t } end
  return t
end

local function tables()
  return {
    { "{}", function() return {} end }, { "{ {} }", function() return { {} } end },
    { "{ 1, 2 }", function() return { 1, 2 } end }, { "{ 0 }", function() return { 0 } end },
    { "{ -1 }", function() return { -1 } end }, { "{ 0 / 0 }", function() return { 0 / 0 } end },
    { '{ "a" }', function() return { "a" } end }, { "{ x = 1 }", function() return { x = 1 } end },
    { "{ false }", function() return { false } end },
    { "a ragged table", function() return { { 1 }, { 2, 3 } } end },
    { "{ { 1, 2 }, { 3, 4 } }", function() return { { 1, 2 }, { 3, 4 } } end },
    { "{ { 1, 0 / 0 } }", function() return { { 1, 0 / 0 } } end },
    { "{ 1 << 40 }", function() return { 1 << 40, 1 << 40 } end },
    { "{ math.maxinteger }", function() return { math.maxinteger, 2 } end },
    { "{ [2] = 1 }", function() return { [2] = 1 } end },
    { "{ [1 << 40] = 1 }", function() return { [1 << 40] = 1, [0.5] = 2, [true] = 3 } end },
    { "a table in itself", itself },
    { "deep tables", function() return deep(200) end }, { "very deep tables", function() return deep(5000) end },
    { "20000 numbers", function()
      local t = {}
      for i = 1, 20000 do t[i] = i % 7 end
      return t
    end },
    { "2000 names", function()
      local t = {}
      for i = 1, 2000 do t["n" .. i] = i end
      return t
    end },
    { "a model of nothing", function() return { scores = function() end, classes = {} } end },
    { "a model of numbers", function() return { scores = function() return 1 end, classes = { 0, 1 } } end },
    { "a model that raises", function()
      local function f() raise(values.MARK) end
      return { scores = f, gradient = f, classes = { 0, 1 }, features = 4 }
    end },
    { "a model that yields", function()
      local function f() values.calls = values.calls + 1 coroutine.yield(1) end
      return { scores = f, gradient = f, classes = { 0, 1 }, features = 4 }
    end },
    { "a model that answers NaN", function()
      local function f(_, x) values.calls = values.calls + 1 return array.full({ #x, 2 }, 0 / 0) end
      return { scores = f, classes = { 0, 1 } }
    end },
  }
end

-- Metatables whose members raise, yield or give garbage.
local EVENTS = { "__index", "__len", "__eq", "__tostring", "__name", "__pairs", "__call", "__newindex", "__lt", "__le",
  "__unm", "__add", "__concat", "__metatable", "__close", "__gc", "__mode" }

local function odd_member(random, any, event)
  local how = random:below(event == "__gc" and 2 or 6)
  if how == 0 then return function() raise(values.MARK) end end
  if how == 1 then return function() raise {} end end
  if how == 2 then
    return function(...)
      values.calls = values.calls + 1
      return coroutine.yield(...)
    end
  end
  if how == 3 then
    local value = any(random)[2]()
    return function()
      values.calls = values.calls + 1
      return value
    end
  end
  if how == 4 then return any(random)[2]() end
  return function(t)
    values.calls = values.calls + 1
    if values.calls < 16 then collectgarbage "step" end -- an endless list of itself asks thousands of times
    return t
  end
end

-- A table, or the one given, with a metatable of which a few events are odd.
function values.odd_metatable(random, any, t)
  local meta = {}
  for _ = 1, 1 + random:below(3) do
    local event = random:pick(EVENTS)
    meta[event] = odd_member(random, any, event)
  end
  if meta.__index == nil and random:chance(30) then -- what is in it is known by its metatable alone
    local behind = {}
    for key, value in next, t do
      if random:chance(50) then behind[key] = value end
    end
    for key in next, behind do t[key] = nil end
    meta.__index = behind
  end
  -- our finalizers raise when they like: Lua warns of it, and nothing else may happen
  return setmetatable(t or {}, meta)
end

-- ---- Arrays -------------------------------------------------------------------------------------------

local function odd_view(random, x)
  for _ = 1, 1 + random:below(3) do
    local ok, view = pcall(function()
      local how = random:below(5)
      if how == 0 then return x.T end
      if how == 1 then return x:slice { -1, 1, -1 } end
      if how == 2 then return x:slice { 1, #x, 2 } end
      if how == 3 then return x:expand_dims(1) end
      return x:slice { 2, #x - 1 }
    end)
    x = ok and type(view) == "userdata" and view or x
  end
  return x
end

local function poke(random, x, value)
  if x.size > 0 and x.dtype ~= "i32" then x:reshape(x.size)[random:below(x.size) + 1] = value end
  return x
end

local function arrays(random)
  return {
    { "an empty array", function() return array.zeros(0) end },
    { "an array of (0, 3)", function() return array.zeros(0, 3) end },
    { "an array of (3, 0)", function() return array.zeros(3, 0) end },
    { "an array of (2, 0, 4, 4)", function() return array.zeros(2, 0, 4, 4) end },
    { "an array of 1", function() return array.ones(1) end },
    { "an f64 array", function() return array.rand(4, 4, { dtype = "f64", seed = 1 }) end },
    { "an i32 array", function() return array.arange(6) end },
    { "labels below 0", function() return array.arange(6) - 3 end },
    { "the largest of i32", function() return array.full({ 4 }, 2147483647, { dtype = "i32" }) end },
    { "the least of i32", function() return array.full({ 4 }, -2147483648, { dtype = "i32" }) end },
    { "a mask", function() return array.rand(6, { seed = 1 }):gt(0.5) end },
    { "an array of NaN", function() return array.full({ 4, 4 }, 0 / 0) end },
    { "an array of infinities", function() return array.full({ 4, 4 }, math.huge) end },
    { "an array of 1e38", function() return array.full({ 4, 4 }, 1e38) end },
    { "an array of 1e-40", function() return array.full({ 4, 4 }, 1e-40) end },
    { "an array with a NaN", function() return poke(random, array.rand(4, 4, { seed = 2 }), 0 / 0) end },
    { "a view of views", function() return odd_view(random, array.rand(6, 5, 4, { seed = 3 })) end },
    { "a view of f64", function() return odd_view(random, array.rand(6, 6, { seed = 3, dtype = "f64" })) end },
    { "a broadcast array", function() return array.ones(1):broadcast_to(300, 300) end },
    { "8 dimensions", function() return array.zeros(1, 2, 1, 2, 1, 2, 1, 2) end },
    { "20000 numbers in an array", function() return array.zeros(20000) end },
    { "a closed array", function()
      local x = array.zeros(3)
      do local _ <close> = x end
      return x
    end },
    { "a view of a closed array", function()
      local x = array.zeros(3, 3)
      local view = x[2]
      do local _ <close> = x end
      return view
    end },
  }
end

-- An array that is nearly `x`: another type, a NaN, a view, another size.
local function near_array(random, x)
  local forms = {
    { "with a NaN", function() return poke(random, x:copy(), 0 / 0) end },
    { "with an infinity", function() return poke(random, x:copy(), -math.huge) end },
    { "with 3e38", function() return poke(random, x:copy(), 3e38) end },
    { "as f64", function() return x:astype "f64" end }, { "as i32", function() return x:astype "i32" end },
    { "as f32", function() return x:astype "f32" end }, { "as a mask", function() return x:gt(0.5) end },
    { "of which the first", function() return x[1] end },
    { "without the first", function() return x:slice { 2, #x } end },
    { "without any", function() return x:slice { 1, 0 } end },
    { "backwards", function() return x:slice { -1, 1, -1 } end },
    { "every second", function() return x:slice { 1, #x, 2 } end },
    { "transposed", function() return x.T end },
    { "with another dimension", function() return x:expand_dims(random:below(x.ndim + 1) + 1) end },
    { "flat", function() return x:flatten() end },
    { "as a view of its own turned", function() return x.T:copy().T end },
    { "twice", function() return array.concatenate { x, x } end },
    { "negative", function() return x * -1 end },
    { "closed", function()
      local copy = x:copy()
      do local _ <close> = copy end
      return copy
    end },
    { "as a table", function() return x:totable() end },
  }
  local form = random:pick(forms)
  return { "the array " .. form[1], function()
    local ok, value = pcall(form[2])
    return ok and value or nil
  end }
end

-- ---- All of them --------------------------------------------------------------------------------------

local function closed(object)
  local ok, copy = pcall(function() return object:clone() end)
  if not ok or not copy then return object end
  pcall(function() local _ <close> = copy end)
  return copy
end

local function others()
  return {
    { "a coroutine", function() return coroutine.create(function() end) end },
    { "the main coroutine", function() return (coroutine.running()) end },
    { "a file", function() return io.stderr end },
    { "a closed file", function()
      local file = io.tmpfile()
      file:close()
      return file
    end },
    { "a library", function() return array end }, { "the globals", function() return _G end },
    { "a metatable", function() return debug.getmetatable(array.zeros(1)) end },
  }
end

--- A maker of hostile values: any(random), like(random, value) and their parts. `pool` is a list of objects.
function values.maker(pool)
  local made = {}
  local families

  function made.any(random)
    local n = random:below(100)
    if n < 22 then return random:pick(families.scalars) end
    if n < 34 then return random:pick(families.strings) end
    if n < 42 then return random:pick(functions(random, made.any)) end
    if n < 54 then return random:pick(families.tables) end
    if n < 64 then
      return { "a table with an odd metatable", function() return values.odd_metatable(random, made.any, {}) end }
    end
    if n < 78 then return random:pick(arrays(random)) end
    if n < 82 then return random:pick(families.others) end
    local object = #pool > 0 and random:pick(pool)
    if not object then return random:pick(families.scalars) end
    if n < 88 then return { "a closed " .. object[1], function() return closed(object[2]) end } end
    return { object[1], function() return object[2] end }
  end

  -- Of the sort that the value is.
  local function near(random, value)
    local sort = type(value)
    if sort == "number" or sort == "boolean" then return random:pick(families.scalars) end
    if sort == "string" then return random:pick(families.strings) end
    if sort == "function" then return random:pick(functions(random, made.any)) end
    if sort == "userdata" and value.astype then
      return random:chance(60) and near_array(random, value) or random:pick(arrays(random))
    end
    if sort == "userdata" then
      local object = random:pick(pool)
      return { object[1], function() return random:chance(25) and closed(object[2]) or object[2] end }
    end
    if sort ~= "table" then return random:pick(families.others) end
    if random:chance(40) and not getmetatable(value) then
      return { "the table with an odd metatable", function()
        local copy = {}
        for key, member in next, value do copy[key] = member end
        return values.odd_metatable(random, made.any, copy)
      end }
    end
    return random:pick(families.tables)
  end

  --- Instead of the value: of its sort, or of any.
  function made.instead_of(random, value)
    if value ~= nil and random:chance(55) then
      local ok, found = pcall(near, random, value)
      if ok and found then return found end
    end
    return made.any(random)
  end

  families = { scalars = scalars(), strings = strings(), tables = tables(), others = others() }
  return made
end

return values
