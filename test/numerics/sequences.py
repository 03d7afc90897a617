#!/usr/bin/env python3
"""Sequences whose length only the run knows, held against ONNX Runtime.

    test/numerics/sequences.py [--option=-O1 ...] [--filter=split]

Each form is a small model with open sizes; ends with 'N passed, N failed'.
"""
import argparse
import pathlib
import re
import sys
import tempfile

import numpy as np
import onnx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))
from harness import reference  # noqa: E402

FORMS = {}


def form(text, *feeds):
    """A model in onnx's text form, with one set of inputs a row of feeds."""
    FORMS[re.search(r"(\w+) \(", text).group(1)] = (text, feeds)


def floats(*shape):
    return np.random.default_rng(sum(shape) + len(shape)).standard_normal(shape).astype(np.float32)


form("split_at (float[n,m] x, int64 i) => (float[k,m] y, int64 c) { s = SplitToSequence <axis = 0> (x, two)  y = SequenceAt (s, i)  c = SequenceLength (s) }",
     [floats(5, 3), np.int64(2)], [floats(5, 3), np.int64(-2)], [floats(4, 2), np.int64(0)])
form("split_columns (float[n,m] x, int64 i) => (float[n,k] y) { s = SplitToSequence <axis = 1> (x, two)  y = SequenceAt (s, i) }",
     [floats(3, 7), np.int64(3)], [floats(1, 4), np.int64(0)])
form("split_given (float[n,m] x, int64[p] parts, int64 i) => (float[k,m] y) { s = SplitToSequence <axis = 0> (x, parts)  y = SequenceAt (s, i) }",
     [floats(6, 2), np.array([1, 3, 2]), np.int64(1)], [floats(6, 2), np.array([2, 4]), np.int64(-1)])
form("rows (float[n,m] x, int64 i) => (float[m] y) { s = SplitToSequence <axis = 0, keepdims = 0> (x)  y = SequenceAt (s, i) }",
     [floats(6, 2), np.int64(5)])
form("there_and_back (float[n,m] x) => (float[n,k] y) { s = SplitToSequence <axis = 1> (x, two)  y = ConcatFromSequence <axis = 1> (s) }",
     [floats(6, 5)])
form("stack_columns (float[n,m] x) => (float[m,n] y) { s = SplitToSequence <axis = 1, keepdims = 0> (x)  y = ConcatFromSequence <axis = 0, new_axis = 1> (s) }",
     [floats(4, 3)])
LOOP = """{{ go = Constant <value = bool {{1}}> ()  e = SequenceEmpty <dtype = 1> ()
  s = Loop (trips, go, e) <body = step (int64 i, bool c, seq(float[{shape}]) old) => (bool d, seq(float[{shape}]) new)
    {{ d = Identity (c)  f = Cast <to = 1> (i)  {body} }}>
  {end} }}"""
form("collect (float[n,m] x, int64 trips) => (float[k,m] y) "
     + LOOP.format(shape="n,m", body="z = Add (x, f)  new = SequenceInsert (old, z)", end="y = ConcatFromSequence <axis = 0> (s)"),
     [floats(2, 3), np.int64(4)], [floats(1, 2), np.int64(1)])
form("collect_inner (float[n,m] x, int64 trips) => (float[n,k] y) "
     + LOOP.format(shape="n,m", body="z = Mul (x, f)  new = SequenceInsert (old, z)", end="y = ConcatFromSequence <axis = 1> (s)"),
     [floats(2, 3), np.int64(4)])
form("collect_stack (float[n,m] x, int64 trips) => (float[n,k,m] y, int64 c) "
     + LOOP.format(shape="n,m", body="z = Mul (x, f)  new = SequenceInsert (old, z)", end="y = ConcatFromSequence <axis = 1, new_axis = 1> (s)  c = SequenceLength (s)"),
     [floats(2, 3), np.int64(4)])
form("ragged (float[n,m] x, int64 trips) => (float[n,k] y, float[n,l] w) "
     + LOOP.format(shape="n,p", body="o = Constant <value_ints = [1]> ()  r = Reshape (i, o)  j = Add (r, o)  z0 = Constant <value_ints = [0]> ()  z = Slice (x, z0, j, o)  new = SequenceInsert (old, z)",
                   end="y = ConcatFromSequence <axis = 1> (s)  t = Constant <value_int = 2> ()  w = SequenceAt (s, t)"),
     [floats(2, 5), np.int64(4)], [floats(3, 4), np.int64(3)])
form("front (float[n,m] x, int64 trips) => (float[k,m] y) "
     + LOOP.format(shape="n,m", body="p = Constant <value_int = 0> ()  z = Add (x, f)  new = SequenceInsert (old, z, p)", end="g = SequenceErase (s)  y = ConcatFromSequence <axis = 0> (g)"),
     [floats(2, 3), np.int64(4)])
form("scalars (float[n] x, int64 trips) => (float[k] y) "
     + LOOP.format(shape="", body="z0 = ReduceSum <keepdims = 0> (x)  z = Add (z0, f)  new = SequenceInsert (old, z)", end="y = ConcatFromSequence <axis = 0, new_axis = 1> (s)"),
     [floats(3), np.int64(4)])
form("mapped (float[n,m] x) => (float[n,k] y) { s = SplitToSequence <axis = 0> (x, two)  "
     "t = SequenceMap (s, x) <body = each (float[p,m] a, float[n,m] all) => (float[p,m] b) { r = ReduceMax <keepdims = 0> (all)  b = Mul (a, r) }>  y = ConcatFromSequence <axis = 0> (t) }",
     [floats(5, 3)])
form("chosen (float[n,m] x, bool c, int64 i) => (float[k,m] y) { s = SplitToSequence <axis = 0> (x, two)  "
     "t = If (c) <then_branch = then () => (seq(float[a,m]) u) { u = SequenceErase (s) }, else_branch = else () => (seq(float[a,m]) v) { v = SequenceInsert (s, x) }>  y = SequenceAt (t, i) }",
     [floats(5, 3), np.bool_(True), np.int64(1)], [floats(5, 3), np.bool_(False), np.int64(-1)])
form("bags (float[n,m] x, int64[b] offsets, int64 trips) => (float[k,l] y) "
     + LOOP.format(shape="p,l", body="o = Constant <value_ints = [1]> ()  r = Reshape (i, o)  j = Add (r, o)  k1 = Add (j, o)  a = Slice (offsets, r, j)  b = Slice (offsets, j, k1)  "
                   "bag = Slice (x, a, b)  z0 = Constant <value_ints = [0]> ()  z = ReduceSum (bag, z0)  new = SequenceInsert (old, z)", end="y = ConcatFromSequence <axis = 0> (s)"),
     [floats(6, 3), np.array([0, 1, 4, 6]), np.int64(3)])


def check(text, feeds, options, folder):
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 20]> {text}')
    if re.search(r"\btwo\b", text):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.int64(2), "two"))
    path = folder / f"{model.graph.name}.onnx"
    onnx.save(model, path)
    return reference.difference(path, feeds, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--option", action="append", default=[], help="an option for lathe, as --option=-O1")
    parser.add_argument("--filter", default="", help="only forms whose name matches")
    args = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (text, feeds) in FORMS.items():
            if not re.search(args.filter, name):
                continue
            problem = check(text, feeds, args.option, pathlib.Path(folder))
            passed, failed = passed + (not problem), failed + bool(problem)
            if problem:
                print(f"{name}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
