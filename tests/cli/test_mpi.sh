# The program under mpirun: rank 0 runs the script, the others do pieces of it, and nothing changes but the time.
. tests/cli/tap.sh
. tests/cli/mpi.sh
require_mpi

cd "$work" || exit 1

# Models of all kinds, one of them written in Lua, with globals and variables of its own, one built for each
# repeat; attacks of ours and of the script's; a layer of one's own within a net.
cat > sweep.lua << 'LUA'
local native = require "perigee.native"
local d = data.digits(60, { seed = 1 })
local net = nn.load "mnist-cnn"
local twice = nn.layer { name = "twice", forward = function(_, x) return 2 * x end,
  backward = function(_, _, dy) return 2 * dy end }
factor = 0.5
local function half(scores) return factor * scores end
local in_lua = { classes = net.classes, scores = function(_, x)
  local rank = native.farm.ranks()
  if arg[2] and rank == 1 then os.execute(arg[2]) end
  return half(net:scores(x))
end, gradient = function(_, x, w) return net:gradient(x, factor * w) end }
local away = attack.define { name = "away", options = { push = 0.2 }, step = function(state)
  return state.x - state.options.push * state:unit(state:gradient())
end }
local s = evaluate.security {
  models = { nr = reject.new { model = net, threshold = 5 }, lua = in_lua, built = function(r)
    local own = nn.new { input = { 1, 28, 28 }, seed = r, nn.flatten {}, twice {}, nn.linear { out = 10 } }
    nn.train(own, d, { epochs = 1, seed = r })
    return own
  end },
  attacks = { attack.pgd { norm = "l2", max_iter = 4 }, away { norm = "l2", max_iter = 3 },
    attack.ensemble { attack.fgsm { norm = "l2" }, attack.pgd { norm = "l2", max_iter = 3 } } },
  data = d, validation = data.digits(20, { seed = 2 }), samples = 8, repeats = 2, dmax = { 0.5, 1.5 }, block = 4,
  seed = 3, noise = false,
  checkpoint = arg[1] ~= "-" and arg[1] or nil,
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
run_perigee --quiet --threads 1 sweep.lua -
echo "$out" > whole
check_equal "an evaluation by one process" "$status $err" "0 "
for n in 1 2 4; do
    run_ranks $n --quiet --threads 1 sweep.lua -
    check "$n ranks have the same numbers" cmp out whole
    check_equal "and nothing to say" "$status $err" "0 "
done

# A rank that is killed ends the job; what was done by then is kept, for any number of ranks.
run_ranks 2 --quiet --threads 1 sweep.lua night 'kill -KILL $PPID'
check "a killed rank ends the job" [ "$status" != 0 ]
case $implementation in
    openmpi) check_match "which says so" "$err" "*rank 1*Killed*" ;;
    mpich) check_match "which says so" "$out" "*BAD TERMINATION*Killed*" ;;
esac
run_ranks 3 --quiet --threads 1 sweep.lua night
check "another number of ranks goes on" cmp out whole
run_perigee --quiet --threads 1 sweep.lua night
check_equal "and one process" "$out" "$(cat whole)"

# The others are no decoration; an error on one of them is the script's, and ends all ranks.
cat > other.lua << 'LUA'
local queue = require("perigee.native").farm
local answer, count = queue.answer, 0
queue.answer = function()
  local task, failed, bytes, rank = answer()
  if task then count = count + 1 end
  return task, failed, bytes, rank
end
local function evaluation(fails) -- queue and perigee are known on all ranks
  local model = { classes = { 0, 1 }, scores = function(_, x) -- a piece takes a while
    if fails and queue.ranks() > 0 then error "not on this one" end
    local start = perigee.clock()
    while perigee.clock() - start < 0.002 do end
    return x
  end }
  evaluate.security { models = { m = model }, attacks = attack.hopskipjump { norm = "l2", max_iter = 1 },
    data = data.new { x = array.rand { 16, 2 }, y = array.zeros { 16 } }, dmax = 1, block = 1 }
