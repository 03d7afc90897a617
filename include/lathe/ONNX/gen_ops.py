#!/usr/bin/env python3
"""Writes the ODS and the fact table of the onnx dialect from the schemas of the
installed onnx package, plus a hand-kept table of com.microsoft ops.

    gen_ops.py <ms_ops.json> <out.td> <out facts.inc>

Every op is taken at its newest living version; nothing but names, arities,
attribute kinds and defaults and the sets of types is copied. Invariant: the
output depends on the package's version and the table alone, so builds agree.

C++ names: operands, results and regions keep their ONNX name unless its accessor
is taken; attributes always keep theirs. A clashing operand gets the suffix `_in`,
a clashing result `_out`.
"""

import json
import struct
import sys

import onnx
import onnx.defs

# Domain -> (prefix of the C++ class, prefix of the mnemonic).
DOMAINS = {
    "": ("", ""),
    "ai.onnx.ml": ("ML", "ml."),
    "ai.onnx.preview": ("Preview", "preview."),
    "ai.onnx.preview.training": ("Train", "train."),
    "com.microsoft": ("MS", "ms."),
}
# Schemas that live on although the newest version deprecates them: no other op says
# the same, and exporters still write them.
KEPT = {("ai.onnx.ml", "TreeEnsembleClassifier"), ("ai.onnx.ml", "TreeEnsembleRegressor")}
RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
# Ops whose class is written by hand in ONNXBase.td, facts included here.
MANUAL_ODS = {("", "Constant")}
BASE = "lathe/ONNX/ONNXBase.td"

KINDS = {  # attribute kind -> (ODS constraint, enumerator)
    "INT": ("I64Attr", "Int"), "FLOAT": ("F32Attr", "Float"), "STRING": ("StrAttr", "String"),
    "INTS": ("DenseI64ArrayAttr", "Ints"), "FLOATS": ("DenseF32ArrayAttr", "Floats"),
    "STRINGS": ("StrArrayAttr", "Strings"), "TENSOR": ("ElementsAttr", "Tensor"),
    "SPARSE_TENSOR": ("ElementsAttr", "Tensor"), "TYPE_PROTO": ("TypeAttr", "Type"), "GRAPH": (None, "Graph"),
}
ELEMENT_NAMES = {"float": "FLOAT", "double": "DOUBLE"}


def element_bit(name):
    code = onnx.TensorProto.DataType.Value(ELEMENT_NAMES.get(name, {
        "complex64": "COMPLEX64", "complex128": "COMPLEX128"}.get(name, name.upper())))
    return 1 << code


def camel(name):
    return "".join(p[:1].upper() + p[1:] for p in name.split("_"))


def float_text(value):
    """The shortest decimal that reads back as the same f32."""
    bits = struct.pack("<f", value)
    for digits in range(1, 10):
        text = "%.*g" % (digits, value)
        if abs(float(text)) < 3.4028235677973366e38 and struct.pack("<f", float(text)) == bits:
            break
    return text if any(c in text for c in ".en") else text + ".0"


class Value:
    def __init__(self, name, arity, type_var, types, homogeneous=True, minimum=0):
        self.name, self.arity, self.type_var, self.types = name, arity, type_var, types
        self.homogeneous, self.minimum, self.accessor = homogeneous, minimum, name


class Attr:
    def __init__(self, name, kind, required, default=None):
        self.name, self.kind, self.required, self.default = name, kind, required, default


class Op:
    def __init__(self, domain, name, since, operands, results, attrs):
        self.domain, self.name, self.since = domain, name, since
        self.operands, self.results = operands, results
        # `then` reads before `else`.
        self.graphs = sorted((a for a in attrs if a.kind == "GRAPH"), key=lambda a: (a.name != "then_branch", a.name))
        self.attrs = [a for a in attrs if a.kind != "GRAPH"]
        cpp, mnemonic = DOMAINS[domain]
        self.cpp, self.mnemonic = cpp + name, mnemonic + name
        taken = {camel(a.name) for a in attrs}
        for values, suffix in ((operands, "_in"), (results, "_out")):
            for v in values:
                if camel(v.accessor) in taken:
                    v.accessor += suffix
                taken.add(camel(v.accessor))


