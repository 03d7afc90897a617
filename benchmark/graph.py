#!/usr/bin/env python3
"""What the passes on the graph leave of a model, beside ONNX Runtime's optimizer.

    benchmark/graph.py                    the real models, the light models and the 18 networks
    benchmark/graph.py MODEL ...          files, or names of models / light models / networks
    benchmark/graph.py --markdown         the table for a document

nodes: ops other than constants, subgraphs too, in the file (its Constants not counted),
after our passes, and in the model that ONNX Runtime writes at its highest level. calls:
what the compiled model calls (kernels and control flow). MACs and parameters: before and
after our passes; by shapes where they depend on a dimension that only a run knows. ms:
time in our passes on the graph, the computing of constants among them.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import onnx

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "models"), str(HERE.parent / "test")]
import compare  # noqa: E402
import make  # noqa: E402
from harness import places  # noqa: E402


def names():
    models, suite = places.models(), places.suite()
    found = sorted(p.parent.name for p in models.glob("*/model.onnx")) if models else []
    light = sorted(p.name.replace("test_", "light_", 1) for p in (suite / "light").iterdir()) if suite else []
    return found + light + list(make.NETWORKS)


def find(name):
    if name in make.NETWORKS:
        return make.make(name)
    return compare.find(name)[1]


def count(graph):
    """Nodes other than constants, those of subgraphs too."""
    total = 0
    for node in graph.node:
        total += node.op_type != "Constant"
        for attribute in node.attribute:
            for inner in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                total += count(inner)
    return total


def count_ort(path):
    """Nodes of the model that ONNX Runtime would run."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.optimized_model_filepath = f"{folder}/model.onnx"
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.bin")
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return count(onnx.load(options.optimized_model_filepath, load_external_data=False).graph)


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[0] if done.stderr.strip() else f"exit {done.returncode}")
    return done.stdout


def kernel_calls(path, options):
    """Kernels and control flow of the main function; outside of it only kernels are defined."""
    text = run(places.tool("lathe"), path, "--emit=kernel", *options)
    main = re.search(r"^  func\.func @main.*?^  }$", text, re.S | re.M)
    return len(re.findall(r"\bkernel\.call\b|\bscf\.(?:for|while|if)\b", main.group(0) if main else text))


def row(name, options):
    path = find(name)
    if path is None:
        return None
    before = count(onnx.load(path, load_external_data=False).graph)
    report = json.loads(run(places.tool("lathe"), path, "--stats=passes-json", *options))["passes"]
    # Shapes that the file leaves open follow from others: MACs are known after the first pass.
    first, last = report[0]["after"], report[-1]["after"]
    try:
        calls = kernel_calls(path, options)
    except RuntimeError as error:
        calls = None
        print(f"{name}: {error}", file=sys.stderr)
    try:
        ort = count_ort(path)
    except Exception as error:
        ort = None
        print(f"{name}: ONNX Runtime: {str(error).splitlines()[0][:100]}", file=sys.stderr)
    return (name, before, last["nodes"], calls, ort, first["macs"], last["macs"], report[0]["before"]["parameters"],
            last["parameters"], sum(p["ms"] for p in report))


HEADINGS = ["model", "nodes", "ours", "calls", "ORT", "MACs, M", "after", "param., k", "after", "ms"]


def cells(values):
    name, *numbers, macs, macs_after, params, params_after, ms = values
    plain = ["-" if n is None else str(n) for n in numbers]
    large = ["by shapes" if m is None else f"{m / 1e6:.1f}" for m in (macs, macs_after)]
    return [name, *plain, *large, f"{params / 1e3:.0f}", f"{params_after / 1e3:.0f}", f"{ms:.1f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--option", action="append", default=[], help="an option for lathe, as --option=-O1")
    args = parser.parse_args()
    if args.markdown:
        print("| " + " | ".join(HEADINGS) + " |\n|---" + "|--:" * (len(HEADINGS) - 1) + "|")
    else:
        print(f"{HEADINGS[0]:24}" + "".join(f"{h:>10}" for h in HEADINGS[1:]))
    more = []
    for name in args.models or names():
        try:
            values = row(name, args.option)
        except RuntimeError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        if values is None:
            continue
        text = cells(values)
        print("| " + " | ".join(text) + " |" if args.markdown else f"{text[0]:24}" + "".join(f"{c:>10}" for c in text[1:]),
              flush=True)
        if values[3] is not None and values[4] is not None and values[3] > values[4]:
            more.append(name)
    if more:
        print(f"more calls than ONNX Runtime has nodes: {', '.join(more)}")


if __name__ == "__main__":
    main()
