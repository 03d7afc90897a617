"""LSTM and GRU, cell by cell and unrolled over time."""
import numpy as np

from .graph import form

BATCH, SIZE, HIDDEN = 2, 6, 8


class Weights:
    """Shared by all steps."""

    def __init__(self, g, gates, size=SIZE):
        self.wx, self.wh = g.weight(gates * HIDDEN, size), g.weight(gates * HIDDEN, HIDDEN)
        self.bx, self.bh = g.weight(gates * HIDDEN), g.weight(gates * HIDDEN)


def split(g, x, parts):
    return g.op("Split", x, np.full(parts, HIDDEN), outputs=parts, axis=1)


def lstm_torch(g, w, x, h, c):
    """LSTMCell of PyTorch: i f g o."""
    i, f, n, o = split(g, g.Add(g.Gemm(h, w.wh, w.bh, transB=1), g.Gemm(x, w.wx, w.bx, transB=1)), 4)
    c = g.Add(g.Mul(g.Sigmoid(f), c), g.Mul(g.Sigmoid(i), g.Tanh(n)))
    return g.Mul(g.Sigmoid(o), g.Tanh(c)), c


def gru_torch(g, w, x, h):
    """GRUCell of PyTorch: r z n, the reset gate behind the product."""
    xr, xz, xn = split(g, g.Gemm(x, w.wx, w.bx, transB=1), 3)
    hr, hz, hn = split(g, g.Gemm(h, w.wh, w.bh, transB=1), 3)
    r, z = g.Sigmoid(g.Add(hr, xr)), g.Sigmoid(g.Add(hz, xz))
    n = g.Tanh(g.Add(xn, g.Mul(hn, r)))
    return g.Add(g.Mul(g.Sub(h, n), z), n)


def zeros(size=HIDDEN):
    return np.zeros((BATCH, size), np.float32)


def steps_by_gather(g, x, count, axis=1):
    return [g.Gather(x, np.int64(t), axis=axis) for t in range(count)]


def stack(g, states, axis):
    lifted = [g.Unsqueeze(h, np.array([axis])) for h in states]
    return g.Concat(*lifted, axis=axis)


@form({"LSTM": 1, "Gemm": 0, "Sigmoid": 0})
def lstm_cell_torch(g):
    w = Weights(g, 4)
    g.result(*lstm_torch(g, w, g.input(BATCH, SIZE), g.input(BATCH, HIDDEN), g.input(BATCH, HIDDEN)))


@form({"LSTM": 1, "Gemm": 0})
def lstm_cell_dynamic(g):
    w = Weights(g, 4)
    g.result(*lstm_torch(g, w, g.input(BATCH, SIZE, dims=["n", SIZE]), g.input(BATCH, HIDDEN, dims=["n", HIDDEN]),
                         g.input(BATCH, HIDDEN, dims=["n", HIDDEN])))


@form({"GRU": 1, "Gemm": 0, "Sigmoid": 0})
def gru_cell_torch(g):
    w = Weights(g, 3)
    g.result(gru_torch(g, w, g.input(BATCH, SIZE), g.input(BATCH, HIDDEN)))


@form({"LSTM": 1, "Gemm": 0, "Gather": 0, "Concat": 0})
def lstm_unrolled_torch(g):
    """The first step's products with zeros are constants by the time that cells are looked for."""
    w, x = Weights(g, 4), g.input(BATCH, 5, SIZE)
    h, c, all_h = zeros(), zeros(), []
    for xt in steps_by_gather(g, x, 5):
        h, c = lstm_torch(g, w, xt, h, c)
        all_h.append(h)
    g.result(stack(g, all_h, 1), c)


@form({"LSTM": 1, "Gemm": 0, "Gather": 0})
def lstm_unrolled_last_state(g):
    w, x = Weights(g, 4), g.input(BATCH, 3, SIZE)
    h, c = g.input(BATCH, HIDDEN), g.input(BATCH, HIDDEN)
    for xt in steps_by_gather(g, x, 3):
        h, c = lstm_torch(g, w, xt, h, c)
    g.result(h, c)


