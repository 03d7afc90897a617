"""make_hot.py GEMM CONV: a matrix product with a bias and a 3x3 convolution, weights constant."""
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
