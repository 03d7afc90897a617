"""Whole transformers with heads of 64 and seeded weights, their samples and outputs.

transformers.py bert FOLDER      token ids with a padding mask: two layers of 256, a classifier of each token
transformers.py vit FOLDER       patches of an image by a convolution, a class token: two layers of 256, a classifier
transformers.py decoder FOLDER   a prompt behind a past: key heads shared by two query heads, causal, a window, a boolean mask
transformers.py check FOLDER     the kernels of the quantized network: no float contraction is left
"""
import pathlib
import sys

import numpy as np
from network import Network, check_integers
from onnx import TensorProto

what, folder = sys.argv[1], pathlib.Path(sys.argv[2])
WIDTH, HEADS, SIZE = 256, 4, 64


def norm(net, x, name):
    scale = net.constant(name + ".g", net.rng.uniform(0.8, 1.2, WIDTH).astype(np.float32))
    return net.node("LayerNormalization", [x, scale, net.normal(name + ".b", WIDTH, 0.05)], name, axis=-1, epsilon=1e-5)


def gelu(net, x, name):
    half = net.node("Erf", [net.node("Div", [x, net.constant(name + ".c", np.float32(2**0.5))], name + ".d")], name + ".e")
    one = net.node("Add", [half, net.constant(name + ".1", np.float32(1))], name + ".a")
    return net.node("Mul", [net.node("Mul", [x, one], name + ".m"), net.constant(name + ".h", np.float32(0.5))], name)


def attend(net, x, name, mask=None):
    """As exporters write it: heads by Reshape and Transpose, two MatMuls around a Softmax."""
    split, join = name + ".split", name + ".join"
    net.constant(split, np.array([0, 0, HEADS, SIZE], np.int64))
    net.constant(join, np.array([0, 0, WIDTH], np.int64))
    q, k, v = (net.node("Transpose", [net.node("Reshape", [net.dense(x, WIDTH, WIDTH, f"{name}.{n}"), split], f"{name}.{n}r")],
                        f"{name}.{n}h", perm=[0, 2, 3, 1] if n == "k" else [0, 2, 1, 3]) for n in "qkv")
    scores = net.node("Div", [net.node("MatMul", [q, k], name + ".qk"), net.constant(name + ".s", np.float32(SIZE**0.5))], name + ".d")
    if mask:
        scores = net.node("Add", [scores, mask], name + ".masked")
    seen = net.node("MatMul", [net.node("Softmax", [scores], name + ".p", axis=-1), v], name + ".pv")
    seen = net.node("Reshape", [net.node("Transpose", [seen], name + ".t", perm=[0, 2, 1, 3]), join], name + ".j")
    return net.dense(seen, WIDTH, WIDTH, name + ".o")


def feed_forward(net, x, name):
    return net.dense(gelu(net, net.dense(x, WIDTH, 4 * WIDTH, name + ".1"), name + ".g"), 4 * WIDTH, WIDTH, name + ".2")


