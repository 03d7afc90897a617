#!/usr/bin/env python3
"""Formulas as exporters write them out: each must become the op that it means, and compute the same.

    test/numerics/fusions.py [--option=-O1 ...] [--filter=gelu] [--keep=DIR]

Every form is a small model in the way that it was met in the export of a framework. It must hold
the ops that the table names after the stage Graph (checked with lathe-opt) and agree with ONNX
Runtime on the model as it was written, all of its optimizations off. Ends with 'N passed, N failed'.
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

FORMS = []


def form(expect, **options):
    """Registers a function of a Graph. `expect`: ops and how often each must stand in the result."""

    def register(build):
        FORMS.append((build.__name__, expect, build, options))
        return build

    return register


class Graph:
    """Nodes by name; numbers and arrays become constants."""

    def __init__(self, opset=17):
        self.opset, self.nodes, self.inputs, self.weights, self.outputs, self.feeds = opset, [], [], [], [], {}
        self.random = np.random.default_rng(5)

    def input(self, *shape, scale=1.0, dims=None, low=None, high=None, dtype=np.float32):
        from onnx import helper

        name = f"x{len(self.inputs)}"
        if low is not None:
            array = self.random.integers(low, high, shape).astype(dtype)
        elif dtype == np.bool_:
            array = self.random.random(shape) < 0.7
        else:
            array = (self.random.standard_normal(shape) * scale).astype(dtype)
        self.feeds[name] = array
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.inputs.append(helper.make_tensor_value_info(name, kind, dims or shape))
        return name

    def weight(self, *shape, scale=0.3, mean=0.0):
        return self.value((self.random.standard_normal(shape) * scale + mean).astype(np.float32))

    def value(self, v, dtype=None):
        from onnx import numpy_helper

        if isinstance(v, str):
            return v
        if dtype is None:
            dtype = v.dtype if isinstance(v, (np.ndarray, np.generic)) else np.float32 if isinstance(v, float) else np.int64
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(v, dtype), name))
        return name

    def op(self, kind, *operands, outputs=1, **attributes):
        from onnx import helper

        names = [f"v{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(
            helper.make_node(kind, [self.value(v) for v in operands], names, f"{kind}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def __getattr__(self, kind):
        if not kind[0].isupper():
            raise AttributeError(kind)
        return lambda *operands, **attributes: self.op(kind, *operands, **attributes)

    def axes(self, kind, x, axes, keepdims=1):
        """A reduction or (un)squeeze, with its axes where the opset has them."""
        since = 13 if kind in ("ReduceSum", "Squeeze", "Unsqueeze") else 18
        more = {} if kind in ("Squeeze", "Unsqueeze") else {"keepdims": keepdims}
        if self.opset >= since:
            return self.op(kind, x, np.array(axes, np.int64), **more)
        return self.op(kind, x, axes=axes, **more)

    def mean(self, x, *axes):
        return self.axes("ReduceMean", x, list(axes))

    def result(self, *names):
        self.outputs += names

    def model(self):
        import onnx
        from onnx import helper

        outputs = [helper.make_empty_tensor_value_info(n) for n in self.outputs]
        graph = helper.make_graph(self.nodes, "form", self.inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        known = {v.name: v for v in list(model.graph.value_info) + list(model.graph.output) if v.type.HasField("tensor_type")}
        for o in model.graph.output:
            o.CopyFrom(known[o.name])
        onnx.checker.check_model(model)
        return model


# ---------------------------------------------------------------------------------------------------------------------
# Activations
# ---------------------------------------------------------------------------------------------------------------------
@form({"Gelu": 1, "Erf": 0, "Mul": 0})
def gelu_pytorch(g):
    x = g.input(3, 7, 16, scale=2)
    g.result(g.Mul(g.Mul(x, g.Add(g.Erf(g.Div(x, 1.4142135381698608)), 1.0)), 0.5))


@form({"Gelu": 1, "Erf": 0, "Mul": 0})
def gelu_keras(g):
    x = g.input(3, 7, 16, scale=2)
    g.result(g.Mul(x, g.Mul(0.5, g.Add(1.0, g.Erf(g.Div(x, 1.4142135))))))


@form({"Gelu": 1, "Erf": 0, "Mul": 0})
def gelu_tensorflow(g):
    x = g.input(3, 7, 16, scale=2)
    g.result(g.Mul(g.Mul(0.5, x), g.Add(1.0, g.Erf(g.Mul(x, 0.70710678)))))


@form({"Gelu": 1, "Erf": 0, "Mul": 0})
def gelu_dynamic(g):
    x = g.input(3, 7, 16, scale=2, dims=["n", "s", 16])
    g.result(g.Mul(g.Mul(x, 0.5), g.Add(g.Erf(g.Div(x, np.array([1.4142135], np.float32))), 1.0)))


@form({"Gelu": 1, "Tanh": 0, "Mul": 0})
def gelu_tanh_gpt2(g):
    x = g.input(3, 7, 16, scale=2)
    inner = g.Mul(g.Add(x, g.Mul(g.Pow(x, 3.0), 0.044715)), 0.7978845834732056)
    g.result(g.Mul(g.Mul(x, 0.5), g.Add(g.Tanh(inner), 1.0)))


@form({"Gelu": 1, "Tanh": 0, "Mul": 0})
def gelu_tanh_products(g):
    x = g.input(3, 7, 16, scale=2)
    cube = g.Mul(0.044715, g.Mul(g.Mul(x, x), x))
    g.result(g.Mul(0.5, g.Mul(x, g.Add(1.0, g.Tanh(g.Mul(0.7978845608, g.Add(x, cube)))))))


@form({"Gelu": 1, "Tanh": 0, "Mul": 0})
def gelu_tanh_gemma(g):
    x = g.input(3, 7, 16, scale=2)
    line = g.Add(g.Mul(g.Mul(x, x), 0.044715), 1.0)
    g.result(g.Mul(g.Mul(g.Add(g.Tanh(g.Mul(g.Mul(x, 0.79788456), line)), 1.0), x), 0.5))


@form({"Swish": 1, "Sigmoid": 0, "Mul": 0})
def gelu_sigmoid_clip(g):
    x = g.input(3, 7, 16, scale=2)
    g.result(g.Mul(x, g.Sigmoid(g.Mul(1.702, x))))


@form({"Swish": 1, "Sigmoid": 0, "Mul": 0})
def silu_pytorch(g):
    x = g.input(2, 5, 8, 8)
    g.result(g.Mul(x, g.Sigmoid(x)))


@form({"Swish": 1, "Exp": 0, "Div": 0})
def silu_division(g):
    x = g.input(2, 5, 8, 8)
    g.result(g.Div(x, g.Add(1.0, g.Exp(g.Neg(x)))))


@form({"HardSwish": 1, "Clip": 0, "Mul": 0, "Div": 0})
def hardswish_clip(g):
    x = g.input(2, 5, 8, 8, scale=3)
    g.result(g.Div(g.Mul(x, g.Clip(g.Add(x, 3.0), 0.0, 6.0)), 6.0))


@form({"HardSwish": 1, "HardSigmoid": 0, "Mul": 0, "Clip": 0})
def hardswish_relu6(g):
    x = g.input(2, 5, 8, 8, scale=3)
    g.result(g.Mul(x, g.Mul(g.Min(g.Relu(g.Add(x, 3.0)), 6.0), 0.16666667)))


@form({"HardSwish": 1, "HardSigmoid": 0, "Mul": 0})
def hardswish_pytorch(g):
    x = g.input(2, 5, 8, 8, scale=3)
    g.result(g.Mul(x, g.HardSigmoid(x, alpha=1 / 6, beta=0.5)))


@form({"HardSwish": 1, "HardSigmoid": 0, "Mul": 0, "Clip": 0})
def hardswish_line(g):
    x = g.input(2, 5, 8, 8, scale=3)
    g.result(g.Mul(x, g.Clip(g.Add(g.Mul(x, 0.16666667), 0.5), 0.0, 1.0)))


@form({"HardSigmoid": 1, "Clip": 0, "Div": 0, "Mul": 1})
def squeeze_excite_gate(g):
    x, s = g.input(2, 5, 8, 8), g.input(2, 5, 1, 1, scale=3)
    g.result(g.Mul(x, g.Div(g.Clip(g.Add(s, 3.0), 0.0, 6.0), 6.0)))


@form({"HardSigmoid": 1, "Clip": 0, "Mul": 0})
def hardsigmoid_keras(g):
    x = g.input(2, 5, 8, scale=3)
    g.result(g.Clip(g.Add(g.Mul(x, 0.2), 0.5), 0.0, 1.0))


@form({"Mish": 1, "Softplus": 0, "Tanh": 0, "Mul": 0})
def mish_pytorch(g):
    x = g.input(2, 5, 8, 8, scale=3)
    g.result(g.Mul(x, g.Tanh(g.Softplus(x))))


@form({"Mish": 1, "Exp": 0, "Tanh": 0, "Mul": 0})
def mish_written_out(g):
    x = g.input(2, 5, 8, 8, scale=3)
    g.result(g.Mul(g.Tanh(g.Log(g.Add(g.Exp(x), 1.0))), x))


@form({"Softplus": 1, "Where": 0, "Log": 0})
def softplus_threshold(g):
    x = g.input(4, 9, scale=20)
    g.result(g.Where(g.Greater(x, 20.0), x, g.Log(g.Add(1.0, g.Exp(x)))))


@form({"Sigmoid": 1, "Exp": 0, "Div": 0})
def sigmoid_written_out(g):
    x = g.input(4, 9)
    g.result(g.Div(1.0, g.Add(1.0, g.Exp(g.Neg(x)))))


@form({"PRelu": 1, "Relu": 0, "Mul": 0})
def prelu_tensorflow(g):
    x = g.input(2, 8, 8, 5)
    g.result(g.Add(g.Relu(x), g.Mul(g.weight(1, 1, 5), g.Relu(g.Neg(x)))))


@form({"Clip": 1, "Min": 0, "Max": 0})
def clip_minmax(g):
    x = g.input(4, 9, scale=5)
    g.result(g.Min(g.Max(x, -1.0), 6.0))


@form({"Gelu": 0, "Swish": 0, "Mish": 0})
def no_activation(g):
    """Near misses: another number, another value, an inner value that is a result."""
    x, y = g.input(3, 16), g.input(3, 16)
    s = g.Sigmoid(x)
    g.result(g.Mul(g.Mul(x, g.Add(g.Erf(g.Div(x, 1.414)), 1.0)), 0.5), g.Mul(g.Mul(y, s), 1.0),
             g.Mul(x, s), s, g.Mul(g.Mul(x, g.Add(g.Tanh(g.Mul(x, 0.7978845)), 1.0)), 0.5))


# ---------------------------------------------------------------------------------------------------------------------
# Norms
# ---------------------------------------------------------------------------------------------------------------------
def layer_norm(g, x, *shape, axes=(-1,), eps=1e-5, scale=True, shift=True):
    """As PyTorch writes it before opset 17."""
    centred = g.Sub(x, g.mean(x, *axes))
    y = g.Div(centred, g.Sqrt(g.Add(g.mean(g.Pow(centred, 2.0), *axes), eps)))
    if scale:
        y = g.Mul(y, g.weight(*shape, mean=1.0))
    return g.Add(y, g.weight(*shape)) if shift else y


NO_NORM = {"ReduceMean": 0, "Sqrt": 0, "Div": 0, "Sub": 0, "Mul": 0, "Add": 0}


@form({"LayerNormalization": 1, **NO_NORM})
def layernorm_pytorch(g):
    g.result(layer_norm(g, g.input(2, 7, 24, scale=3), 24))


@form({"LayerNormalization": 1, **NO_NORM}, opset=18)
def layernorm_opset18_dynamic(g):
    g.result(layer_norm(g, g.input(2, 7, 24, scale=3, dims=["n", "s", 24]), 24))


@form({"LayerNormalization": 1, **NO_NORM})
def layernorm_two_axes(g):
    g.result(layer_norm(g, g.input(2, 7, 4, 6, scale=3), 4, 6, axes=(-2, -1)))


@form({"LayerNormalization": 1, **NO_NORM})
def layernorm_without_shift(g):
    g.result(layer_norm(g, g.input(2, 7, 24, scale=3), 1, 1, 24, shift=False))


@form({"LayerNormalization": 1, **NO_NORM})
def layernorm_plain(g):
    g.result(layer_norm(g, g.input(2, 7, 24, scale=3), scale=False, shift=False))


@form({"LayerNormalization": 1, **NO_NORM})
def layernorm_reciprocal(g):
    x = g.input(2, 7, 24, scale=3)
    c = g.Sub(x, g.mean(x, 2))
    inverse = g.Reciprocal(g.Sqrt(g.Add(1e-6, g.mean(g.Mul(c, c), 2))))
    g.result(g.Add(g.weight(24), g.Mul(g.weight(24, mean=1.0), g.Mul(c, inverse))))


@form({"LayerNormalization": 1, **NO_NORM, "Reciprocal": 0})
def layernorm_tensorflow(g):
    x = g.input(2, 7, 24, scale=3, dims=["n", 7, 24])
    mean = g.mean(x, -1)
    c = g.Sub(x, mean)
    inverse = g.Mul(g.Reciprocal(g.Sqrt(g.Add(g.mean(g.Mul(c, c), -1), 1e-12))), g.weight(24, mean=1.0))
    g.result(g.Add(g.Mul(x, inverse), g.Sub(g.weight(24), g.Mul(mean, inverse))))


@form({"LayerNormalization": 1, "ReduceMean": 0, "Sqrt": 0, "Div": 0, "Sub": 0, "Mul": 0}, opset=14)
def layernorm_convnext(g):
    """The channels moved last and back around it, as torchvision's ConvNeXt has it."""
    x = g.input(1, 24, 5, 6, scale=3)
    y = layer_norm(g, g.Transpose(x, perm=[0, 2, 3, 1]), 24, eps=1e-6)
    g.result(g.Relu(g.Transpose(y, perm=[0, 3, 1, 2])))


