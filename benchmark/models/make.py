#!/usr/bin/env python3
"""Makes the networks that Lathe is measured by, with seeded weights, as ONNX files.

    benchmark/models/make.py                 all 18 (2.6 GB)
    benchmark/models/make.py resnet50 gpt2   some
    benchmark/models/make.py --keep-norms resnet50    resnet50-bn: batch norms not folded
    benchmark/models/make.py --list

They go to build/data/networks/NAME.onnx and stay until this folder's scripts change. The
graphs are those of torchvision and transformers as PyTorch's exporter writes them, node
by node; the weights are random, so times and sizes can be measured, not accuracy.
"""
import argparse
import hashlib
import os
import pathlib
import sys

import onnx

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "test")]
import convolutional  # noqa: E402
import transformers  # noqa: E402
from harness import places  # noqa: E402

NETWORKS = {f.__name__: f for f in convolutional.NETWORKS + transformers.NETWORKS}
FOLDER = places.BUILD / "data" / "networks"


def stamp():
    digest = hashlib.sha256()
    for script in sorted(HERE.glob("*.py")):
        digest.update(script.read_bytes())
    return digest.hexdigest()


def make(name, keep_norms=False):
    """The path of the network, which is made unless it is there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}{'-bn' if keep_norms else ''}.onnx"
    mark = path.with_suffix(".stamp")
    if path.exists() and mark.exists() and mark.read_text() == stamp():
        return path
    model = NETWORKS[name](keep_norms).model()
    part = path.with_suffix(f".{os.getpid()}")
    onnx.save(model, part)
    part.replace(path)
    mark.write_text(stamp())
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--keep-norms", action="store_true", help="leave batch norms behind convolutions")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(NETWORKS))
        return
    for name in options.names or NETWORKS:
        if name not in NETWORKS:
            sys.exit(f"make.py: no network '{name}'; --list shows them")
        path = make(name, options.keep_norms)
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)


if __name__ == "__main__":
    main()
