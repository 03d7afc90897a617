"""From a torch module to model.onnx with recorded inputs and outputs.

What a model is made of depends on its name alone: weights and inputs are seeded by it.
Weights of a fresh module hide errors (a norm that does nothing, a scale of 1e-6), so
`liven` moves what is constant and gives batch norms the statistics of their inputs.
"""
import contextlib
import dataclasses
import json
import pathlib
import random
import zlib

import numpy as np
import onnx
import onnxruntime


@dataclasses.dataclass
class Spec:
    """A torch module with its inputs, by position."""

    module: object
    args: tuple
    dynamic: tuple = ()  # for each input a dict {axis: name}, for the variants with open axes
    names: tuple = ()
    opset: int = 0  # the least that it needs, if more than the variant's


def seed(name):
    import torch

    number = zlib.crc32(name.encode())
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def liven(module, args):
    import torch

    module.eval()
    with torch.no_grad():
        for _, p in sorted(module.named_parameters()):
            if p.is_floating_point() and p.numel() > 1 and (p.max() - p.min()).abs() < 1e-4:
                center = 0.3 if 0 < p.abs().max() < 1e-3 else p.flatten()[0].item()
                p.copy_(center + 0.1 * torch.randn_like(p))
        norms = [m for m in module.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
        if norms and all(m.running_mean is not None for m in norms):
            kept = [m.momentum for m in norms]
            for m in norms:
                m.momentum = 1.0
                m.train()
            with contextlib.suppress(ValueError, RuntimeError):
                # Channels of one value have no variance: such norms keep their own.
                module(*args)
            for m, momentum in zip(norms, kept):
                m.momentum = momentum
                m.running_var.clamp_(min=1e-2).nan_to_num_(1.0)
                m.running_mean.nan_to_num_(0.0)
    return module.eval()


class Tensors:
    """Wraps a module so that its outputs are a flat tuple of tensors."""

    def __new__(cls, module, pick=None):
        import torch

        def flat(value):
            if isinstance(value, torch.Tensor):
                return [value]
            if value is None or isinstance(value, (int, float, str, bool)):
                return []
            if hasattr(value, "to_tuple"):
                return flat(value.to_tuple())
            if isinstance(value, dict):
                return [t for v in value.values() for t in flat(v)]
            if isinstance(value, (tuple, list)):
                return [t for v in value for t in flat(v)]
            return []

        class Wrapped(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = module

            def forward(self, *args):
                result = pick(self.inner, *args) if pick else self.inner(*args)
                return tuple(flat(result))

        return Wrapped()


def difference_along(g, x, n, dim, prepend, append):
    """What the old exporter lacks and every mask of the transformers package uses."""
    from torch.onnx.symbolic_helper import _get_const

    joined = [v for v in (prepend, x, append) if not v.node().mustBeNone()]
    axis = _get_const(dim, "i", "dim")
    if len(joined) > 1:
        x = g.op("Concat", *joined, axis_i=axis)
    number = lambda v: g.op("Constant", value_t=__import__("torch").tensor([v]))
    later = g.op("Slice", x, number(1), number(2**62), number(axis))
    earlier = g.op("Slice", x, number(0), number(-1), number(axis))
    return g.op("Sub", later, earlier)


def export(spec, path, *, dynamo, opset, dynamic):
    import torch

    module, args = spec.module, spec.args
    names = list(spec.names) or [f"input{i}" for i in range(len(args))]
    opset = max(opset, spec.opset)
    # Unless told otherwise: what has as many rows as the first input shares its batch.
    rows = args[0].shape[:1]
    open_axes = spec.dynamic or tuple({0: "batch"} if a.dim() > 1 and a.shape[:1] == rows else {} for a in args)
    options = {}
    if dynamo:
        if dynamic:
            shapes = tuple({a: torch.export.Dim.DYNAMIC for a in axes} for axes in open_axes)
            options["dynamic_shapes"] = (shapes,)  # Wrapped takes *args
    elif dynamic:
        options["dynamic_axes"] = {n: dict(axes) for n, axes in zip(names, open_axes)}
    if not dynamo:
        torch.onnx.register_custom_op_symbolic("aten::diff", difference_along, opset)
    torch.onnx.export(module, args, str(path), input_names=names, opset_version=opset, dynamo=dynamo,
                      external_data=False, **options)


SUFFIX = {np.dtype(k): v for k, v in {"float32": "f", "float64": "f", "float16": "f"}.items()}


def reference(path, feed, optimized=False):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def wide(a):
    """An array of narrow floats as one of numpy's own."""
    return a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype.name in ("float16", "bfloat16") else a


def difference(a, b):
    if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.shape == b.shape and a.size:
        both = np.isfinite(a) & np.isfinite(b)
        gap = np.abs(a[both].astype(np.float64) - b[both].astype(np.float64))
        return float(gap.max()) if gap.size else 0.0
    return 0.0


def narrowed(spec, kind):
    """Makes the spec one of narrow floats. Returns what the same numbers give where nothing is
    rounded on the way; None for what does not run so."""
    import torch

    spec.module.to(kind)
    spec.args = tuple(a.to(kind) if a.is_floating_point() else a for a in spec.args)
    exact = None
    with contextlib.suppress(Exception), torch.no_grad():
        wide = spec.module.float()(*(a.float() if a.is_floating_point() else a for a in spec.args))
        exact = [t.numpy() for t in (wide if isinstance(wide, tuple) else (wide,))]
    spec.module.to(kind)
    return exact


def record(path, feeds, exact=None):
    """Writes data_0/ beside the model: inputs, ONNX Runtime's outputs, and its own noise: between
    its levels of optimization and, where narrow floats are rounded between nodes, to the exact outputs."""
    model = onnx.load(path, load_external_data=False)
    constants = {i.name for i in model.graph.initializer}
    inputs = [i.name for i in model.graph.input if i.name not in constants]
    feed = dict(zip(inputs, feeds))
    outputs = reference(path, feed)
    try:
        again = reference(path, feed, optimized=True)
    except Exception:  # optimizations of ONNX Runtime's that fail on a model are no fault of the model
        again = outputs
    noise = [difference(a, b) for a, b in zip(outputs, again)]
    if any(a.dtype.kind in "iub" and not np.array_equal(a, b) for a, b in zip(outputs, again) if isinstance(a, np.ndarray)):
        # Near-equal scores of random weights: rounding decides what is sorted before what.
        raise ValueError("the reference's own levels of optimization disagree in integers: there is no one answer")
    if exact and len(exact) == len(outputs):
        noise = [max(n, difference(wide(a), wide(b.astype(a.dtype)))) for n, a, b in zip(noise, outputs, exact)]
    folder = pathlib.Path(path).parent / "data_0"
    folder.mkdir(exist_ok=True)
    facts = []
    for k, name in enumerate(inputs):
        save(folder / f"input_{k}", feed[name])
    for k, (info, value) in enumerate(zip(model.graph.output, outputs)):
        facts.append({"name": info.name, "file": save(folder / f"output_{k}", value).name})
    (folder / "io.json").write_text(json.dumps(
        {"outputs": facts, "opt99_vs_opt0_maxabs_and_scale": [[n, 0] for n in noise]}, indent=1))
    return outputs


def save(stem, value):
    if isinstance(value, list) and value and isinstance(value[0], dict):
        file = stem.with_suffix(".json")
        file.write_text(json.dumps([[list(m.keys()), [float(v) for v in m.values()]] for m in value]))
        return file
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OUS":
        file = stem.with_suffix(".npy")
        np.save(file, value, allow_pickle=False)
        return file
    file = stem.with_suffix(".pb")
    file.write_bytes(onnx.numpy_helper.from_array(np.asarray(value, dtype=object)).SerializeToString())
    return file


def numpy_of(tensor):
    return tensor.detach().cpu().numpy()
