"""Reads the assembly of a compiled model and holds its hot loops against what a good kernel has.

    hot_loops.py FILE.s [--kernels=FILE.mlir] [--at-least=FMAS] [--broadcasts=MOST] [--loads=MOST] [--spills=MOST]

A loop is what lies between a label and the last jump back to it; it is innermost if no other
loop lies inside. Of each function the innermost loops with a fused multiply-add count: there the time goes. The rules:

* no loop touches the stack by a vector register (--spills, if LLVM cannot be kept from it): an accumulator or operand that does not fit the
  registers is stored and loaded in every iteration, and what the tile was to save is lost;
* no loop holds fewer than 2 multiply-adds (a loop of one waits for itself in every iteration);
* the loop with most multiply-adds, that of the whole tiles, has at least FMAS of them (--at-least), all on vectors, and a multiple of
  the accumulators that the schedule says (mr times nv in --kernels, the form after the stage Kernel): none was lost or computed twice;
* in it, per multiply-add, no more than MOST loads of whole vectors (--loads) and broadcasts (--broadcasts): operands are shared
  between the accumulators of a tile.

Prints one line a loop and 'good', or what is wrong, and exits with 1.
"""
import argparse
import re
import sys

LABEL = re.compile(r"^([\w.$]+):$")
JUMP = re.compile(r"^j\w+\s+(\.L\w+)$")
STACK = re.compile(r"(?<![\w(,])-?\d*\(%rsp")
VECTOR = re.compile(r"%[xyz]mm\d+")


def functions(text):
    """(name, instructions, {label: index}) of each function."""
    name, code, labels = None, [], {}
    for line in text.splitlines():
        line = " ".join(line.split("#")[0].split())
        label = LABEL.match(line)
        if label and not label.group(1).startswith(".L"):
            if name:
                yield name, code, labels
            name, code, labels = label.group(1), [], {}
        elif label:
            labels[label.group(1)] = len(code)
        elif line and not line.startswith("."):
            code.append(line)
    if name:
        yield name, code, labels


def innermost_loops(code, labels):
    ends = {}
    for at, line in enumerate(code):
        jump = JUMP.match(line)
        if jump and labels.get(jump.group(1), at + 1) <= at:
            ends[labels[jump.group(1)]] = at
    for start, end in ends.items():
        if not any(start <= a and b <= end and (a, b) != (start, end) for a, b in ends.items()):
            yield code[start : end + 1]


class Loop:
    def __init__(self, function, code):
        self.function = function
        fused = [line for line in code if re.match(r"vfn?m(add|sub)", line)]
        self.fmas = len(fused)
        self.scalar = sum(bool(re.match(r"\S+s[sd] ", line)) for line in fused)
        self.broadcasts = sum("broadcast" in line or "{1to" in line for line in code)
        # A load of a whole vector, alone or as an operand of the multiply-add.
        loads = [line for line in code if re.match(r"v(mov[au]p[sd]|fn?m(add|sub)\w+) \S*\(", line)]
        self.loads = sum("{1to" not in line for line in loads)
        self.spills = [line for line in code if STACK.search(line) and VECTOR.search(line)]

    def __str__(self):
        return (f"{self.function}: {self.fmas} multiply-adds, {self.loads} loads, {self.broadcasts} broadcasts, "
                f"{len(self.spills)} vectors on the stack")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--at-least", type=int, default=2)
    parser.add_argument("--kernels", help="the form after the stage Kernel, with the schedule")
    parser.add_argument("--spills", type=int, default=0)
    parser.add_argument("--broadcasts", type=float, default=1.0)
    parser.add_argument("--loads", type=float, default=1.0)
    args = parser.parse_args()
    accumulators = 1
    if args.kernels:
        schedule = re.search(r"#kernel.contraction<mr = (\d+), nv = (\d+)", open(args.kernels).read())
        if not schedule:
            print(f"{args.kernels}: no kernel has a schedule")
            return 1
        accumulators = int(schedule.group(1)) * int(schedule.group(2))
    loops = [Loop(name, code) for name, instructions, labels in functions(open(args.file).read())
             for code in innermost_loops(instructions, labels)]
    loops = [loop for loop in loops if loop.fmas]
    wrong = [] if loops else ["no loop has a fused multiply-add"]
    for loop in loops:
        print(loop)
        if len(loop.spills) > args.spills:
            wrong.append(f"{loop.function}: vectors lie on the stack in an inner loop: {loop.spills[0]}")
        if loop.fmas < 2:
            wrong.append(f"{loop.function}: a loop of a single multiply-add")
    if loops:
        main_loop = max(loops, key=lambda loop: loop.fmas)
        if main_loop.fmas < args.at_least or main_loop.fmas % accumulators:
            wrong.append(f"{main_loop.fmas} multiply-adds, expected at least {args.at_least} and a multiple of {accumulators}")
        if main_loop.scalar:
            wrong.append(f"{main_loop.scalar} of the multiply-adds are scalar")
        for what in ("loads", "broadcasts"):
            if getattr(main_loop, what) > getattr(args, what) * main_loop.fmas:
                wrong.append(f"{getattr(main_loop, what)} {what} for {main_loop.fmas} multiply-adds, expected at most {getattr(args, what)} each")
    print("\n".join(wrong) or "good")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
