"""Attention: from the scores to the joined heads, with the projections around it."""
import numpy as np

from .graph import form

ONE = {"Attention": 1, "Softmax": 0, "Transpose": 0}


def linear(g, x, size, out):
    return g.Add(g.MatMul(x, g.weight(size, out)), g.weight(out))


def split_heads(g, x, heads, size, seq=0, perm=(0, 2, 1, 3)):
    return g.Transpose(g.Reshape(x, np.array([0, seq, heads, size])), perm=list(perm))


def join_heads(g, y, wide, seq=0):
    return g.Reshape(g.Transpose(y, perm=[0, 2, 1, 3]), np.array([0, seq, wide]))


def bert(g, dims, mask, heads=2, size=8, seq=6, scale_after=True):
    x = g.input(2, seq, heads * size, dims=dims)
    m = mask(g)
    q, k, v = (linear(g, x, heads * size, heads * size) for _ in range(3))
    q, v = split_heads(g, q, heads, size), split_heads(g, v, heads, size)
    k = split_heads(g, k, heads, size, perm=(0, 2, 3, 1))
    if not scale_after:
        q = g.Mul(q, float(size) ** -0.5)
    s = g.MatMul(q, k)
    if scale_after:
        s = g.Div(s, float(size) ** 0.5)
    if m:
        s = g.Add(s, m)
    g.result(linear(g, join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), heads * size), heads * size, heads * size))


@form({**ONE, "Reshape": 0})
def attention_bert(g):
    bert(g, None, lambda g: g.Mul(g.Sub(1.0, g.Cast(g.input(2, 1, 1, 6, low=0, high=2, dtype=np.int64), to=1)), -10000.0))


@form({**ONE, "Reshape": 0})
def attention_bert_dynamic(g):
    bert(g, ["n", "s", 16], lambda g: g.input(2, 1, 1, 6, dims=["n", 1, 1, "s"]))


@form({**ONE, "Reshape": 0})
def attention_scale_on_queries(g):
    bert(g, None, lambda g: None, scale_after=False)


@form({**ONE, "Reshape": 0})
def attention_vit(g):
    """timm: one projection, heads by Reshape, Transpose and Gather."""
    x = g.input(2, 5, 24)
    qkv = g.Transpose(g.Reshape(linear(g, x, 24, 72), np.array([2, 5, 3, 3, 8])), perm=[2, 0, 3, 1, 4])
    q, k, v = (g.Gather(qkv, i, axis=0) for i in range(3))
    s = g.MatMul(g.Mul(q, 8 ** -0.5), g.Transpose(k, perm=[0, 1, 3, 2]))
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 24, 5))


@form({**ONE, "Reshape": 0, "Split": 1, "Squeeze": 0})
def attention_unbind(g):
    """The same by Split and Squeeze, the scale by its root on both sides as PyTorch's SDPA."""
    x = g.input(2, 5, 24)
    qkv = g.Transpose(g.Reshape(linear(g, x, 24, 72), np.array([2, 5, 3, 3, 8])), perm=[2, 0, 3, 1, 4])
    q, k, v = (g.axes("Squeeze", p, [0]) for p in g.op("Split", qkv, np.array([1, 1, 1]), outputs=3, axis=0))
    r = 8 ** -0.25
    s = g.MatMul(g.Mul(q, r), g.Mul(g.Transpose(k, perm=[0, 1, 3, 2]), r))
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 24, 5))


@form({**ONE, "Where": 0})
def attention_gpt2(g):
    """Three parts of one projection; a constant triangle hides with -10000."""
    x = g.input(2, 6, 16)
    q, k, v = g.op("Split", linear(g, x, 16, 48), np.array([16, 16, 16]), outputs=3, axis=2)
    q, v = split_heads(g, q, 2, 8), split_heads(g, v, 2, 8)
    s = g.Div(g.MatMul(q, split_heads(g, k, 2, 8, perm=(0, 2, 3, 1))), 8 ** 0.5)
    seen = g.value(np.tril(np.ones((1, 1, 6, 6), bool)))
    g.result(join_heads(g, g.MatMul(g.Softmax(g.Where(seen, s, -10000.0), axis=-1), v), 16))


