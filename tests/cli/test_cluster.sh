# docs/cluster.md: its files do what it says of them, smaller; its arithmetic comes to what stands below it.
. tests/cli/tap.sh

page=$PWD/docs/cluster.md
PATH=$(dirname "$perigee"):$PATH
cd "$work" || exit 1

# Its blocks by the names in the comments above them.
awk '/^<!-- file / { name = $3; next } /^<!-- [a-z]* -->$/ { name = $2; next }
    /^```/ { inside = !inside && name != ""; if (!inside) name = ""; next } inside { print > name }' "$page"
check_equal "the page's files" "$(ls | tr '\n' ' ')" \
    "arithmetic.lua array.sh computed measure.lua measured merge.lua mpi.sh sweep.lua whole.sh "

run_perigee --quiet arithmetic.lua
check_equal "its arithmetic" "$status$out" "0$(cat computed)"
for constant in 'a sample: \(.*\)/attack.auto on the CNN' 'bytes a sample: \(.*\)/' 'bytes besides: \(.*\)/' 'ms: \(.*\)/' \
    'us a sample: \(.*\)/'; do
    number=$(sed -n "s/.*${constant%%/*}/\\1/p" measured | head -1)
    check "from what was measured: $number" grep -qF "$number" arithmetic.lua
done

# Bytes are the same everywhere, times are not.
sed 's/16, 16) \/ 16/1, 1) \/ 1/; s/(500,/(200,/; s/4000/2000/g' measure.lua > less.lua
run_perigee --quiet --threads 1 less.lua
check_equal "what it measures" "$(echo "$out" | sed 's/: .*//')" "$(sed 's/: .*//' measured)"
check_equal "bytes" "$(echo "$out" | grep 'bytes a')" "$(grep 'bytes a' measured)"

sed -i 's/auto {/pgd { max_iter = 4,/; s/digits(48/digits(12/; s/block = 16/block = 4/; s/(500,/(200,/' sweep.lua
sed -i 's/^n=40/n=3/' array.sh
perigee --quiet --threads 1 sweep.lua > one 2> err
check_equal "its script alone" "$?$(cat err)" 0
csv() { awk -F, '{ $NF = ""; print }' sweep.csv; } # seconds are last
csv > one.csv
rm -r pieces
for i in 1 3; do SLURM_ARRAY_TASK_ID=$i SLURM_CPUS_PER_TASK=1 sh array.sh >> said 2>&1; done
run_perigee --quiet merge.lua
check_match "a task that has not run is missed" "$err" "*evaluate.merge: 2 of 6 pieces are not there: *"
SLURM_ARRAY_TASK_ID=2 SLURM_CPUS_PER_TASK=1 sh array.sh >> said 2>&1
check_equal "the array says nothing" "$(cat said)" ""
sh whole.sh > out 2> err
check "the whole is what one process gives" cmp out one
check_equal "its file too" "$(csv)" "$(cat one.csv)"
run_perigee --quiet merge.lua
check_equal "and what is merged" "$out" "$(cat one)"

if command -v mpirun > /dev/null 2>&1 && ls "$(dirname "$perigee")"/perigee_mpi_openmpi.so > /dev/null 2>&1; then
    rm -r pieces
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 SLURM_CPUS_PER_TASK=1 \
        timeout 60 sh mpi.sh > out 2> err < /dev/null
    check "mpirun gives the same" cmp out one
    check_equal "and its file" "$(csv)" "$(cat one.csv)"
else
    skip "mpirun" "there is none here, or the program has no module for it"
fi
finish
