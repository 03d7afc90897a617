"""make_external.py MODEL DATA: a model whose one weight lies in the file DATA beside it."""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

model, data = sys.argv[1:]
weight = numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], "product")], "g",
                          [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])], [weight])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model,
          save_as_external_data=True, location=data, size_threshold=0)
