# On a real terminal: Ctrl-C at the prompt, and the progress bar. The conversation is expect's.
# calm: it waits five seconds for an answer.
if ! expect -c 'spawn -noecho true' > /dev/null 2>&1; then
    echo "1..1"
    echo "ok 1 # SKIP no expect here, or no pseudo-terminals"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/perigee-cli.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cat > "$work/slow.lua" <<'LUA'
-- Training that lasts as many epochs as asked for: some milliseconds each.
local pixels = array.rand({ 3000, 784 }, { seed = 1 })
local labels = {}
for i = 1, 3000 do labels[i] = i % 10 end
local digits = data.new { x = pixels, y = labels, shape = { 1, 28, 28 } }
function train(epochs)
  local net = nn.new { input = { 1, 28, 28 }, seed = 1,
    nn.flatten {}, nn.linear { out = 300 }, nn.linear { out = 10 } }
  return nn.train(net, digits, { epochs = epochs, lr = 0.01, seed = 1 })
end
if arg[1] then train(tonumber(arg[1])) end
LUA
work=$work TERM=xterm LC_ALL=C.UTF-8 PERIGEE_HISTORY=/dev/null XDG_CONFIG_HOME="$work" XDG_STATE_HOME="$work" \
    expect -f - << 'EXPECT'
match_max -d 2000000
set timeout 5
log_user 0
set count 0
proc report {ok title} {
    global count expect_out
    incr count
    if {$ok} { puts "ok $count $title" } else {
        puts "not ok $count $title"
        catch { puts "#   [string map {\n "\n#   "} $expect_out(buffer)]" }
    }
}
# Send a line; wait for a piece of what it prints.
proc ask {line pattern title} {
    send -- "$line\r"
    expect {
        -re $pattern { report 1 $title }
        timeout { report 0 $title }
        eof { report 0 "$title (it ended)" }
    }
}
# Send a line that takes long, then Ctrl-C; the prompt must answer within five seconds.
proc interrupt {line title} {
    send -- "$line\r"
    after 600
    send "\003"
    expect {
        -re {interrupted|stopped} {}
        timeout {}
    }
    ask "print('ba' .. 'ck')" {back} $title
}

spawn -noecho $env(PERIGEE) -i $env(work)/slow.lua
stty rows 24 columns 80 < $spawn_out(slave,name)
ask "kept = 6 * 7; print('a' .. 'wake')" {awake} "the prompt answers"
send "not to be run"
after 200
send "\003"
ask "print('clear' .. 'ed')" {cleared} "Ctrl-C clears the line"
interrupt "while true do end" "a loop"
interrupt "while true do pcall(function() while true do end end) end" "a loop under pcall"
interrupt "coroutine.wrap(function() while true do end end)()" "a coroutine"
interrupt "co = coroutine.create(function() while true do coroutine.yield() end end) while true do coroutine.resume(co) end" \
    "coroutines resumed without end"
ask "print(coroutine.resume(coroutine.create(function() return 'as ' .. 'ever' end)))" {as ever} "coroutines work afterwards"
send "history = train(100000)\r"
expect {
    -re {training.*left} { report 1 "training draws a bar" }
    timeout { report 0 "training draws a bar" }
}
send "\003"
ask "print('ba' .. 'ck', history ~= nil)" {back\s+true} "Ctrl-C during training: what it has is kept"
ask "print('kept', kept)" {kept\s+42} "the session is intact"

# A pattern that backtracks without end: Lua's C code asks nobody.
send "('a'):rep(40):match(('a*'):rep(40) .. 'b')\r"
after 500
send "\003"
expect {
    -re {Ctrl-C again ends the program} { report 1 "what does not answer is told of" }
    timeout { report 0 "what does not answer is told of" }
}
send "\003"
expect {
    eof { report 1 "a second Ctrl-C ends what does not answer" }
    timeout { report 0 "a second Ctrl-C ends what does not answer" }
}
lassign [wait] pid id os_error status
report [expr {$status == 130}] "with status 130"

spawn -noecho sh -c {"$PERIGEE" "$work/slow.lua" 40 > "$work/out"}
stty rows 24 columns 50 < $spawn_out(slave,name)
set widest 0
expect {
    -re {\r(training[^\r\e]*)\e} {
        set width [string length $expect_out(1,string)]
        if {$width > $widest} { set widest $width }
        exp_continue
    }
    eof {} timeout {}
}
catch {wait}
report [expr {$widest > 20 && $widest < 50}] "the bar keeps within a narrow terminal ($widest of 50)"
set file [open $env(work)/out]
report [expr {![string match {*training*} [read $file]]}] "and never goes to stdout"
puts "1..$count"
EXPECT
