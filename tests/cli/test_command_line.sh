# The command line: what runs, in which order, with which arguments, and how it ends.
. tests/cli/tap.sh

cat > "$work/args.lua" <<'LUA'
local first, second = ...
print(#arg, arg[0]:match("[^/]+$"), first, second, select("#", ...))
LUA

run_perigee "$work/args.lua" one "two words"
check_equal "a script gets its arguments" "$out" "2	args.lua	one	two words	2"
check_equal "and ends with status 0" "$status" 0

run_perigee -e 'x = 1' -e 'print(x + 1)' "$work/args.lua" -e
check_equal "-e may be repeated and comes before the script, whose options are its own" "$out" "2
1	args.lua	-e	nil	1"

run_perigee -- "$work/args.lua"
check_equal "-- ends the options" "$out" "0	args.lua	nil	nil	0"

out=$(echo 'print("piped", ...)' | "$perigee" 2>&1)
check_equal "piped standard input runs" "$out" "piped"
out=$(echo 'print("dash", ...)' | "$perigee" - a b 2>&1)
check_equal "- runs standard input with arguments" "$out" "dash	a	b"
printf '#!/usr/bin/env perigee\nprint("shebang")\n' > "$work/shebang.lua"
run_perigee "$work/shebang.lua"
check_equal "a script may start with #!" "$out" "shebang"
out=$("$perigee" < "$work/shebang.lua" 2>&1)
check_equal "and so may one that comes by standard input" "$out" "shebang"

out=$(printf 'x = 20\nx + 1\nans * 2\nfor i = 1, 2 do\nprint(i)\nend\nx;\n"end"\n' | "$perigee" -q -i 2>&1)
check_match "-i reads line by line, prints values, keeps ans, continues" "$out" "*21*42*1*2*end*"
out=$(echo 'print(kept)' | "$perigee" -q -i -e 'kept = "from -e"' 2>&1)
check_match "-i comes after -e" "$out" "*from -e*"

printf 'local function inner()\n  error("it broke")\nend\ninner()\n' > "$work/error.lua"
run_perigee "$work/error.lua"
check_equal "an error's status is 1" "$status" 1
check_equal "an error prints nothing on stdout" "$out" ""
check_match "an error says where" "$err" "*error.lua:2: it broke*"
check_match "an error has a traceback down to the user's line" "$err" "*stack traceback:*error.lua:4: in main chunk"

printf 'x = = 1\n' > "$work/syntax.lua"
run_perigee "$work/syntax.lua"
check_equal "a syntax error's status is 1" "$status" 1
check_match "a syntax error says where" "$err" "*syntax.lua:1:*"
run_perigee -e 'error { code = 3 }'
check_match "an error that is a table is said to be one" "$err" "*the error is a table, not a message: { code = 3 }*"
run_perigee -e 'error(setmetatable({}, { __tostring = function() return "speaks" end }))'
check_match "an error with __tostring speaks for itself" "$err" "*speaks*"
run_perigee /nonexistent/script.lua
check_equal "a script that is not there: status 1" "$status" 1
check_match "and its name" "$err" "*cannot open /nonexistent/script.lua*"
run_perigee -e 'os.exit(7)'
check_equal "os.exit gives its status" "$status" 7

run_perigee --sed 3
check_equal "an unknown option is misuse: status 2" "$status" 2
check_match "with a suggestion" "$err" "*unknown option --sed; did you mean --seed*"
run_perigee --seed -1
check_equal "a seed below 0 is misuse" "$status" 2
run_perigee --threads many
check_equal "threads that are no number are misuse" "$status" 2
check_match "and the message says what came" "$err" '*--threads: expected a number from 0*got "many"*'
run_perigee -e
check_equal "-e without code is misuse" "$status" 2
PERIGEE_THREADS=x run_perigee -e 'print(1)'
check_equal "PERIGEE_THREADS that is no number is misuse" "$status" 2

run_perigee --help
check_equal "--help ends with 0" "$status" 0
check_match "--help tells the usage" "$out" "usage: perigee*--seed N*"

run_perigee --version
check_equal "--version ends with 0" "$status" 0
check_match "--version names all" "$out" "perigee [0-9]*.*Lua 5.4.*OpenBLAS [0-9]*, core *libsvm [0-9].*gnuplot*"
out=$(env PATH=/nonexistent "$perigee" --version)
check_match "--version says where gnuplot is missing" "$out" "*gnuplot not found*"

run_perigee --seed 7 -e 'print(perigee.facts().seed, math.random(1000))'
first=$out
run_perigee --seed=7 -e 'print(perigee.facts().seed, math.random(1000))'
check_match "--seed is told" "$out" "7	*"
check_equal "--seed repeats a session's numbers" "$out" "$first"
run_perigee --solver smo -e 'print(svm.solver, svm.new {}.solver) svm.solver = nil print(svm.new {}.solver)'
check_equal "--solver is the session's, until that is changed" "$out" "smo	smo
libsvm"
run_perigee --solver svmlight -e 'print(1)'
check_equal "a solver that is none is misuse" "$status$out" 2
check_match "and the message says which there are" "$err" '*--solver: expected "libsvm" or "smo", got "svmlight"*'
run_perigee --threads 1 -e 'print(perigee.facts().threads)'
check_equal "--threads is obeyed" "$out" 1
PERIGEE_THREADS=1 run_perigee -e 'print(perigee.facts().threads)'
check_equal "PERIGEE_THREADS is the default" "$out" 1

finish