@form({"LSTM": 1, "Gemm": 0, "Split": 0})
def lstm_unrolled_backwards(g):
    """From the last step to the first, as in one half of a bidirectional layer."""
    w, x = Weights(g, 4), g.input(4, BATCH, SIZE)
    h, c, all_h = zeros(), zeros(), []
    for xt in reversed(g.op("Split", x, np.ones(4, np.int64), outputs=4, axis=0)):
        h, c = lstm_torch(g, w, g.Squeeze(xt, np.array([0])), h, c)
        all_h.insert(0, h)
    g.result(stack(g, all_h, 0))


@form({"LSTM": 2, "Gemm": 0, "Gather": 0})
def lstm_unrolled_layers(g):
    first, second, x = Weights(g, 4), Weights(g, 4, HIDDEN), g.input(BATCH, 4, SIZE)
    h1, c1, h2, c2, all_h = zeros(), zeros(), zeros(), zeros(), []
    for xt in steps_by_gather(g, x, 4):
        h1, c1 = lstm_torch(g, first, xt, h1, c1)
        h2, c2 = lstm_torch(g, second, h1, h2, c2)
        all_h.append(h2)
    g.result(stack(g, all_h, 1))


@form({"GRU": 1, "Gemm": 0})
def gru_unrolled_torch(g):
    w, x = Weights(g, 3), g.input(BATCH, 4, SIZE)
    h, all_h = zeros(), []
    for xt in steps_by_gather(g, x, 4):
        h = gru_torch(g, w, xt, h)
        all_h.append(h)
    g.result(stack(g, all_h, 1), h)


@form({"LSTM": 1, "MatMul": 0, "Gemm": 0})
def lstm_unrolled_keras(g):
    """Gates i f c o, products by MatMul, steps by unstacking, states stacked and transposed."""
    k, r, b = g.weight(SIZE, 4 * HIDDEN), g.weight(HIDDEN, 4 * HIDDEN), g.weight(4 * HIDDEN)
    x = g.Transpose(g.input(BATCH, 4, SIZE), perm=[1, 0, 2])
    h, c, all_h = zeros(), zeros(), []
    for xt in g.op("Split", x, np.ones(4, np.int64), outputs=4, axis=0):
        z = g.Add(g.Add(g.MatMul(g.Squeeze(xt, np.array([0])), k), g.MatMul(h, r)), b)
        i, f, n, o = split(g, z, 4)
        c = g.Add(g.Mul(g.Sigmoid(f), c), g.Mul(g.Sigmoid(i), g.Tanh(n)))
        h = g.Mul(g.Sigmoid(o), g.Tanh(c))
        all_h.append(h)
    g.result(g.Transpose(stack(g, all_h, 0), perm=[1, 0, 2]))


def gru_keras(g, k, r, b, x, h, reset_after):
    xz, xr, xn = split(g, g.Add(g.MatMul(x, k), b), 3)
    part = lambda v, n, m: g.Slice(v, np.array([0, n * HIDDEN]), np.array([2 ** 31 - 1, m * HIDDEN]),  # noqa: E731
                                   np.array([0, 1]))
    if reset_after:
        inner = g.Add(g.MatMul(h, r), b)
        rec = lambda n: part(inner, n, n + 1)  # noqa: E731
    else:
        inner = g.MatMul(h, part(r, 0, 2))
        rec = lambda n: part(inner, n, n + 1)  # noqa: E731
    z, reset = g.Sigmoid(g.Add(xz, rec(0))), g.Sigmoid(g.Add(xr, rec(1)))
    new = g.Mul(reset, rec(2)) if reset_after else g.MatMul(g.Mul(reset, h), part(r, 2, 3))
    n = g.Tanh(g.Add(xn, new))
    return g.Add(g.Mul(z, h), g.Mul(g.Sub(1.0, z), n))


