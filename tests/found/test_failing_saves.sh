# A save for which memory ran out answered true, and had put a file that cannot be read in the good one's
# place. Each request of a save fails once, then that one and some after it.
. tests/cli/tap.sh

if ! find_failing_malloc; then
    skip "saves without memory" "an instrumented build"
    finish
    exit 0
fi
folder=$work
if [ -w /dev/shm ]; then # waiting for a disk is not what is tested
    folder=$(mktemp -d /dev/shm/perigee.XXXXXX)
    trap 'rm -rf "$folder" "$work"' EXIT
fi
LD_PRELOAD=$failing FAIL_LUA=0 "$perigee" --quiet tests/inject/saves.lua "$folder" "$failing" ${PERIGEE_STARVE:+all}
