"""A squeeze guarded by a condition of the run, before a Gemm, which takes matrices only: the form of exporters.

branch.py FILE
"""
import sys

import onnx
from onnx import TensorProto, helper


def branch(name, op, *more):
    result = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node(op, ["x", *more], [name])], name, [], [result])


nodes = [helper.make_node("If", ["c"], ["s"], then_branch=branch("squeezed", "Squeeze", "axis"), else_branch=branch("same", "Identity")),
         helper.make_node("Gemm", ["s", "w"], ["y"])]
weights = [helper.make_tensor("axis", TensorProto.INT64, [1], [1]), helper.make_tensor("w", TensorProto.FLOAT, [3, 5], [1.0] * 15)]
inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 1, 3]), helper.make_tensor_value_info("c", TensorProto.BOOL, [])]
outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 5])]
graph = helper.make_graph(nodes, "branch", inputs, outputs, weights)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[1])
