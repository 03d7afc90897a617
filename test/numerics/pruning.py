#!/usr/bin/env python3
"""Pruned channels: the smaller network computes what the old one does with zeros in their place.

    test/numerics/pruning.py [--filter=attention] [--fraction=0.3]
    test/numerics/pruning.py MODEL.onnx ...     files instead of the forms below

Every form is a small network for one rule of compress-prune-channels. Its layers must have the channels
left that its row names (None: only compared). Compiled with --prune-channels it must compute what it
does when the rows of weights that go are zero instead (keep-shapes), which must not be what it computed
before. Ends with 'N passed, N failed'.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))
from harness.library import Library  # noqa: E402
from forms import Graph  # noqa: E402
from forms.attention import join_heads, linear, split_heads  # noqa: E402

FORMS = []
LAYERS = {"Conv": 1, "ConvTranspose": 1, "Gemm": -1, "MatMul": -1}


def form(*left, reason=None):
    """`left`: channels of the results of the layers, in order. `reason`: what is said of layers that keep all."""

    def register(build):
        FORMS.append((build.__name__, build, list(left), reason))
        return build

    return register


def conv(g, x, cin, cout, kernel=3, group=1, **more):
    return g.Conv(x, g.weight(cout, cin // group, kernel, kernel), g.weight(cout), group=group,
                  pads=[kernel // 2] * 4, **more)


def image(g, channels=3, size=6):
    return g.input(1, channels, size, size)


# --- convolutions ---
@form(7, 5)
def chain(g):
    g.result(conv(g, g.Sigmoid(conv(g, image(g), 3, 10)), 10, 5))


@form(7, 7, 7, 4)
def residual(g):
    a = g.Relu(conv(g, image(g), 3, 10))
    g.result(conv(g, g.Add(conv(g, g.Relu(conv(g, a, 10, 10)), 10, 10), a), 10, 4))


@form(7, 7, 4)
def depthwise(g):
    g.result(conv(g, conv(g, g.Relu(conv(g, image(g), 3, 10)), 10, 10, group=10), 10, 4))


@form(7, 14, 4)
def depthwise_multiplied(g):
    g.result(conv(g, g.Relu(conv(g, g.Relu(conv(g, image(g), 3, 10)), 10, 20, group=10)), 20, 4))


@form(24, 24, 4)
def groups_whole(g):
    """ResNeXt: many groups, each with few channels."""
    g.result(conv(g, g.Relu(conv(g, g.Relu(conv(g, image(g), 3, 32)), 32, 32, group=8)), 32, 4))


@form(12, 18, 4)
def groups_aligned(g):
    """Few groups of many channels each."""
    g.result(conv(g, g.Relu(conv(g, g.Relu(conv(g, image(g), 3, 16)), 16, 24, group=2)), 24, 4))


@form(12, 4)
def groups_of_input(g):
    """The input of the model stays; so do the groups."""
    g.result(conv(g, g.Relu(conv(g, image(g, 8), 8, 16, group=4)), 16, 4))


@form(7, 9, 4)
def transposed(g):
    x = g.Relu(conv(g, image(g), 3, 10))
    x = g.ConvTranspose(x, g.weight(10, 12, 2, 2), g.weight(12), strides=[2, 2])
    g.result(conv(g, g.Relu(x), 12, 4))


@form(6, 9, 4)
def transposed_groups_whole(g):
    x = g.Relu(conv(g, image(g), 3, 8))
    x = g.ConvTranspose(x, g.weight(8, 3, 2, 2), g.weight(12), strides=[2, 2], group=4)
    g.result(conv(g, g.Relu(x), 12, 4))


@form(12, 10, 4)
def transposed_groups_aligned(g):
    x = g.Relu(conv(g, image(g), 3, 16))
    x = g.ConvTranspose(x, g.weight(16, 7, 2, 2), g.weight(14), strides=[2, 2], group=2)
    g.result(conv(g, g.Relu(x), 14, 4))


# --- between layers ---
@form(7, 4)
def parameters(g):
    x = conv(g, image(g), 3, 10)
    x = g.PRelu(g.Sigmoid(x), g.weight(10, 1, 1))
    x = g.Where(g.Greater(g.weight(1, 10, 1, 1), 0.0), x, g.Neg(x))
    x = g.Pad(g.Div(x, g.weight(10, 1, 1, mean=3.0)), np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    g.result(conv(g, g.MaxPool(x, kernel_shape=[2, 2], strides=[2, 2]), 10, 4))


@form(7, 4)
def resized(g):
    x = g.Relu(conv(g, image(g), 3, 10))
    x = g.Resize(x, "", "", np.array([1, 10, 12, 12]), mode="nearest")
    g.result(conv(g, x, 10, 4))


@form(7, 5, 7, 5)
def squeeze_excite(g):
    a = g.Relu(conv(g, image(g), 3, 10))
    s = g.Relu(conv(g, g.GlobalAveragePool(a), 10, 6, kernel=1))
    g.result(conv(g, g.Mul(a, g.Sigmoid(conv(g, s, 6, 10, kernel=1))), 10, 5))


@form(7, 5, 7, 5)
def squeeze_excite_dense(g):
    """Keras: means as rows, dense layers, and back."""
    a = g.Relu(conv(g, image(g), 3, 10))
    s = g.Relu(linear(g, g.Reshape(g.mean(a, 2, 3), np.array([1, 10])), 10, 6))
    s = g.Reshape(g.Sigmoid(linear(g, s, 6, 10)), np.array([1, 10, 1, 1]))
    g.result(conv(g, g.Mul(a, s), 10, 5))


@form(12, 5, 4)
def group_norm(g):
    """Whole groups go: two of eight."""
    x = conv(g, image(g), 3, 16)
    x = g.Reshape(x, np.array([1, 8, -1]))
    x = g.Reshape(g.InstanceNormalization(x, np.ones(8, np.float32), np.zeros(8, np.float32)), np.array([1, 16, 6, 6]))
    x = g.Add(g.Mul(x, g.weight(16, 1, 1)), g.weight(16, 1, 1))
    g.result(conv(g, g.Relu(conv(g, x, 16, 7)), 7, 4))


@form(10, 4, reason="normalises over them")
def layer_norm_over_channels(g):
    x = g.Transpose(conv(g, image(g), 3, 10), perm=[0, 2, 3, 1])
    x = g.LayerNormalization(x, g.weight(10), g.weight(10))
    g.result(conv(g, g.Transpose(x, perm=[0, 3, 1, 2]), 10, 4))


@form(7, 4)
def layer_norm_over_places(g):
    x = g.LayerNormalization(conv(g, image(g), 3, 10), g.weight(6, 6), g.weight(6, 6), axis=2)
    g.result(conv(g, x, 10, 4))


@form(7, 4)
def softmax_over_places(g):
    x = g.Softmax(g.Reshape(conv(g, image(g), 3, 10), np.array([1, 10, 36])), axis=-1)
    g.result(conv(g, g.Reshape(x, np.array([1, 10, 6, 6])), 10, 4))


@form(10, 4, reason="compares them with each other")
def softmax_over_channels(g):
    g.result(conv(g, g.Softmax(conv(g, image(g), 3, 10), axis=1), 10, 4))


# --- movement ---
@form(7, 5, 4)
def concatenated(g):
    a = g.Relu(conv(g, image(g), 3, 10))
    b = g.Relu(conv(g, a, 10, 6))
    g.result(conv(g, g.Concat(b, g.weight(1, 2, 6, 6), a, axis=1), 18, 4))


@form(14, 4, 5)
def parts(g):
    a, b, c = g.op("Split", conv(g, image(g), 3, 20), np.array([6, 6, 8]), outputs=3, axis=1)
    g.result(conv(g, g.Mul(g.Sigmoid(a), b), 6, 4), conv(g, g.Relu(c), 8, 5))


@form(14, 4, 5)
def slices(g):
    x = conv(g, image(g), 3, 20)
    cut = lambda a, b: g.Slice(x, np.array([a]), np.array([b]), np.array([1]))
    g.result(conv(g, g.Sigmoid(cut(0, 9)), 9, 4), conv(g, g.Relu(cut(-14, 1000)), 14, 5))


@form(7, 4)
def chosen(g):
    x = g.Gather(g.Relu(conv(g, image(g), 3, 10)), np.array([9, 1, 1, 8, -7, 5, 2, 0]), axis=1)
    g.result(conv(g, x, 8, 4))


@form(7, 7, 4)
def flattened(g):
    x = g.Flatten(g.Relu(conv(g, image(g), 3, 10)), axis=1)
    g.result(g.Gemm(g.Relu(g.Gemm(x, g.weight(360, 10))), g.weight(4, 10), transB=1))


def channel_shuffle(g, x, groups, channels, size):
    x = g.Reshape(x, np.array([1, groups, channels // groups, size, size]))
    return g.Reshape(g.Transpose(x, perm=[0, 2, 1, 3, 4]), np.array([1, channels, size, size]))


@form(14, 14, 4)
def shuffled(g):
    """ShuffleNet: groups, then their channels in turn."""
    x = g.Relu(conv(g, image(g), 3, 20))
    g.result(conv(g, g.Relu(conv(g, channel_shuffle(g, x, 2, 20, 6), 20, 20)), 20, 4))


@form(14, 7, 7, 7, 7, 4)
def shuffled_halves(g):
    """ShuffleNet v2: half of the channels goes on, the other half through layers."""
    x = image(g)
    x, y = g.Relu(conv(g, x, 3, 10)), g.Relu(conv(g, x, 3, 10))
    for _ in range(2):
        x, y = g.op("Split", channel_shuffle(g, g.Concat(x, y, axis=1), 2, 20, 6), np.array([10, 10]), outputs=2, axis=1)
        y = g.Relu(conv(g, conv(g, y, 10, 10, group=10), 10, 10, kernel=1))
    g.result(conv(g, g.Concat(x, y, axis=1), 20, 4))


@form(10, 4, reason="is an op without a rule")
def no_rule(g):
    g.result(conv(g, g.LRN(conv(g, image(g), 3, 10), size=3), 10, 4))


# --- transformers ---
@form(23, 12)
def hidden_units(g):
    x = g.input(1, 5, 12)
    g.result(linear(g, g.Relu(linear(g, x, 12, 32)), 32, 12))


def attention(g, x, heads, keys, size, wide, mask=None):
    q, k, v = (split_heads(g, linear(g, x, wide, n * size), n, size) for n in (heads, keys, keys))
    if keys != heads:
        repeat = lambda t: g.Reshape(g.Expand(g.axes("Unsqueeze", t, [2]), np.array([1, keys, heads // keys, 5, size])),
                                     np.array([1, heads, 5, size]))
        k, v = repeat(k), repeat(v)
    s = g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), float(size) ** -0.5)
    if mask is not None:
        s = g.Add(s, mask)
    return g.MatMul(g.Softmax(s, axis=-1), v)


@form(72, 12)
def heads(g):
    x = g.input(1, 5, 12)
    g.result(linear(g, join_heads(g, attention(g, x, 8, 8, 4, 12), 32), 32, 12))


@form(72, 12)
def heads_with_masks(g):
    """A bias for each head, which goes with it."""
    x = g.input(1, 5, 12)
    g.result(linear(g, join_heads(g, attention(g, x, 8, 8, 4, 12, g.weight(1, 8, 5, 5)), 32), 32, 12))


@form(48, 12)
def heads_grouped(g):
    """Two query heads share keys and values: 3 of 4 groups stay."""
    x = g.input(1, 5, 12)
    g.result(linear(g, join_heads(g, attention(g, x, 8, 4, 4, 12), 32), 32, 12))


@form(72, 12)
def heads_of_one_projection(g):
    x = g.input(1, 5, 12)
    q, k, v = (split_heads(g, t, 8, 4) for t in g.op("Split", linear(g, x, 12, 96), np.array([32, 32, 32]), outputs=3, axis=2))
    s = g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 0.5)
    g.result(linear(g, join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 32), 32, 12))


@form(72, None, None, 12, 4)
def heads_written_out(g):
    """Weights that something else reads, so that no op Attention stands for them."""
    x = g.input(1, 5, 12)
    q, k, v = (split_heads(g, linear(g, x, 12, 32), 8, 4) for _ in range(3))
    p = g.Softmax(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), axis=-1)
    most = g.axes("ReduceMax", p, [2, 3], keepdims=0)
    g.result(linear(g, join_heads(g, g.MatMul(p, v), 32), 32, 12), linear(g, most, 8, 4))


@form(14, None, 4)
def non_local(g):
    """Places compared by all channels: the same ones of both."""
    x = image(g)
    a, b = (g.Reshape(conv(g, x, 3, 10), np.array([1, 10, 36])) for _ in range(2))
    s = g.Softmax(g.MatMul(g.Transpose(a, perm=[0, 2, 1]), b), axis=-1)
    g.result(g.MatMul(s, g.weight(36, 4)))


@form(7, None, 4)
def places_mixed(g):
    """MLP-Mixer: a dense layer over places, each channel by itself."""
    x = g.Reshape(g.Relu(conv(g, image(g), 3, 10)), np.array([1, 10, 36]))
    x = g.Transpose(g.Relu(g.MatMul(x, g.weight(36, 8))), perm=[0, 2, 1])
    g.result(g.MatMul(x, g.weight(10, 4)))


# ---
def widths(text):
    """Channels that the layers of a module make, in order."""
    found = []
    for op, types in re.findall(r"onnx\.(\w+)\(.*-> \(?tensor<([\dx?]+)x", text):
        if op in LAYERS:
            found.append(int(types.split("x")[LAYERS[op]]))
    return found


def opt(path, passes, out, *more):
    done = subprocess.run([ROOT / "build/bin/lathe-opt", path, "--lathe-graph", f"--compress-prune-channels={passes}", *more,
                           "-o", out], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"lathe-opt ended with {done.returncode}")
    return done.stderr


def compare(path, feeds, fraction, folder):
    zeroed = folder / "zeroed.mlirbc"
    opt(path, f"fraction={fraction} keep-shapes=true", zeroed, "--emit-bytecode")
    runs = [Library(*args).run(feeds) for args in
            ((path, []), (zeroed, []), (path, [f"--prune-channels={fraction}"]))]
    changed = False
    for whole, want, have in zip(*runs):
        if have.shape != want.shape:
            return f"shape {have.shape} instead of {want.shape}"
        scale = max(np.abs(whole).max(initial=0), np.abs(want).max(initial=0), 1e-3)
        if not np.abs(have - want).max(initial=0) <= 1e-5 * scale:
            return f"off by {np.abs(have - want).max():.3g} of {scale:.3g}"
        changed |= np.abs(whole - want).max(initial=0) > 1e-3 * scale
    return None if changed else "same"


def check(name, build, left, reason, fraction, folder):
    import onnx

    g = Graph(17)
    build(g)
    path = folder / f"{name}.onnx"
    onnx.save(g.model(), path)
    said = opt(path, f"fraction={fraction} remarks=true", folder / "pruned.mlir")
    have = widths((folder / "pruned.mlir").read_text())
    if len(have) != len(left) or any(w is not None and w != h for w, h in zip(left, have)):
        return f"layers of {have} channels instead of {left}: {said.strip()}"
    if reason and reason not in said:
        return f"not said: '{reason}', but '{said.strip()}'"
    why = compare(path, list(g.feeds.values()), fraction, folder)
    if reason:
        return None if why == "same" else why or "it changed"
    return "nothing changed" if why == "same" else why


def check_file(path, fraction, folder):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    feeds = []
    for i in session.get_inputs():
        shape = [d if isinstance(d, int) else 1 for d in i.shape]
        feeds.append(random.integers(0, 2, shape) if "int" in i.type else random.standard_normal(shape).astype(np.float32))
    why = compare(path, feeds, fraction, folder)
    if why == "same":
        print(f"{path.stem}: no channel goes")
        return None
    return why


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--filter", default="", help="only forms whose name matches")
    parser.add_argument("--fraction", type=float, default=0.3, help="part of the channels (the forms' rows are for 0.3)")
    parser.add_argument("--keep", help="leave the models there")
    args = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(args.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        todo = [(f.stem, lambda f=f: check_file(f, args.fraction, folder)) for f in args.files]
        if not todo:
            todo = [(n, lambda r=(n, *rest): check(*r, args.fraction, folder)) for n, *rest in FORMS if re.search(args.filter, n)]
        for name, run in todo:
            try:
                why = run()
            except RuntimeError as error:
                why = str(error)
            passed, failed = passed + (why is None), failed + (why is not None)
            if why:
                print(f"{name}: {why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
