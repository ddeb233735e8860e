"""Support vector machines beside libsvm as scikit-learn has it: both solvers, every kernel, weights of classes, many
classes against all others and two.

Three things are asked. The scores and gradients are those of the machine's own numbers (sv, alpha, b), also when
Python reads these from the file that it is saved to. These numbers solve the problem: within the bounds, and no pair
violates the optimum's conditions by more than the tolerance. And the decision function is libsvm's, as far as two
solutions within the tolerance may differ.
"""
import os
import warnings

import numpy as np
from sklearn.svm import SVC

from frame import Off, number
from tensors import read_safetensors

warnings.filterwarnings("ignore")
NAME = "svms"


def kernel_of(case, features):
    r = case.rng
    kind = r.choice(("rbf", "rbf", "linear", "poly"))
    if kind == "linear":
        return "svm.linear()", dict(kernel="linear"), lambda x, s: x @ s.T, lambda x, s: np.broadcast_to(
            s, (len(x), *s.shape))
    gamma = r.choice((0.1, 0.5, 1, 3)) / features
    if kind == "rbf":
        def values(x, s):
            return np.exp(-gamma * ((x[:, None] - s) ** 2).sum(2))
        return f"svm.rbf({number(gamma)})", dict(kernel="rbf", gamma=gamma), values, \
            lambda x, s: 2 * gamma * values(x, s)[..., None] * (s - x[:, None])
    degree, coef0 = r.randrange(1, 4), r.choice((0.0, 1.0, 0.5))
    return (f"svm.poly {{ gamma = {number(gamma)}, coef0 = {number(coef0)}, degree = {degree} }}",
            dict(kernel="poly", gamma=gamma, coef0=coef0, degree=degree),
            lambda x, s: (gamma * (x @ s.T) + coef0) ** degree,
            lambda x, s: (degree * gamma * (gamma * (x @ s.T) + coef0) ** (degree - 1))[..., None] * s)


def samples_of(case):
    r = case.rng
    n, features, classes = r.choice((12, 30, 50, 80)), r.choice((1, 2, 5, 20)), r.choice((2, 2, 3, 5))
    centres = case.np.randn(classes, features) * r.choice((0.3, 1, 3))
    y = case.np.randint(0, classes, n)
    y[:classes] = range(classes)
    case.np.shuffle(y)
    labels = np.array(sorted(r.sample(range(-5, 20), classes)))
    x = (centres[y] + case.np.randn(n, features)).astype(np.float32)
    if r.random() < 0.2:
        x = np.round(x * 4) / 4  # ties; but none alike, whose coefficients could be anybody's
    _, first = np.unique(x, axis=0, return_index=True)
    first = np.sort(first)
    while len(set(y[first])) < classes:
        x = (x + case.np.randn(*x.shape)).astype(np.float32)
        first = np.arange(n)
    return x[first], labels[y[first]], labels


def costs(labels, y, target, C, weights):
    """C for every sample in the problem of one class."""
    positive = y == target
    n = len(y)
    if weights == "balanced":
        return np.where(positive, C * n / (2 * positive.sum()), C * n / (2 * (~positive).sum()))
    factor = np.where(positive, weights.get(target, 1), 1)
    if len(labels) == 2:  # one problem: either class has its own
        factor = np.array([weights.get(label, 1) for label in y])
    return C * factor


def violation(K, sign, alpha, cost):
    """By how much the worst pair misses the conditions (libsvm's stopping rule); alpha ≥ 0."""
    G = sign * (K @ (alpha * sign)) - 1
    up = ((sign > 0) & (alpha < cost * (1 - 1e-9))) | ((sign < 0) & (alpha > 1e-9 * cost))
    low = ((sign < 0) & (alpha < cost * (1 - 1e-9))) | ((sign > 0) & (alpha > 1e-9 * cost))
    if not up.any() or not low.any():
        return 0
    return np.max((-sign * G)[up]) - np.min((-sign * G)[low])


def spread(sv, alpha, x):
    """Our coefficients at the training samples."""
    placed = np.zeros(len(x))
    for s, a in zip(sv, alpha):
        if a:
            same = np.flatnonzero((x == s).all(1))
            if not len(same):
                raise Off("a support vector that is no training sample")
            placed[same[0]] += a
    return placed


