#!/usr/bin/env python3
"""peers.py GROUP [FILES] — the bench's work done by PyTorch and scikit-learn, at their best setting.

Prints lines "name value unit cpu" that bench.lua reads (make bench-peers). --missing prints what is
not installed. The times do not depend on the pictures, so random ones serve. PyTorch runs with
channels last and as many OpenMP threads as OMP_NUM_THREADS says; where a batch can be cut in several
ways, or run by one thread or all, the fastest counts.
"""

import concurrent.futures
import os
import statistics
import sys
import time

THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))


def missing():
    """Names of the packages that are not installed."""
    names = []
    for module, package in (("numpy", "python3-numpy"), ("torch", "python3-torch"),
                            ("sklearn", "python3-sklearn")):
        try:
            __import__(module)
        except ImportError:
            names.append(package)
    return names


def measure(run, runs):
    """Medians of the wall and processor seconds of some calls after one that warms up."""
    run()
    wall, cpu = [], []
    for _ in range(runs):
        start, spent = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - spent)
    return statistics.median(wall), statistics.median(cpu)


def row(name, value, unit, cpu):
    print(f"{name} {value:.6g} {unit} {cpu:.6g}", flush=True)


def make_net():
    from torch import nn
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, stride=2), nn.ReLU(),
        nn.Conv2d(64, 64, 3, stride=2), nn.ReLU(),
        nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(576, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 10))


def torch_net():
    import torch
    torch.manual_seed(1)
    torch.set_num_threads(THREADS)
    return torch, make_net().to(memory_format=torch.channels_last)


def images(torch, n):
    return torch.rand(n, 1, 28, 28).contiguous(memory_format=torch.channels_last)


def epoch():
    torch, net = torch_net()
    x, y = images(torch, 30000), torch.randint(0, 10, (30000,))
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    net.train()

    def run():
        order = torch.randperm(len(x))
        for first in range(0, len(x), 128):
            rows = order[first:first + 128]
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimiser.step()

    wall, cpu = measure(run, 3)
    row("torch.epoch", wall, "s", cpu)


def inference():
    torch, net = torch_net()
    x = images(torch, 10000)
    net.eval()

    def run(batch):
        with torch.inference_mode():
            for first in range(0, len(x), batch):
                net(x[first:first + batch])

    wall, cpu = min(measure(lambda b=b: run(b), 5) for b in (100, 250, 1000, 10000))
    row("torch.inference", 1e3 * wall, "ms", cpu)


def gradient():
    torch, net = torch_net()
    net.eval()
    for parameter in net.parameters():
        parameter.requires_grad_(False)

    def time_batch(batch, threads):
        torch.set_num_threads(threads)
        x, w = images(torch, batch), torch.randn(batch, 10)
        repeats = 2000 // batch

        def run():
            for _ in range(repeats):
                leaf = x.detach().requires_grad_(True)
                torch.autograd.grad((net(leaf) * w).sum(), leaf)

        wall, cpu = measure(run, 5)
        return wall / repeats, cpu / repeats

    for batch in (100, 1):
        wall, cpu = min(time_batch(batch, threads) for threads in {1, THREADS})
        row(f"torch.gradient.{batch}", 1e3 * wall, "ms", cpu)


def grad():
    """The CNN's gradients to input and weights, and the chain's; the best of one thread and all."""
    torch, net = torch_net()
    net.eval()
    x, c = images(torch, 100), torch.randn(100, 10)
    rows = torch.randn(1000, 1000)

    def chain(v):
        return ((v * 0.5 + 0.1).tanh().square() + 1).sqrt().neg().exp().log1p().sin().sum()

    def to(leaves, value):
        return lambda: torch.autograd.grad(value(), leaves)

    leaf, line = x.detach().requires_grad_(True), rows.detach().requires_grad_(True)
    weights = list(net.parameters())

    def best(run):
        def timed(threads):
            torch.set_num_threads(threads)
            return measure(run, 11)
        return min(timed(threads) for threads in {1, THREADS})

    def forward():
        with torch.inference_mode():
            chain(rows)

    wall, cpu = best(to(weights, lambda: (net(x) * c).sum()))
    row("torch.grad.cnn.weights", 1e3 * wall, "ms", cpu)
    for parameter in weights:
        parameter.requires_grad_(False)
    wall, cpu = best(to([leaf], lambda: (net(leaf) * c).sum()))
    row("torch.grad.cnn", 1e3 * wall, "ms", cpu)
    wall, cpu = best(forward)
    row("torch.grad.chain.forward", 1e3 * wall, "ms", cpu)
    wall, cpu = best(to([line], lambda: chain(line)))
    row("torch.grad.chain", 1e3 * wall, "ms", cpu)


