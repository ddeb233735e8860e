# interrupts — a thousand Ctrl-Cs at random moments of work at the prompt; what ends the program: half an hour
. tests/long/lib.sh

count=${PERIGEE_INTERRUPTS:-1000} ends=${PERIGEE_ENDS:-60} each=50
command -v expect > /dev/null || { echo "interrupts: expect is not here"; exit 2; }
PERIGEE=$PWD/build/perigee PERIGEE_THREADS=${PERIGEE_THREADS:-2}
export PERIGEE PERIGEE_THREADS

keep_seed

# One conversation: the expect script comes on standard input; its words are $said.
converse_so() { # seed
    said=$(
        . tests/cli/prompt.sh
        mkdir "$work/jobs" "$work/tmp"
        converse NO_COLOR=1 PERIGEE_JOBS="$work/jobs" TMPDIR="$work/tmp" seed="$1" end="$LONG_END" \
            each=$each jobs="$PWD/tests/long/jobs.lua" driver="$PWD/tests/cli/interrupts.tcl"
    ) || { echo "interrupts: the driver failed: $said"; exit 2; }
    echo "$said" | sed -n 's/^fault //p' > "$LONG_STATE/faults"
    if [ -s "$LONG_STATE/faults" ]; then
        echo "interrupts: with seed $1:"
        cat "$LONG_STATE/faults"
        exit 1
    fi
}

number() { # file
    cat "$LONG_STATE/$1" 2> /dev/null || echo 0
}

# Seeds follow from what has been done: a conversation that went wrong comes again.
while [ "$(number done)" -lt "$count" ]; do
    left || pause
    converse_so $((seed + 7919 * $(number done))) << 'EXPECT'
source $env(driver)
expr {srand($env(seed))}
set walls {}; set calms {}; set faults {}
puts "done [interrupts $env(each) $env(end)]"
foreach wall $walls calm $calms { puts "delay $wall $calm" }
foreach fault $faults { puts "fault $fault" }
EXPECT
    echo $(($(number done) + $(echo "$said" | sed -n 's/^done //p'))) > "$LONG_STATE/done.new"
    mv "$LONG_STATE/done.new" "$LONG_STATE/done"
    echo "$said" | sed -n 's/^delay //p' >> "$LONG_STATE/delays"
    echo "$(number done) interrupts"
done

each=6
while [ "$(number ended)" -lt "$ends" ]; do
    left || pause
    converse_so $((seed + 7919 * (count + $(number ended)))) << 'EXPECT'
source $env(driver)
expr {srand($env(seed))}
set faults {}
puts "done [endings $env(each) $env(end)]"
foreach fault $faults { puts "fault $fault" }
EXPECT
    echo $(($(number ended) + $(echo "$said" | sed -n 's/^done //p'))) > "$LONG_STATE/ended.new"
    mv "$LONG_STATE/ended.new" "$LONG_STATE/ended"
done

# The median, the 99th of a hundred, the longest: of the column.
quantiles() { # column
    sort -n -k "$1,$1" "$LONG_STATE/delays" | awk -v column="$1" '
        { all[NR] = $column }
        END { printf "%d, %d and %d", all[int((NR + 1) / 2)], all[int(NR * 0.99)], all[NR] }'
}
finish "$(number done) interrupts, back after $(quantiles 1) ms (median, 99 %, longest), without waits for a processor $(quantiles 2) ms; $(number ended) ends by SIGTERM, SIGHUP or with the terminal; nothing found"
