# lib.sh — what every part of tests/long begins with: . tests/long/lib.sh
#
# $LONG_STATE is the part's folder, which stays between runs.
set -u
LC_ALL=C
export LC_ALL

# Is there time left?
left() {
    [ "$(date +%s)" -lt "$LONG_END" ]
}

# End here; the same command goes on.
pause() {
    exit 75
}

# Whether a step has been done by an earlier run, and that it has.
is_done() { # step
    [ -e "$LONG_STATE/done.$1" ]
}
mark_done() { # step
    : > "$LONG_STATE/done.$1"
}

# Sets $seed, says it and keeps it: PERIGEE_LONG_SEED's, that of what has been done, or a new one.
keep_seed() {
    kept=$(cat "$LONG_STATE/seed" 2> /dev/null)
    seed=${PERIGEE_LONG_SEED:-${kept:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}}
    if [ "$seed" != "${kept:-$seed}" ]; then
        echo "$LONG_PART: the seed of what has been done is $kept; tests/long/run --again $LONG_PART begins anew" >&2
        exit 2
    fi
    echo "$seed" > "$LONG_STATE/seed"
    echo "$LONG_PART: seed $seed"
}

# The part has come to its end: a line with its figures, above the older ones in its section of RELIABILITY.md. Its
# state goes, so that the next run begins anew.
finish() { # figures
    revision=$(git describe --always 2> /dev/null || echo 'no revision')
    git diff --quiet HEAD -- . ':!tests/RELIABILITY.md' 2> /dev/null
    [ $? != 1 ] || revision=$revision-dirty # the record itself does not count
    line="- $(date +%Y-%m-%d), $revision: $1"
    LONG_LINE=$line awk -v mark="<!-- figures: $LONG_PART -->" '
        { print }
        index($0, mark) { print ENVIRON["LONG_LINE"]; found = 1 }
        END { exit !found }' tests/RELIABILITY.md > "$LONG_STATE/figures.md" || {
        echo "tests/long: tests/RELIABILITY.md has no line <!-- figures: $LONG_PART -->" >&2
        exit 2
    }
    cat "$LONG_STATE/figures.md" > tests/RELIABILITY.md
    echo "$line"
    rm -rf "$LONG_STATE"
    exit 0
}
