"""Running cases (a model and its data sets) through lathe-run, many at a time.

A case is judged by lathe-run itself: exit 0 is a pass. Of a failure the reason is what
its first diagnostic says, with what differs from case to case (names, numbers) taken
out, so that failures of one cause share one line in a report.
"""
import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile
import time

from . import places

MEMORY_LIMIT = 12 << 30  # of one lathe-run: a runaway compile must not take the machine down


@dataclasses.dataclass
class Case:
    name: str
    model: pathlib.Path
    data: list  # of folders
    tolerances: list  # of (rtol, atol) for each data set; atol may be a list, one per output
    options: tuple = ()
    program: tuple = ()  # instead of lathe-run


@dataclasses.dataclass
class Result:
    name: str
    status: str  # pass, refused (a diagnostic), wrong (values), crash, timeout
    reason: str
    seconds: float
    detail: str = ""

    @property
    def passed(self):
        return self.status == "pass"


def limit_memory():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "LATHE_NO_MEMORY_LIMIT" not in os.environ:  # sanitizers reserve terabytes
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def run_tool(command, timeout):
    """(exit status or signal as a negative number or None at a timeout, text of both streams)"""
    with tempfile.TemporaryFile() as out:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                timeout=timeout, preexec_fn=limit_memory)
            status = done.returncode
        except subprocess.TimeoutExpired:
            status = None
        size = out.tell()
        out.seek(0)
        text = out.read(20000)
        if size > 40000:
            out.seek(-20000, os.SEEK_END)
            text += b"\n[...]\n"
        text += out.read(20000)
    return status, text.decode("utf-8", "replace")


def generalise(message):
    """Takes out of a diagnostic what is peculiar to one model."""
    message = re.sub(r"^\S*\.(onnx|mlir)\S*:\s*", "", message.strip())
    message = re.sub(r"node '[^']*' \(([^)]*)\)", r"\1", message)
    message = re.sub(r"node '[^']*'", "node", message)
    message = re.sub(r"(tensor|memref|vector)<[^ ]*>", r"\1<>", message)
    message = re.sub(r"(?<![A-Za-z_'.])-?\d+(\.\d+)?(e[+-]?\d+)?", "N", message)
    # Names in quotes go, except of operations (arith.addf) and passes (lower-casts).
    message = re.sub(r"'(?![a-z_]+[.-][A-Za-z_.-]+')[^']*'", "'..'", message)
    return message[:160]


def judge(status, text):
    """(status, reason) of one run."""
    if status == 0:
        return "pass", ""
    if status is None:
        return "timeout", "timeout"
    lines = [line for line in text.splitlines() if line.strip()]
    if status < 0 or status >= 128 or "PLEASE submit a bug report" in text:
        for pattern in (r"Assertion .*", r"LLVM ERROR: .*", r"ERROR: AddressSanitizer: .*", r".*runtime error: .*"):
            found = re.search(pattern, text)
            if found:
                return "crash", "crash: " + generalise(found.group(0))
        number = -status if status < 0 else status - 128
        known = number in set(signal.Signals)
        return "crash", f"crash: {signal.Signals(number).name if known else status}"
    errors = [line for line in lines if "error:" in line]
    if errors:
        reason = generalise(errors[0].split("error:", 1)[1])
        if "internal error" not in reason:
            return "refused", reason
        asserted = re.search(r"Assertion (`.*?') failed", text)
        return "crash", reason.split(";")[0] + (f": {asserted.group(1)[:100]}" if asserted else "")
    if lines and "elements differ" in lines[0]:
        return "wrong", "wrong values" + (" (NaN or infinity)" if re.search(r"\b(nan|inf)\b", lines[0]) else "")
    return "wrong", "wrong: " + generalise(lines[0] if lines else f"exit {status}")


def run(case, timeout):
    start = time.monotonic()
    for data, (rtol, atol) in zip(case.data, case.tolerances):
        if isinstance(atol, list):  # one for each output
            atol = ",".join(map(repr, atol if len(set(atol)) > 1 else atol[:1]))
        command = [*(case.program or [places.tool("lathe-run")]), str(case.model), f"--data={data}", f"--rtol={rtol}",
                   f"--atol={atol}", *case.options]
        code, text = run_tool(command, timeout)
        status, reason = judge(code, text)
        if status != "pass":
            break
    return Result(case.name, status, reason, time.monotonic() - start, text[-3000:] if status != "pass" else "")


def run_all(cases, jobs=None, timeout=60, progress=False):
    """Runs the cases, the longest-looking first; the results in the order of the cases."""
    jobs = jobs or os.cpu_count()
    cost = lambda case: -case.model.stat().st_size
    results = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(run, case, timeout): case for case in sorted(cases, key=cost)}
        for n, done in enumerate(concurrent.futures.as_completed(waiting), 1):
            result = done.result()
            results[result.name] = result
            if progress and n % 100 == 0:
                print(f"  {n} of {len(cases)}", flush=True)
    return [results[case.name] for case in cases]


def by_reason(results, examples=3):
    """Lines of a table: how many cases fail for each reason, most first."""
    groups = collections.defaultdict(list)
    for r in results:
        if not r.passed:
            groups[r.reason].append(r)
    lines = []
    for reason, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        names = [r.name for r in group[:examples]] + (["..."] if len(group) > examples else [])
        lines.append(f"{len(group):5}  {reason}   [{', '.join(names)}]")
    return lines


def summary(results):
    counts = collections.Counter(r.status for r in results)
    order = ["pass", "refused", "wrong", "crash", "timeout"]
    return f"{len(results)} cases: " + ", ".join(f"{counts[s]} {s}" for s in order if counts[s] or s == "pass")


def read_list(path):
    """A checked-in list of case names: one a line, '#' comments."""
    if not path.exists():
        return []
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line]
