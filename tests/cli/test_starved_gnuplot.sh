# A gnuplot that is not there, cannot run, is killed in mid-figure, hangs, is mute, writes noise or half a picture:
# one sentence, the old file whole, nothing beside it, no child left. PERIGEE_STARVE=long: every way, at once too.
. tests/cli/tap.sh

PERIGEE_GNUPLOT=$PWD/tests/inject/gnuplots.sh
export PERIGEE_GNUPLOT BAD_GNUPLOT STARVED_HERE="$work"
drawn_by() { # gnuplot's way, reason
    BAD_GNUPLOT=$1
    rm -rf "$work/files"
    mkdir "$work/files"
    out=$(timeout 200 "$perigee" --quiet tests/inject/pictures.lua "$work/files" "$2" 2> "$work/err")
    status=$?
    err=$(cat "$work/err")
    check "$1" [ "$status" = 0 -a "$(printf '%s' "$out" | grep -ac '^ok')" -ge 4 -a \
        "$(printf '%s' "$out" | grep -ac '^not ok')" = 0 ]
}
drawn_by dies 'gnuplot ended with signal 9'
drawn_by garbage "gnuplot's picture is incomplete"
drawn_by hangs 'gnuplot took too long and was stopped'
if [ "${PERIGEE_STARVE:-}" = long ]; then
    drawn_by leaves 'exit status 3 .*it said: something broke'
    drawn_by half "gnuplot's picture is incomplete"
    drawn_by nothing "gnuplot's picture is incomplete"
    drawn_by floods 'gnuplot took too long and was stopped'
    drawn_by complains 'gnuplot took too long and was stopped'
    drawn_by mute 'gnuplot ended with exit status 0'
    for way in dies leaves mute; do drawn_by "at once $way" 'gnuplot ended with'; done
    drawn_by "at once hangs" 'gnuplot took too long and was stopped'
fi

# The prompt goes on; and what cannot be run at all.
at_prompt() { # gnuplot
    out=$(printf '%s\n' "plot.loss({ 3, 2, 1 }, { file = '$work/p.svg', timeout = 0.5 })" '"goes on"' |
        PERIGEE_GNUPLOT=$1 "$perigee" -q -i 2> "$work/err")
    status=$?
    err=$(cat "$work/err")
}
BAD_GNUPLOT=dies at_prompt "$PERIGEE_GNUPLOT"
check_match "the prompt goes on" "$status $out$err" '0 *goes on*gnuplot ended with signal 9*'
at_prompt /nonexistent
check_match "without gnuplot there is the script" "$status $out$err" '0 *goes on*gnuplot was not found*'
printf 'noise' > "$work/noise"
chmod +x "$work/noise"
at_prompt "$work/noise"
check_match "a program of another machine" "$status $out$err" '0 *goes on*could not start *noise: Exec format error*'
at_prompt "$work"
check_match "a folder" "$status $out$err" '0 *goes on*gnuplot was not found*'
check_equal "no temporary file stays" "$(find "$work" -name '*.part')" ""

sleep 0.2
left=
for process in /proc/[0-9]*; do
    case $(cat "$process/comm" 2> /dev/null) in
        gnuplot* | sleep | cat | perigee)
            if grep -qzx "STARVED_HERE=$work" "$process/environ" 2> /dev/null; then left="$left ${process#/proc/}"; fi ;;
    esac
done
check_equal "no child is left" "$left" ""
finish
