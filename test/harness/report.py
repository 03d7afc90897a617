"""What the runners of cases share: their options, and what they say at the end.

A runner has a list of names that must pass (expected-pass.txt beside it); a case that is in
it and fails is a regression, and exit status 1.
"""
import json
import pathlib
import re

from . import cases


def add_options(parser, timeout):
    parser.add_argument("--filter", help="only cases whose name matches this regular expression")
    parser.add_argument("--expected-only", action="store_true", help="only cases of expected-pass.txt")
    parser.add_argument("--jobs", "-j", type=int)
    parser.add_argument("--timeout", type=float, default=timeout, help="seconds for one data set")
    parser.add_argument("--option", action="append", default=[], help="an option for lathe-run, as --option=-O0")
    parser.add_argument("--json", type=pathlib.Path, help="write every result there")
    parser.add_argument("--verbose", "-v", action="store_true", help="print every failure's output")
    parser.add_argument("--update-expected", action="store_true")


def choose(found, expected, args):
    """The cases that the options ask for, with the options for lathe-run."""
    chosen = [c for c in found if (not args.filter or re.search(args.filter, c.name))
              and (not args.expected_only or c.name in expected)]
    for case in chosen:
        case.options = tuple(args.option)
    return chosen


def finish(results, expected, path, header, args):
    """Prints the sum, writes what was asked for, and returns the exit status."""
    if args.verbose:
        for r in results:
            if not r.passed:
                print(f"\n--- {r.name}: {r.reason}\n{r.detail.rstrip()}")
    print(cases.summary(results))
    if args.json:
        args.json.write_text(json.dumps({r.name: vars(r) for r in results}, indent=0))
    passed = {r.name for r in results if r.passed}
    new = sorted(passed - expected)
    if args.update_expected:
        path.write_text(header + "\n".join(sorted(expected | passed)) + "\n")
    elif new:
        print(f"{len(new)} pass that {path.name} does not list yet (--update-expected adds them)")
    lost = sorted(r.name for r in results if r.name in expected and not r.passed)
    for name in lost:
        print(f"REGRESSION: {name}")
    return 1 if lost else 0
