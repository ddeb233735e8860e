"""Arrays beside NumPy: every function, method and operator of the library on random shapes, views, types and numbers.

An operand is a fresh array or an earlier answer, seen through a view that is not contiguous more often than not.
Where the documentation promises an exact operation the bits must be NumPy's; else the bounds stand beside the call.
The type of every answer is asked of `together`, which says once more what help "numbers" says.
"""
import numpy as np

from frame import Gone, LONG, exact, near, need_kind, number, Off, raises, table

NAME = "arrays"
I32 = np.iinfo(np.int32)
FLOATS = ("f32", "f64")
NP = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "u8": np.uint8, "mask": np.int32}

# Random numbers have no counterpart bit by bit: their shapes, types and bounds are looked at.
OPS = {}


def op(names, weight=1):
    def put(function):
        for name in names.split():
            assert name not in OPS, name
            OPS[name] = (function, weight)
        return function
    return put


# ---- Types ----------------------------------------------------------------------------------------------------------

def together(kinds):
    """The type that operands are computed in; "int" and "float" are Lua's numbers or tables of them."""
    arrays = [k for k in kinds if k not in ("int", "float")]
    if not arrays or "f64" in arrays:
        return "f64"
    if "f32" in arrays or "u8" in arrays:
        return "f32"
    if "i32" in arrays:
        return "f64" if "float" in kinds else "i32"
    return "f32" if len(arrays) < len(kinds) else "i32"


def chosen(kinds):
    if set(kinds) <= {"mask"}:
        return "mask"
    return "u8" if set(kinds) == {"u8"} else together(kinds)


def left_integers(kind):
    return {"i32": "f64", "mask": "f64", "u8": "f32"}.get(kind, kind)


def plain(kind):
    return {"mask": "i32", "u8": "f32"}.get(kind, kind)


def fits(values, kind):
    """Whether a cast holds."""
    values = np.asarray(values)
    with np.errstate(all="ignore"):
        if kind == "f64":
            return True
        if kind == "f32":
            return bool(np.all(~np.isfinite(values) | np.isfinite(values.astype(np.float32))))
        low, high = (0, 255) if kind == "u8" else (I32.min, I32.max)
        return bool(np.all((values >= low) & (values <= high) & (np.floor(values) == values)))


# ---- Operands -------------------------------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 2, 3, np.nan, np.inf, -np.inf, 1e-40, -3e-41, 1e-320, 3e38, -3e38,
           1e-38, 255, 256, 2147483647, 2147483648.0, -2147483648.0, 16777217, 0.1, 1 / 3, 88.7, -88.7, -103, 709.5,
           -745, 20, -20, 1e-8, 0.99999997, 1.0000001]


def numbers_of(case, kind, count, style):
    np_rng = case.np
    if kind == "mask":
        return np_rng.randint(0, 2, count).astype(np.int32)
    if kind == "u8":
        return np_rng.randint(0, 256 if style != "small" else 4, count).astype(np.uint8)
    if kind == "i32":
        if style in ("special", "wide"):
            edge = np_rng.choice([I32.min, I32.max, 0, 1, -1, 46340, 46341, -46341, 65536, I32.max - 1], count)
            return np.where(np_rng.rand(count) < 0.5, edge, np_rng.randint(I32.min, I32.max, count)).astype(np.int32)
        return np_rng.randint(*((-4, 5) if style == "small" else (-1000, 1000)), count).astype(np.int32)
    values = np_rng.randn(count)
    if style == "small":
        values = np_rng.randint(-3, 4, count) * 1.0
    elif style == "halves":
        values = np_rng.randint(-9, 10, count) / 2
    elif style == "scaled":
        values = values * 10 ** np_rng.uniform(-3, 3)
    elif style == "wide":
        values = values * 2.0 ** np_rng.randint(-60 if kind == "f32" else -300, 60 if kind == "f32" else 300, count)
    elif style == "special":
        values = np.where(np_rng.rand(count) < 0.6, np_rng.choice(SPECIAL, count), values * 10)
    with np.errstate(all="ignore"):
        return values.astype(NP[kind])


TAME = ("small", "normal", "halves", "scaled")
STYLES = TAME + ("wide", "special", "special")


class Operand:
    """What stands in an expression: its Lua, its kind, its shape, and how its value follows from the answers."""

    def __init__(self, lua, kind, shape, value):
        self.lua, self.kind, self.shape, self.value = lua, kind, tuple(shape), value

    @property
    def ndim(self):
        return len(self.shape)


def random_shape(case, low=0, high=4):
    r = case.rng
    ndim = r.choice([n for n in (0, 1, 1, 2, 2, 2, 3, 3, 4, 5) if low <= n <= high])
    if ndim == 0:
        return ()
    if r.random() < 0.06:
        sizes = [r.choice((257, 300, 1025, 4099))] + [r.choice((1, 2, 3)) for _ in range(ndim - 1)]
        r.shuffle(sizes)
        return tuple(sizes)
    if r.random() < 0.001:  # for several threads
        return (r.choice((70001, 140000)),) + (1,) * (ndim - 1)
    return tuple(r.choice((0, 1, 1, 2, 3, 4, 5, 7, 8, 9, 17)) if r.random() < 0.97 else 0 for _ in range(ndim))


def full_shape(case, low=1, high=4):
    """One without an empty axis."""
    return tuple(max(1, s) for s in random_shape(case, low, high))


def fresh(case, shape, kind, style):
    """An array of this shape that is a view of a larger one, or turned round, or neither."""
    r = case.rng
    order = list(range(len(shape)))
    if r.random() < 0.5:
        r.shuffle(order)
    stored, slices, cuts = [0] * len(shape), [], []
    for place, axis in enumerate(order):  # axis of the view ← stored axis `place`
        n = shape[axis]
        how = r.choice(("all", "all", "reversed", "step", "part")) if n > 0 else "all"
        if n > 10000:
            how = r.choice(("all", "part"))
        if how == "all":
            stored[place], text, cut = n, "nil", slice(None)
        elif how == "reversed":
            stored[place], text, cut = n, "{-1,1,-1}", slice(None, None, -1)
        elif how == "step":
            s = r.choice((2, 3, -2))
            stored[place] = (n - 1) * abs(s) + 1
            text = (f"{{1,-1,{s}}}" if s > 0 else f"{{-1,1,{s}}}") if n > 1 else "nil"
            cut = slice(None, None, s)
        else:
            before, after = r.randrange(3), r.randrange(3)
            stored[place], text, cut = n + before + after, f"{{{before + 1},{before + n}}}", slice(before, before + n)
        slices.append(text)
        cuts.append(cut)
    base = numbers_of(case, kind, int(np.prod(stored, dtype=int)), style).reshape(stored)
    lua = case.give(base)
    if kind == "mask":
        lua += ":ne(0)"
    value = base[tuple(cuts)]
    if any(s != "nil" for s in slices):
        lua += f":slice({','.join(slices)})"
    if order != sorted(order):
        places = [order.index(axis) for axis in range(len(shape))]
        lua += f":transpose({','.join(str(p + 1) for p in places)})"
        value = value.transpose(places)
    assert value.shape == tuple(shape), (value.shape, shape)
    return Operand(lua, kind, shape, lambda answers: value)


def kept(case, kinds=None, shape=None, low=0):
    """An earlier answer of that sort, or None."""
    fitting = [k for k in case.kept if (kinds is None or k.kind in kinds) and (shape is None or k.shape == shape)
               and k.ndim >= low]
    return case.rng.choice(fitting) if fitting and case.rng.random() < 0.6 else None


ANY = ("f32", "f32", "f64", "f64", "i32", "i32", "u8", "mask")


def operand(case, shape=None, kinds=ANY, styles=STYLES, low=0, high=4, full=False):
    if styles is STYLES and not full:
        old = kept(case, set(kinds), shape, low)
        if old and old.ndim <= high:
            return old
    if shape is None:
        shape = full_shape(case, low, high) if full else random_shape(case, low, high)
    return fresh(case, shape, case.rng.choice(kinds), case.rng.choice(styles))


