# The program's numbers beside NumPy's, on a thousand random cases of arrays, the same every time;
# tests/long/numbers.sh tries others, and PyTorch, scikit-learn and libsvm. And that a wrong number is found.
. tests/cli/tap.sh
. scripts/lib.sh

python=$(find_python numpy) || {
    skip "arrays beside NumPy" "no python3 with NumPy (python3-numpy)"
    finish
    exit
}

numbers() { # arguments of tests/numbers/run.py
    out=$("$python" tests/numbers/run.py "$@" 2> "$work/err")
    status=$?
    err=$(cat "$work/err")
}
numbers arrays --seed 16 --cases 1000
check_match "arrays beside NumPy" "$out" "arrays: cases 1000, steps [1-9]???, faults 0"

# A program whose exp is off by a little, whose product has forgotten a row, whose stack knows one axis alone.
for wrong in 'local f = array.exp; array.exp = function(x) return f(x) * 1.000001 end' \
    'local f = array.matmul; array.matmul = function(x, y) local z = f(x, y); z[1] = 0; return z end' \
    'local f = array.stack; array.stack = function(list) return f(list, 1) end'; do
    {
        echo '#!/bin/sh'
        echo "{ printf '%s; ' '$wrong'"
        echo 'cat "$2"; } > "$3/wrong.lua"; exec "$REAL" "$1" "$3/wrong.lua" "$3"'
    } > "$work/wrong"
    chmod +x "$work/wrong"
    REAL=$perigee PERIGEE=$work/wrong
    export REAL PERIGEE
    numbers arrays --seed 16 --cases 200
    check_match "found: $wrong" "$status $out" "1 *faults [1-9]*"
    check_match "and how to see it again" "$err" "*again: */python* tests/numbers/run.py arrays --seed 16 --case [0-9]*"
done
finish
