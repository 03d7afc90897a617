"""inner_loop.py FILE.s FUNCTION INSTRUCTION COUNT [ABSENT]: the hottest loop of a kernel, read.

The loop is the basic block of FUNCTION that branches to itself with the most of
INSTRUCTION (a regular expression). It must hold COUNT of them, or a multiple (steps laid
out in line), move no vector register to or from the stack, and hold nothing of ABSENT."""
import re
import sys

path, function, instruction, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
text = open(path).read()
body = re.search(rf"^{re.escape(function)}:\n(.*?)^\.Lfunc_end", text, re.M | re.S)
if not body:
    sys.exit(f"{path} has no function {function}: {re.findall(r'^([A-Za-z][^ :]*):', text, re.M)}")
blocks = re.split(r"^(\.LBB\w+):.*\n", body.group(1), flags=re.M)
loops = []
for label, code in zip(blocks[1::2], blocks[2::2]):
    # A block ends at its last branch; what follows a fall-through belongs to the next.
    branch = re.search(rf"^\tb\S*\t{re.escape(label)}$", code, re.M)
    if branch:
        loops.append(code[: branch.end()].splitlines())
if not loops:
    sys.exit(f"{function} has no loop of one block")
loop = max(loops, key=lambda lines: sum(bool(re.search(instruction, l)) for l in lines))
found = sum(bool(re.search(instruction, line)) for line in loop)
if found == 0 or found % count:
    sys.exit(f"{function}: {found} of {instruction} in the inner loop, expected a multiple of {count}:\n" + "\n".join(loop))
STACK = r"\[sp|\(%rsp\)"
VECTOR = r"^\t(ldp|stp|ldr|str|ldur|stur)\t[qdv]\d|^\t(vldmia|vstmia|vldr|vstr|vst1|vld1)|^\tv?mov\w+\t.*[xyz]mm"
spills = [line for line in loop if re.search(STACK, line) and re.search(VECTOR, line)]
if spills:
    sys.exit(f"{function}: vector registers are spilled in the inner loop:\n" + "\n".join(spills))
if len(sys.argv) > 5 and (absent := [line for line in loop if re.search(sys.argv[5], line)]):
    sys.exit(f"{function}: {sys.argv[5]} in the inner loop:\n" + "\n".join(absent))
