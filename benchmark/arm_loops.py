#!/usr/bin/env python3
"""How near ARM's hot loops come to the peak of their core, by llvm-mca's models of it.

    benchmark/arm_loops.py [--cpu=cortex-a76 ...]

A matrix product and a 3x3 convolution, in f32 and in bytes, are compiled for each core; the loop with
most multiplications runs in llvm-mca, or in in_order.py if the core issues in order. Beside it run the same
instructions alone, on 24 registers: that is the peak. A model of a core is no core: caches always hit, and
LLVM knows the Cortex-A76 by the A57's figures. Its Cortex-A55 starts two multiply-adds in a cycle of two
slots, which leaves none for a load: the matrix product can reach 76 % there. What waits for what, and which
loads are too many, it shows well.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))
import in_order  # noqa: E402
from harness import places  # noqa: E402

# Instructions that a core which issues in order starts in a cycle.
IN_ORDER = {"cortex-a53": 2, "cortex-a55": 2, "cortex-a510": 3}
FEATURES = "+dotprod,+i8mm"
CPUS = ["cortex-a53", "cortex-a55", "cortex-a510", "cortex-a72", "cortex-a76", "neoverse-n1", "neoverse-v1", "neoverse-v2", "apple-m1"]
MULTIPLY = re.compile(r"^\t(fmla|smlal2?|sdot|sudot|usmmla)\t", re.M)
ALONE = {"fmla": "fmla v{}.4s, v30.4s, v31.s[0]", "smlal": "smlal v{}.4s, v30.4h, v15.h[0]", "sdot": "sdot v{}.4s, v30.16b, v31.4b[0]",
         "sudot": "sudot v{}.4s, v30.16b, v31.4b[0]", "usmmla": "usmmla v{}.4s, v30.16b, v31.16b"}


def hot_loop(text):
    """The block that jumps to itself with most multiplications, without the jump."""
    blocks = re.split(r"^(\.LBB\w+):.*\n", text, flags=re.M)
    loops = [code[: at.start()] for label, code in zip(blocks[1::2], blocks[2::2])
             if (at := re.search(rf"^\t(b|cbn?z|tbn?z)\S*\t.*{re.escape(label)}$", code, re.M))]
    best = max(loops, key=lambda code: len(MULTIPLY.findall(code)))
    return "".join(line + "\n" for line in best.splitlines() if line.startswith("\t") and not line.startswith("\t."))


def cycles(mca, cpu, code):
    if cpu in IN_ORDER:
        return in_order.cycles(mca, cpu, FEATURES, code, IN_ORDER[cpu])
    done = subprocess.run([mca, "-mtriple=aarch64", f"-mcpu={cpu}", f"-mattr={FEATURES}", "-iterations=200"], input=code,
                          capture_output=True, text=True, check=True)
    return int(re.search(r"Total Cycles:\s+(\d+)", done.stdout)[1]) / 200


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="append", help="only this one; may be repeated")
    args = parser.parse_args()
    mca = shutil.which("llvm-mca-22") or shutil.which("llvm-mca")
    if not mca:
        print("no llvm-mca: nothing to do")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        models = [folder / f"{name}.onnx" for name in ("gemm", "conv", "gemm of bytes", "conv of bytes")]
        subprocess.run([sys.executable, ROOT / "test/Target/Inputs/make_hot.py", *models], check=True)
        for cpu in args.cpu or CPUS:
            found = []
            for model in models:
                subprocess.run([places.tool("lathe"), model, "--target=aarch64-linux-gnu", f"--cpu={cpu}", "-o", folder / "hot.s"], check=True)
                code = hot_loop((folder / "hot.s").read_text())
                kinds = MULTIPLY.findall(code)
                alone = "".join(ALONE[kinds[0].removesuffix("2")].format(r if r < 15 else r + 1) + "\n" for r in range(24))
                share = len(kinds) / 24 * cycles(mca, cpu, alone) / cycles(mca, cpu, code)
                found.append(f"{model.stem} {kinds[0]} {100 * share:.0f} %")
            print(f"{cpu:12} {', '.join(found)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
