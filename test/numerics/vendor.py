#!/usr/bin/env python3
"""Ops of com.microsoft for transformers, in the forms that ONNX Runtime's optimizer and exporters write, held against it;
and support vector machines, which ONNX's own suite lacks.

    test/numerics/vendor.py [--option=-O1 ...] [--filter=Grouped]

Ends with 'N passed, N failed'.
"""
import argparse
import pathlib
import re
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))
from harness import reference  # noqa: E402

TYPES = {"f": TensorProto.FLOAT, "i": TensorProto.INT32, "l": TensorProto.INT64, "B": TensorProto.UINT8, "b": TensorProto.INT8}
FORMS = {}
B, S, N, H = 2, 5, 4, 16
D = N * H


def rng(name):
    return np.random.default_rng(sum(map(ord, name)))


class Form:
    """One node; its operands are inputs (arrays, a name each) or constants. Outputs with a name that
    begins with _ are not compared."""

    def __init__(self, name, op, outputs, constants=(), open_sizes=False, domain="com.microsoft", **attrs):
        self.name, self.op, self.outputs, self.constants, self.open_sizes, self.attrs = name, op, outputs, constants, open_sizes, attrs
        self.domain = domain
        self.sets = []

    def feed(self, **operands):
        self.sets.append(operands)
        return self

    def model(self, order):
        first = self.sets[0]
        inputs, weights = [], []
        for name, value in first.items():
            if name in self.constants:
                weights.append(onnx.numpy_helper.from_array(value, name))
            else:
                shape = [f"{name}_{d}" for d in range(value.ndim)] if self.open_sizes else value.shape
                # Sizes that the ops need to know stay known.
                if self.open_sizes and value.ndim >= 3:
                    shape = [*shape[:-1], value.shape[-1]]
                inputs.append(helper.make_tensor_value_info(name, TYPES[value.dtype.char], shape))
        node = helper.make_node(self.op, [n if n in first else "" for n in order], self.outputs, name="node", domain=self.domain, **self.attrs)
        kinds = {"mask_index": TensorProto.INT32, "bytes": TensorProto.UINT8, "label": TensorProto.INT64}
        outputs = [helper.make_tensor_value_info(o, kinds.get(o, TensorProto.FLOAT), None) for o in self.outputs if o and o[0] != "_"]
        graph = helper.make_graph([node], self.name, inputs, outputs, weights)
        return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("ai.onnx.ml", 1)])

    def feeds(self):
        return [[v for n, v in s.items() if n not in self.constants] for s in self.sets]


ORDER = {
    "Attention": "input weights bias mask_index past attention_bias".split(),
    "QAttention": "input weight bias input_scale weight_scale mask_index input_zero_point weight_zero_point past".split(),
    "MultiHeadAttention": "query key value bias key_padding_mask attention_bias past_key past_value".split(),
    "RotaryEmbedding": "input position_ids cos_cache sin_cache".split(),
    "GroupQueryAttention": "query key value past_key past_value seqlens_k total_sequence_length cos_cache sin_cache".split(),
    "EmbedLayerNormalization": "input_ids segment_ids word_embedding position_embedding segment_embedding gamma beta mask position_ids".split(),
    "QLinearGlobalAveragePool": "x x_scale x_zero_point y_scale y_zero_point".split(),
    "SVMClassifier": ["x"],
}


def form(name, op, outputs, **options):
    FORMS[name] = Form(name, op, outputs, **options)
    return FORMS[name]


