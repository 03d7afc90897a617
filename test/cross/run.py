#!/usr/bin/env python3
"""Compiles models for ARM and runs them under qemu-user, against recorded outputs.

    test/cross/run.py                              the default models on every machine below
    test/cross/run.py --machine=armv7 mnist-8 ...  real models by name, suite cases as KIND/NAME

test/numerics/contractions.py --machine=... holds integer sums of many shapes against exact ones.

A model passes by the rules of test/models (real ones) or of the suite. Without the cross
compilers or the emulators (scripts/setup installs them on Debian) there is nothing to
do. Ends with 'N passed, N failed'.
"""
import argparse
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import bounds, places  # noqa: E402

HERE = pathlib.Path(__file__).parent
# name: options of lathe, cross compiler, emulator
MACHINES = {
    "aarch64": (["--target=aarch64-linux-gnu"], "aarch64-linux-gnu-gcc", ["qemu-aarch64", "-cpu", "cortex-a53"]),
    "aarch64-dotprod": (["--target=aarch64-linux-gnu", "--cpu=cortex-a76"], "aarch64-linux-gnu-gcc",
                        ["qemu-aarch64", "-cpu", "cortex-a76"]),
    "aarch64-i8mm": (["--target=aarch64-linux-gnu", "--features=+dotprod,+i8mm,+fullfp16"], "aarch64-linux-gnu-gcc",
                     ["qemu-aarch64", "-cpu", "max"]),
    "armv7": (["--target=armv7-linux-gnueabihf"], "arm-linux-gnueabihf-gcc", ["qemu-arm", "-cpu", "cortex-a15"]),
}
MODELS = ["mnist-8", "squeezenet1.1-fp16", "tfbert-squad-tiny", "micro-kws-qdq"]
QUANTIZED = ["digits", "micro-kws-qdq", "test_matmulinteger", "test_qlinearconv", "test_qlinearmatmul_2D_uint8_float32"]
# Kinds of kernels that a machine may get wrong, small enough for an emulator.
CASES = ["test_Conv2d", "test_Conv2d_depthwise_padded", "test_Linear", "test_softmax", "test_ConvTranspose2d",
         "test_MaxPool2d", "test_AvgPool2d_stride"]
TYPES = {1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 9: "?", 10: "f2", 11: "f8", 12: "u4", 13: "u8"}
NUMBERS = {np.dtype(t): n for n, t in TYPES.items()}


def digits_model():
    """Our own example on one image, by onnx's reference: what a clone without the archives tests."""
    model = places.ROOT / "examples/digits/digits.onnx"
    reference = ReferenceEvaluator(str(model))
    image = np.random.default_rng(5).integers(0, 17, (1, 1, 8, 8)).astype(np.float32)
    outputs = reference.run(None, {reference.input_names[0]: image})
    return model, [image], outputs, (1e-4, [1e-6] * len(outputs))


def load(path):
    if path.suffix == ".npy":
        return np.load(path)
    return numpy_helper.to_array(onnx.load_tensor(path))


def numbered(folder, what):
    """The files what_0, what_1 ... in order."""
    files = {int(p.stem.split("_")[1]): p for p in folder.glob(f"{what}_*") if p.suffix in (".npy", ".pb")}
    return [load(files[k]) for k in sorted(files)]


def fitted(model, arrays):
    """Inputs of one element in the rank that the model gives them: recorders write a scalar as [1]."""
    graph = onnx.load(str(model), load_external_data=False).graph
    constants = {c.name for c in graph.initializer}
    types = [i.type.tensor_type for i in graph.input if i.name not in constants]
    return [a.reshape((1,) * len(t.shape.dim)) if a.size == 1 and t.HasField("shape") else a for a, t in zip(arrays, types)]


