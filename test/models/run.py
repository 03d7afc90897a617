#!/usr/bin/env python3
"""Runs the real models through lathe-run on their recorded inputs and outputs.

    test/models/run.py                     all of them
    test/models/run.py --filter=yolox      those whose name matches
    test/models/run.py --update-expected   adds what passes now to expected-pass.txt

A value may differ from the recorded one by rtol 1e-3 and 1e-5 of the output's largest
magnitude, or, where that is larger, by 1.5 times what the recording program's own
optimization levels differ among themselves (io.json). Exits 1 on a regression, as
test/suite/run.py does; without the models beside the checkout there is nothing to do.
"""
import argparse
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import bounds, places  # noqa: E402
from harness import cases as harness  # noqa: E402

EXPECTED = pathlib.Path(__file__).with_name("expected-pass.txt")


def collect(folder):
    found = []
    for model in sorted(folder.glob("*/model.onnx")):
        data = sorted(model.parent.glob("data_*"))
        found.append(harness.Case(model.parent.name, model, data, [bounds.recorded(d) for d in data]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, help="folder of the models (default: unpacked)")
    parser.add_argument("--filter", help="only models whose name matches this regular expression")
    parser.add_argument("--expected-only", action="store_true", help="only models of expected-pass.txt")
    parser.add_argument("--jobs", "-j", type=int)
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one data set")
    parser.add_argument("--option", action="append", default=[], help="an option for lathe-run, as --option=-O0")
    parser.add_argument("--json", type=pathlib.Path, help="write every result there")
    parser.add_argument("--verbose", "-v", action="store_true", help="print every failure's output")
    parser.add_argument("--update-expected", action="store_true")
    args = parser.parse_args()

    folder = args.models or places.models()
    if folder is None:
        print("no models beside the checkout: nothing to run")
        if args.json:
            args.json.write_text("{}")
        return 0
    expected = set(harness.read_list(EXPECTED))
    chosen = [c for c in collect(folder) if not args.filter or re.search(args.filter, c.name)]
    if args.expected_only:
        chosen = [c for c in chosen if c.name in expected]
    for case in chosen:
        case.options = tuple(args.option)

    results = harness.run_all(chosen, args.jobs, args.timeout)
    for r in results:
        print(f"{r.name:24} {r.seconds:6.1f} s  {'pass' if r.passed else r.reason}")
        if args.verbose and not r.passed:
            print(r.detail)
    print(harness.summary(results))
    if args.json:
        args.json.write_text(json.dumps({r.name: vars(r) for r in results}, indent=0))

    passed = {r.name for r in results if r.passed}
    if args.update_expected:
        header = "# Real models whose outputs must be right; test/models/run.py --update-expected adds to it.\n"
        EXPECTED.write_text(header + "\n".join(sorted(expected | passed)) + "\n")
    lost = sorted(r.name for r in results if r.name in expected and not r.passed)
    for name in lost:
        print(f"REGRESSION: {name}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
