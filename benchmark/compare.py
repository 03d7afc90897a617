#!/usr/bin/env python3
"""Run time beside ONNX Runtime, one thread, on one core, the two alternating.

    benchmark/compare.py                          the default set
    benchmark/compare.py MODEL ...                files, or names of models / light models
    benchmark/compare.py --rounds=5 --seconds=2   longer

Each model is compiled once to a shared library; then rounds of ours and ONNX Runtime's
take turns, so that what else the machine does meets both. Times are CPU time of the one
thread that computes, so that a busy machine does not count. The table shows the minimum
of both, the median of ONNX Runtime, and, where the compiler counts multiply-accumulates,
what part of the core's measured FMA peak (f32) that is. Both get the same inputs: the
model's recorded ones if there are any, else seeded random ones.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test"))
from harness import places  # noqa: E402

DEFAULT = ["mnist-8", "squeezenet1.1-fp16", "ultraface-rfb-320", "tfbert-squad-tiny", "yolox-nano", "light_resnet50",
           "light_squeezenet"]
WORK = places.BUILD / "benchmark"


def cpu_name():
    found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return found.group(1) if found else os.uname().machine


def find(name):
    """(title, model file, folder of recorded inputs or None) of a file or a known name."""
    path = pathlib.Path(name)
    if path.suffix == ".onnx" and path.exists():
        data = sorted(path.parent.glob("*data*_0"))
        return path.parent.name if path.stem == "model" else path.stem, path, data[0] if data else None
    if name.startswith("light_"):
        case = places.suite() / "light" / name.replace("light_", "test_", 1)
        return name, case / "model.onnx", case / "test_data_set_0"
    network = places.BUILD / "data" / "networks" / f"{name}.onnx"
    if network.exists():
        return name, network, None
    folder = places.models()
    if folder is None or not (folder / name / "model.onnx").exists():
        return name, None, None
    return name, folder / name / "model.onnx", folder / name / "data_0"


def peak_gflops():
    """f32 FMA peak of this core, measured."""
    program = WORK / "peak"
    source = pathlib.Path(__file__).with_name("peak.c")
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["clang-22", "-O2", "-march=native", source, "-o", program], check=True)
    return float(subprocess.run([program], capture_output=True, text=True, check=True).stdout)


def recorded_inputs(session, data):
    from onnx import TensorProto, numpy_helper

    feed = {}
    for k, info in enumerate(session.get_inputs()):
        if (data / f"input_{k}.npy").exists():
            feed[info.name] = np.load(data / f"input_{k}.npy")
        else:
            tensor = TensorProto.FromString((data / f"input_{k}.pb").read_bytes())
            feed[info.name] = numpy_helper.to_array(tensor)
    return feed


def random_inputs(session):
    rng = np.random.default_rng(0)
    feed = {}
    for info in session.get_inputs():
        shape = [d if isinstance(d, int) else 1 for d in info.shape]
        kind = info.type[len("tensor(") : -1]
        dtype = {"float": "float32", "double": "float64", "bool": "bool"}.get(kind, kind)
        dtype = "float16" if kind == "float16" else dtype
        floating = dtype.startswith("float")
        feed[info.name] = (rng.standard_normal(shape) if floating else rng.integers(0, 2, shape)).astype(dtype)
    return feed


def ort_session(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def time_ort(session, feed, seconds):
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.thread_time()
        session.run(None, feed)
        times.append(time.thread_time() - start)
    return [1e3 * t for t in times]


def time_lathe(what, data, seconds, options):
    command = [places.tool("lathe-run"), what, f"--bench={seconds}", "--threads=1", "--json", *options]
    if data:
        # Recorded outputs were made on another machine: here only the time counts.
        command += [f"--data={data}", "--rtol=1", "--atol=1e30"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1:] or f"exit {done.returncode}")
    return json.loads(lines[-1])


def compile_library(title, model, options):
    library = WORK / f"{re.sub('[^A-Za-z0-9]', '_', title)}.so"
    start = time.perf_counter()
    done = subprocess.run([places.tool("lathe"), model, "-o", library, *options], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[0])
    return library, time.perf_counter() - start


def macs_of(model, options):
    done = subprocess.run([places.tool("lathe"), model, "--stats=json", *options], capture_output=True, text=True)
    try:
        return max(s.get("macs") or 0 for s in json.loads(done.stdout)["stages"])
    except (ValueError, KeyError):
        return 0


def compare(name, args, peak):
    title, model, data = find(name)
    if model is None:
        return f"{name:24} not there"
    try:
        library, compile_seconds = compile_library(title, model, args.option)
        session = ort_session(model)
        feed = recorded_inputs(session, data) if data else random_inputs(session)
        session.run(None, feed)
        ours_min, theirs = [], []
        for _ in range(args.rounds):
            result = time_lathe(library, data, args.seconds, [])
            ours_min.append(result["min_cpu_ms"])
            theirs += time_ort(session, feed, args.seconds)
    except Exception as error:  # one model's failure must not end the table
        return f"{title:24} {str(error)[:100]}"
    ours, ort = min(ours_min), min(theirs)
    macs = macs_of(model, args.option)
    part = f"{2e-6 * macs / ours / peak:6.0%}" if macs and peak else "     -"
    return (f"{title:24} {ours:9.3f} {ort:9.3f} {ours / ort:7.2f}x "
            f"{statistics.median(theirs):9.3f} {part} {compile_seconds:8.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--cpu", type=int, help="core to run on (default: the last one allowed)")
    parser.add_argument("--option", action="append", default=[], help="an option for lathe, as --option=-O2")
    args = parser.parse_args()

    WORK.mkdir(parents=True, exist_ok=True)
    core = args.cpu if args.cpu is not None else max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    peak = peak_gflops()
    print(f"{cpu_name()}, core {core}, f32 FMA peak {peak:.1f} GFLOP/s; "
          f"load {os.getloadavg()[0]:.2f}; {args.rounds} rounds of {args.seconds:g} s")
    print(f"{'ms':24} {'ours min':>9} {'ORT min':>9} {'ours/ORT':>8} {'ORT med.':>9} {'peak':>6} "
          f"{'compile s':>9}")
    for name in args.models:
        print(compare(name, args, peak), flush=True)


if __name__ == "__main__":
    main()
