# Tab: what is completed where, and that nothing of the user's runs for it.
. tests/cli/prompt.sh

mkdir "$work/files"
: > "$work/files/only-one.npz"
: > "$work/files/two words.idx"
cat > "$work/setup.lua" << 'LUA'
x = array.arange(6):reshape(2, 3)
ds = data.digits(20, { seed = 1 })
net = nn.new { input = { 1, 28, 28 }, nn.flatten {}, nn.linear { out = 10 } }
own = { unusual_field = 7, unusual_method = function() return "called" end, deeper = { innermost = 8 } }
local function scream() print("SCREAMED") error("screamed") end
trap = setmetatable({}, { __index = scream, __pairs = scream, __len = scream, __tostring = scream,
  __call = scream, __name = "perigee.array", __metatable = "hidden" })
LUA

converse NO_COLOR=1 << 'EXPECT'
# Type the beginning of a line, Tab, the rest of it; see what it prints.
proc complete {head tail pattern title} {
    send -- "$head\t"
    after 60
    send -- "$tail\r"
    see $pattern $title
}
# Type, Tab twice: see the choices; then drop the line.
proc choices {head pattern title} {
    global ctrl_c expect_out
    send -- "$head\t\t"
    see $pattern $title
    send $ctrl_c
    settle
}

start 40 100 -i $env(work)/setup.lua
complete "prin" "('glo' .. 'bal')" {\rglobal} "a global"
complete "resto" "" {function restore\(} "a helper"
complete "array.linsp" "(0, 1, 3).size" {\r3\r} "a library's function"
complete "svm.solv" "" {"libsvm"} "a library's setting"
complete "own.unusual_f" "" {\r7\r} "a field of the user's table"
complete "own.deeper.inner" "" {\r8\r} "a field of a table within"
complete "own:unusual_m" "()" {"called"} "a method of the user's table"
complete "net.moment" "" {\r0.9\r} "an option of an object"
complete "net:set { mom" "0.5 }.momentum" {\r0.5\r} "an option of an object in :set"
complete "x:resh" "(3, 2).shape" {\{ 3, 2 \}} "a method of an array"
complete "x.dty" "" {"i32"} "a field of an array"
complete "print(ds:sam" "(3))" {3 samples} "inside an expression"
complete "y = ds:sam" "(4)" {} "behind an assignment"
ask "#y" {\r4\r} "which then holds"
complete "net.paramet" "" {\r7850\r} "a field of a net"
choices "x:me" {mean.*median|median.*mean|mean} "choices are listed"
choices "for i = 1, 2 do x:cl" {clip.*clip_} "after a keyword"

# Option keys and their words.
complete "p = attack.pgd \{ max_it" "3, model = net, norm = 'l2', dmax = 1 \}" {} "an option's key"
ask "p.max_iter" {\r3\r} "which is then set"
choices "attack.pgd \{ norm = 'l2', m" {max_iter.*model|model.*max_iter} "the keys that begin so"
choices "attack.pgd \{ norm = 'l2', n" {next +nil +nn +not} "but not one that is there already"
complete "p = attack.pgd \{ model = net, dmax = 1, norm = 'lin" "' \}" {} "a word inside quotes"
ask "p.norm" {"linf"} "which is then set as well"
choices "attack.pgd \{ norm = " {"l1".*"l2".*"linf"} "words without quotes get them"
send "p = attack.pgd \{\r"
expect -re {>> } {}
complete "  model = net, max_it" "5," {>> $} "keys in a table over several lines"
ask "  norm = 'l2', dmax = 1 \}" {} "that goes on"
ask "p.max_iter" {\r5\r} "and holds what was completed"
choices "x:sum(1, \{ ke" {\x07|keep} "keys where the function has no such option"

# Files and modules.
complete "#'$env(work)/files/only" "'" "\r[string length $env(work)/files/only-one.npz]\r" "a file's name"
complete "#'$env(work)/files/two" "'" "\r[string length "$env(work)/files/two words.idx"]\r" "with a blank in it"
complete "#data.digits(3), #'$env(work)/fi" "'" "\r3, [string length $env(work)/files/]\r" "a folder ends in a slash"
complete "require 'perigee.print" "' ~= nil" {\rtrue\r} "a module for require"
complete "type(require('perigee.comp" "'))" {"table"} "that is not loaded yet"
complete "print(1) -- prin" "" {\r1\r} "nothing in a comment"

# Nothing of the user's runs.
foreach head {"trap." "trap:me" "trap.x.y" "#trap.a" "trap\{ " "trap(trap." "print(trap"} {
    send -- "$head\t\t"
    after 60
    send $ctrl_c
}
send "print('aft' .. 'er')\r"
set screamed 1
expect {
    -re {SCREAMED|screamed} {}
    -re {\rafter} { set screamed 0 }
    timeout {}
}
report [expr {!$screamed}] "no metamethod is called"
complete "pri\002\002" "\005nt('mid' .. 'dle')" {\rmiddle|nil value|global} "Tab in the midst of a word does no harm"
leave 0 "and the prompt goes on"
finish
EXPECT
