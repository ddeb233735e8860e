-- luacheck: no max line length (tables of values, a line each)
-- What there is to call: every function and method that the help knows, each with the arguments with which its
-- example calls it. A new entry of the help is among them as it stands.

local help = require "perigee.help"
local kinds = require "perigee.kinds"

local entries = {}

-- Kind → the table of its methods.
local function types()
  local figure = plot.figure()
  local found = { figure = getmetatable(figure), panel = getmetatable(figure[1]) }
  for name, meta in pairs(debug.getregistry()) do
    local kind = type(name) == "string" and name:match "^perigee%.([%w_]+)$"
    local methods = kind and type(meta) == "table" and rawget(meta, "methods")
    if type(methods) == "table" and next(methods) then found[kind] = methods end
  end
  return found
end

-- The tables that hold an entry's function, and its key in them. What every model has, each kind of them has.
local function homes_of(entry, methods)
  local owner, mark, key = entry.name:match "^([%w_]+)([.:])([%w_]+)$"
  if not owner then return { _G }, entry.name end
  local homes = { mark == "." and _G[owner] or nil }
  for kind, list in pairs(methods) do
    local fits = kind == owner and (mark == ":" or entry.method) or mark == ":" and help.parents[kind] == owner
    if fits and rawget(list, key) then homes[#homes + 1] = list end
  end
  return homes, key
end

--- All of them in the manual's order: { name, homes, key, entry }.
function entries.all()
  local list, methods = {}, types()
  for _, module in ipairs(help.all()) do
    for _, entry in ipairs(module.entries) do
      if not entry.kind then
        local homes, key = homes_of(entry, methods)
        assert(entry.name == "nn.train" or #homes > 0, entry.name .. " is nowhere")
        list[#list + 1] = { name = entry.name, homes = homes, key = key, entry = entry }
      end
    end
  end
  return list
end

-- Files that the example makes stay until the next one has run.
local names = 0
local function tmpname()
  names = names + 1
  return ("tmp%d"):format(names % 64)
end

-- Run f with what it prints, removes and names in our hands.
local function quietly(f)
  local print_before, write_before, remove_before, tmpname_before = print, io.write, os.remove, os.tmpname
  rawset(_G, "print", function() end)
  rawset(io, "write", function() end)
  rawset(os, "remove", function() return true end)
  rawset(os, "tmpname", tmpname)
  local before = {}
  for name in next, _G do before[name] = true end
  local ok, message = pcall(f)
  for name in next, _G do
    if not before[name] then rawset(_G, name, nil) end
  end
  rawset(_G, "print", print_before)
  rawset(io, "write", write_before)
  rawset(os, "remove", remove_before)
  rawset(os, "tmpname", tmpname_before)
  return ok, message
end

--- The first calls that an entry's example makes of it, at most so many, each { f = function, n = …, its arguments }.
--- The example ends at the last of them, which is not made: what comes behind it may take its time.
function entries.right_calls(one, most)
  local calls, original = {}, {}
  local function wrap(home)
    local f = rawget(home, one.key)
    if f == nil and home == _G then f = require("perigee.helpers").get(one.key) end
    original[home] = { f }
    if not f then return end
    rawset(home, one.key, function(...)
      calls[#calls + 1] = table.pack(...)
      calls[#calls].f = f
      if #calls >= most then error "enough" end
      return f(...)
    end)
  end
  for _, home in ipairs(one.homes) do wrap(home) end
  quietly(assert(load(one.entry.example, "=" .. one.name)))
  for home, f in pairs(original) do rawset(home, one.key, home ~= _G and f[1] or nil) end
  return calls
end

--- The kind of an object for the pool: "array", "dataset", "security", …; nil for what is none.
function entries.kind(value)
  local kind = (type(value) == "userdata" or type(value) == "table") and kinds.of(value)
  return kind or nil
end

return entries
