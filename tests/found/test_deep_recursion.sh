# The traceback of an endless recursion took minutes: every look at a frame counted from the innermost one.
. tests/cli/tap.sh

cat > "$work/deep.lua" <<'LUA'
local kept = 1
local function f() return f() + 1 end
f()
LUA
# 10 s of the processor's time, however busy the machine: it takes one.
bounded() {
    (
        ulimit -t 10
        exec "$perigee" "$@"
    ) > "$work/out" 2> "$work/err"
    status=$?
    out=$(cat "$work/out") err=$(cat "$work/err")
}

bounded -q "$work/deep.lua"
check_equal "an endless recursion is an error" "$status" 1
check_match "that says so" "$err" "perigee: */deep.lua:2: stack overflow*"
check_match "with the innermost frames and the outermost" "$err" "*in upvalue 'f'*...*in main chunk"
check_equal "22 lines of them, the gap counted" "$(grep -c '^	' "$work/err")" 22
echo kept > "$work/line"
bounded -q -i "$work/deep.lua" < "$work/line"
check_match "at the prompt it goes on" "$out" "1"

for raised in '"no place", 0' '"x:1: another place", 0'; do
    bounded -q -e "local function f(i) if i == 0 then error($raised) end return f(i - 1) + 1 end f(150000)"
    check_match "a message of no frame's place: $raised" "$err" "perigee: *place*in main chunk"
done
finish