def beside(case, shape, kinds=ANY, styles=STYLES):
    """What broadcasts to a shape: an array, a number, a table of numbers."""
    r = case.rng
    how = r.random()
    if how < 0.16:
        x = r.choice((2, 3, -1, 0, 1, 7, 1000, 2.0, 0.5, -1.5, 0.1, 1e-3, 3.0)) if r.random() < 0.8 or styles is not STYLES \
            else r.choice((1e300, 2**31, -2**31 - 1, float("inf"), float("nan"), 2**53 + 1, 1e39))
        kind = "int" if isinstance(x, int) else "float"
        return Operand(number(x), kind, (), lambda answers: np.float64(x))
    cut = r.randrange(len(shape) + 1) if r.random() < 0.3 else 0
    smaller = tuple(1 if r.random() < 0.2 else s for s in shape[cut:])
    if how < 0.24 and 0 < np.prod(smaller, dtype=int) <= 12 and smaller:
        whole = r.random() < 0.5
        values = case.np.randint(-3, 4, smaller) * (1 if whole else 1.0) + (0 if whole else 0.25)
        return Operand(table(values.tolist()), "int" if whole else "float", smaller, lambda answers: values * 1.0)
    return operand(case, smaller, kinds, styles)


def computed(operands, answers, kind):
    """The operands as numbers of the type computed in; None where a number of Lua's does not fit."""
    values = []
    for x in operands:
        value = np.asarray(x.value(answers))
        if x.kind in ("int", "float") and not fits(value, kind):
            return None
        with np.errstate(all="ignore"):
            values.append(value.astype(NP[kind]))
    return values


def keep(case, name, kind, shape, results=0):
    variable, key = name
    case.kept.append(Operand(variable, kind, shape, lambda answers: answers[key][1] if answers[key][0] == kind
                             else gone()))


def gone():
    raise Gone


def settle(case, lua, kind, shape, check):
    """A step with one array for an answer, which later steps may take up."""
    (name,) = case.step(lua, check)
    keep(case, name, kind, shape)


def called(case, name, *arguments):
    """x:name(…) or array.name(x, …)."""
    first, *rest = arguments
    rest = ", ".join(rest)
    if case.rng.random() < 0.3 or first.startswith(("{", "(")):
        return f"array.{name}({first}{', ' + rest if rest else ''})"
    return f"{first}:{name}({rest})"


# ---- Elementwise ----------------------------------------------------------------------------------------------------

def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


EXACT = {
    "neg": np.negative, "abs": np.abs, "sign": np.sign, "square": np.square, "floor": np.floor, "ceil": np.ceil,
    "round": np.rint, "trunc": np.trunc, "relu": lambda x: np.where(x < 0, x.dtype.type(0), x),
}
MASKS = {
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "logical_not": lambda x: x == 0,
    "truth": lambda x: x != 0,
}
ULPS = {  # what is allowed of functions that are not exact
    "sqrt": (np.sqrt, 0.5), "exp": (np.exp, 2), "expm1": (np.expm1, 2), "log": (np.log, 2), "log1p": (np.log1p, 2),
    "log2": (np.log2, 2), "log10": (np.log10, 2), "sin": (np.sin, 2), "cos": (np.cos, 2), "tan": (np.tan, 2),
    "tanh": (np.tanh, 4), "sigmoid": (sigmoid, 4),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), 4),
}
OVERFLOWS = {"neg": lambda x: -x, "abs": abs, "square": lambda x: x * x, "add": lambda x, y: x + y,
             "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "idiv": lambda x, y: x // np.where(y == 0, 1, y)}


def too_large(name, values):
    if name not in OVERFLOWS:
        return False
    wide = OVERFLOWS[name](*[v.astype(np.int64) for v in values])
    return bool(np.any((wide > I32.max) | (wide < I32.min)))


def whole_function(name):
    return {"floor": lambda x: x, "ceil": lambda x: x, "round": lambda x: x, "trunc": lambda x: x}.get(name)


@op(" ".join(list(EXACT) + list(MASKS) + list(ULPS)))
def unary(case, name):
    x = operand(case)
    if name not in MASKS and x.kind in ("f32", "f64", "i32") and case.rng.random() < 0.25:
        return unary_in_place(case, name, x)
    compute, kind = unary_types(name, x.kind)
    settle(case, called(case, name, x.lua), kind, x.shape,
           lambda answers, got: check_unary(name, x.value(answers), compute, kind, got))


def unary_types(name, kind):
    compute = together([kind])
    if name in MASKS:
        return compute, "mask"
    compute = left_integers(compute) if name in ULPS else compute
    return compute, compute


def check_unary(name, value, compute, kind, got):
    with np.errstate(all="ignore"):
        value = np.asarray(value).astype(NP[compute])
        if name in MASKS:
            return exact(got, "mask", np.asarray(MASKS[name](value)).astype(np.int32))
        if name in ULPS:
            function, ulps = ULPS[name]
            if name == "sqrt":
                return exact(got, kind, np.sqrt(value))
            return near(got, kind, function(value.astype(LONG)), 0, ulps)
        if compute == "i32" and too_large(name, [value]):
            return raises(got)
        function = whole_function(name) if compute == "i32" else None
        exact(got, kind, (function or EXACT[name])(value), name not in ("relu", "sign"))


def unary_in_place(case, name, x):
    lua = f"local t = {x.lua}:copy(); t:{name}_(); return t"
    def check(answers, got):
        if x.kind == "i32" and name in ULPS:
            return raises(got)
        check_unary(name, x.value(answers), x.kind, x.kind, got)
    settle(case, lua, x.kind, x.shape, check)


def maximum(x, y):
    return np.where(np.isnan(x) | (x > y), x, y)


def minimum(x, y):
    return np.where(np.isnan(x) | (x < y), x, y)


def floor_of_quotient(x, y):
    return np.floor(x / y) if x.dtype.kind == "f" else x // y


BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "mod": np.mod, "idiv": floor_of_quotient,
          "maximum": maximum, "minimum": minimum}
BINARY_FLOAT = {"div": np.divide, "pow": np.power}
ALL_BINARY = {**BINARY, **BINARY_FLOAT}
BINARY_MASK = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "logical_and": lambda x, y: (x != 0) & (y != 0), "logical_or": lambda x, y: (x != 0) | (y != 0),
    "logical_xor": lambda x, y: (x != 0) ^ (y != 0),
}
SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "idiv": "//", "pow": "^"}
NO_ZERO_SIGN = ("mod", "maximum", "minimum")


def check_binary(name, operands, answers, got, kind=None):
    """kind: of the array that the result goes into, for the methods that end in _."""
    compute = together([x.kind for x in operands])
    compute = left_integers(compute) if name in BINARY_FLOAT else compute
    values = computed(operands, answers, compute)
    if values is None and name in BINARY_MASK:
        values = computed(operands, answers, "f64")
    if values is None:
        return raises(got)
    with np.errstate(all="ignore"):
        if name in BINARY_MASK:
            return exact(got, "mask", np.asarray(BINARY_MASK[name](*values)).astype(np.int32))
        if compute == "i32" and name in ("mod", "idiv") and (values[1] == 0).any():
            return raises(got)
        if compute == "i32" and too_large(name, np.broadcast_arrays(*values)):
            return raises(got)
        if kind == "f32" and compute == "f64" and not fits(np.asarray(ALL_BINARY[name](*values)), "f32"):
            return raises(got)
        if name == "pow":
            wide = [v.astype(LONG) for v in values]
            want = np.power(*wide)
            if kind == "f32" and compute == "f64":
                return near(got, kind, want, np.spacing(np.abs(want.astype(np.float64))) * 2)
            return near(got, kind or compute, want, 0, 2)
        want = np.asarray(ALL_BINARY[name](*values))
        exact(got, kind or compute, want.astype(NP[kind or compute]), name not in NO_ZERO_SIGN)


