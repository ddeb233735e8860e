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

finish
