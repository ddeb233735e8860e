# Pictures at a prompt on a real terminal: without a display they are drawn in it.
if ! expect -c 'spawn -noecho true' > /dev/null 2>&1; then
    echo "1..1"
    echo "ok 1 # SKIP no expect here, or no pseudo-terminals"
    exit 0
fi
if ! command -v gnuplot > /dev/null; then
    echo "1..1"
    echo "ok 1 # SKIP no gnuplot"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/perigee-cli.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
program=$(cd "$(dirname "$PERIGEE")" && pwd)/perigee
export program
cd "$work" || exit 1
unset DISPLAY WAYLAND_DISPLAY
TERM=dumb LC_ALL=C.UTF-8 PERIGEE_HISTORY=/dev/null PERIGEE_PICTURE=plain XDG_CONFIG_HOME="$work" \
    XDG_STATE_HOME="$work" expect -f - << 'EXPECT'
match_max -d 2000000
set timeout 10
log_user 0
set count 0
proc ask {line pattern title} {
    global count expect_out
    incr count
    send -- "$line\r"
    expect {
        -re $pattern { puts "ok $count $title" }
        timeout { puts "not ok $count $title" }
        eof { puts "not ok $count $title (it ended)" }
    }
}
spawn -noecho $env(program)
expect "> "
ask {plot.loss({ 3, 2, 1 })} {\+-----+.*epoch} "a curve is drawn in letters"
ask {plot.images(data.digits(2, { seed = 1 }))} {@@} "an image is drawn in ink"
ask {f = plot.figure(); f:line({ 1, 2, 4 }, { label = "it" }); f:show()} {it \*+} "a figure of one's own"
ask {print(#"done", io.open("loss.png"))} {4\s+nil} "and no file is written"
ask {plot.loss({ 3, 2, 1 }, { file = "x.png" })} {x\.png} "a path that was asked for is told"
# Ctrl-C while a curve is drawn: the training keeps what it has, and nobody listens any more.
send "d = data.digits(2000, { seed = 1 }); net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten {}, nn.linear { out = 200 }, nn.linear { out = 10 } }\r"
expect "> "
send "h = plot.live(function() return nn.train(net, d, { epochs = 100000, lr = 0.001, seed = 1 }) end)\r"
expect -re {\+-----+.*epoch}
send "\003"
expect -re {interrupted|stopped}
ask {print(h.interrupted, require("perigee.native").gnuplot.listen(nil))} {true\s} "Ctrl-C during plot.live"
send "\004"
expect eof
puts "1..$count"
EXPECT
