"""Gives lathe one bad thing after another. For each: exit status 1, a diagnostic on stderr that
says where and what (the words after the name must occur in it), nothing on stdout, nothing written.

    bad_input.py FOLDER [NAME...]      only the cases named
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

FOLDER = pathlib.Path(sys.argv[1])
DIGITS = pathlib.Path(__file__).resolve().parents[3] / "examples/digits/digits.onnx"
CASES = {}

node = helper.make_node


def info(name, shape, type_=T.FLOAT):
    return helper.make_tensor_value_info(name, type_, shape)


def model(nodes, inputs=None, outputs=None, constants=(), opset=21):
    graph = helper.make_graph(nodes, "bad", inputs or [info("x", [2, 3])], outputs or [info("y", [2, 3])], list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10).SerializeToString()


def case(words, options=()):
    """The decorated function makes the input: bytes of a model, or a path."""
    def add(make):
        CASES[make.__name__] = (make, words, list(options))
        return make
    return add


@case("truncated|ends|protobuf|parse|corrupt")
def truncated_file():
    return DIGITS.read_bytes()[:20000]


@case("protobuf|not an ONNX|no graph")
def not_a_protobuf():
    return b"This is a text, no model.\n" * 50


@case("empty")
def empty_file():
    return b""


@case("folder|directory")
def a_folder():
    path = FOLDER / "a_folder.onnx"
    path.mkdir()
    return path


@case("No such file|not exist|not there")
def no_such_file():
    return FOLDER / "no_such_file.onnx"


@case("'odd'.*Frobnicate|Frobnicate.*'odd'")
def unknown_op():
    return model([node("Frobnicate", ["x"], ["y"], "odd")])


@case("no.such.domain")
def unknown_domain():
    return model([node("Relu", ["x"], ["y"], "odd", domain="no.such.domain")])


@case("cycl")
def cyclic_graph():
    return model([node("Add", ["x", "b"], ["a"], "first"), node("Relu", ["a"], ["b"], "second"), node("Relu", ["a"], ["y"], "third")])


@case("'second'.*missing|missing.*'second'|'missing'")
def missing_input():
    return model([node("Relu", ["x"], ["a"], "first"), node("Add", ["a", "missing"], ["y"], "second")])


@case("'a'")
def duplicate_output_name():
    return model([node("Relu", ["x"], ["a"], "first"), node("Abs", ["x"], ["a"], "second"), node("Neg", ["a"], ["y"], "third")])


@case("'pick'.*axis")
def wrong_attribute_type():
    return model([node("Concat", ["x", "x"], ["y"], "pick", axis="one")], outputs=[info("y", [2, 6])])


@case("'pick'.*(axis|attribute)")
def missing_attribute():
    return model([node("Concat", ["x", "x"], ["y"], "pick")], outputs=[info("y", [2, 6])])


@case("'lonely'.*input")
def too_few_inputs():
    return model([node("MatMul", ["x"], ["y"], "lonely")])


@case("'crowded'.*input")
def too_many_inputs():
    return model([node("Relu", ["x", "x", "x"], ["y"], "crowded")])


@case("'multiply'")
def contradicting_shapes():
    return model([node("MatMul", ["x", "w"], ["y"], "multiply")],
                 constants=[numpy_helper.from_array(np.zeros((4, 3), np.float32), "w")])


@case("keep.*\\[5, 3\\]")
def contradicting_output_shape():
    return model([node("Relu", ["x"], ["y"], "keep")], outputs=[info("y", [5, 3])])


@case("'w'|w:.*|data")
def tensor_data_too_short():
    w = onnx.TensorProto(name="w", data_type=T.FLOAT, dims=[2, 3], raw_data=b"\0" * 20)
    return model([node("Add", ["x", "w"], ["y"], "add")], constants=[w])


@case("'w'|overflow|large")
def dimensions_that_overflow():
    w = onnx.TensorProto(name="w", data_type=T.FLOAT, dims=[1 << 40, 1 << 40], raw_data=b"\0" * 20)
    return model([node("Add", ["x", "w"], ["y"], "add")], constants=[w])


@case("'w'|negative")
def negative_dimension():
    w = onnx.TensorProto(name="w", data_type=T.FLOAT, dims=[2, -3], raw_data=b"\0" * 24)
    return model([node("Add", ["x", "w"], ["y"], "add")], constants=[w])


def external(location, offset="0", length="24"):
    w = onnx.TensorProto(name="w", data_type=T.FLOAT, dims=[2, 3], data_location=T.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        entry = w.external_data.add()
        entry.key, entry.value = key, value
    return model([node("Add", ["x", "w"], ["y"], "add")], constants=[w])


@case(r"\.\.|outside|escape|folder")
def external_data_above():
    (FOLDER.parent / "weights.bin").write_bytes(b"\0" * 24)
    return external("../weights.bin")


@case("absolute|outside|folder")
def external_data_absolute():
    return external("/etc/passwd")


@case("link|outside|folder")
def external_data_by_link():
    (FOLDER.parent / "weights.bin").write_bytes(b"\0" * 24)
    (FOLDER / "link.bin").unlink(missing_ok=True)
    (FOLDER / "link.bin").symlink_to("../weights.bin")
    return external("link.bin")


@case("missing.bin")
def external_data_missing():
    return external("missing.bin")


@case("short.bin|beyond|end")
def external_data_too_short():
    (FOLDER / "short.bin").write_bytes(b"\0" * 20)
    return external("short.bin", "8")


@case("opset|version")
def opset_of_the_future():
    return model([node("Relu", ["x"], ["y"], "keep")], opset=99)


@case("no-such-arch|target", ["--target=no-such-arch-linux"])
def target_that_does_not_exist():
    return DIGITS


@case("pentium-17", ["--cpu=pentium-17"])
def cpu_that_does_not_exist():
    return DIGITS


@case("no/such/folder", ["-o", "no/such/folder/model.o"])
def unwritable_output():
    return DIGITS


@case("xyz", ["-o", "model.xyz"])
def unknown_ending():
    return DIGITS


@case("--frobnicate", ["--frobnicate"])
def wrong_flag():
    return DIGITS


@case("-O9|level", ["-O9"])
def wrong_level():
    return DIGITS


@case("threads", ["--threads=4"])
def threads():
    return DIGITS


@case("nothing", ["--dim=nothing=4"])
def unknown_dimension():
    return DIGITS


def check(name):
    make, words, options = CASES[name]
    made = make()
    path = made
    if isinstance(made, bytes):
        path = FOLDER / f"{name}.onnx"
        path.write_bytes(made)
    out = FOLDER / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    command = ["lathe", str(path), *options] + ([] if "-o" in options else ["-o", "model.o"])
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    faults = []
    if done.returncode != 1:
        faults.append(f"exit status {done.returncode}")
    if "error:" not in done.stderr:
        faults.append("no 'error:' on stderr")
    if not re.search(words, done.stderr, re.S):
        faults.append(f"nothing like /{words}/ on stderr")
    if isinstance(made, bytes) and f"{name}.onnx" not in done.stderr:
        faults.append("the message does not name the file")
    if any(word in done.stderr for word in ("Assertion", "Stack dump", "LLVM ERROR", "terminate called")):
        faults.append("a crash, not a message")
    if done.stdout:
        faults.append(f"on stdout: {done.stdout[:100]!r}")
    left = sorted(os.listdir(out))
    if left:
        faults.append(f"left behind: {', '.join(left)}")
    first = next(iter(done.stderr.strip().splitlines()), "").replace(str(FOLDER) + "/", "")
    print(f"{'ok  ' if not faults else 'BAD '} {name}: {first}")
    for fault in faults:
        print(f"       {fault}")
    return not faults


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    chosen = sys.argv[2:] or list(CASES)
    bad = [name for name in chosen if not check(name)]
    print(f"{len(chosen) - len(bad)} of {len(chosen)} refused as they should be")
    return 1 if bad else 0


sys.exit(main())
