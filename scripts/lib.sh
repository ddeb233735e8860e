# lib.sh — what the scripts share: which packages the project needs, and getting those that are
# missing. Sourced, not run; the caller has changed into the project's top folder.

# One line a need: its test, then the package's name for apt, dnf, pacman, zypper, brew ("-": comes
# with the system, or is not packaged there).
needs_build='
program:cc         gcc                         gcc              gcc         gcc             -
header:stdio.h     libc6-dev                   glibc-devel      glibc       glibc-devel     -
program:make       make                        make             make        make            make
program:pkg-config pkg-config                  pkgconf          pkgconf     pkgconf         pkgconf
module:lua5.4      liblua5.4-dev               lua-devel        lua         lua54-devel     lua@5.4
module:openblas    libopenblas-pthread-dev     openblas-devel   openblas    openblas-devel  openblas
header:libsvm/svm.h libsvm-dev                 libsvm-devel     libsvm      libsvm-devel    libsvm
module:libcjson    libcjson-dev                cjson-devel      cjson       cJSON-devel     cjson
module:zlib        zlib1g-dev                  zlib-devel       zlib        zlib-devel      zlib
module:libzip      libzip-dev                  libzip-devel     libzip      libzip-devel    libzip
module:libpng      libpng-dev                  libpng-devel     libpng      libpng16-devel  libpng
module:libjpeg     libjpeg-dev                 libjpeg-turbo-devel libjpeg-turbo libjpeg8-devel jpeg-turbo
module:readline    libreadline-dev             readline-devel   readline    readline-devel  readline
'
# Figures in windows, where there is a display; else in files and in the terminal alone, by a smaller package.
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    needs_build="${needs_build}program:gnuplot gnuplot-qt gnuplot gnuplot gnuplot gnuplot
"
else
    needs_build="${needs_build}program:gnuplot gnuplot-nox gnuplot-minimal gnuplot gnuplot gnuplot
"
fi
needs_test='
module:cmocka      libcmocka-dev               libcmocka-devel  cmocka      libcmocka-devel cmocka
lua:luaunit        lua-unit                    -                -           -               -
program:expect     expect                      expect           expect      expect          expect
program:curl       curl                        curl             curl        curl            curl
'
# Without these nothing runs under MPI, and its tests are skipped.
needs_mpi='
module:ompi-c      libopenmpi-dev              -                -           -               -
launcher:Open      openmpi-bin                 openmpi          openmpi     openmpi         open-mpi
'
# What tests/numbers compares arrays with; without it that is skipped.
needs_numpy='
python:numpy       python3-numpy               python3-numpy    python-numpy python3-numpy  numpy
'
# Style and the form of documents are checked by these; without them they are not.
needs_lint='
program:groff      groff-base                  groff-base       groff       groff           groff
program:xmllint    libxml2-utils               libxml2          libxml2     libxml2-tools   libxml2
program:luacheck   lua-check                   luacheck         luacheck    lua54-luacheck  luacheck
program:clang-format-14 clang-format-14        -                clang14     clang14         llvm@14
'
needs_download='
program:curl       curl                        curl             curl        curl            curl
file:/etc/ssl/certs/ca-certificates.crt ca-certificates ca-certificates ca-certificates ca-certificates -
'

have() {
    command -v "$1" > /dev/null 2>&1
}

# Is this need met? The thing itself is looked for, not its package: it may come from anywhere.
need_met() { # kind:name
    name=${1#*:}
    case $1 in
        program:cc) have "${CC:-gcc}" || have cc ;;
        program:pkg-config) have "${PKG_CONFIG:-pkg-config}" ;;
        program:*) have "$name" ;;
        module:lua5.4)
            for lua in lua5.4 lua-5.4 lua54 lua; do
                pkg-config --exists "$lua >= 5.4" 2> /dev/null && return 0
            done
            return 1 ;;
        module:*) pkg-config --exists "$name" 2> /dev/null ;;
        header:*) echo "#include <$name>" | "${CC:-gcc}" ${CPPFLAGS:-} -E - > /dev/null 2>&1 ;;
        lua:*) find_lua_module "$name" ;;
        python:*) find_python "$name" > /dev/null ;;
        launcher:*) # another MPI may have the plain name
            for mpirun in mpirun.openmpi mpirun; do
                have $mpirun && $mpirun --version 2>&1 | grep -q "$name" && return 0
            done
            return 1 ;;
        file:*) [ -e "$name" ] ;;
    esac
}