def attention():
    r = rng("attention")
    x, w, b = (r.standard_normal(s).astype(np.float32) * 0.3 for s in ((B, S, D), (D, 3 * D), (3 * D,)))
    base = dict(input=x, weights=w, bias=b)
    known = dict(constants=("weights", "bias"), num_heads=N)
    form("attention", "Attention", ["y"], **known).feed(**base)
    form("attention_open", "Attention", ["y"], open_sizes=True, **known).feed(**base)
    form("attention_lengths", "Attention", ["y"], **known).feed(**base, mask_index=np.array([3, 5], np.int32))
    form("attention_ends_starts", "Attention", ["y"], **known).feed(**base, mask_index=np.array([4, 5, 1, 0], np.int32))
    raw = (r.random((B, S)) > 0.4).astype(np.int32)
    raw[1] = 0  # nothing is left of this row
    form("attention_raw", "Attention", ["y"], **known).feed(**base, mask_index=raw)
    form("attention_raw_open", "Attention", ["y"], open_sizes=True, **known).feed(**base, mask_index=raw)
    form("attention_square", "Attention", ["y"], **known).feed(**base, mask_index=(r.random((B, S, S)) > 0.4).astype(np.int32))
    form("attention_causal", "Attention", ["y", "present"], unidirectional=1, **known).feed(**base)
    past = r.standard_normal((2, B, N, 3, H)).astype(np.float32)
    form("attention_past", "Attention", ["y", "present"], unidirectional=1, **known).feed(**base, past=past)
    form("attention_past_raw", "Attention", ["y", "present"], unidirectional=1, scale=0.2, **known).feed(
        **base, mask_index=(r.random((B, S + 3)) > 0.3).astype(np.int32), past=past)
    form("attention_bias", "Attention", ["y"], **known).feed(**base, attention_bias=r.standard_normal((1, N, S, S)).astype(np.float32))
    w2, b2 = r.standard_normal((D, 2 * D + 12)).astype(np.float32) * 0.3, r.standard_normal(2 * D + 12).astype(np.float32)
    form("attention_narrow_values", "Attention", ["y"], qkv_hidden_sizes=[D, D, 12], **known).feed(input=x, weights=w2, bias=b2)
    q = dict(input=r.integers(0, 255, (B, S, D)).astype(np.uint8), weight=r.integers(-9, 9, (D, 3 * D)).astype(np.int8), bias=b,
             input_scale=np.float32(0.01), weight_scale=np.float32(0.02), input_zero_point=np.uint8(128), weight_zero_point=np.int8(0))
    q = {k: np.asarray(v) for k, v in q.items()}
    known = dict(constants=[k for k in q if k != "input"], num_heads=N)
    form("qattention", "QAttention", ["y"], **known).feed(**q)
    form("qattention_raw", "QAttention", ["y"], **known).feed(**q, mask_index=np.maximum(raw, [[1], [1]]).astype(np.int32))


def multi_head():
    r = rng("multi head")
    q, k, v = (r.standard_normal(s).astype(np.float32) for s in ((B, S, D), (B, 7, D), (B, 7, D)))
    base = dict(query=q, key=k, value=v)
    form("multi_head", "MultiHeadAttention", ["y"], num_heads=N).feed(**base)
    form("multi_head_open", "MultiHeadAttention", ["y"], num_heads=N, open_sizes=True).feed(**base)
    form("multi_head_bias", "MultiHeadAttention", ["y"], num_heads=N, constants=("bias",)).feed(**base, bias=r.standard_normal(3 * D).astype(np.float32))
    form("multi_head_lengths", "MultiHeadAttention", ["y"], num_heads=N).feed(**base, key_padding_mask=np.array([4, 7], np.int32))
    form("multi_head_raw", "MultiHeadAttention", ["y"], num_heads=N).feed(**base, key_padding_mask=(r.random((B, 7)) > 0.4).astype(np.int32))
    form("multi_head_scores", "MultiHeadAttention", ["y"], num_heads=N, scale=0.3).feed(**base, attention_bias=r.standard_normal((B, N, S, 7)).astype(np.float32))
    past = [r.standard_normal((B, N, 3, H)).astype(np.float32) for _ in range(2)]
    form("multi_head_past", "MultiHeadAttention", ["y", "present_key", "present_value"], num_heads=N, unidirectional=1).feed(
        query=q, key=k[:, :S], value=v[:, :S], past_key=past[0], past_value=past[1])
    form("multi_head_present", "MultiHeadAttention", ["y", "present_key", "present_value"], num_heads=N).feed(**base)
    heads = lambda x: np.ascontiguousarray(x.reshape(B, 7, N, H).transpose(0, 2, 1, 3))
    form("multi_head_cross", "MultiHeadAttention", ["y"], num_heads=N).feed(query=q, key=heads(k), value=heads(v))


