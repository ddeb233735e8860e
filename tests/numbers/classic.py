"""Classical models and steps beside scikit-learn: nearest neighbours, logistic regression, scalers, PCA, and pipelines
of them; detectors of outliers on a layer's output beside scikit-learn's kernel density and NumPy's covariance.
"""
import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler

from frame import Off, number

warnings.filterwarnings("ignore")
NAME = "classic"


def samples_of(case, least=12):
    r = case.rng
    n, features, classes = r.choice((least, 30, 90)), r.choice((1, 2, 5, 12)), r.choice((2, 3, 5))
    centres = case.np.randn(classes, features) * r.choice((0.3, 1, 2))
    y = case.np.randint(0, classes, n)
    y[:classes] = range(classes)
    labels = np.array(sorted(r.sample(range(20), classes)))
    x = ((centres[y] + case.np.randn(n, features)) * r.choice((1, 1, 10)) + r.choice((0, 0, 5))).astype(np.float32)
    t = (case.np.randn(9, features) * 2).astype(np.float32)
    case.line(f"local ds = data.new {{ x = {case.give(x)}, y = {case.give(labels[y].astype(np.int32))} }}")
    case.line(f"local t = {case.give(t)}")
    return x, labels[y], labels, t


def within(what, got, want, allowed):
    if got.shape != want.shape:
        raise Off(f"{what}: expected shape {want.shape}, got {got.shape}")
    off = np.abs(got - want)
    if not (off <= allowed).all():
        worst = np.unravel_index(np.nanargmax(off - allowed), off.shape) if off.size else ()
        raise Off(f"{what}: at {worst} expected {want[worst]!r}, got {got[worst]!r}")


def knn(case):
    x, y, labels, t = samples_of(case)
    k, weights = case.rng.choice((1, 2, 5, 9)), case.rng.choice(("uniform", "distance"))
    if case.rng.random() < 0.2:
        t[0] = x[3]  # no distance at all
    theirs = KNeighborsClassifier(k, weights=weights, algorithm="brute").fit(x.astype(np.float64), y)
    want = theirs.predict_proba(t.astype(np.float64))
    case.step(f"classic.knn({{ k = {k}, weights = '{weights}' }}):fit(ds):scores(t)",
              lambda answers, got: within("shares", got[1], want, 2e-5))


