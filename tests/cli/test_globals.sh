# Globals that nobody set: an error with a suggestion, at the user's line.
. tests/cli/tap.sh

run_perigee -e 'print(prnt)'
check_equal "reading an unset global is an error" "$status" 1
check_match "with the name and a suggestion" "$err" "*global 'prnt' is not set; did you mean print*"
run_perigee -e 'local x = 1
return x + missing_thing'
check_match "at the user's line" "$err" "perigee: (command line):2: global 'missing_thing' is not set*"
run_perigee -e 'zeros(3)'
check_match "a library's function without its library" "$err" "*did you mean array.zeros*"
run_perigee -e 'fresh = 5 print(fresh) fresh = nil print(rawget(_G, "fresh"))'
check_equal "setting is allowed" "$out" "5
nil"
run_perigee -e 'print(pcall(function() return qqqqqqqqqq end))'
check_match "the error can be caught" "$out" "false	*global 'qqqqqqqqqq' is not set"

# The helpers, wherever no global of that name was set.
run_perigee -e 'help("attack.pgd")'
check_match "help is found in -e code" "$out" "attack.pgd {*Projected gradient descent*"
run_perigee -e 'for _, name in ipairs(require "perigee.helpers".names) do
  if _G[name] == nil or rawget(_G, name) ~= nil then print(name) end
  if rawget(package.loaded["perigee.own"], name) ~= nil then print(name) end
end
for name in pairs(_G) do if name == "help" or name == "who" then print(name) end end'
check_equal "all are found, and none of them is a global" "$out$err" ""
printf 'seed(3)\nlocal a = array.rand(2)\nshow(a)\nassert(info().seed == 3)\nx = 1 print(who())\n' > "$work/uses.lua"
run_perigee "$work/uses.lua"
check_match "scripts use them" "$out$err$status" "*x     integer*0"
"$perigee" < "$work/uses.lua" > "$work/out" 2>&1
check_match "and standard input" "$(cat "$work/out")" "*x     integer*"
run_perigee -e 'time = 5 assert(rawget(_G, "time") == 5) print(time) print(who()) time = nil print(type(time))'
check_match "a global of the user's own stands before them" "$out" "5*time  integer*function"
run_perigee -e "time, y = 5, 6 save('$work/all.pgz') time, y = nil restore('$work/all.pgz') print(y, type(time))"
check_match "what would hide a helper is not saved with all" "$out" "not kept: time (*6	function"
run_perigee -e 'timee(1)'
check_match "and a misspelt one is told of" "$err" "*did you mean time?*"
run_perigee -e 'time(3)'
check_match "their complaints name the line of whoever called" "$err" "perigee: (command line):1: time: f: expected a function*"

# Habits of other languages, in scripts and in what they load.
printf 'local x = 3\nif x != 3 then\nend\n' > "$work/habit.lua"
run_perigee "$work/habit.lua"
check_equal "a script's mistake is explained" "$err" \
    "perigee: $work/habit.lua:2: 'then' expected near '!'; Lua writes ~= for !="
for code in "dofile('$work/habit.lua')" "package.path = '$work/?.lua' require 'habit'" \
    "assert(loadfile('$work/habit.lua'))"; do
    run_perigee -e "$code"
    check_match "so is that of a file: $code" "$err" "*habit.lua:2: 'then' expected near '!'; Lua writes ~= for !=*"
done
run_perigee -e 'print(load("x != 3"))'
check_equal "load answers as ever" "$out" 'nil	[string "x != 3"]:1: syntax error near '"'!'"
printf 'local m = array.zeros(3)\nlocal function f()\n  return m.sum()\nend\nf()\n' > "$work/dot.lua"
run_perigee "$work/dot.lua"
check_match "and a call with a dot, at the line that runs" "$err" "*dot.lua:3: *sum: *; call it with a colon: m:sum(…)
stack traceback:*dot.lua:3: in *"
run_perigee -e 'exit()'
check_match "exit() in a script names os.exit" "$err" "*global 'exit' is not set; os.exit() ends the program*"

run_perigee -e 'local known = { _G = true, arg = true }
for name in ("coroutine debug io math os package string table utf8"):gmatch("%w+") do known[name] = true end
for _, name in ipairs(require "perigee.libraries") do
  if type(rawget(_G, name)) ~= "table" then print("not open: " .. name) end
  known[name] = true
end
for name, value in pairs(_G) do
  if type(value) == "table" and not known[name] then print("not listed: " .. name) end
end'
check_equal "the libraries are open, and no others" "$out$err" ""

finish
