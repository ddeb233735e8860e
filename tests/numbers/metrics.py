"""Measures beside their definitions in NumPy: counts of classes, ranks, curves, intervals, with ties, rejected samples
and classes that do not come. (tests/reference/sklearn has scikit-learn's figures of the same.)
"""
import math

import numpy as np

from frame import Off, exact, near, number, table

NAME = "metrics"


def classes_of(case):
    r = case.rng
    n, labels = r.choice((1, 2, 10, 60, 300)), sorted(r.sample(range(0, 30), r.randrange(2, 6)))
    y = case.np.choice(labels, n)
    predicted = np.where(case.np.rand(n) < 0.6, y, case.np.choice(labels, n))
    predicted = np.where(case.np.rand(n) < r.choice((0, 0.2)), -1, predicted)
    return y.astype(np.int32), predicted.astype(np.int32)


def of_classes(case):
    y, p = classes_of(case)
    case.line(f"local p, y = {case.give(p)}, {case.give(y)}")
    accepted = p != -1
    def share(name, want):
        case.step(f"metrics.{name}(p, y)", lambda answers, got: near(got, "float", want, 1e-14))
    share("accuracy", (p == y).mean())
    share("rejection_rate", (~accepted).mean())
    share("accuracy_rejection_correct", ((p == y) | ~accepted).mean())
    if accepted.any():
        share("accuracy_accepted", (p == y)[accepted].mean())
    present = sorted(set(y) | set(p[accepted]))
    counts = np.array([[((y == a) & (p == b)).sum() for b in present + [-1]] for a in present])
    def check_confusion(answers, got, classes):
        if list(classes[1]) != present:
            raise Off(f"the classes are {list(classes[1])}, expected {present}")
        exact(got, "i32", counts.astype(np.int32))
    case.step("local c = metrics.confusion(p, y) return c.counts, array.new(c.classes, { dtype = 'i32' })",
              check_confusion, 2)
    hits, said, own = (np.array([f(c) for c in present], float) for f in (
        lambda c: ((y == c) & (p == c)).sum(), lambda c: (p == c).sum(), lambda c: (y == c).sum()))
    for name, above, below in (("precision", hits, said), ("recall", hits, own), ("f1", 2 * hits, said + own)):
        each = np.divide(above, below, out=np.zeros(len(present)), where=below > 0)
        micro = above.sum() / below.sum() if below.sum() else 0
        one = case.rng.randrange(len(present))
        for average, want in (("'macro'", each.mean()), ("'micro'", micro), (str(present[one]), each[one])):
            case.step(f"metrics.{name}(p, y, {{ average = {average} }})",
                      lambda answers, got, want=want: near(got, "float", want, 1e-14))


def ranked(case):
    r = case.rng
    n = r.choice((2, 5, 40, 300))
    s = case.np.randn(n) if r.random() < 0.5 else case.np.randint(0, r.choice((2, 5, 50)), n) / 4
    s = s.astype(r.choice((np.float32, np.float64)))
    y = case.np.randint(0, 2, n)
    y[:2] = (0, 1)
    case.line(f"local s, y = {case.give(s)}, {case.give(y.astype(np.int32))}")
    positive, negative = s[y == 1], s[y == 0]
    pairs = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
    auc = pairs / (len(positive) * len(negative))
    case.step("metrics.auc(s, y)", lambda answers, got: near(got, "float", auc, 1e-13))
    thresholds = np.unique(s)[::-1]
    tpr = np.array([0] + [(positive >= t).mean() for t in thresholds])
    fpr = np.array([0] + [(negative >= t).mean() for t in thresholds])
    def check_roc(answers, got_tpr, got_fpr, got_thresholds):
        for what, got, want in (("tpr", got_tpr, tpr), ("fpr", got_fpr, fpr),
                                ("thresholds", got_thresholds, np.array([np.inf, *thresholds]))):
            if got[1].shape != want.shape or not np.allclose(got[1], want, 1e-7, 1e-7):
                raise Off(f"{what}: expected {want}, got {got[1]}")
    case.step("local r = metrics.roc(s, y) local a = function(v) return array.new(v, { dtype = 'f64' }) end "
              "return a(r.tpr), a(r.fpr), a(r.thresholds)", check_roc, 3)
    # of equal confidences the mean over all their orders: each has the errors of its group spread evenly
    errors, below, total = 0.0, 0, 0.0
    for t in thresholds:
        group = s == t
        wrong, size = (y[group] == 0).sum(), group.sum()
        total += sum((errors + wrong * k / size) / (below + k) for k in range(1, size + 1))
        errors, below = errors + wrong, below + size
    case.step("metrics.aurc(s, y)", lambda answers, got: near(got, "float", total / n, 1e-12))


def quantile(p):
    """Of the normal distribution, by halving."""
    low, high = -40.0, 40.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if 0.5 * math.erfc(-middle / 2**0.5) < p else (low, middle)
    return low


def intervals(case):
    r = case.rng
    n = r.choice((1, 7, 100, 12345))
    k, level = r.randrange(0, n + 1), r.choice((0.5, 0.9, 0.95, 0.999))
    p, z = k / n, quantile((1 + level) / 2)
    middle, half, below = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)), 1 + z * z / n
    def check(answers, estimate, low, high):
        near(estimate, "float", p, 1e-15)
        near(low, "float", (middle - half) / below, 1e-12)
        near(high, "float", (middle + half) / below, 1e-12)
    case.step(f"local i = metrics.wilson({k}, {n}, {{ level = {level} }}) return i.estimate + 0.0, i.low + 0.0, i.high + 0.0",
              check, 3)


def robust_error(case):
    """metrics.rerr of confidences: Stutz et al.'s formula, word by word."""
    r = case.rng
    n, m, tpr = r.choice((1, 5, 40)), r.choice((4, 30, 101)), r.choice((0.5, 0.9, 0.99))
    def drawn(count):
        return case.np.randint(-4, 9, count) / 4 if r.random() < 0.4 else case.np.randn(count)
    clean, attacked, held = drawn(n), drawn(n) - 0.3, drawn(m)
    right, still = case.np.randint(0, 2, n), case.np.randint(0, 2, n)
    t = np.sort(held)[int(math.floor(m * (1 - tpr) + 1e-9))]
    def term(wrong):
        return np.maximum((clean >= t) & (wrong(right)), (attacked >= t) & (wrong(still)))
    above, below = term(lambda c: c == 0).sum(), term(lambda c: c >= 0).sum()
    counted = (right == 1) & (still == 0)
    fpr = (attacked[counted] >= t).mean() if counted.any() else np.nan
    def check(answers, threshold, rerr, got_fpr):
        near(threshold, "float", t, 1e-12)
        near(rerr, "float", above / below if below else np.nan, 1e-12)
        near(got_fpr, "float", fpr, 1e-12)
    names = [case.give(v) for v in (clean, right.astype(np.int32), attacked, still.astype(np.int32), held)]
    case.step(f"local r = metrics.rerr {{ clean = {{ {names[0]}, {names[1]} }}, attacked = {{ {names[2]}, {names[3]} }}, "
              f"validation = {names[4]}, tpr = {tpr} }} return r.threshold[1] + 0.0, r.rerr[1] + 0.0, r.fpr[1] + 0.0", check, 3)


def make(case):
    (of_classes, ranked, intervals, robust_error)[int(case.key) % 4](case)
