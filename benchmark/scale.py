#!/usr/bin/env python3
"""How the passes on the graph scale: time of each over generated graphs of growing size.

    benchmark/scale.py                       5,000 to 40,000 nodes
    benchmark/scale.py --nodes=20000         one size
    benchmark/scale.py --write=big.onnx --nodes=20000     only the file

The graph is a row of blocks with what real exports hold: convolutions with batch norms,
residual sums, layer norms and gelus in their parts, shapes computed in the graph,
constants that depend on constants, branches, copies and things that nothing uses. Times
are those of the passes alone (--stats=passes-json); a column that grows faster than the
number of nodes is a pass that is not linear.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "test"))
from harness import places  # noqa: E402


class Maker:
    def __init__(self):
        self.nodes, self.initializers = [], []

    def node(self, op, *inputs, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, value, dtype="float32"):
        return self.node("Constant", value=numpy_helper.from_array(np.array(value, dtype)))

    def weight(self, *shape):
        name = f"w{len(self.initializers)}"
        values = np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def norm(self, x):
        centred = self.node("Sub", x, self.node("ReduceMean", x, axes=[-1]))
        variance = self.node("ReduceMean", self.node("Pow", centred, self.constant(2.0)), axes=[-1])
        y = self.node("Div", centred, self.node("Sqrt", self.node("Add", variance, self.constant(1e-5))))
        return self.node("Add", self.node("Mul", y, self.weight(8)), self.weight(8))

    def gelu(self, x):
        y = self.node("Add", self.node("Erf", self.node("Div", x, self.constant(2 ** 0.5))), self.constant(1.0))
        return self.node("Mul", self.node("Mul", x, y), self.constant(0.5))

    def reshaped(self, x):
        size = self.node("Gather", self.node("Shape", x), self.constant(2, "int64"), axis=0)
        size = self.node("Unsqueeze", size, self.constant([0], "int64"))
        shape = self.node("Concat", self.constant([4], "int64"), size, self.constant([-1], "int64"), axis=0)
        y = self.node("Transpose", self.node("Reshape", x, shape), perm=[1, 0, 2])
        y = self.node("Transpose", y, perm=[1, 0, 2])
        return self.node("Reshape", y, self.node("Identity", self.constant([1, 4, 8, 8], "int64")))

    def branch(self, x):
        """An If on something that only a run knows."""
        bodies = []
        for op in ("Neg", "Relu"):
            inner = f"n{len(self.nodes)}_{op}"
            bodies.append(helper.make_graph([helper.make_node(op, [x], [inner], name=inner)], inner, [], [
                helper.make_tensor_value_info(inner, TensorProto.FLOAT, [1, 4, 8, 8])]))
        some = self.node("ReduceSum", x, self.constant([0, 1, 2, 3], "int64"), keepdims=0)
        return self.node("If", self.node("Greater", some, self.constant(0.0)), then_branch=bodies[0],
                         else_branch=bodies[1])

    def block(self, x, index):
        y = self.node("Conv", x, self.weight(4, 4, 3, 3), pads=[1] * 4)
        y = self.node("BatchNormalization", y, *(self.node("Abs", self.weight(4)) for _ in range(4)))
        y = self.node("Relu", y)
        x = self.node("Add", x, self.reshaped(y))
        x = self.node("Add", x, self.gelu(self.norm(x)))
        same = [self.node("Sigmoid", x) for _ in range(2)]
        x = self.node("Mul", *same)
        x = self.node("MatMul", x, self.node("Transpose", self.weight(8, 8), perm=[1, 0]))
        self.node("Exp", x)  # Nothing uses it.
        scale = self.node("Mul", self.node("Exp", self.constant([0.1] * 8)), self.constant(0.5))
        x = self.node("Mul", x, scale)
        return self.branch(x) if index % 10 == 0 else x


def model(nodes):
    m = Maker()
    x, blocks = "x", 0
    while len(m.nodes) < nodes:
        x, blocks = m.block(x, blocks), blocks + 1
    m.nodes.append(helper.make_node("Identity", [x], ["y"]))
    shape = [1, 4, 8, 8]
    graph = helper.make_graph(m.nodes, "scale", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)], m.initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def measure(path, rounds):
    """The least time of each pass over some rounds; passes that run more than once are numbered."""
    best = {}
    for _ in range(rounds):
        out = subprocess.run([places.tool("lathe"), path, "--stats=passes-json"], capture_output=True, text=True,
                             check=True).stdout
        seen = {}
        for p in json.loads(out)["passes"]:
            seen[p["pass"]] = seen.get(p["pass"], 0) + 1
            key = p["pass"] + (f" ({seen[p['pass']]})" if seen[p["pass"]] > 1 else "")
            best[key] = min(best.get(key, p["ms"]), p["ms"])
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", metavar="FILE")
    args = parser.parse_args()
    if args.write:
        onnx.save(model(args.nodes or 20000), args.write)
        return
    sizes = [args.nodes] if args.nodes else [5000, 10000, 20000, 40000]
    folder = places.BUILD / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    columns = []
    for size in sizes:
        path = folder / f"scale-{size}.onnx"
        onnx.save(model(size), path)
        columns.append(measure(path, args.rounds))
    print(f"{'ms by number of nodes':34}" + "".join(f"{s:>10}" for s in sizes))
    for key in columns[-1]:
        print(f"{key:34}" + "".join(f"{c.get(key, 0):10.1f}" for c in columns))
    print(f"{'all':34}" + "".join(f"{sum(c.values()):10.1f}" for c in columns))


if __name__ == "__main__":
    main()
