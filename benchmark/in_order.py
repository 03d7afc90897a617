"""Cycles of a loop on a core that issues in order, by LLVM's figures of that core.

Each instruction is issued in its turn, as soon as its operands are there, its unit is free and the cycle has
a slot left; results come when they come. llvm-mca knows such cores too, but lets most results be written in
program order only: one load behind twenty multiply-adds of a Cortex-A53, which needs none of them, costs five
cycles there, and an addition six.
"""
import json
import re
import subprocess

REGISTER = re.compile(r"\b([vqdsbxw])(\d+)\b")
READS_RESULT = re.compile(r"(fml[as]|[su]mlal2?|[su]dot|sudot|usdot|[su]s?mmla|ins)\t")
NO_RESULT = re.compile(r"(st\w+|prfm|cmp|cmn|tst)\t")


def registers(text):
    return [("v" if kind in "vqdsb" else "x") + number for kind, number in REGISTER.findall(text)]


def operands(line):
    """Registers that an instruction writes and reads."""
    name, _, rest = line.partition("\t")
    address = re.search(r"\[.*", rest) if name.startswith(("ld", "st", "prfm")) else None
    named = registers(rest[: address.start()] if address else rest)
    base = registers(address[0]) if address else []
    if NO_RESULT.match(line):
        return [], named + base
    count = 2 if name == "ldp" else 1
    writes, reads = named[:count], named[count:] + base
    into_lane = name in ("mov", "ld1") and re.match(r"(\{ )?v\d+\.?\w* ?\}?\[", rest)
    if READS_RESULT.match(line) or into_lane:
        reads += writes
    if address and re.search(r"(!|\], *#?\w+)$", rest):
        writes = writes + base[:1]
    return writes, reads


def described(mca, cpu, features, lines):
    """For each instruction its latency, slots and cycles of units; the units, equal ones side by side."""
    done = subprocess.run([mca, "-mtriple=aarch64", f"-mcpu={cpu}", f"-mattr={features}", "-iterations=1", "--json"],
                          input="\n".join(lines), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    region = found["CodeRegions"][0]
    uses = [{} for _ in lines]
    for use in region["ResourcePressureView"]["ResourcePressureInfo"]:
        if use["InstructionIndex"] < len(lines):
            uses[use["InstructionIndex"]][use["ResourceIndex"]] = use["ResourceUsage"]
    units = [name.split(".")[0] for name in found["TargetInfo"]["Resources"]]
    return region["InstructionInfoView"]["InstructionList"], uses, units


def cycles(mca, cpu, features, code, width, iterations=60):
    """Cycles of one iteration in the long run; \\p width instructions start in a cycle."""
    lines = [re.sub(r"\s+", "\t", line.split("//")[0].strip(), count=1) for line in code.splitlines()]
    lines = [line for line in lines if line]
    facts, uses, units = described(mca, cpu, features, lines)
    ready, free = {}, [0] * len(units)
    now = slots = start = 0
    for trip in range(iterations):
        if trip == iterations // 2:
            start = now
        for line, fact, use in zip(lines, facts, uses):
            writes, reads = operands(line)
            at = max([now, *(ready.get(r, 0) for r in reads)])
            taken = []
            for unit in {units[u] for u in use}:
                named = [u for u in use if units[u] == unit]
                # One of several equal units, or all of them.
                if len(named) == 1:
                    best = min((u for u in range(len(units)) if units[u] == unit), key=lambda u: free[u])
                    taken.append((best, use[named[0]]))
                else:
                    taken += [(u, use[u]) for u in named]
            at = max([at, *(free[u] for u, _ in taken)])
            if at == now and slots and slots + fact["NumMicroOpcodes"] > width:
                at = max([now + 1, *(free[u] for u, _ in taken)])
            if at > now:
                now, slots = at, 0
            slots += fact["NumMicroOpcodes"]
            for unit, busy in taken:
                free[unit] = now + busy
            for register in writes:
                # Addresses that a load or an addition moves on are there in the next cycle.
                ready[register] = now + (fact["Latency"] if register.startswith("v") or fact["mayLoad"] and register == writes[0] else 1)
    return (now - start) / (iterations - iterations // 2)
