#!/usr/bin/env python3
"""FMN, APGD, DDN and MI-FGSM once more, with NumPy alone, on a small network: what lua/test_attack_numpy.lua compares.

    python3 tests/reference/attacks_numpy/make.py

writes the arrays and case.json beside itself, the same bytes each time. It was written from the papers
(Pintor et al., NeurIPS 2021; Croce and Hein, ICML 2020; Rony et al., CVPR 2019; Dong et al., CVPR 2018) and from what Perigee's help says it does
differently, not from Perigee's code: float64 throughout, one sample at a time, every projection by
sorting or by its closed form. The network is two linear layers with a ReLU between them; weights and
samples are rounded to float32, so that both programs start from the same numbers.

Of every run there are the loss and the distance of all iterates, and which one is the answer. An attack
decides by comparisons, and some hang on less than float32 can tell: `sure` is how many iterates come before
the first such one. From there on the two programs may part, and meet again at nearly the same answer.
"""
import json
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
N, D, HIDDEN, CLASSES = 6, 60, 16, 5
STEPS = 40
rng = np.random.default_rng(11)


def as_float32(a):
    return a.astype(np.float32).astype(np.float64)


W1 = as_float32(rng.normal(size=(HIDDEN, D)) / np.sqrt(D) * 2)
B1 = as_float32(rng.normal(size=HIDDEN) * 0.1)
W2 = as_float32(rng.normal(size=(CLASSES, HIDDEN)) / np.sqrt(HIDDEN) * 2)
B2 = as_float32(rng.normal(size=CLASSES) * 0.1)
# A third of the features on a bound.
X = as_float32(np.clip(rng.uniform(-0.25, 1.25, size=(N, D)), 0, 1))


def scores(x):
    return W2 @ np.maximum(W1 @ x + B1, 0) + B2


def backward(x, w):
    """The gradient of w . scores(x)."""
    return W1.T @ ((W1 @ x + B1 > 0) * (W2.T @ w))


# ---- Losses, to be minimised, and their weights ----


def one_hot(i):
    return np.eye(CLASSES)[i]


def continuous(s, y, t):
    if t is None:
        others = [c for c in range(CLASSES) if c != y]
        k, c = y, max(others, key=lambda c: s[c])
    else:
        others = [c for c in range(CLASSES) if c != t]
        k, c = max(others, key=lambda c: s[c]), t
    return s[k] - s[c], one_hot(k) - one_hot(c)


def cross_entropy(s, y, t):
    p = np.exp(s - s.max())
    p /= p.sum()
    if t is None:
        return np.log(p[y]), one_hot(y) - p
    return -np.log(p[t]), p - one_hot(t)


def dlr(s, y, t):
    over, w = continuous(s, y, t)
    order = np.argsort(-s)
    if t is None:
        v = one_hot(order[0]) - one_hot(order[2])
    else:
        v = one_hot(order[0]) - (one_hot(order[2]) + one_hot(order[3])) / 2
    under = v @ s
    return over / under, w / under - over / under / under * v


LOSSES = {"continuous": continuous, "cross_entropy": cross_entropy, "dlr": dlr}


def reached(s, y, t):
    best = int(np.argmax(s))
    return best == t if t is not None else best != y


# ---- Norms and projections ----

DUAL = {"l1": "linf", "l2": "l2", "linf": "l1"}


def size(norm, v):
    if norm == "l1":
        return np.abs(v).sum()
    if norm == "l2":
        return np.sqrt((v * v).sum())
    return np.abs(v).max()


def to_ball(norm, delta, radius):
    if size(norm, delta) <= radius:
        return delta
    if norm == "l2":
        return delta * (radius / size(norm, delta))
    if norm == "linf":
        return np.clip(delta, -radius, radius)
    # Duchi et al., ICML 2008: by sorting.
    u = np.sort(np.abs(delta))[::-1]
    excess = np.cumsum(u) - radius
    rho = np.nonzero(u * np.arange(1, len(u) + 1) > excess)[0][-1]
    return np.sign(delta) * np.maximum(np.abs(delta) - excess[rho] / (rho + 1), 0)


def project(norm, x, x0, radius):
    return np.clip(x0 + to_ball(norm, x - x0, radius), 0, 1)


def without_outward(x, g):
    """A step is along -g; what is within 1e-6 of a bound stands on it."""
    return np.where(((x <= 1e-6) & (g > 0)) | ((x >= 1 - 1e-6) & (g < 0)), 0, g)