@form({"Attention": 1, "Softmax": 0, "Where": 0})
def attention_past(g):
    """Keys and values of the tokens before; they are results too."""
    x, pk, pv = g.input(2, 1, 16), g.input(2, 2, 5, 8), g.input(2, 2, 5, 8)
    q, k, v = (split_heads(g, linear(g, x, 16, 16), 2, 8) for _ in range(3))
    k, v = g.Concat(pk, k, axis=2), g.Concat(pv, v, axis=2)
    s = g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 8 ** -0.5)
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 16), k, v)


def sizes_of(g, x, *dims):
    """As torch.onnx asks: Shape, then a Gather for each."""
    return [g.Gather(g.Shape(x), d, axis=0) for d in dims]


def rows_of_run(g, x, wide, out):
    """The Conv1D of GPT-2: a matrix of all rows, with sizes asked for at run time."""
    n, s = sizes_of(g, x, 0, 1)
    y = g.Gemm(g.Reshape(x, np.array([-1, wide])), g.weight(wide, out), g.weight(out))
    return g.Reshape(y, g.Concat(g.axes("Unsqueeze", n, [0]), g.axes("Unsqueeze", s, [0]), np.array([out]), axis=0))


@form({**ONE, "Where": 0, "Gemm": 0, "Reshape": 0, "Slice": 0, "Shape": 0})
def attention_gpt2_past(g):
    """Keys of the past turned, a mask cut from a table by the sizes of the run, all of them dynamic."""
    x = g.input(2, 3, 16, dims=["n", "s", 16])
    pk, pv = (g.input(2, 2, 5, 8, dims=["n", 2, "p", 8]) for _ in range(2))
    q, k, v = g.op("Split", rows_of_run(g, x, 16, 48), np.array([16, 16, 16]), outputs=3, axis=2)
    q, v = split_heads(g, q, 2, 8), split_heads(g, v, 2, 8)
    k = g.Concat(g.Transpose(pk, perm=[0, 1, 3, 2]), split_heads(g, k, 2, 8, perm=(0, 2, 3, 1)), axis=-1)
    v = g.Concat(pv, v, axis=-2)
    s = g.Div(g.MatMul(q, k), 8 ** 0.5)
    queries, keys = (g.axes("Unsqueeze", d, [0]) for d in sizes_of(g, s, 2, 3))
    seen = g.value(np.tril(np.ones((1, 1, 16, 16), bool)))
    seen = g.Slice(seen, g.Sub(keys, queries), keys, np.array([2]), np.array([1]))
    seen = g.Slice(seen, np.array([0]), keys, np.array([3]), np.array([1]))
    p = g.Softmax(g.Where(seen, s, -10000.0), axis=-1)
    g.result(rows_of_run(g, join_heads(g, g.MatMul(p, v), 16), 16, 16), g.Transpose(k, perm=[0, 1, 3, 2]), v)


def causal_positions(g, late):
    """Positions of queries and keys compared; the filler added."""
    q, k, v = (g.input(2, 2, 3, 8, dims=["n", 2, "s", 8]) for _ in range(3))
    pk, pv = (g.input(2, 2, 5, 8, dims=["n", 2, "p", 8]) for _ in range(2))
    k, v = g.Concat(pk, k, axis=2), g.Concat(pv, v, axis=2)
    [p], [s] = sizes_of(g, pk, 2), sizes_of(g, q, 2)
    rows, columns = g.Add(g.Range(0, s, 1), g.Add(p, late)), g.Range(0, g.Add(p, s), 1)
    seen = g.LessOrEqual(g.Reshape(columns, np.array([1, 1, 1, -1])), g.Reshape(rows, np.array([1, 1, -1, 1])))
    mask = g.Where(seen, 0.0, float(np.finfo(np.float32).min))
    scores = g.Add(g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 8 ** -0.5), mask)
    g.result(g.MatMul(g.Softmax(scores, axis=-1), v), k, v)


@form({"Attention": 1, "Softmax": 0, "Where": 0, "LessOrEqual": 0, "Transpose": 0, "Concat": 0})
def attention_causal_positions(g):
    causal_positions(g, 0)


@form({"Attention": 1, "Softmax": 0, "LessOrEqual": 1, "Concat": 0})
def attention_shifted_positions(g):
    """Each query sees one key less: the mask stays."""
    causal_positions(g, -1)