def make_vgg():
    from torch import nn
    layers, channels = [], 3
    for width in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10))


def make_resnet():
    """ResNet-20 of the CIFAR kind, with 1 x 1 convolutions where a shortcut changes the shape."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, channels, width, stride):
            super().__init__()
            self.path = nn.Sequential(
                nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
            self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

        def forward(self, x):
            return nn.functional.relu(self.path(x) + self.shortcut(x))

    layers, channels = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for width in (16, 32, 64):
        for i in range(3):
            layers.append(Block(channels, width, 2 if i == 0 and width > 16 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def colour(name, make):
    """Forward, input gradient and an epoch of a net on 3 x 32 x 32 pictures. Of both memory formats and
    some batch sizes the fastest; the epoch has its batch given."""
    import torch
    torch.manual_seed(1)
    torch.set_num_threads(THREADS)
    x, y = torch.rand(512, 3, 32, 32), torch.randint(0, 10, (512,))
    found = {"forward": [], "gradient": [], "epoch": []}
    for memory in (torch.channels_last, torch.contiguous_format):
        net = make().to(memory_format=memory)
        pictures = x.contiguous(memory_format=memory)

        def forward(batch):
            with torch.inference_mode():
                for first in range(0, 128, batch):
                    net(pictures[first:first + batch])

        def gradient(batch):
            w = torch.randn(batch, 10)
            for first in range(0, 128, batch):
                leaf = pictures[first:first + batch].detach().requires_grad_(True)
                torch.autograd.grad((net(leaf) * w).sum(), leaf)

        def epoch():
            for rows in torch.randperm(len(x)).split(128):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(net(pictures[rows]), y[rows]).backward()
                optimiser.step()

        net.train()
        optimiser = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
        found["epoch"].append(measure(epoch, 5))
        net.eval()
        for parameter in net.parameters():
            parameter.requires_grad_(False)
        for batch in (32, 128):
            found["forward"].append(measure(lambda b=batch: forward(b), 7))
            found["gradient"].append(measure(lambda b=batch: gradient(b), 7))
    for key, times in found.items():
        wall, cpu = min(times)
        row(f"torch.{name}.{key}", 1e3 * wall, "ms", cpu)


def vgg():
    colour("vgg", make_vgg)


def resnet():
    colour("resnet", make_resnet)


def svms(features, labels):
    import numpy
    from sklearn.metrics.pairwise import rbf_kernel
    from sklearn.svm import SVC
    x, y = numpy.load(features).astype(float), numpy.load(labels)
    gram = rbf_kernel(x, gamma=1e-2)

    def ten(matrix, **options):
        def one(label):
            SVC(C=10, cache_size=1000, **options).fit(matrix, y == label)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(one, numpy.unique(y)))

    wall, cpu = measure(lambda: ten(gram, kernel="precomputed"), 3)
    row("sklearn.svms.libsvm", wall, "s", cpu)
    start, spent = time.perf_counter(), time.process_time()
    ten(x, kernel="rbf", gamma=1e-2)
    row("sklearn_rbf.svms.libsvm", time.perf_counter() - start, "s", time.process_time() - spent)


LONGEST = 20 * 60  # seconds


def fit_many(features, labels):
    import numpy
    from sklearn.svm import SVC
    x, y = numpy.load(features).astype(float), numpy.load(labels)
    start, spent = time.perf_counter(), time.process_time()
    SVC(kernel="rbf", gamma=1e-2, C=10, cache_size=2000).fit(x, y)
    row("sklearn.svm_many", time.perf_counter() - start, "s", time.process_time() - spent)


def svm_many(features, labels):
    """One fit, by one thread as SVC does it; what takes longer than LONGEST is ended and has no row."""
    import multiprocessing
    fit = multiprocessing.Process(target=fit_many, args=(features, labels))
    fit.start()
    fit.join(LONGEST)
    if fit.is_alive():
        fit.terminate()
        fit.join()
        print(f"scikit-learn's SVC was ended after {LONGEST} s", file=sys.stderr)


def main():
    if sys.argv[1:] == ["--missing"]:
        names = missing()
        if names:
            print("not installed for " + sys.executable + ": " + ", ".join(names))
        return
    groups = {"epoch": epoch, "inference": inference, "gradient": gradient, "grad": grad,
              "vgg": vgg, "resnet": resnet, "svms": svms, "svm_many": svm_many}
    if len(sys.argv) < 2 or sys.argv[1] not in groups:
        sys.exit("usage: peers.py --missing | " + " | ".join(groups) + " [FILES]")
    try:
        groups[sys.argv[1]](*sys.argv[2:])
    except ImportError as lack:
        sys.exit(f"peers.py: {lack}")


main()
