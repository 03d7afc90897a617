#!/usr/bin/env python3
"""Imports damaged models: each must become a module or a diagnostic, never a crash.

Mutants are made from small models of ONNX's backend suite and of the examples, by a
fixed seed: half of them on the level of bytes (flipped, cut, inserted, moved), half on
the level of the model (wrong names, types, sizes, attributes, versions, cycles ...).
build/bin/lathe-import-many imports a batch in one process, so a sanitized build gets
through thousands in a minute.
"""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import places  # noqa: E402

BATCH = 100
EXTREMES = [0, -1, 1, 2, -2, 7, 255, 1 << 20, 1 << 31, -(1 << 31), (1 << 62) + 1, -(1 << 63), (1 << 63) - 1]
WORDS = ["", "x", "no_such_name", "../../etc/passwd", "a\x00b", "\u2603", "%s%n", "NaN", "Conv", "if", "\"'"]


def mutate_bytes(data, other, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randrange(len(data) + 1)
        length = min(rng.choice([1, 1, 2, 4, 8, 64, 512]), len(data) - at)
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = rng.randbytes(max(length, 1))
        elif kind == 4:
            source = rng.randrange(len(other) + 1)
            data[at : at + length] = other[source : source + length]
        elif kind == 5 and rng.random() < 0.3:
            del data[at:]
        if not data:
            break
    return bytes(data)


def mutate_tensor(t, rng):
    kind = rng.randrange(5)
    if kind == 0:
        t.dims.append(rng.choice(EXTREMES))
    elif kind == 1 and t.dims:
        t.dims[rng.randrange(len(t.dims))] = rng.choice(EXTREMES)
    elif kind == 2:
        t.data_type = rng.choice([0, 1, 7, 8, 9, 16, 22, 26, 27, 999, -1])
    elif kind == 3:
        t.raw_data = t.raw_data[: rng.randrange(len(t.raw_data) + 1)] + rng.randbytes(rng.randrange(3))
    else:
        t.data_location = 1
        for key, value in (("location", rng.choice(WORDS)), ("offset", str(rng.choice(EXTREMES))),
                           ("length", str(rng.choice(EXTREMES)))):
            entry = t.external_data.add()
            entry.key, entry.value = key, value


def mutate_attribute(a, rng):
    kind = rng.randrange(5)
    if kind == 0:
        a.type = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 99])
    elif kind == 1:
        a.i = rng.choice(EXTREMES)
        if a.ints:
            a.ints[rng.randrange(len(a.ints))] = rng.choice(EXTREMES)
    elif kind == 2:
        a.ints.extend(rng.choice(EXTREMES) for _ in range(rng.choice([1, 2, 9])))
        del a.ints[: rng.randrange(2)]
    elif kind == 3:
        a.name = rng.choice(WORDS + ["axis", "axes", "perm", "pads", "to", "value"])
    else:
        a.s = rng.choice(WORDS).encode()
        if a.HasField("t"):
            mutate_tensor(a.t, rng)
        if a.HasField("g"):
            mutate_graph(a.g, rng)


def mutate_type(info, rng):
    tensor = info.type.tensor_type
    kind = rng.randrange(4)
    if kind == 0:
        tensor.elem_type = rng.choice([0, 1, 7, 8, 9, 10, 16, 22, 26, 99, -5])
    elif kind == 1 and tensor.shape.dim:
        tensor.shape.dim[rng.randrange(len(tensor.shape.dim))].dim_value = rng.choice(EXTREMES)
    elif kind == 2:
        tensor.shape.dim.add().dim_param = rng.choice(WORDS)
    else:
        info.name = rng.choice(WORDS)


