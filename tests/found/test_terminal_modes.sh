# The terminal's modes at the prompt, which are readline's: the shell has its own back where the program was stopped
# or ended by a signal, the program has its own again once it goes on, and it knows of another size at once.
. tests/cli/prompt.sh

converse NO_COLOR=1 PS1='SHELL$ ' ENV= << 'EXPECT'
set timeout 10
# "raw" while keys are read one by one and unechoed, else "plain".
proc modes {} {
    global terminal
    set all [exec stty -a < $terminal]
    return [expr {[string match "*-icanon*" $all] && [string match "* -echo *" $all] ? "raw"
        : [string match "*-icanon*" $all] || [string match "* -echo *" $all] ? "mixed" : "plain"}]
}
# They must come to that.
proc come_to {wanted title} {
    for {set tries 0} {[modes] ne $wanted && $tries < 200} {incr tries} { after 50 }
    report [expr {[modes] eq $wanted}] "$title ([modes])"
}
proc child_of {parent} { return [lindex [exec cat /proc/$parent/task/$parent/children] 0] }

spawn -noecho sh -i
set terminal $spawn_out(slave,name)
stty rows 24 columns 100 < $terminal
expect -re {SHELL\$ $} {} timeout {}
if {![file exists /proc/self/task]} { puts "1..0 # SKIP no /proc here"; exit }
set shell_modes [modes]
send "$env(PERIGEE) --quiet\r"
ready
come_to raw "keys are read one by one at the prompt"
send "40 "
after 200
send "\032"
see {SHELL\$ $} "Ctrl-Z at the prompt stops the program"
come_to plain "and the shell has the terminal as it was"
send "stty sane; fg\r"
see {> 40 $} "gone on with, it shows the line again"
come_to raw "and reads keys as before"
send "+ 2\r"
see {\r42\s} "what is typed goes on with the line"
ready
send "print('beg' .. 'un') for i = 1, 1e12 do if i % 1e6 == 0 then last = i end end\r"
see {\rbegun} "a loop"
send "\032"
see {SHELL\$ $} "Ctrl-Z in the midst of work"
come_to plain "leaves the terminal as it is for work"
send "fg\r"
after 300
send $ctrl_c
see {interrupted} "gone on with, Ctrl-C stops the loop"
ask "print('al' .. 'ive', last > 0)" {\ralive\s+true} "and the session is there"

# Ctrl-S stops the terminal while there is work; at the prompt, where Ctrl-C is a key as well, only Ctrl-Q would
# let it go on.
ready
send "\023"
see {i-search} "Ctrl-S at the prompt does not stop the terminal, but searches"
send $ctrl_c
ready
send "for i = 1, 1e12 do if i % 1e7 == 0 then print(i) end end\r"
see {\r10000000\s} "a loop that prints"
send "\023"
after 300
send $ctrl_c
see {interrupted} "Ctrl-C ends what Ctrl-S has stopped"

ready
set program [child_of [exp_pid]]
foreach {name status} {TERM 143 HUP 129} {
    come_to raw "at the prompt"
    exec sh -c "kill -$name $program"
    see {SHELL\$ $} "SIG$name ends it"
    come_to plain "which leaves the shell its terminal"
    ask "echo status $?" "\nstatus $status" "by that signal"
    expect -re {SHELL\$ $} {} timeout {}
    send "$env(PERIGEE) --quiet\r"
    ready
    set program [child_of [exp_pid]]
}

# A line that is wider than the terminal has become, its end and its beginning: only in the new width a row up.
proc resize {columns} {
    global terminal
    stty rows 24 columns $columns < $terminal
}
proc travel {title} {
    send "#'[string repeat x 61]'\005\001"
    see {x'.*(\033\[2A|\033\[A\033\[A)} $title
    send "\005\r"
    see {\r61\s} "which is answered"
    ready
}
resize 30
after 200
travel "another size at the prompt"
resize 100
send "print('beg' .. 'un') for i = 1, 1e7 do last = i end\r"
see {\rbegun} "work"
resize 30
ready
travel "another size during work"
send "\004"
see {SHELL\$ $} "Ctrl-D leaves"
come_to plain "and the terminal is the shell's"
finish
EXPECT
