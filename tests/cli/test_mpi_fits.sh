# Fits of SVMs, of defences made of them, and dnr.tune under mpirun: any number of ranks and threads saves the same
# bytes as one process, and the other ranks do solve.
. tests/cli/tap.sh
. tests/cli/mpi.sh
require_mpi

cd "$work" || exit 1
cat > fits.lua << 'LUA'
local others, half = 0, debug.getregistry()["perigee.problems"]
if half then
  local solve = half.solve
  function half.solve(where, shared, raw, tasks, own, take)
    return solve(where, shared, raw, tasks, own, function(i, answer)
      others = others + 1
      take(i, answer)
    end)
  end
end
local folder = arg[1]
os.execute("mkdir -p " .. folder)
local native = require "perigee.native"
local many = data.digits(330, { seed = 1 })
local d = many:sample(150, { seed = 1 })
local net = nn.load "mnist-cnn"
local function keep(name, model)
  print(name, native.checksum(model))
  model:save(("%s/%s"):format(folder, name))
end
for _, solver in ipairs { "libsvm", "smo" } do
  svm.solver = solver
  local defence = dnr.new { net = net, layers = { "relu3", "relu4" },
    layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },
    combiner = svm.new { kernel = svm.rbf(1), C = 0.1 } }
  defence:fit(d, { folds = 4, seed = 2 })
  keep(solver .. "-dnr", defence)
  local tuned = dnr.tune(defence, d, { folds = 4, seed = 3, solver = solver,
    layers = { C = { 1, 10 }, gamma = { 0.01, 0.1 } }, combiner = { C = { 0.1, 1 } } })
  keep(solver .. "-tuned", defence)
  for _, part in ipairs(tuned.parts) do
    for _, array in ipairs { part.accuracy, part.spread } do io.write(("%a "):format(array:sum())) end
  end
  print(tuned.chosen["relu3.C"], tuned.chosen["relu3.kernel.gamma"])
  keep(solver .. "-nr", reject.new { model = reject.layer { net = net, layer = "relu4",
    classifier = svm.new { kernel = svm.poly { degree = 2, gamma = 0.1 }, weights = "balanced" } } }:fit(many))
end
-- libsvm on the samples that matter, and on all where they are most of them
for _, x in ipairs { 3, 0.3 } do
  local clouds = data.blobs(1600, { centers = { { 0, 0 }, { x, 0 }, { 1, 2 } }, seed = 5 })
  keep("clouds" .. x, svm.new { kernel = svm.rbf(0.5), solver = "libsvm" }:fit(clouds))
end
keep("two", svm.new { kernel = svm.linear(), weights = { [0] = 2 } }:fit(
  data.new { x = array.rand({ 1100, 3 }, { seed = 4 }), y = array.arange(1100):mod(2) })) -- one problem
print(pcall(function()
  svm.new { C = 1e-300, tolerance = 1e300 }:fit(data.new { x = array.new { { 0 }, { 0 / 0 } }, y = { 0, 1 } })
end))
io.stderr:write(others > 0 and "others help" or "alone", "\n")
LUA
sums() { (cd "$1" && cksum *); }
run_perigee --quiet --threads 1 fits.lua one
check_equal "one process" "$status$err" 0alone
answers=$out
check_equal "saves all models" "$(ls one | wc -l | tr -d ' ')" 9
for n in ${PERIGEE_TEST_RANKS:-2}; do
    run_ranks $n --quiet --threads 1 fits.lua ranks$n
    check_equal "$n ranks" "$status$err" "0$([ $n = 1 ] && echo alone || echo others help)"
    check_equal "with the same answers" "$out" "$answers"
    check_equal "and saved bytes" "$(sums ranks$n)" "$(sums one)"
done
run_ranks 2 --quiet --threads 3 fits.lua threads
check_equal "threads as well" "$status $out" "0 $answers"
finish