class Run:
    """The iterates of one sample."""

    def __init__(self, case, x0, y, t):
        self.case, self.x0, self.y, self.t = case, x0, y, t
        self.loss, self.distance, self.reached = [], [], []
        self.sure = None

    def look(self, x):
        s = scores(x)
        loss, w = LOSSES[self.case["objective"]](s, self.y, self.t)
        self.loss.append(loss)
        self.distance.append(size(self.case["norm"], x - self.x0))
        self.reached.append(reached(s, self.y, self.t))
        self.compare(continuous(s, self.y, self.t)[0], 0)
        g = backward(x, w)
        self.compare(size("l2", g), 0)
        return loss, g

    def compare(self, a, b):
        """Note that a < b is asked after the last iterate."""
        if self.sure is None and a != b and abs(a - b) < 1e-5:
            self.sure = len(self.loss)

    def answer(self, key):
        """The place of the best iterate that has reached the goal, or else of the least loss."""
        good = [i for i, r in enumerate(self.reached) if r]
        return min(good, key=lambda i: key[i]) if good else int(np.argmin(self.loss))


# ---- The attacks ----


def fmn(case, x0, y, t):
    norm, run = case["norm"], Run(case, x0, y, t)
    x, epsilon, nearest = x0, None, None
    loss, g = run.look(x)
    for i in range(STEPS):
        share = (1 + np.cos(np.pi * i / STEPS)) / 2
        alpha = 0.01 + (1 - 0.01) * share
        gamma = 0.001 + (0.05 - 0.001) * share
        g = without_outward(x, g)
        if run.reached[-1]:
            d = run.distance[-1]
            nearest = d if nearest is None else min(nearest, d)
            epsilon = min(epsilon * (1 - gamma), nearest)
        elif nearest is not None:
            epsilon *= 1 + gamma
        else:
            epsilon = (1 + gamma) * (run.distance[-1] + abs(loss) / size(DUAL[norm], g))
        x = project(norm, x - alpha * g / size("l2", g), x0, epsilon)
        loss, g = run.look(x)
    return run, run.answer(run.distance)


def unit(norm, x, g):
    if norm == "l2":
        return g / size("l2", g) if g.any() else g
    if norm == "linf":
        return np.sign(g)
    g = without_outward(x, g)
    k = D // 20
    largest = np.argsort(-np.abs(g), kind="stable")[:k]
    step = np.zeros(D)
    step[largest] = np.sign(g[largest]) / k
    return step


