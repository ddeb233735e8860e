# starve — memory that runs out at every request or in 50 sizes, disks, folders: two hours and more
. tests/long/lib.sh

log=$LONG_STATE/log # of requests: a line each
export PERIGEE="$PWD/build/perigee" BUILD="$PWD/build"

# What should not be ends the part at once, and stays in its state.
found() { # what
    echo "starve: $1" >&2
    exit 1
}
bad() { # of lines "how what: message"
    grep -v '^\(whole\|error\|digits\) ' "$1"
}

# ---- Short ones: tests of their own, with everything that this machine lets them do --------------------------------

for test in cli/test_starved_disks cli/test_starved_streams cli/test_starved_gnuplot found/test_failing_saves; do
    name=${test##*_}
    is_done $name && continue
    left || pause
    out=$LONG_STATE/$name.out
    PERIGEE_STARVE=long sh tests/$test.sh > "$out" 2>&1 || found "see $out"
    ! grep '^not ok' "$out" || found "see $out"
    sed -n 's/^# figures: //p; s/^ok.*# SKIP \(.*\)$/not tried: \1;/p' "$out" > "$LONG_STATE/figures.$name"
    mark_done $name
done

# ---- Memory ---------------------------------------------------------------------------------------------------------

# So many failing requests with two threads, and limits of address space.
if ! is_done sample; then
    left || pause
    tests/inject/run 400 50 > "$LONG_STATE/sample.out" 2>&1 || found "see $LONG_STATE/sample.out"
    mark_done sample
fi

# Each request: the program's own, cJSON's and libzip's; then all with Lua's, three in a row, since Lua asks again.
each() { # lua count
    next=$LONG_STATE/next.$1
    if [ ! -s "$next" ]; then
        all=$(tests/inject/run --count "$1")
        case $all in '' | *[!0-9]* | 0) found "requests cannot be counted here: \"$all\"" ;; esac
        echo "1 $all" > "$next"
    fi
    while read -r from all < "$next" && [ "$from" -le "$all" ]; do
        left || pause
        rm -f "$LONG_STATE/part"
        tests/inject/run --each "$from-$((from + 249))" "$1" "$2" "$LONG_STATE/part" || found "the run from request $from"
        [ -s "$LONG_STATE/part" ] || found "nothing was tried from request $from"
        ! bad "$LONG_STATE/part" || found "request from $from, see $LONG_STATE/part"
        cat "$LONG_STATE/part" >> "$log"
        echo "$((from + 250)) $all" > "$next"
    done
}
each 0 1
each 1 3

finish "$(cat "$LONG_STATE"/figures.* | tr '\n' ' ')$(grep -c . "$log") requests: $(grep -c '^whole' "$log") whole, $(
    grep -c '^digits' "$log") with other digits, $(grep -c '^error' "$log") errors; and 400 with two threads, 50 limits of address space"
