# A blank in the checkout's path broke nine tests, a build of another user's and an unset HOME the scripts.
. tests/cli/tap.sh

# ---- Blanks, quotes and letters in the path ------------------------------------------------------

if nm "$BUILD/obj/src/main.o" 2> /dev/null | grep -q '__[at]san'; then
    skip "a checkout in an odd folder" "an instrumented build"
else
    copy="$work/it's a \"folder\" of é"
    mkdir -p "$copy/build/tests/host"
    cp -a Makefile README.md LICENSE CHANGELOG.md src lua tests scripts examples docs "$copy"
    cp -a "$BUILD/obj" "$BUILD/libperigee.a" "$BUILD/perigee" "$BUILD/flags" "$BUILD/revision.h" "$copy/build"
    cp -a "$BUILD/tests/failing_malloc.so" "$BUILD/tests/test_error" "$copy/build/tests"
    [ ! -d "$BUILD/doc" ] || cp -a "$BUILD/doc" "$copy/build"
    rm "$copy/build/obj/src/main.o"
    compiler=$(sed 's/ -I.*//' "$BUILD/flags")
    out=$(cd "$copy" && env -u MAKEFLAGS -u MFLAGS make CC="$compiler" build/perigee 2> "$work/err")
    err=$(cat "$work/err")
    check_match "it builds what is missing" "$out" "*build/obj/src/main.o*build/perigee*"
    check_match "and nothing else, without a complaint" "$err$out" "[!*]*-c -o build/obj/src/main.o src/main.c
*-o build/perigee *"
    for test in core/test_error lua/test_blame found/test_failing_saves; do
        out=$(cd "$copy" && tests/run build "$test" 2>&1)
        check "$test passes there" [ $? = 0 ]
    done
    out=$(cd "$copy" && PERIGEE=$copy/build/perigee BUILD=build sh tests/cli/test_prompt.sh 2>&1)
    check "a conversation at the prompt too" [ $? = 0 ]
    out=$(cd "$copy" && make -s CC="$compiler" install-files DESTDIR="$work/here and there" 2>&1)
    check "and it is installed" [ -x "$work/here and there/usr/local/bin/perigee" ]
fi

# Lua's own list of folders cannot say these.
mkdir -p "$work/a;b?c/build" "$work/a;b?c/lua"
cp "$perigee" "$work/a;b?c/build"
cp -R lua/perigee "$work/a;b?c/lua"
out=$("$work/a;b?c/build/perigee" -e 'print(perigee.lua_dir, #data.digits(3), require("perigee.init"))' 2>&1)
check_equal "a semicolon and a question mark in the path" "$out" "$(cd "$work" && pwd -P)/a;b?c/lua	3	true"

# ---- Somebody else's build -----------------------------------------------------------------------

# Root may write everything: what another user may is tried as nobody.
as_other() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi
}
chmod 755 "$work"
mkdir -p "$work/tree/build" "$work/home"
cp -a scripts examples "$work/tree"
printf 'all: build/revision.h\nbuild/revision.h:\n\t@echo new > $@\n' > "$work/tree/Makefile"
cat > "$work/tree/scripts/only-build" <<'END'
. scripts/lib.sh
build all && echo built
END
touch "$work/tree/build/old"
chmod 555 "$work/tree/build"
chmod -R go+rX "$work/tree"
try() { # command…
    "$@" > "$work/out" 2> "$work/err"
    status=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}
in_tree() { # command…
    (cd "$work/tree" && as_other "$@")
}
if ! as_other true 2> /dev/null || as_other test -w "$work/tree/build"; then
    skip "somebody else's build" "nobody else to be"
else
    try in_tree sh scripts/only-build
    check_equal "what cannot be built ends with status 1" "$status" 1
    check_match "and with one sentence" "$err" "scripts/only-build: cannot write build* in $work/tree, which belongs to *: let * build, \
or remove the folder build, or copy the checkout to a folder of your own"
    chmod 755 "$work/tree/build"
    touch "$work/tree/build/revision.h"
    chmod 555 "$work/tree/build"
    try in_tree sh scripts/only-build
    check_equal "what is whole serves as it is" "$status $out" "0 built"
    try in_tree sh "$work/tree/scripts/tutorial"
    check_match "the figure's folder is looked at first" "$status $err" \
        "1 */scripts/tutorial: the figure, dnr.png, goes to the folder this is called from, and $work/tree cannot be written*"
fi
chmod 755 "$work/tree/build"

# ---- No home -------------------------------------------------------------------------------------

mkdir "$work/bin"
for tool in sh dirname sed cat ls awk find id; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
for script in scripts/test scripts/tutorial; do
    try env -u HOME -u XDG_DATA_HOME PATH="$work/bin" sh $script
    check_match "$script without HOME goes on to what is missing" "$status $err" "1 Missing, *apt-get install gcc*"
done
try env -u HOME -u XDG_DATA_HOME -u XDG_STATE_HOME -u XDG_CONFIG_HOME "$perigee" -e 'print(data.has_mnist() ~= nil, 2)'
check_equal "so does the program" "$status $out$err" "0 true	2"
finish