@form({"LayerNormalization": 1, **NO_NORM}, opset=14)
def layernorm_channels_first(g):
    """ConvNeXt's own LayerNorm with channels_first."""
    g.result(layer_norm(g, g.input(1, 24, 5, 6, scale=3), 24, 1, 1, axes=(1,), eps=1e-6))


@form({"LayerNormalization": 1, **NO_NORM, "Cast": 0}, atol=2e-3)
def layernorm_half(g):
    """An f16 network."""
    x = g.input(2, 7, 24, dtype=np.float16)
    h = lambda v: g.value(np.float16(v))
    c = g.Sub(x, g.mean(x, -1))
    y = g.Div(c, g.Sqrt(g.Add(g.mean(g.Pow(c, h(2)), -1), h(1e-5))))
    w = g.value(g.random.standard_normal(24).astype(np.float16))
    g.result(g.Add(g.Mul(y, w), w))


@form({"InstanceNormalization": 1, **NO_NORM})
def instancenorm_written_out(g):
    g.result(layer_norm(g, g.input(2, 6, 5, 7, scale=3), 6, 1, 1, axes=(2, 3)))


@form({"InstanceNormalization": 1, **NO_NORM})
def instancenorm_without_parameters(g):
    g.result(layer_norm(g, g.input(2, 6, 5, 7, scale=3), axes=(2, 3), scale=False, shift=False))


