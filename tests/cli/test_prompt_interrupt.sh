# Ctrl-C at the prompt, in everything that can take long: back at the prompt with the session intact,
# and a word about what was kept.
# calm: it waits five seconds for an answer, twenty times.
. tests/cli/prompt.sh

# A gnuplot that reads and never answers; its output stays open, or it would count as ended.
printf '#!/bin/sh\nwhile read -r line; do :; done\n' > "$work/gnuplot"
chmod +x "$work/gnuplot"
cat > "$work/setup.lua" << 'LUA'
ds = data.digits(600, { seed = 1 })
many = data.digits(4000, { seed = 1 })
net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.conv2d { out = 8, kernel = 5, stride = 2 }, nn.relu { name = "r1" },
  nn.flatten {}, nn.linear { out = 60 }, nn.relu { name = "r2" }, nn.linear { out = 10 } }
nn.train(net, ds, { epochs = 2, seed = 1 })
large = svm.new { kernel = svm.rbf(10), C = 1e6, tolerance = 1e-9 }
defence = dnr.new { net = net, layers = { "r1", "r2" },
  layer_classifier = svm.new { kernel = svm.rbf(10), C = 1e5, tolerance = 1e-9 },
  combiner = svm.new { kernel = svm.rbf(1), C = 1e5, tolerance = 1e-9 } }
pgd = attack.pgd { model = net, norm = "l2", dmax = 20, eta = 1e-7, max_iter = 1e6, eps = 0 }
attack.define {
  name = "endless",
  step = function(state)
    local g = state:gradient()
    while state.t == 3 do g = -g end
    return state.x - 1e-3 * state:unit(g)
  end,
}
own = attack.endless { model = net, dmax = 1 }
calls = 0
function lost(scores) calls = calls + 1 while calls > 4 do calls = calls + 1 end return scores:sum(2) end
rows, w = array.zeros { 20000, 784 }, array.new { 1, 0 }
slow = svm.from { sv = array.zeros { 40000, 784 }, alpha = array.ones { 1, 40000 }, b = array.new { 0 },
  kernel = svm.rbf(1), classes = { 0, 1 } }
kept = 42
LUA

# The first conversation with words about what is kept.
converse NO_COLOR=1 PERIGEE_GNUPLOT="$work/gnuplot" << 'EXPECT'
# Send a line that takes long; once it is under way Ctrl-C. Then the pattern must come, and the prompt.
proc interrupt {line pattern title} {
    global ctrl_c expect_out
    send -- "$line\r"
    after 700
    set sent [clock milliseconds]
    send $ctrl_c
    see $pattern $title
    expect -re {> $} {} timeout {}
    set waited [expr {[clock milliseconds] - $sent}]
    send -- "print('al' .. 'ive', kept)\r"
    expect {
        -re {\ralive\s+42} { report 1 "$title: the session is intact (back after $waited ms)" }
        timeout { report 0 "$title: the session is intact (after $waited ms)" }
        eof { report 0 "$title: the program has ended" }
    }
    expect -re {> $} {} timeout {}
}

# Without --quiet: notes are told.
spawn -noecho $env(PERIGEE) -i $env(work)/setup.lua
stty rows 24 columns 100 < $spawn_out(slave,name)
set timeout 20
expect -re {> $} {} timeout {}
set timeout 5

interrupt "while true do end" {interrupted} "a loop"
interrupt "while true do pcall(function() while true do end end) end" {interrupted} "a loop inside pcall"
interrupt "while true do xpcall(function() while true do end end, function(m) return m end) end" {interrupted} "a message handler"
interrupt "coroutine.wrap(function() while true do end end)()" {interrupted} "a coroutine"
interrupt "setmetatable(\{\}, \{ __index = function() while true do end end \}).x = nil; print(setmetatable(\{\}, \{ __index = function() while true do end end \}).x)" \
    {interrupted} "a metamethod"
interrupt "h = nn.train(net, ds, \{ epochs = 100000, lr = 1e-6 \})" \
    {stopped at epoch [0-9]+ of 100000; the network keeps the weights so far} "training a CNN"
