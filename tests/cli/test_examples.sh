# The examples run as they are: every one ends well, says something, and complains of nothing.
. tests/cli/tap.sh

top=$PWD
cd "$work" || exit 1
for example in "$top"/examples/[0-9]*.lua "$top/examples/tour.lua"; do
    case $perigee,$example in
        */asan/*,*/11_*) skip "11_torch.lua" "an instrumented build"; continue ;;
        *,*/11_*) run_perigee --quiet "$example" --quick ;;
        *) run_perigee --quiet "$example" ;;
    esac
    check "$(basename "$example")" [ "$status" = 0 -a -n "$out" -a -z "$err" ]
    # What one attack, or none, leaves is followed by what a stronger one does.
    case $example in
        */05_*)
            check "05: noise that is rejected as it comes is accepted once it is moved" sh -c "
                echo '$out' | awk '/^rejected of pure/ { pure = \$5 } /^moved by 1/ { moved = \$(NF - 1) }
                                   END { exit !(pure > 90 && moved < pure / 2) }'" ;;
        */06_*)
            check "06: attack.auto finds no less than PGD" sh -c "
                echo '$out' | awk '{ gsub(/,/, \"\") } \$1 == \"pgd\" { pgd = \$5 } \$1 == \"auto\" { auto = \$5 }
                                   END { exit !(auto >= pgd && pgd > 0) }'" ;;
        */10_*)
            check "10: layers of one's own learn the digits, and are attacked through" sh -c "
                echo '$out' | awk '/^accuracy/ { right = \$5 } /^APGD/ { turned = \$3 }
                                   END { exit !(right > 85 && turned > 30) }'" ;;
        */11_*)
            check "11: a ResNet-20 answers as in PyTorch, and learns on from there" sh -c "
                echo '$out' | awk '/^[0-9]+ parameters; logits/ { off = \$NF } /^trained further/ { clean = \$3 }
                                   END { exit !(off > 0 && off <= 1e-4 && clean > 90) }'"
            check "11: attack.auto turns most of it, and no fewer farther away" sh -c "
                echo '$out' | awk '/^(as PyTorch left|trained further|hardened) .* [0-9]+\$/ {
                                       rows++; if (\$(NF - 2) < \$(NF - 1) || \$(NF - 1) < \$NF) grows++ }
                                   /^as PyTorch left/ { before = \$(NF - 2); after = \$NF }
                                   END { exit !(rows == 3 && !grows && before > 80 && after < 20) }'" ;;
        */08_*)
            check "08: an attack of one's own finds more than FGSM" sh -c "
                echo '$out' | awk '\$1 == \"fgsm\" { fgsm = \$2 } \$1 == \"momentum\" { own = \$2 }
                                   END { exit !(own > fgsm && fgsm > 0) }'"
            command -v gnuplot > /dev/null &&
                check "08: its figure is a whole PNG" sh -c 'tail -c 8 momentum.png | head -c 4 | grep -q IEND' ;;
        */09_*)
            check "09: a quantiser hides nothing from who goes straight through it" sh -c "
                echo '$out' | awk '/^net / { net = \$NF } /^quantiser, no/ { blind = \$(NF - 1) }
                                   /^quantiser, BPDA/ { seen = \$NF }
                                   END { exit !(blind == 0 && seen >= net - 3 && net > 50) }'"
            check_match "09: and the one without a slope raises an alarm" "$out" "*vanished gradient: *" ;;
    esac
done

# The paper's experiment, in its quick form on the built-in digits; and once more, from what it kept.
case $perigee in
    */asan/*) skip "paper_mnist.lua" "an instrumented build" ;;
    *)
        paper() {
            run_perigee --quiet "$top/examples/paper_mnist.lua" --quick --digits --checkpoint paper "$@"
        }
        numbers() { # of the table and of what is said of it, but for the seconds
            echo "$out" | sed -n '/^model/,$p' | grep -v 's in all' | sed 's/  *[0-9]*\.[0-9]*$//'
        }
        paper --csv paper.csv --latex paper.tex
        check "paper_mnist.lua" [ "$status" = 0 -a -n "$out" ]
        check_match "its table and what it shows" "$out" \
            "*DNR *attack.auto *What the second attack shows*Half of the digits*"
        check "a row for each model, attack and dmax, and of the worse of both" \
            [ "$(wc -l < paper.csv)" = 28 -a "$(grep -c '^CNN,all,' paper.csv)" = 3 ]
        check "and for LaTeX" grep -q 'midrule' paper.tex
        first=$(numbers)
        paper
        check "from its folder it comes to the same" [ "$status" = 0 -a "$(numbers)" = "$first" ]
        run_perigee --quiet "$top/examples/paper_mnist.lua" --sloppy
        check "it says what its options are" [ "$status" = 1 ]
        check_match "in a line" "$err" "*usage: paper_mnist.lua*" ;;
esac

# All that reject, in the quick form on the built-in digits. None of them holds at dmax 2, and the example says so.
case $perigee in
    */asan/*) skip "rejectors.lua" "an instrumented build" ;;
    *)
        run_perigee --quiet "$top/examples/rejectors.lua" --quick --digits
        check "rejectors.lua" [ "$status" = 0 -a -n "$out" ]
        check "rejectors.lua: every rejector is in its table, and is turned at dmax 2" sh -c "
            echo '$out' | awk '\$NF ~ /^[0-9]+\$/ && \$(NF - 1) ~ /^[0-9]+\$/ { rows++; if (\$(NF - 1) < 5) held++ }
                               END { exit !(rows == 8 && !held) }'"
        command -v gnuplot > /dev/null &&
            check "rejectors.lua: its figure is a whole PNG" \
                sh -c 'tail -c 8 rejectors.png | head -c 4 | grep -q IEND' ;;
esac

# Those of pictures: what they name is there, whole.
if command -v gnuplot > /dev/null; then
    for example in "$top"/examples/plots/*.lua; do
        name=plots/$(basename "$example")
        case $perigee,$name in
            */asan/*,plots/attacks.lua | */asan/*,plots/paper.lua) skip "$name" "an instrumented build"; continue ;;
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

# The tutorial takes a while in an instrumented build, which runs all that it uses elsewhere. libsvm's fit would take
# half of its time here; lua/test_tutorial has it.
case $perigee in
    */asan/*) skip "dnr.lua" "an instrumented build" ;;
    *)
        run_perigee --quiet --solver smo "$top/examples/dnr.lua"
        check "dnr.lua" [ "$status" = 0 -a -z "$err" ]
        check_match "its table tells of the attack" "$out" "*attack on digit*PGD-Exp*figure*"
        if command -v gnuplot > /dev/null; then
            check "and the figure is a whole PNG" sh -c 'tail -c 8 dnr.png | head -c 4 | grep -q IEND'
        else
            skip "the figure" "no gnuplot"
        fi ;;
esac

finish