def group_norm(g, x, groups, channels, back):
    y = g.Reshape(x, np.array([0, groups, -1]))
    y = g.InstanceNormalization(y, np.ones(groups, np.float32), np.zeros(groups, np.float32), epsilon=1e-5)
    y = g.Reshape(y, back)
    return g.Add(g.Mul(y, g.weight(channels, 1, 1, mean=1.0)), g.weight(channels, 1, 1))


@form({"GroupNormalization": 1, "InstanceNormalization": 0, "Reshape": 0, "Mul": 0, "Add": 0})
def groupnorm_pytorch(g):
    x = g.input(2, 12, 5, 7, scale=3)
    g.result(group_norm(g, x, 4, 12, np.array([2, 12, 5, 7])))


@form({"GroupNormalization": 1, "InstanceNormalization": 0, "Reshape": 0, "Mul": 0, "Add": 0})
def groupnorm_dynamic(g):
    x = g.input(2, 12, 5, 7, scale=3, dims=["n", 12, "h", "w"])
    g.result(group_norm(g, x, 4, 12, g.Shape(x)))


@form({"RMSNormalization": 1, "ReduceMean": 0, "Sqrt": 0, "Div": 0, "Mul": 0, "Pow": 0})
def rmsnorm_llama(g):
    x = g.input(2, 7, 24, scale=3, dims=["n", "s", 24])
    inverse = g.Div(1.0, g.Sqrt(g.Add(g.mean(g.Pow(x, 2.0), -1), 1e-6)))
    g.result(g.Mul(g.weight(24, mean=1.0), g.Mul(x, inverse)))


