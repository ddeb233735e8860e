# Mixed work in one process for a few seconds: the same bits each time, no descriptor, child process or temporary file
# more, no sixteen megabytes. tests/long/soak.sh has the hour.
. tests/cli/tap.sh

mkdir "$work/jobs" "$work/tmp"
soak() { # what runs
    out=$(TMPDIR=$work/tmp PERIGEE_JOBS=$work/jobs PERIGEE_THREADS=1 "$perigee" --quiet "$1" 7 \
        "${PERIGEE_TEST_SEED:-1}" 0.2 2>&1)
    status=$?
}
if [ ! -r /proc/self/status ]; then
    skip "soak" "no /proc here"
    finish
    exit
fi
soak tests/long/soak.lua
check_equal "nothing grows" "$status" 0
check_match "in a few hundred jobs" "$out" "*figures * jobs of * kinds*"

# It would say so.
{
    echo 'local kept = {}'
    echo 'local run = coroutine.wrap(function() while true do kept[#kept + 1] = io.open "/dev/null" coroutine.yield() end end)'
    sed "s/^local jobs = .*/&\nlocal jobs_run = jobs.run\njobs.run = function(name) run() return jobs_run(name) end/" \
        tests/long/soak.lua
} > "$work/leak.lua"
soak "$work/leak.lua"
check_match "a descriptor a job is told of" "$status $out" "1 *FAULT*descriptors*"
finish
