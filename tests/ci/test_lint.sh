# The rules of style that a program can check: make lint.
. tests/cli/tap.sh

for part in lint-lua lint-c; do
    out=$(env -u MAKEFLAGS -u MFLAGS make -s "$part" 2> "$work/err")
    status=$?
    err=$(cat "$work/err")
    case $out in
        skipped:*) skip "$part" "${out#skipped: }" ;;
        *) check "make $part" [ "$status" = 0 ] ;;
    esac
done
empty=$(find . \( -path ./build -o -path ./data -o -name .git \) -prune -o -type f -empty -print)
check_equal "no file is empty, as what a fuzzer or an editor leaves is" "$empty" ""

finish