@form({"GRU": 1, "MatMul": 0, "Gemm": 0})
def gru_unrolled_keras(g):
    k, r, b = g.weight(SIZE, 3 * HIDDEN), g.weight(HIDDEN, 3 * HIDDEN), g.weight(3 * HIDDEN)
    h = zeros()
    for xt in steps_by_gather(g, g.input(BATCH, 4, SIZE), 4):
        h = gru_keras(g, k, r, b, xt, h, True)
    g.result(h)


@form({"GRU": 1, "MatMul": 0, "Gemm": 0})
def gru_unrolled_keras_reset_before(g):
    """reset_after=False: the reset gate acts on the state, before the product."""
    k, r, b = g.weight(SIZE, 3 * HIDDEN), g.weight(HIDDEN, 3 * HIDDEN), g.weight(3 * HIDDEN)
    h, all_h = g.input(BATCH, HIDDEN), []
    for xt in steps_by_gather(g, g.input(BATCH, 4, SIZE), 4):
        h = gru_keras(g, k, r, b, xt, h, False)
        all_h.append(h)
    g.result(stack(g, all_h, 1))


@form({"GRU": 1, "MatMul": 0})
def gru_mixed_the_other_way(g):
    """h' = (1 - z) h + z n, as in the paper of 2014: the gate's weights change sign."""
    k, r, b = g.weight(SIZE, 3 * HIDDEN), g.weight(HIDDEN, 3 * HIDDEN), g.weight(3 * HIDDEN)
    h = g.input(BATCH, HIDDEN)
    for xt in steps_by_gather(g, g.input(BATCH, 3, SIZE), 3):
        xz, xr, xn = split(g, g.Add(g.MatMul(xt, k), b), 3)
        hz, hr, hn = split(g, g.MatMul(h, r), 3)
        z, n = g.Sigmoid(g.Add(xz, hz)), g.Tanh(g.Add(xn, g.Mul(g.Sigmoid(g.Add(xr, hr)), hn)))
        h = g.Add(g.Mul(g.Sub(1.0, z), h), g.Mul(z, n))
    g.result(h)


@form({"LSTM": 1, "Gemm": 0})
def lstm_concatenated(g):
    """Input and state side by side, one product; gates by slices."""
    w, b = g.weight(4 * HIDDEN, SIZE + HIDDEN), g.weight(4 * HIDDEN)
    h, c, all_h = zeros(), zeros(), []
    for xt in steps_by_gather(g, g.input(BATCH, 3, SIZE), 3):
        z = g.Gemm(g.Concat(xt, h, axis=1), w, b, transB=1)
        i, f, n, o = [g.Slice(z, np.array([k * HIDDEN]), np.array([(k + 1) * HIDDEN]), np.array([1])) for k in range(4)]
        c = g.Add(g.Mul(g.Sigmoid(i), g.Tanh(n)), g.Mul(c, g.Sigmoid(f)))
        h = g.Mul(g.Tanh(c), g.Sigmoid(o))
        all_h.append(h)
    g.result(stack(g, all_h, 1))


@form({"LSTM": 1, "Gemm": 0, "MatMul": 0})
def lstm_layer_per_gate(g):
    wx, wh, b = [[g.weight(*s) for _ in range(4)] for s in [(HIDDEN, SIZE), (HIDDEN, HIDDEN), (HIDDEN,)]]
    h, c = g.input(BATCH, HIDDEN), g.input(BATCH, HIDDEN)
    for xt in steps_by_gather(g, g.input(BATCH, 3, SIZE), 3):
        i, f, n, o = [g.Add(g.Gemm(xt, wx[k], b[k], transB=1), g.Gemm(h, wh[k], transB=1)) for k in range(4)]
        c = g.Add(g.Mul(g.Sigmoid(f), c), g.Mul(g.Sigmoid(i), g.Tanh(n)))
        h = g.Mul(g.Sigmoid(o), g.Tanh(c))
    g.result(h)


