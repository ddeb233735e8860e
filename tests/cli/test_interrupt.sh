# Ctrl-C in scripts: the Lua code stops before its next line, everywhere; what was under way is kept.
. tests/cli/tap.sh

# Run a script, send SIGINT once it has printed "ready" (unbuffered), wait for its end.
interrupt_script() { # script-text
    {
        echo 'io.stdout:setvbuf("no")'
        printf '%s\n' "$1"
    } > "$work/script.lua"
    start_script
    sleep 0.1
    kill -INT $child 2> /dev/null
    # One that does not stop is killed: its status then shows the failure.
    (sleep 5 && kill -KILL $child) > /dev/null 2>&1 &
    watchdog=$!
    wait $child
    status=$?
    kill $watchdog 2> /dev/null
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}

interrupt_script 'print "ready" while true do end'
check_equal "a tight loop: status 130" "$status" 130
check_match "and the word" "$err" "*interrupted*"
check "without a traceback" differs "$err" "*traceback*"

interrupt_script 'print "ready" while true do pcall(function() while true do end end) end'
check_equal "pcall does not swallow it" "$status" 130

interrupt_script 'print "ready" while true do xpcall(function() while true do end end, function(m) return m end) end'
check_equal "nor does xpcall" "$status" 130

interrupt_script 'print "ready"
local co = coroutine.create(function() while true do end end)
while true do coroutine.resume(co) end'
check_equal "a loop in a coroutine" "$status" 130

interrupt_script 'print "ready"
local outer = coroutine.wrap(function()
  local inner = coroutine.wrap(function() while true do coroutine.yield() end end)
  while true do inner() end
end)
outer()
print("on")'
check_equal "coroutines in coroutines" "$status" 130
check_equal "and nothing runs after it" "$out" "ready"

for way in 'coroutine.yield() end) co() coroutine.close(thread)' 'error "it" end) pcall(co)'; do
    interrupt_script "local thread
local co = coroutine.wrap(function()
  thread = coroutine.running()
  local closed <close> = setmetatable({}, { __close = function() print 'ready' while true do end end })
  $way
print 'on'"
    check_equal "what a coroutine is to close: $way" "$status $out" "130 ready"
done

interrupt_script 'local x = array.randn(100)
print "ready"
while true do
  pcall(grad.value, function(v) local s = v:sum() while true do s = s * 0.5 end end, x)
end'
check_equal "a function that is differentiated" "$status" 130

quiet=
interrupt_script 'local hangs = grad.straight_through(function(x) return x end, function() print "ready" while true do end end)
grad.value(function(v) return hangs(v):sum() end, array.ones(3))'
check_equal "a gradient of one's own says no more than that" "$err" "interrupted"
quiet=--quiet

interrupt_script 'local made = setmetatable({}, { __index = function() while true do end end })
print "ready"
print(pcall(function() return made.x end))
print("on")'
check_equal "a metamethod" "$status" 130
check "nothing runs after that either" differs "$out" "*on*"

interrupt_script 'local co = coroutine.wrap(function()
  pcall(function() while true do end end)
  print("on")
end)
print "ready"
co()'
check "pcall in a coroutine" differs "$out" "*on*"

# C's system() would not hear of it while the other program runs.
interrupt_script 'print "ready" while true do os.execute("sleep 0.3") end'
check_equal "a loop over other programs" "$status" 130

# An interrupted core call gives what it has, and its statement completes over its lines: seen from
# the script itself, which is asked to look at the global when the state closes.
interrupt_script 'local watch = setmetatable({}, { __gc = function()
  print(rawget(_G, "kept") and "kept" or "lost")
end })
local net = nn.new { input = { 1, 28, 28 }, nn.flatten {}, nn.linear { out = 10 } }
local digits = data.digits(2000, { seed = 1 })
print "ready"
kept = nn.train(net, digits, {
  epochs = 100000,
  lr = 0.01,
})
print("on")'
check_equal "training: status 130" "$status" 130
check_match "the statement completes" "$out" "*kept*"
check "and the chunk stops there" differs "$out" "*on*"

# A loop of the program's own Lua files hands over what it has as well.
interrupt_script 'local watch = setmetatable({}, { __gc = function()
  print(rawget(_G, "kept") and "kept" or "lost")
end })
local net = nn.new { input = { 1, 28, 28 }, nn.flatten {}, nn.linear { out = 50 }, nn.relu {}, nn.linear { out = 10 } }
local digits = data.digits(500, { seed = 1 })
nn.train(net, digits, { epochs = 1 })
local dmax = {}
for i = 1, 10000 do dmax[i] = i / 1000 end
print "ready"
kept = evaluate.security { models = { net = net }, data = digits, dmax = dmax,
  attack = attack.pgd { model = net, norm = "l2", eta = 0.1, max_iter = 100 } }
print("on")'
check_equal "a security evaluation: status 130" "$status" 130
check_match "keeps what was counted" "$out" "*kept*"
check "and the chunk stops there too" differs "$out" "*on*"

# A function of the user's that hangs at the first call: nothing was done, and nobody says 100 %.
small='local net = nn.new { input = { 4 }, classes = { 0, 1 }, seed = 1, nn.linear { out = 2 } }
local ds = data.new { x = array.rand(6, 4), y = { 0, 1, 0, 1, 0, 1 } }
local function hang()
  local start = perigee.clock()
  while perigee.clock() < start + 1.1 do end
  print "ready"
  while true do end
