#!/usr/bin/env python3
"""Writes a model of more than 2 GB: two initializers, most of whose data is a hole.

    huge.py <model.onnx>
"""

import sys

import onnx
from onnx import TensorProto, helper

GIGA = 1 << 30


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, length):
    """The tag and length of a length-delimited field."""
    return varint(number << 3 | 2) + varint(length)


def main():
    size = 3 * GIGA // 2
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    nodes = [helper.make_node("Gemm", ["x", "a"], ["m"], "first"), helper.make_node("Mul", ["m", "b"], ["y"], "second")]
    graph = helper.make_graph(nodes, "huge", inputs, outputs).SerializeToString()
    tensors = []
    for name in "ab":
        t = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1, size // 4]).SerializeToString()
        head = t + field(9, size)
        tensors.append(field(5, len(head) + size) + head)
    model = helper.make_model(helper.make_graph([], "", [], []), opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    model.ClearField("graph")
    whole = len(graph) + sum(len(t) + size for t in tensors)
    with open(sys.argv[1], "wb") as f:
        f.write(model.SerializeToString() + field(7, whole) + graph)
        for t in tensors:
            f.write(t)
            f.seek(size - 4, 1)
            f.write(b"\x00\x00\x80\x3f")


if __name__ == "__main__":
    main()
