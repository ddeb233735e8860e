# evaluate.cross_validate and svm.search under mpirun: any number of ranks gives what one process gives, to the bit.
. tests/cli/tap.sh
. tests/cli/mpi.sh
require_mpi

cd "$work" || exit 1
cat > folds.lua << 'LUA'
local native = require "perigee.native"
local d = data.digits(120, { seed = 1 })
local net = nn.new { input = { 1, 28, 28 }, classes = d.classes, seed = 1, nn.flatten {}, nn.linear { out = 10 } }
local on_layer = reject.layer { net = nn.load "mnist-cnn", layer = "relu4",
  classifier = svm.new { kernel = svm.rbf(1e-2) } }
local factor = 100
local function show(model)
  local v = evaluate.cross_validate(model, d, { folds = 5, seed = 2, metrics = { "accuracy", "error",
    mine = function(m, ds) return factor * m:scores(ds.x):sum() end, rank = function()
      local start = perigee.clock()
      while perigee.clock() - start < 0.05 do end
      return (native.farm.ranks())
    end } })
  for _, name in ipairs { "accuracy", "error", "mine" } do
    for _, value in ipairs(v.values[name]) do io.write(("%a "):format(value)) end
  end
  print(v.done)
  return v
end
show(svm.new { kernel = svm.rbf(0.02), C = 10 })
local v = show(on_layer)
io.stderr:write(v.mean.rank > 0 and "others help" or "alone", "\n")
print(array.rand(2)) -- the session goes on alike
local much = ("perigee"):rep(2000000) -- four ranks of one node share it, two have it each
local noisy = { classes = d.classes }
function noisy.clone()
  local noise = 0
  return { classes = d.classes, fit = function(_, ds) noise = array.rand(1):sum() + #ds end,
    scores = function(_, x) return net:scores(x) * (much:sub(-7) == "perigee" and noise or 0) end }
end
function noisy.fit() end
function noisy.scores(_, x) return net:scores(x) end
show(noisy)
print(array.rand(2))
for _, options in ipairs { { C = { 0.1, 1, 10 }, gamma = { 0.001, 0.01, 0.03, 0.1 } }, { gamma = { 1, 2 }, C = 3 },
  { gamma = array.new { 0.01, 0.02 }, solver = "smo", weights = "balanced", fit = false, seed = 4 } } do
  options.data = d
  local found = svm.search(options)
  print(found, found.seed, found.best.C, found.best.gamma, found.model, native.checksum(found.table),
    found.model and native.checksum(found.model))
end
print(array.rand(2), pcall(function() svm.search { data = d, gamma = { 1, 2 }, CC = 1 } end))
print(pcall(function() svm.search { data = d, gamma = { 1, -2 } } end))
if arg[1] then
  evaluate.cross_validate(svm.new {}, d, { metrics = { mine = function() error "none of it" end } })
end
LUA
check_all_ranks folds.lua bits
run_ranks 2 --quiet folds.lua fail
check_equal "a measure that fails ends the script" "$status" 1
check_match "in its words" "$err" "*folds.lua:*none of it*"

# Two network namespaces as two hosts, with nothing but TCP between them.
one=perigee-1-$$ two=perigee-2-$$
if [ $implementation = openmpi ] && ip netns add $one 2> /dev/null && ip netns add $two 2> /dev/null &&
    ip link add v1 netns $one type veth peer name v2 netns $two 2> /dev/null; then
    ip -n $one addr add 10.77.0.1/24 dev v1 && ip -n $one link set lo up && ip -n $one link set v1 up
    ip -n $two addr add 10.77.0.2/24 dev v2 && ip -n $two link set lo up && ip -n $two link set v2 up
    cat > agent << SH
#!/bin/sh
shift # the host: there is but one other
exec ip netns exec $two sh -c "\$*"
SH
    chmod +x agent
    launch="ip netns exec $one $launch --mca plm_rsh_agent $PWD/agent --mca btl tcp,self
        --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24
        --host 10.77.0.1:1,10.77.0.2:1"
    run_ranks 2 --quiet --threads 1 folds.lua
    check_equal "two hosts" "$status$err" "0others help"
    check_equal "with the same bits" "$out" "$answers"
else
    skip "two hosts" "network namespaces cannot be made here, or there is no Open MPI"
fi
ip netns del $one 2> /dev/null
ip netns del $two 2> /dev/null
finish
