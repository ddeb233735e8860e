-- perigee tests/lua/run.lua FILE… — load test files and run what they define (globals named Test…)
-- with luaunit, printing TAP. tests/run calls it once a file, so that a crash costs one file only.

-- luaunit looks at globals that nobody may have set; here reading such a one is an error.
for _, name in ipairs { "jit", "EXPORT_ASSERT_TO_GLOBALS", "setupSuite", "teardownSuite" } do
  rawset(_G, name, false)
end

-- Some distributions have luaunit for older versions of Lua only; it is the same file.
local own = (os.getenv "HOME" or "") .. "/.luarocks/share/lua"
for _, folder in ipairs { "/usr/share/lua", "/usr/local/share/lua", own } do
  for _, version in ipairs { "5.4", "5.3", "5.1" } do
    package.path = ("%s;%s/%s/?.lua"):format(package.path, folder, version)
  end
end

-- luaunit takes the global `arg` for options and names of tests: from 3.5 on it then runs those alone.
local files = arg
rawset(_G, "arg", {})
local luaunit = require "luaunit"

for _, file in ipairs(files) do
  local chunk, message = loadfile(file)
  if not chunk then
    -- said in TAP, so that the count shows it
    print("1..1\nnot ok 1\t" .. file .. "\n#   " .. message)
    os.exit(1)
  end
  chunk()
end

local found = {}
for name, value in pairs(_G) do
  if type(name) == "string" and name:find("^[Tt]est") then found[#found + 1] = { name, value } end
end
table.sort(found, function(a, b) return a[1] < b[1] end)
if #found == 0 then
  print("1..1\nnot ok 1\t" .. table.concat(files, " ") .. ": no tests in it")
  os.exit(1)
end

-- os.exit closes the state: finalizers run, and instrumented builds then see what leaks.
local unit = luaunit.LuaUnit.new()
unit:setOutputType("tap")
os.exit(unit:runSuiteByInstances(found), true)
