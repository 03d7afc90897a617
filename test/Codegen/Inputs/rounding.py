"""Floor, Ceil, Round, Max and MaxPool on special values where the CPU lacks the instructions.

Baseline x86-64 has no instruction that rounds: additions must give the same bits, the
sign of zero included."""
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper

sys.path.insert(0, sys.argv[1])
from harness.library import Library  # noqa: E402

FUNCTIONS = {"Floor": np.floor, "Ceil": np.ceil, "Round": np.rint}
rng = np.random.default_rng(7)
special = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 0.49999997, -0.49999997, 8388607.5, -8388607.5, 8388608.0, 8388609.0,
           16777216.0, 1e30, -1e30, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 0.99999994, -0.99999994, -0.3, -0.7]
x = np.concatenate([np.float32(special), rng.standard_normal(1000).astype(np.float32) * 1000,
                    rng.integers(0, 2**32, 4096, dtype=np.uint32).view(np.float32)])

graph = helper.make_graph([helper.make_node(op, ["x"], [op]) for op in FUNCTIONS], "g",
                          [helper.make_tensor_value_info("x", TensorProto.FLOAT, [len(x)])],
                          [helper.make_tensor_value_info(op, TensorProto.FLOAT, [len(x)]) for op in FUNCTIONS])
with tempfile.TemporaryDirectory() as folder:
    path = folder + "/model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    for target in ("x86-64", "x86-64-v2"):
        for (op, function), got in zip(FUNCTIONS.items(), Library(path, [f"--target={target}"]).run([x])):
            expected = function(x)
            same = (got.view(np.uint32) == expected.view(np.uint32)) | (np.isnan(got) & np.isnan(expected))
            if not same.all():
                k = int(np.argmin(same))
                sys.exit(f"{op} of {x[k]!r} for {target}: {got[k]!r}, expected {expected[k]!r}")
