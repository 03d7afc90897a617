#!/usr/bin/env python3
"""Runs ONNX's backend suite through lathe-run and reports the failures by reason.

    test/suite/run.py                      every case
    test/suite/run.py --sample=300         300 node cases drawn by --seed, as the test run does
    test/suite/run.py --filter=softmax     cases whose name matches the regular expression
    test/suite/run.py --update-expected    adds what passes now to expected-pass.txt

Exits 1 if a case fails that expected-pass.txt lists: that is a regression. Cases that it
does not list yet may fail.
"""
import argparse
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import bounds, places, report  # noqa: E402
from harness import cases as harness  # noqa: E402

EXPECTED = pathlib.Path(__file__).with_name("expected-pass.txt")
ANYTHING = (0.0, 1e38)  # type and shape only


def is_random(name):
    """Outputs that depend on a random generator have no value to be compared with."""
    name = name.split("/")[1]
    return name.startswith("test_bernoulli") or (
        name.startswith("test_training_dropout") and "zero_ratio" not in name
    )


def collect(folder):
    tolerances = {}
    if (folder / "tolerances.json").exists():
        tolerances = json.loads((folder / "tolerances.json").read_text())
    found = []
    for model in sorted(folder.glob("*/*/model.onnx")):
        name = f"{model.parent.parent.name}/{model.parent.name}"
        data = sorted(model.parent.glob("test_data_set_*"))
        tolerance = ANYTHING if is_random(name) else tuple(tolerances.get(name, bounds.SUITE))
        found.append(harness.Case(name, model, data, [tolerance] * len(data)))
    return found


def sample(all_cases, count, seed):
    """`count` node cases by a fixed seed; the same ones on every machine."""
    names = [c.name for c in all_cases if c.name.startswith("node/")]
    drawn = set(random.Random(seed).sample(names, min(count, len(names))))
    return [c for c in all_cases if c.name in drawn]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=pathlib.Path, help="folder of the suite (default: unpacked or generated)")
    parser.add_argument("--sample", type=int, help="only so many node cases, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--light", action="store_true", help="with --sample: the light models too")
    parser.add_argument("--with-expected", action="store_true", help="with --sample: all expected cases too")
    report.add_options(parser, timeout=180)
    args = parser.parse_args()

    chosen = collect(args.suite or places.suite())
    expected = set(harness.read_list(EXPECTED))
    if args.sample:
        drawn = {c.name for c in sample(chosen, args.sample, args.seed)}
        also = lambda name: (args.light and name.startswith("light/")) or (args.with_expected and name in expected)
        chosen = [c for c in chosen if c.name in drawn or also(c.name)]
    chosen = report.choose(chosen, expected, args)
    results = harness.run_all(chosen, args.jobs, args.timeout, progress=len(chosen) > 500)
    for line in harness.by_reason(results):
        print(line)
    header = "# Cases of ONNX's backend suite that must pass; test/suite/run.py --update-expected adds to it.\n"
    return report.finish(results, expected, EXPECTED, header, args)


if __name__ == "__main__":
    sys.exit(main())