@op(" ".join(list(BINARY) + list(BINARY_FLOAT) + list(BINARY_MASK)))
def binary(case, name):
    r = case.rng
    x = operand(case)
    y = beside(case, x.shape)
    if r.random() < 0.25 and name not in BINARY_MASK and x.kind in ("f32", "f64", "i32"):
        return binary_in_place(case, name, x)
    operands = [x, y] if r.random() < 0.7 else [y, x]
    first, second = operands
    if name in SIGNS and r.random() < 0.4:
        lua = f"{first.lua} {SIGNS[name]} {second.lua}"
    elif first.kind in ("int", "float"):
        lua = f"array.{name}({first.lua}, {second.lua})"
    else:
        lua = called(case, name, first.lua, second.lua)
    kinds = [k.kind for k in operands]
    compute = together(kinds)
    kind = "mask" if name in BINARY_MASK else left_integers(compute) if name in BINARY_FLOAT else compute
    settle(case, lua, kind, np.broadcast_shapes(x.shape, y.shape),
           lambda answers, got: check_binary(name, operands, answers, got))


def binary_in_place(case, name, x):
    """x:name_(y), where y may be a view of x itself; and a view of x may be what is written."""
    r = case.rng
    if r.random() < 0.3 and x.ndim and x.shape[0] > 2:
        n = x.shape[0]
        cut, other = r.choice(((f"{{2,{n}}}", f"{{1,{n - 1}}}"), (f"{{1,{n - 1}}}", f"{{2,{n}}}"),
                               (f"{{1,{n}}}", f"{{-1,1,-1}}")))
        places = {f"{{2,{n}}}": slice(1, n), f"{{1,{n - 1}}}": slice(0, n - 1), f"{{1,{n}}}": slice(0, n),
                  "{-1,1,-1}": slice(None, None, -1)}
        lua = f"local t = {x.lua}:copy(); t:slice({cut}):{name}_(t:slice({other})); return t"
        def check(answers, got):
            whole = np.array(x.value(answers))
            part = Operand("", x.kind, (), lambda a: whole[places[cut]])
            y = Operand("", x.kind, (), lambda a: whole[places[other]])
            if got[0] != "error":
                rest = np.ones(n, bool)
                rest[places[cut]] = False
                exact((got[0], got[1][rest]), x.kind, whole[rest])
                got = (got[0], got[1][places[cut]])
            into(name, x.kind, [part, y], answers, got)
    else:
        y = beside(case, x.shape)
        lua = f"local t = {x.lua}:copy(); t:{name}_({y.lua}); return t"
        def check(answers, got):
            into(name, x.kind, [x, y], answers, got)
    settle(case, lua, x.kind, x.shape, check)


def into(name, kind, operands, answers, got):
    compute = together([o.kind for o in operands])
    compute = left_integers(compute) if name in BINARY_FLOAT else compute
    if kind == "i32" and compute != "i32":
        return raises(got)
    check_binary(name, operands, answers, got, kind)


@op("where")
def where(case, name):
    shape = random_shape(case)
    mask = operand(case, shape)
    a, b = beside(case, shape), beside(case, shape)
    kind = chosen([a.kind, b.kind])
    def check(answers, got):
        values = computed([a, b], answers, kind)
        if values is None:
            return raises(got)
        exact(got, kind, np.where(np.asarray(mask.value(answers)) != 0, *values))
    out = np.broadcast_shapes(mask.shape, a.shape, b.shape)
    settle(case, called(case, "where", mask.lua, a.lua, b.lua), kind, out, check)


@op("clip")
def clip(case, name):
    x = operand(case)
    low = beside(case, x.shape, styles=TAME) if case.rng.random() < 0.8 else None
    high = beside(case, x.shape, styles=TAME) if case.rng.random() < 0.8 or low is None else None
    operands = [o for o in (x, low, high) if o]
    kind = together([o.kind for o in operands])
    lua = called(case, "clip", x.lua, *([low.lua if low else "nil"] + ([high.lua] if high else [])))
    def check(answers, got):
        values = computed(operands, answers, kind)
        if values is None:
            return raises(got)
        value = values.pop(0)
        if low:
            bound = values.pop(0)
            value = np.where(value < bound, bound, value)
        if high:
            bound = values.pop(0)
            value = np.where(value > bound, bound, value)
        exact(got, kind, value, False)
    settle(case, lua, kind, np.broadcast_shapes(*[o.shape for o in operands]), check)


@op("allclose equal")
def alike(case, name):
    x = operand(case)
    other = case.np.rand() < 0.5
    y = operand(case, x.shape) if other else Operand(f"({x.lua} + 0)", x.kind, x.shape, x.value)
    rtol, atol, nan = case.rng.choice((1e-5, 0, 0.5)), case.rng.choice((1e-8, 0, 3)), case.rng.random() < 0.5
    lua = f"{x.lua}:equal({y.lua})" if name == "equal" else \
        f"array.allclose({x.lua}, {y.lua}, {{ rtol = {number(rtol)}, atol = {number(atol)}, equal_nan = {str(nan).lower()} }})"
    def check(answers, got):
        a, b = (np.asarray(o.value(answers)).astype(np.float64) for o in (x, y))
        with np.errstate(all="ignore"):
            want = bool(np.array_equal(a, b)) if name == "equal" else bool(np.allclose(a, b, rtol, atol, nan))
        if got != ("boolean", want):
            raise Off(f"expected {want}, got {got}")
    case.step(lua, check)


# ---- Reductions -----------------------------------------------------------------------------------------------------

def axes_of(case, ndim):
    """(Lua, NumPy's axes or None)."""
    r = case.rng
    if ndim == 0 or r.random() < 0.25:
        return None, None
    if ndim > 1 and r.random() < 0.3:
        axes = r.sample(range(ndim), r.randrange(1, ndim + 1))
        return "{" + ",".join(str(a + 1 if r.random() < 0.8 else a - ndim) for a in axes) + "}", tuple(axes)
    axis = r.randrange(ndim)
    return str(axis + 1 if r.random() < 0.7 else axis - ndim), (axis,)


EPS = LONG(2.0) ** -52


def whole_sum(v, axes, keep):
    """Double sums: an error of one part in 2^52 of the magnitudes for every element, at the very worst."""
    count = v.size if axes is None else np.prod([v.shape[a] for a in axes])
    return v.sum(axis=axes, keepdims=keep), EPS * count * np.abs(v).sum(axis=axes, keepdims=keep)


def logsumexp(v, axes, keep):
    top = v.max(axis=axes, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0)
    want = np.log(np.exp(v - safe).sum(axis=axes, keepdims=True)) + safe
    return want if keep else want.reshape(v.sum(axis=axes).shape)


def reduced(name, v, axes, keep, ord_, ddof):
    """(value, tolerance) in long double."""
    count = v.size if axes is None else int(np.prod([v.shape[a] for a in axes]))
    if name == "sum":
        return whole_sum(v, axes, keep)
    if name == "mean":
        want, slack = whole_sum(v, axes, keep)
        return want / count, slack / count + EPS * np.abs(want / count)
    if name == "prod":
        want = v.prod(axis=axes, keepdims=keep)
        return want, EPS * count * np.abs(want) + 1e-300
    if name in ("var", "std"):
        deviation = v - v.mean(axis=axes, keepdims=True)
        squares = (deviation * deviation).sum(axis=axes, keepdims=keep)
        var = squares / (count - ddof) if count != ddof else squares / LONG(0)
        edge = np.abs(v).max(axis=axes, keepdims=keep) if v.size else LONG(0)
        slack = (EPS * count * 8) * var + (EPS * count * edge) ** 2 * 8
        if name == "var":
            return var, slack
        root = np.sqrt(var)
        return root, np.sqrt(slack) * 1e-4 + EPS * count * 8 * root + EPS * count * edge * 4
    if name == "logsumexp":
        want = logsumexp(v, axes, keep)
        return want, EPS * (count + 4) * (np.abs(want) + 4)
    if ord_ == 1:
        return whole_sum(np.abs(v), axes, keep)
    if ord_ == np.inf:
        return np.abs(v).max(axis=axes, keepdims=keep), LONG(0)
    root = np.sqrt((v * v).sum(axis=axes, keepdims=keep))
    return root, EPS * (count + 4) * root


