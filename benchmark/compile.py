#!/usr/bin/env python3
"""Compile time and peak memory of lathe.

    benchmark/compile.py                    light_resnet50, light_vgg19, and 600 MB of random weights
    benchmark/compile.py MODEL ...          files, or names as of compare.py
    benchmark/compile.py --random-mb=2500   another size of the random model (0: none); its weights lie in a file of
                                            their own above 1900 MB
    benchmark/compile.py --compress         each model pruned and quantized too
    benchmark/compile.py --times=5          the least time of five

The limit on memory is twice the model's files, or its object where that is larger (weights that a file states in
short), plus 300 MB.
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
COMPRESSIONS = [["--prune=0.5"], ["--prune-channels=0.3"], ["--prune=0.5", "--prune-channels=0.3"],
                ["--quantize=int8-weights"], ["--quantize=int4-weights"], ["--prune=0.5", "--quantize=int8-weights"]]


def random_model(megabytes):
    """A chain of dense layers with random weights; above 1900 MB most of them are zeros, in a sparse file beside it."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper

    path = WORK / f"random_{megabytes}mb.onnx"
    if path.exists():
        return path
    size = 4096
    layers = max(1, round(megabytes * MB / (4 * size * size)))
    rng = np.random.default_rng(0)
    # A message of protobuf ends at 2 GB.
    external = megabytes > 1900
    nodes, weights = [], []
    beside = path.with_suffix(".bin").open("wb") if external else None
    for k in range(layers):
        weight = TensorProto(name=f"w{k}", data_type=TensorProto.FLOAT, dims=[size, size])
        length = 4 * size * size
        if external:
            weight.data_location = TensorProto.EXTERNAL
            for key, value in (("location", path.with_suffix(".bin").name), ("offset", k * length),
                               ("length", length)):
                entry = weight.external_data.add()
                entry.key, entry.value = key, str(value)
            # The rest of a tensor is a hole of the file, which reads as zeros.
            beside.seek(k * length)
            (rng.standard_normal(size, dtype=np.float32) / 64).tofile(beside)
            beside.truncate((k + 1) * length)
        else:
            weight.raw_data = (rng.standard_normal(size * size, dtype=np.float32) / 64).tobytes()
        weights.append(weight)
        nodes.append(helper.make_node("MatMul", [f"x{k}", f"w{k}"], [f"y{k}"], f"dense{k}"))
        nodes.append(helper.make_node("Relu", [f"y{k}"], [f"x{k + 1}"], f"relu{k}"))
    info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(nodes, "random", [info("x0")], [info(f"x{layers}")], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


def measure(command):
    """(exit status, seconds, seconds of processors, peak resident bytes)"""
    start = time.monotonic()
    pid = os.posix_spawn(command[0], list(map(str, command)), os.environ)
    _, status, usage = os.wait4(pid, 0)
    return (os.waitstatus_to_exitcode(status), time.monotonic() - start, usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * 1024)


def best(command, times):
    """The least of each over some runs; the status is that of the last."""
    runs = [measure(command) for _ in range(times)]
    return (runs[-1][0], *(min(r[k] for r in runs) for k in (1, 2, 3)))


def code_bytes(path):
    """The size of an object's section .text."""
    for line in subprocess.run(["size", "-A", path], capture_output=True, text=True).stdout.splitlines():
        if line.startswith((".text ", ".ltext ")):
            return int(line.split()[1])
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["light_resnet50", "light_vgg19"])
    parser.add_argument("--random-mb", type=int, default=600)
    parser.add_argument("--only-make", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--compress", action="store_true")
    parser.add_argument("--times", type=int, default=1)
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
    print(f"{'':34} {'model MB':>9} {'object MB':>9} {'code KB':>8} {'seconds':>8} {'CPU s':>7} {'peak MB':>8} "
          f"{'limit MB':>8}")
    over = 0
    for title, model in chosen:
        if model is None:
            print(f"{title:34} not there")
            continue
        beside = model.with_suffix(".bin")
        size = model.stat().st_size + (beside.stat().st_size if beside.exists() else 0)
        for options in [[], *(COMPRESSIONS if args.compress else [])]:
            out = WORK / "compiled.o"
            status, seconds, cpu, peak = best([places.tool("lathe"), model, "-o", out, *args.option, *options],
                                              args.times)
            object_size = out.stat().st_size if status == 0 else 0
            limit = 2 * max(size, object_size) + 300 * MB
            print(f"{'  ' + ' '.join(options) if options else title:34} {size / MB:9.1f} {object_size / MB:9.1f} "
                  f"{code_bytes(out) / 1e3:8.1f} {seconds:8.2f} {cpu:7.2f} {peak / MB:8.0f} {limit / MB:8.0f}"
                  f"{'' if status == 0 else f'  FAILED ({status})'}{'  OVER' if peak > limit else ''}")
            over += status != 0 or peak > limit
            out.unlink(missing_ok=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
