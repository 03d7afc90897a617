"""Activations, and what is written with them."""
import numpy as np

from .graph import form


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
