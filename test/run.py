#!/usr/bin/env python3
"""Runs every kind of test of a finished build (scripts/test builds first) and adds up.

unit      the gtest binary
lit       FileCheck tests of passes and tools, bad input, the C interface
numerics  ONNX's backend suite: 300 node cases by a fixed seed, the light models, and
          everything else of the suite that is known to pass (test/suite/expected-pass.txt)
sums      MatMul, Gemm and Conv of many shapes by the bound of sums of products, with and without emitters;
          functions of bytes by tables, equal to arithmetic
forms     formulas as exporters write them: fused, and equal to ONNX Runtime unoptimized
graph     the passes on the graph: idempotent, right in random company (graph-long: each alone, every model)
generic   the light models and everything with a contraction of the suite without emitters
models    the real models that are known to pass, where they lie beside the checkout
cross     models compiled for ARM, run under an emulator
packages  what cmake --install leaves, used from CMake, make and Meson
demo      scripts/demo
zoo       only by name (--only=zoo): networks made from scratch, against ONNX Runtime (test/zoo/requirements.txt)
mutants   the import of 2,000 damaged models
sanitize  unit and lit tests and the import of 2,000 damaged models under ASan and UBSan

A case of the suite that the compiler does not do yet is counted as neither passed nor
failed, but named by number.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIT = "/usr/lib/llvm-22/bin/lit"


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.notes = []

    def add(self, what, passed, failed, note=""):
        self.passed += passed
        self.failed += failed
        self.notes.append(f"{what:10} {passed:5} passed {failed:4} failed  {note}".rstrip())


def call(command, **options):
    return subprocess.run([str(c) for c in command], cwd=ROOT, stdin=subprocess.DEVNULL, **options).returncode


def run_unit(tally, build, scratch, label="unit", env=None):
    report = scratch / f"{label.replace('/', '-')}.json"
    code = call([build / "bin/lathe-unit", "--gtest_brief=1", f"--gtest_output=json:{report}"], env=env)
    if not report.exists():
        return tally.add(label, 0, 1, f"lathe-unit ended with {code} and no report")
    counts = json.loads(report.read_text())
    bad = counts["failures"] + counts["errors"]
    tally.add(label, counts["tests"] - bad - counts.get("disabled", 0), bad)


def run_lit(tally, build, scratch, label="lit", env=None):
    report = scratch / f"{label.replace('/', '-')}.json"
    code = call([LIT, "-j", os.cpu_count(), "-q", "-v", "--max-time=900", f"--output={report}", build / "test"], env=env)
    if not report.exists():
        return tally.add(label, 0, 1, f"lit ended with {code} and no report")
    codes = [t["code"] for t in json.loads(report.read_text())["tests"]]
    good = sum(c in ("PASS", "XFAIL", "FLAKYPASS") for c in codes)
    skipped = sum(c in ("UNSUPPORTED", "SKIPPED", "EXCLUDED") for c in codes)
    tally.add(label, good, len(codes) - good - skipped, f"{skipped} not for this build" if skipped else "")


def run_cases(tally, label, script, *options, scratch):
    """A script of cases: passed are passes, failed are regressions; others are not done yet."""
    report = scratch / f"{label.replace('/', '-')}.json"
    code = call([sys.executable, f"test/{script}/run.py", f"--json={report}", *options])
    if not report.exists():
        return tally.add(label, 0, 1, f"test/{script}/run.py ended with {code} and no report")
    results = json.loads(report.read_text()).values()
    expected = {
        line.split("#")[0].strip() for line in (ROOT / f"test/{script}/expected-pass.txt").read_text().splitlines()
    }
    bad = sum(r["status"] != "pass" and r["name"] in expected for r in results)
    good = sum(r["status"] == "pass" for r in results)
    todo = len(results) - good - bad
    tally.add(label, good, bad, f"{todo} cases that the compiler does not do yet" if todo else "")


def run_counting(tally, label, command):
    """A script whose last line is 'N passed, N failed'."""
    done = subprocess.run([str(c) for c in command], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    print(done.stdout + done.stderr[-4000:], end="", flush=True)
    found = re.search(r"^(\d+) passed, (\d+) failed\Z", done.stdout.rstrip(), re.M)
    if not found:
        return tally.add(label, 0, 1, f"ended with {done.returncode} and no count")
    tally.add(label, int(found.group(1)), int(found.group(2)))


def run_sanitize(tally, scratch):
    build = ROOT / "build-sanitize"
    if call(["scripts/build", "--preset=sanitize"]) != 0:
        return tally.add("sanitize", 0, 1, "the build failed")
    env = dict(os.environ, LATHE_BUILD=str(build), LATHE_NO_MEMORY_LIMIT="1",
               # The shared MLIR and LLVM are not instrumented: their containers look overflown, and what our
               # code poisons of their allocators they do not clear.
               ASAN_OPTIONS="detect_leaks=0:detect_container_overflow=0:allow_user_poisoning=0:"
                            "allocator_may_return_null=1",
               UBSAN_OPTIONS="print_stacktrace=1")
    run_unit(tally, build, scratch, "unit/san", env)
    run_lit(tally, build, scratch, "lit/san", env)
    run_mutants(tally, scratch, "mutants/san", env)


def run_mutants(tally, scratch, label="mutants", env=None):
    report = scratch / "mutants.json"
    call([sys.executable, "test/mutants/run.py", "--count=2000", f"--json={report}"], env=env)
    if not report.exists():
        return tally.add(label, 0, 1, "no report")
    counts = json.loads(report.read_text())
    tally.add(label, counts["survived"], counts["crashed"], f"{counts['refused']} refused with a message")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="comma-separated kinds of tests")
    parser.add_argument("--no-sanitize", action="store_true", help="without the build under ASan and UBSan")
    args = parser.parse_args()
    kinds = ["unit", "lit", "numerics", "sums", "forms", "graph", "generic", "models", "mutants", "cross", "packages", "demo", "sanitize"]
    if args.no_sanitize:
        kinds.remove("sanitize")
    if args.only:
        kinds = args.only.split(",")

    tally, start = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for kind in kinds:
            print(f"--- {kind} ({time.monotonic() - start:.0f} s)", flush=True)
            if kind == "unit":
                run_unit(tally, ROOT / "build", scratch)
            elif kind == "lit":
                run_lit(tally, ROOT / "build", scratch)
            elif kind == "numerics":
                run_cases(tally, kind, "suite", "--sample=300", "--light", "--with-expected", scratch=scratch)
            elif kind == "sums":
                for options in ([], ["--option=--emitters=none"]):
                    label = "sums" + "/plain" * bool(options)
                    run_counting(tally, label, [sys.executable, "test/numerics/contractions.py", *options])
                run_counting(tally, "sums/tables", [sys.executable, "test/numerics/tables.py"])
            elif kind == "forms":
                for script in ("fusions", "pruning", "sequences", "vendor"):
                    run_counting(tally, f"{kind}/{script}", [sys.executable, f"test/numerics/{script}.py"])
            elif kind in ("graph", "graph-long"):
                run_counting(tally, kind, [sys.executable, "test/graph/run.py"] + ["--long"] * (kind == "graph-long"))
            elif kind == "generic":
                run_cases(tally, kind, "suite", "--expected-only", "--option=--emitters=none",
                          "--filter=^light/|[Cc]onv|gemm|matmul|[Ll]inear|lstm|gru|rnn|attention", scratch=scratch)
            elif kind == "models":
                run_cases(tally, kind, "models", "--expected-only", scratch=scratch)
            elif kind == "zoo":
                run_counting(tally, kind, [sys.executable, "test/zoo/run.py", "--filter=^(sk|layer)/", "--variant=ts17,axes17"])
            elif kind == "demo":
                failed = call(["scripts/demo"]) != 0
                tally.add(kind, not failed, failed)
            elif kind == "mutants":
                run_mutants(tally, scratch)
            elif kind == "cross":
                run_counting(tally, kind, [sys.executable, "test/cross/run.py"])
                # Floats are made alike on all AArch64; bytes by what each has.
                for machine, sums in (("aarch64", ""), ("aarch64-dotprod", "integer"), ("aarch64-i8mm", "integer"), ("armv7", "")):
                    run_counting(tally, f"{kind}/{machine}", [sys.executable, "test/numerics/contractions.py",
                                                              f"--machine={machine}", f"--filter={sums}"])
                for machine in ("aarch64", "armv7"):
                    run_counting(tally, f"{kind}/{machine}/tables", [sys.executable, "test/numerics/tables.py",
                                                                     f"--machine={machine}"])
            elif kind == "packages":
                run_counting(tally, kind, [sys.executable, "test/packages/run.py"])
            elif kind == "sanitize":
                run_sanitize(tally, scratch)
            else:
                parser.error(f"no tests of the kind '{kind}'")
    print(f"--- done ({time.monotonic() - start:.0f} s)")
    for note in tally.notes:
        print(note)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
