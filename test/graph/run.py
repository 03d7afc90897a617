#!/usr/bin/env python3
"""The passes on the graph: idempotent, and right alone and in any company.

    test/graph/run.py                     a sample
    test/graph/run.py --long              every model and 200 cases, each pass alone
    test/graph/run.py --seed=7            other subsets of the passes

idempotent: the pipeline run twice gives the text of the pipeline run once.
alone: every pass of the stage but one disabled, one after the other.
subsets: a random half of the passes disabled, by a seed.
orders: all passes in a random order by lathe-opt, and the result compiled.
Results are held against the recorded outputs. A graph that passed once is not run again: what comes
after the stage depends on the graph alone. Ends with 'N passed, N failed'.
"""
import argparse
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import cases as harness  # noqa: E402
from harness import places  # noqa: E402
from models import run as models_run  # noqa: E402
from suite import run as suite_run  # noqa: E402

SAMPLE = ["mnist-8", "dtln-1"]


def run(*command, timeout=300):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def graph_passes(model):
    """Names of the passes that can be left out, as the compiler runs them."""
    def run_by(*options):
        code, out, err = run(places.tool("lathe"), model, "--stats=passes-json", *options)
        if code:
            sys.exit(err)
        return dict.fromkeys(p["pass"] for p in json.loads(out)["passes"] if p["pass"].startswith("graph-"))

    needed = {*run_by("-O0"), "graph-rounds"}  # which runs the others
    return [name for name in run_by() if name not in needed]


def known(kind):
    listed = pathlib.Path(__file__).resolve().parents[1] / kind / "expected-pass.txt"
    return [line.strip() for line in listed.read_text().splitlines() if line.strip() and not line.startswith("#")]


def find_models(long):
    """Cases of what is known to pass without options, each with its own tolerances."""
    folder, suite, found = places.models(), places.suite(), []
    if folder:
        names = known("models") if long else SAMPLE
        found += [case for case in models_run.collect(folder) if case.name in names]
    if suite:
        names = known("suite")
        chosen = set(random.Random(1).sample(names, min(len(names), 200 if long else 12)))
        if long:
            chosen |= {name for name in names if name.startswith("light/")}
        found += [case for case in suite_run.collect(suite) if case.name in chosen]
    return found


class Runner:
    """Runs cases whose graph was not yet seen to give right results."""

    def __init__(self):
        self.right = set()  # of (name of the case, digest of its graph)
        self.runs = self.skipped = 0

    def digest(self, case):
        with tempfile.TemporaryDirectory() as scratch:
            graph = pathlib.Path(scratch) / "graph.mlirbc"
            code, _, _ = run(places.tool("lathe"), case.model, *case.options, "--emit=graph", "-o", graph)
            return hashlib.sha256(graph.read_bytes()).digest() if code == 0 else None

    def run_all(self, cases):
        """The results that are new."""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            keys = {case.name: (case.name, digest) for case, digest in zip(cases, pool.map(self.digest, cases))}
        new = [case for case in cases if keys[case.name] not in self.right]
        results = harness.run_all(new, timeout=300)
        self.right |= {keys[result.name] for result in results if result.passed and keys[result.name][1]}
        self.runs += len(new)
        self.skipped += len(cases) - len(new)
        return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    models = find_models(args.long)
    digits = places.ROOT / "examples" / "digits" / "digits.onnx"
    passes = graph_passes(digits)
    passed = failed = 0

    def tell(good, what, why=""):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"FAILED {what}: {why.strip()[:600]}", flush=True)

    for name, model in [("digits", digits)] + [(case.name, case.model) for case in models]:
        opt = places.tool("lathe-opt")
        once, twice = run(opt, model, "--lathe-graph"), run(opt, model, "--lathe-graph", "--lathe-graph")
        same = once[0] == 0 and once[1] == twice[1]
        tell(same, f"idempotent {name}", once[2] + twice[2])

    rng = random.Random(args.seed)
    companies = [(f"only {p}", [q for q in passes if q != p]) for p in (passes if args.long else [])]
    companies += [("none", passes)]
    companies += [(f"subset {i}", sorted(rng.sample(passes, len(passes) // 2))) for i in range(4 if args.long else 2)]
    runner = Runner()
    for title, disabled in companies:
        options = tuple(f"--disable-pass={p}" for p in disabled)
        for result in runner.run_all([dataclasses.replace(case, options=options) for case in models]):
            tell(result.passed, f"{title} {result.name}", result.reason)
        if args.long:
            print(f"{title}: {passed} passed, {failed} failed", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(4 if args.long else 2):
            order = ["onnx-infer-shapes", *rng.sample(passes, len(passes))]
            shuffled = []
            for k, case in enumerate(models):
                module = pathlib.Path(scratch) / f"{k}.mlirbc"
                code, _, err = run(places.tool("lathe-opt"), case.model, "--emit-bytecode", "-o", module,
                                   f"--pass-pipeline=builtin.module({','.join(order)})")
                if code:
                    tell(False, f"order {i} {case.name}", f"{','.join(order)}: {err}")
                else:
                    shuffled.append(dataclasses.replace(case, model=module))
            for result in runner.run_all(shuffled):
                tell(result.passed, f"order {i} {result.name}", f"{','.join(order)}: {result.reason}")
    print(f"{len(passes)} passes, {len(models)} models and cases: {runner.runs} graphs run, {runner.skipped} equal to one that was")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
