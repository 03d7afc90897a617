#!/usr/bin/env python3
"""What channel pruning makes of a network: multiply-adds, parameters and time before and after.

    benchmark/prune.py                    the 18 networks, 30 % of their channels
    benchmark/prune.py MODEL ...          files, or names of models / light models / networks
    benchmark/prune.py --fraction=0.5 --markdown --reasons

Both are compiled once and run in turns, one thread, on one core; times are minima of the CPU time of a run.
layers: those with weights; smaller: how many of them are, for what they read or what they make. --reasons
lists the layers that make all their channels still, each with the reason that the compiler gives.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "models"), str(HERE.parent / "test")]
import compare  # noqa: E402
import graph  # noqa: E402
import make  # noqa: E402
from harness import places  # noqa: E402

HEADINGS = ["model", "MACs, M", "after", "param., k", "after", "layers", "smaller", "ms", "after", "ratio"]


def figures(path, options):
    """(statistics, remarks about channels) of a compilation."""
    done = subprocess.run([str(c) for c in (places.tool("lathe"), path, "--stats=json", "--remarks", *options)],
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout), [r for r in done.stderr.splitlines() if "channels stay" in r]


def row(name, args):
    path = graph.find(name)
    options = [f"--prune-channels={args.fraction}", *args.option]
    stats, reasons = figures(path, options)
    stages = {s["stage"]: s for s in stats["stages"]}
    before, after = stages["graph"], stages["compress"]
    layers = [l for l in stats["layers"] if l["before"]["weights"]]
    smaller = sum(l["after"]["weights"] < l["before"]["weights"] for l in layers)
    libraries = [compare.compile_library(f"{name}-{tag}", path, more)[0] for tag, more in (("whole", args.option), ("pruned", options))]
    times = [[], []]
    for _ in range(args.rounds):
        for k, library in enumerate(libraries):
            times[k].append(compare.time_lathe(library, None, args.seconds, [])["min_cpu_ms"])
    whole, pruned = map(min, times)
    million, thousand = (lambda n: "by shapes" if n is None else f"{n / 1e6:.1f}"), (lambda n: f"{n / 1e3:.0f}")
    return [name, million(before["macs"]), million(after["macs"]), thousand(before["parameters"]), thousand(after["parameters"]),
            str(len(layers)), str(smaller), f"{whole:.3f}", f"{pruned:.3f}", f"{pruned / whole:.2f}"], reasons


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(make.NETWORKS))
    parser.add_argument("--fraction", type=float, default=0.3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--reasons", action="store_true", help="layers whose channels all stay, and why")
    parser.add_argument("--option", action="append", default=[], help="an option for lathe, as --option=-O2")
    args = parser.parse_args()
    compare.WORK.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if args.markdown:
        print("| " + " | ".join(HEADINGS) + " |\n|---" + "|--:" * (len(HEADINGS) - 1) + "|")
    else:
        print(f"{HEADINGS[0]:24}" + "".join(f"{h:>10}" for h in HEADINGS[1:]))
    for name in args.models:
        try:
            cells, reasons = row(name, args)
        except RuntimeError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        print("| " + " | ".join(cells) + " |" if args.markdown else f"{cells[0]:24}" + "".join(f"{c:>10}" for c in cells[1:]),
              flush=True)
        if args.reasons:
            for reason in reasons:
                print("    " + re.sub(r"^.*?remark: ", "", reason))


if __name__ == "__main__":
    main()
