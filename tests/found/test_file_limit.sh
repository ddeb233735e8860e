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
finish
