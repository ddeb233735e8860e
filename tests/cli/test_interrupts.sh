# Ctrl-C at random moments of random work at the prompt, twenty times; tests/long/interrupts.sh has a thousand. What
# ends the program meanwhile.
# calm: it waits for answers and measures how long.
. tests/cli/prompt.sh

mkdir "$work/jobs" "$work/tmp"
seed=${PERIGEE_TEST_SEED:-$(($(date +%s) % 100000))}
echo "# PERIGEE_TEST_SEED=$seed"
converse NO_COLOR=1 PERIGEE_THREADS=2 PERIGEE_JOBS="$work/jobs" TMPDIR="$work/tmp" seed="$seed" \
    jobs="$PWD/tests/long/jobs.lua" driver="$PWD/tests/cli/interrupts.tcl" << 'EXPECT'
if {![file exists /proc/self/task]} { puts "1..0 # SKIP no /proc here"; exit }
source $env(driver)
expr {srand($env(seed))}
set walls {}; set calms {}
set faults {}
set done [interrupts 20 0]
foreach fault $faults { puts "# $fault" }
report [expr {$faults eq ""}] "$done interrupts: back within a second, the same bits, nothing left behind"
report [expr {[llength $walls] == 20}] "in at most [quantile $calms 1] ms ([quantile $walls 1] with waits for a processor)"
set faults {}
set done [endings 3 0]
foreach fault $faults { puts "# $fault" }
report [expr {$faults eq ""}] "ended by SIGTERM, by SIGHUP and with the terminal: the history and the checkpoint are whole"
finish
EXPECT
