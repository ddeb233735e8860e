"""Random nets, once in Lua and once in PyTorch, with the same weights in one safetensors file."""
import os

import numpy as np
import torch
from torch import nn

from frame import number, table
from tensors import write_safetensors

torch.set_num_threads(1)


class Over(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Scaled(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1), persistent=False)

    def forward(self, x):
        return (x - self.mean) / self.std


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if self.shortcut else x)


def lua_options(options):
    def text(value):
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            return f'"{value}"'
        return table(value) if isinstance(value, (list, tuple)) else number(value)
    return "{ " + ", ".join(f"{key} = {text(value)}" for key, value in options.items()) + " }"


# ---- Layers: each draws its options and answers (options of ours, PyTorch's module) ----------------------------------

def elementwise(module):
    return lambda rng, shape: ({}, module())


def one_or_two(rng, low, high):
    return rng.randrange(low, high + 1) if rng.random() < 0.5 else [rng.randrange(low, high + 1), rng.randrange(low, high + 1)]


def pair(value):
    return tuple(value) if isinstance(value, list) else (value, value)


def leaky_relu(rng, shape):
    slope = rng.choice((0.01, 0.3, 0.0, 0.7))
    return {"negative_slope": slope}, nn.LeakyReLU(slope)


def elu(rng, shape):
    alpha = rng.choice((1.0, 0.3, 2.5))
    return {"alpha": alpha}, nn.ELU(alpha)


def gelu(rng, shape):
    how = rng.choice(("none", "tanh"))
    return {"approximate": how}, nn.GELU(approximate=how)


def softplus(rng, shape):
    beta = rng.choice((1.0, 0.4, 3.0))
    return {"beta": beta}, nn.Softplus(beta, threshold=1e9)


def dropout(rng, shape):
    p = rng.choice((0.0, 0.2, 0.9))
    return {"p": p}, nn.Dropout(p)


