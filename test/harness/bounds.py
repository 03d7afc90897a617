"""How much a result may differ from the exact one: every bound that the tests use, once.

A kernel that sums K products is judged against a computation in double precision; a
whole model against recorded outputs; a case of ONNX's backend suite by ONNX's rule.
"""
import json

import numpy as np

SUITE = (1e-3, 1e-7)  # rtol, atol where the suite does not say otherwise
MODEL_RTOL = 1e-3
MODEL_ATOL_OF_LARGEST = 1e-5  # of an output's largest magnitude
NOISE_FACTOR = 1.5  # of the recording program's own noise between its optimization levels
ULP = 2.0**-24


def contraction(k, sum_of_magnitudes, winograd=False):
    """Allowed |error| of a sum of k products whose magnitudes add up to sum_of_magnitudes."""
    return ULP * (4 + np.sqrt(k)) * sum_of_magnitudes * (8 if winograd else 1)


def model_atol(expected, noise=0.0):
    """Absolute tolerance of one recorded output (an array) of a model."""
    largest = 0.0
    if expected.dtype.kind == "f" and expected.size:
        finite = expected[np.isfinite(expected)].astype(np.float64)
        largest = float(np.abs(finite).max()) if finite.size else 0.0
    return max(MODEL_ATOL_OF_LARGEST * largest, NOISE_FACTOR * noise)


def recorded(data):
    """(rtol, list of the outputs' atol) of a folder of recorded inputs and outputs with io.json."""
    facts = json.loads((data / "io.json").read_text())
    atols = []
    for output, noise in zip(facts["outputs"], facts["opt99_vs_opt0_maxabs_and_scale"]):
        file = data / output["file"]
        # What numpy cannot hold (.json) are maps of probabilities: their largest is 1.
        values = np.load(file, allow_pickle=False) if file.suffix == ".npy" else np.ones(1)
        atols.append(model_atol(values, noise[0] if isinstance(noise[0], (int, float)) else 0.0))
    return MODEL_RTOL, atols
