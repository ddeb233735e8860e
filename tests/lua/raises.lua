-- raises(words, f, …): f(…) fails, and says these words.
local lu = require "luaunit"

return function(words, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok)
  lu.assertStrContains(tostring(message), words)
end
