#!/usr/bin/env python3
"""Networks of every kind, made from scratch with random weights, held against ONNX Runtime.

    test/zoo/run.py --list                   the names
    test/zoo/run.py --filter='^timm/|bert'   those whose name matches
    test/zoo/run.py --variant=ts17,axes17    how they are exported (see VARIANTS)
    test/zoo/run.py --bench                  with times beside ONNX Runtime's

Each model is made by the packages of test/zoo/requirements.txt (what is not installed is
skipped; nothing is downloaded), kept under build/zoo, and run by ONNX Runtime without
optimizations and by lathe-run. The table tells what each did: ok, refused (and why), wrong
(and by how much), crash, timeout.
"""
import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))
from harness import bounds, cases, places  # noqa: E402

VARIANTS = {  # of torch modules: (new exporter, opset, open axes)
    "ts17": (False, 17, False), "ts13": (False, 13, False), "ts11": (False, 11, False), "ts9": (False, 9, False),
    "axes17": (False, 17, True), "axes14": (False, 14, True),
    "dy18": (True, 18, False), "dy20": (True, 20, False), "dy23": (True, 23, False), "dyaxes20": (True, 20, True), "dyaxes23": (True, 23, True),
    "fp16": (False, 17, False), "dyfp16": (True, 18, False), "bf16": (True, 18, False),
    "qdq": (False, 17, False), "qdqch": (False, 17, False), "qdqint8": (False, 17, False), "qop": (False, 17, False), "qdyn": (False, 17, False), "qdynch": (False, 17, False), "qdyaxes": (False, 17, True),
    "ort": (False, 17, False), "ortaxes": (False, 17, True), "ortq": (False, 17, False),  # by ONNX Runtime's own optimizers
}


def registry():
    found = {}
    for module in ("vision", "text", "multimodal", "layers", "classic", "keras_models"):
        try:
            imported = __import__(f"zoo.{module}", fromlist=["MODELS"])
        except ModuleNotFoundError as error:
            if "zoo." in str(error.name):
                continue
            raise
        found.update(imported.MODELS)
    return found


def make(name, maker, variant, folder):
    """In a process of its own: writes model.onnx and data_0, or raises."""
    from zoo import exporting, quantized

    exporting.seed(name)
    spec = maker()
    path = folder / "model.onnx"
    if callable(getattr(spec, "write", None)):  # not torch: writes the file itself
        feeds = spec.write(path)
        exporting.record(path, feeds)
        return
    import torch

    torch.set_num_threads(1)
    exporting.liven(spec.module, spec.args)
    dynamo, opset, dynamic = VARIANTS[variant]
    exact = None
    if variant.endswith(("fp16", "bf16")):
        kind = torch.float16 if variant.endswith("fp16") else torch.bfloat16
        exact = exporting.narrowed(spec, kind)
    exporting.export(spec, path, dynamo=dynamo, opset=opset, dynamic=dynamic)
    feeds = [exporting.numpy_of(a) for a in spec.args]
    if variant.startswith("ort"):
        quantized.optimize(path)
    if variant.startswith("q") or variant == "ortq":
        quantized.rewrite(path, feeds, variant)
    exporting.record(path, feeds, exact)


def guarded(name, maker, variant, folder):
    os.setpgrp()
    log = open(folder / "make.log", "w")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    try:
        make(name, maker, variant, folder)
        (folder / "made").write_text("")
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def made(name, maker, variant, folder, timeout, again):
    """True if the model is there, made now or before."""
    if (folder / "made").exists() and not again:
        return True
    if (folder / "make.log").exists() and not again:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    process = multiprocessing.get_context("fork").Process(target=guarded, args=(name, maker, variant, folder))
    process.start()
    process.join(timeout)
    if process.is_alive():
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        with open(folder / "make.log", "a") as log:
            log.write("timeout\n")
    return (folder / "made").exists()


