# soak — an hour of mixed work in one process: memory flat after five minutes, no descriptor, child or file more
. tests/long/lib.sh

minutes=${PERIGEE_SOAK_MINUTES:-60}
work=$PWD/$LONG_STATE/work
rm -rf "$work"
mkdir -p "$work/jobs" "$work/tmp" "$work/home"

# One process cannot be gone on with by another: this part is one piece.
HOME=$work/home TMPDIR=$work/tmp PERIGEE_JOBS=$work/jobs PERIGEE_THREADS=${PERIGEE_THREADS:-2} \
    build/perigee --quiet tests/long/soak.lua "$minutes" > "$LONG_STATE/log" 2> "$LONG_STATE/errors"
status=$?
if [ $status != 0 ] || [ -s "$LONG_STATE/errors" ]; then
    echo "soak: status $status; from $LONG_STATE/log and errors:"
    grep -v ' kB ' "$LONG_STATE/log" | cut -c1-500
    tail -20 "$LONG_STATE/errors"
    exit 1
fi
cp "$LONG_STATE/log" build/long/soak.log
finish "$(sed -n 's/^figures //p' "$LONG_STATE/log"); $(sed -n 's/.*kB *\([0-9]* descriptors\)/\1/p' "$LONG_STATE/log" | tail -1 | tr -s ' ') to the end"
