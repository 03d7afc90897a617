"""A model that imports well but does not compile: strings have no C form yet."""
import sys

import onnx
from onnx import TensorProto, helper

make = helper.make_tensor_value_info
nodes = [helper.make_node("StringNormalizer", ["x"], ["y"], name="upper", case_change_action="UPPER"),
         helper.make_node("StringNormalizer", ["y"], ["z"], name="lower", case_change_action="LOWER")]
graph = helper.make_graph(nodes, "strings", [make("x", TensorProto.STRING, [3])], [make("z", TensorProto.STRING, [3])])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), sys.argv[1])