def window(rng, shape, dilated):
    """kernel, stride, padding, dilation that leave something of the image, or None."""
    kernel, stride = one_or_two(rng, 1, 4), one_or_two(rng, 1, 3)
    padding = [rng.randrange(0, k // 2 + 1) for k in pair(kernel)]
    dilation = one_or_two(rng, 1, 2) if dilated and rng.random() < 0.4 else 1
    fits = all(s + 2 * p >= d * (k - 1) + 1 for s, p, d, k in zip(shape[1:], padding, pair(dilation), pair(kernel)))
    return (kernel, stride, padding, dilation) if fits else None


def maxpool(rng, shape):
    found = window(rng, shape, True)
    if not found:
        return None
    kernel, stride, padding, dilation = found
    if not sees_all(shape, kernel, stride if stride else kernel, padding, dilation):
        return None
    options = dict(kernel=kernel, padding=padding, dilation=dilation, ceil_mode=rng.random() < 0.3)
    if rng.random() < 0.7:
        options["stride"] = stride
    return options, nn.MaxPool2d(pair(kernel), pair(options.get("stride", kernel)), pair(padding), pair(dilation),
                                 ceil_mode=options["ceil_mode"])


def avgpool(rng, shape):
    found = window(rng, shape, False)
    if not found:
        return None
    kernel, stride, padding, _ = found
    options = dict(kernel=kernel, stride=stride, padding=padding, ceil_mode=rng.random() < 0.3,
                   count_include_pad=rng.random() < 0.5)
    return options, nn.AvgPool2d(pair(kernel), pair(stride), pair(padding), ceil_mode=options["ceil_mode"],
                                 count_include_pad=options["count_include_pad"])


def sees_all(shape, kernel, stride, padding, dilation):
    """No window lies in the padding alone: such a layer is refused."""
    for size, k, s, p, d in zip(shape[1:], pair(kernel), pair(stride), pair(padding), pair(dilation)):
        for first in range(-p, size + p - d * (k - 1), s):
            if not any(0 <= first + d * j < size for j in range(k)):
                return False
    return True


def conv2d(rng, shape):
    groups = rng.choice([g for g in (1, 1, 1, 2, 3, shape[0]) if shape[0] % g == 0])
    out = groups * rng.choice((1, 2, 3, 5, 8))
    kernel, stride, dilation = one_or_two(rng, 1, 5), one_or_two(rng, 1, 3), one_or_two(rng, 1, 2)
    padding = one_or_two(rng, 0, 3)
    if rng.random() < 0.25:
        kernel, stride, padding, dilation = 3, 1, rng.choice((0, 1)), 1  # what has a way of its own
    same = rng.random() < 0.15
    if same:
        kernel, stride, padding = rng.choice((1, 3, 5)), 1, "same"
    else:
        if any(s + 2 * p < d * (k - 1) + 1 for s, p, d, k in
               zip(shape[1:], pair(padding), pair(dilation), pair(kernel))):
            return None
        if not sees_all(shape, kernel, stride, padding, dilation):
            return None
    bias = rng.random() < 0.7
    options = dict(out=out, kernel=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=bias)
    return options, nn.Conv2d(shape[0], out, pair(kernel), pair(stride), padding if same else pair(padding),
                              pair(dilation), groups, bias)


def linear(rng, shape):
    out, bias = rng.choice((1, 2, 3, 7, 10, 16, 33)), rng.random() < 0.7
    return dict(out=out, bias=bias), nn.Linear(shape[0], out, bias)


def normalise(rng, shape):
    if shape[0] > 32 or len(shape) == 1:
        return None
    mean = [rng.randrange(-8, 9) / 8 for _ in range(shape[0])]
    std = [rng.randrange(1, 17) / 8 for _ in range(shape[0])]
    return dict(mean=mean, std=std), Scaled(mean, std)


def layernorm(rng, shape):
    dims = rng.randrange(0, len(shape) + 1)
    if int(np.prod(shape[-dims:])) < 2:
        return None
    eps, affine = rng.choice((1e-5, 0.1)), rng.random() < 0.7
    return (dict(dims=dims, eps=eps, affine=affine),
            nn.LayerNorm(shape[-dims:] if dims else shape, eps, affine))


def batchnorm(rng, shape):
    eps, momentum, affine = rng.choice((1e-5, 0.1)), rng.choice((0.1, 0.5, 1.0)), rng.random() < 0.7
    kind = nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
    return dict(eps=eps, momentum=momentum, affine=affine), kind(shape[0], eps, momentum, affine)


IMAGES, ANY, FLAT = "images", "any", "flat"
KINDS = {
    "relu": (elementwise(nn.ReLU), ANY), "sigmoid": (elementwise(nn.Sigmoid), ANY), "tanh": (elementwise(nn.Tanh), ANY),
    "silu": (elementwise(nn.SiLU), ANY), "softmax": (elementwise(lambda: nn.Softmax(1)), ANY),
    "leaky_relu": (leaky_relu, ANY), "elu": (elu, ANY), "gelu": (gelu, ANY), "softplus": (softplus, ANY),
    "dropout": (dropout, ANY), "maxpool": (maxpool, IMAGES), "avgpool": (avgpool, IMAGES), "conv2d": (conv2d, IMAGES),
    "global_avgpool": (elementwise(lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())), IMAGES),
    "flatten": (elementwise(nn.Flatten), IMAGES), "linear": (linear, FLAT), "normalise": (normalise, ANY),
    "layernorm": (layernorm, ANY), "batchnorm": (batchnorm, ANY),
}
SMOOTH = ("sigmoid", "tanh", "silu", "softplus", "gelu", "elu", "batchnorm", "layernorm", "relu")


def fits(kind, shape):
    return KINDS[kind][1] in (ANY, IMAGES if len(shape) == 3 else FLAT)


def shape_behind(module, shape):
    with torch.no_grad():
        return list(module.eval()(torch.zeros(2, *shape)).shape[1:])


def layer(rng, kind, shape):
    """(options, module, shape behind it), or None where the draw does not fit."""
    drawn = KINDS[kind][0](rng, shape) if fits(kind, shape) else None
    if not drawn:
        return None
    try:
        behind = shape_behind(drawn[1], shape)
    except RuntimeError:  # PyTorch has no such layer
        return None
    return (*drawn, behind) if 0 < np.prod(behind) < 20000 else None


def residual(rng, shape):
    """Two layers that keep the shape, beside the input or a convolution of it."""
    channels, flat = shape[0], len(shape) == 1
    def keeps():
        if flat:
            return {"out": channels}, nn.Linear(channels, channels), "linear"
        return {"out": channels, "kernel": 3, "padding": 1}, nn.Conv2d(channels, channels, 3, 1, 1), "conv2d"
    body = [keeps(), (*KINDS["gelu"][0](rng, shape), "gelu"), keeps()]
    short = keeps() if rng.random() < 0.5 else None
    names = [f"b{i}" for i in range(3)]
    module = Residual(nn.Sequential(*[b[1] for b in body]), short[1] if short else None)
    def text(name, each):
        return f"nn.{each[2]} {lua_options(dict(each[0], name=name))}"
    inner = ", ".join(text(n, b) for n, b in zip(names, body))
    lua = f"nn.residual {{ name = 'NAME', {inner}{', shortcut = ' + text('s', short) if short else ''} }}"
    weights = {f"{n}.": b[1] for n, b in zip(names, body)}
    if short:
        weights["s."] = short[1]
    return lua, module, weights


class Net:
    """A net under construction: Lua's layers, PyTorch's modules, where each array of a file comes from."""

    def __init__(self, shape):
        self.input, self.shape = list(shape), list(shape)
        self.texts, self.modules, self.owners, self.names = [], [], {}, []

    def add(self, rng, kind):
        name = f"l{len(self.texts)}"
        if kind == "residual":
            lua, module, weights = residual(rng, self.shape)
            self.texts.append(lua.replace("NAME", name))
            self.owners.update({f"{name}.{part}": owner for part, owner in weights.items()})
        else:
            drawn = layer(rng, kind, self.shape)
            if not drawn:
                return False
            options, module, self.shape = drawn
            self.texts.append(f"nn.{kind} {lua_options(dict(options, name=name))}")
            self.owners[f"{name}."] = module
        self.modules.append(module)
        self.names.append(name)
        return True

    def done(self, case):
        """The module in float64, its weights and statistics drawn: float32's numbers."""
        module = nn.Sequential(*self.modules)
        with torch.no_grad():
            for key, tensor in module.state_dict().items():
                if not tensor.is_floating_point():
                    continue
                fan = max(1, tensor[0].numel()) if tensor.dim() > 1 else 1
                values = case.np.randn(*tensor.shape) / fan**0.5
                if key.endswith("running_var"):
                    values = np.abs(values) + 0.3
                tensor.copy_(torch.tensor(values.astype(np.float32)))
        self.module = module.double().eval()
        return self.module

    def arrays(self):
        """All arrays by the names that they have in a file."""
        return {prefix + key: tensor.detach().numpy() for prefix, owner in self.owners.items()
                for key, tensor in owner.state_dict().items() if tensor.is_floating_point()}

    def gradients(self):
        return {prefix + key: tensor.grad.numpy() for prefix, owner in self.owners.items()
                for key, tensor in owner.named_parameters()}

    def lua(self, classes=None, seed=1):
        more = f"classes = {table(classes)}, " if classes else ""
        return f"nn.new {{ input = {table(self.input)}, {more}seed = {seed}, {', '.join(self.texts)} }}"

    def write(self, case, name="weights"):
        """The weights in a file of safetensors: its name in Lua's text."""
        if not self.arrays():
            return None
        file = f"{case.key}.{name}.safetensors"
        write_safetensors(os.path.join(case.folder, file), self.arrays())
        return f'folder .. "/{file}"'
