"""Every pass of ours has a test of its name, test/<Stage>/<pass>.mlir, that runs it.

    passes_tested.py SOURCE MLIR-TBLGEN MLIR-INCLUDE
"""
import pathlib
import re
import subprocess
import sys

source, tblgen, include = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
seen, wrong = 0, []
for table in sorted(source.glob("include/lathe/*/Passes.td")):
    text = subprocess.run([tblgen, "--gen-pass-doc", "-I", include, "-I", str(source / "include"), str(table)],
                          check=True, capture_output=True, text=True).stdout
    for name in re.findall(r"^### `-(\S+)`$", text, re.M):
        seen += 1
        test = source / "test" / table.parent.name / f"{name}.mlir"
        if not test.exists():
            wrong.append(f"{name}: no {test.relative_to(source)}")
        elif not re.search(rf"^// RUN:.*\b{re.escape(name)}\b", test.read_text(), re.M):
            wrong.append(f"{name}: {test.relative_to(source)} does not run it")
print("\n".join(wrong) or f"{seen} passes, each with a test of its name")
sys.exit(bool(wrong))
