#!/usr/bin/python3
"""make.py — files of data as other tools write them, and what these read from them again.

Run in this folder. Needs NumPy, SciPy, scikit-learn, Pillow and h5py; the csv module stands for spreadsheets.
tests/lua/test_readers.lua compares. expected.npz holds NAME_x and NAME_y of each.
"""
import csv
import os
import pickle
import shutil

import h5py
import numpy as np
import scipy.io
from PIL import Image
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

rng = np.random.RandomState(14)
expected = {}


def keep(name, x, y):
    expected[name + "_x"] = np.asarray(x, np.float32)
    expected[name + "_y"] = np.asarray(y, np.int32)


# ---- Tables of text

x = rng.randn(20, 3) * 10.0 ** rng.randint(-6, 7, (20, 3))
y = rng.randint(-3, 4, 20)
np.savetxt("numpy.csv", np.column_stack([x, y]), delimiter=",", fmt=["%.17g"] * 3 + ["%d"])
keep("numpy", x, y)

kinds = ["iris setosa", "versi\"color\"", "virginica, or so"]
names = [kinds[k] for k in rng.randint(0, 3, 20)]
with open("quoted.csv", "w", newline="", encoding="utf-8-sig") as file:
    writer = csv.writer(file, dialect="excel", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(["kind", "length", "width, of a\nleaf"])
    for row, name in zip(x, names):
        writer.writerow([name, float(row[0]), float(row[1])])
keep("quoted", x[:, :2], [sorted(kinds).index(n) for n in names])
with open("semicolon.csv", "w", newline="") as file:
    csv.writer(file, delimiter=";", lineterminator="\n").writerows([list(r) + [c] for r, c in zip(x.tolist(), y)])

dense = rng.rand(15, 7).astype(np.float32)
dense[rng.rand(15, 7) < 0.6] = 0
dense[0, 6] = 0.25
labels = rng.randint(0, 2, 15) * 2 - 1
dump_svmlight_file(dense, labels, "one.svm", zero_based=False, comment="of a test")
dump_svmlight_file(dense, labels, "zero.svm", zero_based=True, query_id=np.arange(15))
again, labels_again = load_svmlight_file("one.svm")
keep("svm", again.toarray(), labels_again)

# ---- NumPy's archives

images = rng.randint(0, 256, (6, 4, 5)).astype(np.uint8)
digits = rng.randint(0, 10, 6)
np.savez("keras.npz", x_train=images, y_train=digits.astype(np.uint8), x_test=images[:2], y_test=digits[:2])
np.savez_compressed("medmnist.npz", images=images, labels=digits[:, None])
np.savez("positional.npz", images.reshape(6, 20), digits)
np.savez("onehot.npz", data=images, target=np.eye(10)[digits])
np.savez("strange.npz", pixels=images, kind=digits)
keep("npz", images.reshape(6, 20), digits)

# ---- What is not read

scipy.io.savemat("old.mat", {"x": dense, "y": labels})
with h5py.File("new.h5", "w") as file:
    file["x"], file["y"] = dense, labels
with open("batch.pkl", "wb") as file:
    pickle.dump({"data": images, "labels": digits}, file, protocol=4)

# ---- CIFAR's binary files, as its page describes them

pixels = rng.randint(0, 256, (4, 3, 32, 32)).astype(np.uint8)
coarse, fine = np.array([3, 19, 0, 7]), np.array([99, 0, 50, 7])
ten = np.array([9, 0, 3, 3])
os.makedirs("cifar-10-batches-bin", exist_ok=True)
rows = np.column_stack([ten, pixels.reshape(4, -1)]).astype(np.uint8)
rows[2:].tofile("cifar-10-batches-bin/test_batch.bin")
with open("cifar-10-batches-bin/batches.meta.txt", "w") as file:
    file.write("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n")
np.column_stack([coarse, fine, pixels.reshape(4, -1)]).astype(np.uint8).tofile("hundred.bin")
keep("cifar10", pixels[2:].reshape(2, -1) / np.float32(255), ten[2:])
keep("coarse", pixels.reshape(4, -1) / np.float32(255), coarse)
keep("fine", pixels.reshape(4, -1) / np.float32(255), fine)

# ---- EMNIST: pictures whose rows are columns

with open("turned-images", "wb") as file:
    file.write(np.array([0x803, 6, 5, 4], ">i4").tobytes() + images.transpose(0, 2, 1).tobytes())
with open("turned-labels", "wb") as file:
    file.write(np.array([0x801, 6], ">i4").tobytes() + digits.astype(np.uint8).tobytes())

# ---- Folders of pictures


def folder(name):
    shutil.rmtree(name, ignore_errors=True)
    return lambda kind, file: (os.makedirs(f"{name}/{kind}", exist_ok=True), f"{name}/{kind}/{file}")[1]


def planes(picture):
    a = np.asarray(picture)
    return (a.transpose(2, 0, 1) if a.ndim == 3 else a).ravel() / np.float32(255)


h, w = 9, 12
smooth = np.clip(np.add.outer(np.linspace(0, 120, h), np.linspace(0, 120, w))[..., None]
                 + np.array([0, 10, -30]), 0, 255).astype(np.uint8)
noise = rng.randint(0, 256, (h, w, 4)).astype(np.uint8)
deep = rng.randint(0, 65536, (h, w)).astype(np.uint16)

# Every kind of PNG and JPEG there is, as colours. Pillow's convert("RGB") leaves alpha out, as is done here.
at = folder("colours")
pictures = {
    "cat/a-rgb.png": Image.fromarray(noise[..., :3].copy()),
    "cat/b-grey.png": Image.fromarray(noise[..., 0].copy()),
    "cat/c-rgba.png": Image.fromarray(noise),
    "cat/d-grey-alpha.png": Image.fromarray(noise[..., :2].copy(), "LA"),
    "dog/a-palette.png": Image.fromarray(noise[..., :3].copy()).quantize(17),
    "dog/b-bits.png": Image.fromarray(noise[..., 0] > 128),
    "dog/c.jpg": Image.fromarray(smooth),
    "dog/d-grey.jpeg": Image.fromarray(smooth[..., 0].copy()),
    "dog/e-progressive.jpg": Image.fromarray(smooth),
    "dog/f-cmyk.jpg": Image.fromarray(smooth).convert("CMYK"),
}
read = []
for name, picture in pictures.items():
    options = {"quality": 95} if name.endswith("g.jpg") or name.endswith("jpeg") or ".jpg" in name else {}
    if "progressive" in name:
        options["progressive"] = True
    picture.save(at(*name.split("/")), **options)
    read.append(planes(Image.open("colours/" + name).convert("RGB")))
keep("colours", read, [0] * 4 + [1] * 6)

# Greys, of classes that are numbers; 16 bits lose the lower half by rounding.
at = folder("greys")
read, classes = [], []
for kind, file, picture in [("7", "a.png", noise[..., 0]), ("7", "b.png", noise[..., 1]), ("10", "deep.png", deep)]:
    Image.fromarray(picture).save(at(kind, file))
    read.append(np.round(np.asarray(picture) / (257.0 if picture is deep else 1)).ravel() / np.float32(255))
    classes.append(int(kind))
keep("greys", read, classes)
keep("greyed", [planes(Image.open("colours/" + n).convert("RGB").convert("L")) for n in pictures], [0] * 4 + [1] * 6)

# Sizes that differ, brought to one.
at = folder("sizes")
read = {"bilinear": [], "area": []}
for i, (height, width) in enumerate([(9, 12), (30, 17), (5, 6)]):
    a = rng.randint(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(a).save(at("only", f"{i}.png"))
    for name, method in ("bilinear", Image.BILINEAR), ("area", Image.BOX):
        read[name].append(planes(Image.fromarray(a).resize((8, 6), method)))
keep("bilinear", read["bilinear"], [0, 0, 0])
keep("area", read["area"], [0, 0, 0])

np.savez_compressed("expected.npz", **expected)
