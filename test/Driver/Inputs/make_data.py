"""Data sets of the digits model for lathe-run: a right one and some that are wrong."""
import pathlib
import sys

import numpy
import onnx
import onnx.numpy_helper
import onnx.reference

model, folder = onnx.load(sys.argv[1]), pathlib.Path(sys.argv[2])
image = numpy.random.default_rng(1).uniform(0, 16, (1, 1, 8, 8)).astype(numpy.float32)
result = onnx.reference.ReferenceEvaluator(model).run(None, {model.graph.input[0].name: image})[0]


def write(name, x, y):
    (folder / name).mkdir(parents=True, exist_ok=True)
    numpy.save(folder / name / "input_0.npy", x)
    # One as TensorProto: both forms are read.
    (folder / name / "output_0.pb").write_bytes(onnx.numpy_helper.from_array(y).SerializeToString())


write("right", image, result)
wrong = result.copy()
wrong[0, 3] += 1
wrong[0, 7] -= 3
write("wrong", image, wrong)
write("shape", image, result.reshape(10))
write("type", image, result.astype(numpy.float64))
write("input", image.reshape(1, 1, 4, 16), result)
