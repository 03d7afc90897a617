#!/usr/bin/env python3
"""Formulas as exporters write them out: each must become the op that it means, and compute the same.

    test/numerics/fusions.py [--option=-O1 ...] [--filter=gelu] [--keep=DIR]

Every form is a small model in the way that it was met in the export of a framework; forms/ holds them, a
module a family. It must hold the ops that its row names after the stage Graph (checked with lathe-opt)
and agree with ONNX Runtime on the model as it was written, all of its optimizations off. Ends with
'N passed, N failed'.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))
from harness.library import Library  # noqa: E402
from forms import FORMS, Graph  # noqa: E402


def count(text, op):
    return len(re.findall(rf"\bonnx\.{op}\(", text))


def check(name, expect, build, options, args, folder):
    import onnx
    import onnxruntime as ort

    g = Graph(options.get("opset", 17))
    build(g)
    path = folder / f"{name}.onnx"
    onnx.save(g.model(), path)
    text = subprocess.run([ROOT / "build/bin/lathe-opt", "--lathe-graph", path], capture_output=True, text=True)
    if text.returncode:
        return text.stderr.strip()
    for op, times in expect.items():
        if (got := count(text.stdout, op)) != times:
            return f"{got} {op} instead of {times}"
    session = ort.SessionOptions()
    session.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session.log_severity_level = 3
    expected = ort.InferenceSession(str(path), session, providers=["CPUExecutionProvider"]).run(None, g.feeds)
    try:
        got = Library(path, args.option).run(list(g.feeds.values()))
    except RuntimeError as error:
        return str(error)
    for have, want in zip(got, expected):
        if have.shape != want.shape:
            return f"shape {have.shape} instead of {want.shape}"
        if not np.allclose(have, want, rtol=1e-4, atol=options.get("atol", 1e-5) * max(1, np.abs(want).max(initial=0)),
                           equal_nan=True):
            return f"off by {np.nanmax(np.abs(have - want)):.3g}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--option", action="append", default=[], help="an option for lathe")
    parser.add_argument("--filter", default="", help="only forms whose name matches")
    parser.add_argument("--keep", help="leave the models there")
    args = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(args.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name, expect, build, options in FORMS:
            if not re.search(args.filter, name):
                continue
            why = check(name, expect, build, options, args, folder)
            passed, failed = passed + (why is None), failed + (why is not None)
            if why:
                print(f"{name}: {why}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
