# tap.sh — what the shell tests share. Sourced. A test calls run_perigee (or anything that fills $out,
# $err and $status) and then check, check_equal or check_match, each of which prints one line of TAP;
# at its end finish prints the plan.
perigee=${PERIGEE:?the binary to test: run this through tests/run}
work=$(mktemp -d "${TMPDIR:-/tmp}/perigee-cli.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM HUP # tests/run was interrupted
tests=0 failures=0

# Run the program on the arguments; keeps what it prints in $out and $err, its end in $status.
run_perigee() {
    "$perigee" "$@" > "$work/out" 2> "$work/err"
    status=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}

# The library for LD_PRELOAD by which memory runs out (tests/inject), as $failing; false in an instrumented build. A
# copy, since LD_PRELOAD is a list: no blanks.
find_failing_malloc() {
    build_folder=$(dirname "$perigee")
    failing=$work/failing_malloc.so
    cp "$build_folder/tests/failing_malloc.so" "$failing" 2> /dev/null &&
        ! nm "$build_folder/obj/src/main.o" | grep -q '__[at]san'
}

# Start $work/script.lua, whose output must not be buffered, as $child, and wait until it has printed "ready".
quiet=--quiet
start_script() {
    : > "$work/out"
    "$perigee" $quiet "$work/script.lua" > "$work/out" 2> "$work/err" &
    child=$!
    tries=0
    until grep -q ready "$work/out" || ! kill -0 $child 2> /dev/null || [ $tries -ge 600 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}

check() { # title command…
    title=$1
    shift
    tests=$((tests + 1))
    if "$@"; then
        echo "ok $tests $title"
        return
    fi
    failures=$((failures + 1))
    echo "not ok $tests $title"
    echo "#   failed: $*"
    printf 'status %s\nstdout: %s\nstderr: %s\n' "${status:-}" "${out:-}" "${err:-}" | sed 's/^/#   /'
}

check_equal() { # title got expected
    check "$1" [ "$2" = "$3" ]
}

matches() { # text shell-pattern
    case $1 in $2) return 0 ;; *) return 1 ;; esac
}

check_match() { # title text shell-pattern
    check "$1" matches "$2" "$3"
}

differs() { # text shell-pattern
    ! matches "$@"
}

skip() { # title reason
    tests=$((tests + 1))
    echo "ok $tests # SKIP $1: $2"
}

finish() {
    echo "1..$tests"
    [ "$failures" = 0 ]
}
