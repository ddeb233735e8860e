# starts — 20 000 starts of the program with mutated init files, histories, command lines and environments, a tenth of them instrumented; an hour
. tests/long/lib.sh

# build/tests/host/test_starts tells of what it tries; the number of the next start is in $LONG_STATE/next. A folder
# is of this run, so that what is killed with it leaves nothing behind.
goal=20000 piece=100

make -s build/tests/host/test_starts fuzz-built || exit 2
ASAN_OPTIONS=detect_leaks=1:exitcode=99
LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
UBSAN_OPTIONS=print_stacktrace=1
TMPDIR=$PWD/$LONG_STATE
export ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS TMPDIR

count() { # starts so far
    awk -v line="Starts so far: $1 of $goal." '
        /^Starts so far: / { print line; next }
        { print }' tests/RELIABILITY.md > "$LONG_STATE/reliability.md"
    cat "$LONG_STATE/reliability.md" > tests/RELIABILITY.md
}

next=$(cat "$LONG_STATE/next" 2> /dev/null || echo 0)
while [ "$next" -lt $goal ]; do
    if ! left; then
        count "$next"
        pause
    fi
    program=build/perigee
    [ $((next / piece % 10)) != 5 ] || program=build/fuzz/perigee-checked
    build/tests/host/test_starts "$next" $piece $program || exit 1
    next=$((next + piece))
    echo "$next" > "$LONG_STATE/next"
done
count "$next"
finish "$goal starts, $((goal / 10)) of them under sanitizers: none ended by a signal, hung, took a gigabyte or showed Lua's words about the program's files"
