#!/usr/bin/env python3
"""--fp-model=strict gives, bit by bit, what a naive program in the types of the model gives.

    test/numerics/strict.py [--option=--target=x86-64-v3 ...]

The naive program takes the sums of an operator one term after the other, as the operator's
definition counts them: MatMul and Gemm along K, Conv by channel, then by row and column of the window,
reductions along the axes in order. Each product is rounded before it is added. Where an
operator adds something to a sum (bias, C), that comes last. Written with numpy: every step is one operation
on whole arrays, each element of which is rounded on its own. Ends with 'N passed, N failed'.
"""
import argparse
import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.library import Library  # noqa: E402
from numerics.contractions import windows  # noqa: E402

F = np.float32


def in_order(terms):
    """The sum from first to last, in the type of the terms."""
    total = None
    for term in terms:
        total = term if total is None else total + term
    return total


def matmul(a, b):
    return in_order(a[..., :, k, None] * b[..., k, None, :] for k in range(a.shape[-1]))


def conv(x, w, bias, strides, pads, groups):
    rank = x.ndim - 2
    patches = windows(x, w.shape[2:], strides, pads, (1,) * rank)
    per, parts = w.shape[0] // groups, []
    spatial = (None,) * rank
    for m in range(w.shape[0]):
        first = m // per * w.shape[1]
        parts.append(in_order(patches[(slice(None), first + c, *[slice(None)] * rank, *at)] * w[(m, c, *at)]
                              for c in range(w.shape[1]) for at in np.ndindex(*w.shape[2:])))
    y = np.stack(parts, axis=1)
    return y if bias is None else y + bias[(slice(None), *spatial)]


class Cases:
    def __init__(self):
        self.cases = []

    def add(self, title, nodes, inputs, weights, expected):
        """`nodes`: (op, inputs, attributes) one after the other, each result called t0, t1, ..."""
        self.cases.append((title, nodes, inputs, weights, expected))


