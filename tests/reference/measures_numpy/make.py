#!/usr/bin/env python3
"""Measures once more, with NumPy alone: what lua/test_metrics_numpy.lua compares to 1e-12.

    python3 tests/reference/measures_numpy/make.py

writes the arrays and expected.lua beside itself, the same bytes each time. It was written from the papers'
formulas, not from Perigee's code, and as plainly as they stand: pairs are counted one by one, quantiles of
the normal distribution found by bisection of math.erfc. Scores are rounded, so that many tie.

Three classes with the labels 0, 4, 9, the last column is the reject score. Sample i is the point (i), its
attacked one (i + 0.5); of the attacks for the optimality it is the sample, where the attack did not evade,
else the sample moved by its distance, which is what float32 makes of it.
"""
import math
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
N, HELD, DRAWS = 400, 300, 25
LABELS = np.array([0, 4, 9])
THRESHOLD = 0.25
rng = np.random.default_rng(5)


def rows(n, y, lift):
    """Scores of n samples, the label's raised."""
    s = rng.normal(size=(n, 3))
    s[np.arange(n), np.searchsorted(LABELS, y)] += lift
    return np.column_stack([np.round(s, 1), np.full(n, THRESHOLD)])


Y = LABELS[rng.integers(0, 3, N)]
CLEAN, ATTACKED = rows(N, Y, 2.0), rows(N, Y, -0.5)
HELD_Y = LABELS[rng.integers(0, 3, HELD)]
HELD_SCORES = rows(HELD, HELD_Y, 2.0)
INDICES = rng.integers(1, N + 1, (DRAWS, N))


def confidence(s):
    return s[:, :3].max(axis=1) - s[:, 3]


def best(s):
    return LABELS[s[:, :3].argmax(axis=1)]


def decided(s):
    return np.where(s[:, :3].max(axis=1) > s[:, 3], best(s), -1)


# ---- Ranking ----


def auc(positives, negatives):
    wins = sum((p > negatives).sum() + 0.5 * (p == negatives).sum() for p in positives)
    return wins / (len(positives) * len(negatives))


def auc_of(scores, positive):
    return auc(scores[positive == 1], scores[positive == 0])


def roc(positives, negatives):
    thresholds = [math.inf] + sorted(set(positives) | set(negatives), reverse=True)
    return ([(negatives >= t).mean() for t in thresholds], [(positives >= t).mean() for t in thresholds], thresholds)


def aurc(c, wrong):
    """Of tied samples the expected number among the first few is wrong."""
    order = np.argsort(-c, kind="stable")
    c, wrong = c[order], wrong[order].astype(float)
    for value in set(c):
        wrong[c == value] = wrong[c == value].mean()
    return np.mean([wrong[:k].sum() / k for k in range(1, len(c) + 1)])


# ---- A threshold ----


def rerr(tpr):
    right = np.sort(confidence(HELD_SCORES)[best(HELD_SCORES) == HELD_Y])
    # the share as a whole number of hundredths, so that the floor is that of the formula
    tau = right[len(right) * round(100 * (1 - tpr)) // 100]
    c, a, wrong, wrong_a = confidence(CLEAN), confidence(ATTACKED), best(CLEAN) != Y, best(ATTACKED) != Y
    errors = np.maximum(wrong & (c >= tau), wrong_a & (a >= tau)).sum()
    adversarial = wrong_a & ~wrong
    return (tau, errors / np.maximum(c >= tau, a >= tau).sum(), (a[adversarial] >= tau).mean(), (c >= tau).mean())


# ---- Class by class ----


def by_class(labels):
    answer = {}
    for name, of in {
        "precision": lambda tp, p, s: tp / p if p else 0.0,
        "recall": lambda tp, p, s: tp / s if s else 0.0,
        "f1": lambda tp, p, s: 2 * tp / (p + s),
    }.items():
        sums = [(((labels == k) & (Y == k)).sum(), (labels == k).sum(), (Y == k).sum()) for k in LABELS]
        answer[name] = [of(*t) for t in sums] + [np.mean([of(*t) for t in sums]), of(*np.sum(sums, axis=0))]
    return answer


# ---- Intervals ----


def normal_deviate(tail):
    """What a normal variable exceeds with this probability."""
    low, high = -40.0, 40.0
    for _ in range(200):
        middle = (low + high) / 2
        if math.erfc(middle / math.sqrt(2)) / 2 > tail:
            low = middle
        else:
            high = middle
    return low


def wilson(k, n, level):
    """The two shares whose distance from k/n is z of their own standard deviations."""
    z = normal_deviate(1 - (1 + level) / 2)
    p = k / n
    roots = np.roots([1 + z * z / n, -(2 * p + z * z / n), p * p])
    return sorted(float(r.real) for r in roots)


def bootstrap(statistic, level):
    values = np.array([statistic(draw - 1) for draw in INDICES])
    return list(np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))


