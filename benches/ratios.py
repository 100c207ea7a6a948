"""Turns the JSON lines of the benches of peers, of the descent, of learning and of sweeps into their tables in docs/benchmarks.md.

    python3 benches/ratios.py RESULTS.jsonl ... [--peers DIR] [--write docs/benchmarks.md]
    python3 benches/ratios.py --descent SEEN.jsonl ... [--write docs/benchmarks.md]
    python3 benches/ratios.py --learning LEARNED.jsonl ... [--write docs/benchmarks.md]
    python3 benches/ratios.py --sweeps SEARCHED.jsonl ... [--write docs/benchmarks.md]

A ratio is taken within a round, project over peer, so that a machine that gets slower or faster in the meantime cancels out. The peer is the
best one of the workload: the one whose median over all rounds is the best.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What is compared, what it is called, and the goals at 1 and 2 threads. A rate wants to be higher, a time lower.
WORKLOADS = [
    ("W1", "W1: 4-16-3, batch 16", {2: ">= 10"}),
    ("W2", "W2: 784-512-256-10, batch 128", {2: ">= 1.5"}),
    ("W2b32", "W2 with batch 32", {2: ">= 1.7"}),
    ("W3", "W3: 1024-2048-2048-1000, batch 256", {2: ">= 1.08"}),
    ("W4", "W4: small CNN on 28 x 28", {2: ">= 1.5"}),
    ("W5", "W5: AlexNet style on 64 x 64", {2: ">= 1.0"}),
    ("W6", "W6: autoencoder, Adam", {2: ">= 1.5"}),
    ("W7-b1", "W7: one row of the W2 net, median time", {1: "<= 0.6", 2: "<= 1.0"}),
    ("W7-b32", "W7: 32 rows", {2: ">= 1.15"}),
    ("W7-b256", "W7: 256 rows", {2: ">= 1.15"}),
    ("W2-bf16", "W2 in bf16", {2: ">= 1.5"}),
    ("W3-bf16", "W3 in bf16", {2: ">= 1.5"}),
    ("W5-bf16", "W5 in bf16", {2: ">= 1.5"}),
]
# What only the project is asked, with its goals.
ALONE = [
    ("W3-update", "optimizer's pass of a step of W3", {2: "<= 6 ms"}),
    ("W1-recording", "recording every step slows W1 by", {2: "<= 5 %"}),
    ("W2-recording", "recording every step slows W2 by", {2: "<= 1 %"}),
]
# What it costs that the descent can be seen.
DESCENT = [
    ("W1-path", "recording the path of the weights slows the first 20,000 steps of W1 by", {2: "<= 3 %"}),
    ("W2-path", "recording the path of the weights slows the first epoch of W2 by", {2: "<= 3 %"}),
    ("W2-landscape", "landscape of W2: 51 x 51 places, 1,000 samples", {2: "<= 15 s"}),
]

ALONE_HEAD = "| what | threads | measured | goal | met |\n|---|---|---|---|---|"


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def spread(values, show=number):
    return f"{show(statistics.median(values))} ({show(min(values))}-{show(max(values))})"


def measured(line):
    """What counts of a result, and its unit: the time of one call where a single row is predicted, else the rate."""
    if line["workload"] == "W7-b1":
        # Some peers say how many rows in a second alone.
        return line.get("p50_us", 1e6 / line["median"]), "us"
    return line["median"], line["unit"]


def titled(line):
    """The workload in its precision: a peer says it in its own name, the project in the workload's."""
    workload = line["workload"]
    return f"{workload}-bf16" if "bf16" in line["peer"] and not workload.startswith("limit") else workload


def read(paths):
    """Results by workload, threads and peer: one value for each round."""
    results = collections.defaultdict(lambda: collections.defaultdict(dict))
    units, lines = {}, []
    for path in paths:
        for text in pathlib.Path(path).read_text().splitlines():
            line = json.loads(text)
            value, units[titled(line)] = measured(line)
            results[titled(line), line["threads"]][line["peer"]][line.get("round", 0)] = value
            lines.append(line)
    return results, units, lines


def peaks(results):
    """The machine's own limit at 1 and 2 threads: GFLOP/s of a loop of multiply-adds in registers."""
    found = {}
    for threads in (1, 2):
        loops = results.get(("limit-fma-f32", threads), {})
        if loops:
            found[threads] = max(statistics.median(rounds.values()) for rounds in loops.values())
    return found


