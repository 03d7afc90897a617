#!/usr/bin/env python3
"""Networks of bytes beside floats, ours and ONNX Runtime's, one thread, alternating.

    benchmark/int8.py                         ultraface-rfb-320, squeezenet1_1, mobilenet_v2
    benchmark/int8.py NAME|FILE ... --rounds=5 --seconds=1

Four programs of each model take turns: ours in floats; ours by --quantize=int8; the model that onnxruntime's quantize_static
makes (QDQ, activations of unsigned and weights of signed bytes with one scale an output), compiled by us; and the same model
run by ONNX Runtime. All are calibrated by minimum and maximum over the same 4 samples. CPU time of the one thread by
minimum, in ms; the size of the library; and the largest error of any output element beside the largest magnitude of a float
output, on an input that no calibration has seen.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare  # noqa: E402
from harness import places  # noqa: E402
from harness.library import Library  # noqa: E402

WORK = places.BUILD / "benchmark" / "int8"
DEFAULT = ["ultraface-rfb-320", "squeezenet1_1", "mobilenet_v2"]


def samples(session, count):
    rng = np.random.default_rng(1)
    made = []
    for _ in range(count):
        feed = {}
        for info in session.get_inputs():
            shape = [d if isinstance(d, int) else 1 for d in info.shape]
            feed[info.name] = (rng.standard_normal(shape).astype(np.float32) if info.type == "tensor(float)"
                               else rng.integers(0, 2, shape).astype(info.type[7:-1]))
        made.append(feed)
    return made


def quantize_by_ort(model, to, feeds):
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = list(feeds)

        def get_next(self):
            return self.left.pop(0) if self.left else None

    with tempfile.TemporaryDirectory() as folder:
        lifted = pathlib.Path(folder) / "lifted.onnx"
        loaded = onnx.load(model)
        if loaded.opset_import[0].version < 13:
            loaded = onnx.version_converter.convert_version(loaded, 13)
        loaded.ir_version = max(loaded.ir_version, 7)
        onnx.save(loaded, lifted)
        prepared = pathlib.Path(folder) / "prepared.onnx"
        quant_pre_process(str(lifted), str(prepared), skip_symbolic_shape=True)
        quantize_static(str(prepared), str(to), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=DEFAULT)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=4)
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    print(compare.cpu_name())
    print(f"{'model':20}{'program':28}{'ms':>9}{'of float':>10}{'of ORT int8':>13}{'KB':>8}{'error / largest':>20}")
    for name in args.models:
        title, model, _ = compare.find(name)
        session = compare.ort_session(model)
        *feeds, unseen = samples(session, 5)
        arrays = [unseen[i.name] for i in session.get_inputs()]
        exact = session.run(None, unseen)
        by_ort = WORK / f"{title}.qdq.onnx"
        quantize_by_ort(model, by_ort, feeds)
        calibration = WORK / f"{title}.samples"
        shutil.rmtree(calibration, ignore_errors=True)
        for i, feed in enumerate(feeds):
            (calibration / str(i)).mkdir(parents=True)
            for k, info in enumerate(session.get_inputs()):
                np.save(calibration / str(i) / f"input_{k}.npy", feed[info.name])
        quantized = compare.ort_session(by_ort)
        ways = [("ours, float", model, []), ("ours, --quantize=int8", model, ["--quantize=int8", f"--calibrate={calibration}"]),
                ("ours, ORT's QDQ model", by_ort, [])]
        runs, rows = [], []
        for k, (way, file, options) in enumerate(ways):
            library = WORK / f"{title}.{k}.so"
            subprocess.run([places.tool("lathe"), file, "-o", library, *options], check=True)
            got = Library(file, options).run(arrays)
            rows.append((way, library.stat().st_size // 1024, got))
            runs.append(lambda library=library: compare.time_lathe(library, None, args.seconds, [])["min_cpu_ms"])
        rows.append(("ORT, QDQ model", by_ort.stat().st_size // 1024, quantized.run(None, unseen)))
        runs.append(lambda: min(compare.time_ort(quantized, unseen, args.seconds)))
        best = [min(times) for times in zip(*[[run() for run in runs] for _ in range(args.rounds)])]
        for (way, size, got), ms in zip(rows, best):
            worst, largest = max(((np.abs(g - e).max(), np.abs(e).max()) for g, e in zip(got, exact)), key=lambda p: p[0] / p[1])
            print(f"{title:20}{way:28}{ms:9.3f}{ms / best[0]:10.2f}{ms / best[-1]:13.2f}{size:8}{f'{worst:.4f} / {largest:.3g}':>20}",
                  flush=True)


if __name__ == "__main__":
    main()