@op("sum prod mean var std logsumexp norm", 2)
def reduction(case, name):
    r = case.rng
    styles = TAME if name in ("var", "std", "prod", "norm") else STYLES
    x = operand(case, styles=styles, full=name in ("norm", "var", "std", "logsumexp"))
    axis, axes = axes_of(case, x.ndim)
    keep, ord_, ddof = r.random() < 0.3, r.choice((1, 2, np.inf)), r.choice((0, 0, 1))
    options = []
    if keep:
        options.append("keepdims = true")
    if name == "norm":
        options.append(f"ord = {number(ord_)}")
    if name in ("var", "std") and ddof:
        options.append("ddof = 1")
    lua = called(case, name, x.lua, *([axis or "nil"] if axis or options else []),
                 *(["{ " + ", ".join(options) + " }"] if options else []))
    kind = x.kind if name in ("sum", "prod") else left_integers(x.kind)
    kind = plain(kind)
    whole = axes is None and not keep
    def check(answers, got):
        value = np.asarray(x.value(answers))
        with np.errstate(all="ignore"):
            want, slack = reduced(name, value.astype(LONG), axes, keep, ord_, ddof)
        if name == "prod" and x.kind not in FLOATS:
            want = np.where((value == 0).any(axis=axes, keepdims=keep), LONG(0), want)
        if kind == "i32":
            if np.any((want > I32.max) | (want < I32.min)):
                return raises(got)
            return exact(got, "integer" if whole else "i32", np.asarray(want).astype(np.int64))
        near(got, "float" if whole else kind, want, slack, 1)
    if whole:
        case.step(lua, check)
    else:
        settle(case, lua, kind, np.zeros(x.shape).sum(axis=axes, keepdims=keep).shape, check)


@op("min max any all count_nonzero", 2)
def extremes(case, name):
    x = operand(case)
    axis, axes = axes_of(case, x.ndim)
    keep = case.rng.random() < 0.3
    lua = called(case, name, x.lua, *([axis or "nil"] if axis or keep else []), *(["{ keepdims = true }"] if keep else []))
    whole = axes is None and not keep
    kind = {"any": "mask", "all": "mask", "count_nonzero": "i32"}.get(name) or plain(x.kind)
    number_kind = {"any": "boolean", "all": "boolean", "count_nonzero": "integer"}.get(name) or \
        ("integer" if kind == "i32" else "float")
    count = int(np.prod(x.shape if axes is None else [x.shape[a] for a in axes], dtype=int))
    if name in ("min", "max") and 0 in x.shape and count > 0:
        return  # nothing chosen among something: not said
    def check(answers, got):
        value = np.asarray(x.value(answers))
        if name in ("min", "max"):
            if count == 0:
                return raises(got)
            want = getattr(value, name)(axis=axes, keepdims=keep).astype(NP[kind])
        elif name == "count_nonzero":
            want = np.asarray((value != 0).sum(axis=axes, keepdims=keep)).astype(np.int32)
        else:
            want = np.asarray(getattr(value != 0, name)(axis=axes, keepdims=keep))
            want = want if whole else want.astype(np.int32)
        exact(got, number_kind if whole else kind, want, False)
    if whole:
        case.step(lua, check)
    else:
        settle(case, lua, kind, np.zeros(x.shape).sum(axis=axes, keepdims=keep).shape, check)


def nan_first(x, greatest, axis, keep):
    """NumPy's argmax finds the first NaN too."""
    return (np.argmax if greatest else np.argmin)(x, axis=axis, keepdims=keep)


@op("argmin argmax")
def arg_extreme(case, name):
    x = operand(case)
    axis = case.rng.randrange(x.ndim) if x.ndim and case.rng.random() < 0.7 else None
    keep = axis is not None and case.rng.random() < 0.3
    if 0 in x.shape and (axis is not None and x.shape[axis] > 0):
        return
    lua = called(case, name, x.lua, *([str(axis + 1)] if axis is not None else []), *(["{ keepdims = true }"] if keep else []))
    def check(answers, got):
        value = np.asarray(x.value(answers))
        if 0 in x.shape:
            return raises(got)
        want = nan_first(value, name == "argmax", axis, keep) + 1
        exact(got, "i32" if axis is not None else "integer", want)
    if axis is None:
        case.step(lua, check)
    else:
        settle(case, lua, "i32", np.zeros(x.shape).sum(axis=axis, keepdims=keep).shape, check)


@op("cumsum")
def cumsum(case, name):
    x = operand(case, styles=TAME)
    axis = case.rng.randrange(x.ndim) if x.ndim and case.rng.random() < 0.7 else None
    kind = plain(x.kind)
    lua = called(case, "cumsum", x.lua, *([str(axis + 1)] if axis is not None else []))
    def check(answers, got):
        value = np.asarray(x.value(answers)).astype(LONG)
        want = np.cumsum(value, axis=axis)
        if kind == "i32":
            if np.any(np.abs(want) > I32.max):
                return raises(got)
            return exact(got, kind, want.astype(np.int32))
        slack = EPS * np.cumsum(np.abs(value), axis=axis) * max(1, value.size)
        near(got, kind, want, slack, 0.5)
    settle(case, lua, kind, x.shape if axis is not None else (int(np.prod(x.shape, dtype=int)),), check)


@op("median percentile")
def quantile(case, name):
    r = case.rng
    x = operand(case, styles=TAME + ("special",))
    axis, axes = axes_of(case, x.ndim)
    keep = r.random() < 0.3
    several = name == "percentile" and r.random() < 0.4
    p = [r.choice((0, 100, 50, 25, 12.5, 99, r.uniform(0, 100))) for _ in range(r.randrange(1, 4) if several else 1)]
    p = p if name == "percentile" else [50]
    count = int(np.prod(x.shape if axes is None else [x.shape[a] for a in axes], dtype=int))
    arguments = [table(p) if several else number(p[0])] if name == "percentile" else []
    arguments += [axis or "nil"] if axis or keep else []
    lua = called(case, name, x.lua, *arguments, *(["{ keepdims = true }"] if keep else []))
    kind = left_integers(x.kind)
    whole = axes is None and not keep and not several
    shape = np.zeros(x.shape).sum(axis=axes, keepdims=keep).shape
    def check(answers, got):
        if count == 0:
            return raises(got)
        value = np.asarray(x.value(answers)).astype(np.float64)
        if value.size == 0:  # NumPy has no answer where only the other axes are empty
            return exact(got, kind, np.zeros(((len(p),) if several else ()) + shape, NP[kind]))
        with np.errstate(all="ignore"):
            want = np.percentile(value, p if several else p[0], axis=axes, keepdims=keep)
            # NumPy makes NaN of two equal infinities; ours is the value
            exact_place = np.percentile(value, p if several else p[0], axis=axes, keepdims=keep, method="lower")
            above = np.percentile(value, p if several else p[0], axis=axes, keepdims=keep, method="higher")
            want = np.where(exact_place == above, exact_place, want)
            slack = 4 * EPS * np.maximum(np.abs(exact_place), np.abs(above))
            slack = np.where(np.isfinite(slack), slack, 0)
            slack = slack + (np.spacing(np.abs(want).astype(np.float32)) if whole and kind == "f32" else 0)
        near(got, "float" if whole else kind, want, slack, 1)
    if whole:
        case.step(lua, check)
    else:
        settle(case, lua, kind, ((len(p),) if several else ()) + shape, check)


