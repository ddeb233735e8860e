#!/usr/bin/env python3
"""Statistics of the detectors once more, with PyTorch's layers, scikit-learn and SciPy, in double: what
lua/test_detectors.lua compares with.

    python3 tests/reference/rejectors/make.py

reads the net and the samples of ../dnr and writes its arrays and expected.lua beside itself.
"""
import os

import numpy as np
import torch
from scipy import ndimage, special
from scipy.optimize import minimize_scalar
from sklearn.covariance import EmpiricalCovariance, shrunk_covariance
from sklearn.neighbors import KernelDensity

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = os.path.join(HERE, "..", "dnr")
TEMPERATURE, BANDWIDTH, SHRINKAGE, WEIGHTS = 2.5, 0.8, 0.2, (0.5, 2.0)


def small(name):
    return np.load(os.path.join(SMALL, name + ".npy"))


def taps(x):
    """relu1 as maps, relu3, the logits."""
    p = {n: torch.tensor(small("p_" + n)).double() for n in
         [layer + "_" + part for layer in ("conv1", "conv2", "fc1", "fc2") for part in ("weight", "bias")]}
    f = torch.nn.functional
    x = torch.tensor(x).double().reshape(-1, 1, 12, 12)
    relu1 = f.relu(f.conv2d(x, p["conv1_weight"], p["conv1_bias"], stride=2))
    relu2 = f.relu(f.conv2d(relu1, p["conv2_weight"], p["conv2_bias"], padding=1))
    flat = f.max_pool2d(relu2, 2, 2).flatten(1)
    relu3 = f.relu(f.linear(flat, p["fc1_weight"], p["fc1_bias"]))
    z = f.linear(relu3, p["fc2_weight"], p["fc2_bias"])
    return relu1.numpy(), relu3.numpy(), z.numpy()


def save(name, values):
    np.save(os.path.join(HERE, name + ".npy"), np.asarray(values, dtype=np.float64))


TRAIN, TRAIN_Y, TEST = small("train_x"), small("train_y"), small("test_x").reshape(-1, 144)
MAPS, HIDDEN, _ = taps(TRAIN)
TEST_MAPS, TEST_HIDDEN, Z = taps(TEST)
CLASSES = np.unique(TRAIN_Y)
M = Z.argmax(axis=1)
ROWS = np.arange(len(TEST))

# ---- Confidence and energy ----

save("probability", special.softmax(Z / TEMPERATURE, axis=1).max(axis=1))
save("energy", TEMPERATURE * special.logsumexp(Z / TEMPERATURE, axis=1))

# ---- Density ----


def densities(bandwidth, points, queries):
    return np.stack([KernelDensity(bandwidth=bandwidth).fit(points[TRAIN_Y == c]).score_samples(queries)
                     for c in CLASSES], axis=1)


def left_out(log_h):
    """Minus the likelihood of each training sample by the others of its class."""
    total = 0
    for c in CLASSES:
        points = HIDDEN[TRAIN_Y == c]
        for i in range(len(points)):
            rest = KernelDensity(bandwidth=np.exp(log_h)).fit(np.delete(points, i, 0))
            total -= rest.score_samples(points[i:i + 1])[0]
    return total


save("density", densities(BANDWIDTH, HIDDEN, TEST_HIDDEN))
BEST = float(np.exp(minimize_scalar(left_out, bounds=(np.log(0.05), np.log(5)), method="bounded",
                                    options={"xatol": 1e-6}).x))

# ---- Mahalanobis: relu1's means over the places, and relu3 ----


def distances(points, queries, shrinkage):
    means = np.stack([points[TRAIN_Y == c].mean(axis=0) for c in CLASSES])
    fit = EmpiricalCovariance(assume_centered=True).fit(points - means[np.searchsorted(CLASSES, TRAIN_Y)])
    precision = fit.precision_
    if shrinkage:
        precision = np.linalg.inv(shrunk_covariance(fit.covariance_, shrinkage))
    apart = queries[:, None, :] - means[None]
    return -np.einsum("ncj,jk,nck->nc", apart, precision, apart)


