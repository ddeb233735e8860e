#!/usr/bin/env python3
"""Convolutions by PyTorch in float64, which lua/test_conv_torch.lua compares nn.conv2d with.

    /usr/bin/python3 tests/reference/torch_conv/make.py

writes cases.lua (the options) and answers.safetensors beside itself: of every case the output y, and
the gradients dx, dweight (and dbias) of the sum of w · y. Inputs, weights and w are not stored: they
are whole numbers over 512 by the formula of `numbers`, which the test has as well.
"""
import json
import os
import struct

import torch

HERE = os.path.dirname(os.path.abspath(__file__))

CASES = [
    dict(name="plain", input=[16, 9, 10], out=16, kernel=3, padding=1),
    dict(name="valid", input=[16, 6, 7], out=32, kernel=3),
    dict(name="padded twice", input=[3, 5, 4], out=16, kernel=3, padding=2),
    dict(name="small image", input=[16, 3, 2], out=16, kernel=3, padding=1, bias=False),
    dict(name="strided", input=[2, 11, 12], out=16, kernel=5, stride=2),
    dict(name="one by one", input=[16, 5, 4], out=32, kernel=1, bias=False),
    dict(name="shortcut", input=[16, 6, 5], out=32, kernel=1, stride=2, bias=False),
    dict(name="uneven", input=[3, 6, 8], out=5, kernel=[2, 3], stride=[1, 2], padding=[1, 0]),
    dict(name="groups", input=[8, 6, 7], out=12, kernel=3, stride=2, padding=1, groups=2, bias=False),
    dict(name="wide groups", input=[32, 4, 5], out=32, kernel=3, padding=1, groups=2),
    dict(name="depthwise", input=[18, 6, 5], out=18, kernel=3, padding=1, groups=18),
    dict(name="depthwise strided", input=[5, 7, 8], out=5, kernel=[3, 2], stride=2, groups=5, bias=False),
    dict(name="depthwise dilated", input=[16, 7, 6], out=16, kernel=3, padding=2, dilation=2, groups=16),
    dict(name="multiplied", input=[4, 5, 6], out=8, kernel=3, padding=1, groups=4),
    dict(name="dilated", input=[4, 8, 9], out=6, kernel=3, padding=2, dilation=2),
    dict(name="dilated, wide", input=[16, 7, 6], out=16, kernel=3, padding=2, dilation=2, bias=False),
    dict(name="dilated down", input=[3, 8, 5], out=16, kernel=[3, 2], dilation=[3, 1]),
    dict(name="everything", input=[6, 9, 10], out=4, kernel=[3, 2], stride=[1, 2], padding=[2, 1],
         dilation=[2, 3], groups=2, bias=False),
    dict(name="same", input=[16, 5, 6], out=16, kernel=3, padding="same"),
    dict(name="same, even", input=[3, 5, 6], out=16, kernel=[2, 4], padding="same"),
    dict(name="same, dilated", input=[4, 5, 4], out=6, kernel=[4, 3], padding="same", dilation=[1, 2],
         groups=2),
    dict(name="same, depthwise", input=[6, 4, 5], out=6, kernel=2, padding="same", groups=6, bias=False),
    dict(name="low, padded twice", input=[16, 4, 12], out=16, kernel=3, padding=2),
    dict(name="low", input=[16, 6, 14], out=16, kernel=3),
    dict(name="strided, padded", input=[3, 9, 40], out=2, kernel=5, stride=2, padding=2),
    dict(name="long rows", input=[1, 4, 210], out=2, kernel=[3, 5], stride=[1, 2]),
    dict(name="longer rows", input=[1, 3, 120], out=1, kernel=[2, 3], padding=[0, 1]),
    dict(name="wide kernel", input=[3, 5, 20], out=2, kernel=[2, 7]),
    dict(name="high kernel", input=[2, 15, 6], out=3, kernel=[12, 2]),
    dict(name="dilated and strided down", input=[3, 13, 9], out=3, kernel=[4, 2], stride=[2, 1], dilation=[2, 1]),
    dict(name="steps over pixels", input=[2, 9, 22], out=3, kernel=2, stride=[3, 4]),
]
N = 2


def numbers(shape, salt):
    """((37 i² + 11 i + 101 salt) mod 1021 − 510) / 512 for i = 0, 1, …"""
    count = 1
    for size in shape:
        count *= size
    i = torch.arange(count, dtype=torch.int64)
    return ((((37 * i + 11) * i + 101 * salt) % 1021 - 510).double() / 512).reshape(shape)


def answers(case):
    options = {key: tuple(case[key]) if isinstance(case[key], list) else case[key]
               for key in ("stride", "padding", "dilation", "groups", "bias") if key in case}
    kernel = case["kernel"]
    layer = torch.nn.Conv2d(case["input"][0], case["out"],
                            tuple(kernel) if isinstance(kernel, list) else kernel, **options).double()
    with torch.no_grad():
        layer.weight.copy_(numbers(layer.weight.shape, 2))
        if layer.bias is not None:
            layer.bias.copy_(numbers(layer.bias.shape, 3))
    x = numbers([N] + case["input"], 1).requires_grad_(True)
    y = layer(x)
    (y * numbers(y.shape, 4)).sum().backward()
    found = {"y": y, "dx": x.grad, "dweight": layer.weight.grad}
    if layer.bias is not None:
        found["dbias"] = layer.bias.grad
    return {f"{case['name']}/{key}": value.detach().float().contiguous() for key, value in found.items()}


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


def as_lua(value):
    if isinstance(value, list):
        return "{ " + ", ".join(map(str, value)) + " }"
    return json.dumps(value)


def lines_of(case):
    """{ key = value, … }, in lines of at most 110 letters."""
    line, lines = "  {", []
    for key in case:
        word = f" {key} = {as_lua(case[key])},"
        if len(line + word) > 107:
            lines.append(line + "\n")
            line = "   "
        line += word
    return "".join(lines) + line.rstrip(",") + " },\n"


def main():
    tensors = {}
    for case in CASES:
        tensors.update(answers(case))
    write_safetensors(os.path.join(HERE, "answers.safetensors"), tensors)
    with open(os.path.join(HERE, "cases.lua"), "w") as file:
        file.write("-- Written by make.py.\nreturn {\n")
        file.writelines(map(lines_of, CASES))
        file.write("}\n")


main()
