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


@form({"RotaryEmbedding": 0})
def no_rotary(g):
    """Angles that are not the same in both halves."""
    x, angles = g.input(2, 3, 6, 8), g.input(2, 1, 6, 8)
    g.result(rotate(g, x, g.Cos(angles), g.Sin(angles), 8))
