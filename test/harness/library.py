"""A compiled model as a Python object: compiles to a shared library and calls it by ctypes.

    model = Library("model.onnx", options=["-O2"])
    outputs = model.run([array, ...])

Only types that numpy has; this is for tests, and tests the C interface on the way.
"""
import ctypes as c
import pathlib
import subprocess
import tempfile

import numpy as np

from . import places

TYPES = {1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 9: "?", 10: "f2", 11: "f8", 12: "u4", 13: "u8"}


class Tensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("type", c.c_int32), ("rank", c.c_int32), ("shape", c.POINTER(c.c_int64)),
                ("capacity", c.c_uint64)]


class Info(c.Structure):
    _fields_ = [("name", c.c_char_p), ("type", c.c_int32), ("rank", c.c_int32), ("shape", c.POINTER(c.c_int64)),
                ("dims", c.POINTER(c.c_char_p))]


class Call(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("num_inputs", c.c_uint32), ("num_outputs", c.c_uint32),
                ("reserved", c.c_uint32), ("inputs", c.POINTER(Tensor)), ("outputs", c.POINTER(Tensor)),
                ("workspace", c.c_void_p), ("workspace_bytes", c.c_uint64), ("weights", c.c_void_p), ("weights_bytes", c.c_uint64),
                ("allocate", c.CFUNCTYPE(c.c_void_p, c.c_void_p, c.c_uint64)), ("free", c.CFUNCTYPE(None, c.c_void_p, c.c_void_p))]


class Model(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("num_inputs", c.c_uint32), ("num_outputs", c.c_uint32),
                ("reserved", c.c_uint32), ("name", c.c_char_p), ("inputs", c.POINTER(Info)),
                ("outputs", c.POINTER(Info)), ("workspace_bytes", c.c_int64), ("weights_bytes", c.c_uint64),
                ("call", c.CFUNCTYPE(c.c_int, c.POINTER(Call))), ("error", c.CFUNCTYPE(c.c_char_p, c.c_int)),
                ("workspace", c.CFUNCTYPE(c.c_int64, c.POINTER(Tensor), c.c_uint32))]


GUARD = 4096  # bytes behind every block that nobody may write


def aligned(count):
    """`count` bytes at a multiple of 64, and what lies behind them."""
    block = np.empty(count + 64 + GUARD, np.uint8)
    start = -block.ctypes.data % 64
    guard = block[start + count :]
    guard[:] = 0xA5
    return block[start : start + count], guard


class Library:
    def __init__(self, model, options=()):
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name) / "model.so"
        done = subprocess.run([places.tool("lathe"), str(model), "-o", str(path), *options], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"lathe ended with {done.returncode}")
        self.library = c.CDLL(str(path))
        self.library.model_model.restype = c.POINTER(Model)
        self.model = self.library.model_model().contents

    def run(self, inputs, capacity=1 << 20):
        """`capacity`: bytes for an output whose shape is dynamic."""
        keep, given, outputs = [], (Tensor * max(1, len(inputs)))(), (Tensor * self.model.num_outputs)()
        for k, array in enumerate(inputs):
            array = np.asarray(array, order="C")  # (ascontiguousarray would make scalars vectors)
            shape = (c.c_int64 * max(1, array.ndim))(*array.shape)
            given[k] = Tensor(array.ctypes.data, self.model.inputs[k].type, array.ndim, shape, array.nbytes)
            keep += [array, shape]
        buffers, guards = [], []
        for k in range(self.model.num_outputs):
            info = self.model.outputs[k]
            shape = (c.c_int64 * max(1, info.rank))(*info.shape[: info.rank])
            dtype = np.dtype(TYPES[info.type])
            count = capacity
            if all(d >= 0 for d in shape[: info.rank]):
                count = int(np.prod(shape[: info.rank], dtype=np.int64)) * dtype.itemsize
            buffer, guard = aligned(count)
            guards.append((guard, f"output {k}"))
            outputs[k] = Tensor(buffer.ctypes.data, info.type, info.rank, shape, count)
            buffers.append((buffer, dtype, shape, info.rank))
        size = self.model.workspace_bytes
        if size < 0:
            size = self.model.workspace(given, len(inputs))
        workspace, guard = aligned(max(size, 1))
        guards.append((guard, "the workspace"))
        lent = {}

        def allocate(_, count):
            block, guard = aligned(max(count, 1))
            lent[block.ctypes.data] = block
            guards.append((guard, "memory that the call allocated"))
            return block.ctypes.data

        call = Call(c.sizeof(Call), len(inputs), self.model.num_outputs, 0, given, outputs, workspace.ctypes.data, size, None, 0,
                    dict(Call._fields_)["allocate"](allocate),
                    dict(Call._fields_)["free"](lambda _, memory: lent.pop(memory, None)))
        status = self.model.call(c.byref(call))
        if lent:
            raise RuntimeError(f"{len(lent)} blocks were not given back")
        if status:
            raise RuntimeError(self.model.error(status).decode())
        for guard, what in guards:
            if np.any(guard != 0xA5):
                raise RuntimeError(f"bytes behind {what} were written")
        results = []
        for buffer, dtype, shape, rank in buffers:
            sizes = tuple(shape[:rank])
            count = int(np.prod(sizes, dtype=np.int64)) * dtype.itemsize
            results.append(buffer[:count].view(dtype).reshape(sizes))
        return results