def find(name):
    """(model, inputs, outputs, (rtol, atols)) of a model or case; None where it does not lie here."""
    models = places.models()
    if models and (models / name / "model.onnx").exists():
        data = models / name / "data_0"
        model = models / name / "model.onnx"
        return model, fitted(model, numbered(data, "input")), numbered(data, "output"), bounds.recorded(data)
    for case in sorted(places.suite().glob(f"*/{name.split('/')[-1]}")):
        data = case / "test_data_set_0"
        outputs = numbered(data, "output")
        return case / "model.onnx", numbered(data, "input"), outputs, (bounds.SUITE[0], [bounds.SUITE[1]] * len(outputs))
    return None


def write_tensors(path, arrays):
    with open(path, "wb") as f:
        for a in arrays:
            a = np.asarray(a, order="C")
            f.write(struct.pack(f"<ii{a.ndim}qQ", NUMBERS[a.dtype], a.ndim, *a.shape, a.nbytes) + a.tobytes())


def read_tensors(path):
    data, at, result = path.read_bytes(), 0, []
    while at < len(data):
        number, rank = struct.unpack_from("<ii", data, at)
        shape = struct.unpack_from(f"<{rank}q", data, at + 8)
        (count,) = struct.unpack_from("<Q", data, at + 8 + 8 * rank)
        at += 16 + 8 * rank
        result.append(np.frombuffer(data[at : at + count], TYPES[number]).reshape(shape))
        at += count
    return result


def run(machine, model, inputs, folder, options=()):
    """The outputs of \\p model on \\p machine; raises RuntimeError with the reason."""
    flags, compiler, emulator = MACHINES[machine]

    def step(what, command):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{what}: {(done.stderr or done.stdout or str(done.returncode)).strip()[-600:]}")

    step("lathe", [places.tool("lathe"), model, "-o", folder / "model.o", *flags, *options])
    step("cc", [compiler, "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-I", places.ROOT / "include", "-I", folder,
                HERE / "runner.c", folder / "model.o", "-o", folder / "runner", "-lm"])
    write_tensors(folder / "inputs", inputs)
    step("run", [*emulator, folder / "runner", folder / "inputs", folder / "outputs"])
    return read_tensors(folder / "outputs")


def missing(machine):
    """What of \\p machine's tools is not installed, or None."""
    _, compiler, emulator = MACHINES[machine]
    return next((tool for tool in (compiler, emulator[0]) if not shutil.which(tool)), None)


def compare(got, expected, rtol, atols):
    """What is wrong, or None."""
    if len(got) != len(expected):
        return f"{len(got)} outputs, expected {len(expected)}"
    for k, (g, e, atol) in enumerate(zip(got, expected, atols)):
        if g.shape != e.shape or g.dtype != e.dtype:
            return f"output {k}: {g.dtype}{list(g.shape)}, expected {e.dtype}{list(e.shape)}"
        if not np.allclose(g, e, rtol=rtol, atol=atol, equal_nan=True):
            worst = np.nanmax(np.abs(g.astype(np.float64) - e.astype(np.float64)))
            return f"output {k}: off by up to {worst:.3g}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="real models, or cases of the suite")
    parser.add_argument("--machine", action="append", choices=MACHINES, help="only this one; may be repeated")
    parser.add_argument("--option", action="append", default=[], help="an option for lathe, as --option=-O0")
    args = parser.parse_args()
    passed = failed = 0
    for machine in args.machine or MACHINES:
        if tool := missing(machine):
            print(f"{machine}: no {tool}: nothing to run")
            continue
        # A core's extras matter to integer products; all else is its baseline's.
        names = QUANTIZED if "-" in machine else ["digits"] + MODELS + CASES
        for name in args.names or names:
            with tempfile.TemporaryDirectory() as scratch:
                scratch = pathlib.Path(scratch)
                found = digits_model() if name == "digits" else find(name)
                if found is None:
                    continue
                model, inputs, outputs, (rtol, atols) = found
                try:
                    wrong = compare(run(machine, model, inputs, scratch, args.option), outputs, rtol, atols)
                except RuntimeError as reason:
                    wrong = str(reason)
                passed, failed = passed + (wrong is None), failed + (wrong is not None)
                print(f"{machine:16} {name:32} {wrong or 'pass'}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
