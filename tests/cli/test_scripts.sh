# scripts/lib.sh where packages are missing: what is asked for, by whom, and what is said instead.
. tests/cli/tap.sh

# A PATH with the everyday tools but no compiler, no pkg-config and no package manager; `bare` runs a
# script there. More tools are put into $work/bin by name.
mkdir "$work/bin"
for tool in sh dirname sed cat tail head nproc getconf env mktemp rm; do
    ln -s "$(command -v $tool)" "$work/bin/$tool"
done
fake() { # name script
    printf '#!/bin/sh\n%s\n' "$2" > "$work/bin/$1"
    chmod +x "$work/bin/$1"
}
bare() { # script
    env -u DEBIAN_FRONTEND PATH="$work/bin" sh "$1" > "$work/out" 2> "$work/err"
    status=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}

fake id 'echo 0'
for script in scripts/test scripts/tutorial; do
    bare $script
    check_equal "$script without a package manager: status 1" "$status" 1
    check_match "it names the packages of every system" "$err" \
        "*apt-get install gcc*dnf install *lua-devel*pacman -S *openblas*zypper install *brew install *"
done
fake dnf 'exit 0'
bare scripts/test
check_match "where there is dnf, its names alone" "$err" "*dnf install gcc*openblas-devel*"
check "and no other's" differs "$err" "*apt-get*"
rm "$work/bin/dnf"

fake apt-get "echo \"\$DEBIAN_FRONTEND \$*\" >> '$work/log'; exit 100"
fake id 'echo 1000'
bare scripts/test
check_equal "apt without root or sudo: status 1" "$status" 1
check_match "it names the packages" "$err" "*apt-get install gcc*libsvm-dev*"
check "and has not tried" [ ! -e "$work/log" ]
fake sudo "[ \"\$1\" = -n ] && exit 1; exit 2"
bare scripts/test
check_equal "a sudo that would ask, without a terminal: status 1" "$status" 1
check "and has not tried either" [ ! -e "$work/log" ]

fake id 'echo 0'
bare scripts/test
check_equal "an apt that fails: status 1" "$status" 1
check_match "what runs is printed" "$out" "*+ *apt-get -q -y --no-install-recommends install gcc*"
check_equal "the lists are fetched after the first failure only" "$(sed 's/ gcc.*//' "$work/log")" \
    "noninteractive -q -y --no-install-recommends install
 -q update"

# What style is checked by is taken where it is to be had, and done without elsewhere.
cat > "$work/offer" <<'END'
. scripts/lib.sh
offer_needs "$needs_lint"
END
rm "$work/log"
fake apt-get "case \$* in *lua-check*) printf '#!/bin/sh\n' > '$work/bin/luacheck'; exec $(command -v chmod) +x '$work/bin/luacheck' ;; *) exit 100 ;; esac"
bare "$work/offer"
check_equal "style: status 0 where a package is not to be had" "$status" 0
check "what is to be had is installed" [ -x "$work/bin/luacheck" ]
check_match "what is not is named" "$out" "*clang-format-14 is not to be had here"
check_equal "nothing is complained of" "$err" ""
rm "$work/bin/apt-get"
bare "$work/offer"
check_equal "without a package manager nothing is said" "$status $out$err" "0 "

finish