end
evaluation(false)
print(count)
evaluation(true)
print "never"
LUA
run_ranks 2 --quiet other.lua
check "another rank does a share ($out of 32 pieces)" [ "${out:-0}" -ge 4 ]
check_match "an error on another rank is the script's" "$status $err" \
    "1 *perigee: other.lua:15: evaluate.security: *other.lua:10: not on this one*"
check_equal "and is told once" "$(grep -c 'not on this one' err)" 1

# Large data are on a machine once, besides those of rank 0: ranks that only read them have no pages of their own.
cat > once.lua << 'LUA'
local d, seen = data.new { x = array.rand(4000, 784, { seed = 1 }), y = array.zeros { 4000 } }, false
local function memory() -- of the mapping, and of its pages those that are ours; of what is no file's; all in kB
  local own, within, all = { Rss = 0, Anonymous = 0 }, false, nil
  for line in io.lines "/proc/self/smaps" do
    if line:find "^%x+%-%x+ " then within = line:find "/dev/shm/perigee-" ~= nil end
    local name, value = line:match "^(%a+): *(%d+) kB"
    if within and own[name] then own[name] = own[name] + value end
  end
  for line in io.lines "/proc/self/status" do all = line:match "^RssAnon:%s*(%d+)" or all end
  return ("%d %d %d"):format(own.Rss, own.Anonymous, all)
end
local model = { classes = { 0, 1 }, scores = function(_, x)
  local start = perigee.clock()
  while perigee.clock() - start < 0.01 do end
  if not seen then
    seen = true
    local sum, file <close> = d.x:sum(), io.open("memory" .. require("perigee.native").farm.ranks(), "w")
    file:write(("%a "):format(sum), memory(), "\n")
  end
  return x:take(array.new({ 1, 2 }, { dtype = "i32" }), 2)
end }
evaluate.security { models = { m = model }, attacks = attack.hopskipjump { norm = "l2", max_iter = 1 },
  data = d:slice(1, 20), dmax = 1, block = 1, noise = false, seed = 1 }
LUA
run_ranks 4 --quiet --threads 1 once.lua
check_equal "four ranks with large data" "$status $err" "0 "
read -r sum _ _ most < memory0
for n in 1 2 3; do
    read -r theirs mapped own anonymous < memory$n
    check_equal "rank $n has the same data" "$theirs $own" "$sum 0"
    check "all of them in the node's memory ($mapped kB), and no others ($anonymous kB)" \
        [ "$mapped" -ge 12000 -a "$anonymous" -lt $((most - 12000)) ]
done

# Other ends. What the script starts is no rank.
run_ranks 2 --quiet -e "os.execute '$perigee -e \"print(7)\"' os.exit(3)"
check_equal "os.exit ends all ranks, and programs that the script starts are alone" "$status $out" "3 7"
run_ranks 3 --thread 1
check_equal "misuse is told once" "$status $(grep -c 'did you mean --threads' err)" "2 1"

# With two implementations the program takes the one that has started it.
if [ "$(all_mpi | wc -l)" -gt 1 ]; then
    use_mpi mpich
    run_ranks 3 --quiet --threads 1 sweep.lua -
    check "ranks under MPICH as well" cmp out whole
    check_equal "with nothing to say" "$status $err" "0 "
else
    skip "ranks under another MPI" "there is but one, $implementation"
fi

# What has no MPI says which package.
mkdir bare && cp "$perigee" bare/perigee
PERIGEE_LUA=$(cd "$OLDPWD" && pwd)/lua OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 bare/perigee -e 'print(1)' > out 2> err
check_equal "a program without its module is refused" "$? $(cat out)" "2 "
check_match "by the package" "$(cat err)" \
    "perigee: started under MPI (OMPI_COMM_WORLD_SIZE is set), for which *libopenmpi-dev*"
check_equal "Slurm's variables alone start nothing" "$(SLURM_PROCID=1 SLURM_NTASKS=2 "$perigee" -e 'print(2)')" 2
check_equal "--mpi without mpirun is one rank" "$("$perigee" --mpi -e 'print(3)')" 3
finish
