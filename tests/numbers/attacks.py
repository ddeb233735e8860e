"""Attacks beside PyTorch: what every attack answers is scored again by a copy of the net in float64, its distance and
verdict are counted anew, also from the file that Python reads; each step of FGSM, PGD and MI-FGSM is made once more
from the iterate before it.
"""
import os

import numpy as np
import torch

from frame import Off, number
from nets import Net, lua_options

NAME = "attacks"
NORMS = {"l1": 1, "l2": 2, "linf": np.inf}
OPTIONS = {  # what each draws beside norm and dmax
    "fgsm": lambda r: {},
    "pgd": lambda r: dict(eta=r.choice((0.05, 0.2, 1.0)), max_iter=r.randrange(1, 6), iterates=True),
    "pgd_exp": lambda r: dict(eta=0.1, max_iter=r.randrange(2, 20)),
    "mifgsm": lambda r: dict(max_iter=r.randrange(2, 9)),
    "apgd": lambda r: dict(max_iter=r.choice((5, 30)), seed=1),
    "fmn": lambda r: dict(max_iter=r.choice((5, 40))),
    "ddn": lambda r: dict(max_iter=r.choice((5, 40))),
    "halving": lambda r: {},
    "stairs": lambda r: dict(max_iter=20),
    "noise": lambda r: dict(seed=1),
    "square": lambda r: dict(seed=1, max_iter=60),
    "hopskipjump": lambda r: dict(seed=1, max_iter=3),
}
ONLY = {"ddn": ("l2",), "square": ("l2", "linf"), "hopskipjump": ("l2", "linf"), "stairs": ("l2",),
        "mifgsm": ("l2", "linf")}
NO_OBJECTIVE = ("noise", "hopskipjump", "halving")  # by name
# Made of others, or in need of more than a net: their parts are attacks of the table above.
NOT_HERE = {"judge", "ensemble", "matching", "transfer", "worst", "from", "define", "auto"}
EDGE = 1e-5


def random_net(case):
    r = case.rng
    image = r.random() < 0.4
    net = Net([1, 5, 5] if image else [r.choice((6, 20))])
    if image:
        net.add(r, "conv2d")
        net.add(r, r.choice(("tanh", "gelu", "silu")))
        net.add(r, "flatten")
    else:
        net.add(r, "linear")
        net.add(r, r.choice(("tanh", "gelu", "softplus")))
    classes = r.randrange(2, 5)
    last = torch.nn.Linear(net.shape[0], classes)
    net.texts.append(f"nn.linear {{ out = {classes}, name = 'last' }}")
    net.modules.append(last)
    net.owners["last."] = last
    return net, classes


def loss_of(objective, z, y):
    """What falls, of rows of scores."""
    rows = torch.arange(len(z))
    if objective == "cross_entropy":
        return z.log_softmax(1)[rows, y]
    others = z.clone()
    others[rows, y] = -torch.inf
    margin = z[rows, y] - others.max(1).values
    if objective == "dlr" and z.shape[1] > 2:
        ranks = z.sort(1, descending=True).values
        return margin / (ranks[:, 0] - ranks[:, 2])
    return margin


def gradient_of(net, objective, x, y):
    x = torch.tensor(x, dtype=torch.float64).requires_grad_(True)
    loss_of(objective, net.module(x.reshape(-1, *net.input)), torch.tensor([y])).sum().backward()
    return x.grad.numpy()[0]


def stepped(x, x0, direction, eta, dmax, norm):
    z = x - eta * direction
    away = z - x0
    if norm == "l2":
        away = away * min(1, dmax / max(np.linalg.norm(away), 1e-300))
    else:
        away = np.clip(away, -dmax, dmax)
    return np.clip(x0 + away, 0, 1)


def judge_step(net, objective, norm, dmax, eta, before, after, x0, y, where):
    g = gradient_of(net, objective, before[None], y)
    size = np.linalg.norm(g)
    if size < 1e-9:
        return
    want = stepped(before, x0, g / size if norm == "l2" else np.sign(g), eta, dmax, norm)
    sure = np.abs(g) > 1e-4 * np.abs(g).max() if norm == "linf" else np.ones(len(g), bool)
    off = np.abs(after - want)[sure].max()
    if off > 2e-5:
        raise Off(f"{where}: off by {off:.3g} from the step that the gradient there gives")


def all_there(answers, got):
    missing = set(got[1].split()) - set(OPTIONS) - NOT_HERE
    if missing:
        raise Off(f"attacks that no case has: {', '.join(sorted(missing))}")


