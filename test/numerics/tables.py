#!/usr/bin/env python3
"""Functions of bytes, looked up in tables: bit by bit what arithmetic gives.

    test/numerics/tables.py [--option=--cpu=x86-64-v3 ...] [--machine=aarch64] [--filter=layers]

Between DequantizeLinear and QuantizeLinear stands a function or a chain of them. Each model is compiled
twice, with and without kernel-tabulate: no byte may differ, on any of the 256 values, in any place of
a vector. All must be within a step or a few of double precision. With --machine it is one of those of
test/cross/run.py, emulated; else several kinds of x86 take turns. Ends with 'N passed, N failed'.
"""
import argparse
import itertools
import math
import pathlib
import re
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.library import Library  # noqa: E402
from numerics.contractions import conv  # noqa: E402

erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# title: nodes (op, extra operands, attributes), each on the last result; the function in double precision.
# An operand "x" is the number that the first took.
FUNCTIONS = {
    "sigmoid": ([("Sigmoid", [], {})], sigmoid),
    "tanh": ([("Tanh", [], {})], np.tanh),
    "gelu": ([("Gelu", [], {})], lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2)))),
    "silu": ([("Sigmoid", [], {}), ("Mul", ["x"], {})], lambda x: x * sigmoid(x)),
    "hardswish": ([("HardSwish", [], {})], lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "elu": ([("Elu", [], {"alpha": 0.7})], lambda x: np.where(x < 0, 0.7 * np.expm1(x), x)),
    "mish": ([("Softplus", [], {}), ("Tanh", [], {}), ("Mul", ["x"], {})], lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    "leaky": ([("LeakyRelu", [], {"alpha": 0.1})], lambda x: np.where(x < 0, 0.1 * x, x)),
    "relu": ([("Relu", [], {})], lambda x: np.maximum(x, 0)),
    "scale": ([("Mul", [0.37], {}), ("Add", [0.11], {})], lambda x: 0.37 * x + 0.11),
    "root": ([("Abs", [], {}), ("Sqrt", [], {})], lambda x: np.sqrt(np.abs(x))),
    "erf": ([("Erf", [], {})], erf),
    "exp": ([("Clip", [-4.0, 1.0], {}), ("Exp", [], {})], lambda x: np.exp(np.clip(x, -4, 1))),
    "sine": ([("Sin", [], {}), ("Add", ["x"], {})], lambda x: np.sin(x) + x),
}
# Of bytes (scale, zero point): in, out; the function's range is covered.
FORMS = [(np.uint8, np.uint8), (np.int8, np.int8), (np.uint8, np.int8)]
SHAPES = [(256,), (1, 7, 5, 37), (3, 1), (2, 96)]


def parameters(kind, low, high):
    info = np.iinfo(kind)
    scale = np.float32((high - low) / (info.max - info.min))
    return scale, np.array(np.clip(round(info.min - low / scale), info.min, info.max), kind)


class Model:
    def __init__(self):
        self.nodes, self.inputs, self.constants, self.outputs, self.arrays, self.expected = [], [], [], [], [], []

    def constant(self, value):
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, kind, operands, **attributes):
        from onnx import helper

        name = f"t{len(self.nodes)}"
        names = [o if isinstance(o, str) else self.constant(o) for o in operands]
        self.nodes.append(helper.make_node(kind, names, [name], **attributes))
        return name

    def input(self, array):
        from onnx import helper

        name = f"in{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
        self.arrays.append(array)
        return name

    def output(self, title, name, expected, kind, steps):
        from onnx import helper

        self.outputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), expected.shape))
        self.expected.append((title, expected, steps))

    def function(self, x, steps):
        last = x
        for kind, extra, attributes in steps:
            last = self.op(kind, [last, *(x if e == "x" else np.float32(e) for e in extra)], **attributes)
        return last

    def save(self, path):
        import onnx
        from onnx import helper

        graph = helper.make_graph(self.nodes, "tables", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)


def quantized(y, scale, zero):
    info = np.iinfo(zero.dtype)
    return np.clip(np.rint(y / float(scale)) + float(zero), info.min, info.max)


def functions():
    """A function of all values of a byte, in tensors of several shapes."""
    rng, m = np.random.default_rng(3), Model()
    for k, ((title, (steps, exact)), shape) in enumerate(itertools.product(FUNCTIONS.items(), SHAPES)):
        kind, to = FORMS[k % len(FORMS)]
        x = rng.permutation(np.resize(np.arange(256), math.prod(shape))).astype(np.uint8).view(kind).reshape(shape)
        scale, zero = parameters(kind, -5.0, 4.0)
        real = lambda v: (v.astype(float) - float(zero)) * float(scale)
        whole = exact(real(np.arange(256, dtype=np.uint8).view(kind)))
        out_scale, out_zero = parameters(to, min(0, whole.min()), max(0, whole.max()))
        d = m.op("DequantizeLinear", [m.input(x), scale, zero])
        q = m.op("QuantizeLinear", [m.function(d, steps), out_scale, out_zero])
        m.output(f"{title} {kind.__name__} to {to.__name__} {shape}", q, quantized(exact(real(x)), out_scale, out_zero), to, 1)
    return m