# In the folders where tests/lua/run.lua looks for it: luaunit is the same file for every Lua 5.
find_lua_module() { # name
    for folder in /usr/share/lua /usr/local/share/lua "${HOME:-/nonexistent}/.luarocks/share/lua"; do
        for version in 5.4 5.3 5.1; do
            [ -f "$folder/$version/$1.lua" ] && return 0
        done
    done
    return 1
}

# A Python that has this module: the system's own too, which another may hide.
find_python() { # module
    for python in python3 /usr/bin/python3; do
        "$python" -c "import $1" 2> /dev/null && { echo "$python"; return 0; }
    done
    return 1
}

# The packages of unmet needs, for the manager in the given column (2: apt, 3: dnf, …).
missing_packages() { # table column
    echo "$1" | while read -r need apt dnf pacman zypper brew; do
        [ -n "$need" ] || continue
        need_met "$need" && continue
        case $2 in
            2) package=$apt ;; 3) package=$dnf ;; 4) package=$pacman ;;
            5) package=$zypper ;; *) package=$brew ;;
        esac
        if [ "$package" = - ]; then package="(${need#*:}: not packaged)"; fi
        printf '%s ' "$package"
    done
}

# Print a command, then run it as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        echo "+ $*"
        "$@"
    else
        echo "+ sudo $*"
        sudo "$@"
    fi
}

# Root, or a sudo that works: without a terminal it must not ask for a password.
may_install() {
    [ "$(id -u)" = 0 ] && return 0
    have sudo || return 1
    if [ -t 0 ]; then sudo -v; else sudo -n true 2> /dev/null; fi
}

name_packages() { # table
    echo "Missing, and not installable from here: install these with your system's package manager."
    if have apt-get; then echo "  apt-get install $(missing_packages "$1" 2)"; known=1; fi
    if have dnf; then echo "  dnf install $(missing_packages "$1" 3)"; known=1; fi
    if have pacman; then echo "  pacman -S $(missing_packages "$1" 4)"; known=1; fi
    if have zypper; then echo "  zypper install $(missing_packages "$1" 5)"; known=1; fi
    if have brew; then echo "  brew install $(missing_packages "$1" 6)"; known=1; fi
    if [ -z "${known:-}" ]; then
        echo "  Debian, Ubuntu:  apt-get install $(missing_packages "$1" 2)"
        echo "  Fedora:          dnf install $(missing_packages "$1" 3)"
        echo "  Arch:            pacman -S $(missing_packages "$1" 4)"
        echo "  openSUSE:        zypper install $(missing_packages "$1" 5)"
        echo "  macOS:           brew install $(missing_packages "$1" 6)"
    fi
}

# Install what is missing of these needs, or name it and end the script with status 1.
require_needs() { # table
    packages=$(missing_packages "$1" 2)
    [ -n "$packages" ] || return 0
    if ! have apt-get || ! may_install; then
        name_packages "$1" >&2
        exit 1
    fi
    install_packages $packages || {
        name_packages "$1" >&2
        exit 1
    }
    left=$(missing_packages "$1" 2)
    [ -z "$left" ] || {
        echo "installed, but still not found: $left" >&2
        exit 1
    }
}

# Install what is missing of these needs if that can be done without asking; their users do without.
offer_needs() { # table
    packages=$(missing_packages "$1" 2)
    [ -n "$packages" ] && have apt-get && may_install || return 0
    for package in $packages; do
        install_packages "$package" 2> /dev/null || echo "$package is not to be had here"
    done
}

# The lists of a fresh system are empty or old: they are fetched only if the first try fails.
install_packages() { # package…
    apt_install "$@" 2> /dev/null && return 0
    as_root apt-get -q update && apt_install "$@"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
}

# What is in the folder, or would be made there, and cannot be written; prints the first such file.
unwritable() { # folder
    if [ ! -e "$1" ]; then
        [ -w . ] || echo .
        return
    fi
    find "$1" ! -type l 2> /dev/null | while IFS= read -r file; do
        [ -w "$file" ] && continue
        echo "$file"
        break
    done
}

# One sentence about a build that another user made.
refuse_build() { # file
    owner=$(ls -ld "$1" | awk '{ print $3 }')
    echo "$0: cannot write $1 in $PWD, which belongs to $owner: let $owner build, or remove the folder" \
        "build, or copy the checkout to a folder of your own" >&2
    exit 1
}

# Build these targets. A build of somebody else serves where nothing is missing in it.
build() { # target…
    foreign=$(unwritable build)
    if [ -z "$foreign" ]; then
        make -s -j"$(processors)" "$@" || exit 1
    elif ! make -s "$@" > /dev/null 2>&1; then
        refuse_build "$foreign"
    fi
}

# The number of processors, for make.
processors() {
    nproc 2> /dev/null || getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2
}