@form({"LSTM": 1, "HardSigmoid": 0, "Gemm": 0})
def lstm_hard_sigmoid(g):
    """Keras' recurrent_activation='hard_sigmoid', here with an exact slope."""
    w, x = Weights(g, 4), g.input(BATCH, 3, SIZE)
    h, c = g.input(BATCH, HIDDEN), g.input(BATCH, HIDDEN)
    hard = lambda v: g.HardSigmoid(v, alpha=0.25, beta=0.5)  # noqa: E731
    for xt in steps_by_gather(g, x, 3):
        i, f, n, o = split(g, g.Add(g.Gemm(h, w.wh, w.bh, transB=1), g.Gemm(xt, w.wx, w.bx, transB=1)), 4)
        c = g.Add(g.Mul(hard(f), c), g.Mul(hard(i), g.Relu(n)))
        h = g.Mul(hard(o), g.Tanh(c))
    g.result(h)


@form({"LSTM": 3, "MatMul": 3, "Gemm": 0})
def lstm_decoder(g):
    """Each input is made of the state before it: cells, but no sequence."""
    w, out = Weights(g, 4), g.weight(HIDDEN, SIZE)
    x, h, c = g.input(BATCH, SIZE), g.input(BATCH, HIDDEN), g.input(BATCH, HIDDEN)
    for _ in range(3):
        h, c = lstm_torch(g, w, x, h, c)
        x = g.Tanh(g.MatMul(h, out))
    g.result(x)


@form({"LSTM": 2, "Gemm": 0})
def lstm_two_sets_of_weights(g):
    """The second cell goes on from the first, with other weights."""
    a, b = Weights(g, 4), Weights(g, 4)
    h, c = lstm_torch(g, a, g.input(BATCH, SIZE), g.input(BATCH, HIDDEN), g.input(BATCH, HIDDEN))
    g.result(*lstm_torch(g, b, g.input(BATCH, SIZE), h, c))


@form({"LSTM": 2, "Gemm": 0})
def lstm_inner_state_leaves(g):
    """An inner c is a result: there the sequence ends, for an LSTM gives but its last c."""
    w, x = Weights(g, 4), g.input(BATCH, 4, SIZE)
    h, c, inner = g.input(BATCH, HIDDEN), g.input(BATCH, HIDDEN), []
    for xt in steps_by_gather(g, x, 4):
        h, c = lstm_torch(g, w, xt, h, c)
        inner.append(c)
    g.result(h, inner[1])


@form({"LSTM": 0, "Sigmoid": 3})
def no_lstm_gate_leaves(g):
    """A gate is a result too: the cell stays."""
    w = Weights(g, 4)
    i, f, n, o = split(g, g.Add(g.Gemm(g.input(BATCH, HIDDEN), w.wh, w.bh, transB=1),
                                g.Gemm(g.input(BATCH, SIZE), w.wx, w.bx, transB=1)), 4)
    gate = g.Sigmoid(f)
    c = g.Add(g.Mul(gate, g.input(BATCH, HIDDEN)), g.Mul(g.Sigmoid(i), g.Tanh(n)))
    g.result(g.Mul(g.Sigmoid(o), g.Tanh(c)), gate)


@form({"GRU": 0})
def no_gru_other_state(g):
    """What is mixed in is not the state that the gates read."""
    w = Weights(g, 3)
    x, h, other = g.input(BATCH, SIZE), g.input(BATCH, HIDDEN), g.input(BATCH, HIDDEN)
    xr, xz, xn = split(g, g.Gemm(x, w.wx, w.bx, transB=1), 3)
    hr, hz, hn = split(g, g.Gemm(h, w.wh, w.bh, transB=1), 3)
    z = g.Sigmoid(g.Add(hz, xz))
    n = g.Tanh(g.Add(xn, g.Mul(hn, g.Sigmoid(g.Add(hr, xr)))))
    g.result(g.Add(g.Mul(g.Sub(other, n), z), n))


