"""Norms: of layers, instances, groups, by the root of the mean square."""
import numpy as np

from .graph import form


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
