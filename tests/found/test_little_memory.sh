# Under a limit of memory that a thread of OpenBLAS met, the program printed and never ended.
. tests/cli/tap.sh

case $perigee in
    */asan/*)
        skip "a limit of address space" "an instrumented build"
        finish
        exit 0
        ;;
esac

# OpenBLAS 0.3.29 wants more than 0.3.21, and asks for ever; 0.3.34 ends the program. It says why.
for limit in 60000 120000 180000 220000 400000; do
    out=$( (ulimit -v $limit && timeout 20 "$perigee" -e 'print(1 + 1)') 2> "$work/err")
    status=$?
    if [ $status -eq 1 ]; then
        check_match "says that $limit kB are too little" "$(cat "$work/err")" "*perigee: OpenBLAS*"
    elif [ $status -eq 127 ]; then # the libraries themselves do not fit
        check_match "is not loaded within $limit kB" "$(cat "$work/err")" "?*"
    else
        check_equal "starts and ends within $limit kB" "$out, $status" "2, 0"
    fi
done
check_equal "and 400000 kB are enough" "$out" 2
out=$( (ulimit -v 400000 && timeout 20 "$perigee" -e 'print(pcall(array.zeros, 10000, 10000))') 2> "$work/err")
check_match "what does not fit is an error" "$out" "false*memory*"

# OpenBLAS asked for a thread's 128 MB for ever, and libsvm ended the program where it got nothing.
out=$( (ulimit -v 100000 && timeout 20 "$perigee" -e 'local x = array.ones(300, 200, { dtype = "f64" })
    print(x:matmul(x.T):sum(), array.ones(3, 2):matmul(array.ones(2, 4)):sum())') 2> "$work/err")
starts_within() { # kB: false where OpenBLAS wants more before it has begun, as 0.3.29 does
    (ulimit -v "$1" && "$perigee" -e 'print(1)') > /dev/null 2>&1
}
if starts_within 100000; then
    check_equal "products do without OpenBLAS's memory" "$out" "18000000.0	24.0"
else
    skip "products do without OpenBLAS's memory" "it does not start without"
fi
cat > "$work/fill.lua" <<'EOF'
-- Fits with half a megabyte more left each time, until that is enough.
local digits = data.digits(600, { seed = 1 })
local fill, last, refusals = {}, nil, {}
repeat
  local ok, block = pcall(array.zeros, 131072)
  fill[#fill + 1] = ok and block or nil
until not ok
while #fill > 0 do
  fill[#fill] = nil
  collectgarbage()
  local ok, message = pcall(function() svm.new { kernel = svm.rbf(0.01) }:fit(digits) end)
  if ok then break end
  last = message
  if message:find('solver = "smo"', 1, true) then refusals[#refusals + 1] = message end
end
print(#fill > 0, #refusals > 2, last)
EOF
out=$( (ulimit -v 300000 && timeout 60 "$perigee" --quiet "$work/fill.lua") 2>&1)
if starts_within 300000; then
    check_match "libsvm is not begun with what it lacks" "$out" 'true	true	*solver = "smo"*'
else
    skip "libsvm is not begun with what it lacks" "OpenBLAS does not start within that"
fi
mkdir "$work/files"
for limit in 64000 76500 84000 130000 420000; do
    out=$( (ulimit -v $limit && timeout 60 "$perigee" --quiet tests/inject/tutorial.lua "$work/files" 1 800) \
        2> "$work/err" > "$work/out"; echo "$? $(head -n 1 "$work/err")")
    check_match "the tutorial within $limit kB ends, or says what it lacks" "$out" "[01] *"
done

# Children get what the user gave, and nothing of ours.
plain="env -u OPENBLAS_CORETYPE -u OPENBLAS_NUM_THREADS"
out=$($plain "$perigee" -e 'os.execute("env | grep OPENBLAS_ | sort")' 2> /dev/null)
check_equal "children inherit nothing that was set for the library" "$out" "$($plain env | grep OPENBLAS_ | sort)"
out=$(OPENBLAS_NUM_THREADS=3 "$perigee" -e 'print(os.getenv("OPENBLAS_NUM_THREADS"))')
check_equal "what the user set stays" "$out" 3
finish