FIRST = distances(MAPS.mean(axis=(2, 3)), TEST_MAPS.mean(axis=(2, 3)), 0)
LAST = distances(HIDDEN, TEST_HIDDEN, 0)
save("mahalanobis", WEIGHTS[0] * FIRST.max(axis=1) + WEIGHTS[1] * LAST.max(axis=1))
save("mahalanobis_classes", WEIGHTS[0] * FIRST + WEIGHTS[1] * LAST)
save("mahalanobis_shrunk", distances(HIDDEN, TEST_HIDDEN, SHRINKAGE).max(axis=1))
# Four times the same feature beside itself: of rank 12 among 48.
REPEATED = distances(np.tile(HIDDEN, 4), np.tile(TEST_HIDDEN, 4), 0)
assert np.allclose(REPEATED, LAST, rtol=1e-6)

# ---- Squeezing ----


def by_images(function):
    return np.stack([function(image) for image in TEST.reshape(-1, 12, 12)]).reshape(-1, 144)


SQUEEZED = {
    "bits 1": np.rint(TEST), "bits 3": np.rint(TEST * 7) / 7,
    "median 2": by_images(lambda i: ndimage.median_filter(i, size=2, mode="reflect")),
    "median 3": by_images(lambda i: ndimage.median_filter(i, size=3, mode="reflect")),
    "mean 2": by_images(lambda i: ndimage.uniform_filter(i.astype(np.float64), size=2, mode="reflect")),
    "mean 3": by_images(lambda i: ndimage.uniform_filter(i.astype(np.float64), size=3, mode="reflect")),
}


def nonlocal_means(image, search, patch, strength):
    """Of channels x height x width, pixel by pixel as the definition has it."""
    reach, half = search // 2, patch // 2
    around = np.pad(image.astype(np.float64), ((0, 0), (reach + half,) * 2, (reach + half,) * 2),
                    mode="symmetric")

    def patch_at(i, j):
        return around[:, i + reach:i + reach + patch, j + reach:j + reach + patch]

    out = np.zeros(image.shape)
    for i, j in np.ndindex(image.shape[1:]):
        places = [(i + a, j + b) for a in range(-reach, search - reach) for b in range(-reach, search - reach)]
        squares = [np.mean((patch_at(i, j) - patch_at(*q)) ** 2) for q in places]
        weights = np.exp(-np.array(squares) / (strength / 255) ** 2)
        pixels = np.array([around[:, k + reach + half, l + reach + half] for k, l in places])
        out[:, i, j] = weights @ pixels / weights.sum()
    return out


P = special.softmax(Z, axis=1)
for name, squeezed in SQUEEZED.items():
    other = special.softmax(taps(squeezed.astype(np.float32))[2], axis=1)
    save("squeeze_" + name.replace(" ", "_"), np.abs(P - other).sum(axis=1))

# Non-local means of 30 samples as images of one channel and of three, seen by a linear model.
SEEN, LINEAR = TEST[:30], np.cos(np.arange(5 * 144)).reshape(5, 144).astype(np.float32)
for sizes, shape in (((5, 3, 60), (1, 12, 12)), ((4, 2, 90), (1, 12, 12)), ((11, 3, 4), (1, 12, 12)),
                     ((5, 3, 60), (3, 6, 8)), ((4, 2, 90), (3, 6, 8))):
    means = np.stack([nonlocal_means(x.reshape(shape), *sizes).ravel() for x in SEEN])
    d = np.abs(special.softmax(SEEN @ LINEAR.T, axis=1) - special.softmax(means @ LINEAR.T, axis=1)).sum(axis=1)
    print(sizes, shape, np.median(d))
    save("nlm_%d_%d_%d_of_%d" % (*sizes, shape[0]), d)

with open(os.path.join(HERE, "expected.lua"), "w") as file:
    file.write("-- Written by make.py.\n")
    file.write("return { temperature = %r, bandwidth = %r, shrinkage = %r, weights = { %r, %r }, "
               "left_out = %r }\n" % (TEMPERATURE, BANDWIDTH, SHRINKAGE, *WEIGHTS, BEST))
