# Every kind of file that the program writes, where there is no room for it or no leave to write: the old file stays,
# whole and alone, and one sentence says why. PERIGEE_STARVE=long tries a disk that really is full, page by page, and
# folders that are read-only or another's, where the machine lets it (root, for mounts of its own).
. tests/cli/tap.sh

case $perigee in
    */asan/* | */ubsan/* | */tsan/*)
        skip "files without room" "an instrumented build"
        finish
        exit 0
        ;;
esac
disk=$work
if [ -w /dev/shm ]; then # waiting for a disk is not what is tested
    disk=$(mktemp -d /dev/shm/perigee.XXXXXX)
    trap 'rm -rf "$disk" "$work"' EXIT
fi
mkdir "$disk/now" "$disk/after" || exit 1

# full.lua, under what a line of the shell's prepares, with mounts of its own; its TAP becomes a line of ours.
try() { # title preparation argument…
    title=$1
    echo "$2" > "$work/prepared"
    echo 'exec "$@"' >> "$work/prepared"
    case $2 in mount*) own="unshare -m" ;; *) own= ;; esac
    shift 2
    out=$($own sh "$work/prepared" "$perigee" --quiet tests/inject/full.lua "$@" 2>&1)
    status=$?
    err=
    good=$(printf '%s\n' "$out" | grep -c '^ok')
    tried=$((${tried:-0} + good))
    check "$title" [ "$status" = 0 -a "$good" -gt 0 -a "$(printf '%s\n' "$out" | grep -c '^not ok')" = 0 ]
}
as_before() { # title
    check_equal "$1: nothing beside the files" "$(ls "$disk/now" | grep -v '^sweep$')" "$(ls "$disk/after")"
    check_equal "$1: nor half a piece of the evaluation" "$(find "$disk/now" -name '*.part')" ""
}

prepare() {
    rm -rf "$disk/now"/* "$disk/after"/*
    try "all kinds are known" "" prepare "$disk/now" "$disk/after"
}
prepare
try "no byte" 'ulimit -f 0' refused "$disk/now" "File too large"
as_before "no byte"

[ "${PERIGEE_STARVE:-}" = long ] || { finish; exit; }

# ---- What takes leave of the machine, or longer -------------------------------------------------------------------

prepare
try "some blocks" 'ulimit -f 4' some "$disk/now" "File too large" "$disk/after"
as_before "some blocks"
try "an evaluation goes on" "" resume "$disk/now"
if unshare -m mount -t tmpfs none "$disk/after" > /dev/null 2>&1; then
    mkdir "$disk/small"
    try "a disk of a megabyte, page by page" "mount -t tmpfs -o size=1m none $disk/small || exit" pages "$disk/small"
    prepare
    try "a disk that is read-only" "mount --bind $disk/now $disk/now && mount -o remount,bind,ro $disk/now || exit" \
        refused "$disk/now" "Read%-only file system"
    as_before "a disk that is read-only"
    prepare
    try "a full /tmp" "mount -t tmpfs -o size=4k none /tmp; head -c 9999 /dev/zero > /tmp/x" \
        some "$disk/now" "No space left on device" "$disk/after"
    as_before "a full /tmp"
    prepare
    try "a /tmp that is read-only" "mount -t tmpfs -o ro none /tmp" some "$disk/now" "/tmp" "$disk/after"
    as_before "a /tmp that is read-only"
else
    skip "disks of its own" "no mounts of one's own here"
fi
prepare
if [ "$(id -u)" != 0 ]; then
    chmod 555 "$disk/now"
    try "a folder without leave to write" "" refused "$disk/now" "Permission denied"
    chmod 755 "$disk/now"
elif setpriv --reuid 65534 --clear-groups test -x "$perigee" 2> /dev/null; then
    chmod 755 "$disk" "$disk/now"
    try "a folder without leave to write" 'set -- setpriv --reuid 65534 --clear-groups "$@"' \
        refused "$disk/now" "Permission denied"
else
    skip "a folder without leave to write" "root, and no setpriv that becomes another"
fi
as_before "a folder without leave to write"
echo "# figures: $tried saves of every kind without room or leave;"
finish
