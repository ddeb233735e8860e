#!/usr/bin/env python3
"""A PyTorch classifier for Perigee: its weights as safetensors, its layers as Lua.

    python3 describe-torch-model.py models.py:'resnet20()' --state resnet20.pt --input 3,32,32 --out resnet20
    python3 describe-torch-model.py torchvision.models:'resnet18(num_classes=10)' --input 3,32,32
    python3 describe-torch-model.py whole-model.pt --input 1,28,28

WHAT is FILE.py:EXPRESSION, MODULE:EXPRESSION, or a file of a whole module by torch.save; the expression
gives the module, or a function that does. --state fills it with a state dict. Two files are written:
OUT.safetensors has the weights under their own names, and OUT.lua gives the net with them:

    local net = dofile "resnet20.lua"

Then perigee (--perigee, or the one in PATH, or in build/) scores random samples, and the largest difference
from PyTorch's own logits is printed. The status is 0 where that is within 1e-4 of the largest logit, 1 where
it is not or something is in the module that Perigee has no layer for. Needs nothing but torch. A pickled
module runs the code that is in it: open none that you do not trust. Of a state dict only tensors are read,
whatever version of torch this is; --trust reads one that holds other objects too.
"""
import argparse
import importlib
import importlib.util
import inspect
import json
import math
import operator
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from array import array as numbers_of

import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp


class Refused(Exception):
    """What stands in the way, in a sentence."""


# ---- The module ------------------------------------------------------------------------------------

def said(why):
    """An error of somebody else's, in a line."""
    return f"{type(why).__name__}: {(str(why).strip() or 'no words').splitlines()[0]}"


def load(path, weights_only):
    """What torch.save wrote. Of weights_only every version has its own default, or knows nothing (before 1.13)."""
    knows = "weights_only" in inspect.signature(torch.load).parameters
    try:
        return torch.load(path, map_location="cpu", **({"weights_only": weights_only} if knows else {}))
    except Exception as why:
        if weights_only and isinstance(why, pickle.UnpicklingError) and zipfile.is_zipfile(path):
            raise Refused(f"{path} holds more than tensors, and reading that can run code: --trust reads it all "
                          f"the same ({said(why)})") from why
        raise Refused(f"{path} cannot be read: {said(why)}") from why


def find_module(what):
    if ":" not in what:
        found = load(what, weights_only=False)  # code of the user's own
        if not isinstance(found, nn.Module):
            raise Refused(f"{what} holds a {type(found).__name__}, not a module: name what makes the module "
                          f"(FILE.py:EXPRESSION) and give this file as --state")
        return found
    where, expression = what.split(":", 1)
    if where.endswith(".py"):
        sys.path.insert(0, os.path.dirname(os.path.abspath(where)))
        spec = importlib.util.spec_from_file_location(os.path.basename(where)[:-3], where)
        if spec is None or not os.path.exists(where):
            raise Refused(f"{where}: there is no such file")
        source = importlib.util.module_from_spec(spec)
        make = lambda: spec.loader.exec_module(source) or source
    else:
        sys.path.insert(0, os.getcwd())
        make = lambda: importlib.import_module(where)
    try:
        found = eval(expression, vars(make()))  # the user's own words, about the user's own file
        if not isinstance(found, nn.Module) and callable(found):
            found = found()
    except Exception as why:
        raise Refused(f"{what} makes no module: {said(why)}") from why
    if not isinstance(found, nn.Module):
        raise Refused(f"{expression} gives a {type(found).__name__}, expected a torch.nn.Module")
    return found