def mutate_graph(g, rng):
    names = [i.name for i in g.input] + [o for n in g.node for o in n.output] + WORDS
    if not g.node or rng.random() < 0.15:
        infos = list(g.input) + list(g.output) + list(g.value_info)
        if infos:
            mutate_type(rng.choice(infos), rng)
        return
    node = rng.choice(g.node)
    kind = rng.randrange(11)
    if kind == 0 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)  # a cycle, an unknown name ...
    elif kind == 1:
        node.input.extend(rng.choice(names) for _ in range(rng.choice([1, 3])))
    elif kind == 2 and node.input:
        del node.input[rng.randrange(len(node.input)) :]
    elif kind == 3 and node.output:
        node.output[rng.randrange(len(node.output))] = rng.choice(names)  # defined twice
    elif kind == 4:
        node.output.append(rng.choice(WORDS))
    elif kind == 5:
        node.op_type = rng.choice(OPS)
    elif kind == 6:
        node.domain = rng.choice(["", "ai.onnx.ml", "com.microsoft", "no.such.domain", "ai.onnx.preview"])
    elif kind == 7 and node.attribute:
        mutate_attribute(rng.choice(node.attribute), rng)
    elif kind == 8 and node.attribute:
        del node.attribute[rng.randrange(len(node.attribute))]
    elif kind == 9:
        g.node.remove(node)
    elif g.initializer:
        mutate_tensor(rng.choice(g.initializer), rng)
    else:
        g.node.add().CopyFrom(node)


def mutate_model(data, rng):
    import onnx

    model = onnx.load_from_string(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if rng.random() < 0.12:
            kind = rng.randrange(4)
            if kind == 0 and model.opset_import:
                model.opset_import[0].version = rng.choice([0, 1, 2, 5, 6, 9, 12, 18, 28, 29, 9999, -1])
            elif kind == 1:
                del model.opset_import[:]
            elif kind == 2:
                model.ir_version = rng.choice([0, 1, 2, 3, 14, 15, 99, -1])
            else:
                model.ClearField("graph")
        else:
            mutate_graph(model.graph, rng)
    return model.SerializeToString()


def make(folder, count, seed):
    global OPS
    import onnx.defs

    OPS = sorted({s.name for s in onnx.defs.get_all_schemas()}) + WORDS
    seeds = [p for p in places.suite().glob("*/*/model.onnx") if p.stat().st_size < 20000]
    seeds = sorted(seeds) + sorted((places.ROOT / "examples").glob("*/*.onnx"))
    rng = random.Random(seed)
    paths = []
    for n in range(count):
        data = rng.choice(seeds).read_bytes()
        other = rng.choice(seeds).read_bytes()
        path = folder / f"mutant-{n:05}.onnx"
        try:
            mutant = mutate_model(data, rng) if n % 2 else mutate_bytes(data, other, rng)
        except (ValueError, TypeError):  # protobuf refuses to hold the value itself
            mutant = mutate_bytes(data, other, rng)
        path.write_bytes(mutant)
        paths.append(path)
    return paths


def import_batch(paths):
    """(what became of each path, text of the crash or None)"""
    command = [places.tool("lathe-import-many"), *map(str, paths)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=300)
        text, code = done.stderr, done.returncode
        out = done.stdout
    except subprocess.TimeoutExpired as late:
        text, code, out = b"timeout", -1, late.stdout or b""
    outcomes = [line.split()[0] for line in out.decode().splitlines()]
    return outcomes, (text.decode("utf-8", "replace") if code != 0 or len(outcomes) < len(paths) else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="copy the mutants that crash there")
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()

    counts, crashes = collections.Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        paths = make(pathlib.Path(folder), args.count, args.seed)
        while paths:
            batch = paths[:BATCH]
            outcomes, crash = import_batch(batch)
            counts.update(outcomes)
            paths = paths[len(outcomes) + (crash is not None) :]
            if crash is not None:
                victim = batch[min(len(outcomes), len(batch) - 1)]
                crashes.append(victim.name)
                print(f"CRASH: {victim.name}\n{crash[-2500:]}")
                if args.keep:
                    args.keep.mkdir(parents=True, exist_ok=True)
                    (args.keep / victim.name).write_bytes(victim.read_bytes())
    bad = len(crashes) + counts["silent"]
    print(f"{args.count} mutants: {counts['imported']} imported, {counts['refused']} refused with a message, "
          f"{counts['silent']} refused without one, {len(crashes)} crashes")
    if args.json:
        survived = counts["imported"] + counts["refused"]
        args.json.write_text(json.dumps({"survived": survived, "refused": counts["refused"], "crashed": bad}))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
