# Scores of long batches under mpirun: any number of ranks and threads gives the bits of one process, and the other
# ranks do score.
. tests/cli/tap.sh
. tests/cli/mpi.sh
require_mpi

cd "$work" || exit 1
cat > scores.lua << 'LUA'
local native = require "perigee.native"
local others, module = 0, package.loaded["perigee.scoring"]
if module then
  local half = debug.getregistry()["perigee.scoring"]
  local scores = half.scores
  function half.scores(where, model, about, tasks, own, take)
    return scores(where, model, about, tasks, own, function(i, bytes)
      others = others + 1
      take(i, bytes)
    end)
  end
end
local d = data.digits(2500, { seed = 1 })
local bytes = data.new { x = (d.x * 255):round():astype "u8", y = d.y, store = "u8" }
local net = nn.load "mnist-cnn"
local few = d:slice(1, 300)
local narrow = svm.new { kernel = svm.rbf(0.01) }
local nr = reject.new { model = reject.layer { net = net, layer = "relu4", classifier = narrow } }:fit(few)
local defence = dnr.new { net = net, layers = { "relu3", "relu4" }, layer_classifier = narrow,
  combiner = svm.new {} }:fit(few, { seed = 1 })
local knn = classic.knn {}:fit(few)
for _, model in ipairs { net, nr, defence, knn, svm.new { kernel = svm.rbf(0.01) }:fit(few) } do
  for _, set in ipairs { d, bytes, d.x, d:slice(1, 1025) } do
    print(model.kind, native.checksum(model:scores(set)), native.checksum(model:predict(set)))
  end
  print(metrics.accuracy(model, d))
end
print(("%a %a"):format(defence:threshold_for(0.1, d), nr:threshold_for(0.2, bytes)))

-- What is written in Lua may count its calls, and is asked here alone.
local calls = 0
local own = { classes = net.classes, scores = function(_, x) calls = calls + 1 return net:scores(x) end }
print(native.checksum(reject.scores(own, d)), native.checksum(reject.new { model = own }:scores(d)), calls)
local function slowly(x) -- so that it would be worth it
  local start = perigee.clock()
  while perigee.clock() - start < 0.001 do end
  calls = calls + 1
  return 2 * x
end
local twice = nn.layer { name = "twice", forward = function(_, x) return slowly(x) end,
  backward = function(_, _, dy) return 2 * dy end }
local layered = nn.new { classes = net.classes, input = { 1, 28, 28 }, seed = 1, nn.flatten {}, twice {},
  nn.linear { out = 10 } }
print(native.checksum(layered:scores(d)), calls)

-- Thresholds and scores of a double start's points, which the ranks of an evaluation are told.
local s = evaluate.security {
  models = { cnn = net, nr = nr, dnr = defence }, repeats = 2,
  attacks = { attack.pgd_exp { norm = "l2", start_from = d, max_iter = 3 }, attack.fgsm { norm = "l2" } },
  data = bytes, samples = 6, block = 3, dmax = 1, validation = d, rejection_rate = 0.1, noise = false, seed = 1,
}
for _, cell in ipairs(s.cells) do
  for _, name in ipairs { "start_scores", "answer", "distance", "scores" } do
    io.write(native.checksum(cell.rows[name]), " ")
  end
  print(cell.model, cell.attack, cell.rows.threshold)
end

-- An error is that of one process.
local broken = d.x:copy()
broken:slice { 2100, 2110 }:fill(0 / 0)
for _, model in ipairs { net, defence } do print(pcall(model.predict, model, broken)) end
io.stderr:write(others > 0 and "others help" or "alone", "\n")
LUA
check_all_ranks scores.lua numbers
run_ranks 2 --quiet --threads 3 scores.lua
check_equal "threads as well" "$status $out" "0 $answers"

# Ctrl-C keeps the rows before the first that is not there.
cat > stop.lua << 'LUA'
local here = setmetatable({}, { __newindex = print })
local d = data.digits(3000, { seed = 1 })
local copies = {}
for i = 1, 10 do copies[i] = d.x end
local x = array.concatenate(copies, 1)
local pid = io.open("/proc/self/stat"):read "n"
local machine = svm.new { kernel = svm.rbf(1) }:fit(d)
os.execute("(sleep 0.4; kill -INT " .. pid .. ") &")
here.kept = machine:scores(x)
print "on"
LUA
run_ranks 2 --quiet --threads 1 stop.lua
rows=$(echo "$out" | sed -n 's/.*kept.*<f64>\[\([0-9]*\)x10\].*/\1/p')
check_match "Ctrl-C" "$status $err" "130 interrupted*"
check "keeps whole pieces ($rows rows)" [ "${rows:-0}" -lt 30000 -a $((${rows:-1} % 1024)) = 0 ]
check_equal "of which each row is there" "$(grep -c nan out)" 0
finish
