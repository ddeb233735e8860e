# scripts/get-data against mirrors that are folders of this machine: its checksums are those of small files here.
. tests/cli/tap.sh

# The script with the checksums and lengths of what the mirror has.
mkdir "$work/scripts" "$work/mirror"
cp scripts/get-data scripts/get-mnist "$work/scripts/"
swap() { # old new
    sed "s/$1/$2/" "$work/scripts/get-data" > "$work/swapped" && cat "$work/swapped" > "$work/scripts/get-data"
}
md5() {
    if command -v md5sum > /dev/null; then md5sum; else md5 -q; fi < "$1" | cut -d ' ' -f 1
}

get_data() { # mirrors arguments…
    mirrors=$1
    shift
    PERIGEE_MIRRORS=$mirrors "$work/scripts/get-data" "$@" > "$work/out" 2> "$work/err"
    status=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}

listing() {
    (cd "$1" && find . -mindepth 1 | sort | tr '\n' ' ')
}

if ! command -v curl > /dev/null; then
    skip "scripts/get-data" "wget does not read file:// mirrors"
    finish
    exit
fi

get_data ""
check_match "without a set: which there are" "$status$err" "1get-data: which set? mnist, fashion-mnist, kmnist,*"
get_data "" svhn
check_equal "an unknown set" "$err" \
    "get-data: unknown set svhn: expected mnist, fashion-mnist, kmnist, cifar-10 or cifar-100"
get_data "" kmnist one two
check_equal "too many arguments" "$status$err" "1get-data: usage: get-data SET [FOLDER]"
get_data "" kmnist --force
check_match "an unknown option" "$err" "*unknown option --force*"
get_data "file://$work/nowhere" cifar-10 "$work/a/b"
check_equal "no mirror answers" "$status$err" \
    "1get-data: CIFAR-10 was not downloaded: no cifar-10-binary.tar.gz from file://$work/nowhere"
check "no folder is left behind" [ ! -e "$work/a" ]

# Fashion-MNIST: four files, checked packed, or by their length where somebody unpacked them.
for pair in train-images-idx3:8d4fb7e6c68d591d4c3dfef9ec88bf0d train-labels-idx1:25c81989df183df01b3e8a0aad5dffbe \
    t10k-images-idx3:bef4ecab320f06d8554ea6380940ec79 t10k-labels-idx1:bb300cfdad3c16e7a12a480ee83cd310; do
    name=${pair%:*}-ubyte
    case $name in
        *images*) printf '\0\0\010\003\0\0\0\001\0\0\0\034\0\0\0\034' && head -c 784 /dev/zero ;;
        *) printf '\0\0\010\001\0\0\0\001\007' ;;
    esac | gzip -c > "$work/mirror/$name.gz"
    swap "${pair#*:}" "$(md5 "$work/mirror/$name.gz")"
done
swap 47040016 800
swap 7840016 800
swap 60008 9
swap 10008 9
mkdir "$work/other"
echo other | gzip > "$work/other/train-images-idx3-ubyte.gz"
get_data "file://$work/other" fashion-mnist "$work/d"
check_equal "another file is refused" "$status$err" \
    "1get-data: Fashion-MNIST was not downloaded: file://$work/other has another train-images-idx3-ubyte.gz"
PERIGEE_DATA=$work/data get_data "file://$work/other file://$work/mirror" fashion-mnist
check_match "the next mirror has it" "$status$out" "0*Fashion-MNIST is complete in $work/data/fashion-mnist."
check_equal "four files and no more" "$(listing "$work/data/fashion-mnist")" "./t10k-images-idx3-ubyte.gz\
 ./t10k-labels-idx1-ubyte.gz ./train-images-idx3-ubyte.gz ./train-labels-idx1-ubyte.gz "
gzip -d "$work/data/fashion-mnist/train-images-idx3-ubyte.gz"
get_data "file://$work/nowhere" fashion-mnist "$work/data/fashion-mnist"
check_equal "unpacked by hand it is still complete" "$status$out" \
    "0Fashion-MNIST is complete in $work/data/fashion-mnist."
echo damaged > "$work/data/fashion-mnist/train-images-idx3-ubyte"
get_data "file://$work/mirror" fashion-mnist "$work/data/fashion-mnist"
check_match "a damaged file is fetched again" "$out" "train-images-idx3-ubyte.gz from file://$work/mirror*complete*"
PERIGEE_DATA=$work/data run_perigee -e 'local ds, names = data.fashion_mnist("test") print(ds, names[7])'
check_match "and the program reads it" "$out" "*Fashion-MNIST test*1 sample of 28x28, label 7*Sneaker*"

# CIFAR-10: an archive.
mkdir -p "$work/make/cifar-10-batches-bin" "$work/c"
for name in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
    { printf '\003' && head -c 3072 /dev/zero; } > "$work/make/cifar-10-batches-bin/$name.bin"
    swap 30730000 3073
done
printf 'a\nb\nc\ncat\ne\nf\ng\nh\ni\nj\n\n' > "$work/make/cifar-10-batches-bin/batches.meta.txt"
tar -czf "$work/mirror/cifar-10-binary.tar.gz" -C "$work/make" cifar-10-batches-bin
get_data "file://$work/mirror" cifar-10 "$work/c"
check_match "another archive is refused" "$status$err" "1*has another cifar-10-binary.tar.gz"
check_equal "and leaves nothing behind" "$(listing "$work/c")" ""
swap c32a1d4ab5d03f1284b67883e8d87530 "$(md5 "$work/mirror/cifar-10-binary.tar.gz")"
PERIGEE_DATA=$work/data get_data "file://$work/mirror" cifar-10
check_match "an archive's files get their place" "$status$out" "0*CIFAR-10 is complete in $work/data/cifar-10-batches-bin."
PERIGEE_DATA=$work/data get_data "file://$work/nowhere" cifar-10
check_equal "a second run fetches nothing" "$status" 0
PERIGEE_DATA=$work/data run_perigee -e 'local ds, names = data.cifar10() print(#ds, ds.source, names[ds.y[1]])'
check_equal "and the program reads them" "$out" "5	CIFAR-10 train	cat"
head -c 100 "$work/data/cifar-10-batches-bin/test_batch.bin" > "$work/cut"
cat "$work/cut" > "$work/data/cifar-10-batches-bin/test_batch.bin"
PERIGEE_DATA=$work/data get_data "file://$work/mirror" cifar-10
check_match "a file that is cut short is put right" "$status$out" "0cifar-10-binary.tar.gz from*"
finish
