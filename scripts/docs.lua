-- perigee scripts/docs.lua [FOLDER] — write the reference manual (reference.md), the man page
-- (perigee.1) and the definitions for editors (perigee.lua) to FOLDER (build/doc). All of them are
-- made of the help's tables; the man page's options are what --help prints.

local generate = require "perigee.help.generate"

local folder = arg[1] or "build/doc"

local function quoted(word)
  return "'" .. word:gsub("'", [['\'']]) .. "'"
end

-- What a command prints, or the end of the script.
local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  assert(pipe:close(), command .. " failed")
  return text
end

local function write(name, text)
  local file <close> = assert(io.open(folder .. "/" .. name, "w"))
  assert(file:write(text))
end

assert(os.execute("mkdir -p " .. quoted(folder)))
write("reference.md", generate.markdown(perigee.version))
write("perigee.1", generate.man(perigee.version, output_of(quoted(arg[-1]) .. " --help")))
write("perigee.lua", generate.luacats(perigee.version))
