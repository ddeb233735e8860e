# kill — a thousand SIGKILLs at random moments: trainings, evaluations, saves of every kind, histories; 40 minutes
. tests/long/lib.sh

# What is killed stays in the state until the end.
keep_seed
kills_seed=$seed
count_file=$LONG_STATE/count
[ -s "$count_file" ] || echo "1 0" > "$count_file"
read -r kill ended < "$count_file"
perigee=$PWD/build/perigee
disk=/dev/shm # waiting for a disk is not what is tested
[ -w $disk ] || disk=${TMPDIR:-/tmp}
kills_in=$(mktemp -d "$disk/perigee-kill.XXXXXX") || exit 2
trap 'rm -rf "$kills_in"' EXIT
trap 'exit 130' INT TERM
. tests/inject/kills.sh
echo "kill: from kill $kill"

failed() {
    mkdir -p build/long/kill.found
    cp -r "$kills_in"/. build/long/kill.found
    echo "kill: the files are in build/long/kill.found" >&2
    exit 1
}

while [ "$kill" -le 1000 ]; do
    left || pause
    before=$kill
    kill_work train || failed
    kill_work sweep || failed
    kill_saves 400 || failed
    kill_history 300 || failed
    [ "$kill" != "$before" ] || failed
    echo "$kill $ended" > "$count_file"
done
end_work train && end_work sweep || failed
running=$(left_running)
[ -z "$running" ] || { wrong "still running: $running"; failed; }
finish "seed $seed: $((kill - 1)) kills; $ended works that were gone on with came to their end with an unbroken one's bits"