LEAST = float(np.finfo(np.float32).min)


@form({**ONE, "Add": 1})
def attention_two_masks(g):
    """T5: a bias of places and a mask of tokens, one after the other."""
    x, mask = g.input(2, 6, 16), g.input(2, 1, 1, 6, low=0, high=2, dtype=np.int64)
    q, k, v = (g.MatMul(x, g.weight(16, 16)) for _ in range(3))
    q, v, k = split_heads(g, q, 2, 8), split_heads(g, v, 2, 8), split_heads(g, k, 2, 8, perm=(0, 2, 3, 1))
    s = g.Add(g.MatMul(q, k), g.weight(1, 2, 6, 6))
    s = g.Add(s, g.Where(g.Cast(mask, to=9), 0.0, LEAST))
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 16))


@form({**ONE, "Add": 1, "Where": 1})
def attention_replaced_and_added(g):
    """GPT-Neo: scores replaced where a window ends, then a mask of tokens that may hide all that is left."""
    q, k, v = (g.input(2, 2, 6, 8) for _ in range(3))
    seen = g.value(np.tril(np.ones((1, 1, 6, 6), bool)) & ~np.tril(np.ones((1, 1, 6, 6), bool), -3))
    s = g.Where(seen, g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), LEAST)
    s = g.Add(s, g.Where(g.Cast(g.input(2, 1, 1, 6, low=0, high=2, dtype=np.int64), to=9), 0.0, LEAST))
    g.result(g.MatMul(g.Softmax(s, axis=-1), v))


@form({"Attention": 1, "Softmax": 0, "Transpose": 0})
def attention_one_key_head(g):
    """Falcon: queries, one key and one value in a row; the key is broadcast to all query heads."""
    x = g.Reshape(g.MatMul(g.input(2, 6, 16), g.weight(16, 48)), np.array([2, 6, 6, 8]))
    q = g.Slice(x, np.array([0]), np.array([4]), np.array([2]), np.array([1]))
    k, v = (g.Gather(x, np.array([i]), axis=2) for i in (4, 5))
    q, k, v = (g.Transpose(t, perm=[0, 2, 1, 3]) for t in (q, k, v))
    s = g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 8 ** -0.5)
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 32))


@form({**ONE, "RMSNormalization": 2})
def attention_normed_heads(g):
    """Qwen 3: each head of the queries and keys has a norm of its own."""
    x = g.input(2, 6, 32, dims=["n", "s", 32])
    heads = lambda: g.Reshape(g.MatMul(x, g.weight(32, 32)), np.array([0, 0, 4, 8]))
    norm = lambda t: g.Mul(g.Mul(t, g.Div(1.0, g.Sqrt(g.Add(g.mean(g.Pow(t, 2.0), -1), 1e-6)))), g.weight(8, mean=1.0))
    q, k, v = (g.Transpose(t, perm=[0, 2, 1, 3]) for t in (norm(heads()), norm(heads()), heads()))
    s = g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 8 ** -0.5)
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 32))


@form({**ONE, "Expand": 0})
def attention_grouped(g):
    """Llama: keys and values repeated for the query heads that share them."""
    x = g.input(1, 6, 32)
    q = split_heads(g, g.MatMul(x, g.weight(32, 32)), 4, 8)
    k, v = (split_heads(g, g.MatMul(x, g.weight(32, 16)), 2, 8) for _ in range(2))
    repeat = lambda t: g.Reshape(g.Expand(g.axes("Unsqueeze", t, [2]), np.array([1, 2, 2, 6, 8])), np.array([1, 4, 6, 8]))
    mask = np.triu(np.full((1, 1, 6, 6), np.finfo(np.float32).min, np.float32), 1)
    s = g.Add(g.Mul(g.MatMul(q, g.Transpose(repeat(k), perm=[0, 1, 3, 2])), 8 ** -0.5), mask)
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), repeat(v)), 32))


@form(ONE)
def attention_swin(g):
    """Windows as the batch, a learnt bias for each pair of places."""
    x = g.input(4, 9, 24)
    qkv = g.Transpose(g.Reshape(linear(g, x, 24, 72), np.array([4, 9, 3, 3, 8])), perm=[2, 0, 3, 1, 4])
    q, k, v = (g.Gather(qkv, i, axis=0) for i in range(3))
    s = g.Add(g.MatMul(g.Mul(q, 8 ** -0.5), g.Transpose(k, perm=[0, 1, 3, 2])), g.weight(1, 3, 9, 9))
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 24, 9))


