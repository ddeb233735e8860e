#!/usr/bin/env python3
"""Functions of arrays once more, with NumPy alone: what lua/test_array_numpy.lua compares with.

    python3 tests/reference/arrays_numpy/make.py

writes expected.npz beside itself, the same numbers each time. conv2d and max pooling are loops over what
their formulas say; the rest is NumPy's own function. A name is the function's, a case and a letter.
"""
import os
import zipfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(13)
out = {}


def put(case, **arrays):
    for name, value in arrays.items():
        value = np.asarray(value)
        out[f"{case}.{name}"] = value.astype("<i4" if value.dtype.kind in "iub" else "<f8")


def conv2d(x, w, b, stride, padding):
    x = np.pad(x, [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2])
    oh = (x.shape[2] - w.shape[2]) // stride[0] + 1
    ow = (x.shape[3] - w.shape[3]) // stride[1] + 1
    y = np.zeros((len(x), len(w), oh, ow))
    for i in range(oh):
        for j in range(ow):
            top, left = i * stride[0], j * stride[1]
            window = x[:, :, top:top + w.shape[2], left:left + w.shape[3]]
            y[:, :, i, j] = np.einsum("nchw,ochw->no", window, w) + b
    return y


def maxpool(x, kernel, stride):
    oh = (x.shape[2] - kernel[0]) // stride[0] + 1
    ow = (x.shape[3] - kernel[1]) // stride[1] + 1
    return np.stack([np.stack([
        x[:, :, i * stride[0]:i * stride[0] + kernel[0], j * stride[1]:j * stride[1] + kernel[1]].max((2, 3))
        for j in range(ow)], -1) for i in range(oh)], -2)


x = rng.normal(size=(4, 5, 6)) * 3
for axis in range(3):
    e = np.exp(x - x.max(axis, keepdims=True))
    put(f"softmax{axis + 1}", x=x, y=e / e.sum(axis, keepdims=True))
    put(f"logsumexp{axis + 1}", x=x, y=np.log(np.exp(x).sum(axis)))
    put(f"percentile{axis + 1}", x=x, p=[0, 12.5, 50, 99, 100], y=np.percentile(x, [0, 12.5, 50, 99, 100], axis))
    put(f"median{axis + 1}", x=x, y=np.median(x, axis))
    k = rng.integers(0, x.shape[axis], [3 if d == axis else s for d, s in enumerate(x.shape)])
    put(f"gather{axis + 1}", x=x, k=k + 1, y=np.take_along_axis(x, k, axis))
put("logsumexp", x=x, y=np.log(np.exp(x).sum()))
put("percentile", x=x, p=[30], y=np.percentile(x, [30]))

for case, n, c, size, o, kernel, stride, padding in [
    (1, 3, 1, (12, 12), 4, (5, 5), (2, 2), (0, 0)),
    (2, 2, 3, (7, 9), 5, (3, 2), (1, 2), (1, 0)),
    (3, 33, 2, (5, 4), 3, (3, 3), (2, 1), (2, 2)),
    (4, 1, 1, (36, 34), 1, (3, 3), (1, 1), (1, 1)),
    (5, 2, 17, (3, 3), 9, (1, 1), (1, 1), (0, 0)),
    (6, 1, 1, (4, 4), 2, (6, 6), (3, 3), (2, 4)),
]:
    x, w, b = (rng.normal(size=s).round(2) for s in ((n, c, *size), (o, c, *kernel), (o,)))
    put(f"conv2d{case}", x=x, w=w, b=b, s=stride, p=padding, y=conv2d(x, w, b, stride, padding))
for case, size, kernel, stride in [
    (1, (8, 8), (2, 2), (2, 2)), (2, (7, 9), (3, 2), (2, 3)), (3, (5, 5), (5, 1), (1, 1)),
]:
    x = rng.normal(size=(3, 2, *size)).round(1)
    put(f"maxpool{case}", x=x, k=kernel, s=stride, y=maxpool(x, kernel, stride))

x, w, b = rng.normal(size=(2, 3, 7)), rng.normal(size=(4, 7)), rng.normal(size=4)
put("linear", x=x, w=w, b=b, y=x @ w.T + b)
a, b = rng.normal(size=(6, 6)), rng.normal(size=(6, 3))
put("solve1", a=a, b=b, y=np.linalg.solve(a, b))
put("solve2", a=a, b=b[:, 0], y=np.linalg.solve(a, b[:, 0]))
put("inv", a=a, y=np.linalg.inv(a))
put("eigh", x=a + a.T, y=np.linalg.eigvalsh(a + a.T))
for case, shape in [(1, (7, 4)), (2, (4, 7)), (3, (5, 5))]:
    x = rng.normal(size=shape)
    put(f"svd{case}", x=x, y=np.linalg.svd(x, compute_uv=False))

with zipfile.ZipFile(os.path.join(HERE, "expected.npz"), "w", zipfile.ZIP_DEFLATED) as file:
    for name, value in out.items():
        info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        with file.open(info, "w") as member:
            np.lib.format.write_array(member, value)
