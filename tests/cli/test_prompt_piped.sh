# The prompt without a terminal (-i on a pipe), and what it says of mistakes.
. tests/cli/tap.sh

export PERIGEE_HISTORY="$work/history" XDG_CONFIG_HOME="$work/config"

# Lines on standard input to a quiet prompt.
type_lines() { # lines options…
    printf '%s\n' "$1" > "$work/lines"
    shift
    "$perigee" -q -i "$@" < "$work/lines" > "$work/out" 2> "$work/err"
    status=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}

type_lines "$(cat << 'LUA'
1 + 1
x = array.arange(3)
x
for i = 1, 2 do
  print("round", i)
end
x:sum(), "two"
show(x:reshape(1, 3))
LUA
)"
check_equal "values and prints, and nothing else" "$out" "2
Array<i32>[3]
[0  1  2]
round	1
round	2
3, \"two\"
$(printf ' +@')"
check_equal "nothing on stderr" "$err" ""
check_equal "the end of the input leaves with 0" "$status" 0
check "no escapes" differs "$out" "*$(printf '\033')*"
check "and no history" [ ! -e "$work/history" ]

mkdir -p "$work/config/perigee"
printf 'error("in the init file")\n' > "$work/config/perigee/init.lua"
type_lines 'print("still here")'
check_equal "an init file that fails is told of" "$out" "still here"
check_match "with its place" "$err" "perigee: *init.lua:1: in the init file*"
type_lines 'print("still here")' --no-init
check_equal "--no-init leaves it out" "$out$err" "still here"
rm "$work/config/perigee/init.lua"

# The guided tour, line by line.
type_lines "$(cat examples/tour.lua)"
check_equal "the tour can be pasted line by line" "$err" ""
check_match "and tells what it tells" "$out" "*Array<f32>*right of 100:*evaded*dnr on relu1*perigee [0-9]*"

# Mistakes: what was nil, what was meant, whose line it was.
type_lines "$(printf '%s\n' 'local t = {} t.inner.deep = 1' 'missing()' 'array.zeross(3)' \
    'array.zeros(3):reshap(1)' 'attack.pgd { max_itr = 3 }' 'own = {} own.f()' 'own:g()' 'data.digits("many")' \
    'pritn(1)')"
check_match "an index of nil names the field" "$err" "*attempt to index a nil value (field 'inner')*"
check_match "a call of a global that is not set names it" "$err" "*global 'missing' is not set*"
check_match "a misspelt function has a suggestion" "$err" "*array has no 'zeross'; did you mean zeros?*"
check_match "so has a misspelt method" "$err" "*has no 'reshap'; did you mean reshape?*"
check_match "and a misspelt option" "$err" "*attack.pgd: unknown option 'max_itr'; did you mean 'max_iter'?*"
check_match "a call of a nil field names it" "$err" "*attempt to call a nil value (field 'f')*"
check_match "and of a nil method" "$err" "*attempt to call a nil value (method 'g')*"
check_match "a wrong argument names function and argument" "$err" "*data.digits: n: expected *, got the string*"
check_match "a misspelt global has a suggestion" "$err" "*did you mean print?*"
check_equal "each is one line" "$(echo "$err" | wc -l | tr -d ' ')" 9
check "without the program's own files" differs "$err" "*perigee/*.lua*"

cat > "$work/mine.lua" << 'LUA'
function outer()
  local counted = evaluate.security { models = {} }
  return counted
end
LUA
type_lines 'print(outer())' "$work/mine.lua"
check_match "a mistake in a call of the program's Lua is at the user's line" "$err" "perigee: *mine.lua:2: *"
check_match "the traceback leads there" "$err" "*stack traceback:*mine.lua:2:*prompt:1:*"
check "without own frames" differs "$err" "*evaluate.lua*"
type_lines 'evaluate.security { models = {} }'
check_match "called as an expression it names no file" "$err" "perigee: evaluate.security: *"
type_lines 'print(outer())' --debug "$work/mine.lua"
check_match "--debug shows them" "$err" "*evaluate.lua*"
type_lines 'print(pcall(evaluate.security, { models = {} }))'
check "a caught message names none of the program's files" differs "$out" "*evaluate.lua*"
type_lines 'print(pcall(plot.loss, 3)) print(pcall(show, nil)) print(pcall(save)) print(pcall(metrics.accuracy))'
check "nor do others" differs "$out" "*perigee/*"

finish
