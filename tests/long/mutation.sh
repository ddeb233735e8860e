# mutation — 200 mistakes, one after the other: do the C and the Lua tests notice them? Two hours, in parts of one
. tests/long/lib.sh

# Where the reference cases and MNIST are, as in tests/run: the copy lies elsewhere.
for pair in PERIGEE_REFERENCE=reference PERIGEE_DATA=data; do
    name=${pair%%=*} folder=../shared/${pair#*=}
    eval "given=\${$name:-}"
    if [ -z "$given" ] && [ -d "$folder" ]; then export "$name=$(cd "$folder" && pwd)"; fi
done
# Neither the folder nor the time of day make a compilation another.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1

[ -z "${PERIGEE_MUTATE_NEAR:-}" ] || { echo "mutation: PERIGEE_MUTATE_NEAR tries too few tests for a verdict" >&2; exit 2; }
state=$PWD/$LONG_STATE
nice -n 10 build/perigee --quiet tests/mutate/run.lua run "$state" "$LONG_END"
status=$?
[ $status != 75 ] || pause
[ $status = 0 ] || exit $status
mkdir -p build/mutate
build/perigee --quiet tests/mutate/run.lua table "$state" > build/mutate/table
build/perigee --quiet tests/mutate/run.lua judge "$state" || exit 1
figures=$(tail -1 build/mutate/table)
finish "$figures"
