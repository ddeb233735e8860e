#!/bin/sh
# gnuplots.sh — a gnuplot that does not do what it should, by $BAD_GNUPLOT. It answers the program's questions as one of
# version 5.4 until a picture's output is set; then:
#
#   dies      it is killed          leaves     it ends with status 3
#   hangs     it reads no more      mute       it reads, and answers nothing
#   garbage   it writes noise into the file and answers     half       half a picture, and answers
#   nothing   it answers, and writes no file
#   floods    it writes to stdout without end           complains  it writes to stderr without end
#
# `at once` before the word: before any answer.
file= drawing=
case $BAD_GNUPLOT in "at once "*) drawing=yes ;; esac

answer() { # text
    echo "<perigee $n>$1</perigee $n>"
}
misbehave() {
    case ${BAD_GNUPLOT#at once } in
        dies) kill -KILL $$ ;;
        leaves) echo "line 3: something broke" >&2; exit 3 ;;
        hangs) exec sleep 600 ;;
        mute) exec cat > /dev/null ;;
        floods) exec cat /dev/zero ;;
        complains) yes noise >&2 & exec sleep 600 ;;
        garbage) [ -z "$file" ] || head -c 5000 /dev/urandom > "$file"; head -c 5000 /dev/urandom ;;
        half) [ -z "$file" ] || printf '\211PNG\r\n\032\n and no more' > "$file" ;;
        nothing) ;;
    esac
}
while IFS= read -r line; do
    case $line in
        "set output "?*)
            file=${line#set output \'}
            file=${file%\'*}
            drawing=yes ;;
    esac
    case $line in print*perigee*) ;; *) continue ;; esac
    n=${line#*perigee }
    n=${n%%>*}
    [ -z "$drawing" ] || misbehave
    case $line in
        *GPVAL_TERMINALS*) answer "dumb pngcairo pdfcairo svg png tikz x11 qt" ;;
        *GPVAL_VERSION*) answer 5.4.4 ;;
        *) answer '0|' ;;
    esac
done
