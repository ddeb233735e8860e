# inject.sh — runs of tutorial.lua that get no memory at some point. Sourced; the caller has set
# $perigee and $work, a folder of its own.
#
#     inject_start             builds the means, and the files of before and after in $work
#     inject_one [VAR=…]…      one run under these variables of failing_malloc.c; says in a word how it
#                              ended: "whole", "error", or what should not be: "silent", "hang",
#                              "signal", "destroyed" (a file is neither of before nor of after),
#                              "unsaved" (of before, and success was reported), "left" (something
#                              half-written stays)

inject_library=$work/failing_malloc.so

inject_start() {
    ${CC:-cc} -shared -fPIC -D_GNU_SOURCE -O1 -o "$inject_library" tests/inject/failing_malloc.c -ldl || return 1
    mkdir -p "$work/before" "$work/after"
    "$perigee" --quiet tests/inject/tutorial.lua "$work/before" 2 > /dev/null &&
        "$perigee" --quiet tests/inject/tutorial.lua "$work/after" 1 > /dev/null
}

# The requests for memory of a run, under these variables.
inject_count() {
    mkdir -p "$work/count"
    env "$@" LD_PRELOAD="$inject_library" FAIL_REPORT="$work/requests" \
        "$perigee" --quiet tests/inject/tutorial.lua "$work/count" > /dev/null && cat "$work/requests"
}

# Is this file, which is neither of before nor of after, a whole one of its kind?
inject_loads() {
    case $1 in
        *.npz) "$perigee" -e 'assert(data.read_npz(arg[1]).x)' "$1" ;;
        *) false ;;
    esac > /dev/null 2>&1
}

inject_files() { # status: how the files are
    found=$(ls "$folder")
    [ "$found" = "$(ls "$work/after")" ] || { echo left; return; }
    for name in $found; do
        cmp -s "$folder/$name" "$work/after/$name" && continue
        cmp -s "$folder/$name" "$work/before/$name" || { echo destroyed; return; }
        [ "$1" != 0 ] || { echo unsaved; return; }
    done
}

inject_one() {
    folder=$(mktemp -d "$work/run.XXXXXX")
    cp "$work/before"/* "$folder"
    env "$@" LD_PRELOAD="$inject_library" timeout -k 1 20 \
        "$perigee" --quiet tests/inject/tutorial.lua "$folder" > "$folder.out" 2> "$folder.err"
    status=$?
    files=$(inject_files $status)
    case $status in
        0) how=whole ;;
        124 | 137) how=hang ;;
        12[89] | 1[3-9]? | 2??) how=signal ;;
        *) how=error; [ -s "$folder.err" ] || how=silent ;;
    esac
    case $how in whole | error) how=${files:-$how} ;; esac
    echo $how
    rm -rf "$folder" "$folder.out" "$folder.err"
}
