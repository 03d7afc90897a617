"""ConvTranspose between DequantizeLinear and QuantizeLinear against sums of integers, bit by bit: scales are powers of two.

turned.py FOLDER         writes FOLDER/N/net.onnx and data/ for each form
turned.py check FOLDER   no kernel of them multiplies and adds floats
turned.py net FOLDER     a float network with ConvTranspose, its samples and outputs
"""
import itertools
import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
from network import Network, check_integers
from onnx import TensorProto, helper, numpy_helper

# Channels, outputs of a group, groups, sizes, kernel, attributes; what is special about it.
FORMS = [
    (16, 24, 1, [9, 7], [4, 4], dict(strides=[2, 2], pads=[1, 1, 1, 1]), {}),
    (16, 24, 1, [9, 7], [3, 3], dict(strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]), {}),
    (8, 16, 1, [6, 5], [2, 2], dict(strides=[2, 2]), {}),
    (8, 16, 1, [6, 5], [2, 3], dict(strides=[2, 3]), dict(signed=True)),
    (12, 5, 4, [6, 5], [3, 4], dict(strides=[3, 2], pads=[0, 2, 1, 1], output_padding=[1, 0]), {}),
    (16, 1, 16, [7, 6], [4, 4], dict(strides=[2, 2], pads=[1, 1, 1, 1]), {}),
    (8, 16, 1, [6, 5], [5, 3], dict(strides=[1, 1], pads=[1, 0, 3, 2]), {}),
    (8, 16, 1, [6, 7], [3, 3], dict(strides=[2, 2], dilations=[2, 3], pads=[3, 1, 0, 4]), {}),
    (8, 16, 1, [6, 5], [3, 3], dict(strides=[1, 2], dilations=[2, 1], pads=[4, 4, 4, 1]), {}),
    (8, 16, 1, [6, 5], [2, 2], dict(strides=[3, 3], pads=[1, 0, 0, 0], output_padding=[2, 1]), {}),
    (8, 16, 1, [6, 5], [3, 3], dict(strides=[2, 2], auto_pad="SAME_UPPER"), {}),
    (8, 16, 1, [6, 5], [3, 3], dict(strides=[2, 2], auto_pad="SAME_LOWER"), {}),
    (8, 16, 1, [6, 5], [3, 3], dict(strides=[2, 2], output_shape=[14, 9]), {}),
    (8, 16, 1, [11], [5], dict(strides=[2], pads=[2, 1]), dict(unsigned_weights=True)),
    (4, 6, 2, [4, 3, 5], [3, 2, 3], dict(strides=[2, 1, 2], pads=[1, 0, 1, 0, 1, 1]), {}),
    (8, 16, 1, [6, 5], [4, 4], dict(strides=[2, 2], pads=[1, 1, 1, 1]), dict(relu=True)),
    (8, 16, 1, [6, 5], [4, 4], dict(strides=[2, 2], pads=[1, 1, 1, 1]), dict(real=True)),
    (8, 16, 1, [6, 5], [4, 4], dict(strides=[2, 2], pads=[1, 1, 1, 1]), dict(open=True)),
    (8, 16, 1, [6, 5], [2, 2], dict(strides=[2, 2]), dict(open=True)),
]


def geometry(sizes, kernel, attributes):
    """(first, count) of the outputs of each axis, counted from the first that the window could reach."""
    spans = []
    for d, (size, k) in enumerate(zip(sizes, kernel)):
        stride, dilation = attributes["strides"][d], attributes.get("dilations", [1] * len(sizes))[d]
        extent, extra = (k - 1) * dilation + 1, attributes.get("output_padding", [0] * len(sizes))[d]
        full = (size - 1) * stride + extent + extra
        pads = attributes.get("pads", [0] * 2 * len(sizes))
        first, count = pads[d], full - pads[d] - pads[len(sizes) + d]
        if "output_shape" in attributes or "auto_pad" in attributes:
            count = attributes["output_shape"][d] if "output_shape" in attributes else size * stride
            spare = max(full - count, 0)
            first = spare // 2 if attributes.get("auto_pad") == "SAME_UPPER" else spare - spare // 2
        spans.append((first, count))
    return spans


def sums(x, w, groups, attributes):
    """ConvTranspose of integers [1, C, size...] and [C, M, k...], element by element of the window."""
    sizes, kernel = x.shape[2:], w.shape[2:]
    per = w.shape[1]
    spans = geometry(sizes, kernel, attributes)
    dilations = attributes.get("dilations", [1] * len(sizes))
    y = np.zeros((1, per * groups, *(count for _, count in spans)), np.int64)
    inputs = x.shape[1] // groups
    for k in itertools.product(*map(range, kernel)):
        part = np.concatenate([np.einsum("nc...,cm->nm...", x[:, g * inputs:(g + 1) * inputs], w[(slice(g * inputs, (g + 1) * inputs), slice(None), *k)])
                               for g in range(groups)], axis=1)
        for at in np.ndindex(*sizes):
            to = tuple(a * s + i * d - first for a, s, i, d, (first, _) in zip(at, attributes["strides"], k, dilations, spans))
            if all(0 <= t < count for t, (_, count) in zip(to, spans)):
                y[(0, slice(None), *to)] += part[(0, slice(None), *at)]
    return y


