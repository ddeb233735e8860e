# threads — ThreadSanitizer over core, host and Lua tests; the same bits on 1 to 16 threads: some hours, in parts
. tests/long/lib.sh

report() { # name log
    echo "threads: $1: see $2"
    grep -hE 'WARNING: ThreadSanitizer|^not ok|#[0-3] ' "$2" | head -40
    exit 1
}

# ---- The same bits --------------------------------------------------------------------------------

work=$PWD/$LONG_STATE/work
mkdir -p "$work/tmp"
bits() { # threads; of every job, what it answers
    TMPDIR=$work/tmp PERIGEE_JOBS=$work/tmp build/perigee --quiet --threads "$1" -e '
        local jobs = dofile "tests/long/jobs.lua"
        for _, name in ipairs(jobs.list) do print(name, jobs.run(name)) end'
}
if ! is_done bits; then
    bits 1 > "$work/1" || report "the jobs on 1 thread" "$work/1"
    for threads in 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
        bits $threads > "$work/n" || report "the jobs on $threads threads" "$work/n"
        cmp "$work/1" "$work/n" || report "$threads threads give other bits than 1" "$work/n"
    done
    PERIGEE_JOBS=$work/tmp build/perigee --quiet -e 'print(#dofile("tests/long/jobs.lua").list)' > "$LONG_STATE/jobs"
    mark_done bits
fi

# ---- ThreadSanitizer ------------------------------------------------------------------------------

# Shadow memory must lie where it expects it.
run="setarch -R"
$run true 2> /dev/null || run=
limit=1800 # seconds a test; what takes longer is told of
PERIGEE=$PWD/build/tsan/perigee BUILD=build/tsan CMOCKA_MESSAGE_OUTPUT=TAP PERIGEE_THREADS=${PERIGEE_THREADS:-4}
TSAN_OPTIONS=exitcode=66:allocator_may_return_null=1
OPENBLAS_CORETYPE=$(build/perigee --version | sed -n 's/^OpenBLAS .*core \([A-Za-z0-9]*\).*/\1/p')
export PERIGEE BUILD CMOCKA_MESSAGE_OUTPUT PERIGEE_THREADS TSAN_OPTIONS OPENBLAS_CORETYPE

instrumented() { # name
    case $1 in
        lua/*) timeout -k 5 $limit $run "$PERIGEE" --quiet tests/lua/run.lua "tests/$1.lua" ;;
        host/*) PERIGEE_LUA=$PWD/lua timeout -k 5 $limit $run "build/tsan/tests/$1" ;;
        *) timeout -k 5 $limit $run "build/tsan/tests/${1#core/}" ;;
    esac < /dev/null
}

make -s tsan-built || exit 2
if ! is_done jobs; then
    log=$LONG_STATE/jobs.log
    TMPDIR=$work/tmp PERIGEE_JOBS=$work/tmp $run "$PERIGEE" --quiet -e '
        local jobs = dofile "tests/long/jobs.lua"
        for _, name in ipairs(jobs.list) do jobs.run(name) end' > "$log" 2>&1 || report "the jobs" "$log"
    mark_done jobs
fi
tests=0 found=''
for file in tests/host/test_*.c tests/core/test_*.c tests/lua/test_*.lua; do
    name=${file#tests/} name=${name%.*}
    step=$(echo "$name" | tr / -)
    tests=$((tests + 1))
    ! is_done "$step" || continue
    left || pause
    log=$LONG_STATE/$step.log
    instrumented "$name" > "$log" 2>&1
    status=$?
    if grep -q 'WARNING: ThreadSanitizer' "$log"; then
        (report "$name" "$log")
        found=yes
        continue
    elif [ $status = 124 ] || [ $status = 137 ]; then
        echo "$name" >> "$LONG_STATE/unfinished"
    elif [ $status != 0 ]; then
        (report "$name (status $status)" "$log")
        found=yes # and is tried again by the next run
        continue
    fi
    mark_done "$step"
done
[ -z "$found" ] || exit 1
unfinished=
[ ! -s "$LONG_STATE/unfinished" ] ||
    unfinished="; not at their end after $limit s: $(tr '\n' ' ' < "$LONG_STATE/unfinished")"
finish "$(cat "$LONG_STATE/jobs") jobs with the same bits on 1 to 16 threads; no race in $tests tests$unfinished"