def checkpoints():
    p, places = [0, 22], []
    while (p[-1] * STEPS + 99) // 100 <= STEPS:
        places.append((p[-1] * STEPS + 99) // 100)
        p.append(p[-1] + max(p[-1] - p[-2] - 3, 6))
    return places


def apgd(case, x0, y, t):
    norm, dmax, run = case["norm"], case["dmax"], Run(case, x0, y, t)
    eta, x, before = 2 * dmax, x0, None
    loss, g = run.look(x)
    best = (loss, x, g)
    kept_loss, halved, improved, last_checkpoint = loss, False, 0, 0
    for k in range(1, STEPS + 1):
        z = project(norm, x - eta * unit(norm, x, g), x0, dmax)
        if before is not None:
            z = project(norm, x + 0.75 * (z - x) + 0.25 * (x - before), x0, dmax)
        before, x = x, z
        last = loss
        loss, g = run.look(x)
        run.compare(loss, last)
        run.compare(loss, best[0])
        improved += loss < last
        if loss < best[0]:
            best = (loss, x, g)
        if k in checkpoints():
            few = improved < 0.75 * (k - last_checkpoint)
            halved = few or (not halved and best[0] >= kept_loss)
            if halved:
                eta /= 2
                loss, x, g = best
            kept_loss, improved, last_checkpoint = best[0], 0, k
    return run, run.answer(run.loss)


def ddn(case, x0, y, t):
    """Rony et al., algorithm 1: the direction is summed in delta, the norm follows from success alone."""
    run, gamma, epsilon = Run(case, x0, y, t), 0.05, 1.0
    x, delta = x0, np.zeros(D)
    _, g = run.look(x)
    for k in range(STEPS):
        alpha = 0.01 + (1 - 0.01) * (1 + np.cos(np.pi * k / STEPS)) / 2
        delta = delta - alpha * g / size("l2", g)
        epsilon *= 1 - gamma if run.reached[-1] else 1 + gamma
        x = np.clip(x0 + epsilon * delta / size("l2", delta), 0, 1)
        if "levels" in case:
            steps = case["levels"] - 1
            # Where rounding hangs on less than float32 can tell, the pixels may part.
            if (np.abs(x * steps % 1 - 0.5) < 1e-4).any() and run.sure is None:
                run.sure = len(run.loss)
            x = np.round(x * steps) / steps
        delta = x - x0
        _, g = run.look(x)
    return run, run.answer(run.distance)


def mifgsm(case, x0, y, t):
    """Dong et al., algorithm 1, with eta = dmax / T."""
    norm, dmax, run = case["norm"], case["dmax"], Run(case, x0, y, t)
    x, v = x0, np.zeros(D)
    _, g = run.look(x)
    for _ in range(STEPS):
        v = case.get("momentum", 1) * v + g / np.abs(g).sum()
        if norm == "linf" and run.sure is None and (np.abs(v) < 1e-6).any():
            run.sure = len(run.loss)
        step = np.sign(v) if norm == "linf" else v / size("l2", v)
        x = project(norm, x - dmax / STEPS * step, x0, dmax)
        _, g = run.look(x)
    return run, run.answer(run.loss)


CASES = [
    {"attack": "fmn", "norm": "l1"},
    {"attack": "fmn", "norm": "l2"},
    {"attack": "fmn", "norm": "linf"},
    {"attack": "fmn", "norm": "l2", "target": True},
    {"attack": "apgd", "norm": "l1", "dmax": 1.5},
    # In some of these eta is halved because nothing better was found, and in others not because it just was.
    {"attack": "apgd", "norm": "l1", "dmax": 1.5, "target": True},
    {"attack": "apgd", "norm": "l1", "dmax": 1.5, "objective": "dlr", "target": True},
    {"attack": "apgd", "norm": "l2", "dmax": 0.4},
    {"attack": "apgd", "norm": "linf", "dmax": 0.06, "objective": "cross_entropy"},
    {"attack": "apgd", "norm": "l2", "dmax": 0.25, "objective": "dlr"},
    {"attack": "apgd", "norm": "linf", "dmax": 0.08, "objective": "dlr", "target": True},
    {"attack": "ddn", "norm": "l2"},
    {"attack": "ddn", "norm": "l2", "objective": "cross_entropy", "target": True},
    {"attack": "ddn", "norm": "l2", "levels": 16, "suffix": "levels"},
    {"attack": "mifgsm", "norm": "linf", "dmax": 0.06},
    {"attack": "mifgsm", "norm": "l2", "dmax": 0.4, "objective": "cross_entropy"},
    {"attack": "mifgsm", "norm": "linf", "dmax": 0.08, "momentum": 0.5, "target": True},
]


def save(name, array):
    np.save(os.path.join(HERE, name + ".npy"), array)


def main():
    label = [int(np.argmax(scores(x))) for x in X]
    target = [int(np.argsort(-scores(x))[2]) for x in X]
    for name, array in [("fc1_weight", W1), ("fc1_bias", B1), ("fc2_weight", W2), ("fc2_bias", B2), ("x", X)]:
        save(name, array.astype(np.float32))
    save("y", np.array(label, np.int32))
    save("target", np.array(target, np.int32))
    for case in CASES:
        case.setdefault("objective", "continuous")
        case["name"] = "_".join([case["attack"], case["norm"], case["objective"]] + ["target"] * ("target" in case)
                                + [case.get("suffix")] * ("suffix" in case))
        attack = {"fmn": fmn, "apgd": apgd, "ddn": ddn, "mifgsm": mifgsm}[case["attack"]]
        runs = [attack(case, X[i], label[i], target[i] if "target" in case else None) for i in range(N)]
        save(case["name"] + "_loss", np.array([r.loss for r, _ in runs]))
        save(case["name"] + "_distance", np.array([r.distance for r, _ in runs]))
        save(case["name"] + "_answer", np.array([a for _, a in runs], np.int32))
        save(case["name"] + "_sure", np.array([r.sure or STEPS + 1 for r, _ in runs], np.int32))
        print(case["name"], [(r.sure, a, r.reached[a], round(r.distance[a], 4), round(r.loss[a], 4)) for r, a in runs])
    with open(os.path.join(HERE, "case.json"), "w") as file:
        json.dump({"kind": "attacks", "steps": STEPS, "cases": CASES, "made_by": "make.py, NumPy alone"}, file, indent=1)


main()
