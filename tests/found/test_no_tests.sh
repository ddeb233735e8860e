# luaunit 3.5 read the runner's arguments as names of tests, found none of that name, and was content.
. tests/cli/tap.sh

echo 'local unused = 1' > "$work/none.lua"
run_perigee --quiet tests/lua/run.lua "$work/none.lua"
check_equal "a file without tests fails" "$status" 1
check_match "and says so in TAP" "$out" "1..1*not ok 1*none.lua: no tests in it*"

echo 'function TestArguments() assert(#arg == 0, "luaunit sees " .. #arg) end' > "$work/one.lua"
run_perigee --quiet tests/lua/run.lua "$work/one.lua"
check_match "luaunit is shown no arguments" "$out" "*ok*1*TestArguments*"
check_equal "and the file passes" "$status" 0
finish
