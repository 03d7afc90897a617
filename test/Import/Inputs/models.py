#!/usr/bin/env python3
"""Writes the models of one group of import tests into a folder.

    models.py <group> <folder>

Groups: good, bad, tensors, upgrades. A model that a later onnx package would refuse
to make is built from its parts, unchecked, so that it says exactly what is written here.
"""

import os
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F = TensorProto.FLOAT
I64 = TensorProto.INT64


def value(name, elem=F, shape=(2, 3)):
    return helper.make_tensor_value_info(name, elem, shape)


def model(nodes, inputs=None, outputs=None, init=(), opset=28, ir=10, infos=(), functions=(), domains=()):
    inputs = [value("x")] if inputs is None else inputs
    outputs = [value("y")] if outputs is None else outputs
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=list(init), value_info=list(infos))
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, v) for d, v in domains]
    m = helper.make_model(graph, opset_imports=imports, ir_version=ir, functions=list(functions))
    m.ClearField("producer_version")
    m.producer_name = "test"
    return m


def node(op, inputs, outputs, name=None, **attrs):
    return helper.make_node(op, inputs, outputs, name=name or op.lower(), **attrs)


def relu(x="x", y="y", name="relu"):
    return node("Relu", [x], [y], name)


def array(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.array(values, dtype), name)


def typed(name, elem, dims, vals):
    t = TensorProto(name=name, data_type=elem, dims=dims)
    field = helper.tensor_dtype_to_field(elem)
    getattr(t, field).extend(vals)
    return t


def external(name, dims, **entries):
    t = TensorProto(name=name, data_type=F, dims=dims, data_location=TensorProto.EXTERNAL)
    for k, v in entries.items():
        t.external_data.add(key=k, value=str(v))
    return t


def constant_model(tensor, **kwargs):
    """y = tensor: the graph's output is the initializer itself."""
    return model([], [], [helper.make_tensor_value_info("y", tensor.data_type, list(tensor.dims))],
                 [tensor], **kwargs)


def function(name, inputs, outputs, nodes, attributes=(), protos=(), opset=28, domain="my"):
    return helper.make_function(domain, name, inputs, outputs, nodes,
                                [helper.make_opsetid("", opset), helper.make_opsetid("my", 1)],
                                list(attributes), list(protos))


def named(tensor, name):
    tensor.name = name
    return tensor


# --- good --------------------------------------------------------------------------------------


def good(folder):
    batch = helper.make_tensor_value_info("x", F, ["batch", 3, None])
    yield "symbolic", model([relu()], [batch], [helper.make_tensor_value_info("y", F, ["batch", 3, None])])
    yield "unsorted", model([node("Neg", ["a"], ["y"]), relu("x", "a")])
    w = array("w", np.arange(100).reshape(10, 10))
    yield "default", model([node("Add", ["x", "b"], ["y"])], [value("x"), value("b", shape=[3])],
                           init=[array("b", [1, 2, 3])])
    yield "large", model([node("MatMul", ["x", "w"], ["y"])], [value("x", shape=[1, 10])],
                         [value("y", shape=[1, 10])], [w])
    then_graph = helper.make_graph([relu("x", "t", "inner_relu")], "then", [], [value("t")])
    else_graph = helper.make_graph([node("Neg", ["x"], ["e"], "inner_neg")], "else", [], [value("e")])
    yield "if", model([node("If", ["c"], ["y"], then_branch=then_graph, else_branch=else_graph)],
                      [value("x"), value("c", TensorProto.BOOL, [])])
    alpha = onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    leaky = node("LeakyRelu", ["a"], ["b"], "act")
    leaky.attribute.append(alpha)
    inner = function("Inner", ["a"], ["b"], [leaky], ["slope"])
    call = node("Inner", ["p"], ["r"], "call", domain="my")
    call.attribute.append(onnx.AttributeProto(name="slope", ref_attr_name="s", type=onnx.AttributeProto.FLOAT))
    outer = function("Outer", ["p", "q"], ["r"], [call], (), [helper.make_attribute("s", 0.5)])
    yield "function", model([node("Outer", ["x"], ["m"], "one", domain="my"),
                             node("Outer", ["m"], ["y"], "two", domain="my", s=0.25)],
                            functions=[inner, outer], domains=[("my", 1)])
    old = function("Old", ["a"], ["b"], [node("ReduceSum", ["a"], ["b"], "sum", axes=[1])], opset=11)
    yield "function_opset", model([node("Old", ["x"], ["y"], "call", domain="my")], outputs=[value("y", shape=[2, 1])],
                                  functions=[old], domains=[("my", 1)])
    sparse = helper.make_sparse_tensor(array("y", [5, 7]), array("i", [1, 5], np.int64), [2, 3])
    m = model([], [], [value("y")])
    m.graph.sparse_initializer.append(sparse)
    yield "sparse", m
    consts = [node("Constant", [], ["a"], "ints", value_ints=[1, 2]), node("Constant", [], ["b"], "float", value_float=0.5),
              node("Constant", [], ["c"], "string", value_string="hi"),
              node("Constant", [], ["d"], "sparse", sparse_value=helper.make_sparse_tensor(
                  array("v", [9]), array("i", [[1, 2]], np.int64), [2, 3])),
              node("Constant", [], ["e"], "tensor", value=array("t", [[1.5]]))]
    yield "constants", model(consts, [], [value("a", I64, [2]), value("b", F, []), value("c", TensorProto.STRING, []),
                                          value("d"), value("e", F, [1, 1])])
    os.makedirs(folder / "data", exist_ok=True)
    (folder / "data" / "w.bin").write_bytes(b"\0" * 8 + np.arange(6, dtype=np.float32).tobytes())
    yield "external", constant_model(external("y", [2, 3], location="data/w.bin", offset=8, length=24))
    seq = helper.make_value_info("s", helper.make_sequence_type_proto(helper.make_tensor_type_proto(F, None)))
    opt = helper.make_value_info("o", helper.make_optional_type_proto(helper.make_tensor_type_proto(F, [2])))
    yield "types", model([node("SequenceLength", ["s"], ["n"]), node("OptionalHasElement", ["o"], ["h"])], [seq, opt],
                         [value("n", I64, []), value("h", TensorProto.BOOL, [])])