# ---- Choosing -------------------------------------------------------------------------------------------------------

def positions_of(case, n, count):
    """0-based, and as Lua gives them: some from the end."""
    places = [case.rng.randrange(n) for _ in range(count)]
    return places, [p + 1 if case.rng.random() < 0.7 else p - n for p in places]


@op("take", 2)
def take(case, name):
    x = operand(case, low=1, full=True)
    axis = case.rng.randrange(x.ndim)
    places, told = positions_of(case, x.shape[axis], case.rng.randrange(0, 6))
    positions = f"array.new({table(told)}, {{ dtype = 'i32' }})" if told else "array.zeros(0)"
    if axis == 0 and told and case.rng.random() < 0.4:
        lua = f"{x.lua}[{positions}]"
    else:
        lua = called(case, "take", x.lua, table(told) if case.rng.random() < 0.5 and told else positions, str(axis + 1))
    shape = x.shape[:axis] + (len(places),) + x.shape[axis + 1:]
    settle(case, lua, x.kind, shape,
           lambda answers, got: exact(got, x.kind, np.take(x.value(answers), np.array(places, int), axis)))


@op("gather")
def gather(case, name):
    x = operand(case, low=1, full=True)
    axis = case.rng.randrange(x.ndim)
    count = case.rng.choice((1, x.shape[axis], 3))
    places = case.np.randint(0, x.shape[axis], x.shape[:axis] + (count,) + x.shape[axis + 1:])
    drop = count == 1 and case.rng.random() < 0.5 and x.ndim > 1
    told = (places[tuple([slice(None)] * axis + [0])] if drop else places) + 1
    lua = called(case, "gather", x.lua, case.give(told.astype(np.int32)), str(axis + 1))
    def check(answers, got):
        want = np.take_along_axis(np.asarray(x.value(answers)), places, axis)
        exact(got, x.kind, want.squeeze(axis) if drop else want)
    settle(case, lua, x.kind, told.shape, check)


@op("put")
def put(case, name):
    x = operand(case, low=1, full=True, kinds=("f32", "f64", "i32", "u8"))
    axis = case.rng.randrange(x.ndim)
    places, told = positions_of(case, x.shape[axis], case.rng.randrange(1, 5))
    shape = x.shape[:axis] + (len(places),) + x.shape[axis + 1:]
    y = beside(case, shape)
    lua = f"local t = {x.lua}:copy(); t:put({table(told)}, {y.lua}, {axis + 1}); return t"
    def check(answers, got):
        value = np.broadcast_to(np.asarray(y.value(answers)), shape)
        if not fits(value, x.kind):
            return raises(got)
        want = np.array(x.value(answers))
        for k, place in enumerate(places):  # the last of two writes counts
            cut = [slice(None)] * x.ndim
            cut[axis] = place
            want[tuple(cut)] = value[tuple(slice(None) if a != axis else k for a in range(x.ndim))]
        exact(got, x.kind, want)
    settle(case, lua, x.kind, x.shape, check)


@op("assign fill set", 2)
def assign(case, name):
    """Into a view: what lies beside stays."""
    r = case.rng
    x = operand(case, low=1, full=True, kinds=("f32", "f64", "i32", "u8"))
    if name == "set":
        place = [r.randrange(n) for n in x.shape]
        view, cut, shape = "", tuple(place), ()
    else:
        axis = r.randrange(x.ndim)
        first = r.randrange(x.shape[axis])
        last = r.randrange(first, x.shape[axis])
        ranges = ["nil"] * axis + [f"{{{first + 1},{last + 1}}}"]
        view, cut = f":slice({','.join(ranges)})", tuple([slice(None)] * axis + [slice(first, last + 1)])
        shape = x.shape[:axis] + (last - first + 1,) + x.shape[axis + 1:]
    y = beside(case, shape)
    if name != "assign" and (y.kind not in ("int", "float") or y.shape):
        value = r.choice((0, 1, 2.5, -1, 255, 256, 1e39, float("nan"), 7.0))
        y = Operand(number(value), "float", (), lambda answers: np.float64(value))
    if name == "set":
        lua = f"local t = {x.lua}:copy(); t:set({y.lua}, {','.join(str(p + 1) for p in place)}); return t"
    elif name == "fill":
        lua = f"local t = {x.lua}:copy(); t{view}:fill({y.lua}); return t"
    elif len(shape) == x.ndim and cut[:-1] == () and r.random() < 0.4:
        lua = f"local t = {x.lua}:copy(); t[{{{first + 1},{last + 1}}}] = {y.lua}; return t"
    else:
        lua = f"local t = {x.lua}:copy(); t{view}:assign({y.lua}); return t"
    def check(answers, got):
        value = np.broadcast_to(np.asarray(y.value(answers)), shape)
        if not fits(value, x.kind):
            return raises(got)
        want = np.array(x.value(answers))
        with np.errstate(all="ignore"):
            want[cut] = value.astype(NP[x.kind])
        exact(got, x.kind, want)
    settle(case, lua, x.kind, x.shape, check)


@op("compress")
def compress(case, name):
    r = case.rng
    x = operand(case, low=1, full=True)
    rows = r.random() < 0.5 or x.ndim == 1
    axis = r.randrange(x.ndim) if rows else None
    mask = operand(case, (x.shape[axis],) if rows else x.shape, kinds=("mask", "mask", "i32", "f32"), styles=TAME)
    if mask.kind == "mask" and axis in (0, None) and r.random() < 0.4:
        if r.random() < 0.4 and x.kind != "mask":
            lua = f"local t = {x.lua}:copy(); t[{mask.lua}] = 1; return t"
            def check(answers, got):
                want = np.array(x.value(answers))
                want[np.asarray(mask.value(answers)) != 0] = 1
                exact(got, x.kind, want)
            return settle(case, lua, x.kind, x.shape, check)
        lua = f"{x.lua}[{mask.lua}]"
    else:
        lua = called(case, "compress", x.lua, mask.lua, *([str(axis + 1)] if rows else []))
    def check(answers, got):
        value, chosen_ = np.asarray(x.value(answers)), np.asarray(mask.value(answers)) != 0
        exact(got, x.kind, np.compress(chosen_, value, axis) if rows else value[chosen_])
    case.step(lua, check)


@op("nonzero unique")
def found(case, name):
    x = operand(case, low=1)
    if name == "nonzero":
        def check(answers, got):
            want = np.argwhere(np.asarray(x.value(answers)) != 0) + 1
            exact(got, "i32", (want[:, 0] if x.ndim == 1 else want).astype(np.int32))
        return case.step(called(case, "nonzero", x.lua), check)
    def check(answers, got, counts):
        values, count = np.unique(np.asarray(x.value(answers)), return_counts=True)
        exact(got, x.kind, values, False)
        exact(counts, "i32", count.astype(np.int32))
    case.step(called(case, "unique", x.lua), check, 2)


@op("concatenate stack")
def joined(case, name):
    r = case.rng
    shape = random_shape(case, 1, 3)
    axis = r.randrange(len(shape) + (name == "stack"))
    parts = []
    for _ in range(r.randrange(1, 4)):
        own = list(shape)
        if name == "concatenate" and r.random() < 0.5:
            own[axis] = r.randrange(4)
        parts.append(operand(case, tuple(own)))
    kind = chosen([p.kind for p in parts])
    lua = f"array.{name}({{{', '.join(p.lua for p in parts)}}}, {axis + 1})"
    def check(answers, got):
        values = computed(parts, answers, kind)
        exact(got, kind, getattr(np, name)(values, axis))
    out = getattr(np, name)([np.zeros(p.shape) for p in parts], axis).shape
    settle(case, lua, kind, out, check)


