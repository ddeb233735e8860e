# fuzz — every reader of files on 10 million mutated ones of up to 4 kB and 200 000 of up to 1 MB each, a tenth of them guided and sanitized; three hours
. tests/long/lib.sh

# A round gives each reader that is not done a minute of small files and a third of one of large ones, of each way
# of trying them (tests/fuzz/run). What has been counted is in $LONG_STATE/NAME.LENGTH, quick ones in
# NAME.LENGTH.quick, and as a table in tests/RELIABILITY.md.
small=4096 large=1048576
goal_small=10000000 goal_large=200000

make -s fuzz-built || exit 2

counted() { # name length [.quick]
    cat "$LONG_STATE/$1.$2${3:-}" 2> /dev/null || echo 0
}

try() { # name length goal seconds [.quick]
    before=$(counted "$1" "$2" "${5:-}")
    [ "$before" -lt "$3" ] || return 0
    if ! left; then
        table
        pause
    fi
    unfinished=yes
    said=$(tests/fuzz/run ${5:+--quick --seed "$before"} --length "$2" --runs $(($3 - before)) --seconds "$4" "$1") || {
        echo "$said"
        table
        exit 1
    }
    echo "$said"
    more=$(echo "$said" | sed -n "s/^$1: \([0-9]*\) executions.*/\1/p")
    echo $((before + ${more:-0})) > "$LONG_STATE/$1.$2${5:-}"
}

# A tenth of the goal guided and sanitized, the rest quickly.
both() { # name length goal seconds
    try "$1" "$2" $(($3 / 10)) "$4"
    try "$1" "$2" $(($3 - $(counted "$1" "$2"))) "$4" .quick
}

# The counts so far, in place of those that stand there.
table() {
    {
        echo "| reader | up to 4 kB: guided, sanitized | quick | up to 1 MB: guided, sanitized | quick |"
        echo "| --- | ---: | ---: | ---: | ---: |"
        for name in $(tests/fuzz/run --list); do
            echo "| $name | $(counted "$name" $small) | $(counted "$name" $small .quick) |" \
                "$(counted "$name" $large) | $(counted "$name" $large .quick) |"
        done
    } > "$LONG_STATE/table"
    awk -v table="$LONG_STATE/table" '
        /^<!-- counts: fuzz -->/ { print; while ((getline line < table) > 0) print line; skipping = 1; next }
        /^<!-- end of counts -->/ { skipping = 0 }
        !skipping { print }' tests/RELIABILITY.md > "$LONG_STATE/reliability.md"
    cat "$LONG_STATE/reliability.md" > tests/RELIABILITY.md
}

# Those of whom least has been counted come first.
in_order() {
    for name in $(tests/fuzz/run --list); do
        echo "$(($(counted "$name" $small) + $(counted "$name" $small .quick))) $name"
    done | sort -n | sed 's/.* //'
}

unfinished=yes
while [ "$unfinished" ]; do
    unfinished=
    for name in $(in_order); do
        both "$name" $small $goal_small 60
        both "$name" $large $goal_large 20
    done
done
table
finish "$(tests/fuzz/run --list | wc -l) readers, $goal_small files of up to 4 kB and $goal_large of up to 1 MB each, a tenth or more of them guided and sanitized: nothing found"