def multiplications():
    """FLOPs of a training sample of each workload, counted by the shared harness; none without it."""
    shared = ROOT.parent / "shared/bench"
    if not shared.is_dir():
        return {}
    sys.path.insert(0, str(shared))
    import benchlib

    return {name: benchlib.flops_train(workload) for name, workload in benchlib.WORKLOADS.items()}


def met(goal, ratio):
    if not goal:
        return ""
    sign, bound = goal.split()[:2]
    return "yes" if (ratio >= float(bound) if sign == ">=" else ratio <= float(bound)) else "NO"


def ratio_rows(results, units):
    peak, flops = peaks(results), multiplications()
    for workload, title, goals in WORKLOADS:
        for threads in (1, 2):
            peers = dict(results.get((workload, threads), {}))
            mine = peers.pop("project", None)
            if not mine:
                continue
            rate = statistics.median(mine.values()) * flops.get(workload, 0) / 1e9
            share = f"{100 * rate / peak[threads]:.0f} %" if rate > 1 and threads in peak else ""
            head = f"| {title} | {threads} | {spread(list(mine.values()))} {units[workload]} | {share} |"
            middle = lambda peer: statistics.median(peers[peer].values())
            best = (min if units[workload] == "us" else max)(peers, key=middle, default=None)
            ratios = [mine[r] / value for r, value in peers.get(best, {}).items() if r in mine]
            if not ratios:
                yield f"{head} not measured | | | |"
                continue
            goal = goals.get(threads, "")
            theirs = f"{best} {spread(list(peers[best].values()))}"
            ratio = spread(ratios, lambda value: f"{value:.2f}")
            yield f"{head} {theirs} | {ratio} | {goal} | {met(goal, statistics.median(ratios))} |"


def alone_rows(results, units, asked=ALONE):
    for workload, title, goals in asked:
        for threads in (1, 2):
            mine = results.get((workload, threads), {}).get("project")
            if mine:
                goal = goals.get(threads, "")
                value = statistics.median(mine.values())
                yield f"| {title} | {threads} | {spread(list(mine.values()))} {units[workload]} | {goal} | {met(goal, value)} |"


def first(pattern, text, default="unknown"):
    found = re.search(pattern, text, re.M)
    return found.group(1).strip() if found else default


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except OSError:
        return ""


