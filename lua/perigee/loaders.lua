-- Lua's own loaders, for texts alone. Precompiled Lua can take over the program, since nothing checks it;
-- scripts and init.lua refuse it too, and so do these: load, loadfile, dofile and require.

local REFUSED = "precompiled Lua is refused; load its text"

-- What `loader` answers when it is asked with the mode "t".
local function told(name, chunk, message)
  if not chunk and tostring(message):find("attempt to load a binary chunk", 1, true) then
    message = ("%s: %s"):format(name, REFUSED)
  end
  return chunk, message
end

local load, loadfile = load, loadfile

-- loadfile, whose complaint about a text says what somebody used to another language may have meant.
local function load_text(name, path, ...)
  local chunk, message = told(name, loadfile(path, ...))
  local file = not chunk and path and tostring(message):find(":%d+: ") and io.open(path)
  if file then
    message = require("perigee.habits").of_text(message, file:read("a") or "")
    file:close()
  end
  return chunk, message
end

function _G.load(chunk, name, mode, ...)
  if mode == "b" then return nil, ("load: %s"):format(REFUSED) end
  return told("load", load(chunk, name, mode == "bt" and "t" or mode or "t", ...))
end

function _G.loadfile(path, mode, ...)
  if mode == "b" then return nil, ("loadfile: %s"):format(REFUSED) end
  return load_text("loadfile", path, mode == "bt" and "t" or mode or "t", ...)
end

function _G.dofile(path)
  local chunk, message = load_text("dofile", path, "t")
  if not chunk then error(message, 0) end
  return chunk()
end

-- The searcher of Lua files: package.searchers holds the ones of package.preload, of the program's own
-- files, this one, and those of C.
local searchpath = package.searchpath
package.searchers[3] = function(name)
  local path, message = searchpath(name, _G.package.path)
  if not path then return message end
  local chunk
  chunk, message = load_text("require", path, "t")
  if not chunk then
    error(("error loading module '%s' from file '%s':\n\t%s"):format(name, path, message), 0)
  end
  return chunk, path
end

return { load_text = load_text }
