"""Building ONNX graphs layer by layer, named and decomposed as exporters do.

A Graph holds nodes and seeded weights; a layer is a method that takes and gives the names
of tensors. Scopes name nodes as PyTorch's exporter does ("/layer1/layer1.0/conv1/Conv").
Weights are normal with a variance of gain^2 / fan-in, so that signals keep their size
through a hundred layers: outputs are sane numbers, as those of a trained network are.
"""
import contextlib
import zlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper

RELU = 2 ** 0.5  # The gain that keeps the size of a signal through a ReLU.
TYPES = {np.dtype("float32"): TensorProto.FLOAT, np.dtype("int64"): TensorProto.INT64}


class Graph:
    def __init__(self, name, opset=14, producer="pytorch"):
        self.name, self.opset, self.producer = name, opset, producer
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.initializers, self.inputs, self.outputs = [], [], [], []
        self.scopes, self.counts = [], {}

    # Structure.

    @contextlib.contextmanager
    def scope(self, name):
        self.scopes.append(name)
        yield
        self.scopes.pop()

    def input(self, name, shape, dtype="float32"):
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[np.dtype(dtype)], shape))
        return name

    def output(self, tensor, name, shape):
        self.nodes.append(helper.make_node("Identity", [tensor], [name], name="/Identity"))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def node(self, op, *inputs, outputs=1, **attributes):
        """Appends a node; its result's name, or the list of them."""
        path = "/" + "/".join(self.scopes + [op])
        count = self.counts[path] = self.counts.get(path, -1) + 1
        path += f"_{count}" if count else ""
        names = [f"{path}_output_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=path, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value, dtype=None):
        """A Constant node, as exporters write scalars and shapes."""
        array = np.array(value, dtype or ("float32" if isinstance(value, float) else "int64"))
        return self.node("Constant", value=numpy_helper.from_array(array))

    def weight(self, array, name="weight"):
        """An initializer."""
        path = ".".join([s.rsplit(".", 1)[-1] for s in self.scopes] + [name])
        count = self.counts[path] = self.counts.get(path, -1) + 1
        path += f"_{count}" if count else ""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), path))
        return path

    def normal(self, shape, deviation):
        return self.rng.standard_normal(shape, "float32") * np.float32(deviation)

    def model(self):
        graph = helper.make_graph(self.drop_identities(), self.name, self.inputs, self.outputs, self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8,
                                 producer_name=self.producer)

    def drop_identities(self):
        """Outputs bear their names by the node that makes them, not by a copy."""
        rename = {n.input[0]: n.output[0] for n in self.nodes if n.name == "/Identity"}
        kept = [n for n in self.nodes if n.name != "/Identity"]
        for node in kept:
            node.input[:] = [rename.get(i, i) for i in node.input]
            node.output[:] = [rename.get(o, o) for o in node.output]
        return kept

    # Layers with weights.

    def conv(self, x, cin, cout, kernel, stride=1, pad=None, groups=1, bias=True, gain=RELU):
        pad = (kernel - 1) // 2 if pad is None else pad
        fan = cin // groups * kernel * kernel
        inputs = [x, self.weight(self.normal((cout, cin // groups, kernel, kernel), gain / fan ** 0.5))]
        if bias:
            inputs.append(self.weight(self.normal(cout, 0.05), "bias"))
        return self.node("Conv", *inputs, dilations=[1, 1], group=groups, kernel_shape=[kernel, kernel],
                         pads=[pad] * 4, strides=[stride, stride])

    def batch_norm(self, x, channels):
        return self.node("BatchNormalization", x,
                         self.weight(self.rng.uniform(0.8, 1.2, channels).astype("float32")),
                         self.weight(self.normal(channels, 0.05), "bias"),
                         self.weight(self.normal(channels, 0.05), "running_mean"),
                         self.weight(self.rng.uniform(0.8, 1.2, channels).astype("float32"), "running_var"),
                         epsilon=1e-5, momentum=0.9)

    def gemm(self, x, cin, cout, gain=1.0):
        """A Linear layer on a matrix."""
        return self.node("Gemm", x, self.weight(self.normal((cout, cin), gain / cin ** 0.5)),
                         self.weight(self.normal(cout, 0.02), "bias"), alpha=1.0, beta=1.0, transB=1)

    def linear(self, x, cin, cout, bias=True, gain=1.0):
        """A Linear layer on more than two dimensions: PyTorch's exporter stores the transposed weight."""
        y = self.node("MatMul", x, self.weight(self.normal((cin, cout), gain / cin ** 0.5)))
        return self.node("Add", self.weight(self.normal(cout, 0.02), "bias"), y) if bias else y

    # Layers that exporters decompose.

    def layer_norm(self, x, channels, eps=1e-5):
        """Before opset 17 there was no operator for it."""
        axes = {"axes": [-1]}
        centred = self.node("Sub", x, self.node("ReduceMean", x, **axes))
        variance = self.node("ReduceMean", self.node("Pow", centred, self.constant(2.0)), **axes)
        deviation = self.node("Sqrt", self.node("Add", variance, self.constant(eps)))
        y = self.node("Div", centred, deviation)
        y = self.node("Mul", y, self.weight(self.rng.uniform(0.8, 1.2, channels).astype("float32")))
        return self.node("Add", y, self.weight(self.normal(channels, 0.05), "bias"))

    def gelu(self, x):
        half = self.node("Erf", self.node("Div", x, self.constant(2 ** 0.5)))
        return self.node("Mul", self.node("Mul", x, self.node("Add", half, self.constant(1.0))), self.constant(0.5))

    def gelu_tanh(self, x):
        """The gelu_new of GPT-2."""
        inner = self.node("Mul", self.node("Pow", x, self.constant(3.0)), self.constant(0.044715))
        inner = self.node("Mul", self.node("Add", x, inner), self.constant((2 / np.pi) ** 0.5))
        outer = self.node("Add", self.node("Tanh", inner), self.constant(1.0))
        return self.node("Mul", self.node("Mul", x, self.constant(0.5)), outer)

    def silu(self, x):
        return self.node("Mul", x, self.node("Sigmoid", x))

    def relu6(self, x):
        return self.node("Clip", x, self.constant(0.0), self.constant(6.0))

    def hard_swish(self, x):
        return self.node("Mul", x, self.node("HardSigmoid", x, alpha=1 / 6, beta=0.5))

    def hard_swish_clip(self, x):
        """As older exporters write it."""
        clipped = self.node("Clip", self.node("Add", x, self.constant(3.0)), self.constant(0.0), self.constant(6.0))
        return self.node("Div", self.node("Mul", x, clipped), self.constant(6.0))

    # Shapes.

    def reshape(self, x, *shape):
        return self.node("Reshape", x, self.constant(list(shape)))

    def transpose(self, x, *perm):
        return self.node("Transpose", x, perm=list(perm))

    def size(self, x, axis):
        """One dimension at run time, as a vector: what dynamic axes are exported to."""
        return self.node("Unsqueeze", self.node("Gather", self.node("Shape", x), self.constant(axis), axis=0),
                         self.constant([0]))

    def reshape_like(self, x, *shape):
        """A Reshape whose sizes ("0", "1": those of x) come from Shape, Gather, Unsqueeze and Concat."""
        parts = [self.size(x, int(s)) if isinstance(s, str) else self.constant([s]) for s in shape]
        return self.node("Reshape", x, self.node("Concat", *parts, axis=0))

    def slice(self, x, axis, start, end, step=1):
        return self.node("Slice", x, self.constant([start]), self.constant([end]), self.constant([axis]),
                         self.constant([step]))
