# The examples as they were (tests/old/examples) run as they stand: they end well, say something and
# complain of nothing. One that is still what examples/ has is run by test_examples; plots/attacks.lua
# is kept to be read: its pictures are those of the tests of plot, and it would take too long here.
. tests/cli/tap.sh

top=$PWD
cd "$work" || exit 1
for example in "$top"/tests/old/examples/*.lua "$top"/tests/old/examples/plots/[df]*.lua; do
    name=${example#"$top"/tests/old/examples/}
    if cmp -s "$example" "$top/examples/$name"; then
        check "$name is still an example" true
        continue
    fi
    case $perigee,$name in
        */asan/*,dnr.lua) skip "$name" "an instrumented build"; continue ;;
        *,plots/*) command -v gnuplot > /dev/null || { skip "$name" "no gnuplot"; continue; } ;;
    esac
    run_perigee --quiet "$example"
    check "$name" [ "$status" = 0 -a -n "$out" -a -z "$err" ]
done

finish
