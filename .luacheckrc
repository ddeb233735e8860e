std = "lua54"
max_line_length = 110
globals = { "ans" }
read_globals = {
  "array", "data", "nn", "svm", "reject", "dnr", "attack", "evaluate", "metrics", "plot", "perigee",
  "help", "show", "who", "info", "seed", "time", "bench", "save", "restore",
}
-- The Lua half of a library extends the global table that its C half made.
files["lua/perigee/"].globals = {
  "array", "data", "nn", "svm", "reject", "dnr", "attack", "evaluate", "metrics", "plot", "perigee",
}
-- A test file's classes are globals, and a test seldom needs its self.
files["tests/lua/"] = { allow_defined_top = true, self = false }
