# Drawing many digits and packing arrays did not look for Ctrl-C.
# alone: it takes a gigabyte, and three seconds are its bound.
. tests/cli/tap.sh

case $perigee in
    */asan/* | */ubsan/* | */tsan/*)
        skip "saving" "an instrumented build"
        finish
        exit 0
        ;;
esac
free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo 2> /dev/null)
[ "${free:-0}" -ge 3000 ] || { skip "saving" "too little memory"; finish; exit 0; }
# Three seconds, and more where much waits for the machine's processors.
limit=$(awk -v n="$(nproc)" '{ print int(3000 * ($1 > n ? $1 / n : 1)) }' /proc/loadavg)

# A script's preparation, then a line that takes seconds; SIGINT 0.4 s into it, as in test_deaf_arrays.sh.
stops() { # title preparation line
    printf '%s\n' 'io.stdout:setvbuf "no"' 'local folder = arg[0]:match "(.*)/"' "$2" 'print "ready"' \
        "while true do $3 end" > "$work/script.lua"
    start_script
    sleep 0.4
    sent=$(date +%s%N)
    kill -INT $child 2> /dev/null
    until grep -q '^stopped\|interrupted$' "$work/err" || ! kill -0 $child 2> /dev/null; do sleep 0.02; done
    waited=$((($(date +%s%N) - sent) / 1000000))
    wait $child
    status=$?
    check_match "$1: stopped" "$status $(cat "$work/out" "$work/err")" "130 ready*"
    check "$1: soon ($waited ms)" [ "$waited" -lt "$limit" ]
}

# What was in the file is in it still, and nothing is beside it.
kept() { # title file expression
    run_perigee -e "print($3)"
    check_equal "$1: the old file" "$out$err" 2
    check_equal "$1: nothing beside it" "$(ls "$work" | grep -c part)" 0
}

stops "digits" '' 'd = data.digits(400000, { seed = 1 })'
for how in 'false' 'true'; do
    stops "npz, compress = $how" 'a = array.rand(60, 1000000) data.save_npz(folder .. "/a.npz", { a = { 1, 2 } })' \
        "data.save_npz(folder .. '/a.npz', { a = a }, { compress = $how }) a:add_(1)
        data.save_npz(folder .. '/b.npz', { a = { 1, 2 } })"
done
stops "a dataset" 'data.digits(2, { seed = 1 }):save(folder .. "/d.npz")
d = data.new { x = array.rand(60000, 784), y = array.zeros(60000):astype "i32" }' 'd:save(folder .. "/d.npz")'
kept "a dataset" d.npz "#data.npz('$work/d.npz')"
finish
