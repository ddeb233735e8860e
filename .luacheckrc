std = "lua54"
max_line_length = 110
globals = { "ans" }
read_globals = {
  "array", "data", "nn", "svm", "reject", "dnr", "attack", "evaluate", "metrics", "plot", "perigee",
  "help", "show", "who", "info", "seed", "time", "bench", "save", "restore",
}
