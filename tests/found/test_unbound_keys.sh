# A search that a sequence of keys without a meaning ended (Ctrl-R Ctrl-X z) was a segmentation fault in readline 8.2.
. tests/cli/prompt.sh

converse NO_COLOR=1 << 'EXPECT'
start 24 100
foreach {keys words} {
    "\022\030z" "Ctrl-X z ends a search"
    "\022\033]0;x\007" "a terminal's title ends a search"
    "\022\033\[5;5;5z" "a key of another terminal ends a search"
    "\030z" "Ctrl-X z"
    "\033]" "Alt-]"
    "\0335\030z" "a number and Ctrl-X z"
} {
    send -- $keys
    after 200
    send -- "\025print('al' .. 'ive')\r"
    see {\ralive\s} "$words: it lives"
    ready
}
# Sequences that have one keep it.
send -- "\033\[A\r"
see {\ralive\s} "an arrow goes back in the history"
leave 0 "Ctrl-D leaves"

# In vi's way Escape alone ends the typing, whatever follows.
set inputrc [open $env(work)/inputrc w]
puts $inputrc "set editing-mode vi"
close $inputrc
set env(INPUTRC) $env(work)/inputrc
start 24 100
send -- "12\033"
after 700
send -- "x\r"
see {\r1\s} "vi: Escape, and a letter deletes"
leave 0 "Ctrl-D leaves"
finish
EXPECT