@form({"RMSNormalization": 1, "ReduceMean": 0, "Sqrt": 0, "Reciprocal": 0, "Mul": 0})
def rmsnorm_reciprocal(g):
    x = g.input(2, 7, 24, scale=3)
    inverse = g.Reciprocal(g.Sqrt(g.Add(g.mean(g.Mul(x, x), -1), 1e-6)))
    g.result(g.Mul(g.Mul(x, inverse), g.weight(24, mean=1.0)))


@form({"RMSNormalization": 1, "ReduceMean": 0, "Cast": 0, "Mul": 0}, atol=2e-3)
def rmsnorm_half(g):
    """Computed in f32 in an f16 network."""
    x = g.input(2, 7, 24, dtype=np.float16)
    wide = g.Cast(x, to=1)
    y = g.Mul(wide, g.Reciprocal(g.Sqrt(g.Add(g.mean(g.Pow(wide, 2.0), -1), 1e-6))))
    w = g.value((1 + 0.2 * g.random.standard_normal(24)).astype(np.float16))
    g.result(g.Mul(w, g.Cast(y, to=10)))


@form({"ReduceL2": 1, "Sqrt": 0, "ReduceSum": 0})
def l2_normalise_tensorflow(g):
    x = g.input(3, 16, scale=3)
    g.result(g.Div(x, g.Max(g.Sqrt(g.axes("ReduceSum", g.Mul(x, x), [1])), 1e-12)))


