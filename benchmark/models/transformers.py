"""Transformers, convnext, and the networks without convolutions.

Every linear layer, norm and activation is in the form that PyTorch's exporter writes at
opset 14: LayerNorm and Gelu in their parts, attention as products, reshapes and
transposes, shapes computed where the exporter had dynamic axes.
"""
import numpy as np

from builder import RELU, Graph


def convnext_tiny(keep_norms=False):
    g = Graph("convnext_tiny")

    def norm_2d(x, channels):
        x = g.layer_norm(g.transpose(x, 0, 2, 3, 1), channels, 1e-6)
        return g.transpose(x, 0, 3, 1, 2)

    x = norm_2d(g.conv(g.input("input", [1, 3, 224, 224]), 3, 96, 4, 4, pad=0, gain=1), 96)
    cin = 96
    for stage, (width, blocks) in enumerate([(96, 3), (192, 3), (384, 9), (768, 3)]):
        if stage:
            with g.scope(f"downsample{stage}"):
                x, cin = g.conv(norm_2d(x, cin), cin, width, 2, 2, pad=0, gain=1), width
        for block in range(blocks):
            with g.scope(f"stage{stage}"), g.scope(f"block.{block}"):
                y = g.conv(x, width, width, 7, groups=width, gain=1)
                y = g.layer_norm(g.transpose(y, 0, 2, 3, 1), width, 1e-6)
                y = g.gelu(g.linear(y, width, 4 * width, gain=RELU))
                y = g.transpose(g.linear(y, 4 * width, width), 0, 3, 1, 2)
                scale = g.weight(np.full((width, 1, 1), 0.3, "float32"), "layer_scale")
                x = g.node("Add", g.node("Mul", scale, y), x)
    x = norm_2d(g.node("GlobalAveragePool", x), 768)
    g.output(g.gemm(g.node("Flatten", x, axis=1), 768, 1000), "output", [1, 1000])
    return g


def vit_b_16(keep_norms=False):
    g = Graph("vit_b_16")
    tokens, width, heads, size = 197, 768, 12, 64
    x = g.conv(g.input("input", [1, 3, 224, 224]), 3, width, 16, 16, pad=0, gain=1)
    x = g.transpose(g.reshape(x, 1, width, 196), 0, 2, 1)
    token = g.node("Expand", g.weight(g.normal((1, 1, width), 0.5), "class_token"), g.constant([1, 1, 1]))
    x = g.node("Concat", token, x, axis=1)
    x = g.node("Add", x, g.weight(g.normal((1, tokens, width), 0.2), "pos_embedding"))

    def attention(x):
        """nn.MultiheadAttention: the sequence first, one projection for the three."""
        x = g.transpose(x, 1, 0, 2)
        x = g.reshape(g.linear(x, width, 3 * width), tokens, 1, 3, width)
        x = g.transpose(g.node("Unsqueeze", x, g.constant([0])), 3, 1, 2, 0, 4)
        x = g.node("Squeeze", x, g.constant([3]))
        q, k, v = (g.node("Gather", x, g.constant(i), axis=0) for i in range(3))
        q, k, v = (g.transpose(g.reshape(t, tokens, heads, size), 1, 0, 2) for t in (q, k, v))
        q, k, v = (g.reshape(t, 1, heads, tokens, size) for t in (q, k, v))
        scale = size ** -0.25
        k = g.node("Mul", g.transpose(k, 0, 1, 3, 2), g.constant(scale))
        scores = g.node("Softmax", g.node("MatMul", g.node("Mul", q, g.constant(scale)), k), axis=-1)
        y = g.transpose(g.node("MatMul", scores, v), 2, 0, 1, 3)
        y = g.gemm(g.reshape(y, tokens, width), width, width)
        return g.transpose(g.reshape(y, tokens, 1, width), 1, 0, 2)

    for layer in range(12):
        with g.scope("encoder"), g.scope(f"layers.{layer}"):
            x = g.node("Add", attention(g.layer_norm(x, width, 1e-6)), x)
            y = g.gelu(g.linear(g.layer_norm(x, width, 1e-6), width, 3072, gain=RELU))
            x = g.node("Add", x, g.linear(y, 3072, width))
    x = g.node("Gather", g.layer_norm(x, width, 1e-6), g.constant(0), axis=1)
    g.output(g.gemm(x, width, 1000), "output", [1, 1000])
    return g