# ---------------------------------------------------------------------------------------------------------------------
# Loops
# ---------------------------------------------------------------------------------------------------------------------
class Body:
    """A subgraph of `g`: its nodes are those made while it is open."""

    def __init__(self, g):
        self.g, self.mark = g, len(g.nodes)

    def close(self, inputs, outputs):
        """Inputs: (name, element type, shape); outputs: (value, element type, shape)."""
        from onnx import helper

        nodes = self.g.nodes[self.mark:]
        del self.g.nodes[self.mark:]
        # Later nodes of the graph will have the numbers of these.
        inner = {name: f"body_{name}" for node in nodes for name in node.output}
        for node in nodes:
            node.input[:] = [inner.get(name, name) for name in node.input]
            node.output[:] = [inner[name] for name in node.output]
        return helper.make_graph(nodes, "body", [helper.make_tensor_value_info(*i) for i in inputs],
                                 [helper.make_tensor_value_info(inner.get(n, n), *rest) for n, *rest in outputs])


def loop_keras(g, cell, states, x, bound, counted):
    """tf2onnx's loop over time: it counts by itself, and asks twice whether it is over."""
    from onnx import TensorProto as T

    body = Body(g)
    t = g.Add("t_in", np.array(1, np.int32))
    xt = g.Gather(x, "t_in", axis=0)
    new = cell(xt, *[f"s{k}_in" for k in range(states)])
    limit = g.Cast(bound, to=T.FLOAT)
    goes_on = g.And(g.Less(g.Cast("i_in", to=T.FLOAT), limit), g.Less(g.Cast(t, to=T.FLOAT), limit))
    h = g.Identity(new[0])
    state = (T.FLOAT, [BATCH, HIDDEN])
    graph = body.close([("i_in", T.INT64, []), ("cond_in", T.BOOL, []), ("t_in", T.INT32, [])] +
                       [(f"s{k}_in", *state) for k in range(states)],
                       [(goes_on, T.BOOL, []), (t, T.INT32, [])] + [(v, *state) for v in [*new, h]])
    begin = g.Less(np.array(0.0, np.float32), g.Cast(bound, to=T.FLOAT))
    trips = g.Cast(bound, to=T.INT64) if counted else np.array(2 ** 31 - 1)
    return g.op("Loop", trips, begin, np.array(0, np.int32), *[zeros() for _ in range(states)], outputs=states + 2,
                body=graph)


@form({"GRU": 1, "Loop": 0})
def gru_loop_keras(g):
    k, r, b = g.weight(SIZE, 3 * HIDDEN), g.weight(HIDDEN, 3 * HIDDEN), g.weight(3 * HIDDEN)
    x = g.Transpose(g.input(BATCH, 5, SIZE), perm=[1, 0, 2])
    out = loop_keras(g, lambda xt, h: [gru_keras(g, k, r, b, xt, h, True)], 1, x, np.array(5, np.int32), True)
    g.result(g.Transpose(out[2], perm=[1, 0, 2]), shape=[BATCH, 5, HIDDEN])
    g.result(out[1], shape=[BATCH, HIDDEN])


@form({"LSTM": 1, "Loop": 0})
def lstm_loop_dynamic(g):
    """As many steps as the input has; the conditions alone bound it."""
    w, x = Weights(g, 4), g.input(5, BATCH, SIZE, dims=["t", BATCH, SIZE])
    steps = g.Cast(g.Squeeze(g.Slice(g.Shape(x), np.array([0]), np.array([1])), np.array([0])), to=6)
    out = loop_keras(g, lambda xt, h, c: lstm_torch(g, w, xt, h, c), 2, x, steps, False)
    g.result(out[3], shape=["t", BATCH, HIDDEN])
    g.result(out[1], out[2], shape=[BATCH, HIDDEN])


@form({"GRU": 1, "Loop": 0, "Slice": 1})
def gru_loop_over_the_first_steps(g):
    k, r, b = g.weight(SIZE, 3 * HIDDEN), g.weight(HIDDEN, 3 * HIDDEN), g.weight(3 * HIDDEN)
    x = g.input(6, BATCH, SIZE)
    out = loop_keras(g, lambda xt, h: [gru_keras(g, k, r, b, xt, h, False)], 1, x, np.array(4, np.int32), True)
    g.result(out[2], shape=[4, BATCH, HIDDEN])


