# The parts of tests/long: each is listed with what it does, and has its place in RELIABILITY.md; the runner
# keeps a part's state until it is at its end.
. tests/cli/tap.sh

record=tests/RELIABILITY.md
for file in tests/long/*.sh; do
    part=$(basename "$file" .sh)
    [ "$part" != lib ] || continue
    out=$(sed -n 1p "$file")
    check_match "$part: its first line says what it does" "$out" "# $part — ?*"
    check "$part: its figures have a place" grep -qF "<!-- figures: $part -->" $record
done
orphans=$(sed -n 's/^<!-- figures: \(.*\) -->$/\1/p' $record | while read -r part; do
    [ -f "tests/long/$part.sh" ] || echo "$part"
done)
check_equal "no figures of a part that is not there" "$orphans" ""

# The runner, in a copy with a part of its own.
mkdir -p "$work/tests" "$work/tests/long"
cp tests/long/run tests/long/lib.sh "$work/tests/long"
cat > "$work/tests/long/two.sh" <<'E2'
# two — two steps, one a run
. tests/long/lib.sh
for step in a b; do
    is_done $step && continue
    mark_done $step
    [ $step = b ] || pause
done
finish "two of 2"
E2
run_two() {
    out=$(cd "$work" && tests/long/run "$@" 2>&1)
    status=$?
}
printf '# Record\n<!-- figures: two -->\n- an older line\n' > "$work/tests/RELIABILITY.md"
run_two
check_match "the list of parts" "$out" "two * two steps, one a run"
run_two two
check_equal "a part that is not at its end" "$status" 75
run_two two
check_equal "and goes on to it" "$status" 0
check_match "its figures stand above the older ones" "$(sed -n 3,4p "$work/tests/RELIABILITY.md" | tr '\n' ' ')" \
    "- ????-??-??, *: two of 2 - an older line *"
run_two two
check_equal "the next run begins anew" "$status" 75
run_two --again two
check_equal "--again forgets what was done" "$status" 75

cat > "$work/tests/long/drawn.sh" <<'E2'
# drawn — by chance
. tests/long/lib.sh
keep_seed
mark_done a
pause
E2
run_drawn() { # [seed]
    out=$(cd "$work" && PERIGEE_LONG_SEED=${1:-} tests/long/run drawn 2>&1)
    status=$?
}
run_drawn
first=$out
check_match "a part's seed is said" "$out" "drawn: seed [0-9]*"
run_drawn
check_equal "and kept" "$out" "$first"
run_drawn 5
check_match "another than that of what has been done is refused" "$status $out" "2 drawn: the seed of what has been done is *"
rm -r "$work/build/long/drawn"
run_drawn 5
check_match "one can be given" "$status $out" "75 drawn: seed 5*"

run_two three
check_match "a part that is not there is named" "$status $out" '2 *no part "three"*'

finish