def make(case):
    r = case.rng
    x, y, labels = samples_of(case)
    n, features = x.shape
    kernel, sk, values, slopes = kernel_of(case, features)
    C, tolerance = r.choice((0.1, 1, 10)), r.choice((1e-3, 1e-4))
    solver = r.choice(("libsvm", "smo"))
    weights = r.choice(({}, {}, "balanced", {int(labels[0]): 3.0, int(labels[-1]): 0.5}))
    told = "" if weights == {} else ', weights = "balanced"' if weights == "balanced" else \
        ", weights = { " + ", ".join(f"[{k}] = {v}" for k, v in weights.items()) + " }"
    t = (case.np.randn(7, features) * 2).astype(np.float32)
    columns = len(labels)
    w = case.np.randn(7, columns).astype(np.float32)
    case.line(f"local m = svm.new {{ kernel = {kernel}, C = {number(C)}, tolerance = {number(tolerance)}, "
              f"solver = '{solver}'{told} }}")
    case.line(f"local t = {case.give(t)}")
    file = f"{case.key}.svm.safetensors"
    X, T = x.astype(np.float64), t.astype(np.float64)
    K = values(X, X)
    def functions(m):
        """One row a function: of two classes the second's alone."""
        sv, alpha, b = (np.asarray(one[1], np.float64) for one in m)
        return (sv, alpha[-1:], b[-1:]) if columns == 2 else (sv, alpha, b)
    def check(answers, scores, gradient, *m):
        sv, alpha, b = functions(m)
        f = values(T, sv) @ alpha.T + b
        size = np.abs(values(T, sv)) @ np.abs(alpha).T + np.abs(b)
        want = np.hstack([-f, f]) if columns == 2 else f
        size = np.hstack([size, size]) if columns == 2 else size
        if scores[1].shape != want.shape or not (np.abs(scores[1] - want) <= 4e-6 * (size + 1)).all():
            raise Off(f"scores: off by {np.abs(scores[1] - want).max():.3g} from those of sv, alpha and b")
        pull = w[:, 1:] - w[:, :1] if columns == 2 else w
        slope = np.einsum("tc,cs,tsf->tf", pull.astype(np.float64), alpha, slopes(T, sv))
        most = np.einsum("tc,cs,tsf->tf", np.abs(pull), np.abs(alpha), np.abs(slopes(T, sv))) + np.abs(slope)
        far = 2 * sk.get("gamma", 0) * np.abs(T).max() * (np.abs(pull) @ np.abs(alpha) * values(T, sv)).sum(1)[:, None] \
            if sk["kernel"] == "rbf" else 0
        if not (np.abs(gradient[1] - slope) <= 1e-5 * (most + far + 1e-6)).all():
            raise Off(f"gradient: off by {np.abs(gradient[1] - slope).max():.3g} of {most.max():.3g}")
        saved = read_safetensors(os.path.join(case.folder, file))
        for name, one in zip(("sv", "alpha", "b"), m):
            kept = [value for key, value in saved.items() if key.split(".")[-1] == name]
            if len(kept) != 1 or not np.array_equal(kept[0].reshape(-1), np.asarray(one[1]).reshape(-1)):
                raise Off(f"the file's {name} is not the model's")
        for c, target in enumerate(labels[-1:] if columns == 2 else labels):
            sign, cost = np.where(y == target, 1, -1), costs(labels, y, target, C, weights)
            judge_solution(c, target, sign, cost, spread(sv, alpha[c], x), f[:, c], size[:, -1 if columns == 2 else c])
    def judge_solution(c, target, sign, cost, signed, f, size):
        alpha = signed * sign
        if alpha.min() < -1e-6 * cost.max() or (alpha > cost * (1 + 1e-5)).any():
            raise Off(f"class {target}: a coefficient outside of 0 … C: {alpha.min():.3g} … {alpha.max():.3g}")
        if abs(signed.sum()) > 1e-4 * np.abs(signed).sum():
            raise Off(f"class {target}: the coefficients' sum is {signed.sum():.3g}")
        reference = SVC(C=1.0, tol=1e-6, **sk).fit(X, sign, sample_weight=cost)
        theirs = reference.decision_function(T)
        def dual(a):
            return a @ K @ a / 2 - np.abs(a).sum()
        best = np.zeros(n)
        best[reference.support_] = reference.dual_coef_[0]
        gap = dual(signed) - dual(best)
        scale = np.abs(best).sum()
        # a violation of `tolerance` leaves at most tolerance · Σ alpha of the objective
        if gap > 2 * tolerance * scale + 1e-5 * scale:
            raise Off(f"class {target}: the objective is {gap:.3g} above libsvm's, of {dual(best):.6g}")
        # f − f' is (a − a') · k plus b − b'; the norm of the first part is at most √(2 gap)
        free = ((best * sign) > 1e-6 * cost) & ((best * sign) < cost * (1 - 1e-6))
        if not free.any():
            return  # b may lie anywhere between two bounds
        reach = np.sqrt(2 * max(gap, 0) + 2 * tolerance * scale * 0.01 + 1e-9)
        norm = np.sqrt(np.abs(np.array([values(p[None], p[None])[0, 0] for p in T])))
        allowed = reach * (norm + np.sqrt(np.abs(np.diag(K)).max())) + 3 * tolerance + 1e-5 * size
        off = np.abs(f - theirs)
        if not (off <= allowed).all():
            raise Off(f"class {target}: the decision is off by {off.max():.3g} from libsvm's, allowed "
                      f"{allowed[off.argmax()]:.3g}")
    case.step(f"m:fit(data.new {{ x = {case.give(x)}, y = {case.give(y.astype(np.int32))} }}) "
              f"m:save(folder .. '/{file}') return m:scores(t), m:gradient(t, {case.give(w)}), m.sv, m.alpha, m.b "
              f"--[[ {kernel}, C = {C}, {solver}{told}, n = {n}, tolerance = {tolerance} ]]", check, 5)
