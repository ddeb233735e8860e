"""Training beside PyTorch: the weights after some epochs and the loss of each, for every optimiser, schedule and loss,
with momentum, decay, clipping and smoothing; layers that count in training (batch normalisation) among them.

PyTorch computes in float64 what our trainer's documentation says. Steps magnify rounding, so that a bound holds for
few of them: float32's own distance in PyTorch, times eight, and a part in ten thousand of the weights' way.
"""
import math
import os

import numpy as np
import torch
from torch.nn import functional as F

from frame import Off, number
from nets import Net, SMOOTH, lua_options

NAME = "training"
SHAPES = [[4], [9], [1, 6, 6], [3, 5, 4]]

LOSSES = {  # ours in Lua, PyTorch's of logits and columns
    "cross_entropy": (None, None),
    "brier": ("function(z, y) return (z:softmax() - y:onehot(CLASSES)):square():sum(2) end",
              lambda z, y: ((z.softmax(1) - F.one_hot(y, z.shape[1])) ** 2).sum(1).mean()),
    "squares": ("function(z, y) return (z - y:onehot(CLASSES)):square():mean() end",
                lambda z, y: ((z - F.one_hot(y, z.shape[1])) ** 2).mean()),
    "own_gradient": ("function(z, y) local d = z - y:onehot(CLASSES) return d:square():sum(2), d * 2 end",
                     lambda z, y: ((z - F.one_hot(y, z.shape[1])) ** 2).sum(1).mean()),
}


def drawn_net(case):
    r = case.rng
    net = Net(r.choice(SHAPES))
    for _ in range(r.randrange(0, 4)):
        net.add(r, r.choice(SMOOTH + ("conv2d", "linear", "residual", "avgpool", "layernorm")))
    if len(net.shape) > 1:
        net.add(r, "flatten")
    classes = r.randrange(2, 5)
    net.texts.append(f"nn.linear {{ out = {classes}, name = 'last' }}")
    last = torch.nn.Linear(net.shape[0], classes)
    net.modules.append(last)
    net.owners["last."] = last
    net.names.append("last")
    return net, classes


def drawn_options(case):
    r = case.rng
    options = dict(epochs=r.randrange(1, 4), batch=r.choice((4, 7, 16, 64)), lr=r.choice((0.001, 0.01, 0.05)), shuffle=False)
    options["optimizer"] = r.choice(("sgd", "sgd", "adam", "adamw"))
    if options["optimizer"] == "sgd":
        options["momentum"] = r.choice((0.0, 0.9, 0.5))
        if options["momentum"] and r.random() < 0.5:
            options["nesterov"] = True
    else:
        options.update(beta1=r.choice((0.9, 0.5)), beta2=r.choice((0.999, 0.9)), epsilon=r.choice((1e-8, 1e-3)))
        options["lr"] = r.choice((0.001, 0.01))
    options["schedule"] = r.choice(("constant", "step", "cosine"))
    if options["schedule"] == "step":
        options.update(lr_decay=0.5, lr_step=r.randrange(1, 3))
    if r.random() < 0.4:
        options["weight_decay"] = r.choice((0.01, 0.1))
    if r.random() < 0.3:
        options["clip"] = r.choice((0.1, 1.0))
    return options