@form({**ONE, "IsNaN": 0, "Where": 0})
def attention_cleared_rows(g):
    """A boolean mask that may hide all of a row, whose NaN becomes zero."""
    q, k, v = (g.input(2, 2, 5, 8) for _ in range(3))
    seen = np.ones((2, 1, 5, 5), bool)
    seen[0, 0, 2] = False
    s = g.Where(g.value(seen), g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 8 ** -0.5), float("-inf"))
    p = g.Softmax(s, axis=-1)
    g.result(g.MatMul(g.Where(g.IsNaN(p), 0.0, p), v))


@form({"Attention": 1, "Softmax": 0, "Tanh": 0})
def attention_softcap(g):
    """Gemma 2: scores between -50 and 50."""
    q, k, v = (g.input(1, 2, 5, 8, scale=4) for _ in range(3))
    s = g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 8 ** -0.5)
    s = g.Mul(g.Tanh(g.Div(s, 50.0)), 50.0)
    g.result(g.MatMul(g.Softmax(g.Add(s, g.weight(5, 5)), axis=-1), v))


@form({"Attention": 0, "Softmax": 3})
def no_attention(g):
    """Near misses: weights that are a result, a mask that widens, a finite filler that may hide a row."""
    q, k, v = (g.input(1, 2, 5, 8) for _ in range(3))
    s = g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2]))
    p = g.Softmax(s, axis=-1)
    wide = g.Softmax(g.Add(s, g.input(3, 1, 1, 5)), axis=-1)
    hidden = g.Softmax(g.Where(g.input(1, 1, 5, 5, dtype=np.bool_), s, -10000.0), axis=-1)
    g.result(g.MatMul(p, v), p, g.MatMul(wide, v), g.MatMul(hidden, v))


@form({"Attention": 1, "Softmax": 0, "Transpose": 0, "Split": 1, "Gather": 0, "Squeeze": 0})
def attention_torchvision(g):
    """nn.MultiheadAttention with one projection: the sequence first, a batch of one."""
    x = g.input(7, 1, 24)
    x = g.Reshape(linear(g, x, 24, 72), np.array([7, 1, 3, 24]))
    x = g.Transpose(g.axes("Unsqueeze", x, [0]), perm=[3, 1, 2, 0, 4])
    x = g.axes("Squeeze", x, [3])
    parts = (g.Gather(x, i, axis=0) for i in range(3))
    parts = (g.Transpose(g.Reshape(t, np.array([7, 3, 8])), perm=[1, 0, 2]) for t in parts)
    q, k, v = (g.Reshape(t, np.array([1, 3, 7, 8])) for t in parts)
    r = 8 ** -0.25
    s = g.MatMul(g.Mul(q, r), g.Mul(g.Transpose(k, perm=[0, 1, 3, 2]), r))
    y = g.Transpose(g.MatMul(g.Softmax(s, axis=-1), v), perm=[2, 0, 1, 3])
    g.result(linear(g, g.Reshape(y, np.array([7, 24])), 24, 24))


@form(ONE)
def attention_shifted_windows(g):
    """A shifted block of Swin: the windows that do not belong together hide from one another."""
    x = g.input(4, 9, 24)
    qkv = g.Transpose(g.Reshape(linear(g, x, 24, 72), np.array([4, 9, 3, 3, 8])), perm=[2, 0, 3, 1, 4])
    q, k, v = (g.Gather(qkv, i, axis=0) for i in range(3))
    s = g.Add(g.MatMul(g.Mul(q, 8 ** -0.5), g.Transpose(k, perm=[0, 1, 3, 2])), g.weight(1, 3, 9, 9))
    mask = np.where(g.random.random((1, 4, 1, 9, 9)) < 0.2, np.float32(-100), np.float32(0))
    s = g.Reshape(g.Add(g.Reshape(s, np.array([1, 4, 3, 9, 9])), mask), np.array([-1, 3, 9, 9]))
    g.result(join_heads(g, g.MatMul(g.Softmax(s, axis=-1), v), 24, 9))
