"""What the networks of the tests share: nodes and seeded constants one by one, samples and recorded outputs, and a look at the kernels."""
import json
import pathlib
import re
import subprocess

import numpy as np
import onnx
import onnx.reference
from onnx import helper, numpy_helper


class Network:
    """Nodes in order; each is named like its result."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def constant(self, name, array):
        self.weights.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def normal(self, name, shape, deviation):
        return self.constant(name, self.rng.normal(0, deviation, shape).astype(np.float32))

    def node(self, op, inputs, out, outputs=(), **attributes):
        self.nodes.append(helper.make_node(op, inputs, [out, *outputs], name=out, **attributes))
        return out

    def dense(self, x, inputs, outputs, name):
        y = self.node("MatMul", [x, self.normal(name + ".w", (inputs, outputs), inputs**-0.5)], name)
        return self.node("Add", [y, self.normal(name + ".b", outputs, 0.1)], name + ".y")

    def conv(self, x, cin, cout, name, kernel=3, group=1, **attributes):
        w = self.normal(name + ".w", (cout, cin // group, kernel, kernel), 1 / np.sqrt(cin // group * kernel * kernel))
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.node("Conv", [x, w, self.normal(name + ".b", cout, 0.1)], name, group=group, **attributes)

    def save(self, folder, inputs, outputs, feeds, opset=17):
        """Writes net.onnx, samples/N/input_K.npy of all feeds but the last, and data/ with what the float model makes of that.

        inputs and outputs: (name, shape) of floats, or (name, shape, type); feeds: lists of arrays.
        """
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        infos = [[helper.make_tensor_value_info(name, *(t or [onnx.TensorProto.FLOAT]), shape) for name, shape, *t in values]
                 for values in (inputs, outputs)]
        graph = helper.make_graph(self.nodes, "net", *infos, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        onnx.save(model, folder / "net.onnx")
        for i, arrays in enumerate(feeds[:-1]):
            (folder / f"samples/{i}").mkdir(parents=True)
            for k, array in enumerate(arrays):
                np.save(folder / f"samples/{i}/input_{k}.npy", array)
        (folder / "data").mkdir()
        for k, array in enumerate(feeds[-1]):
            np.save(folder / f"data/input_{k}.npy", array)
        names = [name for name, *_ in inputs]
        for k, array in enumerate(onnx.reference.ReferenceEvaluator(model).run(None, dict(zip(names, feeds[-1])))):
            np.save(folder / f"data/output_{k}.npy", array)


def check_integers(folder, least):
    """No kernel of the network in FOLDER, quantized, multiplies and adds floats, and none is said to; at least so many calls multiply bytes."""
    folder = pathlib.Path(folder)

    def compiled(*options):
        return subprocess.run(["lathe", str(folder / "net.onnx"), "--quantize=int8", f"--calibrate={folder / 'samples'}", "--cpu=znver4",
                               *options], check=True, capture_output=True, text=True).stdout

    assert json.loads(compiled("--stats=json"))["left_in_float"] == []
    text = compiled("--emit=kernel", "-o", "-")
    kernels = re.findall(r"kernel\.func private @(\w+)(.*?)kernel\.return", text, re.S)
    # A pooling may scale what it sums, a norm square it: those are no contractions.
    floats = [name for name, body in kernels if re.search('kind = "(conv|contraction)"', body.split("\n")[0])
              for part in body.split("linalg.generic")[1:]
              if '"reduction"' in part.split("ins(")[0] and "arith.mulf" in part.split("linalg.yield")[0]]
    bytewise = {name for name, body in kernels if "dot = vnni" in body.split("\n")[0]}
    dots = sum(name in bytewise for name in re.findall(r"kernel\.call @(\w+)", text))
    print(f"{len(kernels)} kernels, {dots} calls with byte dot products, float contractions: {floats}")
    assert kernels and not floats and dots >= least, text
