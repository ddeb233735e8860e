# What SIGKILL at a random moment leaves: a training and an evaluation that go on with the same bits, files that are the
# old one or the new one, a history of whole lines. tests/long/kill.sh does the same a thousand times.
. tests/cli/tap.sh

kills_in=$work kills_seed=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
. tests/inject/kills.sh
out= err= status=
repeated() { # count command…
    left=$1
    shift
    while [ "$left" -gt 0 ]; do
        "$@" 2>> "$work/wrong" || return 1
        left=$((left - 1))
    done
}
all() { # title count command…
    what=$1
    shift
    : > "$work/wrong"
    repeated "$@"
    check_equal "$what" "$? $(cat "$work/wrong")" "0 "
}
echo "# seed $kills_seed"
all "a training, killed" 1 kill_work train
all "and gone on with, has the same bits" 1 end_work train
all "files of every kind, killed while they are saved" 1 kill_saves 300
if command -v script > /dev/null; then
    all "a history, killed at the prompt" 1 kill_history 200
else
    skip "a history" "no script(1)"
fi
check_equal "nothing is left running" "$(left_running)" ""
finish