end'
quiet=
interrupt_script "$small
local kept = setmetatable({}, { __newindex = print })
kept.stop = attack.pgd { model = net, norm = 'l2', dmax = 1, objective = hang }:run(ds).stop[1]"
check_match "an objective: the samples are kept as they are" "$out" "ready*stop*interrupted"
check_match "and so it is said" "$err" "*stopped after 0 iterations; the result keeps the best so far*"
check "and no more" differs "$err" "*100 %*"
interrupt_script "$small
nn.train(net, ds, { epochs = 10, on_epoch = hang })"
check_match "on_epoch belongs to the epoch before" "$err" "*stopped at epoch 1 of 10; *"
quiet=--quiet

# An ensemble of attacks gives what its parts have found so far, here when the second one is at work on the first group
# of samples. What is assigned is printed on the spot.
interrupt_script 'local here = setmetatable({}, { __newindex = print })
local net = nn.load "mnist-cnn"
local digits = data.digits(200, { seed = 1 })
local model, calls = { classes = net.classes }, 0
function model:scores(x) return net:scores(x) end
function model:gradient(x, w)
  calls = calls + 1
  if calls == 20 then print "ready" end
  return net:gradient(x, w)
end
here.kept = attack.ensemble {
  attack.fgsm { model = model, norm = "l2", dmax = 1e-6 },
  attack.pgd_exp { dmax = 1e-6, max_iter = 1000000, eta = 1e-9 },
  attack.pgd { dmax = 1e-6 } }:run(digits)
print("on")'
check_equal "an ensemble: status 130" "$status" 130
check_match "keeps what was found" "$out" "*kept*ensemble on lua: 200 samples*interrupted*1 fgsm*2 pgd_exp*"
check "and the chunk stops there as well" differs "$out" "*3 pgd*on*"

# A grid search on a defence answers with what was tried, and sets nothing (tests/core/test_dnr_tune.c).
interrupt_script 'local defence = dnr.new { net = nn.load "mnist-cnn", layers = { "relu3", "relu4" },
  layer_classifier = svm.new {}, combiner = svm.new {} }
local digits = data.digits(1000, { seed = 1 })
local C = array.linspace(2, 100, 200)
local here = setmetatable({}, { __newindex = print })
local watch = setmetatable({}, { __gc = function() print(defence.relu3) end })
print "ready"
here.kept = dnr.tune(defence, digits, { layers = { C = C, gamma = { 0.001, 0.002, 0.003, 0.004 } } })
print("on")'
check_equal "a grid search: status 130" "$status" 130
check_match "answers" "$out" "*kept*dnr.tune: 1000 samples in 5 folds*interrupted, nothing is set*"
check_match "and leaves the defence" "$out" "*svm rbf(gamma 1), C 1 (not fitted)*"
check "the chunk stops there" differs "$out" "*on*"

# A kernel in Lua is stopped at its next line, and the svm is as it was.
interrupt_script 'local machine = svm.new { kernel = svm.kernel(function() print "ready" while true do end end) }
setmetatable({}, { __gc = function() print(machine) end })
machine:fit(data.digits(50, { seed = 1 }))
print("on")'
check_equal "a kernel in Lua: status 130" "$status" 130
check_match "leaves the svm" "$out" "*svm lua, C 1 (not fitted)*"
check "and the chunk stops there" differs "$out" "*on"

# A model in Lua in the midst of an attack: it may finish its batch, then the attack returns. It is
# "ready" once the look at its gradient is over, before which there is nothing to hand over.
interrupt_script 'local watch = setmetatable({}, { __gc = function()
  print(rawget(_G, "kept") and "kept" or "lost")
end })
local calls, target = 0, array.new { 0.9, 0.9 }
local model = { classes = { 0, 1 }, features = 2 }
function model.scores(_, x)
  calls = calls + 1
  if calls == 20 then
    print "ready"
  end
  local until_then = perigee.clock() + 0.02
  while perigee.clock() < until_then do end
  local s = (x * target):sum(2)
  return array.stack({ s * 0, s - 100 }, 2)
end
function model.gradient(_, x, w)
  return w:slice(nil, { 2, 2 }) * target
end
kept = attack.pgd { model = model, norm = "l2", dmax = 50, eta = 0.00001, max_iter = 100000, eps = 0 }
  :run(data.new { x = { { 0.5, 0.5 } }, y = { 0 } })
print("on")'
check_equal "an attack on a model in Lua: status 130" "$status" 130
check_match "the attack hands over what it has" "$out" "*kept*"

# A callback that is ended in the midst of a long call: the call still puts things back and gives what it has.
interrupt_script 'local ds = data.digits(60, { seed = 1, classes = { 3, 7 } })
local watch = setmetatable({}, { __gc = function() print(rawget(_G, "kept"), array.rand(1)[1] == drawn) end })
local called = 3
local function mine()
  called = called + 1
  if called == 2 then print "ready" end
  while called == 2 do end
  return 1
end
seed(5)
evaluate.cross_validate(classic.knn { k = 1 }, ds, { folds = 3, metrics = { mine = mine } })
drawn, called = array.rand(1)[1], 0
seed(5)
kept = evaluate.cross_validate(classic.knn { k = 1 }, ds, { folds = 3, metrics = { mine = function()
  return mine()
end } }).done
print "on"'
check_equal "a measure of one's own: the finished folds are there, and the session's generator is what it was" \
    "$out" "ready
1	true"

finish
