# interrupts.tcl — SIGINTs at random moments of random work at a prompt. Sourced after prompt.tcl, by the short form
# (test_interrupts.sh) and by tests/long/interrupts.sh. The environment has jobs, tests/long/jobs.lua, PERIGEE_JOBS and
# TMPDIR, which the program has for itself.
#
# A Ctrl-C must have the prompt back within a second. On a busy machine what counts is the time less that in which the
# program's threads and this driver were ready to run and had no processor (/proc/…/schedstat).

set setup $env(work)/interrupts.lua
set file [open $setup w]
puts $file "jobs, first = dofile '$env(jobs)', {}"
puts $file {for _, name in ipairs(jobs.list) do first[name] = jobs.run(name) end
function same(name)
  local bits = jobs.run(name)
  collectgarbage() -- what was interrupted has left its pipes and files to it
  return bits == first[name] and "same" or "OTHER"
end
function kinds(yes) local t = {} for _, n in ipairs(jobs.list) do
  if not yes or jobs.has_long(n) then t[#t + 1] = "{" .. n .. "}" end end return table.concat(t, " ") end}
close $file

# ---- Chance ----------------------------------------------------------------------------------------

proc chance {} { return [expr {rand()}] }
proc below {n} { return [expr {int(rand() * $n)}] }
proc one_of {list} { return [lindex $list [below [llength $list]]] }

# ---- The program, seen from outside ----------------------------------------------------------------

proc now {} { return [clock milliseconds] }

# Milliseconds for which threads of the program, or this one, were ready and did not run; 0 where nobody tells.
proc waited_for_processor {} {
    global program
    set all 0
    foreach task [list /proc/self {*}[glob -nocomplain /proc/$program/task/*]] {
        catch { incr all [expr {[lindex [contents $task/schedstat] 1] / 1000000}] }
    }
    return $all
}

# Descriptors, child processes, files in the temporary folder and in that of the jobs.
proc surroundings {} {
    global program env
    set children [split [string trim [contents /proc/$program/task/$program/children]]]
    set files [lsort [glob -nocomplain -tails -directory $env(TMPDIR) *]]
    lappend files {*}[lsort [glob -nocomplain -tails -directory $env(PERIGEE_JOBS) *]]
    return [list descriptors [llength [glob -tails -directory /proc/$program/fd *]] children [llength $children] \
        files $files]
}

# ---- The prompt ------------------------------------------------------------------------------------

# What the program says once all that was sent has been answered: between two marks of the driver's own.
set marks 0
proc answer {line} {
    global marks expect_out
    incr marks
    send -- "print('<' .. '$marks', $line, '$marks' .. '>')\r"
    expect {
        -re "<$marks\\s+(\[^\r\n\]*?)\\s+$marks>" { set said $expect_out(1,string) }
        timeout { set said "no answer" }
        eof { set said "it ended" }
    }
    expect -re {> $} {} timeout {} eof {}
    return $said
}

proc start_session {} {
    global env setup program kinds long before terminal spawn_id
    set ::timeout 120
    spawn -noecho $env(PERIGEE) --quiet -i $setup
    set terminal $spawn_out(slave,name)
    stty rows 24 columns 100 < $terminal
    set program [exp_pid]
    expect -re {> $} {} timeout {} eof {}
    set kinds [answer {kinds()}]
    set long [answer {kinds(true)}]
    set before [surroundings]
}

# ---- Interrupts ------------------------------------------------------------------------------------

# What can be going on: a line to be sent and the job that it is about. Keys that are typed and not sent are a line that
# Ctrl-C drops.
proc draw_work {} {
    global kinds long
    set job [one_of $kinds]
    switch [below 10] {
        0 { return [list {} {} $job] }
        1 { return [list [one_of {"jobs." "x = array.ran\t" "attack.\t\t" "nn.conv\t" "for i = 1, 3 do"}] {} $job] }
        2 { return [list [one_of {"?attack.pgd" "??kernel" "help()" "who()" "info(first)" "for i = 1, 1e4 do print(i) end"}] \r $job] }
        3 - 4 - 5 { set job [one_of $long]; return [list "kept = jobs.long '$job'" \r $job] }
        default { return [list "jobs.endless '$job'" \r $job] }
    }
}

# What the program has said until now is of no interest.
proc drain {} {
    global timeout
    set before $timeout
    set timeout 0
    expect -re .+ { exp_continue } timeout {} eof {}
    set timeout $before
}

# One interrupt, by the key or by kill: what was wrong, or nothing. Its delay goes to the lists walls and calms.
proc interrupt_once {} {
    global walls calms program ctrl_c
    lassign [draw_work] keys end job
    send -- "$keys$end"
    set key [below 4]
    if {$key && $end ne ""} { # the key is a character of the line until readline has taken it, and says so
        expect -re {\[\?2004l} {} timeout {} eof {}
        after 10
    }
    after [below [one_of {20 200 800}]]
    drain
    set waited [waited_for_processor]
    set begun [now]
    if {$key} { send $ctrl_c } else { exec sh -c "kill -INT $program" }
    set said [answer "'back'"]
    set wall [expr {[now] - $begun}]
    set calm [expr {max(0, $wall - [waited_for_processor] + $waited)}]
    lappend walls $wall
    lappend calms $calm
    if {$said ne "back"} { return "'$keys': $said" }
    if {$calm > 1000} { return "'$keys': back after $wall ms, $calm of them its own" }
    set said [answer "same '$job'"]
    if {$said ne "same"} { return "'$keys': then $job: $said" }
    return [changed $keys]
}

# What is more than before, or nothing.
proc changed {keys} {
    global before
    set after [surroundings]
    foreach what {descriptors children} {
        if {[dict get $after $what] > [dict get $before $what]} {
            return "'$keys': [dict get $after $what] $what, not [dict get $before $what]"
        }
    }
    foreach file [dict get $after files] {
        if {$file ni [dict get $before files]} { return "'$keys': left the file $file" }
    }
}

# Of a list of numbers the share-th part's last.
proc quantile {list share} {
    return [lindex [lsort -integer $list] [expr {int(ceil($share * [llength $list])) - 1}]]
}

# So many interrupts, or until the time (seconds since 1970, or 0); what was found goes to faults. A session that does
# not answer is given up for a new one.
proc interrupts {count end} {
    global walls calms faults program spawn_id
    start_session
    for {set done 0} {$done < $count && (!$end || [clock seconds] < $end)} {incr done} {
        set fault [interrupt_once]
        if {$fault eq ""} { continue }
        lappend faults $fault
        if {[string match "*it ended" $fault] || [string match "*no answer" $fault]} {
            catch { exec sh -c "kill -KILL $program" }
            catch { close }
            catch { wait }
            start_session
        }
    }
    set ::timeout 300
    set said [answer {(function() for _, n in ipairs(jobs.list) do if same(n) ~= "same" then return n end end end)()}]
    if {$said ne "nil"} { lappend faults "at the end: $said" }
    send "\004"
    expect eof {} timeout { catch { exec sh -c "kill -KILL $program" } }
    wait
    return $done
}

# ---- What ends the program -------------------------------------------------------------------------

set ends $env(work)/ends.lua
set file [open $ends w]
puts $file {function train(path)
  local net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten {}, nn.linear { out = 20 }, nn.relu {},
    nn.linear { out = 10 } }
  nn.train(net, data.digits(300, { seed = 1 }), { epochs = 60, batch = 20, lr = 0.02, shift = 1, seed = 1,
    checkpoint = path })
  print("bits", require("perigee.native").checksum(net))
end}
close $file

proc trained {path} {
    global env ends
    return [exec $env(PERIGEE) --quiet --threads 1 -e "dofile '$ends' train '$path'" 2> /dev/null]
}

# What the history file holds, without the times.
proc remembered {path} {
    set lines {}
    foreach text [split [string trim [contents $path]] \n] {
        if {![string match "#*" $text]} { lappend lines $text }
    }
    return $lines
}

# So many ends by SIGTERM, SIGHUP or the terminal's going away, in the midst of a training: the history has each line
# that was typed, and the checkpoint goes on to the bits of the unbroken run. Answers with how many.
proc endings {count end} {
    global env ends faults program spawn_id
    set ::timeout 60
    set whole [trained $env(TMPDIR)/whole]
    if {![file exists $env(TMPDIR)/whole]} { lappend faults "a training keeps no checkpoint" }
    file delete $env(TMPDIR)/whole
    set checkpoint $env(TMPDIR)/checkpoint
    set history $env(TMPDIR)/history
    set kept $env(PERIGEE_HISTORY)
    set env(PERIGEE_HISTORY) $history
    for {set done 0} {$done < $count && (!$end || [clock seconds] < $end)} {incr done} {
        set way [lindex {TERM HUP close} [expr {$done % 3}]]
        file delete $checkpoint $history
        spawn -noecho $env(PERIGEE) --quiet --threads 1 -i $ends
        set program [exp_pid]
        ready
        set lines [list "a = $done" "b = 'x'" "train '$checkpoint'"]
        foreach text [lrange $lines 0 1] {
            send "$text\r"
            ready
        }
        send "[lindex $lines 2]\r"
        for {set tries 0} {$tries < 200 && [llength [remembered $history]] < 3} {incr tries} { after 10 }
        after [below 1000]
        if {$way eq "close"} { close } else {
            exec sh -c "kill -$way $program"
            expect eof {} timeout { lappend faults "SIG$way does not end it"; exec sh -c "kill -KILL $program" }
        }
        lassign [wait] pid id os_error status how name
        if {$name ne [expr {$way eq "TERM" ? "SIGTERM" : "SIGHUP"}]} { lappend faults "$way: ended by '$how $name $status'" }
        if {[remembered $history] ne $lines} { lappend faults "$way: the history has [remembered $history]" }
        set bits [trained $checkpoint]
        if {$bits ne $whole} { lappend faults "$way: gone on with: $bits, not $whole" }
    }
    set env(PERIGEE_HISTORY) $kept
    return $done
}
