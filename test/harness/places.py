"""Where the tools, the build folder and the test data lie.

Test data that is too large to check in comes as archives in a folder `shared` beside
the checkout (or where LATHE_SHARED points). It is unpacked once into the build folder;
whoever asks for data that is not there gets None and does without.
"""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build")).resolve()
SHARED = pathlib.Path(os.environ.get("LATHE_SHARED", ROOT.parent / "shared"))


def tool(name):
    """The path of one of our programs; ends the script with a hint if it is not built."""
    path = BUILD / "bin" / name
    if not path.exists():
        raise SystemExit(f"{path} is not there: run scripts/build first")
    return str(path)


def fakecuda():
    """The driver that stands in for a GPU's."""
    return BUILD / "lib" / "libfakecuda.so"


def unpacked(archive_glob, folder):
    """Unpacks SHARED/archive_glob into the build folder once; the folder, or None."""
    target = BUILD / "data" / folder
    archives = sorted(SHARED.glob(archive_glob)) if SHARED.is_dir() else []
    if not archives:
        return target if (target / ".complete").exists() else None
    archive = archives[-1]
    stamp = f"{archive.name} {archive.stat().st_size}\n"
    done = target / ".complete"
    if not done.exists() or done.read_text() != stamp:
        target.mkdir(parents=True, exist_ok=True)
        print(f"unpacking {archive.name} into {target}", flush=True)
        subprocess.run(["tar", "-xf", archive, "-C", target], check=True)
        done.write_text(stamp)
    return target


def suite():
    """The folder KIND/CASE/... of ONNX's backend suite: unpacked or, failing that, generated."""
    folder = unpacked("conformance/onnx-backend-suite-*.tar.xz", "suite")
    if folder is None:
        from . import generate

        folder = generate.suite(BUILD / "data" / "generated-suite")
    return folder


def models():
    """The folder of real models, or None."""
    return unpacked("models/models.tar.xz", "models")