def grouped():
    r = rng("grouped")
    kv = 2
    angle = np.arange(32)[:, None] * 0.3 ** np.arange(H // 2)[None]
    cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)

    def tensors(batch, length, past):
        out = dict(query=r.standard_normal((batch, length, D)).astype(np.float32), key=r.standard_normal((batch, length, kv * H)).astype(np.float32),
                   value=r.standard_normal((batch, length, kv * H)).astype(np.float32))
        out.update(past_key=r.standard_normal((batch, kv, past, H)).astype(np.float32), past_value=r.standard_normal((batch, kv, past, H)).astype(np.float32))
        return out

    def sizes(last, total):
        return dict(seqlens_k=np.array(last, np.int32), total_sequence_length=np.array([total], np.int32))

    results = ["y", "present_key", "present_value"]
    common = dict(num_heads=N, kv_num_heads=kv)
    turned = dict(do_rotary=1, constants=("cos_cache", "sin_cache"), **common)
    tables = dict(cos_cache=cos, sin_cache=sin)
    form("grouped_step", "GroupQueryAttention", results, **common).feed(**tensors(1, 1, 6), **sizes([6], 7))
    form("grouped_step_open", "GroupQueryAttention", results, open_sizes=True, **turned).feed(**tensors(B, 1, 6), **sizes([6, 6], 7), **tables)
    form("grouped_prompt", "GroupQueryAttention", results, open_sizes=True, **turned).feed(**tensors(B, S, 0), **sizes([S - 1, S - 1], S), **tables)
    form("grouped_rotary", "GroupQueryAttention", results, rotary_interleaved=1, **turned).feed(**tensors(1, 1, 6), **sizes([6], 7), **tables)
    form("grouped_ragged", "GroupQueryAttention", ["y", "_key", "_value"], **turned).feed(**tensors(B, 1, 6), **sizes([3, 6], 7), **tables)
    form("grouped_window", "GroupQueryAttention", results, local_window_size=3, **turned).feed(**tensors(1, 1, 6), **sizes([6], 7), **tables)
    form("grouped_softcap", "GroupQueryAttention", results, softcap=2.0, scale=0.4, **common).feed(**tensors(1, 1, 6), **sizes([6], 7))
    t = tensors(1, 1, 6)
    t["query"] = np.concatenate([t.pop("query"), t.pop("key"), t.pop("value")], -1)
    form("grouped_packed", "GroupQueryAttention", results, **turned).feed(**t, **sizes([6], 7), **tables)