def swin_t(keep_norms=False):
    g = Graph("swin_t")
    window = 7

    def roll(x, shift):
        """torch.roll of both sides: two slices and a Concat each."""
        for axis in (1, 2):
            x = g.node("Concat", g.slice(x, axis, shift, 2 ** 63 - 1), g.slice(x, axis, 0, shift), axis=axis)
        return x

    def windows(x, side, width):
        n = side // window
        x = g.transpose(g.reshape(x, 1, n, window, n, window, width), 0, 1, 3, 2, 4, 5)
        return g.reshape(x, n * n, window * window, width)

    def position_bias(heads):
        """A gather of constants by constants, which the exporter leaves in the graph."""
        at = np.stack(np.meshgrid(np.arange(window), np.arange(window), indexing="ij")).reshape(2, -1)
        apart = at[:, :, None] - at[:, None, :] + window - 1
        index = (apart[0] * (2 * window - 1) + apart[1]).reshape(-1)
        table = g.weight(g.normal(((2 * window - 1) ** 2, heads), 0.2), "relative_position_bias_table")
        bias = g.node("Gather", table, g.weight(index.astype("int64"), "relative_position_index"), axis=0)
        bias = g.transpose(g.reshape(bias, window ** 2, window ** 2, -1), 2, 0, 1)
        return g.node("Unsqueeze", bias, g.constant([0]))

    def shift_mask(side):
        """Which windows' parts do not belong together: computed from nothing but the size."""
        n, number = side // window, 0
        x = g.node("ConstantOfShape", g.constant([side, side]))
        cuts = [(0, side - window), (side - window, side - window // 2), (side - window // 2, side)]
        for top, bottom in cuts:
            for left, right in cuts:
                rows, columns = np.meshgrid(np.arange(top, bottom), np.arange(left, right), indexing="ij")
                where = np.stack([rows, columns], -1).astype("int64")
                value = g.node("Expand", g.constant(float(number)), g.constant(list(where.shape[:2])))
                x = g.node("ScatterND", x, g.constant(where), value)
                number += 1
        x = g.reshape(g.transpose(g.reshape(x, n, window, n, window), 0, 2, 1, 3), n * n, window * window)
        x = g.node("Sub", g.node("Unsqueeze", x, g.constant([1])), g.node("Unsqueeze", x, g.constant([2])))
        x = g.node("Where", g.node("Equal", x, g.constant(0.0)), g.constant(0.0), g.constant(-100.0))
        return g.node("Unsqueeze", g.node("Unsqueeze", x, g.constant([1])), g.constant([0]))

    def attention(x, side, width, heads, shift):
        count, area = (side // window) ** 2, window * window
        if shift:
            x = roll(x, shift)
        x = windows(x, side, width)
        qkv = g.reshape(g.linear(x, width, 3 * width), count, area, 3, heads, width // heads)
        qkv = g.transpose(qkv, 2, 0, 3, 1, 4)
        q, k, v = (g.node("Gather", qkv, g.constant(i), axis=0) for i in range(3))
        q = g.node("Mul", q, g.constant((width / heads) ** -0.5))
        scores = g.node("Add", g.node("MatMul", q, g.transpose(k, 0, 1, 3, 2)), position_bias(heads))
        if shift:
            scores = g.node("Add", g.reshape(scores, 1, count, heads, area, area), shift_mask(side))
            scores = g.reshape(scores, -1, heads, area, area)
        y = g.transpose(g.node("MatMul", g.node("Softmax", scores, axis=-1), v), 0, 2, 1, 3)
        y = g.linear(g.reshape(y, count, area, width), width, width)
        n = side // window
        y = g.transpose(g.reshape(y, 1, n, n, window, window, width), 0, 1, 3, 2, 4, 5)
        y = g.reshape(y, 1, side, side, width)
        return roll(y, -shift) if shift else y

    x = g.conv(g.input("input", [1, 3, 224, 224]), 3, 96, 4, 4, pad=0, gain=1)
    x = g.layer_norm(g.transpose(x, 0, 2, 3, 1), 96)
    side = 56
    for stage, (width, blocks, heads) in enumerate([(96, 2, 3), (192, 2, 6), (384, 6, 12), (768, 2, 24)]):
        if stage:
            with g.scope(f"merge{stage}"):
                parts = [g.slice(g.slice(x, 1, i, 2 ** 63 - 1, 2), 2, j, 2 ** 63 - 1, 2)
                         for i, j in [(0, 0), (1, 0), (0, 1), (1, 1)]]
                x = g.layer_norm(g.node("Concat", *parts, axis=-1), 2 * width)
                x = g.linear(x, 2 * width, width, bias=False)
                side //= 2
        for block in range(blocks):
            with g.scope(f"features.{2 * stage + 1}"), g.scope(f"block.{block}"):
                shift = window // 2 if block % 2 and side > window else 0
                x = g.node("Add", x, attention(g.layer_norm(x, width), side, width, heads, shift))
                y = g.gelu(g.linear(g.layer_norm(x, width), width, 4 * width, gain=RELU))
                x = g.node("Add", x, g.linear(y, 4 * width, width))
    x = g.transpose(g.layer_norm(x, 768), 0, 3, 1, 2)
    x = g.node("Flatten", g.node("GlobalAveragePool", x), axis=1)
    g.output(g.gemm(x, 768, 1000), "output", [1, 1000])
    return g


def bert_base(keep_norms=False):
    """BERT-base on 128 tokens, exported with dynamic axes: sizes are computed in the graph."""
    g = Graph("bert_base")
    tokens, width, heads = 128, 768, 12
    ids, mask, types = (g.input(n, [1, tokens], "int64") for n in ("input_ids", "attention_mask", "token_type_ids"))
    with g.scope("embeddings"):
        x = g.node("Gather", g.weight(g.normal((30522, width), 0.5), "word_embeddings"), ids)
        x = g.node("Add", x, g.node("Gather", g.weight(g.normal((2, width), 0.2), "token_type_embeddings"), types))
        every = g.weight(np.arange(512, dtype="int64")[None], "position_ids")
        positions = g.node("Slice", every, g.constant([0]), g.size(ids, 1), g.constant([1]), g.constant([1]))
        x = g.node("Add", x, g.node("Gather", g.weight(g.normal((512, width), 0.2), "position_embeddings"), positions))
        x = g.layer_norm(x, width, 1e-12)
    mask = g.node("Unsqueeze", g.node("Unsqueeze", mask, g.constant([1])), g.constant([2]))
    mask = g.node("Sub", g.constant(1.0), g.node("Cast", mask, to=1))
    mask = g.node("Mul", mask, g.constant(float(np.finfo("float32").min)))

    def attention(x):
        q, k, v = (g.linear(x, width, width) for _ in range(3))
        q, k, v = (g.transpose(g.reshape_like(t, "0", "1", heads, 64), 0, 2, *order)
                   for t, order in ((q, (1, 3)), (k, (3, 1)), (v, (1, 3))))
        scores = g.node("Div", g.node("MatMul", q, k), g.constant(8.0))
        scores = g.node("Softmax", g.node("Add", scores, mask), axis=-1)
        y = g.transpose(g.node("MatMul", scores, v), 0, 2, 1, 3)
        return g.reshape_like(y, "0", "1", width)

    for layer in range(12):
        with g.scope("encoder"), g.scope(f"layer.{layer}"):
            x = g.layer_norm(g.node("Add", g.linear(attention(x), width, width), x), width, 1e-12)
            y = g.linear(g.gelu(g.linear(x, width, 3072, gain=RELU)), 3072, width)
            x = g.layer_norm(g.node("Add", y, x), width, 1e-12)
    pooled = g.node("Tanh", g.gemm(g.node("Gather", x, g.constant(0), axis=1), width, width))
    g.output(x, "last_hidden_state", [1, tokens, width])
    g.output(pooled, "pooler_output", [1, width])
    return g


def gpt2(keep_norms=False):
    """GPT-2 small on 64 tokens, with its head; sizes are computed in the graph."""
    g = Graph("gpt2")
    tokens, width, heads = 64, 768, 12
    ids = g.input("input_ids", [1, tokens], "int64")
    embedding = g.normal((50257, width), 0.3)
    x = g.node("Gather", g.weight(embedding, "wte"), ids)
    every = g.node("Range", g.constant(0), g.node("Squeeze", g.size(ids, 1), g.constant([0])), g.constant(1))
    positions = g.node("Gather", g.weight(g.normal((1024, width), 0.1), "wpe"),
                       g.node("Unsqueeze", every, g.constant([0])))
    x = g.node("Add", x, positions)

    def conv1d(x, cin, cout, gain=1.0):
        """addmm on a matrix, the size restored behind it."""
        weight = g.weight(g.normal((cin, cout), gain / cin ** 0.5))
        y = g.node("Gemm", g.reshape(x, -1, cin), weight, g.weight(g.normal(cout, 0.02), "bias"), alpha=1.0, beta=1.0)
        sizes = g.node("Concat", g.size(x, 0), g.size(x, 1), g.constant([cout]), axis=0)
        return g.node("Reshape", y, sizes)

    def attention(x):
        q, k, v = g.node("Split", conv1d(x, width, 3 * width), g.constant([width] * 3), outputs=3, axis=2)
        q, k, v = (g.transpose(g.reshape_like(t, "0", "1", heads, 64), 0, 2, *order)
                   for t, order in ((q, (1, 3)), (k, (3, 1)), (v, (1, 3))))
        scores = g.node("Div", g.node("MatMul", q, k), g.constant(8.0))
        causal = g.weight(np.tril(np.ones((1, 1, 1024, 1024), "bool")), "bias")
        for axis in (2, 3):
            causal = g.node("Slice", causal, g.constant([0]), g.size(scores, axis), g.constant([axis]), g.constant([1]))
        scores = g.node("Where", causal, scores, g.constant(float(np.finfo("float32").min)))
        y = g.transpose(g.node("MatMul", g.node("Softmax", scores, axis=-1), v), 0, 2, 1, 3)
        return conv1d(g.reshape_like(y, "0", "1", width), width, width)

    for layer in range(12):
        with g.scope("transformer"), g.scope(f"h.{layer}"):
            x = g.node("Add", attention(g.layer_norm(x, width)), x)
            y = g.gelu_tanh(conv1d(g.layer_norm(x, width), width, 3072, RELU))
            x = g.node("Add", x, conv1d(y, 3072, width))
    x = g.layer_norm(x, width)
    # The embedding again, transposed when it was exported.
    g.output(g.node("MatMul", x, g.weight(embedding.T, "lm_head")), "logits", [1, tokens, 50257])
    return g


def lstm(keep_norms=False):
    """Two layers of 512 over 50 steps of 256 features, the batch first."""
    g = Graph("lstm")
    x, size, hidden = g.transpose(g.input("input", [1, 50, 256]), 1, 0, 2), 256, 512
    for layer in range(2):
        with g.scope(f"layer{layer}"):
            state = [g.weight(np.zeros((1, 1, hidden), "float32"), f"initial_{n}") for n in "hc"]
            y, h, c = g.node("LSTM", x, g.weight(g.normal((1, 4 * hidden, size), size ** -0.5), "W"),
                             g.weight(g.normal((1, 4 * hidden, hidden), hidden ** -0.5), "R"),
                             g.weight(g.normal((1, 8 * hidden), 0.05), "B"), "", *state, outputs=3,
                             hidden_size=hidden)
            x, size = g.node("Squeeze", y, g.constant([1])), hidden
    g.output(g.transpose(x, 1, 0, 2), "output", [1, 50, hidden])
    return g


def mlp(keep_norms=False):
    g = Graph("mlp")
    x = g.node("Relu", g.gemm(g.input("input", [1, 784]), 784, 512, RELU))
    x = g.node("Relu", g.gemm(x, 512, 256, RELU))
    g.output(g.gemm(x, 256, 10), "output", [1, 10])
    return g


NETWORKS = [convnext_tiny, vit_b_16, swin_t, bert_base, gpt2, lstm, mlp]