ask "h.interrupted" {\rtrue} "its history is there"
interrupt "large:fit(many)" {stopped; the svm is as it was} "fitting an SVM"
interrupt "defence:fit(many)" {stopped; the dnr is as it was} "fitting a DNR"
interrupt "r = pgd:run(ds)" {stopped after [0-9]+ iterations?; the result keeps the best so far} "an attack"
ask "#r, r.stop\[1\]" {600, "interrupted"} "its result is there"
interrupt "r = pgd:with({ objective = lost }):run(ds)" {the result keeps the best so far} "a loss of one's own"
ask "#r, r.stop\[1\]" {600, "interrupted"} "whose run keeps its result"
interrupt "r = own:run(ds)" {stopped after 3 iterations; the result keeps the best so far} "an attack of one's own"
ask "#r, r.stop\[1\]" {600, "interrupted"} "which keeps its result as well"
interrupt "s = evaluate.security \{ models = \{ net = net \}, data = ds, dmax = \{ 0.5, 1, 2 \}, attack = pgd \}" \
    {stopped; the evaluation keeps the pieces that were finished} "an evaluation"
interrupt "h = plot.live(function() return nn.train(net, ds, \{ epochs = 99, lr = 1e-6, on_epoch = function(s) while s.epoch == 3 do end end \}) end, \{ file = '$env(work)/live.png' \})" \
    {stopped at epoch 3 of 99; the network keeps the weights so far} "plot.live, in a function of one's own"
ask "h.interrupted, plot.live(function() return 'again' end, \{ file = '$env(work)/live.png' \})" {true, "again"} \
    "its history is there, and another one may begin"
interrupt "found = svm.search \{ data = many, kernel = svm.rbf(1), C = \{ 1e5, 1e6 \}, gamma = \{ 1, 10 \} \}" \
    {stopped; svm.search} "a search"
interrupt "s = slow:scores(rows)" {stopped; svm:scores answers for the first [0-9]+ of 20000 samples} "scores"
ask "#s < 20000, s.shape\[2\]" {true, 2} "the rows that were done are there"
interrupt "g = slow:gradient(rows, w)" {stopped; svm:gradient answers for the first [0-9]+ of 20000 samples} "gradients"
ask "#g < 20000, g.shape\[2\]" {true, 784} "and their rows"
interrupt "print(pcall(function() return reject.new(\{ model = slow \}):threshold_for(0.1, rows) end))" \
    {threshold_for: interrupted} "a threshold, of which there is no half"
interrupt "for i = 1, 1e9 do local d = data.digits(200, \{ seed = i \}) end" {interrupted|digits were drawn} "loading data"
interrupt "plot.loss(r.loss\[1\], \{ file = '$env(work)/never.png' \})" {interrupted} "waiting for gnuplot"
report [expr {![file exists $env(work)/never.png]}] "which leaves no file"
interrupt "io.read()" {interrupted|nil} "waiting for input"
interrupt "os.execute('sleep 30')" {interrupted|nil, "signal"} "waiting for another program"

send -- "this is not to be run"
after 100
send $ctrl_c
see {\^C} "Ctrl-C at an idle prompt"
ask "print('clea' .. 'red')" {\rcleared} "clears the line"
send "$ctrl_c$ctrl_c$ctrl_c"
after 100
send "$ctrl_c"
ask "print('pat' .. 'ient')" {\rpatient} "and more of them do not end the program"

# Nothing in C asks: the first Ctrl-C has to wait for the end, and says after a while what another does.
send "('a'):rep(40):match(('a*'):rep(40) .. 'b')\r"
after 500
send $ctrl_c
see {still at work; Ctrl-C again ends the program} "what does not answer is told of"
send $ctrl_c
ended 130 "a second Ctrl-C then ends it"

# Two in a row are not enough: the second is told what a third does.
start 24 80 -i
send "('a'):rep(40):match(('a*'):rep(40) .. 'b')\r"
after 500
send $ctrl_c
after 200
send $ctrl_c
see {Ctrl-C again ends the program} "nor is what does not answer a second one"
after 200
send $ctrl_c
ended 130 "a third ends it"

start 24 80 -i $env(work)/setup.lua
send "nn.train(net, ds, \{ epochs = 1000000 \});\r"
after 500
send $ctrl_c
expect -re {interrupted\r} { report 1 "--quiet: the word alone" } timeout { report 0 "--quiet: the word alone" }
leave 0 "and the prompt is there"
finish
EXPECT