# --- bad ---------------------------------------------------------------------------------------


def bad(folder):
    fine = model([relu()])
    data = fine.SerializeToString()
    (folder / "truncated.onnx").write_bytes(data[:-3])
    (folder / "text.onnx").write_text("This is no model.\n")
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "folder.onnx").mkdir(exist_ok=True)
    (folder / "outside").mkdir(exist_ok=True)
    yield "unknown_op", model([node("Foo", ["x"], ["a"], "f1"), node("Bar", ["a"], ["b"], "f2", domain="acme"),
                               relu("b")], domains=[("acme", 1)])
    yield "cycle", model([node("Add", ["x", "b"], ["a"], "add"), relu("a", "b"), node("Neg", ["a"], ["y"])])
    yield "missing_input", model([node("Add", ["x", "nowhere"], ["y"], "sum")])
    yield "duplicate_output", model([relu("x", "y", "first"), relu("x", "y", "second")])
    yield "duplicate_input", model([relu()], [value("x"), value("x")])
    yield "attribute_type", model([node("Flatten", ["x"], ["y"], "flat", axis="one")])
    yield "unknown_attribute", model([node("Flatten", ["x"], ["y"], "flat", axes=1)])
    yield "missing_attribute", model([node("Cast", ["x"], ["y"], "cast")])
    yield "few_inputs", model([node("Add", ["x"], ["y"], "sum")])
    yield "many_inputs", model([node("Relu", ["x", "x"], ["y"], "sum")])
    yield "many_outputs", model([node("Relu", ["x"], ["y", "z"], "sum")])
    yield "empty_input", model([node("Add", ["x", ""], ["y"], "sum")])
    yield "input_type", model([node("Sigmoid", ["x"], ["y"], "sig")], [value("x", I64)], [value("y", I64)])
    yield "shape_contradicts", model([relu("x", "y")], infos=[value("y", shape=[7, 7])])
    yield "output_contradicts", model([], [value("x")], [value("x", shape=[2, 4])])
    yield "initializer_contradicts", model([node("Add", ["x", "b"], ["y"])], [value("x"), value("b", shape=[4])],
                                           init=[array("b", [1, 2, 3])])
    yield "short_data", constant_model(TensorProto(name="y", data_type=F, dims=[100, 100], raw_data=b"\0" * 39996))
    yield "long_data", constant_model(TensorProto(name="y", data_type=F, dims=[2], raw_data=b"\0" * 12))
    yield "short_typed", constant_model(typed("y", I64, [3], [1, 2]))
    yield "wrong_field", constant_model(TensorProto(name="y", data_type=F, dims=[2], int64_data=[1, 2]))
    yield "overflow", constant_model(TensorProto(name="y", data_type=F, dims=[1 << 31, 1 << 31, 1 << 31]))
    yield "overflow_input", model([relu()], [value("x", shape=[1 << 40, 1 << 40])], [value("y", shape=None)])
    yield "negative", constant_model(TensorProto(name="y", data_type=F, dims=[-2], raw_data=b""))
    yield "element_type", constant_model(TensorProto(name="y", data_type=99, dims=[1], raw_data=b"\0"))
    yield "escape_parent", constant_model(external("y", [1], location="../w.bin"))
    yield "escape_absolute", constant_model(external("y", [1], location="/etc/passwd"))
    inner = folder / "model"
    inner.mkdir(exist_ok=True)
    (folder / "outside" / "w.bin").write_bytes(b"\0" * 64)
    link = inner / "link.bin"
    if not link.is_symlink():
        link.symlink_to("../outside/w.bin")
    yield "model/escape_link", constant_model(external("y", [1], location="link.bin"))
    (folder / "w.bin").write_bytes(b"\0" * 8)
    yield "external_missing", constant_model(external("y", [1], location="no.bin"))
    yield "external_short", constant_model(external("y", [4], location="w.bin"))
    yield "external_offset", constant_model(external("y", [1], location="w.bin", offset="one"))
    yield "newer_opset", model([relu()], opset=99)
    yield "no_opset_domain", model([node("Scaler", ["x"], ["y"], "scale", domain="ai.onnx.ml")])
    yield "op_of_later_opset", model([node("Gelu", ["x"], ["y"], "gelu")], opset=11)
    yield "ir", model([relu()], ir=99)
    yield "recursion", model([node("A", ["x"], ["y"], "call", domain="my")], domains=[("my", 1)], functions=[
        function("A", ["a"], ["b"], [node("B", ["a"], ["b"], "to_b", domain="my")]),
        function("B", ["a"], ["b"], [node("A", ["a"], ["b"], "to_a", domain="my")])])
    m = model([], [], [value("y")])
    m.graph.sparse_initializer.append(helper.make_sparse_tensor(array("y", [5]), array("i", [6], np.int64), [2, 3]))
    yield "sparse_index", m
    yield "untyped_input", model([relu()], [onnx.ValueInfoProto(name="x")])
    yield "subgraph_missing", model([node("If", ["c"], ["y"], "branch", then_branch=helper.make_graph(
        [relu("lost", "t", "inside")], "then", [], [value("t")]), else_branch=helper.make_graph(
            [relu("x", "e")], "else", [], [value("e")]))], [value("x"), value("c", TensorProto.BOOL, [])])


