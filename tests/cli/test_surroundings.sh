# Where the program is, where it is run, and what its standard streams are.
. tests/cli/tap.sh

top=$PWD
cd "$work" || exit 1
run_perigee -e 'print(perigee.lua_dir)'
check_match "runs from another folder" "$out" "*/lua"
check_equal "without a complaint" "$err" ""

ln -s "$perigee" "$work/linked"
out=$("$work/linked" -e 'print(perigee.version)' 2>&1)
check_match "runs through a symbolic link" "$out" "[0-9]*"

cp "$perigee" "$work/lonely"
out=$("$work/lonely" -e 'print(1)' 2>&1)
status=$?
check_equal "without its Lua files the status is 1" "$status" 1
check_match "and it says what is missing" "$out" "*PERIGEE_LUA*"
out=$(PERIGEE_LUA="$top/lua" "$work/lonely" -e 'print(perigee.lua_dir)' 2>&1)
check_equal "PERIGEE_LUA names them" "$out" "$(cd "$top/lua" && pwd -P)"
out=$(PERIGEE_LUA=/nonexistent "$perigee" -e 'print(1)' 2>&1)
status=$?
check_equal "a wrong PERIGEE_LUA is an error" "$status" 1

# Only what is built is installed: the rule's own prerequisites would build again, with other flags.
install_files() { # target
    (umask 077 && cd "$top" && make -s "$1" BUILD="$BUILD" PREFIX=/usr DESTDIR="$work/it's a root" 2>&1)
}
out=$(install_files install-files)
status=$?
check_equal "make install obeys DESTDIR and PREFIX" "$status" 0
root=$work/it\'s\ a\ root/usr share=$root/share
out=$("$root/bin/perigee" -e 'print(perigee.lua_dir)' 2>&1)
check_match "an installed program finds its Lua files" "$out" "*/it's a root/usr/share/perigee/lua"
check "the manual and the editors' definitions are installed" \
    [ -s "$share/doc/perigee/reference.md" -a -s "$share/doc/perigee/perigee.lua" ]
for file in README.md LICENSE CHANGELOG.md docs/tutorial.md docs/cluster.md examples/dnr.lua; do
    check "$file is, where Debian has it" cmp -s "$top/$file" "$share/doc/perigee/$file"
done
check "and the script for PyTorch's modules" \
    cmp -s "$top/scripts/describe-torch-model.py" "$share/perigee/scripts/describe-torch-model.py"
check_equal "everybody may read it all, whatever the umask" "$(find "$root" -type f ! -perm 644 -o -type d ! -perm 755)" \
    "$root/bin/perigee"
check_equal "and run the program" "$(find "$root/bin/perigee" -perm 755)" "$root/bin/perigee"
if command -v groff > /dev/null && groff -man -Tutf8 /dev/null > /dev/null 2>&1; then
    out=$(groff -man -ww -Tutf8 -K utf8 "$share/man/man1/perigee.1" 2>&1 > /dev/null)
    check_equal "the man page is set without a warning" "$out" ""
else
    skip "the man page is set without a warning" "no groff"
fi

touch "$root/bin/other" "$share/perigee/lua/mine.lua"
out=$(install_files uninstall)
check_equal "make uninstall takes away what was installed, and nothing else" "$(find "$root" -type f | sort)" \
    "$root/bin/other
$share/perigee/lua/mine.lua"
check "with its empty folders" [ ! -d "$share/doc/perigee" ]

run_perigee -e 'io.stdout:write("no newline")'
check_equal "stdout is flushed" "$out" "no newline"
"$perigee" -e 'print(1)' >&- 2> "$work/err"
check "a closed stdout is survived" [ $? -le 1 ]
"$perigee" -e 'local f = io.open("file", "w") print("words") f:write("data") f:close()' >&-
check_equal "and no file takes its place" "$(cat "$work/file")" "data"
if [ -w /dev/full ]; then
    "$perigee" -e 'print(1)' > /dev/full 2> "$work/err"
    status=$?
    check_equal "a full disk under stdout is an error" "$status" 1
else
    skip "a full disk under stdout is an error" "no /dev/full"
fi

# OpenBLAS that falls back is mended; what the user set is kept.
core=$(env -u OPENBLAS_CORETYPE "$perigee" -e 'print(perigee.facts().blas_core)')
if grep -q avx2 /proc/cpuinfo 2> /dev/null; then
    check "OpenBLAS runs kernels that fit the processor" [ "$core" != Prescott ]
else
    skip "OpenBLAS runs kernels that fit the processor" "no AVX2 here"
fi
if [ "$(uname -m)" = x86_64 ]; then
    out=$(OPENBLAS_CORETYPE=Prescott "$perigee" -e 'print(perigee.facts().blas_core, os.getenv "OPENBLAS_CORETYPE")')
    check_equal "a user's OPENBLAS_CORETYPE is kept" "$out" "Prescott	Prescott"
else
    skip "a user's OPENBLAS_CORETYPE is kept" "not x86-64"
fi
out=$(env -u OPENBLAS_CORETYPE "$perigee" -e 'print(os.getenv "OPENBLAS_CORETYPE")')
check_equal "children inherit nothing of the mending" "$out" "nil"

# Its threads, which nobody uses, are not made in the first place; of any place that they take in the environment
# nothing is seen.
started=$(env -u OPENBLAS_NUM_THREADS OPENBLAS_CORETYPE="$core" LD_DEBUG=files "$perigee" -e "" 2>&1 |
    grep -c 'initialize program: ')
check_equal "one start is enough" "$started" 1
out=
for name in _ SHLVL OLDPWD PWD PATH HOME; do
    said=$(env -i "$name=$work" "$perigee" -e "print(os.getenv '$name', os.getenv 'OPENBLAS_NUM_THREADS')")
    [ "$said" = "$work	nil" ] || out="$out $name: $said"
done
check_equal "the environment is what it was" "$out" ""

finish
