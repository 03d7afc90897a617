"""A small convolutional network with a residual sum, a Concat and poolings, samples, and what goes wrong with them.

quantize.py make FOLDER            writes net.onnx, samples/N/input_0.npy, data/ with the float results
quantize.py two FILE               writes a network of two inputs
quantize.py attention FOLDER       writes net.onnx, a block of multi-head attention, samples/ and data/ as above
quantize.py check FOLDER           the kernels of the quantized network: no float contraction is left
"""
import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
import onnx.reference
from onnx import TensorProto, helper, numpy_helper

what, folder = sys.argv[1], pathlib.Path(sys.argv[2])


def make():
    rng = np.random.default_rng(3)
    nodes, weights = [], []

    def constant(name, array):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(op, inputs, out, **attributes):
        nodes.append(helper.make_node(op, inputs, [out], name=out, **attributes))
        return out

    def conv(x, cin, cout, out, kernel=3, group=1, **attributes):
        w = rng.normal(0, 1 / np.sqrt(cin // group * kernel * kernel), (cout, cin // group, kernel, kernel)).astype(np.float32)
        return node("Conv", [x, constant(out + ".w", w), constant(out + ".b", rng.normal(0, 0.1, cout).astype(np.float32))],
                    out, pads=[kernel // 2] * 4, group=group, **attributes)

    a = node("Relu", [conv("x", 3, 20, "stem", strides=[2, 2])], "a")
    b = node("Relu", [conv(a, 20, 20, "b0")], "b")
    b = node("Clip", [conv(b, 20, 20, "dw", group=20), constant("low", np.float32(0)), constant("high", np.float32(6))], "b1")
    s = node("Relu", [node("Add", [a, conv(b, 20, 20, "b2", kernel=1)], "sum")], "s")
    c = node("Concat", [node("Relu", [conv(s, 20, 9, "c0", kernel=1)], "c0r"), node("Relu", [conv(s, 20, 7, "c1")], "c1r")],
             "cat", axis=1)
    c = node("MaxPool", [c], "pool", kernel_shape=[2, 2], strides=[2, 2])
    g = node("GlobalAveragePool", [node("Relu", [conv(c, 16, 33, "d", kernel=1)], "dr")], "g")
    node("Gemm", [node("Flatten", [g], "flat"), constant("fc.w", rng.normal(0, 0.3, (10, 33)).astype(np.float32)),
                  constant("fc.b", rng.normal(0, 0.1, 10).astype(np.float32))], "y", transB=1)
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "net.onnx")
    run = onnx.reference.ReferenceEvaluator(model)
    samples = [rng.normal(0, 1, (1, 3, 16, 16)).astype(np.float32) for _ in range(9)]
    for i, x in enumerate(samples[:8]):
        (folder / f"samples/{i}").mkdir(parents=True)
        np.save(folder / f"samples/{i}/input_0.npy", x)
    (folder / "data").mkdir()
    np.save(folder / "data/input_0.npy", samples[8])
    np.save(folder / "data/output_0.npy", run.run(None, {"x": samples[8]})[0])
    for name, array in (("nan", np.full((1, 3, 16, 16), np.nan, np.float32)), ("shape", np.zeros((1, 3, 8, 16), np.float32)),
                        ("type", np.zeros((1, 3, 16, 16), np.float64))):
        (folder / name).mkdir()
        np.save(folder / name / "input_0.npy", array)
    (folder / "empty").mkdir()


def attention():
    rng = np.random.default_rng(5)
    rows, heads, size = 41, 4, 38  # nothing a multiple of vectors or words, large enough for bytes
    width = heads * size
    nodes, weights = [], []

    def constant(name, array):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(op, inputs, out, **attributes):
        nodes.append(helper.make_node(op, inputs, [out], name=out, **attributes))
        return out

    def dense(x, name):
        w = rng.normal(0, 1 / np.sqrt(width), (width, width)).astype(np.float32)
        return node("Add", [node("MatMul", [x, constant(name + ".w", w)], name),
                            constant(name + ".b", rng.normal(0, 0.1, width).astype(np.float32))], name + ".y")

    constant("split", np.array([0, 0, heads, size], np.int64))
    constant("join", np.array([0, 0, width], np.int64))
    q, k, v = (node("Transpose", [node("Reshape", [dense("x", n), "split"], n + ".r")], n + ".h",
                    perm=[0, 2, 3, 1] if n == "k" else [0, 2, 1, 3]) for n in "qkv")
    scores = node("Mul", [node("MatMul", [q, k], "qk"), constant("scale", np.float32(size**-0.5))], "scaled")
    seen = node("MatMul", [node("Softmax", [scores], "p", axis=-1), v], "pv")
    y = dense(node("Reshape", [node("Transpose", [seen], "back", perm=[0, 2, 1, 3]), "join"], "joined"), "o")
    shape = [1, rows, width]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info(y, TensorProto.FLOAT, shape)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "net.onnx")
    samples = [rng.uniform(-1.7, 1.7, shape).astype(np.float32) for _ in range(25)]
    for i, x in enumerate(samples[:24]):
        (folder / f"samples/{i}").mkdir(parents=True)
        np.save(folder / f"samples/{i}/input_0.npy", x)
    (folder / "data").mkdir()
    np.save(folder / "data/input_0.npy", samples[24])
    np.save(folder / "data/output_0.npy", onnx.reference.ReferenceEvaluator(model).run(None, {"x": samples[24]})[0])


def check():
    text = subprocess.run(["lathe", str(folder / "net.onnx"), "--quantize=int8", f"--calibrate={folder / 'samples'}", "--emit=kernel",
                           "--cpu=znver4", "-o", "-"], check=True, capture_output=True, text=True).stdout
    kernels = re.findall(r"kernel\.func private @(\w+)(.*?)kernel\.return", text, re.S)
    # A pooling may scale what it sums: that is no contraction.
    floats = [name for name, body in kernels if re.search('kind = "(conv|contraction)"', body.split("\n")[0])
              for part in body.split("linalg.generic")[1:]
              if '"reduction"' in part.split("ins(")[0] and "arith.mulf" in part.split("linalg.yield")[0]]
    dots = text.count("dot = vnni")
    print(f"{len(kernels)} kernels, {dots} with byte dot products, float contractions: {floats}")
    assert kernels and not floats and dots >= 5, text


def two():
    pair = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in ("a", "b", "y")]
    w = numpy_helper.from_array(np.ones((8, 8), np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["y"])], "two",
                              pair[:2], pair[2:], [w])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder)


{"make": make, "two": two, "attention": attention, "check": check}[what]()