def ours_min(library, data):
    done = subprocess.run([places.tool("lathe-run"), str(library), f"--data={data}", "--rtol=1e9", "--atol=1e9", "--bench=0.3", "--json"], capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["min_ms"]


def theirs_min(session, feed):
    best, end = 1e9, time.monotonic() + 0.3
    while True:
        start = time.perf_counter()
        session.run(None, feed)
        now = time.perf_counter()
        best = min(best, (now - start) * 1e3)
        if time.monotonic() > end:
            return best


def bench(folder):
    """(seconds of the compile, our minimum, ONNX Runtime's minimum, in ms, one thread each)"""
    import numpy as np
    import onnxruntime

    start = time.monotonic()
    library = folder / "model.so"
    subprocess.run([places.tool("lathe"), str(folder / "model.onnx"), "-o", str(library)], check=True)
    seconds = time.monotonic() - start
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    feed = {info.name: np.load(folder / "data_0" / f"input_{k}.npy") for k, info in enumerate(session.get_inputs())}
    ours = theirs = 1e9
    for _ in range(2):
        ours = min(ours, ours_min(library, folder / "data_0"))
        theirs = min(theirs, theirs_min(session, feed))
    library.unlink()
    return seconds, ours, theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", default="", help="only models whose name matches this regular expression")
    parser.add_argument("--variant", default="ts17", help="comma-separated, of " + " ".join(VARIANTS))
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--bench", action="store_true", help="measure run time beside ONNX Runtime's")
    parser.add_argument("--again", action="store_true", help="make models anew")
    parser.add_argument("--keep", action="store_true", help="keep models that pass (they are made anew otherwise)")
    parser.add_argument("--make-timeout", type=float, default=180)
    parser.add_argument("--timeout", type=float, default=180, help="seconds for compiling and running a model")
    parser.add_argument("--option", action="append", default=[], help="an option for lathe-run, as --option=-O0")
    parser.add_argument("--json", type=pathlib.Path, help="add every result to this file")
    args = parser.parse_args()

    try:
        import onnx, onnxruntime, torch, torchvision, transformers  # noqa: E401, F401
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed (test/zoo/requirements.txt): nothing to run\n0 passed, 0 failed")
        return 0
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    models = {n: m for n, m in registry().items() if re.search(args.filter, n)}
    if args.list:
        print("\n".join(models))
        return 0

    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    counts = collections.Counter()
    for name, maker in models.items():
        torch_made = not name.startswith(("sk/", "keras/", "onnx/"))
        for variant in args.variant.split(",") if torch_made else [""]:
            full = f"{name}@{variant}" if variant else name
            folder = places.BUILD / "zoo" / full.replace("/", "_")
            if not made(name, maker, variant, folder, args.make_timeout, args.again):
                lines = [l for l in (folder / "make.log").read_text(errors="replace").splitlines() if l.strip()] or ["?"]
                status, reason, seconds = "unmade", lines[-1][:150], 0.0
                result = None
            else:
                case = cases.Case(full, folder / "model.onnx", [folder / "data_0"], [bounds.recorded(folder / "data_0")],
                                  tuple(args.option))
                result = cases.run(case, args.timeout)
                status, reason, seconds = result.status, result.reason, result.seconds
                if status == "wrong":
                    reason = result.detail.strip().splitlines()[0][:200] if result.detail.strip() else reason
                if status in ("refused", "crash"):
                    reason = next((l for l in result.detail.splitlines() if "error" in l or "Assert" in l), reason)[:300]
            counts[status] += 1
            extra = ""
            if args.bench and status == "pass":
                compiled, ours, theirs = bench(folder)
                extra = f"  compile {compiled:5.1f} s  {ours:9.3f} : {theirs:9.3f} ms = {ours / theirs:5.2f}"
            print(f"{full:44} {status:8} {seconds:6.1f} s{extra}  {reason}", flush=True)
            results[full] = {"status": status, "reason": reason, "seconds": seconds}
            if args.json:
                args.json.write_text(json.dumps(results, indent=0))
            if status == "pass" and not args.keep and folder.exists():
                (folder / "model.onnx").unlink()
                (folder / "made").unlink()
                (folder / "make.log").unlink()
    print(", ".join(f"{n} {s}" for s, n in sorted(counts.items())))
    failed = sum(counts[s] for s in ("wrong", "crash", "timeout", "refused"))
    print(f"{counts['pass']} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
