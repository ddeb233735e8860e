# A gnuplot without windows was installed where there is a display, and no figure came up, without a word.
. tests/cli/tap.sh

cat > "$work/gnuplot" <<'END'
#!/bin/sh
while IFS= read -r line; do
  case $line in
    print*GPVAL_TERMINALS*) answer='dumb png svg' ;;
    print*GPVAL_VERSION*) answer=5.4.4 ;;
    *) answer='0|' ;;
  esac
  case $line in
    "set output "?*) file=${line#set output \'} && echo picture > "${file%\'*}" ;;
    print*) n=${line#*perigee } && n=${n%%>*} && echo "<perigee $n>$answer</perigee $n>" ;;
  esac
done
END
chmod +x "$work/gnuplot"
at_prompt() { # line…: at a prompt in a pipe, with a display
    out=$(cd "$work" && printf '%s\n' "$@" | env -u WAYLAND_DISPLAY DISPLAY=:9 PERIGEE_GNUPLOT="$work/gnuplot" \
        "$perigee" -q -i 2> "$work/err")
    status=$?
    err=$(cat "$work/err")
}
at_prompt 'plot.loss { 3, 2, 1 }' 'plot.loss { 1, 2, 3 }'
check_equal "it says once which package has a window" "$(grep -c 'the package gnuplot-qt (or gnuplot-x11) has one' "$work/err")" 1
at_prompt 'plot.loss({ 3, 2, 1 }, { terminal = "window" })'
check_match "and refuses one that was asked for" "$out$err" \
    "*no terminal for a window*install the package gnuplot-qt or gnuplot-x11*"

# The package that the scripts ask for, by whether there is a display.
for tool in sh dirname sed cat ls awk find id; do ln -s "$(command -v $tool)" "$work/$tool"; done
asked() { # environment…
    env -u DISPLAY -u WAYLAND_DISPLAY PATH="$work" "$@" sh scripts/tutorial 2>&1 | grep -o 'apt-get install.*gnuplot[^ ]*'
}
rm "$work/gnuplot"
check_match "scripts without a display" "$(asked A=1)" "*gnuplot-nox"
check_match "and with one" "$(asked DISPLAY=:0) $(asked WAYLAND_DISPLAY=wayland-0)" "*gnuplot-qt*gnuplot-qt"
finish