def build():
    rng = np.random.default_rng(11)
    # Magnitudes far apart: another order, or a product that is not rounded, shows.
    normal = lambda *shape: (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 3, shape)).astype(F)
    cases = Cases()
    for m, n, k in ((1, 1, 300), (5, 33, 70), (16, 48, 257), (1, 1000, 64), (70, 5, 31)):
        a, b = normal(m, k), normal(k, n)
        for weights in ({}, {"b": b}):
            inputs = {"a": a} if weights else {"a": a, "b": b}
            cases.add(f"MatMul {m}x{n}x{k}", [("MatMul", ["a", "b"], {})], inputs, weights, matmul(a, b))
    a, b = normal(3, 4, 20), normal(3, 20, 9)
    cases.add("MatMul, batches", [("MatMul", ["a", "b"], {})], {"a": a, "b": b}, {}, matmul(a, b))
    a, b, c = normal(7, 90), normal(19, 90), normal(19)
    cases.add("Gemm", [("Gemm", ["a", "b", "c"], {"transB": 1})], {"a": a}, {"b": b, "c": c}, matmul(a, b.T) + c)
    a, b = normal(6, 40).astype(np.float64), normal(40, 17).astype(np.float64)
    cases.add("MatMul of doubles", [("MatMul", ["a", "b"], {})], {"a": a, "b": b}, {}, matmul(a, b))
    for shape, m, window, strides, pads, groups in (
            ((1, 3, 12, 12), 16, (3, 3), (1, 1), (1, 1, 1, 1), 1), ((2, 16, 9, 7), 24, (1, 1), (1, 1), (0, 0, 0, 0), 1),
            ((1, 8, 10, 10), 8, (3, 3), (1, 1), (1, 1, 1, 1), 8), ((1, 6, 11, 11), 10, (5, 3), (2, 2), (2, 1, 2, 1), 2),
            ((1, 4, 30), 6, (7,), (1,), (3, 3), 1)):
        x, w, bias = normal(*shape), normal(m, shape[1] // groups, *window), normal(m)
        for given in (None, bias):
            title = f"Conv {shape} -> {m} {window} /{strides} g{groups}{' bias' * (given is not None)}"
            names = ["x", "w", "bias"][: 2 + (given is not None)]
            weights = {"w": w} if given is None else {"w": w, "bias": bias}
            cases.add(title, [("Conv", names, {"kernel_shape": window, "strides": strides, "pads": pads, "group": groups})],
                      {"x": x}, weights, conv(x, w, given, strides, pads, groups))
    x = normal(5, 6, 77)
    cases.add("ReduceSum, last axis", [("ReduceSum", ["x", "axes"], {"keepdims": 0})], {"x": x}, {"axes": np.array([2])},
              in_order(x[:, :, k] for k in range(77)))
    cases.add("ReduceSum, first axis", [("ReduceSum", ["x", "axes"], {"keepdims": 0})], {"x": x}, {"axes": np.array([0])},
              in_order(x))
    cases.add("ReduceSum, two axes", [("ReduceSum", ["x", "axes"], {"keepdims": 0})], {"x": x}, {"axes": np.array([0, 2])},
              in_order(x[i, :, k] for i in range(5) for k in range(77)))
    cases.add("ReduceMean", [("ReduceMean", ["x", "axes"], {"keepdims": 1})], {"x": x}, {"axes": np.array([2])},
              (in_order(x[:, :, k] for k in range(77)) / F(77))[..., None])
    x = normal(1, 5, 8, 9)
    cases.add("GlobalAveragePool", [("GlobalAveragePool", ["x"], {})], {"x": x}, {},
              (in_order(x[:, :, i, j] for i in range(8) for j in range(9)) / F(72))[:, :, None, None])
    x = normal(4, 50)
    cases.add("CumSum", [("CumSum", ["x", "axis"], {})], {"x": x}, {"axis": np.array(1)},
              np.stack([in_order(x[:, j] for j in range(k + 1)) for k in range(50)], axis=1))
    a, b, c = normal(40, 33), normal(40, 33), normal(33)
    cases.add("a * b + c is rounded twice", [("Mul", ["a", "b"], {}), ("Add", ["t0", "c"], {})], {"a": a, "b": b, "c": c}, {},
              a * b + c)
    cases.add("(a + b) - b keeps its order", [("Add", ["a", "b"], {}), ("Sub", ["t0", "b"], {})], {"a": a, "b": b}, {},
              (a + b) - b)
    x = rng.uniform(-1, 1, (9, 50)).astype(F)
    cases.add("a reduction over what was computed", [("Mul", ["x", "x"], {}), ("ReduceSum", ["t0", "axes"], {"keepdims": 0})],
              {"x": x}, {"axes": np.array([1])}, in_order(x[:, k] * x[:, k] for k in range(50)))
    cases.add("a / c is no product", [("Div", ["a", "c"], {})], {"a": a}, {"c": c}, a / c)
    x, w, s = normal(1, 6, 8, 8), normal(9, 6, 3, 3), normal(9, 1, 1)
    cases.add("scaling stays behind its Conv",
              [("Conv", ["x", "w"], {"kernel_shape": (3, 3)}), ("Mul", ["t0", "s"], {}), ("Add", ["t1", "s"], {})],
              {"x": x}, {"w": w, "s": s}, conv(x, w, None, (1, 1), (0, 0, 0, 0), 1) * s + s)
    return cases.cases


def compile_all(cases, options, keep):
    """Outputs of one model that holds all cases, of which a copy goes to `keep`."""
    import onnx
    from onnx import helper, numpy_helper

    nodes, inputs, constants, outputs, arrays = [], [], [], [], []
    for n, (_, steps, given, weights, expected) in enumerate(cases):
        for name, array in given.items():
            inputs.append(helper.make_tensor_value_info(f"{name}_{n}", helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
            arrays.append(array)
        constants += [numpy_helper.from_array(array, f"{name}_{n}") for name, array in weights.items()]
        for k, (op, names, attributes) in enumerate(steps):
            nodes.append(helper.make_node(op, [f"{name}_{n}" for name in names], [f"t{k}_{n}"], f"node{n}_{k}", **attributes))
        outputs.append(helper.make_tensor_value_info(
            f"t{len(steps) - 1}_{n}", helper.np_dtype_to_tensor_dtype(expected.dtype), expected.shape))
    graph = helper.make_graph(nodes, "strict", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "strict.onnx"
        onnx.save(model, path)
        if keep:
            onnx.save(model, keep)
        return Library(path, options).run(arrays)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--option", action="append", default=[], help="an option for lathe")
    parser.add_argument("--fp-model", default="strict", help="fast shows that the test can fail")
    parser.add_argument("--keep", help="save the model that holds all cases")
    args = parser.parse_args()
    cases = build()
    got = compile_all(cases, [f"--fp-model={args.fp_model}", *args.option], args.keep)
    failed = 0
    for (title, *_, expected), values in zip(cases, got):
        different = np.count_nonzero(values.view(np.uint8) != np.ascontiguousarray(expected).view(np.uint8))
        if different or values.shape != expected.shape:
            failed += 1
            apart = np.count_nonzero(values != expected)
            print(f"{title}: {apart} of {expected.size} elements differ")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
