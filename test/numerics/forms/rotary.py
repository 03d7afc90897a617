"""Rotary embedding."""
import numpy as np

from .attention import join_heads, split_heads
from .graph import form


def rotate(g, x, cos, sin, size):
    last = 2 ** 63 - 1
    cut = lambda a, b: g.Slice(x, np.array([a]), np.array([b]), np.array([3]), np.array([1]))
    turned = g.Concat(g.Neg(cut(size // 2, last)), cut(0, size // 2), axis=-1)
    return g.Add(g.Mul(x, cos), g.Mul(turned, sin))


@form({"RotaryEmbedding": 2, "Concat": 0, "Neg": 0, "Slice": 0})
def rotary_llama(g):
    """Angles of the positions, twice; queries and keys."""
    q, k, angles = g.input(2, 3, 6, 8), g.input(2, 3, 6, 8), g.input(2, 6, 4)
    twice = g.Concat(angles, angles, axis=-1)
    cos, sin = (g.axes("Unsqueeze", f(twice), [1]) for f in (g.Cos, g.Sin))
    g.result(rotate(g, q, cos, sin, 8), rotate(g, k, cos, sin, 8))


@form({"RotaryEmbedding": 1, "Neg": 0, "Split": 0})
def rotary_table(g):
    """A table of the positions, cut when exporting; halves by Split."""
    x = g.input(1, 3, 6, 8)
    angles = np.outer(np.arange(6), 10000.0 ** (-np.arange(4) / 4))
    cos, sin = (np.concatenate([f(angles)] * 2, -1)[None, None].astype(np.float32) for f in (np.cos, np.sin))
    first, second = g.op("Split", x, np.array([4, 4]), outputs=2, axis=3)
    g.result(g.Add(g.Mul(g.Concat(g.Neg(second), first, axis=3), sin), g.Mul(x, cos)))


@form({"RotaryEmbedding": 2, "Attention": 1, "Neg": 0, "Transpose": 0, "Expand": 0})
def rotary_attention(g):
    """The rows of the projections stay rows: grouped attention of Llama."""
    x, angles = g.input(1, 6, 32), g.input(1, 6, 4)
    twice = g.Concat(angles, angles, axis=-1)
    cos, sin = (g.axes("Unsqueeze", f(twice), [1]) for f in (g.Cos, g.Sin))
    q = rotate(g, split_heads(g, g.MatMul(x, g.weight(32, 32)), 4, 8), cos, sin, 8)
    k, v = (split_heads(g, g.MatMul(x, g.weight(32, 16)), 2, 8) for _ in range(2))
    repeat = lambda t: g.Reshape(g.Expand(g.axes("Unsqueeze", t, [2]), np.array([1, 2, 2, 6, 8])), np.array([1, 4, 6, 8]))
    k, v = repeat(rotate(g, k, cos, sin, 8)), repeat(v)
    s = g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 8 ** -0.5)
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 32))


def every_second(g, x, start, stop=2 ** 63 - 1, axis=3):
    return g.Slice(x, np.array([start]), np.array([stop]), np.array([axis]), np.array([2]))


def stack(g, first, second, shape):
    """torch.stack(.., -1).flatten(-2)"""
    return g.Reshape(g.Concat(*(g.axes("Unsqueeze", t, [-1]) for t in (first, second)), axis=-1), np.array(shape))


def rotate_pairs(g, x, cos, sin, shape):
    turned = stack(g, g.Neg(every_second(g, x, 1)), every_second(g, x, 0), shape)
    return g.Add(g.Mul(x, cos), g.Mul(turned, sin))


@form({"RotaryEmbedding": 2, "Concat": 0, "Neg": 0, "Slice": 0})
def rotary_batch(g):
    """One table for a batch of dynamic size, made of positions."""
    q, k = (g.input(2, 3, 6, 8, dims=["n", 3, "s", 8]) for _ in range(2))
    angles = g.Mul(g.Cast(g.Reshape(g.Range(0, g.Gather(g.Shape(q), 2, axis=0), 1), np.array([1, -1, 1])), to=1),
                   (10000.0 ** (-np.arange(4) / 4)).astype(np.float32)[None, None])
    twice = g.Concat(angles, angles, axis=-1)
    cos, sin = (g.axes("Unsqueeze", f(twice), [1]) for f in (g.Cos, g.Sin))
    g.result(rotate(g, q, cos, sin, 8), rotate(g, k, cos, sin, 8))


