-- The Lua half of the library dnr: how a defence prints.

local printable = require("perigee.native").printable

-- "dnr on relu2, relu3 (10 classes, threshold 0.5)"
debug.getregistry()["perigee.dnr"].__tostring = function(defence)
  local state = "not fitted"
  if #defence.classes > 0 then
    state = ("%d classes, threshold %.6g"):format(#defence.classes, defence:get "threshold")
  end
  return ("dnr on %s (%s)"):format(printable(table.concat(defence.layers, ", ")), state)
end

return dnr
