# repeat — the tests 20 times in a row: none may fail; which are slow, which fail now and then. Three hours, in parts
. tests/long/lib.sh

runs=${PERIGEE_LONG_RUNS:-20}
pattern=${PERIGEE_LONG_PATTERN:-} # tests whose names contain it, to try this out; no figures then
lines=$LONG_STATE/times           # "run name seconds failed"

run=1
while [ "$run" -le "$runs" ]; do
    if ! is_done "$run"; then
        left || pause
        tests/run build "$pattern" > "$LONG_STATE/run.$run" 2>&1
        # an interrupted run counts for nothing
        tail -1 "$LONG_STATE/run.$run" | grep -q ' passed, ' || exit 1
        sed -n 's/^\([a-z]*\/[^ ]*\) .* passed\(.*\)(\([0-9]*\) s)$/\1 \3 \2/p' "$LONG_STATE/run.$run" |
            awk -v run="$run" '{ print run, $1, $2, /FAILED/ + 0 }' >> "$lines"
        # red is also what has no line of its own, as when a lane was ended
        if tail -1 "$LONG_STATE/run.$run" | grep -q ' passed, 0 failed'; then
            rm -f "$LONG_STATE/run.$run"
        else
            echo "$run" >> "$LONG_STATE/red"
        fi
        mark_done "$run"
    fi
    run=$((run + 1))
done

# The median time of each, the slowest first; and those that failed in some runs, whose output is still there.
table() {
    sort -k2,2 -k3,3n "$lines" | awk '
        function end() { if (n) print times[int((n + 1) / 2)], name, failed, n }
        $2 != name { end(); name = $2; n = failed = 0 }
        { times[++n] = $3; failed += $4 }
        END { end() }' | sort -rn
}
table > "$LONG_STATE/table"
mkdir -p build/long
cp "$LONG_STATE/table" build/long/repeat.table
cat "$LONG_STATE/table"
failed=$(awk '$3 > 0 { printf "%s%s (%d of %d)", sep, $2, $3, $4; sep = ", " }' "$LONG_STATE/table")
[ -z "$failed" ] || { echo "not always green: $failed; see $LONG_STATE/run.*" >&2; exit 1; }
[ ! -s "$LONG_STATE/red" ] || { echo "red: runs $(tr '\n' ' ' < "$LONG_STATE/red"); see $LONG_STATE/run.*" >&2; exit 1; }
[ -z "$pattern" ] || exit 0
slow=$(head -3 "$LONG_STATE/table" | awk '{ printf "%s%s %d s", sep, $2, $1; sep = ", " }')
finish "$runs runs, none red; medians: $slow, all $(awk '{ sum += $1 } END { print sum + 0 }' "$LONG_STATE/table") s"
