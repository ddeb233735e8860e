# scripts/get-mnist against mirrors that are folders of this machine.
. tests/cli/tap.sh

get_mnist() { # mirrors arguments…
    mirrors=$1
    shift
    PERIGEE_MNIST_MIRRORS=$mirrors scripts/get-mnist "$@" > "$work/out" 2> "$work/err"
    status=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}

# Everything below a folder, hidden names too.
listing() {
    (cd "$1" && find . -mindepth 1 | sort | tr '\n' ' ')
}

if ! command -v curl > /dev/null; then
    skip "scripts/get-mnist" "wget does not read file:// mirrors"
    finish
    exit
fi

get_mnist "file://$work/nowhere file://$work/nor-here" "$work/a/b/mnist"
check_equal "no mirror answers: status 1" "$status" 1
check_equal "one line says why" "$err" "get-mnist: MNIST was not downloaded: no train-images-idx3-ubyte.gz from\
 file://$work/nowhere; no train-images-idx3-ubyte.gz from file://$work/nor-here"
check "no folder is left behind" [ ! -e "$work/a" ]

mkdir "$work/wrong" "$work/page"
for name in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    echo wrong | gzip > "$work/wrong/$name-ubyte.gz"
    echo "<html>Sign in</html>" > "$work/page/$name-ubyte.gz"
done
mkdir "$work/b"
get_mnist "file://$work/wrong file://$work/page" "$work/b"
check_equal "other bytes are refused" "$status" 1
check_match "and said to be other ones" "$err" "*file://$work/wrong has another train-images-idx3-ubyte.gz*"
check_equal "they leave nothing behind" "$(listing "$work/b")" ""

get_mnist "" one two
check_equal "misuse is status 1" "$status" 1
get_mnist "" --frobnicate
check_match "an unknown option is named" "$err" "*unknown option --frobnicate*"

source_folder=${PERIGEE_DATA:-../shared/data}/mnist
if [ -f "$source_folder/train-images-idx3-ubyte.gz" ]; then
    source_folder=$(cd "$source_folder" && pwd)
    mkdir "$work/half"
    ln -s "$source_folder"/train-*.gz "$work/half/"
    get_mnist "file://$work/half file://$source_folder" "$work/c d/mnist"
    check_equal "two mirrors, half of it each: status 0" "$status" 0
    check_equal "the files are there and nothing else" "$(listing "$work/c d/mnist")" \
        "./t10k-images-idx3-ubyte.gz ./t10k-labels-idx1-ubyte.gz ./train-images-idx3-ubyte.gz\
 ./train-labels-idx1-ubyte.gz "
    get_mnist "file://$work/nowhere" "$work/c d/mnist"
    check_equal "a second run fetches nothing" "$status$out" "0MNIST is complete in $work/c d/mnist."
    gzip -d "$work/c d/mnist/t10k-images-idx3-ubyte.gz"
    echo damaged > "$work/c d/mnist/t10k-labels-idx1-ubyte.gz"
    echo damaged > "$work/c d/mnist/train-labels-idx1-ubyte"
    get_mnist "file://$source_folder" "$work/c d/mnist"
    check_equal "damaged files are fetched again, they alone" "$out" \
        "train-labels-idx1-ubyte.gz from file://$source_folder
t10k-labels-idx1-ubyte.gz from file://$source_folder
MNIST is complete in $work/c d/mnist."
    get_mnist "file://$work/nowhere" "$work/c d/mnist"
    check_equal "and the set is whole again" "$status" 0
else
    skip "downloads" "no MNIST at hand to play the mirror"
fi

finish
