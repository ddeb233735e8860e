# scripts/describe-torch-model.py where there is a Python with PyTorch: it writes nets that agree with PyTorch,
# and says what it cannot describe.
. tests/cli/tap.sh

script=$PWD/scripts/describe-torch-model.py models=$PWD/tests/reference/torch_models/models.py python=
for each in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! "$each" -c 'import torch.fx' 2> /dev/null || python=$each
done
if [ -z "$python" ]; then
    skip "describe-torch-model.py" "no Python with PyTorch"
    finish
    exit
fi

# Starting PyTorch takes seconds: after the first time one process runs the script for everybody, as itself each
# time. It reads words line by line up to an empty one, and answers with the status.
cat > "$work/server.py" <<'END'
import os, runpy, sys, torch
words = []
for line in sys.stdin:
    if line != "\n":
        words.append(line[:-1])
        continue
    for number, name in (1, "out"), (2, "err"):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv, words, status = words, [], 0
    path, modules = list(sys.path), set(sys.modules)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        status = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 99
    for name in set(sys.modules) - modules: # another process would not know the user's modules
        del sys.modules[name]
    sys.path[:] = path
    sys.stdout.flush()
    sys.stderr.flush()
    with open("answer", "w") as answer:
        print(status, file=answer)
END
mkfifo "$work/ask" "$work/answer"

describe() {
    printf '%s\n' "$script" "$@" --perigee "$perigee" '' >&3
    read -r status <&4
    out=$(cat "$work/out") err=$(cat "$work/err")
}

# Once as users start it.
(cd "$work" && "$python" "$script" "$models:LeNet" --input 1,14,14 --perigee "$perigee") > "$work/out" 2> "$work/err"
check_match "started by itself" "$? $(cat "$work/out") $(cat "$work/err")" \
    "0 *the largest difference from PyTorch's logits is *"
(cd "$work" && exec "$python" server.py < ask > server.out 2>&1) &
exec 3> "$work/ask" 4<> "$work/answer" # to and fro: no answer's end is the next one's

for net in 'ResNet(width=4, blocks=1):3,16,16' 'LeNet():1,14,14'; do
    describe "$models:lived(${net%:*})" --input "${net##*:}" --out net
    check "${net%:*}: status 0" [ "$status" = 0 -a -z "$err" ]
    check_match "its difference is told" "$out" "*the largest difference from PyTorch's logits is *"
done

cat > "$work/save.py" <<END
import sys, torch
sys.path.insert(0, "$(dirname "$models")")
import models
torch.save({"state_dict": {"module." + k: v for k, v in models.lived(models.VGG()).state_dict().items()}}, "vgg.pt")
END
(cd "$work" && "$python" save.py)
describe "$models:VGG" --state vgg.pt --input 3,16,16 --out half
check "a state dict with module. in front" [ "$status" = 0 -a -z "$err" ]
describe "$models:VGG().half()" --input 3,16,16 --out half --no-check
check "weights at half precision stay so" grep -q '"F16"' "$work/half.safetensors"

describe "$models:Parametric" --input 4
check_equal "what has no layer: status 1" "$status" 1
check_equal "and its name" "$err" "describe-torch-model: act (PReLU): Perigee has no layer for it"
describe "$models:LeNet" --input 1,15,30
check_match "samples of another shape" "$err" "describe-torch-model: samples of 1 x 15 x 30 (--input) do not go *"
describe vgg.pt --input 3,16,16
check_match "a state dict where a module is expected" "$err" "*vgg.pt holds a dict, not a module: name what makes *"


# One sentence each, and no traceback.
echo 'from torch import nn
def one(): return nn.Sequential(nn.Flatten(), nn.Linear(12, 1))
def even(): return nn.Sequential(nn.Conv2d(3, 2, (4, 3), padding="same", dilation=(1, 2)), nn.Flatten(),
                                 nn.Linear(40, 3))
def normed(): return nn.Sequential(nn.Linear(4, 4), nn.utils.weight_norm(nn.Linear(4, 3)))
def empty(): return nn.Sequential()
def two(): return nn.Sequential(nn.Flatten(), nn.Linear(12, 2))' > "$work/small.py"
describe "$work/small.py:even" --input 3,4,5 --out even --no-check
check "padding = \"same\" of an even kernel" [ "$status" = 0 ]
check "stays so" grep -q 'padding = "same"' "$work/even.lua"
describe "$work/small.py:normed" --input 4 --no-check
check_match "weights made of others" "$err" "describe-torch-model: 1.weight is made of others (1.weight_g, 1.weight_v)*"
describe "$work/small.py:empty" --input 3
check_equal "no layer at all" "$err" "describe-torch-model: the module has no layers"
describe "$work/small.py:one" --input 3,2,2
check_match "one number a sample" "$err" "describe-torch-model: the module gives one number a sample*"
describe "$work/small.py:none" --input 3,2,2
check_match "a name that is not there" "$err" "*small.py:none makes no module: NameError: name 'none' is not defined"
describe "$work/small.py:one" --input 3x2
check_match "a shape that is none" "$err" '*--input: expected whole numbers as in 3,32,32, got "3x2"'
describe "$work/small.py:one" --input 3,2,2 --state vgg.pt
check_match "another module's state" "$err" "describe-torch-model: vgg.pt is another module's: *"


# A checkpoint with more than tensors is read if it is said to be trusted, whatever version of PyTorch this is.
cat > "$work/save.py" << 'END'
import argparse, torch
from small import one
torch.save({"state_dict": one().state_dict(), "args": argparse.Namespace(lr=0.1)}, "trained.pt")
END
(cd "$work" && "$python" save.py)
describe "$work/small.py:two" --input 3,2,2 --state trained.pt --no-check
check_match "more than tensors" "$err" "describe-torch-model: trained.pt holds more than tensors, *: --trust reads it *"
describe "$work/small.py:two" --input 3,2,2 --state trained.pt --no-check --trust
check_match "that is trusted" "$status $err" "1 *trained.pt is another module's: *"
describe "$work/small.py:one" --input 3,2,2 --state small.py
check_match "no file of PyTorch's" "$err" "describe-torch-model: small.py cannot be read: *"

# Another net than PyTorch's gives another status.
cat > "$work/liar" <<END
#!/bin/sh
sed -i 's/std = { 0.25/std = { 0.26/' "\$4"
exec "$perigee" "\$@"
END
chmod +x "$work/liar"
(cd "$work" && "$python" "$script" "$models:lived(Normalised())" --input 3,6,6 --out net --perigee ./liar) > "$work/out" 2>&1
check_equal "other logits: status 1" "$?" 1
exec 3>&- 4>&-
wait
finish
