#!/usr/bin/env python3
"""MatMul, Gemm, Conv and products with weights of few bits, of many shapes, against double precision, by the bound of sums of products; integers exactly.

    test/numerics/contractions.py [--option=-O1 ...] [--filter=conv] [--machine=aarch64-i8mm]

Shapes are chosen where kernels have edges: one row or column, primes around vector and
tile sizes, long and short sums, grouped, depthwise, strided and dilated windows, and
pads wider than the window. Every shape is one node; the nodes of a kind are compiled as
one model; with --machine it is one of those of test/cross/run.py, emulated. Prints the shapes that miss the bound and by how much; ends with 'N passed, N failed'.
"""
import argparse
import itertools
import pathlib
import re
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import bounds  # noqa: E402
from harness.library import Library  # noqa: E402

MATMULS = [  # batch dimensions of a, of b, M, N, K
    ((), (), m, n, k)
    for m, n, k in [(1, 1, 1), (1, 17, 5), (5, 1, 17), (7, 7, 7), (16, 16, 16), (1, 1000, 512), (3, 31, 4097), (64, 48, 1),
                    (13, 97, 61), (127, 129, 65), (128, 256, 128), (31, 512, 33), (200, 6, 300), (1, 33, 1024)]
] + [((4,), (4,), 9, 10, 11), ((2, 3), (2, 3), 12, 64, 12), ((5,), (), 6, 40, 24), ((), (3,), 8, 15, 20),
     ((2, 1), (3,), 4, 18, 9)]
