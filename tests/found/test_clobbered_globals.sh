# Whoever called a variable `require`, `type` or `table` broke the prompt, the help or what prints.
. tests/cli/tap.sh

# What stays of a session after each name of Lua's and of ours has been given to something else.
cat > "$work/lines" << 'LUA'
x = data.digits(3, { seed = 1, classes = { 0, 1 } })
for name in next, _G do if name ~= "_G" and name ~= "x" then own_names = own_names or {} own_names[#own_names + 1] = name end end
for _, name in ipairs(own_names) do if name ~= "own_names" then _G[name] = 1 end end
x
{ 1, { 2 } }
1 + 1
"text"
?dataset
??random seed
x:foo()
prnt
ans
LUA
"$perigee" -q -i < "$work/lines" > "$work/out" 2>&1
status=$?
out=$(cat "$work/out") err=
check_equal "the prompt goes on" "$status" 0
check_match "values print" "$out" "*Dataset (built-in digits*{ 1, { 2 } }*2*"
check_match "the help answers" "$out" "*Samples with their labels*"
check_match "and searches" "$out" "*array.rand*"
check_match "absent members are told of" "$out" "*a dataset has no 'foo'*"
check_match "and unset globals" "$out" "*global 'prnt' is not set*"

printf '%s\n' 'string.format = nil' 'table.concat = nil' 'math.floor = "x"' 'array.zeros = 7' 'package.loaded = nil' \
    'package.searchers = 3' 'x = array.ones(2)' 'x' 'metrics.accuracy({ 1, 2 }, { 1, 3 })' 'who()' '?array.sum' |
    "$perigee" -q -i > "$work/out" 2>&1
out=$(cat "$work/out")
check_match "members of libraries may be lost too" "$out" "*[1*1]*0.5*array*array.sum(*"

# The metatable of strings: s[i] is a common idiom, and an empty one takes the methods away.
for change in 'function(s, i) return string.sub(s, i, i) end' nil '{}' '{ shout = string.upper }'; do
    printf '%s\n' "getmetatable(\"\").__index = $change" 'array.ones(2)' '?array.sum' '("abc"):upper()' 'prnt' |
        "$perigee" -q -i > "$work/out" 2>&1
    out=$(cat "$work/out")
    check_match "strings with $change" "$out" "*[1*1]*array.sum(*ABC*global 'prnt' is not set*"
done
for change in 'find = 1' 'format = 1' 'gsub = function() error "mine" end' 'sub = 1 string.rep = 1 string.match = 1'; do
    printf '%s\n' "string.$change" 'array.ones(2)' '?array.sum' '"a" .. 1' 'prnt' 'save("s.pgz")' |
        (cd "$work" && "$perigee" -q -i) > "$work/out" 2>&1
    out=$(cat "$work/out")
    check_match "string.$change" "$out" "*[1*1]*array.sum(*a1*global 'prnt' is not set*s.pgz*"
done
out=$("$perigee" -e 'function string.shout(s) return s:upper() end print(("a"):shout(), string.shout "b")')
check_equal "what users add to string" "$out" "A	B"
out=$("$perigee" -e 'local meta = getmetatable "" meta.__index = function(s, i) return s:sub(i, i) end
    meta.__unm = string.reverse print(("abc")[2], -"abc", ("abc"):len(), ("abc")[9] == "")')
check_equal "what users add works" "$out" "b	cba	3	true"

printf '%s\n' 'kept = { require = "z", array = 1, mine = 2 }' 'for name, value in pairs(kept) do _G[name] = value end' \
    'save("file", "require", "array", "mine")' | (cd "$work" && "$perigee" -q -i) > "$work/out" 2>&1
printf '%s\n' 'restore("file")' 'array.ones(1)' 'restore("file", { into = there })' 'there = {}' \
    'restore("file", { into = there })' 'there' 'rawget(_G, "mine")' |
    (cd "$work" && "$perigee" -q -i) > "$work/out" 2>&1
out=$(cat "$work/out")
check_match "a file does not take the place of what is Lua's or ours" "$out" \
    "*restore: the file has a variable '*', which would take the place of*[1]*"
check_match "nothing of it is set, and a table takes it all" "$out" \
    '*{ "array", "mine", "require" }*{ array = 1, mine = 2, require = "z" }*nil*'
finish
