"""What every file of numbers here stands on: cases drawn from a seed and a number, the program run on a handful of
them at once, and its answers compared with what Python makes of the same inputs.

A family (arrays.py, layers.py, …) has NAME and make(case), which draws from case.rng, gives arrays to the program by
case.give, writes Lua by case.step, and says by case.expect what must come out. What is expected is a function of the
program's own earlier answers, so that a step is judged by itself and nothing adds up over a chain.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
DTYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "u8": np.uint8, "mask": np.int32}
LONG = np.longdouble


class Off(Exception):
    """The program's answer is not what it must be."""


class Gone(Exception):
    """What a step stands on failed, as it must: there is nothing to judge."""


class Case:
    """One case: its draws, its Lua, and what is expected of every step."""

    def __init__(self, family, seed, index):
        self.key = str(index)
        self.rng = random.Random(f"{family}/{seed}/{index}")
        self.np = np.random.RandomState(self.rng.randrange(2**32))
        self.given, self.lines, self.checks = {}, [], []
        self.steps = 0

    def give(self, array):
        """An array in the program's hands: the Lua that reads it."""
        key = f"{self.key}.g{len(self.given)}"
        self.given[key] = array
        return f'given["{key}"]'

    def step(self, lua, check, results=1):
        """A step whose Lua returns values; check(answers, results…) raises Off. Returns the variables' names."""
        key = f"{self.key}.{self.steps}"
        names = [f"v{self.steps}" + ("" if i == 0 else chr(97 + i)) for i in range(results)]
        keys = [key + ("" if i == 0 else chr(97 + i)) for i in range(results)]
        body = lua if "return " in lua else f"return {lua}"
        self.lines.append(f"  local {', '.join(names)} = step('{key}', function() {body} end)")
        self.checks.append((keys, lua, check))
        self.steps += 1
        return list(zip(names, keys))

    def line(self, lua):
        """Lua that is no step: definitions."""
        self.lines.append("  " + lua)


def run_program(folder):
    program = os.environ.get("PERIGEE", "build/perigee")
    command = [program, "--quiet", os.path.join(HERE, "answer.lua"), folder]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise Off(f"the program ended with status {done.returncode}: {done.stderr[-2000:]}")


def read_answers(folder):
    answers = {}
    path = os.path.join(folder, "answers.npz")
    arrays = np.load(path) if os.path.exists(path) else {}
    with open(os.path.join(folder, "answers.txt"), encoding="utf-8", errors="replace") as file:
        for line in file.read().splitlines():
            if line:
                key, kind, text = line.split("\t", 2)
                if kind in DTYPES:
                    answers[key] = (kind, arrays[key])
                else:
                    answers[key] = (kind, {"float": float, "integer": int, "boolean": lambda t: t == "true",
                                           "error": str, "string": str}[kind](text))
    return answers


def write_cases(folder, cases):
    np.savez(os.path.join(folder, "given.npz"), none=np.zeros(0), **{k: v for c in cases for k, v in c.given.items()})
    with open(os.path.join(folder, "cases.lua"), "w", encoding="utf-8") as file:
        file.write("local cases = {}\n")
        for case in cases:
            file.write(f"cases[#cases + 1] = function(step, given, folder)\n")
            file.write("\n".join(case.lines) + "\nend\n")
        file.write("return function(...) for _, case in ipairs(cases) do case(...) end end\n")


def judge(case, answers):
    """How many steps were judged; what is off in each that is."""
    judged, faults, lost = 0, [], False
    for keys, lua, check in case.checks:
        got = [answers.get(key) for key in keys]
        if got[0] is None:
            faults.append((lua, "no answer"))
            continue
        if got[0][0] == "error" and lost:
            continue
        try:
            check(answers, *got)
            judged += 1
        except Gone:
            pass
        except Exception as off:  # a check that met an error, or another type than it reckoned with
            judged += 1
            if not isinstance(off, Off):
                off = f"{got[0][1] if got[0][0] == 'error' else got}: {off!r}"
            faults.append((lua, str(off)))
            lost = lost or got[0][0] == "error" # what needs it fails as well
    return judged, faults


