# The bench's own options; its figures are no test.
. tests/cli/tap.sh

run_perigee --quiet tests/bench/bench.lua --list
check_equal "the groups can be listed" "$status$err" 0
for group in epoch inference gradient svms dnr_fit dnr_scores pgd_exp attacks direction auto mnist_load tutorial start scaling_fit mpi; do
    check_match "among them $group" "$out" "*$group *"
done
run_perigee --quiet tests/bench/bench.lua no_such_group
check_equal "an unknown group is refused" "$status" 2
check_match "and named" "$err" '*no group "no_such_group"*'
run_perigee --quiet tests/bench/bench.lua --fast
check_equal "an unknown option is refused" "$status" 2
check_match "and named as well" "$err" '*unknown option "--fast"*'

# A figure without the helper programs: it says so and goes on.
export BENCH_BIN="$work/nowhere"
run_perigee --quiet tests/bench/bench.lua --json start
check_equal "without helper programs there is still an answer" "$status" 0
check_match "in JSON" "$out" '{"machine": {"blas_core": "*"rows": *'

finish
