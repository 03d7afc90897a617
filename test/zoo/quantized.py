"""Quantizes a float model in place, the ways that onnxruntime.quantization knows."""
import pathlib


def rewrite(path, feeds, variant):
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    path = pathlib.Path(path)
    plain = path.with_name("float.onnx")
    try:
        quant_pre_process(str(path), str(plain), skip_symbolic_shape=True)
    except Exception:  # its optimizer fails on some models
        plain.write_bytes(path.read_bytes())
    names = [i.name for i in onnx.load(plain).graph.input]
    if variant.startswith("qdyn"):
        quantize_dynamic(str(plain), str(path), per_channel=variant == "qdynch",
                         weight_type=QuantType.QInt8 if variant == "qdynch" else QuantType.QUInt8)
    else:
        class Reader(CalibrationDataReader):
            def __init__(self):
                self.left = [dict(zip(names, feeds))]

            def get_next(self):
                return self.left.pop() if self.left else None

        quantize_static(
            str(plain), str(path), Reader(), quant_format=QuantFormat.QOperator if variant == "qop" else QuantFormat.QDQ,
            per_channel=variant in ("qdqch", "qdyaxes"), activation_type=QuantType.QInt8 if variant == "qdqint8" else QuantType.QUInt8,
            weight_type=QuantType.QInt8)
    plain.unlink()
