"""A network whose weakest channels are zero: without them it must give the same results.

Residual sum, depthwise convolution, BatchNormalization, Concat, Split, squeeze-and-excitation, Flatten into Gemm, a
transposed tail with MatMul. The channels that --prune-channels=0.25 removes have zero weights and biases, and every
activation keeps zero, so nothing may change.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnx.reference
from onnx import TensorProto, helper, numpy_helper

R = np.random.default_rng(7)
folder = pathlib.Path(sys.argv[1])
nodes, weights = [], []


def constant(name, array):
    weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return name


def node(op, inputs, out, **attributes):
    nodes.append(helper.make_node(op, inputs, [out] if isinstance(out, str) else out, name=f"{op}_{len(nodes)}", **attributes))
    return out


def floats(*shape):
    return R.normal(0, 0.3, shape).astype(np.float32)


def conv(x, cin, cout, out, kernel=3, group=1, weak=True):
    w, b = floats(cout, cin // group, kernel, kernel), floats(cout)
    if weak:
        w[:cout // 4] = 0
        b[:cout // 4] = 0
    return node("Conv", [x, constant(out + ".w", w), constant(out + ".b", b)], out, pads=[kernel // 2] * 4, group=group)


def batchnorm(x, c, out):
    shift, mean = floats(c), floats(c)
    shift[:c // 4] = mean[:c // 4] = 0
    return node("BatchNormalization", [x, constant(out + ".s", np.abs(floats(c)) + 0.5), constant(out + ".b", shift),
                                       constant(out + ".m", mean), constant(out + ".v", np.abs(floats(c)) + 0.5)], out)


a = node("Relu", [batchnorm(conv("x", 3, 16, "stem"), 16, "bn0")], "a")
b = node("Relu", [conv(a, 16, 16, "b0")], "b")
b = node("Relu", [conv(b, 16, 16, "dw", group=16)], "b1")
s = node("Add", [a, conv(b, 16, 16, "b2")], "sum")  # the channels of a, b2 go together
# Squeeze and excitation on the sum: its channels again.
g = node("GlobalAveragePool", [s], "g")
g = node("Relu", [conv(g, 16, 8, "se0", kernel=1)], "g1")
g = conv(g, 8, 16, "se1", kernel=1)
s = node("Mul", [s, node("Relu", [g], "g2")], "excited")
c = node("Concat", [s, node("Relu", [conv(s, 16, 8, "c0")], "c1")], "cat", axis=1)
c = node("MaxPool", [c], "pool", kernel_shape=[2, 2], strides=[2, 2])
d, e = node("Split", [node("Relu", [conv(c, 24, 24, "d0", weak=False)], "d1"), constant("sizes", np.array([8, 16]))],
            ["d2", "e2"], axis=1)
w = weights[[t.name for t in weights].index("d0.w")]
both = numpy_helper.to_array(w).copy(), numpy_helper.to_array(weights[[t.name for t in weights].index("d0.b")]).copy()
both[0][[0, 3, 9, 11, 17, 23]] = 0
both[1][[0, 3, 9, 11, 17, 23]] = 0
w.CopyFrom(numpy_helper.from_array(both[0], "d0.w"))
weights[[t.name for t in weights].index("d0.b")].CopyFrom(numpy_helper.from_array(both[1], "d0.b"))
d = node("Flatten", [d], "flat")
d = node("Gemm", [d, constant("fc.w", floats(5, 8 * 16)), constant("fc.b", floats(5))], "first", transB=1)
e = node("Reshape", [e, constant("shape", np.array([1, 16, 16]))], "rows")
e = node("Transpose", [e], "turned", perm=[0, 2, 1])
m = floats(16, 12)
m[:, :3] = 0
e = node("Relu", [node("MatMul", [e, constant("m1", m)], "mm1")], "mm2")
e = node("MatMul", [e, constant("m2", floats(12, 6))], "second")

graph = helper.make_graph(nodes, "channels", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
                          [helper.make_tensor_value_info("first", TensorProto.FLOAT, None),
                           helper.make_tensor_value_info("second", TensorProto.FLOAT, None)], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, folder / "channels.onnx")
x = floats(1, 3, 8, 8)
results = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
(folder / "data").mkdir(exist_ok=True)
np.save(folder / "data/input_0.npy", x)
for i, r in enumerate(results):
    np.save(folder / f"data/output_{i}.npy", r)
