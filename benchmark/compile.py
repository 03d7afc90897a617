#!/usr/bin/env python3
"""Compile time and peak memory of lathe.

    benchmark/compile.py                    light_resnet50, light_vgg19, and 600 MB of random weights
    benchmark/compile.py MODEL ...          files, or names as of compare.py
    benchmark/compile.py --random-mb=2500   another size of the random model (0: none)

The limit on memory is twice the model's file plus 300 MB.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from compare import cpu_name, find  # noqa: E402
from harness import places  # noqa: E402

WORK = places.BUILD / "benchmark"
MB = 1e6


def random_model(megabytes):
    """A chain of dense layers with random weights; above 2 GB they lie in a file beside it."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper

    path = WORK / f"random_{megabytes}mb.onnx"
    if path.exists():
        return path
    size = 4096
    layers = max(1, round(megabytes * MB / (4 * size * size)))
    rng = np.random.default_rng(0)
    external = megabytes > 1900
    nodes, weights = [], []
    beside = path.with_suffix(".bin").open("wb") if external else None
    for k in range(layers):
        values = rng.standard_normal(size * size, dtype=np.float32) / 64
        weight = TensorProto(name=f"w{k}", data_type=TensorProto.FLOAT, dims=[size, size])
        if external:
            weight.data_location = TensorProto.EXTERNAL
            for key, value in (("location", path.with_suffix(".bin").name), ("offset", beside.tell()),
                               ("length", values.nbytes)):
                entry = weight.external_data.add()
                entry.key, entry.value = key, str(value)
            values.tofile(beside)
        else:
            weight.raw_data = values.tobytes()
        weights.append(weight)
        nodes.append(helper.make_node("MatMul", [f"x{k}", f"w{k}"], [f"y{k}"], f"dense{k}"))
        nodes.append(helper.make_node("Relu", [f"y{k}"], [f"x{k + 1}"], f"relu{k}"))
    info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(nodes, "random", [info("x0")], [info(f"x{layers}")], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


def measure(command):
    """(exit status, seconds, peak resident bytes)"""
    start = time.monotonic()
    pid = os.posix_spawn(command[0], list(map(str, command)), os.environ)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - start, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["light_resnet50", "light_vgg19"])
    parser.add_argument("--random-mb", type=int, default=600)
    parser.add_argument("--only-make", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--option", action="append", default=[], help="an option for lathe, as --option=-O2")
    args = parser.parse_args()

    WORK.mkdir(parents=True, exist_ok=True)
    if args.only_make:
        random_model(args.only_make)
        return 0
    chosen = [find(name)[:2] for name in args.models]
    if args.random_mb:
        # In a process of its own: what this one ever held would count as lathe's peak.
        subprocess.run([sys.executable, __file__, f"--only-make={args.random_mb}"], check=True)
        chosen.append((f"random weights, {args.random_mb} MB", WORK / f"random_{args.random_mb}mb.onnx"))
    print(cpu_name())
    print(f"{'':26} {'model MB':>9} {'object MB':>9} {'seconds':>8} {'peak MB':>8} {'limit MB':>8}")
    over = 0
    for title, model in chosen:
        if model is None:
            print(f"{title:26} not there")
            continue
        out = WORK / "compiled.o"
        status, seconds, peak = measure([places.tool("lathe"), model, "-o", out, *args.option])
        beside = model.with_suffix(".bin")
        size = model.stat().st_size + (beside.stat().st_size if beside.exists() else 0)
        limit = 2 * size + 300 * MB
        object_size = out.stat().st_size if status == 0 else 0
        print(f"{title:26} {size / MB:9.1f} {object_size / MB:9.1f} {seconds:8.2f} {peak / MB:8.0f} "
              f"{limit / MB:8.0f}{'' if status == 0 else f'  FAILED ({status})'}{'  OVER' if peak > limit else ''}")
        over += status != 0 or peak > limit
        out.unlink(missing_ok=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
