# Lua that lacked memory outside of a protected call ended the program: between the command line and the first
# script, and all over the prompt, whose session was lost.
. tests/cli/tap.sh

find_failing_malloc || { skip "requests that fail" "an instrumented build"; finish; exit 0; }
printf '%s\n' '1 + 1' 'x = { 1, 2 }' 'for i = 1, 2 do' 'print(i)' 'end' 'error "a"' '?array.new' > "$work/lines"

run_lines() { # FAIL_…=value
    env LD_PRELOAD="$failing" "$@" "$perigee" --quiet -i < "$work/lines" > "$work/out" 2> "$work/err"
    status=$?
}
run_lines FAIL_REPORT="$work/last"
check_match "nothing fails" "$status $(cat "$work/out")" "0 *2*1*2*array.new*"
env LD_PRELOAD="$failing" FAIL_REPORT="$work/first" "$perigee" --quiet -e '' > "$work/out" 2>&1
first=$(cat "$work/first") last=$(cat "$work/last")

# Three in a row fail, since Lua collects its garbage and asks again.
unlike=''
try() { # at
    run_lines FAIL_AT="$1" FAIL_COUNT=3
    grep -q 'PANIC' "$work/err" || [ "$status" -gt 1 ] && unlike="$unlike $1 (status $status)"
}
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do
    try $((first + (last - first) * i / 25))
done
check_equal "at the prompt" "$unlike" ""
unlike=''
for i in 1 2 3 4 5 6 7 8; do try $((first - 12 * i)); done
check_equal "behind the start" "$unlike" ""
finish
