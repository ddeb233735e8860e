# kills.sh — SIGKILL at random moments, for tests/cli/test_kills.sh (some) and tests/long/kill.sh (a thousand). Sourced;
# a function says on stderr what was wrong and fails. $kills_in is a folder, $kills_seed what the moments follow from,
# $kill the number of the next kill, $ended how many ended by themselves before.
export PERIGEE_KILLS="$kills_in"
: "${kills_in:?}" "${kills_seed:?}" "${kill:=1}" "${ended:=0}"

killed_lua() { # threads work folder: in the place of the shell, which is then what is killed
    exec "$perigee" --quiet --threads "$1" tests/inject/killed.lua "$2" "$3"
}

now() { # milliseconds
    echo $(($(date +%s%N) / 1000000))
}

# A number that follows from the seed and the number of the kill, from 0 on, below $1.
random() {
    awk -v seed="$kills_seed" -v n="$kill" -v most="$1" 'BEGIN { srand(seed * 7919 + n); rand(); print int(rand() * most) }'
}

pause_for() { # milliseconds
    sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}

wrong() {
    echo "kill $kill of seed $kills_seed: $1" >&2
    return 1
}

# Kill the child $child after a random part of $1 milliseconds, in every second case as soon after that as a file of
# the folder $2 is being written. Its status is in $status.
kill_child() { # most folder
    pause_for "$(random "$1")"
    tries=0
    while [ $((kill % 2)) = 0 ] && [ $tries -lt 300 ] && kill -0 $child 2> /dev/null; do
        set -- "$1" "$2" "$2"/*.part
        [ ! -e "$3" ] || break
        tries=$((tries + 1))
    done
    kill -KILL $child 2> /dev/null
    wait $child 2> /dev/null
    status=$?
}

# What takes whole files from an unbroken run to a killed one: $1 train or sweep. Once killed it is gone on with, until
# it is done: then it has printed what the unbroken one prints.
kill_work() { # work
    whole=$kills_in/$1.whole folder=$kills_in/$1
    if [ ! -s "$whole" ]; then
        mkdir -p "$folder.whole.d"
        started=$(now)
        (killed_lua 2 "$1" "$folder.whole.d") > "$whole" || { wrong "$1: the unbroken run failed"; return 1; }
        took=$(($(now) - started))
        [ -n "$(find "$folder.whole.d" -type f)" ] || { wrong "$1: the unbroken run kept nothing to go on from"; return 1; }
        echo $took > "$kills_in/$1.took"
    fi
    mkdir -p "$folder"
    killed_lua $((kill % 2 + 1)) "$1" "$folder" > "$folder.out" 2> "$folder.err" &
    child=$!
    kill_child "$(($(cat "$kills_in/$1.took") * 2 / 3))" "$folder"
    case $status in
        137) kill=$((kill + 1)) ;;
        0)
            ended=$((ended + 1))
            cmp -s "$folder.out" "$whole" || { wrong "$1: gone on with it has other bits"; return 1; }
            [ -z "$(find "$folder" -name '*.part')" ] || { wrong "$1: half a file stays"; return 1; }
            rm -rf "$folder" ;;
        *) wrong "$1: status $status: $(head -n 1 "$folder.err")"; return 1 ;;
    esac
}

# One that has been killed is done at last.
end_work() { # work
    mkdir -p "$kills_in/$1"
    (killed_lua 1 "$1" "$kills_in/$1") > "$kills_in/$1.out" 2> "$kills_in/$1.err"
    cmp -s "$kills_in/$1.out" "$kills_in/$1.whole" || { wrong "$1: at its end it has other bits"; return 1; }
    [ -z "$(find "$kills_in/$1" -name '*.part')" ] || wrong "$1: half a file stays"
}

# Files of every kind that are being saved.
kill_saves() { # milliseconds
    folder=$kills_in/saves
    rm -rf "$folder"
    mkdir "$folder"
    : > "$folder.out"
    killed_lua 1 saves "$folder" > "$folder.out" 2> "$folder.err" &
    child=$!
    until grep -q ready "$folder.out" || ! kill -0 $child 2> /dev/null; do sleep 0.02; done
    kill_child "$1" "$folder/now"
    case "$status $(head -n 1 "$folder.err")" in
        1*"gnuplot took too long"*) echo "saves: gnuplot had no processor for ten seconds" && return ;; # once more
        137*) ;;
        *) wrong "saves: status $status: $(head -n 1 "$folder.err")"; return 1 ;;
    esac
    for file in "$folder/old"/*; do
        name=${file##*/}
        cmp -s "$file" "$folder/now/$name" || cmp -s "$folder/new/$name" "$folder/now/$name" ||
            { wrong "saves: $name is neither the old one nor the new"; return 1; }
    done
    parts=$(find "$folder/now" -name '*.part' | wc -l)
    [ "$parts" -le 1 ] || { wrong "saves: $parts half files"; return 1; }
    kill=$((kill + 1))
}

# A prompt on a terminal that is typed at. Its history has what was typed before, and then line after line.
kill_history() { # milliseconds
    folder=$kills_in/history
    mkdir -p "$folder"
    [ -s "$folder/file" ] || printf '#1700000000\nan_older = 1\n' > "$folder/file"
    cp "$folder/file" "$folder/before"
    rm -f "$folder/pid"
    : > "$folder/typing"
    {
        echo "assert(os.execute('echo \$PPID > $folder/pid'))"
        awk -v kill="$kill" 'BEGIN { for (i = 1; i <= 2000; i++) print "line_" kill " = " i }'
        while [ -e "$folder/typing" ]; do sleep 0.1; done
    } 2> /dev/null | PERIGEE_HISTORY="$folder/file" TERM=dumb setsid script -qec "'$perigee' --quiet" /dev/null \
        > "$folder.out" 2>&1 &
    typist=$!
    tries=0
    until { [ -s "$folder/pid" ] && ! cmp -s "$folder/file" "$folder/before"; } || [ $tries -ge 500 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    [ $tries -lt 500 ] || { wrong "history: nothing that was typed is kept"; return 1; }
    pause_for "$(random "$1")"
    rm -f "$folder/typing"
    kill -KILL "$(cat "$folder/pid")" 2> /dev/null || { wrong "history: no prompt came up"; return 1; }
    wait $typist 2> /dev/null
    awk -v kill="$kill" 'NR == FNR { before[++n] = $0; next }
        FNR <= n { if ($0 != before[FNR]) exit bad = 1; next }
        (FNR - n) % 2 == 1 { if ($0 !~ /^#[0-9]+$/) exit bad = 1; next }
        FNR - n == 2 { next }
        $0 != "line_" kill " = " ++i { exit bad = 1 }
        END { exit bad }' "$folder/before" "$folder/file" || { wrong "history: it is not line after line"; return 1; }
    [ "$(tail -c 1 "$folder/file" | od -An -c | tr -d ' ')" = '\n' ] || { wrong "history: half a line"; return 1; }
    [ $((kill % 20)) != 0 ] || rm -f "$folder/file"
    kill=$((kill + 1))
}

# Programs of ours that are still there, gnuplot too, which ends when nobody speaks to it any more.
left_running() {
    sleep 0.5
    for process in /proc/[0-9]*; do
        case $(cat "$process/comm" 2> /dev/null) in
            perigee | gnuplot*)
                if grep -qzx "PERIGEE_KILLS=$kills_in" "$process/environ" 2> /dev/null; then echo "${process#/proc/}"; fi ;;
        esac
    done
}
