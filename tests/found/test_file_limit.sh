# A limit of file sizes (ulimit -f) ended the session without a word.
. tests/cli/tap.sh

cd "$work" || exit 1
printf '%s\n' 'save("s.pgz")' 'x = array.rand(400, 784)' 'save("s.pgz")' 'print "alive"' > lines
(ulimit -f 100 && "$perigee" -q -i < lines) > out 2> err
check_equal "the session goes on" "$?" 0
check_match "and says why" "$(cat out err)" "*alive*s.pgz*too large*"
check_equal "nothing is left beside the file" "$(echo s.pgz*)" "s.pgz"
printf '%s\n' 'there = {}' 'restore("s.pgz", { into = there })' '"back"' | "$perigee" -q -i > out 2>&1
check_match "which is as it was" "$(cat out)" '{}*"back"'

# Files that were not restored stayed open until a collection.
cat > many.lua << 'LUA'
collectgarbage "stop"
data.save_safetensors("other", { a = array.zeros(2) })
data.save_safetensors("broken", {}, { ["perigee.session"] = '{"format":7}' })
for _, path in ipairs { "other", "broken" } do
  local message
  for _ = 1, 200 do message = select(2, pcall(restore, path)) end
  print(message)
end
LUA
(ulimit -n 40 && "$perigee" -q -i < many.lua) > out 2>&1
check_match "a file that is refused is closed" "$(cat out)" \
    "*restore: other was not written by save*restore: broken: *format 7*"
finish
