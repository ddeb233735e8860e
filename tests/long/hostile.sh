# hostile — every function that the help knows, 1000 calls each with hostile values under the sanitizers: some hours
#
# HOSTILE_CALLS: so many of each. The state is the entry to go on from, and the lines of what went wrong.
. tests/long/lib.sh

root=$PWD
state=$(cd "$LONG_STATE" && pwd)
calls=${HOSTILE_CALLS:-1000}
keep_seed

make -s asan-built CC="${CC:-cc}" || exit 2
HOSTILE_HANG=30 # seconds of processor time under the sanitizers; 5 without
ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99:allocator_may_return_null=1:max_allocation_size_mb=400:quarantine_size_mb=64
LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
UBSAN_OPTIONS=print_stacktrace=1
PERIGEE_LUA=$root/lua
export HOSTILE_HANG ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS PERIGEE_LUA

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
HOME=$folder
XDG_DATA_HOME=$folder
XDG_CONFIG_HOME=$folder
XDG_STATE_HOME=$folder
export HOME XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME

# What ended the program: its last call, and what it said of it.
note_end() { # status
    last=$(grep -a '^CALL' "$state/report" | tail -n 1)
    {
        echo "END status $1: entry $entry: $last"
        head -n 40 "$folder/err" | sed 's/^/    /'
    } >> "$state/found"
    number=$(echo "$last" | cut -d' ' -f3)
    case $number in '' | *[!0-9]*) number=$calls ;; esac
    [ "$number" -ge "$from" ] || number=$calls # it ended before its first call, or behind its last
}

entry=$(cat "$state/entry" 2> /dev/null || echo 1)
count=$(build/perigee --quiet tests/hostile/run.lua count) || exit 2
while [ "$entry" -le "$count" ]; do
    from=1
    while [ "$from" -le "$calls" ]; do
        left || pause
        : > "$state/report"
        (cd "$folder" && exec timeout -k 5 900 "$root/build/asan/perigee" --quiet --threads 1 \
            "$root/tests/hostile/run.lua" "$seed" "$calls" 120 "$state/report" "$entry" "$entry" "$from") \
            < /dev/null > /dev/null 2> "$folder/err"
        status=$?
        grep -a '^FAULT' "$state/report" >> "$state/found"
        grep -a '^FIGURES' "$state/report" >> "$state/figures.all"
        number=$calls
        if [ "$status" = 0 ]; then
            grep -aq '^FIGURES' "$state/report" || { echo "hostile: entry $entry ended without its figures" >&2; exit 2; }
        else
            note_end "$status"
        fi
        from=$((number + 1))
        find "$folder" -mindepth 1 ! -name err -delete
    done
    entry=$((entry + 1))
    echo "$entry" > "$state/entry"
done

made=$(awk '{ calls += $4; refused += $6 } END { printf "%d calls, %d refused", calls, refused }' "$state/figures.all")
if [ -s "$state/found" ]; then
    echo "hostile: seed $seed: $made; found:"
    cat "$state/found"
    exit 1
fi
finish "seed $seed: $count entries, $made, none ended the program or said what it must not"
