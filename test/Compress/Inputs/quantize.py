"""A small convolutional network with a residual sum, a Concat and poolings, samples, and what goes wrong with them.

quantize.py make FOLDER            writes net.onnx, samples/N/input_0.npy, data/ with the float results
quantize.py two FILE               writes a network of two inputs
quantize.py attention FOLDER       writes net.onnx, a block of multi-head attention, samples/ and data/ as above
quantize.py check FOLDER           the kernels of the quantized network: no float contraction is left
"""
import pathlib
import sys

import numpy as np
import onnx
from network import Network, check_integers
from onnx import TensorProto, helper, numpy_helper

what, folder = sys.argv[1], pathlib.Path(sys.argv[2])


def make():
    net = Network(3)
    a = net.node("Relu", [net.conv("x", 3, 20, "stem", strides=[2, 2])], "a")
    b = net.node("Relu", [net.conv(a, 20, 20, "b0")], "b")
    b = net.node("Clip", [net.conv(b, 20, 20, "dw", group=20), net.constant("low", np.float32(0)), net.constant("high", np.float32(6))],
                 "b1")
    s = net.node("Relu", [net.node("Add", [a, net.conv(b, 20, 20, "b2", kernel=1)], "sum")], "s")
    c = net.node("Concat", [net.node("Relu", [net.conv(s, 20, 9, "c0", kernel=1)], "c0r"),
                            net.node("Relu", [net.conv(s, 20, 7, "c1")], "c1r")], "cat", axis=1)
    c = net.node("MaxPool", [c], "pool", kernel_shape=[2, 2], strides=[2, 2])
    g = net.node("GlobalAveragePool", [net.node("Relu", [net.conv(c, 16, 33, "d", kernel=1)], "dr")], "g")
    net.node("Gemm", [net.node("Flatten", [g], "flat"), net.normal("fc.w", (10, 33), 0.3), net.normal("fc.b", 10, 0.1)], "y", transB=1)
    net.save(folder, [("x", [1, 3, 16, 16])], [("y", [1, 10])],
             [[net.rng.normal(0, 1, (1, 3, 16, 16)).astype(np.float32)] for _ in range(9)])
    for name, array in (("nan", np.full((1, 3, 16, 16), np.nan, np.float32)), ("shape", np.zeros((1, 3, 8, 16), np.float32)),
                        ("type", np.zeros((1, 3, 16, 16), np.float64))):
        (folder / name).mkdir()
        np.save(folder / name / "input_0.npy", array)
    (folder / "empty").mkdir()


def attention():
    net = Network(5)
    rows, heads, size = 41, 4, 38  # nothing a multiple of vectors or words, large enough for bytes
    width = heads * size
    net.constant("split", np.array([0, 0, heads, size], np.int64))
    net.constant("join", np.array([0, 0, width], np.int64))
    q, k, v = (net.node("Transpose", [net.node("Reshape", [net.dense("x", width, width, n), "split"], n + ".r")], n + ".h",
                        perm=[0, 2, 3, 1] if n == "k" else [0, 2, 1, 3]) for n in "qkv")
    scores = net.node("Mul", [net.node("MatMul", [q, k], "qk"), net.constant("scale", np.float32(size**-0.5))], "scaled")
    seen = net.node("MatMul", [net.node("Softmax", [scores], "p", axis=-1), v], "pv")
    y = net.dense(net.node("Reshape", [net.node("Transpose", [seen], "back", perm=[0, 2, 1, 3]), "join"], "joined"), width, width, "o")
    shape = [1, rows, width]
    net.save(folder, [("x", shape)], [(y, shape)], [[net.rng.uniform(-1.7, 1.7, shape).astype(np.float32)] for _ in range(25)])


def two():
    pair = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in ("a", "b", "y")]
    w = numpy_helper.from_array(np.ones((8, 8), np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["y"])], "two",
                              pair[:2], pair[2:], [w])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder)


{"make": make, "two": two, "attention": attention, "check": lambda: check_integers(folder, least=5)}[what]()
