# tests/run itself, on a tree of little tests: lanes, what runs calm or alone, counts, logs, what is stopped.
. tests/cli/tap.sh

runner=$PWD/tests/run tree=$work/tree
mkdir -p "$tree/build" "$tree/tests/cli" "$tree/tests/found"
cp "$runner" "$tree/tests"
printf '#!/bin/sh\n' > "$tree/build/perigee"
chmod +x "$tree/build/perigee"
run_tree() { # lanes pattern
    out=$(cd "$tree" && env -u CI PERIGEE_TEST_LANES="$1" tests/run build "$2" 2> "$work/err")
    status=$?
    err=$(cat "$work/err")
}

# Two that wait for each other, each says which it met; two calm ones like them; and one that must meet none.
for pair in "a b" "b a" "c d" "d c"; do
    case $pair in *a*) calm='# calm: the others are gone' ;; *) calm='' ;; esac
    cat > "$tree/tests/cli/test_meet_${pair%% *}.sh" << END
$calm
[ -z "$calm" ] || { [ ! -e c.here ] && [ ! -e d.here ]; } || echo "not ok 2 a calm one beside the others"
echo > ${pair%% *}.here
tries=0
until [ -e ${pair##* }.here ] || [ \$tries -ge \${TRIES:-200} ]; do sleep 0.05; tries=\$((tries + 1)); done
[ -e ${pair##* }.here ] || printf 'not '
echo "ok 1"
[ ! -e alone.here ] || echo "not ok 2 beside the one alone"
sleep 0.1
rm ${pair%% *}.here
echo "1..1"
END
done
cat > "$tree/tests/cli/test_alone.sh" << 'END'
# alone: others would be met
echo > alone.here
[ -z "$(ls | grep '^[a-d]\.here')" ] || printf 'not '
echo "ok 1"
rm alone.here
echo "1..1"
END
run_tree 2 cli/
check_equal "two lanes: programs side by side, calm ones behind them, one alone" \
    "$status $(echo "$out" | tail -n 1)" "0 5 passed, 0 failed, 0 skipped"
check_match "a line a program" "$out" "cli/test_meet_[cd]*1 passed  (* s)
cli/test_meet_[cd]*1 passed  (* s)
cli/test_meet_[ab]*1 passed  (* s)
cli/test_meet_[ab]*1 passed  (* s)
cli/test_alone*1 passed  (* s)

*"
TRIES=4 run_tree 1 cli/
check_match "one lane: one after the other" "$status $(echo "$out" | tail -n 1)" "1 ?* passed, ?* failed, 0 skipped"

# Fifty that end at once, on eight lanes: each runs once. What failed is shown whole, last, in order.
for i in $(seq 10 59); do
    printf 'echo x >> ran\necho ok 1\necho "ok 2 # SKIP no"\necho 1..2\n' > "$tree/tests/found/test_$i.sh"
done
for i in 20 40; do
    printf 'sleep 0.%s\necho ok 1\necho not ok 2\necho "# the %s"\necho 1..2\nexit 1\n' $((60 - i)) $i \
        > "$tree/tests/found/test_$i.sh"
done
echo 'echo ok 1; echo 1..2; kill -KILL $$' > "$tree/tests/found/test_59.sh"
echo 'echo ok 1' > "$tree/tests/found/test_60.sh" # it ended before its plan
echo 'echo "1..0 # SKIP nothing to test with"' > "$tree/tests/found/test_61.sh"
run_tree 8 found/
check_equal "counts are exact" "$status $(echo "$out" | tail -n 1)" "1 51 passed, 4 failed, 48 skipped"
check_equal "each ran once" "$(wc -l < "$tree/ran" | tr -d ' ')" 47
check_match "what failed is shown last" "$out" "*found/test_20 *1 FAILED*
──── found/test_20
ok 1
not ok 2
# the 20
1..2

──── found/test_40
*# the 40*──── found/test_59*137*"
run_tree many found/
check_match "lanes that are no number" "$status $err" '2 tests/run: PERIGEE_TEST_LANES: expected a number*"many"'
run_tree 2 nothing
check_equal "nothing to run is a failure" "$status $out" "1 
0 passed, 0 failed, 0 skipped"

# What runs is ended with what it has started; nobody stays behind.
rm "$tree/tests/found"/*
for i in 1 2 3; do
    cat > "$tree/tests/found/test_$i.sh" << 'END'
sleep 345 &
echo $! >> children
echo $$ >> children
wait
END
done
alive() { # what is dead may wait for its parent
    for pid in $(cat "$tree/children"); do
        if kill -0 "$pid" 2> /dev/null && ! grep -q '^State:.Z' "/proc/$pid/status" 2> /dev/null; then return 0; fi
    done
    return 1
}
for signal in INT TERM; do
    : > "$tree/children"
    (cd "$tree" && exec env -u CI --default-signal=INT PERIGEE_TEST_LANES=2 tests/run build found/ > "$work/out" 2>&1) &
    child=$!
    tries=0
    until [ "$(wc -l < "$tree/children")" -ge 4 ] || [ $tries -ge 200 ]; do sleep 0.05; tries=$((tries + 1)); done
    kill -$signal $child
    wait $child
    status=$? out=$(cat "$work/out")
    check_equal "SIG$signal: it says so" "$status $out" "130 tests/run: interrupted"
    tries=0
    while alive && [ $tries -lt 40 ]; do sleep 0.05; tries=$((tries + 1)); done
    check_equal "SIG$signal: all that ran were told" "$(wc -l < "$tree/children" | tr -d ' ')" 4
    check "SIG$signal: nobody is left" [ $tries -lt 40 ]
done
finish
