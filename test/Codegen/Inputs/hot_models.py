"""Writes models of one hot kernel each into the folder given: gemm, gemv, conv3x3, conv1x1, depthwise; nibbles and nibblerow
multiply by four-bit weights."""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)


def save(name, nodes, x, y, weights):
    rng = np.random.default_rng(0)
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    constants = [numpy_helper.from_array(rng.standard_normal(s).astype(np.float32), n) for n, s in weights.items()]
    graph = helper.make_graph(nodes, name, [info("x", x)], [info("y", y)], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), OUT / f"{name}.onnx")


def conv(name, x, channels, window, groups=1):
    pad = window // 2
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["sum"], kernel_shape=[window] * 2, pads=[pad] * 4, group=groups),
             helper.make_node("Relu", ["sum"], ["y"])]
    save(name, nodes, x, [1, channels, *x[2:]], {"w": (channels, x[1] // groups, window, window), "b": (channels,)})


def nibbles(name, rows, depth, columns):
    rng = np.random.default_rng(0)
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    weights = rng.integers(0, 256, (columns, depth // 32, 16)).astype(np.uint8)
    scales = rng.random((columns, depth // 32)).astype(np.float32)
    node = helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=depth, N=columns, bits=4, block_size=32)
    graph = helper.make_graph([node], name, [info("x", [rows, depth])], [info("y", [rows, columns])],
                              [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(scales, "s")])
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=domains, ir_version=10), OUT / f"{name}.onnx")


product = [helper.make_node("MatMul", ["x", "w"], ["y"])]
save("gemm", product, [128, 768], [128, 768], {"w": (768, 768)})
save("gemv", product, [1, 1024], [1, 1000], {"w": (1024, 1000)})
conv("conv3x3", [1, 64, 56, 56], 64, 3)
conv("conv1x1", [1, 256, 28, 28], 128, 1)
conv("depthwise", [1, 64, 56, 56], 64, 3, groups=64)
nibbles("nibbles", 60, 1024, 768)
nibbles("nibblerow", 1, 1024, 1024)
