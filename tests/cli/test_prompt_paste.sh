# What is pasted into the prompt: conversations with it, such as the README's; and how one leaves it.
. tests/cli/prompt.sh

# The README's session, as it stands.
sed -n '/^Perigee [0-9.]* — ? for help/,/^```/p' README.md | sed '$d' > "$work/session"

case $PERIGEE in /*) ;; *) PERIGEE=$PWD/$PERIGEE ;; esac
export PERIGEE
converse NO_COLOR=1 << 'EXPECT'
cd $env(work)
proc paste {text} {
    global escape
    send -- "$escape\[200~$text$escape\[201~"
    send "\r"
}

start 40 100
paste [contents $env(work)/session]
set timeout 60
see {\r\n3 epochs: loss 1\.285 -> 0\.2631, accuracy 63\.8 -> 92\.2 %\r\n} "the README's session can be pasted"
see {\r\n0\.92\r\n} "its values come again"
see {did you mean pgd\?} "so do its mistakes"
see {87 correct, 0 rejected, 16 wrong before, 97 evaded} "and the attack"
see {test +dataset +200 x 784 +628 kB} "and what who() lists"
see {"attack.png"} "and the figure"
see {0 \.\.\. 0\.948|0 … 0\.948} "to its end"
set timeout 5
settle
report [file exists $env(work)/attack.png] "the figure is there"
report [expr {![string match "*unexpected*" $expect_out(buffer)]}] "no answer was taken for a statement"

paste "> 6 *\n>> 7\n42\n> 'fi' .. 'rst'"
see {> 6 \*\r\n>> 7\r\n42\r\n> 'fi' .. 'rst'\r\n"first"} "several statements are shown with their answers"
ready
paste "> while true do end\n> print('nev' .. 'er')"
after 300
send $ctrl_c
see {what was pasted after it is left out} "Ctrl-C ends all of what was pasted"
ask "print('al' .. 'ive')" {alive} "and the prompt goes on"
ready
send -- "> for i = 1, 2 do\r>>   print('pass', i)\r>> end\r"
see {pass\s+1\r\npass\s+2} "marks come off line by line as well"
ask "x = (4\r>> 1)\rx" {\r2\r} "but not from Lua that begins so"
ask "exit(3)" {global 'exit' is not set} "exit with an argument is a call"
ready
send "quit\r"
ended 0 "quit leaves"
foreach words {"exit" "exit()" "quit();" "> exit"} {
    start 24 80
    send "$words\r"
    ended 0 "$words leaves"
}
start 24 80
send "exit = 'mi' .. 'ne'\r"
ask "exit" {"mine"} "a global of that name is the user's"
leave 0 "Ctrl-D leaves still"
finish
EXPECT
