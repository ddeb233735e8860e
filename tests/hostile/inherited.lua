-- perigee inherited.lua — every function's example once more, with the options in a metatable's __index: a
-- line on standard error for each that does not refuse them, and last how many did. Works in the current
-- folder, which is to be an empty one.

package.path = arg[0]:match "^(.*)/[^/]*$" .. "/?.lua;" .. package.path

local entries = require "entries"

-- Is it a table of the entry's options?
local function has_options(value, entry)
  if type(value) ~= "table" or getmetatable(value) then return false end
  for _, option in ipairs(entry.options or {}) do
    if rawget(value, option[1]) ~= nil then return true end
  end
  return false
end

local refused = 0
for _, one in ipairs(entries.all()) do
  for _, call in ipairs(entries.right_calls(one, 3)) do
    local options = call[call.n]
    if has_options(options, one.entry) then
      call[call.n] = setmetatable(table.move(options, 1, #options, 1, {}), { __index = options })
      local ok, message = pcall(call.f, table.unpack(call, 1, call.n))
      if not ok and tostring(message):find "metatable with __index" then
        refused = refused + 1
      else
        io.stderr:write(("%s: %s\n"):format(one.name, ok and "takes it" or message))
      end
    end
  end
end
io.stderr:write(refused, "\n")
