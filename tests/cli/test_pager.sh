# Long answers of the help go through a pager on a terminal.
. tests/cli/prompt.sh

printf '#!/bin/sh\ncat > "%s/got"\necho "pa""ged $*"\n' "$work" > "$work/pager"
printf '#!/bin/sh\ntrap "" INT\ncat > /dev/null\necho "wai""ting"\nread key < /dev/tty\n' > "$work/waits"
chmod +x "$work/pager" "$work/waits"

converse NO_COLOR=1 PAGER="$work/pager with words" LESS= << 'EXPECT'
unset env(PERIGEE_PAGER)
start 24 80
ask "?attack.pgd" {paged with words} "what exceeds the screen is paged, by a command with words"
report [string match "*Projected gradient descent*See also*" [contents $env(work)/got]] "all of it"
report [expr {![string match "*Projected*" $expect_out(buffer)]}] "and is not printed as well"
ready
ask "??reject" {paged} "so are long lists, whole"
report [expr {[llength [split [contents $env(work)/got] "\n"]] > 40}] "(more than a screen)"
ready
send "??DataLoader\r"
see {dataset:batches} "what fits is not"
ready
ask "help 'attack.pgd'" {paged} "help() pages too"
ready
send "for i = 1, 50 do _G\['v' .. i\] = i end\r"
ready
ask "who()" {paged} "and who() does"
report [string match "*v9 *" [contents $env(work)/got]] "whole"
ready
send "array.arange(100000):reshape(1000, 100)\r"
settle
report [expr {![string match "*paged*" $expect_out(buffer)]}] "values are cut, not paged"
send "perigee.pager = '$env(work)/waits'\r"
ready
send "?attack.pgd\r"
see {waiting} "perigee.pager names another one"
send $ctrl_c
after 700
send "\r"
ask "print('sa' .. 'ne')" {sane} "Ctrl-C is the pager's; the prompt goes on"
report [expr {![string match "*interrupted*" $expect_out(buffer)] && ![string match "*still at work*" $expect_out(buffer)]}] \
    "and knows nothing of it"
send "perigee.pager = 'no-such-pager --here'\r"
ready
ask "?attack.pgd" {See also  } "without the pager it is printed"
send "perigee.pager = false\r"
ready
ask "?attack.pgd" {See also  } "false turns it off"
ask "perigee.pager" {false} "and can be read"
ask "perigee.pager = 3" {perigee: pager: expected a command or false, got 3} "a number is none"
send "perigee.pager = nil\r"
ask "perigee.pager" {"[^"]*pager with words"} "nil brings the first one back"
leave 0 "Ctrl-D leaves"

set env(PERIGEE_PAGER) ""
start 24 80
ask "?attack.pgd" {See also  } "an empty PERIGEE_PAGER turns it off"
leave 0 "Ctrl-D leaves"
unset env(PERIGEE_PAGER)
set env(TERM) dumb
start 24 80
ask "?attack.pgd" {See also  } "a dumb terminal is not paged"
leave 0 "Ctrl-D leaves"
set env(TERM) xterm

# less itself, where it is installed.
unset env(PAGER)
unset env(LESS)
start 24 80
send "?attack.pgd\r"
if {[catch {exec which less}]} {
    see {See also  } "without less it is printed"
} else {
    see {\r\n:|\(END\)|\x1b\[K} "less shows a screen"
    send "q"
    ask "print('sa' .. 'ne')" {sane} "and leaves a sane prompt"
}
leave 0 "Ctrl-D leaves"
finish
EXPECT

# Off a terminal nothing is paged.
PAGER="$work/pager" "$PERIGEE" -e 'help "attack.pgd"' > "$work/out"
echo 1..1
[ "$(head -c 10 "$work/out")" = attack.pgd ] || printf 'not '
echo "ok 1 help through a pipe is printed"