# ---- Distances ----

WRONG_BEFORE = rng.random(N) < 0.05


def moved(lift, never):
    """The samples moved by distances below 0.5; those that never evade stay."""
    d = rng.beta(2, 3, N) * 0.4 * lift + 0.01
    d[rng.random(N) < never] = 0
    d[WRONG_BEFORE] = 0
    return (np.arange(1, N + 1) + d).astype(np.float32)


def distances(x):
    d = x.astype(np.float64) - np.arange(1, N + 1)
    d[d == 0] = np.inf
    d[WRONG_BEFORE] = 0
    return d


def area(d, top):
    """The integral of the step function, interval by interval."""
    steps = np.unique(np.concatenate([[0.0, top], d[d < top]]))
    return sum((d > left).mean() * (right - left) for left, right in zip(steps, steps[1:]))


def optimality(attacks):
    star = np.min(attacks, axis=0)
    top = star[np.isfinite(star)].max()
    room = (star > 0).mean() * top - area(star, top)
    return [1 - (area(d, top) - area(star, top)) / room for d in attacks]


# ---- Files ----


def lua(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {lua(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(lua(v) for v in value) + " }"
    return "math.huge" if value == math.inf else repr(float(value))


def main():
    near, far, blind = moved(1.0, 0.02), moved(1.6, 0.1), moved(2.0, 0.9)
    integers = {"y": Y, "held_y": HELD_Y, "indices": INDICES, "wrong_before": WRONG_BEFORE}
    arrays = {"clean": CLEAN, "attacked": ATTACKED, "held": HELD_SCORES, "near": near, "far": far, "blind": blind}
    arrays.update({name: array.astype(np.int32) for name, array in integers.items()})
    for name, array in arrays.items():
        np.save(os.path.join(HERE, name + ".npy"), array)
    c, a, wrong = confidence(CLEAN), confidence(ATTACKED), best(CLEAN) != Y
    positives, negatives = c[~wrong], a[(best(ATTACKED) != Y) & ~wrong]
    fpr, tpr, thresholds = roc(positives, negatives)
    attacks = [distances(x) for x in (near, far, blind)]
    expected = {
        "auc": auc(positives, negatives), "fpr": fpr, "tpr": tpr, "thresholds": thresholds,
        "aurc": aurc(c, wrong), "rerr": [rerr(t) for t in (0.90, 0.95, 0.99)],
        "clean": by_class(decided(CLEAN)), "attacked": by_class(decided(ATTACKED)),
        "wilson": [(k, n, level, *wilson(k, n, level)) for k, n in ((63, 100), (1, 7), (9990, 10000), (3, 1000))
                   for level in (0.5, 0.95, 0.999, 1 - 2**-50)],
        "bootstrap_mean": bootstrap(lambda i: c[i].mean(), 0.95),
        "bootstrap_auc": bootstrap(lambda i: auc_of(c[i], (~wrong)[i]), 0.9),
        "optimality": optimality(attacks), "median": [float(np.median(d)) for d in attacks],
    }
    with open(os.path.join(HERE, "expected.lua"), "w") as file:
        file.write("-- Written by make.py, NumPy alone.\nreturn {\n")
        for name, value in expected.items():
            file.write(f"  {name} = {lua(value)},\n")
        file.write("}\n")


main()
