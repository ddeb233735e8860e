# The prompt on terminals of all kinds and on none: widths, colours, pictures, dumb ones, pipes.
. tests/cli/prompt.sh

cat > "$work/setup.lua" << 'LUA'
ds = data.digits(30, { seed = 1 })
net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten {}, nn.linear { out = 10 } }
nn.train(net, ds, { epochs = 1, seed = 1 })
r = attack.pgd { model = net, norm = "l2", dmax = 1, max_iter = 3, seed = 1 }:run(ds:slice(1, 4))
x0, x_adv = r.x0[1]:reshape(28, 28), r.x_adv[1]:reshape(28, 28)
LUA

# 40 columns: nothing that is printed is wider, nor longer than the screen.
converse NO_COLOR=1 PERIGEE_PAGER= << 'EXPECT'
proc widest {line title {most 20}} {
    global expect_out
    send -- "$line\r"
    expect -re {2004l\r(.*)\u001b\[\?2004h> } {} timeout {}
    set widest 0
    set lines [split [string map {\r ""} [string trimright $expect_out(1,string)]] \n]
    foreach text $lines {
        if {[string length $text] > $widest} { set widest [string length $text] }
    }
    report [expr {$widest > 0 && $widest <= 40 && [llength $lines] <= $most}] "$title ($widest wide, [llength $lines] lines)"
}
start 20 40 -i $env(work)/setup.lua
widest "ds" "a dataset in 40 columns"
widest "net" "a net"
widest "r" "a result"
widest "r\[1\]" "a part of it"
widest "ds.x" "an array"
widest "print(ds.x)" "printed as well"
widest "\{ net, ds, r, ds.x, text = ('words '):rep(50) \}" "all in a table"
widest "?attack.pgd" "help" 260
widest "who()" "the variables"
widest "show(ds)" "pictures" 200
widest "show \{ x0, x_adv, x_adv - x0, captions = \{ 'before', 'after', 'difference' \} \}" "a difference" 200
send "#('a line that is a good deal longer than this terminal is ' .. 'wide')\r"
see "\r[string length {a line that is a good deal longer than this terminal is wide}]\r" "a line that wraps is one line"
ready
stty rows 30 columns 120 < $spawn_out(slave,name)
send "\r"
ready
ask "perigee.terminal().columns" {120} "a new size is noticed"
leave 0 "Ctrl-D leaves"

# Colours: on a terminal alone, and not where NO_COLOR or the terminal says no.
proc coloured {title expected} {
    global expect_out
    send "12 * 2\r"
    expect -re {\r([^\r]*24[^\r]*)\r} {} timeout {}
    report [expr {[string match "*\033\\\[36m*" $expect_out(1,string)] == $expected}] $title
}
start 24 80
coloured "NO_COLOR: none" 0
leave 0 "left"
unset env(NO_COLOR)
start 24 80
coloured "colours on a terminal" 1
leave 0 "left"

# Pictures: by what the terminal says of itself.
proc picture {title pattern} {
    global expect_out
    send "show(ds.x\[1\])\r"
    see $pattern $title
    expect -re {> $} {} timeout {}
}
set env(TERM) xterm-256color
start 40 100 -i $env(work)/setup.lua
picture "256 colours" {38;5;[0-9]+.*▀}
leave 0 "left"
set env(COLORTERM) truecolor
start 40 100 -i $env(work)/setup.lua
picture "24-bit colours" {38;2;[0-9]+;[0-9]+;[0-9]+.*▀}
leave 0 "left"
# A terminal that answers: sixel is among its attributes.
start 40 100 -i $env(work)/setup.lua
send "show(ds.x\[1\])\r"
expect {
    -re {\u001b\[c} { send "\033\[?62;4;22c"; report 1 "the terminal is asked" }
    timeout { report 0 "the terminal is asked" }
}
see {\u001bP[0-9;]*q.*\u001b\\} "sixel where it says so"
expect -re {> $} {} timeout {}
send "show(ds.x\[2\])\r"
see {\u001bP[0-9;]*q.*\u001b\\} "and is asked once only"
ask "print('typ' .. 'ed')" {typed} "its answer does not come in as keys"
leave 0 "left"
start 40 100 -i $env(work)/setup.lua
send "show(ds.x\[1\])\r"
expect -re {\u001b\[c} { send "\033\[?62;22c" } timeout {}
see {38;2;} "half blocks where it says that it cannot"
leave 0 "left"
set env(PERIGEE_PICTURE) plain
start 40 100 -i $env(work)/setup.lua
picture "PERIGEE_PICTURE has the last word" {[@#%*]{3}}
leave 0 "left"
unset env(PERIGEE_PICTURE) env(COLORTERM)

# A dumb terminal gets no escapes at all.
set env(TERM) dumb
start 24 80 -i $env(work)/setup.lua
send "20 + 22\r"
see {42} "a dumb terminal"
send "show(ds.x\[1\])\r"
expect -re {\n> } {} timeout {}
report [expr {![string match "*\033*" $expect_out(buffer)]}] "gets no escapes"
send "print('typo\177\177\177\177wor' .. 'ks')\r"
see {\nworks} "rubout is obeyed there too"
leave 0 "left"
finish
EXPECT
