#!/usr/bin/env python3
"""Installs the build into a scratch folder and uses it as its users do, from three build systems.

    test/packages/run.py [--filter=REGEX]

CMake (Ninja and Makefiles), make and Meson build examples/digits against the installed
tree, run it, and are held to what an incremental build owes: nothing runs again unless the
model, its external data, an option or lathe changes. Ends with 'N passed, N failed'.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import places  # noqa: E402

DIGITS = places.ROOT / "examples/digits"


class Failed(Exception):
    pass


def run(*command, cwd=None, env=None, expect=0):
    """The output of a command; fails unless it ends with \\p expect (None: anything but 0)."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, env={**os.environ, **(env or {})}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if (done.returncode == 0) if expect is None else (done.returncode != expect):
        raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def check(condition, what):
    if not condition:
        raise Failed(what)


def reads_digits(program):
    found = re.search(r"(\d+) of (\d+) held-back images right", run(program))
    check(found and int(found[1]) >= 0.98 * int(found[2]), f"{program} reads too few digits")


def touch(path):
    """Makes \\p path newer than everything that was built from it."""
    time.sleep(0.02)
    os.utime(path)


def compiled(output):
    """How often lathe ran, by what a build printed."""
    return len(re.findall(r"^.*Compiling .+\.onnx for |^\S*lathe \S+\.onnx", output, re.M))


def copy_of_digits(scratch):
    return pathlib.Path(shutil.copytree(DIGITS, scratch / "digits"))


# ---------------------------------------------------------------------------
# The cases; each gets the prefix Lathe is installed at and an empty folder.


def cmake_case(generator):
    def case(prefix, scratch):
        source, build = copy_of_digits(scratch), scratch / "build"
        configure = ["cmake", "-S", source, "-B", build, "-G", generator, f"-DCMAKE_PREFIX_PATH={prefix}"]
        run(*configure)
        check(compiled(run("cmake", "--build", build, "-j4")) == 1, "the model was not compiled once")
        reads_digits(build / "digits")
        check(compiled(run("cmake", "--build", build)) == 0, "an unchanged model was compiled again")
        touch(source / "digits.c")
        check(compiled(run("cmake", "--build", build)) == 0, "a changed program recompiled the model")
        touch(source / "digits.onnx")
        check(compiled(run("cmake", "--build", build)) == 1, "a changed model was not compiled again")
        lists = source / "CMakeLists.txt"
        lists.write_text(lists.read_text().replace("NAME digits)", "NAME digits CPU x86-64-v2 OPTIONS -O2)"))
        check(compiled(run("cmake", "--build", build)) == 1, "a changed option did not recompile")
        reads_digits(build / "digits")

    return case


def make_case(prefix, scratch):
    source = copy_of_digits(scratch)
    env = {"PKG_CONFIG_PATH": str(prefix / "share/pkgconfig")}
    command = ["make", "-j4", "-C", source, f"OUT={scratch / 'out'}", f"LATHE={prefix / 'bin/lathe'}"]
    check(compiled(run(*command, env=env)) == 1, "the model was not compiled once")
    reads_digits(scratch / "out/digits")
    check(compiled(run(*command, env=env)) == 0, "an unchanged model was compiled again")
    touch(source / "digits.onnx")
    check(compiled(run(*command, env=env)) == 1, "a changed model was not compiled again")


def meson_case(prefix, scratch):
    source, build = copy_of_digits(scratch), scratch / "build"
    env = {"PKG_CONFIG_PATH": str(prefix / "share/pkgconfig")}
    run("meson", "setup", build, source, env=env)
    run("meson", "compile", "-C", build)
    reads_digits(build / "digits")
    check("no work to do" in run("ninja", "-C", build), "an unchanged model was compiled again")
    touch(source / "digits.onnx")
    check("digits.o" in run("ninja", "-C", build, "-v"), "a changed model was not compiled again")


def write_model(path, rows, external=None):
    """y = x W + W's first row; W lies in the file \\p external if there is one."""
    weights = np.random.default_rng(rows).standard_normal((rows, 32)).astype(np.float32)
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], "product")], "g",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, rows])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 32])],
                              [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path, save_as_external_data=bool(external), location=external, size_threshold=0)


PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(several LANGUAGES C CXX)
find_package(Lathe {version} REQUIRED)
lathe_add_model(first MODEL "models/first model.onnx")
lathe_add_model(second MODEL models/second.onnx)
lathe_add_model(third MODEL models/second.onnx NAME my-third SHARED)
add_executable(app app.c)
target_link_libraries(app PRIVATE first second)
add_executable(app_shared shared.cpp)
target_link_libraries(app_shared PRIVATE third)
"""

APP = """
#include "first.h"
#include "second.h"
_Alignas(64) static unsigned char workspace[FIRST_WORKSPACE_BYTES + SECOND_WORKSPACE_BYTES + 64];
int main(void) {
  static float x[64], y[32];
  return first_run(x, y, workspace) || second_run(x, y, workspace);
}
"""

SHARED_APP = """
#include "my_third.h"
alignas(64) static unsigned char workspace[MY_THIRD_WORKSPACE_BYTES + 64];
int main() {
  static float x[64], y[32];
  return my_third_run(x, y, workspace);
}
"""


def several_models(prefix, scratch):
    models = scratch / "models"
    models.mkdir()
    write_model(models / "first model.onnx", 16, external="first weights.bin")
    write_model(models / "second.onnx", 24)
    (scratch / "CMakeLists.txt").write_text(PROJECT.replace("{version}", "0.1"))
    (scratch / "app.c").write_text(APP)
    (scratch / "shared.cpp").write_text(SHARED_APP)
    build = scratch / "build"
    run("cmake", "-S", scratch, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    check(compiled(run("cmake", "--build", build, "-j8")) == 3, "three models were not compiled once each")
    run(build / "app")
    run(build / "app_shared")
    check(compiled(run("cmake", "--build", build)) == 0, "unchanged models were compiled again")
    touch(models / "first weights.bin")
    check(compiled(run("cmake", "--build", build)) == 1, "changed external data did not recompile its model alone")
    # A model that does not compile stops the build with lathe's own message.
    (models / "second.onnx").write_text("rubbish")
    output = run("cmake", "--build", build, expect=None)
    check("second.onnx: error:" in output, "lathe's message is not shown")


def cross_toolchain(prefix, scratch):
    """A toolchain file is all that it takes; where there is no cross compiler there is nothing to do."""
    if not shutil.which("aarch64-linux-gnu-gcc") or not shutil.which("qemu-aarch64"):
        return
    toolchain = scratch / "aarch64.cmake"
    toolchain.write_text("set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_SYSTEM_PROCESSOR aarch64)\n"
                         "set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)\nset(CMAKE_EXE_LINKER_FLAGS -static)\n"
                         "set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)\n")
    run("cmake", "-S", DIGITS, "-B", scratch / "build", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}",
        f"-DCMAKE_PREFIX_PATH={prefix}")
    check("for aarch64-linux-gnu" in run("cmake", "--build", scratch / "build"), "the toolchain's machine was not the target")
    found = re.search(r"(\d+) of 360 held-back images right", run("qemu-aarch64", scratch / "build/digits"))
    check(found and int(found[1]) >= 353, "too few digits are read")


def moved_prefix(prefix, scratch):
    moved = pathlib.Path(shutil.copytree(prefix, scratch / "elsewhere", symlinks=True))
    run("cmake", "-S", DIGITS, "-B", scratch / "build", f"-DCMAKE_PREFIX_PATH={moved}")
    run("cmake", "--build", scratch / "build")
    check(str(moved) in (scratch / "build/CMakeCache.txt").read_text(), "another Lathe was found")
    reads_digits(scratch / "build/digits")
    flags = run("pkg-config", "--cflags", "lathe", env={"PKG_CONFIG_PATH": str(moved / "share/pkgconfig")})
    check(pathlib.Path(flags.strip().removeprefix("-I")).resolve() == (moved / "include").resolve(), flags)


def build_folder_as_package(prefix, scratch):
    run("cmake", "-S", DIGITS, "-B", scratch / "build", f"-DLathe_DIR={places.BUILD}")
    run("cmake", "--build", scratch / "build")
    reads_digits(scratch / "build/digits")


WRONG = [
    ("lathe_add_model(m)", "MODEL <file.onnx> is missing"),
    ("lathe_add_model(m MODEL a.onnx QUANTISE int8)", "unknown arguments: QUANTISE;int8"),
]


def wrong_use(prefix, scratch):
    for line, message in WRONG:
        (scratch / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(wrong LANGUAGES C)\nfind_package(Lathe REQUIRED)\n" + line + "\n")
        output = run("cmake", "-S", scratch, "-B", scratch / "build", f"-DCMAKE_PREFIX_PATH={prefix}", expect=None)
        check(message in " ".join(output.split()), f"{line}: {output}")


CASES = {
    "cmake with ninja": cmake_case("Ninja"),
    "cmake with make": cmake_case("Unix Makefiles"),
    "make": make_case,
    "meson": meson_case,
    "several models": several_models,
    "cross toolchain": cross_toolchain,
    "moved prefix": moved_prefix,
    "build folder": build_folder_as_package,
    "wrong use": wrong_use,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", default="", help="only cases whose name matches this regular expression")
    args = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="lathe-packages-") as scratch:
        scratch = pathlib.Path(scratch)
        prefix = scratch / "prefix"
        run("cmake", "--install", places.BUILD, "--prefix", prefix)
        for number, (name, case) in enumerate(CASES.items()):
            if not re.search(args.filter, name):
                continue
            folder = scratch / str(number)
            folder.mkdir()
            try:
                case(prefix, folder)
                passed += 1
            except Failed as reason:
                failed += 1
                print(f"{name}: {textwrap.indent(str(reason), '  ').lstrip()}")
            except Exception:
                failed += 1
                print(f"{name}:\n{traceback.format_exc()}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
