#!/usr/bin/env python3
"""Assembles the PTX of real models with ptxas, where it is installed, and counts.

    test/gpu/ptxas.py [--models=REGEX] [--cpu=sm_80,sm_90,sm_100] [--verbose]

For each model and chip: kernels, registers a thread (smallest, median, largest), shared memory,
bytes of spills. Exits 1 if ptxas refuses anything, or spills registers.
"""
import argparse
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import places  # noqa: E402

KERNEL = re.compile(r"Compiling entry function '([^']+)'(.*?)(?=Compiling entry|\Z)", re.S)


def find_ptxas():
    return shutil.which("ptxas") or shutil.which("ptxas", path="/usr/local/cuda/bin")


def assemble(ptxas, model, cpu, folder):
    """(name, registers, shared bytes, spilled bytes) of each kernel; ptxas's message instead if it refuses."""
    ptx = folder / "kernels.ptx"
    subprocess.run([places.tool("lathe"), model, "--target=nvptx64-nvidia-cuda", f"--cpu={cpu}", "-o", ptx], check=True)
    done = subprocess.run([ptxas, f"-arch={cpu}", "-v", ptx, "-o", folder / "kernels.cubin"],
                          capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    found = []
    for name, text in KERNEL.findall(done.stderr):
        number = lambda pattern: int((re.search(pattern, text) or [0, 0])[1])
        found.append((name, number(r"Used (\d+) registers"), number(r"(\d+) bytes smem"),
                      number(r"(\d+) bytes spill stores")))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=r"^(mnist-8|squeezenet1\.1-fp16|tfbert-squad-tiny)$")
    parser.add_argument("--cpu", default="sm_80,sm_90,sm_100")
    parser.add_argument("--verbose", "-v", action="store_true", help="a line for each kernel")
    args = parser.parse_args()
    ptxas = find_ptxas()
    if not ptxas or not places.models():
        print("no ptxas, or no models beside the checkout: nothing to do")
        return 0
    status = 0
    for folder in sorted(places.models().iterdir()):
        if not re.search(args.models, folder.name):
            continue
        for cpu in args.cpu.split(","):
            with tempfile.TemporaryDirectory() as scratch:
                found = assemble(ptxas, folder / "model.onnx", cpu, pathlib.Path(scratch))
            if isinstance(found, str):
                print(f"{folder.name} {cpu}: ptxas refuses\n{found}")
                status = 1
                continue
            registers = sorted(r for _, r, _, _ in found)
            print(f"{folder.name:20} {cpu:7} {len(found):3} kernels, registers {registers[0]} / "
                  f"{statistics.median_low(registers)} / {registers[-1]}, shared {max(s for _, _, s, _ in found)} bytes, "
                  f"spilled {sum(b for _, _, _, b in found)} bytes")
            for name, _, _, spilled in found:
                if spilled:
                    print(f"{folder.name} {cpu}: {name} spills {spilled} bytes")
                    status = 1
            if args.verbose:
                for name, used, shared, spilled in found:
                    print(f"    {name:30} {used:4} registers {shared:6} shared {spilled:5} spilled")
    return status


if __name__ == "__main__":
    sys.exit(main())