# --- tensors -----------------------------------------------------------------------------------


def tensors(folder):
    """Small ones of every element type, raw and typed, then large ones."""
    import ml_dtypes

    numbers = {
        "FLOAT": np.float32, "UINT8": np.uint8, "INT8": np.int8, "UINT16": np.uint16, "INT16": np.int16,
        "INT32": np.int32, "INT64": np.int64, "FLOAT16": np.float16, "DOUBLE": np.float64, "UINT32": np.uint32,
        "UINT64": np.uint64, "BFLOAT16": ml_dtypes.bfloat16, "FLOAT8E4M3FN": ml_dtypes.float8_e4m3fn,
        "FLOAT8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz, "FLOAT8E5M2": ml_dtypes.float8_e5m2,
        "FLOAT8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz, "UINT4": ml_dtypes.uint4, "INT4": ml_dtypes.int4,
        "FLOAT4E2M1": ml_dtypes.float4_e2m1fn, "UINT2": ml_dtypes.uint2, "INT2": ml_dtypes.int2,
        "COMPLEX64": np.complex64, "COMPLEX128": np.complex128, "BOOL": np.bool_,
    }
    for name, dtype in numbers.items():
        low = 0 if name.startswith(("U", "BOOL", "FLOAT8E8M0")) else -1
        values = np.array([1, low, 1], dtype=np.float32).astype(dtype)
        if name.startswith("COMPLEX"):
            values = (values + 2j).astype(dtype)
        yield name.lower() + "_raw", constant_model(named(numpy_helper.from_array(values), "y"))
        elem = TensorProto.DataType.Value(name)
        yield name.lower() + "_typed", constant_model(helper.make_tensor("y", elem, [3], values.tolist() if name not in (
            "BFLOAT16", "FLOAT4E2M1") and not name.startswith("FLOAT8") else values))
    yield "string", constant_model(helper.make_tensor("y", TensorProto.STRING, [2], ["one", "two \"2\""]))
    yield "scalar", constant_model(array("y", 3))
    yield "no_elements", constant_model(array("y", np.zeros((0, 4))))
    ramp = np.arange(65)
    yield "large_raw", constant_model(array("y", ramp))
    yield "large_typed", constant_model(typed("y", F, [65], ramp.tolist()))
    yield "large_int64", constant_model(typed("y", I64, [65], (-ramp).tolist()))
    yield "large_f16_typed", constant_model(typed("y", TensorProto.FLOAT16, [65], [0x3C00] * 65))
    yield "large_bool", constant_model(array("y", ramp % 2, np.bool_))
    yield "large_uint4", constant_model(named(numpy_helper.from_array((ramp % 16).astype(ml_dtypes.uint4)), "y"))


