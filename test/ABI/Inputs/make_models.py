"""Writes the small models of the C interface tests into the folder given.

names    static; tensor names that C cannot take as they are, or that collide when made C names
dynamic  one dynamic dimension, two outputs, one of them of fixed shape
bounded  NonZero: the size of the output is known only after it has run
types    inputs and outputs of half, double, bool, 8-bit and 64-bit types
index    Gather whose index comes from the caller and may be out of range
maps     two sequences of maps, with keys that are strings and integers, and a plain tensor
counted  the input is a number, which says how long what lies between is
named    a dimension whose name neither a shell nor C takes as it is
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

OUT = pathlib.Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)


def save(name, nodes, inputs, outputs, constants=()):
    info = lambda triple: helper.make_tensor_value_info(*triple)
    graph = helper.make_graph(
        nodes, name, list(map(info, inputs)), list(map(info, outputs)),
        [numpy_helper.from_array(np.asarray(a), n) for n, a in dict(constants).items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, OUT / f"{name}.onnx")


node = helper.make_node
save("names",
     [node("Add", ["int", "a-b"], ["a_b.sum"], "add"), node("Mul", ["a_b.sum", "a_b"], ["2nd"], "mul"),
      node("Sub", ["int", "workspace"], ["float"], "sub")],
     [("int", T.FLOAT, [2, 3]), ("a-b", T.FLOAT, [3]), ("a_b", T.FLOAT, [2, 1]), ("workspace", T.FLOAT, [2, 3])],
     [("2nd", T.FLOAT, [2, 3]), ("float", T.FLOAT, [2, 3])])

save("dynamic",
     [node("MatMul", ["x", "w"], ["y"], "project"), node("ReduceMax", ["x"], ["largest"], "largest", keepdims=0)],
     [("x", T.FLOAT, ["batch", 4])], [("y", T.FLOAT, ["batch", 3]), ("largest", T.FLOAT, [])],
     {"w": np.arange(12, dtype=np.float32).reshape(4, 3)})

save("bounded", [node("NonZero", ["x"], ["where"], "find")],
     [("x", T.FLOAT, [2, 4])], [("where", T.INT64, [2, "found"])])

save("types",
     [node("Cast", ["half"], ["wide"], "widen", to=T.DOUBLE), node("Add", ["wide", "offset"], ["sum"], "add"),
      node("Not", ["flags"], ["inverse"], "invert"), node("Cast", ["small"], ["long"], "lengthen", to=T.INT64),
      node("Cast", ["sum"], ["half_sum"], "narrow", to=T.FLOAT16)],
     [("half", T.FLOAT16, [4]), ("offset", T.DOUBLE, [4]), ("flags", T.BOOL, [3]), ("small", T.INT8, [5])],
     [("sum", T.DOUBLE, [4]), ("inverse", T.BOOL, [3]), ("long", T.INT64, [5]), ("half_sum", T.FLOAT16, [4])])

save("index", [node("Gather", ["table", "which"], ["row"], "pick")],
     [("table", T.FLOAT, [3, 2]), ("which", T.INT64, [1])], [("row", T.FLOAT, [1, 2])])

save("counted",
     [node("Range", ["zero", "n", "one"], ["numbers"], "count"), node("CumSum", ["numbers", "axis"], ["sums"], "add_up"),
      node("CumSum", ["sums", "axis"], ["more"], "add_up_again"),
      node("ReduceMax", ["more"], ["largest"], "largest", keepdims=0)],
     [("n", T.INT64, [])], [("largest", T.INT64, [])],
     {"zero": np.int64(0), "one": np.int64(1), "axis": np.int64(0)})

maps = lambda key: helper.make_sequence_type_proto(
    helper.make_map_type_proto(key, helper.make_tensor_type_proto(T.FLOAT, [])))
graph = helper.make_graph(
    [node("ZipMap", ["x"], ["by_name"], "names", domain="ai.onnx.ml", classlabels_strings=["cat", "dog", "emu"]),
     node("ZipMap", ["z"], ["by_number"], "numbers", domain="ai.onnx.ml", classlabels_int64s=[7, -1]),
     node("Relu", ["x"], ["y"], "relu")], "maps",
    [helper.make_tensor_value_info("x", T.FLOAT, [2, 3]), helper.make_tensor_value_info("z", T.FLOAT, ["n", 2])],
    [helper.make_value_info("by_name", maps(T.STRING)), helper.make_tensor_value_info("y", T.FLOAT, [2, 3]),
     helper.make_value_info("by_number", maps(T.INT64))])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)],
                            ir_version=10), OUT / "maps.onnx")

save("named", [node("Relu", ["x"], ["y"], "relu")],
     [("x", T.FLOAT, ["it's */ N"])], [("y", T.FLOAT, ["it's */ N"])])
