# --shard: processes that share an evaluation, at once in one folder or each in its own; one of them is killed.
. tests/cli/tap.sh

cd "$work" || exit 1
cat > sweep.lua << 'LUA'
local net = nn.load "mnist-cnn"
local s = arg[2] and evaluate.merge { table.unpack(arg, 2) } or evaluate.security {
  models = { cnn = net, nr = reject.new { model = net, threshold = 5 } },
  attacks = { attack.pgd { norm = "l2", max_iter = 4 }, attack.fgsm { norm = "l2" } },
  data = data.digits(60, { seed = 1 }), samples = 20, repeats = 2, dmax = { 0, 0.5, 1.5 }, seed = 3,
  checkpoint = arg[1],
}
if s.shard then return print(("%d of %d"):format(s.shard[1], s.shard[2])) end
for _, cell in ipairs(s.cells) do cell.rows.seconds = 0 end
s:save((arg[1] or "whole") .. ".safetensors")
print(s)
plot.security(s, { file = (arg[1] or "whole") .. ".svg" })
LUA

same() { cmp "$1.safetensors" whole.safetensors && cmp "$1.svg" whole.svg; }
set -- --quiet --threads 1
"$perigee" "$@" sweep.lua > whole 2> err
check_equal "one process" $? 0

"$perigee" "$@" --shard 1/3 sweep.lua one > out1 2> err1 &
first=$!
"$perigee" "$@" --shard=3/3 sweep.lua one > out3 2> err3 &
third=$!
PERIGEE_SHARD=2/3 "$perigee" "$@" sweep.lua one > out2 2> err2 &
second=$!
wait $first && wait $second && wait $third
check_equal "three at once in one folder" "$?$(cat out1 out2 out3 err1 err2 err3)" "01 of 3
2 of 3
3 of 3"
check_equal "have all of its pieces" "$(find one -name 'repeat*' | wc -l)" 36
check_equal "and no half file" "$(find one -name '*.part')" ""
run_perigee "$@" sweep.lua one
check_equal "the folder gives what one process gives" "$out" "$(cat whole)"
check "to the byte" same one
run_perigee "$@" sweep.lua merged one
check "by evaluate.merge as well" same merged

# Killed as soon as a piece is there; the folder says what is missing, until it has gone on.
"$perigee" "$@" --shard 1/2 sweep.lua a > out 2> err &
child=$!
until [ -e "a/repeat 1, model 1, attack 1, samples from 1.safetensors" ] || ! kill -0 $child 2> /dev/null; do :; done
kill -KILL $child 2> /dev/null
wait $child 2> /dev/null
run_perigee "$@" --shard 2/2 sweep.lua b
run_perigee "$@" sweep.lua both a b
check_match "what a killed one lacks is named" "$status$err" \
    "1*sweep.lua:*: evaluate.merge: * of 36 pieces are not there: repeat *, model *; and * more*"
run_perigee "$@" --shard 1/2 sweep.lua a
run_perigee "$@" sweep.lua both a b
check "gone on with, both are the whole" same both

for wrong in 0/2 3/2 2 1/2/3 ''; do
    run_perigee --shard "$wrong" -e 'print(1)'
    check_equal "--shard '$wrong'" "$status$out$err" \
        "2perigee: --shard: expected i/n with i from 1 to n, as 3/40, got \"$wrong\""
done
PERIGEE_SHARD=4/3 run_perigee -e 'print(1)'
check_equal "PERIGEE_SHARD=4/3" "$status$err" \
    '2perigee: PERIGEE_SHARD: expected i/n with i from 1 to n, as 3/40, got "4/3"'
finish
