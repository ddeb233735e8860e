# The mistakes of tests/mutate: each is one in the code as it is now, and there are some of every room. Whether tests
# notice them takes two hours (tests/long/mutation.sh).
. tests/cli/tap.sh

run_perigee --quiet tests/mutate/run.lua check
check_match "no change is stale" "$status $out" "0 [0-9]* changes, none stale"
check "there are 200 of them" [ "${out%% *}" -ge 200 ]
for room in src/*/ lua/; do
    room=$(basename "$room")
    check "some are in $room" grep -q 'file = ' "tests/mutate/changes/$room.lua"
done

# One whose line has been changed is named.
mkdir "$work/tests"
cp -r tests/mutate "$work/tests/mutate"
cp -r src lua "$work"
sed -i 's/rng_below(rng, i), swapped/rng_below(rng, i), other/' "$work/src/core/rng.c"
out=$(cd "$work" && "$perigee" --quiet tests/mutate/run.lua check 2>&1)
check_equal "a stale one fails" "$?" 1
check_match "and is named" "$out" "*1 of * changes are stale:*src/core/rng.c:*its old text is not there: rng_below(rng, i)*"

finish
