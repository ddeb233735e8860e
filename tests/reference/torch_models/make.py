#!/usr/bin/env python3
"""Whole nets by PyTorch, which lua/test_torch_models.lua compares those with that
scripts/describe-torch-model.py makes of them.

    /usr/bin/python3 tests/reference/torch_models/make.py

writes a .lua and a .safetensors for each beside itself, and in answers.safetensors, worked out in float64:
the logits y of some samples (log-probabilities of lenet), the gradient dx of the sum of w · y, and of the
nets without dropout the weights after one step of SGD in training (batch of all samples, cross-entropy,
labels 0, 1, …, lr 0.1). Samples and w are whole numbers over 512 by the formula of `numbers`.
"""
import copy
import json
import os
import struct
import subprocess
import sys

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "..", "scripts", "describe-torch-model.py")
sys.path.insert(0, HERE)
import models  # noqa: E402

NETS = {
    "lenet": ("LeNet()", [1, 14, 14]), "vgg": ("VGG()", [3, 16, 16]),
    "resnet": ("ResNet(width=4, blocks=1, classes=5)", [3, 16, 16]),
    "wide": ("WideResNet()", [3, 8, 8]), "bottleneck": ("Normalised()", [3, 6, 6]),
}
STEPS = {"resnet", "bottleneck"}
N = 6


def numbers(shape, salt):
    """((37 i² + 11 i + 101 salt) mod 1021) / 1024 for i = 0, 1, …"""
    count = 1
    for size in shape:
        count *= size
    i = torch.arange(count, dtype=torch.int64)
    return ((((37 * i + 11) * i + 101 * salt) % 1021).double() / 1024).reshape(shape)


def answers(name, module, shape):
    x = numbers([N] + shape, 1).requires_grad_(True)
    y = module.eval()(x)
    (y * (numbers(y.shape, 4) - 0.5)).sum().backward()
    found = {"y": y, "dx": x.grad}
    if name in STEPS:
        module.train()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        optimizer.zero_grad()
        F.cross_entropy(module(x.detach()), torch.arange(N) % y.shape[1]).backward()
        optimizer.step()
        for key, tensor in module.state_dict().items():
            if tensor.dtype.is_floating_point and tensor.numel() < 200 and key not in ("mean", "std"):
                found["after/" + key] = tensor
    return {f"{name}/{key}": value.detach().float().contiguous() for key, value in found.items()}


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main():
    found = {}
    for name, (expression, shape) in NETS.items():
        what = f"models.py:lived({expression})"
        subprocess.run([sys.executable, SCRIPT, what, "--input", ",".join(map(str, shape)), "--out", name]
                       + sys.argv[1:], cwd=HERE, check=True)
        module = models.lived(eval("models." + expression))
        found.update(answers(name, copy.deepcopy(module).double(), shape))
    write_safetensors(os.path.join(HERE, "answers.safetensors"), found)


main()
