"""Exits 1 if a page names a flag in code (`--flag` or an indented line) that no tool has."""
import pathlib
import re
import subprocess
import sys

known = {"--data", "--help"}
for tool in ("lathe", "lathe-run", "lathe-opt"):
    text = subprocess.run([tool, "--help"], capture_output=True, text=True, check=True).stdout
    known |= set(re.findall(r"(?<![\w-])(--?[A-Za-z0-9][\w-]*)", text))

bad = 0
for page in sys.argv[1:]:
    for number, line in enumerate(pathlib.Path(page).read_text().splitlines(), 1):
        code = [line] if re.match(r"    (lathe|lathe-run|lathe-opt)\b", line) else re.findall(r"`[^`]*`", line)
        for piece in code:
            if piece.startswith("`cmake "):
                continue
            for flag in re.findall(r"(?<![\w-])(--[a-z][\w-]*)", piece.split("#")[0]):
                if flag not in known:
                    print(f"{pathlib.Path(page).name}:{number}: {flag} is no flag of lathe, lathe-run or lathe-opt")
                    bad += 1
sys.exit(1 if bad else 0)
