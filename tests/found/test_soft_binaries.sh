# The program was built without the compiler's and the linker's guards.
. tests/cli/tap.sh

if ! command -v readelf > /dev/null 2>&1 || ! readelf -h "$perigee" > /dev/null 2>&1; then
    skip "the guards of a binary" "no readelf, or no ELF"
    finish
    exit 0
fi
readelf -W -h -l -d --dyn-syms "$perigee" > "$work/elf"
if grep -q '__[at]san_init' "$work/elf"; then
    skip "the guards of a binary" "an instrumented build"
    finish
    exit 0
fi
has() { # title pattern
    check "$1" grep -Eq "$2" "$work/elf"
}
has "its place in memory is drawn by lot" '^ *Type: *DYN'
has "tables of functions are written before main" 'GNU_RELRO'
has "all of them" 'BIND_NOW|FLAGS_1.* NOW'
has "no stack is executed" 'GNU_STACK .* RW '
has "a stack that overflows is noticed" '__stack_chk_fail'
has "and a buffer" '__(snprintf|fprintf|memcpy)_chk'

# The user's own flags are added to these, not put in their place.
flags() { # VARIABLE=value…: how one file would be compiled, and the program linked
    env -u CFLAGS -u CPPFLAGS -u LDFLAGS -u MAKEFLAGS -u MFLAGS make -n -W src/main.c BUILD="$work/none" "$@" 2>&1 |
        grep -E -- '-o [^ ]*/(main\.o|perigee) '
}
check_match "CFLAGS, CPPFLAGS and LDFLAGS come last" \
    "$(flags CFLAGS=-O2 CPPFLAGS=-Done LDFLAGS=-Wl,-z,two "$work/none/perigee")" \
    "*-Isrc*-Done *-O3*-fstack-protector-strong*-O2 *-z,now*-Wl,-z,two -o *"
check "their FORTIFY is not defined twice" differs "$(flags CPPFLAGS=-D_FORTIFY_SOURCE=2)" "*FORTIFY_SOURCE*FORTIFY_SOURCE*"
check "nor where nothing is optimised" differs "$(flags CFLAGS=-O0)" "*FORTIFY_SOURCE*"
check "HARDEN= leaves all of it out" differs "$(flags HARDEN=)" "*stack-protector*"
finish
