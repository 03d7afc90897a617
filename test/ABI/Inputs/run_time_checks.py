"""Runs small models on inputs that they can and cannot take; one line of output a run."""
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper

OUT = pathlib.Path(sys.argv[1])
node, info = helper.make_node, helper.make_tensor_value_info


def model(name, nodes, inputs, outputs):
    graph = helper.make_graph(nodes, name, inputs, outputs)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(proto, OUT / f"{name}.onnx")
    return OUT / f"{name}.onnx"


def run(case, path, inputs, output):
    data = OUT / "data"
    data.mkdir(exist_ok=True)
    for n, array in enumerate(inputs):
        np.save(data / f"input_{n}.npy", array)
    np.save(data / "output_0.npy", output)
    done = subprocess.run(["lathe-run", path, f"--data={data}"], capture_output=True, text=True)
    print(f"{case}: {done.returncode} {done.stdout.strip()}{done.stderr.strip()}", flush=True)


f32 = lambda *v: np.array(v, np.float32)
i64 = lambda *v: np.array(v, np.int64)
table = np.arange(12, dtype=np.float32).reshape(4, 3)
X, Y = info("x", T.FLOAT, ["rows", 3]), info("y", T.FLOAT, None)

gather = model("gather", [node("Gather", ["x", "i"], ["y"], "pick")], [X, info("i", T.INT64, ["n"])], [Y])
run("gather inside", gather, [table, i64(3, -4, 0)], table[[3, 0, 0]])
run("gather beyond", gather, [table, i64(0, 0, 0, 0, 0, 0, 0, 0, 4)], table)
run("gather before", gather, [table, i64(0, -5)], table)
run("gather of no rows", gather, [table[:0], i64(0)], table)

elements = model("elements", [node("GatherElements", ["x", "i"], ["y"], "elements", axis=1)],
                 [X, info("i", T.INT32, ["rows", 2])], [Y])
inside = np.array([[0, 2], [-1, 1], [0, 0], [2, 2]], np.int32)
run("gather_elements inside", elements, [table, inside], np.take_along_axis(table, inside, 1))
run("gather_elements beyond", elements, [table, inside + 1], table)

tuples = model("tuples", [node("GatherND", ["x", "i"], ["y"], "tuples")], [X, info("i", T.INT64, ["n", 2])], [Y])
run("gather_nd inside", tuples, [table, np.array([[3, 2], [-4, -3]])], f32(11, 0))
run("gather_nd beyond", tuples, [table, np.array([[2, 2], [2, 3]])], f32(11, 0))

put = model("put", [node("ScatterElements", ["x", "i", "u"], ["y"], "put")],
            [X, info("i", T.INT64, ["n", 3]), info("u", T.FLOAT, ["n", 3])], [Y])
update = np.zeros((1, 3), np.float32)
zeroed = table.copy()
zeroed[0] = 0
run("scatter_elements inside", put, [table, np.array([[0, 0, -4]]), update], zeroed)
run("scatter_elements beyond", put, [table, np.array([[0, 4, 0]]), update], zeroed)

put_nd = model("put_nd", [node("ScatterND", ["x", "i", "u"], ["y"], "put_nd")],
               [X, info("i", T.INT64, ["n", 1]), info("u", T.FLOAT, ["n", 3])], [Y])
run("scatter_nd inside", put_nd, [table, np.array([[0]]), update], zeroed)
run("scatter_nd beyond", put_nd, [table, np.array([[-5]]), update], zeroed)

picks = helper.make_graph([node("Gather", ["x", "i"], ["picked"], "pick")], "picks", [], [info("picked", T.FLOAT, None)])
passes = helper.make_graph([node("Identity", ["x"], ["passed"], "pass")], "passes", [], [info("passed", T.FLOAT, None)])
branch = model("branch", [node("If", ["c"], ["y"], "choose", then_branch=picks, else_branch=passes)],
               [info("c", T.BOOL, []), X, info("i", T.INT64, ["n"])], [Y])
run("in a branch not taken", branch, [np.array(False), table, i64(9, 9)], table)
run("in a branch taken", branch, [np.array(True), table, i64(9, 9)], table)

# Only the branch that keeps the rank fits the MatMul behind it.
flat = helper.make_graph([node("Reshape", ["x", "all"], ["flat"], "flatten")], "flat", [], [info("flat", T.FLOAT, None)])
same = helper.make_graph([node("Identity", ["x"], ["same"], "pass")], "same", [], [info("same", T.FLOAT, None)])
fits = model("fits", [node("Constant", [], ["all"], value_ints=[1, 1, -1]),
                      node("If", ["c"], ["chosen"], "choose", then_branch=flat, else_branch=same),
                      node("Transpose", ["chosen"], ["y"], "turn", perm=[1, 0])],
             [info("c", T.BOOL, []), X], [info("y", T.FLOAT, [3, "rows"])])
run("the branch that fits", fits, [np.array(False), table], table.T.copy())
run("the branch that does not fit", fits, [np.array(True), table], table.T.copy())

body = helper.make_graph(
    [node("Identity", ["going"], ["go"]), node("Gather", ["x", "turn"], ["row"], "pick")], "body",
    [info("turn", T.INT64, []), info("going", T.BOOL, [])], [info("go", T.BOOL, []), info("row", T.FLOAT, [3])])
loop = model("loop", [node("Constant", [], ["m"], value_int=4), node("Loop", ["m", ""], ["y"], "repeat", body=body)],
             [X], [Y])
run("a loop that stays inside", loop, [table], table)
run("what a loop finds", loop, [table[:3]], table)

add = model("add", [node("Add", ["x", "v"], ["y"], "plus")],
            [info("x", T.FLOAT, ["n"]), info("v", T.FLOAT, ["m"])], [Y])
run("sum of equal sizes", add, [f32(1, 2, 3), f32(1, 1, 1)], f32(2, 3, 4))
run("sum with one element", add, [f32(1), f32(1, 2, 3)], f32(2, 3, 4))
run("sum of other sizes", add, [f32(1, 2, 3), f32(1, 1)], f32(0))
product = model("product", [node("MatMul", ["x", "v"], ["y"], "times")],
                [info("x", T.FLOAT, ["n", "k"]), info("v", T.FLOAT, ["l", "m"])], [Y])
run("product", product, [table, table.T.copy()], table @ table.T)
run("product of other sizes", product, [table, table], f32(0))
joined = model("joined", [node("Concat", ["x", "v"], ["y"], "join", axis=0)],
               [info("x", T.FLOAT, ["n", "k"]), info("v", T.FLOAT, ["l", "m"])], [Y])
run("concat", joined, [table, table], np.concatenate([table, table]))
run("concat of other sizes", joined, [table, table.T.copy()], f32(0))
shaped = model("shaped", [node("Reshape", ["x", "s"], ["y"], "shape")],
               [info("x", T.FLOAT, ["n"]), info("s", T.INT64, [2])], [Y])
run("reshape", shaped, [f32(1, 2, 3, 4, 5, 6), i64(-1, 2)], f32(1, 2, 3, 4, 5, 6).reshape(3, 2))
run("reshape to more", shaped, [f32(1, 2, 3, 4, 5, 6), i64(1000, 1000)], f32(0))
run("reshape to no multiple", shaped, [f32(1, 2, 3, 4, 5, 6), i64(-1, 4)], f32(0))
