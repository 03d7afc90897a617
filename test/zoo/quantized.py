"""Rewrites a float model in place: quantized in the ways that onnxruntime.quantization knows, or fused by ONNX Runtime's optimizers."""
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
    if variant.startswith("qdyn") or variant == "ortq":
        quantize_dynamic(str(plain), str(path), per_channel=variant == "qdynch",
                         weight_type=QuantType.QInt8 if variant == "qdynch" else QuantType.QUInt8,
                         extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
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


def optimize(path):
    """Attention, norms and embeddings as ops of com.microsoft; then what a session fuses that is not for one machine."""
    import onnxruntime
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    path = pathlib.Path(path)
    try:
        options = FusionOptions("bert")
        optimizer.optimize_model(str(path), model_type="bert", num_heads=0, hidden_size=0, opt_level=0, optimization_options=options).save_model_to_file(str(path))
    except Exception as error:  # its patterns fail on some models
        print("not optimized as a transformer:", error)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    fused = path.with_name("fused.onnx")
    options.optimized_model_filepath = str(fused)
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    fused.replace(path)
