# Every function that the help knows and every kind of object, a hundred calls each with hostile values: the short form
# of tests/long/hostile.sh (HOSTILE_CALLS, HOSTILE_SEED: others). What is found says its seed, entry and number: by
# these tests/hostile/run.lua makes the same call again.
. tests/cli/tap.sh

root=$PWD
seed=${HOSTILE_SEED:-4}
case $BUILD in
    *asan*)
        ASAN_OPTIONS=$ASAN_OPTIONS:max_allocation_size_mb=400
        HOSTILE_HANG=30
        export ASAN_OPTIONS HOSTILE_HANG ;;
    *) ulimit -v 2000000 2> /dev/null ;;
esac
# Of a long path Lua shows the end: what it says there is known all the same.
long=$work/a-folder-whose-name-is-so-long-that-lua-shows-the-end-of-its-files-names-alone
cp -r "$root/lua" "$long"
PERIGEE_LUA=$long
HOME=$work
XDG_DATA_HOME=$work
export PERIGEE_LUA HOME XDG_DATA_HOME
mkdir "$work/empty"
(cd "$work/empty" && exec "$perigee" --quiet --threads 1 "$root/tests/hostile/run.lua" \
    "$seed" "${HOSTILE_CALLS:-100}" 3 "$work/report") < /dev/null > /dev/null 2> "$work/err"
status=$?

inherited=$(cd "$work/empty" && "$perigee" --quiet --threads 1 "$root/tests/hostile/inherited.lua" < /dev/null 2>&1 > /dev/null)

# The last call before the end, and what the program said of it.
tell_end() {
    echo "# seed $seed: $(grep -a '^CALL' "$work/report" | tail -n 1)"
    head -n 20 "$work/err" | sed 's/^/# /'
}
check_end() { [ "$status" = 0 ] || { tell_end; false; }; }
check_faults() {
    grep -a '^FAULT' "$work/report" | sed "s/^/# seed $seed: /" > "$work/faults"
    [ ! -s "$work/faults" ] || { cat "$work/faults"; false; }
}
made() { sed -n 's/^FIGURES [0-9]* entries, \([0-9]*\) calls, .*/\1/p' "$work/report"; }
check_calls() { [ "$(made)" -gt 30000 ] || { echo "# $(made) calls"; false; }; }

check "no hostile value ends the program" check_end
check "no hostile value makes it say what it must not" check_faults
check "they are tens of thousands of calls" check_calls
check_long_path() {
    "$perigee" --quiet -e 'local t = {} setmetatable(t, { __index = t }) print(pcall(show, t))' |
        grep -q "show: an argument's metatable answers what it should not"
}
check "nor does it where the path to it is long" check_long_path
check_match "options that only a metatable has are refused, wherever there are options" "$inherited" "1[0-9][0-9]"
finish
