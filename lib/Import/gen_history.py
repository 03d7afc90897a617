#!/usr/bin/env python3
"""Writes the fact table of every version of every schema of the installed onnx
package, in the form of the onnx dialect's own fact table.

    gen_history.py <folder of gen_ops.py> <out.inc>

Rows are sorted by domain, name and version. A last version that only marks an op as
deprecated is a row without operands, results and attributes, listed by number in
`DeprecatedRows`.
"""

import sys

import onnx


def signature(gen_ops, schema):
    sets = {c.type_param_str: gen_ops.type_mask(c.allowed_type_strs) for c in schema.type_constraints}

    def value(v):
        var = v.type_str if v.type_str in sets else None
        types = sets[var] if var else gen_ops.type_mask([v.type_str])
        return gen_ops.Value(v.name, v.option.name, var, types, v.is_homogeneous, v.min_arity)

    attrs = [gen_ops.Attr(name, a.type.name, a.required, gen_ops.default_of(a))
             for name, a in sorted(schema.attributes.items())]
    return [value(v) for v in schema.inputs], [value(v) for v in schema.outputs], attrs


def main():
    sys.path.insert(0, sys.argv[1])
    sys.dont_write_bytecode = True
    import gen_ops

    ops, deprecated = [], []
    schemas = sorted(onnx.defs.get_all_schemas_with_history(), key=lambda s: (s.domain, s.name, s.since_version))
    for row, s in enumerate(schemas):
        operands, results, attrs = [], [], []
        following = schemas[row + 1] if row + 1 < len(schemas) else None
        last = following is None or (following.domain, following.name) != (s.domain, s.name)
        if s.deprecated and last:
            deprecated.append(row)
        else:
            operands, results, attrs = signature(gen_ops, s)
        op = gen_ops.Op(s.domain, s.name, s.since_version, operands, results, attrs)
        op.cpp = "%s_%d" % (op.cpp, s.since_version)
        ops.append(op)
    with open(sys.argv[2], "w") as f:
        f.write("// Written by gen_history.py from onnx %s. Do not edit.\n" % onnx.__version__)
        f.write(gen_ops.facts(ops))
        f.write("static constexpr unsigned DeprecatedRows[] = {%s};\n" % ", ".join(map(str, deprecated)))


if __name__ == "__main__":
    main()
