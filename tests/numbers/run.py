#!/usr/bin/env python3
"""Numbers of the program beside those of NumPy, PyTorch, scikit-learn and libsvm, on random cases.

    python3 tests/numbers/run.py FAMILY --seed S --cases N [--from I]   cases I … N - 1, in handfuls
    python3 tests/numbers/run.py FAMILY --seed S --case I               one of them; --keep FOLDER leaves its files

The last line is "FAMILY: cases N, steps M, faults F". Status 1: something is off. 3: what it needs is not here.
"""
import argparse
import importlib
import signal
import sys
import time

sys.dont_write_bytecode = True
import frame  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("family")
    parser.add_argument("--seed", required=True)
    parser.add_argument("--cases", type=int, default=0)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--case", type=int)
    parser.add_argument("--handful", type=int, default=250)
    parser.add_argument("--keep")
    parser.add_argument("--until", type=float, help="seconds since 1970 after which no handful is begun")
    told = parser.parse_args()
    try:
        family = importlib.import_module(told.family)
    except ImportError as missing:
        print(f"{told.family}: not tried: {missing}")
        return 3
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # folders are taken away, the program is ended
    indices = [told.case] if told.case is not None else list(range(told.first, told.cases))
    steps, faults, tried = 0, [], 0
    while indices and not (told.until and time.time() > told.until):
        handful, indices = indices[:told.handful], indices[told.handful:]
        try:
            judged, off = frame.run_cases(family, told.seed, handful, told.keep)
        except frame.Off as off_all:
            judged, off = 0, [(handful[0], f"cases {handful[0]} to {handful[-1]}", str(off_all))]
        steps, faults, tried = steps + judged, faults + off, tried + len(handful)
    frame.report(family, told.seed, faults)
    print(f"{told.family}: cases {tried}, steps {steps}, faults {len(faults)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
