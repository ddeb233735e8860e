-- perigee tests/lua/run.lua FILE… — load test files and run what they define (globals named Test…)
-- with luaunit, printing TAP. tests/run calls it once a file, so that a crash costs one file only.

-- luaunit asks for this global of LuaJIT's; reading one that nobody set is an error here.
rawset(_G, "jit", false)

local luaunit = require "luaunit"

for _, file in ipairs(arg) do
  local chunk, message = loadfile(file)
  if not chunk then
    -- said in TAP, so that the count shows it
    print("1..1\nnot ok 1\t" .. file .. "\n#   " .. message)
    os.exit(1)
  end
  chunk()
end

-- os.exit closes the state: finalizers run, and instrumented builds then see what leaks.
os.exit(luaunit.LuaUnit.run("--output", "tap"), true)
