# prompt.sh — for tests that talk to the prompt on a pseudo-terminal. Sourced. The conversation comes on
# standard input of `converse`, for expect, after prompt.tcl.
if ! command -v expect > /dev/null; then
    echo "1..1"
    echo "ok 1 # SKIP no expect here"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/perigee-cli.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM HUP # tests/run was interrupted
mkdir "$work/home"
export work

converse() { # VARIABLE=value…
    { cat tests/cli/prompt.tcl; cat; } > "$work/conversation"
    env -u NO_COLOR -u COLORTERM -u PERIGEE_PICTURE -u INPUTRC -u XDG_CONFIG_HOME -u XDG_STATE_HOME \
        HOME="$work/home" TERM=xterm LC_ALL=C.UTF-8 PERIGEE_HISTORY= PERIGEE_PAGER= INPUTRC=/dev/null "$@" \
        expect -f "$work/conversation"
}
