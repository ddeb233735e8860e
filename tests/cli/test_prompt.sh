# The prompt on a terminal: editing, continuing, pasting, printing, history, the init file.
. tests/cli/prompt.sh

mkdir -p "$work/home/.config/perigee"
echo 'from_init = "init" .. "ialised"' > "$work/home/.config/perigee/init.lua"

converse NO_COLOR=1 PERIGEE_HISTORY="$work/deep/er/history" << 'EXPECT'
start 24 80
ask "print(from_init)" {initialised} "the init file has run"

# Editing: keys as in any readline program.
ready
ask "print('le' .. 'ft + 1'\033\[D\002\002\002\002\0052);\010\010\010)" {left} "Home, End, arrows and rubout are obeyed"
ready
send "garbage here"
send "\025"
ask "print('kil' .. 'led')" {killed} "Ctrl-U kills the line"
ready
ask "pront\001\033\[C\033\[C\004i\005('ed' .. 'ited')" {edited} "a letter in the midst is replaced"

# Values.
ask "20 + 1" {\r21\r} "an expression prints its value"
ask "ans * 2" {\r42\r} "ans keeps it"
ask "ans" {\r42\r} "and is renewed"
send "'mu' .. 'ted';\r"
settle
report [expr {![string match {*"muted"*} $expect_out(buffer)]}] "a ; at the end mutes"
ask "ans" {"muted"} "but ans keeps it"
ask "pcall(error, 'b' .. 'ad')" {false, "bad"} "several values on a line"
ask "nil, 1" {nil, 1} "nil among them"
ask "array.arange(3)" {Array<i32>\[3\]\r\n\[0  1  2\]} "an array prints as itself"
ask "local q = 1" {local q ended with this line} "a local that is gone is pointed out"
ask "local function f() end local a, b = 1" {local f, a, b ended} "several too"
send "do local inner = 1 end print('qui' .. 'et')\r"
expect -re {quiet\r\n(.*)> } {}
report [expr {![string match {*ended*} $expect_out(1,string)]}] "one inside a block is not"
ask "local t = perigee.clock() while perigee.clock() - t < 0.6 do end" {\(0\.6[0-9]* s\)} "time over half a second is shown"

# Continuation: only where Lua says that more is to come.
send "for i = 1, 2 do\r"
see {>> $} "an unfinished statement goes on"
send "print('round', i)\r"
expect -re {>> } {}
ask "end" {round\s+1\r\nround\s+2} "and runs when it is whole"
ask "1 +" {>> $} "an unfinished expression goes on as well"
ask "41" {\r42\r} "and is printed"
ask "x = = 1" {unexpected symbol near '='} "a mistake does not wait for more"
ask "\[\[two" {>> $} "a long string goes on"
ask "lines\]\]" {"two\\nlines"} "to its end"
send "if true then\r"
expect -re {>> } {}
send $ctrl_c
ask "print('dropp' .. 'ed')" {\rdropped} "Ctrl-C drops an unfinished statement"

# Ten lines pasted at once, blank ones and tabs among them.
set paste "function pasted(n)\n\tlocal sum = 0\n\n\tfor i = 1, n do\n\t\tif i % 2 == 0 then\n\t\t\tsum = sum + i\n\t\tend\n\tend\n\treturn sum\nend"
ready
send "$escape\[200~$paste$escape\[201~"
send "\r"
ask "'sum ' .. pasted(10)" {"sum 30"} "a ten-line function is pasted"
# The same from a terminal that does not say where a paste begins.
foreach line {"function typed(n)" "  local sum = 0" "" "  for i = 1, n do" "    if i % 2 == 0 then" "      sum = sum + i" "    end" "  end" "  return sum" "end"} { send "$line\r" }
ask "'sum ' .. typed(10)" {"sum 30"} "and line by line"

# History within the session.
ask "print('fir' .. 'st entry')" {first entry} "a line"
ready
send "\033\[A\r"
see {first entry} "the arrow up brings it back"
ready
send "\022pasted(10\r"
see {"sum 30"} "reverse search finds an earlier one"
send "function once()\r  return 'whole ' .. 'entry'\rend\r"
ask "once()" {"whole entry"} "a statement of three lines"
leave 0 "Ctrl-D leaves"

# The second session.
start 24 80
send "\033\[A\033\[A\r"
ask "once()" {"whole entry"} "its three lines came back as one entry"
ask "print('fir' .. 'st entry')" {first entry} "a line once more"
ask "print('fir' .. 'st entry')" {first entry} "and again"
leave 0 "Ctrl-D leaves again"
set history [contents $env(PERIGEE_HISTORY)]
report [string match "*function once()\n  return 'whole ' .. 'entry'\nend\n*" $history] "lines of an entry stand together in the file"
report [expr {[regexp -all {first entry} $history] <= 3 && ![regexp {st entry'\)\n(#[0-9]+\n)?print} $history]}] \
    "no duplicates in a row"
report [expr {[file attributes $env(PERIGEE_HISTORY) -permissions] == "00600"}] "the history is its owner's alone"

start 24 80 --no-init
ask "print(rawget(_G, 'from_init') == nil and 'un' .. 'touched')" {untouched} "--no-init leaves the init file out"
ask "os.exit(3)" {} "os.exit"
ended 3 "os.exit gives the status"

# Where the history goes by default; an empty PERIGEE_HISTORY keeps none.
unset env(PERIGEE_HISTORY)
start 24 80
ask "print('kept ' .. 'where')" {kept where} "a line"
leave 0 "a session with a default history"
report [string match "*kept*" [contents $env(HOME)/.local/state/perigee/history]] "it is kept in the user's state folder"
set env(XDG_STATE_HOME) $env(work)/state
set env(PERIGEE_HISTORY) ""
start 24 80
ask "print('not ' .. 'kept')" {not kept} "a line"
leave 0 "a session with an empty PERIGEE_HISTORY"
report [expr {![file exists $env(work)/state]}] "keeps none"
finish
EXPECT