def type_mask(strings):
    """(tensor, seq, opt, opt-of-seq, map) masks of element types; maps are a flag."""
    masks = [0, 0, 0, 0, 0]
    for s in strings:
        if "map(" in s:
            masks[4] = 1
            continue
        kind = 0
        if s.startswith("optional(seq("):
            kind = 3
        elif s.startswith("optional("):
            kind = 2
        elif s.startswith("seq("):
            kind = 1
        masks[kind] |= element_bit(s.split("tensor(")[1].rstrip(")"))
    return tuple(masks)


ANY = (0xFFFFFFFF,) * 4 + (1,)


def default_of(attr):
    value = attr.default_value
    if not value.name:
        return None
    default = onnx.helper.get_attribute_value(value)
    if isinstance(default, bytes):
        return default.decode()
    if isinstance(default, (int, float, str)):
        return default
    return [d.decode() if isinstance(d, bytes) else d for d in default]


def from_schemas():
    live = {}
    for s in onnx.defs.get_all_schemas_with_history():
        key = (s.domain, s.name)
        if key in KEPT and s.deprecated:
            continue
        if key not in live or live[key].since_version < s.since_version:
            live[key] = s
    for key, s in sorted(live.items()):
        if s.deprecated:
            continue
        sets = {c.type_param_str: type_mask(c.allowed_type_strs) for c in s.type_constraints}

        def value(v):
            arity = {"Single": "Single", "Optional": "Optional", "Variadic": "Variadic"}[str(v.option).split(".")[-1]]
            var = v.type_str if v.type_str in sets else None
            return Value(v.name, arity, var, sets[var] if var else type_mask([v.type_str]), v.is_homogeneous,
                         v.min_arity)

        attrs = [Attr(a.name, str(a.type).split(".")[-1], a.required, default_of(a))
                 for _, a in sorted(s.attributes.items())]
        yield Op(s.domain, s.name, s.since_version, [value(v) for v in s.inputs], [value(v) for v in s.outputs], attrs)


def from_table(path):
    def value(text):
        name = text.rstrip("?*")
        return Value(name, {"?": "Optional", "*": "Variadic"}.get(text[-1], "Single"), None, ANY, False)

    def attr(name, spec):
        if isinstance(spec, str) and spec.rstrip("!").upper() in KINDS:
            return Attr(name, spec.rstrip("!").upper(), spec.endswith("!"))
        kind = "INT" if isinstance(spec, int) else "FLOAT" if isinstance(spec, float) else "STRING"
        return Attr(name, kind, False, spec)

    with open(path) as f:
        for name, op in json.load(f).items():
            yield Op("com.microsoft", name, 1, [value(v) for v in op["in"]], [value(v) for v in op["out"]],
                     [attr(n, s) for n, s in sorted(op["attrs"].items())])


def quote(text):
    return json.dumps(text)


def ods_default(attr):
    d = attr.default
    if attr.kind == "INT":
        return "DefaultValuedAttr<I64Attr, %s>" % quote(str(d))
    if attr.kind == "FLOAT":
        return "DefaultValuedAttr<F32Attr, %s>" % quote(float_text(d) + "f")
    if attr.kind == "STRING":
        return "DefaultValuedStrAttr<StrAttr, %s>" % quote(d)
    if attr.kind == "INTS":
        return "DefaultValuedAttr<DenseI64ArrayAttr, %s>" % quote("{%s}" % ", ".join(map(str, d)))
    if attr.kind == "STRINGS":
        return "DefaultValuedAttr<StrArrayAttr, %s>" % quote("{%s}" % ", ".join(map(quote, d)))
    raise SystemExit("no default form for attributes of kind " + attr.kind)


def ods(op):
    args, traits = [], []
    for v in op.operands:
        wrap = {"Single": "%s", "Optional": "Optional<%s>", "Variadic": "Variadic<%s>"}[v.arity]
        args.append("%s:$%s" % (wrap % "AnyType", v.accessor))
    if sum(v.arity != "Single" for v in op.operands) > 1:
        traits.append("AttrSizedOperandSegments")
    for a in op.attrs:
        if a.default is not None:
            text = ods_default(a)
        else:
            text = KINDS[a.kind][0] if a.required else "OptionalAttr<%s>" % KINDS[a.kind][0]
        args.append("%s:$%s" % (text, a.name))
    results = [("Variadic<AnyType>" if v.arity == "Variadic" else "AnyType") + ":$" + v.accessor for v in op.results]
    if op.graphs:
        traits += ["RecursiveMemoryEffects", "RecursivelySpeculatable"]
    elif op.name == "Dropout":
        traits += ["DeclareOpInterfaceMethods<MemoryEffectsOpInterface>"]
    elif op.name in RANDOM:
        traits += ["MemoryEffects<[MemRead, MemWrite]>"]
    else:
        traits += ["Pure"]
    lines = ["def ONNX_%sOp : ONNX_Op<%s, [%s]> {" % (op.cpp, quote(op.mnemonic), ", ".join(traits)),
             "  let arguments = (ins %s);" % ", ".join(args), "  let results = (outs %s);" % ", ".join(results)]
    if op.graphs:
        lines.append("  let regions = (region %s);" % ", ".join("AnyRegion:$" + g.name for g in op.graphs))
    lines.append("}\n")
    return "\n".join(lines)