def run_cases(family, seed, indices, keep=None):
    """The cases of these numbers at once: (steps judged, faults as (index, Lua, what is off))."""
    folder = keep or tempfile.mkdtemp(prefix="perigee-numbers-")
    try:
        cases = []
        for index in indices:
            case = Case(family.NAME, seed, index)
            case.folder = folder
            family.make(case)
            cases.append(case)
        write_cases(folder, cases)
        run_program(folder)
        answers, judged, faults = read_answers(folder), 0, []
        for index, case in zip(indices, cases):
            count, off = judge(case, answers)
            judged += count
            faults += [(index, lua, what) for lua, what in off]
        return judged, faults
    finally:
        if not keep:
            shutil.rmtree(folder)


# ---- What is expected ---------------------------------------------------------------------------------------------

def described(got):
    kind, value = got
    return f"{kind} {value!r}" if kind in ("error", "float", "integer", "boolean") else f"{kind}{list(value.shape)}"


def need_kind(got, kind):
    if got[0] != kind:
        raise Off(f"expected {kind}, got {described(got)}")


def first_off(wrong, got, want, beside=None):
    place = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.ndim else ()
    more = f" (allowed {float(beside[place]):.3g})" if beside is not None else ""
    return Off(f"{int(wrong.sum())} of {wrong.size} are off; at {list(place)} expected {want[place]!r}, "
               f"got {got[place]!r}{more}")


def as_array(got, shape):
    value = np.asarray(got[1])
    if value.shape != tuple(shape):
        raise Off(f"expected shape {list(shape)}, got {list(value.shape)}")
    return value


def exact(got, kind, want, zero_signs=True):
    """The same kind, shape and bits; one NaN is like another."""
    need_kind(got, kind)
    want = np.asarray(want)
    value = as_array(got, want.shape)
    wrong = ~((value == want) | ((value != value) & (want != want)))
    if zero_signs and want.dtype.kind == "f":
        wrong |= (value == 0) & (want == 0) & (np.signbit(value) != np.signbit(want))
    if wrong.any():
        raise first_off(wrong, value, want)


def near(got, kind, want, tolerance, ulps=0.5):
    """Within the tolerance, and the rounding of `ulps` units in the last place of the answer's type."""
    need_kind(got, kind)
    want = np.asarray(want, LONG)
    value = as_array(got, want.shape)
    dtype = value.dtype if value.dtype.kind == "f" else np.dtype(np.float64)
    with np.errstate(all="ignore"):
        rounded = want.astype(dtype)
        unit = np.spacing(np.abs(rounded)).astype(LONG)
        allowed = np.broadcast_to(np.asarray(tolerance, LONG), want.shape) + ulps * unit * LONG(1.0001)
        fine = np.abs(value - want) <= allowed
        fine |= (value == rounded) | ((value != value) & (rounded != rounded))
        # beside the greatest number that the type has either side of infinity will do
        edge = np.finfo(dtype).max
        fine |= np.isinf(value) & (np.abs(want) + allowed >= edge) & (np.sign(value) == np.sign(want))
        fine |= np.isinf(rounded) & np.isfinite(want) & (np.abs(want) - allowed <= edge) & (np.abs(value) >= edge / 2)
    if (~fine).any():
        raise first_off(~fine, value, want, allowed)


def raises(got):
    if got[0] != "error":
        raise Off(f"expected an error, got {described(got)}")


# ---- Lua's text ---------------------------------------------------------------------------------------------------

def number(x):
    """A number of Lua's, to the bit."""
    if isinstance(x, (int, np.integer)):
        return f"({int(x)})"
    x = float(x)
    if x != x:
        return "(0/0)"
    if x in (np.inf, -np.inf):
        return "math.huge" if x > 0 else "(-math.huge)"
    return f"({x.hex()})"


def table(values):
    return "{" + ",".join(table(v) if isinstance(v, (list, tuple)) else number(v) for v in values) + "}"


# ---- The command line ---------------------------------------------------------------------------------------------

def report(family, seed, faults, shown=20):
    for index, lua, what in faults[:shown]:
        print(f"{family.NAME}, seed {seed}, case {index}: {what}\n    {lua}\n"
              f"    again: {sys.executable} tests/numbers/run.py {family.NAME} --seed {seed} --case {index}", file=sys.stderr)
    if len(faults) > shown:
        print(f"{family.NAME}: {len(faults) - shown} more", file=sys.stderr)
