"""Writes ONNX's backend suite from the installed onnx package into a folder.

The same layout as the released data: KIND/CASE/model.onnx and
KIND/CASE/test_data_set_N/{input,output}_K.pb. Node cases are computed by the package,
the others are files of it; of the light models (real architectures with constant
weights) the package has the expected output and a rule for the input.
"""
import json
import pathlib
import shutil

LIGHT_INPUT = (1, 3, 224, 224)


def serialize(value, type_proto, name):
    from onnx import SequenceProto, TensorProto, numpy_helper

    if isinstance(value, (TensorProto, SequenceProto)):
        return value.SerializeToString()
    if type_proto.HasField("map_type"):
        return numpy_helper.from_dict(value, name).SerializeToString()
    if type_proto.HasField("sequence_type"):
        return numpy_helper.from_list(value, name).SerializeToString()
    if type_proto.HasField("optional_type"):
        return numpy_helper.from_optional(value, name).SerializeToString()
    return numpy_helper.from_array(value, name).SerializeToString()


def write_case(folder, model, data_sets):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for n, (inputs, outputs) in enumerate(data_sets):
        data = folder / f"test_data_set_{n}"
        data.mkdir(exist_ok=True)
        for word, values, infos in (
            ("input", inputs, model.graph.input),
            ("output", outputs, model.graph.output),
        ):
            for k, (value, info) in enumerate(zip(values, infos)):
                (data / f"{word}_{k}.pb").write_bytes(serialize(value, info.type, info.name))


def light_case(package, folder, name):
    import numpy as np
    from onnx import load, numpy_helper

    model = load(package / "light" / f"light_{name}.onnx")
    constant = {i.name for i in model.graph.initializer}
    (image,) = [i for i in model.graph.input if i.name not in constant]
    shape = tuple(d.dim_value for d in image.type.tensor_type.shape.dim)
    count = int(np.prod(shape))
    ramp = (np.arange(count).reshape(shape) / count).astype(np.float32)
    output = (package / "light" / f"light_{name}_output_0.pb").read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(package / "light" / f"light_{name}.onnx", folder / "model.onnx")
    data = folder / "test_data_set_0"
    data.mkdir(exist_ok=True)
    (data / "input_0.pb").write_bytes(numpy_helper.from_array(ramp, image.name).SerializeToString())
    (data / "output_0.pb").write_bytes(output)


def suite(folder):
    """Generates the suite once; returns the folder."""
    import numpy as np
    import onnx
    import onnx.backend.test
    from onnx.backend.test.loader import load_model_tests

    done = folder / ".complete"
    if done.exists() and done.read_text() == onnx.__version__:
        return folder
    print(f"generating ONNX's backend suite into {folder}", flush=True)
    package = pathlib.Path(onnx.backend.test.__file__).parent / "data"
    tolerances = {}
    with np.errstate(all="ignore"):  # the package computes overflows on purpose
        node_cases = load_model_tests(kind="node")
    for case in node_cases:
        name = f"node/{case.name}"
        write_case(folder / name, case.model, case.data_sets)
        tolerances[name] = [case.rtol, case.atol]
    for kind in ("simple", "pytorch-converted", "pytorch-operator"):
        shutil.copytree(package / kind, folder / kind, dirs_exist_ok=True)
    for data in sorted((package / "real").glob("*/data.json")):
        facts = json.loads(data.read_text())
        name = f"light/{data.parent.name}"
        light_case(package, folder / name, facts["model_name"])
        tolerances[name] = [facts["rtol"], facts["atol"]]
    (folder / "tolerances.json").write_text(json.dumps(tolerances, indent=0, sort_keys=True))
    done.write_text(onnx.__version__)
    return folder
