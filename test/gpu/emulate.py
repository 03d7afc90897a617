#!/usr/bin/env python3
"""lathe-run for a GPU that is not there: host code, launcher and kernels are those of the GPU's
object, the driver is fakecuda, and the kernels are the LLVM IR of their PTX compiled for this machine.

    test/gpu/emulate.py [--cpu=sm_80] model.onnx [options of lathe-run]

Exits as lathe-run does. FAKECUDA_ORDER=reverse runs threads and blocks the other way round.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import places  # noqa: E402

RUNNING = ("--data", "--rtol", "--atol", "--bench", "--seed", "--json", "--save-object")  # not for the compiler


def find_linker():
    for name in ("ld.lld-22", "ld.lld", "/usr/lib/llvm-22/bin/ld.lld"):
        try:
            subprocess.run([name, "--version"], capture_output=True, check=True)
            return name
        except OSError:
            pass
    sys.exit("emulate.py: error: no ld.lld")


def kernels(model, options, folder):
    """The kernels of the model as a shared library in the folder; None if lathe refuses them."""
    text, code, library = (folder / f"kernels.{ending}" for ending in ("ll", "o", "so"))
    status = subprocess.run([places.tool("lathe"), model, *options, "--emit=device-ll", "-o", text]).returncode
    if status:
        return None, status
    subprocess.run([places.tool("lathe-gpu-emulate"), text, code], check=True)
    subprocess.run([find_linker(), "-shared", "-z", "noexecstack", code, "-o", library], check=True)
    return library, 0


def main():
    arguments = sys.argv[1:]
    target = ["--target=nvptx64-nvidia-cuda"]
    if not any(a.startswith("--cpu") for a in arguments):
        target.append("--cpu=sm_80")
    models = [a for a in arguments if not a.startswith("-")]
    options = [a for a in arguments if a.startswith("-")]
    if len(models) != 1:
        sys.exit(__doc__)
    compiling = target + [o for o in options if not o.startswith(RUNNING)]
    with tempfile.TemporaryDirectory() as folder:
        library, status = kernels(models[0], compiling, pathlib.Path(folder))
        if status:
            return status if status > 0 else 128 - status
        environment = dict(os.environ, FAKECUDA_KERNELS=str(library), LATHE_CUDA_DRIVER=str(places.fakecuda()))
        status = subprocess.run([places.tool("lathe-run"), models[0], *target, *options], env=environment).returncode
        return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
