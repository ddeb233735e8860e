# Half-written files of processes that were killed stayed for ever beside their targets.
. tests/cli/tap.sh

cd "$work" || exit 1
sleep 0 &
gone=$!
wait $gone
: > "file.npz.$gone-1.part"        # of a process that is gone
: > "file.npz.$$-1.part"           # of one that is not
: > "file.npz.$gone-1.partly"      # and three that are nobody's
: > "other.npz.$gone-1.part"
: > "file.npz.x-1.part"
run_perigee -e 'data.save_npz("file.npz", { x = { 1, 2 } })'
check_equal "a save removes what a killed one left beside its target" "$(echo *)" \
    "err file.npz file.npz.$$-1.part file.npz.$gone-1.partly file.npz.x-1.part other.npz.$gone-1.part out"
run_perigee -e "data.save_npz('$work/other.npz', { x = { 1, 2 } }) print(data.read_npz('$work/other.npz').x)"
check_match "in another folder too" "$out$(echo other*)" "*other.npz"

# One that is killed in the middle of a save.
cat > save.lua << 'LUA'
local x = array.rand(3000, 3000, { seed = 1 })
print "ready"
io.stdout:flush()
while true do data.save_npz("large.npz", { x = x }, { compress = true }) end
LUA
"$perigee" save.lua > out &
child=$!
# Held still, so that the part which was seen is not a whole file by now.
tries=0
part() { [ -n "$(find . -name 'large.npz.*.part' -size +100k 2> /dev/null)" ]; }
until { part && kill -STOP $child && sleep 0.05 && part; } || [ $tries -ge 600 ]; do
    kill -CONT $child
    sleep 0.05
    tries=$((tries + 1))
done
kill -KILL $child
wait $child 2> /dev/null
check_match "a killed save leaves a part" "$(echo large*)" "large.npz*.part"
run_perigee -e 'data.save_npz("large.npz", { x = { 1 } })'
check_equal "which the next one removes" "$(echo large*)" "large.npz"

run_perigee -e 'print(pcall(data.save_npy, "/dev/full", { 1 }))'
check_match "a device is refused" "$out" "*not a file*"
finish