def form(folder, channels, per, groups, sizes, kernel, attributes, special):
    rng = np.random.default_rng(7)
    signed, unsigned_weights = special.get("signed"), special.get("unsigned_weights")
    x = rng.integers(*((-128, 128) if signed else (0, 256)), (1, channels, *sizes)).astype(np.int8 if signed else np.uint8)
    w = rng.integers(-128, 128, (channels, per, *kernel))
    bias = rng.integers(-20000, 20000, per * groups).astype(np.int32)
    zero, middle = (-7 if signed else 119), (128 if unsigned_weights else 0)
    scales = 2.0 ** rng.integers(-9, -6, per)
    step = np.float32(2.0**-4)
    total = sums(x.astype(np.int64) - zero, w, groups, attributes) + bias.reshape(1, -1, *[1] * len(sizes))
    real = total * (step * np.tile(scales, groups)).reshape(1, -1, *[1] * len(sizes))
    if special.get("relu"):
        real = np.maximum(real, 0)
    # Sums that fill the bytes of the result, with halves to round.
    out_step = 2.0 ** np.ceil(np.log2(np.abs(real).max() / 100))
    out_zero = 3 if signed else 121
    expected = np.clip(np.rint(real / out_step) + out_zero, *((-128, 127) if signed else (0, 255))).astype(x.dtype)
    constants, nodes = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(op, inputs, out, **attrs):
        nodes.append(helper.make_node(op, inputs, [out], name=out, **attrs))
        return out

    xs, xz = constant("xs", step), constant("xz", x.dtype.type(zero))
    row = node("DequantizeLinear", ["x", xs, xz], "xd")
    ws = constant("ws", scales.astype(np.float32))
    wz = constant("wz", np.full(per, middle, np.uint8 if unsigned_weights else np.int8))
    wd = node("DequantizeLinear", [constant("w", (w + middle).astype(np.uint8 if unsigned_weights else np.int8)), ws, wz], "wd", axis=1)
    bd = node("DequantizeLinear", [constant("b", bias), constant("bs", np.tile((step * scales).astype(np.float32), groups))], "bd", axis=0)
    y = node("ConvTranspose", [row, wd, bd], "turned", group=groups, **attributes)
    if special.get("relu"):
        y = node("Relu", [y], "relu")
    y_type = TensorProto.FLOAT
    if special.get("real"):
        expected = real.astype(np.float32)
    else:
        y = node("QuantizeLinear", [y, constant("ys", np.float32(out_step)), constant("yz", x.dtype.type(out_zero))], "y")
        y_type = TensorProto.INT8 if signed else TensorProto.UINT8
    shape = [1, channels, *(["h", "w"] if special.get("open") else sizes)]
    graph = helper.make_graph(nodes, "turned", [helper.make_tensor_value_info("x", TensorProto.INT8 if signed else TensorProto.UINT8, shape)],
                              [helper.make_tensor_value_info(y, y_type, None if special.get("open") else expected.shape)], constants)
    (folder / "data").mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9), folder / "net.onnx")
    np.save(folder / "data/input_0.npy", x)
    np.save(folder / "data/output_0.npy", expected)


def net(folder):
    """Down by strides, up by ConvTranspose, with what stands between."""
    net, side = Network(21), 24
    a = net.node("Relu", [net.conv("x", 3, 16, "stem")], "a")
    b = net.node("Relu", [net.conv(a, 16, 32, "down", strides=[2, 2])], "b")
    c = net.node("Relu", [net.conv(b, 32, 32, "deep", strides=[2, 2])], "c")

    def up(x, cin, cout, name, kernel, **attributes):
        w = net.normal(name + ".w", (cin, cout, kernel, kernel), 1 / np.sqrt(cin * kernel))
        return net.node("ConvTranspose", [x, w, net.normal(name + ".b", cout, 0.1)], name, strides=[2, 2], **attributes)

    d = net.node("Add", [b, net.node("Relu", [up(c, 32, 32, "up0", 4, pads=[1] * 4)], "d0")], "d")
    e = net.node("Concat", [a, net.node("LeakyRelu", [up(d, 32, 16, "up1", 2)], "e0", alpha=0.1)], "e", axis=1)
    y = net.conv(e, 32, 8, "last")
    shape = [1, 3, side, side]
    net.save(folder, [("x", shape)], [(y, [1, 8, side, side])], [[net.rng.normal(0, 1, shape).astype(np.float32)] for _ in range(9)])


def check(folder):
    for i, (*_, special) in enumerate(FORMS):
        text = subprocess.run(["lathe", str(folder / str(i) / "net.onnx"), "--emit=kernel", "--cpu=znver4", "-o", "-"], check=True,
                              capture_output=True, text=True).stdout
        sums = [part for part in text.split("linalg.generic")[1:] if '"reduction"' in part.split("ins(")[0]]
        assert sums and not any("arith.mulf" in part.split("linalg.yield")[0] for part in sums), (i, text)
        # Between bytes nothing is stored in floats, be it for a moment.
        calls = re.findall(r"kernel\.call.*", text)
        assert special.get("real") or special.get("open") or not any("xf32>" in call.split("->")[-1] for call in calls), (i, text)


if sys.argv[1] == "check":
    check(pathlib.Path(sys.argv[2]))
elif sys.argv[1] == "net":
    net(pathlib.Path(sys.argv[2]))
elif sys.argv[1] == "integers":
    check_integers(sys.argv[2], least=5)
else:
    for i, f in enumerate(FORMS):
        form(pathlib.Path(sys.argv[1]) / str(i), *f)
