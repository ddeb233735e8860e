# The examples run as they are: every one ends well, says something, and complains of nothing.
. tests/cli/tap.sh

top=$PWD
cd "$work" || exit 1
for example in "$top"/examples/0*.lua "$top/examples/tour.lua"; do
    run_perigee --quiet "$example"
    check "$(basename "$example")" [ "$status" = 0 -a -n "$out" -a -z "$err" ]
done

# Those of pictures: what they name is there, whole.
if command -v gnuplot > /dev/null; then
    for example in "$top"/examples/plots/*.lua; do
        name=plots/$(basename "$example")
        case $perigee,$name in
            */asan/*,plots/attacks.lua) skip "$name" "an instrumented build"; continue ;;
        esac
        run_perigee --quiet "$example"
        check "$name" [ "$status" = 0 -a -n "$out" -a -z "$err" ]
        for picture in $(echo "$out" | grep '^[a-z-]*\.png$'); do
            check "$name: $picture is a whole PNG" sh -c "tail -c 8 $picture | head -c 4 | grep -q IEND"
        done
    done
else
    skip "examples/plots" "no gnuplot"
fi

# The tutorial takes a while in an instrumented build, which runs all that it uses elsewhere.
case $perigee in
    */asan/*) skip "dnr.lua" "an instrumented build" ;;
    *)
        run_perigee --quiet "$top/examples/dnr.lua"
        check "dnr.lua" [ "$status" = 0 -a -z "$err" ]
        check_match "its table tells of the attack" "$out" "*attack on digit*PGD-Exp*figure*"
        if command -v gnuplot > /dev/null; then
            check "and the figure is a whole PNG" sh -c 'tail -c 8 dnr.png | head -c 4 | grep -q IEND'
        else
            skip "the figure" "no gnuplot"
        fi ;;
esac

finish
