# numbers — what the program computes beside NumPy, PyTorch, scikit-learn and libsvm, on random cases of a fresh seed (20 minutes)
. tests/long/lib.sh
. scripts/lib.sh

# What is tried, and how many cases of each; an item of a family draws from the seed and its number alone.
families="arrays:10000 metrics:1000 attacks:240 svms:150 training:100 classic:80 layers:400"

keep_seed
PERIGEE=$PWD/build/perigee
export PERIGEE

python_for() { # family
    case $1 in
        arrays | metrics) find_python numpy ;;
        layers | training | attacks) find_python torch ;;
        *) find_python sklearn ;;
    esac
}

status=0 figures="seed $seed"
for each in $families; do
    family=${each%:*} count=${each#*:}
    state=$LONG_STATE/$family # cases tried, steps judged, faults found, cases that Python did not survive
    [ -s "$state" ] || echo "0 0 0 0" > "$state"
    read -r tried steps faults lost < "$state"
    if ! python=$(python_for "$family"); then
        echo "numbers: $family not tried: no Python with what it needs"
        figures="$figures; $family not tried"
        continue
    fi
    handful=50
    [ "$family" != arrays ] || handful=250
    while [ "$tried" -lt "$count" ]; do
        left || pause
        to=$((tried + handful))
        [ "$to" -le "$count" ] || to=$count
        "$python" tests/numbers/run.py "$family" --seed "$seed" --from "$tried" --cases "$to" > "$LONG_STATE/out"
        end=$?
        if [ $end -gt 1 ]; then # PyTorch itself ended it, say
            echo "numbers: $family, seed $seed, cases $tried to $((to - 1)): Python's status $end" >&2
            case $end in 3) exit 2 ;; 130 | 143) pause ;; esac # interrupted: they are tried again
            lost=$((lost + to - tried))
            echo "$family: cases 0, steps 0, faults 0" > "$LONG_STATE/out"
        fi
        set -- $(sed -n "s/^$family: cases [0-9]*, steps \([0-9]*\), faults \([0-9]*\)\$/\1 \2/p" "$LONG_STATE/out")
        [ $# = 2 ] || exit 2 # it said why
        tried=$to steps=$((steps + $1)) faults=$((faults + $2))
        echo "$tried $steps $faults $lost" > "$state"
    done
    [ "$faults" = 0 ] || status=1
    [ $((50 * lost)) -le "$count" ] || status=1
    line="$family $tried cases, $steps steps, $faults off"
    [ "$lost" = 0 ] || line="$line, $lost cases not judged, as Python ended"
    echo "numbers: $line"
    figures="$figures; $line"
done
[ $status = 0 ] || exit 1
finish "$figures"
