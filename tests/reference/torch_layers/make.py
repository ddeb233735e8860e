#!/usr/bin/env python3
"""Layers by PyTorch in float64, which core/test_torch_layers.c compares every kind of layer with.

    /usr/bin/python3 tests/reference/torch_layers/make.py

writes cases.json (what the layers are) and answers.safetensors beside itself: of every case the output
y, the gradients of the sum of w · y with respect to the input (dx) and the parameters (dweight, …), and
in training the running statistics afterwards. Inputs, parameters and w are not stored: they are whole
numbers over 512 by the formula of `numbers`, which the test has as well.
"""
import json
import os
import struct

import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


class Over(nn.Module):
    """A function as a module."""
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Scaled(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean = torch.tensor(mean, dtype=torch.float64).reshape(-1, 1, 1)
        self.std = torch.tensor(std, dtype=torch.float64).reshape(-1, 1, 1)

    def forward(self, x):
        return (x - self.mean) / self.std


IMAGE, ODD, WIDE, FLAT = [3, 7, 6], [5, 9, 4], [17, 5, 3], [11]
CASES = []


def case(kind, module, shape, n=3, scale=1, training=False, **options):
    CASES.append(dict(kind=kind, module=module, input=shape, n=n, scale=scale, training=training,
                      options={key: value for key, value in options.items()}))


# Numbers on both sides of 0, and some far out.
for shape, n, scale in [(FLAT, 4, 1), (IMAGE, 1, 8), ([64, 3, 3], 2, 20)]:
    case("relu", nn.ReLU(), shape, n, scale)
    case("sigmoid", nn.Sigmoid(), shape, n, scale)
    case("tanh", nn.Tanh(), shape, n, scale)
    case("leaky_relu", nn.LeakyReLU(), shape, n, scale)
    case("elu", nn.ELU(), shape, n, scale)
    case("gelu", nn.GELU(), shape, n, scale)
    case("silu", nn.SiLU(), shape, n, scale)
    case("softplus", nn.Softplus(), shape, n, scale)
    case("softmax", nn.Softmax(1), shape, n, scale)
case("leaky_relu", nn.LeakyReLU(0.3), FLAT, negative_slope=0.3)
case("elu", nn.ELU(0.7), FLAT, scale=4, alpha=0.7)
case("gelu", nn.GELU(approximate="tanh"), IMAGE, scale=4, approximate="tanh")
case("gelu", nn.GELU(approximate="none"), IMAGE, scale=4, approximate="none")
case("softplus", nn.Softplus(beta=2.5), FLAT, scale=4, beta=2.5)

for shape, n, options in [
    (IMAGE, 3, dict(kernel=2)), (ODD, 1, dict(kernel=[3, 2], stride=[2, 1])),
    (ODD, 2, dict(kernel=3, stride=2, padding=1)), (IMAGE, 2, dict(kernel=3, stride=2, ceil_mode=True)),
    (ODD, 1, dict(kernel=3, stride=3, padding=1, ceil_mode=True)), (WIDE, 2, dict(kernel=2, padding=1)),
    (ODD, 3, dict(kernel=[4, 3], stride=[3, 2], padding=[2, 1], ceil_mode=True)),
    ([2, 5, 5], 2, dict(kernel=2, stride=3, padding=1, ceil_mode=True)), ([1, 5, 5], 2, dict(kernel=[5, 1])),
]:
    torch_names = {"kernel": "kernel_size"}
    def pair(value):
        return tuple(value) if isinstance(value, list) else value
    as_torch = {torch_names.get(key, key): pair(value) for key, value in options.items()}
    case("maxpool", nn.MaxPool2d(**as_torch), shape, n, **options)
    case("avgpool", nn.AvgPool2d(**as_torch), shape, n, **options)
    if options.get("padding"):
        case("avgpool", nn.AvgPool2d(**as_torch, count_include_pad=False), shape, n, **options,
             count_include_pad=False)
case("maxpool", nn.MaxPool2d(3, 1, 1, dilation=2), ODD, kernel=3, stride=1, padding=1, dilation=2)
case("maxpool", nn.MaxPool2d((2, 3), (2, 1), (1, 0), dilation=(3, 1), ceil_mode=True), ODD,
     kernel=[2, 3], stride=[2, 1], padding=[1, 0], dilation=[3, 1], ceil_mode=True)
for shape, n in [(IMAGE, 3), (WIDE, 1)]:
    case("global_avgpool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), shape, n)
    case("flatten", nn.Flatten(), shape, n)
    case("dropout", nn.Dropout(0.3).eval(), shape, n, p=0.3)
    case("conv2d", nn.Conv2d(shape[0], 6, (3, 2), (2, 1), (1, 0)), shape, n, out=6, kernel=[3, 2], stride=[2, 1],
         padding=[1, 0])

case("linear", nn.Linear(11, 7), FLAT, 4, out=7)
case("linear", nn.Linear(11, 16, bias=False), FLAT, 1, out=16, bias=False)
case("linear", nn.Linear(32, 10), [32], 3, out=10)
case("linear", nn.Linear(16, 7, bias=False), [16], 50, out=7, bias=False)
case("normalise", Scaled([0.5, -0.25, 2], [0.25, 3, 1.5]), IMAGE, mean=[0.5, -0.25, 2], std=[0.25, 3, 1.5])
case("normalise", Scaled([0.25], [0.5]), ODD, 1, mean=0.25, std=0.5)
case("normalise", Scaled([0.1, 0.2], [0.5]), [2, 3, 4], 2, mean=[0.1, 0.2], std=0.5)

case("layernorm", nn.LayerNorm(11), FLAT, 4)
case("layernorm", nn.LayerNorm(11, eps=0.01, elementwise_affine=False), FLAT, 1, 4, eps=0.01, affine=False)
for dims in (1, 2, 3):
    case("layernorm", nn.LayerNorm(ODD[3 - dims:]), ODD, dims=dims)
    case("layernorm", nn.LayerNorm(ODD[3 - dims:], elementwise_affine=False), ODD, 1, dims=dims, affine=False)
case("layernorm", nn.LayerNorm(IMAGE), IMAGE, 2)

for training in (False, True):
    case("batchnorm", nn.BatchNorm1d(11), FLAT, 6, training=training)
    case("batchnorm", nn.BatchNorm1d(11, eps=0.1, momentum=0.4, affine=False), FLAT, 5, training=training,
         eps=0.1, momentum=0.4, affine=False)
    case("batchnorm", nn.BatchNorm2d(3), IMAGE, 1, 8, training=training)
    case("batchnorm", nn.BatchNorm2d(17, momentum=0.9), WIDE, 4, training=training, momentum=0.9)
    case("batchnorm", nn.BatchNorm2d(1), [1, 20, 15], 2, training=training)
    case("batchnorm", nn.BatchNorm2d(2), [2, 25, 20], 3, training=training)


def numbers(shape, salt, scale=1):
    """((37 i² + 11 i + 101 salt) mod 1021 − 510) · scale / 512 for i = 0, 1, …"""
    count = 1
    for size in shape:
        count *= size
    i = torch.arange(count, dtype=torch.int64)
    return ((((37 * i + 11) * i + 101 * salt) % 1021 - 510).double() * scale / 512).reshape(shape)


def answers(case):
    module = case["module"].double()
    module.train(case["training"])
    with torch.no_grad():
        names = []
        for salt, (name, tensor) in enumerate(module.state_dict().items()):
            if name != "num_batches_tracked":
                values = numbers(tensor.shape, 10 + salt)
                tensor.copy_(values.abs() + 0.25 if name == "running_var" else values)
    x = numbers([case["n"]] + case["input"], 1, case["scale"]).requires_grad_(True)
    y = module(x)
    (y * numbers(y.shape, 4)).sum().backward()
    found = {"y": y, "dx": x.grad}
    for name, parameter in module.named_parameters():
        found["d" + name] = parameter.grad
    if case["training"]:
        found.update({name: buffer for name, buffer in module.named_buffers() if name != "num_batches_tracked"})
    return {key: value.detach().float().contiguous() for key, value in found.items()}


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
    tensors, listed = {}, []
    for number, case in enumerate(CASES):
        name = f"{number}"
        tensors.update({f"{name}/{key}": value for key, value in answers(case).items()})
        layer = dict(case["options"], kind=case["kind"])
        listed.append(dict(name=name, layer=layer, input=case["input"], n=case["n"], scale=case["scale"],
                           training=case["training"]))
    write_safetensors(os.path.join(HERE, "answers.safetensors"), tensors)
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in listed) + "\n]\n")


main()
