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
run_two three
check_match "a part that is not there is named" "$status $out" '2 *no part "three"*'

finish