def make(case):
    r = case.rng
    if case.key == "0":
        case.step("local n = {} for name in pairs(attack) do n[#n + 1] = name end return table.concat(n, ' ')", all_there)
    net, classes = random_net(case)
    net.done(case)
    name = list(OPTIONS)[int(case.key) % len(OPTIONS)]
    norm = r.choice(ONLY.get(name, tuple(NORMS)))
    dmax = r.choice((0.1, 0.3, 1.0)) * (3 if norm == "l1" else 0.4 if norm == "linf" else 1)
    options = dict(OPTIONS[name](r), norm=norm, dmax=dmax)
    objective = r.choice(("margin", "cross_entropy", "continuous", "dlr"))
    if name not in NO_OBJECTIVE:
        options["objective"] = objective
    n, size = 6, int(np.prod(net.input))
    x = case.np.rand(n, size).astype(np.float32)
    x[0] = np.round(x[0])  # at the bounds
    def score(points):
        with torch.no_grad():
            return net.module(torch.tensor(points, dtype=torch.float64).reshape(-1, *net.input)).numpy()
    y = score(x).argmax(1)
    if r.random() < 0.5:
        y[1] = (y[1] + 1) % classes  # wrong before
    weights = net.write(case)
    case.line(f"local net = {net.lua(list(range(classes)))}")
    case.line(f"net:load_weights({weights}, {{ strict = true }})")
    case.line(f"local ds = data.new {{ x = {case.give(x)}, y = {case.give(y.astype(np.int32))}, "
              f"shape = {{{','.join(map(str, net.input))}}} }}")
    words = ("correct", "evaded", "wrong", "rejected", "failed")
    verdicts = "local v = {} for i = 1, #r do v[i] = words[r.verdict[i]] end"
    case.line("local words = { " + ", ".join(f"{w} = {i}" for i, w in enumerate(words)) + " }")
    file = f"{case.key}.result.npz"
    def check(answers, x_adv, scores, label, distance, verdict, losses, *ways):
        got, points = scores[1], x_adv[1]
        if points.min() < 0 or points.max() > 1:
            raise Off("an answer outside of the bounds")
        want = score(points)
        if np.abs(got[:, :classes] - want).max() > EDGE * (1 + np.abs(want).max()):
            raise Off(f"scores: off by {np.abs(got[:, :classes] - want).max():.3g}")
        away = np.linalg.norm(points.astype(np.float64) - x, NORMS[norm], 1)
        if not (np.abs(away - distance[1]) <= 1e-5 * (1 + away)).all():
            raise Off(f"distances: expected {away}, got {distance[1]}")
        if (away > dmax * (1 + 1e-5) + 1e-6).any():
            raise Off(f"an answer at {away.max()}, beyond dmax {dmax}")
        ranks = np.sort(want, 1)
        for i in range(n):
            if ranks[i, -1] - ranks[i, -2] < 4 * EDGE:
                continue  # float32 may see it otherwise
            if label[1][i] != want[i].argmax():
                raise Off(f"sample {i + 1}: the label is {label[1][i]}, by PyTorch's scores {want[i].argmax()}")
            start = score(x[i][None])[0]
            clear = np.sort(start)[-1] - np.sort(start)[-2] > 4 * EDGE
            expected = "wrong" if start.argmax() != y[i] else "evaded" if want[i].argmax() != y[i] else "correct"
            if clear and words[int(verdict[1][i])] != expected:
                raise Off(f"sample {i + 1}: the verdict is {words[int(verdict[1][i])]}, expected {expected}")
        if name not in NO_OBJECTIVE:
            right = loss_of(objective, torch.tensor(want), torch.tensor(y)).numpy()
            fine = np.abs(losses[1] - right) <= 1e-3 * (1 + np.abs(right)) if objective == "dlr" else \
                np.abs(losses[1] - right) <= 2e-5 * (1 + np.abs(want).max())
            if not fine.all():
                raise Off(f"the answers' losses: expected {right}, got {losses[1]}")
        with np.load(os.path.join(case.folder, file)) as saved:
            if not np.array_equal(saved["x_adv"], points):
                raise Off("the file's x_adv is not the result's")
        if name == "fgsm" and norm != "l1":
            for i in range(n):
                judge_step(net, objective, norm, dmax, dmax, x[i].astype(np.float64), points[i], x[i], y[i], f"sample {i + 1}")
        for i, way in enumerate(ways):
            for k in range(len(way[1]) - 1 if norm != "l1" else 0):
                judge_step(net, objective, norm, dmax, options["eta"], way[1][k].astype(np.float64), way[1][k + 1],
                           x[i], y[i], f"sample {i + 1}, step {k + 1}")
    ways = name == "pgd"
    more = "".join(f", r.iterates[{i + 1}]" for i in range(n)) if ways else ""
    case.step(f"local r = attack.{name}({lua_options(options)[:-2]}, model = net }}):run(ds) r:npz(folder .. '/{file}') "
              f"{verdicts} local l = {{}} for i = 1, #r do l[i] = r.loss[i][#r.loss[i]] end "
              f"return r.x_adv, r.scores, r.label, r.distance, array.new(v, {{ dtype = 'i32' }}), "
              f"array.new(l, {{ dtype = 'f64' }}){more} --[[ {net.lua()} ]]", check, 6 + (n if ways else 0))
