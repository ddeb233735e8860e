-- The helpers: help, show, who, … are no globals, they answer where no global of that name was set
-- (lua/perigee/init.lua), at the prompt and in scripts. Each is loaded when it is first asked for.

local own = require "perigee.own"

local helpers = {}

local homes = {
  help = "perigee.explain", show = "perigee.show", seed = "perigee.perigee", who = "perigee.session",
  info = "perigee.session", time = "perigee.session", bench = "perigee.session", save = "perigee.session",
  restore = "perigee.session", reload = "perigee.reload",
}

--- Their names, in the order of the manual.
helpers.names = { "help", "show", "who", "info", "seed", "time", "bench", "save", "restore", "reload" }

local found = {}

--- The helper of that name, or nil.
function helpers.get(name)
  local home = homes[name]
  if home and not found[name] then
    local value = require(home)
    if type(value) == "table" then value = value[name] end
    found[name] = require("perigee.arguments").guard("", { [name] = value })[name]
  end
  return found[name]
end

--- What a global's name stands for: what was set, else a helper. Nothing of the user's runs.
function helpers.global(name)
  local value = rawget(_G, name)
  if value == nil then value = helpers.get(name) end
  return value
end

--- Is a global of that name the user's? Lua's, Perigee's, and what the host and the prompt set are not.
function helpers.is_users(name)
  if type(name) ~= "string" or name == "ans" or name == "arg" then return false end
  return homes[name] ~= nil or not own.is_reserved(name)
end

own.reserve(homes)

return helpers
