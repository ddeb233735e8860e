-- Members that are not there: reading array.zeross, or x:reshap, is an error that names what was
-- probably meant. The libraries' tables ask through their metatables; the types' __index functions in C
-- ask through the registry (bind_missing in src/bind/bind.c). A field that may have no value is nil.

local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local missing = {}

local LISTED = 30 -- how many names are listed at most if none is near

-- kind: as the help names it.
local function fail(owner, kind, key, names)
  table.sort(names)
  local meant = require("perigee.help").known_as(kind, key)[1] or perigee.nearest(key, names)
  local suggestion = meant and ("; did you mean %s?"):format(meant)
    or #names <= LISTED and (" (it has %s)"):format(table.concat(names, ", ")) or ""
  blame.fail("%s has no '%s'%s", owner, key, suggestion)
end

local function add_keys(names, t)
  for key in next, t do
    if type(key) == "string" then names[#names + 1] = key end
  end
  return names
end

--- The settings of libraries, members that are read and assigned by a function of the program's:
-- { svm = { solver = f } }, where f() reads and f(value) assigns.
missing.settings = {}

--- Make reading an absent member of a library an error.
function missing.guard_library(name, library)
  if getmetatable(library) then return end
  local settings = missing.settings[name] or {}
  setmetatable(library, {
    __name = "perigee.library",
    settings = settings,
    __index = function(t, key)
      if settings[key] then return settings[key]() end
      if type(key) ~= "string" then return nil end
      local names = {}
      add_keys(names, t)
      add_keys(names, settings)
      fail(name, name, key, names)
    end,
    __newindex = function(t, key, value)
      if settings[key] then return settings[key](value) end
      local meant = type(key) == "string" and perigee.nearest(key, add_keys({}, settings))
      if meant then blame.fail("%s has no setting '%s'; did you mean %s?", name, key, meant) end
      rawset(t, key, value)
    end,
  })
end

-- What a type is called if its own name is not a word.
local shown = {
  attack_result = "a result", lua_model = "a model written in Lua", nr = "an nr", svm = "an svm",
}

--- What the types' __index functions call for a missing member; `fields` are those of the type.
function missing.of_value(value, key, fields)
  local meta, kind = debug.getmetatable(value), kinds.of(value) or "value"
  local names = table.move(fields, 1, #fields, 1, {})
  if type(rawget(meta, "methods")) == "table" then add_keys(names, meta.methods) end
  fail(shown[kind] or (kind:find("^[aeiou]") and "an " or "a ") .. kind, kind, key, names)
end

return missing