def load_state(module, path, trust):
    state = load(path, weights_only=not trust)
    for key in ("state_dict", "model_state_dict", "model", "net"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if isinstance(state, nn.Module):
        state = state.state_dict()
    if not isinstance(state, dict) or not all(torch.is_tensor(value) for value in state.values()):
        raise Refused(f"{path} holds no state dict: expected tensors by their names")
    state = {(key[len("module."):] if key.startswith("module.") else key): value for key, value in state.items()}
    try:
        module.load_state_dict(state)
    except RuntimeError as why:
        raise Refused(f"{path} is another module's: {' '.join(str(why).split())[:300]}") from why


# ---- Layers ----------------------------------------------------------------------------------------

class Layer:
    """One of Perigee's: its kind, its options, and the path of names that leads to it."""
    def __init__(self, kind, path, options=None, weights=False):
        self.kind, self.path, self.options, self.weights = kind, path, options or {}, weights
        self.body, self.shortcut = None, None  # of a residual


def pair(value):
    low, high = value if isinstance(value, (tuple, list)) else (value, value)
    return low if low == high else [low, high]


def given(**options):
    """Without what is Perigee's default, too."""
    return {key: value for key, (value, default) in options.items() if value != default}


def window(what, kernel, stride, padding, ceil_mode, dilation=1):
    options = {"kernel": pair(kernel)}
    stride = pair(kernel if stride is None or stride == [] else stride)
    options.update(given(stride=(stride, options["kernel"]), padding=(pair(padding), 0),
                         dilation=(pair(dilation), 1), ceil_mode=(bool(ceil_mode), False)))
    return options


def conv2d(m):
    if m.padding_mode != "zeros":
        raise Refused(f'a convolution with padding_mode = "{m.padding_mode}": Perigee pads with zeros alone')
    padding = m.padding
    if isinstance(padding, str):
        reach = [d * (k - 1) for d, k in zip(m.dilation, m.kernel_size)]
        if padding == "valid":
            padding = 0
        elif not any(r % 2 for r in reach):  # else the sides get unequal shares, which "same" alone says
            padding = [r // 2 for r in reach]
    return "conv2d", dict({"out": m.out_channels, "kernel": pair(m.kernel_size)}, **given(
        stride=(pair(m.stride), 1), padding=(padding if padding == "same" else pair(padding), 0),
        dilation=(pair(m.dilation), 1), groups=(m.groups, 1), bias=(m.bias is not None, True)))


def linear(m):
    return "linear", dict({"out": m.out_features}, **given(bias=(m.bias is not None, True)))


def batchnorm(m):
    if not m.track_running_stats or m.running_mean is None:
        raise Refused("a batch normalisation without running statistics scores samples by their batch")
    if m.momentum is None:
        raise Refused("a batch normalisation with momentum = None averages all batches: Perigee's has a share")
    return "batchnorm", given(eps=(m.eps, 1e-5), momentum=(m.momentum, 0.1), affine=(m.affine, True))


def layernorm(m):
    return "layernorm", dict({"dims": len(m.normalized_shape)}, **given(
        eps=(m.eps, 1e-5), affine=(m.elementwise_affine, True)))


def maxpool(kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    if return_indices:
        raise Refused("a max pooling that returns indices")
    return "maxpool", window("maxpool", kernel_size, stride, padding, ceil_mode, dilation)


def avgpool(kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    if divisor_override is not None:
        raise Refused("an average pooling with a divisor of its own")
    return "avgpool", dict(window("avgpool", kernel_size, stride, padding, ceil_mode),
                           **given(count_include_pad=(bool(count_include_pad), True)))


def adaptive(size, shapes):
    """AdaptiveAvgPool2d: all of a map, or windows that divide it."""
    height, width = shapes[0][-2:]
    rows, columns = size if isinstance(size, (tuple, list)) else (size, size)
    rows, columns = height if rows is None else rows, width if columns is None else columns
    if (rows, columns) == (height, width):
        return None
    if (rows, columns) == (1, 1):
        return "global_avgpool", {}
    if height % rows or width % columns:
        raise Refused(f"an adaptive pooling of {height} x {width} to {rows} x {columns}: its windows differ in size")
    return "avgpool", {"kernel": pair((height // rows, width // columns))}


def flatten(shapes):
    before, after = shapes
    if after[0] != before[0] or len(after) != 2:
        raise Refused(f"a reshape of {tuple(before)} to {tuple(after)}: Perigee flattens whole samples alone")
    return None if len(before) == 2 else ("flatten", {})


def softmax(dim, shapes, kind="softmax"):
    if dim not in (1, 1 - len(shapes[0])):
        raise Refused(f"a softmax over dimension {dim}: Perigee's is over channels")
    return kind, {}


def mean(dims, keep, shapes):
    dims = sorted(d % 4 for d in ([dims] if isinstance(dims, int) else dims))
    if len(shapes[0]) != 4 or dims != [2, 3]:
        raise Refused(f"a mean over dimensions {dims}: Perigee has that of whole maps")
    return "global_avgpool", {}


def leaky(slope):
    return "leaky_relu", given(negative_slope=(slope, 0.01))


def gelu(approximate="none"):
    return "gelu", given(approximate=(approximate, "none"))


def softplus(beta=1, threshold=20):
    if threshold != 20:
        raise Refused(f"a softplus with a threshold of {threshold}")
    return "softplus", given(beta=(beta, 1))


MODULES = {
    nn.Conv2d: lambda m, s: conv2d(m), nn.Linear: lambda m, s: linear(m),
    nn.BatchNorm1d: lambda m, s: batchnorm(m), nn.BatchNorm2d: lambda m, s: batchnorm(m),
    nn.LayerNorm: lambda m, s: layernorm(m),
    nn.MaxPool2d: lambda m, s: maxpool(m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode, m.return_indices),
    nn.AvgPool2d: lambda m, s: avgpool(m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad,
                                       m.divisor_override),
    nn.AdaptiveAvgPool2d: lambda m, s: adaptive(m.output_size, s),
    nn.Flatten: lambda m, s: flatten(s), nn.Identity: lambda m, s: None,
    nn.Dropout: lambda m, s: ("dropout", given(p=(m.p, 0.5))),
    nn.ReLU: lambda m, s: ("relu", {}), nn.Sigmoid: lambda m, s: ("sigmoid", {}),
    nn.Tanh: lambda m, s: ("tanh", {}), nn.SiLU: lambda m, s: ("silu", {}),
    nn.LeakyReLU: lambda m, s: leaky(m.negative_slope), nn.ELU: lambda m, s: ("elu", given(alpha=(m.alpha, 1))),
    nn.GELU: lambda m, s: gelu(getattr(m, "approximate", "none")),
    nn.Softplus: lambda m, s: softplus(m.beta, m.threshold),
    nn.Softmax: lambda m, s: softmax(m.dim, s), nn.LogSoftmax: lambda m, s: softmax(m.dim, s, "log_softmax"),
}

RELU, SIGMOID, TANH = (lambda s, inplace=False: ("relu", {})), (lambda s: ("sigmoid", {})), (lambda s: ("tanh", {}))


def drop(s, p=0.5, training=True, inplace=False):
    return "dropout", given(p=(p, 0.5))


def functional_adaptive(s, output_size):
    return adaptive(output_size, s)


def functional_maxpool(s, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    return maxpool(kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def functional_flatten(s, *_, **__):
    return flatten(s)


def functional_softmax(kind):
    return lambda s, dim=None, _stacklevel=3, dtype=None: softmax(dim, s, kind)


def functional_mean(s, dim, keepdim=False):
    return mean(dim, keepdim, s)


FUNCTIONS = {
    F.relu: RELU, torch.relu: RELU, torch.sigmoid: SIGMOID, torch.tanh: TANH, F.dropout: drop,
    F.max_pool2d: functional_maxpool, torch.max_pool2d: functional_maxpool,
    F.avg_pool2d: lambda s, *a, **k: avgpool(*a, **k), F.adaptive_avg_pool2d: functional_adaptive,
    torch.flatten: functional_flatten, F.log_softmax: functional_softmax("log_softmax"),
    F.softmax: functional_softmax("softmax"),
    torch.log_softmax: functional_softmax("log_softmax"), torch.softmax: functional_softmax("softmax"), torch.mean: functional_mean,
    F.leaky_relu: lambda s, negative_slope=0.01, inplace=False: leaky(negative_slope),
    F.elu: lambda s, alpha=1.0, inplace=False: ("elu", given(alpha=(alpha, 1))),
    F.silu: lambda s, inplace=False: ("silu", {}), F.gelu: lambda s, **k: gelu(**k),
    F.softplus: lambda s, beta=1, threshold=20: softplus(beta, threshold),
}
for old, new in ((getattr(F, "_max_pool2d", None), functional_maxpool), (getattr(F, "sigmoid", None), SIGMOID),
                 (getattr(F, "tanh", None), TANH), (getattr(F, "boolean_dispatch", None), None)):
    if old is not None and new is not None:
        FUNCTIONS[old] = new
METHODS = {
    "relu": RELU, "relu_": RELU, "sigmoid": SIGMOID, "tanh": TANH, "flatten": functional_flatten,
    "view": functional_flatten, "reshape": functional_flatten, "mean": functional_mean,
    "softmax": functional_softmax("softmax"), "log_softmax": functional_softmax("log_softmax"),
    "contiguous": lambda s: None,
}
ADDITIONS = {operator.add, operator.iadd, torch.add, "add", "add_"}


# ---- From the traced graph to layers ---------------------------------------------------------------

class Tracer(fx.Tracer):
    """Stops at the modules that have a layer, and at PyTorch's others, which are refused by name."""
    def is_leaf_module(self, m, name):
        return type(m) in MODULES or super().is_leaf_module(m, name)


class Reader:
    def __init__(self, module, sample):
        try:
            graph = Tracer().trace(module)
        except Exception as why:
            raise Refused(f"torch.fx cannot follow this module's forward ({str(why).splitlines()[0]}): describe "
                          f"the net by hand, and load its state dict by net:load_weights")
        self.traced = fx.GraphModule(module, graph)
        try:
            module(sample)
        except Exception as why:
            raise Refused(f"samples of {' x '.join(map(str, sample.shape[1:]))} (--input) do not go through the "
                          f"module: {str(why).splitlines()[0]}")
        ShapeProp(self.traced).propagate(sample)
        self.modules = dict(self.traced.named_modules())
        self.order = {node: place for place, node in enumerate(graph.nodes)}
        self.seen = set()
        inputs = [node for node in graph.nodes if node.op == "placeholder" and node.users]
        if len(inputs) != 1:
            raise Refused(f"the module takes {len(inputs)} inputs, expected one batch of samples")
        self.input = inputs[0]
        self.output = next(node for node in graph.nodes if node.op == "output").args[0]
        if not isinstance(self.output, fx.Node):
            raise Refused("the module gives several outputs, expected one row of scores a sample")

    def words(self, node):
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        if node.op == "call_module":
            name = f"{node.target} ({type(self.modules[node.target]).__name__})"
        return name

    def is_sum(self, node):
        return (node.op in ("call_function", "call_method") and node.target in ADDITIONS and len(node.args) == 2
                and all(isinstance(arg, fx.Node) for arg in node.args))

    def before(self, node):
        """All that a value comes from, itself included."""
        found, waiting = set(), [node]
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += [arg for arg in node.all_input_nodes if self.is_tensor(arg)]
        return found

    def is_tensor(self, node):
        return isinstance(node, fx.Node) and "tensor_meta" in node.meta and node.op != "get_attr"

    def read(self, end, start):
        """The layers from `start`'s value to `end`'s."""
        layers = []
        while end is not start:
            if self.order[end] <= self.order[start] or end.op == "placeholder":
                raise Refused("the module's ways part and meet otherwise than in residual sums")
            layer, end = self.step(end)
            layers += [layer] if layer else []
        layers.reverse()
        # the mean of each map is flat already
        return [layer for place, layer in enumerate(layers)
                if not (layer.kind == "flatten" and place and layers[place - 1].kind == "global_avgpool")]

    def step(self, node):
        if self.is_sum(node):
            return self.residual(node)
        normalised = self.normalise(node)
        if normalised:
            return normalised
        source = node.args[0] if node.args and self.is_tensor(node.args[0]) else None
        if source is None:
            raise Refused(f"{self.words(node)}: Perigee has no layer for it")
        shapes = [tuple(n.meta["tensor_meta"].shape) for n in (source, node)]
        if node.op == "call_module":
            return self.of_module(node, shapes), source
        table = FUNCTIONS if node.op == "call_function" else METHODS
        make = table.get(node.target)
        if make is None:
            raise Refused(f"{self.words(node)}: Perigee has no layer for it")
        rest = [arg for arg in node.args[1:]]
        made = make(shapes, *rest, **{k: v for k, v in node.kwargs.items() if k != "input"})
        return (Layer(made[0], [node.name], made[1]) if made else None), source

    def of_module(self, node, shapes):
        module = self.modules[node.target]
        make = MODULES.get(type(module))
        if make is None:
            raise Refused(f"{self.words(node)}: Perigee has no layer for it")
        made = make(module, shapes)
        if not made:
            return None
        weights = any(True for _ in module.state_dict())
        if weights and node.target in self.seen:
            raise Refused(f"{self.words(node)} is used twice: Perigee's layers share no weights")
        self.seen.add(node.target)
        return Layer(made[0], node.target.split("."), made[1], weights)

    def residual(self, node):
        ways = list(node.args)
        common = self.before(ways[0]) & self.before(ways[1])
        start = max(common, key=self.order.get)
        body, shortcut = (self.read(way, start) for way in ways)
        if len(body) < len(shortcut):
            body, shortcut = shortcut, body
        if not body:
            raise Refused("a sum of a value with itself")
        layer = Layer("residual", None, {})
        layer.body, layer.shortcut = body, shortcut
        layer.path = scope_of(weighted(body) + weighted(shortcut)) + [node.name]
        return layer, start

    def constant(self, value, channels):
        """A number, or one for each channel: what is subtracted or divided by."""
        if isinstance(value, (int, float)):
            return float(value)
        if not isinstance(value, fx.Node) or value.op != "get_attr":
            return None
        tensor = self.traced
        for part in value.target.split("."):
            tensor = getattr(tensor, part)
        if tensor.numel() == 1:
            return float(tensor)
        return tensor.flatten().tolist() if tensor.numel() == channels and tensor.shape[-1] == 1 else None

    def normalise(self, node):
        """(x − mean) / std."""
        take_off, divide = {operator.sub, torch.sub, "sub"}, {operator.truediv, torch.div, "div"}
        if node.target not in divide or not self.is_tensor(node.args[0]) or node.args[0].target not in take_off:
            return None
        inner = node.args[0]
        channels = inner.meta["tensor_meta"].shape[1]
        mean, std = self.constant(inner.args[1], channels), self.constant(node.args[1], channels)
        if mean is None or std is None or not self.is_tensor(inner.args[0]):
            return None
        return Layer("normalise", [node.name], {"mean": mean, "std": std}), inner.args[0]


# ---- Names and Lua ---------------------------------------------------------------------------------

def weighted(layers):
    """Those with weights, which must have their names, inside residuals too."""
    found = []
    for layer in layers:
        found += weighted(layer.body) + weighted(layer.shortcut) if layer.kind == "residual" else []
        found += [layer] if layer.weights else []
    return found


def check_weights(layers, state):
    """weight_norm, spectral_norm and pruning keep what a weight is made of in its place."""
    for layer in weighted(layers):
        name = ".".join(layer.path) + "."
        parts = [key for key in state if key.startswith((name + "weight_", name + "parametrizations."))]
        if parts and name + "weight" not in state:
            raise Refused(f"{name}weight is made of others ({', '.join(sorted(parts))}): make them one first, by "
                          "torch.nn.utils.remove_weight_norm or its like")


def common(paths):
    paths = list(paths)
    shared = []
    for names in zip(*paths):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return shared


def scope_of(layers):
    return common(layer.path[:-1] for layer in layers) if layers else []


def place_loose(layers, scope):
    """Give what has no weights a path that leaves the blocks around it in one piece: its own where a
    neighbour is in the same block."""
    for place, layer in enumerate(layers):
        if layer.kind == "residual":
            place_loose(layer.body, layer.path[:-1])
            place_loose(layer.shortcut, layer.path[:-1])
        elif not layer.weights:
            near = [next((other.path[:-1] for other in side if other.weights or other.kind == "residual"), scope)
                    for side in (reversed(layers[:place]), layers[place + 1:])]
            if layer.path[:-1] not in near:
                layer.path = common(near) + layer.path[-1:]


def lua(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "{ " + ", ".join(map(lua, value)) + " }"
    return json.dumps(value)


def constructor(kind, name, options, inside, depth):
    pad = "  " * depth
    head = [f"name = {lua(name)}"] if name else []
    head += [f"{key} = {lua(value)}" for key, value in options.items()]
    if not inside:
        return f"{pad}nn.{kind} {{ {', '.join(head)} }},\n"
    return f"{pad}nn.{kind} {{ {', '.join(head)},\n" + "".join(inside) + f"{pad}}},\n"


def free_name(name, used):
    number, tried = 1, name
    while tried in used:
        number += 1
        tried = f"{name}_{number}"
    used.add(tried)
    return tried


def write_layers(layers, depth_of_path, depth, used=None):
    """Lua of layers whose paths agree in their first names; the next one makes a sequence. `used` are the
    names that are taken there."""
    def first(layer):
        return layer.path[depth_of_path] if len(layer.path) > depth_of_path + 1 else None

    out, place = [], 0
    used = set() if used is None else used
    used |= {layer.path[depth_of_path] for layer in layers if layer.weights or first(layer)}
    opened = set()
    while place < len(layers):
        layer, name = layers[place], first(layers[place])
        if name is None:
            own = layer.path[-1] if layer.weights else free_name(layer.path[-1], used)
            out.append(write_layer(layer, own, depth_of_path, depth, used))
            place += 1
            continue
        if name in opened:
            raise Refused(f"the layers of {'.'.join(layer.path[:depth_of_path + 1])} do not follow one another")
        opened.add(name)
        end = place
        while end < len(layers) and first(layers[end]) == name:
            end += 1
        inside = write_layers(layers[place:end], depth_of_path + 1, depth + 1)
        out.append(constructor("sequence", name, {}, inside, depth))
        place = end
    return out


def write_layer(layer, name, depth_of_path, depth, used):
    if layer.kind != "residual":
        return constructor(layer.kind, name, layer.options, [], depth)
    inside = write_layers(layer.body, depth_of_path, depth + 1, used)
    text = constructor("residual", name, {"prefix": False}, inside, depth)
    if not layer.shortcut:
        return text
    pad = "  " * (depth + 1)
    ways = write_layers(layer.shortcut, depth_of_path, depth + 1, used)
    if len(ways) == 1:
        shortcut = f"{pad}shortcut = {ways[0].strip()}\n"
    else:
        shortcut = f"{pad}shortcut = nn.sequence {{ name = {lua(name + '_shortcut')}, prefix = false,\n" + \
            "".join("  " + line + "\n" for way in ways for line in way.splitlines()) + f"{pad}}},\n"
    closing = "  " * depth + "},\n"
    return text[:-len(closing)] + shortcut + closing


# ---- Files -----------------------------------------------------------------------------------------

KINDS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F32"}


def tensor_bytes(tensor):
    tensor = tensor.detach().cpu().contiguous()
    tensor = tensor.float() if tensor.dtype == torch.float64 else tensor
    if sys.byteorder != "little":
        raise Refused("this machine's numbers are big-endian")
    words = {4: torch.int32, 2: torch.int16}[tensor.element_size()]
    return numbers_of({4: "i", 2: "h"}[tensor.element_size()], tensor.view(words).flatten().tolist()).tobytes()


def write_safetensors(path, state):
    header, parts, at = {}, [], 0
    for name, tensor in state.items():
        if tensor.dtype not in KINDS:
            continue  # counts of batches
        raw = tensor_bytes(tensor)
        header[name] = {"dtype": KINDS[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]}
        parts.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def write_npy(path, tensor):
    shape = "".join(f"{size}, " for size in tensor.shape)
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + tensor_bytes(tensor))


def write_lua(path, what, shape, layers, weights):
    text = f"-- {what}, by describe-torch-model.py:\n-- dofile this file for the net with its weights.\n"
    text += f"local net = nn.new {{ input = {lua(list(shape))},\n" + "".join(layers) + "}\n"
    text += 'local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""\n'
    text += f"net:load_weights(here .. {lua(weights)})\nreturn net\n"
    with open(path, "w") as file:
        file.write(text)


# ---- The comparison --------------------------------------------------------------------------------

def find_perigee(wanted):
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "perigee")
    for path in (wanted, shutil.which("perigee"), here):
        if path and os.path.exists(path):
            return path
    raise Refused("perigee is not in PATH and not in build/: say where it is by --perigee, or leave the "
                  "comparison out by --no-check")


CHECK = """
local folder, description, columns = arg[1], arg[2], math.tointeger(tonumber(arg[3]))
local scores = dofile(description):forward(data.npy(folder .. "/x.npy"))
assert(scores.shape[2] == columns, "the net gives " .. scores.shape[2] .. " scores, PyTorch " .. columns)
local file = assert(io.open(folder .. "/scores.txt", "w"))
for _, row in ipairs(scores:totable()) do
  for _, score in ipairs(row) do file:write(("%.9g\\n"):format(score)) end
end
file:close()
"""


def compare(module, shape, description, perigee, ends_in_log):
    """The largest difference of the logits, and their largest magnitude."""
    torch.manual_seed(0)
    x = torch.rand(16, *shape)
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    with torch.no_grad():
        expected = module.double()(x.double())
    module.to(dtype)
    with tempfile.TemporaryDirectory() as folder:
        write_npy(os.path.join(folder, "x.npy"), x.reshape(len(x), -1))
        with open(os.path.join(folder, "check.lua"), "w") as file:
            file.write(CHECK)
        run = subprocess.run([perigee, "--quiet", os.path.join(folder, "check.lua"), folder,
                              os.path.abspath(description), str(expected.shape[1])], capture_output=True, text=True)
        if run.returncode != 0:
            raise Refused(f"perigee does not run it: {(run.stderr or run.stdout).strip()}")
        with open(os.path.join(folder, "scores.txt")) as file:
            scores = torch.tensor([float(line) for line in file], dtype=torch.float64).reshape(expected.shape)
    if ends_in_log:
        scores = scores.log_softmax(1)
    return float((scores - expected).abs().max()), float(expected.abs().max())


def parse_arguments():
    parser = argparse.ArgumentParser(description="A PyTorch classifier for Perigee: weights as safetensors, "
                                     "layers as Lua.", epilog="The head of this file tells more.")
    parser.add_argument("what", help="FILE.py:EXPRESSION, MODULE:EXPRESSION, or a whole module's file")
    parser.add_argument("--state", help="a state dict that fills the module")
    parser.add_argument("--trust", action="store_true", help="read a --state that holds more than tensors, whose "
                        "reading can run code")
    parser.add_argument("--input", required=True, help="a sample's shape: 3,32,32, or 20 for flat ones")
    parser.add_argument("--out", default="model", help="what the files are called, without an ending (model)")
    parser.add_argument("--perigee", help="the program that checks the answer")
    parser.add_argument("--no-check", action="store_true", help="only write the files")
    return parser.parse_args()


def describe(options):
    try:
        shape = [int(number) for number in options.input.split(",")]
    except ValueError as why:
        raise Refused(f'--input: expected whole numbers as in 3,32,32, got "{options.input}"') from why
    module = find_module(options.what)
    if isinstance(module, nn.DataParallel):
        module = module.module
    if options.state:
        load_state(module, options.state, options.trust)
    module = module.cpu().eval()
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    reader = Reader(module.float(), torch.zeros(2, *shape))
    layers = reader.read(reader.output, reader.input)
    ends_in_log = bool(layers) and layers[-1].kind == "log_softmax"
    if ends_in_log:
        print("the log_softmax at the end is left out: Perigee's scores are logits")
        layers.pop()
    if not layers:
        raise Refused("the module has no layers")
    if any(layer.kind == "log_softmax" for layer in layers):
        raise Refused("a log_softmax before the end: Perigee has no layer for it")
    with torch.no_grad():
        columns = module(torch.zeros(2, *shape)).shape[-1]
    if columns == 1:
        raise Refused("the module gives one number a sample, where a classifier gives a score for each class: "
                      "give it two, for example 0 and that number")
    place_loose(layers, [])
    text = write_layers(layers, 0, 1)
    kept = {".".join(layer.path) + "." for layer in weighted(layers)}
    check_weights(layers, state)
    state = {name: tensor for name, tensor in state.items() if name[:name.rfind(".") + 1] in kept}
    write_safetensors(options.out + ".safetensors", state)
    write_lua(options.out + ".lua", options.what, shape, text, os.path.basename(options.out) + ".safetensors")
    print(f"{options.out}.lua and {options.out}.safetensors: {sum(t.numel() for t in state.values())} numbers "
          f"of {len(state)} tensors")
    module.to(dtype)
    return module, shape, ends_in_log


def main():
    options = parse_arguments()
    try:
        module, shape, ends_in_log = describe(options)
        if options.no_check:
            return 0
        off, largest = compare(module, shape, options.out + ".lua", find_perigee(options.perigee), ends_in_log)
    except Refused as why:
        print(f"describe-torch-model: {why}", file=sys.stderr)
        return 1
    print(f"the largest difference from PyTorch's logits is {off:.3g}, of logits up to {largest:.3g}")
    return 0 if off <= 1e-4 * max(1, largest) else 1


if __name__ == "__main__":
    sys.exit(main())