def bert():
    net, tokens = Network(11), 48
    ids = net.node("Gather", [net.normal("words", (100, WIDTH), 1), "ids"], "words.x", axis=0)
    x = norm(net, net.node("Add", [ids, net.normal("places", (1, tokens, WIDTH), 0.5)], "embedded"), "n0")
    hidden = net.node("Sub", [net.constant("one", np.float32(1)), net.node("Cast", ["mask"], "mask.f", to=TensorProto.FLOAT)], "hidden")
    mask = net.node("Unsqueeze", [net.node("Mul", [hidden, net.constant("far", np.float32(-10000))], "pushed"),
                                  net.constant("axes", np.array([1, 2], np.int64))], "bias")
    for i in range(2):
        x = norm(net, net.node("Add", [x, attend(net, x, f"l{i}.a", mask)], f"l{i}.r"), f"l{i}.n")
        x = norm(net, net.node("Add", [x, feed_forward(net, x, f"l{i}.f")], f"l{i}.s"), f"l{i}.m")
    y = net.dense(x, WIDTH, 16, "head")
    feeds = []
    for _ in range(9):
        seen = np.zeros((1, tokens), np.int64)
        seen[:, : net.rng.integers(tokens // 2, tokens + 1)] = 1
        feeds.append([net.rng.integers(0, 100, (1, tokens)), seen])
    net.save(folder, [("ids", [1, tokens], TensorProto.INT64), ("mask", [1, tokens], TensorProto.INT64)], [(y, [1, tokens, 16])], feeds)


def vit():
    net, side, patch = Network(12), 96, 16
    tokens = (side // patch) ** 2
    x = net.conv("image", 3, WIDTH, "patches", kernel=patch, pads=[0] * 4, strides=[patch, patch])
    x = net.node("Reshape", [x, net.constant("flat", np.array([0, WIDTH, tokens], np.int64))], "rows")
    x = net.node("Transpose", [x], "rows.t", perm=[0, 2, 1])
    x = net.node("Concat", [net.normal("class", (1, 1, WIDTH), 1), x], "tokens", axis=1)
    x = net.node("Add", [x, net.normal("places", (1, tokens + 1, WIDTH), 0.5)], "embedded")
    for i in range(2):
        x = net.node("Add", [x, attend(net, norm(net, x, f"l{i}.n"), f"l{i}.a")], f"l{i}.r")
        x = net.node("Add", [x, feed_forward(net, norm(net, x, f"l{i}.m"), f"l{i}.f")], f"l{i}.s")
    # The mean of all tokens: of the class token alone, one query of the last layer would be left, which floats are faster for.
    mean = net.node("ReduceMean", [norm(net, x, "last")], "pooled", axes=[1], keepdims=0)
    net.node("Gemm", [mean, net.normal("head.w", (40, WIDTH), WIDTH**-0.5), net.normal("head.b", 40, 0.1)], "y", transB=1)
    shape = [1, 3, side, side]
    net.save(folder, [("image", shape)], [("y", [1, 40])], [[net.rng.normal(0, 1, shape).astype(np.float32)] for _ in range(9)])


def decoder():
    net, tokens, past, shared = Network(13), 40, 24, HEADS // 2
    cache = [1, shared, past, SIZE]
    x = "x"
    for i, (name, window) in enumerate([("global", -1), ("local", 16)]):
        row = norm(net, x, name + ".n")
        q = net.dense(row, WIDTH, WIDTH, name + ".q")
        k, v = (net.dense(row, WIDTH, shared * SIZE, f"{name}.{n}") for n in "kv")
        y = net.node("Attention", [q, k, v, "visible", f"keys{i}", f"values{i}"], name, [f"k{i}", f"v{i}"], q_num_heads=HEADS,
                     kv_num_heads=shared, is_causal=1, **({"left_window_size": window} if window >= 0 else {}))
        x = net.node("Add", [x, net.dense(y, WIDTH, WIDTH, name + ".o")], name + ".r")
        x = net.node("Add", [x, feed_forward(net, norm(net, x, name + ".m"), name + ".f")], name + ".s")
    feeds = []
    for _ in range(9):
        visible = np.ones((tokens, past + tokens), bool)
        visible[:, : net.rng.integers(0, past // 2)] = False
        feeds.append([net.rng.normal(0, 1, (1, tokens, WIDTH)).astype(np.float32), visible]
                     + [net.rng.normal(0, 1, cache).astype(np.float32) for _ in range(4)])
    caches = [(f"{n}{i}", cache) for i in range(2) for n in ("keys", "values")]
    whole = [1, shared, past + tokens, SIZE]
    net.save(folder, [("x", [1, tokens, WIDTH]), ("visible", [tokens, past + tokens], TensorProto.BOOL), *caches],
             [(x, [1, tokens, WIDTH]), *((f"{n}{i}", whole) for i in range(2) for n in "kv")], feeds, opset=28)


{"bert": bert, "vit": vit, "decoder": decoder, "check": lambda: check_integers(folder, least=10)}[what]()
