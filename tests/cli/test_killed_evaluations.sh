# An evaluation that is killed at any moment, a write's among them, goes on where it was, with the numbers of
# one that was not; with any number of threads.
. tests/cli/tap.sh

cd "$work" || exit 1
cat > sweep.lua << 'LUA'
local net = nn.load "mnist-cnn"
local native = require "perigee.native"
local s = evaluate.security {
  models = { cnn = net, nr = reject.new { model = net, threshold = 5 } },
  attacks = { attack.pgd { norm = "l2", max_iter = 8 }, attack.fgsm { norm = "l2" } },
  data = data.digits(60, { seed = 1 }), samples = 20, repeats = 2, dmax = { 0, 0.5, 1.5 }, seed = 3,
  checkpoint = arg[1],
}
for _, cell in ipairs(s.cells) do
  local names, sums = {}, {}
  for name, rows in pairs(cell.rows) do names[#names + 1] = type(rows) == "userdata" and name or nil end
  table.sort(names)
  for i, name in ipairs(names) do sums[i] = native.checksum(cell.rows[name]) end
  print(cell.model, cell.attack, cell.seed, table.concat(sums, " "))
end
print(s)
LUA

"$perigee" --quiet --threads 1 sweep.lua > whole 2> err
check_equal "an evaluation without a folder" $? 0
check_equal "has a line a cell" "$(grep -c '^cnn.*[0-9a-f]\{16\} ' whole)" 6

# In some rounds as soon as a file is being written, otherwise at a moment that nothing else depends on.
wait_for_write() {
    set -- killed/*.part
    until [ -e "$1" ] || ! kill -0 $child 2> /dev/null; do
        set -- killed/*.part
    done
}

kills=0 rounds=0
while [ $kills -lt 20 ] && [ $rounds -lt 200 ]; do
    rounds=$((rounds + 1))
    threads=$((rounds % 2 + 1))
    "$perigee" --quiet --threads $threads sweep.lua killed > out 2> err &
    child=$!
    if [ $((rounds % 4)) = 0 ]; then
        wait_for_write
    else
        sleep "0.$(($(od -An -N2 -tu2 /dev/urandom) % 4))$((rounds % 10))"
    fi
    kill -KILL $child 2> /dev/null
    wait $child 2> /dev/null
    if [ $? = 137 ]; then kills=$((kills + 1)); fi
    # One that came to its end is an evaluation too; the next one begins again.
    if cmp -s out whole; then rm -rf killed; fi
done
check_equal "killed twenty times" $kills 20
"$perigee" --quiet --threads 2 sweep.lua killed > out 2> err
check "gone on with, it has the same numbers" cmp out whole
check_equal "and no half file" "$(find killed -name '*.part')" ""
"$perigee" --quiet sweep.lua killed > out 2> err
check "read from the folder alone as well" cmp out whole
check_equal "without work" "$(cat err)" ""

# What a piece's file has lost is done again.
set -- killed/repeat*
: > "$1"
head -c 300 "$2" > half && mv half "$2"
"$perigee" --quiet sweep.lua killed > out 2> err
check "damaged pieces are done again" cmp out whole

# Other settings are refused by name, and nothing of the folder is touched.
before=$(cat killed/* | cksum)
for change in 's/seed = 3/seed = 4/|its seed is 3, this one?s 4' \
    's/0.5, 1.5/0.5, 2/|its dmax is *1.5, this one?s *2;*' \
    's/max_iter = 8/max_iter = 9/|its attack pgd is *max_iter=8*max_iter=9*' \
    's/threshold = 5/threshold = 6/|its model nr is nr *' \
    's/digits(60, { seed = 1/digits(60, { seed = 2/|its data is *' \
    's/repeats = 2/repeats = 3/|its repeats is 1, 2, this one?s 1, 2, 3;*'; do
    sed "${change%%|*}" sweep.lua > other.lua
    run_perigee --quiet other.lua killed
    check_match "refused: ${change%%|*}" "$err" \
        "perigee: other.lua:*: evaluate.security: checkpoint: killed is another evaluation's: ${change#*|}*"
done
check_equal "the folder is as it was" "$(cat killed/* | cksum)" "$before"
run_perigee --quiet sweep.lua /dev/null
check_match "a file is no folder" "$err" "*evaluate.security: checkpoint: /dev/null: not a folder*"
finish
