# prompt.tcl — what the conversations with a prompt share. Sourced by expect; the shell sets the
# environment first (see prompt.sh). Each check prints one line of TAP; `finish` prints the plan.
set timeout 5
log_user 0
match_max -d 200000
set count 0
set ctrl_c "\003"
set escape "\033"

# The conversation so far is shown where a check fails.
proc report {ok title} {
    global count expect_out
    incr count
    if {$ok} { puts "ok $count $title"; return }
    puts "not ok $count $title"
    catch { puts "#   [string map {\n "\n#   " \033 <ESC>} $expect_out(buffer)]" }
}

# Wait for a pattern in what the program says.
proc see {pattern title} {
    global expect_out
    expect {
        -re $pattern { report 1 $title }
        timeout { report 0 $title }
        eof { report 0 "$title (it ended)" }
    }
}

# Send a line; wait for what it prints. Patterns must not be in the line itself, which is echoed; what
# is printed begins after a carriage return.
proc ask {line pattern title} {
    send -- "$line\r"
    see $pattern $title
}

# Wait for the prompt: keys such as Ctrl-D and Ctrl-U would be the terminal's own before.
proc ready {} {
    expect -re {> $} {} timeout {}
}

# Wait until the program has done all that it was told.
proc settle {} {
    global settled expect_out
    incr settled
    send -- "print('set' .. 'tled', $settled)\r"
    expect -re "settled\\s+$settled" {} timeout {} eof {}
    expect -re {> } {} timeout {} eof {}
}
set settled 0

# A prompt in a terminal of that size; more arguments are the program's.
proc start {rows columns args} {
    global env spawn_id spawn_out expect_out
    spawn -noecho $env(PERIGEE) --quiet {*}$args
    stty rows $rows columns $columns < $spawn_out(slave,name)
    expect -re {> } {} timeout {}
}

# Ctrl-D on an empty line, once the prompt is there: typed ahead it would be the terminal's own. The
# status must be the one expected.
proc leave {expected title} {
    ready
    send "\004"
    ended $expected $title
}

# A program that does not end is killed: its status then shows the failure.
proc ended {expected title} {
    expect { eof {} timeout { exec sh -c "kill -KILL [exp_pid]" } }
    lassign [wait] pid id os_error status
    report [expr {$status == $expected}] "$title (status $status)"
}

# What a file holds.
proc contents {name} {
    set file [open $name]
    set text [read $file]
    close $file
    return $text
}

proc finish {} {
    global count
    puts "1..$count"
}