@op("sort argsort", 2)
def sort(case, name):
    x = operand(case, low=1)
    axis = case.rng.randrange(x.ndim) if case.rng.random() < 0.6 else x.ndim - 1
    down = case.rng.random() < 0.4
    lua = called(case, name, x.lua, *([str(axis + 1)] if axis != x.ndim - 1 or down else []),
                 *(["{ descending = true }"] if down else []))
    kind = x.kind if name == "sort" else "i32"
    def check(answers, got):
        value = np.asarray(x.value(answers))
        keys = value.astype(np.float64) * (-1 if down else 1)
        order = np.argsort(keys, axis, kind="stable")
        if name == "argsort":
            return exact(got, kind, (order + 1).astype(np.int32))
        exact(got, kind, np.take_along_axis(value, order, axis), False)
    settle(case, lua, kind, x.shape, check)


# ---- Shapes and types -----------------------------------------------------------------------------------------------

@op("slice", 2)
def slices(case, name):
    r = case.rng
    x = operand(case, low=1, full=True)
    ranges, cuts = [], []
    for n in x.shape[:r.randrange(1, x.ndim + 1)]:
        how = r.random()
        if how < 0.2:
            ranges.append("nil")
            cuts.append(slice(None))
        elif how < 0.4:
            place = r.randrange(n)
            ranges.append(str(place + 1 if r.random() < 0.5 else place - n))
            cuts.append(place)
        else:
            step = r.choice((1, 1, 2, 3, -1, -2))
            first, last = r.randrange(1, n + 3), r.randrange(1, n + 3)
            if step > 0 and first < last < step:
                step = 1
            places = [p - 1 for p in range(first, last + (1 if step > 0 else -1), step) if p <= n]
            if step < 0 and first > n:
                first = n
                places = [p - 1 for p in range(first, last - 1, step)] if last <= n else []
            from_end = r.random() < 0.3 and first <= n
            ranges.append(f"{{{first - n - 1 if from_end else first},{last}{'' if step == 1 else f',{step}'}}}")
            cuts.append(places)
    def check(answers, got):
        value = np.asarray(x.value(answers))
        for axis in reversed(range(len(cuts))):
            cut = cuts[axis]
            index = [slice(None)] * value.ndim
            index[axis] = np.array(cut, int) if isinstance(cut, list) else cut
            value = value[tuple(index)]
        exact(got, x.kind, value)
    out = np.zeros(x.shape)
    for axis in reversed(range(len(cuts))):
        index = [slice(None)] * out.ndim
        index[axis] = np.array(cuts[axis], int) if isinstance(cuts[axis], list) else cuts[axis]
        out = out[tuple(index)]
    if all(isinstance(c, int) for c in cuts) and len(cuts) == x.ndim:
        lua = f"{x.lua}:slice({','.join(ranges)})"
        return case.step(lua, check)
    settle(case, f"{x.lua}:slice({','.join(ranges)})", x.kind, out.shape, check)


@op("at item totable")
def elements(case, name):
    x = operand(case, shape=(1,) * case.rng.randrange(0, 4) if name == "item" else None, low=1, full=name == "at",
                styles=TAME + ("wide",))
    if name == "totable":
        if x.kind in ("u8", "mask", "i32"):
            return
        lua = f"array.new({x.lua}:totable(), {{ dtype = '{x.kind}' }}){':reshape(' + table(x.shape) + ')'}"
        return settle(case, lua, x.kind, x.shape, lambda answers, got: exact(got, x.kind, x.value(answers)))
    place = [case.rng.randrange(n) for n in x.shape]
    lua = f"{x.lua}:item()" if name == "item" else f"{x.lua}:at({','.join(str(p + 1) for p in place)})"
    kind = "float" if x.kind in FLOATS else "integer"
    case.step(lua, lambda answers, got: exact(got, kind, np.asarray(x.value(answers))[tuple(place)].astype(
        np.float64 if kind == "float" else np.int64)))


@op("reshape flatten transpose squeeze expand_dims broadcast_to copy T", 1)
def shaping(case, name):
    r = case.rng
    x = operand(case, low=1)
    if name == "reshape":
        rest, sizes = int(np.prod(x.shape, dtype=int)), []
        for p in (2, 3, 5, 7):
            if rest and rest % p == 0 and r.random() < 0.7:
                sizes.append(p)
                rest //= p
        sizes.insert(r.randrange(len(sizes) + 1), rest)
        want = tuple(sizes)
        if r.random() < 0.3 and rest:
            sizes[sizes.index(rest)] = -1
        lua = f"{x.lua}:reshape({','.join(map(str, sizes))})"
        function = lambda v: v.reshape(want)
    elif name == "transpose":
        axes = list(range(x.ndim))
        r.shuffle(axes)
        lua = f"{x.lua}:transpose({','.join(str(a + 1) for a in axes)})"
        function = lambda v: v.transpose(axes)
    elif name == "expand_dims":
        axis = r.randrange(x.ndim + 1)
        lua, function = f"{x.lua}:expand_dims({axis + 1})", lambda v: np.expand_dims(v, axis)
    elif name == "broadcast_to":
        target = tuple(r.choice((2, 3)) if n == 1 else n for n in x.shape)
        target = ((2,) if r.random() < 0.3 and x.ndim < 4 else ()) + target
        lua, function = f"{x.lua}:broadcast_to({','.join(map(str, target))})", lambda v: np.broadcast_to(v, target)
    else:
        lua = f"{x.lua}.T" if name == "T" else called(case, name, x.lua)
        function = {"T": lambda v: v.T, "flatten": lambda v: v.reshape(-1), "squeeze": np.squeeze, "copy": lambda v: v}[name]
    settle(case, lua, x.kind, function(np.zeros(x.shape)).shape,
           lambda answers, got: exact(got, x.kind, function(np.asarray(x.value(answers)))))


@op("astype tobytes frombytes", 2)
def casting(case, name):
    x = operand(case)
    if name != "astype":
        kind = plain(x.kind) if x.kind == "mask" else x.kind
        sizes = "{" + ",".join(map(str, x.shape)) + "}"
        lua = f"array.frombytes({x.lua}:tobytes(), '{kind}', {sizes})"
        if 0 in x.shape or not x.shape:
            return
        return settle(case, lua, kind, x.shape, lambda answers, got: exact(got, kind, x.value(answers)))
    kind = case.rng.choice(("f32", "f64", "i32", "u8"))
    def check(answers, got):
        value = np.asarray(x.value(answers))
        if not fits(value, kind):
            return raises(got)
        with np.errstate(all="ignore"):
            exact(got, kind, value.astype(NP[kind]))
    settle(case, called(case, "astype", x.lua, f"'{kind}'"), kind, x.shape, check)


# ---- Creation -------------------------------------------------------------------------------------------------------