def logistic(case):
    x, y, labels, t = samples_of(case)
    C = case.rng.choice((0.01, 1, 10))
    X, T = x.astype(np.float64), t.astype(np.float64)
    n, classes = len(x), len(labels)
    theirs = LogisticRegression(C=C, tol=1e-9, solver="newton-cg", max_iter=10000,
                                multi_class="multinomial" if classes > 2 else "ovr").fit(X, y)
    logits = theirs.decision_function(T)
    want = np.stack([-logits, logits], 1) / 2 if classes == 2 else logits - logits.mean(1, keepdims=True)
    def check(answers, scores, weight, b):
        got = scores[1] - (scores[1].mean(1, keepdims=True) if classes > 2 else 0)  # a constant for all says nothing
        within("scores", got, want, 2e-4 * (1 + np.abs(want).max()))
        W, B = weight[1].astype(np.float64), b[1].astype(np.float64)
        f = X @ W.T + B
        columns = np.searchsorted(labels, y)
        if classes == 2:
            slope = 1 / (1 + np.exp(-f[:, 0])) - columns
            gradient = W[0] + C * slope @ X
        else:
            p = np.exp(f - f.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            gradient = W + C * (p - np.eye(classes)[columns]).T @ X
        if np.abs(gradient).max() > 1.1e-7 * max(1, C * n) + 1e-9 * np.abs(X).sum() * C:
            raise Off(f"the objective's gradient is {np.abs(gradient).max():.3g} at the answer")
    case.step(f"local m = classic.logistic({{ C = {number(C)}, tolerance = 1e-7 }}):fit(ds) return m:scores(t), m.weight, m.b",
              check, 3)


STEPS = {
    "minmax": lambda r, d: ("classic.minmax()", MinMaxScaler()),
    "standard": lambda r, d: ("classic.standard()", StandardScaler()),
    "unit_norm": lambda r, d: (lambda norm: (f"classic.unit_norm {{ norm = '{norm}' }}", Normalizer(norm)))(
        r.choice(("l1", "l2", "max"))),
    "pca": lambda r, d: (lambda k, white: (f"classic.pca {{ components = {k}, whiten = {str(white).lower()} }}",
                                           PCA(k, whiten=white, svd_solver="full")))(r.randrange(1, d + 1), r.random() < 0.4),
}


def pipeline(case):
    r = case.rng
    x, y, labels, t = samples_of(case)
    texts, now, then, width = [], x.astype(np.float64), t.astype(np.float64), x.shape[1]
    spread = 1.0
    for _ in range(r.randrange(1, 4)):
        name = r.choice([s for s in STEPS if s != "unit_norm" or width > 1])
        text, step = STEPS[name](r, width)
        step.fit(now)
        if name == "pca":
            gaps = step.explained_variance_
            all_of = np.linalg.svd(now - now.mean(0), compute_uv=False) ** 2 / (len(now) - 1)
            apart = np.min(np.abs(np.diff(all_of)) / all_of[0]) if len(all_of) > 1 else 1
            if apart < 1e-2 or gaps[-1] < 1e-3 * gaps[0]:
                continue  # directions that are hardly told apart are anybody's
            sign = np.sign(step.components_[np.arange(len(step.components_)), np.abs(step.components_).argmax(1)])
            largest = np.sort(np.abs(step.components_), 1)
            if width > 1 and np.min(largest[:, -1] - largest[:, -2]) < 1e-3:
                continue  # which entry is the largest hangs on rounding
            now, then, width = step.transform(now) * sign, step.transform(then) * sign, step.n_components_
            spread /= apart
        else:
            now, then = step.transform(now), step.transform(then)
        texts.append(text)
    if not texts:
        return
    case.step(f"local p = classic.pipeline {{ {', '.join(texts)}, classic.knn {{ k = 1 }} }}:fit(ds) "
              f"return p:transform(t)",
              lambda answers, got: within(", ".join(texts), got[1], then, 2e-5 * (1 + np.abs(then).max()) * spread))


def detectors(case):
    """Of a net that hands its input on: W is the identity, so that the layer is the sample."""
    r = case.rng
    x, y, labels, t = samples_of(case, 30)
    features, classes = x.shape[1], len(labels)
    if features < classes:
        return
    bandwidth = r.choice((0.3, 1, 3))
    case.line(f"local net = nn.new {{ input = {{ {features} }}, classes = {{ {','.join(map(str, labels))} }}, seed = 1, "
              f"nn.leaky_relu {{ negative_slope = 1, name = 'same' }}, nn.linear {{ out = {classes}, name = 'last' }} }}")
    X, T = x.astype(np.float64), t.astype(np.float64)
    densities = np.stack([KernelDensity(bandwidth=bandwidth, rtol=1e-12).fit(X[y == c]).score_samples(T) for c in labels], 1)
    def check(answers, z, scores):
        own = z[1].argmax(1)
        m = z[1].max(1, keepdims=True)
        D = np.take_along_axis(densities, own[:, None], 1)
        want = np.minimum(densities, D) - (m - z[1])
        np.put_along_axis(want, own[:, None], D, 1)
        within("log-densities", scores[1][:, :classes], want, 2e-5 * (1 + np.abs(want)))
    case.step(f"local d = reject.density {{ net = net, layer = 'same', bandwidth = {bandwidth} }} d:fit(ds) "
              f"return net:scores(t), d:scores(t)", check, 2)
    temperature = r.choice((0.5, 1, 10))
    def check_energy(answers, z, energy, sure):
        Z = z[1].astype(np.float64)
        top = Z.max(1, keepdims=True)
        S = top + temperature * np.log(np.exp((Z - top) / temperature).sum(1, keepdims=True))
        within("energy", energy[1][:, :classes], S - (top - Z), 1e-5 * (1 + np.abs(Z).max()))
        p = np.exp((Z - top) / temperature)
        p /= p.sum(1, keepdims=True)
        odds = np.log(p) - np.log1p(-p)
        fine = p < 0.9999
        within("log-odds", np.where(fine, sure[1][:, :classes], 0), np.where(fine, odds, 0), 1e-3 * (1 + np.abs(Z).max()))
    case.step(f"local e, c = reject.energy {{ model = net, temperature = {temperature} }}, "
              f"reject.confidence {{ model = net, temperature = {temperature} }} "
              f"return net:scores(t), e:scores(t), c:scores(t)", check_energy, 3)


def make(case):
    (knn, logistic, pipeline, detectors)[int(case.key) % 4](case)
