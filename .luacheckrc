std = "lua54"
max_line_length = 110
globals = { "ans" }
local libraries = dofile "lua/perigee/libraries.lua"
read_globals = { "help", "show", "who", "info", "seed", "time", "bench", "save", "restore", "reload" }
for _, name in ipairs(libraries) do read_globals[#read_globals + 1] = name end
-- The Lua half of a library extends the global table that its C half made.
files["lua/perigee/"].globals = libraries
-- A test file's classes are globals, and a test seldom needs its self.
files["tests/lua/"] = { allow_defined_top = true, self = false }
files["tests/found/"] = { allow_defined_top = true, self = false }
-- What is quoted there has lines as long as it likes.
files["tests/mutate/changes/"] = { max_line_length = false }
-- Tables of numbers that another program wrote.
files["tests/reference/*/expected.lua"] = { max_line_length = false }
