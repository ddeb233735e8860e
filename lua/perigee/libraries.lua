-- The libraries, in the order in which the help lists them. luacheck, the help, the guards against typos
-- and the tests go by this list; src/bind/libraries.c opens those with a half in C.
return { "array", "data", "nn", "svm", "classic", "reject", "dnr", "attack", "grad", "metrics", "evaluate",
  "plot", "perigee" }
