# Calls go one way: which room may include which, and no circle among files.
. tests/cli/tap.sh

# A room, or a file beside them, and what it may include besides itself.
rooms='
    main     repl host bind core
    repl     host bind core
    host     mpi core
    bind     mpi files attack reject classic svm nn plot grad data model core
    files    attack reject classic svm nn data model core
    attack   model core
    reject   classic svm nn data model core
    svm      data model core
    classic  data model core
    nn       data model core
    plot     core
    grad     nn model core
    data     core
    mpi      core
    model    core
    core
'

# "nn/pass nn/layer" for each #include in the sources under $1; foo.c and foo.h are one file.
arrows() {
    (cd "$1" && grep -rHo --include='*.[ch]' '^#include "[^"]*"' .) |
        sed 's/^\.\///; s/\.[ch]:#include "/ /; s/\.h"$//' | grep -v ' revision$'
}

strays() {
    arrows "$1" | awk -v rooms="$rooms" '
        BEGIN {
            for (n = split(rooms, line, "\n"); n > 0; n--)
                for (k = split(line[n], word, " "); k > 0; k--) may[word[1], word[k]] = 1
        }
        { split($1, from, "/"); split($2, to, "/") }
        !((from[1], to[1]) in may)'
}

circles() {
    arrows "$1" | awk '$1 != $2' | tsort 2>&1 > "$work/order"
}

includers() { # of <$1.h>
    grep -rlE "include <(.*/)?($1)\.h>" src | sort | tr '\n' ' '
}

check_equal "no room includes what it should not know" "$(strays src)" ""
check_equal "no circle among files" "$(circles src)" ""
check_equal "libsvm's header is for one file" "$(includers svm)" "src/svm/libsvm.c "
check_equal "Lua's headers are for bind, host, main and the prompt" \
    "$(includers 'lua|lauxlib|lualib' | tr ' ' '\n' | grep -v '^src/\(bind/\|host/\|main\.c\|repl\.[ch]\)')" ""
# bind_error puts a message under the name that users call the function by.
check_equal "no binding raises Lua's own errors" "$(grep -rlE 'luaL_(arg)?error\(' src/bind)" ""
# Else a touch of either rebuilds everything: core/types.h has their names.
check_equal "headers hand on errors and arrays by name" \
    "$(grep -rl --include='*.h' '#include "core/\(error\|array\)\.h"' src | sort)" "src/bind/bind_array.h"

cp -R src "$work/src"
echo '#include "bind/bind.h"' >> "$work/src/core/rng.c"
check_equal "an arrow that runs back is seen" "$(strays "$work/src")" "core/rng bind/bind"
echo '#include "nn/network.h"' >> "$work/src/nn/layer.h"
check_match "a circle is seen" "$(circles "$work/src")" "*loop*nn/network*"
finish