# --- upgrades ----------------------------------------------------------------------------------


def upgrades(folder):
    def op(opset, name, inputs=1, of=(2, 3, 4, 4), outputs=("y",), init=(), elem=F, extra=(), out=None, **attrs):
        names = ["x", "b", "c", "d", "e"][:inputs] if isinstance(inputs, int) else inputs
        known = {t.name for t in init}
        ins = [value(n, elem, of) for n in names if n and n not in known] + list(extra)
        return f"{name.lower()}_{opset}", model(
            [node(name, names, list(outputs), **attrs)], ins,
            [helper.make_tensor_value_info(o, out or elem, None) for o in outputs if o], init, opset=opset, ir=8)

    yield op(6, "Add", ["x", "b"], init=[array("b", [1, 2, 3])], broadcast=1, axis=1)
    yield op(7, "BatchNormalization", ["x", "s", "s", "s", "s"], init=[array("s", [1, 2, 3])])
    yield op(6, "BatchNormalization", ["x", "s", "s", "s", "s"], init=[array("s", [1, 2, 3])], is_test=1)
    yield op(5, "Cast", to="INT64", out=I64)
    yield op(6, "Clip", min=0.0, max=6.0)
    yield op(10, "Dropout", ratio=0.25)
    yield op(18, "GroupNormalization", ["x", "s", "s"], (1, 4, 2), init=[array("s", [1, 2])], num_groups=2)
    yield op(16, "GridSample", ["x", "b"], mode="bicubic")
    yield op(2, "Pad", pads=[0, 0, 1, 1, 0, 0, 1, 1], value=2.0)
    yield op(6, "PRelu", ["x", "b"], init=[array("b", [1, 2, 3])])
    yield op(11, "ReduceMean", axes=[2, 3], keepdims=0)
    yield op(11, "ReduceSum", axes=[-1])
    yield op(1, "Reshape", shape=[6, 16])
    yield op(10, "Resize", ["x", "b"], init=[array("b", [1, 1, 2, 2])])
    yield op(11, "Resize", ["x", "r", "b"], init=[array("b", [1, 1, 2, 2]), array("r", [])],
             coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor")
    yield op(10, "RoiAlign", ["x", "r", "i"], init=[array("r", [[0, 0, 1, 1]]), array("i", [0], np.int64)])
    body = helper.make_graph([node("Add", ["s", "v"], ["n"]), node("Identity", ["n"], ["o"])], "body",
                             [value("s", F, [2]), value("v", F, [2])], [value("n", F, [2]), value("o", F, [2])])
    yield op(8, "Scan", ["", "s0", "x"], (1, 3, 2), ("last", "all"), [array("s0", [[0, 0]])], body=body,
             num_scan_inputs=1)
    yield op(10, "Scatter", ["x", "i", "u"], (3,), init=[array("i", [1], np.int64), array("u", [5])])
    yield op(1, "Slice", starts=[0, 1], ends=[2, 3], axes=[0, 1])
    yield op(11, "Softmax", axis=1)
    yield op(12, "LogSoftmax", axis=3)
    yield op(2, "Split", axis=1, split=[1, 2], outputs=("y", "z"))
    yield op(13, "Split", axis=1, outputs=("y", "z", "w"))
    yield op(11, "Squeeze", of=(1, 3, 1), axes=[0])
    yield op(1, "TopK", k=2, outputs=("y", ""), axis=1)
    yield op(11, "Unsqueeze", axes=[0, 1])
    yield op(7, "Upsample", scales=[1.0, 1.0, 2.0, 2.0])
    yield op(9, "Upsample", ["x", "b"], init=[array("b", [1, 1, 2, 2])], mode="linear")
    yield op(17, "DFT", of=(1, 8, 1), axis=1)
    yield op(6, "Dropout", outputs=("y", "mask"))


def main():
    group, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, m in globals()[group](folder):
        (folder / (name + ".onnx")).write_bytes(m.SerializeToString())


if __name__ == "__main__":
    main()
