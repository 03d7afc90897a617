"""What a form is made with: a graph that is written as a formula."""
import numpy as np

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
        self.shapes = {}
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

    def result(self, *names, shape=None):
        """`shape`: where ONNX's inference does not find it, behind a loop."""
        self.outputs += names
        self.shapes.update((n, shape) for n in names if shape)

    def model(self):
        import onnx
        from onnx import helper

        outputs = [helper.make_empty_tensor_value_info(n) for n in self.outputs]
        graph = helper.make_graph(self.nodes, "form", self.inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        known = {v.name: v for v in list(model.graph.value_info) + list(model.graph.output) if v.type.HasField("tensor_type")}
        for o in model.graph.output:
            if o.name in self.shapes:
                o.CopyFrom(helper.make_tensor_value_info(o.name, onnx.TensorProto.FLOAT, self.shapes[o.name]))
            else:
                o.CopyFrom(known[o.name])
        onnx.checker.check_model(model)
        return model
