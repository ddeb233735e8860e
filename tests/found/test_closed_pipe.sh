# Output to a closed pipe went on for ever, since SIGPIPE was ignored, in children too.
. tests/cli/tap.sh

# The status of the program's side of a pipe whose reader leaves after a line.
into_head() { # lua-text
    { timeout 20 "$perigee" --quiet -e "$1"; echo $? > "$work/status"; } 2> "$work/err" | head -n 1 > "$work/out"
    out=$(cat "$work/out") err=$(cat "$work/err") status=$(cat "$work/status")
}

into_head 'while true do print(1) end'
check_equal "a loop of prints ends by SIGPIPE" "$out, $status" "1, 141"
check_equal "without a word" "$err" ""
into_head 'while true do pcall(print, 1) end'
check_equal "under pcall too" "$status" 141
into_head 'for line in function() return "x" end do io.write(line, "\n") end'
check_equal "and in io.write" "$status" 141

run_perigee --quiet -e 'os.execute("yes | head -n 1")'
check_equal "children start with SIGPIPE as they expect it" "$out, $status" "y, 0"
run_perigee --quiet -e 'local p = io.popen("yes") print(p:read()) p:close() print "closed"'
check_equal "those of io.popen too" "$out" "y
closed"
run_perigee --quiet -e 'local p = io.popen("exec true", "w") os.execute("sleep 0.2")
print((select(2, p:write(("x"):rep(1e6))))) print "goes on"'
check_equal "a pipe of the user's own is an error of its write" "$out" "Broken pipe
goes on"
finish
