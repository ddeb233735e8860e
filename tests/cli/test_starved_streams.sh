# Standard streams that are closed, full or of the wrong way: the program ends by itself, and soon, says on the others
# what it could not say, and no file that it writes takes a stream's place. PERIGEE_STARVE=long: every way of starting
# it with each.
. tests/cli/tap.sh

cat > "$work/script.lua" << LUA
local x = array.arange(3)
print(x)
io.stderr:write("to stderr\n")
data.save_npy("$work/x.npy", x)
print(io.read "l")
local file <close> = io.open("$work/file", "w")
file:write "data"
print(os.execute "true")
LUA
started() { # as
    case $1 in
        expression) timeout 60 "$perigee" --quiet -e "dofile '$work/script.lua'" ;;
        script) timeout 60 "$perigee" --quiet "$work/script.lua" ;;
        prompt) timeout 60 "$perigee" --quiet -i "$work/script.lua" ;;
        help) timeout 60 "$perigee" --help ;;
        version) timeout 60 "$perigee" --version ;;
    esac
}
with_stream() { # as stream
    case $2 in
        "0 closed") started "$1" <&- ;;
        "0 unreadable") started "$1" 0> "$work/sink" ;;
        "0 a folder") started "$1" < "$work" ;;
        "1 closed") echo line | started "$1" >&- ;;
        "1 full") echo line | started "$1" > /dev/full ;;
        "1 unwritable") echo line | started "$1" 1< /dev/null ;;
        "2 closed") echo line | started "$1" 2>&- ;;
        "2 full") echo line | started "$1" 2> /dev/full ;;
        "all closed") started "$1" <&- >&- 2>&- ;;
        "all full") started "$1" 0> "$work/sink" > /dev/full 2>&1 ;;
    esac
}
try() { # as stream
    rm -f "$work/x.npy" "$work/file"
    with_stream "$1" "$2" > "$work/out" 2> "$work/err"
    status=$?
    out=$(cat "$work/out") err=$(cat "$work/err")
    good=yes
    [ $status -le 1 ] || good="status $status"
    case $2 in
        "1 closed") [ $status = 0 ] || [ -n "$err" ] || good="it says nothing" ;;
        1*) [ $status = 1 ] && [ -n "$err" ] || good="status $status: $err" ;;
    esac
    case $1 in
        help | version) ;;
        *)
            # A stream that fails may end the script where it speaks, not in the middle of a file.
            [ ! -e "$work/file" ] || [ "$(cat "$work/file")" = data ] || good="file: $(cat "$work/file")"
            [ ! -e "$work/x.npy" ] || [ "$(wc -c < "$work/x.npy")" = "$size" ] || good="x.npy has other bytes" ;;
    esac
    check_equal "$1, $2" "$good" yes
}
run_perigee --quiet "$work/script.lua" < /dev/null
size=$(wc -c < "$work/x.npy")
check_equal "as it should be" "$status $(cat "$work/file")" "0 data"

if [ "${PERIGEE_STARVE:-}" = long ]; then ways="expression script prompt help version"; else ways=script; fi
for way in $ways; do
    for stream in "0 closed" "0 unreadable" "0 a folder" "1 closed" "1 full" "1 unwritable" "2 closed" "2 full" \
        "all closed" "all full"; do
        try "$way" "$stream"
    done
done
finish