def chains():
    """Each step quantized: x * sigmoid(x), the byte read twice; and a function behind a sum of two bytes."""
    rng = np.random.default_rng(4)
    m = Model()
    for kind in (np.uint8, np.int8):
        x, y = (rng.integers(0, 256, (2, 300), dtype=np.uint8).view(kind) for _ in range(2))
        scale, zero = parameters(kind, -6, 6)
        s_scale, s_zero = parameters(kind, 0, 1)
        o_scale, o_zero = parameters(kind, -0.3, 6)
        real = lambda v: (v.astype(float) - float(zero)) * float(scale)
        name = m.input(x)
        d = m.op("DequantizeLinear", [name, scale, zero])
        s = m.op("QuantizeLinear", [m.op("Sigmoid", [d]), s_scale, s_zero])
        s = m.op("DequantizeLinear", [s, s_scale, s_zero])
        q = m.op("QuantizeLinear", [m.op("Mul", [d, s]), o_scale, o_zero])
        m.output(f"silu in steps, {kind.__name__}", q, quantized(real(x) * sigmoid(real(x)), o_scale, o_zero), kind, 2)
        other = m.op("DequantizeLinear", [m.input(y), scale, zero])
        total = m.op("QuantizeLinear", [m.op("Add", [d, other]), scale, zero])
        total = m.op("DequantizeLinear", [total, scale, zero])
        q = m.op("QuantizeLinear", [m.op("Sigmoid", [total]), s_scale, s_zero])
        clipped = (quantized(real(x) + real(y), scale, zero) - float(zero)) * float(scale)
        m.output(f"sigmoid of a sum, {kind.__name__}", q, quantized(sigmoid(clipped), s_scale, s_zero), kind, 2)
    return m


def layers():
    """Behind a convolution of integers."""
    rng, m = np.random.default_rng(5), Model()
    for title, (channels, outputs, size, window) in itertools.product(
            ("silu", "gelu", "relu", "hardswish"), ((16, 24, 9, 3), (3, 70, 12, 1), (64, 64, 7, 1))):
        steps, exact = FUNCTIONS[title]
        x = rng.integers(0, 256, (1, channels, size, size), dtype=np.uint8)
        w = rng.integers(-128, 128, (outputs, channels, window, window)).astype(np.int8)
        w_scale = np.float32(0.02 / math.sqrt(channels * window * window))
        scale, zero = parameters(np.uint8, -5, 5)
        out_scale, out_zero = parameters(np.uint8, -0.3, 5)
        d = m.op("DequantizeLinear", [m.input(x), scale, zero])
        c = m.op("Conv", [d, m.op("DequantizeLinear", [w, w_scale])], pads=[window // 2] * 4)
        c = m.op("QuantizeLinear", [c, scale, zero])
        f = m.function(m.op("DequantizeLinear", [c, scale, zero]), steps)
        q = m.op("QuantizeLinear", [f, out_scale, out_zero])
        sums = conv(x.astype(float) - float(zero), w.astype(float), 1, (1, 1), (window // 2,) * 4, (1, 1))
        real = (quantized(sums * float(scale) * float(w_scale), scale, zero) - float(zero)) * float(scale)
        # Where the sum falls between two bytes either is right, which are up to three steps apart behind the function.
        m.output(f"conv {channels} -> {outputs}, {title}", q, quantized(exact(real), out_scale, out_zero), np.uint8, 3)
    return m


MODELS = {"functions": functions, "chains": chains, "layers": layers}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--option", action="append", default=[], help="an option for lathe")
    parser.add_argument("--filter", default="", help="only models that match (functions, chains, layers)")
    parser.add_argument("--machine", help="a machine of test/cross/run.py")
    args = parser.parse_args()
    machines = [["--cpu=x86-64"], ["--cpu=x86-64-v2"], ["--cpu=x86-64-v3"], ["--cpu=x86-64-v4"], []]
    if args.machine or args.option:
        machines = [[]]
    if args.machine:
        from cross import run as cross

        if missing := cross.missing(args.machine):
            print(f"{args.machine}: no {missing}: nothing to run\n0 passed, 0 failed")
            return 0
    passed = failed = 0
    for title, make in MODELS.items():
        if not re.search(args.filter, title):
            continue
        model = make()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tables.onnx"
            model.save(path)

            def run(options):
                options = [*args.option, *options]
                if args.machine:
                    return cross.run(args.machine, path, model.arrays, pathlib.Path(folder), options)
                return Library(path, options).run(model.arrays)

            for machine in machines:
                label = " ".join(machine) or args.machine or "native"
                try:
                    tables, plain = run(machine), run([*machine, "--disable-pass=kernel-tabulate"])
                except (RuntimeError, OSError) as error:
                    print(f"{title}, {label}: {error}")
                    failed += len(model.expected)
                    continue
                for got, reference, (what, exact, steps) in zip(tables, plain, model.expected):
                    differ = int((got != reference).sum())
                    off = int(np.abs(got.astype(int) - exact).max())
                    if differ or off > steps:
                        print(f"{what}, {label}: {differ} bytes differ from arithmetic, up to {off} steps from the exact ones")
                        failed += 1
                    else:
                        passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
