#!/usr/bin/env python3
"""Compares inferred with recorded shapes over folders of test cases.

    check_shapes.py [--strip] <lathe-opt> <folder>...

--strip removes what the models say of the shapes of outputs and of values in
between, so that all is inferred. Each folder below the given ones that holds a model.onnx is a case; its outputs are
read from test_data_set_0 or data_0. Prints one line a case that does not agree or
not resolve and a summary; exits 1 if a shape or a type contradicts the data.
"""

import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

import numpy
import onnx

ELEMENTS = {1: "f32", 2: "ui8", 3: "i8", 4: "ui16", 5: "i16", 6: "i32", 7: "i64", 8: "!onnx.string", 9: "i1",
            10: "f16", 11: "f64", 12: "ui32", 13: "ui64", 14: "complex<f32>", 15: "complex<f64>", 16: "bf16",
            17: "f8E4M3FN", 18: "f8E4M3FNUZ", 19: "f8E5M2", 20: "f8E5M2FNUZ", 21: "ui4", 22: "i4",
            23: "f4E2M1FN", 24: "f8E8M0FNU", 25: "ui2", 26: "i2"}


def split_types(text):
    """Top-level comma-separated types of `(a, b)` or `a`; argument attributes are dropped."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c in "<({[":
            depth += 1
        elif c in ">)}]" and text[i - 1] != "-":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [re.sub(r"\s*\{.*", "", p).strip() for p in parts if p.strip()]


def results_of(text):
    """Types of @main's results, and whether any value in the module has no rank."""
    for line in text.splitlines():
        if "func.func @main" not in line:
            continue
        arrow = re.search(r"\) -> (.*?)( attributes .*)?\{$", line)
        if not arrow:
            return []
        body = arrow.group(1).strip()
        return split_types(body[1:-1] if body.startswith("(") else body)
    return None


def agrees(ty, path):
    """'static', 'dynamic', 'open' or a contradiction."""
    if ty.startswith("!onnx.seq") or ty.startswith("!onnx.opt"):
        return "container" if "none" not in ty else "open"
    if path.endswith(".npy"):
        array = numpy.load(path)
        element = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        want = [str(d) for d in array.shape]
    else:
        tensor = onnx.TensorProto()
        with open(path, "rb") as f:
            tensor.ParseFromString(f.read())
        element = tensor.data_type
        want = [str(d) for d in tensor.dims]
    m = re.fullmatch(r"tensor<(\*x|(?:\d+x|\?x)*)(.*)>", ty)
    if not m:
        return "open"
    if m.group(2) != ELEMENTS[element]:
        return "is %s, data has %s" % (ty, ELEMENTS[element])
    if m.group(1) == "*x":
        return "open"
    have = m.group(1).split("x")[:-1]
    if len(have) != len(want) or any(h not in ("?", w) for h, w in zip(have, want)):
        return "is %s, data has %s" % (ty, want)
    return "dynamic" if "?" in have else "static"


def clear_shape(type_proto):
    kind = type_proto.WhichOneof("value")
    if kind == "tensor_type":
        type_proto.tensor_type.ClearField("shape")
    elif kind in ("sequence_type", "optional_type"):
        clear_shape(getattr(type_proto, kind).elem_type)


def strip(path, folder):
    """A copy of the model in `folder` that states no shapes but those of the inputs."""
    model = onnx.load(path, load_external_data=False)
    del model.graph.value_info[:]
    for output in model.graph.output:
        clear_shape(output.type)
    copy = os.path.join(folder, "model.onnx")
    onnx.save(model, copy)
    for name in os.listdir(os.path.dirname(path)):  # external data
        if name != "model.onnx" and not os.path.exists(os.path.join(folder, name)):
            os.symlink(os.path.join(os.path.abspath(os.path.dirname(path)), name), os.path.join(folder, name))
    return copy


def check(case, tool, stripped):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(case, "model.onnx")
        return check_model(case, strip(path, folder) if stripped else path, tool)


def check_model(case, path, tool):
    try:
        run = subprocess.run([tool, path, "--onnx-infer-shapes",
                              "--mlir-elide-elementsattrs-if-larger=16", "--mlir-elide-resource-strings-if-larger=16"],
                             capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "error", "timed out"
    if run.returncode != 0:
        return "error", " ".join(run.stderr.split())[:300]
    results = results_of(run.stdout)
    if results is None:
        return "error", "no @main"
    folder = next((os.path.join(case, d) for d in ("test_data_set_0", "data_0", "data", "data_1")
                   if os.path.isdir(os.path.join(case, d))), None)
    worst, order = "static", ["static", "container", "dynamic", "open"]
    for i, ty in enumerate(results):
        path = os.path.join(folder or "", "output_%d.npy" % i)
        if not os.path.exists(path):
            path = path[:-3] + "pb"
        if not os.path.exists(path):
            state = "open" if ty == "none" else "dynamic" if "?" in ty or "*" in ty else "static"
        else:
            state = agrees(ty, path)
        if state not in order:
            return "wrong", "output %d %s" % (i, state)
        worst = max(worst, state, key=order.index)
    inner = collections.Counter(re.findall(r"= onnx\.(\S+?)\(.*-> .*(?:\bnone\b|tensor<\*x)", run.stdout))
    note = "%s" % results if worst in ("open", "dynamic") else ""
    return worst, note + ("; without rank: %s" % dict(inner) if inner else "")


def main():
    stripped = "--strip" in sys.argv
    tool, *roots = [a for a in sys.argv[1:] if a != "--strip"]
    cases = sorted(d for root in roots for d, _, files in os.walk(root) if "model.onnx" in files)
    count = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for case, (state, note) in zip(cases, pool.map(lambda c: check(c, tool, stripped), cases)):
            count[state] += 1
            if note or state not in ("static", "container"):
                print("%-8s %s: %s" % (state, "/".join(case.split("/")[-2:]), note))
    print("%d cases: %s" % (len(cases), dict(count)))
    return 1 if count["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
