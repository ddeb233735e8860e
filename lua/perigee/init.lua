-- The Lua half of the program, loaded before the user's first line: the Lua halves of the libraries,
-- then the helpers, and globals that catch a typo.

-- From here on the names are the program's own, whatever users make of theirs.
local _ENV = assert(loadfile(perigee.lua_dir .. "/perigee/own.lua", "t"))() -- luacheck: ignore

local libraries = require "perigee.libraries"

require "perigee.loaders"
require "perigee.attack_parts" -- for C, by the registry
require "perigee.lua_model" -- so too
require "perigee.printer" -- so too
require "perigee.statement" -- for the host, which looks for it when an interrupt comes

for _, name in ipairs(libraries) do
  if require("perigee.own").has("perigee." .. name) then
    local half = require("perigee." .. name)
    -- a library that is all Lua returns its table; the others extend the one made in C
    if rawget(_G, name) == nil then _G[name] = half end
  end
end

local arguments = require "perigee.arguments"
local missing = require "perigee.missing"
for _, name in ipairs(libraries) do
  missing.guard_library(name, arguments.guard(name .. ".", rawget(_G, name)))
end
debug.getregistry()["perigee.missing"] = missing.of_value

require("perigee.own").keep(libraries)
local helpers = require "perigee.helpers"

-- Where there are other ranks, they score long batches too.
if select(2, require("perigee.native").farm.ranks()) > 1 then require("perigee.scoring").ask() end

debug.setmetatable(0, require "perigee.numbers")

-- What somebody who wrote `name` may have meant: a global, or a library's function without its library.
local function suggestion(name)
  local globals, members, homes = table.move(helpers.names, 1, #helpers.names, 1, {}), {}, {}
  for key in pairs(_G) do
    if type(key) == "string" then globals[#globals + 1] = key end
  end
  for _, library in ipairs(libraries) do
    local t = rawget(_G, library)
    for key in pairs(type(t) == "table" and t or {}) do
      if type(key) == "string" then
        members[#members + 1] = key
        homes[key] = homes[key] or library .. "." .. key
      end
    end
  end
  if homes[name] then return homes[name] end
  table.sort(globals) -- so that of two equally near words it is always the same one
  table.sort(members)
  return perigee.nearest(name, globals) or homes[perigee.nearest(name, members)]
end

-- Reading a global that nobody set gives the helper of that name, or is an error; setting one is allowed.
setmetatable(_G, {
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    if name == "perigee.end" then return debug.getregistry()[name] end -- for the host (src/host/locals.c)
    local helper = helpers.get(name)
    if helper ~= nil then return helper end
    local habit = require("perigee.habits").globals[name]
    if habit then error(("global '%s' is not set; %s"):format(name, habit), 2) end
    local meant = suggestion(name)
    error(("global '%s' is not set%s"):format(name, meant and ("; did you mean %s?"):format(meant) or ""), 2)
  end,
  __metatable = "the globals' own",
  __name = "perigee.table of globals",
})

return perigee
