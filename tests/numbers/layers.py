"""Layers beside PyTorch: outputs, gradients of inputs and of weights, of every kind in the layer table alone and of
chains of them, blocks too; and the file that the net is saved to.

PyTorch computes in float64 and once more in float32. An answer may be off by a few units of float32 in the largest
number of its array, and by four times what PyTorch's own float32 is: deep chains of kinks magnify rounding.
"""
import os

import numpy as np
import torch

from frame import Off, exact
from nets import KINDS, Net
from tensors import read_safetensors

NAME = "layers"
SHAPES = [[1, 8, 8], [3, 7, 6], [2, 1, 9], [4, 5, 5], [17, 4, 3], [16, 12, 12], [3, 16, 16], [5], [11], [32], [64], [1]]
NOT_LAYERS = {"new", "load", "train", "layer", "residual", "sequence"}


def close(what, got, want, rough, beside=0):
    """Within 4e-6 of the largest number, four times what float32 is off by itself, and a part in a million of what
    it is the difference of: of `beside`."""
    if got.shape != want.shape:
        raise Off(f"{what}: expected shape {want.shape}, got {got.shape}")
    allowed = 4e-6 * max(np.abs(want).max(initial=0), 1e-30) + 4 * np.abs(rough - want).max(initial=0) + 1e-6 * beside
    off = np.abs(got.astype(np.float64) - want)
    if not (off <= allowed).all():
        raise Off(f"{what}: off by {np.nanmax(off):.3g}, allowed {allowed:.3g} (largest {np.abs(want).max():.3g})")


def pulled(net, x, w, dtype):
    """y, dx and the gradients of the weights of the sum of w · y."""
    module = net.module.to(dtype)
    module.zero_grad()
    x = torch.tensor(x, dtype=dtype).requires_grad_(True)
    y = module(x)
    (y * torch.tensor(w, dtype=dtype).reshape(y.shape)).sum().backward()
    found = {"y": y.detach().numpy(), "dx": x.grad.numpy()}
    found.update(net.gradients())
    found = {key: np.array(value, np.float64) for key, value in found.items()}
    net.module.double()
    return found


def random_net(case):
    r = case.rng
    net = Net(r.choice(SHAPES))
    first = list(KINDS)[int(case.key) % len(KINDS)]
    for _ in range(30):
        if net.add(r, first):
            break
        net = Net(r.choice(SHAPES))
    for _ in range(r.choice((0, 0, 1, 2, 4))):
        net.add(r, r.choice(list(KINDS) + ["residual", "conv2d", "linear"]))
    return net


def all_there(answers, got):
    missing = set(got[1].split()) - set(KINDS) - NOT_LAYERS
    if missing:
        raise Off(f"kinds that no case has: {', '.join(sorted(missing))}")


def make(case):
    if case.key == "0":
        case.step("local n = {} for name in pairs(nn) do n[#n + 1] = name end return table.concat(n, ' ')", all_there)
    net = random_net(case)
    net.done(case)
    n = case.rng.choice((1, 2, 3, 7, 33))
    size, out = int(np.prod(net.input)), int(np.prod(net.shape))
    scale = case.rng.choice((0.3, 1, 4))
    x = (case.np.randn(n, size) * scale).astype(np.float32)
    w = case.np.randn(n, out).astype(np.float32)
    arrays = net.arrays()
    exactly = pulled(net, x.reshape(n, *net.input), w, torch.float64)
    roughly = pulled(net, x.reshape(n, *net.input), w, torch.float32)
    weights = net.write(case)
    case.line(f"local net = {net.lua()}")
    if weights:
        case.line(f"net:load_weights({weights}, {{ strict = true }})")
    case.line(f"local x, w = {case.give(x)}, {case.give(w)}")
    def check_forward(answers, got):
        close("forward", got[1], exactly["y"].reshape(n, -1), roughly["y"].reshape(n, -1))
    case.step(f"net:forward(x) --[[ {net.lua()} ]]", check_forward)
    names = sorted(set(exactly) - {"y", "dx"})
    listed = "".join(f", g['{name}']" for name in names)
    def check_backward(answers, dx, *gradients):
        close("dx", dx[1], exactly["dx"].reshape(n, -1), roughly["dx"].reshape(n, -1), 0.01)
        for name, got in zip(names, gradients):
            close(f"gradient of {name}", got[1], exactly[name], roughly[name], n * np.abs(w).max())
    case.step(f"local dx, g = net:backward(x, {{ {net.names[-1]} = w }}, {{ weights = true }}) return dx{listed}",
              check_backward, 1 + len(names))
    file = f"{case.key}.saved.safetensors"
    def check_saved(answers, got):
        saved = read_safetensors(os.path.join(case.folder, file))
        if {key: value.shape for key, value in saved.items()} != {key: value.shape for key, value in arrays.items()}:
            raise Off(f"the file has {sorted(saved)}, expected {sorted(arrays)}")
        for name, value in arrays.items():
            exact(("f32", saved[name]), "f32", value.astype(np.float32))
    case.step(f'net:save(folder .. "/{file}") return true', check_saved)
