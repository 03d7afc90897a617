"""Interrupts lathe while it writes, and watches what it says on a terminal and in a pipe.

    interrupt.py signal FOLDER SIGNAL ENDING    the signal arrives when the output has been begun: nothing is left of it
    interrupt.py ignored FOLDER SIGNAL ENDING   the same to a process that was started to ignore it: it goes on
    interrupt.py talk FOLDER                    progress on a terminal, nothing in a pipe
"""
import os
import pathlib
import pty
import signal
import subprocess
import sys
import time

import numpy as np
from onnx import TensorProto, helper


def make(folder, layers, size):
    """A chain of products whose weights, a hole of a file but for their first row, take some time to write."""
    nodes, weights = [], []
    with open(folder / "net.bin", "wb") as data:
        for k in range(layers):
            weight = TensorProto(name=f"w{k}", data_type=TensorProto.FLOAT, dims=[size, size])
            weight.data_location = TensorProto.EXTERNAL
            for key, value in (("location", "net.bin"), ("offset", 4 * k * size * size), ("length", 4 * size * size)):
                entry = weight.external_data.add()
                entry.key, entry.value = key, str(value)
            data.seek(4 * k * size * size)
            data.write(np.full(size, 1 + k, "float32").tobytes())
            data.truncate(4 * (k + 1) * size * size)
            weights.append(weight)
            nodes.append(helper.make_node("MatMul", [f"x{k}", f"w{k}"], [f"x{k + 1}"]))
    info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(nodes, "net", [info("x0")], [info(f"x{layers}")], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    return folder / "net.onnx"


def interrupt(folder, number, ending, what):
    model = make(folder, 12, 2048)
    out = folder / "out"
    out.mkdir()
    process = subprocess.Popen(["lathe", model, "-o", out / f"net.{ending}", "--jobs=3"], stderr=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(number, what))
    # The first temporary file only finds out whether the folder can be written to.
    end = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < end:
        if sum(f.stat().st_size for f in map(pathlib.Path, out.glob("*")) if f.exists()) > 0:
            break
        time.sleep(0.001)
    assert process.poll() is None, "it ended before it could be interrupted"
    process.send_signal(number)
    said = process.communicate()[1]
    if what == signal.SIG_IGN:
        assert (process.returncode, said) == (0, b""), (process.returncode, said)
        assert {f.name for f in out.iterdir()} == {f"net.{ending}", "net.h"}
        return
    assert process.returncode == -number, (process.returncode, said)
    left = sorted(f.name for f in out.iterdir())
    assert not left, left


def read_terminal(command):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(command[0], list(map(str, command)))
    text = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # The other end is closed.
            break
        if not part:
            break
        text += part
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, text
    return text.decode()


def talk(folder):
    model = make(folder, 2, 64)
    command = ["lathe", model, "-o", folder / "net.o", "--jobs=3"]
    shown = read_terminal(command)
    for name in ("graph-rounds", "codegen-to-llvm", "code generation"):
        assert "\r\x1b[K" + name in shown, (name, shown)
    # Nothing stays on the line.
    assert shown.endswith("\r\x1b[K"), shown[-40:]
    quiet = subprocess.run(command, capture_output=True)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, b"", b""), quiet


def main():
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True)
    if sys.argv[1] == "talk":
        talk(folder)
    else:
        interrupt(folder, getattr(signal, sys.argv[3]), sys.argv[4],
                  signal.SIG_IGN if sys.argv[1] == "ignored" else signal.SIG_DFL)


main()
