"""Models of Sin and Cos of one input, with angles from 1e-8 to 10 to the power of LAST and what double precision says of
them, in a folder each: `large_angles.py FOLDER LAST`."""
import pathlib
import sys

import numpy as np
import onnx
from onnx import helper

exponents = np.linspace(-8, float(sys.argv[2]), 400)
angles = np.concatenate([10.0**exponents, -(10.0**exponents), np.linspace(-700, 700, 1001)]).astype(np.float32)
for name, function in ("Sin", np.sin), ("Cos", np.cos):
    folder = pathlib.Path(sys.argv[1]) / name
    folder.mkdir(parents=True, exist_ok=True)
    x, y = (helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [angles.size]) for n in "xy")
    graph = helper.make_graph([helper.make_node(name, ["x"], ["y"])], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    np.save(folder / "input_0.npy", angles)
    np.save(folder / "output_0.npy", function(angles.astype(np.float64)).astype(np.float32))
