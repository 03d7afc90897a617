"""One model of fixed and one of dynamic shapes, with the forms that kernels take on a GPU, run by
emulate.py in both orders of threads and compared with the reference of the onnx package."""
import math
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper
from onnx.reference import ReferenceEvaluator

OUT, EMULATE = pathlib.Path(sys.argv[1]), sys.argv[2]
node, info = helper.make_node, helper.make_tensor_value_info
random = np.random.default_rng(7)
normal = lambda *shape: random.standard_normal(shape).astype(np.float32)


def run(name, nodes, inputs, outputs, constants, arrays, rtol="1e-4", atol="1e-5", exact={}):
    weights = [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()]
    graph = helper.make_graph(nodes, name, inputs, [info(o, t, None) for o, t in outputs], weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    data = OUT / name
    data.mkdir(exist_ok=True)
    onnx.save(proto, OUT / f"{name}.onnx")
    expected = ReferenceEvaluator(proto).run(None, dict(zip([i.name for i in inputs], arrays)))
    for n, array in enumerate(arrays):
        np.save(data / f"input_{n}.npy", array)
    for n, array in enumerate(expected):
        array = exact.get(outputs[n][0], array)
        np.save(data / f"output_{n}.npy", array)
    for order in ("forward", "reverse"):
        done = subprocess.run(
            [sys.executable, EMULATE, OUT / f"{name}.onnx", f"--data={data}", f"--rtol={rtol}", f"--atol={atol}"],
            env={**__import__("os").environ, "FAKECUDA_ORDER": order}, capture_output=True, text=True)
        print(f"{name} {order}: {done.returncode} {done.stdout.strip()}{done.stderr.strip()}", flush=True)


F, I = T.FLOAT, T.INT64
# Tiles with edges on every side, a batch, a window with pads, groups; rows of warps and of blocks; four
# elements at a time; a thread alone; a condition that the host fetches.
then = helper.make_graph([node("Neg", ["relu"], ["negated"])], "then", [], [info("negated", F, None)])
other = helper.make_graph([node("Abs", ["relu"], ["absolute"])], "else", [], [info("absolute", F, None)])
run("fixed", [
    node("MatMul", ["a", "b"], ["product"]), node("Relu", ["product"], ["relu"]),
    node("MatMul", ["c", "d"], ["batched"]),
    node("Conv", ["image", "w", "bias"], ["conv"], pads=[1, 1, 1, 1], strides=[2, 1]),
    node("Conv", ["conv", "w2"], ["grouped"], group=2, pads=[2, 0, 2, 0]),
    node("Softmax", ["product"], ["soft"], axis=-1),
    node("LayerNormalization", ["product", "scale"], ["norm"], axis=-1),
    node("ReduceSum", ["long"], ["total"], keepdims=0), node("ReduceMax", ["long", "axis"], ["most"], keepdims=0),
    node("Erf", ["long"], ["erf"]), node("TopK", ["long", "k"], ["top", "where"], axis=0),
    node("Greater", ["total", "zero"], ["positive"]),
    node("If", ["positive"], ["chosen"], then_branch=then, else_branch=other),
    node("GlobalAveragePool", ["image"], ["average"]), node("MaxPool", ["image"], ["pool"], kernel_shape=[3, 3]),
], [info("a", F, [67, 45]), info("c", F, [3, 17, 20]), info("image", F, [2, 5, 13, 11]), info("long", F, [1500, 4])],
    [(n, F) for n in ("relu", "batched", "conv", "grouped", "soft", "norm", "total", "most", "erf", "top", "chosen",
                      "average", "pool")] + [("where", I)],
    {"b": normal(45, 93), "d": normal(3, 20, 33), "w": normal(8, 5, 3, 3), "bias": normal(8), "w2": normal(6, 4, 3, 2),
     "scale": normal(93), "axis": np.array([0], np.int64), "k": np.array([3], np.int64),
     "zero": np.float32(0)},
    [normal(67, 45), normal(3, 17, 20), normal(2, 5, 13, 11), normal(1500, 4)])

run("dynamic", [
    node("MatMul", ["x", "w"], ["product"]), node("Add", ["product", "bias"], ["sum"]),
    node("Softmax", ["sum"], ["soft"], axis=-1), node("Transpose", ["sum"], ["turned"], perm=[1, 0]),
    node("MatMul", ["turned", "x"], ["back"]), node("ReduceMean", ["sum"], ["mean"], keepdims=0),
], [info("x", F, ["rows", 37])], [(n, F) for n in ("sum", "soft", "back", "mean")],
    {"w": normal(37, 70), "bias": normal(70)}, [normal(29, 37)])

# Functions of f64 that no library is there for, ends of the range and what is no number included.
D = T.DOUBLE
ends = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -2.0, 2.0, 3.0, -3.0, 0.5, 1e308, 700.0, -745.0, 800.0, 1e-310])
x = np.concatenate([ends, np.exp(random.uniform(-700, 700, 200)), random.uniform(-50, 50, 200), random.uniform(0.5, 2, 200)])
base, power = (g.reshape(-1) for g in np.meshgrid(ends, ends))
base = np.concatenate([base, random.uniform(0, 9, 300), random.uniform(-9, 9, 100)])
power = np.concatenate([power, random.uniform(-99, 99, 300), random.integers(-30, 30, 100).astype(float)])
with np.errstate(all="ignore"):
    run("double", [node("Exp", ["x"], ["exp"]), node("Log", ["x"], ["log"]), node("Pow", ["base", "power"], ["pow"])],
        [info("x", D, list(x.shape)), info("base", D, list(base.shape)), info("power", D, list(base.shape))],
        [(n, D) for n in ("exp", "log", "pow")], {}, [x, base, power], rtol="2e-13", atol="1e-300")
    run("single", [node("Pow", ["base", "power"], ["pow"])], [info("base", F, list(base.shape)), info("power", F, list(base.shape))],
        [("pow", F)], {}, [base.astype(np.float32), power.astype(np.float32)], rtol="3e-7", atol="1e-38")