@form({"RotaryEmbedding": 1, "Concat": 0, "Neg": 0, "Slice": 0, "Add": 0})
def rotary_roformer(g):
    """Neighbours are a pair; the table of halves gets each number twice by a stack."""
    x = g.input(2, 3, 6, 8, dims=["n", 3, "s", 8])
    table = g.Reshape(g.Gather(g.weight(16, 8, scale=1.0), g.Range(0, g.Gather(g.Shape(x), 2, axis=0), 1)), np.array([1, 1, -1, 8]))
    sin, cos = g.op("Split", table, np.array([4, 4]), outputs=2, axis=-1)
    sin, cos = (stack(g, t, t, [1, 1, -1, 8]) for t in (sin, cos))
    g.result(rotate_pairs(g, x, cos, sin, [0, 0, 0, 8]))


@form({"RotaryEmbedding": 1, "Neg": 0, "Concat": 0, "Slice": 0})
def rotary_gptj(g):
    """Heads behind their positions, and only the first half of each is turned."""
    x = g.Reshape(g.input(2, 6, 24, dims=["n", "s", 24]), np.array([0, 0, 3, 8]))
    cos, sin = (g.input(1, 6, 2, dims=[1, "s", 2]) for _ in range(2))
    double = lambda t: g.Reshape(g.Tile(g.Reshape(t, np.array([1, -1, 1, 2, 1])), np.array([1, 1, 1, 1, 2])), np.array([1, -1, 1, 4]))
    part = lambda a, b: g.Slice(x, np.array([a]), np.array([b]), np.array([3]), np.array([1]))
    turned = rotate_pairs(g, part(0, 4), double(cos), double(sin), [0, 0, 3, 4])
    g.result(g.Reshape(g.Concat(turned, part(4, 2 ** 63 - 1), axis=-1), np.array([0, 0, 24])))


@form({"RotaryEmbedding": 2, "Neg": 0, "Concat": 0})
def rotary_neox(g):
    """Queries, keys and values of a head side by side; a quarter of the head is turned."""
    x = g.Transpose(g.Reshape(g.input(2, 6, 72, dims=["n", "s", 72]), np.array([0, 0, 3, 24])), perm=[0, 2, 1, 3])
    angles = g.input(2, 6, 1, dims=["n", "s", 1])
    cos, sin = (g.axes("Unsqueeze", f(g.Concat(angles, angles, axis=-1)), [1]) for f in (g.Cos, g.Sin))
    for head in g.op("Split", x, np.array([8, 8, 8]), outputs=3, axis=3)[:2]:
        part = lambda a, b: g.Slice(head, np.array([a]), np.array([b]), np.array([3]), np.array([1]))
        g.result(g.Concat(rotate(g, part(0, 2), cos, sin, 2), part(2, 8), axis=-1))


@form({"RotaryEmbedding": 1, "Concat": 0, "Mul": 0, "Sub": 0})
def rotary_complex(g):
    """Products of complex numbers (LLaMA as it was published): pairs by a Reshape."""
    x, angles = g.input(2, 6, 3, 8), g.input(6, 4)
    pairs = g.Reshape(x, np.array([2, 6, 3, 4, 2]))
    a, b = (g.Gather(pairs, i, axis=-1) for i in range(2))
    c, s = (g.axes("Unsqueeze", f(angles), [0, 2]) for f in (g.Cos, g.Sin))
    real, imaginary = g.Sub(g.Mul(a, c), g.Mul(b, s)), g.Add(g.Mul(a, s), g.Mul(b, c))
    g.result(stack(g, real, imaginary, [2, 6, 3, 8]))


@form({"RotaryEmbedding": 1, "Sub": 0})
def rotary_halves(g):
    """The same of halves."""
    x, c, s = g.input(2, 3, 6, 8), g.input(6, 4), g.input(6, 4)
    a, b = g.op("Split", x, np.array([4, 4]), outputs=2, axis=-1)
    g.result(g.Concat(g.Sub(g.Mul(a, c), g.Mul(b, s)), g.Add(g.Mul(b, c), g.Mul(a, s)), axis=-1))


@form({"RotaryEmbedding": 0})
def no_pairs(g):
    """The difference stands where the sum should: another rotation."""
    x, c, s = g.input(2, 3, 6, 8), g.input(6, 4), g.input(6, 4)
    a, b = g.op("Split", x, np.array([4, 4]), outputs=2, axis=-1)
    g.result(g.Concat(g.Add(g.Mul(a, c), g.Mul(b, s)), g.Sub(g.Mul(b, c), g.Mul(a, s)), axis=-1))


@form({"RotaryEmbedding": 0})
def no_rotary(g):
    """Angles that are not the same in both halves."""
    x, angles = g.input(2, 3, 6, 8), g.input(2, 1, 6, 8)
    g.result(rotate(g, x, g.Cos(angles), g.Sin(angles), 8))
