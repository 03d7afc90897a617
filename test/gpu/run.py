#!/usr/bin/env python3
"""The kernels for a GPU, run on this machine: real models and cases of ONNX's suite.

    test/gpu/run.py                      mnist-8, squeezenet, tfbert and 60 drawn cases of the suite
    test/gpu/run.py --any --sample=200   three models and 200 cases of any op
    test/gpu/run.py --models             all models
    test/gpu/run.py --filter=conv        what matches, of the suite and of the models
    test/gpu/run.py --reverse            threads and blocks from the last to the first

Only cases that pass on a processor are run. What the compiler refuses for a GPU is counted; everything
else must be right, or the exit status is 1.
"""
import argparse
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import bounds, places  # noqa: E402
from harness import cases as harness  # noqa: E402
import models.run as real  # noqa: E402
import suite.run as suite  # noqa: E402

MODELS = ("mnist-8", "squeezenet1.1-fp16", "tfbert-squad-tiny")
FAMILIES = r"node/test_(.*conv|.*matmul|gemm|.*softmax|layer_norm|reduce|.*pool)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", help="only cases whose name matches this regular expression")
    parser.add_argument("--sample", type=int, default=60, help="so many cases of the suite")
    parser.add_argument("--any", action="store_true", help="draw them from all ops, not from contractions and reductions")
    parser.add_argument("--models", action="store_true", help="all models, no case of the suite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu", default="sm_80")
    parser.add_argument("--reverse", action="store_true")
    parser.add_argument("--jobs", "-j", type=int)
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--verbose", "-v", action="store_true")
    args = parser.parse_args()
    if args.reverse:
        os.environ["FAKECUDA_ORDER"] = "reverse"

    known = set(harness.read_list(suite.EXPECTED))
    cases = [c for c in suite.collect(places.suite()) if c.name in known]
    found = real.collect(places.models()) if places.models() else []
    if args.filter:
        chosen = [c for c in cases + found if re.search(args.filter, c.name)]
    elif args.models:
        chosen = found
    else:
        of_interest = [c for c in cases if args.any or re.match(FAMILIES, c.name)]
        chosen = suite.sample(of_interest, args.sample, args.seed) + [c for c in found if c.name in MODELS]
    program = (sys.executable, str(pathlib.Path(__file__).with_name("emulate.py")))
    for case in chosen:
        case.program = program
        case.options = (f"--cpu={args.cpu}",)
    results = harness.run_all(chosen, args.jobs, args.timeout)
    for r in results:
        if not r.passed:
            print(f"{r.name}: {r.reason}")
            if args.verbose:
                print(r.detail)
    print(harness.summary(results))
    wrong = [r for r in results if not r.passed and r.status != "refused"]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