def rate_of(options, epoch):
    if options["schedule"] == "step":
        return options["lr"] * options["lr_decay"] ** (epoch // options["lr_step"])
    if options["schedule"] == "cosine":
        return options["lr"] * (1 + math.cos(math.pi * epoch / options["epochs"])) / 2
    return options["lr"]


def torch_optimizer(module, o):
    decay = o.get("weight_decay", 0)
    if o["optimizer"] == "sgd":
        return torch.optim.SGD(module.parameters(), o["lr"], o["momentum"], 0, decay, o.get("nesterov", False))
    kind = torch.optim.Adam if o["optimizer"] == "adam" else torch.optim.AdamW
    return kind(module.parameters(), o["lr"], (o["beta1"], o["beta2"]), o["epsilon"], decay)


def clip(module, length):
    norm = math.sqrt(sum(float((p.grad.double() ** 2).sum()) for p in module.parameters()))
    for p in module.parameters():
        p.grad *= min(1, length / norm) if norm else 1


def trained(net, start, x, y, options, smoothing, loss, dtype):
    """(arrays after the training, losses of the epochs) in this precision."""
    module = net.module.to(dtype)
    module.load_state_dict(start)
    module.train()
    optimizer, losses = torch_optimizer(module, options), []
    x = torch.tensor(x, dtype=dtype)
    for epoch in range(options["epochs"]):
        for group in optimizer.param_groups:
            group["lr"] = rate_of(options, epoch)
        total = 0
        for first in range(0, len(x), options["batch"]):
            rows = slice(first, first + options["batch"])
            z = module(x[rows])
            value = loss(z, y[rows]) if loss else F.cross_entropy(z, y[rows], label_smoothing=smoothing)
            optimizer.zero_grad()
            value.backward()
            if options.get("clip"):
                clip(module, options["clip"])
            optimizer.step()
            total += float(value) * len(x[rows])
        losses.append(total / len(x))
    arrays = {key: np.array(value, np.float64) for key, value in net.arrays().items()}
    net.module.double()
    return arrays, np.array(losses)


def make(case):
    r = case.rng
    net, classes = drawn_net(case)
    net.done(case)
    options, which = drawn_options(case), r.choice(list(LOSSES) + ["cross_entropy"] * 2)
    text, loss = LOSSES[which]
    smoothing = r.choice((0, 0, 0.1, 0.5)) if which == "cross_entropy" else 0
    n = r.choice((13, 32, 40))
    size = int(np.prod(net.input))
    if n % options["batch"] == 1:
        n += 1  # a batch of one has no variance
    x = case.np.rand(n, size).astype(np.float32)
    y = case.np.randint(0, classes, n)
    y[:classes] = np.arange(classes)
    start = {key: value.clone() for key, value in net.module.state_dict().items()}
    before = {key: np.array(value) for key, value in net.arrays().items()}
    told = dict(options, **({"label_smoothing": smoothing} if smoothing else {}))
    weights = net.write(case)
    shaped, column = x.reshape(n, *net.input), torch.tensor(y, dtype=torch.int64)
    exactly, losses = trained(net, start, shaped, column, options, smoothing, loss, torch.float64)
    roughly, rough_losses = trained(net, start, shaped, column, options, smoothing, loss, torch.float32)
    case.line(f"local net = {net.lua(list(range(classes)))}")
    case.line(f"net:load_weights({weights}, {{ strict = true }})")
    case.line(f"local ds = data.new {{ x = {case.give(x)}, y = {case.give(y.astype(np.int32))}, "
              f"shape = {{{','.join(map(str, net.input))}}} }}")
    lua = lua_options(told)[:-2] + (f", loss = {text.replace('CLASSES', str(classes))}" if text else "") + " }"
    names = sorted(exactly)
    def check(answers, *got):
        for epoch, (value, rough) in enumerate(zip(losses, rough_losses)):
            mine = got[0][1][epoch]
            if not abs(mine - value) <= 2e-6 * (1 + abs(value)) + 8 * abs(rough - value):
                raise Off(f"the loss of epoch {epoch + 1}: expected {value!r}, got {mine!r}")
        for name, one in zip(names, got[1:]):
            want, way = exactly[name], np.abs(exactly[name] - before[name]).max()
            allowed = 1e-4 * way + 8 * np.abs(roughly[name] - want).max() + 1e-6 * np.abs(want).max()
            off = np.abs(one[1] - want).max()
            if not off <= allowed:
                raise Off(f"{name}: off by {off:.3g}, allowed {allowed:.3g} on a way of {way:.3g}")
    listed = "".join(f", w['{name}']" for name in names)
    case.step(f"local h = nn.train(net, ds, {lua}) local w = net:weights() return array.new(h.loss, {{ dtype = 'f64' }})"
              f"{listed} --[[ {net.lua()} ]]", check, 1 + len(names))