def machine(lines):
    """The machine of this sitting, the day, and what was built from which commit."""
    model = first(r"^model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(first(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), "0")) / 2**20
    sets = sorted({line["isa"] for line in lines if "isa" in line})
    days = sorted({datetime.date.fromtimestamp(line.get("at", time.time())).isoformat() for line in lines})
    engine = f"; the engine chose {' and '.join(sets)}" if sets else ""
    return (
        f"Machine: {model}, {os.cpu_count()} processors, {memory:.0f} GiB, Linux {os.uname().release}{engine}. "
        f"Measured {' and '.join(days)} at commit {said('git', 'rev-parse', '--short', 'HEAD')}, {first(r'^(rustc [0-9.]+)', said('rustc', '--version'))}."
    )


def versions(peers):
    """The peers' own versions, asked of the environments they ran in."""
    names = {"venv": ["torch", "jax", "onnxruntime", "numpy", "scikit-learn"], "venv-tf": ["tensorflow-cpu", "keras"]}
    found = []
    for environment, packages in names.items():
        python = peers / environment / "bin/python"
        ask = "import importlib.metadata as m, sys\nfor n in sys.argv[1:]:\n try: print(n, m.version(n))\n except m.PackageNotFoundError: pass"
        if python.exists():
            found += said(str(python), "-c", ask, *packages).splitlines()
    lock = ROOT.parent / "shared/bench/rust/Cargo.lock"
    for crate, binary in (("candle-core", "candle-peer"), ("burn", "burn-peer")):
        if (peers / "target/release" / binary).exists() and lock.exists():
            version = first(rf'name = "{crate}"\nversion = "(.*)"', lock.read_text())
            found.append(f"{crate} {version}")
    return "Peers: " + (", ".join(found) if found else "none installed") + "."


def section(paths, peers):
    results, units, lines = read(paths)
    rounds = len({line.get("round", 0) for line in lines})
    peak = ", ".join(f"{value:.0f} GFLOP/s at {threads} thread{'s' * (threads > 1)}" for threads, value in peaks(results).items())
    parts = [
        machine(lines) + (f" Peak of f32 multiply-adds: {peak}." if peak else ""),
        versions(peers),
        f"Cells are the median (min-max) of {rounds} rounds; a ratio is project over peer within a round. f32 unless a row says bf16. The peer is the fastest of "
        "those asked, in its best setting, and its setting is in its name. Epoch ends, where the project measures all rows again and its peers do nothing, are outside the time.",
        "",
        "| workload | threads | project | of peak | best peer | ratio | goal | met |\n|---|---|---|---|---|---|---|---|",
        *ratio_rows(results, units),
    ]
    alone = list(alone_rows(results, units))
    if alone:
        parts += ["", ALONE_HEAD, *alone]
    return "\n".join(parts)


def descent(paths):
    """The table of what it costs that the descent can be seen; a cell is the median (min-max) of the runs of one process."""
    results, units, lines = read(paths)
    for line in lines:
        results[line["workload"], line["threads"]][line["peer"]] = dict(enumerate(line["runs"]))
    return "\n".join([machine(lines), "", ALONE_HEAD, *alone_rows(results, units, DESCENT)])


def learning(paths):
    """The table of what is learned: a line for each case of the learning bench."""
    lines = [json.loads(text) for path in paths for text in pathlib.Path(path).read_text().splitlines()]
    threads = " and ".join(sorted({str(line["threads"]) for line in lines}))
    rows = [
        f"{machine(lines)} Threads: {threads}.",
        "",
        "| what | accuracy on the test part | goal | met | epochs | seconds | spec |\n|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        seeds = ", ".join(f"{value:.4f}" for value in line["accuracies"])
        good = "yes" if line["mean"] >= line["goal"] else "NO"
        rows.append(
            f"| {line['what']} | {line['mean']:.4f} ({seeds}) | >= {line['goal']} | {good} | {line['epochs']} | "
            f"{line['seconds'] / len(line['accuracies']):.0f} | `{json.dumps(line['spec'])}` |"
        )
    return "\n".join(rows)


def sweeps(paths):
    """The tables of what is searched: a line for each case of the sweeps bench."""
    lines = [json.loads(text) for path in paths for text in pathlib.Path(path).read_text().splitlines()]
    middle = statistics.median
    rows = [
        f"{machine(lines)}",
        "",
        "| set | runs | repeats | best of random, median | best of TPE, median | TPE better in | goal | met |\n|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        random, tpe = line["random"], line["tpe"]
        better = sum(mine < theirs for mine, theirs in zip(tpe, random))
        good = "yes" if middle(tpe) < middle(random) else "NO"
        rows.append(
            f"| {line['what']} | {line['runs']} | {line['repeats']} | {middle(random):.4f} | {middle(tpe):.4f} | {better} of {len(tpe)} | lower than random | {good} |"
        )
    rows += ["", "| set | steps of ASHA, of all steps of the same children | best of ASHA above theirs, median (worst) | goal | met |\n|---|---|---|---|---|"]
    for line in lines:
        steps, worse = middle(line["steps"]), middle(line["worse"])
        good = "yes" if steps <= 0.4 and worse <= 0.02 else "NO"
        rows.append(
            f"| {line['what']} | {100 * steps:.0f} % ({100 * min(line['steps']):.0f}-{100 * max(line['steps']):.0f}) | {100 * worse:.1f} % ({100 * max(line['worse']):.1f} %) | "
            f"<= 40 % of the steps, within 2 % | {good} |"
        )
    return "\n".join(rows)


def write(document, name, text):
    """Replaces what stands between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = document.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        sys.exit(f"{document} has no marks {begin} and {end}")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("results", nargs="+")
    arguments.add_argument("--descent", action="store_true", help="the results are those of the descent's bench")
    arguments.add_argument("--learning", action="store_true", help="the results are those of the learning bench")
    arguments.add_argument("--sweeps", action="store_true", help="the results are those of the sweeps bench")
    arguments.add_argument("--peers", type=pathlib.Path, default=ROOT.parent / "peers")
    arguments.add_argument("--write", type=pathlib.Path)
    chosen = arguments.parse_args()
    if chosen.sweeps:
        name, text = "sweeps", sweeps(chosen.results)
    elif chosen.descent:
        name, text = "descent", descent(chosen.results)
    elif chosen.learning:
        name, text = "learning", learning(chosen.results)
    else:
        name, text = "peers", section(chosen.results, chosen.peers)
    print(text)
    if chosen.write:
        write(chosen.write, name, text)


if __name__ == "__main__":
    main()
