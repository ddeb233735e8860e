# make docs: the manual, the man page and the editors' definitions come about, and have what they are for.
. tests/cli/tap.sh

# The build that is tested, as it is.
rm -rf "$BUILD/doc"
out=$(env -u MAKEFLAGS -u MFLAGS make -s -o "$BUILD/perigee" BUILD="$BUILD" docs 2> "$work/err")
status=$?
err=$(cat "$work/err")
check "make docs" [ "$status" = 0 -a -z "$err" ]
check "the reference manual" grep -q 'nn\.train' "$BUILD/doc/reference.md"
check "the man page" grep -q '^\.TH PERIGEE 1' "$BUILD/doc/perigee.1"
check "the editors' definitions" grep -q '^function nn\.train' "$BUILD/doc/perigee.lua"

finish