# Values whose size only the run knows: a range of a length that is an input, and one that grows from trip to trip.
body = helper.make_graph(
    [node("Identity", ["condition"], ["go_on"]), node("Concat", ["so_far", "row"], ["more"], axis=0)], "body",
    [info("trip", I, []), info("condition", T.BOOL, []), info("so_far", F, ["length", 3])],
    [info("go_on", T.BOOL, []), info("more", F, ["longer", 3])])
run("unbounded", [
    node("Range", ["start", "n", "one"], ["numbers"]), node("Sqrt", ["numbers"], ["roots"]),
    node("Mul", ["roots", "scale"], ["scaled"]),
    node("Loop", ["trips", "yes", "row"], ["grown"], body=body), node("Neg", ["grown"], ["negated"]),
], [info("n", F, []), info("trips", I, []), info("row", F, [1, 3])],
    [("scaled", F), ("negated", F)], {"start": np.float32(0), "one": np.float32(1), "scale": np.float32(3), "yes": np.array(True)},
    [np.float32(700), np.int64(9), normal(1, 3)])

# Bytes: four terms by an instruction, with signs or without, from columns that are weights or computed, words
# that lie together or are gathered; exact.
byte = lambda kind, *shape: random.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape).astype(kind)
run("bytes", [
    node("MatMulInteger", ["a", "b", "seven"], ["constant"]), node("MatMulInteger", ["s", "b"], ["signed"]),
    node("MatMulInteger", ["a", "c"], ["computed"]),
    node("ConvInteger", ["image", "w", "seven"], ["window"], pads=[1, 1, 1, 1]),
], [info("a", T.UINT8, [70, 52]), info("s", T.INT8, [70, 52]), info("c", T.INT8, [52, 90]), info("image", T.UINT8, [1, 8, 17, 19])],
    [(n, T.INT32) for n in ("constant", "signed", "computed", "window")],
    {"b": byte(np.int8, 52, 90), "w": byte(np.int8, 20, 8, 3, 3), "seven": np.uint8(7)},
    [byte(np.uint8, 70, 52), byte(np.int8, 70, 52), byte(np.int8, 52, 90), byte(np.uint8, 1, 8, 17, 19)], rtol="0", atol="0")

# Indices of i64 that a reduction checks, and sums of i64 that meet in shuffles of two words.
run("words", [node("Gather", ["table", "places"], ["rows"]), node("ReduceMax", ["numbers"], ["most"], keepdims=0),
              node("ReduceSum", ["numbers"], ["total"], keepdims=0)],
    [info("places", I, [700]), info("numbers", I, ["n"])], [("rows", F), ("most", I), ("total", I)], {"table": normal(9, 5)},
    [random.integers(-9, 9, 700), random.integers(-2**40, 2**40, 3000)], rtol="0", atol="0")

# The functions of f64, and those of f32 that go through them; each where it is defined, and beyond.
small = np.concatenate([random.uniform(-1, 1, 100), np.exp(random.uniform(-30, 0, 60)), 1 - np.exp(random.uniform(-30, 0, 60)), ends[:6]])
large = np.concatenate([random.uniform(-30, 30, 100), np.exp(random.uniform(-30, 15, 60)), -np.exp(random.uniform(-30, 6, 60)), ends[:6]])
of_small, of_large = ("Asin", "Acos", "Atanh", "Acosh"), ("Erf", "Tanh", "Sin", "Cos", "Tan", "Sinh", "Cosh", "Atan", "Asinh", "Softplus")
with np.errstate(all="ignore"):
    for name, kind, arrays, rtol in (("functions", D, [small, large], "2e-15"),
                                     ("narrow", F, [small.astype(np.float32), np.clip(large, -80, 80).astype(np.float32)], "1e-6")):
        run(name, [node("Abs", ["small"], ["size"]), node("Add", ["size", "one"], ["above"])] +
            [node(f, ["above" if f == "Acosh" else "small"], [f.lower()]) for f in of_small] +
            [node(f, ["large"], [f.lower()]) for f in of_large],
            [info("small", kind, list(small.shape)), info("large", kind, list(large.shape))],
            [(f.lower(), kind) for f in of_small + of_large], {"one": arrays[0].dtype.type(1)}, arrays, rtol=rtol, atol="1e-38",
            exact={"erf": np.vectorize(math.erf)(arrays[1]).astype(arrays[1].dtype)})  # the reference's is of f32
