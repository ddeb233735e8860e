-- What the helpers tell of and do with the session: who, info, save, restore, time, bench.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local archive = require "perigee.archive"
local helpers = require "perigee.helpers"
local kinds = require "perigee.kinds"
local own = require "perigee.own"
local printable = require("perigee.native").printable
local text = require "perigee.text"

local gnuplot = require("perigee.native").gnuplot

local session = {}

local function bytes_text(bytes)
  if not bytes then return "" end
  for _, unit in ipairs { "B", "kB", "MB" } do
    if bytes < 1000 then return ("%.3g %s"):format(bytes, unit) end
    bytes = bytes / 1000
  end
  return ("%.3g GB"):format(bytes)
end

local element_bytes = { f32 = 4, f64 = 8, i32 = 4, u8 = 1 }

local function array_bytes(a)
  return a.size * element_bytes[a.dtype]
end

-- kind, shape or first words, bytes of a value
local function describe(value)
  local meta = getmetatable(value)
  local kind = kinds.of(value) or math.type(value) or type(value)
  if type(value) == "userdata" and kind == "array" then
    return kind, ("%s[%s]"):format(value.dtype, table.concat(value.shape, "x")), array_bytes(value)
  elseif type(value) == "userdata" and kind == "dataset" then
    local sample = value.features * element_bytes[value.dtype] + element_bytes[value.y.dtype]
    return kind, ("%d x %d"):format(#value, value.features), #value * sample
  elseif type(value) == "string" then
    return "string", ("%d bytes"):format(#value), #value
  elseif type(value) == "table" and not (type(meta) == "table" and rawget(meta, "__tostring")) then
    local n = 0
    for _ in next, value do n = n + 1 end
    return "table", ("%d %s"):format(n, n == 1 and "entry" or "entries")
  elseif type(value) == "function" then
    return "function", ""
  elseif kind == "net" then
    local layers, input = value.layers, table.concat(value.input, "x")
    return kind, ("%s -> %s"):format(input, table.concat(layers[#layers].shape, "x")), value.parameters * 4
  elseif kind == "result" then
    return kind, ("%d x %d"):format(#value, value.x0.shape[2]),
      2 * array_bytes(value.x0) + 2 * array_bytes(value.scores)
  end
  return kind, (tostring(value):match("^[^\n]*"))
end

-- The same of what is closed, or whose own __tostring raises: what can be said of it.
local function describe_any(value)
  local said, kind, shape, bytes = pcall(describe, value)
  if said then return kind, shape, bytes end
  return kinds.of(value) or type(value), (text.of(value):match("^[^\n]*"))
end

local Who = { __paged = true } -- at the prompt it goes through the pager, whole (prompt.lua)
Who.__index = Who

function Who:__tostring()
  if #self == 0 then return "no variables yet" end
  local rows = { { "name", "kind", "shape", "size" } }
  for _, v in ipairs(self) do
    rows[#rows + 1] = { printable(v.name), v.kind, text.cut(printable(v.shape), 40), bytes_text(v.bytes) }
  end
  return text.aligned(rows)
end

--- The user's variables: a list of { name, kind, shape, bytes } that prints as a table.
function session.who()
  local list = setmetatable({}, Who)
  for name, value in next, _G do
    if helpers.is_users(name) then
      local kind, shape, bytes = describe_any(value)
      list[#list + 1] = { name = name, kind = kind, shape = shape, bytes = bytes }
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

---------------------------------------------------------------------------------------------------
-- Variables in files

--- save(path, …): write the named variables, or all the user has, to one file.
function session.save(path, ...)
  if type(path) ~= "string" then arguments.expected("save", "path", "a string", path) end
  local names, values = { ... }, {}
  local all = #names == 0
  local function refused(name, reason)
    if not all then blame.fail("save: %s cannot be kept in a file: %s", name, reason) end
    print(printable(("not kept: %s (%s)"):format(name, reason)))
  end
  if all then
    for i, v in ipairs(session.who()) do names[i] = v.name end
  end
  for _, name in ipairs(names) do
    if type(name) ~= "string" then arguments.expected("save", "name", "the name of a variable", name) end
    local value = rawget(_G, name)
    if value == nil then blame.fail("save: there is no variable %s", tostring(name)) end
    local reason = archive.refusal(name, value)
    if all and own.is_reserved(name) then reason = "restored it would hide the helper of that name" end
    if reason then refused(name, reason) else values[name] = value end
  end
  archive.write(path, values, refused)
  return path
end

-- The values in the file. What this session cannot make of it is printed; if nothing is left that raises.
local function read(path)
  local lost = {}
  local values = archive.read(path, function(name, reason)
    lost[#lost + 1] = { name = tostring(name), reason = reason }
  end)
  if #lost > 0 and next(values) == nil then blame.fail("restore: %s", lost[1].reason) end
  table.sort(lost, function(a, b) return a.name < b.name end)
  for _, one in ipairs(lost) do
    print(printable(("not restored: %s (%s)"):format(one.name, one.reason)))
  end
  return values
end

--- restore(path [, { into = t }]): set the variables of a file again, as globals or in the table. Returns
--- their names.
function session.restore(path, options)
  local into = arguments.only("restore", options, { "into" }).into
  if into ~= nil and type(into) ~= "table" then arguments.expected("restore", "into", "a table", into) end
  local values, names = read(path), {}
  for name in pairs(values) do
    if type(name) ~= "string" then blame.fail("restore: a variable in the file has no name") end
    if not into and own.is_reserved(name) then
      blame.fail("restore: the file has a variable '%s', which would take the place of Lua's or Perigee's; "
        .. "restore(path, { into = t }) puts all of them into a table", name)
    end
    names[#names + 1] = name
  end
  for name, value in pairs(values) do rawset(into or _G, name, value) end
  table.sort(names)
  return names
end

---------------------------------------------------------------------------------------------------
-- Time

--- time(f, …): run f once; prints the seconds, returns what f returns.
function session.time(f, ...)
  if type(f) ~= "function" then arguments.expected("time", "f", "a function", f) end
  local start = perigee.clock()
  local results = table.pack(blame.users(f, ...))
  print(("%.4g s"):format(perigee.clock() - start))
  return table.unpack(results, 1, results.n)
end

local Bench = {}
Bench.__index = Bench

local function seconds_text(s)
  if s >= 1 then return ("%.3g s"):format(s) end
  if s >= 1e-3 then return ("%.3g ms"):format(s * 1e3) end
  if s >= 1e-6 then return ("%.3g µs"):format(s * 1e6) end
  return ("%.3g ns"):format(s * 1e9)
end

function Bench:__tostring()
  return ("%s a call (median of %d runs of %d; %s … %s)"):format(seconds_text(self.median), self.runs,
    self.calls, seconds_text(self.least), seconds_text(self.most))
end

--- bench(f [, seconds]): call f again and again for about that long (1 s); the median time of a call.
function session.bench(f, seconds)
  if type(f) ~= "function" then arguments.expected("bench", "f", "a function", f) end
  if seconds ~= nil and not (type(seconds) == "number" and seconds >= 0 and seconds < math.huge) then
    arguments.expected("bench", "seconds", "a number of 0 or more", seconds)
  end
  f, seconds = blame.guest(f), seconds or 1
  local clock, runs = perigee.clock, 7
  local function timed(calls)
    local start = clock()
    for _ = 1, calls do f() end
    return clock() - start
  end
  local calls, elapsed = 1, timed(1) -- the first call also warms up
  while elapsed < seconds / runs / 4 and elapsed < seconds do
    calls = math.max(calls * 2, math.floor(calls * math.min(seconds / runs / (elapsed + 1e-9), 100)))
    elapsed = timed(calls)
    if elapsed >= seconds / runs / 4 then break end
  end
  local times = {}
  for i = 1, runs do times[i] = timed(calls) / calls end
  table.sort(times)
  return setmetatable({ median = times[(runs + 1) // 2], least = times[1], most = times[runs], runs = runs,
    calls = calls }, Bench)
end

---------------------------------------------------------------------------------------------------
-- Facts

local Info = {}

function Info:__tostring()
  local rows = {
    { "perigee", self.version .. (self.revision ~= "" and (" (%s)"):format(self.revision) or "") },
    { "seed", tostring(self.seed) }, { "threads", tostring(self.threads) },
    { "OpenBLAS", ("%s, kernels for %s"):format(self.blas, self.blas_core) },
    { "libsvm", self.libsvm }, { "Lua", self.lua }, { "gnuplot", self.gnuplot },
  }
  for i, row in ipairs(rows) do rows[i] = ("%-10s %s"):format(row[1], row[2]) end
  return table.concat(rows, "\n")
end

--- info(): the session's facts, by name; prints as a list.
function session.info()
  local facts = perigee.facts()
  facts.gnuplot = gnuplot.find() and gnuplot.version() or "not found"
  return setmetatable(facts, Info)
end

for name, meta in pairs { who = Who, bench = Bench, info = Info } do
  archive.keep(name, meta)
  meta.__tostring = text.shown(name, meta.__tostring)
end

return session
