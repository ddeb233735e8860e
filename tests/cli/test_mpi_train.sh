# nn.train under mpirun: ranks do pieces of each batch, and the net gets the bits that one process gives it.
. tests/cli/tap.sh
. tests/cli/mpi.sh
require_mpi

cd "$work" || exit 1
cat > train.lua << 'LUA'
local native, parcel = require "perigee.native", require "perigee.parcel"
local d, held = data.digits(140, { seed = 1 }), data.digits(40, { seed = 2 })
local answer, helped = native.farm.answer, 0 -- in so many batches: two at least of each training
native.farm.answer = function()
  local task, failed, bytes, rank = answer()
  if task and not failed then helped = helped + (math.tointeger(parcel.value(bytes)) or 0) end
  return task, failed, bytes, rank
end
local function train(ds, options)
  local net = nn.new { input = { 1, 28, 28 }, seed = options.seed, nn.conv2d { out = 8, kernel = 5, stride = 2 },
    nn.relu {}, nn.flatten {}, nn.dropout { p = 0.3 }, nn.linear { out = 10 } }
  options.epochs, options.batch, options.validation = options.epochs or 2, 48, held
  local h = nn.train(net, ds, options)
  print(native.checksum(net), h.epochs, h.loss[2], h.accuracy[2], h.validation_loss[2])
end
if arg[1] then -- is interrupted in the second epoch
  return train(d, { seed = 1, epochs = 3, checkpoint = "kept", on_epoch = arg[1] == "interrupted" and function(state)
    if state.epoch == 2 then io.popen("kill -INT $PPID"):close() end
  end or nil })
end
train(d, { seed = 1, epochs = 3 })
train(d, { seed = 2, weight_decay = 0.01, clip = 1, shift = 1, nesterov = true })
train(data.new { x = (d.x * 255):floor():astype("u8"):reshape(140, 1, 28, 28), y = d.y, store = "u8" },
  { seed = 3, optimizer = "adam", augment = "noise", label_smoothing = 0.1, shuffle = false })
train(d, { seed = 4, on_epoch = function(state) -- what rank 0 does in between, it does alone
  evaluate.security { models = { m = state.net }, attack = attack.fgsm { norm = "l2" }, data = held, samples = 4,
    dmax = 1, noise = false, block = 1 }
end })
io.stderr:write(helped >= 8 and "others help" or "alone", "\n")
train(d, { seed = 6, loss = function(logits, y) return (logits * logits):mean() end })
LUA
run_perigee --quiet --threads 1 train.lua
echo "$out" > whole
check_equal "one process" "$status $err" "0 alone"
for n in ${PERIGEE_TEST_RANKS:-2 4}; do
    run_ranks $n --quiet --threads 1 train.lua
    expected="others help
nn.train: the other ranks do not help: the loss is a function"
    [ $n != 1 ] || expected=alone
    check_equal "$n ranks" "$status $err" "0 $expected"
    check "with the same bits" cmp out whole
done

# An interrupt that rank 0 alone hears lets the others go; what is kept goes on with any number of ranks.
run_ranks 2 --quiet --threads 1 train.lua interrupted
check_match "an interrupted training" "$status $err" "130 interrupted*"
run_perigee --quiet --threads 1 train.lua resumed
check_equal "and resumed" "$out" "$(head -1 whole)"

if [ "$(all_mpi | wc -l)" -gt 1 ]; then
    use_mpi mpich
    run_ranks 2 --quiet --threads 1 train.lua
    check "under MPICH as well" cmp out whole
else
    skip "ranks under another MPI" "there is but one, $implementation"
fi
finish