@op("new zeros ones full eye arange linspace zeros_like ones_like full_like", 1)
def creation(case, name):
    r = case.rng
    shape = full_shape(case, 1, 3)
    kind = r.choice(("f32", "f64", "i32", "u8"))
    option, sizes = f"{{ dtype = '{kind}' }}", ", ".join(map(str, shape))
    ulps = None
    if name in ("zeros", "ones"):
        lua, want = f"array.{name}({sizes}, {option})", getattr(np, name)(shape)
    elif name == "full":
        lua, want = f"array.full({{{sizes}}}, 7, {option})", np.full(shape, 7.0)
    elif name == "eye":
        n, m, k = r.randrange(1, 6), r.randrange(1, 6), r.randrange(-6, 7)
        lua, want = f"array.eye({n}, {m}, {{ k = {k}, dtype = '{kind}' }})", np.eye(n, m, k)
    elif name == "arange":
        start, stop = r.randrange(0, 5), r.randrange(0, 200)
        step = r.choice((1, 2, 3)) * (1 if stop >= start else -1)
        if r.random() < 0.5:
            start, step, kind, want = start + 0.5, step * 0.25, "f32", np.arange(start + 0.5, stop, step * 0.25)
            lua = f"array.arange({number(start)}, {stop}, {number(step)})"
        else:
            lua, want = f"array.arange({start}, {stop}, {step}, {option})", np.arange(start, stop, step)
    elif name == "linspace":
        start, stop, n = r.uniform(-5, 5), r.uniform(-5, 5), r.choice((0, 1, 2, 3, 50))
        kind = r.choice(FLOATS)
        lua = f"array.linspace({number(start)}, {number(stop)}, {n}, {{ dtype = '{kind}' }})"
        want, ulps = np.linspace(start, stop, n), 1
    elif name == "new":
        values = case.np.randint(0, 9, shape)
        lua, want = f"array.new({table(values.tolist())}, {option})", values
    else:
        x = operand(case)
        kind = plain(x.kind) if x.kind == "mask" else x.kind
        lua = f"array.{name}({x.lua}{', 3' if name == 'full_like' else ''})"
        number_of = {"zeros_like": 0, "ones_like": 1, "full_like": 3}[name]
        return settle(case, lua, kind, x.shape, lambda answers, got: exact(
            got, kind, np.full_like(x.value(answers), number_of, NP[kind])))
    if ulps:
        check = lambda answers, got: near(got, kind, want, 2 * np.spacing(10.0), ulps)
    else:
        check = lambda answers, got: exact(got, kind, want.astype(NP[kind]))
    settle(case, lua, kind, want.shape, check)


@op("rand randn randint randperm", 0.5)
def drawn(case, name):
    r = case.rng
    n, m, seed = r.randrange(1, 40), r.randrange(1, 40), r.randrange(1000)
    kind = r.choice(FLOATS)
    lua = {"rand": f"array.rand({n}, {m}, {{ seed = {seed}, dtype = '{kind}', low = -2, high = 3 }})",
           "randn": f"array.randn({n}, {m}, {{ seed = {seed}, dtype = '{kind}' }})",
           "randint": f"array.randint(-3, 4, {n}, {m}, {{ seed = {seed} }})",
           "randperm": f"array.randperm({n}, {{ seed = {seed} }})"}[name]
    kind = kind if name in ("rand", "randn") else "i32"
    def check(answers, got):
        need_kind(got, kind)
        value = got[1]
        if name == "randperm":
            return exact((kind, np.sort(value)), kind, np.arange(1, n + 1, dtype=np.int32))
        low, high = {"rand": (-2, 3), "randn": (-7, 7), "randint": (-3, 4)}[name]
        if value.shape != (n, m) or not ((value >= low) & (value <= high)).all() or (name == "rand" and (value == 3).any()):
            raise Off(f"{name} out of its bounds, or of another shape: {value.shape} {value.min()} … {value.max()}")
        mean, std = {"rand": (0.5, 5 / 12**0.5), "randn": (0, 1), "randint": (0.5, (63 / 12) ** 0.5)}[name]
        if abs(value.mean() - mean) > 6 * std / (n * m) ** 0.5:
            raise Off(f"the mean {value.mean()} of {n * m} is far from {mean}")
    settle(case, lua, kind, (n, m) if name != "randperm" else (n,), check)


@op("onehot diag")
def placed(case, name):
    r = case.rng
    if name == "onehot":
        shape, classes = full_shape(case, 1, 3), r.randrange(2, 7)
        labels = case.np.randint(0, classes, shape).astype(np.int32)
        kind = r.choice(("f32", "f64", "i32", "u8"))
        lua = f"array.onehot({case.give(labels)}, {classes}, {{ dtype = '{kind}' }})"
        return settle(case, lua, kind, shape + (classes,),
                      lambda answers, got: exact(got, kind, np.eye(classes)[labels].astype(NP[kind])))
    x = operand(case, low=1, high=2, full=True)
    k = r.randrange(-3, 4)
    if max(x.shape) > 100 or (x.ndim == 2 and np.diag(np.zeros(x.shape), k).size == 0):
        return
    kind = "i32" if x.kind == "mask" and x.ndim == 1 else x.kind  # it adds zeros that were not chosen
    settle(case, called(case, "diag", x.lua, f"{{ k = {k} }}"), kind, np.diag(np.zeros(x.shape), k).shape,
           lambda answers, got: exact(got, kind, np.diag(np.asarray(x.value(answers)), k)))


# ---- Products -------------------------------------------------------------------------------------------------------

def product_check(kind, product, operands, answers, got):
    """A product of rows in its type's precision: the magnitudes' product times the length. Of int32 exact."""
    values = computed(operands, answers, kind)
    wide = [v.astype(LONG) for v in values]
    with np.errstate(all="ignore"):
        want = np.asarray(product(*wide))
        size = np.asarray(product(*[np.abs(w) for w in wide]))
    if kind == "i32":
        if np.any(np.abs(want) > 2.0**53):
            return None
        if np.any((want > I32.max) | (want < I32.min)):
            return raises(got)
        return exact(got, "integer" if got[0] == "integer" else kind, want.astype(np.int64))
    length = values[0].shape[-1] if values[0].ndim else 1
    eps = 2.0**-23 if kind == "f32" else 2.0**-52
    # tiny numbers count as 0 in products
    tiny = (1.2e-38 if kind == "f32" else 2.3e-308) * max([1] + [float(np.abs(w).max()) for w in wide if w.size]) * length
    near(got, "float" if got[0] == "float" else kind, want, eps * (length + 2) * size + tiny, 1)


SMALL = (1, 2, 3, 4, 5, 7, 8, 16, 17, 31, 33)


@op("matmul", 3)
def matmul(case, name):
    r = case.rng
    m, k, n = (r.choice(SMALL + ((0,) if r.random() < 0.1 else ())) for _ in range(3))
    lead = tuple(r.choice((1, 2, 3)) for _ in range(r.choice((0, 0, 0, 1, 2))))
    a_shape = (k,) if r.random() < 0.15 else lead + (m, k)
    b_shape = (k,) if r.random() < 0.15 else (lead if r.random() < 0.5 else ()) + (k, n)
    kinds = r.choice((("f32",), ("f64",), ANY))
    a, b = (operand(case, s, kinds, ("small", "normal", "scaled")) for s in (a_shape, b_shape))
    kind = together([a.kind, b.kind])
    check = lambda answers, got: product_check(kind, np.matmul, [a, b], answers, got)
    lua = called(case, "matmul", a.lua, b.lua)
    if len(a_shape) == len(b_shape) == 1:
        return case.step(lua, check)
    settle(case, lua, kind, np.matmul(np.zeros(a_shape), np.zeros(b_shape)).shape, check)


@op("dot outer linear")
def products(case, name):
    r = case.rng
    n = r.choice(SMALL + (300,))
    if name == "linear":
        out, lead = r.choice(SMALL), tuple(r.choice((1, 2, 5)) for _ in range(r.choice((1, 1, 2))))
        x, w = operand(case, lead + (n,), FLOATS, TAME), operand(case, (out, n), FLOATS, TAME)
        b = operand(case, (out,), FLOATS, TAME) if r.random() < 0.6 else None
        operands = [x, w] + ([b] if b else [])
        kind = together([o.kind for o in operands])
        lua = called(case, "linear", *[o.lua for o in operands])
        product = lambda x, w, b=0: x @ w.T + b
        return settle(case, lua, kind, lead + (out,),
                      lambda answers, got: product_check(kind, product, operands, answers, got))
    a = operand(case, (n,), styles=TAME)
    b = operand(case, (n if name == "dot" else r.choice(SMALL),), styles=TAME)
    kind = together([a.kind, b.kind])
    lua = called(case, name, a.lua, b.lua)
    if name == "dot":
        return case.step(lua, lambda answers, got: dot_check(kind, a, b, answers, got))
    def check(answers, got):
        values = computed([a, b], answers, kind)
        if kind == "i32" and too_large("mul", [values[0][:, None], values[1][None, :]]):
            return raises(got)
        exact(got, kind, np.multiply.outer(*values))
    settle(case, lua, kind, a.shape + b.shape, check)


