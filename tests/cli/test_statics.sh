# State hangs on a context (core/context.h): what is static and can change is the process's by nature.
. tests/cli/tap.sh

allowed='core/blas once
core/blas_buffers buffers
core/blas_buffers once
core/blas_start before_libraries
core/blas_start lent
core/blas_start over
core/context entered
core/context process_context
core/json once
core/parallel inside_loop
host/interrupt before_all
host/interrupt foreground
host/interrupt turn
host/line breaks
host/line line
host/line next
host/line quotes
host/typing before
host/typing before_continuing
host/typing before_resizing
host/typing typing
svm/libsvm iterations
svm/libsvm once'

# "core/blas once" for each variable of the objects that can be written to, a thread's own included. A
# constant table of addresses is .data.rel.ro: written by the loader alone.
variables() { # object…
    nm -f sysv "$@" | awk -F '|' '
        /^Symbols from / { file = $0; sub(/.*\/src\//, "", file); sub(/\.o(\[.*)?:$/, "", file) }
        { gsub(/ /, "") }
        $4 ~ /^(OBJECT|TLS|COMMON)$/ && $7 !~ /^\.(l?rodata|data\.rel\.ro)/ {
            sub(/\.[0-9]+$/, "", $1) # static in a function
            print file, $1
        }' | sort -u
}

objects=$(dirname "$perigee")/obj
set --
for source in src/*.c src/*/*.c; do
    set -- "$@" "$objects/${source%.c}.o"
done

mkdir "$work/src"
compile() { # C on stdin
    ${CC:-cc} -c -O2 -x c - -o "$work/src/sample.o" && variables "$work/src/sample.o"
}

if nm "$objects/src/main.o" | grep -q '__[at]san'; then
    skip "statics are the process's by nature" "the objects are instrumented"
else
    check_equal "statics are the process's by nature" "$(variables "$@" 2>&1)" "$allowed"
fi
check_equal "a counter is seen" "$(echo 'static int counter; int count(void) { return ++counter; }' | compile)" \
    'sample counter'
check_equal "a function's own and a thread's are seen" "$(compile << 'END' | tr '\n' ' '
int count(void) { static int calls = 3; static _Thread_local int own; return ++calls + ++own; }
END
)" "sample calls sample own "
check_equal "tables are constant" "$(compile << 'END'
static const char *const word[] = { "a", "b" };
const struct { const char *name; int (*run)(void); } kind = { "c", 0 };
const char *get(int i) { static const double half = 0.5; return half > i ? kind.name : word[i]; }
END
)" ""
finish
