# perigee -i script.lua: what the script leaves to the prompt.
. tests/cli/tap.sh

cat > "$work/script.lua" << 'LUA'
#!/usr/bin/env perigee
local a, b = 1, 2
local metrics = { "mine" }
local closed <close> = assert(io.tmpfile())
local net <close> = nn.new { input = { 1, 2, 2 }, nn.flatten {} }
local function double() a = 2 * a return a end
shared = 5
local shared = 6
local b = b + 1
local empty
for i = 1, 3 do local inside = i end
if arg[1] == "return" then local deep = 3 return deep end
if arg[1] == "fail" then local here = 7 error("failed " .. here) end
if arg[1] == "deep" then coroutine.wrap(function() local lower = 8 double(lower) error("below") end)() end
if arg[1] == "caught" then pcall(function() local lower = 9 error(lower) end) end
if arg[1] == "none" then return end
LUA
ask() { # script's argument
    echo 'for _, name in ipairs { "a", "b", "closed", "net", "double", "shared", "empty", "i", "inside", "deep", "here",
  "lower", "perigee_end" } do
  local value = rawget(_G, name)
  if value ~= nil then io.write(name, "=", type(value) == "number" and value or type(value), " ") end
end print(metrics.accuracy ~= nil, double() == 2 * a)' |
        "$perigee" -q -i "$work/script.lua" "$1" > "$work/out" 2> "$work/err"
    out=$(cat "$work/out") err=$(cat "$work/err")
}
ask none
check_equal "the locals are globals; a global stays, what was closed is not there" "$out$err" \
    "a=1 b=3 double=function shared=5 true	true"
ask return
check_equal "a return in a block leaves the block's" "$out$err" "a=1 b=3 double=function shared=5 deep=3 true	true"
ask caught
check_equal "an error that was caught leaves none" "$out$err" "a=1 b=3 double=function shared=5 true	true"
ask fail
check_equal "where it fails, too, with the block's" "$out" "a=1 b=3 double=function shared=5 here=7 true	true"
check_match "the message and its place are as ever" "$err" "perigee: *script.lua:13: failed 7
stack traceback:
*script.lua:13: in main chunk"
ask deep
check_equal "a failure further down leaves the chunk's own" "$out" "a=2 b=3 double=function shared=5 true	true"

echo 'print(x)' | "$perigee" -q -i -e 'local x = 4' > "$work/out" 2>&1
check_equal "-e code leaves its own" "$(cat "$work/out")" 4
i=0
while [ $i -lt 200 ]; do
    i=$((i + 1))
    echo "local v$i = $i"
done > "$work/full.lua"
echo 'print("runs")' | "$perigee" -q -i "$work/full.lua" > "$work/out" 2>&1
check_equal "a chunk with as many locals as Lua allows runs" "$(cat "$work/out")" runs
printf 'local n = select("#", ...)\nreturn print(n, ..., debug.getinfo(1, "l").currentline)' > "$work/args.lua"
echo 'print(n)' | "$perigee" -q -i "$work/args.lua" one two > "$work/out" 2>&1
check_equal "arguments and lines are the script's" "$(cat "$work/out")" "2	one	2
2"
printf '\n\nlocal x = = 1' > "$work/wrong.lua"
"$perigee" -q -i "$work/wrong.lua" < /dev/null > "$work/out" 2>&1
check_match "so is the place of a mistake" "$(cat "$work/out")" "*wrong.lua:3: unexpected symbol near '='*"
finish