def dot_check(kind, a, b, answers, got):
    """Summed in double, whatever the type."""
    x, y = (np.asarray(o.value(answers)).astype(NP[kind]).astype(LONG) for o in (a, b))
    want, size = (x * y).sum(), (np.abs(x) * np.abs(y)).sum()
    if kind == "i32":
        return raises(got) if abs(want) > I32.max else exact(got, "integer", np.int64(want))
    near(got, "float", want, EPS * len(x) * size, 1)


@op("softmax log_softmax")
def softmax(case, name):
    x = operand(case, low=1, styles=TAME + ("special",), full=True)
    axis = case.rng.randrange(x.ndim)
    kind = left_integers(x.kind)
    def check(answers, got):
        value = np.asarray(x.value(answers)).astype(NP[kind]).astype(LONG)
        with np.errstate(all="ignore"):
            top = value.max(axis, keepdims=True)
            away = value - top
            total = np.exp(away).sum(axis, keepdims=True)
            want = np.exp(away) / total if name == "softmax" else away - np.log(total)
            eps = LONG(2.0) ** (-23 if kind == "f32" else -52)
            # exp's argument is rounded: its error grows with how far it is from the greatest. The sum is a
            # double's, of one element after the other
            sums = x.shape[axis] * EPS
            away = np.where(np.isfinite(away), np.abs(away), 0)
            slack = want * (eps * (away + 4) + sums) if name == "softmax" else eps * (4 + away) + sums
            slack = np.where(np.isfinite(slack), slack, 0) + (2e-45 if kind == "f32" else 1e-323)
        near(got, kind, want, slack, 4)
    settle(case, called(case, name, x.lua, *([str(axis + 1)] if axis != x.ndim - 1 else [])), kind, x.shape, check)


def windows(x, kernel, stride):
    """(n, c, oh, ow, kh, kw)"""
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))
    return view[:, :, ::stride[0], ::stride[1]]


@op("conv2d maxpool", 2)
def images(case, name):
    r = case.rng
    n, c, h, w, o = r.choice((1, 2, 5)), r.choice((1, 2, 3, 16)), r.randrange(1, 13), r.randrange(1, 13), r.choice((1, 3, 8))
    padding = [r.randrange(3), r.randrange(3)] if name == "conv2d" else [0, 0]
    kernel = [r.randrange(1, min(5, h + 2 * padding[0]) + 1), r.randrange(1, min(5, w + 2 * padding[1]) + 1)]
    stride = [r.randrange(1, 4), r.randrange(1, 4)]
    x = operand(case, (n, c, h, w), FLOATS, TAME)
    out = (n, o if name == "conv2d" else c, (h + 2 * padding[0] - kernel[0]) // stride[0] + 1,
           (w + 2 * padding[1] - kernel[1]) // stride[1] + 1)
    if name == "maxpool":
        lua = f"{x.lua}:maxpool {{ kernel = {table(kernel)}, stride = {table(stride)} }}"
        return settle(case, lua, x.kind, out, lambda answers, got: exact(
            got, x.kind, windows(np.asarray(x.value(answers)), kernel, stride).max((4, 5)), False))
    weight, bias = operand(case, (o, c, *kernel), FLOATS, TAME), operand(case, (o,), FLOATS, TAME)
    kind = together([x.kind, weight.kind, bias.kind])
    lua = f"{x.lua}:conv2d({weight.lua}, {bias.lua}, {{ stride = {table(stride)}, padding = {table(padding)} }})"
    def check(answers, got):
        v, k, b = (np.asarray(z.value(answers)).astype(NP[kind]).astype(np.float64) for z in (x, weight, bias))
        v = np.pad(v, [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2])
        def conv(v, k, b):
            return np.einsum("nchwij,ocij->nohw", windows(v, kernel, stride), k) + b[:, None, None]
        length = c * kernel[0] * kernel[1]
        eps = 2.0**-23 if kind == "f32" else 2.0**-51
        near(got, kind, conv(v, k, b), eps * (length + 2) * conv(np.abs(v), np.abs(k), np.abs(b)), 1)
    settle(case, lua, kind, out, check)


# ---- Linear algebra: in double, and judged by what it must satisfy --------------------------------------------------

@op("solve inv svd eigh")
def decomposed(case, name):
    r = case.rng
    n = r.choice((1, 2, 3, 5, 8, 13))
    m = r.choice((1, 2, 4, 9)) if name == "svd" else n
    kind = r.choice(FLOATS)
    a = fresh(case, (n, m), kind, "normal")
    unit = 1.2e-7 if kind == "f32" else 1e-15
    def small(what, got, size):
        if not np.abs(got).max(initial=0) <= size:
            raise Off(f"{what}: off by {np.abs(got).max():.3g}, allowed {size:.3g}")
    if name in ("solve", "inv"):
        b = fresh(case, (n, 3) if r.random() < 0.5 else (n,), kind, "normal") if name == "solve" else None
        def check(answers, got):
            need_kind(got, kind)
            A = a.value(answers).astype(np.float64)
            B = b.value(answers).astype(np.float64) if b else np.eye(n)
            X = got[1].astype(np.float64)
            if X.shape != B.shape:
                raise Off(f"expected shape {B.shape}, got {X.shape}")
            small("a·x − b", A @ X - B, 100 * unit * n * (np.abs(A).max() * np.abs(X).max() + 1))
        return settle(case, called(case, name, a.lua, *([b.lua] if b else [])), kind, b.shape if b else (n, n), check)
    if name == "svd":
        full = r.random() < 0.5
        k = min(n, m)
        def check(answers, u, s, vt):
            for one in (u, s, vt):
                need_kind(one, kind)
            A, (U, S, V) = a.value(answers).astype(np.float64), (z[1].astype(np.float64) for z in (u, s, vt))
            if (U.shape, S.shape, V.shape) != (((n, n), (k,), (m, m)) if full else ((n, k), (k,), (k, m))):
                raise Off(f"shapes {U.shape} {S.shape} {V.shape}")
            small("s", S - np.linalg.svd(A, compute_uv=False), 20 * unit * S[0])
            small("u·s·vt − x", U[:, :k] * S @ V[:k] - A, 40 * unit * (S[0] + 1))
            small("uᵀu", U.T @ U - np.eye(U.shape[1]), 40 * unit)
            small("vt·v", V @ V.T - np.eye(V.shape[0]), 40 * unit)
        return case.step(f"{a.lua}:svd({{ full_matrices = {str(full).lower()} }})", check, 3)
    def check(answers, w, v):
        need_kind(w, kind)
        A = a.value(answers).astype(np.float64)
        A = (A + A.T) / 2
        W, V = w[1].astype(np.float64), v[1].astype(np.float64)
        size = np.abs(W).max() + 1
        small("w", W - np.linalg.eigvalsh(A), 20 * unit * size)
        small("v·w·vᵀ − x", V * W @ V.T - A, 40 * unit * size)
        small("vᵀv", V.T @ V - np.eye(n), 40 * unit)
    case.step(called(case, "eigh", a.lua), check, 2)


# ---- Cases ----------------------------------------------------------------------------------------------------------

NAMES = list(OPS)
WEIGHTS = [OPS[name][1] for name in NAMES]


def all_there(answers, got):
    missing = sorted(set(got[1].split()) - set(NAMES))
    if missing:
        raise Off(f"no case calls array.{', array.'.join(missing)}")


def make(case):
    """A chain of up to four steps. The first goes through all functions in turn, so that none is left out."""
    case.kept = []
    if case.key == "0":
        case.step("local n = {} for name in pairs(array) do n[#n + 1] = name end return table.concat(n, ' ')", all_there)
    first = NAMES[int(case.key) % len(NAMES)]
    for name in [first] + case.rng.choices(NAMES, WEIGHTS, k=case.rng.randrange(0, 4)):
        OPS[name][0](case, name)
