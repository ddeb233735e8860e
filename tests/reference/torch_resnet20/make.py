#!/usr/bin/env python3
"""The ResNet-20 of examples/11_torch.lua: PyTorch trains it on the example's own images.

    mkdir /tmp/images && build/perigee examples/11_torch.lua --images /tmp/images
    /usr/bin/python3 tests/reference/torch_resnet20/make.py /tmp/images

writes two files into examples/models: resnet20.safetensors, the state dict under PyTorch's own names in
float16, and resnet20-logits.safetensors, what PyTorch answers with these weights, in float64, for 20 images
that it was not trained on. The net has 8, 16 and 32 channels, half of what He et al. (2016) have.
"""
import json
import os
import struct
import sys

import numpy
import torch
import torch.nn.functional as F
from torch import nn

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "examples", "models")
EPOCHS, BATCH, CHECKED = 6, 50, 20
DTYPES = {torch.float16: "F16", torch.float32: "F32", torch.int64: "I64"}


class BasicBlock(nn.Module):
    def __init__(self, planes_in, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(planes_in, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or planes_in != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(planes_in, planes, 1, stride=stride, bias=False),
                                          nn.BatchNorm2d(planes))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet20(nn.Module):
    def __init__(self, width=8, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = self.stage(width, width, 1)
        self.layer2 = self.stage(width, 2 * width, 2)
        self.layer3 = self.stage(2 * width, 4 * width, 2)
        self.linear = nn.Linear(4 * width, classes)

    @staticmethod
    def stage(planes_in, planes, stride):
        return nn.Sequential(BasicBlock(planes_in, planes, stride), BasicBlock(planes, planes, 1),
                             BasicBlock(planes, planes, 1))

    def forward(self, x):
        y = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(y.mean((2, 3)))


def train(net, x, y):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    net.train()
    for epoch in range(EPOCHS):
        total = 0
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}: loss {total / len(x):.3f}", flush=True)
    return net.eval()


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(name):
    images = numpy.load(os.path.join(sys.argv[1], name))
    x = torch.tensor(images["x"], dtype=torch.float32).reshape(-1, 3, 32, 32)
    return x, torch.tensor(images["y"], dtype=torch.int64)


def main():
    torch.manual_seed(1)
    net = train(ResNet20(), *read("train.npz"))
    state = {key: value.half() if value.is_floating_point() else value for key, value in net.state_dict().items()}
    net.load_state_dict(state)  # the logits are those of the rounded weights
    x, y = read("test.npz")
    with torch.no_grad():
        right = (net(x).argmax(1) == y).float().mean().item()
        logits = net.double()(x[:CHECKED].double()).float()
    print(f"right of {len(x)}: {100 * right:.1f} %")
    write_safetensors(os.path.join(MODELS, "resnet20.safetensors"), state)
    write_safetensors(os.path.join(MODELS, "resnet20-logits.safetensors"), {"logits": logits})


main()
