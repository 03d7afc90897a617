#!/usr/bin/env python3
"""What a machine with a GPU and nothing but its driver needs to check and time models.

    test/gpu/prepare_device.py [--cpu=sm_80] [--models=REGEX] [FOLDER]     default: build/device

Makes FOLDER: a program for each model, with the model and the launcher linked in (no LLVM, no CUDA
toolkit), its recorded data as plain bytes, and run.sh. The PTX of an older chip runs on every newer one.
Carry the folder there and run FOLDER/run.sh (test/gpu/run_device.sh): a line for each model tells whether
the results are right, the largest error, and times; the exit status is 1 if any is wrong.
"""
import argparse
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import places  # noqa: E402

DEFAULT = r"^(mnist-8|squeezenet1\.1-fp16|tfbert-squad-tiny|super-resolution-10|shufflenet-v2-12-int8|vittrack)$"


def write_raw(array, path):
    """The tensor as device_runner.c reads it."""
    array = np.ascontiguousarray(array)
    kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    path.write_bytes(struct.pack("<ii", kind, array.ndim) + struct.pack(f"<{array.ndim}q", *array.shape) + array.tobytes())


def prepare(model, cpu, into):
    into.mkdir(parents=True)
    for path in sorted((model / "data_0").glob("*put_*.npy")):
        write_raw(np.load(path), into / f"{path.stem}.raw")
    with tempfile.TemporaryDirectory() as scratch:
        code = pathlib.Path(scratch) / "m.o"
        subprocess.run([places.tool("lathe"), model / "model.onnx", "--target=nvptx64-nvidia-cuda", f"--cpu={cpu}",
                        "--name=m", "-o", code], check=True)
        subprocess.run(["cc", "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-I", scratch, "-I", places.ROOT / "include",
                        "-I", places.ROOT / "runtime", places.ROOT / "test/gpu/Inputs/device_runner.c", code,
                        places.ROOT / "runtime/lathe_gpu.c", "-o", into / "run", "-lpthread", "-ldl", "-lm"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", default="sm_80")
    parser.add_argument("--models", default=DEFAULT)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=places.BUILD / "device")
    args = parser.parse_args()
    if not places.models():
        print("no models beside the checkout: nothing to do")
        return 0
    shutil.rmtree(args.folder, ignore_errors=True)
    args.folder.mkdir(parents=True)
    for model in sorted(places.models().iterdir()):
        if re.search(args.models, model.name) and (model / "data_0").is_dir():
            prepare(model, args.cpu, args.folder / model.name)
            print(f"{model.name}: {sum(f.stat().st_size for f in (args.folder / model.name).iterdir()) >> 10} KB")
    shutil.copy(pathlib.Path(__file__).with_name("run_device.sh"), args.folder / "run.sh")
    return 0


if __name__ == "__main__":
    sys.exit(main())