@form({"LayerNormalization": 0, "RMSNormalization": 0, "InstanceNormalization": 0})
def no_norm(g):
    """Near misses: two axes, the mean of another value, the variance as a result."""
    x, y = g.input(2, 7, 24), g.input(2, 7, 24)
    c = g.Sub(x, g.mean(x, -1))
    d = g.Sub(x, g.mean(y, -1))
    e = g.Sub(y, g.mean(y, -1))
    v = g.mean(g.Pow(e, 2.0), -1)
    g.result(g.Div(c, g.Sqrt(g.Add(g.mean(g.Pow(c, 2.0), 1), 1e-5))), g.Add(d, 0.0),
             g.Div(e, g.Sqrt(g.Add(v, 1e-5))), v)


# ---------------------------------------------------------------------------------------------------------------------
# Attention
# ---------------------------------------------------------------------------------------------------------------------
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


# ---------------------------------------------------------------------------------------------------------------------
# Rotary embedding
# ---------------------------------------------------------------------------------------------------------------------
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


# ---------------------------------------------------------------------------------------------------------------------
# Movement
# ---------------------------------------------------------------------------------------------------------------------
def every(g, x, axis, start, step=2):
    return g.Slice(x, np.array([start]), np.array([2 ** 63 - 1]), np.array([axis]), np.array([step]))


@form({"Transpose": 1, "Slice": 0, "Concat": 0})
def space_to_depth_yolox(g):
    """The focus of YOLOX."""
    x = g.input(1, 3, 8, 6)
    parts = [every(g, every(g, x, 2, i), 3, j) for i, j in [(0, 0), (1, 0), (0, 1), (1, 1)]]
    g.result(g.Concat(*parts, axis=1))


@form({"Transpose": 1, "Slice": 0, "Concat": 0})
def space_to_depth_swin(g):
    """The merging of patches, channels last."""
    x = g.input(1, 8, 6, 5)
    parts = [every(g, every(g, x, 1, i), 2, j) for i, j in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    g.result(g.Concat(*parts, axis=-1))


@form({"Concat": 1, "Transpose": 0})
def no_space_to_depth(g):
    """An order that is none."""
    x = g.input(1, 3, 8, 6)
    parts = [every(g, every(g, x, 2, i), 3, j) for i, j in [(0, 0), (1, 1), (0, 1), (1, 0)]]
    g.result(g.Concat(*parts, axis=1))


# ---------------------------------------------------------------------------------------------------------------------
def count(text, op):
    return len(re.findall(rf"\bonnx\.{op}\(", text))


def check(name, expect, build, options, args, folder):
    import onnx
    import onnxruntime as ort

    g = Graph(options.get("opset", 17))
    build(g)
    path = folder / f"{name}.onnx"
    onnx.save(g.model(), path)
    text = subprocess.run([ROOT / "build/bin/lathe-opt", "--lathe-graph", path], capture_output=True, text=True)
    if text.returncode:
        return text.stderr.strip()
    for op, times in expect.items():
        if (got := count(text.stdout, op)) != times:
            return f"{got} {op} instead of {times}"
    session = ort.SessionOptions()
    session.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session.log_severity_level = 3
    expected = ort.InferenceSession(str(path), session, providers=["CPUExecutionProvider"]).run(None, g.feeds)
    try:
        got = Library(path, args.option).run(list(g.feeds.values()))
    except RuntimeError as error:
        return str(error)
    for have, want in zip(got, expected):
        if have.shape != want.shape:
            return f"shape {have.shape} instead of {want.shape}"
        if not np.allclose(have, want, rtol=1e-4, atol=options.get("atol", 1e-5) * max(1, np.abs(want).max(initial=0)),
                           equal_nan=True):
            return f"off by {np.nanmax(np.abs(have - want)):.3g}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--option", action="append", default=[], help="an option for lathe")
    parser.add_argument("--filter", default="", help="only forms whose name matches")
    parser.add_argument("--keep", help="leave the models there")
    args = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(args.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name, expect, build, options in FORMS:
            if not re.search(args.filter, name):
                continue
            why = check(name, expect, build, options, args, folder)
            passed, failed = passed + (why is None), failed + (why is not None)
            if why:
                print(f"{name}: {why}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
