#!/usr/bin/env python3
"""Writes the function bodies that the schemas of the installed onnx package give.

    gen_functions.py <out.inc>

One row an op at its newest version: domain, name and a serialized FunctionProto. Only
bodies that hold for every node: one that depends on the node's inputs or attributes
cannot be made without it. Texts of documentation are left out.
"""

import sys

import onnx
import onnx.defs


def strip(nodes):
    for node in nodes:
        node.ClearField("doc_string")
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            for graph in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                graph.ClearField("doc_string")
                strip(graph.node)


def main():
    newest = {}
    for schema in onnx.defs.get_all_schemas():
        newest[(schema.domain, schema.name)] = schema
    with open(sys.argv[1], "w") as out:
        for (domain, name), schema in sorted(newest.items()):
            if not schema.has_function or schema.deprecated:
                continue
            body = onnx.FunctionProto()
            body.CopyFrom(schema.function_body)
            body.ClearField("doc_string")
            body.name, body.domain = name, domain
            strip(body.node)
            data = body.SerializeToString(deterministic=True)
            text = "".join(f"\\{byte:03o}" for byte in data)
            out.write(f'{{"{domain}", "{name}", {{"{text}", {len(data)}}}}},\n')


if __name__ == "__main__":
    main()
