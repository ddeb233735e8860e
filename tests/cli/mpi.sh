# mpi.sh — running the program under MPI, for the shell tests. Sourced after tap.sh. Each implementation has a
# launcher and a module of its own; where several are installed, `mpirun` is that of one of them. Of ranks test_mpi has
# 1, 2 and 4, the others fewer, as starts take most of their time; PERIGEE_TEST_RANKS="1 2 4" is for all.

# The launcher of this implementation, where it is installed and the program has been built for it.
mpi_launcher() { # openmpi | mpich
    [ -e "$(dirname "$perigee")/perigee_mpi_$1.so" ] || return
    for launcher in "mpirun.$1" "mpiexec.$1" mpiexec.hydra mpirun mpiexec; do
        command -v $launcher > /dev/null 2>&1 || continue
        case $1:$($launcher --version 2>&1 | tr -d '\n') in
            openmpi:*"Open MPI"* | openmpi:*OpenRTE* | mpich:*HYDRA* | mpich:*MPICH*)
                echo $launcher
                return ;;
        esac
    done
}

# Use this implementation from here on.
use_mpi() { # openmpi | mpich
    implementation=$1 launcher=$(mpi_launcher $1) launch=$launcher
    [ $1 = openmpi ] || return 0
    # Open MPI 5 complains of TCP where the only interface is the loopback, which ranks on one host do without.
    export OMPI_MCA_btl=^tcp
    export OMPI_MCA_pml=ob1 # the search for networks takes a fifth of a second of each start
    launch="$launcher --oversubscribe"
    [ "$(id -u)" != 0 ] || launch="$launch --allow-run-as-root"
}

# Those that can be used, Open MPI first, or of those that are asked for.
all_mpi() {
    for name in ${PERIGEE_TEST_MPI:-openmpi mpich}; do
        [ -z "$(mpi_launcher $name)" ] || echo $name
    done
}

# What ranks print goes straight to the files: Open MPI 5 ends lines where a piece of the output ends, and now and then
# takes one stream for the other.
run_ranks() { # how many, arguments of the program
    ranks=$1
    shift
    : > out
    : > err
    timeout 60 $launch -np "$ranks" sh -c 'exec "$0" "$@" >> out 2>> err' "$perigee" "$@" > launcher 2>&1 < /dev/null
    status=$?
    cat launcher >> err
    out=$(cat out) err=$(cat err)
}

# A script that ends with "others help" or "alone" on standard error prints the same in one process and in any number of
# ranks, of which the others help.
check_all_ranks() { # script, what is the same
    run_perigee --quiet --threads 1 "$1"
    check_equal "one process" "$status$err" 0alone
    answers=$out
    for n in ${PERIGEE_TEST_RANKS:-2}; do
        run_ranks $n --quiet --threads 1 "$1"
        check_equal "$n ranks" "$status$err" "0$([ $n = 1 ] && echo alone || echo others help)"
        check_equal "with the same $2" "$out" "$answers"
    done
}

# Without any, or with an instrumented program, the test ends here; else with the first of them.
require_mpi() {
    if [ -z "$(all_mpi)" ]; then
        skip "under mpirun" "no mpirun (openmpi-bin), or no mpi.h when the program was built (libopenmpi-dev)"
    elif nm "$perigee" 2> /dev/null | grep -q '__asan_init'; then
        skip "under mpirun" "instrumented: the MPI library's own leaks would be told of"
    else
        use_mpi $(all_mpi | head -1)
        return
    fi
    finish
    exit
}