def facts(ops):
    """C++ tables, innermost first; equal rows are not shared, the linker's business."""
    out, sets = [], {}
    for op in ops:
        for v in op.operands + op.results:
            sets.setdefault(v.types, len(sets))
    out.append("static constexpr TypeSet TypeSets[] = {")
    for s in sets:
        out.append("  {0x%xu, 0x%xu, 0x%xu, 0x%xu, %s}," % (s[:4] + ("true" if s[4] else "false",)))
    out.append("};\n")
    rows = []
    for op in ops:
        ident = op.cpp
        variables = []
        for v in op.operands + op.results:
            if v.type_var and v.type_var not in variables:
                variables.append(v.type_var)

        def values(what, vs):
            if not vs:
                return "{}"
            out.append("static constexpr ValueFacts %s_%s[] = {" % (ident, what))
            for v in vs:
                out.append("  {%s, Arity::%s, %d, TypeSets[%d], %s, %d}," % (
                    quote(v.name), v.arity, variables.index(v.type_var) if v.type_var else -1, sets[v.types],
                    "true" if v.homogeneous else "false", v.minimum))
            out.append("};")
            return "%s_%s" % (ident, what)

        operands, results = values("Operands", op.operands), values("Results", op.results)
        attrs = "{}"
        if op.attrs or op.graphs:
            for a in op.attrs:
                if isinstance(a.default, list):
                    out.append("static constexpr %s %s_%s[] = {%s};" % (
                        "int64_t" if a.kind == "INTS" else "llvm::StringLiteral", ident, a.name,
                        ", ".join(map(str, a.default)) if a.kind == "INTS" else
                        ", ".join("llvm::StringLiteral(%s)" % quote(d) for d in a.default)))
            out.append("static constexpr AttrFacts %s_Attrs[] = {" % ident)
            for a in op.attrs + op.graphs:
                fields = ["0", "0.0f", '""', "{}", "{}"]
                if a.default is not None:
                    i = ["INT", "FLOAT", "STRING", "INTS", "STRINGS"].index(a.kind)
                    fields[i] = {"INT": lambda: str(a.default), "FLOAT": lambda: float_text(a.default) + "f",
                                 "STRING": lambda: quote(a.default)}.get(a.kind, lambda: "%s_%s" % (ident, a.name))()
                out.append("  {%s, AttrKind::%s, %s, %s, %s}," % (
                    quote(a.name), KINDS[a.kind][1], "true" if a.required else "false",
                    "true" if a.default is not None else "false", ", ".join(fields)))
            out.append("};")
            attrs = "%s_Attrs" % ident
        rows.append("  {%s, %s, %s, %d, %s, %s, %s}," % (
            quote("onnx." + op.mnemonic), quote(op.domain), quote(op.name), op.since, operands, results, attrs))
    out.append("static constexpr OpFacts AllOps[] = {")
    out += rows
    out.append("};")
    return "\n".join(out) + "\n"


def main():
    table, td, inc = sys.argv[1:4]
    ops = list(from_schemas()) + list(from_table(table))
    for op in ops:
        if (op.domain, op.name) == ("", "Constant"):
            # One form only: the import normalises the others.
            op.attrs = [Attr("value", "TENSOR", True)]
    with open(td, "w") as f:
        f.write('// Written by gen_ops.py from onnx %s. Do not edit.\ninclude "%s"\n\n' % (
            onnx.__version__, BASE))
        for op in ops:
            if (op.domain, op.name) not in MANUAL_ODS:
                f.write(ods(op) + "\n")
    with open(inc, "w") as f:
        f.write("// Written by gen_ops.py from onnx %s. Do not edit.\n" % onnx.__version__)
        f.write(facts(ops))


if __name__ == "__main__":
    main()
