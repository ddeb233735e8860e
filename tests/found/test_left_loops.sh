# A loop whose coroutine nobody goes on with was freed while others still reported to it: a segmentation fault. And
# plot.live, left so, kept any other from beginning.
. tests/cli/tap.sh

cat > "$work/script.lua" <<'END'
local folder = arg[0]:match "(.*)/"
local ds = data.digits(60, { seed = 1, classes = { 3, 7 } })
local function train(on_epoch)
  local net = nn.new { input = { 1, 28, 28 }, classes = { 3, 7 }, seed = 1, nn.flatten {}, nn.linear { out = 2 } }
  return nn.train(net, ds, { epochs = 3, seed = 1, on_epoch = on_epoch })
end
local function collect()
  collectgarbage()
  collectgarbage()
end
local function begin(f, ...)
  local co = coroutine.create(f)
  assert(coroutine.resume(co, ...))
  return co
end
local function validate()
  evaluate.cross_validate(classic.knn { k = 1 }, ds,
    { folds = 2, metrics = { mine = function() coroutine.yield() return 0 end } })
end

begin(validate)
train(collect)
print "collected"

local waiting = begin(validate)
train(function()
  if coroutine.status(waiting) == "suspended" then assert(coroutine.resume(waiting)) end
end)
print(coroutine.status(waiting))

local picture = { file = folder .. "/live.png" }
begin(validate)
plot.live(function() train(collect) end, picture)
print "drawn"

waiting = begin(plot.live, coroutine.yield, picture)
print(pcall(plot.live, train, picture))
waiting = nil
collect()
plot.live(train, picture)
coroutine.close(begin(plot.live, coroutine.yield, picture))
plot.live(train, picture)
print "live"
END
# what is freed is overwritten
out=$(MALLOC_PERTURB_=90 "$perigee" --quiet "$work/script.lua" 2> "$work/err")
status=$? err=$(cat "$work/err")
check_equal "loops of others go on" "$status $(echo "$out" | head -3)" "0 collected
dead
drawn"
check_match "plot.live waits in a coroutine" "$out" "*plot.live: another one is running
live"
check_equal "nothing is complained of" "$err" ""
finish
