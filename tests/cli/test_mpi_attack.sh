# attack:run and attack.auto under mpirun: groups of the samples go to all ranks, and the results are those of one
# process, to the bit.
. tests/cli/tap.sh
. tests/cli/mpi.sh
require_mpi

cd "$work" || exit 1
cat > attacks.lua << 'LUA'
local native = require "perigee.native"
local d = data.digits(260, { seed = 1 })
local some = d:slice(1, 140)
local net = nn.load "mnist-cnn"
local answer, helped = native.farm.answer, 0
native.farm.answer = function()
  local task, failed, bytes, rank = answer()
  if task and not failed then helped = helped + 1 end
  return task, failed, bytes, rank
end
local target, dmax = {}, {}
for i = 1, #some do target[i], dmax[i] = (d.y[i] + 1 + i % 2) % 10, 1 + i % 3 end
local away = attack.define { name = "away", options = { push = 0.2 }, step = function(state)
  return state.x - state.options.push * state:unit(state:gradient())
end }
local noisy = { classes = net.classes, gradient_is = "surrogate" }
function noisy.scores(_, x) return net:scores(x + 0.05 * array.randn(x.shape)) end
function noisy.gradient(_, x, w) return net:gradient(x, w) end
local weight = array.linspace(1, 2, #d) -- by the samples' numbers
local function objective(scores, _, info)
  return scores:slice(nil, { 1, 1 }):reshape(-1) * weight:take(info.rows)
end

-- Saved, all of it is the same; but for the seconds that the parts of several took.
local saved = 0
local function show(result)
  if not result.parts then
    saved = saved + 1
    result:save(("%s-%d.safetensors"):format(arg[1], saved))
  end
  for k, part in ipairs(result.parts or {}) do
    print(k, part.name, part.samples, part.evaded, part.left, part.scores, part.gradients, part.params ~= nil
      and part.params.seed)
  end
  print(result.attack, #result, native.checksum(result.x_adv), native.checksum(result.scores),
    native.checksum(result.evaluations.scores), native.checksum(result.source or result.y), result.stop[140])
end
show(attack.pgd_exp { model = net, max_iter = 3, restarts = 1, dmax = dmax, iterates = true }:run(some,
  { start_from = d:slice(1, 20), target = target }))
show(away { model = net, norm = "l2", dmax = 1, max_iter = 2, max_queries = array.new(target) + 3 }:run(some.x))
show(attack.fgsm { model = noisy, dmax = 2, norm = "l2", objective = objective }:run(d))
show(attack.ensemble {
  attack.fgsm { model = net, norm = "l2", dmax = 0.3 },
  attack.ensemble { attack.noise { norm = "l2", dmax = dmax }, attack.pgd { dmax = 1, max_iter = 2 } },
}:run(some))
show(attack.auto { norm = "l2", quick = true }:run(some, { model = net, dmax = dmax, seed = 4 }))
local outside = d.x:copy()
outside:set(3, 150, 1)
print(pcall(function() attack.fgsm { model = net, norm = "l2", dmax = 1 }:run(outside) end))
print(array.rand(2)) -- the session goes on alike
local steps = 0
attack.fgsm { model = net, norm = "l2", dmax = 1 }:run(some, { on_step = function() steps = steps + 1 end })
io.stderr:write(helped > 2 and "others help" or "alone", " ", steps, "\n")
LUA
run_perigee --quiet --threads 1 attacks.lua one
echo "$out" > whole
check_equal "one process" "$status $err" "0 alone 1"
check_match "names a sample by its number in the set" "$out" "*attack.fgsm: sample 150: feature 1 is 3, outside*"
for n in ${PERIGEE_TEST_RANKS:-2}; do
    run_ranks $n --quiet --threads 1 attacks.lua $n
    expected="attack.fgsm: the other ranks do not help: on_step is to see all samples at once
others help 1"
    [ $n != 1 ] || expected="alone 1"
    check_equal "$n ranks" "$status $err" "0 $expected"
    check "with the same results" cmp out whole
    for k in 1 2 3; do check "and files" cmp one-$k.safetensors $n-$k.safetensors; done
done

# An interrupt that rank 0 alone hears: what each rank has found so far is kept, the other samples stay.
cat > stopped.lua << 'LUA'
local here = setmetatable({}, { __newindex = print })
local d, net = data.digits(400, { seed = 1 }), nn.load "mnist-cnn"
local queue, calls = require("perigee.native").farm, 0
local function objective(scores)
  calls = calls + 1
  if queue.ranks() == 0 and calls == 5 then io.popen("kill -INT $PPID"):close() end
  return scores:slice(nil, { 1, 1 }):reshape(-1)
end
here.kept = attack.pgd { model = net, norm = "l2", dmax = 1, eta = 1e-4, eps = 0, max_iter = 100000,
  objective = objective }:run(d)
print "on"
LUA
run_ranks 2 --quiet --threads 1 stopped.lua
check_match "an interrupt keeps what was found" "$status $out" "130 *kept*pgd on net: 400 samples*interrupted*"
finish
