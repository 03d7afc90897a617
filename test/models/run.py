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
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import bounds, places, report  # noqa: E402
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
    report.add_options(parser, timeout=300)
    args = parser.parse_args()

    folder = args.models or places.models()
    if folder is None:
        print("no models beside the checkout: nothing to run")
        if args.json:
            args.json.write_text("{}")
        return 0
    expected = set(harness.read_list(EXPECTED))
    chosen = report.choose(collect(folder), expected, args)
    results = harness.run_all(chosen, args.jobs, args.timeout)
    for r in results:
        print(f"{r.name:24} {r.seconds:6.1f} s  {'pass' if r.passed else r.reason}")
    header = "# Real models whose outputs must be right; test/models/run.py --update-expected adds to it.\n"
    return report.finish(results, expected, EXPECTED, header, args)


if __name__ == "__main__":
    sys.exit(main())
