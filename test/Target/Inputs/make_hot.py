"""make_hot.py GEMM CONV [GEMM8 CONV8 [PRODUCT8]]: a matrix product with a bias and a 3x3 convolution, weights constant; of bytes too, and a product of two inputs."""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(3)


def save(path, node, x, y, weights):
    graph = helper.make_graph([node], "hot", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)],
                              [numpy_helper.from_array(rng.standard_normal(s).astype(np.float32), n) for n, s in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


save(sys.argv[1], helper.make_node("Gemm", ["x", "w", "b"], ["y"]), [100, 160], [100, 320], {"w": (160, 320), "b": (320,)})
save(sys.argv[2], helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1]), [1, 32, 20, 20], [1, 64, 20, 20],
     {"w": (64, 32, 3, 3), "b": (64,)})


def save_bytes(path, op, x, y, w, **attributes):
    constants = [numpy_helper.from_array(a, n) for n, a in (("w", rng.integers(-128, 128, w, np.int8)), ("xz", np.uint8(3)))]
    graph = helper.make_graph([helper.make_node(op, ["x", "w", "xz"], ["y"], **attributes)], "hot",
                              [helper.make_tensor_value_info("x", TensorProto.UINT8, x)],
                              [helper.make_tensor_value_info("y", TensorProto.INT32, y)], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


if len(sys.argv) > 3:
    save_bytes(sys.argv[3], "MatMulInteger", [100, 160], [100, 320], (160, 320))
    save_bytes(sys.argv[4], "ConvInteger", [1, 96, 20, 20], [1, 64, 20, 20], (64, 96, 3, 3), pads=[1, 1, 1, 1])
if len(sys.argv) > 5:
    sides = [helper.make_tensor_value_info(n, TensorProto.UINT8, s) for n, s in (("x", [100, 160]), ("w", [160, 320]))]
    result = helper.make_tensor_value_info("y", TensorProto.INT32, [100, 320])
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], "hot", sides, [result])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[5])
