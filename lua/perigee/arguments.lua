-- Arguments of functions written in Lua: the checks and words of those written in C.

local blame = require "perigee.blame"

local arguments = {}

-- A value in words, for messages.
local function describe(value)
  if value == nil then return "nothing" end
  if type(value) == "string" then return string.format("the string %q", value) end
  if type(value) == "userdata" then return tostring(value):match("^[^\n]*") end
  if type(value) == "table" then return "a table" end
  return tostring(value)
end

--- Raise "where: name: expected …, got …" at the user's line.
function arguments.expected(where, name, expected, value)
  blame.fail("%s: %s: expected %s, got %s", where, name, expected, describe(value))
end

--- The table of options (nil is an empty one), every key of which is in one of the lists of names.
function arguments.only(where, options, ...)
  if options == nil then return {} end
  if type(options) ~= "table" then arguments.expected(where, "options", "a table", options) end
  local known, names = {}, {}
  for _, list in pairs { ... } do
    for _, name in ipairs(list) do
      known[name] = true
      names[#names + 1] = name
    end
  end
  for key in pairs(options) do
    if not known[key] then
      local meant = type(key) == "string" and perigee.nearest(key, names)
      blame.fail("%s: unknown option '%s'%s (valid: %s)", where, tostring(key),
        meant and ("; did you mean '%s'?"):format(meant) or "", table.concat(names, ", "))
    end
  end
  return options
end

return arguments