@form({"LSTM": 2, "Scan": 0})
def lstm_scan_layers(g):
    """Two cells above each other in one Scan, from the last step to the first."""
    from onnx import TensorProto as T

    one, two, x = Weights(g, 4), Weights(g, 4, HIDDEN), g.input(5, BATCH, SIZE)
    body = Body(g)
    h1, c1 = lstm_torch(g, one, "x_in", "h1_in", "c1_in")
    h2, c2 = lstm_torch(g, two, h1, "h2_in", "c2_in")
    y = g.Identity(h2)
    state = (T.FLOAT, [BATCH, HIDDEN])
    graph = body.close([(n, *state) for n in ("h1_in", "c1_in", "h2_in", "c2_in")] + [("x_in", T.FLOAT, [BATCH, SIZE])],
                       [(v, *state) for v in (h1, c1, h2, c2, y)])
    out = g.op("Scan", *[zeros() for _ in range(4)], x, outputs=5, body=graph, num_scan_inputs=1,
               scan_input_directions=[1], scan_output_directions=[1])
    g.result(out[4], shape=[5, BATCH, HIDDEN])
    g.result(out[3], shape=[BATCH, HIDDEN])


@form({"GRU": 1, "Loop": 1})
def no_gru_loop_may_end_early(g):
    """Whether it goes on depends on the state."""
    from onnx import TensorProto as T

    k, r, b = g.weight(SIZE, 3 * HIDDEN), g.weight(HIDDEN, 3 * HIDDEN), g.weight(3 * HIDDEN)
    x = g.input(6, BATCH, SIZE)
    body = Body(g)
    h = gru_keras(g, k, r, b, g.Gather(x, "i_in", axis=0), "h_in", True)
    goes_on = g.Less(g.axes("ReduceMax", g.Abs(h), [0, 1], keepdims=0), np.array(0.4, np.float32))
    state = (T.FLOAT, [BATCH, HIDDEN])
    graph = body.close([("i_in", T.INT64, []), ("cond_in", T.BOOL, []), ("h_in", *state)],
                       [(goes_on, T.BOOL, []), (h, *state)])
    g.result(g.op("Loop", np.array(6), np.array(True), zeros(), outputs=1, body=graph), shape=[BATCH, HIDDEN])


# ---------------------------------------------------------------------------------------------------------------------
# The ops themselves, batch first
# ---------------------------------------------------------------------------------------------------------------------
def node(g, kind, x, gates, size, directions=1, states=(), **attributes):
    both = {"direction": "bidirectional"} if directions == 2 else {}
    return g.op(kind, x, g.weight(directions, gates * HIDDEN, size), g.weight(directions, gates * HIDDEN, HIDDEN),
                g.weight(directions, 2 * gates * HIDDEN), "", *states, outputs=3 if kind == "LSTM" else 2,
                hidden_size=HIDDEN, **both, **attributes)


@form({"LSTM": 2, "Transpose": 0})
def lstm_layers_batch_first(g):
    """PyTorch's batch_first: turned in front of the first layer and behind the last."""
    x, h, c = g.input(BATCH, 5, SIZE), g.input(1, BATCH, HIDDEN), g.input(1, BATCH, HIDDEN)
    first = node(g, "LSTM", g.Transpose(x, perm=[1, 0, 2]), 4, SIZE, states=(h, c))
    second = node(g, "LSTM", g.Squeeze(first[0], np.array([1])), 4, HIDDEN)
    g.result(g.Transpose(g.Squeeze(second[0], np.array([1])), perm=[1, 0, 2]), second[1], first[2])


@form({"GRU": 1, "Transpose": 0})
def gru_bidirectional_batch_first(g):
    """Both directions side by side, from states that are zero."""
    x = g.input(BATCH, 5, SIZE)
    h = g.Expand(np.zeros((1, 1, 1), np.float32), np.array([2, BATCH, HIDDEN]))
    y, _ = node(g, "GRU", g.Transpose(x, perm=[1, 0, 2]), 3, SIZE, 2, states=(h,), linear_before_reset=1)
    rows = g.Reshape(g.Transpose(y, perm=[0, 2, 1, 3]), np.array([0, 0, -1]))
    g.result(g.Transpose(rows, perm=[1, 0, 2]))
