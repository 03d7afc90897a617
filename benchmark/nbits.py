#!/usr/bin/env python3
"""Products with four- and eight-bit weights beside floats, ours and ONNX Runtime's, one thread, alternating.

    benchmark/nbits.py                     the default shapes
    benchmark/nbits.py 1x4096x4096 ...     rows x depth x columns
    benchmark/nbits.py --seconds=1 --rounds=5

A MatMulNBits with random weights in blocks of 32 and the MatMul of what these stand for. The table shows CPU time of the
one thread by minimum, in ms, and how many times faster than our float product each is.
"""
import argparse
import pathlib
import subprocess
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "numerics"))
from contractions import few_bits  # noqa: E402
from harness import places  # noqa: E402

SHAPES = ["1x1024x1024", "1x4096x4096", "4x1024x1024", "32x1024x1024", "128x1024x1024", "32x4096x4096"]
WORK = places.BUILD / "benchmark" / "nbits"


def write(path, rows, depth, columns, bits):
    """bits 0: floats."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    operands, exact = few_bits(np.random.default_rng(0), columns, depth, bits or 4, 32, False)
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    if bits:
        node = helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=depth, N=columns, bits=bits,
                                block_size=32)
    else:
        node, operands = helper.make_node("MatMul", ["x", "w"], ["y"]), [np.ascontiguousarray(exact.astype(np.float32))]
    constants = [numpy_helper.from_array(array, name) for name, array in zip("ws", operands)]
    graph = helper.make_graph([node], "product", [info("x", [rows, depth])], [info("y", [rows, columns])], constants)
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=domains, ir_version=10), path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", default=SHAPES)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each round")
    parser.add_argument("--rounds", type=int, default=4)
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    print(compare.cpu_name())
    print(f"{'rows x depth x columns':24}" + "".join(f"{who:>22}" for who in
                                                      [f"{w} {k}" for k in ("float", "4 bits", "8 bits") for w in ("ours", "ORT")]))
    for shape in args.shapes:
        rows, depth, columns = map(int, shape.split("x"))
        runs = []
        for bits in (0, 4, 8):
            path = WORK / f"{shape}_{bits}.onnx"
            write(path, rows, depth, columns, bits)
            library = path.with_suffix(".so")
            subprocess.run([places.tool("lathe"), path, "-o", library], check=True)
            session = compare.ort_session(path)
            feed = compare.random_inputs(session)
            runs.append(lambda library=library: compare.time_lathe(library, None, args.seconds, [])["min_cpu_ms"])
            runs.append(lambda session=session, feed=feed: min(compare.time_ort(session, feed, args.seconds)))
        best = [min(times) for times in zip(*[[run() for run in runs] for _ in range(args.rounds)])]
        print(f"{shape:24}" + "".join(f"{f'{t:.4f} ({best[0] / t:.2f} x)':>22}" for t in best), flush=True)


if __name__ == "__main__":
    main()