def rest():
    r = rng("rest")
    angle = np.arange(32)[:, None] * 0.3 ** np.arange(H // 2)[None]
    tables = dict(cos_cache=np.cos(angle).astype(np.float32), sin_cache=np.sin(angle).astype(np.float32))
    known = dict(constants=("cos_cache", "sin_cache"))
    x = r.standard_normal((B, S, D)).astype(np.float32)
    form("rotary", "RotaryEmbedding", ["y"], **known).feed(input=x, position_ids=np.array([[0, 1, 2, 3, 4], [7, 8, 9, 10, 11]]), **tables)
    form("rotary_offset", "RotaryEmbedding", ["y"], interleaved=1, **known).feed(input=x, position_ids=np.array([3]), **tables)
    form("rotary_heads", "RotaryEmbedding", ["y"], open_sizes=True, **known).feed(
        input=r.standard_normal((B, N, S, H)).astype(np.float32), position_ids=np.array([[0, 1, 2, 3, 4], [7, 8, 9, 10, 11]]), **tables)
    small = {k: v[:, : H // 4] for k, v in tables.items()}
    form("rotary_part", "RotaryEmbedding", ["y"], num_heads=N, rotary_embedding_dim=H // 2, **known).feed(input=x, position_ids=np.array([3]), **small)
    weights = dict(word_embedding=r.standard_normal((20, D)), position_embedding=r.standard_normal((9, D)), segment_embedding=r.standard_normal((2, D)),
                   gamma=r.standard_normal(D), beta=r.standard_normal(D))
    weights = {k: v.astype(np.float32) for k, v in weights.items()}
    known = dict(constants=tuple(weights), epsilon=1e-5)
    ids = dict(input_ids=r.integers(0, 20, (B, S)).astype(np.int32), segment_ids=r.integers(0, 2, (B, S)).astype(np.int32))
    form("embedding", "EmbedLayerNormalization", ["y", "mask_index"], **known).feed(**ids, **weights, mask=np.array([[1, 1, 1, 0, 0], [1] * 5], np.int32))
    form("embedding_sum", "EmbedLayerNormalization", ["y", "", "sum"], open_sizes=True, **known).feed(**ids, **weights, position_ids=np.array([[1, 2, 3, 4, 5]] * B, np.int32))
    bytes_ = dict(x_scale=np.float32(0.0213), x_zero_point=np.uint8(131), y_scale=np.float32(0.0047), y_zero_point=np.uint8(120))
    bytes_ = {k: np.asarray(v) for k, v in bytes_.items()}
    known = dict(constants=tuple(bytes_))
    image = r.integers(0, 255, (2, 3, 5, 6)).astype(np.uint8)
    form("mean_bytes", "QLinearGlobalAveragePool", ["bytes"], **known).feed(x=image, **bytes_)
    form("mean_bytes_open", "QLinearGlobalAveragePool", ["bytes"], open_sizes=True, **known).feed(x=image, **bytes_).feed(x=image[:1, :, :2], **bytes_)
    form("mean_bytes_last", "QLinearGlobalAveragePool", ["bytes"], channels_last=1, **known).feed(x=np.ascontiguousarray(image.transpose(0, 2, 3, 1)), **bytes_)


def machines():
    """Probabilities of classes from those of their pairs."""
    r = rng("machines")
    for classes in (2, 3, 5):
        pairs, each = classes * (classes - 1) // 2, 3
        numbers = lambda *shape: [float(v) for v in r.standard_normal(shape).ravel()]
        form(f"svm_{classes}", "SVMClassifier", ["label", "p"], domain="ai.onnx.ml", classlabels_ints=list(range(4, 4 + classes)), coefficients=numbers(each * classes * (classes - 1)),
             kernel_params=[0.4, 0.0, 3.0], kernel_type="RBF", prob_a=[-abs(v) - 0.5 for v in numbers(pairs)], prob_b=numbers(pairs), rho=numbers(pairs),
             support_vectors=numbers(each * classes, 4), vectors_per_class=[each] * classes, post_transform="NONE").feed(
                 x=r.standard_normal((7, 4)).astype(np.float32)).feed(x=r.standard_normal((7, 4)).astype(np.float32))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--option", action="append", default=[], help="an option for lathe, as --option=-O1")
    parser.add_argument("--filter", default="", help="only forms whose name matches")
    args = parser.parse_args()
    for make in (attention, multi_head, grouped, rest, machines):
        make()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, f in FORMS.items():
            if not re.search(args.filter, name):
                continue
            path = pathlib.Path(folder) / f"{name}.onnx"
            onnx.save(f.model(ORDER[f.op]), path)
            problem = reference.difference(path, f.feeds(), args.option, rtol=1e-4, atol=1e-5)
            passed, failed = passed + (not problem), failed + bool(problem)
            if problem:
                print(f"{name}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
