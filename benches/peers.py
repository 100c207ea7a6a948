"""Runs the engine beside its peers, round after round, and writes the ratios into docs/benchmarks.md.

    python3 benches/peers.py BUILT [--peers DIR] [--rounds 3] [--runs 3] [--cap 3] [--only W1,W2]

BUILT is the folder of the built examples `peer` and `recording`. The harness and the peers' programs are those of ../shared/bench; where that folder or the
peers are absent, the project runs alone and there are no ratios. What was measured stays in target/peers.jsonl.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import ratios

ROOT = ratios.ROOT
SHARED = ROOT.parent / "shared/bench"

# Workloads that have the same contenders, each in its best settings for them.
GROUPS = [
    (["W1", "W2", "W2b32", "W3", "W6"], ["torch-fused", "torch-compile-fused", "jax", "candle", "burn"]),
    (["W4", "W5"], ["torch-channels_last-fused", "keras", "burn"]),
    (["W2-bf16", "W3-bf16"], ["torch-bf16-fused", "torch-compile-bf16-fused"]),
    (["W5-bf16"], ["torch-bf16-channels_last-fused"]),
    (["W7"], ["onnx", "torch", "candle", "burn"]),
    (["LIMITS"], ["limits"]),
]
# What has to be there for a peer to run.
NEEDS = {
    "torch": ("venv", "torch"), "jax": ("venv", "jax"), "onnx": ("venv", "onnxruntime"), "keras": ("venv-tf", "tensorflow"),
    "candle": ("target/release", "candle-peer"), "burn": ("target/release", "burn-peer"), "limits": ("target/release", "limits"),
}


def installed(peer, folder):
    """Whether a peer's program or package is in the folder."""
    place, name = NEEDS[peer.split("-")[0]]
    if place.startswith("target"):
        return (folder / place / name).exists()
    python = folder / place / "bin/python"
    ask = f"import importlib.util as u, sys; sys.exit(u.find_spec('{name}') is None)"
    return python.exists() and subprocess.run([str(python), "-c", ask]).returncode == 0


def words_of(workloads):
    """The workloads as the project's program takes them: the harness and the peers know no `W2-bf16`, but a `W2` that a variant of them trains in bf16."""
    if not workloads[0].endswith("-bf16"):
        return workloads
    return ["bf16", *(name.removesuffix("-bf16") for name in workloads)]


def beside(chosen, program, workloads, peers, out):
    """One group through the shared harness, which protects every process from what else the machine does. It wants to be given a peer: where
    there is none, `limits` stands for it, which has no part in any of these workloads, so the project is measured alone."""
    peers = peers or ["limits"]
    words = words_of(workloads)
    template = "{threads} bf16 {workloads}" if words[0] == "bf16" else "{threads} {workloads}"
    command = [
        sys.executable, "-B", str(SHARED / "run_all.py"), "--work", str(chosen.peers), "--bin-dir", str(chosen.peers / "target/release"),
        "--out", str(out), "--threads", "1,2", "--workloads", ",".join(words).removeprefix("bf16,"), "--peers", ",".join(peers),
        "--rounds", str(chosen.rounds), "--runs", str(chosen.runs), "--cap", str(chosen.cap), "--project", f"{program} {template}",
    ]
    subprocess.run(command, check=True)


def alone(chosen, program, workloads, out):
    """The project without the shared harness."""
    environment = {**os.environ, "BENCH_RUNS": str(chosen.runs), "BENCH_CAP_S": str(chosen.cap)}
    for turn in range(chosen.rounds):
        for threads in ("1", "2"):
            run = subprocess.run([str(program), threads, *words_of(workloads)], env=environment, stdout=subprocess.PIPE, text=True, check=True)
            with open(out, "a") as lines:
                for line in filter(None, run.stdout.splitlines()):
                    lines.write(json.dumps({**json.loads(line), "round": turn, "at": int(time.time())}) + "\n")
                    print(line, flush=True)


def measure(chosen, out):
    peer, recording = chosen.built / "peer", chosen.built / "recording"
    groups = [(peer, *group) for group in GROUPS] + [(peer, ["update"], []), (recording, ["recording"], [])]
    for program, workloads, contenders in groups:
        workloads = [name for name in workloads if not chosen.only or name in chosen.only]
        present = [peer for peer in contenders if installed(peer, chosen.peers)]
        if workloads == ["LIMITS"] and not present:
            print("skipped: the peak of multiply-adds, because `limits` is not built")
        elif workloads and SHARED.is_dir():
            beside(chosen, program, workloads, present, out)
        elif workloads:
            alone(chosen, program, workloads, out)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("built", type=pathlib.Path)
    arguments.add_argument("--peers", type=pathlib.Path, default=ROOT.parent / "peers", help="the folder given to setup_peers.py")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--runs", type=int, default=3, help="counted runs of a round")
    arguments.add_argument("--cap", type=float, default=3.0, help="longest run in seconds")
    arguments.add_argument("--only", type=lambda text: text.split(","), help="only these workloads; the document is not written")
    chosen = arguments.parse_args()
    chosen.built, chosen.peers = chosen.built.resolve(), chosen.peers.resolve()
    if not SHARED.is_dir():
        print(f"skipped: the peers, because {SHARED} is not there; the project runs alone")
    elif not any(installed(peer, chosen.peers) for peer in NEEDS):
        print(f"skipped: the peers, because none is installed in {chosen.peers}; the project runs alone. Install them with:")
        print(f"    python3 {os.path.relpath(SHARED / 'setup_peers.py')} --work {chosen.peers} --only venv,venv-tf,rust")
    out = ROOT / "target/peers.jsonl"
    out.parent.mkdir(exist_ok=True)
    out.unlink(missing_ok=True)
    measure(chosen, out)
    text = ratios.section([out], chosen.peers)
    print(text)
    if not chosen.only:
        ratios.write(ROOT / "docs/benchmarks.md", "peers", text)


if __name__ == "__main__":
    main()
