"""A model held against ONNX Runtime with its optimizations off, through lathe-run."""
import numpy as np
import onnxruntime

from . import cases, places


def session(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def difference(path, feeds, options, rtol=1e-6, atol=1e-6):
    """What lathe-run says of the first set of inputs (a list of arrays each) on which both
    disagree; None if there is none."""
    theirs = session(path)
    for feed in feeds:
        data = path.parent / f"{path.stem}-data"
        data.mkdir()
        for k, a in enumerate(feed):
            np.save(data / f"input_{k}.npy", np.asarray(a))
        for k, a in enumerate(theirs.run(None, {i.name: np.asarray(a) for i, a in zip(theirs.get_inputs(), feed)})):
            np.save(data / f"output_{k}.npy", a)
        status, text = cases.run_tool([places.tool("lathe-run"), str(path), f"--data={data}", f"--rtol={rtol}", f"--atol={atol}", *options], 120)
        for file in data.iterdir():
            file.unlink()
        data.rmdir()
        if status:
            return text.strip()[:600] or f"exit {status}"
    return None