GEMMS = [  # transA, transB, M, N, K, shape of C, alpha, beta
    (0, 0, 5, 33, 17, (33,), 1.0, 1.0), (0, 1, 1, 10, 512, (10,), 1.0, 1.0), (1, 0, 19, 21, 23, (19, 1), 0.5, 2.0),
    (1, 1, 64, 80, 48, (64, 80), 1.0, -1.0), (0, 1, 100, 100, 100, (1,), 1.0, 1.0), (0, 0, 30, 70, 50, None, 0.25, 1.0),
]
CONVS = [  # input, output channels, window, strides, pads, dilations, groups
    ((1, 3, 20, 20), 16, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((1, 3, 33, 35), 13, (7, 7), (2, 2), (3, 3, 3, 3), (1, 1), 1),
    ((2, 5, 9, 11), 7, (3, 2), (2, 1), (0, 1, 2, 0), (1, 1), 1),
    ((1, 64, 14, 14), 64, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ((1, 64, 15, 13), 96, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1), 1),
    ((1, 32, 17, 17), 33, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((1, 16, 12, 12), 24, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 1),
    ((1, 32, 16, 16), 32, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 32),
    ((1, 19, 15, 15), 38, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 19),
    ((1, 24, 10, 10), 36, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 3),
    ((1, 4, 5, 5), 6, (5, 5), (1, 1), (4, 4, 4, 4), (1, 1), 1),
    ((1, 256, 7, 7), 128, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((3, 6, 40), 10, (5,), (3,), (2, 2), (1,), 1),
    ((1, 4, 6, 7, 8), 5, (3, 3, 3), (1, 2, 1), (1, 1, 1, 1, 1, 1), (1, 1, 1), 1),
    ((1, 1, 8, 8), 16, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((1, 8, 1, 30), 8, (1, 3), (1, 1), (0, 1, 0, 1), (1, 1), 1),
    ((1, 35, 13, 11), 35, (5, 5), (2, 2), (2, 2, 2, 2), (1, 1), 35),
    ((2, 40, 9, 20), 40, (7, 3), (1, 1), (3, 1, 3, 1), (1, 1), 40),
    ((1, 33, 30), 33, (5,), (1,), (2, 2), (1,), 33),
    ((1, 16, 12, 12), 16, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 16),
    ((1, 24, 5, 6, 7), 24, (3, 3, 3), (1, 1, 1), (1, 1, 1, 1, 1, 1), (1, 1, 1), 24),
    ((1, 70, 10, 9), 70, (4, 1), (1, 1), (0, 0, 0, 0), (1, 1), 70),
    ((1, 20, 9, 40), 20, (1, 9), (1, 2), (0, 4, 0, 4), (1, 1), 20),
]

NBITS = [  # rows, columns, depth, bits, block, zero points
    ((1,), 64, 64, 4, 32, False), ((1,), 1000, 1056, 4, 32, False), ((1,), 33, 100, 4, 32, True), ((5,), 33, 100, 4, 32, True),
    ((13,), 70, 256, 4, 16, True), ((2, 7), 17, 96, 8, 32, False), ((1,), 130, 40, 8, 16, True), ((3,), 48, 64, 2, 32, True),
    ((1,), 5, 128, 2, 64, False), ((31,), 96, 512, 4, 128, False), ((9,), 40, 32, 4, 32, False), ((4,), 200, 64, 4, 64, True),
    ((2, 1, 3), 36, 160, 4, 32, False), ((200,), 24, 70, 4, 16, False),
]

DYNAMIC = [(32, 96), (32, 100), (40, 33), (64, 130), (17, 16)]  # depth, columns

BYTES = [(np.uint8, np.int8), (np.int8, np.int8), (np.uint8, np.uint8)]  # activations, weights


class Builder:
    """Collects nodes of one model with their inputs and what the outputs should be."""

    def __init__(self):
        self.nodes, self.inputs, self.constants, self.outputs, self.expected, self.arrays = [], [], [], [], [], []

    def value(self, name, array, constant):
        from onnx import helper, numpy_helper

        if constant:
            self.constants.append(numpy_helper.from_array(array, name))
        else:
            self.inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
            self.arrays.append(array)
        return name

    def node(self, title, op, values, constant, exact, bound, **attributes):
        """`values`: arrays of the inputs, `constant`: which of them are weights."""
        from onnx import TensorProto, helper

        kind = TensorProto.INT32 if exact.dtype == np.int64 else TensorProto.FLOAT
        n = len(self.nodes)
        names = [self.value(f"in{n}_{k}", v, k in constant) for k, v in enumerate(values)]
        self.nodes.append(helper.make_node(op, names, [f"out{n}"], f"node{n}", **attributes))
        self.outputs.append(helper.make_tensor_value_info(f"out{n}", kind, exact.shape))
        self.expected.append((title, exact, bound))

    def check(self, options, run=None):
        """[(title, worst error as a multiple of the bound)]; `run(path, arrays, folder, options)` gives the outputs."""
        import onnx
        from onnx import helper

        graph = helper.make_graph(self.nodes, "contractions", self.inputs, self.outputs, self.constants)
        domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=domains, ir_version=10)
        onnx.checker.check_model(model, full_check=True)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "contractions.onnx"
            onnx.save(model, path)
            got = run(path, self.arrays, pathlib.Path(folder), options) if run else Library(path, options).run(self.arrays)
        found = []
        for values, (title, exact, bound) in zip(got, self.expected):
            error = np.abs(values.astype(np.float64) - exact)
            ratio = np.where(error == 0, 0.0, error / np.maximum(bound, 1e-300))
            found.append((title, float(np.nan_to_num(ratio, nan=np.inf).max(initial=0.0))))
        return found


def windows(x, window, strides, pads, dilations):
    """x padded, and cut into windows: [N, C, *out, *window]."""
    rank = len(window)
    x = np.pad(x, [(0, 0), (0, 0)] + [(pads[d], pads[rank + d]) for d in range(rank)])
    out = [(x.shape[2 + d] - dilations[d] * (window[d] - 1) - 1) // strides[d] + 1 for d in range(rank)]
    step = [x.strides[2 + d] for d in range(rank)]
    shape = (*x.shape[:2], *out, *window)
    stride = (*x.strides[:2], *(s * k for s, k in zip(step, strides)), *(s * k for s, k in zip(step, dilations)))
    return np.lib.stride_tricks.as_strided(x, shape, stride)


def conv(x, w, groups, *geometry):
    """Convolution in the precision of its arguments."""
    rank = x.ndim - 2
    spatial, inner = "uvw"[:rank], "ijk"[:rank]
    patches = windows(x, w.shape[2:], *geometry)
    parts = []
    for g in range(groups):
        c, m = x.shape[1] // groups, w.shape[0] // groups
        parts.append(np.einsum(f"nc{spatial}{inner},mc{inner}->nm{spatial}", patches[:, g * c : (g + 1) * c],
                               w[g * m : (g + 1) * m], optimize=True))
    return np.concatenate(parts, axis=1)


def few_bits(rng, columns, depth, bits, block, zero_points):
    """Weights of few bits: operands of MatMulNBits, and what they stand for, [depth, columns] in double precision."""
    blocks, per_byte = -(-depth // block), 8 // bits
    fields = rng.integers(0, 1 << bits, (columns, blocks, block)).astype(np.uint8)
    scales = (rng.random((columns, blocks)) + 0.1).astype(np.float32)
    zeros = rng.integers(0, 1 << bits, (columns, blocks)).astype(np.uint8)
    pack = lambda a: sum((a[..., i::per_byte] << (bits * i)).astype(np.uint8) for i in range(per_byte))
    operands = [pack(fields), scales.reshape(-1)]
    if zero_points:
        operands.append(pack(np.pad(zeros, [(0, 0), (0, -blocks % per_byte)])).reshape(-1))
    middle = zeros[:, :, None] if zero_points else 1 << (bits - 1)
    exact = (fields.astype(np.float64) - middle) * scales[:, :, None].astype(np.float64)
    return operands, exact.reshape(columns, -1)[:, :depth].T


def build(kind, constant_weights):
    rng = np.random.default_rng(7)
    normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    wide = lambda array: array.astype(np.float64)
    whole = lambda array: np.asarray(array).astype(np.int64)
    byte = lambda t, *shape: np.asarray(rng.integers(np.iinfo(t).min, np.iinfo(t).max + 1, shape), t)
    b = Builder()
    weights = {1, 2} if constant_weights else set()
    if kind == "matmul":
        for batch_a, batch_b, m, n, k in MATMULS:
            x, y = normal(*batch_a, m, k), normal(*batch_b, k, n)
            bound = bounds.contraction(k, np.abs(wide(x)) @ np.abs(wide(y)))
            b.node(f"matmul {batch_a} {batch_b} {m}x{n}x{k}", "MatMul", [x, y], weights, wide(x) @ wide(y), bound)
    elif kind == "gemm":
        for ta, tb, m, n, k, c_shape, alpha, beta in GEMMS:
            x, y = normal(*((k, m) if ta else (m, k))), normal(*((n, k) if tb else (k, n)))
            c = [] if c_shape is None else [normal(*c_shape)]
            a_, b_ = (wide(x).T if ta else wide(x)), (wide(y).T if tb else wide(y))
            extra = beta * wide(c[0]) if c else 0.0
            bound = bounds.contraction(k, abs(alpha) * np.abs(a_) @ np.abs(b_) + np.abs(extra))
            b.node(f"gemm {ta}{tb} {m}x{n}x{k} + {c_shape}", "Gemm", [x, y, *c], weights,
                   alpha * (a_ @ b_) + extra, bound, transA=ta, transB=tb, alpha=alpha, beta=beta)
    elif kind == "few bits":
        for rows, n, k, bits, block, zero_points in NBITS:
            x, (operands, w) = normal(*rows, k), few_bits(rng, n, k, bits, block, zero_points)
            bound = bounds.contraction(k, np.abs(wide(x)) @ np.abs(w))
            b.node(f"{rows} x {n} x {k}, {bits} bits in blocks of {block}{' with zero points' * zero_points}", "MatMulNBits",
                   [x, *operands], set(range(1, 4)) if constant_weights else weights, wide(x) @ w, bound,
                   domain="com.microsoft", K=k, N=n, bits=bits, block_size=block)
    elif kind == "integer matmul":
        for (batch_a, batch_b, m, n, k), (a_type, b_type) in itertools.product(MATMULS, BYTES):
            x, y = byte(a_type, *batch_a, m, k), byte(b_type, *batch_b, k, n)
            zx, zy = byte(a_type), np.zeros((), b_type) if b_type == np.int8 else np.array(128, b_type)
            exact = (whole(x) - whole(zx)) @ (whole(y) - whole(zy))
            b.node(f"integer matmul {batch_a} {batch_b} {m}x{n}x{k} {a_type.__name__} {b_type.__name__}", "MatMulInteger",
                   [x, y, zx, zy], weights | ({2, 3} if constant_weights else set()), exact, 0)
    elif kind == "integer conv":
        for (shape, m, window, strides, pads, dilations, groups), (a_type, b_type) in itertools.product(CONVS, BYTES):
            x, w, zx = byte(a_type, *shape), byte(b_type, m, shape[1] // groups, *window), byte(a_type)
            zw = np.zeros((), b_type) if b_type == np.int8 else np.array(128, b_type)
            exact = conv(whole(x) - whole(zx), whole(w) - whole(zw), groups, strides, pads, dilations)
            b.node(f"integer conv {shape} -> {m} {window} /{strides} +{pads} *{dilations} g{groups} {a_type.__name__} "
                   f"{b_type.__name__}", "ConvInteger", [x, w, zx, zw], weights | ({2, 3} if constant_weights else set()),
                   exact, 0, kernel_shape=window, strides=strides, pads=pads, dilations=dilations, group=groups)
    else:
        for (shape, m, window, strides, pads, dilations, groups), bias in itertools.product(CONVS, (False, True)):
            x, w = normal(*shape), normal(m, shape[1] // groups, *window)
            extra = [normal(m)] if bias else []
            add = wide(extra[0]).reshape(1, m, *[1] * len(window)) if bias else 0.0
            geometry = (groups, strides, pads, dilations)
            k = int(np.prod(w.shape[1:]))
            bound = bounds.contraction(k, conv(np.abs(wide(x)), np.abs(wide(w)), *geometry) + np.abs(add))
            b.node(f"conv {shape} -> {m} {window} /{strides} +{pads} *{dilations} g{groups}{' bias' * bias}", "Conv",
                   [x, w, *extra], weights, conv(wide(x), wide(w), *geometry) + add, bound, kernel_shape=window,
                   strides=strides, pads=pads, dilations=dilations, group=groups)
    return b


class Rows(Builder):
    """MatMul with a number of rows that the run knows: the same code for each of them."""

    def check(self, options, run=None):
        from onnx import TensorProto, helper, numpy_helper
        import onnx

        rng, found = np.random.default_rng(3), []
        for k, n in DYNAMIC:
            w = rng.standard_normal((k, n)).astype(np.float32)
            weights, inputs = [numpy_helper.from_array(w, "w")], [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["m", k])]
            if not self.constant:
                weights, inputs = [], inputs + [helper.make_tensor_value_info("w", TensorProto.FLOAT, [k, n])]
            result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["m", n])
            graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "rows", inputs, [result], weights)
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "rows.onnx"
                onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
                library = Library(path, options)
            for m in (*range(1, 24), 37, 61):
                x = rng.standard_normal((m, k)).astype(np.float32)
                # Room for exactly that many rows: a write behind them is an error.
                got = library.run([x] if self.constant else [x, w], capacity=m * n * 4)[0]
                exact, bound = (f(x.astype(np.float64)) @ f(w.astype(np.float64)) for f in (np.asarray, np.abs))
                error = np.abs(got - exact) / bounds.contraction(k, bound)
                found.append((f"{m} rows x {n} x {k}", float(np.nan_to_num(error, nan=np.inf).max())))
        return found

    def __init__(self, constant):
        super().__init__()
        self.constant, self.expected = constant, [None] * len(DYNAMIC) * 25


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--option", action="append", default=[], help="an option for lathe")
    parser.add_argument("--filter", default="", help="only kinds (matmul, gemm, conv, rows, few bits, integer matmul, integer conv) that match")
    parser.add_argument("--machine", help="a machine of test/cross/run.py")
    args = parser.parse_args()
    run = None
    if args.machine:
        from cross import run as cross

        if missing := cross.missing(args.machine):
            print(f"{args.machine}: no {missing}: nothing to run\n0 passed, 0 failed")
            return 0
        run = lambda *rest: cross.run(args.machine, *rest)
    passed = failed = 0
    for kind, constant in itertools.product(("matmul", "gemm", "conv", "rows", "few bits", "integer matmul", "integer conv"), (True, False)):
        if not re.search(args.filter, kind) or (run and kind == "rows"):
            continue
        builder = Rows(constant) if kind == "rows" else build(kind, constant)
        label = "constant weights" if constant else "weights as inputs"
        try:
            found = builder.check(args.option, run)
        except RuntimeError as error:
            print(f"{kind}, {label}: {error}")
            failed += len(builder.expected)
            continue
        for title, ratio in found:
            if ratio > 1:
                print(f"{title}, {label}: {ratio:.3g} times the bound")
        bad = sum(ratio > 1 for _, ratio in found)
        print(f"{kind}, {label}: {len(found) - bad} of {len(found)} within the bound, "
              f"worst {max(r for _, r in found):.2f} of it")
        passed, failed = passed + len(found) - bad, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
