# static — gcc -fanalyzer, clang-tidy, cppcheck and luacheck over everything, file by file. About an hour of a core
. tests/long/lib.sh

out=$LONG_STATE/findings
mkdir -p "$out"

# The flags that everything is compiled with, but for optimisation and warnings.
flags=$(make -s -f - told << 'EOF'
include Makefile
told:
	@:
$(info $(ALL_CPPFLAGS) -std=c11 -I$(BUILD) -pthread -U_FORTIFY_SOURCE)
EOF
)

# An MPI that is installed, for the module that talks to it.
mpi=''
for pc in ompi-c mpich; do
    ! pkg-config --exists "$pc" 2> /dev/null || mpi=$pc
done

# tests/static has what tools that see one file alone do not know of the others; where that is defined it is known. A
# file beside the folders finds theirs before any -I.
flags_of() { # file
    case $1 in
        src/mpi/module/*) echo "$flags -DPERIGEE_MPI_LIBRARY='\"MPI\"' $(pkg-config --cflags "$mpi")" ;;
        src/core/error.c | src/bind/bind_functions.c) echo "$flags" ;;
        src/*/*) echo "-Itests/static $flags" ;;
        *) echo "-Itests/static -include core/fail.h -include bind/bind.h $flags" ;;
    esac
}

# A line for each C file: it, and our headers that it includes, also by way of others.
with_headers() {
    find src -name '*.[ch]' | sort | xargs awk '
        function visit(file, part, n, i) {
            if (seen[file]++)
                return
            all = all " " file
            n = split(includes[file], part, " ")
            for (i = 1; i <= n; i++)
                visit(part[i])
        }
        FNR == 1 { known[FILENAME]; beside = FILENAME; sub("[^/]*$", "", beside) }
        /^# *include "/ { split($0, at, "\""); includes[FILENAME] = includes[FILENAME] " src/" at[2] " " beside at[2] }
        END {
            for (file in known)
                if (file ~ /c$/) {
                    split("", seen)
                    all = ""
                    visit(file)
                    n = split(all, part, " ")
                    line = ""
                    for (i = 1; i <= n; i++)
                        if (part[i] in known)
                            line = line part[i] " "
                    print line
                }
        }'
}

# What a tool's word on a file hangs on: the file and its headers, and what the tool is told.
key_of() { # tool file words…
    case $1 in clang-tidy) told=.clang-tidy ;; cppcheck) told=tests/static/cppcheck.supp ;; *) told= ;; esac
    { cat $(grep "^$2 " "$out/headers") tests/static/*/*.h $told; echo "$*"; } | cksum
}

# A tool on a file: what it says is a finding, and so is that it fails. What has been looked at is so again when it,
# or what it includes, has changed.
look() { # tool file command…
    tool=$1 file=$2
    step=$tool-$(echo "$file" | tr / _)
    shift 2
    key=$(key_of "$tool" "$file" "$*")
    ! is_done "$step" || [ "$(cat "$LONG_STATE/done.$step")" != "$key" ] || return 0
    left || pause
    if ! nice -n 10 sh -c "$*" > "$out/$step" 2>&1 || [ -s "$out/$step" ]; then
        cat "$out/$step"
        found="$found $step"
        return 0
    fi
    rm -f "$out/$step"
    echo "$key" > "$LONG_STATE/done.$step"
}

has() {
    command -v "$1" > /dev/null || { echo "static: $1 is not here" >&2; missing="$missing $1"; return 1; }
}

found=''
missing=''
tools=''
files=$(ls src/*.c src/*/*.c ${mpi:+src/mpi/module/*.c})
with_headers > "$out/headers"
if has gcc; then
    tools="$tools, gcc $(gcc -dumpfullversion) -fanalyzer"
    # Three of its checks are noise in gcc 12: structs that another function fills, memory that a member holds, the
    # other arm of a ?: that was decided elsewhere. clang's analyzer looks for all of them, the sanitizers' tests too.
    quiet='-Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-malloc-leak -Wno-analyzer-null-dereference'
    # Without the parameter what || and && ask is asked at once, and what was tested is forgotten.
    quiet="$quiet --param=logical-op-non-short-circuit=0"
    for file in $files; do
        # Loops that are unrolled for each instruction set have more ways than it can follow in an hour: two a place.
        fewer=''
        ! grep -q lanes_avx512.h "$file" ||
            fewer=' --param=analyzer-max-enodes-per-program-point=2 --param=analyzer-bb-explosion-factor=1'
        look gcc "$file" "gcc $(flags_of "$file") -O1 -fanalyzer $quiet$fewer -c -o /dev/null $file"
    done
fi
if has clang-tidy; then
    tools="$tools, clang-tidy $(clang-tidy --version | sed -n 's/.*version \([0-9.]*\).*/\1/p')"
    for file in $files; do
        more=
        case $file in
            src/core/array_sort.c) more='--checks=-clang-analyzer-* ' ;; # on which that of version 14 crashes
        esac
        look clang-tidy "$file" "clang-tidy --quiet $more$file -- $(flags_of "$file") 2> $out/chatter"
    done
fi
if has cppcheck; then
    tools="$tools, $(cppcheck --version | tr 'C' 'c')"
    for file in $files; do
        look cppcheck "$file" "cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr \
            --suppressions-list=tests/static/cppcheck.supp -Isrc -D_GNU_SOURCE -DPERIGEE_VERSION='\"0\"' $file"
    done
fi
if has luacheck; then
    tools="$tools, luacheck"
    make -s lint-lua > "$out/luacheck" 2>&1 || { cat "$out/luacheck"; found="$found luacheck"; }
fi
[ -z "$found" ] || { echo "findings:$found" >&2; exit 1; }
[ -z "$missing" ] || { echo "not looked at by:$missing" >&2; exit 2; }
finish "$(echo "$files" | wc -l) C files and all Lua files, no findings (${tools#, })"
